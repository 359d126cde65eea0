/*
 * Sites: what the JIT calls. A site is one block of one operation: a kernel's block function with everything but the order
 * known when the code is made. specialise.c wraps each block function as
 *
 *     void tay__site_NAME_VxB(jet, packed, scratch, n, at, site)     V vectors of B bytes, from element `at` of the run
 *
 * in LLVM bitcode; the JIT emits calls with pointers to constant sites, and LLVM inlines and folds them.
 */
#ifndef TAY__KERNELS_SITE_H
#define TAY__KERNELS_SITE_H

#include <stdint.h>

enum { TAY__SITE_ROWS = 6 }; /* TAY__TILE */

/* What of a sum over orders is added now: all; orders in pairs, or unrolled ones, of which all but the terms with the two newest
 * coefficients are added ahead, before these are computed: run.h. */
typedef enum tay__turn { TAY__ALONE, TAY__FIRST, TAY__SECOND, TAY__AHEAD, TAY__CLOSING } tay__turn;

/* exec/jit_emit.c writes it as a constant, field by field: all fields are pointers, 64-bit integers or doubles. */
typedef struct tay__site {
    const int32_t *a, *b;       /* the operands: term k's at [k * step] */
    const uint8_t *a_transient; /* [n_terms], or NULL */
    const uint64_t *n_terms;    /* constant; or not, so that LLVM does not unroll the loop over them */
    uint64_t step;
    uint64_t n_ones;    /* linear: the first so many coefficients are 1 */
    uint64_t piece;     /* linear, in pieces: a[k * step + i / piece] + i % piece is element i's */
    uint64_t plane;     /* elements from order to order */
    uint64_t scale;     /* elements from slot to slot: 1, where the operands are elements; or lanes, where they are slots */
    uint64_t y;         /* elements from the jet to coefficient 0 of the result */
    uint64_t transient; /* 1: all orders are written there */
    uint64_t all_transient; /* 1: all operands are; else a_transient */
    uint64_t to_state;  /* 1: coefficient n, divided by n + 1, is coefficient n + 1 of the state there */
    uint64_t length;    /* elements that may be written, if fewer than a vector */
    uint64_t has_coefs, coefs, coef_step; /* among the packed coefficients */
    uint64_t has_constant, constants, constant_step;
    uint64_t start; /* elements from the jet to where the sums start from, or 0: tay__group */
    uint64_t function;
    uint64_t n_orders, tile, n_rows;  /* tiles: where the packed numbers are in the scratch memory */
    uint64_t rows[TAY__SITE_ROWS];    /* elements from the first row of a tile to the others */
    uint64_t row_length;
    uint64_t outwards; /* 1: the code is unrolled over the orders */
    uint64_t turn;     /* orders in pairs: tay__turn */
    uint64_t scaled, fresh;            /* lanes: as in tay__kernel */
    uint64_t lane, vectors, coef_each; /* tiles of layers over lanes: first lane, vectors of lanes; tay__layer */
    double exponent;
} tay__site;

/* Whether square roots, products and quotients give x^p (pointwise.h). */
static inline int tay__is_special_power(double p)
{
    return p == -1 || p == -2 || p == 0.5 || p == -0.5 || p == 1.5 || p == -1.5;
}

#endif
