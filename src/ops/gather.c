/* SPDX-License-Identifier: Apache-2.0 */
/* Reading by index: Gather, GatherElements, GatherND, Compress, OneHot. Negative indices count from
 * the end; others out of range are an error. */
#include <inttypes.h>

#include "ops/elements.h"

static enum status read_index(const struct op_call *c, int i, int64_t at, int64_t size,
                              int64_t *out) {
    int64_t index = view_get_i64(&c->in[i], at);
    OP_CHECK(c, index >= -size && index < size, STATUS_ARGUMENT,
             "index %" PRId64 " (element %" PRId64 " of '%s') is outside an axis of %" PRId64, index,
             at, c->in[i].name, size);
    *out = index < 0 ? index + size : index;
    return STATUS_OK;
}

/* ---- Gather ---- */

static enum status infer_gather(struct op_call *c) {
    const struct shape *in = &c->in[0].shape, *indices = &c->in[1].shape;
    struct shape s = shape_unknown();
    TRY(op_check_dtype(c, 1, DTYPES_INDEX));
    if (in->rank >= 0) {
        int axis;
        TRY(op_axis(c, node_int(c->node, "axis", 0), in->rank, &axis));
        if (indices->rank >= 0) {
            s.rank = in->rank - 1 + indices->rank;
            OP_CHECK(c, s.rank <= SHAPE_MAX_RANK, STATUS_LIMIT,
                     "the result has %d dimensions; at most %d are supported", s.rank,
                     SHAPE_MAX_RANK);
            int to = 0;
            for (int i = 0; i < axis; i++) s.dim[to++] = in->dim[i];
            for (int i = 0; i < indices->rank; i++) s.dim[to++] = indices->dim[i];
            for (int i = axis + 1; i < in->rank; i++) s.dim[to++] = in->dim[i];
        }
    }
    return op_output_bounded(c, 0, c->in[0].dtype, s);
}

static enum status run_gather(struct op_call *c) {
    const struct view *x = &c->in[0], *y = &c->out[0];
    int axis;
    TRY(op_axis(c, node_int(c->node, "axis", 0), x->shape.rank, &axis));
    int64_t outer = shape_span(&x->shape, 0, axis), size = x->shape.dim[axis];
    int64_t n = shape_elements(&c->in[1].shape);
    size_t bytes = (size_t)shape_span(&x->shape, axis + 1, x->shape.rank) * dtype_size(x->dtype);
    if (!shape_elements(&y->shape)) return STATUS_OK;
    for (int64_t i = 0; i < n; i++) {
        int64_t from = 0;
        TRY(read_index(c, 1, i, size, &from));
        for (int64_t o = 0; o < outer; o++)
            memcpy((char *)y->data + (size_t)(o * n + i) * bytes,
                   (const char *)x->data + (size_t)(o * size + from) * bytes, bytes);
    }
    return STATUS_OK;
}

const struct op_def op_def_Gather = {
    .name = "Gather", .min_inputs = 2, .max_inputs = 2, .min_outputs = 1, .max_outputs = 1,
    .infer = infer_gather, .run = run_gather,
    .attrs = (const struct attr_spec[]){{"axis", ATTR_INT}, {0}},
};
