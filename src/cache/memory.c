/*
 * The cache in memory: a list, the most recently used first, of things whose sizes together stay under a limit.
 */
#include "cache/cache.h"
#include "tayra/cache.h"

static tay__shared *newest, *oldest;
static size_t total, limit = (size_t)64 << 20;

static void take_out(tay__shared *s)
{
    *(s->newer ? &s->newer->older : &newest) = s->older;
    *(s->older ? &s->older->newer : &oldest) = s->newer;
    s->newer = s->older = NULL;
    total -= s->size;
}

static void put_first(tay__shared *s)
{
    s->older = newest;
    *(newest ? &newest->newer : &oldest) = s;
    newest = s;
    total += s->size;
}

/* Takes out what lies over so many bytes, as a list that goes on with `older`. */
static tay__shared *take_over(size_t most)
{
    tay__shared *out = NULL;

    while (total > most) {
        tay__shared *s = oldest;
        take_out(s);
        s->older = out;
        out = s;
    }
    return out;
}

static void release_all(tay__shared *s)
{
    while (s) {
        tay__shared *next = s->older;
        s->older = NULL;
        tay__shared_release(s);
        s = next;
    }
}

/* Moves it to the front, for one more owner; NULL if there is none. */
static tay__shared *find(const tay__key *key)
{
    tay__shared *s = newest;

    while (s && !(s->key.hash == key->hash && s->key.size == key->size && memcmp(s->key.data, key->data, key->size) == 0))
        s = s->older;
    if (!s) return NULL;
    s->owners++;
    take_out(s);
    put_first(s);
    return s;
}

tay__shared *tay__cache_find(const tay__key *key)
{
    tay__lock();
    tay__shared *s = find(key);
    tay__unlock();
    return s;
}

tay__shared *tay__cache_add(tay__shared *thing)
{
    tay__shared *over = NULL;

    tay__lock();
    tay__shared *known = find(&thing->key);
    if (!known) {
        thing->owners++;
        put_first(thing);
        over = take_over(limit);
    }
    tay__unlock();
    release_all(over);
    if (known) tay__shared_release(thing);
    return known ? known : thing;
}

void tay__shared_release(tay__shared *thing)
{
    if (thing && --thing->owners == 0) thing->destroy(thing);
}

size_t tay_memory_cache_size(void)
{
    tay__lock();
    size_t size = total;
    tay__unlock();
    return size;
}

size_t tay_memory_cache_limit(void)
{
    tay__lock();
    size_t bytes = limit;
    tay__unlock();
    return bytes;
}

void tay_memory_cache_set_limit(size_t bytes)
{
    tay__lock();
    limit = bytes;
    tay__shared *over = take_over(limit);
    tay__unlock();
    release_all(over);
}

void tay_memory_cache_clear(void)
{
    tay__lock();
    tay__shared *all = take_over(0);
    tay__unlock();
    release_all(all);
}
