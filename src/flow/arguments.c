/*
 * Checks of the arguments of a run, before any work.
 */
#include <math.h>

#include "flow/flow.h"

tay_status tay__check_numbers(const double *x, size_t n, const char *name)
{
    uint64_t all = 0, bits;
    size_t i = 0;

    for (size_t k = 0; k < n; k++) {
        memcpy(&bits, x + k, sizeof bits);
        all |= (bits & INT64_MAX) + ((uint64_t)1 << 52); /* without the sign; of infinity and NaN the sum has the highest bit */
    }
    if (all >> 63 == 0) return TAY_OK;
    while (isfinite(x[i])) i++;
    return tay__error(TAY_ERROR_ARGUMENT, "%s[%zu]: expected a finite number, got %g", name, i, x[i]);
}

tay_status tay__check_arguments(const tay_flow *flow, const double *ys, const tay_flow_arguments *a)
{
    tay_status status = TAY_OK;
    size_t size, rows, n_pars, n_times;

    TAY_TRY(tay__check_pointer(flow, "flow"));
    if (!a) TAY_FAIL(TAY_ERROR_ARGUMENT, "arguments: expected the arguments of the flow, got NULL");
    if (a->size != sizeof *a)
        TAY_FAIL(TAY_ERROR_ARGUMENT, "arguments->size: expected %zu, got %u", sizeof *a, a->size);
    if (a->n_times == 0) TAY_FAIL(TAY_ERROR_ARGUMENT, "n_times: expected at least one, got none");
    TAY_TRY(tay__multiply(&rows, a->n_points, a->n_times));
    TAY_TRY(tay__multiply(&size, rows, flow->dim * sizeof(double)));
    TAY_TRY(tay__multiply(&n_pars, a->shared_pars ? 1 : a->n_points, flow->n_pars));
    n_times = a->shared_times ? a->n_times : rows;
    if (a->n_points > 0 && (!ys || !a->x0 || !a->times))
        TAY_FAIL(TAY_ERROR_ARGUMENT, "%s: expected an array, got NULL", !ys ? "ys" : !a->x0 ? "x0" : "times");
    if (n_pars > 0 && !a->pars) TAY_FAIL(TAY_ERROR_ARGUMENT, "pars: expected %zu numbers, got NULL", n_pars);
    if (a->n_points == 0) goto out;
    TAY_TRY(tay__check_numbers(a->x0, a->n_points * flow->dim, "x0"));
    TAY_TRY(tay__check_numbers(a->times, n_times, "times"));
    TAY_TRY(tay__check_numbers(a->pars, n_pars, "pars"));
    for (size_t i = 1; i < n_times; i++) {
        size_t j = i % a->n_times;
        const double *t = a->times + i - j;
        if (j == 0 || (t[1] > t[0] ? t[j] > t[j - 1] : t[j] < t[j - 1])) continue;
        TAY_FAIL(TAY_ERROR_ARGUMENT,
                 "times: expected strictly increasing or decreasing ones, got %g after %g (trajectory %zu, time %zu)", t[j],
                 t[j - 1], i / a->n_times, j);
    }
out:
    return status;
}
