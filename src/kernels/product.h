/*
 * product: y_n = [n=0] c + sum_k c_k sum_{j=0..n} a_{k,j} b_{k,n-j}; squares at half the cost.
 *
 * Rows that share their b's (the variational equations: y[i,p] = sum_k J[i,k] phi[k,p] for all i) run as tiles of up to
 * TAY__TILE rows by two vectors: each vector of b is loaded once for all rows, each number a once for both vectors. The
 * a's, times c_k, are packed before in the order in which the tile reads them.
 */
#ifndef TAY__PRODUCT_H
#define TAY__PRODUCT_H

#include "kernels/run.h"

/* sum[i] += times c s[i], c = 1 without coefficients, else those of one term at the block's first element. */
TAY__INLINE void tay__add_term(vec *sum, const vec *s, const real *c, real times, int vectors, tay__coefs coefs)
{
#pragma GCC unroll 4
    for (int i = 0; i < vectors; i++) {
        if (coefs == TAY__NO_COEFS)
            sum[i] += times * s[i];
        else
            sum[i] += (coefs == TAY__SPLAT_COEFS ? tay__splat(times * *c) : times * tay__load(c + (size_t)i * TAY__WIDTH)) * s[i];
    }
}

/* s[i] += a b */
TAY__INLINE void tay__convolve_one(vec *s, const real *a, const real *b, int vectors, tay__stride a_stride)
{
    vec shared = a_stride == TAY__SHARED ? tay__splat(*a) : (vec){0};
#pragma GCC unroll 4
    for (int i = 0; i < vectors; i++)
        s[i] += (a_stride == TAY__SHARED ? shared : tay__load(a + i * TAY__WIDTH)) * tay__load(b + i * TAY__WIDTH);
}

/* s[i] += sum_{j = 0..n} a_j b_{n-j}, or what of it is added now */
TAY__INLINE void tay__convolve(vec *s, const real *a, const real *b, uint32_t n, size_t plane, int vectors,
                               tay__stride a_stride, bool outwards, tay__turn turn)
{
    vec other[TAY__BLOCK], *to;

    tay__begin_sums(other, vectors);
    TAY__UNROLL
    for (uint32_t i = tay__first_term(n, turn); i < tay__end_of_terms(n, turn); i++) {
        uint32_t j = tay__next_term(&to, s, other, i, n, vectors, outwards);
        tay__convolve_one(to, a + j * plane, b + (n - j) * plane, vectors, a_stride);
    }
    if (turn == TAY__AHEAD) {
        tay__add_sums(s, other, vectors);
        return;
    }
    if (n > 0) tay__convolve_one(s, a, b + n * plane, vectors, a_stride);
    tay__convolve_one(s, a + n * plane, b, vectors, a_stride);
}

/* s += sum_{j=0..m} a_j b_{n-j}, next += sum_{j=1..m} a_j b_{n+1-j}; *b_n is coefficient n. `last` becomes b_{n-m}. */
TAY__INLINE void tay__slide(vec *s, vec *next, vec *last, const real *a, const real *b_n, uint32_t m, size_t plane, int vectors)
{
    tay__load_block(last, b_n, vectors);
#pragma GCC unroll 4
    for (int i = 0; i < vectors; i++) s[i] += tay__load(a + i * TAY__WIDTH) * last[i];
    for (uint32_t j = 1; j <= m; j++) {
        a += plane;
        b_n -= plane;
#pragma GCC unroll 4
        for (int i = 0; i < vectors; i++) {
            vec x = tay__load(a + i * TAY__WIDTH);
            next[i] += x * last[i];
            last[i] = tay__load(b_n + i * TAY__WIDTH);
            s[i] += x * last[i];
        }
    }
}

/* s += sum_{j=0..n} a_j b_{n-j}, next += sum_{j=1..n} a_j b_{n+1-j} */
TAY__INLINE void tay__convolve_pair(vec *s, vec *next, const real *a, const real *b0, uint32_t n, size_t plane, int vectors)
{
    vec last[TAY__BLOCK];

    tay__slide(s, next, last, a, b0 + n * plane, n, plane, vectors);
}

/* s[i] += a_0 b_n + a_n b_0 */
TAY__INLINE void tay__convolve_ends(vec *s, const real *a, const real *b0, uint32_t n, size_t plane, int vectors)
{
#pragma GCC unroll 4
    for (int i = 0; i < vectors; i++) {
        s[i] += tay__load(a + i * TAY__WIDTH) * tay__load(b0 + n * plane + i * TAY__WIDTH);
        s[i] += tay__load(a + n * plane + i * TAY__WIDTH) * tay__load(b0 + i * TAY__WIDTH);
    }
}

/* The same for a = b, n > 0, odd or not: half of the products, without the factor 2; with the square in the middle, halved. */
TAY__INLINE void tay__square_pair(vec *s, vec *next, const real *a, uint32_t n, bool odd, size_t plane, int vectors)
{
    vec last[TAY__BLOCK];

    tay__slide(s, next, last, a, a + n * plane, (n - 1) / 2, plane, vectors);
#pragma GCC unroll 4
    for (int i = 0; i < vectors; i++) {
        vec middle = odd ? last[i] : tay__load(a + n / 2 * plane + i * TAY__WIDTH);
        vec half = (real)0.5 * middle * middle;
        if (odd) {
            next[i] += half;
        } else {
            s[i] += half;
            next[i] += middle * last[i];
        }
    }
}

TAY__INLINE void tay__product_block(const tay__run *run, size_t at, int vectors, tay__stride a_stride, tay__coefs coefs)
{
    vec sum[TAY__BLOCK];
    tay__turn turn = TAY__TURN(run);

    tay__begin_turn(sum, run, at, vectors, turn);
    TAY__UNROLL
    for (uint32_t k = 0; k < run->n_terms; k++) {
        const real *a = tay__operand_a(run, k) + (a_stride == TAY__SHARED ? 0 : at);
        const real *b = tay__operand_b(run, k) + at;
        if (coefs == TAY__NO_COEFS) {
            tay__convolve(sum, a, b, run->n, run->plane, vectors, a_stride, TAY__OUTWARDS(run), turn);
        } else {
            vec s[TAY__BLOCK];
            tay__begin_sums(s, vectors);
            tay__convolve(s, a, b, run->n, run->plane, vectors, a_stride, TAY__OUTWARDS(run), turn);
            tay__add_term(sum, s, run->coefs + k * run->coef_step + (coefs == TAY__VECTOR_COEFS ? at : 0), 1, vectors, coefs);
        }
    }
    tay__end_turn(run, at, sum, vectors, turn);
}

TAY__RUN_KERNEL(tay__product_shared_v, tay__product_block, TAY__SHARED, TAY__VECTOR_COEFS)
TAY__RUN_KERNEL(tay__product_contiguous_1, tay__product_block, TAY__CONTIGUOUS, TAY__NO_COEFS)
TAY__RUN_KERNEL(tay__product_contiguous_s, tay__product_block, TAY__CONTIGUOUS, TAY__SPLAT_COEFS)
TAY__RUN_KERNEL(tay__product_contiguous_v, tay__product_block, TAY__CONTIGUOUS, TAY__VECTOR_COEFS)

/* `rows` rows with the same b's, by `vectors` vectors: b is loaded once for all rows. Row m's a's are a[m * n_terms + k]. */
TAY__INLINE void tay__rows_block(const tay__run *run, int rows, size_t at, int vectors)
{
    size_t plane = run->plane;
    tay__turn turn = TAY__TURN(run);
    uint32_t n = run->n, step = turn == TAY__SECOND && n > 0 ? n : 1; /* the terms in between are there */
    real *partial = tay__partial(run, at, turn);
    vec sum[3][TAY__BLOCK], later[3][TAY__BLOCK];
    ptrdiff_t row[3];

#pragma GCC unroll 3
    for (int m = 0; m < rows; m++) {
        row[m] = run->row[m].first - run->row[0].first;
        tay__begin_sums(sum[m], vectors);
        tay__begin_sums(later[m], vectors);
        if (turn == TAY__SECOND) tay__load_block(sum[m], partial + row[m], vectors);
    }
    for (uint32_t k = 0; k < run->n_terms; k++) {
        const real *a[3], *b = tay__operand_b(run, k) + at + n * plane;
#pragma GCC unroll 3
        for (int m = 0; m < rows; m++) a[m] = run->jet + run->a[(uint32_t)m * run->n_terms + k] + at;
#pragma GCC unroll 4
        for (int i = 0; i < vectors; i++) {
            vec x = tay__load(b + i * TAY__WIDTH);
#pragma GCC unroll 3
            for (int m = 0; m < rows; m++) sum[m][i] += tay__load(a[m] + i * TAY__WIDTH) * x;
        }
        for (uint32_t j = step; j <= n; j += step) {
            b -= step * plane;
#pragma GCC unroll 4
            for (int i = 0; i < vectors; i++) {
                vec x = tay__load(b + i * TAY__WIDTH), before = turn == TAY__FIRST ? tay__load(b + plane + i * TAY__WIDTH) : x;
#pragma GCC unroll 3
                for (int m = 0; m < rows; m++) {
                    vec y = tay__load(a[m] + j * plane + i * TAY__WIDTH);
                    sum[m][i] += y * x;
                    if (turn == TAY__FIRST) later[m][i] += y * before;
                }
            }
        }
    }
#pragma GCC unroll 3
    for (int m = 0; m < rows; m++) {
        if (turn == TAY__FIRST) tay__put_block(partial + row[m], later[m], vectors);
        tay__store_block(run, tay__result(run, at) + row[m], sum[m], vectors);
    }
}

/* 2 sum_{j < n-j} a_j a_{n-j} + a_{n/2}^2, the last for even n */
TAY__INLINE void tay__square_block(const tay__run *run, size_t at, int vectors, tay__coefs coefs)
{
    vec sum[TAY__BLOCK];
    uint32_t n = run->n;
    tay__turn turn = TAY__TURN(run);

    tay__begin_turn(sum, run, at, vectors, turn);
    TAY__UNROLL
    for (uint32_t k = 0; k < run->n_terms; k++) {
        const real *a0 = tay__operand_a(run, k) + at, *a = a0 + n / 2 * run->plane;
        vec s[TAY__BLOCK];
        tay__begin_sums(s, vectors);
        TAY__UNROLL
        for (uint32_t i = 1; 2 * i < n; i++) {
            uint32_t j = TAY__OUTWARDS(run) ? (n + 1) / 2 - i : i;
            if (turn == TAY__AHEAD ? j == 1 : turn == TAY__CLOSING && j > 1) continue;
            tay__convolve_one(s, a0 + j * run->plane, a0 + (n - j) * run->plane, vectors, TAY__CONTIGUOUS);
        }
        if (n > 0 && turn != TAY__AHEAD) tay__convolve_one(s, a0, a0 + n * run->plane, vectors, TAY__CONTIGUOUS);
#pragma GCC unroll 4
        for (int i = 0; i < vectors; i++) {
            vec middle = n % 2 == 0 && turn != TAY__CLOSING ? tay__load(a + i * TAY__WIDTH) : (vec){0};
            s[i] = (s[i] + s[i]) + middle * middle;
        }
        tay__add_term(sum, s, run->coefs + k * run->coef_step + (coefs == TAY__VECTOR_COEFS ? at : 0), 1, vectors, coefs);
    }
    tay__end_turn(run, at, sum, vectors, turn);
}

TAY__RUN_KERNEL(tay__square_1, tay__square_block, TAY__NO_COEFS)
TAY__RUN_KERNEL(tay__square_s, tay__square_block, TAY__SPLAT_COEFS)
TAY__RUN_KERNEL(tay__square_v, tay__square_block, TAY__VECTOR_COEFS)

/* The sums of a term for order n, and in pairs for the next one; a square's are half of its own. */
TAY__INLINE void tay__sum_lanes(vec *s, vec *next, const tay__run *run, const real *a, const real *b, int vectors,
                                tay__turn turn, bool square)
{
    uint32_t n = run->n;
    size_t plane = run->plane;

    if (square && turn == TAY__FIRST) {
        tay__square_pair(s, next, a, n, TAY__IS_ODD(run), plane, vectors);
    } else if (turn == TAY__FIRST) {
        tay__convolve_pair(s, next, a, b, n, plane, vectors);
    } else if (square && turn == TAY__SECOND) {
#pragma GCC unroll 4
        for (int i = 0; i < vectors; i++) s[i] = tay__load(a + i * TAY__WIDTH) * tay__load(a + n * plane + i * TAY__WIDTH);
    } else if (turn == TAY__SECOND) {
        tay__convolve_ends(s, a, b, n, plane, vectors);
    } else {
        tay__convolve(s, a, b, n, plane, vectors, TAY__CONTIGUOUS, false, TAY__ALONE);
#pragma GCC unroll 4
        for (int i = 0; i < vectors && square; i++) s[i] *= (real)0.5;
    }
}

/* Several lanes. */
TAY__INLINE void tay__product_lanes_block(const tay__run *run, size_t at, int vectors, uint32_t n_terms, tay__turn turn,
                                          tay__coefs coefs, bool square)
{
    vec sum[TAY__BLOCK], later[TAY__BLOCK] = {{0}};

    if (turn == TAY__SECOND)
        tay__load_block(sum, tay__partial(run, at, turn), vectors);
    else
        tay__start(sum, run, at, vectors);
    for (uint32_t k = 0; k < n_terms; k++) {
        const real *a = tay__operand_a(run, k) + at, *b = square ? a : tay__operand_b(run, k) + at;
        const real *c = run->coefs + k * run->coef_step + (coefs == TAY__VECTOR_COEFS ? at : 0);
        vec s[TAY__BLOCK] = {{0}}, next[TAY__BLOCK] = {{0}};
        tay__sum_lanes(s, next, run, a, b, vectors, turn, square);
        tay__add_term(sum, s, c, square ? 2 : 1, vectors, coefs);
        if (turn == TAY__FIRST) tay__add_term(later, next, c, square ? 2 : 1, vectors, coefs);
    }
    if (turn == TAY__FIRST) tay__store_as_is(run, tay__partial(run, at, turn), later, vectors);
    tay__store_block(run, tay__result(run, at), sum, vectors);
}

TAY__PAIRS_KERNEL(tay__product_lanes_1, tay__product_lanes_block, TAY__NO_COEFS, false)
TAY__PAIRS_KERNEL(tay__product_lanes_s, tay__product_lanes_block, TAY__SPLAT_COEFS, false)
TAY__PAIRS_KERNEL(tay__product_lanes_v, tay__product_lanes_block, TAY__VECTOR_COEFS, false)
TAY__PAIRS_KERNEL(tay__square_lanes_1, tay__product_lanes_block, TAY__NO_COEFS, true)
TAY__PAIRS_KERNEL(tay__square_lanes_s, tay__product_lanes_block, TAY__SPLAT_COEFS, true)
TAY__PAIRS_KERNEL(tay__square_lanes_v, tay__product_lanes_block, TAY__VECTOR_COEFS, true)

/* Where the packed a's of a row's tile begin: term k, order j, row m of the tile at [(k * n_orders + j) * rows + m]. */
TAY__INLINE size_t tay__tile_at(const tay__group *group, size_t row, uint32_t n_orders)
{
    return row * group->n_terms * n_orders;
}

/* `rows` rows by `vectors` vectors (1 or 2) from element `at`. */
TAY__INLINE void tay__tile_block(const tay__run *run, int rows, size_t at, int vectors)
{
    vec sum[TAY__TILE][2];

#pragma GCC unroll 6
    for (int m = 0; m < rows; m++) sum[m][0] = sum[m][1] = (vec){0};
    if (tay__starts(run)) {
#pragma GCC unroll 6
        for (int m = 0; m < rows; m++) tay__start(sum[m], run, at + (size_t)(m * run->row->length), vectors);
    }
    for (uint32_t k = 0; k < run->n_terms; k++) {
        const real *a = run->tile + (size_t)k * run->n_orders * (uint32_t)rows;
        const real *b = tay__operand_b(run, k) + run->n * run->plane + at;
        for (uint32_t j = 0; j <= run->n; j++, a += rows, b -= run->plane) {
            vec x[2];
            x[0] = tay__load(b);
            x[1] = vectors > 1 ? tay__load(b + TAY__WIDTH) : (vec){0};
            if (vectors > 1) __builtin_prefetch(b + 4 * TAY__WIDTH); /* for the next tile but one */
#pragma GCC unroll 6
            for (int m = 0; m < rows; m++) {
                vec splat = tay__splat(a[m]);
                sum[m][0] += splat * x[0];
                if (vectors > 1) sum[m][1] += splat * x[1];
            }
        }
    }
    if (run->divisor != 0) { /* all at once: sums stay in registers */
#pragma GCC unroll 6
        for (int m = 0; m < rows; m++) {
            sum[m][0] = tay__divide(sum[m][0], run->divisor, run->inverse, TAY__NEARLY(run, run->divisor));
            if (vectors > 1) sum[m][1] = tay__divide(sum[m][1], run->divisor, run->inverse, TAY__NEARLY(run, run->divisor));
        }
    }
#pragma GCC unroll 6
    for (int m = 0; m < rows; m++) {
        size_t below = (size_t)(run->row[m].first - run->row[0].first);
        tay__store_as_is(run, tay__result(run, at) + below, sum[m], vectors);
    }
}

TAY__INLINE void tay__product_tile(const void *p, int rows)
{
    const tay__run run_ = *(const tay__run *)p, *run = &run_; /* no store can change it */
    const size_t w = TAY__WIDTH;

    for (size_t done = 0; done < run->length;) {
        size_t at = done, rest = run->length - done;
        bool two = rest > w && run->length >= 2 * w;
        size_t size = two ? 2 * w : w;
        if (rest < size && run->length >= size) at = run->length - size;
        done = at + size;
        if (two)
            tay__tile_block(run, rows, at, 2);
        else
            tay__tile_block(run, rows, at, 1);
    }
}

static void tay__tile_1(const void *run) { tay__product_tile(run, 1); }
static void tay__tile_2(const void *run) { tay__product_tile(run, 2); }
static void tay__tile_3(const void *run) { tay__product_tile(run, 3); }
static void tay__tile_4(const void *run) { tay__product_tile(run, 4); }
static void tay__tile_5(const void *run) { tay__product_tile(run, 5); }
static void tay__tile_6(const void *run) { tay__product_tile(run, 6); }

#endif
