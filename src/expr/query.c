/*
 * What stands in expressions: their variables, parameters, whether time occurs, how large they are.
 */
#include <stdlib.h>

#include "expr/graph.h"

static int by_name(const void *a, const void *b)
{
    const tay_expr *const *x = a, *const *y = b;
    return strcmp((*x)->u.name, (*y)->u.name);
}

static int by_index(const void *a, const void *b)
{
    const tay_expr *const *x = a, *const *y = b;
    uint32_t i = (*x)->u.parameter, j = (*y)->u.parameter;
    return (i > j) - (i < j);
}

/* The distinct leaves of a kind, sorted. */
static tay_status find_leaves(tay_expr ***out, size_t *count, const tay_expr *const *e, size_t n, tay_expr_kind kind)
{
    tay_status status = TAY_OK;
    const char *call = kind == TAY_KIND_VARIABLE ? "tay_expr_variables" : "tay_expr_parameters";
    const tay_expr **nodes = NULL;
    tay_expr **found;
    size_t n_nodes, n_found = 0;
    TAY_TRY(tay__expr_check(call, out, e, n));
    if (!count) TAY_FAIL(TAY_ERROR_ARGUMENT, "%s: `count` is NULL", call);
    TAY_TRY(tay__expr_postorder(&nodes, &n_nodes, NULL, e, n));
    for (size_t i = 0; i < n_nodes; i++) {
        if (nodes[i]->kind == kind) nodes[n_found++] = nodes[i];
    }
    if (n_found > 1) qsort(nodes, n_found, sizeof *nodes, kind == TAY_KIND_VARIABLE ? by_name : by_index);
    TAY_TRY(tay__alloc(&found, n_found, sizeof *found));
    for (size_t i = 0; i < n_found; i++) found[i] = tay_expr_ref(nodes[i]);
    *out = found;
    *count = n_found;
out:
    tay__free(nodes);
    return status;
}

tay_status tay_expr_variables(tay_expr ***out, size_t *count, const tay_expr *const *e, size_t n)
{
    return find_leaves(out, count, e, n, TAY_KIND_VARIABLE);
}

tay_status tay_expr_parameters(tay_expr ***out, size_t *count, const tay_expr *const *e, size_t n)
{
    return find_leaves(out, count, e, n, TAY_KIND_PARAMETER);
}

bool tay_expr_has_time(const tay_expr *e)
{
    return e->depends & TAY__DEPENDS_TIME;
}

size_t tay_expr_size(const tay_expr *e)
{
    return e->size > SIZE_MAX ? SIZE_MAX : (size_t)e->size;
}
