/*
 * A hash map from 64-bit keys to 64-bit values: linear probing in a power of two of entries, at most two thirds full.
 * Entries are never removed; iterating over `entries` visits them in an order that depends on the keys. And a hash of bytes.
 */
#include "base/base.h"

enum { FIRST_CAPACITY = 16 };

/* The entry of `key`, or the free one where it belongs; capacity > 0. */
static struct tay__map_entry *find(struct tay__map_entry *entries, size_t capacity, uint64_t key)
{
    size_t mask = capacity - 1;
    size_t i = (size_t)tay__mix(0, key) & mask;
    while (entries[i].used && entries[i].key != key) i = (i + 1) & mask;
    return &entries[i];
}

static tay_status grow(tay__map *map)
{
    size_t capacity = FIRST_CAPACITY;
    if (map->capacity) {
        tay_status status = tay__multiply(&capacity, map->capacity, 2);
        if (status != TAY_OK) return status;
    }
    struct tay__map_entry *entries;
    tay_status status = tay__calloc(&entries, capacity, sizeof *entries);
    if (status != TAY_OK) return status;
    for (size_t i = 0; i < map->capacity; i++) {
        if (map->entries[i].used) *find(entries, capacity, map->entries[i].key) = map->entries[i];
    }
    tay__free(map->entries);
    map->entries = entries;
    map->capacity = capacity;
    return TAY_OK;
}

uint64_t *tay__map_get(const tay__map *map, uint64_t key)
{
    if (map->count == 0) return NULL;
    struct tay__map_entry *entry = find(map->entries, map->capacity, key);
    return entry->used ? &entry->value : NULL;
}

tay_status tay__map_set(tay__map *map, uint64_t key, uint64_t value)
{
    if (map->count >= map->capacity / 3 * 2) {
        tay_status status = grow(map);
        if (status != TAY_OK) return status;
    }
    struct tay__map_entry *entry = find(map->entries, map->capacity, key);
    if (!entry->used) map->count++;
    *entry = (struct tay__map_entry){.key = key, .value = value, .used = true};
    return TAY_OK;
}

void tay__map_free(tay__map *map)
{
    tay__free(map->entries);
    *map = (tay__map){0};
}

uint64_t tay__hash(uint64_t h, const void *data, size_t size)
{
    const char *bytes = data;
    uint64_t word;

    h = tay__mix(h, size);
    for (size_t i = 0; i < size; i += sizeof word) {
        word = 0;
        memcpy(&word, bytes + i, size - i < sizeof word ? size - i : sizeof word);
        h = tay__mix(h, word);
    }
    return h;
}
