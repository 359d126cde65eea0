/*
 * Making machine code for a bound program: its functions are written (jit_emit.h), the kernels that it calls are inlined and
 * folded by a short pipeline of passes, and the object code is linked in memory.
 */
#include "exec/jit.h"

#include <stdio.h>
#include <stdlib.h>

#include "cache/cache.h"
#include "exec/jit_emit.h"
#include "tayra/cache.h"

/* Equal execs share it (cache.h). */
struct tay__code {
    tay__shared shared;
    tay__loaded loaded;
};

/* What LLVM takes for code in memory besides the code: measured. */
enum { BYTES_OF_LINKER = 100000 };

/* Sites are inlined with constant arguments; then loads from constant sites fold, short loops over terms unroll. Measured:
 * "default<O3>" makes code no faster here and takes longer; "gvn" takes 7 % off a step of 6 bodies, but where orders go in pairs
 * registers run out, and it adds 9 % to one of 20. TAYRA_JIT_PASSES in the environment replaces them, to measure. */
#define PASSES(gvn)                                                                                                    \
    "always-inline,globaldce,function(sroa,early-cse<memssa>,instcombine<no-verify-fixpoint>,simplifycfg,"             \
    "loop-mssa(loop-simplifycfg,licm,loop-rotate),loop(indvars,loop-deletion,loop-unroll-full),"                       \
    "sroa,early-cse<memssa>,instcombine<no-verify-fixpoint>," gvn "simplifycfg,loop-mssa(licm),adce)"
static const char pipeline[] = PASSES(""), pipeline_of_jets[] = PASSES("gvn,");

/* No loop is left, but in functions of the kernels. "gvn" takes 9 % off a step of the restricted three-body problem; with "dse"
 * behind it, 1 % off one of the Lorenz system, but that adds 3 % to one of a pendulum. */
static const char unrolled_pipeline[] =
    "always-inline,globaldce,function(early-cse,simplifycfg,loop(loop-unroll-full),sroa,early-cse<memssa>,"
    "instcombine<no-verify-fixpoint>,simplifycfg,early-cse<memssa>,gvn,instcombine<no-verify-fixpoint>,adce)";

static tay_status optimise(LLVMModuleRef module, const tay__llvm *llvm, LLVMTargetMachineRef machine, const char *passes)
{
    const char *wanted = getenv("TAYRA_JIT_PASSES");
    LLVMPassBuilderOptionsRef options = llvm->CreatePassBuilderOptions();
    LLVMErrorRef error = llvm->RunPasses(module, wanted ? wanted : passes, machine, options);

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

/* What the code of an exec is made of: the module that calls the kernels. */
typedef struct job {
    const tay__llvm *llvm;
    const tay__exec *exec;
    LLVMContextRef context;
    LLVMModuleRef module;
    uint32_t vectors;
    bool unrolls;
} job;

static const char *passes_for(const job *j)
{
    if (j->unrolls) return unrolled_pipeline;
    return j->exec->order > 0 && !tay__pairs_orders(j->exec) ? pipeline_of_jets : pipeline;
}

static tay_status make_object(LLVMMemoryBufferRef *out, const job *j)
{
    tay_status status = TAY_OK;
    const tay__llvm *llvm = j->llvm;
    LLVMTargetMachineRef machine = NULL;
    char *error = NULL, *triple = llvm->GetDefaultTargetTriple();

    TAY_TRY(tay__llvm_machine(&machine, llvm, j->exec->kernels->name));
    LLVMTargetDataRef layout = llvm->CreateTargetDataLayout(machine);
    llvm->SetTarget(j->module, triple);
    llvm->SetModuleDataLayout(j->module, layout);
    llvm->DisposeTargetData(layout);
    TAY_TRY(tay__link_kernels(j->module, j->context, llvm, j->exec->real, j->vectors));
    TAY_TRY(optimise(j->module, llvm, machine, passes_for(j)));
    if (getenv("TAYRA_JIT_DUMP")) dump_text(j->module, llvm);
    if (llvm->TargetMachineEmitToMemoryBuffer(machine, j->module, LLVMObjectFile, &error, out))
        TAY_FAIL(TAY_ERROR_STATE, "the JIT cannot make code: %s", error ? error : "");
    dump("TAYRA_JIT_OBJECT", llvm->GetBufferStart(*out), llvm->GetBufferSize(*out));
out:
    if (error) llvm->DisposeMessage(error);
    llvm->DisposeMessage(triple);
    if (machine) llvm->DisposeTargetMachine(machine);
    return status;
}

/*
 * All that determines the code: the module without its kernels; the kernels' bitcode and the sources of this file and its
 * neighbours, by their digest; LLVM; the processor. So who writes functions may read whatever they like of the exec. What
 * else changes code belongs here.
 */
static tay_status make_key(tay__key *out, const job *j)
{
    tay_status status = TAY_OK;
    const tay__llvm *llvm = j->llvm;
    char *triple = llvm->GetDefaultTargetTriple(), *cpu = llvm->GetHostCPUName(), *features = llvm->GetHostCPUFeatures();
    LLVMMemoryBufferRef module = llvm->WriteBitcodeToMemoryBuffer(j->module);
    unsigned version[3];
    char *data = NULL;
    size_t size;
    FILE *f = open_memstream(&data, &size);

    llvm->GetVersion(&version[0], &version[1], &version[2]);
    if (f) {
        fprintf(f, "%s LLVM %u.%u.%u ", tay__bitcode_digest, version[0], version[1], version[2]);
        fprintf(f, "%s %s %s %s %d\n", triple, cpu, features, j->exec->kernels->name, (int)j->exec->real);
        fwrite(llvm->GetBufferStart(module), 1, llvm->GetBufferSize(module), f);
    }
    bool whole = f && !ferror(f);
    if (f && fclose(f) != 0) whole = false;
    if (!whole) TAY_FAIL(TAY_ERROR_MEMORY, "out of memory for the key of machine code");
    *out = (tay__key){.data = data, .size = size, .hash = tay__hash(0, data, size)};
    data = NULL;
out:
    free(data);
    llvm->DisposeMemoryBuffer(module);
    llvm->DisposeMessage(triple);
    llvm->DisposeMessage(cpu);
    llvm->DisposeMessage(features);
    return status;
}

/* From the cache on disk, or else made, and written there. Without a key it is made. */
static tay_status find_object(LLVMMemoryBufferRef *out, const job *j, const tay__key *key)
{
    const tay__llvm *llvm = j->llvm;
    tay__found found;

    if (key->data && tay__disk_read(&found, key)) {
        *out = llvm->CreateMemoryBufferWithMemoryRangeCopy(found.data, found.size, "code");
        free(found.whole);
        tay__log(TAY_LOG_INFO, "machine code: read from the disk, %zu bytes", llvm->GetBufferSize(*out));
        return TAY_OK;
    }
    tay_status status = make_object(out, j);
    if (status != TAY_OK) return status;
    tay__log(TAY_LOG_INFO, "machine code: made, %zu bytes", llvm->GetBufferSize(*out));
    if (key->data) tay__disk_write(key, llvm->GetBufferStart(*out), llvm->GetBufferSize(*out));
    return TAY_OK;
}

/* The rest of code whose key is known. */
static tay_status load(tay__code *code, const job *j)
{
    tay_status status = TAY_OK;
    const char *evaluate = j->exec->real == TAY_FLOAT64 ? "tay__evaluate_site_f64" : "tay__evaluate_site_f32";
    tay__symbol symbols[] = {{evaluate, j->exec->kernels->evaluate},
                             {"tay__reduce_huge", (const void *)(uintptr_t)tay__reduce_huge}};
    LLVMMemoryBufferRef object;

    TAY_TRY(find_object(&object, j, &code->shared.key));
    code->shared.size = sizeof *code + BYTES_OF_LINKER + code->shared.key.size + j->llvm->GetBufferSize(object);
    TAY_TRY(tay__llvm_load(&code->loaded, j->llvm, object, TAY__CODE_NAME, symbols, sizeof symbols / sizeof *symbols));
out:
    return status;
}

static void destroy(tay__shared *shared)
{
    tay__hold_forks();
    tay__llvm_unload(&((tay__code *)shared)->loaded);
    tay__let_fork();
    free(shared->key.data);
    free(shared);
}

/* Who measures what LLVM does wants it to be done. */
static bool is_measured(void)
{
    return getenv("TAYRA_JIT_PASSES") || getenv("TAYRA_JIT_DUMP") || getenv("TAYRA_JIT_OBJECT");
}

/* only_known: *out is NULL if it is not in memory. */
static tay_status find_or_make(tay__code **out, const job *j, bool only_known)
{
    tay_status status = TAY_OK;
    tay__code *code = calloc(1, sizeof *code), *known = NULL;

    if (!code) return tay__error(TAY_ERROR_MEMORY, "out of memory: %zu bytes could not be had", sizeof *code);
    code->shared.destroy = destroy;
    code->shared.owners = 1;
    if (!is_measured()) {
        TAY_TRY(make_key(&code->shared.key, j));
        known = (tay__code *)tay__cache_find(&code->shared.key);
        if (known) tay__log(TAY_LOG_INFO, "machine code: found in memory");
    }
    if (!known && !only_known) {
        TAY_TRY(load(code, j));
        known = code->shared.key.data ? (tay__code *)tay__cache_add(&code->shared) : code;
        code = NULL;
    }
    *out = known;
out:
    tay__code_free(code);
    return status;
}

static tay_status create(tay__code **out, void *function, const tay__exec *exec, uint32_t most_sites,
                         bool unrolls, bool only_known)
{
    tay_status status = TAY_OK;
    job j = {.llvm = tay__llvm_open(), .exec = exec, .unrolls = unrolls};

    if (!j.llvm) return TAY_ERROR_STATE;
    if (strcmp(exec->kernels->name, "baseline") == 0) return tay__error(TAY_ERROR_STATE, "the JIT needs AVX2");
    j.context = j.llvm->ContextCreate();
    j.module = j.llvm->ModuleCreateWithNameInContext("tayra", j.context);
    if (exec->block > 0) TAY_TRY(tay__emit_points(&j.vectors, j.module, j.context, j.llvm, exec, most_sites));
    else if (exec->reversible) TAY_TRY(tay__emit_lanes(&j.vectors, j.module, j.context, j.llvm, exec, most_sites));
    else TAY_TRY(tay__emit(&j.vectors, j.module, j.context, j.llvm, exec, most_sites, unrolls));
    TAY_TRY(find_or_make(out, &j, only_known));
    if (*out) memcpy(function, &(*out)->loaded.address, sizeof (*out)->loaded.address);
out:
    j.llvm->DisposeModule(j.module);
    j.llvm->ContextDispose(j.context);
    return status;
}

static tay_status create_unforked(tay__code **out, void *function, const tay__exec *exec, uint32_t most_sites, bool unrolls,
                                  bool only_known)
{
    tay__hold_forks();
    tay_status status = create(out, function, exec, most_sites, unrolls, only_known);
    tay__let_fork();
    return status;
}

tay_status tay__code_create(tay__code **out, void *function, const tay__exec *exec, uint32_t most_sites,
                            bool unrolls)
{
    return create_unforked(out, function, exec, most_sites, unrolls, false);
}

tay_status tay__code_find(tay__code **out, void *function, const tay__exec *exec, uint32_t most_sites,
                          bool unrolls)
{
    *out = NULL;
    return tay_memory_cache_size() > 0 ? create_unforked(out, function, exec, most_sites, unrolls, true) : TAY_OK;
}

void tay__code_free(tay__code *code)
{
    if (code) tay__shared_release(&code->shared);
}
