/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How a function says that it failed.
 *
 * Every function that can fail returns `enum status` and puts its results last. The sentence that
 * goes with a failure is kept per thread; it says what was wrong, where, and what to do:
 *
 *     CHECK(w->shape.dim[1] == c, STATUS_SHAPE,
 *           "Conv '%s': input has %lld channels, weight expects %lld", ...);
 *     TRY(graph_add_node(g, ...));
 *
 * The first sentence of a failure stands; callers on the way up may put context before it with
 * status_prefix(). PRUSIK_DEBUG=1 and above prints file and line of each FAIL to stderr.
 */
#ifndef PK_BASE_STATUS_H
#define PK_BASE_STATUS_H

#include <stddef.h>

enum status {
    STATUS_OK = 0,
    STATUS_ARGUMENT,    /* the caller passed something that cannot be right */
    STATUS_MEMORY,      /* an allocation failed, or a budget was exceeded */
    STATUS_FILE,        /* a file is missing, unreadable or unwritable */
    STATUS_FORMAT,      /* a file or message is malformed, truncated or foreign */
    STATUS_UNSUPPORTED, /* well formed, but not something this version can do */
    STATUS_SHAPE,       /* shapes or element types do not fit together */
    STATUS_LIMIT,       /* larger than a stated limit */
    STATUS_STATE,       /* called in the wrong order, or on something in use or gone */
    STATUS_TIMEOUT,
    STATUS_INTERNAL     /* a bug of ours */
};

/* The sentence of this thread's last failure; "" if none. Valid until the next failure. */
const char *status_message(void);
const char *status_name(enum status s);
void status_clear(void);
/* Puts "CONTEXT: " before the current sentence. */
void status_prefix(const char *format, ...) __attribute__((cold, format(printf, 1, 2)));
/* Replaces the sentence; used by FAIL. Returns `s` so that it can be returned at once. */
enum status status_set(enum status s, const char *file, int line, const char *format, ...)
    __attribute__((cold, format(printf, 4, 5)));

/* The code itself is returned, so that the compiler sees that no failure is STATUS_OK. */
#define FAIL(code, ...)                                                                            \
    do {                                                                                           \
        status_set((code), __FILE__, __LINE__, __VA_ARGS__);                                       \
        return (code);                                                                             \
    } while (0)
#define CHECK(condition, code, ...)                                                                \
    do {                                                                                           \
        if (__builtin_expect(!(condition), 0)) FAIL((code), __VA_ARGS__);                          \
    } while (0)
#define TRY(expression)                                                                            \
    do {                                                                                           \
        enum status try_status_ = (expression);                                                    \
        if (__builtin_expect(try_status_ != STATUS_OK, 0)) return try_status_;                     \
    } while (0)

#endif
