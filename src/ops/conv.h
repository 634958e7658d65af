/* SPDX-License-Identifier: Apache-2.0 */
/* What a convolution node means, worked out once for the shape rule, the reference kernel, the
 * quantised forms and the planner. */
#ifndef PK_OPS_CONV_H
#define PK_OPS_CONV_H

#include "ops/window.h"

struct conv {
    struct window window; /* as many axes as the node has */
    int64_t n, c, m, groups; /* batch, input channels, output channels; -1 unknown (not groups) */
};

/* x and w: the input's and the weight's shapes, ranks known. Checks everything but dtypes. */
enum status conv_init(const struct op_call *c, const struct shape *x, const struct shape *w,
                      struct conv *out);
/* N, M, spatial... */
struct shape conv_output_shape(const struct conv *v);
/* Multiply-adds; 0 if a dimension is unknown. */
int64_t conv_macs(const struct conv *v);

/* One row of sums: sum[i] += the products for output (n, m, od, oh, ow0 + i), i < count. `w3` is
 * window_3d() of the window. The zero points are subtracted from both factors; padding counts as
 * x_zero. */
void conv_row(const struct conv *v, const struct window *w3, const struct view *x, double x_zero,
              const struct view *w, double w_zero, int64_t n, int64_t m, int64_t od, int64_t oh,
              int64_t ow0, int64_t count, double *sum);
/* window_3d(), with a 1x1 kernel of stride 1 seen as one long row. */
struct window conv_window(const struct conv *v);

#endif
