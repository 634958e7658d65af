/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Conv, over one, two or three spatial dimensions.
 *
 * Beside ONNX's attributes a Conv may carry what the passes fused into it:
 *
 *     activation, activation_alpha, activation_beta    see ops/activation.h
 *     input 3, `residual`                              a tensor of the output's shape, added
 *     residual_after_activation                        int; 0 (default): activation(conv +
 * residual) 1: activation(conv) + residual
 *
 * Inputs: X (N, C, spatial...), W (M, C/group, kernel...), B (M) optional, residual optional.
 */
#include "ops/conv.h"

#include <inttypes.h>

#include "ops/access.h"
#include "ops/activation.h"

enum status conv_init(const struct op_call *c, const struct shape *x, const struct shape *w,
                      struct conv *out) {
    char tx[128], tw[128];
    OP_CHECK(c, x->rank == w->rank, STATUS_SHAPE, "input %s and weight %s differ in rank",
             shape_text(x, tx), shape_text(w, tw));
    OP_CHECK(c, x->rank >= 3, STATUS_SHAPE, "input %s has no spatial dimension", shape_text(x, tx));
    OP_CHECK(c, x->rank <= 2 + WINDOW_MAX, STATUS_UNSUPPORTED,
             "input %s has more than %d spatial dimensions", shape_text(x, tx), WINDOW_MAX);
    int64_t kernel[WINDOW_MAX];
    for (int i = 2; i < w->rank; i++) kernel[i - 2] = w->dim[i];
    TRY(window_kernel(c, x->rank - 2, kernel));
    *out = (struct conv){.n = x->dim[0], .c = x->dim[1], .m = w->dim[0]};
    TRY(window_init(c, x, kernel, false, &out->window));
    out->groups = node_int(c->node, "group", 1);
    OP_CHECK(c, out->groups >= 1, STATUS_SHAPE, "attribute 'group' is %" PRId64, out->groups);
    int64_t per_group = w->dim[1], expected;
    if (out->c < 0 && per_group >= 0) {
        OP_CHECK(c, i64_mul(per_group, out->groups, &expected), STATUS_LIMIT,
                 "attribute 'group' is %" PRId64, out->groups);
        out->c = expected;
    }
    OP_CHECK(c, out->c < 0 || out->c % out->groups == 0, STATUS_SHAPE,
             "%" PRId64 " input channels do not divide into %" PRId64 " groups", out->c,
             out->groups);
    OP_CHECK(c, out->m < 0 || out->m % out->groups == 0, STATUS_SHAPE,
             "%" PRId64 " output channels do not divide into %" PRId64 " groups", out->m,
             out->groups);
    OP_CHECK(c, out->c < 0 || per_group < 0 || out->c / out->groups == per_group, STATUS_SHAPE,
             "input %s has %" PRId64 " channels in %" PRId64 " groups; weight %s expects %" PRId64
             " per group", shape_text(x, tx), out->c, out->groups, shape_text(w, tw), per_group);
    return STATUS_OK;
}

struct shape conv_output_shape(const struct conv *v) {
    struct shape s = {.rank = 2 + v->window.n, .dim = {v->n, v->m}};
    for (int i = 0; i < v->window.n; i++) s.dim[2 + i] = v->window.out[i];
    return s;
}

int64_t conv_macs(const struct conv *v) {
    int64_t macs = macs_mul(macs_mul(v->n, v->m), v->c < 0 ? -1 : v->c / v->groups);
    for (int i = 0; i < v->window.n; i++)
        macs = macs_mul(macs, macs_mul(v->window.kernel[i], v->window.out[i]));
    return macs;
}

struct window conv_window(const struct conv *v) {
    struct window w = window_3d(&v->window);
    for (int i = 0; i < WINDOW_MAX; i++)
        if (w.kernel[i] != 1 || w.stride[i] != 1 || w.begin[i] || w.end[i]) return w;
    w.in[2] *= w.in[0] * w.in[1]; /* elements of one channel: bounded by the input's size */
    w.out[2] = w.in[2];
    w.in[0] = w.in[1] = w.out[0] = w.out[1] = 1;
    return w;
}

void conv_row(const struct conv *v, const struct window *w3, const struct view *x, double x_zero,
              const struct view *w, double w_zero, int64_t n, int64_t m, int64_t od, int64_t oh,
              int64_t ow0, int64_t count, double *sum) {
    int64_t c_group = v->c / v->groups, c0 = m / (v->m / v->groups) * c_group;
    const int64_t *k = w3->kernel, *in = w3->in;
    int64_t s = w3->stride[2], dilation = w3->dilation[2];
    int64_t d_lo, d_hi, h_lo, h_hi;
    window_clip(w3, 0, od, &d_lo, &d_hi);
    window_clip(w3, 1, oh, &h_lo, &h_hi);
    for (int64_t ic = 0; ic < c_group; ic++) {
        for (int64_t kd = d_lo; kd < d_hi; kd++) {
            for (int64_t kh = h_lo; kh < h_hi; kh++) {
                int64_t d = od * w3->stride[0] - w3->begin[0] + kd * w3->dilation[0];
                int64_t h = oh * w3->stride[1] - w3->begin[1] + kh * w3->dilation[1];
                int64_t row = (((n * v->c + c0 + ic) * in[0] + d) * in[1] + h) * in[2];
                int64_t tap = (((m * c_group + ic) * k[0] + kd) * k[1] + kh) * k[2];
                for (int64_t kw = 0; kw < k[2]; kw++) {
                    /* Outputs first..last-1 of the row read inside the input with this tap. */
                    int64_t start = ow0 * s - w3->begin[2] + kw * dilation;
                    int64_t first = start >= 0 ? 0 : (-start + s - 1) / s;
                    int64_t last = start >= in[2] ? 0 : (in[2] - start + s - 1) / s;
                    if (last > count) last = count;
                    if (first >= last) continue;
                    add_scaled(sum + first, last - first, get(w, tap + kw) - w_zero, x,
                               row + start + first * s, s, x_zero);
                }
            }
        }
    }
}

static enum status infer_conv(struct op_call *c) {
    const struct view *x = &c->in[0], *w = &c->in[1];
    TRY(op_check_dtype(c, 0, DTYPES_FLOAT));
    for (int i = 1; i <= 3; i++) TRY(op_check_same_dtype(c, 0, i));
    struct activation a;
    TRY(activation_of_node(c->node, &a));
    if (x->shape.rank < 0 || w->shape.rank < 0) {
        op_output(c, 0, x->dtype, shape_unknown());
        return STATUS_OK;
    }
    struct conv v;
    TRY(conv_init(c, &x->shape, &w->shape, &v));
    TRY(op_check_vector(c, 2, v.m, "output channels"));
    struct shape s = conv_output_shape(&v);
    TRY(op_check_rank(c, 3, s.rank, s.rank));
    for (int i = 0; i < s.rank; i++) TRY(op_check_dim(c, 3, i, s.dim[i], "residual"));
    op_output(c, 0, x->dtype, s);
    return STATUS_OK;
}

static enum status run_conv(struct op_call *c) {
    const struct view *x = &c->in[0], *w = &c->in[1], *y = &c->out[0];
    struct conv v;
    struct activation a;
    TRY(conv_init(c, &x->shape, &w->shape, &v));
    TRY(activation_of_node(c->node, &a));
    const struct view *bias = op_has_input(c, 2) ? &c->in[2] : NULL;
    const struct view *residual = op_has_input(c, 3) ? &c->in[3] : NULL;
    bool after = node_int(c->node, "residual_after_activation", 0) != 0;
    struct window w3 = conv_window(&v);
    double sum[ROW_CHUNK];
    int64_t at = 0;
    for (int64_t n = 0; n < v.n; n++)
        for (int64_t m = 0; m < v.m; m++)
            for (int64_t od = 0; od < w3.out[0]; od++)
                for (int64_t oh = 0; oh < w3.out[1]; oh++)
                    for (int64_t ow = 0; ow < w3.out[2]; ow += ROW_CHUNK) {
                        int64_t count = w3.out[2] - ow < ROW_CHUNK ? w3.out[2] - ow : ROW_CHUNK;
                        for (int64_t i = 0; i < count; i++) sum[i] = bias ? get(bias, m) : 0;
                        conv_row(&v, &w3, x, 0, w, 0, n, m, od, oh, ow, count, sum);
                        for (int64_t i = 0; i < count; i++, at++) {
                            double r = residual ? get(residual, at) : 0;
                            set(y, at, after ? activation_apply(&a, sum[i]) + r
                                             : activation_apply(&a, sum[i] + r));
                        }
                    }
    return STATUS_OK;
}

static int64_t macs_conv(const struct op_call *c) {
    struct conv v;
    if (c->in[0].shape.rank < 0 || c->in[1].shape.rank < 0 ||
        conv_init(c, &c->in[0].shape, &c->in[1].shape, &v) != STATUS_OK)
        return 0;
    return conv_macs(&v);
}

static const struct attr_spec conv_attrs[] = {
    WINDOW_ATTRS,
    {"group", ATTR_INT},
    ACTIVATION_ATTRS,
    {"residual_after_activation", ATTR_INT},
    {NULL},
};

const struct op_def op_def_Conv = {
    .name = "Conv", .min_inputs = 2, .max_inputs = 4, .min_outputs = 1, .max_outputs = 1,
    .infer = infer_conv, .run = run_conv, .attrs = conv_attrs, .macs = macs_conv,
};
