/*
 * Status codes and messages: every failing call leaves one text per thread, which says which argument was wrong, what
 * was expected and what came.
 */
#include "base/base.h"

#include <stdarg.h>
#include <stdio.h>

/* Long enough for a sentence with a name in it; longer texts are cut. */
enum { MESSAGE_SIZE = 512 };

static _Thread_local char message[MESSAGE_SIZE];

const char *tay_status_name(tay_status status)
{
    switch (status) {
    case TAY_OK:
        return "TAY_OK";
    case TAY_ERROR_ARGUMENT:
        return "TAY_ERROR_ARGUMENT";
    case TAY_ERROR_MEMORY:
        return "TAY_ERROR_MEMORY";
    case TAY_ERROR_LIMIT:
        return "TAY_ERROR_LIMIT";
    case TAY_ERROR_FORMAT:
        return "TAY_ERROR_FORMAT";
    case TAY_ERROR_STATE:
        return "TAY_ERROR_STATE";
    }
    return "unknown status";
}

const char *tay_error_message(void)
{
    return message;
}

tay_status tay__check_pointer(const void *p, const char *name)
{
    return p ? TAY_OK : tay__error(TAY_ERROR_ARGUMENT, "%s: expected a pointer, got NULL", name);
}

const char *tay_version(void)
{
    return TAY__VERSION; /* from meson.build */
}

tay_status tay__error(tay_status code, const char *format, ...)
{
    /* Written beside the old text first: an argument may point into it. */
    char text[MESSAGE_SIZE];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    memcpy(message, text, strlen(text) + 1);
    return code;
}
