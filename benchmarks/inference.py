"""A network 4-32-32-1 with given weights compiled: 1,000,000 points in double and single precision; compiling it.

torch evaluates all points at once, as the tutorial calls it, and in tiles of 4096 points, which is faster.
"""

import common
import numpy as np
import problems
import tayra
import torch

TILE = 4096


class Torch:
    """The same network in torch; two ways to call it."""

    def __init__(self, weights, dtype):
        sizes, at = [(32, 4), (32, 32), (1, 32)], 0
        matrices, biases = [], []
        for rows, columns in sizes:
            matrices.append(torch.tensor(weights[at : at + rows * columns].reshape(rows, columns), dtype=dtype))
            at += rows * columns
        for rows, _ in sizes:
            biases.append(torch.tensor(weights[at : at + rows], dtype=dtype))
            at += rows
        self.layers = list(zip(matrices, biases, [torch.tanh, torch.tanh, torch.sigmoid]))

    def __call__(self, points):
        with torch.no_grad():
            for matrix, bias, activation in self.layers:
                points = activation(torch.nn.functional.linear(points, matrix, bias))
            return points

    def tiled(self, points):
        out = torch.empty((len(points), 1), dtype=points.dtype)
        for at in range(0, len(points), TILE):
            out[at : at + TILE] = self(points[at : at + TILE])
        return out


def evaluation(weights, dtype, n_points, turns):
    name = np.dtype(dtype).name
    points = np.random.default_rng(1).random((4, n_points)).astype(dtype)
    calls, results = {}, {}
    for contestant, m in (("heyoka", common.peer()), ("tayra", tayra)):
        network, inputs = problems.inference_network(m, weights)
        compiled = m.cfunc(network, inputs, fp_type=dtype)
        out = results[contestant] = np.zeros((1, n_points), dtype=dtype)
        calls[contestant] = lambda f=compiled, out=out: f(points, outputs=out)
    by_torch, columns = Torch(weights, getattr(torch, name)), torch.tensor(points).t()
    calls["torch"] = lambda: by_torch(columns)
    calls["torch, tiled"] = lambda: by_torch.tiled(columns)
    for _ in range(3):
        calls["tayra"]()  # code is made after some million points
    times = common.measure(calls, turns)
    same = common.difference(results["tayra"], results["heyoka"])
    tolerance = 1e-5 if dtype is np.float32 else 1e-11
    row = common.row(f"cfunc 4-32-32-1, {name}, one point", times, same, n_points, goal=4.0, tolerance=tolerance)
    row["goals"] = {"torch, tiled": 4.0 if dtype is np.float32 else 3.0}
    return row


def main():
    options = common.read_options(__doc__)
    weights = np.random.default_rng(0).normal(0, 0.3, 4 * 32 + 32 * 32 + 32 + 65)
    n_points = 10_000 if options.quick else 1_000_000

    def compiling(m):
        network, inputs = problems.inference_network(m, weights)
        return lambda: m.cfunc(network, inputs)

    rows = [evaluation(weights, dtype, n_points, options.turns) for dtype in (np.float64, np.float32)]
    calls = {"heyoka": compiling(common.peer()), "tayra": compiling(tayra)}
    rows.append(common.row("cfunc 4-32-32-1, compiling", common.measure(calls, min(options.turns, 3))))
    common.finish(rows, options)


if __name__ == "__main__":
    main()
