/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Takes out nodes that change nothing: by their operator (Identity, Dropout), by their operands (a
 * Cast to the type at hand, Pad by nothing, x + 0, Resize to the same size), or because the next
 * node undoes or outdoes them (two Transposes, two Reshapes, a Slice of one of a Concat's inputs).
 * Graph outputs keep their names.
 */
#include <math.h>
#include <string.h>

#include "ops/op.h"
#include "passes/internal.h"
#include "passes/edit.h"

/* ---- which nodes change nothing ---- */

static bool same_known_shape(const struct tensor *x, const struct tensor *y) {
    return x->dtype == y->dtype && shape_known(&x->shape) && shape_equal(&x->shape, &y->shape);
}

static bool absent(const struct node *n, int i) { return i >= n->n_inputs || n->inputs[i] < 0; }

/* Input i is left out, or a constant of nothing but `value`. */
static bool absent_or_all(const struct graph *g, const struct node *n, int i, double value) {
    double v;
    return absent(n, i) || (graph_splat(g, n->inputs[i], &v) && v == value);
}

static bool perm_is_identity(const struct graph *g, const struct node *n) {
    int64_t perm[SHAPE_MAX_RANK];
    int rank = node_input(g, n, 0)->shape.rank, k = node_ints(n, "perm", perm, SHAPE_MAX_RANK);
    if (k < 0) return rank == 0 || rank == 1;
    for (int i = 0; i < k && i < SHAPE_MAX_RANK; i++)
        if (perm[i] != i) return false;
    return true;
}

static bool resize_is_identity(const struct graph *g, const struct node *n) {
    if (!strcmp(node_string(n, "coordinate_transformation_mode", ""), "tf_crop_and_resize"))
        return false;
    return same_known_shape(node_input(g, n, 0), node_output(g, n, 0)) &&
           (!absent(n, 3) || absent_or_all(g, n, 2, 1));
}

/* Adding, subtracting, multiplying or dividing by what changes no number. Returns the other
 * operand, or -1. */
static int neutral_operand(const struct graph *g, const struct node *n) {
    const struct tensor *y = node_output(g, n, 0);
    double neutral = n->op == OP_Add || n->op == OP_Sub ? 0 : 1, v;
    for (int i = 1; i >= 0; i--) {
        /* 0 - x and 1 / x are something else. */
        if (i == 0 && n->op != OP_Add && n->op != OP_Mul) continue;
        if (!graph_splat(g, n->inputs[i], &v) || v != neutral) continue;
        if (same_known_shape(&g->tensors[n->inputs[1 - i]], y)) return n->inputs[1 - i];
        /* With unknown dimensions a scalar still cannot widen anything. */
        const struct tensor *x = &g->tensors[n->inputs[1 - i]];
        if (x->dtype == y->dtype && x->shape.rank >= 0 && g->tensors[n->inputs[i]].shape.rank == 0)
            return n->inputs[1 - i];
    }
    return -1;
}

/* The input that the node hands on unchanged; -1 if it does something. */
static int handed_on(const struct graph *g, const struct node *n) {
    const struct tensor *x = node_input(g, n, 0), *y = node_output(g, n, 0);
    if (!x || !y) return -1;
    bool same = false;
    switch (n->op) {
    case OP_Identity: same = true; break;
    case OP_Dropout:
        same = (n->n_outputs < 2 || n->outputs[1] < 0) && absent_or_all(g, n, 2, 0);
        break;
    case OP_Cast:
    case OP_CastLike: same = x->dtype == y->dtype && x->dtype != DT_NONE; break;
    case OP_Reshape:
    case OP_Flatten:
    case OP_Squeeze:
    case OP_Unsqueeze:
    case OP_Expand:
    case OP_Tile: same = same_known_shape(x, y) && shape_elements(&y->shape) > 0; break;
    case OP_Transpose: same = perm_is_identity(g, n); break;
    /* A step of -1 keeps the shape, too. */
    case OP_Slice: same = same_known_shape(x, y) && absent_or_all(g, n, 4, 1); break;
    case OP_Pad: same = absent_or_all(g, n, 1, 0); break;
    case OP_Concat:
    case OP_Sum:
    case OP_Mean:
    case OP_Max:
    case OP_Min: same = n->n_inputs == 1; break;
    case OP_Resize: same = resize_is_identity(g, n); break;
    case OP_Pow: same = absent_or_all(g, n, 1, 1) && same_known_shape(x, y); break;
    case OP_Add:
    case OP_Sub:
    case OP_Mul:
    case OP_Div: return neutral_operand(g, n);
    default: break;
    }
    return same ? n->inputs[0] : -1;
}

/* ---- nodes that the next one outdoes ---- */

static bool only_reshapes(enum op_kind op) {
    return op == OP_Reshape || op == OP_Flatten || op == OP_Squeeze || op == OP_Unsqueeze;
}

/* The node becomes Reshape(x, SHAPE) to the shape it has now. */
static enum status become_reshape(struct edit *e, int node, int x) {
    struct graph *g = e->g;
    const struct tensor *y = node_output(g, &g->nodes[node], 0);
    int in[2] = {x, -1};
    TRY(edit_constant(e, g->nodes[node].name, DT_I64, shape_of(1, y->shape.rank), y->shape.dim,
                         &in[1], NULL));
    edit_set_op(e, node, OP_Reshape);
    return edit_set_inputs(e, node, 2, in);
}

/* A Reshape of a Reshape reads what the first one read. */
static enum status merge_reshapes(struct edit *e, int node) {
    struct graph *g = e->g;
    const struct node *n = &g->nodes[node];
    int at = g->tensors[n->inputs[0]].producer;
    if (at < 0 || !only_reshapes(g->nodes[at].op)) return STATUS_OK;
    int x = g->nodes[at].inputs[0];
    const struct shape *y = &node_output(g, n, 0)->shape;
    if (shape_known(y) && shape_elements(y) > 0) return become_reshape(e, node, x);
    /* Without the shape: a shape operand free of zeros asks only for the number of elements. */
    int64_t want[SHAPE_MAX_RANK];
    int k = n->op == OP_Reshape ? graph_const_ints(g, n->inputs[1], want, SHAPE_MAX_RANK) : -1;
    for (int i = 0; i < k; i++)
        if (want[i] == 0) k = -1;
    return k >= 0 ? edit_set_input(e, node, 0, x) : STATUS_OK;
}

static int read_perm(const struct graph *g, const struct node *n, int64_t perm[SHAPE_MAX_RANK]) {
    int k = node_ints(n, "perm", perm, SHAPE_MAX_RANK), rank = node_input(g, n, 0)->shape.rank;
    if (k > SHAPE_MAX_RANK) return -1; /* nothing has looked at it while the rank is unknown */
    if (k >= 0 || rank < 0) return k;
    for (int i = 0; i < rank; i++) perm[i] = rank - 1 - i;
    return rank;
}

static enum status merge_transposes(struct edit *e, int node) {
    struct graph *g = e->g;
    int at = edit_producer(e, node, 0, OP_Transpose);
    if (at < 0) return STATUS_OK;
    int64_t first[SHAPE_MAX_RANK], second[SHAPE_MAX_RANK], both[SHAPE_MAX_RANK];
    int k = read_perm(g, &g->nodes[at], first);
    if (k < 0 || read_perm(g, &g->nodes[node], second) != k) return STATUS_OK;
    for (int i = 0; i < k; i++) {
        if (second[i] < 0 || second[i] >= k) return STATUS_OK;
        both[i] = first[second[i]];
    }
    TRY(node_set_ints(g, node, "perm", k, both));
    return edit_set_input(e, node, 0, g->nodes[at].inputs[0]);
}

/* A Transpose that only moves dimensions of size 1 keeps the elements in their order. */
static enum status transpose_to_reshape(struct edit *e, int node) {
    struct graph *g = e->g;
    const struct node *n = &g->nodes[node];
    const struct shape *x = &node_input(g, n, 0)->shape, *y = &node_output(g, n, 0)->shape;
    int64_t perm[SHAPE_MAX_RANK], last = -1;
    int k = read_perm(g, n, perm);
    if (!shape_known(x) || !shape_known(y) || shape_elements(x) == 0 || k != x->rank)
        return STATUS_OK;
    for (int i = 0; i < k; i++) {
        if (perm[i] < 0 || perm[i] >= k) return STATUS_OK;
        if (x->dim[perm[i]] == 1) continue;
        if (perm[i] < last) return STATUS_OK;
        last = perm[i];
    }
    return become_reshape(e, node, n->inputs[0]);
}

/* A Slice of what one input of a Concat became reads that input. */
static enum status slice_of_concat(struct edit *e, int node) {
    struct graph *g = e->g;
    const int at = edit_producer(e, node, 0, OP_Concat);
    if (at < 0) return STATUS_OK;
    const struct node *n = &g->nodes[node], *concat = &g->nodes[at];
    const struct shape *whole = &node_input(g, n, 0)->shape;
    int64_t start, end, axis = 0, joined = node_int(concat, "axis", 0);
    if (!shape_known(whole) || !absent_or_all(g, n, 4, 1) ||
        graph_const_ints(g, n->inputs[1], &start, 1) != 1 ||
        graph_const_ints(g, n->inputs[2], &end, 1) != 1 ||
        (!absent(n, 3) && graph_const_ints(g, n->inputs[3], &axis, 1) != 1))
        return STATUS_OK;
    if (axis < 0) axis += whole->rank;
    if (joined < 0) joined += whole->rank;
    if (axis != joined || axis < 0 || axis >= whole->rank) return STATUS_OK;
    if (start < 0) start += whole->dim[axis];
    if (end < 0) end += whole->dim[axis];
    if (end > whole->dim[axis]) end = whole->dim[axis];
    if (start < 0 || start >= end) return STATUS_OK;
    for (int i = 0; i < concat->n_inputs; i++) {
        const struct shape *x = &node_input(g, concat, i)->shape;
        if (!shape_known(x)) return STATUS_OK;
        if (start >= x->dim[axis]) {
            start -= x->dim[axis];
            end -= x->dim[axis];
            continue;
        }
        if (end > x->dim[axis]) return STATUS_OK;
        int in[4] = {concat->inputs[i]};
        const int64_t value[3] = {start, end, axis};
        for (int k = 0; k < 3; k++)
            TRY(edit_constant(e, n->name, DT_I64, shape_of(1, 1), &value[k], &in[k + 1], NULL));
        return edit_set_inputs(e, node, 4, in);
    }
    return STATUS_OK;
}

/* ---- the sweep ---- */

static enum status visit(struct edit *e, int node) {
    struct graph *g = e->g;
    if (!node_output(g, &g->nodes[node], 0) || !node_input(g, &g->nodes[node], 0)) return STATUS_OK;
    if (g->nodes[node].op == OP_Transpose) {
        TRY(merge_transposes(e, node));
        if (!perm_is_identity(g, &g->nodes[node])) TRY(transpose_to_reshape(e, node));
    }
    if (only_reshapes(g->nodes[node].op)) TRY(merge_reshapes(e, node));
    if (g->nodes[node].op == OP_Slice) TRY(slice_of_concat(e, node));
    int x = handed_on(g, &g->nodes[node]);
    return x >= 0 ? edit_bypass(e, node, g->nodes[node].outputs[0], x) : STATUS_OK;
}

enum status pass_remove_identity(struct graph *g) { return edit_sweep(g, visit); }
