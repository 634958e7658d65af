/* SPDX-License-Identifier: Apache-2.0 */
/* Per-thread failure sentences; see status.h. The buffer is fixed so that reporting an
 * out-of-memory failure needs no memory. */
#include "base/status.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/env.h"

enum { MESSAGE_BYTES = 4096 };
static _Thread_local char message[MESSAGE_BYTES];

const char *status_message(void) { return message; }
void status_clear(void) { message[0] = '\0'; }

const char *status_name(enum status s) {
    static const char *const names[] = {
        "ok",    "bad argument", "out of memory", "file error", "malformed", "unsupported",
        "shape", "limit",        "wrong state",   "time-out",   "internal error",
    };
    return (size_t)s < sizeof names / sizeof names[0] ? names[s] : "unknown status";
}

enum status status_set(enum status s, const char *file, int line, const char *format, ...) {
    va_list args;
    /* The arguments may point into the current message, so it is written aside first. */
    char text[MESSAGE_BYTES];
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    memcpy(message, text, sizeof message);
    if (env_int(ENV_DEBUG) >= 1)
        fprintf(stderr, "prusik: %s:%d: %s: %s\n", file, line, status_name(s), message);
    return s;
}

void status_prefix(const char *format, ...) {
    char text[MESSAGE_BYTES];
    va_list args;
    va_start(args, format);
    int n = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (n < 0) return;
    if (n > MESSAGE_BYTES - 3) n = MESSAGE_BYTES - 3;
    /* What no longer fits at the end of the old sentence is cut off. */
    size_t rest = strnlen(message, MESSAGE_BYTES - 3 - (size_t)n);
    memcpy(text + n, ": ", 2);
    memcpy(text + n + 2, message, rest);
    text[(size_t)n + 2 + rest] = '\0';
    memcpy(message, text, sizeof message);
}
