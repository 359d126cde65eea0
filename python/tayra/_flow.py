"""The flow of a system of equations, its tangent map and its gradients in reverse mode."""

import warnings
from contextlib import contextmanager
from functools import lru_cache
from sys import maxsize

import numpy as np

from tayra import _core
from tayra._arguments import MOST_COUNT, array_of, count_of, list_of, number_of
from tayra._options import execution_number, precision_number
from tayra._threads import get_nthreads

NAMES = "x0", "ts", "pars"
_DOUBLE = np.dtype(np.float64)


def _array(name, x):
    """An array of doubles in one piece, of what has real numbers."""
    if type(x) is np.ndarray and x.dtype is _DOUBLE and x.flags.c_contiguous:
        return x  # at once: small flows take microseconds
    return np.ascontiguousarray(array_of(x, name), dtype=np.float64)


@contextmanager
def _bar():
    from tqdm.auto import tqdm  # for those who ask for a bar

    with tqdm(unit="trajectory") as bar:

        def report(done, total):
            bar.total = total
            bar.update(done - bar.n)

        yield report
        if bar.total:
            bar.update(bar.total - bar.n)


def _reported(progress, function, *arguments):
    """function(*arguments, report), with what it reports to: None, the caller's function, or a bar."""
    if not progress or callable(progress):
        return function(*arguments, progress or None)
    with _bar() as report:
        return function(*arguments, report)


@lru_cache(64)
def arrange(n, n_pars, x0, ts, pars):
    """What arguments of these shapes are to a flow: (number of trajectories, number of times, shape of the states)."""
    for name, shape in zip(NAMES, (x0, ts, pars)):
        if len(shape) not in (1, 2):
            raise ValueError(f"{name}: expected an array of 1 or 2 dimensions, got shape {shape}")
    batch = {shape[0] for shape in (x0, ts, pars) if len(shape) == 2}
    if len(batch) > 1:
        raise ValueError(f"expected as many x0, ts and pars, got shapes {x0}, {ts} and {pars}")
    if ts[-1] == 0:
        raise ValueError(f"ts: expected at least one time, got shape {ts}")
    if x0[-1] != n:
        raise ValueError(f"x0: expected shape ({n},) or (M, {n}), got {x0}")
    if pars[-1] != n_pars:
        raise ValueError(f"pars: expected shape ({n_pars},) or (M, {n_pars}), got {pars}")
    m, t = batch.pop() if batch else 1, ts[-1]
    return m, t, (t, n) if len(x0) == len(ts) == len(pars) == 1 else (t, m, n)


class _Arguments:
    """The arguments of a flow as arrays, checked against each other and the flow."""

    def __init__(self, flow, x0, ts, pars):
        x0, ts, pars = self.given = [_array(name, a) for name, a in zip(NAMES, (x0, ts, pars))]
        self.shapes = x0.shape, ts.shape, pars.shape
        self.m, self.t, self.ys_shape = arrange(flow.dim, flow.n_pars, *self.shapes)
        self.starts = self.each(x0)
        self.how = self.m, self.t, ts.ndim == 1, pars.ndim == 1

    def each(self, x0):
        """Initial states, or tangents of them, for each trajectory."""
        return x0 if x0.ndim == 2 or self.m == 1 else np.repeat(x0[None], self.m, axis=0)

    def work(self, progress, function, *arguments):
        """What _reported() does. Numbers that the library refuses are named as they are in the caller's arrays."""
        try:
            return _reported(progress, function, *arguments)
        except ValueError:
            for name, array in zip(NAMES, self.given):
                for index in np.argwhere(~np.isfinite(array)).tolist():
                    raise ValueError(f"{name}{index}: expected a finite number, got {array[tuple(index)]}") from None
            raise

    def warn(self, result, stacklevel):
        """Trajectories that ended early; stacklevel counts from the caller of this."""
        if result[3]:
            warnings.warn(f"{result[3]} of {self.m} trajectories ended early, the first, {result[4]}, at time {result[5]}: "
                          "their later states are NaN", RuntimeWarning, stacklevel=stacklevel + 1)


class Pullback:
    """Takes the cotangents of a flow's states to those of its arguments; it can be called once.

    wrt: the arguments whose cotangents are wanted, some of "x0", "ts" and "pars"; for the others None comes back, and their work
    is left out. steps, recomputed_steps, tape_bytes: what the run did, and what its tape holds.
    """

    def __init__(self, tape, result, arguments):
        self._tape, self._starts, self._shapes = tape, arguments.starts.shape, arguments.shapes
        self._ys_shape = arguments.ys_shape
        self.steps, self.recomputed_steps, self.tape_bytes = result[:3]

    def __call__(self, ybar, *, wrt=NAMES, progress=None):
        wrt = tuple(wrt) if isinstance(wrt, (list, tuple, set)) else (wrt,)
        if not all(name in NAMES for name in wrt):
            raise ValueError(f"wrt: expected some of {NAMES}, got {wrt}")
        ybar = _array("ybar", ybar)
        if ybar.shape != self._ys_shape:
            raise ValueError(f"ybar: expected the shape of the states, {self._ys_shape}, got {ybar.shape}")
        x0bar = np.empty(self._starts) if "x0" in wrt else None
        tsbar = np.empty(self._shapes[1]) if "ts" in wrt else None
        parsbar = np.empty(self._shapes[2]) if "pars" in wrt else None
        _reported(progress, self._tape.pull, x0bar, tsbar, parsbar, ybar)
        if x0bar is not None and self._starts != self._shapes[0]:
            x0bar = x0bar.sum(axis=0)
        return x0bar, tsbar, parsbar


class flow:
    """The map from initial states, times and parameters to states, for many trajectories at once.

    sys: pairs (variable, right-hand side). tol: of each step. memory_limit: bytes of one tape (default 1 GiB), beyond which
    steps are computed again on the way back. max_steps: of one trajectory (0: any). nthreads: 0 for what set_nthreads says.
    order: of the series; 0 chooses, step by step, that for which the work is least. execution: "vm", an interpreter that is there
    at once, or "jit", machine code that LLVM makes; None leaves it to the library, which makes code after many steps.
    precision: "mixed", float for coefficients of high orders where it adds no error and networks are large, or "double".
    lanes: how many trajectories go side by side, at most 64, rounded up to whole vectors (0: chosen by their number, for the
    least work). Each such block is work for one thread, so with fewer lanes more threads share few trajectories.

    All calls take x0: (n,) or (M, n); ts: (T,) or (M, T), strictly increasing or decreasing, the first time being the initial
    one; pars: (P,) or (M, P). States are (T, n), or (T, M, n) for M trajectories. progress=True shows a bar (it needs tqdm); a
    function is called as progress(done, total), trajectories, about 20 times a second. Ctrl-C ends a call after a step.
    """

    def __init__(self, sys, tol=1e-8, *, memory_limit=0, max_steps=0, nthreads=0, order=0, execution=None,
                 precision="mixed", lanes=0):
        for what, n, most in (("memory_limit", memory_limit, maxsize), ("max_steps", max_steps, maxsize),
                              ("nthreads", nthreads, MOST_COUNT), ("order", order, 1000), ("lanes", lanes, 64)):
            count_of(n, what, most, ValueError)
        self.tol = number_of(tol, "tol")
        self._options = memory_limit, max_steps, nthreads, order, execution, precision, lanes
        self._make(list_of(sys, "sys"))

    def _make(self, sys):
        memory_limit, max_steps, nthreads, order, execution, precision, lanes = self._options
        self._flow = _core.flow(sys, self.tol, memory_limit, max_steps, nthreads or get_nthreads(), order,
                                execution_number(execution), precision_number(precision), lanes)
        self._sys = [tuple(pair) for pair in sys]
        self.dim, self.n_pars = self._flow.dim, self._flow.n_pars

    @property
    def sys(self):
        """The equations: a list of pairs (variable, right-hand side)."""
        return list(self._sys)

    @property
    def execution(self):
        """Who ran it last: "vm" or "jit"."""
        return self._flow.execution

    @property
    def precision(self):
        """"mixed" if coefficients of high orders are float, else "double"."""
        return self._flow.precision

    # Copies.

    def __copy__(self):
        other = object.__new__(type(self))
        other.__dict__.update(self.__dict__)
        return other

    def __deepcopy__(self, memo):
        return self.__copy__()  # what is shared never changes

    def __getstate__(self):
        state = dict(self.__dict__)
        del state["_flow"]
        return {**state, "_sys": _core.save([e for pair in self._sys for e in pair])}

    def __setstate__(self, state):
        self.__dict__.update(state)
        flat = _core.load(self._sys)
        self._make(list(zip(flat[0::2], flat[1::2])))

    def _run(self, x0, ts, pars, taped, progress):
        a = _Arguments(self, x0, ts, pars)
        ys = np.empty(a.ys_shape)
        tape, result = a.work(progress, self._flow.run, ys, a.starts, *a.given[1:], *a.how, taped)
        a.warn(result, 3)
        return ys, Pullback(tape, result, a)

    def __call__(self, x0, ts, pars=(), *, progress=None):
        """The states at the times ts."""
        return self._run(x0, ts, pars, False, progress)[0]

    def vjp(self, x0, ts, pars=(), *, progress=None):
        """The states and the pullback, which takes their cotangents to those of x0, ts and pars, in their shapes."""
        return self._run(x0, ts, pars, True, progress)

    def jvp(self, x0, ts, pars, tangents, *, progress=None):
        """The states and their tangents, for tangents (x0dot, tsdot, parsdot) in the shapes of the arguments; None: zero."""
        a = _Arguments(self, x0, ts, pars)
        if not isinstance(tangents, (list, tuple)) or len(tangents) != 3:
            what = len(tangents) if isinstance(tangents, (list, tuple)) else type(tangents).__name__
            raise ValueError(f"tangents: expected those of x0, ts and pars, got {what}")
        dots = []
        for name, given, dot in zip(NAMES, a.given, tangents):
            dot = np.zeros(given.shape) if dot is None else _array(f"tangents, {name}", dot)
            if dot.shape != given.shape:
                raise ValueError(f"tangents: expected the shape of {name}, {given.shape}, got {dot.shape}")
            dots.append(dot)
        dots[0] = a.each(dots[0])
        ys, ysdot = np.empty(a.ys_shape), np.empty(a.ys_shape)
        result = a.work(progress, self._flow.push, ys, ysdot, a.starts, *a.given[1:], *dots, *a.how)
        a.warn(result, 2)
        return ys, ysdot
