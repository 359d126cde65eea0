/*
 * Making and copying integrators: wrong arguments, independence of copies, failing allocations.
 */
#include "support/failing_alloc.h"
#include "systems.h"

static void what_an_integrator_tells(void **unused)
{
    (void)unused;
    tay_ode *ode = make(&pendulum);
    char *text;
    assert_int_equal(tay_ode_dim(ode), 2);
    assert_int_equal(tay_ode_n_pars(ode), 0);
    assert_string_equal(tay_expr_name(tay_ode_variable(ode, 1)), "v");
    assert_ok(tay_expr_to_string(&text, tay_ode_rhs(ode, 0)));
    assert_string_equal(text, "v");
    tay_free(text);
    assert_null(tay_ode_variable(ode, 2));
    assert_null(tay_ode_rhs(ode, 2));
    assert_ok(tay_ode_dump(&text, ode));
    assert_true(strlen(text) > 20);
    tay_free(text);
    tay_ode_free(ode);
    tay_ode_free(NULL);
    assert_string_equal(tay_outcome_name(TAY_OUTCOME_SUCCESS), "success");
    assert_string_equal(tay_outcome_name(TAY_OUTCOME_TIME_LIMIT), "time_limit");
    assert_string_equal(tay_outcome_name(TAY_OUTCOME_STEP_LIMIT), "step_limit");
    assert_string_equal(tay_outcome_name(TAY_OUTCOME_CALLBACK_STOP), "callback_stop");
    assert_string_equal(tay_outcome_name(TAY_OUTCOME_NONFINITE_STATE), "nonfinite_state");
    assert_string_equal(tay_outcome_name((tay_outcome)99), "");
}

static void wrong_systems(void **unused)
{
    (void)unused;
    static const struct {
        equations e;
        const char *message;
    } cases[] = {
        {{{NULL}, {NULL}, {0}}, "at least one equation"},  {{{"x"}, {"y"}, {0}}, "'y'"},
        {{{"x", "x"}, {"x", "x"}, {0, 0}}, "'x'"},         {{{"x 1 +"}, {"x"}, {0}}, "vars[0]"},
        {{{"p0"}, {"x"}, {0}}, "vars[0]"},                 {{{"x", "y"}, {"y", "x"}, {0, NAN}}, "state[1]"},
        {{{"x", "y"}, {"y", "x"}, {INFINITY, 0}}, "state[0]"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        tay_ode *ode = (tay_ode *)&i;
        assert_error(try_make(&ode, &cases[i].e, NULL), TAY_ERROR_ARGUMENT, cases[i].message);
        assert_ptr_equal(ode, &i);
    }
    tay_expr *x = rpn("x");
    const tay_expr *const vars[] = {x}, *const none[] = {NULL};
    tay_ode *ode;
    assert_error(tay_ode_create(&ode, vars, none, 1, (double[]){0}, NULL), TAY_ERROR_ARGUMENT, "rhs[0]");
    assert_error(tay_ode_create(&ode, none, vars, 1, (double[]){0}, NULL), TAY_ERROR_ARGUMENT, "vars[0]");
    assert_error(tay_ode_create(&ode, NULL, vars, 1, (double[]){0}, NULL), TAY_ERROR_ARGUMENT, "vars");
    assert_error(tay_ode_create(&ode, vars, NULL, 1, (double[]){0}, NULL), TAY_ERROR_ARGUMENT, "rhs");
    assert_error(tay_ode_create(&ode, vars, vars, 1, NULL, NULL), TAY_ERROR_ARGUMENT, "state");
    tay_expr_unref(x);
}

static void wrong_options(void **unused)
{
    (void)unused;
    uint32_t size = sizeof(tay_ode_options);
    const struct {
        tay_ode_options options;
        tay_status status;
        const char *message;
    } cases[] = {
        {{.size = 0}, TAY_ERROR_ARGUMENT, "options->size"},
        {{.size = size, .tolerance = -1}, TAY_ERROR_ARGUMENT, "tolerance"},
        {{.size = size, .tolerance = NAN}, TAY_ERROR_ARGUMENT, "tolerance"},
        {{.size = size, .tolerance = INFINITY}, TAY_ERROR_ARGUMENT, "tolerance"},
        {{.size = size, .time = NAN}, TAY_ERROR_ARGUMENT, "time"},
        {{.size = size, .time = INFINITY}, TAY_ERROR_ARGUMENT, "time"},
        {{.size = size, .n_pars = 1}, TAY_ERROR_ARGUMENT, "pars"},
        {{.size = size, .n_pars = 1, .pars = (double[]){1}}, TAY_ERROR_ARGUMENT, "n_pars"},
        {{.size = size, .memory_limit = 10}, TAY_ERROR_LIMIT, "limit"},
        {{.size = size, .memory_limit = 4000, .tolerance = 1e-300}, TAY_ERROR_LIMIT, "memory_limit"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        tay_ode *ode = (tay_ode *)&i;
        assert_error(try_make(&ode, &pendulum, &cases[i].options), cases[i].status, cases[i].message);
        assert_ptr_equal(ode, &i);
    }
}

/* A copy goes on from where its original stood, and neither knows of the other any more. */
static void copies_are_independent(void **unused)
{
    (void)unused;
    static const equations growth = {{"x"}, {"p0 x *"}, {1}};
    tay_ode_options options = {.pars = (double[]){-1}, .n_pars = 1, .tolerance = 1e-12};
    tay_ode *ode = make_with(&growth, options), *copy;
    double h, out, again;
    assert_ok(tay_ode_step(NULL, &h, ode, INFINITY));
    assert_ok(tay_ode_copy(&copy, ode));
    assert_true(tay_ode_time(copy, NULL) == h && tay_ode_last_h(copy) == h && tay_ode_tolerance(copy) == 1e-12);
    assert_true(tay_ode_pars(copy)[0] == -1 && tay_ode_state(copy)[0] == tay_ode_state(ode)[0]);
    assert_ok(tay_ode_dense_output(&out, ode, h / 2, false));
    assert_ok(tay_ode_dense_output(&again, copy, h / 2, false));
    assert_true(out == again && out != 0);

    tay_ode_pars(copy)[0] = 1;
    assert_ok(tay_ode_propagate_until(NULL, copy, 2, NULL));
    assert_ok(tay_ode_propagate_until(NULL, ode, 3, NULL));
    assert_close(tay_ode_state(copy)[0], exp(2 - 2 * h), 1e-10);
    assert_close(tay_ode_state(ode)[0], exp(-3), 1e-12);
    tay_ode_free(ode);
    assert_ok(tay_ode_propagate_for(NULL, copy, -2, NULL));
    assert_close(tay_ode_state(copy)[0], exp(-2 * h), 1e-10);
    tay_ode_free(copy);
}

/* Creation, a copy, continuous output: nothing leaks and nothing is left half done. */
static tay_status whole_life(void *context)
{
    (void)context;
    static const equations forced = {{"x", "v"}, {"v", "t cos p0 p1 + v * - x sin -"}, {0.1, 0}};
    tay_ode *ode = NULL, *copy = NULL;
    tay_continuous *c = NULL;
    char *text = NULL;
    double out[8];
    tay_propagate_options options = {.size = sizeof options, .continuous = &c};
    tay_status status = try_make(&ode, &forced, NULL);
    if (status == TAY_OK) status = tay_ode_copy(&copy, ode);
    if (status == TAY_OK) status = tay_ode_propagate_until(NULL, copy, 6, &options);
    if (status == TAY_OK) status = tay_ode_propagate_grid(NULL, out, NULL, ode, &(tay_grid){(double[]){0, 1}, 2}, NULL);
    if (status == TAY_OK) status = tay_ode_dump(&text, ode);
    tay_free(text);
    tay_continuous_free(c);
    tay_ode_free(copy);
    tay_ode_free(ode);
    return status;
}

static void memory_that_cannot_be_had(void **unused)
{
    (void)unused;
    fail_each_allocation(whole_life, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_an_integrator_tells),  cmocka_unit_test(wrong_systems),
        cmocka_unit_test(wrong_options),             cmocka_unit_test(copies_are_independent),
        cmocka_unit_test(memory_that_cannot_be_had),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
