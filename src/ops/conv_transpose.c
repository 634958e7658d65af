/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ConvTranspose, over one, two or three spatial dimensions.
 *
 * Written as a gather: each output element sums the inputs whose windows cover it, so that the
 * result does not depend on the order of scattering.
 *
 * Inputs: X (N, C, spatial...), W (C, M/group, kernel...), B (M) optional.
 */
#include <inttypes.h>
#include <string.h>

#include "ops/access.h"
#include "ops/window.h"

struct transposed {
    struct window window; /* in, out as the operator sees them; begin and end resolved */
    int64_t n, c, m, groups;
};

static enum status transposed_init(const struct op_call *c, struct transposed *v) {
    const struct shape *x = &c->in[0].shape, *w = &c->in[1].shape;
    char tx[128], tw[128];
    OP_CHECK(c, x->rank == w->rank && x->rank >= 3, STATUS_SHAPE,
             "input %s and weight %s need one rank of 3 or more", shape_text(x, tx),
             shape_text(w, tw));
    OP_CHECK(c, x->rank <= 2 + WINDOW_MAX, STATUS_UNSUPPORTED,
             "input %s has more than %d spatial dimensions", shape_text(x, tx), WINDOW_MAX);
    int64_t kernel[WINDOW_MAX];
    int n = x->rank - 2;
    for (int i = 0; i < n; i++) kernel[i] = w->dim[2 + i];
    TRY(window_kernel(c, n, kernel));
    TRY(window_read(c, x, kernel, &v->window));
    v->n = x->dim[0];
    v->c = dim_known(x->dim[1], w->dim[0]);
    v->groups = node_int(c->node, "group", 1);
    OP_CHECK(c, v->groups >= 1 && (v->c < 0 || v->c % v->groups == 0), STATUS_SHAPE,
             "%" PRId64 " input channels do not divide into %" PRId64 " groups", v->c, v->groups);
    TRY(op_check_dim(c, 1, 0, v->c, "input channels"));
    v->m = -1;
    if (w->dim[1] >= 0)
        OP_CHECK(c, i64_mul(w->dim[1], v->groups, &v->m), STATUS_LIMIT,
                 "attribute 'group' is %" PRId64, v->groups);

    struct window *win = &v->window;
    int64_t extra[WINDOW_MAX] = {0}, size[WINDOW_MAX];
    int n_extra = node_ints(c->node, "output_padding", extra, WINDOW_MAX);
    int n_size = node_ints(c->node, "output_shape", size, WINDOW_MAX);
    OP_CHECK(c, (n_extra <= 0 || n_extra == n) && (n_size <= 0 || n_size == n), STATUS_SHAPE,
             "attributes 'output_padding' and 'output_shape' need %d values", n);
    const char *mode = node_string(c->node, "auto_pad", "NOTSET");
    bool upper = !strcmp(mode, "SAME_UPPER"), lower = !strcmp(mode, "SAME_LOWER");
    bool valid = !strcmp(mode, "VALID");
    OP_CHECK(c, upper || lower || valid || !strcmp(mode, "NOTSET") || !*mode, STATUS_UNSUPPORTED,
             "attribute 'auto_pad' is '%s'", mode);
    for (int i = 0; i < n; i++) {
        OP_CHECK(c, extra[i] >= 0 && extra[i] <= INT32_MAX, STATUS_SHAPE,
                 "attribute 'output_padding' holds %" PRId64, extra[i]);
        if (upper || lower || valid) win->begin[i] = win->end[i] = 0;
        if (n_size > 0) {
            OP_CHECK(c, size[i] >= 1 && size[i] <= INT32_MAX, STATUS_SHAPE,
                     "attribute 'output_shape' holds %" PRId64, size[i]);
            win->out[i] = size[i];
        }
        if (win->in[i] < 0 || win->kernel[i] < 0) continue;
        int64_t full = (win->in[i] - 1) * win->stride[i] + extra[i] +
                       (win->kernel[i] - 1) * win->dilation[i] + 1;
        if (n_size <= 0 && !upper && !lower) {
            win->out[i] = full - win->begin[i] - win->end[i];
        } else {
            if (n_size <= 0) win->out[i] = win->in[i] * win->stride[i];
            int64_t total = full - win->out[i];
            if (total < 0) total = 0;
            win->begin[i] = upper ? total / 2 : total - total / 2;
            win->end[i] = total - win->begin[i];
        }
        OP_CHECK(c, win->out[i] >= 1 && win->out[i] <= INT32_MAX, STATUS_SHAPE,
                 "spatial axis %d of the output would be %" PRId64 " long", i, win->out[i]);
    }
    return STATUS_OK;
}

static enum status infer_conv_transpose(struct op_call *c) {
    const struct view *x = &c->in[0], *w = &c->in[1];
    TRY(op_check_dtype(c, 0, DTYPES_FLOAT));
    TRY(op_check_same_dtype(c, 0, 1));
    TRY(op_check_same_dtype(c, 0, 2));
    struct shape s = shape_unknown();
    if (x->shape.rank >= 0 && w->shape.rank >= 0) {
        struct transposed v;
        TRY(transposed_init(c, &v));
        TRY(op_check_vector(c, 2, v.m, "output channels"));
        s = (struct shape){.rank = x->shape.rank, .dim = {v.n, v.m}};
        for (int i = 0; i < v.window.n; i++) s.dim[2 + i] = v.window.out[i];
    }
    op_output(c, 0, x->dtype, s);
    return STATUS_OK;
}

/* The input position that kernel position k of axis i carries to output position o, or -1. */
static int64_t origin(const struct window *w, int i, int64_t o, int64_t k) {
    int64_t at = o + w->begin[i] - k * w->dilation[i];
    if (at < 0 || at % w->stride[i] || at / w->stride[i] >= w->in[i]) return -1;
    return at / w->stride[i];
}

/* Adds what input row `row` gives to outputs ow0..ow0+count-1 through kernel position kw. */
static void add_row(const struct window *w, const struct view *x, int64_t row, double weight,
                    int64_t kw, int64_t ow0, int64_t count, double *sum) {
    int64_t s = w->stride[2], at = ow0 + w->begin[2] - kw * w->dilation[2];
    int64_t first = at >= 0 ? (s - at % s) % s : -at;
    for (int64_t i = first; i < count; i += s) {
        int64_t iw = (at + i) / s;
        if (iw >= w->in[2]) break;
        sum[i] += weight * get(x, row + iw);
    }
}

static enum status run_conv_transpose(struct op_call *c) {
    const struct view *x = &c->in[0], *w = &c->in[1], *y = &c->out[0];
    struct transposed v;
    TRY(transposed_init(c, &v));
    if (!shape_elements(&y->shape)) return STATUS_OK;
    struct window w3 = window_3d(&v.window);
    const int64_t *in = w3.in, *out = w3.out, *k = w3.kernel;
    int64_t m_group = v.m / v.groups, c_group = v.c / v.groups, at = 0;
    double sum[ROW_CHUNK];
    for (int64_t row = 0; row < v.n * v.m * out[0] * out[1]; row++) {
        int64_t oh = row % out[1], od = row / out[1] % out[0];
        int64_t m = row / out[1] / out[0] % v.m, n = row / out[1] / out[0] / v.m;
        int64_t c0 = m / m_group * c_group;
        for (int64_t ow = 0; ow < out[2]; ow += ROW_CHUNK) {
            int64_t count = out[2] - ow < ROW_CHUNK ? out[2] - ow : ROW_CHUNK;
            for (int64_t i = 0; i < count; i++) sum[i] = op_has_input(c, 2) ? get(&c->in[2], m) : 0;
            for (int64_t tap = 0; tap < c_group * k[0] * k[1]; tap++) {
                int64_t kh = tap % k[1], kd = tap / k[1] % k[0], ic = c0 + tap / k[1] / k[0];
                int64_t d = origin(&w3, 0, od, kd), h = origin(&w3, 1, oh, kh);
                if (d < 0 || h < 0) continue;
                int64_t x_row = (((n * v.c + ic) * in[0] + d) * in[1] + h) * in[2];
                int64_t w_row = (((ic * m_group + m % m_group) * k[0] + kd) * k[1] + kh) * k[2];
                for (int64_t kw = 0; kw < k[2]; kw++)
                    add_row(&w3, x, x_row, get(w, w_row + kw), kw, ow, count, sum);
            }
            for (int64_t i = 0; i < count; i++) set(y, at++, sum[i]);
        }
    }
    return STATUS_OK;
}

static int64_t macs_conv_transpose(const struct op_call *c) {
    struct transposed v;
    if (c->in[0].shape.rank < 0 || c->in[1].shape.rank < 0 || transposed_init(c, &v) != STATUS_OK)
        return 0;
    int64_t macs = macs_mul(macs_mul(v.n, v.c), v.m < 0 ? -1 : v.m / v.groups);
    for (int i = 0; i < v.window.n; i++)
        macs = macs_mul(macs, macs_mul(v.window.kernel[i], v.window.in[i]));
    return macs;
}

static const struct attr_spec conv_transpose_attrs[] = {
    WINDOW_ATTRS, {"group", ATTR_INT}, {"output_padding", ATTR_INTS}, {"output_shape", ATTR_INTS},
    {NULL},
};

const struct op_def op_def_ConvTranspose = {
    .name = "ConvTranspose", .min_inputs = 2, .max_inputs = 3, .min_outputs = 1, .max_outputs = 1,
    .infer = infer_conv_transpose, .run = run_conv_transpose, .attrs = conv_transpose_attrs,
    .macs = macs_conv_transpose,
};
