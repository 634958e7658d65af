/* SPDX-License-Identifier: Apache-2.0 */
/*
 * LayerNormalization, as exporters before opset 17 wrote it:
 *
 *     mean = ReduceMean(x)   d = x - mean   v = ReduceMean(d * d)
 *     y = d / Sqrt(v + epsilon)             then y * scale + bias
 *
 * over the trailing axes. The Div becomes LayerNormalization with a scale of ones; a Mul and an Add
 * of constants behind it put their operand in as scale and bias.
 */
#include <string.h>

#include "ops/op.h"
#include "passes/edit.h"
#include "passes/internal.h"

static int producer(const struct graph *g, int t, enum op_kind op) {
    int at = t < 0 ? -1 : g->tensors[t].producer;
    return at >= 0 && g->nodes[at].op == op ? at : -1;
}

/* If `t` is the mean of a tensor over its last axes, kept as dimensions of size 1: that tensor, and
 * the first of the axes. Else -1. */
static int mean_of(const struct graph *g, int t, int *axis) {
    int at = producer(g, t, OP_ReduceMean);
    if (at < 0) return -1;
    const struct node *n = &g->nodes[at];
    const struct tensor *x = node_input(g, n, 0);
    int64_t axes[SHAPE_MAX_RANK];
    int rank = x->shape.rank;
    int k = n->n_inputs > 1 ? graph_const_ints(g, n->inputs[1], axes, SHAPE_MAX_RANK) : -1;
    if (k < 1 || rank < 1 || !node_int(n, "keepdims", 1)) return -1;
    unsigned seen = 0;
    for (int i = 0; i < k; i++) {
        int64_t a = axes[i] < 0 ? axes[i] + rank : axes[i];
        if (a < 0 || a >= rank) return -1;
        seen |= 1u << a;
    }
    *axis = rank - k;
    return seen == (1u << rank) - (1u << *axis) ? n->inputs[0] : -1;
}

/* If `t` is d * d: d. Else -1. */
static int square_of(const struct graph *g, int t) {
    int at = producer(g, t, OP_Mul);
    double two;
    if (at >= 0 && g->nodes[at].inputs[0] == g->nodes[at].inputs[1]) return g->nodes[at].inputs[0];
    at = producer(g, t, OP_Pow);
    return at >= 0 && graph_splat(g, g->nodes[at].inputs[1], &two) && two == 2
               ? g->nodes[at].inputs[0] : -1;
}

/* If `t` is the root of (the mean of d * d plus epsilon): true. */
static bool is_deviation(const struct graph *g, int t, int d, int axis, double *epsilon) {
    int root = producer(g, t, OP_Sqrt);
    int add = root < 0 ? -1 : producer(g, g->nodes[root].inputs[0], OP_Add);
    for (int i = 0; add >= 0 && i < 2; i++) {
        const int *in = g->nodes[add].inputs;
        int same_axis, square;
        if (!graph_splat(g, in[i], epsilon) || shape_elements(&g->tensors[in[i]].shape) != 1)
            continue;
        square = mean_of(g, in[1 - i], &same_axis);
        return square >= 0 && same_axis == axis && square_of(g, square) == d;
    }
    return false;
}

static enum status recognise(struct edit *e, int node) {
    struct graph *g = e->g;
    int d = g->nodes[node].inputs[0], sub = producer(g, d, OP_Sub), axis;
    double epsilon;
    if (sub < 0) return STATUS_OK;
    int x = g->nodes[sub].inputs[0];
    if (mean_of(g, g->nodes[sub].inputs[1], &axis) != x ||
        !is_deviation(g, g->nodes[node].inputs[1], d, axis, &epsilon))
        return STATUS_OK;
    const struct tensor *t = &g->tensors[x];
    struct shape s = shape_from(t->shape.rank - axis, t->shape.dim + axis);
    if (!shape_known(&s) || !dtype_is_float(t->dtype)) return STATUS_OK;
    int in[2] = {x, -1};
    TRY(edit_constant(e, "ones", t->dtype, s, NULL, &in[1], NULL));
    const struct tensor *ones = &g->tensors[in[1]];
    struct view v = {ones->dtype, s, (void *)(uintptr_t)ones->data, ones->name, true};
    for (int64_t i = 0; i < shape_elements(&s); i++) view_set_f64(&v, i, 1);
    edit_set_op(e, node, OP_LayerNormalization);
    TRY(node_set_int(g, node, "axis", axis - g->tensors[x].shape.rank));
    TRY(node_set_float(g, node, "epsilon", (float)epsilon));
    return edit_set_inputs(e, node, 2, in);
}

/* The operand as a tensor of just the scale's shape: itself, or a copy without leading ones. */
static enum status operand_for(struct edit *e, int operand, const struct shape *want, int *out) {
    const struct tensor *t = &e->g->tensors[operand];
    int extra = t->shape.rank - want->rank;
    *out = -1;
    if (extra < 0 || shape_elements(&t->shape) != shape_elements(want)) return STATUS_OK;
    struct shape s = shape_from(want->rank, t->shape.dim + extra);
    if (!shape_equal(&s, want)) return STATUS_OK;
    if (!extra) *out = operand;
    else TRY(edit_constant(e, t->name, t->dtype, s, t->data, out, NULL));
    return STATUS_OK;
}

/* A Mul or Add of a constant goes into the normalization before it. */
static enum status absorb(struct edit *e, int node) {
    struct graph *g = e->g;
    bool add = g->nodes[node].op == OP_Add;
    for (int i = 0; i < 2; i++) {
        int at = edit_only_producer(e, node, i, OP_LayerNormalization);
        int operand = g->nodes[node].inputs[1 - i];
        double one;
        if (at < 0 || !edit_is_constant(e, operand)) continue;
        const struct node *n = &g->nodes[at];
        /* Statistics as further outputs do not hinder, but nobody who wants them asks for this. */
        if (n->n_outputs != 1 || node_input(g, n, 2)) return STATUS_OK;
        if (!add && !(graph_splat(g, n->inputs[1], &one) && one == 1)) return STATUS_OK;
        int in[3] = {n->inputs[0], n->inputs[1], -1};
        TRY(operand_for(e, operand, &node_input(g, n, 1)->shape, &in[add ? 2 : 1]));
        if (in[add ? 2 : 1] < 0) return STATUS_OK;
        return edit_become(e, node, at, add ? 3 : 2, in);
    }
    return STATUS_OK;
}

static enum status visit(struct edit *e, int node) {
    switch (e->g->nodes[node].op) {
    case OP_Div: return recognise(e, node);
    case OP_Mul:
    case OP_Add: return absorb(e, node);
    default: return STATUS_OK;
    }
}

enum status pass_recognise_layer_norm(struct graph *g) { return edit_sweep(g, visit); }
