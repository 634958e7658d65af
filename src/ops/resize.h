/* SPDX-License-Identifier: Apache-2.0 */
/* What a Resize node means along each axis: for the reference kernel and for planners that turn it
 * into something faster. */
#ifndef PK_OPS_RESIZE_H
#define PK_OPS_RESIZE_H

#include "ops/op.h"

enum resize_mode { RESIZE_NEAREST, RESIZE_LINEAR, RESIZE_CUBIC };

struct resize {
    enum resize_mode mode;
    int rank;
    bool resized[SHAPE_MAX_RANK]; /* false: the axis is copied */
    int64_t in[SHAPE_MAX_RANK], out[SHAPE_MAX_RANK];
    double scale[SHAPE_MAX_RANK];
    double roi_start[SHAPE_MAX_RANK], roi_end[SHAPE_MAX_RANK];
    bool has_extrapolation; /* tf_crop_and_resize: positions outside get extrapolation_value */
};

/* The input elements that make up one output position of an axis. */
struct resize_taps {
    int n; /* taps of every position */
    /* Position o reads input index[o * n + i] with weight[o * n + i]. */
    int64_t *index;
    double *weight;
    bool *outside; /* per position: takes the extrapolation value */
};

/* Shape of the input known except batch or so; out and scale are -1 and 0 where not known. */
enum status resize_init(const struct op_call *c, struct resize *r);
/* Allocates; resize_taps_deinit frees. Everything must be known. */
enum status resize_taps_init(const struct op_call *c, const struct resize *r, int axis,
                             struct resize_taps *t);
void resize_taps_deinit(struct resize_taps *t);

#endif
