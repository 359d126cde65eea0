"""The way back through every function of the table and every form of arithmetic: gradients of flows with respect to
initial states, times and parameters, against central differences of another integrator, with 30 digits (mpmath).

A case is a function F of a module and an argument, so that tayra and mpmath build it alike. It stands in a system of
one state, with explicit time, once in the jets and once in the prologue:

    x' = F(u) (p2 + x/2) + F(p1) t,   u = p0 x + t/8

Lanes take different branches of piecewise functions, and every second one goes backward in time. Systems with other
right-hand sides follow.
"""

import numpy as np
import pytest
from flow_reference import Exact, gradient

import tayra as hk

TIMES = np.array([0.125, 0.1875, 0.28125])

# Where u starts, in each lane: 0.4 and 0.55 unless said.
STARTS = {
    "log": [1.7, 0.6],
    "log1p": [0.02, -0.4],
    "acosh": [2.0, 1.6],
    "relu": [0.9, -0.8, 0.3],
    "relup": [0.9, -0.8, 0.3],
}
# Functions of several arguments; all others are called with u alone. Their branches change at u = 0 and 1.
CALLS = {
    "atan2": lambda m, u: m.atan2(u, 1.3 - u * u),
    "kepE": lambda m, u: m.kepE(m.cos(u) * m.cos(u) * 0.3, m.sin(u) + 2.0),
    "kepF": lambda m, u: m.kepF(m.cos(u) * 0.4, m.sin(u) * 0.4, m.sin(u) + 2.5),
    "kepDE": lambda m, u: m.kepDE(m.cos(u) * 0.4, m.sin(u) * 0.4, m.sin(u) + 2.5),
    "select": lambda m, u: m.select(m.gt(u, 0.0), m.sin(u), u * u),
    "eq": lambda m, u: m.eq(m.lt(u, 0.0), m.gt(u + 1.0, 0.0)) + u,
    "neq": lambda m, u: m.neq(m.lt(u, 0.0), m.gt(u - 1.0, 0.0)) * u,
    "lt": lambda m, u: m.lt(u, 0.0) * u + u,
    "gt": lambda m, u: m.gt(u * u, u) + u,
    "lte": lambda m, u: m.lte(u, 1.0) * m.cos(u),
    "gte": lambda m, u: m.gte(0.0, u) * m.cos(u) + 0.5,
    "logical_and": lambda m, u: m.logical_and([m.gt(u, 0.0), m.lt(u, 1.0)]) * u + 0.25,
    "logical_or": lambda m, u: m.logical_or([m.lt(u, 0.0), m.gt(u, 1.0)]) * u + 0.25,
}
BRANCHES = [0.4, -0.5, 1.5]

# Forms of arithmetic: (F, starts).
FORMS = {
    "square": (lambda m, u: u**2.0, [0.4, -0.6]),
    "cube": (lambda m, u: u**3.0, [0.4, -0.6]),
    "seventh power": (lambda m, u: u**7.0, [0.8, -0.7]),
    "inverse": (lambda m, u: u**-1.0, [0.9, -1.1]),
    "inverse cube": (lambda m, u: u**-3.0, [0.9, -1.1]),
    "square root": (lambda m, u: m.sqrt(u), [0.9, 1.6]),
    "inverse root": (lambda m, u: u**-0.5, [0.9, 1.6]),
    "power 3/2": (lambda m, u: u**1.5, [0.9, 1.6]),
    "power -3/2, of bodies": (lambda m, u: (u * u + 0.5) ** -1.5, [0.9, -0.6]),
    "power 2.7": (lambda m, u: u**2.7, [0.7, 0.9]),
    "power of a number": (lambda m, u: m.expression(2.5) ** u, [0.4, -0.6]),
    "power of u": (lambda m, u: u ** m.sin(u), [0.9, 1.6]),
    "quotient": (lambda m, u: m.sin(u) / (1.5 + u * u), [0.9, -0.6]),
    "quotient of a number": (lambda m, u: 0.75 / (1.5 + u * u), [0.9, -0.6]),
    "quotient by a number": (lambda m, u: m.sin(u) / 3.0, [0.9, -0.6]),
    "quotient of quotients": (lambda m, u: (u / (2.0 + m.cos(u))) / (m.exp(u) / (u - 3.0)), [0.9, -0.6]),
    "product of two": (lambda m, u: m.sin(u) * m.exp(u), [0.5, -0.6]),
    "product of five": (lambda m, u: m.prod([u, m.sin(u), m.exp(u), u + 2.0, m.expression(0.3)]), [0.4, -0.3]),
    "product with itself": (lambda m, u: m.sin(u) * m.sin(u), [0.9, -0.6]),
    "sum of five": (lambda m, u: m.sum([u, m.sin(u), -m.cos(u), m.expression(0.5), -0.25 * u]), [0.9, -0.6]),
    "sum of products": (lambda m, u: m.sin(u) * u - 0.5 * m.cos(u) * m.exp(u) + u * u * 0.25 - 1.0, [0.9, -0.6]),
    "difference, negation": (lambda m, u: -(0.25 - m.sin(u)) - (-u), [0.9, -0.6]),
    "leaky relu": (lambda m, u: m.relu(u, 0.25) * u, [0.9, -0.6]),
    "derivative of leaky relu": (lambda m, u: m.relup(u, 0.25) * u, [0.9, -0.6]),
    "pi": (lambda m, u: m.sin(m.pi * u) + m.pi / 8.0, [0.3, -0.6]),
    "a number": (lambda m, u: m.expression(0.75), [0.3, -0.6]),
    "select of functions": (
        lambda m, u: m.select(m.lt(u, 0.0), m.exp(u), m.select(m.gt(u, 1.0), m.log(u + 1.0), u)),
        BRANCHES,
    ),
    "atan2 in all quadrants": (lambda m, u: m.atan2(m.sin(u), m.cos(u)), [0.5, 2.0, -2.0, -0.5]),
    "atan2 of numbers": (lambda m, u: m.atan2(m.expression(0.5), u) + m.atan2(u, m.expression(-0.5)), [0.5, 1.2]),
    "a function twice": (lambda m, u: m.tanh(m.tanh(u)) * m.tanh(u), [0.5, -0.3]),
    "gaussian": (lambda m, u: m.exp(-u * u) * m.erf(u), [0.5, -0.3]),
}

# Whole systems: right-hand sides of (module, states, parameters, time), initial states of the lanes, parameters.
SYSTEMS = {
    "function of parameters times x": (lambda m, x, p, t: [m.cos(p[0]) * x[0]], [[1.0], [-0.5]], [0.7]),
    "powers of parameters": (
        lambda m, x, p, t: [x[0] * p[0] ** p[1], p[2] ** 3.0 * x[1] + m.sqrt(p[1]) * x[0] + p[0] ** -1.5],
        [[1.0, 0.3], [0.8, -0.5]],
        [1.7, 0.6, 0.9],
    ),
    "quotients of parameters": (
        lambda m, x, p, t: [x[0] / p[0] + p[1] / p[2], p[1] / (x[1] + p[0]) - m.atan2(p[1], p[2]) * x[0]],
        [[1.0, 0.3], [0.8, 0.5]],
        [1.7, 0.6, 0.9],
    ),
    "prologue of a prologue": (
        lambda m, x, p, t: [m.exp(m.sin(p[0] * p[1]) / (p[0] ** 2.0 + 1.0)) * x[1], -m.tanh(p[0] * p[1]) * x[0] * x[1]],
        [[1.0, 0.3], [0.8, 0.5]],
        [1.7, 0.6],
    ),
    "parameters as bases and exponents": (
        lambda m, x, p, t: [x[0] ** p[0] + p[1] ** x[0], x[1] * x[0] ** (p[0] * p[1]) + (p[0] + p[2]) ** (x[1] * p[1])],
        [[0.7, 0.3], [0.5, -0.5]],
        [1.7, 0.6, 0.9],
    ),
    "angles to parameters": (
        lambda m, x, p, t: [m.atan2(x[0], p[0]) + m.atan2(p[0] * p[1], x[1]), m.atan2(-p[1], t) * x[0]],
        [[1.0, 0.3], [0.8, -0.5]],
        [1.7, 0.6],
    ),
    "branches by parameters": (
        lambda m, x, p, t: [
            m.select(m.gt(p[0], 1.0), m.sin(p[1]), m.cos(p[1])) * x[0] + m.select(m.lt(x[1], p[0]), p[1], x[0]),
            m.relu(p[1], 0.1) * x[0] * x[1] + m.select(m.lt(x[1], 0.0), p[0], p[1]),
        ],
        [[1.0, 0.3], [0.8, 0.5]],
        [1.7, -0.6],
    ),
    "explicit time": (
        lambda m, x, p, t: [
            m.sin(p[0] * t) * x[1] + t**3.0,
            m.select(m.gt(t, -1.0), m.exp(-t) * p[1], x[0]) - t * x[1],
        ],
        [[1.0, 0.3], [0.8, 0.5]],
        [1.7, 0.6],
    ),
    "time alone": (lambda m, x, p, t: [m.cos(p[0] * t), t * x[0]], [[1.0, 0.3], [0.8, 0.5]], [1.7]),
    "constant": (
        lambda m, x, p, t: [p[0] + 0.0, p[0] * p[1], m.expression(0.5)],
        [[1.0, 0.3, 0.0], [0.8, 0.5, 1.0]],
        [1.7, 0.6],
    ),
    "a state that nothing reads": (
        lambda m, x, p, t: [x[1], -p[0] * x[1], x[0] * x[1]],
        [[1.0, 0.3, 9.0], [0.8, 0.5, 9.0]],
        [1.7],
    ),
    "unused parameter": (lambda m, x, p, t: [p[2] * x[0]], [[1.0], [0.5]], [1.7, 0.6, 0.3]),
    "two bodies": (
        lambda m, x, p, t: [x[2], x[3], *(-p[0] * x[i] * (x[0] ** 2.0 + x[1] ** 2.0) ** -1.5 for i in (0, 1))],
        [[1.0, 0.3, -0.1, 0.9], [0.8, 0.5, -0.7, 0.7]],
        [1.7],
    ),
    "layers": (
        lambda m, x, p, t: [
            m.sum([p[k] * m.tanh(p[2 + 2 * k] * x[0] + p[3 + 2 * k] * x[1] + p[k]) for k in range(4)]),
            m.sum([p[k] * m.sigmoid(p[2 + k] * x[0] - p[5 + k] * x[1]) for k in range(4)]),
        ],
        [[1.0, 0.3], [0.8, 0.5]],
        [0.3, -0.2, 0.5, 0.7, -0.4, 0.1, 0.6, -0.8, 0.2, 0.9],
    ),
}


def check(system, starts, pars):
    """system(module, parameters)(states, time): right-hand sides. Every second trajectory goes backward in time."""
    m, n = len(starts), len(starts[0])
    variables = [hk.expression(f"x{i}") for i in range(n)]
    f = hk.flow(list(zip(variables, system(hk, hk.par)(variables, hk.time))), tol=1e-15, nthreads=1)
    assert f.n_pars == len(pars)
    rng = np.random.default_rng(0)
    x0, ts, many = np.array(starts), np.stack([TIMES[:: (-1) ** k] for k in range(m)]), np.tile(pars, (m, 1))
    states, pullback = f.vjp(x0, ts, many)
    ybar = rng.normal(size=states.shape)
    bars = pullback(ybar)
    for k in range(m):
        expected = gradient(lambda p: system(Exact(), p), starts[k], ts[k], pars, ybar[:, k])
        scale = max(1.0, np.abs(np.concatenate(expected)).max())
        for name, bar, e in zip(("x0", "ts", "pars"), bars, expected):
            np.testing.assert_allclose(bar[k], e, rtol=1e-11, atol=1e-12 * scale, err_msg=f"{name} of trajectory {k}")

    # Parameters that all trajectories share take another way through the prologue; tangents yet another one.
    shared = f.vjp(x0, ts, pars)[1](ybar)
    for one, other in zip(shared, (*bars[:2], bars[2].sum(axis=0))):
        np.testing.assert_allclose(one, other, rtol=1e-12, atol=1e-12)
    dots = [rng.normal(size=a.shape) for a in (x0, ts, many)]
    terms = [np.sum(bar * dot) for bar, dot in zip(bars, dots)]
    tangents = ybar * f.jvp(x0, ts, many, dots)[1]
    assert abs(tangents.sum() - np.sum(terms)) <= 1e-12 * (np.abs(tangents).sum() + np.abs(terms).sum())


def check_function(function, starts):
    def system(m, p):
        slope = function(m, p[1])
        return lambda x, t: [function(m, p[0] * x[0] + t / 8.0) * (p[2] + x[0] / 2.0) + slope * t]

    check(system, [[start] for start in starts], [1.0, starts[0], 0.7 - starts[0] / 2])


@pytest.mark.parametrize("name", sorted(hk._core.function_codes()))
def test_function(name):
    """A function added to the table is taken with u = 0.4 and 0.55, and by its name in mpmath."""
    call = CALLS.get(name, lambda m, u: getattr(m, name)(u))
    check_function(call, STARTS.get(name, BRANCHES if name in CALLS else [0.4, 0.55]))


@pytest.mark.parametrize("name", FORMS)
def test_form(name):
    check_function(*FORMS[name])


@pytest.mark.parametrize("name", SYSTEMS)
def test_system(name):
    rhs, starts, pars = SYSTEMS[name]
    check(lambda m, p: lambda x, t: rhs(m, x, p, t), starts, pars)


def test_exponent_of_a_negative_number():
    """x^p0 and p1^p0, p0 = 2, where x and p1 are negative: only the derivative with respect to p0 has no meaning."""
    x = hk.expression("x")
    ts, pars = [0.0, 0.25], [2.0, -3.0]
    for general, whole in (
        (x ** hk.par[0] * hk.par[1], x**2.0 * hk.par[1]),
        (x * hk.par[1] ** hk.par[0], x * hk.par[1] ** 2.0),
    ):
        (ys, pullback), (expected, expected_pullback) = (
            hk.flow([(x, rhs)], tol=1e-15).vjp([-0.5], ts, pars) for rhs in (general, whole)
        )
        np.testing.assert_allclose(ys, expected, rtol=1e-14)
        bars, expected_bars = pullback(np.ones_like(ys)), expected_pullback(np.ones_like(ys))
        for bar, e in zip(bars[:2], expected_bars[:2]):
            np.testing.assert_allclose(bar, e, rtol=1e-13)
        np.testing.assert_allclose(bars[2][1], expected_bars[2][1], rtol=1e-13)
