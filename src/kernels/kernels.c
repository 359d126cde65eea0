/*
 * The table of kernels of one instruction set and real type: the drivers, which describe segments of rows as runs, and the
 * choice of a kernel for a group.
 *
 * With one lane a run is a segment of a row. With several, elements are lanes: a segment of consecutive operands is one
 * long run, other groups go member by member, and layers by tiles of members.
 */
#include "kernels/kernels.h"
#include "kernels/linear.h"
#include "kernels/product.h"
#include "kernels/recurrence.h"
#include "kernels/step.h"

/* Sets what is the same for all segments. */
static void begin_run(tay__run *run, const tay__pass *pass, const tay__kernel *kernel, const tay__group *group, uint32_t n)
{
    run->group = group;
    run->jet = pass->jet;
    run->plane = pass->plane;
    run->scale = pass->lanes;
    run->n = n;
    run->n_terms = group->n_terms;
    run->n_orders = pass->n_orders;
    run->step = group->a_stride == TAY__GATHER ? (size_t)group->pitch : 1;
    run->coefs = run->constants = NULL;
    run->coef_step = 0;
    run->constant_step = 1;
    run->y_order = group->transient ? 0 : n * pass->plane;
    run->divisor = 0;
    if (kernel->to_state) {
        run->y_order = (n + 1) * pass->plane;
        run->divisor = (real)(n + 1);
        run->inverse = 1 / run->divisor;
    }
}

/* Sets the parts of a run that depend on the segment; m = s->begin is its first member. */
static void place_run(tay__run *run, const tay__pass *pass, const tay__segment *s)
{
    const tay__group *g = run->group;
    const real *packed = pass->packed;
    size_t m = (size_t)s->begin, before = g->offset[s->row];
    bool table = g->a_stride == TAY__GATHER;

    run->row = &g->rows[s->row];
    run->y = (real *)pass->jet + ((size_t)run->row->first + m) * run->scale;
    run->length = (size_t)(s->end - s->begin) * run->scale;
    run->a = g->a + (table ? m : s->row * (size_t)g->n_terms);
    run->b = g->b ? g->b + (table ? m : s->row * (size_t)g->n_terms) : NULL;
    run->a_moved = g->a_stride == TAY__CONTIGUOUS ? m * run->scale : 0;
    run->b_moved = g->b_stride == TAY__CONTIGUOUS ? m * run->scale : 0;
    if (g->has_coefs) {
        run->coef_step = !g->varying_coefs ? 1 : (size_t)(g->pitch > 0 ? g->pitch : run->row->length);
        run->coefs = packed + g->coefs + (g->varying_coefs ? g->n_terms * before + m : s->row * (size_t)g->n_terms);
    }
    if (g->has_constant) run->constants = packed + g->constants + before + m;
}

/* A run for each segment. */
static void drive_rows(const tay__pass *pass, const tay__kernel *kernel, const tay__group *group, uint32_t n,
                       const tay__segment *segments, size_t n_segments)
{
    tay__run run;

    begin_run(&run, pass, kernel, group, n);
    for (size_t i = 0; i < n_segments; i++) {
        place_run(&run, pass, &segments[i]);
        kernel->run(&run);
    }
}

/* Several lanes: a run for each member. */
static void drive_members(const tay__pass *pass, const tay__kernel *kernel, const tay__group *group, uint32_t n,
                          const tay__segment *segments, size_t n_segments)
{
    tay__run run;

    begin_run(&run, pass, kernel, group, n);
    for (size_t i = 0; i < n_segments; i++) {
        for (int32_t m = segments[i].begin; m < segments[i].end; m++) {
            place_run(&run, pass, &(tay__segment){segments[i].row, m, m + 1});
            run.constant_step = 0;
            kernel->run(&run);
        }
    }
}

/* Several lanes, layers: tiles of members of a row. */
static void drive_layer(const tay__pass *pass, const tay__kernel *kernel, const tay__group *group, uint32_t n,
                        const tay__segment *segments, size_t n_segments)
{
    static void (*const tiles[])(const void *) = {tay__layer_1, tay__layer_2, tay__layer_3,
                                                  tay__layer_4, tay__layer_5, tay__layer_6};
    tay__run run;

    begin_run(&run, pass, kernel, group, n);
    for (size_t i = 0; i < n_segments; i++) {
        for (int32_t m = segments[i].begin, members; m < segments[i].end; m += members) {
            members = (int32_t)tay__tile_rows((uint32_t)(segments[i].end - m));
            place_run(&run, pass, &(tay__segment){segments[i].row, m, m + 1});
            if (m == segments[i].begin) tay__list_operands(&run, (size_t *)((real *)pass->scratch + kernel->scratch));
            tiles[members - 1](&run);
        }
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

    begin_run(&run, pass, kernel, group, n);
    for (size_t i = 0, rows; i < n_segments; i += rows) {
        rows = tay__tile_rows((uint32_t)group->rows[segments[i].row].tile);
        place_run(&run, pass, &segments[i]);
        run.tile = (const real *)pass->scratch + kernel->scratch + tay__tile_at(group, segments[i].row, pass->n_orders);
        tiles[rows - 1](&run);
    }
}

static tay__coefs coefs_mode(const tay__group *g, size_t lanes)
{
    if (!g->has_coefs) return TAY__NO_COEFS;
    return g->varying_coefs && lanes == 1 ? TAY__VECTOR_COEFS : TAY__SPLAT_COEFS;
}

typedef void run_function(const void *run);

static run_function *linear_run(const tay__group *g, size_t lanes)
{
    static run_function *const runs[3][3] = {
        {tay__linear_shared_1, tay__linear_shared_s, tay__linear_shared_v},
        {tay__linear_contiguous_1, tay__linear_contiguous_s, tay__linear_contiguous_v},
        {tay__linear_gather_1, tay__linear_gather_s, tay__linear_gather_v}};
    return runs[lanes == 1 ? g->a_stride : TAY__CONTIGUOUS][coefs_mode(g, lanes)];
}

static run_function *product_run(const tay__group *g, size_t lanes)
{
    static run_function *const runs[3][3] = {
        {NULL, NULL, tay__product_shared_v}, /* else tiles */
        {tay__product_contiguous_1, tay__product_contiguous_s, tay__product_contiguous_v},
        {tay__square_1, tay__square_s, tay__square_v}};
    int kind = g->square ? 2 : lanes == 1 && g->a_stride == TAY__SHARED ? 0 : 1;
    return runs[kind][coefs_mode(g, lanes)];
}

static run_function *run_of(const tay__group *g, size_t lanes)
{
    switch (g->primitive) {
    case TAY__LINEAR: return linear_run(g, lanes);
    case TAY__PRODUCT: return product_run(g, lanes);
    case TAY__QUOTIENT: return tay__quotient;
    case TAY__POWER: return tay__power;
    case TAY__INTEGRATE: return tay__integral;
    case TAY__CHOICE: return tay__choice;
    default: return tay__linear_contiguous_1; /* state */
    }
}

/* Whether a whole segment is one run of lanes: consecutive operands, and numbers that hold for the row. */
static bool is_long_run(const tay__group *g)
{
    return g->a_stride == TAY__CONTIGUOUS && (!g->b || g->b_stride == TAY__CONTIGUOUS) && !g->has_constant &&
           !(g->has_coefs && g->varying_coefs);
}

static tay__kernel select_kernel(const tay__group *g, size_t lanes)
{
    tay__kernel kernel = {.drive = drive_rows, .run = run_of(g, lanes), .to_state = g->primitive == TAY__STATE};

    if (lanes > 1) {
        if (g->primitive == TAY__LINEAR && g->a_stride == TAY__SHARED && g->has_coefs && g->varying_coefs) {
            kernel.drive = drive_layer;
            kernel.n_scratch = g->n_terms * sizeof(size_t) / sizeof(real);
        } else if (!is_long_run(g)) {
            kernel.drive = drive_members;
        }
    } else if (g->primitive == TAY__PRODUCT && g->a_stride == TAY__SHARED && coefs_mode(g, lanes) != TAY__VECTOR_COEFS) {
        kernel.drive = drive_tiles;
        kernel.prepare = pack_tiles;
        kernel.n_scratch = g->n_rows * (size_t)g->n_terms;
    }
    return kernel;
}

static void pack(void *packed, const uint32_t *from, size_t n_packed, const double *numbers, size_t n_numbers)
{
    real *to = packed;
    for (size_t i = 0; i < n_packed; i++)
        if (from[i] < n_numbers) to[i] = (real)numbers[from[i]];
}

static void pack_outputs(void *packed, const tay__program *program, const void *prologue_jet)
{
    real *to = packed;
    const real *jet = prologue_jet;
    for (size_t i = 0; i < program->n_packed; i++)
        if (program->packed_from[i] >= program->n_numbers)
            to[i] = jet[program->prologue->outputs[program->packed_from[i] - program->n_numbers]];
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
    .select = select_kernel,
    .pack = pack,
    .pack_outputs = pack_outputs,
    .fill = fill,
    .polynomial = TAY__POLYNOMIAL,
    .max_norm = TAY__MAX_NORM,
};
