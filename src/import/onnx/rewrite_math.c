/* SPDX-License-Identifier: Apache-2.0 */
/* Rewrites of operators that compute: arithmetic, normalisation, activation, recurrence. */
#include <string.h>

#include "import/onnx/onnx.h"
#include "ops/op.h"

/* Appends dimensions of 1 to the shape of input i until its first axis is `axis` of `rank`. */
static enum status align_axis(struct importer *im, struct onnx_node *n, int i, int axis, int rank) {
    int64_t axes[SHAPE_MAX_RANK];
    int have = input_tensor(im, n, i)->shape.rank, k = 0;
    for (int d = have; d < rank - axis; d++) axes[k++] = d;
    if (!k) return STATUS_OK;
    int t[2] = {n->inputs[i]}, out;
    TRY(constant_ints(im, n, "axes", (size_t)k, axes, &t[1]));
    TRY(emit(im, n, "Unsqueeze", 2, t, &out));
    n->inputs[i] = out;
    return STATUS_OK;
}

/* Before 7 arithmetic broadcast only its second input, and only when told to, from `axis` on. */
enum status rewrite_broadcast(struct importer *im, struct onnx_node *n, bool *done) {
    int64_t axis = onode_int(n, "axis", -1);
    bool aligned = onode_int(n, "broadcast", 0) && onode_attr(n, "axis");
    onode_drop(n, "axis");
    onode_drop(n, "broadcast");
    if (!aligned || im->lacks.n_nodes) return STATUS_OK;
    const struct tensor *a = input_tensor(im, n, 0), *b = input_tensor(im, n, 1);
    if (!a || !b || a->shape.rank < 0 || b->shape.rank < 0) {
        *done = true;
        return node_unsupported(im, n,
                                "broadcasting along an axis of inputs of unknown rank; export "
                                "the model with opset 7 or newer");
    }
    char label[160];
    if (axis < 0) axis += a->shape.rank;
    CHECK(axis >= 0 && axis + b->shape.rank <= a->shape.rank, STATUS_SHAPE,
          "%s: axis %lld does not fit its inputs", node_label(n, label), (long long)axis);
    return align_axis(im, n, 1, (int)axis, a->shape.rank);
}

enum status rewrite_prelu(struct importer *im, struct onnx_node *n, bool *done) {
    const struct tensor *x = input_tensor(im, n, 0), *slope = input_tensor(im, n, 1);
    if (!x || !slope || slope->shape.rank != 1 || x->shape.rank < 3 || slope->shape.dim[0] == 1)
        return STATUS_OK;
    return align_axis(im, n, 1, 1, x->shape.rank);
}

static const char *const old_types[][2] = {
    {"FLOAT", "f32"}, {"DOUBLE", "f64"}, {"FLOAT16", "f16"}, {"INT8", "i8"},   {"UINT8", "u8"},
    {"INT16", "i16"}, {"UINT16", "u16"}, {"INT32", "i32"},   {"INT64", "i64"}, {"UINT32", "u32"},
    {"UINT64", "u64"}, {"BOOL", "bool"},
};

/* The type was a word. */
enum status rewrite_cast(struct importer *im, struct onnx_node *n, bool *done) {
    for (size_t i = 0; i < sizeof old_types / sizeof old_types[0]; i++)
        if (onode_string_is(n, "to", old_types[i][0]))
            return onode_set_string(im, n, "to", old_types[i][1]);
    return STATUS_OK;
}

enum status rewrite_clip(struct importer *im, struct onnx_node *n, bool *done) {
    static const char *const names[] = {"min", "max"};
    const struct tensor *x = input_tensor(im, n, 0);
    for (int i = 0; i < 2; i++) {
        const Onnx__AttributeProto *a = onode_attr(n, names[i]);
        if (!a) continue;
        int t;
        enum dtype dtype = x && x->dtype != DT_NONE ? x->dtype : DT_F32;
        TRY(constant_scalar(im, n, names[i], dtype, a->f, &t));
        onode_drop(n, names[i]);
        TRY(onode_set_input(im, n, i + 1, t));
        x = input_tensor(im, n, 0);
    }
    return STATUS_OK;
}

/* In inference a Dropout passes its input on; its mask is all true. */
enum status rewrite_dropout(struct importer *im, struct onnx_node *n, bool *done) {
    bool training = n->opset >= 7 ? false : onode_attr(n, "is_test") && !onode_int(n, "is_test", 0);
    if (n->opset >= 12 && n->n_inputs >= 3 && n->inputs[2] >= 0) {
        const struct tensor *mode = input_tensor(im, n, 2), *ratio = input_tensor(im, n, 1);
        /* With a known ratio of zero training changes nothing either. */
        bool harmless = ratio && ratio->data && shape_elements(&ratio->shape) == 1 &&
                        ratio->dtype == DT_F32 && *(const float *)ratio->data == 0;
        training = !(mode->data && shape_elements(&mode->shape) == 1 && mode->dtype == DT_BOOL &&
                     *(const uint8_t *)mode->data == 0) && !harmless;
    }
    *done = true;
    if (training)
        return node_unsupported(im, n, "training mode is not supported; export the model for "
                                "inference");
    if (n->n_inputs < 1 || n->inputs[0] < 0) {
        *done = false; /* the check of inputs says so */
        return STATUS_OK;
    }
    if (n->n_outputs > 1 && n->outputs[1] >= 0) {
        enum dtype x = input_tensor(im, n, 0)->dtype;
        int shape[2];
        TRY(emit(im, n, "Shape", 1, n->inputs, &shape[0]));
        TRY(constant_scalar(im, n, "true", n->opset >= 10 ? DT_BOOL : x != DT_NONE ? x : DT_F32, 1,
                            &shape[1]));
        struct onnx_node mask = *n;
        mask.op = "ConstantOfShape";
        mask.inputs = shape;
        mask.n_inputs = 2;
        mask.outputs = &n->outputs[1];
        mask.n_outputs = 1;
        mask.n_attrs = 0;
        TRY(node_commit(im, &mask));
    }
    if (n->n_outputs < 1 || n->outputs[0] < 0) return STATUS_OK;
    n->op = "Identity";
    n->n_inputs = n->n_outputs = 1;
    n->n_attrs = 0;
    return node_commit(im, n);
}

enum status rewrite_batchnorm(struct importer *im, struct onnx_node *n, bool *done) {
    bool training = onode_int(n, "training_mode", 0) != 0;
    int wanted = 0;
    for (int i = 1; i < n->n_outputs; i++) wanted += n->outputs[i] >= 0;
    if (n->opset < 7 && onode_attr(n, "is_test") && !onode_int(n, "is_test", 0) && wanted)
        training = true;
    if (!onode_int(n, "spatial", 1)) {
        *done = true;
        return node_unsupported(im, n, "spatial = 0 is not supported");
    }
    onode_drop(n, "spatial");
    if (training || wanted) {
        *done = true;
        return node_unsupported(im, n, "training mode is not supported; export the model for "
                                "inference");
    }
    onode_drop(n, "training_mode");
    onode_drop(n, "momentum"); /* of training only */
    n->n_outputs = n->n_outputs ? 1 : 0;
    return STATUS_OK;
}

/* Before 13 the input counted as a matrix, its rows starting at `axis`. */
enum status rewrite_softmax(struct importer *im, struct onnx_node *n, bool *done) {
    char label[160];
    const struct tensor *x = input_tensor(im, n, 0);
    int64_t axis = onode_int(n, "axis", 1);
    if (axis == -1 || (x && x->shape.rank >= 1 && (axis == x->shape.rank - 1)))
        return onode_set_int(im, n, "axis", -1);
    CHECK(x, STATUS_FORMAT, "%s: input 0 is missing", node_label(n, label));
    int in = n->inputs[0], flat, soft, t[2];
    *done = true;
    TRY(emit_axis(im, n, "Flatten", 1, &in, axis, &flat));
    /* The rows' softmax is along the last axis, the default of the newest form. */
    TRY(emit(im, n, n->op, 1, &flat, &soft));
    t[0] = soft;
    TRY(emit(im, n, "Shape", 1, &in, &t[1]));
    n->op = "Reshape";
    n->inputs = t;
    n->n_inputs = 2;
    n->n_attrs = 0;
    TRY(node_commit(im, n));
    return STATUS_OK;
}

/* Scale and bias were one value a group; since 21 they are one a channel. */
enum status rewrite_groupnorm(struct importer *im, struct onnx_node *n, bool *done) {
    char label[160];
    const struct tensor *x = input_tensor(im, n, 0);
    int64_t groups = onode_int(n, "num_groups", 0);
    if (im->lacks.n_nodes) return STATUS_OK;
    if (!x || x->shape.rank < 2 || x->shape.dim[1] < 0) {
        *done = true;
        return node_unsupported(im, n, "the number of channels is unknown; give the input's shape");
    }
    int64_t channels = x->shape.dim[1];
    CHECK(groups > 0 && channels % groups == 0 && n->n_inputs == 3, STATUS_SHAPE,
          "%s: %lld channels do not form %lld groups", node_label(n, label), (long long)channels,
          (long long)groups);
    for (int i = 1; i < 3; i++) {
        const struct tensor *s = input_tensor(im, n, i);
        if (!s || (s->shape.rank == 1 && s->shape.dim[0] == channels && channels != groups))
            continue;
        int64_t column[2] = {groups, 1}, grid[2] = {groups, channels / groups};
        int t[2] = {n->inputs[i]}, out;
        TRY(constant_ints(im, n, "column", 2, column, &t[1]));
        TRY(emit(im, n, "Reshape", 2, t, &out));
        t[0] = out;
        TRY(constant_ints(im, n, "grid", 2, grid, &t[1]));
        TRY(emit(im, n, "Expand", 2, t, &out));
        t[0] = out;
        TRY(constant_ints(im, n, "channels", 1, &channels, &t[1]));
        TRY(emit(im, n, "Reshape", 2, t, &out));
        n->inputs[i] = out;
    }
    return STATUS_OK;
}

/* The attribute said whether to write all steps; since 7 using the output says so. */
enum status rewrite_rnn(struct importer *im, struct onnx_node *n, bool *done) {
    onode_drop(n, "output_sequence");
    return STATUS_OK;
}

/* Attribute `axis` became input 2. */
enum status rewrite_dft(struct importer *im, struct onnx_node *n, bool *done) {
    int t;
    TRY(constant_scalar(im, n, "axis", DT_I64, (double)onode_int(n, "axis", 1), &t));
    onode_drop(n, "axis");
    return onode_set_input(im, n, 2, t);
}
