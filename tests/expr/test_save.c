/*
 * Saving and loading: the same objects come back; every damaged, cut or hand-made byte string is refused or gives valid
 * expressions, and never crashes.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "expr/expr.h"
#include "support/check.h"
#include "support/failing_alloc.h"
#include "support/rpn.h"

static const char *const texts[] = {
    "x y + sin x y + * p3 t / z ** 2.5 x y z sum:4 prod:3",
    "x 0.1 relu y 0 relup lt x y z select pi x logical_and:4",
    "x",
    "-0",
    "nan",
    "1e-310",
    "p2147483646",
    "v#300 x +",
    "\xc3\xa9 a gte",
    "x y + sin",
};
enum { N_TEXTS = sizeof texts / sizeof *texts };

static void save_texts(uint8_t **data, size_t *size, tay_expr *e[N_TEXTS])
{
    for (int i = 0; i < N_TEXTS; i++) e[i] = rpn(texts[i]);
    assert_ok(tay_expr_save(data, size, (const tay_expr *const *)e, N_TEXTS));
}

static void the_same_comes_back(void **state)
{
    (void)state;
    tay_expr *e[N_TEXTS], **loaded;
    uint8_t *data, *again;
    size_t size, n;
    save_texts(&data, &size, e);
    assert_ok(tay_expr_load(&loaded, &n, data, size));
    assert_int_equal(n, N_TEXTS);
    for (int i = 0; i < N_TEXTS; i++) assert_ptr_equal(loaded[i], e[i]);
    release(loaded, n);
    tay_free(loaded);
    release(e, N_TEXTS);
    /* Also when nothing of it is alive; and the bytes do not depend on addresses. */
    assert_ok(tay_expr_load(&loaded, &n, data, size));
    size_t size_again;
    assert_ok(tay_expr_save(&again, &size_again, (const tay_expr *const *)loaded, n));
    assert_int_equal(size, size_again);
    assert_memory_equal(data, again, size);
    release(loaded, n);
    tay_free(loaded);
    tay_free(data);
    tay_free(again);
}

static void nothing_can_be_saved(void **state)
{
    (void)state;
    uint8_t *data;
    size_t size, n = 1;
    tay_expr **loaded;
    assert_ok(tay_expr_save(&data, &size, NULL, 0));
    assert_ok(tay_expr_load(&loaded, &n, data, size));
    assert_int_equal(n, 0);
    tay_free(loaded);
    tay_free(data);
}

/* 100,000 levels, 2^100000 leaves: the bytes hold shared parts once. */
static void shared_parts_are_saved_once(void **state)
{
    (void)state;
    tay_expr *e = rpn("x"), *next, **loaded;
    uint8_t *data;
    size_t size, n;
    for (int i = 0; i < 100000; i++) {
        assert_ok(tay_expr_mul(&next, e, e));
        tay_expr_unref(e);
        e = next;
    }
    assert_ok(tay_expr_save(&data, &size, (const tay_expr *const *)&e, 1));
    assert_in_range(size, 100000, 500000);
    assert_ok(tay_expr_load(&loaded, &n, data, size));
    assert_ptr_equal(loaded[0], e);
    release(loaded, n);
    tay_free(loaded);
    tay_free(data);
    tay_expr_unref(e);
}

static uint64_t checksum(const uint8_t *data, size_t size)
{
    uint64_t h = 0xcbf29ce484222325u;
    for (size_t i = 0; i < size; i++) h = (h ^ data[i]) * 0x100000001b3u;
    return h;
}

static void seal(uint8_t *data, size_t size)
{
    uint64_t h = checksum(data, size - 8);
    for (size_t i = 0; i < 8; i++) data[size - 8 + i] = (uint8_t)(h >> (8 * i));
}

static void every_changed_byte_is_noticed(void **state)
{
    (void)state;
    tay_expr *e[N_TEXTS], **loaded = NULL;
    uint8_t *data;
    size_t size, n = 5;
    save_texts(&data, &size, e);
    for (size_t i = 0; i < size; i++) {
        for (int bit = 0; bit < 8; bit++) {
            data[i] ^= (uint8_t)(1 << bit);
            assert_int_equal(tay_expr_load(&loaded, &n, data, size), TAY_ERROR_FORMAT);
            data[i] ^= (uint8_t)(1 << bit);
        }
    }
    for (size_t cut = 0; cut < size; cut++) assert_int_equal(tay_expr_load(&loaded, &n, data, cut), TAY_ERROR_FORMAT);
    assert_null(loaded);
    assert_int_equal(n, 5);
    tay_free(data);
    release(e, N_TEXTS);
}

/* Loads a copy that fills its allocation exactly, so that a reader that runs over is seen by sanitizers. */
static bool load_exact(const uint8_t *data, size_t size)
{
    uint8_t *copy = malloc(size);
    assert_non_null(copy);
    memcpy(copy, data, size);
    seal(copy, size);
    tay_expr **loaded;
    size_t n;
    tay_status status = tay_expr_load(&loaded, &n, copy, size);
    free(copy);
    if (status != TAY_OK) {
        assert_int_equal(status, TAY_ERROR_FORMAT);
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        char *text;
        assert_ok(tay_expr_to_string(&text, loaded[i]));
        tay_free(text);
    }
    release(loaded, n);
    tay_free(loaded);
    return true;
}

/* Damage under a valid checksum. */
static void hand_made_data_is_harmless(void **state)
{
    (void)state;
    tay_expr *e[N_TEXTS];
    uint8_t *data;
    size_t size, n_valid = 0, n_refused = 0;
    uint64_t seed = 5;
    save_texts(&data, &size, e);
    uint8_t *damaged = malloc(size);
    assert_non_null(damaged);
    for (int round = 0; round < 20000; round++) {
        memcpy(damaged, data, size);
        seed = tay__mix(seed, 1);
        for (uint64_t k = 0; k <= seed % 3; k++) {
            seed = tay__mix(seed, 2);
            damaged[5 + seed % (size - 13)] = (uint8_t)(seed >> 40);
        }
        bool valid = load_exact(damaged, seed % 5 ? size : 13 + (seed >> 8) % (size - 13));
        n_valid += valid;
        n_refused += !valid;
    }
    assert_true(n_valid > 100 && n_refused > 100);
    free(damaged);
    tay_free(data);
    release(e, N_TEXTS);
}

/* The bytes between the frame and the checksum, and what is wrong with them. */
static void refused_because(void **state)
{
    (void)state;
    static const struct {
        uint8_t bytes[32];
        size_t size;
        const char *message;
    } cases[] = {
        {"\2", 1, "version 2"},
        {"\1", 1, "the number of functions"},
        {"\1\1no\0", 5, "a function \"no\", which this version lacks"},
        {"\1\1no", 4, "a name has no end"},
        {"\1\0", 2, "the number of nodes"},
        {"\1\0\1\7", 4, "the kind of a node"},
        {"\1\0\1\0\1\2\3", 7, "a number is cut"},
        {"\1\0\1\1\0\1\1", 7, "an expression that cannot be"}, /* the name "" */
        {"\1\0\1\2\xff\xff\xff\xff\7\1\1", 11, "an expression that cannot be"}, /* a parameter too large */
        {"\1\0\1\2\xff\xff\xff\xff\x0f\1\1", 11, "the index of a parameter"},
        {"\1\0\1\4\1\1", 6, "a reference to a node"}, /* the sum of what is not there */
        {"\1\0\2\3\4\1\0\1\1", 9, "refers to itself"},
        {"\1\0\2\3\6\0\1\1\1\1", 10, "a function"}, /* the first of no functions */
        {"\1\1sin\0\2\3\6\0\2\1\1\1\1", 14, "an expression that cannot be"}, /* sin of two */
        {"\1\0\1\3\1\1\0", 7, "1 bytes too many"},
        {"\1\0\1\3\3\1", 6, "the number of expressions"},
        {"\1\0\1\3\1\2", 6, "a reference to a node"},
        {"\1\0\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\1", 13, "the number of nodes"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        uint8_t data[64] = "tayx";
        memcpy(data + 4, cases[i].bytes, cases[i].size);
        size_t size = 4 + cases[i].size + 8, n = 5;
        seal(data, size);
        tay_expr **loaded = NULL;
        tay_status status = tay_expr_load(&loaded, &n, data, size);
        if (status != TAY_ERROR_FORMAT || !strstr(tay_error_message(), cases[i].message))
            fail_msg("case %zu: %s \"%s\", expected \"%s\"", i, tay_status_name(status), tay_error_message(),
                     cases[i].message);
        assert_null(loaded);
        assert_int_equal(n, 5);
    }
}

static void wrong_arguments(void **state)
{
    (void)state;
    uint8_t *data = NULL;
    size_t size = 5;
    tay_expr *x = rpn("x"), **loaded = NULL;
    const tay_expr *null = NULL;
    assert_error(tay_expr_save(NULL, &size, NULL, 0), TAY_ERROR_ARGUMENT, "`out` is NULL");
    assert_error(tay_expr_save(&data, NULL, NULL, 0), TAY_ERROR_ARGUMENT, "`size` is NULL");
    assert_error(tay_expr_save(&data, &size, &null, 1), TAY_ERROR_ARGUMENT, "argument 0 of 1");
    assert_error(tay_expr_load(NULL, &size, (const uint8_t *)"", 0), TAY_ERROR_ARGUMENT, "`out` is NULL");
    assert_error(tay_expr_load(&loaded, NULL, (const uint8_t *)"", 0), TAY_ERROR_ARGUMENT, "`n` is NULL");
    assert_error(tay_expr_load(&loaded, &size, NULL, 0), TAY_ERROR_ARGUMENT, "`data` is NULL");
    assert_error(tay_expr_load(&loaded, &size, (const uint8_t *)"", 0), TAY_ERROR_FORMAT, "no saved expressions");
    assert_null(data);
    assert_null(loaded);
    assert_int_equal(size, 5);
    tay_expr_unref(x);
}

static tay_status save_and_load(void *context)
{
    (void)context;
    tay_status status = TAY_OK;
    tay_expr *e = NULL, **loaded = NULL;
    uint8_t *data = NULL;
    size_t size = 0, n = 0;
    TAY_TRY(rpn_try(&e, texts[0]));
    TAY_TRY(tay_expr_save(&data, &size, (const tay_expr *const *)&e, 1));
    tay_expr_unref(e);
    e = NULL;
    TAY_TRY(tay_expr_load(&loaded, &n, data, size));
out:
    if (status != TAY_OK && (loaded || n || (size && !data))) status = TAY_ERROR_STATE;
    release(loaded, n);
    tay_free(loaded);
    tay_free(data);
    tay_expr_unref(e);
    return status;
}

static void every_allocation_may_fail(void **state)
{
    (void)state;
    fail_each_allocation(save_and_load, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_same_comes_back),
        cmocka_unit_test(nothing_can_be_saved),
        cmocka_unit_test(every_changed_byte_is_noticed),
        cmocka_unit_test(hand_made_data_is_harmless),
        cmocka_unit_test(refused_because),
        cmocka_unit_test(wrong_arguments),
        cmocka_unit_test(every_allocation_may_fail),
        /* Last: what it frees makes each realloc slow under MALLOC_PERTURB_, which Meson sets. */
        cmocka_unit_test(shared_parts_are_saved_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
