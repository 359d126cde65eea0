/*
 * Linking the kernels that a module calls into it: functions of the bitcode (kernels/specialise.c), for the module's machine.
 */
#include "exec/jit_emit.h"

static const char site_prefix[] = "tay__site_";

/* Takes sites that are not called out of a module of kernels, whose functions have not been read yet. */
static void drop_unused(LLVMModuleRef kernels, LLVMModuleRef module, const tay__llvm *llvm)
{
    for (LLVMValueRef f = llvm->GetFirstFunction(kernels), next; f; f = next) {
        size_t length;
        const char *name = llvm->GetValueName2(f, &length);
        bool is_site = strncmp(name, site_prefix, strlen(site_prefix)) == 0;
        next = llvm->GetNextFunction(f);
        if (is_site && !llvm->GetNamedFunction(module, name)) llvm->DeleteFunction(f);
    }
}

static tay_status read_bitcode(LLVMModuleRef *out, LLVMContextRef context, const tay__llvm *llvm, const tay__bitcode *b)
{
    tay_status status = TAY_OK;
    unsigned long size = b->whole_size;
    unsigned char *data = NULL;

    TAY_TRY(tay__alloc(&data, size, 1));
    if (llvm->uncompress(data, &size, b->data, b->size) != 0 || size != b->whole_size)
        TAY_FAIL(TAY_ERROR_STATE, "the JIT cannot unpack its kernels");
    LLVMMemoryBufferRef buffer = llvm->CreateMemoryBufferWithMemoryRangeCopy((const char *)data, size, "kernels");
    if (llvm->GetBitcodeModuleInContext2(context, buffer, out)) TAY_FAIL(TAY_ERROR_STATE, "the JIT cannot read its kernels");
out:
    tay__free(data);
    return status;
}

/* Links the bitcode with vectors of so many bytes. */
static tay_status link_bitcode(LLVMModuleRef module, LLVMContextRef context, const tay__llvm *llvm, tay_real real,
                               uint32_t bytes)
{
    tay_status status = TAY_OK;
    LLVMModuleRef kernels;

    for (size_t i = 0; i < tay__n_bitcodes; i++) {
        const tay__bitcode *b = &tay__bitcodes[i];
        if (b->real != real || b->bytes != bytes) continue;
        TAY_TRY(read_bitcode(&kernels, context, llvm, b));
        drop_unused(kernels, module, llvm);
        if (llvm->LinkModules2(module, kernels)) TAY_FAIL(TAY_ERROR_STATE, "the JIT cannot link its kernels");
        goto out;
    }
    TAY_FAIL(TAY_ERROR_STATE, "the JIT has no kernels for vectors of %u bytes", bytes);
out:
    return status;
}

/* Functions of the kernels: internal, inlined, for the machine that the module is for. */
static tay_status settle_functions(LLVMModuleRef module, LLVMContextRef context, const tay__llvm *llvm)
{
    unsigned inline_kind = llvm->GetEnumAttributeKindForName("alwaysinline", 12);
    const unsigned function = (unsigned)LLVMAttributeFunctionIndex;
    static const char *const strings[] = {"target-cpu", "target-features", "tune-cpu", "frame-pointer",
                                          "stack-protector-buffer-size", "min-legal-vector-width"};

    for (LLVMValueRef f = llvm->GetFirstFunction(module); f; f = llvm->GetNextFunction(f)) {
        for (size_t i = 0; i < sizeof strings / sizeof *strings; i++)
            llvm->RemoveStringAttributeAtIndex(f, function, strings[i], (unsigned)strlen(strings[i]));
        llvm->AddAttributeAtIndex(f, function, llvm->CreateStringAttribute(context, "prefer-vector-width", 19, "512", 3));
        size_t length;
        const char *name = llvm->GetValueName2(f, &length);
        bool is_site = strncmp(name, site_prefix, strlen(site_prefix)) == 0;
        if (llvm->CountBasicBlocks(f) == 0 && is_site) return tay__error(TAY_ERROR_STATE, "the JIT has no kernel %s", name);
        if (llvm->CountBasicBlocks(f) == 0) continue;
        if (strncmp(name, TAY__CODE_NAME, strlen(TAY__CODE_NAME)) == 0) {
            /* LLVM can align the stack then: no vector there crosses a line of the cache */
            llvm->AddAttributeAtIndex(f, function, llvm->CreateStringAttribute(context, "frame-pointer", 13, "all", 3));
            continue;
        }
        llvm->SetLinkage(f, LLVMInternalLinkage);
        if (!is_site) continue; /* kept out of line by their authors */
        llvm->AddAttributeAtIndex(f, function, llvm->CreateEnumAttribute(context, inline_kind, 0));
    }
    return TAY_OK;
}

tay_status tay__link_kernels(LLVMModuleRef module, LLVMContextRef context, const tay__llvm *llvm, tay_real real,
                             uint32_t vectors)
{
    tay_status status = TAY_OK;

    for (uint32_t bytes = 1; bytes <= vectors; bytes *= 2)
        if (vectors & bytes) TAY_TRY(link_bitcode(module, context, llvm, real, bytes));
    TAY_TRY(settle_functions(module, context, llvm));
out:
    return status;
}
