"""The losses that examples/c/neural_ode.c writes: complete, falling, the same again for the same seed, others for another one.
Wrong arguments, and losses that cannot be written, are told.

usage: check_neural_ode.py PROGRAM
"""

import csv
import os
import statistics
import subprocess
import sys

ITERATIONS = 60


def run(*args, **options):
    options.setdefault("stdout", subprocess.PIPE)
    return subprocess.run([sys.argv[1], *args], stderr=subprocess.PIPE, text=True, timeout=100, check=False, **options)


def losses_of(seed):
    done = run(seed, str(ITERATIONS))
    assert done.returncode == 0, done.stderr
    assert done.stderr.count(f"{ITERATIONS} of {ITERATIONS}, loss") == 2, done.stderr
    return done.stdout


text = losses_of("7")
rows = list(csv.DictReader(text.splitlines()))
assert [(r["method"], int(r["iteration"])) for r in rows] == [(m, k + 1) for m in ("sgd", "adam") for k in range(ITERATIONS)]
for method, factor in [("sgd", 0.95), ("adam", 0.3)]:
    losses = [float(r["loss"]) for r in rows if r["method"] == method]
    assert 0.1 < losses[0] < 10, losses[0]
    assert statistics.mean(losses[-10:]) < factor * statistics.mean(losses[:10]), (method, losses)

assert losses_of("7") == text
assert losses_of("8") != text

for wrong in (["x"], ["-1"], ["1", "0"], ["1", "2x"], ["1", "2", "3"], ["99999999999999999999"]):
    done = run(*wrong)
    assert done.returncode == 1 and done.stdout == "" and "usage:" in done.stderr, (wrong, done)

if os.path.exists("/dev/full"):
    with open("/dev/full", "w", encoding="ascii") as full:
        done = run("1", "2", stdout=full)
    assert done.returncode == 1 and "could not be written" in done.stderr, done
