/*
 * Compiled functions against plain C: all numbers of points, both real types, strides, parameters, time, several
 * threads; wrong arguments; failing allocations.
 */
#include <math.h>
#include <pthread.h>
#include <stdlib.h>

#include "cfunc/functions.h"
#include "support/failing_alloc.h"

enum { N_MAX = 1100 };

static void assert_near(double a, double b, double tolerance)
{
    if (!(fabs(a - b) <= tolerance)) fail_msg("%.17g is not within %g of %.17g", a, tolerance, b);
}

static const char *const rows[] = {"x y * x sin +", "p1 x * t +", "y", NULL}, *const xy[] = {"x", "y", NULL};

static void what_a_function_tells(void **unused)
{
    (void)unused;
    tay_cfunc *f = compile(rows, xy, TAY_FLOAT32);
    char *text;
    assert_true(tay_cfunc_n_fn(f) == 3 && tay_cfunc_n_vars(f) == 2 && tay_cfunc_n_pars(f) == 2);
    assert_true(tay_cfunc_has_time(f) && tay_cfunc_real(f) == TAY_FLOAT32);
    assert_ok(tay_cfunc_dump(&text, f));
    assert_true(strlen(text) > 20);
    tay_free(text);
    tay_cfunc_free(f);
    tay_cfunc_free(NULL);
    f = compile((const char *[]){"x", NULL}, xy, TAY_FLOAT64);
    assert_true(tay_cfunc_n_pars(f) == 0 && !tay_cfunc_has_time(f) && tay_cfunc_real(f) == TAY_FLOAT64);
    tay_cfunc_free(f);
}

/* Rows of memory with gaps, which must stay as they are. */
typedef struct table {
    double in[2][N_MAX], out[3][N_MAX], pars[2][N_MAX], time[N_MAX];
} table;

static void check_points(const tay_cfunc *f, table *t, size_t n, bool shared)
{
    tay_cfunc_arguments a = points(n);
    a.in_stride = a.out_stride = a.pars_stride = N_MAX;
    a.pars = shared ? (const double[]){77, 0.75} : *t->pars;
    a.time = shared ? (const double[]){-3} : t->time;
    a.shared_pars = a.shared_time = shared;
    for (size_t i = 0; i < 3 * N_MAX; i++) t->out[i / N_MAX][i % N_MAX] = 77;
    assert_ok(tay_cfunc_eval(f, t->out, t->in, &a));
    for (size_t i = 0; i < n; i++) {
        double x = t->in[0][i], y = t->in[1][i], p = shared ? 0.75 : t->pars[1][i], time = shared ? -3 : t->time[i];
        assert_near(t->out[0][i], x * y + sin(x), 8e-16);
        assert_near(t->out[1][i], p * x + time, 8e-16);
        assert_true(t->out[2][i] == y);
    }
    for (size_t row = 0; row < 3; row++) {
        for (size_t i = n; i < N_MAX; i++) assert_true(t->out[row][i] == 77);
    }
}

static table *make_table(void)
{
    table *t = malloc(sizeof *t);
    for (size_t i = 0; i < N_MAX; i++) {
        t->in[0][i] = sin((double)i);
        t->in[1][i] = cos(3 * (double)i);
        t->pars[0][i] = 77;
        t->pars[1][i] = sin(2 * (double)i);
        t->time[i] = cos(7 * (double)i);
    }
    return t;
}

/* Around all the widths of blocks that there may be. */
static void any_number_of_points(void **unused)
{
    (void)unused;
    table *t = make_table();
    tay_cfunc *f = compile(rows, xy, TAY_FLOAT64);
    for (size_t n = 0; n < 70; n++) {
        check_points(f, t, n, false);
        check_points(f, t, n, true);
    }
    for (size_t n = 120; n < N_MAX; n += n % 16 == 1 ? 15 : 1) check_points(f, t, n, n % 2);
    tay_cfunc_free(f);
    free(t);
}

static void single_precision(void **unused)
{
    (void)unused;
    float in[2][300], out[3][300], pars[2] = {77, 0.75f}, time[300];
    tay_cfunc *f = compile(rows, xy, TAY_FLOAT32);
    for (size_t i = 0; i < 300; i++) {
        in[0][i] = sinf((float)i);
        in[1][i] = cosf(3 * (float)i);
        time[i] = (float)i / 300;
    }
    for (size_t n = 1; n <= 300; n += n < 40 ? 1 : 13) {
        tay_cfunc_arguments a = points(n);
        a.in_stride = a.out_stride = 300;
        a.pars = pars;
        a.time = time;
        a.shared_pars = true;
        assert_ok(tay_cfunc_eval(f, out, in, &a));
        for (size_t i = 0; i < n; i++) {
            assert_near(out[0][i], in[0][i] * in[1][i] + sinf(in[0][i]), 3e-7);
            assert_near(out[1][i], 0.75f * in[0][i] + time[i], 3e-7);
            assert_true(out[2][i] == in[1][i]);
        }
    }
    tay_cfunc_free(f);
}

/* Outputs that are numbers, parameters, time, variables, the same expression twice; no variables at all. */
static void outputs_without_work(void **unused)
{
    (void)unused;
    double in[40] = {2, 3}, out[4][40], pars[40] = {5, 6}, time[40] = {7, 8};
    for (size_t n = 1; n <= 40; n += 13) {
        tay_cfunc *f = compile((const char *[]){"1.5", "p0", "t", "x", NULL}, (const char *[]){"x", NULL}, TAY_FLOAT64);
        tay_cfunc_arguments a = points(n);
        a.out_stride = 40;
        a.pars = pars;
        a.time = time;
        assert_ok(tay_cfunc_eval(f, out, in, &a));
        for (size_t i = 0; i < n; i++) {
            assert_true(out[0][i] == 1.5 && out[1][i] == pars[i] && out[2][i] == time[i] && out[3][i] == in[i]);
        }
        tay_cfunc_free(f);

        f = compile((const char *[]){"p0 p0 *", "p0 p0 *", "-2", NULL}, (const char *[]){NULL}, TAY_FLOAT64);
        assert_ok(tay_cfunc_eval(f, out, NULL, &a));
        for (size_t i = 0; i < n; i++) {
            assert_true(out[0][i] == pars[i] * pars[i] && out[1][i] == out[0][i] && out[2][i] == -2);
        }
        tay_cfunc_free(f);
    }
}

/* Points that are not finite stay among themselves. */
static void values_that_are_not_finite(void **unused)
{
    (void)unused;
    tay_cfunc *f = compile((const char *[]){"1 x /", "x log", NULL}, (const char *[]){"x", NULL}, TAY_FLOAT64);
    double in[] = {0, 1, -1, INFINITY, NAN, 2}, out[2][6];
    tay_cfunc_arguments a = points(6);
    assert_ok(tay_cfunc_eval(f, out, in, &a));
    assert_true(out[0][0] == INFINITY && out[0][1] == 1 && out[0][2] == -1 && out[0][3] == 0 && isnan(out[0][4]));
    assert_true(out[1][0] == -INFINITY && out[1][1] == 0 && isnan(out[1][2]) && out[1][3] == INFINITY);
    assert_near(out[1][5], log(2), 2e-16);
    tay_cfunc_free(f);
}

/* sum_i (i + 1) x sin(y): a function with more values than fit a wide block. */
static void large_function(void **unused)
{
    (void)unused;
    enum { TERMS = 3000 };
    tay_expr *terms[TERMS], *sum, *x = rpn("x"), *y = rpn("y");
    for (size_t i = 0; i < TERMS; i++) {
        tay_expr *c, *cy, *s;
        assert_ok(tay_expr_number(&c, (double)(i + 1) / TERMS));
        assert_ok(tay_expr_mul(&cy, c, y));
        assert_ok(tay_expr_function(&s, TAY_SIN, (const tay_expr *const *)&cy, 1));
        assert_ok(tay_expr_mul(&terms[i], s, x));
        tay_expr_unref(c), tay_expr_unref(cy), tay_expr_unref(s);
    }
    assert_ok(tay_expr_sum(&sum, (const tay_expr *const *)terms, TERMS));
    const tay_expr *const vars[] = {x, y};
    tay_cfunc *f;
    assert_ok(tay_cfunc_create(&f, (const tay_expr *const *)&sum, 1, vars, 2, NULL));
    double in[100], out[50];
    for (size_t n = 1; n <= 50; n += 7) {
        for (size_t i = 0; i < 2 * n; i++) in[i] = cos((double)i);
        tay_cfunc_arguments a = points(n);
        assert_ok(tay_cfunc_eval(f, out, in, &a));
        for (size_t i = 0; i < n; i++) {
            double expected = 0;
            for (size_t k = 0; k < TERMS; k++) expected += in[i] * sin((double)(k + 1) / TERMS * in[n + i]);
            assert_near(out[i], expected, 1e-11);
        }
    }
    tay_cfunc_free(f);
    for (size_t i = 0; i < TERMS; i++) tay_expr_unref(terms[i]);
    tay_expr_unref(sum), tay_expr_unref(x), tay_expr_unref(y);
}

static void *evaluate_often(void *context)
{
    table *t = make_table();
    tay_cfunc_arguments a = points(0);
    size_t wrong = 0;
    a.in_stride = a.out_stride = a.pars_stride = N_MAX;
    a.pars = t->pars;
    a.time = t->time;
    for (size_t k = 0; k < 300; k++) {
        a.n_points = 1 + k * 37 % (N_MAX - 1);
        if (tay_cfunc_eval(context, t->out, t->in, &a) != TAY_OK) wrong++;
        for (size_t i = 0; i < a.n_points; i++) {
            wrong += fabs(t->out[0][i] - (t->in[0][i] * t->in[1][i] + sin(t->in[0][i]))) > 8e-16;
            wrong += fabs(t->out[1][i] - (t->pars[1][i] * t->in[0][i] + t->time[i])) > 8e-16;
        }
    }
    free(t);
    return (void *)wrong;
}

static void several_threads(void **unused)
{
    (void)unused;
    enum { THREADS = 4 };
    pthread_t threads[THREADS];
    tay_cfunc *f = compile(rows, xy, TAY_FLOAT64);
    for (int i = 0; i < THREADS; i++) assert_int_equal(pthread_create(&threads[i], NULL, evaluate_often, f), 0);
    for (int i = 0; i < THREADS; i++) {
        void *wrong;
        assert_int_equal(pthread_join(threads[i], &wrong), 0);
        assert_null(wrong);
    }
    tay_cfunc_free(f);
}

static void wrong_functions(void **unused)
{
    (void)unused;
    static const struct {
        const char *fn[MAX_ROWS], *vars[MAX_ROWS], *message;
    } cases[] = {
        {{NULL}, {"x"}, "n_fn"},
        {{"x y +"}, {"x"}, "'y'"},
        {{"x"}, {"x", "x"}, "'x'"},
        {{"x"}, {"x", "p0"}, "vars[1]"},
        {{"x"}, {"x 1 +"}, "vars[0]"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        tay_cfunc *f = (tay_cfunc *)&i;
        assert_error(try_compile(&f, cases[i].fn, cases[i].vars, NULL), TAY_ERROR_ARGUMENT, cases[i].message);
        assert_ptr_equal(f, &i);
    }
    tay_cfunc *f;
    tay_cfunc_options options = {0};
    assert_error(try_compile(&f, rows, xy, &options), TAY_ERROR_ARGUMENT, "options->size");
    options = (tay_cfunc_options){.size = sizeof options, .real = (tay_real)7};
    assert_error(try_compile(&f, rows, xy, &options), TAY_ERROR_ARGUMENT, "options->real");
    const tay_expr *const none[] = {NULL};
    assert_error(tay_cfunc_create(&f, none, 1, NULL, 0, NULL), TAY_ERROR_ARGUMENT, "fn[0]");
    tay_expr *x = rpn("x");
    assert_error(tay_cfunc_create(&f, (const tay_expr *const *)&x, 1, NULL, 1, NULL), TAY_ERROR_ARGUMENT, "vars[0]");
    tay_expr_unref(x);
}

static void wrong_calls(void **unused)
{
    (void)unused;
    double memory[100] = {0}, out[30] = {77}, *in = memory;
    tay_cfunc *f = compile(rows, xy, TAY_FLOAT64);
    tay_cfunc_arguments good = points(10), a;
    good.pars = memory + 40;
    good.time = memory + 80;
    assert_ok(tay_cfunc_eval(f, out, in, &good));
    out[0] = 77;

    assert_error(tay_cfunc_eval(f, out, in, NULL), TAY_ERROR_ARGUMENT, "arguments");
    a = good, a.size = 3;
    assert_error(tay_cfunc_eval(f, out, in, &a), TAY_ERROR_ARGUMENT, "arguments->size");
    assert_error(tay_cfunc_eval(f, NULL, in, &good), TAY_ERROR_ARGUMENT, "out");
    assert_error(tay_cfunc_eval(f, out, NULL, &good), TAY_ERROR_ARGUMENT, "in:");
    a = good, a.pars = NULL;
    assert_error(tay_cfunc_eval(f, out, in, &a), TAY_ERROR_ARGUMENT, "pars");
    a = good, a.time = NULL;
    assert_error(tay_cfunc_eval(f, out, in, &a), TAY_ERROR_ARGUMENT, "time");
    a = good, a.in_stride = 9;
    assert_error(tay_cfunc_eval(f, out, in, &a), TAY_ERROR_ARGUMENT, "in_stride");
    a = good, a.out_stride = 9;
    assert_error(tay_cfunc_eval(f, out, in, &a), TAY_ERROR_ARGUMENT, "out_stride");
    a = good, a.pars_stride = 9;
    assert_error(tay_cfunc_eval(f, out, in, &a), TAY_ERROR_ARGUMENT, "pars_stride");
    a = good, a.in_stride = SIZE_MAX / 8;
    assert_error(tay_cfunc_eval(f, out, in, &a), TAY_ERROR_LIMIT, "overflow");
    assert_true(out[0] == 77);
    tay_cfunc_free(f);
}

/* out is 3 x 10; each input may end where it begins, and begin where it ends. */
static void overlapping_memory(void **unused)
{
    (void)unused;
    double memory[200] = {0}, *out = memory + 100;
    tay_cfunc *f = compile(rows, xy, TAY_FLOAT64);
    tay_cfunc_arguments good = points(10), a;
    good.pars = memory + 20;
    good.time = memory + 40;
    assert_ok(tay_cfunc_eval(f, out, out - 20, &good));
    assert_ok(tay_cfunc_eval(f, out, out + 30, &good));
    assert_error(tay_cfunc_eval(f, out, out, &good), TAY_ERROR_ARGUMENT, "overlaps in");
    assert_error(tay_cfunc_eval(f, out, out - 19, &good), TAY_ERROR_ARGUMENT, "overlaps in");
    assert_error(tay_cfunc_eval(f, out, out + 29, &good), TAY_ERROR_ARGUMENT, "overlaps in");
    a = good, a.pars = out - 20;
    assert_ok(tay_cfunc_eval(f, out, memory, &a));
    a.pars = out - 19;
    assert_error(tay_cfunc_eval(f, out, memory, &a), TAY_ERROR_ARGUMENT, "overlaps pars");
    a.pars = out - 2, a.shared_pars = true;
    assert_ok(tay_cfunc_eval(f, out, memory, &a));
    a.pars = out - 1;
    assert_error(tay_cfunc_eval(f, out, memory, &a), TAY_ERROR_ARGUMENT, "overlaps pars");
    a = good, a.time = out - 10;
    assert_ok(tay_cfunc_eval(f, out, memory, &a));
    a.time = out - 9;
    assert_error(tay_cfunc_eval(f, out, memory, &a), TAY_ERROR_ARGUMENT, "overlaps time");
    a.time = out - 1, a.shared_time = true;
    assert_ok(tay_cfunc_eval(f, out, memory, &a));
    tay_cfunc_free(f);
}

/* Creation and calls with all the widths of blocks, each of which allocates at its first use. */
static tay_status whole_life(void *context)
{
    (void)context;
    double in[2][300] = {{0}}, out[3][300], pars[2] = {0}, time[1] = {0};
    tay_cfunc *f = NULL;
    tay_status status = try_compile(&f, rows, xy, NULL);
    static const size_t numbers[] = {1, 3, 300, 1, 3, 300};
    for (size_t i = 0; i < 6 && status == TAY_OK; i++) {
        tay_cfunc_arguments a = points(numbers[i]);
        a.pars = pars;
        a.time = time;
        a.shared_pars = a.shared_time = true;
        status = tay_cfunc_eval(f, out, in, &a);
    }
    tay_cfunc_free(f);
    return status;
}

static void memory_that_cannot_be_had(void **unused)
{
    (void)unused;
    fail_each_allocation(whole_life, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_a_function_tells),      cmocka_unit_test(any_number_of_points),
        cmocka_unit_test(single_precision),           cmocka_unit_test(outputs_without_work),
        cmocka_unit_test(values_that_are_not_finite), cmocka_unit_test(large_function),
        cmocka_unit_test(several_threads),            cmocka_unit_test(wrong_functions),
        cmocka_unit_test(wrong_calls),                cmocka_unit_test(overlapping_memory),
        cmocka_unit_test(memory_that_cannot_be_had),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
