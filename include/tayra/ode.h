/*
 * The adaptive Taylor integrator: step, propagate, grid, dense output, events.
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
    TAY_OUTCOME_NONFINITE_STATE = 4, /* a step gave a state that is not finite; the integrator is at its last good one */
    TAY_OUTCOME_EVENT = 5,           /* tay_ode_step only: at a terminal event, whose callback wants to go on */
    TAY_OUTCOME_EVENT_STOP = 6       /* at a terminal event (tay_ode_terminal_event), which stops the propagation */
} tay_outcome;

/* The times of a propagate_grid. */
typedef struct tay_grid {
    const double *times; /* [n] */
    size_t n;
} tay_grid;

/* The name of an outcome, e.g. "time_limit"; "" if unknown. */
TAY_API const char *tay_outcome_name(tay_outcome outcome);

/*
 * Called after each completed step of a propagation, the last one included; false stops it. It may read everything and
 * change the state and the parameters, but not the time (TAY_ERROR_STATE); it must not step, propagate or free the
 * integrator.
 */
typedef bool (*tay_ode_callback)(tay_ode *ode, void *context);

/*
 * Events are the times at which a function of the state, parameters and time crosses zero, found in its Taylor polynomial
 * along each step to the accuracy of doubles. A zero that is touched and not crossed is none, except at the very beginning. Where
 * a function is not finite it has none.
 *
 * Terminal events end the step at their time; the integrator is there when the callback is called, which says whether to go
 * on. No callback: it stops there. For its cooldown, a time in either direction, a terminal event cannot happen again.
 * Non-terminal events only call back, after the step in which they are, in the order of their times (those behind a
 * terminal event in the next one); dense output gives the state there. False stops the propagation after that step
 * (TAY_OUTCOME_CALLBACK_STOP).
 *
 * A callback may do what that of steps may.
 */
typedef enum tay_direction {
    TAY_DIRECTION_NEGATIVE = -1, /* only crossings where the function decreases with time */
    TAY_DIRECTION_ANY = 0,
    TAY_DIRECTION_POSITIVE = 1
} tay_direction;

typedef struct tay_hit {
    size_t event; /* its index */
    double time;
    int sign;     /* of the function's derivative with respect to time */
} tay_hit;

typedef bool (*tay_event_callback)(tay_ode *ode, const tay_hit *hit, void *context);

typedef struct tay_event {
    const tay_expr *function;
    tay_event_callback callback;
    tay_direction direction;
    bool terminal;
    double cooldown; /* terminal: 0: 10 times the time in which the function changes by its error; < 0: none; finite */
} tay_event;

typedef struct tay_ode_options {
    uint32_t size;     /* sizeof(tay_ode_options) */
    double tolerance;  /* 0: the machine's epsilon, 2^-52 */
    double time;       /* initial time */
    const double *pars; /* initial parameters [n_pars], copied; the rest are 0 */
    size_t n_pars;
    bool high_accuracy; /* compensated summation in the update of the state */
    size_t memory_limit; /* bytes the program and its working memory may take (TAY_ERROR_LIMIT); 0: no limit */
    tay_execution execution;
    const tay_event *events; /* [n_events], copied; their functions count in the size of steps as the variables do */
    size_t n_events;
    void *event_context; /* for their callbacks */
} tay_ode_options;

typedef struct tay_propagate_options {
    uint32_t size;      /* sizeof(tay_propagate_options) */
    size_t max_steps;   /* 0: no limit; those of size 0, to an event, count, too */
    double max_delta_t; /* 0: no limit; the largest step, > 0 */
    tay_ode_callback callback; /* NULL: none; after each step */
    bool seldom;        /* the callback need not see each step, only many times a second what small systems have done */
    void *context;      /* for the callback */
    tay_continuous **continuous; /* not NULL: *continuous receives the continuous output, which the caller frees, or
                                    NULL if no step was made; only propagate_until and _for */
} tay_propagate_options;

typedef struct tay_ode_result {
    tay_outcome outcome;
    double min_h, max_h; /* smallest and largest size of the steps made, without those that max_delta_t or the final
                            time shortened; inf and 0 if there are none */
    size_t n_steps;      /* those of size 0 (a propagation to the current time makes one) are not counted */
} tay_ode_result;

/*
 * An integrator of d vars[i] / dt = rhs[i], i < n, n > 0. The variables must be distinct and hold all variables in rhs.
 * state[n] is copied and must be finite. options may be NULL. The order is max(2, ceil(1 - ln(tolerance)/2)) [JZ2005].
 */
TAY_API tay_status tay_ode_create(tay_ode **out, const tay_expr *const *vars, const tay_expr *const *rhs, size_t n,
                                  const double *state, const tay_ode_options *options);
/* An independent copy, with the same state, time, parameters and last step; of events, too, with the same context. */
TAY_API tay_status tay_ode_copy(tay_ode **out, const tay_ode *ode);
TAY_API void tay_ode_free(tay_ode *ode);

/* The state [dim] and the parameters [n_pars], to read and write; valid as long as the integrator. */
TAY_API double *tay_ode_state(tay_ode *ode);
TAY_API double *tay_ode_pars(tay_ode *ode);
TAY_API size_t tay_ode_dim(const tay_ode *ode);
TAY_API size_t tay_ode_n_pars(const tay_ode *ode);
TAY_API uint32_t tay_ode_order(const tay_ode *ode);
TAY_API double tay_ode_tolerance(const tay_ode *ode);
/* Who runs it: TAY_EXECUTION_VM, also where machine code was wanted but could not be made; or TAY_EXECUTION_JIT. */
TAY_API tay_execution tay_ode_execution(const tay_ode *ode);
TAY_API bool tay_ode_high_accuracy(const tay_ode *ode);
/* Size of the last step; 0 before the first, and after one that gave a state that was not finite. */
TAY_API double tay_ode_last_h(const tay_ode *ode);
/* Equation i: borrowed expressions. */
TAY_API const tay_expr *tay_ode_variable(const tay_ode *ode, size_t i);
TAY_API const tay_expr *tay_ode_rhs(const tay_ode *ode, size_t i);

/* Time as hi + lo (hi alone is what most want; lo may be NULL). Setting refuses non-finite values and |lo| > |hi|. */
TAY_API double tay_ode_time(const tay_ode *ode, double *lo);
TAY_API tay_status tay_ode_set_time(tay_ode *ode, double hi, double lo);

/*
 * The jet of the last step, about its beginning: coefficient k of component i is jet[k * (*stride) + i], k <= order;
 * zeros before the first step. Valid as long as the integrator, overwritten by the next step.
 */
TAY_API const double *tay_ode_jet(const tay_ode *ode, size_t *stride);

/*
 * One step, of the size that the tolerance asks for but at most |max_delta_t| (which may be infinite) in the direction
 * of its sign. *h receives the step made. A state or step that is not finite is an outcome: *h is 0, the state and time
 * stay. That is also so for solutions that are polynomials and have no limit to their step, if max_delta_t sets none.
 */
TAY_API tay_status tay_ode_step(tay_outcome *outcome, double *h, tay_ode *ode, double max_delta_t);

/*
 * Dense output: the state at time t, out[dim], from the jet of the last step: accurate inside that step. relative: t
 * counts from the current time (the end of the step), so that 0 gives the state and -last_h its beginning. Zeros before
 * the first step. t must be finite; out must not be the integrator's state.
 */
TAY_API tay_status tay_ode_dense_output(double *out, tay_ode *ode, double t, bool relative);

/*
 * Integrates to time t, or for a time delta_t, forward or backward. result and options may be NULL. At the end the
 * outcome is TAY_OUTCOME_TIME_LIMIT. If the call fails, the integrator is at its last completed step.
 */
TAY_API tay_status tay_ode_propagate_until(tay_ode_result *result, tay_ode *ode, double t,
                                           const tay_propagate_options *options);
TAY_API tay_status tay_ode_propagate_for(tay_ode_result *result, tay_ode *ode, double delta_t,
                                         const tay_propagate_options *options);
/*
 * The states at the n > 0 times of grid, strictly increasing or decreasing, grid[0] being the current time:
 * out[n][dim]. *n_rows receives the number of rows written: fewer than n if the propagation ended early, 0 if its first
 * step failed. A row is written before the callback of its step. The integrator ends at the last time. result, n_rows
 * and options may be NULL. out must not overlap with the times. If the call fails after some steps (because of the callback),
 * rows may have been written.
 */
TAY_API tay_status tay_ode_propagate_grid(tay_ode_result *result, double *out, size_t *n_rows, tay_ode *ode,
                                          const tay_grid *grid, const tay_propagate_options *options);

/* The program, its groups and their loops as text for people; free with tay_free. */
TAY_API tay_status tay_ode_dump(char **out, const tay_ode *ode);

/* The events: their number; event i, with a borrowed function, or NULL; another context for the callbacks of this integrator. */
TAY_API size_t tay_ode_n_events(const tay_ode *ode);
TAY_API const tay_event *tay_ode_event(const tay_ode *ode, size_t i);
TAY_API void tay_ode_set_event_context(tay_ode *ode, void *context);
/* The terminal event at which the last step ended, or SIZE_MAX. */
TAY_API size_t tay_ode_terminal_event(const tay_ode *ode);
/* Whether terminal event i cannot happen for now: then the time since it did, negative if that is ahead, and its cooldown. */
TAY_API bool tay_ode_cooldown(double *elapsed, double *total, const tay_ode *ode, size_t i);
/* Sets the cooldown of terminal event i: both finite; total < 0: none. */
TAY_API tay_status tay_ode_set_cooldown(tay_ode *ode, size_t i, double elapsed, double total);
/* Ends all cooldowns, as is wanted when the state has been changed by hand. */
TAY_API void tay_ode_reset_cooldowns(tay_ode *ode);

/*
 * Continuous output: the jets of all the steps of a propagation. States at n finite times: out[n][dim]. Times outside
 * the covered interval are extrapolated by the first or last step. out must not overlap with times.
 */
TAY_API tay_status tay_continuous_eval(double *out, const tay_continuous *c, const double *times, size_t n);
/* The first and last time, in the direction of the propagation. */
TAY_API void tay_continuous_bounds(const tay_continuous *c, double *begin, double *end);
TAY_API size_t tay_continuous_n_steps(const tay_continuous *c);
TAY_API size_t tay_continuous_dim(const tay_continuous *c);
TAY_API uint32_t tay_continuous_order(const tay_continuous *c);
/* The beginnings of the steps and the end of the last one: out[n_steps + 1]. */
TAY_API void tay_continuous_times(double *out, const tay_continuous *c);
/* The jet of one step, [order + 1][dim], valid as long as c; NULL if there is no such step. */
TAY_API const double *tay_continuous_jet(const tay_continuous *c, size_t step);
TAY_API tay_status tay_continuous_copy(tay_continuous **out, const tay_continuous *c);
TAY_API void tay_continuous_free(tay_continuous *c);

#ifdef __cplusplus
}
#endif

#endif
