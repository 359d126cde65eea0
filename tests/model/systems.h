/*
 * What the tests of systems with an energy share. For tests only; needs src/expr.
 */
#ifndef TAYRA_TESTS_MODEL_SYSTEMS_H
#define TAYRA_TESTS_MODEL_SYSTEMS_H

#include "expr/numeric.h"
#include "support/failing_alloc.h"
#include "support/rpn.h"
#include "tayra/model.h"

enum { MAX_STATES = 30 };

static inline void assert_near(double value, double expected, const char *what, size_t i)
{
    if (!(fabs(value - expected) <= 1e-13 * (1 + fabs(expected))))
        fail_msg("%s %zu: %.17g instead of %.17g", what, i, value, expected);
}

/* Energy changes as its gradient times the right-hand sides: by nothing, also symbolically at any point. */
static inline void assert_conserved(const tay_expr *energy, tay_expr *const *vars, const double *rates, size_t n,
                             const tay__point *point)
{
    tay_expr *gradient[MAX_STATES];
    double sum = 0, scale = 0;
    assert_true(n <= MAX_STATES);
    assert_ok(tay_expr_jacobian(gradient, &energy, 1, (const tay_expr *const *)vars, n));
    for (size_t i = 0; i < n; i++) {
        double term = value_at(gradient[i], point) * rates[i];
        sum += term;
        scale += fabs(term);
    }
    assert_true(scale == 0 || fabs(sum) < 1e-13 * scale);
    release(gradient, n);
}

/* The end of a scenario in which equations, then their energy, were made with these results: of what failed, the outputs must
 * be untouched. */
static inline tay_status finish_scenario(tay_status equations, tay_status energy, tay_expr **vars, tay_expr **rhs, size_t n,
                                         tay_expr *const *e)
{
    bool touched = (equations != TAY_OK && (vars[0] || rhs[0])) || (energy != TAY_OK && *e);
    release(vars, n);
    release(rhs, n);
    tay_expr_unref(*e);
    return touched ? TAY_ERROR_STATE : energy;
}

#endif
