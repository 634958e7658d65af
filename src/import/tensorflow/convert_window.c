/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Convolutions, pools and what else moves over height and width.
 *
 * All become NCHW; an NHWC node's operands are transposed and its result transposed back.
 */
#include <string.h>

#include "import/tensorflow/tensorflow.h"
#include "ops/op.h"

/* The two values for height and width of a list of four in the node's layout; `fallback` where the
 * list is absent. */
static void spatial(const struct tf_node *n, const char *name, int64_t fallback, int64_t out[2]) {
    int64_t v[4];
    int at = tf_is_nhwc(n) ? 1 : 2;
    bool four = tf_int_list(n, name, v, 4) == 4;
    for (int i = 0; i < 2; i++) out[i] = four ? v[at + i] : fallback;
}

/* pads: top, left, bottom, right. *mode: what auto_pad says instead. */
static enum status read_padding(struct tf_node *n, int64_t pads[4], const char **mode) {
    int64_t v[8];
    int at = tf_is_nhwc(n) ? 1 : 2;
    memset(pads, 0, 4 * sizeof *pads);
    *mode = "NOTSET";
    if (tf_text_is(n, "padding", "SAME")) *mode = "SAME_UPPER";
    else if (tf_text_is(n, "padding", "EXPLICIT")) {
        CHECK(tf_int_list(n, "explicit_paddings", v, 8) == 8, STATUS_FORMAT,
              "%s '%s': explicit_paddings needs eight numbers", n->def->op, n->def->name);
        for (int i = 0; i < 2; i++) {
            pads[i] = v[2 * (at + i)];
            pads[2 + i] = v[2 * (at + i) + 1];
        }
    } else {
        CHECK(tf_text_is(n, "padding", "VALID"), STATUS_FORMAT,
              "%s '%s' has a padding other than SAME, VALID and EXPLICIT", n->def->op,
              n->def->name);
    }
    return STATUS_OK;
}

/* ---- fused operators ---- */

static bool list_has(const TfAttr *list, size_t i, const char *name) {
    const ProtobufCBinaryData *s = &list->list->s[i];
    return s->len == strlen(name) && !memcmp(s->data, name, s->len);
}

/* A vector of channels, shaped to stand at `axis` of y. */
static enum status along(struct tf_node *n, int v, int axis, int y, int *out) {
    int64_t dims[SHAPE_MAX_RANK] = {-1};
    int rank = n->im->g->tensors[y].shape.rank - axis;
    *out = v;
    if (rank <= 1 || n->im->g->tensors[v].shape.rank != 1) return STATUS_OK;
    for (int i = 1; i < rank; i++) dims[i] = 1;
    return tf_reshape(n, v, rank, dims, out);
}

static enum status fused_activation(struct tf_node *n, const TfAttr *list, size_t i, int *y) {
    if (list_has(list, i, "Relu")) return tf_add(n, OP_Relu, 1, y, NULL, y);
    if (list_has(list, i, "Elu")) return tf_add(n, OP_Elu, 1, y, NULL, y);
    if (list_has(list, i, "Sigmoid")) return tf_add(n, OP_Sigmoid, 1, y, NULL, y);
    if (list_has(list, i, "Tanh")) return tf_add(n, OP_Tanh, 1, y, NULL, y);
    if (list_has(list, i, "LeakyRelu"))
        return tf_add(n, OP_LeakyRelu, 1, y,
                      ATTRS(A_FLOAT("alpha", tf_float(n, "leakyrelu_alpha", 0.2f))), y);
    if (list_has(list, i, "Relu6")) {
        int in[3] = {*y};
        TRY(tf_scalar(n, DT_F32, 0, &in[1]));
        TRY(tf_scalar(n, DT_F32, 6, &in[2]));
        return tf_add(n, OP_Clip, 3, in, NULL, y);
    }
    return tf_unsupported(n, "fused operator '%.*s' is not supported",
                          (int)(list->list->s[i].len < 40 ? list->list->s[i].len : 40),
                          list->list->s[i].len ? (const char *)list->list->s[i].data : "");
}

enum status tf_fused(struct tf_node *n, int first, int axis, int *y) {
    const TfAttr *list = tf_attr(n, "fused_ops");
    int operand = first;
    for (size_t i = 0; list && list->list && i < list->list->n_s; i++) {
        int in[5] = {*y};
        if (tf_failed(n)) return STATUS_OK;
        if (list_has(list, i, "BiasAdd") || list_has(list, i, "Prelu")) {
            TRY(tf_need_inputs(n, operand + 1));
            TRY(along(n, n->inputs[operand++], axis, *y, &in[1]));
            TRY(tf_add(n, list_has(list, i, "Prelu") ? OP_PRelu : OP_Add, 2, in, NULL, y));
        } else if (list_has(list, i, "FusedBatchNorm")) {
            TRY(tf_need_inputs(n, operand + 4));
            for (int k = 0; k < 4; k++) in[1 + k] = n->inputs[operand++];
            TRY(tf_add(n, OP_BatchNormalization, 5, in,
                       ATTRS(A_FLOAT("epsilon", tf_float(n, "epsilon", 1e-4f))), y));
        } else {
            TRY(fused_activation(n, list, i, y));
        }
    }
    return STATUS_OK;
}

/* ---- convolution ---- */

struct window {
    int64_t stride[2], dilation[2], pads[4];
    const char *mode;
};

static enum status read_window(struct tf_node *n, struct window *w) {
    spatial(n, "strides", 1, w->stride);
    spatial(n, "dilations", 1, w->dilation);
    TRY(read_padding(n, w->pads, &w->mode));
    if (!n->dilated) return STATUS_OK;
    /* VALID, without dilation of its own: see convert_blocks.c. */
    memcpy(w->dilation, n->dilated->dilation, sizeof w->dilation);
    memcpy(w->pads, n->dilated->pads, sizeof w->pads);
    return STATUS_OK;
}

/* x NCHW, w OIHW. */
static enum status finish_conv(struct tf_node *n, int x, int weight, int64_t group,
                               const struct window *w) {
    int y;
    bool automatic = strcmp(w->mode, "NOTSET");
    TRY(tf_add(n, OP_Conv, 2, (int[]){x, weight},
               ATTRS(A_INT("group", group), A_INTS("strides", 2, w->stride),
                     A_INTS("dilations", 2, w->dilation),
                     automatic ? (struct attr)A_STRING("auto_pad", w->mode)
                               : (struct attr)A_INTS("pads", 4, w->pads)),
               &y));
    TRY(tf_fused(n, 2, 1, &y));
    return tf_failed(n) ? STATUS_OK : tf_finish_nchw(n, y);
}

/* Height, width, input and output channels of a weight. */
static enum status weight_shape(struct tf_node *n, int i, int64_t dim[4]) {
    const struct tensor *t = tf_input(n, i);
    CHECK(t->shape.rank == 4 && shape_known(&t->shape), STATUS_SHAPE,
          "%s '%s': the shape of its weight must be known and have four dimensions", n->def->op,
          n->def->name);
    memcpy(dim, t->shape.dim, 4 * sizeof *dim);
    return STATUS_OK;
}

enum status tf_conv(struct tf_node *n) {
    int64_t w[4];
    int x, weight;
    struct window window;
    TRY(tf_need_inputs(n, 2));
    if (n->waits) return tf_result(n, 0, n->inputs[0]);
    TRY(weight_shape(n, 1, w));
    TRY(read_window(n, &window));
    TRY(tf_to_nchw(n, n->inputs[0], &x));
    const struct shape *s = &n->im->g->tensors[x].shape;
    /* Groups show only in the channels. */
    int64_t group = s->rank == 4 && s->dim[1] > 0 && w[2] > 0 ? s->dim[1] / w[2] : 1;
    TRY(tf_transpose(n, n->inputs[1], 4, (const int64_t[]){3, 2, 0, 1}, &weight));
    return finish_conv(n, x, weight, group, &window);
}

enum status tf_depthwise(struct tf_node *n) {
    int64_t w[4];
    int x, weight;
    struct window window;
    TRY(tf_need_inputs(n, 2));
    if (n->waits) return tf_result(n, 0, n->inputs[0]);
    TRY(weight_shape(n, 1, w));
    TRY(read_window(n, &window));
    TRY(tf_to_nchw(n, n->inputs[0], &x));
    /* (KH, KW, C, multiplier) holds output channel c * multiplier + m at (.., c, m). */
    TRY(tf_reshape(n, n->inputs[1], 4, (const int64_t[]){w[0], w[1], 1, -1}, &weight));
    TRY(tf_transpose(n, weight, 4, (const int64_t[]){3, 2, 0, 1}, &weight));
    return finish_conv(n, x, weight, w[2], &window);
}

/* Inputs: size of the result, weight (KH, KW, O, I), x. */
enum status tf_conv_backprop(struct tf_node *n) {
    int64_t w[4], size[4], extra[2];
    int x, weight, y, count, at = tf_is_nhwc(n) ? 1 : 2;
    struct window v;
    TRY(tf_need_inputs(n, 3));
    TRY(weight_shape(n, 1, w));
    TRY(read_window(n, &v));
    TRY(tf_input_ints(n, 0, size, 4, &count));
    if (count != 4 && count != 2)
        return tf_unsupported(n, "the size of its result is no constant of four values");
    if (count == 2) at = 0;
    TRY(tf_to_nchw(n, n->inputs[2], &x));
    const struct shape *s = &n->im->g->tensors[x].shape;
    if (s->rank != 4 || s->dim[2] < 0 || s->dim[3] < 0)
        return tf_unsupported(n, "height and width of its input are not known");
    for (int i = 0; i < 2; i++) {
        int64_t full, want = size[at + i], in = s->dim[2 + i];
        int64_t kernel = (w[i] - 1) * v.dilation[i] + 1;
        CHECK(in >= 1 && in <= INT32_MAX && v.stride[i] >= 1 && v.stride[i] <= INT32_MAX &&
                  v.dilation[i] >= 1 && v.dilation[i] <= INT32_MAX && kernel <= INT32_MAX,
              STATUS_SHAPE, "%s '%s' has an impossible window", n->def->op, n->def->name);
        full = (in - 1) * v.stride[i] + kernel;
        if (!strcmp(v.mode, "SAME_UPPER")) {
            int64_t total = full > want ? full - want : 0;
            v.pads[i] = total / 2;
            v.pads[2 + i] = total - total / 2;
        }
        extra[i] = want - (full - v.pads[i] - v.pads[2 + i]);
        CHECK(extra[i] >= 0 && extra[i] < v.stride[i] + v.dilation[i], STATUS_SHAPE,
              "%s '%s': a result of size %lld does not fit an input of %lld", n->def->op,
              n->def->name, (long long)want, (long long)in);
    }
    TRY(tf_transpose(n, n->inputs[1], 4, (const int64_t[]){3, 2, 0, 1}, &weight));
    TRY(tf_add(n, OP_ConvTranspose, 2, (int[]){x, weight},
               ATTRS(A_INTS("strides", 2, v.stride), A_INTS("dilations", 2, v.dilation),
                     A_INTS("pads", 4, v.pads), A_INTS("output_padding", 2, extra)),
               &y));
    return tf_finish_nchw(n, y);
}

/* ---- boxes ---- */

/* Inputs: x NHWC, boxes (R, 4) as top, left, bottom, right in fractions, images (R), size. */
enum status tf_crop_and_resize(struct tf_node *n) {
    int64_t size[2];
    int count, x, y;
    bool nearest = tf_text_is(n, "method", "nearest");
    TRY(tf_need_inputs(n, 4));
    TRY(tf_input_ints(n, 3, size, 2, &count));
    if (count != 2) return tf_unsupported(n, "the size of its result is no constant");
    TRY(tf_to_nchw(n, n->inputs[0], &x));
    TRY(tf_as(n, x, DT_F32, &x));
    TRY(tf_add(n, OP_CropAndResize, 3, (int[]){x, n->inputs[1], n->inputs[2]},
               ATTRS(A_INTS("size", 2, size), A_STRING("mode", nearest ? "nearest" : "linear"),
                     A_FLOAT("extrapolation_value", tf_float(n, "extrapolation_value", 0))),
               &y));
    return tf_finish_nchw(n, y);
}

/* ---- pools and norms ---- */

enum status tf_pool(struct tf_node *n) {
    int64_t kernel[2];
    int x, y;
    struct window w;
    TRY(tf_need_inputs(n, 1));
    TRY(read_window(n, &w));
    spatial(n, "ksize", 1, kernel);
    TRY(tf_to_nchw(n, n->inputs[0], &x));
    bool automatic = strcmp(w.mode, "NOTSET");
    TRY(tf_add(n, n->row->kind, 1, &x,
               ATTRS(A_INTS("kernel_shape", 2, kernel), A_INTS("strides", 2, w.stride),
                     automatic ? (struct attr)A_STRING("auto_pad", w.mode)
                               : (struct attr)A_INTS("pads", 4, w.pads)),
               &y));
    return tf_finish_nchw(n, y);
}

enum status tf_batch_norm(struct tf_node *n) {
    TRY(tf_need_inputs(n, 5));
    int in[5] = {0, n->inputs[1], n->inputs[2], n->inputs[3], n->inputs[4]}, y;
    if (tf_bool(n, "is_training", false) || shape_elements(&tf_input(n, 3)->shape) == 0)
        return tf_unsupported(n, "it computes its mean from the batch (is_training); freeze the "
                                 "graph for inference");
    TRY(tf_to_nchw(n, n->inputs[0], &in[0]));
    TRY(tf_add(n, OP_BatchNormalization, 5, in,
               ATTRS(A_FLOAT("epsilon", tf_float(n, "epsilon", 1e-4f))), &y));
    return tf_finish_nchw(n, y);
}

/* The oldest form: x, mean, variance, beta, gamma. */
enum status tf_global_norm(struct tf_node *n) {
    TRY(tf_need_inputs(n, 5));
    int in[5] = {0, n->inputs[4], n->inputs[3], n->inputs[1], n->inputs[2]}, y, shape, one;
    TRY(tf_to_nchw(n, n->inputs[0], &in[0]));
    if (!tf_bool(n, "scale_after_normalization", true)) {
        TRY(tf_add(n, OP_Shape, 1, &in[2], NULL, &shape));
        TRY(tf_scalar(n, tf_input(n, 3)->dtype, 1, &one));
        TRY(tf_add(n, OP_Expand, 2, (int[]){one, shape}, NULL, &in[1]));
    }
    TRY(tf_add(n, OP_BatchNormalization, 5, in,
               ATTRS(A_FLOAT("epsilon", tf_float(n, "variance_epsilon", 1e-3f))), &y));
    return tf_finish_nchw(n, y);
}

/* TensorFlow's radius and alpha are ONNX's (size - 1) / 2 and alpha / size. */
enum status tf_lrn(struct tf_node *n) {
    int x, y;
    int64_t radius = tf_int(n, "depth_radius", 5), size = 2 * (radius & INT16_MAX) + 1;
    TRY(tf_need_inputs(n, 1));
    CHECK(radius >= 0 && radius <= INT16_MAX, STATUS_FORMAT, "%s '%s' has depth_radius %lld",
          n->def->op, n->def->name, (long long)radius);
    TRY(tf_to_nchw(n, n->inputs[0], &x));
    TRY(tf_add(n, OP_LRN, 1, &x,
               ATTRS(A_INT("size", size), A_FLOAT("bias", tf_float(n, "bias", 1)),
                     A_FLOAT("alpha", tf_float(n, "alpha", 1) * (float)size),
                     A_FLOAT("beta", tf_float(n, "beta", 0.5f))),
               &y));
    return tf_finish_nchw(n, y);
}

enum status tf_depth_space(struct tf_node *n) {
    int x, y;
    int64_t block = tf_int(n, "block_size", 0);
    TRY(tf_need_inputs(n, 1));
    TRY(tf_to_nchw(n, n->inputs[0], &x));
    TRY(tf_add(n, n->row->kind, 1, &x, ATTRS(A_INT("blocksize", block)), &y));
    return tf_finish_nchw(n, y);
}

/* ---- resizing ---- */

enum status tf_resize(struct tf_node *n) {
    TRY(tf_need_inputs(n, 2));
    int in[4] = {n->inputs[0], -1, -1};
    bool nearest = !strcmp(n->row->name, "ResizeNearestNeighbor");
    bool corners = tf_bool(n, "align_corners", false);
    bool half = tf_bool(n, "half_pixel_centers", false);
    TRY(tf_as(n, n->inputs[1], DT_I64, &in[3]));
    /* With half pixels the nearest is floor((o + 0.5) * scale), which is (o + 0.5) * scale - 0.5
     * rounded up at halves. */
    return tf_finish(n, OP_Resize, 4, in,
                     ATTRS(A_INTS("axes", 2, ((const int64_t[]){1, 2})),
                           A_STRING("mode", nearest ? "nearest" : "linear"),
                           A_STRING("coordinate_transformation_mode",
                                  corners ? "align_corners" : half ? "half_pixel" : "asymmetric"),
                           A_STRING("nearest_mode",
                                  corners || half ? "round_prefer_ceil" : "floor")));
}
