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

/* The function that a module of code has: tay__code_function. */
#define TAY__CODE_NAME "tay__code"

/* Writes it into an empty module, with all kernels that it calls linked in and marked for inlining.
 * unrolls: over the orders; then there is no limit of sites. */
tay_status tay__emit(LLVMModuleRef module, LLVMContextRef context, const tay__llvm *llvm, const tay__exec *exec,
                     uint32_t most_sites, bool unrolls);

#endif
