/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Element access and small checks that the neural-network operators share.
 *
 * get() and set() are view_get_f64() and view_set_f64() with the common case, f32, in line, which
 * is what keeps reference kernels from being absurdly slow without a second copy of each loop.
 */
#ifndef PK_OPS_ACCESS_H
#define PK_OPS_ACCESS_H

#include "base/alloc.h"
#include "ops/op.h"

static inline double get(const struct view *v, int64_t i) {
    return v->dtype == DT_F32 ? (double)((const float *)v->data)[i] : view_get_f64(v, i);
}
static inline void set(const struct view *v, int64_t i, double x) {
    if (v->dtype == DT_F32) ((float *)v->data)[i] = (float)x;
    else view_set_f64(v, i, x);
}

/* sum[i] += w * (v[at + i * step] - zero), i < n: the inner loop of every product of tensors. Only
 * integers have zero points. */
static inline void add_scaled(double *sum, int64_t n, double w, const struct view *v, int64_t at,
                              int64_t step, double zero) {
    if (v->dtype == DT_F32) {
        const float *x = (const float *)v->data + at;
        if (step == 1)
            for (int64_t i = 0; i < n; i++) sum[i] += w * (double)x[i];
        else
            for (int64_t i = 0; i < n; i++) sum[i] += w * (double)x[i * step];
    } else {
        for (int64_t i = 0; i < n; i++) sum[i] += w * (view_get_f64(v, at + i * step) - zero);
    }
}

/* How many sums a kernel keeps on its stack while it walks along a row. */
enum { ROW_CHUNK = 512 };

#define DTYPES_OF(t) (1u << (t))
#define DTYPES_FLOAT                                                                               \
    (DTYPES_OF(DT_F32) | DTYPES_OF(DT_F16) | DTYPES_OF(DT_BF16) | DTYPES_OF(DT_F64))
#define DTYPES_INT                                                                                 \
    (DTYPES_OF(DT_I8) | DTYPES_OF(DT_U8) | DTYPES_OF(DT_I16) | DTYPES_OF(DT_U16) |                 \
     DTYPES_OF(DT_I32) | DTYPES_OF(DT_U32) | DTYPES_OF(DT_I64) | DTYPES_OF(DT_U64))
#define DTYPES_8BIT (DTYPES_OF(DT_I8) | DTYPES_OF(DT_U8))

/* Each of these lets what is not known yet pass, and inputs left out. */
/* Input i has one of the dtypes in the mask. */
enum status op_check_dtype(const struct op_call *c, int i, unsigned mask);
/* Inputs i and j have the same dtype. */
enum status op_check_same_dtype(const struct op_call *c, int i, int j);
/* Input i has a rank in low..high. */
enum status op_check_rank(const struct op_call *c, int i, int low, int high);
/* Dimension d of input i is `want`; `what` names it in the message. */
enum status op_check_dim(const struct op_call *c, int i, int d, int64_t want, const char *what);
/* Input i is one-dimensional with `want` elements (want -1: any number). */
enum status op_check_vector(const struct op_call *c, int i, int64_t want, const char *what);

/* Where element i of a tensor of shape `full` finds its value in one of shape `part`, broadcast to
 * it. */
int64_t broadcast_index(const struct shape *full, const struct shape *part, int64_t i);

/* The known one of two dimensions. */
static inline int64_t dim_known(int64_t a, int64_t b) { return a >= 0 ? a : b; }
/* Product of dimensions from..to-1; -1 if one is unknown or it overflows. */
int64_t shape_product(const struct shape *s, int from, int to);
/* a*b for multiply-add counts: 0 when either is unknown or it overflows. */
int64_t macs_mul(int64_t a, int64_t b);

#endif
