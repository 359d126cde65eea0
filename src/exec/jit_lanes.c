/*
 * Code for operations over lanes: a table of functions, one for an operation, a direction and a kind of order (bound.h), each of
 * which is calls of sites (kernels/site.h) for all of the operation's segments. The loops over orders and operations are those of
 * the interpreter (reverse.c), and so is the learning of coefficients, whose loops are long.
 *
 * A segment is one run of elements, members times lanes, as with one lane; layers go by tiles of members by vectors of lanes.
 */
#include "exec/jit_emit.h"

/* Of an operation, forward and back. */
enum { N_FUNCTIONS = sizeof(tay__operation_code) / sizeof(tay__operation_function *) };

/* What is written at the moment. */
typedef struct writer {
    tay__emitter e;
    const tay__operation *o;
    LLVMTypeRef function; /* of an operation */
    uint32_t each;        /* coefficients of a number: tay__coef_lanes */
    int kind;             /* TAY__END, _ODD, _EVEN */
    bool back;
} writer;

/* The kernel of the operation: for blocks, but choices' is for whole runs; forward at orders n > 0. */
static const char *kernel_of(const writer *w)
{
    switch (w->o->group->primitive) {
    case TAY__PRODUCT:
        if (w->o->group->square) return w->back ? "square_back" : "square";
        return w->back ? "product_back" : "product_contiguous";
    case TAY__QUOTIENT: return w->back ? "quotient_back" : "quotient";
    case TAY__POWER: return w->back ? "power_back" : "power";
    case TAY__INTEGRATE: return w->back ? "integral_back" : "integral_lanes";
    case TAY__CHOICE: return w->back ? "choice_back" : "choice";
    default: return w->back ? "linear_back" : "linear_contiguous";
    }
}

/* Orders in pairs: kernels/run.h and adjoint.h. */
static tay__turn turn_of(const writer *w)
{
    const tay__group *g = w->o->group;
    tay__turn turn = w->kind == TAY__END ? TAY__ALONE : w->kind == TAY__ODD ? TAY__FIRST : TAY__SECOND;

    if (w->back) return g->primitive == TAY__INTEGRATE && w->o->kernel.fresh ? turn : TAY__ALONE;
    bool pairs = g->primitive == TAY__PRODUCT || g->primitive == TAY__POWER || g->primitive == TAY__INTEGRATE;
    return pairs && w->o->delay == 0 && !w->o->kernel.to_state ? turn : TAY__ALONE;
}

/* The slots of a segment's first member's operands. */
static tay_status operands(LLVMValueRef *out, const writer *w, const int32_t *slots, tay__stride stride, const tay__segment *s)
{
    tay_status status = TAY_OK;
    const tay__group *g = w->o->group;
    int32_t *first = NULL;

    *out = w->e.llvm->ConstNull(w->e.pointer);
    if (!slots) goto out;
    TAY_TRY(tay__alloc(&first, g->n_terms, sizeof *first));
    for (uint32_t k = 0; k < g->n_terms; k++) first[k] = tay__operand(g, slots, stride, s->row, k, s->begin);
    TAY_TRY(tay__array32(out, &w->e, first, g->n_terms));
out:
    tay__free(first);
    return status;
}

/* What all sites of a segment have in common. */
static tay_status make_draft(tay__draft *d, const writer *w, const tay__segment *s)
{
    tay_status status = TAY_OK;
    const tay__group *g = w->o->group;
    const tay__kernel *kernel = &w->o->kernel;
    uint32_t lanes = w->e.exec->lanes;

    *d = (tay__draft){.length = (s->end - s->begin) * (int32_t)lanes,
                      .most_vectors = 4,
                      .n_terms = g->n_terms,
                      .a_transient = w->e.llvm->ConstNull(w->e.pointer)};
    d->padded = d->length;
    d->site = (tay__site){.step = 1,
                          .plane = w->e.exec->plane,
                          .scale = lanes,
                          .y = (uint64_t)(g->rows[s->row].first + s->begin) * lanes,
                          .to_state = kernel->to_state,
                          .length = (uint64_t)d->length,
                          .coef_kind = tay__coefs_of(g, w->each > 1),
                          .has_constant = g->has_constant && w->kind == TAY__END && !w->back,
                          .constant_step = 1,
                          .function = (uint64_t)g->function,
                          .turn = turn_of(w),
                          .odd = 1,
                          .scaled = kernel->scaled,
                          .fresh = kernel->fresh,
                          .coef_each = w->each,
                          .exponent = g->exponent};
    tay__place_coefs(d, g, s->row, (size_t)s->begin);
    d->site.coefs *= w->each;
    d->site.coef_step *= w->each;
    d->site.constants *= w->each;
    TAY_TRY(operands(&d->a, w, g->a, g->a_stride, s));
    TAY_TRY(operands(&d->b, w, g->b, g->b_stride, s));
out:
    return status;
}

/* Whether n packed coefficients are the same number. */
static bool are_equal(const tay__program *p, size_t first, size_t n)
{
    for (size_t i = first; i < first + n; i++)
        if (p->packed_from[i] >= p->n_numbers || p->numbers[p->packed_from[i]] != p->numbers[p->packed_from[first]]) return false;
    return true;
}

/* A segment's blocks. Its constants are one for all, or of single members. */
static tay_status write_blocks(writer *w, tay__draft *d, const tay__segment *s)
{
    tay_status status = TAY_OK;
    bool by_lane = !d->site.has_constant || w->each > 1;

    if (by_lane || are_equal(w->e.exec->program, d->site.constants, (size_t)(s->end - s->begin))) {
        d->site.constant_step = by_lane;
        TAY_TRY(tay__emit_blocks(&w->e, d, 1));
        goto out;
    }
    for (int32_t m = s->begin; m < s->end; m++) {
        tay__draft one;
        TAY_TRY(make_draft(&one, w, &(tay__segment){s->row, m, m + 1}));
        one.kernel = d->kernel;
        one.site.constant_step = 0;
        TAY_TRY(tay__emit_blocks(&w->e, &one, 1));
    }
out:
    return status;
}

static tay_status write_segment(writer *w, const tay__segment *s)
{
    tay_status status = TAY_OK;
    const tay__group *g = w->o->group;
    bool first = w->kind == TAY__END && !w->back;
    const char *value = first ? tay__value_kernel(g) : NULL, *whole = value ? NULL : tay__whole_kernel(g, first);
    tay__draft d;

    TAY_TRY(make_draft(&d, w, s));
    d.kernel = value ? value : whole && !w->back ? whole : kernel_of(w);
    if (value) d.most_vectors = 1;
    if (whole) TAY_TRY(tay__call_site(&w->e, &d, tay__constant_site(&w->e, &d), tay__number(&w->e, 0), 1, w->e.width));
    else TAY_TRY(write_blocks(w, &d, s));
out:
    return status;
}

/* The most members of a tile of so many vectors of lanes, whose sums fill the registers, or whose members share vectors. */
static uint32_t tile_members(const writer *w, uint32_t vectors)
{
    static const uint32_t most[] = {0, 10, 6, 4};
    return w->e.exec->lanes < w->e.width ? TAY__PARTS_TILE * w->e.width : most[vectors];
}

/* Tiles of `size` members, n of them, from member m on. */
static tay_status write_tiles(writer *w, tay__draft *d, uint32_t m, uint32_t size, uint32_t n)
{
    tay_status status = TAY_OK;

    d->site.n_rows = size;
    if (n == 0) goto out;
    LLVMValueRef site = tay__constant_site(&w->e, d);
    if (n == 1) {
        TAY_TRY(tay__call_site(&w->e, d, site, tay__number(&w->e, m), 1, w->e.width));
        goto out;
    }
    tay__loop l = tay__begin_loop(&w->e, m, tay__number(&w->e, m + (uint64_t)size * n), size);
    TAY_TRY(tay__call_site(&w->e, d, site, l.i, 1, w->e.width));
    tay__end_loop(&w->e, &l);
out:
    return status;
}

/* A product of a matrix with lanes, for `members` results: columns of vectors of lanes, tiles of about the same size. Of the last
 * vector half may be behind the lanes. */
static tay_status write_product(writer *w, tay__draft *d, uint32_t members)
{
    tay_status status = TAY_OK;
    uint32_t vectors = tay__whole_vectors(&w->e, w->e.exec->lanes) / w->e.width, v;

    for (uint32_t done = 0; done < vectors; done += v) {
        uint32_t left = vectors - done;
        v = left == 4 ? 2 : left > 3 ? 3 : left;
        uint32_t most = tile_members(w, v), n = (members + most - 1) / most, size = members / n, larger = members % n;
        d->site.lane = (uint64_t)done * w->e.width;
        d->site.vectors = v;
        TAY_TRY(write_tiles(w, d, 0, size + 1, larger));
        TAY_TRY(write_tiles(w, d, larger * (size + 1), size, n - larger));
    }
out:
    return status;
}

static tay_status write_layer(writer *w, const tay__segment *s)
{
    tay_status status = TAY_OK;
    const tay__group *g = w->o->group;
    uint32_t members = (uint32_t)(s->end - s->begin);
    tay__draft d;

    TAY_TRY(make_draft(&d, w, s));
    if (w->back && d.site.to_state) {
        d.kernel = "settle";
        TAY_TRY(tay__emit_blocks(&w->e, &d, 1));
    }
    d.kernel = w->back ? "lanes_layer_back" : "lanes_layer";
    if (w->back) {
        d.n_terms = members;
        d.site.coefs = (w->o->kernel.transposed + ((uint64_t)g->offset[s->row] + (uint64_t)s->begin) * g->n_terms) * w->each;
        d.site.coef_step = (uint64_t)g->n_terms * w->each;
    }
    TAY_TRY(write_product(w, &d, w->back ? g->n_terms : members));
out:
    return status;
}

/* The pointer in the pass at this offset. */
static LLVMValueRef field(const writer *w, size_t offset)
{
    return tay__load_pointer(&w->e, w->e.llvm->GetParam(w->e.function, 0), offset);
}

/* The function of an operation for the writer's direction and kind of order. */
static tay_status write_function(LLVMValueRef *out, writer *w, const tay__segment *segments, size_t n_segments)
{
    tay_status status = TAY_OK;
    tay__emitter *e = &w->e;
    bool is_layer = tay__is_layer(w->o->group);

    e->function = e->llvm->AddFunction(e->module, TAY__CODE_NAME "_operation", w->function);
    e->llvm->SetLinkage(e->function, LLVMInternalLinkage);
    e->llvm->PositionBuilderAtEnd(e->builder, e->llvm->AppendBasicBlockInContext(e->context, e->function, "entry"));
    e->jet = field(w, offsetof(tay__pass, jet));
    e->packed = field(w, w->back && is_layer ? offsetof(tay__pass, transposed) : offsetof(tay__pass, packed));
    e->scratch = field(w, offsetof(tay__pass, bar));
    e->n = e->llvm->GetParam(e->function, 1);
    e->n_orders = w->back ? e->llvm->GetParam(e->function, 2) : NULL;
    for (size_t i = 0; i < n_segments; i++)
        TAY_TRY(is_layer ? write_layer(w, &segments[i]) : write_segment(w, &segments[i]));
    e->llvm->BuildRetVoid(e->builder);
    *out = e->function;
out:
    return status;
}

/* The functions of all operations, in the order of the table. */
static tay_status write_operations(LLVMValueRef *functions, writer *w)
{
    tay_status status = TAY_OK;
    const tay__exec *exec = w->e.exec;

    for (size_t i = 0; i < exec->steps.count; i++) {
        const tay__step *step = (const tay__step *)exec->steps.data + i;
        for (uint32_t k = 0; k < step->n_operations; k++) {
            size_t n_segments;
            const tay__segment *segments = tay__segments_of(exec, step, k, &n_segments);
            w->o = tay__operation_of(exec, step, k);
            for (int f = 0; f < N_FUNCTIONS; f++) {
                LLVMValueRef *to = &functions[(step->begin + k) * N_FUNCTIONS + (size_t)f];
                w->back = f >= TAY__KINDS;
                w->kind = f % TAY__KINDS;
                bool same = turn_of(w) == TAY__ALONE && w->kind > (w->back ? TAY__END : TAY__ODD); /* as the kind before */
                bool unused = w->back ? !w->o->pulled : exec->is_high && w->kind == TAY__END;
                if (unused) *to = w->e.llvm->ConstNull(w->e.pointer);
                else if (same) *to = to[-1];
                else TAY_TRY(write_function(to, w, segments, n_segments));
            }
        }
    }
out:
    return status;
}

tay_status tay__emit_lanes(uint32_t *vectors, LLVMModuleRef module, LLVMContextRef context, const tay__llvm *llvm,
                           const tay__exec *exec, uint32_t most_sites)
{
    tay_status status = TAY_OK;
    writer w = {.e = {.llvm = llvm, .exec = exec, .context = context, .module = module, .width = (uint32_t)exec->kernels->width,
                      .most_sites = most_sites, .most_unrolled = TAY__MOST_UNROLLED},
                .each = (uint32_t)tay__coef_lanes(exec)};
    size_t n = exec->operations.count * N_FUNCTIONS;
    LLVMValueRef *functions = NULL;

    tay__begin_module(&w.e);
    LLVMTypeRef arguments[] = {w.e.pointer, w.e.i64, w.e.i64};
    w.function = llvm->FunctionType(llvm->VoidTypeInContext(context), arguments, 3, 0);
    TAY_TRY(tay__alloc(&functions, n, sizeof *functions));
    TAY_TRY(write_operations(functions, &w));
    LLVMTypeRef type = llvm->ArrayType2(w.e.pointer, n);
    LLVMValueRef table = llvm->AddGlobal(module, type, TAY__CODE_NAME);
    llvm->SetInitializer(table, llvm->ConstArray2(w.e.pointer, functions, n));
    llvm->SetGlobalConstant(table, 1);
    *vectors = w.e.vectors;
out:
    llvm->DisposeBuilder(w.e.builder);
    tay__free(functions);
    return status;
}
