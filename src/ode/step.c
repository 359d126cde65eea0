/*
 * One step: the jet of the states, the size of the step that the tolerance allows, the new state.
 *
 * Order and step size are those of [JZ2005] sections 3.1 and 3.2.1: the order K makes the work per unit of time least,
 * and the step keeps the last two terms of the series below the tolerance, relative to the largest state if over 1.
 */
#include <math.h>

#include "ode/integrator.h"

/* h = rho exp(-7 / (10 (K-1))) / e^2 with the radius of convergence rho. */
static double step_size(const tay_ode *ode)
{
    const tay__exec *exec = ode->system->exec;
    uint32_t k = ode->order;
    double size = tay__exec_max_norm(exec, tay__ode_plane(ode, 0), ode->dim);
    double last = tay__exec_max_norm(exec, tay__ode_plane(ode, k), ode->dim);
    double before = tay__exec_max_norm(exec, tay__ode_plane(ode, k - 1), ode->dim);
    return tay__exec_radius(size, before, last, k) * ode->safety;
}

/* Parameters are free to be written between steps, so what depends on them is computed again when they differ. */
static void prepare(tay_ode *ode)
{
    size_t size = ode->n_pars * sizeof(double);
    if (ode->prepared && (size == 0 || memcmp(ode->pars, ode->used_pars, size) == 0)) return;
    tay__exec_set_parameters(ode->system->exec, ode->workspace, ode->pars);
    if (size) memcpy(ode->used_pars, ode->pars, size);
    ode->prepared = true;
}

/* The step of the jet, at most |limit|; *h is 0 if the new state is not finite. */
static tay_outcome finish(double *h, tay_ode *ode, double limit)
{
    const tay__exec *exec = ode->system->exec;
    double step = copysign(step_size(ode), limit);
    bool limited = fabs(step) >= fabs(limit) && isfinite(limit);

    if (limited) step = limit;
    if (isfinite(step)) {
        tay__exec_polynomial(exec, ode->state, ode->dim, ode->workspace, ode->dim, &step, 1, ode->high_accuracy);
        if (isfinite(tay__exec_max_norm(exec, ode->state, ode->dim))) {
            ode->time = tay__time_add(ode->time, step);
            ode->last_h = *h = step;
            return limited ? TAY_OUTCOME_TIME_LIMIT : TAY_OUTCOME_SUCCESS;
        }
        memcpy(ode->state, tay__ode_plane(ode, 0), ode->dim * sizeof(double));
    }
    ode->last_h = *h = 0;
    return TAY_OUTCOME_NONFINITE_STATE;
}

tay_outcome tay__ode_advance(tay__advance *steps, tay_ode *ode)
{
    int32_t time_slot = tay__exec_program(ode->system->exec)->time_slot;
    double *first = tay__ode_plane(ode, 0);

    prepare(ode);
    /* One by one, as they were written just now: a copy by wider loads would wait until that has reached the cache. */
    for (size_t i = 0; i < ode->dim; i++) first[i] = *(const volatile double *)&ode->state[i];
    if (time_slot >= 0) first[time_slot] = ode->time.hi;
    steps->state = ode->state;
    steps->clock = time_slot >= 0 ? &first[time_slot] : NULL;
    steps->safety = ode->high_accuracy ? INFINITY : ode->safety; /* sums that compensate are not for code: it does no steps */
    tay__exec_advance(ode->system->exec, ode->workspace, steps);

    ode->time = steps->time;
    ode->last_h = steps->h;
    if (steps->done == steps->n) return TAY_OUTCOME_SUCCESS;
    tay_outcome outcome = finish(&steps->h, ode, steps->limit);
    if (steps->h != 0) steps->done++;
    if (outcome == TAY_OUTCOME_SUCCESS) {
        steps->min_h = fmin(steps->min_h, fabs(steps->h));
        steps->max_h = fmax(steps->max_h, fabs(steps->h));
    }
    return outcome;
}

tay_status tay_ode_step(tay_outcome *outcome, double *h, tay_ode *ode, double max_delta_t)
{
    if (isnan(max_delta_t)) return tay__error(TAY_ERROR_ARGUMENT, "max_delta_t: expected a number, got NaN");
    tay__advance step = {.limit = max_delta_t, .time = ode->time, .n = 1};
    tay_outcome result = tay__ode_advance(&step, ode);
    if (outcome) *outcome = result;
    if (h) *h = step.h;
    return TAY_OK;
}
