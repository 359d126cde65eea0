/*
 * Compiled functions in the vm and as machine code: the same numbers to rounding, for all primitives and numbers of points; when
 * code is made; what none is made for.
 */
#include <math.h>
#include <stdlib.h>

#include "cfunc/functions.h"
#include "tayra/model.h"

enum { POINTS = 300, MOST_VARS = 3, MOST_FN = 4, MOST_PARS = 2 };

/* Numbers of points around the sizes of blocks. */
static const size_t numbers[] = {1, 2, 7, 8, 9, 15, 16, 17, 31, 33, 64, 65, POINTS};

static const char *const xyz[] = {"x", "y", "z", NULL};

static tay_cfunc *compile_for(const char *const *fn, tay_real real, tay_execution execution)
{
    tay_cfunc *f;
    tay_cfunc_options options = {.size = sizeof options, .real = real, .execution = execution};
    assert_ok(try_compile(&f, fn, xyz, &options));
    return f;
}

/* A library without LLVM, or a processor without AVX2, has the vm alone. */
static bool has_jit(void)
{
    tay_cfunc *f = compile_for((const char *[]){"x", NULL}, TAY_FLOAT64, TAY_EXECUTION_JIT);
    bool has = tay_cfunc_execution(f) == TAY_EXECUTION_JIT;
    tay_cfunc_free(f);
    return has;
}

/* Numbers of float or double. */
typedef union table {
    double f64[4 * POINTS];
    float f32[4 * POINTS];
} table;

static void set(table *t, tay_real real, size_t i, double x)
{
    if (real == TAY_FLOAT64) t->f64[i] = x;
    else t->f32[i] = (float)x;
}

static double get(const table *t, tay_real real, size_t i)
{
    return real == TAY_FLOAT64 ? t->f64[i] : (double)t->f32[i];
}

static void evaluate(table *out, const tay_cfunc *f, const table *in, const table *pars, const table *time, size_t n, bool shared)
{
    tay_cfunc_arguments a = points(n);
    a.in_stride = a.out_stride = a.pars_stride = POINTS;
    a.pars = pars;
    a.time = time;
    a.shared_pars = a.shared_time = shared;
    for (size_t i = 0; i < 4 * POINTS; i++) set(out, tay_cfunc_real(f), i, 77);
    assert_ok(tay_cfunc_eval(f, out, in, &a));
}

/* The two functions agree; what lies behind the points stays as it is. */
static void check_agreement(const tay_cfunc *vm, const tay_cfunc *jit)
{
    tay_real real = tay_cfunc_real(vm);
    double tolerance = real == TAY_FLOAT64 ? 2e-14 : 1e-5;
    table in, pars, time, wanted, got;

    for (size_t i = 0; i < 4 * POINTS; i++) {
        set(&in, real, i, 1.2 * sin(1.7 * (double)i));
        set(&pars, real, i, cos(0.3 * (double)i));
        set(&time, real, i, 0.1 + sin(0.01 * (double)i));
    }
    for (size_t k = 0; k < 2 * sizeof numbers / sizeof *numbers; k++) {
        size_t n = numbers[k / 2];
        evaluate(&wanted, vm, &in, &pars, &time, n, k % 2);
        evaluate(&got, jit, &in, &pars, &time, n, k % 2);
        for (size_t i = 0; i < 4 * POINTS; i++) {
            double a = get(&got, real, i), b = get(&wanted, real, i);
            if (isnan(a) && isnan(b)) continue;
            if (!(fabs(a - b) <= tolerance * (1 + fabs(b))) && !(isinf(a) && a == b))
                fail_msg("point %zu of %zu, row %zu: %.17g, in the vm %.17g", i % POINTS, n, i / POINTS, a, b);
        }
    }
}

static void every_primitive(void **unused)
{
    static const char *const functions[][MOST_FN + 1] = {
        {"x y + z -", "x neg", "x y * z + 2.5 *", "x 3 * y -0.5 * + 7 +"},
        {"x y *", "x x * y y * + z z * +", "x y * 3 * y z * -", "x x * 2 * y y * -"},
        {"x y /", "1 z /", "x y z * /", "x 2 / y / 1 +"},
        {"x 2 **", "y sqrt", "x -1 ** y -2 ** +", "z -1.5 ** x 1.5 ** -"},
        {"x 3 **", "x 0.3 **", "x y **", "z -0.5 **"},
        {"x exp y expm1 +", "x log y log1p +", "x sin y cos * z tan +", "x sinh y cosh - z tanh *"},
        {"x sigmoid", "y 0.1 relu", "z 0.1 relup", "x y lt y z select"},
        {"x asin y acos +", "z atan", "x y atan2", "x asinh y acosh + z atanh +"},
        {"x erf", "y erfc", "x y lte x z gte logical_and:2", "x y gt y z gt z x gt logical_or:3"},
        {"x y eq x y neq +", "1.5", "x", "y"},
        {"p0 x * p1 +", "t x * p0 p1 * +", "p0", "t sin"},
    };

    (void)unused;
    for (size_t i = 0; i < sizeof functions / sizeof *functions; i++) {
        for (int real = TAY_FLOAT64; real <= TAY_FLOAT32; real++) {
            tay_cfunc *vm = compile_for(functions[i], (tay_real)real, TAY_EXECUTION_VM);
            tay_cfunc *jit = compile_for(functions[i], (tay_real)real, TAY_EXECUTION_JIT);
            assert_int_equal(tay_cfunc_execution(vm), TAY_EXECUTION_VM);
            assert_true(tay_cfunc_execution(jit) == TAY_EXECUTION_JIT || !has_jit());
            check_agreement(vm, jit);
            tay_cfunc_free(vm);
            tay_cfunc_free(jit);
        }
    }
}

static tay_status apply(tay_expr **out, const tay_expr *x, void *context)
{
    return tay_expr_function(out, *(const tay_function *)context, &x, 1);
}

/* A network 3-33-18-4 with numbers for weights, or two with 2 outputs each, whose layers go together. */
static tay_cfunc *network(int n_networks, tay_function function, tay_real real, tay_execution execution)
{
    enum { MOST_WEIGHTS = 33 * 3 + 18 * 33 + 4 * 18 + 33 + 18 + 4 };
    tay_expr *vars[3], *out[MOST_FN], *weights[MOST_WEIGHTS];
    tay_model_activation activation = {apply, &function};
    uint32_t n_out = MOST_FN / (uint32_t)n_networks;
    size_t n_weights = MOST_WEIGHTS - (MOST_FN - n_out) * 19;
    tay_cfunc *f;

    for (size_t i = 0; i < 3; i++) vars[i] = rpn(xyz[i]);
    for (int k = 0; k < n_networks; k++) {
        tay_model_ffnn_options options = {.size = sizeof options,
                                          .inputs = (const tay_expr *const *)vars,
                                          .n_inputs = 3,
                                          .hidden = (const uint32_t[]){33, 18},
                                          .n_hidden = 2,
                                          .n_out = n_out,
                                          .activations = (const tay_model_activation[]){activation, activation, activation},
                                          .n_activations = 3,
                                          .weights = (const tay_expr *const *)weights,
                                          .n_weights = n_weights};
        for (size_t i = 0; i < n_weights; i++) assert_ok(tay_expr_number(&weights[i], 0.3 * sin(1 + k + 2.3 * (double)i)));
        assert_ok(tay_model_ffnn(out + (uint32_t)k * n_out, &options));
        for (size_t i = 0; i < n_weights; i++) tay_expr_unref(weights[i]);
    }
    assert_ok(tay_cfunc_create(&f, (const tay_expr *const *)out, MOST_FN, (const tay_expr *const *)vars, 3,
                               &(tay_cfunc_options){.size = sizeof(tay_cfunc_options), .real = real, .execution = execution}));
    for (size_t i = 0; i < 3; i++) tay_expr_unref(vars[i]);
    for (size_t i = 0; i < MOST_FN; i++) tay_expr_unref(out[i]);
    return f;
}

/* Layers whose neurons are no whole tiles or pairs; functions in pairs, alone, and from the table. */
static void networks(void **unused)
{
    static const tay_function functions[] = {TAY_TANH, TAY_SIGMOID, TAY_SIN, TAY_EXPM1, TAY_ATAN};

    (void)unused;
    for (size_t i = 0; i <= sizeof functions / sizeof *functions; i++) {
        int n_networks = i == sizeof functions / sizeof *functions ? 2 : 1;
        tay_function function = functions[n_networks > 1 ? 0 : i];
        for (int real = TAY_FLOAT64; real <= TAY_FLOAT32; real++) {
            tay_cfunc *vm = network(n_networks, function, (tay_real)real, TAY_EXECUTION_VM);
            tay_cfunc *jit = network(n_networks, function, (tay_real)real, TAY_EXECUTION_JIT);
            assert_true(tay_cfunc_execution(jit) == TAY_EXECUTION_JIT || !has_jit());
            check_agreement(vm, jit);
            tay_cfunc_free(vm);
            tay_cfunc_free(jit);
        }
    }
}

/* Left to the library: the vm evaluates the first points, code the later ones; a call of very many points does not wait. */
static void code_is_made_when_it_pays(void **unused)
{
    enum { MANY = 100 * 1000 };
    static const char *const fn[] = {"x sin y * z +", NULL};
    double *in = calloc(4 * MANY, sizeof *in);
    tay_cfunc_arguments a = points(MANY);

    (void)unused;
    if (!has_jit() || getenv("TAYRA_EXEC")) skip();
    a.n_threads = 1;
    tay_cfunc *f = compile_for(fn, TAY_FLOAT64, TAY_EXECUTION_DEFAULT), *vm = compile_for(fn, TAY_FLOAT64, TAY_EXECUTION_VM);
    for (int k = 0; k < 5; k++) {
        assert_ok(tay_cfunc_eval(f, in + 3 * MANY, in, &a));
        assert_int_equal(tay_cfunc_execution(f), TAY_EXECUTION_VM);
    }
    for (int k = 0; k < 100; k++) {
        assert_ok(tay_cfunc_eval(f, in + 3 * MANY, in, &a));
        assert_ok(tay_cfunc_eval(vm, in + 3 * MANY, in, &a));
    }
    assert_int_equal(tay_cfunc_execution(f), TAY_EXECUTION_JIT);
    assert_int_equal(tay_cfunc_execution(vm), TAY_EXECUTION_VM);
    tay_cfunc_free(f);
    tay_cfunc_free(vm);
    free(in);
}

/* More arguments than the sites take: such a function stays in the vm. */
static void what_no_code_is_made_for(void **unused)
{
    static const char *const fn[] = {"x y z x y z x y z x y z x y z x y z logical_or:18", NULL};
    tay_cfunc *f = compile_for(fn, TAY_FLOAT64, TAY_EXECUTION_JIT);

    (void)unused;
    assert_int_equal(tay_cfunc_execution(f), TAY_EXECUTION_VM);
    tay_cfunc_free(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_primitive),
        cmocka_unit_test(networks),
        cmocka_unit_test(code_is_made_when_it_pays),
        cmocka_unit_test(what_no_code_is_made_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
