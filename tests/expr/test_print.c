/*
 * Texts against those of the peer (print_cases.txt, its first argument), numbers against the C library's printf, and
 * graphs whose text would be endless.
 */
#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/base.h"
#include "expr/text.h"
#include "support/check.h"
#include "support/failing_alloc.h"
#include "support/rpn.h"

static const char *cases_path;

static void texts_are_the_peers(void **state)
{
    (void)state;
    static char line[16384];
    int n = 0;
    FILE *file = fopen(cases_path, "r");
    assert_non_null(file);
    while (fgets(line, sizeof line, file)) {
        char *expression = strtok(line, "\t"), *size = strtok(NULL, "\t"), *expected = strtok(NULL, "\n"), *text;
        assert_non_null(expected);
        tay_expr *e = rpn(expression);
        assert_ok(tay_expr_to_string(&text, e));
        if (strcmp(text, expected) != 0) fail_msg("%s gives\n%s instead of\n%s", expression, text, expected);
        if (tay_expr_size(e) != strtoul(size, NULL, 10)) fail_msg("%s has size %zu", expression, tay_expr_size(e));
        tay_free(text);
        tay_expr_unref(e);
        n++;
    }
    fclose(file);
    assert_in_range(n, 700, 100000);
}

static double random_number(uint64_t *seed)
{
    *seed = tay__mix(*seed, 1);
    double value;
    if (*seed % 2) return (double)(int64_t)(*seed >> 32) / (double)(1 << (*seed % 31));
    memcpy(&value, seed, sizeof value);
    return isfinite(value) ? value : 0.0;
}

static void numbers_have_all_digits(void **state)
{
    (void)state;
    char text[TAY__NUMBER_SIZE], expected[64];
    uint64_t seed = 3;
    for (int i = 0; i < 20000; i++) {
        double value = i < 700 ? ldexp(i % 2 ? -1.5 : 1.0, i - 350) : random_number(&seed);
        snprintf(expected, sizeof expected, "%#.17g", value);
        tay__text_of_number(text, value);
        assert_string_equal(text, expected);
    }
}

static void short_numbers_are_shortest(void **state)
{
    (void)state;
    char text[TAY__NUMBER_SIZE], shorter[64];
    uint64_t seed = 4;
    for (int i = 0; i < 20000; i++) {
        double value = random_number(&seed);
        tay__text_of_number_short(text, value);
        assert_true(strtod(text, NULL) == value);
        int n_digits = 0;
        for (const char *c = text; *c && *c != 'e'; c++) n_digits += *c >= '0' && *c <= '9' && (n_digits || *c != '0');
        if (n_digits < 2 || n_digits > 17) continue; /* zeros before the point count, but are not needed */
        snprintf(shorter, sizeof shorter, "%.*e", n_digits - 2, value);
        if (strtod(shorter, NULL) == value && strchr(text, '.')) fail_msg("%s is longer than %s", text, shorter);
    }
}

/* A locale with a decimal comma; where none is installed it is made, if there is what it is made of. */
static bool set_locale(void)
{
    static const char *const names[] = {"de_DE.UTF-8", "fr_FR.UTF-8", "de_DE", "fr_FR"};
    char folder[] = "/tmp/tayra-test-XXXXXX", command[128];
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (setlocale(LC_NUMERIC, names[i])) return true;
    assert_non_null(mkdtemp(folder));
    snprintf(command, sizeof command, "localedef -i de_DE -f UTF-8 %s/%s >%s/log 2>&1", folder, names[0], folder);
    bool found = system(command) == 0 && setenv("LOCPATH", folder, 1) == 0 && setlocale(LC_NUMERIC, names[0]);
    unsetenv("LOCPATH");
    snprintf(command, sizeof command, "rm -rf %s", folder);
    assert_int_equal(system(command), 0);
    return found;
}

static void other_locales_change_nothing(void **state)
{
    (void)state;
    bool found = set_locale();
    char comma[8];
    snprintf(comma, sizeof comma, "%.1f", 0.5);
    assert_string_equal(comma, found ? "0,5" : "0.5");
    tay_expr *slope, *x;
    char *text;
    assert_ok(tay_expr_number(&slope, 0.25));
    assert_ok(tay_expr_variable(&x, "x"));
    const tay_expr *args[] = {x, slope};
    tay_expr *e, *relu;
    assert_ok(tay_expr_function(&relu, TAY_RELU, args, 2));
    assert_ok(tay_expr_add(&e, relu, slope));
    assert_ok(tay_expr_to_string(&text, e));
    setlocale(LC_NUMERIC, "C");
    assert_string_equal(text, "(0.25000000000000000 + leaky_relu(x, 0.25))");
    tay_free(text);
    tay_expr *all[] = {slope, x, relu, e};
    for (int i = 0; i < 4; i++) tay_expr_unref(all[i]);
    if (!found) skip();
}

static void endless_texts_are_cut(void **state)
{
    (void)state;
    tay_expr *e = rpn("x");
    for (int i = 0; i < 1000; i++) {
        tay_expr *next;
        assert_ok(i % 3 ? tay_expr_add(&next, e, e) : tay_expr_mul(&next, e, e));
        tay_expr_unref(e);
        e = next;
    }
    char *text;
    assert_ok(tay_expr_to_string(&text, e));
    assert_in_range(strlen(text), 1001, 1010);
    assert_string_equal(text + strlen(text) - 3, "...");
    tay_free(text);
    tay_expr_unref(e);
}

static void wrong_arguments(void **state)
{
    (void)state;
    char *text = NULL;
    tay_expr *x = rpn("x");
    assert_error(tay_expr_to_string(&text, NULL), TAY_ERROR_ARGUMENT, "the expression is NULL");
    assert_error(tay_expr_to_string(NULL, x), TAY_ERROR_ARGUMENT, "`out` is NULL");
    assert_null(text);
    tay_expr_unref(x);
}

static tay_status print(void *context)
{
    (void)context;
    char *text = (char *)"untouched";
    tay_expr *e = NULL;
    static const char description[] =
        "x y - z w sum:3 p0 / 2 ** x 0.1 relu y lt x y select neg sin pi + v#300 v#300 * v#300 / + +";
    tay_status status = rpn_try(&e, description);
    if (status == TAY_OK) status = tay_expr_to_string(&text, e);
    if (status != TAY_OK && strcmp(text, "untouched") != 0) status = TAY_ERROR_STATE;
    if (status == TAY_OK) tay_free(text);
    tay_expr_unref(e);
    return status;
}

static void every_allocation_may_fail(void **state)
{
    (void)state;
    fail_each_allocation(print, NULL);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts_are_the_peers),        cmocka_unit_test(numbers_have_all_digits),
        cmocka_unit_test(short_numbers_are_shortest), cmocka_unit_test(other_locales_change_nothing),
        cmocka_unit_test(endless_texts_are_cut),      cmocka_unit_test(wrong_arguments),
        cmocka_unit_test(every_allocation_may_fail),
    };
    cases_path = argc > 1 ? argv[1] : "print_cases.txt";
    return cmocka_run_group_tests(tests, NULL, NULL);
}
