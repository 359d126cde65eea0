/*
 * Nodes of the expression graph: equal nodes are one node (hash-consing).
 *
 * One table of all live nodes under one lock: linear probing, at most half full, a node's home is given by the high
 * bits of its hash, so that doubling the table streams through memory. Reference counts are atomic; a count goes from
 * one to zero only under the lock, so that a lookup never finds a dying node. The table is freed with the last node.
 *
 * What makes two nodes equal: the kind, the function, the number's bits (any NaN is one NaN; -0 and 0 are two nodes, as
 * 1/x tells them apart), the name, the index, the arguments' addresses in their order.
 */
#include "expr/graph.h"

#include <math.h>
#include <pthread.h>

enum { FIRST_BITS = 6 };

typedef struct entry {
    uint64_t hash;
    tay_expr *e; /* NULL: free */
} entry;

static struct {
    pthread_mutex_t lock;
    entry *entries; /* [2^bits]; NULL while there are no nodes */
    unsigned bits;
    size_t count;
    uint64_t serial;
} table = {.lock = PTHREAD_MUTEX_INITIALIZER};

static size_t mask(void)
{
    return ((size_t)1 << table.bits) - 1;
}

static size_t home(uint64_t hash)
{
    return (size_t)(hash >> (64 - table.bits));
}

/* What is looked for, or made. */
typedef struct key {
    tay_expr_kind kind;
    uint8_t function, depends;
    uint64_t hash, size;
    double number;
    uint32_t parameter;
    const char *name;
    const tay_expr *const *args;
    size_t n_args;
} key;

static uint64_t bits_of(double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

static bool is_equal(const tay_expr *e, const key *k)
{
    if (e->kind != k->kind) return false;
    switch (k->kind) {
    case TAY_KIND_NUMBER:
        return bits_of(e->u.number) == bits_of(k->number);
    case TAY_KIND_VARIABLE:
        return strcmp(e->u.name, k->name) == 0;
    case TAY_KIND_PARAMETER:
        return e->u.parameter == k->parameter;
    case TAY_KIND_TIME:
        return true;
    default:
        return e->function == k->function && e->n_args == k->n_args &&
               (k->n_args == 0 || memcmp(e->u.args, k->args, k->n_args * sizeof *k->args) == 0);
    }
}

/* Where the node of this key is, or the free entry where it belongs. */
static entry *find(const key *k)
{
    size_t i = home(k->hash);
    while (table.entries[i].e && !(table.entries[i].hash == k->hash && is_equal(table.entries[i].e, k)))
        i = (i + 1) & mask();
    return &table.entries[i];
}

static void insert(const entry *new)
{
    size_t i = home(new->hash);
    while (table.entries[i].e) i = (i + 1) & mask();
    table.entries[i] = *new;
}

/* Takes out the entry of e and moves those behind it that can stand nearer to their homes [Knuth, TAOCP 3, 6.4 R]. */
static void take_out(const tay_expr *e)
{
    size_t hole = home(e->hash);
    while (table.entries[hole].e != e) hole = (hole + 1) & mask();
    for (size_t i = (hole + 1) & mask(); table.entries[i].e; i = (i + 1) & mask()) {
        size_t distance = (i - home(table.entries[i].hash)) & mask();
        if (distance < ((i - hole) & mask())) continue; /* its home lies behind the hole */
        table.entries[hole] = table.entries[i];
        hole = i;
    }
    table.entries[hole].e = NULL;
    table.count--;
}

/* Twice the entries, or the first ones. */
static tay_status grow(void)
{
    entry *old = table.entries, *new;
    size_t n_old = old ? mask() + 1 : 0;
    unsigned bits = old ? table.bits + 1 : FIRST_BITS;
    tay_status status = tay__calloc(&new, (size_t)1 << bits, sizeof *new);
    if (status != TAY_OK) return status;
    table.entries = new;
    table.bits = bits;
    for (size_t i = 0; i < n_old; i++) {
        if (old[i].e) insert(&old[i]);
    }
    tay__free(old);
    return TAY_OK;
}

/* A new node in one allocation: arguments or name stand behind it. */
static tay_status create(tay_expr **out, const key *k)
{
    size_t name_size = k->kind == TAY_KIND_VARIABLE ? strlen(k->name) + 1 : 0;
    size_t args_size = k->n_args * sizeof(tay_expr *);
    tay_expr *e;
    tay_status status = tay__alloc(&e, 1, sizeof *e + name_size + args_size);
    if (status != TAY_OK) return status;
    atomic_init(&e->refs, 1);
    e->kind = (uint8_t)k->kind;
    e->function = k->function;
    e->depends = k->depends;
    e->n_args = (uint32_t)k->n_args;
    e->hash = k->hash;
    e->size = k->size;
    switch (k->kind) {
    case TAY_KIND_NUMBER:
        e->u.number = k->number;
        break;
    case TAY_KIND_VARIABLE:
        e->u.name = memcpy(e + 1, k->name, name_size);
        break;
    case TAY_KIND_PARAMETER:
        e->u.parameter = k->parameter;
        break;
    case TAY_KIND_TIME:
        e->u.args = NULL;
        break;
    default:
        e->u.args = (tay_expr **)(e + 1);
        for (size_t i = 0; i < k->n_args; i++) e->u.args[i] = tay_expr_ref(k->args[i]);
    }
    *out = e;
    return TAY_OK;
}

/* The node of the key with one more reference; under the lock. */
static tay_status find_or_create(tay_expr **out, const key *k)
{
    if (!table.entries || table.count > mask() / 2) {
        tay_status status = grow();
        if (status != TAY_OK) return status;
    }
    entry *place = find(k);
    if (place->e) {
        *out = tay_expr_ref(place->e);
        return TAY_OK;
    }
    tay_expr *e;
    tay_status status = create(&e, k);
    if (status != TAY_OK) return status;
    e->serial = table.serial++;
    *place = (entry){.hash = k->hash, .e = e};
    table.count++;
    *out = e;
    return TAY_OK;
}

/* An empty table holds no memory. */
static void release_if_empty(void)
{
    if (table.count > 0) return;
    tay__free(table.entries);
    table.entries = NULL;
}

static tay_status intern(tay_expr **out, const key *k)
{
    pthread_mutex_lock(&table.lock);
    tay_status status = find_or_create(out, k);
    if (status != TAY_OK) release_if_empty();
    pthread_mutex_unlock(&table.lock);
    return status;
}

tay_status tay__expr_check(const char *call, const void *out, const tay_expr *const *args, size_t n)
{
    if (!out) return tay__error(TAY_ERROR_ARGUMENT, "%s: `out` is NULL", call);
    if (n > 0 && !args) return tay__error(TAY_ERROR_ARGUMENT, "%s: the array of %zu expressions is NULL", call, n);
    for (size_t i = 0; i < n; i++) {
        if (!args[i])
            return tay__error(TAY_ERROR_ARGUMENT, "%s: argument %zu of %zu is NULL, not an expression", call, i, n);
    }
    return TAY_OK;
}

/* Numbers that compare equal have equal hashes. */
static uint64_t hash_number(double value)
{
    return tay__mix(TAY_KIND_NUMBER, value == 0.0 ? 0 : bits_of(value));
}

tay_status tay_expr_number(tay_expr **out, double value)
{
    tay_status status = tay__expr_check("tay_expr_number", out, NULL, 0);
    if (status != TAY_OK) return status;
    if (isnan(value)) value = (double)NAN;
    key k = {.kind = TAY_KIND_NUMBER, .size = 1, .hash = hash_number(value), .number = value};
    return intern(out, &k);
}

tay_status tay_expr_variable(tay_expr **out, const char *name)
{
    tay_status status = tay__expr_check("tay_expr_variable", out, NULL, 0);
    if (status != TAY_OK) return status;
    if (!name || !*name)
        return tay__error(TAY_ERROR_ARGUMENT, "tay_expr_variable: the name is %s, one or more characters were expected",
                          name ? "empty" : "NULL");
    size_t length = strlen(name);
    key k = {.kind = TAY_KIND_VARIABLE,
             .depends = TAY__DEPENDS_VARIABLE,
             .size = 1,
             .hash = tay__mix(TAY_KIND_VARIABLE, length),
             .name = name};
    for (size_t i = 0; i < length; i += 8) {
        uint64_t word = 0;
        memcpy(&word, name + i, length - i < 8 ? length - i : 8);
        k.hash = tay__mix(k.hash, word);
    }
    return intern(out, &k);
}

tay_status tay_expr_parameter(tay_expr **out, uint32_t index)
{
    tay_status status = tay__expr_check("tay_expr_parameter", out, NULL, 0);
    if (status != TAY_OK) return status;
    if (index >= TAY_MAX_PARAMETER)
        return tay__error(TAY_ERROR_ARGUMENT, "tay_expr_parameter: the index %lu is not less than %lu",
                          (unsigned long)index, (unsigned long)TAY_MAX_PARAMETER);
    key k = {.kind = TAY_KIND_PARAMETER,
             .depends = TAY__DEPENDS_PARAMETER,
             .size = 1,
             .hash = tay__mix(TAY_KIND_PARAMETER, index),
             .parameter = index};
    return intern(out, &k);
}

tay_status tay_expr_time(tay_expr **out)
{
    tay_status status = tay__expr_check("tay_expr_time", out, NULL, 0);
    if (status != TAY_OK) return status;
    key k = {.kind = TAY_KIND_TIME, .size = 1, .depends = TAY__DEPENDS_TIME, .hash = tay__mix(TAY_KIND_TIME, 0)};
    return intern(out, &k);
}

tay_status tay__expr_make(tay_expr **out, tay_expr_kind kind, tay_function function, const tay_expr *const *args,
                          size_t n)
{
    if (n > UINT32_MAX)
        return tay__error(TAY_ERROR_LIMIT, "an expression of %zu arguments was asked for, at most %lu are possible", n,
                          (unsigned long)UINT32_MAX);
    key k = {.kind = kind, .function = (uint8_t)function, .args = args, .n_args = n};
    k.hash = tay__mix(kind, function);
    k.size = 1;
    bool has_slope = kind == TAY_KIND_FUNCTION && (function == TAY_RELU || function == TAY_RELUP);
    for (size_t i = 0; i < n; i++) {
        k.hash = tay__mix(k.hash, args[i]->hash);
        k.depends |= args[i]->depends;
        if (has_slope && i == 1) continue;
        if (__builtin_add_overflow(k.size, args[i]->size, &k.size)) k.size = UINT64_MAX;
    }
    return intern(out, &k);
}

tay_expr *tay_expr_ref(const tay_expr *e)
{
    tay_expr *shared = (tay_expr *)(uintptr_t)e;
    if (shared) atomic_fetch_add_explicit(&shared->refs, 1, memory_order_relaxed);
    return shared;
}

/* Takes a node whose count has become zero out of the table and puts it on the list of the dead; under the lock. */
static void bury(tay_expr *e, tay_expr **dead)
{
    take_out(e);
    e->next = *dead;
    *dead = e;
}

/* One reference less under the lock; true if it was the last. */
static bool drop(tay_expr *e)
{
    return atomic_fetch_sub_explicit(&e->refs, 1, memory_order_acq_rel) == 1;
}

/* The last reference may have gone: takes e and all that only e held out of the table, and frees it after the lock. */
static void unref_last(tay_expr *e)
{
    tay_expr *dead = NULL, *buried = NULL;
    pthread_mutex_lock(&table.lock);
    if (drop(e)) bury(e, &dead);
    while (dead) {
        tay_expr *node = dead;
        dead = node->next;
        for (uint32_t i = 0; i < node->n_args; i++) {
            if (drop(node->u.args[i])) bury(node->u.args[i], &dead);
        }
        node->next = buried;
        buried = node;
    }
    release_if_empty();
    pthread_mutex_unlock(&table.lock);
    while (buried) {
        tay_expr *next = buried->next;
        tay__free(buried);
        buried = next;
    }
}

void tay_expr_unref(tay_expr *e)
{
    if (!e) return;
    uint32_t refs = atomic_load_explicit(&e->refs, memory_order_relaxed);
    while (refs > 1) {
        if (atomic_compare_exchange_weak_explicit(&e->refs, &refs, refs - 1, memory_order_release,
                                                  memory_order_relaxed))
            return;
    }
    unref_last(e);
}

void tay__expr_unref_all(tay_expr *const *e, size_t n)
{
    for (size_t i = 0; i < n; i++) tay_expr_unref(e[i]);
}

tay_expr_kind tay_expr_get_kind(const tay_expr *e)
{
    return (tay_expr_kind)e->kind;
}

const char *tay_expr_name(const tay_expr *e)
{
    return e->kind == TAY_KIND_VARIABLE ? e->u.name : NULL;
}

double tay_expr_value(const tay_expr *e)
{
    return e->kind == TAY_KIND_NUMBER ? e->u.number : (double)NAN;
}

uint32_t tay_expr_index(const tay_expr *e)
{
    return e->kind == TAY_KIND_PARAMETER ? e->u.parameter : UINT32_MAX;
}

const char *tay_expr_function_name(const tay_expr *e)
{
    if (e->kind == TAY_KIND_FUNCTION) return tay__functions[e->function].name;
    return e->kind == TAY_KIND_SUM ? "sum" : e->kind == TAY_KIND_PRODUCT ? "prod" : NULL;
}

size_t tay_expr_n_args(const tay_expr *e)
{
    return e->n_args;
}

const tay_expr *tay_expr_arg(const tay_expr *e, size_t i)
{
    return i < e->n_args ? e->u.args[i] : NULL;
}

bool tay_expr_equal(const tay_expr *a, const tay_expr *b)
{
    if (a == b) return true;
    return a && b && a->kind == TAY_KIND_NUMBER && b->kind == TAY_KIND_NUMBER && a->u.number == b->u.number;
}

uint64_t tay_expr_hash(const tay_expr *e)
{
    return e->hash;
}
