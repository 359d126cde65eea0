/*
 * Objects in use when memory runs out: each allocation of each way to use them fails once, alone or with all behind it. The call
 * says so, and the object can be used as if nothing had happened. What making them needs, and what expressions, models and
 * optimisers do, is tested in their areas.
 */
#include <math.h>
#include <stdlib.h>

#include "base/base.h"
#include "support/check.h"
#include "support/failing_alloc.h"
#include "support/rpn.h"
#include "tayra.h"

enum { POINTS = 5, TIMES = 3 };

#define CONST(expressions) (const tay_expr *const *)(expressions)

/* Expressions of texts, NULL at the end; references. */
static tay_status read_texts(tay_expr **out, const char *const *texts)
{
    tay_status status = TAY_OK;
    for (size_t i = 0; texts[i] && status == TAY_OK; i++) status = rpn_try(&out[i], texts[i]);
    return status;
}

static const char *const names[] = {"x", "v", NULL}, *const pendulum[] = {"v", "t cos p1 * p0 x sin * -", NULL};
static const double start[] = {0.5, 0.1}, pars[] = {2, 0.3};

/* x, v and two expressions of them: references; after a failure the rest stays NULL. */
static tay_status read_pair(tay_expr **e, const char *const *texts)
{
    tay_status status = read_texts(e, names);
    return status == TAY_OK ? read_texts(e + 2, texts) : status;
}

/* ---- the integrator */

static tay_status make_ode(void **out, tay_ode_options options)
{
    tay_status status = TAY_OK;
    tay_expr *e[4] = {0};
    tay_ode *ode;

    options.size = sizeof options;
    options.pars = pars;
    options.n_pars = 2;
    TAY_TRY(read_pair(e, pendulum));
    TAY_TRY(tay_ode_create(&ode, CONST(e), CONST(e + 2), 2, start, &options));
    *out = ode;
out:
    release(e, 4);
    return status;
}

static tay_status make_plain_ode(void **out)
{
    return make_ode(out, (tay_ode_options){.high_accuracy = false});
}

static tay_status make_accurate_ode(void **out)
{
    return make_ode(out, (tay_ode_options){.high_accuracy = true});
}

static tay_status make_jit_ode(void **out)
{
    return make_ode(out, (tay_ode_options){.execution = TAY_EXECUTION_JIT});
}

static void destroy_ode(void *ode)
{
    tay_ode_free(ode);
}

static bool go_on(tay_ode *ode, void *context)
{
    (void)ode, (void)context;
    return true;
}

/* Steps, propagations of all kinds, copies and text, from the same beginning. */
static tay_status use_ode(double *out, void *object)
{
    tay_status status = TAY_OK;
    static const double times[] = {0, 0.5, 3, 7};
    tay_ode *ode = object, *copy = NULL;
    tay_continuous *c = NULL, *again = NULL;
    char *text = NULL;
    double h;
    tay_propagate_options o = {.size = sizeof o, .continuous = &c, .callback = go_on};

    memcpy(tay_ode_state(ode), start, sizeof start);
    TAY_TRY(tay_ode_set_time(ode, 0, 0));
    TAY_TRY(tay_ode_step(NULL, &h, ode, 1));
    TAY_TRY(tay_ode_dense_output(out, ode, h / 2, false));
    TAY_TRY(tay_ode_propagate_for(NULL, ode, -h, NULL));
    TAY_TRY(tay_ode_copy(&copy, ode));
    TAY_TRY(tay_ode_propagate_until(NULL, copy, 6, &o));
    TAY_TRY(tay_continuous_copy(&again, c));
    TAY_TRY(tay_continuous_eval(out + 2, again, times, 4));
    memcpy(tay_ode_state(ode), start, sizeof start);
    TAY_TRY(tay_ode_set_time(ode, 0, 0));
    TAY_TRY(tay_ode_propagate_grid(NULL, out + 10, NULL, ode, &(tay_grid){times, 4}, NULL));
    TAY_TRY(tay_ode_dump(&text, ode));
out:
    tay_free(text);
    tay_continuous_free(c);
    tay_continuous_free(again);
    tay_ode_free(copy);
    return status;
}

/* A propagation that runs out of memory for its continuous output ends after a whole step, and can go on. */
static tay_status use_interrupted(double *out, void *object)
{
    tay_ode *ode = object;
    tay_continuous *c = NULL;
    tay_propagate_options o = {.size = sizeof o, .continuous = &c};

    tay_status status = tay_ode_propagate_until(NULL, ode, 40, &o);
    tay_continuous_free(c);
    if (status == TAY_OK) memcpy(out, tay_ode_state(ode), sizeof start);
    return status;
}

/* The same with events, the sum of whose times is kept. */
static double seen[2];

static bool see(tay_ode *ode, const tay_hit *hit, void *context)
{
    (void)ode, (void)context;
    seen[hit->event] += hit->time;
    return true;
}

static tay_status make_watching_ode(void **out)
{
    tay_status status = TAY_OK;
    tay_expr *e[4] = {0};
    tay_ode *ode;

    memset(seen, 0, sizeof seen);
    TAY_TRY(read_pair(e, pendulum));
    tay_event events[] = {{.function = e[0], .callback = see, .terminal = true}, {.function = e[3], .callback = see}};
    TAY_TRY(tay_ode_create(&ode, CONST(e), CONST(e + 2), 2, start,
                           &(tay_ode_options){.size = sizeof(tay_ode_options), .pars = pars, .n_pars = 2, .events = events,
                                              .n_events = 2}));
    *out = ode;
out:
    release(e, 4);
    return status;
}

static tay_status use_watching(double *out, void *object)
{
    memset(seen, 0, sizeof seen);
    tay_ode_reset_cooldowns(object);
    tay_status status = use_ode(out, object);
    if (status == TAY_OK) memcpy(out + 18, seen, sizeof seen);
    return status;
}

/* No event is lost in a step that could not be recorded. */
static tay_status use_interrupted_watching(double *out, void *object)
{
    tay_status status = use_interrupted(out, object);
    if (status == TAY_OK) memcpy(out + 2, seen, sizeof seen);
    return status;
}

/* ---- variational equations: made and integrated */

static tay_status make_nothing(void **out)
{
    *out = NULL;
    return TAY_OK;
}

static void destroy_nothing(void *object)
{
    (void)object;
}

static tay_status make_and_use_watching(double *out, void *object)
{
    tay_status status = make_watching_ode(&object);
    if (status != TAY_OK) return status;
    status = use_watching(out, object);
    tay_ode_free(object);
    return status;
}

static tay_status use_variational(double *out, void *object)
{
    (void)object;
    tay_status status = TAY_OK;
    tay_expr *e[4] = {0};
    tay_variational *v = NULL;
    tay_ode *ode = NULL;
    tay_ode_options o = {.size = sizeof o, .pars = pars, .n_pars = 2, .tolerance = 1e-8};
    double state[64];

    TAY_TRY(read_pair(e, pendulum));
    TAY_TRY(tay_variational_create(&v, CONST(e), CONST(e + 2), 2,
                                   &(tay_variational_options){.size = sizeof(tay_variational_options), .which = TAY_VAR_ALL}));
    TAY_TRY(tay_variational_initial_values(state, v, start, pars, 2, 0));
    TAY_TRY(tay_ode_create(&ode, tay_variational_vars(v), tay_variational_rhs(v), tay_variational_n_total(v), state, &o));
    TAY_TRY(tay_ode_propagate_until(NULL, ode, 1, NULL));
    memcpy(out, tay_ode_state(ode), 12 * sizeof *out);
out:
    tay_ode_free(ode);
    tay_variational_free(v);
    release(e, 4);
    return status;
}

/* ---- compiled functions */

enum { MANY = 1000 };
static const char *const rows[] = {"x v * sin p0 t * +", "x v 0.25 + / exp p1 -", NULL};

static tay_status make_cfunc(void **out, tay_cfunc_options options)
{
    tay_status status = TAY_OK;
    tay_expr *e[4] = {0};
    tay_cfunc *f;

    options.size = sizeof options;
    TAY_TRY(read_pair(e, rows));
    TAY_TRY(tay_cfunc_create(&f, CONST(e + 2), 2, CONST(e), 2, &options));
    *out = f;
out:
    release(e, 4);
    return status;
}

static tay_status make_double(void **out)
{
    return make_cfunc(out, (tay_cfunc_options){.real = TAY_FLOAT64});
}

static tay_status make_float(void **out)
{
    return make_cfunc(out, (tay_cfunc_options){.real = TAY_FLOAT32});
}

static tay_status make_jit(void **out)
{
    return make_cfunc(out, (tay_cfunc_options){.execution = TAY_EXECUTION_JIT});
}

static void destroy_cfunc(void *f)
{
    tay_cfunc_free(f);
}

/* One point, a few, many, very many: each width makes its program at its first use. */
static tay_status use_cfunc(double *out, void *object)
{
    static const size_t n_points[] = {1, 3, MANY, 60000};
    const tay_cfunc *f = object;
    size_t size = tay_cfunc_real(f) == TAY_FLOAT64 ? sizeof(double) : sizeof(float), n = n_points[3];
    char *in = calloc(2 * n, size), *values = calloc(2 * n, size);
    float p32[] = {2, 0.3f}, t32 = 0.1f;
    double t64 = 0.1;
    tay_status status = in && values ? TAY_OK : TAY_ERROR_STATE;

    memset(out, 0, 4 * sizeof *out);
    for (size_t i = 0; i < 2 * n && status == TAY_OK; i++) {
        double x = 1e-5 * (double)i;
        if (size == sizeof x) ((double *)in)[i] = x;
        else ((float *)in)[i] = (float)x;
    }
    for (int k = 0; k < 4 && status == TAY_OK; k++) {
        tay_cfunc_arguments a = {.size = sizeof a, .n_points = n_points[k], .shared_pars = true, .shared_time = true,
                                 .pars = size == sizeof t64 ? (const void *)pars : p32,
                                 .time = size == sizeof t64 ? (const void *)&t64 : &t32, .n_threads = 2};
        status = tay_cfunc_eval(f, values, in, &a);
        for (size_t i = 0; i < 2 * n_points[k]; i++)
            out[k] += size == sizeof *out ? ((double *)values)[i] : (double)((float *)values)[i];
    }
    free(in);
    free(values);
    return status;
}

/* ---- flows */

enum { WIDE = 32, N_WEIGHTS = 5 * WIDE + 2 + WIDE * (WIDE + 1) };

static tay_status tanh_of(tay_expr **out, const tay_expr *x, void *context)
{
    (void)context;
    return tay_expr_function(out, TAY_TANH, &x, 1);
}

static const double starts[2 * POINTS] = {0.5, 0.1, 0.6, -0.1, 0.7, 0.2, -0.3, 0.1, 0.2, 0.3};
static const double times[TIMES] = {0, 0.7, 1.5}, lane_pars[2 * POINTS] = {2, 0.3, 2.1, 0.2, 2.2, 0.1, 1.9, 0.5, 1, 0};

static tay_status make_flow(void **out, tay_flow_options options)
{
    tay_status status = TAY_OK;
    tay_expr *e[4] = {0};
    tay_flow *flow;

    options.size = sizeof options;
    TAY_TRY(read_pair(e, pendulum));
    TAY_TRY(tay_flow_create(&flow, CONST(e), CONST(e + 2), 2, &options));
    *out = flow;
out:
    release(e, 4);
    return status;
}

static tay_status make_usual_flow(void **out)
{
    return make_flow(out, (tay_flow_options){.tolerance = 1e-8, .n_threads = 1});
}

/* So little memory that steps are done again. */
static tay_status make_tight_flow(void **out)
{
    return make_flow(out, (tay_flow_options){.tolerance = 1e-8, .n_threads = 1, .order = 4, .memory_limit = 60000, .lanes = 1});
}

static tay_status make_team_flow(void **out)
{
    return make_flow(out, (tay_flow_options){.tolerance = 1e-8, .n_threads = 3, .lanes = 1});
}

static tay_status make_jit_flow(void **out)
{
    return make_flow(out, (tay_flow_options){.tolerance = 1e-8, .n_threads = 1, .execution = TAY_EXECUTION_JIT});
}

/* Layers wide enough for float. */
static tay_status make_mixed_flow(void **out)
{
    tay_status status = TAY_OK;
    const tay_model_activation act[3] = {{tanh_of, NULL}, {tanh_of, NULL}, {tanh_of, NULL}};
    static const uint32_t hidden[] = {WIDE, WIDE};
    tay_expr *vars[2] = {0}, *rhs[2] = {0};
    tay_model_ffnn_options network = {.size = sizeof network, .inputs = CONST(vars), .n_inputs = 2,
                                      .hidden = hidden, .n_hidden = 2, .n_out = 2, .activations = act, .n_activations = 3};
    tay_flow_options options = {.size = sizeof options, .tolerance = 1e-6, .n_threads = 1, .execution = TAY_EXECUTION_VM,
                                .lanes = 16};
    tay_flow *flow;

    TAY_TRY(read_texts(vars, names));
    TAY_TRY(tay_model_ffnn(rhs, &network));
    TAY_TRY(tay_flow_create(&flow, CONST(vars), CONST(rhs), 2, &options));
    *out = flow;
out:
    release(vars, 2);
    release(rhs, 2);
    return status;
}

static tay_status use_mixed(double *out, void *object)
{
    static double weights[N_WEIGHTS], ones[4 * POINTS], bars_of_pars[N_WEIGHTS];
    tay_status status = TAY_OK;
    tay_tape *tape = NULL;
    tay_flow_arguments a = {.size = sizeof a, .n_points = POINTS, .n_times = 2, .x0 = starts, .times = times, .pars = weights,
                            .shared_times = true, .shared_pars = true};
    tay_flow_cotangents bars = {.size = sizeof bars, .x0 = out + 4 * POINTS, .pars = bars_of_pars};

    if (tay_flow_precision(object) != TAY_PRECISION_MIXED) return tay__error(TAY_ERROR_STATE, "not mixed");
    for (size_t i = 0; i < N_WEIGHTS; i++) weights[i] = sin((double)i) / 8;
    for (size_t i = 0; i < 4 * POINTS; i++) ones[i] = 1;
    TAY_TRY(tay_flow_run(out, &tape, NULL, object, &a));
    TAY_TRY(tay_tape_pull(&bars, tape, ones, NULL));
    memcpy(out + 6 * POINTS, bars_of_pars, WIDE * sizeof *out);
out:
    tay_tape_free(tape);
    return status;
}

static void destroy_flow(void *flow)
{
    tay_flow_free(flow);
}

enum { N_YS = 2 * TIMES * POINTS, N_PULLED = N_YS + 2 * POINTS + TIMES + 2 * POINTS };

/* A run and the way back; with parameters of all or of each trajectory. */
static tay_status run_and_pull(double *out, const tay_flow *flow, bool shared)
{
    tay_status status = TAY_OK;
    tay_tape *tape = NULL;
    double ones[N_YS];
    tay_flow_arguments a = {.size = sizeof a, .n_points = POINTS, .n_times = TIMES, .x0 = starts, .times = times,
                            .pars = lane_pars, .shared_times = true, .shared_pars = shared};
    tay_flow_cotangents bars = {.size = sizeof bars, .x0 = out + N_YS, .times = out + N_YS + 2 * POINTS,
                                .pars = out + N_YS + 2 * POINTS + TIMES};

    for (size_t i = 0; i < N_YS; i++) ones[i] = 1;
    TAY_TRY(tay_flow_run(out, &tape, NULL, flow, &a));
    TAY_TRY(tay_tape_pull(&bars, tape, ones, NULL));
out:
    tay_tape_free(tape);
    return status;
}

static tay_status use_pull(double *out, void *flow)
{
    return run_and_pull(out, flow, true);
}

static tay_status use_flow(double *out, void *flow)
{
    tay_status status = TAY_OK;
    double ones[N_YS];
    tay_flow_arguments a = {.size = sizeof a, .n_points = POINTS, .n_times = TIMES, .x0 = starts, .times = times,
                            .pars = lane_pars, .shared_times = true};
    tay_flow_tangents t = {.size = sizeof t, .x0 = ones, .times = ones, .pars = ones};

    for (size_t i = 0; i < N_YS; i++) ones[i] = 1;
    TAY_TRY(run_and_pull(out, flow, false));
    TAY_TRY(tay_flow_push(out + N_PULLED, out + N_PULLED + N_YS, NULL, flow, &a, &t));
out:
    return status;
}

/* ---- all of them */

static void sweep(const char *name, use_of_object u)
{
    print_message("           %s: %ld allocations\n", name, fail_each_use(&u));
}

static void integrators(void **state)
{
    (void)state;
    sweep("integrator", (use_of_object){make_plain_ode, use_ode, destroy_ode, .n = 18});
    sweep("high accuracy", (use_of_object){make_accurate_ode, use_ode, destroy_ode, .n = 18});
    sweep("machine code", (use_of_object){make_jit_ode, use_ode, destroy_ode, .n = 18});
    sweep("propagation that goes on",
          (use_of_object){make_plain_ode, use_interrupted, destroy_ode, .n = 2, .tolerance = 1e-12});
    sweep("events", (use_of_object){make_watching_ode, use_watching, destroy_ode, .n = 20});
    sweep("events, propagation that goes on",
          (use_of_object){make_watching_ode, use_interrupted_watching, destroy_ode, .n = 4, .tolerance = 1e-12});
    sweep("events, made", (use_of_object){make_nothing, make_and_use_watching, destroy_nothing, .n = 20});
    sweep("variational", (use_of_object){make_nothing, use_variational, destroy_nothing, .n = 12});
}

static void compiled_functions(void **state)
{
    (void)state;
    sweep("double", (use_of_object){make_double, use_cfunc, destroy_cfunc, .n = 4});
    sweep("float", (use_of_object){make_float, use_cfunc, destroy_cfunc, .n = 4});
    sweep("machine code",
          (use_of_object){make_jit, use_cfunc, destroy_cfunc, .n = 4, .may_succeed = true, .tolerance = 1e-12});
}

/* Memory that is kept for the next tape is not missed: its failures are none. */
static void flows(void **state)
{
    (void)state;
    sweep("flow",
          (use_of_object){make_usual_flow, use_flow, destroy_flow, .n = N_PULLED + 2 * N_YS, .may_succeed = true, .every = 3});
    sweep("little memory",
          (use_of_object){make_tight_flow, use_pull, destroy_flow, .n = N_PULLED - 2 * (POINTS - 1), .may_succeed = true});
    sweep("threads",
          (use_of_object){make_team_flow, use_pull, destroy_flow, .n = N_PULLED - 2 * (POINTS - 1), .may_succeed = true});
    sweep("mixed precision",
          (use_of_object){make_mixed_flow, use_mixed, destroy_flow, .n = 6 * POINTS + WIDE, .may_succeed = true, .every = 29});
    sweep("machine code",
          (use_of_object){make_jit_flow, use_pull, destroy_flow, .n = N_PULLED - 2 * (POINTS - 1),
                          .may_succeed = true, .tolerance = 1e-12, .every = 11});
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(integrators),
        cmocka_unit_test(compiled_functions),
        cmocka_unit_test(flows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
