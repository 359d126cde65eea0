/*
 * Bodies that attract each other: x_i'' = G sum_{j != i} m_j d_ij / |d_ij|^3 with d_ij = x_j - x_i.
 *
 * The same relative to body 0 (np1body): this one is at 0, and its acceleration is taken from those of the others.
 *
 * Each pair i, j is made once, with one power (d.d)^(-3/2) for both; bodies without mass attract nothing, so pairs of them
 * do not occur. Where both masses are numbers, the force on j is -m_i/m_j times that on i.
 *
 * Sums go by rounds: in round d each body i with mass meets the one d places behind it, in a circle. So the same term of
 * neighbours' sums comes from neighbouring pairs, and these are differences of neighbours: all of them are runs (program/sort.c).
 * What a body meets as the first of a pair, which has no factor, comes first in its sum. Of few bodies runs would be shorter than
 * vectors; there the same term of most sums is with the same body, as products with one body stand together.
 */
#include "model/arguments.h"
#include "model/workshop.h"
#include "tayra/model.h"

/* Measured: from 5 to 10 bodies a step takes 5 to 13 % longer in rounds, with 12 as long, with 16 less. */
enum { FEWEST_IN_ROUNDS = 12 };

typedef struct bodies {
    tay__workshop w;
    uint32_t n;
    const tay_expr *g;
    const tay_expr **masses;   /* [n] NULL: none */
    const tay_expr **vars;     /* [6 n] position and velocity of each body */
    const tay_expr **terms;    /* [3 n][n] of the accelerations, NULL: none */
    bool relative;             /* to body 0, which rests at 0 and has no variables */
} bodies;

static const char *const prefixes[] = {"x_", "y_", "z_", "vx_", "vy_", "vz_"};

static bool is_number(const tay_expr *e)
{
    return e->kind == TAY_KIND_NUMBER;
}

static tay_status check(const char *call, const void *out, const tay_model_nbody_options *options)
{
    tay_status status = tay__check_model(call, out, options, sizeof *options);
    if (status != TAY_OK) return status;
    if (!options) return tay__error(TAY_ERROR_ARGUMENT, "%s: `options` is NULL", call);
    if (options->n < 2)
        return tay__error(TAY_ERROR_ARGUMENT, "%s: there must be at least 2 bodies, but n = %lu", call,
                          (unsigned long)options->n);
    if (!options->masses) return TAY_OK;
    if (options->n_masses > options->n)
        return tay__error(TAY_ERROR_ARGUMENT, "%s: %zu masses were given, but there are only %lu bodies", call,
                          options->n_masses, (unsigned long)options->n);
    return tay__check_expressions(call, "masses", options->masses, options->n_masses);
}

static void set_masses(bodies *b, const tay_model_nbody_options *options)
{
    for (uint32_t i = 0; i < b->n; i++) {
        if (!options->masses)
            b->masses[i] = tay__number(&b->w, 1.0);
        else if (i < options->n_masses && !(is_number(options->masses[i]) && options->masses[i]->u.number == 0.0))
            b->masses[i] = options->masses[i];
    }
}

static tay_status start(bodies *b, const tay_model_nbody_options *options, bool relative)
{
    tay_status status = TAY_OK;
    *b = (bodies){.w = tay__workshop_open(), .n = options->n, .g = options->gconst, .relative = relative};
    if (!b->g) b->g = tay__number(&b->w, 1.0);
    TAY_TRY(tay__calloc(&b->masses, b->n, sizeof *b->masses));
    TAY_TRY(tay__calloc(&b->vars, 6 * (size_t)b->n, sizeof *b->vars));
    set_masses(b, options);
    for (uint32_t i = 0; i < b->n; i++) {
        for (size_t k = 0; k < 6; k++)
            b->vars[6 * i + k] = relative && i == 0 ? tay__number(&b->w, 0.0) : tay__numbered_variable(&b->w, prefixes[k], i);
    }
out:
    if (status != TAY_OK) b->w.status = status;
    return b->w.status;
}

static tay_status finish(bodies *b)
{
    tay__free(b->masses);
    tay__free(b->vars);
    tay__free(b->terms);
    return tay__workshop_close(&b->w);
}

/* a * b where numbers are multiplied out of the product b too: one number in front. */
static const tay_expr *scale(bodies *b, const tay_expr *a, const tay_expr *factor, const tay_expr *e)
{
    if (is_number(a) && is_number(factor)) return tay__mul(&b->w, tay__mul(&b->w, a, factor), e);
    return tay__mul(&b->w, a, tay__mul(&b->w, factor, e));
}

/* d = x_j - x_i */
static void difference(bodies *b, const tay_expr *d[3], uint32_t i, uint32_t j)
{
    for (uint32_t k = 0; k < 3; k++) d[k] = tay__sub(&b->w, b->vars[6 * (size_t)j + k], b->vars[6 * (size_t)i + k]);
}

/* Term `at` of the acceleration of body i. */
static void put(bodies *b, uint32_t i, uint32_t at, const tay_expr *const acceleration[3])
{
    for (size_t k = 0; k < 3; k++) b->terms[(3 * (size_t)i + k) * b->n + at] = acceleration[k];
}

static void times(bodies *b, const tay_expr *out[3], const tay_expr *const d[3], const tay_expr *factor)
{
    for (int k = 0; k < 3; k++) out[k] = tay__mul(&b->w, d[k], factor);
}

/* What i and j do to each other: terms `at_i` and `at_j`. */
static void attract(bodies *b, uint32_t i, uint32_t at_i, uint32_t j, uint32_t at_j)
{
    const tay_expr *d[3], *on_i[3], *on_j[3], *mi = b->masses[i], *mj = b->masses[j];
    difference(b, d, i, j);
    const tay_expr *r3 = tay__power(&b->w, tay__sum_of_squares(&b->w, d), -1.5);
    if (b->w.status != TAY_OK) return;
    if (mj) {
        times(b, on_i, d, scale(b, mj, b->g, r3));
        put(b, i, at_i, on_i);
    }
    if (mj && is_number(mi) && is_number(mj)) {
        const tay_expr *ratio = tay__number(&b->w, -mi->u.number / mj->u.number);
        for (int k = 0; k < 3; k++) on_j[k] = tay__mul(&b->w, ratio, on_i[k]);
    } else {
        const tay_expr *minus_mi = tay__neg(&b->w, mi);
        if (b->w.status != TAY_OK) return;
        times(b, on_j, d, scale(b, minus_mi, b->g, r3));
    }
    put(b, j, at_j, on_j);
}

/* Where in the sum of the i-th of n bodies with mass what the j-th does to it stands. */
static uint32_t place(uint32_t n, uint32_t i, uint32_t j)
{
    uint32_t behind = (j + n - i) % n;

    if (n < FEWEST_IN_ROUNDS) return n - 1 - j;
    return 2 * behind <= n ? behind - 1 : n / 2 + n - behind - 1;
}

static tay_status attract_all(bodies *b)
{
    tay_status status = TAY_OK;
    uint32_t *heavy = NULL, n = 0;

    TAY_TRY(tay__alloc(&heavy, b->n, sizeof *heavy));
    for (uint32_t i = 0; i < b->n; i++)
        if (b->masses[i]) heavy[n++] = i;
    for (uint32_t d = 1; 2 * d <= n; d++) {
        uint32_t n_pairs = 2 * d < n ? n : d; /* at half the circle each pair comes once */
        for (uint32_t i = 0; i < n_pairs && b->w.status == TAY_OK; i++) {
            uint32_t j = (i + d) % n;
            attract(b, heavy[i], place(n, i, j), heavy[j], place(n, j, i));
        }
    }
    for (uint32_t i = 0; i < n; i++)
        for (uint32_t j = 0; j < b->n && b->w.status == TAY_OK; j++)
            if (!b->masses[j]) attract(b, heavy[i], 0, j, i);
out:
    tay__free(heavy);
    return status;
}

/* The sum of the terms that there are, which are moved to the front. */
static const tay_expr *sum_of(bodies *b, const tay_expr **terms)
{
    uint32_t n = 0;
    for (uint32_t k = 0; k < b->n; k++)
        if (terms[k]) terms[n++] = terms[k];
    return tay__sum(&b->w, terms, n);
}

static tay_status make_system(const char *call, tay_expr **vars, tay_expr **rhs, const tay_model_nbody_options *options,
                              bool relative)
{
    tay_status status = check(call, vars && rhs ? vars : NULL, options);
    bodies b;
    const tay_expr **right = NULL;
    size_t size, first = relative ? 6 : 0;
    if (status != TAY_OK) return status;
    TAY_TRY(start(&b, options, relative));
    TAY_TRY(tay__multiply(&size, 3 * (size_t)b.n, b.n));
    TAY_TRY(tay__calloc(&b.terms, size, sizeof *b.terms));
    TAY_TRY(tay__calloc(&right, 6 * (size_t)b.n, sizeof *right));
    TAY_TRY(attract_all(&b));
    for (size_t i = 0; i < b.n; i++) {
        for (size_t k = 0; k < 3; k++) {
            right[6 * i + k] = b.vars[6 * i + 3 + k];
            right[6 * i + 3 + k] = sum_of(&b, b.terms + (3 * i + k) * b.n);
            if (relative && i > 0) right[6 * i + 3 + k] = tay__sub(&b.w, right[6 * i + 3 + k], right[3 + k]);
        }
    }
    tay__workshop_deliver(&b.w, vars, b.vars + first, 6 * (size_t)b.n - first);
    tay__workshop_deliver(&b.w, rhs, right + first, 6 * (size_t)b.n - first);
out:
    tay__free(right);
    if (status != TAY_OK) b.w.status = status;
    return finish(&b);
}

tay_status tay_model_nbody(tay_expr **vars, tay_expr **rhs, const tay_model_nbody_options *options)
{
    return make_system("tay_model_nbody", vars, rhs, options, false);
}

tay_status tay_model_np1body(tay_expr **vars, tay_expr **rhs, const tay_model_nbody_options *options)
{
    return make_system("tay_model_np1body", vars, rhs, options, true);
}

/* sum over pairs of m_i m_j / r_ij */
static const tay_expr *pairs(bodies *b)
{
    const tay_expr *sum = NULL, *d[3];
    tay__array terms = TAY__ARRAY(const tay_expr *);
    for (uint32_t i = 0; i < b->n && b->w.status == TAY_OK; i++) {
        for (uint32_t j = i + 1; j < b->n && b->w.status == TAY_OK && b->masses[i]; j++) {
            if (!b->masses[j]) continue;
            difference(b, d, i, j);
            const tay_expr *inverse = tay__power(&b->w, tay__sum_of_squares(&b->w, d), -0.5);
            const tay_expr *term = tay__mul(&b->w, tay__mul(&b->w, b->masses[i], b->masses[j]), inverse);
            tay_status status = tay__array_push(&terms, &term);
            if (b->w.status == TAY_OK) b->w.status = status;
        }
    }
    sum = tay__sum(&b->w, terms.data, terms.count);
    tay__array_free(&terms);
    return sum;
}

static const tay_expr *potential(bodies *b)
{
    const tay_expr *sum = pairs(b);
    if (sum && is_number(sum)) return sum; /* no pairs: 0, not -0 */
    return tay__mul(&b->w, tay__neg(&b->w, b->g), sum);
}

/* sum_i m_i e_i, of those that have mass; e NULL: of ones */
static const tay_expr *weighted(bodies *b, const tay_expr *(*e)(bodies *, size_t i, int k), int k)
{
    tay__array terms = TAY__ARRAY(const tay_expr *);
    for (size_t i = 0; i < b->n && b->w.status == TAY_OK; i++) {
        if (!b->masses[i]) continue;
        const tay_expr *term = e ? tay__mul(&b->w, b->masses[i], e(b, i, k)) : b->masses[i];
        tay_status status = tay__array_push(&terms, &term);
        if (b->w.status == TAY_OK) b->w.status = status;
    }
    const tay_expr *sum = tay__sum(&b->w, terms.data, terms.count);
    tay__array_free(&terms);
    return sum;
}

static const tay_expr *square_of_speed(bodies *b, size_t i, int k)
{
    (void)k;
    return tay__sum_of_squares(&b->w, b->vars + 6 * i + 3);
}

static const tay_expr *speed(bodies *b, size_t i, int k)
{
    return b->vars[6 * i + 3 + (size_t)k];
}

/* sum of m_i v_i^2 / 2; relative to body 0 less that of the common motion, (sum of m_i v_i)^2 / (2 sum of m_i) */
static const tay_expr *kinetic(bodies *b)
{
    const tay_expr *sum = weighted(b, square_of_speed, 0), *momentum[3];
    if (b->relative && sum && !is_number(sum)) {
        for (int k = 0; k < 3; k++) momentum[k] = weighted(b, speed, k);
        const tay_expr *square = tay__sum_of_squares(&b->w, momentum);
        sum = tay__sub(&b->w, sum, tay__div(&b->w, square, weighted(b, NULL, 0)));
    }
    return tay__mul(&b->w, tay__number(&b->w, 0.5), sum);
}

static const tay_expr *energy(bodies *b)
{
    return tay__add(&b->w, kinetic(b), potential(b));
}

static tay_status make_scalar(const char *call, tay_expr **out, const tay_model_nbody_options *options, bool relative,
                              const tay_expr *(*f)(bodies *))
{
    tay_status status = check(call, out, options);
    bodies b;
    if (status != TAY_OK) return status;
    if (start(&b, options, relative) == TAY_OK) {
        const tay_expr *e = f(&b);
        tay__workshop_deliver(&b.w, out, &e, 1);
    }
    return finish(&b);
}

tay_status tay_model_nbody_energy(tay_expr **out, const tay_model_nbody_options *options)
{
    return make_scalar("tay_model_nbody_energy", out, options, false, energy);
}

tay_status tay_model_nbody_potential(tay_expr **out, const tay_model_nbody_options *options)
{
    return make_scalar("tay_model_nbody_potential", out, options, false, potential);
}

tay_status tay_model_np1body_energy(tay_expr **out, const tay_model_nbody_options *options)
{
    return make_scalar("tay_model_np1body_energy", out, options, true, energy);
}

tay_status tay_model_np1body_potential(tay_expr **out, const tay_model_nbody_options *options)
{
    return make_scalar("tay_model_np1body_potential", out, options, true, potential);
}
