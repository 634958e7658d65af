/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Winograd's inner product: half of the multiplications for two additions each.
 *
 *     x0 w0 + x1 w1 = (x0 + w1)(x1 + w0) - x0 x1 - w0 w1
 *
 * where x0 x1 belongs to a pixel, for all its outputs, and w0 w1 to an output, for all pixels, so
 * that both are summed up once and taken off at the start (S. Winograd, A New Algorithm for Inner
 * Product, IEEE Transactions on Computers C-17, 1968). Processors whose vector additions have units
 * of their own, AMD's Zen up to its fourth, do them beside the multiplications: of a block of 16
 * channels ten go in five pairs, ten additions beside eleven multiply-adds, and the block takes 11
 * instructions' time instead of 16.
 *
 * The products of inputs and of weights must not drown those between them, so both have about one
 * size: weights are scaled by powers of two, those of each output, and inputs are where they need
 * it, those of each pixel. The error is then that of a sum of as many products of the largest input
 * and the largest weight (R. Brent, Error analysis of algorithms for matrix multiplication and
 * triangular decomposition using Winograd's identity, Numerische Mathematik 16, 1970). Every other
 * pair has its products taken off, (x0 - w1)(w0 - x1), so that they do not add up where all inputs
 * have one sign.
 *
 * An infinite input makes NaN of all outputs of its pixel.
 */
#ifndef PK_KERNELS_PAIRS_H
#define PK_KERNELS_PAIRS_H

#include "kernels/conv_tile.h"

/* Of a block of up to 16 channels: 1 or -1 where a pair begins, whose products are added or taken
 * off. Half a block has a good share of its own. */
static inline int pair_sign(int channel) {
    switch (channel) {
    case 0: case 5: case 11: return 1;
    case 3: case 8: return -1;
    default: return 0;
    }
}

/* Channels of a sum are a multiple of this: the rest of the weights are zeros. */
enum { PAIRS_UNIT = 8 };

struct pairs_kernels {
    /* Register tiles, `step` 0; none where they gain nothing. In weights the second of a pair whose
     * products are taken off is negated. Those for 1x1, and behind them more for Winograd's
     * products, whose tiles come in sixteens more often than rows of pixels do. */
    const struct conv_tile_kernel *tiles;
    int n_tiles, n_product_tiles, max_ocv;
    /* Inputs and outputs here are [block][pixel][vl], n pixels. Leaves minus the sums of the pairs'
     * products in products[i] and returns the largest input; `channels` as the weights have. */
    float (*sums)(const float *src, int64_t src_block, int channels, int n, float *products);
    /* Scales each pixel to at most 4 * size, a power of two up to 2^10, with zeros behind
     * `channels`, leaves the same in products[i], and in unscale[i] by what sums are multiplied
     * afterwards. dst may be src. */
    void (*scale)(const float *src, int64_t src_block, int channels, float size, int n, float *dst,
                  int64_t dst_block, float *products, float *unscale);
    /* Copies up to vl channels of n pixels, vl floats apart, to lanes from `lane` on of a block,
     * and on in the next one. */
    void (*place)(const float *src, int channels, int n, float *dst, int lane, int64_t dst_block);
    /* Scales weights [channel][ocv][vl] to at most 4 * size, a power of two, and negates the second
     * ones of pairs that are taken off; zeros follow up to a multiple of PAIRS_UNIT channels.
     * Leaves conv_tile.weight_products and weight_unscale. */
    void (*weights)(float *w, int channels, int ocv, float size, float *products, float *unscale);
    /* The same for weights that each run makes of others, [channel][tap][vl], by a linear
     * transform. Of some of those that come out, [channel][vl] from channel `first` of a block on:
     * raises most[vl] to the largest over size, and takes the products of pairs off sum[vl]. */
    void (*measure)(const float *w, int first, int channels, float size, float *most, float *sum);
    /* Scales those that go in, so that what comes out is at most 4 times its size, by factor[vl],
     * and negates seconds. sum times the square of factor is conv_tile.weight_products. */
    void (*settle)(float *w, int channels, int taps, const float *most, float *unscale,
                   float *factor);
    /* Of a channel, for that of direct convolution; of a vector of inputs where they are and of one
     * that is copied first, and of a vector of results, in multiply-add instructions. */
    float cost, sums_cost, gather_cost, result_cost;
};

/* Inputs of about the size that is best for the weights are taken as they are; at `slack` times or
 * a slack-th of it the error is some slack / 2 times the least. */
static inline int pairs_in_range(float most, float size, float slack) {
    return most * slack >= 3 * size && most < 3 * size * slack;
}

static inline int pairs_padded(int channels) {
    return (channels + PAIRS_UNIT - 1) / PAIRS_UNIT * PAIRS_UNIT;
}

#endif
