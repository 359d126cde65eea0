/*
 * Arithmetic and calls: the constructors that simplify.
 *
 * Simplifications are local and cheap: numbers are folded, sums drop 0, products drop 1 and collapse to 0, powers 0
 * and 1 vanish. A number comes first; all other arguments stay in the order in which they are given. a - b is a + (-1)
 * * b, a / b is a * b^(-1), so that areas above see only sums, products and powers.
 */
#include "expr/graph.h"

#include <math.h>

/* Arguments of short sums and products live on the stack. */
enum { SHORT = 16 };

static bool is_number(const tay_expr *e)
{
    return e->kind == TAY_KIND_NUMBER;
}

static tay_status return_ref(tay_expr **out, const tay_expr *e)
{
    *out = tay_expr_ref(e);
    return TAY_OK;
}

/* The sum or product of the n non-numbers in args[1..n] and of the number c, whose place is args[0]. */
static tay_status make_folded(tay_expr **out, tay_expr_kind kind, const tay_expr **args, size_t n, double c)
{
    double neutral = kind == TAY_KIND_SUM ? 0.0 : 1.0;
    if (n == 0 || (kind == TAY_KIND_PRODUCT && c == 0.0)) return tay_expr_number(out, c);
    if (c == neutral) return n == 1 ? return_ref(out, args[1]) : tay__expr_make(out, kind, 0, args + 1, n);
    tay_expr *number;
    tay_status status = tay_expr_number(&number, c);
    if (status != TAY_OK) return status;
    args[0] = number;
    status = tay__expr_make(out, kind, 0, args, n + 1);
    tay_expr_unref(number);
    return status;
}

/* Folds the numbers among the terms, from left to right, and makes the sum or product. */
static tay_status fold(tay_expr **out, tay_expr_kind kind, const tay_expr *const *terms, size_t n)
{
    tay_status status = TAY_OK;
    const tay_expr *few[SHORT + 1], **args = few;
    if (n > SHORT) TAY_TRY(tay__alloc(&args, n + 1, sizeof *args));
    size_t n_others = 0, n_numbers = 0;
    double c = kind == TAY_KIND_SUM ? 0.0 : 1.0;
    for (size_t i = 0; i < n; i++) {
        if (!is_number(terms[i])) {
            args[++n_others] = terms[i];
        } else if (n_numbers++ == 0) {
            c = terms[i]->u.number; /* not 0 + it: a lone -0 stays */
        } else {
            c = kind == TAY_KIND_SUM ? c + terms[i]->u.number : c * terms[i]->u.number;
        }
    }
    TAY_TRY(make_folded(out, kind, args, n_others, c));
out:
    if (args != few) tay__free(args);
    return status;
}

tay_status tay_expr_sum(tay_expr **out, const tay_expr *const *terms, size_t n)
{
    tay_status status = tay__expr_check("tay_expr_sum", out, terms, n);
    return status == TAY_OK ? fold(out, TAY_KIND_SUM, terms, n) : status;
}

tay_status tay_expr_prod(tay_expr **out, const tay_expr *const *factors, size_t n)
{
    tay_status status = tay__expr_check("tay_expr_prod", out, factors, n);
    return status == TAY_OK ? fold(out, TAY_KIND_PRODUCT, factors, n) : status;
}

tay_status tay_expr_add(tay_expr **out, const tay_expr *a, const tay_expr *b)
{
    const tay_expr *args[] = {a, b};
    tay_status status = tay__expr_check("tay_expr_add", out, args, 2);
    return status == TAY_OK ? fold(out, TAY_KIND_SUM, args, 2) : status;
}

tay_status tay_expr_mul(tay_expr **out, const tay_expr *a, const tay_expr *b)
{
    const tay_expr *args[] = {a, b};
    tay_status status = tay__expr_check("tay_expr_mul", out, args, 2);
    return status == TAY_OK ? fold(out, TAY_KIND_PRODUCT, args, 2) : status;
}

/* -1 times a; a double negation stays, as in heyoka. */
static tay_status negate(tay_expr **out, const tay_expr *a)
{
    if (is_number(a)) return tay_expr_number(out, -a->u.number);
    tay_expr *minus_one;
    tay_status status = tay_expr_number(&minus_one, -1.0);
    if (status != TAY_OK) return status;
    const tay_expr *args[] = {minus_one, a};
    status = fold(out, TAY_KIND_PRODUCT, args, 2);
    tay_expr_unref(minus_one);
    return status;
}

tay_status tay_expr_neg(tay_expr **out, const tay_expr *a)
{
    tay_status status = tay__expr_check("tay_expr_neg", out, &a, 1);
    return status == TAY_OK ? negate(out, a) : status;
}

tay_status tay_expr_sub(tay_expr **out, const tay_expr *a, const tay_expr *b)
{
    const tay_expr *args[] = {a, b};
    tay_status status = tay__expr_check("tay_expr_sub", out, args, 2);
    if (status != TAY_OK) return status;
    tay_expr *minus_b;
    status = negate(&minus_b, b);
    if (status != TAY_OK) return status;
    args[1] = minus_b;
    status = fold(out, TAY_KIND_SUM, args, 2);
    tay_expr_unref(minus_b);
    return status;
}

static tay_status power(tay_expr **out, const tay_expr *base, const tay_expr *exponent)
{
    if (is_number(base) && is_number(exponent)) return tay_expr_number(out, pow(base->u.number, exponent->u.number));
    if (is_number(exponent) && exponent->u.number == 0.0) return tay_expr_number(out, 1.0);
    if (is_number(exponent) && exponent->u.number == 1.0) return return_ref(out, base);
    const tay_expr *args[] = {base, exponent};
    return tay__expr_make(out, TAY_KIND_FUNCTION, TAY_POW, args, 2);
}

static tay_status power_number(tay_expr **out, const tay_expr *base, double value)
{
    tay_expr *exponent;
    tay_status status = tay_expr_number(&exponent, value);
    if (status != TAY_OK) return status;
    status = power(out, base, exponent);
    tay_expr_unref(exponent);
    return status;
}

tay_status tay_expr_pow(tay_expr **out, const tay_expr *base, const tay_expr *exponent)
{
    const tay_expr *args[] = {base, exponent};
    tay_status status = tay__expr_check("tay_expr_pow", out, args, 2);
    return status == TAY_OK ? power(out, base, exponent) : status;
}

tay_status tay_expr_sqrt(tay_expr **out, const tay_expr *a)
{
    tay_status status = tay__expr_check("tay_expr_sqrt", out, &a, 1);
    return status == TAY_OK ? power_number(out, a, 0.5) : status;
}

tay_status tay_expr_div(tay_expr **out, const tay_expr *a, const tay_expr *b)
{
    const tay_expr *args[] = {a, b};
    tay_status status = tay__expr_check("tay_expr_div", out, args, 2);
    if (status != TAY_OK) return status;
    if (is_number(a) && is_number(b)) return tay_expr_number(out, a->u.number / b->u.number);
    tay_expr *inverse;
    status = power_number(&inverse, b, -1.0);
    if (status != TAY_OK) return status;
    args[1] = inverse;
    status = fold(out, TAY_KIND_PRODUCT, args, 2);
    tay_expr_unref(inverse);
    return status;
}

/* relu and relup: the slope is a number; -0 becomes 0, so that one function has one form. */
static tay_status make_relu(tay_expr **out, tay_function function, const tay_expr *const *args)
{
    const char *name = tay__functions[function].name;
    if (!is_number(args[1])) return tay__error(TAY_ERROR_ARGUMENT, "%s: the slope is not a number", name);
    double slope = args[1]->u.number;
    if (!isfinite(slope) || slope < 0.0)
        return tay__error(TAY_ERROR_ARGUMENT, "%s: the slope must be finite and non-negative, but %.17g came", name,
                          slope);
    if (is_number(args[0])) {
        double values[] = {args[0]->u.number, slope};
        return tay_expr_number(out, tay__functions[function].evaluate(values, 2));
    }
    tay_expr *number;
    tay_status status = tay_expr_number(&number, slope == 0.0 ? 0.0 : slope);
    if (status != TAY_OK) return status;
    const tay_expr *normalised[] = {args[0], number};
    status = tay__expr_make(out, TAY_KIND_FUNCTION, function, normalised, 2);
    tay_expr_unref(number);
    return status;
}

/* No arguments: 1 and 0; one argument: itself. */
static tay_status make_logical(tay_expr **out, tay_function function, const tay_expr *const *args, size_t n)
{
    if (n == 0) return tay_expr_number(out, function == TAY_LOGICAL_AND ? 1.0 : 0.0);
    if (n == 1) return return_ref(out, args[0]);
    return tay__expr_make(out, TAY_KIND_FUNCTION, function, args, n);
}

/* Functions of numbers are numbers, but for comparisons and what decides by them, and pi (as in heyoka). */
static bool folds(tay_function function)
{
    return function < TAY_SELECT;
}

/* All the functions that fold and are not special have at most three arguments. */
enum { MAX_FOLDED = 4 };

static tay_status make_call(tay_expr **out, tay_function function, const tay_expr *const *args, size_t n)
{
    double values[MAX_FOLDED];
    size_t n_numbers = 0;
    while (n_numbers < n && n_numbers < MAX_FOLDED && is_number(args[n_numbers])) {
        values[n_numbers] = args[n_numbers]->u.number;
        n_numbers++;
    }
    if (n > 0 && n_numbers == n && folds(function))
        return tay_expr_number(out, tay__functions[function].evaluate(values, n));
    return tay__expr_make(out, TAY_KIND_FUNCTION, function, args, n);
}

/* Where the other arguments, of a circle, are 0, the last one is the anomaly. */
static tay_status make_anomaly(tay_expr **out, tay_function function, const tay_expr *const *args, size_t n)
{
    for (size_t i = 0; i + 1 < n; i++)
        if (!is_number(args[i]) || args[i]->u.number != 0.0) return make_call(out, function, args, n);
    return return_ref(out, args[n - 1]);
}

tay_status tay_expr_function(tay_expr **out, tay_function function, const tay_expr *const *args, size_t n)
{
    if ((unsigned)function >= TAY_N_FUNCTIONS)
        return tay__error(TAY_ERROR_ARGUMENT, "tay_expr_function: there is no function %d; there are %d", (int)function,
                          (int)TAY_N_FUNCTIONS);
    const tay__function_row *row = &tay__functions[function];
    tay_status status = tay__expr_check(row->name, out, args, n);
    if (status != TAY_OK) return status;
    if (row->arity >= 0 && n != (size_t)row->arity)
        return tay__error(TAY_ERROR_ARGUMENT, "%s: takes %d argument%s, but %zu came", row->name, row->arity,
                          row->arity == 1 ? "" : "s", n);
    switch (function) {
    case TAY_POW:
        return power(out, args[0], args[1]);
    case TAY_RELU:
    case TAY_RELUP:
        return make_relu(out, function, args);
    case TAY_LOGICAL_AND:
    case TAY_LOGICAL_OR:
        return make_logical(out, function, args, n);
    case TAY_KEPE:
    case TAY_KEPF:
    case TAY_KEPDE:
        return make_anomaly(out, function, args, n);
    default:
        return make_call(out, function, args, n);
    }
}

tay_status tay__expr_rebuild(tay_expr **out, const tay_expr *e, const tay_expr *const *args)
{
    switch (tay_expr_get_kind(e)) {
    case TAY_KIND_SUM:
        return fold(out, TAY_KIND_SUM, args, e->n_args);
    case TAY_KIND_PRODUCT:
        return fold(out, TAY_KIND_PRODUCT, args, e->n_args);
    case TAY_KIND_FUNCTION:
        return tay_expr_function(out, (tay_function)e->function, args, e->n_args);
    default:
        return return_ref(out, e);
    }
}
