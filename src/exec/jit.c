/*
 * Making machine code for a bound program: the function is written (jit_emit.c), the kernels that it calls are inlined and
 * folded by a short pipeline of passes, and the object code is linked in memory.
 */
#include "exec/jit.h"

#include <stdio.h>
#include <stdlib.h>

#include "exec/jit_emit.h"

/* Of the compiler's own library, where they are hidden from the process: reduction of huge angles (kernels/vmath_huge.h). */
extern __int128 __fixdfti(double x);
extern double __floattidf(__int128 x);

struct tay__code {
    tay__loaded loaded;
};

/* Sites are inlined with constant arguments; then loads from constant sites fold, short loops over terms unroll. Measured:
 * "default<O3>" makes code no faster here and takes longer. TAYRA_JIT_PASSES in the environment replaces it, to measure. */
static const char pipeline[] =
    "globaldce,always-inline,globaldce,function(sroa,early-cse<memssa>,instcombine<no-verify-fixpoint>,simplifycfg,"
    "loop-mssa(loop-simplifycfg,licm,loop-rotate,licm),loop(indvars,loop-deletion,loop-unroll-full),"
    "sroa,early-cse<memssa>,instcombine<no-verify-fixpoint>,sroa,gvn,simplifycfg,loop-mssa(licm),adce)";

/* No loop is left, but in functions of the kernels. */
static const char unrolled_pipeline[] =
    "globaldce,always-inline,globaldce,function(early-cse,simplifycfg,loop(loop-unroll-full),sroa,early-cse<memssa>,"
    "instcombine<no-verify-fixpoint>,simplifycfg,adce)";

static tay_status optimise(LLVMModuleRef module, const tay__llvm *llvm, LLVMTargetMachineRef machine, bool unrolls)
{
    const char *wanted = getenv("TAYRA_JIT_PASSES");
    const char *passes = wanted ? wanted : unrolls ? unrolled_pipeline : pipeline;
    LLVMPassBuilderOptionsRef options = llvm->CreatePassBuilderOptions();
    LLVMErrorRef error = llvm->RunPasses(module, passes, machine, options);

    llvm->DisposePassBuilderOptions(options);
    return tay__llvm_check(llvm, error, "run the passes");
}

/* For people: writes the module as text, or its object code, to the file that the environment names. */
static void dump(const char *variable, const char *text, size_t size)
{
    const char *path = getenv(variable);
    FILE *file = path ? fopen(path, "w") : NULL;

    if (!file) return;
    fwrite(text, 1, size, file);
    fclose(file);
}

static void dump_text(LLVMModuleRef module, const tay__llvm *llvm)
{
    char *text = llvm->PrintModuleToString(module);
    dump("TAYRA_JIT_DUMP", text, strlen(text));
    llvm->DisposeMessage(text);
}

static tay_status make_object(LLVMMemoryBufferRef *out, const tay__llvm *llvm, const tay__exec *exec,
                              uint32_t most_sites, bool unrolls)
{
    tay_status status = TAY_OK;
    LLVMContextRef context = llvm->ContextCreate();
    LLVMModuleRef module = llvm->ModuleCreateWithNameInContext("tayra", context);
    LLVMTargetMachineRef machine = NULL;
    char *error = NULL, *triple = llvm->GetDefaultTargetTriple();

    TAY_TRY(tay__llvm_machine(&machine, llvm, exec->kernels->name));
    LLVMTargetDataRef layout = llvm->CreateTargetDataLayout(machine);
    llvm->SetTarget(module, triple);
    llvm->SetModuleDataLayout(module, layout);
    llvm->DisposeTargetData(layout);
    if (exec->block > 0) TAY_TRY(tay__emit_points(module, context, llvm, exec, most_sites));
    else TAY_TRY(tay__emit(module, context, llvm, exec, most_sites, unrolls));
    TAY_TRY(optimise(module, llvm, machine, unrolls));
    if (getenv("TAYRA_JIT_DUMP")) dump_text(module, llvm);
    if (llvm->TargetMachineEmitToMemoryBuffer(machine, module, LLVMObjectFile, &error, out))
        TAY_FAIL(TAY_ERROR_STATE, "the JIT cannot make code: %s", error ? error : "");
    dump("TAYRA_JIT_OBJECT", llvm->GetBufferStart(*out), llvm->GetBufferSize(*out));
out:
    if (error) llvm->DisposeMessage(error);
    llvm->DisposeMessage(triple);
    llvm->DisposeModule(module);
    if (machine) llvm->DisposeTargetMachine(machine);
    llvm->ContextDispose(context);
    return status;
}

tay_status tay__code_create(tay__code **out, void *function, const tay__exec *exec, uint32_t most_sites,
                            bool unrolls)
{
    tay_status status = TAY_OK;
    const tay__llvm *llvm = tay__llvm_open();
    tay__code *code = NULL;
    LLVMMemoryBufferRef object;

    if (!llvm) return TAY_ERROR_STATE;
    if (strcmp(exec->kernels->name, "baseline") == 0) TAY_FAIL(TAY_ERROR_STATE, "the JIT needs AVX2");
    TAY_TRY(tay__calloc(&code, 1, sizeof *code));
    TAY_TRY(make_object(&object, llvm, exec, most_sites, unrolls));
    const char *functions = exec->real == TAY_FLOAT64 ? "tay__evaluate_site_f64" : "tay__evaluate_site_f32";
    tay__symbol symbols[] = {{functions, exec->kernels->evaluate},
                             {"__fixdfti", (const void *)(uintptr_t)__fixdfti},
                             {"__floattidf", (const void *)(uintptr_t)__floattidf}};
    TAY_TRY(tay__llvm_load(&code->loaded, llvm, object, TAY__CODE_NAME, symbols, sizeof symbols / sizeof *symbols));
    memcpy(function, &code->loaded.address, sizeof code->loaded.address);
    *out = code;
    code = NULL;
out:
    tay__code_free(code);
    return status;
}

void tay__code_free(tay__code *code)
{
    if (!code) return;
    tay__llvm_unload(&code->loaded);
    tay__free(code);
}
