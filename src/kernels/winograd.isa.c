/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The transforms of Winograd convolution, on a vector of channels at a time.
 *
 * With points in pairs +-a, rows of B^T come in pairs e +- a o, of the even and the odd inputs, and
 * columns of A^T work on sums and differences: half the arithmetic of the plain matrices.
 */
#include "kernels/winograd.h"

#include "kernels/conv_finish.h"
#include "kernels/simd.h"

#define R1 0.707106781f /* the points of m = 4: their squares are 1/2 and 2 */
#define R2 1.414213562f

/* t = B^T d, for m + 2 values. */
INLINE void input_row(int m, const vf *d, vf *t) {
    if (m == 4) {
        vf e1 = d[4] - 2.0f * d[2], o1 = d[3] - 2.0f * d[1];
        vf e2 = d[4] - 0.5f * d[2], o2 = d[3] - 0.5f * d[1];
        t[0] = d[4] - 2.5f * d[2] + d[0];
        t[1] = e1 + R1 * o1;
        t[2] = e1 - R1 * o1;
        t[3] = e2 + R2 * o2;
        t[4] = e2 - R2 * o2;
        t[5] = d[5] - 2.5f * d[3] + d[1];
    } else if (m == 5) { /* the factor x - 1/2 first, then 0, +-1, +-2 */
        vf c[6];
        UNROLL_FULL
        for (int i = 0; i < 6; i++) c[i] = d[i + 1] - 0.5f * d[i];
        vf e1 = c[4] - 4.0f * c[2], o1 = c[3] - 4.0f * c[1];
        vf e2 = c[4] - c[2], o2 = c[3] - c[1];
        t[0] = c[4] - 5.0f * c[2] + 4.0f * c[0];
        t[1] = e1 + o1;
        t[2] = e1 - o1;
        t[3] = e2 + 2.0f * o2;
        t[4] = e2 - 2.0f * o2;
        t[5] = d[5] - 5.0f * d[3] + 4.0f * d[1];
        t[6] = c[5] - 5.0f * c[3] + 4.0f * c[1];
    } else {
        vf e1 = d[6] - 4.25f * d[4] + d[2], o1 = d[5] - 4.25f * d[3] + d[1];
        vf e2 = d[6] - 1.25f * d[4] + 0.25f * d[2], o2 = d[5] - 1.25f * d[3] + 0.25f * d[1];
        vf e3 = d[6] - 5.0f * d[4] + 4.0f * d[2], o3 = d[5] - 5.0f * d[3] + 4.0f * d[1];
        t[0] = (d[6] - d[0]) + 5.25f * (d[2] - d[4]);
        t[1] = e1 + o1;
        t[2] = e1 - o1;
        t[3] = e2 + 2.0f * o2;
        t[4] = e2 - 2.0f * o2;
        t[5] = e3 + 0.5f * o3;
        t[6] = e3 - 0.5f * o3;
        t[7] = (d[7] - d[1]) + 5.25f * (d[3] - d[5]);
    }
}

/* y = A^T t: m values from m + 2. */
INLINE void output_row(int m, const vf *t, vf *y) {
    vf s1 = t[1] + t[2], d1 = t[1] - t[2], s2 = t[3] + t[4], d2 = t[3] - t[4];
    if (m == 4) {
        y[0] = t[0] + s1 + s2;
        y[1] = R1 * d1 + R2 * d2;
        y[2] = 0.5f * s1 + 2.0f * s2;
        y[3] = 0.5f * R1 * d1 + 2.0f * R2 * d2 + t[5];
    } else if (m == 5) {
        y[0] = t[0] + s1 + s2 + t[5];
        y[1] = d1 + 2.0f * d2 + 0.5f * t[5];
        y[2] = s1 + 4.0f * s2 + 0.25f * t[5];
        y[3] = d1 + 8.0f * d2 + 0.125f * t[5];
        y[4] = s1 + 16.0f * s2 + 0.0625f * t[5] + t[6];
    } else {
        vf s3 = t[5] + t[6], d3 = t[5] - t[6];
        y[0] = t[0] + s1 + s2 + s3;
        y[1] = d1 + 2.0f * d2 + 0.5f * d3;
        y[2] = s1 + 4.0f * s2 + 0.25f * s3;
        y[3] = d1 + 8.0f * d2 + 0.125f * d3;
        y[4] = s1 + 16.0f * s2 + 0.0625f * s3;
        y[5] = d1 + 32.0f * d2 + 0.03125f * d3 + t[7];
    }
}

/* Both passes are best unrolled with 32 registers, and for m = 6 also with 16. */
#if PK_FEW_TILES
#define UNROLL_PASS
#elif defined(__clang__)
#define UNROLL_PASS _Pragma("clang loop unroll(full)")
#else
#define UNROLL_PASS _Pragma("GCC unroll 8")
#endif

INLINE void input_tile(int m, const float *plane, int ih, int iw, int y, int x, float *v,
                       int64_t step) {
    const int n = m + 2;
    float patch[(WINOGRAD_MOST + 2) * (WINOGRAD_MOST + 2) * VL] __attribute__((aligned(64)));
    const float *src = plane + ((int64_t)y * iw + x) * VL;
    int64_t row = (int64_t)iw * VL;
    if (y < 0 || x < 0 || y + n > ih || x + n > iw) {
        for (int i = 0; i < n; i++)
            for (int j = 0; j < n; j++) {
                int inside = y + i >= 0 && y + i < ih && x + j >= 0 && x + j < iw;
                vf d = {0};
                if (inside) d = vf_load(plane + ((int64_t)(y + i) * iw + x + j) * VL);
                vf_store(patch + (i * n + j) * VL, d);
            }
        src = patch;
        row = n * VL;
    }
    vf half[WINOGRAD_MOST + 2][WINOGRAD_MOST + 2];
    UNROLL_PASS
    for (int j = 0; j < n; j++) {
        vf d[WINOGRAD_MOST + 2], t[WINOGRAD_MOST + 2];
        UNROLL_FULL
        for (int i = 0; i < n; i++) d[i] = vf_load(src + i * row + j * VL);
        input_row(m, d, t);
        UNROLL_FULL
        for (int i = 0; i < n; i++) half[i][j] = t[i];
    }
    UNROLL_PASS
    for (int i = 0; i < n; i++) {
        vf t[WINOGRAD_MOST + 2];
        input_row(m, half[i], t);
        UNROLL_FULL
        for (int j = 0; j < n; j++) vf_store(v + (i * n + j) * step, t[j]);
    }
}

INLINE void output_tile(int m, const float *src, int64_t step, const float *bias,
                        const struct conv_tile *t, int64_t dst_row, int64_t residual_row, int rows,
                        int cols) {
    const int n = m + 2;
    vf half[WINOGRAD_MOST][WINOGRAD_MOST + 2];
    UNROLL_PASS
    for (int j = 0; j < n; j++) {
        vf d[WINOGRAD_MOST + 2], y[WINOGRAD_MOST];
        UNROLL_FULL
        for (int i = 0; i < n; i++) d[i] = vf_load(src + (i * n + j) * step);
        output_row(m, d, y);
        UNROLL_FULL
        for (int i = 0; i < m; i++) half[i][j] = y[i];
    }
    const vf b = vf_load(bias);
    const int fast = t->direct && cols == m;
    struct conv_tile row = *t;
    for (int i = 0; i < rows; i++) { /* rolled: the activation's code is there once */
        vf y[WINOGRAD_MOST];
        output_row(m, half[i], y);
        UNROLL_FULL
        for (int j = 0; j < m; j++) y[j] += b;
        if (!fast) {
            conv_finish(&row, y, 1, cols);
        } else {
            if (t->residual_mode == CONV_RESIDUAL_BEFORE) {
                UNROLL_FULL
                for (int j = 0; j < m; j++) y[j] += vf_load(row.residual + j * VL);
            }
            conv_activate(y, m, t);
            if (t->residual_mode == CONV_RESIDUAL_AFTER) {
                UNROLL_FULL
                for (int j = 0; j < m; j++) y[j] += vf_load(row.residual + j * VL);
            }
            UNROLL_FULL
            for (int j = 0; j < m; j++) vf_store(row.dst + j * VL, y[j]);
        }
        row.dst += dst_row;
        row.residual += residual_row;
    }
}

#define DEFINE(m)                                                                                  \
    static NOINLINE void input_##m(const float *plane, int ih, int iw, int y, int x, float *v,     \
                                   int64_t step) {                                                 \
        input_tile(m, plane, ih, iw, y, x, v, step);                                               \
    }                                                                                              \
    static NOINLINE void output_##m(const float *src, int64_t step, const float *bias,             \
                                    const struct conv_tile *t, int64_t dst_row,                    \
                                    int64_t residual_row, int rows, int cols) {                    \
        output_tile(m, src, step, bias, t, dst_row, residual_row, rows, cols);                     \
    }
DEFINE(4)
DEFINE(5)
DEFINE(6)

const struct winograd_kernels K(winograd) = {
    .input = {[4] = input_4, [5] = input_5, [6] = input_6},
    .output = {[4] = output_4, [5] = output_5, [6] = output_6},
};
