/*
 * Events as they were given: checks, and the program of their functions. It follows the jet of a step: of the variables that
 * the functions read the coefficients 0 .. order are given, and so many of each function are wanted.
 */
#include <math.h>

#include "ode/integrator.h"

tay_status tay__events_check(const tay_ode_options *options)
{
    if (options->n_events > 0 && !options->events)
        return tay__error(TAY_ERROR_ARGUMENT, "events: expected %zu, got NULL", options->n_events);
    for (size_t i = 0; i < options->n_events; i++) {
        const tay_event *e = &options->events[i];
        if (!e->function) return tay__error(TAY_ERROR_ARGUMENT, "events[%zu]: expected a function, got NULL", i);
        tay_expr_kind kind = tay_expr_get_kind(e->function);
        if (kind == TAY_KIND_NUMBER || kind == TAY_KIND_PARAMETER)
            return tay__error(TAY_ERROR_ARGUMENT, "events[%zu]: expected a function of variables or time, got a constant", i);
        if (!e->terminal && !e->callback)
            return tay__error(TAY_ERROR_ARGUMENT, "events[%zu]: expected a callback, as it is not terminal", i);
        if (e->direction < TAY_DIRECTION_NEGATIVE || e->direction > TAY_DIRECTION_POSITIVE)
            return tay__error(TAY_ERROR_ARGUMENT, "events[%zu]: expected a direction, got %d", i, (int)e->direction);
        if (!isfinite(e->cooldown))
            return tay__error(TAY_ERROR_ARGUMENT, "events[%zu]: expected a finite cooldown, got %g", i, e->cooldown);
    }
    return TAY_OK;
}

/* Which of the n variables of the system the functions read. */
static tay_status find_inputs(tay__events *events, tay_expr *const *read, const tay_expr *const *vars, size_t n)
{
    tay_status status = TAY_OK;
    tay__map index = {0};

    TAY_TRY(tay__alloc(&events->inputs, events->n_inputs, sizeof *events->inputs));
    for (size_t i = 0; i < n; i++) TAY_TRY(tay__map_set(&index, (uint64_t)(uintptr_t)vars[i], i));
    for (size_t i = 0; i < events->n_inputs; i++) {
        const uint64_t *at = tay__map_get(&index, (uint64_t)(uintptr_t)read[i]);
        if (!at)
            TAY_FAIL(TAY_ERROR_ARGUMENT, "events: the variable '%s' is not one of the system", tay_expr_name(read[i]));
        events->inputs[i] = (uint32_t)*at;
    }
out:
    tay__map_free(&index);
    return status;
}

/* Values have one coefficient less than states would have. */
static tay_status compile(tay__events *events, const tay_expr *const *functions, tay_expr *const *read, uint32_t order,
                          const tay_ode_options *options)
{
    tay_status status = TAY_OK;
    tay__program *program;

    TAY_TRY(tay__program_create(&program, &(tay__program_spec){.inputs = (const tay_expr *const *)read,
                                                               .n_inputs = events->n_inputs, .outputs = functions,
                                                               .n_outputs = events->n, .jets = true, .given = true,
                                                               .memory_limit = options->memory_limit}));
    status = tay__exec_create(&events->exec, program, TAY_FLOAT64, order + 1, 1);
    if (status != TAY_OK) tay__program_free(program);
out:
    return status;
}

tay_status tay__events_create(tay__events **out, const tay_expr *const *vars, size_t n, const tay_ode_options *options,
                              uint32_t order)
{
    tay_status status = TAY_OK;
    tay__events *events = NULL;
    const tay_expr **functions = NULL;
    tay_expr **read = NULL;
    size_t n_read = 0;

    if (options->n_events == 0) return TAY_OK;
    TAY_TRY(tay__calloc(&events, 1, sizeof *events));
    TAY_TRY(tay__alloc(&events->events, options->n_events, sizeof *events->events));
    TAY_TRY(tay__alloc(&functions, options->n_events, sizeof *functions));
    for (; events->n < options->n_events; events->n++) {
        events->events[events->n] = options->events[events->n];
        functions[events->n] = events->events[events->n].function = tay_expr_ref(options->events[events->n].function);
    }
    TAY_TRY(tay_expr_variables(&read, &n_read, functions, events->n));
    events->n_inputs = n_read;
    TAY_TRY(find_inputs(events, read, vars, n));
    TAY_TRY(compile(events, functions, read, order, options));
    *out = events;
    events = NULL;
out:
    for (size_t i = 0; i < n_read; i++) tay_expr_unref(read[i]);
    tay__free(read);
    tay__free(functions);
    tay__events_free(events);
    return status;
}

void tay__events_free(tay__events *events)
{
    if (!events) return;
    for (size_t i = 0; i < events->n; i++) tay_expr_unref((tay_expr *)events->events[i].function);
    tay__free(events->events);
    tay__free(events->inputs);
    tay__exec_free(events->exec);
    tay__free(events);
}

size_t tay_ode_n_events(const tay_ode *ode)
{
    return ode->system->events ? ode->system->events->n : 0;
}

const tay_event *tay_ode_event(const tay_ode *ode, size_t i)
{
    return i < tay_ode_n_events(ode) ? &ode->system->events->events[i] : NULL;
}
