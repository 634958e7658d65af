/* SPDX-License-Identifier: Apache-2.0 */
/* Layers that work element by element or sum over axes. */
#include <math.h>

#include "import/caffe/caffe.h"

/* ---- one operator, no parameters ---- */

#define PLAIN(function, op)                                                                        \
    enum status caffe_##function(struct caffe_import *im, struct caffe_layer *l) {                 \
        return caffe_emit(im, l, op, IN(l->in[0]), NULL, &l->out[0]);                              \
    }
PLAIN(abs_val, OP_Abs)
PLAIN(bnll, OP_Softplus)
PLAIN(hard_swish, OP_HardSwish)
PLAIN(mish, OP_Mish)
PLAIN(sigmoid, OP_Sigmoid)
PLAIN(tanh, OP_Tanh)
#undef PLAIN

enum status caffe_relu(struct caffe_import *im, struct caffe_layer *l) {
    PARAM(l, relu_param, RE_LUPARAMETER, ReLUParameter, p);
    if (p->negative_slope == 0) return caffe_emit(im, l, OP_Relu, IN(l->in[0]), NULL, &l->out[0]);
    return caffe_emit(im, l, OP_LeakyRelu, IN(l->in[0]), ATTRS(A_FLOAT("alpha", p->negative_slope)),
                      &l->out[0]);
}

enum status caffe_elu(struct caffe_import *im, struct caffe_layer *l) {
    PARAM(l, elu_param, ELUPARAMETER, ELUParameter, p);
    return caffe_emit(im, l, OP_Elu, IN(l->in[0]), ATTRS(A_FLOAT("alpha", p->alpha)), &l->out[0]);
}

enum status caffe_hard_sigmoid(struct caffe_import *im, struct caffe_layer *l) {
    return caffe_emit(im, l, OP_HardSigmoid, IN(l->in[0]),
                      ATTRS(A_FLOAT("alpha", 1.0f / 6), A_FLOAT("beta", 0.5f)), &l->out[0]);
}

enum status caffe_swish(struct caffe_import *im, struct caffe_layer *l) {
    PARAM(l, swish_param, SWISH_PARAMETER, SwishParameter, p);
    return caffe_emit(im, l, OP_Swish, IN(l->in[0]), ATTRS(A_FLOAT("alpha", p->beta)), &l->out[0]);
}

static enum status clip(struct caffe_import *im, struct caffe_layer *l, float low, float high) {
    int a, b;
    TRY(caffe_scalar(im, l, low, &a));
    TRY(caffe_scalar(im, l, high, &b));
    return caffe_emit(im, l, OP_Clip, IN(l->in[0], a, b), NULL, &l->out[0]);
}
enum status caffe_relu6(struct caffe_import *im, struct caffe_layer *l) {
    return clip(im, l, 0, 6);
}
enum status caffe_clip(struct caffe_import *im, struct caffe_layer *l) {
    const Caffe__ClipParameter *p = l->p->clip_param;
    L_CHECK(l, p, STATUS_FORMAT, "it has no clip_param with min and max");
    return clip(im, l, p->min, p->max);
}

enum status caffe_threshold(struct caffe_import *im, struct caffe_layer *l) {
    PARAM(l, threshold_param, THRESHOLD_PARAMETER, ThresholdParameter, p);
    int above = -1;
    TRY(caffe_with_scalar(im, l, OP_Greater, l->in[0], p->threshold, &above));
    return caffe_emit(im, l, OP_Cast, IN(above), ATTRS(A_STRING("to", dtype_name(DT_F32))),
                      &l->out[0]);
}

/* ---- powers ---- */

/* *out = x * scale + shift, without what changes nothing. */
static enum status linear(struct caffe_import *im, struct caffe_layer *l, int x, float scale,
                          float shift, int *out) {
    *out = x;
    if (scale != 1) {
        int y = -1;
        TRY(caffe_with_scalar(im, l, OP_Mul, *out, scale, &y));
        *out = y;
    }
    if (shift != 0) {
        int y = -1;
        TRY(caffe_with_scalar(im, l, OP_Add, *out, shift, &y));
        *out = y;
    }
    return STATUS_OK;
}

enum status caffe_power(struct caffe_import *im, struct caffe_layer *l) {
    PARAM(l, power_param, POWER_PARAMETER, PowerParameter, p);
    int x;
    TRY(linear(im, l, l->in[0], p->scale, p->shift, &x));
    if (p->power == 1) return caffe_emit(im, l, OP_Identity, IN(x), NULL, &l->out[0]);
    return caffe_with_scalar(im, l, OP_Pow, x, p->power, &l->out[0]);
}

/* base^(shift + scale * x); base -1 stands for e. */
enum status caffe_exp(struct caffe_import *im, struct caffe_layer *l) {
    PARAM(l, exp_param, EXP_PARAMETER, ExpParameter, p);
    L_CHECK(l, p->base_ == -1 || p->base_ > 0, STATUS_FORMAT,
            "its base %g is neither positive nor -1", (double)p->base_);
    float ln = p->base_ == -1 ? 1 : logf(p->base_);
    int x;
    TRY(linear(im, l, l->in[0], p->scale * ln, p->shift * ln, &x));
    return caffe_emit(im, l, OP_Exp, IN(x), NULL, &l->out[0]);
}

enum status caffe_log(struct caffe_import *im, struct caffe_layer *l) {
    PARAM(l, log_param, LOG_PARAMETER, LogParameter, p);
    L_CHECK(l, p->base_ == -1 || (p->base_ > 0 && p->base_ != 1), STATUS_FORMAT,
            "its base %g is neither positive nor -1", (double)p->base_);
    int x, y = p->base_ == -1 ? l->out[0] : -1;
    TRY(linear(im, l, l->in[0], p->scale, p->shift, &x));
    TRY(caffe_emit(im, l, OP_Log, IN(x), NULL, &y));
    return p->base_ == -1 ? STATUS_OK
                         : caffe_with_scalar(im, l, OP_Div, y, logf(p->base_), &l->out[0]);
}

/* ---- several bottoms ---- */

enum status caffe_eltwise(struct caffe_import *im, struct caffe_layer *l) {
    PARAM(l, eltwise_param, ELTWISE_PARAMETER, EltwiseParameter, p);
    bool sum = p->operation == CAFFE__ELTWISE_PARAMETER__ELTWISE_OP__SUM;
    bool max = p->operation == CAFFE__ELTWISE_PARAMETER__ELTWISE_OP__MAX;
    L_CHECK(l, !p->n_coeff || (sum && p->n_coeff == (size_t)l->n_in), STATUS_FORMAT,
            "it has %zu coefficients; a SUM takes one for each of its %d bottoms", p->n_coeff,
            l->n_in);
    for (int i = 1; i < l->n_in; i++) {
        const struct shape *a = caffe_shape(im, l->in[0]), *b = caffe_shape(im, l->in[i]);
        char x[128], y[128];
        L_CHECK(l, shape_equal(a, b), STATUS_SHAPE,
                "its bottoms '%s' and '%s' have shapes %s and %s", l->p->bottom[0], l->p->bottom[i],
                shape_text(a, x), shape_text(b, y));
    }
    for (size_t i = 0; i < p->n_coeff; i++) {
        if (p->coeff[i] == 1) continue;
        int y = -1;
        TRY(caffe_with_scalar(im, l, OP_Mul, l->in[i], p->coeff[i], &y));
        l->in[i] = y;
    }
    if (max) return caffe_emit(im, l, OP_Max, l->n_in, l->in, NULL, &l->out[0]);
    int y = l->in[0];
    for (int i = 1; i < l->n_in; i++) {
        int next = i == l->n_in - 1 ? l->out[0] : -1;
        TRY(caffe_emit(im, l, sum ? OP_Add : OP_Mul, IN(y, l->in[i]), NULL, &next));
        y = next;
    }
    return STATUS_OK;
}

/* Bottoms a (N, C, 1, 1), x and y: a * x + y. */
enum status caffe_axpy(struct caffe_import *im, struct caffe_layer *l) {
    int product = -1;
    TRY(caffe_emit(im, l, OP_Mul, IN(l->in[1], l->in[0]), NULL, &product));
    return caffe_emit(im, l, OP_Add, IN(product, l->in[2]), NULL, &l->out[0]);
}

/* ---- sums over axes ---- */

enum status caffe_softmax(struct caffe_import *im, struct caffe_layer *l) {
    PARAM(l, softmax_param, SOFTMAX_PARAMETER, SoftmaxParameter, p);
    int axis;
    TRY(caffe_axis(im, l, p->axis, &axis));
    return caffe_emit(im, l, OP_Softmax, IN(l->in[0]), ATTRS(A_INT("axis", axis)), &l->out[0]);
}

/* Axes from `first` to the last. */
static enum status axes_from(const struct caffe_import *im, const struct caffe_layer *l, int first,
                             int *n, int64_t axes[static SHAPE_MAX_RANK]) {
    int rank;
    TRY(caffe_rank(im, l, 0, &rank));
    for (*n = 0; first + *n < rank; ++*n) axes[*n] = first + *n;
    return STATUS_OK;
}

enum status caffe_reduction(struct caffe_import *im, struct caffe_layer *l) {
    static const enum op_kind ops[] = {0, OP_ReduceSum, OP_ReduceL1, OP_ReduceSumSquare,
                                       OP_ReduceMean};
    PARAM(l, reduction_param, REDUCTION_PARAMETER, ReductionParameter, p);
    int axis, n, y = p->coeff == 1 ? l->out[0] : -1;
    int64_t axes[SHAPE_MAX_RANK];
    TRY(caffe_axis(im, l, p->axis, &axis));
    TRY(axes_from(im, l, axis, &n, axes));
    TRY(caffe_reduce(im, l, ops[p->operation], l->in[0], n, axes, false, &y));
    return p->coeff == 1 ? STATUS_OK
                         : caffe_with_scalar(im, l, OP_Mul, y, p->coeff, &l->out[0]);
}

/* Caffe adds eps to the deviation, not to the variance. */
enum status caffe_mvn(struct caffe_import *im, struct caffe_layer *l) {
    PARAM(l, mvn_param, MVNPARAMETER, MVNParameter, p);
    int n, mean = -1, square = -1, var = -1, deviation = -1, divisor = -1;
    int centred = p->normalize_variance ? -1 : l->out[0];
    int64_t axes[SHAPE_MAX_RANK];
    TRY(axes_from(im, l, p->across_channels ? 1 : 2, &n, axes));
    L_CHECK(l, n > 0, STATUS_SHAPE, "its bottom has no axes to take a mean over");
    TRY(caffe_reduce(im, l, OP_ReduceMean, l->in[0], n, axes, true, &mean));
    TRY(caffe_emit(im, l, OP_Sub, IN(l->in[0], mean), NULL, &centred));
    if (!p->normalize_variance) return STATUS_OK;
    TRY(caffe_emit(im, l, OP_Mul, IN(centred, centred), NULL, &square));
    TRY(caffe_reduce(im, l, OP_ReduceMean, square, n, axes, true, &var));
    TRY(caffe_emit(im, l, OP_Sqrt, IN(var), NULL, &deviation));
    TRY(caffe_with_scalar(im, l, OP_Add, deviation, p->eps, &divisor));
    return caffe_emit(im, l, OP_Div, IN(centred, divisor), NULL, &l->out[0]);
}

/* SSD's Normalize: by the L2 norm over channels or over the whole picture, times a learnt scale. */
enum status caffe_normalize(struct caffe_import *im, struct caffe_layer *l) {
    PARAM(l, norm_param, NORMALIZE_PARAMETER, NormalizeParameter, p);
    int n = 1, sum = -1, above = -1, norm = -1, unit = -1, scale, rank;
    int64_t axes[SHAPE_MAX_RANK] = {1}, channels = 1;
    TRY(caffe_rank(im, l, 0, &rank));
    L_CHECK(l, rank == 4, STATUS_SHAPE, "its bottom has %d dimensions; it takes N, C, H and W",
            rank);
    if (p->across_spatial) TRY(axes_from(im, l, 1, &n, axes));
    if (!p->channel_shared) TRY(caffe_dim(im, l, 0, 1, &channels));
    TRY(caffe_reduce(im, l, OP_ReduceSumSquare, l->in[0], n, axes, true, &sum));
    TRY(caffe_with_scalar(im, l, OP_Add, sum, p->eps, &above));
    TRY(caffe_emit(im, l, OP_Sqrt, IN(above), NULL, &norm));
    TRY(caffe_emit(im, l, OP_Div, IN(l->in[0], norm), NULL, &unit));
    struct shape s = {.rank = 4, .dim = {1, channels, 1, 1}};
    TRY(caffe_blob(im, l, 0, "scale", s, &scale));
    return caffe_emit(im, l, OP_Mul, IN(unit, scale), NULL, &l->out[0]);
}

/* Within channels: x / (1 + alpha * mean of the squares around it)^beta, padding counted. */
static enum status lrn_within(struct caffe_import *im, struct caffe_layer *l,
                              const Caffe__LRNParameter *p) {
    int64_t n = p->local_size, pad = n / 2;
    int square = -1, mean = -1, scaled = -1, above = -1, power = -1;
    TRY(caffe_emit(im, l, OP_Mul, IN(l->in[0], l->in[0]), NULL, &square));
    TRY(caffe_emit(im, l, OP_AveragePool, IN(square),
                   ATTRS(A_INTS("kernel_shape", 2, ((int64_t[]){n, n})),
                         A_INTS("pads", 4, ((int64_t[]){pad, pad, pad, pad})),
                         A_INT("count_include_pad", 1)), &mean));
    TRY(caffe_with_scalar(im, l, OP_Mul, mean, p->alpha, &scaled));
    TRY(caffe_with_scalar(im, l, OP_Add, scaled, 1, &above));
    TRY(caffe_with_scalar(im, l, OP_Pow, above, p->beta, &power));
    return caffe_emit(im, l, OP_Div, IN(l->in[0], power), NULL, &l->out[0]);
}

enum status caffe_lrn(struct caffe_import *im, struct caffe_layer *l) {
    PARAM(l, lrn_param, LRNPARAMETER, LRNParameter, p);
    L_CHECK(l, p->local_size % 2 == 1 && p->local_size < 1 << 15, STATUS_FORMAT,
            "local_size is %u; it must be odd", p->local_size);
    if (p->norm_region == CAFFE__LRNPARAMETER__NORM_REGION__WITHIN_CHANNEL)
        return lrn_within(im, l, p);
    return caffe_emit(im, l, OP_LRN, IN(l->in[0]),
                      ATTRS(A_FLOAT("alpha", p->alpha), A_FLOAT("beta", p->beta),
                            A_FLOAT("bias", p->k), A_INT("size", p->local_size)), &l->out[0]);
}

/* Indices are floats in Caffe. Without an axis, all of a picture is one row, and the result has
 * shape (N, 1 or 2, k); with one, values replace indices if out_max_val. */
enum status caffe_arg_max(struct caffe_import *im, struct caffe_layer *l) {
    PARAM(l, argmax_param, ARG_MAX_PARAMETER, ArgMaxParameter, p);
    int axis = 2, count, ends[2] = {-1, -1}, x = l->in[0], index = -1, rank;
    int64_t k = p->top_k;
    TRY(caffe_rank(im, l, 0, &rank));
    L_CHECK(l, k > 0 && k <= INT32_MAX, STATUS_FORMAT, "top_k is %u", p->top_k);
    if (p->has_axis) {
        TRY(caffe_axis(im, l, p->axis, &axis));
    } else {
        x = -1;
        L_CHECK(l, rank >= 2, STATUS_SHAPE, "its bottom has %d dimensions", rank);
        TRY(caffe_reshape(im, l, l->in[0], 3, (int64_t[]){0, 1, -1}, &x));
    }
    TRY(caffe_ints(im, l, 1, &k, &count));
    if (p->has_axis && p->out_max_val) ends[0] = l->out[0];
    TRY(caffe_emit_many(im, l, OP_TopK, IN(x, count), ATTRS(A_INT("axis", axis)), 2, ends));
    if (p->has_axis && p->out_max_val) return STATUS_OK;
    if (!p->out_max_val) index = l->out[0];
    TRY(caffe_emit(im, l, OP_Cast, IN(ends[1]), ATTRS(A_STRING("to", dtype_name(DT_F32))), &index));
    if (!p->out_max_val) return STATUS_OK;
    return caffe_emit(im, l, OP_Concat, IN(index, ends[0]), ATTRS(A_INT("axis", 1)), &l->out[0]);
}
