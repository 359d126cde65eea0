/*
 * What a step needs over lanes, each of which has a time of its own: the Taylor polynomials of all slots, their derivatives
 * and adjoints, and the largest component. Lanes are whole vectors.
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

/* bar_n += y_bar h^n */
TAY__INLINE void tay__lane_powers(double *bar, const double *y_bar, size_t plane, uint32_t order, int vectors, const vec *h)
{
    vec y[TAY__BLOCK];

#pragma GCC unroll 4
    for (int i = 0; i < vectors; i++) y[i] = tay__load(y_bar + i * TAY__WIDTH);
    for (uint32_t n = 0; n <= order; n++, bar += plane) {
#pragma GCC unroll 4
        for (int i = 0; i < vectors; i++) {
            tay__store(bar + i * TAY__WIDTH, tay__load(bar + i * TAY__WIDTH) + y[i]);
            y[i] *= h[i];
        }
    }
}

static void tay__lane_polynomial_adjoint(double *bar, const double *y_bar, size_t plane, uint32_t order, size_t n, size_t lanes,
                                         const double *h)
{
#define BLOCK(at, vectors, h) tay__lane_powers(bar + (at), y_bar + (at), plane, order, vectors, h)
    TAY__LANE_BLOCKS(n, lanes, h, BLOCK);
#undef BLOCK
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

#endif

#endif
