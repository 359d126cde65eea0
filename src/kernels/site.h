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

#include <math.h>

#include "base/base.h"

enum { TAY__SITE_ROWS = 6 }; /* TAY__TILE */

/* What of a sum over orders is added now: all; orders in pairs, or unrolled ones, of which all but the terms with the two newest
 * coefficients are added ahead, before these are computed: run.h. */
typedef enum tay__turn { TAY__ALONE, TAY__FIRST, TAY__SECOND, TAY__AHEAD, TAY__CLOSING } tay__turn;

/* What coefficients of linear and product are: all 1, one number per term and run, or one per term and element. */
typedef enum tay__coefs { TAY__NO_COEFS, TAY__SPLAT_COEFS, TAY__VECTOR_COEFS } tay__coefs;

/* exec/jit_emit.c writes it as a constant, field by field: all fields are pointers, 64-bit integers or doubles. */
typedef struct tay__site {
    const int32_t *a, *b;       /* the operands: term k's at [k * step] */
    const uint8_t *a_transient; /* [n_terms], or NULL */
    const struct tay__site *with; /* sum_pair: the sum of which its products are a term */
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
    uint64_t coef_kind, coefs, coef_step; /* tay__coefs; among the packed coefficients */
    uint64_t coefs_apart; /* pairs: from there to the second row's */
    uint64_t has_constant, constants, constant_step;
    uint64_t start; /* elements from the jet to where the sums start from, or 0: tay__group */
    uint64_t function;
    uint64_t n_orders, tile, n_rows;  /* tiles: where the packed numbers are in the scratch memory */
    uint64_t rows[TAY__SITE_ROWS];    /* elements from the first row of a tile, or pair, to the others */
    uint64_t row_length;
    uint64_t outwards; /* 1: the code is unrolled over the orders */
    uint64_t turn;     /* orders in pairs: tay__turn */
    uint64_t odd;      /* 1: first orders of pairs are odd */
    uint64_t scaled, fresh;            /* lanes: as in tay__kernel */
    uint64_t lane, vectors, coef_each; /* tiles of layers over lanes: first lane, vectors of lanes; tay__layer */
    double exponent;
} tay__site;

/*
 * Steps that code does, the rest of each after its jet (advance.h): the first one in the direction of `limit`, the others towards
 * `target` and shorter than `most`. A step is `safety` times the radius of convergence; one that is not shorter than its limit is
 * for the caller, as is what else code cannot do: then done < n, `limit` is that step's, and the jet that of the last state.
 */
typedef struct tay__advance {
    double *state;
    double *clock; /* coefficient 0 of the time in the jet, or NULL */
    double safety, limit, most;
    tay__time time, target;
    size_t n, done;
    bool last;    /* `limit` is where `target` is */
    bool goes_on; /* the next step can be done likewise: its state is in the jet */
    double h, min_h, max_h; /* of the last step; of all */
} tay__advance;

/* The limit of the next step towards the target. */
static inline void tay__limit_step(tay__advance *advance)
{
    double rest = tay__time_sub(advance->target, advance->time).hi;

    advance->last = fabs(rest) <= advance->most;
    advance->limit = advance->last ? rest : copysign(advance->most, rest);
}

/* Of so many states at most. */
enum { TAY__MOST_ADVANCED = 8 };

/* Whether square roots, products and quotients give x^p (pointwise.h). */
static inline int tay__is_special_power(double p)
{
    return p == -1 || p == -2 || p == 0.5 || p == -0.5 || p == 1.5 || p == -1.5;
}

#endif
