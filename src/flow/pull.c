/*
 * The way back over the tape. The cotangent of a coefficient x_n of a step is the sum of those of the outputs in the step, and of
 * the state at its end, times their distances to the power n; the reverse run takes it to the step's state and the parameters.
 * Steps count as constants, and all of them shift with the initial time.
 */
#include <math.h>

#include "flow/flow.h"

/* A block on its way back. */
typedef struct way {
    tay_tape *run;
    tay__worker *worker;
    double *lambda;               /* [dim][lanes] cotangent of the state at the step's end */
    double *pars, *pars_bar;      /* [n_pars][lanes], for parameters of each trajectory */
    double *tau, *y_bar, *slope;  /* [rounds][...] */
    double *zeros;                /* [dim] */
    double *block_times;          /* sums of shared times, or NULL */
} way;

/* Where the cotangent of output time j goes, if wanted. */
static double *time_bar(const way *w, size_t point, size_t j)
{
    return w->block_times ? w->block_times + j : w->run->bars->times + point * w->run->a.n_times + j;
}

/* The cotangents of n rounds of outputs from `done` on, 0 where a lane has none. */
static void gather(const way *w, const tay__block_step *step, size_t done, size_t n)
{
    const tay_tape *run = w->run;
    const tay__lanes *lanes = w->worker->lanes;
    size_t dim = run->flow->dim;
    tay__rows rows[TAY__MOST_ROUNDS];

    tay__rows_of_rounds(rows, run, lanes->lanes, step->lane, done, n, (double *)run->ys_bar, dim, w->zeros);
    for (size_t k = 0; k < n; k++)
        tay__exec_rows_to_lanes(lanes->exec, w->y_bar + k * dim * lanes->lanes, rows[k], dim);
}

/* d y_j / d t_j = x'(t_j), and the opposite for the initial time. */
static void pull_times(const way *w, const tay__block_step *step, size_t done, size_t n)
{
    const tay_tape *run = w->run;
    size_t lanes = w->worker->lanes->lanes, dim = run->flow->dim;

    tay__exec_lane_derivative(w->worker->lanes->exec, w->slope, w->worker->workspace->jet, dim, step->order, w->tau, n);
    for (size_t k = 0; k < n; k++) {
        for (size_t l = 0; l < lanes; l++) {
            const tay__lane_step *lane = &step->lane[l];
            size_t j = lane->first_time + done + k;
            double sum = 0;
            if (!tay__covers(lane, j)) continue;
            for (size_t i = 0; i < dim; i++) {
                size_t e = (k * dim + i) * lanes + l;
                sum += w->y_bar[e] * w->slope[e];
            }
            *time_bar(w, lane->point, j) += sum;
            *time_bar(w, lane->point, 0) -= sum;
        }
    }
}

/* The cotangents of the step's coefficients from outside. */
static void collect(const way *w, const tay__block_step *step)
{
    const tay_tape *run = w->run;
    const tay__exec *exec = w->worker->lanes->exec;
    size_t lanes = w->worker->lanes->lanes, dim = run->flow->dim;

    tay__cotangents_clear(exec, w->worker->bars, step->order);
    for (size_t done = 0, n; (n = tay__next_rounds(w->tau, run, lanes, step->lane, done)) > 0; done += n) {
        gather(w, step, done, n);
        tay__exec_lane_polynomial_adjoint(exec, w->worker->bars->jet, w->y_bar, dim, step->order, w->tau, n);
        if (run->bars->times) pull_times(w, step, done, n);
    }
    for (size_t l = 0; l < lanes; l++) {
        bool goes_on = step->lane[l].point != TAY__IDLE && !step->lane[l].ends;
        w->tau[l] = goes_on ? step->lane[l].h : 0;
        for (size_t i = 0; i < dim && !goes_on; i++) w->lambda[i * lanes + l] = 0;
    }
    tay__exec_lane_polynomial_adjoint(exec, w->worker->bars->jet, w->lambda, dim, step->order, w->tau, 1);
}

/* After a step at which a lane began, what its parameters gathered is theirs. */
static void flush(const way *w, const tay__lane_step *lane)
{
    const tay_tape *run = w->run;
    size_t lanes = w->worker->lanes->lanes, n = run->flow->n_pars;
    bool begins = false;

    for (size_t l = 0; l < lanes; l++) begins = begins || (lane[l].point != TAY__IDLE && lane[l].begins);
    if (!begins) return;
    tay__exec_reverse_parameters(w->worker->lanes->exec, w->worker->workspace, w->worker->bars, w->pars_bar);
    for (size_t l = 0; l < lanes; l++) {
        if (lane[l].point == TAY__IDLE || !lane[l].begins) continue;
        for (size_t i = 0; i < n; i++) {
            run->bars->pars[lane[l].point * n + i] = w->pars_bar[i * lanes + l];
            w->pars_bar[i * lanes + l] = 0;
        }
    }
}

static void pull_step(const way *w, const tay__block_step *step, bool new_pars)
{
    const tay_tape *run = w->run;
    const tay__exec *exec = w->worker->lanes->exec;
    size_t lanes = w->worker->lanes->lanes, dim = run->flow->dim;
    int32_t time = tay__exec_program(exec)->time_slot;
    tay__worker *worker = w->worker;

    if (new_pars) tay__set_pars(run, worker, step->lane, w->pars);
    worker->workspace->jet = step->jet ? step->jet : worker->jet;
    if (step->saved) {
        tay__exec_restore(exec, worker->workspace, step->saved, step->order);
    } else if (!step->jet) {
        tay__begin_step(run, worker, step->state, step->lane);
        worker->workspace->mixed = step->mixed;
        tay__exec_extend(exec, worker->workspace, 0, step->order);
    }
    collect(w, step);
    tay__exec_reverse(exec, worker->workspace, worker->bars, step->order, run->bars->pars != NULL);
    memcpy(w->lambda, worker->bars->jet, dim * lanes * sizeof(double));
    for (size_t l = 0; l < lanes; l++) {
        const tay__lane_step *lane = &step->lane[l];
        if (lane->point == TAY__IDLE) continue;
        if (run->bars->times && time >= 0)
            *time_bar(w, lane->point, 0) += worker->bars->jet[(size_t)time * lanes + l];
        for (size_t i = 0; i < dim && lane->begins; i++) {
            if (run->bars->x0) run->bars->x0[lane->point * dim + i] += w->lambda[i * lanes + l];
            w->lambda[i * lanes + l] = 0; /* the lane's trajectory before may have failed: its last step does not end it */
        }
    }
    if (w->worker->lanes->lane_pars && run->bars->pars) flush(w, step->lane);
}

/* Whether some lane has another trajectory than at the step behind. */
static bool changes(size_t lanes, const tay__block_step *step, const tay__lane_step *behind)
{
    for (size_t l = 0; l < lanes; l++)
        if (step->lane[l].point != behind[l].point) return true;
    return false;
}

/* The steps that the block has. behind: the lanes of the step pulled last; receives those of the first one. */
static tay_status pull_steps(const way *w, const tay__block *block, tay__lane_step *behind, bool new_pars)
{
    tay_status status = TAY_OK;
    const tay__lanes *lanes = block->lanes;

    for (const tay__block_step *step = block->last; step; step = step->before) {
        pull_step(w, step, new_pars || (lanes->lane_pars && changes(lanes->lanes, step, behind)));
        memcpy(behind, step->lane, lanes->lanes * sizeof *behind);
        new_pars = false;
        TAY_TRY(tay__go_on(w->run, w->worker));
    }
out:
    return status;
}

tay_status tay__pull_block(tay_tape *run, tay__block *block, tay__worker *worker)
{
    tay_status status = TAY_OK;
    size_t lanes = block->lanes->lanes, dim = run->flow->dim;
    size_t n_lane_pars = tay__count_lane_pars(run->flow, block->lanes), n_zeros = dim * lanes + dim + n_lane_pars;
    const tay__mark *marks = block->marks.data;
    way w = {.run = run, .worker = worker};
    double *numbers = NULL;
    tay__lane_step *behind = NULL;

    TAY_TRY(tay__calloc(&behind, lanes, sizeof *behind));
    size_t n_rounds = tay__rounds_at_once(dim, lanes) * lanes;
    TAY_TRY(tay__alloc(&numbers, n_zeros + n_lane_pars + n_rounds * (1 + 2 * dim), sizeof *numbers));
    memset(numbers, 0, n_zeros * sizeof *numbers);
    w.lambda = numbers;
    w.zeros = w.lambda + dim * lanes;
    w.pars_bar = w.zeros + dim;
    w.pars = w.pars_bar + n_lane_pars;
    w.tau = w.pars + n_lane_pars;
    w.y_bar = w.tau + n_rounds;
    w.slope = w.y_bar + n_rounds * dim;
    double *sums = run->bars->pars, *times = run->bars->times;
    if (run->most_threads > 1) { /* else blocks come in their order, and need no sums of their own */
        sums = run->block_bars + (size_t)(block - run->blocks) * run->n_block_bars;
        times = sums + (run->a.shared_pars ? run->flow->n_pars : 0);
    }
    if (run->bars->times && run->a.shared_times) w.block_times = times;
    TAY_TRY(pull_steps(&w, block, behind, true));
    for (size_t i = block->marks.count; i-- > 1;) {
        TAY_TRY(tay__run_again(run, block, worker, &marks[i - 1]));
        TAY_TRY(pull_steps(&w, block, behind, true));
    }
out:
    /* What a pull that was stopped has gathered is lost, but must not stay for the next one. */
    if (numbers && run->bars->pars && block->result.n_steps > 0 && (run->a.shared_pars || status != TAY_OK))
        tay__exec_reverse_parameters(block->lanes->exec, worker->workspace, worker->bars, run->a.shared_pars ? sums : w.pars_bar);
    worker->workspace->jet = worker->jet;
    tay__free(behind);
    tay__free(numbers);
    return status;
}

/* A cotangent of a state that a trajectory did not reach cannot be pulled. */
static tay_status check_reached(const tay_tape *tape, const double *ys_bar)
{
    const tay_flow_arguments *a = &tape->a;

    for (size_t m = 0; m < a->n_points; m++) {
        if (tape->reached[m] == INFINITY) continue;
        double sign = tay__time_of(a, m, a->n_times - 1) > tay__time_of(a, m, 0) ? 1 : -1;
        for (size_t j = 1; j < a->n_times; j++) {
            if (sign * tay__time_of(a, m, j) <= sign * tape->reached[m]) continue;
            for (size_t i = 0; i < tape->flow->dim; i++)
                if (ys_bar[(j * a->n_points + m) * tape->flow->dim + i] != 0)
                    return tay__error(TAY_ERROR_STATE,
                                      "trajectory %zu ended at time %.17g: the cotangent of its state at time %.17g is not zero",
                                      m, tape->reached[m], tay__time_of(a, m, j));
        }
    }
    return TAY_OK;
}

/* Cotangents begin as what the initial states, which are outputs, have of themselves, and zero. */
static void begin(const tay_tape *tape, const tay_flow_cotangents *out)
{
    const tay_flow_arguments *a = &tape->a;
    size_t n_pars = tape->flow->n_pars;

    if (out->x0 && a->n_points) memcpy(out->x0, tape->ys_bar, a->n_points * tape->flow->dim * sizeof *out->x0);
    if (out->times) memset(out->times, 0, a->n_times * (a->shared_times ? 1 : a->n_points) * sizeof *out->times);
    if (out->pars) memset(out->pars, 0, n_pars * (a->shared_pars ? 1 : a->n_points) * sizeof *out->pars);
}

static void add_blocks(const tay_tape *tape, const tay_flow_cotangents *out)
{
    size_t n_pars = tape->a.shared_pars ? tape->flow->n_pars : 0;

    for (size_t b = 0; b < tape->n_blocks; b++) {
        const double *sums = tape->block_bars + b * tape->n_block_bars;
        for (size_t i = 0; i < n_pars && out->pars; i++) out->pars[i] += sums[i];
        for (size_t j = 0; j < tape->a.n_times && out->times && tape->a.shared_times; j++) out->times[j] += sums[n_pars + j];
    }
}

tay_status tay_tape_pull(const tay_flow_cotangents *out, tay_tape *tape, const double *ys_bar, tay_flow_result *result)
{
    tay_status status = TAY_OK;
    size_t n;

    TAY_TRY(tay__check_pointer(tape, "tape"));
    if (!out || out->size != sizeof *out)
        TAY_FAIL(TAY_ERROR_ARGUMENT, "out->size: expected %zu, got %u", sizeof *out, out ? out->size : 0);
    if (!ys_bar && tape->a.n_points > 0) TAY_FAIL(TAY_ERROR_ARGUMENT, "ys_bar: expected an array, got NULL");
    if (tape->used) TAY_FAIL(TAY_ERROR_STATE, "tape: it has been pulled already; run the flow again");
    TAY_TRY(check_reached(tape, ys_bar));
    tape->n_block_bars = (tape->a.shared_pars ? tape->flow->n_pars : 0) + (tape->a.shared_times ? tape->a.n_times : 0);
    if (tape->most_threads > 1) {
        TAY_TRY(tay__multiply(&n, tape->n_blocks, tape->n_block_bars));
        TAY_TRY(tay__calloc(&tape->block_bars, n, sizeof *tape->block_bars));
    }
    tape->used = true;
    tape->ys_bar = ys_bar;
    tape->bars = out;
    begin(tape, out);
    tape->progress = out->progress;
    tape->context = out->context;
    TAY_TRY(tay__each_block(tape, tay__pull_block));
    if (tape->most_threads > 1) add_blocks(tape, out);
    if (result) *result = tay__sum_results(tape);
out:
    return status;
}
