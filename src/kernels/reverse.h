/*
 * The adjoints of the kernels, over several lanes: reverse.c fills in a kernel's `reverse` and `learn`.
 */
#ifndef TAY__REVERSE_H
#define TAY__REVERSE_H

#include "kernels/kernels.h"
#include "kernels/real.h"

void TAY__NAME(select_reverse)(tay__kernel *kernel, const tay__group *group, size_t lanes, bool lane_coefs);

#endif
