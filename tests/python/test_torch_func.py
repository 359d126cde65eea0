"""tayra.torch.odeint under torch's transforms: forward mode, torch.func, torch.compile; what is refused says so."""

import numpy as np
import pytest

import tayra as hk

torch = pytest.importorskip("torch")
from torch.autograd import forward_ad  # noqa: E402
from torch.func import grad, hessian, jacfwd, jacrev, jvp, linearize, vmap  # noqa: E402

import tayra.torch  # noqa: E402
from tayra.torch import odeint  # noqa: E402

X, V = hk.make_vars("x", "v")
DOUBLE = {"dtype": torch.float64}
NAMES = "x0", "ts", "pars"


@pytest.fixture(scope="module")
def f():
    """x' = v, v' = -p0 sin(x) - p1 v + p2 cos(t)"""
    return hk.flow([(X, V), (V, -hk.par[0] * hk.sin(X) - hk.par[1] * V + hk.par[2] * hk.cos(hk.time))], tol=1e-14)


def arguments(many=(), m=3):
    """x0, ts, pars; of m trajectories those whose names are given."""
    rng = np.random.default_rng(0)
    shapes = ((m,) if name in many else () for name in NAMES)
    x0, ts, pars = (rng.uniform(0.5, 1.5, (*shape, n)) for shape, n in zip(shapes, (2, 4, 3)))
    return [torch.tensor(a, **DOUBLE) for a in (x0, np.cumsum(ts, axis=-1), pars)]


def loss(f):
    def value(*args):
        states = odeint(f, *args)
        return (states * torch.arange(1.0, 1 + states.numel(), **DOUBLE).reshape(states.shape).sin()).sum()

    return value


def by_backward(f, args):
    args = [a.clone().requires_grad_() for a in args]
    return torch.autograd.grad(loss(f)(*args), args)


def stacked(results):
    """A list of tuples of tensors as a tuple of stacks."""
    return tuple(torch.stack(r) for r in zip(*results))


def close(a, b):
    torch.testing.assert_close(a, b, rtol=1e-11, atol=1e-12)


SHAPES = [(), ("x0",), ("pars",), ("x0", "ts"), NAMES]


@pytest.mark.parametrize("many", SHAPES, ids=str)
def test_forward_mode(f, many):
    args = [a.requires_grad_() for a in arguments(many)]
    assert torch.autograd.gradcheck(lambda *a: odeint(f, *a), args, check_forward_ad=True)
    args = [a.detach() for a in args]
    dots = [torch.rand_like(a) for a in args]
    got = jvp(lambda *a: odeint(f, *a), tuple(args), tuple(dots))
    with forward_ad.dual_level():
        dual = forward_ad.unpack_dual(odeint(f, *map(forward_ad.make_dual, args, dots)))
    expected = f.jvp(*(a.numpy() for a in args), [d.numpy() for d in dots])
    for pair in (got, dual):
        for a, b in zip(pair, expected):
            np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("of_each", SHAPES, ids=str)
@pytest.mark.parametrize("mapped", [("x0",), ("pars",), ("x0", "pars"), ("ts",), NAMES], ids=str)
def test_vmap(f, of_each, mapped):
    """Over an axis at any place, of single trajectories or of many each: values, gradients and tangents."""
    each = [arguments(of_each)] + [[a + 0.1 * i for a in arguments(of_each)] for i in range(1, 4)]
    each = [[a if name in mapped else b for name, a, b in zip(NAMES, args, each[0])] for args in each]
    axes = tuple(-1 if name in mapped else None for name in NAMES)
    args = tuple(torch.stack([e[i] for e in each], -1) if a else each[0][i] for i, a in enumerate(axes))
    dots = [torch.sin(10 * a) for a in args]

    def tangent(*a):
        return jvp(lambda *b: odeint(f, *b), a[:3], a[3:])[1]

    close(vmap(lambda *a: odeint(f, *a), axes)(*args), torch.stack([odeint(f, *e) for e in each]))
    close(vmap(grad(loss(f), (0, 1, 2)), axes)(*args), stacked(by_backward(f, e) for e in each))
    tangents = [[torch.sin(10 * a) for a in e] for e in each]
    close(vmap(tangent, 2 * axes)(*args, *dots), torch.stack([tangent(*e, *d) for e, d in zip(each, tangents)]))


def test_gradient_of_a_map(f):
    """A sum over what vmap has mapped: parameters that all share."""
    x0, ts, pars = arguments(("x0",))
    got = grad(lambda p: vmap(lambda x: odeint(f, x, ts, p), out_dims=1)(x0).square().sum())(pars)
    close(got, grad(lambda p: odeint(f, x0, ts, p).square().sum())(pars))


@pytest.mark.parametrize("which", range(3), ids=NAMES)
def test_jacobians(f, which):
    args = arguments(("x0",))

    def states(a):
        return odeint(f, *args[:which], a, *args[which + 1 :])

    close(jacrev(states)(args[which]), jacfwd(states)(args[which]))
    if which == 0:
        close(vmap(jacrev(lambda x: odeint(f, x, *args[1:])))(args[0]), vmap(jacfwd(lambda x: odeint(f, x, *args[1:])))(args[0]))


def test_parameters_of_modules(f):
    """Those that torch.func takes apart, as a dict, and a stack of models."""
    torch.manual_seed(0)
    models = [torch.nn.Linear(2, 2).double() for _ in range(3)]
    g = hk.flow(list(zip([X, V], tayra.torch.from_module(models[0], [X, V]).expressions)), tol=1e-12)
    x0, ts, _ = arguments(("x0",))
    stack, _ = torch.func.stack_module_state(models)
    gradients = vmap(grad(lambda p: odeint(g, x0, ts, list(p.values())).square().sum()))(stack)
    for i, model in enumerate(models):
        odeint(g, x0, ts, model).square().sum().backward()
        for name, parameter in model.named_parameters():
            close(gradients[name][i], parameter.grad)


def test_compile(f):
    """A call in what torch compiles runs as it is."""
    args = arguments()
    compiled = torch.compile(loss(f), backend="eager")
    for factor in (1.0, 1.5):
        a = [factor * b for b in args]
        assert torch.equal(compiled(*a), loss(f)(*a))
        inputs = [b.clone().requires_grad_() for b in a]
        compiled(*inputs).backward()
        close(tuple(b.grad for b in inputs), by_backward(f, a))


def test_second_order_is_refused(f):
    x0, ts, pars = arguments()

    def value(x):
        return loss(f)(x, ts, pars)

    for second in (hessian(value), jacrev(jacrev(value)), jacfwd(jacfwd(value)), jacrev(jacfwd(value))):
        with pytest.raises(RuntimeError, match=r"^odeint\(\): derivatives of second order were asked for"):
            second(x0)


def test_traces_are_refused(f):
    """Their numbers would be constants, also of other arguments."""
    from torch.fx.experimental.proxy_tensor import make_fx

    x0, ts, pars = arguments()
    for trace in (lambda: make_fx(lambda x: odeint(f, x, ts, pars))(x0), lambda: linearize(lambda x: odeint(f, x, ts, pars), x0)):
        with pytest.raises(RuntimeError, match=r"^odeint\(\): flows cannot be traced"):
            trace()


def test_the_older_vmap_is_refused(f):
    x0, ts, pars = arguments()
    for strategy in ("reverse-mode", "forward-mode"):
        with pytest.raises(RuntimeError, match=r"^odeint\(\): .*vectorize=True.* torch.func.jacrev"):
            torch.autograd.functional.jacobian(lambda x: odeint(f, x, ts, pars), x0, vectorize=True, strategy=strategy)
