/*
 * The vector functions against MPFR, for every instruction set that this machine runs and both real types: arguments
 * uniform in exponent over the whole range, dense around 0, and close to the points where a reduction or a branch
 * changes; special values exactly. For float most values are compared with libm's in double.
 *
 * TAYRA_TEST_POINTS sets the number of arguments for each function (default 200000); TAYRA_TEST_VERBOSE=1 prints the
 * largest errors.
 */
#include <float.h>
#include <math.h>
#include <mpfr.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "kernels/isas.h"

enum { BLOCK = 1000, BITS = 53 + 20 };

/* ---- arguments ---- */

/* Any bits of the real type: uniform in exponent. */
static double any_real(bool is_float)
{
    uint64_t bits = random_bits();
    if (is_float) {
        uint32_t bits32 = (uint32_t)bits;
        float x;
        memcpy(&x, &bits32, sizeof x);
        return x;
    }
    double x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

typedef struct function_case {
    const char *name;
    tay_function function;
    int (*reference)(mpfr_t, const mpfr_t, mpfr_rnd_t);
    double (*in_double)(double); /* libm's, exact enough for float */
    double limit;  /* units in the last place */
    double centre; /* dense around this argument */
    double spread; /* ... up to this far away */
    double step;   /* reductions change near multiples of this */
} function_case;

/* A point near a multiple of the step: by a random number of bits. */
static double near_boundary(const function_case *c)
{
    double count = floor(uniform(-1, 1) * exp2(uniform(0, 21)));
    double x = c->step * count;
    if (c->function == TAY_LOG) x = exp2(uniform(-1, 1) > 0 ? count / 0x1p14 : floor(count / 0x1p14) + 0.5);
    return x * (1 + uniform(-1, 1) * exp2(-uniform(0, 60)));
}

static double next_argument(const function_case *c, bool is_float)
{
    switch (random_bits() % 8) {
    case 0:
    case 1: return any_real(is_float);
    case 2:
    case 3: return c->centre + uniform(-1, 1) * c->spread;
    case 4: return c->centre + uniform(-1, 1);
    case 5: return c->centre + uniform(-1, 1) * exp2(-uniform(0, 80));
    default: return near_boundary(c);
    }
}

static const double special_arguments[] = {
    0.0,      -0.0,     INFINITY,    -INFINITY, NAN,       1.0,       -1.0,       2.0,      -2.0,    0.5,     -0.5,
    DBL_MAX,  -DBL_MAX, DBL_MIN,     -DBL_MIN,  0x1p-1074, -0x1p-1074, 0x1p-1060, FLT_MAX,  -FLT_MAX, FLT_MIN, -FLT_MIN,
    0x1p-149, -0x1p-149, 709.782712893384, 709.78271289338403, -745.13321910194111, -745.1332191019412, -708.4, -1000.0,
    1000.0,   710.4758600739439, 710.47586007394398, -710.47586007394398, 88.72283f, 88.722839f, -103.97207f, -103.97208f,
    89.415985f, 89.415993f, 0.75, -0.75, 0x1.fffffffffffffp-1, 0x1.0000000000001p0, -0x1.fffffffffffffp-1, 20.0, 10.0,
    18.714973875118524, 9.0109133f, 36.7368005696771, 37.42994775023705, 16.6355324f, 1e5, 1e10, 0x1p20, 0x1.0000000000001p20,
    0x1.921fb54442d18p0, 0x1.921fb54442d18p1, 0x1.6ac5b262ca1ffp849, 6381956970095103.0 * 0x1p797, 0x1.fffffep-1f, 0x1.000002p0f,
};
enum { N_SPECIAL = sizeof special_arguments / sizeof special_arguments[0] };

/* ---- errors ---- */

/* An exact value is hi + fraction * ulp of hi in double; or not finite, in hi alone. */
typedef struct exact {
    double hi, fraction;
} exact;

static double ulp_of(double x, int digits, int smallest_exponent)
{
    int e = x == 0 ? smallest_exponent : ilogb(x);
    return ldexp(1, (e < smallest_exponent ? smallest_exponent : e) - digits + 1);
}

static exact exact_value(const function_case *c, double x)
{
    static mpfr_t argument, value, rest;
    static bool ready;
    if (!ready) {
        mpfr_init2(argument, 53);
        mpfr_init2(value, BITS);
        mpfr_init2(rest, BITS);
        ready = true;
    }
    mpfr_set_d(argument, x, MPFR_RNDN);
    c->reference(value, argument, MPFR_RNDN);
    exact e = {mpfr_get_d(value, MPFR_RNDN), 0};
    if (!isfinite(e.hi) || mpfr_zero_p(value)) return e;
    mpfr_sub_d(rest, value, e.hi, MPFR_RNDN);
    mpfr_mul_2si(rest, rest, -ilogb(ulp_of(e.hi, 53, -1022)), MPFR_RNDN);
    e.fraction = mpfr_get_d(rest, MPFR_RNDN);
    return e;
}

/* The error of y in units in the last place; huge where a special value is wrong. */
static double error_of(double y, exact e, double x, bool is_float)
{
    double huge = 1e300, largest = is_float ? FLT_MAX : DBL_MAX;
    if (isnan(e.hi)) return isnan(y) ? 0 : huge;
    if (isnan(y)) return huge;
    if (e.hi == 0 && (x == 0 || isinf(x))) return y == 0 && signbit(y) == signbit(e.hi) ? 0 : huge;
    if (isinf(x) && isinf(e.hi)) return y == e.hi ? 0 : huge;
    double top = largest * (1 - (is_float ? FLT_EPSILON : DBL_EPSILON)); /* overflow may come one unit early or late */
    if (fabs(e.hi) >= top || isinf(y)) return fabs(e.hi) >= top && fabs(y) >= top && (y > 0) == (e.hi > 0) ? 0 : huge;
    if (is_float) return fabs(y - e.hi) / ulp_of(e.hi, FLT_MANT_DIG, FLT_MIN_EXP - 1);
    return fabs((y - e.hi) / ulp_of(e.hi, DBL_MANT_DIG, DBL_MIN_EXP - 1) - e.fraction);
}

static size_t number_of_points(void)
{
    const char *text = getenv("TAYRA_TEST_POINTS");
    long n = text ? atol(text) : 200000;
    return n < 1 ? 1 : (size_t)n;
}

typedef struct worst {
    double error, x, y;
} worst;

/* One block of arguments through every instruction set. */
static void check_block(const function_case *c, bool is_float, const double *x, size_t n, worst *worsts)
{
    static double y[BLOCK];
    static exact expected[BLOCK];
    for (size_t i = 0; i < n; i++) {
        bool quick = is_float && i >= 64;
        expected[i] = quick ? (exact){c->in_double(x[i]), 0} : exact_value(c, x[i]);
    }
    for (int k = 0; k < n_isas; k++) {
        evaluate_at(&isas[k], is_float, c->function, y, &x, 1, n, 0);
        for (size_t i = 0; i < n; i++) {
            double error = error_of(y[i], expected[i], x[i], is_float);
            if (error > worsts[k].error) worsts[k] = (worst){error, x[i], y[i]};
        }
    }
}

static void check_accuracy(const function_case *c, bool is_float)
{
    static double x[BLOCK];
    worst worsts[3] = {{0, 0, 0}};
    random_state = 1 + (uint64_t)c->function;
    for (size_t i = 0; i < N_SPECIAL; i++) x[i] = is_float ? (float)special_arguments[i] : special_arguments[i];
    for (size_t i = 0; i < N_SPECIAL; i += 64) {
        check_block(c, is_float, x + i, N_SPECIAL - i < 64 ? N_SPECIAL - i : 64, worsts);
    }
    for (size_t left = number_of_points(); left > 0;) {
        size_t n = left < BLOCK ? left : BLOCK;
        for (size_t i = 0; i < n; i++) {
            double value = next_argument(c, is_float);
            x[i] = is_float ? (float)value : value;
        }
        check_block(c, is_float, x, n, worsts);
        left -= n;
    }
    bool failed = false;
    for (int k = 0; k < n_isas; k++) {
        bool bad = worsts[k].error > c->limit;
        failed = failed || bad;
        if (bad || getenv("TAYRA_TEST_VERBOSE")) {
            printf("%-8s %s %-8s %.3f of %.1f units at %a (%.9g): %a\n", c->name, is_float ? "f32" : "f64", isas[k].name,
                   worsts[k].error, c->limit, worsts[k].x, worsts[k].x, worsts[k].y);
        }
    }
    assert_false(failed);
}

static int mpfr_sigmoid(mpfr_t y, const mpfr_t x, mpfr_rnd_t rounding)
{
    mpfr_neg(y, x, rounding);
    mpfr_exp(y, y, rounding);
    mpfr_add_ui(y, y, 1, rounding);
    return mpfr_ui_div(y, 1, y, rounding);
}

static double double_sigmoid(double x)
{
    return 1 / (1 + exp(-x));
}

#define LN2 0.693147180559945309
#define PI 3.14159265358979324

static const function_case cases[] = {
    {"exp", TAY_EXP, mpfr_exp, exp, 1.5, 0, 750, LN2 / 2},
    {"expm1", TAY_EXPM1, mpfr_expm1, expm1, 1.5, 0, 750, LN2 / 2},
    {"log", TAY_LOG, mpfr_log, log, 1.5, 1, 100, 1},
    {"log1p", TAY_LOG1P, mpfr_log1p, log1p, 1.5, 0, 100, 0.0625},
    {"sin", TAY_SIN, mpfr_sin, sin, 1.5, 0, 100, PI / 4},
    {"cos", TAY_COS, mpfr_cos, cos, 1.5, 0, 100, PI / 4},
    {"tan", TAY_TAN, mpfr_tan, tan, 2.5, 0, 100, PI / 4},
    {"sinh", TAY_SINH, mpfr_sinh, sinh, 2.5, 0, 715, LN2 / 2},
    {"cosh", TAY_COSH, mpfr_cosh, cosh, 2.5, 0, 715, LN2 / 2},
    {"tanh", TAY_TANH, mpfr_tanh, tanh, 1.5, 0, 22, LN2 / 4},
    {"sigmoid", TAY_SIGMOID, mpfr_sigmoid, double_sigmoid, 1.5, 0, 750, LN2 / 2},
};
enum { N_CASES = sizeof cases / sizeof cases[0] };

static void test_accuracy_f64(void **state)
{
    (void)state;
    for (size_t i = 0; i < N_CASES; i++) check_accuracy(&cases[i], false);
}

static void test_accuracy_f32(void **state)
{
    (void)state;
    for (size_t i = 0; i < N_CASES; i++) check_accuracy(&cases[i], true);
}

int main(void)
{
    find_isas();
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_accuracy_f64), cmocka_unit_test(test_accuracy_f32)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
