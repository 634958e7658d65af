/* SPDX-License-Identifier: Apache-2.0 */
/* Operators about shapes: those that read them (Shape, Size) and those that change a tensor's shape
 * but not its elements (Reshape, Flatten, Squeeze, Unsqueeze). */
#include <inttypes.h>
#include <string.h>

#include "ops/elements.h"

static enum status run_copy(struct op_call *c) {
    size_t bytes = (size_t)shape_elements(&c->out[0].shape) * dtype_size(c->out[0].dtype);
    if (bytes && c->out[0].data != c->in[0].data) memcpy(c->out[0].data, c->in[0].data, bytes);
    return STATUS_OK;
}

static enum status run_checked_copy(struct op_call *c) {
    TRY(op_confirm_outputs(c));
    return run_copy(c);
}

/* ---- Shape, Size ---- */

static int64_t clamp(int64_t x, int64_t low, int64_t high) {
    return x < low ? low : x > high ? high : x;
}

static void shape_range(const struct op_call *c, int *start, int *end) {
    int rank = c->in[0].shape.rank;
    int64_t s = node_int(c->node, "start", 0), e = node_int(c->node, "end", rank);
    *start = (int)clamp(s < 0 ? s + rank : s, 0, rank);
    *end = (int)clamp(e < 0 ? e + rank : e, 0, rank);
}

static enum status infer_shape(struct op_call *c) {
    struct shape s = {.rank = 1, .dim = {-1}};
    int start, end;
    if (c->in[0].shape.rank >= 0) {
        shape_range(c, &start, &end);
        s.dim[0] = end > start ? end - start : 0;
    }
    op_output(c, 0, DT_I64, s);
    return STATUS_OK;
}

static enum status run_shape(struct op_call *c) {
    int start, end;
    shape_range(c, &start, &end);
    for (int i = start; i < end; i++)
        ((int64_t *)c->out[0].data)[i - start] = c->in[0].shape.dim[i];
    return STATUS_OK;
}

const struct op_def op_def_Shape = {
    .name = "Shape", .min_inputs = 1, .max_inputs = 1, .min_outputs = 1, .max_outputs = 1,
    .flags = OP_SHAPE_ONLY, .infer = infer_shape, .run = run_shape,
    .attrs = (const struct attr_spec[]){{"start", ATTR_INT}, {"end", ATTR_INT}, {0}},
};

static enum status infer_size(struct op_call *c) {
    op_output(c, 0, DT_I64, shape_of(0));
    return STATUS_OK;
}

static enum status run_size(struct op_call *c) {
    *(int64_t *)c->out[0].data = shape_elements(&c->in[0].shape);
    return STATUS_OK;
}

const struct op_def op_def_Size = {
    .name = "Size", .min_inputs = 1, .max_inputs = 1, .min_outputs = 1, .max_outputs = 1,
    .flags = OP_SHAPE_ONLY, .infer = infer_size, .run = run_size,
};

/* ---- Reshape ---- */

/* The dimension written -1: what the input has more than the other dimensions hold. Unknown
 * dimensions cancel where one was copied by a 0. Leaves it -1 when that is not known. */
static enum status solve_open_dim(const struct op_call *c, const int64_t *want, struct shape *s) {
    const struct shape *in = &c->in[0].shape;
    if (in->rank < 0) return STATUS_OK;
    bool allow_zero = node_int(c->node, "allowzero", 0), known = true;
    int64_t have = 1, fixed = 1, open = -1;
    char a[128], b[128];
    for (int i = 0; i < in->rank; i++) {
        if (!allow_zero && i < s->rank && want[i] == 0) continue;
        if (in->dim[i] < 0) known = false;
        else OP_CHECK(c, i64_mul(have, in->dim[i], &have), STATUS_LIMIT, "the input is too large");
    }
    for (int i = 0; i < s->rank; i++) {
        if (want[i] == -1) open = i;
        else if (allow_zero || want[i] != 0)
            OP_CHECK(c, i64_mul(fixed, want[i], &fixed), STATUS_LIMIT, "the output is too large");
    }
    if (open < 0) {
        OP_CHECK(c, !shape_known(in) || shape_elements(in) == shape_elements(s), STATUS_SHAPE,
                 "%s cannot become %s: the element counts differ", shape_text(in, a),
                 shape_text(s, b));
        return STATUS_OK;
    }
    if (!known) return STATUS_OK;
    /* With a 0 dimension copied both sides are empty whatever the open one is. */
    if (fixed == 0) {
        OP_CHECK(c, have == 0, STATUS_SHAPE, "%s cannot become %s: the element counts differ",
                 shape_text(in, a), shape_text(s, b));
        s->dim[open] = 0;
        return STATUS_OK;
    }
    OP_CHECK(c, have % fixed == 0, STATUS_SHAPE,
             "%s cannot become %s: %" PRId64 " is no multiple of %" PRId64, shape_text(in, a),
             shape_text(s, b), have, fixed);
    s->dim[open] = have / fixed;
    return STATUS_OK;
}

static enum status infer_reshape(struct op_call *c) {
    const struct shape *in = &c->in[0].shape, *operand = &c->in[1].shape;
    int64_t want[SHAPE_MAX_RANK];
    int n;
    TRY(op_check_dtype(c, 1, DTYPES_INDEX));
    OP_CHECK(c, operand->rank <= 1, STATUS_SHAPE, "the shape operand '%s' has rank %d instead of 1",
             c->in[1].name, operand->rank);
    TRY(op_known_ints(c, 1, want, SHAPE_MAX_RANK, &n));
    if (n < 0) {
        struct shape s = shape_unknown();
        if (operand->rank == 1 && operand->dim[0] >= 0) {
            OP_CHECK(c, operand->dim[0] <= SHAPE_MAX_RANK, STATUS_LIMIT,
                     "the result has %" PRId64 " dimensions; at most %d are supported",
                     operand->dim[0], SHAPE_MAX_RANK);
            s.rank = (int)operand->dim[0];
            for (int i = 0; i < s.rank; i++) s.dim[i] = -1;
        }
        op_output(c, 0, c->in[0].dtype, s);
        return STATUS_OK;
    }
    bool allow_zero = node_int(c->node, "allowzero", 0);
    struct shape s = {.rank = n};
    int n_open = 0, n_zero = 0;
    for (int i = 0; i < n; i++) {
        OP_CHECK(c, want[i] >= -1, STATUS_SHAPE, "dimension %d of the new shape is %" PRId64, i,
                 want[i]);
        s.dim[i] = want[i];
        n_open += want[i] == -1;
        n_zero += want[i] == 0;
        if (want[i] != 0 || allow_zero) continue;
        OP_CHECK(c, in->rank < 0 || i < in->rank, STATUS_SHAPE,
                 "dimension %d of the new shape is 0 (copy), but the input has rank %d", i,
                 in->rank);
        s.dim[i] = in->rank < 0 ? -1 : in->dim[i];
    }
    OP_CHECK(c, n_open <= 1, STATUS_SHAPE, "the new shape has %d dimensions of -1", n_open);
    OP_CHECK(c, !allow_zero || !n_open || !n_zero, STATUS_SHAPE,
             "the new shape has both 0 and -1, which allowzero forbids");
    TRY(solve_open_dim(c, want, &s));
    return op_output_bounded(c, 0, c->in[0].dtype, s);
}

const struct op_def op_def_Reshape = {
    .name = "Reshape", .min_inputs = 2, .max_inputs = 2, .min_outputs = 1, .max_outputs = 1,
    .infer = infer_reshape, .run = run_checked_copy,
    .attrs = (const struct attr_spec[]){{"allowzero", ATTR_INT}, {0}},
};

/* ---- Flatten ---- */

static enum status infer_flatten(struct op_call *c) {
    const struct shape *in = &c->in[0].shape;
    struct shape s = {.rank = 2, .dim = {1, 1}};
    int64_t axis = node_int(c->node, "axis", 1);
    if (in->rank < 0) {
        s = shape_of(2, -1, -1);
    } else {
        OP_CHECK(c, axis >= -in->rank && axis <= in->rank, STATUS_SHAPE,
                 "axis %" PRId64 " is outside -%d..%d", axis, in->rank, in->rank);
        if (axis < 0) axis += in->rank;
        for (int i = 0; i < in->rank; i++) {
            int64_t *side = &s.dim[i >= axis];
            if (in->dim[i] < 0 || *side < 0) *side = -1;
            else
                OP_CHECK(c, i64_mul(*side, in->dim[i], side), STATUS_LIMIT,
                         "the input is too large");
        }
    }
    op_output(c, 0, c->in[0].dtype, s);
    return STATUS_OK;
}

const struct op_def op_def_Flatten = {
    .name = "Flatten", .min_inputs = 1, .max_inputs = 1, .min_outputs = 1, .max_outputs = 1,
    .infer = infer_flatten, .run = run_copy,
    .attrs = (const struct attr_spec[]){{"axis", ATTR_INT}, {0}},
};

/* ---- Squeeze, Unsqueeze ---- */

/* Axes from input 1 as marks; *n = -1 when they are not known yet (or, for Squeeze, not given). */
static enum status read_axes(const struct op_call *c, int rank, bool mark[SHAPE_MAX_RANK], int *n) {
    int64_t axes[SHAPE_MAX_RANK];
    TRY(op_check_dtype(c, 1, DTYPES_INDEX));
    TRY(op_known_ints(c, 1, axes, SHAPE_MAX_RANK, n));
    memset(mark, 0, SHAPE_MAX_RANK * sizeof *mark);
    for (int i = 0; i < *n; i++) {
        int a;
        TRY(op_axis(c, axes[i], rank, &a));
        OP_CHECK(c, !mark[a], STATUS_SHAPE, "axis %d is named twice", a);
        mark[a] = true;
    }
    return STATUS_OK;
}

static enum status infer_squeeze(struct op_call *c) {
    const struct shape *in = &c->in[0].shape;
    struct shape s = shape_unknown();
    bool mark[SHAPE_MAX_RANK];
    int n = -1;
    if (in->rank >= 0) TRY(read_axes(c, in->rank, mark, &n));
    if (in->rank >= 0 && n >= 0) {
        s.rank = 0;
        for (int i = 0; i < in->rank; i++) {
            if (!mark[i]) s.dim[s.rank++] = in->dim[i];
            else
                OP_CHECK(c, in->dim[i] == 1 || in->dim[i] < 0, STATUS_SHAPE,
                         "axis %d has size %" PRId64 " and cannot be squeezed", i, in->dim[i]);
        }
    } else if (shape_known(in) && !op_has_input(c, 1)) {
        s.rank = 0;
        for (int i = 0; i < in->rank; i++)
            if (in->dim[i] != 1) s.dim[s.rank++] = in->dim[i];
    } else if (in->rank >= 0 && op_has_input(c, 1) && c->in[1].shape.rank == 1 &&
               c->in[1].shape.dim[0] >= 0 && c->in[1].shape.dim[0] <= in->rank) {
        s.rank = in->rank - (int)c->in[1].shape.dim[0];
        for (int i = 0; i < s.rank; i++) s.dim[i] = -1;
    }
    op_output(c, 0, c->in[0].dtype, s);
    return STATUS_OK;
}

const struct op_def op_def_Squeeze = {
    .name = "Squeeze", .min_inputs = 1, .max_inputs = 2, .min_outputs = 1, .max_outputs = 1,
    .infer = infer_squeeze, .run = run_checked_copy,
};

static enum status infer_unsqueeze(struct op_call *c) {
    const struct shape *in = &c->in[0].shape;
    struct shape s = shape_unknown();
    int64_t n_axes = shape_elements(&c->in[1].shape);
    if (in->rank >= 0 && n_axes >= 0) {
        OP_CHECK(c, n_axes <= SHAPE_MAX_RANK - in->rank, STATUS_LIMIT,
                 "the result has %" PRId64 " dimensions; at most %d are supported",
                 in->rank + n_axes, SHAPE_MAX_RANK);
        bool mark[SHAPE_MAX_RANK];
        int n, from = 0;
        s.rank = in->rank + (int)n_axes;
        TRY(read_axes(c, s.rank, mark, &n));
        for (int i = 0; i < s.rank; i++) s.dim[i] = n < 0 ? -1 : mark[i] ? 1 : in->dim[from++];
    }
    op_output(c, 0, c->in[0].dtype, s);
    return STATUS_OK;
}

const struct op_def op_def_Unsqueeze = {
    .name = "Unsqueeze", .min_inputs = 2, .max_inputs = 2, .min_outputs = 1, .max_outputs = 1,
    .infer = infer_unsqueeze, .run = run_checked_copy,
};
