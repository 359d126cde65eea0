/*
 * Writing the function of a bound program as LLVM's intermediate code: private to exec.
 */
#ifndef TAY__JIT_EMIT_H
#define TAY__JIT_EMIT_H

#include "exec/bound.h"
#include "exec/jit_llvm.h"

/* One bitcode file of the kernels (kernels/specialise.c), compressed by zlib: vectors of so many bytes. */
typedef struct tay__bitcode {
    tay_real real;
    uint32_t bytes;
    const unsigned char *data;
    size_t size, whole_size;
} tay__bitcode;

extern const tay__bitcode tay__bitcodes[];
extern const size_t tay__n_bitcodes;
/* Of all bitcode and of the JIT's sources: who has the same one makes the same code of a module. */
extern const char tay__bitcode_digest[];

/* The function that a module of code has: tay__code_function. The names of others begin with it. */
#define TAY__CODE_NAME "tay__code"

/*
 * Writes it into an empty module, which then is all that sets its code apart from other code: the kernels are only declared.
 * *vectors: the bytes of the vectors of all sites, each a power of two, or-ed. unrolls: over the orders; then there is no
 * limit of sites.
 */
tay_status tay__emit(uint32_t *vectors, LLVMModuleRef module, LLVMContextRef context, const tay__llvm *llvm,
                     const tay__exec *exec, uint32_t most_sites, bool unrolls);

/* The same of points: jit_points.c. */
tay_status tay__emit_points(uint32_t *vectors, LLVMModuleRef module, LLVMContextRef context, const tay__llvm *llvm,
                            const tay__exec *exec, uint32_t most_sites);

/* The same of operations over lanes, where TAY__CODE_NAME is a table, [operations] of tay__operation_code: jit_lanes.c. */
tay_status tay__emit_lanes(uint32_t *vectors, LLVMModuleRef module, LLVMContextRef context, const tay__llvm *llvm,
                           const tay__exec *exec, uint32_t most_sites);

/* Whether loops go over pairs of orders. */
bool tay__pairs_orders(const tay__exec *exec);

/* Links in the kernels that the module declares, marked for inlining (jit_link.c). */
tay_status tay__link_kernels(LLVMModuleRef module, LLVMContextRef context, const tay__llvm *llvm, tay_real real,
                             uint32_t vectors);

/* Loops over more terms than this are not unrolled, where values are in memory. */
enum { TAY__MOST_UNROLLED = 6 };

/* What all of them write with. */
typedef struct tay__emitter {
    const tay__llvm *llvm;
    const tay__exec *exec;
    LLVMContextRef context;
    LLVMModuleRef module;
    LLVMBuilderRef builder;
    LLVMTypeRef i64, i32, i8, real, pointer, site, kernel, back; /* kernel: of a site's function; back: on the way back */
    LLVMValueRef function, jet, packed, scratch, advance;
    LLVMValueRef n; /* the order of the operation */
    LLVMValueRef n_orders; /* on the way back; else NULL */
    int place;      /* jit_jets.c */
    tay__turn turn; /* which one of a pair of orders, or whether sums are added to ahead */
    uint32_t order; /* unrolled: that of all operations, which lags behind by their delays */
    bool *used;     /* [exec->n_slots] a value is kept there */
    uint32_t width; /* elements of the widest vector */
    size_t n_sites, most_sites;
    uint32_t most_unrolled; /* a loop over more terms stays one */
    uint32_t vectors; /* those of the sites so far, see tay__emit */
    bool unrolls;
    uint32_t *partner; /* [operations] unrolled: that with which an operation goes, as a pair of rows; or itself */
    bool *second;      /* [operations] its row is the pair's second one */
    uint32_t *term;    /* [operations] of a sum: the products, its term, that come with it; of these: the sum; or UINT32_MAX */
    uint32_t *ready; /* [2][exec->n_slots] unrolled: cycles until the newest coefficient is there, roughly; a state's next one */
    bool *joined; /* [exec->n_slots] unrolled: the value is written together with that of the next slot */
    bool *unread; /* [exec->n_slots] unrolled: a copy that nobody reads, as tables have them at their end */
    bool *loose;  /* [operations] unrolled: a sum of few members, whose operands may be listed */
    LLVMValueRef numbers; /* unrolled, and of points: the packed coefficients as constants, those that are numbers */
} tay__emitter;

/* A site to be, with tables of its own. */
typedef struct tay__draft {
    tay__site site;
    LLVMValueRef a, b, a_transient, with; /* with: a constant site, or NULL for none */
    uint32_t n_terms;
    const char *kernel;
    int32_t length, padded; /* elements; those that may be written */
    int most_vectors;
    bool known; /* its coefficients are numbers */
} tay__draft;

/* A loop for *i = from, from + step, ... < to, at least once: between tay__begin_loop and tay__end_loop stands its body. */
typedef struct tay__loop {
    LLVMBasicBlockRef body;
    LLVMValueRef i, to;
    uint64_t step;
} tay__loop;

static inline LLVMValueRef tay__number(const tay__emitter *e, uint64_t x)
{
    return e->llvm->ConstInt(e->i64, x, 0);
}

/* Types, and a builder. */
void tay__begin_module(tay__emitter *e);
/* The function and its arguments, so many pointers; the builder stands at its beginning. */
void tay__declare(tay__emitter *e, unsigned n_arguments);
LLVMValueRef tay__constant_global(const tay__emitter *e, LLVMTypeRef type, LLVMValueRef value, const char *name);
/* A constant array; NULL as the null pointer. */
tay_status tay__array8(LLVMValueRef *out, const tay__emitter *e, const uint8_t *values, size_t n);
tay_status tay__array32(LLVMValueRef *out, const tay__emitter *e, const int32_t *values, size_t n);
/* Says in d->site where the coefficients and constants of member m of row r are, if has_coefs and has_constant. */
void tay__place_coefs(tay__draft *d, const tay__group *g, uint32_t r, size_t m);
LLVMValueRef tay__constant_site(const tay__emitter *e, const tay__draft *d);
/* The pointer that stands so many bytes behind another one. */
LLVMValueRef tay__load_pointer(const tay__emitter *e, LLVMValueRef base, size_t offset);
/* A call of a draft's kernel: `vectors` vectors of `width` elements. */
tay_status tay__call_site(tay__emitter *e, const tay__draft *d, LLVMValueRef site, LLVMValueRef at, int vectors, uint32_t width);
/* The blocks of n runs of the same length, as calls of the drafts' kernels. */
tay_status tay__emit_blocks(tay__emitter *e, const tay__draft *d, size_t n_drafts);
/* So many elements in whole vectors. */
uint32_t tay__whole_vectors(const tay__emitter *e, uint32_t length);
tay__loop tay__begin_loop(tay__emitter *e, uint64_t from, LLVMValueRef to, uint64_t step);
void tay__end_loop(tay__emitter *e, tay__loop *l);
/* Sets e->partner, e->second and e->term (jit_pairs.c). */
tay_status tay__find_pairs(tay__emitter *e);
/* Unrolled: shorter rows may go element by element. */
enum { TAY__LONG_ROW = 5 };
/* Sets e->joined, e->unread and e->loose (jit_rows.c). */
tay_status tay__find_vectors(tay__emitter *e);
bool tay__is_loose(const tay__emitter *e, const tay__operation *o);
/* How the operands of a segment's members move; loose sums list those that are not vectors. */
tay__stride tay__stride_of(const tay__emitter *e, const tay__operation *o, const tay__segment *s);
/* Products end with a_n b_0, after a_0 b_n: whether b_n comes later than a_n. */
bool tay__swaps(const tay__emitter *e, const tay__group *g, const tay__segment *s);
/* Says when the results of an operation's segment are there: a multiply-add after each of the newest terms, in turn. A state's
 * coefficient is of the next order. */
void tay__note_ready(tay__emitter *e, const tay__operation *o, const tay__segment *s);
/* Sets e->numbers. */
tay_status tay__make_numbers(tay__emitter *e);
/* The kernel of order 0 of a function, or of a power that is not special, if there is one that is inlined. */
const char *tay__value_kernel(const tay__group *g);
/* Else that which takes a whole run at once, at order 0 (first) or at others; NULL: blocks do. */
const char *tay__whole_kernel(const tay__group *g, bool first);

#endif
