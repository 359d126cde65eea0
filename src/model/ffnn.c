/*
 * Feed-forward neural networks: y = activation(W x + b), layer by layer. The weights of all layers stand first, each
 * matrix row by row, then the biases of all layers. Each neuron is one flat sum of products in the order of its inputs,
 * then the bias, and the neurons follow each other, so that the loops of a layer can be found again.
 */
#include "model/arguments.h"
#include "model/workshop.h"
#include "tayra/model.h"

typedef struct network {
    const tay_model_ffnn_options *options;
    size_t n_layers, n_weights, n_all; /* n_weights: without biases */
    size_t weight, bias;               /* the next ones */
    tay_expr **values, **next;         /* [widest] references: the inputs of a layer, what it makes of them */
    size_t n_values, n_next;
    tay_expr **terms; /* [widest + 1] */
} network;

static size_t outputs_of(const tay_model_ffnn_options *o, size_t layer)
{
    return layer < o->n_hidden ? o->hidden[layer] : o->n_out;
}

static tay_status check_arrays(const tay_model_ffnn_options *o)
{
    const char *missing = !o->hidden && o->n_hidden             ? "hidden"
                          : !o->activations && o->n_activations ? "activations"
                                                                : NULL;
    if (missing) return tay__error(TAY_ERROR_ARGUMENT, "tay_model_ffnn: options->%s is NULL", missing);
    for (size_t i = 0; i < o->n_activations; i++) {
        if (!o->activations[i].apply)
            return tay__error(TAY_ERROR_ARGUMENT, "tay_model_ffnn: activations[%zu] has no function", i);
    }
    tay_status status = tay__check_expressions("tay_model_ffnn", "inputs", o->inputs, o->n_inputs);
    if (status != TAY_OK || !o->weights) return status;
    return tay__check_expressions("tay_model_ffnn", "weights", o->weights, o->n_weights);
}

static tay_status check(tay_expr **out, const tay_model_ffnn_options *o)
{
    if (!out || !o) return tay__error(TAY_ERROR_ARGUMENT, "tay_model_ffnn: `%s` is NULL", out ? "options" : "out");
    if (o->size != sizeof *o)
        return tay__error(TAY_ERROR_ARGUMENT, "tay_model_ffnn: options->size is %lu, %zu was expected",
                          (unsigned long)o->size, sizeof *o);
    tay_status status = check_arrays(o);
    if (status != TAY_OK) return status;
    if (o->n_inputs == 0) return tay__error(TAY_ERROR_ARGUMENT, "a network needs at least one input, but there is none");
    if (o->n_out == 0) return tay__error(TAY_ERROR_ARGUMENT, "a network needs at least one output, but n_out is 0");
    for (size_t i = 0; i < o->n_hidden; i++) {
        if (o->hidden[i] == 0)
            return tay__error(TAY_ERROR_ARGUMENT, "each hidden layer needs at least one neuron, but layer %zu has 0", i);
    }
    if (o->n_activations != o->n_hidden + 1)
        return tay__error(TAY_ERROR_ARGUMENT,
                          "a network of %zu hidden layers needs %zu activation functions, one more, but there are %zu",
                          o->n_hidden, o->n_hidden + 1, o->n_activations);
    return TAY_OK;
}

/* Counts weights and biases and finds the widest layer. */
static tay_status measure(network *net, size_t *widest)
{
    const tay_model_ffnn_options *o = net->options;
    size_t n_in = o->n_inputs, n_biases = 0;
    *widest = n_in;
    for (size_t layer = 0; layer <= o->n_hidden; layer++) {
        size_t n_out = outputs_of(o, layer), size;
        if (__builtin_mul_overflow(n_in, n_out, &size) || __builtin_add_overflow(net->n_weights, size, &net->n_weights))
            return tay__error(TAY_ERROR_LIMIT, "a network with so many weights is too large");
        n_biases += n_out;
        if (n_out > *widest) *widest = n_out;
        n_in = n_out;
    }
    if (__builtin_add_overflow(net->n_weights, n_biases, &net->n_all) ||
        (!o->weights && net->n_all > TAY_MAX_PARAMETER))
        return tay__error(TAY_ERROR_LIMIT, "a network with so many weights is too large");
    if (o->weights && o->n_weights != net->n_all)
        return tay__error(TAY_ERROR_ARGUMENT, "the network has %zu weights and %zu biases, %zu in all, but %zu were given",
                          net->n_weights, n_biases, net->n_all, o->n_weights);
    net->bias = net->n_weights;
    return TAY_OK;
}

static tay_status weight_of(tay_expr **out, const network *net, size_t i)
{
    if (!net->options->weights) return tay_expr_parameter(out, (uint32_t)i);
    *out = tay_expr_ref(net->options->weights[i]);
    return TAY_OK;
}

static void release(tay_expr **e, size_t n)
{
    for (size_t i = 0; i < n && e; i++) tay_expr_unref(e[i]);
}

/* *out = sum_m W[l, m] x_m + b_l for the next neuron l. */
static tay_status neuron(tay_expr **out, network *net)
{
    tay_status status = TAY_OK;
    size_t n = 0;
    while (n < net->n_values) {
        tay_expr *weight;
        TAY_TRY(weight_of(&weight, net, net->weight++));
        status = tay_expr_mul(&net->terms[n], weight, net->values[n]);
        tay_expr_unref(weight);
        if (status != TAY_OK) goto out;
        n++;
    }
    TAY_TRY(weight_of(&net->terms[n], net, net->bias++));
    n++;
    TAY_TRY(tay_expr_sum(out, (const tay_expr *const *)net->terms, n));
out:
    release(net->terms, n);
    return status;
}

static tay_status layer(network *net, size_t n_out, const tay_model_activation *activation)
{
    while (net->n_next < n_out) {
        tay_expr *sum, *value = NULL;
        tay_status status = neuron(&sum, net);
        if (status != TAY_OK) return status;
        status = activation->apply(&value, sum, activation->context);
        tay_expr_unref(sum);
        if (status != TAY_OK) return status;
        if (!value) return tay__error(TAY_ERROR_ARGUMENT, "tay_model_ffnn: an activation function has given no expression");
        net->next[net->n_next++] = value;
    }
    release(net->values, net->n_values);
    tay_expr **swapped = net->values;
    net->values = net->next;
    net->next = swapped;
    net->n_values = net->n_next;
    net->n_next = 0;
    return TAY_OK;
}

tay_status tay_model_ffnn(tay_expr **out, const tay_model_ffnn_options *options)
{
    tay_status status = TAY_OK;
    network net = {.options = options};
    size_t widest;
    TAY_TRY(check(out, options));
    TAY_TRY(measure(&net, &widest));
    TAY_TRY(tay__calloc(&net.values, widest, sizeof *net.values));
    TAY_TRY(tay__calloc(&net.next, widest, sizeof *net.next));
    TAY_TRY(tay__calloc(&net.terms, widest + 1, sizeof *net.terms));
    for (; net.n_values < options->n_inputs; net.n_values++)
        net.values[net.n_values] = tay_expr_ref(options->inputs[net.n_values]);
    for (size_t i = 0; i <= options->n_hidden; i++)
        TAY_TRY(layer(&net, outputs_of(options, i), &options->activations[i]));
    memcpy(out, net.values, options->n_out * sizeof *out);
    net.n_values = 0;
out:
    release(net.values, net.n_values);
    release(net.next, net.n_next);
    tay__free(net.values);
    tay__free(net.next);
    tay__free(net.terms);
    return status;
}
