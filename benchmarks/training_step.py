"""The integrations of one training step of the tutorial's neural ODE, by forward variational equations.

6-30-30-6 network, 1326 parameters, 7962 states, tolerance 1e-8; 20 initial conditions, each integrated over a grid of 10, and of
250 times. The weights are drawn as in the tutorial, and larger, as they are after training.
"""

import common
import numpy as np
import problems
import tayra

GOAL = 10.0


def training_step(ta, weights, starts, grid):
    """Integrates from every start; returns the last solution."""
    ta.pars[:] = weights
    zeros = np.zeros(ta.dim - problems.N)
    for start in starts:
        ta.time = 0
        ta.state[: problems.N] = start
        ta.state[problems.N :] = zeros
        solution = ta.propagate_grid(grid)[5]
    return solution


def main():
    options = common.read_options(__doc__)
    hidden, n_starts = ([8], 2) if options.quick else ([30, 30], 20)
    contestants = {}
    for name, m in (("heyoka", common.peer()), ("tayra", tayra)):
        system = problems.sensitivities(m, problems.network_equations(m, hidden))
        contestants[name] = problems.network_integrator(m, system)
    rng = np.random.default_rng(0)
    truth = problems.masses_on_springs(tayra).propagate_grid(problems.T_GRID)[5]
    starts = truth[rng.choice(len(truth) - 250, n_starts, replace=False)]
    directions = rng.normal(size=contestants["tayra"].pars.size)
    rows = []
    for n_times, turns in ((10, options.turns), (250, min(options.turns, 3))):
        for kind, scale in (("as drawn", 0.1), ("larger", 0.3)):
            grid = problems.T_GRID[:n_times]
            calls = {
                name: (lambda ta=ta: training_step(ta, scale * directions, starts, grid)) for name, ta in contestants.items()
            }
            same = common.difference(calls["tayra"](), calls["heyoka"]())
            times = common.measure(calls, turns)
            work = f"training step, {n_starts} x {n_times} times, weights {kind}"
            rows.append(common.row(work, times, same, goal=GOAL))
    common.finish(rows, options)


if __name__ == "__main__":
    main()
