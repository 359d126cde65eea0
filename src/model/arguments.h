/* What all models ask of their arguments. Private to this area. */
#ifndef TAY__MODEL_ARGUMENTS_H
#define TAY__MODEL_ARGUMENTS_H

#include "tayra/expr.h"

/* TAY_ERROR_ARGUMENT where an output is NULL, or options, which may be NULL, do not start with this size. */
tay_status tay__check_model(const char *call, const void *out, const void *options, size_t size);
/* TAY_ERROR_ARGUMENT where the array options->what of n expressions, or one of them, is NULL. */
tay_status tay__check_expressions(const char *call, const char *what, const tay_expr *const *e, size_t n);

#endif
