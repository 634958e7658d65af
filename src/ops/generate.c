/* SPDX-License-Identifier: Apache-2.0 */
/* Operators that make tensors from little: ConstantOfShape, Range, EyeLike, window functions. */
#include <inttypes.h>
#include <math.h>

#include "ops/elements.h"

/* ---- ConstantOfShape ---- */

/* Input 1, where present, is the one element to fill with; without it f32 zeros. */
static enum status infer_constant_of_shape(struct op_call *c) {
    const struct shape *operand = &c->in[0].shape;
    struct shape s = shape_unknown();
    int64_t dims[SHAPE_MAX_RANK], ignored;
    bool known;
    int n;
    TRY(op_check_dtype(c, 0, DTYPES_INDEX));
    TRY(op_known_ints(c, 0, dims, SHAPE_MAX_RANK, &n));
    TRY(op_known_int(c, 1, &ignored, &known));
    if (n >= 0) {
        s = shape_from(n, dims);
        for (int i = 0; i < n; i++)
            OP_CHECK(c, dims[i] >= 0, STATUS_SHAPE, "dimension %d is %" PRId64, i, dims[i]);
    } else if (operand->rank == 1 && operand->dim[0] >= 0 && operand->dim[0] <= SHAPE_MAX_RANK) {
        s.rank = (int)operand->dim[0];
        for (int i = 0; i < s.rank; i++) s.dim[i] = -1;
    }
    return op_output_bounded(c, 0, op_has_input(c, 1) ? c->in[1].dtype : DT_F32, s);
}

static enum status run_constant_of_shape(struct op_call *c) {
    const struct view *y = &c->out[0];
    TRY(op_confirm_outputs(c));
    size_t bytes = dtype_size(y->dtype), n = (size_t)shape_elements(&y->shape);
    if (n && !op_has_input(c, 1)) memset(y->data, 0, n * bytes);
    else
        for (size_t i = 0; i < n; i++)
            memcpy((char *)y->data + i * bytes, c->in[1].data, bytes);
    return STATUS_OK;
}

const struct op_def op_def_ConstantOfShape = {
    .name = "ConstantOfShape", .min_inputs = 1, .max_inputs = 2, .min_outputs = 1,
    .max_outputs = 1, .infer = infer_constant_of_shape, .run = run_constant_of_shape,
};

/* ---- Range ---- */

static enum status range_count(const struct op_call *c, int64_t *count) {
    bool known, all = true;
    *count = -1;
    if (dtype_is_float(c->in[0].dtype)) {
        double v[3];
        for (int i = 0; i < 3; i++) {
            TRY(op_known_f64(c, i, &v[i], &known));
            all &= known;
        }
        if (!all) return STATUS_OK;
        OP_CHECK(c, isfinite(v[0]) && isfinite(v[1]) && isfinite(v[2]), STATUS_ARGUMENT,
                 "start, limit and delta must be finite, not %g, %g, %g", v[0], v[1], v[2]);
        OP_CHECK(c, v[2] != 0, STATUS_ARGUMENT, "delta is 0");
        double n = ceil((v[1] - v[0]) / v[2]);
        OP_CHECK(c, n < 9e15, STATUS_LIMIT, "the range has %g elements", n);
        *count = n > 0 ? (int64_t)n : 0;
        return STATUS_OK;
    }
    int64_t v[3];
    for (int i = 0; i < 3; i++) {
        TRY(op_known_int(c, i, &v[i], &known));
        all &= known;
    }
    if (!all) return STATUS_OK;
    OP_CHECK(c, v[2] != 0, STATUS_ARGUMENT, "delta is 0");
    bool up = v[2] > 0;
    uint64_t span = up ? (uint64_t)v[1] - (uint64_t)v[0] : (uint64_t)v[0] - (uint64_t)v[1];
    uint64_t step = up ? (uint64_t)v[2] : 0 - (uint64_t)v[2];
    uint64_t n = (up ? v[0] < v[1] : v[0] > v[1]) ? (span - 1) / step + 1 : 0;
    OP_CHECK(c, n <= INT64_MAX, STATUS_LIMIT, "the range has too many elements");
    *count = (int64_t)n;
    return STATUS_OK;
}

static enum status infer_range(struct op_call *c) {
    struct shape s = {.rank = 1};
    TRY(op_check_dtype(c, 0, DTYPES_NUMBER));
    TRY(op_check_same_dtype(c, 0, 1));
    TRY(op_check_same_dtype(c, 0, 2));
    TRY(range_count(c, &s.dim[0]));
    return op_output_bounded(c, 0, c->in[0].dtype, s);
}

static enum status run_range(struct op_call *c) {
    const struct view *y = &c->out[0];
    int64_t n = y->shape.dim[0];
    TRY(op_confirm_outputs(c));
    if (dtype_is_float(y->dtype)) {
        double start = view_get_f64(&c->in[0], 0), delta = view_get_f64(&c->in[2], 0);
        for (int64_t i = 0; i < n; i++) view_set_f64(y, i, start + (double)i * delta);
    } else {
        uint64_t start = (uint64_t)view_get_i64(&c->in[0], 0);
        uint64_t delta = (uint64_t)view_get_i64(&c->in[2], 0);
        for (int64_t i = 0; i < n; i++) view_set_i64(y, i, (int64_t)(start + (uint64_t)i * delta));
    }
    return STATUS_OK;
}

const struct op_def op_def_Range = {
    .name = "Range", .min_inputs = 3, .max_inputs = 3, .min_outputs = 1, .max_outputs = 1,
    .infer = infer_range, .run = run_range,
    /* Sums are made in double whatever stash_type says. */
    .attrs = (const struct attr_spec[]){{"stash_type", ATTR_INT}, {0}},
};

/* ---- EyeLike ---- */

static enum status infer_eye_like(struct op_call *c) {
    const char *name = node_string(c->node, "dtype", NULL);
    enum dtype t = name ? dtype_from_name(name) : c->in[0].dtype;
    OP_CHECK(c, t != DT_NONE, STATUS_UNSUPPORTED,
             "attribute 'dtype' is '%s', which is no supported element type", name ? name : "");
    OP_CHECK(c, c->in[0].shape.rank < 0 || c->in[0].shape.rank == 2, STATUS_SHAPE,
             "the input has rank %d instead of 2", c->in[0].shape.rank);
    /* From i8 to f64 the output may be larger than the input. */
    return op_output_bounded(c, 0, t, c->in[0].shape);
}

static enum status run_eye_like(struct op_call *c) {
    const struct view *y = &c->out[0];
    int64_t rows = y->shape.dim[0], columns = y->shape.dim[1], k = node_int(c->node, "k", 0);
    size_t bytes = (size_t)shape_elements(&y->shape) * dtype_size(y->dtype);
    if (bytes) memset(y->data, 0, bytes);
    if (k <= -rows || k >= columns) return STATUS_OK;
    for (int64_t r = k < 0 ? -k : 0; r < rows && r + k < columns; r++)
        view_set_i64(y, r * columns + r + k, 1);
    return STATUS_OK;
}

const struct op_def op_def_EyeLike = {
    .name = "EyeLike", .min_inputs = 1, .max_inputs = 1, .min_outputs = 1, .max_outputs = 1,
    .flags = OP_SHAPE_ONLY, .infer = infer_eye_like, .run = run_eye_like,
    .attrs = (const struct attr_spec[]){{"dtype", ATTR_STRING}, {"k", ATTR_INT}, {0}},
};

/* ---- windows ---- */

static enum status infer_window(struct op_call *c) {
    const char *name = node_string(c->node, "output_datatype", "f32");
    enum dtype t = dtype_from_name(name);
    struct shape s = {.rank = 1, .dim = {-1}};
    int64_t size;
    bool known;
    OP_CHECK(c, t != DT_NONE, STATUS_UNSUPPORTED,
             "attribute 'output_datatype' is '%s', which is no supported element type", name);
    TRY(op_check_dtype(c, 0, DTYPES_INDEX));
    TRY(op_known_int(c, 0, &size, &known));
    if (known) {
        OP_CHECK(c, size >= 0, STATUS_ARGUMENT, "the size is %" PRId64, size);
        s.dim[0] = size;
    }
    return op_output_bounded(c, 0, t, s);
}

/* a0 - a1 cos(2 pi i / n) + a2 cos(4 pi i / n) */
static enum status window(struct op_call *c, double a0, double a1, double a2) {
    const struct view *y = &c->out[0];
    TRY(op_confirm_outputs(c));
    int64_t size = y->shape.dim[0], n = node_int(c->node, "periodic", 1) ? size : size - 1;
    for (int64_t i = 0; i < size; i++) {
        double angle = n ? 6.28318530717958647692 * (double)i / (double)n : 0;
        view_set_f64(y, i, size == 1 ? 1 : a0 - a1 * cos(angle) + a2 * cos(2 * angle));
    }
    return STATUS_OK;
}

static enum status run_hann(struct op_call *c) { return window(c, 0.5, 0.5, 0); }
static enum status run_hamming(struct op_call *c) { return window(c, 25.0 / 46, 21.0 / 46, 0); }
static enum status run_blackman(struct op_call *c) { return window(c, 0.42, 0.5, 0.08); }

#define WINDOW(op, kernel)                                                                         \
    const struct op_def op_def_##op = {                                                            \
        .name = #op, .min_inputs = 1, .max_inputs = 1, .min_outputs = 1, .max_outputs = 1,         \
        .infer = infer_window, .run = kernel,                                                      \
        .attrs = (const struct attr_spec[]){{"output_datatype", ATTR_STRING},                      \
                                            {"periodic", ATTR_INT}, {0}},                          \
    }
WINDOW(HannWindow, run_hann);
WINDOW(HammingWindow, run_hamming);
WINDOW(BlackmanWindow, run_blackman);
