/* SPDX-License-Identifier: Apache-2.0 */
/* The steps of one planned convolution, for the lowerings that end in one. */
#ifndef PK_PLAN_CONV_STEPS_H
#define PK_PLAN_CONV_STEPS_H

#include "kernels/conv.h"
#include "plan/plan.h"

/* Appends them. `a` holds the strides; `residual` is NULL without one. */
enum status plan_conv_steps(struct plan *s, const struct node *n, const struct conv_plan *p,
                            const void *packed, const struct conv_args *a,
                            const struct value *src, const struct value *dst,
                            const struct value *residual);

#endif
