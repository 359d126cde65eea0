/*
 * Linear groups with tables, one lane, where most operands of neighbours are neighbours (differences of positions, sums of
 * accelerations: program/sort.c): the table is cut into pieces of a vector's width, and the operands of those that are not runs
 * are copied to slots of the exec's own, where they are. If there are few different operands, all of them are copied before, in
 * the order in which they are read, as that leaves fewer such pieces (positions, between which there are velocities).
 */
#include "exec/bound.h"

/* A table with pieces is worth having if it gathers at most a half of what the table does; small ones are gathered at once. */
enum { LEAST_GAIN = 2, LEAST_TABLE = 512 };

typedef struct cutter {
    tay__exec *exec;
    const tay__group *group;
    int32_t width;     /* members of a piece */
    int32_t *renamed;  /* [n_slots] where a slot is copied to, from 0 on; -1: nowhere */
    tay__array copied; /* of int32_t: the slots that are copied, in order */
} cutter;

/* Lists all different operands, in the order of terms, from term `from` on, and members. */
static tay_status list_operands(cutter *c, uint32_t from)
{
    tay_status status = TAY_OK;
    const tay__group *g = c->group;

    c->copied.count = 0;
    for (size_t i = 0; i < c->exec->n_slots; i++) c->renamed[i] = -1;
    for (size_t i = 0, n = g->n_terms * (size_t)g->pitch; i < n; i++) {
        const int32_t *slot = &g->a[(i + from * (size_t)g->pitch) % n];
        if (c->renamed[*slot] >= 0) continue;
        c->renamed[*slot] = (int32_t)c->copied.count;
        TAY_TRY(tay__array_push(&c->copied, slot));
    }
out:
    return status;
}

/* Whether a piece of operands, as they are or renamed, is a run; there may be no members in the end of the last one. */
static bool is_run(const cutter *c, const int32_t *slots, int32_t begin, bool renamed)
{
    for (int32_t m = 1; m < c->width && begin + m < (int32_t)c->group->n_members; m++) {
        int32_t first = renamed ? c->renamed[slots[begin]] : slots[begin];
        if ((renamed ? c->renamed[slots[begin + m]] : slots[begin + m]) != first + m) return false;
    }
    return true;
}

static size_t count_others(const cutter *c, bool renamed)
{
    const tay__group *g = c->group;
    size_t n = 0;

    for (uint32_t k = 0; k < g->n_terms; k++)
        for (int32_t m = 0; m < g->pitch; m += c->width) n += !is_run(c, g->a + k * (size_t)g->pitch, m, renamed);
    return n * (size_t)c->width;
}

/* The table of the pieces; what is copied has slots from `first` on. Appends pieces that are no runs to c->copied. */
static tay_status make_table(int32_t *a, cutter *c, int32_t first, bool renamed)
{
    tay_status status = TAY_OK;
    const tay__group *g = c->group;

    for (uint32_t k = 0; k < g->n_terms; k++) {
        const int32_t *slots = g->a + k * (size_t)g->pitch;
        for (int32_t begin = 0; begin < g->pitch; begin += c->width) {
            int32_t to = !renamed ? slots[begin] : first + c->renamed[slots[begin]];
            if (!is_run(c, slots, begin, renamed)) {
                to = first + (int32_t)c->copied.count;
                for (int32_t m = 0; m < c->width; m++) TAY_TRY(tay__array_push(&c->copied, &slots[begin + m]));
            }
            for (int32_t m = 0; m < c->width; m++) *a++ = to + m;
        }
    }
out:
    return status;
}

tay_status tay__make_copies(const tay__group **out, tay__exec *exec, const int32_t *slots, size_t n)
{
    tay_status status = TAY_OK;
    tay__group *own;
    tay__row *row;
    uint32_t *offset;
    int32_t *a;

    if (exec->n_slots + n > INT32_MAX)
        TAY_FAIL(TAY_ERROR_LIMIT, "too many gathered operands: %zu slots, at most %d", exec->n_slots + n, INT32_MAX);
    TAY_TRY(tay__alloc_kept(&own, &exec->kept, 1, sizeof *own));
    TAY_TRY(tay__alloc_kept(&row, &exec->kept, 1, sizeof *row));
    TAY_TRY(tay__alloc_kept(&offset, &exec->kept, 1, sizeof *offset));
    TAY_TRY(tay__alloc_kept(&a, &exec->kept, n, sizeof *a));
    memcpy(a, slots, n * sizeof *a);
    *row = (tay__row){.first = (int32_t)exec->n_slots, .length = (int32_t)n, .tile = 1};
    *own = (tay__group){.primitive = TAY__LINEAR, .n_terms = 1, .n_rows = 1, .n_members = (uint32_t)n,
                        .a_stride = TAY__GATHER, .rows = row, .a = a, .pitch = (int32_t)n, .offset = offset};
    exec->n_slots += n;
    *out = own;
out:
    return status;
}

/* Whether all operands are transient, or (false) none; *mixed: neither. */
static bool are_transient(const tay__group *g, bool *mixed)
{
    uint32_t n = 0;

    for (uint32_t k = 0; g->a_transient && k < g->n_terms; k++) n += g->a_transient[k];
    *mixed = n > 0 && n < g->n_terms;
    return n > 0;
}

/* How many coefficients, from the first one on, are 1 in all rows or members. */
static uint32_t count_ones(const cutter *c)
{
    const tay__group *g = c->group;
    size_t n = g->varying_coefs ? (size_t)g->pitch : 1;
    uint32_t k = 0;

    for (; g->has_coefs && k < g->n_terms; k++) {
        for (size_t i = 0; i < n; i++)
            if (!tay__is_one(c->exec->program, g->coefs + k * n + i)) return k;
    }
    return k;
}

/* The group with pieces, and the group that copies; NULL: nothing is. */
static tay_status make_groups(const tay__group **group, const tay__group **copies, cutter *c, bool renamed, bool transient)
{
    tay_status status = TAY_OK;
    const tay__group *g = c->group;
    tay__group *own;
    int32_t *a;
    uint8_t *flags = NULL;

    *copies = NULL;
    if (!renamed) c->copied.count = 0;
    tay__align_slots(c->exec);
    TAY_TRY(tay__alloc_kept(&own, &c->exec->kept, 1, sizeof *own));
    TAY_TRY(tay__alloc_kept(&a, &c->exec->kept, g->n_terms * (size_t)g->pitch, sizeof *a));
    TAY_TRY(make_table(a, c, (int32_t)c->exec->n_slots, renamed));
    *own = *g;
    own->a = a;
    own->piece = c->width;
    own->n_ones = count_ones(c);
    while (c->copied.count % TAY__PITCH > 0) TAY_TRY(tay__array_push(&c->copied, &g->a[0]));
    if (c->copied.count > 0) TAY_TRY(tay__make_copies(copies, c->exec, c->copied.data, c->copied.count));
    if (*copies && (renamed || transient)) { /* copies are read at their own order only */
        TAY_TRY(tay__alloc_kept(&flags, &c->exec->kept, g->n_terms, 1));
        memset(flags, 1, g->n_terms);
        ((tay__group *)*copies)->transient = true;
        ((tay__group *)*copies)->a_transient = transient ? flags : NULL;
        own->a_transient = flags;
    }
    *group = own;
out:
    return status;
}

tay_status tay__cut_pieces(const tay__group **group, const tay__group **copies, tay__exec *exec)
{
    tay_status status = TAY_OK;
    cutter c = {.exec = exec, .group = *group, .width = (int32_t)exec->kernels->width, .copied = TAY__ARRAY(int32_t)};
    const tay__group *g = *group;
    bool mixed, transient = are_transient(g, &mixed);
    size_t n = g->n_terms * (size_t)g->pitch;

    *copies = NULL;
    if (g->primitive != TAY__LINEAR || g->a_stride != TAY__GATHER || mixed || n < LEAST_TABLE || c.width > TAY__PITCH)
        goto out;
    TAY_TRY(tay__alloc(&c.renamed, exec->n_slots, sizeof *c.renamed));
    TAY_TRY(list_operands(&c, 0));
    size_t plain = count_others(&c, false), renamed = count_others(&c, true);
    TAY_TRY(list_operands(&c, g->n_terms - 1));
    if (count_others(&c, true) > renamed) TAY_TRY(list_operands(&c, 0));
    renamed = count_others(&c, true) + c.copied.count;
    size_t least = plain < renamed ? plain : renamed;
    if (least * LEAST_GAIN <= n && exec->n_slots + n < INT32_MAX)
        TAY_TRY(make_groups(group, copies, &c, renamed < plain, transient));
out:
    tay__free(c.renamed);
    tay__array_free(&c.copied);
    return status;
}

/* Rows shorter than this on average are not worth having. */
enum { SHORT_ROWS = 2 };

tay_status tay__tabulate(const tay__group **group, tay__exec *exec)
{
    tay_status status = TAY_OK;
    const tay__group *g = *group;
    tay__group *own;
    tay__row *row;
    int32_t *a, first = g->rows[0].first, n = (int32_t)g->n_members;
    uint32_t *offset;

    if (g->a_stride != TAY__CONTIGUOUS || g->n_rows == 1 || g->n_rows * SHORT_ROWS < g->n_members) goto out;
    for (uint32_t r = 0; r < g->n_rows; r++)
        if (g->rows[r].first != first + (int32_t)g->offset[r]) goto out;
    TAY_TRY(tay__alloc_kept(&own, &exec->kept, 1, sizeof *own));
    TAY_TRY(tay__alloc_kept(&row, &exec->kept, 1, sizeof *row));
    TAY_TRY(tay__alloc_kept(&offset, &exec->kept, 1, sizeof *offset));
    *offset = 0;
    *own = *g;
    own->pitch = (n + TAY__PITCH - 1) / TAY__PITCH * TAY__PITCH;
    TAY_TRY(tay__alloc_kept(&a, &exec->kept, (size_t)own->pitch, sizeof *a));
    for (uint32_t r = 0; r < g->n_rows; r++)
        for (int32_t m = 0; m < g->rows[r].length; m++) a[g->offset[r] + (uint32_t)m] = g->a[r] + m;
    for (int32_t m = n; m < own->pitch; m++) a[m] = a[n - 1];
    *row = (tay__row){.first = first, .length = n, .tile = 1};
    own->rows = row;
    own->n_rows = 1;
    own->offset = offset;
    own->a = a;
    own->a_stride = TAY__GATHER;
    *group = own;
out:
    return status;
}
