/* SPDX-License-Identifier: Apache-2.0 */
/*
 * AIPP: from the bytes of a picture to the tensor a network takes.
 *
 * The operator Aipp stands in front of an input of the graph; output 0 is [N,C,H,W], f32, or u8
 * without normalisation. With static AIPP input 0 is the pictures, u8 of the shape that
 * aipp_picture_shape() gives, and the attributes say what happens. With dynamic AIPP input 0 is
 * [N, bytes], room for N pictures of any size one behind the other, and input 1 is the parameter
 * block a program fills for each run.
 *
 *     swap of channels -> crop -> colour conversion -> resize -> (x - mean - min) * var_reci -> pad
 *
 * Whether the colours of the format are YUV decides which of the two conversions is meant:
 *                    YUV to RGB  out = (M * (in - input_bias)) >> 8
 *                    RGB to YUV  out = ((M * in) >> 8) + output_bias      clamped to 0..255
 * Resizing is bilinear with the centres of pixels at their halves: output i of n lies at
 * p = ((2i + 1) * in * 1024) / n - 1024, rounded down, in units of 1/2048 of a pixel, cut to
 * 0..(in - 1) * 2048; the four pixels around it are weighted with 2048ths, and the sum is rounded.
 */
#ifndef PK_OPS_AIPP_H
#define PK_OPS_AIPP_H

#include "ops/op.h"

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

const char *aipp_format_name(int format); /* NULL if there is none */
int aipp_format_find(const char *name);   /* 0 if there is none */
int aipp_format_channels(int format);
bool aipp_format_is_yuv(int format);
/* [n,H,W,C] whose product is the bytes of n pictures: YUV420SP has rows h * 3 / 2 of one byte. */
struct shape aipp_picture_shape(int format, int64_t n, int64_t h, int64_t w);

/* Without cropping, padding or conversion; mean and min 0, var_reci 1. */
void aipp_init(struct aipp *a, int format, int w, int h);
/* STATUS_ARGUMENT with a sentence unless the parameters make sense. */
enum status aipp_check(const struct aipp *a);
void aipp_output_size(const struct aipp *a, int *w, int *h);

/* What the attributes of a static node say, checked. */
enum status aipp_from_node(const struct node *n, struct aipp *out);
enum status aipp_to_node(struct graph *g, int node, const struct aipp *a);
/* Picture `image` of a parameter block of `bytes` bytes, for an output of so many channels;
 * checked, but not against the size of the picture's memory. */
enum status aipp_from_block(const void *block, size_t bytes, int image, int channels,
                            struct aipp *out);

/* The Aipp node that reads tensor `t` as its input 0 (or 1); NULL if there is none. */
const struct node *aipp_node_of(const struct graph *g, int t, int input);

/* One picture by the formulas, plainly. Output is planar, of the size aipp_output_size() says. */
void aipp_reference(const struct aipp *a, const uint8_t *src, float *dst);

/* Position of output i of n along an axis of `in` pixels, in 1/2048 of a pixel. */
static inline int32_t aipp_position(int i, int n, int in) {
    int64_t p = (2 * (int64_t)i + 1) * in * 1024 / n - 1024, last = (int64_t)(in - 1) * 2048;
    return (int32_t)(p < 0 ? 0 : p > last ? last : p);
}

#endif
