/*
 * What all functions with a status refuse alike, where their areas' tests do not look at it: NULL for objects, arrays and
 * outputs, executions and precisions that there are not, times that are not finite. Nothing is changed by it.
 */
#include <math.h>

#include "support/check.h"
#include "support/rpn.h"
#include "tayra.h"

enum { N = 2 };

static tay_expr *vars[N], *rhs[N];
static const double one[16] = {1, 1};
static double out[64];

#define VARS (const tay_expr *const *)vars
#define RHS (const tay_expr *const *)rhs

static int setup(void **state)
{
    (void)state;
    vars[0] = rpn("x");
    vars[1] = rpn("v");
    rhs[0] = rpn("v p0 *");
    rhs[1] = rpn("x neg");
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    for (int i = 0; i < N; i++) {
        tay_expr_unref(vars[i]);
        tay_expr_unref(rhs[i]);
    }
    return 0;
}

/* The name of what is missing leads the message. */
static void assert_missing(tay_status status, const char *name)
{
    const char *message = tay_error_message();

    if (status != TAY_ERROR_ARGUMENT) fail_msg("%s: %s", name, tay_status_name(status));
    if (strncmp(message, name, strlen(name)) != 0 || !strstr(message, ": expected a pointer, got NULL"))
        fail_msg("%s is missing, but the message says \"%s\"", name, message);
}

static void integrators(void **state)
{
    tay_ode *ode, *copy = NULL;
    tay_continuous *c = NULL, *other = NULL;
    tay_grid grid = {(double[]){1, 2}, 2};
    tay_ode_options o = {.size = sizeof o, .execution = 3};
    tay_propagate_options p = {.size = sizeof p, .continuous = &c};
    (void)state;

    assert_missing(tay_ode_create(NULL, VARS, RHS, N, one, NULL), "out");
    assert_error(tay_ode_create(&copy, VARS, RHS, N, one, &o), TAY_ERROR_ARGUMENT,
                 "execution: expected default, vm or jit (0, 1 or 2), got 3");
    o.execution = (tay_execution)-1;
    assert_error(tay_ode_create(&copy, VARS, RHS, N, one, &o), TAY_ERROR_ARGUMENT, "got -1");
    assert_null(copy);
    assert_ok(tay_ode_create(&ode, VARS, RHS, N, one, NULL));
    assert_ok(tay_ode_propagate_until(NULL, ode, 1, &p));
    assert_missing(tay_ode_copy(NULL, ode), "out");
    assert_missing(tay_ode_copy(&copy, NULL), "ode");
    assert_missing(tay_ode_set_time(NULL, 0, 0), "ode");
    assert_missing(tay_ode_step(NULL, NULL, NULL, 1), "ode");
    assert_missing(tay_ode_propagate_until(NULL, NULL, 1, NULL), "ode");
    assert_missing(tay_ode_propagate_for(NULL, NULL, 1, NULL), "ode");
    assert_missing(tay_ode_propagate_grid(NULL, out, NULL, NULL, &grid, NULL), "ode");
    assert_missing(tay_ode_dump((char **)&copy, NULL), "ode");
    assert_missing(tay_ode_dump(NULL, ode), "out");
    assert_missing(tay_ode_dense_output(NULL, ode, 1, false), "out");
    assert_missing(tay_ode_dense_output(out, NULL, 1, false), "ode");
    assert_missing(tay_ode_set_cooldown(NULL, 0, 0, 1), "ode");
    assert_error(tay_ode_set_cooldown(ode, 0, 0, 1), TAY_ERROR_ARGUMENT, "i: expected the index of a terminal event, got 0");
    assert_false(tay_ode_cooldown(NULL, NULL, ode, 0));
    out[0] = 7;
    assert_error(tay_ode_dense_output(out, ode, NAN, true), TAY_ERROR_ARGUMENT, "t: expected a finite time, got nan");
    assert_error(tay_ode_dense_output(out, ode, INFINITY, false), TAY_ERROR_ARGUMENT, "got inf");
    assert_missing(tay_continuous_eval(NULL, c, one, 1), "out");
    assert_missing(tay_continuous_eval(out, NULL, one, 1), "c");
    assert_missing(tay_continuous_eval(out, c, NULL, 1), "times");
    assert_ok(tay_continuous_eval(NULL, c, NULL, 0));
    assert_missing(tay_continuous_copy(NULL, c), "out");
    assert_missing(tay_continuous_copy(&other, NULL), "c");
    assert_true(out[0] == 7 && !copy && !other);
    tay_continuous_free(c);
    tay_ode_free(ode);
}

static void functions_and_flows(void **state)
{
    tay_cfunc *f = NULL;
    tay_flow *flow = NULL;
    tay_variational *v;
    char *text = NULL;
    tay_cfunc_options fo = {.size = sizeof fo, .execution = 5};
    tay_flow_options o = {.size = sizeof o, .execution = 5};
    tay_flow_arguments a = {.size = sizeof a, .n_points = 1, .n_times = 2, .x0 = one, .times = (double[]){0, 1}, .pars = one,
                            .shared_times = true, .shared_pars = true};
    tay_flow_cotangents bars = {.size = sizeof bars};
    tay_variational_options vo = {.size = sizeof vo, .which = TAY_VAR_VARS};
    (void)state;

    assert_missing(tay_cfunc_create(NULL, RHS, N, VARS, N, NULL), "out");
    assert_error(tay_cfunc_create(&f, RHS, N, VARS, N, &fo), TAY_ERROR_ARGUMENT, "execution");
    assert_missing(tay_cfunc_eval(NULL, out, one, &(tay_cfunc_arguments){.size = sizeof(tay_cfunc_arguments)}), "f");
    assert_missing(tay_cfunc_dump(&text, NULL), "f");
    assert_missing(tay_flow_create(NULL, VARS, RHS, N, NULL), "out");
    assert_error(tay_flow_create(&flow, VARS, RHS, N, &o), TAY_ERROR_ARGUMENT, "execution");
    o.execution = TAY_EXECUTION_VM;
    o.precision = 2;
    assert_error(tay_flow_create(&flow, VARS, RHS, N, &o), TAY_ERROR_ARGUMENT,
                 "precision: expected mixed or double (0 or 1), got 2");
    assert_missing(tay_flow_run(out, NULL, NULL, NULL, &a), "flow");
    assert_missing(tay_flow_push(out, out + 8, NULL, NULL, &a, &(tay_flow_tangents){.size = sizeof(tay_flow_tangents)}), "flow");
    assert_missing(tay_tape_pull(&bars, NULL, one, NULL), "tape");
    assert_ok(tay_variational_create(&v, VARS, RHS, N, &vo));
    assert_error(tay_variational_initial_values(out, NULL, one, one, 1, 0), TAY_ERROR_ARGUMENT, "`v` is NULL");
    assert_true(!f && !flow && !text);
    tay_variational_free(v);
}

static void the_rest(void **state)
{
    double x[N] = {1, 2};
    (void)state;

    assert_missing(tay_sgd_create(NULL, N, NULL), "out");
    assert_missing(tay_adam_create(NULL, N, NULL), "out");
    assert_missing(tay_sgd_step(x, NULL, one), "sgd");
    assert_missing(tay_adam_step(x, NULL, one), "adam");
    assert_missing(tay_sgd_set_rate(NULL, 1), "sgd");
    assert_missing(tay_adam_set_rate(NULL, 1), "adam");
    assert_missing(tay_sgd_set_state(NULL, one, N), "sgd");
    assert_missing(tay_adam_set_state(NULL, one, N), "adam");
    assert_missing(tay_disk_cache_path(NULL), "out");
    assert_true(x[0] == 1 && x[1] == 2);
}

static bool set_time(tay_ode *ode, void *context)
{
    (void)context;
    assert_ok(tay_ode_set_time(ode, 100, 0));
    return true;
}

/* The call fails, so the integrator is at its last completed step, and goes on from there. */
static void callbacks_that_change_the_time(void **state)
{
    tay_ode *ode, *other;
    tay_propagate_options o = {.size = sizeof o, .callback = set_time};
    double h;
    (void)state;

    tay_ode_options of_ode = {.size = sizeof of_ode, .pars = one, .n_pars = 1};
    assert_ok(tay_ode_create(&ode, VARS, RHS, N, one, &of_ode));
    assert_ok(tay_ode_copy(&other, ode));
    assert_ok(tay_ode_step(NULL, &h, other, INFINITY));
    assert_error(tay_ode_propagate_until(NULL, ode, 50, &o), TAY_ERROR_STATE, "callback: it must not change the time");
    assert_true(tay_ode_time(ode, NULL) == h && tay_ode_state(ode)[0] == tay_ode_state(other)[0]);
    assert_ok(tay_ode_propagate_until(NULL, ode, 5, NULL));
    assert_ok(tay_ode_propagate_until(NULL, other, 5, NULL));
    assert_memory_equal(tay_ode_state(ode), tay_ode_state(other), N * sizeof *out);
    tay_ode_free(ode);
    tay_ode_free(other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(integrators),
        cmocka_unit_test(functions_and_flows),
        cmocka_unit_test(the_rest),
        cmocka_unit_test(callbacks_that_change_the_time),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
