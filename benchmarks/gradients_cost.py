"""What gradients cost tayra.flow: beside the forward pass alone, for a large network, with two threads; building the flow.

Each measurement is a process of its own, as memory and threads demand. Two threads against one are measured by a clock on
the wall, and only where two processors are free; all else is CPU time on one core. Tolerance 1e-8.
"""

import json
import os
import resource
import statistics
import subprocess
import sys
import time

import common
import gradients
import numpy as np
import problems
import tayra

MOST_MULTIPLE, MOST_MEGABYTES, LEAST_SPEEDUP, MOST_BUILDING = 4.5, 200, 1.7, 0.020


def flow_of(hidden, nthreads=1):
    return tayra.flow(problems.network_equations(tayra, hidden), tol=1e-8, nthreads=nthreads)


def multiple(options):
    """Forward and reverse beside the forward pass alone, which records nothing."""
    hidden, n_starts = ([8], 2) if options["quick"] else ([30, 30], 20)
    flow = flow_of(hidden)
    initial, trained, windows = gradients.weights_and_windows(hidden, n_starts)
    rows = []
    for kind, weights in (("initial", initial),) if options["quick"] else (("initial", initial), ("trained", trained)):
        for n_times in (10, 250):
            a = weights, *windows(n_times)
            calls = {"tayra": lambda a=a: gradients.by_pullback(flow, *a), "forward": lambda a=a: flow(a[1], a[2], a[0])}
            work = f"forward and reverse, {n_starts} x {n_times} times, {kind} weights"
            rows.append(common.row(work, common.measure(calls, options["turns"])))
            rows[-1]["goals"] = {"forward": 1 / MOST_MULTIPLE}
    return rows


def large(options):
    """Cost for each parameter, and the peak memory of the process, which has not done anything else."""
    hidden, n_starts = ([8], 2) if options["quick"] else (options["hidden"], 20)
    flow = flow_of(hidden)
    initial, _, windows = gradients.weights_and_windows(hidden, n_starts)
    a = initial, *windows(10)
    times = common.measure({"tayra": lambda: gradients.by_pullback(flow, *a)}, options["turns"])
    sizes = "-".join(str(n) for n in (problems.N, *hidden, problems.N))
    work = f"gradient, {n_starts} x 10 times, {sizes}: for each of {flow.n_pars} parameters"
    row = common.row(work, times, divide_by=flow.n_pars)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return [row | {"megabytes": {"tayra": peak}, "most_megabytes": MOST_MEGABYTES}]


def wall(function, turns):
    """Median of the turns of ten calls."""
    function()
    spent = []
    for _ in range(turns):
        start = time.perf_counter()
        for _ in range(10):
            function()
        spent.append((time.perf_counter() - start) / 10)
    return statistics.median(spent)


def threads(options):
    """Needs the processors that main() left to this process."""
    hidden, n_starts = ([8], 8) if options["quick"] else ([30, 30], 200)
    initial, trained, windows = gradients.weights_and_windows(hidden, n_starts)
    weights = initial if options["quick"] else trained
    rows = []
    for n_times in (10,) if options["quick"] else (10, 250):
        a = weights, *windows(n_times)
        results = [gradients.by_pullback(flow_of(hidden, n), *a) for n in (1, 2)]
        assert np.array_equal(*results)
        flows = {"one thread": flow_of(hidden, 1), "tayra": flow_of(hidden, 2)}
        calls = {name: (lambda flow=flow: gradients.by_pullback(flow, *a)) for name, flow in flows.items()}
        times = {name: wall(call, options["turns"]) for name, call in calls.items()}
        rows.append(common.row(f"gradient by two threads, {n_starts} x {n_times} times, trained weights", times))
        rows[-1]["goals"] = {"one thread": LEAST_SPEEDUP}
    return rows


def building(options):
    """The flow from the network as expressions."""
    hidden = [8] if options["quick"] else [30, 30]
    equations = problems.network_equations(tayra, hidden)
    times = common.measure({"tayra": lambda: tayra.flow(equations, tol=1e-8, nthreads=1)}, options["turns"])
    return [common.row("building a flow", times, most_seconds=MOST_BUILDING)]


WORKS = {"multiple": multiple, "large": large, "threads": threads, "building": building}


def in_process(work, **options):
    """The rows that a process of its own has measured."""
    command = [sys.executable, __file__, "--child", work, json.dumps(options)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)}: {done.stderr}")
    return json.loads(done.stdout)


def child(work, options):
    options = json.loads(options)
    if work != "threads":
        common.stay_on_one_core()
    print(json.dumps(WORKS[work](options)))


def main():
    processors = os.sched_getaffinity(0)
    options = common.read_options(__doc__)
    given = {"quick": options.quick, "turns": options.turns}
    rows = in_process("multiple", **given)
    for hidden in ([30, 30], [200, 200]):
        rows += in_process("large", hidden=hidden, **given)
    rows += in_process("building", **given)
    os.sched_setaffinity(0, processors)
    if len(processors) > 1 and (options.quick or os.getloadavg()[0] < 1.5):
        rows += in_process("threads", **given)
    common.finish(rows, options)
    for row in rows:
        times = row["seconds"]
        if "forward" in times:
            multiple_of = times["tayra"] / times["forward"]
            print(f"{row['work']}: {multiple_of:.2f} times the forward pass, at most {MOST_MULTIPLE}")
        if "one thread" in times:
            speedup = times["one thread"] / times["tayra"]
            print(f"{row['work']}: {speedup:.2f} times as fast as one, at least {LEAST_SPEEDUP}")
        if "megabytes" in row:
            print(f"{row['work']}: peak memory {row['megabytes']['tayra']:.0f} MB, at most {MOST_MEGABYTES} MB")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--child"]:
        child(*sys.argv[2:])
    else:
        main()
