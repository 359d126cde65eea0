/*
 * Cycles (of the time stamp counter) an element of the vector functions, beside libm, libmvec and SLEEF (its functions within
 * 1 unit), in one run; best of many over 1000 elements in the cache. The last column is a whole call for 5 elements. AVX2 only:
 *
 *     cc -O2 -mavx2 -mfma -Iinclude -Isrc -o vmath benchmarks/vmath/vmath.c build/c/src/libtayra.a -lsleef -lmvec -lm \
 *         -ldl -pthread
 */
#include <immintrin.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>

#include "tayra/expr.h"

enum { N = 1000, REPEATS = 2000 };

typedef void function_f64(double *, const double *const *, size_t, size_t);
typedef void function_f32(float *, const float *const *, size_t, size_t);
extern function_f64 *const tay__evaluate_avx2_f64[], *const tay__evaluate_baseline_f64[];
extern function_f32 *const tay__evaluate_avx2_f32[];

#define PEERS(f)                                                                                                       \
    __m256d _ZGVdN4v_##f(__m256d);                                                                                     \
    __m256d Sleef_##f##d4_u10avx2(__m256d);
PEERS(exp)
PEERS(expm1)
PEERS(log)
PEERS(log1p)
PEERS(sin)
PEERS(cos)
PEERS(tan)
PEERS(sinh)
PEERS(cosh)
PEERS(tanh)
PEERS(atan)
__m256d _ZGVdN4vv_pow(__m256d, __m256d), Sleef_powd4_u10avx2(__m256d, __m256d);

static double libm_sigmoid(double x)
{
    return 1 / (1 + exp(-x));
}

static __m256d mvec_sigmoid(__m256d x)
{
    return 1 / (1 + _ZGVdN4v_exp(-x));
}

static __m256d sleef_sigmoid(__m256d x)
{
    return 1 / (1 + Sleef_expd4_u10avx2(-x));
}

/* x^EXPONENT; a variable, lest a compiler knows it. */
static volatile double exponent = -1.25;

static double libm_pow(double x)
{
    return pow(x, exponent);
}

static __m256d mvec_pow(__m256d x)
{
    return _ZGVdN4vv_pow(x, _mm256_set1_pd(exponent));
}

static __m256d sleef_pow(__m256d x)
{
    return Sleef_powd4_u10avx2(x, _mm256_set1_pd(exponent));
}

static const struct function_case {
    const char *name;
    tay_function function;
    double lo, hi;
    double (*libm)(double);
    __m256d (*mvec)(__m256d), (*sleef)(__m256d);
} cases[] = {
#define CASE(name, function, lo, hi) {#name, function, lo, hi, name, _ZGVdN4v_##name, Sleef_##name##d4_u10avx2}
    CASE(tanh, TAY_TANH, -3, 3),
    {"sigmoid", TAY_SIGMOID, -5, 5, libm_sigmoid, mvec_sigmoid, sleef_sigmoid},
    CASE(exp, TAY_EXP, -10, 10),
    CASE(expm1, TAY_EXPM1, -3, 3),
    CASE(log, TAY_LOG, 0.1, 100),
    CASE(log1p, TAY_LOG1P, -0.9, 10),
    CASE(sin, TAY_SIN, -10, 10),
    CASE(cos, TAY_COS, -10, 10),
    CASE(tan, TAY_TAN, -10, 10),
    CASE(sinh, TAY_SINH, -3, 3),
    CASE(cosh, TAY_COSH, -3, 3),
    CASE(atan, TAY_ATAN, -5, 5),
    {"pow", TAY_POW, 0.1, 100, libm_pow, mvec_pow, sleef_pow},
};

static double x[N], y[N], second[N];
static float x32[N], y32[N], second32[N];

/* The smallest number of cycles that `call` took. */
#define BEST(call)                                                                                                     \
    ({                                                                                                                 \
        uint64_t best = UINT64_MAX;                                                                                    \
        for (int repeat = 0; repeat < REPEATS; repeat++) {                                                             \
            uint64_t begin = __rdtsc();                                                                                \
            call;                                                                                                      \
            uint64_t cycles = __rdtsc() - begin;                                                                       \
            best = cycles < best ? cycles : best;                                                                      \
        }                                                                                                              \
        (double)best;                                                                                                  \
    })

static void run_libm(double (*f)(double))
{
    for (int i = 0; i < N; i++) y[i] = f(x[i]);
}

static void run_vectors(__m256d (*f)(__m256d))
{
    for (int i = 0; i < N; i += 4) _mm256_storeu_pd(y + i, f(_mm256_loadu_pd(x + i)));
}

int main(void)
{
    const double *args[] = {x, second};
    const float *args32[] = {x32, second32};
    printf("%-8s %8s %8s %8s %8s %8s %8s %8s\n", "", "avx2", "sse2", "avx2 f32", "libm", "libmvec", "SLEEF", "5 el.");
    for (int i = 0; i < N; i++) second[i] = second32[i] = (float)exponent;
    for (size_t k = 0; k < sizeof cases / sizeof cases[0]; k++) {
        const struct function_case *c = &cases[k];
        for (int i = 0; i < N; i++) {
            x[i] = c->lo + (c->hi - c->lo) * (i * 7919 % N + 0.5) / N;
            x32[i] = (float)x[i];
        }
        double avx2 = BEST(tay__evaluate_avx2_f64[c->function](y, args, 1, N));
        double sse2 = BEST(tay__evaluate_baseline_f64[c->function](y, args, 1, N));
        double avx2_f32 = BEST(tay__evaluate_avx2_f32[c->function](y32, args32, 1, N));
        double libm = BEST(run_libm(c->libm)), mvec = BEST(run_vectors(c->mvec)), sleef = BEST(run_vectors(c->sleef));
        double five = BEST(tay__evaluate_avx2_f64[c->function](y, args, 1, 5));
        printf("%-8s %8.2f %8.2f %8.2f %8.2f %8.2f %8.2f %8.0f\n", c->name, avx2 / N, sse2 / N, avx2_f32 / N, libm / N, mvec / N,
               sleef / N, five);
    }
}
