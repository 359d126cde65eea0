/*
 * What of a jet is saved for the way back, found once when a reversible exec is bound: what the adjoints read, but for values
 * that cost little to compute again from what is saved. Of a network these are all but the outputs of its layers with many
 * inputs: memory beyond the caches is slower than short sums.
 */
#include "exec/bound.h"

/* Sums of more terms are not computed again. */
enum { FEW_TERMS = 8 };

typedef struct plan {
    bool *read;   /* [n_slots] by an adjoint */
    bool *again;  /* [n_slots] computed again */
    bool *needed; /* [n_slots] read, or an operand of what is computed again */
    bool found;
} plan;

static bool is_cheap(const tay__operation *o)
{
    return o->delay == 0 && !o->kernel.to_state && o->group->primitive != TAY__STATE &&
           (o->group->primitive != TAY__LINEAR || o->group->n_terms <= FEW_TERMS);
}

/* Whether the adjoint of a group reads its operands a, or b. */
static bool reads(const tay__group *g, bool is_b)
{
    switch (g->primitive) {
    case TAY__LINEAR: return g->has_coefs; /* which learn */
    case TAY__QUOTIENT:
    case TAY__INTEGRATE: return is_b;
    case TAY__STATE: return false;
    default: return true;
    }
}

static void mark_read(void *context, const tay__group *g, int32_t slot, bool is_b)
{
    plan *p = context;
    if (reads(g, is_b)) p->read[slot] = true;
}

static void check_known(void *context, const tay__group *g, int32_t slot, bool is_b)
{
    plan *p = context;
    (void)g, (void)is_b;
    if (!p->read[slot] && !p->again[slot]) p->found = false;
}

static void mark_needed(void *context, const tay__group *g, int32_t slot, bool is_b)
{
    plan *p = context;
    (void)g, (void)is_b;
    if (!p->needed[slot]) p->found = true;
    p->needed[slot] = true;
}

/* Of what could be computed again, that of which an adjoint reads something, or something else that is computed again. */
static void drop_unneeded(plan *p, tay__exec *exec)
{
    tay__operation *operations = exec->operations.data;

    memcpy(p->needed, p->read, exec->n_slots * sizeof *p->needed);
    do {
        p->found = false;
        for (size_t i = 0; i < exec->operations.count; i++)
            if (operations[i].restored && tay__any_marked(p->needed, operations[i].group))
                tay__see_operands(operations[i].group, mark_needed, p);
    } while (p->found);
    for (size_t i = 0; i < exec->operations.count; i++)
        if (operations[i].restored) operations[i].restored = tay__any_marked(p->needed, operations[i].group);
}

/* All that is cheap, but what has an operand that is neither computed again nor saved in any case. */
static void find_again(plan *p, tay__exec *exec)
{
    tay__operation *operations = exec->operations.data;
    bool changed;

    for (size_t i = 0; i < exec->operations.count; i++) {
        operations[i].restored = is_cheap(&operations[i]);
        if (operations[i].restored) tay__mark_members(p->again, operations[i].group, true);
    }
    do {
        changed = false;
        for (size_t i = 0; i < exec->operations.count; i++) {
            p->found = true;
            if (!operations[i].restored) continue;
            tay__see_operands(operations[i].group, check_known, p);
            if (p->found) continue;
            operations[i].restored = false;
            changed = true;
            tay__mark_members(p->again, operations[i].group, false);
        }
    } while (changed);
}

tay_status tay__plan_save(tay__exec *exec)
{
    tay_status status = TAY_OK;
    const tay__operation *operations = exec->operations.data;
    plan p = {0};

    TAY_TRY(tay__calloc(&p.read, 3 * exec->n_slots, sizeof *p.read));
    p.again = p.read + exec->n_slots;
    p.needed = p.again + exec->n_slots;
    tay__mark_inputs(p.read, exec->program);
    for (size_t i = 0; i < exec->operations.count; i++) {
        const tay__group *g = operations[i].group;
        if (!operations[i].pulled) continue;
        tay__see_operands(g, mark_read, &p);
        if (g->primitive == TAY__QUOTIENT || g->primitive == TAY__POWER) tay__mark_members(p.read, g, true);
    }
    find_again(&p, exec);
    drop_unneeded(&p, exec);
    for (size_t i = 0; i < exec->n_slots; i++) p.read[i] = p.read[i] && !p.again[i];
    TAY_TRY(tay__find_runs(&exec->saved, p.read, exec->n_slots));
out:
    tay__free(p.read);
    return status;
}

/* Bytes of the states' coefficients of an order. */
static size_t states_bytes(const tay__exec *exec)
{
    return exec->program->n_inputs * exec->lanes * exec->element;
}

/* Bytes of what is saved of n orders, and of the states' coefficients of the next one, in one precision. */
static size_t saved_bytes(const tay__exec *exec, uint32_t n_orders)
{
    const tay__slots *slots = exec->saved.data;
    size_t n = 0;

    for (size_t i = 0; i < exec->saved.count; i++) n += slots[i].end - slots[i].begin;
    return n * exec->lanes * exec->element * n_orders + states_bytes(exec);
}

size_t tay__exec_saved_bytes(const tay__exec *exec, uint32_t order)
{
    size_t whole = saved_bytes(exec, order), mixed = 0;

    if (!exec->high) return whole;
    if (order > exec->exact)
        mixed = saved_bytes(exec, exec->back) + (exec->exact - exec->back) * states_bytes(exec) +
                saved_bytes(exec->high, order - exec->low);
    return (mixed > whole ? mixed : whole) + tay__count_units(exec) * sizeof(double);
}

/* Between the saved bytes from `saved` on and coefficients n of the jet; returns where the next ones are. */
static char *copy_slots(const tay__exec *exec, char *saved, void *jet, const tay__slots *slots, uint32_t n, bool restores)
{
    size_t slot = exec->lanes * exec->element, length = (slots->end - slots->begin) * slot;
    char *values = (char *)jet + n * exec->plane * exec->element + slots->begin * slot;

    memcpy(restores ? values : saved, restores ? saved : values, length);
    return saved + length;
}

/* The states' coefficients of orders from .. to. */
static char *copy_states(const tay__exec *exec, char *saved, void *jet, uint32_t from, uint32_t to, bool restores)
{
    const tay__slots states = {0, exec->program->n_inputs};

    for (uint32_t n = from; n <= to; n++) saved = copy_slots(exec, saved, jet, &states, n, restores);
    return saved;
}

/* Orders from .. to - 1 of all that is saved, and the states' of order `to`. */
static char *copy(const tay__exec *exec, char *saved, void *jet, uint32_t from, uint32_t to, bool restores)
{
    for (uint32_t n = from; n < to; n++)
        for (size_t i = 0; i < exec->saved.count; i++)
            saved = copy_slots(exec, saved, jet, (const tay__slots *)exec->saved.data + i, n, restores);
    return copy_states(exec, saved, jet, to, to, restores);
}

const char *tay__restore_orders(const tay__exec *exec, const tay__workspace *w, const char *saved, uint32_t from, uint32_t to)
{
    tay__pass pass = tay__pass_of(exec, w, to);
    const char *rest = copy(exec, (char *)saved, w->jet, from, to, true);

    for (size_t i = 0; i < exec->steps.count; i++) {
        const tay__step *step = (const tay__step *)exec->steps.data + i;
        for (uint32_t n = from; n < to; n++)
            for (uint32_t k = 0; k < step->n_operations; k++)
                if (tay__operation_of(exec, step, k)->restored) tay__run_lanes(exec, step, k, &pass, n);
    }
    return rest;
}

/* With orders in float: units, orders below `back` and the states up to `exact` in double, orders from `low` on in float. */
size_t tay__exec_save(const tay__exec *exec, double *saved, const tay__workspace *w, uint32_t order)
{
    size_t n_units = exec->high ? tay__count_units(exec) : 0;
    bool mixed = tay__is_mixed(exec, w, order);
    char *to = (char *)(saved + n_units);

    if (n_units) memcpy(saved, tay__units_of(exec, w), n_units * sizeof *saved);
    to = copy(exec, to, w->jet, 0, mixed ? exec->back : order, false);
    if (mixed) {
        to = copy_states(exec, to, w->jet, exec->back + 1, exec->exact, false);
        to = copy(exec->high, to, tay__high_of(exec, w)->jet, exec->low, order, false);
    }
    return (size_t)(to - (char *)saved);
}

void tay__exec_restore(const tay__exec *exec, tay__workspace *w, const double *saved, uint32_t order)
{
    size_t n_units = exec->high ? tay__count_units(exec) : 0;

    if (n_units) memcpy(tay__units_of(exec, w), saved, n_units * sizeof *saved);
    bool mixed = tay__is_mixed(exec, w, order);
    const char *rest = tay__restore_orders(exec, w, (const char *)(saved + n_units), 0, mixed ? exec->back : order);
    if (!mixed) return;
    rest = copy_states(exec, (char *)rest, w->jet, exec->back + 1, exec->exact, true);
    tay__restore_high(exec, w, rest, order);
}
