/*
 * The kernels of the primitives (program/program.h): coefficient n of the members of a group, for one real type, compiled
 * once per instruction set. exec chooses a table, binds each group to a kernel and calls it order by order.
 *
 * A kernel has two halves: `drive` goes through segments of rows and describes each as a run of consecutive elements;
 * `run` computes one run, vector by vector. With several lanes a run is a member's lanes, or a whole row's.
 */
#ifndef TAY__KERNELS_H
#define TAY__KERNELS_H

#include "program/program.h"

/* Members begin <= m < end of row `row`. */
typedef struct tay__segment {
    uint32_t row;
    int32_t begin, end;
} tay__segment;

/* Rows that run together, as a tile, are at most this many; their segments stand together. */
enum { TAY__TILE = 6 };

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
} tay__pass;

typedef struct tay__kernel tay__kernel;

/*
 * With one lane, groups of primitives other than linear must not gather (exec copies their operands to consecutive slots
 * first). Vectors may read up to TAY__WIDTH - 1 elements beyond a row, and write none there.
 */
typedef void tay__drive(const tay__pass *pass, const tay__kernel *kernel, const tay__group *group, uint32_t n,
                        const tay__segment *segments, size_t n_segments);

struct tay__kernel {
    tay__drive *drive;
    void (*run)(const void *run);
    /* Not NULL: to be run for orders begin .. end - 1, as soon as the shared operands have them, before `drive` needs them. */
    void (*prepare)(const tay__pass *pass, const tay__kernel *kernel, const tay__group *group, uint32_t begin, uint32_t end);
    size_t n_scratch; /* elements of scratch memory per order; exec gives them and says where they begin: */
    size_t scratch;
    bool to_state; /* the rows are states: coefficient n, divided by n + 1, goes to their coefficient n + 1 */
};

typedef struct tay__kernels {
    const char *name;
    size_t width; /* elements of a vector */
    tay__kernel (*select)(const tay__group *group, size_t lanes);
    /* packed[i] = coefficient from[i] of: n_numbers numbers, then the prologue's outputs, slots of its jet. */
    void (*pack)(void *packed, const uint32_t *from, size_t n_packed, const double *numbers, size_t n_numbers);
    void (*pack_outputs)(void *packed, const tay__program *program, const void *prologue_jet);
    void (*fill)(void *p, double x, size_t n);
    /* See tay__exec_polynomial, tay__exec_max_norm; NULL for float. */
    void (*polynomial)(double *out, size_t out_stride, const double *jet, size_t plane, uint32_t order, size_t count,
                       const double *h, size_t n_h, bool compensated);
    double (*max_norm)(const double *x, size_t n);
} tay__kernels;

extern const tay__kernels tay__kernels_baseline_f64, tay__kernels_baseline_f32;
extern const tay__kernels tay__kernels_avx2_f64, tay__kernels_avx2_f32;
extern const tay__kernels tay__kernels_avx512_f64, tay__kernels_avx512_f32;

#endif
