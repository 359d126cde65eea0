"""Energy of the outer Solar System over a million steps: the relative error of tayra, in both executions, and of heyoka.

A drift grows with the number of steps, rounding with its square root. Ten checks on the way; the largest error counts. No times.
"""

import json

import common
import numpy as np
import problems
import tayra

N_STEPS, CHECKS = 1_000_000, 10


def energies(ta, n_steps, energy):
    """Relative errors after each of CHECKS parts of the steps."""
    start, found = energy(ta.state), []
    for _ in range(CHECKS):
        ta.propagate_for(1e15, max_steps=n_steps // CHECKS)
        found.append(float(energy(ta.state) / start - 1))
    return found


def main():
    options = common.read_options(__doc__)
    n_steps = 1000 if options.quick else N_STEPS
    model = tayra.model.nbody_energy(6, masses=problems.MASSES, Gconst=problems.GRAVITY)
    names = tayra.get_variables(model)
    states = [str(v) for v, _ in tayra.model.nbody(6)]
    order = [states.index(name) for name in names]
    function = tayra.cfunc([model], [tayra.expression(name) for name in names])

    def energy(state):
        return function(np.ascontiguousarray(state[order]))[0]

    modules = {"heyoka": common.peer(), "tayra": problems.executed(tayra, "jit")}
    modules["tayra, interpreter"] = problems.executed(tayra, "vm")
    rows = []
    for name, module in modules.items():
        errors = energies(problems.outer_solar_system(module), n_steps, energy)
        largest = max(map(abs, errors))
        rows.append({"work": f"relative energy error after {n_steps} steps, {name}", "errors": errors, "largest": largest})
        print(f"{name:20} largest {largest:.2e}, at the checks {' '.join(f'{e:+.1e}' for e in errors)}", flush=True)
    if options.json:
        options.json.write_text(json.dumps(rows, indent=1) + "\n")


if __name__ == "__main__":
    main()
