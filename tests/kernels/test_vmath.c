/*
 * The vector functions against MPFR, for every instruction set that this machine runs and both real types: arguments
 * uniform in exponent over the whole range, dense around 0, and close to the points where a reduction or a branch
 * changes; special values exactly.
 *
 * Without arguments a quick test, in which most values for float are compared with libm's in double. With a number, so many
 * arguments for each function and type, all against MPFR, and a table of the largest errors: make accuracy.
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

enum { BLOCK = 1000, BITS = 53 + 20, QUICK_POINTS = 20000 };

static size_t n_points = QUICK_POINTS;
static bool with_table;

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
    double limit;  /* units in the last place */
    double centre; /* dense around this argument */
    double spread; /* ... up to this far away */
    double step;   /* reductions change near multiples of this */
    int (*reference)(mpfr_t, const mpfr_t, mpfr_rnd_t);
    double (*in_double)(double); /* libm's, exact enough for float */
    /* For functions of two arguments instead: */
    int (*reference_2)(mpfr_t, const mpfr_t, const mpfr_t, mpfr_rnd_t);
    double (*in_double_2)(double, double);
    void (*next)(double *x, bool is_float);
} function_case;

static size_t n_args(const function_case *c)
{
    return c->reference_2 ? 2 : 1;
}

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

/* Bases of any size, near 1, and whole; exponents of any size, such that the power is in range or near its ends, and whole. */
static void next_power(double *x, bool is_float)
{
    double smallest = is_float ? log(0x1p-149) : -744.44, largest = is_float ? log(FLT_MAX) : log(DBL_MAX);

    switch (random_bits() % 4) {
    case 0: x[0] = any_real(is_float); break;
    case 1: x[0] = 1 + uniform(-1, 1) * exp2(-uniform(0, is_float ? 23 : 52)); break;
    case 2: x[0] = exp2(floor(uniform(-20, 20)) + uniform(-1, 1) * exp2(-uniform(0, 20)) + 0.5); break;
    default: x[0] = floor(uniform(-40, 40)); break;
    }
    if (is_float) x[0] = (float)x[0];
    double log_x = log(fabs(x[0]));
    switch (random_bits() % 8) {
    case 0: x[1] = any_real(is_float); break;
    case 1: x[1] = floor(uniform(-1, 1) * exp2(uniform(0, 55))); break;
    case 2: x[1] = floor(uniform(-30, 30)) / 2; break;
    case 3: x[1] = (random_bits() % 2 ? largest : smallest) / log_x * (1 + uniform(-1, 1) * exp2(-uniform(2, 50))); break;
    case 4: x[1] = floor(uniform(smallest, largest) / log_x); break;
    default: x[1] = uniform(smallest, largest) / log_x; break;
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

static exact exact_value(const function_case *c, double x0, double x1)
{
    static mpfr_t argument, second, value, rest;
    static bool ready;
    if (!ready) {
        mpfr_init2(argument, 53);
        mpfr_init2(second, 53);
        mpfr_init2(value, BITS);
        mpfr_init2(rest, BITS);
        ready = true;
    }
    mpfr_set_d(argument, x0, MPFR_RNDN);
    mpfr_set_d(second, x1, MPFR_RNDN);
    if (c->reference_2) c->reference_2(value, argument, second, MPFR_RNDN);
    else c->reference(value, argument, MPFR_RNDN);
    exact e = {mpfr_get_d(value, MPFR_RNDN), 0};
    if (!isfinite(e.hi) || mpfr_zero_p(value)) return e;
    mpfr_sub_d(rest, value, e.hi, MPFR_RNDN);
    mpfr_mul_2si(rest, rest, -ilogb(ulp_of(e.hi, 53, -1022)), MPFR_RNDN);
    e.fraction = mpfr_get_d(rest, MPFR_RNDN);
    return e;
}

/* The error of y in units in the last place; huge where a special value is wrong. */
static double error_of(double y, exact e, bool is_special, bool is_float)
{
    double huge = 1e300, largest = is_float ? FLT_MAX : DBL_MAX;
    if (isnan(e.hi)) return isnan(y) ? 0 : huge;
    if (isnan(y)) return huge;
    if (y == 0 && e.hi == 0 && signbit(y) != signbit(e.hi)) return huge;
    if (is_special && (e.hi == 0 || isinf(e.hi))) return y == e.hi ? 0 : huge;
    double top = largest * (1 - (is_float ? FLT_EPSILON : DBL_EPSILON)); /* overflow may come one unit early or late */
    if (fabs(e.hi) > largest || isinf(y)) return fabs(e.hi) >= top && fabs(y) >= top && (y > 0) == (e.hi > 0) ? 0 : huge;
    if (is_float) return fabs(y - e.hi) / ulp_of(e.hi, FLT_MANT_DIG, FLT_MIN_EXP - 1);
    return fabs((y - e.hi) / ulp_of(e.hi, DBL_MANT_DIG, DBL_MIN_EXP - 1) - e.fraction);
}

typedef struct worst {
    double error, x[2], y;
} worst;

static double points[2][BLOCK];

static bool is_special(double value)
{
    return value == 0 || isinf(value);
}

/* The first n points through every instruction set. */
static void check_block(const function_case *c, bool is_float, size_t n, worst *worsts)
{
    static double y[BLOCK];
    static exact expected[BLOCK];
    for (size_t i = 0; i < n; i++) {
        if (!is_float || with_table || i < 64) expected[i] = exact_value(c, points[0][i], points[1][i]);
        else expected[i] = (exact){c->in_double_2 ? c->in_double_2(points[0][i], points[1][i]) : c->in_double(points[0][i]), 0};
    }
    for (int k = 0; k < n_isas; k++) {
        evaluate_at(&isas[k], is_float, c->function, y, (const double *const[]){points[0], points[1]}, n_args(c), n, 0);
        for (size_t i = 0; i < n; i++) {
            bool special = is_special(points[0][i]) || (c->reference_2 && is_special(points[1][i]));
            double error = error_of(y[i], expected[i], special, is_float);
            if (error > worsts[k].error) worsts[k] = (worst){error, {points[0][i], points[1][i]}, y[i]};
        }
    }
}

static void put(size_t i, double x0, double x1, bool is_float)
{
    points[0][i] = is_float ? (float)x0 : x0;
    points[1][i] = is_float ? (float)x1 : x1;
}

/* The special values, and all pairs of them. */
static void check_special(const function_case *c, bool is_float, worst *worsts)
{
    for (size_t k = 0; k < (n_args(c) == 2 ? N_SPECIAL : 1); k++) {
        for (size_t i = 0; i < N_SPECIAL; i++) put(i, special_arguments[i], special_arguments[k], is_float);
        check_block(c, is_float, N_SPECIAL, worsts);
    }
}

static void check_random(const function_case *c, bool is_float, worst *worsts)
{
    for (size_t left = n_points; left > 0;) {
        size_t n = left < BLOCK ? left : BLOCK;
        for (size_t i = 0; i < n; i++) {
            double next[2] = {0};
            if (c->next) c->next(next, is_float);
            else next[0] = next_argument(c, is_float);
            put(i, next[0], next[1], is_float);
        }
        check_block(c, is_float, n, worsts);
        left -= n;
    }
}

static void check_accuracy(const function_case *c, bool is_float)
{
    worst worsts[3] = {{0}};
    bool failed = false;

    random_state = 1 + (uint64_t)c->function;
    check_special(c, is_float, worsts);
    check_random(c, is_float, worsts);
    if (with_table) printf("| %s | %s |", c->name, is_float ? "float32" : "float64");
    for (int k = 0; k < n_isas; k++) {
        const worst *w = &worsts[k];
        if (with_table) printf(" %.3f |", w->error);
        if (w->error <= c->limit) continue;
        failed = true;
        fprintf(stderr, "%s %s %s: %.3f units, at most %.1f are allowed, at %a (%.9g), %a (%.9g): %a\n", c->name,
                is_float ? "f32" : "f64", isas[k].name, w->error, c->limit, w->x[0], w->x[0], w->x[1], w->x[1], w->y);
    }
    if (with_table) printf(" %.1f |\n", c->limit);
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
    {"exp", TAY_EXP, 1.5, 0, 750, LN2 / 2, mpfr_exp, exp, NULL, NULL, NULL},
    {"expm1", TAY_EXPM1, 1.5, 0, 750, LN2 / 2, mpfr_expm1, expm1, NULL, NULL, NULL},
    {"log", TAY_LOG, 1.5, 1, 100, 1, mpfr_log, log, NULL, NULL, NULL},
    {"log1p", TAY_LOG1P, 1.5, 0, 100, 0.0625, mpfr_log1p, log1p, NULL, NULL, NULL},
    {"sin", TAY_SIN, 1.5, 0, 100, PI / 4, mpfr_sin, sin, NULL, NULL, NULL},
    {"cos", TAY_COS, 1.5, 0, 100, PI / 4, mpfr_cos, cos, NULL, NULL, NULL},
    {"tan", TAY_TAN, 2.5, 0, 100, PI / 4, mpfr_tan, tan, NULL, NULL, NULL},
    {"sinh", TAY_SINH, 2.5, 0, 715, LN2 / 2, mpfr_sinh, sinh, NULL, NULL, NULL},
    {"cosh", TAY_COSH, 2.5, 0, 715, LN2 / 2, mpfr_cosh, cosh, NULL, NULL, NULL},
    {"tanh", TAY_TANH, 1.5, 0, 22, LN2 / 4, mpfr_tanh, tanh, NULL, NULL, NULL},
    {"sigmoid", TAY_SIGMOID, 1.5, 0, 750, LN2 / 2, mpfr_sigmoid, double_sigmoid, NULL, NULL, NULL},
    {"atan", TAY_ATAN, 1.5, 0, 3, 0.66, mpfr_atan, atan, NULL, NULL, NULL},
    {"pow", TAY_POW, 1.5, 0, 0, 0, NULL, NULL, mpfr_pow, pow, next_power},
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

int main(int argc, char **argv)
{
    find_isas();
    if (argc > 1) {
        n_points = (size_t)atol(argv[1]);
        with_table = true;
        printf("| function | type |");
        for (int k = 0; k < n_isas; k++) printf(" %s |", isas[k].name);
        printf(" limit |\n|---|---|");
        for (int k = 0; k < n_isas; k++) printf("---|");
        printf("---|\n");
    }
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_accuracy_f64), cmocka_unit_test(test_accuracy_f32)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
