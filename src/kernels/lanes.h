/*
 * What a step needs over lanes, each of which has a time of its own: the Taylor polynomials of all slots, their derivatives
 * and adjoints, and the largest component; numbers from double to float and back. Lanes are whole vectors.
 */
#ifndef TAY__LANES_H
#define TAY__LANES_H

#include "kernels/run.h"

#ifndef TAY__F32

/* Calls block(at, vectors, h of these vectors) for n elements, of which lane l is each lanes-th. */
#define TAY__LANE_BLOCKS(n, lanes, h, block)                                                                           \
    do {                                                                                                               \
        vec h_[TAY__BLOCK];                                                                                            \
        size_t lane_ = 0;                                                                                              \
        for (size_t at_ = 0, size_; at_ < (n); at_ += size_) {                                                         \
            size_t left_ = ((n) - at_) / TAY__WIDTH;                                                                   \
            int vectors_ = left_ >= 4 ? 4 : left_ >= 2 ? 2 : 1;                                                        \
            size_ = (size_t)vectors_ * TAY__WIDTH;                                                                     \
            for (int i_ = 0; i_ < vectors_; i_++) {                                                                    \
                h_[i_] = tay__load((h) + lane_);                                                                       \
                lane_ = lane_ + TAY__WIDTH == (lanes) ? 0 : lane_ + TAY__WIDTH;                                        \
            }                                                                                                          \
            if (vectors_ == 4) block(at_, 4, h_);                                                                      \
            else if (vectors_ == 2) block(at_, 2, h_);                                                                 \
            else block(at_, 1, h_);                                                                                    \
        }                                                                                                              \
    } while (0)

/* sum_n c_n h^n, or sum_n n c_n h^(n-1), by Horner's rule */
TAY__INLINE void tay__lane_horner(double *out, const double *jet, size_t plane, uint32_t order, int vectors, const vec *h,
                                  bool derivative)
{
    vec y[TAY__BLOCK] = {{0}};
    const double *c = jet + order * plane;

    for (uint32_t left = order + !derivative; left > 0; left--, c -= plane) {
        double factor = derivative ? left : 1;
#pragma GCC unroll 4
        for (int i = 0; i < vectors; i++) y[i] = y[i] * h[i] + factor * tay__load(c + i * TAY__WIDTH);
    }
#pragma GCC unroll 4
    for (int i = 0; i < vectors; i++) tay__store(out + i * TAY__WIDTH, y[i]);
}

static void tay__lane_polynomial(double *out, const double *jet, size_t plane, uint32_t order, size_t n, size_t lanes,
                                 const double *h)
{
#define BLOCK(at, vectors, h) tay__lane_horner(out + (at), jet + (at), plane, order, vectors, h, false)
    TAY__LANE_BLOCKS(n, lanes, h, BLOCK);
#undef BLOCK
}

static void tay__lane_derivative(double *out, const double *jet, size_t plane, uint32_t order, size_t n, size_t lanes,
                                 const double *h)
{
#define BLOCK(at, vectors, h) tay__lane_horner(out + (at), jet + (at), plane, order, vectors, h, true)
    TAY__LANE_BLOCKS(n, lanes, h, BLOCK);
#undef BLOCK
}

/* Powers 0 .. order of the times are tabled for this many at once, so that a coefficient is added to once for all. */
enum { TAY__ROUNDS = 4, TAY__POWERS = 32 };

/* bar_n += sum_k y_bar_k h_k^n, n = from .. to - 1, `times` times of one vector of lanes; powers[n - from][k]. */
TAY__INLINE void tay__add_powers(double *bar, const double *y_bar, size_t stride, size_t plane, const vec (*powers)[TAY__ROUNDS],
                                 uint32_t from, uint32_t to, int times)
{
    vec y[TAY__ROUNDS];

#pragma GCC unroll 4
    for (int k = 0; k < times; k++) y[k] = tay__load(y_bar + (size_t)k * stride);
    for (uint32_t n = from; n < to; n++) {
        vec sum = tay__load(bar + n * plane);
#pragma GCC unroll 4
        for (int k = 0; k < times; k++) sum += y[k] * powers[n - from][k];
        tay__store(bar + n * plane, sum);
    }
}

/* All slots of one vector of lanes, at `times` times. */
TAY__INLINE void tay__lane_powers(double *bar, const double *y_bar, size_t plane, uint32_t order, size_t n, size_t lanes,
                                  const double *h, int times)
{
    vec power[TAY__ROUNDS], powers[TAY__POWERS][TAY__ROUNDS];

    for (int k = 0; k < times; k++) power[k] = (vec){0} + 1;
    for (uint32_t from = 0, to; from <= order; from = to) {
        to = order + 1 - from < TAY__POWERS ? order + 1 : from + TAY__POWERS;
        for (uint32_t i = from; i < to; i++) {
#pragma GCC unroll 4
            for (int k = 0; k < times; k++) {
                powers[i - from][k] = power[k];
                power[k] *= tay__load(h + (size_t)k * lanes);
            }
        }
        for (size_t at = 0; at < n; at += lanes) tay__add_powers(bar + at, y_bar + at, n, plane, powers, from, to, times);
    }
}

static void tay__lane_polynomial_adjoint(double *bar, const double *y_bar, size_t plane, uint32_t order, size_t n, size_t lanes,
                                         const double *h, size_t n_h)
{
    for (size_t k = 0, times; k < n_h; k += times, y_bar += times * n, h += times * lanes) {
        times = n_h - k >= TAY__ROUNDS ? TAY__ROUNDS : 1;
        for (size_t lane = 0; lane < lanes; lane += TAY__WIDTH) {
            if (times > 1)
                tay__lane_powers(bar + lane, y_bar + lane, plane, order, n, lanes, h + lane, TAY__ROUNDS);
            else
                tay__lane_powers(bar + lane, y_bar + lane, plane, order, n, lanes, h + lane, 1);
        }
    }
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

/* to[i * to_lanes + l] = from[i * lanes + l] factor[l]. If to_lanes > lanes, further vectors repeat the last one, or are 0. */
static void tay__narrow(float *to, size_t to_lanes, const double *from, size_t lanes, size_t n, const double *factor, bool repeat)
{
    if (lanes == 1) {
        for (size_t i = 0; i < n; i++) to[i] = (float)(from[i] * factor[0]);
        return;
    }
    for (size_t i = 0; i < n; i++, to += to_lanes, from += lanes) {
        for (size_t lane = 0; lane < lanes; lane += TAY__WIDTH)
            tay__narrow_vector(to + lane, from + lane, tay__load(factor + lane));
        for (size_t lane = lanes; lane < to_lanes; lane += TAY__WIDTH) {
            size_t last = lanes - TAY__WIDTH;
            tay__narrow_vector(to + lane, from + last, repeat ? tay__load(factor + last) : (vec){0});
        }
    }
}

/* to[i * lanes + l] = from[i * from_lanes + l] factor[l], or that is added. */
static void tay__widen(double *to, size_t lanes, const float *from, size_t from_lanes, size_t n, const double *factor, bool add)
{
    if (lanes == 1) {
        for (size_t i = 0; i < n; i++) to[i] = (add ? to[i] : 0) + from[i] * factor[0];
        return;
    }
    for (size_t i = 0; i < n; i++, to += lanes, from += from_lanes) {
        for (size_t lane = 0; lane < lanes; lane += TAY__WIDTH) {
            vec v = tay__load(factor + lane) * tay__widen_vector(from + lane);
            tay__store(to + lane, add ? tay__load(to + lane) + v : v);
        }
    }
}

#endif

#endif
