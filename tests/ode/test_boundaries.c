/*
 * Zeros where two steps meet: rounding gives them either sign in each, and none of them is lost or found twice, forward, backward
 * and where the integrator turns round.
 */
#include <stdio.h>
#include <stdlib.h>

#include "events.h"

enum { LEVELS = 300 };
static const double pi = 3.14159265358979323846;

/* An integrator with one event for each text; note() records. */
static tay_ode *watch_many(const equations *e, char (*texts)[64], size_t n, bool terminal, tay_ode_options options)
{
    tay_event *events = calloc(n, sizeof *events);
    tay_ode *ode;

    for (size_t i = 0; i < n; i++)
        events[i] = (tay_event){.function = rpn(texts[i]), .callback = note, .terminal = terminal, .cooldown = -1};
    options.events = events;
    options.n_events = n;
    ode = make_with(e, options);
    for (size_t i = 0; i < n; i++) tay_expr_unref((tay_expr *)events[i].function);
    free(events);
    return ode;
}

static void propagate_by(tay_ode *ode, double t, double most)
{
    tay_propagate_options options = {.size = sizeof options, .max_delta_t = most};
    tay_ode_result result;

    assert_ok(tay_ode_propagate_until(&result, ode, t, &options));
    assert_int_equal(result.outcome, TAY_OUTCOME_TIME_LIMIT);
}

/* Hits in all and those of one event. */
static size_t hits_of(const record *r, size_t event)
{
    size_t n = 0;
    for (size_t i = 0; i < r->n; i++) n += r->hits[i].event == event;
    return n;
}

/* Along the way the function goes up and down in turn. */
static void assert_alternating(const record *r, size_t n_events, const int *directions)
{
    int *last = calloc(n_events, sizeof *last);

    for (size_t i = 0; i < r->n; i++) {
        int sign = r->hits[i].sign * (directions ? directions[i] : 1);
        if (sign == 0 || sign == last[r->hits[i].event])
            fail_msg("event %zu goes in direction %d again at %.17g", r->hits[i].event, sign, r->hits[i].time);
        last[r->hits[i].event] = sign;
    }
    free(last);
}

/* time - c, where c is the end of a step, or the double before or behind it. */
static void times(double start, bool terminal)
{
    static char texts[3 * LEVELS][64];
    static record r;
    double c[3 * LEVELS];
    tay_ode *ode;

    for (int k = 0; k < LEVELS; k++) {
        c[3 * k] = start + 0.1 * (k + 1);
        c[3 * k + 1] = nextafter(c[3 * k], 0);
        c[3 * k + 2] = nextafter(c[3 * k], INFINITY);
    }
    for (int k = 0; k < 3 * LEVELS; k++) snprintf(texts[k], sizeof texts[k], "t p%d -", k);
    r.n = 0;
    ode = watch_many(&decay, texts, 3 * LEVELS, terminal,
                     (tay_ode_options){.time = start, .event_context = &r, .pars = c, .n_pars = 3 * LEVELS});
    propagate_by(ode, start + 30.05, 0.1);
    for (size_t k = 0; k < 3 * LEVELS; k++)
        if (hits_of(&r, k) != 1) fail_msg("forward: %zu hits of %.17g", hits_of(&r, k), c[k]);
    for (size_t i = 0; i < r.n; i++) assert_hit(&r, i, r.hits[i].event, c[r.hits[i].event], 1, 1e-15 * (start + 30));
    r.n = 0;
    propagate_by(ode, start - 0.05, 0.1);
    for (size_t k = 0; k < 3 * LEVELS; k++)
        if (hits_of(&r, k) != 1) fail_msg("backward: %zu hits of %.17g", hits_of(&r, k), c[k]);
    tay_ode_free(ode);
}

static void times_at_boundaries(void **unused)
{
    (void)unused;
    times(0, false);
    times(0, true);
}

static void late_times_at_boundaries(void **unused)
{
    (void)unused;
    times(1e3, false);
    times(1e6, false);
}

/* How often cos(t + phase) = cos(a) for t in (0, end). */
static size_t count_levels(double a, double phase, double end)
{
    size_t n = 0;

    for (int k = -10; k <= 10; k++)
        for (int s = -1; s <= 1; s += 2) {
            double t = s * a - phase + 2 * pi * k;
            n += t > 0 && t < end;
        }
    return n;
}

/* Functions of oscillators, R cos(t + phase), at levels that they have at ends of steps. */
typedef struct function {
    const char *text;
    double phase, of_x, of_v;
} function;

static void levels(const function *f, double tolerance)
{
    static char texts[LEVELS][64];
    static record r;
    tay_ode *ode = make_with(&oscillator, (tay_ode_options){.tolerance = tolerance});
    double values[LEVELS], end = 0.1 * LEVELS + 0.05;

    for (int k = 0; k < LEVELS; k++) {
        propagate_by(ode, 0.1 * (k + 1), 0.1);
        values[k] = f->of_x * tay_ode_state(ode)[0] + f->of_v * tay_ode_state(ode)[1];
        snprintf(texts[k], sizeof texts[k], f->text, k);
    }
    tay_ode_free(ode);
    r.n = 0;
    ode = watch_many(&oscillator, texts, LEVELS, false,
                     (tay_ode_options){.event_context = &r, .tolerance = tolerance, .pars = values, .n_pars = LEVELS});
    for (int k = 0; k < LEVELS; k++) propagate_by(ode, 0.1 * (k + 1), 0.1);
    propagate_by(ode, end, 0.1);
    assert_alternating(&r, LEVELS, NULL);
    for (size_t k = 0; k < LEVELS; k++) {
        size_t expected = count_levels(0.1 * (double)(k + 1) + f->phase, f->phase, end);
        if (hits_of(&r, k) != expected) fail_msg("%s: %zu hits instead of %zu", texts[k], hits_of(&r, k), expected);
    }
    size_t before = r.n;
    r.n = 0;
    for (int k = LEVELS; k >= 0; k--) propagate_by(ode, 0.1 * k, 0.1);
    assert_int_equal(r.n, before);
    assert_alternating(&r, LEVELS, NULL);
    tay_ode_free(ode);
}

static const function kinds[] = {
    {"x p%d -", 0, 1, 0},
    {"-1 x * p%d -", 0, -1, 0},
    {"x v + p%d -", 0.78539816339744831, 1, 1},
    {"x p%d - 1000000 *", 0, 1, 0},
    {"x p%d - 0.000001 *", 0, 1, 0},
    {"x p%d - tanh", 0, 1, 0},
    {"x 1000 * p%d -", 0, 1000, 0},
};

static void levels_at_boundaries(void **unused)
{
    (void)unused;
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) levels(&kinds[i], 0);
}

static void levels_at_low_accuracy(void **unused)
{
    (void)unused;
    levels(&kinds[0], 1e-6);
    levels(&kinds[5], 1e-6);
}

/* An oscillator at time 0 with one event: the function has the value that it has at a time to which steps of 0.1 lead. */
static tay_ode *watch_level(record *r, const function *f, double at, watched w)
{
    char text[64];
    tay_ode *ode = make(&oscillator);

    propagate_by(ode, at, 0.1);
    double level = f->of_x * tay_ode_state(ode)[0] + f->of_v * tay_ode_state(ode)[1];
    tay_ode_free(ode);
    snprintf(text, sizeof text, f->text, 0);
    w.function = text;
    return watch_with(&oscillator, (watched[]){w, {.function = NULL}}, r, (tay_ode_options){.pars = &level, .n_pars = 1});
}

/* Forward to where the function is 0 but for rounding, back, and forward across it. */
static void turn_round(const function *f, double at, bool terminal)
{
    static record r;
    double to[] = {at, at - 0.005, at, at + 0.005, at, at + 0.005, at - 0.005};
    int directions[2 * sizeof to / sizeof *to];
    tay_ode *ode = watch_level(&r, f, at, (watched){.terminal = terminal, .cooldown = -1});

    for (size_t i = 0; i < sizeof to / sizeof *to; i++) {
        size_t n = r.n;
        int direction = to[i] > tay_ode_time(ode, NULL) ? 1 : -1;
        propagate(ode, to[i]);
        for (; n < r.n; n++) directions[n] = direction;
    }
    assert_alternating(&r, 1, directions);
    if (r.n < 2 || r.n % 2 != 0) fail_msg("%s at %g: %zu hits", f->text, at, r.n); /* it ends on the side where it began */
    tay_ode_free(ode);
}

static void turning_round_at_a_zero(void **unused)
{
    (void)unused;
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) /* not near pi, where the function is least */
        for (int k = 1; 0.01 * k + kinds[i].phase < 3.1; k++)
            for (int terminal = 0; terminal < 2; terminal++) turn_round(&kinds[i], 0.01 * k, terminal);
}

/* The cooldown, if any, ends soon: a zero is not found again then. */
static void terminal_events_at_boundaries(void **unused)
{
    (void)unused;
    static record r;
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        for (int k = 1; 0.1 * k + kinds[i].phase < 3.1; k++)
            for (double cooldown = -1; cooldown <= 0; cooldown++) {
                tay_ode *ode = watch_level(&r, &kinds[i], 0.1 * k, (watched){.terminal = true, .cooldown = cooldown});
                propagate_by(ode, 0.1 * k + 0.05, 0.1);
                if (r.n != 1) fail_msg("%s at %g: %zu hits, cooldown %g", kinds[i].text, 0.1 * k, r.n, cooldown);
                assert_hit(&r, 0, 0, 0.1 * k, kinds[i].of_x < 0 ? 1 : -1, 4e-15);
                propagate_by(ode, 0, 0.1);
                assert_int_equal(r.n, 2);
                tay_ode_free(ode);
            }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(times_at_boundaries),    cmocka_unit_test(late_times_at_boundaries),
        cmocka_unit_test(levels_at_boundaries),   cmocka_unit_test(levels_at_low_accuracy),
        cmocka_unit_test(turning_round_at_a_zero), cmocka_unit_test(terminal_events_at_boundaries),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
