/*
 * Single steps: order and size, the new state against closed forms, limits, parameters and time, what is not finite.
 */
#include <stdio.h>

#include "systems.h"

/* Largest error of the jet's Taylor polynomial at h, summed in long double, against the state. */
static double state_error(tay_ode *ode)
{
    size_t stride;
    const double *jet = tay_ode_jet(ode, &stride);
    double largest = 0;
    for (size_t i = 0; i < tay_ode_dim(ode); i++) {
        long double sum = 0, h = tay_ode_last_h(ode);
        for (uint32_t k = tay_ode_order(ode) + 1; k-- > 0;) sum = sum * h + jet[k * stride + i];
        largest = fmax(largest, (double)fabsl(sum - tay_ode_state(ode)[i]));
    }
    return largest;
}

static double energy(tay_ode *ode)
{
    const double *x = tay_ode_state(ode);
    return 0.5 * x[1] * x[1] - 9.8 * cos(x[0]);
}

/* max(2, ceil(1 - ln(tolerance) / 2)); the values are those of heyoka 7.13.2. */
static void order_follows_tolerance(void **unused)
{
    (void)unused;
    static const struct {
        double tolerance;
        uint32_t order;
    } cases[] = {{0, 20}, {0x1p-52, 20}, {1e-18, 22}, {1e-8, 11}, {1e-3, 5}, {0.5, 2}, {1, 2}, {10, 2}, {1e-300, 347},
                 {5e-324, 374}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        tay_ode *ode = make_with(&decay, (tay_ode_options){.tolerance = cases[i].tolerance});
        assert_int_equal(tay_ode_order(ode), cases[i].order);
        assert_true(tay_ode_tolerance(ode) == (cases[i].tolerance == 0 ? 0x1p-52 : cases[i].tolerance));
        tay_ode_free(ode);
    }
}

/* x' = -x has x_m = x_0 / m!, so that the step is known: relative for |x_0| > 1, absolute below. */
static void size_of_the_step(void **unused)
{
    (void)unused;
    static const double starts[] = {1, 1000, 1e-3, -1e-3};
    tay_ode *ode = make(&decay);
    tay_outcome outcome;
    double h;
    for (size_t i = 0; i < sizeof starts / sizeof *starts; i++) {
        double x = fabs(starts[i]), scale = fmax(1, x);
        double rho = fmin(pow(scale / x * tgamma(20), 1. / 19), pow(scale / x * tgamma(21), 1. / 20));
        tay_ode_state(ode)[0] = starts[i];
        assert_ok(tay_ode_step(&outcome, &h, ode, INFINITY));
        assert_int_equal(outcome, TAY_OUTCOME_SUCCESS);
        assert_close(h, rho * exp(-0.7 / 19 - 2), 1e-14 * h);
        assert_true(h == tay_ode_last_h(ode));
        assert_close(tay_ode_state(ode)[0], starts[i] * exp(-h), 4e-16 * x);
    }
    tay_ode_free(ode);
}

/* Steps observed with heyoka 7.13.2: order, norms and sizes are meant to be the same. */
static void steps_are_those_of_heyoka(void **unused)
{
    (void)unused;
    static const double sizes[] = {0.21605277478009474, 0.21312300047513288, 0.2021425243240425, 0.20385218130570118};
    tay_ode *ode = make(&pendulum);
    tay_outcome outcome;
    double h;
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        assert_ok(tay_ode_step(&outcome, &h, ode, INFINITY));
        assert_close(h, sizes[i], 1e-14);
    }
    assert_close(tay_ode_time(ode, NULL), 0.8351704808849714, 1e-14);
    tay_ode_free(ode);
}

static void limited_steps(void **unused)
{
    (void)unused;
    tay_ode *ode = make(&oscillator);
    tay_outcome outcome;
    double h;
    assert_true(tay_ode_last_h(ode) == 0);
    assert_ok(tay_ode_step(&outcome, &h, ode, 0.01));
    assert_int_equal(outcome, TAY_OUTCOME_TIME_LIMIT);
    assert_true(h == 0.01 && tay_ode_time(ode, NULL) == 0.01 && tay_ode_last_h(ode) == 0.01);
    assert_close(tay_ode_state(ode)[0], cos(0.01), 2e-16);
    assert_ok(tay_ode_step(&outcome, &h, ode, -0.01));
    assert_true(outcome == TAY_OUTCOME_TIME_LIMIT && h == -0.01 && tay_ode_time(ode, NULL) == 0);
    assert_ok(tay_ode_step(&outcome, &h, ode, 0));
    assert_true(outcome == TAY_OUTCOME_TIME_LIMIT && h == 0 && tay_ode_time(ode, NULL) == 0);
    assert_ok(tay_ode_step(&outcome, &h, ode, 1e6));
    assert_true(outcome == TAY_OUTCOME_SUCCESS && h > 0.1 && h < 10);
    double t = tay_ode_time(ode, NULL);
    assert_ok(tay_ode_step(&outcome, &h, ode, -INFINITY));
    assert_true(outcome == TAY_OUTCOME_SUCCESS && h < -0.1);
    assert_close(tay_ode_state(ode)[0], cos(t + h), 1e-15);
    assert_ok(tay_ode_step(NULL, NULL, ode, 1));
    assert_error(tay_ode_step(&outcome, &h, ode, NAN), TAY_ERROR_ARGUMENT, "max_delta_t");
    tay_ode_free(ode);
}

static void pendulum_keeps_its_energy(void **unused)
{
    (void)unused;
    tay_ode *ode = make(&pendulum);
    tay_ode_state(ode)[0] = 2.5;
    double start = energy(ode), largest = 0;
    for (int i = 0; i < 10000; i++) {
        assert_ok(tay_ode_step(NULL, NULL, ode, INFINITY));
        largest = fmax(largest, fabs(energy(ode) - start));
    }
    assert_true(largest > 0);
    assert_close(largest / fabs(start), 0, 5e-14);
    tay_ode_free(ode);
}

static void time_is_reversible(void **unused)
{
    (void)unused;
    tay_ode *ode = make(&kepler);
    assert_ok(tay_ode_propagate_until(NULL, ode, 40, NULL)); /* the period is 15 */
    assert_true(fabs(tay_ode_state(ode)[0] - 1) > 1e-3);
    assert_ok(tay_ode_propagate_until(NULL, ode, 0, NULL));
    for (size_t i = 0; i < 4; i++) assert_close(tay_ode_state(ode)[i], kepler.state[i], 1e-12);
    tay_ode_free(ode);
}

/* Whether long doubles have more digits than doubles; not so under valgrind, which computes them as doubles. */
static bool has_extended_precision(void)
{
    volatile long double one = 1, little = 0x1p-60L;
    return one + little != one;
}

/* Compensated sums round the polynomial once; plain ones a few times, as the reference does without extended precision. */
static void high_accuracy_rounds_once(void **unused)
{
    (void)unused;
    double once = has_extended_precision() ? 1.2e-16 * 2 : 2e-15;
    for (int high = 0; high < 2; high++) {
        tay_ode *ode = make_with(&kepler, (tay_ode_options){.high_accuracy = high});
        assert_true(tay_ode_high_accuracy(ode) == high);
        for (int i = 0; i < 100; i++) {
            assert_ok(tay_ode_step(NULL, NULL, ode, INFINITY));
            assert_close(state_error(ode), 0, high ? once : 2e-15);
        }
        tay_ode_free(ode);
    }
}

/* x' = t and x' = cos t */
static void time_in_the_equations(void **unused)
{
    (void)unused;
    static const equations explicit_time = {{"x", "y"}, {"t", "t cos"}, {0, 0}};
    tay_ode *ode = make_with(&explicit_time, (tay_ode_options){.time = 1});
    assert_ok(tay_ode_propagate_until(NULL, ode, 3, NULL));
    assert_close(tay_ode_state(ode)[0], 4, 1e-14);
    assert_close(tay_ode_state(ode)[1], sin(3) - sin(1), 1e-15);
    assert_ok(tay_ode_set_time(ode, 1, 0));
    assert_ok(tay_ode_propagate_until(NULL, ode, 2, NULL));
    assert_close(tay_ode_state(ode)[0], 5.5, 1e-14);
    tay_ode_free(ode);
}

/* x' = (p0 + p1^2) x: parameters may be written between any two steps. */
static void parameters_change_between_steps(void **unused)
{
    (void)unused;
    static const equations growth = {{"x"}, {"p0 p1 p1 * + x *"}, {1}};
    tay_ode *ode = make_with(&growth, (tay_ode_options){.pars = (double[]){0.5}, .n_pars = 1});
    double exponent = 0;
    assert_int_equal(tay_ode_n_pars(ode), 2);
    assert_true(tay_ode_pars(ode)[0] == 0.5 && tay_ode_pars(ode)[1] == 0);
    for (int i = 0; i < 6; i++) {
        double *pars = tay_ode_pars(ode);
        assert_ok(tay_ode_step(NULL, NULL, ode, 0.25));
        exponent += 0.25 * (pars[0] + pars[1] * pars[1]);
        assert_close(tay_ode_state(ode)[0], exp(exponent), 4e-15);
        pars[i % 2] += i - 2.5;
    }
    tay_ode_free(ode);
}

/* The sum of 10000 steps of the double nearest to 0.1 is exact in two doubles. */
static void time_does_not_drift(void **unused)
{
    (void)unused;
    tay_ode *ode = make_with(&decay, (tay_ode_options){.tolerance = 1e-3});
    for (int i = 0; i < 10000; i++) {
        tay_ode_state(ode)[0] = 1;
        assert_ok(tay_ode_step(NULL, NULL, ode, 0.1));
    }
    double lo, hi = tay_ode_time(ode, &lo);
    assert_true(hi == 10000 * 0.1);
    assert_close(lo, fma(10000, 0.1, -hi), 1e-26);
    assert_true(lo != 0);
    tay_ode_free(ode);
}

static void setting_time(void **unused)
{
    (void)unused;
    tay_ode *ode = make_with(&decay, (tay_ode_options){.time = 1.5});
    double lo = 1;
    assert_true(tay_ode_time(ode, &lo) == 1.5 && lo == 0);
    assert_ok(tay_ode_set_time(ode, 1, 1e-20));
    assert_true(tay_ode_time(ode, &lo) == 1 && lo == 1e-20);
    assert_ok(tay_ode_set_time(ode, 1, 1e-10)); /* made to overlap no more */
    assert_true(tay_ode_time(ode, &lo) == 1 + 1e-10 && fabs(lo) < 2e-16);
    assert_error(tay_ode_set_time(ode, NAN, 0), TAY_ERROR_ARGUMENT, "time");
    assert_error(tay_ode_set_time(ode, 0, INFINITY), TAY_ERROR_ARGUMENT, "time");
    assert_error(tay_ode_set_time(ode, 1e-10, 1), TAY_ERROR_ARGUMENT, "lo");
    assert_error(tay_ode_set_time(ode, 1.7e308, 1.7e308), TAY_ERROR_ARGUMENT, "overflow");
    assert_true(tay_ode_time(ode, NULL) == 1 + 1e-10);
    tay_ode_free(ode);
}

/* A limit that is the step's own size is one. */
static void limit_of_a_whole_step(void **unused)
{
    (void)unused;
    tay_ode *ode = make(&pendulum), *same = make(&pendulum);
    double h, again;
    tay_outcome outcome;
    assert_ok(tay_ode_step(&outcome, &h, ode, INFINITY));
    assert_int_equal(outcome, TAY_OUTCOME_SUCCESS);
    assert_ok(tay_ode_step(&outcome, &again, same, h));
    assert_true(outcome == TAY_OUTCOME_TIME_LIMIT && again == h);
    assert_memory_equal(tay_ode_state(ode), tay_ode_state(same), 2 * sizeof(double));
    tay_ode_free(ode);
    tay_ode_free(same);
}

/* More states than are copied one by one: x_i' = -x_i. */
static void many_states(void **unused)
{
    (void)unused;
    enum { N = 300 };
    tay_expr *vars[N], *rhs[N];
    double start[N], h;
    char text[16];
    tay_ode *ode;
    for (int i = 0; i < N; i++) {
        snprintf(text, sizeof text, "x%d", i);
        vars[i] = rpn(text);
        assert_ok(tay_expr_neg(&rhs[i], vars[i]));
        start[i] = 1 + i / 64.0;
    }
    assert_ok(tay_ode_create(&ode, (const tay_expr *const *)vars, (const tay_expr *const *)rhs, N, start, NULL));
    for (int step = 0; step < 3; step++) {
        double before = tay_ode_time(ode, NULL);
        assert_ok(tay_ode_step(NULL, &h, ode, INFINITY));
        assert_true(tay_ode_time(ode, NULL) > before);
        for (int i = 0; i < N; i++)
            assert_close(tay_ode_state(ode)[i], start[i] * exp(-tay_ode_time(ode, NULL)), 2e-15 * start[i]);
    }
    tay_ode_state(ode)[N - 1] = NAN; /* nothing is done then */
    memcpy(start, tay_ode_state(ode), sizeof start);
    tay_outcome outcome;
    assert_ok(tay_ode_step(&outcome, &h, ode, INFINITY));
    assert_int_equal(outcome, TAY_OUTCOME_NONFINITE_STATE);
    assert_memory_equal(tay_ode_state(ode), start, sizeof start);
    tay_ode_free(ode);
    for (int i = 0; i < N; i++) {
        tay_expr_unref(vars[i]);
        tay_expr_unref(rhs[i]);
    }
}

/* A step that fails leaves state and time as they were. */
static void check_nonfinite(tay_ode *ode, double limit)
{
    double state = tay_ode_state(ode)[0], time = tay_ode_time(ode, NULL), h = 1;
    tay_outcome outcome;
    assert_ok(tay_ode_step(&outcome, &h, ode, limit));
    assert_int_equal(outcome, TAY_OUTCOME_NONFINITE_STATE);
    assert_true(h == 0 && tay_ode_last_h(ode) == 0 && tay_ode_time(ode, NULL) == time);
    assert_memory_equal(tay_ode_state(ode), &state, sizeof state);
}

static void states_that_are_not_finite(void **unused)
{
    (void)unused;
    static const equations inverse = {{"x"}, {"1 x /"}, {0}}, huge = {{"x"}, {"1e300 x x * *"}, {1e300}};
    tay_ode *ode = make(&inverse);
    check_nonfinite(ode, INFINITY);
    check_nonfinite(ode, 0.1);
    check_nonfinite(ode, 0);
    tay_ode_state(ode)[0] = 2; /* and it goes on from a good one */
    assert_ok(tay_ode_propagate_until(NULL, ode, 1, NULL));
    assert_close(tay_ode_state(ode)[0], sqrt(6), 1e-15);
    tay_ode_state(ode)[0] = NAN;
    check_nonfinite(ode, INFINITY);
    tay_ode_state(ode)[0] = INFINITY;
    check_nonfinite(ode, -1);
    tay_ode_free(ode);

    ode = make(&huge);
    check_nonfinite(ode, INFINITY);
    tay_ode_free(ode);
}

/* Polynomial solutions set no limit to the step: one must be given. */
static void solutions_without_a_step_size(void **unused)
{
    (void)unused;
    static const equations free_fall = {{"x", "v"}, {"v", "-10"}, {0, 5}}, rest = {{"x"}, {"x neg"}, {0}};
    tay_ode *ode = make(&rest);
    check_nonfinite(ode, INFINITY);
    check_nonfinite(ode, -INFINITY);
    tay_ode_free(ode);

    tay_ode_result result;
    ode = make(&free_fall);
    assert_ok(tay_ode_propagate_until(&result, ode, 2, NULL));
    assert_true(result.outcome == TAY_OUTCOME_TIME_LIMIT && result.n_steps == 1);
    assert_true(tay_ode_state(ode)[0] == -10 && tay_ode_state(ode)[1] == -15);
    tay_ode_free(ode);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(order_follows_tolerance),         cmocka_unit_test(size_of_the_step),
        cmocka_unit_test(steps_are_those_of_heyoka),       cmocka_unit_test(limited_steps),
        cmocka_unit_test(limit_of_a_whole_step),           cmocka_unit_test(many_states),
        cmocka_unit_test(pendulum_keeps_its_energy),       cmocka_unit_test(time_is_reversible),
        cmocka_unit_test(high_accuracy_rounds_once),       cmocka_unit_test(time_in_the_equations),
        cmocka_unit_test(parameters_change_between_steps), cmocka_unit_test(time_does_not_drift),
        cmocka_unit_test(setting_time),                    cmocka_unit_test(states_that_are_not_finite),
        cmocka_unit_test(solutions_without_a_step_size),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
