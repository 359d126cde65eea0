/*
 * The table of functions: one row each, with its name, the number of its arguments, its value, and its partial
 * derivatives as formulas in the arguments a, b, c and the value y (formula.c reads them). The jet, the tangent and the
 * adjoint of a function follow from its row. Adding a function is adding a row here, a name to enum tay_function and a
 * vector kernel; the tests go through the table. NaN counts as true, and compares false with everything, also by !=.
 */
#include <math.h>

#include "expr/expr.h"

/* evaluate_f(x) = f(x[0]) */
#define EVALUATE(f)                                                                                                    \
    static double evaluate_##f(const double *x, size_t n)                                                              \
    {                                                                                                                  \
        (void)n;                                                                                                       \
        return f(x[0]);                                                                                                \
    }

/* evaluate_name(x) = value, an expression in x[0], ..., x[n - 1] */
#define EVALUATE_AS(name, value)                                                                                       \
    static double evaluate_##name(const double *x, size_t n)                                                           \
    {                                                                                                                  \
        (void)x, (void)n;                                                                                              \
        return value;                                                                                                  \
    }

/* 1/(1 + exp(-x)) without overflow and with all digits for large negative x. */
static double sigmoid(double x)
{
    double e = exp(-fabs(x));
    return (x < 0.0 ? e : 1.0) / (1.0 + e);
}

/* A slope of 0 gives 0 also for -inf and NaN. */
static double relu(double x, double slope)
{
    if (x > 0.0) return x;
    return slope == 0.0 ? 0.0 : slope * x;
}

static double count_true(const double *x, size_t n)
{
    double count = 0.0;
    for (size_t i = 0; i < n; i++) count += x[i] != 0.0;
    return count;
}

EVALUATE(exp)
EVALUATE(expm1)
EVALUATE(log)
EVALUATE(log1p)
EVALUATE(sin)
EVALUATE(cos)
EVALUATE(tan)
EVALUATE(asin)
EVALUATE(acos)
EVALUATE(atan)
EVALUATE(sinh)
EVALUATE(cosh)
EVALUATE(tanh)
EVALUATE(asinh)
EVALUATE(acosh)
EVALUATE(atanh)
EVALUATE(erf)
EVALUATE(erfc)
EVALUATE(sigmoid)
EVALUATE_AS(pow, pow(x[0], x[1]))
EVALUATE_AS(atan2, atan2(x[0], x[1]))
EVALUATE_AS(kepE, x[0] >= 0.0 ? tay__kepler(0.0, x[0], x[1]) : NAN)
EVALUATE_AS(kepF, tay__kepler(-x[0], x[1], x[2] - x[0]))
EVALUATE_AS(kepDE, tay__kepler(x[0], x[1], x[2]))
EVALUATE_AS(relu, relu(x[0], x[1]))
EVALUATE_AS(relup, x[0] > 0.0 ? 1.0 : x[1])
EVALUATE_AS(select, x[0] != 0.0 ? x[1] : x[2])
EVALUATE_AS(eq, x[0] == x[1])
EVALUATE_AS(neq, x[0] < x[1] || x[0] > x[1])
EVALUATE_AS(lt, x[0] < x[1])
EVALUATE_AS(gt, x[0] > x[1])
EVALUATE_AS(lte, x[0] <= x[1])
EVALUATE_AS(gte, x[0] >= x[1])
EVALUATE_AS(logical_and, count_true(x, n) == (double)n)
EVALUATE_AS(logical_or, count_true(x, n) > 0.0)
EVALUATE_AS(pi, 0x1.921fb54442d18p+1)

const tay__function_row tay__functions[TAY_N_FUNCTIONS] = {
    [TAY_POW] = {"pow", 2, TAY__INTEGRAL, evaluate_pow, {"b * a^(b - 1)", "y * log(a)"}},
    [TAY_EXP] = {"exp", 1, TAY__INTEGRAL, evaluate_exp, {"y"}},
    [TAY_EXPM1] = {"expm1", 1, TAY__INTEGRAL, evaluate_expm1, {"exp(a)"}},
    [TAY_LOG] = {"log", 1, TAY__INTEGRAL, evaluate_log, {"a^-1"}},
    [TAY_LOG1P] = {"log1p", 1, TAY__INTEGRAL, evaluate_log1p, {"(1 + a)^-1"}},
    [TAY_SIN] = {"sin", 1, TAY__INTEGRAL, evaluate_sin, {"cos(a)"}},
    [TAY_COS] = {"cos", 1, TAY__INTEGRAL, evaluate_cos, {"-sin(a)"}},
    [TAY_TAN] = {"tan", 1, TAY__INTEGRAL, evaluate_tan, {"1 + y^2"}},
    [TAY_ASIN] = {"asin", 1, TAY__INTEGRAL, evaluate_asin, {"(1 - a^2)^-0.5"}},
    [TAY_ACOS] = {"acos", 1, TAY__INTEGRAL, evaluate_acos, {"-(1 - a^2)^-0.5"}},
    [TAY_ATAN] = {"atan", 1, TAY__INTEGRAL, evaluate_atan, {"(1 + a^2)^-1"}},
    [TAY_ATAN2] = {"atan2", 2, TAY__INTEGRAL, evaluate_atan2, {"b / (b^2 + a^2)", "-a / (b^2 + a^2)"}},
    [TAY_SINH] = {"sinh", 1, TAY__INTEGRAL, evaluate_sinh, {"cosh(a)"}},
    [TAY_COSH] = {"cosh", 1, TAY__INTEGRAL, evaluate_cosh, {"sinh(a)"}},
    [TAY_TANH] = {"tanh", 1, TAY__INTEGRAL, evaluate_tanh, {"1 - y^2"}},
    [TAY_ASINH] = {"asinh", 1, TAY__INTEGRAL, evaluate_asinh, {"(1 + a^2)^-0.5"}},
    [TAY_ACOSH] = {"acosh", 1, TAY__INTEGRAL, evaluate_acosh, {"(a^2 - 1)^-0.5"}},
    [TAY_ATANH] = {"atanh", 1, TAY__INTEGRAL, evaluate_atanh, {"(1 - a^2)^-1"}},
    [TAY_ERF] = {"erf", 1, TAY__INTEGRAL, evaluate_erf, {"2 / pi^0.5 * exp(-a^2)"}},
    [TAY_ERFC] = {"erfc", 1, TAY__INTEGRAL, evaluate_erfc, {"-2 / pi^0.5 * exp(-a^2)"}},
    [TAY_SIGMOID] = {"sigmoid", 1, TAY__INTEGRAL, evaluate_sigmoid, {"(1 - y) * y"}},
    [TAY_KEPE] = {"kepE", 2, TAY__INTEGRAL, evaluate_kepE, {"sin(y) / (1 - a * cos(y))", "(1 - a * cos(y))^-1"}},
    [TAY_KEPF] = {"kepF", 3, TAY__INTEGRAL, evaluate_kepF,
                  {"-cos(y) / (1 - a * sin(y) - b * cos(y))", "sin(y) / (1 - a * sin(y) - b * cos(y))",
                   "(1 - a * sin(y) - b * cos(y))^-1"}},
    [TAY_KEPDE] = {"kepDE", 3, TAY__INTEGRAL, evaluate_kepDE,
                   {"(cos(y) - 1) / (1 + a * sin(y) - b * cos(y))", "sin(y) / (1 + a * sin(y) - b * cos(y))",
                    "(1 + a * sin(y) - b * cos(y))^-1"}},
    [TAY_RELU] = {"relu", 2, TAY__PIECEWISE, evaluate_relu, {"relup(a, b)"}},
    [TAY_RELUP] = {"relup", 2, TAY__CONSTANT, evaluate_relup, {NULL}},
    [TAY_SELECT] = {"select", 3, TAY__PIECEWISE, evaluate_select, {NULL, "select(a, 1, 0)", "select(a, 0, 1)"}},
    [TAY_EQ] = {"eq", 2, TAY__CONSTANT, evaluate_eq, {NULL}},
    [TAY_NEQ] = {"neq", 2, TAY__CONSTANT, evaluate_neq, {NULL}},
    [TAY_LT] = {"lt", 2, TAY__CONSTANT, evaluate_lt, {NULL}},
    [TAY_GT] = {"gt", 2, TAY__CONSTANT, evaluate_gt, {NULL}},
    [TAY_LTE] = {"lte", 2, TAY__CONSTANT, evaluate_lte, {NULL}},
    [TAY_GTE] = {"gte", 2, TAY__CONSTANT, evaluate_gte, {NULL}},
    [TAY_LOGICAL_AND] = {"logical_and", -1, TAY__CONSTANT, evaluate_logical_and, {NULL}},
    [TAY_LOGICAL_OR] = {"logical_or", -1, TAY__CONSTANT, evaluate_logical_or, {NULL}},
    [TAY_PI] = {"pi", 0, TAY__CONSTANT, evaluate_pi, {NULL}},
};
