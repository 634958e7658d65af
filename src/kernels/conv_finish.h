/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What follows a convolution's sums. The activations that networks use most are applied in
 * registers, in the code of every register tile. The others, and destinations that are not blocked,
 * go through a small array, which keeps that code small and costs a few cycles per vector.
 */
#ifndef PK_KERNELS_CONV_FINISH_H
#define PK_KERNELS_CONV_FINISH_H

#include "kernels/conv_tile.h"
#include "kernels/simd.h"

/* The activations of conv_direct_activation(), on n registers. */
INLINE void conv_activate(vf *acc, int n, const struct conv_tile *t) {
#define EACH(act)                                                                                  \
    case act: {                                                                                    \
        const float alpha = t->alpha, beta = t->beta;                                              \
        UNROLL_FULL                                                                                \
        for (int i = 0; i < n; i++) acc[i] = vf_activate(acc[i], act, alpha, beta);                \
        break;                                                                                     \
    }
    switch (t->act) {
        EACH(ACT_RELU)
        EACH(ACT_LEAKY)
        EACH(ACT_CLIP)
        EACH(ACT_HARD_SWISH)
        EACH(ACT_SWISH)
    default: break;
    }
#undef EACH
}

/* Everything that does not fit the direct path: other activations, residual after the activation,
 * other layouts. v holds [ocv][px] results. */
static NOINLINE void conv_finish(const struct conv_tile *t, vf *restrict v, int ocv, int px) {
    int n = ocv * px;
    if (t->residual_mode == CONV_RESIDUAL_BEFORE)
        for (int o = 0; o < ocv; o++)
            for (int p = 0; p < px; p++)
                v[o * px + p] += vf_load(t->residual + o * t->residual_channel + p * VL);
#define EACH(act)                                                                                  \
    case act:                                                                                      \
        for (int i = 0; i < n; i++) v[i] = vf_activate(v[i], act, t->alpha, t->beta);              \
        break;
    switch (t->act) {
        EACH(ACT_RELU)
        EACH(ACT_LEAKY)
        EACH(ACT_CLIP)
        EACH(ACT_SIGMOID)
        EACH(ACT_HARD_SIGMOID)
        EACH(ACT_HARD_SWISH)
        EACH(ACT_SWISH)
        EACH(ACT_TANH)
        EACH(ACT_MISH)
        EACH(ACT_GELU)
        EACH(ACT_GELU_TANH)
        EACH(ACT_ELU)
        EACH(ACT_SOFTPLUS)
    default: break;
    }
#undef EACH
    if (t->residual_mode == CONV_RESIDUAL_AFTER)
        for (int o = 0; o < ocv; o++)
            for (int p = 0; p < px; p++)
                v[o * px + p] += vf_load(t->residual + o * t->residual_channel + p * VL);
    if (t->layout == CONV_BLOCKED) {
        for (int o = 0; o < ocv; o++)
            for (int p = 0; p < px; p++)
                vf_store(t->dst + o * t->dst_channel + p * VL, v[o * px + p]);
    } else if (t->layout == CONV_PIXEL) {
        for (int o = 0; o < ocv; o++) {
            int lanes = t->channels - o * VL < VL ? t->channels - o * VL : VL;
            for (int p = 0; p < px; p++) {
                float *d = t->dst + p * t->dst_channel + o * VL;
                if (lanes == VL) vf_store(d, v[o * px + p]);
                else vf_store_n(d, v[o * px + p], (size_t)lanes);
            }
        }
    } else {
        const float *f = (const float *)v;
        int channels = t->channels < ocv * VL ? t->channels : ocv * VL;
        for (int c = 0; c < channels; c++)
            for (int p = 0; p < px; p++)
                t->dst[c * t->dst_channel + p] = f[(c / VL * px + p) * VL + c % VL];
    }
}

#endif
