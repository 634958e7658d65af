/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bilinear resizing as OpenCV's INTER_LINEAR does it for 8-bit pictures: half-pixel centres, weights
 * rounded to 11 bits, a horizontal pass into integers, a vertical pass that rounds once.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "internal.h"

enum { BITS = 11, ONE = 1 << BITS };

/* Left source index and the two weights of each output coordinate. */
static void make_axis(int in, int out, int *index, short *weight) {
    double scale = (double)in / out;
    for (int i = 0; i < out; i++) {
        float at = (float)((i + 0.5) * scale - 0.5);
        int left = (int)floorf(at);
        float fraction = at - (float)left;
        if (left < 0) left = 0, fraction = 0;
        if (left >= in - 1) left = in - 1, fraction = 0;
        index[i] = left;
        weight[2 * i] = (short)lrintf((1 - fraction) * ONE);
        weight[2 * i + 1] = (short)lrintf(fraction * ONE);
    }
}

/* One source row, resized along x into width * 3 integers of scale ONE. */
static void row_pass(const uint8_t *src, int in, int width, const int *index, const short *weight,
                     int *out) {
    for (int x = 0; x < width; x++) {
        const uint8_t *p = src + 3 * index[x];
        const uint8_t *q = index[x] + 1 < in ? p + 3 : p;
        int a = weight[2 * x], b = weight[2 * x + 1];
        out[3 * x] = p[0] * a + q[0] * b;
        out[3 * x + 1] = p[1] * a + q[1] * b;
        out[3 * x + 2] = p[2] * a + q[2] * b;
    }
}

int pk_image_resize(const struct pk_image *image, int width, int height, struct pk_image *out) {
    memset(out, 0, sizeof *out);
    if (width < 1 || height < 1 || (int64_t)width * height > PK_MAX_PIXELS)
        return pk_fail("a picture cannot be resized to %d x %d", width, height);
    size_t w = (size_t)width, h = (size_t)height;
    int *index = malloc((w + h) * sizeof *index);
    short *weight = malloc(2 * (w + h) * sizeof *weight);
    int *rows = malloc(2 * 3 * w * sizeof *rows);
    uint8_t *rgb = malloc(w * h * 3);
    if (!index || !weight || !rows || !rgb) {
        free(index);
        free(weight);
        free(rows);
        free(rgb);
        return pk_fail("out of memory for a picture of %d x %d", width, height);
    }
    int *index_y = index + w, *row[2] = {rows, rows + 3 * w}, held[2] = {-1, -1};
    short *weight_y = weight + 2 * w;
    make_axis(image->width, width, index, weight);
    make_axis(image->height, height, index_y, weight_y);
    for (size_t y = 0; y < h; y++) {
        /* The two source rows of this output row; rows already resized are kept. */
        int want[2] = {index_y[y], index_y[y] + 1 < image->height ? index_y[y] + 1 : index_y[y]};
        if (held[0] != want[0] && held[1] == want[0]) {
            int *swap = row[0];
            row[0] = row[1];
            row[1] = swap;
            held[1] = held[0];
            held[0] = want[0];
        }
        for (int k = 0; k < 2; k++)
            if (held[k] != want[k]) {
                row_pass(image->rgb + (size_t)want[k] * (size_t)image->width * 3, image->width, width,
                         index, weight, row[k]);
                held[k] = want[k];
            }
        int a = weight_y[2 * y], b = weight_y[2 * y + 1];
        uint8_t *to = rgb + y * w * 3;
        for (size_t i = 0; i < 3 * w; i++)
            to[i] = (uint8_t)((((a * (row[0][i] >> 4)) >> 16) + ((b * (row[1][i] >> 4)) >> 16) + 2) >> 2);
    }
    free(index);
    free(weight);
    free(rows);
    *out = (struct pk_image){width, height, rgb};
    return 0;
}
