/*
 * Every primitive, mode of operands and coefficients, number of lanes, real type and instruction set that this processor
 * has, against the plain interpreter in long double on random jets; nothing but a group's members may be written.
 */
#include <stdio.h>
#include <stdlib.h>

#include "exec/bound.h"
#include "fixture.h"

static const char *const isas[] = {"baseline", "avx2", "avx512"}; /* a higher one than the processor's runs its best */
static const uint32_t lane_counts[] = {1, 16, 48};

typedef struct run_spec {
    const shape_spec *shape;
    tay_real real;
    uint32_t order, lanes;
} run_spec;

/* The interpreter's jets of lane l, from the workspace before the run. */
static long double *expected_jets(const tay__program *p, const tay__workspace *before, const run_spec *run, uint32_t l)
{
    interpreter in = {.p = p, .coefficients = p->numbers, .order = run->order};

    in.jet = calloc((size_t)p->n_slots * (run->order + 1), sizeof *in.jet);
    for (uint32_t n = 0; n <= run->order; n++)
        for (uint32_t s = 0; s < p->n_slots; s++)
            *at(&in, n, (int32_t)s) = get(before, run->real, n * before->plane + (size_t)s * run->lanes + l);
    interpret(&in);
    return in.jet;
}

static bool is_member(const tay__program *p, uint32_t slot)
{
    const tay__group *g = p->stages[0].groups;

    for (uint32_t r = 0; r < g->n_rows; r++)
        if ((int32_t)slot >= g->rows[r].first && (int32_t)slot < g->rows[r].first + g->rows[r].length) return true;
    return false;
}

/* The largest coefficient of each order bounds what rounding can do. */
static long double largest(const tay__program *p, const long double *jet, uint32_t n)
{
    long double most = 1;

    for (uint32_t s = 0; s < p->n_slots; s++)
        if (fabsl(jet[(size_t)n * p->n_slots + s]) > most) most = fabsl(jet[(size_t)n * p->n_slots + s]);
    return most;
}

/* Machine code may write whole vectors where nothing is kept behind a row. */
static void check_guard(const tay__exec *exec, double got, double guard, uint32_t s, uint32_t n)
{
    if (got != guard && tay__exec_execution(exec) == TAY_EXECUTION_VM)
        fail_msg("slot %u, order %u was written: %g, not %g", s, n, got, guard);
}

/* Coefficient n of slot s in lane l, wherever it is kept. */
static double value_of(const tay__exec *exec, const tay__workspace *w, const run_spec *run, uint32_t s, uint32_t n, uint32_t l)
{
    const tay__series *series = exec->series;

    if (!series || series->row_of[s] < 0) return get(w, run->real, n * w->plane + (size_t)s * run->lanes + l);
    tay__workspace row = {.jet = w->scratch};
    return get(&row, run->real, series->at + (size_t)series->row_of[s] * series->stride + n);
}

static void check_lane(const tay__exec *exec, const tay__workspace *before, const tay__workspace *after, const run_spec *run,
                       uint32_t l){
    const tay__program *p = tay__exec_program(exec);
    long double *expected = expected_jets(p, before, run, l);
    double tolerance = (run->real == TAY_FLOAT64 ? 1e-14 : 4e-6) * (1 + run->shape->n_terms);
    bool state = run->shape->primitive == TAY__STATE;
    uint32_t last = state ? run->order : run->order > 0 ? run->order - 1 : 0;

    for (uint32_t n = 0; n <= run->order; n++) {
        long double scale = largest(p, expected, n);
        for (uint32_t s = 0; s < p->n_slots; s++) {
            size_t i = n * after->plane + (size_t)s * run->lanes + l;
            double got = value_of(exec, after, run, s, n, l), guard = get(before, run->real, i);
            bool written = is_member(p, s) && n <= last && !(state && n == 0);
            bool pair = is_member(p, s) && run->lanes > 1 && n == last + 1; /* may hold what is known of that order */
            if (!written && !pair) check_guard(exec, get(after, run->real, i), guard, s, n);
            long double x = expected[(size_t)n * p->n_slots + s];
            if (written && !(fabsl(got - x) <= tolerance * (n + 1) * scale))
                fail_msg("slot %u, order %u of %u, lane %u of %u: %.17g, not %.17Lg", s, n, run->order, l, run->lanes, got, x);
        }
    }
    free(expected);
}

static size_t n_series; /* runs in whole series */

static void check_run(const run_spec *run)
{
    tay__program *p = draw_program(run->shape);
    tay__exec *exec;
    tay__workspace *before, *after;

    assert_ok(tay__exec_create(&exec, p, run->real, run->order, run->lanes));
    tay__exec_choose(exec, TAY_EXECUTION_DEFAULT);
    assert_ok(tay__workspace_create(&before, exec));
    assert_ok(tay__workspace_create(&after, exec));
    draw_jets(before, p, run->real, run->order, run->lanes, run->shape->primitive >= TAY__QUOTIENT);
    size_t element = run->real == TAY_FLOAT64 ? sizeof(double) : sizeof(float);
    memcpy(after->jet, before->jet, (run->order + 1) * before->plane * element);
    tay__exec_run(exec, after);
    n_series += exec->series != NULL;
    for (uint32_t l = 0; l < run->lanes; l += 1 + draw(run->lanes)) check_lane(exec, before, after, run, l);
    tay__workspace_free(before);
    tay__workspace_free(after);
    tay__exec_free(exec);
}

/* `times` runs of each kind. */
static void check_shape(const shape_spec *shape, int times)
{
    const tay__kernels *last = NULL;
    const char *execution = getenv("TAYRA_EXEC");

    if (execution && strcmp(execution, "jit") == 0) times = (times + 7) / 8; /* each run compiles */
    for (size_t isa = 0; isa < sizeof isas / sizeof *isas; isa++) {
        setenv("TAYRA_ISA", isas[isa], 1);
        const tay__kernels *kernels = tay__choose_kernels(TAY_FLOAT64);
        if (kernels == last) continue; /* the processor has no more */
        last = kernels;
        for (size_t l = 0; l < sizeof lane_counts / sizeof *lane_counts; l++) {
            for (int i = 0; i < times; i++) {
                uint32_t kind = times < 4 ? draw(4) : (uint32_t)i % 4, most = lane_counts[l] == 1 ? 26 : 8;
                uint32_t order = kind == 0 ? 0 : draw(kind == 1 ? 4 : most);
                check_run(&(run_spec){shape, TAY_FLOAT64, order, lane_counts[l]});
                check_run(&(run_spec){shape, TAY_FLOAT32, order < 12 ? order : 12, lane_counts[l]});
            }
        }
    }
    unsetenv("TAYRA_ISA");
}

static void test_linear(void **state)
{
    static const tay__stride strides[] = {TAY__SHARED, TAY__CONTIGUOUS, TAY__GATHER};

    (void)state;
    for (int i = 0; i < 3; i++)
        for (int coefs = 0; coefs < 3; coefs++)
            for (uint32_t terms = 0; terms < 8; terms++)
                check_shape(&(shape_spec){.primitive = TAY__LINEAR, .n_terms = terms, .a = strides[i], .coefs = coefs > 0,
                                          .varying = coefs > 1, .constant = terms == 0 || terms % 2 == 1}, 4);
}

static void test_product(void **state)
{
    static const tay__stride strides[][2] = {
        {TAY__SHARED, TAY__CONTIGUOUS}, {TAY__CONTIGUOUS, TAY__CONTIGUOUS}, {TAY__GATHER, TAY__GATHER}};

    (void)state;
    for (int i = 0; i < 3; i++)
        for (int coefs = 0; coefs < 3; coefs++)
            for (uint32_t terms = 1; terms < 4; terms++)
                for (int square = 0; square < (i > 0 ? 2 : 1); square++)
                    check_shape(&(shape_spec){.primitive = TAY__PRODUCT, .n_terms = terms, .a = strides[i][0],
                                              .b = strides[i][1], .square = square, .coefs = coefs > 0,
                                              .varying = coefs > 1, .constant = terms == 2}, 4);
}

static void test_product_tiles(void **state)
{
    (void)state;
    for (int coefs = 0; coefs < 3; coefs++)
        for (uint32_t terms = 1; terms < 8; terms += 2)
            check_shape(&(shape_spec){.primitive = TAY__PRODUCT, .n_terms = terms, .a = TAY__SHARED, .b = TAY__CONTIGUOUS,
                                      .coefs = coefs > 0, .varying = coefs > 1, .constant = terms == 3, .tiled = true}, 12);
}

static void test_quotient(void **state)
{
    (void)state;
    check_shape(&(shape_spec){.primitive = TAY__QUOTIENT, .n_terms = 1, .a = TAY__CONTIGUOUS, .b = TAY__CONTIGUOUS}, 20);
    check_shape(&(shape_spec){.primitive = TAY__QUOTIENT, .n_terms = 1, .a = TAY__GATHER, .b = TAY__GATHER}, 20);
}

static void test_power(void **state)
{
    static const double exponents[] = {-1, -2, 0.5, -0.5, 1.5, -1.5, 2, 3, 0.3, -4.25};

    (void)state;
    for (size_t i = 0; i < sizeof exponents / sizeof *exponents; i++) {
        shape_spec shape = {.primitive = TAY__POWER, .n_terms = 1, .a = TAY__CONTIGUOUS, .exponent = exponents[i]};
        check_shape(&shape, 6);
        shape.a = TAY__GATHER;
        check_shape(&shape, 6);
    }
}

/* The derivatives are independent random jets: the recurrence only, and the function's value. */
static void test_integral(void **state)
{
    static const tay_function functions[] = {TAY_EXP, TAY_TANH, TAY_LOG, TAY_POW, TAY_ATAN2};

    (void)state;
    for (size_t i = 0; i < sizeof functions / sizeof *functions; i++) {
        bool two = functions[i] == TAY_POW || functions[i] == TAY_ATAN2;
        shape_spec shape = {.primitive = TAY__INTEGRATE, .function = functions[i], .a = TAY__CONTIGUOUS,
                            .b = TAY__CONTIGUOUS, .n_terms = two ? 2 : 1};
        check_shape(&shape, 8);
        shape.a = shape.b = TAY__GATHER;
        check_shape(&shape, 8);
    }
}

static void test_choice(void **state)
{
    static const struct {
        tay_function function;
        uint32_t n;
    } choices[] = {{TAY_RELU, 2}, {TAY_RELUP, 2}, {TAY_SELECT, 3}, {TAY_LT, 2}, {TAY_EQ, 2}, {TAY_LOGICAL_AND, 3},
                   {TAY_LOGICAL_OR, 16}};

    (void)state;
    for (size_t i = 0; i < sizeof choices / sizeof *choices; i++) {
        shape_spec shape = {.primitive = TAY__CHOICE, .function = choices[i].function, .n_terms = choices[i].n};
        shape.a = TAY__CONTIGUOUS;
        check_shape(&shape, 6);
        shape.a = TAY__GATHER;
        check_shape(&shape, 6);
    }
}

static void test_state(void **state)
{
    (void)state;
    check_shape(&(shape_spec){.primitive = TAY__STATE, .n_terms = 1, .a = TAY__CONTIGUOUS}, 30);
}

/* A number with all bits of its significand drawn, of any of 60 magnitudes. */
static double draw_wide(void)
{
    double significand = draw_real() + draw_real() * 0x1p-20 + draw_real() * 0x1p-40;
    return ldexp(significand, (int)draw(60));
}

/* y_n = f_{n-1} / n to the last bit, for significands all over, also where 1/n is most wrong. */
static void test_exact_division(void **state)
{
    enum { ORDER = 70, ROUNDS = 200 };
    tay__program *p;
    tay__exec *exec;
    tay__workspace *w;

    (void)state;
    for (size_t isa = 0; isa < sizeof isas / sizeof *isas; isa++) {
        for (int real = TAY_FLOAT64; real <= TAY_FLOAT32; real++) {
            setenv("TAYRA_ISA", isas[isa], 1);
            p = draw_program(&(shape_spec){.primitive = TAY__STATE, .n_terms = 1, .a = TAY__CONTIGUOUS});
            assert_ok(tay__exec_create(&exec, p, (tay_real)real, ORDER, 1));
            tay__exec_choose(exec, TAY_EXECUTION_DEFAULT);
            assert_ok(tay__workspace_create(&w, exec));
            const tay__group *g = p->stages[0].groups;
            for (int round = 0; round < ROUNDS; round++) {
                for (uint32_t n = 0; n <= ORDER; n++)
                    for (uint32_t s = 0; s < OPERANDS; s++)
                        put(w, (tay_real)real, n * w->plane + s, draw_wide());
                tay__exec_run(exec, w);
                for (uint32_t n = 1; n <= ORDER; n++) {
                    size_t f = (n - 1) * w->plane + (size_t)g->a[0], y = n * w->plane + (size_t)g->rows[0].first;
                    for (int32_t m = 0; m < g->rows[0].length; m++) {
                        double a = get(w, (tay_real)real, f + (size_t)m), got = get(w, (tay_real)real, y + (size_t)m);
                        double exact = real == TAY_FLOAT64 ? a / n : (double)((float)a / (float)n);
                        /* Unrolled code: a rounded 1/n will do from n = 9 on. */
                        bool rounded = tay__exec_execution(exec) == TAY_EXECUTION_JIT && n > 8;
                        double product = real == TAY_FLOAT64 ? a * (1.0 / n) : (double)((float)a * (1.0f / (float)n));
                        if (rounded && got == product) continue;
                        if (got != exact) fail_msg("%a / %u = %a, not %a (%s)", a, n, exact, got, isas[isa]);
                    }
                }
            }
            tay__workspace_free(w);
            tay__exec_free(exec);
        }
    }
    unsetenv("TAYRA_ISA");
}

/* Linear and product groups have been among them, where they have few members and enough terms. */
static void test_whole_series(void **state)
{
    (void)state;
    assert_true(n_series > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_linear),   cmocka_unit_test(test_product),  cmocka_unit_test(test_product_tiles),
        cmocka_unit_test(test_quotient), cmocka_unit_test(test_power),    cmocka_unit_test(test_integral),
        cmocka_unit_test(test_choice),   cmocka_unit_test(test_state),    cmocka_unit_test(test_exact_division),
        cmocka_unit_test(test_whole_series),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
