/*
 * Who runs a bound program, the interpreter or machine code.
 */
#include <limits.h>
#include <stdlib.h>

#include "exec/jit.h"

/*
 * Runs of the vm before code is made where that is left to the library: making it takes some 40 ms for a pendulum and 120 ms for
 * six bodies, as long as 10,000 steps of the vm take, and a step of the code takes a fifth of one of the vm. If it is in
 * memory it is taken sooner, after runs that take longer than looking for it does, 0.2 ms and 0.5 ms.
 */
enum { RUNS_BEFORE_CODE = 10000, RUNS_BEFORE_SEARCH = 1000 };

/* Calls of kernels in code that is wanted, and in code that the library may make by itself, in a fraction of a second. */
enum { MOST_SITES = 1500, FEW_SITES = 400 };

static void tell_failure(tay_log_level level)
{
    tay__log(level, "the interpreter runs this: %s", tay_error_message());
}

static void make_code(tay__exec *exec, uint32_t most_sites, tay_log_level level)
{
    tay__code_function *function;

    if (tay__code_create(&exec->code, &function, exec, most_sites) == TAY_OK)
        atomic_store_explicit(&exec->run, function, memory_order_release);
    else
        tell_failure(level);
}

/* Meanwhile runs of other threads do not count: none is to make the code. */
static void search_code(tay__exec *exec)
{
    tay__code_function *function;

    atomic_store(&exec->runs_left, LLONG_MAX);
    bool found = tay__code_find(&exec->code, &function, exec, FEW_SITES) == TAY_OK && exec->code;
    if (found) atomic_store_explicit(&exec->run, function, memory_order_release);
    atomic_store(&exec->runs_left, found ? 0 : RUNS_BEFORE_CODE - RUNS_BEFORE_SEARCH);
}

void tay__exec_choose(tay__exec *exec, tay_execution wanted)
{
    const char *environment = getenv("TAYRA_EXEC");
    bool fits = exec->lanes == 1 && !exec->reversible;
    tay_log_level level = wanted == TAY_EXECUTION_JIT ? TAY_LOG_WARNING : TAY_LOG_INFO;

    if (wanted == TAY_EXECUTION_DEFAULT && environment && strcmp(environment, "jit") == 0) wanted = TAY_EXECUTION_JIT;
    if (wanted == TAY_EXECUTION_DEFAULT && environment && strcmp(environment, "vm") == 0) wanted = TAY_EXECUTION_VM;
    if (wanted == TAY_EXECUTION_VM || exec->code) return;
    if (wanted == TAY_EXECUTION_JIT && !fits) {
        tay__error(TAY_ERROR_STATE, "the JIT makes code for one lane only");
        tell_failure(level);
    } else if (wanted == TAY_EXECUTION_JIT) {
        make_code(exec, MOST_SITES, level);
    } else if (fits && exec->order > 0) {
        exec->runs_left = RUNS_BEFORE_CODE;
    }
}

void tay__exec_count_run(const tay__exec *exec)
{
    tay__exec *mutable = (tay__exec *)exec; /* this count, and the code, are all that changes */
    long long left = atomic_fetch_sub(&mutable->runs_left, 1) - 1;

    if (left == RUNS_BEFORE_CODE - RUNS_BEFORE_SEARCH)
        search_code(mutable);
    else if (left == 0)
        make_code(mutable, FEW_SITES, TAY_LOG_INFO);
}

tay_execution tay__exec_execution(const tay__exec *exec)
{
    return atomic_load(&exec->run) ? TAY_EXECUTION_JIT : TAY_EXECUTION_VM;
}
