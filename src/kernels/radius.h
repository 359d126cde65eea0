/*
 * The radius of convergence of a series [JZ2005], from the largest absolute values of its coefficients 0, order - 1 and order:
 *
 *     min(rho_{order-1}, rho_order),   rho_m = (max(1, |x_0|) / |x_m|)^(1/m)
 *
 * All of a step waits for it, between its last coefficient and its new state. So logarithms and exponential are for ordinary
 * numbers only, and short polynomials that are summed as trees, with minimax coefficients (tools/minimax_vmath.py).
 */
#ifndef TAY__KERNELS_RADIUS_H
#define TAY__KERNELS_RADIUS_H

#include <float.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/* c_0 + ... + c_3 x^3 */
static inline double tay__cubic(const double *c, double x, double x2)
{
    return (c[3] * x + c[2]) * x2 + (c[1] * x + c[0]);
}

/* log2 x of a normal x > 0: its exponent, and log2(3/2 + t) of its mantissa. Error 2^-45.8, before it is divided by m. */
static inline double tay__short_log2(double x)
{
    static const double c[] = {5.84962500721150858e-01,  9.61796693925433099e-01,  -3.20598897972257157e-01,
                               1.42488399203549748e-01,  -7.12441998443401336e-02, 3.79969006891392805e-02,
                               -2.11093815090456875e-02, 1.20626524915024777e-02,  -7.03666927761457343e-03,
                               4.16788814555995278e-03,  -2.49969186436157327e-03, 1.53005647627746052e-03,
                               -9.39955840835181235e-04, 5.13274267018727312e-04,  -3.05626905407590567e-04,
                               3.39401903845384955e-04,  -2.24240739029233868e-04};
    uint64_t bits, low, high;
    double mantissa, exponent;

    memcpy(&bits, &x, sizeof bits);
    low = (bits & 0x000fffffffffffff) | 0x3ff0000000000000; /* that of 1 */
    high = bits >> 52 | 0x4330000000000000;                 /* 2^52 */
    memcpy(&mantissa, &low, sizeof mantissa);
    memcpy(&exponent, &high, sizeof exponent);
    double t = mantissa - 1.5, t2 = t * t, t4 = t2 * t2, t8 = t4 * t4;
    double high_powers = tay__cubic(c + 8, t, t2) + (tay__cubic(c + 12, t, t2) + c[16] * t4) * t4;
    return high_powers * t8 + (tay__cubic(c + 4, t, t2) * t4 + (tay__cubic(c, t, t2) + (exponent - (0x1p52 + 1023))));
}

/* 2^x where that is normal: 2^k 2^f, |f| <= 1/2. Error 2^-51.7. */
static inline double tay__short_exp2(double x)
{
    static const double c[] = {1.00000000000000000e+00, 6.93147180559949727e-01, 2.40226506959087677e-01, 5.55041086644588871e-02,
                               9.61812910803468667e-03, 1.33335582285526292e-03, 1.54035299609976434e-04, 1.52526581215106462e-05,
                               1.32156629067461969e-06, 1.02085369974031859e-07, 7.03726579220548696e-09};
    const double magic = 0x1.8p52; /* adding it rounds to an integer, which then stands in the low bits */
    double rounded = x + magic, f = x - (rounded - magic), f2 = f * f, f4 = f2 * f2, power;
    uint64_t bits;

    memcpy(&bits, &rounded, sizeof bits);
    bits = (bits << 52) + 0x3ff0000000000000;
    memcpy(&power, &bits, sizeof power);
    double low_powers = tay__cubic(c + 4, f, f2) * f4 + tay__cubic(c, f, f2);
    return power * ((c[10] * f2 + (c[9] * f + c[8])) * (f4 * f4) + low_powers);
}

/* Whether it is made for these numbers: else they are infinite, nearly 0, or NaN. */
static inline bool tay__has_short_radius(double first, double before, double last)
{
    return first <= DBL_MAX && before >= DBL_MIN && before <= DBL_MAX && last >= DBL_MIN && last <= DBL_MAX;
}

static inline double tay__short_radius(double first, double before, double last, uint32_t order)
{
    double scale = tay__short_log2(first > 1 ? first : 1);
    double a = (scale - tay__short_log2(before)) * (1.0 / (order - 1)), b = (scale - tay__short_log2(last)) * (1.0 / order);
    return tay__short_exp2(a < b ? a : b);
}

#endif
