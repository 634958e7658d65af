/* SPDX-License-Identifier: Apache-2.0 */
/* Sliding windows: attributes to checked numbers. All values are bounded so that no later sum or
 * product of two of them can overflow. */
#include "ops/window.h"

#include <inttypes.h>
#include <string.h>

#define WINDOW_LIMIT ((int64_t)1 << 30)

static enum status read_axis_values(const struct op_call *c, const char *name, int n, int64_t low,
                                    int64_t fallback, int64_t *out) {
    int64_t v[2 * WINDOW_MAX];
    int count = node_ints(c->node, name, v, n);
    OP_CHECK(c, count == -1 || count == 0 || count == n, STATUS_SHAPE,
             "attribute '%s' has %d values; the input has %d spatial dimensions", name, count, n);
    for (int i = 0; i < n; i++) {
        out[i] = count > 0 ? v[i] : fallback;
        OP_CHECK(c, out[i] >= low && out[i] <= WINDOW_LIMIT, STATUS_LIMIT,
                 "attribute '%s' holds %" PRId64 "; it must be %" PRId64 " to %" PRId64, name,
                 out[i], low, WINDOW_LIMIT);
    }
    return STATUS_OK;
}

enum status window_kernel(const struct op_call *c, int n, int64_t *kernel) {
    int64_t v[WINDOW_MAX];
    int count = node_ints(c->node, "kernel_shape", v, WINDOW_MAX);
    if (count <= 0) return STATUS_OK;
    OP_CHECK(c, count == n, STATUS_SHAPE,
             "attribute 'kernel_shape' has %d values; the input has %d spatial dimensions", count,
             n);
    for (int i = 0; i < n; i++) {
        OP_CHECK(c, kernel[i] < 0 || kernel[i] == v[i], STATUS_SHAPE,
                 "attribute 'kernel_shape' holds %" PRId64 " where the weight has %" PRId64, v[i],
                 kernel[i]);
        OP_CHECK(c, v[i] >= 1, STATUS_SHAPE, "attribute 'kernel_shape' holds %" PRId64, v[i]);
        kernel[i] = v[i];
    }
    return STATUS_OK;
}

enum status window_read(const struct op_call *c, const struct shape *x, const int64_t *kernel,
                        struct window *w) {
    OP_CHECK(c, x->rank >= 3, STATUS_SHAPE, "input has rank %d; batch, channels and at least one "
             "spatial dimension are needed", x->rank);
    OP_CHECK(c, x->rank <= 2 + WINDOW_MAX, STATUS_UNSUPPORTED,
             "input has %d spatial dimensions; at most %d are supported", x->rank - 2, WINDOW_MAX);
    *w = (struct window){.n = x->rank - 2};
    TRY(read_axis_values(c, "strides", w->n, 1, 1, w->stride));
    TRY(read_axis_values(c, "dilations", w->n, 1, 1, w->dilation));
    int64_t pads[2 * WINDOW_MAX];
    TRY(read_axis_values(c, "pads", 2 * w->n, 0, 0, pads));
    for (int i = 0; i < w->n; i++) {
        OP_CHECK(c, x->dim[2 + i] <= WINDOW_LIMIT && kernel[i] <= WINDOW_LIMIT, STATUS_LIMIT,
                 "a spatial or kernel dimension is above %" PRId64, WINDOW_LIMIT);
        OP_CHECK(c, kernel[i] != 0, STATUS_SHAPE, "the kernel has a dimension of 0");
        w->in[i] = x->dim[2 + i];
        w->kernel[i] = kernel[i];
        w->begin[i] = pads[i];
        w->end[i] = pads[w->n + i];
        w->out[i] = -1;
    }
    return STATUS_OK;
}

enum status window_init(const struct op_call *c, const struct shape *x, const int64_t *kernel,
                        bool ceil_mode, struct window *w) {
    TRY(window_read(c, x, kernel, w));
    const char *mode = node_string(c->node, "auto_pad", "NOTSET");
    bool upper = !strcmp(mode, "SAME_UPPER"), lower = !strcmp(mode, "SAME_LOWER");
    bool valid = !strcmp(mode, "VALID");
    OP_CHECK(c, upper || lower || valid || !strcmp(mode, "NOTSET") || !*mode, STATUS_UNSUPPORTED,
             "attribute 'auto_pad' is '%s'", mode);
    for (int i = 0; i < w->n; i++) {
        if (upper || lower || valid) w->begin[i] = w->end[i] = 0;
        if (w->in[i] < 0) continue;
        if (upper || lower) {
            w->out[i] = (w->in[i] + w->stride[i] - 1) / w->stride[i];
            if (w->kernel[i] < 0) continue;
            int64_t total =
                (w->out[i] - 1) * w->stride[i] + (w->kernel[i] - 1) * w->dilation[i] + 1 - w->in[i];
            if (total < 0) total = 0;
            /* The odd one goes to the end for SAME_UPPER. */
            w->begin[i] = upper ? total / 2 : total - total / 2;
            w->end[i] = total - w->begin[i];
            continue;
        }
        if (w->kernel[i] < 0) continue;
        int64_t extent = (w->kernel[i] - 1) * w->dilation[i] + 1;
        int64_t room = w->in[i] + w->begin[i] + w->end[i] - extent, s = w->stride[i];
        int64_t out = room < 0 ? (ceil_mode && -room < s ? 1 : 0)
                               : (ceil_mode ? (room + s - 1) / s : room / s) + 1;
        /* A window of the rounded-up part must still begin inside the input or its front padding.
         */
        if (ceil_mode && out > 1 && (out - 1) * s >= w->in[i] + w->begin[i]) out--;
        OP_CHECK(c, out > 0, STATUS_SHAPE,
                 "the kernel spans %" PRId64 " but the padded input is only %" PRId64
                 " long on spatial axis %d", extent, w->in[i] + w->begin[i] + w->end[i], i);
        w->out[i] = out;
    }
    return STATUS_OK;
}

struct window window_3d(const struct window *w) {
    struct window r = {.n = WINDOW_MAX};
    int shift = WINDOW_MAX - w->n;
    for (int i = 0; i < WINDOW_MAX; i++) {
        int k = i - shift;
        r.in[i] = k < 0 ? 1 : w->in[k];
        r.out[i] = k < 0 ? 1 : w->out[k];
        r.kernel[i] = k < 0 ? 1 : w->kernel[k];
        r.stride[i] = k < 0 ? 1 : w->stride[k];
        r.dilation[i] = k < 0 ? 1 : w->dilation[k];
        r.begin[i] = k < 0 ? 0 : w->begin[k];
        r.end[i] = k < 0 ? 0 : w->end[k];
    }
    return r;
}
