/*
 * The derivatives at the initial time t0, where x(t0) = x0 whatever the parameters: dx_i/dx0_j is 1 for i = j, all others
 * are 0, but for those with respect to t0. Let I(x0, p, t0) be the initial value of a derivative y (or of x_i, I = x0_i)
 * with the equation dy/dt = R. Differentiating y(t0; x0, p, t0) = I with respect to t0 gives, at t = t0,
 *
 *     R + D_t0 y = dI/dt0,  so that D_t0 y has the initial value dI/dt0 - R,
 *
 * where R takes the initial values of the variables in it. In first order: dx_i/dt0 = -f_i.
 */
#include "variational/system.h"

/* The sequence without one occurrence of argument a, which it holds. */
static size_t without(const tay__sequences *s, size_t sequence, uint32_t a, uint32_t *scratch)
{
    size_t length = 0, i = sequence, result = 0;
    bool removed = false;
    for (; i > 0; i = s->items[i].parent) {
        if (s->items[i].last == a && !removed)
            removed = true;
        else
            scratch[length++] = s->items[i].last;
    }
    while (length > 0) {
        const struct tay__sequence *item = &s->items[result];
        result = item->first_child + scratch[--length] - item->last;
    }
    return result;
}

/* e with the initial values of the derivatives in it. */
static tay_status at_start(tay_expr **out, const tay_variational *v, const tay_expr *e)
{
    tay_status status = TAY_OK;
    tay_expr **from = NULL, **to = NULL;
    size_t *entries = NULL, n = 0;
    TAY_TRY(tay__variational_vars_in(v, &from, &entries, &n, e));
    TAY_TRY(tay__alloc(&to, n, sizeof *to));
    for (size_t i = 0; i < n; i++) to[i] = v->initial[entries[i]];
    TAY_TRY(tay_expr_subs(out, &e, 1, (const tay_expr *const *)from, (const tay_expr *const *)to, n));
out:
    for (size_t i = 0; i < n; i++) tay_expr_unref(from[i]);
    tay__free(from);
    tay__free(entries);
    tay__free(to);
    return status;
}

/* dI/dt0 - R for the derivative (or variable) at `entry`. */
static tay_status by_time(tay_expr **out, const tay_variational *v, size_t entry, const tay_expr *time)
{
    tay_status status = TAY_OK;
    tay_expr *rate = NULL, *explicit = NULL;
    TAY_TRY(at_start(&rate, v, v->rhs[entry]));
    TAY_TRY(tay_expr_diff(&explicit, v->initial[entry], time));
    bool is_constant = explicit->kind == TAY_KIND_NUMBER && explicit->u.number == 0.0;
    TAY_TRY(is_constant ? tay_expr_neg(out, rate) : tay_expr_sub(out, explicit, rate));
out:
    tay_expr_unref(rate);
    tay_expr_unref(explicit);
    return status;
}

typedef struct start {
    const tay_expr *time;     /* NULL: not among the arguments */
    uint32_t time_arg;        /* its place there */
    uint32_t *scratch;        /* [order] */
    tay_expr *zero, *one;
} start;

/* The initial values for one sequence of arguments, all components. */
static tay_status set_sequence(tay_variational *v, start *w, uint32_t length, size_t sequence)
{
    const tay__sequences *s = &v->sequences;
    const tay_expr *last = v->args[s->items[sequence].last];
    bool by_t0 = false;
    for (size_t i = sequence; i > 0 && w->time; i = s->items[i].parent) by_t0 |= s->items[i].last == w->time_arg;
    size_t less = by_t0 ? without(s, sequence, w->time_arg, w->scratch) : 0;
    for (size_t c = 0; c < v->n; c++) {
        tay_expr **initial = &v->initial[tay__sequences_entry(s, v->n, length, c, sequence)];
        if (by_t0) {
            tay_status status = by_time(initial, v, tay__sequences_entry(s, v->n, length - 1, c, less), w->time);
            if (status != TAY_OK) return status;
        } else {
            *initial = tay_expr_ref(length == 1 && last == v->vars[c] ? w->one : w->zero);
        }
    }
    return TAY_OK;
}

tay_status tay__variational_initial(tay_variational *v)
{
    tay_status status = TAY_OK;
    const tay__sequences *s = &v->sequences;
    start w = {0};
    for (size_t a = 0; a < v->n_args; a++) {
        if (v->args[a]->kind != TAY_KIND_TIME) continue;
        w.time = v->args[a];
        w.time_arg = (uint32_t)a;
    }
    TAY_TRY(tay_expr_number(&w.zero, 0.0));
    TAY_TRY(tay_expr_number(&w.one, 1.0));
    TAY_TRY(tay__alloc(&w.scratch, s->order, sizeof *w.scratch));
    for (size_t c = 0; c < v->n; c++) v->initial[c] = tay_expr_ref(v->vars[c]);
    for (uint32_t length = 1; length <= s->order; length++) {
        for (size_t i = s->offset[length]; i < s->offset[length + 1]; i++) TAY_TRY(set_sequence(v, &w, length, i));
    }
out:
    tay_expr_unref(w.zero);
    tay_expr_unref(w.one);
    tay__free(w.scratch);
    return status;
}

tay_status tay_variational_initial_values(double *out, const tay_variational *v, const double *state, const double *pars,
                                          size_t n_pars, double time)
{
    tay_status status = TAY_OK;
    tay__array open = TAY__ARRAY(const tay_expr *); /* those that are no numbers */
    double *values = NULL;
    if (!out || !v || !state)
        TAY_FAIL(TAY_ERROR_ARGUMENT, "tay_variational_initial_values: `%s` is NULL", !out ? "out" : !v ? "v" : "state");
    if (n_pars > 0 && !pars) TAY_FAIL(TAY_ERROR_ARGUMENT, "tay_variational_initial_values: `pars` is NULL");
    tay__point point = {(const tay_expr *const *)v->vars, state, v->n, pars, n_pars, time};
    for (size_t i = 0; i < v->n_total; i++) {
        if (v->initial[i]->kind != TAY_KIND_NUMBER) TAY_TRY(tay__array_push(&open, &v->initial[i]));
    }
    TAY_TRY(tay__alloc(&values, open.count, sizeof *values));
    TAY_TRY(tay__expr_evaluate(values, open.data, open.count, &point));
    for (size_t i = 0, k = 0; i < v->n_total; i++)
        out[i] = v->initial[i]->kind == TAY_KIND_NUMBER ? v->initial[i]->u.number : values[k++];
out:
    tay__array_free(&open);
    tay__free(values);
    return status;
}
