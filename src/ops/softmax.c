/* SPDX-License-Identifier: Apache-2.0 */
/* Softmax, LogSoftmax and Hardmax along one axis. */
#include <math.h>

#include "ops/access.h"

static enum status infer_softmax(struct op_call *c) {
    TRY(op_check_dtype(c, 0, DTYPES_FLOAT));
    int axis;
    if (c->in[0].shape.rank >= 0)
        TRY(op_axis(c, node_int(c->node, "axis", -1), c->in[0].shape.rank, &axis));
    return infer_same(c);
}

static void soft_line(const struct view *x, const struct view *y, int64_t at, int64_t n,
                      int64_t step, bool log_of) {
    double max = -INFINITY, sum = 0;
    for (int64_t i = 0; i < n; i++) {
        double v = get(x, at + i * step);
        if (v > max) max = v;
    }
    for (int64_t i = 0; i < n; i++) sum += exp(get(x, at + i * step) - max);
    for (int64_t i = 0; i < n; i++) {
        double v = get(x, at + i * step) - max;
        set(y, at + i * step, log_of ? v - log(sum) : exp(v) / sum);
    }
}

static void hard_line(const struct view *x, const struct view *y, int64_t at, int64_t n,
                      int64_t step) {
    int64_t best = 0;
    for (int64_t i = 1; i < n; i++)
        if (get(x, at + i * step) > get(x, at + best * step)) best = i;
    for (int64_t i = 0; i < n; i++) set(y, at + i * step, i == best);
}

static enum status run_softmax(struct op_call *c) {
    const struct view *x = &c->in[0], *y = &c->out[0];
    const struct shape *s = &x->shape;
    int axis;
    TRY(op_axis(c, node_int(c->node, "axis", -1), s->rank, &axis));
    int64_t outer = shape_product(s, 0, axis), n = s->dim[axis];
    int64_t step = shape_product(s, axis + 1, s->rank);
    for (int64_t o = 0; o < outer; o++)
        for (int64_t i = 0; i < step; i++) {
            int64_t at = o * n * step + i;
            if (c->node->op == OP_Hardmax) hard_line(x, y, at, n, step);
            else soft_line(x, y, at, n, step, c->node->op == OP_LogSoftmax);
        }
    return STATUS_OK;
}

static const struct attr_spec softmax_attrs[] = {{"axis", ATTR_INT}, {NULL}};

const struct op_def op_def_Softmax = {
    .name = "Softmax", .min_inputs = 1, .max_inputs = 1, .min_outputs = 1, .max_outputs = 1,
    .infer = infer_softmax, .run = run_softmax, .attrs = softmax_attrs,
};
const struct op_def op_def_LogSoftmax = {
    .name = "LogSoftmax", .min_inputs = 1, .max_inputs = 1, .min_outputs = 1, .max_outputs = 1,
    .infer = infer_softmax, .run = run_softmax, .attrs = softmax_attrs,
};
const struct op_def op_def_Hardmax = {
    .name = "Hardmax", .min_inputs = 1, .max_inputs = 1, .min_outputs = 1, .max_outputs = 1,
    .infer = infer_softmax, .run = run_softmax, .attrs = softmax_attrs,
};
