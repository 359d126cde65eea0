/*
 * The values of expressions at one point, by a walk over the graph: for few numbers at a time. Compiled functions
 * (cfunc/) are for many.
 */
#include "expr/expr.h"

#include <math.h>

typedef struct evaluation {
    const tay__point *point;
    tay__map inputs; /* variable -> its index */
    tay__map index;  /* node -> place in values */
    double *values;
    tay__array args; /* of double */
} evaluation;

static double value_of_leaf(const evaluation *v, const tay_expr *e)
{
    const uint64_t *input;
    switch (e->kind) {
    case TAY_KIND_NUMBER:
        return e->u.number;
    case TAY_KIND_VARIABLE:
        input = tay__map_get(&v->inputs, (uintptr_t)e);
        return input ? v->point->values[*input] : (double)NAN;
    case TAY_KIND_PARAMETER:
        return e->u.parameter < v->point->n_pars ? v->point->pars[e->u.parameter] : (double)NAN;
    default:
        return v->point->time;
    }
}

static tay_status evaluate_node(evaluation *v, size_t i, const tay_expr *e)
{
    double value;
    v->args.count = 0;
    tay_status status = tay__array_reserve(&v->args, e->n_args);
    if (status != TAY_OK) return status;
    double *args = v->args.data;
    for (uint32_t k = 0; k < e->n_args; k++) args[k] = v->values[*tay__map_get(&v->index, (uintptr_t)e->u.args[k])];
    switch (e->kind) {
    case TAY_KIND_SUM:
        value = args[0];
        for (uint32_t k = 1; k < e->n_args; k++) value += args[k];
        break;
    case TAY_KIND_PRODUCT:
        value = args[0];
        for (uint32_t k = 1; k < e->n_args; k++) value *= args[k];
        break;
    case TAY_KIND_FUNCTION:
        value = tay__functions[e->function].evaluate(args, e->n_args);
        break;
    default:
        value = value_of_leaf(v, e);
    }
    v->values[i] = value;
    return TAY_OK;
}

tay_status tay__expr_evaluate(double *out, const tay_expr *const *e, size_t n, const tay__point *point)
{
    tay_status status = TAY_OK;
    evaluation v = {.point = point, .args = TAY__ARRAY(double)};
    const tay_expr **nodes = NULL;
    size_t count;
    for (size_t i = 0; i < point->n_vars; i++) TAY_TRY(tay__map_set(&v.inputs, (uintptr_t)point->vars[i], i));
    TAY_TRY(tay__expr_postorder(&nodes, &count, &v.index, e, n));
    TAY_TRY(tay__alloc(&v.values, count, sizeof *v.values));
    for (size_t i = 0; i < count; i++) TAY_TRY(evaluate_node(&v, i, nodes[i]));
    for (size_t i = 0; i < n; i++) out[i] = v.values[*tay__map_get(&v.index, (uintptr_t)e[i])];
out:
    tay__free(nodes);
    tay__free(v.values);
    tay__map_free(&v.inputs);
    tay__map_free(&v.index);
    tay__array_free(&v.args);
    return status;
}
