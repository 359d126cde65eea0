/*
 * Cycles (of the time stamp counter) an element of the vector functions, beside libm and, where there is one, libmvec, in
 * one run; best of many over 1000 elements in the cache. The last column is a whole call for 5 elements. AVX2 only:
 *
 *     cc -O2 -mavx2 -mfma -Iinclude -Isrc -o vmath benchmarks/vmath/vmath.c build/src/libtayra.a -lmvec -lm -pthread
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

#define MVEC(f) __m256d _ZGVdN4v_##f(__m256d)
MVEC(exp);
MVEC(expm1);
MVEC(log);
MVEC(log1p);
MVEC(sin);
MVEC(cos);
MVEC(tan);
MVEC(sinh);
MVEC(cosh);
MVEC(tanh);

static double libm_sigmoid(double x)
{
    return 1 / (1 + exp(-x));
}

static __m256d mvec_sigmoid(__m256d x)
{
    return 1 / (1 + _ZGVdN4v_exp(-x));
}

static const struct function_case {
    const char *name;
    tay_function function;
    double (*libm)(double);
    __m256d (*mvec)(__m256d);
    double lo, hi;
} cases[] = {
    {"tanh", TAY_TANH, tanh, _ZGVdN4v_tanh, -3, 3},
    {"sigmoid", TAY_SIGMOID, libm_sigmoid, mvec_sigmoid, -5, 5},
    {"exp", TAY_EXP, exp, _ZGVdN4v_exp, -10, 10},
    {"expm1", TAY_EXPM1, expm1, _ZGVdN4v_expm1, -3, 3},
    {"log", TAY_LOG, log, _ZGVdN4v_log, 0.1, 100},
    {"log1p", TAY_LOG1P, log1p, _ZGVdN4v_log1p, -0.9, 10},
    {"sin", TAY_SIN, sin, _ZGVdN4v_sin, -10, 10},
    {"cos", TAY_COS, cos, _ZGVdN4v_cos, -10, 10},
    {"tan", TAY_TAN, tan, _ZGVdN4v_tan, -10, 10},
    {"sinh", TAY_SINH, sinh, _ZGVdN4v_sinh, -3, 3},
    {"cosh", TAY_COSH, cosh, _ZGVdN4v_cosh, -3, 3},
};

static double x[N], y[N];
static float x32[N], y32[N];

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

static void run_mvec(__m256d (*f)(__m256d))
{
    for (int i = 0; i < N; i += 4) _mm256_storeu_pd(y + i, f(_mm256_loadu_pd(x + i)));
}

int main(void)
{
    const double *args[] = {x};
    const float *args32[] = {x32};
    printf("%-8s %8s %8s %8s %8s %8s %8s\n", "", "avx2", "sse2", "avx2 f32", "libm", "libmvec", "5 el.");
    for (size_t k = 0; k < sizeof cases / sizeof cases[0]; k++) {
        const struct function_case *c = &cases[k];
        for (int i = 0; i < N; i++) {
            x[i] = c->lo + (c->hi - c->lo) * (i * 7919 % N + 0.5) / N;
            x32[i] = (float)x[i];
        }
        double avx2 = BEST(tay__evaluate_avx2_f64[c->function](y, args, 1, N));
        double sse2 = BEST(tay__evaluate_baseline_f64[c->function](y, args, 1, N));
        double avx2_f32 = BEST(tay__evaluate_avx2_f32[c->function](y32, args32, 1, N));
        double libm = BEST(run_libm(c->libm)), mvec = BEST(run_mvec(c->mvec));
        double five = BEST(tay__evaluate_avx2_f64[c->function](y, args, 1, 5));
        printf("%-8s %8.2f %8.2f %8.2f %8.2f %8.2f %8.0f\n", c->name, avx2 / N, sse2 / N, avx2_f32 / N, libm / N, mvec / N, five);
    }
}
