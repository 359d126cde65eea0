/*
 * The way back through reversible execs: cotangents of states, time and parameters against differences of the run itself (of
 * eighth order), for all primitives, with parameters for all lanes and for each; runs extended in parts.
 */
#include <math.h>
#include <stdlib.h>

#include "equations.h"

enum { ORDER = 8 /* the last coefficient of a value, 7, is the first of a pair */, MAX_PARS = 80 };

/* Of a layer of 19, which is more than tiles of members that share vectors: weights of its neurons 1 ... in rows of two sums. */
#define NEURONS(N) \
    N(1, 20, 58, 39, 38) N(2, 21, 59, 40, 39) N(3, 22, 60, 41, 40) N(4, 23, 61, 42, 41) N(5, 24, 62, 43, 42) \
    N(6, 25, 63, 44, 43) N(7, 26, 64, 45, 44) N(8, 27, 65, 46, 45) N(9, 28, 66, 47, 46) N(10, 29, 67, 48, 47) \
    N(11, 30, 68, 49, 48) N(12, 31, 69, 50, 49) N(13, 32, 70, 51, 50) N(14, 33, 71, 52, 51) N(15, 34, 72, 53, 52) \
    N(16, 35, 73, 54, 53) N(17, 36, 74, 55, 54) N(18, 37, 75, 56, 55)
#define NEURON(a, b, c, d) "p" #a " x0 * p" #b " x1 * + p" #c " + tanh p" #d " * 0.1 * "
#define FIRST_SUM(a, b, c, d, e) NEURON(a, b, c, d) "+ "
#define SECOND_SUM(a, b, c, d, e) NEURON(a, b, c, e) "+ "

static const equations more_systems[] = {
    {{NEURON(0, 19, 57, 38) NEURONS(FIRST_SUM), NEURON(0, 19, 57, 56) NEURONS(SECOND_SUM)}},
    /* parameters alone: in functions, products, powers, quotients, constants */
    {{"p0 sin x0 * p1 exp +", "p0 p1 * x0 x1 * * p2 2 ** +", "x2 p0 p2 / * p1 p2 atan2 x0 * + p0 1.5 ** +"}},
    {{"x0 p0 * sin", "x1 p1 + t p2 * * cos x0 p0 x1 * + * "}},
    /* inverse square roots beside what is known before */
    {{"x2 tanh", "t asinh tanh", "p0 tanh"}},
    {{"x1 p0 x0 * sin + t p2 * +", "x0 p1 * tanh x1 0.3 * - x0 x1 * 0.1 * +"}},
    /* a layer of three, its hyperbolic tangents, a layer of two */
    {{"p0 x0 * p1 x1 * + p6 + tanh p9 * p2 x0 * p3 x1 * + p7 + tanh p10 * + p4 x0 * p5 x1 * + p8 + tanh p11 * + p15 +",
      "p0 x0 * p1 x1 * + p6 + tanh p12 * p2 x0 * p3 x1 * + p7 + tanh p13 * + p4 x0 * p5 x1 * + p8 + tanh p14 * + p16 +"}},
};

enum { N_ALL = N_SYSTEMS + sizeof more_systems / sizeof *more_systems };

static const equations *system_of(size_t number)
{
    return number < N_SYSTEMS ? &systems[number] : &more_systems[number - N_SYSTEMS];
}

/* One case: the exec, its memory, and weights of the loss sum_n,i,l w x_n. */
typedef struct fixture {
    tay__exec *exec;
    tay__workspace *w;
    tay__cotangents *bars;
    const tay__program *p;
    uint32_t lanes;
    bool lane_coefs;
    double x[MAX_STATES * 64], t[64], pars[MAX_PARS * 64];
    double weights[(ORDER + 1) * MAX_STATES * 64];
} fixture;

static const tay__split DOUBLE;

static double draw(void)
{
    static uint64_t state = 7;
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (double)(state >> 11) * 0x1p-53 - 0.5;
}

static void fixture_create(fixture *f, const equations *e, uint32_t lanes, bool lane_coefs, tay__split split)
{
    tay__program *program = make_program(e, true, true);
    size_t n = program->n_inputs;

    *f = (fixture){.lanes = lanes, .lane_coefs = lane_coefs, .p = program};
    assert_ok(tay__exec_create_reversible(&f->exec, program, ORDER, lanes, lane_coefs, split));
    static tay__exec *first; /* where there is a JIT, it makes code for all or none */
    static tay_execution execution;
    tay__exec_choose(f->exec, TAY_EXECUTION_DEFAULT);
    if (!first) execution = tay__exec_execution(first = f->exec);
    assert_int_equal(tay__exec_execution(f->exec), execution);
    assert_ok(tay__workspace_create(&f->w, f->exec));
    f->w->mixed = split.back > 0;
    assert_ok(tay__cotangents_create(&f->bars, f->exec));
    for (uint32_t l = 0; l < lanes; l++) {
        for (size_t i = 0; i < n; i++) f->x[i * lanes + l] = states[i] * (1 + 0x1p-6 * l);
        f->t[l] = 0.625 * (1 + 0x1p-6 * l);
    }
    for (size_t i = 0; i < program->n_pars * (lane_coefs ? lanes : 1u); i++) f->pars[i] = 0.6 + 0.5 * draw();
    for (size_t i = 0; i < (ORDER + 1) * n * lanes; i++) f->weights[i] = draw();
}

static void fixture_free(fixture *f)
{
    tay__cotangents_free(f->bars);
    tay__workspace_free(f->w);
    tay__exec_free(f->exec);
}

static void run(fixture *f, uint32_t middle)
{
    double *jet = f->w->jet;

    tay__exec_set_parameters(f->exec, f->w, f->pars);
    memcpy(jet, f->x, f->p->n_inputs * f->lanes * sizeof *jet);
    if (f->p->time_slot >= 0) memcpy(jet + (size_t)f->p->time_slot * f->lanes, f->t, f->lanes * sizeof *jet);
    tay__exec_extend(f->exec, f->w, 0, middle);
    tay__exec_extend(f->exec, f->w, middle, ORDER);
}

static double loss(fixture *f)
{
    const double *jet = f->w->jet;
    size_t size = f->p->n_inputs * (size_t)f->lanes;
    double sum = 0;

    run(f, ORDER);
    for (size_t n = 0; n <= ORDER; n++)
        for (size_t i = 0; i < size; i++) sum += f->weights[n * size + i] * jet[n * f->w->plane + i];
    return sum;
}

static double difference(fixture *f, double *x)
{
    static const double c[] = {4.0 / 5, -1.0 / 5, 4.0 / 105, -1.0 / 280};
    double start = *x, h = 0x1p-9, sum = 0;

    for (int i = 0; i < 4; i++) {
        *x = start + (i + 1) * h;
        sum += c[i] * loss(f);
        *x = start - (i + 1) * h;
        sum -= c[i] * loss(f);
    }
    *x = start;
    return sum / h;
}

static void check_near(const char *what, size_t i, double got, double expected, double tolerance)
{
    if (!(fabs(got - expected) <= tolerance * (1 + fabs(expected))))
        fail_msg("%s %zu: %.17g, expected %.17g", what, i, got, expected);
}

/* Against differences. */
static void check(const char *what, size_t i, double got, double expected)
{
    check_near(what, i, got, expected, 2e-9);
}

/* The jet goes, but for what is saved of it, and the coefficients of the time, which every jet has from the beginning. Those of
 * states come back as they were, up to split.exact, above to the precision of float. */
static void lose_the_rest(fixture *f, tay__split split)
{
    static double before[(ORDER + 1) * MAX_STATES * 64];
    double *saved = malloc(tay__exec_saved_bytes(f->exec, ORDER)), *jet = f->w->jet;
    size_t size = f->p->n_inputs * (size_t)f->lanes;

    assert_non_null(saved);
    for (size_t n = 0; n <= ORDER; n++) memcpy(before + n * size, jet + n * f->w->plane, size * sizeof *jet);
    tay__exec_save(f->exec, saved, f->w, ORDER);
    for (size_t n = 0; n <= ORDER; n++)
        for (size_t i = 0; i < f->w->plane; i++)
            if (n == 0 || f->p->time_slot < 0 || i / f->lanes != (size_t)f->p->time_slot) jet[n * f->w->plane + i] = NAN;
    tay__exec_restore(f->exec, f->w, saved, ORDER);
    for (size_t n = 0; n <= ORDER; n++)
        for (size_t i = 0; i < size; i++)
            check_near("restored", n, jet[n * f->w->plane + i], before[n * size + i],
                       split.back && n > split.exact ? 4e-6 : 1e-14);
    free(saved);
}

static void check_system(size_t number, uint32_t lanes, bool lane_coefs)
{
    static fixture f;
    double pars_bar[MAX_PARS * 64] = {0};

    fixture_create(&f, system_of(number), lanes, lane_coefs, DOUBLE);
    size_t size = f.p->n_inputs * (size_t)lanes, n_pars = f.p->prologue ? f.p->prologue->n_pars : 0;
    double *bar = f.bars->jet;
    run(&f, 3);
    if (lanes == tay__exec_width()) lose_the_rest(&f, DOUBLE);
    tay__cotangents_clear(f.exec, f.bars, ORDER);
    for (size_t n = 0; n <= ORDER; n++)
        for (size_t i = 0; i < size; i++) bar[n * f.w->plane + i] = f.weights[n * size + i];
    tay__exec_reverse(f.exec, f.w, f.bars, ORDER, true);
    tay__exec_reverse_parameters(f.exec, f.w, f.bars, pars_bar);
    for (size_t i = 0; i < size; i++) check("state", i, bar[i], difference(&f, &f.x[i]));
    for (size_t l = 0; l < lanes && f.p->time_slot >= 0; l++)
        check("time", l, bar[(size_t)f.p->time_slot * lanes + l], difference(&f, &f.t[l]));
    for (size_t i = 0; i < n_pars * (lane_coefs ? lanes : 1); i++)
        check("parameter", i, pars_bar[i], difference(&f, &f.pars[i]));
    fixture_free(&f);
}

static void test_shared_parameters(void **state)
{
    (void)state;
    for (size_t i = 0; i < N_ALL; i++) {
        check_system(i, tay__exec_lanes_for(1), false); /* half a vector, if these are long */
        check_system(i, (uint32_t)tay__exec_width(), false);
        check_system(i, 3 * (uint32_t)tay__exec_width(), false);
    }
}

static void test_lane_parameters(void **state)
{
    (void)state;
    for (size_t i = 0; i < N_ALL; i++) {
        check_system(i, tay__exec_lanes_for(1), true);
        check_system(i, (uint32_t)tay__exec_width(), true);
    }
}

/* The states' coefficients, then the cotangents of their initial values, the time and the parameters, of a fixture whose
 * weights of orders above split.back count `scale` times. *n: how many. */
static double *gradient(fixture *f, tay__split split, double scale, size_t *n)
{
    size_t size = f->p->n_inputs * (size_t)f->lanes, n_pars = f->p->prologue ? f->p->prologue->n_pars : 0;
    size_t n_bars = n_pars * (f->lane_coefs ? f->lanes : 1), count = 0;
    double *all = calloc((ORDER + 1) * size + size + f->lanes + n_bars, sizeof *all);

    assert_non_null(all);
    run(f, 5);
    for (size_t k = 0; k <= ORDER; k++)
        for (size_t i = 0; i < size; i++) all[count++] = ((double *)f->w->jet)[k * f->w->plane + i];
    lose_the_rest(f, split);
    tay__cotangents_clear(f->exec, f->bars, ORDER);
    for (size_t k = 0; k <= ORDER; k++)
        for (size_t i = 0; i < size; i++)
            f->bars->jet[k * f->w->plane + i] = (k > split.back ? scale : 1) * f->weights[k * size + i];
    tay__exec_reverse(f->exec, f->w, f->bars, ORDER, true);
    for (size_t i = 0; i < size; i++) all[count++] = f->bars->jet[i];
    for (size_t l = 0; l < f->lanes && f->p->time_slot >= 0; l++)
        all[count++] = f->bars->jet[(size_t)f->p->time_slot * f->lanes + l];
    tay__exec_reverse_parameters(f->exec, f->w, f->bars, all + count);
    *n = count + n_bars;
    return all;
}

/* Orders in float give what double gives: the states' coefficients, up to split.exact to the last bits, cotangents as
 * `allowed`. Whether some were float, forward and back. */
static bool compare(const char *what, size_t number, fixture *mixed, fixture *whole, tay__split split, double scale,
                    double allowed)
{
    size_t n, n_mixed, jets = (ORDER + 1) * whole->p->n_inputs * (size_t)whole->lanes;
    double *expected = gradient(whole, split, scale, &n), *got = gradient(mixed, split, scale, &n_mixed);
    size_t exact = jets / (ORDER + 1) * (split.exact + 1);
    bool forward = false, back = false;

    assert_int_equal(n, n_mixed);
    for (size_t i = 0; i < n; i++) {
        if (!(fabs(got[i] - expected[i]) <= (i < exact ? 1e-14 : i < jets ? 4e-6 : allowed) * (1 + fabs(expected[i]))))
            fail_msg("%s %zu, split %u %u, scale %g, %zu: %.15g, in double %.15g", what, number, split.back, split.exact, scale,
                     i, got[i], expected[i]);
        bool differs = fabs(got[i] - expected[i]) > 1e-10 * (1 + fabs(expected[i]));
        forward = forward || (i >= exact && i < jets && differs);
        back = back || (i >= jets && differs);
    }
    free(expected);
    free(got);
    return forward && back;
}

/* Cotangents that do not come from orders in float are exact. One workspace and its cotangents serve several runs. Whether there
 * was float at all. */
static bool check_mixed(size_t number, uint32_t lanes, bool lane_coefs, tay__split split)
{
    static const double scales[] = {1, 0, 0x1p-200};
    static fixture mixed, whole;

    fixture_create(&whole, system_of(number), lanes, lane_coefs, DOUBLE);
    fixture_create(&mixed, system_of(number), lanes, lane_coefs, split);
    memcpy(mixed.pars, whole.pars, sizeof mixed.pars);
    memcpy(mixed.weights, whole.weights, sizeof mixed.weights);
    bool has_float = compare("system", number, &mixed, &whole, split, scales[0], 4e-6);
    for (size_t s = 1; s < sizeof scales / sizeof *scales; s++)
        compare("system", number, &mixed, &whole, split, scales[s], 1e-13);
    fixture_free(&whole);
    fixture_free(&mixed);
    return has_float;
}

static void test_mixed_precision(void **state)
{
    uint32_t width = (uint32_t)tay__exec_width();
    size_t n_float[8] = {0};
    (void)state;

    for (size_t i = 0; i < N_ALL; i++) {
        n_float[0] += check_mixed(i, width, false, (tay__split){1, 3});
        n_float[1] += check_mixed(i, width, false, (tay__split){2, 3});
        n_float[2] += check_mixed(i, width, false, (tay__split){3, 3});
        n_float[3] += check_mixed(i, 3 * width, false, (tay__split){5, 6});
        n_float[4] += check_mixed(i, width, true, (tay__split){4, 5});
        n_float[5] += check_mixed(i, 3 * width, true, (tay__split){2, 3});
        n_float[6] += check_mixed(i, tay__exec_lanes_for(1), false, (tay__split){3, 3});
        n_float[7] += check_mixed(i, tay__exec_lanes_for(1), true, (tay__split){4, 5});
    }
    for (int k = 0; k < 8; k++) assert_true(n_float[k] > N_ALL / 2); /* but for systems that are linear or short */
}

/* A state as large as float can be, whose parameter gathers more than that on the way back: this step is double then, though of
 * its jet the sum of nine terms is neither saved nor restored. */
static void test_range_of_float(void **state)
{
    static const equations wide = {{"p0 x0 * p1 x0 2 ** * + p2 x0 sin * + p3 x0 cos * + p4 x0 exp * + p5 x2 * + p6 x2 sin * + "
                                    "p7 x2 cos * + p8 x2 exp * + tanh", "p9 x1 *", "x0 sin"}};
    static const tay__split split = {3, 3};
    static fixture mixed, whole, *both[] = {&whole, &mixed};
    uint32_t lanes = 6 * (uint32_t)tay__exec_width();
    (void)state;

    for (int i = 0; i < 2; i++) {
        fixture_create(both[i], &wide, lanes, false, i ? split : DOUBLE);
        memcpy(both[i]->pars, whole.pars, sizeof whole.pars);
        memcpy(both[i]->weights, whole.weights, sizeof whole.weights);
        for (uint32_t l = 0; l < lanes; l++) both[i]->x[lanes + l] = 2e38;
        both[i]->pars[9] = 0.5;
        for (size_t n = 0; n <= ORDER; n++)
            for (uint32_t l = 0; l < lanes; l++) both[i]->weights[(3 * n + 1) * lanes + l] = 0.5;
    }
    compare("wide", 0, &mixed, &whole, split, 1, 1e-13);
    fixture_free(&whole);
    fixture_free(&mixed);
}

/* Polynomials of lanes, each at its own times, their derivatives and adjoints, against sums in long double. */
static void test_polynomials(void **state)
{
    enum { TIMES = 7, COUNT = 7 }; /* each block of slots and times, and what is left */
    static fixture f;
    static double h[TIMES * 64], out[TIMES * COUNT * 64], slope[TIMES * COUNT * 64], y_bar[TIMES * COUNT * 64];
    (void)state;

    fixture_create(&f, &systems[1], 3 * (uint32_t)tay__exec_width(), false, DOUBLE);
    size_t lanes = f.lanes, plane = f.w->plane;
    const double *jet = f.w->jet;
    assert_true(COUNT * lanes <= plane);
    run(&f, ORDER);
    for (size_t i = 0; i < TIMES * lanes; i++) h[i] = draw();
    for (size_t i = 0; i < TIMES * COUNT * lanes; i++) y_bar[i] = draw();
    tay__exec_lane_polynomial(f.exec, out, jet, COUNT, ORDER, h, TIMES);
    tay__exec_lane_derivative(f.exec, slope, jet, COUNT, ORDER, h, TIMES);
    tay__cotangents_clear(f.exec, f.bars, ORDER);
    tay__exec_lane_polynomial_adjoint(f.exec, f.bars->jet, y_bar, COUNT, ORDER, h, TIMES);
    for (size_t e = 0; e < COUNT * lanes; e++) {
        long double bars[ORDER + 1] = {0};
        for (size_t k = 0; k < TIMES; k++) {
            long double sum = 0, derivative = 0, power = 1;
            for (size_t n = 0; n <= ORDER; n++, power *= h[k * lanes + e % lanes]) {
                sum += jet[n * plane + e] * power;
                if (n < ORDER) derivative += (n + 1) * jet[(n + 1) * plane + e] * power;
                bars[n] += y_bar[k * COUNT * lanes + e] * power;
            }
            check_near("polynomial", e, out[k * COUNT * lanes + e], (double)sum, 2e-15);
            check_near("derivative", e, slope[k * COUNT * lanes + e], (double)derivative, 2e-14);
        }
        for (size_t n = 0; n <= ORDER; n++) check_near("adjoint", e, f.bars->jet[n * plane + e], (double)bars[n], 2e-15);
    }
    fixture_free(&f);
}

/* Rows of each trajectory to lanes and back, in each number of columns. */
static void test_rows(void **state)
{
    enum { MOST = 19 };
    static fixture f;
    static double rows[64][MOST], back[64][MOST + 1], x[MOST * 64];
    double *from[64], *to[64];
    (void)state;

    fixture_create(&f, &systems[1], 3 * (uint32_t)tay__exec_width(), false, DOUBLE);
    size_t lanes = f.lanes;
    for (size_t n = 1; n <= MOST; n++) {
        for (size_t l = 0; l < lanes; l++) {
            from[l] = rows[l];
            to[l] = back[l];
            for (size_t i = 0; i < n; i++) rows[l][i] = draw();
            back[l][n] = 5;
        }
        tay__exec_rows_to_lanes(f.exec, x, from, n);
        tay__exec_lanes_to_rows(f.exec, to, x, n);
        for (size_t l = 0; l < lanes; l++) {
            for (size_t i = 0; i < n; i++) assert_true(x[i * lanes + l] == rows[l][i] && back[l][i] == rows[l][i]);
            assert_true(back[l][n] == 5);
        }
    }
    fixture_free(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_shared_parameters),
        cmocka_unit_test(test_lane_parameters),
        cmocka_unit_test(test_mixed_precision),
        cmocka_unit_test(test_range_of_float),
        cmocka_unit_test(test_polynomials),
        cmocka_unit_test(test_rows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
