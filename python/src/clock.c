/*
 * The clock by which long work, which runs without the interpreter's lock, now and then takes it to look for signals.
 */
#include "core.h"

#include <time.h>

#define PERIOD 0.05 /* seconds */
/* Reading the time costs as much as a tenth of a small system's step: while calls come quickly only each 2nd, 4th, ... reads. */
#define QUICK (PERIOD / 64)
enum { MOST_SKIPPED = 1024 };

static double now(void)
{
    struct timespec t;
    timespec_get(&t, TIME_UTC);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

void core_clock_start(core_clock *clock)
{
    clock->last = now();
    clock->next = clock->last + PERIOD;
    clock->skip = clock->left = 0;
}

bool core_clock_ticks(core_clock *clock)
{
    if (clock->left > 0) {
        clock->left--;
        return false;
    }
    double t = now();
    if (t - clock->last > QUICK)
        clock->skip = 0;
    else if (clock->skip < MOST_SKIPPED)
        clock->skip = 2 * clock->skip + 1;
    clock->left = clock->skip;
    clock->last = t;
    if (t < clock->next && t >= clock->next - 2 * PERIOD) return false; /* a clock that was set back ticks too */
    clock->next = t + PERIOD;
    return true;
}
