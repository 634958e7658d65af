/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Between YUV and RGB, with the matrices that the public page of acldvppCscMatrix gives. Factors
 * are rounded to 16 bits after the point; results to the nearest value. libyuv's factors have 6 to
 * 8 bits and other sums, so that its results differ by one or two.
 *
 * The page's way back has 0.5 less than the usual formula (its offsets are -0.5 and 127.5), which
 * together with rounding takes the next value below; so it is here.
 */
#include <string.h>

#include "media/media.h"

/* Twice: for any x86-64, and for those with AVX2, chosen when the library is loaded. Sanitizers
 * want no code of theirs to run that early. */
#if defined(__x86_64__) && !defined(__clang__) && !defined(__SANITIZE_ADDRESS__) &&                \
    !defined(__SANITIZE_THREAD__)
#define WIDE __attribute__((target_clones("avx2", "default")))
#else
#define WIDE
#endif

/* A_LITTLE keeps greys grey where rounded factors add up to slightly less than they should. */
enum { BITS = 16, HALF = 1 << (BITS - 1), A_LITTLE = 1 << 6 };
#define FIXED(x) ((int32_t)((x) * (1 << BITS) + ((x) < 0 ? -0.5 : 0.5)))

struct matrix {
    int32_t y_offset;               /* of black */
    int32_t y, rv, gu, gv, bu;      /* to RGB */
    int32_t to_y[3], to_u[3], to_v[3];
};

/* kr, kb: shares of red and blue in Y. sy, sc: how far Y and chroma reach, of 255. */
#define MATRIX(offset, kr, kb, sy, sc)                                                             \
    {                                                                                              \
        (offset), FIXED(255.0 / (sy)), FIXED(2 * (1 - (kr)) * 255.0 / (sc)),                       \
            FIXED(-2 * (1 - (kb)) * (kb) / (1 - (kr) - (kb)) * 255.0 / (sc)),                      \
            FIXED(-2 * (1 - (kr)) * (kr) / (1 - (kr) - (kb)) * 255.0 / (sc)),                      \
            FIXED(2 * (1 - (kb)) * 255.0 / (sc)),                                                  \
            {FIXED((kr) * (sy) / 255), FIXED((1 - (kr) - (kb)) * (sy) / 255),                      \
             FIXED((kb) * (sy) / 255)},                                                            \
            {FIXED(-(kr) / (2 * (1 - (kb))) * (sc) / 255),                                         \
             FIXED(-(1 - (kr) - (kb)) / (2 * (1 - (kb))) * (sc) / 255), FIXED(0.5 * (sc) / 255)},  \
            {FIXED(0.5 * (sc) / 255), FIXED(-(1 - (kr) - (kb)) / (2 * (1 - (kr))) * (sc) / 255),   \
             FIXED(-(kb) / (2 * (1 - (kr))) * (sc) / 255)},                                        \
    }

static const struct matrix matrices[N_CSC] = {
    [CSC_601_WIDE] = MATRIX(0, 0.299, 0.114, 255.0, 255.0),
    [CSC_601_NARROW] = MATRIX(16, 0.299, 0.114, 219.0, 224.0),
    [CSC_709_WIDE] = MATRIX(0, 0.2126, 0.0722, 255.0, 255.0),
    [CSC_709_NARROW] = MATRIX(16, 0.2126, 0.0722, 219.0, 224.0),
    [CSC_2020_WIDE] = MATRIX(0, 0.2627, 0.0593, 255.0, 255.0),
    [CSC_2020_NARROW] = MATRIX(16, 0.2627, 0.0593, 219.0, 224.0),
};

static inline uint8_t clip(int32_t v) { return (uint8_t)(v < 0 ? 0 : v > 255 ? 255 : v); }

/* Values of so many pixels stand apart from each other on the way, which compilers make vectors of;
 * the two ends are where bytes are put together. */
enum { BLOCK = 128 };

struct block {
    uint8_t c[3][BLOCK]; /* R, G, B */
};

WIDE static void rgb_of(const struct matrix *k, const uint8_t *restrict y,
                        const uint8_t *restrict uv, bool swapped, struct block *restrict out) {
    int16_t us[BLOCK], vs[BLOCK];
    for (int x = 0; x < BLOCK; x++) {
        us[x] = (int16_t)(uv[2 * x] - 128);
        vs[x] = (int16_t)(uv[2 * x + 1] - 128);
    }
    const int16_t *u = swapped ? vs : us, *v = swapped ? us : vs;
    for (int x = 0; x < BLOCK; x++) {
        int32_t luma = k->y * (y[x] - k->y_offset) + HALF;
        out->c[0][x] = clip((luma + k->rv * v[x]) >> BITS);
        out->c[1][x] = clip((luma + k->gu * u[x] + k->gv * v[x]) >> BITS);
        out->c[2][x] = clip((luma + k->bu * u[x]) >> BITS);
    }
}

WIDE static void join3(const uint8_t *restrict a, const uint8_t *restrict b,
                       const uint8_t *restrict c, uint8_t *restrict to) {
    for (int x = 0; x < BLOCK; x++) {
        to[3 * x] = a[x];
        to[3 * x + 1] = b[x];
        to[3 * x + 2] = c[x];
    }
}

static void join(const struct block *b, const struct format_info *to, uint8_t *rgb) {
    if (to->bytes == 3) {
        const uint8_t *at[3];
        for (int c = 0; c < 3; c++) at[to->order[c]] = b->c[c];
        join3(at[0], at[1], at[2], rgb);
        return;
    }
    for (int x = 0; x < BLOCK; x++, rgb += 4) {
        rgb[to->order[3]] = 255;
        for (int c = 0; c < 3; c++) rgb[to->order[c]] = b->c[c][x];
    }
}

void csc_to_rgb(enum csc csc, const uint8_t *y, const uint8_t *uv, bool swapped, uint8_t *rgb,
                const struct format_info *to, uint32_t width) {
    const struct matrix *k = &matrices[csc];
    struct block b;
    uint32_t x = 0;
    for (; x + BLOCK <= width; x += BLOCK) {
        rgb_of(k, y + x, uv + 2 * x, swapped, &b);
        join(&b, to, rgb + (size_t)x * to->bytes);
    }
    if (x == width) return;
    uint8_t y_end[BLOCK] = {0}, uv_end[2 * BLOCK] = {0}, rgb_end[4 * BLOCK];
    memcpy(y_end, y + x, width - x);
    memcpy(uv_end, uv + 2 * x, 2 * (width - x));
    rgb_of(k, y_end, uv_end, swapped, &b);
    join(&b, to, rgb_end);
    memcpy(rgb + (size_t)x * to->bytes, rgb_end, (size_t)(width - x) * to->bytes);
}

WIDE static void split3(const uint8_t *restrict rgb, uint8_t *restrict a, uint8_t *restrict b,
                        uint8_t *restrict c) {
    for (int x = 0; x < BLOCK; x++) {
        a[x] = rgb[3 * x];
        b[x] = rgb[3 * x + 1];
        c[x] = rgb[3 * x + 2];
    }
}

static void split(const uint8_t *rgb, const struct format_info *from, struct block *b) {
    if (from->bytes == 3) {
        uint8_t *at[3];
        for (int c = 0; c < 3; c++) at[from->order[c]] = b->c[c];
        split3(rgb, at[0], at[1], at[2]);
        return;
    }
    for (int x = 0; x < BLOCK; x++, rgb += 4)
        for (int c = 0; c < 3; c++) b->c[c][x] = rgb[from->order[c]];
}

WIDE static void yuv_of(const struct matrix *k, const struct block *restrict in,
                        uint8_t *restrict y, uint8_t *restrict uv) {
    const int32_t luma = (k->y_offset << BITS) + A_LITTLE, grey = (128 << BITS) + A_LITTLE;
    for (int x = 0; x < BLOCK; x++) {
        int32_t r = in->c[0][x], g = in->c[1][x], b = in->c[2][x];
        y[x] = clip((luma + k->to_y[0] * r + k->to_y[1] * g + k->to_y[2] * b) >> BITS);
    }
    for (int x = 0; x < BLOCK; x++) {
        int32_t r = in->c[0][x], g = in->c[1][x], b = in->c[2][x];
        uv[2 * x] = clip((grey + k->to_u[0] * r + k->to_u[1] * g + k->to_u[2] * b) >> BITS);
        uv[2 * x + 1] = clip((grey + k->to_v[0] * r + k->to_v[1] * g + k->to_v[2] * b) >> BITS);
    }
}

void csc_to_yuv(enum csc csc, const uint8_t *rgb, const struct format_info *from, uint8_t *y,
                uint8_t *uv, uint32_t width) {
    const struct matrix *k = &matrices[csc];
    struct block b;
    uint32_t x = 0;
    for (; x + BLOCK <= width; x += BLOCK) {
        split(rgb + (size_t)x * from->bytes, from, &b);
        yuv_of(k, &b, y + x, uv + 2 * x);
    }
    if (x == width) return;
    uint8_t y_end[BLOCK], uv_end[2 * BLOCK], rgb_end[4 * BLOCK] = {0};
    memcpy(rgb_end, rgb + (size_t)x * from->bytes, (size_t)(width - x) * from->bytes);
    split(rgb_end, from, &b);
    yuv_of(k, &b, y_end, uv_end);
    memcpy(y + x, y_end, width - x);
    memcpy(uv + 2 * x, uv_end, 2 * (width - x));
}
