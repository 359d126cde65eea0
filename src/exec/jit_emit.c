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

#include <stdio.h>

/* Jets of more bytes than this stay in the second-level cache only: then orders go in pairs, which read half as much. */
enum { BYTES_OF_PAIRS = 96 * 1024 };
/* Whole blocks of a run from which on they are a loop. */
enum { LOOP_BLOCKS = 5 };

typedef enum place { FIRST, MIDDLE, LAST } place;

LLVMValueRef tay__constant_global(const tay__emitter *e, LLVMTypeRef type, LLVMValueRef value, const char *name)
{
    LLVMValueRef global = e->llvm->AddGlobal(e->module, type, name);
    e->llvm->SetInitializer(global, value);
    e->llvm->SetGlobalConstant(global, 1);
    e->llvm->SetLinkage(global, LLVMPrivateLinkage);
    e->llvm->SetUnnamedAddress(global, LLVMGlobalUnnamedAddr);
    return global;
}

tay_status tay__array32(LLVMValueRef *out, const tay__emitter *e, const int32_t *values, size_t n)
{
    tay_status status = TAY_OK;
    LLVMValueRef *items = NULL;

    *out = e->llvm->ConstNull(e->pointer);
    if (!values) goto out;
    TAY_TRY(tay__alloc(&items, n, sizeof *items));
    for (size_t i = 0; i < n; i++) items[i] = e->llvm->ConstInt(e->i32, (uint64_t)values[i], 1);
    *out = tay__constant_global(e, e->llvm->ArrayType2(e->i32, n), e->llvm->ConstArray2(e->i32, items, n), "slots");
out:
    tay__free(items);
    return status;
}

static LLVMValueRef array8(const tay__emitter *e, const uint8_t *values, uint32_t n)
{
    LLVMValueRef items[64];

    if (!values || n > 64) return e->llvm->ConstNull(e->pointer);
    for (uint32_t i = 0; i < n; i++) items[i] = e->llvm->ConstInt(e->i8, values[i], 0);
    return tay__constant_global(e, e->llvm->ArrayType2(e->i8, n), e->llvm->ConstArray2(e->i8, items, n), "transient");
}

/* The numbers of a tay__site between its pointers and its exponent. */
enum { N_POINTERS = 4 };
enum { SITE_NUMBERS = (sizeof(tay__site) - N_POINTERS * sizeof(void *) - sizeof(double)) / sizeof(uint64_t) };

static LLVMTypeRef site_type(const tay__emitter *e)
{
    LLVMTypeRef fields[N_POINTERS + SITE_NUMBERS + 1];

    for (size_t i = 0; i < N_POINTERS; i++) fields[i] = e->pointer;
    for (size_t i = 0; i < SITE_NUMBERS; i++) fields[N_POINTERS + i] = e->i64;
    fields[N_POINTERS + SITE_NUMBERS] = e->llvm->DoubleTypeInContext(e->context);
    return e->llvm->StructTypeInContext(e->context, fields, N_POINTERS + SITE_NUMBERS + 1, 0);
}

LLVMValueRef tay__constant_site(const tay__emitter *e, const tay__draft *d)
{
    LLVMValueRef fields[N_POINTERS + SITE_NUMBERS + 1] = {d->a, d->b, d->a_transient};
    LLVMValueRef n_terms = tay__constant_global(e, e->i64, tay__number(e, d->n_terms), "n_terms");
    uint64_t numbers[SITE_NUMBERS];

    if (d->n_terms > e->most_unrolled) e->llvm->SetGlobalConstant(n_terms, 0);
    fields[3] = n_terms;
    memcpy(numbers, (const char *)&d->site + N_POINTERS * sizeof(void *), sizeof numbers);
    for (size_t i = 0; i < SITE_NUMBERS; i++) fields[N_POINTERS + i] = tay__number(e, numbers[i]);
    fields[N_POINTERS + SITE_NUMBERS] = e->llvm->ConstReal(e->llvm->DoubleTypeInContext(e->context), d->site.exponent);
    LLVMValueRef value = e->llvm->ConstStructInContext(e->context, fields, N_POINTERS + SITE_NUMBERS + 1, 0);
    return tay__constant_global(e, e->site, value, "site");
}

tay_status tay__call_site(tay__emitter *e, const tay__draft *d, LLVMValueRef site, LLVMValueRef at, int vectors, uint32_t width)
{
    tay_status status = TAY_OK;
    uint32_t bytes = width * (uint32_t)e->exec->element;
    char name[80];

    if (++e->n_sites > e->most_sites)
        TAY_FAIL(TAY_ERROR_LIMIT, "the program is too large for the JIT: over %zu sites", e->most_sites);
    e->vectors |= bytes;
    snprintf(name, sizeof name, "tay__site_%s_%dx%u", d->kernel, vectors, bytes);
    LLVMValueRef kernel = e->llvm->GetNamedFunction(e->module, name);
    LLVMTypeRef type = e->n_orders ? e->back : e->kernel;
    if (!kernel) kernel = e->llvm->AddFunction(e->module, name, type);
    LLVMValueRef arguments[] = {e->jet, d->known ? e->numbers : e->packed, e->scratch, e->n, at, site, e->n_orders};
    e->llvm->BuildCall2(e->builder, type, kernel, arguments, e->n_orders ? 7 : 6, "");
out:
    return status;
}

tay__loop tay__begin_loop(tay__emitter *e, uint64_t from, LLVMValueRef to, uint64_t step)
{
    LLVMBasicBlockRef before = e->llvm->GetInsertBlock(e->builder);
    tay__loop l = {.body = e->llvm->AppendBasicBlockInContext(e->context, e->function, "loop"), .step = step, .to = to};
    LLVMValueRef start = tay__number(e, from);

    e->llvm->BuildBr(e->builder, l.body);
    e->llvm->PositionBuilderAtEnd(e->builder, l.body);
    l.i = e->llvm->BuildPhi(e->builder, e->i64, "i");
    e->llvm->AddIncoming(l.i, &start, &before, 1);
    return l;
}

void tay__end_loop(tay__emitter *e, tay__loop *l)
{
    LLVMBasicBlockRef end = e->llvm->GetInsertBlock(e->builder);
    LLVMBasicBlockRef after = e->llvm->AppendBasicBlockInContext(e->context, e->function, "after");
    LLVMValueRef next = e->llvm->BuildAdd(e->builder, l->i, tay__number(e, l->step), "next");
    LLVMValueRef more = e->llvm->BuildICmp(e->builder, LLVMIntULT, next, l->to, "more");

    e->llvm->BuildCondBr(e->builder, more, l->body, after);
    e->llvm->AddIncoming(l->i, &next, &end, 1);
    e->llvm->PositionBuilderAtEnd(e->builder, after);
}

/* So many elements in whole vectors. */
static uint32_t whole_vectors(const tay__emitter *e, uint32_t length)
{
    return (length + e->width - 1) / e->width * e->width;
}

/*
 * The blocks of a run: many whole ones as a loop, what is left in vectors that get narrower. The last one comes first: where it
 * goes over the end of a row, the row behind is not there yet.
 */
tay_status tay__emit_blocks(tay__emitter *e, const tay__draft *d)
{
    enum { MOST_BLOCKS = LOOP_BLOCKS + 10 };
    tay_status status = TAY_OK;
    LLVMValueRef site = tay__constant_site(e, d);
    uint32_t length = (uint32_t)d->length, size = e->width * (uint32_t)d->most_vectors, n = 0;
    uint32_t end = length / size >= LOOP_BLOCKS ? length / size * size : 0, at = end; /* none of a loop goes over the end */
    struct {
        uint32_t at, vectors, width;
    } blocks[MOST_BLOCKS];

    if (length > e->width / 2 && (uint32_t)d->padded >= whole_vectors(e, length)) length = whole_vectors(e, length);
    for (uint32_t width = e->width; at < length; width /= 2) {
        while (length - at >= width) {
            uint32_t vectors = (length - at) / width;
            if (vectors > (uint32_t)d->most_vectors) vectors = (uint32_t)d->most_vectors;
            blocks[n].at = at;
            blocks[n].vectors = vectors;
            blocks[n++].width = width;
            at += vectors * width;
        }
    }
    while (n-- > 0) TAY_TRY(tay__call_site(e, d, site, tay__number(e, blocks[n].at), (int)blocks[n].vectors, blocks[n].width));
    if (end > 0) {
        tay__loop l = tay__begin_loop(e, 0, tay__number(e, end), size);
        TAY_TRY(tay__call_site(e, d, site, l.i, d->most_vectors, e->width));
        tay__end_loop(e, &l);
    }
out:
    return status;
}

/* How many slots from `first` on may be written, if `length` of them are a row: those behind are nobody's. */
static int32_t room(const tay__emitter *e, int32_t first, int32_t length)
{
    int32_t end = first + length;
    while ((size_t)end < e->exec->n_slots && !e->used[end] && end - first < length + (int32_t)e->width) end++;
    return end - first;
}

/* The elements of the operands of members m .. m + length - 1 of row r: one per term; or with a table `step` per term. */
static tay_status operands(LLVMValueRef *out, const tay__emitter *e, const tay__group *g, const int32_t *slots,
                           tay__stride stride, const tay__segment *s, uint32_t step)
{
    tay_status status = TAY_OK;
    int32_t *values = NULL, last = s->end - 1;

    TAY_TRY(tay__alloc(&values, (size_t)g->n_terms * step, sizeof *values));
    for (uint32_t k = 0; k < g->n_terms; k++) {
        for (uint32_t i = 0; i < step; i++) {
            int32_t m = s->begin + (int32_t)i < last ? s->begin + (int32_t)i : last;
            values[k * step + i] = tay__operand(g, slots, stride, s->row, k, m);
        }
    }
    TAY_TRY(tay__array32(out, e, values, (size_t)g->n_terms * step));
out:
    tay__free(values);
    return status;
}

tay_status tay__make_numbers(tay__emitter *e)
{
    tay_status status = TAY_OK;
    const tay__program *p = e->exec->program;
    LLVMValueRef *items;

    TAY_TRY(tay__alloc(&items, p->n_packed + 1, sizeof *items));
    for (size_t i = 0; i < p->n_packed; i++)
        items[i] = e->llvm->ConstReal(e->real, p->packed_from[i] < p->n_numbers ? p->numbers[p->packed_from[i]] : 0);
    LLVMTypeRef type = e->llvm->ArrayType2(e->real, p->n_packed);
    e->numbers = tay__constant_global(e, type, e->llvm->ConstArray2(e->real, items, p->n_packed), "numbers");
    tay__free(items);
out:
    return status;
}

/* Products and powers, which read many coefficients, go by pairs of orders; not behind a state's last coefficient. */
static tay__turn turn_of(const tay__emitter *e, const tay__operation *o)
{
    const tay__group *g = o->group;
    bool pairs = (g->primitive == TAY__PRODUCT && g->a_stride == TAY__CONTIGUOUS) || g->primitive == TAY__POWER;

    return pairs && o->delay == 0 && !o->kernel.to_state ? e->turn : TAY__ALONE;
}

void tay__place_coefs(tay__draft *d, const tay__group *g, uint32_t r, size_t m)
{
    size_t before = g->offset[r];

    if (g->has_coefs) {
        d->site.coef_step = !g->varying_coefs ? 1 : (uint64_t)(g->pitch > 0 ? g->pitch : g->rows[r].length);
        d->site.coefs = g->coefs + (g->varying_coefs ? g->n_terms * before + m : r * (size_t)g->n_terms);
    }
    if (g->has_constant) d->site.constants = g->constants + before + m;
}

/* What all sites of an operation's segment have in common. */
static tay_status make_draft(tay__draft *d, const tay__emitter *e, const tay__operation *o, const tay__segment *s)
{
    tay_status status = TAY_OK;
    const tay__group *g = o->group;
    const tay__row *row = &g->rows[s->row];
    uint32_t length = (uint32_t)(s->end - s->begin), step = g->a_stride == TAY__GATHER ? (length + 15) / 16 * 16 : 1;

    *d = (tay__draft){.length = (int32_t)length, .padded = room(e, row->first + s->begin, (int32_t)length),
                 .most_vectors = 4, .n_terms = g->n_terms,
                 .known = e->numbers && !tay__depends_on_prologue(e->exec->program, g)};
    if (s->end < row->length) d->padded = d->length;
    d->site = (tay__site){.step = step,
                          .plane = e->exec->plane,
                          .scale = 1,
                          .y = (uint64_t)(row->first + s->begin),
                          .transient = g->transient,
                          .to_state = o->kernel.to_state,
                          .length = UINT32_MAX,
                          .has_coefs = g->has_coefs,
                          .has_constant = g->has_constant && e->place == FIRST,
                          .constant_step = 1,
                          .function = (uint64_t)g->function,
                          .row_length = (uint64_t)row->length,
                          .outwards = e->unrolls,
                          .turn = turn_of(e, o),
                          .exponent = g->exponent};
    tay__place_coefs(d, g, s->row, (size_t)s->begin);
    TAY_TRY(operands(&d->a, e, g, g->a, g->a_stride, s, step));
    d->b = e->llvm->ConstNull(e->pointer);
    if (g->b) TAY_TRY(operands(&d->b, e, g, g->b, g->b_stride, s, step));
    if (g->a_transient && g->n_terms > 64) TAY_FAIL(TAY_ERROR_LIMIT, "the JIT takes at most 64 terms with transients");
    d->a_transient = array8(e, g->a_transient, g->n_terms);
out:
    return status;
}

/* The name of a group's kernel for blocks. */
static const char *kernel_of(const tay__group *g)
{
    static const char *const linear[3][3] = {{"linear_shared_1", "linear_shared_s", "linear_shared_v"},
                                             {"linear_contiguous_1", "linear_contiguous_s", "linear_contiguous_v"},
                                             {"linear_gather_1", "linear_gather_s", "linear_gather_v"}};
    static const char *const product[3] = {"product_contiguous_1", "product_contiguous_s", "product_contiguous_v"};
    static const char *const square[3] = {"square_1", "square_s", "square_v"};
    int coefs = !g->has_coefs ? 0 : g->varying_coefs ? 2 : 1;

    switch (g->primitive) {
    case TAY__LINEAR: return linear[g->a_stride][coefs];
    case TAY__PRODUCT: return g->square ? square[coefs] : g->a_stride == TAY__SHARED ? "product_shared_v" : product[coefs];
    case TAY__QUOTIENT: return "quotient";
    case TAY__POWER: return "power";
    case TAY__INTEGRATE: return "integral";
    default: return linear[g->a_stride][0]; /* state */
    }
}

const char *tay__value_kernel(const tay__group *g)
{
    static const char *const names[TAY_N_FUNCTIONS] = {
        [TAY_EXP] = "value_exp",   [TAY_EXPM1] = "value_expm1", [TAY_LOG] = "value_log",   [TAY_LOG1P] = "value_log1p",
        [TAY_SIN] = "value_sin",   [TAY_COS] = "value_cos",     [TAY_TAN] = "value_tan",   [TAY_SINH] = "value_sinh",
        [TAY_COSH] = "value_cosh", [TAY_TANH] = "value_tanh",   [TAY_SIGMOID] = "value_sigmoid",
        [TAY_ATAN] = "value_atan", [TAY_POW] = "value_pow"};

    if (g->primitive == TAY__POWER) return tay__is_special_power(g->exponent) ? NULL : "value_power";
    return g->primitive == TAY__INTEGRATE ? names[g->function] : NULL;
}

/* Kernels that take the whole run at once: order 0 of other functions and of special powers, choices. */
static const char *whole_kernel_of(const tay__group *g, place where)
{
    if (g->primitive == TAY__CHOICE) return where == FIRST ? "function" : "choice";
    if (where != FIRST) return NULL;
    return g->primitive == TAY__INTEGRATE ? "function" : g->primitive == TAY__POWER ? "power_special" : NULL;
}

static tay_status emit_segment(tay__emitter *e, const tay__operation *o, const tay__segment *s)
{
    tay_status status = TAY_OK;
    tay__draft d;

    TAY_TRY(make_draft(&d, e, o, s));
    d.kernel = e->place == FIRST ? tay__value_kernel(o->group) : NULL;
    if (d.kernel) {
        d.most_vectors = 1;
        TAY_TRY(tay__emit_blocks(e, &d));
        goto out;
    }
    d.kernel = whole_kernel_of(o->group, e->place);
    if (d.kernel) {
        uint32_t whole = whole_vectors(e, (uint32_t)d.length);
        bool pads = o->group->primitive == TAY__POWER && (uint32_t)d.padded >= whole && (uint32_t)d.length > e->width / 2;
        d.site.length = pads ? whole : (uint64_t)d.length;
        uint32_t width = o->group->primitive == TAY__POWER && !pads ? 1 : e->width;
        TAY_TRY(tay__call_site(e, &d, tay__constant_site(e, &d), tay__number(e, 0), 1, width));
    } else {
        d.kernel = kernel_of(o->group);
        TAY_TRY(tay__emit_blocks(e, &d));
    }
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
static tay_status emit_common_rows(tay__emitter *e, const tay__operation *o, const int32_t *own, const tay__segment *s,
                                   uint32_t n_rows)
{
    tay_status status = TAY_OK;
    const tay__group *g = o->group;
    int32_t *a = NULL, first = g->rows[s->row].first;
    tay__draft d;

    TAY_TRY(make_draft(&d, e, o, s));
    TAY_TRY(tay__alloc(&a, n_rows * (size_t)g->n_terms, sizeof *a));
    d.kernel = n_rows == 2 ? "rows_2" : "rows_3";
    if (turn_of(e, o) == TAY__FIRST) d.most_vectors = 2; /* twice as many sums */
    d.padded = INT32_MAX;
    for (uint32_t m = 0; m < n_rows; m++) {
        const tay__row *row = &g->rows[s[m].row];
        int32_t may = room(e, row->first + s->begin, d.length);
        d.site.rows[m] = (uint64_t)(int64_t)(row->first - first);
        if (s->end < row->length || may < d.padded) d.padded = s->end < row->length ? d.length : may;
        for (uint32_t k = 0; k < g->n_terms; k++) a[m * g->n_terms + k] = own[s[m].row * (size_t)g->n_terms + k] + s->begin;
    }
    if (own == g->b) d.b = d.a;
    TAY_TRY(tay__array32(&d.a, e, a, n_rows * (size_t)g->n_terms));
    TAY_TRY(tay__emit_blocks(e, &d));
out:
    tay__free(a);
    return status;
}

static bool is_tiled(const tay__operation *o)
{
    return o->kernel.prepare != NULL;
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
    TAY_TRY(tay__emit_blocks(e, &d));
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
        d.site = (tay__site){.scale = 1, .n_rows = n_rows, .plane = e->exec->plane, .has_coefs = g->has_coefs,
                             .coefs = g->coefs + r * (size_t)g->n_terms, .n_orders = tay__n_orders(e->exec)};
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

static tay_status emit_operation(tay__emitter *e, const tay__operation *o, const tay__segment *segments, size_t n_segments)
{
    tay_status status = TAY_OK;
    const tay__group *g = o->group;
    LLVMValueRef n = e->n;

    if (e->place == FIRST ? o->first > 0 : e->place == LAST && o->last < e->exec->order) goto out;
    if (is_tiled(o) && !o->complete) TAY_TRY(emit_packing(e, o));
    bool keeps_sums = turn_of(e, o) == TAY__SECOND && !g->transient; /* of the rows behind, where their results go */
    if (!keeps_sums) set_used(e, g, segments, n_segments, false);
    if (o->delay > 0) e->n = e->llvm->BuildAdd(e->builder, n, tay__number(e, (uint64_t)-(int64_t)o->delay), "before");
    for (size_t i = 0, rows = 1; i < n_segments; i += rows) {
        if (is_tiled(o)) {
            rows = tay__tile_rows((uint32_t)o->group->rows[segments[i].row].tile);
            TAY_TRY(emit_tile(e, o, &segments[i], (uint32_t)rows));
        } else if ((rows = common_rows(g, g->b, &segments[i], n_segments - i)) > 1) {
            TAY_TRY(emit_common_rows(e, o, g->a, &segments[i], (uint32_t)rows));
        } else if ((rows = common_rows(g, g->a, &segments[i], n_segments - i)) > 1) {
            TAY_TRY(emit_common_rows(e, o, g->b, &segments[i], (uint32_t)rows));
        } else {
            TAY_TRY(emit_segment(e, o, &segments[i]));
        }
        set_used(e, g, &segments[i], rows, true);
    }
out:
    e->n = n;
    return status;
}

static const tay__operation *operation_of(const tay__emitter *e, const tay__step *step, uint32_t k)
{
    return (const tay__operation *)e->exec->operations.data + step->begin + k;
}

static tay_status emit_order(tay__emitter *e, const tay__step *step, const size_t *slice, place where, LLVMValueRef n)
{
    tay_status status = TAY_OK;
    const tay__segment *segments = e->exec->segments.data;

    e->place = where;
    e->n = n;
    for (uint32_t k = 0; k < step->n_operations; k++)
        TAY_TRY(emit_operation(e, operation_of(e, step, k), segments + slice[k], slice[k + 1] - slice[k]));
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
    return exec->plane * exec->element * exec->order > BYTES_OF_PAIRS;
}

static tay_status emit_step(tay__emitter *e, const tay__step *step)
{
    tay_status status = TAY_OK;
    uint32_t order = e->exec->order;
    const size_t *slice = (const size_t *)e->exec->slices.data + step->slices;

    e->place = MIDDLE;
    for (uint32_t k = 0; k < step->n_operations; k++) {
        const tay__operation *o = operation_of(e, step, k);
        if (!is_tiled(o) || !o->complete) continue;
        tay__loop l = tay__begin_loop(e, 0, tay__number(e, tay__n_orders(e->exec)), 1);
        e->n = l.i;
        TAY_TRY(emit_packing(e, o));
        tay__end_loop(e, &l);
    }
    for (uint32_t part = 0; part < step->n_parts; part++, slice += step->n_operations) {
        TAY_TRY(emit_order(e, step, slice, FIRST, tay__number(e, 0)));
        bool pairs = tay__pairs_orders(e->exec);
        uint32_t n = 1, last = e->unrolls ? order : pairs && order % 2 == 0 ? 2 : 1;
        while (n < last) TAY_TRY(emit_order(e, step, slice, MIDDLE, tay__number(e, n++)));
        if (n < order) TAY_TRY(emit_loop(e, step, slice, n, order, pairs));
        if (order > 0) TAY_TRY(emit_order(e, step, slice, LAST, tay__number(e, order)));
    }
out:
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
        tay__mark_members(e->used, operations[i].group);
        tay__see_operands(operations[i].group, mark_operand, e);
    }
out:
    return status;
}

void tay__begin_module(tay__emitter *e)
{
    const tay__llvm *llvm = e->llvm;
    LLVMContextRef c = e->context;

    e->i64 = llvm->Int64TypeInContext(c);
    e->i32 = llvm->Int32TypeInContext(c);
    e->real = e->exec->real == TAY_FLOAT64 ? llvm->DoubleTypeInContext(c) : llvm->FloatTypeInContext(c);
    e->i8 = llvm->Int8TypeInContext(c);
    e->pointer = llvm->PointerTypeInContext(c, 0);
    e->site = site_type(e);
    LLVMTypeRef arguments[] = {e->pointer, e->pointer, e->pointer, e->i64, e->i64, e->pointer, e->i64};
    e->kernel = llvm->FunctionType(llvm->VoidTypeInContext(c), arguments, 6, 0);
    e->back = llvm->FunctionType(llvm->VoidTypeInContext(c), arguments, 7, 0);
    e->builder = llvm->CreateBuilderInContext(c);
}

void tay__declare(tay__emitter *e)
{
    const tay__llvm *llvm = e->llvm;
    LLVMContextRef c = e->context;
    unsigned noalias = llvm->GetEnumAttributeKindForName("noalias", 7);
    LLVMTypeRef arguments[] = {e->pointer, e->pointer, e->pointer};

    e->function = llvm->AddFunction(e->module, TAY__CODE_NAME, llvm->FunctionType(llvm->VoidTypeInContext(c), arguments, 3, 0));
    for (unsigned i = 1; i <= 3; i++)
        llvm->AddAttributeAtIndex(e->function, i, llvm->CreateEnumAttribute(c, noalias, 0));
    e->jet = llvm->GetParam(e->function, 0);
    e->packed = llvm->GetParam(e->function, 1);
    e->scratch = llvm->GetParam(e->function, 2);
    llvm->PositionBuilderAtEnd(e->builder, llvm->AppendBasicBlockInContext(c, e->function, "entry"));
}

tay_status tay__emit(uint32_t *vectors, LLVMModuleRef module, LLVMContextRef context, const tay__llvm *llvm,
                     const tay__exec *exec, uint32_t most_sites, bool unrolls)
{
    tay_status status = TAY_OK;
    tay__emitter e = {.llvm = llvm, .exec = exec, .context = context, .module = module, .width = (uint32_t)exec->kernels->width,
                      .most_sites = unrolls ? SIZE_MAX : most_sites, .most_unrolled = TAY__MOST_UNROLLED, .unrolls = unrolls};
    const tay__step *steps = exec->steps.data;

    tay__begin_module(&e);
    tay__declare(&e);
    TAY_TRY(mark_used(&e));
    if (unrolls) TAY_TRY(tay__make_numbers(&e));
    for (size_t i = 0; i < exec->steps.count; i++) TAY_TRY(emit_step(&e, &steps[i]));
    llvm->BuildRetVoid(e.builder);
    *vectors = e.vectors;
out:
    llvm->DisposeBuilder(e.builder);
    tay__free(e.used);
    return status;
}
