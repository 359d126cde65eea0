"""tayra.torch.from_module: the expressions have the values and derivatives of the module; what has none is refused by name."""

import copy
import time

import numpy as np
import pytest

import tayra as hk

torch = pytest.importorskip("torch")
from torch import nn  # noqa: E402
from torch.nn import functional as F  # noqa: E402
from torch.nn.utils import parametrizations  # noqa: E402

import tayra.torch  # noqa: E402
from tayra.torch import from_module  # noqa: E402

X = hk.make_vars("x_0", "x_1", "x_2", "x_3")


@pytest.fixture(autouse=True)
def reproducible_doubles():
    torch.manual_seed(3)
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


def values(translation, points, variables=X):
    """The expressions at points (k, n), by a compiled function. It takes parameters up to the last that is used."""
    used = hk.get_params(translation.expressions)
    pars = translation.parameters().detach().double().numpy()[: int(str(used[-1])[1:]) + 1 if used else 0]
    f = hk.cfunc(translation.expressions, variables)
    return f(np.ascontiguousarray(points.numpy().T), pars=np.repeat(pars[:, None], len(points), axis=1)).T


def check(module, scale=2.0):
    points = scale * torch.randn(40, 4)
    expected = module(points).detach().numpy()
    got = values(from_module(module, X), points)
    assert got.shape == expected.shape
    np.testing.assert_allclose(got, expected, rtol=1e-13, atol=1e-13)


class Own(nn.Module):
    """A module that does what a function does, with some parameters and buffers for it."""

    def __init__(self, function):
        super().__init__()
        self.function = function
        self.layer = nn.Linear(4, 4)
        self.matrix = nn.Parameter(torch.randn(4, 4))
        self.rates = nn.Parameter(torch.rand(4) + 1)
        self.register_buffer("shift", torch.randn(4))

    def forward(self, x):
        return self.function(self, x)


# ---- values

ACTIVATIONS = [
    nn.Tanh(), nn.Sigmoid(), nn.ReLU(), nn.ReLU(inplace=True), nn.ReLU6(), nn.LeakyReLU(), nn.LeakyReLU(0.3), nn.SiLU(),
    nn.LeakyReLU(-0.2), nn.LeakyReLU(0.0), nn.Hardtanh(torch.tensor(-0.3), torch.tensor(0.7)),
    nn.Softplus(), nn.Softplus(2.0, 5.0), nn.ELU(), nn.ELU(0.4), nn.CELU(0.4), nn.SELU(), nn.GELU(), nn.GELU("tanh"),
    nn.Softsign(), nn.Tanhshrink(), nn.LogSigmoid(), nn.Mish(), nn.Hardtanh(), nn.Hardtanh(-0.2, 3.0), nn.Hardsigmoid(),
    nn.Hardswish(), nn.Softshrink(), nn.Hardshrink(), nn.Threshold(0.1, 0.3), nn.PReLU(), nn.PReLU(4), nn.Softmax(-1),
    nn.Softmax(1), nn.Identity(), nn.Dropout(0.5).eval(),
]  # fmt: skip


@pytest.mark.parametrize("activation", ACTIVATIONS, ids=str)
def test_activations(activation):
    check(nn.Sequential(nn.Linear(4, 4), activation).double(), scale=4.0)


def in_place(m, x):
    """Slices share memory, and several names are one tensor."""
    d = torch.zeros_like(x)
    d[..., 0] = x[..., 1]
    d[..., 1:] = -x[..., :3] * m.rates[0]
    same, first = d, d[..., :2]
    d += 1
    first.mul_(2)
    return same.tanh_()


FUNCTIONS = {
    "arithmetic": lambda m, x: -x * m.rates**2 / (1 + x**2) - 3 + m.shift,
    "powers": lambda m, x: x.pow(3) + torch.pow(x, 2) - 2 ** torch.sigmoid(x) + x.square() + (x.abs() + 1) ** 0.5,
    "functional": lambda m, x: torch.relu(x) + F.relu(x) + x.relu() + F.softplus(x) + F.leaky_relu(x, 0.2) + F.gelu(x) + F.elu(x),
    "functions": lambda m, x: torch.exp(-x * x) * x.cos() + torch.erf(x) + torch.log1p(x**2) + torch.rsqrt(1 + x**2),
    "pairs": lambda m, x: torch.maximum(x, m.rates) - torch.minimum(x, m.shift) + torch.atan2(x, m.rates),
    "named arithmetic": lambda m, x: torch.add(x, x, alpha=3) - torch.mul(x, 2) + torch.div(x, 4) - torch.neg(x).sub(1),
    "clamp": lambda m, x: torch.clamp(x, -1, 1) + x.clamp(min=0.2) + F.hardtanh(x, -2.0, 0.5) + x.clamp(1, -1) * x,
    "clamp to tensors": lambda m, x: torch.clamp(x, -m.rates, m.shift) * x.clamp(max=m.rates) + x.clamp_min(m.shift).clamp_max(2),
    "where": lambda m, x: torch.where(x > 0.1, x, x * m.rates),
    "cat of slices": lambda m, x: torch.cat([x[..., :2], torch.sin(x[..., 2:])], dim=-1),
    "columns of a batch": lambda m, x: torch.stack([x[:, 0] * x[:, 1], x[:, 3]], dim=1),
    "indices": lambda m, x: x[..., [2, 0]] * x[..., 1:2] + x[..., -1].unsqueeze(-1),
    "chunks": lambda m, x: torch.cat(torch.chunk(x, 2, dim=-1)[::-1], -1),
    "unpacked": lambda m, x: torch.cat(x.split([1, 3], -1)[::-1], dim=-1),
    "matrix": lambda m, x: x @ m.matrix + F.linear(x, m.matrix.T) + m.matrix[0],
    "parameters alone": lambda m, x: (m.rates * m.rates.exp()) * x + (m.matrix @ m.matrix @ m.rates),
    "sums": lambda m, x: m.layer(x).sum(-1, keepdim=True) * x + x.mean(dim=-1, keepdim=True) - x.prod(-1).unsqueeze(-1),
    "constant tensor": lambda m, x: x * torch.tensor([1.0, -2.0, 3.0, 0.0]) + torch.ones_like(x),
    "in place": in_place,
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions(name):
    module = Own(FUNCTIONS[name])
    check(module)
    assert not [key for key in vars(module) if key.startswith("_tensor_constant")]  # the tracer has left nothing


@pytest.mark.parametrize("seed", range(5))
def test_random_networks(seed):
    rng = np.random.default_rng(seed)
    sizes = [4, *rng.integers(1, 12, rng.integers(1, 4)), 3]
    layers = []
    for n_in, n_out in zip(sizes, sizes[1:]):
        activation = [nn.Tanh, nn.SiLU, nn.Softplus, nn.ELU, nn.GELU, nn.Softsign][rng.integers(6)]
        layers += [nn.Linear(int(n_in), int(n_out), bias=bool(rng.integers(2))), activation()]
    check(nn.Sequential(*layers))


def test_module_list_and_nested_modules():
    class Residual(nn.Module):
        def __init__(self):
            super().__init__()
            self.blocks = nn.ModuleList([nn.Sequential(nn.Linear(4, 6), nn.Tanh(), nn.Linear(6, 4)) for _ in range(3)])

        def forward(self, x):
            for block in self.blocks:
                x = x + block(x) / len(self.blocks)
            return x

    check(Residual())


def test_hooks_mean_what_they_mean_to_torch():
    hooked = nn.Linear(4, 4)
    hooked.register_forward_hook(lambda module, inputs, output: 2 * output)
    check(nn.Sequential(nn.Linear(4, 4), hooked))
    with pytest.raises(ValueError, match=r"Linear has forward hooks"):
        from_module(hooked, X)


def test_module_is_as_before():
    """forward() runs once, with stand-ins for tensors: what it writes to the module is undone."""

    class Counting(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer, self.n_calls, self.last = nn.Linear(4, 4), 0, None

        def forward(self, x):
            self.n_calls, self.last = self.n_calls + 1, x
            return self.layer(x)

    module = nn.Sequential(Counting(), nn.Tanh())
    from_module(module, X)
    assert module[0].n_calls == 0 and module[0].last is None
    check(copy.deepcopy(module))


def test_time_and_several_inputs():
    """forward(t, y), as other solvers have it."""

    class Forced(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = nn.Linear(3, 2)

        def forward(self, t, y, gain=2.0):
            return gain * self.layer(torch.cat([y, t.reshape(1)]))

    module = Forced()
    t = from_module(module, hk.time, X[:2])
    got = hk.cfunc(t.expressions, X[:2])([0.3, -0.2], pars=t.parameters().detach().numpy(), time=0.7)
    expected = module(torch.tensor(0.7), torch.tensor([0.3, -0.2])).detach().numpy()
    np.testing.assert_allclose(got, expected, rtol=1e-14)
    flat = from_module(nn.Linear(3, 2), [*X[:2], hk.time])
    assert str(flat.expressions[1]) == "((p3 * x_0) + (p4 * x_1) + (p5 * t) + p7)"
    with pytest.raises(TypeError, match=r"Forced.forward\(\) takes 3 inputs, but 4 were given"):
        from_module(module, hk.time, X, X, X)
    with pytest.raises(TypeError, match="no input for the argument 'y'"):
        from_module(module, hk.time)


def test_far_out_of_range():
    """Where one branch of an activation overflows, values and derivatives are those of the other."""
    for activation in (nn.Softplus(), nn.ELU(), nn.SELU(), nn.Mish(), nn.LogSigmoid(), nn.CELU()):
        x = torch.tensor([[-2000.0, 2000.0, -900.0, 900.0]], requires_grad=True)
        module = nn.Sequential(activation)
        t = from_module(module, X)
        slopes = hk.cfunc([hk.diff(e, v) for e, v in zip(t.expressions, X)], X)(x.detach().numpy().ravel())
        module(x).sum().backward()
        np.testing.assert_allclose(slopes, x.grad.numpy().ravel(), rtol=1e-14, err_msg=str(activation))
        np.testing.assert_allclose(values(t, x.detach()), module(x).detach().numpy(), rtol=1e-14, err_msg=str(activation))


def test_softplus_has_no_jump():
    """torch takes x for softplus(x) > 20, which is 2e-9 off; the expression is the smooth function."""
    got = values(from_module(nn.Softplus(), X), torch.tensor([[20.0, 20.5, 25.0, 30.0]]))[0]
    np.testing.assert_allclose(got, np.logaddexp(0, [20.0, 20.5, 25.0, 30.0]), rtol=4e-16)


# ---- parameters


def test_parameters_in_torch_s_order():
    module = nn.Sequential(nn.Linear(4, 3), nn.Tanh(), nn.Linear(3, 2, bias=False), nn.PReLU())
    t = from_module(module, X)
    assert t.n_parameters == 12 + 3 + 6 + 1 and len(t) == 2 and t.module is module
    flat = t.parameters()
    assert torch.equal(flat, torch.cat([p.reshape(-1) for p in module.parameters()]))
    for name, parameter in module.named_parameters():
        assert torch.equal(flat[t.slices[name]].reshape(parameter.shape), parameter)
    weights = torch.arange(22.0)
    flat.backward(weights)
    assert torch.equal(module[2].weight.grad, weights[15:21].reshape(2, 3))
    assert all(a is b for a, b in zip(t.tensors(), module.parameters(), strict=True))
    assert "22 parameters" in repr(t)


def test_shared_parameters_once():
    shared = nn.Linear(4, 4)
    module = nn.Sequential(shared, nn.Tanh(), shared)
    check(module)
    t = from_module(module, X)
    assert t.n_parameters == 20 and t.slices["0.weight"] == t.slices["2.weight"] == slice(0, 16)
    module = nn.Sequential(nn.Linear(4, 4), nn.Tanh(), nn.Linear(4, 4))
    module[2].weight = module[0].weight
    check(module)
    assert from_module(module, X).n_parameters == 24


class Symmetric(nn.Module):
    def forward(self, weight):
        return (weight + weight.T) / 2


def symmetric(layer):
    nn.utils.parametrize.register_parametrization(layer, "weight", Symmetric())
    return layer


PARAMETRIZATIONS = {
    "weight_norm": parametrizations.weight_norm,
    "spectral_norm": parametrizations.spectral_norm,
    "orthogonal": parametrizations.orthogonal,
    "own": symmetric,
    "two": lambda layer: symmetric(parametrizations.weight_norm(layer)),
    "of the bias": lambda layer: parametrizations.weight_norm(layer, "bias", dim=None),
}


@pytest.mark.parametrize("name", PARAMETRIZATIONS)
def test_parametrizations_are_computed_by_torch(name):
    """Their results are the parameters of the expressions."""
    shared = PARAMETRIZATIONS[name](nn.Linear(4, 4)).eval()  # spectral_norm changes itself in training mode
    module = nn.Sequential(nn.Linear(4, 4), shared, nn.Tanh(), shared).eval()
    check(module)
    check(shared)
    t = from_module(module, X)
    assert t.n_parameters == 40 and t.slices["1.weight"] == t.slices["3.weight"]
    for prefix, layer in (("0", module[0]), ("1", shared)):
        for key in ("weight", "bias"):
            assert torch.equal(t.parameters()[t.slices[f"{prefix}.{key}"]], getattr(layer, key).reshape(-1))
    with nn.utils.parametrize.cached():
        with pytest.raises(RuntimeError, match="outside of torch.nn.utils.parametrize.cached"):
            from_module(module, X)
        assert t.tensors()[2 + (name != "of the bias")] is t.tensors()[2 + (name != "of the bias")]
    with torch.no_grad():
        for p in module.parameters():
            p.mul_(1.1)
    assert torch.equal(t.parameters()[t.slices["1.weight"]], shared.weight.reshape(-1))


def test_parameters_as_they_are_now():
    module = nn.Linear(4, 2)
    t = from_module(module, X)
    module.weight = nn.Parameter(torch.zeros(2, 4))
    assert torch.equal(t.parameters()[:8], torch.zeros(8))


def test_first_parameter():
    t = from_module(nn.Linear(1, 1), X[:1], first=7)
    assert str(t.expressions[0]) == "((p7 * x_0) + p8)" and t.slices == {"weight": slice(7, 8), "bias": slice(8, 9)}
    assert str(from_module(nn.Linear(1, 1), X[:1], first=np.int64(7))) == str(t)
    for first in (-1, 1.5, True):
        with pytest.raises(TypeError, match="first"):
            from_module(nn.Linear(1, 1), X[:1], first=first)


def test_frozen_parameters_are_parameters_and_buffers_are_numbers():
    module = Own(lambda m, x: x * m.rates + m.shift)
    module.rates.requires_grad_(False)
    expressions = from_module(module, X).expressions
    assert len(hk.get_params(expressions)) == 4
    before = str(expressions[0])
    module.shift += 1
    assert str(expressions[0]) == before


def test_no_parameters():
    t = from_module(nn.Tanh(), X)
    assert t.n_parameters == 0 and t.parameters().shape == (0,) and [str(e) for e in t] == [f"tanh(x_{i})" for i in range(4)]


def test_single_precision():
    module = nn.Sequential(nn.Linear(4, 5), nn.SiLU(), nn.Linear(5, 2)).float()
    t = from_module(module, X)
    assert t.parameters().dtype == torch.float32
    points = torch.randn(10, 4)
    np.testing.assert_allclose(values(t, points), module(points.float()).detach().numpy(), rtol=1e-4, atol=1e-6)


def test_same_network_as_ffnn():
    """A layer is the same sums that tayra.model.ffnn makes, hence the same loops."""
    module = nn.Sequential(nn.Linear(4, 3), nn.Tanh(), nn.Linear(3, 2))
    t = from_module(module, X)
    order = [*range(0, 12), *range(15, 21), *range(12, 15), *range(21, 23)]
    weights = [hk.par[i] for i in order]
    assert t.expressions == hk.model.ffnn(X, [3], 2, [hk.tanh, lambda x: x], nn_wb=weights)


def test_large_networks_are_quick():
    variables = hk.make_vars(*[f"x_{i}" for i in range(6)])
    module = nn.Sequential(nn.Linear(6, 200), nn.Tanh(), nn.Linear(200, 200), nn.Tanh(), nn.Linear(200, 6))
    start = time.process_time()
    t = from_module(module, variables)
    assert time.process_time() - start < 1.0  # 0.04 s
    assert t.n_parameters == 42_806
    points = torch.randn(1, 6)
    np.testing.assert_allclose(values(t, points, variables), module(points).detach().numpy(), rtol=1e-12, atol=1e-14)


# ---- what is refused


class Branching(nn.Module):
    def forward(self, x):
        return x if x.sum() > 0 else -x


def refusals():
    """(module, what the message says)"""
    nested = nn.Sequential(nn.Linear(4, 4), nn.Sequential(nn.Tanh(), nn.Conv2d(1, 1, 1)))
    yield nested, r"1\.1 \(Conv2d\): conv2d has no translation"
    yield nn.Sequential(nn.Linear(4, 4), nn.LSTM(4, 4)), r"1 \(LSTM\) cannot be traced"
    yield nn.Sequential(nn.Linear(4, 4), Branching()), r"1 \(Branching\) cannot be traced: .*control flow"
    yield Branching(), r"Branching cannot be traced: .*control flow"
    yield nn.Sequential(nn.Linear(4, 4), nn.Dropout(0.1)), r"1 \(Dropout\): .*module\.eval\(\)"
    yield nn.Sequential(nn.BatchNorm1d(4)), r"0 \(BatchNorm1d\)"
    yield nn.LayerNorm(4), "LayerNorm: layer_norm has no translation"
    yield nn.Sequential(nn.Linear(4, 3), nn.Linear(4, 3)), r"1 \(Linear\): linear: expected 4 features, got 3$"
    yield Own(lambda m, x: torch.cumsum(x, -1)), "Own: cumsum has no translation"
    yield Own(lambda m, x: x.detach()), "detach has no translation"
    yield Own(lambda m, x: x * float(x[0])), "cannot be traced: float"
    yield Own(lambda m, x: x * torch.rand(4)), "draws random numbers"
    yield Own(lambda m, x: F.dropout(x, 0.5)), "dropout is translated in eval mode only"
    yield Own(lambda m, x: torch.div(x, 2, rounding_mode="floor")), "division with rounding"
    yield Own(lambda m, x: x.to(torch.int64) * 1.0), "Own: a conversion to whole numbers"
    yield Own(lambda m, x: x.type_as(torch.arange(4)) * 1.0), "Own: a conversion to whole numbers"
    yield Own(lambda m, x: (x, x)), "the result must be one vector, but is 'tuple'"
    yield Own(lambda m, x: m.matrix), r"the result must be one vector, but is a tensor of shape \(4, 4\)"
    yield Own(lambda m, x: x.clone().unsqueeze_(0).sum(0)), "unsqueeze_ has no translation"
    yield Own(lambda m, x: m.matrix.clone().t_() @ x.reshape(-1)), "t_ has no translation"
    yield Own(lambda m, x: x[..., 7]), "getitem: index 7 is out of bounds"
    yield Own(lambda m, x: x.split([1, 2], -1)[0]), r"split: parts of sizes \[1, 2\]"
    yield Own(lambda m, x: x * torch.ones(4, requires_grad=True)), "requires a gradient, but is not one of the module's"
    yield nn.Linear(4, 4, dtype=torch.complex128), "complex"
    yield torch.jit.script(nn.Linear(4, 4)), "cannot be traced"


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_refusals():
    for module, message in refusals():
        with pytest.raises(ValueError, match=message) as error:
            from_module(module, X)
        assert str(error.value).startswith("from_module(): ")
        assert not [key for key in vars(module) if key.startswith("_tensor_constant")]


def test_wrong_types():
    with pytest.raises(TypeError, match="module must be a torch.nn.Module, not 'function'"):
        from_module(lambda x: x, X)
    with pytest.raises(TypeError, match="inputs: a sequence of expressions"):
        from_module(nn.Linear(2, 2), [1.0, 2.0])
