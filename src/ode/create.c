/*
 * Making, copying and freeing integrators, and reading what they hold. The equations and their program are made once
 * and shared by all copies; each integrator has its own workspace, state and parameters.
 */
#include <float.h>
#include <math.h>

#include "ode/integrator.h"

static void system_unref(tay__system *system)
{
    if (!system || atomic_fetch_sub(&system->refs, 1) > 1) return;
    for (size_t i = 0; i < system->dim; i++) {
        if (system->vars) tay_expr_unref(system->vars[i]);
        if (system->rhs) tay_expr_unref(system->rhs[i]);
    }
    tay__free(system->vars);
    tay__free(system->rhs);
    tay__exec_free(system->exec);
    tay__events_free(system->events);
    tay__free(system);
}

static tay_status compile(tay__exec **out, const tay_expr *const *vars, const tay_expr *const *rhs, size_t n,
                          const tay_ode_options *options)
{
    tay_status status = TAY_OK;
    tay__program *program = NULL;
    tay__exec *exec = NULL;

    TAY_TRY(tay__program_create(&program, &(tay__program_spec){.inputs = vars, .n_inputs = n, .outputs = rhs,
                                                               .n_outputs = n, .jets = true,
                                                               .memory_limit = options->memory_limit}));
    TAY_TRY(tay__exec_create(&exec, program, TAY_FLOAT64, tay__exec_order_for(options->tolerance), 1));
    program = NULL;
    *out = exec;
    exec = NULL;
out:
    tay__exec_free(exec);
    tay__program_free(program);
    return status;
}

static tay_status check_memory(const tay__system *system, size_t limit)
{
    size_t bytes = tay__exec_memory(system->exec) + (system->events ? tay__exec_memory(system->events->exec) : 0);

    if (limit == 0 || bytes <= limit) return TAY_OK;
    return tay__error(TAY_ERROR_LIMIT, "memory_limit: the integrator needs %zu bytes of working memory, allowed are %zu", bytes,
                      limit);
}

static tay_status system_create(tay__system **out, const tay_expr *const *vars, const tay_expr *const *rhs, size_t n,
                                const tay_ode_options *options)
{
    tay_status status = TAY_OK;
    tay__system *system = NULL;

    TAY_TRY(tay__calloc(&system, 1, sizeof *system));
    system->refs = 1;
    system->dim = n;
    TAY_TRY(tay__calloc(&system->vars, n, sizeof *system->vars));
    TAY_TRY(tay__calloc(&system->rhs, n, sizeof *system->rhs));
    for (size_t i = 0; i < n; i++) {
        system->vars[i] = tay_expr_ref(vars[i]);
        system->rhs[i] = tay_expr_ref(rhs[i]);
    }
    TAY_TRY(compile(&system->exec, vars, rhs, n, options));
    TAY_TRY(tay__events_create(&system->events, vars, n, options, tay__exec_order(system->exec)));
    TAY_TRY(check_memory(system, options->memory_limit));
    tay__exec_choose(system->exec, options->execution);
    if (system->events) tay__exec_choose(system->events->exec, options->execution);
    *out = system;
    system = NULL;
out:
    system_unref(system);
    return status;
}

static tay_status read_options(tay_ode_options *out, const tay_ode_options *options)
{
    *out = (tay_ode_options){.size = sizeof *out};
    if (options) {
        if (options->size != sizeof *options) {
            return tay__error(TAY_ERROR_ARGUMENT, "options->size: expected %zu, got %zu", sizeof *options,
                              (size_t)options->size);
        }
        *out = *options;
    }
    if (out->tolerance == 0) out->tolerance = DBL_EPSILON;
    if (!(out->tolerance > 0) || isinf(out->tolerance)) {
        return tay__error(TAY_ERROR_ARGUMENT, "tolerance: expected a positive and finite number, got %g",
                          out->tolerance);
    }
    if (!isfinite(out->time)) {
        return tay__error(TAY_ERROR_ARGUMENT, "time: expected a finite number, got %g", out->time);
    }
    if (out->n_pars && !out->pars) {
        return tay__error(TAY_ERROR_ARGUMENT, "pars: expected %zu numbers, got NULL", out->n_pars);
    }
    tay_status status = tay__check_execution(out->execution);
    return status == TAY_OK ? tay__events_check(out) : status;
}

static tay_status check_system(const tay_expr *const *vars, const tay_expr *const *rhs, size_t n, const double *state)
{
    if (n == 0) return tay__error(TAY_ERROR_ARGUMENT, "n: expected at least one equation, got none");
    if (!vars || !rhs || !state) {
        return tay__error(TAY_ERROR_ARGUMENT, "%s: expected %zu elements, got NULL",
                          !vars ? "vars" : !rhs ? "rhs" : "state", n);
    }
    for (size_t i = 0; i < n; i++) {
        if (!vars[i] || tay_expr_get_kind(vars[i]) != TAY_KIND_VARIABLE) {
            return tay__error(TAY_ERROR_ARGUMENT, "vars[%zu]: expected a variable", i);
        }
        if (!rhs[i]) return tay__error(TAY_ERROR_ARGUMENT, "rhs[%zu]: expected an expression, got NULL", i);
        if (!isfinite(state[i])) {
            return tay__error(TAY_ERROR_ARGUMENT, "state[%zu]: expected a finite number, got %g", i, state[i]);
        }
    }
    return TAY_OK;
}

/* Those of the equations and of events. */
static uint32_t count_parameters(const tay__system *system)
{
    uint32_t n = tay__exec_program(system->exec)->n_pars;
    uint32_t of_events = system->events ? tay__exec_program(system->events->exec)->n_pars : 0;

    return n > of_events ? n : of_events;
}

/* An integrator of `system` with a zero state; takes over the caller's reference on success. */
static tay_status ode_alloc(tay_ode **out, tay__system *system)
{
    tay_status status = TAY_OK;
    tay_ode *ode = NULL;
    const tay__exec *exec = system->exec;

    TAY_TRY(tay__calloc(&ode, 1, sizeof *ode));
    ode->dim = system->dim;
    ode->n_pars = count_parameters(system);
    ode->order = tay__exec_order(exec);
    ode->safety = exp(-0.7 / (ode->order - 1)) / (M_E * M_E);
    TAY_TRY(tay__calloc_aligned(&ode->state, ode->dim, sizeof(double)));
    TAY_TRY(tay__calloc_aligned(&ode->pars, ode->n_pars, sizeof(double)));
    TAY_TRY(tay__calloc_aligned(&ode->used_pars, ode->n_pars, sizeof(double)));
    TAY_TRY(tay__workspace_create(&ode->workspace, exec));
    if (system->events) TAY_TRY(tay__watch_create(&ode->watch, system->events));
    ode->system = system;
    *out = ode;
    ode = NULL;
out:
    tay_ode_free(ode);
    return status;
}

tay_status tay_ode_create(tay_ode **out, const tay_expr *const *vars, const tay_expr *const *rhs, size_t n,
                          const double *state, const tay_ode_options *options)
{
    tay_status status = TAY_OK;
    tay__system *system = NULL;
    tay_ode *ode = NULL;
    tay_ode_options o;

    TAY_TRY(tay__check_pointer(out, "out"));
    TAY_TRY(read_options(&o, options));
    TAY_TRY(check_system(vars, rhs, n, state));
    TAY_TRY(system_create(&system, vars, rhs, n, &o));
    size_t n_pars = count_parameters(system);
    if (o.n_pars > n_pars) {
        TAY_FAIL(TAY_ERROR_ARGUMENT, "n_pars: expected at most %zu parameters, got %zu", n_pars, o.n_pars);
    }
    TAY_TRY(ode_alloc(&ode, system));
    system = NULL;
    ode->tolerance = o.tolerance;
    ode->high_accuracy = o.high_accuracy;
    ode->time.hi = o.time;
    tay_ode_set_event_context(ode, o.event_context);
    memcpy(ode->state, state, n * sizeof *state);
    if (o.n_pars) memcpy(ode->pars, o.pars, o.n_pars * sizeof *o.pars);
    *out = ode;
out:
    system_unref(system);
    return status;
}

tay_status tay_ode_copy(tay_ode **out, const tay_ode *ode)
{
    tay_ode *copy;
    tay_status status = tay__check_pointer(out, "out");
    if (status == TAY_OK) status = tay__check_pointer(ode, "ode");
    if (status == TAY_OK) status = ode_alloc(&copy, ode->system);
    if (status != TAY_OK) return status;
    atomic_fetch_add(&ode->system->refs, 1);
    copy->tolerance = ode->tolerance;
    copy->high_accuracy = ode->high_accuracy;
    copy->time = ode->time;
    copy->last_h = ode->last_h;
    tay__watch_copy(copy, ode);
    memcpy(copy->state, ode->state, ode->dim * sizeof(double));
    if (ode->n_pars) memcpy(copy->pars, ode->pars, ode->n_pars * sizeof(double));
    if (ode->n_pars) memcpy(copy->used_pars, ode->used_pars, ode->n_pars * sizeof(double));
    for (uint32_t k = 0; k <= ode->order; k++) {
        memcpy(tay__ode_plane(copy, k), tay__ode_plane(ode, k), ode->dim * sizeof(double));
    }
    *out = copy;
    return TAY_OK;
}

void tay_ode_free(tay_ode *ode)
{
    if (!ode) return;
    tay__workspace_free(ode->workspace);
    tay__watch_free(ode->watch);
    tay__free_aligned(ode->state);
    tay__free_aligned(ode->pars);
    tay__free_aligned(ode->used_pars);
    system_unref(ode->system);
    tay__free(ode);
}

double *tay_ode_state(tay_ode *ode)
{
    return ode->state;
}

double *tay_ode_pars(tay_ode *ode)
{
    return ode->pars;
}

size_t tay_ode_dim(const tay_ode *ode)
{
    return ode->dim;
}

size_t tay_ode_n_pars(const tay_ode *ode)
{
    return ode->n_pars;
}

uint32_t tay_ode_order(const tay_ode *ode)
{
    return ode->order;
}

double tay_ode_tolerance(const tay_ode *ode)
{
    return ode->tolerance;
}

tay_execution tay_ode_execution(const tay_ode *ode)
{
    return tay__exec_execution(ode->system->exec);
}

bool tay_ode_high_accuracy(const tay_ode *ode)
{
    return ode->high_accuracy;
}

double tay_ode_last_h(const tay_ode *ode)
{
    return ode->last_h;
}

const tay_expr *tay_ode_variable(const tay_ode *ode, size_t i)
{
    return i < ode->dim ? ode->system->vars[i] : NULL;
}

const tay_expr *tay_ode_rhs(const tay_ode *ode, size_t i)
{
    return i < ode->dim ? ode->system->rhs[i] : NULL;
}

double tay_ode_time(const tay_ode *ode, double *lo)
{
    if (lo) *lo = ode->time.lo;
    return ode->time.hi;
}

tay_status tay_ode_set_time(tay_ode *ode, double hi, double lo)
{
    tay_status status = tay__check_pointer(ode, "ode");
    if (status != TAY_OK) return status;
    if (!isfinite(hi) || !isfinite(lo)) {
        return tay__error(TAY_ERROR_ARGUMENT, "time: expected finite numbers, got %g and %g", hi, lo);
    }
    if (fabs(lo) > fabs(hi)) {
        return tay__error(TAY_ERROR_ARGUMENT, "time: expected lo no larger than hi, got %g and %g", hi, lo);
    }
    tay__time time = tay__time_sum(hi, lo);
    if (!isfinite(time.hi)) return tay__error(TAY_ERROR_ARGUMENT, "time: %g + %g overflows", hi, lo);
    ode->time = time;
    return TAY_OK;
}

tay_status tay_ode_dump(char **out, const tay_ode *ode)
{
    tay_status status = tay__check_pointer(ode, "ode");
    return status == TAY_OK ? tay__program_dump(out, tay__exec_program(ode->system->exec)) : status;
}

const char *tay_outcome_name(tay_outcome outcome)
{
    switch (outcome) {
    case TAY_OUTCOME_SUCCESS: return "success";
    case TAY_OUTCOME_TIME_LIMIT: return "time_limit";
    case TAY_OUTCOME_STEP_LIMIT: return "step_limit";
    case TAY_OUTCOME_CALLBACK_STOP: return "callback_stop";
    case TAY_OUTCOME_NONFINITE_STATE: return "nonfinite_state";
    case TAY_OUTCOME_EVENT: return "event";
    case TAY_OUTCOME_EVENT_STOP: return "event_stop";
    }
    return "";
}
