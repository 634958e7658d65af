/* SPDX-License-Identifier: Apache-2.0 */
/* Operators of two inputs that work element by element, with NumPy broadcasting. */
#include "ops/op.h"

static enum status infer_binary(struct op_call *c) {
    OP_CHECK(c, c->in[0].dtype == c->in[1].dtype, STATUS_SHAPE, "inputs are %s and %s",
             dtype_name(c->in[0].dtype), dtype_name(c->in[1].dtype));
    struct shape s;
    TRY(op_broadcast(c, &c->in[0].shape, &c->in[1].shape, &s));
    op_output(c, 0, c->in[0].dtype, s);
    return STATUS_OK;
}

/* Offset of element i of `out` in an operand broadcast to it. */
static int64_t source_index(const struct shape *out, const struct shape *in, int64_t i) {
    int64_t at = 0, stride = 1;
    for (int d = out->rank - 1, k = in->rank - 1; k >= 0; d--, k--) {
        int64_t x = i % out->dim[d];
        i /= out->dim[d];
        if (in->dim[k] != 1) at += x * stride;
        stride *= in->dim[k];
    }
    return at;
}

static enum status run_add(struct op_call *c) {
    const struct view *a = &c->in[0], *b = &c->in[1], *y = &c->out[0];
    int64_t n = shape_elements(&y->shape);
    for (int64_t i = 0; i < n; i++) {
        int64_t ia = source_index(&y->shape, &a->shape, i), ib = source_index(&y->shape, &b->shape, i);
        if (dtype_is_float(y->dtype)) view_set_f64(y, i, view_get_f64(a, ia) + view_get_f64(b, ib));
        else
            view_set_i64(y, i, (int64_t)((uint64_t)view_get_i64(a, ia) + (uint64_t)view_get_i64(b, ib)));
    }
    return STATUS_OK;
}

const struct op_def op_def_Add = {
    .name = "Add", .min_inputs = 2, .max_inputs = 2, .min_outputs = 1, .max_outputs = 1,
    .infer = infer_binary, .run = run_add,
};
