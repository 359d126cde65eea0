/* See arguments.h. */
#include "model/arguments.h"

#include "base/base.h"

tay_status tay__check_model(const char *call, const void *out, const void *options, size_t size)
{
    uint32_t given;
    if (!out) return tay__error(TAY_ERROR_ARGUMENT, "%s: an output is NULL", call);
    if (!options) return TAY_OK;
    memcpy(&given, options, sizeof given);
    if (given != size)
        return tay__error(TAY_ERROR_ARGUMENT, "%s: options->size is %lu, %zu was expected", call, (unsigned long)given, size);
    return TAY_OK;
}

tay_status tay__check_expressions(const char *call, const char *what, const tay_expr *const *e, size_t n)
{
    if (!e && n) return tay__error(TAY_ERROR_ARGUMENT, "%s: options->%s is NULL", call, what);
    for (size_t i = 0; i < n; i++) {
        if (!e[i]) return tay__error(TAY_ERROR_ARGUMENT, "%s: %s[%zu] is NULL", call, what, i);
    }
    return TAY_OK;
}
