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
 * Where a run chooses the height and width the network gets, a static node has no attribute
 * `src_image_size`: the shape of the pictures says it. A dynamic one has no attribute `output`, and
 * its input 0 is [N,4,H,W] for an output [N,channels,H,W], room for any format of that size.
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

#include "base/aipp.h"
#include "ops/op.h"

/* [n,H,W,C] whose product is the bytes of n pictures: YUV420SP has rows h * 3 / 2 of one byte. */
struct shape aipp_picture_shape(int format, int64_t n, int64_t h, int64_t w);

/* STATUS_ARGUMENT with a sentence unless the parameters make sense. */
enum status aipp_check(const struct aipp *a);

/* What the attributes of a static node say, checked: as the configuration had it, and as it is to
 * be run, with the attributes `scale` and `offset` worked into var_reci and min. Those two, a
 * number for each channel, are what passes fold of the operators behind: y * scale + offset.
 * picture: the shape of input 0, which says the size where that is open; where it does not either,
 * or is NULL, src_w and src_h are 0. */
enum status aipp_declared(const struct node *n, const struct shape *picture, struct aipp *out);
enum status aipp_from_node(const struct node *n, const struct shape *picture, struct aipp *out);
/* Whether padding and numbers allow these to be set; they replace what is there. */
bool aipp_can_fold(const struct node *n, int channels, const double *scale, const double *offset);
enum status aipp_set_folded(struct graph *g, int node, int channels, const double *scale,
                            const double *offset);
/* What is there: 1 and 0 where nothing was folded. False for a node that takes nothing: dynamic, or
 * giving bytes. */
bool aipp_folded(const struct node *n, int channels, double scale[static 4],
                 double offset[static 4]);
enum status aipp_to_node(struct graph *g, int node, const struct aipp *a);
/* Picture `image` of a parameter block of `bytes` bytes, for an output of so many channels;
 * checked, but not against the size of the picture's memory. */
enum status aipp_from_block(const void *block, size_t bytes, int image, int channels,
                            struct aipp *out);

/* The same, and what a run asks of it besides: it makes pictures of the size of `made`, and the
 * memory of all pictures, of `have` bytes, has them. *bytes: of one picture. */
enum status aipp_for_picture(const void *block, size_t block_bytes, int image, int64_t have,
                             const struct shape *made, struct aipp *out, int64_t *bytes);
/* The Aipp node that reads tensor `t` as its input 0 (or 1); NULL if there is none. */
const struct node *aipp_node_of(const struct graph *g, int t, int input);

/* One picture by the formulas, plainly. Output is planar, of the size aipp_output_size() says. */
void aipp_reference(const struct aipp *a, const uint8_t *src, float *dst);

#endif
