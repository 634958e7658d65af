/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Winograd convolution: what its driver (conv_winograd.c) and the transforms (winograd.isa.c)
 * share. A tile of m x m outputs needs n x n inputs and as many products per pair of channels,
 * instead of taps^2 m^2.
 *
 * Stride 1 is F(m x m, taps x taps), n = m + taps - 1. With stride 2 and three taps,
 * y[j] = w0 x[2j] + w1 x[2j+1] + w2 x[2j+2] along each axis: the even inputs make F(m, 2) with
 * m + 1 products, the m odd ones are multiplied as they are, n = 2 m + 1; 81 products instead of
 * 144 for m = 4.
 *
 * A first layer with stride 2 and 5 to 7 taps is one with stride 1 and half as many over cells of
 * 2 x 2 pixels, with four times the channels.
 */
#ifndef PK_KERNELS_WINOGRAD_H
#define PK_KERNELS_WINOGRAD_H

#include "kernels/conv_tile.h"

/* FORM(name, stride, m, taps, number of interpolation points (infinity left out), points). The
 * transforms in winograd.isa.c are written for these points. The roots give a third of the error of
 * 0, 1, -1, 2, -2. */
#define WINOGRAD_ROOTS                                                                             \
    0, 0.70710678118654752, -0.70710678118654752, 1.4142135623730950, -1.4142135623730950
#define WINOGRAD_FORMS(FORM)                                                                       \
    FORM(s1_m2, 1, 2, 3, 3, 0, 1, -1)                                                              \
    FORM(s1_m4, 1, 4, 3, 5, WINOGRAD_ROOTS)                                                        \
    FORM(s1_m5, 1, 5, 3, 6, 0, 1, -1, 2, -2, 0.5)                                                  \
    FORM(s1_m6, 1, 6, 3, 7, 0, 1, -1, 2, -2, 0.5, -0.5)                                            \
    FORM(s1_m4_4, 1, 4, 4, 6, 0, 1, -1, 2, -2, 0.5)                                                \
    FORM(s2_m3, 2, 3, 3, 3, 0, 1, -1)                                                              \
    FORM(s2_m4, 2, 4, 3, 4, 0, 1, -1, 2)                                                           \
    FORM(s2_m5, 2, 5, 3, 5, WINOGRAD_ROOTS)

enum winograd_form {
#define WINOGRAD_NAME(name, stride, m, taps, n_points, ...) WINOGRAD_##name,
    WINOGRAD_FORMS(WINOGRAD_NAME)
#undef WINOGRAD_NAME
    N_WINOGRAD_FORMS
};

enum { WINOGRAD_MOST_OUTPUTS = 6, WINOGRAD_MOST_INPUTS = 11, WINOGRAD_MOST_TAPS = 4 };
enum { WINOGRAD_MOST_OCV = 4, WINOGRAD_MOST_PX = 20 };

/* The products of one point for `count` times px neighbouring tiles and ocv blocks of output
 * channels: m[block][tile][vl] = u v, or += with `add`. u is [channel][ocv][vl], v is
 * [block of channels][tile][vl]; v_block and m_block are floats from block to block. */
typedef void (*winograd_product)(const float *u, const float *v, int64_t v_block, int channels,
                                 float *m, int64_t m_block, int add, int count);

/* The cost model. */
struct winograd_costs {
    /* What a product takes per channel, in steps of product_us: ocv * px + load_cost * ocv +
     * broadcast_cost * px, at least least_cost. Bytes of a block's v that stay in L2, and of
     * weights that the caches keep from block to block. */
    float load_cost, broadcast_cost, least_cost, near_bytes, kept_bytes;
    /* Microseconds: for a step of a product; for a byte of v that each group reads, from L2 or from
     * beyond; for a byte of weights from memory; for one that a further block of tiles reads, kept
     * or not; for a vector that the transform of an input writes, and more with each side of it;
     * that the transforms of outputs and of weights in a run read or write; of sums that a share of
     * the channels adds to. */
    float product_us, near_us, far_us, memory_us, again_us, again_far_us, input_us, input_side_us,
        output_us, late_us, sums_us;
    /* Transformed weights are held, and made at load: so many bytes must save a microsecond a
     * run, and so many where a run could transform them instead, which costs little beside their
     * size. */
    float memory_worth, at_load_worth;
};

struct winograd_kernels {
    /* n cells side by side from vl / 2 rows of two neighbours each (NULL: zeros): pixels 2 i and
     * 2 i + 1 of every row to out + i * vl. */
    void (*cells)(const float *const *rows, int n, float *out);
    /* One tile of one block of channels: plane is [ih][iw][vl], (y, x) its first input, which may
     * lie outside; point p goes to v + p * step. */
    void (*input[N_WINOGRAD_FORMS])(const float *plane, int ih, int iw, int y, int x, float *v,
                                    int64_t step);
    /* One tile of one block of output channels from m + p * step, with bias, residual and
     * activation; t->dst and t->residual are at its first output, rows x cols of it exist. */
    void (*output[N_WINOGRAD_FORMS])(const float *m, int64_t step, const float *bias,
                                     const struct conv_tile *t, int64_t dst_row,
                                     int64_t residual_row, int rows, int cols);
    /* The weights between `count` pairs of a channel and a block, each w[taps][taps][vl], by the n
     * rows of g along both axes, in double precision; point p of pair k goes to u + p * step +
     * k * vl. At most WINOGRAD_WEIGHT_FLOATS / vl pairs. */
    void (*weights)(const float *const *w, int count, const double (*g)[WINOGRAD_MOST_TAPS], int n,
                    int taps, float *u, int64_t step);
    /* The same for weights that are transformed in each run, in single precision, of `count` pairs
     * one behind the other; NULL for forms with other than 3 taps. */
    void (*weights_late[N_WINOGRAD_FORMS])(const float *w, int count, float *u, int64_t step);
    /* By ocv and px; NULL: none. There is one of px = 1 for every ocv up to max_ocv. */
    winograd_product product[WINOGRAD_MOST_OCV + 1][WINOGRAD_MOST_PX + 1];
    int max_ocv;
    struct winograd_costs costs[2]; /* [1]: where cpu_adds_beside_products() */
};
/* Whole cache lines at a point, before the next point's, which lies a multiple of the size of a
 * cache's ways away. */
enum { WINOGRAD_WEIGHT_FLOATS = 192 };

#endif
