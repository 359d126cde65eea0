"""The numbers of the tutorial: inference beside torch, ground truth and variational gradient beside the peer."""

import numpy as np
import pytest

import tayra as hk

A = np.array(
    [
        [0.0, 0.0, 0.0, 1.0, 0.0, 0.0],
        [0.0, 0.0, 0.0, 0.0, 1.0, 0.0],
        [0.0, 0.0, 0.0, 0.0, 0.0, 1.0],
        [-2.5, 2.0, 0.0, 0.0, 0.0, 0.0],
        [2.0, -5.4, 3.4, 0.0, 0.0, 0.0],
        [0.0, 3.4, -3.4, 0.0, 0.0, 0.0],
    ]
)
B = [0, 0, 0, -3.5, 0.26, 3.74]
IC = [2.0, 0.0, 0.0, 1.0, 0.0, 0.0]
GRID = np.linspace(0.0, 20, 1000)
N = 6


def variables(m):
    return m.make_vars(*[f"x_{i}" for i in range(1, N + 1)])


def ground_truth(m):
    x = variables(m)
    ta = m.taylor_adaptive(list(zip(x, A @ np.array(x) + B)), IC, compact_mode=False, tol=1e-18)
    ta.time = 0
    ta.state[:] = IC
    return ta.propagate_grid(GRID)[5]


def neural(m, hidden, args):
    x = variables(m)
    outputs = m.model.ffnn(inputs=x, nn_hidden=hidden, n_out=N, activations=[m.tanh] * len(hidden) + [lambda v: v])
    return m.taylor_adaptive(m.var_ode_sys(list(zip(x, outputs)), args=args), IC, compact_mode=True, tol=1e-8)


def solve(ta, ic, weights, grid):
    ta.time = 0
    ta.state[:] = list(ic) + [0.0] * (ta.dim - N)
    ta.pars[:] = weights
    return ta.propagate_grid(grid)[5]


def test_ground_truth_as_the_peer(peer):
    ours, theirs = ground_truth(hk), ground_truth(peer)
    assert ours.shape == theirs.shape == (1000, 6)
    assert np.abs(ours - theirs).max() < 1e-12


def test_ground_truth_is_exact():
    """x' = A x + b, solved by the matrix exponential of 50 digits."""
    import mpmath

    with mpmath.mp.workdps(50):
        big = mpmath.zeros(N + 1)
        for i in range(N):
            for j in range(N):
                big[i, j] = mpmath.mpf(A[i, j])
            big[i, N] = mpmath.mpf(B[i])
        states = ground_truth(hk)
        start = mpmath.matrix(IC + [1])
        for row in (1, 500, 999):
            exact = mpmath.expm(big * mpmath.mpf(GRID[row])) * start
            assert max(abs(float(exact[i]) - states[row, i]) for i in range(N)) < 1e-12


@pytest.mark.parametrize("hidden", [[8], [30, 30]])
def test_gradient_as_the_peer(peer, rng, hidden):
    grid = GRID[:10]
    results = []
    for m in (hk, peer):
        ta = neural(m, hidden, m.var_args.params)
        weights = np.random.default_rng(0).normal(0, 0.3, len(ta.pars))
        target = np.random.default_rng(1).normal(size=(10, N))
        states = solve(ta, IC, weights, grid)
        residual = states[:, :N] - target
        sensitivity = states[:, N:].reshape(10, N, -1)
        results.append((2 * np.einsum("ti,tip->p", residual, sensitivity), states))
    (ours, our_states), (theirs, their_states) = results
    assert ours.shape == theirs.shape == (len(weights),)
    assert np.abs(ours - theirs).max() <= 1e-11 * np.abs(theirs).max()
    np.testing.assert_allclose(our_states, their_states, rtol=1e-11, atol=1e-12)


def test_gradient_by_differences(rng):
    """The gradient of the loss itself, by central differences of plain integrations."""
    x = variables(hk)
    outputs = hk.model.ffnn(x, [8], N, [hk.tanh, lambda v: v])
    plain = hk.taylor_adaptive(list(zip(x, outputs)), IC)
    ta = neural(hk, [8], hk.var_args.params)
    weights, target, grid = rng.normal(0, 0.3, len(ta.pars)), rng.normal(size=(10, N)), GRID[:10]
    states = solve(ta, IC, weights, grid)
    gradient = 2 * np.einsum("ti,tip->p", states[:, :N] - target, states[:, N:].reshape(10, N, -1))

    def loss(w):
        plain.time = 0
        plain.state[:] = IC
        plain.pars[:] = w
        return np.sum((plain.propagate_grid(grid)[5] - target) ** 2)

    for k in rng.choice(len(weights), 12, replace=False):
        step = np.zeros(len(weights))
        step[k] = 1e-5
        assert gradient[k] == pytest.approx((loss(weights + step) - loss(weights - step)) / 2e-5, rel=1e-6, abs=1e-7)


def test_inference_as_torch():
    torch = pytest.importorskip("torch")
    torch.manual_seed(0)
    layers = [torch.nn.Linear(a, b, dtype=torch.float64) for a, b in [(4, 32), (32, 32), (32, 1)]]
    with torch.no_grad():
        points = torch.rand((4, 100_000), dtype=torch.float64)
        h = points.t()
        for layer, activation in zip(layers, [torch.tanh, torch.tanh, torch.sigmoid]):
            h = activation(layer(h))
        expected = h.numpy().reshape(1, -1)
        flat = np.concatenate([la.weight.numpy().ravel() for la in layers] + [la.bias.numpy() for la in layers])
        points = points.numpy()
    inputs = hk.make_vars("inp_1", "inp_2", "inp_3", "inp_4")
    network = hk.model.ffnn(
        inputs=inputs, nn_hidden=[32, 32], n_out=1, activations=[hk.tanh, hk.tanh, hk.sigmoid], nn_wb=flat
    )
    f = hk.cfunc(network, inputs)
    out = np.zeros(expected.shape)
    assert f(points, outputs=out) is out
    assert np.abs(out - expected).max() < 5e-16
