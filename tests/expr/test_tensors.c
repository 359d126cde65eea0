/*
 * Tensors of derivatives: which entries there are and in which order (as the peer's), that they are what differentiating
 * step by step gives, in whichever order, and what is refused.
 */
#include "expr/numeric.h"
#include "support/failing_alloc.h"
#include "support/rpn.h"

/* The peer's diff_tensors([x*y + p0, x**3], [x, y], 2). */
static void entries_stand_in_the_peers_order(void **state)
{
    (void)state;
    static const struct {
        uint32_t component, indices[2];
        const char *text;
    } expected[] = {
        {0, {0, 0}, "((x * y) + p0)"},
        {1, {0, 0}, "x**3.0000000000000000"},
        {0, {1, 0}, "y"},
        {0, {0, 1}, "x"},
        {1, {1, 0}, "(3.0000000000000000 * x**2.0000000000000000)"},
        {1, {0, 1}, "0.0000000000000000"},
        {0, {2, 0}, "0.0000000000000000"},
        {0, {1, 1}, "1.0000000000000000"},
        {0, {0, 2}, "0.0000000000000000"},
        {1, {2, 0}, "(3.0000000000000000 * (2.0000000000000000 * x))"},
        {1, {1, 1}, "0.0000000000000000"},
        {1, {0, 2}, "0.0000000000000000"},
    };
    tay_expr *e[] = {rpn("x y * p0 +"), rpn("x 3 **")}, *args[] = {rpn("x"), rpn("y")};
    tay_tensors *t;
    assert_ok(tay_tensors_create(&t, (const tay_expr *const *)e, 2, (const tay_expr *const *)args, 2, 2));
    assert_int_equal(tay_tensors_count(t), 12);
    for (size_t k = 0; k < 12; k++) {
        uint32_t component = 9, indices[2] = {9, 9};
        char *text;
        assert_ok(tay_expr_to_string(&text, tay_tensors_get(t, k, &component, indices)));
        assert_int_equal(component, expected[k].component);
        assert_memory_equal(indices, expected[k].indices, sizeof indices);
        assert_string_equal(text, expected[k].text);
        tay_free(text);
    }
    assert_null(tay_tensors_get(t, 12, NULL, NULL));
    assert_ptr_equal(tay_tensors_get(t, 0, NULL, NULL), e[0]);
    tay_tensors_free(t);
    release(e, 2);
    release(args, 2);
}

/* Differentiates e by the arguments in descending order, the opposite of how tensors are made. */
static tay_expr *step_by_step(const tay_expr *e, const uint32_t *indices, const tay_expr *const *args, size_t n_args)
{
    tay_expr *current = tay_expr_ref(e), *next;
    for (size_t a = n_args; a-- > 0;) {
        for (uint32_t k = 0; k < indices[a]; k++) {
            assert_ok(tay_expr_diff(&next, current, args[a]));
            tay_expr_unref(current);
            current = next;
        }
    }
    return current;
}

static size_t binomial(size_t n, size_t k)
{
    size_t result = 1;
    for (size_t i = 1; i <= k; i++) result = result * (n - k + i) / i;
    return result;
}

static void entries_are_what_steps_give(void **state)
{
    (void)state;
    enum { N_ARGS = 3, N = 2 };
    tay_expr *e[] = {rpn("x y * z + sin x p0 * exp *"), rpn("x y 2 ** + 1.5 ** z tanh *")};
    tay_expr *args[] = {rpn("y"), rpn("p0"), rpn("x")}, *z = rpn("z");
    const tay_expr *vars[] = {args[0], args[2], z};
    double values[] = {0.4, 0.7, -0.3}, pars[] = {0.6};
    tay__point point = {vars, values, 3, pars, 1, 0.0};
    for (uint32_t order = 0; order <= 4; order++) {
        tay_tensors *t;
        size_t n_before = 0, sum_of_orders = 0;
        assert_ok(tay_tensors_create(&t, (const tay_expr *const *)e, N, (const tay_expr *const *)args, N_ARGS, order));
        assert_int_equal(tay_tensors_count(t), N * binomial(N_ARGS + order, order));
        for (size_t k = 0; k < tay_tensors_count(t); k++) {
            uint32_t component, indices[N_ARGS];
            const tay_expr *entry = tay_tensors_get(t, k, &component, indices);
            tay_expr *expected = step_by_step(e[component], indices, (const tay_expr *const *)args, N_ARGS);
            double value = value_at(entry, &point), other = value_at(expected, &point);
            if (!(fabs(value - other) <= 1e-11 * (1 + fabs(other))))
                fail_msg("order %u, entry %zu: %.17g instead of %.17g", order, k, value, other);
            tay_expr_unref(expected);
            size_t total = indices[0] + indices[1] + indices[2];
            assert_true(total >= n_before && total <= order);
            n_before = total;
            sum_of_orders += total;
        }
        assert_true(order == 0 || sum_of_orders > 0);
        tay_tensors_free(t);
    }
    release(e, 2);
    release(args, 3);
    tay_expr_unref(z);
}

/* Second derivatives by differences of first ones, on the scalar function of a small network. */
typedef struct shift {
    const tay_expr *e;
    double *x;
    const tay__point *point;
} shift;

static double shifted(double h, void *context)
{
    shift *s = context;
    double kept = *s->x;
    *s->x += h;
    double value = value_at(s->e, s->point);
    *s->x = kept;
    return value;
}

static void hessians_are_what_differences_say(void **state)
{
    (void)state;
    tay_expr *e = rpn("p0 x * p1 y * + p2 + tanh p3 * x y * sigmoid +"), *x[] = {rpn("x"), rpn("y")};
    double values[] = {0.3, -1.1}, pars[] = {0.5, 0.2, -0.7, 1.3};
    tay__point point = {(const tay_expr *const *)x, values, 2, pars, 4, 0.0};
    tay_tensors *t;
    assert_ok(tay_tensors_create(&t, (const tay_expr *const *)&e, 1, (const tay_expr *const *)x, 2, 2));
    static const size_t first[] = {1, 1, 2}, second[] = {0, 1, 1}; /* entries d/dx, d/dx, d/dy, then by x, y, y */
    for (size_t k = 0; k < 3; k++) {
        shift s = {tay_tensors_get(t, first[k], NULL, NULL), &values[second[k]], &point};
        double value = value_at(tay_tensors_get(t, 3 + k, NULL, NULL), &point);
        assert_true(fabs(value) > 1e-3);
        assert_true(fabs(value - central_difference(shifted, &s)) < 1e-10);
    }
    tay_tensors_free(t);
    tay_expr_unref(e);
    release(x, 2);
}

static void wrong_arguments(void **state)
{
    (void)state;
    tay_expr *e = rpn("x y *"), *x = rpn("x"), *time = rpn("t");
    const tay_expr *fn[] = {e}, *twice[] = {x, x}, *wrong[] = {x, e}, *times[] = {time};
    tay_tensors *t = NULL;
    assert_error(tay_tensors_create(&t, fn, 0, twice, 1, 1), TAY_ERROR_ARGUMENT, "zero components");
    assert_error(tay_tensors_create(&t, fn, 1, twice, 0, 1), TAY_ERROR_ARGUMENT, "empty set");
    assert_error(tay_tensors_create(&t, fn, 1, twice, 2, 1), TAY_ERROR_ARGUMENT, "distinct");
    assert_error(tay_tensors_create(&t, fn, 1, wrong, 2, 1), TAY_ERROR_ARGUMENT, "argument 1 is not");
    assert_error(tay_tensors_create(&t, fn, 1, times, 1, 1), TAY_ERROR_ARGUMENT, "argument 0 is not");
    assert_error(tay_tensors_create(&t, fn, 1, NULL, 1, 1), TAY_ERROR_ARGUMENT, "NULL");
    assert_error(tay_tensors_create(NULL, fn, 1, twice, 1, 1), TAY_ERROR_ARGUMENT, "NULL");
    assert_null(t);
    tay_tensors_free(NULL);
    tay_expr_unref(e);
    tay_expr_unref(x);
    tay_expr_unref(time);
}

static tay_status scenario(void *context)
{
    (void)context;
    tay_expr *e = NULL, *args[2] = {NULL};
    tay_tensors *t = NULL;
    tay_status status = rpn_try(&e, "x p0 * sin y *");
    if (status == TAY_OK) status = rpn_try(&args[0], "x");
    if (status == TAY_OK) status = rpn_try(&args[1], "p0");
    if (status == TAY_OK)
        status = tay_tensors_create(&t, (const tay_expr *const *)&e, 1, (const tay_expr *const *)args, 2, 2);
    if (status != TAY_OK && t) status = TAY_ERROR_STATE; /* outputs must be untouched */
    tay_tensors_free(t);
    tay_expr_unref(e);
    release(args, 2);
    return status;
}

static void failing_allocations(void **state)
{
    (void)state;
    fail_each_allocation(scenario, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(entries_stand_in_the_peers_order),
        cmocka_unit_test(entries_are_what_steps_give),
        cmocka_unit_test(hessians_are_what_differences_say),
        cmocka_unit_test(wrong_arguments),
        cmocka_unit_test(failing_allocations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
