/*
 * Events for the tests of the integrator, of functions in reverse Polish notation, and the record that their callbacks make.
 */
#ifndef TAYRA_TESTS_EVENTS_H
#define TAYRA_TESTS_EVENTS_H

#include "systems.h"

enum { MOST_EVENTS = 8, MOST_HITS = 4096 };

/* What the callbacks of an integrator were told, and what they are to do. */
typedef struct record {
    size_t n, stop_at;      /* that one says stop: the first is 1 */
    tay_hit hits[MOST_HITS];
    double now[MOST_HITS];  /* the integrator's time meanwhile */
} record;

static inline bool note(tay_ode *ode, const tay_hit *hit, void *context)
{
    record *r = context;

    assert_true(r->n < MOST_HITS);
    r->now[r->n] = tay_ode_time(ode, NULL);
    r->hits[r->n++] = *hit;
    return r->n != r->stop_at;
}

/* An event; the callback is note() unless said otherwise. */
typedef struct watched {
    const char *function;
    tay_direction direction;
    bool terminal, alone; /* alone: without callback */
    double cooldown;
    tay_event_callback callback;
} watched;

/* Events up to the one without function. */
static inline tay_status try_watch(tay_ode **out, const equations *e, const watched *w, tay_ode_options options)
{
    tay_status status = TAY_OK;
    tay_event events[MOST_EVENTS];
    tay_expr *functions[MOST_EVENTS] = {NULL};
    size_t n = 0;

    for (; w[n].function && status == TAY_OK; n++) {
        status = rpn_try(&functions[n], w[n].function);
        events[n] = (tay_event){.function = functions[n], .direction = w[n].direction, .terminal = w[n].terminal,
                                .cooldown = w[n].cooldown,
                                .callback = w[n].alone ? NULL : w[n].callback ? w[n].callback : note};
    }
    options.size = sizeof options;
    options.events = events;
    options.n_events = n;
    if (status == TAY_OK) status = try_make(out, e, &options);
    release(functions, n);
    return status;
}

static inline tay_ode *watch_with(const equations *e, const watched *w, record *r, tay_ode_options options)
{
    tay_ode *ode;

    options.event_context = r;
    if (r) r->n = 0;
    assert_ok(try_watch(&ode, e, w, options));
    return ode;
}

/* Its fields: one event, and the end of the list. */
#define ONE(...) (watched[]){{__VA_ARGS__}, {.function = NULL}}

static inline tay_ode *watch(const equations *e, const watched *w, record *r)
{
    return watch_with(e, w, r, (tay_ode_options){0});
}

/* x = cos t */
#define OSCILLATOR_AT(t) {{"x", "v"}, {"v", "x neg"}, {cos(t), -sin(t)}}

static inline void propagate(tay_ode *ode, double t)
{
    tay_ode_result r;

    assert_ok(tay_ode_propagate_until(&r, ode, t, NULL));
    assert_int_equal(r.outcome, TAY_OUTCOME_TIME_LIMIT);
    assert_true(tay_ode_time(ode, NULL) == t);
}

#define assert_hit(r, i, index, at, s, tolerance)                                                                              \
    do {                                                                                                                       \
        assert_true((i) < (r)->n);                                                                                             \
        assert_int_equal((r)->hits[i].event, index);                                                                           \
        assert_close((r)->hits[i].time, at, tolerance);                                                                        \
        assert_int_equal((r)->hits[i].sign, s);                                                                                \
    } while (0)

#endif
