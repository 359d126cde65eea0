/*
 * Order 0 of functions and powers: values, element by element; and choices (relu, select, comparisons), which order 0
 * decides for all orders.
 */
#ifndef TAY__POINTWISE_H
#define TAY__POINTWISE_H

#include <math.h>

#include "kernels/functions.h"
#include "kernels/run.h"

/* More arguments than this only logical functions have; they take them in bunches. */
enum { TAY__ARGUMENTS = 16 };

/* y = f(a_0, a_1, ...) */
static void tay__function_0(const tay__run *run)
{
    const real *args[TAY__ARGUMENTS];
    uint32_t n = run->n_terms;

    if (n <= TAY__ARGUMENTS) {
        for (uint32_t k = 0; k < n; k++) args[k] = tay__operand_a(run, k);
        TAY__NAME(evaluate)[run->group->function](run->y, args, n, run->length);
        return;
    }
    bool all = run->group->function == TAY_LOGICAL_AND; /* else or */
    for (size_t i = 0; i < run->length; i++) {
        bool y = all;
        for (uint32_t k = 0; k < n; k++) {
            bool x = tay__operand_a(run, k)[i] != 0;
            y = all ? y && x : y || x;
        }
        run->y[i] = y;
    }
}

TAY__INLINE real tay__sqrt(real x)
{
    return sizeof x == sizeof(float) ? __builtin_sqrtf((float)x) : (real)__builtin_sqrt(x);
}

/* x^p for a constant p that square roots, products and quotients give to the last bit or two. */
TAY__INLINE void tay__power_special(const tay__run *run, const real *a, double p)
{
    for (size_t i = 0; i < run->length; i++) {
        real x = a[i], root = p == -1 || p == -2 ? 1 : tay__sqrt(x);
        real y = p == -2 ? x * x : p == -1 || p == 1.5 || p == -1.5 ? x * root : root;
        run->y[i] = p < 0 ? 1 / y : y;
    }
}

/* x^p by the array function, whose second argument is p in a short array. */
static void tay__power_any(const tay__run *run, const real *a)
{
    enum { CHUNK = 128 };
    real p[CHUNK];

    for (size_t i = 0; i < CHUNK; i++) p[i] = (real)run->group->exponent;
    for (size_t i = 0; i < run->length; i += CHUNK) {
        size_t n = run->length - i < CHUNK ? run->length - i : CHUNK;
        TAY__NAME(evaluate)[TAY_POW](run->y + i, (const real *const[]){a + i, p}, 2, n);
    }
}

static void tay__power_0(const tay__run *run)
{
    const real *a = tay__operand_a(run, 0);
    double p = run->group->exponent;

    if (p == -1)
        tay__power_special(run, a, -1);
    else if (p == -2)
        tay__power_special(run, a, -2);
    else if (p == 0.5)
        tay__power_special(run, a, 0.5);
    else if (p == -0.5)
        tay__power_special(run, a, -0.5);
    else if (p == 1.5)
        tay__power_special(run, a, 1.5);
    else if (p == -1.5)
        tay__power_special(run, a, -1.5);
    else
        tay__power_any(run, a);
}

static void tay__choice_n(const tay__run *run)
{
    size_t order = run->n * run->plane;
    real *y = tay__result(run, 0);
    const real *a = tay__operand_a(run, 0), *b = run->n_terms > 1 ? tay__operand_a(run, 1) : NULL;
    const real *c = run->n_terms > 2 ? tay__operand_a(run, 2) : NULL;

    if (run->group->function == TAY_RELU) {
        for (size_t i = 0; i < run->length; i++) y[i] = a[i] > 0 ? a[order + i] : b[i] * a[order + i];
    } else if (run->group->function == TAY_SELECT) {
        for (size_t i = 0; i < run->length; i++) y[i] = a[i] != 0 ? b[order + i] : c[order + i];
    } else { /* constant on each piece */
        for (size_t i = 0; i < run->length; i++) y[i] = 0;
    }
}

static void tay__choice(const void *p)
{
    const tay__run *run = p;
    if (run->n == 0)
        tay__function_0(run);
    else
        tay__choice_n(run);
}

#endif
