/*
 * Text that grows, and numbers as text. The C library writes the digits; the point and the exponent are placed here, so
 * that the locale does not matter.
 */
#include "expr/text.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

tay_status tay__text_append(tay__array *text, const char *piece)
{
    size_t length = strlen(piece);
    tay_status status = tay__array_reserve(text, length);
    if (status != TAY_OK) return status;
    if (length > 0) memcpy((char *)text->data + text->count, piece, length);
    text->count += length;
    return TAY_OK;
}

/* |value| = 0.d_1 d_2 ... d_n times 10^(exponent + 1); digits are rounded to nearest. value is finite. */
static int digits_of(char *digits, int n_digits, double value)
{
    char buffer[64];
    snprintf(buffer, sizeof buffer, "%.*e", n_digits - 1, fabs(value));
    const char *exponent = strchr(buffer, 'e');
    int n = 0;
    for (const char *c = buffer; c < exponent && n < n_digits; c++) {
        if (*c >= '0' && *c <= '9') digits[n++] = *c;
    }
    digits[n] = 0;
    return atoi(exponent + 1);
}

static char *put(char *out, const char *digits, int n)
{
    memcpy(out, digits, (size_t)n);
    return out + n;
}

/* d.ddde+XX; the point only if something stands behind it. */
static void place_scientific(char *out, const char *digits, int n, int exponent)
{
    out = put(out, digits, 1);
    if (n > 1) *out++ = '.';
    out = put(out, digits + 1, n - 1);
    sprintf(out, "e%+03d", exponent);
}

/* ddd.ddd or 0.00ddd; keep_point: a point also where nothing stands behind it. */
static void place_fixed(char *out, const char *digits, int n, int exponent, bool keep_point)
{
    int before = exponent + 1;
    if (before <= 0) {
        out = put(out, "0.", 2);
        out = put(out, "00000", -before);
        out = put(out, digits, n);
    } else if (before >= n) {
        out = put(out, digits, n);
        out = put(out, "0000000000000000", before - n);
        if (keep_point) *out++ = '.';
    } else {
        out = put(out, digits, before);
        *out++ = '.';
        out = put(out, digits + before, n - before);
    }
    *out = 0;
}

/* The sign and, for what is not finite, all the text; the place behind. */
static char *start(char *text, double value)
{
    if (isnan(value)) {
        strcpy(text, "nan");
        return text;
    }
    if (signbit(value)) *text++ = '-';
    strcpy(text, isinf(value) ? "inf" : "");
    return text;
}

void tay__text_of_number(char text[TAY__NUMBER_SIZE], double value)
{
    enum { DIGITS = 17 };
    char digits[DIGITS + 1];
    text = start(text, value);
    if (!isfinite(value)) return;
    int exponent = digits_of(digits, DIGITS, value);
    if (exponent < -4 || exponent >= DIGITS)
        place_scientific(text, digits, DIGITS, exponent);
    else
        place_fixed(text, digits, DIGITS, exponent, true);
}

void tay__text_of_number_short(char text[TAY__NUMBER_SIZE], double value)
{
    enum { DIGITS = 17 };
    char digits[DIGITS + 1], buffer[64];
    text = start(text, value);
    if (!isfinite(value)) return;
    int n = 1;
    for (; n < DIGITS; n++) {
        snprintf(buffer, sizeof buffer, "%.*e", n - 1, value);
        if (strtod(buffer, NULL) == value) break;
    }
    int exponent = digits_of(digits, n, value);
    if (exponent < -4 || exponent >= 16)
        place_scientific(text, digits, n, exponent);
    else
        place_fixed(text, digits, n, exponent, false);
}
