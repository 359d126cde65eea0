/*
 * Derivatives in forward mode: the tangents of many expressions at once, in the direction that the leaves' tangents give,
 * for a small multiple of their size. [Griewank2008] section 3.1
 *
 *     a sum:      sum_k t_k
 *     a product:  P_k = P_{k-1} a_k with tangent T_k = T_{k-1} a_k + P_{k-1} t_k
 *     f(a, ...):  sum_k df/da_k t_k, by the table of functions
 *
 * A node that depends on no leaf with a tangent has none, and takes no part.
 */
#include "expr/graph.h"

typedef struct push {
    tay__map index; /* node -> place in tangents */
    tay_expr **tangents; /* references; NULL: 0 */
    tay__array terms;    /* of tay_expr *, references, of the node at hand */
} push;

static tay_expr *tangent_of(const push *p, const tay_expr *e)
{
    return p->tangents[*tay__map_get(&p->index, (uintptr_t)e)];
}

static bool is_zero(const tay_expr *e)
{
    return e->kind == TAY_KIND_NUMBER && e->u.number == 0.0;
}

static tay_status add_term(push *p, const tay_expr *term)
{
    tay_expr *new = tay_expr_ref(term);
    tay_status status = tay__array_push(&p->terms, &new);
    if (status != TAY_OK) tay_expr_unref(new);
    return status;
}

/* The terms of the products in a sum stand flat in the sum's tangent: a row of a layer stays a row. */
static tay_status push_sum(push *p, const tay_expr *e)
{
    tay_status status = TAY_OK;
    for (uint32_t k = 0; k < e->n_args; k++) {
        const tay_expr *a = e->u.args[k], *t = tangent_of(p, a);
        bool flat = t && a->kind == TAY_KIND_PRODUCT && t->kind == TAY_KIND_SUM;
        for (uint32_t j = 0; flat && j < t->n_args; j++) TAY_TRY(add_term(p, t->u.args[j]));
        if (t && !flat) TAY_TRY(add_term(p, t));
    }
out:
    return status;
}

/* (product, tangent) times (a, t); a NULL tangent is 0. */
static tay_status multiply(tay_expr **product, tay_expr **tangent, const tay_expr *a, const tay_expr *t)
{
    tay_status status = TAY_OK;
    tay_expr *left = NULL, *right = NULL, *sum = NULL, *next = NULL;
    if (*tangent) TAY_TRY(tay_expr_mul(&left, *tangent, a));
    if (t) TAY_TRY(tay_expr_mul(&right, *product, t));
    if (left && right) TAY_TRY(tay_expr_add(&sum, left, right));
    TAY_TRY(tay_expr_mul(&next, *product, a));
    tay_expr_unref(*product);
    *product = next;
    if (!left && !right) goto out;
    tay_expr_unref(*tangent);
    *tangent = tay_expr_ref(sum ? sum : left ? left : right);
out:
    tay_expr_unref(left);
    tay_expr_unref(right);
    tay_expr_unref(sum);
    return status;
}

static tay_status push_product(push *p, const tay_expr *e)
{
    tay_status status = TAY_OK;
    tay_expr *product = NULL, *tangent = NULL;
    TAY_TRY(tay_expr_number(&product, 1.0));
    for (uint32_t k = 0; k < e->n_args; k++) TAY_TRY(multiply(&product, &tangent, e->u.args[k], tangent_of(p, e->u.args[k])));
    if (tangent) TAY_TRY(add_term(p, tangent));
out:
    tay_expr_unref(product);
    tay_expr_unref(tangent);
    return status;
}

static tay_status push_function(push *p, const tay_expr *e)
{
    tay_status status = TAY_OK;
    tay_expr *partial = NULL, *term = NULL;
    if (tay__functions[e->function].form == TAY__CONSTANT) return TAY_OK;
    for (uint32_t k = 0; k < e->n_args; k++) {
        const tay_expr *t = tangent_of(p, e->u.args[k]);
        if (!t) continue;
        TAY_TRY(tay__expr_partial(&partial, e, k));
        if (!is_zero(partial)) {
            TAY_TRY(tay_expr_mul(&term, partial, t));
            TAY_TRY(add_term(p, term));
        }
        tay_expr_unref(partial);
        tay_expr_unref(term);
        partial = term = NULL;
    }
out:
    tay_expr_unref(partial);
    tay_expr_unref(term);
    return status;
}

static tay_status push_node(push *p, const tay_expr *e, tay_expr **tangent)
{
    tay_status status = TAY_OK;
    tay_expr *const *terms;
    p->terms.count = 0;
    if (e->kind == TAY_KIND_SUM) TAY_TRY(push_sum(p, e));
    if (e->kind == TAY_KIND_PRODUCT) TAY_TRY(push_product(p, e));
    if (e->kind == TAY_KIND_FUNCTION) TAY_TRY(push_function(p, e));
    terms = p->terms.data;
    if (p->terms.count > 0) TAY_TRY(tay_expr_sum(tangent, (const tay_expr *const *)terms, p->terms.count));
out:
    terms = p->terms.data;
    for (size_t i = 0; i < p->terms.count; i++) tay_expr_unref(terms[i]);
    p->terms.count = 0;
    return status;
}

tay_status tay__expr_tangent(tay_expr **out, const tay_expr *const *e, size_t n, const tay_expr *const *wrt,
                             const tay_expr *const *tangents, size_t n_wrt)
{
    tay_status status = TAY_OK;
    push p = {.terms = TAY__ARRAY(tay_expr *)};
    const tay_expr **nodes = NULL;
    tay_expr *zero = NULL;
    size_t count = 0;
    TAY_TRY(tay_expr_number(&zero, 0.0));
    TAY_TRY(tay__expr_postorder(&nodes, &count, &p.index, e, n));
    TAY_TRY(tay__calloc(&p.tangents, count, sizeof *p.tangents));
    for (size_t j = 0; j < n_wrt; j++) {
        const uint64_t *place = tay__map_get(&p.index, (uintptr_t)wrt[j]);
        if (place && !is_zero(tangents[j])) p.tangents[*place] = tay_expr_ref(tangents[j]);
    }
    for (size_t i = 0; i < count; i++)
        if (nodes[i]->n_args > 0) TAY_TRY(push_node(&p, nodes[i], &p.tangents[i]));
    for (size_t i = 0; i < n; i++) {
        const tay_expr *t = tangent_of(&p, e[i]);
        out[i] = tay_expr_ref(t ? t : zero);
    }
out:
    if (p.tangents) tay__expr_unref_all(p.tangents, count);
    tay__free(p.tangents);
    tay__free(nodes);
    tay__map_free(&p.index);
    tay__array_free(&p.terms);
    tay_expr_unref(zero);
    return status;
}
