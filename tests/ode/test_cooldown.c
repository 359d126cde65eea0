/*
 * Cooldowns of terminal events: their values, how they pass, and what goes along with copies.
 */
#include "events.h"

static const double pi = 3.14159265358979323846;

static void assert_cooldown(const tay_ode *ode, size_t i, double elapsed, double total)
{
    double e, c;

    assert_true(tay_ode_cooldown(&e, &c, ode, i));
    assert_close(e, elapsed, 1e-14);
    assert_close(c, total, 1e-4 * fabs(total));
}

static bool has_cooldown(const tay_ode *ode, size_t i)
{
    return tay_ode_cooldown(NULL, NULL, ode, i);
}

static tay_ode *at_event(const char *function, double cooldown, double tolerance)
{
    tay_ode_result result;
    tay_ode *ode;

    const watched *w = ONE(.function = function, .terminal = true, .alone = true, .cooldown = cooldown);
    assert_ok(try_watch(&ode, &oscillator, w, (tay_ode_options){.tolerance = tolerance}));
    assert_false(has_cooldown(ode, 0));
    assert_ok(tay_ode_propagate_until(&result, ode, 3, NULL));
    assert_int_equal(result.outcome, TAY_OUTCOME_EVENT_STOP);
    return ode;
}

/* 10 tol max(1, m) / |dg/dt|; m is the largest of states and functions at the beginning of the step. Values of heyoka 7.13.2. */
static void automatic_values(void **unused)
{
    (void)unused;
    static const struct {
        const char *function;
        double tolerance, cooldown;
    } cases[] = {
        {"x", 0, 2.220446049250313e-15},
        {"x 0.3 -", 0, 2.3277e-15},
        {"1000 x 0.3 - *", 0, 4.3135e-16},
        {"0.001 x 0.3 - *", 0, 2.3277e-12},
        {"x 0.3 -", 1e-6, 1.0483e-05},
        {"x", 1e-6, 1e-5},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        tay_ode *ode = at_event(cases[i].function, 0, cases[i].tolerance);
        assert_cooldown(ode, 0, 0, cases[i].cooldown);
        tay_ode_free(ode);
    }
}

static void given_values(void **unused)
{
    (void)unused;
    double e, c;
    tay_ode *ode = at_event("x", 0.75, 0);
    assert_cooldown(ode, 0, 0, 0.75);
    assert_false(tay_ode_cooldown(&e, &c, ode, 1));
    tay_ode_free(ode);
    ode = at_event("x", -1, 0); /* none: over at once, but the same zero is not found again */
    propagate(ode, 4);
    assert_false(has_cooldown(ode, 0));
    tay_ode_free(ode);
}

/* Elapsed has the sign of the way since; it is over at either end. */
static void it_passes_with_time(void **unused)
{
    (void)unused;
    static const double ways[][5] = {{0.25, -0.1, -0.4, -0.26, 0}, {-0.25, 0.1, 0.4, 0.26, 0}, {0.2, 0.2, 0.12, 0, 0}};
    for (size_t i = 0; i < 3; i++) {
        tay_ode *ode = at_event("x", 0.5, 0);
        double elapsed = 0;
        for (int k = 0; k < 5 && ways[i][k] != 0; k++) {
            elapsed += ways[i][k];
            propagate(ode, tay_ode_time(ode, NULL) + ways[i][k]); /* over the zero, too */
            if (fabs(elapsed) < 0.5) assert_cooldown(ode, 0, elapsed, 0.5);
            else assert_false(has_cooldown(ode, 0));
        }
        tay_ode_free(ode);
    }
}

/* What is inside it does not happen, what comes behind it in the same step does. */
static void it_hides_events(void **unused)
{
    (void)unused;
    static const struct {
        double cooldown, next;
    } cases[] = {{-1, 1.5}, {0, 1.5}, {3.13, 1.5}, {3.15, 2.5}, {6.27, 2.5}, {6.29, 3.5}};
    for (int backward = 0; backward < 2; backward++)
        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
            double s = backward ? -1 : 1;
            if (backward && cases[i].cooldown < 0) continue; /* it happens again at once, as it is crossed again */
            tay_ode *ode = at_event("x", cases[i].cooldown, 0);
            tay_ode_result result;
            propagate(ode, pi / 2 + s * 0.1);
            assert_ok(tay_ode_propagate_until(&result, ode, s * 20, NULL));
            assert_int_equal(result.outcome, TAY_OUTCOME_EVENT_STOP);
            assert_close(tay_ode_time(ode, NULL), (backward ? 1 - cases[i].next : cases[i].next) * pi, 1e-14);
            tay_ode_free(ode);
        }
}

static void set_and_reset(void **unused)
{
    (void)unused;
    static record r;
    const watched both[] = {{.function = "x", .terminal = true}, {.function = "v"}, {.function = NULL}};
    tay_ode *ode = watch(&oscillator, both, &r);

    assert_error(tay_ode_set_cooldown(ode, 1, 0, 1), TAY_ERROR_ARGUMENT, "i: expected the index of a terminal event, got 1");
    assert_error(tay_ode_set_cooldown(ode, 2, 0, 1), TAY_ERROR_ARGUMENT, "i: expected the index of a terminal event, got 2");
    assert_error(tay_ode_set_cooldown(ode, 0, NAN, 1), TAY_ERROR_ARGUMENT, "cooldown: expected finite times, got nan and 1");
    assert_error(tay_ode_set_cooldown(ode, 0, 0, INFINITY), TAY_ERROR_ARGUMENT, "cooldown: expected finite times, got 0 and inf");
    assert_false(has_cooldown(ode, 0));
    assert_ok(tay_ode_set_cooldown(ode, 0, -1, 2)); /* 1 ahead: over at time 3 */
    assert_cooldown(ode, 0, -1, 2);
    propagate(ode, 2);
    assert_cooldown(ode, 0, 1, 2);
    propagate(ode, 5);
    assert_int_equal(r.n, 3);
    assert_hit(&r, 0, 1, 0, -1, 0);
    assert_hit(&r, 1, 1, pi, 1, 1e-14);
    assert_hit(&r, 2, 0, 3 * pi / 2, 1, 1e-14);
    assert_ok(tay_ode_set_cooldown(ode, 0, 0, 100));
    tay_ode_reset_cooldowns(ode);
    assert_false(has_cooldown(ode, 0));
    assert_ok(tay_ode_set_cooldown(ode, 0, 0, 100));
    assert_ok(tay_ode_set_cooldown(ode, 0, 0, -1));
    assert_false(has_cooldown(ode, 0));
    propagate(ode, 8);
    assert_int_equal(r.n, 5); /* 2 pi and 5/2 pi */
    tay_ode_free(ode);
}

/* Copies go on as their originals do, also at the end of a step where the function is 0 but for rounding. */
static void copies_take_it_along(void **unused)
{
    (void)unused;
    static record r, other_record;
    tay_ode *copy, *ode = watch(&oscillator, (watched[]){{.function = "x", .terminal = true, .cooldown = 4}, {.function = "v"},
                                                         {.function = "x p0 -"}, {.function = NULL}}, &r);
    propagate(ode, 2);
    tay_ode_pars(ode)[0] = tay_ode_state(ode)[0];
    propagate(ode, 2.5);
    propagate(ode, 2); /* the level set is not crossed, or it is and back */
    assert_ok(tay_ode_copy(&copy, ode));
    assert_true(tay_ode_terminal_event(copy) == tay_ode_terminal_event(ode) && tay_ode_n_events(copy) == 3);
    assert_cooldown(copy, 0, 2 - pi / 2, 4);
    tay_ode_set_event_context(copy, &other_record);
    size_t n = r.n;
    propagate(ode, 14);
    assert_int_equal(other_record.n, 0);
    propagate(copy, 14);
    assert_int_equal(r.n - n, other_record.n);
    for (size_t i = 0; i < other_record.n; i++)
        assert_hit(&r, n + i, other_record.hits[i].event, other_record.hits[i].time, other_record.hits[i].sign, 0);
    tay_ode_free(ode);
    n = other_record.n;
    propagate(copy, 20);
    assert_true(other_record.n > n);
    tay_ode_free(copy);

    ode = at_event("x", 0, 0);
    assert_ok(tay_ode_copy(&copy, ode));
    assert_int_equal(tay_ode_terminal_event(copy), 0);
    tay_ode_free(ode);
    propagate(copy, 4.5);
    tay_ode_free(copy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(automatic_values), cmocka_unit_test(given_values),  cmocka_unit_test(it_passes_with_time),
        cmocka_unit_test(it_hides_events),  cmocka_unit_test(set_and_reset), cmocka_unit_test(copies_take_it_along),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
