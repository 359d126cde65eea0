/*
 * Constants of vmath.h for double. Minimax coefficients (lowest power first) by tools/minimax_vmath.py, which says what
 * they approximate; ln 2 and pi/2 split so that products of the parts with the integers that occur are exact
 * [CodyWaite1980].
 */
#ifndef TAY__VMATH_F64_H
#define TAY__VMATH_F64_H

#include "kernels/real.h"

enum { TAY__MANTISSA = 52, TAY__BIAS = 1023, TAY__SIGN_BIT = 63 };

#define TAY__MAGIC 0x1.8p52 /* adding it rounds to an integer, which then stands in the low bits */
#define TAY__EPSILON 0x1p-52
#define TAY__SMALLEST_NORMAL 0x1p-1022
#define TAY__LARGEST 0x1.fffffffffffffp1023
#define TAY__SUBNORMAL_SHIFT 54

#define TAY__LN2_HI 0x1.62e42fefa3800p-1 /* 42 bits */
#define TAY__LN2_LO 0x1.ef35793c76730p-45
#define TAY__EXP_MIN -746.0 /* exp is 0 below */
#define TAY__EXP_MAX 710.0  /* and infinite above */
#define TAY__SINH_MAX 710.6
#define TAY__TANH_MAX 20.0 /* tanh is 1 above */
#define TAY__SHIFT_MAX 1000.0 /* 2^-n is normal */
#define TAY__POW_MAX 0x1p64 /* x^y is 0, 1 or infinite for larger y */
#define TAY__TWO_THIRDS 0x1.5555555555555p-1
#define TAY__TWO_THIRDS_LO 0x1.5555555555555p-55
#define TAY__SPLIT_BITS 27 /* half of the digits, rounded up */

/* exp r = 1 + r + r^2 EXP(r), |r| <= ln2/2: error 2^-59.7 of expm1 */
static const real tay__exp_terms[] = {
    5.00000000000000000e-01, 1.66666666666666768e-01, 4.16666666666665117e-02, 8.33333333332162210e-03,
    1.38888888889588118e-03, 1.98412698861678594e-04, 2.48015871808647744e-05, 2.75572441484233994e-06,
    2.75573944553164592e-07, 2.51090647208624008e-08, 2.08781820017920473e-09,
};
enum { TAY__EXP_TERMS = 11 };

/* log((1 + s)/(1 - s)) = 2 s + s u LOG(u), u = s^2, |s| <= 3 - sqrt(8): error 2^-58.6 */
static const real tay__log_terms[] = {
    6.66666666666670960e-01, 3.99999999995188482e-01, 2.85714287295532610e-01, 2.22221990592890106e-01,
    1.81835733491659102e-01, 1.53131147403916451e-01, 1.48110439685013417e-01,
};
enum { TAY__LOG_TERMS = 7 };

/* ... = 2 s + s u (2/3 + u LOG_REST(u)): error 2^-69.2 */
static const real tay__log_rest_terms[] = {
    3.99999999999999967e-01, 2.85714285714329108e-01, 2.22222222203541125e-01, 1.81818185461501081e-01,
    1.53845774496298521e-01, 1.33355839287860850e-01, 1.16885809916137576e-01, 1.18831754370493148e-01,
};
enum { TAY__LOG_REST_TERMS = 8 };

/* sin r = r + r u SIN(u), cos r = 1 - u/2 + u^2 COS(u), u = r^2, |r| <= pi/4: errors 2^-56.3, 2^-60.9 */
static const real tay__sin_terms[] = {
    -1.66666666666666408e-01, 8.33333333332357540e-03,  -1.98412698300641998e-04,
    2.75573136217716476e-06,  -2.50507296351616118e-08, 1.58944161178854686e-10,
};
static const real tay__cos_terms[] = {
    4.16666666666666505e-02,  -1.38888888888827854e-03, 2.48015872945778295e-05,
    -2.75573157197921413e-07, 2.08758946504090183e-09,  -1.13677976408780933e-11,
};
enum { TAY__SIN_TERMS = 6, TAY__COS_TERMS = 6 };

/* atan t = t + t u ATAN(u), u = t^2, |t| <= 0.66: error 2^-56.5 */
static const real tay__atan_terms[] = {
    -3.33333333333332982e-01, 1.99999999999869393e-01, -1.42857142843593798e-01, 1.11111110448243747e-01,
    -9.09090723382350446e-02, 7.69227456796269249e-02, -6.66626536917531293e-02, 5.87891053932414684e-02,
    -5.24167516942249043e-02, 4.66269285237000952e-02, -4.00539118710758757e-02, 3.11211075720693245e-02,
    -1.96738501079457111e-02, 8.60547404669478183e-03, -1.88426247475490774e-03,
};
enum { TAY__ATAN_TERMS = 15 };
#define TAY__PI_4 0x1.921fb54442d18p-1
#define TAY__PI_4_LO 0x1.1a62633145c07p-55

/* tanh z = z - z u V(u)/B(u), u = z^2, |z| <= 0.75: error 2^-56.0 */
static const real tay__tanh_v[] = {4.58333333333332427e-01, 2.81726993293018695e-02, 2.73287984792357295e-04};
static const real tay__tanh_b[] = {1.37500000000000000e+00, 6.34518097987785579e-01, 3.20080555319984458e-02,
                                   2.83360836508700603e-04};
enum { TAY__TANH_V = 3, TAY__TANH_B = 4 };

/* Above this |x|, the trigonometric functions reduce by tay__reduce_huge. */
#define TAY__TRIG_MAX 0x1p20

/*
 * x = n pi/2 + (*r + *r_lo), |*r| a little over pi/4 at most; returns n (its lower bits matter). pi/2 in three parts of 33
 * bits and one of 53: n < 2^20 times a part is exact, so are the differences but for two, whose errors are kept. The
 * rest of pi/2 is below 2^-156: no double in this range is closer than 2^-62 to a multiple of pi/2 [Muller2016, 11.3].
 */
static inline uvec tay__trig_reduce(vec *r, vec *r_lo, vec x)
{
    vec t = x * 0x1.45f306dc9c883p-1 + TAY__MAGIC, n = t - TAY__MAGIC;
    vec a = x - n * 0x1.921fb54400000p+0;
    vec b = a - n * 0x1.0b4611a600000p-34, b_lo = (a - b) - n * 0x1.0b4611a600000p-34;
    vec c = b - n * 0x1.3198a2e000000p-69, c_lo = (b - c) - n * 0x1.3198a2e000000p-69;
    vec lo = (b_lo + c_lo) - n * 0x1.b839a252049c1p-104;
    *r = c + lo;
    *r_lo = (c - *r) + lo;
    return (uvec)t;
}

#endif
