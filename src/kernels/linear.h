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

/* The operands' elements from e on of term k. */
TAY__INLINE vec tay__linear_operands(const tay__run *run, uint32_t k, size_t order, size_t e, tay__operands operands)
{
    const int32_t *slots = run->a + k * run->step;

    if (operands == TAY__SAME) return tay__splat(tay__operand_a(run, k)[order]);
    if (operands == TAY__NEXT) return tay__load(tay__operand_a(run, k) + order + e);
    if (operands == TAY__LISTED) return tay__gather(run->jet + order, slots + e);
    return tay__load(run->jet + order + slots[e / TAY__PIECE(run)] + e % TAY__PIECE(run));
}

/* Whether coefficients are divided instead of a state's sum, which then is there sooner. */
TAY__INLINE bool tay__divides_coefs(const tay__run *run)
{
    return TAY__NEARLY(run, run->divisor) && !tay__starts(run);
}

/* Adds terms begin .. end - 1. */
TAY__INLINE void tay__add_linear(vec *sum, const tay__run *run, uint32_t begin, uint32_t end, size_t at, int vectors,
                                 tay__operands operands, tay__coefs coefs)
{
    TAY__UNROLL
    for (uint32_t k = begin; k < end; k++) {
        size_t order = tay__order_of(run, k, run->n);
        const real *c = run->coefs + k * run->coef_step;
        real times = tay__divides_coefs(run) ? run->inverse : 1;
        vec splat = coefs == TAY__SPLAT_COEFS ? tay__splat(*c * times) : (vec){0};
#pragma GCC unroll 4
        for (int i = 0; i < vectors; i++) {
            size_t e = at + (size_t)i * TAY__WIDTH;
            vec x = tay__linear_operands(run, k, order, e, operands);
            if (coefs == TAY__NO_COEFS)
                sum[i] += x * times;
            else
                sum[i] += (coefs == TAY__SPLAT_COEFS ? splat : tay__load(c + e) * times) * x;
        }
    }
}

TAY__INLINE void tay__linear_block(const tay__run *run, size_t at, int vectors, tay__operands operands, tay__coefs coefs)
{
    vec sum[TAY__BLOCK];
    uint32_t n_ones = operands != TAY__PIECES || coefs == TAY__NO_COEFS ? 0 : run->n_ones;

    if (n_ones > run->n_terms) n_ones = run->n_terms; /* not known where that is not: so this loop stays one, too */
    tay__start(sum, run, at, vectors);
    if (n_ones > 0) tay__add_linear(sum, run, 0, n_ones, at, vectors, operands, TAY__NO_COEFS);
    tay__add_linear(sum, run, n_ones, run->n_terms, at, vectors, operands, coefs);
    if (tay__divides_coefs(run)) tay__store_as_is(run, tay__result(run, at), sum, vectors);
    else tay__store_block(run, tay__result(run, at), sum, vectors);
}

/* Pieces are whole vectors, so no block may be moved back; of the last one only the run is stored. */
TAY__INLINE void tay__linear_pieces(const tay__run *run, tay__coefs coefs)
{
    size_t at = 0;

    TAY__LANES_LOOP(tay__linear_block, 4, TAY__PIECES, coefs);
    TAY__LANES_REST(tay__linear_block, TAY__PIECES, coefs);
}

TAY__RUN_KERNEL(tay__linear_shared_1, tay__linear_block, TAY__SAME, TAY__NO_COEFS)
TAY__RUN_KERNEL(tay__linear_shared_s, tay__linear_block, TAY__SAME, TAY__SPLAT_COEFS)
TAY__RUN_KERNEL(tay__linear_shared_v, tay__linear_block, TAY__SAME, TAY__VECTOR_COEFS)
TAY__RUN_KERNEL(tay__linear_contiguous_1, tay__linear_block, TAY__NEXT, TAY__NO_COEFS)
TAY__RUN_KERNEL(tay__linear_contiguous_s, tay__linear_block, TAY__NEXT, TAY__SPLAT_COEFS)
TAY__RUN_KERNEL(tay__linear_contiguous_v, tay__linear_block, TAY__NEXT, TAY__VECTOR_COEFS)
TAY__RUN_KERNEL(tay__linear_gather_1, tay__linear_block, TAY__LISTED, TAY__NO_COEFS)
TAY__RUN_KERNEL(tay__linear_gather_s, tay__linear_block, TAY__LISTED, TAY__SPLAT_COEFS)
TAY__RUN_KERNEL(tay__linear_gather_v, tay__linear_block, TAY__LISTED, TAY__VECTOR_COEFS)

static void tay__linear_pieces_1(const void *run) { tay__linear_pieces(run, TAY__NO_COEFS); }
static void tay__linear_pieces_s(const void *run) { tay__linear_pieces(run, TAY__SPLAT_COEFS); }
static void tay__linear_pieces_v(const void *run) { tay__linear_pieces(run, TAY__VECTOR_COEFS); }

#endif
