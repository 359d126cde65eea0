"""Gradients at the same accuracy: tayra.flow beside diffrax and torchdiffeq.

Gradient of the mean squared error of the tutorial's neural ODE (6-30-30-6, 20 initial conditions). Each method runs at the
loosest tolerance, of four to a decade, at which its gradient is within the asked relative error (2-norm) of tayra's at 1e-14,
which gradients.py compares with heyoka's. diffrax integrates all trajectories as one system, jitted, in double precision, with
Tsit5 and Dopri8; torchdiffeq likewise, with dopri5. Both come with `make bench`.
"""

import os

os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"

import common
import diffrax
import gradients
import jax
import jax.numpy as jnp
import numpy as np
import problems
import tayra
import torch
import torchdiffeq
from train_weights import OUTPUT

jax.config.update("jax_enable_x64", True)
torch.set_num_threads(1)

TOLERANCES = 10.0 ** -np.arange(3, 14.01, 0.25)


def split(weights, sizes):
    """Matrices and biases of the layers, from weights as tayra.model.ffnn takes them."""
    shapes = list(zip(sizes[1:], sizes[:-1]))
    parts = np.cumsum([a * b for a, b in shapes] + list(sizes[1:]))[:-1]
    pieces = (jnp if isinstance(weights, jax.Array) else np).split(weights, parts)
    return [w.reshape(s) for w, s in zip(pieces, shapes)], pieces[len(shapes) :]


def by_diffrax(solver, sizes, starts, grid, data):
    """gradient(weights, tolerance)"""

    def loss(weights, tolerance):
        matrices, biases = split(weights, sizes)

        def f(t, y, _):
            for w, b in zip(matrices[:-1], biases[:-1]):
                y = jnp.tanh(y @ w.T + b)
            return y @ matrices[-1].T + biases[-1]

        control = diffrax.PIDController(rtol=tolerance, atol=tolerance)
        states = diffrax.diffeqsolve(diffrax.ODETerm(f), solver, grid[0], grid[-1], None, starts, max_steps=4096,
                                     saveat=diffrax.SaveAt(ts=grid), stepsize_controller=control).ys
        return jnp.mean((states - data) ** 2)

    gradient = jax.jit(jax.grad(loss))
    return lambda weights, tolerance: np.asarray(gradient(jnp.asarray(weights), tolerance))


def by_torchdiffeq(sizes, starts, grid, data):
    starts, grid, data = (torch.from_numpy(np.ascontiguousarray(a)) for a in (starts, grid, data))

    def gradient(weights, tolerance):
        flat = torch.from_numpy(weights).clone().requires_grad_()
        shapes = list(zip(sizes[1:], sizes[:-1]))
        pieces = flat.split([a * b for a, b in shapes] + list(sizes[1:]))
        matrices, biases = [w.view(s) for w, s in zip(pieces, shapes)], pieces[len(shapes) :]

        def f(t, y):
            for w, b in zip(matrices[:-1], biases[:-1]):
                y = torch.tanh(torch.nn.functional.linear(y, w, b))
            return torch.nn.functional.linear(y, matrices[-1], biases[-1])

        states = torchdiffeq.odeint(f, starts, grid, rtol=tolerance, atol=tolerance, method="dopri5")
        torch.mean((states - data) ** 2).backward()
        return flat.grad.numpy()

    return gradient


def by_tayra(equations, starts, grid, data):
    flows = {}

    def gradient(weights, tolerance):
        if tolerance not in flows:
            flows[tolerance] = tayra.flow(equations, tol=tolerance, nthreads=1)
        return gradients.by_pullback(flows[tolerance], weights, starts, grid, data)

    return gradient


def loosest(gradient, weights, reference, error):
    """The loosest tolerance, and what error it leaves; None if none is tight enough."""
    for tolerance in TOLERANCES:
        got = np.linalg.norm(gradient(weights, tolerance) - reference) / np.linalg.norm(reference)
        if got <= error:
            return tolerance, got
    return None


def main():
    options = common.read_options(__doc__)
    hidden, n_starts = [30, 30], 3 if options.quick else 20
    sizes = [problems.N, *hidden, problems.N]
    equations = problems.network_equations(tayra, hidden)
    rng = np.random.default_rng(0)
    truth = problems.masses_on_springs(tayra).propagate_grid(problems.T_GRID)[5]
    first = rng.choice(len(truth) - 250, n_starts, replace=False)
    initial = rng.normal(scale=0.1, size=tayra.flow(equations).n_pars)
    rows = []
    for kind, weights in (("initial", initial), ("trained", np.loadtxt(OUTPUT))):
        for n_times in (10,) if options.quick else (10, 250):
            data = np.stack([truth[i : i + n_times] for i in first], axis=1)
            problem = truth[first], problems.T_GRID[:n_times], data
            methods = {
                "tayra": by_tayra(equations, *problem),
                "diffrax Tsit5": by_diffrax(diffrax.Tsit5(), sizes, *problem),
                "diffrax Dopri8": by_diffrax(diffrax.Dopri8(), sizes, *problem),
                "torchdiffeq": by_torchdiffeq(sizes, *problem),
            }
            reference = methods["tayra"](weights, 1e-14)
            for error in (1e-6, 1e-9):
                found = {name: loosest(g, weights, reference, error) for name, g in methods.items()}
                calls = {name: (lambda g=methods[name], t=f[0]: g(weights, t)) for name, f in found.items() if f}
                times = common.measure(calls, options.turns)
                row = common.row(f"{n_starts} x {n_times} times, {kind} weights, error {error:g}", times)
                row["tolerances"] = {name: f[0] for name, f in found.items() if f}
                tolerances = ", ".join(f"{name} {t:.2g}" for name, t in row["tolerances"].items())
                ratios = ", ".join(f"{name} {t / times['tayra']:.3g}" for name, t in times.items())
                print(f"{row['work']}: tolerances {tolerances}; times as slow as tayra: {ratios}", flush=True)
                rows.append(row)
    common.finish(rows, options)


if __name__ == "__main__":
    main()
