/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Moving data: between layouts, permutations, slices, channel gathers, and between element types.
 *
 * b is the lanes of the ISA, a block plane is H*W pixels of b floats. The reorder functions work on
 * one block (or all blocks of a pixel range for NHWC) and a run of pixels, so the planner cuts by
 * block and pixel by moving the pointers. Strides are in elements. Sources and destinations must
 * not overlap. Nothing outside the stated ranges is read or written.
 */
#ifndef PK_KERNELS_MOVE_H
#define PK_KERNELS_MOVE_H

#include <stddef.h>
#include <stdint.h>

#include "base/dtype.h"
#include "base/status.h"

/* An N-d copy with a stride for each dimension on both sides: transpose, slice (also with steps and
 * backwards), concat and split parts, pad interiors, expand (source stride 0), depth to space.
 * move_copy_init() reorders and merges the dimensions and cuts the work into n_units of a few
 * thousand elements. */
enum { MOVE_MAX_RANK = 10 };
struct move_copy {
    const void *src; /* of the element at index 0,0,... */
    void *dst;
    int element_bytes; /* 1, 2, 4 or 8; more than asked for where that is the same */
    int64_t n_units;

    /* private: dimensions by falling destination stride, the last one the row */
    int rank;
    int strip_dim; /* the dimension whose strips are units; the row itself if it is long */
    int transpose; /* strip_dim is contiguous in the source, the row in the destination */
    int64_t strip, n_strips;
    int64_t dim[MOVE_MAX_RANK];
    int64_t src_stride[MOVE_MAX_RANK];
    int64_t dst_stride[MOVE_MAX_RANK];
};

/* Everything but src and dst, which may be set and changed before each run. No destination stride
 * may be 0. At most MOVE_MAX_RANK dimensions. */
enum status move_copy_init(struct move_copy *c, int element_bytes, int rank, const int64_t *dims,
                           const int64_t *src_strides, const int64_t *dst_strides);
/* dst[i0,i1,..] = src[i_perm...]: dimension k of the result is dimension perm[k] of the source;
 * both contiguous. `dims` are the source's. */
enum status move_permute_init(struct move_copy *c, int element_bytes, int rank, const int64_t *dims,
                              const int *perm);
/* [N,C,H,W] plain layouts. `crd` is mode CRD, else DCR. block divides C / (block*block). */
enum status move_depth_to_space_init(struct move_copy *c, int element_bytes, int64_t n, int64_t ch,
                                     int64_t h, int64_t w, int64_t block, int crd);
/* The same for SpaceToDepth; block divides h and w. */
enum status move_space_to_depth_init(struct move_copy *c, int element_bytes, int64_t n, int64_t ch,
                                     int64_t h, int64_t w, int64_t block);

/* Channels of one destination block, each from anywhere in blocked sources. */
struct move_gather {
    const float *const *block; /* the source blocks that have a part in it, at the run's first
                                  pixel */
    const int32_t *channel; /* b entries: lane l is lane channel[l] % b of block[channel[l] / b], or
                               0 where that is -1 */
    float *dst;             /* destination block, first pixel of the run */
    size_t n_pixels;
};

struct move_kernels {
    /* Channel c (< n_channels <= b) of pixel p: src[c * src_c + p] to dst[p * b + c]; the lanes
     * from n_channels to b become 0. */
    void (*nchw_to_block)(const float *src, int64_t src_c, int n_channels, float *dst,
                          size_t n_pixels);
    /* The way back, of channels [lane, lane + n_channels) of the block: lane + n_channels <= b. */
    void (*block_to_nchw)(const float *src, int lane, int n_channels, float *dst, int64_t dst_c,
                          size_t n_pixels);
    /* Channel c (< n_channels, any number) of pixel p: src[(k / b) * src_c + p * b + k % b] with
     * k = lane + c, lane < b, to dst[p * dst_pixel + c]; dst_pixel >= n_channels. Detector heads
     * write their rows with it. */
    void (*block_to_nhwc)(const float *src, int64_t src_c, int lane, int n_channels, float *dst,
                          int64_t dst_pixel, size_t n_pixels);
    /* The way back; the last block's padding lanes become 0. */
    void (*nhwc_to_block)(const float *src, int64_t src_pixel, int n_channels, float *dst,
                          int64_t dst_c, size_t n_pixels);
    void (*gather_channels)(const struct move_gather *g);
    /* Units [begin, end) of 0..c->n_units. */
    void (*copy)(const struct move_copy *c, int64_t begin, int64_t end);
    /* n elements of 1, 2, 4 or 8 bytes, each a copy of *value. */
    void (*fill)(void *dst, int element_bytes, const void *value, size_t n);
    /* Conversions, by element type; NULL where there is none (DT_F32 is a copy). From f32 to
     * integers as a C cast (toward zero), out of range saturated, NaN 0; to DT_BOOL as != 0. */
    void (*to_f32[DT_COUNT])(const void *src, float *dst, size_t n);
    void (*from_f32[DT_COUNT])(const float *src, void *dst, size_t n);
};

#endif
