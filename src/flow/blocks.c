/*
 * The blocks of a run by several threads: each takes the next block that nobody has. The calling thread works too, and alone
 * reports progress: after its steps, and, when it has no more, from time to time until the others have finished.
 */
#include "flow/flow.h"

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
    tay_status status = tay__flow_take(&worker, run->flow, run->lanes);

    if (worker) worker->leads = leads;
    while (status == TAY_OK) {
        size_t i = atomic_fetch_add(&t->next, 1);
        if (i >= run->n_blocks) break;
        status = t->work(run, &run->blocks[i], worker);
        run->n_done += run->blocks[i].end - run->blocks[i].begin;
        if (status == TAY_OK) status = tay__go_on(run, worker);
    }
    if (worker) tay__flow_give(run->flow, run->lanes, worker);
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
    tay_status status = tay__work_together(&together, tay__count_threads(run->flow->n_threads, run->n_blocks));
    return status == TAY_OK ? tay__go_on(run, &(tay__worker){.leads = false}) : status; /* stopped while the last one ended */
}
