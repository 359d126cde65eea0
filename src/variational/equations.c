/*
 * The equations of the derivatives. With D_a for the derivative with respect to argument a, and X for all variables, those
 * for derivatives included, which the right-hand side R of a derivative (or of x_i itself, R = f_i) contains:
 *
 *     d(D_a y)/dt = D_a R = sum_X dR/dX D_a X + dR/da    (the last term for a parameter a; time and initial conditions do
 *                                                        not occur in R as such)
 *
 * Each is one flat sum, the X in the order of the system. In first order: sum_k J_ik phi_ka + df_i/dp_a, for all a with the
 * same J_ik. Orders follow each other: R of order m + 1 comes from R of order m, by one sweep in reverse mode for all a.
 */
#include <stdio.h>

#include "variational/system.h"

static tay_status append(tay__array *text, const char *piece)
{
    size_t length = strlen(piece);
    tay_status status = tay__array_reserve(text, length + 1);
    if (status != TAY_OK) return status;
    memcpy((char *)text->data + text->count, piece, length + 1);
    text->count += length;
    return TAY_OK;
}

/* "∂[(0, 1), (2, 3)]": once by argument 0, three times by argument 2. */
static tay_status write_prefix(tay__array *text, const tay__sequences *s, size_t sequence, size_t *scratch)
{
    tay_status status = TAY_OK;
    size_t length = 0;
    text->count = 0;
    for (size_t i = sequence; i > 0; i = s->items[i].parent) scratch[length++] = s->items[i].last;
    TAY_TRY(append(text, "\xe2\x88\x82["));
    for (size_t i = length; i > 0;) {
        char piece[64];
        size_t arg = scratch[i - 1], times = 0;
        while (i > 0 && scratch[i - 1] == arg) i--, times++;
        snprintf(piece, sizeof piece, "(%zu, %zu)%s", arg, times, i > 0 ? ", " : "]");
        TAY_TRY(append(text, piece));
    }
out:
    return status;
}

/* The variables of one order. */
static tay_status name_order(tay_variational *v, uint32_t length)
{
    tay_status status = TAY_OK;
    const tay__sequences *s = &v->sequences;
    tay__array text = TAY__ARRAY(char);
    size_t *scratch = NULL;
    TAY_TRY(tay__alloc(&scratch, length, sizeof *scratch));
    for (size_t i = s->offset[length]; i < s->offset[length + 1]; i++) {
        TAY_TRY(write_prefix(&text, s, i, scratch));
        size_t prefix = text.count;
        for (size_t c = 0; c < v->n; c++) {
            size_t entry = tay__sequences_entry(s, v->n, length, c, i);
            text.count = prefix;
            TAY_TRY(append(&text, tay_expr_name(v->vars[c])));
            TAY_TRY(tay_expr_variable(&v->vars[entry], text.data));
            const tay_expr *new = v->vars[entry];
            if (tay__map_get(&v->place, (uintptr_t)new))
                TAY_FAIL(TAY_ERROR_ARGUMENT, "the system has a variable named like a derivative: %s", tay_expr_name(new));
            if (length < s->order) TAY_TRY(tay__map_set(&v->place, (uintptr_t)new, entry));
        }
    }
out:
    tay__array_free(&text);
    tay__free(scratch);
    return status;
}

static bool is_zero(const tay_expr *e)
{
    return e->kind == TAY_KIND_NUMBER && e->u.number == 0.0;
}

/* The right-hand side of a derivative, to be differentiated with respect to all arguments. */
typedef struct parent {
    tay_expr **wrt;   /* [n_vars] the variables in it, then [n_args] those of the arguments that are parameters */
    size_t *raised;   /* [n_vars] the entry of the variable's derivative by argument 0 (modulo 2^64): + a for argument a */
    size_t *place;    /* [n_args] place of argument a in wrt; 0: not a parameter */
    tay_expr **gradient;
    size_t n_vars, n_wrt;
    tay__array terms; /* of tay_expr * */
} parent;

static void parent_free(parent *p)
{
    for (size_t j = 0; j < p->n_wrt; j++) {
        if (p->wrt) tay_expr_unref(p->wrt[j]);
        if (p->gradient) tay_expr_unref(p->gradient[j]);
    }
    tay__free(p->wrt);
    tay__free(p->raised);
    tay__free(p->place);
    tay__free(p->gradient);
    tay__array_free(&p->terms);
}

/* Where the derivative by argument 0 of the variable at `entry` would be. */
static size_t raise(const tay_variational *v, size_t entry)
{
    const tay__sequences *s = &v->sequences;
    size_t c, sequence;
    uint32_t length = 0;
    tay__sequences_find(s, v->n, entry, &c, &sequence);
    while (sequence >= s->offset[length + 1]) length++;
    const struct tay__sequence *item = &s->items[sequence];
    return tay__sequences_entry(s, v->n, length + 1, c, item->first_child) - item->last;
}

static tay_status parent_start(parent *p, const tay_variational *v, const tay_expr *rhs, uint32_t last)
{
    tay_status status = TAY_OK;
    TAY_TRY(tay__variational_vars_in(v, &p->wrt, &p->raised, &p->n_vars, rhs));
    p->n_wrt = p->n_vars;
    for (size_t j = 0; j < p->n_vars; j++) p->raised[j] = raise(v, p->raised[j]);
    TAY_TRY(tay__realloc(&p->wrt, p->n_vars + v->n_args, sizeof *p->wrt));
    TAY_TRY(tay__calloc(&p->place, v->n_args, sizeof *p->place));
    for (size_t a = last; a < v->n_args; a++) {
        if (v->args[a]->kind != TAY_KIND_PARAMETER) continue;
        p->place[a] = p->n_wrt;
        p->wrt[p->n_wrt++] = tay_expr_ref(v->args[a]);
    }
    TAY_TRY(tay__calloc(&p->gradient, p->n_wrt, sizeof *p->gradient));
    TAY_TRY(tay__expr_gradient(p->gradient, rhs, (const tay_expr *const *)p->wrt, p->n_wrt));
out:
    return status;
}

/* *out = D_a R */
static tay_status differentiate(tay_expr **out, parent *p, const tay_variational *v, size_t a)
{
    tay_status status = TAY_OK;
    p->terms.count = 0;
    TAY_TRY(tay__array_reserve(&p->terms, p->n_vars + 1));
    tay_expr **terms = p->terms.data;
    for (size_t j = 0; j < p->n_vars; j++) {
        if (is_zero(p->gradient[j])) continue;
        TAY_TRY(tay_expr_mul(&terms[p->terms.count], p->gradient[j], v->vars[p->raised[j] + a]));
        p->terms.count++;
    }
    if (v->args[a]->kind == TAY_KIND_PARAMETER && !is_zero(p->gradient[p->place[a]]))
        terms[p->terms.count++] = tay_expr_ref(p->gradient[p->place[a]]);
    TAY_TRY(tay_expr_sum(out, (const tay_expr *const *)terms, p->terms.count));
out:
    for (size_t j = 0; j < p->terms.count; j++) tay_expr_unref(((tay_expr **)p->terms.data)[j]);
    return status;
}

/* The right-hand sides of the derivatives by one more argument of component c's derivative by `sequence`. */
static tay_status add_children(tay_variational *v, uint32_t length, size_t c, size_t sequence)
{
    tay_status status = TAY_OK;
    const tay__sequences *s = &v->sequences;
    const struct tay__sequence *item = &s->items[sequence];
    parent p = {.terms = TAY__ARRAY(tay_expr *)};
    tay_expr **children = v->rhs + tay__sequences_entry(s, v->n, length + 1, c, item->first_child);
    TAY_TRY(parent_start(&p, v, v->rhs[tay__sequences_entry(s, v->n, length, c, sequence)], item->last));
    for (size_t a = item->last; a < v->n_args; a++) TAY_TRY(differentiate(children++, &p, v, a));
out:
    parent_free(&p);
    return status;
}

tay_status tay__variational_equations(tay_variational *v)
{
    tay_status status = TAY_OK;
    const tay__sequences *s = &v->sequences;
    for (uint32_t length = 0; length < s->order; length++) {
        TAY_TRY(name_order(v, length + 1));
        for (size_t c = 0; c < v->n; c++) {
            for (size_t i = s->offset[length]; i < s->offset[length + 1]; i++) TAY_TRY(add_children(v, length, c, i));
        }
    }
out:
    return status;
}
