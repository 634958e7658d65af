/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Resizing on the channel-blocked layout, driven by tables: each output coordinate of an axis is a
 * weighted sum of n_taps source coordinates. Nearest has one tap, linear two, cubic four, and an
 * antialiased filter as many as it needs. The kernels know nothing of modes; what ONNX means by
 * its parameters stands in ops/resize.h, whose taps resize_axis_init() takes.
 *
 * As in pool.h, output rows of all planes are one flat list: row r is row r % oh of plane r / oh
 * and a call covers rows [begin, end). `scratch` holds resize_scratch_floats() floats.
 */
#ifndef PK_KERNELS_RESIZE_H
#define PK_KERNELS_RESIZE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct resize_axis {
    int n_in, n_out, n_taps;
    int has_outside; /* some output takes the extrapolation value; its first index is -1 */
    int factor;      /* one tap with index[o] == o / factor everywhere; else 0 */
    int32_t *index;  /* [n_out][n_taps], each 0..n_in-1 */
    float *weight;   /* [n_out][n_taps] */
};

/* Fills a table. `index` and `weight` are the caller's memory, n_out * n_taps entries each, and
 * stay where they are; from_index and from_weight have as many, `outside` n_out or is NULL. */
void resize_axis_init(struct resize_axis *a, int n_in, int n_out, int n_taps,
                      const int64_t *from_index, const double *from_weight, const bool *outside,
                      int32_t *index, float *weight);

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
