"""Expressions from sympy and to sympy: values against sympy's own, forms against those of the peer."""

import math

import numpy as np
import pytest
import sympy as sp
from hypothesis import given, settings
from hypothesis import strategies as st

import tayra as hk

X, Y = sp.symbols("x y")
x, y = hk.make_vars("x", "y")
POINT = {"x": 0.3, "y": 0.7}
BOTH = [
    X, sp.Integer(3), sp.Float(1.5), sp.Rational(3, 4), sp.pi, X + Y + 1, 2 * X * Y, X**2, 1 / X, X ** sp.Rational(3, 2),
    sp.sqrt(X), 1 / sp.sqrt(X), X - Y, -X, X / Y, 2**X, sp.log(X, 2), sp.exp(-X), sp.sin(X), sp.cos(X), sp.tan(X), sp.asin(X),
    sp.acos(X), sp.atan(X), sp.atan2(Y, X), sp.sinh(X), sp.cosh(X), sp.tanh(X), sp.asinh(X), sp.acosh(X), sp.atanh(X),
    sp.log(X), sp.erf(X), sp.sqrt(X**2 + Y**2), sp.Symbol("par[12]"), sp.Function("heyoka_time")(),
    sp.Symbol("par[0]", real=True) * X,
]  # fmt: skip
MORE = [
    sp.Rational(1, 3), sp.E, sp.EulerGamma, X < Y, X >= Y, sp.Eq(X, Y), sp.Ne(X, Y), sp.And(X < Y, Y < 1), sp.Or(X > Y, Y > 1),
    sp.Max(X, Y, 0.5), sp.Min(X, Y, 0.5), sp.Abs(X - Y), sp.Piecewise((X, X > Y), (2 * X, X > 0.1), (Y, True)), sp.erfc(X),
    sp.csch(X).rewrite(sp.exp), sp.true,
]  # fmt: skip
FUNCTIONS = ["sin", "cos", "tan", "asin", "acos", "atan", "sinh", "cosh", "tanh", "asinh", "atanh", "exp", "expm1", "log",
             "log1p", "erf", "erfc", "sigmoid", "relu", "relup", "sqrt"]  # fmt: skip
RELATIONS = ["lt", "gt", "lte", "gte", "eq", "neq"]


def value(ex):
    """Of one of ours, at POINT."""
    return hk.cfunc([ex], [x, y])([POINT["x"], POINT["y"]])[0]


def theirs(ex):
    """Of one of sympy's there, where conditions are 1 or 0."""
    points = {s: POINT[s.name] for s in ex.free_symbols}
    return float(sp.Integer(1) if (v := ex.subs(points)) == sp.true else sp.Integer(0) if v == sp.false else v.evalf(30))


@pytest.mark.parametrize("ex", BOTH, ids=str)
def test_as_the_peer_reads(ex, peer):
    assert str(hk.from_sympy(ex)) == str(peer.from_sympy(ex))


@pytest.mark.parametrize("ex", BOTH[:-3] + MORE, ids=str)
def test_values_from_sympy(ex):
    if ex == sp.acosh(X):
        ex = ex.subs(X, 1 + X)
    assert value(hk.from_sympy(ex)) == pytest.approx(theirs(ex), rel=1e-14)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_values_to_sympy(name):
    ex = getattr(hk, name)(x - y * 0.2) * 2.0
    assert theirs(hk.to_sympy(ex)) == pytest.approx(value(ex), rel=1e-14)
    again = hk.from_sympy(hk.to_sympy(ex))
    assert value(again) == pytest.approx(value(ex), rel=1e-14)


@pytest.mark.parametrize("name", RELATIONS)
@pytest.mark.parametrize("other", [y, x, x * 0.5])
def test_conditions(name, other):
    relation = getattr(hk, name)(x, other)
    logical = [hk.logical_and([relation, y]), hk.logical_or([relation, x - 0.3, hk.lt(y, x)])]
    for ex in (relation, relation * 2.0 + x, hk.select(relation, x, other + 1.0), hk.select(x, relation, y), *logical):
        converted = hk.to_sympy(ex)
        assert theirs(converted) == value(ex)
        assert value(hk.from_sympy(converted)) == value(ex)


@pytest.mark.parametrize("name, n_args", [("kepE", 2), ("kepF", 3), ("kepDE", 3)])
def test_anomalies(name, n_args, peer):
    """Unknown to sympy: functions with the peer's names, which it reads, too."""
    ex = getattr(hk, name)(*[x, y, x * y][-n_args:])
    converted = hk.to_sympy(ex)
    assert f"heyoka_{name}" in str(converted) and hk.from_sympy(converted) == ex
    assert str(peer.from_sympy(converted)) == str(ex)


def test_forms_to_sympy(peer):
    """As the peer has them, but for the numbers 0 and 1 of pieces, which are integers."""
    for make in (
        lambda m, x, y: x,
        lambda m, x, y: m.par[3],
        lambda m, x, y: m.time,
        lambda m, x, y: m.expression(1.5),
        lambda m, x, y: m.expression(3.0),
        lambda m, x, y: x + y + 1.0,
        lambda m, x, y: x / y - x,
        lambda m, x, y: x**-0.5 + m.sqrt(y) + x**1.5,
        lambda m, x, y: m.pi * m.atan2(x, y) ** 2.0,
        lambda m, x, y: m.diff(m.tan(x) * y, x),
    ):
        assert hk.to_sympy(make(hk, x, y)) == peer.to_sympy(make(peer, *peer.make_vars("x", "y")))
    assert str(hk.to_sympy(hk.leaky_relu(0.1)(x))) == "Piecewise((x, x > 0), (0.1*x, True))"
    assert str(hk.to_sympy(hk.relup(x))) == "Piecewise((1, x > 0), (0, True))"


def test_replacements():
    a = hk.expression("a")
    assert hk.from_sympy(X + 2 * Y, {X: a}) == a + 2.0 * y
    assert hk.from_sympy(X + 2 * Y, {X + 2 * Y: a}) == a
    assert hk.from_sympy(sp.sin(X) * 2, {sp.sin(X): hk.par[1]}) == 2.0 * hk.par[1]
    assert hk.from_sympy(sp.Function("f")(X) + 1, s_dict={sp.Function("f")(X): a}) == 1.0 + a


def larger(ex):
    functions = st.tuples(st.sampled_from([sp.sin, sp.atan, sp.tanh, sp.exp]), ex).map(lambda t: t[0](t[1]))
    return st.one_of(functions, st.tuples(ex, ex).map(lambda t: t[0] + t[1]), st.tuples(ex, ex).map(lambda t: t[0] * t[1]))


@settings(max_examples=60, deadline=None)
@given(st.recursive(st.sampled_from([X, Y, sp.Integer(2), sp.Float(0.7), sp.Rational(1, 2)]), larger, max_leaves=12))
def test_random_expressions(ex):
    exact = theirs(ex)
    if not math.isfinite(exact) or abs(exact) > 1e100:
        return
    ours = hk.from_sympy(ex)
    assert value(ours) == pytest.approx(exact, rel=1e-11, abs=1e-11)
    assert theirs(hk.to_sympy(ours)) == pytest.approx(exact, rel=1e-11, abs=1e-11)


def test_an_integrator_from_sympy():
    """Lagrange's equations of a pendulum, derived by sympy."""
    t, g = sp.symbols("t g")
    q = sp.Function("q")(t)
    lagrangian = q.diff(t) ** 2 / 2 + g * sp.cos(q)
    angle, speed, acceleration = sp.symbols("angle speed acceleration")
    equation = (lagrangian.diff(q.diff(t)).diff(t) - lagrangian.diff(q)).subs(
        {q.diff(t, 2): acceleration, q.diff(t): speed, q: angle}
    )
    rhs = hk.from_sympy(sp.solve(equation, acceleration)[0], {g: hk.expression(9.8)})
    v = hk.make_vars("angle", "speed")
    ta = hk.taylor_adaptive([(v[0], v[1]), (v[1], rhs)], [0.05, 0.0])
    peer = hk.taylor_adaptive(hk.model.pendulum(gconst=9.8), [0.05, 0.0])
    ta.propagate_until(10.0)
    peer.propagate_until(10.0)
    np.testing.assert_allclose(ta.state, peer.state, rtol=0, atol=1e-14)


def test_deep_expressions():
    ex = x
    for _ in range(3000):
        ex = hk.sin(ex) + y
    assert hk.to_sympy(ex).args


def test_errors():
    for bad in (3, 1.5, "x", None, sp.Matrix([X, Y]), x):
        with pytest.raises(TypeError, match="ex: expected an expression of sympy"):
            hk.from_sympy(bad)
    for bad in (sp.I, sp.gamma(X), sp.Function("f")(X), sp.zoo, sp.Mod(X, Y), sp.floor(X), sp.sin(sp.gamma(X))):
        with pytest.raises(TypeError, match="no counterpart"):
            hk.from_sympy(bad)
    for bad in (sp.oo, sp.nan, sp.Integer(10) ** 400, -sp.oo + 0 * X):
        with pytest.raises(TypeError, match="finite"):
            hk.from_sympy(bad)
    with pytest.raises(TypeError, match="none of its conditions"):
        hk.from_sympy(sp.Piecewise((X, X < Y)))
    with pytest.raises(TypeError, match="s_dict: expected a dictionary, got int"):
        hk.from_sympy(X, 3)
    for bad in ({X: 1.5}, {"x": x}):
        with pytest.raises(TypeError, match="s_dict: expected expressions"):
            hk.from_sympy(X, bad)
    for bad in (3, X):
        with pytest.raises(TypeError, match="expected an expression, got"):
            hk.to_sympy(bad)
    for bad in (math.inf, math.nan):
        with pytest.raises(ValueError, match="finite"):
            hk.to_sympy(hk.expression(bad) * hk.sin(x))
