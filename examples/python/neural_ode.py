"""A neural ODE trained by torch, with gradients in reverse mode.

The problem is that of torch_interface.py: a network f of 1326 parameters learns x' = f(x) from 1000 observations of a chain of
three masses on springs. There the variational equations give the derivative of 6 states with respect to all parameters, 7962
more equations. Here the network is a torch.nn.Module, tayra.torch.odeint is a function that torch differentiates, and the
gradient costs a few integrations of 6 equations. Both are timed on the same batches, and their gradients compared.

    python neural_ode.py [--iterations N] [--seed S] [--rate R] [--output FOLDER]

writes pictures of the losses and of the fit, and prints a table.
"""

import argparse
import time
from pathlib import Path

import numpy as np
import torch
import torch_interface as tutorial
from torch import nn
from tqdm import tqdm

import tayra as hk
import tayra.torch

TOLERANCE = 1e-8


def make_network(nn_hidden=(30, 30)):
    """A network from state to derivative, in double precision, with weights and biases from N(0, 0.1)."""
    layers, size = [], tutorial.N
    for n in nn_hidden:
        layers += [nn.Linear(size, n), nn.Tanh()]
        size = n
    network = nn.Sequential(*layers, nn.Linear(size, tutorial.N)).double()
    for parameter in network.parameters():
        nn.init.normal_(parameter, std=0.1)
    return network


def make_flow(network):
    """x' = network(x) as a flow."""
    expressions = tayra.torch.from_module(network, tutorial.X_VARS).expressions
    # One thread: 20 short trajectories are done before a second one would help.
    return hk.flow(list(zip(tutorial.X_VARS, expressions)), tol=TOLERANCE, nthreads=1)


def get_batch(observed):
    """Initial states (M, n), times (T,) and states at these times (T, M, n), as tensors; the tutorial's choice."""
    batch = tutorial.get_batch(tutorial.T_GRID, observed, tutorial.BATCH_SIZE_IC, tutorial.BATCH_SIZE_TIME)
    return tuple(torch.from_numpy(a) for a in (batch.ic, batch.t, batch.y))


def loss_of(flow, network, batch):
    """The mean over the batch of |y - y_hat|^2."""
    x0, times, observed = batch
    states = tayra.torch.odeint(flow, x0, times, network)
    return nn.functional.mse_loss(states, observed, reduction="sum") / observed[..., 0].numel()


def train(flow, network, observed, optimizer, iterations):
    """One random batch an iteration. Returns the losses."""
    losses = []
    progress = tqdm(range(iterations), desc="Adam", unit="batch", mininterval=0.2)
    for i in progress:
        loss = loss_of(flow, network, get_batch(observed))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
        if i % 10 == 0:
            progress.set_postfix(loss=f"{losses[-1]:.3e}", refresh=False)
    return losses


# ---- the same gradient, two ways


def median_time(function, *args, repeat):
    times = []
    for _ in range(repeat):
        start = time.perf_counter()
        result = function(*args)
        times.append(time.perf_counter() - start)
    return result, np.median(times)


def by_adjoint(flow, network, batch):
    """The gradient by odeint: first all weights, then all biases, as tayra.model.ffnn has them."""
    network.zero_grad()
    loss_of(flow, network, batch).backward()
    gradients = [(name, parameter.grad) for name, parameter in network.named_parameters()]
    return np.concatenate([g.numpy().ravel() for kind in ("weight", "bias") for name, g in gradients if kind in name])


def by_variational_equations(neural_ode, network, batch):
    x0, times, observed = (a.numpy() for a in batch)
    batch = tutorial.Batch(ic=x0, t=times, y=observed, t_grids=None)
    return tutorial.loss_and_gradient(neural_ode, tutorial.weights_and_biases(network), batch)[1]


def compare(flow, neural_ode, network, batch):
    """Times of both ways, and the difference of their gradients relative to the gradient."""
    adjoint, fast = median_time(by_adjoint, flow, network, batch, repeat=20)
    variational, slow = median_time(by_variational_equations, neural_ode, network, batch, repeat=3)
    return fast, slow, np.linalg.norm(adjoint - variational) / np.linalg.norm(variational)


# ---- all of it


def read_options():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--iterations", type=int, default=300, help="batches (300)")
    parser.add_argument("--seed", type=int, default=0, help="of all random numbers (0)")
    parser.add_argument("--rate", type=float, default=1e-2, help="learning rate of Adam (1e-2)")
    parser.add_argument("--output", type=Path, default=Path("out/neural_ode"), help="folder of the pictures (out/neural_ode)")
    options = parser.parse_args()
    if options.iterations < 1:
        parser.error("--iterations must be at least 1")
    return options


def row_of(comparison):
    fast, slow, difference = comparison
    return f"{1e3 * fast:.2f} ms, variational {1e3 * slow:.1f} ms, ratio {slow / fast:.0f}; difference {difference:.0e}"


def main():
    options = read_options()
    options.output.mkdir(parents=True, exist_ok=True)
    np.random.seed(options.seed)
    torch.manual_seed(options.seed)
    torch.set_num_threads(1)  # the tensors are small

    observed = tutorial.ground_truth()
    network = make_network()
    flow, time_build = tutorial.timed(make_flow, network)
    neural_ode = tutorial.NeuralOde(tol=TOLERANCE)
    batch = get_batch(observed)

    untrained = compare(flow, neural_ode, network, batch)
    optimizer = torch.optim.Adam(network.parameters(), lr=options.rate, amsgrad=True)
    losses, time_training = tutorial.timed(train, flow, network, observed, optimizer, options.iterations)
    trained = compare(flow, neural_ode, network, batch)

    title = f"{options.iterations} iterations of Adam"
    tutorial.plot_losses(options.output / "loss.png", f"Loss of the batches, {title}", losses)
    with torch.no_grad():
        x0, times = (torch.tensor(a, dtype=torch.float64) for a in (tutorial.IC, tutorial.T_GRID))
        states = tayra.torch.odeint(flow, x0, times, network).numpy()
    title = f"Observations, and the neural ODE after {title}"
    tutorial.plot_states(options.output / "fit.png", title, observed, predictions=[(tutorial.T_GRID, states)])

    tutorial.print_table(
        [
            ("time of building the flow", f"{1e3 * time_build:.1f} ms for {flow.n_pars} parameters"),
            ("gradient, untrained network", row_of(untrained)),
            ("gradient, trained network", row_of(trained)),
            ("training", f"{time_training:.2f} s, {1e3 * time_training / options.iterations:.2f} ms an iteration"),
            ("loss, first and last", f"{losses[0]:.3e} {losses[-1]:.3e}"),
            ("largest distance to the observations", f"{np.abs(states - observed).max():.3e}"),
            ("pictures", str(options.output)),
        ]
    )


if __name__ == "__main__":
    main()
