/*
 * Derivatives by central differences of the values of expressions, as an independent oracle, and random expressions to
 * differentiate. For tests only; needs src/expr.
 */
#ifndef TAYRA_TESTS_NUMERIC_H
#define TAYRA_TESTS_NUMERIC_H

#include <math.h>
#include <stdlib.h>

#include "expr/expr.h"
#include "support/check.h"

/* f'(0) of f(h), of order 8: the truncation is about h^8, the rounding 1e-16 / h. */
static inline double central_difference(double (*f)(double h, void *context), void *context)
{
    static const double weights[] = {4.0 / 5, -1.0 / 5, 4.0 / 105, -1.0 / 280};
    const double h = 1.0 / 512;
    double sum = 0.0;
    for (int k = 1; k <= 4; k++) sum += weights[k - 1] * (f(k * h, context) - f(-k * h, context));
    return sum / h;
}

static inline double value_at(const tay_expr *e, const tay__point *point)
{
    double value;
    assert_ok(tay__expr_evaluate(&value, &e, 1, point));
    return value;
}

/* A number in [a, b] from a seed that moves on. */
static inline double random_between(uint64_t *seed, double a, double b)
{
    *seed = tay__mix(*seed, 1);
    return a + (b - a) * (double)(*seed >> 11) * 0x1p-53;
}

static inline size_t random_below(uint64_t *seed, size_t n)
{
    *seed = tay__mix(*seed, 1);
    return (size_t)(*seed >> 8) % n;
}

/* A node of up to four of the n nodes in `pool`: sums, products, smooth functions without poles. */
static inline tay_expr *random_node(uint64_t *seed, tay_expr *const *pool, size_t n)
{
    static const tay_function functions[] = {TAY_SIN, TAY_COS, TAY_TANH, TAY_ATAN, TAY_ERF, TAY_SIGMOID, TAY_ASINH};
    const tay_expr *args[4];
    tay_expr *e, *bounded;
    size_t n_args = 1 + random_below(seed, 4);
    for (size_t k = 0; k < n_args; k++) args[k] = pool[random_below(seed, n)];
    switch (random_below(seed, 4)) {
    case 0: assert_ok(tay_expr_sum(&e, args, n_args)); break;
    case 1: assert_ok(tay_expr_prod(&e, args, n_args)); break;
    case 2: assert_ok(tay_expr_function(&e, functions[random_below(seed, 7)], args, 1)); break;
    default:
        assert_ok(tay_expr_function(&bounded, TAY_SIN, args, 1));
        assert_ok(tay_expr_function(&e, TAY_EXP, (const tay_expr *const *)&bounded, 1));
        tay_expr_unref(bounded);
    }
    return e;
}

#endif
