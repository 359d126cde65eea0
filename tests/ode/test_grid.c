/*
 * Grids of times: rows against single propagations and closed forms, early ends, wrong grids.
 */
#include <stdlib.h>

#include "systems.h"

enum { MANY = 1000 };

static void fill(double *times, size_t n, double from, double to)
{
    for (size_t i = 0; i < n; i++) times[i] = i + 1 == n ? to : from + (to - from) * (double)i / (double)(n - 1);
}

/* Each row is what propagate_until gives, and the steps are the same ones. */
static void rows_are_propagations(void **unused)
{
    (void)unused;
    static const double ends[] = {8, -8};
    for (size_t k = 0; k < 2; k++) {
        double times[50], out[50][4];
        fill(times, 50, 0, ends[k]);
        tay_ode *ode = make(&kepler), *other = make(&kepler);
        tay_ode_result r, until;
        size_t n_rows;
        assert_ok(tay_ode_propagate_grid(&r, *out, &n_rows, ode, &(tay_grid){times, 50}, NULL));
        assert_true(n_rows == 50 && r.outcome == TAY_OUTCOME_TIME_LIMIT);
        assert_memory_equal(out[0], kepler.state, sizeof out[0]);
        for (size_t i = 1; i < 50; i++) {
            assert_ok(tay_ode_propagate_until(NULL, other, times[i], NULL));
            for (size_t j = 0; j < 4; j++) assert_close(out[i][j], tay_ode_state(other)[j], 2e-14);
        }
        tay_ode_free(other);

        other = make(&kepler);
        assert_ok(tay_ode_propagate_until(&until, other, ends[k], NULL));
        assert_memory_equal(&r, &until, sizeof r);
        assert_memory_equal(tay_ode_state(ode), tay_ode_state(other), 4 * sizeof(double));
        assert_memory_equal(out[49], tay_ode_state(ode), sizeof out[49]);
        assert_true(tay_ode_time(ode, NULL) == ends[k] && tay_ode_last_h(ode) == tay_ode_last_h(other));
        tay_ode_free(other);
        tay_ode_free(ode);
    }
}

/* Hundreds of rows in one step. */
static void many_rows(void **unused)
{
    (void)unused;
    double times[MANY], (*out)[2] = malloc(MANY * sizeof *out);
    fill(times, MANY, 0, 5);
    tay_ode *ode = make(&oscillator);
    size_t n_rows;
    tay_ode_result r;
    assert_ok(tay_ode_propagate_grid(&r, *out, &n_rows, ode, &(tay_grid){times, MANY}, NULL));
    assert_true(n_rows == MANY && r.n_steps < MANY / 100);
    for (size_t i = 0; i < MANY; i++) {
        assert_close(out[i][0], cos(times[i]), 1e-15);
        assert_close(out[i][1], -sin(times[i]), 1e-15);
    }
    tay_ode_free(ode);
    free(out);
}

static void linear_system_on_a_grid(void **unused)
{
    (void)unused;
    double out[4][6];
    tay_ode *ode = make_with(&linear, (tay_ode_options){.tolerance = 1e-18});
    assert_ok(tay_ode_propagate_grid(NULL, *out, NULL, ode, &(tay_grid){(double[]){0, 1, 5, 20}, 4}, NULL));
    for (size_t i = 0; i < 3; i++) {
        for (size_t j = 0; j < 6; j++) assert_close(out[i + 1][j], linear_solution[i].x[j], 2e-13);
    }
    tay_ode_free(ode);
}

static bool stop_at_third(tay_ode *ode, void *context)
{
    (void)ode;
    return ++*(int *)context < 3;
}

static bool add_one(tay_ode *ode, void *context)
{
    (void)context;
    tay_ode_state(ode)[0] += 1;
    return true;
}

static void early_ends(void **unused)
{
    (void)unused;
    double times[] = {0, 0.25, 0.5, 0.75, 1, 1.25, 1.5, 1.75, 2}, out[9][2], column[9];
    int calls = 0;
    tay_ode_result r;
    size_t n_rows;
    tay_ode *ode = make(&pendulum);
    tay_propagate_options options = {.size = sizeof options, .max_steps = 2};
    out[2][0] = 77;
    assert_ok(tay_ode_propagate_grid(&r, *out, &n_rows, ode, &(tay_grid){times, 9}, &options));
    assert_true(r.outcome == TAY_OUTCOME_STEP_LIMIT && n_rows == 2 && out[2][0] == 77);
    assert_close(tay_ode_time(ode, NULL), 0.42917577525522765, 1e-14);
    tay_ode_free(ode);

    ode = make(&pendulum);
    options = (tay_propagate_options){.size = sizeof options, .callback = stop_at_third, .context = &calls};
    assert_ok(tay_ode_propagate_grid(&r, *out, &n_rows, ode, &(tay_grid){times, 9}, &options));
    assert_true(r.outcome == TAY_OUTCOME_CALLBACK_STOP && n_rows == 3 && r.n_steps == 3);
    tay_ode_free(ode);

    /* x = 1 / (1 - t): rows up to the singularity */
    ode = make(&blow_up);
    assert_ok(tay_ode_propagate_grid(&r, column, &n_rows, ode, &(tay_grid){times, 9}, NULL));
    assert_true(r.outcome == TAY_OUTCOME_NONFINITE_STATE && n_rows == 4);
    for (size_t i = 0; i < 4; i++) assert_close(column[i], 1 / (1 - times[i]), 1e-14);
    /* the first step fails: no rows */
    tay_ode_state(ode)[0] = INFINITY;
    assert_ok(tay_ode_set_time(ode, 0, 0));
    assert_ok(tay_ode_propagate_grid(&r, column, &n_rows, ode, &(tay_grid){times, 9}, NULL));
    assert_true(r.outcome == TAY_OUTCOME_NONFINITE_STATE && n_rows == 0 && r.n_steps == 0);
    tay_ode_free(ode);
}

/* Rows are written before the callback, which here adds 1 to x' = 0 after each step of 0.5. */
static void callback_comes_after_the_rows(void **unused)
{
    (void)unused;
    static const equations rest = {{"x"}, {"0"}, {0}};
    double out[5];
    tay_ode *ode = make(&rest);
    tay_propagate_options options = {.size = sizeof options, .callback = add_one, .max_delta_t = 0.5};
    tay_grid grid = {(double[]){0, 0.25, 0.5, 0.75, 2}, 5};
    assert_ok(tay_ode_propagate_grid(NULL, out, NULL, ode, &grid, &options));
    assert_true(out[0] == 0 && out[1] == 0 && out[2] == 0 && out[3] == 1 && out[4] == 3);
    assert_true(tay_ode_state(ode)[0] == 4);
    tay_ode_free(ode);
}

/* There is no step, and nothing to call back for. */
static void one_point(void **unused)
{
    (void)unused;
    double out[2];
    tay_propagate_options options = {.size = sizeof options, .callback = add_one};
    tay_ode_result r;
    size_t n_rows;
    tay_ode *ode = make(&pendulum);
    assert_ok(tay_ode_propagate_grid(&r, out, &n_rows, ode, &(tay_grid){(double[]){0}, 1}, &options));
    assert_true(n_rows == 1 && r.outcome == TAY_OUTCOME_TIME_LIMIT && r.n_steps == 0 && out[0] == 0.05);
    assert_true(tay_ode_state(ode)[0] == 0.05);
    assert_true(r.min_h == INFINITY && r.max_h == 0);
    tay_ode_free(ode);
}

static void wrong_grids(void **unused)
{
    (void)unused;
    static const struct {
        double times[3];
        size_t n;
        const char *message;
    } cases[] = {
        {{0}, 0, "at least one"},         {{0.1}, 1, "grid[0]"},           {{0.1, 1}, 2, "grid[0]"},
        {{0, 0}, 2, "strictly"},          {{0, 1, 1}, 3, "strictly"},      {{0, 1, 0.5}, 3, "strictly"},
        {{0, -1, -0.5}, 3, "strictly"},   {{0, NAN}, 2, "grid[1]"},        {{NAN, 1}, 2, "grid[0]"},
        {{0, 1, INFINITY}, 3, "grid[2]"},
    };
    double out[6] = {77};
    size_t n_rows = 77;
    tay_ode *ode = make(&pendulum);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        tay_grid grid = {cases[i].times, cases[i].n};
        tay_status status = tay_ode_propagate_grid(NULL, out, &n_rows, ode, &grid, NULL);
        assert_error(status, TAY_ERROR_ARGUMENT, cases[i].message);
    }
    tay_continuous *c;
    tay_propagate_options options = {.size = sizeof options, .continuous = &c};
    tay_grid grid = {NULL, 2};
    assert_error(tay_ode_propagate_grid(NULL, out, &n_rows, ode, NULL, NULL), TAY_ERROR_ARGUMENT, "grid");
    assert_error(tay_ode_propagate_grid(NULL, out, &n_rows, ode, &grid, NULL), TAY_ERROR_ARGUMENT, "grid->times");
    grid.times = (double[]){0, 1};
    assert_error(tay_ode_propagate_grid(NULL, NULL, &n_rows, ode, &grid, NULL), TAY_ERROR_ARGUMENT, "out");
    assert_error(tay_ode_propagate_grid(NULL, out, &n_rows, ode, &grid, &options), TAY_ERROR_ARGUMENT, "continuous");
    assert_true(out[0] == 77 && n_rows == 77 && tay_ode_time(ode, NULL) == 0);
    tay_ode_free(ode);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_are_propagations), cmocka_unit_test(many_rows),
        cmocka_unit_test(linear_system_on_a_grid), cmocka_unit_test(early_ends),
        cmocka_unit_test(callback_comes_after_the_rows), cmocka_unit_test(one_point),
        cmocka_unit_test(wrong_grids),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
