/*
 * Programs against the expressions that they are made of: values by direct evaluation, jets by nested symbolic
 * derivatives, on hand-written and on random graphs; the rolled form of what the project is for (networks, variational
 * equations); sizes; bad input.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "interpret.h"
#include "support/failing_alloc.h"
#include "support/rpn.h"

enum { N_VARS = 4, N_PARS = 3, ORDER = 4 };

typedef struct point {
    tay_expr *vars[N_VARS], *pars[N_PARS], *time;
    double x[N_VARS], p[N_PARS], t;
} point;

static uint64_t seed;

static uint32_t draw(uint32_t n)
{
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(seed >> 33) % n;
}

static void ok(tay_status status)
{
    if (status != TAY_OK) fail_msg("%s: %s", tay_status_name(status), tay_error_message());
}

static double lookup(const tay_expr *leaf, void *context)
{
    const point *p = context;

    if (leaf->kind == TAY_KIND_TIME) return p->t;
    if (leaf->kind == TAY_KIND_PARAMETER) return p->p[leaf->u.parameter];
    for (int i = 0; i < N_VARS; i++)
        if (leaf == p->vars[i]) return p->x[i];
    return NAN;
}

static void make_point(point *p)
{
    static const char *const names[N_VARS] = {"w", "x", "y", "z"};

    for (int i = 0; i < N_VARS; i++) ok(tay_expr_variable(&p->vars[i], names[i]));
    for (int i = 0; i < N_PARS; i++) ok(tay_expr_parameter(&p->pars[i], (uint32_t)i));
    ok(tay_expr_time(&p->time));
    for (int i = 0; i < N_VARS; i++) p->x[i] = 0.5 + draw(1000) * 1e-3;
    for (int i = 0; i < N_PARS; i++) p->p[i] = 0.25 + draw(1000) * 1e-3;
    p->t = 0.125 + draw(100) * 1e-2;
}

static void free_point(point *p)
{
    for (int i = 0; i < N_VARS; i++) tay_expr_unref(p->vars[i]);
    for (int i = 0; i < N_PARS; i++) tay_expr_unref(p->pars[i]);
    tay_expr_unref(p->time);
}

/* A random expression made of earlier ones; values stay moderate by the choice of functions. */
static tay_expr *random_node(tay_expr *const *pool, uint32_t n)
{
    static const tay_function smooth[] = {TAY_SIN, TAY_COS, TAY_TANH, TAY_SIGMOID, TAY_ATAN, TAY_ERF, TAY_ASINH};
    const tay_expr *a = pool[draw(n)], *b = pool[draw(n)], *c = pool[draw(n)];
    tay_expr *e = NULL, *half = NULL;

    switch (draw(9)) {
    case 0: ok(tay_expr_add(&e, a, b)); break;
    case 1: ok(tay_expr_sub(&e, a, b)); break;
    case 2: ok(tay_expr_mul(&e, a, b)); break;
    case 3: ok(tay_expr_sum(&e, (const tay_expr *const[]){a, b, c}, 3)); break;
    case 4: ok(tay_expr_prod(&e, (const tay_expr *const[]){a, b, c}, 3)); break;
    case 5: ok(tay_expr_number(&half, 2.0 + draw(2))); ok(tay_expr_pow(&e, a, half)); break;
    case 6: { /* a / (1.5 + b^2) stays away from zero */
        tay_expr *square, *below, *number;
        ok(tay_expr_mul(&square, b, b));
        ok(tay_expr_number(&number, 1.5));
        ok(tay_expr_add(&below, number, square));
        ok(tay_expr_div(&e, a, below));
        tay_expr_unref(square);
        tay_expr_unref(below);
        tay_expr_unref(number);
        break;
    }
    default: ok(tay_expr_function(&e, smooth[draw(7)], &a, 1)); break;
    }
    tay_expr_unref(half);
    return e;
}

/* n random expressions of a graph with `size` nodes. */
static void random_graph(tay_expr **out, uint32_t n, uint32_t size, const point *p)
{
    tay_expr *pool[64];
    uint32_t count = 0;

    for (int i = 0; i < N_VARS; i++) pool[count++] = tay_expr_ref(p->vars[i]);
    for (int i = 0; i < N_PARS; i++) pool[count++] = tay_expr_ref(p->pars[i]);
    pool[count++] = tay_expr_ref(p->time);
    ok(tay_expr_number(&pool[count++], 0.75));
    for (uint32_t i = 0; i < size; i++) {
        tay_expr *e = random_node(pool, count);
        pool[count++] = e;
    }
    for (uint32_t i = 0; i < n; i++) out[i] = tay_expr_ref(pool[count - 1 - i]);
    for (uint32_t i = 0; i < count; i++) tay_expr_unref(pool[i]);
}

static void unref_all(tay_expr **e, size_t n)
{
    for (size_t i = 0; i < n; i++) tay_expr_unref(e[i]);
}

static void assert_near(long double got, double expected, double tolerance)
{
    if (!(fabsl(got - expected) <= tolerance * (1 + fabs(expected))))
        fail_msg("got %.17Lg, expected %.17g", got, expected);
}

static tay__program *make_program(const point *p, tay_expr *const *outputs, size_t n, bool jets)
{
    tay__program *program;
    tay__program_spec spec = {.inputs = (const tay_expr *const *)p->vars, .n_inputs = N_VARS,
                              .outputs = (const tay_expr *const *)outputs, .n_outputs = n, .jets = jets};

    ok(tay__program_create(&program, &spec));
    ok(tay__program_verify(program));
    return program;
}

static void set_inputs(const interpreter *in, const point *p)
{
    for (int i = 0; i < N_VARS; i++) in->jet[i] = p->x[i];
    if (in->p->time_slot >= 0) in->jet[in->p->time_slot] = p->t;
    for (uint32_t i = 0; in->p->par_slot >= 0 && i < in->p->n_pars; i++) in->jet[(uint32_t)in->p->par_slot + i] = p->p[i];
}

static void check_values(const point *p, tay_expr *const *e, size_t n)
{
    tay__program *program = make_program(p, e, n, false);
    interpreter in = {.p = program, .coefficients = program->numbers};

    in.jet = calloc(program->n_slots, sizeof *in.jet);
    set_inputs(&in, p);
    interpret(&in);
    for (size_t i = 0; i < n; i++) assert_near(in.jet[program->outputs[i]], direct(e[i], lookup, (void *)p), 1e-12);
    free(in.jet);
    tay__program_free(program);
}

/* The derivative of e along the flow: sum_i de/dx_i rhs_i + de/dt. */
static tay_expr *along(const point *p, const tay_expr *e, tay_expr *const *rhs)
{
    tay_expr *terms[N_VARS + 1], *sum;

    for (int i = 0; i < N_VARS; i++) {
        tay_expr *d;
        ok(tay_expr_diff(&d, e, p->vars[i]));
        ok(tay_expr_mul(&terms[i], d, rhs[i]));
        tay_expr_unref(d);
    }
    ok(tay_expr_diff(&terms[N_VARS], e, p->time));
    ok(tay_expr_sum(&sum, (const tay_expr *const *)terms, N_VARS + 1));
    unref_all(terms, N_VARS + 1);
    return sum;
}

/* Jets of the states by the program and by nested derivatives. */
static void check_jets(const point *p, tay_expr *const *rhs)
{
    tay__program *program = make_program(p, rhs, N_VARS, true);
    double *coefficients = coefficients_of(program, p->p);
    interpreter in = {.p = program, .coefficients = coefficients, .order = ORDER};

    in.jet = calloc((size_t)program->n_slots * (ORDER + 1), sizeof *in.jet);
    set_inputs(&in, p);
    interpret(&in);
    for (int i = 0; i < N_VARS; i++) {
        tay_expr *e = tay_expr_ref(p->vars[i]);
        double factorial = 1;
        for (uint32_t n = 1; n <= ORDER; n++) {
            tay_expr *next = along(p, e, rhs);
            tay_expr_unref(e);
            e = next;
            factorial *= n;
            assert_near(*at(&in, n, i), direct(e, lookup, (void *)p) / factorial, 1e-9);
        }
        tay_expr_unref(e);
    }
    free(in.jet);
    free(coefficients);
    tay__program_free(program);
}

static void test_random_values(void **state)
{
    (void)state;
    for (seed = 1; seed < 3000; seed += 7) {
        point p;
        tay_expr *e[6];
        make_point(&p);
        random_graph(e, 6, 4 + draw(30), &p);
        check_values(&p, e, 6);
        unref_all(e, 6);
        free_point(&p);
    }
}

static void test_random_jets(void **state)
{
    (void)state;
    for (seed = 5; seed < 400; seed += 9) {
        point p;
        tay_expr *e[N_VARS];
        make_point(&p);
        random_graph(e, N_VARS, 4 + draw(8), &p);
        check_jets(&p, e);
        unref_all(e, N_VARS);
        free_point(&p);
    }
}

/* y_r = tanh(sum_k w_rk x_k + b_r): two groups of one row each, coefficients by member. */
static void test_layer_is_two_groups(void **state)
{
    (void)state;
    enum { ROWS = 30 };
    point p;
    tay_expr *outputs[ROWS];

    seed = 3;
    make_point(&p);
    for (int r = 0; r < ROWS; r++) {
        tay_expr *terms[N_VARS + 1], *sum;
        for (int k = 0; k < N_VARS; k++) {
            tay_expr *w;
            ok(tay_expr_number(&w, 0.1 + r * 0.01 + k));
            ok(tay_expr_mul(&terms[k], w, p.vars[k]));
            tay_expr_unref(w);
        }
        ok(tay_expr_number(&terms[N_VARS], 0.5 * r + 0.25));
        ok(tay_expr_sum(&sum, (const tay_expr *const *)terms, N_VARS + 1));
        ok(tay_expr_function(&outputs[r], TAY_TANH, (const tay_expr *const *)&sum, 1));
        unref_all(terms, N_VARS + 1);
        tay_expr_unref(sum);
    }
    tay__program *program = make_program(&p, outputs, ROWS, false);
    assert_int_equal(program->n_stages, 2);
    const tay__group *linear = program->stages[0].groups, *tanh = program->stages[1].groups;
    assert_int_equal(linear->primitive, TAY__LINEAR);
    assert_int_equal(linear->n_rows, 1);
    assert_int_equal(linear->a_stride, TAY__SHARED);
    assert_true(linear->varying_coefs && linear->has_constant);
    assert_int_equal(tanh->primitive, TAY__INTEGRATE);
    assert_int_equal(tanh->n_rows, 1);
    assert_int_equal(tanh->a_stride, TAY__CONTIGUOUS);
    tay__program_free(program);
    check_values(&p, outputs, ROWS);
    unref_all(outputs, ROWS);
    free_point(&p);
}

/* A matrix equation phi' = J phi + g in 2 x COLUMNS states beside the 2 that J and g depend on, g not there in all
 * columns. */
enum { COLUMNS = 40, WITH_G = 25, N_MATRIX = 2 + 2 * COLUMNS };

static void matrix_row(tay_expr **rhs, tay_expr *const *vars, int i, int column)
{
    tay_expr *terms[3], *number, *product, *cosine;

    ok(tay_expr_mul(&terms[0], rhs[i], vars[2 + column])); /* J[i, 0] = rhs_i, J[i, 1] = cos(x_i) */
    ok(tay_expr_function(&cosine, TAY_COS, (const tay_expr *const *)&vars[i], 1));
    ok(tay_expr_mul(&terms[1], cosine, vars[2 + COLUMNS + column]));
    ok(tay_expr_number(&number, 1.5 + column));
    ok(tay_expr_mul(&product, number, vars[0]));
    ok(tay_expr_function(&terms[2], TAY_TANH, (const tay_expr *const *)&product, 1));
    ok(tay_expr_sum(&rhs[2 + i * COLUMNS + column], (const tay_expr *const *)terms, column < WITH_G ? 3 : 2));
    unref_all(terms, 3);
    tay_expr_unref(cosine);
    tay_expr_unref(number);
    tay_expr_unref(product);
}

static void matrix_equation(tay_expr **vars, tay_expr **rhs)
{
    char name[32];

    for (int i = 0; i < N_MATRIX; i++) {
        snprintf(name, sizeof name, "v%d", i);
        ok(tay_expr_variable(&vars[i], name));
    }
    ok(tay_expr_mul(&rhs[0], vars[0], vars[1]));
    ok(tay_expr_function(&rhs[1], TAY_SIN, (const tay_expr *const *)&vars[0], 1));
    for (int i = 0; i < 2; i++)
        for (int column = 0; column < COLUMNS; column++) matrix_row(rhs, vars, i, column);
}

static tay__program_spec spec_of(tay_expr *const *vars, tay_expr *const *rhs, size_t n)
{
    return (tay__program_spec){.inputs = (const tay_expr *const *)vars, .n_inputs = n,
                               .outputs = (const tay_expr *const *)rhs, .n_outputs = n, .jets = true};
}

/* Columns run by blocks, in tiles of two rows; what J phi gives need not be kept. */
static void test_columns(void **state)
{
    (void)state;
    tay_expr *vars[N_MATRIX], *rhs[N_MATRIX];
    tay__program *program;

    matrix_equation(vars, rhs);
    tay__program_spec spec = spec_of(vars, rhs, N_MATRIX);
    ok(tay__program_create(&program, &spec));
    ok(tay__program_verify(program));
    const tay__stage *last = &program->stages[program->n_stages - 1];
    assert_int_equal(last->n_columns, WITH_G); /* the others need less before and stand alone */
    assert_int_equal(last[-2].n_columns, COLUMNS - WITH_G);
    assert_true(last->recurrent);
    bool tiled = false;
    for (uint32_t g = 0; g < last->n_groups; g++)
        if (last->groups[g].primitive == TAY__PRODUCT && last->groups[g].rows[0].tile == 2 && last->groups[g].transient)
            tiled = true;
    assert_true(tiled);
    tay__program_free(program);
    unref_all(vars, N_MATRIX);
    unref_all(rhs, N_MATRIX);
}

/* A saved system, as a scenario that begins and ends without objects. */
typedef struct saved {
    uint8_t bytes[1 << 16];
    size_t size;
} saved;

static tay_status make_saved(void *context)
{
    const saved *data = context;
    tay_expr **e = NULL;
    size_t n = 0;
    tay__program *program = NULL;
    char *text = NULL;
    tay_status status = tay_expr_load(&e, &n, data->bytes, data->size);

    if (status == TAY_OK) {
        tay__program_spec spec = spec_of(e, e + n / 2, n / 2);
        status = tay__program_create(&program, &spec);
    }
    if (status == TAY_OK) status = tay__program_verify(program);
    if (status == TAY_OK) status = tay__program_dump(&text, program);
    tay_free(text);
    tay__program_free(program);
    for (size_t i = 0; i < n; i++) tay_expr_unref(e[i]);
    tay_free(e);
    return status;
}

static void test_failing_allocations(void **state)
{
    (void)state;
    static saved data;
    tay_expr *e[2 * N_MATRIX];
    uint8_t *bytes;

    matrix_equation(e, e + N_MATRIX);
    ok(tay_expr_save(&bytes, &data.size, (const tay_expr *const *)e, 2 * N_MATRIX));
    unref_all(e, 2 * N_MATRIX);
    assert_true(data.size <= sizeof data.bytes);
    memcpy(data.bytes, bytes, data.size);
    tay_free(bytes);
    fail_each_allocation(make_saved, &data);
}

/* A sum of 100,000 terms and a product nested 100,000 deep. */
static void test_sizes(void **state)
{
    (void)state;
    enum { N = 100000 };
    point p;
    tay_expr **terms = calloc(N, sizeof *terms), *sum, *nested;
    double exact = 0;

    seed = 11;
    make_point(&p);
    for (int i = 0; i < N; i++) {
        tay_expr *w;
        ok(tay_expr_number(&w, (i % 100) * 1e-6));
        ok(tay_expr_mul(&terms[i], w, p.vars[i % N_VARS]));
        tay_expr_unref(w);
        exact += (i % 100) * 1e-6 * p.x[i % N_VARS];
    }
    ok(tay_expr_sum(&sum, (const tay_expr *const *)terms, N));
    unref_all(terms, N);
    free(terms);
    tay__program *program = make_program(&p, &sum, 1, false);
    interpreter in = {.p = program, .coefficients = program->numbers};
    in.jet = calloc(program->n_slots, sizeof *in.jet);
    set_inputs(&in, &p);
    interpret(&in);
    assert_near(in.jet[program->outputs[0]], exact, 1e-12);
    free(in.jet);
    tay__program_free(program);
    tay_expr_unref(sum);

    nested = tay_expr_ref(p.vars[0]);
    for (int i = 1; i < N; i++) {
        tay_expr *next;
        ok(tay_expr_mul(&next, p.vars[i % N_VARS], nested));
        tay_expr_unref(nested);
        nested = next;
    }
    for (int i = 0; i < N_VARS; i++) p.x[i] = i % 2 ? 0.999 : 1 / 0.999;
    program = make_program(&p, &nested, 1, false);
    in = (interpreter){.p = program, .coefficients = program->numbers};
    in.jet = calloc(program->n_slots, sizeof *in.jet);
    set_inputs(&in, &p);
    interpret(&in);
    assert_near(in.jet[program->outputs[0]], 1.0, 1e-9);
    free(in.jet);
    tay__program_free(program);
    tay_expr_unref(nested);
    free_point(&p);
}

static void test_bad_input(void **state)
{
    (void)state;
    point p;
    tay_expr *unknown;
    tay__program *program = NULL;

    seed = 2;
    make_point(&p);
    ok(tay_expr_variable(&unknown, "unknown"));
    tay__program_spec spec = {.inputs = (const tay_expr *const *)p.vars, .n_inputs = N_VARS,
                              .outputs = (const tay_expr *const *)&unknown, .n_outputs = 1};
    assert_int_equal(tay__program_create(&program, &spec), TAY_ERROR_ARGUMENT);
    assert_non_null(strstr(tay_error_message(), "'unknown'"));
    const tay_expr *twice[] = {p.vars[0], p.vars[1], p.vars[0]};
    spec = (tay__program_spec){.inputs = twice, .n_inputs = 3};
    assert_int_equal(tay__program_create(&program, &spec), TAY_ERROR_ARGUMENT);
    assert_non_null(strstr(tay_error_message(), "'w' is given twice"));
    spec = (tay__program_spec){.inputs = (const tay_expr *const *)p.pars, .n_inputs = 1};
    assert_int_equal(tay__program_create(&program, &spec), TAY_ERROR_ARGUMENT);
    spec = (tay__program_spec){.inputs = (const tay_expr *const *)p.vars, .n_inputs = N_VARS,
                               .outputs = (const tay_expr *const *)p.vars, .n_outputs = N_VARS, .memory_limit = 16};
    assert_int_equal(tay__program_create(&program, &spec), TAY_ERROR_LIMIT);
    assert_null(program);
    tay_expr_unref(unknown);
    free_point(&p);
}

/* Counts the groups of a primitive in f(x0, x1), given as text; *exponent: that of the last one. */
static uint32_t count_groups(double *exponent, const char *text, tay__primitive primitive)
{
    tay_expr *vars[] = {rpn("x0"), rpn("x1")}, *e = rpn(text);
    tay__program *program;
    uint32_t n = 0;

    tay__program_spec spec = {.inputs = (const tay_expr *const *)vars, .n_inputs = 2,
                              .outputs = (const tay_expr *const *)&e, .n_outputs = 1};
    ok(tay__program_create(&program, &spec));
    for (uint32_t s = 0; s < program->n_stages; s++)
        for (uint32_t g = 0; g < program->stages[s].n_groups; g++) {
            const tay__group *group = &program->stages[s].groups[g];
            if (group->primitive != primitive) continue;
            n++;
            *exponent = group->exponent;
        }
    tay__program_free(program);
    unref_all(vars, 2);
    tay_expr_unref(e);
    return n;
}

/* Powers of powers are one, where that is the same function and less work. */
static void test_powers_join(void **state)
{
    (void)state;
    double p = 0;

    assert_int_equal(count_groups(&p, "0.3 x0 0.5 ** 3 ** /", TAY__POWER), 1); /* 1 / sqrt(x)^3 */
    assert_true(p == -1.5);
    assert_int_equal(count_groups(&p, "0.3 x0 0.5 ** 3 ** /", TAY__PRODUCT), 0);
    assert_int_equal(count_groups(&p, "x0 2 ** -1 **", TAY__POWER), 1);
    assert_true(p == -2);
    assert_int_equal(count_groups(&p, "x0 2 ** -1 **", TAY__PRODUCT), 0);
    assert_int_equal(count_groups(&p, "x0 0.5 ** 2 **", TAY__POWER), 1); /* not x: NaN for negative x */
    assert_true(p == 0.5);
    assert_int_equal(count_groups(&p, "x0 2 ** 0.5 **", TAY__POWER), 1); /* not x: |x| */
    assert_true(p == 0.5);
}

/* Distances to two bodies: x + 1 and x + 2 are alike, though one could be made of the other; so are all that follows. Numbers
 * that both factors are multiplied by are one of the sum's. */
static void test_alike(void **state)
{
    (void)state;
    static const char distances[] = "x0 1 + 2 ** x1 2 ** + -0.5 ** x0 1 + 1 + 2 ** x1 2 ** + -0.5 ** +";
    double p = 0;

    assert_int_equal(count_groups(&p, distances, TAY__POWER), 1);
    assert_int_equal(count_groups(&p, "x0 sin 2 * x1 * x0 sin 2 * x0 * +", TAY__LINEAR), 0);
    assert_int_equal(count_groups(&p, "x0 sin 2 * x1 * x0 sin 2 * x0 * +", TAY__PRODUCT), 1);
}

static void test_dump(void **state)
{
    (void)state;
    point p;
    tay_expr *e;
    char *text;

    seed = 4;
    make_point(&p);
    ok(tay_expr_mul(&e, p.vars[0], p.vars[1]));
    tay__program *program = make_program(&p, &e, 1, false);
    ok(tay__program_dump(&text, program));
    assert_non_null(strstr(text, "product: 1 members, 1 rows, 1 terms, a contiguous, b contiguous"));
    tay_free(text);
    tay__program_free(program);
    tay_expr_unref(e);
    free_point(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random_values), cmocka_unit_test(test_random_jets), cmocka_unit_test(test_layer_is_two_groups),
        cmocka_unit_test(test_columns),       cmocka_unit_test(test_sizes),       cmocka_unit_test(test_bad_input),
        cmocka_unit_test(test_powers_join),   cmocka_unit_test(test_alike),
        cmocka_unit_test(test_dump),         cmocka_unit_test(test_failing_allocations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
