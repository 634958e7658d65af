/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Moves activations and residual additions into the product before them, where they cost nothing:
 * they happen while the result is still in registers.
 *
 * fuse_activation: Conv, Gemm or MatMul and then Relu, Clip, Swish, ... becomes one node with the
 * attributes `activation`, `activation_alpha`, `activation_beta` (ops/activation.h). Reshapes and
 * Transposes in between stay: the elements are the same. What they read gets another name, since a
 * tensor's name says to dumps and `prusik diff` what it holds.
 *
 * fuse_residual: Add of a Conv's result and another tensor of just that shape becomes the Conv's
 * input 3, `residual`; an activation before the Add stays before it (residual_after_activation=1),
 * one behind it is fused, too.
 *
 * Only a result that nobody else reads, and that is no output of the graph, may vanish like this.
 */
#include <math.h>
#include <string.h>

#include "ops/activation.h"
#include "ops/op.h"
#include "passes/edit.h"
#include "passes/internal.h"

struct activation activation_to_fuse(const struct graph *g, const struct node *n) {
    struct activation none = {ACT_NONE, 0, 0}, a = none;
    double v;
    if (n->op == OP_Gelu && strcmp(node_string(n, "approximate", "none"), "none")) return none;
    if (!activation_find(op_name(n->op), &a) || a.kind > ACT_LAST_FUSED) return none;
    switch (a.kind) {
    case ACT_HARD_SIGMOID: a.beta = node_float(n, "beta", a.beta); __attribute__((fallthrough));
    case ACT_LEAKY_RELU:
    case ACT_SWISH:
    case ACT_ELU: a.alpha = node_float(n, "alpha", a.alpha); break;
    case ACT_CLIP:
        for (int i = 1; i < n->n_inputs; i++) {
            if (n->inputs[i] < 0) continue;
            if (!graph_splat(g, n->inputs[i], &v)) return none;
            *(i == 1 ? &a.alpha : &a.beta) = (float)v;
        }
        /* NaN bounds and crossed ones mean whatever Clip makes of them. */
        if (!(a.alpha <= a.beta)) return none;
        if (a.alpha == 0 && isinf(a.beta)) a.kind = ACT_RELU;
        break;
    default: break;
    }
    return a;
}

static enum status set_activation(struct graph *g, int node, const struct activation *a) {
    struct activation standard;
    const char *name = activation_name(a->kind);
    TRY(node_set_string(g, node, "activation", name));
    if (a->kind == ACT_RELU || !activation_find(name, &standard)) return STATUS_OK;
    if (a->alpha != standard.alpha) TRY(node_set_float(g, node, "activation_alpha", a->alpha));
    if (a->beta != standard.beta) TRY(node_set_float(g, node, "activation_beta", a->beta));
    return STATUS_OK;
}

static bool can_take_activation(const struct node *n) {
    if (n->op != OP_Conv && n->op != OP_Gemm && n->op != OP_MatMul) return false;
    return !node_attr(n, "activation") && !node_int(n, "residual_after_activation", 0);
}

/* The activation `node` goes into the product before it. */
static enum status fuse_activation(struct edit *e, int node) {
    struct graph *g = e->g;
    const struct node *n = &g->nodes[node];
    if (n->op == OP_NONE || n->n_inputs < 1 || n->inputs[0] < 0) return STATUS_OK;
    int x = n->inputs[0], at = g->tensors[x].producer;
    if (at < 0 || !can_take_activation(&g->nodes[at]) || edit_only_user(e, x) != node ||
        !dtype_is_float(g->tensors[x].dtype))
        return STATUS_OK;
    struct activation a = activation_to_fuse(g, n);
    if (a.kind == ACT_NONE) return STATUS_OK;
    TRY(edit_become(e, node, at, g->nodes[at].n_inputs, g->nodes[at].inputs));
    return set_activation(g, node, &a);
}

static bool only_moves(enum op_kind op) {
    return op == OP_Reshape || op == OP_Transpose || op == OP_Flatten || op == OP_Squeeze ||
           op == OP_Unsqueeze;
}

/* The activation `node` goes in front of what only moves elements, into the product there. */
static enum status fuse_through(struct edit *e, int node) {
    struct graph *g = e->g;
    const struct node *n = &g->nodes[node];
    if (n->op == OP_NONE || n->n_inputs < 1 || n->inputs[0] < 0) return STATUS_OK;
    int y = n->outputs[0], last = n->inputs[0];
    int x = last, user = node, at = g->tensors[x].producer;
    if (at < 0 || !only_moves(g->nodes[at].op)) return STATUS_OK;
    struct activation a = activation_to_fuse(g, n);
    if (a.kind == ACT_NONE || !dtype_is_float(g->tensors[x].dtype)) return STATUS_OK;
    while (at >= 0 && only_moves(g->nodes[at].op) && edit_only_user(e, x) == user) {
        user = at;
        x = g->nodes[at].inputs[0];
        at = g->tensors[x].producer;
    }
    if (at < 0 || !can_take_activation(&g->nodes[at]) || edit_only_user(e, x) != user)
        return STATUS_OK;
    TRY(set_activation(g, at, &a));
    edit_absorb(e, node, y, last);
    for (int t = y; g->tensors[t].producer != at;) {
        t = g->nodes[g->tensors[t].producer].inputs[0];
        const char *name = arena_printf(&g->arena, "%s/%s", g->tensors[t].name,
                                        activation_name(a.kind));
        CHECK(name, STATUS_MEMORY, "out of memory for a name");
        TRY(edit_rename(e, t, name, &t));
    }
    return STATUS_OK;
}

static enum status fuse_this_or_through(struct edit *e, int node) {
    TRY(fuse_activation(e, node));
    return fuse_through(e, node);
}

enum status pass_fuse_activation(struct graph *g) { return edit_sweep(g, fuse_this_or_through); }

/* Input i of an Add is the result of a Conv that can add the other input itself. */
static bool takes_residual(const struct edit *e, int node, int i) {
    const struct graph *g = e->g;
    const int *in = g->nodes[node].inputs;
    int at = edit_only_producer(e, node, i, OP_Conv);
    if (at < 0 || node_input(g, &g->nodes[at], 3)) return false;
    const struct tensor *x = &g->tensors[in[i]], *residual = &g->tensors[in[1 - i]];
    return !residual->data && x->dtype == residual->dtype && shape_known(&x->shape) &&
           shape_equal(&x->shape, &residual->shape);
}

static enum status fuse_residual(struct edit *e, int node) {
    struct graph *g = e->g;
    if (g->nodes[node].op != OP_Add) return fuse_activation(e, node);
    int best = -1, best_at = -1;
    /* Of two Convs the later one: the shortcut is often short, and done early. */
    for (int i = 0; i < 2; i++) {
        int at = takes_residual(e, node, i) ? g->tensors[g->nodes[node].inputs[i]].producer : -1;
        if (at > best_at) {
            best = i;
            best_at = at;
        }
    }
    if (best < 0) return STATUS_OK;
    const struct node *conv = &g->nodes[best_at];
    int in[4] = {conv->inputs[0], conv->inputs[1], node_input(g, conv, 2) ? conv->inputs[2] : -1,
                 g->nodes[node].inputs[1 - best]};
    bool after = node_attr(conv, "activation") != NULL;
    TRY(edit_become(e, node, best_at, 4, in));
    return after ? node_set_int(g, node, "residual_after_activation", 1) : STATUS_OK;
}

enum status pass_fuse_residual(struct graph *g) { return edit_sweep(g, fuse_residual); }
