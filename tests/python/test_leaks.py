"""References and memory: loops over everything that allocates do not grow the process."""

import copy
import gc
import os
import pickle
import sys
import tracemalloc
import warnings

import numpy as np
import pytest

import tayra as hk

x, v = hk.make_vars("x", "v")
PAGE = os.sysconf("SC_PAGE_SIZE")


def resident():
    with open("/proc/self/statm") as f:
        return int(f.read().split()[1]) * PAGE


def growth(work, n):
    """Bytes the process grows by in n calls of work, after some to warm up."""
    for _ in range(max(10, n // 5)):
        work()
    gc.collect()
    before = resident()
    for _ in range(n):
        work()
    gc.collect()
    return resident() - before


def grows(work, n, most):
    """Whether the process grows by more each time: what chance, or a huge page, adds does not come again, a leak does."""
    return all(growth(work, n) >= most for _ in range(3))


def integrator():
    ta = hk.taylor_adaptive([(x, v), (v, -hk.par[0] * hk.sin(x))], [1.0, 0.0], pars=[2.0])
    ta.propagate_until(1.0)
    return ta


def failing_callback(ta):
    raise ZeroDivisionError


def errors():
    ta = integrator()
    for call in (
        lambda: hk.taylor_adaptive([(x, v)], [1.0]),
        lambda: hk.cfunc([x], [v]),
        lambda: hk.sum([x, 1.0]),
        lambda: ta.propagate_for(1.0, callback=failing_callback, c_output=True),
        lambda: ta.propagate_grid([ta.time, ta.time + 3], callback=failing_callback),
        lambda: hk.model.ffnn([x], [2], 1, [hk.tanh, lambda v: 1.0]),
        lambda: hk.expression(object()),
        lambda: hk.diff_tensors([x], [x * v]),
        lambda: hk.var_ode_sys([(x, x)], [v]),
    ):
        with pytest.raises((ValueError, TypeError, ZeroDivisionError)):
            call()


PENDULUM = [(x, v), (v, -hk.par[0] * hk.sin(x) + hk.cos(hk.par[1]) * hk.time)]
STARTS = np.linspace(0.2, 0.8, 4).reshape(2, 2)
GIVEN = STARTS, [0.0, 0.5], [2.0, 0.5]


def flow(**options):
    return hk.flow(PENDULUM, tol=1e-6, nthreads=1, **options)


ONE_FLOW, TIGHT = flow(), flow(order=4, memory_limit=50_000)


def pulled(f):
    ys, pullback = f.vjp(*GIVEN)
    return pullback(ys)


def errors_of_flows():
    square = hk.flow([(x, x * x)], nthreads=1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        ys, pullback = square.vjp([[0.1], [1.0]], [0.0, 2.0])
    again, used = ONE_FLOW.vjp(*GIVEN)
    used(again)
    for call in (
        lambda: pullback(np.ones_like(ys)),
        lambda: used(again),
        lambda: ONE_FLOW.vjp(*GIVEN)[1](again[0]),
        lambda: ONE_FLOW.vjp(STARTS, [0.0, 2.0, 1.0], GIVEN[2]),
        lambda: ONE_FLOW.jvp(*GIVEN, (None, [np.nan] * 2, None)),
        lambda: flow(memory_limit=100).vjp(*GIVEN),
        lambda: flow(order=4, memory_limit=10_000).vjp(STARTS, [0.0, 100.0], GIVEN[2]),
        lambda: hk.flow([(x, v)]),
        lambda: hk.flow([(x, x)], order=-1),
    ):
        with pytest.raises((ValueError, RuntimeError, OverflowError)):
            call()


def events():
    def fail(ta, time, sign):
        raise LookupError

    ta = hk.taylor_adaptive(
        [(x, v), (v, -x)],
        [1.0, 0.0],
        t_events=[hk.t_event(x, callback=lambda ta, sign: bool(ta.te_cooldowns)), hk.t_event(v - 0.5)],
        nt_events=[
            hk.nt_event(v * x, lambda ta, time, sign: ta.t_events),
            hk.nt_event(x + 0.9, fail, direction=hk.event_direction.negative),
        ],
    )
    with pytest.raises(LookupError):
        ta.propagate_until(9.0)
    for other in (copy.copy(ta), copy.deepcopy(ta.t_events[0]), ta):
        repr(other)
    ta.propagate_until(9.0)
    with pytest.raises(ValueError):
        hk.taylor_adaptive([(x, x)], [1.0], t_events=[hk.t_event(v)])


def models():
    hk.model.ffnn([x, v], [4], 2, [hk.tanh] * 2), hk.model.nbody(3), hk.model.pendulum_energy(), hk.model.cr3bp(x)
    return hk.model.mascon_energy(1.0, [x], [["a", v, 2.0]], ["b", x, 1.0])


WORK = {
    "integrators": (integrator, 10_000),
    "copies": (lambda: copy.deepcopy(copy.copy(integrator())), 2000),
    "pickles": (lambda: pickle.loads(pickle.dumps(integrator())), 1000),
    "views": (lambda: [integrator().state, integrator().pars, integrator().tc], 1000),
    "events": (events, 500),
    "continuous output": (lambda: integrator().propagate_for(3.0, c_output=True)[4](np.linspace(0, 3, 7)), 2000),
    "grids and callbacks": (lambda: integrator().propagate_grid([1.0, 5.0, 9.0], callback=lambda ta: True), 1000),
    "functions": (lambda: hk.cfunc([hk.sin(x) * v + 1.5], [x, v])(np.ones((2, 100))), 2000),
    "variational": (lambda: hk.taylor_adaptive(hk.var_ode_sys([(x, v), (v, -x)], hk.var_args.vars, 2), [1.0, 2.0]).sys, 1000),
    "tensors": (lambda: hk.diff_tensors([hk.sin(x * v)], [x, v], 3).hessian(0), 2000),
    "models": (models, 2000),
    "expressions": (lambda: str(hk.subs(hk.diff(hk.exp(x * v) ** 2.5 + hk.par[1], x), {x: v + 1})), 10_000),
    "errors": (errors, 1000),
    "flows": (lambda: flow()(*GIVEN), 1000),
    "tapes that nobody pulls": (lambda: [ONE_FLOW.vjp(*GIVEN), flow().vjp(*GIVEN), ONE_FLOW.vjp(*GIVEN)], 1000),
    "pullbacks": (lambda: [pulled(ONE_FLOW), pulled(flow())], 1000),
    "pullbacks with steps done again": (lambda: pulled(TIGHT), 1000),
    "tangents": (lambda: [f.jvp(*GIVEN, (STARTS, None, [1.0, 0.0])) for f in (ONE_FLOW, flow())], 1000),
    "errors of flows": (errors_of_flows, 500),
}  # fmt: skip


@pytest.mark.parametrize("name", WORK)
def test_no_growth(name):
    """One lost object of the smallest kind per call would be more than this (but for a few pages of chance)."""
    work, n = WORK[name]
    assert not grows(work, n, 32 * n + 600_000)


@pytest.mark.parametrize("name", WORK)
def test_no_python_objects_are_lost(name):
    work, _ = WORK[name]
    for _ in range(20):
        work()
    gc.collect()
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    for _ in range(1000):
        work()
    gc.collect()
    after = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    assert after - before < 1000 * 16 + 30_000  # the interpreter keeps some for itself


def test_flows_that_are_stopped():
    """Runs and pulls that an exception ends after 0.05 s, with megabytes on the tape."""
    f = hk.flow([(x, v), (v, -x)], tol=1e-10, memory_limit=64_000_000, nthreads=1)
    many = np.tile(STARTS, (20, 1))
    stop = {"progress": lambda done, total: 1 / 0}

    def work():
        ys, pullback = f.vjp(many, [0.0, 5e4])
        for call in (
            lambda: f.vjp(many, [0.0, 1e5], **stop),
            lambda: f.jvp(many, [0.0, 1e5], (), (many, None, None), **stop),
            lambda: pullback(np.ones_like(ys), **stop),
        ):
            with pytest.raises(ZeroDivisionError):
                call()

    assert not grows(work, 8, 4_000_000)


def test_reference_counts():
    """What a call borrows it gives back."""
    callback = lambda ta: True  # noqa: E731
    ta, e = integrator(), x * v + 17.25
    objects = [callback, ta, e, x, None, True, hk.expression]
    before = [sys.getrefcount(o) for o in objects]
    for _ in range(100):
        ta.propagate_for(0.5, callback=[callback, callback])
        ta.propagate_grid([ta.time, ta.time + 1], callback=callback)
        ta.propagate_for(0.5, callback=callback, c_output=True)
        ta.step(), ta.state, ta.sys, ta.update_d_output(0.0)
        e + 1, 1 + e, e == x, hash(e), e**2, -e, +e, repr(e), hk.sum([e, x]), hk.sin(e), hk.diff(e, x)
        hk.cfunc([e], [x, v]).fn, copy.copy(e), pickle.loads(pickle.dumps(e))
        hk.subs(e, {x: v}), hk.get_variables(e), hk.select(e, 1, x)
    after = [sys.getrefcount(o) for o in objects]
    assert all(abs(a - b) < 20 for a, b in zip(after, before)), list(zip(before, after))


def machine_code():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a library without LLVM
        ta = hk.taylor_adaptive([(x, v), (v, -hk.par[0] * x)], [1.0, 0.0], pars=[2.0], execution="jit")
    ta.step()


def test_machine_code_goes_with_its_integrator():
    """Made each time; tests/ode/test_builds.c does what the caches take part in."""
    states = hk.llvm_state
    limit, enabled = states.get_memcache_limit(), states.get_diskcache_enabled()
    states.set_memcache_limit(0)
    states.set_diskcache_enabled(False)
    try:
        assert not grows(machine_code, 60, 60 * 8192 + 600_000)
    finally:
        states.set_memcache_limit(limit)
        states.set_diskcache_enabled(enabled)
