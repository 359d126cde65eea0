/*
 * What the way back can leave out, found once when a reversible exec is bound:
 *
 * - Cotangents flow from the states (or outputs) to operands, except to the derivatives g_k of functions: y = f(a) has the
 *   adjoint abar = f'(a)^T ybar as a series, whatever recurrence made y (kernels/adjoint.h). So operations that only
 *   derivatives need have no cotangents: they are not pulled, and learn nothing.
 * - The first operation on the way back to reach an operand need not add: it writes (`fresh`). Only what is added to, or read,
 *   before anything is written has to be cleared.
 */
#include "exec/bound.h"

typedef struct plan {
    tay__exec *exec;
    bool *live;    /* [n_slots] has a cotangent */
    bool *written; /* has one by now, on the way back */
    bool *cleared; /* is to be cleared before */
    bool *once;    /* is reached by the operation at hand */
    bool found;
} plan;

static void mark_live(void *context, const tay__group *g, int32_t slot, bool is_b)
{
    plan *p = context;

    if (!tay__flows_to(g, is_b) || p->live[slot]) return;
    p->live[slot] = p->found = true;
}

/* Whether some slots of a group are marked; then all of them are. */
static bool any_live(plan *p, const tay__group *g)
{
    bool any = false, all = true;

    for (uint32_t r = 0; r < g->n_rows; r++) {
        for (int32_t i = g->rows[r].first; i < g->rows[r].first + g->rows[r].length; i++) {
            any = any || p->live[i];
            all = all && p->live[i];
        }
    }
    if (!any || all) return any;
    tay__mark_members(p->live, g, true);
    p->found = true;
    return true;
}

static void find_live(plan *p)
{
    tay__operation *operations = p->exec->operations.data;

    do {
        p->found = false;
        for (size_t i = p->exec->operations.count; i-- > 0;) {
            tay__operation *o = &operations[i];
            o->pulled = any_live(p, o->group);
            if (o->pulled) tay__see_operands(o->group, mark_live, p);
        }
    } while (p->found);
}

static void check_once(void *context, const tay__group *g, int32_t slot, bool is_b)
{
    plan *p = context;

    if (!tay__flows_to(g, is_b)) return;
    if (p->once[slot] || p->written[slot]) p->found = true; /* must add */
    p->once[slot] = true;
}

static void write(void *context, const tay__group *g, int32_t slot, bool is_b)
{
    plan *p = context;

    if (!tay__flows_to(g, is_b)) return;
    if (p->found && !p->written[slot]) p->cleared[slot] = true;
    p->once[slot] = false;
    p->written[slot] = true;
}

/* Whether the members of a row go back to one operand, one after the other; layers do it at once. */
static bool reaches_again(const tay__group *g)
{
    bool again = false;

    for (uint32_t r = 0; r < g->n_rows; r++) again = again || g->rows[r].length > 1;
    return again && g->a_stride == TAY__SHARED && !tay__is_layer(g);
}

/* An operation's turn on the way back. */
static void visit(plan *p, tay__operation *o)
{
    const tay__group *g = o->group;

    if (!o->pulled) return;
    for (uint32_t r = 0; r < g->n_rows; r++) {
        for (int32_t i = g->rows[r].first; i < g->rows[r].first + g->rows[r].length; i++)
            if (!p->written[i]) p->cleared[i] = p->written[i] = true;
    }
    p->found = g->primitive == TAY__CHOICE || reaches_again(g); /* a choice reaches the branch that the order 0 decides on */
    tay__see_operands(g, check_once, p);
    o->kernel.fresh = !p->found;
    tay__see_operands(g, write, p);
}

/* The operations of a step as the way back meets them: those that are late by an order come before the others of that order. */
static void visit_step(plan *p, const tay__step *step)
{
    tay__operation *operations = (tay__operation *)p->exec->operations.data + step->begin;

    for (uint32_t k = step->n_operations; k-- > 0;)
        if (operations[k].delay > 0) visit(p, &operations[k]);
    for (uint32_t k = step->n_operations; k-- > 0;)
        if (operations[k].delay == 0) visit(p, &operations[k]);
}

/* What is added to from outside, or read. */
static void mark_ends(plan *p, bool *marks)
{
    const tay__program *program = p->exec->program;

    tay__mark_inputs(marks, program);
    for (uint32_t i = 0; i < program->n_outputs && program->outputs; i++) marks[program->outputs[i]] = true;
}

tay_status tay__find_runs(tay__array *out, const bool *marks, size_t n)
{
    tay_status status = TAY_OK;

    for (size_t begin = 0, end; begin < n; begin = end) {
        for (end = begin + 1; end < n && marks[end] == marks[begin];) end++;
        if (marks[begin]) TAY_TRY(tay__array_push(out, &(tay__slots){begin, end}));
    }
out:
    return status;
}

tay_status tay__plan_reverse(tay__exec *exec)
{
    tay_status status = TAY_OK;
    plan p = {.exec = exec};
    size_t n = exec->n_slots;
    const tay__step *steps = exec->steps.data;

    TAY_TRY(tay__calloc(&p.live, 4 * n, sizeof *p.live));
    p.written = p.live + n;
    p.cleared = p.written + n;
    p.once = p.cleared + n;
    mark_ends(&p, p.live);
    find_live(&p);
    mark_ends(&p, p.written);
    mark_ends(&p, p.cleared);
    for (size_t i = exec->steps.count; i-- > 0;) visit_step(&p, &steps[i]);
    TAY_TRY(tay__find_runs(&exec->cleared, p.cleared, n));
out:
    tay__free(p.live);
    return status;
}
