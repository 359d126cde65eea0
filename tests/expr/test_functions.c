/*
 * Every row of the table against values and derivatives that mpmath has computed with 60 digits (function_values.txt, its
 * first argument), then what stands at the edges: infinities, NaN, the sign of zero.
 */
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "expr/expr.h"
#include "support/check.h"
#include "support/failing_alloc.h"
#include "support/rpn.h"

enum { MAX_ARGS = 4 };

static const char *values_path;

static const char *const names[MAX_ARGS] = {"a", "b", "c", "d"};

/* f(a, b, ...), where the slope of relu is a number. */
static tay_expr *call_of(tay_function f, const double *x, size_t n, tay_expr **args)
{
    tay_expr *e;
    for (size_t k = 0; k < n; k++) {
        bool is_slope = (f == TAY_RELU || f == TAY_RELUP) && k == 1;
        assert_ok(is_slope ? tay_expr_number(&args[k], x[k]) : tay_expr_variable(&args[k], names[k]));
    }
    assert_ok(tay_expr_function(&e, f, (const tay_expr *const *)args, n));
    return e;
}

static void assert_near(double value, double expected, double tolerance, const char *what, uint32_t k)
{
    if (fabs(value - expected) > tolerance * fabs(expected)) /* also fails for NaN below */
        fail_msg("%s, derivative %u: %.17g instead of %.17g", what, k, value, expected);
    if (isnan(value)) fail_msg("%s, derivative %u: NaN instead of %.17g", what, k, expected);
}

/* One line: name n x_1 ... x_n value d_1 ... d_n */
static tay_function check_line(char *line)
{
    tay_function f = 0;
    double x[MAX_ARGS], value;
    tay_expr *args[MAX_ARGS];
    const char *name = strtok(line, " ");
    while (f < TAY_N_FUNCTIONS && strcmp(tay__functions[f].name, name) != 0) f++;
    assert_int_not_equal(f, TAY_N_FUNCTIONS);
    size_t n = strtoul(strtok(NULL, " "), NULL, 10);
    assert_true(n <= MAX_ARGS && (tay__functions[f].arity < 0 || (size_t)tay__functions[f].arity == n));
    for (size_t k = 0; k < n; k++) x[k] = strtod(strtok(NULL, " "), NULL);
    assert_near(tay__functions[f].evaluate(x, n), strtod(strtok(NULL, " "), NULL), 4 * DBL_EPSILON, name, 0);

    tay_expr *call = call_of(f, x, n, args);
    tay__point point = {(const tay_expr *const *)args, x, n, NULL, 0, 0.0};
    for (uint32_t k = 0; k < n; k++) {
        const char *expected = strtok(NULL, " \n");
        tay_expr *partial;
        assert_ok(tay__expr_partial(&partial, call, k));
        assert_ok(tay__expr_evaluate(&value, (const tay_expr *const *)&partial, 1, &point));
        if (strcmp(expected, "-") != 0) assert_near(value, strtod(expected, NULL), 1e-12, name, k + 1);
        tay_expr_unref(partial);
    }
    tay_expr_unref(call);
    for (size_t k = 0; k < n; k++) tay_expr_unref(args[k]);
    return f;
}

static void rows_have_the_right_values_and_derivatives(void **state)
{
    (void)state;
    int n_points[TAY_N_FUNCTIONS] = {0};
    char line[1024];
    FILE *file = fopen(values_path, "r");
    assert_non_null(file);
    while (fgets(line, sizeof line, file)) n_points[check_line(line)]++;
    fclose(file);
    for (int f = 0; f < TAY_N_FUNCTIONS; f++) {
        if (n_points[f] < (tay__functions[f].arity == 0 ? 1 : 20))
            fail_msg("%s has only %d points in %s", tay__functions[f].name, n_points[f], values_path);
    }
}

/* All rows are there, each name once, and formulas stand where the form wants them. */
static void rows_are_complete(void **state)
{
    (void)state;
    for (int f = 0; f < TAY_N_FUNCTIONS; f++) {
        const tay__function_row *row = &tay__functions[f];
        assert_non_null(row->name);
        assert_non_null(row->evaluate);
        for (int g = 0; g < f; g++) assert_string_not_equal(row->name, tay__functions[g].name);
        bool has_formula = false;
        for (int k = 0; k < TAY__MOST_DERIVATIVES; k++) has_formula |= row->derivative[k] != NULL;
        assert_int_equal(has_formula, row->form != TAY__CONSTANT);
        for (int k = 0; row->form == TAY__INTEGRAL && k < row->arity; k++) assert_non_null(row->derivative[k]);
    }
}

static double evaluate(tay_function f, double a, double b, double c)
{
    double x[] = {a, b, c};
    int arity = tay__functions[f].arity;
    return tay__functions[f].evaluate(x, arity < 0 ? 3 : (size_t)arity);
}

#define assert_number(call, expected)                                                                                  \
    do {                                                                                                               \
        double value_ = (call), expected_ = (expected);                                                                \
        bool same_ = isnan(expected_) ? isnan(value_) : value_ == expected_ && !signbit(value_) == !signbit(expected_); \
        if (!same_) fail_msg("%s: %g instead of %g", #call, value_, expected_);                                        \
    } while (0)

static void edges_are_the_peers(void **state)
{
    (void)state;
    assert_number(evaluate(TAY_SIGMOID, -800, 0, 0), 0.0);
    assert_number(evaluate(TAY_SIGMOID, -INFINITY, 0, 0), 0.0);
    assert_number(evaluate(TAY_SIGMOID, INFINITY, 0, 0), 1.0);
    assert_number(evaluate(TAY_SIGMOID, -0.0, 0, 0), 0.5);
    assert_true(fabs(evaluate(TAY_SIGMOID, -700, 0, 0) * exp(700) - 1) < 1e-12);
    assert_number(evaluate(TAY_SIGMOID, NAN, 0, 0), NAN);
    for (int f = TAY_KEPE; f <= TAY_KEPDE; f++) {
        assert_number(evaluate((tay_function)f, 1, 0.5, 0.5), f == TAY_KEPE ? NAN : evaluate((tay_function)f, 1, 0.5, NAN));
        assert_number(evaluate((tay_function)f, 0, 0, 0), 0.0);
        assert_number(evaluate((tay_function)f, 0.5, INFINITY, INFINITY), NAN);
        assert_number(evaluate((tay_function)f, NAN, 0.5, 0.5), NAN);
    }
    assert_number(evaluate(TAY_KEPE, -0.1, 0.5, 0), NAN);
    assert_number(evaluate(TAY_KEPE, 0.9, acos(-1), 0), acos(-1));
    assert_true(fabs(evaluate(TAY_KEPE, 0.999999, 1e-3, 0) / 0.18180123100593104 - 1) < 4 * DBL_EPSILON);
    assert_true(fabs(evaluate(TAY_KEPE, 0.99, -1e-9, 0) / 6.283185207179587 - 1) < 4 * DBL_EPSILON);
    assert_true(fabs(evaluate(TAY_KEPE, 0.3, 1e6, 0) / 5.781296445853766 - 1) < 4 * DBL_EPSILON);
    assert_number(evaluate(TAY_RELU, -INFINITY, 0, 0), 0.0);
    assert_number(evaluate(TAY_RELU, NAN, 0, 0), 0.0);
    assert_number(evaluate(TAY_RELU, -1, 0, 0), 0.0);
    assert_number(evaluate(TAY_RELU, -0.0, 0.1, 0), -0.0);
    assert_number(evaluate(TAY_RELU, NAN, 0.1, 0), NAN);
    assert_number(evaluate(TAY_RELU, DBL_TRUE_MIN, 0.1, 0), DBL_TRUE_MIN);
    assert_number(evaluate(TAY_RELUP, 0.0, 0.1, 0), 0.1);
    assert_number(evaluate(TAY_RELUP, DBL_TRUE_MIN, 0.1, 0), 1.0);
    assert_number(evaluate(TAY_RELUP, NAN, 0.1, 0), 0.1);
    assert_number(evaluate(TAY_SELECT, NAN, 7, 9), 7.0);
    assert_number(evaluate(TAY_SELECT, -0.0, 7, 9), 9.0);
    assert_number(evaluate(TAY_EQ, 0.0, -0.0, 0), 1.0);
    assert_number(evaluate(TAY_EQ, NAN, NAN, 0), 0.0);
    assert_number(evaluate(TAY_NEQ, NAN, 1, 0), 0.0);
    assert_number(evaluate(TAY_NEQ, INFINITY, 1, 0), 1.0);
    assert_number(evaluate(TAY_LT, 1, NAN, 0), 0.0);
    assert_number(evaluate(TAY_LTE, 0.0, -0.0, 0), 1.0);
    assert_number(evaluate(TAY_GTE, NAN, NAN, 0), 0.0);
    assert_number(evaluate(TAY_LOGICAL_AND, NAN, 1, 2), 1.0);
    assert_number(evaluate(TAY_LOGICAL_AND, NAN, 1, 0), 0.0);
    assert_number(evaluate(TAY_LOGICAL_OR, 0, -0.0, NAN), 1.0);
    assert_number(evaluate(TAY_LOGICAL_OR, 0, -0.0, 0), 0.0);
    assert_number(evaluate(TAY_PI, 0, 0, 0), acos(-1));
}

/* What a walk over the graph gives, where inputs are missing too. */
static void points_are_evaluated(void **state)
{
    (void)state;
    tay_expr *e = rpn("x y * 2 + p1 t - z sum:3 sin"), *x = rpn("x"), *y = rpn("y");
    double out, values[] = {0.5, -3}, pars[] = {0, 7};
    const tay_expr *vars[] = {x, y};
    tay__point point = {vars, values, 2, pars, 2, 1.25};
    assert_ok(tay__expr_evaluate(&out, (const tay_expr *const *)&e, 1, &point));
    assert_true(isnan(out)); /* z */
    tay_expr_unref(e);
    e = rpn("x y * 2 + p1 t - x prod:3");
    assert_ok(tay__expr_evaluate(&out, (const tay_expr *const *)&e, 1, &point));
    assert_number(out, 0.5 * 5.75 * 0.5);
    point.n_pars = 1;
    assert_ok(tay__expr_evaluate(&out, (const tay_expr *const *)&e, 1, &point));
    assert_true(isnan(out));
    tay_expr_unref(e);
    tay_expr_unref(x);
    tay_expr_unref(y);
}

static tay_status scenario(void *context)
{
    tay_expr *e, *partial = NULL;
    tay_status status = rpn_try(&e, context);
    if (status != TAY_OK) return status;
    for (uint32_t k = 0; k < e->n_args && status == TAY_OK; k++) {
        partial = NULL;
        status = tay__expr_partial(&partial, e, k);
        if (status != TAY_OK && partial) status = TAY_ERROR_STATE; /* outputs must be untouched */
        tay_expr_unref(partial);
    }
    tay_expr_unref(e);
    return status;
}

static void failing_allocations(void **state)
{
    (void)state;
    static const char *const cases[] = {"x erfc", "x y atan2", "x y z select", "x 0.1 relu", "x acos", "x y **", "x y z kepDE"};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) fail_each_allocation(scenario, (void *)(uintptr_t)cases[i]);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_are_complete),
        cmocka_unit_test(rows_have_the_right_values_and_derivatives),
        cmocka_unit_test(edges_are_the_peers),
        cmocka_unit_test(points_are_evaluated),
        cmocka_unit_test(failing_allocations),
    };
    if (argc != 2) return 2;
    values_path = argv[1];
    return cmocka_run_group_tests(tests, NULL, NULL);
}
