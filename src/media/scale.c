/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Scaling of planes. Bilinear as OpenCV's INTER_LINEAR: a pixel of the result is mixed from the two
 * by two nearest ones, also when shrinking, with weights of 11 bits. swscale and libyuv place their
 * samples differently (libyuv from edge to edge when enlarging; swscale averages when shrinking),
 * which is why this is not left to them.
 *
 * Rows first: each source row is scaled across once, into 16-bit sums of 15 bits, and two such rows
 * are mixed to a row of the result. The mixing loop has no branches, so that compilers vectorise
 * it.
 */
#include <math.h>
#include <string.h>

#include "media/media.h"

enum { WEIGHT_BITS = 11, WEIGHT_ONE = 1 << WEIGHT_BITS };

struct tap {
    uint32_t first, second; /* positions in the source */
    uint16_t w0, w1;        /* their weights; WEIGHT_ONE together */
};

static struct tap nearest(double position, uint32_t n) {
    uint32_t at = position >= n ? n - 1 : (uint32_t)position;
    return (struct tap){at, at, WEIGHT_ONE, 0};
}

static struct tap between(float position, uint32_t n) {
    float below = floorf(position), weight = position - below;
    if (below < 0) return (struct tap){0, 0, WEIGHT_ONE, 0};
    uint32_t at = (uint32_t)below;
    if (at >= n - 1) return (struct tap){n - 1, n - 1, WEIGHT_ONE, 0};
    uint16_t w1 = (uint16_t)lrintf(weight * WEIGHT_ONE);
    return (struct tap){at, at + 1, (uint16_t)(WEIGHT_ONE - w1), w1};
}

static void fill_taps(struct tap *taps, uint32_t n_from, uint32_t n_to, enum scaling scaling) {
    double scale = (double)n_from / n_to;
    for (uint32_t i = 0; i < n_to; i++) {
        switch (scaling) {
        case SCALE_NEAREST: taps[i] = nearest(floor(i * scale), n_from); break;
        case SCALE_NEAREST_TF:
            taps[i] = nearest(floorf((float)i * (float)scale), n_from);
            break;
        case SCALE_NEAREST_CENTRE: taps[i] = nearest(floor((i + 0.5) * scale), n_from); break;
        case SCALE_BILINEAR_TF: taps[i] = between((float)i * (float)scale, n_from); break;
        default: taps[i] = between((float)((i + 0.5) * scale - 0.5), n_from); break;
        }
    }
}

/* ---- nearest ---- */

static inline __attribute__((always_inline)) void
pick_row(const uint8_t *from, uint8_t *to, const struct tap *taps, uint32_t width, uint32_t n) {
    for (uint32_t x = 0; x < width; x++)
        for (uint32_t c = 0; c < n; c++) to[x * n + c] = from[(size_t)taps[x].first * n + c];
}

static void pick(const struct plane *src, const struct plane *dst, const struct tap *across,
                 const struct tap *down) {
    size_t row_bytes = (size_t)dst->width * dst->channels;
    for (uint32_t y = 0; y < dst->height; y++) {
        uint8_t *to = dst->data + y * dst->pitch;
        if (y && down[y].first == down[y - 1].first) {
            memcpy(to, to - dst->pitch, row_bytes);
            continue;
        }
        const uint8_t *from = src->data + down[y].first * src->pitch;
        switch (dst->channels) {
        case 1: pick_row(from, to, across, dst->width, 1); break;
        case 2: pick_row(from, to, across, dst->width, 2); break;
        case 3: pick_row(from, to, across, dst->width, 3); break;
        default: pick_row(from, to, across, dst->width, 4); break;
        }
    }
}

/* ---- bilinear ---- */

static inline __attribute__((always_inline)) void
across_row(const uint8_t *from, uint16_t *to, const struct tap *taps, uint32_t width, uint32_t n) {
    for (uint32_t x = 0; x < width; x++) {
        const uint8_t *a = from + (size_t)taps[x].first * n;
        const uint8_t *b = from + (size_t)taps[x].second * n;
        for (uint32_t c = 0; c < n; c++)
            to[x * n + c] = (uint16_t)((a[c] * taps[x].w0 + b[c] * taps[x].w1) >> 4);
    }
}

static void scale_row(const struct plane *src, uint32_t row, uint16_t *to, const struct tap *taps,
                      uint32_t width) {
    const uint8_t *from = src->data + row * src->pitch;
    switch (src->channels) {
    case 1: across_row(from, to, taps, width, 1); break;
    case 2: across_row(from, to, taps, width, 2); break;
    case 3: across_row(from, to, taps, width, 3); break;
    default: across_row(from, to, taps, width, 4); break;
    }
}

/* Sums are below 2^15 and weights at most 2^11: only the upper 16 bits of a product are wanted, for
 * which vector instructions exist. */
static void mix_rows(const uint16_t *restrict a, const uint16_t *restrict b, uint16_t wa,
                     uint16_t wb, uint8_t *restrict to, size_t n) {
    for (size_t i = 0; i < n; i++) {
        uint16_t high_a = (uint16_t)(((uint32_t)a[i] * wa) >> 16);
        uint16_t high_b = (uint16_t)(((uint32_t)b[i] * wb) >> 16);
        to[i] = (uint8_t)((uint16_t)(high_a + high_b + 2) >> 2);
    }
}

static void mix(const struct plane *src, const struct plane *dst, const struct tap *across,
                const struct tap *down, uint16_t *rows[2]) {
    size_t n = (size_t)dst->width * dst->channels;
    uint32_t held[2] = {UINT32_MAX, UINT32_MAX}; /* source rows that `rows` hold */
    for (uint32_t y = 0; y < dst->height; y++) {
        const struct tap *t = &down[y];
        if (held[0] != t->first && held[1] == t->first) { /* the lower row becomes the upper */
            uint16_t *row = rows[0];
            rows[0] = rows[1];
            rows[1] = row;
            held[1] = held[0];
            held[0] = t->first;
        }
        if (held[0] != t->first) {
            scale_row(src, t->first, rows[0], across, dst->width);
            held[0] = t->first;
        }
        if (t->w1 && held[1] != t->second) {
            scale_row(src, t->second, rows[1], across, dst->width);
            held[1] = t->second;
        }
        mix_rows(rows[0], t->w1 ? rows[1] : rows[0], t->w0, t->w1, dst->data + y * dst->pitch, n);
    }
}

enum media_status plane_scale(struct media *m, const struct plane *src, const struct plane *dst,
                              enum scaling scaling) {
    size_t row_bytes = (size_t)dst->width * dst->channels;
    if (src->width == dst->width && src->height == dst->height) {
        for (uint32_t y = 0; y < dst->height; y++)
            memmove(dst->data + y * dst->pitch, src->data + y * src->pitch, row_bytes);
        return MEDIA_OK;
    }
    size_t n_taps = (size_t)dst->width + dst->height;
    size_t bytes = n_taps * sizeof(struct tap) + 2 * row_bytes * sizeof(uint16_t);
    struct tap *across = m->alloc(bytes), *down = across + dst->width;
    if (!across) return media_fail(m, MEDIA_MEMORY, "no memory for %zu bytes", bytes);
    uint16_t *rows[2] = {(uint16_t *)(across + n_taps), (uint16_t *)(across + n_taps) + row_bytes};
    fill_taps(across, src->width, dst->width, scaling);
    fill_taps(down, src->height, dst->height, scaling);
    if (scaling == SCALE_BILINEAR || scaling == SCALE_BILINEAR_TF)
        mix(src, dst, across, down, rows);
    else pick(src, dst, across, down);
    m->free(across);
    return MEDIA_OK;
}
