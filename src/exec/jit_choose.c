/*
 * Who runs a bound program, the interpreter or machine code.
 */
#include <limits.h>
#include <stdlib.h>

#include "exec/jit.h"

/*
 * Runs of the vm before code is made where that is left to the library: making it takes some 20 ms for a pendulum and 60 ms for
 * six bodies, as long as 5000 steps of the vm take, and a step of the code takes a fifth of one of the vm. If it is in memory it
 * is taken sooner, after runs that take longer than looking for it does, 0.2 ms and 0.5 ms. Unrolled code takes 0.13 ms for
 * each multiply-add to make, 20 to 400 ms, and a quarter of a microsecond less for a step: it pays after as many more.
 */
enum { RUNS_BEFORE_CODE = 5000, RUNS_BEFORE_SEARCH = 1000, RUNS_BEFORE_UNROLLED = 80000, RUNS_FOR_WORK = 500 };

/* Calls of kernels in code that is wanted, and in code that the library may make by itself, in a fraction of a second. */
enum { MOST_SITES = 1500, FEW_SITES = 400 };

/* Multiply-adds of code that is unrolled over the orders, in vectors or all of their elements: it still pays, though it leaves
 * the first-level cache of instructions. */
enum { MOST_UNROLLED = 3000, MOST_ELEMENTS = 5000 };

/* Multiply-adds of vectors of so many elements. */
static double unrolled_work(const tay__exec *exec, size_t width)
{
    const tay__operation *operations = exec->operations.data;
    double work = 0, sum = 0.5 * exec->order * (exec->order + 1.0);

    for (size_t i = 0; i < exec->operations.count; i++) {
        const tay__group *g = operations[i].group;
        double terms = g->primitive == TAY__PRODUCT     ? g->n_terms * (g->square ? 0.5 : 1)
                       : g->primitive == TAY__INTEGRATE ? g->n_terms
                       : g->primitive == TAY__QUOTIENT  ? 1
                       : g->primitive == TAY__POWER     ? 2
                                                        : 0;
        for (uint32_t r = 0; r < g->n_rows && !operations[i].kernel.series; r++)
            work += (double)((g->rows[r].length + width - 1) / width)
                    * (terms * sum + g->n_terms * (double)exec->order);
    }
    return work;
}

static bool unrolls(const tay__exec *exec)
{
    return exec->order > 1 && exec->lanes == 1 &&
           (unrolled_work(exec, exec->kernels->width) <= MOST_UNROLLED || unrolled_work(exec, 1) <= MOST_ELEMENTS);
}

static long long runs_before_unrolled(const tay__exec *exec)
{
    return RUNS_BEFORE_UNROLLED + RUNS_FOR_WORK * (long long)unrolled_work(exec, exec->kernels->width);
}

static void tell_failure(tay_log_level level)
{
    tay__log(level, "the interpreter runs this: %s", tay_error_message());
}

static void take_code(tay__exec *exec, const void *function)
{
    tay__code_function *run;
    tay__points_function *run_points;

    memcpy(&run, &function, sizeof run);
    memcpy(&run_points, &function, sizeof run_points);
    if (exec->reversible) atomic_store_explicit(&exec->run_lanes, function, memory_order_release);
    else if (exec->block > 0) atomic_store_explicit(&exec->run_points, run_points, memory_order_release);
    else atomic_store_explicit(&exec->run, run, memory_order_release);
}

static void make_code(tay__exec *exec, uint32_t most_sites, bool unrolled, tay_log_level level)
{
    void *function;

    if (tay__code_create(&exec->code[unrolled], &function, exec, most_sites, unrolled) == TAY_OK)
        take_code(exec, function);
    else
        tell_failure(level);
}

static bool find_code(tay__exec *exec, bool unrolled)
{
    void *function;
    tay__code **code = &exec->code[unrolled];
    bool found = tay__code_find(code, &function, exec, FEW_SITES, unrolled) == TAY_OK && *code;

    if (found) take_code(exec, function);
    return found;
}

/* Meanwhile runs of other threads do not count: none is to make the code. */
static void search_code(tay__exec *exec)
{
    atomic_store(&exec->runs_left, LLONG_MAX);
    bool unrolled = unrolls(exec), best = unrolled && find_code(exec, true), found = best || find_code(exec, false);
    atomic_store(&exec->runs_left, best || (found && !unrolled) ? 0
                                   : found                      ? runs_before_unrolled(exec)
                                                                : RUNS_BEFORE_CODE - RUNS_BEFORE_SEARCH);
}

/* What is left to the library the environment may decide. */
static tay_execution decide(tay_execution wanted)
{
    const char *environment = getenv("TAYRA_EXEC");

    if (wanted != TAY_EXECUTION_DEFAULT || !environment || !*environment) return wanted;
    if (strcmp(environment, "jit") == 0) return TAY_EXECUTION_JIT;
    if (strcmp(environment, "vm") == 0) return TAY_EXECUTION_VM;
    tay__log(TAY_LOG_WARNING, "TAYRA_EXEC: vm or jit was expected in the environment, not %s", environment);
    return wanted;
}

tay_status tay__check_execution(tay_execution wanted)
{
    if (wanted == TAY_EXECUTION_DEFAULT || wanted == TAY_EXECUTION_VM || wanted == TAY_EXECUTION_JIT) return TAY_OK;
    return tay__error(TAY_ERROR_ARGUMENT, "execution: expected default, vm or jit (%d, %d or %d), got %d", TAY_EXECUTION_DEFAULT,
                      TAY_EXECUTION_VM, TAY_EXECUTION_JIT, (int)wanted);
}

void tay__exec_choose(tay__exec *exec, tay_execution wanted)
{
    bool fits = exec->block > 0 || exec->reversible || exec->lanes == 1;
    tay_log_level level = wanted == TAY_EXECUTION_JIT ? TAY_LOG_WARNING : TAY_LOG_INFO;

    wanted = decide(wanted);
    if (exec->high) tay__exec_choose(exec->high, wanted);
    if (wanted == TAY_EXECUTION_VM || exec->code[0] || exec->code[1]) return;
    if (wanted == TAY_EXECUTION_JIT && !fits) {
        tay__error(TAY_ERROR_STATE, "the JIT makes no code for jets of several lanes");
        tell_failure(level);
    } else if (wanted == TAY_EXECUTION_JIT) {
        make_code(exec, MOST_SITES, unrolls(exec), level);
    } else if (exec->block > 0) {
        exec->runs_left = (long long)tay__points_before_code(exec);
    } else if (fits && exec->order > 0) {
        exec->runs_left = RUNS_BEFORE_CODE;
    }
}

bool tay__exec_awaits_code(const tay__exec *exec)
{
    return tay__exec_execution(exec) == TAY_EXECUTION_VM && exec->runs_left > 0;
}

void tay__exec_make_code(tay__exec *exec)
{
    if (exec->high) tay__exec_make_code(exec->high);
    exec->runs_left = 0;
    make_code(exec, FEW_SITES, false, TAY_LOG_INFO);
}

void tay__exec_count_run(const tay__exec *exec)
{
    tay__exec *mutable = (tay__exec *)exec; /* this count, and the code, are all that changes */
    long long left = atomic_fetch_sub(&mutable->runs_left, 1) - 1;
    bool has_code = tay__exec_execution(exec) == TAY_EXECUTION_JIT;

    if (!has_code && left == RUNS_BEFORE_CODE - RUNS_BEFORE_SEARCH) {
        search_code(mutable);
    } else if (left == 0) {
        make_code(mutable, FEW_SITES, has_code, TAY_LOG_INFO);
        if (!has_code && tay__exec_execution(exec) == TAY_EXECUTION_JIT && unrolls(exec))
            atomic_store(&mutable->runs_left, runs_before_unrolled(exec));
    }
}

void tay__exec_expect_points(const tay__exec *exec, size_t n)
{
    tay__exec *mutable = (tay__exec *)exec;

    if (exec->block == 0 || atomic_load_explicit(&exec->runs_left, memory_order_relaxed) <= 0) return;
    long long left = atomic_fetch_sub(&mutable->runs_left, (long long)n);
    if (left > 0 && left <= (long long)n) make_code(mutable, FEW_SITES, false, TAY_LOG_INFO);
}

tay_execution tay__exec_execution(const tay__exec *exec)
{
    bool has_code = atomic_load(&exec->run) || atomic_load(&exec->run_points) || atomic_load(&exec->run_lanes);
    return has_code ? TAY_EXECUTION_JIT : TAY_EXECUTION_VM;
}
