/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Blocks of height and width in the batch: SpaceToBatchND and BatchToSpaceND.
 *
 * Around a convolution without padding, stride and dilation they are how TensorFlow 1 wrote one
 * with dilation; those three become that one. The first two only pass their input on, and the
 * third, whose inputs are then all known, converts the convolution with the blocks for its
 * dilation; or, where the numbers do not fit, all three as they stand.
 */
#include <string.h>

#include "base/alloc.h"
#include "import/tensorflow/tensorflow.h"
#include "ops/op.h"

enum { MAX_BLOCKS = SHAPE_MAX_RANK / 2 - 1 };

struct blocks {
    int n; /* spatial dimensions with a block */
    int64_t size[MAX_BLOCKS], before[MAX_BLOCKS], after[MAX_BLOCKS]; /* padding or crops */
};

static enum status read_blocks(struct tf_node *n, struct blocks *b) {
    int64_t v[2 * MAX_BLOCKS];
    int count;
    TRY(tf_need_inputs(n, 3));
    TRY(tf_input_ints(n, 1, b->size, MAX_BLOCKS, &b->n));
    TRY(tf_input_ints(n, 2, v, 2 * MAX_BLOCKS, &count));
    if (b->n < 1 || count != 2 * b->n || !shape_known(&tf_input(n, 0)->shape) ||
        tf_input(n, 0)->shape.rank < 1 + b->n || tf_input(n, 0)->shape.rank + b->n > SHAPE_MAX_RANK)
        return tf_unsupported(n, "its blocks are no constants, or its input's shape is not known");
    for (int i = 0; i < b->n; i++) {
        CHECK(b->size[i] >= 1 && b->size[i] <= INT32_MAX, STATUS_SHAPE, "%s '%s' has block %lld",
              n->def->op, n->def->name, (long long)b->size[i]);
        b->before[i] = v[2 * i];
        b->after[i] = v[2 * i + 1];
    }
    return STATUS_OK;
}

/* (N, H, W, ..) padded -> (N, H/b, b, W/b, b, ..) -> (b, b, N, H/b, W/b, ..) -> (b * b * N, ..) */
static enum status space_to_batch(struct tf_node *n) {
    struct blocks b;
    TRY(read_blocks(n, &b));
    if (tf_failed(n)) return STATUS_OK;
    struct shape s = tf_input(n, 0)->shape;
    int64_t pads[2 * SHAPE_MAX_RANK] = {0}, split[SHAPE_MAX_RANK], perm[SHAPE_MAX_RANK];
    int x[2] = {n->inputs[0]}, rank = 0, to = 0;
    for (int i = 0; i < b.n; i++) {
        pads[1 + i] = b.before[i];
        pads[s.rank + 1 + i] = b.after[i];
        s.dim[1 + i] += b.before[i] + b.after[i];
        CHECK(s.dim[1 + i] >= 0 && s.dim[1 + i] % b.size[i] == 0, STATUS_SHAPE,
              "%s '%s': %lld does not divide into blocks of %lld", n->def->op, n->def->name,
              (long long)s.dim[1 + i], (long long)b.size[i]);
    }
    TRY(tf_ints(n, 2 * s.rank, pads, &x[1]));
    TRY(tf_add(n, OP_Pad, 2, x, NULL, &x[0]));
    split[rank++] = s.dim[0];
    for (int i = 0; i < b.n; i++) {
        split[rank++] = s.dim[1 + i] / b.size[i];
        split[rank++] = b.size[i];
        perm[to++] = 2 + 2 * i;
    }
    perm[to++] = 0;
    for (int i = 0; i < b.n; i++) perm[to++] = 1 + 2 * i;
    for (int i = 1 + b.n; i < s.rank; i++) {
        perm[to++] = rank;
        split[rank++] = s.dim[i];
    }
    TRY(tf_reshape(n, x[0], rank, split, &x[0]));
    TRY(tf_transpose(n, x[0], rank, perm, &x[0]));
    for (int i = 0; i < b.n; i++) {
        s.dim[1 + i] /= b.size[i];
        CHECK(i64_mul(s.dim[0], b.size[i], &s.dim[0]), STATUS_LIMIT, "'%s' is too large",
              n->def->name);
    }
    TRY(tf_ints(n, s.rank, s.dim, &x[1]));
    return tf_finish(n, OP_Reshape, 2, x, NULL);
}

/* The way back, then crops. */
static enum status batch_to_space(struct tf_node *n) {
    struct blocks b;
    TRY(read_blocks(n, &b));
    if (tf_failed(n)) return STATUS_OK;
    struct shape s = tf_input(n, 0)->shape;
    int64_t split[SHAPE_MAX_RANK], perm[SHAPE_MAX_RANK], start[MAX_BLOCKS], end[MAX_BLOCKS];
    int64_t axes[MAX_BLOCKS];
    int x[4] = {n->inputs[0]}, rank = 0, to = 0;
    for (int i = 0; i < b.n; i++) {
        CHECK(s.dim[0] % b.size[i] == 0, STATUS_SHAPE,
              "%s '%s': the batch does not divide into blocks", n->def->op, n->def->name);
        s.dim[0] /= b.size[i];
        split[rank++] = b.size[i];
    }
    for (int i = 0; i < s.rank; i++) split[rank++] = s.dim[i];
    perm[to++] = b.n;
    for (int i = 0; i < b.n; i++) {
        perm[to++] = b.n + 1 + i;
        perm[to++] = i;
    }
    for (int i = 1 + b.n; i < s.rank; i++) perm[to++] = b.n + i;
    TRY(tf_reshape(n, x[0], rank, split, &x[0]));
    TRY(tf_transpose(n, x[0], rank, perm, &x[0]));
    for (int i = 0; i < b.n; i++) {
        CHECK(i64_mul(s.dim[1 + i], b.size[i], &s.dim[1 + i]), STATUS_LIMIT, "'%s' is too large",
              n->def->name);
        axes[i] = 1 + i;
        start[i] = b.before[i];
        end[i] = s.dim[1 + i] - b.after[i];
        CHECK(start[i] >= 0 && b.after[i] >= 0 && start[i] <= end[i], STATUS_SHAPE,
              "%s '%s' crops more than there is", n->def->op, n->def->name);
    }
    TRY(tf_reshape(n, x[0], s.rank, s.dim, &x[0]));
    TRY(tf_ints(n, b.n, start, &x[1]));
    TRY(tf_ints(n, b.n, end, &x[2]));
    TRY(tf_ints(n, b.n, axes, &x[3]));
    return tf_finish(n, OP_Slice, 4, x, NULL);
}

/* ---- dilation ---- */

static bool all_ones(const struct tf_node *n, const char *name) {
    int64_t v[4];
    int count = tf_int_list(n, name, v, 4);
    for (int i = 0; i < count; i++)
        if (v[i] != 1) return false;
    return true;
}

static bool is_plain_conv(const struct tf_node *n) {
    static const char *const ops[] = {"Conv2D", "DepthwiseConv2dNative", "_FusedConv2D",
                                      "_FusedDepthwiseConv2dNative", "FusedDepthwiseConv2dNative"};
    bool conv = false;
    for (size_t i = 0; i < sizeof ops / sizeof ops[0]; i++) conv |= !strcmp(n->def->op, ops[i]);
    return conv && tf_is_nhwc(n) && tf_text_is(n, "padding", "VALID") && all_ones(n, "strides") &&
           all_ones(n, "dilations");
}

static struct tf_node *first_input(const struct tf_node *n) {
    return n->n_inputs && !n->edges[0].output ? &n->im->nodes[n->edges[0].node] : NULL;
}

void tf_find_dilated(struct tf_importer *im) {
    for (int i = 0; i < im->n_nodes; i++) {
        struct tf_node *n = &im->nodes[i], *conv, *from;
        if (n->state != TF_NEEDED || n->in_loop || !n->row || n->n_inputs != 3 ||
            strcmp(n->def->op, "BatchToSpaceND"))
            continue;
        conv = first_input(n);
        if (!conv || !conv->row || conv->consumers != 1 || !is_plain_conv(conv)) continue;
        from = first_input(conv);
        if (!from || !from->row || from->consumers != 1 || from->n_inputs != 3 ||
            strcmp(from->def->op, "SpaceToBatchND"))
            continue;
        n->waits = conv->waits = from->waits = true;
    }
}

/* Whether blocks, padding and crops of the two are those of a dilated convolution. */
static enum status read_dilated(struct tf_node *from, struct tf_node *to, struct tf_dilated *d,
                                bool *fits) {
    int64_t block[2], padding[4], crops[4];
    int count[4];
    TRY(tf_input_ints(from, 1, d->dilation, 2, &count[0]));
    TRY(tf_input_ints(from, 2, padding, 4, &count[1]));
    TRY(tf_input_ints(to, 1, block, 2, &count[2]));
    TRY(tf_input_ints(to, 2, crops, 4, &count[3]));
    *fits = count[0] == 2 && count[1] == 4 && count[2] == 2 && count[3] == 4;
    for (int i = 0; i < 2 && *fits; i++) {
        /* A row of the result that is cut off is one of padding that need not be there. */
        d->pads[i] = padding[2 * i] - crops[2 * i];
        d->pads[2 + i] = padding[2 * i + 1] - crops[2 * i + 1];
        *fits = block[i] == d->dilation[i] && block[i] >= 1 && block[i] <= INT32_MAX &&
                d->pads[i] >= 0 && d->pads[i] <= INT32_MAX && d->pads[2 + i] >= 0 &&
                d->pads[2 + i] <= INT32_MAX;
    }
    return STATUS_OK;
}

static enum status again(struct tf_node *n, tf_convert *convert) {
    n->n_outputs = 1;
    n->outputs[0] = -1;
    return convert(n);
}

enum status tf_space_to_batch(struct tf_node *n) {
    if (!n->waits) return space_to_batch(n);
    TRY(tf_need_inputs(n, 3));
    return tf_result(n, 0, n->inputs[0]);
}

enum status tf_batch_to_space(struct tf_node *n) {
    if (!n->waits) return batch_to_space(n);
    struct tf_node *conv = first_input(n), *from = first_input(conv);
    struct tf_dilated d;
    bool fits;
    TRY(tf_need_inputs(n, 3));
    TRY(read_dilated(from, n, &d, &fits));
    conv->waits = false;
    if (fits) conv->dilated = &d;
    else TRY(again(from, space_to_batch));
    conv->inputs[0] = from->outputs[0];
    enum status s = tf_failed(from) ? STATUS_OK : again(conv, conv->row->convert);
    conv->dilated = NULL;
    TRY(s);
    if (tf_failed(from) || tf_failed(conv)) {
        n->outputs[0] = TF_POISON;
        return STATUS_OK;
    }
    n->inputs[0] = conv->outputs[0];
    return fits ? tf_finish(n, OP_Identity, 1, n->inputs, NULL) : batch_to_space(n);
}
