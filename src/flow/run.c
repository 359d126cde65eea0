/*
 * The forward run: arguments, the steps of a block and what they leave on the tape.
 */
#include <math.h>

#include "flow/flow.h"

/* A block under way. */
typedef struct walk {
    tay_tape *run;
    tay__block *block;
    tay__worker *worker;
    tay__walk at;
    double *left, *h, *pars, *tau, *out, *no_row;
    bool new_pars;
} walk;

static const double *x0_of(const tay_tape *run, size_t point)
{
    return run->a.x0 + point * run->flow->dim;
}

static double *row_of(const tay_tape *run, size_t j, size_t point)
{
    return run->ys + (j * run->a.n_points + point) * run->flow->dim;
}

/* A lane's trajectory can go no further: its states at later times are NaN. */
static void give_up(walk *w, size_t l)
{
    tay__lane_step *lane = &w->at.lane[l];
    tay_flow_result *r = &w->block->result;
    size_t point = lane->point;

    lane->point = TAY__IDLE;
    if (!w->run->ys) return; /* not the first run */
    for (size_t j = lane->first_time; j < w->run->a.n_times; j++)
        for (size_t i = 0; i < w->run->flow->dim; i++) row_of(w->run, j, point)[i] = NAN;
    if (r->n_failed++ == 0 || point < r->first_failed) {
        r->first_failed = point;
        r->failed_time = lane->time.hi;
    }
    w->run->reached[point] = lane->time.hi;
}

/* Gives idle lanes the next trajectories; false if none is left in any lane. */
static bool assign(walk *w)
{
    const tay_tape *run = w->run;
    size_t lanes = w->at.lanes, dim = run->flow->dim;
    bool busy = false;

    for (size_t l = 0; l < lanes; l++) {
        tay__lane_step *lane = &w->at.lane[l];
        while (lane->point == TAY__IDLE && w->at.next < w->block->end) {
            size_t point = w->at.next++;
            if (run->ys) memcpy(row_of(run, 0, point), x0_of(run, point), dim * sizeof(double));
            if (run->a.n_times == 1) continue;
            *lane = (tay__lane_step){.point = point, .first_time = 1, .begins = true};
            lane->time.hi = tay__time_of(&run->a, point, 0);
            for (size_t i = 0; i < dim; i++) w->at.state[i * lanes + l] = x0_of(run, point)[i];
            w->at.n_steps[l] = 0;
            w->at.rho[l] = 0;
            w->new_pars = true;
        }
        busy = busy || lane->point != TAY__IDLE;
    }
    return busy;
}

/* Which outputs the step h (not negative) of each busy lane covers, and whether it is the last. */
static void cover(walk *w)
{
    const tay_tape *run = w->run;
    size_t last = run->a.n_times - 1;

    for (size_t l = 0; l < w->at.lanes; l++) {
        tay__lane_step *lane = &w->at.lane[l];
        if (lane->point == TAY__IDLE) continue;
        lane->ends = w->h[l] >= w->left[l];
        lane->h = copysign(lane->ends ? w->left[l] : w->h[l], tay__distance(run, lane, last));
        lane->end_time = lane->ends ? last + 1 : lane->first_time;
        while (lane->end_time <= last && fabs(tay__distance(run, lane, lane->end_time)) <= fabs(lane->h)) lane->end_time++;
    }
}

/* Rounds of outputs from w->out[k][n][lanes] to their rows, of n numbers. */
static void write_rows(const walk *w, double *to, size_t n, size_t done, size_t n_rounds)
{
    tay__rows rows[TAY__MOST_ROUNDS];

    tay__rows_of_rounds(rows, w->run, w->at.lanes, w->at.lane, done, n_rounds, to, n, w->no_row);
    for (size_t k = 0; k < n_rounds; k++)
        tay__exec_lanes_to_rows(w->worker->lanes->exec, rows[k], w->out + k * n * w->at.lanes, n);
}

/* The states at the outputs, and their derivatives if wanted. */
static void write_outputs(walk *w, uint32_t order)
{
    const tay_tape *run = w->run;
    const tay__exec *exec = w->worker->lanes->exec;
    const double *jet = w->worker->workspace->jet;
    size_t dim = run->flow->dim, n_normed = run->flow->n_normed;

    for (size_t done = 0, n; (n = tay__next_rounds(w->tau, run, w->at.lanes, w->at.lane, done)) > 0; done += n) {
        tay__exec_lane_polynomial(exec, w->out, jet, dim, order, w->tau, n);
        write_rows(w, run->ys, dim, done, n);
        if (!run->slopes) continue;
        tay__exec_lane_derivative(exec, w->out, jet, n_normed, order, w->tau, n);
        write_rows(w, run->slopes, n_normed, done, n);
    }
}

/* A jet and steps that are finite in all busy lanes, with the states at their ends; lanes where they are not give up. The
 * order, or 0 if no lane is left. */
static uint32_t try_step(walk *w)
{
    const tay_tape *run = w->run;
    const tay__exec *exec = w->worker->lanes->exec;
    size_t lanes = w->at.lanes, dim = run->flow->dim;

    for (;;) {
        bool busy = false, failed = false;
        for (size_t l = 0; l < lanes; l++) busy = busy || w->at.lane[l].point != TAY__IDLE;
        if (!busy) return 0;
        if (w->new_pars) tay__set_pars(run, w->worker, w->at.lane, w->pars);
        w->new_pars = false;
        for (size_t l = 0; l < lanes; l++)
            w->left[l] = w->at.lane[l].point == TAY__IDLE ? 0 : fabs(tay__distance(run, &w->at.lane[l], run->a.n_times - 1));
        tay__begin_step(run, w->worker, w->at.state, w->at.lane);
        uint32_t order = tay__make_jet(run, w->worker, &w->at, w->left, w->at.next < w->block->end, w->h);
        for (size_t l = 0; l < lanes; l++) {
            bool stuck = !(w->h[l] > 0) || w->at.lane[l].time.hi + w->h[l] == w->at.lane[l].time.hi;
            if (w->at.lane[l].point == TAY__IDLE || !(stuck || w->at.n_steps[l] >= run->flow->max_steps)) continue;
            give_up(w, l);
            failed = true;
        }
        if (failed) continue;
        cover(w);
        for (size_t l = 0; l < lanes; l++)
            w->tau[l] = w->at.lane[l].point == TAY__IDLE || w->at.lane[l].ends ? 0 : w->at.lane[l].h;
        tay__exec_lane_polynomial(exec, w->at.state, w->worker->workspace->jet, dim, order, w->tau, 1);
        tay__exec_lane_norms(exec, w->h, w->at.state, dim);
        for (size_t l = 0; l < lanes; l++) {
            if (w->at.lane[l].point == TAY__IDLE || !isnan(w->h[l])) continue;
            give_up(w, l);
            failed = true;
        }
        if (!failed) return order;
        memcpy(w->at.state, w->worker->workspace->jet, dim * lanes * sizeof(double));
    }
}

/* To the end of the step. */
static void advance(walk *w)
{
    for (size_t l = 0; l < w->at.lanes; l++) {
        tay__lane_step *lane = &w->at.lane[l];
        if (lane->point == TAY__IDLE) continue;
        lane->time = tay__time_add(lane->time, lane->h);
        lane->first_time = lane->end_time;
        lane->begins = false;
        w->at.n_steps[l]++;
        if (lane->ends) lane->point = TAY__IDLE;
    }
}

/* At most so many steps. */
static tay_status walk_on(walk *w, size_t n_steps)
{
    tay_status status = TAY_OK;

    while (n_steps > 0 && assign(w)) {
        TAY_TRY(tay__tape_begin_step(w->run, w->block, w->worker, &w->at));
        uint32_t order = try_step(w);
        if (order == 0) continue;
        if (w->run->ys) write_outputs(w, order);
        tay__tape_end_step(w->run, w->block, w->worker, order, w->at.lane);
        advance(w);
        n_steps--;
        TAY_TRY(tay__go_on(w->run, w->worker));
    }
out:
    return status;
}

static tay_status walk_block(tay_tape *run, tay__block *block, tay__worker *worker, const tay__mark *from)
{
    tay_status status = TAY_OK;
    size_t lanes = block->lanes->lanes, dim = run->flow->dim;
    walk w = {.run = run, .block = block, .worker = worker, .new_pars = true};
    double *numbers = NULL;

    TAY_TRY(tay__walk_create(&w.at, run->flow, lanes));
    size_t n_rounds = tay__rounds_at_once(dim, lanes) * lanes;
    size_t n_pars = tay__count_lane_pars(run->flow, block->lanes);
    TAY_TRY(tay__alloc(&numbers, 2 * lanes + n_rounds * (1 + dim) + dim + n_pars, sizeof *numbers));
    w.left = numbers;
    w.h = w.left + lanes;
    w.tau = w.h + lanes;
    w.out = w.tau + n_rounds;
    w.no_row = w.out + n_rounds * dim;
    w.pars = w.no_row + dim;
    if (from) tay__walk_copy(&w.at, &from->at, run->flow);
    else tay__walk_begin(&w.at, run->flow, block);
    TAY_TRY(walk_on(&w, from ? from->n_steps : SIZE_MAX));
out:
    worker->workspace->jet = worker->jet;
    tay__walk_free(&w.at);
    tay__free(numbers);
    return status;
}

tay_status tay__run_block(tay_tape *run, tay__block *block, tay__worker *worker)
{
    return walk_block(run, block, worker, NULL);
}

tay_status tay__run_again(tay_tape *run, tay__block *block, tay__worker *worker, const tay__mark *mark)
{
    tay__tape_clear(run, block);
    return walk_block(run, block, worker, mark);
}

/* The tape outlives the caller's arrays. */
static tay_status copy_arguments(tay_tape *run)
{
    tay_status status = TAY_OK;
    tay_flow_arguments *a = &run->a;
    size_t n_pars = tay__count_pars(run->flow, a), n_times = tay__count_times(a);

    size_t n_x0 = run->flow->dim * a->n_points;
    TAY_TRY(tay__alloc(&run->copies, n_times + n_pars + n_x0, sizeof *run->copies));
    double *to = run->copies;
    if (a->times) memcpy(to, a->times, n_times * sizeof *to);
    if (n_pars && a->pars) memcpy(to + n_times, a->pars, n_pars * sizeof *to);
    if (a->x0) memcpy(to + n_times + n_pars, a->x0, n_x0 * sizeof *to);
    a->times = to;
    a->pars = to + n_times;
    a->x0 = to + n_times + n_pars;
out:
    return status;
}

tay_flow_result tay__sum_results(const tay_tape *run)
{
    tay_flow_result r = {0};

    for (size_t i = 0; i < run->n_blocks; i++) {
        const tay__block *block = &run->blocks[i];
        const tay_flow_result *b = &block->result;
        r.n_steps += b->n_steps;
        r.n_recomputed += b->n_recomputed;
        r.tape_bytes += block->step_bytes + block->held_bytes[TAY__JET] + block->held_bytes[TAY__SAVED] + block->mark_bytes;
        if (b->n_failed && r.n_failed == 0) {
            r.first_failed = b->first_failed;
            r.failed_time = b->failed_time;
        }
        r.n_failed += b->n_failed;
    }
    return r;
}

tay_status tay__flow_run(double *ys, double *slopes, tay_tape **tape, tay_flow_result *result, const tay_flow *flow,
                         const tay_flow_arguments *arguments)
{
    tay_status status = TAY_OK;
    tay_tape *run = NULL;

    TAY_TRY(tay__calloc(&run, 1, sizeof *run));
    run->flow = (tay_flow *)flow; /* its list of programs and idle memory is all that changes, under a lock */
    atomic_fetch_add(&run->flow->refs, 1);
    run->a = *arguments;
    run->taped = tape != NULL;
    run->ys = ys;
    run->slopes = slopes;
    TAY_TRY(tay__cut_blocks(run));
    TAY_TRY(tay__alloc(&run->reached, run->a.n_points, sizeof *run->reached));
    for (size_t m = 0; m < run->a.n_points; m++) run->reached[m] = INFINITY;
    run->serial = atomic_fetch_add(&run->flow->n_runs, 1) + 1;
    run->progress = run->a.progress;
    run->context = run->a.context;
    TAY_TRY(tay__each_block(run, tay__run_block));
    for (size_t i = 0; i < run->n_blocks; i++)
        atomic_fetch_add(&run->blocks[i].lanes->n_steps, run->blocks[i].result.n_steps);
    if (result) *result = tay__sum_results(run);
    run->ys = run->slopes = NULL;
    if (!tape) goto out;
    TAY_TRY(copy_arguments(run));
    *tape = run;
    run = NULL;
out:
    tay_tape_free(run);
    return status;
}

tay_status tay_flow_run(double *ys, tay_tape **tape, tay_flow_result *result, const tay_flow *flow,
                        const tay_flow_arguments *arguments)
{
    tay_status status = tay__check_arguments(flow, ys, arguments);
    return status == TAY_OK ? tay__flow_run(ys, NULL, tape, result, flow, arguments) : status;
}

void tay_tape_free(tay_tape *tape)
{
    if (!tape) return;
    for (size_t i = 0; tape->blocks && i < tape->n_blocks; i++) {
        tay__tape_free_block(tape, &tape->blocks[i]);
    }
    tay__free(tape->blocks);
    tay__free(tape->reached);
    tay__free(tape->copies);
    tay__free(tape->block_bars);
    tay_flow_free(tape->flow);
    tay__free(tape);
}
