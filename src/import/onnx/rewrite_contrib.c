/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The operators of domain com.microsoft that onnxruntime's static quantisation writes in its
 * operator form (ContribOperators.md of onnxruntime): each becomes the float operator between
 * DequantizeLinear and QuantizeLinear. Its other operators are not supported.
 */
#include <string.h>

#include "import/onnx/onnx.h"
#include "ops/op.h"

#define NO_MEMORY "out of memory while importing the model"

/* Value, scale and zero point at inputs i, i + 1, i + 2 as floats. */
static enum status dequantize(struct importer *im, const struct onnx_node *n, int i, int64_t axis,
                              int *out) {
    char label[160];
    CHECK(i + 2 < n->n_inputs && n->inputs[i] >= 0 && n->inputs[i + 1] >= 0, STATUS_FORMAT,
          "%s: input %d or its scale is missing", node_label(n, label), i);
    return emit_axis(im, n, "DequantizeLinear", n->inputs[i + 2] < 0 ? 2 : 3, &n->inputs[i], axis,
                     out);
}

/* The node becomes the quantisation of `y`, by scale and zero point at inputs i and i + 1. */
static enum status quantize(struct importer *im, struct onnx_node *n, int y, int i) {
    char label[160];
    CHECK(i < n->n_inputs && n->inputs[i] >= 0, STATUS_FORMAT, "%s: the output's scale is missing",
          node_label(n, label));
    int scale = n->inputs[i], zero = i + 1 < n->n_inputs ? n->inputs[i + 1] : -1;
    n->op = "QuantizeLinear";
    n->n_attrs = 0;
    n->inputs = arena_calloc(im->arena, 3, sizeof *n->inputs);
    CHECK(n->inputs, STATUS_MEMORY, NO_MEMORY);
    n->inputs[0] = y;
    n->inputs[1] = scale;
    n->inputs[2] = zero;
    n->n_inputs = zero < 0 ? 2 : 3;
    return STATUS_OK;
}

/* Scale and zero point of the output, then value, scale and zero point of each input. */
static enum status concat(struct importer *im, struct onnx_node *n) {
    int count = (n->n_inputs - 2) / 3, y;
    char label[160];
    CHECK(count > 0 && n->n_inputs == 2 + 3 * count, STATUS_FORMAT, "%s has %d inputs",
          node_label(n, label), n->n_inputs);
    int *x = arena_calloc(im->arena, (size_t)count, sizeof *x);
    CHECK(x, STATUS_MEMORY, NO_MEMORY);
    for (int i = 0; i < count; i++) TRY(dequantize(im, n, 2 + 3 * i, 1, &x[i]));
    TRY(emit_same(im, n, "Concat", count, x, &y));
    return quantize(im, n, y, 0);
}

/* a, b, then a bias of int32 in steps of the product of their scales; without an output scale the
 * result stays in floats. */
static enum status gemm(struct importer *im, struct onnx_node *n, bool *done) {
    int64_t by_column = onode_int(n, "transB", 0) ? 0 : 1;
    int *x = arena_calloc(im->arena, 3, sizeof *x), y;
    CHECK(x, STATUS_MEMORY, NO_MEMORY);
    TRY(dequantize(im, n, 0, 1, &x[0]));
    TRY(dequantize(im, n, 3, by_column, &x[1]));
    bool bias = n->n_inputs > 6 && n->inputs[6] >= 0, floats = n->n_inputs < 8 || n->inputs[7] < 0;
    if (bias && onode_float(n, "alpha", 1) != 1) {
        *done = true;
        return node_unsupported(im, n, "a bias with an alpha other than 1");
    }
    if (bias) {
        int step, term[2];
        TRY(emit(im, n, "Mul", 2, (int[]){n->inputs[1], n->inputs[4]}, &step));
        TRY(emit(im, n, "CastLike", 2, (int[]){n->inputs[6], step}, &term[0]));
        term[1] = step;
        TRY(emit(im, n, "Mul", 2, term, &x[2]));
    }
    if (!floats) {
        TRY(emit_same(im, n, "Gemm", bias ? 3 : 2, x, &y));
        return quantize(im, n, y, 7);
    }
    n->op = "Gemm";
    n->inputs = x;
    n->n_inputs = bias ? 3 : 2;
    return STATUS_OK;
}

enum status node_contrib(struct importer *im, struct onnx_node *n, bool *done) {
    static const struct {
        const char *name, *op;
        int n_inputs; /* of values, each with scale and zero point; those of the output follow */
    } table[] = {
        {"QLinearAdd", "Add", 2},
        {"QLinearMul", "Mul", 2},
        {"QLinearSigmoid", "Sigmoid", 1},
        {"QLinearLeakyRelu", "LeakyRelu", 1},
        {"QLinearGlobalAveragePool", "GlobalAveragePool", 1},
        {"QLinearAveragePool", "AveragePool", 1},
        {"QLinearSoftmax", "Softmax", 1},
    };
    *done = false;
    if (!strcmp(n->op, "QuantizeLinear") || !strcmp(n->op, "DequantizeLinear")) return STATUS_OK;
    if (!strcmp(n->op, "QLinearConcat")) return concat(im, n);
    if (!strcmp(n->op, "QGemm")) return gemm(im, n, done);
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        if (strcmp(n->op, table[i].name)) continue;
        int y, *x = arena_calloc(im->arena, 2, sizeof *x);
        CHECK(x, STATUS_MEMORY, NO_MEMORY);
        /* Softmax before opset 13 flattens; channels last is a layout no float operator has. */
        if (onode_int(n, "channels_last", 0) || onode_int(n, "opset", 13) < 13)
            return *done = true, node_unsupported(im, n, "channels last, or an opset before 13");
        onode_drop(n, "channels_last");
        onode_drop(n, "opset");
        for (int k = 0; k < table[i].n_inputs; k++) TRY(dequantize(im, n, 3 * k, 1, &x[k]));
        TRY(emit_same(im, n, table[i].op, table[i].n_inputs, x, &y));
        return quantize(im, n, y, 3 * table[i].n_inputs);
    }
    *done = true;
    return node_unsupported(im, n, "the operator of domain 'com.microsoft' is not supported");
}
