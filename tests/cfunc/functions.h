/*
 * Compiled functions of texts, for the tests of this area.
 */
#ifndef TAY__TEST_FUNCTIONS_H
#define TAY__TEST_FUNCTIONS_H

#include "support/check.h"
#include "support/rpn.h"
#include "tayra/cfunc.h"

enum { MAX_ROWS = 4 };

static inline tay_status try_compile(tay_cfunc **out, const char *const *fn, const char *const *vars,
                              const tay_cfunc_options *options)
{
    tay_expr *e[MAX_ROWS] = {0}, *v[MAX_ROWS] = {0};
    size_t n = 0, n_vars = 0;
    tay_status status = TAY_OK;
    for (; fn[n] && status == TAY_OK; n++) status = rpn_try(&e[n], fn[n]);
    for (; vars[n_vars] && status == TAY_OK; n_vars++) status = rpn_try(&v[n_vars], vars[n_vars]);
    if (status == TAY_OK) {
        status = tay_cfunc_create(out, (const tay_expr *const *)e, n, (const tay_expr *const *)v, n_vars, options);
    }
    for (size_t i = 0; i < n; i++) tay_expr_unref(e[i]);
    for (size_t i = 0; i < n_vars; i++) tay_expr_unref(v[i]);
    return status;
}

static inline tay_cfunc *compile(const char *const *fn, const char *const *vars, tay_real real)
{
    tay_cfunc *f;
    assert_ok(try_compile(&f, fn, vars, &(tay_cfunc_options){.size = sizeof(tay_cfunc_options), .real = real}));
    return f;
}

static inline tay_cfunc_arguments points(size_t n)
{
    return (tay_cfunc_arguments){.size = sizeof(tay_cfunc_arguments), .n_points = n};
}

#endif
