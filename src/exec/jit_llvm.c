/*
 * LLVM for the JIT: opening the library, the machine of this processor, and linking object code in memory.
 */
#include "exec/jit_llvm.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>

static tay__llvm table;
static bool opened;
static char reason[256];
static pthread_once_t once = PTHREAD_ONCE_INIT;

/* Only what runs here is needed; LLVM's names for it stand in macros of its build. */
#if defined(__x86_64__)
#define NATIVE(what) "LLVMInitializeX86" what
#else
#define NATIVE(what) "LLVMInitializeAArch64" what
#endif

static bool set_up_target(void *library)
{
    static const char *const parts[] = {NATIVE("TargetInfo"), NATIVE("Target"), NATIVE("TargetMC"), NATIVE("AsmPrinter")};

    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        void (*initialise)(void);
        void *symbol = dlsym(library, parts[i]);
        if (!symbol) {
            snprintf(reason, sizeof reason, "LLVM lacks %s", parts[i]);
            return false;
        }
        memcpy(&initialise, &symbol, sizeof initialise);
        initialise();
    }
    return true;
}

/*
 * The scheduler of instructions takes all memory for the same and notes, for each store, what it must not pass: in code that is
 * unrolled, a single block, that took half of the time that making it takes. It forgets what is farther away than this.
 */
static void limit_scheduler(void)
{
    static const char *const options[] = {"tayra", "-dag-maps-huge-region=200"};
    table.ParseCommandLineOptions(2, options, NULL);
}

static void open_library(void)
{
    static const char *const names[] = {
#define F(name) "LLVM" #name,
        TAY__LLVM_FUNCTIONS(F)
#undef F
    };
    static const char *const libraries[] = {"libLLVM.so.19.1", "libLLVM-19.so", TAY__LLVM_LIBRARY};
    void *library = NULL;

    for (size_t i = 0; i < sizeof libraries / sizeof *libraries && !library; i++)
        library = dlopen(libraries[i], RTLD_NOW | RTLD_LOCAL);
    if (!library) {
        snprintf(reason, sizeof reason, "%s", dlerror());
        return;
    }
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        void *symbol = dlsym(library, names[i]);
        if (!symbol) {
            snprintf(reason, sizeof reason, "LLVM lacks %s", names[i]);
            return;
        }
        memcpy((char *)&table + i * sizeof symbol, &symbol, sizeof symbol);
    }
    void *symbol = dlsym(library, "uncompress"); /* LLVM brings zlib with it */
    if (!symbol) {
        snprintf(reason, sizeof reason, "LLVM lacks zlib");
        return;
    }
    memcpy(&table.uncompress, &symbol, sizeof symbol);
    opened = set_up_target(library);
    if (opened) limit_scheduler();
}

const tay__llvm *tay__llvm_open(void)
{
    pthread_once(&once, open_library);
    if (opened) return &table;
    tay__error(TAY_ERROR_STATE, "the JIT needs LLVM 19: %s", reason);
    return NULL;
}

tay_status tay__llvm_check(const tay__llvm *llvm, LLVMErrorRef error, const char *what)
{
    if (!error) return TAY_OK;
    char *text = llvm->GetErrorMessage(error);
    tay_status status = tay__error(TAY_ERROR_STATE, "the JIT cannot %s: %s", what, text);
    llvm->DisposeErrorMessage(text);
    return status;
}

/* What is taken away from the host's features for a lower instruction set. */
static const char *without(const char *isa)
{
    return strcmp(isa, "avx2") == 0 ? ",-avx512f,-avx512dq,-avx512vl,-avx512bw,-avx512cd,-evex512" : "";
}

tay_status tay__llvm_machine(LLVMTargetMachineRef *out, const tay__llvm *llvm, const char *isa)
{
    tay_status status = TAY_OK;
    char *triple = llvm->GetDefaultTargetTriple(), *cpu = llvm->GetHostCPUName(), *features = llvm->GetHostCPUFeatures();
    char *error = NULL, *all = NULL;
    LLVMTargetRef target;

    TAY_TRY(tay__alloc(&all, strlen(features) + 100, 1));
    sprintf(all, "%s%s", features, without(isa));
    if (llvm->GetTargetFromTriple(triple, &target, &error))
        TAY_FAIL(TAY_ERROR_STATE, "the JIT has no target %s: %s", triple, error);
    *out = llvm->CreateTargetMachine(target, triple, cpu, all, LLVMCodeGenLevelDefault, LLVMRelocPIC, LLVMCodeModelSmall);
    if (!*out) TAY_FAIL(TAY_ERROR_STATE, "the JIT has no machine for %s", cpu);
out:
    if (error) llvm->DisposeMessage(error);
    llvm->DisposeMessage(triple);
    llvm->DisposeMessage(cpu);
    llvm->DisposeMessage(features);
    tay__free(all);
    return status;
}

static tay_status define_symbols(const tay__llvm *llvm, LLVMOrcLLJITRef jit, const tay__symbol *symbols, size_t n)
{
    tay_status status = TAY_OK;
    LLVMOrcCSymbolMapPair *pairs;

    TAY_TRY(tay__alloc(&pairs, n, sizeof *pairs));
    for (size_t i = 0; i < n; i++) {
        pairs[i].Name = llvm->OrcLLJITMangleAndIntern(jit, symbols[i].name);
        pairs[i].Sym = (LLVMJITEvaluatedSymbol){(uintptr_t)symbols[i].address, {LLVMJITSymbolGenericFlagsExported, 0}};
    }
    LLVMErrorRef error = llvm->OrcJITDylibDefine(llvm->OrcLLJITGetMainJITDylib(jit), llvm->OrcAbsoluteSymbols(pairs, n));
    tay__free(pairs);
    TAY_TRY(tay__llvm_check(llvm, error, "define symbols"));
out:
    return status;
}

/* Errors come back as such; LLVM is not to print them, too. */
static void keep_quiet(void *context, LLVMErrorRef error)
{
    (void)context;
    table.ConsumeError(error);
}

tay_status tay__llvm_load(tay__loaded *out, const tay__llvm *llvm, LLVMMemoryBufferRef object, const char *name,
                          const tay__symbol *symbols, size_t n_symbols)
{
    tay_status status = TAY_OK;
    tay__loaded loaded = {NULL, NULL};
    LLVMOrcExecutorAddress address;

    TAY_TRY(tay__llvm_check(llvm, llvm->OrcCreateLLJIT(&loaded.jit, NULL), "start"));
    llvm->OrcExecutionSessionSetErrorReporter(llvm->OrcLLJITGetExecutionSession(loaded.jit), keep_quiet, NULL);
    TAY_TRY(define_symbols(llvm, loaded.jit, symbols, n_symbols));
    LLVMErrorRef error = llvm->OrcLLJITAddObjectFile(loaded.jit, llvm->OrcLLJITGetMainJITDylib(loaded.jit), object);
    object = NULL;
    TAY_TRY(tay__llvm_check(llvm, error, "take the object file"));
    TAY_TRY(tay__llvm_check(llvm, llvm->OrcLLJITLookup(loaded.jit, &address, name), "link"));
    loaded.address = (void *)(uintptr_t)address;
    *out = loaded;
    loaded.jit = NULL;
out:
    if (object) llvm->DisposeMemoryBuffer(object);
    tay__llvm_unload(&loaded);
    return status;
}

void tay__llvm_unload(const tay__loaded *loaded)
{
    if (!loaded->jit) return;
    LLVMErrorRef error = table.OrcDisposeLLJIT(loaded->jit);
    if (error) table.DisposeErrorMessage(table.GetErrorMessage(error)); /* nobody can do anything about it */
}
