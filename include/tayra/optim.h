/*
 * Optimisers: small loops around a gradient, such as that of tay_tape_pull. Their formulas are those of torch.optim.
 *
 *     tay_adam *adam;
 *     double x[2] = {1, 2}, gradient[2];
 *     tay_adam_create(&adam, 2, &(tay_adam_options){.size = sizeof(tay_adam_options), .rate = 0.1, .amsgrad = true});
 *     for (int k = 0; k < 100; k++) {
 *         for (int i = 0; i < 2; i++) gradient[i] = 2 * x[i];
 *         tay_adam_step(x, adam, gradient);
 *     }
 *     tay_adam_free(adam);
 *
 * An optimiser belongs to one array of n numbers: what it remembers from step to step is its state, which can be written down
 * and given to another one of the same options, which then goes on as this one would have, bit for bit. All numbers are
 * doubles. A step that is refused changes neither x nor the state.
 */
#ifndef TAYRA_OPTIM_H
#define TAYRA_OPTIM_H

#include "tayra/base.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct tay_sgd tay_sgd;
typedef struct tay_adam tay_adam;

/* Gradient descent. In each step, with g = gradient + weight_decay x: v = momentum v + g, x = x - rate v. */
typedef struct tay_sgd_options {
    uint32_t size;       /* sizeof(tay_sgd_options) */
    double rate;         /* positive; 0: 1e-3 */
    double momentum;     /* not negative, in general below 1 */
    double weight_decay; /* not negative */
} tay_sgd_options;

/* Adam; the formulas stand in src/optim/optim.c. */
typedef struct tay_adam_options {
    uint32_t size;       /* sizeof(tay_adam_options) */
    double rate;         /* positive; 0: 1e-3 */
    double beta1;        /* of the mean of the gradient, between 0 and 1; 0: 0.9 */
    double beta2;        /* of the mean of its square, between 0 and 1; 0: 0.999 */
    double epsilon;      /* positive; 0: 1e-8 */
    double weight_decay; /* not negative: added to the gradient, times x */
    bool amsgrad;        /* divide by the largest mean of the square so far */
} tay_adam_options;

/* For arrays of n > 0 numbers. options may be NULL. TAY_ERROR_ARGUMENT for an option out of its range. */
TAY_API tay_status tay_sgd_create(tay_sgd **out, size_t n, const tay_sgd_options *options);
TAY_API tay_status tay_adam_create(tay_adam **out, size_t n, const tay_adam_options *options);
/* Accept NULL. */
TAY_API void tay_sgd_free(tay_sgd *sgd);
TAY_API void tay_adam_free(tay_adam *adam);

/*
 * One step: x[n] is changed in place, against gradient[n], which may not overlap with it. TAY_ERROR_ARGUMENT, with nothing
 * changed, if a number is not finite, or so large that the step would make such a number; the message names its index.
 */
TAY_API tay_status tay_sgd_step(double *x, tay_sgd *sgd, const double *gradient);
TAY_API tay_status tay_adam_step(double *x, tay_adam *adam, const double *gradient);

/* The rate of the steps to come: positive and finite. */
TAY_API tay_status tay_sgd_set_rate(tay_sgd *sgd, double rate);
TAY_API tay_status tay_adam_set_rate(tay_adam *adam, double rate);

/*
 * The state, *n_state numbers (n_state may be NULL), valid until the next step, set_state or free. Of gradient descent: v[n].
 * Of Adam: the number of steps, the mean of the gradient [n], that of its square [n] and, with amsgrad, the largest so far [n].
 */
TAY_API const double *tay_sgd_state(size_t *n_state, const tay_sgd *sgd);
TAY_API const double *tay_adam_state(size_t *n_state, const tay_adam *adam);
/* Copies state[n_state], from an optimiser of the same n and options. TAY_ERROR_ARGUMENT if it cannot be such a state. */
TAY_API tay_status tay_sgd_set_state(tay_sgd *sgd, const double *state, size_t n_state);
TAY_API tay_status tay_adam_set_state(tay_adam *adam, const double *state, size_t n_state);

#ifdef __cplusplus
}
#endif

#endif
