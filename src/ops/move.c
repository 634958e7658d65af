/* SPDX-License-Identifier: Apache-2.0 */
/* Operators that put whole tensors elsewhere, each a walk over strided operands: Transpose, Concat,
 * Split, Expand, Tile, DepthToSpace, SpaceToDepth. */
#include <inttypes.h>

#include "ops/elements.h"

/* ---- Transpose ---- */

static enum status read_perm(const struct op_call *c, int rank, int64_t perm[SHAPE_MAX_RANK]) {
    int n = node_ints(c->node, "perm", perm, SHAPE_MAX_RANK);
    if (n < 0) {
        for (int i = 0; i < rank; i++) perm[i] = rank - 1 - i;
        return STATUS_OK;
    }
    OP_CHECK(c, n == rank, STATUS_SHAPE, "perm has %d entries, but the input has rank %d", n, rank);
    bool seen[SHAPE_MAX_RANK] = {false};
    for (int i = 0; i < n; i++) {
        OP_CHECK(c, perm[i] >= 0 && perm[i] < rank && !seen[perm[i]], STATUS_SHAPE,
                 "perm is no permutation: entry %d is %" PRId64, i, perm[i]);
        seen[perm[i]] = true;
    }
    return STATUS_OK;
}

static enum status infer_transpose(struct op_call *c) {
    const struct shape *in = &c->in[0].shape;
    struct shape s = {.rank = in->rank};
    int64_t perm[SHAPE_MAX_RANK];
    if (in->rank >= 0) TRY(read_perm(c, in->rank, perm));
    for (int i = 0; i < in->rank; i++) s.dim[i] = in->dim[perm[i]];
    op_output(c, 0, c->in[0].dtype, s);
    return STATUS_OK;
}

static enum status run_transpose(struct op_call *c) {
    const struct view *x = &c->in[0], *y = &c->out[0];
    int64_t perm[SHAPE_MAX_RANK], to[SHAPE_MAX_RANK], from[SHAPE_MAX_RANK];
    struct walk w = {.n = 2, .rank = x->shape.rank};
    TRY(read_perm(c, w.rank, perm));
    shape_strides(&y->shape, to);
    shape_strides(&x->shape, from);
    for (int i = 0; i < w.rank; i++) {
        w.size[i] = y->shape.dim[i];
        w.stride[0][i] = to[i];
        w.stride[1][i] = from[perm[i]];
    }
    walk_copy(&w, y->data, x->data, dtype_size(x->dtype));
    return STATUS_OK;
}

const struct op_def op_def_Transpose = {
    .name = "Transpose", .min_inputs = 1, .max_inputs = 1, .min_outputs = 1, .max_outputs = 1,
    .infer = infer_transpose, .run = run_transpose,
    .attrs = (const struct attr_spec[]){{"perm", ATTR_INTS}, {0}},
};

/* ---- Concat ---- */

static enum status infer_concat(struct op_call *c) {
    struct shape s = shape_unknown();
    int axis = 0;
    for (int i = 0; i < c->n_inputs; i++) {
        const struct shape *in = &c->in[i].shape;
        OP_CHECK(c, op_has_input(c, i), STATUS_FORMAT, "input %d is missing", i);
        TRY(op_check_same_dtype(c, 0, i));
        if (in->rank < 0) continue;
        char a[128], b[128];
        if (s.rank < 0) {
            TRY(op_axis(c, node_int(c->node, "axis", 0), in->rank, &axis));
            s = *in;
            s.dim[axis] = 0;
        }
        OP_CHECK(c, in->rank == s.rank, STATUS_SHAPE, "input %d has rank %d, others have %d", i,
                 in->rank, s.rank);
        for (int d = 0; d < s.rank; d++) {
            if (d == axis) continue;
            OP_CHECK(c, s.dim[d] < 0 || in->dim[d] < 0 || s.dim[d] == in->dim[d], STATUS_SHAPE,
                     "input %d is %s, which does not join %s along axis %d", i, shape_text(in, a),
                     shape_text(&s, b), axis);
            if (s.dim[d] < 0) s.dim[d] = in->dim[d];
        }
    }
    for (int i = 0; i < c->n_inputs && s.rank >= 0; i++) {
        const struct shape *in = &c->in[i].shape;
        int64_t more = in->rank < 0 ? -1 : in->dim[axis];
        if (s.dim[axis] < 0 || more < 0) s.dim[axis] = -1;
        else OP_CHECK(c, !__builtin_add_overflow(s.dim[axis], more, &s.dim[axis]), STATUS_LIMIT,
                      "the output is too large");
    }
    return op_output_bounded(c, 0, c->in[0].dtype, s);
}

static enum status run_concat(struct op_call *c) {
    const struct view *y = &c->out[0];
    int axis;
    TRY(op_axis(c, node_int(c->node, "axis", 0), y->shape.rank, &axis));
    size_t bytes = dtype_size(y->dtype);
    int64_t outer = shape_span(&y->shape, 0, axis), at = 0;
    int64_t row = shape_span(&y->shape, axis, y->shape.rank);
    for (int i = 0; i < c->n_inputs; i++) {
        int64_t part = shape_span(&c->in[i].shape, axis, c->in[i].shape.rank);
        for (int64_t o = 0; o < outer && part; o++)
            memcpy((char *)y->data + (size_t)(o * row + at) * bytes,
                   (const char *)c->in[i].data + (size_t)(o * part) * bytes, (size_t)part * bytes);
        at += part;
    }
    return STATUS_OK;
}

const struct op_def op_def_Concat = {
    .name = "Concat", .min_inputs = 1, .max_inputs = -1, .min_outputs = 1, .max_outputs = 1,
    .infer = infer_concat, .run = run_concat,
    .attrs = (const struct attr_spec[]){{"axis", ATTR_INT}, {0}},
};

/* ---- Split ---- */

static enum status infer_split(struct op_call *c) {
    const struct shape *in = &c->in[0].shape;
    int n = c->n_outputs, axis = 0;
    if (in->rank < 0) {
        for (int i = 0; i < n; i++) op_output(c, i, c->in[0].dtype, shape_unknown());
        return STATUS_OK;
    }
    TRY(op_axis(c, node_int(c->node, "axis", 0), in->rank, &axis));
    int64_t size = in->dim[axis], total = 0;
    bool listed = op_has_input(c, 1), known = listed && c->in[1].data;
    if (listed) {
        int64_t count = shape_elements(&c->in[1].shape);
        TRY(op_check_dtype(c, 1, DTYPES_INDEX));
        OP_CHECK(c, count < 0 || count == n, STATUS_SHAPE,
                 "'split' has %" PRId64 " sizes for %d outputs", count, n);
    } else {
        OP_CHECK(c, node_int(c->node, "num_outputs", n) == n, STATUS_SHAPE,
                 "num_outputs is %" PRId64 ", but there are %d outputs",
                 node_int(c->node, "num_outputs", n), n);
    }
    /* Without sizes: equal parts rounded up, the last one smaller. */
    int64_t part = size < 0 ? -1 : size / n + (size % n != 0);
    for (int i = 0; i < n; i++) {
        struct shape s = *in;
        if (listed) s.dim[axis] = known ? view_get_i64(&c->in[1], i) : -1;
        else if (size < 0) s.dim[axis] = -1;
        else s.dim[axis] = size - total < part ? size - total : part;
        if (!listed || known) {
            OP_CHECK(c, s.dim[axis] >= 0 || !known, STATUS_SHAPE, "part %d has size %" PRId64, i,
                     s.dim[axis]);
            OP_CHECK(c, size < 0 || s.dim[axis] <= size - total, STATUS_SHAPE,
                     "the parts are larger than the %" PRId64 " elements of axis %d", size, axis);
            if (size >= 0) total += s.dim[axis];
        }
        TRY(op_output_bounded(c, i, c->in[0].dtype, s));
    }
    OP_CHECK(c, !known || size < 0 || total == size, STATUS_SHAPE,
             "the parts have %" PRId64 " of the %" PRId64 " elements of axis %d", total, size,
             axis);
    return STATUS_OK;
}

static enum status run_split(struct op_call *c) {
    TRY(op_confirm_outputs(c));
    const struct view *x = &c->in[0];
    int axis;
    TRY(op_axis(c, node_int(c->node, "axis", 0), x->shape.rank, &axis));
    size_t bytes = dtype_size(x->dtype);
    int64_t outer = shape_span(&x->shape, 0, axis), at = 0, total = 0;
    int64_t row = shape_span(&x->shape, axis, x->shape.rank), size = x->shape.dim[axis];
    int64_t inner = shape_span(&x->shape, axis + 1, x->shape.rank);
    int64_t equal = size / c->n_outputs + (size % c->n_outputs != 0);
    for (int i = 0; i < c->n_outputs; i++) {
        int64_t n = op_has_input(c, 1) ? view_get_i64(&c->in[1], i)
                    : size - total < equal ? size - total : equal;
        int64_t part = n * inner;
        total += n;
        for (int64_t o = 0; op_has_output(c, i) && o < outer && part; o++)
            memcpy((char *)c->out[i].data + (size_t)(o * part) * bytes,
                   (const char *)x->data + (size_t)(o * row + at) * bytes, (size_t)part * bytes);
        at += part;
    }
    return STATUS_OK;
}

const struct op_def op_def_Split = {
    .name = "Split", .min_inputs = 1, .max_inputs = 2, .min_outputs = 1, .max_outputs = -1,
    .infer = infer_split, .run = run_split,
    .attrs = (const struct attr_spec[]){{"axis", ATTR_INT}, {"num_outputs", ATTR_INT}, {0}},
};

/* ---- Expand ---- */

static enum status infer_expand(struct op_call *c) {
    struct shape want = shape_unknown(), s;
    int64_t dims[SHAPE_MAX_RANK];
    int n;
    TRY(op_check_dtype(c, 1, DTYPES_INDEX));
    TRY(op_known_ints(c, 1, dims, SHAPE_MAX_RANK, &n));
    if (n >= 0) {
        want = shape_from(n, dims);
        for (int i = 0; i < n; i++)
            OP_CHECK(c, dims[i] >= 0, STATUS_SHAPE, "dimension %d of the shape is %" PRId64, i,
                     dims[i]);
    } else if (c->in[1].shape.rank == 1 && c->in[1].shape.dim[0] >= 0 &&
               c->in[1].shape.dim[0] <= SHAPE_MAX_RANK) {
        want.rank = (int)c->in[1].shape.dim[0];
        for (int i = 0; i < want.rank; i++) want.dim[i] = -1;
    }
    TRY(op_broadcast(c, &c->in[0].shape, &want, &s));
    /* op_broadcast takes an unknown dimension against 2 or more as decided; both agree or fail. */
    return op_output_bounded(c, 0, c->in[0].dtype, s);
}

static enum status run_expand(struct op_call *c) {
    TRY(op_confirm_outputs(c));
    const struct view *x = &c->in[0], *y = &c->out[0];
    struct walk w = {.n = 2};
    walk_broadcast(&w, &y->shape, 0, &y->shape);
    walk_broadcast(&w, &y->shape, 1, &x->shape);
    walk_copy(&w, y->data, x->data, dtype_size(x->dtype));
    return STATUS_OK;
}

const struct op_def op_def_Expand = {
    .name = "Expand", .min_inputs = 2, .max_inputs = 2, .min_outputs = 1, .max_outputs = 1,
    .infer = infer_expand, .run = run_expand,
};

/* ---- Tile ---- */

static enum status infer_tile(struct op_call *c) {
    struct shape s = c->in[0].shape;
    int64_t repeats[SHAPE_MAX_RANK];
    int n;
    TRY(op_check_dtype(c, 1, DTYPES_INDEX));
    TRY(op_known_ints(c, 1, repeats, SHAPE_MAX_RANK, &n));
    OP_CHECK(c, n < 0 || s.rank < 0 || n == s.rank, STATUS_SHAPE,
             "'repeats' has %d values, but the input has rank %d", n, s.rank);
    for (int i = 0; i < s.rank; i++) {
        if (n < 0) {
            s.dim[i] = -1;
            continue;
        }
        OP_CHECK(c, repeats[i] >= 0, STATUS_SHAPE, "repeat %d is %" PRId64, i, repeats[i]);
        if (repeats[i] == 0) s.dim[i] = 0;
        else if (s.dim[i] >= 0)
            OP_CHECK(c, i64_mul(s.dim[i], repeats[i], &s.dim[i]), STATUS_LIMIT,
                     "repeat %d is %" PRId64 ", which makes the output too large", i, repeats[i]);
    }
    if (s.rank < 0 && n >= 0) {
        s.rank = n;
        for (int i = 0; i < n; i++) s.dim[i] = -1;
    }
    return op_output_bounded(c, 0, c->in[0].dtype, s);
}

static enum status run_tile(struct op_call *c) {
    TRY(op_confirm_outputs(c));
    const struct view *x = &c->in[0], *y = &c->out[0];
    int64_t to[SHAPE_MAX_RANK], from[SHAPE_MAX_RANK];
    struct walk w = {.n = 2, .rank = 2 * x->shape.rank};
    shape_strides(&y->shape, to);
    shape_strides(&x->shape, from);
    /* Each dimension twice: once over the copies, once within one. */
    for (int i = 0; i < x->shape.rank; i++) {
        w.size[2 * i] = view_get_i64(&c->in[1], i);
        w.size[2 * i + 1] = x->shape.dim[i];
        w.stride[0][2 * i] = to[i] * x->shape.dim[i];
        w.stride[0][2 * i + 1] = to[i];
        w.stride[1][2 * i + 1] = from[i];
    }
    walk_copy(&w, y->data, x->data, dtype_size(x->dtype));
    return STATUS_OK;
}

const struct op_def op_def_Tile = {
    .name = "Tile", .min_inputs = 2, .max_inputs = 2, .min_outputs = 1, .max_outputs = 1,
    .infer = infer_tile, .run = run_tile,
};

/* ---- DepthToSpace, SpaceToDepth ---- */

static enum status read_block(const struct op_call *c, int64_t *block, bool *crd) {
    const char *mode = node_string(c->node, "mode", "DCR");
    *block = node_int(c->node, "blocksize", 0);
    *crd = !strcmp(mode, "CRD");
    OP_CHECK(c, *block > 0 && *block < INT16_MAX, STATUS_SHAPE, "blocksize is %" PRId64, *block);
    OP_CHECK(c, *crd || !strcmp(mode, "DCR"), STATUS_UNSUPPORTED, "mode is '%s', not DCR or CRD",
             mode);
    OP_CHECK(c, c->in[0].shape.rank < 0 || c->in[0].shape.rank == 4, STATUS_SHAPE,
             "the input has rank %d instead of 4", c->in[0].shape.rank);
    return STATUS_OK;
}

static enum status infer_depth_to_space(struct op_call *c) {
    const struct shape *in = &c->in[0].shape;
    struct shape s = shape_of(4, -1, -1, -1, -1);
    int64_t b;
    bool crd;
    TRY(read_block(c, &b, &crd));
    if (in->rank == 4) {
        s.dim[0] = in->dim[0];
        OP_CHECK(c, in->dim[1] < 0 || in->dim[1] % (b * b) == 0, STATUS_SHAPE,
                 "%" PRId64 " channels are no multiple of %" PRId64, in->dim[1], b * b);
        if (in->dim[1] >= 0) s.dim[1] = in->dim[1] / (b * b);
        for (int i = 2; i < 4; i++)
            if (in->dim[i] >= 0)
                OP_CHECK(c, i64_mul(in->dim[i], b, &s.dim[i]), STATUS_LIMIT,
                         "the input is too large");
    }
    return op_output_bounded(c, 0, c->in[0].dtype, s);
}

static enum status infer_space_to_depth(struct op_call *c) {
    const struct shape *in = &c->in[0].shape;
    struct shape s = shape_of(4, -1, -1, -1, -1);
    int64_t b;
    bool crd;
    TRY(read_block(c, &b, &crd));
    if (in->rank == 4) {
        s.dim[0] = in->dim[0];
        if (in->dim[1] >= 0)
            OP_CHECK(c, i64_mul(in->dim[1], b * b, &s.dim[1]), STATUS_LIMIT,
                     "the input is too large");
        for (int i = 2; i < 4; i++) {
            OP_CHECK(c, in->dim[i] < 0 || in->dim[i] % b == 0, STATUS_SHAPE,
                     "size %" PRId64 " of dimension %d is no multiple of %" PRId64, in->dim[i], i,
                     b);
            if (in->dim[i] >= 0) s.dim[i] = in->dim[i] / b;
        }
    }
    return op_output_bounded(c, 0, c->in[0].dtype, s);
}

/* The walk over N, C, H, block row, W, block column, with operand 0 the spatial side (N, C, H*b,
 * W*b) and operand 1 the deep side (N, C*b*b, H, W). */
static struct walk block_walk(const struct shape *space, int64_t b, bool crd) {
    int64_t n = space->dim[0], ch = space->dim[1], h = space->dim[2] / b, w = space->dim[3] / b;
    int64_t plane = h * w;
    struct walk k = {.n = 2, .rank = 6, .size = {n, ch, h, b, w, b}};
    int64_t spatial[6] = {ch * h * b * w * b, h * b * w * b, b * w * b, w * b, b, 1};
    int64_t deep[6] = {ch * b * b * plane, crd ? b * b * plane : plane,          w,
                       crd ? b * plane : b * ch * plane, 1, crd ? plane : ch * plane};
    memcpy(k.stride[0], spatial, sizeof spatial);
    memcpy(k.stride[1], deep, sizeof deep);
    return k;
}

static enum status run_depth_to_space(struct op_call *c) {
    int64_t b;
    bool crd;
    TRY(read_block(c, &b, &crd));
    struct walk w = block_walk(&c->out[0].shape, b, crd);
    walk_copy(&w, c->out[0].data, c->in[0].data, dtype_size(c->in[0].dtype));
    return STATUS_OK;
}

static enum status run_space_to_depth(struct op_call *c) {
    int64_t b;
    bool crd;
    TRY(read_block(c, &b, &crd));
    struct walk w = block_walk(&c->in[0].shape, b, crd), back = w;
    memcpy(back.stride[0], w.stride[1], sizeof w.stride[1]);
    memcpy(back.stride[1], w.stride[0], sizeof w.stride[0]);
    walk_copy(&back, c->out[0].data, c->in[0].data, dtype_size(c->in[0].dtype));
    return STATUS_OK;
}

static const struct attr_spec block_attrs[] = {
    {"blocksize", ATTR_INT}, {"mode", ATTR_STRING}, {0}};

const struct op_def op_def_DepthToSpace = {
    .name = "DepthToSpace", .min_inputs = 1, .max_inputs = 1, .min_outputs = 1, .max_outputs = 1,
    .infer = infer_depth_to_space, .run = run_depth_to_space, .attrs = block_attrs,
};
const struct op_def op_def_SpaceToDepth = {
    .name = "SpaceToDepth", .min_inputs = 1, .max_inputs = 1, .min_outputs = 1, .max_outputs = 1,
    .infer = infer_space_to_depth, .run = run_space_to_depth, .attrs = block_attrs,
};
