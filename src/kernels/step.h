/*
 * What a step needs besides the jet: the Taylor polynomials at some times, and the largest component.
 *
 * The polynomials go by blocks of slots whose coefficients stay in the cache for all times. The compensated sum adds the
 * terms in ascending order and keeps the rounding errors apart [Neumaier1974].
 */
#ifndef TAY__STEP_H
#define TAY__STEP_H

#include <math.h>

#include "kernels/run.h"

#ifndef TAY__F32

/* Slots whose coefficients are evaluated together: results that do not fit into the caches leave as whole pages, which takes a
 * sixth less time than eighths of them. Times that share the loads of the coefficients. */
enum { TAY__SLOTS = 512, TAY__TIMES = 4 };

/* The polynomials of a block: coefficient n of element i is jet[n * plane + i]; time k gives out[k][i]. */
typedef struct tay__polynomials {
    const double *jet, *h;
    double *out[TAY__TIMES];
    size_t plane;
    uint32_t order;
} tay__polynomials;

/* sum_n c_n h^n for `vectors` (at most 2) vectors at `times` times. */
TAY__INLINE void tay__horner(const tay__polynomials *p, size_t at, int vectors, int times)
{
    const double *c = p->jet + p->order * p->plane + at;
    vec y[TAY__TIMES][TAY__BLOCK], h[TAY__TIMES];

#pragma GCC unroll 4
    for (int k = 0; k < times; k++) {
        h[k] = tay__splat(p->h[k]);
#pragma GCC unroll 4
        for (int i = 0; i < vectors; i++) y[k][i] = tay__load(c + i * TAY__WIDTH);
    }
    for (uint32_t n = 0; n < p->order; n++) {
        c -= p->plane;
#pragma GCC unroll 4
        for (int i = 0; i < vectors; i++) {
            vec x = tay__load(c + i * TAY__WIDTH);
#pragma GCC unroll 4
            for (int k = 0; k < times; k++) y[k][i] = y[k][i] * h[k] + x;
        }
    }
#pragma GCC unroll 4
    for (int k = 0; k < times; k++) {
#pragma GCC unroll 4
        for (int i = 0; i < vectors; i++) tay__store(p->out[k] + at + (size_t)i * TAY__WIDTH, y[k][i]);
    }
}

/*
 * The same at one time, where vectors would wait for each other: in `parts` sums, 2 or 4, of each parts-th power, c_0 last.
 * Part r has c_r, c_{r+parts}, ..., r = 1 .. parts; the order is at least `parts`.
 */
TAY__INLINE void tay__horner_parts(const tay__polynomials *p, size_t at, int vectors, int parts)
{
    double h = *p->h, h2 = h * h;
    vec step = tay__splat(parts == 4 ? h2 * h2 : h2), powers[4] = {tay__splat(h), tay__splat(h2), tay__splat(h * h2), step};
    vec y[4][TAY__BLOCK];
    uint32_t n = (p->order - 1) / (uint32_t)parts * (uint32_t)parts; /* the parts begin with c_{n+r}, or 0 */

#pragma GCC unroll 4
    for (int r = 0; r < parts; r++) {
        uint32_t k = n + 1 + (uint32_t)r;
#pragma GCC unroll 4
        for (int i = 0; i < vectors; i++)
            y[r][i] = k > p->order ? (vec){0} : tay__load(p->jet + k * p->plane + at + i * TAY__WIDTH);
    }
    TAY__UNROLL
    while (n > 0) {
        n -= (uint32_t)parts;
        const double *c = p->jet + (n + 1) * p->plane + at;
#pragma GCC unroll 4
        for (int r = 0; r < parts; r++) {
#pragma GCC unroll 4
            for (int i = 0; i < vectors; i++)
                y[r][i] = y[r][i] * step + tay__load(c + (uint32_t)r * p->plane + i * TAY__WIDTH);
        }
    }
#pragma GCC unroll 4
    for (int i = 0; i < vectors; i++) {
        vec sum = y[1][i] * powers[1] + y[0][i] * powers[0];
        if (parts == 4) sum += y[3][i] * powers[3] + y[2][i] * powers[2];
        tay__store(p->out[0] + at + (size_t)i * TAY__WIDTH, tay__load(p->jet + at + i * TAY__WIDTH) + sum);
    }
}

/* The same, compensated, at one time. */
TAY__INLINE void tay__sum_compensated(const tay__polynomials *p, size_t at, int vectors)
{
    for (int i = 0; i < vectors; i++, at += TAY__WIDTH) {
        const double *c = p->jet + at;
        vec sum = tay__load(c), error = {0}, h = tay__splat(*p->h), power = h;
        for (uint32_t n = 0; n < p->order; n++) {
            c += p->plane;
            vec term = tay__load(c) * power, next = sum + term;
            uvec swap = (uvec)(tay__max(sum, -sum) < tay__max(term, -term));
            vec larger = tay__blend(swap, term, sum), smaller = tay__blend(swap, sum, term);
            error += (larger - next) + smaller;
            sum = next;
            power *= h;
        }
        tay__store(p->out[0] + at, sum + error);
    }
}

/* How the sums are done: as Horner's, any number of times together; in parts, one time; compensated, one time. */
typedef enum tay__summation { TAY__HORNER, TAY__PARTS, TAY__COMPENSATED } tay__summation;

TAY__INLINE void tay__polynomial_block(const tay__polynomials *p, size_t at, int vectors, int times, tay__summation how)
{
    if (how == TAY__COMPENSATED) {
        tay__sum_compensated(p, at, vectors);
    } else if (how == TAY__PARTS && p->order >= 4 && vectors == 1) {
        tay__horner_parts(p, at, 1, 4);
    } else if (how == TAY__PARTS && p->order >= 2) {
        tay__horner_parts(p, at, vectors, 2);
    } else if (times > 1 && vectors == 4) {
        tay__horner(p, at, 2, times);
        tay__horner(p, at + 2 * TAY__WIDTH, 2, times);
    } else {
        tay__horner(p, at, vectors, times);
    }
}

/* n slots at `times` times; slots behind the last may be read, not written. */
TAY__INLINE void tay__polynomial_slots(const tay__polynomials *p, size_t n, int times, tay__summation how)
{
    double few[TAY__TIMES][TAY__WIDTH];
    tay__polynomials short_one = *p;

    if (n < TAY__WIDTH) {
        for (int k = 0; k < times; k++) short_one.out[k] = few[k];
        tay__polynomial_block(&short_one, 0, 1, times, how);
        for (int k = 0; k < times; k++) tay__store_few(p->out[k], tay__load(few[k]), n);
        return;
    }
    for (size_t done = 0; done < n;) {
        tay__block b = tay__next_block(&done, n);
        if (b.vectors == 4)
            tay__polynomial_block(p, b.at, 4, times, how);
        else if (b.vectors == 2)
            tay__polynomial_block(p, b.at, 2, times, how);
        else
            tay__polynomial_block(p, b.at, 1, times, how);
    }
}

/*
 * Rounding errors of the last one, the end of a step, do not depend on what else is wanted. Loads of large jets, from the caches
 * behind the first, take longer than one sum: there all sums are Horner's, and the last one shares the loads with others. Of
 * small jets it is alone, in parts.
 */
static void tay__polynomial(double *out, size_t out_stride, double *end, const double *jet, size_t plane, uint32_t order,
                            size_t count, const double *h, size_t n_h, bool compensated)
{
    bool shares = count >= TAY__SLOTS && !compensated;

    for (size_t first = 0; first < count; first += TAY__SLOTS) {
        size_t n = count - first < TAY__SLOTS ? count - first : TAY__SLOTS;
        for (size_t k = 0, times; k < n_h; k += times) {
            tay__polynomials p = {.jet = jet + first, .h = h + k, .plane = plane, .order = order};
            size_t left = shares ? n_h - k : n_h - k - 1, passes = (left + TAY__TIMES - 1) / TAY__TIMES;
            times = left == 0 || compensated ? 1 : (left + passes - 1) / passes;
            for (size_t i = 0; i < times; i++) p.out[i] = (k + i == n_h - 1 ? end : out + (k + i) * out_stride) + first;
            if (compensated) tay__polynomial_slots(&p, n, 1, TAY__COMPENSATED);
            else if (times == 1 && !shares) tay__polynomial_slots(&p, n, 1, TAY__PARTS);
            else if (times == 1) tay__polynomial_slots(&p, n, 1, TAY__HORNER);
            else if (times == 2) tay__polynomial_slots(&p, n, 2, TAY__HORNER);
            else if (times == 3) tay__polynomial_slots(&p, n, 3, TAY__HORNER);
            else tay__polynomial_slots(&p, n, 4, TAY__HORNER);
        }
    }
}

/* max_i |x_i|, or NaN if one is. */
static double tay__max_norm(const double *x, size_t n)
{
    const size_t w = TAY__WIDTH;
    vec largest[2] = {{0}}, bad[2] = {{0}};
    double max = 0, sum = 0;
    size_t i = 0;

    for (; i + 2 * w <= n; i += 2 * w) {
        for (int k = 0; k < 2; k++) {
            vec v = tay__load(x + i + (size_t)k * w), size = tay__max(v, -v);
            bad[k] += v - v; /* 0, or NaN if v is not finite */
            largest[k] = tay__max(size, largest[k]);
        }
    }
    for (size_t k = 0; k < w && i > 0; k++) {
        double size = largest[0][k] > largest[1][k] ? largest[0][k] : largest[1][k];
        sum += bad[0][k] + bad[1][k];
        max = size > max ? size : max;
    }
    for (; i < n; i++) {
        double size = fabs(x[i]);
        sum += x[i] - x[i];
        max = size > max ? size : max;
    }
    if (sum == 0 || max < INFINITY) return sum == 0 ? max : NAN;
    for (i = 0; i < n; i++) /* rare: infinite, unless there is a NaN */
        if (isnan(x[i])) return NAN;
    return max;
}

#endif

#endif
