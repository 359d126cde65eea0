/*
 * The tutorial "neural ODE" in C alone: a chain of three masses on springs is observed 1000 times over 20 units of time, and a
 * network 6-30-30-6 with tanh learns x' = f(x) from short pieces of it, first by gradient descent, then by Adam with AMSGrad.
 *
 *     cc neural_ode.c -ltayra -lm -o neural_ode && ./neural_ode [SEED [ITERATIONS]] > losses.csv
 *
 * The loss of each batch goes to the standard output as CSV, progress and a summary to the standard error. All random numbers
 * come from the seed (1): the same seed gives the same file on the same processor. Both trainings start from weights of their
 * own and take 300 batches each, unless ITERATIONS says otherwise. It returns 1 if something failed, or if a loss did not fall.
 */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <tayra.h>

enum { DIM = 6, HIDDEN = 30, N_OBSERVED = 1000, POINTS = 20, TIMES = 10 };
enum { N_WEIGHTS = DIM * HIDDEN + HIDDEN * HIDDEN + HIDDEN * DIM, N_PARS = N_WEIGHTS + HIDDEN + HIDDEN + DIM };

static const double TOLERANCE = 1e-8, SGD_RATE = 1e-1, ADAM_RATE = 1e-2, DURATION = 20, PI = 3.14159265358979323846;

/* x' = A x + b of the chain: positions, then velocities. */
static const double A[DIM][DIM] = {
    {0, 0, 0, 1, 0, 0},      {0, 0, 0, 0, 1, 0},         {0, 0, 0, 0, 0, 1},
    {-2.5, 2, 0, 0, 0, 0},   {2, -5.4, 3.4, 0, 0, 0},    {0, 3.4, -3.4, 0, 0, 0},
};
static const double b[DIM] = {0, 0, 0, -3.5, 0.26, 3.74};
static const double start[DIM] = {2, 0, 0, 1, 0, 0};

typedef struct observations {
    double times[N_OBSERVED], states[N_OBSERVED][DIM];
} observations;

/* M pieces of the observations, T states each, in the layouts of tay_flow. The system does not depend on time and the times of
 * the observations are evenly spaced: one grid serves all pieces. */
typedef struct batch {
    double x0[POINTS][DIM], expected[TIMES][POINTS][DIM];
} batch;

/* Leaves for the label out. */
#define TRY(call)                                                                                                      \
    do {                                                                                                               \
        if ((status = (call)) != TAY_OK) goto out;                                                                     \
    } while (0)

/* ---- random numbers */

/* splitmix64 (Steele, Lea, Flood 2014), uniform in [0, 1) */
static double uniform(uint64_t *seed)
{
    uint64_t z = *seed += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return (double)((z ^ (z >> 31)) >> 11) * 0x1p-53;
}

/* Mean 0 and variance 1 (Box and Muller 1958). */
static double normal(uint64_t *seed)
{
    double radius = sqrt(-2 * log(1 - uniform(seed))); /* of a number in (0, 1] */
    return radius * cos(2 * PI * uniform(seed));
}

/* `count` different numbers below n: the head of a permutation of which only that much is made (Fisher and Yates 1938). */
static void choose(size_t *out, size_t count, size_t n, uint64_t *seed)
{
    size_t order[N_OBSERVED];
    for (size_t i = 0; i < n; i++) order[i] = i;
    for (size_t i = 0; i < count; i++) {
        size_t j = i + (size_t)(uniform(seed) * (double)(n - i));
        out[i] = order[j];
        order[j] = order[i];
    }
}

/* ---- the two systems */

/* sum_j A_ij x_j + b_i */
static tay_status chain_row(tay_expr **out, size_t i, tay_expr *const *x)
{
    tay_status status = TAY_OK;
    tay_expr *terms[DIM + 1] = {NULL}, *number = NULL;
    TRY(tay_expr_number(&terms[DIM], b[i]));
    for (size_t j = 0; j < DIM; j++) {
        TRY(tay_expr_number(&number, A[i][j]));
        TRY(tay_expr_mul(&terms[j], number, x[j]));
        tay_expr_unref(number);
        number = NULL;
    }
    TRY(tay_expr_sum(out, (const tay_expr *const *)terms, DIM + 1));
out:
    for (size_t j = 0; j <= DIM; j++) tay_expr_unref(terms[j]);
    tay_expr_unref(number);
    return status;
}

static tay_status make_chain(tay_expr **rhs, tay_expr *const *x)
{
    tay_status status = TAY_OK;
    for (size_t i = 0; i < DIM && status == TAY_OK; i++) status = chain_row(&rhs[i], i, x);
    return status;
}

static tay_status apply_tanh(tay_expr **out, const tay_expr *x, void *context)
{
    (void)context;
    return tay_expr_function(out, TAY_TANH, &x, 1);
}

static tay_status apply_nothing(tay_expr **out, const tay_expr *x, void *context)
{
    (void)context;
    *out = tay_expr_ref(x);
    return TAY_OK;
}

/* The weights are the parameters 0, 1, 2, ..., then come the biases. */
static tay_status make_network(tay_expr **rhs, tay_expr *const *x)
{
    const uint32_t hidden[] = {HIDDEN, HIDDEN};
    const tay_model_activation activations[] = {{apply_tanh, NULL}, {apply_tanh, NULL}, {apply_nothing, NULL}};
    return tay_model_ffnn(rhs, &(tay_model_ffnn_options){.size = sizeof(tay_model_ffnn_options),
                                                         .inputs = (const tay_expr *const *)x, .n_inputs = DIM,
                                                         .hidden = hidden, .n_hidden = 2, .n_out = DIM,
                                                         .activations = activations, .n_activations = 3});
}

static tay_status make_flow(tay_flow **out, tay_status (*make_rhs)(tay_expr **rhs, tay_expr *const *x), double tolerance)
{
    tay_status status = TAY_OK;
    tay_expr *x[DIM] = {NULL}, *rhs[DIM] = {NULL};
    for (size_t i = 0; i < DIM; i++) {
        char name[16];
        snprintf(name, sizeof name, "x_%zu", i + 1);
        TRY(tay_expr_variable(&x[i], name));
    }
    TRY(make_rhs(rhs, x));
    TRY(tay_flow_create(out, (const tay_expr *const *)x, (const tay_expr *const *)rhs, DIM,
                        &(tay_flow_options){.size = sizeof(tay_flow_options), .tolerance = tolerance}));
out:
    for (size_t i = 0; i < DIM; i++) {
        tay_expr_unref(x[i]);
        tay_expr_unref(rhs[i]);
    }
    return status;
}

/* The states at the times of the observations; n_failed > 0 if the solution runs away. */
static tay_status trajectory(double states[N_OBSERVED][DIM], size_t *n_failed, const tay_flow *flow, const double *pars,
                             const double *times)
{
    tay_flow_result result;
    tay_flow_arguments a = {.size = sizeof a, .n_points = 1, .n_times = N_OBSERVED, .x0 = start, .times = times,
                            .pars = pars, .shared_times = true, .shared_pars = true};
    tay_status status = tay_flow_run(*states, NULL, &result, flow, &a);
    if (status == TAY_OK) *n_failed = result.n_failed;
    return status;
}

static tay_status observe(observations *out)
{
    tay_status status = TAY_OK;
    tay_flow *chain = NULL;
    size_t n_failed;
    for (size_t i = 0; i < N_OBSERVED; i++) out->times[i] = DURATION * (double)i / (N_OBSERVED - 1);
    TRY(make_flow(&chain, make_chain, 0));
    TRY(trajectory(out->states, &n_failed, chain, NULL, out->times));
out:
    tay_flow_free(chain);
    return status;
}

/* ---- the loss */

static void draw_batch(batch *out, const observations *data, uint64_t *seed)
{
    size_t first[POINTS];
    choose(first, POINTS, N_OBSERVED - TIMES, seed);
    for (size_t m = 0; m < POINTS; m++) {
        memcpy(out->x0[m], data->states[first[m]], sizeof out->x0[m]);
        for (size_t j = 0; j < TIMES; j++) {
            memcpy(out->expected[j][m], data->states[first[m] + j], sizeof out->expected[j][m]);
        }
    }
}

/*
 * The mean over the batch of |y - expected|^2, and its gradient [N_PARS]. The cotangent of a state is the derivative of the
 * loss with respect to it; the pullback turns the cotangents of all states into that of the parameters.
 */
static tay_status loss_and_gradient(double *loss, double *gradient, const tay_flow *flow, const double *pars,
                                    const double *times, const batch *of)
{
    tay_status status = TAY_OK;
    tay_tape *tape = NULL;
    double ys[TIMES][POINTS][DIM], ys_bar[TIMES][POINTS][DIM], sum = 0;
    tay_flow_arguments a = {.size = sizeof a, .n_points = POINTS, .n_times = TIMES, .x0 = *of->x0, .times = times,
                            .pars = pars, .shared_times = true, .shared_pars = true};
    tay_flow_cotangents bars = {.size = sizeof bars, .pars = gradient};

    TRY(tay_flow_run(**ys, &tape, NULL, flow, &a));
    for (size_t j = 0; j < TIMES; j++) {
        for (size_t m = 0; m < POINTS; m++) {
            for (size_t i = 0; i < DIM; i++) {
                double residual = ys[j][m][i] - of->expected[j][m][i];
                sum += residual * residual;
                ys_bar[j][m][i] = 2 * residual / (TIMES * POINTS);
            }
        }
    }
    TRY(tay_tape_pull(&bars, tape, **ys_bar, NULL)); /* an error if a trajectory ran away */
    *loss = sum / (TIMES * POINTS);
out:
    tay_tape_free(tape);
    return status;
}

/* ---- training */

/* One of the optimisers; the other one is NULL. */
typedef struct method {
    const char *name;
    tay_sgd *sgd;
    tay_adam *adam;
} method;

/* Mean losses of the first and of the last tenth of the batches, and the time of one in seconds. */
typedef struct summary {
    double first, last, time;
} summary;

static double seconds(void)
{
    struct timespec t;
    timespec_get(&t, TIME_UTC);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* Trains pars[N_PARS] and writes a line of CSV per batch. */
static tay_status train(double *pars, summary *out, const method *by, const tay_flow *flow, const observations *data,
                        uint64_t *seed, size_t iterations)
{
    tay_status status = TAY_OK;
    double gradient[N_PARS], loss, began = seconds();
    size_t tenth = iterations / 10 ? iterations / 10 : 1;
    batch of;

    *out = (summary){0};
    for (size_t k = 0; k < iterations; k++) {
        draw_batch(&of, data, seed);
        TRY(loss_and_gradient(&loss, gradient, flow, pars, data->times, &of));
        TRY(by->sgd ? tay_sgd_step(pars, by->sgd, gradient) : tay_adam_step(pars, by->adam, gradient));
        printf("%s,%zu,%.17g\n", by->name, k + 1, loss);
        if (k < tenth) out->first += loss / (double)tenth;
        if (k >= iterations - tenth) out->last += loss / (double)tenth;
        if ((k + 1) % tenth == 0) fprintf(stderr, "\r%-4s %zu of %zu, loss %.3e", by->name, k + 1, iterations, loss);
    }
    out->time = (seconds() - began) / (double)iterations;
out:
    fputc('\n', stderr);
    return status;
}

/* What the training has reached, and how far, root mean square, the network's own trajectory over all times is from the
 * observations. */
static tay_status report(const summary *of, const tay_flow *flow, const double *pars, const observations *data)
{
    tay_status status = TAY_OK;
    static double states[N_OBSERVED][DIM];
    double sum = 0;
    size_t n_failed;

    TRY(trajectory(states, &n_failed, flow, pars, data->times));
    for (size_t k = 0; k < N_OBSERVED; k++) {
        for (size_t i = 0; i < DIM; i++) sum += pow(states[k][i] - data->states[k][i], 2);
    }
    fprintf(stderr, "     mean loss of the first and of the last tenth of the batches: %.3e, %.3e\n", of->first, of->last);
    fprintf(stderr, "     %.3f ms per batch; ", 1e3 * of->time);
    if (n_failed)
        fprintf(stderr, "the trajectory of the network runs away\n");
    else
        fprintf(stderr, "trajectory of the network: %.3g from the observations\n", sqrt(sum / N_OBSERVED));
out:
    return status;
}

/* Both trainings; *fell tells whether all losses did. */
static tay_status run(bool *fell, uint64_t seed, size_t iterations)
{
    static observations data;
    tay_status status = TAY_OK;
    tay_flow *flow = NULL;
    tay_sgd *sgd = NULL;
    tay_adam *adam = NULL;
    double pars[N_PARS];

    TRY(observe(&data));
    TRY(make_flow(&flow, make_network, TOLERANCE));
    TRY(tay_sgd_create(&sgd, N_PARS, &(tay_sgd_options){.size = sizeof(tay_sgd_options), .rate = SGD_RATE}));
    TRY(tay_adam_create(&adam, N_PARS,
                        &(tay_adam_options){.size = sizeof(tay_adam_options), .rate = ADAM_RATE, .amsgrad = true}));
    const method methods[] = {{"sgd", sgd, NULL}, {"adam", NULL, adam}};
    printf("method,iteration,loss\n");
    *fell = true;
    for (size_t i = 0; i < 2; i++) {
        summary s;
        for (size_t k = 0; k < N_PARS; k++) pars[k] = 0.1 * normal(&seed);
        TRY(train(pars, &s, &methods[i], flow, &data, &seed, iterations));
        TRY(report(&s, flow, pars, &data));
        *fell = *fell && (iterations < 20 || s.last < s.first);
    }
out:
    tay_adam_free(adam);
    tay_sgd_free(sgd);
    tay_flow_free(flow);
    return status;
}

/* A whole number from `least` on; false if the text is none. */
static bool read_number(uint64_t *out, const char *text, uint64_t least)
{
    char *end;
    errno = 0;
    *out = strtoull(text, &end, 10);
    return *text >= '0' && *text <= '9' && !*end && !errno && *out >= least;
}

int main(int argc, char **argv)
{
    uint64_t seed = 1, iterations = 300;
    bool fell = false;
    if (argc > 3 || (argc > 1 && !read_number(&seed, argv[1], 0)) || (argc > 2 && !read_number(&iterations, argv[2], 1))) {
        fprintf(stderr, "usage: %s [SEED [ITERATIONS]]: whole numbers, at least 0 and 1\n", argv[0]);
        return 1;
    }
    tay_status status = run(&fell, seed, (size_t)iterations);
    if (status) {
        fprintf(stderr, "%s: %s\n", tay_status_name(status), tay_error_message());
    } else if (!fell) {
        fprintf(stderr, "a loss did not fall\n");
    }
    if (fflush(stdout) || ferror(stdout)) {
        perror("the losses could not be written");
        return 1;
    }
    return status || !fell ? 1 : 0;
}
