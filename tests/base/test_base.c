/*
 * The floor: statuses and messages, memory with its overflows and failures, arrays and maps against plain models.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "support/check.h"

#include "base/base.h"
#include "support/failing_alloc.h"

static void statuses_have_names(void **state)
{
    (void)state;
    assert_string_equal(tay_status_name(TAY_OK), "TAY_OK");
    assert_string_equal(tay_status_name(TAY_ERROR_ARGUMENT), "TAY_ERROR_ARGUMENT");
    assert_string_equal(tay_status_name(TAY_ERROR_MEMORY), "TAY_ERROR_MEMORY");
    assert_string_equal(tay_status_name(TAY_ERROR_LIMIT), "TAY_ERROR_LIMIT");
    assert_string_equal(tay_status_name(TAY_ERROR_FORMAT), "TAY_ERROR_FORMAT");
    assert_string_equal(tay_status_name(TAY_ERROR_STATE), "TAY_ERROR_STATE");
    assert_string_equal(tay_status_name((tay_status)-99), "unknown status");
    assert_string_equal(tay_version(), "0.1.0");
}

static void *other_thread(void *seen)
{
    strcpy(seen, tay_error_message());
    tay__error(TAY_ERROR_STATE, "the other thread's");
    return NULL;
}

static void messages_belong_to_threads(void **state)
{
    (void)state;
    char seen[64] = "unset";
    pthread_t thread;
    assert_int_equal(tay__error(TAY_ERROR_LIMIT, "%d of %s", 3, "four"), TAY_ERROR_LIMIT);
    assert_string_equal(tay_error_message(), "3 of four");
    assert_int_equal(pthread_create(&thread, NULL, other_thread, seen), 0);
    pthread_join(thread, NULL);
    assert_string_equal(seen, "");
    assert_string_equal(tay_error_message(), "3 of four");
    tay__error(TAY_ERROR_STATE, "again: %s", tay_error_message());
    assert_string_equal(tay_error_message(), "again: 3 of four");
}

static void long_messages_are_cut(void **state)
{
    (void)state;
    char name[2000];
    memset(name, 'n', sizeof name - 1);
    name[sizeof name - 1] = 0;
    tay__error(TAY_ERROR_ARGUMENT, "the name %s", name);
    assert_memory_equal(tay_error_message(), "the name nnn", 12);
    assert_in_range(strlen(tay_error_message()), 100, 1000);
}

static void sizes_are_checked(void **state)
{
    (void)state;
    size_t product = 7;
    void *p = &product;
    assert_ok(tay__multiply(&product, 1u << 20, 3));
    assert_int_equal(product, 3u << 20);
    assert_error(tay__multiply(&product, SIZE_MAX / 2, 3), TAY_ERROR_LIMIT, "overflows");
    assert_int_equal(product, 3u << 20);
    assert_error(tay__alloc(&p, SIZE_MAX / 4, 8), TAY_ERROR_LIMIT, "overflows");
    assert_error(tay__calloc(&p, SIZE_MAX / 4, 8), TAY_ERROR_LIMIT, "overflows");
    assert_error(tay__calloc_aligned(&p, SIZE_MAX / 4, 8), TAY_ERROR_LIMIT, "overflows");
    assert_error(tay__calloc_aligned(&p, SIZE_MAX - 8, 1), TAY_ERROR_LIMIT, "overflows");
    assert_error(tay__realloc(&p, SIZE_MAX / 4, 8), TAY_ERROR_LIMIT, "overflows");
    assert_ptr_equal(p, &product);
}

static void memory_is_zeroed_and_aligned(void **state)
{
    (void)state;
    for (size_t n = 0; n < 200; n += 13) {
        unsigned char *plain, *aligned;
        assert_ok(tay__calloc(&plain, n, 3));
        assert_ok(tay__calloc_aligned(&aligned, n, 3));
        assert_int_equal((uintptr_t)aligned % 64, 0);
        for (size_t i = 0; i < 3 * n; i++) assert_int_equal(plain[i] | aligned[i], 0);
        memset(aligned, 1, 3 * n);
        tay__free(plain);
        tay__free_aligned(aligned);
    }
    tay__free(NULL);
    tay__free_aligned(NULL);
    tay_free(NULL);
}

static void realloc_keeps_the_contents(void **state)
{
    (void)state;
    int *p = NULL;
    assert_ok(tay__realloc(&p, 3, sizeof *p));
    for (int i = 0; i < 3; i++) p[i] = i;
    assert_ok(tay__realloc(&p, 3000, sizeof *p));
    for (int i = 0; i < 3; i++) assert_int_equal(p[i], i);
    assert_ok(tay__realloc(&p, 0, sizeof *p));
    assert_non_null(p);
    tay_free(p);
}

static void arrays_grow(void **state)
{
    (void)state;
    tay__array array = TAY__ARRAY(uint32_t);
    for (uint32_t i = 0; i < 10000; i++) assert_ok(tay__array_push(&array, &i));
    assert_int_equal(array.count, 10000);
    assert_in_range(array.capacity, 10000, 20000);
    for (uint32_t i = 0; i < 10000; i++) assert_int_equal(((uint32_t *)array.data)[i], i);
    size_t capacity = array.capacity;
    assert_ok(tay__array_reserve(&array, capacity - array.count));
    assert_int_equal(array.capacity, capacity);
    assert_ok(tay__array_reserve(&array, 1000000));
    assert_in_range(array.capacity, 1010000, 2020000);
    assert_error(tay__array_reserve(&array, SIZE_MAX), TAY_ERROR_LIMIT, "overflows");
    assert_error(tay__array_reserve(&array, SIZE_MAX / 2), TAY_ERROR_LIMIT, "overflows");
    assert_int_equal(array.count, 10000);
    tay__array_free(&array);
    assert_null(array.data);
    assert_int_equal(array.width, sizeof(uint32_t));
    assert_ok(tay__array_push(&array, &(uint32_t){7}));
    tay__array_free(&array);
}

/* Against an array indexed by the key. */
static void maps_find_what_was_set(void **state)
{
    (void)state;
    enum { N = 5000 };
    static uint64_t expected[N];
    tay__map map = {0};
    uint64_t seed = 1;
    size_t count = 0;
    assert_null(tay__map_get(&map, 3));
    for (int i = 0; i < 20000; i++) {
        seed = tay__mix(seed, 7);
        uint64_t key = seed % N;
        count += expected[key] == 0;
        expected[key] = seed | 1;
        assert_ok(tay__map_set(&map, key << 40, seed | 1));
        assert_int_equal(map.count, count);
    }
    for (uint64_t key = 0; key < N; key++) {
        uint64_t *value = tay__map_get(&map, key << 40);
        assert_true(expected[key] ? value && *value == expected[key] : !value);
        assert_null(tay__map_get(&map, (key << 40) + 1));
    }
    assert_true(3 * map.count <= 2 * map.capacity);
    tay__map_free(&map);
    assert_null(tay__map_get(&map, 3));
}

/* Each bit, the length and what came before count, also where bytes do not fill a word. */
static void hashes_differ(void **state)
{
    char bytes[24] = "a hash of some bytes";
    uint64_t seen[8 * 24 + 24];
    size_t n = 0;

    (void)state;
    for (size_t size = 0; size < sizeof bytes; size++) seen[n++] = tay__hash(0, bytes, size);
    for (size_t bit = 0; bit < 8 * sizeof bytes; bit++) {
        bytes[bit / 8] ^= (char)(1 << bit % 8);
        seen[n++] = tay__hash(0, bytes, sizeof bytes);
        bytes[bit / 8] ^= (char)(1 << bit % 8);
    }
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < i; j++) assert_true(seen[i] != seen[j]);
    assert_true(tay__hash(1, bytes, 3) != tay__hash(0, bytes, 3));
    assert_true(tay__hash(0, bytes, 3) == seen[3]);
}

typedef struct told {
    int n;
    tay_log_level level;
    char text[600];
} told;

static void note(tay_log_level level, const char *text, void *context)
{
    told *t = context;
    *t = (told){.n = t->n + 1, .level = level};
    snprintf(t->text, sizeof t->text, "%s", text);
    if (level == TAY_LOG_WARNING) tay_set_log_callback(NULL, NULL); /* allowed here */
}

static void log_tells_the_callback(void **state)
{
    told first = {0}, second = {0};

    (void)state;
    tay__log(TAY_LOG_WARNING, "nobody is told");
    tay_set_log_callback(note, &first);
    tay_set_log_callback(note, &second);
    tay__log(TAY_LOG_INFO, "%d %s", 17, "bodies");
    assert_true(first.n == 0 && second.n == 1 && second.level == TAY_LOG_INFO);
    assert_string_equal(second.text, "17 bodies");
    tay__log(TAY_LOG_WARNING, "%600d", 1);
    assert_true(second.n == 2 && second.level == TAY_LOG_WARNING && strlen(second.text) == 511);
    tay__log(TAY_LOG_WARNING, "nobody is told");
    assert_int_equal(second.n, 2);
}

typedef struct counted {
    _Atomic size_t n, n_leading, n_watched;
    size_t fails; /* the run that fails; 0: none */
    _Atomic bool stopped;
} counted;

static tay_status count_run(void *context, bool leads)
{
    counted *c = context;
    size_t n = atomic_fetch_add(&c->n, 1) + 1;

    c->n_leading += leads;
    while (c->fails == 1 && n == 2 && !c->stopped) nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    if (c->stopped) return tay__error(TAY_ERROR_LIMIT, "run %zu was stopped", n);
    while (!leads && c->fails != 1 && c->n_watched == 0) nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    return n == c->fails ? tay__error(TAY_ERROR_STATE, "run %zu", n) : TAY_OK;
}

static void count_watch(void *context)
{
    ((counted *)context)->n_watched++;
}

static void count_stop(void *context)
{
    ((counted *)context)->stopped = true;
}

static void threads_work_together(void **state)
{
    (void)state;
    counted c = {0};
    tay__work work = {.run = count_run, .watch = count_watch, .context = &c};

    assert_int_equal(tay__work_together(&work, 1), TAY_OK);
    assert_true(c.n == 1 && c.n_leading == 1 && c.n_watched == 0);
    assert_int_equal(tay__work_together(&work, 5), TAY_OK);
    assert_true(c.n == 6 && c.n_leading == 2 && c.n_watched > 0);
    c.fails = 8;
    assert_int_equal(tay__work_together(&work, 3), TAY_ERROR_STATE); /* in whichever thread: the message comes here */
    assert_string_equal(tay_error_message(), "run 8");
    assert_int_equal(c.n, 9);
    c = (counted){.fails = 1};
    work.stop = count_stop;
    assert_int_equal(tay__work_together(&work, 2), TAY_ERROR_STATE);
    assert_string_equal(tay_error_message(), "run 1"); /* not that of the one that was stopped */
    assert_int_equal(tay__count_threads(3, 10), 3);
    assert_int_equal(tay__count_threads(3, 2), 2);
    assert_int_equal(tay__count_threads(3, 0), 1);
    assert_int_equal(tay__count_threads(1000000, SIZE_MAX), TAY__MOST_THREADS);
    assert_true(tay__count_threads(0, SIZE_MAX) >= 1);
}

static tay_status fill_array(void *context)
{
    (void)context;
    tay_status status = TAY_OK;
    tay__array array = TAY__ARRAY(uint64_t);
    for (uint64_t i = 0; i < 100; i++) {
        size_t count = array.count;
        status = tay__array_push(&array, &i);
        if (status != TAY_OK && (array.count != count || (count > 0 && ((uint64_t *)array.data)[count - 1] != i - 1)))
            status = TAY_ERROR_STATE;
        if (status != TAY_OK) break;
    }
    tay__array_free(&array);
    return status;
}

static tay_status fill_map(void *context)
{
    (void)context;
    tay_status status = TAY_OK;
    tay__map map = {0};
    for (uint64_t i = 0; i < 100 && status == TAY_OK; i++) {
        status = tay__map_set(&map, i, i);
        if (status != TAY_OK && (map.count != i || tay__map_get(&map, i) || (i > 0 && !tay__map_get(&map, i - 1))))
            status = TAY_ERROR_STATE;
    }
    tay__map_free(&map);
    return status;
}

static tay_status allocate_each_way(void *context)
{
    (void)context;
    tay_status status = TAY_OK;
    char *a = NULL, *b = NULL, *c = NULL, *untouched = NULL;
    TAY_TRY(tay__alloc(&a, 10, 10));
    TAY_TRY(tay__calloc(&b, 10, 10));
    TAY_TRY(tay__calloc_aligned(&c, 10, 10));
    a[0] = 'a';
    untouched = a;
    TAY_TRY(tay__realloc(&a, 100, 10));
    untouched = NULL;
out:
    if (untouched && (a != untouched || a[0] != 'a')) status = TAY_ERROR_STATE;
    tay__free(a);
    tay__free(b);
    tay__free_aligned(c);
    return status;
}

static void every_allocation_may_fail(void **state)
{
    (void)state;
    fail_each_allocation(fill_array, NULL);
    fail_each_allocation(fill_map, NULL);
    fail_each_allocation(allocate_each_way, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(statuses_have_names),        cmocka_unit_test(messages_belong_to_threads),
        cmocka_unit_test(long_messages_are_cut),      cmocka_unit_test(sizes_are_checked),
        cmocka_unit_test(memory_is_zeroed_and_aligned), cmocka_unit_test(realloc_keeps_the_contents),
        cmocka_unit_test(arrays_grow),                cmocka_unit_test(maps_find_what_was_set),
        cmocka_unit_test(threads_work_together),      cmocka_unit_test(hashes_differ),
        cmocka_unit_test(log_tells_the_callback),
        cmocka_unit_test(every_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
