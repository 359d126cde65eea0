/*
 * The clock by which long work, which runs without the interpreter's lock, now and then takes it to look for signals.
 */
#include "core.h"

#include <time.h>

#define PERIOD 0.05 /* seconds */

static double now(void)
{
    struct timespec t;
    timespec_get(&t, TIME_UTC);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

void core_clock_start(core_clock *clock)
{
    clock->next = now() + PERIOD;
}

bool core_clock_ticks(core_clock *clock)
{
    double t = now();
    if (t < clock->next && t >= clock->next - 2 * PERIOD) return false; /* a clock that was set back ticks too */
    clock->next = t + PERIOD;
    return true;
}
