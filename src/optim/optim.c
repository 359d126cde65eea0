/*
 * Gradient descent with momentum, and Adam [Kingma2015, algorithm 1] with AMSGrad [Reddi2018, algorithm 2], as torch.optim
 * computes them. With the gradient g, the number of steps k (from 1), and all operations by element:
 *
 *     m = beta1 m + (1 - beta1) g        v = beta2 v + (1 - beta2) g^2        u = max(u, v) with amsgrad, else v
 *     x = x - rate / (1 - beta1^k) m / (sqrt(u) / sqrt(1 - beta2^k) + epsilon)
 *
 * The largest is taken of v before its bias is corrected, as in [Reddi2018]. Each step first looks through all elements and
 * then changes them, so that a refused one changes nothing.
 */
#include "tayra/optim.h"

#include <math.h>

#include "base/base.h"

/* What all optimisers have. */
typedef struct common {
    size_t n, n_state;
    double rate, weight_decay;
    double *state; /* [n_state] */
} common;

struct tay_sgd {
    common c;
    double momentum;
};

struct tay_adam {
    common c;
    double beta1, beta2, epsilon;
    bool amsgrad;
};

/* Numbers before the first array of a state of Adam: the steps. */
enum { STEPS = 1 };

static tay_status check_rate(double rate)
{
    if (rate > 0 && isfinite(rate)) return TAY_OK;
    return tay__error(TAY_ERROR_ARGUMENT, "rate: expected a positive and finite number, got %g", rate);
}

static tay_status check_not_negative(double value, const char *name)
{
    if (value >= 0 && isfinite(value)) return TAY_OK;
    return tay__error(TAY_ERROR_ARGUMENT, "%s: expected a finite number that is not negative, got %g", name, value);
}

static tay_status check_beta(double beta, const char *name)
{
    if (beta > 0 && beta < 1) return TAY_OK;
    return tay__error(TAY_ERROR_ARGUMENT, "%s: expected a number between 0 and 1, got %g", name, beta);
}

static tay_status check_size(size_t size, size_t expected)
{
    if (size == expected) return TAY_OK;
    return tay__error(TAY_ERROR_ARGUMENT, "options->size: expected %zu, got %zu", expected, size);
}

/* A state of `ones` single numbers and `arrays` arrays of n. */
static tay_status common_init(common *c, size_t n, size_t ones, size_t arrays)
{
    tay_status status = TAY_OK;

    if (n == 0) TAY_FAIL(TAY_ERROR_ARGUMENT, "n: expected at least one number, got none");
    TAY_TRY(check_rate(c->rate));
    TAY_TRY(check_not_negative(c->weight_decay, "weight_decay"));
    TAY_TRY(tay__multiply(&c->n_state, n, arrays));
    if (c->n_state > SIZE_MAX - ones) TAY_FAIL(TAY_ERROR_LIMIT, "n: expected fewer numbers, got %zu", n);
    c->n = n;
    c->n_state += ones;
    TAY_TRY(tay__calloc(&c->state, c->n_state, sizeof *c->state));
out:
    return status;
}

static tay_status check_array(const double *values, size_t n, const char *name)
{
    if (!values) return tay__error(TAY_ERROR_ARGUMENT, "%s: expected %zu numbers, got NULL", name, n);
    for (size_t i = 0; i < n; i++) {
        if (!isfinite(values[i]))
            return tay__error(TAY_ERROR_ARGUMENT, "%s[%zu]: expected a finite number, got %g", name, i, values[i]);
    }
    return TAY_OK;
}

static tay_status too_large(const double *gradient, size_t i)
{
    return tay__error(TAY_ERROR_ARGUMENT, "gradient[%zu]: expected a number whose step is finite, got %g", i, gradient[i]);
}

static tay_status set_rate(common *c, double rate)
{
    tay_status status = check_rate(rate);
    if (status == TAY_OK) c->rate = rate;
    return status;
}

static tay_status check_state(const common *c, const double *state, size_t n_state)
{
    if (n_state != c->n_state)
        return tay__error(TAY_ERROR_ARGUMENT, "n_state: expected %zu, got %zu", c->n_state, n_state);
    return check_array(state, n_state, "state");
}

/* ---- gradient descent */

tay_status tay_sgd_create(tay_sgd **out, size_t n, const tay_sgd_options *options)
{
    tay_status status = TAY_OK;
    tay_sgd *sgd = NULL;
    tay_sgd_options o = {.size = sizeof o};

    TAY_TRY(tay__check_pointer(out, "out"));
    if (options) {
        TAY_TRY(check_size(options->size, sizeof o));
        o = *options;
    }
    if (o.rate == 0) o.rate = 1e-3;
    TAY_TRY(check_not_negative(o.momentum, "momentum"));
    TAY_TRY(tay__calloc(&sgd, 1, sizeof *sgd));
    *sgd = (tay_sgd){.c = {.rate = o.rate, .weight_decay = o.weight_decay}, .momentum = o.momentum};
    TAY_TRY(common_init(&sgd->c, n, 0, 1));
    *out = sgd;
    sgd = NULL;
out:
    tay_sgd_free(sgd);
    return status;
}

void tay_sgd_free(tay_sgd *sgd)
{
    if (!sgd) return;
    tay__free(sgd->c.state);
    tay__free(sgd);
}

/* v of element i after the step. */
static double sgd_velocity(const tay_sgd *sgd, const double *x, const double *gradient, size_t i)
{
    return sgd->momentum * sgd->c.state[i] + (gradient[i] + sgd->c.weight_decay * x[i]);
}

tay_status tay_sgd_step(double *x, tay_sgd *sgd, const double *gradient)
{
    tay_status status = tay__check_pointer(sgd, "sgd");
    if (status != TAY_OK) return status;
    common *c = &sgd->c;

    TAY_TRY(check_array(x, c->n, "x"));
    TAY_TRY(check_array(gradient, c->n, "gradient"));
    for (size_t i = 0; i < c->n; i++) {
        double v = sgd_velocity(sgd, x, gradient, i);
        if (!isfinite(v) || !isfinite(x[i] - c->rate * v)) TAY_TRY(too_large(gradient, i));
    }
    for (size_t i = 0; i < c->n; i++) {
        c->state[i] = sgd_velocity(sgd, x, gradient, i);
        x[i] -= c->rate * c->state[i];
    }
out:
    return status;
}

tay_status tay_sgd_set_rate(tay_sgd *sgd, double rate)
{
    tay_status status = tay__check_pointer(sgd, "sgd");
    return status == TAY_OK ? set_rate(&sgd->c, rate) : status;
}

const double *tay_sgd_state(size_t *n_state, const tay_sgd *sgd)
{
    if (n_state) *n_state = sgd->c.n_state;
    return sgd->c.state;
}

tay_status tay_sgd_set_state(tay_sgd *sgd, const double *state, size_t n_state)
{
    tay_status status = tay__check_pointer(sgd, "sgd");
    if (status == TAY_OK) status = check_state(&sgd->c, state, n_state);
    if (status == TAY_OK) memmove(sgd->c.state, state, n_state * sizeof *state);
    return status;
}

/* ---- Adam */

tay_status tay_adam_create(tay_adam **out, size_t n, const tay_adam_options *options)
{
    tay_status status = TAY_OK;
    tay_adam *adam = NULL;
    tay_adam_options o = {.size = sizeof o};

    TAY_TRY(tay__check_pointer(out, "out"));
    if (options) {
        TAY_TRY(check_size(options->size, sizeof o));
        o = *options;
    }
    if (o.rate == 0) o.rate = 1e-3;
    if (o.beta1 == 0) o.beta1 = 0.9;
    if (o.beta2 == 0) o.beta2 = 0.999;
    if (o.epsilon == 0) o.epsilon = 1e-8;
    TAY_TRY(check_beta(o.beta1, "beta1"));
    TAY_TRY(check_beta(o.beta2, "beta2"));
    if (!(o.epsilon > 0) || isinf(o.epsilon))
        TAY_FAIL(TAY_ERROR_ARGUMENT, "epsilon: expected a positive and finite number, got %g", o.epsilon);
    TAY_TRY(tay__calloc(&adam, 1, sizeof *adam));
    *adam = (tay_adam){.c = {.rate = o.rate, .weight_decay = o.weight_decay}, .beta1 = o.beta1, .beta2 = o.beta2,
                       .epsilon = o.epsilon, .amsgrad = o.amsgrad};
    TAY_TRY(common_init(&adam->c, n, STEPS, o.amsgrad ? 3 : 2));
    *out = adam;
    adam = NULL;
out:
    tay_adam_free(adam);
    return status;
}

void tay_adam_free(tay_adam *adam)
{
    if (!adam) return;
    tay__free(adam->c.state);
    tay__free(adam);
}

/* The factors that are the same for all elements of a step. */
typedef struct adam_step {
    double rate; /* rate / (1 - beta1^k) */
    double root; /* sqrt(1 - beta2^k) */
} adam_step;

typedef struct adam_element {
    double x, m, v, u;
} adam_element;

static adam_element adam_update(const tay_adam *adam, adam_step step, adam_element e, double gradient)
{
    double g = gradient + adam->c.weight_decay * e.x;
    e.m += (1 - adam->beta1) * (g - e.m);
    e.v = adam->beta2 * e.v + (1 - adam->beta2) * g * g;
    e.u = adam->amsgrad ? fmax(e.u, e.v) : e.v;
    e.x -= step.rate * e.m / (sqrt(e.u) / step.root + adam->epsilon);
    return e;
}

tay_status tay_adam_step(double *x, tay_adam *adam, const double *gradient)
{
    tay_status status = tay__check_pointer(adam, "adam");
    if (status != TAY_OK) return status;
    common *c = &adam->c;
    size_t n = c->n;
    double k = c->state[0] + 1, *m = c->state + STEPS, *v = m + n, *u = adam->amsgrad ? v + n : v;
    adam_step step = {c->rate / (1 - pow(adam->beta1, k)), sqrt(1 - pow(adam->beta2, k))};

    TAY_TRY(check_array(x, n, "x"));
    TAY_TRY(check_array(gradient, n, "gradient"));
    for (size_t i = 0; i < n; i++) {
        adam_element e = adam_update(adam, step, (adam_element){x[i], m[i], v[i], u[i]}, gradient[i]);
        if (!isfinite(e.x) || !isfinite(e.v)) TAY_TRY(too_large(gradient, i));
    }
    for (size_t i = 0; i < n; i++) {
        adam_element e = adam_update(adam, step, (adam_element){x[i], m[i], v[i], u[i]}, gradient[i]);
        x[i] = e.x;
        m[i] = e.m;
        v[i] = e.v;
        u[i] = e.u;
    }
    c->state[0] = k;
out:
    return status;
}

tay_status tay_adam_set_rate(tay_adam *adam, double rate)
{
    tay_status status = tay__check_pointer(adam, "adam");
    return status == TAY_OK ? set_rate(&adam->c, rate) : status;
}

const double *tay_adam_state(size_t *n_state, const tay_adam *adam)
{
    if (n_state) *n_state = adam->c.n_state;
    return adam->c.state;
}

tay_status tay_adam_set_state(tay_adam *adam, const double *state, size_t n_state)
{
    tay_status status = tay__check_pointer(adam, "adam");
    if (status != TAY_OK) return status;
    common *c = &adam->c;

    TAY_TRY(check_state(c, state, n_state));
    if (state[0] < 0 || state[0] != floor(state[0]))
        TAY_FAIL(TAY_ERROR_ARGUMENT, "state[0]: expected a number of steps, got %g", state[0]);
    for (size_t i = STEPS + c->n; i < n_state; i++) {
        if (state[i] < 0) TAY_FAIL(TAY_ERROR_ARGUMENT, "state[%zu]: expected the mean of a square, got %g", i, state[i]);
    }
    memmove(c->state, state, n_state * sizeof *state);
out:
    return status;
}
