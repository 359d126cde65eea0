/*
 * Time as the unevaluated sum of two doubles, hi + lo with |lo| at most half a unit in the last place of hi: a long
 * propagation adds millions of steps without losing any of them. Sums are exact transformations [Knuth, TAOCP 2,
 * 4.2.2].
 */
#ifndef TAY__ODE_TIME_H
#define TAY__ODE_TIME_H

#include <stdbool.h>

typedef struct tay__time {
    double hi, lo;
} tay__time;

/* a + b exactly, whatever their sizes. */
static inline tay__time tay__time_sum(double a, double b)
{
    double s = a + b, part = s - a;
    return (tay__time){s, (a - (s - part)) + (b - part)};
}

static inline tay__time tay__time_add(tay__time t, double h)
{
    tay__time sum = tay__time_sum(t.hi, h);
    return tay__time_sum(sum.hi, sum.lo + t.lo);
}

static inline tay__time tay__time_sub(tay__time a, tay__time b)
{
    tay__time high = tay__time_sum(a.hi, -b.hi), low = tay__time_sum(a.lo, -b.lo);
    tay__time sum = tay__time_sum(high.hi, high.lo + low.hi);
    return tay__time_sum(sum.hi, sum.lo + low.lo);
}

static inline bool tay__time_equal(tay__time a, tay__time b)
{
    return a.hi == b.hi && a.lo == b.lo;
}

#endif
