/*
 * The JIT of a library that was built without LLVM: there is none.
 */
#include "exec/jit.h"

tay_status tay__code_create(tay__code **out, void *function, const tay__exec *exec, uint32_t most_sites,
                            bool unrolls)
{
    (void)out, (void)function, (void)exec, (void)most_sites, (void)unrolls;
    return tay__error(TAY_ERROR_STATE, "this library was built without LLVM and has no JIT");
}

tay_status tay__code_find(tay__code **out, void *function, const tay__exec *exec, uint32_t most_sites,
                          bool unrolls)
{
    return tay__code_create(out, function, exec, most_sites, unrolls);
}

void tay__code_free(tay__code *code)
{
    (void)code;
}
