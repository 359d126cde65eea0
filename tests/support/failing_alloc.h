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

/*
 * A use of an object that outlives its failures: use() gives n numbers, the same whenever it is called, and none of its calls
 * changes what the next use gives.
 */
enum { USE_NUMBERS = 4096 };
typedef struct use_of_object {
    tay_status (*make)(void **object);
    tay_status (*use)(double *out, void *object); /* out[n], n <= USE_NUMBERS */
    void (*destroy)(void *object);
    size_t n;
    bool may_succeed; /* without some of the memory, e.g. in the interpreter instead of machine code: that is no error */
    double tolerance; /* of the numbers; 0: bit for bit */
    long every;       /* only each so many-th allocation, where there are thousands of a kind; 0: each */
} use_of_object;

/*
 * Makes the object anew for each allocation of use(): first that one fails alone, then all from it on. Each time use() must
 * return TAY_ERROR_MEMORY with a message; must then, with memory, give the numbers that a new object gives; and all memory must
 * be freed in the end. The number of these allocations.
 */
long fail_each_use(const use_of_object *u);

#endif
