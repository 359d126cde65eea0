"""Compiled functions of scalar expressions over many points, beside heyoka, jax and numexpr.

The Hamiltonian of the restricted three-body problem is that of heyoka.py's tutorial on compiled functions; others are made of
transcendental functions. jax and numexpr get the same formula; jax evaluates all points at once, as there, and in chunks
that stay in the cache. Results are written to arrays that are there, by who can.
"""

import os

os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
os.environ["NUMEXPR_NUM_THREADS"] = "1"

import common
import jax
import jax.numpy as jnp
import numexpr
import numpy as np
import tayra

CHUNK = 8192


def hamiltonian(m, px, py, pz, x, y, z):
    """The circular restricted three-body problem, mu = 0.1."""
    mu = 0.1
    r_ps = m.sqrt((x - mu) ** 2 + (y**2 + z**2))
    r_pj = m.sqrt((x - mu + 1) ** 2 + (y**2 + z**2))
    return [0.5 * (px**2 + py**2 + pz**2) + y * px - x * py - (1 - mu) / r_ps - mu / r_pj]


def geodetic(m, latitude, longitude, height):
    """Latitude, longitude and height over the WGS 84 ellipsoid in Cartesian coordinates, in Earth radii."""
    e2 = 0.00669437999014
    n = 1 / m.sqrt(1 - e2 * m.sin(latitude) ** 2)
    r = (n + height) * m.cos(latitude)
    return [r * m.cos(longitude), r * m.sin(longitude), (n * (1 - e2) + height) * m.sin(latitude)]


def mixture(m, x, y):
    """The logarithm of a sum of three Gaussians, and Planck's law."""
    wells = [m.exp(-0.5 * ((x - a) ** 2 + (y - b) ** 2) / c) for a, b, c in ((0.2, 0.8, 0.1), (0.5, 0.1, 0.2), (0.9, 0.6, 0.3))]
    return [m.log(wells[0] + wells[1] + wells[2]), x**3 / m.expm1(x / (0.1 + y))]


class Formula:
    """The functions of a formula as text for numexpr."""

    def __getattr__(self, name):
        return lambda x: Text(f"{name}({x})")


class Text(str):
    """The operators of a formula as text."""


def _operator(symbol):
    return (lambda a, b: Text(f"({a}{symbol}{b})")), (lambda a, b: Text(f"({b}{symbol}{a})"))


for _name, _symbol in (("add", "+"), ("sub", "-"), ("mul", "*"), ("truediv", "/"), ("pow", "**")):
    _left, _right = _operator(_symbol)
    setattr(Text, f"__{_name}__", _left)
    setattr(Text, f"__r{_name}__", _right)
Text.__neg__ = lambda a: Text(f"(-{a})")


def by_heyoka(m, formula, names, points, out):
    variables = [m.make_vars(name) for name in names]
    compiled = m.cfunc(formula(m, *variables), variables, fp_type=points.dtype.type)
    return lambda: compiled(points, outputs=out)


def by_numexpr(formula, names, points, out):
    texts = [str(text) for text in formula(Formula(), *map(Text, names))]
    rows = dict(zip(names, points))
    return lambda: [numexpr.evaluate(text, rows, out=row, casting="same_kind") for text, row in zip(texts, out)]


def by_jax(formula, points, out, chunk):
    """Rows of inputs are arrays of jax; each chunk of them is, too."""
    jitted = jax.jit(lambda *rows: formula(jnp, *rows))
    chunks = [[jnp.array(row[at : at + chunk]) for row in points] for at in range(0, points.shape[1], chunk)]

    def call():
        results = [jitted(*rows) for rows in chunks]
        jax.block_until_ready(results)
        return results

    for at, result in zip(range(0, points.shape[1], chunk), call()):
        for row, values in zip(out, result):
            row[at : at + chunk] = values
    return call


def evaluation(formula, names, dtype, n_points, turns):
    points = np.random.default_rng(42).uniform(size=(len(names), n_points)).astype(dtype)
    n_out = len(formula(Formula(), *map(Text, names)))
    out = {name: np.zeros((n_out, n_points), dtype) for name in ("heyoka", "tayra", "jax", "jax in chunks", "numexpr")}
    calls = {
        "heyoka": by_heyoka(common.peer(), formula, names, points, out["heyoka"]),
        "tayra": by_heyoka(tayra, formula, names, points, out["tayra"]),
        "jax": by_jax(formula, points, out["jax"], n_points),
        "jax in chunks": by_jax(formula, points, out["jax in chunks"], CHUNK),
        "numexpr": by_numexpr(formula, names, points, out["numexpr"]),
    }
    for call in calls.values():
        call()
    different = max(common.difference(out[name], out["tayra"]) for name in out)
    times = common.measure(calls, turns)
    tolerance = 1e-5 if dtype is np.float32 else 1e-12
    work = f"cfunc {formula.__name__}, {np.dtype(dtype).name}, one point"
    row = common.row(work, times, different, n_points, goal=1.0, tolerance=tolerance)
    row["goals"] = {"jax": 1.2, "jax in chunks": 1.2, "numexpr": 3.0}
    return row


def one_point(turns):
    """A call for one point, from Python: what is measured is mostly the call."""
    names = ["px", "py", "pz", "x", "y", "z"]
    point = np.linspace(0.1, 0.9, 6)
    out = {name: np.zeros(1) for name in ("heyoka", "tayra")}
    modules = {"heyoka": common.peer(), "tayra": tayra}
    calls = {name: by_heyoka(m, hamiltonian, names, point, out[name]) for name, m in modules.items()}
    for call in calls.values():
        for _ in range(20_000):  # code of tayra is made after some
            call()
    times = common.measure(calls, turns)
    return common.row("cfunc hamiltonian, a call for one point", times, common.difference(out["tayra"], out["heyoka"]), goal=1.0)


def main():
    options = common.read_options(__doc__)
    jax.config.update("jax_enable_x64", True)
    numexpr.set_num_threads(1)
    common.peer().set_nthreads(1)
    n_points = 20_000 if options.quick else 10_000_000
    bodies, turns = ["px", "py", "pz", "x", "y", "z"], options.turns
    rows = [evaluation(hamiltonian, bodies, dtype, n_points, turns) for dtype in (np.float64, np.float32)]
    rows.append(evaluation(geodetic, ["latitude", "longitude", "height"], np.float64, n_points // 10, turns))
    rows.append(evaluation(mixture, ["x", "y"], np.float64, n_points // 10, turns))
    rows.append(one_point(turns))
    common.finish(rows, options)


if __name__ == "__main__":
    main()
