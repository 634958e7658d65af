/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Loops that compilers vectorise. They round by adding a number so large that no bits are left for
 * a fraction, and taking it off again; what is far outside of 8 bits is cut off first, so that the
 * sum stays in its range.
 */
#include "kernels/quant.h"
#include "kernels/simd.h"

INLINE uint8_t saturate(int v, const struct quant_range *to) {
    return (uint8_t)(v < to->low ? to->low : v > to->high ? to->high : v);
}

static void quantise(const float *restrict src, uint8_t *restrict dst, size_t n, float scale,
                     const struct quant_range *to) {
    const struct quant_range range = *to;
    const float far = 1 << 20, magic = 3 << 22;
    for (size_t i = 0; i < n; i++) {
        float q = src[i] / scale;
        q = q != q ? 0 : q < -far ? -far : q > far ? far : q;
        dst[i] = saturate((int)(q + magic - magic) + range.zero, &range);
    }
}

static void dequantise(const uint8_t *restrict src, float *restrict dst, size_t n, float scale,
                       const struct quant_range *from) {
    const int zero = from->zero;
    if (from->low < 0)
        for (size_t i = 0; i < n; i++) dst[i] = (float)((int8_t)src[i] - zero) * scale;
    else
        for (size_t i = 0; i < n; i++) dst[i] = (float)(src[i] - zero) * scale;
}

INLINE uint8_t requantise_one(float sum, double scale, double bias, const struct quant_range *to) {
    const double far = 1 << 20, magic = 0x3p51;
    double v = scale * ((double)sum + bias);
    v = v < -far ? -far : v > far ? far : v;
    return saturate((int)(v + magic - magic) + to->zero, to);
}

static void requantise(const float *restrict src, uint8_t *restrict dst, size_t n,
                       const float *restrict scale, const int32_t *restrict bias, int step,
                       const struct quant_range *to) {
    const struct quant_range range = *to;
    if (step)
        for (size_t i = 0; i < n; i++)
            dst[i] = requantise_one(src[i], (double)scale[i], bias[i], &range);
    else {
        const double one_scale = (double)*scale, one_bias = *bias;
        for (size_t i = 0; i < n; i++)
            dst[i] = requantise_one(src[i], one_scale, one_bias, &range);
    }
}

const struct quant_kernels K(quant) = {
    .quantise = quantise, .dequantise = dequantise, .requantise = requantise};
