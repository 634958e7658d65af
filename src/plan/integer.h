/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Products of 8-bit integers on the f32 kernels: what lower_conv_integer.c and
 * lower_matmul_integer.c share.
 *
 * Zero points are taken off first; what is left are integers, and sums of products of integers are
 * exact in f32 as long as they stay below 2^24. That is checked against the weights of every output
 * channel; where it could fail, the reference kernel runs. The exact sums are scaled by the
 * reference kernel's own arithmetic, so that both give the same bytes.
 */
#ifndef PK_PLAN_INTEGER_H
#define PK_PLAN_INTEGER_H

#include "kernels/quant.h"
#include "plan/plan.h"

/* The weights, [out][each] by the two steps, without their zero point (NULL: 0; one, or one for
 * each `out`), as floats in the weights' own order; false when a sum could leave 2^24. */
struct integer_weights {
    const struct tensor *w, *zero;
    int64_t out, each, out_step, each_step;
};
bool plan_widen_weights(const struct integer_weights *w, float *to);

/* Whether input i, of 8 bits, and its zero point, input `zero`, can be widened. */
bool plan_can_widen(const struct plan *s, const struct node *n, int i, int zero);
/* Input i without its zero point, as plain floats in a buffer of its own. */
enum status plan_widen(struct plan *s, const struct node *n, int i, int zero, struct value *to);

/* The Cast to f32 that is the only reader of tensor y; NULL if there is none. */
const struct node *plan_only_cast(const struct plan *s, int y);
/* Exact sums in plain floats to tensor y as i32. */
enum status plan_narrow(struct plan *s, const struct node *n, const struct value *sums, int y);

/* Exact sums to the 8 bits of the output: rows, each of one channel or with a channel for each
 * column. */
struct requantise {
    struct ref src, dst;
    int64_t rows, row;
    int channels;
    bool by_column;
    struct quant_range to;
    const float *scale;  /* per channel */
    const int32_t *bias; /* per channel */
    void (*run)(const float *, uint8_t *, size_t, const float *, const int32_t *, int,
                const struct quant_range *);
};
/* Scales, bias and zero point of a QLinearConv or QLinearMatMul, whose inputs 1, 4, 6, 7 and 8 they
 * are; false if one of them is not a constant, or not one for all or for a channel, or a scale is
 * out of range: then products may be NaN, which the reference kernel sees to. */
enum status plan_read_requantise(struct plan *s, const struct node *n, int channels,
                                 struct requantise *r, bool *ok);
/* `r` with rows, row and by_column set. */
enum status plan_requantise(struct plan *s, const struct node *n, const struct requantise *r,
                            const struct value *sums, int y);

#endif
