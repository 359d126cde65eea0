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

/* `members` members from the run's first on, whose coefficients stand side by side, by two vectors of lanes. */
TAY__INLINE void tay__layer_block(const tay__run *run, int members, size_t at, int vectors)
{
    vec sum[TAY__TILE][2];

#pragma GCC unroll 6
    for (int m = 0; m < members; m++) {
        vec start = tay__splat(run->n == 0 && run->constants ? run->constants[m] : 0);
        sum[m][0] = sum[m][1] = start;
    }
    for (uint32_t k = 0; k < run->n_terms; k++) {
        const real *a = tay__operand_a(run, k) + tay__order_of(run, k, run->n) + at, *c = run->coefs + k * run->coef_step;
        vec x[2];
        x[0] = tay__load(a);
        x[1] = vectors > 1 ? tay__load(a + TAY__WIDTH) : (vec){0};
#pragma GCC unroll 6
        for (int m = 0; m < members; m++) {
            vec splat = tay__splat(c[m]);
            sum[m][0] += splat * x[0];
            if (vectors > 1) sum[m][1] += splat * x[1];
        }
    }
#pragma GCC unroll 6
    for (int m = 0; m < members; m++) {
        tay__store_block(run, tay__result(run, at) + (size_t)m * run->scale, sum[m], vectors);
    }
}

/* All lanes (run->length, a multiple of TAY__LANES) of a tile of `members` members. */
TAY__INLINE void tay__layer_tile(const tay__run *run, int members)
{
    if (TAY__WIDTH == 16) { /* floats in vectors of 64 bytes: the lanes may be one vector */
        for (size_t at = 0; at < run->length; at += TAY__WIDTH) tay__layer_block(run, members, at, 1);
        return;
    }
    for (size_t at = 0; at < run->length; at += 2 * TAY__WIDTH) tay__layer_block(run, members, at, 2);
}

static void tay__layer_1(const void *run) { tay__layer_tile(run, 1); }
static void tay__layer_2(const void *run) { tay__layer_tile(run, 2); }
static void tay__layer_3(const void *run) { tay__layer_tile(run, 3); }
static void tay__layer_4(const void *run) { tay__layer_tile(run, 4); }
static void tay__layer_5(const void *run) { tay__layer_tile(run, 5); }
static void tay__layer_6(const void *run) { tay__layer_tile(run, 6); }

#endif
