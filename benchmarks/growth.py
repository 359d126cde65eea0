"""Large inputs: time to build and peak memory, each in a process of its own.

A 6-100-100-6 network with its variational equations (11,406 parameters, 68,442 states) and one step of it; a sum of 100,000
terms; an expression nested 100,000 deep (tayra only).
"""

import json
import resource
import statistics
import subprocess
import sys

import common
import numpy as np

LIMIT = 900  # seconds, after which a contestant has not finished
MOST_SECONDS, MOST_MEGABYTES = 3.0, 2000  # goals for building the network


def later_calls(function):
    """Median seconds of seven calls when memory has been touched once."""
    function()
    return statistics.median(common.seconds(function)[0] for _ in range(7))


def network(m, size):
    import problems

    equations = problems.network_equations(m, [size, size])
    build, ta = common.seconds(lambda: problems.network_integrator(m, problems.sensitivities(m, equations)))
    ta.pars[:] = np.random.default_rng(0).normal(0, 0.1, len(ta.pars))
    step = later_calls(ta.step)
    return {"build": build, "step": step, "value": float(np.abs(ta.state).sum())}


def long_sum(m, n_terms):
    x, y = m.make_vars("x", "y")
    terms = [(k + 1.0) ** -2 * m.cos(x * float(k % 1000) + y / (k + 1.0)) for k in range(n_terms)]
    build, f = common.seconds(lambda: m.cfunc([m.sum(terms)], [x, y], compact_mode=True))
    return {"build": build, "step": later_calls(lambda: f([0.3, 0.7])), "value": float(f([0.3, 0.7])[0])}


def nested(m, depth):
    """e <- (e + 1) x: at x = 1/2 it tends to 1, with the derivative 4 there."""
    x = m.make_vars("x")

    def build():
        e = x
        for _ in range(depth):
            e = (e + 1.0) * x
        return m.cfunc([e, m.diff(e, x)], [x])

    spent, f = common.seconds(build)
    run, value = later_calls(lambda: f([0.5])), f([0.5])
    assert abs(value[0] - 1) < 1e-12 and abs(value[1] - 4) < 1e-12, value
    return {"build": spent, "step": run, "value": float(value[0])}


WORKS = {"network": network, "sum": long_sum, "nested": nested}


def child(work, size, contestant):
    common.stay_on_one_core()
    m = common.peer() if contestant == "heyoka" else __import__("tayra")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    result = WORKS[work](m, int(size))
    result["megabytes"] = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    print(json.dumps(result))


def in_process(work, size, contestant):
    """What child() printed, or None if it did not finish."""
    command = [sys.executable, __file__, "--child", work, str(size), contestant]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=LIMIT)
    except subprocess.TimeoutExpired:
        return None
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)}: {done.stderr}")
    return json.loads(done.stdout)


def main():
    options = common.read_options(__doc__)
    rows, memory = [], []
    works = [
        ("network", 8 if options.quick else 100, "6-{0}-{0}-6 network with sensitivities", ("tayra", "heyoka")),
        ("sum", 1000 if options.quick else 100_000, "sum of {0} terms, cfunc", ("tayra", "heyoka")),
        ("nested", 1000 if options.quick else 100_000, "nested {0} deep, with derivative, cfunc", ("tayra",)),
    ]
    for work, size, title, contestants in works:
        results = {name: in_process(work, size, name) for name in contestants}
        done = {name: r for name, r in results.items() if r}
        same = common.difference(done["tayra"]["value"], done["heyoka"]["value"]) if len(done) == 2 else None
        for part, name in (("build", "building"), ("step", "one step" if work == "network" else "one point")):
            times = {contestant: r[part] for contestant, r in done.items()}
            most = MOST_SECONDS if (work, part) == ("network", "build") else None
            rows.append(common.row(f"{title.format(size)}: {name}", times, same, most_seconds=most))
            rows[-1]["megabytes"] = {contestant: r["megabytes"] for contestant, r in done.items()}
            rows[-1]["most_megabytes"] = MOST_MEGABYTES if most else None
        unfinished = [f"{name} did not finish in {LIMIT} s" for name, r in results.items() if not r]
        peaks = [f"{name} {r['megabytes']:.0f} MB" for name, r in done.items()]
        memory.append(f"{title.format(size)}: peak memory {', '.join(peaks + unfinished)}")
    common.finish(rows, options)
    print("\n".join(memory))


if __name__ == "__main__":
    if sys.argv[1:2] == ["--child"]:
        child(*sys.argv[2:])
    else:
        main()
