/*
 * Models: functions that build the expressions of well-known systems.
 *
 *     tay_expr *vars[2], *rhs[2];
 *     tay_model_pendulum(vars, rhs, NULL);
 *     puts(tay_expr_name(vars[0]));
 *     for (int i = 0; i < 2; i++) tay_expr_unref(vars[i]), tay_expr_unref(rhs[i]);
 *
 * All of them give new references, and leave their outputs untouched on failure.
 */
#ifndef TAYRA_MODEL_H
#define TAYRA_MODEL_H

#include "tayra/expr.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A function that a layer applies to each of its neurons: *out = apply(x), a new reference. What it returns, if not
 * TAY_OK, is what tay_model_ffnn returns. */
typedef struct tay_model_activation {
    tay_status (*apply)(tay_expr **out, const tay_expr *x, void *context);
    void *context;
} tay_model_activation;

/* A feed-forward neural network. */
typedef struct tay_model_ffnn_options {
    uint32_t size;                 /* sizeof(tay_model_ffnn_options) */
    const tay_expr *const *inputs; /* [n_inputs], at least one */
    size_t n_inputs;
    const uint32_t *hidden; /* [n_hidden] neurons of each hidden layer, each at least 1; n_hidden may be 0 */
    size_t n_hidden;
    uint32_t n_out; /* at least 1 */
    const tay_model_activation *activations; /* [n_activations], n_hidden + 1 of them: the last one is the output's */
    size_t n_activations;
    const tay_expr *const *weights; /* [n_weights] all weights, layer by layer, row-major (outputs x inputs), then all biases,
                                       layer by layer; NULL: the parameters 0, 1, 2, ... in this order */
    size_t n_weights;
} tay_model_ffnn_options;

/* out[n_out] (the caller's array) = the outputs of the network: y = activation(W x + b) layer by layer. */
TAY_API tay_status tay_model_ffnn(tay_expr **out, const tay_model_ffnn_options *options);

/* Gravitating bodies. */
typedef struct tay_model_nbody_options {
    uint32_t size; /* sizeof(tay_model_nbody_options) */
    uint32_t n;    /* bodies, at least 2 */
    const tay_expr *const *masses; /* [n_masses] of the first bodies; the others, and those of mass 0, attract nothing. NULL: all
                                      masses are 1 */
    size_t n_masses;
    const tay_expr *gconst; /* the gravitational constant; NULL: 1 */
} tay_model_nbody_options;

/*
 * vars[6 n] and rhs[6 n] (the caller's arrays): of each body x_0, y_0, z_0, vx_0, vy_0, vz_0, and their derivatives; then of the
 * next, x_1, ...
 */
TAY_API tay_status tay_model_nbody(tay_expr **vars, tay_expr **rhs, const tay_model_nbody_options *options);
/* The total energy, and the potential energy, of the bodies that have mass. */
TAY_API tay_status tay_model_nbody_energy(tay_expr **out, const tay_model_nbody_options *options);
TAY_API tay_status tay_model_nbody_potential(tay_expr **out, const tay_model_nbody_options *options);
/*
 * The same relative to body 0, as planets to their star: n is with body 0, and the first mass is its own; vars[6 (n - 1)] and
 * rhs[6 (n - 1)] begin with x_1. Energies are those in the frame where the centre of all masses rests.
 */
TAY_API tay_status tay_model_np1body(tay_expr **vars, tay_expr **rhs, const tay_model_nbody_options *options);
TAY_API tay_status tay_model_np1body_energy(tay_expr **out, const tay_model_nbody_options *options);
TAY_API tay_status tay_model_np1body_potential(tay_expr **out, const tay_model_nbody_options *options);

/*
 * The equations of motion of n coordinates q and their velocities q', of a Lagrangian L(q, q', t) and Rayleigh's dissipation
 * function D(q', t), NULL: none (d/dt dL/dq' = dL/dq - dD/dq'). vars[2 n] are the coordinates, then the velocities, different
 * variables; rhs[2 n] (the caller's array) their derivatives. L and D may contain parameters and time; of variables L only
 * vars, D only the velocities. Errors: TAY_ERROR_ARGUMENT, also if equations leave an acceleration undetermined.
 */
TAY_API tay_status tay_model_lagrangian(tay_expr **rhs, const tay_expr *lagrangian, const tay_expr *const *vars, size_t n,
                                        const tay_expr *dissipation);
/* The same of a Hamiltonian H(q, p, t): vars[2 n] are the coordinates q, then the momenta p; q' = dH/dp, p' = -dH/dq. */
TAY_API tay_status tay_model_hamiltonian(tay_expr **rhs, const tay_expr *hamiltonian, const tay_expr *const *vars, size_t n);

/* A simple pendulum. */
typedef struct tay_model_pendulum_options {
    uint32_t size;          /* sizeof(tay_model_pendulum_options) */
    const tay_expr *gconst; /* the acceleration of gravity; NULL: 1 */
    const tay_expr *length; /* NULL: 1 */
} tay_model_pendulum_options;

/* vars[2] and rhs[2] (the caller's arrays): the angle x from the lowest position and its rate v, x' = v, v' = -g/l sin x.
 * options may be NULL. */
TAY_API tay_status tay_model_pendulum(tay_expr **vars, tay_expr **rhs, const tay_model_pendulum_options *options);
/* The energy of a pendulum of unit mass, 0 at rest: l^2 v^2 / 2 + g l (1 - cos x). */
TAY_API tay_status tay_model_pendulum_energy(tay_expr **out, const tay_model_pendulum_options *options);

/* The circular restricted three-body problem. */
typedef struct tay_model_cr3bp_options {
    uint32_t size;      /* sizeof(tay_model_cr3bp_options) */
    const tay_expr *mu; /* the lesser mass, the sum of both being 1; a number is above 0 and below 0.5; NULL: 0.001 */
} tay_model_cr3bp_options;

/*
 * vars[6] and rhs[6] (the caller's arrays): x, y, z in the frame that turns with the masses, 1 - mu at (mu, 0, 0) and mu at
 * (mu - 1, 0, 0), and the momenta px = x' - y, py = y' + x, pz = z'. options may be NULL.
 */
TAY_API tay_status tay_model_cr3bp(tay_expr **vars, tay_expr **rhs, const tay_model_cr3bp_options *options);
/* The Jacobi constant, as the Hamiltonian of these equations. */
TAY_API tay_status tay_model_cr3bp_jacobi(tay_expr **out, const tay_model_cr3bp_options *options);

/* A particle among masses (mascons, mass concentrations of a body) that are fixed in a frame, which may turn: without omega the
 * problem of fixed centres, without masses a free particle in a rotating frame. */
typedef struct tay_model_mascon_options {
    uint32_t size;                    /* sizeof(tay_model_mascon_options) */
    const tay_expr *gconst;           /* the gravitational constant; NULL: 1 */
    const tay_expr *const *masses;    /* [n_masses]; there may be none */
    size_t n_masses;
    const tay_expr *const *positions; /* [n_positions] x, y, z of each mass: n_positions = 3 n_masses */
    size_t n_positions;
    const tay_expr *const *omega;     /* [n_omega] the angular velocity of the frame, a vector; n_omega = 0: it does not turn */
    size_t n_omega;                   /* 3 or 0 */
} tay_model_mascon_options;

/* vars[6] and rhs[6] (the caller's arrays): x, y, z, vx, vy, vz of the particle in the frame. options may be NULL. */
TAY_API tay_status tay_model_mascon(tay_expr **vars, tay_expr **rhs, const tay_model_mascon_options *options);
/* The energy of a particle of unit mass, constant if the options are, and its part that depends on the position alone. */
TAY_API tay_status tay_model_mascon_energy(tay_expr **out, const tay_model_mascon_options *options);
TAY_API tay_status tay_model_mascon_potential(tay_expr **out, const tay_model_mascon_options *options);

#ifdef __cplusplus
}
#endif

#endif
