/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Winograd convolution F(m x m, 3 x 3), what its driver (conv_winograd.c) and the transforms
 * (winograd.isa.c) share. A tile of m x m outputs needs (m + 2)^2 inputs and as many products per
 * pair of channels, instead of 9 m^2.
 */
#ifndef PK_KERNELS_WINOGRAD_H
#define PK_KERNELS_WINOGRAD_H

#include "kernels/conv_tile.h"

/* Interpolation points, infinity left out; the transforms in winograd.isa.c are written for these.
 * For m = 4 the roots give a third of the error of 0, 1, -1, 2, -2. */
#define WINOGRAD_POINTS_4                                                                          \
    {0, 0.70710678118654752, -0.70710678118654752, 1.4142135623730950, -1.4142135623730950}
#define WINOGRAD_POINTS_5 {0, 1, -1, 2, -2, 0.5}
#define WINOGRAD_POINTS_6 {0, 1, -1, 2, -2, 0.5, -0.5}

enum { WINOGRAD_LEAST = 4, WINOGRAD_MOST = 6 };

struct winograd_kernels {
    /* One tile of one block of channels: plane is [ih][iw][vl], (y, x) its first input, which may
     * lie outside; point p goes to v + p * step. */
    void (*input[WINOGRAD_MOST + 1])(const float *plane, int ih, int iw, int y, int x, float *v,
                                     int64_t step);
    /* One tile of one block of output channels from m + p * step, with bias, residual and
     * activation; t->dst and t->residual are at its first output, rows x cols of it exist. */
    void (*output[WINOGRAD_MOST + 1])(const float *m, int64_t step, const float *bias,
                                      const struct conv_tile *t, int64_t dst_row,
                                      int64_t residual_row, int rows, int cols);
};

#endif
