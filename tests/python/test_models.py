"""Models: networks against the peer and numpy; systems and their energies against the peer; what is conserved; errors."""

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


@pytest.mark.parametrize("model", ["nbody", "np1body"])
@pytest.mark.parametrize("name", BODIES)
def test_bodies_as_the_peer(peer, rng, name, model):
    results = []
    for m in (hk, peer):
        n, kwargs = BODIES[name](m)
        sys = getattr(m.model, model)(n, **kwargs)
        fn = [rhs for _, rhs in sys] + [getattr(m.model, model + what)(n, **kwargs) for what in ("_energy", "_potential")]
        points = np.random.default_rng(3).normal(size=(len(sys), 20))
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
        (ValueError, lambda: hk.model.np1body(1)),
        (ValueError, lambda: hk.model.np1body(0)),
        (ValueError, lambda: hk.model.np1body_energy(2, masses=[1.0, 2.0, 3.0])),
        (ValueError, lambda: hk.model.nbody(0)),
        (ValueError, lambda: hk.model.nbody(2, masses=[1.0, 2.0, 3.0])),
        (TypeError, lambda: hk.model.nbody(-1)),
        (TypeError, lambda: hk.model.nbody("a")),
        (TypeError, lambda: hk.model.nbody(2, masses=[None, 1.0])),
        (TypeError, lambda: hk.model.nbody(2, masses=3.0)),
        (TypeError, lambda: hk.model.nbody(2, masses="ab")),
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


# How the numbers of a model are given: as numbers, parameters, names of variables.
GIVEN = {
    "numbers": lambda m, numbers: list(numbers),
    "parameters": lambda m, numbers: [m.par[i] for i in range(len(numbers))],
    "names": lambda m, numbers: [f"given_{i}" for i in range(len(numbers))],
    "expressions": lambda m, numbers: [m.expression(v) * m.cos(m.expression("x")) for v in numbers],
}


def with_masses(numbers):
    return dict(Gconst=numbers[0], masses=numbers[1:4], positions=np.reshape(numbers[4:13], (3, 3)))


# The model, and the quantities that it conserves or that are parts of them: the number of numbers, keywords made of them.
PARTICLES = {
    "cr3bp": (["cr3bp_jacobi"], 1, lambda v: dict(mu=v[0])),
    "rotating": (["rotating_energy", "rotating_potential"], 3, lambda v: dict(omega=v)),
    "fixed_centres": (["fixed_centres_energy", "fixed_centres_potential"], 13, with_masses),
    "mascon": (["mascon_energy", "mascon_potential"], 16, lambda v: dict(omega=v[13:], **with_masses(v))),
}


def particle(m, name, **kwargs):
    return getattr(m.model, name)(**kwargs), [getattr(m.model, f)(**kwargs) for f in PARTICLES[name][0]]


@pytest.mark.parametrize("given", GIVEN)
@pytest.mark.parametrize("name", PARTICLES)
def test_particles_as_the_peer(peer, rng, name, given):
    _, n, keywords = PARTICLES[name]
    numbers, points = rng.uniform(0.1, 0.4, n), rng.normal(size=(6, 20))
    named = [f"given_{i}" for i in range(n)] if given == "names" else []
    results = []
    for m in (hk, peer):
        sys, energies = particle(m, name, **keywords(GIVEN[given](m, numbers)))
        names = [str(var) for var, _ in sys]
        f = m.cfunc([rhs for _, rhs in sys] + energies, m.make_vars(*names, *named))
        inputs = np.vstack([points, np.repeat(numbers[:, None], 20, axis=1)[: len(named)]])
        results.append((names, f(inputs, pars=np.repeat(numbers[:, None], 20, axis=1)[: f.nparams])))
    assert results[0][0] == results[1][0]
    np.testing.assert_allclose(results[0][1], results[1][1], rtol=1e-11, atol=1e-12)


PLACES = [[1.0, 0, 0], [0, 2, 0.5]]


@pytest.mark.parametrize("name", PARTICLES)
def test_particles_by_default(peer, rng, name):
    """Without arguments, by position, and with the numbers that make terms vanish."""
    some = {
        "cr3bp": [[], [0.25]],
        "rotating": [[], [()], [(0.0, 0.0, 2.0)], [np.array([0.0, 3.0, 0.0])], [range(3)]],
        "fixed_centres": [[], [0.0, [1], PLACES[:1]], [2.0, (0.0, -1), PLACES], [2, np.ones(2), np.array(PLACES, np.float32)]],
        "mascon": [[], [1.0, [], np.empty((0, 3)), [1, 2, 3]], [3.0, [2.0, 0], PLACES, (0, 0.5, 0)], [3.0, [2.0, 1], PLACES]],
    }
    points = rng.normal(size=(6, 10))
    for arguments in some[name]:
        results = []
        for m in (hk, peer):
            sys = getattr(m.model, name)(*arguments)
            energies = [getattr(m.model, f)(*arguments) for f in PARTICLES[name][0]]
            results.append(m.cfunc([rhs for _, rhs in sys] + energies, [var for var, _ in sys])(points))
        np.testing.assert_allclose(*results, rtol=1e-12, atol=1e-13)


def test_nothing_along_the_axis():
    """In a frame that turns about an axis of coordinates, no rounding errors push along that axis."""
    for axis in range(3):
        omega = [0.0, 0.0, 0.0]
        omega[axis] = hk.par[0]
        assert hk.model.rotating(omega)[3 + axis][1] == hk.expression(0.0)


@pytest.mark.parametrize(
    "name, kwargs, start",
    [
        ("cr3bp", dict(mu=0.01), [-0.45, 0.8, 0.1, -0.8, -0.45, 0.05]),
        ("rotating", dict(omega=[0.1, -0.2, 0.3]), [1.0, 0.5, -0.5, 0.1, 0.2, 0.3]),
        ("fixed_centres", dict(Gconst=1.5, masses=[1.0, 0.5], positions=PLACES), [3.0, 0.5, 1.0, 0.0, 0.6, 0.3]),
        ("mascon", dict(masses=[0.5, 0.7], positions=[[0.3, 0, 0], [-0.2, 0.1, 0]], omega=[0, 0.1, 0.6]), [2, 0, 0.3, 0, 0, 0.4]),
    ],
)
def test_conserved_along_the_way(name, kwargs, start):
    sys, energies = particle(hk, name, **kwargs)
    ta = hk.taylor_adaptive(sys, start)
    f = hk.cfunc(energies, [var for var, _ in sys])
    states = np.vstack([start, ta.propagate_grid(np.linspace(0, 20, 50))[-1]])
    of_time = f(np.ascontiguousarray(states.T))
    np.testing.assert_allclose(of_time[0], of_time[0][0], rtol=0, atol=3e-13 * np.abs(of_time).max())
    assert np.abs(states - start).max() > 0.5
    if len(energies) == 2:  # kinetic and potential
        np.testing.assert_allclose(of_time[0] - of_time[1], 0.5 * (states[:, 3:] ** 2).sum(axis=1), rtol=1e-11)


def test_at_rest_seen_from_a_rotating_frame():
    """What rests in space goes round, backwards, in a frame that turns about z."""
    ta = hk.taylor_adaptive(hk.model.rotating([0.0, 0.0, 0.5]), [1.0, 0.0, 2.0, 0.0, -0.5, 0.0])
    ta.propagate_until(3.0)
    np.testing.assert_allclose(ta.state[:3], [np.cos(1.5), -np.sin(1.5), 2.0], rtol=1e-14)


ONE = [[1.0, 2.0, 3.0]]


@pytest.mark.parametrize(
    "error, names, kwargs",
    [
        (ValueError, "cr3bp", dict(mu=0.0)),
        (ValueError, "cr3bp", dict(mu=0.5)),
        (ValueError, "cr3bp", dict(mu=-0.1)),
        (ValueError, "cr3bp", dict(mu=1)),
        (ValueError, "cr3bp", dict(mu=np.nan)),
        (ValueError, "cr3bp", dict(mu=np.inf)),
        (TypeError, "cr3bp", dict(mu=None)),
        (TypeError, "cr3bp", dict(mu=[0.1])),
        (TypeError, "cr3bp", dict(nu=0.1)),
        (ValueError, "rotating mascon", dict(omega=[1.0])),
        (ValueError, "rotating mascon", dict(omega=[1.0, 2.0])),
        (ValueError, "rotating mascon", dict(omega=[1.0, 2.0, 3.0, 4.0])),
        (TypeError, "rotating mascon", dict(omega=None)),
        (TypeError, "rotating mascon", dict(omega=1.0)),
        (TypeError, "rotating mascon", dict(omega="xyz")),
        (TypeError, "rotating mascon", dict(omega=[None] * 3)),
        (TypeError, "rotating mascon", dict(omega=np.ones((1, 3)))),
        (TypeError, "rotating mascon", dict(omega={1: 2.0, 2: 3.0, 3: 4.0})),
        (TypeError, "fixed_centres", dict(omega=[1.0, 2.0, 3.0])),
        (ValueError, "fixed_centres mascon", dict(masses=[1.0])),
        (ValueError, "fixed_centres mascon", dict(positions=ONE)),
        (ValueError, "fixed_centres mascon", dict(masses=[1.0, 2.0], positions=ONE)),
        (ValueError, "fixed_centres mascon", dict(masses=[1.0], positions=[[1.0, 2.0]])),
        (ValueError, "fixed_centres mascon", dict(masses=[1.0], positions=[1.0, 2.0, 3.0])),
        (ValueError, "fixed_centres mascon", dict(masses=[1.0] * 2, positions=[[1.0, 2.0, 3.0], [1.0, 2.0]])),
        (ValueError, "fixed_centres mascon", dict(masses=[1.0] * 4, positions=np.ones((3, 4)))),
        (ValueError, "fixed_centres mascon", dict(masses=[1.0], positions=np.ones((1, 3, 1)))),
        (ValueError, "fixed_centres mascon", dict(masses=[], positions=[])),
        (ValueError, "fixed_centres mascon", dict(masses=[1.0], positions="abc")),
        (ValueError, "fixed_centres mascon", dict(masses=[1.0], positions=iter(ONE))),
        (TypeError, "fixed_centres mascon", dict(positions=None)),
        (TypeError, "fixed_centres mascon", dict(masses=[1.0], positions=2.0)),
        (TypeError, "fixed_centres mascon", dict(masses=[1.0], positions=[[None] * 3])),
        (TypeError, "fixed_centres mascon", dict(masses=None)),
        (TypeError, "fixed_centres mascon", dict(masses=1.0, positions=ONE)),
        (TypeError, "fixed_centres mascon", dict(masses="a", positions=ONE)),
        (TypeError, "fixed_centres mascon", dict(masses=[None], positions=ONE)),
        (TypeError, "fixed_centres mascon", dict(masses=[1j], positions=ONE)),
        (TypeError, "fixed_centres mascon", dict(Gconst=None)),
        (TypeError, "fixed_centres mascon", dict(Gconst=[1.0])),
    ],
)
def test_wrong_particles(peer, error, names, kwargs):
    """In all functions of a model, and the peer agrees; messages say which argument it is."""
    for name in names.split():
        for f in (name, *PARTICLES[name][0]):
            for m in (hk, peer):
                with pytest.raises(error) as caught:
                    getattr(m.model, f)(**kwargs)
                assert m is peer or any(word in str(caught.value) for word in kwargs)
