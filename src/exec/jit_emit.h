/*
 * Writing the function of a bound program as LLVM's intermediate code: private to exec.
 */
#ifndef TAY__JIT_EMIT_H
#define TAY__JIT_EMIT_H

#include "exec/bound.h"
#include "exec/jit_llvm.h"

/* One bitcode file of the kernels (kernels/specialise.c): vectors of so many bytes. */
typedef struct tay__bitcode {
    tay_real real;
    uint32_t bytes;
    const unsigned char *data;
    size_t size;
} tay__bitcode;

extern const tay__bitcode tay__bitcodes[];
extern const size_t tay__n_bitcodes;
/* Of all bitcode and of the JIT's sources: who has the same one makes the same code of a module. */
extern const char tay__bitcode_digest[];

/* The function that a module of code has: tay__code_function. */
#define TAY__CODE_NAME "tay__code"

/*
 * Writes it into an empty module, which then is all that sets its code apart from other code: the kernels are only declared.
 * *vectors: the bytes of the vectors of all sites, each a power of two, or-ed. unrolls: over the orders; then there is no
 * limit of sites.
 */
tay_status tay__emit(uint32_t *vectors, LLVMModuleRef module, LLVMContextRef context, const tay__llvm *llvm,
                     const tay__exec *exec, uint32_t most_sites, bool unrolls);

/* Links in the kernels that the module declares, marked for inlining (jit_link.c). */
tay_status tay__link_kernels(LLVMModuleRef module, LLVMContextRef context, const tay__llvm *llvm, tay_real real,
                             uint32_t vectors);

#endif
