/*
 * LLVM for the JIT: private to exec. The shared library of LLVM is opened when code is made for the first time, never linked:
 * who does not use the JIT does not load it (over 100 MB), its symbols stay out of the way of other LLVMs in the process,
 * and the library works where there is none.
 */
#ifndef TAY__JIT_LLVM_H
#define TAY__JIT_LLVM_H

#include <llvm-c/Analysis.h>
#include <llvm-c/BitReader.h>
#include <llvm-c/BitWriter.h>
#include <llvm-c/Core.h>
#include <llvm-c/Error.h>
#include <llvm-c/LLJIT.h>
#include <llvm-c/Linker.h>
#include <llvm-c/Orc.h>
#include <llvm-c/Support.h>
#include <llvm-c/Target.h>
#include <llvm-c/TargetMachine.h>
#include <llvm-c/Transforms/PassBuilder.h>

#include "base/base.h"

/* The functions of LLVM that are used: llvm->ContextCreate is LLVMContextCreate. */
#define TAY__LLVM_FUNCTIONS(F)                                                                                         \
    F(ContextCreate) F(ContextDispose) F(ModuleCreateWithNameInContext) F(DisposeModule) F(SetTarget)                  \
    F(SetModuleDataLayout) F(DisposeMessage) F(GetErrorMessage) F(DisposeErrorMessage) F(PrintModuleToString)          \
    F(GetFirstFunction) F(GetNextFunction) F(GetNamedFunction) F(CountBasicBlocks) F(GetValueName2)                    \
    F(RemoveStringAttributeAtIndex) F(AddAttributeAtIndex) F(CreateEnumAttribute) F(ConsumeError)                      \
    F(OrcLLJITGetExecutionSession) F(OrcExecutionSessionSetErrorReporter) F(CreateStringAttribute)                     \
    F(GetEnumAttributeKindForName) F(SetLinkage) F(DisposeMemoryBuffer)                                               \
    F(CreateMemoryBufferWithMemoryRangeCopy) F(WriteBitcodeToMemoryBuffer) F(GetVersion) F(DeleteFunction)             \
    F(GetBufferStart) F(GetBufferSize) F(GetBitcodeModuleInContext2) F(LinkModules2) F(VoidTypeInContext)              \
    F(Int64TypeInContext) F(Int32TypeInContext) F(Int8TypeInContext) F(DoubleTypeInContext) F(FloatTypeInContext)      \
    F(PointerTypeInContext) F(FunctionType) F(ArrayType2) F(StructTypeInContext) F(AddFunction) F(AddGlobal)           \
    F(SetInitializer) F(SetGlobalConstant) F(SetUnnamedAddress) F(ConstInt) F(ConstReal) F(ConstNull)                  \
    F(ConstArray2) F(ConstStructInContext) F(GetParam) F(AppendBasicBlockInContext) F(CreateBuilderInContext)          \
    F(DisposeBuilder) F(PositionBuilderAtEnd) F(GetInsertBlock) F(BuildBr) F(BuildCondBr) F(BuildPhi)                  \
    F(AddIncoming) F(BuildAdd) F(BuildICmp) F(BuildCall2) F(BuildRetVoid) F(GetDefaultTargetTriple)                    \
    F(GetTargetFromTriple) F(GetHostCPUName) F(GetHostCPUFeatures) F(CreateTargetMachine)                              \
    F(DisposeTargetMachine) F(CreateTargetDataLayout) F(DisposeTargetData) F(TargetMachineEmitToMemoryBuffer)          \
    F(CreatePassBuilderOptions) F(DisposePassBuilderOptions) F(RunPasses) F(OrcCreateLLJIT) F(OrcDisposeLLJIT)         \
    F(OrcLLJITGetMainJITDylib) F(OrcLLJITAddObjectFile) F(OrcLLJITLookup) F(OrcLLJITMangleAndIntern)                   \
    F(OrcAbsoluteSymbols) F(OrcJITDylibDefine) F(BuildAlloca) F(BuildGEP2) F(BuildLoad2)                               \
    F(BuildMemCpy) F(BuildMul) F(ParseCommandLineOptions)

typedef struct tay__llvm {
#define F(name) __typeof__(LLVM##name) *name;
    TAY__LLVM_FUNCTIONS(F)
#undef F
    int (*uncompress)(unsigned char *to, unsigned long *to_size, const unsigned char *from, unsigned long size); /* zlib's */
} tay__llvm;

/* LLVM, opened and set up for this processor at the first call; NULL, with a message, where that is not possible. */
const tay__llvm *tay__llvm_open(void);

/* Turns an error of LLVM into a status with its text. */
tay_status tay__llvm_check(const tay__llvm *llvm, LLVMErrorRef error, const char *what);

/* A machine that makes code for this processor, no more of it used than the instruction set that TAYRA_ISA names. */
tay_status tay__llvm_machine(LLVMTargetMachineRef *out, const tay__llvm *llvm, const char *isa);

/* Code in memory, executable. */
typedef struct tay__loaded {
    LLVMOrcLLJITRef jit;
    void *address;
} tay__loaded;

/* A symbol that code may refer to. */
typedef struct tay__symbol {
    const char *name;
    const void *address;
} tay__symbol;

/* Links an object file (which is taken over in any case) and finds `name` in it. */
tay_status tay__llvm_load(tay__loaded *out, const tay__llvm *llvm, LLVMMemoryBufferRef object, const char *name,
                          const tay__symbol *symbols, size_t n_symbols);
void tay__llvm_unload(const tay__loaded *loaded);

#endif
