/*
 * Which groups run in whole series (kernels/series.h), where their rows are, and what has both a row and coefficients in the
 * jet.
 *
 * Derivatives of high order of the variational equations are hundreds of products and sums of a few members each, which read
 * what is anywhere in the jet, but do not feed back. One after the other goes through all orders at once, in rows of their own.
 * Measured: against copies of what they read, and vectors of members, this takes a half to a fifth of a step's time in the vm,
 * half of one of machine code, which is made sooner without them.
 */
#include "exec/bound.h"

/* Rows of more members fill vectors as they are; so do those that gather theirs, while their coefficients stay in the cache. */
enum { LONG_ROW = 16, MANY_MEMBERS = 32, CACHED_BYTES = 1 << 20 };
/* For fewer terms, or orders, it does not pay to call these kernels from machine code. */
enum { LEAST_TERMS = 32, LEAST_ORDER = 8 };

static bool goes_whole(const tay__group *g, uint32_t many)
{
    bool is_short = g->a_stride == TAY__GATHER ? g->n_members < many : g->n_members / g->n_rows < LONG_ROW;

    return (g->primitive == TAY__LINEAR || g->primitive == TAY__PRODUCT) && is_short && !g->transient && !g->a_transient &&
           !g->start;
}

bool tay__goes_whole(const tay__exec *exec, const tay__group *g)
{
    return exec->series && goes_whole(g, exec->series->many);
}

static size_t count_terms(const tay__program *p, uint32_t many)
{
    size_t n = 0;

    for (uint32_t s = 0; s < p->n_stages; s++) {
        for (uint32_t i = 0; i < p->stages[s].n_groups && !p->stages[s].recurrent; i++) {
            const tay__group *g = &p->stages[s].groups[i];
            if (goes_whole(g, many)) n += g->n_members * (size_t)g->n_terms;
        }
    }
    return n;
}

tay_status tay__plan_series(tay__exec *exec)
{
    tay_status status = TAY_OK;
    uint32_t many = MANY_MEMBERS;

    if (exec->lanes > 1 || exec->order < LEAST_ORDER) goto out;
    if (count_terms(exec->program, UINT32_MAX) > CACHED_BYTES / exec->element / exec->order) many = UINT32_MAX;
    if (count_terms(exec->program, many) < LEAST_TERMS) goto out;
    TAY_TRY(tay__alloc_kept(&exec->series, &exec->kept, 1, sizeof *exec->series));
    *exec->series = (tay__series){.many = many};
out:
    return status;
}

typedef struct placing {
    tay__series *series;
    int32_t n_rows;
    bool *own;         /* [n_slots] computed by one of these groups */
    bool in_rows;      /* what reads is one, too */
    tay__array packed; /* of int32_t: slots that it needs from others */
    tay_status status;
} placing;

static void see(void *context, const tay__group *g, int32_t slot, bool is_b)
{
    placing *p = context;
    (void)g, (void)is_b;

    if (!p->in_rows) {
        p->series->spread[slot] = p->own[slot];
    } else if (p->series->row_of[slot] < 0) {
        p->series->row_of[slot] = p->n_rows++;
        if (p->status == TAY_OK) p->status = tay__array_push(&p->packed, &slot);
    }
}

/* Rows of an operation's members, and of what it reads; what is to be packed before. */
static tay_status place(placing *p, tay__exec *exec, tay__operation *o)
{
    tay_status status = TAY_OK;
    const tay__group *g = o->group;
    int32_t *packed;

    p->in_rows = o->kernel.series != NULL;
    p->packed.count = 0;
    tay__see_operands(g, see, p);
    TAY_TRY(p->status);
    if (!p->in_rows) goto out;
    TAY_TRY(tay__alloc_kept(&packed, &exec->kept, p->packed.count + 1, sizeof *packed));
    if (p->packed.count > 0) memcpy(packed, p->packed.data, p->packed.count * sizeof *packed);
    o->kernel.packed = packed;
    o->kernel.n_packed = p->packed.count;
    tay__mark_members(p->own, g, true);
    for (uint32_t r = 0; r < g->n_rows; r++)
        for (int32_t m = 0; m < g->rows[r].length; m++) p->series->row_of[g->rows[r].first + m] = p->n_rows++;
out:
    return status;
}

tay_status tay__place_series(tay__exec *exec)
{
    tay_status status = TAY_OK;
    placing p = {.series = exec->series, .packed = TAY__ARRAY(int32_t)};
    const size_t line = TAY__LINE / exec->element;

    if (!exec->series) goto out;
    TAY_TRY(tay__alloc_kept(&exec->series->row_of, &exec->kept, exec->n_slots, sizeof *exec->series->row_of));
    TAY_TRY(tay__alloc_kept(&exec->series->spread, &exec->kept, exec->n_slots, sizeof *exec->series->spread));
    TAY_TRY(tay__calloc(&p.own, exec->n_slots, sizeof *p.own));
    for (size_t i = 0; i < exec->n_slots; i++) {
        exec->series->row_of[i] = -1;
        exec->series->spread[i] = false;
    }
    for (size_t i = 0; i < exec->operations.count; i++)
        TAY_TRY(place(&p, exec, (tay__operation *)exec->operations.data + i));
    size_t rows;
    exec->series->stride = (tay__n_orders(exec) + line - 1) / line * line;
    exec->series->call = (exec->n_scratch + line - 1) / line * TAY__LINE;
    exec->series->at = (exec->series->call + TAY__LINE + TAY__SERIES_ROOM) / exec->element;
    TAY_TRY(tay__multiply(&rows, (size_t)p.n_rows, exec->series->stride));
    exec->n_scratch = exec->series->at + rows;
out:
    tay__array_free(&p.packed);
    tay__free(p.own);
    return status;
}
