/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Softmax, normalisation, reductions and arg-max on plain (not blocked) f32 tensors, plus instance
 * norm on the blocked layout.
 *
 * "Rows" functions work on contiguous rows of n: row r begins at src + r * n, and the planner cuts
 * by moving pointers and the count. "Strided" functions reduce the middle of [outer][n][inner]: a
 * call gets one outer index and a run of `count` neighbouring inner columns; element k of a column
 * is `stride` (= inner) floats after element k-1. Where the result has the shape of the source,
 * src == dst is allowed.
 */
#ifndef PK_KERNELS_REDUCE_H
#define PK_KERNELS_REDUCE_H

#include <stddef.h>
#include <stdint.h>

enum reduce_op {
    REDUCE_SUM,
    REDUCE_MEAN,
    REDUCE_MAX,
    REDUCE_MIN,
    REDUCE_PROD,
    REDUCE_SUM_SQUARE,
    REDUCE_L1,
    REDUCE_L2,
    REDUCE_LOG_SUM_EXP,
    REDUCE_COUNT
};

/* n is at least 1 everywhere. gamma and beta may be NULL: 1 and 0. */
struct reduce_kernels {
    void (*softmax_rows)(const float *src, float *dst, int64_t rows, int64_t n);
    void (*log_softmax_rows)(const float *src, float *dst, int64_t rows, int64_t n);
    void (*softmax_strided)(const float *src, float *dst, int64_t n, int64_t stride, int64_t count);
    void (*log_softmax_strided)(const float *src, float *dst, int64_t n, int64_t stride,
                                int64_t count);

    /* dst[r] = op(row r). */
    void (*rows[REDUCE_COUNT])(const float *src, float *dst, int64_t rows, int64_t n);
    /* dst[j] = op over the column j, j < count. */
    void (*strided[REDUCE_COUNT])(const float *src, float *dst, int64_t n, int64_t stride,
                                  int64_t count);

    /* Index of the largest (smallest) element of each row or column; of equal ones the first, or
     * the last if `last`. */
    void (*argmax_rows)(const float *src, int64_t *dst, int64_t rows, int64_t n, int last);
    void (*argmin_rows)(const float *src, int64_t *dst, int64_t rows, int64_t n, int last);
    void (*argmax_strided)(const float *src, int64_t *dst, int64_t n, int64_t stride, int64_t count,
                           int last);
    void (*argmin_strided)(const float *src, int64_t *dst, int64_t n, int64_t stride, int64_t count,
                           int last);

    /* (x - mean) / sqrt(variance + epsilon) * gamma[i] + beta[i] over each row; mean and inverse
     * deviation of row r go to mean[r] and inverse[r] unless NULL. */
    void (*layer_norm)(const float *src, float *dst, int64_t rows, int64_t n, const float *gamma,
                       const float *beta, float epsilon, float *mean, float *inverse);
    /* x / sqrt(mean of squares + epsilon) * gamma[i]. */
    void (*rms_norm)(const float *src, float *dst, int64_t rows, int64_t n, const float *gamma,
                     float epsilon);
    /* One group of an image: n_channels planes of `pixels` floats lie contiguous and share mean
     * and variance; gamma and beta have one entry a channel. n_channels = 1 is instance norm. */
    void (*group_norm)(const float *src, float *dst, int64_t n_channels, int64_t pixels,
                       const float *gamma, const float *beta, float epsilon);
    /* Instance norm of one block plane: pixels of b lanes, each lane by itself; gamma and beta
     * have b entries. */
    void (*instance_norm_block)(const float *src, float *dst, int64_t pixels, const float *gamma,
                                const float *beta, float epsilon);
};

#endif
