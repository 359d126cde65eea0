/*
 * Pairs of rows of one element each, in unrolled code: two sums of one form as one of vectors of two elements. Elements are
 * loaded and stored one by one; but of coefficients that the code has in registers pairs stay pairs, and an operand that both
 * have is loaded into both elements at once.
 */
#ifndef TAY__PAIRS_H
#define TAY__PAIRS_H

#include "kernels/linear.h"
#include "kernels/product.h"

TAY__INLINE vec tay__load_pair(const tay__run *run, const real *p)
{
    return (vec){p[0], p[run->row[1].first]};
}

TAY__INLINE void tay__store_pair(const tay__run *run, real *p, vec v)
{
    p[0] = v[0];
    p[run->row[1].first] = v[1];
}

TAY__INLINE void tay__end_pair(const tay__run *run, vec sum, bool divided)
{
    if (run->divisor != 0 && !divided) sum = tay__divide(sum, run->divisor, run->inverse, TAY__NEARLY(run, run->divisor));
    tay__store_pair(run, tay__result(run, 0), sum);
}

/* *s += a_i b_j times a number, which goes with the older one. */
TAY__INLINE void tay__multiply_pairs(vec *s, const tay__run *run, uint32_t k, uint32_t i, uint32_t j, real times)
{
    vec a = tay__gather(run->jet + i * run->plane, run->a + k * run->step);
    vec b = tay__gather(run->jet + j * run->plane, run->b + k * run->step);
    *s += i < j ? a * times * b : b * times * a;
}

/* Adds the terms of a sum, but the operand `taken`. Each is the product of a multiply-add: if that took one of the sum so far,
 * the newer term would wait for its rounding. */
TAY__INLINE void tay__add_linear_pair(vec *sum, const tay__run *run, uint64_t coefs_apart, real times, size_t taken)
{
    TAY__UNROLL
    for (uint32_t k = 0; k < run->n_terms; k++) {
        if ((size_t)run->a[k * run->step] == taken) continue;
        vec x = tay__gather(run->jet + tay__order_of(run, k, run->n), run->a + k * run->step);
        const real *c = run->coefs + k * run->coef_step;
        vec factor = run->coefs ? (vec){c[0], c[coefs_apart]} * times : tay__splat(times);
        *sum = tay__multiply_add(factor, x, *sum);
    }
}

/*
 * Without coefficients. With a sum to which the products are a term, its other terms come before the last one of the products',
 * which is there last, and its division before the last two: else these would wait for each other.
 */
TAY__INLINE void tay__product_pair(const tay__run *run, const tay__run *with, uint64_t coefs_apart)
{
    vec sum = tay__splat(-(real)0);
    tay__turn turn = TAY__TURN(run);
    uint32_t n = run->n;
    bool divides = with && tay__divides_coefs(with);
    real times = divides ? with->inverse : 1;

    if (turn == TAY__CLOSING) sum = tay__load_pair(run, tay__partial(run, 0, turn));
    TAY__UNROLL
    for (uint32_t k = 0; k < run->n_terms; k++) {
        vec other = tay__splat(-(real)0), *to;
        TAY__UNROLL
        for (uint32_t i = tay__first_term(n, turn); i < tay__end_of_terms(n, turn); i++) {
            uint32_t j = tay__next_term(&to, &sum, &other, i, n, 1, true);
            tay__multiply_pairs(to, run, k, j, n - j, 1);
        }
        if (turn == TAY__AHEAD) sum += other;
    }
    if (turn == TAY__AHEAD) {
        tay__store_pair(run, tay__partial(run, 0, turn), sum);
        return;
    }
    sum *= times;
    TAY__UNROLL
    for (uint32_t k = 0; k < run->n_terms; k++) {
        tay__multiply_pairs(&sum, run, k, 0, n, times);
        if (with && k + 1 == run->n_terms) tay__add_linear_pair(&sum, with, coefs_apart, times, run->y_at);
        tay__multiply_pairs(&sum, run, k, n, 0, times);
    }
    tay__end_pair(with ? with : run, sum, divides);
}

TAY__INLINE void tay__linear_pair(const tay__run *run, uint64_t coefs_apart)
{
    vec sum = tay__splat(-(real)0);
    bool divides = tay__divides_coefs(run);

    tay__add_linear_pair(&sum, run, coefs_apart, divides ? run->inverse : 1, SIZE_MAX);
    tay__end_pair(run, sum, divides);
}

#endif
