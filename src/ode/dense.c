/*
 * Dense output: the Taylor polynomials of the last step, sum_k x_k (t - t_begin)^k, at any time (accurate inside the
 * step).
 */
#include <math.h>

#include "ode/integrator.h"

tay_status tay_ode_dense_output(double *out, tay_ode *ode, double t, bool relative)
{
    tay_status status = tay__check_pointer(out, "out");
    if (status == TAY_OK) status = tay__check_pointer(ode, "ode");
    if (status != TAY_OK) return status;
    if (!isfinite(t)) return tay__error(TAY_ERROR_ARGUMENT, "t: expected a finite time, got %g", t);
    /* The beginning of the step is last_h before the current time, also after the user has set another time. */
    double offset = relative ? t : tay__time_sub((tay__time){t, 0}, ode->time).hi;
    double h = ode->last_h + offset;
    tay__exec_polynomial(ode->system->exec, NULL, 0, out, ode->workspace, ode->dim, &h, 1, ode->high_accuracy);
    return TAY_OK;
}

const double *tay_ode_jet(const tay_ode *ode, size_t *stride)
{
    if (stride) *stride = ode->workspace->plane;
    return ode->workspace->jet;
}
