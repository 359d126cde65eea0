"""Taylor coefficients of every function against mpmath with 50 digits.

The solution of x' = f(u(t)) with a polynomial u has the coefficients x_{n+1} = f_n / (n + 1), so that the integrator's
tc shows the jet of f. What counts is a coefficient's part in the step: an error of c_n is weighed by h^n.
"""

import mpmath
import numpy as np
import pytest
from flow_reference import anomaly

import tayra as hk

mp = mpmath.mp


def _sigmoid(z):
    return 1 / (1 + mp.exp(-z))


# name: (mpmath's function, value of the argument at t = 0)
CASES = {
    "exp": (mp.exp, 0.3),
    "expm1": (mp.expm1, 0.01),
    "log": (mp.log, 1.7),
    "log1p": (lambda z: mp.log(1 + z), 0.02),
    "sin": (mp.sin, 0.8),
    "cos": (mp.cos, 0.8),
    "tan": (mp.tan, 0.5),
    "asin": (mp.asin, 0.3),
    "acos": (mp.acos, -0.2),
    "atan": (mp.atan, 0.9),
    "sinh": (mp.sinh, 0.7),
    "cosh": (mp.cosh, 0.7),
    "tanh": (mp.tanh, 0.4),
    "asinh": (mp.asinh, 0.6),
    "acosh": (mp.acosh, 2.0),
    "atanh": (mp.atanh, 0.25),
    "erf": (mp.erf, 0.35),
    "erfc": (mp.erfc, 0.35),
    "sigmoid": (_sigmoid, 0.9),
    "sqrt": (mp.sqrt, 1.4),
    "relu": (lambda z: z, 0.9),
    "relup": (lambda z: z * 0 + 1, 0.9),
}
MORE = {
    "negative relu": (lambda z: hk.relu(z, 0.25), lambda z: z / 4, -1.5),
    "power": (lambda z: z**2.7, lambda z: z ** mp.mpf(2.7), 1.2),
    "negative power": (lambda z: z**-3, lambda z: z**-3, 1.2),
    "inverse root": (lambda z: z**-0.5, lambda z: 1 / mp.sqrt(z), 1.2),
    "inverse cube of root": (lambda z: z**-1.5, lambda z: mp.mpf(z) ** mp.mpf(-1.5), 1.2),
    "cube": (lambda z: z**3, lambda z: z**3, -0.7),
    "variable power": (lambda z: z ** hk.sin(z), lambda z: z ** mp.sin(z), 1.3),
    "number to the power": (lambda z: hk.expression(2.5) ** z, lambda z: mp.mpf(2.5) ** z, 0.3),
    "quotient": (lambda z: hk.cos(z) / (1.0 + z * z), lambda z: mp.cos(z) / (1 + z * z), 0.4),
    "product": (lambda z: hk.sin(z) * hk.exp(z) * z, lambda z: mp.sin(z) * mp.exp(z) * z, 0.4),
    "square": (lambda z: hk.sin(z) ** 2, lambda z: mp.sin(z) ** 2, 0.4),
    "atan2": (lambda z: hk.atan2(hk.sin(z), z + 2.0), lambda z: mp.atan2(mp.sin(z), z + 2), 0.4),
    "kepE": (lambda z: hk.kepE(z * 0.5, z + 1.0), lambda z: anomaly(0, z / 2, z + 1), 0.4),
    "kepF": (lambda z: hk.kepF(z * 0.5, 0.25, z + 1.0), lambda z: anomaly(-z / 2, mp.mpf(0.25), z / 2 + 1), 0.4),
    "kepDE": (lambda z: hk.kepDE(-0.25, z * 0.5, z + 1.0), lambda z: anomaly(mp.mpf(-0.25), z / 2, z + 1), 0.4),
    "select": (lambda z: hk.select(hk.gt(z, 0.0), hk.sin(z), z), mp.sin, 0.4),
    "composition": (lambda z: hk.tanh(hk.sin(z) + hk.sigmoid(2.0 * z)), lambda z: mp.tanh(mp.sin(z) + _sigmoid(2 * z)), 0.2),
    "pi": (lambda z: hk.sin(hk.pi * z), lambda z: mp.sin(mp.pi * z), 0.2),
}  # fmt: skip


def check(function, exact, start):
    slope, bend = 0.75, -0.375  # exact in binary: the argument is the same polynomial for both
    z = start + slope * hk.time + bend * hk.time * hk.time
    ta = hk.taylor_adaptive([(hk.expression("x"), function(z))], [0.5])
    _, h = ta.step()
    coefficients = ta.tc[0][1:] * np.arange(1, ta.order + 1)
    with mp.workdps(50):
        expected = mp.taylor(lambda t: exact(mp.mpf(start) + mp.mpf(slope) * t + mp.mpf(bend) * t * t), 0, ta.order - 1)
        errors = [
            float((mp.mpf(c) - e) * mp.mpf(h) ** n) for n, (c, e) in enumerate(zip(coefficients.tolist(), expected))
        ]
        scale = max(float(abs(e) * mp.mpf(h) ** n) for n, e in enumerate(expected))
    assert ta.tc[0][0] == 0.5
    assert np.max(np.abs(errors)) <= 4e-15 * scale


@pytest.mark.parametrize("name", CASES)
def test_function(name):
    exact, start = CASES[name]
    check(getattr(hk, name), exact, start)


@pytest.mark.parametrize("name", MORE)
def test_combination(name):
    check(*MORE[name])


@pytest.mark.parametrize("name", [n for n in CASES if n not in ("relu", "relup")])
def test_derivative(name):
    """The symbolic derivative against numerical differentiation with 50 digits."""
    exact, start = CASES[name]
    z = hk.expression("z")
    value = hk.cfunc([hk.diff(getattr(hk, name)(z), z)], [z])([start])[0]
    with mp.workdps(50):
        assert value == pytest.approx(float(mp.diff(exact, mp.mpf(start))), rel=4e-15)
