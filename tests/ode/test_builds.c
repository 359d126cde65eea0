/*
 * Ten thousand integrators with machine code are built, run and freed, code being made, found in memory or read from the disk:
 * the process does not grow.
 */
#include <math.h>
#include <stdatomic.h>
#include <unistd.h>

#include "support/folder.h"
#include "support/rpn.h"
#include "tayra/cache.h"
#include "tayra/ode.h"

/* Systems of which each needs code of its own. */
enum { N_PROGRAMS = 16, MOST_TERMS = 4 };

/* x' = v, v' = -sin x + x + x^2 ... x^(terms - 1), of some order. */
static tay_ode *build(int program)
{
    static const char *const rhs[MOST_TERMS] = {"x sin neg", "x sin neg x +", "x sin neg x + x x * +", "x sin neg x 1.5 ** +"};
    tay_expr *vars[2] = {rpn("x"), rpn("v")}, *f[2] = {rpn("v"), rpn(rhs[program % MOST_TERMS])};
    const double start[2] = {0.25, 0.5};
    tay_ode_options options = {.size = sizeof options, .execution = TAY_EXECUTION_JIT,
                               .tolerance = pow(10, -4 - 2 * (program / MOST_TERMS))};
    tay_ode *ode;

    assert_ok(tay_ode_create(&ode, (const tay_expr *const *)vars, (const tay_expr *const *)f, 2, start, &options));
    for (int i = 0; i < 2; i++) {
        tay_expr_unref(vars[i]);
        tay_expr_unref(f[i]);
    }
    return ode;
}

static size_t resident(void)
{
    FILE *f = fopen("/proc/self/statm", "r");
    size_t size, pages;

    assert_non_null(f);
    assert_int_equal(fscanf(f, "%zu %zu", &size, &pages), 2);
    fclose(f);
    return pages * (size_t)sysconf(_SC_PAGESIZE);
}

static atomic_int made, others;

static void count(tay_log_level level, const char *text, void *context)
{
    (void)level, (void)context;
    made += strstr(text, "machine code: made") != NULL;
    others += strstr(text, "machine code: made") == NULL;
}

static void build_many(int n)
{
    for (int i = 0; i < n; i++) {
        tay_ode *ode = build(i % N_PROGRAMS);
        assert_ok(tay_ode_propagate_for(NULL, ode, 0.5, NULL));
        tay_ode_free(ode);
    }
}

/* Builds n after `n_before` that let the memory that is used again and again settle. */
static void assert_no_growth(int n_before, int n)
{
    build_many(n_before);
    made = others = 0;
    size_t before = resident();
    build_many(n);
    size_t after = resident();
    /* Code takes some 100,000 bytes: of a hundred builds one that lost it would be seen, and 100 lost bytes of each. */
    size_t most = (size_t)n * 100 + 1000000;
    if (after > before + most) fail_msg("%d builds: %zu bytes more", n, after - before);
}

static bool has_jit(void)
{
    tay_ode *ode = build(0);
    bool has = tay_ode_execution(ode) == TAY_EXECUTION_JIT;
    tay_ode_free(ode);
    return has;
}

static int start(void **state)
{
    (void)state;
    make_folder();
    tay_set_log_callback(count, NULL);
    return 0;
}

static int finish(void **state)
{
    (void)state;
    tay_memory_cache_set_limit((size_t)64 << 20);
    tay_memory_cache_clear();
    remove_folder();
    return 0;
}

static void found_in_memory(void **state)
{
    (void)state;
    if (!has_jit()) skip();
    assert_no_growth(1000, 7500);
    assert_int_equal(made, 0);
    assert_int_equal(others, 7500);
}

/* Half of the programs fit into memory, in an order in which each has gone when it is wanted again. */
static void read_from_disk(void **state)
{
    (void)state;
    if (!has_jit()) skip();
    tay_memory_cache_clear();
    build_many(N_PROGRAMS);
    tay_memory_cache_set_limit(tay_memory_cache_size() / 2);
    assert_no_growth(300, 1500);
    assert_int_equal(made, 0);
    assert_int_equal(others, 1500);
    assert_true(tay_memory_cache_size() <= tay_memory_cache_limit() && tay_memory_cache_size() > 0);
}

static void made_each_time(void **state)
{
    (void)state;
    if (!has_jit()) skip();
    tay_memory_cache_set_limit(0);
    setenv("TAYRA_CACHE", "0", 1);
    assert_no_growth(50, 150);
    assert_int_equal(made, 150);
    assert_int_equal(others, 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, start, finish)

int main(void)
{
    const struct CMUnitTest tests[] = {TEST(found_in_memory), TEST(read_from_disk), TEST(made_each_time)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
