/*
 * One step: the jet of the states, the size of the step that the tolerance allows, the new state.
 *
 * Order and step size are those of [JZ2005] sections 3.1 and 3.2.1: the order K makes the work per unit of time least,
 * and the step keeps the last two terms of the series below the tolerance, relative to the largest state if over 1.
 */
#include <math.h>

#include "ode/integrator.h"

static double states_norm(const tay_ode *ode, uint32_t k)
{
    return tay__exec_max_norm(ode->system->exec, tay__ode_plane(ode, k), ode->dim);
}

/*
 * h = rho exp(-7 / (10 (K-1))) / e^2 with the radius of convergence rho of the states and the functions of events; *size: the
 * largest coefficient 0. Towards a point where the radius of a function is 0, steps would become so small that the state no
 * longer moves: they go over it by a part of what the states allow, or the limit.
 */
static double step_size(double *size, const tay_ode *ode, double limit)
{
    uint32_t k = ode->order;
    double first = states_norm(ode, 0), before = states_norm(ode, k - 1), last = states_norm(ode, k), h;

    *size = first;
    if (!ode->watch) return tay__exec_radius(first, before, last, k) * ode->safety;
    *size = tay__larger(tay__watch_norm(ode, 0), first);
    double event_before = tay__watch_norm(ode, k - 1), event_last = tay__watch_norm(ode, k);
    h = tay__exec_radius(*size, tay__larger(event_before, before), tay__larger(event_last, last), k) * ode->safety;
    if (event_before <= before && event_last <= last) return h;
    double of_states = tay__exec_radius(first, before, last, k) * ode->safety;
    double least = 0x1p-40 * (isinf(of_states) ? fabs(limit) : of_states);
    return h < least && isfinite(least) ? least : h;
}

/* Parameters are free to be written between steps, so what depends on them is computed again when they differ. */
static void prepare(tay_ode *ode)
{
    size_t size = ode->n_pars * sizeof(double);
    bool same = size == 0 || memcmp(ode->pars, ode->used_pars, size) == 0;
    if (ode->prepared && same) return;
    tay__exec_set_parameters(ode->system->exec, ode->workspace, ode->pars);
    if (size) memcpy(ode->used_pars, ode->pars, size);
    tay__watch_set_parameters(ode, !same);
    ode->prepared = true;
}

/* Times that are evaluated together; more only in another pass over the jet. */
enum { CHUNK = 64 };

static void evaluate(const tay_ode *ode, double *out, double *end, const double *h, size_t n)
{
    tay__exec_polynomial(ode->system->exec, out, ode->dim, end, ode->workspace, ode->dim, h, n, ode->high_accuracy);
}

/* Writes the rows up to the end of a step, and to `end` the state there; a row at the end is ode->state. Returns which row is the
 * next one. */
static size_t write_rows(const tay_ode *ode, double *end, double step, const tay__rows *rows)
{
    double h[CHUNK], *out = rows->out + rows->row * ode->dim;
    size_t row = rows->row, n = 0;

    for (;; n++) { /* there is a row left, as the last one of all is not before the step's end */
        if (n == CHUNK) {
            evaluate(ode, out, out + (n - 1) * ode->dim, h, n);
            out += n * ode->dim;
            row += n;
            n = 0;
        }
        h[n] = tay__time_sub((tay__time){rows->times[row + n], 0}, ode->time).hi;
        if (!(fabs(h[n]) < fabs(step))) break;
    }
    bool is_row = h[n] == step;
    h[n] = step;
    evaluate(ode, out, end, h, n + 1);
    if (is_row) memcpy(out + n * ode->dim, ode->state, ode->dim * sizeof(double));
    return row + n + is_row;
}

/* The step of the jet, at most |limit|; *h is 0 if the new state is not finite. */
static tay_outcome finish(double *h, tay_ode *ode, double limit, tay__rows *rows)
{
    const tay__exec *exec = ode->system->exec;

    if (ode->watch) tay__watch_expand(ode);
    double size, step = copysign(step_size(&size, ode, limit), limit);
    bool limited = fabs(step) >= fabs(limit) && isfinite(limit), at_event = false;

    if (limited) step = limit;
    if (isfinite(step)) {
        size_t row = 0;
        at_event = ode->watch && tay__watch_find(&step, ode, size);
        if (rows) row = write_rows(ode, ode->state, step, rows);
        else evaluate(ode, NULL, ode->state, &step, 1);
        if (isfinite(tay__exec_max_norm(exec, ode->state, ode->dim))) {
            if (rows) rows->row = row;
            ode->time = tay__time_add(ode->time, step);
            ode->last_h = *h = step;
            return at_event ? TAY_OUTCOME_EVENT : limited ? TAY_OUTCOME_TIME_LIMIT : TAY_OUTCOME_SUCCESS;
        }
        memcpy(ode->state, tay__ode_plane(ode, 0), ode->dim * sizeof(double));
    }
    if (ode->watch) tay__watch_forget(ode);
    ode->last_h = *h = 0;
    return TAY_OUTCOME_NONFINITE_STATE;
}

/* So few are copied one by one, as they were written just now: a copy by wider loads would wait until that is in the cache. */
enum { FEW = 256 };

tay_outcome tay__ode_advance(tay__advance *steps, tay_ode *ode, tay__rows *rows)
{
    int32_t time_slot = tay__exec_program(ode->system->exec)->time_slot;
    double *first = tay__ode_plane(ode, 0);

    prepare(ode);
    for (size_t i = 0; i < ode->dim && ode->dim <= FEW; i++) first[i] = *(const volatile double *)&ode->state[i];
    if (ode->dim > FEW) memcpy(first, ode->state, ode->dim * sizeof(double));
    if (time_slot >= 0) first[time_slot] = ode->time.hi;
    steps->state = ode->state;
    steps->clock = time_slot >= 0 ? &first[time_slot] : NULL;
    /* Sums that compensate, and events, are not for code: it does no steps. */
    steps->safety = ode->high_accuracy || ode->watch ? INFINITY : ode->safety;
    tay__exec_advance(ode->system->exec, ode->workspace, steps);

    if (steps->done > 0 && rows) {
        double end[TAY__MOST_ADVANCED]; /* the state is there */
        rows->row = write_rows(ode, end, steps->h, rows);
    }
    ode->time = steps->time;
    ode->last_h = steps->h;
    if (steps->done == steps->n) return TAY_OUTCOME_SUCCESS;
    tay_outcome outcome = finish(&steps->h, ode, steps->limit, rows);
    if (steps->h != 0) steps->done++;
    if (outcome == TAY_OUTCOME_SUCCESS) {
        steps->min_h = fmin(steps->min_h, fabs(steps->h));
        steps->max_h = fmax(steps->max_h, fabs(steps->h));
    }
    return outcome;
}

tay_status tay_ode_step(tay_outcome *outcome, double *h, tay_ode *ode, double max_delta_t)
{
    tay_status status = tay__check_pointer(ode, "ode");
    if (status != TAY_OK) return status;
    if (isnan(max_delta_t)) return tay__error(TAY_ERROR_ARGUMENT, "max_delta_t: expected a number, got NaN");
    tay__advance step = {.limit = max_delta_t, .time = ode->time, .n = 1};
    tay_outcome result = tay__ode_advance(&step, ode, NULL);
    status = tay__watch_call(&result, ode);
    if (status != TAY_OK) return status;
    if (outcome) *outcome = result;
    if (h) *h = step.h;
    return TAY_OK;
}
