/*
 * Compiled functions: expressions made into vectorised loops over many points.
 *
 *     tay_expr *x, *e;
 *     tay_cfunc *f;
 *     double in[3] = {1, 2, 3}, out[3];
 *     tay_expr_variable(&x, "x");
 *     tay_expr_mul(&e, x, x);
 *     tay_cfunc_create(&f, (const tay_expr *const *)&e, 1, (const tay_expr *const *)&x, 1, NULL);
 *     tay_cfunc_eval(f, out, in, &(tay_cfunc_arguments){.size = sizeof(tay_cfunc_arguments), .n_points = 3});
 *     tay_cfunc_free(f); tay_expr_unref(e); tay_expr_unref(x);
 */
#ifndef TAYRA_CFUNC_H
#define TAYRA_CFUNC_H

#include "tayra/expr.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct tay_cfunc tay_cfunc;

/* The type of the numbers of a compiled function. */
typedef enum tay_real { TAY_FLOAT64 = 0, TAY_FLOAT32 = 1 } tay_real;

typedef struct tay_cfunc_options {
    uint32_t size; /* sizeof(tay_cfunc_options) */
    tay_real real;
    tay_execution execution;
} tay_cfunc_options;

/* The arguments of one evaluation; strides are in elements, 0 means contiguous (n_points). */
typedef struct tay_cfunc_arguments {
    uint32_t size;   /* sizeof(tay_cfunc_arguments) */
    size_t n_points; /* N */
    const void *pars; /* [n_pars][pars_stride]; NULL if the function has none */
    const void *time; /* [N]; NULL if the function does not depend on time */
    size_t in_stride, out_stride, pars_stride; /* between rows of in, out, pars */
    bool shared_pars; /* pars is [n_pars]: the same for all points */
    bool shared_time; /* time is [1] */
    uint32_t n_threads; /* at most so many share the points, where these are many; 0: as many as there are processors */
} tay_cfunc_arguments;

/*
 * Compiles n_fn > 0 expressions fn as functions of the n_vars distinct variables vars, which must hold all variables in
 * fn; there may be none. options may be NULL (float64).
 */
TAY_API tay_status tay_cfunc_create(tay_cfunc **out, const tay_expr *const *fn, size_t n_fn,
                                    const tay_expr *const *vars, size_t n_vars, const tay_cfunc_options *options);
/* Accepts NULL. No call on f may be under way. */
TAY_API void tay_cfunc_free(tay_cfunc *f);

/*
 * out[n_fn][out_stride] = f(in[n_vars][in_stride]) at N points; elements are double or float (the function's real type).
 * out must not overlap the inputs. May be called from several threads at once on one function. N = 0 does nothing. If memory runs
 * out some points may have been written.
 */
TAY_API tay_status tay_cfunc_eval(const tay_cfunc *f, void *out, const void *in, const tay_cfunc_arguments *arguments);

/* Numbers of expressions, variables and parameters (1 + the highest index); whether time occurs; the real type. */
TAY_API size_t tay_cfunc_n_fn(const tay_cfunc *f);
TAY_API size_t tay_cfunc_n_vars(const tay_cfunc *f);
TAY_API size_t tay_cfunc_n_pars(const tay_cfunc *f);
TAY_API bool tay_cfunc_has_time(const tay_cfunc *f);
TAY_API tay_real tay_cfunc_real(const tay_cfunc *f);
/* Who evaluates many points: TAY_EXECUTION_VM, also where machine code was wanted but could not be made; or _JIT. */
TAY_API tay_execution tay_cfunc_execution(const tay_cfunc *f);
/* The program, its groups and their loops as text for people; free with tay_free. */
TAY_API tay_status tay_cfunc_dump(char **out, const tay_cfunc *f);

#ifdef __cplusplus
}
#endif

#endif
