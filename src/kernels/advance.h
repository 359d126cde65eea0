/*
 * The rest of a step as a site: once the jet is there, the size of the step and the new state. Of a small system all of it is in
 * registers. What is out of the ordinary is left to the caller, to whom the jet is no less: zeros among the last coefficients,
 * steps that a limit cuts short, states that are not finite.
 */
#ifndef TAY__ADVANCE_H
#define TAY__ADVANCE_H

#include <math.h>

#include "kernels/step.h"

TAY__INLINE double tay__largest(const double *x, size_t n)
{
    double max = 0;

    TAY__UNROLL
    for (size_t i = 0; i < n; i++) max = fabs(x[i]) > max ? fabs(x[i]) : max; /* NaN: then the new state will be NaN */
    return max;
}

/* A step has been done to the state `next`: the clock, and what the next step needs. */
TAY__INLINE void tay__count_step(tay__advance *advance, double h, double *jet, const double *next, size_t n)
{
    double size = fabs(h);

    advance->h = h;
    if (size < advance->min_h) advance->min_h = size;
    if (size > advance->max_h) advance->max_h = size;
    advance->time = tay__time_add(advance->time, h);
    if (++advance->done == advance->n) return;
    tay__limit_step(advance);
    if (advance->clock) *advance->clock = advance->time.hi;
    TAY__UNROLL
    for (size_t i = 0; i < n; i++) tay__store(jet + i, tay__load(next + i));
    advance->goes_on = true;
}

/* States 0 .. n - 1, in vectors of one. */
TAY__INLINE void tay__advance_states(tay__advance *advance, double *jet, size_t plane, uint32_t order, size_t n)
{
    double next[TAY__MOST_ADVANCED];
    vec bad = {0};
    double first = tay__largest(jet, n), before = tay__largest(jet + (order - 1) * plane, n);
    double last = tay__largest(jet + order * plane, n);

    advance->goes_on = false;
    if (!tay__has_short_radius(first, before, last)) return;
    double size = tay__short_radius(first, before, last, order) * advance->safety;
    if (!(size < fabs(advance->limit))) return;
    double h = copysign(size, advance->limit);
    tay__polynomials p = {.jet = jet, .h = &h, .out = {next}, .plane = plane, .order = order};
    TAY__UNROLL
    for (size_t i = 0; i < n; i++) {
        if (order >= 4) tay__horner_parts(&p, i, 1, 4);
        else tay__horner_parts(&p, i, 1, 2);
        bad += tay__load(next + i) - tay__load(next + i); /* 0, or NaN */
    }
    if (bad[0] != 0) return;
    TAY__UNROLL
    for (size_t i = 0; i < n; i++) tay__store(advance->state + i, tay__load(next + i));
    tay__count_step(advance, h, jet, next, n);
}

#endif
