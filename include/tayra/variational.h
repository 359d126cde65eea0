/*
 * Variational equations: how a solution depends on initial conditions, parameters and the initial time.
 *
 * Of a system dx_i/dt = f_i(x, p, t) with i < n, the derivatives of x_i(t) with respect to P arguments, of orders 1 to
 * `order`, are themselves variables of a larger system. It stands in this order: the n variables themselves, then order by
 * order, in each order component by component, in each component by multi-index: (1, 0), (0, 1); (2, 0), (1, 1), (0, 2).
 * So the first order is a row-major n x P matrix.
 *
 *     tay_expr *x, *a, *dx;
 *     tay_variational *v;
 *     tay_variational_options options = {.size = sizeof options, .which = TAY_VAR_PARAMS};
 *     double x0 = 1.0, par = -0.5, state[2];
 *     tay_expr_variable(&x, "x");
 *     tay_expr_parameter(&a, 0);
 *     tay_expr_mul(&dx, a, x);
 *     tay_variational_create(&v, (const tay_expr *const *)&x, (const tay_expr *const *)&dx, 1, &options);
 *     tay_variational_initial_values(state, v, &x0, &par, 1, 0.0);
 *     tay_variational_free(v);
 *     tay_expr_unref(dx); tay_expr_unref(a); tay_expr_unref(x);
 */
#ifndef TAYRA_VARIATIONAL_H
#define TAYRA_VARIATIONAL_H

#include "tayra/expr.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct tay_variational tay_variational;

/* Bits of tay_variational_options.which. The arguments come in this order. */
enum {
    TAY_VAR_VARS = 1,   /* the initial conditions of all variables, in the order of the system */
    TAY_VAR_PARAMS = 2, /* all parameters in the system, by index */
    TAY_VAR_TIME = 4,   /* the initial time */
    TAY_VAR_ALL = 7
};

typedef struct tay_variational_options {
    uint32_t size;  /* sizeof(tay_variational_options) */
    uint32_t order; /* the highest order of derivatives; 0: 1 */
    uint32_t which; /* bits TAY_VAR_...; 0 if args says which arguments there are */
    const tay_expr *const *args; /* [n_args] distinct: variables of the system (for their initial conditions), parameters, or
                                    time (for the initial time) */
    size_t n_args;
} tay_variational_options;

/*
 * The variational system of d vars[i] / dt = rhs[i], i < n. The variables must be distinct and hold all variables in rhs.
 * Errors: TAY_ERROR_ARGUMENT, TAY_ERROR_MEMORY, TAY_ERROR_LIMIT (too many derivatives).
 */
TAY_API tay_status tay_variational_create(tay_variational **out, const tay_expr *const *vars, const tay_expr *const *rhs,
                                          size_t n, const tay_variational_options *options);
/* Accepts NULL. */
TAY_API void tay_variational_free(tay_variational *v);

/* The number n of variables of the original system, and of all variables; the highest order. */
TAY_API size_t tay_variational_n_original(const tay_variational *v);
TAY_API size_t tay_variational_n_total(const tay_variational *v);
TAY_API uint32_t tay_variational_order(const tay_variational *v);

/* The variables and right-hand sides, [n_total]; the arguments, [n_args]. All belong to v. */
TAY_API const tay_expr *const *tay_variational_vars(const tay_variational *v);
TAY_API const tay_expr *const *tay_variational_rhs(const tay_variational *v);
TAY_API size_t tay_variational_n_args(const tay_variational *v);
TAY_API const tay_expr *const *tay_variational_args(const tay_variational *v);

/*
 * What the variables are at the initial time, [n_total], as expressions in the original variables, parameters and time: the
 * variables themselves; for the derivatives numbers 0 and 1, but with respect to the initial time -f_i and what follows.
 */
TAY_API const tay_expr *const *tay_variational_initial(const tay_variational *v);
/* Their values for the initial state[n], the parameters pars[n_pars] and the initial time: out[n_total]. */
TAY_API tay_status tay_variational_initial_values(double *out, const tay_variational *v, const double *state,
                                                  const double *pars, size_t n_pars, double time);

/* Variable i is the derivative of *component by these indices[n_args] (caller's array; may be NULL). False if i is too large. */
TAY_API bool tay_variational_multi_index(const tay_variational *v, size_t i, uint32_t *component, uint32_t *indices);
/* The derivatives of this order (0: the variables themselves) of one component are the variables from *begin to before
 * *end. False if there is no such order or component. */
TAY_API bool tay_variational_slice(const tay_variational *v, uint32_t order, size_t component, size_t *begin, size_t *end);

#ifdef __cplusplus
}
#endif

#endif
