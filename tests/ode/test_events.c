/*
 * Events: which there are and when, for functions of all kinds, directions and ways; how they count in the size of steps; what
 * is refused.
 */
#include <stdio.h>
#include <stdlib.h>

#include "events.h"
#include "tayra/variational.h"

static const double pi = 3.14159265358979323846;

/* Of v = -sin t from time 1, and of -v: at k pi, going forward from k = 1 on, backward from k = 0 on. */
static void check_turns(const char *function, int sign, bool forward, tay_direction direction, tay_ode_options options)
{
    static record r;
    options.time = 1;
    tay_ode *ode = watch_with(&(equations)OSCILLATOR_AT(1), ONE(.function = function, .direction = direction), &r,
                              options);
    size_t n = 0;

    propagate(ode, forward ? 32 : -30);
    for (int i = 0; i < 10; i++) {
        int k = forward ? i + 1 : -i, s = k % 2 == 0 ? -sign : sign;
        if (direction != TAY_DIRECTION_ANY && s != (int)direction) continue;
        assert_hit(&r, n, 0, k * pi, s, 1e-14);
        assert_true(forward ? r.now[n] >= r.hits[n].time : r.now[n] <= r.hits[n].time); /* the step is made */
        n++;
    }
    assert_int_equal(r.n, n);
    tay_ode_free(ode);
}

static void times_of_crossings(void **unused)
{
    (void)unused;
    for (int accurate = 0; accurate < 2; accurate++)
        for (int forward = 0; forward < 2; forward++)
            for (int direction = -1; direction <= 1; direction++) {
                tay_ode_options options = {.high_accuracy = accurate};
                check_turns("v", 1, forward, (tay_direction)direction, options);
                check_turns("v neg", -1, forward, (tay_direction)direction, options);
                check_turns("-3 v * 2 x * v * +", -1, forward, (tay_direction)direction, options); /* v (2 x - 3) */
            }
}

/* sin(20 cos t) is 0 where cos t = k pi / 20; and a polynomial of the time has nine zeros in the first step. */
static void many_crossings(void **unused)
{
    (void)unused;
    static record r;
    char text[512] = "t 0.1 -";
    tay_outcome outcome;
    double h;
    tay_ode *ode = watch(&oscillator, ONE(.function = "20 x * sin"), &r);

    propagate(ode, 2 * pi);
    assert_int_equal(r.n, 2 * 13);
    for (int i = 0; i < 13; i++) {
        assert_hit(&r, (size_t)i, 0, acos((6 - i) * pi / 20), i % 2 == 0 ? -1 : 1, 2e-14);
        assert_hit(&r, (size_t)(13 + i), 0, 2 * pi - acos((i - 6) * pi / 20), i % 2 == 0 ? 1 : -1, 2e-14);
    }
    tay_ode_free(ode);

    for (int i = 2; i <= 9; i++) sprintf(text + strlen(text), " t 0.%d - *", i);
    ode = watch(&oscillator, (watched[]){{.function = text}, {.function = "x 0.8 -"}, {.function = NULL}}, &r);
    assert_ok(tay_ode_step(&outcome, &h, ode, INFINITY));
    assert_true(h > 1 && r.n == 10);
    for (int i = 0; i < 9; i++) assert_hit(&r, (size_t)(i + (i > 5)), 0, (i + 1) / 10.0, i % 2 == 0 ? 1 : -1, 1e-10);
    assert_hit(&r, 6, 1, acos(0.8), -1, 1e-15);
    tay_ode_free(ode);
}

/* First hits of functions of all kinds, as text, for cos t and -sin t from time 0; p0 = 0.3, p1 = 0.7. */
static void functions_of_all_kinds(void **unused)
{
    (void)unused;
    static const struct {
        const char *function;
        double time;
        int sign;
    } cases[] = {
        {"x", 1.57079632679489661923, -1},
        {"x v +", 0.78539816339744830962, -1},
        {"x p0 -", 1.26610367277949911126, -1},       /* acos 0.3 */
        {"x x * 0.25 -", 1.04719755119659774615, -1}, /* pi / 3 */
        {"x exp 1 -", 1.57079632679489661923, -1},
        {"v x / 1 +", 0.78539816339744830962, -1}, /* 1 - tan t */
        {"t p1 -", 0.7, 1},
        {"t 3 * cos", 0.52359877559829887308, -1},
        {"t 2 * sin x -", 0.52359877559829887308, 1}, /* sin 2t = cos t */
        {"p0 t * p1 p0 * -", 0.7, 1},
        {"x 0.3 ** 0.5 0.3 ** -", 1.04719755119659774615, -1},
    };
    static record r;
    tay_ode_options options = {.pars = (double[]){0.3, 0.7}, .n_pars = 0};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        options.n_pars = strstr(cases[i].function, "p1") ? 2 : strstr(cases[i].function, "p0") ? 1 : 0;
        tay_ode *ode = watch_with(&oscillator, ONE(.function = cases[i].function), &r, options);
        propagate(ode, cases[i].time + 0.1);
        assert_int_equal(r.n, 1);
        assert_hit(&r, 0, 0, cases[i].time, cases[i].sign, 4e-15);
        tay_ode_free(ode);
    }
}

static void parameters_of_events_alone(void **unused)
{
    (void)unused;
    static record r;
    static const equations driven = {{"x", "v"}, {"v", "p0 x * neg"}, {1, 0}};
    tay_ode *ode = watch_with(&driven, ONE(.function = "x p2 -"), &r,
                              (tay_ode_options){.pars = (double[]){1}, .n_pars = 1});

    assert_int_equal(tay_ode_n_pars(ode), 3);
    assert_true(tay_ode_pars(ode)[0] == 1 && tay_ode_pars(ode)[1] == 0 && tay_ode_pars(ode)[2] == 0);
    propagate(ode, 3);
    assert_hit(&r, 0, 0, pi / 2, -1, 1e-14);
    tay_ode_pars(ode)[2] = 0.5;
    propagate(ode, 6);
    assert_hit(&r, 1, 0, 5 * pi / 3, 1, 1e-14);
    tay_ode_pars(ode)[2] = -0.5; /* below x now: nothing has crossed by that */
    propagate(ode, 8);
    assert_int_equal(r.n, 2);
    propagate(ode, 9);
    assert_hit(&r, 2, 0, 2 * pi + 2 * pi / 3, -1, 1e-14);
    assert_int_equal(r.n, 3);
    tay_ode_free(ode);
    tay_ode_options many = {.pars = (double[]){1, 2, 3, 4}, .n_pars = 4};
    assert_error(try_watch(&ode, &driven, ONE(.function = "x p2 -"), many), TAY_ERROR_ARGUMENT,
                 "at most 3");
}

/* A zero at the very beginning counts, even where it is double; a zero of two steps does once. */
static void zeros_at_the_beginning(void **unused)
{
    (void)unused;
    static record r;
    for (int direction = -1; direction <= 1; direction++) {
        tay_ode *ode = watch(&oscillator,
                             (watched[]){{.function = "x 1 -", .direction = (tay_direction)direction},
                                         {.function = "v", .direction = (tay_direction)direction}, {.function = NULL}}, &r);
        propagate(ode, 3);
        size_t n = 0;
        if (direction == 0) assert_hit(&r, n, 0, 0, 0, 0); /* neither up nor down */
        n += direction == 0;
        if (direction <= 0) assert_hit(&r, n, 1, 0, -1, 0);
        n += direction <= 0;
        assert_int_equal(r.n, n);
        tay_ode_free(ode);
    }
    tay_ode *ode = watch(&oscillator, ONE(.function = "v"), &r);
    propagate(ode, -3);
    assert_int_equal(r.n, 1);
    assert_hit(&r, 0, 0, 0, -1, 0);
    propagate(ode, 0); /* the end of a step: it has not been crossed; */
    size_t n = r.n;
    propagate(ode, 3); /* or rounding says that it has */
    assert_true(n <= 2 && r.n == 2);
    assert_hit(&r, 1, 0, 0, -1, 1e-14);
    tay_ode_free(ode);
}

/* Values that heyoka 7.13.2 has, from the state and from the middle of the step before. */
static void events_count_in_the_size_of_steps(void **unused)
{
    (void)unused;
    static const struct {
        const char *function;
        double h[3];
    } cases[] = {
        {"x", {1.03425164317259, 1.0425274357702186, 1.0415648192833886}},
        {"0.001 x *", {1.03425164317259, 1.0425274357702186, 1.0415648192833886}},
        {"1000 x *", {1.0832206834667206, 1.0002911179326281, 1.0034418493576238}},
        {"1000000 x v * *", {0.25920921342409575, 0.5020721345350084}},
        {"20 x * sin", {0.09147209306924664, 0.08624060013727478}},
        {"x 1000 -", {1.4876408224604472}},
        {"t 100 -", {1.317920997817195}},
    };
    static record r;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        tay_ode *ode = watch(&oscillator, ONE(.function = cases[i].function), &r);
        for (size_t k = 0; k < 3 && cases[i].h[k] > 0; k++) {
            tay_outcome outcome;
            double h;
            assert_ok(tay_ode_step(&outcome, &h, ode, INFINITY));
            assert_int_equal(outcome, TAY_OUTCOME_SUCCESS);
            assert_close(h, cases[i].h[k], 1e-12);
        }
        tay_ode_free(ode);
    }
}

/* x' = 1 has steps of any size: only a limit tells where to look. */
static void polynomial_solutions(void **unused)
{
    (void)unused;
    static const equations line = {{"x"}, {"1"}, {0}};
    static record r;
    tay_ode *ode = watch(&line, ONE(.function = "x 3 -", .terminal = true, .alone = true), &r);
    tay_outcome outcome;
    tay_ode_result result;
    double h = 7;

    assert_ok(tay_ode_step(&outcome, &h, ode, INFINITY));
    assert_true(outcome == TAY_OUTCOME_NONFINITE_STATE && h == 0 && tay_ode_state(ode)[0] == 0);
    assert_ok(tay_ode_propagate_until(&result, ode, 10, NULL));
    assert_true(result.outcome == TAY_OUTCOME_EVENT_STOP && result.n_steps == 1);
    assert_true(tay_ode_time(ode, NULL) == 3 && tay_ode_state(ode)[0] == 3);
    tay_ode_free(ode);
}

/* Where the function is no number there are no events, and no error; where it never is, steps are the usual ones. */
static void functions_that_are_not_finite(void **unused)
{
    (void)unused;
    static record r;
    tay_ode *ode = watch(&oscillator, (watched[]){{.function = "x 0.5 - sqrt 0.5 -"}, {.function = "x 2 - sqrt"},
                                                  {.function = "x"}, {.function = NULL}}, &r);
    tay_ode *plain = make(&oscillator);
    tay_ode_result result, without;

    assert_ok(tay_ode_propagate_until(&result, ode, 5, NULL));
    assert_int_equal(result.outcome, TAY_OUTCOME_TIME_LIMIT);
    assert_true(result.n_steps < 1000); /* it gets over the end of the square root */
    assert_int_equal(r.n, 3);
    assert_hit(&r, 0, 0, acos(0.75), -1, 1e-14);
    assert_hit(&r, 1, 2, pi / 2, -1, 1e-14);
    assert_hit(&r, 2, 2, 3 * pi / 2, 1, 1e-14);
    tay_ode_free(ode);
    ode = watch(&oscillator, ONE(.function = "x 2 - sqrt"), &r);
    assert_ok(tay_ode_propagate_until(&result, ode, 20, NULL));
    assert_ok(tay_ode_propagate_until(&without, plain, 20, NULL));
    assert_true(r.n == 0 && result.n_steps == without.n_steps);
    assert_close(result.min_h, without.min_h, 1e-13);
    tay_ode_free(plain);
    tay_ode_free(ode);
}

/* dx/dp of x = e^(p t) is t e^(p t): a function of a derivative, found beside one of the state. */
static void events_in_variational_systems(void **unused)
{
    (void)unused;
    static record r;
    tay_expr *x = rpn("x"), *rhs = rpn("p0 x *");
    tay_variational_options which = {.size = sizeof which, .which = TAY_VAR_PARAMS};
    tay_variational *v;
    tay_expr *functions[2] = {NULL, rpn("x 3 -")};
    double start[2], two = 2, p = 0.5;

    assert_ok(tay_variational_create(&v, (const tay_expr *const *)&x, (const tay_expr *const *)&rhs, 1, &which));
    assert_ok(tay_variational_initial_values(start, v, &two, &p, 1, 0));
    assert_ok(tay_expr_sub(&functions[0], tay_variational_vars(v)[1], tay_variational_vars(v)[0])); /* at t = 1 */
    tay_event events[] = {{.function = functions[0], .callback = note}, {.function = functions[1], .callback = note}};
    tay_ode_options o = {.size = sizeof o, .pars = &p, .n_pars = 1, .events = events, .n_events = 2, .event_context = &r};
    tay_ode *ode;
    r.n = 0;
    assert_ok(tay_ode_create(&ode, tay_variational_vars(v), tay_variational_rhs(v), 2, start, &o));
    propagate(ode, 2);
    assert_int_equal(r.n, 2);
    assert_hit(&r, 0, 1, 2 * log(1.5), 1, 2e-15);
    assert_hit(&r, 1, 0, 1, 1, 2e-15);
    tay_ode_free(ode);
    tay_variational_free(v);
    release(functions, 2);
    release((tay_expr *[]){x, rhs}, 2);
}

static bool never(tay_ode *ode, const tay_hit *hit, void *context)
{
    (void)ode, (void)hit, (void)context;
    return true;
}

static void what_is_refused(void **unused)
{
    (void)unused;
    tay_expr *x = rpn("x"), *number = rpn("3"), *par = rpn("p0"), *other = rpn("x foreign *");
    const struct {
        tay_event event;
        const char *message;
    } cases[] = {
        {{.function = NULL, .callback = never}, "events[1]: expected a function, got NULL"},
        {{.function = number, .callback = never}, "events[1]: expected a function of variables or time, got a constant"},
        {{.function = par, .callback = never}, "events[1]: expected a function of variables or time, got a constant"},
        {{.function = other, .callback = never}, "events: the variable 'foreign' is not one of the system"},
        {{.function = x}, "events[1]: expected a callback, as it is not terminal"},
        {{.function = x, .callback = never, .direction = (tay_direction)2}, "events[1]: expected a direction, got 2"},
        {{.function = x, .terminal = true, .direction = (tay_direction)-2}, "events[1]: expected a direction, got -2"},
        {{.function = x, .terminal = true, .cooldown = NAN}, "events[1]: expected a finite cooldown, got nan"},
        {{.function = x, .terminal = true, .cooldown = -INFINITY}, "events[1]: expected a finite cooldown, got -inf"},
    };
    tay_event events[2] = {{.function = x, .terminal = true}};
    tay_ode_options o = {.size = sizeof o, .n_events = 2};
    tay_ode *ode = (tay_ode *)&o;

    assert_error(try_make(&ode, &oscillator, &o), TAY_ERROR_ARGUMENT, "events: expected 2, got NULL");
    o.events = events;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        events[1] = cases[i].event;
        assert_error(try_make(&ode, &oscillator, &o), TAY_ERROR_ARGUMENT, cases[i].message);
        assert_ptr_equal(ode, &o);
    }
    release((tay_expr *[]){x, number, par, other}, 4);
}

/* What an integrator tells of its events, which it has copied. */
static void events_are_read_again(void **unused)
{
    (void)unused;
    const watched both[] = {{.function = "x 0.5 -", .terminal = true, .alone = true, .cooldown = 2.5},
                            {.function = "v", .direction = TAY_DIRECTION_NEGATIVE}, {.function = NULL}};
    tay_ode *ode = watch(&oscillator, both, NULL);
    const tay_event *first = tay_ode_event(ode, 0), *second = tay_ode_event(ode, 1);

    assert_int_equal(tay_ode_n_events(ode), 2);
    assert_text(first->function, "(x - 0.50000000000000000)");
    assert_true(first->terminal && !first->callback && first->direction == TAY_DIRECTION_ANY && first->cooldown == 2.5);
    assert_text(second->function, "v");
    assert_true(!second->terminal && second->callback == note && second->direction == TAY_DIRECTION_NEGATIVE);
    assert_null(tay_ode_event(ode, 2));
    tay_ode_free(ode);
    ode = make(&oscillator);
    assert_int_equal(tay_ode_n_events(ode), 0);
    assert_null(tay_ode_event(ode, 0));
    assert_true(tay_ode_terminal_event(ode) == SIZE_MAX);
    tay_ode_set_event_context(ode, ode);
    tay_ode_reset_cooldowns(ode);
    tay_ode_free(ode);
}

/* The events' program counts: what is enough without is not with one more. */
static void memory_limit_holds_for_events(void **unused)
{
    (void)unused;
    static const watched simple[] = {{.function = "x", .alone = true, .terminal = true}, {.function = NULL}};
    static const watched large[] = {{.function = "x sin v cos + exp x v * tanh + sin", .alone = true, .terminal = true},
                                    {.function = NULL}};
    size_t least[3] = {0, 0, 0};
    tay_ode *ode = NULL;

    for (size_t k = 0; k < 3; k++)
        for (tay_status status = TAY_ERROR_LIMIT; status != TAY_OK;) {
            tay_ode_options o = {.size = sizeof o, .memory_limit = least[k] += 64};
            status = k == 0 ? try_make(&ode, &oscillator, &o) : try_watch(&ode, &oscillator, k == 1 ? simple : large, o);
            if (status == TAY_OK) tay_ode_free(ode);
            else assert_int_equal(status, TAY_ERROR_LIMIT);
            assert_true(least[k] < 1000000);
        }
    assert_true(least[0] < least[1] && least[1] < least[2]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(times_of_crossings),         cmocka_unit_test(many_crossings),
        cmocka_unit_test(functions_of_all_kinds),     cmocka_unit_test(parameters_of_events_alone),
        cmocka_unit_test(zeros_at_the_beginning),     cmocka_unit_test(events_count_in_the_size_of_steps),
        cmocka_unit_test(polynomial_solutions),       cmocka_unit_test(functions_that_are_not_finite),
        cmocka_unit_test(events_in_variational_systems), cmocka_unit_test(what_is_refused),
        cmocka_unit_test(events_are_read_again),      cmocka_unit_test(memory_limit_holds_for_events),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
