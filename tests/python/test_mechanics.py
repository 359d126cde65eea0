"""Equations of motion against the peer and numpy; energy, dissipation, the same motion in both forms; errors."""

import time

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

import tayra as hk

x, y, v, w = hk.make_vars("x", "y", "v", "w")
G = 9.8


def names(letter, n):
    return [hk.expression(f"{letter}{i}") for i in range(n)]


def values(m, system, point, pars=(), t=0.0):
    """The right-hand sides at a point, the values of the left-hand sides."""
    f = m.cfunc([rhs for _, rhs in system], [var for var, _ in system])
    kwargs = {} if f.nparams == 0 else {"pars": list(pars[: f.nparams])}
    return f(point, time=t, **kwargs) if f.is_time_dependent else f(point, **kwargs)


def double_pendulum(m):
    """Masses par[0], par[1], lengths par[2], par[3]: (L, H, coordinates, velocities, momenta)."""
    x, y, v, w, p, q = m.make_vars("x", "y", "v", "w", "p", "q")
    m1, m2, l1, l2 = (m.par[i] for i in range(4))
    a, b, c = (m1 + m2) * l1**2, m2 * l2**2, m2 * l1 * l2 * m.cos(x - y)
    potential = -(m1 + m2) * G * l1 * m.cos(x) - m2 * G * l2 * m.cos(y)
    kinetic = (a * v**2 + b * w**2) / 2.0 + c * v * w
    of_momenta = (b * p**2 + a * q**2 - 2.0 * c * p * q) / (2.0 * (a * b - c**2))
    return kinetic - potential, of_momenta + potential, [x, y], [v, w], [p, q]


def swing(m):
    L, _, qs, qdots, _ = double_pendulum(m)
    return m.lagrangian(L, qs, qdots)


def with_friction(m):
    L, _, qs, qdots, _ = double_pendulum(m)
    D = m.par[4] * qdots[0] ** 2 + (qdots[0] - qdots[1]) ** 2 * m.par[5] * m.exp(-m.time)
    return m.lagrangian(L=L, qs=qs, qdots=qdots, D=D)


def driven(m):
    """Time in M, in the momenta and in the potential."""
    x, y, v, w = m.make_vars("x", "y", "v", "w")
    t = m.time
    L = m.exp(t) * v**2 + (2.0 + m.sin(t * x)) * w**2 + m.cos(y * t) * v * w + t * x * v - m.cos(x - t) * m.par[0]
    return m.lagrangian(L, (x, y), np.array([v, w]), m.expression(0.0))


def central_force(m):
    r, phi, v, w = m.make_vars("r", "phi", "v", "w")
    return m.lagrangian((v**2 + (r + 3.0) ** 2 * w**2) / 2.0 + 1.0 / (r + 3.0), [r, phi], [v, w], w * w * m.par[0])


def null_coordinates(m):
    x, y, z, a, b, c = m.make_vars("x", "y", "z", "a", "b", "c")
    return m.lagrangian(a * b * (2.0 + m.sin(z)) + c**2 * m.par[0] - x * y * z, [x, y, z], [a, b, c])


def relativistic(m):
    x, v = m.make_vars("x", "v")
    return m.lagrangian(-m.sqrt(30.0 - v**2) - x**4, [x], [v], v**4)


def swing_by_momenta(m):
    _, H, qs, _, ps = double_pendulum(m)
    return m.hamiltonian(H=H, qs=qs, ps=ps)


def driven_by_momenta(m):
    x, y, p, q = m.make_vars("x", "y", "p", "q")
    return m.hamiltonian(m.par[0] * p * q * m.cos(m.time * x) + y * p + m.exp(-y), (x, y), (p, q))


@pytest.mark.parametrize(
    "build",
    [swing, with_friction, driven, central_force, null_coordinates, relativistic, swing_by_momenta, driven_by_momenta],
)
def test_equations_as_the_peer(peer, rng, build):
    ours, theirs = build(hk), build(peer)
    assert [str(var) for var, _ in ours] == [str(var) for var, _ in theirs]
    for _ in range(20):
        point, pars, t = rng.uniform(-2, 2, len(ours)), rng.uniform(0.5, 2, 6), rng.uniform(-1, 1)
        expected = values(peer, theirs, point, pars, t)
        np.testing.assert_allclose(values(hk, ours, point, pars, t), expected, rtol=1e-11, atol=1e-11)


def test_form_of_the_result():
    L = 0.5 * hk.par[0] * v**2 + 0.5 * hk.par[1] * w**2 - x * y
    system = hk.lagrangian(L, [x, y], [v, w])
    assert isinstance(system, list) and all(isinstance(pair, tuple) for pair in system)
    assert system[:2] == [(x, v), (y, w)] and [var for var, _ in system] == [x, y, v, w]
    assert [str(rhs).count("/") for _, rhs in system[2:]] == [1, 1]
    assert hk.hamiltonian(v**2 + x * w, [x, y], [v, w]) == [
        (x, 2.0 * v), (y, x), (v, -w), (w, hk.expression(0.0))
    ]  # fmt: skip


def test_chain_of_pendulums(rng):
    """M is dense, M_ij = (n - max(i, j)) cos(q_i - q_j), and the expressions stay small."""
    n = 6
    q, v = names("q", n), names("v", n)
    count = np.array([[float(n - max(i, j)) for j in range(n)] for i in range(n)])
    terms = [0.5 * count[i, j] * v[i] * v[j] * hk.cos(q[i] - q[j]) for i in range(n) for j in range(n)]
    terms += [G * (n - i) * hk.cos(q[i]) for i in range(n)]
    start = time.perf_counter()
    system = hk.lagrangian(hk.sum(terms), q, v)
    assert time.perf_counter() - start < 0.5
    f = hk.cfunc([rhs for _, rhs in system[n:]], q + v)
    for _ in range(50):
        angles, rates = rng.normal(size=(2, n))
        differences = angles[:, None] - angles
        force = -(count * np.sin(differences)) @ rates**2 - G * np.arange(n, 0, -1) * np.sin(angles)
        expected = np.linalg.solve(count * np.cos(differences), force)
        np.testing.assert_allclose(f(np.concatenate([angles, rates])), expected, rtol=1e-11, atol=1e-11)


def test_double_pendulum_moves_the_same_way_in_both_forms():
    L, H, qs, qdots, ps = double_pendulum(hk)
    pars, state = [1.0, 0.5, 1.2, 0.8], [1.0, 0.3, 0.0, 0.5]
    momenta = hk.cfunc(hk.diff_tensors([L], qdots, diff_order=1).gradient, qs + qdots)
    energy = hk.cfunc([H], qs + ps)
    a = hk.taylor_adaptive(hk.lagrangian(L, qs, qdots), state, pars=pars)
    b = hk.taylor_adaptive(hk.hamiltonian(H, qs, ps), state[:2] + list(momenta(state, pars=pars)), pars=pars)
    first = energy(b.state, pars=pars)[0]
    for t in range(1, 11):
        a.propagate_until(float(t))
        b.propagate_until(float(t))
        np.testing.assert_allclose(a.state[:2], b.state[:2], rtol=0, atol=1e-11)
        np.testing.assert_allclose(momenta(a.state, pars=pars), b.state[2:], rtol=0, atol=1e-11)
        for p in (momenta(a.state, pars=pars), b.state[2:]):
            assert abs(energy(np.concatenate([a.state[:2], p]), pars=pars)[0] - first) < 1e-12 * abs(first)


def test_dissipation():
    """x'' = -x - 2 c x' with D = c x'^2: a damped oscillation, and the power lost is 2 D."""
    c = 0.1
    system = hk.lagrangian(0.5 * v**2 - 0.5 * x**2, [x], [v], c * v**2)
    ta = hk.taylor_adaptive(system, [1.0, 0.0])
    ta.propagate_until(5.0)
    frequency = np.sqrt(1 - c**2)
    expected = np.exp(-c * 5) * (np.cos(frequency * 5) + c / frequency * np.sin(frequency * 5))
    assert abs(ta.state[0] - expected) < 1e-14
    (_, velocity), (_, force) = system
    np.testing.assert_allclose(values(hk, [(x, v * force + x * velocity), (v, -2 * c * v**2)], [0.3, 0.7])[0], -2 * c * 0.49)


@st.composite
def matrices(draw):
    """A symmetric matrix with zeros where they may be, also on the diagonal, and large entries where they are few."""
    n = draw(st.integers(1, 6))
    bits = draw(st.lists(st.booleans(), min_size=n * (n + 1) // 2, max_size=n * (n + 1) // 2))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    matrix = np.zeros((n, n))
    matrix[np.tril_indices(n)] = bits * rng.uniform(1, 2, len(bits)) * rng.choice([-1, 1], len(bits))
    matrix += np.tril(matrix, -1).T
    return matrix, rng


def quadratic(matrix, v):
    return hk.sum([0.5 * matrix[i, j] * v[i] * v[j] for i in range(len(v)) for j in range(len(v))])


@given(matrices(), st.booleans())
def test_random_quadratic_forms(made, is_definite):
    """L = v.M v / 2 + v.B q - q.C q / 2, D = v.F v / 2: M v' = (B' - B) v - C q - F v."""
    M, rng = made
    n = len(M)
    if is_definite:
        M = M @ M.T + np.eye(n)
    assume(np.linalg.cond(M) < 1e3)
    B, C, F = (rng.integers(-1, 2, (n, n)) * rng.normal(size=(n, n)) for _ in range(3))
    C, F = C + C.T, F + F.T
    q, v = names("q", n), names("v", n)
    L = quadratic(M, v) - quadratic(C, q) + hk.sum([B[i, j] * v[i] * q[j] for i in range(n) for j in range(n)])
    system = hk.lagrangian(L, q, v, quadratic(F, v))
    positions, rates = rng.normal(size=(2, n))
    expected = np.linalg.solve(M, (B.T - B) @ rates - C @ positions - F @ rates)
    got = values(hk, system, np.concatenate([positions, rates]))
    np.testing.assert_array_equal(got[:n], rates)
    np.testing.assert_allclose(got[n:], expected, rtol=0, atol=1e-12 * np.linalg.cond(M) * (1 + abs(expected).max()))


@given(matrices())
def test_zeros_that_make_a_matrix_singular(made):
    """A matrix is refused if all products of n entries, one in each row and column, have a 0; entries are parameters."""
    M, _ = made
    n = len(M)
    q, v = names("q", n), names("v", n)
    terms = [hk.par[i * n + j] * v[i] * v[j] for i in range(n) for j in range(i) if M[i, j] != 0.0]
    terms += [0.5 * hk.par[i * n + i] * v[i] ** 2 for i in range(n) if M[i, i] != 0.0]
    columns = {frozenset()}
    for i in range(n):
        columns = {taken | {j} for taken in columns for j in range(n) if M[i, j] != 0.0 and j not in taken}
    if not columns:
        with pytest.raises(ValueError, match="singular"):
            hk.lagrangian(hk.sum(terms + q), q, v)
        return
    system = hk.lagrangian(hk.sum(terms + q), q, v)
    assume(np.linalg.cond(M) < 1e3)
    got = values(hk, system, np.zeros(2 * n), M.ravel())[n:]
    np.testing.assert_allclose(np.array(M) @ got, np.ones(n), rtol=0, atol=1e-9)


WRONG = [
    (ValueError, lambda m: dict(qs=[], qdots=[])),
    (ValueError, lambda m: dict(qs=[m.expression("x")])),
    (ValueError, lambda m: dict(qdots=m.make_vars("v", "w", "x"))),
    (ValueError, lambda m: dict(qs=m.make_vars("x", "x"))),
    (ValueError, lambda m: dict(qdots=m.make_vars("v", "v"))),
    (ValueError, lambda m: dict(qs=m.make_vars("x", "v"))),
    (ValueError, lambda m: dict(qs=[m.expression("x"), m.par[0]])),
    (ValueError, lambda m: dict(qs=[m.expression("x"), m.expression(1.0)])),
    (ValueError, lambda m: dict(qdots=[m.expression("v"), m.time])),
    (ValueError, lambda m: dict(qdots=[m.expression("v"), m.expression("v") + m.expression("w")])),
    (ValueError, lambda m: dict(L=m.expression("v") * m.expression("z"))),
    (TypeError, lambda m: dict(L=1.0)),
    (TypeError, lambda m: dict(L="x")),
    (TypeError, lambda m: dict(qs=m.expression("x"))),
    (TypeError, lambda m: dict(qs=["x", "y"])),
    (TypeError, lambda m: dict(qs=None)),
    (TypeError, lambda m: dict(qdots=[1.0, 2.0])),
    (TypeError, lambda m: dict(qdots="vw")),
    (ValueError, lambda m: dict(D=m.expression("x") * m.expression("v"))),
    (ValueError, lambda m: dict(D=m.expression("z"))),
    (TypeError, lambda m: dict(D=0.0)),
    (TypeError, lambda m: dict(D=None)),
]


@pytest.mark.parametrize("error, wrong", WRONG)
def test_wrong_arguments_as_the_peer(peer, error, wrong):
    for m in (hk, peer):
        x, y, v, w = m.make_vars("x", "y", "v", "w")
        arguments = {"L": v**2 + w**2, "qs": [x, y], "qdots": [v, w], **wrong(m)}
        with pytest.raises(error):
            m.lagrangian(**arguments)
        if "D" not in arguments:
            with pytest.raises(error):
                m.hamiltonian(arguments["L"], arguments["qs"], arguments["qdots"])


@pytest.mark.parametrize("L", [x, v - x, v**2 + w * x, (v + w) ** 2, hk.expression(0.0)])
def test_singular_lagrangians(L):
    with pytest.raises(ValueError, match="no equation is left for the acceleration of coordinate"):
        hk.lagrangian(L, [x, y], [v, w])


def test_messages_say_where():
    with pytest.raises(ValueError, match=r"as many velocities as coordinates were expected, 1, not 2"):
        hk.lagrangian(v, [x], [v, w])
    with pytest.raises(ValueError, match=r"as many momenta as coordinates were expected, 2, not 1"):
        hk.hamiltonian(v, [x, y], [v])
    with pytest.raises(ValueError, match=r"'v' is momentum 0 and momentum 1"):
        hk.hamiltonian(v, [x, y], [v, v])
    with pytest.raises(ValueError, match=r"a variable was expected as velocity 1, not '\(v \+ w\)'"):
        hk.lagrangian(v, [x, y], [v, v + w])
