/*
 * Assertions that every C test wants: a call succeeds, or fails with this status and a message that says this.
 */
#ifndef TAYRA_TESTS_CHECK_H
#define TAYRA_TESTS_CHECK_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tayra/base.h"

#define assert_ok(call)                                                                                                \
    do {                                                                                                               \
        tay_status status_ = (call);                                                                                   \
        if (status_ != TAY_OK) fail_msg("%s: %s: %s", #call, tay_status_name(status_), tay_error_message());           \
    } while (0)

/* `part` must stand in the message. */
#define assert_error(call, status, part)                                                                               \
    do {                                                                                                               \
        tay_status status_ = (call);                                                                                   \
        if (status_ != (status))                                                                                       \
            fail_msg("%s: %s instead of %s", #call, tay_status_name(status_), tay_status_name(status));                \
        if (!strstr(tay_error_message(), (part)))                                                                      \
            fail_msg("%s: the message \"%s\" lacks \"%s\"", #call, tay_error_message(), (part));                       \
    } while (0)

#endif
