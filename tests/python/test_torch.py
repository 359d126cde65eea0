"""tayra.torch: gradients against torch's own check, modules against their expressions, training without flattening."""

import numpy as np
import pytest

import tayra as hk

torch = pytest.importorskip("torch")
import tayra.torch  # noqa: E402

X, V = hk.make_vars("x", "v")


def network(seed=0):
    torch.manual_seed(seed)
    layers = torch.nn.Linear(2, 8), torch.nn.Tanh(), torch.nn.Linear(8, 8), torch.nn.SiLU(), torch.nn.Linear(8, 2, bias=False)
    return torch.nn.Sequential(*layers).double()


def test_expressions_are_the_module():
    net = network()
    expressions = tayra.torch.from_module(net, [X, V]).expressions
    points = torch.rand(7, 2, dtype=torch.float64)
    pars = np.concatenate([p.detach().numpy().ravel() for p in net.parameters()])
    got = hk.cfunc(expressions, vars=[X, V])(np.ascontiguousarray(points.numpy().T), pars=np.repeat(pars[:, None], 7, axis=1))
    np.testing.assert_allclose(got.T, net(points).detach().numpy(), rtol=1e-13, atol=1e-15)


def test_gradcheck():
    net = network()
    f = hk.flow(list(zip([X, V], tayra.torch.from_module(net, [X, V]).expressions)), tol=1e-15)
    x0 = torch.rand(3, 2, dtype=torch.float64, requires_grad=True)
    ts = torch.tensor([0.0, 0.4, 1.0], dtype=torch.float64, requires_grad=True)
    pars = torch.cat([p.detach().reshape(-1) for p in net.parameters()]).requires_grad_()
    assert torch.autograd.gradcheck(lambda *args: tayra.torch.odeint(f, *args), (x0, ts, pars))


def test_training_lowers_the_loss():
    net = network()
    f = hk.flow(list(zip([X, V], tayra.torch.from_module(net, [X, V]).expressions)), tol=1e-8)
    optimizer = torch.optim.Adam(net.parameters(), lr=0.02)
    x0, ts = torch.tensor([[1.0, 0.0], [0.0, 1.0]], dtype=torch.float64), torch.linspace(0, 1, 5, dtype=torch.float64)
    truth = torch.stack([torch.stack([t.cos(), -t.sin(), t.sin(), t.cos()]).reshape(2, 2) for t in ts])
    losses = []
    for _ in range(100):
        optimizer.zero_grad()
        loss = (tayra.torch.odeint(f, x0, ts, net) - truth).pow(2).mean()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.1 * losses[0]


def test_what_cannot_be_translated_names_the_layer():
    module = torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.Conv1d(2, 2, 1))
    with pytest.raises(ValueError, match="1.*Conv1d"):
        tayra.torch.from_module(module, [X, V])
