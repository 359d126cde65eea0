/*
 * Continuous output: the jets of all the steps of a propagation, found by binary search over their times. It lives on
 * when the integrator is freed.
 */
#include <math.h>

#include "ode/integrator.h"

struct tay_continuous {
    size_t dim;
    uint32_t order;
    tay__array starts; /* of tay__time: the beginning of each step */
    tay__time end;     /* of the last step */
    tay__array jets;   /* of double: [n_steps][order + 1][dim] */
    bool backward;
};

static tay_status create(tay_continuous **out, size_t dim, uint32_t order)
{
    tay_continuous *c;
    tay_status status = tay__calloc(&c, 1, sizeof *c);
    if (status != TAY_OK) return status;
    c->dim = dim;
    c->order = order;
    c->starts = TAY__ARRAY(tay__time);
    c->jets = TAY__ARRAY(double);
    *out = c;
    return TAY_OK;
}

tay_status tay__continuous_record(tay_continuous **out, const tay_ode *ode, tay__time start)
{
    tay_status status = TAY_OK;
    tay_continuous *c = *out;
    size_t size;

    if (!c) {
        TAY_TRY(create(&c, ode->dim, ode->order));
        *out = c;
    }
    c->backward |= ode->last_h < 0; /* a step may have a size of 0 */
    TAY_TRY(tay__multiply(&size, ode->dim, (size_t)ode->order + 1));
    TAY_TRY(tay__array_reserve(&c->jets, size));
    TAY_TRY(tay__array_push(&c->starts, &start));
    for (uint32_t k = 0; k <= ode->order; k++) {
        memcpy((double *)c->jets.data + c->jets.count, tay__ode_plane(ode, k), ode->dim * sizeof(double));
        c->jets.count += ode->dim;
    }
    c->end = ode->time;
out:
    return status;
}

/* The step whose interval holds t: the last one that begins before or at t, in the direction of time. */
static size_t find_step(const tay_continuous *c, double t)
{
    const tay__time *starts = c->starts.data;
    size_t low = 0, high = c->starts.count;
    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;
        double since = tay__time_sub((tay__time){t, 0}, starts[middle]).hi;
        if (c->backward ? since <= 0 : since >= 0) {
            low = middle;
        } else {
            high = middle;
        }
    }
    return low;
}

tay_status tay_continuous_eval(double *out, const tay_continuous *c, const double *times, size_t n)
{
    tay_status status = tay__check_pointer(c, "c");
    if (status == TAY_OK && n > 0) status = tay__check_pointer(out, "out");
    if (status == TAY_OK && n > 0) status = tay__check_pointer(times, "times");
    if (status != TAY_OK) return status;
    size_t dim = c->dim;
    for (size_t i = 0; i < n; i++) {
        if (!isfinite(times[i])) {
            return tay__error(TAY_ERROR_ARGUMENT, "times[%zu]: expected a finite time, got %g", i, times[i]);
        }
    }
    for (size_t i = 0; i < n; i++) {
        size_t step = find_step(c, times[i]);
        double h = tay__time_sub((tay__time){times[i], 0}, ((const tay__time *)c->starts.data)[step]).hi;
        const double *jet = (const double *)c->jets.data + step * (c->order + 1) * dim;
        double *row = out + i * dim;
        memcpy(row, jet + c->order * dim, dim * sizeof(double));
        for (uint32_t k = c->order; k-- > 0;) {
            for (size_t j = 0; j < dim; j++) row[j] = row[j] * h + jet[k * dim + j];
        }
    }
    return TAY_OK;
}

void tay_continuous_bounds(const tay_continuous *c, double *begin, double *end)
{
    *begin = ((const tay__time *)c->starts.data)[0].hi;
    *end = c->end.hi;
}

size_t tay_continuous_n_steps(const tay_continuous *c)
{
    return c->starts.count;
}

size_t tay_continuous_dim(const tay_continuous *c)
{
    return c->dim;
}

uint32_t tay_continuous_order(const tay_continuous *c)
{
    return c->order;
}

void tay_continuous_times(double *out, const tay_continuous *c)
{
    for (size_t i = 0; i < c->starts.count; i++) out[i] = ((const tay__time *)c->starts.data)[i].hi;
    out[c->starts.count] = c->end.hi;
}

const double *tay_continuous_jet(const tay_continuous *c, size_t step)
{
    return step < c->starts.count ? (const double *)c->jets.data + step * (c->order + 1) * c->dim : NULL;
}

static tay_status copy_array(tay__array *out, const tay__array *in)
{
    tay_status status = tay__array_reserve(out, in->count);
    if (status != TAY_OK) return status;
    memcpy(out->data, in->data, in->count * in->width);
    out->count = in->count;
    return TAY_OK;
}

tay_status tay_continuous_copy(tay_continuous **out, const tay_continuous *c)
{
    tay_status status = TAY_OK;
    tay_continuous *copy = NULL;
    TAY_TRY(tay__check_pointer(out, "out"));
    TAY_TRY(tay__check_pointer(c, "c"));
    TAY_TRY(create(&copy, c->dim, c->order));
    copy->end = c->end;
    copy->backward = c->backward;
    TAY_TRY(copy_array(&copy->starts, &c->starts));
    TAY_TRY(copy_array(&copy->jets, &c->jets));
    *out = copy;
    copy = NULL;
out:
    tay_continuous_free(copy);
    return status;
}

void tay_continuous_free(tay_continuous *c)
{
    if (!c) return;
    tay__array_free(&c->starts);
    tay__array_free(&c->jets);
    tay__free(c);
}
