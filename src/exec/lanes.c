/*
 * Binding for several lanes. Coefficients of one slot are consecutive lanes, so that
 *
 * - a run is as many members as have consecutive operands and the same coefficients (pieces of rows; nothing is gathered);
 * - layers are products of matrices;
 * - an integral, y_n = 1/n sum_j j a_j g_{n-j}, reads its operands as j a_j: a sum that integrals alone read is kept
 *   in this form from the start, other operands are copied.
 */
#include "exec/bound.h"

/* Whether member m + 1 of row r goes on where member m ends. */
static bool goes_on(const tay__exec *exec, const tay__group *g, uint32_t r, int32_t m)
{
    if (g->has_coefs && g->varying_coefs != exec->lane_coefs) return false;
    for (uint32_t k = 0; k < g->n_terms; k++) {
        if (tay__operand(g, g->a, g->a_stride, r, k, m + 1) != tay__operand(g, g->a, g->a_stride, r, k, m) + 1) return false;
        if (!g->b) continue;
        if (tay__operand(g, g->b, g->b_stride, r, k, m + 1) != tay__operand(g, g->b, g->b_stride, r, k, m) + 1) return false;
    }
    return true;
}

tay_status tay__add_pieces(tay__exec *exec, const tay__group *g)
{
    tay_status status = TAY_OK;

    TAY_TRY(tay__array_push(&exec->slices, &exec->segments.count));
    for (uint32_t r = 0; r < g->n_rows; r++) {
        for (int32_t begin = 0, end; begin < g->rows[r].length; begin = end) {
            end = begin + 1;
            if (tay__is_layer(g)) end = g->rows[r].length;
            while (end < g->rows[r].length && goes_on(exec, g, r, end - 1)) end++;
            TAY_TRY(tay__array_push(&exec->segments, &(tay__segment){r, begin, end}));
        }
    }
out:
    return status;
}

/* Whether some of n packed coefficients are outputs of the prologue. */
static bool depends(const tay__program *p, size_t first, size_t n)
{
    for (size_t i = first; i < first + n; i++)
        if (p->packed_from[i] >= p->n_numbers) return true;
    return false;
}

bool tay__depends_on_prologue(const tay__program *p, const tay__group *g)
{
    return (g->has_coefs && depends(p, g->coefs, tay__n_coefs(g))) || (g->has_constant && depends(p, g->constants, g->n_members));
}

/* Slots behind the program's are copies for integrals. */
static bool is_scaled(const tay__exec *exec, int32_t slot)
{
    return exec->scaled && ((uint32_t)slot >= exec->program->n_slots || exec->scaled[slot]);
}

void tay__finish_lanes(tay__exec *exec, tay__operation *operation)
{
    const tay__group *g = operation->group;
    tay__kernel *kernel = &operation->kernel;

    if (!tay__depends_on_prologue(exec->program, g)) kernel->learn = NULL;
    kernel->scaled = g->primitive == TAY__LINEAR && !kernel->to_state && is_scaled(exec, g->rows[0].first);
    if (!tay__is_layer(g)) return;
    kernel->transposed = exec->n_transposed;
    if (exec->reversible) exec->n_transposed += tay__n_coefs(g);
}

/* The number of distinct operand slots of a row's term, given its stride. */
static int32_t span(const tay__group *g, uint32_t r)
{
    return g->a_stride == TAY__SHARED ? 1 : g->rows[r].length;
}

void tay__see_operands(const tay__group *g, tay__see_operand *see, void *context)
{
    for (uint32_t r = 0; r < g->n_rows; r++) {
        for (uint32_t k = 0; k < g->n_terms; k++) {
            for (int32_t m = 0; m < span(g, r); m++) see(context, g, tay__operand(g, g->a, g->a_stride, r, k, m), false);
            for (int32_t m = 0; g->b && m < g->rows[r].length; m++)
                see(context, g, tay__operand(g, g->b, g->b_stride, r, k, m), true);
        }
    }
}

/* Slots that may be kept scaled, and those that an integral reads; `changed`: one fewer. */
typedef struct scaling {
    bool *scaled, *read;
    bool all, changed;
} scaling;

static void refuse(scaling *s, int32_t slot)
{
    if (s->scaled[slot]) s->changed = true;
    s->scaled[slot] = false;
}

static void refuse_others(void *context, const tay__group *g, int32_t slot, bool is_b)
{
    if (is_b || g->primitive != TAY__INTEGRATE)
        refuse(context, slot);
    else
        ((scaling *)context)->read[slot] = true;
}

static void check_all(void *context, const tay__group *g, int32_t slot, bool is_b)
{
    scaling *s = context;
    (void)g;
    if (!is_b && !s->scaled[slot]) s->all = false;
}

static void refuse_a(void *context, const tay__group *g, int32_t slot, bool is_b)
{
    (void)g;
    if (!is_b) refuse(context, slot);
}

/* A group's members are all scaled or none. */
static void level_group(scaling *s, const tay__group *g)
{
    bool all = true;

    for (uint32_t r = 0; r < g->n_rows; r++)
        for (int32_t i = g->rows[r].first; i < g->rows[r].first + g->rows[r].length; i++)
            all = all && s->scaled[i] && s->read[i];
    for (uint32_t r = 0; r < g->n_rows && !all; r++)
        for (int32_t m = 0; m < g->rows[r].length; m++) refuse(s, g->rows[r].first + m);
}

static const tay__group *next_group(const tay__program *p, uint32_t *stage, uint32_t *group)
{
    for (; *stage < p->n_stages; ++*stage, *group = 0)
        if (*group < p->stages[*stage].n_groups) return &p->stages[*stage].groups[(*group)++];
    return NULL;
}

#define FOR_GROUPS(g, p) for (uint32_t s_ = 0, g_ = 0; (g = next_group(p, &s_, &g_));)

tay_status tay__find_scaled(tay__exec *exec)
{
    tay_status status = TAY_OK;
    const tay__program *p = exec->program;
    const tay__group *g;
    scaling s = {0};

    if (exec->lanes == 1 || exec->order < 2) goto out;
    TAY_TRY(tay__calloc(&s.read, p->n_slots, sizeof *s.read));
    TAY_TRY(tay__alloc_kept(&exec->scaled, &exec->kept, p->n_slots, sizeof *exec->scaled));
    s.scaled = exec->scaled;
    FOR_GROUPS(g, p) {
        for (uint32_t r = 0; r < g->n_rows && g->primitive == TAY__LINEAR; r++)
            memset(&s.scaled[g->rows[r].first], true, (size_t)g->rows[r].length);
    }
    FOR_GROUPS(g, p) tay__see_operands(g, refuse_others, &s);
    do {
        s.changed = false;
        FOR_GROUPS(g, p) {
            if (g->primitive == TAY__LINEAR) level_group(&s, g);
            if (g->primitive != TAY__INTEGRATE) continue;
            s.all = true;
            tay__see_operands(g, check_all, &s);
            if (!s.all) tay__see_operands(g, refuse_a, &s);
        }
    } while (s.changed);
out:
    tay__free(s.read);
    return status;
}

tay_status tay__scale_operands(tay__exec *exec, const tay__group **group, const tay__group **copies)
{
    tay_status status = TAY_OK;
    const tay__group *g = *group;
    tay__group *own;
    int32_t *from = NULL, *a;
    size_t n = 0;
    scaling s = {.scaled = exec->scaled, .all = true};

    *copies = NULL;
    if (!exec->scaled || g->primitive != TAY__INTEGRATE) goto out;
    tay__see_operands(g, check_all, &s);
    if (s.all) goto out;
    for (uint32_t r = 0; r < g->n_rows; r++) n += g->n_terms * (size_t)span(g, r);
    TAY_TRY(tay__alloc_kept(&own, &exec->kept, 1, sizeof *own));
    TAY_TRY(tay__alloc(&from, n, sizeof *from));
    size_t n_a = g->n_terms * (size_t)(g->a_stride == TAY__GATHER ? (uint32_t)g->pitch : g->n_rows);
    TAY_TRY(tay__alloc_kept(&a, &exec->kept, n_a, sizeof *a));
    size_t at = 0;
    for (uint32_t r = 0; r < g->n_rows; r++) {
        for (uint32_t k = 0; k < g->n_terms; k++) {
            for (int32_t m = 0; m < span(g, r); m++, at++) {
                from[at] = tay__operand(g, g->a, g->a_stride, r, k, m);
                if (g->a_stride == TAY__GATHER) a[k * (size_t)g->pitch + (size_t)m] = (int32_t)(exec->n_slots + at);
                else if (m == 0) a[r * (size_t)g->n_terms + k] = (int32_t)(exec->n_slots + at);
            }
        }
    }
    TAY_TRY(tay__make_copies(copies, exec, from, n));
    *own = *g;
    own->a = a;
    *group = own;
out:
    tay__free(from);
    return status;
}
