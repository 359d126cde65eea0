/*
 * The order in which values are computed: strongly connected parts by Tarjan's algorithm (SIAM J. Comput. 1, 1972), with
 * an explicit stack; the depth of a part; levels inside it; bundles of values of the same depth, level and shape, and the
 * slots of their members.
 */
#include <stdlib.h>

#include "program/values.h"

/* Operand k of a value, counted over the a's, then the b's; -1 where there is none. */
static int32_t operand(const tay__values *v, const tay__value *value, uint32_t k)
{
    const tay__term *terms = tay__terms_of(v, value);
    return k < value->n_terms ? terms[k].a : terms[k - value->n_terms].b;
}

typedef struct visit {
    int32_t value;
    uint32_t next; /* operand to look at */
} visit;

typedef struct tarjan {
    const tay__values *v;
    tay__rank *ranks;
    uint32_t *index, *low; /* 0: not yet visited */
    int32_t *part;         /* the part of a value, -1: open */
    int32_t *open;         /* values whose part is not known yet */
    visit *path;
    size_t n_open, n_path;
    uint32_t n_visited;
    int32_t n_parts;
} tarjan;

/* Closes the part whose root is `root`: takes it off the open values, gives it a depth. */
static void close_part(tarjan *t, int32_t root)
{
    size_t begin = t->n_open;
    uint32_t depth = 0;
    bool recurrent;

    do t->part[t->open[--begin]] = t->n_parts;
    while (t->open[begin] != root);
    recurrent = t->n_open - begin > 1;
    for (size_t i = begin; i < t->n_open; i++) {
        const tay__value *value = tay__value_at(t->v, t->open[i]);
        for (uint32_t k = 0; k < 2 * value->n_terms; k++) {
            int32_t o = operand(t->v, value, k);
            if (o == t->open[i]) recurrent = true;
            if (o >= 0 && t->part[o] != t->n_parts && t->ranks[o].depth >= depth) depth = t->ranks[o].depth + 1;
        }
    }
    for (size_t i = begin; i < t->n_open; i++)
        t->ranks[t->open[i]] = (tay__rank){.part = (uint32_t)t->n_parts, .depth = depth, .recurrent = recurrent};
    t->n_open = begin;
    t->n_parts++;
}

static void enter(tarjan *t, int32_t value)
{
    t->index[value] = t->low[value] = ++t->n_visited;
    t->open[t->n_open++] = value;
    t->path[t->n_path++] = (visit){value, 0};
}

static void search(tarjan *t, int32_t root)
{
    enter(t, root);
    while (t->n_path > 0) {
        visit *top = &t->path[t->n_path - 1];
        const tay__value *value = tay__value_at(t->v, top->value);
        if (top->next < 2 * value->n_terms) {
            int32_t o = operand(t->v, value, top->next++);
            if (o < 0) continue;
            if (t->index[o] == 0)
                enter(t, o);
            else if (t->part[o] < 0 && t->index[o] < t->low[top->value])
                t->low[top->value] = t->index[o];
            continue;
        }
        int32_t done = top->value;
        t->n_path--;
        if (t->low[done] == t->index[done]) close_part(t, done);
        if (t->n_path > 0) {
            int32_t parent = t->path[t->n_path - 1].value;
            if (t->low[done] < t->low[parent]) t->low[parent] = t->low[done];
        }
    }
}

/* Levels count the operands of the same order inside a part; values come after such operands. */
static void find_levels(tarjan *t, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const tay__value *value = tay__value_at(t->v, (int32_t)i);
        uint32_t begin = tay__delays_a(value->primitive) ? value->n_terms : 0;
        uint32_t end = tay__delays_b(value->primitive) ? value->n_terms : 2 * value->n_terms;
        for (uint32_t k = begin; k < end; k++) {
            int32_t o = operand(t->v, value, k);
            if (o >= 0 && t->part[o] == t->part[i] && t->ranks[o].level >= t->ranks[i].level)
                t->ranks[i].level = t->ranks[o].level + 1;
        }
    }
}

tay_status tay__rank_values(tay__rank *ranks, const tay__values *v)
{
    tay_status status = TAY_OK;
    size_t n = v->values.count;
    tarjan t = {.v = v, .ranks = ranks};

    TAY_TRY(tay__calloc(&t.index, n, sizeof *t.index));
    TAY_TRY(tay__calloc(&t.low, n, sizeof *t.low));
    TAY_TRY(tay__alloc(&t.part, n, sizeof *t.part));
    TAY_TRY(tay__alloc(&t.open, n, sizeof *t.open));
    TAY_TRY(tay__alloc(&t.path, n, sizeof *t.path));
    for (size_t i = 0; i < n; i++) t.part[i] = -1;
    for (size_t i = 0; i < n; i++)
        if (t.index[i] == 0) search(&t, (int32_t)i);
    find_levels(&t, n);
out:
    tay__free(t.index);
    tay__free(t.low);
    tay__free(t.part);
    tay__free(t.open);
    tay__free(t.path);
    return status;
}

/* What the values of a bundle have in common. */
typedef struct shape {
    uint32_t depth, level, n_terms;
    uint8_t primitive, function;
    bool recurrent, square, has_coefs, has_constant;
    double exponent;
} shape;

bool tay__is_square(const tay__values *v, const tay__value *value)
{
    const tay__term *terms = tay__terms_of(v, value);

    if (value->primitive != TAY__PRODUCT) return false;
    for (uint32_t k = 0; k < value->n_terms; k++)
        if (terms[k].a != terms[k].b) return false;
    return true;
}

bool tay__has_coefs(const tay__values *v, const tay__value *value)
{
    const tay__term *terms = tay__terms_of(v, value);

    for (uint32_t k = 0; k < value->n_terms; k++)
        if (terms[k].coef != TAY__ONE) return true;
    return false;
}

static shape shape_of(const tay__values *v, const tay__rank *ranks, int32_t i)
{
    const tay__value *value = tay__value_at(v, i);
    return (shape){.depth = ranks[i].depth,
                   .level = ranks[i].level,
                   .n_terms = value->n_terms,
                   .primitive = value->primitive,
                   .function = value->function,
                   .recurrent = ranks[i].recurrent,
                   .square = tay__is_square(v, value),
                   .has_coefs = tay__has_coefs(v, value),
                   .has_constant = value->constant != TAY__NONE,
                   .exponent = value->exponent};
}

static bool same_shape(const shape *a, const shape *b)
{
    return a->depth == b->depth && a->level == b->level && a->n_terms == b->n_terms && a->primitive == b->primitive &&
           a->function == b->function && a->recurrent == b->recurrent && a->square == b->square && a->has_coefs == b->has_coefs &&
           a->has_constant == b->has_constant && memcmp(&a->exponent, &b->exponent, sizeof a->exponent) == 0;
}

static uint64_t hash_shape(const shape *s)
{
    uint64_t exponent, h;

    memcpy(&exponent, &s->exponent, sizeof exponent);
    h = tay__mix(s->depth, s->level);
    h = tay__mix(h, s->n_terms);
    h = tay__mix(h, (uint64_t)s->primitive | (uint64_t)s->function << 8 | (uint64_t)s->square << 16 |
                        (uint64_t)s->has_coefs << 17 | (uint64_t)s->has_constant << 18 | (uint64_t)s->recurrent << 19);
    return tay__mix(h, exponent);
}

/* The bundle of value i: an old one of its shape, or a new one at the end of `bundles` (of tay__bundle). */
static tay_status find_bundle(uint32_t *found, tay__array *bundles, tay__map *by_shape, const tay__values *v,
                              const tay__rank *ranks, int32_t i)
{
    tay_status status = TAY_OK;
    shape s = shape_of(v, ranks, i);
    uint64_t key = hash_shape(&s);
    const uint64_t *known;

    for (; (known = tay__map_get(by_shape, key)); key++) { /* a collision takes the next key */
        shape other = shape_of(v, ranks, ((tay__bundle *)bundles->data)[*known].first);
        if (same_shape(&s, &other)) {
            *found = (uint32_t)*known;
            goto out;
        }
    }
    *found = (uint32_t)bundles->count;
    TAY_TRY(tay__map_set(by_shape, key, bundles->count));
    TAY_TRY(tay__array_push(bundles, &(tay__bundle){.first = i, .found = *found, .depth = ranks[i].depth,
                                                    .level = ranks[i].level, .recurrent = ranks[i].recurrent}));
out:
    return status;
}

static int compare_bundles(const void *x, const void *y)
{
    const tay__bundle *a = x, *b = y;

    if (a->depth != b->depth) return a->depth < b->depth ? -1 : 1;
    if (a->level != b->level) return a->level < b->level ? -1 : 1;
    return a->first < b->first ? -1 : a->first > b->first;
}

/* Sorts the bundles and gives them their members and slots. owner[] holds the index under which each was found. */
static void place(tay__bundles *b, size_t n_values, uint32_t *sorted)
{
    int32_t *members = b->members;

    if (b->n > 1) qsort(b->bundles, b->n, sizeof *b->bundles, compare_bundles);
    for (uint32_t k = 0; k < b->n; k++) {
        sorted[b->bundles[k].found] = k;
        b->bundles[k].members = members;
        members += b->bundles[k].n_members;
        b->bundles[k].n_members = 0;
    }
    for (size_t i = 0; i < n_values; i++) {
        if (b->owner[i] < 0) continue;
        b->owner[i] = (int32_t)sorted[b->owner[i]];
        tay__bundle *bundle = &b->bundles[b->owner[i]];
        bundle->members[bundle->n_members++] = (int32_t)i;
    }
}

/* The size of the largest bundle of each depth. */
static void find_largest(tay__bundles *b)
{
    for (uint32_t begin = 0, end; begin < b->n; begin = end) {
        uint32_t largest = 0;
        for (end = begin; end < b->n && b->bundles[end].depth == b->bundles[begin].depth; end++)
            if (b->bundles[end].n_members > largest) largest = b->bundles[end].n_members;
        for (uint32_t k = begin; k < end; k++) b->bundles[k].largest = largest;
    }
}

void tay__give_slots(tay__bundles *b, const tay__values *v)
{
    uint32_t next = 0;

    for (size_t i = 0; i < v->values.count; i++) {
        uint8_t primitive = tay__value_at(v, (int32_t)i)->primitive;
        if (primitive == TAY__INPUT || primitive == TAY__STATE) b->slot[i] = (int32_t)next++;
    }
    for (uint32_t k = 0; k < b->n; k++) {
        const tay__bundle *bundle = &b->bundles[k];
        if (tay__value_at(v, bundle->first)->primitive == TAY__STATE) continue;
        for (uint32_t m = 0; m < bundle->n_members; m++) {
            if (m == 0 ? bundle->n_members >= 8 : b->aligned[bundle->members[m]]) next = (next + 7) / 8 * 8;
            b->slot[bundle->members[m]] = (int32_t)next++;
        }
    }
    b->n_slots = next + TAY__OVERRUN;
}

tay_status tay__bundle_values(tay__bundles *b, const tay__values *v, const tay__rank *ranks)
{
    tay_status status = TAY_OK;
    size_t n = v->values.count;
    tay__array bundles = TAY__ARRAY(tay__bundle);
    tay__map by_shape = {0};
    uint32_t *sorted = NULL, found;

    TAY_TRY(tay__alloc(&b->members, n, sizeof *b->members));
    TAY_TRY(tay__alloc(&b->slot, n, sizeof *b->slot));
    TAY_TRY(tay__alloc(&b->owner, n, sizeof *b->owner));
    TAY_TRY(tay__calloc(&b->aligned, n, sizeof *b->aligned));
    for (size_t i = 0; i < n; i++) {
        b->owner[i] = -1;
        if (tay__value_at(v, (int32_t)i)->primitive == TAY__INPUT) continue;
        TAY_TRY(find_bundle(&found, &bundles, &by_shape, v, ranks, (int32_t)i));
        b->owner[i] = (int32_t)found;
        ((tay__bundle *)bundles.data)[found].n_members++;
    }
    b->bundles = bundles.data;
    b->n = (uint32_t)bundles.count;
    bundles = TAY__ARRAY(tay__bundle);
    TAY_TRY(tay__alloc(&sorted, b->n, sizeof *sorted));
    place(b, n, sorted);
    find_largest(b);
    tay__give_slots(b, v);
out:
    tay__array_free(&bundles);
    tay__map_free(&by_shape);
    tay__free(sorted);
    return status;
}

void tay__bundles_free(tay__bundles *b)
{
    tay__free(b->bundles);
    tay__free(b->members);
    tay__free(b->slot);
    tay__free(b->owner);
    tay__free(b->aligned);
}
