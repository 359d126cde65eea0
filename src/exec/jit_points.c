/*
 * Code for the points of a program without jets:
 *
 *     for each block of points, which is one vector (kernels/specialise_points.h):
 *         inputs from the caller's rows;  the operations, as calls of sites (kernels/site.h);  outputs to the caller's rows
 *
 * A block is the jet of order 0 with the block's points as lanes. Small programs are written out operation by operation: then
 * LLVM takes the block apart, and all of its values live in registers. Large ones keep it in the workspace: there rows of members
 * are loops, and layers go by tiles.
 */
#include "exec/jit_emit.h"

typedef struct writer {
    tay__emitter e;
    LLVMValueRef points;
    uint32_t block; /* points of one */
    uint32_t tile;  /* members of a layer's: eight sums in registers, where a block is one vector of the machine or two */
    bool in_registers;
    bool *written; /* [n_slots] in registers: members that are written already */
} writer;

static LLVMValueRef multiply(const writer *w, LLVMValueRef x, uint64_t y)
{
    return w->e.llvm->BuildMul(w->e.builder, x, tay__number(&w->e, y), "");
}

/* p + i elements */
static LLVMValueRef moved(const writer *w, LLVMTypeRef element, LLVMValueRef p, LLVMValueRef i)
{
    return w->e.llvm->BuildGEP2(w->e.builder, element, p, &i, 1, "");
}

/* The field of the caller's tay__points at this offset. */
static LLVMValueRef field(const writer *w, LLVMTypeRef type, size_t offset)
{
    LLVMValueRef at = moved(w, w->e.i8, w->points, tay__number(&w->e, offset));
    return w->e.llvm->BuildLoad2(w->e.builder, type, at, "");
}

#define POINTER(w, name) field(w, (w)->e.pointer, offsetof(tay__points, name))
#define NUMBER(w, name) field(w, (w)->e.i64, offsetof(tay__points, name))

/* The slots of a member's operands, in elements of the block. */
static tay_status operands(LLVMValueRef *out, const writer *w, const tay__group *g, const int32_t *slots, tay__stride stride,
                           uint32_t r, int32_t m)
{
    tay_status status = TAY_OK;
    int32_t *at = NULL;

    *out = w->e.llvm->ConstNull(w->e.pointer);
    if (!slots) goto out;
    TAY_TRY(tay__alloc(&at, g->n_terms, sizeof *at));
    for (uint32_t k = 0; k < g->n_terms; k++) at[k] = tay__operand(g, slots, stride, r, k, m) * (int32_t)w->block;
    TAY_TRY(tay__array32(out, &w->e, at, g->n_terms));
out:
    tay__free(at);
    return status;
}

/* The site of member m of row r, and of those behind it that operands and coefficients move with. */
static tay_status make_draft(tay__draft *d, const writer *w, const tay__group *g, uint32_t r, int32_t m)
{
    tay_status status = TAY_OK;
    const tay__row *row = &g->rows[r];

    *d = (tay__draft){.n_terms = g->n_terms, .a_transient = w->e.llvm->ConstNull(w->e.pointer)};
    d->site = (tay__site){.step = 1,
                          .scale = 1,
                          .y = (uint64_t)(row->first + m) * w->block,
                          .length = w->block,
                          .coef_kind = tay__coefs_of(g, false),
                          .has_constant = g->has_constant,
                          .function = (uint64_t)g->function,
                          .exponent = g->exponent};
    tay__place_coefs(d, g, r, (size_t)m);
    TAY_TRY(operands(&d->a, w, g, g->a, g->a_stride, r, m));
    TAY_TRY(operands(&d->b, w, g, g->b, g->b_stride, r, m));
out:
    return status;
}

static const char *kernel_of(const tay__group *g)
{
    const char *value = tay__value_kernel(g);

    switch (g->primitive) {
    case TAY__LINEAR: return "linear_contiguous";
    case TAY__PRODUCT: return "product_point";
    case TAY__QUOTIENT: return "quotient";
    case TAY__POWER: return value ? value : "power_point";
    default: return value ? value : "function_apart";
    }
}

/* Functions with more arguments, of which only logical ones have so many, are not among the sites. */
enum { MOST_ARGUMENTS = 16 };

/* The slot of this function of this operand; -1: nothing needs it. */
static int32_t find_function(const tay__program *p, tay_function function, int32_t operand)
{
    for (uint32_t s = 0; s < p->n_stages; s++) {
        for (uint32_t k = 0; k < p->stages[s].n_groups; k++) {
            const tay__group *g = &p->stages[s].groups[k];
            if (g->primitive != TAY__INTEGRATE || g->function != function) continue;
            for (uint32_t r = 0; r < g->n_rows; r++)
                for (int32_t m = 0; m < g->rows[r].length; m++)
                    if (tay__operand(g, g->a, g->a_stride, r, 0, m) == operand) return g->rows[r].first + m;
        }
    }
    return -1;
}

/* A sine and a cosine of the same operand, where that is what the member is one of, are computed together. */
static void join_sincos(writer *w, tay__draft *d, const tay__group *g, uint32_t r, int32_t m)
{
    if (!w->in_registers || g->primitive != TAY__INTEGRATE || (g->function != TAY_SIN && g->function != TAY_COS)) return;
    int32_t operand = tay__operand(g, g->a, g->a_stride, r, 0, m);
    int32_t sine = find_function(w->e.exec->program, TAY_SIN, operand);
    int32_t cosine = find_function(w->e.exec->program, TAY_COS, operand);
    int32_t slot = g->rows[r].first + m;
    if (sine < 0 || cosine < 0 || (slot != sine && slot != cosine)) return; /* the same function may be there twice: sin(--x) */
    d->kernel = "sincos";
    d->site.y = (uint64_t)sine * w->block;
    d->site.rows[1] = (uint64_t)((int64_t)(cosine - sine) * w->block);
    w->written[sine] = w->written[cosine] = true;
}

/* The operation of member m of row r, or the one that is `at` elements farther; of `members` together, as one vector. */
static tay_status write_member(writer *w, const tay__group *g, uint32_t r, int32_t m, LLVMValueRef at, uint32_t members)
{
    tay_status status = TAY_OK;
    tay__draft d;

    if (w->written[g->rows[r].first + m]) goto out;
    TAY_TRY(make_draft(&d, w, g, r, m));
    d.kernel = kernel_of(g);
    join_sincos(w, &d, g, r, m);
    if (g->primitive == TAY__CHOICE && g->n_terms > MOST_ARGUMENTS)
        TAY_FAIL(TAY_ERROR_LIMIT, "the JIT takes at most %d arguments of a function", MOST_ARGUMENTS);
    TAY_TRY(tay__call_site(&w->e, &d, tay__constant_site(&w->e, &d), at, 1, members * w->block));
out:
    return status;
}

/* Whether members of a row can be a loop: from member to member all operands move, and coefficients if constants do. */
static bool is_loop(const writer *w, const tay__group *g)
{
    return !w->in_registers && g->a_stride == TAY__CONTIGUOUS && (!g->b || g->b_stride == TAY__CONTIGUOUS) &&
           !(g->has_coefs && !g->varying_coefs && g->has_constant);
}

/* A loop over `count` of a row's members by `step`; *at is how many elements farther its member is than the first. */
static tay__loop begin_members(writer *w, LLVMValueRef *at, int32_t count, uint32_t step)
{
    tay__loop l = tay__begin_loop(&w->e, 0, tay__number(&w->e, (uint64_t)count), step);
    *at = multiply(w, l.i, w->block);
    return l;
}

/* Functions that networks apply to whole layers: the kernels have them for two members at once, whose operations overlap. */
static bool comes_in_pairs(const tay__group *g)
{
    return g->primitive == TAY__INTEGRATE &&
           (g->function == TAY_TANH || g->function == TAY_SIGMOID || g->function == TAY_SIN);
}

static tay_status write_members(writer *w, const tay__group *g, uint32_t r)
{
    tay_status status = TAY_OK;
    int32_t length = g->rows[r].length;
    LLVMValueRef packed = w->e.packed, at = tay__number(&w->e, 0);
    uint32_t step = comes_in_pairs(g) && length % 2 == 0 ? 2 : 1;

    if (length == 1 || !is_loop(w, g)) {
        for (int32_t m = 0; m < length; m++) TAY_TRY(write_member(w, g, r, m, at, 1));
        goto out;
    }
    tay__loop l = begin_members(w, &at, length, step);
    if (g->varying_coefs || g->has_constant) w->e.packed = moved(w, w->e.real, packed, l.i);
    TAY_TRY(write_member(w, g, r, 0, at, step));
    tay__end_loop(&w->e, &l);
out:
    w->e.packed = packed;
    return status;
}

/* Whether row r is a layer whose operands are consecutive slots. */
static bool is_layer_row(const writer *w, const tay__group *g, uint32_t r)
{
    const int32_t *a = g->a + r * (size_t)g->n_terms;

    if (w->in_registers || !tay__is_layer(g)) return false;
    for (uint32_t k = 1; k < g->n_terms; k++)
        if (a[k] != a[0] + (int32_t)k) return false;
    return true;
}

/* `size` members of a layer, the first of which is m or `at` elements farther. */
static tay_status write_tile(writer *w, const tay__group *g, uint32_t r, int32_t m, uint32_t size, LLVMValueRef at)
{
    tay_status status = TAY_OK;
    tay__draft d;

    TAY_TRY(make_draft(&d, w, g, r, m));
    d.kernel = "layer";
    d.site.n_rows = size;
    TAY_TRY(tay__call_site(&w->e, &d, tay__constant_site(&w->e, &d), at, 1, w->block));
out:
    return status;
}

static tay_status write_layer(writer *w, const tay__group *g, uint32_t r)
{
    tay_status status = TAY_OK;
    int32_t length = g->rows[r].length, size = (int32_t)w->tile, m = length / size * size;
    LLVMValueRef at;

    if (m > 0) {
        tay__loop l = begin_members(w, &at, m, w->tile);
        TAY_TRY(write_tile(w, g, r, 0, w->tile, at));
        tay__end_loop(&w->e, &l);
    }
    while (m < length) {
        size /= 2;
        if (length - m < size) continue;
        TAY_TRY(write_tile(w, g, r, m, (uint32_t)size, tay__number(&w->e, 0)));
        m += size;
    }
out:
    return status;
}

static tay_status write_operations(writer *w)
{
    tay_status status = TAY_OK;
    const tay__program *p = w->e.exec->program;

    for (uint32_t s = 0; s < p->n_stages; s++) {
        for (uint32_t k = 0; k < p->stages[s].n_groups; k++) {
            const tay__group *g = &p->stages[s].groups[k];
            for (uint32_t r = 0; r < g->n_rows; r++)
                TAY_TRY(is_layer_row(w, g, r) ? write_layer(w, g, r) : write_members(w, g, r));
        }
    }
out:
    return status;
}

/* Rows of the caller's: row i begins i strides from the first. */
typedef struct rows {
    LLVMValueRef first, stride, at; /* at: elements from a row's begin to the block's first point */
} rows;

/* Copies the block's points of row i to slot + i, or back (out). */
static void copy_row(writer *w, const rows *r, LLVMValueRef i, size_t slot, bool out)
{
    size_t element = w->e.exec->element;
    LLVMValueRef row = w->e.llvm->BuildMul(w->e.builder, r->stride, i, "");
    LLVMValueRef from = moved(w, w->e.real, moved(w, w->e.real, r->first, row), r->at);
    LLVMValueRef first = moved(w, w->e.real, w->e.jet, tay__number(&w->e, slot * w->block));
    LLVMValueRef to = moved(w, w->e.real, first, multiply(w, i, w->block));
    LLVMValueRef size = tay__number(&w->e, w->block * element);

    if (out) w->e.llvm->BuildMemCpy(w->e.builder, from, (unsigned)element, to, (unsigned)element, size);
    else w->e.llvm->BuildMemCpy(w->e.builder, to, (unsigned)element, from, (unsigned)element, size);
}

/* All n rows, to slots one behind the other: many, like the weights of a network, in a loop. */
static void copy_rows(writer *w, const rows *r, size_t n, size_t slot, bool out)
{
    enum { MANY = 64 };

    if (n >= MANY && !w->in_registers) {
        tay__loop l = tay__begin_loop(&w->e, 0, tay__number(&w->e, n), 1);
        copy_row(w, r, l.i, slot, out);
        tay__end_loop(&w->e, &l);
        return;
    }
    for (size_t i = 0; i < n; i++) copy_row(w, r, tay__number(&w->e, i), slot, out);
}

/* Outputs, of which some are one behind the other. */
static void copy_outputs(writer *w, rows r)
{
    const tay__program *p = w->e.exec->program;

    for (size_t i = 0, n; i < p->n_outputs; i += n) {
        rows part = r;
        for (n = 1; i + n < p->n_outputs && p->outputs[i + n] == p->outputs[i] + n; n++) continue;
        part.first = moved(w, w->e.real, r.first, multiply(w, r.stride, i));
        copy_rows(w, &part, n, p->outputs[i], true);
    }
}

static tay_status write_blocks(writer *w)
{
    tay_status status = TAY_OK;
    const tay__program *p = w->e.exec->program;
    rows in = {POINTER(w, in), NUMBER(w, in_stride), NULL}, pars = {POINTER(w, pars), NUMBER(w, pars_stride), NULL};
    rows time = {POINTER(w, time), tay__number(&w->e, 0), NULL}, out = {POINTER(w, out), NUMBER(w, out_stride), NULL};
    LLVMValueRef pars_step = NUMBER(w, pars_step), time_step = NUMBER(w, time_step);

    tay__loop l = tay__begin_loop(&w->e, 0, NUMBER(w, n), w->block);
    in.at = out.at = l.i;
    pars.at = w->e.llvm->BuildMul(w->e.builder, l.i, pars_step, "");
    time.at = w->e.llvm->BuildMul(w->e.builder, l.i, time_step, "");
    copy_rows(w, &in, p->n_inputs, 0, false);
    if (p->n_pars > 0) copy_rows(w, &pars, p->n_pars, (size_t)p->par_slot, false);
    if (p->time_slot >= 0) copy_rows(w, &time, 1, (size_t)p->time_slot, false);
    TAY_TRY(write_operations(w));
    copy_outputs(w, out);
    tay__end_loop(&w->e, &l);
out:
    return status;
}

tay_status tay__emit_points(uint32_t *vectors, LLVMModuleRef module, LLVMContextRef context, const tay__llvm *llvm,
                            const tay__exec *exec, uint32_t most_sites)
{
    tay_status status = TAY_OK;
    writer w = {.e = {.llvm = llvm, .exec = exec, .context = context, .module = module, .most_sites = most_sites},
                .block = exec->block, .tile = exec->kernels->width < exec->block ? 4 : 8,
                .in_registers = tay__fits_registers(exec->program)};

    tay__begin_module(&w.e);
    tay__declare(&w.e, 3);
    w.points = w.e.packed;
    w.e.n = tay__number(&w.e, 0);
    w.e.most_unrolled = w.in_registers ? UINT32_MAX : TAY__MOST_UNROLLED;
    if (w.in_registers)
        w.e.jet = llvm->BuildAlloca(w.e.builder, llvm->ArrayType2(w.e.real, exec->program->n_slots * (uint64_t)w.block), "");
    TAY_TRY(tay__calloc(&w.written, exec->program->n_slots, sizeof *w.written));
    TAY_TRY(tay__make_numbers(&w.e));
    w.e.packed = w.e.numbers;
    TAY_TRY(write_blocks(&w));
    llvm->BuildRetVoid(w.e.builder);
    *vectors = w.e.vectors;
out:
    llvm->DisposeBuilder(w.e.builder);
    tay__free(w.written);
    return status;
}
