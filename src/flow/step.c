/*
 * One step of all lanes: parameters, state, the order and the jet, the largest step that the tolerance allows.
 *
 * With the radius of convergence estimated as in [JZ2005], rho = min over m in {K-1, K} of (max(1, |x_0|) / |x_m|)^(1/m), a
 * series of order K is good for h = rho (tol / e^2.7 (U/K)^3)^(1/K), which at the usual order U = 1 - ln(tol)/2 is their step,
 * rho exp(-2 - 0.7/U). The factor (U/K)^3 is measured: without it gradients at up to twice the usual order are ten times less
 * accurate, as coefficients are n^s rho^-n, and their derivatives n^(s+1). A step costs about K (c + K): sums of layers for
 * each order, and convolutions.
 */
#include <math.h>
#include <stdlib.h>

#include "flow/flow.h"

/* The order whose sums and convolutions cost the same. */
enum { EVEN_ORDER = 14, LEAST_ORDER = 4 };
static const double EXCESS = 3;

/* Outputs of a lane behind `done` ones, at most so many. */
static size_t outputs_left(const tay__lane_step *lane, size_t done, size_t most)
{
    size_t n = lane->point == TAY__IDLE ? 0 : lane->end_time - lane->first_time, left = n > done ? n - done : 0;
    return left < most ? left : most;
}

size_t tay__next_rounds(double *tau, const tay_tape *run, size_t lanes, const tay__lane_step *lane, size_t done)
{
    size_t n = 0, most = tay__rounds_at_once(run->flow->dim, lanes);

    for (size_t l = 0; l < lanes; l++) {
        size_t left = outputs_left(&lane[l], done, most);
        n = left > n ? left : n;
    }
    for (size_t l = 0; l < lanes; l++) {
        size_t first = lane[l].first_time + done, left = outputs_left(&lane[l], done, n), k = 0;
        for (; k < left; k++) tau[k * lanes + l] = tay__distance(run, &lane[l], first + k);
        for (; k < n; k++) tau[k * lanes + l] = 0;
    }
    return n;
}

void tay__rows_of_rounds(tay__rows *rows, const tay_tape *run, size_t lanes, const tay__lane_step *lane, size_t done,
                         size_t n_rounds, double *array, size_t n, double *none)
{
    size_t step = run->a.n_points * n;

    for (size_t l = 0; l < lanes; l++) {
        size_t left = outputs_left(&lane[l], done, n_rounds), k = 0;
        double *row = left ? array + (lane[l].first_time + done) * step + lane[l].point * n : NULL;
        for (; k < left; k++, row += step) rows[k][l] = row;
        for (; k < n_rounds; k++) rows[k][l] = none;
    }
}

void tay__set_pars(const tay_tape *run, tay__worker *worker, const tay__lane_step *lane, double *scratch)
{
    const tay_flow *flow = run->flow;
    const tay__exec *exec = worker->lanes->exec;
    size_t lanes = worker->lanes->lanes, busy = 0;

    if (!worker->lanes->lane_pars) {
        if (worker->run == run->serial) return;
        worker->run = run->serial;
        tay__exec_set_parameters(exec, worker->workspace, run->a.pars);
        return;
    }
    while (busy + 1 < lanes && lane[busy].point == TAY__IDLE) busy++;
    if (lane[busy].point == TAY__IDLE) return;
    for (size_t l = 0; l < lanes; l++) {
        size_t point = lane[l].point == TAY__IDLE ? lane[busy].point : lane[l].point;
        for (size_t i = 0; i < flow->n_pars; i++) scratch[i * lanes + l] = run->a.pars[point * flow->n_pars + i];
    }
    tay__exec_set_parameters(exec, worker->workspace, scratch);
}

void tay__copy_pars(tay__worker *worker, const tay__worker *from)
{
    if (from->lanes->lane_pars || worker->run == from->run) return;
    if (tay__exec_copy_parameters(worker->lanes->exec, worker->workspace, from->lanes->exec, from->workspace))
        worker->run = from->run;
}

void tay__begin_step(const tay_tape *run, tay__worker *worker, const double *state, const tay__lane_step *lane)
{
    size_t lanes = worker->lanes->lanes, dim = run->flow->dim, busy = 0;
    int32_t time = tay__exec_program(worker->lanes->exec)->time_slot;
    double *jet = worker->workspace->jet;

    while (lane[busy].point == TAY__IDLE) busy++;
    memcpy(jet, state, dim * lanes * sizeof *jet);
    for (size_t l = 0; l < lanes; l++) {
        size_t from = lane[l].point == TAY__IDLE ? busy : l;
        for (size_t i = 0; i < dim && from != l; i++) jet[i * lanes + l] = jet[i * lanes + from];
        if (time >= 0) jet[(size_t)time * lanes + l] = lane[from].time.hi;
    }
}

tay_status tay__find_shares(tay_flow *flow)
{
    tay_status status = TAY_OK;
    TAY_TRY(tay__calloc(&flow->shares, (size_t)flow->max_order + 1, sizeof *flow->shares));
    TAY_TRY(tay__calloc(&flow->resolved, (size_t)flow->max_order + 1, sizeof *flow->resolved));
    for (uint32_t k = 1; k <= flow->max_order; k++) {
        flow->resolved[k] = tay__resolved_distance(flow->tolerance, k);
        flow->shares[k] = exp((log(flow->tolerance) - 2.7 - EXCESS * log((double)k / flow->usual_order)) / k);
    }
out:
    return status;
}

/* at->rho and h[lanes]. left: the distances to go, if at->rate may have changed, else NULL. */
static void estimate(const tay_tape *run, const tay__worker *worker, uint32_t order, tay__walk *at, double *h,
                     const double *left)
{
    const tay__exec *exec = worker->lanes->exec;
    size_t lanes = at->lanes, plane = worker->workspace->plane, n = run->flow->n_normed;
    const double *jet = worker->workspace->jet;
    double first[TAY__MOST_LANES], before[TAY__MOST_LANES], last[TAY__MOST_LANES], part = run->flow->shares[order];

    tay__exec_lane_norms(exec, first, jet, n);
    tay__exec_lane_norms(exec, before, jet + (order - 1) * plane, n);
    tay__exec_lane_norms(exec, last, jet + order * plane, n);
    for (size_t l = 0; l < lanes; l++) {
        at->rho[l] = tay__exec_radius(first[l], before[l], last[l], order);
        h[l] = at->rho[l] * part;
    }
    if (left) tay__find_rates(run, worker, at, order, h, left);
    for (size_t l = 0; l < lanes; l++) {
        double most = run->flow->resolved[order] / at->rate[l];
        if (!(h[l] > most)) continue;
        h[l] = most;
        at->rho[l] = most / part;
    }
}

/* Steps of a lane that are left on average of n lanes, if a step is so much of the radius. radii: distances to go by radii of
 * convergence. */
static double steps_left(const double *radii, size_t n, double share)
{
    double sum = 0, in_one = 1 / share;

    for (size_t l = 0; l < n; l++) {
        double steps = radii[l] * in_one;
        sum += radii[l] > 0 && steps < 1 ? 1 : steps;
    }
    return sum / (double)n;
}

/* The order from `from` on for which the steps that are left cost the least. A step costs the same for one lane as for all: while
 * lanes find a next trajectory (`more`) it is all their steps that count, else those of the lane that needs most. n_steps
 * receives their number. */
static uint32_t best_order(const tay_tape *run, const tay__walk *at, const double *left, bool more, uint32_t from,
                           double *n_steps)
{
    double least = INFINITY, most = 0, radii[TAY__MOST_LANES];
    uint32_t best = from;

    for (size_t l = 0; l < at->lanes; l++) {
        radii[l] = at->lane[l].point != TAY__IDLE && at->rho[l] > 0 ? left[l] / at->rho[l] : 0;
        most = fmax(most, radii[l]);
    }
    for (uint32_t order = from; order <= run->flow->max_order; order++) {
        double share = run->flow->shares[order];
        double n = more ? steps_left(radii, at->lanes, share) : steps_left(&most, 1, share);
        double cost = n * order * (EVEN_ORDER + order);
        if (cost >= least) continue;
        least = cost;
        best = order;
        *n_steps = n;
    }
    return best;
}

/* Whether each busy lane gets to its end, or nowhere. */
static bool all_arrive(const tay__walk *at, const double *left, const double *h)
{
    for (size_t l = 0; l < at->lanes; l++)
        if (at->lane[l].point != TAY__IDLE && h[l] < left[l]) return false;
    return true;
}

uint32_t tay__make_jet(const tay_tape *run, tay__worker *worker, tay__walk *at, const double *left, bool more, double *h)
{
    const tay_flow *flow = run->flow;
    const tay__exec *exec = worker->lanes->exec;
    uint32_t order = flow->fixed_order;
    double n_left = order ? INFINITY : 0;
    size_t n_done = 0;
    bool known = true;

    for (size_t l = 0; l < at->lanes; l++) {
        known = known && (at->lane[l].point == TAY__IDLE || at->rho[l] > 0);
        n_done = at->n_steps[l] > n_done ? at->n_steps[l] : n_done;
    }
    if (!order) {
        order = known ? best_order(run, at, left, more, LEAST_ORDER, &n_left) : flow->usual_order / 2;
        if (order < LEAST_ORDER) order = LEAST_ORDER;
    }
    if (order > flow->max_order) order = flow->max_order;
    at->n_expected = (double)n_done + n_left;
    tay__exec_expect(exec, worker->workspace, order);
    tay__exec_extend(exec, worker->workspace, 0, order);
    estimate(run, worker, order, at, h, left);
    while (!flow->fixed_order && order < flow->max_order && !all_arrive(at, left, h)) {
        uint32_t next = best_order(run, at, left, more, order, &n_left);
        if (next == order) break;
        if (order < flow->usual_order && next > flow->usual_order) next = flow->usual_order; /* rho is a rough guess */
        tay__exec_extend(exec, worker->workspace, order, next);
        order = next;
        estimate(run, worker, order, at, h, NULL);
    }
    return order;
}
