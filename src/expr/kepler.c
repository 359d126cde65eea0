/*
 * Kepler's equation, E - e sin E = M, and the form that it takes with equinoctial elements and in universal propagation,
 *
 *     E + s (1 - cos E) - c sin E = m,    s^2 + c^2 < 1
 *
 * (for instance R. H. Battin, An Introduction to the Mathematics and Methods of Astrodynamics, 1999, chapter 4), by
 * Newton's method within brackets. The left side grows with E, by 2 pi from 0 to 2 pi.
 */
#include <math.h>

#include "expr/expr.h"

static const double TWO_PI = 0x1.921fb54442d18p+2;

/* E - sin E, without the cancellation near 0. */
static double excess(double e)
{
    double square = e * e, sum = 1.0;

    if (fabs(e) > 0.5) return e - sin(e);
    for (int n = 17; n > 3; n -= 2) sum = 1.0 - square / (n * (n - 1)) * sum;
    return e * square / 6.0 * sum;
}

/* The angle between -pi and pi that differs by a multiple of 2 pi, as exact as the C library reduces arguments; NaN if x is not
 * finite. */
static double wrap(double x)
{
    return fabs(x) <= 0.5 * TWO_PI ? x : atan2(sin(x), cos(x));
}

double tay__kepler(double s, double c, double m)
{
    enum { MOST_STEPS = 100 };

    m = wrap(m);
    if (!(s * s + c * c < 1.0) || isnan(m)) return NAN;
    double low = m < 0.0 ? -TWO_PI : 0.0, high = low + TWO_PI, e = m + c * sin(m) - s * (1.0 - cos(m)), next = e;
    double last = INFINITY; /* moves square; one that does not is rounding */

    for (int i = 0; i < MOST_STEPS; i++) {
        if (!(e >= low && e <= high)) e = 0.5 * (low + high);
        double half = sin(0.5 * e), versine = 2.0 * half * half, sine = sin(e);
        double too_much = excess(e) + (1.0 - c) * sine + s * versine - m, slope = (1.0 - c) + c * versine + s * sine;
        if (too_much > 0.0) high = e;
        else low = e;
        next = e - too_much / slope;
        double move = fabs(next - e) / fabs(next);
        if (move < 0x1p-40 || (move < 0x1p-20 && move > 0.5 * last) || too_much == 0.0) break;
        last = move;
        e = next;
    }
    return next < 0.0 ? next + TWO_PI : next;
}
