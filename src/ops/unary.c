/* SPDX-License-Identifier: Apache-2.0 */
/* Operators of one input that work element by element. */
#include <string.h>

#include "ops/op.h"

static enum status run_identity(struct op_call *c) {
    memcpy(c->out[0].data, c->in[0].data,
           (size_t)shape_elements(&c->in[0].shape) * dtype_size(c->in[0].dtype));
    return STATUS_OK;
}

const struct op_def op_def_Identity = {
    .name = "Identity", .min_inputs = 1, .max_inputs = 1, .min_outputs = 1, .max_outputs = 1,
    .infer = infer_same, .run = run_identity,
};

static enum status run_relu(struct op_call *c) {
    int64_t n = shape_elements(&c->in[0].shape);
    for (int64_t i = 0; i < n; i++) {
        double x = view_get_f64(&c->in[0], i);
        view_set_f64(&c->out[0], i, x < 0 ? 0 : x); /* NaN stays NaN */
    }
    return STATUS_OK;
}

const struct op_def op_def_Relu = {
    .name = "Relu", .min_inputs = 1, .max_inputs = 1, .min_outputs = 1, .max_outputs = 1,
    .infer = infer_same, .run = run_relu,
};
