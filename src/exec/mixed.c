/*
 * Reversible execs in mixed precision: coefficients of orders from `low` on, which a step makes small, are float.
 *
 * A coefficient x_n enters a step as x_n h^n, of relative size (h / rho)^n, so that of the relative error 2^-24 of float only
 * 2^-24 (h / rho)^n remains. The program is bound once more, to float (exec->high), whose vectors have twice as many elements.
 * Orders below `low` run in double; they are narrowed, and float goes on from there. The same kernels run both, over the same
 * lanes: whole vectors of double, of which the last one is half a vector of float if they are odd, or a part of one. The states
 * need more than the way back: double goes on to their coefficient `exact`, and what it has is narrowed for float, too.
 *
 * In float, coefficient n is x_n u^n, u a power of two near the radius of convergence, for each lane, so that the range of float
 * suffices; where it does not, the step is double as a whole. The way back is linear in the cotangents of the states'
 * coefficients: those of orders above `back` go back in float, through all orders, those of the others in double, through the
 * orders below `back`; what both give is added.
 *
 * `low` is odd: orders in pairs (kernels/run.h) begin with an odd one, and none is cut in two. It is `back` or the order before.
 */
#include <math.h>

#include "exec/bound.h"

enum { LEAST_EXACT = 3, LEAST_WORK = 1000, LEAST_HIGH = 4, LEAST_LANES = 8 /* a vector of AVX2 */ };

bool tay__exec_is_network(const tay__program *p)
{
    size_t work = 0;

    for (uint32_t s = 0; s < p->n_stages; s++) {
        for (uint32_t i = 0; i < p->stages[s].n_groups; i++) {
            const tay__group *g = &p->stages[s].groups[i];
            if (tay__is_layer(g)) work += (size_t)g->n_terms * g->n_members;
        }
    }
    return work >= LEAST_WORK;
}

/* Quotients and powers may leave the range of float unnoticed. */
static bool stays_in_range(const tay__program *p)
{
    for (uint32_t s = 0; s < p->n_stages; s++) {
        for (uint32_t i = 0; i < p->stages[s].n_groups; i++) {
            const tay__group *g = &p->stages[s].groups[i];
            if (g->primitive == TAY__QUOTIENT || g->primitive == TAY__POWER) return false;
        }
    }
    return true;
}

bool tay__exec_fills_float(uint32_t lanes, bool lane_coefs)
{
    return tay__fills(TAY_FLOAT32, lanes) && (!lane_coefs || lanes >= LEAST_LANES);
}

/* The first order at which the error of float in a step is at most `part`; h / rho is about e^-1.75 (flow/step.c). Measured: what
 * the way back has of it counts up to 30 times in gradients, as derivatives of coefficients grow with their order. */
static uint32_t first_order(double part)
{
    double n = ceil(log(0x1p-24 / part) / 1.75);
    return n > 2 ? (uint32_t)n : 2;
}

tay__split tay__exec_split_for(const tay__program *program, double tolerance)
{
    tay__split split = {.back = first_order(tolerance / 10) - 1, .exact = first_order(tolerance / 100) - 1};

    if (split.exact < LEAST_EXACT) split.exact = LEAST_EXACT;
    bool pays = split.back + split.exact <= tay__exec_order_for(tolerance); /* else little is left for float */
    return pays && tay__exec_is_network(program) && stays_in_range(program) ? split : (tay__split){0};
}

/* What float reads, writes and adds to at orders that were double. */
typedef struct plan {
    bool *read;    /* [n_slots] operands */
    bool *inputs;  /* states, and the time */
    bool *reached; /* by cotangents: through these; states, whose coefficient `low` is read */
    bool *added;   /* reached by one that adds, or changed in place: to be cleared before */
    const tay__operation *o;
} plan;

static void see(void *context, const tay__group *g, int32_t slot, bool is_b)
{
    plan *p = context;
    bool flows = tay__flows_to(g, is_b) && !tay__is_of_one_order(g) && p->o->pulled;

    p->read[slot] = true;
    p->reached[slot] = p->reached[slot] || flows;
    p->added[slot] = p->added[slot] || (flows && !p->o->kernel.fresh);
}

static tay_status find_plan(tay__exec *exec)
{
    tay_status status = TAY_OK;
    tay__operation *operations = exec->operations.data;
    plan p = {0};

    TAY_TRY(tay__calloc(&p.read, 4 * exec->n_slots, sizeof *p.read));
    p.inputs = p.read + exec->n_slots;
    p.reached = p.inputs + exec->n_slots;
    p.added = p.reached + exec->n_slots;
    tay__mark_inputs(p.read, exec->program);
    tay__mark_inputs(p.inputs, exec->program);
    tay__mark_inputs(p.reached, exec->program);
    for (size_t i = 0; i < exec->operations.count; i++) {
        const tay__group *g = operations[i].group;
        p.o = &operations[i];
        tay__see_operands(g, see, &p);
        if (g->primitive != TAY__QUOTIENT && g->primitive != TAY__POWER) continue; /* they read and change their own */
        tay__mark_members(p.read, g, true);
        tay__mark_members(p.added, g, true);
    }
    for (size_t i = 0; i < exec->operations.count; i++) operations[i].reached = tay__any_marked(p.reached, operations[i].group);
    TAY_TRY(tay__find_runs(&exec->narrowed, p.read, exec->n_slots));
    TAY_TRY(tay__find_runs(&exec->inputs, p.inputs, exec->n_slots));
    TAY_TRY(tay__find_runs(&exec->added, p.added, exec->n_slots));
out:
    tay__free(p.read);
    return status;
}

tay_status tay__make_high(tay__exec *exec, tay__split split)
{
    tay_status status = TAY_OK;

    if (split.back == 0 || split.exact >= exec->order) goto out;
    TAY_TRY(tay__exec_make(&exec->high, &(tay__exec){.program = exec->program, .real = TAY_FLOAT32, .order = exec->order,
                                                     .lanes = exec->lanes, .reversible = true, .lane_coefs = exec->lane_coefs,
                                                     .is_high = true}));
    exec->low = (split.back - 1) | 1;
    exec->back = split.back;
    exec->exact = split.exact;
    TAY_TRY(find_plan(exec));
    exec->memory += exec->high->memory + tay__count_units(exec) * sizeof(double);
out:
    return status;
}

/* Else narrowing takes longer than float saves. */
void tay__exec_expect(const tay__exec *exec, tay__workspace *w, uint32_t order)
{
    w->mixed = exec->high && order >= exec->exact + LEAST_HIGH;
}

/* Behind a jet of double stand the units of time of the lanes, the first one 0 if all orders are double, and the jet of float. */
size_t tay__count_units(const tay__exec *exec)
{
    return (exec->lanes * sizeof(double) + TAY__LINE - 1) / TAY__LINE * (TAY__LINE / sizeof(double));
}

double *tay__units_of(const tay__exec *exec, const tay__workspace *w)
{
    return (double *)w->jet + exec->plane * ((size_t)exec->order + 1);
}

bool tay__is_mixed(const tay__exec *exec, const tay__workspace *w, uint32_t order)
{
    return exec->high && order > exec->low && tay__units_of(exec, w)[0] != 0;
}

/* The workspace for float, with what belongs to w's jet. */
tay__workspace *tay__high_of(const tay__exec *exec, const tay__workspace *w)
{
    double *units = tay__units_of(exec, w);

    w->high->jet = units + tay__count_units(exec);
    for (size_t l = 0; l < exec->lanes; l++) w->high->units[l] = (float)units[l];
    return w->high;
}

/* Powers u^n, or u^-n, for all lanes: starts with n, times a number; goes on to the next n. */
typedef struct powers {
    const tay__exec *exec;
    double *factor, *step; /* [lanes] of the workspace */
} powers;

static void next(powers *p)
{
    for (uint32_t l = 0; l < p->exec->lanes; l++) p->factor[l] *= p->step[l];
}

static powers start(const tay__exec *exec, const tay__workspace *w, uint32_t n, bool inverse, double times)
{
    const double *units = tay__units_of(exec, w);
    powers p = {.exec = exec, .factor = w->high->numbers, .step = w->high->numbers + exec->lanes};

    for (uint32_t l = 0; l < exec->lanes; l++) {
        p.factor[l] = times;
        p.step[l] = inverse ? 1 / units[l] : units[l];
    }
    for (uint32_t i = 0; i < n; i++) next(&p);
    return p;
}

static double *norms_of(const tay__exec *exec, const tay__workspace *w, const double *row)
{
    double *norms = w->high->numbers + 2 * exec->lanes;
    tay__exec_lane_norms(exec, norms, row, exec->program->n_inputs);
    return norms;
}

/* Units near (max(1, |x_0|) / |x_n|)^(1/n), n = exec->exact, by exponents alone. */
static void choose_units(const tay__exec *exec, const tay__workspace *w)
{
    double *units = tay__units_of(exec, w);
    const double *jet = w->jet, *norms = norms_of(exec, w, jet);
    int most = 1000 / (int)exec->order;

    for (uint32_t l = 0; l < exec->lanes; l++) units[l] = norms[l] > 1 ? norms[l] : 1;
    norms = norms_of(exec, w, jet + exec->exact * exec->plane);
    for (uint32_t l = 0; l < exec->lanes; l++) {
        int e = norms[l] > 0 && units[l] < INFINITY ? (ilogb(units[l]) - ilogb(norms[l])) / (int)exec->exact : 0;
        units[l] = ldexp(1, e > most ? most : e < -most ? -most : e);
    }
}

/* Coefficients n of these slots to float. */
static void narrow_slots(const powers *p, const tay__workspace *w, const tay__array *runs, uint32_t n)
{
    const tay__exec *exec = p->exec, *high = exec->high;
    const tay__slots *slots = runs->data;

    for (size_t i = 0; i < runs->count; i++)
        exec->whole->narrow((float *)w->high->jet + n * high->plane + slots[i].begin * exec->lanes,
                            (double *)w->jet + n * exec->plane + slots[i].begin * exec->lanes, exec->lanes,
                            slots[i].end - slots[i].begin, p->factor);
}

/* Orders below `end` to float, where float reads them, and inputs of this order, too. What continues is for order end + 1. */
static powers narrow(const tay__exec *exec, const tay__workspace *w, uint32_t end)
{
    powers p = start(exec, w, 0, false, 1);

    for (uint32_t n = 0; n < end; n++, next(&p)) narrow_slots(&p, w, &exec->narrowed, n);
    narrow_slots(&p, w, &exec->inputs, end);
    next(&p);
    return p;
}

/* The states' coefficients from .. to to double; whether all are finite. */
static bool widen(const tay__exec *exec, const tay__workspace *w, uint32_t from, uint32_t to)
{
    const tay__exec *high = exec->high;
    powers p = start(exec, w, from, true, 1);
    bool finite = true;

    for (uint32_t n = from; n <= to; n++, next(&p)) {
        double *x = (double *)w->jet + n * exec->plane;
        exec->whole->widen(x, (float *)w->high->jet + n * high->plane, exec->lanes, exec->program->n_inputs, p.factor, false);
        const double *norms = norms_of(exec, w, x);
        for (uint32_t l = 0; l < exec->lanes; l++) finite = finite && isfinite(norms[l]);
    }
    return finite;
}

/* Float takes what double has; where a pair of orders would be cut in two, it runs the first one again. */
static void begin_high(const tay__exec *exec, const tay__workspace *w)
{
    uint32_t end = (exec->exact - 1) | 1;

    choose_units(exec, w);
    const tay__workspace *high = tay__high_of(exec, w);
    powers p = narrow(exec, w, end);
    if (end == exec->exact) return;
    tay__run_orders(exec->high, high, end, exec->exact);
    narrow_slots(&p, w, &exec->inputs, exec->exact);
}

uint32_t tay__extend_mixed(const tay__exec *exec, tay__workspace *w, uint32_t from, uint32_t to)
{
    uint32_t exact = exec->exact;

    if (!w->mixed || to <= exact || (from > exact && !tay__is_mixed(exec, w, from))) return from;
    if (from < exact) tay__run_orders(exec, w, from, exact);
    if (from <= exact) {
        from = exact;
        begin_high(exec, w);
    }
    tay__run_orders(exec->high, tay__high_of(exec, w), from, to);
    if (widen(exec, w, from + 1, to)) return to;
    tay__units_of(exec, w)[0] = 0;
    return exact;
}

/* A power of two that brings the largest of the cotangents that go back in float to 1; 0 if all are 0. */
static double scale_of(const tay__exec *exec, const tay__workspace *w, const tay__cotangents *bars, uint32_t order)
{
    double most = 0;
    powers p = start(exec, w, exec->back + 1, true, 1);

    for (uint32_t n = exec->back + 1; n <= order; n++, next(&p)) {
        const double *norms = norms_of(exec, w, bars->jet + n * exec->plane);
        for (uint32_t l = 0; l < exec->lanes; l++)
            if (norms[l] * p.factor[l] > most) most = norms[l] * p.factor[l];
    }
    return most > 0 ? ldexp(1, -ilogb(most)) : 0;
}

/* Slots first ... of float cotangents of order n are added to those in double. */
static void add_slots(const tay__back *back, size_t first, size_t count, uint32_t n)
{
    const tay__exec *exec = back->exec, *high = exec->high;
    const float *from = (const float *)back->high->pass.bar + n * high->plane + first * exec->lanes;
    double *to = (double *)back->pass.bar + n * exec->plane + first * exec->lanes;

    exec->whole->widen(to, from, exec->lanes, count, back->factors + n * exec->lanes, true);
}

static void add_members(const tay__back *back, const tay__operation *o, uint32_t n)
{
    const tay__group *g = o->group;

    for (uint32_t r = 0; r < g->n_rows && o->reached; r++)
        add_slots(back, (size_t)g->rows[r].first, (size_t)g->rows[r].length, n + o->kernel.to_state);
}

/* Float: from the top to order 0, where sums of one order wait for double. */
static void reverse_high(tay__back *back, const tay__exec *exec, const tay__workspace *w, tay__cotangents *bars, double scale,
                         bool with_parameters)
{
    const tay__exec *high = back->exec;
    float *bar = back->pass.bar;
    uint32_t order = back->pass.n_orders;
    powers p = start(exec, w, exec->back + 1, true, scale);

    tay__cotangents_clear(high, bars->high, order);
    for (uint32_t n = 0; n < exec->back; n++) tay__clear_slots(high, bar + n * high->plane, &exec->added);
    for (uint32_t n = exec->back + 1; n <= order; n++, next(&p))
        exec->whole->narrow(bar + n * high->plane, bars->jet + n * exec->plane, exec->lanes, exec->program->n_inputs, p.factor);
    tay__reverse_orders(back, with_parameters);
}

/* What float has learned to what double has. */
static void add_packed(const tay__exec *exec, const tay__workspace *w, tay__cotangents *bars, double scale)
{
    size_t each = tay__coef_lanes(exec), n = exec->program->n_packed;
    float *packed = (float *)bars->high->packed;

    exec->whole->widen(bars->packed, packed, each, n, start(exec, w, 0, false, 1 / scale).factor, true);
    memset(packed, 0, n * each * sizeof *packed);
}

static bool are_finite(const float *x, size_t n)
{
    uint32_t all = 0, bits;

    for (size_t i = 0; i < n; i++) {
        memcpy(&bits, x + i, sizeof bits);
        all |= (bits & INT32_MAX) + 0x00800000; /* without the sign; of infinity and NaN the sum has the highest bit */
    }
    return all >> 31 == 0;
}

/* Whether nothing left the range of float on the way back: it would have reached the ends. */
static bool is_good(const tay__exec *exec, const tay__cotangents *bars)
{
    const tay__exec *high = exec->high;
    const tay__program *p = exec->program;
    const float *jet = (const float *)bars->high->jet;

    return are_finite(jet, p->n_inputs * high->lanes) &&
           (p->time_slot < 0 || are_finite(jet + (size_t)p->time_slot * high->lanes, high->lanes)) &&
           are_finite((const float *)bars->high->packed, p->n_packed * tay__coef_lanes(high));
}

void tay__reverse_mixed(tay__back *back, const tay__workspace *w, tay__cotangents *bars, uint32_t order, bool with_parameters)
{
    const tay__exec *exec = back->exec;
    const tay__program *p = exec->program;
    tay__workspace *high = tay__high_of(exec, w);
    tay__back up = {.exec = exec->high, .pass = tay__pass_of(exec->high, high, order), .first = exec->back, .units = high->units};
    double scale = scale_of(exec, w, bars, order), *factors = high->numbers + 3 * exec->lanes;

    up.pass.bar = bars->high->jet;
    up.pass.packed_bar = bars->high->packed;
    if (scale > 0) reverse_high(&up, exec, w, bars, scale, with_parameters);
    if (scale > 0 && !is_good(exec, bars)) { /* all in double, from the beginning: a jet that was restored lacks values */
        memset(bars->high->packed, 0, p->n_packed * tay__coef_lanes(exec->high) * sizeof(float));
        tay__run_orders(exec, w, 0, order);
        tay__reverse_orders(back, with_parameters);
        return;
    }
    back->pass.n_orders = exec->back;
    if (scale == 0) {
        tay__reverse_orders(back, with_parameters);
        return;
    }
    powers u = start(exec, w, 0, false, 1 / scale);
    for (uint32_t n = 0; n <= exec->back; n++, next(&u))
        memcpy(factors + n * exec->lanes, u.factor, exec->lanes * sizeof *factors);
    back->high = &up;
    back->factors = factors;
    back->add = add_members;
    tay__reverse_orders(back, with_parameters);
    add_slots(back, 0, p->n_inputs, 0);
    if (p->time_slot >= 0) add_slots(back, (size_t)p->time_slot, 1, 0);
    if (with_parameters) add_packed(exec, w, bars, scale);
}

void tay__set_high_parameters(const tay__exec *exec, tay__workspace *w)
{
    size_t each = tay__coef_lanes(exec);
    const double *ones = start(exec, w, 0, false, 1).factor;

    exec->whole->narrow(w->high->packed, w->packed, each, exec->program->n_packed, ones);
    exec->whole->narrow(w->high->transposed, w->transposed, each, exec->n_transposed, ones);
}

void tay__restore_high(const tay__exec *exec, tay__workspace *w, const char *saved, uint32_t order)
{
    tay__high_of(exec, w);
    narrow(exec, w, exec->low);
    tay__restore_orders(exec->high, w->high, saved, exec->low, order);
    widen(exec, w, exec->exact + 1, order);
}

size_t tay__exec_jet_bytes(const tay__exec *exec, const tay__workspace *w, uint32_t order)
{
    if (!w->mixed || order <= exec->exact) return tay__jet_bytes(exec, order);
    return tay__jet_bytes(exec, exec->exact) + tay__jet_bytes(exec->high, order);
}
