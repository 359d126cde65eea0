/*
 * The forward run: arguments, blocks, the steps of a block and what they leave on the tape.
 */
#include <math.h>

#include "flow/flow.h"

/* Bytes of jets that a run keeps: what stays in the last level of a cache is faster to keep than to compute again. */
enum { KEEP_BYTES = 8 << 20, MOST_BLOCKS = 64 };

/* A block under way. */
typedef struct walk {
    tay_tape *run;
    tay__block *block;
    tay__worker *worker;
    size_t next;          /* trajectory */
    tay__lane_step *lane; /* [lanes] */
    size_t *n_steps;      /* [lanes] of their trajectories */
    double *state, *left, *rho, *h, *pars, *tau, *out;
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
    tay__lane_step *lane = &w->lane[l];
    tay_flow_result *r = &w->block->result;

    for (size_t j = lane->first_time; j < w->run->a.n_times; j++)
        for (size_t i = 0; i < w->run->flow->dim; i++) row_of(w->run, j, lane->point)[i] = NAN;
    if (r->n_failed++ == 0 || lane->point < r->first_failed) {
        r->first_failed = lane->point;
        r->failed_time = lane->time.hi;
    }
    w->run->reached[lane->point] = lane->time.hi;
    lane->point = TAY__IDLE;
}

/* Gives idle lanes the next trajectories; false if none is left in any lane. */
static bool assign(walk *w)
{
    const tay_tape *run = w->run;
    size_t lanes = run->lanes->lanes, dim = run->flow->dim;
    bool busy = false;

    for (size_t l = 0; l < lanes; l++) {
        tay__lane_step *lane = &w->lane[l];
        while (lane->point == TAY__IDLE && w->next < w->block->end) {
            size_t point = w->next++;
            memcpy(row_of(run, 0, point), x0_of(run, point), dim * sizeof(double));
            if (run->a.n_times == 1) continue;
            *lane = (tay__lane_step){.point = point, .first_time = 1, .begins = true};
            lane->time.hi = tay__time_of(&run->a, point, 0);
            for (size_t i = 0; i < dim; i++) w->state[i * lanes + l] = x0_of(run, point)[i];
            w->n_steps[l] = 0;
            w->rho[l] = 0;
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

    for (size_t l = 0; l < run->lanes->lanes; l++) {
        tay__lane_step *lane = &w->lane[l];
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
    const tay_tape *run = w->run;
    size_t lanes = run->lanes->lanes;

    for (size_t k = 0; k < n_rounds; k++) {
        for (size_t l = 0; l < lanes; l++) {
            const tay__lane_step *lane = &w->lane[l];
            size_t j = lane->first_time + done + k;
            if (!tay__covers(lane, j)) continue;
            double *row = to + (j * run->a.n_points + lane->point) * n;
            for (size_t i = 0; i < n; i++) row[i] = w->out[(k * n + i) * lanes + l];
        }
    }
}

/* The states at the outputs, and their derivatives if wanted. */
static void write_outputs(walk *w, uint32_t order)
{
    const tay_tape *run = w->run;
    const tay__exec *exec = run->lanes->exec;
    const double *jet = w->worker->workspace->jet;
    size_t dim = run->flow->dim, n_normed = run->flow->n_normed;

    for (size_t done = 0, n; (n = tay__next_rounds(w->tau, run, w->lane, done)) > 0; done += n) {
        tay__exec_lane_polynomial(exec, w->out, jet, dim, order, w->tau, n);
        write_rows(w, run->ys, dim, done, n);
        if (!run->slopes) continue;
        tay__exec_lane_derivative(exec, w->out, jet, n_normed, order, w->tau, n);
        write_rows(w, run->slopes, n_normed, done, n);
    }
}

/* Appends the step to the tape: its state, which is still the workspace's, and its jet if there is room. */
static tay_status record(walk *w, uint32_t order)
{
    tay_status status = TAY_OK;
    tay_tape *run = w->run;
    tay__block *block = w->block;
    size_t lanes = run->lanes->lanes, size = run->flow->dim * lanes, jet_size = (order + 1) * w->worker->workspace->plane;
    size_t bytes = sizeof(tay__block_step) + size * sizeof(double) + lanes * sizeof(tay__lane_step);
    tay__block_step step = {.order = order};

    for (size_t l = 0; l < lanes; l++) block->result.n_steps += w->lane[l].point != TAY__IDLE;
    if (!run->taped) goto out;
    if (block->bytes + bytes > run->limit_bytes)
        TAY_FAIL(TAY_ERROR_LIMIT, "memory_limit: the steps need more than the %zu bytes allowed for %zu trajectories",
                 run->limit_bytes, block->end - block->begin);
    block->bytes += bytes;
    TAY_TRY(tay__alloc_kept(&step.state, &block->kept, size, sizeof *step.state));
    TAY_TRY(tay__alloc_kept(&step.lane, &block->kept, lanes, sizeof *step.lane));
    memcpy(step.state, w->worker->workspace->jet, size * sizeof *step.state);
    memcpy(step.lane, w->lane, lanes * sizeof *step.lane);
    if (block->bytes + jet_size * sizeof(double) <= run->keep_bytes) {
        TAY_TRY(tay__alloc_kept(&step.jet, &block->kept, jet_size, sizeof *step.jet));
        memcpy(step.jet, w->worker->workspace->jet, jet_size * sizeof *step.jet);
        block->bytes += jet_size * sizeof(double);
    } else {
        for (size_t l = 0; l < lanes; l++) block->result.n_recomputed += w->lane[l].point != TAY__IDLE;
    }
    TAY_TRY(tay__array_push(&block->steps, &step));
out:
    return status;
}

/* A jet and steps that are finite in all busy lanes, with the states at their ends; lanes where they are not give up. The
 * order, or 0 if no lane is left. */
static uint32_t try_step(walk *w)
{
    const tay_tape *run = w->run;
    size_t lanes = run->lanes->lanes, dim = run->flow->dim;

    for (;;) {
        bool busy = false, failed = false;
        for (size_t l = 0; l < lanes; l++) busy = busy || w->lane[l].point != TAY__IDLE;
        if (!busy) return 0;
        if (w->new_pars) tay__set_pars(run, w->worker, w->lane, w->pars);
        w->new_pars = false;
        for (size_t l = 0; l < lanes; l++)
            w->left[l] = w->lane[l].point == TAY__IDLE ? 0 : fabs(tay__distance(run, &w->lane[l], run->a.n_times - 1));
        tay__begin_step(run, w->worker, w->state, w->lane);
        uint32_t order = tay__make_jet(run, w->worker, w->lane, w->left, w->rho, w->h);
        for (size_t l = 0; l < lanes; l++) {
            bool stuck = !(w->h[l] > 0) || w->lane[l].time.hi + w->h[l] == w->lane[l].time.hi;
            if (w->lane[l].point == TAY__IDLE || !(stuck || w->n_steps[l] >= run->flow->max_steps)) continue;
            give_up(w, l);
            failed = true;
        }
        if (failed) continue;
        cover(w);
        for (size_t l = 0; l < lanes; l++)
            w->tau[l] = w->lane[l].point == TAY__IDLE || w->lane[l].ends ? 0 : w->lane[l].h;
        tay__exec_lane_polynomial(run->lanes->exec, w->state, w->worker->workspace->jet, dim, order, w->tau, 1);
        tay__exec_lane_norms(run->lanes->exec, w->h, w->state, dim);
        for (size_t l = 0; l < lanes; l++) {
            if (w->lane[l].point == TAY__IDLE || !isnan(w->h[l])) continue;
            give_up(w, l);
            failed = true;
        }
        if (!failed) return order;
        memcpy(w->state, w->worker->workspace->jet, dim * lanes * sizeof(double));
    }
}

static tay_status walk_block(walk *w)
{
    tay_status status = TAY_OK;

    while (assign(w)) {
        uint32_t order = try_step(w);
        if (order == 0) continue;
        write_outputs(w, order);
        TAY_TRY(record(w, order));
        for (size_t l = 0; l < w->run->lanes->lanes; l++) {
            tay__lane_step *lane = &w->lane[l];
            if (lane->point == TAY__IDLE) continue;
            lane->time = tay__time_add(lane->time, lane->h);
            lane->first_time = lane->end_time;
            lane->begins = false;
            w->n_steps[l]++;
            if (lane->ends) lane->point = TAY__IDLE;
        }
    }
out:
    return status;
}

tay_status tay__run_block(tay_tape *run, tay__block *block, tay__worker *worker)
{
    tay_status status = TAY_OK;
    size_t lanes = run->lanes->lanes, dim = run->flow->dim;
    walk w = {.run = run, .block = block, .worker = worker, .next = block->begin, .new_pars = true};
    double *numbers = NULL;

    TAY_TRY(tay__calloc(&w.lane, lanes, sizeof *w.lane));
    TAY_TRY(tay__calloc(&w.n_steps, lanes, sizeof *w.n_steps));
    TAY_TRY(tay__calloc(&numbers, lanes * (3 + dim + run->flow->n_pars + TAY__ROUNDS_AT_ONCE * (1 + dim)), sizeof *numbers));
    w.left = numbers;
    w.rho = w.left + lanes;
    w.h = w.rho + lanes;
    w.state = w.h + lanes;
    w.tau = w.state + dim * lanes;
    w.out = w.tau + TAY__ROUNDS_AT_ONCE * lanes;
    w.pars = w.out + TAY__ROUNDS_AT_ONCE * dim * lanes;
    for (size_t l = 0; l < lanes; l++) w.lane[l].point = TAY__IDLE;
    TAY_TRY(walk_block(&w));
out:
    tay__free(w.lane);
    tay__free(w.n_steps);
    tay__free(numbers);
    return status;
}

/* Blocks and lanes follow from the number of trajectories alone. */
static tay_status cut(tay_tape *run)
{
    tay_status status = TAY_OK;
    size_t width = tay__exec_width(), n = run->a.n_points, lanes = (n + width - 1) / width * width, block;

    if (lanes > 6 * width || lanes > TAY__MOST_LANES) lanes = 2 * width;
    if (lanes == 0) lanes = width;
    block = n <= lanes ? lanes : 3 * lanes;
    if ((n + block - 1) / block > MOST_BLOCKS) block = (n + MOST_BLOCKS - 1) / MOST_BLOCKS;
    run->n_blocks = (n + block - 1) / block;
    TAY_TRY(tay__flow_lanes(&run->lanes, run->flow, (uint32_t)lanes, !run->a.shared_pars && run->flow->n_pars > 0));
    TAY_TRY(tay__calloc(&run->blocks, run->n_blocks, sizeof *run->blocks));
    for (size_t i = 0; i < run->n_blocks; i++) {
        run->blocks[i] = (tay__block){.begin = i * block, .end = i + 1 < run->n_blocks ? (i + 1) * block : n,
                                      .steps = TAY__ARRAY(tay__block_step), .kept = TAY__ARRAY(void *)};
    }
    if (run->n_blocks == 0) goto out;
    size_t limit = run->flow->memory_limit;
    run->limit_bytes = limit / run->n_blocks;
    run->keep_bytes = (limit < KEEP_BYTES ? limit : KEEP_BYTES) / run->n_blocks;
    size_t least = sizeof(tay__block_step) + lanes * (run->flow->dim * sizeof(double) + sizeof(tay__lane_step));
    if (run->taped && run->limit_bytes < least)
        TAY_FAIL(TAY_ERROR_LIMIT, "memory_limit: a step needs %zu bytes on the tape, allowed are %zu (for each of %zu blocks)",
                 least, run->limit_bytes, run->n_blocks);
out:
    return status;
}

/* The tape outlives the caller's arrays; the way back does not read the initial states. */
static tay_status copy_arguments(tay_tape *run)
{
    tay_status status = TAY_OK;
    tay_flow_arguments *a = &run->a;
    size_t n_pars = tay__count_pars(run->flow, a), n_times = tay__count_times(a);

    TAY_TRY(tay__alloc(&run->copies, n_times + n_pars, sizeof *run->copies));
    double *to = run->copies;
    if (a->times) memcpy(to, a->times, n_times * sizeof *to);
    if (n_pars && a->pars) memcpy(to + n_times, a->pars, n_pars * sizeof *to);
    a->x0 = NULL;
    a->times = to;
    a->pars = to + n_times;
out:
    return status;
}

tay_flow_result tay__sum_results(const tay_tape *run)
{
    tay_flow_result r = {0};

    for (size_t i = 0; i < run->n_blocks; i++) {
        const tay_flow_result *b = &run->blocks[i].result;
        r.n_steps += b->n_steps;
        r.n_recomputed += b->n_recomputed;
        r.tape_bytes += run->blocks[i].bytes;
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
    TAY_TRY(cut(run));
    TAY_TRY(tay__alloc(&run->reached, run->a.n_points, sizeof *run->reached));
    for (size_t m = 0; m < run->a.n_points; m++) run->reached[m] = INFINITY;
    TAY_TRY(tay__each_block(run, tay__run_block, run->a.progress, run->a.context));
    if (result) *result = tay__sum_results(run);
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
        tay__array_free(&tape->blocks[i].steps);
        tay__free_kept(&tape->blocks[i].kept);
    }
    tay__free(tape->blocks);
    tay__free(tape->reached);
    tay__free(tape->copies);
    tay__free(tape->block_bars);
    tay_flow_free(tape->flow);
    tay__free(tape);
}
