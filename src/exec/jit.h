/*
 * The JIT: machine code for one bound program, private to exec. jit_choose.c decides, jit.c makes the code and keeps it,
 * jit_jets.c, jit_lanes.c and jit_points.c write its functions, jit_llvm.c is the way to LLVM; without LLVM jit_none.c stands
 * for all but the first.
 */
#ifndef TAY__JIT_H
#define TAY__JIT_H

#include "exec/bound.h"

/* Code and what it lives in. */
typedef struct tay__code tay__code;

/*
 * Finds or makes code for an exec; *function is a tay__code_function, or a tay__points_function if the exec has blocks of
 * points, or a table of tay__operation_code if it is reversible.
 * unrolls: over the orders, small programs; else TAY_ERROR_LIMIT if there are more than most_sites calls of kernels.
 */
tay_status tay__code_create(tay__code **out, void *function, const tay__exec *exec, uint32_t most_sites,
                            bool unrolls);
/* The same if it is in memory, without LLVM if nothing is there; else *out is NULL. */
tay_status tay__code_find(tay__code **out, void *function, const tay__exec *exec, uint32_t most_sites,
                          bool unrolls);
void tay__code_free(tay__code *code);

#endif
