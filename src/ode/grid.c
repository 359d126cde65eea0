/*
 * Propagation over a grid of times: the steps are those of propagate_until to the last time, and each step's jet gives
 * the states at all the times of the grid inside it, and at its end, together, so that a large jet is read once.
 */
#include <math.h>

#include "ode/integrator.h"

static tay_status check_grid(const tay_ode *ode, const tay_grid *grid)
{
    if (!grid) return tay__error(TAY_ERROR_ARGUMENT, "grid: expected times, got NULL");
    const double *t = grid->times;
    if (grid->n == 0) return tay__error(TAY_ERROR_ARGUMENT, "grid: expected at least one time, got none");
    if (!t) return tay__error(TAY_ERROR_ARGUMENT, "grid->times: expected %zu times, got NULL", grid->n);
    for (size_t i = 0; i < grid->n; i++) {
        if (!isfinite(t[i])) {
            return tay__error(TAY_ERROR_ARGUMENT, "grid[%zu]: expected a finite time, got %g", i, t[i]);
        }
    }
    if (t[0] != ode->time.hi) {
        return tay__error(TAY_ERROR_ARGUMENT, "grid[0]: expected the current time %.17g, got %.17g", ode->time.hi,
                          t[0]);
    }
    for (size_t i = 1; i < grid->n; i++) {
        if (!(t[1] > t[0] ? t[i] > t[i - 1] : t[i] < t[i - 1])) {
            return tay__error(TAY_ERROR_ARGUMENT, "grid: expected strictly increasing or decreasing times, "
                              "got %.17g at %zu after %.17g", t[i], i, t[i - 1]);
        }
    }
    return TAY_OK;
}

tay_status tay_ode_propagate_grid(tay_ode_result *result, double *out, size_t *n_rows, tay_ode *ode,
                                  const tay_grid *grid, const tay_propagate_options *options)
{
    tay_status status = TAY_OK;
    size_t n = 0, size;
    tay__propagation p;
    tay__rows rows = {.row = 1};

    TAY_TRY(tay__check_pointer(ode, "ode"));
    TAY_TRY(check_grid(ode, grid));
    if (!out) TAY_FAIL(TAY_ERROR_ARGUMENT, "out: expected room for %zu rows, got NULL", grid->n);
    TAY_TRY(tay__multiply(&size, grid->n, ode->dim));
    TAY_TRY(tay__propagation_begin(&p, ode, (tay__time){grid->times[grid->n - 1], 0}, options));
    if (p.options.continuous) TAY_FAIL(TAY_ERROR_ARGUMENT, "options->continuous: expected NULL for a grid");

    memcpy(out, ode->state, ode->dim * sizeof(double));
    if (grid->n == 1) {
        p.result.outcome = TAY_OUTCOME_TIME_LIMIT;
        n = 1;
    }
    rows.times = grid->times;
    rows.out = out;
    p.rows = &rows;
    while (p.result.outcome == TAY_OUTCOME_SUCCESS) {
        tay__propagation_step(&p);
        if (p.result.outcome != TAY_OUTCOME_SUCCESS) break;
        n = rows.row;
        TAY_TRY(tay__propagation_settle(&p));
    }
    if (result) *result = p.result;
    if (n_rows) *n_rows = n;
out:
    return status;
}
