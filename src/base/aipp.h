/* SPDX-License-Identifier: Apache-2.0 */
/* The numbers of AIPP, which the operator (ops/aipp.h, where the formulas stand) and its kernels
 * share. */
#ifndef PK_BASE_AIPP_H
#define PK_BASE_AIPP_H

#include <stdbool.h>
#include <stdint.h>

/* As the configuration file and AscendCL number them. */
enum aipp_format {
    AIPP_YUV420SP_U8 = 1,
    AIPP_XRGB8888_U8 = 2,
    AIPP_RGB888_U8 = 3,
    AIPP_YUV400_U8 = 4,
    AIPP_ARGB8888_U8 = 7,
    AIPP_YUYV_U8 = 8,
    AIPP_YUV422SP_U8 = 9,
    AIPP_AYUV444_U8 = 10,
};

enum { AIPP_HEAD_BYTES = 64, AIPP_IMAGE_BYTES = 96, AIPP_MAX_SIZE = 4096, AIPP_MAX_IMAGES = 127,
       AIPP_MAX_OUTPUT = AIPP_MAX_SIZE + 64 };

struct aipp {
    enum aipp_format format;
    int src_w, src_h;            /* of the picture in memory */
    int crop_x, crop_y, crop_w, crop_h; /* what is taken of it; all of it without cropping */
    bool rbuv_swap, ax_swap, csc, resize;
    int matrix[9], input_bias[3], output_bias[3];
    int resize_w, resize_h;
    int left, right, top, bottom; /* padding */
    float padding_value;
    int channels; /* of the output: those of the format, or 3 where it has 4: X or A is left out */
    int mean[4];
    float min[4], var_reci[4];
};

struct aipp_layout {
    const char *name;
    int format, channels, bytes; /* bytes: of a pixel in a row of the picture's shape */
    bool yuv, even_w, even_h;
};

const struct aipp_layout *aipp_layout(int format); /* NULL if there is none */
const char *aipp_format_name(int format); /* NULL if there is none */
int aipp_format_find(const char *name);   /* 0 if there is none */
int aipp_format_channels(int format);
bool aipp_format_is_yuv(int format);
/* Rows of a picture in memory, each of w pixels of layout->bytes, and the height of so many rows.
 * Planes of colour stand below the first: YUV420SP has h * 3 / 2 rows. */
int64_t aipp_rows(int format, int64_t h);
int64_t aipp_height(int format, int64_t rows);

/* Without cropping, padding or conversion; mean and min 0, var_reci 1. */
void aipp_init(struct aipp *a, int format, int w, int h);
void aipp_output_size(const struct aipp *a, int *w, int *h);

/* Position of output i of n along an axis of `in` pixels, in 1/2048 of a pixel. */
static inline int32_t aipp_position(int i, int n, int in) {
    int64_t p = (2 * (int64_t)i + 1) * in * 1024 / n - 1024, last = (int64_t)(in - 1) * 2048;
    return (int32_t)(p < 0 ? 0 : p > last ? last : p);
}

#endif
