"""A network trained by torch runs in tayra, and a neural ODE integrated by tayra is trained by an optimizer of torch.

1. A feed-forward network of torch becomes an expression of tayra; compiled, it returns what torch returns.
2. A chain of three masses on springs, x' = A x + b, is observed 1000 times. A network f(x) is to learn its dynamics: the
   integrator solves x' = f(x) together with the variational equations, so that one integration returns the prediction and
   its derivative with respect to the 1326 weights and biases. Gradient descent and Adam then lower the loss.

    python torch_interface.py [--quick] [--iterations N] [--seed S] [--output FOLDER]

writes seven pictures and prints a table. The names of the interface are those of heyoka.py: its scripts run with another import.
"""

import argparse
import time
from pathlib import Path
from typing import NamedTuple

import matplotlib

matplotlib.use("Agg")  # pictures go to files: no display is needed

import matplotlib.pyplot as plt
import numpy as np
import torch
from torch import nn
from tqdm import tqdm

import tayra as hk

DATA_SIZE = 1000  # observations
BATCH_SIZE_IC = 20  # M, short trajectories in a batch
BATCH_SIZE_TIME = 10  # T, observations along each of them
IC = [2.0, 0.0, 0.0, 1.0, 0.0, 0.0]  # where the observed trajectory starts: positions, then velocities
T_GRID = np.linspace(0.0, 20, DATA_SIZE)

# x' = A x + b
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
N = len(B)
X_VARS = hk.make_vars(*[f"x_{i}" for i in range(1, N + 1)])

BLUE, ORANGE, RED = "#1f77b4", "#ff7f0e", "#d62728"


# ---- a network of torch in tayra


class TorchNet(nn.Module):
    """Layers of neurons: each is a linear map and an activation."""

    def __init__(self, n_inputs, nn_hidden, n_out, activations):
        super().__init__()
        dims = [n_inputs, *nn_hidden, n_out]
        self.fcs = nn.ModuleList([nn.Linear(dims[i], dims[i + 1]) for i in range(len(dims) - 1)])
        self.acts = nn.ModuleList(activations)

    def forward(self, x):
        for fc, act in zip(self.fcs, self.acts):
            x = act(fc(x))
        return x


def weights_and_biases(model):
    """One flat array as hk.model.ffnn() takes it: the weights of all layers, then the biases of all layers."""
    weights, biases = [], []
    for name, param in model.named_parameters():
        target = weights if "weight" in name else biases
        target.append(param.data.clone().numpy().flatten())
    return np.concatenate(weights + biases)


def compare_inference(n_points):
    """The same network in torch and in tayra: the largest difference of their outputs, and both times."""
    activations = [nn.Tanh(), nn.Tanh(), nn.Sigmoid()]
    model = TorchNet(n_inputs=4, nn_hidden=[32, 32], n_out=1, activations=activations)

    inputs = list(hk.make_vars("inp_1", "inp_2", "inp_3", "inp_4"))
    network = hk.model.ffnn(
        inputs=inputs,
        nn_hidden=[32, 32],
        n_out=1,
        activations=[hk.tanh, hk.tanh, hk.sigmoid],
        nn_wb=weights_and_biases(model),
    )
    compiled = hk.cfunc(network, inputs)

    points = torch.rand((4, n_points))
    outputs = np.zeros((1, n_points))
    start = time.perf_counter()
    by_tayra = compiled(points.numpy(), outputs=outputs)
    middle = time.perf_counter()
    by_torch = model(points.t()).detach().numpy().reshape(1, -1)
    end = time.perf_counter()
    return np.abs(by_tayra - by_torch).max(), middle - start, end - middle


# ---- observations


def ground_truth():
    """The trajectory that the network will learn from: states at T_GRID, shape (times, coordinates)."""
    dynamics = list(zip(X_VARS, A @ np.array(X_VARS) + B))
    ta = hk.taylor_adaptive(dynamics, IC, compact_mode=False, tol=1e-18)
    ta.time = 0
    ta.state[:] = IC
    return ta.propagate_grid(T_GRID)[5]


class Batch(NamedTuple):
    """M short pieces of the observations, T observations each."""

    ic: np.ndarray  # (M, n), where they start
    t: np.ndarray  # (T,), one grid from 0 for all: the system is autonomous and the grid uniform
    y: np.ndarray  # (T, M, n), the observations
    t_grids: np.ndarray  # (M, T), their true times, for pictures


def get_batch(t_data, x_data, batch_size_ic, batch_size_time):
    s = np.random.choice(np.arange(len(x_data) - batch_size_time, dtype=np.int64), batch_size_ic, replace=False)
    return Batch(
        ic=x_data[s, :],
        t=t_data[:batch_size_time],
        y=np.stack([x_data[s + i] for i in range(batch_size_time)]),
        t_grids=np.array([t_data[i : i + batch_size_time] for i in s]),
    )


# ---- the neural ODE


class NeuralOde:
    """x' = f(x), f a network whose weights and biases are the parameters, with its variational equations."""

    def __init__(self, nn_hidden=(30, 30), tol=1e-8):
        ffnn = hk.model.ffnn(
            inputs=X_VARS,
            nn_hidden=list(nn_hidden),
            n_out=N,
            activations=[hk.tanh] * len(nn_hidden) + [lambda x: x],
        )
        system = hk.var_ode_sys(list(zip(X_VARS, ffnn)), args=hk.var_args.params)
        self.ta = hk.taylor_adaptive(system, IC, compact_mode=True, tol=tol)
        self.ic_var = self.ta.state[N:].copy()  # dx/dp at the start: zeros, as the start does not depend on p

    def random_parameters(self):
        return np.random.normal(loc=0, scale=0.1, size=(len(self.ta.pars),))

    def solve(self, nn_wb, ic, t_grid):
        """x (times, n) and dx/dp (times, n, parameters) along the trajectory from ic."""
        self.ta.time = 0
        self.ta.state[:N] = ic
        self.ta.state[N:] = self.ic_var
        self.ta.pars[:] = nn_wb
        solution = self.ta.propagate_grid(t_grid)[5]
        return solution[:, :N], solution[:, N:].reshape(len(solution), N, -1)


def loss_and_gradient(neural_ode, nn_wb, batch):
    """The mean over the batch of |y - y_hat|^2, and its gradient with respect to nn_wb.

    d/dp sum_j |y_j - yhat_j|^2 = 2 sum_j (y_j - yhat_j) . dy_j/dp, one sum over the times j: each residual meets the
    sensitivity of its own time. The tutorial of heyoka.py multiplies the sum of all residuals by the sum of all sensitivities,
    which mixes times: not the gradient of this loss, and about 7 times as long when there are 10 times. (Hence the longer steps
    of gradient descent here: a rate of 1e-1 where the tutorial has 1e-2. Adam does not mind the length of a gradient.)
    """
    loss, gradient = 0.0, np.zeros(len(nn_wb))
    for i, ic in enumerate(batch.ic):
        y, dy = neural_ode.solve(nn_wb, ic, batch.t)
        residual = y - batch.y[:, i, :]
        loss += np.sum(residual**2)
        gradient += 2 * np.tensordot(residual, dy, axes=2)
    n_points = batch.y.shape[0] * batch.y.shape[1]
    return loss / n_points, gradient / n_points


# ---- training


def train_sgd(neural_ode, nn_wb, observed, iterations, learning_rate):
    """Stochastic gradient descent with a fixed rate. Returns the parameters and the loss of every batch."""
    losses = []
    progress = tqdm(range(iterations), desc="gradient descent", unit="batch")
    for _ in progress:
        batch = get_batch(T_GRID, observed, BATCH_SIZE_IC, BATCH_SIZE_TIME)
        loss, gradient = loss_and_gradient(neural_ode, nn_wb, batch)
        nn_wb = nn_wb - learning_rate * gradient
        losses.append(loss)
        progress.set_postfix(loss=f"{loss:.3e}")
    return nn_wb, losses


def train_adam(neural_ode, nn_wb, observed, iterations, learning_rate, precision=np.single):
    """The same with an optimizer of torch: tayra gives the gradient, torch updates the parameters."""
    dtype = torch.float32 if precision == np.single else torch.float64
    parameters = torch.tensor(nn_wb, dtype=dtype, requires_grad=True)
    optimizer = torch.optim.Adam(
        [parameters], lr=precision(learning_rate), betas=(0.9, 0.999), eps=precision(1e-8), amsgrad=True
    )
    losses = []
    progress = tqdm(range(iterations), desc="Adam", unit="batch")
    for _ in progress:
        batch = get_batch(T_GRID, observed, BATCH_SIZE_IC, BATCH_SIZE_TIME)
        nn_wb = parameters.detach().numpy()
        loss, gradient = loss_and_gradient(neural_ode, nn_wb, batch)
        optimizer.zero_grad()
        parameters.grad = torch.tensor(gradient, dtype=dtype)
        optimizer.step()
        losses.append(loss)
        progress.set_postfix(loss=f"{loss:.3e}")
    return parameters.detach().numpy(), losses


# ---- pictures


def plot_states(path, title, observed, batch=None, predictions=()):
    """The six coordinates over time; batch in red, predictions [(times, states), ...] in orange."""
    fig, axes = plt.subplots(2, 3, figsize=(12, 6), sharex=True, layout="constrained")
    fig.suptitle(title)
    for i, ax in enumerate(axes.flat):
        (line,) = ax.plot(T_GRID, observed[:, i], color=BLUE)
        handles = {"observations": line}
        for j in range(len(batch.t_grids) if batch else 0):
            (handles["batch"],) = ax.plot(batch.t_grids[j], batch.y[:, j, i], linewidth=3, color=RED)
        for times, states in predictions:
            style = {"linewidth": 3} if len(times) <= BATCH_SIZE_TIME else {"linewidth": 1.8, "linestyle": "--"}
            # A trajectory that runs away ends early: the integrator returns the states before that.
            (handles["neural ODE"],) = ax.plot(times[: len(states)], states[:, i], color=ORANGE, **style)
        ax.set_title(f"$x_{i + 1}$", loc="left")
        ax.grid(alpha=0.3)
    for ax in axes[-1]:
        ax.set_xlabel("time")
    if len(handles) > 1:
        fig.legend(handles.values(), handles.keys(), loc="outside lower center", ncols=len(handles), frameon=False)
    fig.savefig(path, dpi=100)
    plt.close(fig)


def plot_losses(path, title, losses):
    fig, ax = plt.subplots(figsize=(8, 5), layout="constrained")
    ax.semilogy(losses, color=RED)
    ax.set(title=title, xlabel="iteration", ylabel="mean squared residual of the batch")
    ax.grid(alpha=0.3, which="both")
    fig.savefig(path, dpi=100)
    plt.close(fig)


def plot_training(folder, number, name, neural_ode, nn_wb, losses, observed):
    """Two pictures: the losses, and the trained network from the start of the observations to their end."""
    label = {"sgd": "gradient descent", "adam": "Adam"}[name]
    plot_losses(folder / f"{number}_{name}_loss.png", f"Loss of the batches, {label}", losses)
    states, _ = neural_ode.solve(nn_wb, IC, T_GRID)
    title = f"Observations, and the neural ODE after {len(losses)} iterations of {label}"
    plot_states(folder / f"{number + 1}_{name}_result.png", title, observed, predictions=[(T_GRID, states)])


# ---- all of it


def timed(function, *args):
    start = time.perf_counter()
    result = function(*args)
    return result, time.perf_counter() - start


def print_table(rows):
    width = max(len(name) for name, _ in rows)
    print()
    for name, value in rows:
        print(f"{name:{width}}  {value}")


def read_options():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="few iterations and points: a test that all of it runs")
    parser.add_argument("--iterations", type=int, help="batches per training (300; with --quick 3)")
    parser.add_argument("--seed", type=int, default=0, help="of all random numbers (0)")
    parser.add_argument("--output", type=Path, default=Path("out/tutorial"), help="folder of the pictures (out/tutorial)")
    parser.add_argument("--sgd-rate", type=float, default=1e-1, help="learning rate of gradient descent (1e-1)")
    parser.add_argument("--adam-rate", type=float, default=1e-2, help="learning rate of Adam (1e-2)")
    options = parser.parse_args()
    if options.iterations is None:
        options.iterations = 3 if options.quick else 300
    if options.iterations < 1:
        parser.error("--iterations must be at least 1")
    return options


def main():
    options = read_options()
    folder, iterations = options.output, options.iterations
    folder.mkdir(parents=True, exist_ok=True)
    np.random.seed(options.seed)
    torch.manual_seed(options.seed)
    torch.set_default_dtype(torch.float64)

    n_points = 100_000 if options.quick else 1_000_000
    difference, time_tayra, time_torch = compare_inference(n_points)

    observed, time_truth = timed(ground_truth)
    plot_states(folder / "1_observations.png", "Observations", observed)
    batch = get_batch(T_GRID, observed, BATCH_SIZE_IC, BATCH_SIZE_TIME)
    plot_states(folder / "2_batch.png", "Observations, and one random batch", observed, batch=batch)

    neural_ode, time_build = timed(NeuralOde)
    nn_wb = neural_ode.random_parameters()
    predictions = [(times, neural_ode.solve(nn_wb, ic, batch.t)[0]) for ic, times in zip(batch.ic, batch.t_grids)]
    plot_states(folder / "3_untrained.png", "Observations, and the untrained neural ODE", observed, predictions=predictions)

    (sgd_wb, sgd), time_sgd = timed(train_sgd, neural_ode, nn_wb, observed, iterations, options.sgd_rate)
    plot_training(folder, 4, "sgd", neural_ode, sgd_wb, sgd, observed)

    nn_wb = neural_ode.random_parameters()
    (adam_wb, adam), time_adam = timed(train_adam, neural_ode, nn_wb, observed, iterations, options.adam_rate)
    plot_training(folder, 6, "adam", neural_ode, adam_wb, adam, observed)

    print_table(
        [
            ("inference, largest difference", f"{difference:.3e} over {n_points} points"),
            ("inference, time", f"{time_tayra:.3f} s in tayra, {time_torch:.3f} s in torch"),
            ("ground truth, time with building", f"{time_truth:.3f} s"),
            ("neural ODE, time of building", f"{time_build:.3f} s for {len(nn_wb)} parameters"),
            ("gradient descent, loss first and last", f"{sgd[0]:.3e} {sgd[-1]:.3e}"),
            ("gradient descent, time", f"{time_sgd:.3f} s for {iterations} iterations"),
            ("Adam, loss first and last", f"{adam[0]:.3e} {adam[-1]:.3e}"),
            ("Adam, time", f"{time_adam:.3f} s for {iterations} iterations"),
            ("pictures", str(folder)),
        ]
    )


if __name__ == "__main__":
    main()
