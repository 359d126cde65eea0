/*
 * What of a jet is saved for the way back, found once when a reversible exec is bound: what the adjoints read, but for products
 * of saved values, which are computed again. Sums that only functions and states read are not: of a layer and its tanh, which
 * make four values for a neuron, one is saved.
 */
#include "exec/bound.h"

typedef struct plan {
    bool *read; /* [n_slots] by an adjoint */
    bool *again; /* [n_slots] computed again */
    bool found;
} plan;

/* Whether the adjoint of a group reads its operands a, or b. */
static bool reads(const tay__group *g, bool is_b)
{
    switch (g->primitive) {
    case TAY__LINEAR: return g->has_coefs; /* which learn */
    case TAY__QUOTIENT:
    case TAY__INTEGRATE: return is_b;
    case TAY__STATE: return false;
    default: return true;
    }
}

static void mark_read(void *context, const tay__group *g, int32_t slot, bool is_b)
{
    plan *p = context;
    if (reads(g, is_b)) p->read[slot] = true;
}

static void check_saved(void *context, const tay__group *g, int32_t slot, bool is_b)
{
    plan *p = context;
    (void)g, (void)is_b;
    if (!p->read[slot] || p->again[slot]) p->found = false;
}

tay_status tay__plan_save(tay__exec *exec)
{
    tay_status status = TAY_OK;
    tay__operation *operations = exec->operations.data;
    plan p = {0};

    TAY_TRY(tay__calloc(&p.read, 2 * exec->n_slots, sizeof *p.read));
    p.again = p.read + exec->n_slots;
    tay__mark_inputs(p.read, exec->program);
    for (size_t i = 0; i < exec->operations.count; i++) {
        const tay__group *g = operations[i].group;
        if (!operations[i].pulled) continue;
        tay__see_operands(g, mark_read, &p);
        if (g->primitive == TAY__QUOTIENT || g->primitive == TAY__POWER) tay__mark_members(p.read, g);
    }
    for (size_t i = 0; i < exec->operations.count; i++) {
        tay__operation *o = &operations[i];
        p.found = o->group->primitive == TAY__PRODUCT && o->delay == 0 && !o->kernel.to_state;
        if (p.found) tay__see_operands(o->group, check_saved, &p);
        o->restored = p.found;
        if (p.found) tay__mark_members(p.again, o->group);
    }
    for (size_t begin = 0, end; begin < exec->n_slots; begin = end) {
        bool save = p.read[begin] && !p.again[begin];
        for (end = begin + 1; end < exec->n_slots && (p.read[end] && !p.again[end]) == save;) end++;
        if (save) TAY_TRY(tay__array_push(&exec->saved, &(tay__slots){begin, end}));
    }
out:
    tay__free(p.read);
    return status;
}

size_t tay__exec_n_saved(const tay__exec *exec, uint32_t order)
{
    const tay__slots *slots = exec->saved.data;
    size_t n = 0;

    for (size_t i = 0; i < exec->saved.count; i++) n += slots[i].end - slots[i].begin;
    return n * exec->lanes * ((size_t)order + 1);
}

/* Between the saved numbers and the jet. */
static void copy(const tay__exec *exec, double *saved, double *jet, uint32_t order, bool restores)
{
    const tay__slots *slots = exec->saved.data;

    for (uint32_t n = 0; n <= order; n++, jet += exec->plane) {
        for (size_t i = 0; i < exec->saved.count; i++) {
            size_t length = (slots[i].end - slots[i].begin) * exec->lanes;
            double *values = jet + slots[i].begin * exec->lanes;
            memcpy(restores ? values : saved, restores ? saved : values, length * sizeof *saved);
            saved += length;
        }
    }
}

void tay__exec_save(const tay__exec *exec, double *saved, const tay__workspace *workspace, uint32_t order)
{
    copy(exec, saved, workspace->jet, order, false);
}

void tay__exec_restore(const tay__exec *exec, tay__workspace *workspace, const double *saved, uint32_t order)
{
    const tay__operation *operations = exec->operations.data;
    tay__pass pass = tay__pass_of(exec, workspace, order);

    copy(exec, (double *)saved, workspace->jet, order, true);
    for (size_t i = 0; i < exec->steps.count; i++) {
        const tay__step *step = (const tay__step *)exec->steps.data + i;
        for (uint32_t k = 0; k < step->n_operations; k++) {
            const tay__operation *o = &operations[step->begin + k];
            size_t n_segments;
            const tay__segment *segments = tay__segments_of(exec, step, k, &n_segments);
            for (uint32_t n = 0; n < order && o->restored; n++)
                o->kernel.drive(&pass, &o->kernel, o->group, n, segments, n_segments);
        }
    }
}
