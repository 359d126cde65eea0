/*
 * Pairs of operations of unrolled code: two of the same form with a row of one element each, which go together as vectors of two
 * (kernels/pairs.h). Products do if they share a factor, so that each multiplication of the pair loads three numbers; sums of
 * states' derivatives, if they add such products. Of these sums, which the next order waits for, the products are a part then.
 */
#include "exec/jit_emit.h"

static bool is_transient(const tay__group *g, uint32_t k)
{
    return g->a_transient && g->a_transient[k];
}

/* Whether an operation may be one of a pair. */
static bool may_pair(const tay__exec *exec, const tay__step *step, uint32_t k)
{
    size_t n;
    const tay__operation *o = tay__operation_of(exec, step, k);
    const tay__segment *s = tay__segments_of(exec, step, k, &n);
    const tay__group *g = o->group;
    bool product = g->primitive == TAY__PRODUCT && !g->square && !g->has_coefs && g->b_stride == TAY__CONTIGUOUS;

    return n == 1 && g->n_rows == 1 && s->begin == 0 && s->end == 1 && g->rows[0].length == 1 &&
           g->a_stride == TAY__CONTIGUOUS && !g->start && (product || (g->primitive == TAY__LINEAR && o->kernel.to_state));
}

static bool share_factors(const tay__group *g, const tay__group *h)
{
    for (uint32_t k = 0; k < g->n_terms; k++)
        if (g->a[k] != h->a[k] && g->a[k] != h->b[k] && g->b[k] != h->a[k] && g->b[k] != h->b[k]) return false;
    return true;
}

static int32_t result_of(const tay__emitter *e, uint32_t operation)
{
    return ((const tay__operation *)e->exec->operations.data)[operation].group->rows[0].first;
}

/* Whether two sums have a term of two products each that go together; their rows in the pair then are as those of the sums,
 * whose first one is g's. */
static bool add_pair(tay__emitter *e, const tay__step *step, const tay__group *g, const tay__group *h)
{
    bool some = false;

    for (uint32_t i = step->begin; i < step->begin + step->n_operations; i++) {
        uint32_t with = e->partner[i];
        for (uint32_t k = 0; k < g->n_terms && with != i; k++) {
            if (g->a[k] != result_of(e, i) || h->a[k] != result_of(e, with)) continue;
            e->second[i] = false;
            e->second[with] = true;
            some = true;
        }
    }
    return some;
}

static bool are_alike(const tay__operation *o, const tay__operation *p)
{
    const tay__group *g = o->group, *h = p->group;

    if (g->primitive != h->primitive || g->n_terms != h->n_terms || g->transient != h->transient || g->has_coefs != h->has_coefs)
        return false;
    if (o->kernel.to_state != p->kernel.to_state || o->delay != p->delay || o->first != p->first || o->last != p->last)
        return false;
    for (uint32_t k = 0; k < g->n_terms; k++)
        if (is_transient(g, k) != is_transient(h, k)) return false;
    return true;
}

typedef struct reading {
    int32_t slot;
    bool found;
} reading;

static void see(void *context, const tay__group *g, int32_t slot, bool is_b)
{
    reading *r = context;
    (void)g, (void)is_b;
    r->found |= slot == r->slot;
}

/* Whether operation k may be done where a later one is: none up to there reads its result. A state's is of the next order. */
static bool may_wait(const tay__exec *exec, const tay__step *step, uint32_t k, uint32_t later)
{
    const tay__operation *o = tay__operation_of(exec, step, k);
    reading r = {o->group->rows[0].first, false};

    if (o->kernel.to_state) return true;
    while (++k <= later) tay__see_operands(tay__operation_of(exec, step, k)->group, see, &r);
    return !r.found;
}

/* Joins operation k with a later one, if they are a pair. In memory, too, the states are one behind the other. */
static void join(tay__emitter *e, const tay__step *step, uint32_t k, uint32_t later)
{
    uint32_t i = step->begin + k, with = step->begin + later;
    const tay__operation *o = tay__operation_of(e->exec, step, k), *p = tay__operation_of(e->exec, step, later);
    const tay__group *g = o->group, *h = p->group;
    bool swapped = result_of(e, i) > result_of(e, with);

    if (e->partner[i] != i || !may_pair(e->exec, step, k) || !are_alike(o, p) || !may_wait(e->exec, step, k, later)) return;
    if (g->primitive == TAY__PRODUCT ? !share_factors(g, h) : !add_pair(e, step, swapped ? h : g, swapped ? g : h)) return;
    e->partner[i] = with;
    e->partner[with] = i;
    e->second[swapped ? i : with] = true;
}

static void count(void *context, const tay__group *g, int32_t slot, bool is_b)
{
    uint8_t *n_readers = context;
    (void)g, (void)is_b;
    if (n_readers[slot] < 2) n_readers[slot]++;
}

/* Whether products i are a term of sums s as they are, both of the pair, and of nothing else. */
static bool is_term(const tay__emitter *e, uint32_t s, uint32_t i, const uint8_t *n_readers)
{
    const tay__group *g = ((const tay__operation *)e->exec->operations.data)[s].group;
    int32_t slot = result_of(e, i);

    if (n_readers[slot] != 1) return false;
    for (uint32_t k = 0; k < g->n_terms; k++)
        if (g->a[k] == slot) return !g->has_coefs || tay__is_one(e->exec->program, g->coefs + k);
    return false;
}

/* Sums take one pair of products, the last one that is there, as it is the newest. */
static void find_terms(tay__emitter *e, const tay__step *step, const uint8_t *n_readers)
{
    const tay__operation *operations = e->exec->operations.data;
    uint32_t end = step->begin + step->n_operations;

    for (uint32_t s = step->begin; s < end; s++) {
        if (e->partner[s] == s || e->second[s] || operations[s].group->primitive != TAY__LINEAR) continue;
        for (uint32_t i = step->begin; i < end; i++) {
            if (e->partner[i] == i || e->second[i] || operations[i].group->primitive != TAY__PRODUCT) continue;
            if (!is_term(e, s, i, n_readers) || !is_term(e, e->partner[s], e->partner[i], n_readers)) continue;
            if (e->term[s] != UINT32_MAX) e->term[e->term[s]] = UINT32_MAX;
            e->term[s] = i;
            e->term[i] = s;
        }
    }
}

tay_status tay__find_pairs(tay__emitter *e)
{
    tay_status status = TAY_OK;
    const tay__step *steps = e->exec->steps.data;
    uint32_t n = (uint32_t)e->exec->operations.count;
    const tay__operation *operations = e->exec->operations.data;
    uint8_t *n_readers = NULL;

    TAY_TRY(tay__alloc(&e->partner, n, sizeof *e->partner));
    TAY_TRY(tay__calloc(&e->second, n, sizeof *e->second));
    TAY_TRY(tay__alloc(&e->term, n, sizeof *e->term));
    TAY_TRY(tay__calloc(&n_readers, e->exec->n_slots, sizeof *n_readers));
    for (uint32_t i = 0; i < n; i++) {
        e->partner[i] = i;
        e->term[i] = UINT32_MAX;
        tay__see_operands(operations[i].group, count, n_readers);
    }
    for (size_t i = 0; i < e->exec->steps.count; i++) {
        for (uint32_t later = 1; later < steps[i].n_operations && steps[i].n_parts == 1; later++) {
            if (!may_pair(e->exec, &steps[i], later)) continue;
            for (uint32_t k = 0; k < later && e->partner[steps[i].begin + later] == steps[i].begin + later; k++)
                join(e, &steps[i], k, later);
        }
        find_terms(e, &steps[i], n_readers);
    }
out:
    tay__free(n_readers);
    return status;
}
