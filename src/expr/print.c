/*
 * Text for people, the same as heyoka's: (x - (2.0000000000000000 * y)), (x / y**3.0000000000000000), leaky_relu(x, 1).
 *
 * Inside sums, positive terms come first; factors with a negative exponent become the denominator of a fraction. The
 * text is cut with "..." before the first node that would start behind 1000 characters, which also bounds the text of
 * a graph whose tree is exponentially large. A stack of pieces still to be written replaces recursion.
 */
#include <math.h>

#include "expr/expr.h"
#include "expr/text.h"

enum { TEXT_LIMIT = 1000 };

typedef enum piece_type {
    PIECE_TEXT,    /* `text` */
    PIECE_EXPR,    /* e */
    PIECE_MINUS,   /* -e, for an e that is a number or a product that starts with a negative number */
    PIECE_PRODUCT, /* coefficient * args[first] * args[first + 1] ... of the product e; no coefficient: NaN */
    PIECE_INVERSE  /* 1/e, for an e that is a power with a negative exponent */
} piece_type;

typedef struct piece {
    piece_type type;
    uint32_t first;
    const tay_expr *e;
    const char *text;
    double coefficient;
} piece;

typedef struct printer {
    tay__array text;
    tay__array stack; /* of piece: what is still to be written, the next one on top */
    bool cut;
} printer;

static tay_status later(printer *p, piece new)
{
    return tay__array_push(&p->stack, &new);
}

/* The pieces of one node are queued in the order of reading, then turned round by `turn`. */
static tay_status queue_text(printer *p, const char *text)
{
    return later(p, (piece){.type = PIECE_TEXT, .text = text});
}

static tay_status queue(printer *p, piece_type type, const tay_expr *e)
{
    return later(p, (piece){.type = type, .e = e});
}

static void turn(printer *p, size_t from)
{
    piece *pieces = p->stack.data;
    for (size_t i = from, j = p->stack.count; i + 1 < j; i++) {
        piece kept = pieces[--j];
        pieces[j] = pieces[i];
        pieces[i] = kept;
    }
}

static bool is_product(const tay_expr *e)
{
    return e->kind == TAY_KIND_PRODUCT;
}

/* A number less than 0, or a product that starts with one. */
static bool is_negative(const tay_expr *e)
{
    return e->kind == TAY_KIND_NUMBER ? e->u.number < 0.0 : is_product(e) && tay_expr_value(e->u.args[0]) < 0.0;
}

static bool is_negation(const tay_expr *e)
{
    return is_product(e) && tay_expr_value(e->u.args[0]) == -1.0;
}

static bool is_power(const tay_expr *e)
{
    return e->kind == TAY_KIND_FUNCTION && e->function == TAY_POW;
}

static bool is_inverse(const tay_expr *e)
{
    return is_power(e) && is_negative(e->u.args[1]);
}

static tay_status write_number(printer *p, double value)
{
    char text[TAY__NUMBER_SIZE];
    tay__text_of_number(text, value);
    return tay__text_append(&p->text, text);
}

static tay_status queue_sum(printer *p, const tay_expr *e)
{
    tay_status status = TAY_OK;
    size_t n_written = 0;
    TAY_TRY(queue_text(p, "("));
    for (uint32_t i = 0; i < e->n_args; i++) {
        if (is_negative(e->u.args[i])) continue;
        if (n_written++ > 0) TAY_TRY(queue_text(p, " + "));
        TAY_TRY(queue(p, PIECE_EXPR, e->u.args[i]));
    }
    for (uint32_t i = 0; i < e->n_args; i++) {
        if (!is_negative(e->u.args[i])) continue;
        bool is_first = n_written++ == 0;
        if (!is_first) TAY_TRY(queue_text(p, " - "));
        TAY_TRY(queue(p, is_first ? PIECE_EXPR : PIECE_MINUS, e->u.args[i]));
    }
    TAY_TRY(queue_text(p, ")"));
out:
    return status;
}

/* The factors of the piece that are, or are not, inverses: a * b * c. */
static tay_status queue_factors(printer *p, const piece *product, bool inverses, size_t n)
{
    tay_status status = TAY_OK;
    const tay_expr *e = product->e;
    size_t n_written = 0;
    if (n > 1) TAY_TRY(queue_text(p, "("));
    if (!inverses && !isnan(product->coefficient)) {
        piece coefficient = *product;
        coefficient.first = e->n_args;
        TAY_TRY(later(p, coefficient));
        n_written++;
    }
    for (uint32_t i = product->first; i < e->n_args; i++) {
        if (is_inverse(e->u.args[i]) != inverses) continue;
        if (n_written++ > 0) TAY_TRY(queue_text(p, " * "));
        TAY_TRY(queue(p, inverses ? PIECE_INVERSE : PIECE_EXPR, e->u.args[i]));
    }
    if (n > 1) TAY_TRY(queue_text(p, ")"));
out:
    return status;
}

/* -(the rest), (numerator / denominator) or (a * b * c); one factor stands alone. */
static tay_status queue_product(printer *p, const piece *product)
{
    tay_status status = TAY_OK;
    const tay_expr *e = product->e;
    bool has_coefficient = !isnan(product->coefficient);
    size_t n = e->n_args - product->first + has_coefficient, n_inverses = 0;
    if (n == 1) {
        if (has_coefficient) return write_number(p, product->coefficient);
        return queue(p, PIECE_EXPR, e->u.args[product->first]);
    }
    if (has_coefficient && product->coefficient == -1.0) {
        TAY_TRY(queue_text(p, "-"));
        return later(p, (piece){.type = PIECE_PRODUCT, .e = e, .first = product->first, .coefficient = (double)NAN});
    }
    for (uint32_t i = product->first; i < e->n_args; i++) n_inverses += is_inverse(e->u.args[i]);
    if (n_inverses == 0) return queue_factors(p, product, false, n);
    TAY_TRY(queue_text(p, "("));
    if (n == n_inverses) TAY_TRY(queue_text(p, "1.0000000000000000"));
    TAY_TRY(queue_factors(p, product, false, n - n_inverses));
    TAY_TRY(queue_text(p, " / "));
    TAY_TRY(queue_factors(p, product, true, n_inverses));
    TAY_TRY(queue_text(p, ")"));
out:
    return status;
}

/* The product with the number taken out of its arguments, times `sign`; NaN stays there, like what is no number. */
static piece product_piece(const tay_expr *e, double sign)
{
    double coefficient = tay_expr_value(e->u.args[0]);
    return (piece){.type = PIECE_PRODUCT, .e = e, .first = !isnan(coefficient), .coefficient = sign * coefficient};
}

/* base**exponent, or with `inverse` base**(-exponent) for a negative exponent, without an exponent of 1. */
static tay_status queue_power(printer *p, const tay_expr *e, bool inverse)
{
    tay_status status = TAY_OK;
    const tay_expr *base = e->u.args[0], *exponent = e->u.args[1];
    if (inverse && tay_expr_value(exponent) == -1.0) return queue(p, PIECE_EXPR, base);
    bool parentheses = is_power(base) || is_negation(base);
    if (parentheses) TAY_TRY(queue_text(p, "("));
    TAY_TRY(queue(p, PIECE_EXPR, base));
    TAY_TRY(queue_text(p, parentheses ? ")**" : "**"));
    if (!inverse) return queue(p, PIECE_EXPR, exponent);
    if (exponent->kind == TAY_KIND_NUMBER) return queue(p, PIECE_MINUS, exponent);
    TAY_TRY(queue_text(p, "-"));
    TAY_TRY(queue(p, PIECE_EXPR, exponent));
out:
    return status;
}

/* The sign between the two arguments of a comparison, or NULL. */
static const char *comparison(const tay_expr *e)
{
    switch (e->function) {
    case TAY_EQ:
        return " == ";
    case TAY_NEQ:
        return " != ";
    case TAY_LT:
        return " < ";
    case TAY_GT:
        return " > ";
    case TAY_LTE:
        return " <= ";
    case TAY_GTE:
        return " >= ";
    default:
        return NULL;
    }
}

/* relu(x), or leaky_relu(x, slope); the slope is text at once, it stands last. */
static tay_status queue_relu(printer *p, const tay_expr *e)
{
    tay_status status = TAY_OK;
    bool leaky = e->u.args[1]->u.number != 0.0;
    TAY_TRY(queue_text(p, leaky ? "leaky_" : ""));
    TAY_TRY(queue_text(p, e->function == TAY_RELU ? "relu(" : "relup("));
    TAY_TRY(queue(p, PIECE_EXPR, e->u.args[0]));
    if (leaky) TAY_TRY(later(p, (piece){.type = PIECE_TEXT, .e = e->u.args[1]}));
    TAY_TRY(queue_text(p, ")"));
out:
    return status;
}

static tay_status queue_call(printer *p, const tay_expr *e)
{
    tay_status status = TAY_OK;
    const char *separator = comparison(e);
    switch (e->function) {
    case TAY_POW:
        return queue_power(p, e, false);
    case TAY_PI:
        return queue_text(p, "\xcf\x80");
    case TAY_RELU:
    case TAY_RELUP:
        return queue_relu(p, e);
    default:
        break;
    }
    if (!separator) TAY_TRY(queue_text(p, tay__functions[e->function].name));
    TAY_TRY(queue_text(p, "("));
    for (uint32_t i = 0; i < e->n_args; i++) {
        if (i > 0) TAY_TRY(queue_text(p, separator ? separator : ", "));
        TAY_TRY(queue(p, PIECE_EXPR, e->u.args[i]));
    }
    TAY_TRY(queue_text(p, ")"));
out:
    return status;
}

static tay_status write_parameter(printer *p, uint32_t index)
{
    char text[16];
    size_t i = sizeof text - 1;
    text[i] = 0;
    do {
        text[--i] = (char)('0' + index % 10);
        index /= 10;
    } while (index > 0);
    text[--i] = 'p';
    return tay__text_append(&p->text, text + i);
}

static tay_status write_expr(printer *p, const tay_expr *e)
{
    switch (tay_expr_get_kind(e)) {
    case TAY_KIND_NUMBER:
        return write_number(p, e->u.number);
    case TAY_KIND_VARIABLE:
        return tay__text_append(&p->text, e->u.name);
    case TAY_KIND_PARAMETER:
        return write_parameter(p, e->u.parameter);
    case TAY_KIND_TIME:
        return tay__text_append(&p->text, "t");
    case TAY_KIND_SUM:
        return queue_sum(p, e);
    case TAY_KIND_PRODUCT: {
        piece product = product_piece(e, 1.0);
        return queue_product(p, &product);
    }
    default:
        return queue_call(p, e);
    }
}

static tay_status write_minus(printer *p, const tay_expr *e)
{
    if (!is_product(e)) return write_number(p, -e->u.number);
    piece product = product_piece(e, -1.0);
    if (product.coefficient == 1.0) product.coefficient = (double)NAN;
    return queue_product(p, &product);
}

static tay_status write_slope(printer *p, const tay_expr *slope)
{
    char text[TAY__NUMBER_SIZE];
    tay__text_of_number_short(text, slope->u.number);
    tay_status status = tay__text_append(&p->text, ", ");
    return status == TAY_OK ? tay__text_append(&p->text, text) : status;
}

/* Writes the piece on top of the stack, or puts its parts there. */
static tay_status write_next(printer *p)
{
    piece next = ((piece *)p->stack.data)[--p->stack.count];
    if (next.type == PIECE_TEXT) return next.e ? write_slope(p, next.e) : tay__text_append(&p->text, next.text);
    if (p->text.count > TEXT_LIMIT) {
        p->cut = true;
        return tay__text_append(&p->text, "...");
    }
    size_t from = p->stack.count;
    tay_status status;
    switch (next.type) {
    case PIECE_MINUS:
        status = write_minus(p, next.e);
        break;
    case PIECE_PRODUCT:
        status = queue_product(p, &next);
        break;
    case PIECE_INVERSE:
        status = queue_power(p, next.e, true);
        break;
    default:
        status = write_expr(p, next.e);
    }
    turn(p, from);
    return status;
}

tay_status tay_expr_to_string(char **out, const tay_expr *e)
{
    tay_status status = TAY_OK;
    printer p = {.text = TAY__ARRAY(char), .stack = TAY__ARRAY(piece)};
    if (!out || !e)
        TAY_FAIL(TAY_ERROR_ARGUMENT, "tay_expr_to_string: %s is NULL", out ? "the expression" : "`out`");
    TAY_TRY(queue(&p, PIECE_EXPR, e));
    while (p.stack.count > 0 && !p.cut) TAY_TRY(write_next(&p));
    TAY_TRY(tay__array_push(&p.text, ""));
    *out = p.text.data;
    p.text.data = NULL;
out:
    tay__array_free(&p.text);
    tay__array_free(&p.stack);
    return status;
}

tay_status tay__expr_short_text(char out[TAY__SHORT_TEXT], const tay_expr *e)
{
    char *text;
    tay_status status = tay_expr_to_string(&text, e);
    if (status != TAY_OK) return status;
    if (strlen(text) >= TAY__SHORT_TEXT) {
        size_t cut = TAY__SHORT_TEXT - sizeof "...";
        while (((unsigned char)text[cut] & 0xc0) == 0x80) cut--; /* not inside a character of UTF-8 */
        strcpy(text + cut, "...");
    }
    strcpy(out, text);
    tay_free(text);
    return TAY_OK;
}
