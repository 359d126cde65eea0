/*
 * Fusing: in x' = sum the sum, where it is transient and read by states only, need not be stored: its coefficient n,
 * divided by n + 1, is coefficient n + 1 of the states. Its group then writes to the states' slots, and these states' own
 * group no longer has them.
 */
#include "exec/bound.h"

enum { UNREAD = -1, NOT_FUSED = -2 };

/* A row of a transient sum: the first of the states that read it, or UNREAD, or NOT_FUSED. */
typedef struct sum_row {
    uint32_t group, row;
    int32_t state;
} sum_row;

typedef struct fuser {
    tay__exec *exec;
    const tay__stage *stage;
    int32_t *row_of; /* [n_slots] index of a sum row, or -1 */
    tay__array rows; /* of sum_row */
    bool *fused;     /* [n_groups] */
} fuser;

static bool is_candidate(const tay__group *g)
{
    return g->transient && (g->primitive == TAY__LINEAR || g->primitive == TAY__PRODUCT) && g->a_stride != TAY__GATHER;
}

static tay_status list_rows(fuser *f)
{
    tay_status status = TAY_OK;

    for (uint32_t i = 0; i < f->exec->program->n_slots; i++) f->row_of[i] = -1;
    for (uint32_t k = 0; k < f->stage->n_groups; k++) {
        const tay__group *g = &f->stage->groups[k];
        f->fused[k] = is_candidate(g);
        for (uint32_t r = 0; f->fused[k] && r < g->n_rows; r++) {
            for (int32_t m = 0; m < g->rows[r].length; m++) f->row_of[g->rows[r].first + m] = (int32_t)f->rows.count;
            TAY_TRY(tay__array_push(&f->rows, &(sum_row){k, r, UNREAD}));
        }
    }
out:
    return status;
}

/* Notes what slots first .. first + length - 1 are read by: by states from slot `state` on, or something else (-1). */
static void note_reader(fuser *f, int32_t first, int32_t length, int32_t state)
{
    for (int32_t m = 0; m < length;) {
        int32_t i = f->row_of[first + m];
        if (i < 0) {
            m++;
            continue;
        }
        sum_row *sum = (sum_row *)f->rows.data + i;
        const tay__row *row = &f->stage->groups[sum->group].rows[sum->row];
        bool whole = row->first == first + m && row->length <= length - m;
        sum->state = state >= 0 && whole && sum->state == UNREAD ? state + m : NOT_FUSED;
        m = row->first + row->length - first;
    }
}

static void note_readers(fuser *f)
{
    for (uint32_t k = 0; k < f->stage->n_groups; k++) {
        const tay__group *g = &f->stage->groups[k];
        bool table = g->a_stride == TAY__GATHER;
        size_t n = (size_t)g->n_terms * (table ? (size_t)g->pitch : g->n_rows);
        for (size_t i = 0; i < n; i++) {
            const tay__row *row = &g->rows[table ? 0 : i / g->n_terms];
            int32_t length = g->a_stride == TAY__CONTIGUOUS ? row->length : 1;
            note_reader(f, g->a[i], length, g->primitive == TAY__STATE && !table ? row->first : -1);
        }
    }
}

/* A group is fused if all of its rows can be. */
static void choose_groups(fuser *f)
{
    const sum_row *rows = f->rows.data;

    for (size_t i = 0; i < f->rows.count; i++)
        if (rows[i].state < 0) f->fused[rows[i].group] = false;
}

/* Group k with the states' slots for rows; `first` is its first sum row. */
static tay_status redirect(const tay__group **out, const fuser *f, uint32_t k, const sum_row *first)
{
    tay_status status = TAY_OK;
    const tay__group *g = &f->stage->groups[k];
    tay__group *copy;
    tay__row *rows;

    TAY_TRY(tay__alloc_kept(&copy, &f->exec->kept, 1, sizeof *copy));
    TAY_TRY(tay__alloc_kept(&rows, &f->exec->kept, g->n_rows, sizeof *rows));
    for (uint32_t r = 0; r < g->n_rows; r++) {
        rows[r] = g->rows[r];
        rows[r].first = first[r].state;
    }
    *copy = *g;
    copy->rows = rows;
    copy->transient = false;
    *out = copy;
out:
    return status;
}

/* Appends the pieces of row r of a state group that are not fused to rows and slots (of their operands). */
static tay_status add_pieces(const fuser *f, tay__array *rows, tay__array *slots, const tay__group *g, uint32_t r)
{
    tay_status status = TAY_OK;
    const tay__row *row = &g->rows[r];

    for (int32_t begin = 0, end; begin < row->length; begin = end) {
        int32_t slot = g->a[r] + begin, i = f->row_of[slot];
        const sum_row *sum = i < 0 ? NULL : (const sum_row *)f->rows.data + i;
        bool fused = sum && f->fused[sum->group];
        end = begin + 1;
        if (fused) {
            end = begin + f->stage->groups[sum->group].rows[sum->row].length;
            continue;
        }
        for (; end < row->length; end++) {
            i = f->row_of[g->a[r] + end];
            if (i >= 0 && f->fused[((const sum_row *)f->rows.data)[i].group]) break;
        }
        TAY_TRY(tay__array_push(rows, &(tay__row){row->first + begin, end - begin, row->column + begin, 1}));
        TAY_TRY(tay__array_push(slots, &slot));
    }
out:
    return status;
}

/* A state group without the states that are fused; *out = NULL if none are left. */
static tay_status reduce(const tay__group **out, const fuser *f, const tay__group *g)
{
    tay_status status = TAY_OK;
    tay__array rows = TAY__ARRAY(tay__row), slots = TAY__ARRAY(int32_t);
    tay__group *copy;
    tay__row *own_rows;
    int32_t *own_slots;
    uint32_t *offset;

    for (uint32_t r = 0; r < g->n_rows; r++) TAY_TRY(add_pieces(f, &rows, &slots, g, r));
    *out = NULL;
    if (rows.count == 0) goto out;
    TAY_TRY(tay__alloc_kept(&copy, &f->exec->kept, 1, sizeof *copy));
    TAY_TRY(tay__alloc_kept(&own_rows, &f->exec->kept, rows.count, sizeof *own_rows));
    TAY_TRY(tay__alloc_kept(&own_slots, &f->exec->kept, rows.count, sizeof *own_slots));
    TAY_TRY(tay__alloc_kept(&offset, &f->exec->kept, rows.count, sizeof *offset));
    memcpy(own_rows, rows.data, rows.count * sizeof *own_rows);
    memcpy(own_slots, slots.data, rows.count * sizeof *own_slots);
    *copy = *g;
    copy->rows = own_rows;
    copy->a = own_slots;
    copy->offset = offset;
    copy->n_rows = (uint32_t)rows.count;
    copy->n_members = 0;
    for (size_t r = 0; r < rows.count; r++) {
        offset[r] = copy->n_members;
        copy->n_members += (uint32_t)own_rows[r].length;
    }
    *out = copy;
out:
    tay__array_free(&rows);
    tay__array_free(&slots);
    return status;
}

static tay_status list_groups(tay__array *out, const fuser *f)
{
    tay_status status = TAY_OK;
    const sum_row *rows = f->rows.data;
    size_t first = 0; /* the group's first sum row */

    for (uint32_t k = 0; k < f->stage->n_groups; k++) {
        tay__fused fused = {.group = &f->stage->groups[k], .to_state = f->fused[k]};
        uint32_t n_rows = fused.group->n_rows;
        bool candidate = is_candidate(fused.group);
        if (fused.to_state) TAY_TRY(redirect(&fused.group, f, k, rows + first));
        if (fused.group->primitive == TAY__STATE && fused.group->a_stride == TAY__CONTIGUOUS)
            TAY_TRY(reduce(&fused.group, f, fused.group));
        if (candidate) first += n_rows;
        if (fused.group) TAY_TRY(tay__array_push(out, &fused));
    }
out:
    return status;
}

tay_status tay__fuse_states(tay__array *out, tay__exec *exec, const tay__stage *stage)
{
    tay_status status = TAY_OK;
    fuser f = {.exec = exec, .stage = stage, .rows = TAY__ARRAY(sum_row)};

    TAY_TRY(tay__alloc(&f.row_of, exec->program->n_slots, sizeof *f.row_of));
    TAY_TRY(tay__calloc(&f.fused, stage->n_groups, sizeof *f.fused));
    TAY_TRY(list_rows(&f));
    note_readers(&f);
    choose_groups(&f);
    TAY_TRY(list_groups(out, &f));
out:
    tay__free(f.row_of);
    tay__free(f.fused);
    tay__array_free(&f.rows);
    return status;
}
