"""Ensembles by threads and processes: the same as a loop, and how they end."""

import copy
import gc
import multiprocessing
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
import weakref

import numpy as np
import pytest
from test_interrupt import SETUP, finish, interrupt, start

import tayra as hk

GRID = np.linspace(0.0, 3.0, 7)
CALLS = {"until": 3.0, "for": -2.5, "grid": GRID}


def ensemble(name, *args, **kwargs):
    return getattr(hk, f"ensemble_propagate_{name}")(*args, **kwargs)


def pendulum(package=hk, **kwargs):
    x, v = package.make_vars("x", "v")
    return package.taylor_adaptive([(x, v), (v, -package.par[0] * package.sin(x))], [0.0, 0.0], pars=[9.8], **kwargs)


def change(ta, i):
    """A generator that processes can import."""
    ta.state[:] = [0.05 + 0.01 * i, 0.025]
    ta.pars[0] = 9.0 + i / 8
    return ta


def change_or_replace(ta, i):
    """Another system, or attributes of the caller's."""
    if i % 2:
        ta.number = i
        del ta.label
        return change(ta, i)
    x = hk.make_vars("x")
    return hk.taylor_adaptive([(x, -x)], [1.0 + i])


def fail_at_1(ta, i):
    if i == 1:
        raise LookupError("iteration 1")
    return change(ta, i)


def fail_while_others_run(ta, i):
    """The first one fails, when the second has begun what would take hours."""
    ta.state[0] = 1.0
    if i == 0:
        time.sleep(0.3)
        raise LookupError("iteration 0")
    return ta


def keep(ta, i):
    return ta


class Counter:
    """A callback that counts its calls."""

    def __init__(self):
        self.hooks = self.calls = 0

    def pre_hook(self, ta):
        self.hooks += 1

    def __call__(self, ta):
        self.calls += 1
        return self.calls < 10


def loop(name, ta, target, n, gen, **kwargs):
    results = []
    for i in range(n):
        one = gen(copy.deepcopy(ta), i)
        results.append((one, *getattr(one, f"propagate_{name}")(target, **copy.deepcopy(kwargs))))
    return results


def plain(x):
    """What can be compared with ==."""
    if isinstance(x, hk.taylor_adaptive_dbl):
        return x.dtime, x.state.tolist(), x.pars.tolist(), x.sys, x.tol, x.execution, vars(x)
    if isinstance(x, hk.continuous_output_dbl):
        return x.bounds, x.n_steps, x.tcs.tolist(), x.times.tolist()
    if isinstance(x, Counter):
        return vars(x)
    if isinstance(x, (list, tuple)):
        return [plain(y) for y in x]
    return x.tolist() if isinstance(x, np.ndarray) else x


@pytest.mark.parametrize("execution", ["vm", "jit"])
@pytest.mark.parametrize("name", CALLS)
def test_threads_and_a_loop(name, execution):
    """The same numbers, in order, whatever the number of workers; and the integrator stays as it was."""
    ta = pendulum(execution=execution, tol=1e-12, high_accuracy=True)
    before = plain(ta)
    expected = plain(loop(name, ta, CALLS[name], 9, change))
    for max_workers in (None, 1, 2, 20):
        results = ensemble(name, ta, CALLS[name], 9, change, max_workers=max_workers)
        assert all(type(result) is tuple for result in results)
        assert plain(results) == expected
    assert plain(ta) == before
    assert all(result[0].last_h != 0 for result in results)


@pytest.mark.parametrize("name", CALLS)
def test_processes_and_a_loop(name):
    ta = pendulum(execution="vm", tol=1e-12)
    options = {"until": {"max_steps": 5}, "for": {"callback": [Counter(), Counter()]}, "grid": {"max_delta_t": 0.1}}[name]
    gen = change if name == "for" else change_or_replace
    ta.label = "pendulum"
    expected = plain(loop(name, ta, CALLS[name], 5, gen, **options))
    workers = {"max_workers": 2 if name == "until" else 1, "chunksize": 2}
    results = ensemble(name, ta, CALLS[name], 5, gen, algorithm="process", **workers, **options)
    assert plain(results) == expected
    assert all(type(result) is tuple for result in results)
    assert [result[0].propagate_for(1.0)[0] for result in results] == [hk.taylor_outcome.time_limit] * 5
    assert multiprocessing.active_children() == []


def test_processes_with_variational_equations():
    x, v = hk.make_vars("x", "v")
    system = hk.var_ode_sys([(x, v), (v, -hk.sin(x))], hk.var_args.vars)
    ta = hk.taylor_adaptive(system, [0.5, 0.0], execution="vm")
    result = hk.ensemble_propagate_until(ta, 1.0, 1, keep, algorithm="process")[0]
    ta.propagate_until(1.0)
    assert plain(result[0].state) == plain(ta.state) and result[0].vargs == ta.vargs
    assert plain(result[0].eval_taylor_map([0.1, 0.2])) == plain(ta.eval_taylor_map([0.1, 0.2]))


@pytest.mark.parametrize("name", CALLS)
def test_peer(peer, name):
    def gen(ta, i):
        ta.time = 0.0
        return change(ta, i)

    ours, theirs = (
        getattr(package, f"ensemble_propagate_{name}")(pendulum(package), CALLS[name], 10, gen, max_workers=2)
        for package in (hk, peer)
    )
    for mine, its in zip(ours, theirs, strict=True):
        assert len(mine) == len(its)
        assert mine[1].name == its[1].name and mine[4] == its[4]
        np.testing.assert_allclose([*mine[0].state, *mine[2:4]], [*its[0].state, *its[2:4]], rtol=1e-12, atol=1e-14)
        if name == "grid":
            np.testing.assert_allclose(mine[6], its[6], rtol=1e-12, atol=1e-14)


def test_results_do_not_depend_on_workers():
    """Nor on how long the others take."""
    ta = pendulum()

    def gen(ta, i):
        ta.time = -50.0 * (i % 3)
        return change(ta, i)

    expected = plain(loop("until", ta, 1.0, 30, gen))
    for max_workers in (1, 2, 7):
        assert plain(hk.ensemble_propagate_until(ta, 1.0, 30, gen, max_workers=max_workers)) == expected


def test_thousand_short_ones():
    results = hk.ensemble_propagate_for(pendulum(), 0.25, 1000, change)
    assert [result[0].pars[0] for result in results] == [9.0 + i / 8 for i in range(1000)]
    assert {result[0].time for result in results} == {0.25}


def test_continuous_output():
    ta = pendulum()
    expected = plain(loop("until", ta, 3.0, 4, change, c_output=True))
    results = hk.ensemble_propagate_until(ta, 3.0, 4, change, c_output=True)
    assert plain(results) == expected
    assert results[2][5](3.0).tolist() == results[2][0].state.tolist()


def test_callbacks():
    """Each iteration has copies of its own, which come back."""
    callback = Counter()
    results = hk.ensemble_propagate_until(pendulum(), 100.0, 5, change, callback=callback)
    assert all(r[1] == hk.taylor_outcome.cb_stop and r[4] == 10 and plain(r[6]) == {"hooks": 1, "calls": 10} for r in results)
    assert len({id(r[6]) for r in results}) == 5
    assert plain(callback) == {"hooks": 0, "calls": 0}
    for r in hk.ensemble_propagate_grid(pendulum(), GRID, 3, change, callback=[callback, keep_going]):
        assert plain(r[5][0]) == {"hooks": 1, "calls": r[4]} and r[5][1] is keep_going


def keep_going(ta):
    return True


def test_generator():
    """It gets a copy of its own each time, and may return any integrator, also in another thread's hands."""
    ta, seen = pendulum(), []
    other = pendulum(execution="vm")

    def gen(ta, i):
        seen.append((threading.current_thread(), ta))
        assert ta.state.tolist() == [0.0, 0.0]
        return change(ta, i) if i else other

    results = hk.ensemble_propagate_until(ta, 2.0, 4, gen, max_workers=2)
    assert results[0][0] is other and other.time == 2.0
    assert len({id(one) for _, one in seen}) == 4 and not any(one is ta for _, one in seen)
    assert not any(thread is threading.current_thread() for thread, _ in seen)


def test_nothing_to_do():
    for algorithm in ("thread", "process"):
        for name, target in CALLS.items():
            assert ensemble(name, pendulum(), target, 0, keep, algorithm=algorithm) == []
    assert hk.ensemble_propagate_until(pendulum(), 0.0, 2, keep)[1][4] == 0


@pytest.mark.parametrize(
    ("error", "arguments"),
    [
        (TypeError, {"ta": None}),
        (TypeError, {"t": [20.0]}),
        (TypeError, {"t": "20"}),
        (TypeError, {"t": None}),
        (ValueError, {"t": np.inf}),
        (TypeError, {"n_iter": "a"}),
        (TypeError, {"n_iter": 2.0}),
        (ValueError, {"n_iter": -1}),
        (TypeError, {"gen": 3}),
        (TypeError, {"gen": lambda ta, i: None}),
        (TypeError, {"max_delta_t": [10]}),
        (ValueError, {"max_delta_t": -1.0}),
        (TypeError, {"max_steps": -1}),
        (TypeError, {"callback": 3}),
        (TypeError, {"unknown": 1}),
        (ValueError, {"algorithm": "fibre"}),
        (ValueError, {"max_workers": 0}),
        (ValueError, {"max_workers": -1}),
        (TypeError, {"max_workers": 1.5}),
        (TypeError, {"chunksize": 1}),
        (ValueError, {"chunksize": 0, "algorithm": "process"}),
        (TypeError, {"chunksize": "a", "algorithm": "process"}),
        (TypeError, {"c_output": True, "algorithm": "process"}),
    ],
)
def test_bad_arguments(error, arguments):
    with pytest.raises(error):
        hk.ensemble_propagate_until(**{"ta": pendulum(), "t": 20.0, "n_iter": 10, "gen": keep, **arguments})


def test_bad_grids():
    for grid, error in [([[20.0, 20.0]], ValueError), (1.0, ValueError), ([], ValueError), (["a"], TypeError), ("a", TypeError)]:
        with pytest.raises(error):
            hk.ensemble_propagate_grid(pendulum(), grid, 10, keep)
    with pytest.raises(TypeError):
        hk.ensemble_propagate_for(pendulum(), [20.0], 10, keep)


# Exceptions.


@pytest.mark.parametrize("max_workers", [1, 3])
def test_exception_of_a_generator(max_workers):
    started = []

    def gen(ta, i):
        started.append(i)
        if i == 5:
            raise LookupError("iteration 5")
        return ta

    with pytest.raises(LookupError, match="iteration 5"):
        hk.ensemble_propagate_until(pendulum(), 50.0, 10_000, gen, max_workers=max_workers)
    assert len(started) < 100
    assert max_workers > 1 or started == list(range(6))


def test_exception_of_a_callback():
    class Stop(BaseException):
        pass

    def callback(ta):
        raise Stop

    with pytest.raises(Stop):
        hk.ensemble_propagate_grid(pendulum(), GRID, 10, change, callback=callback)


def test_first_exception_is_that_of_a_loop():
    """Although a later iteration fails before it."""
    failed = threading.Event()

    def gen(ta, i):
        if i == 0:
            assert failed.wait(60)
            time.sleep(0.05)
            raise LookupError("iteration 0")
        if i == 1:
            failed.set()
            raise RuntimeError("iteration 1")
        return ta

    with pytest.raises(LookupError):
        hk.ensemble_propagate_until(pendulum(), 1.0, 10, gen, max_workers=2)


@pytest.mark.parametrize("options", [{}, {"callback": keep_going}])
def test_exception_ends_what_others_do(options):
    kept = []

    def gen(ta, i):
        kept.append(ta)
        return fail_while_others_run(ta, i)

    with pytest.raises(LookupError):
        hk.ensemble_propagate_until(pendulum(), 1e12, 3, gen, max_workers=3, **options)
    for ta in kept:  # nothing of that stays behind
        t = ta.time
        ta.propagate_for(100.0, max_delta_t=0.001)
        assert ta.time == pytest.approx(t + 100.0, rel=1e-15)


def test_exception_of_a_process():
    with pytest.raises(LookupError, match="iteration 1") as info:
        hk.ensemble_propagate_until(pendulum(), 1.0, 10, fail_at_1, algorithm="process", max_workers=1, chunksize=2)
    assert "in fail_at_1" in info.value.__notes__[0]
    with pytest.raises(LookupError, match="iteration 0"):
        hk.ensemble_propagate_until(pendulum(), 1e12, 20, fail_while_others_run, algorithm="process", max_workers=2)
    assert multiprocessing.active_children() == []


def test_functions_that_cannot_be_imported(monkeypatch):
    """Processes get them through cloudpickle, or not at all."""

    class Stop(Exception):
        pass

    def gen(ta, i):
        if i == 2:
            raise Stop
        return change(ta, i)

    monkeypatch.setitem(sys.modules, "cloudpickle", None)
    with pytest.raises(Exception, match="pickle"):
        hk.ensemble_propagate_until(pendulum(), 1.0, 2, gen, algorithm="process")
    monkeypatch.undo()
    pytest.importorskip("cloudpickle")
    with pytest.raises(Stop):
        hk.ensemble_propagate_until(pendulum(), 1.0, 3, gen, algorithm="process", max_workers=1)


def test_nothing_keeps_the_integrators():
    """When an exception was handled all is freed at once, not when garbage is collected."""
    alive = []

    def gen(ta, i):
        alive.append(weakref.ref(ta))
        if i == 2:
            raise LookupError
        return ta

    gc.collect()
    gc.disable()
    try:
        try:
            hk.ensemble_propagate_until(pendulum(), 1.0, 5, gen, max_workers=2)
        except LookupError:
            pass
        begin = time.monotonic()
        while any(r() for r in alive) and time.monotonic() - begin < 10:  # the threads may be about to end
            time.sleep(0.001)
        assert [r() for r in alive] == [None] * len(alive)
    finally:
        gc.enable()


# Ctrl-C.


@pytest.mark.parametrize("options", ["", "max_workers=3, callback=lambda ta: True"])
def test_keyboard_interrupt_of_threads(options):
    process = start(f"""
        kept = []
        def gen(ta, i):
            kept.append(ta)
            return ta
        def watch():
            while not kept or kept[0].time <= 1.0:
                time.sleep(0.001)
            print("ready", flush=True)
        threading.Thread(target=watch, daemon=True).start()
        try:
            hk.ensemble_propagate_until(ta, 1e12, 1000, gen, {options})
        except KeyboardInterrupt:
            assert 1 <= len(kept) < 100, len(kept)
            t = kept[0].time
            assert math.hypot(kept[0].state[0] - math.cos(t), kept[0].state[1] + math.sin(t)) < 1e-9 * t ** 0.5
            kept[0].propagate_for(1.0)  # it goes on from there
            assert kept[0].time == t + 1.0
            print("interrupted")
    """)
    interrupt(process)


def test_signal_that_reaches_another_thread():
    """The waiting thread looks for it itself."""
    out = finish(start("""
        def gen(ta, i):
            if i == 1:
                signal.raise_signal(signal.SIGINT)
            return ta
        try:
            hk.ensemble_propagate_until(ta, 1e12, 2, gen, max_workers=2)
        except KeyboardInterrupt:
            print("interrupted")
    """))
    assert out == "interrupted\n"


# In a file, since other processes import it.
SCRIPT = """
import multiprocessing
def gen(ta, i):
    os.write(1, f"{os.getpid()}\\n".encode())  # as a whole: print() may be cut by what another process prints
    return ta
if __name__ == "__main__":
    try:
        hk.ensemble_propagate_until(ta, 1e12, 1000, gen, algorithm="process", max_workers=2)
    except KeyboardInterrupt:
        print("interrupted", multiprocessing.active_children())
"""


def has_ended(pid):
    try:
        return open(f"/proc/{pid}/stat").read().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


@pytest.mark.skipif(not os.path.isdir("/proc/self"), reason="reads /proc")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_signals_and_processes(tmp_path, number):
    """Ctrl-C, or an end without notice: no process stays behind."""
    script = tmp_path / "script.py"
    script.write_text(SETUP + textwrap.dedent(SCRIPT))
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen([sys.executable, script], start_new_session=True, **pipes) as process:
        try:
            children = [int(process.stdout.readline()) for _ in range(2)]
            begin = time.monotonic()
            (os.killpg if number == signal.SIGINT else os.kill)(process.pid, number)  # terminals send it to all
            out, error = process.communicate(timeout=60)
        finally:
            process.kill()  # if that failed: it would be waited for
        if number == signal.SIGINT:
            assert (out, error) == ("interrupted []\n", "")
        while not all(has_ended(pid) for pid in children):
            assert time.monotonic() - begin < 20
            time.sleep(0.01)
