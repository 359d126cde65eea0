"""Writes function_values.txt: values and partial derivatives of the functions of the table at random points, by mpmath.

A line: name, arguments, value, partial derivatives; numbers in hexadecimal, "-" where a derivative does not exist. A function
of one argument that mpmath knows by the same name needs nothing but its name in the list. Seed 11.
"""

import pathlib
import random

import mpmath

mpmath.mp.dps = 60
random.seed(11)
N_POINTS = 40


def sigmoid(x):
    return 1 / (1 + mpmath.exp(-x))


def relu(x, slope):
    return x if x > 0 else slope * x


def relup(x, slope):
    return mpmath.mpf(1) if x > 0 else slope


def select(c, a, b):
    return a if c != 0 else b


def anomaly(s, c, m):
    """E + s (1 - cos(E)) - c sin(E) = m, between 0 and 2 pi."""
    m = m % (2 * mpmath.pi)
    return mpmath.findroot(lambda e: e + s * (1 - mpmath.cos(e)) - c * mpmath.sin(e) - m, m + c * mpmath.sin(m))


def compare(operation):
    return lambda a, b: mpmath.mpf(operation(a, b))


unit, positive, above_one = (-0.98, 0.98), (0.01, 8.0), (1.01, 9.0)
wide = (-4.0, 4.0)
inside, angle = (-0.4, 0.4), (1.0, 6.0)
FUNCTIONS = {  # name: (function, interval of each argument)
    "pow": (mpmath.power, [positive, wide]),
    "atan2": (mpmath.atan2, [wide, wide]),
    "asin": (mpmath.asin, [unit]),
    "acos": (mpmath.acos, [unit]),
    "atanh": (mpmath.atanh, [unit]),
    "acosh": (mpmath.acosh, [above_one]),
    "log": (mpmath.log, [positive]),
    "log1p": (mpmath.log1p, [(-0.95, 8.0)]),
    "sigmoid": (sigmoid, [wide]),
    "relu": (relu, [wide, (0.0, 0.9)]),
    "relup": (relup, [wide, (0.0, 0.9)]),
    "select": (select, [wide, wide, wide]),
    "eq": (compare(lambda a, b: a == b), [wide, wide]),
    "neq": (compare(lambda a, b: a != b), [wide, wide]),
    "lt": (compare(lambda a, b: a < b), [wide, wide]),
    "gt": (compare(lambda a, b: a > b), [wide, wide]),
    "lte": (compare(lambda a, b: a <= b), [wide, wide]),
    "gte": (compare(lambda a, b: a >= b), [wide, wide]),
    "logical_and": (lambda *a: mpmath.mpf(all(a)), [wide, wide, wide]),
    "logical_or": (lambda *a: mpmath.mpf(any(a)), [wide, wide, wide]),
    "pi": (lambda: +mpmath.pi, []),
    "kepE": (lambda e, m: anomaly(0, e, m), [(0.01, 0.6), (-9.0, 9.0)]),
    "kepF": (lambda h, k, lam: anomaly(-h, k, lam - h), [inside, inside, angle]),
    "kepDE": (anomaly, [inside, inside, angle]),
}
for name in ["exp", "expm1", "sin", "cos", "tan", "atan", "sinh", "cosh", "tanh", "asinh", "erf", "erfc"]:
    FUNCTIONS[name] = (getattr(mpmath, name), [wide])


def lines():
    for name, (f, intervals) in sorted(FUNCTIONS.items()):
        for _ in range(N_POINTS if intervals else 1):
            point = [random.uniform(a, b) for a, b in intervals]
            if "log" in name and len(intervals) > 1:
                point = [x if abs(x) > 1 else 0.0 for x in point]
            args = [mpmath.mpf(x) for x in point]
            numbers = [float(f(*args))]
            for k in range(len(args)):
                order = tuple(int(j == k) for j in range(len(args)))
                smooth = not (name in ("relu", "relup", "select") and abs(args[0]) < 1e-6) and not (
                    name in ("relu", "relup") and k == 1
                )
                numbers.append(float(mpmath.diff(f, tuple(args), order)) if smooth else None)
            yield " ".join([name, str(len(point))] + ["-" if x is None else x.hex() for x in point + numbers])


pathlib.Path(__file__).with_name("function_values.txt").write_text("\n".join(lines()) + "\n")
