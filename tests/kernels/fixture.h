/*
 * Programs of one group, made by hand with random rows, operands and coefficients, and run on random jets by exec and by
 * the plain interpreter (tests/program/interpret.h). All other slots hold guards, which must not change.
 */
#ifndef TAY__TEST_FIXTURE_H
#define TAY__TEST_FIXTURE_H

#include "exec/exec.h"
#include "program/interpret.h"
#include "program/values.h"
#include "support/check.h"

/* Operands stand in the first slots, in a zone of their own for divisors, results behind. */
enum { OPERANDS = 64, RESULTS = 70, MAX_ROWS = 4, MAX_LENGTH = 40 };

typedef struct shape_spec {
    tay__primitive primitive;
    tay_function function;
    uint32_t n_terms;
    tay__stride a, b;
    bool square, coefs, varying, constant, tiled;
    double exponent;
} shape_spec;

static uint64_t seed = 1;

static inline uint32_t draw(uint32_t n)
{
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(seed >> 33) % n;
}

/* Between -1 and 1, exact in single precision. */
static inline double draw_real(void)
{
    return (double)((int32_t)draw(1 << 20) - (1 << 19)) / (1 << 19);
}

static inline int32_t *draw_slots(tay__program *p, const tay__group *g, tay__stride stride, bool tiled)
{
    size_t n = (size_t)g->n_terms * (stride == TAY__GATHER ? (size_t)g->pitch : g->n_rows);
    int32_t *slots;

    assert_ok(tay__alloc_kept(&slots, &p->allocations, n + 1, sizeof *slots));
    for (size_t i = 0; i < n; i++) {
        if (tiled && i >= g->n_terms)
            slots[i] = slots[i - g->n_terms];
        else
            slots[i] = (int32_t)draw(stride == TAY__CONTIGUOUS ? OPERANDS - MAX_LENGTH : OPERANDS);
    }
    return slots;
}

/* Rows with a guard slot or more between them. */
static inline void draw_rows(tay__program *p, tay__group *g, const shape_spec *spec)
{
    tay__row *rows;
    uint32_t *offset;
    int32_t next = RESULTS, length = 1 + (int32_t)draw(MAX_LENGTH);

    g->n_rows = spec->a == TAY__GATHER ? 1 : 1 + draw(MAX_ROWS);
    if (spec->tiled) g->n_rows = 1 + draw(14);
    assert_ok(tay__alloc_kept(&rows, &p->allocations, g->n_rows, sizeof *rows));
    assert_ok(tay__alloc_kept(&offset, &p->allocations, g->n_rows, sizeof *offset));
    for (uint32_t r = 0; r < g->n_rows; r++) {
        if (!spec->tiled) length = 1 + (int32_t)draw(MAX_LENGTH);
        next += 1 + (int32_t)draw(3);
        rows[r] = (tay__row){.first = next, .length = length, .tile = spec->tiled ? (int32_t)(g->n_rows - r) : 1};
        offset[r] = g->n_members;
        g->n_members += (uint32_t)length;
        next += length;
    }
    g->rows = rows;
    g->offset = offset;
    if (spec->a == TAY__GATHER) g->pitch = ((int32_t)g->n_members + TAY__PITCH - 1) / TAY__PITCH * TAY__PITCH;
    p->n_slots = (uint32_t)next + TAY__OVERRUN;
}

static inline void draw_coefficients(tay__program *p, tay__group *g)
{
    size_t width = g->a_stride == TAY__GATHER ? (size_t)g->pitch : g->n_members;
    size_t n_coefs = !g->has_coefs ? 0 : (size_t)g->n_terms * (g->varying_coefs ? width : g->n_rows);

    g->coefs = 3;
    g->constants = 3 + n_coefs;
    p->n_packed = g->constants + (g->has_constant ? g->n_members : 0);
    p->n_numbers = 37;
    assert_ok(tay__alloc_kept(&p->numbers, &p->allocations, p->n_numbers, sizeof *p->numbers));
    assert_ok(tay__alloc_kept(&p->packed_from, &p->allocations, p->n_packed, sizeof *p->packed_from));
    for (size_t i = 0; i < p->n_numbers; i++) p->numbers[i] = draw_real();
    for (size_t i = 0; i < p->n_packed; i++) p->packed_from[i] = draw((uint32_t)p->n_numbers);
}

/* A program of one stage with one group. */
static inline tay__program *draw_program(const shape_spec *spec)
{
    tay__program *p;
    tay__stage *stage;
    tay__group *g;
    bool has_b = spec->primitive == TAY__PRODUCT || spec->primitive == TAY__QUOTIENT || spec->primitive == TAY__INTEGRATE;

    assert_ok(tay__calloc(&p, 1, sizeof *p));
    p->allocations = TAY__ARRAY(void *);
    assert_ok(tay__alloc_kept(&stage, &p->allocations, 1, sizeof *stage));
    assert_ok(tay__alloc_kept(&g, &p->allocations, 1, sizeof *g));
    *g = (tay__group){.primitive = spec->primitive, .function = spec->function, .n_terms = spec->n_terms,
                      .a_stride = spec->a, .b_stride = spec->b, .square = spec->square, .has_coefs = spec->coefs,
                      .varying_coefs = spec->varying, .has_constant = spec->constant, .exponent = spec->exponent};
    draw_rows(p, g, spec);
    g->a = draw_slots(p, g, spec->a, false);
    if (has_b) g->b = spec->square ? g->a : draw_slots(p, g, spec->b, spec->tiled);
    draw_coefficients(p, g);
    *stage = (tay__stage){.groups = g, .n_groups = 1};
    p->stages = stage;
    p->n_stages = 1;
    p->jets = true;
    p->time_slot = p->par_slot = -1;
    return p;
}

static inline void put(tay__workspace *w, tay_real real, size_t at, double x)
{
    if (real == TAY_FLOAT64)
        ((double *)w->jet)[at] = x;
    else
        ((float *)w->jet)[at] = (float)x;
}

static inline double get(const tay__workspace *w, tay_real real, size_t at)
{
    return real == TAY_FLOAT64 ? ((double *)w->jet)[at] : (double)((float *)w->jet)[at];
}

/* Random jets everywhere; coefficient 0 of operands is positive and over 1 (divisors, roots) if `positive`. */
static inline void draw_jets(tay__workspace *w, const tay__program *p, tay_real real, uint32_t order, uint32_t lanes,
                             bool positive)
{
    for (uint32_t n = 0; n <= order; n++)
        for (size_t i = 0; i < (size_t)p->n_slots * lanes; i++)
            put(w, real, n * w->plane + i, draw_real() + (n == 0 && positive ? 3 : 0));
}

#endif
