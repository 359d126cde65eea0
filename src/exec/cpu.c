/*
 * Detection of the processor: which of the compiled instruction sets it has. TAYRA_ISA=baseline, avx2 or avx512 in the
 * environment forces a lower one, for tests and measurements.
 */
#include <stdlib.h>

#include "exec/bound.h"

typedef struct level {
    const char *name;
    const tay__kernels *kernels[2]; /* by tay_real */
} level;

#if defined(__x86_64__)
static const level levels[] = {{"baseline", {&tay__kernels_baseline_f64, &tay__kernels_baseline_f32}},
                               {"avx2", {&tay__kernels_avx2_f64, &tay__kernels_avx2_f32}},
                               {"avx512", {&tay__kernels_avx512_f64, &tay__kernels_avx512_f32}}};

static size_t highest(void)
{
    if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("fma")) return 0;
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") ? 2 : 1;
}
#else
static const level levels[] = {{"baseline", {&tay__kernels_baseline_f64, &tay__kernels_baseline_f32}}};

static size_t highest(void)
{
    return 0;
}
#endif

static size_t chosen(void)
{
    const char *wanted = getenv("TAYRA_ISA");
    size_t best = highest();

    for (size_t i = 0; wanted && i < best; i++)
        if (strcmp(levels[i].name, wanted) == 0) best = i;
    return best;
}

const tay__kernels *tay__choose_kernels(tay_real real)
{
    return levels[chosen()].kernels[real];
}

bool tay__fills(tay_real real, uint32_t lanes)
{
    const tay__kernels *kernels = tay__choose_kernels(real);
    size_t width = kernels->width, whole = (lanes + width - 1) / width * width;

    if (lanes < width) return width % lanes == 0 && width / lanes <= kernels->most_parts;
    return whole == lanes || (real == TAY_FLOAT32 && 2 * whole < 3 * (size_t)lanes);
}

const tay__kernels *tay__choose_whole(tay_real real, uint32_t lanes, size_t most)
{
    for (size_t i = chosen(); i > 0; i--) {
        const tay__kernels *kernels = levels[i].kernels[real];
        if (kernels->width <= most && lanes % kernels->width == 0) return kernels;
    }
    return levels[0].kernels[real];
}
