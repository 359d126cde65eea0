"""The tutorial as a program: all of it runs, and its gradient is the gradient of its loss."""

import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples" / "python" / "torch_interface.py"
PICTURES = [
    "1_observations.png",
    "2_batch.png",
    "3_untrained.png",
    "4_sgd_loss.png",
    "5_sgd_result.png",
    "6_adam_loss.png",
    "7_adam_result.png",
]

for needed in ("torch", "matplotlib", "tqdm"):
    pytest.importorskip(needed)


@pytest.fixture(scope="module")
def example():
    spec = importlib.util.spec_from_file_location("torch_interface", EXAMPLE)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def problem(example, rng):
    """A small neural ODE, weights, and a batch of 4 pieces of 10 observations."""
    np.random.seed(2)
    neural_ode = example.NeuralOde(nn_hidden=(8,), tol=1e-15)
    batch = example.get_batch(example.T_GRID, example.ground_truth(), 4, 10)
    return neural_ode, rng.normal(0, 0.2, len(neural_ode.ta.pars)), batch


def run(folder, *options):
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    command = [sys.executable, EXAMPLE, "--quick", "--output", folder, *options]
    return subprocess.run(command, capture_output=True, text=True, env=environment)


def losses(text):
    return re.findall(r"^(gradient descent|Adam), loss first and last +(\S+) (\S+)$", text, re.M)


@pytest.fixture(scope="module")
def quick_run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("out")
    done = run(folder)
    assert done.returncode == 0, done.stderr
    return folder, done


def test_writes_seven_pictures(quick_run):
    import matplotlib.image

    folder, _ = quick_run
    assert sorted(path.name for path in folder.iterdir()) == PICTURES
    for name in PICTURES:
        picture = matplotlib.image.imread(folder / name)
        assert picture.shape[0] >= 500 and picture.shape[1] >= 800
        assert picture.std() > 0.05  # more than an empty frame


def test_prints_the_table(quick_run):
    _, done = quick_run
    difference = float(re.search(r"largest difference +(\S+) over 100000 points", done.stdout).group(1))
    assert 0 <= difference < 5e-16
    assert [name for name, *_ in losses(done.stdout)] == ["gradient descent", "Adam"]
    for _, first, last in losses(done.stdout):
        assert 0.01 < float(first) < 2 and 0.01 < float(last) < 2
    assert done.stdout.count(" s for 3 iterations") == 2 and "3/3" in done.stderr  # and progress bars


def test_same_seed_same_numbers(quick_run, tmp_path):
    _, done = quick_run
    assert losses(run(tmp_path).stdout) == losses(done.stdout)


def test_refuses_no_iterations(tmp_path):
    done = run(tmp_path, "--iterations", "0")
    assert done.returncode == 2 and "--iterations must be at least 1" in done.stderr


def test_batch(example):
    observed = np.arange(60.0).reshape(20, 3)
    np.random.seed(0)
    batch = example.get_batch(np.linspace(0, 1.9, 20), observed, 5, 4)
    assert batch.ic.shape == (5, 3) and batch.y.shape == (4, 5, 3) and batch.t_grids.shape == (5, 4)
    np.testing.assert_array_equal(batch.y[0], batch.ic)
    np.testing.assert_allclose(batch.t, [0, 0.1, 0.2, 0.3], rtol=0, atol=1e-15)
    for j in range(5):
        start = np.flatnonzero(observed[:, 0] == batch.ic[j, 0])[0]
        np.testing.assert_array_equal(batch.y[:, j], observed[start : start + 4])
    assert len(set(batch.ic[:, 0])) == 5


def test_gradient_is_that_of_the_loss(example, problem):
    """Central differences, with the integrator at a tolerance of 1e-15."""
    neural_ode, weights, batch = problem
    _, gradient = example.loss_and_gradient(neural_ode, weights, batch)
    for k in range(0, len(weights), 7):
        step = np.zeros(len(weights))
        step[k] = 1e-5
        above, _ = example.loss_and_gradient(neural_ode, weights + step, batch)
        below, _ = example.loss_and_gradient(neural_ode, weights - step, batch)
        assert gradient[k] == pytest.approx((above - below) / 2e-5, rel=1e-6, abs=1e-8)


def test_gradient_of_mixed_times_is_another(example, problem):
    """Sum over times of the residuals times sum over times of the sensitivities: longer, and not the gradient."""
    neural_ode, weights, batch = problem
    _, gradient = example.loss_and_gradient(neural_ode, weights, batch)
    mixed = np.zeros(len(weights))
    for i, ic in enumerate(batch.ic):
        y, dy = neural_ode.solve(weights, ic, batch.t)
        mixed += 2 * (y - batch.y[:, i]).sum(axis=0) @ dy.sum(axis=0) / batch.y[:, :, 0].size
    assert 5 < np.linalg.norm(mixed) / np.linalg.norm(gradient) < 10


def test_adam_lowers_the_loss(example):
    np.random.seed(0)
    neural_ode = example.NeuralOde(nn_hidden=(8,))
    observed = example.ground_truth()
    start = neural_ode.random_parameters()
    weights, history = example.train_adam(neural_ode, start, observed, 100, 1e-2)
    assert weights.shape == start.shape and len(history) == 100
    assert np.mean(history[-5:]) < 0.4 * np.mean(history[:5])


def test_weights_in_the_order_of_ffnn(example):
    """All weights, then all biases, of a network with the numbers 0, 1, 2, ... in torch's own order."""
    import torch

    model = example.TorchNet(2, [3], 1, [torch.nn.Tanh(), torch.nn.Sigmoid()])
    at = 0
    for parameter in model.parameters():
        parameter.data = torch.arange(at, at + parameter.numel(), dtype=torch.float64).reshape(parameter.shape)
        at += parameter.numel()
    flat = example.weights_and_biases(model)
    np.testing.assert_array_equal(flat, [0, 1, 2, 3, 4, 5, 9, 10, 11, 6, 7, 8, 12])


def test_neural_ode(tmp_path):
    """Training by reverse mode: the losses fall, both ways give one gradient and one training, the pictures are there."""
    import matplotlib.image

    command = [sys.executable, ROOT / "examples" / "python" / "neural_ode.py", "--quick", "--output", tmp_path]
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "OMP_NUM_THREADS": "1"})
    assert done.returncode == 0, done.stderr
    ends = [tuple(map(float, pair)) for pair in re.findall(r"loss first and last (\S+) (\S+)", done.stdout)]
    assert len(ends) == 3 and len({first for first, _ in ends}) == 1  # the same weights, the same first batch
    assert ends[0][1] < 0.95 * ends[0][0] and max(last / first for first, last in ends[1:]) < 0.3
    gradients = [float(d) for d in re.findall(r"difference (\S+)", done.stdout)]
    assert len(gradients) == 2 and max(gradients) < 1e-6
    assert float(re.search(r"losses differ by (\S+)", done.stdout).group(1)) < 1e-6
    names = [f"{stem}_{kind}.png" for stem in ("1_gradient_descent_20", "2_adam_20", "3_adam_40") for kind in ("fit", "loss")]
    assert sorted(path.name for path in tmp_path.iterdir()) == names
    assert all(matplotlib.image.imread(tmp_path / name).std() > 0.05 for name in names)


def test_poincare(tmp_path):
    """Every orbit has its points and keeps its energy; the points are those of another integrator."""
    import matplotlib.image
    from scipy.integrate import solve_ivp

    script = ROOT / "examples" / "python" / "poincare.py"
    done = subprocess.run([sys.executable, script, "--quick", "--output", tmp_path / "a.png"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    table = re.findall(r"^from y = .*: (\d+) points, the energy has changed by (\S+)$", done.stdout, re.M)
    assert len(table) == 15 and {int(n) for n, _ in table} == {50, 250} and max(float(change) for _, change in table) < 1e-13
    assert float(re.search(r"^(\d+) events per second$", done.stdout, re.M).group(1)) > 0
    assert matplotlib.image.imread(tmp_path / "a.png").std() > 0.05

    spec = importlib.util.spec_from_file_location("poincare", script)
    poincare = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(poincare)

    def forces(t, s):
        x, y, px, py = s
        return px, py, -x - 2 * x * y, -y - x * x + y * y

    def through(t, s):
        return s[0]

    through.direction = 1
    start = np.array([0.0, 0.34, 0.0, 0.0])
    start[2] = np.sqrt(2 * (poincare.ENERGY - poincare.hamiltonian(*start)))
    found = solve_ivp(forces, (0, 40), start, "DOP853", events=through, rtol=1e-12, atol=1e-12).y_events[0][:, [1, 3]]
    points, _ = poincare.cross(poincare.make_integrator(), 0.34, 0.0, 6)
    np.testing.assert_allclose(points[1:], [p for p in found if not np.allclose(p, start[[1, 3]])][:5], atol=1e-7)
