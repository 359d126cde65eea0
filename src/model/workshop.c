/* See workshop.h. */
#include "model/workshop.h"

#include <stdio.h>

tay__workshop tay__workshop_open(void)
{
    return (tay__workshop){.held = TAY__ARRAY(tay_expr *)};
}

tay_status tay__workshop_close(tay__workshop *w)
{
    tay_expr **held = w->held.data;
    for (size_t i = 0; i < w->held.count; i++) tay_expr_unref(held[i]);
    tay__array_free(&w->held);
    return w->status;
}

void tay__workshop_deliver(tay__workshop *w, tay_expr **out, const tay_expr *const *e, size_t n)
{
    for (size_t i = 0; i < n && w->status == TAY_OK; i++) out[i] = tay_expr_ref(e[i]);
}

const tay_expr *tay__workshop_keep(tay__workshop *w, tay_status status, tay_expr *const *e)
{
    if (status == TAY_OK) {
        status = tay__array_push(&w->held, e);
        if (status != TAY_OK) tay_expr_unref(*e);
    }
    if (status == TAY_OK) return *e;
    if (w->status == TAY_OK) w->status = status;
    return NULL;
}

const tay_expr *tay__number(tay__workshop *w, double value)
{
    tay_expr *e = NULL;
    if (w->status != TAY_OK) return NULL;
    return tay__workshop_keep(w, tay_expr_number(&e, value), &e);
}

const tay_expr *tay__variable(tay__workshop *w, const char *name)
{
    tay_expr *e = NULL;
    if (w->status != TAY_OK) return NULL;
    return tay__workshop_keep(w, tay_expr_variable(&e, name), &e);
}

const tay_expr *tay__numbered_variable(tay__workshop *w, const char *prefix, uint32_t i)
{
    char name[64];
    snprintf(name, sizeof name, "%s%lu", prefix, (unsigned long)i);
    return tay__variable(w, name);
}

typedef tay_status operation(tay_expr **out, const tay_expr *a, const tay_expr *b);

static const tay_expr *apply(tay__workshop *w, operation *operate, const tay_expr *a, const tay_expr *b)
{
    tay_expr *e = NULL;
    if (w->status != TAY_OK) return NULL;
    return tay__workshop_keep(w, operate(&e, a, b), &e);
}

const tay_expr *tay__add(tay__workshop *w, const tay_expr *a, const tay_expr *b)
{
    return apply(w, tay_expr_add, a, b);
}

const tay_expr *tay__sub(tay__workshop *w, const tay_expr *a, const tay_expr *b)
{
    return apply(w, tay_expr_sub, a, b);
}

const tay_expr *tay__mul(tay__workshop *w, const tay_expr *a, const tay_expr *b)
{
    return apply(w, tay_expr_mul, a, b);
}

const tay_expr *tay__div(tay__workshop *w, const tay_expr *a, const tay_expr *b)
{
    return apply(w, tay_expr_div, a, b);
}

const tay_expr *tay__neg(tay__workshop *w, const tay_expr *a)
{
    tay_expr *e = NULL;
    if (w->status != TAY_OK) return NULL;
    return tay__workshop_keep(w, tay_expr_neg(&e, a), &e);
}

const tay_expr *tay__power(tay__workshop *w, const tay_expr *a, double exponent)
{
    return apply(w, tay_expr_pow, a, tay__number(w, exponent));
}

const tay_expr *tay__call(tay__workshop *w, tay_function function, const tay_expr *a)
{
    tay_expr *e = NULL;
    if (w->status != TAY_OK) return NULL;
    return tay__workshop_keep(w, tay_expr_function(&e, function, &a, 1), &e);
}

const tay_expr *tay__sum(tay__workshop *w, const tay_expr *const *terms, size_t n)
{
    tay_expr *e = NULL;
    if (w->status != TAY_OK) return NULL;
    return tay__workshop_keep(w, tay_expr_sum(&e, terms, n), &e);
}

const tay_expr *tay__sum_of_squares(tay__workshop *w, const tay_expr *const v[3])
{
    const tay_expr *squares[3];
    for (int k = 0; k < 3; k++) squares[k] = tay__power(w, v[k], 2.0);
    return tay__sum(w, squares, 3);
}
