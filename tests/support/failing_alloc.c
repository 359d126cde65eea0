/* An allocator that counts what is alive and fails when told (failing_alloc.h). */
#include "support/failing_alloc.h"

#include <math.h>
#include <pthread.h>
#include <stdlib.h>

#include "base/base.h"
#include "support/check.h"

typedef struct counter {
    pthread_mutex_t lock;
    long until_failure; /* allocations that still succeed; negative: all do */
    bool lasts;         /* all behind it fail too */
    long failures, alive;
} counter;

static bool is_to_fail(counter *c)
{
    bool fails = c->until_failure == 0;

    if (c->until_failure > 0 || (fails && !c->lasts)) c->until_failure--;
    return fails;
}

static void *reallocate(void *p, size_t size, void *context)
{
    counter *c = context;
    void *result = NULL;
    pthread_mutex_lock(&c->lock);
    if (size == 0) {
        free(p);
        c->alive -= p != NULL;
    } else if (is_to_fail(c)) {
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

static void check_numbers(const double *got, const double *expected, const use_of_object *u, long k)
{
    for (size_t i = 0; i < u->n; i++) {
        if (!(fabs(got[i] - expected[i]) <= u->tolerance * (1 + fabs(expected[i]))))
            fail_msg("after failure %ld: number %zu is %.17g instead of %.17g", k, i, got[i], expected[i]);
    }
}

/* Whether allocation k of the use failed. */
static bool fail_use(const use_of_object *u, counter *c, const double *expected, long k)
{
    static double out[USE_NUMBERS];
    void *object = NULL;

    assert_ok(u->make(&object));
    tay__error(TAY_OK, "no message");
    c->until_failure = k;
    c->failures = 0;
    tay_status status = u->use(out, object);
    bool failed = c->failures > 0;
    c->until_failure = -1;
    if (status != (failed ? TAY_ERROR_MEMORY : TAY_OK) && !(u->may_succeed && status == TAY_OK))
        fail_msg("allocation %ld failed: %s: %s", k, tay_status_name(status), tay_error_message());
    if (status != TAY_OK) assert_non_null(strstr(tay_error_message(), "out of memory"));
    else check_numbers(out, expected, u, k);
    assert_ok(u->use(out, object));
    check_numbers(out, expected, u, k);
    u->destroy(object);
    if (c->alive != 0) fail_msg("allocation %ld failed: %ld blocks were not freed", k, c->alive);
    return failed;
}

long fail_each_use(const use_of_object *u)
{
    static double expected[USE_NUMBERS];
    counter c = {.lock = PTHREAD_MUTEX_INITIALIZER, .until_failure = -1};
    void *object = NULL;
    long k = 0;

    tay_set_allocator(reallocate, &c);
    assert_ok(u->make(&object));
    assert_ok(u->use(expected, object));
    u->destroy(object);
    assert_int_equal(c.alive, 0);
    for (int lasts = 0; lasts < 2; lasts++) {
        c.lasts = lasts;
        for (k = 0; fail_use(u, &c, expected, k); k += u->every ? u->every : 1) {}
        assert_true(k > 0); /* it allocates at all */
    }
    tay_set_allocator(NULL, NULL);
    return k;
}
