/*
 * Systems of equations for the tests of this area, which use all primitives, and their programs.
 */
#ifndef TAY__TEST_EQUATIONS_H
#define TAY__TEST_EQUATIONS_H

#include <stdio.h>

#include "exec/exec.h"
#include "support/check.h"
#include "support/rpn.h"

enum { MAX_STATES = 8 };

/* A system x' = rhs, as text: variables x0, x1, ... */
typedef struct equations {
    const char *rhs[MAX_STATES];
} equations;

static const equations systems[] = {
    {{"x1", "x0 sin neg"}},
    {{"x0 x1 * p0 x0 * -", "x0 2 ** t + p1 *", "p2 x2 * t cos +"}},
    {{"x1 x2 / x0 tanh +", "x0 x1 + exp -0.1 *", "x2 0.3 ** x1 x0 atan2 - p0 p1 * +"}},
    {{"x3", "x4", "x5", "x0 x0 2 ** x1 2 ** + x2 2 ** + -1.5 ** * neg", "x1 x0 2 ** x1 2 ** + x2 2 ** + -1.5 ** * neg",
      "x2 x0 2 ** x1 2 ** + x2 2 ** + -1.5 ** * neg"}},
    {{"x0 0.1 relu x1 sigmoid +", "x0 x1 lt x0 x1 * x1 select", "1", "t t * p1 *"}},
    {{"x0 erf x1 asinh * x2 -", "x0 x1 ** x2 cosh 0.1 * +", "x0 2.5 + log x1 *"}},
};

enum { N_SYSTEMS = sizeof systems / sizeof *systems };

static const double states[MAX_STATES] = {0.75, 0.5, 1.25, -0.25, 0.375, 0.875};

static inline tay__program *make_program(const equations *e, bool jets, bool reversible)
{
    tay_expr *vars[MAX_STATES], *rhs[MAX_STATES];
    tay__program *program;
    size_t n = 0;
    char name[8];

    for (; n < MAX_STATES && e->rhs[n]; n++) {
        snprintf(name, sizeof name, "x%zu", n);
        vars[n] = rpn(name);
        rhs[n] = rpn(e->rhs[n]);
    }
    assert_ok(tay__program_create(&program, &(tay__program_spec){.inputs = (const tay_expr *const *)vars, .n_inputs = n,
                                                                 .outputs = (const tay_expr *const *)rhs, .n_outputs = n,
                                                                 .jets = jets, .reversible = reversible}));
    assert_ok(tay__program_verify(program));
    for (size_t i = 0; i < n; i++) {
        tay_expr_unref(vars[i]);
        tay_expr_unref(rhs[i]);
    }
    return program;
}

#endif
