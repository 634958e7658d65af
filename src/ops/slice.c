/* SPDX-License-Identifier: Apache-2.0 */
/* Operators that cut and surround: Slice, Pad, CenterCropPad; and those that keep the shape but
 * change parts of a tensor by position: ReverseSequence, Trilu. */
#include <inttypes.h>

#include "ops/elements.h"

/* ---- Slice ---- */

struct range {
    int64_t start, step, count;
    bool known; /* start, step and count */
};

static int64_t clamp(int64_t x, int64_t low, int64_t high) {
    return x < low ? low : x > high ? high : x;
}

static struct range clip_range(int64_t size, int64_t start, int64_t end, int64_t step) {
    struct range r = {.step = step, .known = true};
    if (start < 0) start += size; /* cannot overflow: size is positive */
    if (end < 0) end += size;
    if (step > 0) {
        start = clamp(start, 0, size);
        end = clamp(end, 0, size);
        r.count = end > start ? (end - start - 1) / step + 1 : 0;
    } else {
        start = clamp(start, -1, size - 1);
        end = clamp(end, -1, size - 1);
        r.count = start > end ? (start - end - 1) / -step + 1 : 0;
    }
    r.start = r.count ? start : 0;
    return r;
}

/* What to take of each dimension of a shape of known rank. */
static enum status slice_ranges(const struct op_call *c, struct range *r) {
    const struct shape *in = &c->in[0].shape;
    int64_t starts[SHAPE_MAX_RANK], ends[SHAPE_MAX_RANK], axes[SHAPE_MAX_RANK];
    int64_t steps[SHAPE_MAX_RANK];
    int n_starts, n_ends, n_axes, n_steps;
    for (int i = 1; i < 5; i++) TRY(op_check_dtype(c, i, DTYPES_INDEX));
    TRY(op_known_ints(c, 1, starts, SHAPE_MAX_RANK, &n_starts));
    TRY(op_known_ints(c, 2, ends, SHAPE_MAX_RANK, &n_ends));
    TRY(op_known_ints(c, 3, axes, SHAPE_MAX_RANK, &n_axes));
    TRY(op_known_ints(c, 4, steps, SHAPE_MAX_RANK, &n_steps));
    for (int d = 0; d < in->rank; d++)
        r[d] = (struct range){.step = 1, .count = in->dim[d], .known = in->dim[d] >= 0};
    /* How many axes are cut, from whichever operand tells. */
    int64_t n = -1;
    for (int i = 1; i < 5; i++) {
        int64_t count = op_has_input(c, i) ? shape_elements(&c->in[i].shape) : -1;
        if (count < 0) continue;
        OP_CHECK(c, n < 0 || n == count, STATUS_SHAPE,
                 "starts, ends, axes and steps differ in length (%" PRId64 " and %" PRId64 ")", n,
                 count);
        n = count;
    }
    bool axes_known = n_axes >= 0 || !op_has_input(c, 3);
    if (n < 0 || !axes_known) {
        for (int d = 0; d < in->rank; d++) r[d] = (struct range){.count = -1};
        return STATUS_OK;
    }
    OP_CHECK(c, n <= in->rank, STATUS_SHAPE,
             "%" PRId64 " axes are cut, but the input has rank %d", n, in->rank);
    bool seen[SHAPE_MAX_RANK] = {false};
    for (int i = 0; i < n; i++) {
        int d = i;
        if (n_axes >= 0) TRY(op_axis(c, axes[i], in->rank, &d));
        OP_CHECK(c, !seen[d], STATUS_SHAPE, "axis %d is cut twice", d);
        seen[d] = true;
        bool stepped = op_has_input(c, 4);
        int64_t step = n_steps >= 0 ? steps[i] : 1, size = in->dim[d];
        OP_CHECK(c, step != 0 && step != INT64_MIN, STATUS_ARGUMENT, "step %d is %" PRId64, i,
                 step);
        if (n_starts < 0 || n_ends < 0 || (stepped && n_steps < 0) || size < 0) {
            /* All of an unknown dimension stays unknown; the count is what matters here. */
            r[d] = (struct range){.count = size == 0 ? 0 : -1};
            if (size < 0 && n_starts >= 0 && n_ends >= 0 && step == 1 && starts[i] >= 0 &&
                ends[i] >= 0 && ends[i] <= starts[i])
                r[d].count = 0;
            continue;
        }
        r[d] = clip_range(size, starts[i], ends[i], step);
    }
    return STATUS_OK;
}

static enum status infer_slice(struct op_call *c) {
    struct shape s = c->in[0].shape;
    struct range r[SHAPE_MAX_RANK];
    if (s.rank >= 0) TRY(slice_ranges(c, r));
    for (int d = 0; d < s.rank; d++) s.dim[d] = r[d].count;
    op_output(c, 0, c->in[0].dtype, s);
    return STATUS_OK;
}

static enum status run_slice(struct op_call *c) {
    const struct view *x = &c->in[0], *y = &c->out[0];
    struct range r[SHAPE_MAX_RANK];
    int64_t to[SHAPE_MAX_RANK], from[SHAPE_MAX_RANK];
    struct walk w = {.n = 2, .rank = x->shape.rank};
    TRY(op_confirm_outputs(c));
    TRY(slice_ranges(c, r));
    shape_strides(&y->shape, to);
    shape_strides(&x->shape, from);
    for (int d = 0; d < w.rank; d++) {
        w.size[d] = r[d].count;
        w.stride[0][d] = to[d];
        /* A step beyond the size takes one element, so the stride is never used. */
        w.stride[1][d] = r[d].count > 1 ? from[d] * r[d].step : 0;
        w.start[1] += r[d].start * from[d];
    }
    walk_copy(&w, y->data, x->data, dtype_size(x->dtype));
    return STATUS_OK;
}

const struct op_def op_def_Slice = {
    .name = "Slice", .min_inputs = 3, .max_inputs = 5, .min_outputs = 1, .max_outputs = 1,
    .infer = infer_slice, .run = run_slice,
};

/* ---- Pad ---- */

enum pad_mode { PAD_CONSTANT, PAD_REFLECT, PAD_EDGE, PAD_WRAP };

static enum status read_pad_mode(const struct op_call *c, enum pad_mode *out) {
    static const char *const names[] = {"constant", "reflect", "edge", "wrap"};
    const char *mode = node_string(c->node, "mode", "constant");
    for (int i = 0; i < 4; i++)
        if (!strcmp(mode, names[i])) {
            *out = (enum pad_mode)i;
            return STATUS_OK;
        }
    OP_FAIL(c, STATUS_UNSUPPORTED, "mode '%s' is none of constant, reflect, edge, wrap", mode);
}

/* Pads of every dimension; *known is false when they are not known yet. */
static enum status read_pads(const struct op_call *c, int64_t before[SHAPE_MAX_RANK],
                             int64_t after[SHAPE_MAX_RANK], bool *known) {
    int rank = c->in[0].shape.rank, n, n_axes;
    int64_t pads[2 * SHAPE_MAX_RANK], axes[SHAPE_MAX_RANK];
    TRY(op_check_dtype(c, 1, DTYPES_INDEX));
    TRY(op_check_dtype(c, 3, DTYPES_INDEX));
    TRY(op_known_ints(c, 1, pads, 2 * SHAPE_MAX_RANK, &n));
    TRY(op_known_ints(c, 3, axes, SHAPE_MAX_RANK, &n_axes));
    *known = n >= 0 && (n_axes >= 0 || !op_has_input(c, 3));
    if (!*known) return STATUS_OK;
    int count = op_has_input(c, 3) ? n_axes : rank;
    OP_CHECK(c, n == 2 * count, STATUS_SHAPE, "'pads' has %d values instead of %d", n, 2 * count);
    for (int d = 0; d < rank; d++) before[d] = after[d] = 0;
    bool seen[SHAPE_MAX_RANK] = {false};
    for (int i = 0; i < count; i++) {
        int d = i;
        if (op_has_input(c, 3)) TRY(op_axis(c, axes[i], rank, &d));
        OP_CHECK(c, !seen[d], STATUS_SHAPE, "axis %d is named twice", d);
        seen[d] = true;
        before[d] = pads[i];
        after[d] = pads[count + i];
        /* Bounds that keep every sum below far from overflow. */
        OP_CHECK(c, before[d] > -(INT64_C(1) << 40) && before[d] < INT64_C(1) << 40 &&
                        after[d] > -(INT64_C(1) << 40) && after[d] < INT64_C(1) << 40,
                 STATUS_LIMIT, "the pads of axis %d are %" PRId64 " and %" PRId64, d, before[d],
                 after[d]);
    }
    return STATUS_OK;
}

static enum status infer_pad(struct op_call *c) {
    struct shape s = c->in[0].shape;
    int64_t before[SHAPE_MAX_RANK], after[SHAPE_MAX_RANK];
    enum pad_mode mode;
    bool known = false;
    int64_t ignored;
    TRY(read_pad_mode(c, &mode));
    TRY(op_check_same_dtype(c, 0, 2));
    TRY(op_known_int(c, 2, &ignored, &known));
    if (s.rank >= 0) TRY(read_pads(c, before, after, &known));
    for (int d = 0; d < s.rank; d++) {
        if (!known) s.dim[d] = -1;
        if (s.dim[d] < 0) continue;
        OP_CHECK(c, s.dim[d] <= INT64_C(1) << 40, STATUS_LIMIT, "axis %d is too large", d);
        int64_t size = s.dim[d] + before[d] + after[d];
        OP_CHECK(c, size >= 0, STATUS_SHAPE,
                 "pads %" PRId64 " and %" PRId64 " remove more than the %" PRId64
                 " elements of axis %d",
                 before[d], after[d], s.dim[d], d);
        OP_CHECK(c, mode == PAD_CONSTANT || s.dim[d] > 0 || size == 0, STATUS_SHAPE,
                 "axis %d is empty and cannot be padded in this mode", d);
        s.dim[d] = size;
    }
    return op_output_bounded(c, 0, c->in[0].dtype, s);
}

/* Index in the input of position i (counted from the input's first element) of an axis of n. */
static int64_t source_of(enum pad_mode mode, int64_t i, int64_t n) {
    if (i >= 0 && i < n) return i;
    if (mode == PAD_EDGE || n == 1) return i < 0 ? 0 : n - 1;
    int64_t period = mode == PAD_WRAP ? n : 2 * (n - 1);
    i %= period;
    if (i < 0) i += period;
    return i < n ? i : period - i;
}

/* Fills a tensor with one element; NULL is zero. */
static void fill(const struct view *y, const void *element) {
    size_t bytes = dtype_size(y->dtype), n = (size_t)shape_elements(&y->shape);
    unsigned char zero[8] = {0};
    if (!element) element = zero;
    bool uniform = true;
    for (size_t i = 0; i < bytes; i++) uniform &= ((const unsigned char *)element)[i] == 0;
    if (!n) return;
    if (uniform) memset(y->data, 0, n * bytes);
    else
        for (size_t i = 0; i < n; i++) memcpy((char *)y->data + i * bytes, element, bytes);
}

/* Copies the part of x that lies in y when x begins at before[] of y. */
static void place(const struct view *y, const struct view *x, const int64_t *before) {
    int64_t to[SHAPE_MAX_RANK], from[SHAPE_MAX_RANK];
    struct walk w = {.n = 2, .rank = x->shape.rank};
    shape_strides(&y->shape, to);
    shape_strides(&x->shape, from);
    for (int d = 0; d < w.rank; d++) {
        int64_t first = before[d] < 0 ? -before[d] : 0; /* of x that is kept */
        int64_t end = y->shape.dim[d] - before[d];
        if (end > x->shape.dim[d]) end = x->shape.dim[d];
        w.size[d] = end > first ? end - first : 0;
        w.stride[0][d] = to[d];
        w.stride[1][d] = from[d];
        if (w.size[d]) {
            w.start[0] += (first + before[d]) * to[d];
            w.start[1] += first * from[d];
        }
    }
    walk_copy(&w, y->data, x->data, dtype_size(x->dtype));
}

static enum status run_pad(struct op_call *c) {
    const struct view *x = &c->in[0], *y = &c->out[0];
    int64_t before[SHAPE_MAX_RANK], after[SHAPE_MAX_RANK], from[SHAPE_MAX_RANK];
    enum pad_mode mode;
    bool known;
    TRY(op_confirm_outputs(c));
    TRY(read_pad_mode(c, &mode));
    TRY(read_pads(c, before, after, &known));
    if (mode == PAD_CONSTANT) {
        fill(y, op_has_input(c, 2) ? c->in[2].data : NULL);
        place(y, x, before);
        return STATUS_OK;
    }
    size_t bytes = dtype_size(x->dtype);
    int rank = x->shape.rank;
    int64_t n = shape_elements(&y->shape), index[SHAPE_MAX_RANK] = {0};
    shape_strides(&x->shape, from);
    for (int64_t i = 0; i < n; i++) {
        int64_t at = 0;
        for (int d = 0; d < rank; d++)
            at += from[d] * source_of(mode, index[d] - before[d], x->shape.dim[d]);
        memcpy((char *)y->data + (size_t)i * bytes, (const char *)x->data + (size_t)at * bytes,
               bytes);
        for (int d = rank - 1; d >= 0 && ++index[d] == y->shape.dim[d]; d--) index[d] = 0;
    }
    return STATUS_OK;
}

const struct op_def op_def_Pad = {
    .name = "Pad", .min_inputs = 2, .max_inputs = 4, .min_outputs = 1, .max_outputs = 1,
    .infer = infer_pad, .run = run_pad,
    .attrs = (const struct attr_spec[]){{"mode", ATTR_STRING}, {0}},
};

/* ---- CenterCropPad ---- */

static enum status infer_center_crop_pad(struct op_call *c) {
    struct shape s = c->in[0].shape;
    int64_t axes[SHAPE_MAX_RANK], want[SHAPE_MAX_RANK];
    int n, n_axes = node_ints(c->node, "axes", axes, SHAPE_MAX_RANK);
    TRY(op_check_dtype(c, 1, DTYPES_INDEX));
    TRY(op_known_ints(c, 1, want, SHAPE_MAX_RANK, &n));
    OP_CHECK(c, n_axes <= SHAPE_MAX_RANK, STATUS_LIMIT, "%d axes", n_axes);
    int count = n_axes < 0 ? s.rank : n_axes;
    OP_CHECK(c, n < 0 || s.rank < 0 || n == count, STATUS_SHAPE,
             "'shape' has %d values instead of %d", n, count);
    bool seen[SHAPE_MAX_RANK] = {false};
    for (int i = 0; s.rank >= 0 && i < count; i++) {
        int d = i;
        if (n_axes >= 0) TRY(op_axis(c, axes[i], s.rank, &d));
        OP_CHECK(c, !seen[d], STATUS_SHAPE, "axis %d is named twice", d);
        seen[d] = true;
        OP_CHECK(c, n < 0 || want[i] >= 0, STATUS_SHAPE, "size %d is %" PRId64, i, want[i]);
        s.dim[d] = n < 0 ? -1 : want[i];
    }
    return op_output_bounded(c, 0, c->in[0].dtype, s);
}

static enum status run_center_crop_pad(struct op_call *c) {
    const struct view *x = &c->in[0], *y = &c->out[0];
    int64_t before[SHAPE_MAX_RANK];
    TRY(op_confirm_outputs(c));
    for (int d = 0; d < x->shape.rank; d++) {
        int64_t more = y->shape.dim[d] - x->shape.dim[d];
        before[d] = more < 0 ? -(-more / 2) : more / 2; /* the odd one goes to the end */
    }
    fill(y, NULL);
    place(y, x, before);
    return STATUS_OK;
}

const struct op_def op_def_CenterCropPad = {
    .name = "CenterCropPad", .min_inputs = 2, .max_inputs = 2, .min_outputs = 1, .max_outputs = 1,
    .infer = infer_center_crop_pad, .run = run_center_crop_pad,
    .attrs = (const struct attr_spec[]){{"axes", ATTR_INTS}, {0}},
};

/* ---- ReverseSequence ---- */

static enum status sequence_axes(const struct op_call *c, int64_t *batch, int64_t *time) {
    *batch = node_int(c->node, "batch_axis", 1);
    *time = node_int(c->node, "time_axis", 0);
    OP_CHECK(c, (*batch == 0 && *time == 1) || (*batch == 1 && *time == 0), STATUS_SHAPE,
             "batch_axis %" PRId64 " and time_axis %" PRId64 " are not 0 and 1", *batch, *time);
    return STATUS_OK;
}

static enum status infer_reverse_sequence(struct op_call *c) {
    int64_t batch, time;
    const struct shape *in = &c->in[0].shape, *lengths = &c->in[1].shape;
    TRY(sequence_axes(c, &batch, &time));
    TRY(op_check_dtype(c, 1, DTYPES_INDEX));
    OP_CHECK(c, in->rank < 0 || in->rank >= 2, STATUS_SHAPE, "the input has rank %d", in->rank);
    int64_t n = shape_elements(lengths);
    OP_CHECK(c, in->rank < 0 || n < 0 || in->dim[batch] < 0 || n == in->dim[batch], STATUS_SHAPE,
             "there are %" PRId64 " lengths for %" PRId64 " sequences", n, in->dim[batch]);
    return infer_same(c);
}

static enum status run_reverse_sequence(struct op_call *c) {
    const struct view *x = &c->in[0], *y = &c->out[0];
    int64_t batch, time;
    TRY(sequence_axes(c, &batch, &time));
    int64_t n_batch = x->shape.dim[batch], n_time = x->shape.dim[time];
    size_t bytes = (size_t)shape_span(&x->shape, 2, x->shape.rank) * dtype_size(x->dtype);
    int64_t batch_step = batch == 0 ? n_time : 1, time_step = time == 0 ? n_batch : 1;
    for (int64_t b = 0; b < n_batch && bytes; b++) {
        int64_t length = view_get_i64(&c->in[1], b);
        OP_CHECK(c, length >= 0 && length <= n_time, STATUS_ARGUMENT,
                 "length %" PRId64 " of sequence %" PRId64 " is outside 0..%" PRId64, length, b,
                 n_time);
        for (int64_t t = 0; t < n_time; t++) {
            int64_t from = t < length ? length - 1 - t : t;
            memcpy((char *)y->data + (size_t)(b * batch_step + t * time_step) * bytes,
                   (const char *)x->data + (size_t)(b * batch_step + from * time_step) * bytes,
                   bytes);
        }
    }
    return STATUS_OK;
}

const struct op_def op_def_ReverseSequence = {
    .name = "ReverseSequence", .min_inputs = 2, .max_inputs = 2, .min_outputs = 1,
    .max_outputs = 1, .infer = infer_reverse_sequence, .run = run_reverse_sequence,
    .attrs = (const struct attr_spec[]){{"batch_axis", ATTR_INT}, {"time_axis", ATTR_INT}, {0}},
};

/* ---- Trilu ---- */

static enum status infer_trilu(struct op_call *c) {
    int64_t k;
    bool known;
    OP_CHECK(c, c->in[0].shape.rank < 0 || c->in[0].shape.rank >= 2, STATUS_SHAPE,
             "the input has rank %d; at least 2 is needed", c->in[0].shape.rank);
    TRY(op_known_int(c, 1, &k, &known));
    return infer_same(c);
}

static enum status run_trilu(struct op_call *c) {
    const struct view *x = &c->in[0], *y = &c->out[0];
    int rank = x->shape.rank;
    int64_t rows = x->shape.dim[rank - 2], columns = x->shape.dim[rank - 1], k = 0;
    bool known, upper = node_int(c->node, "upper", 1);
    TRY(op_known_int(c, 1, &k, &known));
    k = clamp(k, -rows - 1, columns + 1);
    size_t bytes = dtype_size(x->dtype);
    int64_t n = columns ? shape_elements(&x->shape) / columns : 0;
    for (int64_t i = 0; i < n; i++) {
        /* Columns from..to-1 of this row stay. */
        int64_t r = i % rows, from = upper ? r + k : 0, to = upper ? columns : r + k + 1;
        from = clamp(from, 0, columns);
        to = clamp(to, from, columns);
        char *out = (char *)y->data + (size_t)(i * columns) * bytes;
        const char *in = (const char *)x->data + (size_t)(i * columns) * bytes;
        memset(out, 0, (size_t)from * bytes);
        memcpy(out + (size_t)from * bytes, in + (size_t)from * bytes, (size_t)(to - from) * bytes);
        memset(out + (size_t)to * bytes, 0, (size_t)(columns - to) * bytes);
    }
    return STATUS_OK;
}

const struct op_def op_def_Trilu = {
    .name = "Trilu", .min_inputs = 1, .max_inputs = 2, .min_outputs = 1, .max_outputs = 1,
    .infer = infer_trilu, .run = run_trilu,
    .attrs = (const struct attr_spec[]){{"upper", ATTR_INT}, {0}},
};
