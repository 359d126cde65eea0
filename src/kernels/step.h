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

/* Slots whose coefficients are evaluated together. */
enum { TAY__SLOTS = 64 };

/* out[i] = sum_n jet[n * plane + i] h^n for `vectors` vectors. */
TAY__INLINE void tay__horner(double *out, const double *jet, size_t plane, uint32_t order, double h, int vectors)
{
    const double *c = jet + order * plane;
    vec y[TAY__BLOCK];

#pragma GCC unroll 4
    for (int i = 0; i < vectors; i++) y[i] = tay__load(c + i * TAY__WIDTH);
    for (uint32_t n = 0; n < order; n++) {
        c -= plane;
#pragma GCC unroll 4
        for (int i = 0; i < vectors; i++) y[i] = y[i] * h + tay__load(c + i * TAY__WIDTH);
    }
#pragma GCC unroll 4
    for (int i = 0; i < vectors; i++) tay__store(out + i * TAY__WIDTH, y[i]);
}

/* The same, compensated. */
TAY__INLINE void tay__sum_compensated(double *out, const double *jet, size_t plane, uint32_t order, double h, int vectors)
{
    for (int i = 0; i < vectors; i++) {
        const double *c = jet + i * TAY__WIDTH;
        vec sum = tay__load(c), error = {0}, power = tay__splat(h);
        for (uint32_t n = 0; n < order; n++) {
            c += plane;
            vec term = tay__load(c) * power, next = sum + term;
            uvec swap = tay__max(sum, -sum) < tay__max(term, -term);
            vec larger = tay__blend(swap, term, sum), smaller = tay__blend(swap, sum, term);
            error += (larger - next) + smaller;
            sum = next;
            power *= h;
        }
        tay__store(out + i * TAY__WIDTH, sum + error);
    }
}

TAY__INLINE void tay__evaluate_block(double *out, const double *jet, size_t plane, uint32_t order, double h, int vectors,
                                     bool compensated)
{
    if (compensated)
        tay__sum_compensated(out, jet, plane, order, h, vectors);
    else
        tay__horner(out, jet, plane, order, h, vectors);
}

/* n slots at one time; slots behind the last may be read, not written. */
TAY__INLINE void tay__evaluate_slots(double *out, const double *jet, size_t plane, uint32_t order, size_t n, double h,
                                     bool compensated)
{
    for (size_t done = 0; done < n;) {
        tay__block b = tay__next_block(&done, n);
        if (b.vectors == 4) {
            tay__evaluate_block(out + b.at, jet + b.at, plane, order, h, 4, compensated);
        } else if (b.vectors == 2) {
            tay__evaluate_block(out + b.at, jet + b.at, plane, order, h, 2, compensated);
        } else if (n >= TAY__WIDTH) {
            tay__evaluate_block(out + b.at, jet + b.at, plane, order, h, 1, compensated);
        } else {
            double few[TAY__WIDTH];
            tay__evaluate_block(few, jet, plane, order, h, 1, compensated);
            memcpy(out, few, n * sizeof *few);
        }
    }
}

static void tay__polynomial(double *out, size_t out_stride, const double *jet, size_t plane, uint32_t order, size_t count,
                            const double *h, size_t n_h, bool compensated)
{
    for (size_t first = 0; first < count; first += TAY__SLOTS) {
        size_t n = count - first < TAY__SLOTS ? count - first : TAY__SLOTS;
        for (size_t k = 0; k < n_h; k++) {
            double *to = out + k * out_stride + first;
            if (compensated)
                tay__evaluate_slots(to, jet + first, plane, order, n, h[k], true);
            else
                tay__evaluate_slots(to, jet + first, plane, order, n, h[k], false);
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
    for (size_t k = 0; k < w; k++) {
        sum += bad[0][k] + bad[1][k];
        max = fmax(max, fmax(largest[0][k], largest[1][k]));
    }
    for (; i < n; i++) {
        sum += x[i] - x[i];
        max = fmax(max, fabs(x[i]));
    }
    if (sum == 0 || max < INFINITY) return sum == 0 ? max : NAN;
    for (i = 0; i < n; i++) /* rare: infinite, unless there is a NaN */
        if (isnan(x[i])) return NAN;
    return max;
}

#define TAY__POLYNOMIAL tay__polynomial
#define TAY__MAX_NORM tay__max_norm
#else
#define TAY__POLYNOMIAL NULL
#define TAY__MAX_NORM NULL
#endif

#endif
