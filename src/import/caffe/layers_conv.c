/* SPDX-License-Identifier: Apache-2.0 */
/* Layers with windows, and layers with weights. */
#include <inttypes.h>
#include <string.h>

#include "import/caffe/caffe.h"

/* ---- windows ---- */

enum { MOST_AXES = SHAPE_MAX_RANK - 2 };

/* Kernel, stride, pad and dilation of every spatial axis. */
struct window {
    int n;
    int64_t kernel[MOST_AXES], stride[MOST_AXES], pads[2 * MOST_AXES], dilation[MOST_AXES];
};

/* One value for all axes, or one for each. */
static enum status spread(const struct caffe_layer *l, const char *what, size_t n_values,
                          const uint32_t *values, uint32_t fallback, int n, int64_t *out) {
    L_CHECK(l, n_values <= 1 || n_values == (size_t)n, STATUS_FORMAT,
            "it has %zu values for %s, but its bottom has %d spatial axes", n_values, what, n);
    for (int i = 0; i < n; i++)
        out[i] = n_values ? values[n_values == 1 ? 0 : i] : fallback;
    return STATUS_OK;
}

static enum status check_window(const struct caffe_layer *l, const struct window *w) {
    for (int i = 0; i < w->n; i++) {
        L_CHECK(l, w->kernel[i] > 0 && w->kernel[i] <= INT16_MAX, STATUS_FORMAT,
                "it has a kernel of %" PRId64 "; give kernel_size, or kernel_h and kernel_w",
                w->kernel[i]);
        L_CHECK(l, w->stride[i] > 0 && w->dilation[i] > 0 && w->stride[i] <= INT16_MAX &&
                       w->dilation[i] <= INT16_MAX && w->pads[i] <= INT16_MAX, STATUS_FORMAT,
                "it has a stride of %" PRId64 ", a dilation of %" PRId64 ", a pad of %" PRId64,
                w->stride[i], w->dilation[i], w->pads[i]);
    }
    return STATUS_OK;
}

static enum status conv_window(const struct caffe_import *im, const struct caffe_layer *l, int i,
                               const Caffe__ConvolutionParameter *p, struct window *w) {
    int rank;
    TRY(caffe_rank(im, l, i, &rank));
    L_CHECK(l, rank >= 3, STATUS_SHAPE,
            "its bottom '%s' has %d dimensions; it takes N, C and spatial ones",
            l->p->bottom[i], rank);
    w->n = rank - 2;
    TRY(spread(l, "kernel_size", p->n_kernel_size, p->kernel_size, 0, w->n, w->kernel));
    TRY(spread(l, "stride", p->n_stride, p->stride, 1, w->n, w->stride));
    TRY(spread(l, "pad", p->n_pad, p->pad, 0, w->n, w->pads));
    TRY(spread(l, "dilation", p->n_dilation, p->dilation, 1, w->n, w->dilation));
    bool hw = p->has_kernel_h || p->has_kernel_w || p->has_stride_h || p->has_stride_w ||
              p->has_pad_h || p->has_pad_w;
    L_CHECK(l, !hw || w->n == 2, STATUS_FORMAT, "it has values for h and w, but its bottom has %d "
            "spatial axes", w->n);
    if (p->has_kernel_h) w->kernel[0] = p->kernel_h;
    if (p->has_kernel_w) w->kernel[1] = p->kernel_w;
    if (p->has_stride_h) w->stride[0] = p->stride_h;
    if (p->has_stride_w) w->stride[1] = p->stride_w;
    if (p->has_pad_h) w->pads[0] = p->pad_h;
    if (p->has_pad_w) w->pads[1] = p->pad_w;
    memcpy(w->pads + w->n, w->pads, (size_t)w->n * sizeof *w->pads);
    return check_window(l, w);
}

/* Each bottom has its top; all share the weights. */
static enum status any_convolution(struct caffe_import *im, struct caffe_layer *l, bool transposed,
                                   bool depthwise) {
    PARAM(l, convolution_param, CONVOLUTION_PARAMETER, ConvolutionParameter, p);
    L_CHECK(l, l->n_in == l->n_out, STATUS_FORMAT, "it has %d bottoms but %d tops", l->n_in,
            l->n_out);
    L_CHECK(l, p->num_output > 0 && p->num_output <= INT32_MAX, STATUS_FORMAT,
            "it has no num_output");
    L_CHECK(l, p->axis == 1, STATUS_UNSUPPORTED, "channels on axis %d are not supported", p->axis);
    int weight = -1, bias = -1;
    for (int i = 0; i < l->n_in; i++) {
        struct window w;
        int64_t channels, m = p->num_output;
        TRY(conv_window(im, l, i, p, &w));
        TRY(caffe_dim(im, l, i, 1, &channels));
        int64_t group = depthwise && p->group == 1 ? channels : p->group;
        L_CHECK(l, group > 0 && channels % group == 0 && m % group == 0, STATUS_SHAPE,
                "group %" PRId64 " does not divide %" PRId64 " channels and num_output %" PRId64,
                group, channels, m);
        if (weight < 0) {
            struct shape s = {.rank = w.n + 2};
            s.dim[0] = transposed ? channels : m;
            s.dim[1] = (transposed ? m : channels) / group;
            memcpy(s.dim + 2, w.kernel, (size_t)w.n * sizeof *w.kernel);
            L_CHECK(l, shape_elements(&s) >= 0, STATUS_LIMIT, "its weights are too large");
            TRY(caffe_blob(im, l, 0, "weight", s, &weight));
            if (p->bias_term) TRY(caffe_blob(im, l, 1, "bias", shape_of(1, (int)m), &bias));
        }
        const int in[] = {l->in[i], weight, bias};
        TRY(caffe_emit(im, l, transposed ? OP_ConvTranspose : OP_Conv, p->bias_term ? 3 : 2, in,
                       ATTRS(A_INTS("kernel_shape", w.n, w.kernel),
                             A_INTS("strides", w.n, w.stride), A_INTS("pads", 2 * w.n, w.pads),
                             A_INTS("dilations", w.n, w.dilation), A_INT("group", group)),
                       &l->out[i]));
    }
    return STATUS_OK;
}

enum status caffe_convolution(struct caffe_import *im, struct caffe_layer *l) {
    return any_convolution(im, l, false, false);
}
enum status caffe_deconvolution(struct caffe_import *im, struct caffe_layer *l) {
    return any_convolution(im, l, true, false);
}
/* Of forks: a group for each channel, whatever `group` says. */
enum status caffe_depthwise(struct caffe_import *im, struct caffe_layer *l) {
    return any_convolution(im, l, false, true);
}

/* Caffe rounds sizes up, and drops a window that would begin in the padding behind; an average
 * counts the padding, but nothing beyond it. That is the operators' ceil_mode with
 * count_include_pad. */
static enum status emit_pool(struct caffe_import *im, struct caffe_layer *l, bool max,
                             const struct window *w, bool ceil, int *out) {
    const struct attr attrs[] = {
        A_INTS("kernel_shape", 2, w->kernel), A_INTS("strides", 2, w->stride),
        A_INTS("pads", 4, w->pads), A_INT("ceil_mode", ceil),
        max ? (struct attr){0} : (struct attr)A_INT("count_include_pad", 1), {0}};
    return caffe_emit(im, l, max ? OP_MaxPool : OP_AveragePool, IN(l->in[0]), attrs, out);
}

enum status caffe_pooling(struct caffe_import *im, struct caffe_layer *l) {
    PARAM(l, pooling_param, POOLING_PARAMETER, PoolingParameter, p);
    bool max = p->pool == CAFFE__POOLING_PARAMETER__POOL_METHOD__MAX;
    L_CHECK(l, p->pool != CAFFE__POOLING_PARAMETER__POOL_METHOD__STOCHASTIC, STATUS_UNSUPPORTED,
            "stochastic pooling is not supported");
    L_CHECK(l, l->n_out == 1, STATUS_UNSUPPORTED,
            "its second top, where the maxima lay, is not supported");
    if (p->global_pooling)
        return caffe_emit(im, l, max ? OP_GlobalMaxPool : OP_GlobalAveragePool, IN(l->in[0]), NULL,
                          &l->out[0]);
    int rank;
    TRY(caffe_rank(im, l, 0, &rank));
    L_CHECK(l, rank == 4, STATUS_SHAPE, "its bottom has %d dimensions; it takes N, C, H and W",
            rank);
    struct window w = {
        .n = 2,
        .kernel = {p->has_kernel_h ? p->kernel_h : p->kernel_size,
                   p->has_kernel_w ? p->kernel_w : p->kernel_size},
        .stride = {p->has_stride_h ? p->stride_h : p->has_stride ? p->stride : 1,
                   p->has_stride_w ? p->stride_w : p->has_stride ? p->stride : 1},
        .pads = {p->has_pad_h ? p->pad_h : p->pad, p->has_pad_w ? p->pad_w : p->pad},
        .dilation = {1, 1},
    };
    w.pads[2] = w.pads[0];
    w.pads[3] = w.pads[1];
    TRY(check_window(l, &w));
    bool ceil = p->has_round_mode ? p->round_mode == CAFFE__POOLING_PARAMETER__ROUND_MODE__CEIL
                                  : p->ceil_mode;
    return emit_pool(im, l, max, &w, ceil, &l->out[0]);
}

/* The bottom in 1, 4, 16, ... equal parts, the largest or the mean of each; a vector per
 * picture. */
enum status caffe_spp(struct caffe_import *im, struct caffe_layer *l) {
    PARAM(l, spp_param, SPPPARAMETER, SPPParameter, p);
    enum { MOST_LEVELS = 10 };
    bool max = p->pool == CAFFE__SPPPARAMETER__POOL_METHOD__MAX;
    int64_t size[2];
    int level[MOST_LEVELS];
    for (int k = 0; k < 2; k++) TRY(caffe_dim(im, l, 0, 2 + k, &size[k]));
    L_CHECK(l, p->pool != CAFFE__SPPPARAMETER__POOL_METHOD__STOCHASTIC, STATUS_UNSUPPORTED,
            "stochastic pooling is not supported");
    L_CHECK(l, p->pyramid_height > 0 && p->pyramid_height <= MOST_LEVELS, STATUS_FORMAT,
            "its pyramid_height is %u", p->pyramid_height);
    for (uint32_t i = 0; i < p->pyramid_height; i++) {
        int64_t bins = (int64_t)1 << i;
        struct window w;
        for (int k = 0; k < 2; k++) {
            w.kernel[k] = w.stride[k] = (size[k] + bins - 1) / bins;
            w.pads[k] = w.pads[2 + k] = (w.kernel[k] * bins - size[k] + 1) / 2;
            L_CHECK(l, w.pads[k] < w.kernel[k], STATUS_SHAPE,
                    "%" PRId64 " parts are too many for a "
                    "size of %" PRId64, bins, size[k]);
        }
        int pooled = -1;
        TRY(emit_pool(im, l, max, &w, true, &pooled));
        level[i] = p->pyramid_height == 1 ? l->out[0] : -1;
        TRY(caffe_emit(im, l, OP_Flatten, IN(pooled), ATTRS(A_INT("axis", 1)), &level[i]));
    }
    if (p->pyramid_height == 1) return STATUS_OK;
    return caffe_emit(im, l, OP_Concat, (int)p->pyramid_height, level, ATTRS(A_INT("axis", 1)),
                      &l->out[0]);
}

/* ---- products ---- */

enum status caffe_inner_product(struct caffe_import *im, struct caffe_layer *l) {
    PARAM(l, inner_product_param, INNER_PRODUCT_PARAMETER, InnerProductParameter, p);
    int axis, weight, bias = -1, rank;
    L_CHECK(l, p->num_output > 0 && p->num_output <= INT32_MAX, STATUS_FORMAT,
            "it has no num_output");
    TRY(caffe_rank(im, l, 0, &rank));
    TRY(caffe_axis(im, l, p->axis, &axis));
    int64_t k = 1, d;
    for (int i = axis; i < rank; i++) {
        TRY(caffe_dim(im, l, 0, i, &d));
        L_CHECK(l, !__builtin_mul_overflow(k, d, &k) && k <= INT32_MAX, STATUS_LIMIT,
                "it is too large");
    }
    int m = (int)p->num_output;
    struct shape s = p->transpose ? shape_of(2, (int)k, m) : shape_of(2, m, (int)k);
    TRY(caffe_blob(im, l, 0, "weight", s, &weight));
    if (p->bias_term) TRY(caffe_blob(im, l, 1, "bias", shape_of(1, m), &bias));
    int flat = -1, product = axis == 1 ? l->out[0] : -1;
    TRY(caffe_emit(im, l, OP_Flatten, IN(l->in[0]), ATTRS(A_INT("axis", axis)), &flat));
    const int in[] = {flat, weight, bias};
    TRY(caffe_emit(im, l, OP_Gemm, p->bias_term ? 3 : 2, in, ATTRS(A_INT("transB", !p->transpose)),
                   &product));
    if (axis == 1) return STATUS_OK;
    int64_t dims[SHAPE_MAX_RANK];
    for (int i = 0; i < axis; i++) {
        dims[i] = caffe_shape(im, l->in[0])->dim[i];
        L_CHECK(l, dims[i] > 0 || i == 0, STATUS_SHAPE, "axis %d of its bottom must be fixed", i);
    }
    dims[axis] = m;
    return caffe_reshape(im, l, product, axis + 1, dims, &l->out[0]);
}

enum status caffe_embed(struct caffe_import *im, struct caffe_layer *l) {
    PARAM(l, embed_param, EMBED_PARAMETER, EmbedParameter, p);
    L_CHECK(l,
            p->num_output > 0 && p->num_output <= INT32_MAX && p->input_dim > 0 &&
                p->input_dim <= INT32_MAX,
            STATUS_FORMAT, "it has no num_output or no input_dim");
    int weight, bias, index = -1, rows = p->bias_term ? -1 : l->out[0];
    TRY(caffe_blob(im, l, 0, "weight", shape_of(2, (int)p->input_dim, (int)p->num_output),
                   &weight));
    TRY(caffe_emit(im, l, OP_Cast, IN(l->in[0]), ATTRS(A_STRING("to", dtype_name(DT_I64))),
                   &index));
    TRY(caffe_emit(im, l, OP_Gather, IN(weight, index), ATTRS(A_INT("axis", 0)), &rows));
    if (!p->bias_term) return STATUS_OK;
    TRY(caffe_blob(im, l, 1, "bias", shape_of(1, (int)p->num_output), &bias));
    return caffe_emit(im, l, OP_Add, IN(rows, bias), NULL, &l->out[0]);
}

/* ---- normalisation by channel ---- */

/* x * scale + bias for each channel, in the form that the passes fold into a convolution. */
static enum status channel_affine(struct caffe_import *im, struct caffe_layer *l, int x, int64_t n,
                                  int scale, int bias, const float *mean, const float *var,
                                  float eps, int *out) {
    float *ones = arena_calloc(im->arena, (size_t)n, sizeof *ones);
    float *zeros = arena_calloc(im->arena, (size_t)n, sizeof *zeros);
    CHECK(ones && zeros, STATUS_MEMORY, CAFFE_NO_MEMORY);
    for (int64_t i = 0; i < n; i++) ones[i] = 1;
    struct shape s = shape_of(1, (int)n);
    int m, v;
    if (scale < 0) TRY(caffe_constant(im, l, s, ones, &scale));
    if (bias < 0) TRY(caffe_constant(im, l, s, zeros, &bias));
    TRY(caffe_constant(im, l, s, mean ? mean : zeros, &m));
    TRY(caffe_constant(im, l, s, var ? var : ones, &v));
    return caffe_emit(im, l, OP_BatchNormalization, IN(x, scale, bias, m, v),
                      ATTRS(A_FLOAT("epsilon", eps)), out);
}

/* Blobs: mean and variance, both times the factor in the third. */
enum status caffe_batch_norm(struct caffe_import *im, struct caffe_layer *l) {
    PARAM(l, batch_norm_param, BATCH_NORM_PARAMETER, BatchNormParameter, p);
    L_CHECK(l, p->use_global_stats, STATUS_UNSUPPORTED,
            "statistics of the batch at hand (use_global_stats: false) are not supported");
    int64_t n;
    const float *mean, *var, *factor;
    TRY(caffe_dim(im, l, 0, 1, &n));
    L_CHECK(l, n <= INT32_MAX, STATUS_LIMIT, "it has too many channels");
    TRY(caffe_blob_values(im, l, 0, "mean", n, &mean));
    TRY(caffe_blob_values(im, l, 1, "variance", n, &var));
    TRY(caffe_blob_values(im, l, 2, "scale factor", 1, &factor));
    float f = *factor == 0 ? 0 : 1 / *factor;
    for (int64_t i = 0; i < n; i++) {
        ((float *)mean)[i] *= f;
        ((float *)var)[i] *= f;
    }
    return channel_affine(im, l, l->in[0], n, -1, -1, mean, var, p->eps, &l->out[0]);
}

/* The shape of a scale or bias over bottom 0's axes from `axis` on: its own, and the one that
 * broadcasts, with ones behind. */
static enum status affine_shape(struct caffe_import *im, struct caffe_layer *l, int axis,
                                int num_axes, struct shape *own, struct shape *spread_out) {
    int rank;
    TRY(caffe_rank(im, l, 0, &rank));
    if (num_axes < 0) num_axes = rank - axis;
    L_CHECK(l, num_axes <= rank - axis, STATUS_SHAPE, "its bottom has %d axes from axis %d on, but "
            "num_axes is %d", rank - axis, axis, num_axes);
    *own = (struct shape){.rank = num_axes};
    *spread_out = (struct shape){.rank = num_axes ? rank - axis : 0};
    for (int i = 0; i < num_axes; i++) TRY(caffe_dim(im, l, 0, axis + i, &own->dim[i]));
    for (int i = 0; i < spread_out->rank; i++) spread_out->dim[i] = i < num_axes ? own->dim[i] : 1;
    return STATUS_OK;
}

/* The second bottom, with ones behind its axes. */
static enum status spread_bottom(struct caffe_import *im, struct caffe_layer *l, int axis,
                                 int *out) {
    int rank, own;
    TRY(caffe_rank(im, l, 0, &rank));
    TRY(caffe_rank(im, l, 1, &own));
    *out = l->in[1];
    L_CHECK(l, own <= rank - axis, STATUS_SHAPE,
            "its second bottom has %d dimensions, but the first only %d from axis %d on",
            own, rank - axis, axis);
    if (!own || own == rank - axis) return STATUS_OK;
    int64_t dims[SHAPE_MAX_RANK];
    for (int i = 0; i < rank - axis; i++) dims[i] = i < own ? 0 : 1;
    *out = -1;
    return caffe_reshape(im, l, l->in[1], rank - axis, dims, out);
}

enum status caffe_scale(struct caffe_import *im, struct caffe_layer *l) {
    PARAM(l, scale_param, SCALE_PARAMETER, ScaleParameter, p);
    int axis, scale, bias = -1, product = p->bias_term ? -1 : l->out[0];
    struct shape own, wide;
    TRY(caffe_axis(im, l, p->axis, &axis));
    bool given = l->n_in == 2;
    int num_axes = p->num_axes;
    if (given) TRY(caffe_rank(im, l, 1, &num_axes));
    TRY(affine_shape(im, l, axis, num_axes, &own, &wide));
    if (!given && axis == 1 && own.rank == 1) {
        TRY(caffe_blob(im, l, 0, "scale", own, &scale));
        if (p->bias_term) TRY(caffe_blob(im, l, 1, "bias", own, &bias));
        return channel_affine(im, l, l->in[0], own.dim[0], scale, bias, NULL, NULL, 0, &l->out[0]);
    }
    if (given) TRY(spread_bottom(im, l, axis, &scale));
    else TRY(caffe_blob(im, l, 0, "scale", wide, &scale));
    TRY(caffe_emit(im, l, OP_Mul, IN(l->in[0], scale), NULL, &product));
    if (!p->bias_term) return STATUS_OK;
    TRY(caffe_blob(im, l, given ? 0 : 1, "bias", wide, &bias));
    return caffe_emit(im, l, OP_Add, IN(product, bias), NULL, &l->out[0]);
}

enum status caffe_bias(struct caffe_import *im, struct caffe_layer *l) {
    PARAM(l, bias_param, BIAS_PARAMETER, BiasParameter, p);
    int axis, bias;
    struct shape own, wide;
    TRY(caffe_axis(im, l, p->axis, &axis));
    if (l->n_in == 2) {
        TRY(spread_bottom(im, l, axis, &bias));
    } else {
        TRY(affine_shape(im, l, axis, p->num_axes, &own, &wide));
        TRY(caffe_blob(im, l, 0, "bias", wide, &bias));
    }
    return caffe_emit(im, l, OP_Add, IN(l->in[0], bias), NULL, &l->out[0]);
}

enum status caffe_prelu(struct caffe_import *im, struct caffe_layer *l) {
    PARAM(l, prelu_param, PRE_LUPARAMETER, PReLUParameter, p);
    int rank, slope;
    int64_t n = 1;
    TRY(caffe_rank(im, l, 0, &rank));
    struct shape s = {.rank = 1, .dim = {1}};
    if (!p->channel_shared) {
        TRY(caffe_dim(im, l, 0, 1, &n));
        s.rank = rank - 1;
        for (int i = 0; i < s.rank; i++) s.dim[i] = i ? 1 : n;
    }
    TRY(caffe_blob(im, l, 0, "slope", s, &slope));
    return caffe_emit(im, l, OP_PRelu, IN(l->in[0], slope), NULL, &l->out[0]);
}
