/*
 * The cache of machine code: code for equal equations is made once, and found again in memory and on disk.
 *
 *     tay_memory_cache_set_limit(16 << 20);
 *     tay_disk_cache_set_enabled(false);
 *     printf("%zu bytes of code\n", tay_memory_cache_size());
 *
 * In memory, integrators of equal equations (the order, the real type and the processor being the same) share their code. When
 * its last integrator is freed code stays in the cache; what was not used for longest goes when there is more than the limit.
 *
 * On disk, other processes find it: linking it takes a few milliseconds, making it ten to a hundred times as long. The folder is,
 * of these the first that is given: the one that the program sets; TAYRA_CACHE in the environment; $XDG_CACHE_HOME/tayra;
 * ~/.cache/tayra. TAYRA_CACHE=0 switches it off. Where there is no folder, or it cannot be read or written, there is no cache on
 * disk, which is no error. Only files that belong to this user, and that nobody else may write, are read.
 *
 * All functions may be called at any time, from any thread. Without LLVM there is no code, and the caches stay empty.
 */
#ifndef TAYRA_CACHE_H
#define TAYRA_CACHE_H

#include "tayra/base.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Bytes of the code in the cache, that in use included; of all of it at most (64 MiB at first; 0: nothing is shared). */
TAY_API size_t tay_memory_cache_size(void);
TAY_API size_t tay_memory_cache_limit(void);
TAY_API void tay_memory_cache_set_limit(size_t bytes);
/* Forgets all code; what integrators use is freed with the last of them. */
TAY_API void tay_memory_cache_clear(void);

/* Whether there is a cache on disk: yes at first, unless TAYRA_CACHE=0 or the limit is 0. */
TAY_API bool tay_disk_cache_enabled(void);
TAY_API void tay_disk_cache_set_enabled(bool enabled);
/* Bytes of its files; of all files at most (256 MiB at first): what was not used for longest is removed. 0: no cache on disk,
 * files stay as they are. */
TAY_API size_t tay_disk_cache_size(void);
TAY_API size_t tay_disk_cache_limit(void);
TAY_API void tay_disk_cache_set_limit(size_t bytes);
/* Removes its files. */
TAY_API void tay_disk_cache_clear(void);
/* The folder, for tay_free; TAY_ERROR_STATE if there is none, as HOME is not set or TAYRA_CACHE is 0. */
TAY_API tay_status tay_disk_cache_path(char **out);
/* Sets the folder, which is made when it is needed; NULL or "": back to the environment's. */
TAY_API tay_status tay_disk_cache_set_path(const char *path);

#ifdef __cplusplus
}
#endif

#endif
