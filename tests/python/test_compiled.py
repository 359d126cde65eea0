"""Compiled functions: values against numpy, one point against many, shapes, dtypes, layouts, errors."""

import copy
import pickle
import threading

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tayra as hk
from graphs import UNARY, VARIABLES, numeric, recipes, symbolic

x, y = hk.make_vars("x", "y")
BIG = np.arange(20.0).reshape(2, 10)
DOMAIN = {
    "log": (0.01, 5.0), "sqrt": (0.0, 5.0), "asin": (-1.0, 1.0), "acos": (-1.0, 1.0), "acosh": (1.0, 5.0),
    "atanh": (-0.99, 0.99), "log1p": (-0.9, 5.0), "tan": (-1.5, 1.5),
}  # fmt: skip


@pytest.fixture(scope="module")
def f():
    return hk.cfunc([x + y, x - y, x * y], [x, y])


@pytest.fixture(scope="module")
def g():
    """Depends on par[0], par[2] and time."""
    return hk.cfunc([x + hk.par[0] * hk.time, y + hk.par[2]], [x, y])


@pytest.mark.parametrize("name", UNARY)
@pytest.mark.parametrize("dtype, tolerance", [(np.float64, 2e-15), (np.float32, 2e-6)])
def test_function_values(name, dtype, tolerance):
    low, high = DOMAIN.get(name, (-3.0, 3.0))
    points = np.linspace(low, high, 1001).astype(dtype)
    values = hk.cfunc([getattr(hk, name)(x)], [x], fp_type=dtype)(points[None])[0]
    expected = UNARY[name](points.astype(np.float64))
    assert values.dtype == dtype
    np.testing.assert_allclose(values, expected, rtol=tolerance, atol=tolerance)


def test_functions_of_several_arguments(rng):
    points = rng.normal(size=(2, 100))
    points[1, ::7] = points[0, ::7]
    a, b = points
    comparisons = [np.equal, np.not_equal, np.less, np.greater, np.less_equal, np.greater_equal]
    cases = [(hk.atan2(x, y), np.arctan2(a, b)), (hk.select(hk.gt(x, y), x, 3.0), np.where(a > b, a, 3.0))]
    cases += [(getattr(hk, n)(x, y), c(a, b)) for n, c in zip(["eq", "neq", "lt", "gt", "lte", "gte"], comparisons)]
    cases += [
        (hk.relu(x), np.maximum(a, 0)),
        (hk.relu(x, 0.2), np.where(a > 0, a, 0.2 * a)),
        (hk.relup(x, 0.2), np.where(a > 0, 1, 0.2)),
    ]
    cases += [
        (hk.logical_and([hk.gt(x, 0.0), hk.gt(y, 0.0)]), (a > 0) & (b > 0)),
        (hk.logical_or([hk.gt(x, 0.0), hk.gt(y, 0.0)]), (a > 0) | (b > 0)),
        (hk.pi * x, np.pi * a),
    ]
    values = hk.cfunc([e for e, _ in cases], [x, y])(points)
    for i, (_, expected) in enumerate(cases):
        np.testing.assert_allclose(values[i], expected, rtol=1e-15, err_msg=str(cases[i][0]))


@given(st.lists(recipes, min_size=1, max_size=3), st.integers(1, 40), st.integers(0, 2**32 - 1))
def test_random_graphs(recipe_list, n, seed):
    """Many points (in loops), one point, and plain numpy agree."""
    rng = np.random.default_rng(seed)
    variables = hk.make_vars(*VARIABLES)
    fn = [symbolic(hk, r) for r in recipe_list]
    f = hk.cfunc(fn, variables)
    points, time = rng.uniform(-1, 1, (3, n)), rng.uniform(-1, 1, n)
    pars = rng.uniform(-1, 1, (f.nparams, n))
    values = f(points, pars=pars, time=time)
    all_pars = np.vstack([pars, np.zeros((3 - f.nparams, n))])
    for i, recipe in enumerate(recipe_list):
        expected = np.broadcast_to(numeric(recipe, dict(zip(VARIABLES, points)), all_pars, time), n)
        scale = np.maximum(1.0, np.abs(expected))
        assert np.all(np.abs(values[i] - expected) <= 1e-11 * scale), fn[i]
    for k in range(min(n, 3)):
        single = f(points[:, k].copy(), pars=pars[:, k].copy(), time=time[k])
        np.testing.assert_allclose(single, values[:, k], rtol=1e-13, atol=1e-13)
    assert np.array_equal(f(points, pars=pars, time=time), values)


@pytest.mark.parametrize("make", [hk.cfunc_dbl, hk.cfunc_flt])
@pytest.mark.parametrize("execution", ["vm", "jit"])
def test_large_whole_powers(make, execution):
    """Against numpy's extended precision; squaring again and again would lose half a unit for each power."""
    for n in (17, 100, 1000, 10**6):
        f = make([x**float(n)], [x], execution=execution)
        base = np.array([[1 - 1 / n, 1 + 1 / n, -1 - 0.5 / n]], dtype=f([1.0]).dtype)
        exact = base.astype(np.longdouble) ** n
        error = np.abs(f(base)[0] - exact[0]) / np.spacing(np.abs(exact[0]).astype(base.dtype))
        assert np.max(error) <= 2.0, n


@pytest.mark.parametrize("execution", ["vm", "jit"])
def test_sines_of_one_operand(execution):
    """Expressions that differ, but not in what they are made of: the sine and the cosine of x are there twice."""
    angles = np.linspace(-3.0, 3.0, 77)
    f = hk.cfunc([e(a) for a in (x, -(-x)) for e in (hk.sin, hk.cos)], [x], execution=execution)
    np.testing.assert_allclose(f(angles[None]), [np.sin(angles), np.cos(angles)] * 2, rtol=1e-15)


@pytest.mark.parametrize("execution", ["vm", "jit"])
def test_many_parameters(rng, execution):
    """Weights of a network, each a parameter: as machine code this once took minutes to make."""
    n, n_points = 120, 50
    weights = rng.normal(scale=0.1, size=4 * n + 2 * (n + 1) * n + 3 * (n + 1))
    inputs = hk.make_vars("a", "b", "c")
    network = hk.model.ffnn(inputs=list(inputs), nn_hidden=[n] * 3, n_out=3, activations=[hk.tanh] * 3 + [lambda v: v])
    points = rng.normal(size=(3, n_points))
    f = hk.cfunc(network, inputs, execution=execution)
    values = f(points, pars=np.repeat(weights[:, None], n_points, axis=1))
    sizes, at, x = [3, n, n, n, 3], 0, points
    matrices = []
    for rows, columns in zip(sizes[1:], sizes):
        matrices.append(weights[at : at + rows * columns].reshape(rows, columns))
        at += rows * columns
    for k, (matrix, rows) in enumerate(zip(matrices, sizes[1:])):
        x = matrix @ x + weights[at : at + rows, None]
        x = np.tanh(x) if k < 3 else x
        at += rows
    np.testing.assert_allclose(values, x, rtol=1e-12, atol=1e-13)


def test_large_sums_and_products():
    n = 2000
    variables = [hk.expression(f"v{i}") for i in range(n)]
    values = np.linspace(0.9, 1.1, n)
    out = hk.cfunc([hk.sum(variables), hk.prod(variables)], variables)(values)
    np.testing.assert_allclose(out, [values.sum(), values.prod()], rtol=1e-12)


def test_one_point(f):
    for inputs in ([1, 2], (1.0, 2), np.array([1.0, 2.0]), range(1, 3), [True, 2], memoryview(np.array([1.0, 2.0]))):
        out = f(inputs)
        assert out.shape == (3,) and out.dtype == np.float64 and out.flags.c_contiguous and out.flags.owndata
        assert list(out) == [3.0, -1.0, 2.0]
    assert f.fn == [x + y, x - y, x * y] and f.vars == [x, y]
    assert (f.nouts, f.nvars, f.nparams, f.is_time_dependent) == (3, 2, 0, False)


def test_many_points(f):
    expected = np.array([BIG[0] + BIG[1], BIG[0] - BIG[1], BIG[0] * BIG[1]])
    assert np.array_equal(f(BIG), expected) and np.array_equal(f(BIG.tolist()), expected)
    out = np.zeros((3, 10))
    assert f(BIG, outputs=out) is out and np.array_equal(out, expected)
    assert f(BIG, out) is out and f(BIG, batch_parallel=True).shape == (3, 10)
    assert f(BIG[:, :0]).shape == (3, 0) and f(np.zeros((2, 1))).shape == (3, 1)


def test_parameters_and_time(g):
    assert g.nparams == 3 and g.is_time_dependent
    assert list(g([1.0, 2.0], pars=[1, 2, 3], time=2)) == [3.0, 5.0]
    pars, time = np.arange(30.0).reshape(3, 10), np.linspace(0, 1, 10)
    expected = np.array([BIG[0] + pars[0] * time, BIG[1] + pars[2]])
    np.testing.assert_allclose(g(BIG, pars=pars, time=time), expected, rtol=1e-15)
    np.testing.assert_allclose(g(BIG, pars=pars.tolist(), time=list(time)), expected, rtol=1e-15)


def test_functions_without_variables():
    h = hk.cfunc([hk.expression(1.0), hk.par[0]], [])
    assert list(h([], pars=[2.0])) == [1.0, 2.0]
    assert h(np.zeros((0, 4)), pars=np.full((1, 4), 2.0)).tolist() == [[1.0] * 4, [2.0] * 4]


WRONG = [
    (TypeError, dict(inputs=BIG.astype(int))),
    (TypeError, dict(inputs=BIG.astype(np.float32))),
    (TypeError, dict(inputs=BIG.astype(object))),
    (TypeError, dict(inputs=BIG.astype(complex))),
    (TypeError, dict(inputs=3.0)),
    (TypeError, dict(inputs=None)),
    (TypeError, dict(inputs={1.0, 2.0})),
    (ValueError, dict(inputs=["a", "b"])),
    (ValueError, dict(inputs=[1.0])),
    (ValueError, dict(inputs=[1.0, 2.0, 3.0])),
    (ValueError, dict(inputs=np.zeros((3, 2)))),
    (ValueError, dict(inputs=np.zeros((2, 3, 1)))),
    (ValueError, dict(inputs=np.zeros((10, 2)).T)),
    (ValueError, dict(inputs=BIG[:, ::2])),
    (ValueError, dict(inputs=BIG[::-1])),
    (ValueError, dict(outputs=np.zeros((3, 9)))),
    (ValueError, dict(outputs=np.zeros((2, 10)))),
    (ValueError, dict(outputs=np.zeros(3))),
    (ValueError, dict(outputs=np.zeros((10, 3)).T)),
    (ValueError, dict(outputs=np.zeros((3, 20))[:, :10])),
    (TypeError, dict(outputs=np.zeros((3, 10), dtype=np.float32))),
    (TypeError, dict(outputs=[1, 2])),
    (ValueError, dict(pars=[])),
    (ValueError, dict(pars=[1.0])),
    (ValueError, dict(pars=np.zeros((1, 10)))),
    (TypeError, dict(pars=np.zeros((0, 10), dtype=int))),
    (TypeError, dict(time=1.0)),
    (ValueError, dict(time=np.zeros(9))),
    (ValueError, dict(time=np.zeros((1, 10)))),
]


@pytest.mark.parametrize("error, arguments", WRONG)
def test_wrong_arrays(f, error, arguments):
    with pytest.raises(error):
        f(**{"inputs": BIG, **arguments})


@pytest.mark.parametrize("error, arguments", WRONG)
def test_wrong_arrays_as_the_peer(peer, error, arguments):
    a, b = peer.make_vars("x", "y")
    with pytest.raises(error):
        peer.cfunc([a + b, a - b, a * b], [a, b])(**{"inputs": BIG, **arguments})


def test_unaligned_array(f):
    unaligned = np.zeros(8 * f([1.0, 1.0]).itemsize + 1, np.uint8)[1:].view(np.float64)[:2]
    with pytest.raises(ValueError, match="inputs: the array is not aligned"):
        f(unaligned)


def test_read_only_output(f):
    out = np.zeros((3, 10))
    out.flags.writeable = False
    with pytest.raises(ValueError):
        f(BIG, outputs=out)
    assert not out.any()


def test_missing_parameters_and_time(g):
    for arguments in (
        dict(),
        dict(pars=[1, 2, 3]),
        dict(pars=[1, 2], time=1.0),
        dict(pars=[[1, 2, 3]], time=1.0),
        dict(time=1.0),
    ):
        with pytest.raises(ValueError):
            g([1.0, 2.0], **arguments)
    with pytest.raises(TypeError):
        g([1.0, 2.0], pars=[1, 2, 3], time=[1.0])
    pars = np.ones((3, 10))
    for arguments in (dict(pars=pars), dict(time=np.ones(10)), dict(pars=pars[:, :9].copy(), time=np.ones(10))):
        with pytest.raises(ValueError):
            g(BIG, **arguments)
    with pytest.raises(ValueError):
        g(BIG, pars=np.ones((3, 20))[:, ::2], time=np.ones(10))


def test_overlap():
    f = hk.cfunc([hk.sin(x) + hk.par[0] * hk.time], [x])
    a = np.zeros((4, 10))
    for arrays in (
        dict(inputs=a[:1], outputs=a[:1]),
        dict(inputs=a[1:2], outputs=a[:1], pars=a[:1]),
        dict(inputs=a[1:2], outputs=a[:1], time=a[0]),
    ):
        with pytest.raises(ValueError):
            f(**{"pars": a[2:3], "time": a[3], **arrays})
    assert f(a[1:2], outputs=a[:1], pars=a[2:3], time=a[3]) is not None


@pytest.mark.parametrize(
    "error, arguments",
    [
        (ValueError, ([], [x])),
        (ValueError, ([x + y], [x])),
        (ValueError, ([x], [])),
        (ValueError, ([x], [x, x])),
        (ValueError, ([x], [x, hk.par[0]])),
        (TypeError, (x, [x])),
        (TypeError, ([x], x)),
        (TypeError, ([1.0], [x])),
        (TypeError, ([x], ["x"])),
    ],
)
def test_wrong_functions(error, arguments):
    with pytest.raises(error):
        hk.cfunc(*arguments)


def test_keywords():
    hk.cfunc([x], [x], compact_mode=True, high_accuracy=True, parallel_mode=True, batch_size=2, prec=0, opt_level=3,
             force_avx512=False, slp_vectorize=False, fast_math=False, parjit=True, code_model=hk.code_model.small)  # fmt: skip
    assert hk.cfunc([x], [x], compact_mode=True).compact_mode is True
    with pytest.raises(TypeError):
        hk.cfunc([x], [x], unknown=1)
    for bad in (int, "float", None, np.dtype(float)):
        with pytest.raises(TypeError):
            hk.cfunc([x], [x], fp_type=bad)
    with pytest.raises(NotImplementedError):
        hk.cfunc([x], [x], fp_type=np.longdouble)


def test_single_precision():
    f = hk.cfunc([x + y * 0.1], [x, y], fp_type=np.float32)
    assert f([1, 2]).dtype == np.float32 and f([1, 2])[0] == np.float32(1.2)
    assert f(BIG.astype(np.float32)).dtype == np.float32
    with pytest.raises(TypeError):
        f(BIG)
    with pytest.raises(TypeError):
        f(BIG.astype(np.float32), outputs=np.zeros((1, 10)))


def test_copies_and_pickles(g):
    arguments = dict(pars=[1.0, 2.0, 3.0], time=0.5)
    for other in (copy.copy(g), copy.deepcopy(g), pickle.loads(pickle.dumps(g))):
        assert other.fn == g.fn and other.vars == g.vars and type(other) is type(g)
        assert np.array_equal(other([1.0, 2.0], **arguments), g([1.0, 2.0], **arguments))
    assert "Output #0: (x + (p0 * t))" in repr(g)
    for n, last in ((10, "Output #9: x"), (11, "...")):
        assert repr(hk.cfunc([x] * n, [x])).splitlines()[-1] == last
    assert g.dump()


@pytest.mark.filterwarnings("ignore:the interpreter runs this")
@pytest.mark.parametrize("execution", ["vm", "jit"])
def test_threads(execution):
    """One function may be called from several threads at once."""
    a, b = hk.make_vars("x", "y")
    f = hk.cfunc([a + b, a - b, a * b], [a, b], execution=execution)
    points = np.random.default_rng(0).normal(size=(2, 100_000))
    expected, results = f(points), [None] * 4

    def work(i):
        for _ in range(10):
            results[i] = f(points)

    threads = [threading.Thread(target=work, args=(i,)) for i in range(4)]
    [t.start() for t in threads]
    [t.join() for t in threads]
    assert all(np.array_equal(r, expected) for r in results)


@pytest.mark.filterwarnings("ignore:the interpreter runs this")
@pytest.mark.parametrize("execution", ["vm", "jit"])
def test_many_points_by_several_threads(execution):
    """The same numbers, bit for bit, however many threads share the points."""
    x, y = hk.make_vars("x", "y")
    g = hk.cfunc([hk.tanh(x * y) + hk.par[0], hk.sin(x) - hk.time], [x, y], execution=execution)
    points = np.random.default_rng(5).normal(size=(2, 300_007))
    results = []
    try:
        for n in (1, 2, 3, 0):
            hk.set_nthreads(n)
            assert hk.get_nthreads() == n
            results.append(g(points, pars=np.full((1, points.shape[1]), 0.5), time=np.zeros(points.shape[1])))
    finally:
        hk.set_nthreads(0)
    assert all(np.array_equal(results[0], r) for r in results[1:])
    np.testing.assert_allclose(results[0], [np.tanh(points[0] * points[1]) + 0.5, np.sin(points[0])], rtol=1e-14, atol=1e-15)


@pytest.mark.parametrize("n, error", [(-1, ValueError), (2**32, ValueError), (1.5, TypeError)])
def test_set_nthreads_refuses(n, error):
    with pytest.raises(error):
        hk.set_nthreads(n)
    assert hk.get_nthreads() == 0


@pytest.mark.parametrize("values", [[None, 1.0], [1j, 2.0]])
def test_what_is_no_number(values):
    """Not NaN."""
    x, y = hk.make_vars("x", "y")
    with pytest.raises(TypeError, match="inputs: expected an array of real numbers, got"):
        hk.cfunc([x + y], [x, y])(values)
    with pytest.raises(TypeError, match="pars: a sequence of numbers was expected, not"):
        hk.taylor_adaptive([(x, hk.par[0] * x)], [1.0], pars=values)
