/*
 * Constants of vmath.h for float; see vmath_f64.h.
 */
#ifndef TAY__VMATH_F32_H
#define TAY__VMATH_F32_H

#include "kernels/real.h"

enum { TAY__MANTISSA = 23, TAY__BIAS = 127, TAY__SIGN_BIT = 31 };

#define TAY__MAGIC 0x1.8p23f
#define TAY__EPSILON 0x1p-23f
#define TAY__SMALLEST_NORMAL 0x1p-126f
#define TAY__LARGEST 0x1.fffffep127f
#define TAY__SUBNORMAL_SHIFT 25

#define TAY__LN2_HI 0x1.62e4p-1f /* 16 bits */
#define TAY__LN2_LO 0x1.7f7d1cp-20f
#define TAY__EXP_MIN -104.0f
#define TAY__EXP_MAX 89.0f
#define TAY__SINH_MAX 89.5f
#define TAY__TANH_MAX 10.0f
#define TAY__SHIFT_MAX 100.0f
#define TAY__POW_MAX 0x1p32f
#define TAY__TWO_THIRDS 0x1.555556p-1f
#define TAY__TWO_THIRDS_LO -0x1.555556p-26f
#define TAY__SPLIT_BITS 12

/* Error 2^-25.8 of expm1. */
static const real tay__exp_terms[] = {4.999999702e-01f, 1.666654348e-01f, 4.166718200e-02f, 8.366568945e-03f,
                                      1.388422563e-03f};
enum { TAY__EXP_TERMS = 5 };

/* Error 2^-29.2. */
static const real tay__log_terms[] = {6.666677594e-01f, 3.997606039e-01f, 2.992605865e-01f};
enum { TAY__LOG_TERMS = 3 };

/* Error 2^-35.4. */
static const real tay__log_rest_terms[] = {4.000009298e-01f, 2.855181098e-01f, 2.333186567e-01f};
enum { TAY__LOG_REST_TERMS = 3 };

/* Errors 2^-26.8, 2^-29.9. */
static const real tay__sin_terms[] = {-1.666665524e-01f, 8.332096040e-03f, -1.950329315e-04f};
static const real tay__cos_terms[] = {4.166665301e-02f, -1.388764940e-03f, 2.446316648e-05f};
enum { TAY__SIN_TERMS = 3, TAY__COS_TERMS = 3 };

/* Error 2^-29.6. */
static const real tay__atan_terms[] = {
    -3.333332539e-01f, 1.999940723e-01f, -1.427215636e-01f, 1.096961498e-01f,
    -8.298669010e-02f, 5.135949701e-02f, -1.755883172e-02f,
};
enum { TAY__ATAN_TERMS = 7 };
#define TAY__PI_4 0x1.921fb6p-1f
#define TAY__PI_4_LO -0x1.777a5cp-26f

/* Error 2^-28.3. */
static const real tay__tanh_v[] = {4.583333433e-01f, 2.026648819e-02f};
static const real tay__tanh_b[] = {1.375000000e+00f, 6.107994318e-01f, 2.170101553e-02f};
enum { TAY__TANH_V = 2, TAY__TANH_B = 3 };

#define TAY__TRIG_MAX 0x1p20f

/*
 * x = n pi/2 + (*r + *r_lo), |*r| a little over pi/4 at most; returns n. In double: n < 2^20 times the first part of pi/2 (33
 * bits) is exact, the error is below 2^-66, and no float is closer than 2^-31 to a multiple of pi/2.
 */
static inline uvec tay__trig_reduce(vec *r, vec *r_lo, vec x)
{
    typedef double wide __attribute__((vector_size(2 * TAY__VECTOR_BYTES)));
    wide w = __builtin_convertvector(x, wide), n = w * 0x1.45f306dc9c883p-1 + 0x1.8p52 - 0x1.8p52;
    w = (w - n * 0x1.921fb54400000p+0) - n * 0x1.0b4611a626331p-34;
    *r = __builtin_convertvector(w, vec);
    *r_lo = __builtin_convertvector(w - __builtin_convertvector(*r, wide), vec);
    return (uvec)__builtin_convertvector(__builtin_convertvector(n, vec), ivec);
}

#endif
