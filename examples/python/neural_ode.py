"""A neural ODE trained by torch, with gradients in reverse mode.

The problem is that of torch_interface.py: a network f of 1326 parameters learns x' = f(x) from 1000 observations of a chain of
three masses on springs. There the variational equations give the derivative of 6 states with respect to all parameters, 7962
more equations. Here the network is a torch.nn.Module, tayra.torch.odeint is a function that torch differentiates, and the
gradient costs a few integrations of 6 equations.

    python neural_ode.py [--quick] [--iterations N] [--long N] [--seed S] [--output FOLDER]

trains by gradient descent and by Adam as the tutorial does, then by Adam for longer with a falling rate, always from the same
weights with the same batches; Adam once more with the variational equations. It writes pictures of losses and fits, and prints
a table: times and losses of both ways, and the difference of their gradients on one batch.
"""

import argparse
import copy
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


def draw_batch(observed):
    return tutorial.get_batch(tutorial.T_GRID, observed, tutorial.BATCH_SIZE_IC, tutorial.BATCH_SIZE_TIME)


def loss_of(flow, network, batch):
    """The mean over the batch of |y - y_hat|^2."""
    x0, times, observed = (torch.from_numpy(a) for a in (batch.ic, batch.t, batch.y))
    states = tayra.torch.odeint(flow, x0, times, network)
    return nn.functional.mse_loss(states, observed, reduction="sum") / observed[..., 0].numel()


# ---- training


def optimizer_of(name, network):
    """The tutorial's optimizers; fused: one pass over the parameters, which are small."""
    if name == "gradient descent":
        return torch.optim.SGD(network.parameters(), lr=1e-1, fused=True)
    return torch.optim.Adam(network.parameters(), lr=1e-2, amsgrad=True, fused=True)


def train(flow, network, observed, name, iterations, falling=False):
    """One random batch an iteration; falling: the rate falls to 0 as half a cosine does. Returns the losses."""
    optimizer = optimizer_of(name, network)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, iterations) if falling else None
    losses = []
    progress = tqdm(range(iterations), desc=name, unit="batch", mininterval=0.2)
    for i in progress:
        loss = loss_of(flow, network, draw_batch(observed))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if schedule:
            schedule.step()
        losses.append(loss.item())
        if i % 10 == 0:
            progress.set_postfix(loss=f"{losses[-1]:.3e}", refresh=False)
    return losses


def states_of(flow, network):
    """The solution from the start of the observations to their end."""
    x0, times = (torch.tensor(a, dtype=torch.float64) for a in (tutorial.IC, tutorial.T_GRID))
    with torch.no_grad():
        return tayra.torch.odeint(flow, x0, times, network).numpy()


def plot(folder, number, name, flow, network, losses, observed):
    """Pictures of the losses and of the fit."""
    title = f"{len(losses)} iterations of {name}"
    stem = f"{number}_{name.replace(' ', '_').lower()}_{len(losses)}"
    tutorial.plot_losses(folder / f"{stem}_loss.png", f"Loss of the batches, {title}", losses)
    fit = [(tutorial.T_GRID, states_of(flow, network))]
    tutorial.plot_states(folder / f"{stem}_fit.png", f"Observations, and the neural ODE after {title}", observed, predictions=fit)


# ---- the same, two ways


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
    return tutorial.loss_and_gradient(neural_ode, tutorial.weights_and_biases(network), batch)[1]


def compare(flow, neural_ode, network, batch):
    """A line: times of both ways, and the difference of their gradients relative to the gradient."""
    adjoint, fast = median_time(by_adjoint, flow, network, batch, repeat=20)
    variational, slow = median_time(by_variational_equations, neural_ode, network, batch, repeat=3)
    difference = np.linalg.norm(adjoint - variational) / np.linalg.norm(variational)
    return f"{1e3 * fast:.2f} ms, variational {1e3 * slow:.1f} ms, ratio {slow / fast:.0f}; difference {difference:.0e}"


def train_both_ways(flow, neural_ode, network, observed, iterations, seed):
    """Adam on the same batches: the losses in reverse mode, and a line about the losses of both ways."""
    np.random.seed(seed)
    weights = tutorial.weights_and_biases(network)
    (_, variational), slow = tutorial.timed(tutorial.train_adam, neural_ode, weights, observed, iterations, 1e-2, np.double)
    np.random.seed(seed)
    losses, fast = tutorial.timed(train, flow, network, observed, "Adam", iterations)
    difference = np.max(np.abs(np.array(losses) / variational - 1))
    text = f"{fast:.2f} s, variational {slow:.2f} s, ratio {slow / fast:.0f}; losses differ by {difference:.0e}"
    return losses, text


# ---- all of it


def read_options():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="few iterations: a test that all of it runs")
    parser.add_argument("--iterations", type=int, help="batches of gradient descent and of Adam (300; with --quick 20)")
    parser.add_argument("--long", type=int, help="batches of the long training (3000; with --quick 40)")
    parser.add_argument("--seed", type=int, default=0, help="of all random numbers (0)")
    parser.add_argument("--output", type=Path, default=Path("out/neural_ode"), help="folder of the pictures (out/neural_ode)")
    options = parser.parse_args()
    if options.iterations is None:
        options.iterations = 20 if options.quick else 300
    if options.long is None:
        options.long = 40 if options.quick else 3000
    if min(options.iterations, options.long) < 1:
        parser.error("--iterations and --long must be at least 1")
    return options


def main():
    options = read_options()
    folder, seed = options.output, options.seed
    folder.mkdir(parents=True, exist_ok=True)
    np.random.seed(seed)
    torch.manual_seed(seed)
    torch.set_num_threads(1)  # the tensors are small

    observed = tutorial.ground_truth()
    network = make_network()
    start = copy.deepcopy(network.state_dict())
    flow, time_build = tutorial.timed(make_flow, network)
    neural_ode, time_variational = tutorial.timed(tutorial.NeuralOde, (30, 30), TOLERANCE)
    batch = draw_batch(observed)
    untrained = compare(flow, neural_ode, network, batch)
    optimizer_of("Adam", network)  # the first one imports more of torch, which is not to be timed

    np.random.seed(seed)
    sgd, time_sgd = tutorial.timed(train, flow, network, observed, "gradient descent", options.iterations)
    plot(folder, 1, "gradient descent", flow, network, sgd, observed)

    network.load_state_dict(start)
    adam, both = train_both_ways(flow, neural_ode, network, observed, options.iterations, seed)
    plot(folder, 2, "Adam", flow, network, adam, observed)

    network.load_state_dict(start)
    np.random.seed(seed)
    long, time_long = tutorial.timed(train, flow, network, observed, "Adam", options.long, True)
    plot(folder, 3, "Adam", flow, network, long, observed)
    trained = compare(flow, neural_ode, network, batch)

    tutorial.print_table(
        [
            ("building the flow", f"{1e3 * time_build:.1f} ms for {flow.n_pars} parameters"),
            ("building the variational equations", f"{1e3 * time_variational:.1f} ms"),
            ("gradient, untrained network", untrained),
            ("gradient, trained network", trained),
            (f"gradient descent, {len(sgd)} iterations", f"{time_sgd:.2f} s; loss first and last {sgd[0]:.3e} {sgd[-1]:.3e}"),
            (f"Adam, {len(adam)} iterations", both),
            ("", f"loss first and last {adam[0]:.3e} {adam[-1]:.3e}"),
            (f"Adam, {len(long)} iterations", f"{time_long:.2f} s; loss first and last {long[0]:.3e} {long[-1]:.3e}"),
            ("largest distance to the observations", f"{np.abs(states_of(flow, network) - observed).max():.3e}"),
            ("pictures", str(folder)),
        ]
    )


if __name__ == "__main__":
    main()
