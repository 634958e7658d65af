/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The register tiles of the matrix product: rows x nv vectors of C, one broadcast of A per row and
 * step, nv vectors of B per step. A may step through K by any distance, so a transposed A needs no
 * copy.
 */
#include "kernels/gemm.h"
#include "kernels/conv_finish.h"
#include "kernels/simd.h"

static NOINLINE void store(const struct gemm_tile *t, vf *v, int rows, int nv) {
    for (int r = 0; r < rows; r++)
        for (int o = 0; o < nv; o++) {
            int left = t->columns - o * VL;
            if (left <= 0) break;
            size_t n = left < VL ? (size_t)left : VL;
            vf x = v[r * nv + o] * t->alpha;
            if (t->bias) {
                const float *b = t->bias + r * t->bias_row + o * VL * t->bias_column;
                vf bias = t->bias_column ? vf_load_n(b, n) : vf_set(*b);
                x += t->beta * bias;
            }
            v[r * nv + o] = x;
        }
    if (t->act != ACT_NONE)
        K(activate)(t->act, t->act_alpha, t->act_beta, (float *)v, 1, rows * nv, 0);
    for (int r = 0; r < rows; r++)
        for (int o = 0; o < nv; o++) {
            int left = t->columns - o * VL;
            float *c = t->c + r * t->ldc + o * VL;
            if (left >= VL) vf_store(c, v[r * nv + o]);
            else if (left > 0) vf_store_n(c, v[r * nv + o], (size_t)left);
        }
}

INLINE void tile(const struct gemm_tile *t, int rows, int nv) {
    vf acc[32];
    const float *a[GEMM_ROWS];
    UNROLL_FULL
    for (int i = 0; i < rows * nv; i++) acc[i] = (vf){0};
    UNROLL_FULL
    for (int r = 0; r < rows; r++) a[r] = t->a + r * t->a_row;
    const float *restrict b = t->b;
    const int64_t a_step = t->a_step, b_step = t->b_step, k = t->k;
    int64_t at = 0;
    for (int64_t i = 0; i < k; i++, at += a_step, b += b_step) {
        vf bv[GEMM_VECTORS];
        UNROLL_FULL
        for (int o = 0; o < nv; o++) bv[o] = vf_load(b + o * VL);
        UNROLL_FULL
        for (int r = 0; r < rows; r++) {
            vf x = vf_set(a[r][at]);
            UNROLL_FULL
            for (int o = 0; o < nv; o++) acc[r * nv + o] += bv[o] * x;
        }
    }
    vf out[32];
    UNROLL_FULL
    for (int i = 0; i < rows * nv; i++) out[i] = acc[i];
    store(t, out, rows, nv);
}

#if VL == 16
#define TILES(TILE)                                                                                \
    TILE(1, 1) TILE(1, 2) TILE(1, 3) TILE(1, 4) TILE(1, 5) TILE(1, 6) TILE(1, 7) TILE(1, 8)        \
    TILE(2, 1) TILE(2, 2) TILE(2, 3) TILE(2, 4) TILE(2, 5) TILE(2, 6) TILE(2, 7) TILE(2, 8)        \
    TILE(4, 1) TILE(4, 2) TILE(4, 3) TILE(4, 4) TILE(4, 5) TILE(4, 6)
#define ROWS {[1] = 8, [2] = 8, [4] = 6}
#elif defined(__aarch64__)
#define TILES(TILE)                                                                                \
    TILE(1, 1) TILE(1, 2) TILE(1, 3) TILE(1, 4) TILE(1, 5) TILE(1, 6) TILE(1, 7) TILE(1, 8)        \
    TILE(2, 1) TILE(2, 2) TILE(2, 3) TILE(2, 4) TILE(2, 5) TILE(2, 6) TILE(2, 7) TILE(2, 8)        \
    TILE(4, 1) TILE(4, 2) TILE(4, 3) TILE(4, 4) TILE(4, 5)
#define ROWS {[1] = 8, [2] = 8, [4] = 5}
#elif VL == 8
#define TILES(TILE)                                                                                \
    TILE(1, 1) TILE(1, 2) TILE(1, 3) TILE(1, 4) TILE(1, 5) TILE(1, 6) TILE(1, 7) TILE(1, 8)        \
    TILE(2, 1) TILE(2, 2) TILE(2, 3) TILE(2, 4) TILE(2, 5) TILE(2, 6)                              \
    TILE(3, 1) TILE(3, 2) TILE(3, 3) TILE(3, 4)
#define ROWS {[1] = 8, [2] = 6, [3] = 4}
#else
#define TILES(TILE)                                                                                \
    TILE(1, 1) TILE(1, 2) TILE(1, 3) TILE(1, 4) TILE(1, 5) TILE(1, 6) TILE(1, 7) TILE(1, 8)        \
    TILE(2, 1) TILE(2, 2) TILE(2, 3) TILE(2, 4) TILE(2, 5)
#define ROWS {[1] = 8, [2] = 5}
#endif

#define DEFINE(nv, rows)                                                                           \
    static NOINLINE void tile_##nv##x##rows(const struct gemm_tile *t) { tile(t, rows, nv); }
TILES(DEFINE)

#define LIST(nv, rows) [nv][rows] = tile_##nv##x##rows,
const struct gemm_kernels K(gemm) = {.rows = ROWS, .tile = {TILES(LIST)}};
