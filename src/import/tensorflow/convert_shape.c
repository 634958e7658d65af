/* SPDX-License-Identifier: Apache-2.0 */
/* Shapes, indices, and moving elements without computing with them. */
#include <string.h>

#include "import/tensorflow/tensorflow.h"
#include "ops/op.h"

static bool is(const struct tf_node *n, const char *op) { return !strcmp(n->def->op, op); }

/* Input i as int64. */
static enum status as_i64(struct tf_node *n, int i, int *out) {
    TRY(tf_need_inputs(n, i + 1));
    return tf_as(n, n->inputs[i], DT_I64, out);
}

/* The one number behind input i; *known: it is a constant. */
static enum status one_int(struct tf_node *n, int i, int64_t *out, bool *known) {
    int count;
    TRY(tf_need_inputs(n, i + 1));
    TRY(tf_input_ints(n, i, out, 1, &count));
    *known = count == 1;
    return STATUS_OK;
}

/* Output 0, made with int64, in the type that attribute `name` says (by default int32). */
static enum status finish_index(struct tf_node *n, int x, const char *name) {
    const TfAttr *a = tf_attr(n, name);
    bool wide = a && a->has_type && a->type == TENSORFLOW__DATA_TYPE__DT_INT64;
    return tf_finish(n, OP_Cast, 1, &x, ATTRS(A_STRING("to", dtype_name(wide ? DT_I64 : DT_I32))));
}

/* ---- shapes ---- */

enum status tf_shape_op(struct tf_node *n) {
    int y;
    TRY(tf_need_inputs(n, 1));
    TRY(tf_add(n, n->row->kind, 1, n->inputs, NULL, &y));
    return finish_index(n, y, "out_type");
}

enum status tf_rank(struct tf_node *n) {
    int t;
    TRY(tf_need_inputs(n, 1));
    if (tf_input(n, 0)->shape.rank < 0)
        return tf_unsupported(n, "the rank of its input is not known");
    TRY(tf_scalar(n, DT_I32, tf_input(n, 0)->shape.rank, &t));
    return tf_result(n, 0, t);
}

enum status tf_reshape_op(struct tf_node *n) {
    int in[2];
    TRY(as_i64(n, 1, &in[1]));
    in[0] = n->inputs[0];
    /* A zero of TensorFlow's is a size, not a copy of the input's. */
    return tf_finish(n, OP_Reshape, 2, in, ATTRS(A_INT("allowzero", 1)));
}

enum status tf_expand_dims(struct tf_node *n) {
    int in[2];
    int64_t axis;
    bool known;
    TRY(one_int(n, 1, &axis, &known));
    if (!known) return tf_unsupported(n, "the axis is no constant");
    TRY(tf_ints(n, 1, &axis, &in[1]));
    in[0] = n->inputs[0];
    return tf_finish(n, OP_Unsqueeze, 2, in, NULL);
}

enum status tf_squeeze(struct tf_node *n) {
    int64_t axes[SHAPE_MAX_RANK];
    TRY(tf_need_inputs(n, 1));
    int in[2] = {n->inputs[0]}, count = tf_int_list(n, "squeeze_dims", axes, SHAPE_MAX_RANK);
    if (count < 0) count = tf_int_list(n, "axis", axes, SHAPE_MAX_RANK);
    if (count <= 0) return tf_finish(n, OP_Squeeze, 1, in, NULL);
    TRY(tf_ints(n, count, axes, &in[1]));
    return tf_finish(n, OP_Squeeze, 2, in, NULL);
}

enum status tf_transpose_op(struct tf_node *n) {
    int64_t perm[SHAPE_MAX_RANK];
    int count;
    TRY(tf_need_inputs(n, 2));
    TRY(tf_input_ints(n, 1, perm, SHAPE_MAX_RANK, &count));
    if (count < 0) return tf_unsupported(n, "the permutation is no constant");
    return tf_finish(n, OP_Transpose, 1, n->inputs, ATTRS(A_INTS("perm", count, perm)));
}

enum status tf_broadcast_to(struct tf_node *n) {
    int in[2];
    TRY(as_i64(n, 1, &in[1]));
    in[0] = n->inputs[0];
    return tf_finish(n, OP_Expand, 2, in, NULL);
}

enum status tf_fill(struct tf_node *n) {
    int in[2];
    TRY(tf_need_inputs(n, 2));
    in[0] = n->inputs[1];
    TRY(as_i64(n, 0, &in[1]));
    return tf_finish(n, OP_Expand, 2, in, NULL);
}

enum status tf_like(struct tf_node *n) {
    int in[2];
    TRY(tf_need_inputs(n, 1));
    TRY(tf_scalar(n, tf_input(n, 0)->dtype, is(n, "OnesLike"), &in[0]));
    TRY(tf_add(n, OP_Shape, 1, n->inputs, NULL, &in[1]));
    return tf_finish(n, OP_Expand, 2, in, NULL);
}

enum status tf_range(struct tf_node *n) {
    TRY(tf_need_inputs(n, 3));
    return tf_finish(n, OP_Range, 3, n->inputs, NULL);
}

enum status tf_tile(struct tf_node *n) {
    int in[2];
    TRY(as_i64(n, 1, &in[1]));
    in[0] = n->inputs[0];
    return tf_finish(n, OP_Tile, 2, in, NULL);
}

/* ---- joining and cutting ---- */

enum status tf_concat(struct tf_node *n) {
    int64_t axis;
    bool known, last = is(n, "ConcatV2");
    TRY(tf_need_inputs(n, 2));
    TRY(one_int(n, last ? n->n_inputs - 1 : 0, &axis, &known));
    if (!known) return tf_unsupported(n, "the axis is no constant");
    return tf_finish(n, OP_Concat, n->n_inputs - 1, n->inputs + !last, ATTRS(A_INT("axis", axis)));
}

enum status tf_split(struct tf_node *n) {
    bool sized = is(n, "SplitV"), known;
    int64_t axis, parts = tf_int(n, "num_split", 0);
    int in[2];
    TRY(one_int(n, sized ? 2 : 0, &axis, &known));
    TRY(tf_need_inputs(n, sized ? 3 : 2));
    if (!known) return tf_unsupported(n, "the axis is no constant");
    CHECK(parts >= 1 && parts <= TF_MAX_OUTPUTS, STATUS_LIMIT, "%s '%s' has %lld parts; %d are "
          "supported", n->def->op, n->def->name, (long long)parts, TF_MAX_OUTPUTS);
    in[0] = n->inputs[sized ? 0 : 1];
    if (!sized)
        return tf_finish_outputs(n, OP_Split, 1, in,
                                 ATTRS(A_INT("axis", axis), A_INT("num_outputs", parts)),
                                 (int)parts);
    int64_t sizes[TF_MAX_OUTPUTS], left;
    int count;
    TRY(tf_input_ints(n, 1, sizes, TF_MAX_OUTPUTS, &count));
    if (count != parts) return tf_unsupported(n, "the sizes are no constants");
    /* -1: what the others leave. */
    const struct shape *s = &tf_input(n, 0)->shape;
    int64_t at = axis < 0 ? axis + s->rank : axis;
    left = at >= 0 && at < s->rank ? s->dim[at] : -1;
    for (int i = 0; i < count; i++)
        if (sizes[i] >= 0) left -= sizes[i];
    for (int i = 0; i < count; i++)
        if (sizes[i] < 0) sizes[i] = left;
    TRY(tf_ints(n, count, sizes, &in[1]));
    return tf_finish_outputs(n, OP_Split, 2, in, ATTRS(A_INT("axis", axis)), (int)parts);
}

enum status tf_pack(struct tf_node *n) {
    int64_t axis = tf_int(n, "axis", 0);
    int axes, *in = arena_calloc(n->im->arena, (size_t)n->n_inputs + 1, sizeof *in);
    CHECK(in, STATUS_MEMORY, "out of memory while importing the model");
    TRY(tf_need_inputs(n, 1));
    TRY(tf_ints(n, 1, &axis, &axes));
    for (int i = 0; i < n->n_inputs; i++)
        TRY(tf_add(n, OP_Unsqueeze, 2, (int[]){n->inputs[i], axes}, NULL, &in[i]));
    return tf_finish(n, OP_Concat, n->n_inputs, in, ATTRS(A_INT("axis", axis)));
}

enum status tf_unpack(struct tf_node *n) {
    int64_t axis = tf_int(n, "axis", 0), parts = tf_int(n, "num", 0), k;
    TRY(tf_need_inputs(n, 1));
    CHECK(parts >= 0 && parts <= TF_MAX_OUTPUTS, STATUS_LIMIT,
          "%s '%s' has %lld parts; %d are supported", n->def->op, n->def->name, (long long)parts,
          TF_MAX_OUTPUTS);
    for (k = 0; k < parts; k++) {
        int index, y;
        TRY(tf_scalar(n, DT_I64, (double)k, &index));
        TRY(tf_add(n, OP_Gather, 2, (int[]){n->inputs[0], index}, ATTRS(A_INT("axis", axis)), &y));
        if (tf_failed(n)) return STATUS_OK;
        TRY(tf_result(n, (int)k, y));
    }
    return STATUS_OK;
}

enum status tf_slice(struct tf_node *n) {
    int64_t begin[SHAPE_MAX_RANK], size[SHAPE_MAX_RANK], axes[SHAPE_MAX_RANK];
    int rank, count, in[4];
    TRY(tf_need_inputs(n, 3));
    TRY(tf_input_ints(n, 1, begin, SHAPE_MAX_RANK, &rank));
    TRY(tf_input_ints(n, 2, size, SHAPE_MAX_RANK, &count));
    if (rank < 0 || count != rank) return tf_unsupported(n, "begin and size are no constants");
    for (int i = 0; i < rank; i++) {
        CHECK(begin[i] >= 0 && begin[i] <= INT32_MAX && size[i] >= -1 && size[i] <= INT32_MAX,
              STATUS_SHAPE, "%s '%s' begins at %lld", n->def->op, n->def->name,
              (long long)begin[i]);
        axes[i] = i;
        size[i] = size[i] < 0 ? INT64_MAX : begin[i] + size[i];
    }
    in[0] = n->inputs[0];
    TRY(tf_ints(n, rank, begin, &in[1]));
    TRY(tf_ints(n, rank, size, &in[2]));
    TRY(tf_ints(n, rank, axes, &in[3]));
    return tf_finish(n, OP_Slice, 4, in, NULL);
}

/* Begin, end and step of each entry, and five masks over the entries. */
struct strided {
    int n;
    int64_t begin[2 * SHAPE_MAX_RANK], end[2 * SHAPE_MAX_RANK], step[2 * SHAPE_MAX_RANK];
    int64_t from_start, to_end, ellipsis, added, shrunk;
};

static enum status read_strided(struct tf_node *n, struct strided *s, bool *known) {
    enum { MAX = 2 * SHAPE_MAX_RANK };
    int a, b;
    TRY(tf_need_inputs(n, 4));
    TRY(tf_input_ints(n, 1, s->begin, MAX, &s->n));
    TRY(tf_input_ints(n, 2, s->end, MAX, &a));
    TRY(tf_input_ints(n, 3, s->step, MAX, &b));
    *known = s->n >= 0 && a == s->n && b == s->n && tf_input(n, 0)->shape.rank >= 0;
    s->from_start = tf_int(n, "begin_mask", 0);
    s->to_end = tf_int(n, "end_mask", 0);
    s->ellipsis = tf_int(n, "ellipsis_mask", 0);
    s->added = tf_int(n, "new_axis_mask", 0);
    s->shrunk = tf_int(n, "shrink_axis_mask", 0);
    return STATUS_OK;
}

/* The input is sliced, then dimensions are dropped, then new ones put in. */
enum status tf_strided_slice(struct tf_node *n) {
    struct strided s;
    bool known;
    TRY(read_strided(n, &s, &known));
    if (!known) return tf_unsupported(n, "begin, end and strides are no constants");
    int rank = tf_input(n, 0)->shape.rank, axis = 0, n_cuts = 0, n_dropped = 0, n_added = 0;
    int kept = 0, used = 0, x = n->inputs[0];
    int64_t begin[SHAPE_MAX_RANK], end[SHAPE_MAX_RANK], step[SHAPE_MAX_RANK], axes[SHAPE_MAX_RANK];
    int64_t dropped[SHAPE_MAX_RANK], added[SHAPE_MAX_RANK];
    for (int i = 0; i < s.n; i++) used += !(s.added >> i & 1) && !(s.ellipsis >> i & 1);
    CHECK(used <= rank, STATUS_SHAPE, "%s '%s' has more entries than its input dimensions",
          n->def->op, n->def->name);
    for (int i = 0; i < s.n; i++) {
        if (s.ellipsis >> i & 1) {
            axis += rank - used;
            kept += rank - used;
            used = rank; /* a second one would be empty */
        } else if (s.added >> i & 1) {
            CHECK(n_added < SHAPE_MAX_RANK, STATUS_LIMIT, "%s '%s' adds too many dimensions",
                  n->def->op, n->def->name);
            added[n_added++] = kept++;
        } else {
            CHECK(axis < rank, STATUS_SHAPE, "%s '%s' has more entries than its input dimensions",
                  n->def->op, n->def->name);
            bool one = s.shrunk >> i & 1, back = s.step[i] < 0;
            begin[n_cuts] = s.from_start >> i & 1 && !one ? (back ? INT64_MAX : 0) : s.begin[i];
            end[n_cuts] = s.to_end >> i & 1 ? (back ? INT64_MIN : INT64_MAX) : s.end[i];
            step[n_cuts] = one ? 1 : s.step[i];
            if (one) end[n_cuts] = s.begin[i] == -1 ? INT64_MAX : s.begin[i] + 1;
            axes[n_cuts++] = axis;
            if (one) dropped[n_dropped++] = axis;
            else kept++;
            axis++;
        }
    }
    int in[5] = {x};
    TRY(tf_ints(n, n_cuts, begin, &in[1]));
    TRY(tf_ints(n, n_cuts, end, &in[2]));
    TRY(tf_ints(n, n_cuts, axes, &in[3]));
    TRY(tf_ints(n, n_cuts, step, &in[4]));
    if (!n_dropped && !n_added) return tf_finish(n, OP_Slice, 5, in, NULL);
    TRY(tf_add(n, OP_Slice, 5, in, NULL, &in[0]));
    if (n_dropped) {
        TRY(tf_ints(n, n_dropped, dropped, &in[1]));
        if (!n_added) return tf_finish(n, OP_Squeeze, 2, in, NULL);
        TRY(tf_add(n, OP_Squeeze, 2, in, NULL, &in[0]));
    }
    TRY(tf_ints(n, n_added, added, &in[1]));
    return tf_finish(n, OP_Unsqueeze, 2, in, NULL);
}

enum status tf_reverse(struct tf_node *n) {
    int64_t axes[SHAPE_MAX_RANK], begin[SHAPE_MAX_RANK], end[SHAPE_MAX_RANK], step[SHAPE_MAX_RANK];
    int count, in[5];
    TRY(tf_need_inputs(n, 2));
    TRY(tf_input_ints(n, 1, axes, SHAPE_MAX_RANK, &count));
    if (count < 0) return tf_unsupported(n, "the axes are no constants");
    for (int i = 0; i < count; i++) {
        begin[i] = INT64_MAX;
        end[i] = INT64_MIN;
        step[i] = -1;
    }
    in[0] = n->inputs[0];
    TRY(tf_ints(n, count, begin, &in[1]));
    TRY(tf_ints(n, count, end, &in[2]));
    TRY(tf_ints(n, count, axes, &in[3]));
    TRY(tf_ints(n, count, step, &in[4]));
    return tf_finish(n, OP_Slice, 5, in, NULL);
}

/* The `count` elements at one end of an axis, in reverse; the edge's own is the first. */
static enum status mirrored(struct tf_node *n, int x, int axis, int64_t count, bool front,
                            int *out) {
    const int64_t at = axis, back = -1, from = front ? count - 1 : -1,
                  to = front ? INT64_MIN : -1 - count;
    int in[5] = {x};
    TRY(tf_ints(n, 1, &from, &in[1]));
    TRY(tf_ints(n, 1, &to, &in[2]));
    TRY(tf_ints(n, 1, &at, &in[3]));
    TRY(tf_ints(n, 1, &back, &in[4]));
    return tf_add(n, OP_Slice, 5, in, NULL, out);
}

/* [b a | a b c | c b]: unlike in mode REFLECT the edge is there twice. */
static enum status pad_symmetric(struct tf_node *n, int count, const int64_t *given) {
    int x = n->inputs[0];
    const struct shape *s = &tf_input(n, 0)->shape;
    for (int i = 0; i < count / 2; i++) {
        const int64_t *pad = given + 2 * i;
        int part[3], k = 0;
        if (s->rank == count / 2 && s->dim[i] < 0 && (pad[0] || pad[1]))
            return tf_unsupported(n, "the size of axis %d of its input is not known", i);
        CHECK(s->rank == count / 2 && pad[0] >= 0 && pad[1] >= 0 &&
                  ((pad[0] <= s->dim[i] && pad[1] <= s->dim[i]) || (!pad[0] && !pad[1])),
              STATUS_SHAPE, "%s '%s' pads axis %d by more than its input has", n->def->op,
              n->def->name, i);
        if (pad[0]) TRY(mirrored(n, x, i, pad[0], true, &part[k++]));
        part[k++] = x;
        if (pad[1]) TRY(mirrored(n, x, i, pad[1], false, &part[k++]));
        if (k > 1) TRY(tf_add(n, OP_Concat, k, part, ATTRS(A_INT("axis", i)), &x));
    }
    return tf_finish(n, OP_Identity, 1, &x, NULL);
}

enum status tf_pad(struct tf_node *n) {
    int64_t given[2 * SHAPE_MAX_RANK], pads[2 * SHAPE_MAX_RANK];
    int count, in[3];
    bool mirror = is(n, "MirrorPad");
    TRY(tf_need_inputs(n, 2));
    TRY(tf_input_ints(n, 1, given, 2 * SHAPE_MAX_RANK, &count));
    if (count < 0 || count % 2) return tf_unsupported(n, "the paddings are no constants");
    if (mirror && tf_text_is(n, "mode", "SYMMETRIC")) return pad_symmetric(n, count, given);
    if (mirror && !tf_text_is(n, "mode", "REFLECT"))
        return tf_unsupported(n, "its mode is neither REFLECT nor SYMMETRIC");
    for (int i = 0; i < count / 2; i++) {
        pads[i] = given[2 * i];
        pads[count / 2 + i] = given[2 * i + 1];
    }
    in[0] = n->inputs[0];
    TRY(tf_ints(n, count, pads, &in[1]));
    if (is(n, "PadV2")) {
        TRY(tf_need_inputs(n, 3));
        in[2] = n->inputs[2];
    }
    return tf_finish(n, OP_Pad, is(n, "PadV2") ? 3 : 2, in,
                     ATTRS(A_STRING("mode", mirror ? "reflect" : "constant")));
}

/* ---- indices ---- */

/* The first `batch` dimensions of both inputs go together. The axis is brought to stand behind
 * them, and what stood between goes back to in front of what the indices chose. */
static enum status gather_batches(struct tf_node *n, int64_t batch, int64_t axis) {
    const struct shape *x = &tf_input(n, 0)->shape, *index = &tf_input(n, 1)->shape;
    if (x->rank < 0 || index->rank < 0)
        return tf_unsupported(n, "batch_dims with an input whose rank is not known");
    if (batch < 0) batch += index->rank;
    if (axis < 0) axis += x->rank;
    CHECK(batch >= 0 && batch <= index->rank && batch <= axis && axis < x->rank, STATUS_SHAPE,
          "%s '%s' has %lld batch_dims and axis %lld", n->def->op, n->def->name, (long long)batch,
          (long long)axis);
    int64_t perm[2 * SHAPE_MAX_RANK], last = -1;
    int in[2], between = (int)(axis - batch), chosen = index->rank - (int)batch, rank = x->rank;
    CHECK(rank - 1 + chosen <= SHAPE_MAX_RANK && index->rank < SHAPE_MAX_RANK, STATUS_LIMIT,
          "the result of '%s' has too many dimensions", n->def->name);
    for (int i = 0; i < rank; i++)
        perm[i] = i < batch || i > axis ? i : i == batch ? axis : i - 1;
    TRY(tf_transpose(n, n->inputs[0], rank, perm, &in[0]));
    TRY(tf_as(n, n->inputs[1], DT_I64, &in[1]));
    int axes;
    TRY(tf_ints(n, 1, &last, &axes));
    TRY(tf_add(n, OP_Unsqueeze, 2, (int[]){in[1], axes}, NULL, &in[1]));
    if (!between)
        return tf_finish(n, OP_GatherND, 2, in, ATTRS(A_INT("batch_dims", batch)));
    TRY(tf_add(n, OP_GatherND, 2, in, ATTRS(A_INT("batch_dims", batch)), &in[0]));
    for (int i = 0; i < rank - 1 + chosen; i++)
        perm[i] = i < batch || i >= batch + between + chosen ? i
                  : i < batch + between ? i + chosen : i - between;
    return tf_finish(n, OP_Transpose, 1, in, ATTRS(A_INTS("perm", rank - 1 + chosen, perm)));
}

enum status tf_gather(struct tf_node *n) {
    int64_t axis = 0;
    bool known = true;
    TRY(tf_need_inputs(n, 2));
    if (n->n_inputs > 2) TRY(one_int(n, 2, &axis, &known));
    if (!known) return tf_unsupported(n, "the axis is no constant");
    int64_t batch = tf_int(n, "batch_dims", 0);
    if (batch) return gather_batches(n, batch, axis);
    return tf_finish(n, OP_Gather, 2, n->inputs, ATTRS(A_INT("axis", axis)));
}

enum status tf_gather_nd(struct tf_node *n) {
    int in[2];
    TRY(as_i64(n, 1, &in[1]));
    in[0] = n->inputs[0];
    return tf_finish(n, OP_GatherND, 2, in, NULL);
}

/* Where each element is that is not zero, a row for each. */
enum status tf_where(struct tf_node *n) {
    int y;
    TRY(tf_need_inputs(n, 1));
    if (n->n_inputs == 3) return tf_finish(n, OP_Where, 3, n->inputs, NULL);
    TRY(tf_add(n, OP_NonZero, 1, n->inputs, NULL, &y));
    return tf_finish(n, OP_Transpose, 1, &y, ATTRS(A_INTS("perm", 2, ((const int64_t[]){1, 0}))));
}

enum status tf_sparse_to_dense(struct tf_node *n) {
    int in[3], shape;
    TRY(tf_need_inputs(n, 4));
    int rank = tf_input(n, 0)->shape.rank;
    if (rank != 1 && rank != 2) return tf_unsupported(n, "indices other than a list or rows");
    TRY(as_i64(n, 1, &shape));
    TRY(tf_add(n, OP_Expand, 2, (int[]){n->inputs[3], shape}, NULL, &in[0]));
    TRY(as_i64(n, 0, &in[1]));
    if (rank == 1) TRY(tf_reshape(n, in[1], 2, (const int64_t[]){-1, 1}, &in[1]));
    in[2] = n->inputs[2];
    if (tf_input(n, 2)->shape.rank == 0) {
        int64_t rows = tf_input(n, 0)->shape.dim[0];
        if (rows < 0) return tf_unsupported(n, "one value for rows whose number is not known");
        TRY(tf_ints(n, 1, &rows, &shape));
        TRY(tf_add(n, OP_Expand, 2, (int[]){in[2], shape}, NULL, &in[2]));
    }
    return tf_finish(n, OP_ScatterND, 3, in, NULL);
}

/* Inputs: indices, values, shape; equal indices add up. */
enum status tf_scatter_nd(struct tf_node *n) {
    int in[3], shape, zero;
    TRY(as_i64(n, 2, &shape));
    TRY(tf_scalar(n, tf_input(n, 1)->dtype, 0, &zero));
    TRY(tf_add(n, OP_Expand, 2, (int[]){zero, shape}, NULL, &in[0]));
    TRY(as_i64(n, 0, &in[1]));
    in[2] = n->inputs[1];
    return tf_finish(n, OP_ScatterND, 3, in, ATTRS(A_STRING("reduction", "add")));
}

/* Inputs: x, indices, values. */
enum status tf_tensor_scatter(struct tf_node *n) {
    int in[3];
    TRY(tf_need_inputs(n, 3));
    in[0] = n->inputs[0];
    TRY(as_i64(n, 1, &in[1]));
    in[2] = n->inputs[2];
    return tf_finish(n, OP_ScatterND, 3, in,
                     ATTRS(A_STRING("reduction", is(n, "TensorScatterAdd") ? "add" : "none")));
}

enum status tf_reverse_sequence(struct tf_node *n) {
    int in[2];
    TRY(as_i64(n, 1, &in[1]));
    in[0] = n->inputs[0];
    return tf_finish(n, OP_ReverseSequence, 2, in,
                     ATTRS(A_INT("time_axis", tf_int(n, "seq_dim", 0)),
                           A_INT("batch_axis", tf_int(n, "batch_dim", 0))));
}

/* Inputs: indices, depth, the value that is on, the one that is off. */
enum status tf_one_hot(struct tf_node *n) {
    int values[2], in[3];
    TRY(tf_need_inputs(n, 4));
    TRY(tf_reshape(n, n->inputs[3], 1, (const int64_t[]){1}, &values[0]));
    TRY(tf_reshape(n, n->inputs[2], 1, (const int64_t[]){1}, &values[1]));
    TRY(tf_add(n, OP_Concat, 2, values, ATTRS(A_INT("axis", 0)), &in[2]));
    in[0] = n->inputs[0];
    in[1] = n->inputs[1];
    return tf_finish(n, OP_OneHot, 3, in, ATTRS(A_INT("axis", tf_int(n, "axis", -1))));
}

enum status tf_top_k(struct tf_node *n) {
    int in[2], narrow;
    TRY(as_i64(n, 1, &in[1]));
    TRY(tf_reshape(n, in[1], 1, (const int64_t[]){1}, &in[1]));
    in[0] = n->inputs[0];
    TRY(tf_finish_outputs(n, OP_TopK, 2, in,
                          ATTRS(A_INT("axis", -1), A_INT("sorted", tf_bool(n, "sorted", true))),
                          2));
    if (tf_failed(n)) return STATUS_OK;
    TRY(tf_as(n, n->outputs[1], DT_I32, &narrow));
    return tf_result(n, 1, narrow);
}

/* Boxes (N, 4) and scores (N); the second output of version 5 are the scores chosen. */
enum status tf_nms(struct tf_node *n) {
    int in[5], rows, column, kept;
    bool v5 = is(n, "NonMaxSuppressionV5");
    bool v1 = is(n, "NonMaxSuppression");
    TRY(tf_need_inputs(n, v1 ? 3 : is(n, "NonMaxSuppressionV2") ? 4 : v5 ? 6 : 5));
    int count_in = v1 ? 4 : n->n_inputs < 5 ? n->n_inputs : 5;
    if (tf_bool(n, "pad_to_max_output_size", false))
        return tf_unsupported(n, "padding its result to the largest size");
    const struct tensor *sigma = v5 ? tf_input(n, 5) : NULL;
    if (v5 && !(sigma->data && sigma->dtype == DT_F32 && *(const float *)sigma->data == 0))
        return tf_unsupported(n, "soft suppression (soft_nms_sigma)");
    TRY(tf_reshape(n, n->inputs[0], 3, (const int64_t[]){1, -1, 4}, &in[0]));
    TRY(tf_reshape(n, n->inputs[1], 3, (const int64_t[]){1, 1, -1}, &in[1]));
    for (int i = 2; i < count_in; i++) {
        if (v1 && i == 3)
            TRY(tf_scalar(n, DT_F32, (double)tf_float(n, "iou_threshold", 0.5f), &in[i]));
        else TRY(tf_as(n, n->inputs[i], i == 2 ? DT_I64 : DT_F32, &in[i]));
        TRY(tf_reshape(n, in[i], 1, (const int64_t[]){1}, &in[i]));
    }
    TRY(tf_add(n, OP_NonMaxSuppression, count_in, in, NULL, &rows));
    TRY(tf_scalar(n, DT_I64, 2, &column));
    TRY(tf_add(n, OP_Gather, 2, (int[]){rows, column}, ATTRS(A_INT("axis", 1)), &kept));
    TRY(tf_finish(n, OP_Cast, 1, &kept, ATTRS(A_STRING("to", dtype_name(DT_I32)))));
    if (tf_failed(n) || count_in < 5) return STATUS_OK;
    int count = n->outputs[0], size;
    if (v5) {
        int scores;
        TRY(tf_add(n, OP_Gather, 2, (int[]){n->inputs[1], kept}, ATTRS(A_INT("axis", 0)), &scores));
        TRY(tf_result(n, 1, scores));
    }
    if (!v5 && !is(n, "NonMaxSuppressionV4")) return STATUS_OK;
    TRY(tf_add(n, OP_Size, 1, &count, NULL, &size));
    TRY(tf_as(n, size, DT_I32, &size));
    return tf_result(n, v5 ? 2 : 1, size);
}
