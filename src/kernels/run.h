/*
 * A run: consecutive elements of one order of a group, all operands of which are consecutive too, stay the same, or are
 * listed one by one. Kernels cut it into blocks of 4, 2 or 1 vectors. The last block of a run that is not a whole number of
 * vectors is moved back to end with the run, so that nothing behind is written; a run shorter than a vector, or what is left
 * of one where no element may come twice, is computed as a whole vector, of which only the run is stored.
 *
 * The block functions take the operands' modes and the number of vectors as constant arguments and are always inlined: one
 * text, many kernels. The order of operations on an element does not depend on its place in a block.
 */
#ifndef TAY__RUN_H
#define TAY__RUN_H

#include "kernels/kernels.h"
#include "kernels/real.h"

/* Before a loop over terms: code made at run time knows how many there are; before one of at most n, which the library's
 * own kernels know, too. */
#ifdef __clang__
#define TAY__UNROLL _Pragma("clang loop unroll(full)")
#define TAY__UNROLL_TO(n) TAY__UNROLL
#else
#define TAY__UNROLL
#define TAY__UNROLL_TO(n) TAY__PRAGMA(GCC unroll n)
#define TAY__PRAGMA(text) _Pragma(#text)
#endif

/* Of code made at run time, known when it is; elsewhere the same for all. */
#ifdef TAY__SITES
#define TAY__OUTWARDS(run) ((run)->outwards)
#define TAY__IS_TRANSIENT(run) ((run)->transient)
#define TAY__ALL_TRANSIENT(run) ((run)->all_transient)
#define TAY__TURN(run) ((run)->turn)
#define TAY__IS_ODD(run) ((run)->odd)
#define TAY__PIECE(run) ((run)->piece)
#else
#define TAY__OUTWARDS(run) false
#define TAY__IS_TRANSIENT(run) false
#define TAY__ALL_TRANSIENT(run) false
#define TAY__TURN(run) TAY__ALONE
#define TAY__IS_ODD(run) true
#define TAY__PIECE(run) 1
#endif

#define TAY__INLINE static inline __attribute__((always_inline))

/* Whether a rounded 1/n will do, see tay__divide: where n is known. */
#define TAY__NEARLY(run, n) (TAY__OUTWARDS(run) && (n) > 8)

/* The most vectors of a block. */
enum { TAY__BLOCK = 4 };

typedef struct tay__run {
    const tay__group *group;
    const tay__row *row; /* its row, and those behind */
    const real *jet;
    size_t plane, scale; /* elements from order to order, from slot to slot */
    uint32_t n, n_terms;
    uint32_t n_ones; /* linear: the first so many coefficients are 1 */
    real *y;             /* coefficient 0 of the first element */
    size_t y_order;      /* from there to where coefficient n goes */
    real divisor, inverse; /* not 0: coefficient n is divided by this before it goes there */
    real factor;           /* or multiplied by this */
    size_t length;
    const int32_t *a, *b; /* the slots of term k are a[k * step] and b[k * step] (+ element, if listed one by one) */
    size_t step;
    size_t a_moved, b_moved; /* elements from the listed slot's to the run's first operand */
    const real *coefs;       /* term k: coefs[k * coef_step] (+ element, if vectors) */
    size_t coef_step;
    const real *constants; /* NULL: none */
    size_t constant_step;  /* 1: one per element; 0: one for all */
    const real *tile;      /* product.h: the packed numbers of the run's tile */
    uint32_t n_orders;
    const uint8_t *a_transient; /* the group's, or NULL where all coefficients are kept */
    /* Of code made at run time only: */
    bool outwards; /* see tay__next_term */
    bool transient, all_transient, odd;
    tay__turn turn;
    size_t piece;
    /* For the way back: cotangents stand at `bar` as coefficients at `jet`; where y, and the coefficients among the
     * packed ones, are from the beginning. */
    real *bar, *bar_coefs;
    bool to_state, fresh;
    size_t y_at, coef_at, constant_at;
} tay__run;

/* Coefficient 0 of the first element of operand k. */
TAY__INLINE const real *tay__operand_a(const tay__run *run, uint32_t k)
{
    return run->jet + (size_t)run->a[k * run->step] * run->scale + run->a_moved;
}

TAY__INLINE const real *tay__operand_b(const tay__run *run, uint32_t k)
{
    return run->jet + (size_t)run->b[k * run->step] * run->scale + run->b_moved;
}

/* From coefficient 0 of operand a_k of a linear group to coefficient n; to itself if a_k is transient. */
TAY__INLINE size_t tay__order_of(const tay__run *run, uint32_t k, uint32_t n)
{
    bool transient = TAY__ALL_TRANSIENT(run) || (run->a_transient && run->a_transient[k]);
    return transient ? 0 : n * run->plane;
}

/* Where coefficient n of element `at` goes. */
TAY__INLINE real *tay__result(const tay__run *run, size_t at)
{
    return run->y + run->y_order + at;
}

/* The next block: its first element, and its number of vectors. */
typedef struct tay__block {
    size_t at;
    int vectors;
} tay__block;

/* The block after the first `*done` elements of a run; 1, 2 or 4 vectors. */
TAY__INLINE tay__block tay__next_block(size_t *done, size_t length)
{
    const size_t w = TAY__WIDTH;
    size_t at = *done, rest = length - at;
    int vectors;

    if (rest >= 4 * w || (rest > 2 * w && length >= 4 * w))
        vectors = 4;
    else if (rest >= 2 * w || (rest > w && length >= 2 * w))
        vectors = 2;
    else
        vectors = 1;
    size_t size = (size_t)vectors * w;
    if (rest < size && length >= size) at = length - size;
    *done = at + size;
    return (tay__block){at, vectors};
}

/* The first n < TAY__WIDTH elements of v: half of it at once, else one by one, as they are read so soon after that a copy in
 * memory would cost time. */
TAY__INLINE void tay__store_few(real *p, vec v, size_t n)
{
    if (n == TAY__WIDTH / 2) {
        memcpy(p, &v, sizeof v / 2);
        return;
    }
    for (int i = 0; i < TAY__WIDTH - 1 && (size_t)i < n; i++) p[i] = v[i];
}

/*
 * a / n to the last bit for small whole n, with inverse = 1/n, where multiply-adds are exact: a times 1/n as a sum of two
 * numbers. A rounded 1/n alone would make energies drift. But it will do where n is large (`nearly`): coefficient n weighs e^-2n
 * in a step, so that a bias of half a unit in its last place is seen after more than 1e10 steps.
 */
TAY__INLINE vec tay__divide(vec a, real n, real inverse, bool nearly)
{
    if (nearly) return a * inverse;
#ifdef __FMA__
    real error = sizeof n == sizeof(float) ? __builtin_fmaf(-(float)n, (float)inverse, 1) : (real)__builtin_fma(-n, inverse, 1);
    return tay__multiply_add(a, tay__splat(inverse), a * (error * inverse));
#else
    (void)inverse;
    return a / n;
#endif
}

/* Stores the vectors of a block, as they are, at y. */
TAY__INLINE void tay__store_as_is(const tay__run *run, real *y, const vec *v, int vectors)
{
    if (vectors == 1 && run->length < TAY__WIDTH) {
        tay__store_few(y, v[0], run->length);
        return;
    }
#pragma GCC unroll 4
    for (int i = 0; i < vectors; i++) tay__store(y + i * TAY__WIDTH, v[i]);
}

/* Stores the vectors of a block at y, divided or multiplied as the run says. */
TAY__INLINE void tay__store_block(const tay__run *run, real *y, const vec *v, int vectors)
{
    vec divided[TAY__BLOCK];

#pragma GCC unroll 4
    for (int i = 0; i < vectors; i++) divided[i] = v[i];
    if (run->divisor != 0) {
#pragma GCC unroll 4
        for (int i = 0; i < vectors; i++)
            divided[i] = tay__divide(v[i], run->divisor, run->inverse, TAY__NEARLY(run, run->divisor));
    }
    if (run->factor != 1) {
#pragma GCC unroll 4
        for (int i = 0; i < vectors; i++) divided[i] *= run->factor;
    }
    tay__store_as_is(run, y, divided, vectors);
}

TAY__INLINE void tay__load_block(vec *v, const real *p, int vectors)
{
#pragma GCC unroll 4
    for (int i = 0; i < vectors; i++) v[i] = tay__load(p + i * TAY__WIDTH);
}

TAY__INLINE void tay__put_block(real *p, const vec *v, int vectors)
{
#pragma GCC unroll 4
    for (int i = 0; i < vectors; i++) tay__store(p + i * TAY__WIDTH, v[i]);
}

/* The way back: adds the vectors of a block to cotangents at p, or writes the first ones. */
TAY__INLINE void tay__add_block(const tay__run *run, real *p, const vec *v, int vectors)
{
    vec sum[TAY__BLOCK];

#pragma GCC unroll 4
    for (int i = 0; i < vectors; i++) sum[i] = run->fresh ? v[i] : tay__load(p + i * TAY__WIDTH) + v[i];
    tay__store_as_is(run, p, sum, vectors);
}

/* Sums of nothing: -0, as x + -0 is x, for compilers too (-0 + 0 is 0). */
TAY__INLINE void tay__begin_sums(vec *sum, int vectors)
{
#pragma GCC unroll 4
    for (int i = 0; i < vectors; i++) sum[i] = tay__splat(-(real)0);
}

TAY__INLINE void tay__add_sums(vec *sum, const vec *other, int vectors)
{
#pragma GCC unroll 4
    for (int i = 0; i < vectors; i++) sum[i] += other[i];
}

/*
 * The i-th of the terms 1 .. n - 1 of a sum over orders, and in *to the sum that takes it. Terms with the newest coefficients
 * come last, the others need not wait for these: kernels add those of 0 and n in the end. A loop takes the rest as they come,
 * in one sum. Unrolled code (`outwards`), of systems so small that all waits for results, goes from the middle outwards, in
 * two sums that come together before the last two terms.
 */
TAY__INLINE uint32_t tay__next_term(vec **to, vec *s, vec *other, uint32_t i, uint32_t n, int vectors, bool outwards)
{
    uint32_t rest = n - 1 - i;

    *to = s;
    if (!outwards) return i;
    for (int k = 0; k < vectors && rest == 1; k++) s[k] += other[k];
    if (rest > 1 && rest % 2 == 1) *to = other;
    return rest % 2 == 0 ? n - 1 - rest / 2 : 1 + rest / 2;
}

/* Of these terms, those that are added now. The two newest coefficients are in the last two, and in those of 0 and n. */
TAY__INLINE uint32_t tay__first_term(uint32_t n, tay__turn turn)
{
    return turn == TAY__CLOSING ? n - 2 : 1;
}

TAY__INLINE uint32_t tay__end_of_terms(uint32_t n, tay__turn turn)
{
    return turn == TAY__AHEAD ? n - 2 : n;
}

/* Whether sums start from something: constants at order 0, or what is in the group's slots. */
TAY__INLINE bool tay__starts(const tay__run *run)
{
    return run->constants && (run->n == 0 || run->group->start);
}

/* The start of a sum: nothing, or that. */
TAY__INLINE void tay__start(vec *sum, const tay__run *run, size_t at, int vectors)
{
    tay__begin_sums(sum, vectors);
    if (!tay__starts(run)) return;
    if (run->constant_step) {
#pragma GCC unroll 4
        for (int i = 0; i < vectors; i++) sum[i] = tay__load(run->constants + at + (size_t)i * TAY__WIDTH);
    } else {
#pragma GCC unroll 4
        for (int i = 0; i < vectors; i++) sum[i] = tay__splat(*run->constants);
    }
}

/* Defines the kernel `name` of a block function block(run, at, vectors, ...). */
#define TAY__RUN_KERNEL(name, block, ...)                                                                              \
    static void name(const void *p)                                                                                    \
    {                                                                                                                  \
        const tay__run run_ = *(const tay__run *)p, *run = &run_; /* no store can change it */                         \
        for (size_t done = 0; done < run->length;) {                                                                   \
            tay__block next = tay__next_block(&done, run->length);                                                     \
            if (next.vectors == 4)                                                                                     \
                block(run, next.at, 4, ##__VA_ARGS__);                                                                 \
            else if (next.vectors == 2)                                                                                \
                block(run, next.at, 2, ##__VA_ARGS__);                                                                 \
            else                                                                                                       \
                block(run, next.at, 1, ##__VA_ARGS__);                                                                 \
        }                                                                                                              \
    }

/*
 * Kernels over lanes, whose runs are whole vectors; in float the last one may be half a vector. They take orders in pairs, to
 * read coefficients once for two sums: order n, odd, also sums what it has of order n + 1,
 *
 *     s = sum_{j=0..n} a_j b_{n-j},    next = sum_{j=1..n} a_j b_{n+1-j}
 *
 * and leaves that where coefficient n + 1 goes; there a_0 b_{n+1} + a_{n+1} b_0 are all that is missing. Code made at run time
 * does so with one lane, too.
 */
TAY__INLINE tay__turn tay__turn_of(const tay__run *run)
{
    if (run->n < 3 || run->to_state) return TAY__ALONE; /* behind a state's last coefficient there is no room */
    return run->n % 2 == 1 ? TAY__FIRST : TAY__SECOND;
}

/* Where what the first of a pair has of the second one's sum stays meanwhile, or a sum that is begun ahead. A transient
 * coefficient has room behind; there, a sum is begun before that of the order before has been taken. */
TAY__INLINE real *tay__partial(const tay__run *run, size_t at, tay__turn turn)
{
    size_t planes = turn == TAY__FIRST ? 1 : 0;

    if (TAY__IS_TRANSIENT(run) && !run->to_state) planes = turn == TAY__AHEAD || turn == TAY__CLOSING ? 1 + run->n % 2 : 1;
    return tay__result(run, at) + planes * run->plane;
}

/* Puts a sum that is begun ahead there. */
TAY__INLINE void tay__put_ahead(const tay__run *run, size_t at, const vec *sum, int vectors)
{
    tay__store_as_is(run, tay__partial(run, at, TAY__AHEAD), sum, vectors);
}

/* With one lane: a sum as it is when its turn comes; where it goes then. */
TAY__INLINE void tay__begin_turn(vec *sum, const tay__run *run, size_t at, int vectors, tay__turn turn)
{
    if (turn == TAY__CLOSING) tay__load_block(sum, tay__partial(run, at, turn), vectors);
    else tay__start(sum, run, at, vectors);
}

TAY__INLINE void tay__end_turn(const tay__run *run, size_t at, const vec *sum, int vectors, tay__turn turn)
{
    if (turn == TAY__AHEAD) tay__put_ahead(run, at, sum, vectors);
    else tay__store_block(run, tay__result(run, at), sum, vectors);
}

/* A run's blocks from element `at` on, of so many vectors. */
#define TAY__LANES_LOOP(block, vectors, ...)                                                                           \
    for (; at + vectors * TAY__WIDTH <= run->length; at += vectors * TAY__WIDTH) block(run, at, vectors, ##__VA_ARGS__)

/* Its last vectors, one by one. */
#define TAY__LANES_REST(block, ...)                                                                                    \
    for (tay__run rest_ = *run; at < run->length; at += TAY__WIDTH) {                                                  \
        rest_.length = run->length - at;                                                                               \
        block(&rest_, at, 1, ##__VA_ARGS__);                                                                           \
    }

/* Defines the kernel `name` of block(run, at, vectors, ...). No element may come twice. */
#define TAY__LANES_KERNEL(name, block, ...)                                                                            \
    static void name(const void *p)                                                                                    \
    {                                                                                                                  \
        const tay__run run_ = *(const tay__run *)p, *run = &run_; /* no store can change it */                         \
        size_t at = 0;                                                                                                 \
        TAY__LANES_LOOP(block, 4, ##__VA_ARGS__);                                                                      \
        TAY__LANES_REST(block, ##__VA_ARGS__);                                                                         \
    }

/* The same of block(run, at, vectors, n_terms, turn, ...), made for each turn where there is one term. */
#define TAY__LANES_TURNS(block, turn, ...)                                                                             \
    do {                                                                                                               \
        size_t at = 0;                                                                                                 \
        if (run->n_terms > 1) TAY__LANES_LOOP(block, 4, run->n_terms, turn, ##__VA_ARGS__);                            \
        else if (turn == TAY__FIRST) TAY__LANES_LOOP(block, 4, 1, TAY__FIRST, ##__VA_ARGS__);                          \
        else if (turn == TAY__SECOND) TAY__LANES_LOOP(block, 4, 1, TAY__SECOND, ##__VA_ARGS__);                        \
        else TAY__LANES_LOOP(block, 4, 1, TAY__ALONE, ##__VA_ARGS__);                                                  \
        TAY__LANES_REST(block, run->n_terms, turn, ##__VA_ARGS__);                                                     \
    } while (0)

#define TAY__PAIRS_KERNEL(name, block, ...)                                                                            \
    static void name(const void *p)                                                                                    \
    {                                                                                                                  \
        const tay__run run_ = *(const tay__run *)p, *run = &run_;                                                      \
        tay__turn turn = tay__turn_of(run);                                                                            \
        TAY__LANES_TURNS(block, turn, ##__VA_ARGS__);                                                                  \
    }

#endif
