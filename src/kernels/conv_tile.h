/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the convolution driver (conv.c) and the register tiles (conv.isa.c) say to each other.
 *
 * A tile computes `ocv` blocks of output channels for `px` neighbouring outputs of one row. Its
 * weights are one forward stream, [piece of input channels][ky][kx][c][ocv][vl].
 */
#ifndef PK_KERNELS_CONV_TILE_H
#define PK_KERNELS_CONV_TILE_H

#include "kernels/conv.h"

/* Input channels side by side: `n` floats of each pixel, from src on. */
struct conv_piece {
    const float *src;
    int n;
};

struct conv_tile {
    const float *weights; /* of the channel group, from its first piece and tap */
    const float *bias;    /* ocv * vl */
    const struct conv_piece *pieces; /* the input channels, in the order of the weights */
    int n_pieces;
    int64_t src_at; /* floats from a piece's src to its pixel for the first output at (ky0, kx0) */
    int64_t src_row, src_tap, src_pixel; /* steps, in floats */
    int kw, taps; /* kw and kh * kw of the packed weights */
    /* The taps that meet the input; at tap kx == skip_first the first output has none, at
     * skip_last the last has none (-1: all have). */
    int ky0, nky, kx0, nkx, skip_first, skip_last;

    float *dst;
    int64_t dst_channel, dst_pixel;
    const float *residual;
    int64_t residual_channel;
    int count; /* tiles side by side: from each to the next src_at, dst and residual move on */
    const char *ahead; /* what is fetched to L2 meanwhile, ahead_step bytes a tile */
    int64_t ahead_step;
    int channels; /* that exist from here on, for destinations without padding lanes */
    int direct;   /* blocked destination, no residual after the activation */
    int fetch;    /* 1x1: inputs of the outputs after these are fetched meanwhile */
    int resume;   /* direct: the sums go on from what dst holds, not from the bias */
    /* Of pairs (pairs.h): for each pixel, and for each output channel, what the sums start with and
     * what they are multiplied with at the end. src_row: from block to block. */
    const float *pixel_products, *pixel_unscale, *weight_products, *weight_unscale;
    enum conv_layout layout;
    enum activation act;
    enum conv_residual residual_mode;
    float alpha, beta;
};

/* Activations that every register tile has code for; the others are applied to what it stored. */
static inline int conv_clamps_only(enum activation a) {
    return a == ACT_NONE || a == ACT_RELU || a == ACT_CLIP;
}

typedef void (*conv_tile_fn)(struct conv_tile *t);

struct conv_tile_kernel {
    int ocv, px;
    int step; /* floats between inputs of neighbouring outputs; 0: t->src_pixel */
    conv_tile_fn run;
};

struct conv_kernels {
    const struct conv_tile_kernel *tiles;
    int n_tiles;
    int max_ocv;
    /* Cost of a tile per input channel and tap, in FMA instructions of full rate. */
    float load_cost, broadcast_cost, least_cost;
    float fma_per_us[2]; /* FMA instructions in a microsecond; [1] where
                            cpu_adds_beside_products() */
    int chunk_bytes;  /* weights of a group that all outputs of a band meet before the next, if
                         kernels are larger than 1x1, fetched ahead; 0: all of the group */
    int fetch_input;  /* 1x1: inputs are fetched ahead of their use */
    int gather;       /* 1x1 with a stride: the inputs are copied side by side first */
    /* Interleaves `channels` planes of `n` floats: dst[i * channels + c] = src[c * stride + i]. */
    void (*interleave)(const float *src, int64_t stride, int channels, int64_t n, float *dst);
};

static inline double conv_fma_per_us(const struct kernels *k) {
    return (double)k->conv->fma_per_us[cpu_adds_beside_products(k->isa)];
}

/* Depthwise: a strip of output rows of one block of channels. */
struct depthwise_strip {
    const float *weights; /* [kh][kw][vl] */
    const float *bias;    /* vl */
    /* Input rows: output row r, tap ky reads rows[r * sh + ky * dh]; zeros where outside. */
    const float *const *rows;
    int iw, ow, kh, kw, sh, sw, dh, dw, pl;
    int64_t dst_row;      /* floats (BLOCKED, PLANAR) from one output row to the next */
    int64_t residual_row;
    struct conv_tile out; /* dst, residual, activation: for the first output of the strip */
};

struct depthwise_kernel {
    int kh, kw, sh, sw; /* 0: any, and any dilation */
    int rows, cols;     /* output rows of a strip, columns of its register tile */
    void (*run)(const struct depthwise_strip *s);
};

struct depthwise_kernels {
    const struct depthwise_kernel *kernels; /* more rows first; every (k, s) ends with rows == 1 */
    int n_kernels;
};

#endif
