/*
 * pow on vectors, part of vmath.h: x^y = exp(y log |x|) with the logarithm as a sum of two numbers, as the exponential
 * multiplies its relative error by up to 745. With s = f/(2 + f), u = s^2 and s, u, 2/3 as sums of two numbers
 *
 *     log(1 + f) = 2 s + s u (2/3 + u REST(u))                                              [Tang1990; Muller2016, ch. 11]
 *
 * whose relative error is below 2^-64 (float: 2^-34): 0.4 of a unit in the result, besides the 0.6 of the exponential.
 * Special values are those of C99's annex F.
 */
#ifndef TAY__VMATH_POW_H
#define TAY__VMATH_POW_H

#include "kernels/vmath.h"

/* a b - p without error, p = fl(a b): one instruction, or by halves of a and b [Dekker1971]. */
#if defined(__clang__) && (defined(__FMA__) || defined(__aarch64__))
#define tay__product_error(a, b, p) __builtin_elementwise_fma(a, b, -(p))
#elif defined(__FMA__)
#define tay__product_error TAY__INTRINSIC(TAY__VECTOR_BYTES, fmsub)
#else
static inline vec tay__product_error(vec a, vec b, vec p)
{
    const natural upper = ~(natural)0 << TAY__SPLIT_BITS;
    vec a_hi = (vec)((uvec)a & upper), b_hi = (vec)((uvec)b & upper), a_lo = a - a_hi, b_lo = b - b_hi;
    return ((a_hi * b_hi - p) + a_hi * b_lo + a_lo * b_hi) + a_lo * b_lo;
}
#endif

/* log x + *lo, as exact as that, for x > 0, finite. */
static inline vec tay__vlog_pair(vec *lo, vec x)
{
    vec k, f = tay__vlog_split_any(&k, x), d = 2 + f, d_lo = f - (d - 2), inverse = 1 / d;
    vec s = f * inverse, p = s * d, s_lo = ((f - p) - tay__product_error(s, d, p) - s * d_lo) * inverse;
    vec u = s * s, u_lo = tay__product_error(s, s, u) + 2 * s * s_lo;
    vec rest = u * tay__vpolynomial(u, tay__log_rest_terms, TAY__LOG_REST_TERMS);
    vec r = TAY__TWO_THIRDS + rest, r_lo = (TAY__TWO_THIRDS - r) + rest + TAY__TWO_THIRDS_LO;
    vec g = s * u, g_lo = tay__product_error(s, u, g) + (s * u_lo + s_lo * u);
    vec w = g * r, w_lo = tay__product_error(g, r, w) + (g * r_lo + g_lo * r);
    vec m = 2 * s + w, m_lo = ((2 * s - m) + w) + (w_lo + 2 * s_lo);
    vec n = k * TAY__LN2_HI, sum = n + m, sum_lo = ((n - sum) + m) + (m_lo + k * TAY__LN2_LO); /* n = 0 or |n| > |m| */
    vec hi = sum + sum_lo;
    *lo = (sum - hi) + sum_lo;
    return hi;
}

/* Whether x is a whole number, for x >= 0. */
static inline uvec tay__vis_whole(vec x)
{
    const real large = 1 / TAY__EPSILON;
    vec z = tay__min(tay__splat(large), x);
    return (uvec)((z + large) - large == z);
}

static inline vec tay__vpow(vec x, vec y)
{
    vec a = tay__vabs(x), b = tay__vabs(y), bounded = tay__max(tay__splat(-TAY__POW_MAX), tay__min(tay__splat(TAY__POW_MAX), y));
    vec log_lo, log = tay__vlog_pair(&log_lo, a);
    vec p = bounded * log, p_lo = tay__product_error(bounded, log, p) + bounded * log_lo;
    vec clamped = tay__max(tay__splat(TAY__EXP_MIN), tay__min(tay__splat(TAY__EXP_MAX), p));
    vec q, q_lo, n_magic = tay__vexp_parts(&q, &q_lo, clamped);
    p_lo = tay__keep((uvec)(clamped == p), p_lo);
    vec finite = tay__vscale(1 + (q + ((q_lo + p_lo * q) + p_lo)), n_magic);

    vec limit = tay__keep(~(uvec)((a > 1) ^ (y > 0)), tay__splat((real)INFINITY)); /* of 0 and infinity */
    uvec magnitude = (uvec)tay__blend((uvec)((a == 0) | (a > TAY__LARGEST)), limit, finite);
    uvec whole = tay__vis_whole(b), odd = whole & ~tay__vis_whole((real)0.5 * b);
    uvec none = (uvec)((x != x) | (y != y)) | ((uvec)(x < 0) & (uvec)(a <= TAY__LARGEST) & ~whole);
    uvec one = (uvec)((x == 1) | (y == 0));
    return tay__blend(one, tay__splat(1), (vec)((magnitude ^ (odd & (uvec)x & TAY__SIGN)) | none));
}

#endif
