/* SPDX-License-Identifier: Apache-2.0 */
/* Writing by index into a copy of the data: ScatterElements, Scatter, ScatterND, TensorScatter.
 * Negative indices count from the end; others out of range are an error. */
#include <inttypes.h>

#include "ops/elements.h"

enum reduction { REDUCE_NONE, REDUCE_ADD, REDUCE_MUL, REDUCE_MAX, REDUCE_MIN };

static enum status read_reduction(const struct op_call *c, enum reduction *out) {
    static const char *const names[] = {"none", "add", "mul", "max", "min"};
    const char *name = node_string(c->node, "reduction", "none");
    for (int i = 0; i < 5; i++)
        if (!strcmp(name, names[i])) {
            *out = (enum reduction)i;
            return STATUS_OK;
        }
    OP_FAIL(c, STATUS_UNSUPPORTED, "reduction '%s' is none of none, add, mul, max, min", name);
}

static void copy_data(struct op_call *c) {
    size_t bytes = (size_t)shape_elements(&c->in[0].shape) * dtype_size(c->in[0].dtype);
    if (bytes && c->out[0].data != c->in[0].data) memcpy(c->out[0].data, c->in[0].data, bytes);
}

/* y[to] = reduction(y[to], x[from]) for n elements. */
static void put(enum reduction r, const struct view *y, int64_t to, const struct view *x,
                int64_t from, int64_t n) {
    size_t bytes = dtype_size(y->dtype);
    if (r == REDUCE_NONE) {
        memcpy((char *)y->data + (size_t)to * bytes,
               (const char *)x->data + (size_t)from * bytes, (size_t)n * bytes);
        return;
    }
    bool is_u64 = y->dtype == DT_U64;
    for (int64_t i = 0; i < n; i++) {
        if (dtype_is_float(y->dtype)) {
            double a = view_get_f64(y, to + i), b = view_get_f64(x, from + i);
            double v = r == REDUCE_ADD   ? a + b
                       : r == REDUCE_MUL ? a * b
                       : r == REDUCE_MAX ? (b > a || b != b ? b : a)
                                         : (b < a || b != b ? b : a);
            view_set_f64(y, to + i, v);
        } else {
            int64_t a = view_get_i64(y, to + i), b = view_get_i64(x, from + i);
            int64_t v = r == REDUCE_ADD   ? (int64_t)((uint64_t)a + (uint64_t)b)
                        : r == REDUCE_MUL ? (int64_t)((uint64_t)a * (uint64_t)b)
                        : r == REDUCE_MAX ? (elements_less(a, b, is_u64) ? b : a)
                                          : (elements_less(b, a, is_u64) ? b : a);
            view_set_i64(y, to + i, v);
        }
    }
}

/* ---- ScatterElements, Scatter ---- */

static enum status infer_scatter_elements(struct op_call *c) {
    const struct shape *in = &c->in[0].shape, *indices = &c->in[1].shape;
    const struct shape *updates = &c->in[2].shape;
    enum reduction r;
    TRY(read_reduction(c, &r));
    TRY(op_check_dtype(c, 1, DTYPES_INDEX));
    TRY(op_check_same_dtype(c, 0, 2));
    char a[128], b[128];
    OP_CHECK(c, !shape_known(indices) || !shape_known(updates) || shape_equal(indices, updates),
             STATUS_SHAPE, "indices are %s, updates are %s", shape_text(indices, a),
             shape_text(updates, b));
    if (in->rank >= 0) {
        int axis;
        TRY(op_axis(c, node_int(c->node, "axis", 0), in->rank, &axis));
        OP_CHECK(c, indices->rank < 0 || indices->rank == in->rank, STATUS_SHAPE,
                 "data has rank %d, indices have %d", in->rank, indices->rank);
        for (int d = 0; d < indices->rank; d++)
            OP_CHECK(c, d == axis || in->dim[d] < 0 || indices->dim[d] <= in->dim[d], STATUS_SHAPE,
                     "indices are larger than data in dimension %d", d);
    }
    return infer_same(c);
}

static enum status run_scatter_elements(struct op_call *c) {
    const struct view *y = &c->out[0];
    const struct shape *indices = &c->in[1].shape;
    enum reduction r;
    int axis, rank = y->shape.rank;
    TRY(read_reduction(c, &r));
    TRY(op_axis(c, node_int(c->node, "axis", 0), rank, &axis));
    int64_t stride[SHAPE_MAX_RANK], index[SHAPE_MAX_RANK] = {0}, n = shape_elements(indices);
    copy_data(c);
    shape_strides(&y->shape, stride);
    for (int64_t i = 0; i < n; i++) {
        int64_t at = 0, along = 0;
        TRY(op_read_index(c, 1, i, y->shape.dim[axis], &along));
        for (int d = 0; d < rank; d++) at += stride[d] * (d == axis ? along : index[d]);
        put(r, y, at, &c->in[2], i, 1);
        for (int d = rank - 1; d >= 0 && ++index[d] == indices->dim[d]; d--) index[d] = 0;
    }
    return STATUS_OK;
}

const struct op_def op_def_ScatterElements = {
    .name = "ScatterElements", .min_inputs = 3, .max_inputs = 3, .min_outputs = 1,
    .max_outputs = 1, .infer = infer_scatter_elements, .run = run_scatter_elements,
    .attrs = (const struct attr_spec[]){{"axis", ATTR_INT}, {"reduction", ATTR_STRING}, {0}},
};
const struct op_def op_def_Scatter = {
    .name = "Scatter", .min_inputs = 3, .max_inputs = 3, .min_outputs = 1, .max_outputs = 1,
    .infer = infer_scatter_elements, .run = run_scatter_elements,
    .attrs = (const struct attr_spec[]){{"axis", ATTR_INT}, {0}},
};

/* ---- ScatterND ---- */

static enum status infer_scatter_nd(struct op_call *c) {
    const struct shape *in = &c->in[0].shape, *indices = &c->in[1].shape;
    const struct shape *updates = &c->in[2].shape;
    enum reduction r;
    TRY(read_reduction(c, &r));
    TRY(op_check_dtype(c, 1, DTYPES_INDEX));
    TRY(op_check_same_dtype(c, 0, 2));
    OP_CHECK(c, indices->rank != 0 && in->rank != 0, STATUS_SHAPE, "data and indices need a rank");
    if (in->rank < 0 || indices->rank < 0 || indices->dim[indices->rank - 1] < 0)
        return infer_same(c);
    int64_t depth = indices->dim[indices->rank - 1];
    OP_CHECK(c, depth <= in->rank, STATUS_SHAPE,
             "each index has %" PRId64 " entries, but the data has rank %d", depth, in->rank);
    struct shape want = {.rank = indices->rank - 1 + in->rank - (int)depth};
    char a[128], b[128];
    OP_CHECK(c, want.rank <= SHAPE_MAX_RANK, STATUS_LIMIT, "updates would have rank %d", want.rank);
    for (int d = 0; d < indices->rank - 1; d++) want.dim[d] = indices->dim[d];
    for (int d = (int)depth; d < in->rank; d++)
        want.dim[indices->rank - 1 + d - depth] = in->dim[d];
    OP_CHECK(c, !shape_known(&want) || !shape_known(updates) || shape_equal(&want, updates),
             STATUS_SHAPE, "updates are %s instead of %s", shape_text(updates, a),
             shape_text(&want, b));
    return infer_same(c);
}

static enum status run_scatter_nd(struct op_call *c) {
    const struct view *y = &c->out[0];
    const struct shape *indices = &c->in[1].shape;
    enum reduction r;
    TRY(read_reduction(c, &r));
    int depth = (int)indices->dim[indices->rank - 1];
    int64_t n = shape_span(indices, 0, indices->rank - 1), stride[SHAPE_MAX_RANK];
    int64_t part = shape_span(&y->shape, depth, y->shape.rank);
    copy_data(c);
    shape_strides(&y->shape, stride);
    for (int64_t i = 0; i < n && part; i++) {
        int64_t at = 0;
        for (int d = 0; d < depth; d++) {
            int64_t index = 0;
            TRY(op_read_index(c, 1, i * depth + d, y->shape.dim[d], &index));
            at += index * stride[d];
        }
        put(r, y, at, &c->in[2], i * part, part);
    }
    return STATUS_OK;
}

const struct op_def op_def_ScatterND = {
    .name = "ScatterND", .min_inputs = 3, .max_inputs = 3, .min_outputs = 1, .max_outputs = 1,
    .infer = infer_scatter_nd, .run = run_scatter_nd,
    .attrs = (const struct attr_spec[]){{"reduction", ATTR_STRING}, {0}},
};

/* ---- TensorScatter: writes new rows into a cache, a position per batch item ---- */

static enum status read_cache_axis(const struct op_call *c, int *axis, bool *circular) {
    const char *mode = node_string(c->node, "mode", "linear");
    *circular = !strcmp(mode, "circular");
    OP_CHECK(c, *circular || !strcmp(mode, "linear"), STATUS_UNSUPPORTED,
             "mode '%s' is neither linear nor circular", mode);
    TRY(op_axis(c, node_int(c->node, "axis", -2), c->in[0].shape.rank, axis));
    OP_CHECK(c, *axis > 0, STATUS_SHAPE, "axis 0 is the batch");
    return STATUS_OK;
}

static enum status infer_tensor_scatter(struct op_call *c) {
    const struct shape *in = &c->in[0].shape, *update = &c->in[1].shape;
    TRY(op_check_same_dtype(c, 0, 1));
    TRY(op_check_dtype(c, 2, DTYPES_INDEX));
    if (in->rank >= 0) {
        int axis;
        bool circular;
        TRY(read_cache_axis(c, &axis, &circular));
        OP_CHECK(c, update->rank < 0 || update->rank == in->rank, STATUS_SHAPE,
                 "the cache has rank %d, the update %d", in->rank, update->rank);
        for (int d = 0; d < update->rank; d++)
            OP_CHECK(c,
                     in->dim[d] < 0 || update->dim[d] < 0 || update->dim[d] == in->dim[d] ||
                         (d == axis && update->dim[d] < in->dim[d]),
                     STATUS_SHAPE, "the update does not fit the cache in dimension %d", d);
        int64_t n = op_has_input(c, 2) ? shape_elements(&c->in[2].shape) : -1;
        OP_CHECK(c, n < 0 || in->dim[0] < 0 || n == in->dim[0], STATUS_SHAPE,
                 "there are %" PRId64 " write indices for %" PRId64 " batch items", n, in->dim[0]);
    }
    return infer_same(c);
}

static enum status run_tensor_scatter(struct op_call *c) {
    const struct view *y = &c->out[0], *update = &c->in[1];
    int axis;
    bool circular;
    TRY(read_cache_axis(c, &axis, &circular));
    copy_data(c);
    if (!shape_elements(&update->shape)) return STATUS_OK;
    int64_t middle = shape_span(&y->shape, 1, axis), size = y->shape.dim[axis];
    int64_t inner = shape_span(&y->shape, axis + 1, y->shape.rank);
    int64_t n_new = update->shape.dim[axis];
    for (int64_t b = 0; b < y->shape.dim[0]; b++) {
        int64_t first = op_has_input(c, 2) ? view_get_i64(&c->in[2], b) : 0;
        OP_CHECK(c, first >= 0 && (circular || first <= size - n_new), STATUS_ARGUMENT,
                 "write index %" PRId64 " of batch item %" PRId64 " leaves a cache of %" PRId64,
                 first, b, size);
        for (int64_t m = 0; m < middle; m++)
            for (int64_t k = 0; k < n_new; k++)
                put(REDUCE_NONE, y, ((b * middle + m) * size + (first % size + k) % size) * inner,
                    update, ((b * middle + m) * n_new + k) * inner, inner);
    }
    return STATUS_OK;
}

const struct op_def op_def_TensorScatter = {
    .name = "TensorScatter", .min_inputs = 2, .max_inputs = 3, .min_outputs = 1, .max_outputs = 1,
    .infer = infer_tensor_scatter, .run = run_tensor_scatter,
    .attrs = (const struct attr_spec[]){{"axis", ATTR_INT}, {"mode", ATTR_STRING}, {0}},
};
