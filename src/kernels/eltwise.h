/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Element by element: activations, unary and binary arithmetic on f32.
 *
 * Every function works on flat ranges, so the planner cuts work at any element; on the blocked
 * layout it hands over whole planes (padding lanes are computed like the others: operators for
 * which that could leave NaN or inf there are marked "blocked: no" below). The destination may be
 * exactly a source, but must not overlap one otherwise. No alignment is needed, nothing outside
 * the range is read, nothing is allocated.
 *
 *     k->unary[UNARY_SWISH](x, y, n, 1.0f, 0);
 *     k->binary[BINARY_ADD].channel(x + p * pixels * b, scale + block * b, y + ..., pixels);
 *
 * Accuracy: exp, sigmoid, tanh, erf and what is made of them within 3e-7 of the exact value
 * relative to max(|result|, the function's range); arithmetic and rounding exact.
 */
#ifndef PK_KERNELS_ELTWISE_H
#define PK_KERNELS_ELTWISE_H

#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

/* UNARY(identifier, name in lower case, formula of x and the parameters a, b) */
#define UNARY_TABLE(UNARY)                                                                         \
    UNARY(RELU, relu)                 /* max(x, 0) */                                              \
    UNARY(LEAKY_RELU, leaky_relu)     /* x < 0 ? a x : x */                                        \
    UNARY(THRESHOLDED_RELU, thresholded_relu) /* x > a ? x : 0 */                                  \
    UNARY(CLIP, clip)                 /* min(max(x, a), b) */                                      \
    UNARY(SIGMOID, sigmoid)                                                                        \
    UNARY(HARD_SIGMOID, hard_sigmoid) /* min(max(a x + b, 0), 1) */                                \
    UNARY(HARD_SWISH, hard_swish)     /* x min(max(x / 6 + 1/2, 0), 1) */                          \
    UNARY(SWISH, swish)               /* x sigmoid(a x); a = 1 is SiLU */                          \
    UNARY(TANH, tanh)                                                                              \
    UNARY(MISH, mish)                 /* x tanh(softplus(x)) */                                    \
    UNARY(GELU, gelu)                 /* x (1 + erf(x / sqrt(2))) / 2 */                           \
    UNARY(GELU_TANH, gelu_tanh)       /* with the tanh approximation */                            \
    UNARY(ELU, elu)                   /* x < 0 ? a (exp(x) - 1) : x */                             \
    UNARY(SELU, selu)                 /* b (x < 0 ? a (exp(x) - 1) : x) */                         \
    UNARY(CELU, celu)                 /* max(x, 0) + min(0, a (exp(x / a) - 1)) */                 \
    UNARY(SOFTPLUS, softplus)         /* log(1 + exp(x)) */                                        \
    UNARY(SOFTSIGN, softsign)         /* x / (1 + |x|) */                                          \
    UNARY(EXP, exp)                                                                                \
    UNARY(LOG, log)                   /* blocked: no */                                            \
    UNARY(SQRT, sqrt)                 /* blocked: no */                                            \
    UNARY(RECIPROCAL, reciprocal)     /* blocked: no */                                            \
    UNARY(NEG, neg)                                                                                \
    UNARY(ABS, abs)                                                                                \
    UNARY(SIGN, sign)                                                                              \
    UNARY(FLOOR, floor)                                                                            \
    UNARY(CEIL, ceil)                                                                              \
    UNARY(ROUND, round)               /* half to even */                                           \
    UNARY(ERF, erf)                                                                                \
    UNARY(SQUARE, square)                                                                          \
    UNARY(AFFINE, affine)             /* a x + b */                                                \
    UNARY(POW, pow)                   /* x to the power a; blocked: no for a < 0 */                \
    UNARY(SIN, sin)                                                                                \
    UNARY(COS, cos)

enum unary_op {
#define UNARY(id, name) UNARY_##id,
    UNARY_TABLE(UNARY)
#undef UNARY
    UNARY_COUNT
};

/* y[i] = f(x[i]), i < n. */
typedef void (*unary_fn)(const float *x, float *y, size_t n, float a, float b);

/* BINARY(identifier, name, formula of x and y). Padding lanes of blocked tensors are 0 in x and y
 * as the planner keeps them; div and pow would leave NaN there, so give them plain layouts or a
 * channel operand whose padding lanes are 1. */
#define BINARY_TABLE(BINARY)                                                                       \
    BINARY(ADD, add)                                                                               \
    BINARY(SUB, sub)                                                                               \
    BINARY(MUL, mul)                                                                               \
    BINARY(DIV, div)                                                                               \
    BINARY(MAX, max)                                                                               \
    BINARY(MIN, min)                                                                               \
    BINARY(POW, pow)                                                                               \
    BINARY(PRELU, prelu) /* x < 0 ? x y : x */

enum binary_op {
#define BINARY(id, name) BINARY_##id,
    BINARY_TABLE(BINARY)
#undef BINARY
    BINARY_COUNT
};

/* The ways one operator meets its operands; z is the destination. */
struct binary_fns {
    void (*flat)(const float *x, const float *y, float *z, size_t n);
    void (*scalar)(const float *x, float y, float *z, size_t n);
    void (*scalar_left)(float x, const float *y, float *z, size_t n);
    /* Blocked: n_pixels of b lanes (op) one vector of b lanes, the same at each pixel; in
     * channel_left x is that vector. */
    void (*channel)(const float *x, const float *y, float *z, size_t n_pixels);
    void (*channel_left)(const float *x, const float *y, float *z, size_t n_pixels);
};

/* Any NumPy broadcast of two operands into a contiguous destination. Made by
 * eltwise_broadcast_init(), which merges dimensions so that the innermost is long. */
enum { ELTWISE_MAX_RANK = 8 };
struct eltwise_broadcast {
    enum binary_op op;
    const float *x, *y;
    float *z;
    int rank; /* at least 1; the last dimension is the row */
    int64_t dim[ELTWISE_MAX_RANK];
    int64_t x_stride[ELTWISE_MAX_RANK]; /* elements; 0 where broadcast */
    int64_t y_stride[ELTWISE_MAX_RANK];
    int64_t n_rows; /* product of all dimensions but the last */
};

struct eltwise_kernels {
    unary_fn unary[UNARY_COUNT];
    struct binary_fns binary[BINARY_COUNT];
    /* Rows [begin, end) of the destination. */
    void (*broadcast)(const struct eltwise_broadcast *a, int64_t row_begin, int64_t row_end);
    /* z = act(op(x, y)) in one pass through the cache; act as in unary[]. */
    void (*flat_then_unary)(enum binary_op op, const float *x, const float *y, float *z, size_t n,
                            enum unary_op act, float a, float b);
    /* z[i] = condition[i] ? x[i] : y[i]; a stride of 0 repeats element 0 of that operand. */
    void (*where)(const uint8_t *condition, const float *x, int x_stride, const float *y,
                  int y_stride, float *z, size_t n);
};

/* Fills everything but the pointers. Shapes are right-aligned as ONNX broadcasts; `dims` is the
 * shape of the result. STATUS_SHAPE if an operand does not fit. */
enum status eltwise_broadcast_init(struct eltwise_broadcast *a, enum binary_op op, int rank,
                                   const int64_t *dims, int x_rank, const int64_t *x_dims,
                                   int y_rank, const int64_t *y_dims);

#endif
