/*
 * The integrator's parts, private to src/ode: what a system of equations shares between its integrators, what one
 * integrator holds, and a propagation under way.
 */
#ifndef TAY__ODE_INTEGRATOR_H
#define TAY__ODE_INTEGRATOR_H

#include <stdatomic.h>

#include "exec/exec.h"
#include "tayra/ode.h"

/* The equations and their program, immutable: shared by an integrator and its copies. */
typedef struct tay__system {
    _Atomic size_t refs;
    size_t dim;
    tay_expr **vars, **rhs; /* [dim] references */
    tay__exec *exec;        /* one lane, double */
} tay__system;

/* The jet of the last step: coefficients 0 .. order of slots 0 .. dim-1 of the workspace. `state` is apart from it. */
struct tay_ode {
    tay__system *system;
    tay__workspace *workspace;
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
    tay_ode_result result;
} tay__propagation;

tay_status tay__propagation_begin(tay__propagation *p, tay_ode *ode, tay__time target,
                                  const tay_propagate_options *options);
void tay__propagation_step(tay__propagation *p);
tay_status tay__propagation_settle(tay__propagation *p);

/* Appends the last step, which began at `start`; *c is created if NULL. */
tay_status tay__continuous_record(tay_continuous **c, const tay_ode *ode, tay__time start);

#endif
