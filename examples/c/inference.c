/*
 * Inference of a small neural network: 4 inputs, two hidden layers of 32 neurons with tanh, one output with a sigmoid,
 * compiled and evaluated at 100,000 points, beside plain C loops.
 *
 *     cc inference.c -ltayra -lm -o inference && ./inference
 *
 * It prints the largest difference, and returns 1 if that is more than rounding.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include <tayra.h>

enum { N_IN = 4, HIDDEN = 32, N_WEIGHTS = N_IN * HIDDEN + HIDDEN * HIDDEN + HIDDEN, N_BIASES = 2 * HIDDEN + 1 };
enum { N_VALUES = N_WEIGHTS + N_BIASES, N_POINTS = 100000 };

/* Ends the program with the library's message. */
static void check(tay_status status)
{
    if (status == TAY_OK) return;
    fprintf(stderr, "%s: %s\n", tay_status_name(status), tay_error_message());
    exit(1);
}

/* The same numbers everywhere: a linear congruential generator [Knuth, TAOCP 2, 3.3.4], uniform in [0, 1). */
static double uniform(void)
{
    static uint64_t x = 42;
    x = x * 6364136223846793005u + 1442695040888963407u;
    return (double)(x >> 11) * 0x1p-53;
}

static tay_status apply_tanh(tay_expr **out, const tay_expr *x, void *context)
{
    (void)context;
    return tay_expr_function(out, TAY_TANH, &x, 1);
}

static tay_status apply_sigmoid(tay_expr **out, const tay_expr *x, void *context)
{
    (void)context;
    return tay_expr_function(out, TAY_SIGMOID, &x, 1);
}

/* All weights first, layer by layer, then all biases. */
static tay_cfunc *make_network(const double *values)
{
    static tay_expr *weights[N_VALUES];
    tay_expr *inputs[N_IN], *out;
    for (size_t i = 0; i < N_VALUES; i++) check(tay_expr_number(&weights[i], values[i]));
    for (size_t i = 0; i < N_IN; i++) {
        char name[16];
        snprintf(name, sizeof name, "x%zu", i);
        check(tay_expr_variable(&inputs[i], name));
    }
    tay_model_ffnn_options options = {
        .size = sizeof options,
        .inputs = (const tay_expr *const *)inputs,
        .n_inputs = N_IN,
        .hidden = (const uint32_t[]){HIDDEN, HIDDEN},
        .n_hidden = 2,
        .n_out = 1,
        .activations = (const tay_model_activation[]){{apply_tanh, NULL}, {apply_tanh, NULL}, {apply_sigmoid, NULL}},
        .n_activations = 3,
        .weights = (const tay_expr *const *)weights,
        .n_weights = N_VALUES,
    };
    check(tay_model_ffnn(&out, &options));

    tay_cfunc *f;
    check(tay_cfunc_create(&f, (const tay_expr *const *)&out, 1, (const tay_expr *const *)inputs, N_IN, NULL));
    for (size_t i = 0; i < N_VALUES; i++) tay_expr_unref(weights[i]);
    for (size_t i = 0; i < N_IN; i++) tay_expr_unref(inputs[i]);
    tay_expr_unref(out);
    return f;
}

/* y = W x + b */
static void layer(double *y, size_t n_out, const double *x, size_t n_in, const double *weights, const double *biases)
{
    for (size_t i = 0; i < n_out; i++) {
        y[i] = biases[i];
        for (size_t j = 0; j < n_in; j++) y[i] += weights[i * n_in + j] * x[j];
    }
}

static double reference(const double *values, const double *x)
{
    double first[HIDDEN], second[HIDDEN], out;
    const double *biases = values + N_WEIGHTS;
    layer(first, HIDDEN, x, N_IN, values, biases);
    for (size_t i = 0; i < HIDDEN; i++) first[i] = tanh(first[i]);
    layer(second, HIDDEN, first, HIDDEN, values + N_IN * HIDDEN, biases + HIDDEN);
    for (size_t i = 0; i < HIDDEN; i++) second[i] = tanh(second[i]);
    layer(&out, 1, second, HIDDEN, values + N_IN * HIDDEN + HIDDEN * HIDDEN, biases + 2 * HIDDEN);
    return 1 / (1 + exp(-out));
}

int main(void)
{
    static double values[N_VALUES], in[N_IN][N_POINTS], out[N_POINTS];
    for (size_t i = 0; i < N_VALUES; i++) { /* the range in which torch starts: 1 / sqrt(inputs of the layer) */
        double range = i < N_IN * HIDDEN ? 0.5 : 1 / sqrt(HIDDEN);
        values[i] = range * (2 * uniform() - 1);
    }
    for (size_t i = 0; i < N_IN; i++) {
        for (size_t k = 0; k < N_POINTS; k++) in[i][k] = uniform();
    }

    tay_cfunc *f = make_network(values);
    tay_cfunc_arguments arguments = {.size = sizeof arguments, .n_points = N_POINTS};
    check(tay_cfunc_eval(f, out, in, &arguments));
    tay_cfunc_free(f);

    double difference = 0;
    for (size_t k = 0; k < N_POINTS; k++) {
        double x[N_IN];
        for (size_t i = 0; i < N_IN; i++) x[i] = in[i][k];
        difference = fmax(difference, fabs(out[k] - reference(values, x)));
    }
    printf("%d points; largest difference to plain loops: %.2e\n", N_POINTS, difference);
    return difference < 5e-16 ? 0 : 1;
}
