/*
 * Derivatives in reverse mode: all partial derivatives of one expression for a small multiple of its size.
 *
 * The nodes below the expression are visited from it downwards, each after all that use it. A node's cotangent g (the
 * derivative of the expression with respect to the node) is one flat sum of what its users contributed, in the order of
 * the users, so that the rows and columns of a layer stay rows and columns; then the node contributes to its arguments:
 *
 *     a sum:      g                to each
 *     a product:  g * the others   to each
 *     f(a, ...):  g * df/da_k      to a_k, by the table of functions
 *
 * Only nodes that depend on what is asked for ("active") take part. [Griewank2008] section 3.2
 */
#include "expr/graph.h"

/* Up to so many factors, the others are multiplied anew for each; from there on by products from both ends. */
enum { FEW_FACTORS = 8 };

/* One term of a node's cotangent; a list, ends with NONE. */
typedef struct contribution {
    tay_expr *e;
    size_t next;
} contribution;

#define NONE SIZE_MAX

typedef struct sweep {
    const tay_expr **nodes; /* [count], arguments first */
    size_t count;
    tay__map index;          /* node -> place in nodes */
    bool *active;            /* [count] */
    size_t *first;           /* [count] the first contribution to the node's cotangent */
    tay__array contributions; /* of contribution */
    tay_expr **cotangents;   /* [count] references; NULL: not made, or 0 */
    tay__array work;         /* of const tay_expr * */
} sweep;

static size_t place_of(const sweep *s, const tay_expr *e)
{
    return *tay__map_get(&s->index, (uintptr_t)e);
}

static bool is_zero(const tay_expr *e)
{
    return e->kind == TAY_KIND_NUMBER && e->u.number == 0.0;
}

/* Marks what is asked for and all that depends on it. */
static void activate(sweep *s, const tay_expr *const *wrt, size_t n_wrt)
{
    for (size_t j = 0; j < n_wrt; j++) {
        const uint64_t *place = tay__map_get(&s->index, (uintptr_t)wrt[j]);
        if (place) s->active[*place] = true;
    }
    for (size_t i = 0; i < s->count; i++) {
        for (uint32_t k = 0; k < s->nodes[i]->n_args && !s->active[i]; k++)
            s->active[i] = s->active[place_of(s, s->nodes[i]->u.args[k])];
    }
}

static bool is_active(const sweep *s, const tay_expr *e)
{
    return s->active[place_of(s, e)];
}

/* Puts a term, whose reference it takes over, in front of the others of the node at `place`. */
static tay_status contribute(sweep *s, size_t place, tay_expr *e)
{
    contribution new = {.e = e, .next = s->first[place]};
    tay_status status = tay__array_push(&s->contributions, &new);
    if (status == TAY_OK)
        s->first[place] = s->contributions.count - 1;
    else
        tay_expr_unref(e);
    return status;
}

/* The product of `factors` to the node e. */
static tay_status contribute_product(sweep *s, const tay_expr *e, const tay_expr *const *factors, size_t n)
{
    tay_expr *product;
    for (size_t i = 0; i < n; i++) {
        if (is_zero(factors[i])) return TAY_OK;
    }
    tay_status status = tay_expr_prod(&product, factors, n);
    return status == TAY_OK ? contribute(s, place_of(s, e), product) : status;
}

static tay_status sweep_sum(sweep *s, const tay_expr *e, const tay_expr *g)
{
    for (uint32_t k = e->n_args; k-- > 0;) {
        if (!is_active(s, e->u.args[k])) continue;
        tay_status status = contribute(s, place_of(s, e->u.args[k]), tay_expr_ref(g));
        if (status != TAY_OK) return status;
    }
    return TAY_OK;
}

static tay_status sweep_few_factors(sweep *s, const tay_expr *e, const tay_expr *g)
{
    const tay_expr *factors[FEW_FACTORS] = {g};
    for (uint32_t k = e->n_args; k-- > 0;) {
        if (!is_active(s, e->u.args[k])) continue;
        for (uint32_t j = 0, n = 1; j < e->n_args; j++) {
            if (j != k) factors[n++] = e->u.args[j];
        }
        tay_status status = contribute_product(s, e->u.args[k], factors, e->n_args);
        if (status != TAY_OK) return status;
    }
    return TAY_OK;
}

/* before[k] = a_0 ... a_{k-1}, then, from the right end, after = a_{k+1} ... a_{n-1}. */
static tay_status sweep_many_factors(sweep *s, const tay_expr *e, const tay_expr *g)
{
    tay_status status = TAY_OK;
    tay_expr **before = NULL, *after = NULL;
    TAY_TRY(tay__calloc(&before, e->n_args, sizeof *before));
    TAY_TRY(tay_expr_number(&before[0], 1.0));
    TAY_TRY(tay_expr_number(&after, 1.0));
    for (uint32_t k = 1; k < e->n_args; k++) TAY_TRY(tay_expr_mul(&before[k], before[k - 1], e->u.args[k - 1]));
    for (uint32_t k = e->n_args; k-- > 0;) {
        tay_expr *next;
        const tay_expr *factors[] = {g, before[k], after};
        if (is_active(s, e->u.args[k])) TAY_TRY(contribute_product(s, e->u.args[k], factors, 3));
        TAY_TRY(tay_expr_mul(&next, e->u.args[k], after));
        tay_expr_unref(after);
        after = next;
    }
out:
    if (before) tay__expr_unref_all(before, e->n_args);
    tay__free(before);
    tay_expr_unref(after);
    return status;
}

static tay_status sweep_function(sweep *s, const tay_expr *e, const tay_expr *g)
{
    if (tay__functions[e->function].form == TAY__CONSTANT) return TAY_OK;
    for (uint32_t k = e->n_args; k-- > 0;) {
        tay_expr *partial;
        if (!is_active(s, e->u.args[k])) continue;
        tay_status status = tay__expr_partial(&partial, e, k);
        if (status != TAY_OK) return status;
        const tay_expr *factors[] = {g, partial};
        status = contribute_product(s, e->u.args[k], factors, 2);
        tay_expr_unref(partial);
        if (status != TAY_OK) return status;
    }
    return TAY_OK;
}

static tay_status sweep_node(sweep *s, const tay_expr *e, const tay_expr *g)
{
    switch (e->kind) {
    case TAY_KIND_SUM:
        return sweep_sum(s, e, g);
    case TAY_KIND_PRODUCT:
        return e->n_args <= FEW_FACTORS ? sweep_few_factors(s, e, g) : sweep_many_factors(s, e, g);
    case TAY_KIND_FUNCTION:
        return sweep_function(s, e, g);
    default:
        return TAY_OK;
    }
}

/* The cotangent of node i: one flat sum of the contributions, which are released. */
static tay_status add_up(sweep *s, size_t i)
{
    contribution *all = s->contributions.data;
    s->work.count = 0;
    for (size_t c = s->first[i]; c != NONE; c = all[c].next) {
        tay_status status = tay__array_push(&s->work, &all[c].e);
        if (status != TAY_OK) return status;
    }
    tay_status status = tay_expr_sum(&s->cotangents[i], s->work.data, s->work.count);
    if (status != TAY_OK) return status;
    for (size_t c = s->first[i]; c != NONE; c = all[c].next) {
        tay_expr_unref(all[c].e);
        all[c].e = NULL;
    }
    return TAY_OK;
}

/* Leaves keep their cotangents, other nodes pass them on. */
static tay_status sweep_down(sweep *s)
{
    for (size_t i = s->count; i-- > 0;) {
        if (!s->active[i] || s->first[i] == NONE) continue;
        tay_status status = add_up(s, i);
        if (status != TAY_OK) return status;
        tay_expr *g = s->cotangents[i];
        if (s->nodes[i]->n_args == 0) continue;
        status = is_zero(g) ? TAY_OK : sweep_node(s, s->nodes[i], g);
        s->cotangents[i] = NULL;
        tay_expr_unref(g);
        if (status != TAY_OK) return status;
    }
    return TAY_OK;
}

static tay_status sweep_start(sweep *s, const tay_expr *e)
{
    tay_status status = TAY_OK;
    tay_expr *one;
    TAY_TRY(tay__expr_postorder(&s->nodes, &s->count, &s->index, &e, 1));
    TAY_TRY(tay__calloc(&s->active, s->count, sizeof *s->active));
    TAY_TRY(tay__calloc(&s->cotangents, s->count, sizeof *s->cotangents));
    TAY_TRY(tay__alloc(&s->first, s->count, sizeof *s->first));
    for (size_t i = 0; i < s->count; i++) s->first[i] = NONE;
    TAY_TRY(tay_expr_number(&one, 1.0));
    TAY_TRY(contribute(s, s->count - 1, one));
out:
    return status;
}

static void sweep_free(sweep *s)
{
    const contribution *all = s->contributions.data;
    for (size_t c = 0; c < s->contributions.count; c++) tay_expr_unref(all[c].e);
    if (s->cotangents) tay__expr_unref_all(s->cotangents, s->count);
    tay__array_free(&s->contributions);
    tay__array_free(&s->work);
    tay__map_free(&s->index);
    tay__free(s->nodes);
    tay__free(s->active);
    tay__free(s->first);
    tay__free(s->cotangents);
}

tay_status tay__expr_gradient(tay_expr **out, const tay_expr *e, const tay_expr *const *wrt, size_t n_wrt)
{
    tay_status status = TAY_OK;
    sweep s = {.contributions = TAY__ARRAY(contribution), .work = TAY__ARRAY(const tay_expr *)};
    tay_expr *zero = NULL;
    TAY_TRY(tay_expr_number(&zero, 0.0));
    TAY_TRY(sweep_start(&s, e));
    activate(&s, wrt, n_wrt);
    TAY_TRY(sweep_down(&s));
    for (size_t j = 0; j < n_wrt; j++) {
        const uint64_t *place = tay__map_get(&s.index, (uintptr_t)wrt[j]);
        out[j] = tay_expr_ref(place && s.cotangents[*place] ? s.cotangents[*place] : zero);
    }
out:
    sweep_free(&s);
    tay_expr_unref(zero);
    return status;
}

static const char *const kinds[] = {"a number", "a variable", "a parameter", "time", "a sum", "a product", "a function"};

static tay_status check_leaves(const char *call, const tay_expr *const *wrt, size_t n_wrt)
{
    tay_status status = tay__expr_check(call, call, wrt, n_wrt);
    for (size_t j = 0; j < n_wrt && status == TAY_OK; j++) {
        bool is_leaf = wrt[j]->n_args == 0 && wrt[j]->depends != 0;
        if (!is_leaf)
            status = tay__error(TAY_ERROR_ARGUMENT, "%s: wrt[%zu] is %s; a variable, a parameter or time was expected", call,
                                j, kinds[wrt[j]->kind]);
    }
    return status;
}

tay_status tay_expr_diff(tay_expr **out, const tay_expr *e, const tay_expr *wrt)
{
    tay_status status = tay__expr_check("tay_expr_diff", out, &e, 1);
    if (status == TAY_OK) status = check_leaves("tay_expr_diff", &wrt, 1);
    return status == TAY_OK ? tay__expr_gradient(out, e, &wrt, 1) : status;
}

tay_status tay_expr_jacobian(tay_expr **out, const tay_expr *const *e, size_t n, const tay_expr *const *wrt, size_t n_wrt)
{
    tay_status status = TAY_OK;
    tay_expr **rows = NULL;
    size_t size, n_done = 0;
    TAY_TRY(tay__expr_check("tay_expr_jacobian", out, e, n));
    if (n_wrt > 0) TAY_TRY(check_leaves("tay_expr_jacobian", wrt, n_wrt));
    TAY_TRY(tay__multiply(&size, n, n_wrt));
    TAY_TRY(tay__alloc(&rows, size, sizeof *rows));
    for (; n_done < n; n_done++) TAY_TRY(tay__expr_gradient(rows + n_done * n_wrt, e[n_done], wrt, n_wrt));
    memcpy(out, rows, size * sizeof *rows);
    n_done = 0;
out:
    if (rows) tay__expr_unref_all(rows, n_done * n_wrt);
    tay__free(rows);
    return status;
}
