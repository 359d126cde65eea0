/*
 * Running programs: a program bound to a real type, an order and a number of lanes, and the memory it works in.
 */
#ifndef TAY__EXEC_H
#define TAY__EXEC_H

#include "kernels/kernels.h"
#include "tayra/cfunc.h" /* tay_real */

typedef struct tay__exec tay__exec;

/* The working memory of one thread: coefficient n of slot s in lane l is jet[n * plane + s * lanes + l] (float or double). */
typedef struct tay__workspace {
    void *jet;
    size_t plane; /* elements from one order to the next */
    void *packed; /* coefficients of linear and product */
    void *scratch;
    void *transposed; /* the coefficients of layers, if reversible */
    struct tay__workspace *prologue, *high; /* high: of orders in float (mixed.c), whose jet stands behind this one's */
    bool mixed;      /* orders of the next jet may be float */
    float *units;    /* in `high`: [lanes] of time */
    double *numbers; /* in `high`: room for mixed.c */
} tay__workspace;

/* Binds `program` (taken over on success, also freed with the exec). lanes = 1, or a multiple of TAY__LANES. Immutable. */
enum { TAY__LANES = 16 };
tay_status tay__exec_create(tay__exec **out, tay__program *program, tay_real real, uint32_t order, uint32_t lanes);
void tay__exec_free(tay__exec *exec);
const tay__program *tay__exec_program(const tay__exec *exec);
uint32_t tay__exec_order(const tay__exec *exec);
/*
 * Decides how the exec runs, before its first run. The JIT makes code for it if `wanted` says so, or if it is left to the
 * library and TAYRA_EXEC=jit stands in the environment; if that fails the vm runs it, and a warning of the log says why. What is
 * left to the library, without TAYRA_EXEC=vm, begins with the vm; with jets, code is made when the vm has run often.
 */
void tay__exec_choose(tay__exec *exec, tay_execution wanted);
/* TAY_ERROR_ARGUMENT for what is none of its values. */
tay_status tay__check_execution(tay_execution wanted);
/* Reversible execs do not change by themselves, so that a run and its way back do the same. Whether the choice was left to the
 * library, and the vm runs it so far; makes code for one of which this is so. */
bool tay__exec_awaits_code(const tay__exec *exec);
void tay__exec_make_code(tay__exec *exec);
/* TAY_EXECUTION_VM or _JIT: which of the two runs it. */
tay_execution tay__exec_execution(const tay__exec *exec);
/* Bytes that a workspace takes. */
size_t tay__exec_memory(const tay__exec *exec);

tay_status tay__workspace_create(tay__workspace **out, const tay__exec *exec);
void tay__workspace_free(tay__workspace *workspace);

/* With jets: computes what depends on the parameters [n_pars] alone. Call it before the first run and after each change. */
void tay__exec_set_parameters(const tay__exec *exec, tay__workspace *workspace, const void *pars);
/* The same with those of a workspace of another exec of the same expressions, for other lanes, which has them already; both are
 * reversible. Whether it did: not where they are lane by lane, or need a prologue. */
bool tay__exec_copy_parameters(const tay__exec *exec, tay__workspace *workspace, const tay__exec *other,
                               const tay__workspace *from);

/*
 * Computes all values. With jets: from coefficient 0 of the states (slots 0 .. n_inputs-1) and of the time
 * (program->time_slot), the states' coefficients 1 .. order. Without: from the inputs' slots to the outputs' slots.
 */
void tay__exec_run(const tay__exec *exec, tay__workspace *workspace);
/* The same, and where code does whole steps, these: tells what it has done (kernels/site.h). */
void tay__exec_advance(const tay__exec *exec, tay__workspace *workspace, tay__advance *advance);

/*
 * n points for a program without jets, whose numbers stand in the caller's rows, of floats or doubles. Input i of point k is
 * in[i * in_stride + k], parameter i pars[i * pars_stride + k * pars_step], time time[k * time_step]; a step is 1, or 0 where
 * all points have the same. Output i goes to out[i * out_stride + k], which none of the others may overlap.
 */
typedef struct tay__points {
    const void *in, *pars, *time;
    void *out;
    size_t in_stride, pars_stride, out_stride;
    size_t pars_step, time_step;
    size_t n;
} tay__points;
/* block: what tay__exec_block gave, of which n is a multiple; or 0 for any n, which the vm evaluates. */
void tay__exec_run_points(const tay__exec *exec, tay__workspace *workspace, const tay__points *points, size_t block);
/* n points are to be evaluated: makes code if the vm would have evaluated, with these, as many as pay for it. */
void tay__exec_expect_points(const tay__exec *exec, size_t n);
/* How many points the code takes at once; 0: there is no code. */
size_t tay__exec_block(const tay__exec *exec);

/*
 * Polynomials of slots 0 .. count-1 (one lane, double): out[k * out_stride + i] = sum_n jet[n*plane + i] h[k]^n, in
 * blocks that stay in the cache whatever the number of h. `compensated`: each sum by [Neumaier 1974]. What belongs to the last h
 * goes to `end`, and its rounding errors do not depend on the others.
 */
void tay__exec_polynomial(const tay__exec *exec, double *out, size_t out_stride, double *end, const tay__workspace *workspace,
                          size_t count, const double *h, size_t n_h, bool compensated);
/* The order that a tolerance asks for, for the least work per unit of time: max(2, ceil(1 - ln(tolerance)/2)) [JZ2005]. */
uint32_t tay__exec_order_for(double tolerance);
/*
 * The radius of convergence of a series [JZ2005], from the largest absolute values of its coefficients 0, order - 1 and order:
 * min(rho_{order-1}, rho_order), rho_m = (max(1, |x_0|) / |x_m|)^(1/m). Infinite where both are 0, NaN where one of the three is.
 */
double tay__exec_radius(double first, double before, double last, uint32_t order);
/* max_i |x_i|; NaN if one is. */
double tay__exec_max_norm(const tay__exec *exec, const double *x, size_t n);

/* Where float begins: sums of orders below `back` go back in double; coefficients of the states up to `exact` >= back are
 * double. */
typedef struct tay__split {
    uint32_t back, exact;
} tay__split;

/*
 * Reversible execs: with jets, double, several lanes, all coefficients kept, so that cotangents can go the way back.
 *
 * Lanes are whole vectors, or half a one where these are long (tay__exec_lanes_for). lane_coefs: each lane has parameters of its
 * own, pars[n_pars][lanes] for tay__exec_set_parameters; else pars[n_pars] for all. A workspace's jet may be exchanged for
 * another one of the exec's.
 *
 * split.back > 0: runs that reach further compute orders in float (mixed.c).
 */
tay_status tay__exec_create_reversible(tay__exec **out, tay__program *program, uint32_t order, uint32_t lanes,
                                       bool lane_coefs, tay__split split);
/* Whether layers make up the work of a program: multiply-adds of each order. */
bool tay__exec_is_network(const tay__program *program);
/* The split with which float adds no error to steps of this tolerance; zeros where float does not pay. Whether so many lanes fill
 * vectors of float well enough. */
tay__split tay__exec_split_for(const tay__program *program, double tolerance);
bool tay__exec_fills_float(uint32_t lanes, bool lane_coefs);
/* Elements of a vector; the fewest lanes for n > 0 trajectories: whole vectors, or half a one where these are long. */
size_t tay__exec_width(void);
uint32_t tay__exec_lanes_for(size_t n);
/* A jet besides those of workspaces; *out for tay__free_aligned. */
tay_status tay__exec_create_jet(void *out, const tay__exec *exec);
/* Bytes that the coefficients of a jet of this order take, in the precision that is expected (tay__exec_expect). */
size_t tay__exec_jet_bytes(const tay__exec *exec, const tay__workspace *workspace, uint32_t order);
/* What the way back reads of the workspace's jet of an order: at most so many bytes are saved, from which it is restored later,
 * in any workspace with the same parameters. Saving tells how many. */
size_t tay__exec_saved_bytes(const tay__exec *exec, uint32_t order);
size_t tay__exec_save(const tay__exec *exec, double *saved, const tay__workspace *workspace, uint32_t order);
void tay__exec_restore(const tay__exec *exec, tay__workspace *workspace, const double *saved, uint32_t order);

/* Before a jet of about this order: decides whether float pays (workspace->mixed). */
void tay__exec_expect(const tay__exec *exec, tay__workspace *workspace, uint32_t order);

/* Extends the states' coefficients from 0 .. from to 0 .. to, to <= the exec's order; from = 0 begins. Of other values
 * coefficient `to` may hold part of a sum. */
void tay__exec_extend(const tay__exec *exec, tay__workspace *workspace, uint32_t from, uint32_t to);

/* Cotangents (bars) of a workspace: laid out as its jet and its packed coefficients (with lane_coefs: per lane). */
typedef struct tay__cotangents {
    double *jet;
    double *packed;
    struct tay__cotangents *prologue, *high; /* of `high` the numbers are float */
} tay__cotangents;
tay_status tay__cotangents_create(tay__cotangents **out, const tay__exec *exec);
void tay__cotangents_free(tay__cotangents *bars);

/* Zeroes what has to be zero in bars->jet, for orders 0 .. order: before the caller adds what the states' coefficients
 * (slots 0 .. n_inputs-1, orders 0 .. order) got from outside. */
void tay__cotangents_clear(const tay__exec *exec, tay__cotangents *bars, uint32_t order);
/*
 * The adjoint of tay__exec_extend(exec, workspace, 0, order), whose results are in the workspace: takes the cotangents of the
 * states' coefficients to those of coefficient 0 of the states and of the time (bars->jet), and adds to the sums of the
 * coefficients' cotangents (bars->packed) if with_parameters.
 */
void tay__exec_reverse(const tay__exec *exec, const tay__workspace *workspace, tay__cotangents *bars, uint32_t order,
                       bool with_parameters);
/*
 * The adjoint of tay__exec_set_parameters, for the workspace's parameters: pars_bar += what bars->packed has gathered since
 * the last call; clears that. pars_bar[n_pars], or with lane_coefs [n_pars][lanes].
 */
void tay__exec_reverse_parameters(const tay__exec *exec, const tay__workspace *workspace, tay__cotangents *bars,
                                  double *pars_bar);

/*
 * For lanes, slots 0 .. count-1, at n_h times of each lane: out[(k * count + i) * lanes + l] = sum_n jet[n * plane + i * lanes +
 * l] h[k * lanes + l]^n; the derivative by h; the adjoint of the first, bar[n * plane + i * lanes + l] +=
 * sum_k y_bar[(k * count + i) * lanes + l] h[k * lanes + l]^n, n <= order.
 */
void tay__exec_lane_polynomial(const tay__exec *exec, double *out, const double *jet, size_t count, uint32_t order,
                               const double *h, size_t n_h);
void tay__exec_lane_derivative(const tay__exec *exec, double *out, const double *jet, size_t count, uint32_t order,
                               const double *h, size_t n_h);
void tay__exec_lane_polynomial_adjoint(const tay__exec *exec, double *bar, const double *y_bar, size_t count, uint32_t order,
                                       const double *h, size_t n_h);
/* x[i * lanes + l] = rows[l][i], i < count; and back. */
void tay__exec_rows_to_lanes(const tay__exec *exec, double *x, double *const *rows, size_t count);
void tay__exec_lanes_to_rows(const tay__exec *exec, double *const *rows, double *x, size_t count);
/* out[l] = max_i |x[i * lanes + l]|, NaN if one is not finite. */
void tay__exec_lane_norms(const tay__exec *exec, double *out, const double *x, size_t count);

#endif
