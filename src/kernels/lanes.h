/*
 * What a step needs over lanes, each of which has a time of its own: the Taylor polynomials of all slots, their derivatives
 * and adjoints, and the largest component; numbers from double to float and back. Lanes are whole vectors.
 */
#ifndef TAY__LANES_H
#define TAY__LANES_H

#include "kernels/run.h"

#ifndef TAY__F32

/* The most times that are taken at once, in blocks of so many slots that sums do not wait for each other. */
enum { TAY__ROUNDS = 4, TAY__MOST_SLOTS = 6 };

/* How many of the times that are left come next: 4, 2 or 1. */
TAY__INLINE size_t tay__next_times(size_t left)
{
    return left >= 4 ? 4 : left >= 2 ? 2 : 1;
}

/* sum_n c_n h^n, or sum_n n c_n h^(n-1), by Horner's rule, of slots of one vector of lanes at `times` times. */
TAY__INLINE void tay__lane_horner(double *out, size_t stride, const double *jet, size_t plane, uint32_t order, size_t lanes,
                                  const double *h, int slots, int times, bool derivative)
{
    vec y[TAY__MOST_SLOTS][TAY__ROUNDS] = {{{0}}};
    const double *c = jet + order * plane;

    for (uint32_t left = order + !derivative; left > 0; left--, c -= plane) {
        double factor = derivative ? left : 1;
#pragma GCC unroll 8
        for (int i = 0; i < slots; i++) {
            vec x = factor * tay__load(c + (size_t)i * lanes);
#pragma GCC unroll 4
            for (int k = 0; k < times; k++) y[i][k] = y[i][k] * tay__load(h + (size_t)k * lanes) + x;
        }
    }
#pragma GCC unroll 8
    for (int i = 0; i < slots; i++) {
#pragma GCC unroll 4
        for (int k = 0; k < times; k++) tay__store(out + (size_t)k * stride + (size_t)i * lanes, y[i][k]);
    }
}

/* n elements at `times` times, by so many slots. */
TAY__INLINE void tay__lane_series(double *out, const double *jet, size_t plane, uint32_t order, size_t n, size_t lanes,
                                  const double *h, int slots, int times, bool derivative)
{
    for (size_t lane = 0; lane < lanes; lane += TAY__WIDTH) {
        size_t at = lane;
        for (; at + ((size_t)slots - 1) * lanes < n; at += (size_t)slots * lanes)
            tay__lane_horner(out + at, n, jet + at, plane, order, lanes, h + lane, slots, times, derivative);
        for (; at < n; at += lanes)
            tay__lane_horner(out + at, n, jet + at, plane, order, lanes, h + lane, 1, times, derivative);
    }
}

TAY__INLINE void tay__lane_times(double *out, const double *jet, size_t plane, uint32_t order, size_t n, size_t lanes,
                                 const double *h, size_t n_h, bool derivative)
{
    for (size_t k = 0, times; k < n_h; k += times, out += times * n, h += times * lanes) {
        times = tay__next_times(n_h - k);
        if (times == 4) tay__lane_series(out, jet, plane, order, n, lanes, h, 2, 4, derivative);
        else if (times == 2) tay__lane_series(out, jet, plane, order, n, lanes, h, 3, 2, derivative);
        else tay__lane_series(out, jet, plane, order, n, lanes, h, TAY__MOST_SLOTS, 1, derivative);
    }
}

static void tay__lane_polynomial(double *out, const double *jet, size_t plane, uint32_t order, size_t n, size_t lanes,
                                 const double *h, size_t n_h)
{
    tay__lane_times(out, jet, plane, order, n, lanes, h, n_h, false);
}

static void tay__lane_derivative(double *out, const double *jet, size_t plane, uint32_t order, size_t n, size_t lanes,
                                 const double *h, size_t n_h)
{
    tay__lane_times(out, jet, plane, order, n, lanes, h, n_h, true);
}

/* Powers of the times are tabled, so many at once. */
enum { TAY__POWERS = 32 };

/* bar_n += sum_k y_bar_k h_k^n, n = from .. to - 1, for slots of one vector of lanes; powers[n - from][k]. */
TAY__INLINE void tay__add_powers(double *bar, const double *y_bar, size_t stride, size_t plane, size_t lanes,
                                 const vec (*powers)[TAY__ROUNDS], uint32_t from, uint32_t to, int slots, int times)
{
    vec y[2][TAY__ROUNDS];

#pragma GCC unroll 2
    for (int i = 0; i < slots; i++) {
#pragma GCC unroll 4
        for (int k = 0; k < times; k++) y[i][k] = tay__load(y_bar + (size_t)k * stride + (size_t)i * lanes);
    }
    for (uint32_t n = from; n < to; n++) {
#pragma GCC unroll 2
        for (int i = 0; i < slots; i++) {
            double *to_bar = bar + n * plane + (size_t)i * lanes;
            vec sum = tay__load(to_bar);
#pragma GCC unroll 4
            for (int k = 0; k < times; k++) sum += y[i][k] * powers[n - from][k];
            tay__store(to_bar, sum);
        }
    }
}

/* All slots of one vector of lanes, at `times` times. */
TAY__INLINE void tay__lane_powers(double *bar, const double *y_bar, size_t plane, uint32_t order, size_t n, size_t lanes,
                                  const double *h, int times)
{
    vec power[TAY__ROUNDS], powers[TAY__POWERS][TAY__ROUNDS];

    for (int k = 0; k < times; k++) power[k] = (vec){0} + 1;
    for (uint32_t from = 0, to; from <= order; from = to) {
        size_t at = 0;
        to = order + 1 - from < TAY__POWERS ? order + 1 : from + TAY__POWERS;
        for (uint32_t i = from; i < to; i++) {
#pragma GCC unroll 4
            for (int k = 0; k < times; k++) {
                powers[i - from][k] = power[k];
                power[k] *= tay__load(h + (size_t)k * lanes);
            }
        }
        for (; at + lanes < n; at += 2 * lanes)
            tay__add_powers(bar + at, y_bar + at, n, plane, lanes, powers, from, to, 2, times);
        if (at < n) tay__add_powers(bar + at, y_bar + at, n, plane, lanes, powers, from, to, 1, times);
    }
}

static void tay__lane_polynomial_adjoint(double *bar, const double *y_bar, size_t plane, uint32_t order, size_t n, size_t lanes,
                                         const double *h, size_t n_h)
{
    for (size_t k = 0, times; k < n_h; k += times, y_bar += times * n, h += times * lanes) {
        times = tay__next_times(n_h - k);
        for (size_t lane = 0; lane < lanes; lane += TAY__WIDTH) {
            if (times == 4)
                tay__lane_powers(bar + lane, y_bar + lane, plane, order, n, lanes, h + lane, 4);
            else if (times == 2)
                tay__lane_powers(bar + lane, y_bar + lane, plane, order, n, lanes, h + lane, 2);
            else
                tay__lane_powers(bar + lane, y_bar + lane, plane, order, n, lanes, h + lane, 1);
        }
    }
}

#define TAY__LOW(e, s) ((e) & (s) ? TAY__WIDTH + (e) - (s) : (e))
#define TAY__HIGH(e, s) ((e) & (s) ? TAY__WIDTH + (e) : (e) + (s))

/* Of each 2 s rows, the later s elements of each 2 s of the first s rows change places with the earlier ones of the others. */
#define TAY__EXCHANGE(x, s)                                                                                            \
    do {                                                                                                               \
        for (int i_ = 0; i_ < TAY__WIDTH; i_++) {                                                                      \
            if (i_ & (s)) continue;                                                                                    \
            vec low_ = __builtin_shufflevector((x)[i_], (x)[i_ + (s)], TAY__EACH(TAY__LOW, s));                        \
            (x)[i_ + (s)] = __builtin_shufflevector((x)[i_], (x)[i_ + (s)], TAY__EACH(TAY__HIGH, s));                  \
            (x)[i_] = low_;                                                                                            \
        }                                                                                                              \
    } while (0)

TAY__INLINE void tay__transpose(vec *x)
{
    TAY__EXCHANGE(x, 1);
#if TAY__VECTOR_BYTES > 16
    TAY__EXCHANGE(x, 2);
#endif
#if TAY__VECTOR_BYTES > 32
    TAY__EXCHANGE(x, 4);
#endif
}

/* x[i * lanes + l] = rows[l][i], i < n, or back. The last square of elements may overlap the one before. */
TAY__INLINE void tay__move_rows(double *x, double *const *rows, size_t n, size_t lanes, bool back)
{
    for (size_t lane = 0; lane < lanes; lane += TAY__WIDTH, rows += TAY__WIDTH) {
        for (size_t i = 0; i < n && n < TAY__WIDTH; i++) {
            for (size_t l = 0; l < TAY__WIDTH; l++) {
                if (back) rows[l][i] = x[i * lanes + lane + l];
                else x[i * lanes + lane + l] = rows[l][i];
            }
        }
        for (size_t i = 0, at; i < n && n >= TAY__WIDTH; i += TAY__WIDTH) {
            vec v[TAY__WIDTH];
            at = i + TAY__WIDTH <= n ? i : n - TAY__WIDTH;
#pragma GCC unroll 8
            for (size_t l = 0; l < TAY__WIDTH; l++) v[l] = tay__load(back ? x + (at + l) * lanes + lane : rows[l] + at);
            tay__transpose(v);
#pragma GCC unroll 8
            for (size_t l = 0; l < TAY__WIDTH; l++) tay__store(back ? rows[l] + at : x + (at + l) * lanes + lane, v[l]);
        }
    }
}

static void tay__rows_to_lanes(double *x, double *const *rows, size_t n, size_t lanes)
{
    tay__move_rows(x, rows, n, lanes, false);
}

static void tay__lanes_to_rows(double *x, double *const *rows, size_t n, size_t lanes)
{
    tay__move_rows(x, rows, n, lanes, true);
}

/* max_i |x_i|, or NaN if one is not finite. */
static void tay__lane_norms(double *out, const double *x, size_t n, size_t lanes)
{
    for (size_t lane = 0; lane < lanes; lane += TAY__WIDTH) {
        vec largest = {0}, bad = {0};
        for (size_t at = lane; at < n; at += lanes) {
            vec v = tay__load(x + at);
            bad += v - v; /* 0, or NaN if v is not finite */
            largest = tay__max(tay__max(v, -v), largest);
        }
        tay__store(out + lane, largest + bad);
    }
}

/* Double to float and back: n slots of lanes, each with a factor; or single numbers, all with the same. */
typedef float tay__half __attribute__((vector_size(TAY__VECTOR_BYTES / 2)));

TAY__INLINE void tay__narrow_vector(float *to, const double *from, vec factor)
{
    tay__half v = __builtin_convertvector(tay__load(from) * factor, tay__half);
    memcpy(to, &v, sizeof v);
}

TAY__INLINE vec tay__widen_vector(const float *from)
{
    tay__half v;
    memcpy(&v, from, sizeof v);
    return __builtin_convertvector(v, vec);
}

/* to[i * lanes + l] = from[i * lanes + l] factor[l] */
static void tay__narrow(float *to, const double *from, size_t lanes, size_t n, const double *factor)
{
    if (lanes == 1) {
        for (size_t i = 0; i < n; i++) to[i] = (float)(from[i] * factor[0]);
        return;
    }
    for (size_t i = 0; i < n; i++, to += lanes, from += lanes)
        for (size_t lane = 0; lane < lanes; lane += TAY__WIDTH)
            tay__narrow_vector(to + lane, from + lane, tay__load(factor + lane));
}

/* to[i * lanes + l] = from[i * lanes + l] factor[l], or that is added. */
static void tay__widen(double *to, const float *from, size_t lanes, size_t n, const double *factor, bool add)
{
    if (lanes == 1) {
        for (size_t i = 0; i < n; i++) to[i] = (add ? to[i] : 0) + from[i] * factor[0];
        return;
    }
    for (size_t i = 0; i < n; i++, to += lanes, from += lanes) {
        for (size_t lane = 0; lane < lanes; lane += TAY__WIDTH) {
            vec v = tay__load(factor + lane) * tay__widen_vector(from + lane);
            tay__store(to + lane, add ? tay__load(to + lane) + v : v);
        }
    }
}

#endif

#endif
