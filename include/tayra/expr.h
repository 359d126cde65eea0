/*
 * Expressions: immutable, reference-counted, equal ones are one object.
 *
 * Every function that makes an expression returns a new reference in *out (release it with tay_expr_unref) and does not
 * take over references to its arguments. Expressions may be shared between threads.
 *
 *     tay_expr *x, *y, *e;
 *     tay_expr_variable(&x, "x");
 *     tay_expr_number(&y, 2.0);
 *     tay_expr_mul(&e, x, y);
 *     char *text;
 *     tay_expr_to_string(&text, e);
 *     tay_free(text);
 *     tay_expr_unref(e); tay_expr_unref(y); tay_expr_unref(x);
 */
#ifndef TAYRA_EXPR_H
#define TAYRA_EXPR_H

#include "tayra/base.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct tay_expr tay_expr;

/* The functions of the table. The number of arguments is in the comment; no comment: one. */
typedef enum tay_function {
    TAY_POW, /* 2: base, exponent */
    TAY_EXP,
    TAY_EXPM1,
    TAY_LOG,
    TAY_LOG1P,
    TAY_SIN,
    TAY_COS,
    TAY_TAN,
    TAY_ASIN,
    TAY_ACOS,
    TAY_ATAN,
    TAY_ATAN2, /* 2: y, x */
    TAY_SINH,
    TAY_COSH,
    TAY_TANH,
    TAY_ASINH,
    TAY_ACOSH,
    TAY_ATANH,
    TAY_ERF,
    TAY_ERFC,
    TAY_SIGMOID,
    TAY_KEPE,        /* 2: e, M; E - e sin E = M, for 0 <= e < 1 */
    TAY_KEPF,        /* 3: h, k, lambda; F + h cos F - k sin F = lambda, for h^2 + k^2 < 1 */
    TAY_KEPDE,       /* 3: s, c, M; E + s (1 - cos E) - c sin E = M, for s^2 + c^2 < 1 */
    TAY_RELU,        /* 2: x, slope for x <= 0 (a number) */
    TAY_RELUP,       /* 2: derivative of relu; x, slope */
    TAY_SELECT,      /* 3: condition, value if it is not 0, value if it is 0 */
    TAY_EQ,          /* 2 */
    TAY_NEQ,         /* 2 */
    TAY_LT,          /* 2 */
    TAY_GT,          /* 2 */
    TAY_LTE,         /* 2 */
    TAY_GTE,         /* 2 */
    TAY_LOGICAL_AND, /* 1 or more */
    TAY_LOGICAL_OR,  /* 1 or more */
    TAY_PI,          /* 0: the constant */
    TAY_N_FUNCTIONS
} tay_function;

/* Leaves. A name is copied; "" is an error. Indices of parameters are less than TAY_MAX_PARAMETER. */
#define TAY_MAX_PARAMETER 0x7fffffffu
TAY_API tay_status tay_expr_number(tay_expr **out, double value);
TAY_API tay_status tay_expr_variable(tay_expr **out, const char *name);
TAY_API tay_status tay_expr_parameter(tay_expr **out, uint32_t index);
TAY_API tay_status tay_expr_time(tay_expr **out);

/* Arithmetic; simplified as heyoka does (x + 0, x * 1, numbers folded, ...). */
TAY_API tay_status tay_expr_add(tay_expr **out, const tay_expr *a, const tay_expr *b);
TAY_API tay_status tay_expr_sub(tay_expr **out, const tay_expr *a, const tay_expr *b);
TAY_API tay_status tay_expr_mul(tay_expr **out, const tay_expr *a, const tay_expr *b);
TAY_API tay_status tay_expr_div(tay_expr **out, const tay_expr *a, const tay_expr *b);
TAY_API tay_status tay_expr_neg(tay_expr **out, const tay_expr *a);
TAY_API tay_status tay_expr_pow(tay_expr **out, const tay_expr *base, const tay_expr *exponent);
TAY_API tay_status tay_expr_sqrt(tay_expr **out, const tay_expr *a);
/* n-ary; n = 0 gives 0 and 1. */
TAY_API tay_status tay_expr_sum(tay_expr **out, const tay_expr *const *terms, size_t n);
TAY_API tay_status tay_expr_prod(tay_expr **out, const tay_expr *const *factors, size_t n);
/* A call of a function of the table with n arguments. */
TAY_API tay_status tay_expr_function(tay_expr **out, tay_function function, const tay_expr *const *args, size_t n);

/* References. Both accept NULL; tay_expr_ref returns its argument. */
TAY_API tay_expr *tay_expr_ref(const tay_expr *e);
TAY_API void tay_expr_unref(tay_expr *e);

/* What an expression is made of. */
typedef enum tay_expr_kind {
    TAY_KIND_NUMBER,
    TAY_KIND_VARIABLE,
    TAY_KIND_PARAMETER,
    TAY_KIND_TIME,
    TAY_KIND_SUM,
    TAY_KIND_PRODUCT,
    TAY_KIND_FUNCTION
} tay_expr_kind;
TAY_API tay_expr_kind tay_expr_get_kind(const tay_expr *e);
/* The name of a variable (owned by e), NULL for other kinds. */
TAY_API const char *tay_expr_name(const tay_expr *e);
/* The value of a number, NaN for other kinds. */
TAY_API double tay_expr_value(const tay_expr *e);
/* The index of a parameter, UINT32_MAX for other kinds. */
TAY_API uint32_t tay_expr_index(const tay_expr *e);
/* "sum", "prod", or the name of a function, as "sin"; NULL for other kinds. */
TAY_API const char *tay_expr_function_name(const tay_expr *e);
/* The terms, factors or arguments: how many, 0 for other kinds, and number i of them (owned by e). That of relu and relup is
 * followed by the slope. */
TAY_API size_t tay_expr_n_args(const tay_expr *e);
TAY_API const tay_expr *tay_expr_arg(const tay_expr *e, size_t i);
/* Equal structure means equal address; only the numbers 0 and -0 are equal and two objects. */
TAY_API bool tay_expr_equal(const tay_expr *a, const tay_expr *b);
TAY_API uint64_t tay_expr_hash(const tay_expr *e);
/* The number of nodes of e as a tree, saturating at SIZE_MAX (Python's len). */
TAY_API size_t tay_expr_size(const tay_expr *e);

/* Text for people, the same as heyoka's, cut with "..." behind 1000 characters; free with tay_free. */
TAY_API tay_status tay_expr_to_string(char **out, const tay_expr *e);
/* A portable byte string holding the n expressions with their shared parts once (for files and pickle), and its reader,
 * which gives an array of *n references; free both with tay_free, after unref of each. */
TAY_API tay_status tay_expr_save(uint8_t **out, size_t *size, const tay_expr *const *e, size_t n);
TAY_API tay_status tay_expr_load(tay_expr ***out, size_t *n, const uint8_t *data, size_t size);

/*
 * The derivative of e with respect to a variable or parameter (or time).
 */
TAY_API tay_status tay_expr_diff(tay_expr **out, const tay_expr *e, const tay_expr *wrt);
/* The Jacobian by reverse mode: out[i * n_wrt + j] = d e_i / d wrt_j, new references; out is the caller's array. */
TAY_API tay_status tay_expr_jacobian(tay_expr **out, const tay_expr *const *e, size_t n, const tay_expr *const *wrt,
                                     size_t n_wrt);

/* Replaces from[k] (any expression) by to[k] everywhere in the n expressions e, all at once, and simplifies what changes;
 * of equal from[k] the last counts. out is the caller's array [n] for new references. */
TAY_API tay_status tay_expr_subs(tay_expr **out, const tay_expr *const *e, size_t n, const tay_expr *const *from,
                                 const tay_expr *const *to, size_t n_subs);

/* The variables in e, sorted by name; the parameters, sorted by index. *out is an array of *count new references, for
 * tay_free after unref of each. */
TAY_API tay_status tay_expr_variables(tay_expr ***out, size_t *count, const tay_expr *const *e, size_t n);
TAY_API tay_status tay_expr_parameters(tay_expr ***out, size_t *count, const tay_expr *const *e, size_t n);
/* Whether e contains time, a variable, a parameter. */
TAY_API bool tay_expr_has_time(const tay_expr *e);

/*
 * Tensors of derivatives of n expressions with respect to n_args variables or parameters, orders 0 to `order`. Only one
 * of each set of equal mixed derivatives is kept. Sorted by total order, then component, then multi-index (as heyoka's
 * dtens). Counting: tay_tensors_count entries, of which entry k has component, multi-index and expression below.
 */
typedef struct tay_tensors tay_tensors;
TAY_API tay_status tay_tensors_create(tay_tensors **out, const tay_expr *const *e, size_t n, const tay_expr *const *args,
                                      size_t n_args, uint32_t order);
TAY_API void tay_tensors_free(tay_tensors *tensors);
TAY_API size_t tay_tensors_count(const tay_tensors *tensors);
/* Entry k: *component, indices[n_args] (caller's array; may be NULL) and a borrowed expression; NULL if k is too large. */
TAY_API const tay_expr *tay_tensors_get(const tay_tensors *tensors, size_t k, uint32_t *component, uint32_t *indices);

#ifdef __cplusplus
}
#endif

#endif
