/*
 * Expressions from text in reverse Polish notation, and what tests do with them: "x 2 ** y + sin", "x 0.1 relu", "x y z sum:3".
 *
 * Words: numbers (also inf, -inf, nan), p0, p1, ... (parameters), t (time), pi, + - * / ** neg sqrt, the names of the
 * table of functions, sum:n, prod:n, logical_and:n, logical_or:n; any other word is a variable, v#600 one whose name
 * has 600 letters v.
 */
#ifndef TAYRA_TESTS_RPN_H
#define TAYRA_TESTS_RPN_H

#include "tayra/expr.h"

/* The expression, a new reference; ends the test where the text is wrong. */
tay_expr *rpn(const char *text);
/* The same, but returns the status of the first call that failed. */
tay_status rpn_try(tay_expr **out, const char *text);
/* Unreferences n expressions. */
void release(tay_expr **e, size_t n);
/* Ends the test if e prints otherwise. */
void assert_text(const tay_expr *e, const char *expected);

#endif
