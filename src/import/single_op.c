/* SPDX-License-Identifier: Apache-2.0 */
/* Single operators: the table of names, and how each becomes nodes. */
#include "import/single_op.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "ops/op.h"

struct build {
    const struct single_op *op;
    const struct rule *rule;
    struct graph *g;
    uint64_t taken; /* attributes that were understood */
    int n_in, n_out;
    int in[SINGLE_OP_MAX], out[SINGLE_OP_MAX]; /* tensors; -1: left out */
};

struct rule {
    const char *name;
    enum op_kind op;
    uint64_t values;     /* inputs that have to be known */
    const char *renames; /* "theirs=ours theirs=" ...; without ours it has no effect */
    enum status (*build)(struct build *b); /* NULL: one node with the same inputs */
};

/* ---- attributes ---- */

static const struct attr *find_attr(const struct single_op *op, const char *name) {
    for (int i = 0; i < op->n_attrs; i++)
        if (!strcmp(op->attrs[i].name, name)) return &op->attrs[i];
    return NULL;
}

static const struct attr *take(struct build *b, const char *name) {
    const struct attr *a = find_attr(b->op, name);
    if (a) b->taken |= (uint64_t)1 << (a - b->op->attrs);
    return a;
}

/* The integers of an attribute; *n is -1 when it is absent. */
static enum status take_ints(struct build *b, const char *name, int max, int64_t *to, int *n) {
    const struct attr *a = take(b, name);
    *n = -1;
    if (!a) return STATUS_OK;
    CHECK(a->type == ATTR_INT || a->type == ATTR_INTS, STATUS_ARGUMENT,
          "attribute '%s' must be integers", name);
    CHECK(a->n <= max, STATUS_LIMIT, "attribute '%s' has %d values; at most %d are possible", name,
          a->n, max);
    if (a->n) memcpy(to, a->ints, (size_t)a->n * sizeof *to);
    *n = a->n;
    return STATUS_OK;
}

static enum status take_int(struct build *b, const char *name, int64_t fallback, int64_t *out) {
    int n;
    *out = fallback;
    TRY(take_ints(b, name, 1, out, &n));
    CHECK(n != 0, STATUS_ARGUMENT, "attribute '%s' is an empty list", name);
    return STATUS_OK;
}

/* The list an attribute must be. */
static enum status need_ints(struct build *b, const char *name, int64_t *to, int *n) {
    TRY(take_ints(b, name, SHAPE_MAX_RANK, to, n));
    CHECK(*n >= 0, STATUS_ARGUMENT, "attribute '%s' is missing", name);
    return STATUS_OK;
}

/* What a rule calls an attribute: NULL when it has no effect. */
static const char *our_name(const struct rule *rule, const char *name, char buf[static 64]) {
    size_t n = strlen(name);
    for (const char *p = rule->renames; p && *p; p += strcspn(p, " "), p += *p == ' ') {
        size_t from = strcspn(p, "=");
        if (from != n || strncmp(p, name, n)) continue;
        int to = (int)strcspn(p + from + 1, " ");
        snprintf(buf, 64, "%.*s", to, p + from + 1);
        return to ? buf : NULL;
    }
    return name;
}

static enum status set_attr(struct build *b, int node, const char *name, const struct attr *a) {
    const struct attr_spec *spec = op_def(b->rule->op)->attrs;
    while (spec && spec->name && strcmp(spec->name, name)) spec++;
    CHECK(spec && spec->name, STATUS_ARGUMENT, "it has no attribute '%s'", a->name);
    bool is_int = a->type == ATTR_INT || a->type == ATTR_INTS;
    bool is_float = a->type == ATTR_FLOAT || a->type == ATTR_FLOATS;
    if (spec->type == ATTR_INTS && is_int) return node_set_ints(b->g, node, name, a->n, a->ints);
    if (spec->type == ATTR_INT && is_int && a->n == 1)
        return node_set_int(b->g, node, name, a->ints[0]);
    if (spec->type == ATTR_FLOATS && is_float)
        return node_set_floats(b->g, node, name, a->n, a->floats);
    if (spec->type == ATTR_FLOAT && is_float && a->n == 1)
        return node_set_float(b->g, node, name, a->floats[0]);
    if (spec->type == ATTR_FLOAT && is_int && a->n == 1)
        return node_set_float(b->g, node, name, (float)a->ints[0]);
    if (spec->type == ATTR_STRING && a->type == ATTR_STRING)
        return node_set_string(b->g, node, name, a->string);
    static const char *const types[] = {[ATTR_INT] = "one integer", [ATTR_FLOAT] = "one number",
                                        [ATTR_STRING] = "a string", [ATTR_INTS] = "integers",
                                        [ATTR_FLOATS] = "numbers"};
    FAIL(STATUS_ARGUMENT, "attribute '%s' must be %s", a->name, types[spec->type]);
}

/* What no rule took goes to the node by its own name. */
static enum status set_attrs(struct build *b, int node) {
    char buf[64];
    for (int i = 0; i < b->op->n_attrs; i++) {
        if (b->taken >> i & 1) continue;
        const char *name = our_name(b->rule, b->op->attrs[i].name, buf);
        if (name) TRY(set_attr(b, node, name, &b->op->attrs[i]));
    }
    return STATUS_OK;
}

/* ---- nodes ---- */

static enum status emit(struct build *b, enum op_kind op, int n, const int *in, int n_out, int *out,
                        int *node) {
    for (int i = 0; i < n_out; i++)
        TRY(graph_add_tensor(b->g, NULL, DT_NONE, shape_unknown(), &out[i]));
    return graph_add_node(b->g, op, NULL, n, in, n_out, out, node);
}

static enum status add_ints(struct build *b, int n, const int64_t *values, int *out) {
    return graph_add_constant(b->g, NULL, DT_I64, shape_of(1, n), values, false, out);
}

static enum status transpose(struct build *b, int n, const int64_t *perm, int *x) {
    int node, y;
    TRY(emit(b, OP_Transpose, 1, x, 1, &y, &node));
    *x = y;
    return node_set_ints(b->g, node, "perm", n, perm);
}

/* The node of the operator itself, with the attributes that are left. */
static enum status emit_main(struct build *b, int n, const int *in, int *node) {
    while (n > 0 && in[n - 1] < 0) n--;
    const struct op_def *def = op_def(b->rule->op);
    CHECK(n >= def->min_inputs && (def->max_inputs < 0 || n <= def->max_inputs), STATUS_ARGUMENT,
          "it does not take %d inputs", b->n_in);
    CHECK(b->n_out >= def->min_outputs &&
              (def->max_outputs < 0 || b->n_out <= def->max_outputs), STATUS_ARGUMENT,
          "it does not give %d outputs", b->n_out);
    for (int i = 0; i < b->n_out; i++)
        TRY(graph_add_tensor(b->g, NULL, DT_NONE, shape_unknown(), &b->out[i]));
    TRY(graph_add_node(b->g, b->rule->op, b->op->type, n, in, b->n_out, b->out, node));
    return set_attrs(b, *node);
}

static enum status build_plain(struct build *b) {
    int node;
    return emit_main(b, b->n_in, b->in, &node);
}

static enum status need_inputs(const struct build *b, int min, int max) {
    CHECK(b->n_in >= min && b->n_in <= max && b->n_out >= 1, STATUS_ARGUMENT,
          "it takes %d to %d inputs and gives an output; there are %d and %d", min, max, b->n_in,
          b->n_out);
    for (int i = 0; i < min; i++)
        CHECK(b->in[i] >= 0, STATUS_ARGUMENT, "input %d may not be left out", i);
    return STATUS_OK;
}

/* The elements of an input that has to be known; those of the table are int64 by now. */
static enum status known_ints(const struct build *b, int i, int max, int64_t *to, int *n) {
    const struct tensor *t = b->in[i] >= 0 ? &b->g->tensors[b->in[i]] : NULL;
    CHECK(t && t->data && t->dtype == DT_I64, STATUS_ARGUMENT, "input %d must be integers", i);
    int64_t count = shape_elements(&t->shape);
    CHECK(count <= max, STATUS_LIMIT, "input %d has %" PRId64 " elements; at most %d are possible",
          i, count, max);
    memcpy(to, t->data, (size_t)count * sizeof *to);
    *n = (int)count;
    return STATUS_OK;
}

static enum status known_int(const struct build *b, int i, int64_t *to) {
    int n;
    TRY(known_ints(b, i, 1, to, &n));
    CHECK(n == 1, STATUS_ARGUMENT, "input %d is empty; it must be one integer", i);
    return STATUS_OK;
}

static int rank_of(const struct build *b, int i) { return b->g->tensors[b->in[i]].shape.rank; }

/* ---- operators whose form differs ---- */

static enum status build_cast(struct build *b) {
    int node;
    TRY(need_inputs(b, 1, 1));
    CHECK(b->op->outputs[0].dtype != DT_NONE, STATUS_ARGUMENT, "the output has no data type");
    TRY(emit_main(b, 1, b->in, &node));
    return node_set_string(b->g, node, "to", dtype_name(b->op->outputs[0].dtype));
}

static enum status build_relu6(struct build *b) {
    int in[3], node;
    TRY(need_inputs(b, 1, 1));
    enum dtype t = b->op->inputs[0].dtype;
    in[0] = b->in[0];
    for (int i = 1; i < 3; i++) {
        TRY(graph_add_constant(b->g, NULL, t, shape_of(0), NULL, false, &in[i]));
        struct tensor *bound = &b->g->tensors[in[i]];
        struct view v = {.dtype = t, .shape = bound->shape, .data = (void *)bound->data};
        view_set_f64(&v, 0, i == 1 ? 0 : 6);
    }
    return emit_main(b, 3, in, &node);
}

/* GE: the axis is an input, or the attribute "dimension"; the result loses it. */
static enum status build_arg(struct build *b) {
    int node;
    int64_t axis = 0;
    TRY(need_inputs(b, 1, 2));
    if (b->n_in == 1 && !find_attr(b->op, "dimension")) return build_plain(b);
    if (b->n_in == 2) TRY(known_int(b, 1, &axis));
    else TRY(take_int(b, "dimension", 0, &axis));
    TRY(emit_main(b, 1, b->in, &node));
    TRY(node_set_int(b->g, node, "axis", axis));
    return node_set_int(b->g, node, "keepdims", 0);
}

static enum status build_transpose(struct build *b) {
    int64_t perm[SHAPE_MAX_RANK];
    int n = 0, node;
    TRY(need_inputs(b, 1, 2));
    if (b->n_in == 1) return build_plain(b);
    TRY(known_ints(b, 1, SHAPE_MAX_RANK, perm, &n));
    TRY(emit_main(b, 1, b->in, &node));
    return node_set_ints(b->g, node, "perm", n, perm);
}

/* Concat has its axis as the first input, ConcatV2 as the last, unless it is an attribute. */
static uint64_t concat_axis(const struct single_op *op) {
    if (find_attr(op, "axis") || op->n_inputs == 0) return 0;
    return !strcmp(op->type, "Concat") ? 1 : (uint64_t)1 << (op->n_inputs - 1);
}

static enum status build_concat(struct build *b) {
    int64_t axis;
    int node;
    uint64_t at = concat_axis(b->op);
    if (!at) return build_plain(b);
    TRY(need_inputs(b, 2, SINGLE_OP_MAX));
    TRY(known_int(b, at == 1 ? 0 : b->n_in - 1, &axis));
    TRY(emit_main(b, b->n_in - 1, b->in + (at == 1), &node));
    return node_set_int(b->g, node, "axis", axis);
}

static enum status emit_slice(struct build *b, int n, const int64_t *start, const int64_t *end,
                              const int64_t *step) {
    int in[5] = {b->in[0]}, node;
    int64_t axes[SHAPE_MAX_RANK];
    for (int i = 0; i < n; i++) axes[i] = i;
    TRY(add_ints(b, n, start, &in[1]));
    TRY(add_ints(b, n, end, &in[2]));
    TRY(add_ints(b, n, axes, &in[3]));
    TRY(add_ints(b, n, step, &in[4]));
    return emit_main(b, 5, in, &node);
}

/* Offsets and sizes, where -1 takes all that is left. */
static enum status build_slice(struct build *b) {
    int64_t start[SHAPE_MAX_RANK], size[SHAPE_MAX_RANK], step[SHAPE_MAX_RANK];
    int n, n_size;
    TRY(need_inputs(b, 1, 5));
    if (b->n_in > 3) return build_plain(b);
    if (b->n_in == 3) {
        TRY(known_ints(b, 1, SHAPE_MAX_RANK, start, &n));
        TRY(known_ints(b, 2, SHAPE_MAX_RANK, size, &n_size));
    } else {
        TRY(need_ints(b, "offsets", start, &n));
        TRY(need_ints(b, "size", size, &n_size));
    }
    CHECK(n == rank_of(b, 0) && n_size == n, STATUS_SHAPE,
          "there are %d offsets and %d sizes; the input has %d dimensions", n, n_size,
          rank_of(b, 0));
    for (int d = 0; d < n; d++) {
        int64_t have = b->op->inputs[0].shape.dim[d];
        CHECK(start[d] >= 0 && start[d] <= have && size[d] >= -1 && size[d] <= have - start[d],
              STATUS_SHAPE, "dimension %d has %" PRId64 " elements; %" PRId64 " from %" PRId64
              " on are not in it", d, have, size[d], start[d]);
        size[d] = size[d] < 0 ? have : start[d] + size[d]; /* the end from here on */
        step[d] = 1;
    }
    return emit_slice(b, n, start, size, step);
}

static enum status build_strided_slice(struct build *b) {
    static const char *const names[] = {"begin", "end", "strides"};
    int64_t v[3][SHAPE_MAX_RANK], masks[2], other;
    int n[3], node;
    TRY(need_inputs(b, 1, 4));
    for (int i = 0; i < 3; i++)
        if (b->n_in == 1 && i == 2 && !find_attr(b->op, "strides")) n[2] = 0;
        else if (b->n_in == 1) TRY(need_ints(b, names[i], v[i], &n[i]));
        else if (i + 1 < b->n_in) TRY(known_ints(b, i + 1, SHAPE_MAX_RANK, v[i], &n[i]));
        else n[i] = 0;
    if (n[2] == 0)
        for (n[2] = 0; n[2] < n[0]; n[2]++) v[2][n[2]] = 1;
    CHECK(n[0] == n[1] && n[0] == n[2] && n[0] <= rank_of(b, 0), STATUS_SHAPE,
          "there are %d begins, %d ends and %d strides; the input has %d dimensions", n[0], n[1],
          n[2], rank_of(b, 0));
    TRY(take_int(b, "begin_mask", 0, &masks[0]));
    TRY(take_int(b, "end_mask", 0, &masks[1]));
    static const char *const rare[] = {"ellipsis_mask", "new_axis_mask"};
    for (int i = 0; i < 2; i++) {
        TRY(take_int(b, rare[i], 0, &other));
        CHECK(other == 0, STATUS_UNSUPPORTED, "'%s' is %" PRId64 "; only 0 is supported", rare[i],
              other);
    }
    int64_t shrink, axes[SHAPE_MAX_RANK];
    int n_axes = 0;
    TRY(take_int(b, "shrink_axis_mask", 0, &shrink));
    for (int d = 0; d < n[0]; d++) {
        if (shrink >> d & 1) { /* one element, whose dimension goes */
            axes[n_axes++] = d;
            v[1][d] = v[0][d] == -1 ? INT64_MAX : v[0][d] + 1;
            v[2][d] = 1;
            continue;
        }
        if (masks[0] >> d & 1) v[0][d] = v[2][d] > 0 ? 0 : INT64_MAX;
        if (masks[1] >> d & 1) v[1][d] = v[2][d] > 0 ? INT64_MAX : INT64_MIN;
    }
    TRY(emit_slice(b, n[0], v[0], v[1], v[2]));
    if (n_axes == 0) return STATUS_OK;
    int in[2] = {b->out[0]};
    TRY(add_ints(b, n_axes, axes, &in[1]));
    return emit(b, OP_Squeeze, 2, in, 1, b->out, &node);
}

/* Axes are an input, or an attribute. "keep_dims" is off unless set, "keepdims" on. */
static enum status build_reduce(struct build *b) {
    int64_t axes[SHAPE_MAX_RANK], keep;
    int n, node, in[2] = {b->in[0], -1};
    TRY(need_inputs(b, 1, 2));
    TRY(take_ints(b, "axes", SHAPE_MAX_RANK, axes, &n));
    if (b->n_in == 2) in[1] = b->in[1];
    else if (n > 0) TRY(add_ints(b, n, axes, &in[1]));
    bool onnx = find_attr(b->op, "keepdims");
    TRY(take_int(b, onnx ? "keepdims" : "keep_dims", 0, &keep));
    TRY(emit_main(b, 2, in, &node));
    return node_set_int(b->g, node, "keepdims", keep != 0);
}

static enum status swap_last(struct build *b, const char *name, int i) {
    int64_t yes, perm[SHAPE_MAX_RANK];
    TRY(take_int(b, name, 0, &yes));
    int rank = rank_of(b, i);
    if (!yes) return STATUS_OK;
    CHECK(rank >= 2, STATUS_SHAPE, "'%s' needs 2 dimensions; input %d has %d", name, i, rank);
    for (int d = 0; d < rank; d++) perm[d] = d;
    perm[rank - 2] = rank - 1;
    perm[rank - 1] = rank - 2;
    return transpose(b, rank, perm, &b->in[i]);
}

static enum status build_matmul(struct build *b) {
    static const char *const names[][2] = {
        {"transpose_x1", "transpose_x2"}, {"adj_x1", "adj_x2"}, {"transpose_a", "transpose_b"}};
    int node;
    TRY(need_inputs(b, 2, 4));
    CHECK(b->n_in < 4 || b->in[3] < 0, STATUS_UNSUPPORTED, "input 3, offset_w, is not supported");
    for (int i = 0; i < 3; i++)
        for (int k = 0; k < 2; k++) TRY(swap_last(b, names[i][k], k));
    TRY(emit_main(b, 2, b->in, &node));
    if (b->n_in < 3 || b->in[2] < 0) return STATUS_OK;
    int in[2] = {b->out[0], b->in[2]};
    return emit(b, OP_Add, 2, in, 1, b->out, &node);
}

/* alpha a b + beta c, alpha and beta being inputs of one element. */
static enum status build_gemm(struct build *b) {
    int node, product, t[2];
    if (b->n_in != 5) return build_plain(b);
    TRY(need_inputs(b, 5, 5));
    /* Sums are of the result's type, which may be wider than the matrices'. */
    enum dtype sum = b->op->inputs[2].dtype;
    for (int i = 0; i < 5; i++) {
        if (b->op->inputs[i].dtype == sum) continue;
        int from = b->in[i];
        TRY(graph_add_tensor(b->g, NULL, sum, b->op->inputs[i].shape, &b->in[i]));
        TRY(graph_add_node(b->g, OP_Cast, NULL, 1, &from, 1, &b->in[i], &node));
        TRY(node_set_string(b->g, node, "to", dtype_name(sum)));
    }
    TRY(swap_last(b, "transpose_a", 0));
    TRY(swap_last(b, "transpose_b", 1));
    TRY(emit(b, OP_MatMul, 2, b->in, 1, &product, &node));
    TRY(emit(b, OP_Mul, 2, (int[]){product, b->in[3]}, 1, &t[0], &node));
    TRY(emit(b, OP_Mul, 2, (int[]){b->in[2], b->in[4]}, 1, &t[1], &node));
    TRY(emit(b, OP_Add, 2, t, 1, b->out, &node));
    CHECK(b->taken + 1 == (uint64_t)1 << b->op->n_attrs, STATUS_ARGUMENT,
          "it has the attributes transpose_a and transpose_b only");
    return STATUS_OK;
}

/* Two of the four numbers "strides" and "dilations" have, as the picture lies. */
static enum status take_window(struct build *b, const char *name, int first, int64_t to[2]) {
    int64_t v[4];
    int n;
    to[0] = to[1] = 1;
    TRY(take_ints(b, name, 4, v, &n));
    if (n < 0) return STATUS_OK;
    CHECK(n == 4, STATUS_ARGUMENT, "attribute '%s' has %d values instead of 4", name, n);
    memcpy(to, v + first, 2 * sizeof *to);
    return STATUS_OK;
}

static enum status build_conv2d(struct build *b) {
    static const int64_t to_nchw[] = {0, 3, 1, 2}, to_nhwc[] = {0, 2, 3, 1};
    static const int64_t to_oihw[] = {3, 2, 0, 1};
    int64_t strides[2], dilations[2], pads[4] = {0}, groups, offset;
    int n, node;
    TRY(need_inputs(b, 2, 4));
    CHECK(b->n_in < 4 || b->in[3] < 0, STATUS_UNSUPPORTED, "input 3, offset_w, is not supported");
    for (int i = 0; i < 2; i++)
        CHECK(rank_of(b, i) == 4, STATUS_SHAPE, "input %d has %d dimensions instead of 4", i,
              rank_of(b, i));
    bool nhwc = b->op->inputs[0].layout == LAYOUT_NHWC;
    enum single_layout filter = b->op->inputs[1].layout;
    CHECK(filter != LAYOUT_NHWC && b->op->inputs[0].layout != LAYOUT_HWCN, STATUS_UNSUPPORTED,
          "pictures may be NCHW or NHWC and filters NCHW or HWCN");
    TRY(take_window(b, "strides", nhwc ? 1 : 2, strides));
    TRY(take_window(b, "dilations", nhwc ? 1 : 2, dilations));
    TRY(take_ints(b, "pads", 4, pads, &n));
    CHECK(n == -1 || n == 4, STATUS_ARGUMENT, "attribute 'pads' has %d values instead of 4", n);
    TRY(take_int(b, "groups", 1, &groups));
    TRY(take_int(b, "offset_x", 0, &offset));
    CHECK(offset == 0, STATUS_UNSUPPORTED, "offset_x is %" PRId64 "; only 0 is supported", offset);
    take(b, "data_format"); /* the descriptions say it */
    if (nhwc) TRY(transpose(b, 4, to_nchw, &b->in[0]));
    if (filter == LAYOUT_HWCN) TRY(transpose(b, 4, to_oihw, &b->in[1]));
    TRY(emit_main(b, b->n_in < 3 ? b->n_in : 3, b->in, &node));
    TRY(node_set_ints(b->g, node, "strides", 2, strides));
    TRY(node_set_ints(b->g, node, "dilations", 2, dilations));
    TRY(node_set_ints(b->g, node, "pads", 4, (int64_t[]){pads[0], pads[2], pads[1], pads[3]}));
    TRY(node_set_int(b->g, node, "group", groups));
    return nhwc ? transpose(b, 4, to_nhwc, &b->out[0]) : STATUS_OK;
}

/* GE gives k as an input without dimensions. */
static enum status build_topk(struct build *b) {
    int64_t k;
    int node, in[2];
    TRY(need_inputs(b, 2, 2));
    TRY(known_int(b, 1, &k));
    in[0] = b->in[0];
    TRY(add_ints(b, 1, &k, &in[1]));
    return emit_main(b, 2, in, &node);
}

/* An input that is an attribute in ONNX. */
static enum status build_gather(struct build *b) {
    int64_t axis;
    int node;
    TRY(need_inputs(b, 2, 3));
    if (b->n_in == 2) return build_plain(b);
    TRY(known_int(b, 2, &axis));
    TRY(emit_main(b, 2, b->in, &node));
    return node_set_int(b->g, node, "axis", axis);
}

/* A list that is an attribute in GE and an input in ONNX. */
static enum status build_list(struct build *b) {
    static const char *const names[] = {"multiples", "axes", "axis"};
    int64_t v[SHAPE_MAX_RANK];
    int n = -1, node, in[2];
    if (b->n_in != 1) return build_plain(b);
    for (int i = 0; i < 3 && n < 0; i++) TRY(take_ints(b, names[i], SHAPE_MAX_RANK, v, &n));
    if (n < 0) return build_plain(b);
    in[0] = b->in[0];
    TRY(add_ints(b, n, v, &in[1]));
    return emit_main(b, 2, in, &node);
}

/* ---- the table ---- */

#define IN(i) ((uint64_t)1 << (i))

static const struct rule rules[] = {
    {"ArgMax", OP_ArgMax, IN(1), NULL, build_arg},
    {"ArgMaxD", OP_ArgMax, 0, "dtype=", build_arg},
    {"ArgMaxV2", OP_ArgMax, IN(1), "dtype=", build_arg},
    {"ArgMin", OP_ArgMin, IN(1), "dtype=", build_arg},
    {"ArgMinD", OP_ArgMin, 0, "dtype=", build_arg},
    {"BatchMatMul", OP_MatMul, 0, NULL, build_matmul},
    {"BatchMatMulV2", OP_MatMul, 0, "offset_x=", build_matmul},
    {"Cast", OP_Cast, 0, "dst_type= truncate= to=", build_cast},
    {"Concat", OP_Concat, 0, "N=", build_concat},
    {"ConcatD", OP_Concat, 0, "concat_dim=axis N=", NULL},
    {"ConcatV2", OP_Concat, 0, "N=", build_concat},
    {"ConcatV2D", OP_Concat, 0, "concat_dim=axis N=", NULL},
    {"ConstantOfShape", OP_ConstantOfShape, IN(0), NULL, NULL},
    {"Conv2D", OP_Conv, 0, NULL, build_conv2d},
    {"CumSum", OP_CumSum, IN(1), NULL, NULL},
    {"Expand", OP_Expand, IN(1), NULL, NULL},
    {"ExpandDims", OP_Unsqueeze, IN(1), NULL, NULL},
    {"GEMM", OP_Gemm, 0, NULL, build_gemm},
    {"GatherV2", OP_Gather, IN(2), NULL, build_gather},
    {"GreaterEqual", OP_GreaterOrEqual, 0, NULL, NULL},
    {"LessEqual", OP_LessOrEqual, 0, NULL, NULL},
    {"LogSoftmaxV2", OP_LogSoftmax, 0, "axes=axis", NULL},
    {"LogicalAnd", OP_And, 0, NULL, NULL},
    {"LogicalNot", OP_Not, 0, NULL, NULL},
    {"LogicalOr", OP_Or, 0, NULL, NULL},
    {"MatMul", OP_MatMul, 0, NULL, build_matmul},
    {"MatMulV2", OP_MatMul, 0, "offset_x=", build_matmul},
    {"Maximum", OP_Max, 0, NULL, NULL},
    {"Minimum", OP_Min, 0, NULL, NULL},
    {"OneHot", OP_OneHot, IN(1), NULL, NULL},
    {"Pad", OP_Pad, IN(1) | IN(3), NULL, NULL},
    {"Range", OP_Range, IN(0) | IN(1) | IN(2), NULL, NULL},
    {"RealDiv", OP_Div, 0, NULL, NULL},
    {"ReduceMax", OP_ReduceMax, IN(1), NULL, build_reduce},
    {"ReduceMaxD", OP_ReduceMax, 0, NULL, build_reduce},
    {"ReduceMean", OP_ReduceMean, IN(1), NULL, build_reduce},
    {"ReduceMeanD", OP_ReduceMean, 0, NULL, build_reduce},
    {"ReduceMin", OP_ReduceMin, IN(1), NULL, build_reduce},
    {"ReduceMinD", OP_ReduceMin, 0, NULL, build_reduce},
    {"ReduceProd", OP_ReduceProd, IN(1), NULL, build_reduce},
    {"ReduceProdD", OP_ReduceProd, 0, NULL, build_reduce},
    {"ReduceSum", OP_ReduceSum, IN(1), NULL, build_reduce},
    {"ReduceSumD", OP_ReduceSum, 0, NULL, build_reduce},
    {"Relu6", OP_Clip, 0, NULL, build_relu6},
    {"Reshape", OP_Reshape, IN(1), NULL, NULL},
    {"Resize", OP_Resize, IN(1) | IN(2) | IN(3), NULL, NULL},
    {"Select", OP_Where, 0, NULL, NULL},
    {"Slice", OP_Slice, IN(1) | IN(2) | IN(3) | IN(4), NULL, build_slice},
    {"SliceD", OP_Slice, 0, NULL, build_slice},
    {"Softmax", OP_Softmax, 0, "axes=axis", NULL},
    {"SoftmaxV2", OP_Softmax, 0, "axes=axis", NULL},
    {"Split", OP_Split, IN(1), NULL, NULL},
    {"Squeeze", OP_Squeeze, IN(1), NULL, build_list},
    {"StridedSlice", OP_Slice, IN(1) | IN(2) | IN(3), NULL, build_strided_slice},
    {"StridedSliceD", OP_Slice, 0, NULL, build_strided_slice},
    {"Tile", OP_Tile, IN(1), NULL, NULL},
    {"TileD", OP_Tile, 0, NULL, build_list},
    {"TopK", OP_TopK, IN(1), "dim=axis", build_topk},
    {"TopKV2", OP_TopK, IN(1), "dim=axis", build_topk},
    {"Transpose", OP_Transpose, IN(1), NULL, build_transpose},
    {"TransposeD", OP_Transpose, 0, NULL, NULL},
    {"Unsqueeze", OP_Unsqueeze, IN(1), NULL, build_list},
};

static int compare_rule(const void *name, const void *rule) {
    return strcmp(name, ((const struct rule *)rule)->name);
}

static bool find_rule(const char *type, struct rule *out) {
    const struct rule *r =
        bsearch(type, rules, sizeof rules / sizeof rules[0], sizeof rules[0], compare_rule);
    *out = r ? *r : (struct rule){.name = type, .op = op_find(type)};
    return out->op != OP_NONE;
}

bool single_op_known(const char *type) {
    struct rule r;
    return find_rule(type, &r);
}

uint64_t single_op_values(const struct single_op *op) {
    struct rule r;
    if (!find_rule(op->type, &r)) return 0;
    uint64_t values = r.build == build_concat ? concat_axis(op) : r.values;
    for (int i = 0; i < SINGLE_OP_MAX; i++)
        if (i >= op->n_inputs || op->inputs[i].dtype == DT_NONE) values &= ~IN(i);
    return values;
}

/* ---- graphs ---- */

/* Whole numbers become int64, whatever width the program uses. */
static enum status add_value(struct build *b, int i) {
    const struct single_tensor *t = &b->op->inputs[i];
    int64_t n = shape_elements(&t->shape);
    CHECK(t->data || n == 0, STATUS_ARGUMENT, "the values of input %d are not known", i);
    CHECK(n <= SINGLE_OP_MAX_VALUES, STATUS_LIMIT,
          "input %d has %" PRId64 " values; at most %d are possible", i, n, SINGLE_OP_MAX_VALUES);
    if (dtype_is_float(t->dtype))
        return graph_add_constant(b->g, NULL, t->dtype, t->shape, t->data, false, &b->in[i]);
    TRY(graph_add_constant(b->g, NULL, DT_I64, t->shape, NULL, false, &b->in[i]));
    const struct view from = {.dtype = t->dtype, .shape = t->shape, .data = (void *)t->data};
    int64_t *to = (int64_t *)b->g->tensors[b->in[i]].data;
    for (int64_t k = 0; k < n; k++) to[k] = view_get_i64(&from, k);
    return STATUS_OK;
}

static enum status add_inputs(struct build *b) {
    uint64_t values = single_op_values(b->op);
    char name[16];
    b->n_in = b->op->n_inputs;
    for (int i = 0; i < b->n_in; i++) {
        const struct single_tensor *t = &b->op->inputs[i];
        b->in[i] = -1;
        if (t->dtype == DT_NONE) continue;
        CHECK(shape_known(&t->shape), STATUS_SHAPE, "the shape of input %d is not known", i);
        if (values >> i & 1) {
            TRY(add_value(b, i));
            continue;
        }
        snprintf(name, sizeof name, "x%d", i);
        TRY(graph_add_tensor(b->g, name, t->dtype, t->shape, &b->in[i]));
        TRY(graph_add_input(b->g, b->in[i]));
    }
    while (b->n_in > 0 && b->in[b->n_in - 1] < 0) b->n_in--;
    return STATUS_OK;
}

static enum status check_output(const struct graph *g, int i, const struct single_tensor *want) {
    const struct shape *s = &g->tensors[g->outputs[i]].shape;
    int64_t n = shape_elements(s), said = shape_elements(&want->shape);
    char is[128], should[128];
    CHECK(n < 0 || said < 0 || n == said, STATUS_SHAPE,
          "output %d is described as %s; it becomes %s", i, shape_text(&want->shape, should),
          shape_text(s, is));
    return STATUS_OK;
}

/* Outputs of the types that are asked for. */
static enum status add_outputs(struct build *b) {
    for (int i = 0; i < b->n_out; i++) {
        enum dtype is = b->g->tensors[b->out[i]].dtype, want = b->op->outputs[i].dtype;
        int out = b->out[i], node;
        if (want != DT_NONE && want != is) {
            CHECK(dtype_is_float(is) == dtype_is_float(want), STATUS_SHAPE,
                  "output %d is described as %s; it becomes %s", i, dtype_name(want),
                  dtype_name(is));
            TRY(emit(b, OP_Cast, 1, &b->out[i], 1, &out, &node));
            TRY(node_set_string(b->g, node, "to", dtype_name(want)));
        }
        TRY(graph_add_output(b->g, out));
    }
    return STATUS_OK;
}

static enum status fill(struct build *b) {
    b->n_out = b->op->n_outputs;
    TRY(add_inputs(b));
    TRY(b->rule->build ? b->rule->build(b) : build_plain(b));
    TRY(graph_sort(b->g));
    TRY(graph_infer(b->g));
    TRY(add_outputs(b));
    TRY(graph_sort(b->g));
    TRY(graph_infer(b->g));
    TRY(graph_verify(b->g));
    for (int i = 0; i < b->n_out; i++) TRY(check_output(b->g, i, &b->op->outputs[i]));
    return STATUS_OK;
}

enum status single_op_build(const struct single_op *op, struct graph **out) {
    struct rule rule;
    CHECK(find_rule(op->type, &rule), STATUS_UNSUPPORTED, "there is no operator '%s'", op->type);
    CHECK(op->n_inputs <= SINGLE_OP_MAX && op->n_outputs <= SINGLE_OP_MAX &&
              op->n_attrs < SINGLE_OP_MAX,
          STATUS_LIMIT, "operator '%s': at most %d inputs, outputs and attributes are possible",
          op->type, SINGLE_OP_MAX);
    struct build b = {.op = op, .rule = &rule};
    TRY(graph_create(&b.g));
    enum status s = fill(&b);
    if (s != STATUS_OK) {
        status_prefix("operator '%s'", op->type);
        graph_destroy(b.g);
        return s;
    }
    *out = b.g;
    return STATUS_OK;
}
