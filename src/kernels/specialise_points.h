/*
 * Sites for blocks of points (exec/jit_points.c): the lanes of a slot are a few vectors of points, and the block is the jet of
 * order 0. Most of its operations are those of specialise.c, here is what only blocks of points have.
 */
#ifndef TAY__SPECIALISE_POINTS_H
#define TAY__SPECIALISE_POINTS_H

#include "kernels/layer.h"

/* A function of the table, whose arguments and values are copied, lest a pointer into the block keeps it from registers. */
TAY__INLINE void function_apart(const tay__run *run, tay_function function, uint32_t n, const real *last)
{
    enum { MOST = TAY__BLOCK * TAY__WIDTH };
    real copies[TAY__ARGUMENTS][MOST], y[MOST];
    const real *args[TAY__ARGUMENTS];

    for (uint32_t k = 0; k < n; k++) {
        memcpy(copies[k], tay__operand_a(run, k), run->length * sizeof(real));
        args[k] = copies[k];
    }
    if (last) args[n++] = last;
    TAY__NAME(evaluate)[function](y, args, n, run->length);
    memcpy(run->y, y, run->length * sizeof(real));
}

/* One vector of x^p. */
TAY__INLINE void power_vector(const tay__run *run, size_t at)
{
    real p[TAY__WIDTH];
    tay__run vector = *run;
    double exponent = run->group->exponent;

    if (is_special(exponent)) {
        tay__store(run->y + at, special_power(tay__load(tay__operand_a(run, 0) + at), exponent));
        return;
    }
    tay__store(p, tay__splat((real)exponent));
    vector.length = TAY__WIDTH;
    vector.y += at;
    vector.a_moved += at;
    function_apart(&vector, TAY_POW, 1, p);
}

/* Products at order 0, whose few terms are written out. */
TAY__INLINE void product_point(const tay__run *run, size_t at, int vectors, tay__coefs coefs)
{
    vec sum[TAY__BLOCK];

    tay__start(sum, run, at, vectors);
    TAY__UNROLL
    for (uint32_t k = 0; k < run->n_terms; k++) {
        const real *a = tay__operand_a(run, k) + at, *b = tay__operand_b(run, k) + at, *c = run->coefs + k * run->coef_step;
#pragma GCC unroll 4
        for (int i = 0; i < vectors; i++) {
            vec x = tay__load(a + i * TAY__WIDTH) * tay__load(b + i * TAY__WIDTH);
            sum[i] += coefs == TAY__NO_COEFS ? x : *c * x;
        }
    }
    tay__put_block(tay__result(run, at), sum, vectors);
}

/* A tile of members of a layer, from the one on that is `at` elements behind the first. */
TAY__INLINE void layer_tile(tay__run *run, size_t members, size_t at, int vectors)
{
    size_t block = (size_t)vectors * TAY__WIDTH;
    tay__layer layer = {.run = run, .in = run->jet + run->a[0], .in_step = block, .n_terms = run->n_terms,
                        .coefs = run->coefs + at / block, .coef_step = run->coef_step, .coef_each = 1,
                        .constants = run->constants ? run->constants + at / block : NULL, .out = run->y + at};

    run->scale = block;
    if (members == 4) tay__layer_block(&layer, 0, 4, 0, vectors, TAY__SPLAT_COEFS, false);
    else if (members == 2) tay__layer_block(&layer, 0, 2, 0, vectors, TAY__SPLAT_COEFS, false);
    else tay__layer_block(&layer, 0, 1, 0, vectors, TAY__SPLAT_COEFS, false);
}

SITE(function_apart, 1, (void)at, function_apart(&run, run.group->function, run.n_terms, NULL))
SITE(power_vector, 1, power_vector(&run, at))
SITE(product_point_1, 1, product_point(&run, at, 1, TAY__NO_COEFS))
SITE(product_point_1, 2, product_point(&run, at, 2, TAY__NO_COEFS))
SITE(product_point_s, 1, product_point(&run, at, 1, TAY__SPLAT_COEFS))
SITE(product_point_s, 2, product_point(&run, at, 2, TAY__SPLAT_COEFS))
SITE(layer, 1, layer_tile(&run, site->n_rows, at, 1))
SITE(layer, 2, layer_tile(&run, site->n_rows, at, 2))

#endif
