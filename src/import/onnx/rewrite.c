/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Older forms of operators become the newest: the table of what changed when, and what the rewrites
 * share. The rewrites themselves are in rewrite_*.c.
 *
 * Most changes of ONNX turned an attribute into an input; some renamed an operator or a mode, some
 * changed what a default means.
 */
#include <string.h>

#include "import/onnx/onnx.h"
#include "ops/op.h"

#define NO_MEMORY "out of memory while importing the model"

/* Versions before `until` are rewritten; 0: every version. Several rows of one operator apply in
 * order, until one says that it is done. */
static const struct rewrite {
    const char *op;
    int until;
    rewrite_fn *fn;
} rewrites[] = {
    {"Add", 7, rewrite_broadcast},
    {"And", 7, rewrite_broadcast},
    {"BatchNormalization", 0, rewrite_batchnorm},
    {"Cast", 6, rewrite_cast},
    {"Clip", 11, rewrite_clip},
    {"Concat", 4, rewrite_concat},
    {"Constant", 0, rewrite_constant_node},
    {"ConstantFill", 0, rewrite_constant_fill},
    {"ConstantOfShape", 0, rewrite_constant_of_shape},
    {"DFT", 20, rewrite_dft},
    {"Div", 7, rewrite_broadcast},
    {"Dropout", 0, rewrite_dropout},
    {"Equal", 7, rewrite_broadcast},
    {"GRU", 7, rewrite_rnn},
    {"Gemm", 7, rewrite_broadcast},
    {"Greater", 7, rewrite_broadcast},
    {"GridSample", 20, rewrite_grid_sample},
    {"GroupNormalization", 21, rewrite_groupnorm},
    {"Hardmax", 13, rewrite_softmax},
    {"LSTM", 7, rewrite_rnn},
    {"Less", 7, rewrite_broadcast},
    {"LogSoftmax", 13, rewrite_softmax},
    {"Mul", 7, rewrite_broadcast},
    {"Or", 7, rewrite_broadcast},
    {"PRelu", 7, rewrite_prelu},
    {"Pad", 11, rewrite_pad},
    {"Pow", 7, rewrite_broadcast},
    {"RNN", 7, rewrite_rnn},
    {"ReduceL1", 18, rewrite_axes},
    {"ReduceL2", 18, rewrite_axes},
    {"ReduceLogSum", 18, rewrite_axes},
    {"ReduceLogSumExp", 18, rewrite_axes},
    {"ReduceMax", 18, rewrite_axes},
    {"ReduceMean", 18, rewrite_axes},
    {"ReduceMin", 18, rewrite_axes},
    {"ReduceProd", 18, rewrite_axes},
    {"ReduceSum", 13, rewrite_axes},
    {"ReduceSumSquare", 18, rewrite_axes},
    {"Reshape", 5, rewrite_reshape},
    {"Resize", 11, rewrite_resize_10},
    {"Resize", 0, rewrite_resize},
    {"RoiAlign", 16, rewrite_roi_align},
    {"Scatter", 0, rewrite_scatter},
    {"SequenceAt", 0, rewrite_sequence_at},
    {"Slice", 10, rewrite_slice},
    {"Softmax", 13, rewrite_softmax},
    {"Split", 0, rewrite_split},
    {"SplitToSequence", 0, rewrite_split_to_sequence},
    {"Squeeze", 13, rewrite_axes},
    {"Sub", 7, rewrite_broadcast},
    {"TopK", 10, rewrite_topk},
    {"Unsqueeze", 13, rewrite_axes},
    {"Upsample", 0, rewrite_upsample},
    {"Xor", 7, rewrite_broadcast},
};
enum { N_REWRITES = sizeof rewrites / sizeof rewrites[0] };

enum status node_rewrite(struct importer *im, struct onnx_node *n, bool *done) {
    const char *op = n->op;
    *done = false;
    /* The first row of this operator; the table is sorted by name. */
    int low = 0, high = N_REWRITES;
    while (low < high) {
        int mid = (low + high) / 2;
        if (strcmp(rewrites[mid].op, op) < 0) low = mid + 1;
        else high = mid;
    }
    for (; low < N_REWRITES && !strcmp(rewrites[low].op, op) && !*done; low++)
        if (!rewrites[low].until || n->opset < rewrites[low].until)
            TRY(rewrites[low].fn(im, n, done));
    return STATUS_OK;
}

/* ---- shared ---- */

static enum status helper_name(struct importer *im, const struct onnx_node *n, const char *suffix,
                               const char **out) {
    const char *base =
        n->name && *n->name ? n->name : n->proto->n_output ? n->proto->output[0] : "";
    *out = arena_printf(im->arena, "%.1000s/%s", base, suffix);
    CHECK(*out, STATUS_MEMORY, NO_MEMORY);
    return STATUS_OK;
}

enum status emit_same(struct importer *im, const struct onnx_node *n, const char *op, int n_inputs,
                      const int *inputs, int *out) {
    struct onnx_node *h = arena_alloc(im->arena, sizeof *h);
    CHECK(h, STATUS_MEMORY, NO_MEMORY);
    *h = *n;
    TRY(helper_name(im, n, op, &h->name));
    TRY(graph_add_tensor(im->g, h->name, DT_NONE, shape_unknown(), out));
    h->op = op;
    h->inputs = arena_calloc(im->arena, (size_t)n_inputs + 1, sizeof *h->inputs);
    h->outputs = arena_calloc(im->arena, 1, sizeof *h->outputs);
    CHECK(h->inputs && h->outputs, STATUS_MEMORY, NO_MEMORY);
    memcpy(h->inputs, inputs, (size_t)n_inputs * sizeof *inputs);
    h->n_inputs = n_inputs;
    h->outputs[0] = *out;
    h->n_outputs = 1;
    return node_commit(im, h);
}

enum status emit(struct importer *im, const struct onnx_node *n, const char *op, int n_inputs,
                 const int *inputs, int *out) {
    struct onnx_node bare = *n;
    bare.n_attrs = 0;
    return emit_same(im, &bare, op, n_inputs, inputs, out);
}

enum status emit_axis(struct importer *im, const struct onnx_node *n, const char *op, int n_inputs,
                      const int *inputs, int64_t axis, int *out) {
    struct onnx_node bare = *n;
    bare.n_attrs = 0;
    TRY(onode_set_int(im, &bare, "axis", axis));
    return emit_same(im, &bare, op, n_inputs, inputs, out);
}

enum status constant_ints(struct importer *im, const struct onnx_node *n, const char *suffix,
                          size_t count, const int64_t *v, int *out) {
    const char *name;
    TRY(helper_name(im, n, suffix, &name));
    int64_t dim = (int64_t)count;
    /* An empty list has no data to copy, but must still be a constant. */
    static const int64_t nothing = 0;
    return graph_add_constant(im->g, name, DT_I64, shape_from(1, &dim), count ? v : &nothing, false,
                              out);
}

enum status constant_scalar(struct importer *im, const struct onnx_node *n, const char *suffix,
                            enum dtype dtype, double v, int *out) {
    const char *name;
    TRY(helper_name(im, n, suffix, &name));
    uint64_t room = 0;
    struct view view = {.dtype = dtype, .shape = shape_of(0), .data = &room};
    view_set_f64(&view, 0, v);
    return graph_add_constant(im->g, name, dtype, shape_of(0), &room, false, out);
}

const struct tensor *input_tensor(const struct importer *im, const struct onnx_node *n, int i) {
    return i < n->n_inputs && n->inputs[i] >= 0 ? &im->g->tensors[n->inputs[i]] : NULL;
}

enum status input_ints(struct importer *im, const struct onnx_node *n, int i, int64_t *out, int max,
                       int *count) {
    const struct tensor *t = input_tensor(im, n, i);
    *count = -1;
    if (!t || !t->data) return STATUS_OK;
    int64_t k = shape_elements(&t->shape);
    if (k > max) return STATUS_OK;
    struct view v = {t->dtype, t->shape, (void *)(uintptr_t)t->data, t->name, true};
    for (int64_t e = 0; e < k; e++) out[e] = view_get_i64(&v, e);
    *count = (int)k;
    return STATUS_OK;
}
