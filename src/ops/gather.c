/* SPDX-License-Identifier: Apache-2.0 */
/* Reading by index: Gather, GatherElements, GatherND, Compress, OneHot. Negative indices count from
 * the end; others out of range are an error.
 *
 * GatherChannels is not of ONNX: channel k of its result is channel `channels`[k] of its inputs, as
 * if they were joined along dimension 1. Only passes make it (passes/trace_channels.c). */
#include <inttypes.h>

#include "ops/elements.h"

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
        TRY(op_read_index(c, 1, i, size, &from));
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

/* ---- GatherChannels ---- */

static enum status infer_gather_channels(struct op_call *c) {
    const struct attr *channels = node_attr(c->node, "channels");
    OP_CHECK(c, channels && channels->n > 0, STATUS_FORMAT, "'channels' is missing");
    OP_CHECK(c, (int64_t)c->n_inputs * channels->n <= 1 << 26, STATUS_LIMIT,
             "%d inputs and %d channels are too many", c->n_inputs, channels->n);
    struct shape s = c->in[0].shape;
    int64_t total = 0;
    for (int i = 0; i < c->n_inputs; i++) {
        const struct shape *in = &c->in[i].shape;
        char a[128], b[128];
        OP_CHECK(c, op_has_input(c, i), STATUS_FORMAT, "input %d is missing", i);
        TRY(op_check_same_dtype(c, 0, i));
        OP_CHECK(c, in->rank >= 2 && in->rank == s.rank && in->dim[1] >= 0, STATUS_SHAPE,
                 "input %d is %s, which has no known channels or another rank than %s", i,
                 shape_text(in, a), shape_text(&s, b));
        for (int d = 0; d < s.rank; d++)
            OP_CHECK(c, d == 1 || s.dim[d] == in->dim[d], STATUS_SHAPE,
                     "input %d is %s, which does not join %s along dimension 1", i,
                     shape_text(in, a), shape_text(&s, b));
        OP_CHECK(c, !__builtin_add_overflow(total, in->dim[1], &total), STATUS_LIMIT,
                 "the inputs have too many channels");
    }
    for (int k = 0; k < channels->n; k++)
        OP_CHECK(c, channels->ints[k] >= 0 && channels->ints[k] < total, STATUS_FORMAT,
                 "channel %" PRId64 " is none of %" PRId64, channels->ints[k], total);
    s.dim[1] = channels->n;
    return op_output_bounded(c, 0, c->in[0].dtype, s);
}

static enum status run_gather_channels(struct op_call *c) {
    const struct view *y = &c->out[0];
    const struct attr *channels = node_attr(c->node, "channels");
    const size_t bytes = (size_t)shape_span(&y->shape, 2, y->shape.rank) * dtype_size(y->dtype);
    for (int64_t n = 0; n < y->shape.dim[0]; n++)
        for (int k = 0; k < channels->n; k++) {
            int64_t at = channels->ints[k];
            int i = 0;
            while (at >= c->in[i].shape.dim[1]) at -= c->in[i++].shape.dim[1];
            memcpy((char *)y->data + (size_t)(n * channels->n + k) * bytes,
                   (const char *)c->in[i].data + (size_t)(n * c->in[i].shape.dim[1] + at) * bytes,
                   bytes);
        }
    return STATUS_OK;
}

const struct op_def op_def_GatherChannels = {
    .name = "GatherChannels", .min_inputs = 1, .max_inputs = -1, .min_outputs = 1, .max_outputs = 1,
    .infer = infer_gather_channels, .run = run_gather_channels,
    .attrs = (const struct attr_spec[]){{"channels", ATTR_INTS}, {0}},
};

/* ---- GatherElements ---- */

static enum status infer_gather_elements(struct op_call *c) {
    const struct shape *in = &c->in[0].shape, *indices = &c->in[1].shape;
    TRY(op_check_dtype(c, 1, DTYPES_INDEX));
    if (in->rank >= 0) {
        int axis;
        TRY(op_axis(c, node_int(c->node, "axis", 0), in->rank, &axis));
        OP_CHECK(c, indices->rank < 0 || indices->rank == in->rank, STATUS_SHAPE,
                 "data has rank %d, indices have %d", in->rank, indices->rank);
        for (int d = 0; d < indices->rank; d++)
            OP_CHECK(c, d == axis || in->dim[d] < 0 || indices->dim[d] <= in->dim[d], STATUS_SHAPE,
                     "indices are larger than data in dimension %d", d);
    }
    return op_output_bounded(c, 0, c->in[0].dtype, *indices);
}

static enum status run_gather_elements(struct op_call *c) {
    const struct view *x = &c->in[0], *y = &c->out[0];
    int rank = x->shape.rank, axis;
    TRY(op_axis(c, node_int(c->node, "axis", 0), rank, &axis));
    int64_t stride[SHAPE_MAX_RANK], index[SHAPE_MAX_RANK] = {0}, n = shape_elements(&y->shape);
    size_t bytes = dtype_size(x->dtype);
    shape_strides(&x->shape, stride);
    for (int64_t i = 0; i < n; i++) {
        int64_t at = 0, along = 0;
        TRY(op_read_index(c, 1, i, x->shape.dim[axis], &along));
        for (int d = 0; d < rank; d++) at += stride[d] * (d == axis ? along : index[d]);
        memcpy((char *)y->data + (size_t)i * bytes, (const char *)x->data + (size_t)at * bytes,
               bytes);
        for (int d = rank - 1; d >= 0 && ++index[d] == y->shape.dim[d]; d--) index[d] = 0;
    }
    return STATUS_OK;
}

const struct op_def op_def_GatherElements = {
    .name = "GatherElements", .min_inputs = 2, .max_inputs = 2, .min_outputs = 1,
    .max_outputs = 1, .infer = infer_gather_elements, .run = run_gather_elements,
    .attrs = (const struct attr_spec[]){{"axis", ATTR_INT}, {0}},
};

/* ---- GatherND ---- */

static enum status infer_gather_nd(struct op_call *c) {
    const struct shape *in = &c->in[0].shape, *indices = &c->in[1].shape;
    struct shape s = shape_unknown();
    int64_t batch = node_int(c->node, "batch_dims", 0);
    TRY(op_check_dtype(c, 1, DTYPES_INDEX));
    OP_CHECK(c, batch >= 0, STATUS_SHAPE, "batch_dims is %" PRId64, batch);
    if (in->rank >= 0 && indices->rank >= 0) {
        OP_CHECK(c, indices->rank > batch && in->rank > batch, STATUS_SHAPE,
                 "batch_dims %" PRId64 " is too large for ranks %d and %d", batch, in->rank,
                 indices->rank);
        for (int d = 0; d < batch; d++)
            OP_CHECK(c, in->dim[d] < 0 || indices->dim[d] < 0 || in->dim[d] == indices->dim[d],
                     STATUS_SHAPE, "data and indices differ in batch dimension %d", d);
        int64_t depth = indices->dim[indices->rank - 1];
        if (depth >= 0) {
            OP_CHECK(c, depth >= 1 && depth <= in->rank - batch, STATUS_SHAPE,
                     "each index has %" PRId64 " entries; the data has %d dimensions for them",
                     depth, in->rank - (int)batch);
            int first = (int)(batch + depth);
            s.rank = indices->rank - 1 + in->rank - first;
            OP_CHECK(c, s.rank <= SHAPE_MAX_RANK, STATUS_LIMIT,
                     "the result has %d dimensions; at most %d are supported", s.rank,
                     SHAPE_MAX_RANK);
            for (int d = 0; d < indices->rank - 1; d++) s.dim[d] = indices->dim[d];
            for (int d = first; d < in->rank; d++)
                s.dim[indices->rank - 1 + d - first] = in->dim[d];
        }
    }
    return op_output_bounded(c, 0, c->in[0].dtype, s);
}

static enum status run_gather_nd(struct op_call *c) {
    const struct view *x = &c->in[0], *y = &c->out[0];
    const struct shape *indices = &c->in[1].shape;
    int batch = (int)node_int(c->node, "batch_dims", 0);
    int depth = (int)indices->dim[indices->rank - 1];
    int64_t n_batch = shape_span(indices, 0, batch);
    int64_t n = shape_span(indices, batch, indices->rank - 1);
    int64_t batch_step = shape_span(&x->shape, batch, x->shape.rank), stride[SHAPE_MAX_RANK];
    size_t bytes =
        (size_t)shape_span(&x->shape, batch + depth, x->shape.rank) * dtype_size(x->dtype);
    size_t element_bytes = dtype_size(x->dtype);
    if (!shape_elements(&y->shape)) return STATUS_OK;
    shape_strides(&x->shape, stride);
    for (int64_t i = 0; i < n_batch * n; i++) {
        int64_t at = i / n * batch_step;
        for (int d = 0; d < depth; d++) {
            int64_t index = 0;
            TRY(op_read_index(c, 1, i * depth + d, x->shape.dim[batch + d], &index));
            at += index * stride[batch + d];
        }
        memcpy((char *)y->data + (size_t)i * bytes,
               (const char *)x->data + (size_t)at * element_bytes, bytes);
    }
    return STATUS_OK;
}

const struct op_def op_def_GatherND = {
    .name = "GatherND", .min_inputs = 2, .max_inputs = 2, .min_outputs = 1, .max_outputs = 1,
    .infer = infer_gather_nd, .run = run_gather_nd,
    .attrs = (const struct attr_spec[]){{"batch_dims", ATTR_INT}, {0}},
};

/* ---- Compress ---- */

static enum status infer_compress(struct op_call *c) {
    const struct shape *in = &c->in[0].shape;
    struct shape s = {.rank = 1, .dim = {-1}};
    TRY(op_check_dtype(c, 1, DTYPES_BOOL));
    OP_CHECK(c, c->in[1].shape.rank < 0 || c->in[1].shape.rank == 1, STATUS_SHAPE,
             "the condition has rank %d instead of 1", c->in[1].shape.rank);
    if (node_attr(c->node, "axis")) {
        s = *in;
        int axis = 0;
        if (s.rank >= 0) {
            TRY(op_axis(c, node_int(c->node, "axis", 0), s.rank, &axis));
            s.dim[axis] = -1;
        }
    }
    op_output(c, 0, c->in[0].dtype, s);
    return STATUS_OK;
}

static enum status run_compress(struct op_call *c) {
    const struct view *x = &c->in[0];
    const uint8_t *keep = c->in[1].data;
    struct shape s = {.rank = 1};
    int axis = 0;
    int64_t outer = 1, size = shape_elements(&x->shape), n = 0;
    size_t bytes = dtype_size(x->dtype);
    bool along = node_attr(c->node, "axis");
    if (along) {
        TRY(op_axis(c, node_int(c->node, "axis", 0), x->shape.rank, &axis));
        s = x->shape;
        outer = shape_span(&x->shape, 0, axis);
        size = x->shape.dim[axis];
        bytes *= (size_t)shape_span(&x->shape, axis + 1, x->shape.rank);
    }
    /* A condition shorter than the axis leaves out the rest; a longer one is cut. */
    int64_t n_keep = c->in[1].shape.dim[0] < size ? c->in[1].shape.dim[0] : size;
    for (int64_t i = 0; i < n_keep; i++) n += keep[i] != 0;
    s.dim[axis] = n;
    TRY(op_set_output_shape(c, 0, s));
    if (!shape_elements(&s)) return STATUS_OK;
    char *to = c->out[0].data;
    for (int64_t o = 0; o < outer; o++)
        for (int64_t i = 0; i < n_keep; i++) {
            if (!keep[i]) continue;
            memcpy(to, (const char *)x->data + (size_t)(o * size + i) * bytes, bytes);
            to += bytes;
        }
    return STATUS_OK;
}

const struct op_def op_def_Compress = {
    .name = "Compress", .min_inputs = 2, .max_inputs = 2, .min_outputs = 1, .max_outputs = 1,
    .flags = OP_LATE_SHAPE, .infer = infer_compress, .run = run_compress,
    .attrs = (const struct attr_spec[]){{"axis", ATTR_INT}, {0}},
};

/* ---- OneHot ---- */

static enum status one_hot_axis(const struct op_call *c, int *axis) {
    return op_axis(c, node_int(c->node, "axis", -1), c->in[0].shape.rank + 1, axis);
}

static enum status infer_one_hot(struct op_call *c) {
    const struct shape *in = &c->in[0].shape;
    struct shape s = shape_unknown();
    int64_t depth, n_values = shape_elements(&c->in[2].shape);
    bool known;
    TRY(op_check_dtype(c, 0, DTYPES_NUMBER));
    TRY(op_check_dtype(c, 1, DTYPES_NUMBER));
    OP_CHECK(c, n_values < 0 || n_values == 2, STATUS_SHAPE,
             "'values' has %" PRId64 " elements instead of 2", n_values);
    TRY(op_known_int(c, 1, &depth, &known));
    OP_CHECK(c, !known || depth >= 0, STATUS_ARGUMENT, "the depth is %" PRId64, depth);
    if (in->rank >= 0) {
        int axis, from = 0;
        OP_CHECK(c, in->rank < SHAPE_MAX_RANK, STATUS_LIMIT,
                 "the result has %d dimensions; at most %d are supported", in->rank + 1,
                 SHAPE_MAX_RANK);
        TRY(one_hot_axis(c, &axis));
        s.rank = in->rank + 1;
        for (int d = 0; d < s.rank; d++)
            s.dim[d] = d != axis ? in->dim[from++] : known ? depth : -1;
    }
    return op_output_bounded(c, 0, c->in[2].dtype, s);
}

static enum status run_one_hot(struct op_call *c) {
    const struct view *y = &c->out[0];
    int axis;
    TRY(op_confirm_outputs(c));
    TRY(one_hot_axis(c, &axis));
    int64_t depth = y->shape.dim[axis], n = shape_elements(&y->shape);
    int64_t inner = shape_span(&y->shape, axis + 1, y->shape.rank);
    int64_t n_indices = shape_elements(&c->in[0].shape);
    size_t bytes = dtype_size(y->dtype);
    const char *off = c->in[2].data, *on = off + bytes;
    for (int64_t i = 0; i < n; i++) memcpy((char *)y->data + (size_t)i * bytes, off, bytes);
    if (!n) return STATUS_OK;
    for (int64_t i = 0; i < n_indices; i++) {
        int64_t index = view_get_i64(&c->in[0], i);
        if (index < -depth || index >= depth) continue; /* all off, says the specification */
        if (index < 0) index += depth;
        int64_t at = (i / inner * depth + index) * inner + i % inner;
        memcpy((char *)y->data + (size_t)at * bytes, on, bytes);
    }
    return STATUS_OK;
}

const struct op_def op_def_OneHot = {
    .name = "OneHot", .min_inputs = 3, .max_inputs = 3, .min_outputs = 1, .max_outputs = 1,
    .infer = infer_one_hot, .run = run_one_hot,
    .attrs = (const struct attr_spec[]){{"axis", ATTR_INT}, {0}},
};
