"""tayra.jax.odeint: values and derivatives beside the flow's own and differences, all ways to map over axes beside loops with
the number of calls, types, errors and their words, training, torch in the same process."""

import functools
import gc
import os
import re
import subprocess
import sys
import warnings

import numpy as np
import pytest

import tayra as hk

jax = pytest.importorskip("jax")
import jax.numpy as jnp  # noqa: E402
from jax.test_util import check_grads  # noqa: E402

from tayra.jax import odeint  # noqa: E402

X, V = hk.make_vars("x", "v")
B, C, M, T = 3, 2, 4, 5  # axes to map over, trajectories of one call, times


@pytest.fixture(autouse=True)
def double_precision():
    with jax.enable_x64(True):
        yield


@pytest.fixture(scope="module")
def pendulum():
    """x' = v, v' = -p0 sin(x) - p1 v + p2 cos(t)"""
    return hk.flow([(X, V), (V, -hk.par[0] * hk.sin(X) - hk.par[1] * V + hk.par[2] * hk.cos(hk.time))], tol=1e-15)


@pytest.fixture(scope="module")
def explosive():
    """x0 / (1 - x0 t)"""
    return hk.flow([(X, X**2)], tol=1e-12)


class Counting:
    """A flow that counts its calls and remembers the shapes of their arguments."""

    def __init__(self, f):
        self.f, self.dim, self.n_pars, self.calls = f, f.dim, f.n_pars, []

    def __call__(self, *args):
        self.calls.append(("states", *(a.shape for a in args)))
        return self.f(*args)

    def vjp(self, *args):
        self.calls.append(("vjp", *(a.shape for a in args)))
        return self.f.vjp(*args)

    def jvp(self, x0, ts, pars, tangents):
        self.calls.append(("jvp", x0.shape, ts.shape, pars.shape))
        return self.f.jvp(x0, ts, pars, tangents)

    def kinds(self):
        return [call[0] for call in self.calls]


def arguments(*axes, seed=0):
    """x0, ts, pars with these axes in front of their own ones; one for all, or three."""
    rng = np.random.default_rng(seed)
    a, b, c = axes if len(axes) == 3 else (axes or ((),)) * 3
    x0, ts, pars = rng.normal(size=(*a, 2)), np.sort(rng.uniform(0, 2, (*b, T))), rng.uniform(0.5, 1.5, (*c, 3))
    return jnp.asarray(x0), jnp.asarray(ts), jnp.asarray(pars)


def loss(f, x0, ts, pars):
    """A function of all states, each with a weight of its own."""
    states = odeint(f, x0, ts, pars)
    return jnp.sum(jnp.cos(jnp.arange(1.0, states.size + 1).reshape(states.shape)) * states**2)


def gradient(f):
    return jax.grad(functools.partial(loss, f), (0, 1, 2))


def assert_close(got, expected):
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-11, atol=1e-12), got, expected)


# ---- values and derivatives

SHAPES = {
    "one": ((), (), ()),
    "x0": ((M,), (), ()),
    "ts": ((), (M,), ()),
    "pars": ((), (), (M,)),
    "x0 and pars": ((M,), (), (M,)),
    "all": ((M,), (M,), (M,)),
    "all, of one": ((1,), (1,), (1,)),
}


@pytest.mark.parametrize("axes", SHAPES.values(), ids=SHAPES)
def test_derivatives_beside_differences(pendulum, axes):
    check_grads(functools.partial(odeint, pendulum), arguments(*axes), order=1, modes=["rev", "fwd"])


@pytest.mark.parametrize("axes", SHAPES.values(), ids=SHAPES)
@pytest.mark.parametrize("transform", [lambda g: g, jax.jit], ids=["eager", "jit"])
def test_beside_the_flow(pendulum, axes, transform):
    args = arguments(*axes)
    arrays = [np.asarray(a) for a in args]
    states, pullback = pendulum.vjp(*arrays)
    bar = np.random.default_rng(1).normal(size=states.shape)
    dots = [np.random.default_rng(2).normal(size=a.shape) for a in arrays]
    of_args = functools.partial(odeint, pendulum)
    got = transform(of_args)(*args)
    assert got.dtype == jnp.float64 and isinstance(got, jax.Array)
    np.testing.assert_array_equal(got, states)
    got = transform(lambda a, b: jax.vjp(of_args, *a)[1](b))(args, bar)
    jax.tree.map(np.testing.assert_array_equal, got, pullback(bar))
    got = transform(lambda a, d: jax.jvp(of_args, a, tuple(d)))(args, dots)
    jax.tree.map(np.testing.assert_array_equal, got, pendulum.jvp(*arrays, dots))


def test_gradient_beside_central_differences(pendulum):
    args = arguments((M,), (), ())
    for i, bar in enumerate(gradient(pendulum)(*args)):
        direction = np.random.default_rng(i).normal(size=bar.shape)
        moved = ([a + h * direction if i == j else a for j, a in enumerate(args)] for h in (1e-5, -1e-5))
        values = [loss(pendulum, *m) for m in moved]
        assert float(jnp.sum(bar * direction)) == pytest.approx(float(values[0] - values[1]) / 2e-5, rel=1e-8)


def test_backward_in_time(pendulum):
    x0, ts, pars = arguments()
    check_grads(functools.partial(odeint, pendulum), (x0, ts[::-1], pars), order=1, modes=["rev"])


def test_through_other_operations():
    """x(t) = x0 exp(-k t), with k computed, a time that is an argument, numbers in lists."""
    f = hk.flow([(X, -hk.par[0] * X)], tol=1e-15)

    @jax.jit
    @functools.partial(jax.value_and_grad, argnums=(0, 1, 2))
    def square(start, end, log_k):
        return odeint(f, [start], [0.0, end], jnp.exp(log_k))[-1, 0] ** 2

    value, (start, end, log_k) = square(1.5, 0.8, -0.5)
    k, x = np.exp(-0.5), 1.5 * np.exp(-0.8 * np.exp(-0.5))
    assert_close((value, start, end, log_k), (x**2, 2 * x**2 / 1.5, -2 * x**2 * k, -2 * x**2 * k * 0.8))


def test_only_what_is_asked_for(pendulum):
    """One argument at a time: the others cost nothing, and values are the same."""
    args = arguments((M,), (), (M,))
    expected = gradient(pendulum)(*args)
    for i in range(3):
        assert_close(jax.grad(functools.partial(loss, pendulum), i)(*args), expected[i])


def test_jacobians(pendulum):
    args = arguments()
    of_args = functools.partial(odeint, pendulum)
    reverse = jax.jit(jax.jacrev(of_args, (0, 1, 2)))(*args)
    assert_close(jax.jacfwd(of_args, (0, 1, 2))(*args), reverse)
    dots = np.eye(3)
    for i in range(3):
        _, expected = pendulum.jvp(*map(np.asarray, args), (None, None, dots[i]))
        assert_close(reverse[2][:, :, i], expected)


def test_linearize_and_checkpoint(pendulum):
    args = arguments((M,), (), ())
    of_args = functools.partial(odeint, pendulum)
    dots = arguments((M,), (), (), seed=1)
    states, tangent = jax.linearize(of_args, *args)
    assert_close((states, tangent(*dots)), jax.jvp(of_args, args, dots))
    remat = jax.grad(jax.checkpoint(functools.partial(loss, pendulum)), (0, 1, 2))
    assert_close(jax.jit(remat)(*args), gradient(pendulum)(*args))


def test_scan(pendulum):
    """One flow after another, as a loop that is compiled once."""
    x0, ts, pars = arguments((M,), (), ())

    def chain(x0, pars):
        return jax.lax.scan(lambda x, p: (odeint(pendulum, x, ts, p)[-1], None), x0, jnp.stack([pars, 2 * pars]))[0].sum()

    def unrolled(x0, pars):
        return odeint(pendulum, odeint(pendulum, x0, ts, pars)[-1], ts, 2 * pars)[-1].sum()

    assert_close(jax.jit(jax.grad(chain, (0, 1)))(x0, pars), jax.grad(unrolled, (0, 1))(x0, pars))


# ---- maps over axes


def loop(g, in_axes, args, size):
    """What vmap is, one after the other."""
    rows = [g(*(a if axis is None else jnp.take(a, i, axis) for a, axis in zip(args, in_axes))) for i in range(size)]
    return jax.tree.map(lambda *leaves: jnp.stack(leaves), *rows)


SUBSETS = [s for s in np.ndindex(2, 2, 2) if any(s)]


@pytest.mark.parametrize("own", ["one", "x0", "pars", "all"])
@pytest.mark.parametrize("subset", SUBSETS, ids=str)
def test_vmap(pendulum, own, subset):
    """Any of the arguments, of any shape: as a loop, by one call."""
    args = arguments(*((B, *axes) if s else axes for s, axes in zip(subset, SHAPES[own])))
    in_axes = tuple(0 if s else None for s in subset)
    f = Counting(pendulum)
    expected = loop(functools.partial(odeint, pendulum), in_axes, args, B)
    mapped = jax.vmap(functools.partial(odeint, f), in_axes)
    assert_close(mapped(*args), expected)
    assert_close(jax.jit(mapped)(*args), expected)
    assert f.kinds() == ["states"] * 2
    f.calls.clear()
    assert_close(jax.jit(jax.vmap(gradient(f), in_axes))(*args), loop(gradient(pendulum), in_axes, args, B))
    assert sorted(f.kinds()) == ["states", "vjp"]


@pytest.mark.parametrize("subset", SUBSETS, ids=str)
def test_gradient_of_vmap(pendulum, subset):
    """What is not mapped has the sum of its cotangents, and stays one array on the way."""
    args = arguments(*((B,) if s else () for s in subset))
    in_axes = tuple(0 if s else None for s in subset)
    f = Counting(pendulum)
    total = lambda f, *args: jax.vmap(functools.partial(loss, f), in_axes)(*args).sum()  # noqa: E731
    got = jax.jit(jax.grad(functools.partial(total, f), (0, 1, 2)))(*args)
    rows = loop(gradient(pendulum), in_axes, args, B)
    assert_close(got, tuple(row if s else row.sum(axis=0) for s, row in zip(subset, rows)))
    assert sorted(f.kinds()) == ["states", "vjp"]
    assert all(call[3] == ((B, 3) if subset[2] else (3,)) and call[2] == ((B, T) if subset[1] else (T,)) for call in f.calls)


@pytest.mark.parametrize("inner", SUBSETS, ids=str)
@pytest.mark.parametrize("outer", [(1, 0, 0), (0, 1, 1)], ids=str)
def test_nested_vmap(pendulum, inner, outer):
    args = arguments(*((B,) * a + (C,) * b + axes for a, b, axes in zip(outer, inner, SHAPES["x0" if inner[2] else "one"])))
    axes = [tuple(0 if s else None for s in which) for which in (inner, outer)]
    f = Counting(pendulum)
    nested = jax.jit(jax.vmap(jax.vmap(gradient(f), axes[0]), axes[1]))(*args)
    expected = loop(lambda *a: loop(gradient(pendulum), axes[0], a, C), axes[1], args, B)
    assert_close(nested, expected)
    assert sorted(f.kinds()) == ["states", "vjp"]


@pytest.mark.parametrize("subset", SUBSETS, ids=str)
def test_vmap_of_tangents(pendulum, subset):
    """Arguments mapped, their tangents not, and the other way round."""
    args, dots = arguments(*((B,) if s else () for s in subset)), arguments(seed=3)
    in_axes = tuple(0 if s else None for s in subset)
    f = Counting(pendulum)
    push = lambda f: lambda *args: jax.jvp(functools.partial(odeint, f), args, dots)  # noqa: E731
    assert_close(jax.vmap(push(f), in_axes)(*args), loop(push(pendulum), in_axes, args, B))
    assert f.kinds() == ["states", "jvp"]
    one, many = arguments(), arguments(*((B,) if s else () for s in subset), seed=3)
    pull = lambda *dots: jax.jvp(functools.partial(odeint, pendulum), one, dots)[1]  # noqa: E731
    assert_close(jax.vmap(pull, in_axes)(*many), loop(pull, in_axes, many, B))


def test_other_axes(pendulum):
    """Axes that are not the first, and results whose mapped axis is elsewhere."""
    x0, ts, pars = arguments((M, B), (), (B,))
    f = Counting(pendulum)
    states = jax.vmap(functools.partial(odeint, f), (1, None, 0), out_axes=3)(x0, ts, pars)
    assert states.shape == (T, M, 2, B) and f.kinds() == ["states"]
    assert_close(states[..., 1], odeint(pendulum, x0[:, 1], ts, pars[1]))


def test_vmap_over_parameters_that_are_numbers():
    f = hk.flow([(X, -hk.par[0] * X)], tol=1e-15)
    rates = jnp.array([0.5, 1.0, 2.0])
    states, slopes = jax.vmap(jax.value_and_grad(lambda k: odeint(f, 1.0, [0.0, 1.0], k)[-1, 0]))(rates)
    assert_close((states, slopes), (jnp.exp(-rates), -jnp.exp(-rates)))


def test_mapped_axis_of_no_or_one_element(pendulum):
    for size in (0, 1):
        args = arguments((size,), (), ())
        states = jax.vmap(functools.partial(odeint, pendulum), (0, None, None))(*args)
        assert states.shape == (size, T, 2)
        total = lambda p: jax.vmap(lambda x: odeint(pendulum, x, args[1], p))(args[0]).sum()  # noqa: E731, B023
        assert jax.grad(total)(args[2]).shape == (3,)


# ---- what the flow takes


def test_shapes_at_the_edge(pendulum):
    x0, ts, pars = arguments()
    assert_close(odeint(pendulum, x0, ts[:1], pars), x0[None])
    bars = gradient(pendulum)(x0, ts[:1], pars)
    assert_close(bars[0], 2 * jnp.cos(jnp.arange(1.0, 3.0)) * x0)
    assert not np.any(bars[1]) and not np.any(bars[2])
    empty = jnp.zeros((0, 2))
    assert odeint(pendulum, empty, ts, pars).shape == (T, 0, 2)
    assert [a.shape for a in jax.jit(gradient(pendulum))(empty, ts, pars)] == [(0, 2), (T,), (3,)]


def test_without_parameters():
    f = hk.flow([(X, V), (V, -X)], tol=1e-15)
    x0, ts, _ = arguments()
    t = ts - ts[0]
    expected = jnp.stack([x0[0] * jnp.cos(t) + x0[1] * jnp.sin(t), x0[1] * jnp.cos(t) - x0[0] * jnp.sin(t)], axis=1)
    for pars in ((), [], jnp.zeros(0), np.empty(0)):
        assert_close(odeint(f, x0, ts, pars), expected)
    assert_close(jax.jit(lambda x, t: odeint(f, x, t))(x0, ts), expected)
    check_grads(functools.partial(odeint, f), (x0, ts), order=1, modes=["rev"])
    assert jax.vmap(lambda x: odeint(f, x, ts))(jnp.ones((M, 2))).shape == (M, T, 2)


def test_integers_and_lists(pendulum):
    expected = pendulum([1, 0], [0, 1, 2], [1, 2, 3])
    of_jax = [jnp.array(a) for a in ([1, 0], [0, 1, 2], [1, 2, 3])]
    for args in (([1, 0], [0, 1, 2], [1, 2, 3]), ((1.0, 0.0), range(3), np.array([1, 2, 3])), of_jax):
        states = odeint(pendulum, *args)
        assert states.dtype == jnp.float64
        np.testing.assert_array_equal(states, expected)
    bar = jax.grad(lambda x: odeint(pendulum, x, jnp.arange(3), jnp.arange(1, 4)).sum())(jnp.array([1.0, 0.0]))
    assert_close(bar, pendulum.vjp([1, 0], [0, 1, 2], [1, 2, 3])[1](np.ones((3, 2)))[0])


# ---- types


def single(arrays):
    return tuple(jnp.asarray(a, dtype=jnp.float32) for a in arrays)


@pytest.mark.parametrize("transform", [lambda g: g, jax.jit], ids=["eager", "jit"])
@pytest.mark.parametrize("x64", [True, False])
def test_single_precision_is_computed_in_double(pendulum, transform, x64):
    singles = single(arguments((M,), (), ()))
    doubles = [np.asarray(a, dtype=np.float64) for a in singles]
    states, pullback = pendulum.vjp(*doubles)
    with jax.enable_x64(x64):
        got = transform(functools.partial(odeint, pendulum))(*singles)
        assert got.dtype == jnp.float32
        np.testing.assert_array_equal(got, states.astype(np.float32))
        bars = transform(lambda *args: jax.vjp(functools.partial(odeint, pendulum), *args)[1](got))(*singles)
        for bar, expected in zip(bars, pullback(np.asarray(got, dtype=np.float64))):
            assert bar.dtype == jnp.float32
            np.testing.assert_array_equal(bar, expected.astype(np.float32))


def test_mixed_precision(pendulum):
    """The states have the type of x0, each gradient that of its array."""
    x0, ts, pars = arguments((M,), (), ())
    states, bars = odeint(pendulum, x0, *single([ts, pars])), gradient(pendulum)(x0, *single([ts, pars]))
    assert states.dtype == jnp.float64 and [b.dtype for b in bars] == [jnp.float64, jnp.float32, jnp.float32]
    assert odeint(pendulum, *single([x0]), ts, pars).dtype == jnp.float32
    mapped = jax.vmap(gradient(pendulum), (None, None, 0))(*single([x0[0]]), ts, jnp.stack([pars, pars]))
    assert [b.dtype for b in mapped] == [jnp.float32, jnp.float64, jnp.float64]


def test_while_x64_is_off(pendulum):
    arrays = [np.asarray(a) for a in arguments()]
    with jax.enable_x64(False):
        for i, name in enumerate(("x0", "ts", "pars")):
            args = [a if i == j else a.astype(np.float32) for j, a in enumerate(arrays)]
            expected = f"{name}: expected float32, as jax_enable_x64 is off, got float64: call jax.config.update"
            with pytest.raises(TypeError, match=expected):
                odeint(pendulum, *args)
        states = odeint(pendulum, [1.0, 0.0], [0, 1], [1.0, 1.0, 1])
        assert states.dtype == jnp.float32
        np.testing.assert_array_equal(states, pendulum([1.0, 0.0], [0, 1], [1.0, 1.0, 1.0]).astype(np.float32))


@pytest.mark.parametrize("dtype", [jnp.float16, jnp.bfloat16, jnp.complex128, bool], ids=lambda d: np.dtype(d).name)
def test_other_types(pendulum, dtype):
    for i, name in enumerate(("x0", "ts", "pars")):
        args = [a.astype(dtype) if i == j else a for j, a in enumerate(arguments())]
        with pytest.raises(TypeError, match=rf"odeint\(\): {name}: expected float64 or float32, got {np.dtype(dtype).name}"):
            odeint(pendulum, *args)


# ---- what is refused


def test_no_flow():
    with pytest.raises(TypeError, match="f: a tayra.flow was expected, not 'function'"):
        odeint(lambda x: x, *arguments())


SHAPE_ERRORS = {
    "x0: expected shape (2,) or (M, 2), got (3,)": ((3,), (T,), (3,)),
    "pars: expected shape (3,) or (M, 3), got (4,)": ((2,), (T,), (4,)),
    "expected as many x0, ts and pars, got shapes (4, 2), (5,) and (3, 3)": ((M, 2), (T,), (3, 3)),
    "ts: expected an array of 1 or 2 dimensions, got shape (1, 1, 5)": ((2,), (1, 1, T), (3,)),
}


@pytest.mark.parametrize("message", SHAPE_ERRORS)
def test_shapes(pendulum, message):
    """Before anything runs, with the words of the flow, inside of transformations as well."""
    args = [jnp.ones(shape) for shape in SHAPE_ERRORS[message]]
    of_args = functools.partial(odeint, pendulum)
    for call in (of_args, jax.jit(of_args), gradient(pendulum), lambda *args: jax.vmap(of_args)(*(a[None] for a in args))):
        with pytest.raises(ValueError, match=re.escape(message)):
            call(*args)


def run(g, *args):
    return jax.block_until_ready(g(*args))


VALUE_ERRORS = {
    "times: expected strictly increasing or decreasing ones, got 1 after 1": ([1.0, 0.0], [0.0, 1.0, 1.0], [1.0] * 3),
    r"pars\[(0, )?1\]: expected a finite number, got nan": ([1.0, 0.0], [0.0, 1.0], [1.0, np.nan, 1.0]),
}


@pytest.mark.parametrize("message", VALUE_ERRORS)
def test_numbers(pendulum, message):
    """The flow's own error where numbers are known, jax's error with the flow's words in compiled code."""
    args = [jnp.array(a) for a in VALUE_ERRORS[message]]
    many = [jnp.stack([a, a]) for a in args]
    of_args = functools.partial(odeint, pendulum)
    for call, given in ((of_args, args), (gradient(pendulum), args), (jax.vmap(of_args), many)):
        with pytest.raises(ValueError, match=message):
            run(call, *given)
        with pytest.raises(jax.errors.JaxRuntimeError, match="ValueError: " + message):
            run(jax.jit(call), *given)


def test_second_derivatives_are_refused(pendulum):
    args = arguments()
    of_pars = lambda p: loss(pendulum, *args[:2], p)  # noqa: E731
    for second in (jax.hessian(of_pars), jax.grad(lambda p: jax.grad(of_pars)(p).sum()), jax.jacfwd(jax.jacfwd(of_pars))):
        for transform in (lambda g: g, jax.jit):
            with pytest.raises(TypeError, match="a derivative of a derivative was asked for, but there are those of first"):
                transform(second)(args[2])


@pytest.mark.parametrize("transform", [lambda g: g, jax.jit], ids=["eager", "jit"])
def test_trajectories_that_end_early(explosive, transform):
    """x' = x^2 from 2 ends at t = 0.5. The other trajectory has its gradient; asking for that of the first is an error."""
    x0, ts = jnp.array([[2.0], [0.5]]), jnp.array([0.0, 0.25, 1.0])
    with pytest.warns(RuntimeWarning, match="1 of 2 trajectories ended early, the first, 0, at time 0.*: their later states"):
        states = run(transform(lambda x: odeint(explosive, x, ts)), x0)
    assert np.isnan(states[2]).tolist() == [[True], [False]]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        reached = transform(jax.grad(lambda x: odeint(explosive, x, ts)[1].sum()))(x0)
        np.testing.assert_allclose(reached, 1 / (1 - 0.25 * x0) ** 2, rtol=1e-10)
        where = transform(jax.grad(lambda x: jnp.nansum(odeint(explosive, x, ts)[2])))(x0)
        np.testing.assert_allclose(where, [[0.0], [4.0]], rtol=1e-10)
        with pytest.raises(RuntimeError, match="trajectory 0 ended"):
            run(transform(jax.grad(lambda x: odeint(explosive, x, ts)[2].sum())), x0)


def test_after_an_error(pendulum):
    """A compiled function that has failed works with other numbers."""
    of_ts = jax.jit(lambda ts: odeint(pendulum, [1.0, 0.0], ts, [1.0, 1.0, 1.0]))
    for _ in range(3):
        with pytest.raises(jax.errors.JaxRuntimeError):
            run(of_ts, jnp.array([0.0, 1.0, 1.0]))
        np.testing.assert_array_equal(of_ts(jnp.arange(3.0)), pendulum([1.0, 0.0], [0, 1, 2], [1.0, 1.0, 1.0]))


# ---- together with others


def test_compiled_once(pendulum):
    traces = []

    @functools.partial(jax.jit, static_argnums=0)
    def compiled(f, x0, ts, pars):
        traces.append(f)
        return odeint(f, x0, ts, pars)

    args = arguments()
    for _ in range(3):
        compiled(pendulum, *args)
    assert len(traces) == 1


def test_states_that_nobody_needs(pendulum):
    """A compiled gradient of a linear loss: the sweep alone."""
    f = Counting(pendulum)
    args = arguments((M,), (), ())
    run(jax.jit(jax.grad(lambda pars: odeint(f, *args[:2], pars).sum())), args[2])
    assert f.kinds() == ["vjp"]


@pytest.mark.parametrize("transform", [lambda g: g, jax.jit], ids=["eager", "jit"])
def test_memory(pendulum, transform):
    """Gradients leave nothing behind, neither tapes nor entries in caches of jax (3 KB each, once); jax itself 1.7 KB, of any
    function."""
    args = arguments((M,), (), ())
    bars = transform(gradient(pendulum))
    sizes = []
    for n in (60, 200, 200, 200):
        for _ in range(n):
            run(bars, *args)
        gc.collect()
        with open("/proc/self/statm") as file:
            sizes.append(int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE"))
    assert min(np.diff(sizes)) < 200 * 2500  # chance does not come each time


def test_large_arrays_in_compiled_code(pendulum):
    """More than jax copies at once: the callback must not wait for its own thread."""
    x0 = jnp.ones((20000, 2)) * jnp.linspace(0.0, 1.0, 20000)[:, None]
    f = hk.flow([(X, V), (V, -hk.par[0] * X)])
    total = jax.jit(jax.grad(lambda p: odeint(f, jnp.sin(x0), [0.0, 0.1], jnp.exp(p)).sum()))
    assert np.isfinite(run(total, jnp.zeros(1))).all()


def test_training_lowers_the_loss():
    """Weights in a tree, as networks of jax have them; gradient descent in one compiled step."""
    xs = [X, V]
    f = hk.flow(list(zip(xs, hk.model.ffnn(inputs=xs, nn_hidden=[8], n_out=2, activations=[hk.tanh, lambda x: x]))), tol=1e-8)
    keys = jax.random.split(jax.random.key(0), 2)
    tree = [jax.random.normal(keys[0], (8, 2)) / 2, jax.random.normal(keys[1], (2, 8)) / 4, jnp.zeros(8), jnp.zeros(2)]
    ts, starts = jnp.linspace(0, 1, 5), jnp.eye(2)
    truth = jnp.stack([jnp.stack([jnp.cos(ts), -jnp.sin(ts)], -1), jnp.stack([jnp.sin(ts), jnp.cos(ts)], -1)])

    def error(tree):
        weights = jnp.concatenate([leaf.ravel() for leaf in tree])
        return jnp.mean((jax.vmap(lambda x: odeint(f, x, ts, weights))(starts) - truth) ** 2)

    @jax.jit
    def step(tree):
        value, bars = jax.value_and_grad(error)(tree)
        return value, jax.tree.map(lambda w, bar: w - 0.5 * bar, tree, bars)

    values = []
    for _ in range(200):
        value, tree = step(tree)
        values.append(float(value))
    assert values[-1] < 0.05 * values[0]


def test_beside_torch(pendulum):
    torch = pytest.importorskip("torch")
    import tayra.torch

    args = arguments((M,), (), ())
    tensors = [torch.tensor(np.asarray(a), requires_grad=True) for a in args]
    states = tayra.torch.odeint(pendulum, *tensors)
    states.square().sum().backward()
    bars = jax.jit(jax.grad(lambda *args: jnp.sum(odeint(pendulum, *args) ** 2), (0, 1, 2)))(*args)
    for tensor, bar in zip(tensors, bars):
        np.testing.assert_allclose(tensor.grad, bar, rtol=1e-14, atol=0)


def test_import_without_jax():
    """tayra itself does not import jax; tayra.jax says what is missing."""
    code = "import sys, tayra; assert 'jax' not in sys.modules; sys.modules['jax'] = None; import tayra.jax"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert done.returncode == 1 and done.stderr.splitlines()[-1].endswith("tayra.jax needs jax: pip install 'tayra[jax]'")
