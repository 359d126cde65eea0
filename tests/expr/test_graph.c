/*
 * The graph: equal expressions are one object, references, arbitrary depth, threads, wrong arguments, lack of memory.
 */
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "expr/expr.h"
#include "support/check.h"
#include "support/failing_alloc.h"
#include "support/rpn.h"

static void equal_expressions_are_one(void **state)
{
    (void)state;
    static const char *const texts[] = {"x",         "1.5",         "nan",    "p3",        "t",           "x y +",
                                        "x y *",     "x 2 **",      "pi",     "x sin",     "x y - z /",   "x 0.1 relu",
                                        "x y z sum:3", "x y z prod:3", "x y lt", "x y z select", "x y logical_and:2"};
    enum { N = sizeof texts / sizeof *texts };
    tay_expr *first[N], *second[N];
    for (int i = 0; i < N; i++) first[i] = rpn(texts[i]);
    for (int i = 0; i < N; i++) second[i] = rpn(texts[i]);
    for (int i = 0; i < N; i++) {
        for (int j = 0; j < N; j++) {
            assert_int_equal(first[i] == second[j], i == j);
            assert_int_equal(tay_expr_equal(first[i], second[j]), i == j);
            assert_int_equal(tay_expr_hash(first[i]) == tay_expr_hash(second[j]), i == j);
        }
    }
    for (int i = 0; i < N; i++) {
        tay_expr_unref(first[i]);
        tay_expr_unref(second[i]);
    }
}

static void the_order_of_arguments_counts(void **state)
{
    (void)state;
    tay_expr *a = rpn("x y +"), *b = rpn("y x +"), *c = rpn("x y *"), *d = rpn("y x *");
    assert_false(tay_expr_equal(a, b));
    assert_false(tay_expr_equal(c, d));
    assert_false(tay_expr_equal(a, c));
    assert_false(tay_expr_equal(a, NULL));
    assert_true(tay_expr_equal(NULL, NULL));
    tay_expr *all[] = {a, b, c, d};
    for (int i = 0; i < 4; i++) tay_expr_unref(all[i]);
}

static void odd_numbers(void **state)
{
    (void)state;
    tay_expr *zero = rpn("0"), *minus = rpn("-0"), *nan = rpn("nan"), *other = NULL;
    assert_true(tay_expr_equal(zero, minus));
    assert_int_equal(tay_expr_hash(zero), tay_expr_hash(minus));
    assert_false(signbit(tay_expr_value(zero)));
    assert_true(signbit(tay_expr_value(minus)));
    assert_ok(tay_expr_number(&other, -(double)NAN));
    assert_ptr_equal(nan, other);
    assert_true(isnan(tay_expr_value(nan)));
    assert_false(tay_expr_equal(nan, zero));
    tay_expr *all[] = {zero, minus, nan, other};
    for (int i = 0; i < 4; i++) tay_expr_unref(all[i]);
}

static void names_are_told_apart(void **state)
{
    (void)state;
    static const char *const names[] = {"a", "b", "ab", "aaaaaaaa", "aaaaaaab", "aaaaaaaaa", "\xc3\xa9", "x'", "a b"};
    enum { N = sizeof names / sizeof *names };
    tay_expr *e[N];
    for (int i = 0; i < N; i++) {
        char copy[16];
        strcpy(copy, names[i]);
        assert_ok(tay_expr_variable(&e[i], copy));
        memset(copy, '?', sizeof copy);
        assert_string_equal(tay_expr_name(e[i]), names[i]);
        for (int j = 0; j < i; j++) assert_ptr_not_equal(e[i], e[j]);
    }
    for (int i = 0; i < N; i++) tay_expr_unref(e[i]);
}

static void kinds_and_their_values(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        tay_expr_kind kind;
        size_t size, n_args;
        const char *function;
    } cases[] = {{"2", TAY_KIND_NUMBER, 1, 0, NULL},
                 {"x", TAY_KIND_VARIABLE, 1, 0, NULL},
                 {"p7", TAY_KIND_PARAMETER, 1, 0, NULL},
                 {"t", TAY_KIND_TIME, 1, 0, NULL},
                 {"x y +", TAY_KIND_SUM, 3, 2, "sum"},
                 {"x y *", TAY_KIND_PRODUCT, 3, 2, "prod"},
                 {"x exp", TAY_KIND_FUNCTION, 2, 1, "exp"},
                 {"pi", TAY_KIND_FUNCTION, 1, 0, "pi"},
                 {"x y -", TAY_KIND_SUM, 5, 2, "sum"},
                 {"x 0.1 relu", TAY_KIND_FUNCTION, 2, 2, "relu"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        tay_expr *e = rpn(cases[i].text);
        assert_int_equal(tay_expr_get_kind(e), cases[i].kind);
        assert_int_equal(tay_expr_size(e), cases[i].size);
        assert_true((tay_expr_name(e) != NULL) == (cases[i].kind == TAY_KIND_VARIABLE));
        assert_true(isnan(tay_expr_value(e)) == (cases[i].kind != TAY_KIND_NUMBER));
        assert_int_equal(tay_expr_index(e), cases[i].kind == TAY_KIND_PARAMETER ? 7 : UINT32_MAX);
        assert_int_equal(tay_expr_n_args(e), cases[i].n_args);
        for (size_t k = 0; k < cases[i].n_args; k++) assert_non_null(tay_expr_arg(e, k));
        assert_null(tay_expr_arg(e, cases[i].n_args));
        if (cases[i].function) assert_string_equal(tay_expr_function_name(e), cases[i].function);
        else assert_null(tay_expr_function_name(e));
        tay_expr_unref(e);
    }
}

static void arguments_are_in_order(void **state)
{
    (void)state;
    tay_expr *x = rpn("x"), *slope = rpn("0.1"), *e = rpn("y x atan2"), *relu = rpn("x 0.1 relu");
    assert_ptr_equal(tay_expr_arg(e, 1), x);
    assert_string_equal(tay_expr_name(tay_expr_arg(e, 0)), "y");
    assert_ptr_equal(tay_expr_arg(relu, 0), x);
    assert_ptr_equal(tay_expr_arg(relu, 1), slope);
    tay_expr *all[] = {x, slope, e, relu};
    for (int i = 0; i < 4; i++) tay_expr_unref(all[i]);
}

static void dependence_is_known(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int depends;
    } cases[] = {{"2", 0},
                 {"pi", 0},
                 {"x", TAY__DEPENDS_VARIABLE},
                 {"p0 sin", TAY__DEPENDS_PARAMETER},
                 {"t 2 *", TAY__DEPENDS_TIME},
                 {"x p0 * t +", TAY__DEPENDS_VARIABLE | TAY__DEPENDS_PARAMETER | TAY__DEPENDS_TIME}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        tay_expr *e = rpn(cases[i].text);
        assert_int_equal(e->depends, cases[i].depends);
        assert_int_equal(tay_expr_has_time(e), (cases[i].depends & TAY__DEPENDS_TIME) != 0);
        tay_expr_unref(e);
    }
}

static tay_status next_level(tay_expr **e, bool as_sum, tay_expr *x)
{
    tay_expr *next;
    tay_status status = as_sum ? tay_expr_add(&next, *e, x)
                               : tay_expr_function(&next, TAY_SIN, (const tay_expr *const *)e, 1);
    if (status != TAY_OK) return status;
    tay_expr_unref(*e);
    *e = next;
    return TAY_OK;
}

static void a_million_levels(void **state)
{
    (void)state;
    enum { DEPTH = 1000000 };
    tay_expr *x = rpn("x"), *e = rpn("x");
    for (int i = 0; i < DEPTH; i++) assert_ok(next_level(&e, i % 2, x));
    assert_int_equal(tay_expr_size(e), 1 + DEPTH / 2 * 3);
    char *text;
    assert_ok(tay_expr_to_string(&text, e));
    assert_string_equal(text + strlen(text) - 3, "...");
    tay_free(text);
    const tay_expr **nodes;
    size_t count;
    assert_ok(tay__expr_postorder(&nodes, &count, NULL, (const tay_expr *const *)&e, 1));
    assert_int_equal(count, DEPTH + 1);
    assert_ptr_equal(nodes[0], x);
    assert_ptr_equal(nodes[DEPTH], e);
    tay__free(nodes);
    tay_expr_unref(e);
    assert_int_equal(atomic_load(&x->refs), 1);
    tay_expr_unref(x);
}

static void sizes_saturate(void **state)
{
    (void)state;
    tay_expr *e = rpn("x");
    for (int i = 0; i < 63; i++) assert_ok(next_level(&e, true, e));
    assert_true(tay_expr_size(e) == SIZE_MAX); /* 2^64 - 1, not yet over */
    for (int i = 0; i < 10; i++) assert_ok(next_level(&e, true, e));
    assert_true(tay_expr_size(e) == SIZE_MAX);
    tay_expr_unref(e);
}

static void children_stand_before_parents(void **state)
{
    (void)state;
    tay_expr *e[] = {rpn("x y + x y + sin *"), rpn("x y + z *"), rpn("x")};
    const tay_expr **nodes;
    size_t count;
    tay__map index = {0};
    assert_ok(tay__expr_postorder(&nodes, &count, &index, (const tay_expr *const *)e, 3));
    assert_int_equal(count, 7); /* x, y, x + y, sin, the product, z, the product */
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(*tay__map_get(&index, (uintptr_t)nodes[i]), i);
        for (uint32_t k = 0; k < nodes[i]->n_args; k++)
            assert_true(*tay__map_get(&index, (uintptr_t)nodes[i]->u.args[k]) < i);
    }
    tay__free(nodes);
    tay__map_free(&index);
    for (int i = 0; i < 3; i++) tay_expr_unref(e[i]);
}

static void wrong_arguments(void **state)
{
    (void)state;
    tay_expr *x = rpn("x"), *out = x;
    const tay_expr *with_null[] = {x, NULL}, *two[] = {x, x}, *slopes[] = {x, NULL};
    assert_error(tay_expr_number(NULL, 1.0), TAY_ERROR_ARGUMENT, "`out` is NULL");
    assert_error(tay_expr_variable(&out, ""), TAY_ERROR_ARGUMENT, "empty");
    assert_error(tay_expr_variable(&out, NULL), TAY_ERROR_ARGUMENT, "NULL");
    assert_error(tay_expr_parameter(&out, TAY_MAX_PARAMETER), TAY_ERROR_ARGUMENT, "2147483647");
    assert_error(tay_expr_add(&out, x, NULL), TAY_ERROR_ARGUMENT, "tay_expr_add: argument 1 of 2 is NULL");
    assert_error(tay_expr_neg(&out, NULL), TAY_ERROR_ARGUMENT, "tay_expr_neg: argument 0");
    assert_error(tay_expr_sum(&out, with_null, 2), TAY_ERROR_ARGUMENT, "argument 1 of 2");
    assert_error(tay_expr_prod(&out, NULL, 2), TAY_ERROR_ARGUMENT, "array of 2");
    assert_error(tay_expr_function(&out, TAY_SIN, two, 2), TAY_ERROR_ARGUMENT, "sin: takes 1 argument, but 2 came");
    assert_error(tay_expr_function(&out, TAY_POW, two, 1), TAY_ERROR_ARGUMENT, "pow: takes 2 arguments, but 1 came");
    assert_error(tay_expr_function(&out, TAY_PI, two, 1), TAY_ERROR_ARGUMENT, "takes 0 arguments");
    assert_error(tay_expr_function(&out, TAY_N_FUNCTIONS, two, 1), TAY_ERROR_ARGUMENT, "there is no function 36");
    assert_error(tay_expr_function(&out, (tay_function)-1, two, 1), TAY_ERROR_ARGUMENT, "there is no function");
    assert_error(tay_expr_function(&out, TAY_RELU, two, 2), TAY_ERROR_ARGUMENT, "slope is not a number");
    static const char *const bad_slopes[] = {"-0.1", "inf", "nan"};
    for (int i = 0; i < 3; i++) {
        tay_expr *slope = rpn(bad_slopes[i]);
        slopes[1] = slope;
        assert_error(tay_expr_function(&out, TAY_RELUP, slopes, 2), TAY_ERROR_ARGUMENT, "finite and non-negative");
        tay_expr_unref(slope);
    }
    assert_ptr_equal(out, x);
    tay_expr_unref(x);
    tay_expr_unref(NULL);
    assert_null(tay_expr_ref(NULL));
}

static void serials_grow(void **state)
{
    (void)state;
    tay_expr *x = rpn("x"), *y = rpn("y"), *again = rpn("x"), *sum = rpn("x y +");
    assert_true(x->serial < y->serial && y->serial < sum->serial);
    assert_int_equal(again->serial, x->serial);
    tay_expr *all[] = {x, y, again, sum};
    for (int i = 0; i < 4; i++) tay_expr_unref(all[i]);
}

/* Threads that make and drop the same expressions: what is alive at one time in two threads must be one object. */
enum { N_THREADS = 4, N_ROUNDS = 3000, N_SHARED = 8 };

typedef struct worker {
    pthread_t thread;
    tay_expr *kept[N_SHARED];
    bool failed;
} worker;

static void *work(void *context)
{
    worker *w = context;
    char text[64];
    for (int round = 0; round < N_ROUNDS; round++) {
        tay_expr *e = NULL;
        snprintf(text, sizeof text, "x%d p%d * sin %d + x%d /", round % 5, round % 3, round % 7, round % 2);
        if (rpn_try(&e, text) != TAY_OK) w->failed = true;
        tay_expr_unref(e);
    }
    for (int i = 0; i < N_SHARED; i++) {
        snprintf(text, sizeof text, "y%d p%d * sin t +", i, i);
        if (rpn_try(&w->kept[i], text) != TAY_OK) w->failed = true;
    }
    return NULL;
}

static void threads_share_expressions(void **state)
{
    (void)state;
    worker workers[N_THREADS] = {0};
    for (int k = 0; k < N_THREADS; k++)
        assert_int_equal(pthread_create(&workers[k].thread, NULL, work, &workers[k]), 0);
    for (int k = 0; k < N_THREADS; k++) pthread_join(workers[k].thread, NULL);
    for (int k = 0; k < N_THREADS; k++) {
        assert_false(workers[k].failed);
        for (int i = 0; i < N_SHARED; i++) assert_ptr_equal(workers[k].kept[i], workers[0].kept[i]);
    }
    assert_int_equal(atomic_load(&workers[0].kept[0]->refs), N_THREADS);
    for (int k = 0; k < N_THREADS; k++) {
        for (int i = 0; i < N_SHARED; i++) tay_expr_unref(workers[k].kept[i]);
    }
}

/* Every constructor, a sum too long for the stack, and a table that must grow. */
static tay_status build(void *context)
{
    (void)context;
    tay_status status = TAY_OK;
    tay_expr *e = NULL, *sum = NULL, *untouched = NULL, *terms[100] = {NULL};
    TAY_TRY(rpn_try(&e, "x p0 * y t / - z ** sqrt neg 0.5 relu pi atan2 1 x lt y select x y z 2 sum:4 + sigmoid"));
    for (uint32_t i = 0; i < 100; i++) TAY_TRY(tay_expr_parameter(&terms[i], i));
    untouched = sum = tay_expr_ref(e);
    TAY_TRY(tay_expr_sum(&sum, (const tay_expr *const *)terms, 100));
    tay_expr_unref(untouched);
    untouched = NULL;
out:
    if (untouched && sum != untouched) status = TAY_ERROR_STATE;
    for (int i = 0; i < 100; i++) tay_expr_unref(terms[i]);
    tay_expr_unref(sum);
    tay_expr_unref(e);
    return status;
}

static void every_allocation_may_fail(void **state)
{
    (void)state;
    fail_each_allocation(build, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equal_expressions_are_one),
        cmocka_unit_test(the_order_of_arguments_counts),
        cmocka_unit_test(odd_numbers),
        cmocka_unit_test(names_are_told_apart),
        cmocka_unit_test(kinds_and_their_values),
        cmocka_unit_test(arguments_are_in_order),
        cmocka_unit_test(dependence_is_known),
        cmocka_unit_test(a_million_levels),
        cmocka_unit_test(sizes_saturate),
        cmocka_unit_test(children_stand_before_parents),
        cmocka_unit_test(wrong_arguments),
        cmocka_unit_test(serials_grow),
        cmocka_unit_test(threads_share_expressions),
        cmocka_unit_test(every_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
