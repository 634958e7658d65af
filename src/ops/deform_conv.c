/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DeformConv in two dimensions: a convolution whose taps are moved by an offset tensor, sampled
 * bilinearly, and optionally weighted by a mask.
 *
 * Inputs: X (N, C, H, W), W (M, C/group, KH, KW), offset (N, offset_group * KH * KW * 2, OH, OW)
 * with y before x, B (M) optional, mask (N, offset_group * KH * KW, OH, OW) optional.
 */
#include <inttypes.h>
#include <math.h>

#include "ops/access.h"
#include "ops/conv.h"

static enum status deform_init(const struct op_call *c, struct conv *v, int64_t *offset_groups) {
    const struct shape *x = &c->in[0].shape;
    OP_CHECK(c, x->rank == 4, STATUS_UNSUPPORTED,
             "input has rank %d; only two spatial dimensions are supported", x->rank);
    TRY(conv_init(c, x, &c->in[1].shape, v));
    *offset_groups = node_int(c->node, "offset_group", 1);
    OP_CHECK(c, *offset_groups >= 1 && (v->c < 0 || v->c % *offset_groups == 0), STATUS_SHAPE,
             "%" PRId64 " input channels do not divide into %" PRId64 " offset groups", v->c,
             *offset_groups);
    return STATUS_OK;
}

static enum status infer_deform(struct op_call *c) {
    const struct view *x = &c->in[0], *w = &c->in[1];
    TRY(op_check_dtype(c, 0, DTYPES_FLOAT));
    for (int i = 1; i < 5; i++) TRY(op_check_same_dtype(c, 0, i));
    if (x->shape.rank < 0 || w->shape.rank < 0) {
        op_output(c, 0, x->dtype, shape_unknown());
        return STATUS_OK;
    }
    struct conv v;
    int64_t groups;
    TRY(deform_init(c, &v, &groups));
    struct shape s = conv_output_shape(&v);
    int64_t taps = macs_mul(groups, macs_mul(v.window.kernel[0], v.window.kernel[1]));
    TRY(op_check_vector(c, 3, v.m, "output channels"));
    for (int i = 2; i <= 4; i += 2) {
        TRY(op_check_rank(c, i, 4, 4));
        TRY(op_check_dim(c, i, 0, v.n, "batch"));
        if (taps > 0)
            TRY(op_check_dim(c, i, 1, i == 2 ? macs_mul(taps, 2) : taps,
                             "offset groups times kernel"));
        TRY(op_check_dim(c, i, 2, s.dim[2], "output height"));
        TRY(op_check_dim(c, i, 3, s.dim[3], "output width"));
    }
    op_output(c, 0, x->dtype, s);
    return STATUS_OK;
}

/* Bilinear sample of a plane that begins at element `plane`; zero outside. */
static double sample(const struct view *x, int64_t plane, int64_t height, int64_t width, double y,
                     double col) {
    if (!(y > -1 && y < (double)height && col > -1 && col < (double)width)) return 0;
    int64_t y0 = (int64_t)floor(y), x0 = (int64_t)floor(col);
    double fy = y - (double)y0, fx = col - (double)x0, sum = 0;
    for (int i = 0; i < 2; i++)
        for (int j = 0; j < 2; j++) {
            int64_t h = y0 + i, w = x0 + j;
            if (h < 0 || h >= height || w < 0 || w >= width) continue;
            sum += (i ? fy : 1 - fy) * (j ? fx : 1 - fx) * get(x, plane + h * width + w);
        }
    return sum;
}

static enum status run_deform(struct op_call *c) {
    const struct view *x = &c->in[0], *w = &c->in[1], *offset = &c->in[2], *y = &c->out[0];
    const struct view *bias = op_has_input(c, 3) ? &c->in[3] : NULL;
    const struct view *mask = op_has_input(c, 4) ? &c->in[4] : NULL;
    struct conv v;
    int64_t offset_groups, at = 0;
    TRY(deform_init(c, &v, &offset_groups));
    const struct window *win = &v.window;
    int64_t height = win->in[0], width = win->in[1], kh = win->kernel[0], kw = win->kernel[1];
    int64_t oh = win->out[0], ow = win->out[1], area = oh * ow;
    int64_t c_group = v.c / v.groups, c_offset = v.c / offset_groups;
    for (int64_t n = 0; n < v.n; n++)
        for (int64_t m = 0; m < v.m; m++)
            for (int64_t o = 0; o < area; o++) {
                double sum = bias ? get(bias, m) : 0;
                for (int64_t ic = 0; ic < c_group; ic++) {
                    int64_t ch = m / (v.m / v.groups) * c_group + ic;
                    int64_t og = ch / c_offset, plane = (n * v.c + ch) * height * width;
                    for (int64_t k = 0; k < kh * kw; k++) {
                        int64_t tap = (n * offset_groups + og) * kh * kw + k;
                        double py = (double)(o / ow * win->stride[0] - win->begin[0] +
                                             k / kw * win->dilation[0]) +
                                    get(offset, tap * 2 * area + o);
                        double px = (double)(o % ow * win->stride[1] - win->begin[1] +
                                             k % kw * win->dilation[1]) +
                                    get(offset, (tap * 2 + 1) * area + o);
                        double s = sample(x, plane, height, width, py, px);
                        if (mask) s *= get(mask, tap * area + o);
                        sum += s * get(w, (m * c_group + ic) * kh * kw + k);
                    }
                }
                set(y, at++, sum);
            }
    return STATUS_OK;
}

static int64_t macs_deform(const struct op_call *c) {
    struct conv v;
    int64_t groups;
    if (c->in[0].shape.rank < 0 || c->in[1].shape.rank < 0 ||
        deform_init(c, &v, &groups) != STATUS_OK)
        return 0;
    return conv_macs(&v);
}

static const struct attr_spec deform_attrs[] = {
    {"dilations", ATTR_INTS}, {"group", ATTR_INT}, {"kernel_shape", ATTR_INTS},
    {"offset_group", ATTR_INT}, {"pads", ATTR_INTS}, {"strides", ATTR_INTS}, {NULL},
};

const struct op_def op_def_DeformConv = {
    .name = "DeformConv", .min_inputs = 3, .max_inputs = 5, .min_outputs = 1, .max_outputs = 1,
    .infer = infer_deform, .run = run_deform, .attrs = deform_attrs, .macs = macs_deform,
};
