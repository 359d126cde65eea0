/*
 * The adjoints of the primitives, order n of a run. Orders fall: when order n is done, the cotangents of this group's
 * orders m >= n are complete, so that what its operands get at order n is a sum that is pulled from all of them:
 *
 *     linear     abar_n += c ybar_n
 *     product    abar_n += c sum_{m>=n} ybar_m b_{m-n}, and the same for b
 *     quotient   w_n = (ybar_n - sum_{m>n} w_m b_{m-n}) / b_0; abar_n += w_n; bbar_n -= sum_{m>=n} w_m y_{m-n}
 *     power      w_n = (ybar_n + sum_{m>n} w_m q(m, n) a_{m-n}) / (n a_0), q(m, j) = m p - j (p + 1);
 *                abar_n += sum_{m>=n} w_m q(m, m-n) y_{m-n}; abar_0 += p ybar_0 y_0 / a_0 - sum_{m>0} m w_m y_m
 *     integral   abar_n += sum_{m>=n} ybar_m g_{m-n}
 *     choice     the chosen branch's cotangent += ybar_n
 *
 * (bars are cotangents; docs/math/gradients.md derives them). w replaces ybar. An operand is never the same element twice in
 * a run, but a and b may be the same: each is added to in memory before the next.
 *
 * integral: the recurrence makes the series y = f(a), f(a + da) = f(a) + f'(a) da + ..., so that y depends on a as the
 * product g da does, where g = f'(a), also a series; nothing flows to g, which is a function of a, too.
 */
#ifndef TAY__ADJOINT_H
#define TAY__ADJOINT_H

#include "kernels/run.h"

/* The cotangent of coefficient m of the run's first element, and of coefficient 0 of operand k's. */
TAY__INLINE real *tay__bar_y(const tay__run *run, uint32_t m)
{
    return run->bar + run->y_at + (m + run->to_state) * run->plane;
}

TAY__INLINE real *tay__bar_a(const tay__run *run, uint32_t k)
{
    return run->bar + (size_t)run->a[k * run->step] * run->scale + run->a_moved;
}

TAY__INLINE real *tay__bar_b(const tay__run *run, uint32_t k)
{
    return run->bar + (size_t)run->b[k * run->step] * run->scale + run->b_moved;
}

/* A state's coefficient n + 1 was divided by that: so is its cotangent, once, before it is used. (Coefficients that are kept
 * times n have the cotangents of the coefficients themselves.) */
TAY__INLINE void tay__settle_block(const tay__run *run, size_t at, int vectors)
{
    real *y = tay__bar_y(run, run->n) + at;
    vec v[TAY__BLOCK];

    if (run->divisor == 0) return;
    tay__load_block(v, y, vectors);
#pragma GCC unroll 4
    for (int i = 0; i < vectors; i++) v[i] /= run->divisor;
    tay__store_as_is(run, y, v, vectors);
}

/* The coefficient of term k for vector i of a block. */
TAY__INLINE vec tay__coef(const tay__run *run, uint32_t k, size_t at, int i, tay__coefs coefs)
{
    const real *c = run->coefs + k * run->coef_step;
    return coefs == TAY__SPLAT_COEFS ? tay__splat(*c) : tay__load(c + at + (size_t)i * TAY__WIDTH);
}

TAY__INLINE void tay__linear_adjoint(const tay__run *run, size_t at, int vectors, tay__coefs coefs)
{
    vec y[TAY__BLOCK], t[TAY__BLOCK];

    tay__settle_block(run, at, vectors);
    tay__load_block(y, tay__bar_y(run, run->n) + at, vectors);
    for (uint32_t k = 0; k < run->n_terms; k++) {
#pragma GCC unroll 4
        for (int i = 0; i < vectors; i++) t[i] = coefs == TAY__NO_COEFS ? y[i] : tay__coef(run, k, at, i, coefs) * y[i];
        tay__add_block(run, tay__bar_a(run, k) + run->n * run->plane + at, t, vectors);
    }
}

TAY__INLINE void tay__product_adjoint(const tay__run *run, size_t at, int vectors, tay__coefs coefs, bool square)
{
    size_t plane = run->plane;

    tay__settle_block(run, at, vectors);
    for (uint32_t k = 0; k < run->n_terms; k++) {
        const real *a = tay__operand_a(run, k) + at, *b = square ? a : tay__operand_b(run, k) + at;
        const real *y = tay__bar_y(run, run->n) + at;
        vec s[TAY__BLOCK] = {{0}}, t[TAY__BLOCK] = {{0}};
        for (uint32_t m = run->n; m < run->n_orders; m++, y += plane, a += plane, b += plane) {
#pragma GCC unroll 4
            for (int i = 0; i < vectors; i++) {
                vec bar = tay__load(y + i * TAY__WIDTH);
                s[i] += bar * tay__load(b + i * TAY__WIDTH);
                if (!square) t[i] += bar * tay__load(a + i * TAY__WIDTH);
            }
        }
#pragma GCC unroll 4
        for (int i = 0; i < vectors; i++) {
            if (square) s[i] += s[i];
            if (coefs == TAY__NO_COEFS) continue;
            s[i] *= tay__coef(run, k, at, i, coefs);
            t[i] *= tay__coef(run, k, at, i, coefs);
        }
        tay__add_block(run, tay__bar_a(run, k) + run->n * plane + at, s, vectors);
        if (!square) tay__add_block(run, tay__bar_b(run, k) + run->n * plane + at, t, vectors);
    }
}

TAY__INLINE void tay__quotient_adjoint(const tay__run *run, size_t at, int vectors)
{
    size_t plane = run->plane;
    const real *b0 = tay__operand_b(run, 0) + at, *b = b0 + plane, *y = run->y + at;
    real *w0 = tay__bar_y(run, run->n) + at;
    const real *w = w0 + plane;
    vec s[TAY__BLOCK], t[TAY__BLOCK];

    tay__load_block(s, w0, vectors);
    for (uint32_t m = run->n + 1; m < run->n_orders; m++, w += plane, b += plane) {
#pragma GCC unroll 4
        for (int i = 0; i < vectors; i++) s[i] -= tay__load(w + i * TAY__WIDTH) * tay__load(b + i * TAY__WIDTH);
    }
#pragma GCC unroll 4
    for (int i = 0; i < vectors; i++) {
        s[i] /= tay__load(b0 + i * TAY__WIDTH);
        t[i] = -s[i] * tay__load(y + i * TAY__WIDTH);
    }
    tay__store_as_is(run, w0, s, vectors);
    tay__add_block(run, tay__bar_a(run, 0) + run->n * plane + at, s, vectors);
    w = w0 + plane;
    for (uint32_t m = run->n + 1; m < run->n_orders; m++, w += plane) {
        y += plane;
#pragma GCC unroll 4
        for (int i = 0; i < vectors; i++) t[i] -= tay__load(w + i * TAY__WIDTH) * tay__load(y + i * TAY__WIDTH);
    }
    tay__add_block(run, tay__bar_b(run, 0) + run->n * plane + at, t, vectors);
}

/* Order 0 of power: abar_0 += p a_0^(p-1) ybar_0 - sum_{m>0} m w_m y_m */
TAY__INLINE void tay__power_adjoint_0(const tay__run *run, const vec *y_bar, size_t at, int vectors)
{
    size_t plane = run->plane;
    const real *w = tay__bar_y(run, 0) + at, *y = run->y + at, *a = tay__operand_a(run, 0) + at;
    double p = run->group->exponent;
    vec s[TAY__BLOCK], at_zero = tay__splat((real)(p * pow(0, p - 1))); /* where y / a is 0 / 0, as in (par[0])^3 at 0 */

#pragma GCC unroll 4
    for (int i = 0; i < vectors; i++) {
        vec base = tay__load(a + i * TAY__WIDTH), value = tay__load(y + i * TAY__WIDTH);
        vec slope = tay__blend((uvec)(base == 0), at_zero, (real)p * value / base);
        s[i] = y_bar[i] * slope;
    }
    for (uint32_t m = 1; m < run->n_orders; m++) {
        w += plane;
        y += plane;
#pragma GCC unroll 4
        for (int i = 0; i < vectors; i++) s[i] -= (real)m * (tay__load(w + i * TAY__WIDTH) * tay__load(y + i * TAY__WIDTH));
    }
    tay__add_block(run, tay__bar_a(run, 0) + at, s, vectors);
}

TAY__INLINE void tay__power_adjoint(const tay__run *run, size_t at, int vectors)
{
    size_t plane = run->plane;
    const real *a0 = tay__operand_a(run, 0) + at, *a = a0, *y = run->y + at;
    real *w0 = tay__bar_y(run, run->n) + at, n = (real)run->n, p = (real)run->group->exponent;
    const real *w = w0;
    vec s[TAY__BLOCK], t[TAY__BLOCK] = {{0}};

    tay__load_block(s, w0, vectors);
    for (uint32_t m = run->n + 1; m < run->n_orders; m++) {
        w += plane;
        a += plane;
#pragma GCC unroll 4
        for (int i = 0; i < vectors; i++)
            s[i] += ((real)m * p - n * (p + 1)) * (tay__load(w + i * TAY__WIDTH) * tay__load(a + i * TAY__WIDTH));
    }
    if (run->n == 0) {
        tay__power_adjoint_0(run, s, at, vectors);
        return;
    }
#pragma GCC unroll 4
    for (int i = 0; i < vectors; i++) s[i] /= n * tay__load(a0 + i * TAY__WIDTH);
    tay__store_as_is(run, w0, s, vectors);
    w = w0;
    for (uint32_t m = run->n; m < run->n_orders; m++, w += plane, y += plane) {
#pragma GCC unroll 4
        for (int i = 0; i < vectors; i++)
            t[i] += (n * (p + 1) - (real)m) * (tay__load(w + i * TAY__WIDTH) * tay__load(y + i * TAY__WIDTH));
    }
    tay__add_block(run, tay__bar_a(run, 0) + run->n * plane + at, t, vectors);
}

/*
 * Orders come in pairs, too, where this is the first to reach its operands: order n, odd, leaves at order n - 1 what it has of
 * that sum, and ybar_{n-1} g_0 is all that is missing there.
 */
TAY__INLINE void tay__integral_adjoint(const tay__run *run, size_t at, int vectors, uint32_t n_terms, tay__turn turn)
{
    size_t plane = run->plane;

    for (uint32_t k = 0; k < n_terms; k++) {
        const real *g = tay__operand_b(run, k) + at, *y = tay__bar_y(run, run->n) + at;
        real *to = tay__bar_a(run, k) + run->n * plane + at;
        vec s[TAY__BLOCK] = {{0}}, next[TAY__BLOCK] = {{0}}, before[TAY__BLOCK];
        if (turn == TAY__SECOND) {
            tay__load_block(s, to, vectors);
#pragma GCC unroll 4
            for (int i = 0; i < vectors; i++) s[i] += tay__load(y + i * TAY__WIDTH) * tay__load(g + i * TAY__WIDTH);
            tay__store_as_is(run, to, s, vectors);
            continue;
        }
        if (turn == TAY__FIRST) tay__load_block(before, g, vectors);
        for (uint32_t m = run->n; m < run->n_orders; m++, y += plane, g += plane) {
#pragma GCC unroll 4
            for (int i = 0; i < vectors; i++) {
                vec x = tay__load(y + i * TAY__WIDTH);
                s[i] += x * (turn == TAY__FIRST ? before[i] : tay__load(g + i * TAY__WIDTH));
                if (turn == TAY__ALONE) continue;
                before[i] = tay__load(g + plane + i * TAY__WIDTH);
                next[i] += x * before[i];
            }
        }
        tay__add_block(run, to, s, vectors);
        if (turn == TAY__FIRST) tay__store_as_is(run, to - plane, next, vectors);
    }
}

TAY__LANES_KERNEL(tay__linear_back_1, tay__linear_adjoint, TAY__NO_COEFS)
TAY__LANES_KERNEL(tay__linear_back_s, tay__linear_adjoint, TAY__SPLAT_COEFS)
TAY__LANES_KERNEL(tay__linear_back_v, tay__linear_adjoint, TAY__VECTOR_COEFS)
TAY__LANES_KERNEL(tay__product_back_1, tay__product_adjoint, TAY__NO_COEFS, false)
TAY__LANES_KERNEL(tay__product_back_s, tay__product_adjoint, TAY__SPLAT_COEFS, false)
TAY__LANES_KERNEL(tay__product_back_v, tay__product_adjoint, TAY__VECTOR_COEFS, false)
TAY__LANES_KERNEL(tay__square_back_1, tay__product_adjoint, TAY__NO_COEFS, true)
TAY__LANES_KERNEL(tay__square_back_s, tay__product_adjoint, TAY__SPLAT_COEFS, true)
TAY__LANES_KERNEL(tay__square_back_v, tay__product_adjoint, TAY__VECTOR_COEFS, true)
TAY__LANES_KERNEL(tay__quotient_back, tay__quotient_adjoint)
TAY__LANES_KERNEL(tay__power_back, tay__power_adjoint)

static void tay__integral_back(const void *p)
{
    const tay__run run_ = *(const tay__run *)p, *run = &run_;
    bool second = run->n % 2 == 0 && run->n + 1 < run->n_orders;
    tay__turn turn = !run->fresh ? TAY__ALONE : run->n % 2 == 1 ? TAY__FIRST : second ? TAY__SECOND : TAY__ALONE;

    TAY__LANES_TURNS(tay__integral_adjoint, turn);
}

static void tay__choice_back(const void *p)
{
    const tay__run *run = p;
    size_t order = run->n * run->plane;
    const real *y = tay__bar_y(run, run->n), *a = tay__operand_a(run, 0);

    if (run->group->function == TAY_RELU) { /* the slope is a number */
        const real *slope = tay__operand_a(run, 1);
        real *to = tay__bar_a(run, 0) + order;
        for (size_t i = 0; i < run->length; i++) to[i] += a[i] > 0 ? y[i] : slope[i] * y[i];
    } else if (run->group->function == TAY_SELECT) {
        real *yes = tay__bar_a(run, 1) + order, *no = tay__bar_a(run, 2) + order;
        for (size_t i = 0; i < run->length; i++) *(a[i] != 0 ? &yes[i] : &no[i]) += y[i];
    }
}

#endif
