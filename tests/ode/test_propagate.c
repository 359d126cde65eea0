/*
 * Propagations: exact solutions, the limits and outcomes, the callback, grids against single propagations.
 */
#include <pthread.h>
#include <stdlib.h>

#include "systems.h"

static void linear_system_is_exact(void **unused)
{
    (void)unused;
    static const double tolerances[] = {0, 1e-18, 1e-8};
    for (size_t k = 0; k < 3; k++) {
        tay_ode *ode = make_with(&linear, (tay_ode_options){.tolerance = tolerances[k]});
        for (size_t i = 0; i < 4; i++) { /* the last one goes backward */
            assert_ok(tay_ode_propagate_until(NULL, ode, linear_solution[i].t, NULL));
            for (size_t j = 0; j < 6; j++) {
                assert_close(tay_ode_state(ode)[j], linear_solution[i].x[j], tolerances[k] == 1e-8 ? 1e-6 : 2e-13);
            }
        }
        tay_ode_free(ode);
    }
}

/* Counts and extreme sizes as observed with heyoka 7.13.2. */
static void results_are_those_of_heyoka(void **unused)
{
    (void)unused;
    tay_ode *ode = make(&pendulum);
    tay_ode_result r;
    assert_ok(tay_ode_propagate_until(&r, ode, 10, NULL));
    assert_true(r.outcome == TAY_OUTCOME_TIME_LIMIT && r.n_steps == 48);
    assert_close(r.min_h, 0.20213323505293765, 1e-14);
    assert_close(r.max_h, 0.21813566576411725, 1e-14);
    assert_close(tay_ode_last_h(ode), 0.2025100103534029, 1e-13);
    assert_true(tay_ode_time(ode, NULL) == 10);

    assert_ok(tay_ode_propagate_until(&r, ode, 10, NULL)); /* a step of size 0, which does not count */
    assert_true(r.outcome == TAY_OUTCOME_TIME_LIMIT && r.n_steps == 0 && r.min_h == INFINITY && r.max_h == 0);

    assert_ok(tay_ode_propagate_for(&r, ode, -10, NULL));
    assert_true(r.n_steps == 48 && tay_ode_time(ode, NULL) == 0);
    assert_close(r.min_h, 0.20208126503575566, 1e-14);
    assert_close(tay_ode_last_h(ode), -0.21278690720424426, 1e-13);
    assert_close(tay_ode_state(ode)[0], 0.05, 1e-15);

    tay_propagate_options options = {.size = sizeof options, .max_delta_t = 0.1};
    assert_ok(tay_ode_propagate_for(&r, ode, 5, &options));
    assert_true(r.outcome == TAY_OUTCOME_TIME_LIMIT && r.n_steps == 50 && r.min_h == INFINITY && r.max_h == 0);
    tay_ode_free(ode);
}

/* 0.1 + 0.2 is kept as two doubles. */
static void ends_exactly_at_the_time(void **unused)
{
    (void)unused;
    tay_ode *ode = make_with(&pendulum, (tay_ode_options){.time = 0.1});
    double lo;
    assert_ok(tay_ode_propagate_for(NULL, ode, 0.2, NULL));
    assert_true(tay_ode_time(ode, &lo) == 0.30000000000000004 && lo == -0x1p-55);
    assert_ok(tay_ode_propagate_until(NULL, ode, 7.7, NULL));
    assert_true(tay_ode_time(ode, &lo) == 7.7 && lo == 0);
    assert_ok(tay_ode_propagate_until(NULL, ode, nextafter(7.7, 8), NULL));
    assert_true(tay_ode_time(ode, &lo) == nextafter(7.7, 8) && lo == 0);
    tay_ode_free(ode);
}

static void step_limit(void **unused)
{
    (void)unused;
    for (size_t limit = 9; limit <= 11; limit++) { /* the whole needs 10 */
        tay_ode *ode = make(&pendulum);
        tay_ode_result r;
        tay_propagate_options options = {.size = sizeof options, .max_steps = limit};
        assert_ok(tay_ode_propagate_until(&r, ode, 2, &options));
        assert_int_equal(r.outcome, limit == 9 ? TAY_OUTCOME_STEP_LIMIT : TAY_OUTCOME_TIME_LIMIT);
        assert_int_equal(r.n_steps, limit == 9 ? 9 : 10);
        assert_close(tay_ode_time(ode, NULL), limit == 9 ? 1.8769578602689077 : 2, 1e-14);
        tay_ode_free(ode);
    }
}

typedef struct record {
    size_t count, stop_at;
    double times[64], add;
    int what; /* 1: change the state, 2: a parameter, 3: the time */
} record;

static bool observe(tay_ode *ode, void *context)
{
    record *r = context;
    assert_true(r->count < 64);
    r->times[r->count++] = tay_ode_time(ode, NULL);
    if (r->what == 1) tay_ode_state(ode)[0] += r->add;
    if (r->what == 2) tay_ode_pars(ode)[0] = r->add;
    if (r->what == 3) assert_ok(tay_ode_set_time(ode, tay_ode_time(ode, NULL) + r->add, 0));
    return r->count != r->stop_at;
}

static tay_propagate_options observing(record *r)
{
    return (tay_propagate_options){.size = sizeof(tay_propagate_options), .callback = observe, .context = r};
}

static void callback_sees_every_step(void **unused)
{
    (void)unused;
    record r = {0};
    tay_propagate_options options = observing(&r);
    tay_ode_result result;
    tay_ode *ode = make(&pendulum);
    assert_ok(tay_ode_propagate_until(&result, ode, 2, &options));
    assert_true(result.n_steps == 10 && r.count == 10);
    assert_close(r.times[0], 0.21605277478009474, 1e-14);
    assert_true(r.times[9] == 2);

    r = (record){.stop_at = 3};
    assert_ok(tay_ode_propagate_until(&result, ode, 0, &options));
    assert_true(result.outcome == TAY_OUTCOME_CALLBACK_STOP && result.n_steps == 3 && r.count == 3);
    assert_true(tay_ode_time(ode, NULL) == r.times[2]);

    /* stops also win at the end and at the limit of steps */
    r = (record){.stop_at = 1};
    options.max_steps = 1;
    assert_ok(tay_ode_propagate_for(&result, ode, 10, &options));
    assert_int_equal(result.outcome, TAY_OUTCOME_CALLBACK_STOP);
    r = (record){.stop_at = 1};
    assert_ok(tay_ode_propagate_for(&result, ode, 0.001, &options));
    assert_int_equal(result.outcome, TAY_OUTCOME_CALLBACK_STOP);

    r = (record){0}; /* a propagation to the current time makes a step of size 0 */
    assert_ok(tay_ode_propagate_for(&result, ode, 0, &options));
    assert_true(result.outcome == TAY_OUTCOME_TIME_LIMIT && result.n_steps == 0 && r.count == 1);
    tay_ode_free(ode);
}

static void callback_changes_things(void **unused)
{
    (void)unused;
    static const equations growth = {{"x"}, {"p0 x *"}, {1}};
    record r = {.what = 2, .add = 2};
    tay_propagate_options options = observing(&r);
    options.max_delta_t = 0.25;
    tay_ode *ode = make(&growth);
    assert_ok(tay_ode_propagate_until(NULL, ode, 1, &options)); /* p0 is 0 for the first step only */
    assert_close(tay_ode_state(ode)[0], exp(1.5), 4e-15);

    r = (record){.what = 1, .add = 1};
    tay_ode_pars(ode)[0] = 0;
    tay_ode_state(ode)[0] = 0;
    assert_ok(tay_ode_propagate_until(NULL, ode, 2, &options));
    assert_true(tay_ode_state(ode)[0] == 4);

    r = (record){.what = 3, .add = 0.01};
    tay_ode_result result = {.n_steps = 77};
    assert_error(tay_ode_propagate_until(&result, ode, 3, &options), TAY_ERROR_STATE, "callback");
    assert_true(result.n_steps == 77 && r.count == 1);
    tay_ode_free(ode);
}

/* x = 1 / (1 - t): the steps shrink until a number overflows; the last good state stays. */
static void blowing_up(void **unused)
{
    (void)unused;
    tay_ode *ode = make(&blow_up);
    tay_ode_result r;
    tay_continuous *c = NULL;
    tay_propagate_options options = {.size = sizeof options, .continuous = &c};
    assert_ok(tay_ode_propagate_until(&r, ode, 2, &options));
    assert_true(r.outcome == TAY_OUTCOME_NONFINITE_STATE && r.n_steps > 100);
    assert_close(tay_ode_time(ode, NULL), 1, 1e-13);
    assert_true(tay_ode_time(ode, NULL) < 1 && tay_ode_state(ode)[0] > 1e13 && isfinite(tay_ode_state(ode)[0]));
    assert_int_equal(tay_continuous_n_steps(c), r.n_steps);
    tay_continuous_free(c);

    c = (tay_continuous *)&c; /* no step at all: NULL */
    tay_ode_state(ode)[0] = INFINITY;
    assert_ok(tay_ode_propagate_until(&r, ode, 2, &options));
    assert_true(r.n_steps == 0 && r.outcome == TAY_OUTCOME_NONFINITE_STATE && c == NULL);
    tay_ode_free(ode);
}

static void wrong_arguments(void **unused)
{
    (void)unused;
    tay_ode *ode = make(&pendulum);
    tay_ode_result r = {.n_steps = 77};
    static const double bad[] = {NAN, INFINITY, -INFINITY};
    for (size_t i = 0; i < 3; i++) {
        assert_error(tay_ode_propagate_until(&r, ode, bad[i], NULL), TAY_ERROR_ARGUMENT, "time");
        assert_error(tay_ode_propagate_for(&r, ode, bad[i], NULL), TAY_ERROR_ARGUMENT, "delta_t");
    }
    tay_propagate_options options = {.size = sizeof options, .max_delta_t = -1};
    assert_error(tay_ode_propagate_until(&r, ode, 1, &options), TAY_ERROR_ARGUMENT, "max_delta_t");
    options.max_delta_t = NAN;
    assert_error(tay_ode_propagate_until(&r, ode, 1, &options), TAY_ERROR_ARGUMENT, "max_delta_t");
    options = (tay_propagate_options){0};
    assert_error(tay_ode_propagate_until(&r, ode, 1, &options), TAY_ERROR_ARGUMENT, "options->size");
    assert_ok(tay_ode_set_time(ode, 1e308, 0));
    assert_error(tay_ode_propagate_until(&r, ode, -1e308, NULL), TAY_ERROR_ARGUMENT, "time");
    assert_true(r.n_steps == 77 && tay_ode_state(ode)[0] == 0.05 && tay_ode_last_h(ode) == 0);
    tay_ode_free(ode);
}

static bool count(tay_ode *ode, void *context)
{
    (void)ode;
    size_t *calls = context;
    return ++*calls != 3;
}

/* Code, but the interpreter where all is to run in it, as under valgrind. */
static tay_ode_options coded(void)
{
    const char *wanted = getenv("TAYRA_EXEC");
    return (tay_ode_options){.execution = wanted && !strcmp(wanted, "vm") ? TAY_EXECUTION_VM : TAY_EXECUTION_JIT};
}

/* Code does many steps at once, where nobody looks at each: they are the ones that it does one by one, whatever ends them. */
static void steps_at_once(void **unused)
{
    (void)unused;
    static const equations driven = {{"x", "v"}, {"v", "x neg t 3 * sin +"}, {1, 0}};
    static const equations *const systems[] = {&pendulum, &decay, &kepler, &driven};
    static const struct {
        double end, max_delta_t;
        size_t max_steps;
    } runs[] = {{300, 0, 0}, {-250, 0, 0}, {0, 0.1, 0}, {1e6, 0, 300}, {-1e6, 0.25, 513}, {1e6, 0, 1}};
    for (size_t i = 0; i < sizeof systems / sizeof *systems; i++) {
        tay_ode *a = make_with(systems[i], coded()), *b;
        assert_ok(tay_ode_copy(&b, a));
        for (size_t k = 0; k < sizeof runs / sizeof *runs; k++) {
            size_t calls = 4;
            tay_propagate_options options = {.size = sizeof options, .max_steps = runs[k].max_steps,
                                             .max_delta_t = runs[k].max_delta_t};
            tay_ode_result r, s;
            assert_ok(tay_ode_propagate_until(&r, a, runs[k].end, &options));
            options.callback = count;
            options.context = &calls;
            assert_ok(tay_ode_propagate_until(&s, b, runs[k].end, &options));
            assert_true(calls == 4 + s.n_steps && r.outcome == s.outcome && r.n_steps == s.n_steps);
            assert_true(r.min_h == s.min_h && r.max_h == s.max_h && tay_ode_last_h(a) == tay_ode_last_h(b));
            double lo[2], hi = tay_ode_time(a, &lo[0]);
            assert_true(hi == tay_ode_time(b, &lo[1]) && lo[0] == lo[1]);
            size_t stride, dim = tay_ode_dim(a);
            const double *jets[] = {tay_ode_jet(a, &stride), tay_ode_jet(b, &stride)};
            assert_memory_equal(tay_ode_state(a), tay_ode_state(b), dim * sizeof(double));
            for (size_t n = 0; n <= tay_ode_order(a); n++)
                assert_memory_equal(jets[0] + n * stride, jets[1] + n * stride, dim * sizeof(double));
        }
        tay_ode_free(b);
        tay_ode_free(a);
    }
}

static void callback_may_see_steps_seldom(void **unused)
{
    (void)unused;
    size_t calls = 0;
    tay_propagate_options options = {.size = sizeof options, .callback = count, .context = &calls, .seldom = true};
    tay_ode *ode = make_with(&pendulum, coded());
    tay_ode_result r;

    assert_ok(tay_ode_propagate_until(&r, ode, 1e6, &options));
    assert_true(calls == 3 && r.outcome == TAY_OUTCOME_CALLBACK_STOP && r.n_steps >= calls);
    if (tay_ode_execution(ode) == TAY_EXECUTION_JIT) assert_true(r.n_steps > 100);
    tay_ode_free(ode);
}

/* Two threads share a system: one makes its code, the other goes on; both end where the interpreter does. */
static void *propagate_far(void *ode)
{
    tay_propagate_options options = {.size = sizeof options, .max_steps = 12000};
    tay_ode_result r;
    return tay_ode_propagate_until(&r, ode, 1e6, &options) == TAY_OK && r.n_steps == 12000 ? ode : NULL;
}

static void code_is_made_on_the_way(void **unused)
{
    (void)unused;
    tay_ode *ode[3] = {make(&kepler), NULL, make_with(&kepler, (tay_ode_options){.execution = TAY_EXECUTION_VM})};
    const char *environment = getenv("TAYRA_EXEC");
    tay_execution first = tay_ode_execution(ode[0]), at_last;
    pthread_t other;
    void *done;

    assert_ok(tay_ode_copy(&ode[1], ode[0]));
    assert_int_equal(pthread_create(&other, NULL, propagate_far, ode[1]), 0);
    for (int i = 0; i < 3; i += 2) assert_ptr_equal(propagate_far(ode[i]), ode[i]);
    assert_int_equal(pthread_join(other, &done), 0);
    assert_ptr_equal(done, ode[1]);
    at_last = tay_ode_execution(ode[0]);
    assert_int_equal(tay_ode_execution(ode[1]), at_last);
    if (!environment) assert_int_equal(first, TAY_EXECUTION_VM);
    if (first == TAY_EXECUTION_JIT) assert_int_equal(at_last, TAY_EXECUTION_JIT);
    assert_int_equal(tay_ode_execution(ode[2]), TAY_EXECUTION_VM);
    for (int i = 0; i < 2; i++) { /* the steps' sizes differ by rounding, hence the ends do; not the energy */
        const double *x = tay_ode_state(ode[i]);
        assert_close((x[2] * x[2] + x[3] * x[3]) / 2 - 1 / hypot(x[0], x[1]), 0.72 - 1, 1e-13);
        assert_close(tay_ode_time(ode[i], NULL), tay_ode_time(ode[2], NULL), 1e-6);
    }
    for (int i = 0; i < 3; i++) tay_ode_free(ode[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(linear_system_is_exact),   cmocka_unit_test(results_are_those_of_heyoka),
        cmocka_unit_test(ends_exactly_at_the_time), cmocka_unit_test(step_limit),
        cmocka_unit_test(callback_sees_every_step), cmocka_unit_test(callback_changes_things),
        cmocka_unit_test(blowing_up),               cmocka_unit_test(wrong_arguments),
        cmocka_unit_test(code_is_made_on_the_way),  cmocka_unit_test(steps_at_once),
        cmocka_unit_test(callback_may_see_steps_seldom),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
