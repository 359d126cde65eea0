/*
 * Stages: the groups of one depth that feed each other run together, order by order. Where their rows line up in columns
 * that do not mix (the variational equations: a column is a parameter), the stage can run by blocks of columns, which
 * stay in the cache over all orders.
 */
#include <stdlib.h>

#include "program/values.h"

typedef struct stager {
    tay__group *groups; /* in the order of bundles */
    const tay__bundles *bundles;
    int32_t *group_of;  /* [n_slots] the group that writes a slot, or -1 */
    uint32_t *leader;   /* [n_groups] union-find: groups that feed each other */
} stager;

static uint32_t find(uint32_t *leader, uint32_t g)
{
    while (leader[g] != g) g = leader[g] = leader[leader[g]];
    return g;
}

/* The number of operand slots that table a or b of a group lists. */
static size_t n_listed(const tay__group *g)
{
    return (size_t)g->n_terms * (g->a_stride == TAY__GATHER ? (size_t)g->pitch : g->n_rows);
}

/* Joins group g with those of its depth that its operands, `listed` and their rows' ends, come from. */
static void join(stager *s, uint32_t g, const int32_t *listed, tay__stride stride)
{
    const tay__group *group = &s->groups[g];

    for (size_t i = 0; listed && i < n_listed(group); i++) {
        int32_t length = stride == TAY__CONTIGUOUS ? group->rows[i / group->n_terms].length : 1;
        for (int32_t m = 0; m < length; m++) {
            int32_t other = s->group_of[listed[i] + m];
            if (other >= 0 && s->bundles->bundles[other].depth == s->bundles->bundles[g].depth) {
                uint32_t x = find(s->leader, g), y = find(s->leader, (uint32_t)other);
                s->leader[x > y ? x : y] = x > y ? y : x;
            }
        }
    }
}

static tay_status find_feeds(stager *s, uint32_t n_slots)
{
    tay_status status = TAY_OK;
    uint32_t n = s->bundles->n;

    TAY_TRY(tay__alloc(&s->group_of, n_slots, sizeof *s->group_of));
    TAY_TRY(tay__alloc(&s->leader, n, sizeof *s->leader));
    for (uint32_t i = 0; i < n_slots; i++) s->group_of[i] = -1;
    for (uint32_t g = 0; g < n; g++) {
        s->leader[g] = g;
        for (uint32_t r = 0; r < s->groups[g].n_rows; r++)
            for (int32_t m = 0; m < s->groups[g].rows[r].length; m++)
                s->group_of[s->groups[g].rows[r].first + m] = (int32_t)g;
    }
    for (uint32_t g = 0; g < n; g++) {
        join(s, g, s->groups[g].a, s->groups[g].a_stride);
        join(s, g, s->groups[g].b, s->groups[g].b_stride);
    }
out:
    return status;
}

/* Rows of a stage as a union-find in which each row knows its column relative to its leader's. */
typedef struct columns {
    tay__stage *stage;
    tay__row **rows;    /* all rows of the stage, [n] */
    int32_t *row_of;    /* [n_slots] row, or -1: not of this stage */
    int32_t *leader;
    int64_t *shift;     /* column(row) = column(leader) + shift */
    int32_t n;
} columns;

static int32_t find_row(columns *c, int32_t r)
{
    int32_t root = r;
    int64_t total = 0;

    for (; c->leader[root] != root; root = c->leader[root]) total += c->shift[root];
    while (c->leader[r] != root && r != root) { /* path compression */
        int32_t next = c->leader[r];
        int64_t shift = c->shift[r];
        c->leader[r] = root;
        c->shift[r] = total;
        total -= shift;
        r = next;
    }
    return root;
}

static int64_t shift_of(columns *c, int32_t r)
{
    find_row(c, r);
    return c->leader[r] == r ? 0 : c->shift[r];
}

/* Demands column(r) = column(other) + distance; false if that contradicts what was demanded before. */
static bool align(columns *c, int32_t r, int32_t other, int64_t distance)
{
    int32_t x = find_row(c, r), y = find_row(c, other);
    int64_t wanted = shift_of(c, other) + distance - shift_of(c, r); /* column(x) - column(y) */

    if (x == y) return wanted == 0;
    c->leader[x] = y;
    c->shift[x] = wanted;
    return true;
}

/* Aligns row r with the rows of the stage that its operand, from slot `first` on, runs over. */
static bool align_operand(columns *c, int32_t r, int32_t first, tay__stride stride)
{
    int32_t length = c->rows[r]->length;

    for (int32_t m = 0; m < length;) {
        int32_t other = c->row_of[first + m];
        if (other < 0) {
            m++;
            if (stride == TAY__SHARED) return true;
            continue;
        }
        if (stride != TAY__CONTIGUOUS) return false;
        int32_t inside = first + m - c->rows[other]->first;
        if (!align(c, r, other, inside - m)) return false;
        m += c->rows[other]->length - inside;
    }
    return true;
}

static bool align_group(columns *c, const tay__group *g, int32_t *r)
{
    for (uint32_t row = 0; row < g->n_rows; row++, ++*r) {
        for (uint32_t k = 0; k < g->n_terms; k++) {
            size_t i = row * (size_t)g->n_terms + k;
            if (!align_operand(c, *r, g->a[i], g->a_stride)) return false;
            if (g->b && !align_operand(c, *r, g->b[i], g->b_stride)) return false;
        }
    }
    return true;
}

/* Gives every row its column, the lowest of its component being 0; returns the number of columns. */
static int32_t number_columns(columns *c, int64_t *lowest)
{
    int64_t most = 0;

    for (int32_t r = 0; r < c->n; r++) {
        int64_t shift = shift_of(c, r);
        int32_t root = find_row(c, r);
        if (shift < lowest[root]) lowest[root] = shift;
    }
    for (int32_t r = 0; r < c->n; r++) {
        int64_t column = shift_of(c, r) - lowest[find_row(c, r)];
        c->rows[r]->column = (int32_t)column;
        if (column + c->rows[r]->length > most) most = column + c->rows[r]->length;
    }
    return (int32_t)most;
}

static void list_rows(columns *c)
{
    for (uint32_t g = 0; g < c->stage->n_groups; g++) {
        const tay__group *group = &c->stage->groups[g];
        for (uint32_t r = 0; r < group->n_rows; r++) {
            tay__row *row = (tay__row *)&group->rows[r]; /* the program's own memory, not yet given out */
            for (int32_t m = 0; m < row->length; m++) c->row_of[row->first + m] = c->n;
            c->leader[c->n] = c->n;
            c->shift[c->n] = 0;
            c->rows[c->n++] = row;
        }
    }
}

static void unlist_rows(columns *c)
{
    for (int32_t r = 0; r < c->n; r++)
        for (int32_t m = 0; m < c->rows[r]->length; m++) c->row_of[c->rows[r]->first + m] = -1;
}

/* Finds the columns of a recurrent stage; row_of is -1 everywhere before and after. */
static tay_status find_columns(tay__stage *stage, int32_t *row_of)
{
    tay_status status = TAY_OK;
    columns c = {.stage = stage, .row_of = row_of};
    int64_t *lowest = NULL;
    size_t n = 0;
    int32_t r = 0;
    bool aligned = true;

    for (uint32_t g = 0; g < stage->n_groups; g++) {
        if (stage->groups[g].a_stride == TAY__GATHER) return TAY_OK;
        n += stage->groups[g].n_rows;
    }
    TAY_TRY(tay__alloc(&c.rows, n, sizeof *c.rows));
    TAY_TRY(tay__alloc(&c.leader, n, sizeof *c.leader));
    TAY_TRY(tay__alloc(&c.shift, n, sizeof *c.shift));
    TAY_TRY(tay__calloc(&lowest, n, sizeof *lowest));
    list_rows(&c);
    for (uint32_t g = 0; g < stage->n_groups && aligned; g++) aligned = align_group(&c, &stage->groups[g], &r);
    if (aligned) stage->n_columns = number_columns(&c, lowest);
    unlist_rows(&c);
out:
    tay__free(c.rows);
    tay__free(c.leader);
    tay__free(c.shift);
    tay__free(lowest);
    return status;
}

/* Same b, length and column. */
void tay__find_tiles(const tay__group *g)
{
    tay__row *rows = (tay__row *)g->rows;
    size_t width = g->n_terms * sizeof *g->b;

    if (g->primitive != TAY__PRODUCT || g->a_stride != TAY__SHARED) return;
    for (uint32_t r = g->n_rows - 1; r-- > 0;) {
        const int32_t *b = g->b + r * (size_t)g->n_terms;
        if (rows[r].length == rows[r + 1].length && rows[r].column == rows[r + 1].column &&
            memcmp(b, b + g->n_terms, width) == 0)
            rows[r].tile = rows[r + 1].tile + 1;
    }
}

/* For each group of the program, whether its jets must be kept (kept[g]), by what reads it. */
typedef struct keeper {
    const tay__program *program;
    tay__group *groups;
    uint32_t n_groups;
    int32_t *group_of;  /* [n_slots] */
    uint32_t *stage_of; /* [n_groups] */
    bool *kept;
    bool changed;
} keeper;

static bool may_read_transients(const tay__group *g)
{
    return g->primitive == TAY__LINEAR || g->primitive == TAY__STATE;
}

static void keep(keeper *k, int32_t group)
{
    if (group < 0 || k->kept[group]) return;
    k->kept[group] = true;
    k->changed = true;
}

/* Keeps what operand table `listed` of group g reads, unless g may read transients of its own stage. */
static void keep_operands(keeper *k, uint32_t g, const int32_t *listed, tay__stride stride, bool always)
{
    const tay__group *group = &k->groups[g];

    for (size_t i = 0; listed && i < n_listed(group); i++) {
        int32_t length = stride == TAY__CONTIGUOUS ? group->rows[i / group->n_terms].length : 1;
        for (int32_t m = 0; m < length; m++) {
            int32_t other = k->group_of[listed[i] + m];
            if (other >= 0 && (always || k->stage_of[other] != k->stage_of[g])) keep(k, other);
        }
    }
}

/* Operand k of group g in all rows: all kept or all transient; else all are kept from now on. Whether it is transient. */
static bool is_transient_operand(keeper *k, uint32_t g, uint32_t term)
{
    const tay__group *group = &k->groups[g];
    bool table = group->a_stride == TAY__GATHER;
    size_t n = table ? (size_t)group->pitch : group->n_rows;
    bool some = false, all = true;

    for (int pass = 0; pass < 2; pass++) {
        for (size_t i = 0; i < n; i++) {
            int32_t slot = group->a[table ? term * n + i : i * group->n_terms + term];
            int32_t length = group->a_stride == TAY__CONTIGUOUS ? group->rows[i].length : 1;
            for (int32_t m = 0; m < length; m++) {
                int32_t other = k->group_of[slot + m];
                bool transient = other >= 0 && !k->kept[other];
                if (pass == 1) keep(k, other);
                some |= transient;
                all &= transient;
            }
        }
        if (!some || all) return some;
    }
    return false;
}

/* States are the result; a quotient and a power need their own lower orders. */
static bool reads_itself(const tay__group *g)
{
    return g->primitive == TAY__STATE || g->primitive == TAY__QUOTIENT || g->primitive == TAY__POWER;
}

static void mark_kept(keeper *k)
{
    for (uint32_t g = 0; g < k->n_groups; g++) {
        const tay__group *group = &k->groups[g];
        k->kept[g] = k->kept[g] || reads_itself(group) || !k->program->stages[k->stage_of[g]].recurrent;
        keep_operands(k, g, group->a, group->a_stride, !may_read_transients(group));
        keep_operands(k, g, group->b, group->b_stride, true);
    }
    do {
        k->changed = false;
        for (uint32_t g = 0; g < k->n_groups; g++)
            for (uint32_t t = 0; may_read_transients(&k->groups[g]) && t < k->groups[g].n_terms; t++)
                is_transient_operand(k, g, t);
    } while (k->changed);
}

static tay_status set_transient_operands(keeper *k, tay__program *program, uint32_t g)
{
    tay_status status = TAY_OK;
    tay__group *group = &k->groups[g];
    uint8_t *flags = NULL;

    group->transient = !k->kept[g];
    for (uint32_t t = 0; may_read_transients(group) && t < group->n_terms; t++) {
        if (!is_transient_operand(k, g, t)) continue;
        if (!flags) TAY_TRY(tay__alloc_kept(&flags, &program->allocations, group->n_terms, 1));
        flags[t] = 1;
    }
    group->a_transient = flags;
out:
    return status;
}

/* Finds the groups whose jets need not be kept. */
static tay_status find_transients(tay__program *program, tay__group *groups, uint32_t n_groups, int32_t *group_of)
{
    tay_status status = TAY_OK;
    keeper k = {.program = program, .groups = groups, .n_groups = n_groups, .group_of = group_of};
    uint32_t g = 0;

    TAY_TRY(tay__calloc(&k.kept, n_groups, sizeof *k.kept));
    TAY_TRY(tay__calloc(&k.stage_of, n_groups, sizeof *k.stage_of));
    for (uint32_t s = 0; s < program->n_stages; s++)
        for (uint32_t i = 0; i < program->stages[s].n_groups; i++, g++) {
            k.stage_of[g] = s;
            for (uint32_t r = 0; r < groups[g].n_rows; r++)
                for (int32_t m = 0; m < groups[g].rows[r].length; m++) group_of[groups[g].rows[r].first + m] = (int32_t)g;
        }
    for (uint32_t i = 0; program->outputs && i < program->n_outputs; i++) keep(&k, group_of[program->outputs[i]]);
    mark_kept(&k);
    for (g = 0; g < n_groups; g++) TAY_TRY(set_transient_operands(&k, program, g));
out:
    tay__free(k.kept);
    tay__free(k.stage_of);
    return status;
}

typedef struct placed {
    uint32_t leader, group;
} placed;

static int compare_placed(const void *x, const void *y)
{
    const placed *a = x, *b = y;

    if (a->leader != b->leader) return a->leader < b->leader ? -1 : 1;
    return a->group < b->group ? -1 : a->group > b->group;
}

/* Sorts the groups by stage; a stage's leader is its first group, so that stages stay in the order of depth. */
static tay_status cut_stages(tay__program *program, stager *s, tay__group *sorted)
{
    tay_status status = TAY_OK;
    uint32_t n = s->bundles->n;
    placed *order = NULL;

    TAY_TRY(tay__alloc(&order, n, sizeof *order));
    TAY_TRY(tay__alloc_kept(&program->stages, &program->allocations, n, sizeof *program->stages));
    for (uint32_t g = 0; g < n; g++) order[g] = (placed){find(s->leader, g), g};
    qsort(order, n, sizeof *order, compare_placed);
    for (uint32_t i = 0; i < n; i++) {
        sorted[i] = s->groups[order[i].group];
        if (i > 0 && order[i].leader == order[i - 1].leader)
            program->stages[program->n_stages - 1].n_groups++;
        else
            program->stages[program->n_stages++] = (tay__stage){.groups = &sorted[i], .n_groups = 1};
        if (s->bundles->bundles[order[i].group].recurrent) program->stages[program->n_stages - 1].recurrent = true;
    }
out:
    tay__free(order);
    return status;
}

tay_status tay__make_stages(tay__program *program, tay__group *groups, const tay__bundles *bundles)
{
    tay_status status = TAY_OK;
    stager s = {.groups = groups, .bundles = bundles};
    tay__group *sorted;

    TAY_TRY(tay__alloc_kept(&sorted, &program->allocations, bundles->n, sizeof *sorted));
    TAY_TRY(find_feeds(&s, program->n_slots));
    TAY_TRY(cut_stages(program, &s, sorted));
    for (uint32_t i = 0; i < program->n_slots; i++) s.group_of[i] = -1;
    for (uint32_t i = 0; i < program->n_stages; i++) {
        if (program->stages[i].recurrent) TAY_TRY(find_columns(&program->stages[i], s.group_of));
        for (uint32_t g = 0; g < program->stages[i].n_groups; g++) tay__find_tiles(&program->stages[i].groups[g]);
    }
    if (program->jets) TAY_TRY(find_transients(program, sorted, bundles->n, s.group_of));
out:
    tay__free(s.group_of);
    tay__free(s.leader);
    return status;
}
