/* SPDX-License-Identifier: Apache-2.0 */
/* What the register tiles do not do themselves, once for all of them; conv_finish.h says when. */
#include "kernels/conv_finish.h"
#include "kernels/transpose.h"

void K(activate)(enum activation act, float alpha, float beta, float *v, int rows, int cols,
                 int64_t step) {
#define EACH(act)                                                                                  \
    case act:                                                                                      \
        for (; rows > 0; rows--, v += step)                                                        \
            for (int i = 0; i < cols; i++)                                                         \
                vf_store(v + i * VL, vf_activate(vf_load(v + i * VL), act, alpha, beta));          \
        break;
    switch (act) {
        EACH(ACT_NONE)
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
    case ACT_COUNT: break;
    }
#undef EACH
}

INLINE void add_residual(const struct conv_tile *t, vf *restrict v, int ocv, int px) {
    for (int o = 0; o < ocv; o++)
        for (int p = 0; p < px; p++)
            v[o * px + p] += vf_load(t->residual + o * t->residual_channel + p * VL);
}

void K(conv_finish)(const struct conv_tile *t, vf *restrict v, int ocv, int px) {
    if (t->residual_mode == CONV_RESIDUAL_BEFORE) add_residual(t, v, ocv, px);
    K(activate)(t->act, t->alpha, t->beta, (float *)v, 1, ocv * px, 0);
    if (t->residual_mode == CONV_RESIDUAL_AFTER) add_residual(t, v, ocv, px);
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
        for (int o = 0; o < ocv; o++) {
            const int lanes = t->channels - o * VL < VL ? t->channels - o * VL : VL;
            for (int p = 0; p < px; p += VL) {
                const int n = px - p < VL ? px - p : VL;
                vf row[VL]; /* of pixels, then of channels */
                UNROLL_FULL
                for (int i = 0; i < VL; i++) row[i] = v[o * px + p + (i < n ? i : n - 1)];
                transpose(row);
                for (int c = 0; c < lanes; c++)
                    vf_store_n(t->dst + (o * VL + c) * t->dst_channel + p, row[c], (size_t)n);
            }
        }
    }
}
