"""What all benchmarks share: one core, caches of machine code off, interleaved medians, one table, one JSON file.

Times are CPU times of this process, which runs on one core: other programs on the machine disturb them less than they do
a clock on the wall. The contestants of a measurement take turns, so that a change of the processor's speed meets all of
them alike; a result is the median over the turns. Every measurement is of work whose results were compared first.
"""

import argparse
import json
import os
import statistics
import time
from pathlib import Path

# Before numpy and torch are imported, which read these once.
for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[_name] = "1"

import numpy as np

import tayra


def stay_on_one_core():
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})


def without_caches(module):
    """heyoka.py or tayra: what is built twice is compiled twice. There, a limit of 0 alone keeps what is in memory."""
    module.llvm_state.set_diskcache_enabled(False)
    module.llvm_state.set_memcache_limit(0)
    module.llvm_state.clear_memcache()
    return module


without_caches(tayra)


def peer():
    import heyoka

    return without_caches(heyoka)


def read_options(description):
    """The options of a script; from here on the process stays on one core."""
    stay_on_one_core()
    parser = argparse.ArgumentParser(description=description.splitlines()[0])
    parser.add_argument("--json", type=Path, help="file to write the results to")
    parser.add_argument("--quick", action="store_true", help="one turn each, small sizes: a test that all of it runs")
    parser.add_argument("--turns", type=int, default=7, help="turns of each contestant (7)")
    options = parser.parse_args()
    if options.quick:
        options.turns = 1
    return options


def seconds(function):
    """(CPU time of one call, what it returned)"""
    start = time.process_time()
    result = function()
    return time.process_time() - start, result


def measure(contestants, turns, at_least=0.05):
    """{name: median seconds of one call} of {name: function}. Short calls are repeated until they take `at_least`;
    those of more than a second have three turns of their own, so that those of the others follow each other quickly."""
    repeats, slow = {}, set()
    for name, function in contestants.items():
        once, _ = seconds(function)  # also warms up
        repeats[name] = max(1, int(at_least / max(once, 1e-7)))
        if once > 1:
            slow.add(name)
    times = {name: [] for name in contestants}
    for group, n in ((set(contestants) - slow, turns), (slow, min(turns, 3))):
        for name in [name for _ in range(n) for name in contestants if name in group]:
            spent, _ = seconds(lambda: [contestants[name]() for _ in range(repeats[name])])
            times[name].append(spent / repeats[name])
    return {name: statistics.median(values) for name, values in times.items()}


def difference(a, b):
    """The largest difference of two arrays, relative to the largest number in the second."""
    a, b = np.asarray(a, dtype=float), np.asarray(b, dtype=float)
    assert a.shape == b.shape, (a.shape, b.shape)
    return float(np.abs(a - b).max() / np.abs(b).max())


def row(work, times, difference=None, divide_by=1, goal=None, most_seconds=None, tolerance=1e-11):
    """One line of the table: seconds of each contestant, divided by a number of steps or points.

    `goal` is the least ratio to heyoka, `most_seconds` the longest tayra may take. Results that differ are not timed.
    A script may add goals: {contestant: least ratio}, tolerances: {contestant: tolerance}, megabytes, most_megabytes.
    """
    if difference is not None and not difference <= tolerance:
        raise ValueError(f"{work}: the results differ by {difference:.1e}, expected at most {tolerance:.1e}")
    scaled = {name: value / divide_by for name, value in times.items()}
    return {"work": work, "seconds": scaled, "difference": difference, "goal": goal, "most_seconds": most_seconds}


def ratios(row):
    """{contestant: how many times as fast tayra is}; of the solvers of diffrax the faster one counts."""
    found = {}
    for name, spent in row["seconds"].items():
        peer = name.split()[0] if name.startswith("diffrax") else name
        if not peer.startswith("tayra"):
            found[peer] = min(spent / row["seconds"]["tayra"], found.get(peer, float("inf")))
    return found


def text_of(value):
    """A time with a fitting unit, three digits."""
    for unit, size in (("s", 1), ("ms", 1e-3), ("us", 1e-6), ("ns", 1e-9)):
        if value >= size:
            break
    return f"{value / size:.3g} {unit}"


def print_table(rows):
    """work, peer, tayra, ratio, and the other contestants behind them."""
    others = list(dict.fromkeys(n for r in rows for n in r["seconds"] if n not in ("heyoka", "tayra")))
    lines = [["work", "heyoka", "tayra", "ratio", *others, "difference"]]
    for r in rows:
        times = r["seconds"]
        cells = {n: text_of(t) for n, t in times.items()}
        ratio = f"{times['heyoka'] / times['tayra']:.2f}" if {"heyoka", "tayra"} <= set(times) else "-"
        agreement = "-" if r["difference"] is None else f"{r['difference']:.1e}"
        line = [r["work"], cells.get("heyoka", "-"), cells.get("tayra", "-"), ratio]
        lines.append(line + [cells.get(n, "-") for n in others] + [agreement])
    widths = [max(len(line[i]) for line in lines) for i in range(len(lines[0]))]
    for line in lines:
        print("  ".join(c.ljust(w) if i == 0 else c.rjust(w) for i, (c, w) in enumerate(zip(line, widths))), flush=True)


def finish(rows, options):
    print_table(rows)
    if options.json:
        options.json.parent.mkdir(parents=True, exist_ok=True)
        options.json.write_text(json.dumps(rows, indent=1) + "\n")
