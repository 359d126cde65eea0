/*
 * The kernels' blocks as sites for the JIT (site.h): compiled to bitcode by clang, once per real type and bytes of a vector,
 * never linked as machine code. Order 0 of functions calls the table of array functions that the library runs with.
 */
#define TAY__SITES
#include "kernels/drive.h"
#include "kernels/linear.h"
#include "kernels/product.h"
#include "kernels/recurrence.h"
#include "kernels/vmath.h"
#include "kernels/vmath_pow.h"

/* Not restrict: the JIT's function says that, and inlining would turn it into much metadata. */
#define SITE_ARGUMENTS real *jet, const real *packed, real *scratch, uint64_t n, uint64_t at, const tay__site *site

/* site_NAME_VxB for 1, 2, 3 and 4 vectors of B bytes */
#define PASTE_SITE(name, vectors, bytes) tay__site_##name##_##vectors##x##bytes
#define SITE_NAME(name, vectors, bytes) PASTE_SITE(name, vectors, bytes)
#define SITE(name, vectors, ...) SITE_OF(name, vectors, (SITE_ARGUMENTS), __VA_ARGS__)
#define SITE_OF(name, vectors, arguments, ...)                                                                         \
    void SITE_NAME(name, vectors, TAY__VECTOR_BYTES) arguments;                                                        \
    void SITE_NAME(name, vectors, TAY__VECTOR_BYTES) arguments                                                         \
    {                                                                                                                  \
        tay__row rows[TAY__SITE_ROWS];                                                                                 \
        tay__group group;                                                                                              \
        tay__run run;                                                                                                  \
        begin(&run, &group, rows, jet, packed, scratch, n, site);                                                      \
        __VA_ARGS__;                                                                                                   \
    }
/* Vectors narrower than a register come one at a time, at the ends of runs. */
#if TAY__VECTOR_BYTES < 32
#define SITE_WIDE(...)
#else
#define SITE_WIDE SITE
#endif
#define SITES(name, block, ...)                                                                                        \
    SITE(name, 1, block(&run, at, 1, ##__VA_ARGS__))                                                                   \
    SITE_WIDE(name, 2, block(&run, at, 2, ##__VA_ARGS__))                                                              \
    SITE_WIDE(name, 3, block(&run, at, 3, ##__VA_ARGS__))                                                              \
    SITE_WIDE(name, 4, block(&run, at, 4, ##__VA_ARGS__))

#define COEFS ((tay__coefs)site->coef_kind)

TAY__INLINE void begin(tay__run *run, tay__group *group, tay__row *rows, real *jet, const real *packed, const real *scratch,
                       uint64_t n, const tay__site *site)
{
    *run = (tay__run){.group = group,
                      .row = rows,
                      .jet = jet,
                      .plane = site->plane,
                      .scale = site->scale,
                      .n = (uint32_t)n,
                      .n_terms = (uint32_t)*site->n_terms,
                      .y = jet + site->y,
                      .y_order = site->transient ? 0 : n * site->plane,
                      .factor = site->scaled && n > 0 ? (real)n : 1,
                      .length = site->length,
                      .a = site->a,
                      .b = site->b,
                      .step = site->step,
                      .piece = site->piece,
                      .n_ones = (uint32_t)site->n_ones,
                      .coefs = site->coef_kind ? packed + site->coefs : NULL,
                      .coef_step = site->coef_step,
                      .constants = site->start ? jet + site->start : site->has_constant ? packed + site->constants : NULL,
                      .constant_step = site->constant_step,
                      .tile = scratch + site->tile,
                      .n_orders = (uint32_t)site->n_orders,
                      .a_transient = site->a_transient,
                      .outwards = site->outwards,
                      .transient = site->transient,
                      .all_transient = site->all_transient,
                      .turn = (tay__turn)site->turn,
                      .odd = site->odd,
                      .to_state = site->to_state,
                      .fresh = site->fresh,
                      .y_at = site->y};
    group->exponent = site->exponent;
    group->start = (int32_t)site->start;
    group->function = (tay_function)site->function;
    TAY__UNROLL
    for (int m = 0; m < TAY__SITE_ROWS; m++) rows[m] = (tay__row){.first = (int32_t)site->rows[m]};
    rows[0].length = (int32_t)site->row_length;
    if (site->to_state) {
        run->y_order = (n + 1) * site->plane;
        run->divisor = (real)(n + 1);
        run->inverse = 1 / run->divisor;
    }
}

/* x^p for the special exponents. */
TAY__INLINE vec special_power(vec x, double p)
{
    vec root = p == -1 || p == -2 ? tay__splat(1) : __builtin_elementwise_sqrt(x);
    vec y = p == -2 ? x * x : p == -1 || p == 1.5 || p == -1.5 ? x * root : root;
    return p < 0 ? 1 / y : y;
}

/* The same over a run. */
TAY__INLINE void power_special(const tay__run *run)
{
    const real *a = tay__operand_a(run, 0);
    tay__run rest = *run;

    for (size_t i = 0; i < run->length; i += TAY__WIDTH) {
        vec v = special_power(tay__load(a + i), run->group->exponent);
        rest.length = run->length - i;
        tay__store_as_is(&rest, run->y + i, &v, 1);
    }
}

/* Pairs of orders as with several lanes. */
TAY__INLINE void product_block(const tay__run *run, size_t at, int vectors, tay__coefs coefs)
{
    if (run->turn != TAY__FIRST && run->turn != TAY__SECOND)
        tay__product_block(run, at, vectors, TAY__CONTIGUOUS, coefs);
    else
        tay__product_lanes_block(run, at, vectors, run->n_terms, run->turn, coefs, false);
}

TAY__INLINE void square_block(const tay__run *run, size_t at, int vectors, tay__coefs coefs)
{
    if (run->turn != TAY__FIRST && run->turn != TAY__SECOND)
        tay__square_block(run, at, vectors, coefs);
    else
        tay__product_lanes_block(run, at, vectors, run->n_terms, run->turn, coefs, true);
}

/* Order 0 of the functions that vmath.h has, and of powers that are not special. */
#define ARGUMENT(k) tay__load(tay__operand_a(&run, k) + at)
#define VALUE(name) SITE(value_##name, 1, tay__store(run.y + at, tay__v##name(ARGUMENT(0))))

#if TAY__VECTOR_BYTES == 128 /* for pairs of members, see exec/jit_points.c */
VALUE(sin)
VALUE(tanh)
VALUE(sigmoid)
#else

SITES(linear_shared, tay__linear_block, TAY__SAME, COEFS)
SITES(linear_contiguous, tay__linear_block, TAY__NEXT, COEFS)
SITES(linear_gather, tay__linear_block, TAY__LISTED, COEFS)
SITES(linear_pieces, tay__linear_block, TAY__PIECES, COEFS)
SITES(product_shared, tay__product_block, TAY__SHARED, COEFS)
SITES(product_contiguous, product_block, COEFS)
SITES(square, square_block, COEFS)
SITES(quotient, tay__quotient_block)
SITES(power, tay__power_block)
SITES(integral, tay__integral_block)

#define ROWS_BLOCK(run, at, vectors, rows) tay__rows_block(run, rows, at, vectors)
SITES(rows_2, ROWS_BLOCK, 2)
SITES(rows_3, ROWS_BLOCK, 3)

#ifdef TAY__F32
#define PAIR_BYTES 8
#else
#define PAIR_BYTES 16
#endif
#if TAY__VECTOR_BYTES == PAIR_BYTES
#include "kernels/pairs.h"

SITE(product_pair, 1, (void)at, tay__product_pair(&run, NULL, 0))
SITE(sum_pair, 1, (void)at; tay__run with; tay__group sum; tay__row its_rows[TAY__SITE_ROWS];
     begin(&with, &sum, its_rows, jet, packed, scratch, n, site->with);
     tay__product_pair(&run, &with, site->with->coefs_apart))
SITE(linear_pair, 1, (void)at, tay__linear_pair(&run, site->coefs_apart))
#endif

#define TILES(rows)                                                                                                    \
    SITE(tile_##rows, 1, tay__tile_block(&run, rows, at, 1))                                                           \
    SITE_WIDE(tile_##rows, 2, tay__tile_block(&run, rows, at, 2))
TILES(1)
TILES(2)
TILES(3)
TILES(4)
TILES(5)
TILES(6)

VALUE(exp)
VALUE(expm1)
VALUE(log)
VALUE(log1p)
VALUE(sin)
VALUE(cos)
VALUE(tan)
VALUE(sinh)
VALUE(cosh)
VALUE(tanh)
VALUE(sigmoid)
VALUE(atan)
SITE(value_pow, 1, tay__store(run.y + at, tay__vpow(ARGUMENT(0), ARGUMENT(1))))
SITE(value_power, 1, tay__store(run.y + at, tay__vpow(ARGUMENT(0), tay__splat((real)group.exponent))))

/* The whole run, order 0 of other functions and of special powers; order n > 0 of choices. */
SITE(function, 1, tay__function_0(&run))
SITE(power_special, 1, power_special(&run))
SITE(choice, 1, tay__choice_n(&run))

/* Packs order n of the shared a's of a tile, times the coefficients: kernels.c, pack_tiles. */
SITE(pack, 1, do {
    real *to = scratch + site->tile;
    for (uint64_t m = 0; m < site->n_rows; m++) {
        for (uint64_t k = 0; k < run.n_terms; k++) {
            uint64_t i = m * run.n_terms + k;
            real c = site->coef_kind ? run.coefs[i] : 1;
            to[(k * site->n_orders + n) * site->n_rows + m] = c * jet[(uint64_t)site->a[i] + n * site->plane];
        }
    }
    (void)at;
} while (0))
#endif

#if TAY__VECTOR_BYTES == 8 && !defined(TAY__F32)
#include "kernels/advance.h"

/* What is scratch memory elsewhere is where the step is described. */
SITE(advance, 1, (void)at, tay__advance_states((tay__advance *)scratch, jet, run.plane, run.n, run.length))
#endif

#if TAY__VECTOR_BYTES == 64 || TAY__VECTOR_BYTES <= 8
#include "kernels/specialise_points.h"
#endif
#if TAY__VECTOR_BYTES == 32 || TAY__VECTOR_BYTES == 64 || (TAY__VECTOR_BYTES == 16 && defined TAY__F32)
#include "kernels/specialise_lanes.h"
#endif
