/*
 * What all code is written with: constant sites (kernels/site.h), calls of them, loops, the blocks of runs.
 */
#include "exec/jit_emit.h"

#include <stdio.h>

/* Whole blocks of a run from which on they are a loop. */
enum { LOOP_BLOCKS = 5 };

LLVMValueRef tay__constant_global(const tay__emitter *e, LLVMTypeRef type, LLVMValueRef value, const char *name)
{
    LLVMValueRef global = e->llvm->AddGlobal(e->module, type, name);
    e->llvm->SetInitializer(global, value);
    e->llvm->SetGlobalConstant(global, 1);
    e->llvm->SetLinkage(global, LLVMPrivateLinkage);
    e->llvm->SetUnnamedAddress(global, LLVMGlobalUnnamedAddr);
    return global;
}

/* A constant array of n numbers of the type, written from `items`, which is freed. */
static LLVMValueRef constant_array(const tay__emitter *e, LLVMTypeRef type, LLVMValueRef *items, size_t n, const char *name)
{
    LLVMValueRef array = tay__constant_global(e, e->llvm->ArrayType2(type, n), e->llvm->ConstArray2(type, items, n), name);
    tay__free(items);
    return array;
}

tay_status tay__array32(LLVMValueRef *out, const tay__emitter *e, const int32_t *values, size_t n)
{
    tay_status status = TAY_OK;
    LLVMValueRef *items;

    *out = e->llvm->ConstNull(e->pointer);
    if (!values) goto out;
    TAY_TRY(tay__alloc(&items, n, sizeof *items));
    for (size_t i = 0; i < n; i++) items[i] = e->llvm->ConstInt(e->i32, (uint64_t)values[i], 1);
    *out = constant_array(e, e->i32, items, n, "slots");
out:
    return status;
}

tay_status tay__array8(LLVMValueRef *out, const tay__emitter *e, const uint8_t *values, size_t n)
{
    tay_status status = TAY_OK;
    LLVMValueRef *items;

    *out = e->llvm->ConstNull(e->pointer);
    if (!values) goto out;
    TAY_TRY(tay__alloc(&items, n, sizeof *items));
    for (size_t i = 0; i < n; i++) items[i] = e->llvm->ConstInt(e->i8, values[i], 0);
    *out = constant_array(e, e->i8, items, n, "transient");
out:
    return status;
}

/* The numbers of a tay__site between its pointers and its exponent. */
enum { N_POINTERS = 5 };
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
    fields[3] = d->with ? d->with : e->llvm->ConstNull(e->pointer);
    fields[4] = n_terms;
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

LLVMValueRef tay__load_pointer(const tay__emitter *e, LLVMValueRef base, size_t offset)
{
    LLVMValueRef at = tay__number(e, offset), p = e->llvm->BuildGEP2(e->builder, e->i8, base, &at, 1, "");
    return e->llvm->BuildLoad2(e->builder, e->pointer, p, "");
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

uint32_t tay__whole_vectors(const tay__emitter *e, uint32_t length)
{
    return (length + e->width - 1) / e->width * e->width;
}

/* Block `at` of so many vectors of each of n drafts, in order; those that take fewer vectors go by parts of it. */
static tay_status emit_block(tay__emitter *e, const tay__draft *d, const LLVMValueRef *sites, size_t n, LLVMValueRef at,
                             uint32_t vectors, uint32_t width)
{
    tay_status status = TAY_OK;

    for (size_t i = 0; i < n; i++) {
        for (uint32_t done = 0, part; done < vectors; done += part) {
            LLVMValueRef from = at;
            part = vectors - done < (uint32_t)d[i].most_vectors ? vectors - done : (uint32_t)d[i].most_vectors;
            if (done > 0) from = e->llvm->BuildAdd(e->builder, at, tay__number(e, done * (uint64_t)width), "part");
            TAY_TRY(tay__call_site(e, &d[i], sites[i], from, (int)part, width));
        }
    }
out:
    return status;
}

/*
 * The blocks of runs of the same length, one draft after the other for each: many whole ones as a loop, what is left in vectors
 * that get narrower. The last one comes first: where it goes over the end of a row, the row behind is not there yet.
 */
tay_status tay__emit_blocks(tay__emitter *e, const tay__draft *d, size_t n_drafts)
{
    enum { MOST_BLOCKS = LOOP_BLOCKS + 10 };
    tay_status status = TAY_OK;
    LLVMValueRef *sites = NULL;
    uint32_t length = (uint32_t)d->length, most = 1, n = 0;
    int32_t padded = INT32_MAX;
    struct {
        uint32_t at, vectors, width;
    } blocks[MOST_BLOCKS];

    TAY_TRY(tay__alloc(&sites, n_drafts, sizeof *sites));
    for (size_t i = 0; i < n_drafts; i++) {
        sites[i] = tay__constant_site(e, &d[i]);
        if (d[i].padded < padded) padded = d[i].padded;
        if ((uint32_t)d[i].most_vectors > most) most = (uint32_t)d[i].most_vectors;
    }
    uint32_t size = e->width * most;
    uint32_t end = length / size >= LOOP_BLOCKS ? length / size * size : 0, at = end; /* none of a loop goes over the end */
    if (length > e->width / 2 && (uint32_t)padded >= tay__whole_vectors(e, length)) length = tay__whole_vectors(e, length);
    for (uint32_t width = e->width; at < length; width /= 2) {
        while (length - at >= width) {
            uint32_t vectors = (length - at) / width;
            if (vectors > most) vectors = most;
            if (e->exec->reversible && vectors < 4) vectors = 1; /* kernels/specialise_lanes.h */
            blocks[n].at = at;
            blocks[n].vectors = vectors;
            blocks[n++].width = width;
            at += vectors * width;
        }
    }
    while (n-- > 0)
        TAY_TRY(emit_block(e, d, sites, n_drafts, tay__number(e, blocks[n].at), blocks[n].vectors, blocks[n].width));
    if (end > 0) {
        tay__loop l = tay__begin_loop(e, 0, tay__number(e, end), size);
        TAY_TRY(emit_block(e, d, sites, n_drafts, l.i, most, e->width));
        tay__end_loop(e, &l);
    }
out:
    tay__free(sites);
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
    e->numbers = constant_array(e, e->real, items, p->n_packed, "numbers");
out:
    return status;
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

const char *tay__whole_kernel(const tay__group *g, bool first)
{
    if (g->primitive == TAY__CHOICE) return first ? "function" : "choice";
    if (!first) return NULL;
    return g->primitive == TAY__INTEGRATE ? "function" : g->primitive == TAY__POWER ? "power_special" : NULL;
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

void tay__declare(tay__emitter *e, unsigned n_arguments)
{
    const tay__llvm *llvm = e->llvm;
    LLVMContextRef c = e->context;
    unsigned noalias = llvm->GetEnumAttributeKindForName("noalias", 7);
    LLVMTypeRef arguments[] = {e->pointer, e->pointer, e->pointer, e->pointer};
    LLVMTypeRef type = llvm->FunctionType(llvm->VoidTypeInContext(c), arguments, n_arguments, 0);

    e->function = llvm->AddFunction(e->module, TAY__CODE_NAME, type);
    for (unsigned i = 1; i <= n_arguments; i++)
        llvm->AddAttributeAtIndex(e->function, i, llvm->CreateEnumAttribute(c, noalias, 0));
    e->jet = llvm->GetParam(e->function, 0);
    e->packed = llvm->GetParam(e->function, 1);
    e->scratch = llvm->GetParam(e->function, 2);
    if (n_arguments > 3) e->advance = llvm->GetParam(e->function, 3);
    llvm->PositionBuilderAtEnd(e->builder, llvm->AppendBasicBlockInContext(c, e->function, "entry"));
}
