/*
 * The integrator's parts, private to src/ode: what a system of equations shares between its integrators, what one
 * integrator holds, and a propagation under way.
 */
#ifndef TAY__ODE_INTEGRATOR_H
#define TAY__ODE_INTEGRATOR_H

#include <stdatomic.h>

#include "exec/exec.h"
#include "tayra/ode.h"

/* Events and the program of their functions, whose inputs are variables of the system. */
typedef struct tay__events {
    size_t n, n_inputs;
    tay_event *events; /* [n] with references */
    uint32_t *inputs;  /* [n_inputs] which variables */
    tay__exec *exec;   /* of the functions' jets */
} tay__events;

/* The equations and their program, immutable: shared by an integrator and its copies. */
typedef struct tay__system {
    _Atomic size_t refs;
    size_t dim;
    tay_expr **vars, **rhs; /* [dim] references */
    tay__exec *exec;        /* one lane, double */
    tay__events *events;    /* or NULL */
} tay__system;

/* What an integrator with events knows of them (watch.c). */
typedef struct tay__watch tay__watch;

/* The jet of the last step: coefficients 0 .. order of slots 0 .. dim-1 of the workspace. `state` is apart from it. */
struct tay_ode {
    tay__system *system;
    tay__workspace *workspace;
    tay__watch *watch; /* NULL without events */
    double *state, *pars;
    double *used_pars; /* those the workspace was set up for, once `prepared` */
    bool prepared;
    size_t dim, n_pars;
    uint32_t order;
    double safety; /* of a step: exp(-7 / (10 (order-1))) / e^2 */
    double tolerance;
    bool high_accuracy;
    tay__time time;
    double last_h;
};

/* Coefficient k of the states of the last step. */
static inline double *tay__ode_plane(const tay_ode *ode, uint32_t k)
{
    return (double *)ode->workspace->jet + (size_t)k * ode->workspace->plane;
}

/* The second, if one of them is NaN. */
static inline double tay__larger(double a, double b)
{
    return a > b ? a : b;
}

/* Increasing or decreasing times at which states are wanted, none of them behind the last step's end, which is one of them. */
typedef struct tay__rows {
    const double *times;
    double *out; /* [number of times][dim] */
    size_t row;  /* the next one */
} tay__rows;

/*
 * A step, at most |steps->limit| in its direction, or up to steps->n where code does them. No arguments are checked. steps->h is
 * 0 if the new state was not finite; else the rows up to its end are written, if any (NULL: none; then steps->n is 1), all in one
 * pass over the jet. The outcome is that of the last step.
 */
tay_outcome tay__ode_advance(tay__advance *steps, tay_ode *ode, tay__rows *rows);

/*
 * A propagation to the time `target`: begin, then step (which advances once) and settle (callback and limits) for as
 * long as result.outcome is TAY_OUTCOME_SUCCESS. What is done with a step's jet stands between the two.
 */
typedef struct tay__propagation {
    tay_ode *ode;
    tay_propagate_options options;
    tay__time start, target; /* start: of the last step */
    bool arrived;
    tay__rows *rows; /* or NULL */
    size_t n_made;   /* steps, with those of size 0 */
    tay_ode_result result;
} tay__propagation;

tay_status tay__propagation_begin(tay__propagation *p, tay_ode *ode, tay__time target,
                                  const tay_propagate_options *options);
void tay__propagation_step(tay__propagation *p);
tay_status tay__propagation_settle(tay__propagation *p);

/* Of options: checks them before all work; *events stays NULL if there are none. */
tay_status tay__events_check(const tay_ode_options *options);
tay_status tay__events_create(tay__events **out, const tay_expr *const *vars, size_t n, const tay_ode_options *options,
                              uint32_t order);
void tay__events_free(tay__events *events);
/* The parts of ode_alloc and tay_ode_copy; ode->watch is freed by tay__watch_free. */
tay_status tay__watch_create(tay__watch **out, const tay__events *events);
void tay__watch_copy(tay_ode *ode, const tay_ode *from);
void tay__watch_free(tay__watch *watch);
/* Those of the integrator; changed: since the last step. */
void tay__watch_set_parameters(tay_ode *ode, bool changed);
/* The jets of the functions, along that of the step; then the largest absolute value of their coefficients k that are finite. */
void tay__watch_expand(tay_ode *ode);
double tay__watch_norm(const tay_ode *ode, uint32_t k);
/* Finds the events in a step *h, which ends at the first terminal one; size: the largest coefficient 0 of the states and
 * functions. Whether there is such an event. The step is made after that, or fails (tay__watch_forget). */
bool tay__watch_find(double *h, tay_ode *ode, double size);
void tay__watch_forget(tay_ode *ode);
/* Calls back for the step that was made. *outcome becomes TAY_OUTCOME_EVENT, _EVENT_STOP or _CALLBACK_STOP, or stays. */
tay_status tay__watch_call(tay_outcome *outcome, tay_ode *ode);
/* TAY_ERROR_STATE if a callback, of what is named, has changed the time from `before`, which is set again. */
tay_status tay__check_time(tay_ode *ode, tay__time before, const char *name);

/* Appends the last step, which began at `start`; *c is created if NULL. */
tay_status tay__continuous_record(tay_continuous **c, const tay_ode *ode, tay__time start);

#endif
