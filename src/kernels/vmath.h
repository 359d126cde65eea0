/*
 * Mathematical functions on vectors: branch-free, the whole range of arguments, subnormals, signed zeros, infinities
 * and NaN included, at most 1.5 units in the last place (2.5: tan, sinh, cosh). No tables. Checked against MPFR:
 * docs/accuracy.md. pow is in vmath_pow.h.
 *
 * Reductions with split constants [CodyWaite1980]; logarithm by its series in s = f/(2 + f) with the leading terms
 * kept apart [Tang1990; Muller2016, ch. 11]; tanh and sigmoid by a fraction in z = a - n ln2/2, see below. Exact sums of
 * two terms are by [Dekker1971] (larger term first) and [Knuth1997, 4.2.2] (any order).
 *
 * Sums may not be reordered, but a * b + c may be one rounding or two: products that must be exact have short factors.
 */
#ifndef TAY__VMATH_H
#define TAY__VMATH_H

#include <math.h>

#include "kernels/real.h"
#include "kernels/vmath_huge.h"

#ifdef TAY__F32
#include "kernels/vmath_f32.h"
#else
#include "kernels/vmath_f64.h"
#endif

#define TAY__BITS(x) ((uvec)tay__splat(x))
#define TAY__SIGN TAY__BITS((real)-0.0)

static inline vec tay__vabs(vec x)
{
    return (vec)((uvec)x & ~TAY__SIGN);
}

/* |x| with the sign of s. */
static inline vec tay__vcopysign(vec x, vec s)
{
    return (vec)(((uvec)x & ~TAY__SIGN) | ((uvec)s & TAY__SIGN));
}

/* sum_k c[k] x^k, n terms: even and odd powers apart, which halves the chain of dependent operations. */
static inline __attribute__((always_inline)) vec tay__vpolynomial(vec x, const real *c, int n)
{
    vec xx = x * x, even = tay__splat(c[(n - 1) & ~1]), odd = tay__splat(n > 1 ? c[(n - 2) | 1] : 0);
#pragma GCC unroll 16
    for (int k = (n - 3) & ~1; k >= 0; k -= 2) even = even * xx + c[k];
#pragma GCC unroll 16
    for (int k = ((n - 2) | 1) - 2; k >= 1; k -= 2) odd = odd * xx + c[k];
    return odd * x + even;
}

/* 2^n for the integer-valued n + TAY__MAGIC, 2^n normal. */
static inline vec tay__vpower_of_two(vec n_magic)
{
    return (vec)(((uvec)n_magic << TAY__MANTISSA) + TAY__BITS(1));
}

/* y 2^n for any n (as n + TAY__MAGIC) down to where y 2^n is 0; two steps, so that a subnormal result is rounded once. */
static inline vec tay__vscale(vec y, vec n_magic)
{
    uvec n = (uvec)((uvec)n_magic - TAY__BITS(TAY__MAGIC) + 2 * TAY__BIAS), half = n >> 1;
    return y * (vec)(half << TAY__MANTISSA) * (vec)((n - half) << TAY__MANTISSA);
}

/* exp x = 2^n (1 + q + q_lo), q = expm1 of the reduced argument; returns n + TAY__MAGIC. */
static inline vec tay__vexp_parts(vec *q, vec *q_lo, vec x)
{
    vec n_magic = x * (real)1.44269504088896339 + TAY__MAGIC, n = n_magic - TAY__MAGIC;
    vec high = x - n * TAY__LN2_HI, r = high - n * TAY__LN2_LO, r_lo = (high - r) - n * TAY__LN2_LO;
    vec rr = r * r, p = tay__vpolynomial(r, tay__exp_terms, TAY__EXP_TERMS);
    *q = r + rr * p;
    *q_lo = ((r - *q) + rr * p) + r_lo;
    return n_magic;
}

static inline vec tay__vexp(vec x)
{
    vec q, q_lo, clamped = tay__max(tay__splat(TAY__EXP_MIN), tay__min(tay__splat(TAY__EXP_MAX), x));
    vec n_magic = tay__vexp_parts(&q, &q_lo, clamped);
    return tay__vscale(1 + q, n_magic);
}

/* half = expm1(x)/2 for |x| <= TAY__EXP_MAX or TAY__SINH_MAX: (2^n - 1) + 2^n q, all times 2^-2 lest 2^n overflows. */
static inline vec tay__vexpm1_half(vec x)
{
    vec q, q_lo, n_magic = tay__vexp_parts(&q, &q_lo, x);
    vec s = tay__vpower_of_two(n_magic - 2), base = s - (real)0.25;
    vec sum = base + s * q, sum_lo = (base - sum) + s * q; /* base = 0, or |base| > |s q| */
    return 2 * (sum + (sum_lo + s * q_lo));
}

static inline vec tay__vexpm1(vec x)
{
    vec clamped = tay__max(tay__splat(-TAY__SHIFT_MAX / 2), tay__min(tay__splat(TAY__EXP_MAX), x));
    return tay__blend(tay__vabs(x) < TAY__EPSILON / 4, x, 2 * tay__vexpm1_half(clamped)); /* x: also subnormal, -0 */
}

/* sinh a = (E + E/(1 + E))/2, E = expm1 a = 2 h. */
static inline vec tay__vsinh(vec x)
{
    vec a = tay__vabs(x), h = tay__vexpm1_half(tay__min(tay__splat(TAY__SINH_MAX), a));
    vec finite = tay__min(tay__splat(1 / TAY__EPSILON), h);
    vec y = tay__blend(a < TAY__EPSILON / 4, a, h + finite / (1 + 2 * finite));
    return (vec)((uvec)y | ((uvec)x & TAY__SIGN));
}

/* cosh a = e/2 + 1/(2 e), e = exp a. */
static inline vec tay__vcosh(vec x)
{
    vec q, q_lo, n_magic = tay__vexp_parts(&q, &q_lo, tay__min(tay__splat(TAY__SINH_MAX), tay__vabs(x)));
    vec h = (1 + q) * tay__vpower_of_two(n_magic - 2) * 2;
    return h + (real)0.25 / h;
}

/* What to add to a finite stand-in for log x so that 0 gives -inf, negative and NaN give NaN, inf gives inf; else 0. */
static inline vec tay__vlog_special(vec x)
{
    uvec not_positive = ~(x > 0), not_a_number = ~(x >= 0), infinite = x > TAY__LARGEST;
    uvec quiet = TAY__BITS((real)NAN) & ~TAY__BITS((real)INFINITY);
    return (vec)((not_positive & TAY__BITS((real)-INFINITY)) | (not_a_number & quiet) |
                 (infinite & TAY__BITS((real)INFINITY)));
}

/* x = 2^(*k) m for normal x > 0, sqrt(1/2) <= m < sqrt(2). */
static inline vec tay__vlog_split(vec *k, vec x)
{
    uvec root = TAY__BITS((real)0.707106781186547524), one = TAY__BITS(1);
    uvec shifted = (uvec)x + (one - root);
    uvec biased = (uvec)((uvec)shifted >> TAY__MANTISSA);
    *k = (vec)(biased + TAY__BITS(TAY__MAGIC)) - (TAY__MAGIC + TAY__BIAS);
    return (vec)((shifted & (((natural)1 << TAY__MANTISSA) - 1)) + root);
}

/* k ln2 + log(1 + f), s = f/(2 + f): log(1 + f) = f - (h - s (h + R)), h = f^2/2, R = s^2 LOG(s^2). */
static inline vec tay__vlog_sum(vec k, vec f, vec s, vec extra)
{
    vec h = (real)0.5 * f * f, u = s * s, tail = u * tay__vpolynomial(u, tay__log_terms, TAY__LOG_TERMS);
    return k * TAY__LN2_HI - ((h - (s * (h + tail) + (k * TAY__LN2_LO + extra))) - f);
}

/* The same for subnormal x, too; returns f = m - 1. */
static inline vec tay__vlog_split_any(vec *k, vec x)
{
    uvec tiny = x < TAY__SMALLEST_NORMAL;
    vec scale = (vec)(TAY__BITS(1) + (tiny & ((natural)TAY__SUBNORMAL_SHIFT << TAY__MANTISSA)));
    vec f = tay__vlog_split(k, x * scale) - 1;
    *k -= tay__keep(tiny, tay__splat(TAY__SUBNORMAL_SHIFT));
    return f;
}

static inline vec tay__vlog(vec x)
{
    vec k, f = tay__vlog_split_any(&k, x);
    return tay__vlog_sum(k, f, f / (2 + f), tay__splat(0)) + tay__vlog_special(x);
}

/* log(u + c), u = fl(1 + x), c the rounding error of u: k ln2 + log m + c/(2^k m), 1/m = (1 - s)/(1 + s); f = x where k = 0. */
static inline vec tay__vlog1p(vec x)
{
    vec finite = tay__min(tay__splat(TAY__LARGEST), x), u = 1 + finite;
    vec z = u - finite, c = (1 - z) + (finite - (u - z));
    vec k, m = tay__vlog_split(&k, u);
    uvec zero = k == 0;
    vec f = tay__blend(zero, finite, m - 1), s = f / (2 + f);
    vec scale = tay__vpower_of_two(TAY__MAGIC - tay__min(tay__splat(TAY__SHIFT_MAX), k));
    vec extra = tay__keep(~zero, c * scale) * (1 - 2 * s * (1 - s));
    vec y = tay__vlog_sum(k, f, s, extra) + tay__vlog_special(1 + x);
    return (vec)((uvec)y | ((uvec)x & TAY__SIGN));
}

/*
 * tanh z = z - V/B = W/B, a fraction in z = a - n ln2/2, |z| <= ln2/4; then exp(2a) = 2^n H/G, H = B + W, G = B - W, and
 * tanh a = 1 - 2 G/(2^n H + G). For a < 3/4, n = 0: tanh a = a - 2 V/(H + G) with the same division, as H + G = 2 B. B is
 * near 1.4, which keeps 2^n H + G just below a power of two at a = 3/4, where its rounding error weighs most.
 */
static inline vec tay__vtanh(vec x)
{
    vec a = tay__min(tay__splat(TAY__TANH_MAX), tay__vabs(x));
    uvec large = a >= (real)0.75;
    vec n_magic = a * (real)2.88539008177792677 + TAY__MAGIC, n = tay__keep(large, n_magic - TAY__MAGIC);
    vec z = (a - n * (TAY__LN2_HI / 2)) - n * (TAY__LN2_LO / 2), u = z * z;
    vec b = tay__vpolynomial(u, tay__tanh_b, TAY__TANH_B);
    vec v = z * u * tay__vpolynomial(u, tay__tanh_v, TAY__TANH_V), w = z * b - v;
    vec g = b - w, h = b + w, s = (vec)((((uvec)n_magic << TAY__MANTISSA) & large) + TAY__BITS(1));
    vec y = tay__blend(large, tay__splat(1), a) - 2 * (tay__blend(large, g, v) / (s * h + g));
    return (vec)((uvec)y | ((uvec)x & TAY__SIGN));
}

/*
 * sigmoid(-a) = t/(t + 1 + q), a >= 0, exp a = (1 + q)/t, t = 2^-n; sigmoid(a) = 1 - sigmoid(-a). The denominator's rounding
 * error is put right after the division. t is the product of two powers, so that subnormal results are rounded once.
 */
static inline vec tay__vsigmoid(vec x)
{
    vec q, q_lo, n_magic = tay__vexp_parts(&q, &q_lo, tay__min(tay__splat(-TAY__EXP_MIN), tay__vabs(x)));
    vec n = tay__min(n_magic, tay__splat(TAY__MAGIC + TAY__SHIFT_MAX));
    vec t = (vec)(TAY__BITS(1) - ((uvec)n << TAY__MANTISSA));
    vec shift = (vec)(TAY__BITS(1) - (((uvec)n_magic - (uvec)n) << TAY__MANTISSA));
    vec base = 1 + t, d = base + q, d_lo = ((base - d) + q) + (((1 - base) + t) + q_lo);
    vec inverse = 1 / d, y = (inverse - inverse * (inverse * d_lo)) * t * shift;
    vec one = tay__vcopysign(tay__splat((real)0.5), x) + (real)0.5;
    return one + (vec)((uvec)y ^ (~(uvec)x & TAY__SIGN));
}

/* An argument of sin, cos, tan: x = n pi/2 + r + r_lo. */
typedef struct tay__reduced {
    vec r, r_lo;
    uvec n;
} tay__reduced;

/* Reduces x[i] where it is not at most TAY__TRIG_MAX. */
static __attribute__((noinline, cold, unused)) void tay__vreduce_huge(tay__reduced *to, const vec *x)
{
    for (int i = 0; i < TAY__WIDTH; i++) {
        if ((*x)[i] <= TAY__TRIG_MAX) continue;
        double r = NAN, r_lo = 0;
        if ((*x)[i] <= TAY__LARGEST) to->n[i] = (natural)tay__reduce_huge(&r, &r_lo, (double)(*x)[i]);
        to->r[i] = (real)r;
        to->r_lo[i] = (real)((r - (double)to->r[i]) + r_lo);
    }
}

/* For x >= 0 or NaN. */
static inline tay__reduced tay__vreduce(vec x)
{
    tay__reduced reduced;
    reduced.n = tay__trig_reduce(&reduced.r, &reduced.r_lo, x);
    if (__builtin_expect(tay__any(~(x <= TAY__TRIG_MAX)), 0)) {
        tay__reduced huge = reduced; /* a copy, so that the usual case stays in registers */
        vec argument = x;
        tay__vreduce_huge(&huge, &argument);
        reduced = huge;
    }
    return reduced;
}

/* Sine and cosine of r + r_lo, |r| <= pi/4: the leading terms 1 - u/2 of the cosine without error. */
static inline void tay__vsincos_reduced(vec *sine, vec *cosine, vec r, vec r_lo)
{
    vec u = r * r, h = (real)0.5 * u, w = 1 - h;
    *sine = r + (r * u * tay__vpolynomial(u, tay__sin_terms, TAY__SIN_TERMS) + r_lo * w);
    *cosine = w + (((1 - w) - h) + (u * u * tay__vpolynomial(u, tay__cos_terms, TAY__COS_TERMS) - r * r_lo));
}

/* sin(a + n pi/2) of the sine and cosine of the reduced argument a */
static inline vec tay__vsin_quadrant(vec sine, vec cosine, uvec n)
{
    vec y = tay__blend((n & 1) != 0, cosine, sine);
    return (vec)((uvec)y ^ ((n & 2) << (TAY__SIGN_BIT - 1)));
}

/* sin(a + quadrant pi/2), a >= 0 */
static inline vec tay__vsin_shifted(vec a, natural quadrant)
{
    tay__reduced reduced = tay__vreduce(a);
    vec sine, cosine;
    tay__vsincos_reduced(&sine, &cosine, reduced.r, reduced.r_lo);
    return tay__vsin_quadrant(sine, cosine, reduced.n + quadrant);
}

static inline vec tay__vsin(vec x)
{
    return (vec)((uvec)tay__vsin_shifted(tay__vabs(x), 0) ^ ((uvec)x & TAY__SIGN));
}

static inline vec tay__vcos(vec x)
{
    return tay__vsin_shifted(tay__vabs(x), 1);
}

/* Both, of one reduction. */
static inline void tay__vsincos(vec *sine, vec *cosine, vec x)
{
    tay__reduced reduced = tay__vreduce(tay__vabs(x));
    vec s, c;
    tay__vsincos_reduced(&s, &c, reduced.r, reduced.r_lo);
    *sine = (vec)((uvec)tay__vsin_quadrant(s, c, reduced.n) ^ ((uvec)x & TAY__SIGN));
    *cosine = tay__vsin_quadrant(s, c, reduced.n + 1);
}

static inline vec tay__vtan(vec x)
{
    tay__reduced reduced = tay__vreduce(tay__vabs(x));
    vec sine, cosine;
    tay__vsincos_reduced(&sine, &cosine, reduced.r, reduced.r_lo);
    uvec odd = (reduced.n & 1) != 0;
    vec y = tay__blend(odd, cosine, sine) / tay__blend(odd, sine, cosine);
    return (vec)((uvec)y ^ ((odd ^ (uvec)x) & TAY__SIGN));
}

/* atan a = atan t, pi/4 + atan((a - 1)/(a + 1)) or pi/2 - atan(1/a), by the one that makes |t| <= 0.66, with one division. */
static inline vec tay__vatan(vec x)
{
    vec a = tay__vabs(x);
    uvec middle = a > (real)0.66, large = a > (real)2.41421356237309505;
    vec above = tay__blend(large, tay__splat(-1), a - 1), below = tay__blend(large, a, a + 1);
    vec t = tay__blend(middle, above, a) / tay__blend(middle, below, tay__splat(1)), u = t * t;
    vec quarters = tay__keep(middle, tay__splat(1)) + tay__keep(large, tay__splat(1));
    vec p = t * u * tay__vpolynomial(u, tay__atan_terms, TAY__ATAN_TERMS);
    vec y = quarters * TAY__PI_4 + (t + (p + quarters * TAY__PI_4_LO));
    return (vec)((uvec)y | ((uvec)x & TAY__SIGN));
}

#endif
