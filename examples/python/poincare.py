"""A Poincare section of the Henon-Heiles system, by events.

A star that moves in the potential of a galaxy is a point in four dimensions (x, y, px, py), with the energy

    H = (px^2 + py^2 + x^2 + y^2) / 2 + x^2 y - y^3 / 3

which is constant [HenonHeiles1964]. Each time its orbit goes through x = 0 with x increasing, an event, there is a point
(y, py). The points of an orbit with a second constant of motion are on a curve; those of one without are scattered over an area.

    python poincare.py [--quick] [--crossings N] [--output FILE]

draws the points of some orbits of one energy, and prints for each how many there are, by how much its energy has changed, and
how many events a second that was.
"""

import argparse
import time
from pathlib import Path

import matplotlib
import numpy as np

import tayra as hk

matplotlib.use("Agg")
import matplotlib.pyplot as plt

ENERGY = 1 / 8
# Where orbits begin, (y, py), and how many times as many points they get: curves around orbits that close after one turn, chains
# of islands around those that close after several, the rim, and the sea between them.
STARTS = [
    (0.34, 0.0, 1), (0.42, 0.0, 1), (0.46, 0.0, 1), (0.49, 0.0, 1), (0.526, 0.0, 1),
    (0.58, 0.0, 1),
    (0.0, 0.26, 1), (0.0, 0.292, 1), (0.0, -0.26, 1), (0.0, -0.292, 1),
    (-0.34, 0.0, 1), (-0.275, 0.0, 1), (-0.30, 0.0, 1),
    (0.66, 0.0, 1),
    (0.0, 0.12, 5),
]  # fmt: skip


def hamiltonian(x, y, px, py):
    return (px * px + py * py + x * x + y * y) / 2 + x * x * y - y**3 / 3


class Section:
    """The callback of the event: the points at which an orbit went through, from the Taylor series of the step."""

    def __init__(self):
        self.points = []

    def __call__(self, ta, t, sign):
        _, y, _, py = ta.update_d_output(t)
        self.points.append((y, py))


def make_integrator():
    x, y, px, py = variables = hk.make_vars("x", "y", "px", "py")
    system = hk.hamiltonian(hamiltonian(*variables), [x, y], [px, py])
    through = hk.nt_event(x, Section(), direction=hk.event_direction.positive)
    return hk.taylor_adaptive(system, [0.0] * 4, nt_events=[through])


def cross(ta, y, py, n):
    """The first n points of an orbit, an array (n, 2), and by how much its energy has changed."""
    section = ta.nt_events[0].callback
    section.points.clear()
    px = np.sqrt(2 * (ENERGY - hamiltonian(0.0, y, 0.0, py)))
    ta.time = 0.0
    ta.state[:] = 0.0, y, px, py
    ta.propagate_until(1e9, callback=lambda ta: len(section.points) < n)
    return np.array(section.points[:n]), abs(hamiltonian(*ta.state) - ENERGY)


def border():
    """The closed curve px = 0, which no orbit of this energy leaves."""
    py, y = np.meshgrid(np.linspace(-0.55, 0.55, 400), np.linspace(-0.5, 0.75, 400))
    return y, py, hamiltonian(0.0, y, 0.0, py)


def draw(path, orbits):
    """One colour for each orbit, black for the last one."""
    fig, ax = plt.subplots(figsize=(8, 7.4), layout="constrained")
    ax.contour(*border(), levels=[ENERGY], colors="0.6", linewidths=1)
    colours = [*plt.get_cmap("turbo")(np.linspace(0.05, 0.95, len(orbits) - 1)), "0.2"]
    for points, colour in zip(orbits, colours):
        ax.plot(*points.T, ".", color=colour, markersize=3, markeredgewidth=0)
    ax.set(xlabel="$y$", ylabel="$p_y$", title="Hénon-Heiles, energy 1/8: where orbits go through $x = 0$", aspect="equal")
    ax.spines[["top", "right"]].set_visible(False)
    fig.savefig(path, dpi=100)
    plt.close(fig)


def read_options():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="few points: a test that all of it runs")
    parser.add_argument("--crossings", type=int, help="points of each orbit (600; with --quick 50)")
    parser.add_argument("--output", type=Path, default=Path("out/poincare.png"), help="the picture (out/poincare.png)")
    options = parser.parse_args()
    if options.crossings is None:
        options.crossings = 50 if options.quick else 600
    if options.crossings < 1:
        parser.error("--crossings must be at least 1")
    return options


def main():
    options = read_options()
    options.output.parent.mkdir(parents=True, exist_ok=True)
    ta, orbits = make_integrator(), []
    begin = time.perf_counter()
    for y, py, times in STARTS:
        points, change = cross(ta, y, py, times * options.crossings)
        orbits.append(points)
        print(f"from y = {y:6.3f}, py = {py:6.3f}: {len(points)} points, the energy has changed by {change:.1e}")
    seconds = time.perf_counter() - begin
    print(f"{sum(map(len, orbits)) / seconds:.0f} events per second")
    draw(options.output, orbits)
    print(options.output)


if __name__ == "__main__":
    main()
