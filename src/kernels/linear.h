/*
 * linear: y_n = [n=0] c + sum_k c_k a_{k,n}.
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
    TAY__UNROLL
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

#endif
