/* SPDX-License-Identifier: Apache-2.0 */
/* What every cmocka test includes: the headers in the order cmocka needs, and two assertions that
 * print the library's own sentence when they fail. */
#ifndef PK_TESTS_CHECK_H
#define PK_TESTS_CHECK_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/status.h"

#define assert_ok(expression)                                                                      \
    do {                                                                                           \
        enum status s_ = (expression);                                                             \
        if (s_ != STATUS_OK)                                                                       \
            fail_msg("%s: %s: %s", #expression, status_name(s_), status_message());                \
    } while (0)

/* Fails with the given code and a sentence that contains `part`. */
#define assert_fails(expression, code, part)                                                       \
    do {                                                                                           \
        enum status s_ = (expression);                                                             \
        if (s_ != (code))                                                                          \
            fail_msg("%s: %s instead of %s: %s", #expression, status_name(s_), status_name(code),  \
                     status_message());                                                            \
        if (!strstr(status_message(), (part)))                                                     \
            fail_msg("%s: \"%s\" does not say \"%s\"", #expression, status_message(), (part));     \
    } while (0)

#endif
