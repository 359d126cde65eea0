/*
 * Who runs a bound program, the interpreter or machine code.
 */
#include <stdlib.h>

#include "exec/jit.h"

void tay__exec_choose(tay__exec *exec, tay_execution wanted)
{
    const char *environment = getenv("TAYRA_EXEC");

    if (wanted == TAY_EXECUTION_DEFAULT && environment && strcmp(environment, "jit") == 0) wanted = TAY_EXECUTION_JIT;
    if (wanted != TAY_EXECUTION_JIT || exec->code) return;
    if (exec->lanes > 1 || exec->reversible) {
        tay__error(TAY_ERROR_STATE, "the JIT makes code for one lane only");
        return;
    }
    if (tay__code_create(&exec->code, &exec->run, exec) != TAY_OK) exec->run = NULL;
}

tay_execution tay__exec_execution(const tay__exec *exec)
{
    return exec->run ? TAY_EXECUTION_JIT : TAY_EXECUTION_VM;
}
