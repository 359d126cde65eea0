/*
 * Derivatives from the formulas of the table of functions, e.g. "b / (b^2 + a^2)" or "1 - y^2".
 *
 *     sum = term {("+" | "-") term}        factor  = ["-"] primary ["^" ["-"] primary]
 *     term = factor {("*" | "/") factor}   primary = number | name | name "(" sum {"," sum} ")" | "(" sum ")"
 *
 * Names are the arguments a, b, c, the value y, and the functions of the table. The formulas are constants of the
 * library, so the parser asserts what it expects; its recursion is as deep as their parentheses.
 */
#include <assert.h>
#include <ctype.h>
#include <stdlib.h>

#include "expr/expr.h"

typedef struct parser {
    const char *at;
    const tay_expr *self;
} parser;

typedef tay_status operation(tay_expr **out, const tay_expr *a, const tay_expr *b);

static tay_status parse_sum(tay_expr **out, parser *p);

static char peek(parser *p)
{
    while (*p->at == ' ') p->at++;
    return *p->at;
}

/* Steps over the character c, if it stands here. */
static bool take(parser *p, char c)
{
    if (peek(p) != c) return false;
    p->at++;
    return true;
}

/* *left = operate(*left, right), where `parse` reads the right side; *left is always valid. */
static tay_status combine(tay_expr **left, parser *p, operation *operate, tay_status (*parse)(tay_expr **, parser *))
{
    tay_expr *right, *result;
    tay_status status = parse(&right, p);
    if (status != TAY_OK) return status;
    status = operate(&result, *left, right);
    tay_expr_unref(right);
    if (status != TAY_OK) return status;
    tay_expr_unref(*left);
    *left = result;
    return TAY_OK;
}

static tay_status negate(tay_expr **e)
{
    tay_expr *result;
    tay_status status = tay_expr_neg(&result, *e);
    if (status != TAY_OK) return status;
    tay_expr_unref(*e);
    *e = result;
    return TAY_OK;
}

/* An argument, the value, or a call. */
static tay_status parse_name(tay_expr **out, parser *p)
{
    enum { MOST_ARGUMENTS = 3 };
    tay_status status = TAY_OK;
    tay_expr *args[MOST_ARGUMENTS] = {NULL};
    size_t n = 0, length = 0;
    int function = 0;
    const char *name = p->at;
    while (isalnum((unsigned char)*p->at)) p->at++, length++;
    if (length == 1) {
        assert(name[0] == 'y' || (uint32_t)(name[0] - 'a') < p->self->n_args);
        *out = tay_expr_ref(name[0] == 'y' ? p->self : p->self->u.args[name[0] - 'a']);
        return TAY_OK;
    }
    while (strncmp(tay__functions[function].name, name, length) != 0 || tay__functions[function].name[length]) {
        function++;
        assert(function < TAY_N_FUNCTIONS);
    }
    if (take(p, '(')) {
        do {
            assert(n < MOST_ARGUMENTS);
            TAY_TRY(parse_sum(&args[n], p));
            n++;
        } while (take(p, ','));
        take(p, ')');
    }
    TAY_TRY(tay_expr_function(out, (tay_function)function, (const tay_expr *const *)args, n));
out:
    while (n > 0) tay_expr_unref(args[--n]);
    return status;
}

static tay_status parse_primary(tay_expr **out, parser *p)
{
    if (isalpha((unsigned char)peek(p))) return parse_name(out, p);
    if (take(p, '(')) {
        tay_status status = parse_sum(out, p);
        take(p, ')');
        return status;
    }
    /* Not strtod, whose decimal point depends on the locale. */
    double value = 0.0, unit = 1.0;
    assert(isdigit((unsigned char)*p->at));
    for (; isdigit((unsigned char)*p->at); p->at++) value = 10.0 * value + (*p->at - '0');
    if (*p->at == '.') {
        for (p->at++; isdigit((unsigned char)*p->at); p->at++) value += (*p->at - '0') * (unit /= 10.0);
    }
    return tay_expr_number(out, value);
}

static tay_status parse_exponent(tay_expr **out, parser *p)
{
    bool negative = take(p, '-');
    tay_expr *e;
    tay_status status = parse_primary(&e, p);
    if (status == TAY_OK && negative) {
        status = negate(&e);
        if (status != TAY_OK) tay_expr_unref(e);
    }
    if (status == TAY_OK) *out = e;
    return status;
}

static tay_status parse_factor(tay_expr **out, parser *p)
{
    bool negative = take(p, '-');
    tay_expr *e;
    tay_status status = parse_primary(&e, p);
    if (status != TAY_OK) return status;
    if (take(p, '^')) TAY_TRY(combine(&e, p, tay_expr_pow, parse_exponent));
    if (negative) TAY_TRY(negate(&e));
    *out = e;
    e = NULL;
out:
    tay_expr_unref(e);
    return status;
}

static tay_status parse_term(tay_expr **out, parser *p)
{
    tay_expr *e;
    tay_status status = parse_factor(&e, p);
    if (status != TAY_OK) return status;
    while (peek(p) == '*' || peek(p) == '/')
        TAY_TRY(combine(&e, p, *p->at++ == '*' ? tay_expr_mul : tay_expr_div, parse_factor));
    *out = e;
    e = NULL;
out:
    tay_expr_unref(e);
    return status;
}

static tay_status parse_sum(tay_expr **out, parser *p)
{
    tay_expr *e;
    tay_status status = parse_term(&e, p);
    if (status != TAY_OK) return status;
    while (peek(p) == '+' || peek(p) == '-')
        TAY_TRY(combine(&e, p, *p->at++ == '+' ? tay_expr_add : tay_expr_sub, parse_term));
    *out = e;
    e = NULL;
out:
    tay_expr_unref(e);
    return status;
}

tay_status tay__expr_partial(tay_expr **out, const tay_expr *self, uint32_t k)
{
    const tay__function_row *row = &tay__functions[self->function];
    const char *formula = k < TAY__MOST_DERIVATIVES ? row->derivative[k] : NULL;
    if (!formula) return tay_expr_number(out, 0.0);
    return parse_sum(out, &(parser){.at = formula, .self = self});
}
