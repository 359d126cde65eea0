/*
 * A workshop for formulas of several steps: it holds all that is made until it is closed, and after the first failure makes
 * nothing more, so that models read like their mathematics. Private to this area.
 *
 *     tay__workshop w = tay__workshop_open();
 *     *out = tay__workshop_give(&w, tay__mul(&w, tay__number(&w, 2.0), x));
 *     return tay__workshop_close(&w);
 *
 * A function that failed, or that was given NULL, returns NULL; no failure goes unnoticed by close.
 */
#ifndef TAY__WORKSHOP_H
#define TAY__WORKSHOP_H

#include "expr/expr.h"

typedef struct tay__workshop {
    tay__array held; /* of tay_expr *, references */
    tay_status status;
} tay__workshop;

tay__workshop tay__workshop_open(void);
/* Releases what is held and returns the status. */
tay_status tay__workshop_close(tay__workshop *w);
/* Copies references to the n expressions into out, if nothing has failed. */
void tay__workshop_deliver(tay__workshop *w, tay_expr **out, const tay_expr *const *e, size_t n);
/* The expression *e that a call with this status has made becomes the workshop's; NULL if it failed. */
const tay_expr *tay__workshop_keep(tay__workshop *w, tay_status status, tay_expr *const *e);

const tay_expr *tay__number(tay__workshop *w, double value);
const tay_expr *tay__variable(tay__workshop *w, const char *name);
/* prefix followed by the number i */
const tay_expr *tay__numbered_variable(tay__workshop *w, const char *prefix, uint32_t i);
const tay_expr *tay__add(tay__workshop *w, const tay_expr *a, const tay_expr *b);
const tay_expr *tay__sub(tay__workshop *w, const tay_expr *a, const tay_expr *b);
const tay_expr *tay__mul(tay__workshop *w, const tay_expr *a, const tay_expr *b);
const tay_expr *tay__div(tay__workshop *w, const tay_expr *a, const tay_expr *b);
const tay_expr *tay__neg(tay__workshop *w, const tay_expr *a);
const tay_expr *tay__power(tay__workshop *w, const tay_expr *a, double exponent);
const tay_expr *tay__call(tay__workshop *w, tay_function function, const tay_expr *a);
const tay_expr *tay__sum(tay__workshop *w, const tay_expr *const *terms, size_t n);
/* v . v */
const tay_expr *tay__sum_of_squares(tay__workshop *w, const tay_expr *const v[3]);

#endif
