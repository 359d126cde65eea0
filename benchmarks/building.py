"""Building the integrator of the tutorial's neural ODE: the network, its variational equations, the integrator."""

import statistics

import common
import problems
import tayra


def build(m, hidden):
    """Seconds of the three parts."""
    network, equations = common.seconds(lambda: problems.network_equations(m, hidden))
    variational, system = common.seconds(lambda: problems.sensitivities(m, equations))
    integrator, _ = common.seconds(lambda: problems.network_integrator(m, system))
    return network, variational, integrator


def main():
    options = common.read_options(__doc__)
    hidden, turns = ([8], 1) if options.quick else ([30, 30], min(options.turns, 5))
    contestants = {"heyoka": common.peer(), "tayra": tayra}
    samples = {name: [] for name in contestants}
    for _ in range(turns):
        for name, m in contestants.items():
            samples[name].append(build(m, hidden))

    def median(part):
        return {name: statistics.median(part(s) for s in values) for name, values in samples.items()}

    rows = [
        common.row("building: network as expressions", median(lambda s: s[0])),
        common.row("building: variational equations", median(lambda s: s[1])),
        common.row("building: integrator", median(lambda s: s[2])),
        common.row("building: all three", median(sum), goal=22.0, most_seconds=0.25),
    ]
    common.finish(rows, options)


if __name__ == "__main__":
    main()
