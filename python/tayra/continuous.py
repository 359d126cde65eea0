"""Continuous output: the solution at any time of a propagation."""

import math

import numpy as np


class continuous_output_dbl:
    """The solution over a whole propagation, made by propagate_until() and propagate_for() with c_output=True.

    Called with a time it gives an array of shape (dim,), with a sequence of n times one of shape (n, dim). Times
    outside the propagation are extrapolated. Raises ValueError for times that are not finite and for arrays of more
    dimensions, TypeError for other types.
    """

    def __init__(self):
        self._core = None

    @classmethod
    def _make(cls, core):
        self = cls()
        self._core = core
        self._output = np.zeros(core.dim)
        return self

    def _checked(self):
        if self._core is None:
            raise ValueError("this continuous output was not made by a propagation, and is empty")
        return self._core

    def __call__(self, time):
        core = self._checked()
        times = np.asarray(time)
        if times.dtype.kind not in "fiub":
            raise TypeError(f"time: numbers were expected, not {times.dtype}")
        if times.ndim > 1:
            raise ValueError(f"time: one dimension was expected, not {times.ndim}")
        flat = np.ascontiguousarray(times, dtype=np.float64).reshape(-1)
        if not (math.isfinite(flat[0]) if flat.size == 1 else np.isfinite(flat).all()):
            raise ValueError("time: the times must be finite")
        states = np.empty((flat.size, core.dim))
        core.eval(states, flat)
        if times.ndim == 1:
            return states
        self._output = states[0]
        return self.output

    @property
    def output(self):
        """What a call with one time computed last: read-only, of shape (dim,)."""
        self._checked()
        view = self._output.view()
        view.flags.writeable = False
        return view

    @property
    def bounds(self):
        """The first and the last time, in the direction of the propagation."""
        return self._checked().bounds

    @property
    def n_steps(self):
        """The number of steps."""
        return self._checked().n_steps

    @property
    def times(self):
        """The beginnings of the steps, and the end of the last one: read-only, of shape (n_steps + 1,)."""
        core = self._checked()
        times = np.empty(core.n_steps + 1)
        core.times(times)
        times.flags.writeable = False
        return times

    @property
    def tcs(self):
        """The Taylor coefficients of all steps: read-only, of shape (n_steps, dim, order + 1)."""
        core = self._checked()
        jets = np.empty((core.n_steps, core.dim, core.order + 1))
        core.jets(jets)
        jets.flags.writeable = False
        return jets

    def __copy__(self):
        return self._make(self._core.copy()) if self._core else type(self)()

    def __deepcopy__(self, memo):
        return self.__copy__()

    def __reduce__(self):
        if self._core is None:
            return type(self), ()
        raise TypeError("continuous outputs cannot be pickled")

    def __repr__(self):
        if self._core is None:
            return "Data type   : float64\nEmpty continuous output\n"
        begin, end = self.bounds
        forward = math.copysign(1.0, end - begin) > 0
        span = f"[{begin}, {end})" if forward else f"({end}, {begin}]"
        direction = "forward" if forward else "backward"
        return f"Data type   : float64\nDirection   : {direction}\nTime range  : {span}\nN of steps  : {self.n_steps}\n"
