/*
 * The log: sentences for the user's callback. Nobody is told anything else, and nothing is printed.
 */
#include <stdarg.h>
#include <stdio.h>

#include "base/base.h"

static tay_log_callback told;
static void *told_context;

void tay_set_log_callback(tay_log_callback callback, void *context)
{
    tay__lock();
    told = callback;
    told_context = context;
    tay__unlock();
}

void tay__log(tay_log_level level, const char *format, ...)
{
    char text[512];
    va_list arguments;

    tay__lock();
    tay_log_callback callback = told;
    void *context = told_context;
    tay__unlock();
    if (!callback) return; /* which is called without the lock: it may set another one */
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    callback(level, text, context);
}
