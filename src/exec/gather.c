/*
 * Operands without a pattern, one lane. Products, functions and powers read their operands at all lower orders, so each new
 * coefficient is copied to consecutive slots of the exec's own, once for all groups that read it in this sequence: a group is
 * cut into rows in which every operand is a run of slots, or of copies that an earlier group has already made.
 *
 * Where the copied values are sums that nothing else reads (differences of positions), the sums are computed where their copies
 * would be (tay__fuse_copies).
 */
#include <stdlib.h>

#include "exec/bound.h"

/* Rows of fewer members than this on average are not worth it. */
enum { LEAST_ROW = 4 };

static bool can_be_cut(const tay__group *g)
{
    return !g->has_coefs || (g->varying_coefs && g->n_terms == 1);
}

/* Where a slot is copied to, or -1. */
static int32_t copy_of(const tay__exec *exec, int32_t slot)
{
    return (uint32_t)slot < exec->program->n_slots ? exec->copies[slot] : -1;
}

/* How far slots[m], m >= begin, are consecutive, taken as they are or as copies; 0: there is no copy. */
static int32_t run_of(const tay__exec *exec, const int32_t *slots, bool copied, int32_t begin, int32_t end)
{
    int32_t m = begin + 1, first = copied ? copy_of(exec, slots[begin]) : slots[begin];

    if (first < 0) return 0;
    while (m < end && (copied ? copy_of(exec, slots[m]) : slots[m]) == first + (m - begin)) m++;
    return m - begin;
}

/* The length of the longest row from member `begin` on; where[k] and where[n_terms + k]: its operands' first slots. */
static int32_t next_row(const tay__exec *exec, const tay__group *g, int32_t begin, int32_t *where)
{
    int32_t end = (int32_t)g->n_members;

    for (uint32_t i = 0; i < g->n_terms * (g->b ? 2u : 1u); i++) {
        const int32_t *slots = (i < g->n_terms ? g->a : g->b) + (i % g->n_terms) * (size_t)g->pitch;
        int32_t plain = run_of(exec, slots, false, begin, end), copied = run_of(exec, slots, true, begin, end);
        if (where) where[i] = copied > plain ? copy_of(exec, slots[begin]) : slots[begin];
        end = begin + (copied > plain ? copied : plain);
    }
    return end - begin;
}

static uint32_t count_rows(const tay__exec *exec, const tay__group *g)
{
    uint32_t n = 0;
    for (int32_t m = 0; m < (int32_t)g->n_members; m += next_row(exec, g, m, NULL)) n++;
    return n;
}

tay_status tay__cut_rows(const tay__group **out, tay__exec *exec, const tay__group *g)
{
    tay_status status = TAY_OK;
    uint32_t n_rows = 0, n_where = g->n_terms * (g->b ? 2 : 1), n = 0;
    tay__group *own;
    tay__row *rows;
    int32_t *a, *b, *where = NULL;
    uint32_t *offset;

    *out = NULL;
    if (!exec->copies || !can_be_cut(g)) goto out;
    n_rows = count_rows(exec, g);
    if (n_rows * LEAST_ROW > g->n_members) goto out;
    TAY_TRY(tay__alloc_kept(&own, &exec->kept, 1, sizeof *own));
    TAY_TRY(tay__alloc_kept(&rows, &exec->kept, n_rows, sizeof *rows));
    TAY_TRY(tay__alloc_kept(&offset, &exec->kept, n_rows, sizeof *offset));
    TAY_TRY(tay__alloc_kept(&a, &exec->kept, n_rows * (size_t)g->n_terms, sizeof *a));
    TAY_TRY(tay__alloc_kept(&b, &exec->kept, n_rows * (size_t)g->n_terms, sizeof *b));
    TAY_TRY(tay__alloc(&where, n_where, sizeof *where));
    for (uint32_t r = 0; r < n_rows; r++) {
        int32_t length = next_row(exec, g, (int32_t)n, where);
        rows[r] = (tay__row){.first = g->rows[0].first + (int32_t)n, .length = length, .tile = 1};
        offset[r] = n;
        memcpy(a + r * (size_t)g->n_terms, where, g->n_terms * sizeof *a);
        if (g->b) memcpy(b + r * (size_t)g->n_terms, where + g->n_terms, g->n_terms * sizeof *b);
        n += (uint32_t)length;
    }
    *own = *g;
    own->a_stride = TAY__CONTIGUOUS;
    own->b_stride = g->b ? TAY__CONTIGUOUS : g->b_stride;
    own->n_rows = n_rows;
    own->rows = rows;
    own->offset = offset;
    own->a = a;
    own->b = g->b ? b : NULL;
    own->pitch = 0;
    *out = own;
out:
    tay__free(where);
    return status;
}

/* Whether a group reads a slot from first .. end - 1. */
static bool reads(const tay__group *g, const int32_t *slots, tay__stride stride, int32_t first, int32_t end)
{
    bool table = g->a_stride == TAY__GATHER;
    size_t n = g->n_terms * (size_t)(table ? (uint32_t)g->pitch : g->n_rows);

    for (size_t i = 0; slots && i < n; i++) {
        int32_t length = !table && stride == TAY__CONTIGUOUS ? g->rows[i / g->n_terms].length : 1;
        if (slots[i] < end && slots[i] + length > first) return true;
    }
    return false;
}

/* Readers of slots first .. end - 1 that members may not change places for: those bound already, and rows of several. */
static bool has_strict_reader(const tay__exec *exec, int32_t first, int32_t end)
{
    const tay__operation *operations = exec->operations.data;

    for (size_t i = 0; i < exec->operations.count; i++) {
        const tay__group *g = operations[i].group;
        if (reads(g, g->a, g->a_stride, first, end) || reads(g, g->b, g->b_stride, first, end)) return true;
    }
    for (uint32_t i = 0; i < exec->program->n_stages; i++) {
        const tay__stage *stage = &exec->program->stages[i];
        for (uint32_t k = 0; k < stage->n_groups; k++) {
            const tay__group *g = &stage->groups[k];
            if (g->a_stride == TAY__GATHER || g->n_rows == g->n_members) continue;
            if (g->a_stride == TAY__CONTIGUOUS && reads(g, g->a, g->a_stride, first, end)) return true;
            if (g->b && g->b_stride == TAY__CONTIGUOUS && reads(g, g->b, g->b_stride, first, end)) return true;
        }
    }
    return false;
}

/* A member and the slot that it is sorted by. */
typedef struct ranked {
    int32_t key, member;
} ranked;

static int compare_ranked(const void *a, const void *b)
{
    const ranked *x = a, *y = b;
    return x->key != y->key ? (x->key < y->key ? -1 : 1) : x->member - y->member;
}

/* Moves the rows of a group, whose members are in the order of `sorted`, to slots of the exec's own, each with room for whole
 * vectors. */
static tay_status move_rows(const tay__group **group, tay__exec *exec, const ranked *sorted)
{
    tay_status status = TAY_OK;
    int32_t first = (*group)->rows[0].first;
    tay__group *own;
    tay__row *rows;

    if (!exec->moved) {
        TAY_TRY(tay__alloc_kept(&exec->moved, &exec->kept, exec->program->n_slots, sizeof *exec->moved));
        for (uint32_t i = 0; i < exec->program->n_slots; i++) exec->moved[i] = (int32_t)i;
    }
    TAY_TRY(tay__alloc_kept(&own, &exec->kept, 1, sizeof *own));
    TAY_TRY(tay__alloc_kept(&rows, &exec->kept, (*group)->n_rows, sizeof *rows));
    *own = **group;
    tay__align_slots(exec);
    for (uint32_t r = 0, m = 0; r < own->n_rows; r++) {
        size_t length = (size_t)own->rows[r].length;
        if (exec->n_slots + length + TAY__PITCH > INT32_MAX) TAY_FAIL(TAY_ERROR_LIMIT, "too many values for an exec");
        rows[r] = own->rows[r];
        rows[r].first = (int32_t)exec->n_slots;
        for (size_t i = 0; i < length; i++, m++) exec->moved[first + sorted[m].member] = rows[r].first + (int32_t)i;
        exec->n_slots += (length + TAY__PITCH - 1) / TAY__PITCH * TAY__PITCH;
    }
    own->rows = rows;
    *group = own;
out:
    return status;
}

tay_status tay__order_members(const tay__group **group, tay__exec *exec)
{
    tay_status status = TAY_OK;
    const tay__group *g = *group;
    ranked *sorted = NULL;
    tay__group *own;
    int32_t *a, n = (int32_t)g->n_members;
    uint32_t n_rows;

    if (!exec->copies || exec->program->outputs || g->n_terms != 1 || !g->b || g->has_coefs || g->has_constant || g->square ||
        g->primitive != TAY__PRODUCT || (n_rows = count_rows(exec, g)) == 1 ||
        has_strict_reader(exec, g->rows[0].first, g->rows[0].first + n))
        goto out;
    TAY_TRY(tay__alloc(&sorted, g->n_members, sizeof *sorted));
    for (int32_t m = 0; m < n; m++)
        sorted[m] = (ranked){copy_of(exec, g->b[m]) < 0 ? g->b[m] : copy_of(exec, g->b[m]), m};
    qsort(sorted, g->n_members, sizeof *sorted, compare_ranked);
    TAY_TRY(tay__alloc_kept(&own, &exec->kept, 1, sizeof *own));
    TAY_TRY(tay__alloc_kept(&a, &exec->kept, 2 * (size_t)g->pitch, sizeof *a));
    for (int32_t m = 0; m < g->pitch; m++) {
        int32_t from = sorted[m < n ? m : n - 1].member;
        a[m] = g->a[from];
        a[g->pitch + m] = g->b[from];
    }
    *own = *g;
    own->a = a;
    own->b = a + g->pitch;
    if (2 * count_rows(exec, own) > n_rows) goto out;
    TAY_TRY(tay__cut_rows(group, exec, own));
    if (*group)
        TAY_TRY(move_rows(group, exec, sorted));
    else
        *group = g;
out:
    tay__free(sorted);
    return status;
}

/* Slots after the moves. */
static tay_status follow(const int32_t **slots, tay__exec *exec, size_t n)
{
    tay_status status = TAY_OK;
    int32_t *own;

    if (!*slots) goto out;
    TAY_TRY(tay__alloc_kept(&own, &exec->kept, n, sizeof *own));
    for (size_t i = 0; i < n; i++) own[i] = exec->moved[(*slots)[i]];
    *slots = own;
out:
    return status;
}

tay_status tay__follow_moves(const tay__group **group, tay__exec *exec)
{
    tay_status status = TAY_OK;
    const tay__group *g = *group;
    size_t n = g->n_terms * (size_t)(g->a_stride == TAY__GATHER ? (uint32_t)g->pitch : g->n_rows);
    tay__group *own;

    if (!exec->moved) goto out;
    TAY_TRY(tay__alloc_kept(&own, &exec->kept, 1, sizeof *own));
    *own = *g;
    TAY_TRY(follow(&own->a, exec, n));
    TAY_TRY(follow(&own->b, exec, n));
    *group = own;
out:
    return status;
}

tay_status tay__note_copies(tay__exec *exec, const tay__group *g, const int32_t *slots, const int32_t *first)
{
    tay_status status = TAY_OK;
    size_t n_slots = exec->program->n_slots;

    if (!exec->copies) {
        TAY_TRY(tay__alloc_kept(&exec->copies, &exec->kept, n_slots, sizeof *exec->copies));
        for (size_t i = 0; i < n_slots; i++) exec->copies[i] = -1;
    }
    for (uint32_t k = 0; k < g->n_terms; k++) {
        for (int32_t m = 0; m < (int32_t)g->n_members; m++) {
            int32_t slot = slots[k * (size_t)g->pitch + (size_t)m];
            if ((uint32_t)slot < n_slots && exec->copies[slot] < 0) exec->copies[slot] = first[k] + m;
        }
    }
out:
    return status;
}

/* A sum whose members can be computed elsewhere: no transients, no constants, and the same numbers for all members. */
static bool is_movable(const tay__exec *exec, const tay__operation *o)
{
    const tay__group *g = o->group;
    const uint32_t *from = exec->program->packed_from;

    if (g->primitive != TAY__LINEAR || g->a_transient || g->transient || g->has_constant || o->kernel.to_state ||
        g->a_stride != TAY__CONTIGUOUS)
        return false;
    if (!g->has_coefs) return true;
    size_t n = g->n_terms * (size_t)(g->varying_coefs ? g->n_members : g->n_rows);
    if (g->varying_coefs) return false;
    for (size_t i = 0; i < n; i++)
        if (from[g->coefs + i] != from[g->coefs + i % g->n_terms]) return false;
    return true;
}

static bool is_copy(const tay__exec *exec, const tay__operation *o)
{
    return o->group->primitive == TAY__LINEAR && (uint32_t)o->group->rows[0].first >= exec->program->n_slots;
}

/* The group that computes the sums of `sum` where `copy` copies them to. */
static tay_status move_sums(const tay__group **out, tay__exec *exec, const tay__group *sum, const tay__group *copy)
{
    tay_status status = TAY_OK;
    tay__group *own;
    int32_t *a, *row_of = NULL;
    size_t pitch = (size_t)copy->pitch;

    TAY_TRY(tay__alloc_kept(&own, &exec->kept, 1, sizeof *own));
    TAY_TRY(tay__alloc_kept(&a, &exec->kept, sum->n_terms * pitch, sizeof *a));
    TAY_TRY(tay__calloc(&row_of, exec->program->n_slots, sizeof *row_of));
    for (uint32_t r = 0; r < sum->n_rows; r++)
        for (int32_t m = 0; m < sum->rows[r].length; m++) row_of[sum->rows[r].first + m] = (int32_t)r;
    for (size_t i = 0; i < pitch; i++) {
        int32_t slot = copy->a[i], r = row_of[slot];
        for (uint32_t k = 0; k < sum->n_terms; k++)
            a[k * pitch + i] = sum->a[(size_t)r * sum->n_terms + k] + (slot - sum->rows[r].first);
    }
    *own = *copy;
    own->n_terms = sum->n_terms;
    own->a = a;
    own->has_coefs = sum->has_coefs;
    own->varying_coefs = false;
    own->coefs = sum->coefs;
    *out = own;
out:
    tay__free(row_of);
    return status;
}

/* The end of a group's slots, which begin at its first row's, if its rows follow each other. */
static int32_t end_of(const tay__group *g)
{
    return g->rows[g->n_rows - 1].first + g->rows[g->n_rows - 1].length;
}

/* The one operation that copies from sum k of a step; -1: there is none, or something else reads it. */
static int64_t only_copy(const tay__exec *exec, const tay__stage *stage, const tay__operation *operations, uint32_t n,
                         const tay__group *sum)
{
    int64_t copy = -1;
    int32_t first = sum->rows[0].first, end = end_of(sum);

    for (uint32_t i = 0; i < exec->program->n_stages; i++) { /* later stages may read the values themselves */
        for (uint32_t k = 0; k < exec->program->stages[i].n_groups; k++) {
            const tay__group *g = &exec->program->stages[i].groups[k];
            if (&exec->program->stages[i] == stage) continue; /* whose operations these are */
            if (reads(g, g->a, g->a_stride, first, end) || reads(g, g->b, g->b_stride, first, end)) return -1;
        }
    }
    for (uint32_t k = 0; k < n; k++) {
        const tay__group *g = operations[k].group;
        if (g == sum) continue;
        if (!reads(g, g->a, g->a_stride, first, end) && !reads(g, g->b, g->b_stride, first, end)) continue;
        if (copy >= 0 || !is_copy(exec, &operations[k]) || g->n_terms != 1) return -1;
        for (int32_t m = 0; m < g->pitch; m++)
            if (g->a[m] < first || g->a[m] >= end) return -1;
        copy = k;
    }
    return copy;
}

tay_status tay__fuse_copies(tay__exec *exec, tay__step *step, const tay__stage *stage)
{
    tay_status status = TAY_OK;
    tay__operation *operations = (tay__operation *)exec->operations.data + step->begin;

    if (!exec->copies || exec->program->outputs) return TAY_OK; /* those are read by the caller */
    for (uint32_t k = 0; k < step->n_operations; k++) {
        const tay__group *sum = operations[k].group;
        if (!is_movable(exec, &operations[k]) || is_copy(exec, &operations[k])) continue;
        int64_t copy = only_copy(exec, stage, operations, step->n_operations, sum);
        if (copy < 0) continue;
        TAY_TRY(move_sums(&operations[copy].group, exec, sum, operations[copy].group));
        operations[copy].kernel = exec->kernels->select(operations[copy].group, 1, false);
        memmove(&operations[k], &operations[k + 1], (step->n_operations - k - 1) * sizeof *operations);
        step->n_operations--;
        exec->operations.count--;
        k--;
    }
out:
    return status;
}
