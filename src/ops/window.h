/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sliding windows: what convolution and pooling share. Strides, dilations, pads and auto_pad of a
 * node become plain numbers per spatial axis, checked, with the output size worked out.
 */
#ifndef PK_OPS_WINDOW_H
#define PK_OPS_WINDOW_H

#include "ops/op.h"

enum { WINDOW_MAX = 3 };

/* One entry per spatial axis, outermost first. in, kernel and out are -1 where not known; begin and
 * end are 0 then if auto_pad decides them. */
struct window {
    int n;
    int64_t in[WINDOW_MAX], kernel[WINDOW_MAX], stride[WINDOW_MAX], dilation[WINDOW_MAX];
    int64_t begin[WINDOW_MAX], end[WINDOW_MAX]; /* padding */
    int64_t out[WINDOW_MAX];
};

/* Reads the attributes strides, dilations, pads and auto_pad of the call's node for an input of
 * shape `x` (N, C, spatial...; rank known) and a kernel (n values, -1 unknown). ceil_mode as in
 * the pooling operators. Fails on anything that cannot be a window. */
enum status window_init(const struct op_call *c, const struct shape *x, const int64_t *kernel,
                        bool ceil_mode, struct window *w);
/* The same without working out `out` (left -1) or resolving auto_pad: for transposed windows. */
enum status window_read(const struct op_call *c, const struct shape *x, const int64_t *kernel,
                        struct window *w);
/* Checks a kernel_shape attribute, if there is one, against the weight's dimensions. kernel: n
 * values from the weight, -1 unknown; the attribute fills the gaps. */
enum status window_kernel(const struct op_call *c, int n, int64_t *kernel);
/* The same window over exactly three axes; added ones come first and have size 1. */
struct window window_3d(const struct window *w);

/* Kernel positions *lo..*hi-1 of output position `o` on axis `i` lie inside the input. */
static inline void window_clip(const struct window *w, int i, int64_t o, int64_t *lo, int64_t *hi) {
    int64_t start = o * w->stride[i] - w->begin[i], d = w->dilation[i];
    *lo = start >= 0 ? 0 : (-start + d - 1) / d;
    *hi = start >= w->in[i] ? 0 : (w->in[i] - start + d - 1) / d;
    if (*hi > w->kernel[i]) *hi = w->kernel[i];
}

/* The attributes window_init reads. */
#define WINDOW_ATTRS                                                                               \
    {"kernel_shape", ATTR_INTS}, {"strides", ATTR_INTS}, {"dilations", ATTR_INTS},                 \
        {"pads", ATTR_INTS}, {"auto_pad", ATTR_STRING}

#endif
