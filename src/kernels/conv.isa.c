/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The register tiles of direct convolution.
 *
 * Each starts its accumulators at the bias, or at the sums so far, and adds the products of every
 * piece of the input channels, ky and kx. 1x1 and KxK, any stride, blocked or pixel-interleaved
 * input are the same code; only the distance between the inputs of neighbouring outputs is a
 * constant of the template.
 */
#include "kernels/conv_finish.h"
#include "kernels/conv_tile.h"
#include "kernels/products.h"

/* For these, see struct conv_kernels. Tiles have no code for what is off: it costs registers. */
enum {
    CHUNK_BYTES = VL >= 8 ? 24 * 1024 : 0,
    FETCH_INPUT = VL == 8,
    GATHER = VL == 8
};

INLINE void tile(const struct conv_tile *t, int ocv, int px, int64_t step, int stem) {
    vf acc[32];
    if (CHUNK_BYTES > 0 && t->resume) {
        UNROLL_FULL
        for (int o = 0; o < ocv; o++) {
            UNROLL_FULL
            for (int p = 0; p < px; p++)
                acc[o * px + p] = vf_load(t->dst + o * t->dst_channel + p * VL);
        }
    } else {
        UNROLL_FULL
        for (int o = 0; o < ocv; o++) {
            vf b = vf_load(t->bias + o * VL);
            UNROLL_FULL
            for (int p = 0; p < px; p++) acc[o * px + p] = b;
        }
    }
    const float *w = t->weights;
    const struct conv_piece *piece = t->pieces, *end = piece + t->n_pieces;
    /* A loop of its own for 1x1, without the counters of the others. */
    if (!stem && t->taps == 1 && t->nky == 1 && t->nkx == 1) {
        const int64_t src_at = t->src_at;
        const int fetch = FETCH_INPUT && step == VL && t->fetch;
        for (; piece < end; piece++) {
            const float *s = piece->src + src_at;
            if (fetch) {
                UNROLL_FULL
                for (int i = 0; i < px * VL; i += 16) __builtin_prefetch(s + px * VL + i);
            }
            add_products(acc, ocv, px, step, w, s, piece->n);
            w += (int64_t)piece->n * ocv * VL;
        }
    } else if (stem && t->kw == 1 && t->n_pieces == 1) {
        /* And one for first layers, whose kx and channels are one run. */
        const int n = piece->n;
        const int64_t row = (int64_t)n * ocv * VL;
        const float *s = piece++->src + t->src_at;
        w += row * t->ky0;
        for (int ky = t->nky; ky > 0; ky--, s += t->src_row, w += row)
            n_channels(acc, ocv, px, 0, px, step, w, s, n);
    }
    const int nky = t->nky, nkx = t->nkx, skip_first = t->skip_first, skip_last = t->skip_last;
    const int64_t src_row = t->src_row, src_tap = t->src_tap;
    for (; piece < end; piece++) {
        const int n = piece->n;
        int64_t tap_floats = (int64_t)n * ocv * VL;
        const float *w_row = w + tap_floats * (t->ky0 * t->kw + t->kx0);
        const float *row = piece->src + t->src_at;
        for (int ky = 0; ky < nky; ky++, row += src_row, w_row += tap_floats * t->kw) {
            const float *wk = w_row, *s = row;
            for (int kx = 0; kx < nkx; kx++, s += src_tap, wk += tap_floats) {
                if (!stem && kx == skip_first) n_channels(acc, ocv, px, 1, px, step, wk, s, n);
                else if (!stem && kx == skip_last)
                    n_channels(acc, ocv, px, 0, px - 1, step, wk, s, n);
                else n_channels(acc, ocv, px, 0, px, step, wk, s, n);
            }
        }
        w += tap_floats * t->taps;
    }
    conv_store(t, acc, ocv, px);
}

/* All in one call, which costs a short tile a tenth of its time. */
INLINE void tiles_of_a_run(struct conv_tile *t, int ocv, int px, int64_t step, int stem) {
    struct conv_stored stored = {t->dst, 0};
    do {
        if (CHUNK_BYTES > 0 && t->ahead_step) {
            for (int64_t at = 0; at < t->ahead_step; at += 64)
                __builtin_prefetch(t->ahead + at, 0, 2);
            t->ahead += t->ahead_step;
        }
        conv_fetch_scattered(t, px);
        tile(t, ocv, px, step, stem);
        conv_next_tile(t, ocv, px, step, &stored);
    } while (--t->count > 0);
}

/* The tiles in use: TILE(ocv, px) for strides 1 and 2, STEM(ocv, px) for interleaved input of three
 * channels, ANY(ocv, px) for every other distance. TILES_2 and STEMS_2 are those of stride 2. */
#if PK_FEW_TILES
/* Instrumented builds: the same template, few sizes; all of them take minutes to compile there. */
#define TILES(TILE) TILE(1, 1) TILE(1, 4) TILE(2, 1) TILE(2, 3)
#define STEMS(TILE) TILE(1, 1) TILE(1, 4) TILE(2, 1) TILE(2, 3)
enum { max_ocv = 2 };
#elif VL == 16
#define TILES(TILE)                                                                                \
    TILE(1, 1) TILE(1, 2) TILE(1, 4) TILE(1, 7) TILE(1, 10) TILE(1, 13) TILE(1, 14) TILE(1, 20)    \
    TILE(2, 1) TILE(2, 2) TILE(2, 4) TILE(2, 7) TILE(2, 10) TILE(2, 13) TILE(2, 14)                \
    TILE(3, 1) TILE(3, 2) TILE(3, 4) TILE(3, 5) TILE(3, 7) TILE(3, 9)                              \
    TILE(4, 1) TILE(4, 2) TILE(4, 4) TILE(4, 5) TILE(4, 6) TILE(4, 7)
#define TILES_2(TILE)                                                                              \
    TILE(1, 1) TILE(1, 4) TILE(1, 7) TILE(1, 13) TILE(1, 20)                                       \
    TILE(2, 1) TILE(2, 2) TILE(2, 4) TILE(2, 7) TILE(2, 13)                                        \
    TILE(3, 1) TILE(3, 4) TILE(3, 7) TILE(3, 9)                                                    \
    TILE(4, 1) TILE(4, 2) TILE(4, 4) TILE(4, 6) TILE(4, 7)
#define STEMS(TILE) TILE(1, 1) TILE(1, 4) TILE(1, 14) TILE(2, 1) TILE(2, 4) TILE(2, 14)
#define STEMS_2(TILE)                                                                              \
    TILE(1, 1) TILE(1, 4) TILE(1, 10) TILE(1, 13) TILE(1, 14) TILE(1, 20)                          \
    TILE(2, 1) TILE(2, 4) TILE(2, 10) TILE(2, 13) TILE(2, 14)
enum { max_ocv = 4 };
#elif VL == 8
#define TILES(TILE)                                                                                \
    TILE(1, 1) TILE(1, 2) TILE(1, 4) TILE(1, 7) TILE(1, 10)                                        \
    TILE(2, 1) TILE(2, 2) TILE(2, 4) TILE(2, 5) TILE(2, 6)                                         \
    TILE(3, 1) TILE(3, 2) TILE(3, 3) TILE(3, 4)
#define STEMS(TILE)                                                                                \
    TILE(1, 1) TILE(1, 4) TILE(1, 10) TILE(2, 1) TILE(2, 4) TILE(2, 5) TILE(2, 6)                  \
    TILE(3, 1) TILE(3, 4)
enum { max_ocv = 3 };
#elif defined(__aarch64__)
#define TILES(TILE)                                                                                \
    TILE(1, 1) TILE(1, 2) TILE(1, 4) TILE(1, 7) TILE(1, 10) TILE(1, 14)                            \
    TILE(2, 1) TILE(2, 2) TILE(2, 4) TILE(2, 7) TILE(2, 8) TILE(2, 10)                             \
    TILE(3, 1) TILE(3, 2) TILE(3, 4) TILE(3, 6)                                                    \
    TILE(4, 1) TILE(4, 2) TILE(4, 4)
#define STEMS(TILE) TILE(1, 1) TILE(1, 4) TILE(1, 10) TILE(2, 1) TILE(2, 4) TILE(2, 8)
enum { max_ocv = 4 };
#elif defined(__x86_64__) /* processors of before 2013: few tiles, for any distance */
#define TILES(TILE)
#define STEMS(TILE)
enum { max_ocv = 2 };
#else
#define TILES(TILE)                                                                                \
    TILE(1, 1) TILE(1, 2) TILE(1, 4) TILE(1, 7)                                                    \
    TILE(2, 1) TILE(2, 2) TILE(2, 3) TILE(2, 4) TILE(2, 5)
#define STEMS(TILE) TILE(1, 1) TILE(1, 4) TILE(1, 7) TILE(2, 1) TILE(2, 4) TILE(2, 5)
enum { max_ocv = 2 };
#endif
#ifndef TILES_2
#define TILES_2 TILES
#define STEMS_2 STEMS
#endif
#define ANYS(TILE) TILE(1, 1) TILE(1, 4) TILE(2, 1) TILE(2, 4)

#define DEFINE(ocv, px, name, step, stem)                                                          \
    static NOINLINE void tile_##ocv##x##px##name(struct conv_tile *t) {                            \
        tiles_of_a_run(t, ocv, px, step, stem);                                                    \
    }
#define DEFINE_S1(ocv, px) DEFINE(ocv, px, _s1, VL, 0)
#define DEFINE_S2(ocv, px) DEFINE(ocv, px, _s2, 2 * VL, 0)
#define DEFINE_P3(ocv, px) DEFINE(ocv, px, _p3, 3, 1)
#define DEFINE_P6(ocv, px) DEFINE(ocv, px, _p6, 6, 1)
#define DEFINE_ANY(ocv, px) DEFINE(ocv, px, _any, t->src_pixel, 0)
TILES(DEFINE_S1)
TILES_2(DEFINE_S2)
STEMS(DEFINE_P3)
STEMS_2(DEFINE_P6)
ANYS(DEFINE_ANY)

#define LIST_S1(ocv, px) {ocv, px, VL, tile_##ocv##x##px##_s1},
#define LIST_S2(ocv, px) {ocv, px, 2 * VL, tile_##ocv##x##px##_s2},
#define LIST_P3(ocv, px) {ocv, px, 3, tile_##ocv##x##px##_p3},
#define LIST_P6(ocv, px) {ocv, px, 6, tile_##ocv##x##px##_p6},
#define LIST_ANY(ocv, px) {ocv, px, 0, tile_##ocv##x##px##_any},
static const struct conv_tile_kernel tiles[] = {
    TILES(LIST_S1) TILES_2(LIST_S2) STEMS(LIST_P3) STEMS_2(LIST_P6) ANYS(LIST_ANY)};

static void interleave(const float *src, int64_t stride, int channels, int64_t n, float *dst) {
    int64_t i = 0;
    if (channels == 3) {
        const float *r = src, *g = src + stride, *b = src + 2 * stride;
        for (; i < n; i++) {
            dst[3 * i] = r[i];
            dst[3 * i + 1] = g[i];
            dst[3 * i + 2] = b[i];
        }
        return;
    }
    for (int c = 0; c < channels; c++)
        for (i = 0; i < n; i++) dst[i * channels + c] = src[c * stride + i];
}

const struct conv_kernels K(conv) = {
    .tiles = tiles,
    .n_tiles = sizeof tiles / sizeof *tiles,
    .max_ocv = max_ocv,
#if VL == 16
    .load_cost = 0.15f, .broadcast_cost = 0.02f, .least_cost = 5, .fma_per_us = {4900, 3500},
#elif VL == 8
    .load_cost = 0.3f, .broadcast_cost = 0.3f, .least_cost = 8, .fma_per_us = {7200},
#elif defined(__aarch64__) /* instructions beside the multiply-adds: bench/inner_loops.py */
    .load_cost = 1, .broadcast_cost = 0.25f, .least_cost = 4, .fma_per_us = {3000},
#else
    .load_cost = 0.3f, .broadcast_cost = 0.8f, .least_cost = 4, .fma_per_us = {3000},
#endif
    .chunk_bytes = CHUNK_BYTES, .fetch_input = FETCH_INPUT, .gather = GATHER,
    .interleave = interleave,
};
