/*
 * Real programs through exec: jets and values against the plain interpreter, blocks of columns against the whole stage, lanes
 * against one lane, parameters, time, the helpers of a step, memory.
 */
#include <stdio.h>
#include <stdlib.h>

#include "equations.h"
#include "exec/bound.h"
#include "exec/jit.h"
#include "program/interpret.h"
#include "support/failing_alloc.h"
#include "tayra/model.h"

enum { ORDER = 14, N_PARS = 3 };
/* Of jets so large that code goes by pairs of orders: one more and one less than a number of pairs. */
enum { HIGH_ORDER = 160 };
enum { MOST_BODIES = 18 };

static const char *const isas[] = {"baseline", "avx2", "avx512"};

static const double pars[N_PARS] = {0.7, -0.3, 0.11};
static const double time0 = 0.625;

static void put(const tay__exec *exec, tay__workspace *w, tay_real real, size_t i, double x)
{
    (void)exec;
    if (real == TAY_FLOAT64)
        ((double *)w->jet)[i] = x;
    else
        ((float *)w->jet)[i] = (float)x;
}

static double get(const tay__workspace *w, tay_real real, size_t i)
{
    return real == TAY_FLOAT64 ? ((double *)w->jet)[i] : (double)((float *)w->jet)[i];
}

/* Bodies, of which there are more than those states, are far from each other. */
static double state_of(uint32_t i)
{
    return states[i % MAX_STATES] + 0.25 * (i / MAX_STATES * MAX_STATES);
}

/* Lane l starts a little beside lane 0. */
static double start_of(double x, uint32_t l)
{
    return x * (1 + 0x1p-8 * l);
}

static void start(const tay__exec *exec, tay__workspace *w, tay_real real, uint32_t lanes)
{
    const tay__program *p = tay__exec_program(exec);

    for (uint32_t l = 0; l < lanes; l++) {
        for (uint32_t i = 0; i < p->n_inputs; i++) put(exec, w, real, i * (size_t)lanes + l, start_of(state_of(i), l));
        for (uint32_t i = 0; p->par_slot >= 0 && i < p->n_pars; i++)
            put(exec, w, real, ((size_t)p->par_slot + i) * lanes + l, start_of(pars[i], l));
        if (p->time_slot >= 0) put(exec, w, real, (size_t)p->time_slot * lanes + l, start_of(time0, l));
    }
    if (p->jets) {
        float single[N_PARS] = {(float)pars[0], (float)pars[1], (float)pars[2]};
        tay__exec_set_parameters(exec, w, real == TAY_FLOAT64 ? (const void *)pars : single);
    }
}

/* The interpreter's jets of lane l. */
static interpreter expected(const tay__program *p, uint32_t order, uint32_t l)
{
    interpreter in = {.p = p, .order = order, .coefficients = coefficients_of(p, pars)};

    in.jet = calloc((size_t)p->n_slots * (order + 1), sizeof *in.jet);
    for (uint32_t i = 0; i < p->n_inputs; i++) in.jet[i] = start_of(state_of(i), l);
    for (uint32_t i = 0; p->par_slot >= 0 && i < p->n_pars; i++) in.jet[(size_t)p->par_slot + i] = start_of(pars[i], l);
    if (p->time_slot >= 0) in.jet[p->time_slot] = start_of(time0, l);
    interpret(&in);
    return in;
}

/* Errors grow with the order n. */
static void check_value(double got, long double wanted, tay_real real, long double scale, uint32_t n)
{
    double tolerance = (real == TAY_FLOAT64 ? 2e-13 : 2e-4) * (1 + n / ORDER);

    if (!(fabsl(got - wanted) <= tolerance * (fabsl(wanted) + scale))) fail_msg("got %.17g, expected %.17Lg", got, wanted);
}

/* The results of all lanes. */
static void check_lanes(const tay__exec *exec, tay__workspace *w, tay_real real, uint32_t lanes)
{
    const tay__program *p = tay__exec_program(exec);
    uint32_t order = tay__exec_order(exec);
    bool jets = p->jets;

    for (int again = 0; again < 2; again++) { /* what a run leaves behind must not matter */
        start(exec, w, real, lanes);
        tay__exec_run(exec, w);
    }
    for (uint32_t l = 0; l < lanes; l += 15) {
        interpreter in = expected(p, order, l);
        for (uint32_t i = 0; i < p->n_outputs; i++)
            for (uint32_t n = 0; n <= order; n++) {
                uint32_t slot = jets ? i : p->outputs[i];
                long double scale = 1;
                for (uint32_t k = 0; jets && k < p->n_inputs; k++) scale = fmaxl(scale, fabsl(*at(&in, n, (int32_t)k)));
                check_value(get(w, real, n * w->plane + (size_t)slot * lanes + l), *at(&in, n, (int32_t)slot), real, scale, n);
            }
        free(in.jet);
        free((void *)in.coefficients);
    }
}

/* Code that is unrolled, as that of small systems is, is exchanged for code with loops over the orders. */
static bool uses_loops(tay__exec *exec)
{
    tay__code_function *function;

    if (!exec->code[1]) return false;
    assert_ok(tay__code_create(&exec->code[0], &function, exec, 1000, false));
    atomic_store(&exec->run, function);
    return true;
}

static void check_run(const equations *e, tay_real real, uint32_t lanes, uint32_t order)
{
    tay__program *p = make_program(e, order > 0, false);
    tay__exec *exec;
    tay__workspace *w;

    assert_ok(tay__exec_create(&exec, p, real, order, lanes));
    tay__exec_choose(exec, TAY_EXECUTION_DEFAULT);
    assert_ok(tay__workspace_create(&w, exec));
    check_lanes(exec, w, real, lanes);
    if (uses_loops(exec)) check_lanes(exec, w, real, lanes);
    tay__workspace_free(w);
    tay__exec_free(exec);
}

/* Products, and sums of them, that go in pairs in unrolled code; in the second one the factor they share changes its place. */
static const equations with_pairs[] = {
    {{"x1 x0 - 10 *", "x0 p0 x2 - * x1 -", "x0 x1 * p1 x2 * -"}},
    {{"x2 x0 + x1 * x2 -", "x0 x1 * x0 -", "x0 x1 -"}},
    {{"x0 x1 * 2 * x2 -", "x0 x2 * 2 * x1 -", "x1 x2 -"}}, /* not as they are */
    {{"x0 x1 * x2 -", "x0 x2 * x1 -", "x0 x1 * x0 x2 * +"}}, /* read elsewhere */
    {{"x0 x1 * x1 x2 * + x2 -", "x0 x2 * x2 p0 * + x1 -", "x1 x2 -"}},
    {{"x0 x1 * x1 x2 * + x2 - x0 -", "x0 x2 * x2 x2 * + x1 - p1 x0 * -", "x1 x2 -"}},
};

static void test_pairs(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof with_pairs / sizeof *with_pairs; i++) {
        check_run(&with_pairs[i], TAY_FLOAT64, 1, ORDER);
        check_run(&with_pairs[i], TAY_FLOAT64, 1, 20); /* more than 8: 1/n is rounded */
        check_run(&with_pairs[i], TAY_FLOAT32, 1, 6);
    }
}

static void check_all(bool jets)
{
    for (size_t isa = 0; isa < sizeof isas / sizeof *isas; isa++) {
        setenv("TAYRA_ISA", isas[isa], 1);
        for (size_t i = 0; i < N_SYSTEMS; i++) {
            for (int real = TAY_FLOAT64; real <= TAY_FLOAT32; real++) {
                uint32_t order = !jets ? 0 : real == TAY_FLOAT64 ? ORDER : 6;
                check_run(&systems[i], (tay_real)real, 1, order);
                check_run(&systems[i], (tay_real)real, 32, order);
            }
            if (jets) check_run(&systems[i], TAY_FLOAT64, 1, HIGH_ORDER);
            if (jets) check_run(&systems[i], TAY_FLOAT64, 1, HIGH_ORDER + 1);
        }
    }
    unsetenv("TAYRA_ISA");
}

static void test_jets(void **state)
{
    (void)state;
    check_all(true);
}

/* n bodies with different masses, those behind the first n_masses without. */
static tay__program *bodies(uint32_t n, uint32_t n_masses)
{
    tay_expr *masses[MOST_BODIES], *vars[6 * MOST_BODIES], *rhs[6 * MOST_BODIES];
    tay_model_nbody_options options = {.size = sizeof options, .n = n, .masses = (const tay_expr *const *)masses,
                                       .n_masses = n_masses};
    tay__program *program;

    for (uint32_t i = 0; i < n_masses; i++) assert_ok(tay_expr_number(&masses[i], 2 + 0.125 * i));
    assert_ok(tay_model_nbody(vars, rhs, &options));
    assert_ok(tay__program_create(&program, &(tay__program_spec){.inputs = (const tay_expr *const *)vars, .n_inputs = 6 * n,
                                                                 .outputs = (const tay_expr *const *)rhs, .n_outputs = 6 * n,
                                                                 .jets = true}));
    assert_ok(tay__program_verify(program));
    for (uint32_t i = 0; i < 6 * n; i++) {
        tay_expr_unref(vars[i]);
        tay_expr_unref(rhs[i]);
    }
    for (uint32_t i = 0; i < n_masses; i++) tay_expr_unref(masses[i]);
    return program;
}

/* Differences of positions and sums of accelerations go by pieces, whether these fill the vectors or not. */
static void test_bodies(void **state)
{
    static const uint32_t cases[][2] = {{16, 16}, {17, 17}, {18, 18}, {18, 5}};
    (void)state;
    for (size_t i = 0; i < sizeof isas / sizeof *isas * 4; i++) {
        uint32_t n = cases[i % 4][0], n_masses = cases[i % 4][1], n_pieces = 0;
        tay__exec *exec;
        tay__workspace *w;
        setenv("TAYRA_ISA", isas[i / 4], 1);
        assert_ok(tay__exec_create(&exec, bodies(n, n_masses), TAY_FLOAT64, ORDER, 1));
        for (size_t k = 0; k < exec->operations.count; k++)
            n_pieces += ((const tay__operation *)exec->operations.data)[k].group->piece > 0;
        if (n == n_masses && exec->kernels->width <= 4) assert_int_equal(n_pieces, 2);
        tay__exec_choose(exec, TAY_EXECUTION_DEFAULT);
        assert_ok(tay__workspace_create(&w, exec));
        check_lanes(exec, w, TAY_FLOAT64, 1);
        tay__workspace_free(w);
        tay__exec_free(exec);
    }
    unsetenv("TAYRA_ISA");
}

static void test_values(void **state)
{
    (void)state;
    check_all(false);
}

/* phi' = J(x) phi + g, x' = f(x), in 2 x COLUMNS columns; with all kinds of g, each in as many of them: none, products, a
 * function's values, the same with a factor and a constant, constants. */
enum { KINDS = 5, COLUMNS = 30 * KINDS, N_MATRIX = 2 + 2 * COLUMNS };

static tay__program *matrix_equation(void)
{
    static const char *const f[] = {"v0 v1 * sin", "v1 v0 tanh +"};
    static const char *const rows[2][KINDS] = {
        {"v0 cos v%d * v1 sin v%d * +", "v0 cos v%d * v1 sin v%d * + v0 v1 %d.5 / sin * +", "v0 cos v%d * v1 sin v%d * +",
         "v0 cos v%d * v1 sin v%d * + v0 %d.5 / cos 3 * + 0.25 +", "v0 cos v%d * v1 sin v%d * +"},
        {"v1 tanh v%d * v0 tanh v%d * +", "v1 tanh v%d * v0 tanh v%d * + v1 cos v1 %d.5 / sin * +",
         "v1 tanh v%d * v0 tanh v%d * + v0 %d.5 / sin +", "v1 tanh v%d * v0 tanh v%d * + v0 %d.5 / sin 2 * + 0.5 +",
         "v1 tanh v%d * v0 tanh v%d * + %d.5 +"}};
    tay_expr *vars[N_MATRIX], *rhs[N_MATRIX];
    tay__program *p;
    char text[96];

    for (int i = 0; i < N_MATRIX; i++) {
        snprintf(text, sizeof text, "v%d", i);
        vars[i] = rpn(text);
        int column = (i - 2) % COLUMNS;
        const char *row = i < 2 ? NULL : rows[(i - 2) / COLUMNS][column / (COLUMNS / KINDS)];
        if (row) snprintf(text, sizeof text, row, 2 + column, 2 + COLUMNS + column, column);
        rhs[i] = rpn(i < 2 ? f[i] : text);
    }
    assert_ok(tay__program_create(&p, &(tay__program_spec){.inputs = (const tay_expr *const *)vars, .n_inputs = N_MATRIX,
                                                           .outputs = (const tay_expr *const *)rhs, .n_outputs = N_MATRIX,
                                                           .jets = true}));
    for (int i = 0; i < N_MATRIX; i++) {
        tay_expr_unref(vars[i]);
        tay_expr_unref(rhs[i]);
    }
    return p;
}

static void run_matrix(tay__exec **exec, tay__workspace **w, tay__program *p, uint32_t lanes)
{
    assert_ok(tay__exec_create(exec, p, TAY_FLOAT64, ORDER, lanes));
    assert_ok(tay__workspace_create(w, *exec));
    for (size_t i = 0; i < N_MATRIX; i++)
        for (uint32_t l = 0; l < lanes; l++) ((double *)(*w)->jet)[i * lanes + l] = sin(1.0 + (double)i) / (1 + l);
    for (int again = 0; again < 2; again++) tay__exec_run(*exec, *w); /* what a run leaves behind must not matter */
}

/* How many operations of an exec are sums that start from what is added to them. */
static size_t n_started(const tay__exec *exec)
{
    const tay__operation *operations = exec->operations.data;
    size_t n = 0;

    for (size_t i = 0; i < exec->operations.count; i++) n += operations[i].group->start > 0;
    return n;
}

/* Blocks of columns, where sums start from what is added to them, give what the whole stage gives, and lanes what one lane
 * does; to rounding, as they add in other orders: a few units of the largest coefficients. */
static void test_columns(void **state)
{
    (void)state;
    for (size_t isa = 0; isa < sizeof isas / sizeof *isas; isa++) {
        tay__exec *by_columns, *whole, *laned;
        tay__workspace *w_columns, *w_whole, *w_laned;
        tay__program *p;

        setenv("TAYRA_ISA", isas[isa], 1);
        p = matrix_equation();
        int32_t columns = 0;
        for (uint32_t s = 0; s < p->n_stages; s++) columns += p->stages[s].n_columns;
        assert_true(columns >= COLUMNS);
        run_matrix(&by_columns, &w_columns, p, 1);
        assert_true(n_started(by_columns) > 0);
        p = matrix_equation();
        for (uint32_t s = 0; s < p->n_stages; s++) p->stages[s].n_columns = 0;
        run_matrix(&whole, &w_whole, p, 1);
        run_matrix(&laned, &w_laned, matrix_equation(), 16);
        for (size_t n = 0; n <= ORDER; n++) {
            const double *x = (double *)w_columns->jet + n * w_columns->plane, *y = (double *)w_whole->jet + n * w_whole->plane;
            const double *z = (double *)w_laned->jet + n * w_laned->plane;
            for (size_t i = 0; i < N_MATRIX; i++) {
                check_value(y[i], x[i], TAY_FLOAT64, 1, 0);
                check_value(z[16 * i], x[i], TAY_FLOAT64, 1, 0);
            }
        }
        tay__workspace_free(w_columns);
        tay__workspace_free(w_whole);
        tay__workspace_free(w_laned);
        tay__exec_free(by_columns);
        tay__exec_free(whole);
        tay__exec_free(laned);
    }
    unsetenv("TAYRA_ISA");
}

/* sum_n c_n h^n for all counts around a block, and around those of large jets, also compensated, against long double; nothing
 * else is written; the last h is as if it were alone. */
static void test_polynomial(void **state)
{
    static const double h[] = {0.0, 0.1, -0.7, 1.3, 0.2, -0.3};
    static const size_t large[] = {511, 512, 513, 518, 1037};
    enum { N_H = 6, STRIDE = 1200, SMALL = 43 };
    tay__exec *exec;
    tay__workspace *w;
    static double out[N_H * STRIDE], alone[STRIDE], jet[(ORDER + 1) * STRIDE];
    tay__workspace many = {.jet = jet, .plane = STRIDE};

    (void)state;
    for (size_t isa = 0; isa < sizeof isas / sizeof *isas; isa++) {
        setenv("TAYRA_ISA", isas[isa], 1);
        run_matrix(&exec, &w, matrix_equation(), 1);
        for (size_t n = 0; n <= ORDER; n++)
            for (size_t i = 0; i < STRIDE; i++) jet[n * STRIDE + i] = ((double *)w->jet)[n * w->plane + i % N_MATRIX];
        for (size_t at = 0; at < SMALL + sizeof large / sizeof *large; at++) {
            size_t count = at < 40 ? at + 1 : at < SMALL ? 40 + (at - 39) * 37 : large[at - SMALL];
            for (int compensated = 0; compensated < 2; compensated++) {
                for (size_t i = 0; i < N_H * STRIDE; i++) out[i] = 12345;
                tay__exec_polynomial(exec, out, STRIDE, out + (N_H - 1) * STRIDE, &many, count, h, N_H, compensated);
                tay__exec_polynomial(exec, NULL, 0, alone, &many, count, h + N_H - 1, 1, compensated);
                assert_memory_equal(alone, out + (N_H - 1) * STRIDE, count * sizeof *alone);
                for (size_t k = 0; k < N_H; k++) {
                    for (size_t i = 0; i < STRIDE; i++) {
                        long double exact = 0;
                        for (uint32_t n = ORDER + 1; n-- > 0;) exact = exact * h[k] + jet[n * STRIDE + i];
                        if (i >= count)
                            assert_true(out[k * STRIDE + i] == 12345);
                        else
                            check_value(out[k * STRIDE + i], exact, TAY_FLOAT64, 1e-3, 0);
                    }
                }
            }
        }
        tay__workspace_free(w);
        tay__exec_free(exec);
    }
    unsetenv("TAYRA_ISA");
}

/* 1 + 2^-60 - 1: a plain sum loses the small term, the compensated one keeps it. */
static void test_polynomial_compensated(void **state)
{
    tay__exec *exec;
    tay__workspace *w;
    double plain, compensated, one = 1;

    (void)state;
    assert_ok(tay__exec_create(&exec, make_program(&systems[0], true, false), TAY_FLOAT64, 2, 1));
    tay__exec_choose(exec, TAY_EXECUTION_DEFAULT);
    assert_ok(tay__workspace_create(&w, exec));
    double *jet = w->jet;
    jet[0] = 1;
    jet[w->plane] = 0x1p-60;
    jet[2 * w->plane] = -1;
    tay__exec_polynomial(exec, NULL, 0, &plain, w, 1, &one, 1, false);
    tay__exec_polynomial(exec, NULL, 0, &compensated, w, 1, &one, 1, true);
    assert_true(compensated == 0x1p-60);
    tay__workspace_free(w);
    tay__exec_free(exec);
}

/* (x / y)^(1/n), where the quotient may be out of the range of double (and valgrind has no long double). */
static double root(double x, double y, double n)
{
    int p, q;
    double quotient = frexp(x, &p) / frexp(y, &q);
    return pow(quotient, 1 / n) * exp2((p - q) / n);
}

static double radius(double first, double before, double last, double order)
{
    double x = first > 1 ? first : 1;
    return fmin(root(x, before, order - 1), root(x, last, order));
}

/* Numbers of all sizes, those that its short logarithm cannot take among them. Logarithms have up to eleven bits
 * before the point. */
static void test_radius(void **state)
{
    static const double numbers[] = {1, 0.7, 1.99999, 3e-17, 2e30, 1e-300, 1e300, 1.5e-310, 5e-324, 2.2250738585072014e-308};
    enum { N = sizeof numbers / sizeof *numbers };

    (void)state;
    for (uint32_t order = 2; order <= 30; order += 7) {
        for (size_t i = 0; i < N * N * N; i++) {
            double a = numbers[i % N], b = numbers[i / N % N], c = numbers[i / N / N];
            double expected = radius(a, b, c, order);
            if (expected > 1e300 || expected < 1e-300) continue;
            assert_true(fabs(tay__exec_radius(a, b, c, order) - expected) <= 1e-12 * expected);
        }
        assert_true(tay__exec_radius(2, 0, 0, order) == INFINITY);
        assert_true(fabs(tay__exec_radius(2, 0, 0.5, order) - pow(4, 1.0 / order)) <= 1e-14);
        assert_true(isnan(tay__exec_radius(NAN, 1, 1, order)) && isnan(tay__exec_radius(1, NAN, 1, order)));
        assert_true(isnan(tay__exec_radius(1, 1, NAN, order)) && tay__exec_radius(1, 1, INFINITY, order) == 0);
    }
}

static void test_max_norm(void **state)
{
    tay__exec *exec;
    double x[50];

    (void)state;
    for (size_t isa = 0; isa < sizeof isas / sizeof *isas; isa++) {
        setenv("TAYRA_ISA", isas[isa], 1);
        assert_ok(tay__exec_create(&exec, make_program(&systems[0], true, false), TAY_FLOAT64, 2, 1));
        tay__exec_choose(exec, TAY_EXECUTION_DEFAULT);
        for (size_t n = 0; n <= 50; n++) {
            for (size_t i = 0; i < 50; i++) x[i] = i >= n ? NAN : i % 2 ? 0.25 : -0.5; /* nothing behind is read */
            assert_true(tay__exec_max_norm(exec, x, n) == (n > 0 ? 0.5 : 0));
            for (size_t i = 0; i < n; i++) {
                double keep = x[i];
                x[i] = -2;
                assert_true(tay__exec_max_norm(exec, x, n) == 2);
                x[i] = -INFINITY;
                assert_true(tay__exec_max_norm(exec, x, n) == INFINITY);
                x[i] = NAN;
                assert_true(isnan(tay__exec_max_norm(exec, x, n)));
                x[(i + 1) % n] = INFINITY;
                assert_true(n == 1 || isnan(tay__exec_max_norm(exec, x, n)));
                x[(i + 1) % n] = (i + 1) % n % 2 ? 0.25 : -0.5;
                x[i] = keep;
            }
        }
        tay__exec_free(exec);
    }
    unsetenv("TAYRA_ISA");
}

static void test_bad_arguments(void **state)
{
    tay__program *p = make_program(&systems[0], true, false);
    tay__exec *exec = NULL;

    (void)state;
    assert_error(tay__exec_create(&exec, p, TAY_FLOAT64, 3, 0), TAY_ERROR_ARGUMENT,
                 "lanes: expected 1 or a multiple of 16, got 0");
    assert_error(tay__exec_create(&exec, p, TAY_FLOAT64, 3, 8), TAY_ERROR_ARGUMENT, "got 8");
    assert_error(tay__exec_create(&exec, p, TAY_FLOAT64, UINT32_MAX, 1), TAY_ERROR_ARGUMENT, "order");
    assert_error(tay__exec_create(&exec, p, TAY_FLOAT64, UINT32_MAX - 1, 0xfffffff0u), TAY_ERROR_LIMIT, "overflows");
    assert_null(exec);
    tay__program_free(p);
}

static tay_status make_all(void *context)
{
    tay_status status = TAY_OK;
    const equations *e = context;
    tay_expr *x = NULL, *rhs = NULL;
    tay__program *p = NULL;
    tay__exec *exec = NULL;
    tay__workspace *w = NULL;

    TAY_TRY(rpn_try(&x, "x0"));
    TAY_TRY(rpn_try(&rhs, e->rhs[0]));
    TAY_TRY(tay__program_create(&p, &(tay__program_spec){.inputs = (const tay_expr *const *)&x, .n_inputs = 1,
                                                         .outputs = (const tay_expr *const *)&rhs,
                                                         .n_outputs = 1,
                                                         .jets = true}));
    TAY_TRY(tay__exec_create(&exec, p, TAY_FLOAT64, 5, 1));
    p = NULL;
    TAY_TRY(tay__workspace_create(&w, exec));
out:
    tay__workspace_free(w);
    tay__exec_free(exec);
    tay__program_free(p);
    tay_expr_unref(x);
    tay_expr_unref(rhs);
    return status;
}

static void test_failing_allocations(void **state)
{
    static const equations simple = {{"x0 sin p0 p1 + * x0 t * +"}};

    (void)state;
    fail_each_allocation(make_all, (void *)&simple);
}

static void test_memory(void **state)
{
    tay__exec *exec;

    (void)state;
    assert_ok(tay__exec_create(&exec, matrix_equation(), TAY_FLOAT64, ORDER, 1));
    tay__exec_choose(exec, TAY_EXECUTION_DEFAULT);
    assert_true(tay__exec_memory(exec) >= (ORDER + 1) * N_MATRIX * sizeof(double));
    assert_true(tay__exec_memory(exec) <= 8 * (ORDER + 1) * N_MATRIX * sizeof(double));
    assert_int_equal(tay__exec_order(exec), ORDER);
    tay__exec_free(exec);
    tay__exec_free(NULL);
    tay__workspace_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_jets), cmocka_unit_test(test_pairs),
        cmocka_unit_test(test_bodies),
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_columns),
        cmocka_unit_test(test_polynomial),
        cmocka_unit_test(test_polynomial_compensated),
        cmocka_unit_test(test_max_norm),
        cmocka_unit_test(test_radius),
        cmocka_unit_test(test_bad_arguments),
        cmocka_unit_test(test_failing_allocations),
        cmocka_unit_test(test_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
