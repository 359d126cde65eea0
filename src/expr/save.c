/*
 * Expressions as bytes, for files and pickle. Format (integers are LEB128: seven bits a byte, low ones first):
 *
 *     "tayx", version, number of functions, their names (each with its 0), number of nodes, nodes, n, n nodes'
 *     distances, FNV-1a checksum of all that (8 bytes, little-endian)
 *
 * A node is its kind, then the number's 8 bytes, the name with its 0, the parameter's index, nothing for time, or (for
 * a call: the function's place among the names,) the number of arguments and how many nodes back each one stands.
 * Nodes stand after their arguments, each once. Reading builds through the simplifying constructors, so that even
 * hand-made data gives valid expressions; what was saved comes back as it was.
 */
#include "expr/graph.h"

static const uint8_t magic[4] = {'t', 'a', 'y', 'x'};
enum { VERSION = 1, CHECKSUM_SIZE = 8 };

static uint64_t checksum(const uint8_t *data, size_t size)
{
    uint64_t h = 0xcbf29ce484222325u;
    for (size_t i = 0; i < size; i++) h = (h ^ data[i]) * 0x100000001b3u;
    return h;
}

/* Writing. */

static tay_status put_bytes(tay__array *bytes, const void *data, size_t size)
{
    tay_status status = tay__array_reserve(bytes, size);
    if (status != TAY_OK) return status;
    if (size > 0) memcpy((uint8_t *)bytes->data + bytes->count, data, size);
    bytes->count += size;
    return TAY_OK;
}

static tay_status put_integer(tay__array *bytes, uint64_t value)
{
    uint8_t buffer[10];
    size_t size = 0;
    do {
        buffer[size++] = (uint8_t)((value & 0x7f) | (value > 0x7f ? 0x80 : 0));
        value >>= 7;
    } while (value > 0);
    return put_bytes(bytes, buffer, size);
}

static tay_status put_word(tay__array *bytes, uint64_t word)
{
    uint8_t buffer[8];
    for (size_t i = 0; i < 8; i++) buffer[i] = (uint8_t)(word >> (8 * i));
    return put_bytes(bytes, buffer, sizeof buffer);
}

/* The names of the functions that occur; places[f] becomes the place of function f among them. */
static tay_status put_functions(tay__array *bytes, uint32_t *places, const tay_expr **nodes, size_t count)
{
    tay_status status = TAY_OK;
    bool occurs[TAY_N_FUNCTIONS] = {false};
    uint32_t n = 0;
    for (size_t i = 0; i < count; i++) {
        if (nodes[i]->kind == TAY_KIND_FUNCTION) occurs[nodes[i]->function] = true;
    }
    for (int f = 0; f < TAY_N_FUNCTIONS; f++) {
        if (occurs[f]) places[f] = n++;
    }
    TAY_TRY(put_integer(bytes, n));
    for (int f = 0; f < TAY_N_FUNCTIONS; f++) {
        if (occurs[f]) TAY_TRY(put_bytes(bytes, tay__functions[f].name, strlen(tay__functions[f].name) + 1));
    }
out:
    return status;
}

static tay_status put_node(tay__array *bytes, const tay_expr *e, size_t place, const uint32_t *functions,
                           const tay__map *index)
{
    tay_status status = TAY_OK;
    uint64_t bits;
    TAY_TRY(put_integer(bytes, e->kind));
    switch (tay_expr_get_kind(e)) {
    case TAY_KIND_NUMBER:
        memcpy(&bits, &e->u.number, sizeof bits);
        return put_word(bytes, bits);
    case TAY_KIND_VARIABLE:
        return put_bytes(bytes, e->u.name, strlen(e->u.name) + 1);
    case TAY_KIND_PARAMETER:
        return put_integer(bytes, e->u.parameter);
    case TAY_KIND_TIME:
        return TAY_OK;
    case TAY_KIND_FUNCTION:
        TAY_TRY(put_integer(bytes, functions[e->function]));
        break;
    default:
        break;
    }
    TAY_TRY(put_integer(bytes, e->n_args));
    for (uint32_t i = 0; i < e->n_args; i++)
        TAY_TRY(put_integer(bytes, place - *tay__map_get(index, (uintptr_t)e->u.args[i])));
out:
    return status;
}

tay_status tay_expr_save(uint8_t **out, size_t *size, const tay_expr *const *e, size_t n)
{
    tay_status status = TAY_OK;
    tay__array bytes = TAY__ARRAY(uint8_t);
    tay__map index = {0};
    const tay_expr **nodes = NULL;
    size_t count;
    uint32_t functions[TAY_N_FUNCTIONS] = {0};
    TAY_TRY(tay__expr_check("tay_expr_save", out, e, n));
    if (!size) TAY_FAIL(TAY_ERROR_ARGUMENT, "tay_expr_save: `size` is NULL");
    TAY_TRY(tay__expr_postorder(&nodes, &count, &index, e, n));
    TAY_TRY(put_bytes(&bytes, magic, sizeof magic));
    TAY_TRY(put_integer(&bytes, VERSION));
    TAY_TRY(put_functions(&bytes, functions, nodes, count));
    TAY_TRY(put_integer(&bytes, count));
    for (size_t i = 0; i < count; i++) TAY_TRY(put_node(&bytes, nodes[i], i, functions, &index));
    TAY_TRY(put_integer(&bytes, n));
    for (size_t i = 0; i < n; i++) TAY_TRY(put_integer(&bytes, count - *tay__map_get(&index, (uintptr_t)e[i])));
    TAY_TRY(put_word(&bytes, checksum(bytes.data, bytes.count)));
    *out = bytes.data;
    *size = bytes.count;
    bytes.data = NULL;
out:
    tay__free(nodes);
    tay__map_free(&index);
    tay__array_free(&bytes);
    return status;
}

/* Reading. */

typedef struct reader {
    const uint8_t *next, *end;
    tay_function functions[TAY_N_FUNCTIONS];
    size_t n_functions;
    tay__array nodes; /* of tay_expr *, references */
    tay__array args;  /* of const tay_expr * */
} reader;

static tay_status damaged(const char *what)
{
    return tay__error(TAY_ERROR_FORMAT, "tay_expr_load: the data is damaged: %s", what);
}

static size_t left(const reader *r)
{
    return (size_t)(r->end - r->next);
}

static uint64_t word_at(const uint8_t *data)
{
    uint64_t word = 0;
    for (size_t i = 0; i < 8; i++) word |= (uint64_t)data[i] << (8 * i);
    return word;
}

/* An integer of at most `limit`; the message says what it should have been. */
static tay_status get_integer(reader *r, uint64_t *out, uint64_t limit, const char *what)
{
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 63 && r->next < r->end; shift += 7) {
        uint8_t byte = *r->next++;
        value |= (uint64_t)(byte & 0x7f) << shift;
        if (byte & 0x80) continue;
        if (value > limit) break;
        *out = value;
        return TAY_OK;
    }
    return damaged(what);
}

/* A string in place. */
static tay_status get_string(reader *r, const char **out)
{
    const uint8_t *end = left(r) ? memchr(r->next, 0, left(r)) : NULL;
    if (!end) return damaged("a name has no end");
    *out = (const char *)r->next;
    r->next = end + 1;
    return TAY_OK;
}

static tay_status get_functions(reader *r)
{
    tay_status status = TAY_OK;
    uint64_t n;
    const char *name = NULL;
    TAY_TRY(get_integer(r, &n, TAY_N_FUNCTIONS, "the number of functions"));
    for (uint64_t i = 0; i < n; i++) {
        TAY_TRY(get_string(r, &name));
        int f = 0;
        while (f < TAY_N_FUNCTIONS && strcmp(tay__functions[f].name, name) != 0) f++;
        if (f == TAY_N_FUNCTIONS)
            TAY_FAIL(TAY_ERROR_FORMAT, "tay_expr_load: the data has a function \"%.64s\", which this version lacks",
                     name);
        r->functions[r->n_functions++] = (tay_function)f;
    }
out:
    return status;
}

/* One of the nodes so far, as a distance back. */
static tay_status get_node(reader *r, const tay_expr **out)
{
    uint64_t distance = 0;
    tay_status status = get_integer(r, &distance, r->nodes.count, "a reference to a node");
    if (status != TAY_OK) return status;
    if (distance == 0) return damaged("a node that refers to itself");
    *out = ((tay_expr **)r->nodes.data)[r->nodes.count - distance];
    return TAY_OK;
}

static tay_status make_inner(reader *r, tay_expr **out, uint64_t kind)
{
    tay_status status = TAY_OK;
    uint64_t function = 0, n;
    const tay_expr *arg;
    if (kind == TAY_KIND_FUNCTION) {
        TAY_TRY(get_integer(r, &function, r->n_functions, "a function"));
        if (function == r->n_functions) return damaged("a function");
    }
    TAY_TRY(get_integer(r, &n, left(r), "a number of arguments"));
    r->args.count = 0;
    for (uint64_t i = 0; i < n; i++) {
        TAY_TRY(get_node(r, &arg));
        TAY_TRY(tay__array_push(&r->args, &arg));
    }
    if (kind == TAY_KIND_SUM) return tay_expr_sum(out, r->args.data, n);
    if (kind == TAY_KIND_PRODUCT) return tay_expr_prod(out, r->args.data, n);
    return tay_expr_function(out, r->functions[function], r->args.data, n);
out:
    return status;
}

static tay_status make_node(reader *r, tay_expr **out)
{
    tay_status status = TAY_OK;
    uint64_t kind, bits;
    const char *name = NULL;
    double value;
    TAY_TRY(get_integer(r, &kind, TAY_KIND_FUNCTION, "the kind of a node"));
    switch ((tay_expr_kind)kind) {
    case TAY_KIND_NUMBER:
        if (left(r) < sizeof bits) return damaged("a number is cut");
        bits = word_at(r->next);
        memcpy(&value, &bits, sizeof value);
        r->next += sizeof bits;
        return tay_expr_number(out, value);
    case TAY_KIND_VARIABLE:
        TAY_TRY(get_string(r, &name));
        return tay_expr_variable(out, name);
    case TAY_KIND_PARAMETER:
        TAY_TRY(get_integer(r, &bits, TAY_MAX_PARAMETER, "the index of a parameter"));
        return tay_expr_parameter(out, (uint32_t)bits);
    case TAY_KIND_TIME:
        return tay_expr_time(out);
    default:
        return make_inner(r, out, kind);
    }
out:
    return status;
}

/* What a constructor refuses is the data's fault. */
static tay_status get_nodes(reader *r)
{
    uint64_t count;
    tay_status status = get_integer(r, &count, left(r), "the number of nodes");
    if (status != TAY_OK) return status;
    status = tay__array_reserve(&r->nodes, count);
    for (uint64_t i = 0; i < count && status == TAY_OK; i++) {
        tay_expr *e;
        status = make_node(r, &e);
        if (status == TAY_ERROR_ARGUMENT) status = damaged("an expression that cannot be");
        if (status == TAY_OK) status = tay__array_push(&r->nodes, &e);
    }
    return status;
}

/* The frame around the nodes; r->end becomes the checksum's beginning. */
static tay_status check_frame(reader *r, const uint8_t *data, size_t size)
{
    uint64_t version;
    if (size < sizeof magic + CHECKSUM_SIZE || memcmp(data, magic, sizeof magic) != 0)
        return tay__error(TAY_ERROR_FORMAT, "tay_expr_load: these %zu bytes are no saved expressions", size);
    r->next = data + sizeof magic;
    r->end = data + size - CHECKSUM_SIZE;
    tay_status status = get_integer(r, &version, UINT64_MAX, "the version");
    if (status != TAY_OK) return status;
    if (version != VERSION)
        return tay__error(TAY_ERROR_FORMAT, "tay_expr_load: the data has version %llu, this library reads version %d",
                          (unsigned long long)version, VERSION);
    if (checksum(data, size - CHECKSUM_SIZE) != word_at(r->end)) return damaged("the checksum differs");
    return TAY_OK;
}

tay_status tay_expr_load(tay_expr ***out, size_t *n, const uint8_t *data, size_t size)
{
    tay_status status = TAY_OK;
    reader r = {.nodes = TAY__ARRAY(tay_expr *), .args = TAY__ARRAY(const tay_expr *)};
    tay_expr **loaded = NULL;
    const tay_expr *e;
    uint64_t count;
    if (!out || !n || !data)
        TAY_FAIL(TAY_ERROR_ARGUMENT, "tay_expr_load: `%s` is NULL", !out ? "out" : !n ? "n" : "data");
    TAY_TRY(check_frame(&r, data, size));
    TAY_TRY(get_functions(&r));
    TAY_TRY(get_nodes(&r));
    TAY_TRY(get_integer(&r, &count, left(&r), "the number of expressions"));
    r.args.count = 0;
    for (uint64_t i = 0; i < count; i++) {
        TAY_TRY(get_node(&r, &e));
        TAY_TRY(tay__array_push(&r.args, &e));
    }
    if (left(&r) != 0) TAY_FAIL(TAY_ERROR_FORMAT, "tay_expr_load: %zu bytes too many", left(&r));
    TAY_TRY(tay__alloc(&loaded, count, sizeof *loaded));
    for (uint64_t i = 0; i < count; i++) loaded[i] = tay_expr_ref(((const tay_expr **)r.args.data)[i]);
    *out = loaded;
    *n = count;
out:
    tay__expr_unref_all(r.nodes.data, r.nodes.count);
    tay__array_free(&r.nodes);
    tay__array_free(&r.args);
    return status;
}
