/*
 * The way back: drivers of the adjoint kernels over segments of rows, and the cotangents of coefficients, which are sums
 * over orders and lanes that wait until all cotangents of a step are known. For several lanes only.
 */
#include "kernels/reverse.h"

#include <math.h>

#include "kernels/adjoint.h"
#include "kernels/drive.h"
#include "kernels/layer.h"

static void reverse_lanes(const tay__pass *pass, const tay__kernel *kernel, const tay__group *group, uint32_t n,
                          const tay__segment *segments, size_t n_segments)
{
    tay__run run;

    tay__begin_run(&run, pass, kernel, group, n);
    for (size_t i = 0; i < n_segments; i++) {
        tay__place_run(&run, pass, &segments[i]);
        kernel->pull(&run);
    }
}

TAY__LANES_KERNEL(settle, tay__settle_block)

/* Layers: products with the transposed matrix, T[m * n_terms + k] for term k of member m of a row. */
static void reverse_layer(const tay__pass *pass, const tay__kernel *kernel, const tay__group *group, uint32_t n,
                          const tay__segment *segments, size_t n_segments)
{
    tay__run run;
    size_t each = pass->coef_lanes;

    tay__begin_run(&run, pass, kernel, group, n);
    for (size_t i = 0; i < n_segments; i++) {
        uint32_t members = (uint32_t)(segments[i].end - segments[i].begin);
        size_t first = group->offset[segments[i].row] + (size_t)segments[i].begin;
        tay__place_run(&run, pass, &segments[i]);
        settle(&run);
        tay__layer layer = {
            .run = &run,
            .in = tay__bar_y(&run, n),
            .in_step = run.scale,
            .n_terms = members,
            .coefs = (const real *)pass->transposed + (kernel->transposed + first * group->n_terms) * each,
            .coef_step = group->n_terms * each,
            .coef_each = each,
            .out = run.bar + n * run.plane,
            .out_slots = run.a,
        };
        if (each > 1)
            tay__layer_members(&layer, 0, group->n_terms, TAY__VECTOR_COEFS, true);
        else
            tay__layer_members(&layer, 0, group->n_terms, TAY__SPLAT_COEFS, true);
    }
}

/* Members that learn at once: their sums, for three operands, fill the registers. */
#if TAY__VECTOR_BYTES == 64
#define LEARNERS 8
#elif TAY__VECTOR_BYTES == 32 || defined TAY__F32
#define LEARNERS 4
#else
#define LEARNERS 2
#endif

/* Element e is the sum of elements e and e ^ s of a, or of b where e has the bit s. */
#define TAY__SAME(e, s) ((e) & (s) ? TAY__WIDTH + (e) : (e))
#define TAY__OTHER(e, s) (TAY__SAME(e, s) ^ (s))
#define TAY__FOLD(a, b, s)                                                                                             \
    (__builtin_shufflevector(a, b, TAY__EACH(TAY__SAME, s)) + __builtin_shufflevector(a, b, TAY__EACH(TAY__OTHER, s)))

/* Element i of part j is element parts i + j of the result. */
#define TAY__INTERLEAVED(e, parts) ((e) / (parts) + (e) % (parts) * (TAY__WIDTH / (parts)))
TAY__INLINE vec tay__interleave(vec v, int parts)
{
    return parts == 4 ? __builtin_shufflevector(v, v, TAY__EACH(TAY__INTERLEAVED, 4))
                      : __builtin_shufflevector(v, v, TAY__EACH(TAY__INTERLEAVED, 2));
}

/* to[i] += the sum of the elements of rows[i], which change; to[parts i + j] += that of part j. */
TAY__INLINE void tay__add_row_sums(real *to, vec *rows, int parts)
{
    const int lanes = TAY__WIDTH / parts, together = lanes < LEARNERS ? lanes : LEARNERS; /* rows that end in one vector */

#pragma GCC unroll 4
    for (int i = 0; i < LEARNERS; i += 2) rows[i] = TAY__FOLD(rows[i], rows[i + 1], 1);
#if LEARNERS > 2
#pragma GCC unroll 2
    for (int i = 0; i < LEARNERS; i += 4) rows[i] = TAY__FOLD(rows[i], rows[i + 2], 2);
#endif
#if LEARNERS > 4
    if (together > 4) rows[0] = TAY__FOLD(rows[0], rows[4], 4);
#endif
    if (parts > 1) {
#pragma GCC unroll 2
        for (int i = 0; i < LEARNERS; i += together)
            tay__store(to + i * parts, tay__load(to + i * parts) + tay__interleave(rows[i], parts));
        return;
    }
    typedef real row_sums __attribute__((vector_size(LEARNERS * sizeof(real)))); /* once in a vector, or twice */
    row_sums all, first, second = {0};
    memcpy(&first, &rows[0], sizeof first);
    if (TAY__WIDTH > LEARNERS) memcpy(&second, (const real *)&rows[0] + TAY__WIDTH - LEARNERS, sizeof second);
    memcpy(&all, to, sizeof all);
    all += first + second;
    memcpy(to, &all, sizeof all);
}

/* The first half of a vector at p, and zeros. */
TAY__INLINE vec tay__load_half(const real *p)
{
    uvec first = {0};

#pragma GCC unroll 8
    for (int i = 0; i < TAY__WIDTH / 2; i++) first[i] = ~(natural)0;
    return tay__keep(first, tay__load(p));
}

/* Sums over orders and lanes of a_k ybar_m, for `terms` operands k from `first` on and `rows` members from m on, of which `left`
 * count: beyond, the last one repeats. Where members share vectors, a row is `parts` of them. */
TAY__INLINE void tay__learn_tile(const tay__run *run, uint32_t first, int terms, size_t m, size_t left, int rows, int parts)
{
    vec sum[3][LEARNERS] = {{{0}}};
    const real *a[3], *y[LEARNERS];
    const size_t whole = parts > 1 ? TAY__WIDTH : run->scale / TAY__WIDTH * TAY__WIDTH;

#pragma GCC unroll 3
    for (int k = 0; k < terms; k++) a[k] = tay__operand_a(run, first + (uint32_t)k);
#pragma GCC unroll 8
    for (int j = 0; j < rows; j++)
        y[j] = tay__bar_y(run, 0) + (m + ((size_t)(j * parts) < left ? (size_t)(j * parts) : left - 1)) * run->scale;
#define REPEATED(p) tay__repeat(p, parts)
#define LEARN(load_a, load, at)                                                                                        \
    do {                                                                                                               \
        vec x[3];                                                                                                      \
        TAY__UNROLL_TO(3)                                                                                              \
        for (int k = 0; k < terms; k++) x[k] = load_a(a[k] + n * run->plane + (at));                                   \
        TAY__UNROLL_TO(8)                                                                                              \
        for (int j = 0; j < rows; j++) {                                                                               \
            vec bar = load(y[j] + n * run->plane + (at));                                                              \
            TAY__UNROLL_TO(3)                                                                                          \
            for (int k = 0; k < terms; k++) sum[k][j] += bar * x[k];                                                   \
        }                                                                                                              \
    } while (0)
    for (uint32_t n = run->n; n < run->n_orders; n++) {
        for (size_t at = 0; at < whole; at += TAY__WIDTH) LEARN(REPEATED, tay__load, at);
        if (parts == 1 && sizeof(real) == sizeof(float) && whole < run->scale) LEARN(tay__load_half, tay__load_half, whole);
    }
#undef REPEATED
#undef LEARN
#pragma GCC unroll 3
    for (int k = 0; k < terms; k++) {
        real *to = run->bar_coefs + (first + (size_t)k) * run->coef_step + m;
        if (left == (size_t)(parts * LEARNERS)) {
            tay__add_row_sums(to, sum[k], parts);
            continue;
        }
        real few[TAY__MOST_PARTS * LEARNERS] = {0};
        tay__add_row_sums(few, sum[k], parts);
        for (size_t j = 0; j < left; j++) to[j] += few[j];
    }
}

/* Members m .. m + left - 1, terms begin .. end - 1. */
TAY__INLINE void tay__learn_terms(const tay__run *run, uint32_t begin, uint32_t end, size_t m, size_t left, int rows, int parts)
{
    for (uint32_t k = begin, terms; k < end; k += terms) {
        terms = end - k < 3 ? end - k : 3;
        if (terms == 3)
            tay__learn_tile(run, k, 3, m, left, rows, parts);
        else if (terms == 2)
            tay__learn_tile(run, k, 2, m, left, rows, parts);
        else
            tay__learn_tile(run, k, 1, m, left, rows, parts);
    }
}

/* All members of a row, in tiles of nearly the same size. */
TAY__INLINE void tay__learn_all(const tay__run *run, uint32_t begin, uint32_t end, size_t members, int parts)
{
    const size_t most = (size_t)parts * LEARNERS;

    for (size_t m = 0, size; m < members; m += size) {
        size_t left = members - m, tiles = (left + most - 1) / most;
        size = (left + tiles - 1) / tiles;
        if (parts > 1 || size == LEARNERS) tay__learn_terms(run, begin, end, m, size, LEARNERS, parts);
        else tay__learn_terms(run, begin, end, m, size, LEARNERS - 1, parts);
    }
}

/* Not inlined: gcc spills more in a function that has all of them. */
static __attribute__((noinline)) void learn_single(const tay__run *run, uint32_t begin, uint32_t end, size_t members)
{
    tay__learn_all(run, begin, end, members, 1);
}

#if TAY__MOST_PARTS > 1
static __attribute__((noinline)) void learn_pairs(const tay__run *run, uint32_t begin, uint32_t end, size_t members)
{
    tay__learn_all(run, begin, end, members, 2);
}
#endif

#if TAY__MOST_PARTS > 2
static __attribute__((noinline)) void learn_fours(const tay__run *run, uint32_t begin, uint32_t end, size_t members)
{
    tay__learn_all(run, begin, end, members, 4);
}
#endif

/* All coefficients of a row of a layer, by so many terms as stay in the first-level cache for all members. */
static void learn_row(const tay__run *run, size_t members)
{
    enum { CACHED = 1 << 14 };
    size_t term = run->n_orders * run->scale * sizeof(real);
    uint32_t most = 3 * term < CACHED ? (uint32_t)(CACHED / (3 * term)) * 3 : 3;
    void (*learn)(const tay__run *, uint32_t, uint32_t, size_t) = learn_single;

#if TAY__MOST_PARTS > 1
    if (tay__parts_of(run->scale) == 2) learn = learn_pairs;
#endif
#if TAY__MOST_PARTS > 2
    if (tay__parts_of(run->scale) == 4) learn = learn_fours;
#endif
    for (uint32_t begin = 0, end; begin < run->n_terms; begin = end) {
        end = run->n_terms - begin < most ? run->n_terms : begin + most;
        learn(run, begin, end, members);
    }
}

/* sum += the lanes of p, or lane by lane if they have numbers of their own. */
TAY__INLINE void tay__gain(real *to, const real *p, size_t length, bool by_lane)
{
    for (size_t e = 0; e < length; e++) to[by_lane ? e : 0] += p[e];
}

static void learn_constants(const tay__run *run, const tay__pass *pass)
{
    if (!run->constants || run->n > 0) return;
    real *to = (real *)pass->packed_bar + run->constant_at;
    const real *y = tay__bar_y(run, 0);

    for (size_t at = 0; at < run->length; at += run->scale)
        tay__gain(to + at / run->scale * pass->coef_lanes, y + at, run->scale, pass->coef_lanes > 1);
}

static void learn_layer(const tay__pass *pass, const tay__kernel *kernel, const tay__group *group, uint32_t from,
                        const tay__segment *segments, size_t n_segments)
{
    tay__run run;

    tay__begin_run(&run, pass, kernel, group, from);
    for (size_t i = 0; i < n_segments; i++) {
        tay__place_run(&run, pass, &segments[i]);
        run.bar_coefs = (real *)pass->packed_bar + run.coef_at;
        learn_row(&run, (size_t)(segments[i].end - segments[i].begin));
        learn_constants(&run, pass);
    }
}

/* Lanes at .. at + TAY__WIDTH - 1 of coefficient n of what term k multiplies. */
TAY__INLINE vec tay__multiplied(const tay__run *run, uint32_t k, uint32_t n, size_t at)
{
    const real *a = tay__operand_a(run, k) + at;
    vec sum = {0};

    if (run->group->primitive == TAY__LINEAR) return tay__load(a + n * run->plane);
    const real *b = tay__operand_b(run, k) + n * run->plane + at;
    for (uint32_t j = 0; j <= n; j++, a += run->plane, b -= run->plane) sum += tay__load(a) * tay__load(b);
    return sum;
}

/* The coefficients of a member of any linear or product group. */
static void learn_member(const tay__run *run, const tay__pass *pass)
{
    for (uint32_t k = 0; run->coefs && k < run->n_terms; k++) {
        real *to = (real *)pass->packed_bar + run->coef_at + k * run->coef_step;
        for (size_t at = 0; at < run->length; at += TAY__WIDTH) {
            vec sum = {0};
            for (uint32_t n = run->n; n < run->n_orders; n++)
                sum += tay__load(tay__bar_y(run, n) + at) * tay__multiplied(run, k, n, at);
            size_t left = run->length - at, n_lanes = left < TAY__WIDTH ? left : TAY__WIDTH;
            tay__gain(to + (pass->coef_lanes > 1 ? at : 0), (const real *)&sum, n_lanes, pass->coef_lanes > 1);
        }
    }
    learn_constants(run, pass);
}

static void learn_members(const tay__pass *pass, const tay__kernel *kernel, const tay__group *group, uint32_t from,
                          const tay__segment *segments, size_t n_segments)
{
    tay__run run;

    tay__begin_run(&run, pass, kernel, group, from);
    for (size_t i = 0; i < n_segments; i++) {
        for (int32_t m = segments[i].begin; m < segments[i].end; m++) {
            tay__place_run(&run, pass, &(tay__segment){segments[i].row, m, m + 1});
            learn_member(&run, pass);
        }
    }
}

static tay__run_function *pull_of(const tay__group *g, tay__coefs coefs)
{
    static tay__run_function *const linear[3] = {tay__linear_back_1, tay__linear_back_s, tay__linear_back_v};
    static tay__run_function *const product[2][3] = {{tay__product_back_1, tay__product_back_s, tay__product_back_v},
                                                {tay__square_back_1, tay__square_back_s, tay__square_back_v}};
    switch (g->primitive) {
    case TAY__LINEAR: return linear[coefs];
    case TAY__PRODUCT: return product[g->square][coefs];
    case TAY__QUOTIENT: return tay__quotient_back;
    case TAY__POWER: return tay__power_back;
    case TAY__INTEGRATE: return tay__integral_back;
    case TAY__CHOICE: return tay__choice_back;
    default: return tay__linear_back_1; /* state */
    }
}

void TAY__NAME(select_reverse)(tay__kernel *kernel, const tay__group *group, size_t lanes, bool lane_coefs)
{
    if (lanes == 1) return;
    kernel->reverse = tay__is_layer(group) ? reverse_layer : reverse_lanes;
    kernel->pull = pull_of(group, tay__coefs_of(group, lane_coefs));
    if (!group->has_coefs && !group->has_constant) return;
    kernel->learn = tay__is_layer(group) && !lane_coefs ? learn_layer : learn_members;
}
