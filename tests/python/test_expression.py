"""Expressions: construction, operators, numpy, structure, text, copies."""

import copy
import math
import pickle

import numpy as np
import pytest
from hypothesis import given

import tayra as hk
from graphs import recipes, symbolic

x, y = hk.make_vars("x", "y")


@pytest.mark.parametrize(
    "value, text",
    [
        (1, "1.0000000000000000"),
        (1.5, "1.5000000000000000"),
        (True, "1.0000000000000000"),
        (2**70, "1.1805916207174113e+21"),
        (np.float64(2), "2.0000000000000000"),
        (np.float32(0.5), "0.50000000000000000"),
        (np.int64(3), "3.0000000000000000"),
        (np.int8(-3), "-3.0000000000000000"),
        (np.longdouble(2), "2.0000000000000000"),
        (np.bool_(True), "1.0000000000000000"),
        (np.array(1.0), "1.0000000000000000"),
        (float("nan"), "nan"),
        (-0.0, "-0.0000000000000000"),
        ("a", "a"),
        (x, "x"),
    ],
)
def test_construction(value, text):
    assert str(hk.expression(value)) == text


def test_default_is_zero():
    assert hk.expression() == hk.expression(0.0)
    assert hk.expression(x=3) == hk.expression(3.0)


@pytest.mark.parametrize(
    "value", [None, [1], (1.0,), 1j, 10**400, np.array([1.0]), np.zeros((1, 1)), {}, object(), x.__class__]
)
def test_construction_of_something_else(value):
    with pytest.raises(TypeError):
        hk.expression(value)


@pytest.mark.parametrize("name", ["", "a\0b"])
def test_bad_names(name):
    with pytest.raises(ValueError):
        hk.expression(name)


def test_make_vars():
    assert hk.make_vars("a") == hk.expression("a")
    assert hk.make_vars("a", "b") == [hk.expression("a"), hk.expression("b")]
    assert isinstance(hk.make_vars("a", "b"), list)
    with pytest.raises(ValueError):
        hk.make_vars()
    with pytest.raises(TypeError):
        hk.make_vars(1)


def test_leaves():
    assert str(hk.par[0]) == "p0" and str(hk.par[np.int64(12)]) == "p12"
    assert str(hk.time) == "t" and str(hk.pi) == "π"
    for index in [-1, 2**32, 2**70, "a", 1.5, None]:
        with pytest.raises(TypeError):
            hk.par[index]


@pytest.mark.parametrize(
    "made, text",
    [
        (x + 1, "(1.0000000000000000 + x)"),
        (1 + x, "(1.0000000000000000 + x)"),
        (x - 2.5, "(x - 2.5000000000000000)"),
        (np.float64(2) * x, "(2.0000000000000000 * x)"),
        (np.float64(2) - x, "(2.0000000000000000 - x)"),
        (np.float64(2) / x, "(2.0000000000000000 / x)"),
        (np.float32(2) * x, "(2.0000000000000000 * x)"),
        (np.int64(2) * x, "(2.0000000000000000 * x)"),
        (x * np.int64(2), "(2.0000000000000000 * x)"),
        (x * np.array(2.0), "(2.0000000000000000 * x)"),
        (np.array(2.0) * x, "(2.0000000000000000 * x)"),
        (x**2, "x**2.0000000000000000"),
        (x**y, "x**y"),
        (pow(x, 2), "x**2.0000000000000000"),
        (-x, "-x"),
        (+x, "x"),
        (x * y + 2.0, "(2.0000000000000000 + (x * y))"),
        (x - True, "(x - 1.0000000000000000)"),
        (sum([x, y]), "(x + y)"),
    ],
)
def test_operators(made, text):
    assert isinstance(made, hk.expression)
    assert repr(made) == str(made) == text


@pytest.mark.parametrize(
    "operation",
    [
        lambda: x + "a",
        lambda: x + None,
        lambda: x * 1j,
        lambda: x + [1, 2],
        lambda: x + 10**400,
        lambda: x // 2,
        lambda: x % 2,
        lambda: x < y,
        lambda: abs(x),
        lambda: float(hk.expression(2)),
        lambda: pow(x, 2, 3),
        lambda: iter(x),
        lambda: x[0],
        lambda: sorted([x, y]),
        lambda: np.sin(x),
    ],
)
def test_unsupported_operations(operation):
    with pytest.raises(TypeError):
        operation()


def test_numpy_arrays_by_element():
    a = np.array([1.0, 2.0])
    for product in (a * x, x * a, a.astype(np.float32) * x, a.astype(int) * x):
        assert product.dtype == object and list(product) == [x, 2.0 * x]
    assert list(x + a) == [x + 1, x + 2]
    assert list(a - np.array([x, y])) == [1 - x, 2 - y]
    assert list(np.array([x, y]) + [0, 0.26]) == [x, y + 0.26]
    assert list(np.array([x, y]) ** 2) == [x**2, y**2]
    matrix = np.array([[1.0, 2.0], [3.0, 4.0]])
    assert list(matrix @ np.array([x, y])) == [x + 2.0 * y, 3.0 * x + 4.0 * y]
    assert np.array([x, y]) @ np.array([x, y]) == x * x + y * y
    assert np.array(x).shape == () and np.array([x, y]).shape == (2,)
    assert list(np.array([x, y]) == x) == [True, False]
    assert np.array([x, y]).sum() == x + y


def test_equality_and_hash_are_by_structure():
    e, same = x * y + 2.0, hk.expression("x") * y + 2
    assert e == same and not e != same and hash(e) == hash(same)
    assert x + y != y + x
    assert x != 1 and hk.expression(1) != 1 and x != "x" and x is not None
    assert {x: 1}[hk.expression("x")] == 1 and x in [y, x]
    assert bool(x)


def test_length():
    assert [len(e) for e in (x, x + y, x * y + 2.0)] == [1, 3, 5]


def test_copies_and_pickles():
    e = hk.sin(x * y + hk.par[3]) ** 2.5 - hk.time * hk.pi
    assert copy.copy(e) == e and copy.deepcopy(e) == e
    for protocol in range(2, pickle.HIGHEST_PROTOCOL + 1):
        assert pickle.loads(pickle.dumps(e, protocol)) == e
    assert pickle.loads(pickle.dumps(hk.par))[1] == hk.par[1]


def test_broken_pickles():
    from tayra import _core

    good = _core.save([x * y])
    for bad in (b"", b"tayx", good[:-1], good + b"x", bytes(255 - b for b in good)):
        with pytest.raises(ValueError):
            _core.load_expression(bad)
    with pytest.raises(ValueError):
        _core.load_expression(_core.save([x, y]))
    with pytest.raises(TypeError):
        _core.load("text")


def test_deep_expressions():
    """The depth of an expression is not limited by a stack."""
    e = x
    for _ in range(100_000):
        e = hk.sin(e)
    assert len(e) == 100_001
    assert pickle.loads(pickle.dumps(e)) == e
    assert hk.get_variables(e) == ["x"]
    del e


def test_functions_take_expressions():
    for name in ("sin", "exp", "sqrt", "tanh", "erf"):
        function = getattr(hk, name)
        for bad in (1, 1.0, "x", None, [x], np.array([x])):
            with pytest.raises(TypeError):
                function(bad)
        with pytest.raises(TypeError):
            function(x, x)
        assert function(arg=x) == function(x)
    assert str(hk.sqrt(x)) == "x**0.50000000000000000"
    assert str(hk.sin(hk.expression(1.0))) == "0.84147098480789650"


def test_functions_of_several_arguments():
    assert str(hk.atan2(x, 1)) == "atan2(x, 1.0000000000000000)"
    assert hk.atan2(y=1, x=x) == hk.atan2(1.0, x)
    assert str(hk.select(hk.gt(x, y), x, 2)) == "select((x > y), x, 2.0000000000000000)"
    comparisons = {"eq": "==", "neq": "!=", "lt": "<", "gt": ">", "lte": "<=", "gte": ">="}
    for name, sign in comparisons.items():
        assert str(getattr(hk, name)(x, 1)) == f"(x {sign} 1.0000000000000000)"
        with pytest.raises(TypeError):
            getattr(hk, name)(1, 1)
    for call in (lambda: hk.atan2(1.0, 2.0), lambda: hk.select(1, 1, 2), lambda: hk.atan2(x, "a"), lambda: hk.atan2(x)):
        with pytest.raises(TypeError):
            call()


ANOMALIES = {  # arguments: first within a circle, then the anomaly
    "kepE": ("e", "M"),
    "kepF": ("h", "k", "lam"),
    "kepDE": ("s0", "c0", "DM"),
}


@pytest.mark.parametrize("name, args", ANOMALIES.items())
def test_anomalies_are_the_peers(peer, name, args):
    rng = np.random.default_rng(5)
    points = np.array([*rng.uniform(0 if name == "kepE" else -0.65, 0.65, (len(args) - 1, 200)), rng.uniform(-20, 20, 200)])
    values = []
    for module in (hk, peer):
        symbols = module.make_vars(*args)
        f = getattr(module, name)(**dict(zip(args, symbols)))
        assert str(f) == f"{name}({', '.join(args)})"
        assert getattr(module, name)(*[0.0] * (len(args) - 1), symbols[-1]) == symbols[-1]
        values.append(module.cfunc([f, *(module.diff(f, s) for s in symbols)], symbols)(points))
    np.testing.assert_allclose(*values, rtol=2e-13, atol=1e-13)
    for bad in ([1.0] * len(args), [x, "a", y][: len(args)]):
        with pytest.raises(TypeError):
            getattr(hk, name)(*bad)


def test_an_orbit_by_anomalies():
    """Two bodies: the anomalies at a time give where the integrator comes to."""
    e, n, t0, t = 0.6, 1.0, 0.4, 5.3
    time = hk.expression("t")
    anomaly = hk.kepE(e, n * time)
    at = hk.cfunc([hk.cos(anomaly) - e, np.sqrt(1 - e * e) * hk.sin(anomaly)], [time])
    slope = hk.cfunc([hk.diff(hk.cos(anomaly), time), np.sqrt(1 - e * e) * hk.diff(hk.sin(anomaly), time)], [time])
    x, y, u, v = hk.make_vars("x", "y", "u", "v")
    pull = -((x * x + y * y) ** -1.5)
    ta = hk.taylor_adaptive([(x, u), (y, v), (u, pull * x), (v, pull * y)], [*at([t0]), *slope([t0])], time=t0)
    ta.propagate_until(t)
    np.testing.assert_allclose(ta.state[:2], at([t]), rtol=1e-13)
    start = hk.cfunc([anomaly], [time])([t0])[0]
    s0, c0, dm = hk.make_vars("s0", "c0", "dm")
    difference = hk.cfunc([hk.kepDE(s0, c0, dm)], [s0, c0, dm])([e * np.sin(start), e * np.cos(start), n * (t - t0)])[0]
    np.testing.assert_allclose(ta.state[0], np.cos(start + difference) - e, rtol=1e-13)
    h, k, lam = hk.make_vars("h", "k", "lam")
    longitude = hk.cfunc([hk.kepF(h, k, lam)], [h, k, lam])([e * np.sin(0.3), e * np.cos(0.3), n * t + 0.3])[0]
    np.testing.assert_allclose(np.cos(longitude - 0.3) - e, ta.state[0], rtol=1e-13)


def test_functions_of_sequences():
    assert hk.sum([x, y]) == x + y and hk.sum((x,)) == x and hk.sum(terms=[x]) == x
    assert hk.sum([]) == hk.expression(0.0) and hk.prod([]) == hk.expression(1.0)
    assert str(hk.prod([x, y, hk.expression(2.0)])) == "(2.0000000000000000 * x * y)"
    assert str(hk.sum(np.array([x, y]))) == "(x + y)"
    assert hk.logical_and([]) == hk.expression(1.0) and hk.logical_or([]) == hk.expression(0.0)
    assert str(hk.logical_and([x, y])) == "logical_and(x, y)" and hk.logical_or([x]) == x
    for function in (hk.sum, hk.prod, hk.logical_and, hk.logical_or):
        for bad in (x, [x, 1.0], {x: 1.0}, "xy", b"xy", np.array(1.0), None, 3):
            with pytest.raises(TypeError):
                function(bad)


def test_iterables_are_sequences():
    assert hk.sum(v * v for v in (x, y)) == x * x + y * y and hk.prod({x}) == x
    assert hk.subs(map(hk.sin, (x, y)), {x: y}) == [hk.sin(y), hk.sin(y)]
    assert hk.get_variables({y: 1, x: 2}.keys()) == ["x", "y"]
    assert hk.diff_tensors((v for v in (x, y)), iter([x])).nouts == 2
    assert hk.cfunc((v for v in (x, y)), {x: 1, y: 2}.keys()).fn == [x, y]
    assert hk.model.ffnn((v for v in (x, y)), iter([2]), 1, (f for f in (hk.tanh, hk.sin)))[0] == (
        hk.model.ffnn([x, y], [2], 1, [hk.tanh, hk.sin])[0]
    )
    right = (y, -x)
    assert hk.taylor_adaptive(zip((x, y), right)).dim == 2 and hk.taylor_adaptive(dict(zip((x, y), right)).items()).dim == 2
    assert hk.var_ode_sys(zip((x, y), right), iter([x])).vargs == [x]

    def fails():
        yield x
        raise KeyError("what an iterator raises")

    for call in (hk.sum, hk.get_variables, lambda e: hk.cfunc(e, [x]), hk.taylor_adaptive):
        with pytest.raises(KeyError):
            call(fails())
    with pytest.raises(TypeError):
        hk.taylor_adaptive([{x, y}, (y, x)])


def test_rectifiers():
    assert str(hk.relu(x)) == "relu(x)" and str(hk.relu(x, 0.1)) == "leaky_relu(x, 0.1)"
    assert hk.leaky_relu(0.1)(x) == hk.relu(x, slope=0.1) and hk.leaky_relu(0.0)(x) == hk.relu(x)
    assert hk.leaky_relup(0.1)(x) == hk.relup(x, 0.1)
    for slope in (-1, math.nan, math.inf):
        for function in (lambda s: hk.relu(x, s), lambda s: hk.relup(x, s), hk.leaky_relu, hk.leaky_relup):
            with pytest.raises(ValueError):
                function(slope)
    for bad in (lambda: hk.relu(1.0), lambda: hk.relu(x, x), lambda: hk.relu(x, "1"), lambda: hk.leaky_relu("1")):
        with pytest.raises(TypeError):
            bad()


def test_substitution():
    assert hk.subs(x * y, {"x": y}) == y * y == hk.subs(x * y, {x: y})
    assert hk.subs([x, y], {x: y, y: x}) == [y, x]
    assert hk.subs(np.array([x, y]), {x: y}) == [y, y]
    assert hk.subs([x * y, y], {x * y: x}) == [x, y]
    assert hk.subs(x, {}) == x
    assert hk.subs(arg=x + 1, smap={"x": hk.expression(2.0)}) == hk.expression(3.0)
    for bad in ({x: 1.0}, {x: y, "y": x}, {1: x}, [x, y], None):
        with pytest.raises(TypeError):
            hk.subs(x * y, bad)
    with pytest.raises(TypeError):
        hk.subs(1.0, {x: y})


def test_renaming():
    assert hk.rename_variables(x * y, {"x": "z"}) == hk.expression("z") * y
    assert hk.rename_variables([x, y], {"x": "y", "y": "x"}) == [y, x]
    for bad in ({"x": y}, {x: "y"}, ["x"]):
        with pytest.raises(TypeError):
            hk.rename_variables(x, bad)


def test_questions():
    e = x * y + hk.expression("a") * hk.par[3] + hk.par[1]
    assert hk.get_variables(e) == ["a", "x", "y"] and hk.get_variables([y, x]) == ["x", "y"]
    assert hk.get_params(e) == [hk.par[1], hk.par[3]] and hk.get_params([x]) == []
    assert hk.get_variables([]) == []
    for function in (hk.get_variables, hk.get_params):
        with pytest.raises(TypeError):
            function(1.0)


def test_derivatives():
    assert hk.diff(x * y, x) == y == hk.diff(x * y, "x")
    assert str(hk.diff(x * y, hk.par[0])) == "0.0000000000000000"
    assert hk.diff([x, y], x) == [hk.expression(1.0), hk.expression(0.0)]
    assert hk.diff(arg=hk.sin(hk.par[1]), var=hk.par[1]) == hk.cos(hk.par[1])
    for bad in (hk.time, x * y, hk.expression(1.0)):
        with pytest.raises(ValueError):
            hk.diff(x * y, bad)
    for bad in (1.0, None):
        with pytest.raises(TypeError):
            hk.diff(x * y, bad)
        with pytest.raises(TypeError):
            hk.diff(bad, x)


@given(recipes)
def test_text_is_the_peers(recipe):
    peer = pytest.importorskip("heyoka")
    assert str(symbolic(hk, recipe)) == str(symbolic(peer, recipe))


@given(recipes)
def test_pickles_of_random_expressions(recipe):
    e = symbolic(hk, recipe)
    assert pickle.loads(pickle.dumps(e)) == e


def test_an_exception_of_an_operand_is_the_users():
    """What asking an object for its length raises is not taken for "it has none", unless it says so itself."""

    class Operand:
        def __init__(self, error):
            self.error = error

        def __len__(self):
            raise self.error

        def __getitem__(self, i):
            raise IndexError

        def __float__(self):
            return 2.0

    x = hk.expression("x")
    assert x + Operand(TypeError("no length")) == x + 2.0
    for error in ZeroDivisionError, KeyboardInterrupt, MemoryError:
        with pytest.raises(error):
            x + Operand(error())
