"""Small systems: time per step of the plain integrator, in heyoka's default mode, and building it.

The tutorial's ground truth (to 1000 times), a pendulum, the Lorenz system and the outer Solar System.
"""

import common
import problems
import tayra


def stepping(make, duration, modules, turns):
    """Seconds of a propagation, and its steps: as many with both, else a time per step says little. Ends are compared."""
    integrators = {name: make(m) for name, m in modules.items()}
    starts = {name: ta.state.copy() for name, ta in integrators.items()}
    steps = {}

    def run(name):
        ta = integrators[name]
        ta.time = 0
        ta.state[:] = starts[name]
        steps[name] = ta.propagate_until(duration)[3]

    times = common.measure({name: (lambda name=name: run(name)) for name in modules}, turns)
    same = common.difference(integrators["tayra"].state, integrators["heyoka"].state)
    if steps["tayra"] != steps["heyoka"]:
        raise ValueError(f"{make.__name__}: the contestants take different steps: {steps}")
    return times, same, steps["tayra"]


def ground_truth(modules, turns):
    integrators = {name: problems.masses_on_springs(m) for name, m in modules.items()}

    def run(ta):
        ta.time = 0
        ta.state[:] = problems.IC
        return ta.propagate_grid(problems.T_GRID)[5]

    calls = {name: (lambda ta=ta: run(ta)) for name, ta in integrators.items()}
    same = common.difference(calls["tayra"](), calls["heyoka"]())
    return common.row("ground truth of the tutorial, 1000 times", common.measure(calls, turns), same)


def main():
    options = common.read_options(__doc__)
    modules = {"heyoka": common.peer(), "tayra": tayra}
    rows = [ground_truth(modules, options.turns)]
    # The Lorenz system forgets its start: after 5 units of time the two integrators still agree.
    for name, make, duration in (
        ("pendulum", problems.pendulum, 200.0),
        ("Lorenz system", problems.lorenz, 5.0),
        ("outer Solar System", problems.outer_solar_system, 2e5),
    ):
        times, same, n_steps = stepping(make, duration, modules, options.turns)
        rows.append(common.row(f"{name}, one step", times, same, n_steps))
    for name, make in (
        ("ground truth of the tutorial", problems.masses_on_springs),
        ("pendulum", problems.pendulum),
        ("outer Solar System", problems.outer_solar_system),
    ):
        calls = {key: (lambda m=m: make(m)) for key, m in modules.items()}
        rows.append(common.row(f"{name}, building", common.measure(calls, min(options.turns, 3))))
    common.finish(rows, options)


if __name__ == "__main__":
    main()
