/*
 * The interpreter: runs the steps of a bound program, each part over all orders before the next; what depends on
 * parameters alone; the polynomials, norms and radius of a step.
 */
#include <math.h>

#include "exec/bound.h"

/* Operation o at order n of the step. */
static void run_operation(const tay__operation *o, const tay__pass *pass, uint32_t n, const tay__segment *segments,
                          size_t n_segments)
{
    if (n < o->first || n > o->last) return;
    if (o->kernel.prepare && !o->complete) o->kernel.prepare(pass, &o->kernel, o->group, n, n + 1);
    if (n_segments > 0) o->kernel.drive(pass, &o->kernel, o->group, n - o->delay, segments, n_segments);
}

static void run_step(const tay__exec *exec, const tay__step *step, const tay__pass *pass)
{
    const tay__operation *operations = (const tay__operation *)exec->operations.data + step->begin;
    const tay__segment *segments = exec->segments.data;
    const size_t *slice = (const size_t *)exec->slices.data + step->slices;

    for (uint32_t k = 0; k < step->n_operations; k++) {
        const tay__operation *o = &operations[k];
        if (o->kernel.prepare && o->complete) o->kernel.prepare(pass, &o->kernel, o->group, 0, pass->n_orders);
    }
    for (uint32_t part = 0; part < step->n_parts; part++, slice += step->n_operations) {
        for (uint32_t n = 0; n <= exec->order; n++) {
            for (uint32_t k = 0; k < step->n_operations; k++)
                run_operation(&operations[k], pass, n, segments + slice[k], slice[k + 1] - slice[k]);
        }
    }
}

void tay__run_steps(const tay__exec *exec, tay__workspace *workspace)
{
    const tay__step *steps = exec->steps.data;
    tay__pass pass = tay__pass_of(exec, workspace, tay__n_orders(exec));

    for (size_t i = 0; i < exec->steps.count; i++) run_step(exec, &steps[i], &pass);
}

void tay__run_series(const tay__exec *exec, uint64_t begin, uint64_t end, void *jet, const void *packed, void *scratch)
{
    tay__workspace w = {.jet = jet, .plane = exec->plane, .packed = (void *)packed, .scratch = scratch};
    tay__pass pass = tay__pass_of(exec, &w, tay__n_orders(exec));

    for (uint64_t i = begin; i < end; i++) run_step(exec, (const tay__step *)exec->steps.data + i, &pass);
}

void tay__exec_advance(const tay__exec *exec, tay__workspace *workspace, tay__advance *advance)
{
    tay__code_function *code = atomic_load_explicit(&exec->run, memory_order_acquire);

    do {
        if (code) code(workspace->jet, workspace->packed, workspace->scratch, advance);
        else tay__run_steps(exec, workspace);
        if (atomic_load_explicit(&exec->runs_left, memory_order_relaxed) > 0) tay__exec_count_run(exec);
    } while (advance->goes_on);
}

void tay__exec_run(const tay__exec *exec, tay__workspace *workspace)
{
    tay__advance none = {.limit = 0};

    tay__exec_advance(exec, workspace, &none);
}

void tay__exec_set_parameters(const tay__exec *exec, tay__workspace *workspace, const void *pars)
{
    const tay__exec *prologue = exec->prologue;
    tay__workspace *w = workspace->prologue;

    if (exec->reversible) {
        tay__set_lane_parameters(exec, workspace, pars);
        return;
    }
    if (!prologue) return;
    if (prologue->program->n_pars > 0) /* else constants, like 2 pi */
        memcpy((char *)w->jet + (size_t)prologue->program->par_slot * exec->element, pars,
               prologue->program->n_pars * exec->element);
    tay__exec_run(prologue, w);
    exec->kernels->pack_outputs(workspace->packed, 1, exec->program, w->jet, 1);
}

void tay__exec_polynomial(const tay__exec *exec, double *out, size_t out_stride, double *end, const tay__workspace *workspace,
                          size_t count, const double *h, size_t n_h, bool compensated)
{
    exec->numbers->polynomial(out, out_stride, end, workspace->jet, workspace->plane, exec->order, count, h, n_h, compensated);
}

double tay__exec_max_norm(const tay__exec *exec, const double *x, size_t n)
{
    return exec->numbers->max_norm(x, n);
}

uint32_t tay__exec_order_for(double tolerance)
{
    double order = ceil(1 - log(tolerance) / 2);
    return order < 2 ? 2 : (uint32_t)order;
}

double tay__exec_radius(double first, double before, double last, uint32_t order)
{
    if (tay__has_short_radius(first, before, last)) return tay__short_radius(first, before, last, order);
    double scale = log(first > 1 ? first : 1);
    double a = (scale - log(before)) * (1.0 / (order - 1)), b = (scale - log(last)) * (1.0 / order);
    if (isnan(first) || isnan(before) || isnan(last)) return NAN;
    return exp(a < b ? a : b);
}
