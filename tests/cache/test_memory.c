/*
 * The cache in memory: what is found, what is shared, what goes first, who destroys; several threads.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cache/cache.h"
#include "support/check.h"
#include "tayra/cache.h"

enum { SIZE = 100, N_KEYS = 20, N_THREADS = 4, ROUNDS = 3000 };

/* A thing that says which one it is. */
typedef struct thing {
    tay__shared shared;
    int number;
} thing;

static atomic_int alive;

static void destroy(tay__shared *shared)
{
    free(shared->key.data);
    free(shared);
    alive--;
}

/* Keys of different lengths, which all have one of two hashes. */
static tay__key key_of(int number)
{
    tay__key key = {.size = 8 + (size_t)number % 3, .hash = (uint64_t)number % 2};
    key.data = calloc(1, key.size);
    memcpy(key.data, &number, sizeof number);
    return key;
}

static thing *make(int number)
{
    thing *t = calloc(1, sizeof *t);
    t->shared = (tay__shared){.key = key_of(number), .size = SIZE, .destroy = destroy, .owners = 1};
    t->number = number;
    alive++;
    return t;
}

static thing *find(int number)
{
    tay__key key = key_of(number);
    thing *t = (thing *)tay__cache_find(&key);
    free(key.data);
    return t;
}

static thing *add(int number)
{
    return (thing *)tay__cache_add(&make(number)->shared);
}

static void release(thing *t)
{
    tay__shared_release(&t->shared);
}

static bool is_there(int number)
{
    thing *t = find(number);
    bool there = t && t->number == number;
    if (t) release(t);
    return there;
}

static int start(void **state)
{
    (void)state;
    tay_memory_cache_clear();
    tay_memory_cache_set_limit(3 * SIZE);
    return 0;
}

static int finish(void **state)
{
    (void)state;
    tay_memory_cache_clear();
    return alive == 0 && tay_memory_cache_size() == 0 ? 0 : 1;
}

static void finds_what_was_added(void **state)
{
    (void)state;
    thing *one = add(1);
    assert_ptr_equal(find(1), one);
    assert_null(find(3)); /* the same hash */
    assert_null(find(4)); /* the same length */
    release(one), release(one);
    assert_true(is_there(1)); /* the cache itself is an owner */
    assert_int_equal(tay_memory_cache_size(), SIZE);
}

/* Two threads have made the same: the second one's is not kept. */
static void first_one_wins(void **state)
{
    (void)state;
    thing *first = add(1), *second = add(1);
    assert_ptr_equal(first, second);
    assert_int_equal(alive, 1);
    release(first), release(second);
}

static void least_recently_used_goes_first(void **state)
{
    (void)state;
    for (int i = 0; i < 3; i++) release(add(i));
    assert_true(is_there(0));
    release(add(3));
    assert_false(is_there(1));
    assert_true(is_there(0) && is_there(2) && is_there(3));
    assert_int_equal(tay_memory_cache_size(), 3 * SIZE);
    tay_memory_cache_set_limit(2 * SIZE - 1);
    assert_int_equal(tay_memory_cache_limit(), 2 * SIZE - 1);
    assert_true(!is_there(0) && !is_there(2) && is_there(3));
    assert_int_equal(alive, 1);
}

static void used_ones_outlive_the_cache(void **state)
{
    (void)state;
    thing *t = add(7);
    tay_memory_cache_clear();
    assert_null(find(7));
    assert_int_equal(alive, 1);
    assert_int_equal(t->number, 7);
    release(t);
    assert_int_equal(alive, 0);
    assert_int_equal(tay_memory_cache_limit(), 3 * SIZE);
}

static void no_limit_no_sharing(void **state)
{
    (void)state;
    tay_memory_cache_set_limit(0);
    thing *a = add(1), *b = add(1);
    assert_ptr_not_equal(a, b);
    release(a), release(b);
    assert_int_equal(alive, 0);
    tay__shared_release(NULL);
}

/* Finds or adds, as who makes code does; NULL if all were right. */
static void *work(void *seed)
{
    unsigned x = (unsigned)(size_t)seed;
    for (int i = 0; i < ROUNDS; i++) {
        x = x * 1664525u + 1013904223u;
        int number = (int)(x >> 16) % N_KEYS;
        thing *t = find(number);
        if (!t) t = add(number);
        bool right = t->number == number;
        release(t);
        if (x >> 28 == 0) tay_memory_cache_clear();
        if (!right) return seed;
    }
    return NULL;
}

static void several_threads(void **state)
{
    pthread_t threads[N_THREADS];
    void *wrong;

    (void)state;
    for (size_t i = 0; i < N_THREADS; i++) assert_int_equal(pthread_create(&threads[i], NULL, work, (void *)(i + 1)), 0);
    for (size_t i = 0; i < N_THREADS; i++) {
        assert_int_equal(pthread_join(threads[i], &wrong), 0);
        assert_null(wrong);
    }
    assert_true(tay_memory_cache_size() <= 3 * SIZE);
}

static atomic_bool over;

static void *take_the_lock(void *unused)
{
    (void)unused;
    while (!over) tay_memory_cache_set_limit(tay_memory_cache_limit());
    return NULL;
}

/* A child can go on whatever the other threads of its parent were doing. */
static void forks(void **state)
{
    pthread_t thread;
    int status = 0;

    (void)state;
    assert_int_equal(pthread_create(&thread, NULL, take_the_lock, NULL), 0);
    for (int i = 0; i < 100 && status == 0; i++) {
        pid_t child = fork();
        if (child == 0) {
            alarm(20);
            _exit(tay_memory_cache_size() > 0);
        }
        assert_int_equal(waitpid(child, &status, 0), child);
    }
    over = true;
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_int_equal(status, 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, start, finish)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(finds_what_was_added),        TEST(first_one_wins),      TEST(least_recently_used_goes_first),
        TEST(used_ones_outlive_the_cache), TEST(no_limit_no_sharing), TEST(several_threads),
        TEST(forks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
