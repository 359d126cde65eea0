/*
 * Substitution: one pass over the distinct nodes, arguments first. A node to be replaced becomes its replacement,
 * which is not looked at again; a node with a changed argument is built anew, through the simplifying
 * constructors; all others stay as they are. The slope of relu is part of the function, not an argument to replace.
 */
#include "expr/graph.h"

typedef struct substitution {
    const tay_expr **nodes; /* [count], arguments first */
    size_t count;
    tay__map index;     /* node -> place in nodes */
    tay__map from;      /* node -> which of the replacements */
    tay_expr **results; /* [count], references; NULL if not yet made */
    tay__array args;    /* of const tay_expr *: the arguments of the node at hand */
} substitution;

static const tay_expr *result_of(const substitution *s, const tay_expr *e)
{
    return s->results[*tay__map_get(&s->index, (uintptr_t)e)];
}

static bool has_slope(const tay_expr *e)
{
    return e->kind == TAY_KIND_FUNCTION && (e->function == TAY_RELU || e->function == TAY_RELUP);
}

/* Node i with its arguments replaced. */
static tay_status rebuild(substitution *s, size_t i)
{
    const tay_expr *e = s->nodes[i];
    bool changed = false;
    s->args.count = 0;
    tay_status status = tay__array_reserve(&s->args, e->n_args);
    if (status != TAY_OK) return status;
    const tay_expr **args = s->args.data;
    for (uint32_t k = 0; k < e->n_args; k++) {
        args[k] = k == 1 && has_slope(e) ? e->u.args[k] : result_of(s, e->u.args[k]);
        changed |= args[k] != e->u.args[k];
    }
    if (changed) return tay__expr_rebuild(&s->results[i], e, args);
    s->results[i] = tay_expr_ref(e);
    return TAY_OK;
}

static tay_status substitute_all(substitution *s, const tay_expr *const *to)
{
    for (size_t i = 0; i < s->count; i++) {
        const uint64_t *replacement = tay__map_get(&s->from, (uintptr_t)s->nodes[i]);
        if (replacement) {
            s->results[i] = tay_expr_ref(to[*replacement]);
            continue;
        }
        tay_status status = rebuild(s, i);
        if (status != TAY_OK) return status;
    }
    return TAY_OK;
}

tay_status tay_expr_subs(tay_expr **out, const tay_expr *const *e, size_t n, const tay_expr *const *from,
                         const tay_expr *const *to, size_t n_subs)
{
    tay_status status = TAY_OK;
    substitution s = {.args = TAY__ARRAY(const tay_expr *)};
    TAY_TRY(tay__expr_check("tay_expr_subs", out, e, n));
    TAY_TRY(tay__expr_check("tay_expr_subs: from", out, from, n_subs));
    TAY_TRY(tay__expr_check("tay_expr_subs: to", out, to, n_subs));
    for (size_t i = 0; i < n_subs; i++) TAY_TRY(tay__map_set(&s.from, (uintptr_t)from[i], i));
    TAY_TRY(tay__expr_postorder(&s.nodes, &s.count, &s.index, e, n));
    TAY_TRY(tay__calloc(&s.results, s.count, sizeof *s.results));
    TAY_TRY(substitute_all(&s, to));
    for (size_t i = 0; i < n; i++) out[i] = tay_expr_ref(result_of(&s, e[i]));
out:
    if (s.results) tay__expr_unref_all(s.results, s.count);
    tay__free(s.results);
    tay__free(s.nodes);
    tay__map_free(&s.index);
    tay__map_free(&s.from);
    tay__array_free(&s.args);
    return status;
}
