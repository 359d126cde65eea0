/*
 * Which variables of the system stand in an expression.
 */
#include "variational/system.h"

#include <stdlib.h>

static int by_value(const void *a, const void *b)
{
    size_t x = *(const size_t *)a, y = *(const size_t *)b;
    return (x > y) - (x < y);
}

tay_status tay__variational_vars_in(const tay_variational *v, tay_expr ***vars, size_t **entries, size_t *count,
                                    const tay_expr *e)
{
    tay_status status = TAY_OK;
    tay_expr **found = NULL;
    size_t n = 0, *places = NULL;
    TAY_TRY(tay_expr_variables(&found, &n, &e, 1));
    TAY_TRY(tay__alloc(&places, n, sizeof *places));
    for (size_t i = 0; i < n; i++) places[i] = *tay__map_get(&v->place, (uintptr_t)found[i]);
    if (n > 1) qsort(places, n, sizeof *places, by_value);
    for (size_t i = 0; i < n; i++) found[i] = v->vars[places[i]]; /* the same references in another order */
    *vars = found;
    *entries = places;
    *count = n;
    return TAY_OK;
out:
    for (size_t i = 0; i < n; i++) tay_expr_unref(found[i]);
    tay__free(found);
    return status;
}
