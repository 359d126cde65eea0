/*
 * The values of unrolled code: when they are there, and which are written as vectors.
 *
 * At the newest order they are read as soon as they are there, and stay in registers if they are read as they were written, or as
 * elements of a vector. A vector of elements that were written one by one would be read from memory, once all of them are in the
 * cache: that takes twice as long as the rest of a step of an oscillator.
 *
 * Rows of products, powers and functions are vectors, as most of the multiplications are there, if what they read is. Sums and
 * states of few members are where they are read so, or if they read such; else they are made element by element.
 */
#include "exec/jit_emit.h"

/* Tables may go element by element if fewer members are read. */
enum { LONG_TABLE = 13 };

typedef struct planner {
    tay__emitter *e;
    int32_t *writer; /* [n_slots] which operation writes it, or -1 */
    bool *ends;      /* [n_slots] it is the last one of a row */
    bool *alone;     /* [operations] whose rows are no vectors, as what they read is not */
    bool changed;
} planner;

static const tay__operation *operation(const planner *p, uint32_t k)
{
    return (const tay__operation *)p->e->exec->operations.data + k;
}

static bool is_sum(const tay__group *g)
{
    return g->primitive == TAY__LINEAR || g->primitive == TAY__STATE;
}

static void mark_writers(planner *p)
{
    for (size_t i = 0; i < p->e->exec->n_slots; i++) p->writer[i] = -1;
    for (uint32_t k = 0; k < p->e->exec->operations.count; k++) {
        const tay__group *g = operation(p, k)->group;
        for (uint32_t r = 0; r < g->n_rows; r++) {
            for (int32_t m = 0; m < g->rows[r].length; m++) p->writer[g->rows[r].first + m] = (int32_t)k;
            p->ends[g->rows[r].first + g->rows[r].length - 1] = true;
        }
    }
}

/* Members m and m + 1 of a row are written together: then operands that are one behind the other are to be, too, if they are in
 * one row. Whether they are. */
static bool join_operands(planner *p, const tay__group *g, const int32_t *slots, tay__stride stride, uint32_t r, int32_t m)
{
    bool joined = true;

    for (uint32_t k = 0; slots && k < g->n_terms; k++) {
        int32_t a = tay__operand(g, slots, stride, r, k, m), writer = p->writer[a];
        if (tay__operand(g, slots, stride, r, k, m + 1) != a + 1 || p->e->joined[a]) continue;
        if (writer >= 0 && !p->ends[a] && p->e->loose[writer]) p->e->joined[a] = p->changed = true;
        else if (writer >= 0 || p->writer[a + 1] >= 0) joined = false;
    }
    return joined;
}

/* Joins what a sum writes, if all that it reads are vectors. */
static void follow(planner *p, uint32_t k)
{
    const tay__group *g = operation(p, k)->group;

    for (uint32_t r = 0; p->e->loose[k] && g->n_terms > 0 && r < g->n_rows; r++) {
        for (int32_t m = 0; m + 1 < g->rows[r].length; m++) {
            bool joined = !p->e->joined[g->rows[r].first + m];
            for (uint32_t t = 0; t < g->n_terms; t++) {
                int32_t a = tay__operand(g, g->a, g->a_stride, r, t, m);
                joined = joined && tay__operand(g, g->a, g->a_stride, r, t, m + 1) == a + 1 && p->e->joined[a];
            }
            if (joined) p->e->joined[g->rows[r].first + m] = p->changed = true;
        }
    }
}

/* Joins what operation k reads as vectors; else it reads and writes elements. */
static void plan(planner *p, uint32_t k)
{
    const tay__group *g = operation(p, k)->group;

    for (uint32_t r = 0; r < g->n_rows; r++) {
        for (int32_t m = 0; m + 1 < g->rows[r].length; m++) {
            if (!p->e->joined[g->rows[r].first + m]) continue;
            bool joined = join_operands(p, g, g->a, g->a_stride, r, m) & join_operands(p, g, g->b, g->b_stride, r, m);
            if (!joined && !is_sum(g) && g->rows[r].length < TAY__LONG_ROW) p->alone[k] = true;
        }
    }
}

/* Begins with the rows that are vectors whatever reads them. */
static void begin(planner *p)
{
    for (size_t i = 0; i < p->e->exec->n_slots; i++) p->e->joined[i] = false;
    for (uint32_t k = 0; k < p->e->exec->operations.count; k++) {
        const tay__group *g = operation(p, k)->group;
        for (uint32_t r = 0; r < g->n_rows && !p->alone[k]; r++)
            for (int32_t m = 0; m + 1 < g->rows[r].length; m++)
                p->e->joined[g->rows[r].first + m] = !p->e->loose[k];
    }
}

static bool is_loose(const tay__emitter *e, const tay__group *g)
{
    int32_t n = 0;

    for (uint32_t r = 0; r < g->n_rows; r++) {
        for (int32_t m = 0; m < g->rows[r].length; m++) n += !e->unread[g->rows[r].first + m];
        if (g->a_stride != TAY__GATHER && n >= TAY__LONG_ROW) return false;
        if (g->a_stride != TAY__GATHER) n = 0;
    }
    return is_sum(g) && n < LONG_TABLE;
}

static void mark_read(void *context, const tay__group *g, int32_t slot, bool is_b)
{
    tay__emitter *e = context;
    (void)g, (void)is_b;
    e->unread[slot] = false;
}

tay_status tay__find_vectors(tay__emitter *e)
{
    tay_status status = TAY_OK;
    planner p = {.e = e};
    uint32_t n = (uint32_t)e->exec->operations.count, n_alone = 0, before;

    TAY_TRY(tay__calloc(&e->joined, e->exec->n_slots, sizeof *e->joined));
    TAY_TRY(tay__alloc(&e->unread, e->exec->n_slots, sizeof *e->unread));
    for (size_t i = 0; i < e->exec->n_slots; i++) e->unread[i] = i >= e->exec->program->n_slots;
    TAY_TRY(tay__calloc(&e->loose, n, sizeof *e->loose));
    TAY_TRY(tay__calloc(&p.ends, e->exec->n_slots, sizeof *p.ends));
    TAY_TRY(tay__alloc(&p.writer, e->exec->n_slots, sizeof *p.writer));
    TAY_TRY(tay__calloc(&p.alone, n, sizeof *p.alone));
    mark_writers(&p);
    for (uint32_t k = 0; k < n; k++) tay__see_operands(operation(&p, k)->group, mark_read, e);
    for (uint32_t k = 0; k < n; k++) e->loose[k] = is_loose(e, operation(&p, k)->group);
    do {
        begin(&p);
        do {
            p.changed = false;
            for (uint32_t k = n; k-- > 0;) plan(&p, k);
            for (uint32_t k = 0; k < n; k++) follow(&p, k);
        } while (p.changed);
        before = n_alone;
        n_alone = 0;
        for (uint32_t k = 0; k < n; k++) n_alone += p.alone[k];
    } while (n_alone > before);
out:
    tay__free(p.ends);
    tay__free(p.writer);
    tay__free(p.alone);
    return status;
}

/* Whether what members of a segment read is written as vectors, too: one behind the other. */
static bool reads_vectors(const tay__emitter *e, const tay__group *g, const tay__segment *s)
{
    for (uint32_t k = 0; k < g->n_terms; k++) {
        for (int32_t m = s->begin; m + 1 < s->end; m++) {
            int32_t a = tay__operand(g, g->a, g->a_stride, s->row, k, m);
            if (tay__operand(g, g->a, g->a_stride, s->row, k, m + 1) != a + 1 || !e->joined[a]) return false;
        }
    }
    return true;
}

bool tay__is_loose(const tay__emitter *e, const tay__operation *o)
{
    return e->loose && e->loose[o - (const tay__operation *)e->exec->operations.data];
}

tay__stride tay__stride_of(const tay__emitter *e, const tay__operation *o, const tay__segment *s)
{
    if (!tay__is_loose(e, o) || o->group->a_stride == TAY__SHARED) return o->group->a_stride;
    return reads_vectors(e, o->group, s) ? TAY__CONTIGUOUS : TAY__GATHER;
}

bool tay__swaps(const tay__emitter *e, const tay__group *g, const tay__segment *s)
{
    uint32_t k = g->n_terms - 1;

    if (!e->ready || g->primitive != TAY__PRODUCT || g->square || g->a_stride != g->b_stride) return false;
    return e->ready[tay__operand(g, g->a, g->a_stride, s->row, k, s->begin)]
           < e->ready[tay__operand(g, g->b, g->b_stride, s->row, k, s->begin)];
}

void tay__note_ready(tay__emitter *e, const tay__operation *o, const tay__segment *s)
{
    enum { MULTIPLY_ADD = 4 };
    const tay__group *g = o->group;
    bool swapped = tay__swaps(e, g, s);
    uint32_t first = (uint32_t)(g->rows[s->row].first + s->begin), time = 0;

    for (uint32_t k = 0; k < g->n_terms; k++) {
        uint32_t a = e->ready[tay__operand(g, g->a, g->a_stride, s->row, k, s->begin)];
        uint32_t b = g->b ? e->ready[tay__operand(g, g->b, g->b_stride, s->row, k, s->begin)] : a;
        if (k == 0 && g->primitive == TAY__LINEAR) {
            time = a;
            continue;
        }
        if (b != a && !g->square) time = (time > (swapped ? a : b) ? time : swapped ? a : b) + MULTIPLY_ADD;
        time = (time > (swapped ? b : a) ? time : swapped ? b : a) + MULTIPLY_ADD;
    }
    if (o->kernel.to_state) time += MULTIPLY_ADD;
    if (o->kernel.to_state) first += (uint32_t)e->exec->n_slots;
    for (int32_t m = 0; m < s->end - s->begin; m++) e->ready[first + (uint32_t)m] = time;
}
