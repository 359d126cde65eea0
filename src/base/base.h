/*
 * Status and messages, memory, growable arrays and a hash map: the floor that every area stands on.
 *
 * A function with something to clean up has `tay_status status = TAY_OK;` and a label `out`; TAY_TRY and TAY_FAIL are
 * the only macros that jump, and they jump only there.
 */
#ifndef TAY__BASE_H
#define TAY__BASE_H

#include <stdalign.h>
#include <string.h>

#include "tayra/base.h"

#define TAY_TRY(call)                                                                                                  \
    do {                                                                                                               \
        status = (call);                                                                                               \
        if (status != TAY_OK) goto out;                                                                                \
    } while (0)

#define TAY_FAIL(code, ...)                                                                                            \
    do {                                                                                                               \
        status = tay__error(code, __VA_ARGS__);                                                                        \
        goto out;                                                                                                      \
    } while (0)

/* Sets this thread's message and returns `code`. */
tay_status tay__error(tay_status code, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* TAY_ERROR_ARGUMENT where an object, or a place for a result, is missing. */
tay_status tay__check_pointer(const void *p, const char *name);

/* Tells the log callback, if there is one. */
void tay__log(tay_log_level level, const char *format, ...) __attribute__((format(printf, 2, 3)));

/*
 * Memory for count elements of `size` bytes, checked for overflow, zeroed for tay__calloc. *out is untouched on
 * failure, which returns TAY_ERROR_MEMORY or TAY_ERROR_LIMIT with a message. count = 0 gives a pointer that can be
 * freed.
 */
tay_status tay__alloc(void *out, size_t count, size_t size);
tay_status tay__calloc(void *out, size_t count, size_t size);
/* Zeroed, aligned to 64 bytes; free with tay__free_aligned. */
tay_status tay__calloc_aligned(void *out, size_t count, size_t size);
/* Grows or shrinks *p (a pointer to a pointer). */
tay_status tay__realloc(void *p, size_t count, size_t size);
void tay__free(void *p);
void tay__free_aligned(void *p);

/* *out = a * b, or TAY_ERROR_LIMIT. */
tay_status tay__multiply(size_t *out, size_t a, size_t b);

/* A growable array of elements of `width` bytes: `data` may be cast to their type; starts as TAY__ARRAY(type). */
typedef struct tay__array {
    void *data;
    size_t count, capacity, width;
} tay__array;

#define TAY__ARRAY(type) ((tay__array){.width = sizeof(type)})

/* Room for `extra` more elements. */
tay_status tay__array_reserve(tay__array *array, size_t extra);
/* Appends one element copied from `element`. */
tay_status tay__array_push(tay__array *array, const void *element);
void tay__array_free(tay__array *array);

/* Zeroed memory that lives as long as its owner, which has an array of void *, TAY__ARRAY(void *), for all of it. */
tay_status tay__alloc_kept(void *out, tay__array *kept, size_t count, size_t size);
void tay__free_kept(tay__array *kept);

/*
 * Work for several threads, the calling one among them: each calls run(context, whether it is the calling thread) once. The
 * calling thread, when it has finished, calls watch(context), which may be NULL, every 20 ms until the others have. The first
 * failure is returned; after each, stop(context), if not NULL, is to end the runs of the others.
 */
enum { TAY__MOST_THREADS = 64 };
typedef struct tay__work {
    tay_status (*run)(void *context, bool leads);
    void (*watch)(void *context);
    void (*stop)(void *context);
    void *context;
} tay__work;
tay_status tay__work_together(const tay__work *work, size_t n_threads);
/* The lock of the log callback and of the caches. It is held for moments, and nothing is called meanwhile that might want it. */
void tay__lock(void);
void tay__unlock(void);
/* Between these a fork of the process, by another thread, waits. */
void tay__hold_forks(void);
void tay__let_fork(void);
/* `wanted`, or for 0 as many as there are processors for this thread; at least 1, at most `most` and TAY__MOST_THREADS. */
size_t tay__count_threads(size_t wanted, size_t most);

/* A map from 64-bit keys (addresses, packed pairs) to 64-bit values, open addressing; zero-initialise. */
typedef struct tay__map {
    struct tay__map_entry {
        uint64_t key, value;
        bool used;
    } *entries;
    size_t count, capacity;
} tay__map;

/* The value of `key`, or NULL; valid until the next insertion. */
uint64_t *tay__map_get(const tay__map *map, uint64_t key);
/* Inserts or overwrites. */
tay_status tay__map_set(tay__map *map, uint64_t key, uint64_t value);
void tay__map_free(tay__map *map);

/* Mixes 64 bits into a hash (splitmix64's finaliser, Steele et al. 2014). */
static inline uint64_t tay__mix(uint64_t h, uint64_t x)
{
    h ^= x + 0x9e3779b97f4a7c15u + (h << 6) + (h >> 2);
    h = (h ^ (h >> 30)) * 0xbf58476d1ce4e5b9u;
    h = (h ^ (h >> 27)) * 0x94d049bb133111ebu;
    return h ^ (h >> 31);
}

/* A hash of bytes, which goes on from another one, or from 0. */
uint64_t tay__hash(uint64_t h, const void *data, size_t size);

/*
 * Time as the unevaluated sum of two doubles, hi + lo with |lo| at most half a unit in the last place of hi: a long
 * propagation adds millions of steps without losing any of them. Sums are exact transformations [Knuth, TAOCP 2,
 * 4.2.2].
 */
typedef struct tay__time {
    double hi, lo;
} tay__time;

/* a + b exactly, whatever their sizes. */
static inline tay__time tay__time_sum(double a, double b)
{
    double s = a + b, part = s - a;
    return (tay__time){s, (a - (s - part)) + (b - part)};
}

static inline tay__time tay__time_add(tay__time t, double h)
{
    tay__time sum = tay__time_sum(t.hi, h);
    return tay__time_sum(sum.hi, sum.lo + t.lo);
}

static inline tay__time tay__time_sub(tay__time a, tay__time b)
{
    tay__time high = tay__time_sum(a.hi, -b.hi), low = tay__time_sum(a.lo, -b.lo);
    tay__time sum = tay__time_sum(high.hi, high.lo + low.hi);
    return tay__time_sum(sum.hi, sum.lo + low.lo);
}

static inline bool tay__time_equal(tay__time a, tay__time b)
{
    return a.hi == b.hi && a.lo == b.lo;
}

#endif
