/*
 * The simplifying constructors: what two expressions must be one and the same, and which numbers are folded to what.
 */
#include <math.h>
#include <stdlib.h>

#include "expr/expr.h"
#include "support/check.h"
#include "support/rpn.h"

static void simplified_to_the_same(void **state)
{
    (void)state;
    static const struct {
        const char *a, *b;
    } cases[] = {
        {"x 0 +", "x"},
        {"0 x +", "x"},
        {"x -0 +", "x"},
        {"x 0 -", "x"},
        {"0 x -", "x neg"},
        {"x 1 *", "x"},
        {"1 x *", "x"},
        {"x 1 /", "x"},
        {"x 0 *", "0"},
        {"0 x /", "0"},
        {"x -1 *", "x neg"},
        {"x 2 *", "2 x *"},
        {"x 1 +", "1 x +"},
        {"x 1 -", "-1 x +"},
        {"x 4 /", "0.25 x *"},
        {"1 x /", "x -1 **"},
        {"x y -", "x -1 y prod:2 sum:2"},
        {"x y /", "x y -1 ** *"},
        {"x 0 **", "1"},
        {"x -0 **", "1"},
        {"x 1 **", "x"},
        {"x sqrt", "x 0.5 **"},
        {"x sum:1", "x"},
        {"x prod:1", "x"},
        {"sum:0", "0"},
        {"prod:0", "1"},
        {"x y sum:2", "x y +"},
        {"x 1 y 2 sum:4", "3 x y sum:3"},
        {"x 1 -1 sum:3", "x"},
        {"x 2 y 3 prod:4", "6 x y prod:3"},
        {"x 2 0.5 y prod:4", "x y *"},
        {"x 0 y prod:3", "0"},
        {"x logical_and:1", "x"},
        {"x logical_or:1", "x"},
        {"logical_and:0", "1"},
        {"logical_or:0", "0"},
        {"x 2 pow", "x 2 **"},
        {"x 0 pow", "1"},
        {"x -0 relu", "x 0 relu"},
        {"2 3 0.5 sum:3 x +", "5.5 x +"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        tay_expr *a = rpn(cases[i].a), *b = rpn(cases[i].b);
        if (a != b) fail_msg("%s is not %s", cases[i].a, cases[i].b);
        tay_expr_unref(a);
        tay_expr_unref(b);
    }
}

/* Left as they are: simplifications are local and cheap. */
static void not_simplified(void **state)
{
    (void)state;
    static const struct {
        const char *a, *b;
    } cases[] = {{"x neg neg", "x"},         {"x x -", "0"},       {"x x +", "2 x *"},       {"x x *", "x 2 **"},
                 {"x y + z +", "x y z sum:3"}, {"2 3 x * *", "6 x *"}, {"x 1 + 1 +", "2 x +"}, {"x x /", "1"},
                 {"x 2 ** 0.5 **", "x"},     {"1 x **", "1"},      {"0 x **", "0"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        tay_expr *a = rpn(cases[i].a), *b = rpn(cases[i].b);
        if (a == b) fail_msg("%s is %s", cases[i].a, cases[i].b);
        tay_expr_unref(a);
        tay_expr_unref(b);
    }
}

static void numbers_are_folded(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        double value;
    } cases[] = {
        {"1 2 +", 3.0},
        {"5 3 /", 5.0 / 3.0}, /* not 5 * (1/3) */
        {"2 3 **", 8.0},
        {"4 sqrt", 2.0},
        {"0.1 0.2 0.3 sum:3", (0.1 + 0.2) + 0.3},
        {"0.3 0.2 0.1 sum:3", (0.3 + 0.2) + 0.1},
        {"0.1 0.2 0.3 prod:3", (0.1 * 0.2) * 0.3},
        {"2 neg", -2.0},
        {"1 0 /", HUGE_VAL},
        {"-2 0.1 relu", -0.1 * 2.0},
        {"-2 0.1 relup", 0.1},
        {"2 0.1 relup", 1.0},
        {"0 exp", 1.0},
        {"0 sin", 0.0},
        {"0 1 atan2", 0.0},
        {"1 log", 0.0},
        {"0 sigmoid", 0.5},
        {"3 0 pow", 1.0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        tay_expr *e = rpn(cases[i].text);
        assert_int_equal(tay_expr_get_kind(e), TAY_KIND_NUMBER);
        if (tay_expr_value(e) != cases[i].value) fail_msg("%s is %.17g", cases[i].text, tay_expr_value(e));
        tay_expr_unref(e);
    }
}

static void signs_of_zeros(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool negative;
    } cases[] = {{"-0 sum:1", true}, {"-0 -0 +", true}, {"0 -0 +", false}, {"-0 x *", true}, {"x 0 *", false},
                 {"0 neg", true},    {"-0 0 -", true},  {"-0 sqrt", false}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        tay_expr *e = rpn(cases[i].text);
        if (tay_expr_value(e) != 0.0 || signbit(tay_expr_value(e)) != cases[i].negative)
            fail_msg("%s is %g", cases[i].text, tay_expr_value(e));
        tay_expr_unref(e);
    }
}

/* Comparisons and what decides by them keep their numbers, as in heyoka. */
static void functions_that_do_not_fold(void **state)
{
    (void)state;
    static const char *const texts[] = {"1 2 lt", "1 1 eq", "1 2 neq", "1 2 gt", "1 2 lte", "1 2 gte", "1 2 3 select",
                                        "1 0 logical_and:2", "1 0 logical_or:2", "pi"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        tay_expr *e = rpn(texts[i]);
        assert_int_equal(tay_expr_get_kind(e), TAY_KIND_FUNCTION);
        tay_expr_unref(e);
    }
}

/* The rows of a layer rely on it. */
static void long_sums_keep_their_order(void **state)
{
    (void)state;
    enum { N = 500 };
    tay_expr *terms[N], *sum, *product;
    for (uint32_t i = 0; i < N; i++) {
        if (i == 100)
            assert_ok(tay_expr_number(&terms[i], 3.0));
        else
            assert_ok(tay_expr_parameter(&terms[i], (i * 7919) % N));
    }
    assert_ok(tay_expr_sum(&sum, (const tay_expr *const *)terms, N));
    assert_ok(tay_expr_prod(&product, (const tay_expr *const *)terms, N));
    assert_int_equal(sum->n_args, N);
    assert_ptr_equal(sum->u.args[0], terms[100]);
    for (uint32_t i = 0; i < N; i++) {
        if (i == 100) continue;
        assert_ptr_equal(sum->u.args[i < 100 ? i + 1 : i], terms[i]);
        assert_ptr_equal(product->u.args[i < 100 ? i + 1 : i], terms[i]);
    }
    tay_expr_unref(sum);
    tay_expr_unref(product);
    for (uint32_t i = 0; i < N; i++) tay_expr_unref(terms[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(simplified_to_the_same),     cmocka_unit_test(not_simplified),
        cmocka_unit_test(numbers_are_folded),         cmocka_unit_test(signs_of_zeros),
        cmocka_unit_test(functions_that_do_not_fold), cmocka_unit_test(long_sums_keep_their_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
