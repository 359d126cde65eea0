/*
 * Sites for blocks of points (exec/jit_points.c): the lanes of a slot are one vector of points, and the block is the jet of
 * order 0. Sums, quotients and functions are those of specialise.c, here is what only points have.
 */
#ifndef TAY__SPECIALISE_POINTS_H
#define TAY__SPECIALISE_POINTS_H

#include "kernels/layer.h"

/* A function of the table, whose arguments and values are copied, lest a pointer into the block keeps it from registers. */
TAY__INLINE void function_apart(const tay__run *run, size_t at)
{
    real copies[TAY__ARGUMENTS][TAY__WIDTH], y[TAY__WIDTH];
    const real *args[TAY__ARGUMENTS];

    for (uint32_t k = 0; k < run->n_terms; k++) {
        memcpy(copies[k], tay__operand_a(run, k) + at, sizeof y);
        args[k] = copies[k];
    }
    TAY__NAME(evaluate)[run->group->function](y, args, run->n_terms, TAY__WIDTH);
    memcpy(run->y + at, y, sizeof y);
}

/* Products at order 0, whose terms are written out if they are few. */
TAY__INLINE void product_point(const tay__run *run, size_t at, tay__coefs coefs)
{
    vec sum;

    tay__start(&sum, run, at, 1);
    TAY__UNROLL
    for (uint32_t k = 0; k < run->n_terms; k++) {
        vec a = tay__load(tay__operand_a(run, k) + at);
        if (coefs != TAY__NO_COEFS) a *= run->coefs[k * run->coef_step];
        sum += a * tay__load(tay__operand_b(run, k) + at);
    }
    tay__store(run->y + at, sum);
}

/* The sine, and in the slot of row 1 the cosine. */
TAY__INLINE void sincos_point(const tay__run *run, size_t at)
{
    vec sine, cosine;

    tay__vsincos(&sine, &cosine, tay__load(tay__operand_a(run, 0) + at));
    tay__store(run->y + at, sine);
    tay__store(run->y + at + run->row[1].first, cosine);
}

/* A tile of members of a layer, from the one on that is `at` elements behind the first. */
TAY__INLINE void layer_tile(tay__run *run, size_t members, size_t at)
{
    size_t m = at / TAY__WIDTH;
    tay__layer layer = {.run = run, .in = run->jet + run->a[0], .in_step = TAY__WIDTH, .n_terms = run->n_terms,
                        .coefs = run->coefs + m, .coef_step = run->coef_step, .coef_each = 1,
                        .constants = run->constants ? run->constants + m : NULL, .out = run->y + at};

    run->scale = TAY__WIDTH;
    if (members == 8) tay__layer_block(&layer, 0, 8, 0, 1, TAY__SPLAT_COEFS, false);
    else if (members == 4) tay__layer_block(&layer, 0, 4, 0, 1, TAY__SPLAT_COEFS, false);
    else if (members == 2) tay__layer_block(&layer, 0, 2, 0, 1, TAY__SPLAT_COEFS, false);
    else tay__layer_block(&layer, 0, 1, 0, 1, TAY__SPLAT_COEFS, false);
}

SITE(function_apart, 1, function_apart(&run, at))
SITE(power_point, 1, tay__store(run.y + at, special_power(ARGUMENT(0), group.exponent)))
SITE(product_point, 1, product_point(&run, at, COEFS))
SITE(sincos, 1, sincos_point(&run, at))
SITE(layer, 1, layer_tile(&run, site->n_rows, at))

#endif
