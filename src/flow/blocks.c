/*
 * The blocks of a run by several threads: each takes the next block that nobody has. The calling thread works too, and alone
 * reports progress.
 */
#define _GNU_SOURCE /* sched_getaffinity */
#include <sched.h>
#include <stdio.h>
#include <unistd.h>

#include "flow/flow.h"

enum { MOST_THREADS = 64 };

typedef struct team {
    tay_tape *run;
    tay_status (*work)(tay_tape *, tay__block *, tay__worker *);
    _Atomic size_t next, done;
    _Atomic bool stop;
    pthread_mutex_t lock; /* of the error */
    tay_status status;
    char message[512];
} team;

static void fail(team *t, tay_status status)
{
    pthread_mutex_lock(&t->lock);
    if (t->status == TAY_OK) {
        t->status = status;
        snprintf(t->message, sizeof t->message, "%s", tay_error_message());
    }
    pthread_mutex_unlock(&t->lock);
    t->stop = true;
}

static void work(team *t, tay_flow_progress progress, void *context)
{
    tay_tape *run = t->run;
    tay__worker *worker = NULL;
    tay_status status = tay__flow_take(&worker, run->flow, run->lanes);

    while (status == TAY_OK && !t->stop) {
        size_t i = atomic_fetch_add(&t->next, 1);
        if (i >= run->n_blocks) break;
        status = t->work(run, &run->blocks[i], worker);
        t->done += run->blocks[i].end - run->blocks[i].begin;
        if (status == TAY_OK && progress && !progress(t->done, run->a.n_points, context))
            status = tay__error(TAY_ERROR_STATE, "progress: stopped after %zu of %zu trajectories", (size_t)t->done,
                                run->a.n_points);
    }
    if (status != TAY_OK) fail(t, status);
    if (worker) tay__flow_give(run->flow, run->lanes, worker);
}

static void *thread_main(void *context)
{
    work(context, NULL, NULL);
    return NULL;
}

static size_t count_threads(const tay_tape *run)
{
    size_t n = run->flow->n_threads;
    cpu_set_t set;

    if (n == 0) n = sched_getaffinity(0, sizeof set, &set) == 0 ? (size_t)CPU_COUNT(&set) : 1;
    if (n > run->n_blocks) n = run->n_blocks;
    return n > MOST_THREADS ? MOST_THREADS : n;
}

tay_status tay__each_block(tay_tape *run, tay_status (*f)(tay_tape *, tay__block *, tay__worker *),
                           tay_flow_progress progress, void *context)
{
    team t = {.run = run, .work = f};
    pthread_t threads[MOST_THREADS];
    size_t n = count_threads(run), started = 0;

    pthread_mutex_init(&t.lock, NULL);
    while (started + 1 < n && pthread_create(&threads[started], NULL, thread_main, &t) == 0) started++;
    work(&t, progress, context); /* fewer threads than wanted do the same work */
    for (size_t i = 0; i < started; i++) pthread_join(threads[i], NULL);
    pthread_mutex_destroy(&t.lock);
    return t.status == TAY_OK ? TAY_OK : tay__error(t.status, "%s", t.message);
}
