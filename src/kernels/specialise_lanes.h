/*
 * Sites for operations over lanes (exec/jit_lanes.c): what specialise.c does not have, forward and on the way back. There
 * `scratch` is the cotangents of the jet, and coefficients of orders below n_orders are known.
 */
#ifndef TAY__SPECIALISE_LANES_H
#define TAY__SPECIALISE_LANES_H

#include "kernels/adjoint.h"
#include "kernels/layer.h"

#define SITE_BACK(name, vectors, ...)                                                                                  \
    SITE_OF(name, vectors, (SITE_ARGUMENTS, uint64_t n_orders), run.bar = scratch; run.n_orders = (uint32_t)n_orders;  \
            __VA_ARGS__)
/* Runs over lanes are long: blocks of four vectors, and what is left. */
#if TAY__VECTOR_BYTES < 32
#define SITE_BACK_WIDE(...)
#else
#define SITE_BACK_WIDE SITE_BACK
#endif
#define SITES_BACK(name, block, ...)                                                                                   \
    SITE_BACK(name, 1, block(&run, at, 1, ##__VA_ARGS__))                                                              \
    SITE_BACK_WIDE(name, 4, block(&run, at, 4, ##__VA_ARGS__))

/* A tile of a layer: members m .. m + site->n_rows - 1, site->vectors vectors of lanes from site->lane on, or all lanes where
 * members share vectors. */
TAY__INLINE void lanes_layer_tile(const tay__layer *layer, size_t m, const tay__site *site, bool reverse)
{
    if (tay__parts_of(layer->run->scale) > 1) tay__layer_parts(layer, (uint32_t)m, site->n_rows, reverse);
    else tay__layer_block(layer, (uint32_t)m, (int)site->n_rows, site->lane, (int)site->vectors, COEFS, reverse);
}

TAY__INLINE void lanes_layer(const tay__run *run, size_t m, const tay__site *site)
{
    tay__layer layer = {.run = run,
                        .in = run->jet + run->n * run->plane,
                        .in_slots = run->a,
                        .n_terms = run->n_terms,
                        .coefs = run->coefs,
                        .coef_step = run->coef_step,
                        .coef_each = site->coef_each,
                        .constants = run->constants,
                        .out = run->y + run->y_order};

    lanes_layer_tile(&layer, m, site, false);
    size_t left = run->scale - site->lane, lanes = site->vectors * TAY__WIDTH;
    for (size_t j = 0; j < site->n_rows && run->divisor != 0; j++)
        tay__layer_divide(run, layer.out + (m + j) * run->scale + site->lane, left < lanes ? left : lanes);
}

/* The same on the way back, where members are operands; `packed` are the transposed coefficients. */
TAY__INLINE void lanes_layer_back(const tay__run *run, size_t m, const tay__site *site)
{
    tay__layer layer = {.run = run,
                        .in = tay__bar_y(run, run->n),
                        .in_step = run->scale,
                        .n_terms = run->n_terms,
                        .coefs = run->coefs,
                        .coef_step = run->coef_step,
                        .coef_each = site->coef_each,
                        .out = run->bar + run->n * run->plane,
                        .out_slots = run->a};

    lanes_layer_tile(&layer, m, site, true);
}

TAY__INLINE void integral_lanes(const tay__run *run, size_t at, int vectors)
{
    tay__integral_lanes_block(run, at, vectors, run->n_terms, run->turn);
}

TAY__INLINE void integral_back(const tay__run *run, size_t at, int vectors)
{
    tay__integral_adjoint(run, at, vectors, run->n_terms, run->turn);
}

SITE(integral_lanes, 1, integral_lanes(&run, at, 1))
SITE_WIDE(integral_lanes, 4, integral_lanes(&run, at, 4))
SITE(lanes_layer, 1, lanes_layer(&run, at, site))

SITE_BACK(lanes_layer_back, 1, lanes_layer_back(&run, at, site))
SITES_BACK(settle, tay__settle_block)
SITES_BACK(linear_back, tay__linear_adjoint, COEFS)
SITES_BACK(product_back, tay__product_adjoint, COEFS, false)
SITES_BACK(square_back, tay__product_adjoint, COEFS, true)
SITES_BACK(quotient_back, tay__quotient_adjoint)
SITES_BACK(power_back, tay__power_adjoint)
SITES_BACK(integral_back, integral_back)
SITE_BACK(choice_back, 1, tay__choice_back(&run))

#endif
