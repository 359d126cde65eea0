/*
 * Work that several threads do together. The first failure counts, with its message, which is the calling thread's in the end.
 * And the lock of what all threads share.
 */
#define _GNU_SOURCE /* sched_getaffinity */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <time.h>

#include "base/base.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

void tay__lock(void)
{
    pthread_mutex_lock(&lock);
}

void tay__unlock(void)
{
    pthread_mutex_unlock(&lock);
}

static size_t n_unforkable; /* under the lock */
static pthread_cond_t may_fork = PTHREAD_COND_INITIALIZER;

void tay__hold_forks(void)
{
    tay__lock();
    n_unforkable++;
    tay__unlock();
}

void tay__let_fork(void)
{
    tay__lock();
    if (--n_unforkable == 0) pthread_cond_broadcast(&may_fork);
    tay__unlock();
}

static void wait_to_fork(void)
{
    tay__lock();
    while (n_unforkable > 0) pthread_cond_wait(&may_fork, &lock);
}

/* A child of a process with several threads must not inherit a lock that one of them holds, of LLVM's neither. */
__attribute__((constructor)) static void prepare_for_forks(void)
{
    pthread_atfork(wait_to_fork, tay__unlock, tay__unlock);
}

enum { WAIT_NANOSECONDS = 20000000 };

typedef struct team {
    const tay__work *work;
    pthread_mutex_t lock; /* of what follows */
    pthread_cond_t ended;
    size_t n_running;
    tay_status status;
    char message[512];
} team;

size_t tay__count_threads(size_t wanted, size_t most)
{
    cpu_set_t set;
    size_t n = wanted;

    if (n == 0) n = sched_getaffinity(0, sizeof set, &set) == 0 ? (size_t)CPU_COUNT(&set) : 1;
    if (n > most) n = most;
    return n < 1 ? 1 : n > TAY__MOST_THREADS ? TAY__MOST_THREADS : n;
}

static void take_part(team *t, bool leads)
{
    tay_status status = t->work->run(t->work->context, leads);

    if (status == TAY_OK) return;
    pthread_mutex_lock(&t->lock);
    if (t->status == TAY_OK) {
        t->status = status;
        snprintf(t->message, sizeof t->message, "%s", tay_error_message());
    }
    pthread_mutex_unlock(&t->lock);
    if (t->work->stop) t->work->stop(t->work->context); /* not before: others might fail for having been stopped */
}

static void *thread_main(void *context)
{
    team *t = context;

    take_part(t, false);
    pthread_mutex_lock(&t->lock);
    t->n_running--;
    pthread_cond_signal(&t->ended);
    pthread_mutex_unlock(&t->lock);
    return NULL;
}

/* Until the other threads have ended, which are watched meanwhile. */
static void wait_for_all(team *t)
{
    struct timespec until;

    pthread_mutex_lock(&t->lock);
    while (t->n_running > 0) {
        clock_gettime(CLOCK_REALTIME, &until);
        until.tv_nsec += WAIT_NANOSECONDS;
        until.tv_sec += until.tv_nsec / 1000000000;
        until.tv_nsec %= 1000000000;
        if (pthread_cond_timedwait(&t->ended, &t->lock, &until) != ETIMEDOUT || !t->work->watch) continue;
        pthread_mutex_unlock(&t->lock);
        t->work->watch(t->work->context);
        pthread_mutex_lock(&t->lock);
    }
    pthread_mutex_unlock(&t->lock);
}

tay_status tay__work_together(const tay__work *work, size_t n_threads)
{
    team t = {.work = work};
    pthread_t threads[TAY__MOST_THREADS];
    size_t started = 0;

    pthread_mutex_init(&t.lock, NULL);
    pthread_cond_init(&t.ended, NULL);
    while (started + 1 < n_threads) { /* fewer threads than wanted do the same work */
        pthread_mutex_lock(&t.lock);
        bool made = pthread_create(&threads[started], NULL, thread_main, &t) == 0;
        t.n_running += made;
        pthread_mutex_unlock(&t.lock);
        if (!made) break;
        started++;
    }
    take_part(&t, true);
    wait_for_all(&t);
    for (size_t i = 0; i < started; i++) pthread_join(threads[i], NULL);
    pthread_cond_destroy(&t.ended);
    pthread_mutex_destroy(&t.lock);
    return t.status == TAY_OK ? TAY_OK : tay__error(t.status, "%s", t.message);
}
