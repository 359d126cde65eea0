/*
 * Describing segments of a group's rows as runs: what the drivers of kernels.c and reverse.c share.
 */
#ifndef TAY__DRIVE_H
#define TAY__DRIVE_H

#include "kernels/run.h"

/* Sets what is the same for all segments. */
static inline void tay__begin_run(tay__run *run, const tay__pass *pass, const tay__kernel *kernel, const tay__group *group,
                                  uint32_t n)
{
    run->group = group;
    run->jet = pass->jet;
    run->bar = pass->bar;
    run->plane = pass->plane;
    run->scale = pass->lanes;
    run->n = n;
    run->n_terms = group->n_terms;
    run->n_ones = group->n_ones;
    run->n_orders = pass->n_orders;
    run->step = group->a_stride == TAY__GATHER ? (size_t)group->pitch : 1;
    run->coefs = run->constants = NULL;
    run->coef_step = 0;
    run->constant_step = 1;
    run->a_transient = pass->keep ? NULL : group->a_transient;
    run->y_order = group->transient && !pass->keep ? 0 : n * pass->plane;
    run->divisor = 0;
    run->factor = kernel->scaled && n > 0 ? (real)n : 1;
    run->to_state = kernel->to_state;
    run->fresh = kernel->fresh;
    if (kernel->to_state) {
        run->y_order = (n + 1) * pass->plane;
        run->divisor = (real)(n + 1);
        run->inverse = 1 / run->divisor;
    }
}

/* Sets the parts of a run that depend on the segment; m = s->begin is its first member. */
static inline void tay__place_run(tay__run *run, const tay__pass *pass, const tay__segment *s)
{
    const tay__group *g = run->group;
    const real *packed = pass->packed;
    size_t m = (size_t)s->begin, before = g->offset[s->row], each = pass->coef_lanes;
    bool table = g->a_stride == TAY__GATHER;

    run->row = &g->rows[s->row];
    run->y_at = ((size_t)run->row->first + m) * run->scale;
    run->y = (real *)pass->jet + run->y_at;
    run->length = (size_t)(s->end - s->begin) * run->scale;
    run->a = g->a + (table ? m : s->row * (size_t)g->n_terms);
    run->b = g->b ? g->b + (table ? m : s->row * (size_t)g->n_terms) : NULL;
    run->a_moved = g->a_stride == TAY__CONTIGUOUS ? m * run->scale : 0;
    run->b_moved = g->b_stride == TAY__CONTIGUOUS ? m * run->scale : 0;
    if (g->has_coefs) {
        run->coef_step = (!g->varying_coefs ? 1 : (size_t)(g->pitch > 0 ? g->pitch : run->row->length)) * each;
        run->coef_at = (g->coefs + (g->varying_coefs ? g->n_terms * before + m : s->row * (size_t)g->n_terms)) * each;
        run->coefs = packed + run->coef_at;
    }
    if (g->start) run->constants = run->jet + (size_t)g->start + before + m;
    if (g->has_constant) {
        run->constant_at = (g->constants + before + m) * each;
        run->constants = packed + run->constant_at;
    }
}

#endif
