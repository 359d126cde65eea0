/*
 * Substitution, and the questions which variables and parameters there are.
 */
#include <stdio.h>
#include <stdlib.h>

#include "expr/expr.h"
#include "support/check.h"
#include "support/failing_alloc.h"
#include "support/rpn.h"

static void substitutions(void **state)
{
    (void)state;
    static const struct {
        const char *e, *from[2], *to[2], *result;
    } cases[] = {
        {"x y +", {"x"}, {"z"}, "z y +"},
        {"x y +", {"x", "y"}, {"y", "x"}, "y x +"}, /* all at once */
        {"x y * x +", {"x"}, {"x 1 +"}, "x 1 + y * x 1 + +"},
        {"x y + z +", {"x y +"}, {"w"}, "w z +"},
        {"x y z sum:3", {"x y +"}, {"w"}, "x y z sum:3"}, /* not a node of it */
        {"x y + x y + *", {"x y +", "x"}, {"2", "y"}, "4"},
        {"x y *", {"x"}, {"1"}, "y"}, /* simplified on the way */
        {"x y *", {"x"}, {"0"}, "0"},
        {"x y + z *", {"x", "y"}, {"2", "3"}, "5 z *"},
        {"x sin", {"x"}, {"0"}, "0"},
        {"x 2 **", {"2"}, {"3"}, "x 3 **"},
        {"x neg", {"-1"}, {"z"}, "z x *"},
        {"p0 t *", {"p0", "t"}, {"x", "p1"}, "x p1 *"},
        {"x 0.1 relu", {"0.1"}, {"z"}, "x 0.1 relu"}, /* the slope is part of the function */
        {"x 0.1 * 0.1 relu", {"0.1"}, {"z"}, "z x * 0.1 relu"},
        {"x y lt x y select", {"x"}, {"z"}, "z y lt z y select"},
        {"x", {"x"}, {"x x +"}, "x x +"},
        {"x", {"y"}, {"z"}, "x"},
        {"x y +", {"x", "x"}, {"z", "w"}, "w y +"}, /* the last counts */
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        size_t n = cases[i].from[1] ? 2 : 1;
        tay_expr *from[2], *to[2], *e = rpn(cases[i].e), *expected = rpn(cases[i].result), *out;
        for (size_t k = 0; k < n; k++) from[k] = rpn(cases[i].from[k]);
        for (size_t k = 0; k < n; k++) to[k] = rpn(cases[i].to[k]);
        assert_ok(tay_expr_subs(&out, (const tay_expr *const *)&e, 1, (const tay_expr *const *)from,
                                (const tay_expr *const *)to, n));
        if (out != expected) fail_msg("case %zu: %s", i, cases[i].e);
        for (size_t k = 0; k < n; k++) tay_expr_unref(from[k]);
        for (size_t k = 0; k < n; k++) tay_expr_unref(to[k]);
        tay_expr_unref(e);
        tay_expr_unref(expected);
        tay_expr_unref(out);
    }
}

static tay_status subs_one(tay_expr **out, tay_expr *const *e, size_t n, const tay_expr *from, const tay_expr *to)
{
    return tay_expr_subs(out, (const tay_expr *const *)e, n, &from, &to, 1);
}

static void several_expressions_at_once(void **state)
{
    (void)state;
    tay_expr *e[] = {rpn("x y +"), rpn("y"), rpn("x y +"), rpn("x x *")};
    tay_expr *x = rpn("x"), *z = rpn("z"), *expected = rpn("z y +"), *square = rpn("z z *"), *out[4];
    assert_ok(subs_one(out, e, 4, x, z));
    assert_ptr_equal(out[0], expected);
    assert_ptr_equal(out[1], e[1]);
    assert_ptr_equal(out[2], expected);
    assert_ptr_equal(out[3], square);
    tay_expr *all[] = {x, z, expected, square};
    for (int i = 0; i < 4; i++) {
        tay_expr_unref(e[i]);
        tay_expr_unref(out[i]);
        tay_expr_unref(all[i]);
    }
    assert_ok(tay_expr_subs(out, NULL, 0, NULL, NULL, 0));
}

/* A chain of 100,000 levels whose tree has 2^100000 leaves. */
static void deep_and_shared(void **state)
{
    (void)state;
    enum { DEPTH = 100000 };
    tay_expr *e = rpn("x"), *expected = rpn("z"), *x = rpn("x"), *z = rpn("z"), *next, *out;
    for (int i = 0; i < DEPTH; i++) {
        assert_ok(tay_expr_add(&next, e, e));
        tay_expr_unref(e);
        e = next;
        assert_ok(tay_expr_add(&next, expected, expected));
        tay_expr_unref(expected);
        expected = next;
    }
    assert_ok(subs_one(&out, &e, 1, x, z));
    assert_ptr_equal(out, expected);
    tay_expr *all[] = {e, expected, x, z, out};
    for (int i = 0; i < 5; i++) tay_expr_unref(all[i]);
}

static void variables_are_sorted_by_name(void **state)
{
    (void)state;
    static const char *const expected[] = {"B", "a", "a1", "x", "z", "\xc3\xa9"};
    tay_expr *e[] = {rpn("z B + a1 *"), rpn("\xc3\xa9 sin x x x sum:4"), rpn("a t p0 sum:3"), rpn("2")}, **found;
    size_t count;
    assert_ok(tay_expr_variables(&found, &count, (const tay_expr *const *)e, 4));
    assert_int_equal(count, 6);
    for (size_t i = 0; i < count; i++) {
        assert_string_equal(tay_expr_name(found[i]), expected[i]);
        tay_expr_unref(found[i]);
    }
    tay_free(found);
    assert_ok(tay_expr_variables(&found, &count, (const tay_expr *const *)e + 3, 1));
    assert_int_equal(count, 0);
    tay_free(found);
    for (int i = 0; i < 4; i++) tay_expr_unref(e[i]);
}

static void parameters_are_sorted_by_index(void **state)
{
    (void)state;
    static const uint32_t expected[] = {1, 3, 20, 2147483646};
    tay_expr *e = rpn("p20 p3 * p1 x + p2147483646 p3 sum:4"), **found;
    size_t count;
    assert_ok(tay_expr_parameters(&found, &count, (const tay_expr *const *)&e, 1));
    assert_int_equal(count, 4);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(found[i]->u.parameter, expected[i]);
        tay_expr_unref(found[i]);
    }
    tay_free(found);
    tay_expr_unref(e);
}

static void wrong_arguments(void **state)
{
    (void)state;
    tay_expr *x = rpn("x"), *out = x, **found = &out;
    const tay_expr *null = NULL, *args[] = {x};
    size_t count = 77;
    assert_error(tay_expr_subs(NULL, args, 1, args, args, 1), TAY_ERROR_ARGUMENT, "`out` is NULL");
    assert_error(tay_expr_subs(&out, &null, 1, args, args, 1), TAY_ERROR_ARGUMENT, "tay_expr_subs: argument 0");
    assert_error(tay_expr_subs(&out, args, 1, &null, args, 1), TAY_ERROR_ARGUMENT, "from: argument 0");
    assert_error(tay_expr_subs(&out, args, 1, args, NULL, 1), TAY_ERROR_ARGUMENT, "to: the array");
    assert_error(tay_expr_variables(&found, &count, &null, 1), TAY_ERROR_ARGUMENT, "tay_expr_variables: argument 0");
    assert_error(tay_expr_parameters(&found, NULL, args, 1), TAY_ERROR_ARGUMENT, "`count` is NULL");
    assert_ptr_equal(out, x);
    assert_ptr_equal(found, &out);
    assert_int_equal(count, 77);
    tay_expr_unref(x);
}

static tay_status substitute_and_query(void *context)
{
    (void)context;
    tay_status status = TAY_OK;
    tay_expr *e = NULL, *x = NULL, *z = NULL, *out = NULL, **found = NULL;
    size_t count = 0;
    TAY_TRY(rpn_try(&e, "x y + sin x p0 * x y t sum:3 x 0.1 relu prod:4"));
    TAY_TRY(rpn_try(&x, "x"));
    TAY_TRY(rpn_try(&z, "z 1 +"));
    TAY_TRY(subs_one(&out, &e, 1, x, z));
    TAY_TRY(tay_expr_variables(&found, &count, (const tay_expr *const *)&out, 1));
out:
    if (status != TAY_OK && (found || count)) status = TAY_ERROR_STATE;
    for (size_t i = 0; i < count; i++) tay_expr_unref(found[i]);
    tay_free(found);
    tay_expr *all[] = {e, x, z, out};
    for (int i = 0; i < 4; i++) tay_expr_unref(all[i]);
    return status;
}

static void every_allocation_may_fail(void **state)
{
    (void)state;
    fail_each_allocation(substitute_and_query, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(substitutions),
        cmocka_unit_test(several_expressions_at_once),
        cmocka_unit_test(deep_and_shared),
        cmocka_unit_test(variables_are_sorted_by_name),
        cmocka_unit_test(parameters_are_sorted_by_index),
        cmocka_unit_test(wrong_arguments),
        cmocka_unit_test(every_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
