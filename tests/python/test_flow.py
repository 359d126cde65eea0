"""Flows in Python: states and gradients against the integrator and finite differences, shapes, bad input."""

import numpy as np
import pytest

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


def test_one_state_for_many_parameters():
    f = hk.flow(SYS, tol=1e-12)
    pars = np.stack([PARS, 2 * PARS])
    states, pullback = f.vjp(X0[0], TS, pars)
    each = [f.vjp(X0[0], TS, p) for p in pars]
    x0bar = pullback(np.ones_like(states))[0]
    np.testing.assert_allclose(states, np.stack([ys for ys, _ in each], axis=1), rtol=1e-11)
    np.testing.assert_allclose(x0bar, sum(pull(np.ones_like(ys))[0] for ys, pull in each), rtol=1e-10)


def test_blow_up_warns_and_spares_the_others():
    f = hk.flow([(X, X * X)], tol=1e-12)
    with pytest.warns(RuntimeWarning, match="1 of 2 trajectories ended early, the first, 1,"):
        states, pullback = f.vjp([[0.1], [1.0]], [0.0, 2.0])
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
