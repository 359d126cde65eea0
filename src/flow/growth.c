/*
 * How fast neighbours leave a trajectory: what the tangent map allows a step, where the states allow more.
 *
 * The length of a step follows from the series of the states. At an equilibrium these tell nothing of the tangent map, nor do
 * they on an invariant manifold that attracts or repels faster than the states move on it. So the spectral radius r of the
 * Jacobian is estimated by the power method, as integrators of stiff equations do [SSV1998], with the adjoint of coefficient 1
 * of the jet that the step has anyway. The tangent map is resolved to about (r h)^K / K!.
 *
 * An application costs little beside a jet, but not nothing: one now and then tells that a step is far from this limit, which
 * is the rule. Else r is the geometric mean of several: where variables have different units, growth alternates.
 */
#include <math.h>

#include "flow/flow.h"

/* Applications for a mean; steps until the next look. */
enum { APPLICATIONS = 4, STEPS_BETWEEN = 16 };
/* What steps may leave unresolved of the tangent map, in tolerances. While the states are as large as their tolerance supposes,
 * they leave less. */
static const double UNRESOLVED = 10;
/* A single application may have found so much less than r. */
static const double MARGIN = 2;

double tay__resolved_distance(double tolerance, uint32_t order)
{
    return exp((log(UNRESOLVED * tolerance) + lgamma(order + 1.0)) / order);
}

/* Where the power method begins: it should have a part in all directions. */
static double first_direction(size_t i)
{
    return cos(2.4 * (double)i);
}

/* at->direction becomes the Jacobian's transpose times itself, scaled to length 1; growth[lanes]: its length before, 0 if it
 * cannot be told. */
static void apply(const tay_tape *run, const tay__worker *worker, tay__walk *at, double *growth)
{
    const tay__exec *exec = worker->lanes->exec;
    size_t lanes = at->lanes, n = run->flow->n_normed;
    tay__cotangents *bars = worker->bars;
    double *v = at->direction;

    tay__cotangents_clear(exec, bars, 1);
    memcpy(bars->jet + worker->workspace->plane, v, n * lanes * sizeof *v);
    tay__exec_reverse(exec, worker->workspace, bars, 1, false);
    tay__exec_lane_norms(exec, growth, bars->jet, n);
    for (size_t l = 0; l < lanes; l++) {
        bool known = growth[l] > 0 && growth[l] < INFINITY;
        for (size_t i = 0; i < n; i++)
            v[i * lanes + l] = known ? bars->jet[i * lanes + l] / growth[l] : first_direction(i);
        if (!known) growth[l] = 0;
    }
}

/* Whether a lane's step is so long that r should be known well. */
static bool is_near(const tay_tape *run, const tay__walk *at, uint32_t order, const double *h, const double *left)
{
    double most = run->flow->resolved[order] / MARGIN;

    for (size_t l = 0; l < at->lanes; l++)
        if (at->lane[l].point != TAY__IDLE && at->rate[l] * fmin(h[l], left[l]) > most) return true;
    return false;
}

void tay__find_rates(const tay_tape *run, const tay__worker *worker, tay__walk *at, uint32_t order, const double *h,
                     const double *left)
{
    size_t lanes = at->lanes, n_new = 0, new[TAY__MOST_LANES];
    double growth[TAY__MOST_LANES];

    for (size_t l = 0; l < lanes; l++)
        if (at->lane[l].point != TAY__IDLE && at->n_steps[l] == 0) new[n_new++] = l;
    for (size_t i = 0; i < run->flow->n_normed && n_new > 0; i++) {
        double x = first_direction(i);
        for (size_t k = 0; k < n_new; k++) at->direction[i * lanes + new[k]] = x;
    }
    bool look = ++at->n_blind > STEPS_BETWEEN || n_new > 0;
    if (!look && (at->is_mean || !is_near(run, at, order, h, left))) return;
    at->n_blind = 0;
    apply(run, worker, at, at->rate);
    at->is_mean = is_near(run, at, order, h, left);
    if (!at->is_mean) return;
    for (size_t l = 0; l < lanes; l++) at->rate[l] = pow(at->rate[l], 1.0 / APPLICATIONS);
    for (size_t k = 1; k < APPLICATIONS; k++) {
        apply(run, worker, at, growth);
        for (size_t l = 0; l < lanes; l++) at->rate[l] *= pow(growth[l], 1.0 / APPLICATIONS);
    }
}
