/*
 * The flow of a system of equations: the map from initial states, times and parameters to states, for many initial
 * states (trajectories) at once, and its gradients in reverse mode.
 *
 *     tay_expr *x, *dx;
 *     tay_flow *flow;
 *     tay_tape *tape;
 *     double x0 = 1, times[2] = {0, 1}, ys[2], ys_bar[2] = {0, 1}, x0_bar;
 *     tay_flow_arguments a = {.size = sizeof a, .n_points = 1, .n_times = 2, .x0 = &x0, .times = times, .shared_times = true};
 *     tay_flow_cotangents bars = {.size = sizeof bars, .x0 = &x0_bar};
 *     tay_expr_variable(&x, "x");
 *     tay_expr_neg(&dx, x);
 *     tay_flow_create(&flow, (const tay_expr *const *)&x, (const tay_expr *const *)&dx, 1, NULL);
 *     tay_flow_run(ys, &tape, NULL, flow, &a);
 *     tay_tape_pull(&bars, tape, ys_bar, NULL);
 *     tay_tape_free(tape); tay_flow_free(flow); tay_expr_unref(dx); tay_expr_unref(x);
 *
 * The step sizes count as constants: the gradient is that of the numerical map, and differs from the true one by about
 * the tolerance. Each trajectory has its own step sizes; the order of a step is common to those that are integrated side by side.
 * Results do not depend, bit for bit, on the number of threads; by rounding, and by the choice of orders, on that of lanes.
 */
#ifndef TAYRA_FLOW_H
#define TAYRA_FLOW_H

#include "tayra/expr.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct tay_flow tay_flow;
/* What a forward run keeps for the reverse: steps, their states, and the jets for which there is memory. */
typedef struct tay_tape tay_tape;

/*
 * Mixed: coefficients of so high an order that the rounding errors of float stay a fortieth of the tolerance are float, where
 * large layers make up the work and the tolerance is at least about 3e-12. Results stay double, and as accurate.
 */
typedef enum tay_precision { TAY_PRECISION_MIXED, TAY_PRECISION_DOUBLE } tay_precision;

typedef struct tay_flow_options {
    uint32_t size;       /* sizeof(tay_flow_options) */
    double tolerance;    /* 0: the machine's epsilon, 2^-52 */
    size_t memory_limit; /* bytes of one tape; 0: 1 GiB. Steps that do not fit are computed again in the reverse */
    size_t max_steps;    /* of one trajectory; 0: no limit */
    uint32_t n_threads;  /* 0: as many as there are processors */
    uint32_t order;      /* of the series; 0: chosen step by step such that the work is least */
    tay_execution execution;
    tay_precision precision;
    uint32_t lanes; /* trajectories side by side, at most 64, in whole vectors: such a block is work for one thread. 0: chosen by
                     * their number, for the least work of all threads together */
} tay_flow_options;

/* Called after each step of the calling thread, and by it alone, with the number of trajectories finished (of n_points): so
 * it should be quick. false stops the run or pull. */
typedef bool (*tay_flow_progress)(size_t done, size_t total, void *context);

/* The arguments of the flow. All arrays are read only, and may be freed when the call returns. */
typedef struct tay_flow_arguments {
    uint32_t size;       /* sizeof(tay_flow_arguments) */
    size_t n_points;     /* M, trajectories */
    size_t n_times;      /* T > 0 */
    const double *x0;    /* [M][dim] initial states */
    const double *times; /* [T], or [M][T] unless shared_times: strictly increasing or decreasing, the first one initial */
    const double *pars;  /* [P], or [M][P] unless shared_pars; NULL if P = 0 */
    bool shared_times, shared_pars;
    tay_flow_progress progress; /* NULL: none */
    void *context;              /* for progress */
} tay_flow_arguments;

/* What a run or a pull did. */
typedef struct tay_flow_result {
    size_t n_steps;       /* over all trajectories */
    size_t n_recomputed;  /* of them, those that are (a run: will be) computed again in the reverse */
    size_t tape_bytes;    /* 0 without a tape */
    size_t n_failed;      /* trajectories that became non-finite, or reached max_steps */
    size_t first_failed;  /* the lowest of them, if any */
    double failed_time;   /* the time that it reached: states at later times are NaN */
} tay_flow_result;

/* Where cotangents go, in the shapes of the arguments, summed over trajectories where an argument was shared. NULL: not
 * wanted. */
typedef struct tay_flow_cotangents {
    uint32_t size; /* sizeof(tay_flow_cotangents) */
    double *x0, *times, *pars;
    tay_flow_progress progress; /* NULL: none */
    void *context;              /* for progress */
} tay_flow_cotangents;

/*
 * The flow of d vars[i] / dt = rhs[i], i < n, n > 0. The variables must be distinct and hold all variables in rhs. options
 * may be NULL. The flow is immutable: any number of threads may run it.
 */
TAY_API tay_status tay_flow_create(tay_flow **out, const tay_expr *const *vars, const tay_expr *const *rhs, size_t n,
                                   const tay_flow_options *options);
TAY_API void tay_flow_free(tay_flow *flow);
TAY_API size_t tay_flow_dim(const tay_flow *flow);
TAY_API size_t tay_flow_n_pars(const tay_flow *flow);
/* TAY_EXECUTION_VM or _JIT: which of the two ran it last. */
TAY_API tay_execution tay_flow_execution(const tay_flow *flow);
/* Whether high orders are float, where there are trajectories enough to fill vectors. */
TAY_API tay_precision tay_flow_precision(const tay_flow *flow);
TAY_API double tay_flow_tolerance(const tay_flow *flow);
/* The largest order a step can have. */
TAY_API uint32_t tay_flow_order(const tay_flow *flow);

/*
 * The states at the times: ys[T][M][dim]; ys[0] is x0. tape and result may be NULL; *tape receives the tape, which the
 * caller frees (it holds a reference to the flow). A trajectory whose state becomes non-finite, or that takes too many steps, is
 * no error: its states behind are NaN, and result tells. TAY_ERROR_LIMIT, before any work, if the tape's limit is too
 * small to hold a step; in the course of it if it is too small for the steps, of which n need memory for about sqrt(n).
 * TAY_ERROR_STATE if progress stopped the run. ys must not overlap with the arguments; if the run fails in the course of it, some
 * states may have been written.
 */
TAY_API tay_status tay_flow_run(double *ys, tay_tape **tape, tay_flow_result *result, const tay_flow *flow,
                                const tay_flow_arguments *arguments);

/* Tangents of the arguments, in their shapes. NULL: zero. */
typedef struct tay_flow_tangents {
    uint32_t size; /* sizeof(tay_flow_tangents) */
    const double *x0, *times, *pars;
} tay_flow_tangents;

/*
 * The tangent map: the states, as tay_flow_run computes them, and their tangents ys_dot[T][M][dim], which are those of the
 * numerical map: for all tangents of the arguments and all ys_bar, the products sum(ys_bar ys_dot) and, with the cotangents
 * of tay_tape_pull, sum(x0_bar x0_dot) + sum(times_bar times_dot) + sum(pars_bar pars_dot) are the same to rounding. It
 * integrates dim more equations, v' = df/dx v + df/dp pars_dot (+ df/dt), which take no part in the choice of steps. result
 * may be NULL. ys and ys_dot must not overlap with each other nor with what is read. Errors as for tay_flow_run.
 */
TAY_API tay_status tay_flow_push(double *ys, double *ys_dot, tay_flow_result *result, const tay_flow *flow,
                                 const tay_flow_arguments *arguments, const tay_flow_tangents *tangents);

/*
 * The adjoint map: the cotangents of the arguments of the run from those of its states, ys_bar[T][M][dim]. Once per tape,
 * TAY_ERROR_STATE after that; also, with nothing used up, if a trajectory failed and a cotangent behind its end is not zero: the
 * message names the trajectory and the time. result may be NULL. TAY_ERROR_STATE if progress stopped the pull. The arrays of out
 * must not overlap with each other nor with ys_bar; a pull that fails in the course of it has used the tape up, and what it has
 * written is no gradient.
 */
TAY_API tay_status tay_tape_pull(const tay_flow_cotangents *out, tay_tape *tape, const double *ys_bar,
                                 tay_flow_result *result);
TAY_API void tay_tape_free(tay_tape *tape);

#ifdef __cplusplus
}
#endif

#endif
