"""Derives the numbers of src/kernels/vmath_f64.h, vmath_f32.h, vmath_huge.c and radius.h: python tools/minimax_vmath.py.

Needs mpmath. Each polynomial is a minimax approximation (Remez exchange [Remez 1934]) of g(u) with a weight that makes the error
relative to the function's value; the fraction of tanh is fitted by Loeb's linearisation [Loeb 1957]. Coefficients are
then rounded to the target precision. Prints C initialisers and the largest relative error as a power of two.
"""
import mpmath as mp

mp.mp.dps = 50


def rounded(c, bits):
    """c rounded to `bits` significant bits."""
    if c == 0:
        return mp.mpf(0)
    scale = mp.mpf(2) ** (bits - 1 - mp.floor(mp.log(abs(c), 2)))
    return mp.nint(c * scale) / scale


def remez(target, weight, basis, lo, hi):
    """Coefficients c minimising max |weight (sum c_k basis_k - target)| on [lo, hi], and that maximum."""
    n = len(basis)
    points = [(lo + hi) / 2 - (hi - lo) / 2 * mp.cos(mp.pi * k / n) for k in range(n + 1)]
    grid = [(lo + hi) / 2 - (hi - lo) / 2 * mp.cos(mp.pi * (k + mp.mpf(1) / 3) / (40 * n)) for k in range(40 * n)]
    values = [(x, target(x), weight(x), [b(x) for b in basis]) for x in grid]
    for _ in range(30):
        rows = [[b(x) for b in basis] + [(-1) ** k / weight(x)] for k, x in enumerate(points)]
        solution = mp.lu_solve(mp.matrix(rows), mp.matrix([target(x) for x in points]))
        c, level = list(solution[:n]), abs(solution[n])
        error = [(w * (mp.fdot(c, b) - t), x) for x, t, w, b in values]
        extrema, current = [], error[0]
        for e in error[1:]:
            if e[0] * current[0] > 0:
                current = e if abs(e[0]) > abs(current[0]) else current
            else:
                extrema.append(current)
                current = e
        extrema.append(current)
        while len(extrema) > n + 1:
            extrema.pop(0 if abs(extrema[0][0]) < abs(extrema[-1][0]) else -1)
        worst = max(abs(e[0]) for e in extrema)
        if len(extrema) < n + 1 or worst < level * mp.mpf("1.001"):
            return c, worst
        points = [e[1] for e in extrema]
    return c, worst


def polynomial(target, weight, degree, lo, hi, bits):
    """The polynomial of that degree with coefficients of `bits` bits."""
    c, _ = remez(target, weight, [lambda u, j=j: u ** j for j in range(degree + 1)], lo, hi)
    c = [rounded(x, bits) for x in c]
    samples = [lo + (hi - lo) * i / 2000 for i in range(1, 2000)]
    return c, bits, max(abs(weight(u) * (mp.polyval(c[::-1], u) - target(u))) for u in samples)


def fraction(target, weight, degrees, first, lo, hi, bits):
    """C(u)/B(u) of these degrees with B(0) = first; Loeb: minimise |C - target B| / (B of the last round)."""
    n, last = degrees[0] + 1, lambda u: first
    for _ in range(12):
        basis = [lambda u, j=j: u ** j for j in range(n)]
        basis += [lambda u, j=j: -target(u) * u ** j for j in range(1, degrees[1] + 1)]
        c, _ = remez(lambda u: target(u) * first, lambda u: weight(u) / last(u), basis, lo, hi)
        denominator = [first] + c[n:]
        last = lambda u, d=denominator[::-1]: mp.polyval(d, u)
    c, b = [rounded(x, bits) for x in c[:n]], [rounded(x, bits) for x in denominator]
    samples = [lo + (hi - lo) * i / 2000 for i in range(1, 2000)]
    ratio = lambda u: mp.polyval(c[::-1], u) / mp.polyval(b[::-1], u)
    return c, b, max(abs(weight(u) * (ratio(u) - target(u))) for u in samples)


def show(name, coefficients, bits, error=None):
    suffix = "f" if bits == 24 else ""
    text = ", ".join(("%.9e" % float(c) if bits == 24 else "%.17e" % float(c)) + suffix for c in coefficients)
    print(f"/* {name}" + (f", error 2^{float(mp.log(error, 2)):.1f}" if error else "") + f" */\n{{{text}}}\n")


def series(f, at):
    """f away from 0, its Taylor polynomial near 0 where f cancels."""
    coefficients = at
    return lambda u: mp.polyval(coefficients[::-1], u) if abs(u) < mp.mpf("1e-4") else f(u)


def exp_term(r):
    return series(lambda x: (mp.exp(x) - 1 - x) / x ** 2, [1 / mp.factorial(k + 2) for k in range(12)])(r)


def log_term(u):
    """(atanh(s)/s - 1) * 2/u = 2/3 + 2u/5 + ..., u = s^2."""
    direct = lambda v: (mp.atanh(mp.sqrt(v)) / mp.sqrt(v) - 1) * 2 / v
    return series(direct, [mp.mpf(2) / (2 * k + 3) for k in range(12)])(u)


def log_rest(u):
    """What is left of log_term: 2/3 + u (2/5 + 2u/7 + ...)."""
    return series(lambda v: (log_term(v) - mp.mpf(2) / 3) / v, [mp.mpf(2) / (2 * k + 5) for k in range(12)])(u)


def sin_term(u):
    direct = lambda v: (mp.sin(mp.sqrt(v)) / mp.sqrt(v) - 1) / v
    return series(direct, [(-1) ** (k + 1) / mp.factorial(2 * k + 3) for k in range(10)])(u)


def cos_term(u):
    direct = lambda v: (mp.cos(mp.sqrt(v)) - 1 + v / 2) / v ** 2
    return series(direct, [(-1) ** k / mp.factorial(2 * k + 4) for k in range(10)])(u)


def atan_term(u):
    direct = lambda v: (mp.atan(mp.sqrt(v)) / mp.sqrt(v) - 1) / v
    return series(direct, [(-1) ** (k + 1) / mp.mpf(2 * k + 3) for k in range(12)])(u)


def tanh_term(u):
    direct = lambda v: (1 - mp.tanh(mp.sqrt(v)) / mp.sqrt(v)) / v
    at = [mp.mpf(1) / 3, -mp.mpf(2) / 15, mp.mpf(17) / 315, -mp.mpf(62) / 2835, mp.mpf(1382) / 155925]
    return series(direct, at)(u)


def all_of(bits, exp_degree, log_degree, log_rest_degree, sin_degree, cos_degree, atan_degree, tanh_degrees,
           tanh_end):
    print(f"/* ---- {bits} bits ---- */")
    half = mp.mpf("0.3467")
    expm1 = lambda r: abs(r ** 2 / mp.expm1(r)) if r else mp.mpf("1e-30")
    show("EXP", *polynomial(exp_term, expm1, exp_degree, -half, half + mp.mpf("0.0003"), bits))
    end = mp.mpf("0.02945")
    show("LOG", *polynomial(log_term, lambda u: u / 2, log_degree, mp.mpf("1e-9"), end, bits))
    show("LOG_REST", *polynomial(log_rest, lambda u: u ** 2 / 2, log_rest_degree, mp.mpf("1e-9"), end, bits))
    end = (mp.pi / 4 * mp.mpf("1.001")) ** 2
    show("SIN", *polynomial(sin_term, lambda u: u / mp.sinc(mp.sqrt(u)), sin_degree, mp.mpf("1e-9"), end, bits))
    show("COS", *polynomial(cos_term, lambda u: u ** 2 / mp.cos(mp.sqrt(u)), cos_degree, mp.mpf("1e-9"), end, bits))
    end = mp.mpf("0.66") ** 2
    show("ATAN", *polynomial(atan_term, lambda u: u * mp.sqrt(u) / mp.atan(mp.sqrt(u)), atan_degree, mp.mpf("1e-9"), end, bits))
    weight = lambda u: u * mp.sqrt(u) / mp.tanh(mp.sqrt(u))
    c, b, error = fraction(tanh_term, weight, tanh_degrees, mp.mpf("1.375"), mp.mpf("1e-9"), mp.mpf(tanh_end) ** 2, bits)
    show("TANH_V", c, bits, error)
    show("TANH_B", b, bits)


def short_powers():
    """Of src/kernels/radius.h: log2(3/2 + t) and 2^f."""
    print("/* ---- radius ---- */")
    half = mp.mpf("0.5")
    show("LOG2", *polynomial(lambda t: mp.log(t + 3 * half, 2), lambda t: 1, 16, -half, half, 53))
    show("EXP2", *polynomial(lambda f: mp.mpf(2) ** f, lambda f: mp.mpf(2) ** -f, 10, -half, half, 53))


def two_over_pi(words):
    """The first bits of 2/pi, 64 a word."""
    with mp.workdps(words * 20):
        bits = int(2 / mp.pi * mp.mpf(2) ** (64 * words))
    print("/* 2/pi */\n" + ", ".join(f"0x{bits >> 64 * (words - 1 - k) & (1 << 64) - 1:016x}" for k in range(words)))


if __name__ == "__main__":
    all_of(53, 10, 6, 7, 5, 5, 14, (2, 3), "0.75")
    all_of(24, 4, 2, 2, 2, 2, 6, (1, 2), "0.75")
    short_powers()
    two_over_pi(19)
