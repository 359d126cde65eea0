/*
 * What a block leaves for the way back: its steps, with what that reads of their jets as long as it stays in the cache, and
 * marks.
 *
 * Half of a block's memory is for steps, a quarter for what is saved of their jets, a quarter for marks. When the steps' is full
 * they go, and a mark remains from which they can be done again; so n steps need memory for about sqrt(n) steps and marks, and
 * one more run.
 */
#include "flow/flow.h"

/* Memory for steps comes in chunks, each as large as all before, of at least and at most so many bytes: fresh memory is slow. */
enum { ALIGNMENT = 16, LEAST_CHUNK = 1 << 13, MOST_CHUNK = 1 << 18 };
/* A run of so many steps is long; whole jets of so many bytes stay in the second-level cache. */
enum { LONG_RUN = 8, CACHED_BYTES = 3 << 19 };

static size_t round_up(size_t bytes)
{
    return (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
}

/* Of a step without its jet: itself, state, lanes. */
static size_t step_size(const tay_tape *run, const tay__block *block)
{
    size_t lanes = block->lanes->lanes;
    return round_up(sizeof(tay__block_step)) + round_up(run->flow->dim * lanes * sizeof(double)) +
           round_up(lanes * sizeof(tay__lane_step));
}

static size_t walk_size(const tay_flow *flow, size_t lanes)
{
    return lanes * (sizeof(tay__lane_step) + sizeof(size_t) + (flow->dim + flow->n_normed + 2) * sizeof(double));
}

size_t tay__tape_least(const tay_tape *run, const tay__block *block)
{
    size_t step = step_size(run, block), mark = walk_size(run->flow, block->lanes->lanes) + sizeof(tay__mark);
    size_t marks = 4 * mark; /* an array grows by doubling */
    return 2 * step > 4 * marks ? 2 * step : 4 * marks;
}

tay_status tay__walk_create(tay__walk *out, const tay_flow *flow, size_t lanes)
{
    tay_status status = TAY_OK;
    char *bytes;

    TAY_TRY(tay__alloc(&bytes, walk_size(flow, lanes), 1));
    out->lanes = lanes;
    out->lane = (tay__lane_step *)bytes;
    out->n_steps = (size_t *)(out->lane + lanes);
    out->state = (double *)(out->n_steps + lanes);
    out->rho = out->state + flow->dim * lanes;
    out->direction = out->rho + lanes;
    out->rate = out->direction + flow->n_normed * lanes;
out:
    return status;
}

void tay__walk_free(tay__walk *walk)
{
    tay__free(walk->lane);
}

void tay__walk_begin(tay__walk *walk, const tay_flow *flow, const tay__block *block)
{
    memset(walk->lane, 0, walk_size(flow, walk->lanes));
    for (size_t l = 0; l < walk->lanes; l++) walk->lane[l].point = TAY__IDLE;
    walk->next = block->begin;
    walk->n_expected = 0;
    walk->n_blind = 0;
    walk->is_mean = false;
}

void tay__walk_copy(tay__walk *to, const tay__walk *from, const tay_flow *flow)
{
    memcpy(to->lane, from->lane, walk_size(flow, from->lanes));
    to->next = from->next;
    to->n_expected = from->n_expected;
    to->n_blind = from->n_blind;
    to->is_mean = from->is_mean;
}

void tay__tape_clear(tay_tape *run, tay__block *block)
{
    tay__lanes *lanes = block->lanes;

    pthread_mutex_lock(&run->flow->lock);
    for (int kind = 0; kind < 2; kind++) {
        double *const *held = block->held[kind].data;
        for (size_t i = 0; i < block->held[kind].count; i++)
            if (tay__array_push(&lanes->spare[kind], &held[i]) != TAY_OK) tay__free_aligned(held[i]);
        block->held[kind].count = block->held_bytes[kind] = 0;
    }
    pthread_mutex_unlock(&run->flow->lock);
    tay__free_kept(&block->memory);
    block->memory = TAY__ARRAY(void *);
    block->last = NULL;
    block->n_steps = block->n_kept = block->room = block->step_bytes = 0;
}

void tay__tape_free_block(tay_tape *run, tay__block *block)
{
    tay__mark *marks = block->marks.data;

    tay__tape_clear(run, block);
    for (int kind = 0; kind < 2; kind++) tay__array_free(&block->held[kind]);
    for (size_t i = 0; i < block->marks.count; i++) tay__walk_free(&marks[i].at);
    tay__array_free(&block->marks);
}

static tay_status push_mark(tay_tape *run, tay__block *block, const tay__walk *at)
{
    tay_status status = TAY_OK;
    tay__mark mark = {0};
    size_t bytes = walk_size(run->flow, block->lanes->lanes) + 2 * sizeof mark;

    if (block->mark_bytes + bytes > block->limit_bytes / 4)
        TAY_FAIL(TAY_ERROR_LIMIT, "memory_limit: the steps need more than the %zu bytes allowed for %zu trajectories",
                 block->limit_bytes, block->end - block->begin);
    TAY_TRY(tay__walk_create(&mark.at, run->flow, block->lanes->lanes));
    if (at) tay__walk_copy(&mark.at, at, run->flow);
    else tay__walk_begin(&mark.at, run->flow, block);
    TAY_TRY(tay__array_push(&block->marks, &mark));
    mark.at.lane = NULL;
    block->mark_bytes += bytes;
out:
    tay__walk_free(&mark.at);
    return status;
}

/* Lets the steps go, whose mark is the last one; the next ones begin `at`. */
static tay_status close_segment(tay_tape *run, tay__block *block, const tay__walk *at)
{
    tay_status status = TAY_OK;

    if (block->marks.count == 0) TAY_TRY(push_mark(run, block, NULL));
    TAY_TRY(push_mark(run, block, at));
    ((tay__mark *)block->marks.data)[block->marks.count - 2].n_steps = block->n_steps;
    block->result.n_recomputed += block->n_kept;
    tay__tape_clear(run, block);
out:
    return status;
}

/* Room for it at any order, if there is still so much; else *out stays NULL. */
static tay_status take_room(double **out, tay_tape *run, tay__block *block, const tay__worker *worker, tay__held kind)
{
    tay_status status = TAY_OK;
    tay__lanes *lanes = block->lanes;
    tay__array *spare = &lanes->spare[kind];
    uint32_t order = run->flow->max_order;
    size_t bytes = kind == TAY__JET ? tay__exec_jet_bytes(lanes->exec, worker->workspace, order)
                                    : tay__exec_saved_bytes(lanes->exec, order);
    double *room = NULL;

    if (block->held_bytes[kind] + bytes > block->most_held[kind]) goto out;
    TAY_TRY(tay__array_reserve(&block->held[kind], 1));
    pthread_mutex_lock(&run->flow->lock);
    if (spare->count > 0) room = ((double *const *)spare->data)[--spare->count];
    pthread_mutex_unlock(&run->flow->lock);
    if (!room && kind == TAY__JET) TAY_TRY(tay__exec_create_jet(&room, lanes->exec));
    if (!room) TAY_TRY(tay__calloc_aligned(&room, bytes, 1));
    TAY_TRY(tay__array_push(&block->held[kind], &room));
    *out = room;
out:
    return status;
}

/* Whether whole jets of a run's steps are more than the caches hold: of a network a quarter is saved, or a tenth. */
static bool is_long(const tay_tape *run, const tay__block *block, const tay__worker *worker, const tay__walk *at)
{
    size_t bytes = tay__exec_jet_bytes(block->lanes->exec, worker->workspace, run->flow->usual_order);
    return block->lanes->is_network && at->n_expected >= LONG_RUN && at->n_expected * (double)bytes > CACHED_BYTES;
}

/* The size of the next chunk, which holds a step at least, and may fill the half of the memory that is for steps. */
static size_t next_chunk(const tay_tape *run, const tay__block *block)
{
    size_t size = step_size(run, block), half = block->limit_bytes / 2, most = half / 4 < MOST_CHUNK ? half / 4 : MOST_CHUNK;
    size_t chunk = block->step_bytes < LEAST_CHUNK ? LEAST_CHUNK : block->step_bytes;
    size_t left = half > block->step_bytes ? half - block->step_bytes : 0;

    if (chunk > most) chunk = most;
    if (chunk > left && left >= size) chunk = left;
    return chunk < size ? size : chunk;
}

static tay_status make_room(tay_tape *run, tay__block *block, const tay__walk *at)
{
    tay_status status = TAY_OK;
    size_t chunk = next_chunk(run, block);
    char *bytes;

    if (block->room >= step_size(run, block)) goto out;
    if (block->step_bytes + chunk > block->limit_bytes / 2) {
        TAY_TRY(close_segment(run, block, at));
        chunk = next_chunk(run, block); /* as when these steps are done again */
    }
    TAY_TRY(tay__array_reserve(&block->memory, 1));
    TAY_TRY(tay__alloc(&bytes, chunk, 1));
    TAY_TRY(tay__array_push(&block->memory, &bytes));
    block->step_bytes += chunk;
    block->next = bytes;
    block->room = chunk;
out:
    return status;
}

tay_status tay__tape_begin_step(tay_tape *run, tay__block *block, tay__worker *worker, const tay__walk *at)
{
    tay_status status = TAY_OK;
    double *jet = NULL;

    worker->saved = NULL;
    worker->workspace->jet = worker->jet;
    if (!run->taped) goto out;
    TAY_TRY(make_room(run, block, at));
    if (!is_long(run, block, worker, at)) TAY_TRY(take_room(&jet, run, block, worker, TAY__JET));
    if (jet) worker->workspace->jet = jet;
    else TAY_TRY(take_room(&worker->saved, run, block, worker, TAY__SAVED));
out:
    return status;
}

void tay__tape_end_step(tay_tape *run, tay__block *block, tay__worker *worker, uint32_t order, const tay__lane_step *lane)
{
    size_t lanes = block->lanes->lanes, n_busy = 0, state = run->flow->dim * lanes * sizeof(double);
    double *jet = worker->workspace->jet;
    bool whole = jet != worker->jet;

    for (size_t l = 0; l < lanes; l++) n_busy += lane[l].point != TAY__IDLE;
    if (run->ys) block->result.n_steps += n_busy;
    if (!run->taped) return;
    char *bytes = block->next;
    tay__block_step *step = (tay__block_step *)bytes;
    *step = (tay__block_step){.before = block->last, .order = order, .mixed = worker->workspace->mixed, .jet = whole ? jet : NULL,
                               .saved = worker->saved};
    step->state = (double *)(bytes + round_up(sizeof *step));
    step->lane = (tay__lane_step *)(bytes + round_up(sizeof *step) + round_up(state));
    memcpy(step->state, jet, state);
    memcpy(step->lane, lane, lanes * sizeof *lane);
    block->last = step;
    block->n_steps++;
    block->next += step_size(run, block);
    block->room -= step_size(run, block);
    if (whole) block->held_bytes[TAY__JET] += tay__exec_jet_bytes(block->lanes->exec, worker->workspace, order);
    if (step->saved)
        block->held_bytes[TAY__SAVED] += tay__exec_save(block->lanes->exec, step->saved, worker->workspace, order);
    if (whole || step->saved) {
        block->n_kept += n_busy;
    } else if (run->ys) {
        block->result.n_recomputed += n_busy;
    }
}
