/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the generated wrappers of libacltrace.so call. A wrapper is
 *
 *     next = trace_begin(&call, &function);    the library's own function
 *     trace_data(&call, "name", address, bytes);  what the call reads
 *     result = next(...);
 *     if (trace_returned(&call)) {             a line is wanted
 *         trace_...(&call, "name", value);     each argument
 *         trace_code(&call, result);           or trace_result() and its value
 *         trace_...(&call, "name", *value);    what the call has put into its arguments
 *         trace_write(&call);
 *     }
 */
#ifndef PK_CMD_TRACE_SHIM_H
#define PK_CMD_TRACE_SHIM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* One per wrapper; the list of those called is what --summary prints. */
struct trace_function {
    const char *name;
    void *next;
    bool listed;
    struct trace_function *after;
    uint64_t n, failed, ns;
};

enum { TRACE_LINE = 8192, TRACE_DATA = 40 };

struct trace_call {
    struct trace_function *function;
    uint64_t start_ns, ns;
    bool returned; /* arguments are written, the result is next */
    int n_args, n_filled;
    size_t used;
    int n_data;
    struct trace_data { /* a file of --data */
        char name[24];
        uint64_t hash;
        size_t bytes;
    } data[TRACE_DATA];
    char line[TRACE_LINE];
};

struct trace_name {
    int value;
    const char *name;
};
extern const struct trace_name trace_codes[];
extern const int trace_n_codes;

void *trace_begin(struct trace_call *c, struct trace_function *f);
bool trace_returned(struct trace_call *c);
/* `name` is NULL for a result. After the result, what an argument was filled with. */
void trace_signed(struct trace_call *c, const char *name, long long v);
void trace_unsigned(struct trace_call *c, const char *name, unsigned long long v);
void trace_real(struct trace_call *c, const char *name, double v);
void trace_text(struct trace_call *c, const char *name, const char *v);
void trace_address(struct trace_call *c, const char *name, const void *v);
void trace_enum(struct trace_call *c, const char *name, int v, const struct trace_name *names,
                int n);
void trace_result(struct trace_call *c);
void trace_code(struct trace_call *c, int code);
void trace_write(struct trace_call *c);

/* With --data: keeps the contents of memory, before the call, and after it under names that begin
 * with '>'. */
void trace_data(struct trace_call *c, const char *name, const void *data, size_t bytes);
void trace_dataset(struct trace_call *c, const char *name, const void *dataset);

#endif
