/*
 * Reversible execs: runs that are extended order by order, the way back through a run, and through what depends on parameters
 * alone; polynomials and norms of lanes.
 *
 * The way back goes through the steps, orders and operations of a run in reverse, and then lets the coefficients learn, all
 * orders at once. A prologue whose outputs are the parameters themselves needs no exec.
 */
#include "exec/bound.h"

/* In float, each lane has a unit of time (mixed.c), in which a state's coefficient n + 1 is, as an operation at order n writes
 * it, and its cotangent. */
static void apply_units(const tay__exec *exec, const tay__operation *o, float *jet, uint32_t n, const float *units)
{
    const tay__group *g = o->group;

    for (uint32_t r = 0; r < g->n_rows && units && o->kernel.to_state; r++) {
        float *x = jet + (n + 1) * exec->plane + (size_t)g->rows[r].first * exec->lanes;
        for (int32_t m = 0; m < g->rows[r].length; m++, x += exec->lanes)
            for (uint32_t l = 0; l < exec->lanes; l++) x[l] *= units[l];
    }
}

/* Operations of a step at order n, those that are late by an order (delay) or the others. */
static void run_order(const tay__exec *exec, const tay__step *step, const tay__pass *pass, uint32_t n, bool late,
                      const float *units)
{
    for (uint32_t k = 0; k < step->n_operations; k++) {
        const tay__operation *o = tay__operation_of(exec, step, k);
        if (late != (o->delay > 0)) continue;
        tay__run_lanes(exec, step, k, pass, n);
        apply_units(exec, o, pass->jet, n, units);
    }
}

void tay__run_orders(const tay__exec *exec, const tay__workspace *workspace, uint32_t from, uint32_t to)
{
    tay__pass pass = tay__pass_of(exec, workspace, to);

    for (size_t i = 0; i < exec->steps.count; i++) {
        const tay__step *step = (const tay__step *)exec->steps.data + i;
        for (uint32_t n = from; n < to; n++) {
            run_order(exec, step, &pass, n, false, workspace->units);
            run_order(exec, step, &pass, n, true, workspace->units);
        }
    }
}

void tay__exec_extend(const tay__exec *exec, tay__workspace *workspace, uint32_t from, uint32_t to)
{
    if (exec->high && from == 0) *tay__units_of(exec, workspace) = 0;
    if (exec->high) from = tay__extend_mixed(exec, workspace, from, to);
    if (from < to) tay__run_orders(exec, workspace, from, to);
}

/* The same on the way back: sums of one order of which float has gone back alone (mixed.c), and of all. */
static void reverse_order(const tay__back *back, const tay__step *step, uint32_t n, bool late)
{
    const tay__exec *exec = back->exec;
    const tay__pass *pass = &back->pass;
    const tay__operation_code *code = atomic_load_explicit(&exec->run_lanes, memory_order_acquire);
    bool top = n + 1 == pass->n_orders;

    for (uint32_t k = step->n_operations; k-- > 0;) {
        const tay__operation *o = tay__operation_of(exec, step, k);
        if (!o->pulled || late != (o->delay > 0)) continue;
        if (tay__is_of_one_order(o->group) && n < back->first) continue;
        if (tay__is_of_one_order(o->group) && back->add) back->add(back, o, n);
        tay__operation_function *f = code ? code[step->begin + k].reverse[n % 2 ? TAY__ODD : top ? TAY__END : TAY__EVEN] : NULL;
        size_t n_segments;
        const tay__segment *segments = tay__segments_of(exec, step, k, &n_segments);
        apply_units(exec, o, pass->bar, n, back->units);
        if (f) f(pass, n, pass->n_orders);
        else o->kernel.reverse(pass, &o->kernel, o->group, n, segments, n_segments);
    }
}

void tay__reverse_orders(const tay__back *back, bool with_parameters)
{
    const tay__exec *exec = back->exec;

    for (size_t i = exec->steps.count; i-- > 0;) {
        const tay__step *step = (const tay__step *)exec->steps.data + i;
        for (uint32_t n = back->pass.n_orders; n-- > 0;) {
            reverse_order(back, step, n, true);
            reverse_order(back, step, n, false);
        }
        for (uint32_t k = 0; k < step->n_operations && with_parameters; k++) {
            const tay__operation *o = tay__operation_of(exec, step, k);
            size_t n_segments;
            const tay__segment *segments = tay__segments_of(exec, step, k, &n_segments);
            uint32_t first = tay__is_of_one_order(o->group) ? back->first : 0;
            if (o->kernel.learn && o->pulled)
                o->kernel.learn(&back->pass, &o->kernel, o->group, first, segments, n_segments);
        }
    }
}

void tay__exec_reverse(const tay__exec *exec, const tay__workspace *workspace, tay__cotangents *bars, uint32_t order,
                       bool with_parameters)
{
    tay__back back = {.exec = exec, .pass = tay__pass_of(exec, workspace, order)};

    back.pass.bar = bars->jet;
    back.pass.packed_bar = bars->packed;
    if (tay__is_mixed(exec, workspace, order)) tay__reverse_mixed(&back, workspace, bars, order, with_parameters);
    else tay__reverse_orders(&back, with_parameters);
}

tay_status tay__exec_create_reversible(tay__exec **out, tay__program *program, uint32_t order, uint32_t lanes, bool lane_coefs,
                                       tay__split split)
{
    tay_status status = TAY_OK;
    tay__exec *exec = NULL;

    if (lanes == 0 || !tay__fills(TAY_FLOAT64, lanes))
        TAY_FAIL(TAY_ERROR_ARGUMENT, "lanes: expected whole vectors of %zu, got %u", tay__exec_width(), lanes);
    if (order < 2 || order == UINT32_MAX) TAY_FAIL(TAY_ERROR_ARGUMENT, "order: expected at least 2, got %u", order);
    if (!program->jets || !program->reversible)
        TAY_FAIL(TAY_ERROR_ARGUMENT, "program: expected a reversible one with jets");
    if (split.exact < split.back)
        TAY_FAIL(TAY_ERROR_ARGUMENT, "split: expected ascending orders, got %u and %u", split.back, split.exact);
    TAY_TRY(tay__exec_make(&exec, &(tay__exec){.program = program, .real = TAY_FLOAT64, .order = order, .lanes = lanes,
                                               .reversible = true, .lane_coefs = lane_coefs}));
    TAY_TRY(tay__make_high(exec, split));
    exec->owned = true;
    *out = exec;
    exec = NULL;
out:
    tay__exec_free(exec);
    return status;
}

size_t tay__exec_width(void)
{
    return tay__choose_kernels(TAY_FLOAT64)->width;
}

uint32_t tay__exec_lanes_for(size_t n)
{
    uint32_t width = (uint32_t)tay__exec_width(), half = width / 2;

    if (n <= half && tay__fills(TAY_FLOAT64, half)) return half;
    return (uint32_t)((n + width - 1) / width * width);
}

/* Layers' coefficients with terms and members exchanged: see tay__pass. */
static void transpose(const tay__exec *exec, tay__workspace *w)
{
    size_t each = tay__coef_lanes(exec);

    for (size_t i = 0; i < exec->operations.count; i++) {
        const tay__operation *o = (const tay__operation *)exec->operations.data + i;
        const tay__group *g = o->group;
        if (!tay__is_layer(g)) continue;
        for (uint32_t r = 0; r < g->n_rows; r++) {
            size_t length = (size_t)g->rows[r].length, first = g->n_terms * (size_t)g->offset[r];
            const double *from = (const double *)w->packed + (g->coefs + first) * each;
            double *to = (double *)w->transposed + (o->kernel.transposed + first) * each;
            for (size_t m = 0; m < length; m++) {
                for (size_t k = 0, at = m * each; k < g->n_terms; k++, at += length * each, to += each) {
                    *to = from[at];
                    for (size_t l = 1; l < each; l++) to[l] = from[at + l];
                }
            }
        }
    }
}

void tay__set_lane_parameters(const tay__exec *exec, tay__workspace *w, const double *pars)
{
    const tay__exec *prologue = exec->prologue;
    size_t each = tay__coef_lanes(exec);

    if (prologue) {
        const tay__program *p = prologue->program;
        double *jet = (double *)w->prologue->jet + (size_t)(p->par_slot < 0 ? 0 : p->par_slot) * prologue->lanes;
        for (size_t i = 0; i < p->n_pars; i++)
            for (size_t l = 0; l < prologue->lanes; l++) jet[i * prologue->lanes + l] = pars[i * each + (each > 1 ? l : 0)];
        tay__exec_extend(prologue, w->prologue, 0, 1);
        transpose(prologue, w->prologue);
        exec->kernels->pack_outputs(w->packed, each, exec->program, w->prologue->jet, prologue->lanes);
    } else if (exec->program->prologue) {
        exec->kernels->pack_outputs(w->packed, each, exec->program, pars, each);
    }
    transpose(exec, w);
    if (exec->high) tay__set_high_parameters(exec, w);
}

bool tay__exec_copy_parameters(const tay__exec *exec, tay__workspace *w, const tay__exec *other, const tay__workspace *from)
{
    size_t n_packed = exec->program->n_packed;

    if (exec->prologue || exec->lane_coefs || other->lane_coefs) return false;
    if (n_packed != other->program->n_packed || exec->n_transposed != other->n_transposed) return false;
    memcpy(w->packed, from->packed, n_packed * exec->element);
    if (exec->n_transposed) memcpy(w->transposed, from->transposed, exec->n_transposed * exec->element);
    if (exec->high) tay__set_high_parameters(exec, w);
    return true;
}

void tay__exec_reverse_parameters(const tay__exec *exec, const tay__workspace *workspace, tay__cotangents *bars,
                                  double *pars_bar)
{
    const tay__program *program = exec->program, *p = program->prologue;
    size_t each = tay__coef_lanes(exec), lanes = exec->prologue ? exec->prologue->lanes : each;
    double *to = pars_bar;

    if (!p) return;
    if (exec->prologue) {
        tay__cotangents_clear(exec->prologue, bars->prologue, 0);
        to = bars->prologue->jet;
    }
    for (const tay__span *s = program->spans, *end = s + program->n_spans; s < end; s++) {
        const double *from = (const double *)bars->packed + s->first * each;
        const ptrdiff_t step = s->step * (ptrdiff_t)lanes;
        double *sum = to + (size_t)s->slot * lanes;
        for (uint32_t i = 0, n = s->n; i < n; i++, from += each, sum += step) {
            *sum += *from;
            for (size_t l = 1; l < each; l++) sum[l] += from[l];
        }
    }
    memset(bars->packed, 0, program->n_packed * each * sizeof *bars->packed);
    if (!exec->prologue) return;
    tay__exec_reverse(exec->prologue, workspace->prologue, bars->prologue, 1, false);
    for (size_t i = 0; i < p->n_pars; i++)
        for (size_t l = 0; l < each; l++) pars_bar[i * each + l] += to[((size_t)p->par_slot + i) * lanes + l];
}

tay_status tay__cotangents_create(tay__cotangents **out, const tay__exec *exec)
{
    tay_status status = TAY_OK;
    tay__cotangents *bars = NULL;

    TAY_TRY(tay__calloc(&bars, 1, sizeof *bars));
    TAY_TRY(tay__calloc_aligned(&bars->jet, tay__jet_bytes(exec, exec->order), 1));
    TAY_TRY(tay__calloc_aligned(&bars->packed, exec->program->n_packed + 1, tay__coef_lanes(exec) * exec->element));
    if (exec->high) TAY_TRY(tay__cotangents_create(&bars->high, exec->high));
    if (exec->prologue) TAY_TRY(tay__cotangents_create(&bars->prologue, exec->prologue));
    *out = bars;
    bars = NULL;
out:
    tay__cotangents_free(bars);
    return status;
}

void tay__cotangents_free(tay__cotangents *bars)
{
    if (!bars) return;
    tay__cotangents_free(bars->prologue);
    tay__cotangents_free(bars->high);
    tay__free_aligned(bars->jet);
    tay__free_aligned(bars->packed);
    tay__free(bars);
}

void tay__clear_slots(const tay__exec *exec, void *row, const tay__array *slots)
{
    const tay__slots *s = slots->data;
    size_t slot = exec->lanes * exec->element;

    for (size_t i = 0; i < slots->count; i++) memset((char *)row + s[i].begin * slot, 0, (s[i].end - s[i].begin) * slot);
}

void tay__cotangents_clear(const tay__exec *exec, tay__cotangents *bars, uint32_t order)
{
    for (uint32_t n = 0; n <= order; n++)
        tay__clear_slots(exec, (char *)bars->jet + n * exec->plane * exec->element, &exec->cleared);
}

void tay__exec_lane_polynomial(const tay__exec *exec, double *out, const double *jet, size_t count, uint32_t order,
                               const double *h, size_t n_h)
{
    exec->whole->lane_polynomial(out, jet, exec->plane, order, count * exec->lanes, exec->lanes, h, n_h);
}

void tay__exec_lane_derivative(const tay__exec *exec, double *out, const double *jet, size_t count, uint32_t order,
                               const double *h, size_t n_h)
{
    exec->whole->lane_derivative(out, jet, exec->plane, order, count * exec->lanes, exec->lanes, h, n_h);
}

void tay__exec_lane_polynomial_adjoint(const tay__exec *exec, double *bar, const double *y_bar, size_t count, uint32_t order,
                                       const double *h, size_t n_h)
{
    exec->whole->lane_polynomial_adjoint(bar, y_bar, exec->plane, order, count * exec->lanes, exec->lanes, h, n_h);
}

void tay__exec_rows_to_lanes(const tay__exec *exec, double *x, double *const *rows, size_t count)
{
    exec->rows->rows_to_lanes(x, rows, count, exec->lanes);
}

void tay__exec_lanes_to_rows(const tay__exec *exec, double *const *rows, double *x, size_t count)
{
    exec->rows->lanes_to_rows(x, rows, count, exec->lanes);
}

void tay__exec_lane_norms(const tay__exec *exec, double *out, const double *x, size_t count)
{
    exec->whole->lane_norms(out, x, count * exec->lanes, exec->lanes);
}
