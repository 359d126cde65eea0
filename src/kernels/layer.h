/*
 * Layers over several lanes: linear groups whose members share the operands a_k and have coefficients c_k of their own are
 * products of a matrix with the operands' lanes. Tiles of members by vectors of lanes load each operand once for all
 * members. The adjoint is the same with the matrix transposed:
 *
 *     forward    y_m = c_m + sum_k C_km a_k
 *     reverse    abar_k += sum_m C_km ybar_m
 *     learning   Cbar_km += sum over orders and lanes of ybar_m a_k
 *
 * The coefficients stand as C[k * step + m], the same for all lanes, or a vector of lanes for each (VECTOR_COEFS).
 *
 * Where the lanes are a part of a vector, several members share one, with their lanes side by side.
 */
#ifndef TAY__LAYER_H
#define TAY__LAYER_H

#include "kernels/run.h"

/* Sums of a tile: members by 1 vector, few enough for the registers; by 2; by 4. */
enum { TAY__TALL = 10, TAY__SQUARE = 6, TAY__FLAT = 3 };

/* One product of a matrix with lanes, at one order. */
typedef struct tay__layer {
    const tay__run *run;
    const real *in, *coefs;
    const int32_t *in_slots; /* operand k: in + in_slots[k] * run->scale; NULL: in + k * in_step */
    size_t in_step, coef_step, coef_each; /* coef_each: from one member's coefficient to the next one's */
    uint32_t n_terms;
    real *out;
    const int32_t *out_slots; /* member m likewise; NULL: out + m * run->scale */
    const real *constants;
} tay__layer;

TAY__INLINE size_t tay__layer_out(const tay__layer *l, uint32_t m)
{
    return (l->out_slots ? (size_t)l->out_slots[m] : m) * l->run->scale;
}

/* Members m .. m + members - 1, lanes at .. at + vectors * TAY__WIDTH - 1. */
TAY__INLINE void tay__layer_block(const tay__layer *l, uint32_t m, int members, size_t at, int vectors, tay__coefs coefs,
                                  bool reverse)
{
    vec sum[TAY__TALL][TAY__BLOCK], x[TAY__BLOCK];
    tay__run rest = *l->run;
    const real *c = l->coefs + m * l->coef_each + (coefs == TAY__VECTOR_COEFS ? at : 0), *in = l->in + at;

    TAY__UNROLL_TO(10)
    for (int j = 0; j < members; j++) {
        TAY__UNROLL_TO(4)
        for (int i = 0; i < vectors; i++) {
            sum[j][i] = (vec){0};
            if (!reverse && l->constants)
                sum[j][i] = coefs == TAY__VECTOR_COEFS
                                ? tay__load(l->constants + (m + (uint32_t)j) * l->coef_each + at + (size_t)i * TAY__WIDTH)
                                : tay__splat(l->constants[m + (uint32_t)j]);
        }
    }
    for (uint32_t k = 0; k < l->n_terms; k++, c += l->coef_step) {
        const real *a = in + (l->in_slots ? (size_t)l->in_slots[k] * l->run->scale : k * l->in_step);
        TAY__UNROLL_TO(4)
        for (int i = 0; i < vectors; i++) x[i] = tay__load(a + i * TAY__WIDTH);
        TAY__UNROLL_TO(10)
        for (int j = 0; j < members; j++) {
            vec splat = coefs == TAY__VECTOR_COEFS ? (vec){0} : tay__splat(c[j]);
            TAY__UNROLL_TO(4)
            for (int i = 0; i < vectors; i++) {
                const real *own = c + (size_t)j * l->coef_each + i * TAY__WIDTH;
                sum[j][i] += (coefs == TAY__VECTOR_COEFS ? tay__load(own) : splat) * x[i];
            }
        }
    }
    TAY__UNROLL_TO(10)
    for (int j = 0; j < members; j++) {
        real *to = l->out + tay__layer_out(l, m + (uint32_t)j) + at;
        TAY__UNROLL_TO(4)
        for (int i = 0; i < vectors; i++) {
            rest.length = i + 1 < vectors ? TAY__WIDTH : rest.scale - at - (size_t)i * TAY__WIDTH; /* the last one may be half */
            vec v = reverse ? sum[j][i] : sum[j][i] * l->run->factor;
            if (reverse) tay__add_block(&rest, to + i * TAY__WIDTH, &v, 1);
            else tay__store_as_is(&rest, to + i * TAY__WIDTH, &v, 1);
        }
    }
}

/* All lanes of a tile; few members take more vectors, to have as many sums. */
TAY__INLINE void tay__layer_tile(const tay__layer *l, uint32_t m, int members, tay__coefs coefs, bool reverse)
{
    const size_t w = TAY__WIDTH, lanes = l->run->scale;
    size_t at = 0;

    if (members <= TAY__FLAT)
        for (; at + 4 * w <= lanes; at += 4 * w) tay__layer_block(l, m, members, at, 4, coefs, reverse);
    if (members <= TAY__SQUARE)
        for (; at + 2 * w <= lanes; at += 2 * w) tay__layer_block(l, m, members, at, 2, coefs, reverse);
    for (; at < lanes; at += w) tay__layer_block(l, m, members, at, 1, coefs, reverse);
}

/* Coefficients of states are divided when they are in place: in each block this would be most of the code. */
static void tay__layer_divide(const tay__run *run, real *y, size_t n)
{
    tay__run rest = *run;

    for (size_t i = 0; i < n; i += TAY__WIDTH) {
        vec v = tay__divide(tay__load(y + i), run->divisor, run->inverse, false);
        rest.length = n - i;
        tay__store_as_is(&rest, y + i, &v, 1);
    }
}

/* Vectors of several members: how many there may be, and how many there are. */
#if TAY__VECTOR_BYTES == 64 && defined TAY__F32
#define TAY__MOST_PARTS 4
#elif TAY__VECTOR_BYTES == 64 || (TAY__VECTOR_BYTES == 32 && defined TAY__F32)
#define TAY__MOST_PARTS 2
#else
#define TAY__MOST_PARTS 1
#endif
TAY__INLINE int tay__parts_of(size_t lanes)
{
    return TAY__MOST_PARTS == 1 || lanes >= TAY__WIDTH ? 1 : (int)(TAY__WIDTH / lanes);
}

#if TAY__MOST_PARTS > 1
#define TAY__PARTS 2
#include "kernels/layer_parts.h"
#undef TAY__PARTS
#endif
#if TAY__MOST_PARTS > 2
#define TAY__PARTS 4
#include "kernels/layer_parts.h"
#undef TAY__PARTS
#endif

/* The lanes at p, in each part of a vector. */
TAY__INLINE vec tay__repeat(const real *p, int parts)
{
    (void)parts;
#if TAY__MOST_PARTS > 2
    if (parts == 4) return tay__repeat_4(p);
#endif
#if TAY__MOST_PARTS > 1
    if (parts == 2) return tay__repeat_2(p);
#endif
    return tay__load(p);
}

/* Of a tile, whose members share vectors, all lanes. */
TAY__INLINE void tay__layer_parts(const tay__layer *l, uint32_t m, size_t members, bool reverse)
{
    (void)l, (void)m, (void)members, (void)reverse;
#if TAY__MOST_PARTS > 2
    if (tay__parts_of(l->run->scale) == 4) tay__layer_tile_4(l, m, members, reverse);
#endif
#if TAY__MOST_PARTS > 1
    if (tay__parts_of(l->run->scale) == 2) tay__layer_tile_2(l, m, members, reverse);
#endif
}

/* Members begin .. end - 1, in tiles of nearly the same size. */
TAY__INLINE void tay__layer_members(const tay__layer *l, uint32_t begin, uint32_t end, tay__coefs coefs, bool reverse)
{
    const size_t lanes = l->run->scale;
    const bool shared = coefs != TAY__VECTOR_COEFS && tay__parts_of(lanes) > 1;
    uint32_t most = coefs == TAY__VECTOR_COEFS ? TAY__FLAT : lanes > TAY__WIDTH ? TAY__SQUARE : TAY__TALL;

    if (shared) most = TAY__PARTS_TILE * TAY__WIDTH;
    for (uint32_t m = begin, left, size; m < end; m += size) {
        left = end - m;
        uint32_t tiles = (left + most - 1) / most;
        size = (left + tiles - 1) / tiles;
        if (coefs == TAY__VECTOR_COEFS && size > TAY__FLAT) __builtin_unreachable();
        switch (shared ? 0 : size) {
        case 0: tay__layer_parts(l, m, size, reverse); break;
        case 1: tay__layer_tile(l, m, 1, coefs, reverse); break;
        case 2: tay__layer_tile(l, m, 2, coefs, reverse); break;
        case 3: tay__layer_tile(l, m, 3, coefs, reverse); break;
        case 4: tay__layer_tile(l, m, 4, coefs, reverse); break;
        case 5: tay__layer_tile(l, m, 5, coefs, reverse); break;
        case 6: tay__layer_tile(l, m, 6, coefs, reverse); break;
        case 7: tay__layer_tile(l, m, 7, coefs, reverse); break;
        case 8: tay__layer_tile(l, m, 8, coefs, reverse); break;
        case 9: tay__layer_tile(l, m, 9, coefs, reverse); break;
        default: tay__layer_tile(l, m, 10, coefs, reverse); break;
        }
        if (!reverse && l->run->divisor != 0) tay__layer_divide(l->run, l->out + m * lanes, size * lanes);
    }
}

#endif
