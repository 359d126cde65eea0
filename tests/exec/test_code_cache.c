/*
 * Machine code that is found again: equal execs share it, all that changes the code makes other code, the file of other processes
 * is used, and a damaged one is replaced; threads and processes that want the same at once. What happened the log tells.
 */
#include <math.h>
#include <pthread.h>
#include <sys/wait.h>

#include "equations.h"
#include "exec/bound.h"
#include "support/folder.h"
#include "tayra/cache.h"

enum { ORDER = 8, HIGH_ORDER = 80 /* not unrolled */, N_THREADS = 4 };

static atomic_int made, found, loaded, warnings;

static void count(tay_log_level level, const char *text, void *context)
{
    assert_ptr_equal(context, &made);
    made += strstr(text, "machine code: made") != NULL;
    found += strstr(text, "machine code: found in memory") != NULL;
    loaded += strstr(text, "machine code: read from the disk") != NULL;
    warnings += level == TAY_LOG_WARNING;
}

/* Whether so much happened since the last call. */
static void assert_happened(int n_made, int n_found, int n_loaded)
{
    if (made != n_made || found != n_found || loaded != n_loaded)
        fail_msg("%d made, %d found, %d loaded; expected %d, %d, %d", made, found, loaded, n_made, n_found, n_loaded);
    made = found = loaded = 0;
}

static int start(void **state)
{
    (void)state;
    make_folder();
    tay_set_log_callback(count, &made);
    tay_memory_cache_set_limit((size_t)64 << 20);
    made = found = loaded = warnings = 0;
    return 0;
}

static int finish(void **state)
{
    (void)state;
    tay_memory_cache_clear();
    tay_set_log_callback(NULL, NULL);
    remove_folder();
    return 0;
}

/* Everything that tells one exec from another. */
typedef struct variant {
    equations e;
    const char *isa; /* NULL: the highest */
    tay_real real;
    uint32_t order;
} variant;

static tay__exec *make_exec(const variant *v, tay_execution execution)
{
    tay__exec *exec;

    if (v->isa) setenv("TAYRA_ISA", v->isa, 1);
    assert_ok(tay__exec_create(&exec, make_program(&v->e, true, false), v->real, v->order, 1));
    if (v->isa) unsetenv("TAYRA_ISA");
    tay__exec_choose(exec, execution);
    return exec;
}

/* The states' coefficients from the vm and from code agree. */
static void check_run(const variant *v, tay__exec *code)
{
    tay__exec *execs[2] = {make_exec(v, TAY_EXECUTION_VM), code};
    tay__workspace *w[2];
    size_t n_states = tay__exec_program(code)->n_inputs;
    double got[2], pars[] = {0.7, -0.3, 0.11};
    float small[] = {0.7f, -0.3f, 0.11f};

    for (int k = 0; k < 2; k++) {
        assert_ok(tay__workspace_create(&w[k], execs[k]));
        for (size_t i = 0; i < n_states; i++) {
            if (v->real == TAY_FLOAT64) ((double *)w[k]->jet)[i] = states[i];
            else ((float *)w[k]->jet)[i] = (float)states[i];
        }
        tay__exec_set_parameters(execs[k], w[k], v->real == TAY_FLOAT64 ? (void *)pars : small);
        tay__exec_run(execs[k], w[k]);
    }
    for (size_t n = 0; n <= v->order; n++)
        for (size_t i = 0; i < n_states; i++) {
            for (int k = 0; k < 2; k++)
                got[k] = v->real == TAY_FLOAT64 ? ((double *)w[k]->jet)[n * w[k]->plane + i]
                                                : (double)((float *)w[k]->jet)[n * w[k]->plane + i];
            double tolerance = v->real == TAY_FLOAT64 ? 1e-12 : 1e-4;
            if (!(fabs(got[0] - got[1]) <= tolerance * (1 + fabs(got[0])))) fail_msg("%.17g, expected %.17g", got[1], got[0]);
        }
    for (int k = 0; k < 2; k++) tay__workspace_free(w[k]);
    tay__exec_free(execs[0]);
}

static bool has_jit(void)
{
    static const variant v = {.e = {{"x0"}}, .order = ORDER};
    tay__exec *exec = make_exec(&v, TAY_EXECUTION_JIT);
    bool has = tay__exec_execution(exec) == TAY_EXECUTION_JIT;

    tay__exec_free(exec);
    tay_memory_cache_clear();
    tay_disk_cache_clear();
    made = found = loaded = 0;
    return has;
}

#define NEEDS_JIT                                                                                                      \
    (void)state;                                                                                                       \
    if (!has_jit()) skip()

static const variant base = {.e = {{"x1", "x0 sin neg x1 0.5 ** +"}}, .order = ORDER};

static void equal_execs_share(void **state)
{
    NEEDS_JIT;
    tay__exec *first = make_exec(&base, TAY_EXECUTION_JIT), *second = make_exec(&base, TAY_EXECUTION_JIT);
    assert_happened(1, 1, 0);
    assert_ptr_equal(first->run, second->run);
    tay__exec_free(first);
    check_run(&base, second);
    tay__exec_free(second);
    tay__exec *third = make_exec(&base, TAY_EXECUTION_JIT); /* the code stayed */
    assert_happened(0, 1, 0);
    tay_memory_cache_clear();
    check_run(&base, third); /* and is used without being there */
    tay__exec_free(third);
    tay_memory_cache_set_limit(0);
    for (int i = 0; i < 2; i++) tay__exec_free(make_exec(&base, TAY_EXECUTION_JIT));
    assert_happened(0, 0, 2);
    assert_int_equal(tay_memory_cache_size(), 0);
}

/* The code of a small program that runs often: first with loops over the orders, later unrolled. */
static void better_code_follows(void **state)
{
    enum { N_BEFORE = 5000, N_AFTER = 500000 };
    tay__workspace *w;

    NEEDS_JIT;
    unsetenv("TAYRA_EXEC");
    tay__exec *exec = make_exec(&base, TAY_EXECUTION_DEFAULT);
    assert_ok(tay__workspace_create(&w, exec));
    for (int i = 0; i < N_BEFORE - 1; i++) tay__exec_run(exec, w);
    assert_happened(0, 0, 0);
    tay__exec_run(exec, w);
    assert_happened(1, 0, 0);
    assert_non_null(exec->code[0]);
    assert_null(exec->code[1]);
    check_run(&base, exec);
    for (int i = 0; i < N_AFTER; i++) tay__exec_run(exec, w);
    assert_happened(1, 0, 0);
    assert_non_null(exec->code[1]);
    check_run(&base, exec);
    tay__workspace_free(w);
    tay__exec_free(exec);
}

/* Each differs from the first, or from another one, in one thing; all give the numbers of the vm. */
static const variant variants[] = {
    {.e = {{"x1", "x0 sin neg x1 0.5 ** +"}}, .order = ORDER},
    {.e = {{"x1", "x0 sin neg x1 0.5 ** +"}}, .order = ORDER + 1},
    {.e = {{"x1", "x0 sin neg x1 0.5 ** +"}}, .order = ORDER, .real = TAY_FLOAT32},
    {.e = {{"x1", "x0 sin neg x1 0.5 ** +"}}, .order = ORDER, .isa = "avx2"},
    {.e = {{"x1", "x0 cos neg x1 0.5 ** +"}}, .order = ORDER},           /* functions */
    {.e = {{"x1", "x0 tanh neg x1 0.5 ** +"}}, .order = ORDER},
    {.e = {{"x1", "x0 sin neg x1 0.25 ** +"}}, .order = ORDER},          /* the exponent */
    {.e = {{"x1", "x0 sin neg x1 1.5 ** +"}}, .order = ORDER},
    {.e = {{"x1", "x0 sin neg x0 0.5 ** +"}}, .order = ORDER},           /* slots */
    {.e = {{"x0", "x0 sin neg x1 0.5 ** +"}}, .order = ORDER},
    {.e = {{"x1", "x0 sin neg x1 0.5 ** +", "x0"}}, .order = ORDER},     /* one more state */
    {.e = {{"x1", "x0 sin x1 0.5 ** +"}}, .order = ORDER},               /* coefficients: all are 1 */
    {.e = {{"x1", "x0 sin neg x1 0.5 ** + 1.5 +"}}, .order = ORDER},     /* constants */
    {.e = {{"x1", "x0 sin neg x1 0.5 ** + x0 +"}}, .order = ORDER},      /* terms */
    {.e = {{"x0 x1 *", "x0 x0 *"}}, .order = ORDER},                     /* products and squares */
    {.e = {{"x0 x0 *", "x0 x1 *"}}, .order = ORDER},
    {.e = {{"x0 x1 * x0 x0 * +", "x1"}}, .order = ORDER},
    {.e = {{"x0 x1 / x1 +", "x1"}}, .order = ORDER},                     /* quotients */
    {.e = {{"x1 x0 / x1 +", "x1"}}, .order = ORDER},
    {.e = {{"x0 x1 lt x0 x1 * x1 select", "1"}}, .order = ORDER},        /* choices */
    {.e = {{"x0 x1 gt x0 x1 * x1 select", "1"}}, .order = ORDER},
    {.e = {{"x0 t *", "x1"}}, .order = ORDER},                           /* the time, parameters */
    {.e = {{"x0 p0 *", "x1"}}, .order = ORDER},
    {.e = {{"x0 p0 * p1 +", "x1"}}, .order = ORDER},
};

enum { N_VARIANTS = sizeof variants / sizeof *variants };

static void every_change_makes_other_code(void **state)
{
    tay__exec *execs[N_VARIANTS];

    NEEDS_JIT;
    for (int round = 0; round < 3; round++) { /* made; found in memory; read */
        for (size_t i = 0; i < N_VARIANTS; i++) {
            execs[i] = make_exec(&variants[i], TAY_EXECUTION_JIT);
            bool same = variants[i].isa && strcmp(execs[i]->kernels->name, execs[0]->kernels->name) == 0; /* no higher one */
            assert_happened(round == 0 && !same, round == 1 || same, round == 2 && !same);
            check_run(&variants[i], execs[i]);
            for (size_t j = 0; j < i; j++) assert_true(same || execs[i]->run != execs[j]->run);
        }
        for (size_t i = 0; i < N_VARIANTS; i++) tay__exec_free(execs[i]);
        if (round == 1) tay_memory_cache_clear();
    }
    assert_int_equal(warnings, 0);
}

/* Coefficients are packed outside of code that has loops over the orders: it serves all of them. */
static void numbers_are_not_in_the_code(void **state)
{
    static const variant a = {.e = {{"x1 2.5 *", "x0 sin 3.5 *"}}, .order = HIGH_ORDER};
    static const variant b = {.e = {{"x1 0.1 *", "x0 sin -7 *"}}, .order = HIGH_ORDER};

    NEEDS_JIT;
    tay__exec *x = make_exec(&a, TAY_EXECUTION_JIT), *y = make_exec(&b, TAY_EXECUTION_JIT);
    assert_happened(1, 1, 0);
    check_run(&a, x);
    check_run(&b, y);
    tay__exec_free(x);
    tay__exec_free(y);
}

/* Who looks at the code that LLVM makes gets it made. */
static void measured_code_is_made(void **state)
{
    NEEDS_JIT;
    setenv("TAYRA_JIT_PASSES", "always-inline", 1);
    for (int i = 0; i < 2; i++) {
        tay__exec *exec = make_exec(&base, TAY_EXECUTION_JIT);
        check_run(&base, exec);
        tay__exec_free(exec);
    }
    unsetenv("TAYRA_JIT_PASSES");
    assert_happened(2, 0, 0);
    assert_int_equal(tay_memory_cache_size() + tay_disk_cache_size(), 0);
}

static void damaged_file_is_replaced(void **state)
{
    NEEDS_JIT;
    tay__exec_free(make_exec(&base, TAY_EXECUTION_JIT));
    assert_happened(1, 0, 0);
    for (long at = -1; at < 3; at++) { /* the last byte of the code, the first ones of the header */
        FILE *f = fopen(only_file(".code"), "r+b");
        fseek(f, at, at < 0 ? SEEK_END : SEEK_SET);
        int byte = fgetc(f);
        fseek(f, at, at < 0 ? SEEK_END : SEEK_SET);
        fputc(byte ^ 0x20, f);
        fclose(f);
        for (int again = 0; again < 2; again++) {
            tay_memory_cache_clear();
            tay__exec *exec = make_exec(&base, TAY_EXECUTION_JIT);
            assert_happened(!again, 0, again);
            check_run(&base, exec);
            tay__exec_free(exec);
        }
    }
}

static void *make_all(void *context)
{
    (void)context;
    for (int round = 0; round < 3; round++)
        for (size_t i = 0; i < N_SYSTEMS; i++) {
            variant v = {.e = systems[i], .order = ORDER};
            tay__exec *exec = make_exec(&v, TAY_EXECUTION_JIT);
            check_run(&v, exec);
            tay__exec_free(exec);
            if (round == 1) tay_memory_cache_clear();
        }
    return NULL;
}

/* Each code is made at least once, and at most once by each thread. */
static void threads_want_the_same(void **state)
{
    pthread_t threads[N_THREADS];

    NEEDS_JIT;
    for (int i = 0; i < N_THREADS; i++) assert_int_equal(pthread_create(&threads[i], NULL, make_all, NULL), 0);
    for (int i = 0; i < N_THREADS; i++) assert_int_equal(pthread_join(threads[i], NULL), 0);
    assert_true(made >= N_SYSTEMS && made <= N_THREADS * N_SYSTEMS);
    assert_int_equal(made + found + loaded, 3 * N_THREADS * N_SYSTEMS);
    made = found = loaded = 0;
}

static void processes_want_the_same(void **state)
{
    pid_t children[N_THREADS];
    int status;

    NEEDS_JIT;
    for (int i = 0; i < N_THREADS; i++) {
        if ((children[i] = fork()) != 0) continue;
        make_all(NULL);
        _exit(made + found + loaded == 3 * N_SYSTEMS && made <= N_SYSTEMS ? 0 : 1);
    }
    for (int i = 0; i < N_THREADS; i++) {
        assert_int_equal(waitpid(children[i], &status, 0), children[i]);
        assert_int_equal(status, 0);
    }
    make_all(NULL);
    assert_int_equal(made, 0);
    assert_int_equal(found, 1); /* the first one, before the memory is cleared for the first time */
    assert_int_equal(loaded, 3 * N_SYSTEMS - 1);
    assert_null(only_file(".new"));
}

/* What cannot be made, here without AVX2 or without LLVM, is told as a warning if it was asked for. */
static void the_log_says_why_not(void **state)
{
    variant v = base;

    (void)state;
    v.isa = "baseline";
    setenv("TAYRA_EXEC", "jit", 1);
    tay__exec_free(make_exec(&v, TAY_EXECUTION_DEFAULT));
    unsetenv("TAYRA_EXEC");
    assert_int_equal(warnings, 0);
    tay__exec *exec = make_exec(&v, TAY_EXECUTION_JIT);
    assert_int_equal(warnings, 1);
    assert_int_equal(tay__exec_execution(exec), TAY_EXECUTION_VM);
    tay__exec_free(exec);
}

static void a_wrong_environment_is_told(void **state)
{
    const char *const values[] = {"vm", "", "JIT"};
    variant v = base;

    (void)state;
    for (int i = 0; i < 3; i++) {
        setenv("TAYRA_EXEC", values[i], 1);
        tay__exec *exec = make_exec(&v, TAY_EXECUTION_DEFAULT);
        assert_int_equal(warnings, i == 2);
        assert_int_equal(tay__exec_execution(exec), TAY_EXECUTION_VM);
        tay__exec_free(exec);
    }
    unsetenv("TAYRA_EXEC");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, start, finish)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(equal_execs_share),        TEST(better_code_follows),  TEST(every_change_makes_other_code),
        TEST(numbers_are_not_in_the_code), TEST(measured_code_is_made), TEST(damaged_file_is_replaced),
        TEST(threads_want_the_same),    TEST(processes_want_the_same), TEST(the_log_says_why_not),
        TEST(a_wrong_environment_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
