"""Flows in Python: states and gradients against the integrator and finite differences, shapes, bad input."""

import copy
import pickle

import graphs
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tayra as hk

X, V = hk.make_vars("x", "v")
SYS = [(X, V + hk.sin(hk.par[0] * X) + hk.par[2] * hk.time), (V, hk.tanh(hk.par[1] * X) - 0.3 * V)]
PARS = np.array([0.7, 0.4, 0.2])
TS = np.array([0.1, 0.9, 2.0])
X0 = np.array([[1.0, 0.5], [0.3, -0.2], [1.2, 0.1], [0.2, 0.6], [-0.4, 0.3]])


def test_states_are_those_of_the_integrator():
    states = hk.flow(SYS, tol=1e-14)(X0, TS, PARS)
    assert states.shape == (3, 5, 2)
    for m in range(5):
        ta = hk.taylor_adaptive(SYS, X0[m], pars=PARS, time=TS[0], tol=1e-16)
        np.testing.assert_allclose(states[:, m], ta.propagate_grid(TS)[-1], rtol=1e-12)
    np.testing.assert_allclose(hk.flow(SYS, tol=1e-14)(X0[0], TS, PARS), states[:, 0], rtol=1e-12)


@pytest.mark.parametrize("per_trajectory", [False, True])
def test_gradients_are_those_of_differences(per_trajectory):
    f = hk.flow(SYS, tol=1e-16)
    rng = np.random.default_rng(1)
    args = [X0, np.tile(TS, (5, 1)) if per_trajectory else TS, np.tile(PARS, (5, 1)) if per_trajectory else PARS]
    states, pullback = f.vjp(*args)
    ybar = rng.normal(size=states.shape)
    bars = pullback(ybar)
    assert pullback.steps >= 5 and pullback.recomputed_steps == 0
    for i, bar in enumerate(bars):
        direction, h = rng.normal(size=args[i].shape), 1e-5
        ahead, behind = ([*args[:i], args[i] + s * h * direction, *args[i + 1:]] for s in (1, -1))
        difference = np.sum(ybar * (f(*ahead) - f(*behind))) / (2 * h)
        assert bar.shape == args[i].shape
        np.testing.assert_allclose(np.sum(bar * direction), difference, rtol=1e-7)
    with pytest.raises(RuntimeError, match="pulled already"):
        pullback(ybar)
    for i, name in enumerate(("x0", "ts", "pars")):  # one at a time
        alone = f.vjp(*args)[1](ybar, wrt=name)
        assert [bar is None for bar in alone] == [j != i for j in range(3)]
        np.testing.assert_array_equal(alone[i], bars[i])


def test_one_state_for_many_parameters():
    f = hk.flow(SYS, tol=1e-12)
    pars = np.stack([PARS, 2 * PARS])
    states, pullback = f.vjp(X0[0], TS, pars)
    each = [f.vjp(X0[0], TS, p) for p in pars]
    x0bar = pullback(np.ones_like(states))[0]
    np.testing.assert_allclose(states, np.stack([ys for ys, _ in each], axis=1), rtol=1e-11)
    np.testing.assert_allclose(x0bar, sum(pull(np.ones_like(ys))[0] for ys, pull in each), rtol=1e-10)
    dots = f.jvp(X0[0], TS, pars, (PARS[:2], None, None))[1]
    np.testing.assert_allclose(dots, np.stack([f.jvp(X0[0], TS, p, (PARS[:2], None, None))[1] for p in pars], axis=1), rtol=1e-11)


@pytest.mark.parametrize("m", [20, 30, 60])
def test_blocks_of_other_lanes_have_the_same_parameters(m):
    """The last block has fewer lanes, and takes its parameters from the one before, in each run anew."""
    x, y = hk.make_vars("x", "y")
    rhs = hk.model.ffnn(inputs=[x, y], nn_hidden=[19], n_out=2, activations=[hk.tanh, lambda e: e])
    f = hk.flow(list(zip([x, y], rhs)), tol=1e-12, nthreads=1)
    rng = np.random.default_rng(3)
    x0, ybar = rng.normal(size=(m, 2)), rng.normal(size=(2, m, 2))
    for _ in range(2):
        pars = rng.normal(size=f.n_pars) * 0.3
        states, pullback = f.vjp(x0, TS[:2], pars)
        bars, each = pullback(ybar), [f.vjp(start, TS[:2], pars) for start in x0]
        alone = [pull(ybar[:, i]) for i, (_, pull) in enumerate(each)]
        np.testing.assert_allclose(states, np.stack([ys for ys, _ in each], axis=1), rtol=1e-11, atol=1e-12)
        np.testing.assert_allclose(bars[0], [bar[0] for bar in alone], rtol=1e-9, atol=1e-10)
        for i in (1, 2):
            np.testing.assert_allclose(bars[i], sum(bar[i] for bar in alone), rtol=1e-9, atol=1e-9)


def test_blow_up_warns_and_spares_the_others():
    f = hk.flow([(X, X * X)], tol=1e-12)
    with pytest.warns(RuntimeWarning, match="1 of 2 trajectories ended early, the first, 1,") as warnings:
        states, pullback = f.vjp([[0.1], [1.0]], [0.0, 2.0])
        f([[0.1], [1.0]], [0.0, 2.0])
        f.jvp([[0.1], [1.0]], [0.0, 2.0], (), (None, None, None))
    assert [warning.filename for warning in warnings] == 3 * [__file__]
    np.testing.assert_allclose(states[1, 0], 0.125, rtol=1e-11)
    assert np.isnan(states[1, 1])
    with pytest.raises(RuntimeError, match="trajectory 1"):
        pullback(np.ones((2, 2, 1)))


@pytest.mark.parametrize("args, message", [
    ((X0[:, :1], TS, PARS), "x0: expected shape"),
    ((X0, TS, PARS[:2]), "pars: expected shape"),
    ((X0, TS[::2][[0, 0]], PARS), "strictly"),
    ((X0, np.tile(TS, (4, 1)), PARS), "as many"),
    ((X0 * np.nan, TS, PARS), "finite"),
])
def test_bad_input(args, message):
    with pytest.raises(ValueError, match=message):
        hk.flow(SYS)(*args)


def test_wrong_cotangent():
    states, pullback = hk.flow(SYS).vjp(X0, TS, PARS)
    with pytest.raises(ValueError, match="ybar: expected the shape"):
        pullback(states[0])
    with pytest.raises(ValueError, match=r"wrt: expected some of \('x0', 'ts', 'pars'\), got \('time', 'pars'\)"):
        pullback(states, wrt=["time", "pars"])
    assert pullback(states, wrt=()) == (None, None, None)


@settings(max_examples=30, deadline=None)
@given(st.lists(graphs.recipes, min_size=3, max_size=3), st.booleans(), st.booleans(), st.booleans(), st.integers(0, 10**6))
def test_tangents_and_cotangents_have_one_dot_product(recipes, shares, per_ts, per_pars, seed):
    """On random systems, in both directions of time, at a loose tolerance: the two maps belong to the same numerical map."""
    rng = np.random.default_rng(seed)
    variables = hk.make_vars(*graphs.VARIABLES)
    rhs = [hk.tanh(graphs.symbolic(hk, r)) for r in recipes]  # bounded
    if shares:  # factors in common: of products, and of values of parameters alone
        rhs = [rhs[0] * r + (i + 2.0) * hk.sin(hk.par[0]) for i, r in enumerate(rhs)]
    f = hk.flow(list(zip(variables, rhs)), tol=1e-6, nthreads=1)
    ts = np.array([0.2, 0.5, 1.3]) * rng.choice([-1, 1])
    x0, pars = rng.normal(size=(3, 3)), rng.normal(size=f.n_pars)
    args = [x0, np.tile(ts, (3, 1)) if per_ts else ts, np.tile(pars, (3, 1)) if per_pars else pars]
    dots = [rng.normal(size=a.shape) for a in args]
    ys, pullback = f.vjp(*args)
    again, ysdot = f.jvp(*args, dots)
    np.testing.assert_allclose(again, ys, rtol=1e-13, atol=1e-13)
    ybar = rng.normal(size=ys.shape)
    forward = np.sum(ybar * ysdot)
    terms = [np.sum(bar * dot) for bar, dot in zip(pullback(ybar), dots)]
    scale = np.sum(np.abs(ybar * ysdot)) + sum(map(abs, terms))
    assert abs(forward - sum(terms)) <= 1e-12 * scale


P = hk.par
GATE = hk.sigmoid(P[0] * X + P[1])


@pytest.mark.parametrize("rhs, n_pars", [
    ([2 * P[0], 3 * P[0]], 1),
    ([V, -X - 2 * P[0] * V + 3 * P[0]], 1),
    ([hk.exp(-P[0]), hk.exp(-2 * P[0])], 1),
    ([P[0] / 2 - X, P[0] / 3 + 2 / P[1] + 3 / P[1]], 2),
    ([hk.sin(X) * hk.sin(V), hk.sin(X) * hk.tanh(V)], 0),
    ([hk.tanh(V) / (2 + hk.tanh(X)), hk.tanh(P[0]) / (2 + hk.tanh(X))], 1),
    ([(1 + V) * hk.tanh(X), (1 + V) * hk.tanh(V)], 0),
    ([GATE * hk.tanh(V), GATE * hk.tanh(P[1] * X)], 2),
    ([hk.prod([hk.tanh(X), hk.tanh(V), hk.tanh(X), hk.tanh(P[0])]), -X], 1),
])
@pytest.mark.parametrize("execution", ["vm", "jit"])
def test_gradients_of_what_terms_share(rhs, n_pars, execution):
    """Factors, of products and quotients, and parameters that several terms have in common, against the tangent map."""
    f = hk.flow([(X, rhs[0]), (V, rhs[1])], tol=1e-14, execution=execution)
    args = np.array([0.7, 0.4]), np.array([0.0, 0.6, 1.1]), np.array([0.8, -0.3])[:n_pars]
    states, pullback = f.vjp(*args)
    ybar = np.random.default_rng(4).normal(size=states.shape)
    for i, bar in enumerate(pullback(ybar)):
        tangents = np.eye(len(args[i]))
        expected = [np.sum(ybar * f.jvp(*args, [dot if j == i else None for j in range(3)])[1]) for dot in tangents]
        np.testing.assert_allclose(bar, expected, rtol=1e-11, atol=1e-13)


Z = hk.make_vars("z")
LORENZ = [(X, 10 * (V - X)), (V, X * (28 - Z) - V), (Z, X * V - 8 * Z / 3)]


@pytest.mark.parametrize("sys, x0, duration", [
    ([(X, V), (V, -9.8 * hk.sin(X))], [0.0, 0.0], 10.0),
    ([(X, V), (V, -9.8 * hk.sin(X))], [1e-13, 0.0], -10.0),
    ([(X, V), (V, 9.8 * hk.sin(X))], [0.0, 0.0], 2.0),
    ([(X, V), (V, -1e-14 * X)], [0.0, 0.0], 1e8),
    ([(X, -X), (V, -30 * V)], [1.0, 0.0], 1.0),
    ([(X, 0 * X), (V, X * V)], [25.0, 0.0], -1.0),
    (LORENZ, [0.0, 0.0, 0.0], 1.0),
    (LORENZ, [0.0, 0.0, 20.0], 1.0),
])
@pytest.mark.parametrize("execution", ["vm", "jit"])
def test_tangent_map_where_states_tell_nothing_of_it(sys, x0, duration, execution):
    """At equilibria, near them, on invariant manifolds: against variational equations, which take part in their step sizes."""
    n = len(x0)
    ta = hk.taylor_adaptive(hk.var_ode_sys(sys, hk.var_args.vars, order=1), x0, tol=1e-16, compact_mode=True)
    ta.propagate_until(duration)
    expected = np.asarray(ta.state[n:]).reshape(n, n)
    f = hk.flow(sys, tol=1e-11, execution=execution)
    args = np.tile(x0, (n, 1)), [0.0, duration]
    ys, pullback = f.vjp(*args)
    ybar = np.zeros_like(ys)
    ybar[1] = np.eye(n)
    np.testing.assert_allclose(pullback(ybar)[0], expected, rtol=0, atol=1e-8 * np.abs(expected).max())
    np.testing.assert_allclose(f.jvp(*args, (), (np.eye(n), None, None))[1][1], expected.T, rtol=0,
                               atol=1e-8 * np.abs(expected).max())


def test_tangents_alone():
    f = hk.flow(SYS, tol=1e-15)
    x0dot = np.array([0.3, -1.0])
    ys, ysdot = f.jvp(X0, TS, PARS, (np.tile(x0dot, (5, 1)), None, None))
    h = 1e-4
    expected = (8 * (f(X0 + h * x0dot, TS, PARS) - f(X0 - h * x0dot, TS, PARS))
                - (f(X0 + 2 * h * x0dot, TS, PARS) - f(X0 - 2 * h * x0dot, TS, PARS))) / (12 * h)
    np.testing.assert_allclose(ysdot, expected, rtol=1e-9, atol=1e-11)
    np.testing.assert_allclose(f.jvp(X0[0], TS, PARS, (x0dot, None, None))[1], ysdot[:, 0], rtol=1e-12)
    with pytest.raises(ValueError, match=r"tangents: expected the shape of pars, \(3,\), got \(2,\)"):
        f.jvp(X0, TS, PARS, (None, None, [1.0, 2.0]))
    with pytest.raises(ValueError, match="tangents: expected those of x0, ts and pars, got 1"):
        f.jvp(X0, TS, PARS, (None,))


def test_progress():
    """Work of seconds, of which each report says how much is done: a function is asked 20 times a second."""
    f = hk.flow([(X, V), (V, -X)], tol=1e-15, nthreads=2)
    calls = []
    ys, pullback = f.vjp(np.tile(X0, (40, 1)), [0.0, 2e4], progress=lambda *done: calls.append(done))
    forward = len(calls)
    pullback(np.ones_like(ys), progress=lambda *done: calls.append(done))
    assert 0 < forward < len(calls) and all(0 <= done <= total == 200 for done, total in calls)
    with pytest.raises(ZeroDivisionError):
        f(X0, [0.0, 1e9], progress=lambda done, total: 1 / 0)
    pytest.importorskip("tqdm")
    np.testing.assert_array_equal(f(X0, [0.0, 1.0], progress=True), f(X0, [0.0, 1.0]))


def test_equations_from_an_iterator():
    """They are read once, and are there for copies."""
    f = hk.flow(zip([X, V], [V, -X]), tol=1e-12)
    assert f.sys == [(X, V), (V, -X)]
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(f))([1.0, 0.0], [0.0, 1.0]), f([1.0, 0.0], [0.0, 1.0]))


def test_lanes():
    """Blocks of one vector, by several threads."""
    args = np.tile(X0, (2, 1)), TS, PARS
    narrow = hk.flow(SYS, tol=1e-12, lanes=1, nthreads=2)
    ys, pullback = narrow.vjp(*args)
    parsbar = pullback(np.ones_like(ys))[2]
    wide, pull_wide = hk.flow(SYS, tol=1e-12).vjp(*args)
    np.testing.assert_allclose(ys, wide, rtol=1e-10)
    np.testing.assert_allclose(parsbar, pull_wide(np.ones_like(wide))[2], rtol=1e-9)
    with pytest.raises(ValueError, match="lanes: a number from 0 to 64 was expected, not 65"):
        hk.flow(SYS, lanes=65)


def test_memory_limit_changes_no_bit():
    """Steps are done again from marks."""
    rng = np.random.default_rng(0)
    args = X0, [0.0, 1.0, 40.0], PARS
    ys, pullback = hk.flow(SYS, tol=1e-9, order=4, nthreads=1).vjp(*args)
    again, pull_again = hk.flow(SYS, tol=1e-9, order=4, nthreads=1, memory_limit=200_000).vjp(*args)
    assert pull_again.tape_bytes <= 200_000 < pullback.tape_bytes
    assert pull_again.steps == pullback.steps and pull_again.recomputed_steps > pullback.steps / 2
    ybar = rng.normal(size=ys.shape)
    for one, other in zip(pullback(ybar), pull_again(ybar)):
        np.testing.assert_array_equal(one, other)


def test_copies_and_pickles():
    """They have the equations and options, and what the user has attached; what is large is shared in the pickle."""
    f = hk.flow(SYS, tol=1e-9, order=4, nthreads=1, memory_limit=200_000, execution="vm", precision="double")
    f.label = "own"
    args = X0, [0.0, 1.0, 40.0], PARS
    ys, pullback = f.vjp(*args)
    bars = pullback(ys)
    for other in (copy.copy(f), copy.deepcopy(f), pickle.loads(pickle.dumps(f)), pickle.loads(pickle.dumps(copy.copy(f)))):
        again, pull_again = other.vjp(*args)
        assert (other.dim, other.n_pars, other.tol, other.label, other.sys) == (2, 3, 1e-9, "own", SYS)
        assert pull_again.recomputed_steps == pullback.recomputed_steps > 0
        for one, two in zip((ys, *bars), (again, *pull_again(ys))):
            np.testing.assert_array_equal(one, two)
    e = X
    for _ in range(60):
        e = hk.sin(e * V + e)
    assert len(pickle.dumps(hk.flow([(X, e), (V, e)]))) < 5000
