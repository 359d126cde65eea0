/*
 * Making nodes as they are, without simplification, and what else is private to expr/ (graph.c).
 */
#ifndef TAY__GRAPH_H
#define TAY__GRAPH_H

#include "expr/expr.h"

/* A sum, product or call of `function` (0 for the others) of exactly these arguments; a new reference in *out. */
tay_status tay__expr_make(tay_expr **out, tay_expr_kind kind, tay_function function, const tay_expr *const *args,
                          size_t n);

/* Fails with TAY_ERROR_ARGUMENT if `out` or one of the n arguments of `call` is NULL. */
tay_status tay__expr_check(const char *call, const void *out, const tay_expr *const *args, size_t n);

/* The sum, product or call `e` with other arguments [e->n_args], simplified (arithmetic.c). */
tay_status tay__expr_rebuild(tay_expr **out, const tay_expr *e, const tay_expr *const *args);


#endif
