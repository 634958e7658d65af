/* SPDX-License-Identifier: Apache-2.0 */
/* The steps of one planned convolution, for the lowerings that end in one. */
#ifndef PK_PLAN_CONV_STEPS_H
#define PK_PLAN_CONV_STEPS_H

#include "kernels/conv.h"
#include "plan/plan.h"

/* What a step's convolution became. The packed weights live as long as the model. */
struct planned_conv {
    struct conv_plan plan;
    const void *packed;
};

/* Where a convolution reads: one tensor, p->d.n_pieces pieces, or, with p->d.made, rows that an
 * Aipp makes for it, except of pictures that a run's parameters resize, which are in `whole`. */
struct conv_input {
    struct value whole; /* valid where there is one */
    const struct node *aipp;
    struct conv_input_piece {
        struct value from; /* batch_stride leads to the next image */
        int channels;
    } *pieces;
};

/* Appends them. `a` holds the strides; `residual` is NULL without one. */
enum status plan_conv_steps(struct plan *s, const struct node *n, const struct conv_plan *p,
                            const void *packed, const struct conv_args *a,
                            const struct conv_input *src, const struct value *dst,
                            const struct value *residual);

#endif
