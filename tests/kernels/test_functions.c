/*
 * What functions.h promises of the array functions, for all functions of the table, instruction sets and both real types:
 * the value of an element is the table's, does not depend on its position or on the array's length and address, and
 * nothing is written but the n elements (and nothing else read: run under a sanitizer or valgrind).
 */
#include <float.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "kernels/isas.h"

enum { POINTS = 173, LONGEST = 70 };

static bool same(double a, double b)
{
    return (isnan(a) && isnan(b)) || memcmp(&a, &b, sizeof a) == 0;
}

static size_t arity(tay_function f, size_t any)
{
    return tay__functions[f].arity < 0 ? any : (size_t)tay__functions[f].arity;
}

/* Special values in all combinations of two, then random ones of moderate and of any size. */
static void fill(double x[MAX_ARGS][POINTS])
{
    static const double special[] = {0.0, -0.0, 1.0, -1.0, 0.5, INFINITY, -INFINITY, NAN, 1e-320, 30.0};
    enum { N = sizeof special / sizeof special[0] };
    for (size_t k = 0; k < MAX_ARGS; k++) {
        for (size_t i = 0; i < POINTS; i++) {
            double value = i % 2 ? uniform(-3, 3) : uniform(-1, 1) * exp2(uniform(-100, 100));
            if (i < N * N) value = special[k == 0 ? i % N : k == 1 ? i / N : (i + i / N) % N];
            x[k][i] = value;
        }
    }
}

static void point(const double *args[MAX_ARGS], double x[MAX_ARGS][POINTS], size_t i)
{
    for (size_t k = 0; k < MAX_ARGS; k++) args[k] = x[k] + i;
}

/* x as the real type holds it; volatile, as gcc 12 at -O3 drops pairs of (double)(float). */
static double as_real(double x, bool is_float)
{
    volatile float y = (float)x;
    return is_float ? (double)y : x;
}

/* The table's value, its arguments rounded to the real type. */
static double table_value(tay_function f, bool is_float, double x[MAX_ARGS][POINTS], size_t n_args, size_t i)
{
    double args[MAX_ARGS];
    for (size_t k = 0; k < MAX_ARGS; k++) args[k] = as_real(x[k][i], is_float);
    return as_real(tay__functions[f].evaluate(args, n_args), is_float);
}

/* Equal, or within three units in the last place, which the vector functions may need (test_vmath.c is precise). */
static bool close(double a, double b, bool is_float)
{
    if (same(a, b)) return true;
    double unit = is_float ? FLT_EPSILON : DBL_EPSILON, smallest = is_float ? 0x1p-149 : 0x1p-1074;
    return isfinite(a) && isfinite(b) && fabs(a - b) <= 3 * unit * fabs(b) + smallest;
}

static void check_values(const isa *set, bool is_float, tay_function f)
{
    static double x[MAX_ARGS][POINTS], y[POINTS];
    const double *args[MAX_ARGS];
    fill(x);
    point(args, x, 0);
    size_t n_args = arity(f, 3);
    evaluate_at(set, is_float, f, y, args, n_args, POINTS, 0);
    for (size_t i = 0; i < POINTS; i++) {
        double expected = table_value(f, is_float, x, n_args, i);
        if (close(y[i], expected, is_float)) continue;
        fail_msg("%s %s %s(%a, %a, %a): %a instead of %a", set->name, is_float ? "f32" : "f64", tay__functions[f].name, x[0][i],
                 x[1][i], x[2][i], y[i], expected);
    }
}

static void check_positions(const isa *set, bool is_float, tay_function f)
{
    static double x[MAX_ARGS][POINTS], alone[LONGEST], y[LONGEST];
    const double *args[MAX_ARGS];
    size_t n_args = arity(f, 2), first = 90; /* special values and others */
    fill(x);
    for (size_t i = 0; i < LONGEST; i++) {
        point(args, x, first + i);
        evaluate_at(set, is_float, f, &alone[i], args, n_args, 1, 0);
    }
    for (size_t n = 0; n <= LONGEST; n++) {
        point(args, x, first);
        evaluate_at(set, is_float, f, y, args, n_args, n, n % 9);
        for (size_t i = 0; i < n; i++) {
            if (same(y[i], alone[i])) continue;
            fail_msg("%s %s %s of %zu elements: element %zu is %a, %a when alone", set->name, is_float ? "f32" : "f64",
                     tay__functions[f].name, n, i, y[i], alone[i]);
        }
    }
}

static void for_all(void (*check)(const isa *, bool, tay_function))
{
    for (int k = 0; k < n_isas; k++) {
        for (int f = 0; f < TAY_N_FUNCTIONS; f++) {
            random_state = (uint64_t)f;
            check(&isas[k], false, (tay_function)f);
            check(&isas[k], true, (tay_function)f);
        }
    }
}

static void test_values(void **state)
{
    (void)state;
    for_all(check_values);
}

static void test_positions(void **state)
{
    (void)state;
    for_all(check_positions);
}

static void test_only_n_elements_are_written(void **state)
{
    (void)state;
    double x[40], y[40];
    for (int k = 0; k < n_isas; k++) {
        for (int f = 0; f < TAY_N_FUNCTIONS; f++) {
            for (size_t n = 0; n <= 36; n++) {
                for (size_t i = 0; i < 40; i++) x[i] = 0.25, y[i] = 77;
                const double *args[MAX_ARGS] = {x, x, x};
                isas[k].f64[f](y + 2, args, arity((tay_function)f, 1), n);
                assert_true(y[0] == 77 && y[1] == 77 && y[n + 2] == 77 && y[n + 3] == 77);
                assert_true(n == 0 || y[n + 1] != 77);
            }
        }
    }
}

int main(void)
{
    find_isas();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_positions),
        cmocka_unit_test(test_only_n_elements_are_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
