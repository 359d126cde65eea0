/*
 * Derivatives: their texts where the peer's are simple; their values against central differences on random graphs; that
 * they stay small, flat and in order; what is refused.
 */
#include <stdio.h>
#include <time.h>

#include "expr/numeric.h"
#include "support/failing_alloc.h"
#include "support/rpn.h"

/* The number of distinct nodes below n expressions. */
static size_t count_nodes(tay_expr *const *e, size_t n)
{
    const tay_expr **nodes;
    size_t count;
    assert_ok(tay__expr_postorder(&nodes, &count, NULL, (const tay_expr *const *)e, n));
    tay__free(nodes);
    return count;
}

static void texts_are_the_peers(void **state)
{
    (void)state;
    static const struct {
        const char *e, *wrt, *expected;
    } cases[] = {
        {"x y *", "x", "y"},
        {"y x *", "x", "y"},
        {"x", "x", "1.0000000000000000"},
        {"y", "x", "0.0000000000000000"},
        {"3", "x", "0.0000000000000000"},
        {"x 2 **", "x", "(2.0000000000000000 * x)"},
        {"x -1.5 **", "x", "(-1.5000000000000000 / x**2.5000000000000000)"},
        {"x sqrt", "x", "(0.50000000000000000 / x**0.50000000000000000)"},
        {"x y **", "x", "(y * x**(y - 1.0000000000000000))"},
        {"y x **", "x", "(y**x * log(y))"},
        {"x x **", "x", "((x * x**(x - 1.0000000000000000)) + (x**x * log(x)))"},
        {"x sin", "x", "cos(x)"},
        {"x cos sin", "x", "(cos(cos(x)) * -sin(x))"},
        {"x y * sin", "x", "(cos((x * y)) * y)"},
        {"x tanh", "x", "(1.0000000000000000 - tanh(x)**2.0000000000000000)"},
        {"x y * sigmoid", "x", "(((1.0000000000000000 - sigmoid((x * y))) * sigmoid((x * y))) * y)"},
        {"x erf", "x",
         "((2.0000000000000000 / \xcf\x80**0.50000000000000000) * exp(-x**2.0000000000000000))"},
        {"x expm1", "x", "exp(x)"},
        {"x y * log", "x", "(y / (x * y))"},
        {"x y atan2", "x", "(y / (y**2.0000000000000000 + x**2.0000000000000000))"},
        {"y x atan2", "x", "(-y / (x**2.0000000000000000 + y**2.0000000000000000))"},
        {"x acosh", "x", "(x**2.0000000000000000 - 1.0000000000000000)**-0.50000000000000000"},
        {"2 x * 0.1 relu", "x", "(2.0000000000000000 * leaky_relup((2.0000000000000000 * x), 0.1))"},
        {"x 0.1 relup", "x", "0.0000000000000000"},
        {"x y * y x select", "y", "select((x * y), 1.0000000000000000, 0.0000000000000000)"},
        {"x x *", "x", "(x + x)"},
        {"x x y prod:3", "x", "((x * y) + (x * y))"},
        {"x y * z *", "x", "(z * y)"},
        {"3 x * y * x +", "x", "(1.0000000000000000 + (3.0000000000000000 * y))"},
        {"2 x * 3 y * 4 x * sum:3", "x", "6.0000000000000000"},
        {"x y /", "x", "y**-1.0000000000000000"},
        {"y x /", "x", "(y * -x**-2.0000000000000000)"},
        {"p3 x *", "p3", "x"},
        {"t 2 ** x *", "t", "(x * (2.0000000000000000 * t))"},
        {"pi x *", "x", "\xcf\x80"},
        {"x y eq", "x", "0.0000000000000000"},
        {"x y logical_and:2", "x", "0.0000000000000000"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        tay_expr *e = rpn(cases[i].e), *wrt = rpn(cases[i].wrt), *derivative;
        char *text;
        assert_ok(tay_expr_diff(&derivative, e, wrt));
        assert_ok(tay_expr_to_string(&text, derivative));
        if (strcmp(text, cases[i].expected) != 0)
            fail_msg("d(%s)/d%s is\n%s instead of\n%s", cases[i].e, cases[i].wrt, text, cases[i].expected);
        tay_free(text);
        tay_expr_unref(e);
        tay_expr_unref(wrt);
        tay_expr_unref(derivative);
    }
}

enum { N_VARS = 4, N_NODES = 40, N_OUT = 3 };

/* Three variables and a parameter, and a random graph on top of them; the last nodes are the outputs. */
typedef struct graph {
    tay_expr *pool[N_VARS + N_NODES];
    double values[3], par[1];
    tay__point point;
} graph;

static void graph_start(graph *g, uint64_t seed)
{
    static const char *const names[] = {"x", "y", "z", "p0"};
    for (size_t i = 0; i < N_VARS; i++) g->pool[i] = rpn(names[i]);
    for (size_t i = N_VARS; i < N_VARS + N_NODES; i++) g->pool[i] = random_node(&seed, g->pool, i);
    for (size_t i = 0; i < 3; i++) g->values[i] = random_between(&seed, -0.8, 0.8);
    g->par[0] = random_between(&seed, -0.8, 0.8);
    g->point = (tay__point){(const tay_expr *const *)g->pool, g->values, 3, g->par, 1, 0.0};
}

static const tay_expr *const *graph_outputs(const graph *g)
{
    return (const tay_expr *const *)g->pool + N_VARS + N_NODES - N_OUT;
}

typedef struct direction {
    graph *g;
    const tay_expr *e;
    size_t j;
} direction;

static double along(double h, void *context)
{
    direction *d = context;
    double *x = d->j < 3 ? &d->g->values[d->j] : &d->g->par[0], kept = *x;
    *x += h;
    double value = value_at(d->e, &d->g->point);
    *x = kept;
    return value;
}

static void assert_close(double value, double expected, double scale, uint64_t seed)
{
    if (!(fabs(value - expected) <= 1e-9 * (scale + fabs(expected))))
        fail_msg("seed %llu: %.17g instead of %.17g", (unsigned long long)seed, value, expected);
}

/* Differences lose digits where the values are large. */
static bool is_tame(const graph *g)
{
    for (size_t i = 0; i < N_VARS + N_NODES; i++) {
        if (!(fabs(value_at(g->pool[i], &g->point)) < 30)) return false;
    }
    return true;
}

static void jacobians_are_what_differences_say(void **state)
{
    (void)state;
    int n_checked = 0;
    for (uint64_t seed = 1; seed <= 150; seed++) {
        graph g;
        tay_expr *jacobian[N_OUT * N_VARS], *derivative;
        graph_start(&g, seed);
        const tay_expr *const *wrt = (const tay_expr *const *)g.pool;
        assert_ok(tay_expr_jacobian(jacobian, graph_outputs(&g), N_OUT, wrt, N_VARS));
        bool tame = is_tame(&g);
        for (size_t i = 0; i < N_OUT; i++) {
            for (size_t j = 0; j < N_VARS; j++) {
                direction d = {&g, graph_outputs(&g)[i], j};
                double value = value_at(jacobian[i * N_VARS + j], &g.point);
                if (tame && fabs(value) < 1e3) {
                    assert_close(value, central_difference(along, &d), 10, seed);
                    n_checked += value != 0.0;
                }
                assert_ok(tay_expr_diff(&derivative, graph_outputs(&g)[i], wrt[j]));
                assert_ptr_equal(derivative, jacobian[i * N_VARS + j]); /* one by one gives the same */
                tay_expr_unref(derivative);
            }
        }
        release(jacobian, N_OUT * N_VARS);
        release(g.pool, N_VARS + N_NODES);
    }
    assert_true(n_checked > 500);
}

/* In the direction of an expression, a number and zero, the tangents are the Jacobian times these. */
static void tangents_are_products_with_jacobians(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 150; seed++) {
        graph g;
        tay_expr *jacobian[N_OUT * N_VARS], *tangents[N_OUT], *to[N_VARS];
        graph_start(&g, seed);
        const tay_expr *const *wrt = (const tay_expr *const *)g.pool;
        for (size_t j = 1; j < N_VARS; j++) assert_ok(tay_expr_number(&to[j], j == 1 ? 0 : 0.5 - (double)j));
        to[0] = tay_expr_ref(g.pool[N_VARS]);
        assert_ok(tay_expr_jacobian(jacobian, graph_outputs(&g), N_OUT, wrt, N_VARS));
        assert_ok(tay__expr_tangent(tangents, graph_outputs(&g), N_OUT, wrt, (const tay_expr *const *)to, N_VARS));
        for (size_t i = 0; i < N_OUT; i++) {
            double sum = 0, scale = 0, value = value_at(tangents[i], &g.point);
            for (size_t j = 0; j < N_VARS; j++) {
                double term = value_at(jacobian[i * N_VARS + j], &g.point) * value_at(to[j], &g.point);
                sum += term;
                scale += fabs(term);
            }
            if (scale < INFINITY) assert_close(value, sum, 1e-3 * scale, seed);
        }
        release(jacobian, N_OUT * N_VARS);
        release(tangents, N_OUT);
        release(to, N_VARS);
        release(g.pool, N_VARS + N_NODES);
    }
}

/* A product of n different factors [Speelpenning's example], as one node and as nested ones; a chain of sines. */
static void gradients_are_small(void **state)
{
    (void)state;
    enum { N = 2000 };
    static tay_expr *x[N], *gradient[N];
    char name[16];
    for (int i = 0; i < N; i++) {
        snprintf(name, sizeof name, "x%d", i);
        assert_ok(tay_expr_variable(&x[i], name));
    }
    for (int kind = 0; kind < 4; kind++) {
        tay_expr *e = tay_expr_ref(x[0]), *next, *argument;
        if (kind == 0) {
            tay_expr_unref(e);
            assert_ok(tay_expr_prod(&e, (const tay_expr *const *)x, N));
        }
        for (int i = 1; i < N && kind > 0; i++) {
            if (kind == 3) {
                assert_ok(tay_expr_function(&argument, TAY_SIN, (const tay_expr *const *)&e, 1));
                assert_ok(tay_expr_mul(&next, argument, x[i]));
                tay_expr_unref(argument);
            } else {
                assert_ok(kind == 1 ? tay_expr_mul(&next, e, x[i]) : tay_expr_add(&next, e, x[i]));
            }
            tay_expr_unref(e);
            e = next;
        }
        size_t before = count_nodes(&e, 1);
        assert_ok(tay_expr_jacobian(gradient, (const tay_expr *const *)&e, 1, (const tay_expr *const *)x, N));
        size_t after = count_nodes(gradient, N);
        if (after > 5 * (before + N)) fail_msg("kind %d: %zu nodes, %zu in the gradient", kind, before, after);
        release(gradient, N);
        tay_expr_unref(e);
    }
    release(x, N);
}

/* A product of numbers 1, 2, ..., n: what products from both ends give. */
static void products_of_many_factors(void **state)
{
    (void)state;
    enum { N = 12 };
    tay_expr *x[N], *gradient[N], *e;
    double values[N], product = 1.0;
    char name[16];
    for (int i = 0; i < N; i++) {
        snprintf(name, sizeof name, "x%d", i);
        assert_ok(tay_expr_variable(&x[i], name));
        product *= values[i] = i + 1;
    }
    for (size_t n = 2; n <= N; n++) {
        double all = 1.0;
        for (size_t i = 0; i < n; i++) all *= values[i];
        tay__point point = {(const tay_expr *const *)x, values, N, NULL, 0, 0.0};
        assert_ok(tay_expr_prod(&e, (const tay_expr *const *)x, n));
        assert_ok(tay_expr_jacobian(gradient, (const tay_expr *const *)&e, 1, (const tay_expr *const *)x, N));
        for (size_t i = 0; i < N; i++)
            assert_true(value_at(gradient[i], &point) == (i < n ? all / values[i] : 0.0));
        release(gradient, N);
        tay_expr_unref(e);
    }
    release(x, N);
}

/* A chain of 100,000 nodes must neither overflow the stack nor take quadratic time. */
static void depth_costs_only_time(void **state)
{
    (void)state;
    enum { N = 100000 };
    tay_expr *x = rpn("x"), *y = rpn("y"), *e = tay_expr_ref(x), *next, *derivative;
    for (int i = 0; i < N; i++) {
        assert_ok(i % 3 == 0   ? tay_expr_mul(&next, e, y)
                  : i % 3 == 1 ? tay_expr_add(&next, x, e)
                               : tay_expr_function(&next, TAY_TANH, (const tay_expr *const *)&e, 1));
        tay_expr_unref(e);
        e = next;
    }
    double values[] = {0.3, 0.9};
    const tay_expr *vars[] = {x, y};
    tay__point point = {vars, values, 2, NULL, 0, 0.0};
    clock_t begin = clock();
    assert_ok(tay_expr_diff(&derivative, e, x));
    assert_true(clock() - begin < 60 * CLOCKS_PER_SEC);
    assert_true(isfinite(value_at(derivative, &point)));
    tay_expr_unref(derivative);
    tay_expr_unref(e);
    tay_expr_unref(x);
    tay_expr_unref(y);
}

/* The shape of a layer's gradient: rows stay rows. y = sum_l v_l tanh(sum_m w_lm x_m + b_l), h_l its l-th tanh. */
static void layers_stay_layers(void **state)
{
    (void)state;
    enum { L = 5, M = 3 };
    tay_expr *x[M], *w[L][M], *b[L], *v[L], *terms[L + M], *h[L], *y, *sum, *gradient[M + L * M + L];
    const tay_expr *wrt[M + L * M + L];
    char name[16];
    size_t n_wrt = 0;
    for (size_t m = 0; m < M; m++) {
        snprintf(name, sizeof name, "x%zu", m);
        assert_ok(tay_expr_variable(&x[m], name));
        wrt[n_wrt++] = x[m];
    }
    for (uint32_t l = 0; l < L; l++) {
        for (uint32_t m = 0; m < M; m++) {
            assert_ok(tay_expr_parameter(&w[l][m], l * M + m));
            assert_ok(tay_expr_mul(&terms[m], w[l][m], x[m]));
            wrt[n_wrt++] = w[l][m];
        }
        assert_ok(tay_expr_parameter(&b[l], 100 + l));
        assert_ok(tay_expr_parameter(&v[l], 200 + l));
        terms[M] = tay_expr_ref(b[l]);
        assert_ok(tay_expr_sum(&sum, (const tay_expr *const *)terms, M + 1));
        assert_ok(tay_expr_function(&h[l], TAY_TANH, (const tay_expr *const *)&sum, 1));
        tay_expr_unref(sum);
        release(terms, M + 1);
    }
    for (size_t l = 0; l < L; l++) {
        wrt[n_wrt++] = b[l];
        assert_ok(tay_expr_mul(&terms[l], v[l], h[l]));
    }
    assert_ok(tay_expr_sum(&y, (const tay_expr *const *)terms, L));
    assert_ok(tay_expr_jacobian(gradient, (const tay_expr *const *)&y, 1, wrt, n_wrt));
    for (size_t m = 0; m < M; m++) {
        const tay_expr *gx = gradient[m];
        assert_int_equal(gx->kind, TAY_KIND_SUM);
        assert_int_equal(gx->n_args, L);
        for (size_t l = 0; l < L; l++) { /* g_l * w_lm, l ascending; dy/dw_lm = g_l * x_m; dy/db_l = g_l */
            const tay_expr *g = gradient[M + L * M + l], *dw = gradient[M + l * M + m];
            assert_int_equal(gx->u.args[l]->n_args, 2);
            assert_ptr_equal(gx->u.args[l]->u.args[0], g);
            assert_ptr_equal(gx->u.args[l]->u.args[1], w[l][m]);
            assert_ptr_equal(dw->u.args[0], g);
            assert_ptr_equal(dw->u.args[1], x[m]);
            assert_ptr_equal(g->u.args[0], v[l]);
        }
    }
    release(gradient, n_wrt);
    release(terms, L);
    tay_expr_unref(y);
    release(x, M);
    release(h, L);
    release(b, L);
    release(v, L);
    for (size_t l = 0; l < L; l++) release(w[l], M);
}

static void wrong_arguments(void **state)
{
    (void)state;
    tay_expr *e = rpn("x y * sin"), *x = rpn("x"), *two = rpn("2"), *out[2] = {x, x};
    const tay_expr *wrt[] = {x, e}, *nothing[] = {NULL};
    assert_error(tay_expr_diff(NULL, e, x), TAY_ERROR_ARGUMENT, "`out` is NULL");
    assert_error(tay_expr_diff(out, NULL, x), TAY_ERROR_ARGUMENT, "tay_expr_diff");
    assert_error(tay_expr_diff(out, e, NULL), TAY_ERROR_ARGUMENT, "NULL");
    assert_error(tay_expr_diff(out, e, e), TAY_ERROR_ARGUMENT, "wrt[0] is a function");
    assert_error(tay_expr_diff(out, e, two), TAY_ERROR_ARGUMENT, "wrt[0] is a number");
    assert_error(tay_expr_jacobian(out, wrt + 1, 1, wrt, 2), TAY_ERROR_ARGUMENT, "wrt[1] is a function");
    assert_error(tay_expr_jacobian(out, nothing, 1, wrt, 1), TAY_ERROR_ARGUMENT, "NULL");
    assert_error(tay_expr_jacobian(out, wrt, 1, NULL, 1), TAY_ERROR_ARGUMENT, "NULL");
    assert_ptr_equal(out[0], x);
    assert_ok(tay_expr_jacobian(out, wrt, 1, wrt, 0));
    assert_ok(tay_expr_jacobian(out, wrt, 0, wrt, 1));
    assert_ptr_equal(out[0], x); /* nothing was asked for */
    tay_expr_unref(e);
    tay_expr_unref(x);
    tay_expr_unref(two);
}

static tay_status scenario(void *context)
{
    (void)context;
    tay_expr *e[3] = {NULL}, *wrt[3] = {NULL}, *out[9] = {NULL};
    tay_status status = rpn_try(&e[0], "x y * sin p0 * x 3 ** + x y + tanh atan *");
    if (status == TAY_OK) status = rpn_try(&e[1], "x y p0 x 1 + y 2 + p0 3 + x 4 + y 5 + p0 6 + prod:9");
    if (status == TAY_OK) status = rpn_try(&e[2], "x y lt x y * y select");
    if (status == TAY_OK) status = rpn_try(&wrt[0], "x");
    if (status == TAY_OK) status = rpn_try(&wrt[1], "p0");
    if (status == TAY_OK) status = rpn_try(&wrt[2], "y");
    if (status == TAY_OK) status = tay_expr_jacobian(out, (const tay_expr *const *)e, 3, (const tay_expr *const *)wrt, 3);
    if (status == TAY_OK) {
        release(out, 9);
        memset(out, 0, sizeof out);
        status = tay__expr_tangent(out, (const tay_expr *const *)e, 3, (const tay_expr *const *)wrt,
                                   (const tay_expr *const *)e, 3);
    }
    if (status != TAY_OK && out[0]) status = TAY_ERROR_STATE; /* outputs must be untouched */
    release(out, 9);
    release(e, 3);
    release(wrt, 3);
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
        cmocka_unit_test(texts_are_the_peers),
        cmocka_unit_test(jacobians_are_what_differences_say),
        cmocka_unit_test(tangents_are_products_with_jacobians),
        cmocka_unit_test(gradients_are_small),
        cmocka_unit_test(products_of_many_factors),
        cmocka_unit_test(depth_costs_only_time),
        cmocka_unit_test(layers_stay_layers),
        cmocka_unit_test(wrong_arguments),
        cmocka_unit_test(failing_allocations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
