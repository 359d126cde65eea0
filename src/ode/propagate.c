/*
 * Propagation: steps until a time is reached, or a limit, or the callback stops it, or the state is no longer finite.
 */
#include <math.h>

#include "ode/integrator.h"

/* Steps of code, which are of a small system, without a look at anything else: at most a millisecond. */
enum { STEPS_AT_ONCE = 256 };

static tay_status read_options(tay_propagate_options *out, const tay_propagate_options *options)
{
    *out = (tay_propagate_options){.size = sizeof *out};
    if (options) {
        if (options->size != sizeof *options) {
            return tay__error(TAY_ERROR_ARGUMENT, "options->size: expected %zu, got %zu", sizeof *options,
                              (size_t)options->size);
        }
        *out = *options;
    }
    if (!(out->max_delta_t >= 0)) {
        return tay__error(TAY_ERROR_ARGUMENT, "max_delta_t: expected a positive number, got %g", out->max_delta_t);
    }
    if (out->max_delta_t == 0) out->max_delta_t = INFINITY;
    return TAY_OK;
}

tay_status tay__propagation_begin(tay__propagation *p, tay_ode *ode, tay__time target,
                                  const tay_propagate_options *options)
{
    *p = (tay__propagation){.ode = ode, .start = ode->time, .target = target};
    p->result = (tay_ode_result){.outcome = TAY_OUTCOME_SUCCESS, .min_h = INFINITY};
    tay_status status = read_options(&p->options, options);
    if (status != TAY_OK) return status;
    if (!isfinite(target.hi) || !isfinite(tay__time_sub(target, ode->time).hi)) {
        return tay__error(TAY_ERROR_ARGUMENT, "time: expected a finite time at a finite distance from %g, got %g",
                          ode->time.hi, target.hi);
    }
    return TAY_OK;
}

/* How many steps may be made before somebody wants to see what they did. */
static size_t steps_at_once(const tay__propagation *p)
{
    const tay_propagate_options *o = &p->options;
    size_t n = p->rows || o->continuous || (o->callback && !o->seldom) ? 1 : STEPS_AT_ONCE;
    size_t left = o->max_steps - p->n_made; /* at least 1 */

    return o->max_steps && left < n ? left : n;
}

void tay__propagation_step(tay__propagation *p)
{
    tay_ode *ode = p->ode;
    tay_ode_result *result = &p->result;
    tay__advance steps = {.time = ode->time,
                          .target = p->target,
                          .most = p->options.max_delta_t,
                          .n = steps_at_once(p),
                          .min_h = result->min_h,
                          .max_h = result->max_h};

    tay__limit_step(&steps);
    p->start = ode->time;
    result->outcome = tay__ode_advance(&steps, ode, p->rows);
    result->n_steps += steps.done;
    p->n_made += steps.done > 0 ? steps.done : 1; /* a callback could change the state such that it is at an event for ever */
    result->min_h = steps.min_h;
    result->max_h = steps.max_h;
    if (result->outcome == TAY_OUTCOME_NONFINITE_STATE) return;

    p->arrived = steps.last && result->outcome == TAY_OUTCOME_TIME_LIMIT;
    if (p->arrived) ode->time = p->target; /* the sum of the steps may differ in the last bit */
    result->outcome = TAY_OUTCOME_SUCCESS;
}

tay_status tay__check_time(tay_ode *ode, tay__time before, const char *name)
{
    tay__time after = ode->time;

    if (tay__time_equal(before, after)) return TAY_OK;
    ode->time = before; /* that of the last completed step */
    return tay__error(TAY_ERROR_STATE, "%s: it must not change the time, but set it from %.17g to %.17g", name, before.hi,
                      after.hi);
}

tay_status tay__propagation_settle(tay__propagation *p)
{
    tay_outcome outcome = TAY_OUTCOME_SUCCESS;
    tay_status status = tay__watch_call(&outcome, p->ode);

    if (status != TAY_OK) return status;
    if (p->options.callback) {
        tay__time before = p->ode->time;
        bool go_on = p->options.callback(p->ode, p->options.context);
        status = tay__check_time(p->ode, before, "callback");
        if (status != TAY_OK) return status;
        if (!go_on) {
            p->result.outcome = TAY_OUTCOME_CALLBACK_STOP;
            return TAY_OK;
        }
    }
    if (outcome == TAY_OUTCOME_EVENT_STOP || outcome == TAY_OUTCOME_CALLBACK_STOP) {
        p->result.outcome = outcome;
    } else if (p->arrived) {
        p->result.outcome = TAY_OUTCOME_TIME_LIMIT;
    } else if (p->options.max_steps && p->n_made >= p->options.max_steps) {
        p->result.outcome = TAY_OUTCOME_STEP_LIMIT;
    }
    return TAY_OK;
}

static tay_status propagate(tay_ode_result *result, tay_ode *ode, tay__time target,
                            const tay_propagate_options *options)
{
    tay_status status = TAY_OK;
    tay_continuous *continuous = NULL;
    tay__propagation p;

    TAY_TRY(tay__propagation_begin(&p, ode, target, options));
    while (p.result.outcome == TAY_OUTCOME_SUCCESS) {
        tay__propagation_step(&p);
        if (p.result.outcome != TAY_OUTCOME_SUCCESS) break;
        tay_status recorded = p.options.continuous ? tay__continuous_record(&continuous, ode, p.start) : TAY_OK;
        TAY_TRY(tay__propagation_settle(&p)); /* no event of this step comes again */
        TAY_TRY(recorded);
    }
    if (result) *result = p.result;
    if (p.options.continuous) {
        *p.options.continuous = continuous;
        continuous = NULL;
    }
out:
    tay_continuous_free(continuous);
    return status;
}

tay_status tay_ode_propagate_until(tay_ode_result *result, tay_ode *ode, double t, const tay_propagate_options *options)
{
    tay_status status = tay__check_pointer(ode, "ode");
    return status == TAY_OK ? propagate(result, ode, (tay__time){t, 0}, options) : status;
}

tay_status tay_ode_propagate_for(tay_ode_result *result, tay_ode *ode, double delta_t,
                                 const tay_propagate_options *options)
{
    tay_status status = tay__check_pointer(ode, "ode");
    if (status != TAY_OK) return status;
    if (!isfinite(delta_t)) {
        return tay__error(TAY_ERROR_ARGUMENT, "delta_t: expected a finite number, got %g", delta_t);
    }
    return propagate(result, ode, tay__time_add(ode->time, delta_t), options);
}
