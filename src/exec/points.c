/*
 * Points: programs without jets, for as many points as the caller has. Code of the JIT takes whole blocks of points from the
 * caller's rows (jit_points.c). For the vm the lanes are points: their numbers are copied to the inputs' slots, the program runs,
 * and the outputs are copied back.
 */
#include "exec/bound.h"

/* Bytes of a number for all points of a block: two vectors of AVX2, whose operations LLVM interleaves, or one of AVX-512. */
enum { BLOCK_BYTES = 64 };
/* What functions cost, and powers, where a term of a sum costs 1. */
enum { FUNCTION_WORK = 20, POWER_WORK = 5 };
/* Programs of little work are kept in registers, whatever they are; those of much are not. Members of long rows. */
enum { LITTLE_WORK = 600, MUCH_WORK = 5000, LONG_ROW = 8 };

static size_t work_of(const tay__group *g)
{
    bool function = g->primitive == TAY__INTEGRATE || g->primitive == TAY__CHOICE;
    return g->n_members * (1 + (function ? FUNCTION_WORK : g->primitive == TAY__POWER ? POWER_WORK : (size_t)g->n_terms));
}

/* Layers, and functions that are applied to such: in memory these are loops, which are as fast as code that is written out. */
static bool is_dense(const tay__group *g)
{
    return (tay__is_layer(g) || g->primitive == TAY__INTEGRATE) && g->n_members / g->n_rows >= LONG_ROW;
}

static size_t work(const tay__program *program, bool dense_only)
{
    size_t sum = 0;

    for (uint32_t s = 0; s < program->n_stages; s++) {
        for (uint32_t k = 0; k < program->stages[s].n_groups; k++) {
            const tay__group *g = &program->stages[s].groups[k];
            if (!dense_only || is_dense(g)) sum += work_of(g);
        }
    }
    return sum;
}

bool tay__fits_registers(const tay__program *program)
{
    size_t all = work(program, false);
    return all <= LITTLE_WORK || (all <= MUCH_WORK && 2 * work(program, true) < all);
}

double tay__points_before_code(const tay__exec *exec)
{
    double points = 1.5e8 / (double)(1 + work(exec->program, false)) + 500e3;

    if (exec->lanes == 1) return 10e3;
    return tay__fits_registers(exec->program) ? points : 4 * points;
}

uint32_t tay__points_block(const tay__exec *exec)
{
    const tay__program *p = exec->program;

    if (p->jets || exec->reversible || p->prologue || exec->order > 0) return 0;
    if (exec->lanes == 1) return tay__fits_registers(p) ? 1 : 0;
    return BLOCK_BYTES / (uint32_t)exec->element;
}

size_t tay__exec_block(const tay__exec *exec)
{
    return atomic_load(&exec->run_points) ? exec->block : 0;
}

/* n numbers of a row, the last one again until all lanes have one: idle lanes compute what a busy one does. */
static void fill(char *to, const char *from, size_t n, size_t lanes, size_t element)
{
    memcpy(to, from, n * element);
    for (size_t l = n; l < lanes; l++) memcpy(to + l * element, to + (n - 1) * element, element);
}

/* The rows of what all points share, each number `lanes` times from `to` on. */
static void fill_shared(const tay__exec *exec, char *to, const void *from, size_t stride, size_t n_rows)
{
    size_t element = exec->element;

    for (size_t i = 0; i < n_rows; i++)
        fill(to + i * exec->lanes * element, (const char *)from + i * stride * element, 1, exec->lanes, element);
}

/* Points first .. first + n - 1 of rows to the slots from `slot` on. */
static void load(const tay__exec *exec, const tay__workspace *w, size_t slot, size_t n_rows, const void *from, size_t stride,
                 size_t first, size_t n)
{
    size_t lanes = exec->lanes, element = exec->element;
    char *to = (char *)w->jet + slot * lanes * element;

    for (size_t i = 0; i < n_rows; i++)
        fill(to + i * lanes * element, (const char *)from + (i * stride + first) * element, n, lanes, element);
}

static void run_vm(const tay__exec *exec, tay__workspace *w, const tay__points *points)
{
    const tay__program *p = exec->program;
    size_t slot_bytes = exec->lanes * exec->element;
    size_t own_pars = points->pars_step ? p->n_pars : 0, own_time = p->time_slot >= 0 && points->time_step;

    if (p->n_pars > own_pars)
        fill_shared(exec, (char *)w->jet + (size_t)p->par_slot * slot_bytes, points->pars, points->pars_stride, p->n_pars);
    if (p->time_slot >= 0 && !own_time) fill_shared(exec, (char *)w->jet + (size_t)p->time_slot * slot_bytes, points->time, 0, 1);
    for (size_t first = 0, n; first < points->n; first += n) {
        n = points->n - first < exec->lanes ? points->n - first : exec->lanes;
        load(exec, w, 0, p->n_inputs, points->in, points->in_stride, first, n);
        load(exec, w, (size_t)p->par_slot, own_pars, points->pars, points->pars_stride, first, n);
        load(exec, w, (size_t)p->time_slot, own_time, points->time, 0, first, n);
        if (exec->block > 0) tay__run_steps(exec, w); /* whose runs are not counted */
        else tay__exec_run(exec, w);
        for (size_t i = 0; i < p->n_outputs; i++)
            memcpy((char *)points->out + (i * points->out_stride + first) * exec->element,
                   (char *)w->jet + p->outputs[i] * slot_bytes, n * exec->element);
    }
}

/* Whole blocks. */
static void run_code(const tay__exec *exec, tay__points_function *code, const tay__workspace *w, const tay__points *points)
{
    const tay__program *p = exec->program;
    tay__points own = *points;

    if (p->n_pars > 0 && !points->pars_step) {
        fill_shared(exec, w->scratch, points->pars, points->pars_stride, p->n_pars);
        own.pars = w->scratch;
        own.pars_stride = exec->lanes;
    }
    if (p->time_slot >= 0 && !points->time_step) {
        own.time = (char *)w->scratch + p->n_pars * exec->lanes * exec->element;
        fill_shared(exec, (char *)own.time, points->time, 0, 1);
    }
    code(w->jet, &own, NULL);
}

void tay__exec_run_points(const tay__exec *exec, tay__workspace *workspace, const tay__points *points, size_t block)
{
    if (block > 0)
        run_code(exec, atomic_load_explicit(&exec->run_points, memory_order_acquire), workspace, points);
    else
        run_vm(exec, workspace, points);
}
