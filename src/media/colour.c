/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Between YUV and RGB, with the matrices that the public page of acldvppCscMatrix gives. Factors
 * are rounded to 16 bits after the point; results to the nearest value. libyuv's factors have 6 to
 * 8 bits and other sums, so that its results differ by one or two.
 *
 * The page's way back has 0.5 less than the usual formula (its offsets are -0.5 and 127.5), which
 * together with rounding takes the next value below; so it is here.
 */
#include "media/media.h"

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

void csc_to_rgb(enum csc csc, const uint8_t *y, const uint8_t *uv, bool swapped, uint8_t *rgb,
                const struct format_info *to, uint32_t width) {
    const struct matrix k = matrices[csc];
    for (uint32_t x = 0; x < width; x++, rgb += to->bytes) {
        int32_t u = uv[2 * x + swapped] - 128, v = uv[2 * x + !swapped] - 128;
        int32_t luma = k.y * (y[x] - k.y_offset) + HALF;
        if (to->bytes == 4) rgb[to->order[3]] = 255;
        rgb[to->order[0]] = clip((luma + k.rv * v) >> BITS);
        rgb[to->order[1]] = clip((luma + k.gu * u + k.gv * v) >> BITS);
        rgb[to->order[2]] = clip((luma + k.bu * u) >> BITS);
    }
}

void csc_to_yuv(enum csc csc, const uint8_t *rgb, const struct format_info *from, uint8_t *y,
                uint8_t *uv, uint32_t width) {
    const struct matrix k = matrices[csc];
    const int32_t luma = (k.y_offset << BITS) + A_LITTLE, grey = (128 << BITS) + A_LITTLE;
    for (uint32_t x = 0; x < width; x++, rgb += from->bytes) {
        int32_t r = rgb[from->order[0]], g = rgb[from->order[1]], b = rgb[from->order[2]];
        y[x] = clip((luma + k.to_y[0] * r + k.to_y[1] * g + k.to_y[2] * b) >> BITS);
        uv[2 * x] = clip((grey + k.to_u[0] * r + k.to_u[1] * g + k.to_u[2] * b) >> BITS);
        uv[2 * x + 1] = clip((grey + k.to_v[0] * r + k.to_v[1] * g + k.to_v[2] * b) >> BITS);
    }
}
