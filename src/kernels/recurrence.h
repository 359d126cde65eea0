/*
 * Primitives that divide or look back at their own lower orders:
 *
 *     quotient  y_n = (a_n - sum_{j=1..n} b_j y_{n-j}) / b_0
 *     power     y_n = 1/(n a_0) sum_{j=0..n-1} (n p - j (p+1)) a_{n-j} y_j           [Knuth1997, 4.7]
 *     integral  y_n = 1/n sum_k sum_{j=1..n} j a_{k,j} g_{k,n-j}
 *
 * Order 0 of power and integral is in pointwise.h. Terms with the newest coefficients come last in all sums: the others need
 * not wait for these, and the processor works ahead on them. With one lane, divisions come before: a_n p y_0 / a_0 and
 * a_n g_0 are added to the rest.
 */
#ifndef TAY__RECURRENCE_H
#define TAY__RECURRENCE_H

#include "kernels/pointwise.h"
#include "kernels/product.h"

/* s[i] += (factor a) b, or without the factor a b. */
TAY__INLINE void tay__add_product(vec *s, const real *a, const real *b, real factor, int vectors, bool with_factor)
{
#pragma GCC unroll 4
    for (int i = 0; i < vectors; i++) {
        vec x = tay__load(a + i * TAY__WIDTH);
        s[i] += (with_factor ? factor * x : x) * tay__load(b + i * TAY__WIDTH);
    }
}

TAY__INLINE void tay__quotient_block(const tay__run *run, size_t at, int vectors)
{
    size_t plane = run->plane;
    uint32_t n = run->n;
    const real *a = tay__operand_a(run, 0) + n * plane + at, *b = tay__operand_b(run, 0) + at, *y = run->y + at;
    vec s[TAY__BLOCK], other[TAY__BLOCK], *to;
    tay__turn turn = TAY__TURN(run);

    tay__begin_sums(s, vectors);
    tay__begin_sums(other, vectors);
    if (turn == TAY__CLOSING) tay__load_block(s, tay__partial(run, at, turn), vectors);
    TAY__UNROLL
    for (uint32_t i = tay__first_term(n, turn); i < tay__end_of_terms(n, turn); i++) {
        uint32_t j = tay__next_term(&to, s, other, i, n, vectors, TAY__OUTWARDS(run));
        tay__add_product(to, b + (n - j) * plane, y + j * plane, 1, vectors, false);
    }
    if (turn == TAY__AHEAD) {
        tay__add_sums(s, other, vectors);
        tay__put_ahead(run, at, s, vectors);
        return;
    }
    if (n > 0) tay__add_product(s, b + n * plane, y, 1, vectors, false);
#pragma GCC unroll 4
    for (int i = 0; i < vectors; i++) s[i] = (tay__load(a + i * TAY__WIDTH) - s[i]) / tay__load(b + i * TAY__WIDTH);
    tay__store_block(run, tay__result(run, at), s, vectors);
}

/* s += sum_{j=1..n-1} (n p - j (p+1)) a_{n-j} y_j, next += the same of n + 1, without j = n, where y_n is not known yet. */
TAY__INLINE void tay__power_pair(vec *s, vec *next, const real *a, const real *y, uint32_t n, size_t plane, real p, int vectors)
{
    vec last[TAY__BLOCK];

    tay__load_block(last, a + n * plane, vectors);
    for (uint32_t j = 1; j < n; j++) {
        real factor = (real)n * p - (real)j * (p + 1);
#pragma GCC unroll 4
        for (int i = 0; i < vectors; i++) {
            vec x = tay__load(y + j * plane + i * TAY__WIDTH), b = tay__load(a + (n - j) * plane + i * TAY__WIDTH);
            s[i] += (factor * x) * b;
            next[i] += ((factor + p) * x) * last[i];
            last[i] = b;
        }
    }
}

TAY__INLINE void tay__power_block(const tay__run *run, size_t at, int vectors)
{
    size_t plane = run->plane;
    const real *a = tay__operand_a(run, 0) + at, *y = run->y + at;
    real n = (real)run->n, p = (real)run->group->exponent;
    vec s[TAY__BLOCK], other[TAY__BLOCK], *to;
    tay__turn turn = TAY__TURN(run);

    tay__begin_sums(s, vectors);
    tay__begin_sums(other, vectors);
    if (turn == TAY__FIRST) {
        tay__power_pair(s, other, a, y, run->n, plane, p, vectors);
        tay__store_as_is(run, tay__partial(run, at, turn), other, vectors);
    } else if (turn == TAY__SECOND || turn == TAY__CLOSING) {
        tay__load_block(s, tay__partial(run, at, turn), vectors);
    }
    if (turn == TAY__SECOND)
        tay__add_product(s, a + plane, y + (run->n - 1) * plane, n * p - (n - 1) * (p + 1), vectors, true);
    TAY__UNROLL
    for (uint32_t i = tay__first_term(run->n, turn); i < tay__end_of_terms(run->n, turn); i++) {
        if (turn == TAY__FIRST || turn == TAY__SECOND) break;
        uint32_t j = tay__next_term(&to, s, other, i, run->n, vectors, TAY__OUTWARDS(run));
        tay__add_product(to, a + (run->n - j) * plane, y + j * plane, n * p - (real)j * (p + 1), vectors, true);
    }
    if (turn == TAY__AHEAD) {
        tay__add_sums(s, other, vectors);
        tay__put_ahead(run, at, s, vectors);
        return;
    }
#pragma GCC unroll 4
    for (int i = 0; i < vectors; i++) {
        vec inverse = 1 / tay__load(a + i * TAY__WIDTH), last = (p * tay__load(y + i * TAY__WIDTH)) * inverse;
        vec rest = s[i] * tay__divide(inverse, n, 1 / n, TAY__NEARLY(run, run->n));
        s[i] = tay__multiply_add(tay__load(a + run->n * plane + i * TAY__WIDTH), last, rest);
    }
    tay__store_block(run, tay__result(run, at), s, vectors);
}

/* One lane: sum_{j=1..n-1} j a_j g_{n-j}, where the factors go to the a's: in unrolled code they are made once for all orders. */
TAY__INLINE void tay__integral_block(const tay__run *run, size_t at, int vectors)
{
    size_t plane = run->plane;
    uint32_t last = run->n;
    real n = (real)last, inverse = 1 / n;
    vec s[TAY__BLOCK], other[TAY__BLOCK], *to;
    tay__turn turn = TAY__TURN(run);

    tay__begin_sums(s, vectors);
    if (turn == TAY__CLOSING) tay__load_block(s, tay__partial(run, at, turn), vectors);
    TAY__UNROLL
    for (uint32_t k = 0; k < run->n_terms; k++) {
        const real *a = tay__operand_a(run, k) + at, *g = tay__operand_b(run, k) + at;
        tay__begin_sums(other, vectors);
        TAY__UNROLL
        for (uint32_t i = tay__first_term(last, turn); i < tay__end_of_terms(last, turn); i++) {
            uint32_t j = tay__next_term(&to, s, other, i, last, vectors, TAY__OUTWARDS(run));
            tay__add_product(to, a + (last - j) * plane, g + j * plane, (real)(last - j), vectors, true);
        }
        if (turn == TAY__AHEAD) tay__add_sums(s, other, vectors);
    }
    if (turn == TAY__AHEAD) {
        tay__put_ahead(run, at, s, vectors);
        return;
    }
#pragma GCC unroll 4
    for (int i = 0; i < vectors; i++) s[i] = tay__divide(s[i], n, inverse, TAY__NEARLY(run, last));
    TAY__UNROLL
    for (uint32_t k = 0; k < run->n_terms; k++)
        tay__convolve_one(s, tay__operand_a(run, k) + last * plane + at, tay__operand_b(run, k) + at, vectors, TAY__CONTIGUOUS);
    tay__store_block(run, tay__result(run, at), s, vectors);
}

/* Several lanes, where a comes as d_j = j a_j: sum_{j=1..n} d_j g_{n-j}. */
TAY__INLINE void tay__integral_lanes_block(const tay__run *run, size_t at, int vectors, uint32_t n_terms, tay__turn turn)
{
    size_t plane = run->plane;
    uint32_t last = run->n - 1;
    real n = (real)run->n, inverse = 1 / n;
    vec s[TAY__BLOCK] = {{0}}, next[TAY__BLOCK] = {{0}};

    if (turn == TAY__SECOND) tay__load_block(s, tay__result(run, at), vectors);
    for (uint32_t k = 0; k < n_terms; k++) {
        const real *d = tay__operand_a(run, k) + plane + at, *g = tay__operand_b(run, k) + at;
        if (turn == TAY__FIRST)
            tay__convolve_pair(s, next, d, g, last, plane, vectors);
        else if (turn == TAY__SECOND)
            tay__convolve_ends(s, d, g, last, plane, vectors);
        else
            tay__convolve(s, d, g, last, plane, vectors, TAY__CONTIGUOUS, false, TAY__ALONE);
    }
    if (turn == TAY__FIRST) tay__store_as_is(run, tay__result(run, at) + plane, next, vectors);
#pragma GCC unroll 4
    for (int i = 0; i < vectors; i++) s[i] = tay__divide(s[i], n, inverse, false);
    tay__store_as_is(run, tay__result(run, at), s, vectors);
}

TAY__RUN_KERNEL(tay__quotient, tay__quotient_block)
TAY__RUN_KERNEL(tay__power_n, tay__power_block)
TAY__RUN_KERNEL(tay__integral_n, tay__integral_block)
TAY__PAIRS_KERNEL(tay__integral_lanes_n, tay__integral_lanes_block)

static void tay__power(const void *p)
{
    const tay__run *run = p;
    if (run->n == 0)
        tay__power_0(run);
    else
        tay__power_n(run);
}

static void tay__integral(const void *p)
{
    const tay__run *run = p;
    if (run->n == 0)
        tay__function_0(run);
    else
        tay__integral_n(run);
}

static void tay__integral_lanes(const void *p)
{
    const tay__run *run = p;
    if (run->n == 0)
        tay__function_0(run);
    else
        tay__integral_lanes_n(run);
}

#endif
