/*
 * The tables of functions of all instruction sets that this machine runs, called through double for either real type.
 */
#ifndef TAYRA_TESTS_ISAS_H
#define TAYRA_TESTS_ISAS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "expr/expr.h"

enum { MAX_ARGS = 3 };

typedef void function_f64(double *, const double *const *, size_t, size_t);
typedef void function_f32(float *, const float *const *, size_t, size_t);

#define TABLES(isa)                                                                                                    \
    extern function_f64 *const tay__evaluate_##isa##_f64[TAY_N_FUNCTIONS];                                             \
    extern function_f32 *const tay__evaluate_##isa##_f32[TAY_N_FUNCTIONS];
TABLES(baseline)
#ifdef __x86_64__
TABLES(avx2)
TABLES(avx512)
#endif

typedef struct isa {
    const char *name;
    function_f64 *const *f64;
    function_f32 *const *f32;
} isa;

static isa isas[3];
static int n_isas;

static void find_isas(void)
{
    isas[n_isas++] = (isa){"baseline", tay__evaluate_baseline_f64, tay__evaluate_baseline_f32};
#ifdef __x86_64__
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) {
        isas[n_isas++] = (isa){"avx2", tay__evaluate_avx2_f64, tay__evaluate_avx2_f32};
    }
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl")) {
        isas[n_isas++] = (isa){"avx512", tay__evaluate_avx512_f64, tay__evaluate_avx512_f32};
    }
#endif
}

/*
 * y = f(args) for either real type; y and args in double, which holds floats exactly. The function sees arrays of exactly
 * n elements on the heap, which start `offset` elements behind an aligned address.
 */
static void evaluate_at(const isa *set, bool is_float, tay_function f, double *y, const double *const *x, size_t n_args,
                        size_t n, size_t offset)
{
    size_t width = is_float ? sizeof(float) : sizeof(double), count = offset + n;
    void *copies[MAX_ARGS + 1];
    for (size_t k = 0; k <= n_args; k++) {
        copies[k] = malloc(count * width + 1);
        if (!copies[k]) abort();
        for (size_t i = 0; k > 0 && i < n; i++) {
            if (is_float) ((float *)copies[k])[offset + i] = (float)x[k - 1][i];
            else ((double *)copies[k])[offset + i] = x[k - 1][i];
        }
    }
    const void *args[MAX_ARGS] = {NULL};
    for (size_t k = 0; k < n_args; k++) args[k] = (char *)copies[k + 1] + offset * width;
    if (is_float) set->f32[f]((float *)copies[0] + offset, (const float *const *)(const void *)args, n_args, n);
    else set->f64[f]((double *)copies[0] + offset, (const double *const *)(const void *)args, n_args, n);
    for (size_t i = 0; i < n; i++) {
        y[i] = is_float ? (double)((float *)copies[0])[offset + i] : ((double *)copies[0])[offset + i];
    }
    for (size_t k = 0; k <= n_args; k++) free(copies[k]);
}

static uint64_t random_state;

/* splitmix64 */
static uint64_t random_bits(void)
{
    uint64_t z = (random_state += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

static double uniform(double lo, double hi)
{
    return lo + (hi - lo) * (double)(random_bits() >> 11) * 0x1p-53;
}

#endif
