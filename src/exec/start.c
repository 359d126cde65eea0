/*
 * Starting sums: in phi' = J phi + g, where g does not feed back (program/hoist.c), the sums J phi of a stage with columns need
 * not be made apart, with g added to them after. What is added is written to the sums' own slots, order by order and block of
 * columns by block, and the sums start from there (tay__group.start) and go to the states (fuse.c). So neither g nor J phi
 * leaves the cache.
 *
 * - A group outside of the stage all of whose members are only added, like products u x in g, runs in the stage and writes there.
 * - Else the group that adds writes there, with zeros in place of the sums: its own slots, which nothing else writes.
 */
#include <stdlib.h>

#include "exec/bound.h"

enum { NOWHERE = -1, MOVABLE = -2 };

typedef struct starter {
    tay__exec *exec;
    const tay__stage **stages; /* [n_stages] of the program, or changed ones */
    uint32_t at;               /* the stage with columns, and it: */
    const tay__stage *stage;
    uint8_t *n_readers;        /* [n_slots] 2: two or more */
    bool *inside;              /* [n_slots] made in the stage */
    int32_t *column;           /* [n_slots] of members of sums, else NOWHERE */
    int32_t *goes_to;          /* [n_slots] the sum's slot, of what is added and of results; else NOWHERE, MOVABLE */
    int32_t *reader;           /* [n_slots] the row of states, a number, that alone reads a sum and what is added; or NOWHERE */
    int32_t *term;             /* [stage->n_groups] which term is a sum, if others are added to it; else NOWHERE */
    tay__array groups;         /* of tay__group: those of the new stage */
} starter;

static bool is_sum(const tay__group *g)
{
    return g->primitive == TAY__PRODUCT && g->a_stride == TAY__SHARED && g->transient && !g->has_constant;
}

static void count_reader(void *context, const tay__group *g, int32_t slot, bool is_b)
{
    starter *s = context;
    (void)g, (void)is_b;
    if (s->n_readers[slot] < 2) s->n_readers[slot]++;
}

/* What is known without looking at what is added. */
static void describe(starter *s)
{
    for (uint32_t i = 0; i < s->exec->program->n_slots; i++) s->column[i] = s->goes_to[i] = s->reader[i] = NOWHERE;
    for (uint32_t i = 0; i < s->exec->program->n_stages; i++)
        for (uint32_t k = 0; k < s->stages[i]->n_groups; k++) tay__see_operands(&s->stages[i]->groups[k], count_reader, s);
    for (uint32_t k = 0; k < s->stage->n_groups; k++) {
        const tay__group *g = &s->stage->groups[k];
        tay__mark_members(s->inside, g, true);
        s->term[k] = NOWHERE;
        for (uint32_t r = 0; is_sum(g) && r < g->n_rows; r++)
            for (int32_t m = 0; m < g->rows[r].length; m++) s->column[g->rows[r].first + m] = g->rows[r].column + m;
    }
}

/* Whether term k of row r is a part of a row of a sum, once, which nothing else reads; and one reads the row. */
static bool adds_to_sum(const starter *s, const tay__group *g, uint32_t r, uint32_t k)
{
    int32_t slot = g->a[r * (size_t)g->n_terms + k], length = g->rows[r].length;

    for (int32_t m = 0; m < length; m++) {
        size_t coef = g->coefs + (g->varying_coefs ? g->n_terms * (size_t)g->offset[r] + k * (size_t)length + (size_t)m
                                                   : r * (size_t)g->n_terms + k);
        if (s->column[slot + m] < 0 || s->column[slot + m] != s->column[slot] + m) return false;
        if (s->n_readers[slot + m] != 1 || s->n_readers[g->rows[r].first + m] != 1) return false;
        if (g->has_coefs && !tay__is_one(s->exec->program, coef)) return false;
    }
    return true;
}

/* Whether nothing of term k of row r is made in the stage. */
static bool is_outside(const starter *s, const tay__group *g, uint32_t r, uint32_t k)
{
    for (int32_t m = 0; m < g->rows[r].length; m++)
        if (s->inside[g->a[r * (size_t)g->n_terms + k] + m]) return false;
    return true;
}

/* The term of a linear group that is a sum, the others being from outside; or NOWHERE. */
static int32_t find_term(const starter *s, const tay__group *g)
{
    int32_t term = NOWHERE;

    if (g->primitive != TAY__LINEAR || !g->transient || g->a_stride != TAY__CONTIGUOUS) return NOWHERE;
    for (uint32_t k = 0; k < g->n_terms && term == NOWHERE; k++)
        if (s->column[g->a[k]] >= 0) term = (int32_t)k;
    for (uint32_t r = 0; r < g->n_rows && term >= 0; r++)
        for (uint32_t k = 0; k < g->n_terms; k++)
            if (!((int32_t)k == term ? adds_to_sum(s, g, r, k) : is_outside(s, g, r, k))) return NOWHERE;
    return term;
}

/* Rows of a copy of a group, and which of its rows (the first of them) each was. */
typedef struct copied {
    tay__row row;
    uint32_t from;
    int32_t slot; /* states: the first operand */
} copied;

/* States that read sums, in rows as long as can be; returns how many. */
static size_t join_states(const starter *s, const tay__group *g, copied *rows)
{
    size_t n = 0;

    for (uint32_t r = 0; r < g->n_rows; r++) {
        copied *last = n > 0 ? &rows[n - 1] : NULL;
        int32_t slot = s->goes_to[g->a[r]] >= 0 ? s->goes_to[g->a[r]] : g->a[r], length = last ? last->row.length : 0;
        if (last && last->row.first + length == g->rows[r].first && last->slot + length == slot &&
            last->row.column + length == g->rows[r].column)
            last->row.length += g->rows[r].length;
        else
            rows[n++] = (copied){g->rows[r], r, slot};
    }
    return n;
}

/* Notes which rows of states read sums. */
static tay_status find_readers(starter *s)
{
    tay_status status = TAY_OK;
    copied *rows = NULL;
    int32_t number = 0;

    for (uint32_t k = 0; k < s->stage->n_groups; k++) {
        const tay__group *g = &s->stage->groups[k];
        if (g->primitive != TAY__STATE) continue;
        TAY_TRY(tay__realloc(&rows, g->n_rows, sizeof *rows));
        for (size_t r = 0, n = join_states(s, g, rows); r < n; r++, number++)
            for (int32_t m = 0; m < rows[r].row.length; m++)
                if (s->n_readers[rows[r].slot + m] == 1) s->reader[rows[r].slot + m] = number;
    }
out:
    tay__free(rows);
    return status;
}

/* Finds what adds to sums. Whether there is any, and each row of sums, what is added included, is read by a row of states. */
static tay_status find_sums(bool *found, starter *s)
{
    tay_status status = TAY_OK;

    *found = false;
    for (uint32_t k = 0; k < s->stage->n_groups; k++) {
        const tay__group *g = &s->stage->groups[k];
        s->term[k] = find_term(s, g);
        *found |= s->term[k] >= 0;
        for (uint32_t r = 0; s->term[k] >= 0 && r < g->n_rows; r++)
            for (int32_t m = 0; m < g->rows[r].length; m++)
                s->goes_to[g->rows[r].first + m] = g->a[r * (size_t)g->n_terms + (uint32_t)s->term[k]] + m;
    }
    TAY_TRY(find_readers(s));
    for (uint32_t k = 0; k < s->stage->n_groups; k++) {
        const tay__group *g = &s->stage->groups[k];
        for (uint32_t r = 0; is_sum(g) && r < g->n_rows; r++)
            for (int32_t m = 0, first = g->rows[r].first; m < g->rows[r].length; m++)
                *found &= s->reader[first + m] >= 0 && s->reader[first + m] == s->reader[first];
    }
out:
    return status;
}

/* Calls `see` for all groups of stages before this one that do not feed back, and are products or sums by rows. */
static void see_outside(starter *s, void (*see)(starter *s, const tay__group *g, bool *changed), bool *changed)
{
    for (uint32_t i = 0; i < s->at; i++)
        for (uint32_t k = 0; k < s->stages[i]->n_groups && !s->stages[i]->recurrent; k++) {
            const tay__group *g = &s->stages[i]->groups[k];
            if ((g->primitive == TAY__LINEAR || g->primitive == TAY__PRODUCT) && g->a_stride != TAY__GATHER) see(s, g, changed);
        }
}

static void send(starter *s, int32_t first, int32_t length, int32_t where)
{
    for (int32_t m = 0; m < length; m++) s->goes_to[first + m] = where;
}

static void send_members(starter *s, const tay__group *g, int32_t where)
{
    for (uint32_t r = 0; r < g->n_rows; r++) send(s, g->rows[r].first, g->rows[r].length, where);
}

static void mark_movable(starter *s, const tay__group *g, bool *changed)
{
    (void)changed;
    send_members(s, g, MOVABLE);
}

/* Whether slots first .. first + length - 1 all go to a row of a sum; *some: whether one does. */
static bool go_to_row(const starter *s, int32_t first, int32_t length, bool *some)
{
    bool all = true;

    for (int32_t m = 0; m < length; m++) {
        int32_t to = s->goes_to[first + m];
        *some |= to >= 0;
        all = all && to >= 0 && to == s->goes_to[first] + m && s->column[to] == s->column[s->goes_to[first]] + m;
    }
    return all;
}

/* A group outside moves as a whole. */
static void move_whole(starter *s, const tay__group *g, bool *changed)
{
    bool some = false, all = true;

    for (uint32_t r = 0; r < g->n_rows; r++) all &= go_to_row(s, g->rows[r].first, g->rows[r].length, &some);
    if (all || !some) return;
    send_members(s, g, NOWHERE);
    *changed = true;
}

/* What rows of group k add alone, as it is: its first slot for row r, or NOWHERE. */
static int32_t addend_of(const starter *s, uint32_t k, uint32_t r)
{
    const tay__group *g = &s->stage->groups[k];

    if (s->term[k] < 0 || g->n_terms != 2 || g->has_coefs || g->has_constant) return NOWHERE;
    return g->a[r * (size_t)2 + (s->term[k] == 0)];
}

/* Finds the groups outside that move into the stage: all of whose members go to sums. */
static void find_moves(starter *s)
{
    bool changed = false;

    see_outside(s, mark_movable, &changed);
    for (uint32_t k = 0; k < s->stage->n_groups; k++) {
        const tay__group *g = &s->stage->groups[k];
        for (uint32_t r = 0; r < g->n_rows && addend_of(s, k, r) >= 0; r++)
            for (int32_t m = 0, from = addend_of(s, k, r); m < g->rows[r].length; m++)
                if (s->n_readers[from + m] == 1 && s->goes_to[from + m] == MOVABLE)
                    s->goes_to[from + m] = s->goes_to[g->rows[r].first + m];
    }
    do {
        changed = false;
        for (uint32_t k = 0; k < s->stage->n_groups; k++) {
            const tay__group *g = &s->stage->groups[k];
            for (uint32_t r = 0; r < g->n_rows && addend_of(s, k, r) >= 0; r++) {
                bool some = false;
                if (go_to_row(s, addend_of(s, k, r), g->rows[r].length, &some) || !some) continue;
                send(s, addend_of(s, k, r), g->rows[r].length, NOWHERE);
                changed = true;
            }
        }
        see_outside(s, move_whole, &changed);
    } while (changed);
}

static int compare_columns(const void *x, const void *y)
{
    const copied *a = x, *b = y;

    if (a->row.column != b->row.column) return a->row.column < b->row.column ? -1 : 1;
    return a->from < b->from ? -1 : a->from > b->from;
}

static tay_status copy_operands(int32_t **out, starter *s, const int32_t *listed, uint32_t n_terms, const copied *rows, size_t n)
{
    tay_status status = TAY_OK;

    *out = NULL;
    if (!listed) goto out;
    TAY_TRY(tay__alloc_kept(out, &s->exec->kept, n * n_terms, sizeof **out));
    for (size_t r = 0; r < n; r++) memcpy(*out + r * n_terms, listed + rows[r].from * (size_t)n_terms, n_terms * sizeof **out);
out:
    return status;
}

/* Adds a group with these rows to the stage; *a: its operands, to be changed. */
static tay_status add_copy(starter *s, const tay__group *g, const copied *rows, size_t n, int32_t **a)
{
    tay_status status = TAY_OK;
    tay__group copy = *g;
    tay__row *own;
    uint32_t *offset;
    int32_t *b;

    TAY_TRY(tay__alloc_kept(&own, &s->exec->kept, n, sizeof *own));
    TAY_TRY(tay__alloc_kept(&offset, &s->exec->kept, n, sizeof *offset));
    TAY_TRY(copy_operands(a, s, g->a, g->n_terms, rows, n));
    TAY_TRY(copy_operands(&b, s, g->b, g->n_terms, rows, n));
    copy.n_members = 0;
    for (size_t r = 0; r < n; r++) {
        own[r] = rows[r].row;
        own[r].tile = 1;
        offset[r] = g->offset[rows[r].from]; /* where their coefficients are */
        copy.n_members += (uint32_t)own[r].length;
    }
    copy.rows = own;
    copy.offset = offset;
    copy.n_rows = (uint32_t)n;
    copy.a = *a;
    copy.b = b;
    copy.transient = true;
    copy.a_transient = NULL;
    tay__find_tiles(&copy);
    TAY_TRY(tay__array_push(&s->groups, &copy));
out:
    return status;
}

/* A group from outside, whose rows go to sums; by columns, where its coefficients can be found in any order. */
static tay_status add_moved(starter *s, const tay__group *g)
{
    tay_status status = TAY_OK;
    copied *rows = NULL;
    int32_t *a;

    TAY_TRY(tay__alloc(&rows, g->n_rows, sizeof *rows));
    for (uint32_t r = 0; r < g->n_rows; r++) {
        int32_t to = s->goes_to[g->rows[r].first];
        rows[r] = (copied){{.first = to, .length = g->rows[r].length, .column = s->column[to]}, r, 0};
    }
    if (!g->has_coefs || g->varying_coefs) qsort(rows, g->n_rows, sizeof *rows, compare_columns);
    TAY_TRY(add_copy(s, g, rows, g->n_rows, &a));
out:
    tay__free(rows);
    return status;
}

/* Takes the groups that move out of their stages. */
static tay_status take_moved(starter *s)
{
    tay_status status = TAY_OK;

    for (uint32_t i = 0; i < s->at; i++) {
        const tay__stage *old = s->stages[i];
        tay__stage *left = NULL;
        tay__group *groups = NULL;
        for (uint32_t k = 0; k < old->n_groups; k++) {
            const tay__group *g = &old->groups[k];
            if (s->goes_to[g->rows[0].first] < 0) {
                if (left) groups[left->n_groups++] = *g;
                continue;
            }
            TAY_TRY(add_moved(s, g));
            if (left) continue;
            TAY_TRY(tay__alloc_kept(&left, &s->exec->kept, 1, sizeof *left));
            TAY_TRY(tay__alloc_kept(&groups, &s->exec->kept, old->n_groups, sizeof *groups));
            memcpy(groups, old->groups, k * sizeof *groups);
            *left = *old;
            left->groups = groups;
            left->n_groups = k;
            s->stages[i] = left;
        }
    }
out:
    return status;
}

/* What group k adds, written to the sums; without the rows whose addends are made there. */
static tay_status add_rest(starter *s, uint32_t k)
{
    tay_status status = TAY_OK;
    const tay__group *g = &s->stage->groups[k];
    copied *rows = NULL;
    size_t n = 0;
    int32_t *a;

    TAY_TRY(tay__alloc(&rows, g->n_rows, sizeof *rows));
    for (uint32_t r = 0; r < g->n_rows; r++) {
        int32_t from = addend_of(s, k, r);
        if (from >= 0 && s->goes_to[from] >= 0) continue;
        rows[n] = (copied){g->rows[r], r, 0};
        rows[n++].row.first = s->goes_to[g->rows[r].first];
    }
    if (n == 0) goto out;
    TAY_TRY(add_copy(s, g, rows, n, &a));
    for (size_t r = 0; r < n; r++) a[r * g->n_terms + (uint32_t)s->term[k]] = g->rows[rows[r].from].first;
out:
    tay__free(rows);
    return status;
}

/* The states, which read the sums. */
static tay_status add_states(starter *s, const tay__group *g)
{
    tay_status status = TAY_OK;
    copied *rows = NULL;
    int32_t *a;

    TAY_TRY(tay__alloc(&rows, g->n_rows, sizeof *rows));
    size_t n = join_states(s, g, rows);
    TAY_TRY(add_copy(s, g, rows, n, &a));
    for (size_t r = 0; r < n; r++) a[r] = rows[r].slot;
    tay__group *copy = (tay__group *)s->groups.data + s->groups.count - 1;
    copy->transient = false;
    copy->a_transient = g->a_transient;
out:
    tay__free(rows);
    return status;
}

static tay_status change_stage(starter *s)
{
    tay_status status = TAY_OK;
    tay__stage *own;
    tay__group *groups;

    TAY_TRY(take_moved(s));
    for (uint32_t k = 0; k < s->stage->n_groups; k++)
        if (s->term[k] >= 0) TAY_TRY(add_rest(s, k));
    for (uint32_t k = 0; k < s->stage->n_groups; k++) {
        const tay__group *g = &s->stage->groups[k];
        if (s->term[k] >= 0) continue;
        if (g->primitive == TAY__STATE) {
            TAY_TRY(add_states(s, g));
        } else {
            TAY_TRY(tay__array_push(&s->groups, g));
            if (is_sum(g)) ((tay__group *)s->groups.data + s->groups.count - 1)->start = g->rows[0].first;
        }
    }
    TAY_TRY(tay__alloc_kept(&own, &s->exec->kept, 1, sizeof *own));
    TAY_TRY(tay__alloc_kept(&groups, &s->exec->kept, s->groups.count, sizeof *groups));
    memcpy(groups, s->groups.data, s->groups.count * sizeof *groups);
    *own = *s->stage;
    own->groups = groups;
    own->n_groups = (uint32_t)s->groups.count;
    s->stages[s->at] = own;
out:
    return status;
}

static tay_status start_sums_of(tay__exec *exec, const tay__stage **stages, uint32_t at)
{
    tay_status status = TAY_OK;
    starter s = {.exec = exec, .stages = stages, .at = at, .stage = stages[at], .groups = TAY__ARRAY(tay__group)};
    size_t n = exec->program->n_slots;
    bool found;

    TAY_TRY(tay__calloc(&s.n_readers, n, sizeof *s.n_readers));
    TAY_TRY(tay__calloc(&s.inside, n, sizeof *s.inside));
    TAY_TRY(tay__alloc(&s.column, n, sizeof *s.column));
    TAY_TRY(tay__alloc(&s.goes_to, n, sizeof *s.goes_to));
    TAY_TRY(tay__alloc(&s.reader, n, sizeof *s.reader));
    TAY_TRY(tay__alloc(&s.term, s.stage->n_groups, sizeof *s.term));
    describe(&s);
    TAY_TRY(find_sums(&found, &s));
    if (!found) goto out;
    find_moves(&s);
    TAY_TRY(change_stage(&s));
out:
    tay__free(s.n_readers);
    tay__free(s.inside);
    tay__free(s.column);
    tay__free(s.goes_to);
    tay__free(s.reader);
    tay__free(s.term);
    tay__array_free(&s.groups);
    return status;
}

tay_status tay__start_sums(const tay__stage ***out, tay__exec *exec)
{
    tay_status status = TAY_OK;
    const tay__program *p = exec->program;
    const tay__stage **stages;

    TAY_TRY(tay__alloc_kept(&stages, &exec->kept, p->n_stages, sizeof *stages));
    for (uint32_t i = 0; i < p->n_stages; i++) stages[i] = &p->stages[i];
    for (uint32_t i = 0; i < p->n_stages && exec->lanes == 1; i++)
        if (stages[i]->n_columns > 0) TAY_TRY(start_sums_of(exec, stages, i));
    *out = stages;
out:
    return status;
}
