/*
 * Running programs: a program bound to a real type, an order and a number of lanes, and the memory it works in.
 */
#ifndef TAY__EXEC_H
#define TAY__EXEC_H

#include "program/program.h"
#include "tayra/cfunc.h" /* tay_real */

typedef struct tay__exec tay__exec;

/* The working memory of one thread: coefficient n of slot s in lane l is jet[n * plane + s * lanes + l] (float or double). */
typedef struct tay__workspace {
    void *jet;
    size_t plane; /* elements from one order to the next */
    void *packed; /* coefficients of linear and product */
    void *scratch;
    struct tay__workspace *prologue;
} tay__workspace;

/* Binds `program` (taken over on success, also freed with the exec). lanes = 1, or a multiple of TAY__LANES. Immutable. */
enum { TAY__LANES = 16 };
tay_status tay__exec_create(tay__exec **out, tay__program *program, tay_real real, uint32_t order, uint32_t lanes);
void tay__exec_free(tay__exec *exec);
const tay__program *tay__exec_program(const tay__exec *exec);
uint32_t tay__exec_order(const tay__exec *exec);
/* Bytes that a workspace takes. */
size_t tay__exec_memory(const tay__exec *exec);

tay_status tay__workspace_create(tay__workspace **out, const tay__exec *exec);
void tay__workspace_free(tay__workspace *workspace);

/* With jets: computes what depends on the parameters [n_pars] alone. Call it before the first run and after each change. */
void tay__exec_set_parameters(const tay__exec *exec, tay__workspace *workspace, const void *pars);

/*
 * Computes all values. With jets: from coefficient 0 of the states (slots 0 .. n_inputs-1) and of the time
 * (program->time_slot), the states' coefficients 1 .. order. Without: from the inputs' slots to the outputs' slots.
 */
void tay__exec_run(const tay__exec *exec, tay__workspace *workspace);

/*
 * Polynomials of slots 0 .. count-1 (one lane, double): out[k * out_stride + i] = sum_n jet[n*plane + i] h[k]^n, in
 * blocks that stay in the cache whatever the number of h. `compensated`: each sum by [Neumaier 1974].
 */
void tay__exec_polynomial(const tay__exec *exec, double *out, size_t out_stride, const tay__workspace *workspace, size_t count,
                          const double *h, size_t n_h, bool compensated);
/* max_i |x_i|; NaN if one is. */
double tay__exec_max_norm(const tay__exec *exec, const double *x, size_t n);

#endif
