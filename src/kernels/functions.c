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

/* Two vectors at a time, whose operations the processor overlaps; then one at a time, the last one padded. */
#define VECTOR_FUNCTION(name)                                                                                          \
    static void array_##name(real *y, const real *const *args, size_t n_args, size_t n)                               \
    {                                                                                                                  \
        const real *x = args[0];                                                                                       \
        size_t i = 0;                                                                                                  \
        (void)n_args;                                                                                                  \
        for (; n - i >= 2 * TAY__WIDTH; i += 2 * TAY__WIDTH) {                                                         \
            vec a = tay__v##name(tay__load(x + i)), b = tay__v##name(tay__load(x + i + TAY__WIDTH));                   \
            tay__store(y + i, a);                                                                                      \
            tay__store(y + i + TAY__WIDTH, b);                                                                         \
        }                                                                                                              \
        for (; i < n; i += TAY__WIDTH) {                                                                               \
            size_t left = n - i;                                                                                       \
            vec v = left >= TAY__WIDTH ? tay__load(x + i) : tay__load_part(x + i, left);                               \
            v = tay__v##name(v);                                                                                       \
            if (left >= TAY__WIDTH) tay__store(y + i, v);                                                              \
            else tay__store_part(y + i, v, left);                                                                      \
        }                                                                                                              \
    }

VECTOR_FUNCTION(exp)
VECTOR_FUNCTION(expm1)
VECTOR_FUNCTION(log)
VECTOR_FUNCTION(log1p)
VECTOR_FUNCTION(sin)
VECTOR_FUNCTION(cos)
VECTOR_FUNCTION(tan)
VECTOR_FUNCTION(sinh)
VECTOR_FUNCTION(cosh)
VECTOR_FUNCTION(tanh)
VECTOR_FUNCTION(sigmoid)

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
        double x[2] = {(double)args[0][i], n_used > 1 ? (double)args[1][i] : 0};
        y[i] = (real)tay__functions[function].evaluate(x, n_used);
    }
}

#define TABLE_FUNCTION(name, function, n_used)                                                                         \
    static void array_##name(real *y, const real *const *args, size_t n_args, size_t n)                               \
    {                                                                                                                  \
        (void)n_args;                                                                                                  \
        array_table(function, y, args, n_used, n);                                                                     \
    }

TABLE_FUNCTION(pow, TAY_POW, 2)
TABLE_FUNCTION(asin, TAY_ASIN, 1)
TABLE_FUNCTION(acos, TAY_ACOS, 1)
TABLE_FUNCTION(atan, TAY_ATAN, 1)
TABLE_FUNCTION(atan2, TAY_ATAN2, 2)
TABLE_FUNCTION(asinh, TAY_ASINH, 1)
TABLE_FUNCTION(acosh, TAY_ACOSH, 1)
TABLE_FUNCTION(atanh, TAY_ATANH, 1)
TABLE_FUNCTION(erf, TAY_ERF, 1)
TABLE_FUNCTION(erfc, TAY_ERFC, 1)

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
