/*
 * Optimisers against the numbers of torch.optim after each step (optimiser_values.txt, the first argument), a first step by
 * hand, states that go on where another optimiser stopped, convergence, what is refused, memory.
 */
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "support/check.h"
#include "support/failing_alloc.h"
#include "tayra/optim.h"

enum { N = 4, STEPS = 12, LINE = 1 << 14 };

static const char *values_path;

/* The next number of a line. */
static double next(void)
{
    const char *word = strtok(NULL, " \n");
    assert_non_null(word);
    return strtod(word, NULL);
}

static void next_array(double *out)
{
    for (size_t i = 0; i < N; i++) out[i] = next();
}

static tay_sgd *create_sgd(tay_sgd_options options)
{
    tay_sgd *sgd;
    options.size = sizeof options;
    assert_ok(tay_sgd_create(&sgd, N, &options));
    return sgd;
}

static tay_adam *create_adam(tay_adam_options options)
{
    tay_adam *adam;
    options.size = sizeof options;
    assert_ok(tay_adam_create(&adam, N, &options));
    return adam;
}

static tay_sgd *next_sgd(void)
{
    double rate = next(), momentum = next(), decay = next();
    return create_sgd((tay_sgd_options){.rate = rate, .momentum = momentum, .weight_decay = decay});
}

static tay_adam *next_adam(void)
{
    double rate = next(), beta1 = next(), beta2 = next(), epsilon = next(), decay = next(), amsgrad = next();
    return create_adam((tay_adam_options){.rate = rate, .beta1 = beta1, .beta2 = beta2, .epsilon = epsilon,
                                          .weight_decay = decay, .amsgrad = amsgrad != 0});
}

/* The steps of a line behind its first word. */
static void check_line(bool is_sgd, const double *start)
{
    double x[N], gradient[N], expected[N];
    tay_sgd *sgd = is_sgd ? next_sgd() : NULL;
    tay_adam *adam = is_sgd ? NULL : next_adam();

    memcpy(x, start, sizeof x);
    for (int k = 0; k < STEPS; k++) {
        next_array(gradient);
        next_array(expected);
        assert_ok(sgd ? tay_sgd_step(x, sgd, gradient) : tay_adam_step(x, adam, gradient));
        for (size_t i = 0; i < N; i++) {
            if (!(fabs(x[i] - expected[i]) <= 16 * DBL_EPSILON * (1 + fabs(expected[i]))))
                fail_msg("%s, step %d: x[%zu] = %.17g instead of %.17g", sgd ? "sgd" : "adam", k + 1, i, x[i], expected[i]);
        }
    }
    assert_null(strtok(NULL, " \n"));
    tay_sgd_free(sgd);
    tay_adam_free(adam);
}

static void steps_are_those_of_torch(void **state)
{
    (void)state;
    static char line[LINE];
    double start[N];
    int n_sgd = 0, n_adam = 0;
    FILE *file = fopen(values_path, "r");
    assert_non_null(file);
    assert_non_null(fgets(line, sizeof line, file));
    assert_string_equal(strtok(line, " "), "start");
    next_array(start);
    while (fgets(line, sizeof line, file)) {
        bool is_sgd = strcmp(strtok(line, " "), "sgd") == 0;
        check_line(is_sgd, start);
        n_sgd += is_sgd;
        n_adam += !is_sgd;
    }
    fclose(file);
    assert_true(n_sgd >= 4 && n_adam >= 4);
}

/* From nothing, Adam's first step is rate g / (|g| + epsilon), that of descent rate g; the rates are the defaults or set. */
static void first_step_by_hand(void **unused)
{
    (void)unused;
    double x[N] = {0}, gradient[N] = {2, -0.5, 1e-8, 0};
    tay_adam *adam;
    tay_sgd *sgd;
    assert_ok(tay_adam_create(&adam, N, NULL));
    assert_ok(tay_adam_step(x, adam, gradient));
    for (size_t i = 0; i < N; i++) {
        double expected = -1e-3 * gradient[i] / (fabs(gradient[i]) + 1e-8);
        assert_true(fabs(x[i] - expected) <= 1e-15 * fabs(expected) * 10);
    }
    assert_ok(tay_adam_set_rate(adam, 0.25));
    assert_ok(tay_adam_step(x, adam, gradient));
    assert_true(fabs(x[0] + 0.001 + 0.25) < 1e-8); /* the same gradient twice: as long again, at the new rate */
    tay_adam_free(adam);

    assert_ok(tay_sgd_create(&sgd, N, NULL));
    memset(x, 0, sizeof x);
    assert_ok(tay_sgd_step(x, sgd, gradient));
    assert_true(x[0] == -1e-3 * 2);
    assert_ok(tay_sgd_set_rate(sgd, 0.5));
    assert_ok(tay_sgd_step(x, sgd, gradient));
    assert_true(x[0] == -1e-3 * 2 - 1);
    tay_sgd_free(sgd);
}

static void gradient_at(double *gradient, const double *x)
{
    for (size_t i = 0; i < N; i++) gradient[i] = (double)(i + 1) * sin(x[i]);
}

/* Half of the steps by one optimiser, the others by another one that was given its state: as if one had made all of them. */
static void states_survive(void **unused)
{
    (void)unused;
    double whole[2][N] = {{1, 2, 3, 4}, {1, 2, 3, 4}}, halves[2][N] = {{1, 2, 3, 4}, {1, 2, 3, 4}}, gradient[N];
    tay_sgd *sgd[3];
    tay_adam *adam[3];
    size_t n;
    for (int i = 0; i < 3; i++) {
        sgd[i] = create_sgd((tay_sgd_options){.rate = 0.1, .momentum = 0.9});
        adam[i] = create_adam((tay_adam_options){.rate = 0.1, .amsgrad = true});
    }
    for (int k = 0; k < 20; k++) {
        int half = k < 10 ? 1 : 2;
        if (k == 10) {
            const double *state = tay_sgd_state(&n, sgd[1]);
            assert_int_equal(n, N);
            assert_ok(tay_sgd_set_state(sgd[2], state, n));
            state = tay_adam_state(&n, adam[1]);
            assert_int_equal(n, 1 + 3 * N);
            assert_true(state[0] == 10);
            assert_ok(tay_adam_set_state(adam[2], state, n));
        }
        gradient_at(gradient, whole[0]);
        assert_ok(tay_sgd_step(whole[0], sgd[0], gradient));
        assert_ok(tay_sgd_step(halves[0], sgd[half], gradient));
        gradient_at(gradient, whole[1]);
        assert_ok(tay_adam_step(whole[1], adam[0], gradient));
        assert_ok(tay_adam_step(halves[1], adam[half], gradient));
    }
    assert_memory_equal(whole, halves, sizeof whole);
    assert_memory_equal(tay_adam_state(NULL, adam[0]), tay_adam_state(NULL, adam[2]), n * sizeof(double));
    for (int i = 0; i < 3; i++) tay_sgd_free(sgd[i]), tay_adam_free(adam[i]);
}

/* A quadratic valley whose sides are a hundred times as steep as its floor. */
static void valleys_are_descended(void **unused)
{
    (void)unused;
    static const double steepness[N] = {1, 5, 25, 100}, bottom[N] = {1, -2, 0.5, 4};
    double x[2][N] = {{0}}, gradient[N];
    tay_sgd *sgd = create_sgd((tay_sgd_options){.rate = 0.01, .momentum = 0.8});
    tay_adam *adam = create_adam((tay_adam_options){.rate = 0.05, .beta2 = 0.99});
    for (int k = 0; k < 1500; k++) {
        for (size_t i = 0; i < N; i++) gradient[i] = steepness[i] * (x[0][i] - bottom[i]);
        assert_ok(tay_sgd_step(x[0], sgd, gradient));
        for (size_t i = 0; i < N; i++) gradient[i] = steepness[i] * (x[1][i] - bottom[i]);
        assert_ok(tay_adam_step(x[1], adam, gradient));
    }
    for (size_t i = 0; i < N; i++) {
        assert_true(fabs(x[0][i] - bottom[i]) < 1e-9);
        assert_true(fabs(x[1][i] - bottom[i]) < 1e-3);
    }
    tay_sgd_free(sgd);
    tay_adam_free(adam);
}

/* A step with `bad` in element 2 of the gradient, or of x, fails with the message, and nothing has changed. */
static void check_refused(tay_sgd *sgd, tay_adam *adam, bool in_x, double bad, const char *message)
{
    double x[N] = {1, 2, 3, 4}, gradient[N] = {1, 1, 1, 1}, before[N], sgd_state[N], adam_state[1 + 3 * N];
    (in_x ? x : gradient)[2] = bad;
    memcpy(before, x, sizeof x);
    memcpy(sgd_state, tay_sgd_state(NULL, sgd), sizeof sgd_state);
    memcpy(adam_state, tay_adam_state(NULL, adam), sizeof adam_state);
    assert_error(tay_sgd_step(x, sgd, gradient), TAY_ERROR_ARGUMENT, message);
    assert_error(tay_adam_step(x, adam, gradient), TAY_ERROR_ARGUMENT, message);
    assert_memory_equal(x, before, sizeof x);
    assert_memory_equal(sgd_state, tay_sgd_state(NULL, sgd), sizeof sgd_state);
    assert_memory_equal(adam_state, tay_adam_state(NULL, adam), sizeof adam_state);
}

static void bad_steps_change_nothing(void **unused)
{
    (void)unused;
    double x[N] = {1, 2, 3, 4}, gradient[N] = {0.1, 0.2, 0.3, 0.4};
    tay_sgd *sgd = create_sgd((tay_sgd_options){.rate = 10, .momentum = 0.9});
    tay_adam *adam = create_adam((tay_adam_options){.amsgrad = true});
    assert_ok(tay_sgd_step(x, sgd, gradient));
    assert_ok(tay_adam_step(x, adam, gradient));
    check_refused(sgd, adam, false, NAN, "gradient[2]: expected a finite number, got nan");
    check_refused(sgd, adam, false, -INFINITY, "gradient[2]: expected a finite number, got -inf");
    check_refused(sgd, adam, false, 1e308, "gradient[2]: expected a number whose step is finite, got 1e+308");
    check_refused(sgd, adam, true, INFINITY, "x[2]: expected a finite number, got inf");
    assert_error(tay_sgd_step(NULL, sgd, gradient), TAY_ERROR_ARGUMENT, "x: expected 4 numbers, got NULL");
    assert_error(tay_sgd_step(x, sgd, NULL), TAY_ERROR_ARGUMENT, "gradient: expected 4 numbers, got NULL");
    assert_error(tay_adam_step(NULL, adam, gradient), TAY_ERROR_ARGUMENT, "x: expected 4 numbers, got NULL");
    assert_error(tay_adam_step(x, adam, NULL), TAY_ERROR_ARGUMENT, "gradient: expected 4 numbers, got NULL");
    assert_error(tay_sgd_set_rate(sgd, 0), TAY_ERROR_ARGUMENT, "rate: expected a positive and finite number, got 0");
    assert_error(tay_adam_set_rate(adam, NAN), TAY_ERROR_ARGUMENT, "rate: expected a positive and finite number, got nan");
    assert_ok(tay_sgd_step(x, sgd, gradient));
    assert_ok(tay_adam_step(x, adam, gradient));
    assert_true(tay_adam_state(NULL, adam)[0] == 2);
    tay_sgd_free(sgd);
    tay_adam_free(adam);
}

static void bad_states_change_nothing(void **unused)
{
    (void)unused;
    double state[1 + 3 * N] = {3}, zeros[1 + 3 * N] = {0};
    tay_sgd *sgd = create_sgd((tay_sgd_options){.momentum = 0.9});
    tay_adam *adam = create_adam((tay_adam_options){.amsgrad = true});
    assert_error(tay_sgd_set_state(sgd, state, N + 1), TAY_ERROR_ARGUMENT, "n_state: expected 4, got 5");
    assert_error(tay_sgd_set_state(sgd, NULL, N), TAY_ERROR_ARGUMENT, "state: expected 4 numbers, got NULL");
    assert_error(tay_adam_set_state(adam, state, 1 + 2 * N), TAY_ERROR_ARGUMENT, "n_state: expected 13, got 9");
    state[3] = INFINITY;
    assert_error(tay_sgd_set_state(sgd, state, N), TAY_ERROR_ARGUMENT, "state[3]: expected a finite number, got inf");
    assert_error(tay_adam_set_state(adam, state, 13), TAY_ERROR_ARGUMENT, "state[3]: expected a finite number, got inf");
    state[3] = 0;
    state[0] = 2.5;
    assert_error(tay_adam_set_state(adam, state, 13), TAY_ERROR_ARGUMENT, "state[0]: expected a number of steps, got 2.5");
    state[0] = -1;
    assert_error(tay_adam_set_state(adam, state, 13), TAY_ERROR_ARGUMENT, "state[0]: expected a number of steps, got -1");
    state[0] = 3;
    state[1] = -1; /* the mean of a gradient may be negative */
    state[5] = -2;
    assert_error(tay_adam_set_state(adam, state, 13), TAY_ERROR_ARGUMENT, "state[5]: expected the mean of a square, got -2");
    assert_memory_equal(tay_sgd_state(NULL, sgd), zeros, N * sizeof(double));
    assert_memory_equal(tay_adam_state(NULL, adam), zeros, sizeof zeros);
    state[5] = 0;
    assert_ok(tay_adam_set_state(adam, state, 13));
    assert_memory_equal(tay_adam_state(NULL, adam), state, sizeof state);
    tay_sgd_free(sgd);
    tay_adam_free(adam);
}

#define SGD(...) (&(tay_sgd_options){.size = sizeof(tay_sgd_options), __VA_ARGS__})
#define ADAM(...) (&(tay_adam_options){.size = sizeof(tay_adam_options), __VA_ARGS__})

static void bad_options_are_refused(void **unused)
{
    (void)unused;
    tay_sgd *sgd = NULL;
    tay_adam *adam = NULL;
    const tay_status bad = TAY_ERROR_ARGUMENT;
    assert_error(tay_sgd_create(&sgd, 0, NULL), bad, "n: expected at least one number, got none");
    assert_error(tay_adam_create(&adam, 0, NULL), bad, "n: expected at least one number, got none");
    assert_error(tay_sgd_create(&sgd, N, &(tay_sgd_options){.size = 1}), bad, "options->size: expected");
    assert_error(tay_adam_create(&adam, N, &(tay_adam_options){.size = 1}), bad, "options->size: expected");
    assert_error(tay_sgd_create(&sgd, N, SGD(.rate = -1)), bad, "rate: expected a positive and finite number, got -1");
    assert_error(tay_adam_create(&adam, N, ADAM(.rate = NAN)), bad, "rate: expected a positive and finite number, got nan");
    assert_error(tay_sgd_create(&sgd, N, SGD(.momentum = -1)), bad, "momentum: expected a finite number that is not negative");
    assert_error(tay_sgd_create(&sgd, N, SGD(.weight_decay = -1)), bad, "weight_decay: expected a finite number that");
    assert_error(tay_adam_create(&adam, N, ADAM(.weight_decay = INFINITY)), bad, "weight_decay: expected a finite number that");
    assert_error(tay_adam_create(&adam, N, ADAM(.beta1 = 1)), bad, "beta1: expected a number between 0 and 1, got 1");
    assert_error(tay_adam_create(&adam, N, ADAM(.beta2 = -0.1)), bad, "beta2: expected a number between 0 and 1, got -0.1");
    assert_error(tay_adam_create(&adam, N, ADAM(.epsilon = -1)), bad, "epsilon: expected a positive and finite number, got -1");
    assert_error(tay_sgd_create(&sgd, SIZE_MAX / 4, NULL), TAY_ERROR_LIMIT, "a size overflows");
    assert_error(tay_adam_create(&adam, SIZE_MAX / 3, ADAM(.amsgrad = true)), TAY_ERROR_LIMIT, "n: expected fewer numbers");
    assert_error(tay_adam_create(&adam, SIZE_MAX / 2 + 1, NULL), TAY_ERROR_LIMIT, "a size overflows");
    assert_null(sgd);
    assert_null(adam);
    tay_sgd_free(NULL);
    tay_adam_free(NULL);
}

static tay_status whole_life(void *unused)
{
    (void)unused;
    double x[N] = {1}, gradient[N] = {1};
    tay_sgd *sgd = NULL;
    tay_adam *adam = NULL;
    tay_status status = tay_sgd_create(&sgd, N, NULL);
    if (status == TAY_OK) status = tay_adam_create(&adam, N, ADAM(.amsgrad = true));
    if (status == TAY_OK) status = tay_sgd_step(x, sgd, gradient);
    if (status == TAY_OK) status = tay_adam_step(x, adam, gradient);
    tay_sgd_free(sgd);
    tay_adam_free(adam);
    return status;
}

static void memory_that_cannot_be_had(void **unused)
{
    (void)unused;
    fail_each_allocation(whole_life, NULL);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(steps_are_those_of_torch),
        cmocka_unit_test(first_step_by_hand),
        cmocka_unit_test(states_survive),
        cmocka_unit_test(valleys_are_descended),
        cmocka_unit_test(bad_steps_change_nothing),
        cmocka_unit_test(bad_states_change_nothing),
        cmocka_unit_test(bad_options_are_refused),
        cmocka_unit_test(memory_that_cannot_be_had),
    };
    if (argc != 2) return 1;
    values_path = argv[1];
    return cmocka_run_group_tests(tests, NULL, NULL);
}
