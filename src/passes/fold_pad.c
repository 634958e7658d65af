/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A Pad of the spatial dimensions goes into the window operator behind it.
 *
 * Conv: padding with 0. AveragePool: with 0, counting the padding. MaxPool: with -infinity, or with
 * 0 where nothing is below 0 anyway (a Pad behind a Relu, as TensorFlow exports have it). Pools
 * keep their padding below the kernel's size, so that no window lies in it altogether.
 */
#include <math.h>
#include <string.h>

#include "ops/op.h"
#include "passes/edit.h"
#include "passes/internal.h"

enum { MAX_SPATIAL = SHAPE_MAX_RANK - 2 };

/* Non-negative pads of the spatial dimensions only, in the order of the attribute `pads`. */
static bool read_pad(const struct graph *g, const struct node *n, int spatial,
                     int64_t pads[2 * MAX_SPATIAL], double *value) {
    int64_t given[2 * SHAPE_MAX_RANK], axes[SHAPE_MAX_RANK];
    int rank = spatial + 2, n_axes = rank;
    *value = 0;
    if (strcmp(node_string(n, "mode", "constant"), "constant")) return false;
    if (node_input(g, n, 2) && !graph_splat(g, n->inputs[2], value)) return false;
    int count = graph_const_ints(g, n->inputs[1], given, 2 * SHAPE_MAX_RANK);
    for (int i = 0; i < rank; i++) axes[i] = i;
    if (node_input(g, n, 3)) n_axes = graph_const_ints(g, n->inputs[3], axes, SHAPE_MAX_RANK);
    if (n_axes < 0 || count != 2 * n_axes) return false;
    for (int i = 0; i < 2 * spatial; i++) pads[i] = 0;
    for (int i = 0; i < n_axes; i++) {
        int64_t axis = axes[i] < 0 ? axes[i] + rank : axes[i];
        int64_t before = given[i], after = given[n_axes + i];
        if (axis < 0 || axis >= rank || before < 0 || after < 0 || before > 1 << 20 ||
            after > 1 << 20)
            return false;
        if (axis < 2) {
            if (before || after) return false;
            continue;
        }
        pads[axis - 2] = before;
        pads[spatial + axis - 2] = after;
    }
    return true;
}

static bool is_not_negative(const struct graph *g, int t) {
    int at = g->tensors[t].producer;
    if (at < 0) return false;
    const struct node *n = &g->nodes[at];
    const char *name = op_name(n->op);
    double low = -1;
    if (n->op == OP_Clip) return n->n_inputs > 1 && graph_splat(g, n->inputs[1], &low) && low >= 0;
    if (n->op == OP_Conv || n->op == OP_Gemm || n->op == OP_MatMul) {
        if (node_int(n, "residual_after_activation", 0)) return false;
        name = node_string(n, "activation", "");
        if (!strcmp(name, "Clip")) return node_float(n, "activation_alpha", -1) >= 0;
    }
    return !strcmp(name, "Relu") || !strcmp(name, "Sigmoid") || !strcmp(name, "HardSigmoid") ||
           !strcmp(name, "Softplus") || !strcmp(name, "Softmax");
}

/* Whether padding by `value` in front of this node is what its own padding does. `has_own`: it has
 * padding already. */
static bool means_the_same(const struct graph *g, const struct node *n, int x, double value,
                           bool has_own) {
    switch (n->op) {
    case OP_Conv: return value == 0;
    case OP_AveragePool:
        return value == 0 && !node_int(n, "ceil_mode", 0) &&
               (!has_own || node_int(n, "count_include_pad", 0));
    case OP_MaxPool:
        return !node_int(n, "ceil_mode", 0) && !node_output(g, n, 1) &&
               ((isinf(value) && value < 0) || (value == 0 && is_not_negative(g, x)));
    default: return false;
    }
}

static enum status visit(struct edit *e, int node) {
    struct graph *g = e->g;
    const struct node *n = &g->nodes[node];
    if (n->op != OP_Conv && n->op != OP_AveragePool && n->op != OP_MaxPool) return STATUS_OK;
    int at = edit_producer(e, node, 0, OP_Pad);
    if (at < 0) return STATUS_OK;
    int x = g->nodes[at].inputs[0], spatial = g->tensors[x].shape.rank - 2;
    int64_t pads[2 * MAX_SPATIAL], own[2 * MAX_SPATIAL] = {0}, kernel[MAX_SPATIAL];
    double value;
    const char *mode = node_string(n, "auto_pad", "NOTSET");
    if (spatial < 1 || !read_pad(g, &g->nodes[at], spatial, pads, &value)) return STATUS_OK;
    if (!strcmp(mode, "NOTSET")) node_ints(n, "pads", own, 2 * spatial);
    else if (strcmp(mode, "VALID")) return STATUS_OK;
    bool has_own = false, pool = n->op != OP_Conv;
    if (pool && node_ints(n, "kernel_shape", kernel, MAX_SPATIAL) != spatial) return STATUS_OK;
    for (int i = 0; i < 2 * spatial; i++) {
        has_own |= own[i] != 0;
        pads[i] += own[i];
        if (pool && pads[i] >= kernel[i % spatial]) return STATUS_OK;
    }
    const struct attr *dilations = node_attr(n, "dilations");
    for (int i = 0; pool && dilations && i < dilations->n; i++)
        if (dilations->ints[i] != 1) return STATUS_OK;
    if (!means_the_same(g, n, x, value, has_own)) return STATUS_OK;
    TRY(edit_set_input(e, node, 0, x));
    node_remove_attr(&g->nodes[node], "auto_pad");
    TRY(node_set_ints(g, node, "pads", 2 * spatial, pads));
    return g->nodes[node].op == OP_AveragePool ? node_set_int(g, node, "count_include_pad", 1)
                                               : STATUS_OK;
}

enum status pass_fold_pad(struct graph *g) { return edit_sweep(g, visit); }
