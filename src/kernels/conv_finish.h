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

/* Not inlined, for the registers of the tiles. */
static NOINLINE UNUSED void conv_activate_columns(const struct conv_tile *t, float *stored,
                                                  int ocv, int cols) {
    K(activate)(t->act, t->alpha, t->beta, stored, ocv, cols, t->dst_channel);
}

/* What conv_activate() leaves out, where the sums lie in the destination. */
INLINE void conv_activate_stored(const struct conv_tile *t, float *d, int rows, int cols,
                                 int64_t step) {
    if (!conv_clamps_only(t->act))
        K(activate)(t->act, t->alpha, t->beta, d, rows, cols, step);
}

/* Everything that does not fit the direct path: other layouts, a residual after other activations.
 * v holds [ocv][px] results. */
void K(conv_finish)(const struct conv_tile *t, vf *v, int ocv, int px);

INLINE void conv_add_residual(vf *acc, int ocv, int px, const struct conv_tile *t) {
    UNROLL_FULL
    for (int o = 0; o < ocv; o++) {
        UNROLL_FULL
        for (int p = 0; p < px; p++)
            acc[o * px + p] += vf_load(t->residual + o * t->residual_channel + p * VL);
    }
}

/* The end of a register tile, but for what conv_activate_stored() does to a direct destination. */
INLINE void conv_store(const struct conv_tile *t, vf *acc, int ocv, int px) {
    vf out[32];
    float *to = (float *)out;
    int64_t to_channel = px * VL;
    if (t->direct) {
        to = t->dst;
        to_channel = t->dst_channel;
        if (t->residual_mode == CONV_RESIDUAL_BEFORE) conv_add_residual(acc, ocv, px, t);
        conv_activate(acc, ocv * px, t);
    }
    UNROLL_FULL
    for (int o = 0; o < ocv; o++) {
        UNROLL_FULL
        for (int p = 0; p < px; p++) vf_store(to + o * to_channel + p * VL, acc[o * px + p]);
    }
    if (!t->direct) K(conv_finish)(t, out, ocv, px);
}

/* Asks for lines a register tile will write where they do not follow one another, of its pixels or
 * of as many planes, before its sums begin: nothing else would have fetched them, and each store
 * waited for its line. Unrolled, or gcc finds that the loop does nothing and leaves it out. */
INLINE void conv_fetch_scattered(const struct conv_tile *t, int px) {
    if (t->layout == CONV_BLOCKED) return;
    UNROLL_FULL
    for (int i = 0; i < px; i++) __builtin_prefetch(t->dst + i * t->dst_channel, 1);
}

/* Columns that tiles have stored, whose activation is still to be applied. */
struct conv_stored {
    float *first;
    int cols;
};

/* Goes on to the tile beside this one, t->count - 1 of which are left. Activations that registers
 * do not apply come for some columns together: a call takes as long as three vectors. */
INLINE void conv_next_tile(struct conv_tile *t, int ocv, int px, int64_t step,
                           struct conv_stored *stored) {
    enum { TOGETHER = 24 };
    t->src_at += px * step;
    t->dst += px * t->dst_pixel;
    if (t->residual) t->residual += px * VL;
    stored->cols += px;
    if (!t->direct || conv_clamps_only(t->act) || (stored->cols < TOGETHER && t->count > 1)) return;
    conv_activate_columns(t, stored->first, ocv, stored->cols);
    *stored = (struct conv_stored){t->dst, 0};
}

#endif
