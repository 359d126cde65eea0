/*
 * Variational systems: names and order as the peer's; right-hand sides of orders 1 to 3 against differences of the
 * original ones along a polynomial that has the derivatives as coefficients; initial values against a solution in closed
 * form; the shape of the first order; what is refused.
 */
#include <stdio.h>

#include "expr/numeric.h"
#include "support/failing_alloc.h"
#include "support/rpn.h"
#include "tayra/variational.h"

enum { MAX_ARGS = 4 };

/* A driven pendulum: x' = v, v' = cos(t) - p0 v - sin(x) p2. */
typedef struct driven {
    tay_expr *vars[2], *rhs[2], *p0, *p2, *t;
} driven;

static void driven_start(driven *s)
{
    *s = (driven){{rpn("x"), rpn("v")}, {rpn("v"), rpn("t cos p0 v * - x sin p2 * -")}, rpn("p0"), rpn("p2"), rpn("t")};
}

static void driven_end(driven *s)
{
    release(s->vars, 2);
    release(s->rhs, 2);
    tay_expr_unref(s->p0);
    tay_expr_unref(s->p2);
    tay_expr_unref(s->t);
}

static tay_variational *make(const driven *s, tay_variational_options options)
{
    tay_variational *v;
    options.size = sizeof options;
    assert_ok(tay_variational_create(&v, (const tay_expr *const *)s->vars, (const tay_expr *const *)s->rhs, 2, &options));
    return v;
}

static void names_and_order_are_the_peers(void **state)
{
    (void)state;
#define D "\xe2\x88\x82"
    static const char *const names[] = {
        "x", "v", D "[(0, 1)]x", D "[(1, 1)]x", D "[(0, 1)]v", D "[(1, 1)]v",
        D "[(0, 2)]x", D "[(0, 1), (1, 1)]x", D "[(1, 2)]x", D "[(0, 2)]v", D "[(0, 1), (1, 1)]v", D "[(1, 2)]v"};
    static const uint32_t multi_indices[][3] = {{0, 0, 0}, {1, 0, 0}, {0, 1, 0}, {0, 0, 1}, {1, 1, 0}, {1, 0, 1},
                                                {0, 2, 0}, {0, 1, 1}, {0, 0, 2}, {1, 2, 0}, {1, 1, 1}, {1, 0, 2}};
    static const size_t slices[3][2][2] = {{{0, 1}, {1, 2}}, {{2, 4}, {4, 6}}, {{6, 9}, {9, 12}}};
    driven s;
    driven_start(&s);
    tay_variational *v = make(&s, (tay_variational_options){.which = TAY_VAR_VARS, .order = 2});
    assert_int_equal(tay_variational_n_total(v), 12);
    assert_int_equal(tay_variational_n_original(v), 2);
    assert_int_equal(tay_variational_order(v), 2);
    for (size_t i = 0; i < 12; i++) {
        uint32_t index[3];
        assert_string_equal(tay_expr_name(tay_variational_vars(v)[i]), names[i]);
        assert_true(tay_variational_multi_index(v, i, &index[0], index + 1));
        assert_memory_equal(index, multi_indices[i], sizeof index);
    }
    assert_false(tay_variational_multi_index(v, 12, NULL, NULL));
    for (uint32_t order = 0; order < 3; order++) {
        for (size_t c = 0; c < 2; c++) {
            size_t begin, end;
            assert_true(tay_variational_slice(v, order, c, &begin, &end));
            assert_int_equal(begin, slices[order][c][0]);
            assert_int_equal(end, slices[order][c][1]);
            assert_false(tay_variational_slice(v, 3, c, &begin, &end));
        }
    }
    assert_false(tay_variational_slice(v, 0, 2, &(size_t){0}, &(size_t){0}));
    tay_variational_free(v);
    driven_end(&s);
}

static void bits_give_arguments_in_order(void **state)
{
    (void)state;
    driven s;
    driven_start(&s);
    const tay_expr *all[] = {s.vars[0], s.vars[1], s.p0, s.p2, s.t};
    tay_variational *v = make(&s, (tay_variational_options){.which = TAY_VAR_ALL});
    assert_int_equal(tay_variational_order(v), 1);
    assert_int_equal(tay_variational_n_args(v), 5);
    for (size_t a = 0; a < 5; a++) assert_ptr_equal(tay_variational_args(v)[a], all[a]);
    assert_int_equal(tay_variational_n_total(v), 2 + 2 * 5);
    tay_variational_free(v);
    v = make(&s, (tay_variational_options){.which = TAY_VAR_PARAMS | TAY_VAR_TIME});
    assert_int_equal(tay_variational_n_args(v), 3);
    for (size_t a = 0; a < 3; a++) assert_ptr_equal(tay_variational_args(v)[a], all[a + 2]);
    tay_variational_free(v);
    driven_end(&s);
}

/* f_i at x(theta), p(theta), where x_k(theta) = sum phi_ka theta^a / a!. */
typedef struct polynomial {
    const tay_variational *v;
    const double *phi; /* [n_total] */
    double theta[MAX_ARGS], pars[3], time;
    size_t component;
    uint32_t left[MAX_ARGS]; /* derivatives still to be taken */
} polynomial;

static double evaluate(const polynomial *p)
{
    const tay_variational *v = p->v;
    double x[2] = {0.0, 0.0}, pars[3];
    memcpy(pars, p->pars, sizeof pars);
    for (size_t i = 0; i < tay_variational_n_total(v); i++) {
        uint32_t component, indices[MAX_ARGS];
        assert_true(tay_variational_multi_index(v, i, &component, indices));
        double term = p->phi[i];
        for (size_t a = 0; a < tay_variational_n_args(v); a++) {
            for (uint32_t k = 1; k <= indices[a]; k++) term *= p->theta[a] / k;
        }
        x[component] += term;
    }
    for (size_t a = 0; a < tay_variational_n_args(v); a++) {
        const tay_expr *arg = tay_variational_args(v)[a];
        if (arg->kind == TAY_KIND_PARAMETER) pars[arg->u.parameter] += p->theta[a];
    }
    tay__point point = {tay_variational_vars(v), x, 2, pars, 3, p->time};
    return value_at(tay_variational_rhs(v)[p->component], &point);
}

static double next_derivative(polynomial *p);

static double shifted(double h, void *context)
{
    polynomial p = *(polynomial *)context;
    size_t a = 0;
    while (p.left[a] == 0) a++;
    p.left[a]--;
    p.theta[a] += h;
    return next_derivative(&p);
}

static double next_derivative(polynomial *p)
{
    for (size_t a = 0; a < MAX_ARGS; a++) {
        if (p->left[a] > 0) return central_difference(shifted, p);
    }
    return evaluate(p);
}

/* All right-hand sides at random values of everything. */
static void check_rhs(const tay_variational *v)
{
    size_t n = tay_variational_n_total(v);
    double *phi = malloc(n * sizeof *phi);
    uint64_t seed = 5;
    polynomial p = {.v = v, .phi = phi, .pars = {0.4, 99, -0.7}, .time = 0.9};
    for (size_t i = 0; i < n; i++) phi[i] = random_between(&seed, -1, 1);
    tay__point point = {tay_variational_vars(v), phi, n, p.pars, 3, p.time};
    for (size_t i = 0; i < n; i++) {
        uint32_t component, indices[MAX_ARGS] = {0}, total = 0;
        assert_true(tay_variational_multi_index(v, i, &component, indices));
        p.component = component;
        memcpy(p.left, indices, sizeof p.left);
        for (size_t a = 0; a < MAX_ARGS; a++) total += indices[a];
        static const double tolerances[] = {1e-15, 1e-11, 1e-8, 2e-6};
        double value = value_at(tay_variational_rhs(v)[i], &point), expected = next_derivative(&p);
        if (!(fabs(value - expected) <= tolerances[total] * (1 + fabs(expected))))
            fail_msg("%s: %.17g instead of %.17g", tay_expr_name(tay_variational_vars(v)[i]), value, expected);
    }
    free(phi);
}

static void right_hand_sides_are_what_differences_say(void **state)
{
    (void)state;
    driven s;
    driven_start(&s);
    for (uint32_t order = 1; order <= 3; order++) {
        const tay_expr *args[] = {s.p2, s.vars[1], s.t, s.p0};
        for (size_t n_args = 1; n_args <= (order < 3 ? 4 : 3); n_args++) {
            tay_variational *v = make(&s, (tay_variational_options){.order = order, .args = args, .n_args = n_args});
            check_rhs(v);
            tay_variational_free(v);
        }
    }
    driven_end(&s);
}

/* A parameter that does not occur, and a variable without influence: zeros, but variables all the same. */
static void arguments_without_influence(void **state)
{
    (void)state;
    driven s;
    driven_start(&s);
    tay_expr *other = rpn("p7");
    const tay_expr *args[] = {other};
    tay_variational *v = make(&s, (tay_variational_options){.order = 2, .args = args, .n_args = 1});
    assert_int_equal(tay_variational_n_total(v), 6);
    for (size_t i = 2; i < 6; i++) assert_true(tay_expr_value(tay_variational_initial(v)[i]) == 0.0);
    tay_variational_free(v);
    tay_expr_unref(other);
    driven_end(&s);
}

/* x' = p0 t x has x = x0 exp(p0 (t^2 - t0^2) / 2); at t = t0 its derivatives by x0, p0, t0 are known. */
static void initial_values_are_those_of_the_solution(void **state)
{
    (void)state;
    const double x0 = 1.7, p = -0.6, t0 = 0.8;
    tay_expr *x = rpn("x"), *f = rpn("p0 t * x *"), *p0 = rpn("p0"), *t = rpn("t");
    const tay_expr *vars[] = {x}, *rhs[] = {f}, *orders[2][3] = {{x, p0, t}, {t, x, p0}};
    for (int k = 0; k < 2; k++) {
        tay_variational_options options = {.size = sizeof options, .order = 3, .args = orders[k], .n_args = 3};
        tay_variational *v;
        double values[20];
        assert_ok(tay_variational_create(&v, vars, rhs, 1, &options));
        assert_int_equal(tay_variational_n_total(v), 20);
        assert_ok(tay_variational_initial_values(values, v, &x0, &p, 1, t0));
        for (size_t i = 0; i < 20; i++) {
            uint32_t d[3];
            assert_true(tay_variational_multi_index(v, i, NULL, d));
            uint32_t by_x = d[k == 0 ? 0 : 1], by_p = d[k == 0 ? 1 : 2], by_t = d[k == 0 ? 2 : 0];
            /* exp(-p t0 s - p s^2/2) with s = t0' - t0: its derivatives by s at 0, then those by p of them */
            double a = -p * t0, by_s[] = {1, a, a * a - p, a * a * a - 3 * p * a};
            double by_s_and_p[] = {0, -t0, 2 * p * t0 * t0 - 1, -3 * p * p * t0 * t0 * t0 + 6 * p * t0};
            double by_s_and_p2[] = {0, 0, 2 * t0 * t0, 0}; /* of s^2 only: order 3 has no more */
            double expected = by_p == 0 ? by_s[by_t] : by_p == 1 ? by_s_and_p[by_t] : by_p == 2 ? by_s_and_p2[by_t] : 0;
            expected *= by_x == 0 ? x0 : by_x == 1 ? 1 : 0;
            if (!(fabs(values[i] - expected) <= 1e-14 * (1 + fabs(expected))))
                fail_msg("by x0 %u, p0 %u, t0 %u times: %.17g instead of %.17g", by_x, by_p, by_t, values[i], expected);
        }
        assert_ptr_equal(tay_variational_initial(v)[0], x);
        tay_variational_free(v);
    }
    tay_expr_unref(x);
    tay_expr_unref(f);
    tay_expr_unref(p0);
    tay_expr_unref(t);
}

/* In first order: sum_k J_ik phi_ka in the order of k, with the same J_ik for all a, then df_i/dp_a. */
static void first_order_is_a_matrix_product(void **state)
{
    (void)state;
    enum { N = 3, P = 4 };
    tay_expr *vars[N] = {rpn("x"), rpn("y"), rpn("z")};
    tay_expr *rhs[N] = {rpn("p0 x * p1 y * + z + tanh p2 *"), rpn("x y * z * p3 *"), rpn("x z + sin p1 *")};
    tay_expr *params[P] = {rpn("p0"), rpn("p1"), rpn("p2"), rpn("p3")}, *jacobian[N * (N + P)];
    const tay_expr *wrt[] = {vars[0], vars[1], vars[2], params[0], params[1], params[2], params[3]};
    tay_variational_options options = {.size = sizeof options, .which = TAY_VAR_PARAMS};
    tay_variational *v;
    assert_ok(tay_variational_create(&v, (const tay_expr *const *)vars, (const tay_expr *const *)rhs, N, &options));
    assert_ok(tay_expr_jacobian(jacobian, (const tay_expr *const *)rhs, N, wrt, N + P));
    const tay_expr *const *phi = tay_variational_vars(v) + N;
    for (size_t i = 0; i < N; i++) {
        for (size_t a = 0; a < P; a++) {
            tay_expr *terms[N + 1], *expected;
            size_t n = 0;
            for (size_t k = 0; k < N; k++) {
                if (tay_expr_value(jacobian[i * (N + P) + k]) != 0.0)
                    assert_ok(tay_expr_mul(&terms[n++], jacobian[i * (N + P) + k], phi[k * P + a]));
            }
            if (tay_expr_value(jacobian[i * (N + P) + N + a]) != 0.0)
                terms[n++] = tay_expr_ref(jacobian[i * (N + P) + N + a]);
            assert_ok(tay_expr_sum(&expected, (const tay_expr *const *)terms, n));
            assert_ptr_equal(tay_variational_rhs(v)[N + i * P + a], expected);
            release(terms, n);
            tay_expr_unref(expected);
        }
    }
    tay_variational_free(v);
    release(jacobian, N * (N + P));
    release(params, P);
    release(vars, N);
    release(rhs, N);
}

typedef struct refusal {
    const char *vars[2], *rhs[2];
    size_t n;
    uint32_t which;
    const char *args[2];
    size_t n_args;
    const char *message;
} refusal;

static void wrong_arguments(void **state)
{
    (void)state;
    static const refusal cases[] = {
        {{"x", "y"}, {"y", "x"}, 0, TAY_VAR_VARS, {NULL}, 0, "zero equations"},
        {{"x", "x"}, {"x", "x"}, 2, TAY_VAR_VARS, {NULL}, 0, "the variable 'x' appears on the left-hand side twice"},
        {{"x", "p0"}, {"x", "x"}, 2, TAY_VAR_VARS, {NULL}, 0, "the left-hand side 'p0'"},
        {{"x", "y"}, {"x", "z y *"}, 2, TAY_VAR_VARS, {NULL}, 0, "the variable 'z' appears on the right-hand side but"},
        {{"x", "y"}, {"x", "y"}, 2, TAY_VAR_PARAMS, {NULL}, 0, "at least one argument"},
        {{"x", "y"}, {"x", "y"}, 2, 0, {NULL}, 0, "at least one argument"},
        {{"x", "y"}, {"x", "y"}, 2, 8, {NULL}, 0, "which is 8"},
        {{"x", "y"}, {"x", "y"}, 2, TAY_VAR_VARS, {"x", "y"}, 2, "exclude each other"},
        {{"x", "y"}, {"x", "y"}, 2, 0, {"x", "x"}, 2, "the argument 'x' of variational equations appears twice"},
        {{"x", "y"}, {"x", "y"}, 2, 0, {"x", "z"}, 2, "'z' are not possible: it is no variable of the system"},
        {{"x", "y"}, {"x", "y"}, 2, 0, {"x y *", "x"}, 2, "'(x * y)' are not possible: it is not a variable"},
        {{"x", "y"}, {"x", "y"}, 2, 0, {"2", "x"}, 2, "are not possible"},
        {{"x", "y"}, {"x", "y"}, 2, 0, {"v#600", "x"}, 2, "vvv...' are not possible"},
    };
    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
        const refusal *r = &cases[c];
        tay_expr *vars[2], *rhs[2], *args[2] = {NULL};
        for (int i = 0; i < 2; i++) {
            vars[i] = rpn(r->vars[i]);
            rhs[i] = rpn(r->rhs[i]);
            if (r->args[i]) args[i] = rpn(r->args[i]);
        }
        tay_variational_options options = {.size = sizeof options, .which = r->which, .n_args = r->n_args};
        options.args = r->n_args ? (const tay_expr *const *)args : NULL;
        tay_variational *v = NULL;
        assert_error(
            tay_variational_create(&v, (const tay_expr *const *)vars, (const tay_expr *const *)rhs, r->n, &options),
            TAY_ERROR_ARGUMENT, r->message);
        assert_null(v);
        release(vars, 2);
        release(rhs, 2);
        release(args, 2);
    }
}

static void wrong_pointers(void **state)
{
    (void)state;
    driven s;
    driven_start(&s);
    const tay_expr *const *vars = (const tay_expr *const *)s.vars, *const *rhs = (const tay_expr *const *)s.rhs;
    const tay_expr *hole[] = {s.vars[0], NULL};
    tay_variational_options options = {.size = sizeof options, .which = TAY_VAR_VARS}, old = {.size = 4}, args = options;
    tay_variational *v = NULL;
    double out[12];
    assert_error(tay_variational_create(NULL, vars, rhs, 2, &options), TAY_ERROR_ARGUMENT, "`out` is NULL");
    assert_error(tay_variational_create(&v, NULL, rhs, 2, &options), TAY_ERROR_ARGUMENT, "`vars` is NULL");
    assert_error(tay_variational_create(&v, vars, NULL, 2, &options), TAY_ERROR_ARGUMENT, "`rhs` is NULL");
    assert_error(tay_variational_create(&v, vars, rhs, 2, NULL), TAY_ERROR_ARGUMENT, "`options` is NULL");
    assert_error(tay_variational_create(&v, hole, rhs, 2, &options), TAY_ERROR_ARGUMENT, "vars[1] is NULL");
    assert_error(tay_variational_create(&v, vars, hole, 2, &options), TAY_ERROR_ARGUMENT, "rhs[1] is NULL");
    assert_error(tay_variational_create(&v, vars, rhs, 2, &old), TAY_ERROR_ARGUMENT, "options->size is 4");
    args.which = 0;
    args.args = hole;
    args.n_args = 2;
    assert_error(tay_variational_create(&v, vars, rhs, 2, &args), TAY_ERROR_ARGUMENT, "args[1] is NULL");
    assert_null(v);
    assert_ok(tay_variational_create(&v, vars, rhs, 2, &options));
    assert_error(tay_variational_initial_values(NULL, v, out, NULL, 0, 0), TAY_ERROR_ARGUMENT, "`out` is NULL");
    assert_error(tay_variational_initial_values(out, v, NULL, NULL, 0, 0), TAY_ERROR_ARGUMENT, "`state` is NULL");
    assert_error(tay_variational_initial_values(out, v, out + 6, NULL, 1, 0), TAY_ERROR_ARGUMENT, "`pars` is NULL");
    tay_variational_free(v);
    tay_variational_free(NULL);
    driven_end(&s);
}

/* A variable of the system with the name of a derivative would be two things. */
static void names_of_derivatives_are_taken(void **state)
{
    (void)state;
    tay_expr *vars[2] = {rpn("x"), NULL}, *rhs[2] = {rpn("x"), rpn("x")};
    assert_ok(tay_expr_variable(&vars[1], D "[(0, 1)]x"));
    tay_variational_options options = {.size = sizeof options, .which = TAY_VAR_VARS};
    tay_variational *v = NULL;
    assert_error(tay_variational_create(&v, (const tay_expr *const *)vars, (const tay_expr *const *)rhs, 2, &options),
                 TAY_ERROR_ARGUMENT, "named like a derivative");
    release(vars, 2);
    release(rhs, 2);
}

static tay_status scenario(void *context)
{
    tay_variational_options *options = context;
    tay_expr *vars[2] = {NULL}, *rhs[2] = {NULL};
    tay_variational *v = NULL;
    double state[] = {0.1, 0.2}, pars[] = {0.3}, out[64] = {7};
    tay_status status = rpn_try(&vars[0], "x");
    if (status == TAY_OK) status = rpn_try(&vars[1], "v");
    if (status == TAY_OK) status = rpn_try(&rhs[0], "v t *");
    if (status == TAY_OK) status = rpn_try(&rhs[1], "x sin p0 *");
    if (status == TAY_OK)
        status = tay_variational_create(&v, (const tay_expr *const *)vars, (const tay_expr *const *)rhs, 2, options);
    if (status != TAY_OK && v) status = TAY_ERROR_STATE; /* outputs must be untouched */
    if (status == TAY_OK) {
        status = tay_variational_initial_values(out, v, state, pars, 1, 0.5);
        if (status != TAY_OK && out[0] != 7) status = TAY_ERROR_STATE;
    }
    tay_variational_free(v);
    release(vars, 2);
    release(rhs, 2);
    return status;
}

static void failing_allocations(void **state)
{
    (void)state;
    tay_variational_options options = {.size = sizeof options, .which = TAY_VAR_ALL};
    fail_each_allocation(scenario, &options);
    options.which = TAY_VAR_PARAMS | TAY_VAR_TIME;
    options.order = 2;
    fail_each_allocation(scenario, &options);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_and_order_are_the_peers),
        cmocka_unit_test(bits_give_arguments_in_order),
        cmocka_unit_test(right_hand_sides_are_what_differences_say),
        cmocka_unit_test(arguments_without_influence),
        cmocka_unit_test(initial_values_are_those_of_the_solution),
        cmocka_unit_test(first_order_is_a_matrix_product),
        cmocka_unit_test(wrong_arguments),
        cmocka_unit_test(wrong_pointers),
        cmocka_unit_test(names_of_derivatives_are_taken),
        cmocka_unit_test(failing_allocations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
