/*
 * The blocks of a run by several threads: each takes the next block that nobody has. The calling thread works too, and alone
 * reports progress: after its steps, and, when it has no more, from time to time until the others have finished.
 */
#define _GNU_SOURCE /* sched_getaffinity */
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "flow/flow.h"

enum { MOST_THREADS = 64, WAIT_NANOSECONDS = 20000000 };

typedef struct team {
    tay_tape *run;
    tay_status (*work)(tay_tape *, tay__block *, tay__worker *);
    _Atomic size_t next;
    pthread_mutex_t lock; /* of what follows */
    pthread_cond_t ended;
    size_t n_running;
    tay_status status;
    char message[512];
} team;

tay_status tay__go_on(tay_tape *run, const tay__worker *worker)
{
    if (worker->leads && run->progress && !run->progress(run->n_done, run->a.n_points, run->context)) run->stopped = true;
    if (!run->stopped) return TAY_OK;
    return tay__error(TAY_ERROR_STATE, "progress: stopped after %zu of %zu trajectories", (size_t)run->n_done, run->a.n_points);
}

/* The first error counts, and stops all. */
static void fail(team *t, tay_status status)
{
    pthread_mutex_lock(&t->lock);
    if (t->status == TAY_OK) {
        t->status = status;
        snprintf(t->message, sizeof t->message, "%s", tay_error_message());
    }
    pthread_mutex_unlock(&t->lock);
    t->run->stopped = true;
}

static void work(team *t, bool leads)
{
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
    if (status != TAY_OK) fail(t, status);
    if (worker) tay__flow_give(run->flow, run->lanes, worker);
}

static void *thread_main(void *context)
{
    team *t = context;

    work(t, false);
    pthread_mutex_lock(&t->lock);
    t->n_running--;
    pthread_cond_signal(&t->ended);
    pthread_mutex_unlock(&t->lock);
    return NULL;
}

/* Until the other threads have ended; progress is asked meanwhile. */
static void wait_for_all(team *t)
{
    struct timespec until;

    pthread_mutex_lock(&t->lock);
    while (t->n_running > 0) {
        clock_gettime(CLOCK_REALTIME, &until);
        until.tv_nsec += WAIT_NANOSECONDS;
        until.tv_sec += until.tv_nsec / 1000000000;
        until.tv_nsec %= 1000000000;
        if (pthread_cond_timedwait(&t->ended, &t->lock, &until) != ETIMEDOUT) continue;
        pthread_mutex_unlock(&t->lock);
        if (!t->run->stopped && tay__go_on(t->run, &(tay__worker){.leads = true}) != TAY_OK) fail(t, TAY_ERROR_STATE);
        pthread_mutex_lock(&t->lock);
    }
    pthread_mutex_unlock(&t->lock);
}

static size_t count_threads(const tay_tape *run)
{
    size_t n = run->flow->n_threads;
    cpu_set_t set;

    if (n == 0) n = sched_getaffinity(0, sizeof set, &set) == 0 ? (size_t)CPU_COUNT(&set) : 1;
    if (n > run->n_blocks) n = run->n_blocks;
    return n > MOST_THREADS ? MOST_THREADS : n;
}

tay_status tay__each_block(tay_tape *run, tay_status (*f)(tay_tape *, tay__block *, tay__worker *))
{
    team t = {.run = run, .work = f};
    pthread_t threads[MOST_THREADS];
    size_t n = count_threads(run), started = 0;

    run->n_done = 0;
    run->stopped = false;
    pthread_mutex_init(&t.lock, NULL);
    pthread_cond_init(&t.ended, NULL);
    while (started + 1 < n) { /* fewer threads than wanted do the same work */
        pthread_mutex_lock(&t.lock);
        bool made = pthread_create(&threads[started], NULL, thread_main, &t) == 0;
        t.n_running += made;
        pthread_mutex_unlock(&t.lock);
        if (!made) break;
        started++;
    }
    work(&t, true);
    wait_for_all(&t);
    for (size_t i = 0; i < started; i++) pthread_join(threads[i], NULL);
    pthread_cond_destroy(&t.ended);
    pthread_mutex_destroy(&t.lock);
    return t.status == TAY_OK ? TAY_OK : tay__error(t.status, "%s", t.message);
}
