/*
 * Flows: states against the integrator, cotangents against differences of the flow (of eighth order), jets kept against jets
 * computed again, parameters of each trajectory against those of all, threads, failures, bad input, memory.
 */
#include <math.h>
#include <stdlib.h>

#include "support/check.h"
#include "support/rpn.h"
#include "tayra/flow.h"
#include "tayra/ode.h"

enum { DIM = 2, MOST = 80, TIMES = 5, N_PARS = 3 };

static const char *const rhs_text[DIM] = {"x1 p0 x0 * sin + t p2 * +", "x0 p1 * tanh x1 0.3 * - x0 x1 * 0.1 * +"};

static double x0[MOST * DIM], times[MOST * TIMES], pars[MOST * N_PARS];

static double draw(void)
{
    static uint64_t state = 11;
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (double)(state >> 11) * 0x1p-53 - 0.5;
}

static int setup(void **state)
{
    (void)state;
    for (size_t i = 0; i < MOST * DIM; i++) x0[i] = 1 + draw();
    for (size_t i = 0; i < MOST * N_PARS; i++) pars[i] = 0.7 + draw();
    for (size_t m = 0; m < MOST; m++)
        for (size_t j = 0; j < TIMES; j++)
            times[m * TIMES + j] = 0.25 + 0.01 * (double)(m % 7) + (0.8 + 0.05 * (double)(m % 3)) * (double)j;
    return 0;
}

static tay_flow *create_from(const char *const *text, size_t n, tay_flow_options options)
{
    tay_expr *vars[DIM], *rhs[DIM];
    const char *const names[DIM] = {"x0", "x1"};
    tay_flow *flow;

    for (size_t i = 0; i < n; i++) {
        vars[i] = rpn(names[i]);
        rhs[i] = rpn(text[i]);
    }
    options.size = sizeof options;
    assert_ok(tay_flow_create(&flow, (const tay_expr *const *)vars, (const tay_expr *const *)rhs, n, &options));
    for (size_t i = 0; i < n; i++) {
        tay_expr_unref(vars[i]);
        tay_expr_unref(rhs[i]);
    }
    return flow;
}

static tay_flow *create(double tolerance)
{
    return create_from(rhs_text, DIM, (tay_flow_options){.tolerance = tolerance, .n_threads = 1});
}

static tay_flow_arguments arguments(size_t n_points, bool shared)
{
    return (tay_flow_arguments){.size = sizeof(tay_flow_arguments), .n_points = n_points, .n_times = TIMES, .x0 = x0,
                                .times = times, .pars = pars, .shared_times = shared, .shared_pars = shared};
}

static const char *what = "";

static void check_near(double got, double expected, double tolerance)
{
    if (!(fabs(got - expected) <= tolerance * (1 + fabs(expected)))) fail_msg("%s %.17g, expected %.17g", what, got, expected);
}

static void test_states(void **state)
{
    static double ys[TIMES * MOST * DIM];
    tay_flow *flow = create(1e-14);
    tay_flow_arguments a = arguments(MOST, false);
    tay_flow_result result;
    tay_expr *vars[DIM] = {rpn("x0"), rpn("x1")}, *rhs[DIM] = {rpn(rhs_text[0]), rpn(rhs_text[1])};
    (void)state;

    assert_int_equal(tay_flow_dim(flow), DIM);
    assert_int_equal(tay_flow_n_pars(flow), N_PARS);
    assert_ok(tay_flow_run(ys, NULL, &result, flow, &a));
    assert_int_equal(result.n_failed, 0);
    assert_true(result.n_steps >= MOST);
    for (size_t m = 0; m < MOST; m += 9) {
        tay_ode *ode;
        double out[TIMES * DIM];
        tay_ode_options o = {.size = sizeof o, .tolerance = 1e-16, .time = times[m * TIMES], .pars = pars + m * N_PARS,
                             .n_pars = N_PARS};
        assert_ok(tay_ode_create(&ode, (const tay_expr *const *)vars, (const tay_expr *const *)rhs, DIM, x0 + m * DIM, &o));
        assert_ok(tay_ode_propagate_grid(NULL, out, NULL, ode, &(tay_grid){times + m * TIMES, TIMES}, NULL));
        for (size_t j = 0; j < TIMES; j++)
            for (size_t i = 0; i < DIM; i++) check_near(ys[(j * MOST + m) * DIM + i], out[j * DIM + i], 1e-12);
        tay_ode_free(ode);
    }
    for (size_t i = 0; i < DIM; i++) {
        tay_expr_unref(vars[i]);
        tay_expr_unref(rhs[i]);
    }
    tay_flow_free(flow);
}

static double weights[TIMES * MOST * DIM];

static double loss(const tay_flow *flow, const tay_flow_arguments *a)
{
    static double ys[TIMES * MOST * DIM];
    double sum = 0;

    assert_ok(tay_flow_run(ys, NULL, NULL, flow, a));
    for (size_t i = 0; i < TIMES * a->n_points * DIM; i++) sum += weights[i] * ys[i];
    return sum;
}

static double difference(const tay_flow *flow, const tay_flow_arguments *a, double *x)
{
    static const double c[] = {4.0 / 5, -1.0 / 5, 4.0 / 105, -1.0 / 280};
    double start = *x, h = 0x1p-9, sum = 0;

    for (int i = 0; i < 4; i++) {
        *x = start + (i + 1) * h;
        sum += c[i] * loss(flow, a);
        *x = start - (i + 1) * h;
        sum -= c[i] * loss(flow, a);
    }
    *x = start;
    return sum / h;
}

typedef struct gradient {
    double x0[MOST * DIM], times[MOST * TIMES], pars[MOST * N_PARS];
    tay_flow_result result;
} gradient;

static void pull(gradient *g, const tay_flow *flow, const tay_flow_arguments *a)
{
    static double ys[TIMES * MOST * DIM];
    tay_flow_cotangents out = {.size = sizeof out, .x0 = g->x0, .times = g->times, .pars = g->pars};
    tay_tape *tape;

    for (size_t i = 0; i < MOST * DIM; i++) g->x0[i] = 77; /* what outputs held before does not matter */
    for (size_t i = 0; i < MOST * TIMES; i++) g->times[i] = 77;
    for (size_t i = 0; i < MOST * N_PARS; i++) g->pars[i] = 77;
    assert_ok(tay_flow_run(ys, &tape, NULL, flow, a));
    assert_ok(tay_tape_pull(&out, tape, weights, &g->result));
    assert_int_equal(tay_tape_pull(&out, tape, weights, NULL), TAY_ERROR_STATE); /* once only */
    tay_tape_free(tape);
}

static void check_gradient(size_t n_points, bool shared, double direction)
{
    static gradient g;
    tay_flow *flow = create(1e-16);
    tay_flow_arguments a = arguments(n_points, shared);

    for (size_t i = 0; i < MOST * TIMES; i++) times[i] *= direction;
    for (size_t i = 0; i < TIMES * n_points * DIM; i++) weights[i] = draw();
    pull(&g, flow, &a);
    what = "x0";
    for (size_t i = 0; i < n_points * DIM; i += 1 + n_points / 3) check_near(g.x0[i], difference(flow, &a, &x0[i]), 1e-10);
    what = "pars";
    for (size_t i = 0; i < N_PARS * (shared ? 1 : n_points); i += shared ? 1 : 1 + n_points / 3)
        check_near(g.pars[i], difference(flow, &a, &pars[i]), 1e-10);
    what = "times";
    for (size_t i = 0; i < TIMES * (shared ? 1 : n_points); i += shared ? 1 : 1 + n_points / 3)
        check_near(g.times[i], difference(flow, &a, &times[i]), 1e-10);
    for (size_t i = 0; i < MOST * TIMES; i++) times[i] *= direction;
    tay_flow_free(flow);
}

static void test_gradients(void **state)
{
    (void)state;
    check_gradient(1, true, 1);
    check_gradient(5, true, -1);
    check_gradient(6, false, 1);
    check_gradient(40, false, -1); /* lanes that take several trajectories, blocks */
    check_gradient(40, true, 1);
    check_gradient(50, true, -1); /* of the last block two, in fewer lanes */
    check_gradient(50, false, 1);
}

/* For random tangents and cotangents, the tangent map's products are the adjoint map's, whatever the tolerance. */
static void check_dot_products(size_t n_points, bool shared_times, bool shared_pars, double direction)
{
    static gradient g, dot;
    static double ys[TIMES * MOST * DIM], again[TIMES * MOST * DIM], ys_dot[TIMES * MOST * DIM];
    tay_flow *flow = create(1e-8);
    tay_flow_arguments a = arguments(n_points, false);
    tay_flow_tangents t = {.size = sizeof t, .x0 = dot.x0, .times = dot.times, .pars = dot.pars};
    tay_flow_result result;
    size_t n_ys = TIMES * n_points * DIM, n_times = TIMES * (shared_times ? 1 : n_points);
    size_t n_pars = N_PARS * (shared_pars ? 1 : n_points);
    double forward = 0, back = 0;

    a.shared_times = shared_times;
    a.shared_pars = shared_pars;
    for (size_t i = 0; i < MOST * TIMES; i++) times[i] *= direction;
    for (size_t i = 0; i < n_ys; i++) weights[i] = draw();
    for (size_t i = 0; i < n_points * DIM; i++) dot.x0[i] = draw();
    for (size_t i = 0; i < n_times; i++) dot.times[i] = draw();
    for (size_t i = 0; i < n_pars; i++) dot.pars[i] = draw();
    pull(&g, flow, &a);
    assert_ok(tay_flow_push(ys, ys_dot, &result, flow, &a, &t));
    assert_int_equal(result.n_steps, g.result.n_steps);
    assert_ok(tay_flow_run(again, NULL, NULL, flow, &a));
    what = "state beside its tangent";
    for (size_t i = 0; i < n_ys; i++) check_near(ys[i], again[i], 1e-14);
    for (size_t i = 0; i < n_ys; i++) forward += weights[i] * ys_dot[i];
    for (size_t i = 0; i < n_points * DIM; i++) back += g.x0[i] * dot.x0[i];
    for (size_t i = 0; i < n_times; i++) back += g.times[i] * dot.times[i];
    for (size_t i = 0; i < n_pars; i++) back += g.pars[i] * dot.pars[i];
    what = "dot product";
    check_near(forward, back, 1e-12);
    t = (tay_flow_tangents){.size = sizeof t};
    assert_ok(tay_flow_push(ys, ys_dot, NULL, flow, &a, &t));
    for (size_t i = 0; i < n_ys; i++) assert_true(ys_dot[i] == 0);
    for (size_t i = 0; i < MOST * TIMES; i++) times[i] *= direction;
    tay_flow_free(flow);
}

static void test_tangents(void **state)
{
    (void)state;
    check_dot_products(1, true, true, 1);
    check_dot_products(5, false, true, -1); /* parameters of all, with an initial time of each trajectory */
    check_dot_products(6, true, false, 1);
    check_dot_products(MOST, false, false, 1);
}

/* Jets computed again, and more threads, change no bit. */
static void test_reproducible(void **state)
{
    static gradient g, again, threads;
    tay_flow *flow = create(1e-12);
    tay_flow *small = create_from(rhs_text, DIM, (tay_flow_options){.tolerance = 1e-12, .memory_limit = 400000});
    tay_flow *team = create_from(rhs_text, DIM, (tay_flow_options){.tolerance = 1e-12, .n_threads = 3});
    (void)state;

    for (int shared = 0; shared < 2; shared++) {
        tay_flow_arguments a = arguments(MOST, shared);
        pull(&g, flow, &a);
        pull(&again, small, &a);
        pull(&threads, team, &a);
        size_t n_times = TIMES * (shared ? 1 : MOST), n_pars = N_PARS * (shared ? 1 : MOST);
        assert_true(g.result.n_recomputed < again.result.n_recomputed && again.result.tape_bytes <= 400000);
        assert_memory_equal(g.x0, again.x0, sizeof g.x0);
        assert_memory_equal(g.x0, threads.x0, sizeof g.x0);
        assert_memory_equal(g.times, again.times, n_times * sizeof *g.times);
        assert_memory_equal(g.times, threads.times, n_times * sizeof *g.times);
        assert_memory_equal(g.pars, again.pars, n_pars * sizeof *g.pars);
        assert_memory_equal(g.pars, threads.pars, n_pars * sizeof *g.pars);
    }
    tay_flow_free(flow);
    tay_flow_free(small);
    tay_flow_free(team);
}

/* Blocks of as many lanes as are wanted, whoever does them, give the same gradients but for rounding and orders. */
static void test_wanted_lanes(void **state)
{
    static gradient g, narrow, threads;
    tay_flow *flow = create(1e-13), *refused;
    tay_flow_arguments a = arguments(20, true);
    (void)state;

    pull(&g, flow, &a);
    for (uint32_t lanes = 1; lanes <= 64; lanes *= 8) {
        tay_flow *one = create_from(rhs_text, DIM, (tay_flow_options){.tolerance = 1e-13, .lanes = lanes, .n_threads = 1});
        tay_flow *team = create_from(rhs_text, DIM, (tay_flow_options){.tolerance = 1e-13, .lanes = lanes, .n_threads = 3});
        pull(&narrow, one, &a);
        pull(&threads, team, &a);
        for (size_t i = 0; i < N_PARS; i++) check_near(narrow.pars[i], g.pars[i], 1e-11);
        for (size_t i = 0; i < 20 * DIM; i++) check_near(narrow.x0[i], g.x0[i], 1e-11);
        assert_memory_equal(narrow.pars, threads.pars, N_PARS * sizeof *g.pars);
        assert_memory_equal(narrow.x0, threads.x0, sizeof g.x0);
        tay_flow_free(one);
        tay_flow_free(team);
    }
    tay_flow_free(flow);
    tay_expr *x = rpn("x0"), *dx = rpn("x0");
    assert_int_equal(tay_flow_create(&refused, (const tay_expr *const *)&x, (const tay_expr *const *)&dx, 1,
                                     &(tay_flow_options){.size = sizeof(tay_flow_options), .lanes = 65}), TAY_ERROR_ARGUMENT);
    assert_non_null(strstr(tay_error_message(), "lanes: expected 0 to 64, got 65"));
    tay_expr_unref(x);
    tay_expr_unref(dx);
}

/* So little memory that most steps are done again, from marks. */
static void test_marks(void **state)
{
    static gradient g, again;
    tay_flow *flow = create_from(rhs_text, DIM, (tay_flow_options){.tolerance = 1e-7, .order = 3});
    tay_flow *small = create_from(rhs_text, DIM, (tay_flow_options){.tolerance = 1e-7, .order = 3, .memory_limit = 800000});
    tay_flow *tiny = create_from(rhs_text, DIM, (tay_flow_options){.tolerance = 1e-7, .order = 3, .memory_limit = 100000});
    tay_flow_arguments a = arguments(MOST, false);
    tay_tape *tape = NULL;
    static double ys[TIMES * MOST * DIM];
    (void)state;

    for (int shared = 0; shared < 2; shared++) {
        a = arguments(MOST, shared);
        pull(&g, flow, &a);
        pull(&again, small, &a);
        assert_true(g.result.n_steps == again.result.n_steps && again.result.tape_bytes <= 800000);
        assert_true(again.result.n_recomputed > again.result.n_steps / 2 && again.result.n_recomputed <= again.result.n_steps);
        assert_memory_equal(g.x0, again.x0, sizeof g.x0);
        assert_memory_equal(g.times, again.times, TIMES * (shared ? 1 : MOST) * sizeof *g.times);
        assert_memory_equal(g.pars, again.pars, N_PARS * (shared ? 1 : MOST) * sizeof *g.pars);
    }
    assert_int_equal(tay_flow_run(ys, &tape, NULL, tiny, &a), TAY_ERROR_LIMIT);
    assert_non_null(strstr(tay_error_message(), "memory_limit: the steps need more"));
    assert_null(tape);
    tay_flow_free(flow);
    tay_flow_free(small);
    tay_flow_free(tiny);
}

/* x' = x^2 blows up at t = 1/x0: in trajectory 2 only, whose cotangents are refused unless they are zero. */
static void test_failure(void **state)
{
    static const char *const text[] = {"x0 x0 *"};
    static const double start[6] = {0.1, 0.2, 1, 0.3, -1, 0.4}, t[3] = {0, 0.5, 1.5};
    tay_flow *flow = create_from(text, 1, (tay_flow_options){.tolerance = 1e-12});
    tay_flow_arguments a = {.size = sizeof a, .n_points = 6, .n_times = 3, .x0 = start, .times = t, .shared_times = true,
                            .shared_pars = true};
    double ys[18], bars[18], x_bar[6];
    tay_flow_cotangents out = {.size = sizeof out, .x0 = x_bar};
    tay_flow_result result;
    tay_tape *tape;
    (void)state;

    assert_ok(tay_flow_run(ys, &tape, &result, flow, &a));
    assert_int_equal(result.n_failed, 1);
    assert_int_equal(result.first_failed, 2);
    assert_true(result.failed_time > 0.9 && result.failed_time < 1.1);
    for (size_t m = 0; m < 6; m++) {
        check_near(ys[6 + m], start[m] / (1 - start[m] * 0.5), 1e-11);
        if (m == 2) assert_true(isnan(ys[12 + m]));
        else check_near(ys[12 + m], start[m] / (1 - start[m] * 1.5), 1e-11);
    }
    for (size_t i = 0; i < 18; i++) bars[i] = 1;
    assert_int_equal(tay_tape_pull(&out, tape, bars, NULL), TAY_ERROR_STATE);
    assert_non_null(strstr(tay_error_message(), "trajectory 2"));
    bars[12 + 2] = 0;
    assert_ok(tay_tape_pull(&out, tape, bars, NULL));
    for (size_t m = 0; m < 6; m++) {
        double expected = 1 + pow(1 - start[m] * 0.5, -2) + (m == 2 ? 0 : pow(1 - start[m] * 1.5, -2));
        check_near(x_bar[m], expected, 1e-10);
    }
    tay_tape_free(tape);
    tay_flow_free(flow);
}

static bool stop(size_t done, size_t total, void *context)
{
    (void)done, (void)total;
    ++*(int *)context;
    return false;
}

static void expect_argument(tay_status status, const char *text)
{
    assert_int_equal(status, TAY_ERROR_ARGUMENT);
    assert_non_null(strstr(tay_error_message(), text));
}

static void test_bad_input(void **state)
{
    static double ys[TIMES * MOST * DIM];
    static const double same[] = {0, 1, 1}, back[] = {0, 1, 0.5};
    double bad[DIM] = {1, NAN};
    int called = 0;
    tay_flow *flow = create(1e-10), *tiny = create_from(rhs_text, DIM, (tay_flow_options){.memory_limit = 100});
    tay_flow_arguments a = arguments(1, true);
    tay_tape *tape = NULL;
    (void)state;

    a.n_times = 3;
    a.times = same;
    expect_argument(tay_flow_run(ys, NULL, NULL, flow, &a), "strictly increasing");
    a.times = back;
    expect_argument(tay_flow_run(ys, NULL, NULL, flow, &a), "0.5 after 1");
    a = arguments(1, true);
    a.x0 = bad;
    expect_argument(tay_flow_run(ys, NULL, NULL, flow, &a), "x0[1]");
    a = arguments(1, true);
    a.pars = NULL;
    expect_argument(tay_flow_run(ys, NULL, NULL, flow, &a), "pars");
    a = arguments(1, true);
    a.n_times = 0;
    expect_argument(tay_flow_run(ys, NULL, NULL, flow, &a), "n_times");
    a = arguments(4, true);
    assert_int_equal(tay_flow_run(ys, &tape, NULL, tiny, &a), TAY_ERROR_LIMIT);
    assert_null(tape);
    tay_flow_tangents t = {.size = sizeof t, .x0 = bad};
    a = arguments(1, true);
    expect_argument(tay_flow_push(ys, ys, NULL, flow, &a, &t), "tangents->x0[1]");
    t.size = 1;
    expect_argument(tay_flow_push(ys, ys, NULL, flow, &a, &t), "tangents->size");
    a = arguments(4, true);
    a.progress = stop;
    a.context = &called;
    assert_int_equal(tay_flow_run(ys, NULL, NULL, flow, &a), TAY_ERROR_STATE);
    assert_int_equal(called, 1);
    a = arguments(0, true);
    assert_ok(tay_flow_run(NULL, NULL, NULL, flow, &a));
    tay_flow_free(flow);
    tay_flow_free(tiny);
}

/* The initial states, of which nothing else is a function. */
static void test_one_time(void **state)
{
    static double ys[TIMES * MOST * DIM];
    static gradient g;
    tay_flow *flow = create(1e-10);
    (void)state;

    for (int shared = 0; shared < 2; shared++) {
        tay_flow_arguments a = arguments(3, shared);
        a.n_times = 1;
        assert_ok(tay_flow_run(ys, NULL, NULL, flow, &a));
        assert_memory_equal(ys, x0, 3 * DIM * sizeof *ys);
        pull(&g, flow, &a);
        assert_memory_equal(g.x0, weights, 3 * DIM * sizeof *ys);
        for (int i = 0; i < (shared ? 1 : 3); i++) assert_true(g.times[i] == 0);
        for (int i = 0; i < (shared ? 1 : 3) * N_PARS; i++) assert_true(g.pars[i] == 0);
    }
    tay_flow_free(flow);
}

/* max_steps is no error: the trajectory ends there. */
static void test_max_steps(void **state)
{
    static double ys[TIMES * MOST * DIM];
    tay_flow *flow = create_from(rhs_text, DIM, (tay_flow_options){.tolerance = 1e-15, .max_steps = 1, .order = 4});
    tay_flow_arguments a = arguments(2, true);
    tay_flow_result result;
    (void)state;

    assert_ok(tay_flow_run(ys, NULL, &result, flow, &a));
    assert_int_equal(result.n_failed, 2);
    assert_int_equal(result.n_steps, 2);
    assert_true(isnan(ys[(TIMES - 1) * 2 * DIM]));
    tay_flow_free(flow);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_states),    cmocka_unit_test(test_gradients), cmocka_unit_test(test_reproducible),
        cmocka_unit_test(test_tangents),  cmocka_unit_test(test_wanted_lanes), cmocka_unit_test(test_marks),
        cmocka_unit_test(test_failure),   cmocka_unit_test(test_bad_input), cmocka_unit_test(test_max_steps),
        cmocka_unit_test(test_one_time),
    };
    return cmocka_run_group_tests(tests, setup, NULL);
}
