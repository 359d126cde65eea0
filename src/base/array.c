/*
 * Growable arrays: capacity doubles, so that n pushes copy O(n) elements.
 */
#include "base/base.h"

enum { FIRST_CAPACITY = 8 };

tay_status tay__array_reserve(tay__array *array, size_t extra)
{
    size_t needed;
    if (__builtin_add_overflow(array->count, extra, &needed))
        return tay__error(TAY_ERROR_LIMIT, "an array overflows: %zu + %zu elements", array->count, extra);
    if (needed <= array->capacity) return TAY_OK;
    size_t capacity = array->capacity ? array->capacity : FIRST_CAPACITY;
    while (capacity < needed) capacity = capacity > SIZE_MAX / 2 ? needed : 2 * capacity;
    tay_status status = tay__realloc(&array->data, capacity, array->width);
    if (status == TAY_OK) array->capacity = capacity;
    return status;
}

tay_status tay__array_push(tay__array *array, const void *element)
{
    if (array->count == array->capacity) {
        tay_status status = tay__array_reserve(array, 1);
        if (status != TAY_OK) return status;
    }
    memcpy((char *)array->data + array->count * array->width, element, array->width);
    array->count++;
    return TAY_OK;
}

void tay__array_free(tay__array *array)
{
    tay__free(array->data);
    *array = (tay__array){.width = array->width};
}

tay_status tay__alloc_kept(void *out, tay__array *kept, size_t count, size_t size)
{
    tay_status status = TAY_OK;
    void *p;

    TAY_TRY(tay__array_reserve(kept, 1));
    TAY_TRY(tay__calloc(&p, count, size));
    TAY_TRY(tay__array_push(kept, &p));
    memcpy(out, &p, sizeof p);
out:
    return status;
}

void tay__free_kept(tay__array *kept)
{
    for (size_t i = 0; i < kept->count; i++) tay__free(((void **)kept->data)[i]);
    tay__array_free(kept);
}
