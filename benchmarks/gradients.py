"""Mean squared error and its gradient for the tutorial's neural ODE, in reverse mode, beside heyoka's variational equations.

6-30-30-6 network, 1326 parameters; 20 initial conditions, each over a grid of 10, and of 250 times; tolerance 1e-8 for both.
"""

import common
import numpy as np
import problems
import tayra
from train_weights import OUTPUT

GOAL = 500.0


def by_sensitivities(ta, weights, starts, grid, data):
    """The loss's gradient, 2/N sum of residual times sensitivity, from the solutions of the variational equations."""
    ta.pars[:] = weights
    zeros, gradient = np.zeros(ta.dim - problems.N), 0
    for m, start in enumerate(starts):
        ta.time = 0
        ta.state[: problems.N] = start
        ta.state[problems.N :] = zeros
        solution = ta.propagate_grid(grid)[5]
        residual = 2 * (solution[:, : problems.N] - data[:, m]) / data.size
        gradient += residual.ravel() @ solution[:, problems.N :].reshape(residual.size, -1)
    return gradient


def by_pullback(flow, weights, starts, grid, data):
    states, pullback = flow.vjp(starts, grid, weights)
    return pullback(2 * (states - data) / data.size)[2]


def main():
    options = common.read_options(__doc__)
    hidden, n_starts = ([8], 2) if options.quick else ([30, 30], 20)
    hk = common.peer()
    ta = problems.network_integrator(hk, problems.sensitivities(hk, problems.network_equations(hk, hidden)))
    flow = tayra.flow(problems.network_equations(tayra, hidden), tol=1e-8, nthreads=1)
    rng = np.random.default_rng(0)
    truth = problems.masses_on_springs(tayra).propagate_grid(problems.T_GRID)[5]
    first = rng.choice(len(truth) - 250, n_starts, replace=False)
    initial = rng.normal(scale=0.1, size=flow.n_pars)
    trained = initial if options.quick else np.loadtxt(OUTPUT)
    rows = []
    for n_times, turns in ((10, options.turns), (250, min(options.turns, 3))):
        data = np.stack([truth[i : i + n_times] for i in first], axis=1)
        for kind, weights in (("initial", initial), ("trained", trained)):
            arguments = weights, truth[first], problems.T_GRID[:n_times], data
            calls = {"heyoka": lambda a=arguments: by_sensitivities(ta, *a), "tayra": lambda a=arguments: by_pullback(flow, *a)}
            same = common.difference(calls["tayra"](), calls["heyoka"]())
            times = common.measure(calls, turns)
            work = f"gradient, {n_starts} x {n_times} times, {kind} weights"
            rows.append(common.row(work, times, same, goal=GOAL, tolerance=1e-6))
    common.finish(rows, options)


if __name__ == "__main__":
    main()
