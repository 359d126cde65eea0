"""Gradients of flows without tayra: another integrator with 30 digits (mpmath), and central differences of it."""

import mpmath
import numpy as np

mp = mpmath.mp
DIGITS, H = 30, 1e-9  # the differences have an error of about 1e-18


def _true(condition):
    return mp.mpf(bool(condition))


def anomaly(s, c, m):
    """E + s (1 - cos(E)) - c sin(E) = m, near m."""
    return mp.findroot(lambda e: e + s * (1 - mp.cos(e)) - c * mp.sin(e) - m, m + c * mp.sin(m))


class Exact:
    """The functions of tayra by mpmath, under tayra's names."""

    log1p = staticmethod(lambda z: mp.log(1 + z))
    sigmoid = staticmethod(lambda z: 1 / (1 + mp.exp(-z)))
    relu = staticmethod(lambda z, slope=0: z if z > 0 else slope * z)
    relup = staticmethod(lambda z, slope=0: mp.mpf(1 if z > 0 else slope))
    select = staticmethod(lambda c, a, b: a if c != 0 else b)
    eq = staticmethod(lambda a, b: _true(a == b))
    neq = staticmethod(lambda a, b: _true(a != b))
    lt = staticmethod(lambda a, b: _true(a < b))
    gt = staticmethod(lambda a, b: _true(a > b))
    lte = staticmethod(lambda a, b: _true(a <= b))
    gte = staticmethod(lambda a, b: _true(a >= b))
    logical_and = staticmethod(lambda terms: _true(all(t != 0 for t in terms)))
    logical_or = staticmethod(lambda terms: _true(any(t != 0 for t in terms)))
    kepE = staticmethod(lambda e, m: anomaly(0, e, m))
    kepF = staticmethod(lambda h, k, lam: anomaly(-h, k, lam - h))
    kepDE = staticmethod(anomaly)
    sum = staticmethod(lambda terms: mp.fsum(terms))
    prod = staticmethod(lambda terms: mp.fprod(terms))
    expression = staticmethod(mp.mpf)

    def __getattr__(self, name):
        return getattr(mp, name)


def _step(f, t, x, h, columns=6):
    """One step of the extrapolated midpoint rule [Hairer1993, section II.9], of order 2 columns."""
    slope, above = f(x, t), []
    for n in range(2, 2 * columns + 1, 2):
        tau = h / n
        old, new = x, [a + tau * b for a, b in zip(x, slope)]
        for i in range(1, n):
            old, new = new, [a + 2 * tau * b for a, b in zip(old, f(new, t + i * tau))]
        row = [new]
        for j, last in enumerate(above):
            ratio = mp.mpf(n) / (n - 2 * j - 2)
            row.append([a + (a - b) / (ratio**2 - 1) for a, b in zip(row[j], last)])
        above = row
    return above[-1]


def _loss(make, sizes, ybar, numbers):
    """sum(ybar ys) with states, times and parameters one after the other in numbers."""
    n, n_times = sizes
    x, ts, p = numbers[:n], numbers[n : n + n_times], numbers[n + n_times :]
    f = make(p)
    total = mp.fdot(x, ybar[0])
    for j in range(1, n_times):
        x = _step(f, ts[j - 1], x, ts[j] - ts[j - 1])
        total += mp.fdot(x, ybar[j])
    return total


def gradient(make, x0, ts, pars, ybar):
    """The gradient of sum(ybar ys) along one trajectory, with respect to x0, ts and pars; make(pars) gives f(x, t).

    A step from each time to the next: they must be close.
    """
    with mp.workdps(DIGITS):
        numbers = [mp.mpf(float(a)) for a in (*x0, *ts, *pars)]
        weights = [[mp.mpf(float(a)) for a in row] for row in ybar]
        sizes, result = (len(x0), len(ts)), []
        for i, middle in enumerate(numbers):
            ahead, behind = ([*numbers[:i], middle + s * mp.mpf(H), *numbers[i + 1 :]] for s in (1, -1))
            change = _loss(make, sizes, weights, ahead) - _loss(make, sizes, weights, behind)
            result.append(float(change / (2 * mp.mpf(H))))
    return np.split(np.array(result), np.cumsum([len(x0), len(ts)]))
