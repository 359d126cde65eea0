"""The flow of a system of equations, and its gradients in reverse mode."""

import warnings

import numpy as np

from tayra import _core


def _array(x, name):
    a = np.ascontiguousarray(x, dtype=np.float64)
    if a.ndim not in (1, 2):
        raise ValueError(f"{name}: expected an array of 1 or 2 dimensions, got shape {a.shape}")
    return a


class Pullback:
    """Takes the cotangents of a flow's states to those of its arguments; it can be called once.

    steps, recomputed_steps, tape_bytes: what the run did, and what its tape holds.
    """

    def __init__(self, tape, result, starts, shapes, ys_shape):
        self._tape, self._starts, self._shapes, self._ys_shape = tape, starts, shapes, ys_shape
        self.steps, self.recomputed_steps, self.tape_bytes = result[:3]

    def __call__(self, ybar):
        ybar = np.ascontiguousarray(ybar, dtype=np.float64)
        if ybar.shape != self._ys_shape:
            raise ValueError(f"ybar: expected the shape of the states, {self._ys_shape}, got {ybar.shape}")
        starts, tsbar, parsbar = (np.empty(shape) for shape in (self._starts, *self._shapes[1:]))
        self._tape.pull(starts, tsbar, parsbar, ybar)
        x0bar = starts if starts.shape == self._shapes[0] else starts.sum(axis=0)
        return x0bar, tsbar, parsbar


class flow:
    """The map from initial states, times and parameters to states, for many trajectories at once.

    sys: pairs (variable, right-hand side). tol: of each step. memory_limit: bytes of one tape (default 1 GiB), beyond which
    jets are computed again on the way back. max_steps: of one trajectory (0: any). nthreads: 0 for all processors. order: of
    the series; 0 chooses, step by step, that for which the work is least.
    """

    def __init__(self, sys, tol=1e-8, *, memory_limit=0, max_steps=0, nthreads=0, order=0):
        self._flow = _core.flow(sys, tol, memory_limit, max_steps, nthreads, order)
        self.dim, self.n_pars, self.tol = self._flow.dim, self._flow.n_pars, tol

    def _run(self, x0, ts, pars, taped):
        x0, ts, pars = _array(x0, "x0"), _array(ts, "ts"), _array(pars, "pars")
        n, n_pars = self.dim, self.n_pars
        batch = {len(a) for a in (x0, ts, pars) if a.ndim == 2}
        if len(batch) > 1:
            raise ValueError(f"expected as many x0, ts and pars, got shapes {x0.shape}, {ts.shape} and {pars.shape}")
        if x0.shape[-1] != n:
            raise ValueError(f"x0: expected shape ({n},) or (M, {n}), got {x0.shape}")
        if pars.shape[-1] != n_pars:
            raise ValueError(f"pars: expected shape ({n_pars},) or (M, {n_pars}), got {pars.shape}")
        m, t = batch.pop() if batch else 1, ts.shape[-1]
        ys = np.empty((t, n) if x0.ndim == ts.ndim == pars.ndim == 1 else (t, m, n))
        start = x0 if x0.ndim == 2 or m == 1 else np.repeat(x0[None], m, axis=0)
        tape, result = self._flow.run(ys, start, ts, pars, m, t, ts.ndim == 1, pars.ndim == 1, taped)
        if result[3]:
            warnings.warn(f"{result[3]} of {m} trajectories ended early, the first, {result[4]}, at time {result[5]}: "
                          "their later states are NaN", RuntimeWarning, stacklevel=3)
        return ys, Pullback(tape, result, start.shape, (x0.shape, ts.shape, pars.shape), ys.shape)

    def __call__(self, x0, ts, pars=()):
        """The states at the times ts, of which the first is the initial one: (T, n), or (T, M, n) for M trajectories.

        x0: (n,) or (M, n); ts: (T,) or (M, T), strictly increasing or decreasing; pars: (P,) or (M, P).
        """
        return self._run(x0, ts, pars, False)[0]

    def vjp(self, x0, ts, pars=()):
        """The states and the pullback, which takes their cotangents to those of x0, ts and pars, in their shapes."""
        return self._run(x0, ts, pars, True)
