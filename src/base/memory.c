/*
 * Memory: one allocator for the whole library, which the user may replace (and tests make fail). Sizes are checked for
 * overflow here, so that callers can pass count and width as they are.
 */
#include "base/base.h"

#include <stdlib.h>

enum { ALIGNMENT = 64 };

static struct {
    void *(*reallocate)(void *p, size_t size, void *context); /* NULL: the C library's */
    void *context;
} allocator;

void tay_set_allocator(void *(*reallocate)(void *p, size_t size, void *context), void *context)
{
    allocator.reallocate = reallocate;
    allocator.context = reallocate ? context : NULL;
}

void tay_free(void *p)
{
    tay__free(p);
}

tay_status tay__multiply(size_t *out, size_t a, size_t b)
{
    size_t product;
    if (__builtin_mul_overflow(a, b, &product))
        return tay__error(TAY_ERROR_LIMIT, "a size overflows: %zu * %zu", a, b);
    *out = product;
    return TAY_OK;
}

static tay_status out_of_memory(size_t bytes)
{
    return tay__error(TAY_ERROR_MEMORY, "out of memory: %zu bytes could not be had", bytes);
}

/* p = NULL allocates; bytes > 0. */
static void *reallocate_bytes(void *p, size_t bytes)
{
    return allocator.reallocate ? allocator.reallocate(p, bytes, allocator.context) : realloc(p, bytes);
}

/* The C library hands out large blocks of zeros without touching them. */
static void *allocate_zeros(size_t bytes)
{
    if (!allocator.reallocate) return calloc(1, bytes);
    void *p = allocator.reallocate(NULL, bytes, allocator.context);
    if (p) memset(p, 0, bytes);
    return p;
}

/* The bytes of count elements, at least 1, so that an empty array has an address. */
static tay_status bytes_of(size_t *bytes, size_t count, size_t size)
{
    *bytes = 0;
    tay_status status = tay__multiply(bytes, count, size);
    if (status == TAY_OK && *bytes == 0) *bytes = 1;
    return status;
}

tay_status tay__alloc(void *out, size_t count, size_t size)
{
    void *p = NULL;
    tay_status status = tay__realloc(&p, count, size);
    if (status == TAY_OK) memcpy(out, &p, sizeof p);
    return status;
}

tay_status tay__calloc(void *out, size_t count, size_t size)
{
    size_t bytes;
    tay_status status = bytes_of(&bytes, count, size);
    if (status != TAY_OK) return status;
    void *p = allocate_zeros(bytes);
    if (!p) return out_of_memory(bytes);
    memcpy(out, &p, sizeof p);
    return TAY_OK;
}

tay_status tay__calloc_aligned(void *out, size_t count, size_t size)
{
    size_t bytes, room;
    tay_status status = bytes_of(&bytes, count, size);
    if (status != TAY_OK) return status;
    if (__builtin_add_overflow(bytes, ALIGNMENT + sizeof(void *), &room))
        return tay__error(TAY_ERROR_LIMIT, "a size overflows: %zu bytes and room to align them", bytes);
    char *block = allocate_zeros(room);
    if (!block) return out_of_memory(room);
    /* The block's address stands just before the aligned one. */
    char *p = block + sizeof(void *);
    p += (ALIGNMENT - (uintptr_t)p % ALIGNMENT) % ALIGNMENT;
    memcpy(p - sizeof(void *), &block, sizeof block);
    memcpy(out, &p, sizeof p);
    return TAY_OK;
}

tay_status tay__realloc(void *p, size_t count, size_t size)
{
    size_t bytes;
    tay_status status = bytes_of(&bytes, count, size);
    if (status != TAY_OK) return status;
    void *old;
    memcpy(&old, p, sizeof old);
    void *new = reallocate_bytes(old, bytes);
    if (!new) return out_of_memory(bytes);
    memcpy(p, &new, sizeof new);
    return TAY_OK;
}

void tay__free(void *p)
{
    if (!p) return;
    if (allocator.reallocate)
        allocator.reallocate(p, 0, allocator.context);
    else
        free(p);
}

void tay__free_aligned(void *p)
{
    if (!p) return;
    void *block;
    memcpy(&block, (char *)p - sizeof(void *), sizeof block);
    tay__free(block);
}
