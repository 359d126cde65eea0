/*
 * Status codes, messages and memory: what every other header of tayra builds on.
 *
 * A function that can fail returns a tay_status and leaves its outputs untouched on failure, unless its comment says what they
 * may be then; tay_error_message() says, for this thread, which argument was wrong, what was expected and what came. NULL for an
 * object, an array that is not empty or an output is an error of these functions where no comment allows it. Functions without a
 * status, but for those that free, cannot tell: they need what they take.
 *
 *     tay_status status = TAY_ERROR_ARGUMENT;
 *     printf("%s: %s", tay_status_name(status), tay_error_message());
 */
#ifndef TAYRA_BASE_H
#define TAYRA_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#if defined(__GNUC__)
#define TAY_API __attribute__((visibility("default")))
#else
#define TAY_API
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* What a call returns: 0 is success, negative values are errors. */
typedef enum tay_status {
    TAY_OK = 0,
    TAY_ERROR_ARGUMENT = -1, /* an argument has a value that is not allowed */
    TAY_ERROR_MEMORY = -2,   /* memory could not be had */
    TAY_ERROR_LIMIT = -3,    /* a size overflows, or is over a limit of the library */
    TAY_ERROR_FORMAT = -4,   /* saved data cannot be read */
    TAY_ERROR_STATE = -5     /* the object is not in a state in which this call makes sense */
} tay_status;

/* Who runs a program: an interpreter, which is there at once, or machine code, which has to be made and is faster. */
typedef enum tay_execution {
    TAY_EXECUTION_DEFAULT = 0, /* the library decides; TAYRA_EXEC=vm or jit in the environment decides for it */
    TAY_EXECUTION_VM = 1,
    TAY_EXECUTION_JIT = 2 /* if code can be made; else the interpreter */
} tay_execution;

/* The name of a status, e.g. "TAY_ERROR_MEMORY"; never NULL. */
TAY_API const char *tay_status_name(tay_status status);

/* The text of this thread's last failed call; "" if none failed. Valid until the next failing call of this thread. */
TAY_API const char *tay_error_message(void);

/* What the library tells: what a user may want to know, and what may not be as it was wanted, like an interpreter where machine
 * code was asked for. Errors are not logged: the call that fails returns them. */
typedef enum tay_log_level { TAY_LOG_INFO = 0, TAY_LOG_WARNING = 1 } tay_log_level;

/* Called with a sentence without a line end, which is valid during the call, by the thread that has something to tell; from
 * several threads at once if the library is used in several. */
typedef void (*tay_log_callback)(tay_log_level level, const char *text, void *context);

/* Sets who is told; NULL, as at the beginning: nobody. May be called at any time; other threads may still be in the old one. */
TAY_API void tay_set_log_callback(tay_log_callback callback, void *context);

/* The version of the library, e.g. "0.1.0". */
TAY_API const char *tay_version(void);

/*
 * Replaces the allocator of the whole library (NULL: back to the C library's). `reallocate(p, size, context)` allocates
 * for p = NULL, frees for size = 0, and returns NULL when it has no memory; alignment as malloc.
 * Call it only while no object of the library is alive.
 */
TAY_API void tay_set_allocator(void *(*reallocate)(void *p, size_t size, void *context), void *context);

/* Frees a string or array which the library returned to the caller. Accepts NULL. */
TAY_API void tay_free(void *p);

#ifdef __cplusplus
}
#endif

#endif
