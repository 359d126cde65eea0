/*
 * Programs whose inputs' jets are given, as those of events: the jets of their outputs against naive recurrences in long double,
 * along the expressions as they were written.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "exec/bound.h"
#include "exec/exec.h"
#include "exec/jit.h"
#include "expr/expr.h"
#include "support/check.h"
#include "support/rpn.h"

enum { MOST_ORDERS = 21, MOST_INPUTS = 40, MOST_OUTPUTS = 72, N_PARS = 3 };

static const double pars[N_PARS] = {0.7, -0.3, 1.25};
static const double time0 = 0.625;

typedef struct jet {
    long double c[MOST_ORDERS];
} jet;

/* Inputs x0, x1, ..., with their jets. */
typedef struct inputs {
    size_t n;
    tay_expr *vars[MOST_INPUTS];
    jet jets[MOST_INPUTS];
} inputs;

static jet product(const jet *a, const jet *b)
{
    jet y = {{0}};
    for (int n = 0; n < MOST_ORDERS; n++)
        for (int j = 0; j <= n; j++) y.c[n] += a->c[j] * b->c[n - j];
    return y;
}

static jet exponential(const jet *a)
{
    jet y = {{expl(a->c[0])}};
    for (int n = 1; n < MOST_ORDERS; n++)
        for (int j = 1; j <= n; j++) y.c[n] += j * a->c[j] * y.c[n - j] / n;
    return y;
}

/* y' a = a' */
static jet logarithm(const jet *a)
{
    jet y = {{logl(a->c[0])}};
    for (int n = 1; n < MOST_ORDERS; n++) {
        y.c[n] = a->c[n];
        for (int j = 1; j < n; j++) y.c[n] -= j * y.c[j] * a->c[n - j] / n;
        y.c[n] /= a->c[0];
    }
    return y;
}

/* x^p = e^(p log x), or by products. */
static jet power(const jet *a, const jet *p)
{
    jet y = {{1}}, l;
    if (p->c[0] == 2) return product(a, a);
    if (p->c[0] == -1) { /* y a = 1 */
        y.c[0] = 1 / a->c[0];
        for (int n = 1; n < MOST_ORDERS; n++) {
            for (int j = 1; j <= n; j++) y.c[n] -= a->c[j] * y.c[n - j];
            y.c[n] /= a->c[0];
        }
        return y;
    }
    l = logarithm(a);
    l = product(p, &l);
    return exponential(&l);
}

static void sine_and_cosine(jet *s, jet *c, const jet *a)
{
    *s = (jet){{sinl(a->c[0])}};
    *c = (jet){{cosl(a->c[0])}};
    for (int n = 1; n < MOST_ORDERS; n++)
        for (int j = 1; j <= n; j++) {
            s->c[n] += j * a->c[j] * c->c[n - j] / n;
            c->c[n] -= j * a->c[j] * s->c[n - j] / n;
        }
}

/* y' = (1 - y^2) a' */
static jet hyperbolic_tangent(const jet *a)
{
    jet y = {{tanhl(a->c[0])}}, square;
    for (int n = 1; n < MOST_ORDERS; n++) {
        square = product(&y, &y); /* its coefficients below n are right */
        for (int j = 1; j <= n; j++) y.c[n] += j * a->c[j] * ((n == j) - square.c[n - j]) / n;
    }
    return y;
}

static jet jet_of(const tay_expr *e, const inputs *in);

static jet jet_of_function(const tay_expr *e, const inputs *in)
{
    jet a = jet_of(e->u.args[0], in), b = e->n_args > 1 ? jet_of(e->u.args[1], in) : a, s, c;

    switch (e->function) {
    case TAY_POW: return power(&a, &b);
    case TAY_EXP: return exponential(&a);
    case TAY_LOG: return logarithm(&a);
    case TAY_TANH: return hyperbolic_tangent(&a);
    case TAY_SIN:
    case TAY_COS: sine_and_cosine(&s, &c, &a); return e->function == TAY_SIN ? s : c;
    default: fail_msg("no recurrence for function %d", (int)e->function); return a;
    }
}

static jet jet_of(const tay_expr *e, const inputs *in)
{
    jet y = {{0}}, a;

    switch (e->kind) {
    case TAY_KIND_NUMBER: return (jet){{e->u.number}};
    case TAY_KIND_TIME: return (jet){{time0, 1}};
    case TAY_KIND_PARAMETER: return (jet){{pars[e->u.parameter]}};
    case TAY_KIND_FUNCTION: return jet_of_function(e, in);
    case TAY_KIND_VARIABLE:
        for (size_t i = 0; i < in->n; i++)
            if (in->vars[i] == e) return in->jets[i];
        fail_msg("unknown variable");
        return y;
    default: break;
    }
    if (e->kind == TAY_KIND_PRODUCT) y.c[0] = 1;
    for (uint32_t k = 0; k < e->n_args; k++) {
        a = jet_of(e->u.args[k], in);
        if (e->kind == TAY_KIND_PRODUCT) y = product(&y, &a);
        for (int n = 0; n < MOST_ORDERS && e->kind == TAY_KIND_SUM; n++) y.c[n] += a.c[n];
    }
    return y;
}

/* Random numbers in (-1, 1). */
static double noise(uint64_t *seed)
{
    *seed = *seed * 6364136223846793005u + 1442695040888963407u;
    return (double)(*seed >> 11) * 0x1p-52 - 1;
}

static void make_inputs(inputs *in, size_t n, uint64_t seed)
{
    char name[8];

    in->n = n;
    for (size_t i = 0; i < n; i++) {
        snprintf(name, sizeof name, "x%zu", i);
        in->vars[i] = rpn(name);
        for (int k = 0; k < MOST_ORDERS; k++) in->jets[i].c[k] = ldexp(noise(&seed), -k);
        in->jets[i].c[0] = 1 + 0.5 * noise(&seed);
    }
}

/* Values have one coefficient less than the exec's order. */
static void check_jets(const tay__exec *exec, tay__workspace *w, const inputs *in, tay_expr *const *outputs, uint32_t order)
{
    const tay__program *p = tay__exec_program(exec);

    for (int again = 0; again < 2; again++) { /* what a run leaves behind must not matter */
        for (uint32_t n = 0; n <= order; n++)
            for (size_t i = 0; i < in->n; i++) ((double *)w->jet)[n * w->plane + i] = (double)in->jets[i].c[n];
        if (p->time_slot >= 0) ((double *)w->jet)[p->time_slot] = time0;
        tay__exec_run(exec, w);
    }
    for (uint32_t i = 0; i < p->n_outputs; i++) {
        jet wanted = jet_of(outputs[i], in);
        long double scale = 1;
        for (uint32_t n = 0; n <= order; n++) {
            double got = ((double *)w->jet)[n * w->plane + p->outputs[i]];
            scale = fmaxl(scale, fabsl(wanted.c[n]));
            if (!(fabsl(got - wanted.c[n]) <= 4e-14 * scale))
                fail_msg("output %u, order %u of %u: got %.17g, expected %.17Lg", i, n, order, got, wanted.c[n]);
        }
    }
}

static void check_program(const inputs *in, tay_expr *const *outputs, size_t n_outputs, uint32_t order)
{
    tay__program *p;
    tay__exec *exec;
    tay__workspace *w;
    tay__code_function *function;

    assert_ok(tay__program_create(&p, &(tay__program_spec){.inputs = (const tay_expr *const *)in->vars, .n_inputs = in->n,
                                                           .outputs = (const tay_expr *const *)outputs, .n_outputs = n_outputs,
                                                           .jets = true, .given = true}));
    assert_ok(tay__program_verify(p));
    assert_ok(tay__exec_create(&exec, p, TAY_FLOAT64, order + 1, 1));
    tay__exec_choose(exec, TAY_EXECUTION_DEFAULT);
    assert_ok(tay__workspace_create(&w, exec));
    tay__exec_set_parameters(exec, w, pars);
    check_jets(exec, w, in, outputs, order);
    if (exec->code[1]) { /* code with loops over the orders, instead of unrolled code */
        assert_ok(tay__code_create(&exec->code[0], &function, exec, 1000, false));
        atomic_store(&exec->run, function);
        check_jets(exec, w, in, outputs, order);
    }
    tay__workspace_free(w);
    tay__exec_free(exec);
}

/* Outputs are given up. */
static void check_orders(inputs *in, tay_expr **outputs, size_t n_outputs, bool all)
{
    check_program(in, outputs, n_outputs, 20);
    if (all) check_program(in, outputs, n_outputs, 1);
    if (all) check_program(in, outputs, n_outputs, 2);
    release(outputs, n_outputs);
    release(in->vars, in->n);
}

static void check_texts(size_t n_inputs, const char *const *texts, bool all)
{
    static inputs in;
    tay_expr *outputs[MOST_OUTPUTS];
    size_t n = 0;

    make_inputs(&in, n_inputs, 1 + n_inputs);
    for (; texts[n]; n++) outputs[n] = rpn(texts[n]);
    check_orders(&in, outputs, n, all);
}

/* Each alone, then all together. */
static void functions(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "x0", "t", "x0 x1 +", "x0 x1 - 1000000 *", "x0 x1 *", "x0 x0 *", "x0 x1 /", "x0 x0 x1 + /", "x0 sin", "x0 x1 * cos",
        "x0 exp", "x0 x1 + log", "x0 tanh", "x0 -1.5 **", "x0 sqrt", "x0 x1 **", "t x0 *", "t sin x1 -", "t t * 0.25 -",
        "x0 p0 *", "x0 p0 p1 + sin * x1 p2 exp * +", "p0 x0 ** p1 -", "x0 x1 * x0 x0 * - 3 +", "20 x0 * sin", NULL};
    for (size_t i = 0; texts[i]; i++) check_texts(2, (const char *const[]){texts[i], NULL}, false);
    check_texts(2, texts, true);
}

/* Outputs that are inputs, the same twice, constants of parameters, and operands of each other. */
static void outputs_of_outputs(void **state)
{
    (void)state;
    static const char *const all[][8] = {
        {"x0", "x1", "x0", NULL},
        {"x1", "x0 x1 +", "x1", NULL},
        {"t", "t", "x0 t *", NULL},
        {"p0 p1 *", "x0 p0 *", "p1 sin", "x0", NULL},
        {"x0 x1 *", "x0 x1 * sin", "x0 x1 * sin exp", "x0 x1 * sin x0 x1 * + x1 -", NULL},
        {"x0 x1 + x2 +", "x0 x1 + x2 + x0 *", "x0 x1 + x2 + 2 * x1 -", NULL},
        {"x0 sin", "x0 cos", "x0 sin x0 cos *", "x0 sin x1 cos * x1 sin x0 cos * +", NULL},
        {"x0 x1 - x0 x1 - * x2 x1 - x2 x1 - * + -0.5 **", "x0 x1 - x0 x1 - * x2 x1 - x2 x1 - * +", "x0 x1 -", "x2 x1 -", NULL},
        {"x0 x1 * x2 + x0 * x1 + x2 *", "x0 x1 * x2 + x0 * x1 +", "x0 x1 * x2 + x0 *", "x0 x1 * x2 +", "x0 x1 *", NULL},
    };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) check_texts(3, all[i], i == 0 || i == 8);
}

/* Squared distances of twelve bodies less a number, and distances from the mean; long rows. */
static void rows_of_many_members(void **state)
{
    (void)state;
    static const char *const forms[] = {
        "x%1$d x%2$d - 2 ** x%3$d x%4$d - 2 ** + x%5$d x%6$d - 2 ** + 0.25 -",
        "x%1$d x%2$d - x%1$d x%2$d - * x%3$d x%4$d - x%3$d x%4$d - * + x%5$d x%6$d - x%5$d x%6$d - * + sqrt 3 -",
        "x%1$d x%4$d * x%2$d x%3$d * - p0 -", "x%1$d x%2$d - t +", "x%1$d p0 * x%5$d p1 * + x%6$d sin +"};
    static inputs in;
    for (size_t k = 0; k < sizeof forms / sizeof *forms; k++) {
        tay_expr *outputs[MOST_OUTPUTS];
        char text[256];
        size_t n = 0;
        make_inputs(&in, 36, 99 + k);
        for (size_t i = 0; i < in.n; i++) in.jets[i].c[0] += 0.25L * i; /* apart: what is near a singularity is less exact */
        for (int i = 0; i < 12; i++)
            for (int j = 0; j < i; j++) {
                snprintf(text, sizeof text, forms[k], 3 * i, 3 * j, 3 * i + 1, 3 * j + 1, 3 * i + 2, 3 * j + 2);
                outputs[n++] = rpn(text);
            }
        assert_int_equal(n, 66);
        check_orders(&in, outputs, n, k == 0);
    }
}

/* Other parameters, as they are set: in coefficients and in functions of them. */
static void parameters_are_set_again(void **state)
{
    (void)state;
    static inputs in;
    tay_expr *output = rpn("x0 p0 p1 exp + * x1 p2 * - p0 -");
    tay__program *p;
    tay__exec *exec;
    tay__workspace *w;

    make_inputs(&in, 2, 5);
    assert_ok(tay__program_create(&p, &(tay__program_spec){.inputs = (const tay_expr *const *)in.vars, .n_inputs = 2,
                                                           .outputs = (const tay_expr *const *)&output, .n_outputs = 1,
                                                           .jets = true, .given = true}));
    assert_ok(tay__exec_create(&exec, p, TAY_FLOAT64, 4, 1));
    tay__exec_choose(exec, TAY_EXECUTION_DEFAULT);
    assert_ok(tay__workspace_create(&w, exec));
    tay__exec_set_parameters(exec, w, (double[]){2, 0, 100});
    tay__exec_run(exec, w);
    tay__exec_set_parameters(exec, w, pars);
    check_jets(exec, w, &in, &output, 3);
    tay__workspace_free(w);
    tay__exec_free(exec);
    tay_expr_unref(output);
    release(in.vars, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(functions),
        cmocka_unit_test(outputs_of_outputs),
        cmocka_unit_test(rows_of_many_members),
        cmocka_unit_test(parameters_are_set_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
