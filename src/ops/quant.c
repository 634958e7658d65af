/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Quantisation: QuantizeLinear, DequantizeLinear and DynamicQuantizeLinear, and products in
 * integers, ConvInteger, QLinearConv and QLinearMatMul (MatMulInteger is in matmul.c).
 *
 * A scale is one value, one per slice of `axis`, or with block_size one per block along `axis`.
 * Types of 4 bits and below and 8-bit floats are unsupported.
 */
#include "ops/quant.h"

#include <inttypes.h>

#include "ops/access.h"
#include "ops/conv.h"
#include "ops/matmul.h"

#define DTYPES_QUANT (DTYPES_8BIT | DTYPES_OF(DT_I16) | DTYPES_OF(DT_U16))

/* Which element of a scale goes with element i of x. */
struct scaling {
    int64_t inner;  /* elements of x per step along the axis */
    int64_t extent; /* of the axis */
    int64_t block;  /* steps along the axis that share a scale */
    int64_t blocks; /* along the axis */
    bool whole;     /* one scale for all */
    bool by_block;  /* the other axes have scales of their own */
};

static int64_t scale_index(const struct scaling *s, int64_t i) {
    if (s->whole) return 0;
    int64_t at = i / s->inner % s->extent / s->block;
    if (!s->by_block) return at;
    return (i / s->inner / s->extent * s->blocks + at) * s->inner + i % s->inner;
}

/* Scale (input 1) and zero point (input 2) against x (input 0). */
static enum status scaling_init(const struct op_call *c, struct scaling *s) {
    const struct shape *x = &c->in[0].shape, *scale = &c->in[1].shape;
    int64_t block = node_int(c->node, "block_size", 0);
    OP_CHECK(c, block >= 0, STATUS_SHAPE, "attribute 'block_size' is %" PRId64, block);
    *s = (struct scaling){.whole = true};
    if (scale->rank < 0) return STATUS_OK;
    if (op_has_input(c, 2) && c->in[2].shape.rank >= 0) {
        char a[128], b[128];
        const struct shape *zero = &c->in[2].shape;
        bool both_single = shape_elements(zero) == 1 && shape_elements(scale) == 1;
        bool same = zero->rank == scale->rank;
        for (int i = 0; same && i < scale->rank; i++)
            same = zero->dim[i] == scale->dim[i] || zero->dim[i] < 0 || scale->dim[i] < 0;
        OP_CHECK(c, same || both_single, STATUS_SHAPE, "scale %s and zero point %s differ in shape",
                 shape_text(scale, a), shape_text(zero, b));
    }
    if (shape_elements(scale) == 1 || x->rank < 0) return STATUS_OK;
    int axis;
    TRY(op_axis(c, node_int(c->node, "axis", 1), x->rank, &axis));
    s->whole = false;
    if (!shape_known(x)) return STATUS_OK;
    s->inner = shape_product(x, axis + 1, x->rank);
    s->extent = x->dim[axis];
    s->block = block ? block : 1;
    s->blocks = (s->extent + s->block - 1) / s->block;
    s->by_block = block > 0;
    if (!block) {
        TRY(op_check_vector(c, 1, s->extent, "the axis"));
        return STATUS_OK;
    }
    TRY(op_check_rank(c, 1, x->rank, x->rank));
    for (int i = 0; i < x->rank; i++)
        TRY(op_check_dim(c, 1, i, i == axis ? s->blocks : x->dim[i], "blocks"));
    return STATUS_OK;
}

/* An ONNX element type as the attribute output_dtype gives it; 0 means the fallback. */
static enum status read_dtype(const struct op_call *c, const char *attr, enum dtype fallback,
                              enum dtype *out) {
    static const enum dtype types[] = {[1] = DT_F32, [2] = DT_U8,   [3] = DT_I8,   [4] = DT_U16,
                                       [5] = DT_I16, [6] = DT_I32,  [10] = DT_F16, [11] = DT_F64,
                                       [16] = DT_BF16};
    int64_t t = node_int(c->node, attr, 0);
    *out = t > 0 && t < (int64_t)(sizeof types / sizeof *types) ? types[t] : DT_NONE;
    if (!t) *out = fallback;
    OP_CHECK(c, !t || *out, STATUS_UNSUPPORTED, "attribute '%s' is the element type %" PRId64
             ", which is not supported here", attr, t);
    return STATUS_OK;
}

static enum status infer_quantize(struct op_call *c) {
    struct scaling s;
    TRY(op_check_dtype(c, 0, DTYPES_FLOAT | DTYPES_OF(DT_I32)));
    TRY(op_check_dtype(c, 1, DTYPES_FLOAT | DTYPES_OF(DT_I32)));
    TRY(op_check_dtype(c, 2, DTYPES_QUANT));
    TRY(scaling_init(c, &s));
    enum dtype t, precision;
    TRY(read_dtype(c, "precision", DT_F32, &precision));
    TRY(read_dtype(c, "output_dtype", op_has_input(c, 2) ? c->in[2].dtype : DT_U8, &t));
    OP_CHECK(c, !t || (DTYPES_QUANT & DTYPES_OF(t)), STATUS_UNSUPPORTED,
             "%s is not a quantised type", dtype_name(t));
    OP_CHECK(c, !op_has_input(c, 2) || !c->in[2].dtype || t == c->in[2].dtype, STATUS_SHAPE,
             "attribute 'output_dtype' says %s but the zero point is %s", dtype_name(t),
             dtype_name(c->in[2].dtype));
    op_output(c, 0, t, c->in[0].shape);
    return STATUS_OK;
}

/* A quotient in the precision the operator works in: rounding decides ties. */
static double divide(double a, double b, enum dtype t) {
    switch (t) {
    case DT_F16: return f16_to_f32(f32_to_f16((float)a / (float)b));
    case DT_BF16: return bf16_to_f32(f32_to_bf16((float)a / (float)b));
    case DT_F64: return a / b;
    default: return (double)((float)a / (float)b);
    }
}

static enum status run_quantize(struct op_call *c) {
    const struct view *x = &c->in[0], *scale = &c->in[1], *y = &c->out[0];
    struct scaling s;
    enum dtype precision;
    TRY(scaling_init(c, &s));
    TRY(read_dtype(c, "precision", dtype_is_float(scale->dtype) ? scale->dtype : DT_F32,
                   &precision));
    int64_t n = shape_elements(&x->shape);
    for (int64_t i = 0; i < n; i++) {
        int64_t k = scale_index(&s, i);
        double zero = op_has_input(c, 2) ? get(&c->in[2], k) : 0;
        set(y, i, quantize(divide(get(x, i), get(scale, k), precision), zero, y->dtype));
    }
    return STATUS_OK;
}

static const struct attr_spec quantize_attrs[] = {
    {"axis", ATTR_INT}, {"block_size", ATTR_INT}, {"output_dtype", ATTR_INT},
    {"precision", ATTR_INT}, {"saturate", ATTR_INT}, {NULL},
};

const struct op_def op_def_QuantizeLinear = {
    .name = "QuantizeLinear", .min_inputs = 2, .max_inputs = 3, .min_outputs = 1, .max_outputs = 1,
    .infer = infer_quantize, .run = run_quantize, .attrs = quantize_attrs,
};

static enum status infer_dequantize(struct op_call *c) {
    struct scaling s;
    TRY(op_check_dtype(c, 0, DTYPES_QUANT | DTYPES_OF(DT_I32)));
    TRY(op_check_dtype(c, 1, DTYPES_FLOAT));
    TRY(op_check_same_dtype(c, 0, 2));
    TRY(scaling_init(c, &s));
    enum dtype t;
    TRY(read_dtype(c, "output_dtype", c->in[1].dtype, &t));
    OP_CHECK(c, !t || dtype_is_float(t), STATUS_UNSUPPORTED, "attribute 'output_dtype' says %s",
             dtype_name(t));
    op_output(c, 0, t, c->in[0].shape);
    return STATUS_OK;
}

static enum status run_dequantize(struct op_call *c) {
    const struct view *x = &c->in[0];
    struct scaling s;
    TRY(scaling_init(c, &s));
    int64_t n = shape_elements(&x->shape);
    for (int64_t i = 0; i < n; i++) {
        int64_t k = scale_index(&s, i);
        double zero = op_has_input(c, 2) ? get(&c->in[2], k) : 0;
        set(&c->out[0], i, (get(x, i) - zero) * get(&c->in[1], k));
    }
    return STATUS_OK;
}

static const struct attr_spec dequantize_attrs[] = {
    {"axis", ATTR_INT}, {"block_size", ATTR_INT}, {"output_dtype", ATTR_INT}, {NULL},
};

const struct op_def op_def_DequantizeLinear = {
    .name = "DequantizeLinear", .min_inputs = 2, .max_inputs = 3, .min_outputs = 1,
    .max_outputs = 1, .infer = infer_dequantize, .run = run_dequantize, .attrs = dequantize_attrs,
};

/* ---- DynamicQuantizeLinear: f32 to u8 with a scale from the data's own range ---- */

static enum status infer_dynamic(struct op_call *c) {
    TRY(op_check_dtype(c, 0, DTYPES_OF(DT_F32)));
    op_output(c, 0, DT_U8, c->in[0].shape);
    op_output(c, 1, DT_F32, (struct shape){.rank = 0});
    op_output(c, 2, DT_U8, (struct shape){.rank = 0});
    return STATUS_OK;
}

static enum status run_dynamic(struct op_call *c) {
    const struct view *x = &c->in[0];
    int64_t n = shape_elements(&x->shape);
    float low = 0, high = 0; /* the range always includes zero */
    for (int64_t i = 0; i < n; i++) {
        float v = (float)get(x, i);
        if (v < low) low = v;
        if (v > high) high = v;
    }
    float scale = (high == low ? 1.0f : high - low) / 255.0f;
    double zero = quantize((double)(-low / scale), 0, DT_U8);
    for (int64_t i = 0; op_has_output(c, 0) && i < n; i++)
        set(&c->out[0], i, quantize((double)((float)get(x, i) / scale), zero, DT_U8));
    if (op_has_output(c, 1)) set(&c->out[1], 0, (double)scale);
    if (op_has_output(c, 2)) set(&c->out[2], 0, zero);
    return STATUS_OK;
}

const struct op_def op_def_DynamicQuantizeLinear = {
    .name = "DynamicQuantizeLinear", .min_inputs = 1, .max_inputs = 1, .min_outputs = 3,
    .max_outputs = 3, .infer = infer_dynamic, .run = run_dynamic,
};

/* ---- convolution in integers ---- */

/* Which inputs hold what; -1: the operator has no such input. */
struct conv_inputs {
    int w, x_zero, w_zero, bias, x_scale, w_scale, y_scale, y_zero;
};
static const struct conv_inputs integer_inputs = {1, 2, 3, -1, -1, -1, -1, -1};
static const struct conv_inputs linear_inputs = {3, 2, 5, 8, 1, 4, 6, 7};

static const struct conv_inputs *conv_inputs(const struct op_call *c) {
    return c->node->op == OP_ConvInteger ? &integer_inputs : &linear_inputs;
}

/* Element `at` of an optional input, which may be a single value. */
static double value(const struct op_call *c, int i, int64_t at, double fallback) {
    if (i < 0 || !op_has_input(c, i)) return fallback;
    return get(&c->in[i], shape_elements(&c->in[i].shape) == 1 ? 0 : at);
}

/* A scale or zero point is one value, or one per output channel where that is allowed. */
static enum status check_values(const struct op_call *c, int i, int64_t per, const char *what) {
    if (i < 0 || !op_has_input(c, i) || !shape_known(&c->in[i].shape)) return STATUS_OK;
    int64_t n = shape_elements(&c->in[i].shape);
    OP_CHECK(c, n == 1 || (per >= 0 && n == per), STATUS_SHAPE,
             "%s '%s' has %" PRId64 " values; one, or one per row or channel, is possible", what,
             c->in[i].name, n);
    return STATUS_OK;
}

static enum status infer_conv_quantised(struct op_call *c) {
    const struct conv_inputs *k = conv_inputs(c);
    const struct shape *x = &c->in[0].shape, *w = &c->in[k->w].shape;
    bool integer = c->node->op == OP_ConvInteger;
    TRY(op_check_dtype(c, 0, DTYPES_8BIT));
    TRY(op_check_dtype(c, k->w, DTYPES_8BIT));
    TRY(op_check_same_dtype(c, 0, k->x_zero));
    TRY(op_check_same_dtype(c, k->w, k->w_zero));
    struct shape s = shape_unknown();
    struct conv v = {.m = -1};
    if (x->rank >= 0 && w->rank >= 0) {
        TRY(conv_init(c, x, w, &v));
        s = conv_output_shape(&v);
    }
    TRY(check_values(c, k->x_zero, -1, "zero point"));
    TRY(check_values(c, k->w_zero, v.m, "zero point"));
    if (!integer) {
        TRY(op_check_dtype(c, k->y_zero, DTYPES_8BIT));
        TRY(op_check_dtype(c, k->bias, DTYPES_OF(DT_I32)));
        TRY(op_check_dtype(c, k->x_scale, DTYPES_OF(DT_F32)));
        TRY(op_check_dtype(c, k->w_scale, DTYPES_OF(DT_F32)));
        TRY(op_check_dtype(c, k->y_scale, DTYPES_OF(DT_F32)));
        TRY(check_values(c, k->x_scale, -1, "scale"));
        TRY(check_values(c, k->w_scale, v.m, "scale"));
        TRY(check_values(c, k->y_scale, -1, "scale"));
        TRY(check_values(c, k->y_zero, -1, "zero point"));
        TRY(op_check_vector(c, k->bias, v.m, "output channels"));
    }
    op_output(c, 0, integer ? DT_I32 : c->in[k->y_zero].dtype, s);
    return STATUS_OK;
}

static enum status run_conv_quantised(struct op_call *c) {
    const struct conv_inputs *k = conv_inputs(c);
    const struct view *y = &c->out[0];
    bool integer = c->node->op == OP_ConvInteger;
    struct conv v;
    TRY(conv_init(c, &c->in[0].shape, &c->in[k->w].shape, &v));
    struct window w3 = conv_window(&v);
    double x_zero = value(c, k->x_zero, 0, 0), sum[ROW_CHUNK];
    int64_t at = 0;
    for (int64_t row = 0; row < v.n * v.m * w3.out[0] * w3.out[1]; row++) {
        int64_t oh = row % w3.out[1], od = row / w3.out[1] % w3.out[0];
        int64_t m = row / w3.out[1] / w3.out[0] % v.m, n = row / w3.out[1] / w3.out[0] / v.m;
        float scale = integer
                          ? 1
                          : (float)value(c, k->x_scale, 0, 1) * (float)value(c, k->w_scale, m, 1) /
                                (float)value(c, k->y_scale, 0, 1);
        for (int64_t ow = 0; ow < w3.out[2]; ow += ROW_CHUNK) {
            int64_t count = w3.out[2] - ow < ROW_CHUNK ? w3.out[2] - ow : ROW_CHUNK;
            for (int64_t i = 0; i < count; i++) sum[i] = value(c, k->bias, m, 0);
            conv_row(&v, &w3, &c->in[0], x_zero, &c->in[k->w], value(c, k->w_zero, m, 0), n, m, od,
                     oh, ow, count, sum);
            for (int64_t i = 0; i < count; i++, at++) {
                if (integer) view_set_i64(y, at, (int64_t)sum[i]);
                else
                    set(y, at,
                        quantize((double)scale * sum[i], value(c, k->y_zero, 0, 0), y->dtype));
            }
        }
    }
    return STATUS_OK;
}

static int64_t macs_conv_quantised(const struct op_call *c) {
    struct conv v;
    const struct shape *x = &c->in[0].shape, *w = &c->in[conv_inputs(c)->w].shape;
    if (x->rank < 0 || w->rank < 0 || conv_init(c, x, w, &v) != STATUS_OK) return 0;
    return conv_macs(&v);
}

static const struct attr_spec conv_quantised_attrs[] = {WINDOW_ATTRS, {"group", ATTR_INT}, {NULL}};

const struct op_def op_def_ConvInteger = {
    .name = "ConvInteger", .min_inputs = 2, .max_inputs = 4, .min_outputs = 1, .max_outputs = 1,
    .infer = infer_conv_quantised, .run = run_conv_quantised, .attrs = conv_quantised_attrs,
    .macs = macs_conv_quantised,
};
const struct op_def op_def_QLinearConv = {
    .name = "QLinearConv", .min_inputs = 8, .max_inputs = 9, .min_outputs = 1, .max_outputs = 1,
    .infer = infer_conv_quantised, .run = run_conv_quantised, .attrs = conv_quantised_attrs,
    .macs = macs_conv_quantised,
};

/* ---- QLinearMatMul: a, its scale and zero point, b likewise, then those of y ---- */

static enum status infer_qlinear_matmul(struct op_call *c) {
    TRY(op_check_dtype(c, 0, DTYPES_8BIT));
    TRY(op_check_dtype(c, 3, DTYPES_8BIT));
    TRY(op_check_same_dtype(c, 0, 2));
    TRY(op_check_same_dtype(c, 3, 5));
    TRY(op_check_dtype(c, 7, DTYPES_8BIT));
    struct matmul v = {.m = -1, .n = -1, .out = shape_unknown()};
    if (c->in[0].shape.rank >= 0 && c->in[3].shape.rank >= 0)
        TRY(matmul_init(c, &c->in[0].shape, &c->in[3].shape, &v));
    static const int scales[] = {1, 4, 6}, zeros[] = {2, 5, 7};
    const int64_t per[] = {v.m, v.n, -1}; /* a: per row; b: per column; y: one */
    for (int i = 0; i < 3; i++) {
        TRY(op_check_dtype(c, scales[i], DTYPES_FLOAT));
        TRY(check_values(c, scales[i], per[i], "scale"));
        TRY(check_values(c, zeros[i], per[i], "zero point"));
    }
    op_output(c, 0, c->in[7].dtype, v.out);
    return STATUS_OK;
}

static enum status run_qlinear_matmul(struct op_call *c) {
    const struct view *a = &c->in[0], *b = &c->in[3], *y = &c->out[0];
    struct matmul v;
    TRY(matmul_init(c, &a->shape, &b->shape, &v));
    int64_t batches = shape_elements(&v.batch), at = 0;
    for (int64_t p = 0; p < batches; p++) {
        int64_t a0 = broadcast_index(&v.batch, &v.a_batch, p) * v.m * v.k;
        int64_t b0 = broadcast_index(&v.batch, &v.b_batch, p) * v.k * v.n;
        for (int64_t m = 0; m < v.m; m++)
            for (int64_t n = 0; n < v.n; n++, at++) {
                int64_t za = (int64_t)value(c, 2, m, 0), zb = (int64_t)value(c, 5, n, 0), sum = 0;
                for (int64_t k = 0; k < v.k; k++)
                    sum += (view_get_i64(a, a0 + m * v.k + k) - za) *
                           (view_get_i64(b, b0 + k * v.n + n) - zb);
                float scale = (float)value(c, 1, m, 1) * (float)value(c, 4, n, 1) /
                              (float)value(c, 6, 0, 1);
                set(y, at, quantize((double)scale * (double)sum, value(c, 7, 0, 0), y->dtype));
            }
    }
    return STATUS_OK;
}

static int64_t macs_qlinear_matmul(const struct op_call *c) {
    struct matmul v;
    if (c->in[0].shape.rank < 0 || c->in[3].shape.rank < 0 ||
        matmul_init(c, &c->in[0].shape, &c->in[3].shape, &v) != STATUS_OK)
        return 0;
    return matmul_macs(&v);
}

const struct op_def op_def_QLinearMatMul = {
    .name = "QLinearMatMul", .min_inputs = 8, .max_inputs = 8, .min_outputs = 1, .max_outputs = 1,
    .infer = infer_qlinear_matmul, .run = run_qlinear_matmul, .macs = macs_qlinear_matmul,
};
