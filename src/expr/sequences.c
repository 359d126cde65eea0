/*
 * Which mixed derivatives there are: nondecreasing sequences of arguments, as a tree in one array, level by level, and
 * tables with an entry for each component and sequence. The multi-index counts how often each argument occurs.
 */
#include "expr/expr.h"

/* The children of all sequences of length `length`, behind the items there are. */
static tay_status add_level(tay__sequences *s, uint32_t length)
{
    size_t begin = s->offset[length], end = s->offset[length + 1], count = end;
    for (size_t i = begin; i < end; i++) {
        s->items[i].first_child = count;
        if (__builtin_add_overflow(count, s->n_args - s->items[i].last, &count))
            return tay__error(TAY_ERROR_LIMIT, "there are too many derivatives of order %lu with respect to %lu arguments",
                              (unsigned long)length + 1, (unsigned long)s->n_args);
    }
    tay_status status = tay__realloc(&s->items, count, sizeof *s->items);
    if (status != TAY_OK) return status;
    for (size_t i = begin; i < end; i++) {
        struct tay__sequence *child = s->items + s->items[i].first_child;
        for (uint32_t a = s->items[i].last; a < s->n_args; a++)
            *child++ = (struct tay__sequence){.parent = i, .last = a};
    }
    s->offset[length + 2] = count;
    return TAY_OK;
}

tay_status tay__sequences_create(tay__sequences *out, size_t n_args, uint32_t order)
{
    tay_status status = TAY_OK;
    tay__sequences s = {.n_args = (uint32_t)n_args, .order = order};
    if (n_args > UINT32_MAX) TAY_FAIL(TAY_ERROR_LIMIT, "%zu arguments are too many to differentiate", n_args);
    TAY_TRY(tay__calloc(&s.offset, (size_t)order + 2, sizeof *s.offset));
    TAY_TRY(tay__calloc(&s.items, 1, sizeof *s.items));
    s.offset[1] = 1;
    for (uint32_t length = 0; length < order; length++) TAY_TRY(add_level(&s, length));
    *out = s;
    s = (tay__sequences){0};
out:
    tay__sequences_free(&s);
    return status;
}

void tay__sequences_free(tay__sequences *s)
{
    tay__free(s->items);
    tay__free(s->offset);
}

size_t tay__sequences_entry(const tay__sequences *s, size_t n, uint32_t length, size_t c, size_t sequence)
{
    return n * s->offset[length] + c * tay__sequences_of_length(s, length) + (sequence - s->offset[length]);
}

void tay__sequences_find(const tay__sequences *s, size_t n, size_t entry, size_t *c, size_t *sequence)
{
    uint32_t length = 0;
    while (entry >= n * s->offset[length + 1]) length++;
    entry -= n * s->offset[length];
    *c = entry / tay__sequences_of_length(s, length);
    *sequence = s->offset[length] + entry % tay__sequences_of_length(s, length);
}

void tay__sequences_indices(const tay__sequences *s, size_t sequence, uint32_t *indices)
{
    memset(indices, 0, s->n_args * sizeof *indices);
    for (size_t i = sequence; i > 0; i = s->items[i].parent) indices[s->items[i].last]++;
}
