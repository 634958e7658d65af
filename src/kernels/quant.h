/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Between floats and integers of 8 bits, bit for bit what the reference kernels of QuantizeLinear,
 * DequantizeLinear, QLinearConv and QLinearMatMul give. Bytes are signed or not as the range says.
 */
#ifndef PK_KERNELS_QUANT_H
#define PK_KERNELS_QUANT_H

#include <stddef.h>
#include <stdint.h>

struct quant_range {
    int zero;      /* the zero point */
    int low, high; /* -128 and 127, or 0 and 255 */
};

struct quant_kernels {
    /* dst[i] = saturate(round(src[i] / scale) + zero), half to even; NaN gives the zero point. */
    void (*quantise)(const float *src, uint8_t *dst, size_t n, float scale,
                     const struct quant_range *to);
    /* dst[i] = (src[i] - zero) * scale. */
    void (*dequantise)(const uint8_t *src, float *dst, size_t n, float scale,
                       const struct quant_range *from);
    /* src holds integers: dst[i] = saturate(round(scale * (src[i] + bias)) + zero), the product
     * in double precision. `step` 0: *scale and *bias are everyone's; 1: scale[i] and bias[i]. */
    void (*requantise)(const float *src, uint8_t *dst, size_t n, const float *scale,
                       const int32_t *bias, int step, const struct quant_range *to);
};

#endif
