/*
 * Tests leave the user's cache alone: those of the cache on disk name a folder of their own.
 */
#include <stdlib.h>

__attribute__((constructor)) static void set_environment(void)
{
    setenv("TAYRA_CACHE", "0", 1);
}
