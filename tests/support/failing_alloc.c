/* An allocator that counts what is alive and fails when told (failing_alloc.h). */
#include "support/failing_alloc.h"

#include <pthread.h>
#include <stdlib.h>

#include "support/check.h"

typedef struct counter {
    pthread_mutex_t lock;
    long until_failure; /* allocations that still succeed */
    long failures, alive;
} counter;

static void *reallocate(void *p, size_t size, void *context)
{
    counter *c = context;
    void *result = NULL;
    pthread_mutex_lock(&c->lock);
    if (size == 0) {
        free(p);
        c->alive -= p != NULL;
    } else if (c->until_failure-- == 0) {
        c->failures++;
    } else {
        result = realloc(p, size);
        c->alive += result && !p;
    }
    pthread_mutex_unlock(&c->lock);
    return result;
}

void fail_each_allocation(tay_status (*scenario)(void *context), void *context)
{
    setenv("TAYRA_EXEC", "vm", 1); /* who has no memory for machine code goes on without */
    for (long k = 0;; k++) {
        counter c = {.lock = PTHREAD_MUTEX_INITIALIZER, .until_failure = k};
        tay_set_allocator(reallocate, &c);
        tay_status status = scenario(context);
        tay_set_allocator(NULL, NULL);
        if (c.alive != 0) fail_msg("allocation %ld failed: %ld blocks were not freed", k, c.alive);
        if (c.failures == 0) {
            assert_ok(status);
            assert_true(k > 0); /* the scenario allocates at all */
            return;
        }
        if (status != TAY_ERROR_MEMORY) fail_msg("allocation %ld failed: %s", k, tay_status_name(status));
        assert_non_null(strstr(tay_error_message(), "out of memory"));
    }
}
