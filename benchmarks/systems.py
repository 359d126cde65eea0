"""Small systems: time per step of the plain integrator, as machine code and in the interpreter, and building it.

The tutorial's ground truth (to 1000 times), an oscillator, a pendulum, and with its derivatives, the systems of Lorenz, of Henon
and Heiles, of Kepler, the restricted three-body problem, the outer Solar System, 12, 20 and 64 bodies, and events. heyoka runs in
its default mode, but in compact mode for bodies and derivatives. Integrators begin in the interpreter, which is built at once,
unless machine code is asked for.
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
    same = max(common.difference(ta.state, integrators["heyoka"].state) for ta in integrators.values())
    if len(set(steps.values())) > 1:
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
    modules = {"heyoka": common.peer(), "tayra": problems.executed(tayra, "jit")}
    modules["tayra, interpreter"] = problems.executed(tayra, "vm")
    rows = [ground_truth(modules, options.turns)]
    # The Lorenz system forgets its start: after 5 units of time the two integrators still agree.
    for name, make, duration, goal in (
        ("oscillator", problems.oscillator, 200.0, 1.5),
        ("pendulum", problems.pendulum, 200.0, 1.5),
        ("pendulum with an event", problems.turning_pendulum, 200.0, None),
        ("pendulum with derivatives of order 6", problems.pendulum_derivatives, 10.0, 1.5),
        ("Lorenz system", problems.lorenz, 5.0, 1.5),
        ("Henon-Heiles system", problems.henon_heiles, 100.0, None),
        ("Kepler problem", problems.kepler, 50.0, None),
        ("restricted three-body problem", problems.three_bodies, 40.0, 1.5),
        ("outer Solar System", problems.outer_solar_system, 2e5, 5),
        ("12 bodies", problems.twelve_bodies, 10.0, 5),
        ("12 bodies with 66 events", problems.meeting_bodies, 10.0, None),
        ("20 bodies", problems.twenty_bodies, 5.0, 5),
        ("64 bodies", problems.sixty_four_bodies, 3.0, 5),
    ):
        times, same, n_steps = stepping(make, duration, modules, options.turns)
        rows.append(common.row(f"{name}, one step", times, same, n_steps, goal=goal))
    for name, make in (
        ("ground truth of the tutorial", problems.masses_on_springs),
        ("pendulum", problems.pendulum),
        ("outer Solar System", problems.outer_solar_system),
        ("20 bodies", problems.twenty_bodies),
    ):
        calls = {key: (lambda m=m: make(m)) for key, m in modules.items()}
        rows.append(common.row(f"{name}, building", common.measure(calls, min(options.turns, 3))))
    common.finish(rows, options)


if __name__ == "__main__":
    main()
