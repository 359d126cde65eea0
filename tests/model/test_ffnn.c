/*
 * Networks against plain loops, texts against the peer's, and what is refused.
 */
#include "expr/numeric.h"
#include "support/failing_alloc.h"
#include "support/rpn.h"
#include "tayra/model.h"

/* The function whose number `context` points to; NULL: the identity. */
static tay_status apply(tay_expr **out, const tay_expr *x, void *context)
{
    if (context) return tay_expr_function(out, *(tay_function *)context, &x, 1);
    *out = tay_expr_ref(x);
    return TAY_OK;
}

static tay_function hyperbolic = TAY_TANH, logistic = TAY_SIGMOID;

enum { N_IN = 3, N_OUT = 2, MAX_WIDTH = 5, N_LAYERS = 3, N_WEIGHTS = 3 * 4 + 4 * 5 + 5 * 2, N_ALL = N_WEIGHTS + 11 };

static const uint32_t hidden[] = {4, 5};
static const tay_model_activation activations[] = {{apply, &hyperbolic}, {apply, &logistic}, {apply, NULL}};

/* y = activation(W x + b), layer by layer, in plain loops. */
static void plain_loops(double *y, const double *x, const double *wb)
{
    static const size_t widths[] = {N_IN, 4, 5, N_OUT};
    double in[MAX_WIDTH], out[MAX_WIDTH];
    const double *w = wb, *b = wb + N_WEIGHTS;
    memcpy(in, x, N_IN * sizeof *in);
    for (size_t layer = 0; layer < N_LAYERS; layer++) {
        for (size_t l = 0; l < widths[layer + 1]; l++) {
            out[l] = *b++;
            for (size_t m = 0; m < widths[layer]; m++) out[l] += *w++ * in[m];
            if (layer == 0) out[l] = tanh(out[l]);
            if (layer == 1) out[l] = 1 / (1 + exp(-out[l]));
        }
        memcpy(in, out, sizeof in);
    }
    memcpy(y, in, N_OUT * sizeof *y);
}

static void networks_are_what_loops_give(void **state)
{
    (void)state;
    tay_expr *x[N_IN] = {rpn("x"), rpn("y"), rpn("z")}, *y[N_OUT], *numbers[N_ALL];
    double wb[N_ALL], in[N_IN], expected[N_OUT], values[N_OUT];
    uint64_t seed = 8;
    tay_model_ffnn_options options = {.size = sizeof options, .inputs = (const tay_expr *const *)x, .n_inputs = N_IN,
                                      .hidden = hidden, .n_hidden = 2, .n_out = N_OUT,
                                      .activations = activations, .n_activations = N_LAYERS};
    for (int trial = 0; trial < 10; trial++) {
        for (size_t i = 0; i < N_ALL; i++) wb[i] = random_between(&seed, -1, 1);
        for (size_t i = 0; i < N_IN; i++) in[i] = random_between(&seed, -2, 2);
        for (size_t i = 0; i < N_ALL; i++) assert_ok(tay_expr_number(&numbers[i], wb[i]));
        plain_loops(expected, in, wb);
        for (int with_numbers = 0; with_numbers < 2; with_numbers++) {
            tay__point point = {(const tay_expr *const *)x, in, N_IN, wb, N_ALL, 0.0};
            options.weights = with_numbers ? (const tay_expr *const *)numbers : NULL;
            options.n_weights = with_numbers ? N_ALL : 0;
            assert_ok(tay_model_ffnn(y, &options));
            assert_ok(tay__expr_evaluate(values, (const tay_expr *const *)y, N_OUT, &point));
            for (size_t i = 0; i < N_OUT; i++) assert_true(fabs(values[i] - expected[i]) < 1e-14);
            release(y, N_OUT);
        }
        release(numbers, N_ALL);
    }
    release(x, N_IN);
}

static void texts_are_the_peers(void **state)
{
    (void)state;
    static const double numbers[] = {1, 2, 0, 4, 5, 6, 7, 0, 9};
    tay_expr *x[] = {rpn("x"), rpn("y")}, *y[2], *wb[9];
    const uint32_t two[] = {2};
    tay_model_activation last[] = {{apply, &hyperbolic}, {apply, NULL}};
    tay_model_ffnn_options options = {.size = sizeof options, .inputs = (const tay_expr *const *)x, .n_inputs = 2,
                                      .hidden = two, .n_hidden = 1, .n_out = 2, .activations = last, .n_activations = 2};
    assert_ok(tay_model_ffnn(y, &options));
    assert_text(y[0], "((p4 * tanh(((p0 * x) + (p1 * y) + p8))) + (p5 * tanh(((p2 * x) + (p3 * y) + p9))) + p10)");
    assert_text(y[1], "((p6 * tanh(((p0 * x) + (p1 * y) + p8))) + (p7 * tanh(((p2 * x) + (p3 * y) + p9))) + p11)");
    release(y, 2);
    for (size_t i = 0; i < 9; i++) assert_ok(tay_expr_number(&wb[i], numbers[i]));
    last[1].context = &logistic;
    options.n_out = 1;
    options.weights = (const tay_expr *const *)wb;
    options.n_weights = 9;
    assert_ok(tay_model_ffnn(y, &options));
    assert_text(y[0], "sigmoid((9.0000000000000000 + (5.0000000000000000 * tanh((7.0000000000000000 + x + "
                      "(2.0000000000000000 * y)))) + (6.0000000000000000 * tanh((4.0000000000000000 * y)))))");
    release(y, 1);
    release(wb, 9);
    options = (tay_model_ffnn_options){.size = sizeof options, .inputs = (const tay_expr *const *)x, .n_inputs = 1,
                                       .n_out = 1, .activations = last, .n_activations = 1};
    assert_ok(tay_model_ffnn(y, &options)); /* no hidden layers */
    assert_text(y[0], "tanh(((p0 * x) + p1))");
    release(y, 1);
    release(x, 2);
}

/* The pre-activations of a layer are flat sums in the order of the inputs. */
static void neurons_are_flat_sums(void **state)
{
    (void)state;
    tay_expr *x[N_IN] = {rpn("x"), rpn("y"), rpn("z")}, *y[N_OUT];
    tay_model_ffnn_options options = {.size = sizeof options, .inputs = (const tay_expr *const *)x, .n_inputs = N_IN,
                                      .hidden = hidden, .n_hidden = 2, .n_out = N_OUT,
                                      .activations = activations, .n_activations = N_LAYERS};
    assert_ok(tay_model_ffnn(y, &options));
    for (uint32_t l = 0; l < N_OUT; l++) {
        assert_int_equal(y[l]->kind, TAY_KIND_SUM);
        assert_int_equal(y[l]->n_args, 5 + 1);
        for (uint32_t m = 0; m < 5; m++) {
            const tay_expr *term = y[l]->u.args[m];
            assert_int_equal(term->u.args[0]->u.parameter, 3 * 4 + 4 * 5 + 5 * l + m);
            assert_ptr_equal(term->u.args[1], y[0]->u.args[m]->u.args[1]); /* the same neuron for all l */
        }
        assert_int_equal(y[l]->u.args[5]->u.parameter, N_WEIGHTS + 9 + l);
    }
    release(y, N_OUT);
    release(x, N_IN);
}

static tay_status refuse(tay_expr **out, const tay_expr *x, void *context)
{
    (void)out, (void)x, (void)context;
    return TAY_ERROR_STATE;
}

static tay_status forget(tay_expr **out, const tay_expr *x, void *context)
{
    (void)out, (void)x, (void)context;
    return TAY_OK;
}

#define assert_refused(field, value, status, message)                                                                  \
    do {                                                                                                               \
        tay_model_ffnn_options changed = good;                                                                         \
        changed.field = (value);                                                                                       \
        assert_error(tay_model_ffnn(y, &changed), status, message);                                                    \
        assert_ptr_equal(y[0], x[0]);                                                                                  \
    } while (0)

static void wrong_arguments(void **state)
{
    (void)state;
    tay_expr *x[] = {rpn("x"), rpn("y")}, *y[] = {x[0], x[0]};
    const tay_expr *holes[] = {x[0], NULL};
    const uint32_t two[] = {2}, none[] = {0}, huge[] = {0xffffffffu, 0xffffffffu, 0xffffffffu};
    const tay_model_activation two_of_them[] = {{apply, NULL}, {apply, NULL}}, empty[] = {{apply, NULL}, {NULL, NULL}};
    const tay_model_activation four[] = {{apply, NULL}, {apply, NULL}, {apply, NULL}, {apply, NULL}};
    const tay_model_activation refusing[] = {{apply, NULL}, {refuse, NULL}}, forgetful[] = {{apply, NULL}, {forget, NULL}};
    const tay_model_ffnn_options good = {.size = sizeof good, .inputs = (const tay_expr *const *)x, .n_inputs = 2,
                                         .hidden = two, .n_hidden = 1, .n_out = 1,
                                         .activations = two_of_them, .n_activations = 2};
    assert_error(tay_model_ffnn(NULL, &good), TAY_ERROR_ARGUMENT, "`out` is NULL");
    assert_error(tay_model_ffnn(y, NULL), TAY_ERROR_ARGUMENT, "`options` is NULL");
    assert_refused(size, 3, TAY_ERROR_ARGUMENT, "size is 3");
    assert_refused(inputs, NULL, TAY_ERROR_ARGUMENT, "inputs is NULL");
    assert_refused(inputs, holes, TAY_ERROR_ARGUMENT, "inputs[1] is NULL");
    assert_refused(n_inputs, 0, TAY_ERROR_ARGUMENT, "at least one input");
    assert_refused(hidden, NULL, TAY_ERROR_ARGUMENT, "hidden is NULL");
    assert_refused(hidden, none, TAY_ERROR_ARGUMENT, "layer 0 has 0");
    assert_refused(n_out, 0, TAY_ERROR_ARGUMENT, "n_out is 0");
    assert_refused(activations, NULL, TAY_ERROR_ARGUMENT, "activations is NULL");
    assert_refused(activations, empty, TAY_ERROR_ARGUMENT, "activations[1] has no function");
    assert_refused(activations, refusing, TAY_ERROR_STATE, "");
    assert_refused(activations, forgetful, TAY_ERROR_ARGUMENT, "has given no expression");
    assert_refused(n_activations, 1, TAY_ERROR_ARGUMENT,
                   "1 hidden layers needs 2 activation functions, one more, but there are 1");
    assert_refused(weights, holes, TAY_ERROR_ARGUMENT, "6 weights and 3 biases, 9 in all, but 0 were given");
    tay_model_ffnn_options weighted = good;
    weighted.weights = holes;
    weighted.n_weights = 2;
    assert_error(tay_model_ffnn(y, &weighted), TAY_ERROR_ARGUMENT, "weights[1] is NULL");
    tay_model_ffnn_options large = good;
    large.hidden = huge;
    large.n_hidden = 3;
    large.activations = four;
    large.n_activations = 4;
    assert_error(tay_model_ffnn(y, &large), TAY_ERROR_LIMIT, "too large");
    release(x, 2);
}

static tay_status scenario(void *context)
{
    (void)context;
    tay_expr *x[2] = {NULL}, *y[2] = {NULL};
    const uint32_t two[] = {2};
    tay_model_ffnn_options options = {.size = sizeof options, .inputs = (const tay_expr *const *)x, .n_inputs = 2,
                                      .hidden = two, .n_hidden = 1, .n_out = 2,
                                      .activations = activations, .n_activations = 2};
    tay_status status = rpn_try(&x[0], "x");
    if (status == TAY_OK) status = rpn_try(&x[1], "y");
    if (status == TAY_OK) status = tay_model_ffnn(y, &options);
    if (status != TAY_OK && y[0]) status = TAY_ERROR_STATE; /* outputs must be untouched */
    release(x, 2);
    release(y, 2);
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
        cmocka_unit_test(networks_are_what_loops_give),
        cmocka_unit_test(texts_are_the_peers),
        cmocka_unit_test(neurons_are_flat_sums),
        cmocka_unit_test(wrong_arguments),
        cmocka_unit_test(failing_allocations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
