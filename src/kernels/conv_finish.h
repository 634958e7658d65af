/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What follows a convolution's sums. Activations that only clamp are applied in registers, in the
 * code of every register tile. For the others there is one function that works on memory in L1:
 * in registers they were most of the tiles' code, for one or two hundredths of the time.
 */
#ifndef PK_KERNELS_CONV_FINISH_H
#define PK_KERNELS_CONV_FINISH_H

#include "kernels/conv_tile.h"
#include "kernels/simd.h"

/* The activations of conv_clamps_only(), on n registers. */
INLINE void conv_activate(vf *acc, int n, const struct conv_tile *t) {
    const vf low = vf_set(t->alpha), high = vf_set(t->beta);
    if (t->act == ACT_RELU) {
        UNROLL_FULL
        for (int i = 0; i < n; i++) acc[i] = vf_max(vf_set(0.0f), acc[i]);
    } else if (t->act == ACT_CLIP) {
        UNROLL_FULL
        for (int i = 0; i < n; i++) acc[i] = vf_min(high, vf_max(low, acc[i]));
    }
}

/* On rows x cols vectors from v on, rows `step` floats apart. */
void K(activate)(enum activation act, float alpha, float beta, float *v, int rows, int cols,
                 int64_t step);

/* What conv_activate() leaves out, where the sums lie in the destination. */
INLINE void conv_activate_stored(const struct conv_tile *t, float *d, int rows, int cols,
                                 int64_t step) {
    if (!conv_clamps_only(t->act))
        K(activate)(t->act, t->alpha, t->beta, d, rows, cols, step);
}

/* Everything that does not fit the direct path: other layouts, a residual after other activations.
 * v holds [ocv][px] results. */
void K(conv_finish)(const struct conv_tile *t, vf *v, int ocv, int px);

#endif
