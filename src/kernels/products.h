/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The products that register tiles of convolution are made of: acc[ocv][px] of vectors of output
 * channels for neighbouring outputs, plus weights w[channel][ocv][vl] times s[p * step + channel],
 * the inputs of output p. For each channel one weight vector per block of output channels is loaded
 * and multiplied with one broadcast float per output.
 *
 * All int parameters but n are constants of the caller.
 */
#ifndef PK_KERNELS_PRODUCTS_H
#define PK_KERNELS_PRODUCTS_H

#include "kernels/simd.h"

/* One channel, for outputs p0..p1-1. */
INLINE void one_channel(vf *acc, int ocv, int px, int p0, int p1, int64_t step,
                        const float *restrict w, const float *restrict s) {
    vf wv[4];
    UNROLL_FULL
    for (int o = 0; o < ocv; o++) wv[o] = vf_load(w + o * VL);
    UNROLL_FULL
    for (int p = p0; p < p1; p++) {
        vf b = vf_set(s[p * step]);
        UNROLL_FULL
        for (int o = 0; o < ocv; o++) acc[o * px + p] += wv[o] * b;
    }
}

#if defined(__aarch64__)
/* A product takes its factor from any lane of a register: an output's inputs are loaded four
 * channels at a time. */
INLINE void four_channels(vf *acc, int ocv, int px, int p0, int p1, int64_t step,
                          const float *restrict w, const float *restrict s) {
    vf in[32];
    UNROLL_FULL
    for (int p = p0; p < p1; p++) in[p] = vf_load(s + p * step);
    UNROLL_FULL
    for (int lane = 0; lane < 4; lane++) {
        vf wv[4];
        UNROLL_FULL
        for (int o = 0; o < ocv; o++) wv[o] = vf_load(w + (lane * ocv + o) * VL);
        UNROLL_FULL
        for (int p = p0; p < p1; p++) {
            UNROLL_FULL
            for (int o = 0; o < ocv; o++) acc[o * px + p] += wv[o] * vf_set(in[p][lane]);
        }
    }
}
#endif

/* n channels. Two at a time only where that gains: not with 32 registers, whose tiles have more
 * products for each instruction of the loop, and not where an output is left out. */
#if VL == 8
#define UNROLL_CHANNELS UNROLL_2
#else
#define UNROLL_CHANNELS
#endif
INLINE void n_channels(vf *acc, int ocv, int px, int p0, int p1, int64_t step,
                       const float *restrict w, const float *restrict s, int n) {
    int c = 0;
#if defined(__aarch64__)
    for (; c + 4 <= n; c += 4) {
        four_channels(acc, ocv, px, p0, p1, step, w, s);
        w += 4 * ocv * VL;
        s += 4;
    }
#else
    if (p1 - p0 == px) {
        UNROLL_CHANNELS
        for (; c < n; c++, w += ocv * VL, s++) one_channel(acc, ocv, px, p0, p1, step, w, s);
        return;
    }
#endif
    for (; c < n; c++, w += ocv * VL, s++) one_channel(acc, ocv, px, p0, p1, step, w, s);
}

/* n channels for all outputs. A whole block of a short vector is straight code: with loops of eight
 * turns or fewer, what comes between two of them costs a third of the time. */
INLINE void add_products(vf *acc, int ocv, int px, int64_t step, const float *restrict w,
                         const float *restrict s, int n) {
    if (VL > 8 || n != VL) {
        n_channels(acc, ocv, px, 0, px, step, w, s, n);
        return;
    }
#if defined(__aarch64__)
    four_channels(acc, ocv, px, 0, px, step, w, s);
#else
    UNROLL_FULL
    for (int c = 0; c < VL; c++)
        one_channel(acc, ocv, px, 0, px, step, w + c * ocv * VL, s + c);
#endif
}

#endif
