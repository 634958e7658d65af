/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Resizing on the channel-blocked layout, driven by tables: each output coordinate of an axis is a
 * weighted sum of n_taps source coordinates. Nearest has one tap, linear two, cubic four, and an
 * antialiased filter as many as it needs. resize_axis_build() makes the table of one axis from the
 * ONNX parameters, so that the kernels know nothing of modes.
 *
 * As in pool.h, output rows of all planes are one flat list: row r is row r % oh of plane r / oh
 * and a call covers rows [begin, end). `scratch` holds resize_scratch_floats() floats.
 */
#ifndef PK_KERNELS_RESIZE_H
#define PK_KERNELS_RESIZE_H

#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

enum resize_mode { RESIZE_NEAREST, RESIZE_LINEAR, RESIZE_CUBIC };

enum resize_coordinates { /* coordinate_transformation_mode */
    RESIZE_HALF_PIXEL,
    RESIZE_HALF_PIXEL_SYMMETRIC,
    RESIZE_PYTORCH_HALF_PIXEL,
    RESIZE_ALIGN_CORNERS,
    RESIZE_ASYMMETRIC,
    RESIZE_TF_CROP_AND_RESIZE,
    RESIZE_TF_HALF_PIXEL_FOR_NN
};

enum resize_nearest { /* nearest_mode */
    RESIZE_ROUND_PREFER_FLOOR,
    RESIZE_ROUND_PREFER_CEIL,
    RESIZE_FLOOR,
    RESIZE_CEIL
};

struct resize_params {
    enum resize_mode mode;
    enum resize_coordinates coordinates;
    enum resize_nearest nearest;
    int antialias;       /* linear and cubic, when shrinking */
    int exclude_outside; /* weights of taps outside the picture become 0, the rest sum to 1 */
    float cubic_coeff_a;
    float scale;              /* out / in when sizes are given; the scale itself when scales are */
    float roi_begin, roi_end; /* of this axis; only tf_crop_and_resize reads them */
};

struct resize_axis {
    int n_in, n_out, n_taps;
    int has_outside; /* tf_crop_and_resize: some output lies outside; its first index is -1 */
    int factor;      /* nearest with index[o] == o / factor everywhere; else 0 */
    int32_t *index;  /* [n_out][n_taps], each 0..n_in-1 */
    float *weight;   /* [n_out][n_taps] */
};

/* Taps each output of an axis needs. */
int resize_axis_taps(const struct resize_params *p);
/* Fills a table; `index` and `weight` are the caller's, n_out * resize_axis_taps() entries each,
 * and stay where they are. weight may be NULL for nearest. */
enum status resize_axis_build(const struct resize_params *p, int n_in, int n_out, int32_t *index,
                              float *weight, struct resize_axis *out);

struct resize_args {
    const float *src;
    float *dst;
    int64_t src_n, src_c; /* floats between images, and between channel blocks */
    int64_t dst_n, dst_c;
    int n_blocks; /* channel blocks of one image */
    struct resize_axis y, x;
    float extrapolation_value; /* for outputs outside */
};

struct resize_kernels {
    void (*nearest)(const struct resize_args *a, int64_t row_begin, int64_t row_end);
    /* Any number of taps; both axes in one pass: a source row is filtered along y once for each
     * output row, then along x. */
    void (*interpolate)(const struct resize_args *a, int64_t row_begin, int64_t row_end,
                        float *scratch);
};

static inline size_t resize_scratch_floats(const struct resize_args *a, int lanes) {
    return (size_t)a->x.n_in * (size_t)lanes;
}

#endif
