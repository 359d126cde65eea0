/*
 * Things that are made once and found again under a key: in memory, where equal owners share one, and as files, which other
 * processes find. A key is all the bytes that determine the thing; whole keys are compared, so no two things are taken for one.
 *
 * All of this may be called from several threads at once. Its memory is the C library's, since it outlives all objects, and the
 * user's allocator may change when there is none.
 */
#ifndef TAY__CACHE_H
#define TAY__CACHE_H

#include <stdatomic.h>

#include "base/base.h"

typedef struct tay__key {
    void *data; /* NULL: none */
    size_t size;
    uint64_t hash; /* tay__hash of them */
} tay__key;

/* What can be shared: the first member of the thing itself. Its maker sets the first three and one owner. */
typedef struct tay__shared {
    tay__key key;
    size_t size; /* bytes that it takes */
    void (*destroy)(struct tay__shared *);
    atomic_size_t owners;
    struct tay__shared *newer, *older; /* while it is in the cache, which is one of its owners */
} tay__shared;

/* What was added under a key, with one more owner; or NULL. */
tay__shared *tay__cache_find(const tay__key *key);
/* Adds a thing, which the cache may drop at any time if it lies over the limit. Gives what is to be used: this one, or an equal
 * one that another thread has added before; then this one is destroyed. */
tay__shared *tay__cache_add(tay__shared *thing);
/* One owner less; the last one destroys it. Accepts NULL. */
void tay__shared_release(tay__shared *thing);

/* What was written under a key, in any process; free `whole`. False: there is nothing. */
typedef struct tay__found {
    void *whole;
    const void *data;
    size_t size;
} tay__found;
bool tay__disk_read(tay__found *out, const tay__key *key);
/* Where that is not possible nothing is written. */
void tay__disk_write(const tay__key *key, const void *data, size_t size);

#endif
