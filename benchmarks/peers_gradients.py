"""Other ways to the gradient of the mean squared error, each at its best: what tayra.flow is measured beside.

Every function returns gradient(weights, tolerance) for a problem: initial states (M, n), times (T,), data (T, M, n). What a
method has to build for a tolerance or to compile is built in the first call and kept. methods() names those whose packages are
here.
"""

import os
from functools import cache
from importlib.util import find_spec

os.environ.setdefault("XLA_FLAGS", "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1")

import common
import numpy as np
import problems

LANES = 4


def split(weights, sizes, at):
    """Matrices and biases of the layers, from weights in the order of model.ffnn; at(weights, begin, end) cuts them."""
    matrices, biases, begin = [], [], 0
    for rows, columns in zip(sizes[1:], sizes[:-1]):
        matrices.append(at(weights, begin, begin + rows * columns).reshape(rows, columns))
        begin += rows * columns
    for rows in sizes[1:]:
        biases.append(at(weights, begin, begin + rows))
        begin += rows
    return matrices, biases


@cache
def diffrax_solution(solver, sizes, max_steps):
    """(weights, tolerance, starts, grid) -> solution of diffrax, whose states are (T, n, M).

    All trajectories are one system of matrices (n, M), which is faster than (M, n). Reverse mode with a checkpoint for each
    step that may be taken: no step is computed twice. (Measured slower: DirectAdjoint, BacksolveAdjoint, PI control of steps.)
    """
    import diffrax
    import jax
    import jax.numpy as jnp

    jax.config.update("jax_enable_x64", True)
    method, adjoint = getattr(diffrax, solver)(), diffrax.RecursiveCheckpointAdjoint(checkpoints=max_steps)

    def field(t, y, layers):
        matrices, biases = layers
        for w, b in zip(matrices[:-1], biases[:-1]):
            y = jnp.tanh(w @ y + b[:, None])
        return matrices[-1] @ y + biases[-1][:, None]

    def solve(weights, tolerance, starts, grid):
        return diffrax.diffeqsolve(
            diffrax.ODETerm(field), method, grid[0], grid[-1], None, starts.T, split(weights, sizes, lambda w, i, j: w[i:j]),
            saveat=diffrax.SaveAt(ts=grid), stepsize_controller=diffrax.PIDController(rtol=tolerance, atol=tolerance),
            adjoint=adjoint, max_steps=max_steps, throw=False,
        )  # fmt: skip

    return solve


@cache
def diffrax_functions(solver, sizes, max_steps):
    """Compiled: the number of steps, and the gradient of the loss."""
    solve = diffrax_solution(solver, sizes, max_steps)
    import jax

    def loss(weights, tolerance, starts, grid, data):
        return ((solve(weights, tolerance, starts, grid).ys - data.swapaxes(1, 2)) ** 2).mean()

    return jax.jit(lambda *a: solve(*a).stats["num_steps"]), jax.jit(jax.grad(loss))


def by_diffrax(solver, sizes, starts, grid, data):
    """The first call for a tolerance counts the steps: the gradient is compiled for the next power of two, as each costs."""
    counts, device = {}, []

    def gradient(weights, tolerance):
        count = diffrax_functions(solver, tuple(sizes), 4096)[0]
        if not device:
            import jax.numpy as jnp

            device.extend(jnp.asarray(a) for a in (starts, grid, data))
        key = weights.tobytes(), tolerance
        if key not in counts:
            n_steps = int(count(weights, tolerance, *device[:2]))
            counts[key] = diffrax_functions(solver, tuple(sizes), max(16, 1 << (n_steps - 1).bit_length()))[1]
        return np.asarray(counts[key](weights, tolerance, *device))

    return gradient


def by_torchdiffeq(sizes, starts, grid, data):
    """All trajectories as one system, dopri5, back-propagation through its steps."""
    import torch
    import torchdiffeq

    torch.set_num_threads(1)
    starts, grid, data = (torch.from_numpy(np.ascontiguousarray(a)) for a in (starts, grid, data))

    def gradient(weights, tolerance):
        flat = torch.from_numpy(weights).clone().requires_grad_()
        matrices, biases = split(flat, sizes, lambda w, i, j: w[i:j])

        def f(t, y):
            for w, b in zip(matrices[:-1], biases[:-1]):
                y = torch.tanh(torch.nn.functional.linear(y, w, b))
            return torch.nn.functional.linear(y, matrices[-1], biases[-1])

        states = torchdiffeq.odeint(f, starts, grid, rtol=tolerance, atol=tolerance, method="dopri5")
        torch.mean((states - data) ** 2).backward()
        return flat.grad.numpy()

    return gradient


@cache
def variational_integrator(hidden, tolerance):
    hk = common.peer()
    system = problems.sensitivities(hk, problems.network_equations(hk, hidden))
    return hk.taylor_adaptive(system, problems.IC, compact_mode=True, tol=tolerance)


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


def by_variational(sizes, *problem):
    return lambda weights, tolerance: by_sensitivities(
        variational_integrator(tuple(sizes[1:-1]), float(tolerance)), weights, *problem
    )


@cache
def adjoint_integrators(hidden, tolerance):
    """Integrators of four lanes: of x' = f, and of x' = f, l' = -df/dx^T l, q' = -df/dp^T l."""
    hk = common.peer()
    equations = problems.network_equations(hk, hidden)
    x, l = problems.variables(hk), hk.make_vars(*[f"l_{i}" for i in range(problems.N)])
    shape = problems.N, LANES
    forward = hk.taylor_adaptive_batch(equations, np.zeros(shape), compact_mode=True, tol=tolerance)
    p = [hk.par[i] for i in range(len(forward.pars))]
    product = hk.sum([l_i * f for l_i, (_, f) in zip(l, equations)])
    gradient = hk.diff_tensors([product], [*x, *p]).gradient
    q = hk.make_vars(*[f"q_{i}" for i in range(len(p))])
    system = [*equations, *((v, -g) for v, g in zip([*l, *q], gradient))]
    backward = hk.taylor_adaptive_batch(system, np.zeros((len(system), LANES)), compact_mode=True, tol=tolerance)
    return forward, backward


def by_adjoint(sizes, starts, grid, data):
    """heyoka with the adjoint system: backwards from output to output, where l jumps by the loss's derivative there, and x is
    set to what the forward integration found. At the end q is the gradient."""
    n = problems.N

    def four(forward, backward, starts, data):
        forward.set_time(grid[0])
        forward.state[:] = starts
        states = forward.propagate_grid(np.repeat(grid[:, None], LANES, axis=1))[-1]
        jumps = 2 * (states - data) / data.size
        backward.set_time(grid[-1])
        backward.state[n:] = 0
        for k in range(len(grid) - 1, 0, -1):
            backward.state[:n] = states[k]
            backward.state[n : 2 * n] += jumps[k]
            backward.propagate_until(grid[k - 1])
        return backward.state[2 * n :].sum(axis=1)

    def gradient(weights, tolerance):
        forward, backward = adjoint_integrators(tuple(sizes[1:-1]), float(tolerance))
        forward.pars[:] = backward.pars[:] = weights[:, None]
        columns = [slice(m, m + LANES) for m in range(0, len(starts), LANES)]
        parts = (four(forward, backward, starts[c].T, np.swapaxes(data[:, c], 1, 2)) for c in columns)
        return sum(parts) * LANES / len(starts)

    return gradient


def methods(sizes, problem):
    """{name: gradient} of the peers that are installed; the number of initial states is a multiple of four."""
    found = {"heyoka": by_variational(sizes, *problem), "heyoka adjoint": by_adjoint(sizes, *problem)}
    if find_spec("diffrax"):
        found |= {f"diffrax {solver}": by_diffrax(solver, sizes, *problem) for solver in ("Tsit5", "Dopri8")}
    if find_spec("torchdiffeq"):
        found["torchdiffeq"] = by_torchdiffeq(sizes, *problem)
    return found
