/*
 * The functions of the table on arrays: see functions.h. What has a vector form in vmath.h runs through it, the last
 * elements in a padded vector; comparisons and choices are plain loops for the compiler to vectorise; the rest calls the
 * table's own evaluation in double, element by element.
 */
/* gcc: interleave the two vectors of VECTOR_FUNCTION, 15-25 % of the time (but not in kernels.c, which gets slower). */
#pragma GCC optimize("schedule-insns", "sched-pressure")

#include "kernels/functions.h"

#include "expr/expr.h"
#include "kernels/vmath.h"
#include "kernels/vmath_pow.h"

/* A function of vectors a, b, the arguments' values: twice at a time, as the processor overlaps the operations; then once at a
 * time, the last vector padded. */
#define VECTOR_FUNCTION(name, n_used, value)                                                                           \
    static void array_##name(real *y, const real *const *args, size_t n_args, size_t n)                                \
    {                                                                                                                  \
        const real *x0 = args[0], *x1 = args[(n_used) - 1];                                                            \
        size_t i = 0;                                                                                                  \
        (void)n_args;                                                                                                  \
        for (; n - i >= 2 * TAY__WIDTH; i += 2 * TAY__WIDTH) {                                                         \
            vec a = tay__load(x0 + i), b = tay__load(x1 + i), first = (value);                                         \
            a = tay__load(x0 + i + TAY__WIDTH), b = tay__load(x1 + i + TAY__WIDTH);                                    \
            vec second = (value);                                                                                      \
            (void)b;                                                                                                   \
            tay__store(y + i, first);                                                                                  \
            tay__store(y + i + TAY__WIDTH, second);                                                                    \
        }                                                                                                              \
        for (; i < n; i += TAY__WIDTH) {                                                                               \
            size_t left = n - i;                                                                                       \
            bool whole = left >= TAY__WIDTH;                                                                           \
            vec a = whole ? tay__load(x0 + i) : tay__load_part(x0 + i, left);                                          \
            vec b = whole ? tay__load(x1 + i) : tay__load_part(x1 + i, left), v = (value);                             \
            (void)b;                                                                                                   \
            if (whole) tay__store(y + i, v);                                                                           \
            else tay__store_part(y + i, v, left);                                                                      \
        }                                                                                                              \
    }

VECTOR_FUNCTION(exp, 1, tay__vexp(a))
VECTOR_FUNCTION(expm1, 1, tay__vexpm1(a))
VECTOR_FUNCTION(log, 1, tay__vlog(a))
VECTOR_FUNCTION(log1p, 1, tay__vlog1p(a))
VECTOR_FUNCTION(sin, 1, tay__vsin(a))
VECTOR_FUNCTION(cos, 1, tay__vcos(a))
VECTOR_FUNCTION(tan, 1, tay__vtan(a))
VECTOR_FUNCTION(sinh, 1, tay__vsinh(a))
VECTOR_FUNCTION(cosh, 1, tay__vcosh(a))
VECTOR_FUNCTION(tanh, 1, tay__vtanh(a))
VECTOR_FUNCTION(sigmoid, 1, tay__vsigmoid(a))
VECTOR_FUNCTION(atan, 1, tay__vatan(a))
VECTOR_FUNCTION(pow, 2, tay__vpow(a, b))

/* A loop over elements, a, b, c the arguments' values. */
#define LOOP_FUNCTION(name, n_used, expression)                                                                        \
    static void array_##name(real *restrict y, const real *const *args, size_t n_args, size_t n)                      \
    {                                                                                                                  \
        const real *x0 = args[0], *x1 = args[(n_used) > 1 ? 1 : 0], *x2 = args[(n_used) > 2 ? 2 : 0];                  \
        (void)n_args;                                                                                                  \
        for (size_t i = 0; i < n; i++) {                                                                               \
            real a = x0[i], b = x1[i], c = x2[i];                                                                      \
            (void)c;                                                                                                   \
            y[i] = (expression);                                                                                       \
        }                                                                                                              \
    }

LOOP_FUNCTION(relu, 2, a > 0 ? a : (b == 0 ? 0 : b * a))
LOOP_FUNCTION(relup, 2, a > 0 ? 1 : b)
LOOP_FUNCTION(select, 3, a != 0 ? b : c)
LOOP_FUNCTION(eq, 2, a == b ? 1 : 0)
/* NaN: 0, as in the table. A sum, as valgrind 3.19 gets the one comparison wrong that gcc makes of a < b || a > b. */
LOOP_FUNCTION(neq, 2, (real)(a < b ? 1 : 0) + (real)(a > b ? 1 : 0))
LOOP_FUNCTION(lt, 2, a < b ? 1 : 0)
LOOP_FUNCTION(gt, 2, a > b ? 1 : 0)
LOOP_FUNCTION(lte, 2, a <= b ? 1 : 0)
LOOP_FUNCTION(gte, 2, a >= b ? 1 : 0)

static void array_logical_and(real *restrict y, const real *const *args, size_t n_args, size_t n)
{
    for (size_t i = 0; i < n; i++) y[i] = 1;
    for (size_t k = 0; k < n_args; k++) {
        const real *x = args[k];
        for (size_t i = 0; i < n; i++) y[i] = x[i] != 0 ? y[i] : 0;
    }
}

static void array_logical_or(real *restrict y, const real *const *args, size_t n_args, size_t n)
{
    for (size_t i = 0; i < n; i++) y[i] = 0;
    for (size_t k = 0; k < n_args; k++) {
        const real *x = args[k];
        for (size_t i = 0; i < n; i++) y[i] = x[i] != 0 ? 1 : y[i];
    }
}

static void array_pi(real *y, const real *const *args, size_t n_args, size_t n)
{
    (void)args, (void)n_args;
    for (size_t i = 0; i < n; i++) y[i] = (real)3.14159265358979324;
}

/* Through the table, in double. */
static inline void array_table(tay_function function, real *y, const real *const *args, size_t n_used, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        double x[3] = {0};
        for (size_t k = 0; k < n_used; k++) x[k] = (double)args[k][i];
        y[i] = (real)tay__functions[function].evaluate(x, n_used);
    }
}

#define TABLE_FUNCTION(name, function, n_used)                                                                         \
    static void array_##name(real *y, const real *const *args, size_t n_args, size_t n)                               \
    {                                                                                                                  \
        (void)n_args;                                                                                                  \
        array_table(function, y, args, n_used, n);                                                                     \
    }

TABLE_FUNCTION(asin, TAY_ASIN, 1)
TABLE_FUNCTION(acos, TAY_ACOS, 1)
TABLE_FUNCTION(atan2, TAY_ATAN2, 2)
TABLE_FUNCTION(asinh, TAY_ASINH, 1)
TABLE_FUNCTION(acosh, TAY_ACOSH, 1)
TABLE_FUNCTION(atanh, TAY_ATANH, 1)
TABLE_FUNCTION(erf, TAY_ERF, 1)
TABLE_FUNCTION(erfc, TAY_ERFC, 1)
TABLE_FUNCTION(kepE, TAY_KEPE, 2)
TABLE_FUNCTION(kepF, TAY_KEPF, 3)
TABLE_FUNCTION(kepDE, TAY_KEPDE, 3)

tay__array_function *const TAY__NAME(evaluate)[TAY_N_FUNCTIONS] = {
    [TAY_POW] = array_pow,
    [TAY_EXP] = array_exp,
    [TAY_EXPM1] = array_expm1,
    [TAY_LOG] = array_log,
    [TAY_LOG1P] = array_log1p,
    [TAY_SIN] = array_sin,
    [TAY_COS] = array_cos,
    [TAY_TAN] = array_tan,
    [TAY_ASIN] = array_asin,
    [TAY_ACOS] = array_acos,
    [TAY_ATAN] = array_atan,
    [TAY_ATAN2] = array_atan2,
    [TAY_SINH] = array_sinh,
    [TAY_COSH] = array_cosh,
    [TAY_TANH] = array_tanh,
    [TAY_ASINH] = array_asinh,
    [TAY_ACOSH] = array_acosh,
    [TAY_ATANH] = array_atanh,
    [TAY_ERF] = array_erf,
    [TAY_ERFC] = array_erfc,
    [TAY_SIGMOID] = array_sigmoid,
    [TAY_KEPE] = array_kepE,
    [TAY_KEPF] = array_kepF,
    [TAY_KEPDE] = array_kepDE,
    [TAY_RELU] = array_relu,
    [TAY_RELUP] = array_relup,
    [TAY_SELECT] = array_select,
    [TAY_EQ] = array_eq,
    [TAY_NEQ] = array_neq,
    [TAY_LT] = array_lt,
    [TAY_GT] = array_gt,
    [TAY_LTE] = array_lte,
    [TAY_GTE] = array_gte,
    [TAY_LOGICAL_AND] = array_logical_and,
    [TAY_LOGICAL_OR] = array_logical_or,
    [TAY_PI] = array_pi,
};
