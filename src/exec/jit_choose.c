/*
 * Who runs a bound program, the interpreter or machine code.
 */
#include <stdlib.h>

#include "exec/jit.h"

/*
 * Runs of the vm before code is made where that is left to the library: making it takes some 40 ms for a pendulum and 120 ms for
 * six bodies, as long as 10,000 steps of the vm take, and a step of the code takes a fifth of one of the vm. Unrolled code takes
 * four times as long to make, and three quarters of the time of a step; it pays after a million more.
 */
enum { RUNS_BEFORE_CODE = 10000, RUNS_BEFORE_UNROLLED = 1000000 };

/* Calls of kernels in code that is wanted, and in code that the library may make by itself, in a fraction of a second. */
enum { MOST_SITES = 1500, FEW_SITES = 400 };

/* Vector multiply-adds of code that is unrolled over the orders: it still fits into the caches of instructions. */
enum { MOST_UNROLLED = 3000 };

static bool unrolls(const tay__exec *exec)
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
        for (uint32_t r = 0; r < g->n_rows; r++)
            work += (double)((g->rows[r].length + exec->kernels->width - 1) / exec->kernels->width)
                    * (terms * sum + g->n_terms * (double)exec->order);
    }
    return exec->order > 1 && work <= MOST_UNROLLED;
}

static void make_code(tay__exec *exec, uint32_t most_sites, bool unrolled)
{
    tay__code_function *run;
    tay__points_function *run_points;

    void *function = exec->block > 0 ? (void *)&run_points : (void *)&run;

    if (tay__code_create(&exec->code[unrolled], function, exec, most_sites, unrolled) != TAY_OK) return;
    if (exec->block > 0)
        atomic_store_explicit(&exec->run_points, run_points, memory_order_release);
    else
        atomic_store_explicit(&exec->run, run, memory_order_release);
}

void tay__exec_choose(tay__exec *exec, tay_execution wanted)
{
    const char *environment = getenv("TAYRA_EXEC");
    bool fits = exec->block > 0 || (exec->lanes == 1 && !exec->reversible);

    if (wanted == TAY_EXECUTION_DEFAULT && environment && strcmp(environment, "jit") == 0) wanted = TAY_EXECUTION_JIT;
    if (wanted == TAY_EXECUTION_DEFAULT && environment && strcmp(environment, "vm") == 0) wanted = TAY_EXECUTION_VM;
    if (wanted == TAY_EXECUTION_VM || exec->code[0] || exec->code[1]) return;
    if (wanted == TAY_EXECUTION_JIT && !fits)
        tay__error(TAY_ERROR_STATE, "the JIT makes no code for jets of several lanes");
    else if (wanted == TAY_EXECUTION_JIT)
        make_code(exec, MOST_SITES, unrolls(exec));
    else if (exec->block > 0)
        exec->runs_left = (long long)tay__points_before_code(exec);
    else if (fits && exec->order > 0)
        exec->runs_left = RUNS_BEFORE_CODE;
}

/* The vm runs, or is to run, n times. */
static void count(const tay__exec *exec, long long n)
{
    tay__exec *mutable = (tay__exec *)exec; /* this count, and the code, are all that changes */
    long long left = atomic_fetch_sub(&mutable->runs_left, n);

    if (left <= 0 || left > n) return;
    bool again = tay__exec_execution(exec) == TAY_EXECUTION_JIT;
    make_code(mutable, FEW_SITES, again);
    if (!again && tay__exec_execution(exec) == TAY_EXECUTION_JIT && unrolls(exec))
        atomic_store(&mutable->runs_left, RUNS_BEFORE_UNROLLED);
}

void tay__exec_count_run(const tay__exec *exec)
{
    count(exec, 1);
}

void tay__exec_expect_points(const tay__exec *exec, size_t n)
{
    if (exec->block > 0 && atomic_load_explicit(&exec->runs_left, memory_order_relaxed) > 0) count(exec, (long long)n);
}

tay_execution tay__exec_execution(const tay__exec *exec)
{
    return atomic_load(&exec->run) || atomic_load(&exec->run_points) ? TAY_EXECUTION_JIT : TAY_EXECUTION_VM;
}
