/*
 * The table of kernels of one instruction set and real type: the drivers, which describe segments of rows as runs, and the
 * choice of a kernel for a group.
 *
 * With one lane a run is a segment of a row. With several, elements are lanes: exec makes segments such that each is one long
 * run, and layers go by tiles of members.
 */
#include "kernels/drive.h"
#include "kernels/lanes.h"
#include "kernels/layer.h"
#include "kernels/linear.h"
#include "kernels/product.h"
#include "kernels/recurrence.h"
#include "kernels/reverse.h"
#include "kernels/series.h"
#include "kernels/step.h"

/* A run for each segment. */
static void drive_rows(const tay__pass *pass, const tay__kernel *kernel, const tay__group *group, uint32_t n,
                       const tay__segment *segments, size_t n_segments)
{
    tay__run run;

    tay__begin_run(&run, pass, kernel, group, n);
    for (size_t i = 0; i < n_segments; i++) {
        tay__place_run(&run, pass, &segments[i]);
        kernel->run(&run);
    }
}

/* Several lanes: segments are long runs of lanes, but that constants are one for each member's. */
static void drive_lanes(const tay__pass *pass, const tay__kernel *kernel, const tay__group *group, uint32_t n,
                        const tay__segment *segments, size_t n_segments)
{
    bool by_member = n == 0 && group->has_constant && pass->coef_lanes == 1;
    tay__run run;

    tay__begin_run(&run, pass, kernel, group, n);
    run.constant_step = !by_member;
    for (size_t i = 0; i < n_segments; i++) {
        int32_t step = by_member ? 1 : segments[i].end - segments[i].begin;
        for (int32_t m = segments[i].begin; m < segments[i].end; m += step) {
            tay__place_run(&run, pass, &(tay__segment){segments[i].row, m, m + step});
            kernel->run(&run);
        }
    }
}

/* Several lanes, layers: members of a row as a product of matrices. */
static void drive_layer(const tay__pass *pass, const tay__kernel *kernel, const tay__group *group, uint32_t n,
                        const tay__segment *segments, size_t n_segments)
{
    tay__run run;

    tay__begin_run(&run, pass, kernel, group, n);
    for (size_t i = 0; i < n_segments; i++) {
        tay__place_run(&run, pass, &(tay__segment){segments[i].row, 0, 1});
        tay__layer layer = {
            .run = &run,
            .in = run.jet + n * run.plane,
            .in_slots = run.a,
            .n_terms = group->n_terms,
            .coefs = run.coefs,
            .coef_step = run.coef_step,
            .coef_each = pass->coef_lanes,
            .constants = n == 0 ? run.constants : NULL,
            .out = run.y + run.y_order,
        };
        uint32_t begin = (uint32_t)segments[i].begin, end = (uint32_t)segments[i].end;
        if (pass->coef_lanes > 1)
            tay__layer_members(&layer, begin, end, TAY__VECTOR_COEFS, false);
        else
            tay__layer_members(&layer, begin, end, TAY__SPLAT_COEFS, false);
    }
}

/* Packs orders begin .. end - 1 of the shared a's, times the coefficients, for the tiles. */
static void pack_tiles(const tay__pass *pass, const tay__kernel *kernel, const tay__group *group, uint32_t begin, uint32_t end)
{
    const real *jet = pass->jet, *packed = pass->packed;
    size_t n_terms = group->n_terms, rows;

    for (size_t r = 0; r < group->n_rows; r += rows) {
        real *to = (real *)pass->scratch + kernel->scratch + tay__tile_at(group, r, pass->n_orders);
        rows = tay__tile_rows((uint32_t)group->rows[r].tile);
        for (size_t m = 0; m < rows; m++) {
            for (size_t k = 0; k < n_terms; k++) {
                size_t i = (r + m) * n_terms + k;
                real c = group->has_coefs ? packed[group->coefs + i] : 1;
                for (size_t j = begin; j < end; j++)
                    to[(k * pass->n_orders + j) * rows + m] = c * jet[(size_t)group->a[i] + j * pass->plane];
            }
        }
    }
}

/* One lane, products with shared a: tiles of rows. The segments of a tile's rows stand together. */
static void drive_tiles(const tay__pass *pass, const tay__kernel *kernel, const tay__group *group, uint32_t n,
                        const tay__segment *segments, size_t n_segments)
{
    static void (*const tiles[])(const void *) = {tay__tile_1, tay__tile_2, tay__tile_3,
                                                  tay__tile_4, tay__tile_5, tay__tile_6};
    tay__run run;

    tay__begin_run(&run, pass, kernel, group, n);
    for (size_t i = 0, rows; i < n_segments; i += rows) {
        rows = tay__tile_rows((uint32_t)group->rows[segments[i].row].tile);
        tay__place_run(&run, pass, &segments[i]);
        run.tile = (const real *)pass->scratch + kernel->scratch + tay__tile_at(group, segments[i].row, pass->n_orders);
        tiles[rows - 1](&run);
    }
}

static tay__run_function *linear_run(const tay__group *g, tay__stride stride, tay__coefs coefs)
{
    static tay__run_function *const runs[4][3] = {
        {tay__linear_shared_1, tay__linear_shared_s, tay__linear_shared_v},
        {tay__linear_contiguous_1, tay__linear_contiguous_s, tay__linear_contiguous_v},
        {tay__linear_gather_1, tay__linear_gather_s, tay__linear_gather_v},
        {tay__linear_pieces_1, tay__linear_pieces_s, tay__linear_pieces_v}};
    return runs[tay__operands_of(g, stride)][coefs];
}

static tay__run_function *product_run(tay__stride stride, tay__coefs coefs, bool square)
{
    static tay__run_function *const runs[3][3] = {
        {NULL, NULL, tay__product_shared_v}, /* else tiles */
        {tay__product_contiguous_1, tay__product_contiguous_s, tay__product_contiguous_v},
        {tay__square_1, tay__square_s, tay__square_v}};
    return runs[square ? 2 : stride == TAY__SHARED ? 0 : 1][coefs];
}

static tay__run_function *product_lanes_run(tay__coefs coefs, bool square)
{
    static tay__run_function *const runs[2][3] = {{tay__product_lanes_1, tay__product_lanes_s, tay__product_lanes_v},
                                                  {tay__square_lanes_1, tay__square_lanes_s, tay__square_lanes_v}};
    return runs[square][coefs];
}

static tay__run_function *run_of(const tay__group *g, tay__stride stride, tay__coefs coefs)
{
    switch (g->primitive) {
    case TAY__LINEAR: return linear_run(g, stride, coefs);
    case TAY__PRODUCT: return product_run(stride, coefs, g->square);
    case TAY__QUOTIENT: return tay__quotient;
    case TAY__POWER: return tay__power;
    case TAY__INTEGRATE: return tay__integral;
    case TAY__CHOICE: return tay__choice;
    default: return linear_run(g, stride, TAY__NO_COEFS); /* state */
    }
}

static tay__kernel select_one_lane(const tay__group *g)
{
    tay__coefs coefs = tay__coefs_of(g, g->varying_coefs);
    tay__kernel kernel = {.drive = drive_rows, .run = run_of(g, g->a_stride, coefs)};

    if (g->primitive == TAY__PRODUCT && g->a_stride == TAY__SHARED && coefs != TAY__VECTOR_COEFS) {
        kernel.drive = drive_tiles;
        kernel.prepare = pack_tiles;
        kernel.n_scratch = g->n_rows * (size_t)g->n_terms;
    }
    return kernel;
}

static tay__kernel select_kernel(const tay__group *g, size_t lanes, bool lane_coefs)
{
    tay__kernel kernel = {.drive = drive_lanes};

    if (lanes == 1) kernel = select_one_lane(g);
    else if (tay__is_layer(g)) kernel.drive = drive_layer;
    else if (g->primitive == TAY__INTEGRATE) kernel.run = tay__integral_lanes;
    else if (g->primitive == TAY__PRODUCT) kernel.run = product_lanes_run(tay__coefs_of(g, lane_coefs), g->square);
    else kernel.run = run_of(g, TAY__CONTIGUOUS, tay__coefs_of(g, lane_coefs));
    kernel.to_state = g->primitive == TAY__STATE;
    TAY__NAME(select_reverse)(&kernel, g, lanes, lane_coefs);
    return kernel;
}

static tay__kernel select_series(const tay__series *series)
{
    return (tay__kernel){.drive = drive_series, .prepare = pack_series, .series = series};
}

static void pack(void *packed, size_t each, const tay__program *program)
{
    real *to = packed;
    for (size_t i = 0; i < program->n_packed; i++) {
        if (program->packed_from[i] >= program->n_numbers) continue;
        for (size_t l = 0; l < each; l++) to[i * each + l] = (real)program->numbers[program->packed_from[i]];
    }
}

static void pack_outputs(void *packed, size_t each, const tay__program *program, const void *prologue_jet, size_t lanes)
{
    for (const tay__span *s = program->spans, *end = s + program->n_spans; s < end; s++) {
        const real *from = (const real *)prologue_jet + (size_t)s->slot * lanes;
        const ptrdiff_t step = s->step * (ptrdiff_t)lanes;
        real *to = (real *)packed + s->first * each;
        for (uint32_t i = 0, n = s->n; i < n; i++, from += step, to += each) {
            *to = *from;
            for (size_t l = 1; l < each; l++) to[l] = from[l];
        }
    }
}

static void fill(void *p, double x, size_t n)
{
    real *to = p;
    for (size_t i = 0; i < n; i++) to[i] = (real)x;
}

#define NAME_OF(isa) NAME_OF_1(isa)
#define NAME_OF_1(isa) #isa

const tay__kernels TAY__NAME(kernels) = {
    .name = NAME_OF(TAY__ISA),
    .width = TAY__WIDTH,
    .most_parts = TAY__MOST_PARTS,
    .evaluate = TAY__NAME(evaluate),
    .select = select_kernel,
    .select_series = select_series,
    .pack = pack,
    .pack_outputs = pack_outputs,
    .fill = fill,
#ifndef TAY__F32
    .polynomial = tay__polynomial,
    .max_norm = tay__max_norm,
    .lane_polynomial = tay__lane_polynomial,
    .lane_derivative = tay__lane_derivative,
    .lane_polynomial_adjoint = tay__lane_polynomial_adjoint,
    .lane_norms = tay__lane_norms,
    .rows_to_lanes = tay__rows_to_lanes,
    .lanes_to_rows = tay__lanes_to_rows,
    .narrow = tay__narrow,
    .widen = tay__widen,
#endif
};
