/*
 * Makes every allocation of a scenario fail, one after the other.
 */
#ifndef TAYRA_TESTS_FAILING_ALLOC_H
#define TAYRA_TESTS_FAILING_ALLOC_H

#include "tayra/base.h"

/*
 * Runs the scenario with its first allocation failing, then with its second, and so on, until none failed: it must
 * then return TAY_OK. Before that it must return TAY_ERROR_MEMORY with a message; and after every run, all memory must
 * have been freed. The scenario itself checks that outputs of failed calls are untouched; it begins and ends without
 * objects, and must not use assertions that jump while it holds some.
 */
void fail_each_allocation(tay_status (*scenario)(void *context), void *context);

#endif
