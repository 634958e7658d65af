/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Transposes in registers: steps inside 128-bit lanes, then whole lanes, in a form every ISA has
 * instructions for.
 */
#ifndef PK_KERNELS_TRANSPOSE_H
#define PK_KERNELS_TRANSPOSE_H

#include "kernels/simd.h"

#if VL == 16
#define PAIRS_LOW(a, b)                                                                            \
    __builtin_shufflevector(a, b, 0, 16, 1, 17, 4, 20, 5, 21, 8, 24, 9, 25, 12, 28, 13, 29)
#define PAIRS_HIGH(a, b)                                                                           \
    __builtin_shufflevector(a, b, 2, 18, 3, 19, 6, 22, 7, 23, 10, 26, 11, 27, 14, 30, 15, 31)
#define QUADS_LOW(a, b)                                                                            \
    __builtin_shufflevector(a, b, 0, 1, 16, 17, 4, 5, 20, 21, 8, 9, 24, 25, 12, 13, 28, 29)
#define QUADS_HIGH(a, b)                                                                           \
    __builtin_shufflevector(a, b, 2, 3, 18, 19, 6, 7, 22, 23, 10, 11, 26, 27, 14, 15, 30, 31)
#define LANES_LOW(a, b)                                                                            \
    __builtin_shufflevector(a, b, 0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23)
#define LANES_HIGH(a, b)                                                                           \
    __builtin_shufflevector(a, b, 8, 9, 10, 11, 12, 13, 14, 15, 24, 25, 26, 27, 28, 29, 30, 31)
#define LANES_EVEN(a, b)                                                                           \
    __builtin_shufflevector(a, b, 0, 1, 2, 3, 8, 9, 10, 11, 16, 17, 18, 19, 24, 25, 26, 27)
#define LANES_ODD(a, b)                                                                            \
    __builtin_shufflevector(a, b, 4, 5, 6, 7, 12, 13, 14, 15, 20, 21, 22, 23, 28, 29, 30, 31)
#elif VL == 8
#define PAIRS_LOW(a, b) __builtin_shufflevector(a, b, 0, 8, 1, 9, 4, 12, 5, 13)
#define PAIRS_HIGH(a, b) __builtin_shufflevector(a, b, 2, 10, 3, 11, 6, 14, 7, 15)
#define QUADS_LOW(a, b) __builtin_shufflevector(a, b, 0, 1, 8, 9, 4, 5, 12, 13)
#define QUADS_HIGH(a, b) __builtin_shufflevector(a, b, 2, 3, 10, 11, 6, 7, 14, 15)
#define LANES_LOW(a, b) __builtin_shufflevector(a, b, 0, 1, 2, 3, 8, 9, 10, 11)
#define LANES_HIGH(a, b) __builtin_shufflevector(a, b, 4, 5, 6, 7, 12, 13, 14, 15)
#else
#define PAIRS_LOW(a, b) __builtin_shufflevector(a, b, 0, 4, 1, 5)
#define PAIRS_HIGH(a, b) __builtin_shufflevector(a, b, 2, 6, 3, 7)
#define QUADS_LOW(a, b) __builtin_shufflevector(a, b, 0, 1, 4, 5)
#define QUADS_HIGH(a, b) __builtin_shufflevector(a, b, 2, 3, 6, 7)
#endif

/* 128-bit lane q of u[k] to lane k of r[q * step]. */
INLINE void transpose_lanes(const vf *u, vf *r, int step) {
#if VL == 4
    (void)step;
    r[0] = u[0];
#elif VL == 8
    r[0] = LANES_LOW(u[0], u[1]);
    r[step] = LANES_HIGH(u[0], u[1]);
#else
    const vf a = LANES_LOW(u[0], u[1]), b = LANES_HIGH(u[0], u[1]);
    const vf c = LANES_LOW(u[2], u[3]), d = LANES_HIGH(u[2], u[3]);
    r[0] = LANES_EVEN(a, c);
    r[step] = LANES_ODD(a, c);
    r[2 * step] = LANES_EVEN(b, d);
    r[3 * step] = LANES_ODD(b, d);
#endif
}

/* r[i] lane j <-> r[j] lane i. */
INLINE void transpose(vf r[VL]) {
    vf u[4][VL / 4]; /* u[k][g]: in 128-bit lane q, column 4q+k of rows 4g to 4g+3 */
    UNROLL_FULL for (int g = 0; g < VL / 4; g++) {
        const vf *row = r + 4 * g;
        const vf a = PAIRS_LOW(row[0], row[1]), b = PAIRS_HIGH(row[0], row[1]);
        const vf c = PAIRS_LOW(row[2], row[3]), d = PAIRS_HIGH(row[2], row[3]);
        u[0][g] = QUADS_LOW(a, c);
        u[1][g] = QUADS_HIGH(a, c);
        u[2][g] = QUADS_LOW(b, d);
        u[3][g] = QUADS_HIGH(b, d);
    }
    UNROLL_FULL for (int k = 0; k < 4; k++) transpose_lanes(u[k], r + k, 4);
}

/* The same for pairs of neighbouring lanes, in half as many vectors. */
INLINE void transpose_pairs(vf r[VL / 2]) {
    vf u[2][VL / 4];
    UNROLL_FULL for (int g = 0; g < VL / 4; g++) {
        u[0][g] = QUADS_LOW(r[2 * g], r[2 * g + 1]);
        u[1][g] = QUADS_HIGH(r[2 * g], r[2 * g + 1]);
    }
    UNROLL_FULL for (int k = 0; k < 2; k++) transpose_lanes(u[k], r + k, 2);
}

#endif
