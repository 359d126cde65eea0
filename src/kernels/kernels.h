/*
 * The kernels of the primitives (program/program.h): coefficient n of the members of a group, for one real type, compiled
 * once per instruction set. exec chooses a table, binds each group to a kernel and calls it order by order.
 *
 * A kernel has two halves: `drive` goes through segments of rows and describes each as a run of consecutive elements;
 * `run` computes one run, vector by vector. With several lanes a run is a member's lanes, or a whole row's.
 */
#ifndef TAY__KERNELS_H
#define TAY__KERNELS_H

#include "kernels/radius.h"
#include "kernels/site.h"
#include "kernels/vmath_huge.h"
#include "program/program.h"

/* Members begin <= m < end of row `row`. */
typedef struct tay__segment {
    uint32_t row;
    int32_t begin, end;
} tay__segment;

/* Rows that run together, as a tile, are at most this many; their segments stand together. */
enum { TAY__TILE = 6 };

/* A tile of a layer over lanes whose members share vectors (layer_parts.h): so many vectors of coefficients, of a member each. */
enum { TAY__PARTS_TILE = 2 };

/* How many of `left` rows the next tile takes, such that no tile of one or two is left over. */
static inline uint32_t tay__tile_rows(uint32_t left)
{
    return left <= TAY__TILE ? left : left <= 8 ? 4 : TAY__TILE;
}

/* Where the numbers are: coefficient n of slot s in lane l is jet[n * plane + s * lanes + l]. */
typedef struct tay__pass {
    void *jet;
    size_t plane, lanes;
    const void *packed;
    void *scratch;
    uint32_t n_orders; /* of coefficients of values: 0 .. n_orders - 1 */
    bool keep;         /* transient coefficients too */
    size_t coef_lanes; /* 1; or lanes, if these have coefficients of their own: number i of lane l is packed[i * lanes + l] */
    /* The way back: cotangents of the jet and of the packed coefficients; layers' coefficients with rows and columns
     * exchanged. */
    void *bar, *packed_bar;
    const void *transposed;
} tay__pass;

typedef struct tay__kernel tay__kernel;

/* Whole series (series.h): coefficient n of a slot is at [at + row_of[slot] * stride + n] of the scratch memory, behind
 * TAY__SERIES_ROOM bytes that kernels read, and do not use. */
enum { TAY__SERIES_ROOM = 64 };
typedef struct tay__series {
    uint32_t many; /* tables of so many members are not among them */
    size_t at, stride;
    size_t call;     /* bytes to where machine code finds how these groups are called (exec/bound.h) */
    int32_t *row_of; /* [slots]; -1: there is no row */
    bool *spread;    /* [slots] whether coefficients of the row go to the jet, too */
} tay__series;

/*
 * With one lane, groups of primitives other than linear must not gather (exec copies their operands to consecutive slots
 * first). Vectors may read up to TAY__WIDTH - 1 elements beyond a row, and write none there.
 */
typedef void tay__drive(const tay__pass *pass, const tay__kernel *kernel, const tay__group *group, uint32_t n,
                        const tay__segment *segments, size_t n_segments);

/* One run (run.h). */
typedef void tay__run_function(const void *run);

struct tay__kernel {
    tay__drive *drive;
    tay__run_function *run;
    /* Not NULL: to be run for orders begin .. end - 1, as soon as the shared operands have them, before `drive` needs them. */
    void (*prepare)(const tay__pass *pass, const tay__kernel *kernel, const tay__group *group, uint32_t begin, uint32_t end);
    size_t n_scratch; /* elements of scratch memory per order; exec gives them and says where they begin: */
    size_t scratch;
    bool to_state; /* the rows are states: coefficient n, divided by n + 1, goes to their coefficient n + 1 */
    bool fresh;    /* the way back: no operand has a cotangent yet, and none comes twice */
    bool scaled;   /* linear: coefficient n > 0 times n is kept, as the integrals over lanes read it */
    const tay__series *series; /* not NULL: all orders at once, called for order 0 */
    const int32_t *packed;     /* [n_packed] then: slots that are to be copied from the jet to their rows before */
    size_t n_packed;
    size_t transposed; /* layers over lanes: where their transposed coefficients begin */
    /* The adjoint of `drive`, orders falling; that of the coefficients, for all orders from n on, when all cotangents are known.
     * NULL with one lane. */
    tay__drive *reverse, *learn;
    tay__run_function *pull; /* what `reverse` calls for a run */
};

/* The operands of linear; in pieces: each vector's are consecutive, of which the first one is listed (for code made at run time,
 * of each piece). */
typedef enum tay__operands {
    TAY__SAME = TAY__SHARED,
    TAY__NEXT = TAY__CONTIGUOUS,
    TAY__LISTED = TAY__GATHER,
    TAY__PIECES
} tay__operands;

/* Those of a group; stride: its own, or CONTIGUOUS over lanes. */
static inline tay__operands tay__operands_of(const tay__group *g, tay__stride stride)
{
    return g->piece > 0 ? TAY__PIECES : (tay__operands)stride;
}

/* How a group's coefficients come: a vector at once (of members with coefficients of their own, of lanes), or one for all. */
static inline tay__coefs tay__coefs_of(const tay__group *g, bool vectors)
{
    return !g->has_coefs ? TAY__NO_COEFS : vectors ? TAY__VECTOR_COEFS : TAY__SPLAT_COEFS;
}

/* Whether, over lanes, a group is a product of a matrix with its shared operands. */
static inline bool tay__is_layer(const tay__group *g)
{
    return g->primitive == TAY__LINEAR && g->a_stride == TAY__SHARED && g->has_coefs && g->varying_coefs;
}

typedef struct tay__kernels {
    const char *name;
    size_t width;      /* elements of a vector */
    size_t most_parts; /* members that may share one, 1, 2 or 4: layer.h */
    const void *evaluate; /* functions.h: the array functions, for code that is made at run time */
    tay__kernel (*select)(const tay__group *group, size_t lanes, bool lane_coefs);
    tay__kernel (*select_series)(const tay__series *series);
    /* The packed coefficients that are numbers; those that are outputs of the prologue, whose jet has `lanes` lanes. `each` times
     * (coef_lanes). */
    void (*pack)(void *packed, size_t each, const tay__program *program);
    void (*pack_outputs)(void *packed, size_t each, const tay__program *program, const void *prologue_jet, size_t lanes);
    void (*fill)(void *p, double x, size_t n);
    /* See tay__exec_polynomial, tay__exec_max_norm; NULL for float. */
    void (*polynomial)(double *out, size_t out_stride, double *end, const double *jet, size_t plane, uint32_t order,
                       size_t count, const double *h, size_t n_h, bool compensated);
    double (*max_norm)(const double *x, size_t n);
    /* See tay__exec_lane_polynomial ...; n elements are n / lanes slots. NULL for float. */
    void (*lane_polynomial)(double *out, const double *jet, size_t plane, uint32_t order, size_t n, size_t lanes,
                            const double *h, size_t n_h);
    void (*lane_derivative)(double *out, const double *jet, size_t plane, uint32_t order, size_t n, size_t lanes,
                            const double *h, size_t n_h);
    void (*lane_polynomial_adjoint)(double *bar, const double *y_bar, size_t plane, uint32_t order, size_t n, size_t lanes,
                                    const double *h, size_t n_h);
    void (*lane_norms)(double *out, const double *x, size_t n, size_t lanes);
    void (*rows_to_lanes)(double *x, double *const *rows, size_t n, size_t lanes);
    void (*lanes_to_rows)(double *x, double *const *rows, size_t n, size_t lanes);
    /* Double to float and back, n slots with factors for each lane (lanes.h); NULL for float. */
    void (*narrow)(float *to, const double *from, size_t lanes, size_t n, const double *factor);
    void (*widen)(double *to, const float *from, size_t lanes, size_t n, const double *factor, bool add);
} tay__kernels;

extern const tay__kernels tay__kernels_baseline_f64, tay__kernels_baseline_f32;
extern const tay__kernels tay__kernels_avx2_f64, tay__kernels_avx2_f32;
extern const tay__kernels tay__kernels_avx512_f64, tay__kernels_avx512_f32;

#endif
