"""Gradients at the same accuracy: tayra.flow beside heyoka, diffrax and torchdiffeq (peers_gradients.py).

Gradient of the mean squared error of the tutorial's neural ODE (6-30-30-6, 20 initial conditions). Each method runs at the
loosest tolerance, of two to a decade, at which its gradient is within the asked relative error (2-norm) of tayra's at 1e-14. That
one is compared with heyoka's variational equations at 1e-15 first: the column `difference`.
"""

import math

import common
import gradients
import numpy as np
import peers_gradients
import problems
import tayra

TOLERANCES = [10 ** (-k / 2) for k in range(2, 31)]
ERRORS = 1e-6, 1e-9


def goals(error, kind, n_times):
    """{peer: the least that tayra is to be faster}"""
    variational = 1500 if (kind, n_times) == ("initial", 250) else 500
    return {"heyoka": variational, "heyoka adjoint": 25, "diffrax": 5 if error < 1e-8 else 3, "torchdiffeq": 50}


def by_tayra(equations, *problem):
    flows = {}

    def gradient(weights, tolerance):
        if tolerance not in flows:
            flows[tolerance] = tayra.flow(equations, tol=tolerance, nthreads=1, execution="jit")
        return gradients.by_pullback(flows[tolerance], weights, *problem)

    return gradient


def error_of(gradient, reference):
    return np.linalg.norm(gradient - reference) / np.linalg.norm(reference)


def loosest(gradient, weights, reference):
    """For each of ERRORS the loosest tolerance that keeps it, or None."""
    found = dict.fromkeys(ERRORS)
    for tolerance in TOLERANCES:
        with np.errstate(all="ignore"):
            got = error_of(gradient(weights, tolerance), reference)
        for error in ERRORS:
            if found[error] is None and got <= error:
                found[error] = tolerance
        if None not in found.values():
            break
    return found


def rows_of(kind, weights, sizes, problem, options):
    """Two lines of the table: one for each error."""
    equations = problems.network_equations(tayra, sizes[1:-1])
    n_times, n_starts = len(problem[1]), len(problem[0])
    peers = peers_gradients.methods(sizes, problem)
    methods = {"tayra": by_tayra(equations, *problem)} | peers
    reference = methods["tayra"](weights, 1e-14)
    same = error_of(peers["heyoka"](weights, 1e-15), reference)
    found = {name: loosest(gradient, weights, reference) for name, gradient in methods.items()}
    rows = []
    for error in ERRORS:
        tolerances = {name: f[error] for name, f in found.items() if f[error]}
        times = common.measure({n: (lambda n=n, t=t: methods[n](weights, t)) for n, t in tolerances.items()}, options.turns)
        work = f"gradient within {error:g}, {n_starts} x {n_times} times, {kind} weights"
        row = common.row(work, times, same, tolerance=1e-10)
        row |= {"tolerances": tolerances, "goals": {} if options.quick else goals(error, kind, n_times)}
        faster = ", ".join(f"{name} {ratio:.3g}" for name, ratio in common.ratios(row).items())
        used = ", ".join(f"{name} 1e{math.log10(t):.3g}" for name, t in tolerances.items())
        print(f"{work}\n  tolerances: {used}\n  times as fast as: {faster}", flush=True)
        rows.append(row)
    return rows


def main():
    options = common.read_options(__doc__)
    hidden, n_starts = ([8], 4) if options.quick else ([30, 30], 20)
    sizes = [problems.N, *hidden, problems.N]
    initial, trained, windows = gradients.weights_and_windows(hidden, n_starts)
    rows = []
    for n_times in (10,) if options.quick else (10, 250):
        for kind, weights in (("initial", initial),) if options.quick else (("initial", initial), ("trained", trained)):
            rows += rows_of(kind, weights, sizes, windows(n_times), options)
    common.finish(rows, options)


if __name__ == "__main__":
    main()
