/*
 * Dense output of the last step, continuous output of a propagation.
 */
#include "systems.h"

static void inside_the_last_step(void **unused)
{
    (void)unused;
    tay_ode *ode = make(&oscillator);
    double out[2] = {1, 1}, h;
    assert_ok(tay_ode_dense_output(out, ode, 0.1, false)); /* before the first step */
    assert_true(out[0] == 0 && out[1] == 0);
    for (int step = 0; step < 20; step++) {
        assert_ok(tay_ode_step(NULL, &h, ode, step % 3 == 2 ? -INFINITY : INFINITY));
        double end = tay_ode_time(ode, NULL);
        for (int i = -1; i <= 11; i++) { /* and a little beyond */
            double t = end - h + h * i / 10;
            assert_ok(tay_ode_dense_output(out, ode, t, false));
            assert_close(out[0], cos(t), 4e-15);
            assert_close(out[1], -sin(t), 4e-15);
            assert_ok(tay_ode_dense_output(out, ode, t - end, true));
            assert_close(out[0], cos(t), 4e-15);
        }
        assert_ok(tay_ode_dense_output(out, ode, 0, true));
        assert_memory_equal(out, tay_ode_state(ode), sizeof out);
    }
    /* The step moves with the time that the user sets. */
    assert_ok(tay_ode_set_time(ode, 100, 0));
    assert_ok(tay_ode_dense_output(out, ode, 100, false));
    assert_memory_equal(out, tay_ode_state(ode), sizeof out);
    tay_ode_free(ode);
}

static void against_many_small_steps(void **unused)
{
    (void)unused;
    tay_ode *ode = make(&pendulum), *small = make(&pendulum);
    double out[2], h;
    assert_ok(tay_ode_step(NULL, &h, ode, INFINITY));
    for (int i = 1; i <= 20; i++) {
        double t = h * i / 20;
        assert_ok(tay_ode_propagate_until(NULL, small, t, NULL));
        assert_ok(tay_ode_dense_output(out, ode, t, false));
        assert_close(out[0], tay_ode_state(small)[0], 1e-16);
        assert_close(out[1], tay_ode_state(small)[1], 1e-16);
    }
    tay_ode_free(small);
    tay_ode_free(ode);
}

/* Coefficients of cos t about the step's beginning. */
static void jet_of_the_last_step(void **unused)
{
    (void)unused;
    tay_ode *ode = make(&oscillator);
    size_t stride = 0;
    const double *jet = tay_ode_jet(ode, &stride);
    for (uint32_t k = 0; k <= 20; k++) assert_true(jet[k * stride] == 0 && jet[k * stride + 1] == 0);
    assert_ok(tay_ode_step(NULL, NULL, ode, INFINITY));
    jet = tay_ode_jet(ode, &stride);
    static const double cosine[] = {1, 0, -1. / 2, 0, 1. / 24, 0, -1. / 720};
    for (uint32_t k = 0; k < 7; k++) assert_close(jet[k * stride], cosine[k], 1e-17);
    tay_ode_free(ode);
}

static void check_continuous(double end)
{
    tay_ode *ode = make(&oscillator);
    tay_continuous *c, *copy;
    tay_ode_result r;
    tay_propagate_options options = {.size = sizeof options, .continuous = &c};
    assert_ok(tay_ode_propagate_until(&r, ode, end, &options));
    double step = tay_ode_last_h(ode), last[2] = {tay_ode_state(ode)[0], tay_ode_state(ode)[1]};
    tay_ode_free(ode); /* it lives on, and so does a copy of it */
    assert_ok(tay_continuous_copy(&copy, c));
    tay_continuous_free(c);

    double begin, finish, times[64], bounds[64], out[64][2];
    tay_continuous_bounds(copy, &begin, &finish);
    assert_true(begin == 0 && finish == end);
    assert_true(tay_continuous_n_steps(copy) == r.n_steps && r.n_steps < 63);
    assert_true(tay_continuous_dim(copy) == 2 && tay_continuous_order(copy) == 20);
    tay_continuous_times(bounds, copy);
    assert_true(bounds[0] == 0 && bounds[r.n_steps] == end);
    assert_close(bounds[r.n_steps] - bounds[r.n_steps - 1], step, 1e-14);

    for (int i = 0; i < 64; i++) times[i] = end * (i - 1) / 61; /* both ends are passed a little */
    assert_ok(tay_continuous_eval(*out, copy, times, 64));
    for (int i = 0; i < 64; i++) {
        assert_close(out[i][0], cos(times[i]), 1e-14);
        assert_close(out[i][1], -sin(times[i]), 1e-14);
    }
    assert_ok(tay_continuous_eval(*out, copy, &end, 1));
    assert_close(out[0][0], last[0], 4e-16);
    assert_ok(tay_continuous_eval(*out, copy, bounds, r.n_steps));
    for (size_t i = 0; i < r.n_steps; i++) { /* coefficient 0 of the step, but for the low part of its time */
        assert_close(out[i][0], tay_continuous_jet(copy, i)[0], 2e-15);
        assert_close(out[i][1], tay_continuous_jet(copy, i)[1], 2e-15);
    }
    assert_null(tay_continuous_jet(copy, r.n_steps));
    out[0][0] = 77;
    assert_error(tay_continuous_eval(*out, copy, (double[]){0, NAN}, 2), TAY_ERROR_ARGUMENT, "times[1]");
    assert_error(tay_continuous_eval(*out, copy, (double[]){INFINITY}, 1), TAY_ERROR_ARGUMENT, "times[0]");
    assert_true(out[0][0] == 77);
    tay_continuous_free(copy);
}

static void continuous_output(void **unused)
{
    (void)unused;
    check_continuous(12);
    check_continuous(-12);
    tay_continuous_free(NULL);
}

static void continuous_output_of_no_time(void **unused)
{
    (void)unused;
    tay_ode *ode = make(&oscillator);
    tay_continuous *c;
    tay_propagate_options options = {.size = sizeof options, .continuous = &c};
    double out[2];
    assert_ok(tay_ode_propagate_until(NULL, ode, 0, &options));
    assert_int_equal(tay_continuous_n_steps(c), 1);
    assert_ok(tay_continuous_eval(out, c, (double[]){0.125}, 1));
    assert_close(out[0], cos(0.125), 2e-16);
    tay_continuous_free(c);
    tay_ode_free(ode);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(inside_the_last_step), cmocka_unit_test(against_many_small_steps),
        cmocka_unit_test(jet_of_the_last_step), cmocka_unit_test(continuous_output),
        cmocka_unit_test(continuous_output_of_no_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
