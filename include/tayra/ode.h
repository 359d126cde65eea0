/*
 * The adaptive Taylor integrator: step, propagate, grid, dense output.
 *
 *     tay_expr *x, *dx;
 *     tay_ode *ode;
 *     double one = 1.0;
 *     tay_ode_result result;
 *     tay_expr_variable(&x, "x");
 *     tay_expr_neg(&dx, x);
 *     tay_ode_create(&ode, (const tay_expr *const *)&x, (const tay_expr *const *)&dx, 1, &one, NULL);
 *     tay_ode_propagate_until(&result, ode, 1.0, NULL);
 *     tay_ode_free(ode); tay_expr_unref(dx); tay_expr_unref(x);
 */
#ifndef TAYRA_ODE_H
#define TAYRA_ODE_H

#include "tayra/expr.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct tay_ode tay_ode;
typedef struct tay_continuous tay_continuous;

/* Why a step or a propagation ended. The values are not errors. */
typedef enum tay_outcome {
    TAY_OUTCOME_SUCCESS = 0,        /* a step of the size that the tolerance asks for */
    TAY_OUTCOME_TIME_LIMIT = 1,     /* the final time (or max_delta_t) was reached */
    TAY_OUTCOME_STEP_LIMIT = 2,     /* max_steps was reached */
    TAY_OUTCOME_CALLBACK_STOP = 3,  /* the callback asked to stop */
    TAY_OUTCOME_NONFINITE_STATE = 4 /* a step gave a state that is not finite; the integrator is at its last good state */
} tay_outcome;

/* The times of a propagate_grid. */
typedef struct tay_grid {
    const double *times; /* [n] */
    size_t n;
} tay_grid;

/* The name of an outcome, e.g. "time_limit"; "" if unknown. */
TAY_API const char *tay_outcome_name(tay_outcome outcome);

/* Called after each completed step of a propagation; false stops it. It may change the state, parameters and not the time. */
typedef bool (*tay_ode_callback)(tay_ode *ode, void *context);

typedef struct tay_ode_options {
    uint32_t size;     /* sizeof(tay_ode_options) */
    double tolerance;  /* 0: the machine's epsilon, 2^-52 */
    double time;       /* initial time */
    const double *pars; /* initial parameters [n_pars], copied; the rest are 0 */
    size_t n_pars;
    bool high_accuracy; /* compensated summation in the update of the state */
    size_t memory_limit; /* bytes of working memory; 0: no limit but the machine's */
} tay_ode_options;

typedef struct tay_propagate_options {
    uint32_t size;      /* sizeof(tay_propagate_options) */
    size_t max_steps;   /* 0: no limit */
    double max_delta_t; /* 0: no limit; the largest step, > 0 */
    tay_ode_callback callback; /* NULL: none */
    void *context;
    tay_continuous **continuous; /* not NULL: *continuous receives the continuous output (propagate_until and _for), which
                                    the caller frees, or NULL if no step was made */
} tay_propagate_options;

typedef struct tay_ode_result {
    tay_outcome outcome;
    double min_h, max_h; /* smallest and largest size of the steps made (not the last, shortened one); inf and 0 if none */
    size_t n_steps;
} tay_ode_result;

/*
 * An integrator of d vars[i] / dt = rhs[i], i < n. The variables must be distinct and hold all variables in rhs. state[n]
 * is copied. options may be NULL.
 */
TAY_API tay_status tay_ode_create(tay_ode **out, const tay_expr *const *vars, const tay_expr *const *rhs, size_t n,
                                  const double *state, const tay_ode_options *options);
/* An independent copy, with the same state, time, parameters and last step. */
TAY_API tay_status tay_ode_copy(tay_ode **out, const tay_ode *ode);
TAY_API void tay_ode_free(tay_ode *ode);

/* The state [dim] and the parameters [n_pars], to read and write; valid as long as the integrator. */
TAY_API double *tay_ode_state(tay_ode *ode);
TAY_API double *tay_ode_pars(tay_ode *ode);
TAY_API size_t tay_ode_dim(const tay_ode *ode);
TAY_API size_t tay_ode_n_pars(const tay_ode *ode);
TAY_API uint32_t tay_ode_order(const tay_ode *ode);
TAY_API double tay_ode_tolerance(const tay_ode *ode);
TAY_API bool tay_ode_high_accuracy(const tay_ode *ode);
/* Size of the last step; 0 before the first. */
TAY_API double tay_ode_last_h(const tay_ode *ode);
/* Equation i: borrowed expressions. */
TAY_API const tay_expr *tay_ode_variable(const tay_ode *ode, size_t i);
TAY_API const tay_expr *tay_ode_rhs(const tay_ode *ode, size_t i);

/* Time as hi + lo (hi alone is what most want). Setting refuses non-finite values. */
TAY_API double tay_ode_time(const tay_ode *ode, double *lo);
TAY_API tay_status tay_ode_set_time(tay_ode *ode, double hi, double lo);

/* The jet of the last step: coefficient k of component i is jet[k * (*stride) + i], k <= order; zeros before the first step. */
TAY_API const double *tay_ode_jet(const tay_ode *ode, size_t *stride);

/* One step forward, of the size that the tolerance asks for but at most |max_delta_t| (which may be infinite) in the
 * direction of its sign. *h receives the step made (0 if the state was not finite). */
TAY_API tay_status tay_ode_step(tay_outcome *outcome, double *h, tay_ode *ode, double max_delta_t);

/* Dense output: the state at time t (relative: t is counted from the beginning... of the current time) inside or near the
 * last step, out[dim]. */
TAY_API tay_status tay_ode_dense_output(double *out, tay_ode *ode, double t, bool relative);

/* Integrates to time t, or for a time delta_t. options may be NULL. A callback's stop is an outcome. */
TAY_API tay_status tay_ode_propagate_until(tay_ode_result *result, tay_ode *ode, double t,
                                           const tay_propagate_options *options);
TAY_API tay_status tay_ode_propagate_for(tay_ode_result *result, tay_ode *ode, double delta_t,
                                         const tay_propagate_options *options);
/*
 * The states at the n times of grid, monotonic, grid[0] being the current time: out[n][dim]. *n_rows receives the number
 * of rows written (fewer than n if the propagation ended early).
 */
TAY_API tay_status tay_ode_propagate_grid(tay_ode_result *result, double *out, size_t *n_rows, tay_ode *ode,
                                          const tay_grid *grid, const tay_propagate_options *options);

/* The primitives of the program, one line each, as (text) pairs for people: u_3 = ... ; free with tay_free. */
TAY_API tay_status tay_ode_dump(char **out, const tay_ode *ode);

/*
 * Continuous output: the jets of all the steps of a propagation. States at n times: out[n][dim]. Times outside the covered
 * interval are extrapolated by the first or last step.
 */
TAY_API tay_status tay_continuous_eval(double *out, const tay_continuous *c, const double *times, size_t n);
TAY_API void tay_continuous_bounds(const tay_continuous *c, double *begin, double *end);
TAY_API size_t tay_continuous_n_steps(const tay_continuous *c);
TAY_API tay_status tay_continuous_copy(tay_continuous **out, const tay_continuous *c);
TAY_API void tay_continuous_free(tay_continuous *c);

#ifdef __cplusplus
}
#endif

#endif
