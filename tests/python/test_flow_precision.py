"""Flows whose high orders are float, against those in double: errors stay below the tolerance, in both directions."""

import numpy as np
import pytest

import tayra as hk

HIDDEN, N = [32, 32], 4
X = hk.make_vars(*(f"x{i}" for i in range(N)))
ACTIVATIONS = [hk.tanh, hk.tanh, lambda x: x]
SYS = list(zip(X, hk.model.ffnn([*X, hk.time], HIDDEN, N, ACTIVATIONS)))
TS = np.linspace(0, 3, 7)


def arguments(m, per_pars=False):
    rng = np.random.default_rng(m)
    n_pars = 5 * 32 + 32 + 32 * 32 + 32 + 32 * 4 + 4
    pars = rng.normal(scale=0.4, size=(m, n_pars) if per_pars else n_pars)
    return rng.normal(size=(m, N)), TS, pars


def gradient(f, args):
    ys, pullback = f.vjp(*args)
    return ys, pullback(np.random.default_rng(5).normal(size=ys.shape))


def error(got, expected):
    return np.max(np.abs(got - expected)) / np.max(np.abs(expected))


def test_who_is_mixed():
    assert hk.flow(SYS, tol=1e-8).precision == "mixed"
    assert hk.flow(SYS, tol=1e-8, precision="double").precision == "double"
    assert hk.flow(SYS, tol=1e-13).precision == "double"
    assert hk.flow([(X[0], hk.tanh(X[0]))], tol=1e-8).precision == "double"
    assert hk.flow([*SYS[:3], (X[3], SYS[3][1] + X[0] / (2 + X[1]))], tol=1e-8).precision == "double"
    with pytest.raises(ValueError, match="precision: "):
        hk.flow(SYS, precision="half")


@pytest.mark.parametrize("tol", [1e-5, 3e-8, 1e-8, 1e-10, 1e-12])
@pytest.mark.parametrize("m, per_pars, execution", [(20, False, "vm"), (20, False, "jit"), (70, False, "vm"), (9, True, "vm")])
def test_errors_are_those_of_double(tol, m, per_pars, execution):
    """A twentieth more, of an error that is some times the tolerance, and what float adds: more to gradients than to states."""
    args = arguments(m, per_pars)
    best = gradient(hk.flow(SYS, tol=1e-15), args)
    double = gradient(hk.flow(SYS, tol=tol, precision="double"), args)
    mixed = gradient(hk.flow(SYS, tol=tol, execution=execution), args)
    for i, one, two, exact in zip(range(4), *([ys, *bars] for ys, bars in (mixed, double, best))):
        assert 0 < np.max(np.abs(one - two)), i
        assert error(one, exact) <= 1.05 * error(two, exact) + (0.1 if i == 0 else 2) * tol, i


def test_forward_and_reverse_agree():
    """To the rounding errors of float in high orders."""
    args = arguments(20)
    f = hk.flow(SYS, tol=1e-10)
    errors = []
    for seed in range(6):
        rng = np.random.default_rng(seed)
        dots = [rng.normal(size=np.shape(a)) for a in args]
        ys, pullback = f.vjp(*args)
        _, ysdot = f.jvp(*args, dots)
        ybar = rng.normal(size=ys.shape)
        terms = [np.sum(bar * dot) for bar, dot in zip(pullback(ybar), dots)]
        errors.append(abs(np.sum(ybar * ysdot) - sum(terms)) / sum(map(abs, terms)))
    assert np.median(errors) < 1e-10 and max(errors) < 5e-10


def test_threads_and_memory_change_no_bit():
    args = arguments(100)
    one = gradient(hk.flow(SYS, tol=1e-9, nthreads=1), args)
    tight = hk.flow(SYS, tol=1e-9, nthreads=2, memory_limit=500_000)
    _, pullback = tight.vjp(*args)
    assert pullback.recomputed_steps > 0
    other = gradient(tight, args)
    np.testing.assert_array_equal(one[0], other[0])
    for a, b in zip(one[1], other[1]):
        np.testing.assert_array_equal(a, b)


def test_beyond_the_range_of_float():
    """x' = W x, which grows to 1e50; the gradient of one state by the matrix and by the initial states is known."""
    n, duration = 36, 115.0
    x = hk.make_vars(*(f"x{i}" for i in range(n)))
    f = hk.flow(list(zip(x, hk.model.ffnn(x, [], n, [lambda v: v]))), tol=1e-9)
    assert f.precision == "mixed"
    pars = np.concatenate([np.eye(n).ravel(), np.zeros(n)])
    x0 = np.random.default_rng(0).uniform(0.5, 1, size=(8, n))
    ys, pullback = f.vjp(x0, [0.0, duration], pars)
    np.testing.assert_allclose(ys[1], x0 * np.exp(duration), rtol=1e-6)
    ybar = np.zeros_like(ys)
    ybar[1, :, 0] = 1e-30
    x0bar, _, parsbar = pullback(ybar)
    np.testing.assert_allclose(x0bar[:, 0], 1e-30 * np.exp(duration), rtol=1e-6)
    np.testing.assert_allclose(parsbar[:n], 1e-30 * duration * np.exp(duration) * x0.sum(axis=0), rtol=1e-6)


def test_a_blow_up_is_that_of_one_trajectory():
    f = hk.flow([*SYS[:3], (X[3], X[3] * X[3])], tol=1e-8)
    assert f.precision == "mixed"
    x0, ts, pars = arguments(16)
    pars = pars[: f.n_pars]
    x0[:, 3] = 0.1
    x0[5, 3] = 1.0
    with pytest.warns(RuntimeWarning, match="1 of 16 trajectories ended early, the first, 5,"):
        ys, _ = f.vjp(x0, ts, pars)
    others = np.arange(16) != 5
    np.testing.assert_allclose(ys[-1, others, 3], 1 / (10 - ts[-1]), rtol=1e-7)
    assert np.isnan(ys[-1, 5]).all()
