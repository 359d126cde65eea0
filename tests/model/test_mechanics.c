/*
 * Equations of motion: accelerations put into the Euler-Lagrange equations, whose derivatives are taken one by one; what the
 * elimination does with zeros; Hamilton's equations; what is refused.
 */
#include <stdio.h>

#include "expr/numeric.h"
#include "support/failing_alloc.h"
#include "support/rpn.h"
#include "tayra/model.h"

enum { MOST = 4, POINTS = 20 };

#define CONST(expressions) (const tay_expr *const *)(expressions)

static const char *const coordinates[MOST] = {"x", "y", "z", "w"}, *const velocities[MOST] = {"a", "b", "c", "d"};

static tay_status read_variables(tay_expr **vars, size_t n)
{
    tay_status status = TAY_OK;
    for (size_t i = 0; i < n && status == TAY_OK; i++) status = rpn_try(&vars[i], coordinates[i]);
    for (size_t i = 0; i < n && status == TAY_OK; i++) status = rpn_try(&vars[n + i], velocities[i]);
    return status;
}

/* *sum += factor * d2 e / d first d second; second may be NULL: only the first. */
static void add(double *sum, double *scale, double factor, const tay_expr *e, const tay_expr *first, const tay_expr *second,
                const tay__point *point)
{
    tay_expr *once, *twice = NULL;
    assert_ok(tay_expr_diff(&once, e, first));
    if (second) assert_ok(tay_expr_diff(&twice, once, second));
    double term = factor * value_at(twice ? twice : once, point);
    *sum += term;
    *scale += fabs(term);
    tay_expr_unref(once);
    tay_expr_unref(twice);
}

/* d/dt dL/dv_i - dL/dq_i + dD/dv_i = 0 with the accelerations that rhs gives. */
static void check_point(const tay_expr *l, const tay_expr *d, tay_expr *const *vars, tay_expr *const *rhs, size_t n,
                        const tay__point *point)
{
    double rates[2 * MOST];
    tay_expr *time = rpn("t");
    assert_ok(tay__expr_evaluate(rates, CONST(rhs), 2 * n, point));
    for (size_t i = 0; i < n; i++) {
        double sum = 0, scale = 0;
        assert_true(rates[i] == point->values[n + i]);
        for (size_t j = 0; j < 2 * n; j++) add(&sum, &scale, rates[j], l, vars[n + i], vars[j], point);
        add(&sum, &scale, 1, l, vars[n + i], time, point);
        add(&sum, &scale, -1, l, vars[i], NULL, point);
        if (d) add(&sum, &scale, 1, d, vars[n + i], NULL, point);
        if (!(fabs(sum) <= 1e-11 * (1 + scale))) fail_msg("coordinate %zu: %g of %g is left", i, sum, scale);
    }
    tay_expr_unref(time);
}

static const struct mechanics_case {
    size_t n;
    const char *lagrangian, *dissipation;
} cases[] = {
    {1, "a 2 ** 0.5 * x cos +", NULL},
    {1, "a 2 ** x cos 2 + * p0 * t sin 2 + * x t * p1 * - a t * x * +", "a 2 ** p1 * t 1 + *"},
    {1, "1 a 0.1 * 2 ** - sqrt neg x 2 ** -", "a 4 **"}, /* M depends on the velocity */
    {2, "a 2 ** p0 * b 2 ** p1 * + x y - cos +", "a b - 2 **"},
    {2, "a 2 ** b 2 ** 0.5 * + a b * x y - cos * + x cos 2 * + y cos +", NULL}, /* double pendulum */
    {2, "a 2 ** b 2 ** + x b * y a * - p0 * + x 2 ** y 4 ** + -", "a 2 ** b 2 ** p1 * +"}, /* charge in a magnetic field */
    {2, "a b * x y * -", NULL},
    {2, "a b * x 2 + * b 2 ** p0 * + y 3 ** +", NULL},
    {3, "a 2 ** b 2 ** + c 2 ** + 2 * a c * x y - cos * + b c * z sin * + y z * + t a * +", "a c * t * b 2 ** +"},
    {3, "a b * x 2 + * a c * + b c * y 3 - * + x z * +", NULL},
    {3, "a b * 2 * x sin 2 + c 2 ** * + z y * +", "c 2 **"},
    {4, "a c * a d * p0 * + b c * x 3 + * + b d * + c 2 ** y * + c d * z * + d 2 ** + x w * +", NULL},
    {4, "a b * c d * p0 * + a d * x 0.1 * * + c 2 ** + w 2 ** x * -", "a 2 ** d 2 ** +"},
    {4, "a 2 ** b 2 ** + c 2 ** + d 2 ** + 4 * a b * x sin * + a c * x cos * + a d * t cos * + y z * +", NULL},
};

static void accelerations_solve_the_equations(void **state)
{
    (void)state;
    static const double pars[] = {0.7, 1.3};
    uint64_t seed = 1;
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        size_t n = cases[k].n;
        tay_expr *vars[2 * MOST], *rhs[2 * MOST], *l = rpn(cases[k].lagrangian);
        tay_expr *d = cases[k].dissipation ? rpn(cases[k].dissipation) : NULL;
        assert_ok(read_variables(vars, n));
        assert_ok(tay_model_lagrangian(rhs, l, CONST(vars), n, d));
        for (size_t i = 0; i < n; i++) assert_ptr_equal(rhs[i], vars[n + i]);
        for (int p = 0; p < POINTS; p++) {
            double values[2 * MOST];
            for (size_t i = 0; i < 2 * n; i++) values[i] = random_between(&seed, 0.2, 2);
            tay__point point = {CONST(vars), values, 2 * n, pars, 2, 0.3};
            check_point(l, d, vars, rhs, n, &point);
        }
        release(vars, 2 * n);
        release(rhs, 2 * n);
        tay_expr_unref(l);
        tay_expr_unref(d);
    }
}

static size_t count_nodes(tay_expr *const *e, size_t n, bool divisions)
{
    const tay_expr **nodes;
    size_t count, found = 0;
    assert_ok(tay__expr_postorder(&nodes, &count, NULL, CONST(e), n));
    for (size_t i = 0; i < count; i++) {
        if (nodes[i]->kind == TAY_KIND_FUNCTION && nodes[i]->function == TAY_POW)
            found += tay_expr_value(nodes[i]->u.args[1]) == -1;
    }
    tay__free(nodes);
    return divisions ? found : count;
}

enum { CARS = 64 };

/* The nodes, or divisions, of the equations of n masses p0, p1, ... and, if it is coupled, a car that carries them. */
static size_t count_of_cars(size_t n, bool coupled, bool divisions)
{
    tay_expr *vars[2 * CARS], *rhs[2 * CARS], *l = rpn("0");
    for (size_t i = 0; i < n; i++) {
        char text[64];
        snprintf(text, sizeof text, "q%zu", i);
        vars[i] = rpn(text);
        snprintf(text, sizeof text, "v%zu", i);
        vars[n + i] = rpn(text);
        snprintf(text, sizeof text, coupled ? "p%zu v%zu 2 ** * v%zu v0 * q%zu cos * +" : "p%zu v%zu 2 ** *", i, i, i, i);
        tay_expr *term = rpn(text), *sum;
        assert_ok(tay_expr_add(&sum, l, term));
        tay_expr_unref(term);
        tay_expr_unref(l);
        l = sum;
    }
    assert_ok(tay_model_lagrangian(rhs, l, CONST(vars), n, NULL));
    size_t count = count_nodes(rhs, 2 * n, divisions);
    release(vars, 2 * n);
    release(rhs, 2 * n);
    tay_expr_unref(l);
    return count;
}

/* One division for each acceleration; and no zeros that fill up: the car, which all have to do with, comes last. */
static void zeros_stay(void **state)
{
    (void)state;
    tay_expr *vars[4], *rhs[4], *l = rpn("a 2 ** p0 * b 2 ** p1 * + x y * -");
    assert_ok(read_variables(vars, 2));
    assert_ok(tay_model_lagrangian(rhs, l, CONST(vars), 2, NULL));
    assert_int_equal(count_nodes(rhs, 4, true), 2);
    assert_int_equal(count_nodes(rhs, 3, true), 1);
    release(vars, 4);
    release(rhs, 4);
    tay_expr_unref(l);
    assert_int_equal(count_of_cars(CARS, true, true), CARS);
    size_t few = count_of_cars(CARS / 4, true, false), some = count_of_cars(CARS / 2, true, false);
    assert_true(count_of_cars(CARS, true, false) - some == 2 * (some - few));
}

static void hamilton(void **state)
{
    (void)state;
    tay_expr *vars[4], *rhs[4], *h = rpn("a b * p0 * x cos y * t * +");
    assert_ok(read_variables(vars, 2));
    assert_ok(tay_model_hamiltonian(rhs, h, CONST(vars), 2));
    assert_text(rhs[0], "(p0 * b)");
    assert_text(rhs[1], "(p0 * a)");
    assert_text(rhs[2], "-((t * y) * -sin(x))");
    assert_text(rhs[3], "-(t * cos(x))");
    release(vars, 4);
    release(rhs, 4);
    tay_expr_unref(h);
}

static void assert_singular(const char *lagrangian, size_t n, const char *part)
{
    tay_expr *vars[2 * MOST], *rhs[2 * MOST] = {NULL}, *l = rpn(lagrangian);
    assert_ok(read_variables(vars, n));
    assert_error(tay_model_lagrangian(rhs, l, CONST(vars), n, NULL), TAY_ERROR_ARGUMENT, part);
    assert_non_null(strstr(tay_error_message(), "singular, an invertible one was expected"));
    assert_null(rhs[0]);
    release(vars, 2 * n);
    tay_expr_unref(l);
}

static void singular(void **state)
{
    (void)state;
    assert_singular("1", 1, "no equation is left for the acceleration of coordinate 0, 'x'");
    assert_singular("a x *", 1, "coordinate 0, 'x'");
    assert_singular("a 2 ** b +", 2, "coordinate 1, 'y'");
    assert_singular("a b + 2 **", 2, "coordinate 1, 'y'");
    assert_singular("b c * x *", 3, "coordinate 0, 'x'");
    assert_singular("a c * x * b c * y * + c 2 ** +", 3, "coordinate 1, 'y'"); /* two rows with one entry between them */
}

static void wrong_arguments(void **state)
{
    (void)state;
    tay_expr *x = rpn("x"), *y = rpn("y"), *a = rpn("a"), *b = rpn("b"), *t = rpn("t"), *p = rpn("p3"), *e = rpn("a 2 **");
    tay_expr *long_sum = rpn("v#70 1 +"), *out[4] = {x};
    const tay_expr *good[] = {x, a}, *hole[] = {x, NULL}, *twice[] = {x, x, a, b}, *both[] = {x, y, a, y}, *same[] = {x, y, b, b};
    const tay_expr *time[] = {x, t}, *par[] = {p, a}, *sum[] = {x, long_sum}, *others[] = {y, b};
    assert_error(tay_model_lagrangian(NULL, e, good, 1, NULL), TAY_ERROR_ARGUMENT, "tay_model_lagrangian: `rhs` is NULL");
    assert_error(tay_model_lagrangian(out, NULL, good, 1, NULL), TAY_ERROR_ARGUMENT, "Lagrangian is NULL");
    assert_error(tay_model_lagrangian(out, e, NULL, 1, NULL), TAY_ERROR_ARGUMENT, "`vars` is NULL");
    assert_error(tay_model_lagrangian(out, e, good, 0, NULL), TAY_ERROR_ARGUMENT, "at least one coordinate was expected");
    assert_error(tay_model_lagrangian(out, e, good, SIZE_MAX / 2 + 1, NULL), TAY_ERROR_LIMIT, "");
    assert_error(tay_model_lagrangian(out, e, hole, 1, NULL), TAY_ERROR_ARGUMENT, "vars[1] is NULL");
    assert_error(tay_model_lagrangian(out, e, twice, 2, NULL), TAY_ERROR_ARGUMENT, "'x' is coordinate 0 and coordinate 1");
    assert_error(tay_model_lagrangian(out, e, both, 2, NULL), TAY_ERROR_ARGUMENT, "'y' is coordinate 1 and velocity 1");
    assert_error(tay_model_lagrangian(out, e, same, 2, NULL), TAY_ERROR_ARGUMENT, "'b' is velocity 0 and velocity 1");
    assert_error(tay_model_lagrangian(out, e, time, 1, NULL), TAY_ERROR_ARGUMENT,
                 "a variable was expected as velocity 0, not 't'");
    assert_error(tay_model_lagrangian(out, e, par, 1, NULL), TAY_ERROR_ARGUMENT,
                 "a variable was expected as coordinate 0, not 'p3'");
    assert_error(tay_model_lagrangian(out, e, sum, 1, NULL), TAY_ERROR_ARGUMENT, "vvv...'");
    assert_error(tay_model_lagrangian(out, e, others, 1, NULL), TAY_ERROR_ARGUMENT,
                 "the Lagrangian contains the variable 'a', which is neither a coordinate nor a velocity");
    assert_error(tay_model_lagrangian(out, e, good, 1, x), TAY_ERROR_ARGUMENT,
                 "the dissipation function contains the variable 'x', which is not a velocity");
    assert_error(tay_model_lagrangian(out, e, good, 1, b), TAY_ERROR_ARGUMENT, "dissipation function contains the variable 'b'");
    assert_error(tay_model_hamiltonian(NULL, e, good, 1), TAY_ERROR_ARGUMENT, "tay_model_hamiltonian: `rhs` is NULL");
    assert_error(tay_model_hamiltonian(out, NULL, good, 1), TAY_ERROR_ARGUMENT, "Hamiltonian is NULL");
    assert_error(tay_model_hamiltonian(out, e, NULL, 1), TAY_ERROR_ARGUMENT, "`vars` is NULL");
    assert_error(tay_model_hamiltonian(out, e, good, 0), TAY_ERROR_ARGUMENT, "at least one coordinate was expected");
    assert_error(tay_model_hamiltonian(out, e, both, 2), TAY_ERROR_ARGUMENT, "'y' is coordinate 1 and momentum 1");
    assert_error(tay_model_hamiltonian(out, e, others, 1), TAY_ERROR_ARGUMENT, "neither a coordinate nor a momentum");
    assert_ptr_equal(out[0], x);
    release((tay_expr *[]){x, y, a, b, t, p, e, long_sum}, 8);
}

static tay_status build(const char *function, const char *dissipation, size_t n, bool is_lagrangian)
{
    tay_expr *vars[2 * MOST] = {NULL}, *rhs[2 * MOST] = {NULL}, *e = NULL, *d = NULL;
    tay_status status = read_variables(vars, n);
    if (status == TAY_OK) status = rpn_try(&e, function);
    if (status == TAY_OK && dissipation) status = rpn_try(&d, dissipation);
    if (status == TAY_OK)
        status = is_lagrangian ? tay_model_lagrangian(rhs, e, CONST(vars), n, d) : tay_model_hamiltonian(rhs, e, CONST(vars), n);
    if (status != TAY_OK && rhs[0]) status = TAY_ERROR_STATE; /* outputs must be untouched */
    release(vars, 2 * n);
    release(rhs, 2 * n);
    tay_expr_unref(e);
    tay_expr_unref(d);
    return status;
}

static tay_status scenario(void *context)
{
    const struct mechanics_case *c = context;
    return build(c->lagrangian, c->dissipation, c->n, true);
}

static tay_status hamiltonian_scenario(void *context)
{
    return build(context, NULL, 2, false);
}

static tay_status singular_scenario(void *context)
{
    tay_status status = build(context, NULL, 1, true);
    return status == TAY_ERROR_ARGUMENT ? TAY_OK : status;
}

static void failing_allocations(void **state)
{
    (void)state;
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) fail_each_allocation(scenario, (void *)&cases[k]);
    fail_each_allocation(hamiltonian_scenario, "a b * x cos y * +");
    fail_each_allocation(singular_scenario, "a x *");
    fail_each_allocation(singular_scenario, "b 2 **");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(accelerations_solve_the_equations),
        cmocka_unit_test(zeros_stay),
        cmocka_unit_test(hamilton),
        cmocka_unit_test(singular),
        cmocka_unit_test(wrong_arguments),
        cmocka_unit_test(failing_allocations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
