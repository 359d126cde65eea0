"""Mean squared error and its gradient for the tutorial's neural ODE, in reverse mode, beside heyoka's variational equations.

By the 1326 weights of a 6-30-30-6 network; 20 initial conditions, each over a grid of 10, and of 250 times; tolerance 1e-8
for both, as in the tutorial. gradients_at_accuracy.py compares with more peers, at the same accuracy.
"""

import common
import numpy as np
import problems
import tayra
from peers_gradients import by_sensitivities
from train_weights import OUTPUT

GOALS = {("initial", 250): 1500.0}  # and 500 for the others


def by_pullback(flow, weights, starts, grid, data):
    states, pullback = flow.vjp(starts, grid, weights)
    return pullback((states - data) * (2 / data.size), wrt="pars")[2]


def weights_and_windows(hidden, n_starts):
    """Initial weights, trained ones (of the tutorial's network), and a function: number of times -> (starts, grid, data)."""
    rng = np.random.default_rng(0)
    truth = problems.masses_on_springs(tayra).propagate_grid(problems.T_GRID)[5]
    first = rng.choice(len(truth) - 250, n_starts, replace=False)
    initial = rng.normal(scale=0.1, size=problems.count_weights(hidden))

    def windows(n_times):
        data = np.stack([truth[i : i + n_times] for i in first], axis=1)
        return truth[first], problems.T_GRID[:n_times], data

    return initial, np.loadtxt(OUTPUT), windows


def main():
    options = common.read_options(__doc__)
    hidden, n_starts = ([8], 2) if options.quick else ([30, 30], 20)
    hk = common.peer()
    ta = problems.network_integrator(hk, problems.sensitivities(hk, problems.network_equations(hk, hidden)))
    flow = tayra.flow(problems.network_equations(tayra, hidden), tol=1e-8, nthreads=1, execution="jit")
    initial, trained, windows = weights_and_windows(hidden, n_starts)
    rows = []
    for n_times, turns in ((10, options.turns), (250, min(options.turns, 3))):
        for kind, weights in (("initial", initial), ("trained", initial if options.quick else trained)):
            arguments = weights, *windows(n_times)
            calls = {"heyoka": lambda a=arguments: by_sensitivities(ta, *a), "tayra": lambda a=arguments: by_pullback(flow, *a)}
            same = common.difference(calls["tayra"](), calls["heyoka"]())
            times = common.measure(calls, turns)
            work = f"gradient, {n_starts} x {n_times} times, {kind} weights"
            rows.append(common.row(work, times, same, goal=GOALS.get((kind, n_times), 500.0), tolerance=1e-6))
    common.finish(rows, options)


if __name__ == "__main__":
    main()
