/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Col2Im: columns of sliding blocks summed back into an image of any number of dimensions.
 *
 * Inputs: columns (N, C * product(block), L), image_shape, block_shape.
 */
#include <inttypes.h>

#include "ops/access.h"

enum { COL2IM_MAX = SHAPE_MAX_RANK - 2, COL2IM_LIMIT = 1 << 30 };

struct col2im {
    int n;
    int64_t image[COL2IM_MAX], block[COL2IM_MAX], stride[COL2IM_MAX], dilation[COL2IM_MAX];
    int64_t begin[COL2IM_MAX], steps[COL2IM_MAX]; /* blocks along the axis */
    int64_t taps, length; /* products of block and steps */
};

static enum status axis_values(const struct op_call *c, const char *name, int n, int64_t low,
                               int64_t fallback, int64_t *out) {
    int count = node_ints(c->node, name, out, 2 * COL2IM_MAX);
    OP_CHECK(c, count <= 0 || count == n, STATUS_SHAPE,
             "attribute '%s' has %d values instead of %d", name, count, n);
    for (int i = 0; i < n; i++) {
        if (count <= 0) out[i] = fallback;
        OP_CHECK(c, out[i] >= low && out[i] <= COL2IM_LIMIT, STATUS_LIMIT,
                 "attribute '%s' holds %" PRId64, name, out[i]);
    }
    return STATUS_OK;
}

/* known is false when the two shape inputs are not known yet. */
static enum status col2im_init(const struct op_call *c, struct col2im *v, bool *known) {
    int n_image, n_block;
    TRY(op_known_ints(c, 1, v->image, COL2IM_MAX, &n_image));
    TRY(op_known_ints(c, 2, v->block, COL2IM_MAX, &n_block));
    *known = n_image >= 0 && n_block >= 0;
    if (!*known) return STATUS_OK;
    OP_CHECK(c, n_image == n_block && n_image >= 1, STATUS_SHAPE,
             "'image_shape' has %d values and 'block_shape' %d", n_image, n_block);
    v->n = n_image;
    int64_t pads[2 * COL2IM_MAX], values[2 * COL2IM_MAX];
    TRY(axis_values(c, "pads", 2 * v->n, 0, 0, pads));
    TRY(axis_values(c, "strides", v->n, 1, 1, values));
    for (int i = 0; i < v->n; i++) v->stride[i] = values[i];
    TRY(axis_values(c, "dilations", v->n, 1, 1, values));
    v->taps = v->length = 1;
    for (int i = 0; i < v->n; i++) {
        v->dilation[i] = values[i];
        v->begin[i] = pads[i];
        OP_CHECK(c,
                 v->image[i] >= 1 && v->image[i] <= COL2IM_LIMIT && v->block[i] >= 1 &&
                     v->block[i] <= COL2IM_LIMIT,
                 STATUS_SHAPE, "image of %" PRId64 " and block of %" PRId64 " on axis %d",
                 v->image[i], v->block[i], i);
        int64_t room =
            v->image[i] + pads[i] + pads[v->n + i] - (v->block[i] - 1) * v->dilation[i] - 1;
        OP_CHECK(c, room >= 0, STATUS_SHAPE, "the block does not fit the padded image on axis %d",
                 i);
        v->steps[i] = room / v->stride[i] + 1;
        OP_CHECK(c,
                 i64_mul(v->taps, v->block[i], &v->taps) &&
                     i64_mul(v->length, v->steps[i], &v->length),
                 STATUS_LIMIT, "the blocks are too large");
    }
    return STATUS_OK;
}

static enum status infer_col2im(struct op_call *c) {
    const struct view *x = &c->in[0];
    TRY(op_check_rank(c, 0, 3, 3));
    struct col2im v;
    bool known;
    TRY(col2im_init(c, &v, &known));
    struct shape s = shape_unknown();
    if (known && x->shape.rank == 3) {
        TRY(op_check_dim(c, 0, 2, v.length, "blocks"));
        OP_CHECK(c, x->shape.dim[1] < 0 || x->shape.dim[1] % v.taps == 0, STATUS_SHAPE,
                 "%" PRId64 " rows do not divide into blocks of %" PRId64, x->shape.dim[1], v.taps);
        s.rank = 2 + v.n;
        s.dim[0] = x->shape.dim[0];
        s.dim[1] = x->shape.dim[1] < 0 ? -1 : x->shape.dim[1] / v.taps;
        for (int i = 0; i < v.n; i++) s.dim[2 + i] = v.image[i];
    }
    op_output(c, 0, x->dtype, s);
    return STATUS_OK;
}

static enum status run_col2im(struct op_call *c) {
    const struct view *x = &c->in[0], *y = &c->out[0];
    struct col2im v;
    bool known;
    TRY(col2im_init(c, &v, &known));
    int64_t area = shape_product(&y->shape, 2, y->shape.rank), total = shape_elements(&y->shape);
    for (int64_t o = 0; o < total; o++) {
        double sum = 0;
        uint64_t whole = 0;
        for (int64_t tap = 0; tap < v.taps; tap++) {
            /* Which block puts this tap on this element, if any. */
            int64_t rest = o % area, k = tap, block = 0, scale = 1;
            bool hit = true;
            for (int i = v.n - 1; hit && i >= 0; i--) {
                int64_t at = rest % v.image[i] + v.begin[i] - k % v.block[i] * v.dilation[i];
                rest /= v.image[i];
                k /= v.block[i];
                hit = at >= 0 && at % v.stride[i] == 0 && at / v.stride[i] < v.steps[i];
                block += at / v.stride[i] * scale;
                scale *= v.steps[i];
            }
            if (!hit) continue;
            int64_t from = (o / area * v.taps + tap) * v.length + block;
            if (dtype_is_float(x->dtype)) sum += get(x, from);
            else whole += (uint64_t)view_get_i64(x, from);
        }
        if (dtype_is_float(x->dtype)) set(y, o, sum);
        else view_set_i64(y, o, (int64_t)whole);
    }
    return STATUS_OK;
}

static const struct attr_spec col2im_attrs[] = {
    {"dilations", ATTR_INTS}, {"pads", ATTR_INTS}, {"strides", ATTR_INTS}, {NULL},
};

const struct op_def op_def_Col2Im = {
    .name = "Col2Im", .min_inputs = 3, .max_inputs = 3, .min_outputs = 1, .max_outputs = 1,
    .infer = infer_col2im, .run = run_col2im, .attrs = col2im_attrs,
};
