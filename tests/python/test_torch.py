"""tayra.torch.odeint: gradients against torch's own check and by other ways, types, graphs, training without flattening."""

import copy
import io
import warnings

import numpy as np
import pytest

import tayra as hk

torch = pytest.importorskip("torch")
from torch import nn  # noqa: E402
from torch.nn.utils import parametrizations  # noqa: E402

import tayra.torch  # noqa: E402
from tayra.torch import from_module, odeint  # noqa: E402

X, V = hk.make_vars("x", "v")
DOUBLE = {"dtype": torch.float64}


@pytest.fixture(scope="module")
def pendulum():
    """x' = v, v' = -p0 sin(x) - p1 v + p2 cos(t)"""
    return hk.flow([(X, V), (V, -hk.par[0] * hk.sin(X) - hk.par[1] * V + hk.par[2] * hk.cos(hk.time))], tol=1e-15)


def arguments(m=None, many_ts=False, many_pars=False, n_times=4, seed=0):
    """x0, ts, pars that require gradients, for m trajectories."""
    rng = np.random.default_rng(seed)
    x0 = rng.normal(size=(2,) if m is None else (m, 2))
    ts = np.sort(rng.uniform(0, 2, (m, n_times) if many_ts else n_times))
    pars = rng.uniform(0.5, 1.5, (m, 3) if many_pars else 3)
    return [torch.tensor(a, **DOUBLE, requires_grad=True) for a in (x0, ts, pars)]


def network(bias=False):
    torch.manual_seed(0)
    layers = nn.Linear(2, 8), nn.Tanh(), nn.Linear(8, 8), nn.SiLU(), nn.Linear(8, 2, bias=bias)
    return nn.Sequential(*layers).double()


def flow_of(module, tol=1e-8):
    return hk.flow(list(zip([X, V], from_module(module, [X, V]).expressions)), tol=tol)


# ---- values and gradients


@pytest.mark.parametrize("shape", [(), (3,), (3, True), (3, False, True), (3, True, True), (1, True, True)], ids=str)
def test_gradcheck(pendulum, shape):
    assert torch.autograd.gradcheck(lambda *args: odeint(pendulum, *args), arguments(*shape))


def test_gradcheck_backward_in_time(pendulum):
    x0, ts, pars = arguments(2)
    ts = ts.detach().flip(0).requires_grad_()
    assert torch.autograd.gradcheck(lambda *args: odeint(pendulum, *args), (x0, ts, pars))


@pytest.mark.parametrize("activation", [nn.Tanh, nn.SiLU, nn.Softplus, nn.ELU, nn.GELU, nn.Softsign, nn.Mish])
def test_gradcheck_of_networks(activation):
    torch.manual_seed(1)
    module = nn.Sequential(nn.Linear(2, 4), activation(), nn.Linear(4, 2)).double()
    f = flow_of(module, tol=1e-15)
    x0, ts, _ = arguments(2)
    pars = from_module(module, [X, V]).parameters().detach().requires_grad_()
    assert torch.autograd.gradcheck(lambda *args: odeint(f, *args), (x0, ts, pars))


def test_states_are_those_of_the_flow(pendulum):
    x0, ts, pars = arguments(3)
    expected = pendulum(*(a.detach().numpy() for a in (x0, ts, pars)))
    np.testing.assert_array_equal(odeint(pendulum, x0, ts, pars).detach(), expected)
    np.testing.assert_array_equal(odeint(pendulum, x0.detach(), ts.detach(), pars.detach()), expected)
    with torch.no_grad():
        states = odeint(pendulum, x0, ts, pars)
    assert not states.requires_grad and states.shape == (4, 3, 2)


def test_gradient_through_other_operations(pendulum):
    """A loss with parameters that are computed from others, and an analytic gradient: x(t) = x0 exp(-k t)."""
    f = hk.flow([(X, -hk.par[0] * X)], tol=1e-15)
    log_k = torch.tensor(-0.5, **DOUBLE, requires_grad=True)
    start = torch.tensor(1.5, **DOUBLE, requires_grad=True)
    end = torch.tensor(0.8, **DOUBLE, requires_grad=True)
    x = odeint(f, start.reshape(1), torch.stack([torch.zeros_like(end), end]), torch.exp(log_k).reshape(1))[-1, 0]
    (x**2).backward()
    k, value = np.exp(-0.5), 1.5 * np.exp(-0.8 * np.exp(-0.5))
    assert x.item() == pytest.approx(value, rel=1e-14)
    assert float(start.grad) == pytest.approx(2 * value**2 / 1.5, rel=1e-13)
    assert float(end.grad) == pytest.approx(-2 * value**2 * k, rel=1e-13)
    assert float(log_k.grad) == pytest.approx(-2 * value**2 * k * 0.8, rel=1e-13)


def test_gradients_only_where_they_are_required(pendulum):
    x0, ts, pars = arguments(3)
    odeint(pendulum, x0, ts, pars).sum().backward()
    expected = [a.grad.clone() for a in (x0, ts, pars)]
    for which in range(3):
        args = [a.detach().requires_grad_(i == which) for i, a in enumerate((x0, ts, pars))]
        odeint(pendulum, *args).sum().backward()
        for i, a in enumerate(args):
            assert (a.grad is None) == (i != which)
        torch.testing.assert_close(args[which].grad, expected[which], rtol=1e-14, atol=1e-15)


def test_cotangents_that_are_not_contiguous(pendulum):
    args = arguments(3)
    weights = torch.rand(2, 3, 4, **DOUBLE)
    (odeint(pendulum, *args).permute(2, 1, 0) * weights).sum().backward()
    got = [a.grad.clone() for a in args]
    again = [a.detach().clone().requires_grad_() for a in args]
    odeint(pendulum, *again).backward(weights.permute(2, 1, 0).contiguous())
    for a, b in zip(got, again):
        assert torch.equal(a, b.grad)


def test_tensors_with_the_bit_of_a_sign(pendulum):
    """The imaginary part of a conjugate is a view whose numbers torch has still to negate."""

    def negated(a):
        view = torch.complex(torch.zeros_like(a), -a.detach()).conj().imag
        assert view.is_neg() and torch.equal(view, a)
        return view.detach().requires_grad_()

    args, same = arguments(3), [negated(a) for a in arguments(3)]
    states, again = odeint(pendulum, *args), odeint(pendulum, *same)
    assert torch.equal(states, again)
    bar = torch.rand_like(states)
    states.backward(bar)
    again.backward(negated(bar).detach())
    for a, b in zip(args, same):
        assert torch.equal(a.grad, b.grad)


def test_views_as_arguments(pendulum):
    x0, ts, pars = (a.detach() for a in arguments(3))
    expected = odeint(pendulum, x0, ts, pars)
    wide = torch.zeros(3, 4, **DOUBLE)
    wide[:, ::2] = x0
    assert torch.equal(odeint(pendulum, wide[:, ::2], torch.stack([ts, ts], 1)[:, 1], pars.expand(3, 3)), expected)


# ---- single precision


def test_single_precision_is_computed_in_double(pendulum):
    doubles = [a.detach().float().double().requires_grad_() for a in arguments(3)]
    singles = [a.detach().float().requires_grad_() for a in doubles]
    states = odeint(pendulum, *singles)
    assert states.dtype == torch.float32
    reference = odeint(pendulum, *doubles)
    assert torch.equal(states, reference.float())
    states.sum().backward()
    reference.sum().backward()
    for single, double in zip(singles, doubles):
        assert single.grad.dtype == torch.float32
        assert torch.equal(single.grad, double.grad.float())


def test_mixed_precision(pendulum):
    """The states have the type of x0, each gradient that of its tensor."""
    x0, ts, pars = arguments(3)
    single = pars.detach().float().requires_grad_()
    odeint(pendulum, x0, ts, single).sum().backward()
    assert single.grad.dtype == torch.float32 and x0.grad.dtype == torch.float64
    assert odeint(pendulum, x0.float(), ts, pars).dtype == torch.float32
    parts = [pars[:1].detach().float().requires_grad_(), pars[1:].detach().requires_grad_()]
    odeint(pendulum, x0, ts, parts).sum().backward()
    assert [p.grad.dtype for p in parts] == [torch.float32, torch.float64]


# ---- parameters in several tensors


def test_modules_and_sequences_are_flat_parameters():
    module = network()
    f = flow_of(module)
    x0, ts, _ = arguments(3)
    translation = from_module(module, [X, V])
    flat = translation.parameters().detach().requires_grad_()
    odeint(f, x0, ts, flat).square().sum().backward()
    parts = [module[:2], module[2].weight, [module[2].bias, module[4]]]
    for pars in (module, translation, list(module.parameters()), module.parameters(), tuple(module), parts):
        module.zero_grad()
        odeint(f, x0, ts, pars).square().sum().backward()
        for name, parameter in module.named_parameters():
            expected = flat.grad[translation.slices[name]].reshape(parameter.shape)
            assert torch.equal(parameter.grad, expected), name


def test_frozen_parameters_have_no_gradient():
    module = network()
    f = flow_of(module)
    x0, ts, _ = (a.detach() for a in arguments(3))
    odeint(f, x0, ts, module).sum().backward()
    expected = module[0].bias.grad.clone()
    module.zero_grad()
    module[0].weight.requires_grad_(False)
    odeint(f, x0, ts, module).sum().backward()
    assert module[0].weight.grad is None and torch.equal(module[0].bias.grad, expected)


def rk4(module, x, ts, n=200):
    """torch's own operations, differentiated by torch."""
    states = [x]
    for h in (ts[1:] - ts[:-1]) / n:
        for _ in range(n):
            a = module(x)
            b = module(x + h / 2 * a)
            c = module(x + h / 2 * b)
            x = x + h / 6 * (a + 2 * b + 2 * c + module(x + h * c))
        states.append(x)
    return torch.stack(states)


def gradients(states, module):
    module.zero_grad()
    (states * torch.arange(1.0, 1 + states.numel(), **DOUBLE).reshape(states.shape).sin()).sum().backward()
    return [p.grad.clone() for p in module.parameters()]


def test_gradients_through_parametrizations():
    """Also where a layer occurs twice, and a parameter behind a parametrization is another layer's, too."""
    torch.manual_seed(0)
    normed = parametrizations.weight_norm(nn.Linear(4, 4))
    module = nn.Sequential(parametrizations.spectral_norm(nn.Linear(2, 4)), nn.Tanh(), normed, nn.Softplus(), nn.Linear(4, 4),
                           nn.Tanh(), normed, parametrizations.orthogonal(nn.Linear(4, 2))).double().eval()
    module[4].weight = normed.parametrizations.weight.original1
    x0, ts, _ = (a.detach() for a in arguments(3))
    reference = rk4(module, x0, ts)
    f, translation = flow_of(module, tol=1e-12), from_module(module, [X, V])
    for pars in (module, translation, translation.tensors(), translation.parameters()):
        states = odeint(f, x0, ts, pars)
        torch.testing.assert_close(states, reference, rtol=1e-9, atol=1e-9)
        for got, expected in zip(gradients(states, module), gradients(rk4(module, x0, ts), module), strict=True):
            torch.testing.assert_close(got, expected, rtol=1e-8, atol=1e-9)


def test_parameters_that_the_flow_does_not_use():
    """A flow of a part of a model: the gradients of the rest are zero, wherever it stands."""
    torch.manual_seed(0)
    module = nn.Sequential(nn.Linear(2, 4), nn.Tanh(), nn.Linear(4, 3), nn.Linear(3, 3)).double()
    f = hk.flow(list(zip([X, V], from_module(module[:3], [X, V]).expressions)), tol=1e-12)
    assert f.n_pars == 26  # of 12 + 15 + 12: the last output of the third layer is not used
    x0, ts, _ = (a.detach() for a in arguments(3))
    expected = gradients(rk4(lambda x: module[:3](x)[..., :2], x0, ts), module[:3])
    for pars in (module, list(module.parameters())):
        got = gradients(odeint(f, x0, ts, pars), module)
        for g, e in zip(got, expected):
            torch.testing.assert_close(g, e, rtol=1e-8, atol=1e-10)
        assert not got[4].any() and not got[5].any()
    with pytest.raises(ValueError, match=r"pars: expected shape \(26,\) or \(M, 26\), got \(12,\)"):
        odeint(f, x0, ts, module[0])
    with pytest.raises(ValueError, match=r"pars: expected shape \(26,\) or \(M, 26\), got \(27,\)"):
        odeint(f, x0, ts, torch.ones(27))


class Model(nn.Module):
    """A module that has a flow, as users write it."""

    def __init__(self):
        super().__init__()
        self.net = network()
        self.translation = from_module(self.net, [X, V])
        self.flow = hk.flow(list(zip([X, V], self.translation.expressions)), tol=1e-10)

    def forward(self, x0):
        return odeint(self.flow, x0, torch.linspace(0, 1, 3, **DOUBLE), self.translation)


def test_copies_and_files_of_models_with_flows():
    model, x0 = Model(), torch.randn(3, 2, **DOUBLE)
    before = model(x0)
    file = io.BytesIO()
    torch.save(model, file)
    file.seek(0)
    copies = [copy.deepcopy(model), torch.load(file, weights_only=False), torch.optim.swa_utils.AveragedModel(model).module]
    with torch.no_grad():
        for p in model.parameters():
            p.mul_(1.5)
    assert not torch.equal(model(x0), before)
    for other in copies:  # each with parameters of its own
        assert torch.equal(other(x0), before)
        other(x0).sum().backward()
        assert all(p.grad.any() for p in other.net.parameters())
        other.load_state_dict(model.state_dict())
        assert torch.equal(other(x0), model(x0))


def test_two_networks_in_one_system():
    """first= puts the second one's parameters behind those of the first."""
    torch.manual_seed(2)
    force, drag = (nn.Sequential(nn.Linear(1, 4), nn.Tanh(), nn.Linear(4, 1)).double() for _ in range(2))
    a = from_module(force, [X])
    b = from_module(drag, [V], first=a.n_parameters)
    f = hk.flow([(X, V), (V, a.expressions[0] + b.expressions[0])], tol=1e-15)
    x0, ts, _ = (a.detach() for a in arguments(3))
    weights = torch.cat([a.parameters(), b.parameters()]).detach().requires_grad_()
    assert torch.autograd.gradcheck(lambda w: odeint(f, x0, ts, w), (weights,))
    odeint(f, x0, ts, weights).sum().backward()
    odeint(f, x0, ts, [a, b]).sum().backward()
    assert torch.equal(drag[2].bias.grad, weights.grad[-1:])


def test_without_parameters():
    f = hk.flow([(X, V), (V, -X)], tol=1e-15)
    x0, ts, _ = arguments()
    for pars in ((), [], torch.empty(0)):
        states = odeint(f, x0, ts, pars)
        t = (ts - ts[0]).detach()
        expected = torch.stack([x0[0] * t.cos() + x0[1] * t.sin(), x0[1] * t.cos() - x0[0] * t.sin()], dim=1)
        torch.testing.assert_close(states, expected, rtol=1e-13, atol=1e-14)
    assert torch.autograd.gradcheck(lambda x, t: odeint(f, x, t), (x0, ts))


def test_training_lowers_the_loss():
    module = network()
    f = flow_of(module)
    optimizer = torch.optim.Adam(module.parameters(), lr=0.02)
    x0, ts = torch.eye(2, **DOUBLE), torch.linspace(0, 1, 5, **DOUBLE)
    truth = torch.stack([torch.stack([t.cos(), -t.sin(), t.sin(), t.cos()]).reshape(2, 2) for t in ts])
    losses = []
    for _ in range(100):
        optimizer.zero_grad()
        loss = (odeint(f, x0, ts, module) - truth).pow(2).mean()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.1 * losses[0]


# ---- graphs


def test_second_backward(pendulum):
    args = arguments(3)
    loss = odeint(pendulum, *args).square().sum()
    loss.backward(retain_graph=True)
    once = [a.grad.clone() for a in args]
    loss.backward(retain_graph=True)
    loss.backward()
    for a, g in zip(args, once):
        torch.testing.assert_close(a.grad, 3 * g, rtol=1e-14, atol=0)
    with pytest.raises(RuntimeError, match="Trying to backward through the graph a second time"):
        loss.backward()


def test_second_derivatives_are_refused(pendulum):
    for power in (1, 2):  # of a linear loss, too, whose gradient by the states needs none
        x0, ts, pars = arguments()
        loss = odeint(pendulum, x0, ts, pars).pow(power).sum()
        first = torch.autograd.grad(loss, (x0, pars), create_graph=True)
        for gradient in first:
            assert gradient.requires_grad
            with pytest.raises(RuntimeError, match="second order"):
                gradient.sum().backward(retain_graph=True)


def test_parameters_that_change_in_between(pendulum):
    """As for torch's own functions: what a gradient needs must not be written to before it is taken."""
    x0, ts, pars = arguments()
    states = odeint(pendulum, x0, ts, pars)
    with torch.no_grad():
        pars += 1.0
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        states.sum().backward()


def test_states_may_be_changed_in_place(pendulum):
    args = arguments()
    states = odeint(pendulum, *args)
    states *= 2.0
    states.sum().backward()
    again = [a.detach().clone().requires_grad_() for a in args]
    (2 * odeint(pendulum, *again)).sum().backward()
    assert all(torch.equal(a.grad, b.grad) for a, b in zip(args, again))


def test_tape_is_freed_with_the_graph(pendulum):
    args = arguments(3)
    states = odeint(pendulum, *args)
    node = states.grad_fn
    assert node.call.pullback is not None
    states.sum().backward()
    assert node.call.pullback is None


# ---- what is refused


def test_types(pendulum):
    x0, ts, pars = (a.detach() for a in arguments())
    for name, args in {
        "x0": (x0.numpy(), ts, pars),
        "ts": (x0, [0.0, 1.0], pars),
        "pars": (x0, ts, [1.0, 2.0, 3.0]),
    }.items():
        with pytest.raises(TypeError, match=f"^odeint.*: {name}: .*expected"):
            odeint(pendulum, *args)
    with pytest.raises(TypeError, match="pars: tensors, modules .* expected, not 'ndarray'"):
        odeint(pendulum, x0, ts, pars.numpy())
    with pytest.raises(TypeError, match="f: a tayra.flow was expected, not 'function'"):
        odeint(lambda x: x, x0, ts, pars)


def test_dtypes_and_devices(pendulum):
    x0, ts, pars = (a.detach() for a in arguments())
    for i, name in enumerate(["x0", "ts", "pars"]):
        for bad in (lambda a: a.long(), lambda a: a.half(), lambda a: a.to(torch.complex128), lambda a: a.to("meta")):
            args = [x0, ts, pars]
            args[i] = bad(args[i])
            expected = f"{name}: expected torch.float64 or torch.float32 on the cpu, got {args[i].dtype} on {args[i].device}"
            with pytest.raises(TypeError, match=expected):
                odeint(pendulum, *args)


def test_shapes_and_times(pendulum):
    x0, ts, pars = arguments(3)
    for args, name in (((x0[:, :1], ts, pars), "x0"), ((x0, ts, pars[:2]), "pars"), ((x0, ts.flip(0)[[0, 2, 1]], pars), "time")):
        with pytest.raises(ValueError, match=name):
            odeint(pendulum, *args)


def test_gradient_of_one_time(pendulum):
    x0, ts, pars = arguments(n_times=1)
    with pytest.raises(ValueError, match="ts: for a gradient at least two times were expected, but there is one"):
        odeint(pendulum, x0, ts, pars)
    states = odeint(pendulum, x0, ts.detach(), pars)
    states.sum().backward()
    assert torch.equal(states[0], x0) and torch.equal(x0.grad, torch.ones(2, **DOUBLE)) and not pars.grad.any()


def test_trajectories_that_end_early():
    """x' = x^2 from 2 ends at t = 0.5. The other trajectory has its gradient; asking for that of the first is an error."""
    f = hk.flow([(X, X**2)], tol=1e-12)
    x0 = torch.tensor([[2.0], [0.5]], **DOUBLE, requires_grad=True)
    ts = torch.tensor([0.0, 0.25, 1.0], **DOUBLE)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        states = odeint(f, x0, ts)
        assert states[2].isnan().tolist() == [[True], [False]]
        states[1].sum().backward(retain_graph=True)
        torch.testing.assert_close(x0.grad[:, 0], (1 / (1 - 0.25 * x0[:, 0]) ** 2).detach(), rtol=1e-10, atol=0)
        with pytest.raises((RuntimeError, ValueError, ArithmeticError), match="trajectory 0"):
            states[2].sum().backward()
