/*
 * The blocks of a run: how trajectories are cut into them, and the threads that do them. Each takes the next block that nobody
 * has. The calling thread works too, and alone reports progress: after its steps, and, when it has no more, from time to time
 * until the others have finished.
 */
#include "flow/flow.h"

/* Bytes that a run holds of jets, and of what is saved of others: what stays in the last level of a cache is faster to hold than
 * to compute again. */
enum { JET_BYTES = 4 << 20, SAVED_BYTES = 8 << 20, MOST_BLOCKS = 64 };

/* Trajectories of a block, and the lanes in which they go; of the last block there may be fewer. few: the work of all is so short
 * that one thread does it sooner. */
typedef struct pieces {
    size_t block, lanes;
    bool few;
} pieces;

/* They follow from the number of trajectories, and from the lanes that are wanted, alone. Of the long vectors of AVX-512 two are
 * faster than three, of others six than two. */
static pieces choose_pieces(size_t n, size_t wanted)
{
    size_t width = tay__exec_width(), most = wanted ? TAY__MOST_LANES : width < 8 ? 6 * width : 2 * width;
    pieces p = {.lanes = tay__exec_lanes_for(wanted && wanted < n ? wanted : n)};

    if (p.lanes > most) p.lanes = 2 * width;
    p.few = !wanted && n <= 6 * width;
    p.block = wanted || p.few ? p.lanes : 3 * p.lanes;
    if ((n + p.block - 1) / p.block > MOST_BLOCKS) p.block = (n + MOST_BLOCKS - 1) / MOST_BLOCKS;
    return p;
}

/* The bound programs of all blocks, that of the first one at last, which is then the flow's last one. */
static tay_status choose_lanes(tay_tape *run, size_t most)
{
    tay_status status = TAY_OK;
    bool lane_pars = !run->a.shared_pars && run->flow->n_pars > 0;

    for (size_t i = run->n_blocks; i-- > 0;) {
        tay__block *block = &run->blocks[i];
        size_t enough = tay__exec_lanes_for(block->end - block->begin);
        TAY_TRY(tay__flow_lanes(&block->lanes, run->flow, (uint32_t)(enough < most ? enough : most), lane_pars));
    }
out:
    return status;
}

static tay_status limit_memory(tay_tape *run)
{
    tay_status status = TAY_OK;
    size_t limit = run->flow->memory_limit, held[2] = {limit / 8 < JET_BYTES ? limit / 8 : JET_BYTES,
                                                       limit / 8 < SAVED_BYTES ? limit / 8 : SAVED_BYTES};
    size_t all = 0;

    for (size_t i = 0; i < run->n_blocks; i++) all += run->blocks[i].lanes->lanes;
    for (size_t i = 0; i < run->n_blocks; i++) {
        tay__block *block = &run->blocks[i];
        double share = (double)block->lanes->lanes / (double)all;
        block->limit_bytes = (size_t)(share * (double)limit);
        for (int kind = 0; kind < 2; kind++) block->most_held[kind] = (size_t)(share * (double)held[kind]);
        size_t least = tay__tape_least(run, block);
        if (!run->taped || block->limit_bytes >= least) continue;
        TAY_FAIL(TAY_ERROR_LIMIT, "memory_limit: each of %zu blocks of trajectories needs at least %zu bytes, allowed are %zu",
                 run->n_blocks, least, block->limit_bytes);
    }
out:
    return status;
}

tay_status tay__cut_blocks(tay_tape *run)
{
    tay_status status = TAY_OK;
    size_t n = run->a.n_points;

    if (n == 0) goto out;
    pieces p = choose_pieces(n, run->flow->n_lanes);
    run->n_blocks = (n + p.block - 1) / p.block;
    run->most_threads = p.few ? 1 : run->n_blocks;
    TAY_TRY(tay__calloc(&run->blocks, run->n_blocks, sizeof *run->blocks));
    for (size_t i = 0; i < run->n_blocks; i++) {
        run->blocks[i] = (tay__block){.begin = i * p.block, .end = i + 1 < run->n_blocks ? (i + 1) * p.block : n,
                                      .memory = TAY__ARRAY(void *), .marks = TAY__ARRAY(tay__mark),
                                      .held = {TAY__ARRAY(double *), TAY__ARRAY(double *)}};
    }
    TAY_TRY(choose_lanes(run, p.lanes));
    TAY_TRY(limit_memory(run));
out:
    return status;
}

typedef struct team {
    tay_tape *run;
    tay_status (*work)(tay_tape *, tay__block *, tay__worker *);
    _Atomic size_t next;
} team;

tay_status tay__go_on(tay_tape *run, const tay__worker *worker)
{
    if (worker->leads && run->progress && !run->progress(run->n_done, run->a.n_points, run->context)) run->stopped = true;
    if (!run->stopped) return TAY_OK;
    return tay__error(TAY_ERROR_STATE, "progress: stopped after %zu of %zu trajectories", (size_t)run->n_done, run->a.n_points);
}

static tay_status work(void *context, bool leads)
{
    team *t = context;
    tay_tape *run = t->run;
    tay__worker *worker = NULL;
    tay_status status = TAY_OK;

    for (size_t i; (i = atomic_fetch_add(&t->next, 1)) < run->n_blocks;) {
        tay__block *block = &run->blocks[i];
        if (!worker || worker->lanes != block->lanes) {
            tay__worker *before = worker;
            TAY_TRY(tay__flow_take(&worker, run->flow, block->lanes));
            if (before) tay__copy_pars(worker, before);
            if (before) tay__flow_give(run->flow, before);
        }
        worker->leads = leads;
        TAY_TRY(t->work(run, block, worker));
        run->n_done += block->end - block->begin;
        TAY_TRY(tay__go_on(run, worker));
    }
out:
    if (worker) tay__flow_give(run->flow, worker);
    return status;
}

static void watch(void *context)
{
    team *t = context;

    if (!t->run->stopped) tay__go_on(t->run, &(tay__worker){.leads = true});
}

static void stop(void *context)
{
    team *t = context;
    t->run->stopped = true;
}

tay_status tay__each_block(tay_tape *run, tay_status (*f)(tay_tape *, tay__block *, tay__worker *))
{
    team t = {.run = run, .work = f};
    tay__work together = {.run = work, .watch = watch, .stop = stop, .context = &t};

    run->n_done = 0;
    run->stopped = false;
    tay_status status = tay__work_together(&together, tay__count_threads(run->flow->n_threads, run->most_threads));
    return status == TAY_OK ? tay__go_on(run, &(tay__worker){.leads = false}) : status; /* stopped while the last one ended */
}
