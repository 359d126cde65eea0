/*
 * Groups in whole series: what a member's operands have is complete, so that all orders of its product or sum are computed at
 * once, a vector of orders at a time. For this the coefficients of a value stand side by side, in a row of the scratch memory:
 * members without a pattern, whose coefficients of one order are anywhere, need no copies, and use whole lines of the caches.
 */
#ifndef TAY__SERIES_KERNEL_H
#define TAY__SERIES_KERNEL_H

#include "kernels/drive.h"

/* Vectors of a block, whose two sums each stay in registers together with what compilers keep from one order to the next. */
enum { TAY__SERIES_VECTORS = TAY__VECTOR_BYTES > 16 ? TAY__BLOCK : 2 };

/* Coefficient 0 of a slot's row. */
TAY__INLINE real *tay__series_row(const tay__series *series, void *scratch, size_t slot)
{
    return (real *)scratch + series->at + (size_t)series->row_of[slot] * series->stride;
}

/* sum += c a_j b_{m-j}, later += c a_{j+1} b_{m-j-1}, for the orders m of `vectors` vectors, of which b_{m-j} of the first one is
 * at b, or `now`, b_{m-j-1} at b - 1, or `shifted`: two sums do not wait for each other. */
TAY__INLINE void tay__series_pair(vec *sum, vec *later, real c, const real *a, const real *b, vec now, vec shifted, int vectors)
{
    vec x = tay__splat(c * a[0]), next = tay__splat(c * a[1]);

    sum[0] += x * now;
    later[0] += next * shifted;
    TAY__UNROLL_TO(3)
    for (int i = 1; i < vectors; i++) {
        sum[i] += x * tay__load(b + i * TAY__WIDTH);
        later[i] += next * tay__load(b - 1 + i * TAY__WIDTH);
    }
}

/* A vector of what is from `before` elements in front of p on, and zeros in the place of these. */
#define TAY__FROM(e, before) ((e) < (before) ? (e) : TAY__WIDTH + (e))
#define TAY__LOAD_FROM(p, before)                                                                                      \
    __builtin_shufflevector((vec){0}, tay__load((p) - (before)), TAY__EACH(TAY__FROM, before))

/* sum += orders at .. at + vectors * TAY__WIDTH - 1 of c a b; a has n coefficients, and a 0 behind them if n is odd. From j = at
 * on the first vector of orders is complete after TAY__WIDTH more, then the second one, ... */
TAY__INLINE void tay__series_product(vec *sum, real c, const real *a, const real *b, size_t at, size_t n, int vectors)
{
    vec later[TAY__BLOCK] = {{0}};
    size_t j = 0;

    for (; j < at; j += 2) {
        const real *from = b + at - j;
        tay__series_pair(sum, later, c, a + j, from, tay__load(from), tay__load(from - 1), vectors);
    }
#define PAIR(before)                                                                                                   \
    if (j < n)                                                                                                         \
        tay__series_pair(sum + i, later + i, c, a + j, b - (before), TAY__LOAD_FROM(b, before),                        \
                         TAY__LOAD_FROM(b, (before) + 1), vectors - i);                                                \
    j += 2;
    TAY__UNROLL_TO(4)
    for (int i = 0; i < vectors; i++) {
        TAY__EACH_PAIR(PAIR)
    }
#undef PAIR
    tay__add_sums(sum, later, vectors);
}

/* Orders at .. at + vectors * TAY__WIDTH - 1 of a run of one member. */
TAY__INLINE void tay__series_block(const tay__run *run, const tay__series *series, void *scratch, real *y, size_t at, int vectors)
{
    const tay__group *g = run->group;
    vec sum[TAY__BLOCK] = {{0}};

    if (run->constants && at == 0) sum[0][0] = *run->constants;
    for (uint32_t k = 0; k < run->n_terms; k++) {
        const real *a = tay__series_row(series, scratch, (size_t)run->a[k * run->step] + run->a_moved);
        real c = run->coefs ? run->coefs[k * run->coef_step] : 1;
        if (g->primitive == TAY__PRODUCT) {
            const real *b = g->square ? a : tay__series_row(series, scratch, (size_t)run->b[k * run->step] + run->b_moved);
            tay__series_product(sum, c, a, b, at, run->n_orders, vectors);
            continue;
        }
        TAY__UNROLL_TO(4)
        for (int i = 0; i < vectors; i++) sum[i] += c * tay__load(a + at + (size_t)i * TAY__WIDTH);
    }
    tay__put_block(y + at, sum, vectors);
    if (run->n_orders % 2 == 1 && at + (size_t)vectors * TAY__WIDTH > run->n_orders) y[run->n_orders] = 0;
}

typedef void tay__series_function(const tay__run *run, const tay__series *series, void *scratch, real *y, size_t at);

/* Functions of their own, in each of which the sums have all registers. */
#define TAY__SERIES_BLOCK(vectors)                                                                                     \
    static __attribute__((noinline)) void tay__series_##vectors(const tay__run *run, const tay__series *series,        \
                                                                void *scratch, real *y, size_t at)                     \
    {                                                                                                                  \
        tay__series_block(run, series, scratch, y, at, vectors);                                                       \
    }
TAY__SERIES_BLOCK(1)
TAY__SERIES_BLOCK(2)
#if TAY__VECTOR_BYTES > 16
TAY__SERIES_BLOCK(3)
TAY__SERIES_BLOCK(4)
#endif

static tay__series_function *const tay__series_blocks[TAY__SERIES_VECTORS] = {
    tay__series_1, tay__series_2,
#if TAY__VECTOR_BYTES > 16
    tay__series_3, tay__series_4,
#endif
};

static void drive_series(const tay__pass *pass, const tay__kernel *kernel, const tay__group *group, uint32_t n,
                         const tay__segment *segments, size_t n_segments)
{
    const tay__series *series = kernel->series;
    const size_t vectors = (pass->n_orders + TAY__WIDTH - 1) / TAY__WIDTH;
    tay__run run;

    tay__begin_run(&run, pass, kernel, group, n);
    for (size_t i = 0; i < n_segments; i++) {
        for (int32_t m = segments[i].begin; m < segments[i].end; m++) {
            tay__place_run(&run, pass, &(tay__segment){segments[i].row, m, m + 1});
            real *y = tay__series_row(series, pass->scratch, run.y_at);
            for (size_t done = 0; done < vectors; done += TAY__SERIES_VECTORS) {
                size_t left = vectors - done < TAY__SERIES_VECTORS ? vectors - done : TAY__SERIES_VECTORS;
                tay__series_blocks[left - 1](&run, series, pass->scratch, y, done * TAY__WIDTH);
            }
            for (size_t k = 0; series->spread[run.y_at] && k < pass->n_orders; k++) run.y[k * run.plane] = y[k];
        }
    }
}

/* The rows of slots that other groups have computed. */
static void pack_series(const tay__pass *pass, const tay__kernel *kernel, const tay__group *group, uint32_t begin, uint32_t end)
{
    (void)group;
    for (size_t i = 0; i < kernel->n_packed; i++) {
        size_t slot = (size_t)kernel->packed[i];
        real *to = tay__series_row(kernel->series, pass->scratch, slot);
        for (size_t n = begin; n < end; n++) to[n] = ((const real *)pass->jet)[n * pass->plane + slot];
    }
}

#endif
