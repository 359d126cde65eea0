"""The passages that examples/c/events.c prints, beside those of the Kepler orbit itself.

At the true anomaly nu the satellite is at r = a (1 - e^2) / (1 + e cos nu), and the cosine of its angle from the Sun is
cos(elevation) cos(nu + perigee). The shadow's border is where r sin(angle) = 1; Kepler's equation gives the time.

usage: check_events.py PROGRAM
"""

import math
import subprocess
import sys

MINUTES, A, E, PERIGEE, ELEVATION, REVOLUTIONS = 806.8110 / 60, 1.6, 0.2, 0.7, 0.35, 8
PERIOD = 2 * math.pi * A**1.5


def depth(nu):
    r = A * (1 - E * E) / (1 + E * math.cos(nu))
    return r * math.sin(math.acos(math.cos(ELEVATION) * math.cos(nu + PERIGEE))) - 1


def root(low, high):
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (low, middle) if (depth(middle) < 0) != (depth(low) < 0) else (middle, high)
    return low


def time_of(nu):
    anomaly = 2 * math.atan2(math.sqrt(1 - E) * math.sin(nu / 2), math.sqrt(1 + E) * math.cos(nu / 2))
    return A**1.5 * (anomaly - E * math.sin(anomaly))


behind = math.pi - PERIGEE  # where the satellite is deepest, about
enters, leaves = time_of(root(behind - math.pi / 2, behind)), time_of(root(behind, behind + math.pi / 2))

done = subprocess.run([sys.argv[1]], capture_output=True, text=True, timeout=100, check=False)
assert done.returncode == 0 and done.stderr == "", done
title, *rows, light = done.stdout.splitlines()
assert title.split() == ["passage", "enters", "leaves", "minutes"] and len(rows) == REVOLUTIONS
for i, row in enumerate(rows):
    number, *numbers = row.split()
    expected = [enters + i * PERIOD, leaves + i * PERIOD, leaves - enters]
    assert int(number) == i + 1
    for value, exact in zip(map(float, numbers), expected):
        assert abs(value - exact * MINUTES) < 2e-9, (row, expected)
expected = REVOLUTIONS * (PERIOD - (leaves - enters)) * MINUTES
assert abs(float(light.split()[3]) - expected) < 2e-9, (light, expected)
