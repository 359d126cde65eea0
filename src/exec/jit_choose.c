/*
 * Who runs a bound program, the interpreter or machine code.
 */
#include <stdlib.h>

#include "exec/jit.h"

/*
 * Runs of the vm before code is made where that is left to the library: making it takes some 40 ms for a pendulum and 120 ms for
 * six bodies, as long as 10,000 steps of the vm take, and a step of the code takes a fifth of one of the vm.
 */
enum { RUNS_BEFORE_CODE = 10000 };

/* Calls of kernels in code that is wanted, and in code that the library may make by itself, in a fraction of a second. */
enum { MOST_SITES = 1500, FEW_SITES = 400 };

static void make_code(tay__exec *exec, uint32_t most_sites)
{
    tay__code_function *run;
    tay__points_function *run_points;

    if (tay__code_create(&exec->code, exec->block > 0 ? (void *)&run_points : (void *)&run, exec, most_sites) != TAY_OK) return;
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
    if (wanted == TAY_EXECUTION_VM || exec->code) return;
    if (wanted == TAY_EXECUTION_JIT && !fits)
        tay__error(TAY_ERROR_STATE, "the JIT makes no code for jets of several lanes");
    else if (wanted == TAY_EXECUTION_JIT)
        make_code(exec, MOST_SITES);
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

    if (left > 0 && left <= n) make_code(mutable, FEW_SITES);
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
