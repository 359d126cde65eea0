/*
 * Making bound programs and workspaces. The size of a workspace is known, and checked, before anything is allocated.
 *
 * Planes are an odd number of cache lines, so that the coefficients of one slot do not fall into the same set of a cache.
 */
#include "exec/bound.h"
#include "exec/jit.h"

/* The plane's elements and the workspace's bytes. */
static tay_status measure(tay__exec *exec)
{
    tay_status status = TAY_OK;
    size_t bytes, jet, packed, scratch, n_packed;

    TAY_TRY(tay__multiply(&bytes, exec->n_slots, exec->lanes));
    TAY_TRY(tay__multiply(&bytes, bytes, exec->element));
    if (bytes > SIZE_MAX / 4) TAY_FAIL(TAY_ERROR_LIMIT, "the working memory of the program is too large");
    size_t lines = (bytes + TAY__LINE - 1) / TAY__LINE | 1;
    exec->plane = lines * TAY__LINE / exec->element;
    TAY_TRY(tay__multiply(&jet, lines * TAY__LINE, (size_t)exec->order + 1));
    TAY_TRY(tay__multiply(&n_packed, exec->program->n_packed + exec->n_transposed, tay__coef_lanes(exec)));
    TAY_TRY(tay__multiply(&packed, n_packed, exec->element));
    TAY_TRY(tay__multiply(&scratch, exec->n_scratch, exec->element));
    if (jet > SIZE_MAX / 4 || packed > SIZE_MAX / 4 || scratch > SIZE_MAX / 4)
        TAY_FAIL(TAY_ERROR_LIMIT, "the working memory of the program is too large");
    exec->memory = jet + packed + scratch + 3 * TAY__LINE;
out:
    return status;
}

/* What depends on parameters alone; a reversible exec has it over lanes, and not if its outputs are the parameters. */
static tay_status make_prologue(tay__exec *exec)
{
    tay__exec wanted = {.program = exec->program->prologue, .real = exec->real, .lanes = 1};

    if (!wanted.program || exec->is_high || (exec->reversible && wanted.program->n_stages == 0)) return TAY_OK;
    if (exec->reversible) {
        wanted.lanes = exec->lane_coefs ? exec->lanes : (uint32_t)exec->kernels->width;
        wanted.reversible = true;
    }
    return tay__exec_make(&exec->prologue, &wanted);
}

tay_status tay__exec_make(tay__exec **out, const tay__exec *wanted)
{
    tay_status status = TAY_OK;
    tay__exec *exec = NULL;

    TAY_TRY(tay__calloc(&exec, 1, sizeof *exec));
    *exec = *wanted;
    exec->element = exec->real == TAY_FLOAT64 ? sizeof(double) : sizeof(float);
    exec->n_slots = exec->program->n_slots;
    exec->kernels = tay__choose_kernels(exec->real);
    if (exec->lane_coefs && exec->lanes < exec->kernels->width) /* vectors of them cannot be shared (kernels/layer_parts.h) */
        exec->kernels = tay__choose_whole(exec->real, exec->lanes, SIZE_MAX);
    exec->numbers = tay__choose_kernels(TAY_FLOAT64);
    exec->whole = tay__choose_whole(TAY_FLOAT64, exec->lanes, SIZE_MAX);
    exec->rows = tay__choose_whole(TAY_FLOAT64, exec->lanes, exec->program->n_inputs);
    exec->operations = TAY__ARRAY(tay__operation);
    exec->steps = TAY__ARRAY(tay__step);
    exec->slices = TAY__ARRAY(size_t);
    exec->segments = TAY__ARRAY(tay__segment);
    exec->cleared = TAY__ARRAY(tay__slots);
    exec->saved = TAY__ARRAY(tay__slots);
    exec->narrowed = TAY__ARRAY(tay__slots);
    exec->inputs = TAY__ARRAY(tay__slots);
    exec->added = TAY__ARRAY(tay__slots);
    exec->kept = TAY__ARRAY(void *);
    TAY_TRY(tay__bind(exec));
    if (exec->reversible) TAY_TRY(tay__plan_reverse(exec));
    if (exec->reversible) TAY_TRY(tay__plan_save(exec));
    if (exec->n_slots > exec->program->n_slots) exec->n_slots += TAY__LINE; /* room behind, as the program's own slots have */
    exec->block = tay__points_block(exec);
    if (exec->block > 0) exec->n_scratch += (exec->program->n_pars + (size_t)1) * exec->lanes; /* see run_code in points.c */
    TAY_TRY(measure(exec));
    TAY_TRY(make_prologue(exec));
    *out = exec;
    exec = NULL;
out:
    tay__exec_free(exec);
    return status;
}

tay_status tay__exec_create(tay__exec **out, tay__program *program, tay_real real, uint32_t order, uint32_t lanes)
{
    tay_status status = TAY_OK;
    tay__exec *exec;

    if (lanes != 1 && (lanes == 0 || lanes % TAY__LANES != 0))
        TAY_FAIL(TAY_ERROR_ARGUMENT, "lanes: expected 1 or a multiple of %d, got %u", TAY__LANES, lanes);
    if (order == UINT32_MAX) TAY_FAIL(TAY_ERROR_ARGUMENT, "order: expected a smaller one, got %u", order);
    TAY_TRY(tay__exec_make(&exec, &(tay__exec){.program = program, .real = real, .order = order, .lanes = lanes}));
    exec->owned = true;
    *out = exec;
out:
    return status;
}

void tay__exec_free(tay__exec *exec)
{
    if (!exec) return;
    tay__exec_free(exec->prologue);
    tay__exec_free(exec->high);
    for (int i = 0; i < 2; i++) tay__code_free(exec->code[i]);
    if (exec->owned) tay__program_free(exec->program);
    tay__array_free(&exec->operations);
    tay__array_free(&exec->steps);
    tay__array_free(&exec->slices);
    tay__array_free(&exec->segments);
    tay__array_free(&exec->cleared);
    tay__array_free(&exec->saved);
    tay__array_free(&exec->narrowed);
    tay__array_free(&exec->added);
    tay__array_free(&exec->inputs);
    tay__free_kept(&exec->kept);
    tay__free(exec);
}

const tay__program *tay__exec_program(const tay__exec *exec)
{
    return exec->program;
}

uint32_t tay__exec_order(const tay__exec *exec)
{
    return exec->order;
}

size_t tay__exec_memory(const tay__exec *exec)
{
    return exec->memory + (exec->prologue ? exec->prologue->memory : 0);
}

tay_status tay__exec_create_jet(void *out, const tay__exec *exec)
{
    const tay__program *p = exec->program;
    char *jet;
    size_t bytes = tay__jet_bytes(exec, exec->order);
    if (exec->high) bytes += tay__count_units(exec) * sizeof(double) + tay__jet_bytes(exec->high, exec->order);
    tay_status status = tay__calloc_aligned(&jet, bytes, 1);

    if (status != TAY_OK) return status;
    if (p->time_slot >= 0 && exec->order > 0) {
        size_t at = exec->plane + (size_t)p->time_slot * exec->lanes;
        exec->kernels->fill(jet + at * exec->element, 1, exec->lanes);
    }
    memcpy(out, &jet, sizeof jet);
    return TAY_OK;
}

tay_status tay__workspace_create(tay__workspace **out, const tay__exec *exec)
{
    tay_status status = TAY_OK;
    tay__workspace *w = NULL;

    TAY_TRY(tay__calloc(&w, 1, sizeof *w));
    w->plane = exec->plane;
    if (!exec->is_high) TAY_TRY(tay__exec_create_jet(&w->jet, exec));
    size_t each = tay__coef_lanes(exec) * exec->element;
    TAY_TRY(tay__calloc_aligned(&w->packed, exec->program->n_packed + TAY__LINE / exec->element, each));
    if (exec->n_transposed > 0)
        TAY_TRY(tay__calloc_aligned(&w->transposed, exec->n_transposed + TAY__LINE / exec->element, each));
    TAY_TRY(tay__calloc_aligned(&w->scratch, exec->n_scratch + TAY__LINE / exec->element, exec->element));
    if (exec->series) {
        const tay__series_call call = {tay__run_series, exec};
        memcpy((char *)w->scratch + exec->series->call, &call, sizeof call);
    }
    exec->kernels->pack(w->packed, tay__coef_lanes(exec), exec->program); /* the numbers among them */
    if (exec->prologue) TAY_TRY(tay__workspace_create(&w->prologue, exec->prologue));
    if (exec->high) {
        TAY_TRY(tay__workspace_create(&w->high, exec->high));
        TAY_TRY(tay__calloc(&w->high->units, exec->high->lanes, sizeof *w->units));
        TAY_TRY(tay__calloc(&w->high->numbers, ((size_t)exec->back + 4) * exec->lanes, sizeof *w->numbers));
    }
    *out = w;
    w = NULL;
out:
    tay__workspace_free(w);
    return status;
}

void tay__workspace_free(tay__workspace *workspace)
{
    if (!workspace) return;
    tay__workspace_free(workspace->prologue);
    if (workspace->high) {
        workspace->high->jet = NULL; /* a part of this one's */
        tay__workspace_free(workspace->high);
    }
    tay__free(workspace->units);
    tay__free(workspace->numbers);
    tay__free_aligned(workspace->jet);
    tay__free_aligned(workspace->packed);
    tay__free_aligned(workspace->transposed);
    tay__free_aligned(workspace->scratch);
    tay__free(workspace);
}
