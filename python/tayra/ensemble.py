"""Ensembles: many copies of an integrator, each changed by a function, propagated side by side by threads or processes.

Whoever waits for the workers does so in short waits, since only the main thread sees signals; it ends what they do by
marking their integrators, which look at the mark as often as at signals. Processes hear of it through a pipe.
"""

import contextlib
import copy
import functools
import itertools
import math
import multiprocessing
import os
import pickle
import signal
import threading
import traceback
from concurrent import futures

import numpy as np

from ._arguments import MOST_COUNT, array_of, count_of
from ._pickler import pickler
from ._threads import get_nthreads
from .taylor import taylor_adaptive_dbl

_WAIT = 0.05  # seconds between two looks for signals
_GRACE = 5.0  # seconds from there until processes end whatever they do


def ensemble_propagate_until(ta, t, n_iter, gen, **kwargs):
    """Propagates n_iter copies of an integrator to time t, in parallel.

    ta: the integrator, which stays as it is. gen(copy, i), for i from 0 to n_iter - 1, gets a copy of its own, changes it
    and returns it, or returns another integrator. It runs in the workers, in any order: it must depend on i alone.

    Keyword arguments: algorithm ("thread"), "thread" or "process"; max_workers (None), how many of these at most, None for
    what set_nthreads() was given, else as many as there are processors; chunksize (1), how many iterations a process gets
    at once. All others go to propagate_until(); each iteration calls a deep copy of `callback` of its own.

    Threads compute without the interpreter's lock, but gen and callbacks need it: while one of them runs, all others wait,
    and for short propagations that is most of the time. Processes do not have this in common. They are started anew for
    each call, which takes a good part of a second, a script that is not imported must guard the call by
    `if __name__ == "__main__"`, and what goes in and comes out is pickled, by cloudpickle where it is installed.

    Returns a list in the order of i: the integrator, then what propagate_until() returned, in one tuple. It does not
    depend on the algorithm or the number of workers, except that pickles do not have the last step's Taylor coefficients, and
    that without a choice of `execution` machine code may take over at another step, and round the last bit differently.

    Raises TypeError for arguments of wrong types, for chunksize with threads, for c_output with processes; ValueError
    for negative numbers and an unknown algorithm; and what an iteration raises, the first one that does: those after it are
    not started. Ctrl-C raises KeyboardInterrupt within a moment, when gen or callbacks that run have returned.
    """
    return _ensemble("propagate_until", ta, _number(t, "t"), n_iter, gen, **kwargs)


def ensemble_propagate_for(ta, delta_t, n_iter, gen, **kwargs):
    """Propagates n_iter copies of an integrator for a time delta_t, in parallel; see ensemble_propagate_until()."""
    return _ensemble("propagate_for", ta, _number(delta_t, "delta_t"), n_iter, gen, **kwargs)


def ensemble_propagate_grid(ta, grid, n_iter, gen, **kwargs):
    """Propagates n_iter copies of an integrator over one grid of times, in parallel; see ensemble_propagate_until().

    All begin at the first time of the grid. Raises ValueError for a grid that is not one-dimensional.
    """
    times = np.array(array_of(grid, "grid"), dtype=np.float64)
    if times.ndim != 1:
        raise ValueError(f"grid: one dimension was expected, not {times.ndim}")
    return _ensemble("propagate_grid", ta, times, n_iter, gen, **kwargs)


def _number(value, what):
    try:
        array = array_of(value, what)
        if array.ndim == 0:
            return float(array)
    except TypeError:
        pass
    raise TypeError(f"{what}: a number was expected, not {type(value).__name__!r}")


def _positive(value, what):
    count = count_of(value, what, MOST_COUNT, ValueError)
    if count == 0:
        raise ValueError(f"{what} must be positive")
    return count


def _ensemble(name, ta, target, n_iter, gen, algorithm="thread", max_workers=None, chunksize=None, **kwargs):
    if not isinstance(ta, taylor_adaptive_dbl):
        raise TypeError(f"ta: an integrator was expected, not {type(ta).__name__!r}")
    n_iter = count_of(n_iter, "n_iter", MOST_COUNT, ValueError)
    if not callable(gen):
        raise TypeError(f"gen: a function was expected, not {type(gen).__name__!r}")
    if "max_delta_t" in kwargs:
        kwargs["max_delta_t"] = _number(kwargs["max_delta_t"], "max_delta_t")
    if max_workers is None:
        max_workers = get_nthreads() or _processors()
    max_workers = _positive(max_workers, "max_workers")
    job = ta, gen, name, target, kwargs
    if algorithm == "thread":
        if chunksize is not None:
            raise TypeError("chunksize: this is for processes only")
        return _by_threads(job, n_iter, max_workers)
    if algorithm == "process":
        if kwargs.get("c_output"):
            raise TypeError("c_output: continuous outputs cannot be pickled, and so do not come back from processes")
        return _by_processes(job, n_iter, max_workers, _positive(1 if chunksize is None else chunksize, "chunksize"))
    raise ValueError(f'algorithm: "thread" or "process" was expected, not {algorithm!r}')


def _processors():
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class _Running:
    """The iterations under way in this process, and which are wanted: those before an end that stop() sets."""

    def __init__(self):
        self.end = math.inf
        self._change = threading.Condition()
        self._under_way = {}  # iteration -> integrator that propagates, or None

    @contextlib.contextmanager
    def iteration(self, i):
        self.advances(i, None)
        try:
            yield
        finally:
            with self._change:
                ode = self._under_way.pop(i)
                if ode:
                    ode.interrupt(False)  # it may live on
                self._change.notify_all()

    def advances(self, i, ode):
        """Says who propagates in iteration i; raises what nobody sees if it is not wanted any more."""
        with self._change:
            if i >= self.end:
                raise futures.CancelledError
            self._under_way[i] = ode

    def stop(self, end=0):
        with self._change:
            self.end = min(self.end, end)
            for i, ode in self._under_way.items():
                if i >= self.end and ode:
                    ode.interrupt(True)

    def wait(self):
        with self._change:
            while self._under_way:
                self._change.wait(_WAIT)


def _iteration(job, running, i):
    ta, gen, name, target, kwargs = job
    with running.iteration(i):
        changed = gen(copy.deepcopy(ta), i)
        if not isinstance(changed, taylor_adaptive_dbl):
            raise TypeError(f"gen: it must return an integrator, but returned {changed!r}")
        if "callback" in kwargs:
            kwargs = {**kwargs, "callback": copy.deepcopy(kwargs["callback"])}
        running.advances(i, changed._ode)
        return changed, *getattr(changed, name)(target, **kwargs)


# Threads, and processes further below. What comes out of both is what a loop would raise: the iterations behind one that
# failed are given up, those before it are waited for.


def _by_threads(job, n_iter, max_workers):
    """Without an executor, and without join(): Ctrl-C while these wait makes them take a living thread for a dead one."""
    n_threads = min(max_workers, n_iter)
    running, results, errors = _Running(), [None] * n_iter, {}
    todo, ended, finished = iter(range(n_iter)), itertools.count(1), threading.Event()

    def work():
        try:
            for i in todo:  # each number goes to one thread
                if i >= running.end:
                    break
                try:
                    results[i] = _iteration(job, running, i)
                except BaseException as error:
                    if i < running.end:
                        errors[i] = error
                        running.stop(i)
        finally:
            if next(ended) == n_threads:
                finished.set()

    try:
        for _ in range(n_threads):
            threading.Thread(target=work, name="tayra-ensemble").start()
        while n_threads and not finished.wait(_WAIT):
            pass
    except BaseException:
        running.stop()
        running.wait()
        raise
    if errors:
        first = errors[min(errors)]
        errors.clear()
        try:
            raise first
        finally:
            del first  # its traceback holds this frame
    return results


# A process unpickles the job once, and then makes copies as a thread does.


def _by_processes(job, n_iter, max_workers, chunksize):
    pieces = [range(n_iter)[first : first + chunksize] for first in range(0, n_iter, chunksize)]
    pickled = pickler().dumps(job)
    if n_iter == 0:
        return []
    same = pickle.loads(pickled)[0]  # what comes back with its equations is a copy of it, without a program of its own
    vars(same).clear()

    def unpack(piece):
        failed, pickled = piece
        content = pickle.loads(pickled)
        if failed:
            raise content
        for integrator, rest in content:
            if not isinstance(integrator, taylor_adaptive_dbl):
                where, integrator = integrator, copy.copy(same)
                integrator._place(*where)
            yield integrator, *rest

    context = multiprocessing.get_context("spawn")
    reader, writer = context.Pipe(duplex=False)
    with reader, writer:
        executor = futures.ProcessPoolExecutor(min(max_workers, len(pieces)), context, _start, (pickled, reader))
        try:
            return _gather(executor, pieces, unpack)
        except BaseException:
            writer.close()  # which ends what the processes do
            raise
        finally:
            executor.shutdown(cancel_futures=True)


def _gather(executor, pieces, unpack):
    """A list of all that is in the results of the pieces, in order.

    Ctrl-C waits until all are submitted, and with them the processes started: these do not see it then, although terminals
    send it to them, too.
    """
    pending, results = [], []
    failed, future = len(pieces), None

    def look(k, future):
        nonlocal failed
        if k < failed and not future.cancelled() and not future.exception() and future.result()[0]:
            failed = k
            for later in pending[k + 1 :]:
                later.cancel()

    try:
        mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            for k, piece in enumerate(pieces):
                if k > failed:
                    break
                pending.append(executor.submit(_piece, piece))
                pending[k].add_done_callback(functools.partial(look, k))
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        for k in range(len(pending)):
            future, pending[k] = pending[k], None  # so that its result can be freed
            while not future.done():
                futures.wait([future], _WAIT)
            results += unpack(future.result())
        return results
    finally:
        pending.clear()
        del future  # it may hold an exception, whose traceback holds this frame


def _start(pickled, reader):
    global _worker
    _worker = _Worker(pickled)
    threading.Thread(target=_watch, args=(reader, _worker.running), daemon=True).start()


def _watch(reader, running):
    """Waits until the first process closes the pipe, or dies; then ends what this one does, and this one if it hangs."""
    with contextlib.suppress(OSError):
        reader.poll(None)
    running.stop()
    multiprocessing.parent_process().join(_GRACE)
    os._exit(1)


class _Worker:
    """What a process keeps between pieces of its work."""

    def __init__(self, pickled):
        self.running = _Running()
        self._pickled = pickled

    @functools.cached_property
    def job(self):  # not in __init__(): what is raised in a piece of work comes out
        return pickle.loads(self._pickled)

    @functools.cached_property
    def equations(self):
        return self.job[0].__getstate__()[:2]

    def packed(self, integrator):
        """The integrator, or if it has the equations of the ensemble's only where it is."""
        if type(integrator) is type(self.job[0]):
            system, setup, *where = integrator.__getstate__()
            if (system, setup) == self.equations:
                return where
        return integrator

    def iteration(self, i):
        integrator, *rest = _iteration(self.job, self.running, i)
        return self.packed(integrator), rest


_worker = None  # in the processes that were started here


def _piece(iterations):
    """(whether they failed, the results or the exception as a pickle), since executors pickle less than cloudpickle."""
    try:
        failed, content = False, [_worker.iteration(i) for i in iterations]
    except BaseException as error:
        error.add_note("In another process:\n" + traceback.format_exc())
        failed, content = True, error
    return failed, pickler().dumps(content)
