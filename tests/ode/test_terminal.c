/*
 * Terminal events: outcomes of steps and propagations, which of several events comes, what callbacks may do, rows of grids and
 * continuous output.
 */
#include "events.h"

static const double pi = 3.14159265358979323846;

static tay_outcome one_step(tay_ode *ode, double *h)
{
    tay_outcome outcome;

    assert_ok(tay_ode_step(&outcome, h, ode, INFINITY));
    return outcome;
}

static void outcomes_of_steps(void **unused)
{
    (void)unused;
    static record r;
    for (int callback = 0; callback < 3; callback++) { /* none, one that goes on, one that stops */
        tay_ode *ode = watch(&oscillator, ONE(.function = "x", .terminal = true, .alone = callback == 0),
                             &r);
        double h, before;
        r.stop_at = callback == 2;
        assert_true(tay_ode_terminal_event(ode) == SIZE_MAX);
        assert_int_equal(one_step(ode, &before), TAY_OUTCOME_SUCCESS);
        assert_true(tay_ode_terminal_event(ode) == SIZE_MAX);
        assert_int_equal(one_step(ode, &h), callback == 1 ? TAY_OUTCOME_EVENT : TAY_OUTCOME_EVENT_STOP);
        assert_int_equal(tay_ode_terminal_event(ode), 0);
        assert_close(before + h, pi / 2, 2e-15);
        assert_close(tay_ode_state(ode)[0], 0, 1e-15);
        assert_true(tay_ode_last_h(ode) == h && r.n == (callback > 0));
        if (callback) assert_hit(&r, 0, 0, pi / 2, -1, 2e-15);
        if (callback) assert_true(r.now[0] == r.hits[0].time && tay_ode_time(ode, NULL) == r.now[0]);
        assert_int_equal(one_step(ode, &h), TAY_OUTCOME_SUCCESS);
        assert_true(tay_ode_terminal_event(ode) == SIZE_MAX);
        tay_ode_free(ode);
    }
    r.stop_at = 0;
}

static void outcomes_of_propagations(void **unused)
{
    (void)unused;
    static record r;
    static const double to[] = {20, -20};
    for (int i = 0; i < 2; i++) {
        tay_ode *ode = watch(&oscillator, (watched[]){{.function = "v 2 +", .terminal = true, .alone = true},
                                                      {.function = "x", .terminal = true}, {.function = NULL}}, &r);
        tay_ode_result result;
        r.stop_at = 3;
        assert_ok(tay_ode_propagate_until(&result, ode, to[i], NULL));
        assert_int_equal(result.outcome, TAY_OUTCOME_EVENT_STOP);
        assert_int_equal(tay_ode_terminal_event(ode), 1);
        assert_int_equal(r.n, 3);
        for (int k = 0; k < 3; k++)
            assert_hit(&r, (size_t)k, 1, (i ? -1 : 1) * (k + 0.5) * pi, (k % 2 == 0) == (i == 0) ? -1 : 1, 1e-14);
        assert_ok(tay_ode_propagate_until(&result, ode, to[i], NULL));
        assert_int_equal(result.outcome, TAY_OUTCOME_TIME_LIMIT);
        assert_int_equal(r.n, 6);
        assert_true(tay_ode_terminal_event(ode) == SIZE_MAX);
        tay_ode_free(ode);
    }
    r.stop_at = 0;
}

/* The sizes of steps that an event shortened are not the smallest; steps to events count. */
static void sizes_and_numbers_of_steps(void **unused)
{
    (void)unused;
    static record r;
    tay_ode *ode = watch(&oscillator, ONE(.function = "x", .terminal = true), &r);
    tay_ode_result result;
    tay_propagate_options options = {.size = sizeof options, .max_steps = 2};

    assert_ok(tay_ode_propagate_until(&result, ode, 2, NULL));
    assert_true(result.n_steps == 3 && r.n == 1); /* 1.03, pi/2, 2 */
    assert_true(result.min_h == result.max_h);
    assert_close(result.min_h, 1.03425164317259, 1e-13);
    assert_ok(tay_ode_propagate_until(&result, ode, 0, &options));
    assert_true(result.n_steps == 2 && result.outcome == TAY_OUTCOME_STEP_LIMIT && r.n == 2);
    tay_ode_free(ode);

    /* An event at once: a step of size 0, which is not counted but in max_steps. */
    ode = watch(&(equations){{"x", "v"}, {"v", "x neg"}, {0, 1}}, ONE(.function = "x", .terminal = true),
                &r);
    tay_ode *other;
    double h = 7;
    assert_ok(tay_ode_copy(&other, ode));
    assert_int_equal(one_step(ode, &h), TAY_OUTCOME_EVENT);
    assert_true(h == 0 && tay_ode_time(ode, NULL) == 0 && tay_ode_state(ode)[1] == 1);
    assert_hit(&r, 0, 0, 0, 1, 0);
    options.max_steps = 1;
    assert_ok(tay_ode_propagate_until(&result, other, 1, &options));
    assert_true(result.n_steps == 0 && result.outcome == TAY_OUTCOME_STEP_LIMIT && r.n == 2);
    assert_ok(tay_ode_propagate_until(&result, other, 4, NULL));
    assert_int_equal(r.n, 3);
    assert_hit(&r, 2, 0, pi, -1, 2e-15);
    assert_ok(tay_ode_propagate_until(&result, other, 4, NULL)); /* to the current time */
    assert_true(r.n == 3 && result.outcome == TAY_OUTCOME_TIME_LIMIT);
    tay_ode_free(other);
    tay_ode_free(ode);
}

/* Events of one step come by time; those behind a terminal one in the next step. */
static void order_of_events(void **unused)
{
    (void)unused;
    static const watched all[] = {
        {.function = "t 0.5 -"}, {.function = "t 0.3 -", .terminal = true}, {.function = "t 0.1 -"}, {.function = "t 0.2 -"},
        {.function = "t 0.4 -", .terminal = true}, {.function = "t 0.3 -"}, {.function = "t 0.3 -", .terminal = true},
        {.function = NULL}};
    static const struct {
        size_t event, step;
        double time;
    } expected[] = {{2, 0, 0.1}, {3, 0, 0.2}, {1, 0, 0.3}, {5, 1, 0.3}, {6, 1, 0.3}, {4, 2, 0.4}, {0, 3, 0.5}};
    static record r;
    tay_ode *ode = watch(&oscillator, all, &r);
    double h;

    for (size_t step = 0, n = 0; step < 4; step++) {
        assert_int_equal(one_step(ode, &h), step < 3 ? TAY_OUTCOME_EVENT : TAY_OUTCOME_SUCCESS);
        for (; n < r.n; n++) {
            assert_int_equal(step, expected[n].step);
            assert_hit(&r, n, expected[n].event, expected[n].time, 1, 1e-16);
            assert_true(r.now[n] == tay_ode_time(ode, NULL));
        }
    }
    assert_int_equal(r.n, 7);
    r.n = 0;
    propagate(ode, 0); /* the same, backward */
    static const size_t back[] = {0, 4, 1, 5, 6, 3, 2};
    assert_int_equal(r.n, 7);
    for (size_t n = 0; n < 7; n++) assert_int_equal(r.hits[n].event, back[n]);
    tay_ode_free(ode);
}

typedef struct ball {
    size_t n;
    double times[64], factor;
} ball;

static bool bounce(tay_ode *ode, const tay_hit *hit, void *context)
{
    ball *b = context;
    b->times[b->n++] = hit->time;
    tay_ode_state(ode)[1] *= -b->factor;
    return b->n < 64;
}

/* From height 1 with g = 2: T = 1, then 2 (T f + T f^2 + ...). Its n-th bounce on the ground, whatever the rounding there. */
static void bouncing_ball(void **unused)
{
    (void)unused;
    static const equations fall = {{"x", "v"}, {"v", "-2"}, {1, 0}};
    ball b = {.factor = 0.5};
    const watched *ground = ONE(.function = "x", .terminal = true, .direction = TAY_DIRECTION_NEGATIVE, .callback = bounce);
    tay_ode *ode = watch(&fall, ground, NULL);
    double time = 1, part = 2;

    tay_ode_set_event_context(ode, &b);
    propagate(ode, 2.99);
    for (size_t n = 0; n < b.n; n++) {
        assert_close(b.times[n], time, 2e-14);
        time += part *= 0.5;
    }
    assert_int_equal(b.n, 8); /* at 3 - 2^(1-n): the next one at 3 - 2^-7 */
    assert_true(tay_ode_state(ode)[0] > 0);
    tay_ode_free(ode);
}

/* Changes the state, a parameter or the time. */
typedef struct change {
    int what;
    size_t n;
    bool stops;
} change;

static bool make_change(tay_ode *ode, const tay_hit *hit, void *context)
{
    change *c = context;

    c->n++;
    assert_int_equal(hit->event, 0);
    if (c->what == 0) tay_ode_state(ode)[0] += 1;
    if (c->what == 1) tay_ode_pars(ode)[0] = 2;
    if (c->what == 2) assert_ok(tay_ode_set_time(ode, 10, 0));
    return !c->stops;
}

static void callbacks_change_things(void **unused)
{
    (void)unused;
    static const equations growth = {{"x"}, {"p0"}, {0}};
    for (int terminal = 0; terminal < 2; terminal++)
        for (int what = 0; what < 3; what++) {
            change c = {.what = what};
            const watched *w = ONE(.function = "x 0.25 -", .terminal = terminal, .callback = make_change);
            tay_ode *ode = watch_with(&growth, w, NULL, (tay_ode_options){.pars = (double[]){1}, .n_pars = 1});
            tay_propagate_options options = {.size = sizeof options, .max_delta_t = 0.5};
            tay_ode_result result = {.n_steps = 77};
            tay_ode_set_event_context(ode, &c);
            double at = terminal ? 0.25 : 0.5;
            if (what < 2) {
                assert_ok(tay_ode_propagate_until(&result, ode, 1, &options));
                assert_close(tay_ode_state(ode)[0], what == 0 ? 2 : at + 2 * (1 - at), 1e-15);
            } else {
                assert_error(tay_ode_propagate_until(&result, ode, 1, &options), TAY_ERROR_STATE, "the callback of an event: it");
                assert_true(tay_ode_time(ode, NULL) == at && result.n_steps == 77);
                assert_ok(tay_ode_propagate_until(&result, ode, 1, &options)); /* it goes on */
                assert_close(tay_ode_state(ode)[0], 1, 1e-15);
            }
            assert_int_equal(c.n, 1);
            tay_ode_free(ode);
        }
}

static void a_step_whose_callback_changes_the_time(void **unused)
{
    (void)unused;
    for (int terminal = 0; terminal < 2; terminal++) {
        change c = {.what = 2};
        tay_ode *ode = watch(&oscillator, ONE(.function = "x 0.75 -", .terminal = terminal, .callback = make_change), NULL);
        tay_outcome outcome = (tay_outcome)77;
        double h = 77;
        tay_ode_set_event_context(ode, &c);
        assert_error(tay_ode_step(&outcome, &h, ode, 1), TAY_ERROR_STATE, "it must not change the time");
        assert_true(outcome == (tay_outcome)77 && h == 77); /* as always where a call fails */
        assert_close(tay_ode_time(ode, NULL), terminal ? acos(0.75) : 1, 2e-15);
        tay_ode_free(ode);
    }
}

/* Non-terminal events stop the propagation behind their step; those behind the one that stops it are not called. */
static void callbacks_stop(void **unused)
{
    (void)unused;
    static record r;
    tay_ode *ode = watch(&oscillator, (watched[]){{.function = "t 0.25 -"}, {.function = "t 0.5 -"}, {.function = NULL}}, &r);
    tay_ode_result result;
    double h;

    r.stop_at = 1;
    assert_ok(tay_ode_propagate_until(&result, ode, 9, NULL));
    assert_true(result.outcome == TAY_OUTCOME_CALLBACK_STOP && result.n_steps == 1 && r.n == 1);
    assert_close(tay_ode_time(ode, NULL), 1.034, 1e-2);
    tay_ode_free(ode);
    ode = watch(&oscillator, ONE(.function = "t 0.25 -"), &r);
    assert_int_equal(one_step(ode, &h), TAY_OUTCOME_CALLBACK_STOP);
    tay_ode_free(ode);
    ode = watch(&oscillator, ONE(.function = "t 0.25 -", .terminal = true), &r);
    tay_propagate_options options = {.size = sizeof options, .max_steps = 1};
    assert_ok(tay_ode_propagate_until(&result, ode, 9, &options)); /* not the limit of steps */
    assert_true(result.outcome == TAY_OUTCOME_EVENT_STOP && tay_ode_time(ode, NULL) == 0.25);
    tay_ode_free(ode);
    r.stop_at = 0;
}

/* Rows up to the event, which is before the next time, at a time of the grid or before the second one. */
static void rows_of_grids(void **unused)
{
    (void)unused;
    static const struct {
        double event;
        size_t rows;
    } cases[] = {{0.3, 3}, {0.35, 4}, {0.05, 1}, {0.9, 9}, {2, 9}};
    for (int backward = 0; backward < 2; backward++)
        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
            double times[9], out[9][2], s = backward ? -1 : 1;
            tay_ode *ode = watch_with(&oscillator, ONE(.function = "t p0 -", .terminal = true, .alone = true),
                                      NULL, (tay_ode_options){.pars = (double[]){s * cases[i].event}, .n_pars = 1});
            tay_ode_result result;
            size_t n_rows;
            for (int k = 0; k < 9; k++) times[k] = s * (k == 3 ? 0.3125 : k / 10.0);
            assert_ok(tay_ode_propagate_grid(&result, *out, &n_rows, ode, &(tay_grid){times, 9}, NULL));
            assert_int_equal(result.outcome, cases[i].event < 0.8 ? TAY_OUTCOME_EVENT_STOP : TAY_OUTCOME_TIME_LIMIT);
            assert_int_equal(n_rows, cases[i].rows);
            for (size_t k = 0; k < n_rows; k++) assert_close(out[k][0], cos(times[k]), 1e-15);
            tay_ode_free(ode);
        }
}

/* Rows behind an event that goes on are those of the changed state; one at its time, of the state before. */
static void rows_of_changed_states(void **unused)
{
    (void)unused;
    static const equations constant = {{"x"}, {"1"}, {0}};
    change c = {.what = 0};
    double times[] = {0, 0.25, 0.5, 0.75, 1}, out[5];
    tay_ode *ode = watch(&constant, ONE(.function = "x 0.5 -", .terminal = true, .callback = make_change),
                         NULL);
    size_t n_rows;

    tay_ode_set_event_context(ode, &c);
    assert_ok(tay_ode_propagate_grid(NULL, out, &n_rows, ode, &(tay_grid){times, 5}, NULL));
    assert_true(n_rows == 5 && c.n == 1);
    for (size_t k = 0; k < 5; k++) assert_close(out[k], times[k] + (k > 2), 1e-15);
    tay_ode_free(ode);
}

/* The pieces end at events; states jump there. */
static void continuous_output_with_events(void **unused)
{
    (void)unused;
    for (int backward = 0; backward < 2; backward++) {
        static const equations growth = {{"x"}, {"0.5 x *"}, {1}};
        change c = {.what = 0};
        double s = backward ? -1 : 1, at = s * log(1.25) / 0.5, begin, end, out[4];
        const char *function = backward ? "x 0.8 -" : "x 1.25 -";
        const watched *w = ONE(.function = function, .terminal = true, .cooldown = 9, .callback = make_change);
        tay_ode *ode = watch(&growth, w, NULL);
        tay_continuous *output;
        tay_propagate_options options = {.size = sizeof options, .continuous = &output};
        tay_ode_set_event_context(ode, &c);
        assert_ok(tay_ode_propagate_until(NULL, ode, s * 2, &options));
        tay_continuous_bounds(output, &begin, &end);
        assert_true(begin == 0 && end == s * 2 && c.n == 1 && tay_continuous_n_steps(output) >= 2);
        double wanted[] = {0, at - s * 1e-6, at + s * 1e-6, s * 2};
        assert_ok(tay_continuous_eval(out, output, wanted, 4));
        double x = backward ? 0.8 : 1.25;
        assert_close(out[0], 1, 1e-15);
        assert_close(out[1], x * exp(-s * 5e-7), 1e-14);
        assert_close(out[2], (x + 1) * exp(s * 5e-7), 1e-14);
        assert_close(out[3], tay_ode_state(ode)[0], 1e-14);
        tay_continuous_free(output);
        tay_ode_free(ode);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(outcomes_of_steps),          cmocka_unit_test(outcomes_of_propagations),
        cmocka_unit_test(sizes_and_numbers_of_steps), cmocka_unit_test(order_of_events),
        cmocka_unit_test(bouncing_ball),              cmocka_unit_test(callbacks_change_things),
        cmocka_unit_test(callbacks_stop),             cmocka_unit_test(a_step_whose_callback_changes_the_time),
        cmocka_unit_test(rows_of_grids),              cmocka_unit_test(rows_of_changed_states),
        cmocka_unit_test(continuous_output_with_events),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
