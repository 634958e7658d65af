/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A pointwise convolution with one output is a weighted sum over channels, and needs no Transpose
 * that only brings them into their place.
 *
 *     Conv(Softmax(Transpose(x, 0 2 1 3), 1), w)   becomes   Reshape(MatMul(w, Softmax(x, 2)))
 *
 * So YOLOv8 and its kin compute a distance from the probabilities of 16: the Transpose, the
 * conversion for the convolution and 15 of its 16 channels are spared.
 */
#include <string.h>

#include "ops/op.h"
#include "passes/edit.h"
#include "passes/internal.h"

/* A Conv [1,C,1,1] that does nothing else. */
static bool is_weighted_sum(const struct graph *g, const struct node *n) {
    if (n->op != OP_Conv || node_input(g, n, 2) || node_input(g, n, 3) ||
        node_attr(n, "activation") || node_int(n, "group", 1) != 1)
        return false;
    const struct tensor *w = node_input(g, n, 1);
    return w && w->data && w->dtype == DT_F32 && w->shape.rank == 4 && w->shape.dim[0] == 1 &&
           w->shape.dim[2] == 1 && w->shape.dim[3] == 1 && node_ints_are(n, "strides", 1) &&
           node_ints_are(n, "pads", 0);
}

static bool swaps_middle(const struct node *n) {
    static const int64_t wanted[4] = {0, 2, 1, 3};
    int64_t perm[5];
    return node_ints(n, "perm", perm, 5) == 4 && !memcmp(perm, wanted, sizeof wanted);
}

static enum status visit(struct edit *e, int node) {
    struct graph *g = e->g;
    if (!is_weighted_sum(g, &g->nodes[node])) return STATUS_OK;
    int softmax = edit_only_producer(e, node, 0, OP_Softmax);
    if (softmax >= 0) {
        int64_t axis = node_int(&g->nodes[softmax], "axis", -1);
        if (axis != 1 && axis != -3) return STATUS_OK;
    }
    int transpose = edit_only_producer(e, softmax >= 0 ? softmax : node, 0, OP_Transpose);
    if (transpose < 0 || !swaps_middle(&g->nodes[transpose])) return STATUS_OK;
    int x = g->nodes[transpose].inputs[0], made, in[2], sum;
    struct tensor tx = g->tensors[x], w = g->tensors[g->nodes[node].inputs[1]];
    /* tx is [N,A,C,B]. */
    if (tx.shape.rank != 4 || tx.dtype != DT_F32 || tx.shape.dim[1] <= 0 || tx.shape.dim[3] <= 0 ||
        tx.shape.dim[2] != w.shape.dim[1])
        return STATUS_OK;
    in[1] = x;
    if (softmax >= 0) {
        TRY(edit_insert(e, node, OP_Softmax, g->nodes[softmax].name, 1, &x, DT_F32, tx.shape, &made,
                        &in[1]));
        TRY(node_set_int(g, made, "axis", 2));
    }
    struct shape row = shape_of(2, 1, (int)w.shape.dim[1]);
    TRY(edit_constant(e, w.name, DT_F32, row, w.data, &in[0], NULL));
    struct shape s = tx.shape;
    s.dim[2] = 1;
    TRY(edit_insert(e, node, OP_MatMul, g->nodes[node].name, 2, in, DT_F32, s, &made, &sum));
    int64_t shape[4] = {0, 1, tx.shape.dim[1], tx.shape.dim[3]}; /* 0: as it is */
    in[0] = sum;
    TRY(edit_constant(e, g->nodes[node].name, DT_I64, shape_of(1, 4), shape, &in[1], NULL));
    edit_set_op(e, node, OP_Reshape);
    return edit_set_inputs(e, node, 2, in);
}

enum status pass_weighted_sum(struct graph *g) { return edit_sweep(g, visit); }
