/*
 * linear: y_n = [n=0] c + sum_k c_k a_{k,n}.
 *
 * With several lanes, a layer (all members share the a_k, each has its own c_k) is a product of matrices: tiles of
 * TAY__TILE members by two vectors of lanes, in which each vector of operands is loaded once for all members.
 */
#ifndef TAY__LINEAR_H
#define TAY__LINEAR_H

#include "kernels/run.h"

/* Elements of coefficient n whose slots are listed from `slots` on. */
TAY__INLINE vec tay__gather(const real *jet, const int32_t *slots)
{
    vec v;
#pragma GCC unroll 16
    for (int i = 0; i < TAY__WIDTH; i++) v[i] = jet[slots[i]];
    return v;
}

TAY__INLINE void tay__linear_block(const tay__run *run, size_t at, int vectors, tay__stride stride, tay__coefs coefs)
{
    vec sum[TAY__BLOCK];

    tay__start(sum, run, at, vectors);
    for (uint32_t k = 0; k < run->n_terms; k++) {
        size_t order = tay__order_of(run, k, run->n);
        const real *c = run->coefs + k * run->coef_step, *a = stride == TAY__GATHER ? NULL : tay__operand_a(run, k) + order;
        vec shared = stride == TAY__SHARED ? tay__splat(*a) : (vec){0};
        vec splat = coefs == TAY__SPLAT_COEFS ? tay__splat(*c) : (vec){0};
#pragma GCC unroll 4
        for (int i = 0; i < vectors; i++) {
            size_t e = at + (size_t)i * TAY__WIDTH;
            vec x = stride == TAY__SHARED       ? shared
                    : stride == TAY__CONTIGUOUS ? tay__load(a + e)
                                                : tay__gather(run->jet + order, run->a + k * run->step + e);
            if (coefs == TAY__NO_COEFS)
                sum[i] += x;
            else
                sum[i] += (coefs == TAY__SPLAT_COEFS ? splat : tay__load(c + e)) * x;
        }
    }
    tay__store_block(run, tay__result(run, at), sum, vectors);
}

TAY__RUN_KERNEL(tay__linear_shared_1, tay__linear_block, TAY__SHARED, TAY__NO_COEFS)
TAY__RUN_KERNEL(tay__linear_shared_s, tay__linear_block, TAY__SHARED, TAY__SPLAT_COEFS)
TAY__RUN_KERNEL(tay__linear_shared_v, tay__linear_block, TAY__SHARED, TAY__VECTOR_COEFS)
TAY__RUN_KERNEL(tay__linear_contiguous_1, tay__linear_block, TAY__CONTIGUOUS, TAY__NO_COEFS)
TAY__RUN_KERNEL(tay__linear_contiguous_s, tay__linear_block, TAY__CONTIGUOUS, TAY__SPLAT_COEFS)
TAY__RUN_KERNEL(tay__linear_contiguous_v, tay__linear_block, TAY__CONTIGUOUS, TAY__VECTOR_COEFS)
TAY__RUN_KERNEL(tay__linear_gather_1, tay__linear_block, TAY__GATHER, TAY__NO_COEFS)
TAY__RUN_KERNEL(tay__linear_gather_s, tay__linear_block, TAY__GATHER, TAY__SPLAT_COEFS)
TAY__RUN_KERNEL(tay__linear_gather_v, tay__linear_block, TAY__GATHER, TAY__VECTOR_COEFS)

/* `members` members from the run's first on, whose coefficients stand side by side, by 1, 2 or 4 vectors of lanes. */
TAY__INLINE void tay__layer_block(const tay__run *run, int members, size_t at, int vectors)
{
    vec sum[TAY__TILE][TAY__BLOCK], x[TAY__BLOCK];
    const real *c = run->coefs, *jet = run->jet + at;

#pragma GCC unroll 6
    for (int m = 0; m < members; m++) {
        vec start = tay__splat(run->n == 0 && run->constants ? run->constants[m] : 0);
#pragma GCC unroll 4
        for (int i = 0; i < vectors; i++) sum[m][i] = start;
    }
    for (uint32_t k = 0; k < run->n_terms; k++, c += run->coef_step) {
        const real *a = jet + run->operands[k];
#pragma GCC unroll 4
        for (int i = 0; i < vectors; i++) x[i] = tay__load(a + i * TAY__WIDTH);
#pragma GCC unroll 6
        for (int m = 0; m < members; m++) {
            vec splat = tay__splat(c[m]);
#pragma GCC unroll 4
            for (int i = 0; i < vectors; i++) sum[m][i] += splat * x[i];
        }
    }
#pragma GCC unroll 6
    for (int m = 0; m < members; m++) {
        tay__store_block(run, tay__result(run, at) + (size_t)m * run->scale, sum[m], vectors);
    }
}

/* All lanes (run->length, a multiple of TAY__LANES) of a tile; few members take more vectors, to have as many sums. */
TAY__INLINE void tay__layer_tile(const tay__run *run, int members)
{
    const size_t w = TAY__WIDTH;

    if (members <= 3 && run->length % (4 * w) == 0) {
        for (size_t at = 0; at < run->length; at += 4 * w) tay__layer_block(run, members, at, 4);
    } else if (run->length % (2 * w) == 0) {
        for (size_t at = 0; at < run->length; at += 2 * w) tay__layer_block(run, members, at, 2);
    } else { /* floats in vectors of 64 bytes: the lanes may be one vector */
        for (size_t at = 0; at < run->length; at += w) tay__layer_block(run, members, at, 1);
    }
}

/* Fills run->operands. */
static void tay__list_operands(tay__run *run, size_t *operands)
{
    for (uint32_t k = 0; k < run->n_terms; k++)
        operands[k] = (size_t)(tay__operand_a(run, k) - run->jet) + tay__order_of(run, k, run->n);
    run->operands = operands;
}

static void tay__layer_1(const void *run) { tay__layer_tile(run, 1); }
static void tay__layer_2(const void *run) { tay__layer_tile(run, 2); }
static void tay__layer_3(const void *run) { tay__layer_tile(run, 3); }
static void tay__layer_4(const void *run) { tay__layer_tile(run, 4); }
static void tay__layer_5(const void *run) { tay__layer_tile(run, 5); }
static void tay__layer_6(const void *run) { tay__layer_tile(run, 6); }

#endif
