/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bilinear resizing as OpenCV's INTER_LINEAR does it for 8-bit pictures: half-pixel centres,
 * weights rounded to 11 bits, a horizontal pass into integers that lose their last 4 bits, a
 * vertical pass whose terms lose 16 more and that rounds once. Rows come out one at a time with
 * their colours apart, so that preprocessing needs no resized picture in between. And bilinear
 * resizing as TensorFlow 1 did it: from the corner, unrounded.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "internal.h"

enum { BITS = 11, ONE = 1 << BITS };

/* Left source index and the two weights of each output coordinate. Outside of the picture lies its
 * border: along x it counts whole, along y twice, in parts, and each part loses its bits. */
static void make_axis(int in, int out, int whole, int *index, int16_t *weight) {
    double scale = (double)in / out;
    for (int i = 0; i < out; i++) {
        float at = (float)((i + 0.5) * scale - 0.5);
        int left = (int)floorf(at);
        float fraction = at - (float)left;
        if (whole && left < 0) left = 0, fraction = 0;
        if (whole && left >= in - 1) left = in - 1, fraction = 0;
        index[i] = left;
        weight[2 * i] = (int16_t)lrintf((1 - fraction) * ONE);
        weight[2 * i + 1] = (int16_t)lrintf(fraction * ONE);
    }
}

/* One source row, resized along x; values of 0..32640 in three planes of `width`. */
static void row_pass(const uint8_t *src, int in, int width, const int *index, const int16_t *weight,
                     int16_t *restrict out) {
    int16_t *restrict r = out, *restrict g = out + width, *restrict b = out + 2 * width;
    for (int x = 0; x < width; x++) {
        const uint8_t *p = src + 3 * (size_t)index[x];
        const uint8_t *q = index[x] + 1 < in ? p + 3 : p;
        int u = weight[2 * x], v = weight[2 * x + 1];
        r[x] = (int16_t)((p[0] * u + q[0] * v) >> 4);
        g[x] = (int16_t)((p[1] * u + q[1] * v) >> 4);
        b[x] = (int16_t)((p[2] * u + q[2] * v) >> 4);
    }
}

static void column_pass(const int16_t *restrict upper, const int16_t *restrict lower, int u, int v,
                        size_t n, uint8_t *restrict out) {
    int16_t a = (int16_t)u, b = (int16_t)v;
    for (size_t i = 0; i < n; i++) {
        int16_t sum = (int16_t)(((int)upper[i] * a >> 16) + ((int)lower[i] * b >> 16) + 2);
        out[i] = (uint8_t)(sum >> 2);
    }
}

int pk_resize_rows(const struct pk_image *image, int width, int height, int first,
                   int last, pk_row_fn emit, void *to) {
    if (width < 1 || height < 1 || (int64_t)width * height > PK_MAX_PIXELS)
        return pk_fail("a picture cannot be resized to %d x %d", width, height);
    size_t w = (size_t)width, h = (size_t)height, in = (size_t)image->width;
    int *index = malloc((w + h) * sizeof *index);
    int16_t *weight = malloc(2 * (w + h) * sizeof *weight);
    int16_t *rows = malloc(2 * 3 * w * sizeof *rows);
    uint8_t *planes = malloc(3 * w);
    int held[2] = {-1, -1};
    int result = index && weight && rows && planes
                     ? 0 : pk_fail("out of memory for a picture of %d x %d", width, height);
    if (!result) {
        make_axis(image->width, width, 1, index, weight);
        make_axis(image->height, height, 0, index + w, weight + 2 * w);
    }
    int16_t *row[2] = {rows, rows ? rows + 3 * w : NULL};
    for (size_t y = (size_t)first; !result && y < (size_t)last; y++) {
        /* The two source rows of this output row; rows already resized are kept. */
        int top = index[w + y];
        int want[2] = {top < 0 ? 0 : top, top + 1 < image->height ? top + 1 : image->height - 1};
        if (held[0] != want[0] && held[1] == want[0]) {
            int16_t *swap = row[0];
            row[0] = row[1];
            row[1] = swap;
            held[1] = held[0];
            held[0] = want[0];
        }
        for (int k = 0; k < 2; k++)
            if (held[k] != want[k]) {
                row_pass(image->rgb + (size_t)want[k] * in * 3, image->width, width, index, weight,
                         row[k]);
                held[k] = want[k];
            }
        const int16_t *part = weight + 2 * (w + y);
        column_pass(row[0], row[1], part[0], part[1], 3 * w, planes);
        emit(to, (int)y, planes);
    }
    free(index);
    free(weight);
    free(rows);
    free(planes);
    return result;
}

/* The source row or column left of output i, how far behind it the output lies, and the next
 * one. */
static float corner_axis(int in, int out, int i, int *left, int *right) {
    float at = (float)i * ((float)in / (float)out);
    *left = (int)at < in - 1 ? (int)at : in - 1;
    *right = *left + 1 < in ? *left + 1 : *left;
    return at - (float)*left;
}

void pk_resize_corner(const struct pk_image *image, int width, int height, float *planes) {
    size_t in = (size_t)image->width * 3, plane = (size_t)width * (size_t)height;
    for (int y = 0; y < height; y++) {
        int top, bottom, left, right;
        float fy = corner_axis(image->height, height, y, &top, &bottom);
        const uint8_t *upper = image->rgb + (size_t)top * in;
        const uint8_t *lower = image->rgb + (size_t)bottom * in;
        for (int x = 0; x < width; x++) {
            float fx = corner_axis(image->width, width, x, &left, &right);
            for (int c = 0; c < 3; c++) {
                float a = upper[3 * left + c], b = lower[3 * left + c];
                a += (upper[3 * right + c] - a) * fx;
                b += (lower[3 * right + c] - b) * fx;
                planes[(size_t)c * plane + (size_t)y * (size_t)width + (size_t)x] =
                    a + (b - a) * fy;
            }
        }
    }
}

static void interleave(void *to, int y, const uint8_t *planes) {
    const struct pk_image *out = to;
    size_t w = (size_t)out->width;
    uint8_t *rgb = out->rgb + (size_t)y * w * 3;
    for (size_t x = 0; x < w; x++) {
        rgb[3 * x] = planes[x];
        rgb[3 * x + 1] = planes[w + x];
        rgb[3 * x + 2] = planes[2 * w + x];
    }
}

int pk_image_resize(const struct pk_image *image, int width, int height, struct pk_image *out) {
    memset(out, 0, sizeof *out);
    if (width < 1 || height < 1 || (int64_t)width * height > PK_MAX_PIXELS)
        return pk_fail("a picture cannot be resized to %d x %d", width, height);
    struct pk_image made = {width, height, malloc((size_t)width * (size_t)height * 3)};
    if (!made.rgb) return pk_fail("out of memory for a picture of %d x %d", width, height);
    if (pk_resize_rows(image, width, height, 0, height, interleave, &made)) {
        pk_image_free(&made);
        return -1;
    }
    *out = made;
    return 0;
}
