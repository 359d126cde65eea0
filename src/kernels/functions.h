/*
 * The functions of the table on arrays, one table per real type and instruction set: exec and the kernels call
 * TAY__NAME(evaluate)[TAY_TANH](y, args, 1, n).
 */
#ifndef TAY__KERNELS_FUNCTIONS_H
#define TAY__KERNELS_FUNCTIONS_H

#include <stddef.h>

#include "kernels/real.h"
#include "tayra/expr.h"

/*
 * y[i] = f(args[0][i], args[1][i], ...), i < n. y may not overlap the arguments; exactly n elements of each are read or
 * written, at any address. An element's value does not depend on its position, nor on n. n_args matters to functions
 * with any number of arguments only (logical and, or).
 */
typedef void tay__array_function(real *y, const real *const *args, size_t n_args, size_t n);

/* Indexed by tay_function; no entry is NULL. */
extern tay__array_function *const TAY__NAME(evaluate)[TAY_N_FUNCTIONS];

#endif
