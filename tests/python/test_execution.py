"""Who runs an integrator or evaluates a function: the interpreter, or machine code that LLVM makes."""

import copy
import os
import pickle
import subprocess
import sys
import threading
import warnings

import numpy as np
import pytest

import tayra as hk


def kepler(**options):
    x, y, u, v = hk.make_vars("x", "y", "u", "v")
    pull = -((x * x + y * y) ** -1.5)
    return hk.taylor_adaptive([(x, u), (y, v), (u, x * pull), (v, y * pull)], [1.0, 0.0, 0.0, 1.2], **options)


def has_jit():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return kepler(execution="jit").execution == "jit"


needs_jit = pytest.mark.skipif(not has_jit(), reason="this library was built without LLVM")


def three_functions(**options):
    x, y, z = hk.make_vars("x", "y", "z")
    return hk.taylor_adaptive(
        [(x, hk.tanh(y) - hk.par[0] * x), (y, hk.sin(x * z) + hk.cos(hk.time)), (z, x / (2 + y * y) - z**1.5)],
        [0.1, 0.2, 0.3], pars=[0.7], **options,
    )  # fmt: skip


def sensitivities(**options):
    """Columns of variational equations, to which a product, other terms, constants or nothing is added."""
    x, y = hk.make_vars("x", "y")
    f = hk.model.ffnn(inputs=[x, y], nn_hidden=[7, 5], n_out=2, activations=[hk.tanh, hk.tanh, lambda v: v])
    system = hk.var_ode_sys(list(zip((x, y), f)), args=hk.var_args.vars | hk.var_args.params)
    ta = hk.taylor_adaptive(system, [0.3, -0.2], compact_mode=True, **options)
    ta.pars[:] = np.random.default_rng(4).normal(size=ta.pars.size)
    return ta


def angles(**options):
    """Integrals whose operands are copied, the derivatives of functions an order later than others."""
    x, y = hk.make_vars("x", "y")
    return hk.taylor_adaptive([(x, hk.atan2(x, y) + y), (y, hk.atan2(y, x) - 1)], [0.47, 0.14], **options)


@needs_jit
@pytest.mark.parametrize("make", [kepler, three_functions, sensitivities, angles])
def test_both_agree(make):
    ends = {}
    for execution in ("vm", "jit"):
        ta = make(execution=execution)
        assert ta.execution == execution
        ta.propagate_until(3.0)
        ends[execution] = ta.state.copy()
    np.testing.assert_allclose(ends["jit"], ends["vm"], rtol=5e-15, atol=5e-15)


@needs_jit
def test_both_agree_on_jets_beyond_the_cache():
    """Where operations go block by block, in chains; an order whose last pair is cut, and one where it is not."""
    start = np.random.default_rng(3).normal(size=6 * 40)
    for tol, odd in ((1e-15, True), (1e-16, False)):
        ends = {}
        for execution in ("vm", "jit"):
            ta = hk.taylor_adaptive(hk.model.nbody(40), start, tol=tol, execution=execution)
            assert ta.execution == execution and ta.order % 2 == odd
            for _ in range(3):
                ta.step()
            ends[execution] = ta.state.copy()
        np.testing.assert_allclose(ends["jit"], ends["vm"], rtol=1e-13, atol=1e-14)


def gradient_of_flow(f, n=9):
    starts = np.linspace(0.1, 0.9, 3 * n).reshape(n, 3)
    states, pullback = f.vjp(starts, [0.0, 0.7, 3.0], np.linspace(0.5, 0.7, n)[:, None])
    return states, *pullback(np.cos(states))


@needs_jit
def test_flows_agree():
    equations = three_functions().sys
    by = {e: hk.flow(equations, tol=1e-12, execution=e) for e in ("vm", "jit")}
    got = {e: gradient_of_flow(f) for e, f in by.items()}
    assert {e: f.execution for e, f in by.items()} == {"vm": "vm", "jit": "jit"}
    for vm, jit in zip(got["vm"], got["jit"]):
        np.testing.assert_allclose(jit, vm, rtol=1e-11, atol=1e-12)
    team = hk.flow(equations, tol=1e-12, execution="jit", nthreads=3)
    for one, three in zip(gradient_of_flow(by["jit"], 200), gradient_of_flow(team, 200)):
        np.testing.assert_array_equal(one, three)


@needs_jit
def test_flows_become_code_when_it_pays(monkeypatch):
    monkeypatch.delenv("TAYRA_EXEC", raising=False)
    f = hk.flow(kepler().sys, tol=1e-3)
    starts = np.tile([1.0, 0.0, 0.0, 1.2], (2000, 1))
    steps = 0
    while steps < 200_000:
        assert f.execution == "vm"
        states, pullback = f.vjp(starts, [0.0, 100.0])
        steps += pullback.steps
    before = pullback(states)  # of a run of the interpreter
    assert f.execution == "vm"
    again, pullback = f.vjp(starts, [0.0, 100.0])
    assert f.execution == "jit"
    np.testing.assert_allclose(again, states, rtol=1e-10)
    np.testing.assert_allclose(pullback(states)[0], before[0], rtol=1e-8)


@needs_jit
def test_code_is_made_when_it_pays(monkeypatch):
    monkeypatch.delenv("TAYRA_EXEC", raising=False)
    hk.llvm_state.clear_memcache()
    ta, never = kepler(), kepler(execution="vm")
    assert ta.execution == "vm"
    for integrator, at_last in ((ta, "jit"), (never, "vm")):
        integrator.propagate_until(1e9, max_steps=4_500)
        assert integrator.execution == "vm"
        integrator.propagate_until(1e9, max_steps=1_000)
        assert integrator.execution == at_last
    assert copy.deepcopy(ta).execution == "jit"
    later = kepler()  # code that is there already is taken sooner
    for max_steps, execution in ((900, "vm"), (200, "jit")):
        later.propagate_until(1e9, max_steps=max_steps)
        assert later.execution == execution


@needs_jit
def test_environment_decides_what_is_left_open(monkeypatch):
    monkeypatch.setenv("TAYRA_EXEC", "jit")
    assert kepler().execution == "jit" and kepler(execution="vm").execution == "vm"
    monkeypatch.setenv("TAYRA_EXEC", "vm")
    assert kepler().execution == "vm" and kepler(execution="jit").execution == "jit"


def test_wrong_environment_is_told(monkeypatch):
    monkeypatch.setenv("TAYRA_EXEC", "JIT")
    x = hk.make_vars("x")
    with pytest.warns(RuntimeWarning, match="TAYRA_EXEC: vm or jit was expected in the environment, not JIT") as record:
        kepler()
        hk.cfunc([x], [x])
        hk.flow([(x, x)])([1.0], [0.0, 1.0])
        hk.flow([(x, x)]).vjp([1.0], [0.0, 1.0])
        hk.flow([(x, x)]).jvp([1.0], [0.0, 1.0], (), (None, None, None))
    assert {w.filename for w in record} == {__file__} and len(record) >= 5
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        kepler(execution="vm")
        with pytest.raises(RuntimeWarning):
            hk.flow([(x, x)])([1.0], [0.0, 1.0])


@needs_jit
def test_pickled_with_its_execution(monkeypatch):
    monkeypatch.delenv("TAYRA_EXEC", raising=False)
    for execution in ("vm", "jit"):
        assert pickle.loads(pickle.dumps(kepler(execution=execution))).execution == execution
    copy_of_default = pickle.loads(pickle.dumps(pickle.loads(pickle.dumps(kepler()))))
    copy_of_default.propagate_until(5000.0)
    assert copy_of_default.execution == "jit"  # as the one that it is of would be by now


@needs_jit
def test_threads_make_code_at_once():
    ends, made = [None] * 4, kepler(execution="vm")
    made.propagate_until(2.0)

    def work(i):
        ta = kepler(execution="jit")
        ta.propagate_until(2.0)
        ends[i] = ta.execution, ta.state.copy()

    threads = [threading.Thread(target=work, args=(i,)) for i in range(4)]
    [t.start() for t in threads]
    [t.join() for t in threads]
    for execution, state in ends:
        assert execution == "jit"
        np.testing.assert_allclose(state, made.state, rtol=1e-14)


@needs_jit
def test_code_goes_on_in_a_forked_process():
    ta = kepler(execution="jit")
    child = os.fork()
    if child == 0:
        ok = False
        try:
            ta.propagate_until(2.0)
            other = kepler(execution="jit")
            other.propagate_until(2.0)
            ok = other.execution == "jit" and np.array_equal(ta.state, other.state)
        finally:
            os._exit(0 if ok else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


FORKS_WHILE_CODE_IS_MADE = """
import os, signal, sys, threading, time
import numpy as np
import tayra as hk

x, y = hk.make_vars("x", "y")
hk.set_nthreads(4)
points, f = np.random.default_rng(0).random((2, 10**6)), hk.cfunc([hk.exp(x * y)], [x, y])
values = f(points).copy()
stop = threading.Event()

def execution(i):
    return hk.taylor_adaptive([(x, y), (y, -hk.sin(x) * (1.0 + i * hk.cos(y + i)))], [1.0, 0.0], execution="jit").execution

def make(i=0):
    while not stop.is_set():
        assert execution(i) == "jit"
        hk.llvm_state.clear_memcache()
        i += 1

def evaluate():
    while not stop.is_set():
        f(points)

threads = [threading.Thread(target=work) for work in (make, evaluate)]
[thread.start() for thread in threads]
codes = []
for k in range(12):
    time.sleep(0.1)
    child = os.fork()
    if child == 0:
        signal.alarm(30)  # ends a child that waits forever
        os._exit(not np.array_equal(f(points), values) or execution(100 + k) != "jit")
    codes.append(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
stop.set()
[thread.join() for thread in threads]
sys.exit(any(codes))
"""


@needs_jit
def test_fork_waits_for_code_that_another_thread_makes():
    """A child would inherit LLVM in the middle of its work."""
    environment = os.environ | {"TAYRA_CACHE": "0"}
    subprocess.run([sys.executable, "-c", FORKS_WHILE_CODE_IS_MADE], env=environment, check=True, timeout=240)


@needs_jit
def test_beside_torch_and_jax():
    """Both bring an LLVM of their own."""
    torch, jax = pytest.importorskip("torch"), pytest.importorskip("jax")
    assert kepler(execution="jit").execution == "jit"
    assert float(torch.tanh(torch.tensor(0.5))) == pytest.approx(np.tanh(0.5), rel=1e-6)
    assert float(jax.jit(jax.numpy.tanh)(0.5)) == pytest.approx(np.tanh(0.5), rel=1e-6)
    assert kepler(execution="jit").execution == "jit"


def functions():
    x, y = hk.make_vars("x", "y")
    scalar = [hk.sin(x * y) + hk.par[0] / hk.sqrt(x * x + 1), hk.atan2(x, y) - hk.time]
    network = hk.model.ffnn([x, y], [40, 40], 2, [hk.tanh, hk.tanh, hk.sigmoid], np.sin(np.arange(1842.0)))
    return [x, y], {"scalar": scalar, "network": network}


@needs_jit
@pytest.mark.parametrize("name", ["scalar", "network"])
@pytest.mark.parametrize("fp_type", [np.float64, np.float32])
def test_functions_agree(name, fp_type):
    variables, made = functions()
    points = np.random.default_rng(0).normal(size=(2, 1001)).astype(fp_type)
    more = dict(pars=np.ones((1, 1001), fp_type), time=np.full(1001, 0.5, fp_type)) if name == "scalar" else {}
    results = {}
    for execution in ("vm", "jit"):
        f = hk.cfunc(made[name], variables, fp_type=fp_type, execution=execution)
        assert f.execution == execution
        results[execution] = f(points, **more)
        one = f(points[:, 7].copy(), **{k: v[..., 7] for k, v in more.items()})
        np.testing.assert_allclose(one, results[execution][:, 7], rtol=1e-13 if fp_type is np.float64 else 1e-5)
        assert pickle.loads(pickle.dumps(f)).execution == execution
    tolerance = 1e-13 if fp_type is np.float64 else 2e-5
    np.testing.assert_allclose(results["jit"], results["vm"], rtol=tolerance, atol=tolerance)


@needs_jit
def test_functions_are_compiled_when_it_pays(monkeypatch):
    monkeypatch.delenv("TAYRA_EXEC", raising=False)
    variables, made = functions()
    f, never = (hk.cfunc(made["network"], variables, execution=execution) for execution in (None, "vm"))
    points = np.random.default_rng(0).normal(size=(2, 100_000))
    f(points)
    assert f.execution == "vm"
    for _ in range(40):
        last = f(points), never(points)
    assert f.execution == "jit" and never.execution == "vm"
    np.testing.assert_allclose(*last, rtol=1e-13)


@needs_jit
def test_what_cannot_be_compiled_is_interpreted():
    x = hk.make_vars("x")
    with pytest.warns(RuntimeWarning, match="the interpreter runs this: .* at most 16 arguments"):
        f = hk.cfunc([hk.logical_or([hk.gt(x, i) for i in range(20)])], [x], execution="jit")
    assert f.execution == "vm" and f([0.5])[0] == 1.0


def test_warnings(monkeypatch):
    """They are of the line that asked for machine code, and can be made exceptions."""
    monkeypatch.setenv("TAYRA_ISA", "baseline")
    with pytest.warns(RuntimeWarning, match="the interpreter runs this: the JIT needs AVX2|built without LLVM") as record:
        assert kepler(execution="jit").execution == "vm"
    assert [w.filename for w in record] == [__file__]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(RuntimeWarning):
            kepler(execution="jit")
        assert kepler(execution="vm").execution == kepler().execution == "vm"
    x = hk.make_vars("x")
    with pytest.warns(RuntimeWarning, match="the interpreter runs this: the JIT needs AVX2|built without LLVM") as record:
        hk.flow([(x, x)], execution="jit")([1.0], [0.0, 1.0])
    assert [w.filename for w in record] == [__file__]


@pytest.mark.parametrize("make", [kepler, lambda **options: hk.cfunc([hk.time], [], **options)])
def test_unknown_executions(make):
    with pytest.raises(ValueError, match="execution"):
        make(execution="gpu")
