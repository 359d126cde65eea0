/*
 * From a bound program to a function of calls of sites (kernels/site.h):
 *
 *     for each step, part:  order 0;  a loop over orders up to K-1, or pairs of them;  order K (states only)
 *         for each operation, segment:  blocks of up to four vectors, a loop over them if there are many
 *
 * Order 0 is apart because functions, powers and constants differ there. What is known now (slots, strides, lengths, numbers
 * of terms, exponents) goes into constant sites; only the order and the memory are arguments. Small programs are unrolled:
 * there the order is known too, hence how long each sum is, and coefficients that are numbers are constants.
 */
#include "exec/jit_emit.h"

/* Jets of more bytes than this stay in the second-level cache only: then orders go in pairs, which read half as much. */
enum { BYTES_OF_PAIRS = 96 * 1024 };
/* Jets of more bytes than this fill half of that cache, or more: then operations in a chain go block by block, which takes 8 %
 * off a step of 20 bodies. In smaller ones the loops of single operations, which need fewer registers, are as fast. */
enum { BYTES_OF_CHAINS = 256 * 1024, LEAST_BLOCKS = 2 };

static size_t jet_bytes(const tay__exec *exec)
{
    return exec->plane * exec->element * exec->order;
}

/* Whether rows go as tiles, for which numbers are packed: not in unrolled code, where these are in registers. */
static bool is_tiled(const tay__emitter *e, const tay__operation *o)
{
    return o->kernel.prepare != NULL && !e->unrolls;
}

typedef enum place { FIRST, MIDDLE, LAST } place;

/* How many slots from `first` on may be written, if `length` of them are a row: those behind are nobody's. */
static int32_t room(const tay__emitter *e, int32_t first, int32_t length)
{
    int32_t end = first + length;
    while ((size_t)end < e->exec->n_slots && !e->used[end] && end - first < length + (int32_t)e->width) end++;
    return end - first;
}

/* The elements of the operands of members m .. m + length - 1 of row r: one per term; or with a table `step` per term, one for
 * each `every` members. */
static tay_status operands(LLVMValueRef *out, const tay__emitter *e, const tay__group *g, const int32_t *slots,
                           tay__stride stride, const tay__segment *s, uint32_t step, uint32_t every)
{
    tay_status status = TAY_OK;
    int32_t *values = NULL, last = s->end - 1;

    TAY_TRY(tay__alloc(&values, (size_t)g->n_terms * step, sizeof *values));
    for (uint32_t k = 0; k < g->n_terms; k++) {
        for (uint32_t i = 0; i < step; i++) {
            int32_t m = s->begin + (int32_t)(i * every) < last ? s->begin + (int32_t)(i * every) : last;
            values[k * step + i] = tay__operand(g, slots, stride, s->row, k, m);
        }
    }
    TAY_TRY(tay__array32(out, e, values, (size_t)g->n_terms * step));
out:
    tay__free(values);
    return status;
}

/* Whether, at an order of unrolled code, an operation's sum is begun an order ahead: if there are terms for that. */
static bool goes_ahead(const tay__emitter *e, const tay__operation *o, uint32_t order)
{
    tay__primitive p = o->group->primitive;
    bool sums = p == TAY__PRODUCT || p == TAY__QUOTIENT || p == TAY__POWER || p == TAY__INTEGRATE;

    if (o->group->start || is_tiled(e, o) || tay__whole_kernel(o->group, false)) return false;
    return sums && order >= o->delay + 4;
}

/* Products and powers, which read many coefficients, go by pairs of orders; not behind a state's last coefficient. */
static tay__turn turn_of(const tay__emitter *e, const tay__operation *o)
{
    const tay__group *g = o->group;
    if (e->unrolls) return !goes_ahead(e, o, e->order) ? TAY__ALONE : e->turn == TAY__AHEAD ? TAY__AHEAD : TAY__CLOSING;
    bool pairs = (g->primitive == TAY__PRODUCT && g->a_stride == TAY__CONTIGUOUS) || g->primitive == TAY__POWER;

    return pairs && o->delay == 0 && !o->kernel.to_state ? e->turn : TAY__ALONE;
}

static bool all_transient(const tay__group *g)
{
    return g->a_transient && !memchr(g->a_transient, 0, g->n_terms);
}

/* What all sites of an operation's segment have in common. */
static tay_status make_draft(tay__draft *d, const tay__emitter *e, const tay__operation *o, const tay__segment *s)
{
    tay_status status = TAY_OK;
    const tay__group *g = o->group;
    const tay__row *row = &g->rows[s->row];
    tay__stride a_stride = tay__stride_of(e, o, s);
    uint32_t length = (uint32_t)(s->end - s->begin), every = g->piece > 0 && !tay__is_loose(e, o) ? (uint32_t)g->piece : 1;
    uint32_t step = a_stride == TAY__GATHER ? (length + 15) / 16 * 16 / every : 1;

    *d = (tay__draft){.length = (int32_t)length, .padded = room(e, row->first + s->begin, (int32_t)length),
                 .most_vectors = 4, .n_terms = g->n_terms,
                 .known = e->numbers && !tay__depends_on_prologue(e->exec->program, g)};
    /* Unrolled: wider than what it reads was written, an element of a short row that is nobody's would be waited for. */
    if (s->end < row->length || (e->unrolls && length < TAY__LONG_ROW)) d->padded = d->length;
    d->site = (tay__site){.step = step,
                          .piece = every,
                          .n_ones = g->n_ones,
                          .plane = e->exec->plane,
                          .scale = 1,
                          .y = (uint64_t)(row->first + s->begin),
                          .transient = g->transient,
                          .all_transient = all_transient(g),
                          .to_state = o->kernel.to_state,
                          .length = UINT32_MAX,
                          .coef_kind = tay__coefs_of(g, g->varying_coefs),
                          .has_constant = g->has_constant && e->place == FIRST,
                          .constant_step = 1,
                          .start = g->start ? (uint64_t)g->start + g->offset[s->row] + (uint64_t)s->begin : 0,
                          .function = (uint64_t)g->function,
                          .row_length = (uint64_t)row->length,
                          .outwards = e->unrolls,
                          .turn = turn_of(e, o),
                          .odd = e->exec->order % 2 == 1, /* emit_step */
                          .exponent = g->exponent};
    tay__place_coefs(d, g, s->row, (size_t)s->begin);
    TAY_TRY(operands(&d->a, e, g, g->a, g->a_stride, s, step, every));
    d->b = e->llvm->ConstNull(e->pointer);
    if (g->b) TAY_TRY(operands(&d->b, e, g, g->b, g->b_stride, s, step, every));
    TAY_TRY(tay__array8(&d->a_transient, e, all_transient(g) ? NULL : g->a_transient, g->n_terms));
out:
    return status;
}

/* The name of a group's kernel for blocks. */
static const char *kernel_of(const tay__emitter *e, const tay__operation *o, const tay__segment *s)
{
    const tay__group *g = o->group;
    static const char *const linear[] = {"linear_shared", "linear_contiguous", "linear_gather", "linear_pieces"};

    switch (g->primitive) {
    case TAY__LINEAR: return linear[tay__is_loose(e, o) ? (int)tay__stride_of(e, o, s) : (int)tay__operands_of(g, g->a_stride)];
    case TAY__PRODUCT: return g->square ? "square" : g->a_stride == TAY__SHARED ? "product_shared" : "product_contiguous";
    case TAY__QUOTIENT: return "quotient";
    case TAY__POWER: return "power";
    case TAY__INTEGRATE: return "integral";
    default: return linear[tay__stride_of(e, o, s)]; /* state */
    }
}

/* A segment, if there is a kernel that differs from that for other orders, or that takes it whole; else *done is false. */
static tay_status emit_special(tay__emitter *e, const tay__operation *o, const tay__segment *s, bool *done)
{
    tay_status status = TAY_OK;
    tay__draft d;
    bool first = e->place == FIRST;
    const char *value = first ? tay__value_kernel(o->group) : NULL, *whole = tay__whole_kernel(o->group, first);

    *done = value || whole;
    if (!*done) goto out;
    TAY_TRY(make_draft(&d, e, o, s));
    d.kernel = value ? value : whole;
    if (value) {
        d.most_vectors = 1;
        TAY_TRY(tay__emit_blocks(e, &d, 1));
        goto out;
    }
    uint32_t vectors = tay__whole_vectors(e, (uint32_t)d.length);
    bool pads = o->group->primitive == TAY__POWER && (uint32_t)d.padded >= vectors && (uint32_t)d.length > e->width / 2;
    d.site.length = pads ? vectors : (uint64_t)d.length;
    uint32_t width = o->group->primitive == TAY__POWER && !pads ? 1 : e->width;
    TAY_TRY(tay__call_site(e, &d, tay__constant_site(e, &d), tay__number(e, 0), 1, width));
out:
    return status;
}

/* How many segments from `s` on are rows of products that have their `shared` operands (a or b) in common, at most 3. */
static uint32_t common_rows(const tay__group *g, const int32_t *shared, const tay__segment *s, size_t n_segments)
{
    uint32_t n = 1;
    size_t size = g->n_terms * sizeof *shared;

    if (g->primitive != TAY__PRODUCT || g->square || g->has_coefs || g->has_constant || g->a_stride != TAY__CONTIGUOUS ||
        g->b_stride != TAY__CONTIGUOUS)
        return 1;
    while (n < 3 && n < n_segments && s[n].begin == s[0].begin && s[n].end == s[0].end &&
           memcmp(shared + s[n].row * (size_t)g->n_terms, shared + s[0].row * (size_t)g->n_terms, size) == 0)
        n++;
    return n;
}

/* Such rows together; `own`: the other operands. */
static tay_status make_common_rows(tay__draft *d, tay__emitter *e, const tay__operation *o, const int32_t *own,
                                   const tay__segment *s, uint32_t n_rows)
{
    tay_status status = TAY_OK;
    const tay__group *g = o->group;
    int32_t *a = NULL, first = g->rows[s->row].first;

    TAY_TRY(make_draft(d, e, o, s));
    TAY_TRY(tay__alloc(&a, n_rows * (size_t)g->n_terms, sizeof *a));
    d->kernel = n_rows == 2 ? "rows_2" : "rows_3";
    if (turn_of(e, o) == TAY__FIRST) d->most_vectors = 2; /* twice as many sums */
    d->padded = INT32_MAX;
    for (uint32_t m = 0; m < n_rows; m++) {
        const tay__row *row = &g->rows[s[m].row];
        int32_t may = room(e, row->first + s->begin, d->length);
        d->site.rows[m] = (uint64_t)(int64_t)(row->first - first);
        if (s->end < row->length || may < d->padded) d->padded = s->end < row->length ? d->length : may;
        for (uint32_t k = 0; k < g->n_terms; k++) a[m * g->n_terms + k] = own[s[m].row * (size_t)g->n_terms + k] + s->begin;
    }
    if (own == g->b) d->b = d->a;
    TAY_TRY(tay__array32(&d->a, e, a, n_rows * (size_t)g->n_terms));
out:
    tay__free(a);
    return status;
}

/* What the next segments' rows, at most three, do at orders n > 0; *rows: how many they are. */
static tay_status make_rows(tay__draft *d, size_t *rows, tay__emitter *e, const tay__operation *o, const tay__segment *s,
                            size_t n)
{
    tay_status status = TAY_OK;
    const tay__group *g = o->group;

    *rows = 1; /* in unrolled code, which reads coefficients once for all anyway */
    if (!e->unrolls && (*rows = common_rows(g, g->b, s, n)) > 1) {
        TAY_TRY(make_common_rows(d, e, o, g->a, s, (uint32_t)*rows));
    } else if (!e->unrolls && (*rows = common_rows(g, g->a, s, n)) > 1) {
        TAY_TRY(make_common_rows(d, e, o, g->b, s, (uint32_t)*rows));
    } else {
        TAY_TRY(make_draft(d, e, o, s));
        d->kernel = kernel_of(e, o, s);
        if (tay__swaps(e, g, s)) {
            LLVMValueRef a = d->a;
            d->a = d->b;
            d->b = a;
        }
    }
out:
    return status;
}

static const tay__segment only = {.row = 0, .begin = 0, .end = 1};

/* Two operations that go together, of one element each. */
static tay_status make_pair(tay__draft *d, tay__emitter *e, const tay__operation *o, const tay__operation *with)
{
    tay_status status = TAY_OK;
    const tay__group *g = o->group, *h = with->group;
    int32_t *a = NULL, *b = NULL;
    tay__draft other;

    TAY_TRY(make_draft(d, e, o, &only));
    TAY_TRY(make_draft(&other, e, with, &only));
    TAY_TRY(tay__alloc(&a, 2 * (size_t)g->n_terms, sizeof *a));
    TAY_TRY(tay__alloc(&b, 2 * (size_t)g->n_terms, sizeof *b));
    bool swapped = tay__swaps(e, g, &only);
    for (uint32_t k = 0; k < g->n_terms; k++) {
        a[2 * k] = g->a[k];
        a[2 * k + 1] = h->a[k];
        if (!g->b) continue;
        bool crosses = g->a[k] == h->b[k] || g->b[k] == h->a[k];
        a[2 * k + 1] = crosses ? h->b[k] : h->a[k];
        b[2 * k] = g->b[k];
        b[2 * k + 1] = crosses ? h->a[k] : h->b[k];
    }
    d->kernel = g->primitive == TAY__PRODUCT ? "product_pair" : "linear_pair";
    d->known = d->known && other.known;
    d->site.step = 2;
    d->site.rows[1] = other.site.y - d->site.y;
    d->site.coefs_apart = other.site.coefs - d->site.coefs;
    TAY_TRY(tay__array32(&d->a, e, swapped ? b : a, 2 * (size_t)g->n_terms));
    if (g->b) TAY_TRY(tay__array32(&d->b, e, swapped ? a : b, 2 * (size_t)g->n_terms));
    if (e->turn == TAY__AHEAD) goto out;
    tay__note_ready(e, o, &only);
    tay__note_ready(e, with, &only);
out:
    tay__free(a);
    tay__free(b);
    return status;
}

/* Operation k of all and its partner; sums with the products that are a term of them. */
static tay_status emit_pair(tay__emitter *e, uint32_t k)
{
    tay_status status = TAY_OK;
    const tay__operation *all = e->exec->operations.data;
    uint32_t first = e->second[k] ? e->partner[k] : k, term = e->term[first];
    bool comes_with = term != UINT32_MAX && e->turn != TAY__AHEAD;
    tay__draft d, sum;

    if (comes_with && all[k].group->primitive == TAY__PRODUCT) goto out;
    if (comes_with) TAY_TRY(make_pair(&d, e, all + term, all + e->partner[term]));
    TAY_TRY(make_pair(comes_with ? &sum : &d, e, all + first, all + e->partner[first]));
    if (comes_with) {
        d.kernel = "sum_pair";
        d.with = tay__constant_site(e, &sum);
        d.known = sum.known;
    }
    TAY_TRY(tay__call_site(e, &d, tay__constant_site(e, &d), tay__number(e, 0), 1, 2));
out:
    return status;
}

/* Where the packed numbers of the tile of row r begin. */
static uint64_t tile_at(const tay__operation *o, uint32_t r, uint32_t n_orders)
{
    return o->kernel.scratch + (uint64_t)r * o->group->n_terms * n_orders;
}

/* The rows of a tile, whose segments stand together. */
static tay_status emit_tile(tay__emitter *e, const tay__operation *o, const tay__segment *s, uint32_t n_rows)
{
    static const char *const kernels[] = {"tile_1", "tile_2", "tile_3", "tile_4", "tile_5", "tile_6"};
    tay_status status = TAY_OK;
    const tay__row *row = &o->group->rows[s->row];
    tay__draft d;

    TAY_TRY(make_draft(&d, e, o, s));
    d.kernel = kernels[n_rows - 1];
    d.most_vectors = 2;
    d.site.n_orders = tay__n_orders(e->exec);
    d.site.tile = tile_at(o, s->row, (uint32_t)d.site.n_orders);
    for (uint32_t m = 0; m < n_rows; m++) {
        int32_t may = room(e, row[m].first + s->begin, d.length);
        d.site.rows[m] = (uint64_t)(int64_t)(row[m].first - row[0].first);
        if (s->end == row->length && may < d.padded) d.padded = may;
    }
    TAY_TRY(tay__emit_blocks(e, &d, 1));
out:
    return status;
}

/* Packs the numbers of all tiles of an operation, for the order e->n. */
static tay_status emit_packing(tay__emitter *e, const tay__operation *o)
{
    tay_status status = TAY_OK;
    const tay__group *g = o->group;

    for (uint32_t r = 0, n_rows; r < g->n_rows; r += n_rows) {
        tay__draft d = {.kernel = "pack", .b = e->llvm->ConstNull(e->pointer), .a_transient = e->llvm->ConstNull(e->pointer),
                   .n_terms = g->n_terms};
        n_rows = tay__tile_rows((uint32_t)g->rows[r].tile);
        d.site = (tay__site){.scale = 1, .n_rows = n_rows, .plane = e->exec->plane,
                             .coef_kind = tay__coefs_of(g, g->varying_coefs), .coefs = g->coefs + r * (size_t)g->n_terms,
                             .n_orders = tay__n_orders(e->exec)};
        d.site.tile = tile_at(o, r, (uint32_t)d.site.n_orders);
        TAY_TRY(tay__array32(&d.a, e, g->a + r * (size_t)g->n_terms, n_rows * (size_t)g->n_terms));
        TAY_TRY(tay__call_site(e, &d, tay__constant_site(e, &d), tay__number(e, 0), 1, e->width));
    }
out:
    return status;
}

/* While an operation is written, what it writes later is nobody's: whole vectors may go over the ends of rows there. */
static void set_used(tay__emitter *e, const tay__group *g, const tay__segment *s, size_t n_segments, bool used)
{
    for (size_t i = 0; i < n_segments; i++)
        memset(e->used + g->rows[s[i].row].first + s[i].begin, used, (size_t)(s[i].end - s[i].begin));
}

/* Begins an operation's turn to write. */
static void begin_writing(tay__emitter *e, const tay__operation *o, const tay__segment *segments, size_t n_segments)
{
    tay__turn turn = turn_of(e, o);
    /* of the rows behind, where their results go */
    bool in_place = !o->group->transient || o->kernel.to_state;
    bool keeps_sums = (turn == TAY__CLOSING || turn == TAY__SECOND) && in_place;
    if (!keeps_sums) set_used(e, o->group, segments, n_segments, false);
}

/* A segment, or rows of several. */
static tay_status emit_rows(size_t *rows, tay__emitter *e, const tay__operation *o, const tay__segment *s, size_t n)
{
    tay_status status = TAY_OK;
    tay__draft d;
    bool done;

    *rows = 1;
    TAY_TRY(emit_special(e, o, s, &done));
    if (!done) TAY_TRY(make_rows(&d, rows, e, o, s, n));
    if (!done) TAY_TRY(tay__emit_blocks(e, &d, 1));
out:
    return status;
}

/* Unrolled: the members of a segment, those together that are written as vectors. */
static tay_status emit_vectors(tay__emitter *e, const tay__operation *o, const tay__segment *segment)
{
    tay_status status = TAY_OK;
    const int32_t first = o->group->rows[segment->row].first;
    size_t rows;

    for (tay__segment s = *segment; s.begin < segment->end; s.begin = s.end) {
        s.end = s.begin + 1;
        if (e->unread[first + s.begin]) continue;
        while (s.end < segment->end && e->joined[first + s.end - 1]) s.end++;
        TAY_TRY(emit_rows(&rows, e, o, &s, 1));
        set_used(e, o->group, &s, 1, true);
        if (e->turn != TAY__AHEAD) tay__note_ready(e, o, &s);
    }
out:
    return status;
}

static tay_status emit_operation(tay__emitter *e, const tay__operation *o, const tay__segment *segments, size_t n_segments)
{
    tay_status status = TAY_OK;
    const tay__group *g = o->group;
    LLVMValueRef n = e->n;

    if (e->place == FIRST ? o->first > 0 : e->place == LAST && o->last < e->exec->order) goto out;
    if (is_tiled(e, o) && !o->complete) TAY_TRY(emit_packing(e, o));
    if (e->partner && e->place != FIRST) {
        uint32_t k = (uint32_t)(o - (const tay__operation *)e->exec->operations.data);
        if (e->partner[k] < k) status = emit_pair(e, k);
        if (e->partner[k] != k) goto out; /* the first of two comes with the other */
    }
    begin_writing(e, o, segments, n_segments);
    if (o->delay > 0) e->n = e->llvm->BuildAdd(e->builder, n, tay__number(e, (uint64_t)-(int64_t)o->delay), "before");
    for (size_t i = 0, rows = 1; i < n_segments; i += rows) {
        if (e->unrolls) {
            TAY_TRY(emit_vectors(e, o, &segments[i]));
        } else if (is_tiled(e, o)) {
            rows = tay__tile_rows((uint32_t)o->group->rows[segments[i].row].tile);
            TAY_TRY(emit_tile(e, o, &segments[i], (uint32_t)rows));
        } else {
            TAY_TRY(emit_rows(&rows, e, o, &segments[i], n_segments - i));
        }
        if (!e->unrolls) set_used(e, g, &segments[i], rows, true);
    }
out:
    e->n = n;
    return status;
}

/* Whether operand rows of g that meet a row of another group begin where that begins. */
static bool lines_up(const tay__group *g, const tay__group *with)
{
    for (uint32_t r = 0; r < g->n_rows; r++) {
        for (uint32_t k = 0; k < g->n_terms * (g->b ? 2 : 1); k++) {
            bool is_a = k < g->n_terms;
            int32_t first = tay__operand(g, is_a ? g->a : g->b, TAY__CONTIGUOUS, r, is_a ? k : k - g->n_terms, 0);
            for (uint32_t i = 0; i < with->n_rows; i++) {
                int32_t moved = first - with->rows[i].first, length = with->rows[i].length;
                if (moved != 0 && moved > -g->rows[r].length && moved < length) return false;
            }
        }
    }
    return true;
}

/* Whether an operation's rows are whole, of this length, and computed from rows, all of them by blocks. */
static bool goes_by_blocks(const tay__emitter *e, const tay__operation *o, const tay__segment *s, size_t n_segments,
                           int32_t length)
{
    const tay__group *g = o->group;

    for (size_t i = 0; i < n_segments; i++)
        if (s[i].begin > 0 || s[i].end != length || g->rows[s[i].row].length != length) return false;
    return n_segments == g->n_rows && o->delay == 0 && !is_tiled(e, o) && !tay__whole_kernel(g, false) &&
           g->a_stride == TAY__CONTIGUOUS && (!g->b || g->b_stride == TAY__CONTIGUOUS);
}

/*
 * How many operations from k on make a chain: rows of the same length that line up, element by element. They go block by block,
 * so that what one of them writes or reads is in the first-level cache for the next, at all orders.
 */
static uint32_t chain_length(const tay__emitter *e, const tay__step *step, const size_t *slice, uint32_t k)
{
    const tay__segment *segments = e->exec->segments.data;
    const tay__operation *o = tay__operation_of(e->exec, step, k);
    int32_t length = slice[k] < slice[k + 1] ? segments[slice[k]].end : 0;
    uint32_t n = 0;

    if (e->place != MIDDLE || (uint32_t)length < LEAST_BLOCKS * 4 * e->width || jet_bytes(e->exec) <= BYTES_OF_CHAINS) return 1;
    for (; k + n < step->n_operations; n++) {
        if (!goes_by_blocks(e, o + n, segments + slice[k + n], slice[k + n + 1] - slice[k + n], length)) break;
        bool aligned = true;
        for (uint32_t i = 0; i <= n; i++)
            aligned = aligned && lines_up(o[n].group, o[i].group) && lines_up(o[i].group, o[n].group);
        if (!aligned) break;
    }
    return n > 1 ? n : 1;
}

static tay_status emit_chain(tay__emitter *e, const tay__step *step, const size_t *slice, uint32_t k, uint32_t n)
{
    tay_status status = TAY_OK;
    const tay__segment *segments = e->exec->segments.data;
    tay__array drafts = TAY__ARRAY(tay__draft);

    for (uint32_t end = k + n; k < end; k++) {
        const tay__operation *o = tay__operation_of(e->exec, step, k);
        begin_writing(e, o, segments + slice[k], slice[k + 1] - slice[k]);
        for (size_t i = slice[k], rows; i < slice[k + 1]; i += rows) {
            tay__draft d;
            TAY_TRY(make_rows(&d, &rows, e, o, segments + i, slice[k + 1] - i));
            TAY_TRY(tay__array_push(&drafts, &d));
        }
        set_used(e, o->group, segments + slice[k], slice[k + 1] - slice[k], true);
    }
    TAY_TRY(tay__emit_blocks(e, drafts.data, drafts.count));
out:
    tay__array_free(&drafts);
    return status;
}

/* Unrolled: begins sums of the next order. What they wait for is there, while this order's coefficients wait for each other; but
 * for what lags behind, which brings coefficients of the order before, and comes first. */
static tay_status emit_ahead(tay__emitter *e, const tay__step *step, const size_t *slice)
{
    tay_status status = TAY_OK;
    const tay__segment *segments = e->exec->segments.data;

    e->place = MIDDLE;
    e->n = tay__number(e, e->order);
    for (uint32_t k = 0; k < step->n_operations; k++) {
        const tay__operation *o = tay__operation_of(e->exec, step, k);
        if (o->delay > 0) TAY_TRY(emit_operation(e, o, segments + slice[k], slice[k + 1] - slice[k]));
    }
    e->turn = TAY__AHEAD;
    e->place = ++e->order == e->exec->order ? LAST : MIDDLE;
    e->n = tay__number(e, e->order);
    for (uint32_t k = 0; k < step->n_operations; k++) {
        const tay__operation *o = tay__operation_of(e->exec, step, k);
        if (goes_ahead(e, o, e->order)) TAY_TRY(emit_operation(e, o, segments + slice[k], slice[k + 1] - slice[k]));
    }
    e->order--;
    e->turn = TAY__ALONE;
out:
    return status;
}

static tay_status emit_order(tay__emitter *e, const tay__step *step, const size_t *slice, place where, LLVMValueRef n)
{
    tay_status status = TAY_OK;
    const tay__segment *segments = e->exec->segments.data;

    e->place = where;
    e->n = n;
    for (uint32_t k = 0, length; k < step->n_operations; k += length) {
        const tay__operation *o = tay__operation_of(e->exec, step, k);
        length = chain_length(e, step, slice, k);
        if (length > 1) TAY_TRY(emit_chain(e, step, slice, k, length));
        else if (!e->unrolls || where != MIDDLE || o->delay == 0) /* else emit_ahead has done it */
            TAY_TRY(emit_operation(e, o, segments + slice[k], slice[k + 1] - slice[k]));
    }
    for (size_t i = 0, n_slots = e->exec->n_slots; e->ready && i < n_slots; i++)
        if (e->ready[n_slots + i] > 0) e->ready[i] = e->ready[n_slots + i];
out:
    return status;
}

/* Orders first .. end - 1, with pairs an even number of them. */
static tay_status emit_loop(tay__emitter *e, const tay__step *step, const size_t *slice, uint32_t first, uint32_t end, bool pairs)
{
    tay_status status = TAY_OK;
    tay__loop l = tay__begin_loop(e, first, tay__number(e, end), pairs ? 2 : 1);

    e->turn = pairs ? TAY__FIRST : TAY__ALONE;
    TAY_TRY(emit_order(e, step, slice, MIDDLE, l.i));
    if (pairs) {
        e->turn = TAY__SECOND;
        TAY_TRY(emit_order(e, step, slice, MIDDLE, e->llvm->BuildAdd(e->builder, l.i, tay__number(e, 1), "second")));
    }
    e->turn = TAY__ALONE;
    tay__end_loop(e, &l);
out:
    return status;
}

bool tay__pairs_orders(const tay__exec *exec)
{
    return jet_bytes(exec) > BYTES_OF_PAIRS;
}

static tay_status emit_step(tay__emitter *e, const tay__step *step)
{
    tay_status status = TAY_OK;
    uint32_t order = e->exec->order;
    const size_t *slice = (const size_t *)e->exec->slices.data + step->slices;

    e->place = MIDDLE;
    for (uint32_t k = 0; k < step->n_operations; k++) {
        const tay__operation *o = tay__operation_of(e->exec, step, k);
        if (!is_tiled(e, o) || !o->complete) continue;
        tay__loop l = tay__begin_loop(e, 0, tay__number(e, tay__n_orders(e->exec)), 1);
        e->n = l.i;
        TAY_TRY(emit_packing(e, o));
        tay__end_loop(e, &l);
    }
    for (uint32_t part = 0; part < step->n_parts; part++, slice += step->n_operations) {
        e->order = 0;
        TAY_TRY(emit_order(e, step, slice, FIRST, tay__number(e, 0)));
        bool pairs = tay__pairs_orders(e->exec);
        uint32_t n = 1, last = e->unrolls ? order : pairs && order % 2 == 0 ? 2 : 1;
        for (; n < last; n++) {
            e->order = n;
            if (e->unrolls) TAY_TRY(emit_ahead(e, step, slice));
            TAY_TRY(emit_order(e, step, slice, MIDDLE, tay__number(e, n)));
        }
        e->order = order;
        if (n < order) TAY_TRY(emit_loop(e, step, slice, n, order, pairs));
        if (order > 0) TAY_TRY(emit_order(e, step, slice, LAST, tay__number(e, order)));
    }
out:
    return status;
}

/* Steps begin .. end - 1, of groups in whole series: their kernels, as they are, take the time. */
static void emit_series(const tay__emitter *e, size_t begin, size_t end)
{
    size_t call = e->exec->series->call;
    LLVMValueRef exec = tay__load_pointer(e, e->scratch, call + offsetof(tay__series_call, exec));
    LLVMValueRef run = tay__load_pointer(e, e->scratch, call + offsetof(tay__series_call, run));
    LLVMTypeRef types[] = {e->pointer, e->i64, e->i64, e->pointer, e->pointer, e->pointer};
    LLVMTypeRef type = e->llvm->FunctionType(e->llvm->VoidTypeInContext(e->context), types, 6, 0);
    LLVMValueRef arguments[] = {exec, tay__number(e, begin), tay__number(e, end), e->jet, e->packed, e->scratch};

    e->llvm->BuildCall2(e->builder, type, run, arguments, 6, "");
}

/* The rest of a step, of few states. */
static tay_status emit_advance(tay__emitter *e)
{
    LLVMValueRef scratch = e->scratch, nothing = e->llvm->ConstNull(e->pointer);
    tay__draft d = {.kernel = "advance", .a = nothing, .b = nothing, .a_transient = nothing,
                    .site = {.scale = 1, .plane = e->exec->plane, .length = e->exec->program->n_inputs}};

    if (e->exec->real != TAY_FLOAT64 || e->exec->program->outputs || d.site.length > TAY__MOST_ADVANCED) return TAY_OK;
    e->n = tay__number(e, e->exec->order);
    e->scratch = e->advance;
    tay_status status = tay__call_site(e, &d, tay__constant_site(e, &d), tay__number(e, 0), 1, 1);
    e->scratch = scratch;
    return status;
}

/* The operands of a group mostly are members of others. */
static void mark_operand(void *context, const tay__group *g, int32_t slot, bool is_b)
{
    tay__emitter *e = context;
    (void)g, (void)is_b;
    e->used[slot] = true;
}

/* Marks slots that hold values. */
static tay_status mark_used(tay__emitter *e)
{
    tay_status status = TAY_OK;
    const tay__operation *operations = e->exec->operations.data;

    TAY_TRY(tay__calloc(&e->used, e->exec->n_slots, sizeof *e->used));
    tay__mark_inputs(e->used, e->exec->program);
    for (size_t i = 0; i < e->exec->operations.count; i++) {
        tay__mark_members(e->used, operations[i].group, true);
        tay__see_operands(operations[i].group, mark_operand, e);
        if (operations[i].group->start) memset(&e->used[operations[i].group->start], true, operations[i].group->n_members);
    }
out:
    return status;
}

tay_status tay__emit(uint32_t *vectors, LLVMModuleRef module, LLVMContextRef context, const tay__llvm *llvm,
                     const tay__exec *exec, uint32_t most_sites, bool unrolls)
{
    tay_status status = TAY_OK;
    tay__emitter e = {.llvm = llvm, .exec = exec, .context = context, .module = module, .width = (uint32_t)exec->kernels->width,
                      .most_sites = unrolls ? SIZE_MAX : most_sites, .most_unrolled = TAY__MOST_UNROLLED, .unrolls = unrolls};
    const tay__step *steps = exec->steps.data;

    tay__begin_module(&e);
    tay__declare(&e, 4);
    TAY_TRY(mark_used(&e));
    if (unrolls) TAY_TRY(tay__make_numbers(&e));
    if (unrolls) TAY_TRY(tay__find_vectors(&e));
    if (unrolls) TAY_TRY(tay__find_pairs(&e));
    if (unrolls) TAY_TRY(tay__calloc(&e.ready, 2 * exec->n_slots, sizeof *e.ready));
    for (size_t i = 0, end; i < exec->steps.count; i = end) {
        end = i;
        while (end < exec->steps.count && tay__operation_of(exec, &steps[end], 0)->kernel.series) end++;
        if (end > i) emit_series(&e, i, end);
        else TAY_TRY(emit_step(&e, &steps[end++]));
    }
    if (unrolls) TAY_TRY(emit_advance(&e));
    llvm->BuildRetVoid(e.builder);
    *vectors = e.vectors;
out:
    llvm->DisposeBuilder(e.builder);
    tay__free(e.used);
    tay__free(e.ready);
    tay__free(e.joined);
    tay__free(e.unread);
    tay__free(e.loose);
    tay__free(e.partner);
    tay__free(e.second);
    tay__free(e.term);
    return status;
}
