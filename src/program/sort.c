/*
 * The order of the members of bundles: one in which operands are runs. Values come in the order in which expressions name them,
 * sum by sum; sums that go round (the accelerations of bodies: each is a sum over pairs, and each pair is in two of them) leave
 * neighbours far from each other. Two rules, for the bundles of each depth that feeds back:
 *
 * - From the last level down: members stand in the order in which the next level reads them, the same term of all its members
 *   first, then the next term.
 * - From the first level up: members stand in the order of one of their first operands, if more of these then are runs.
 *
 * The new order is taken where it has a quarter fewer rows than the old one.
 */
#include <stdlib.h>

#include "program/values.h"

/* Where rows have more members than this on average, the order is left; runs of fewer than this are not aligned. */
enum { FEW_ROWS = 16, LONG_RUN = 32 };

/* Where a value is read first: by which bundle, at which of its terms and members. */
typedef struct reading {
    uint32_t bundle;
    uint64_t place;
} reading;

typedef struct ranked {
    uint64_t key;
    int32_t value, slot; /* its slot so far: what is alike stays in order */
} ranked;

typedef struct sorter {
    const tay__values *v;
    tay__bundles *bundles;
    reading *readings; /* [n_values] */
    ranked *ranked;    /* [n_values] room for one bundle */
    int32_t *slot, *trial; /* [n_values] slots before */
} sorter;

static int compare_ranked(const void *x, const void *y)
{
    const ranked *a = x, *b = y;

    if (a->key != b->key) return a->key < b->key ? -1 : 1;
    return a->slot < b->slot ? -1 : a->slot > b->slot;
}

/* Members change places by s->ranked; the slots of the bundle stay the same. */
static void rearrange(sorter *s, const tay__bundle *bundle)
{
    int32_t *slot = s->bundles->slot, first = slot[bundle->members[0]];

    qsort(s->ranked, bundle->n_members, sizeof *s->ranked, compare_ranked);
    for (uint32_t m = 0; m < bundle->n_members; m++) {
        bundle->members[m] = s->ranked[m].value;
        slot[bundle->members[m]] = first + (int32_t)m;
    }
}

static bool is_movable(const sorter *s, uint32_t k)
{
    const tay__bundle *bundle = &s->bundles->bundles[k];
    return bundle->n_members > 1 && tay__value_at(s->v, bundle->first)->primitive != TAY__STATE;
}

/* Operand k of a value, its a's and b's in turns; -1: none. */
static int32_t operand(const sorter *s, const tay__value *value, uint32_t k)
{
    const tay__term *term = tay__terms_of(s->v, value) + k / 2;
    return k % 2 == 0 ? term->a : term->b;
}

/* Notes what bundle k reads of the bundles from `begin` on before it. */
static void note_readings(sorter *s, uint32_t begin, uint32_t k)
{
    const tay__bundle *bundle = &s->bundles->bundles[k];

    for (uint32_t m = 0; m < bundle->n_members; m++) {
        const tay__value *value = tay__value_at(s->v, bundle->members[m]);
        for (uint32_t i = 0; i < 2 * value->n_terms; i++) {
            int32_t o = operand(s, value, i);
            uint64_t place = (uint64_t)i << 32 | m;
            if (o < 0 || s->bundles->owner[o] < (int32_t)begin || s->bundles->owner[o] >= (int32_t)k) continue;
            if (s->readings[o].bundle != k || place < s->readings[o].place) s->readings[o] = (reading){k, place};
        }
    }
}

/* Sorts bundle k by what reads it: by which of the bundles, and where. */
static void sort_by_readers(sorter *s, uint32_t k)
{
    const tay__bundle *bundle = &s->bundles->bundles[k];
    uint32_t reader = UINT32_MAX;

    for (uint32_t m = 0; m < bundle->n_members; m++)
        if (s->readings[bundle->members[m]].bundle < reader) reader = s->readings[bundle->members[m]].bundle;
    if (reader == UINT32_MAX) return;
    for (uint32_t m = 0; m < bundle->n_members; m++) {
        int32_t value = bundle->members[m];
        bool read = s->readings[value].bundle == reader;
        s->ranked[m] = (ranked){read ? s->readings[value].place : UINT64_MAX, value, s->bundles->slot[value]};
    }
    rearrange(s, bundle);
}

/* Sorts bundle k by operand `by` of its members. */
static void sort_by_operand(sorter *s, uint32_t k, uint32_t by)
{
    const tay__bundle *bundle = &s->bundles->bundles[k];

    for (uint32_t m = 0; m < bundle->n_members; m++) {
        int32_t value = bundle->members[m], o = operand(s, tay__value_at(s->v, value), by);
        s->ranked[m] = (ranked){o < 0 ? 0 : (uint64_t)s->bundles->slot[o], value, s->bundles->slot[value]};
    }
    rearrange(s, bundle);
}

static uint32_t count_rows(const sorter *s, uint32_t begin, uint32_t end)
{
    uint32_t n = 0;
    bool table;

    for (uint32_t k = begin; k < end; k++) n += tay__count_rows(&table, s->v, &s->bundles->bundles[k], s->bundles->slot);
    return n;
}

/* The term at which member m of bundle k is read first. */
static uint32_t term_of(const sorter *s, uint32_t k, uint32_t m)
{
    return (uint32_t)(s->readings[s->bundles->bundles[k].members[m]].place >> 33);
}

static void copy_slots(int32_t *to, const sorter *s, uint32_t k)
{
    const tay__bundle *bundle = &s->bundles->bundles[k];
    for (uint32_t m = 0; m < bundle->n_members; m++) to[bundle->members[m]] = s->bundles->slot[bundle->members[m]];
}

/* Sorts bundle k by slots that its members had before. */
static void sort_by_slots(sorter *s, uint32_t k, const int32_t *slot)
{
    const tay__bundle *bundle = &s->bundles->bundles[k];

    for (uint32_t m = 0; m < bundle->n_members; m++)
        s->ranked[m] = (ranked){(uint64_t)slot[bundle->members[m]], bundle->members[m], 0};
    rearrange(s, bundle);
}

/* How often an operand neither stays nor moves to the next slot, from one member of bundle k to the next. */
static size_t count_breaks(const sorter *s, uint32_t k)
{
    const tay__bundle *bundle = &s->bundles->bundles[k];
    size_t n = 0;

    for (uint32_t m = 1; m < bundle->n_members; m++) {
        const tay__value *before = tay__value_at(s->v, bundle->members[m - 1]), *value = tay__value_at(s->v, bundle->members[m]);
        for (uint32_t i = 0; i < 2 * value->n_terms; i++) {
            int32_t from = operand(s, before, i), to = operand(s, value, i);
            if (from >= 0 && to >= 0) n += (uint32_t)(s->bundles->slot[to] - s->bundles->slot[from]) > 1;
        }
    }
    return n;
}

/* Whether operand `by` of bundle k is of others that are sorted: the order of states, say, has nothing to do with it. */
static bool may_sort_by(const sorter *s, uint32_t begin, uint32_t k, uint32_t by)
{
    int32_t o = operand(s, tay__value_at(s->v, s->bundles->bundles[k].first), by);
    return o >= 0 && s->bundles->owner[o] >= (int32_t)begin && is_movable(s, (uint32_t)s->bundles->owner[o]);
}

/* Sorts bundle k by one of its first operands, if there are fewer breaks then. */
static void sort_by_operands(sorter *s, uint32_t begin, uint32_t k)
{
    size_t fewest = count_breaks(s, k);

    for (uint32_t by = 0; by < 2 && fewest > 0; by++) {
        if (!may_sort_by(s, begin, k, by)) continue;
        copy_slots(s->trial, s, k);
        sort_by_operand(s, k, by);
        size_t n = count_breaks(s, k);
        if (n < fewest) fewest = n;
        else sort_by_slots(s, k, s->trial);
    }
}

/* Long runs, of rows or as the bundle is read, begin where vectors do. */
static void align_runs(sorter *s, uint32_t k)
{
    const tay__bundle *bundle = &s->bundles->bundles[k];
    bool table;
    uint32_t n_rows = tay__count_rows(&table, s->v, bundle, s->bundles->slot), n_read = 1;

    for (uint32_t m = 1; m < bundle->n_members && table; m++) n_read += term_of(s, k, m) != term_of(s, k, m - 1);
    if ((table ? n_read : n_rows) * LONG_RUN > bundle->n_members) return;
    if (!table) tay__mark_rows(s->bundles->aligned, s->v, bundle, s->bundles->slot);
    for (uint32_t m = 1; m < bundle->n_members && table; m++)
        s->bundles->aligned[bundle->members[m]] = term_of(s, k, m) != term_of(s, k, m - 1);
}

/* A table keeps a stage from running by columns; then others may have one, too. */
static void allow_tables(sorter *s, uint32_t begin, uint32_t end)
{
    bool some = false, table;

    for (uint32_t k = begin; k < end; k++) {
        tay__count_rows(&table, s->v, &s->bundles->bundles[k], s->bundles->slot);
        some |= table;
    }
    for (uint32_t k = begin; k < end && some; k++) s->bundles->bundles[k].largest = 0;
}

/* The bundles begin .. end - 1 of a depth. */
static void sort_depth(sorter *s, uint32_t begin, uint32_t end)
{
    uint32_t n_members = 0, n_rows = count_rows(s, begin, end);

    for (uint32_t k = begin; k < end; k++) {
        n_members += s->bundles->bundles[k].n_members;
        copy_slots(s->slot, s, k);
    }
    if (n_rows * FEW_ROWS < n_members) return;
    for (uint32_t k = end; k-- > begin;) {
        if (is_movable(s, k)) sort_by_readers(s, k);
        note_readings(s, begin, k);
    }
    for (uint32_t k = begin; k < end; k++)
        if (is_movable(s, k)) sort_by_operands(s, begin, k);
    bool better = 4 * (uint64_t)count_rows(s, begin, end) <= 3 * (uint64_t)n_rows;
    for (uint32_t k = begin; k < end; k++) {
        if (!is_movable(s, k)) continue;
        if (better) align_runs(s, k);
        else sort_by_slots(s, k, s->slot);
    }
}

tay_status tay__sort_members(tay__bundles *b, const tay__values *v)
{
    tay_status status = TAY_OK;
    size_t n = v->values.count;
    sorter s = {.v = v, .bundles = b};

    TAY_TRY(tay__alloc(&s.readings, n, sizeof *s.readings));
    TAY_TRY(tay__alloc(&s.ranked, n, sizeof *s.ranked));
    TAY_TRY(tay__alloc(&s.slot, n, sizeof *s.slot));
    TAY_TRY(tay__alloc(&s.trial, n, sizeof *s.trial));
    for (size_t i = 0; i < n; i++) s.readings[i] = (reading){UINT32_MAX, 0};
    for (uint32_t begin = 0, end; begin < b->n; begin = end) {
        for (end = begin + 1; end < b->n && b->bundles[end].depth == b->bundles[begin].depth; end++) {}
        if (!b->bundles[begin].recurrent) continue;
        sort_depth(&s, begin, end);
        allow_tables(&s, begin, end);
    }
    tay__give_slots(b, v);
out:
    tay__free(s.readings);
    tay__free(s.ranked);
    tay__free(s.slot);
    tay__free(s.trial);
    return status;
}
