"""Ctrl-C during a propagation, and what other threads see: each in a process of its own."""

import os
import signal
import subprocess
import sys
import textwrap
import time

import pytest

SETUP = """
import math, os, signal, threading, time
import numpy as np
import tayra as hk
signal.signal(signal.SIGINT, signal.default_int_handler)  # which shells take away from what runs in the background
x, v = hk.make_vars("x", "v")
ta = hk.taylor_adaptive([(x, v), (v, -x)], [1.0, 0.0])
"""


def start(code):
    return subprocess.Popen(
        [sys.executable, "-c", SETUP + textwrap.dedent(code)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def finish(process):
    out, error = process.communicate(timeout=300)
    assert process.returncode == 0, error
    return out


def interrupt(process, delay=0.0):
    """Ctrl-C, so long after the process says that it is ready: it says that it was interrupted, and ends, within a moment."""
    assert process.stdout.readline() == "ready\n"
    time.sleep(delay)
    begin = time.monotonic()
    os.kill(process.pid, signal.SIGINT)
    assert finish(process) == "interrupted\n"
    assert time.monotonic() - begin < 20


@pytest.mark.parametrize(
    "call",
    [
        "ta.propagate_until(1e12)",
        "ta.propagate_for(-1e12)",
        "ta.propagate_grid([0.0, 1e12])",
        "ta.propagate_until(1e12, callback=lambda ta: True)",
    ],
)
def test_keyboard_interrupt(call):
    """The exception comes within a moment, and the integrator is at its last completed step."""
    process = start(f"""
        def watch():
            while abs(ta.time) <= 1.0:
                time.sleep(0.001)
            print("ready", flush=True)
        threading.Thread(target=watch, daemon=True).start()
        try:
            {call}
        except KeyboardInterrupt:
            t = ta.time
            assert abs(t) > 1.0, t
            assert math.hypot(ta.state[0] - math.cos(t), ta.state[1] + math.sin(t)) < 1e-9 * abs(t) ** 0.5
            ta.propagate_for(1.0)  # it goes on from there
            assert ta.time == t + 1.0
            print("interrupted")
    """)
    interrupt(process)


@pytest.mark.parametrize(
    "call",
    [
        "flow([1.0, 0.0], [0.0, 1e12])",
        "flow.vjp([[1.0, 0.0]] * 100, [0.0, 1e6])",
        "flow.vjp([1.0, 0.0], [0.0, -1e12])",
        "flow.jvp([1.0, 0.0], [0.0, 1e12], (), ([1.0, 0.0], None, None))",
    ],
)
@pytest.mark.parametrize("nthreads", [1, 2])
def test_keyboard_interrupt_of_a_flow(call, nthreads):
    """The exception comes within a moment, whatever thread does the work, and the flow can be used again."""
    process = start(f"""
        flow = hk.flow([(x, v), (v, -x)], tol=1e-12, nthreads={nthreads})
        flow([1.0, 0.0], [0.0, 1.0])
        try:
            print("ready", flush=True)
            {call}
        except KeyboardInterrupt:
            ys, pullback = flow.vjp([1.0, 0.0], [0.0, 1.0])
            assert abs(ys[1, 0] - math.cos(1.0)) < 1e-11
            np.testing.assert_allclose(pullback([[0.0, 0.0], [1.0, 0.0]])[0], [math.cos(1.0), math.sin(1.0)], rtol=1e-10)
            print("interrupted")
    """)
    interrupt(process, 0.3)


def test_other_threads_run_during_a_propagation():
    """All the time, not only when the propagation looks for signals; one of them ends it, which would go on for hours."""
    out = finish(start("""
        def work():
            while ta.time == 0.0:
                time.sleep(1e-3)
            for _ in range(1000):
                time.sleep(1e-4)
            signal.raise_signal(signal.SIGINT)
        thread = threading.Thread(target=work)
        begin = time.monotonic()
        thread.start()
        try:
            ta.propagate_until(1e12)
        except KeyboardInterrupt:
            thread.join()
            print(0.0 < ta.time < 1e12, time.monotonic() - begin < 20)
    """))
    assert out == "True True\n"


def test_two_threads_cannot_advance_one_integrator():
    out = finish(start("""
        inside, go_on = threading.Event(), threading.Event()
        def hold(ta):
            inside.set()
            return go_on.wait()
        thread = threading.Thread(target=lambda: ta.propagate_until(10.0, callback=hold))
        thread.start()
        inside.wait()
        for call in (ta.step, lambda: ta.propagate_for(1.0), lambda: ta.propagate_grid([ta.time, 3.0])):
            try:
                call()
            except RuntimeError:
                print("refused")
        go_on.set()
        thread.join()
        print(ta.time)
    """))
    assert out == "refused\n" * 3 + "10.0\n"


def test_two_threads_cannot_pull_one_tape():
    """However little time lies between them, one of two pulls is refused."""
    assert finish(start("""
        flow = hk.flow([(x, -x)], nthreads=1)
        for k in range(12):
            ys, pullback = flow.vjp(np.ones((200000, 1)), [0.0, 0.1])
            barrier, results = threading.Barrier(2), []
            def pull():
                barrier.wait()
                try:
                    results.append(pullback(ys)[0])
                except RuntimeError as error:
                    assert "pulled already" in str(error), error
                    results.append(None)
            threads = [threading.Thread(target=pull) for _ in range(2)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            assert sum(result is None for result in results) == 1, k
        print("done")
    """)) == "done\n"


def test_threads_with_their_own_integrators():
    out = finish(start("""
        import copy
        copies = [copy.copy(ta) for _ in range(4)]
        threads = [threading.Thread(target=c.propagate_until, args=(1e4,)) for c in copies]
        [t.start() for t in threads]
        [t.join() for t in threads]
        ta.propagate_until(1e4)
        print(all(np.array_equal(c.state, ta.state) for c in copies))
    """))
    assert out == "True\n"


def test_memory_that_cannot_be_had():
    """A limit on the process's memory makes what is too large for it a MemoryError, and everything goes on."""
    out = finish(start("""
        import resource
        grid = np.arange(13_000_000) * 1e-7
        used = int(open("/proc/self/statm").read().split()[0]) * os.sysconf("SC_PAGE_SIZE")
        hard = resource.getrlimit(resource.RLIMIT_AS)[1]
        resource.setrlimit(resource.RLIMIT_AS, (used + 200_000_000, hard))
        for make in (lambda: hk.taylor_adaptive([(x, hk.par[100_000_000] * x)], [1.0]),
                     lambda: hk.cfunc([hk.par[100_000_000] * x], [x]),
                     lambda: ta.propagate_until(1e12, c_output=True),
                     lambda: ta.propagate_grid(np.add(grid, ta.time, out=grid))):
            try:
                make()
            except MemoryError as e:
                print("MemoryError", "out of memory" in str(e) or "Unable to allocate" in str(e))
        t = ta.time
        assert math.hypot(ta.state[0] - math.cos(t), ta.state[1] + math.sin(t)) < 1e-9
        ta.propagate_for(1.0)
        print(ta.time == t + 1.0)
    """))
    assert out == "MemoryError True\n" * 4 + "True\n"
