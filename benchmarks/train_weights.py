"""Trains the weights of benchmarks/trained_weights.txt: the tutorial's network, by Adam on gradients of tayra.flow.

    python benchmarks/train_weights.py [--iterations N]

Batches as in the tutorial: 20 windows of the ground truth, first of 10 times, then of more; the rate falls to a hundredth.
Writes the weights when the mean squared error over windows of 10 and of 50 times is below 1e-4, fails otherwise.
"""

import argparse
import sys
from pathlib import Path

import numpy as np
import problems
import tayra
from tqdm import tqdm

OUTPUT = Path(__file__).resolve().parent / "trained_weights.txt"
GOAL = 1e-4


def batch(rng, truth, n_times, n=20):
    """Initial states, times, states at the times."""
    first = rng.choice(len(truth) - n_times, n, replace=False)
    return truth[first], problems.T_GRID[:n_times], np.stack([truth[i : i + n_times] for i in first], axis=1)


def loss_and_gradient(flow, weights, starts, grid, data):
    """The tutorial's loss: the mean of |y - y_hat|^2."""
    states, pullback = flow.vjp(starts, grid, weights)
    n = data[..., 0].size
    return np.sum((states - data) ** 2) / n, pullback(2 * (states - data) / n)[2]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--iterations", type=int, default=8000)
    options = parser.parse_args()
    rng = np.random.default_rng(0)
    flow = tayra.flow(problems.network_equations(tayra, [30, 30]), tol=1e-8, nthreads=1)
    truth = problems.masses_on_springs(tayra).propagate_grid(problems.T_GRID)[5]
    w = rng.normal(scale=0.1, size=flow.n_pars)
    m, v, loss = np.zeros_like(w), np.zeros_like(w), np.inf
    for k in (bar := tqdm(range(1, options.iterations + 1))):
        n_times = 10 if k < options.iterations // 2 else 50
        loss, g = loss_and_gradient(flow, w, *batch(rng, truth, n_times))
        m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g * g
        rate = 1e-2 * 0.01 ** (k / options.iterations)
        w = w - rate * (m / (1 - 0.9**k)) / (np.sqrt(v / (1 - 0.999**k)) + 1e-8)
        if k % 200 == 0:
            bar.set_postfix(loss=f"{loss:.2e}")
    losses = [loss_and_gradient(flow, w, *batch(rng, truth, n_times, 200))[0] for n_times in (10, 50, 250)]
    print("mean squared error over 200 windows of 10, 50, 250 times: " + ", ".join(f"{x:.3g}" for x in losses))
    if max(losses[:2]) >= GOAL:
        sys.exit(f"the loss is not below {GOAL}: nothing written")
    np.savetxt(OUTPUT, w, fmt="%.17g")


if __name__ == "__main__":
    main()
