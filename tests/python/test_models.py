"""Models: networks against the peer and numpy; bodies and pendulum against the peer; errors."""

import numpy as np
import pytest

import tayra as hk

x, y = hk.make_vars("x", "y")
ffnn = hk.model.ffnn


def identity(v):
    return v


def values(m, fn, names, points):
    return m.cfunc(fn, m.make_vars(*names) if len(names) > 1 else [m.make_vars(*names)])(points)


def test_network_texts_as_the_peer(peer):
    def build(m):
        a, b = m.make_vars("x", "y")
        yield m.model.ffnn([a], [], 1, [m.tanh])
        yield m.model.ffnn([a, b], [2], 1, [m.tanh, lambda v: v])
        yield m.model.ffnn(inputs=[a * b], nn_hidden=[1], n_out=2, activations=[m.tanh, m.sin])
        yield m.model.ffnn([a, b], [2], 1, [m.tanh, lambda v: v], nn_wb=[m.par[0]] * 9)
        yield m.model.ffnn((a,), (2,), 1, (m.tanh, m.leaky_relu(0.1)))
        yield m.model.ffnn(
            np.array([a]), np.array([2]), 1, [m.relu, m.sigmoid], nn_wb=[0.5, -1.0, 2.0, 3.0, 0.0, 1.0, 0.25]
        )

    for ours, theirs in zip(build(hk), build(peer), strict=True):
        assert list(map(str, ours)) == list(map(str, theirs))


def test_network_values(rng):
    """All weights layer by layer, row by row, then all biases."""
    sizes = [4, 7, 5, 3]
    weights = [rng.normal(size=(n, m)) for m, n in zip(sizes, sizes[1:])]
    biases = [rng.normal(size=n) for n in sizes[1:]]
    flat = np.concatenate([w.ravel() for w in weights] + biases)
    inputs = hk.make_vars("a", "b", "c", "d")
    points = rng.normal(size=(4, 50))
    expected = points
    for w, b, f in zip(weights, biases, [np.tanh, np.sin, identity]):
        expected = f(w @ expected + b[:, None])
    for nn_wb in (flat, list(flat), [hk.expression(w) for w in flat]):
        network = ffnn(inputs, [7, 5], 3, [hk.tanh, hk.sin, identity], nn_wb=nn_wb)
        np.testing.assert_allclose(hk.cfunc(network, inputs)(points), expected, rtol=1e-13, atol=1e-13)
    for network in (
        ffnn(inputs, [7, 5], 3, [hk.tanh, hk.sin, identity]),
        ffnn(inputs, [7, 5], 3, [hk.tanh, hk.sin, identity], None),
    ):
        f = hk.cfunc(network, inputs)
        assert f.nparams == flat.size
        np.testing.assert_allclose(
            f(points, pars=np.repeat(flat[:, None], 50, axis=1)), expected, rtol=1e-13, atol=1e-13
        )


def test_activations_are_called_once_per_neuron():
    seen = []
    ffnn([x, y], [2], 3, [lambda v: seen.append(v) or hk.tanh(v)] * 2)
    assert len(seen) == 5 and all(isinstance(v, hk.expression) for v in seen)


@pytest.mark.parametrize(
    "error, arguments",
    [
        (ValueError, dict(nn_wb=[0.1] * 8)),
        (ValueError, dict(nn_wb=[0.1] * 10)),
        (ValueError, dict(nn_wb=[])),
        (ValueError, dict(activations=[hk.tanh])),
        (ValueError, dict(activations=[hk.tanh] * 3)),
        (ValueError, dict(inputs=[])),
        (ValueError, dict(nn_hidden=[0])),
        (ValueError, dict(n_out=0)),
        (TypeError, dict(nn_hidden=[-1])),
        (TypeError, dict(nn_hidden=[2.0])),
        (TypeError, dict(nn_hidden=2)),
        (TypeError, dict(n_out="a")),
        (TypeError, dict(inputs=x)),
        (TypeError, dict(inputs=[1.0])),
        (TypeError, dict(activations=hk.tanh)),
        (TypeError, dict(activations=[hk.tanh, 3])),
        (TypeError, dict(activations=[hk.tanh, lambda v: 1.0])),
        (TypeError, dict(activations=[hk.tanh, lambda: x])),
        (TypeError, dict(nn_wb=np.ones((9, 1)))),
        (TypeError, dict(nn_wb=["a"] * 9)),
        (TypeError, dict(nn_wb=3.0)),
        (ZeroDivisionError, dict(activations=[hk.tanh, lambda v: 1 / 0])),
    ],
)
def test_wrong_networks(error, arguments):
    with pytest.raises(error):
        ffnn(**{"inputs": [x, y], "nn_hidden": [2], "n_out": 1, "activations": [hk.tanh, hk.tanh], **arguments})


BODIES = {
    "default": lambda m: (3, {}),
    "masses": lambda m: (3, dict(masses=[1.0, 2, 0.5])),
    "massless": lambda m: (4, dict(masses=[1.0, 2.0])),
    "zero mass": lambda m: (3, dict(masses=[1.0, 0.0, 2.0])),
    "constant": lambda m: (2, dict(masses=[1.5, 2.5], Gconst=0.3)),
}


@pytest.mark.parametrize("name", BODIES)
def test_bodies_as_the_peer(peer, rng, name):
    results = []
    for m in (hk, peer):
        n, kwargs = BODIES[name](m)
        sys = m.model.nbody(n, **kwargs)
        fn = [rhs for _, rhs in sys] + [m.model.nbody_energy(n, **kwargs), m.model.nbody_potential(n, **kwargs)]
        points = np.random.default_rng(3).normal(size=(6 * n, 20))
        results.append(([str(var) for var, _ in sys], m.cfunc(fn, [var for var, _ in sys])(points)))
    assert results[0][0] == results[1][0]
    np.testing.assert_allclose(results[0][1], results[1][1], rtol=1e-12, atol=1e-13)


def test_symbolic_masses():
    sys = hk.model.nbody(2, masses=[hk.par[0], "m"], Gconst=hk.par[1])
    assert hk.get_params([rhs for _, rhs in sys]) == [hk.par[0], hk.par[1]]
    assert "m" in hk.get_variables([rhs for _, rhs in sys])


@pytest.mark.parametrize(
    "error, call",
    [
        (ValueError, lambda: hk.model.nbody(1)),
        (ValueError, lambda: hk.model.nbody(0)),
        (ValueError, lambda: hk.model.nbody(2, masses=[1.0, 2.0, 3.0])),
        (TypeError, lambda: hk.model.nbody(-1)),
        (TypeError, lambda: hk.model.nbody("a")),
        (TypeError, lambda: hk.model.nbody(2, masses=[None, 1.0])),
        (TypeError, lambda: hk.model.nbody(2, masses=3.0)),
        (TypeError, lambda: hk.model.nbody(2, Gconst=None)),
        (TypeError, lambda: hk.model.pendulum(None)),
    ],
)
def test_wrong_bodies(error, call):
    with pytest.raises(error):
        call()


def test_pendulum_as_the_peer(peer):
    for arguments in (
        lambda m: {},
        lambda m: dict(gconst=2.0, length=3.0),
        lambda m: dict(gconst=m.par[0], length=m.par[1]),
    ):
        results = []
        for m in (hk, peer):
            sys = m.model.pendulum(**arguments(m))
            fn = [rhs for _, rhs in sys] + [m.model.pendulum_energy(**arguments(m))]
            f = m.cfunc(fn, [var for var, _ in sys])
            results.append(([str(var) for var, _ in sys], f([0.3, 0.4], pars=[1.5, 2.5][: f.nparams])))
        assert results[0][0] == results[1][0]
        np.testing.assert_allclose(results[0][1], results[1][1], rtol=1e-15)
    assert str(hk.model.pendulum("g", 2.0)[1][1]).count("g") == 1
