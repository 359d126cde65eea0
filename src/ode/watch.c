/*
 * Events of a step: the polynomials of their functions, p(x) = sum_k g_k (x h)^k for x in [0, 1], their crossings of zero
 * (event/event.h), which of these are events, and the callbacks.
 *
 * Where two steps meet, a function whose zero is there has a rounding error of either sign in each: it might cross twice, or not
 * at all. So its sign at the end of a step, which follows from the crossings, holds at the beginning of the next one: where what
 * it depends on has not been changed meanwhile, unless it is so large that it must have jumped; else where it is within its
 * error.
 */
#include <float.h>
#include <math.h>
#include <stdlib.h>

#include "event/event.h"
#include "ode/integrator.h"

/* A crossing at x; not all are events. */
typedef struct crossing {
    double x, cooldown; /* that to be found, if it is terminal */
    int sign_after;
    tay_hit hit;
    bool is_event;
} crossing;

typedef struct state {
    double elapsed, total; /* of the cooldown; total < 0: none */
    int sign;              /* at the beginning of the next step; 0: not known */
    double size;           /* of the function along the last step */
} state;

struct tay__watch {
    const tay__events *events;
    tay__workspace *workspace;
    void *context;
    state *states;       /* [n events] */
    crossing *crossings; /* [n events * order], of the last step */
    size_t n_crossings;
    size_t terminal;     /* the event at which the last step ended, or SIZE_MAX */
    uint32_t *slots;     /* [n events] of the functions in the workspace */
    double *powers, *coefs, *roots, *scratch; /* powers, coefs: [order + 1] */
    double *ends;        /* [n inputs] the states that the functions read, at the end of the last step */
    tay__time end;
    bool new_pars;       /* since then */
    bool goes_on;        /* whether the step begins where the last one ended */
};

tay_status tay__watch_create(tay__watch **out, const tay__events *events)
{
    tay_status status = TAY_OK;
    tay__watch *w = NULL;
    uint32_t order = tay__exec_order(events->exec) - 1;
    size_t most;

    TAY_TRY(tay__multiply(&most, events->n, order));
    TAY_TRY(tay__calloc(&w, 1, sizeof *w));
    w->events = events;
    w->terminal = SIZE_MAX;
    TAY_TRY(tay__calloc(&w->states, events->n, sizeof *w->states));
    TAY_TRY(tay__alloc(&w->crossings, most, sizeof *w->crossings));
    w->slots = tay__exec_program(events->exec)->outputs;
    TAY_TRY(tay__alloc(&w->powers, order + (size_t)1, sizeof(double)));
    TAY_TRY(tay__alloc(&w->coefs, order + (size_t)1, sizeof(double)));
    TAY_TRY(tay__alloc(&w->roots, order, sizeof(double)));
    TAY_TRY(tay__alloc(&w->scratch, tay__crossings_scratch(order), sizeof(double)));
    TAY_TRY(tay__calloc(&w->ends, events->n_inputs, sizeof(double)));
    TAY_TRY(tay__workspace_create(&w->workspace, events->exec));
    for (size_t i = 0; i < events->n; i++) w->states[i].total = -1;
    *out = w;
    w = NULL;
out:
    tay__watch_free(w);
    return status;
}

void tay__watch_free(tay__watch *w)
{
    if (!w) return;
    tay__workspace_free(w->workspace);
    tay__free(w->states);
    tay__free(w->crossings);
    tay__free(w->powers);
    tay__free(w->coefs);
    tay__free(w->roots);
    tay__free(w->scratch);
    tay__free(w->ends);
    tay__free(w);
}

void tay__watch_copy(tay_ode *ode, const tay_ode *from)
{
    tay__watch *w = ode->watch;

    if (!w) return;
    memcpy(w->states, from->watch->states, w->events->n * sizeof *w->states);
    memcpy(w->ends, from->watch->ends, w->events->n_inputs * sizeof(double));
    w->end = from->watch->end;
    w->terminal = from->watch->terminal;
    w->context = from->watch->context;
}

void tay__watch_set_parameters(tay_ode *ode, bool changed)
{
    if (!ode->watch) return;
    ode->watch->new_pars = changed;
    tay__exec_set_parameters(ode->watch->events->exec, ode->watch->workspace, ode->pars);
}

/* Coefficient k of value `slot`. */
static double *coef(const tay__watch *w, uint32_t k, size_t slot)
{
    return (double *)w->workspace->jet + k * w->workspace->plane + slot;
}

void tay__watch_expand(tay_ode *ode)
{
    tay__watch *w = ode->watch;
    int32_t time_slot = tay__exec_program(w->events->exec)->time_slot;

    w->goes_on = tay__time_equal(ode->time, w->end) && !w->new_pars;
    w->new_pars = false;
    for (size_t i = 0; i < w->events->n_inputs; i++)
        w->goes_on = w->goes_on && w->ends[i] == tay__ode_plane(ode, 0)[w->events->inputs[i]];
    for (uint32_t k = 0; k <= ode->order; k++) {
        const double *plane = tay__ode_plane(ode, k);
        for (size_t i = 0; i < w->events->n_inputs; i++) *coef(w, k, i) = plane[w->events->inputs[i]];
    }
    if (time_slot >= 0) *coef(w, 0, (size_t)time_slot) = ode->time.hi;
    tay__exec_run(w->events->exec, w->workspace);
}

double tay__watch_norm(const tay_ode *ode, uint32_t k)
{
    double norm = 0;

    for (size_t i = 0; i < ode->watch->events->n; i++) {
        double size = fabs(*coef(ode->watch, k, ode->watch->slots[i]));
        if (isfinite(size) && size > norm) norm = size;
    }
    return norm;
}

static int sign_of(double x)
{
    return (x > 0) - (x < 0);
}

/* The polynomial of an event's function, in w->coefs; the sum of its coefficients' absolute values. */
static double scale(const tay__watch *w, size_t event, uint32_t order)
{
    const double *g = coef(w, 0, w->slots[event]);
    double sum[2] = {0, 0}; /* which do not wait for each other */

    for (uint32_t k = 0; k <= order; k++, g += w->workspace->plane) {
        w->coefs[k] = *g * w->powers[k];
        sum[k % 2] += fabs(w->coefs[k]);
    }
    return sum[0] + sum[1];
}

/* Of the step, in two chains of products. */
static void set_powers(const tay__watch *w, uint32_t order, double h)
{
    w->powers[0] = 1;
    w->powers[1] = h;
    for (uint32_t k = 2; k <= order; k++) w->powers[k] = w->powers[k - 2] * (h * h);
}

/* Whether a function's value x, where a step begins, may be 0 but for rounding. Its error may be any part of its size, as it may
 * be a multiple of a difference of states; not so large a part that one could not see a jump. A 0 is one if it has been set. */
static bool is_rounding(const tay__watch *w, double x, double size, double error)
{
    return w->goes_on ? fabs(x) <= tay__larger(error, 0x1p-10 * size) : x != 0 && fabs(x) <= error;
}

/* Where in a step h the cooldown ends; 0 if there is none. */
static double end_of_cooldown(const state *s, double h)
{
    double left = s->total - copysign(s->elapsed, s->elapsed * h);

    return s->total >= 0 && left > 0 ? left / fabs(h) : 0;
}

/* The crossings of one event's function, if it is finite; its sign at the beginning. */
static void find(tay__watch *w, const tay_ode *ode, size_t event, double h, double error)
{
    const tay_event *e = &w->events->events[event];
    state *s = &w->states[event];
    double *c = w->coefs, begin = end_of_cooldown(s, h), size = scale(w, event, ode->order), largest = tay__larger(size, s->size);
    int sign = s->sign;

    s->sign = 0;
    s->size = 0;
    if (!(begin < 1) || !isfinite(size)) return;
    bool rounded = sign != 0 && sign_of(c[0]) != sign && is_rounding(w, c[0], largest, error);
    if (rounded) c[0] = sign * DBL_MIN;
    sign = sign_of(begin > 0 ? tay__polynomial_value(c, ode->order, begin) : c[0]);
    s->size = size;
    s->sign = sign;
    size_t n = tay__find_crossings(w->roots, c, ode->order, begin, w->scratch);
    if (rounded && n > 0 && w->roots[0] < DBL_EPSILON) w->roots[0] = 0;
    for (size_t i = 0; i < n; i++) {
        double slope = tay__polynomial_slope(c, ode->order, w->roots[i]) / h, at = w->roots[i] * h;
        double next = i + 1 < n ? w->roots[i + 1] : 1;
        /* Not what the polynomial has there: that may be 0 for rounding. Only where it begins with 0 does nothing else tell. */
        sign = sign != 0 ? -sign : sign_of(tay__polynomial_value(c, ode->order, w->roots[i] + (next - w->roots[i]) / 2));
        w->crossings[w->n_crossings++] = (crossing){
            .x = w->roots[i],
            .cooldown = 10 * error / fabs(slope),
            .sign_after = sign,
            .hit = {.event = event, .time = tay__time_add(ode->time, at).hi, .sign = sign_of(slope)},
            .is_event = e->direction == TAY_DIRECTION_ANY || sign_of(slope) == (int)e->direction,
        };
    }
}

static int compare(const void *x, const void *y)
{
    const crossing *a = x, *b = y;

    if (a->x != b->x) return a->x < b->x ? -1 : 1;
    return a->hit.event < b->hit.event ? -1 : a->hit.event > b->hit.event;
}

static void pass_time(tay__watch *w, double h)
{
    for (size_t i = 0; i < w->events->n; i++) {
        state *s = &w->states[i];
        s->elapsed += h;
        if (s->total >= 0 && fabs(s->elapsed) >= s->total) s->total = -1;
    }
}

/* Of a terminal event. */
static void begin_cooldown(tay__watch *w, const crossing *c)
{
    double asked = w->events->events[c->hit.event].cooldown;
    state *s = &w->states[c->hit.event];

    s->elapsed = 0;
    s->total = asked > 0 ? asked : asked < 0 || !isfinite(c->cooldown) ? 0 : c->cooldown;
}

bool tay__watch_find(double *h, tay_ode *ode, double size)
{
    tay__watch *w = ode->watch;
    const crossing *end = NULL;
    double error = tay__larger(ode->tolerance * tay__larger(size, 1), DBL_EPSILON * size);
    size_t n = 0;

    w->n_crossings = 0;
    w->terminal = SIZE_MAX;
    set_powers(w, ode->order, *h);
    for (size_t i = 0; i < w->events->n; i++) find(w, ode, i, *h, error);
    if (w->n_crossings > 1) qsort(w->crossings, w->n_crossings, sizeof *w->crossings, compare);
    for (size_t i = 0; i < w->n_crossings && !end; i++) { /* those behind the end are left for the next step */
        const crossing *c = &w->crossings[i];
        if (c->is_event && w->events->events[c->hit.event].terminal) end = c;
        w->states[c->hit.event].sign = c->sign_after;
    }
    if (end) {
        w->terminal = end->hit.event;
        *h *= end->x;
    }
    pass_time(w, *h);
    for (size_t i = 0; i < w->n_crossings; i++) { /* leaves the events, up to the terminal one */
        const crossing c = w->crossings[i];
        bool last = &w->crossings[i] == end;
        if (c.is_event) w->crossings[n++] = c;
        if (last) break;
    }
    w->n_crossings = n;
    return end;
}

void tay__watch_forget(tay_ode *ode)
{
    ode->watch->n_crossings = 0;
    ode->watch->terminal = SIZE_MAX;
    for (size_t i = 0; i < ode->watch->events->n; i++) ode->watch->states[i] = (state){.total = -1};
}

/* *go_on: whether the callback says so, or if there is none. */
static tay_status call(bool *go_on, tay_ode *ode, const crossing *c)
{
    const tay_hit hit = c->hit;
    const tay_event *e = &ode->watch->events->events[hit.event];
    tay__time before = ode->time;

    if (e->terminal) begin_cooldown(ode->watch, c);
    *go_on = e->callback && e->callback(ode, &hit, ode->watch->context);
    return tay__check_time(ode, before, "the callback of an event");
}

static void note_end(tay__watch *w, const tay_ode *ode)
{
    w->end = ode->time;
    for (size_t i = 0; i < w->events->n_inputs; i++) w->ends[i] = ode->state[w->events->inputs[i]];
}

tay_status tay__watch_call(tay_outcome *outcome, tay_ode *ode)
{
    tay__watch *w = ode->watch;
    tay_status status = TAY_OK;
    bool go_on = true;
    size_t n = w ? w->n_crossings : 0;

    if (w) note_end(w, ode);
    for (size_t i = 0; i < n && go_on && status == TAY_OK; i++) {
        const crossing *c = &w->crossings[i];
        bool terminal = i + 1 == n && w->terminal != SIZE_MAX;
        status = call(&go_on, ode, c);
        if (terminal) *outcome = go_on ? TAY_OUTCOME_EVENT : TAY_OUTCOME_EVENT_STOP;
        else if (!go_on) *outcome = TAY_OUTCOME_CALLBACK_STOP;
        if (!terminal && w->terminal != SIZE_MAX && (!go_on || status != TAY_OK)) { /* it is to be found again */
            w->states[w->terminal].sign = -w->crossings[n - 1].sign_after;
            w->terminal = SIZE_MAX;
        }
    }
    return status;
}

void tay_ode_set_event_context(tay_ode *ode, void *context)
{
    if (ode->watch) ode->watch->context = context;
}

size_t tay_ode_terminal_event(const tay_ode *ode)
{
    return ode->watch ? ode->watch->terminal : SIZE_MAX;
}

bool tay_ode_cooldown(double *elapsed, double *total, const tay_ode *ode, size_t i)
{
    if (i >= tay_ode_n_events(ode) || !(ode->watch->states[i].total >= 0)) return false;
    if (elapsed) *elapsed = ode->watch->states[i].elapsed;
    if (total) *total = ode->watch->states[i].total;
    return true;
}

tay_status tay_ode_set_cooldown(tay_ode *ode, size_t i, double elapsed, double total)
{
    tay_status status = tay__check_pointer(ode, "ode");

    if (status != TAY_OK) return status;
    if (i >= tay_ode_n_events(ode) || !tay_ode_event(ode, i)->terminal)
        return tay__error(TAY_ERROR_ARGUMENT, "i: expected the index of a terminal event, got %zu", i);
    if (!isfinite(elapsed) || !isfinite(total))
        return tay__error(TAY_ERROR_ARGUMENT, "cooldown: expected finite times, got %g and %g", elapsed, total);
    ode->watch->states[i].elapsed = elapsed;
    ode->watch->states[i].total = total;
    return TAY_OK;
}

void tay_ode_reset_cooldowns(tay_ode *ode)
{
    for (size_t i = 0; i < tay_ode_n_events(ode); i++) ode->watch->states[i].total = -1;
}
