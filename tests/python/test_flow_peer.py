"""Gradients of flows beside those that the peer gets from variational equations, for a network of 110 weights."""

import numpy as np
import pytest

import tayra as hk

N, M = 6, 4
TIMES = np.array([0.25, 0.5, 1.0, 1.5, 2.0])


def network(m):
    """x' = W2 tanh(W1 x + b1) + b2 + (cos t, 0, ...)"""
    x = m.make_vars(*[f"x{i}" for i in range(N)])
    rhs = m.model.ffnn(inputs=x, nn_hidden=[8], n_out=N, activations=[m.tanh, lambda v: v])
    return x, [rhs[0] + m.cos(m.time), *rhs[1:]]


@pytest.fixture(scope="module")
def arguments():
    rng = np.random.default_rng(5)
    return rng.normal(size=(M, N)), TIMES, rng.normal(0, 0.5, 8 * N + 8 + N * 8 + N)


@pytest.fixture(scope="module")
def theirs(peer, arguments):
    """The peer's states (T, M, n), slopes at these, and Jacobians (T, M, n, n + P + 1): x0, parameters, initial time."""
    x, rhs = network(peer)
    x0, ts, pars = arguments
    system = peer.var_ode_sys(list(zip(x, rhs)), peer.var_args.all, 1)
    ta = peer.taylor_adaptive(system, [0.0] * N, pars=pars, tol=1e-15, compact_mode=True)
    slope = peer.cfunc(rhs, x, compact_mode=True)
    initial, points = ta.state.copy(), []
    for start in x0:
        ta.time = ts[0]
        ta.state[:] = initial
        ta.state[:N] = start
        # The derivative with respect to the initial time begins with minus the slope.
        ta.state[N:].reshape(N, -1)[:, -1] = -slope(start, pars=pars, time=ts[0])
        points.append(ta.propagate_grid(ts)[-1])
    states = np.stack(points, axis=1)
    slopes = np.array([[slope(y[:N], pars=pars, time=t) for y in row] for row, t in zip(states, ts)])
    return states[..., :N], slopes, states[..., N:].reshape(len(ts), M, N, -1)


@pytest.mark.parametrize("tol, relative", [(1e-15, 1e-12), (1e-10, 1e-8)])
@pytest.mark.parametrize("shared", [True, False])
def test_gradient_as_the_peer(theirs, arguments, tol, relative, shared):
    x, rhs = network(hk)
    x0, ts, pars = arguments if shared else (arguments[0], *(np.tile(a, (M, 1)) for a in arguments[1:]))
    ys, pullback = hk.flow(list(zip(x, rhs)), tol=tol).vjp(x0, ts, pars)
    ybar = np.random.default_rng(6).normal(size=ys.shape)
    states, slopes, jacobians = theirs
    each = np.einsum("tmi,tmik->mk", ybar, jacobians)
    # A state changes with its own time by the slope; the first one is x0 at any time, where the two terms cancel.
    tsbar = np.einsum("tmi,tmi->mt", ybar, slopes)
    tsbar[:, 0] += each[:, -1]
    expected = [each[:, :N], tsbar, each[:, N:-1]]
    if shared:
        expected[1:] = [e.sum(axis=0) for e in expected[1:]]
    assert np.abs(ys - states).max() <= relative * np.abs(states).max()
    for bar, e in zip(pullback(ybar), expected):
        assert np.abs(bar - e).max() <= relative * np.abs(e).max()
