/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Several Convs of one input and a few channels each, as the heads of detectors are, become one
 * whose result is cut: a kernel computes a whole vector of channels anyway. Depthwise Convs that
 * follow each of them become one, too.
 *
 *     Conv(x) 1, Conv(x) 4, Conv(x) 10      becomes      Conv(x) 15 -> Slice, Slice, Slice
 */
#include <string.h>

#include "ops/op.h"
#include "passes/edit.h"
#include "passes/internal.h"

enum { MAX_SIBLINGS = 64 };

bool is_plain_conv(const struct graph *g, const struct node *n) {
    if (n->op != OP_Conv || node_input(g, n, 3)) return false;
    const struct tensor *w = node_input(g, n, 1), *b = node_input(g, n, 2);
    return w && w->data && w->dtype == DT_F32 && w->shape.rank == 4 &&
           (!b || (b->data && b->dtype == DT_F32)) &&
           g->tensors[n->outputs[0]].shape.rank == 4 && g->tensors[n->outputs[0]].dtype == DT_F32;
}

/* ---- siblings ---- */

static bool is_about_activation(const char *name) {
    return !strncmp(name, "activation", 10);
}

/* Whether each attribute of `a` but what the caller treats itself is one of `b`. */
static bool has_attrs(const struct node *a, const struct node *b, bool activations) {
    for (int i = 0; i < a->n_attrs; i++) {
        const struct attr *x = &a->attrs[i], *y = node_attr(b, x->name);
        if (!strcmp(x->name, "group") || is_about_activation(x->name) != activations) continue;
        if (!y || x->type != y->type || x->n != y->n || memcmp(x->ints, y->ints, attr_bytes(x)))
            return false;
    }
    return true;
}

static bool same_attrs(const struct node *a, const struct node *b, bool activations) {
    return has_attrs(a, b, activations) && has_attrs(b, a, activations);
}

/* What is left of a Conv's activation when it becomes a node of its own: OP_NONE if it has none;
 * false if it needs parameters. */
static bool own_activation(const struct node *n, enum op_kind *op) {
    const char *name = node_string(n, "activation", "");
    *op = *name ? op_find(name) : OP_NONE;
    return !*name || (*op != OP_NONE && *op != OP_Clip && !node_attr(n, "activation_alpha") &&
                      !node_attr(n, "activation_beta"));
}

static int64_t width(const struct graph *g, int node) {
    return g->tensors[g->nodes[node].inputs[1]].shape.dim[0];
}

static bool is_narrow(const struct graph *g, int node) {
    const struct node *n = &g->nodes[node];
    return is_plain_conv(g, n) && node_int(n, "group", 1) == 1 && width(g, node) < CHANNEL_VECTOR;
}

/* The Convs to join, of the same kind in all that is not their activation. */
struct siblings {
    int n, node[MAX_SIBLINGS];
    int64_t channels; /* of all */
    bool one_activation;
    int joined; /* what became of them: a tensor */
};

static bool collect(const struct edit *e, int node, struct siblings *s) {
    const struct graph *g = e->g;
    const struct node *first = &g->nodes[node];
    int users[MAX_SIBLINGS], n = edit_users(e, first->inputs[0], MAX_SIBLINGS, users);
    *s = (struct siblings){.one_activation = true};
    for (int i = 0; i < n; i++) {
        const struct node *other = &g->nodes[users[i]];
        enum op_kind op;
        if (!is_narrow(g, users[i]) || other->inputs[0] != first->inputs[0] ||
            !same_attrs(first, other, false) || !own_activation(other, &op) ||
            memcmp(g->tensors[other->inputs[1]].shape.dim + 1,
                   g->tensors[first->inputs[1]].shape.dim + 1, 3 * sizeof(int64_t)))
            continue;
        s->one_activation &= same_attrs(first, other, true);
        s->channels += width(g, users[i]);
        s->node[s->n++] = users[i];
    }
    return s->n > 1 && (s->channels + CHANNEL_VECTOR - 1) / CHANNEL_VECTOR < s->n;
}

/* Whether one depthwise Conv follows each of them, all of a kind; then those are in `next`. */
static bool collect_depthwise(const struct edit *e, const struct siblings *s,
                              struct siblings *next) {
    const struct graph *g = e->g;
    *next = (struct siblings){.one_activation = true, .channels = s->channels};
    for (int i = 0; i < s->n; i++) {
        int y = g->nodes[s->node[i]].outputs[0], user = edit_only_user(e, y);
        if (user < 0 || !is_plain_conv(g, &g->nodes[user]) || g->nodes[user].inputs[0] != y)
            return false;
        const struct node *n = &g->nodes[user], *first = &g->nodes[i ? next->node[0] : user];
        int64_t channels = g->tensors[y].shape.dim[1];
        enum op_kind op;
        if (node_int(n, "group", 1) != channels || width(g, user) != channels ||
            !same_attrs(first, n, false) || !own_activation(n, &op) ||
            memcmp(g->tensors[n->inputs[1]].shape.dim + 2,
                   g->tensors[first->inputs[1]].shape.dim + 2, 2 * sizeof(int64_t)))
            return false;
        next->one_activation &= same_attrs(first, n, true);
        next->node[next->n++] = user;
    }
    return true;
}

/* Input i (weights or bias) of all siblings, one behind the other; a missing bias is zero. */
static enum status join_constants(struct edit *e, const struct siblings *s, int i, int *out) {
    struct graph *g = e->g;
    struct shape shape = shape_of(1, 0);
    const char *name = NULL;
    for (int k = 0; k < s->n; k++) {
        const struct tensor *t = node_input(g, &g->nodes[s->node[k]], i);
        if (!t || name) continue;
        name = t->name;
        shape = t->shape;
    }
    *out = -1;
    if (!name) return STATUS_OK;
    shape.dim[0] = s->channels;
    float *to;
    TRY(edit_constant(e, name, DT_F32, shape, NULL, out, (void **)&to));
    int64_t each = shape_elements(&shape) / s->channels;
    for (int k = 0; k < s->n; k++) {
        const struct tensor *t = node_input(g, &g->nodes[s->node[k]], i);
        if (t) memcpy(to, t->data, t->data_bytes);
        to += width(g, s->node[k]) * each;
    }
    return STATUS_OK;
}

/* `node` becomes the channels [at, at + n) of tensor x. */
static enum status become_slice(struct edit *e, int node, int x, int64_t at, int64_t n) {
    const char *name = e->g->nodes[node].name;
    int64_t end = at + n, axis = 1;
    int in[4] = {x};
    TRY(edit_constant(e, name, DT_I64, shape_of(1, 1), &at, &in[1], NULL));
    TRY(edit_constant(e, name, DT_I64, shape_of(1, 1), &end, &in[2], NULL));
    TRY(edit_constant(e, name, DT_I64, shape_of(1, 1), &axis, &in[3], NULL));
    edit_set_op(e, node, OP_Slice);
    return edit_set_inputs(e, node, 4, in);
}

/* One Conv of input x instead of all; they become its slices. */
static enum status join(struct edit *e, struct siblings *s, int x, bool depthwise) {
    struct graph *g = e->g;
    int in[3] = {x}, first = s->node[0], earliest = first, made;
    for (int i = 1; i < s->n; i++)
        if (s->node[i] < earliest) earliest = s->node[i];
    TRY(join_constants(e, s, 1, &in[1]));
    TRY(join_constants(e, s, 2, &in[2]));
    struct tensor y = g->tensors[g->nodes[first].outputs[0]];
    y.shape.dim[1] = s->channels;
    TRY(edit_insert(e, earliest, OP_Conv, g->nodes[first].name, in[2] < 0 ? 2 : 3, in, y.dtype,
                    y.shape, &made, &s->joined));
    TRY(edit_copy_attrs(e, made, first, ""));
    if (depthwise) TRY(node_set_int(g, made, "group", s->channels));
    for (int i = 0; i < 3 && !s->one_activation; i++)
        node_remove_attr(&g->nodes[made], ((const char *[]){"activation", "activation_alpha",
                                                            "activation_beta"})[i]);
    int64_t at = 0;
    for (int i = 0; i < s->n; i++) {
        int node = s->node[i], slice = node, t;
        int64_t n = width(g, node);
        enum op_kind op;
        own_activation(&g->nodes[node], &op);
        if (!s->one_activation && op != OP_NONE) {
            struct tensor ty = g->tensors[g->nodes[node].outputs[0]];
            TRY(edit_insert(e, node, OP_Slice, g->nodes[node].name, 0, NULL, ty.dtype, ty.shape,
                            &slice, &t));
            edit_set_op(e, node, op);
            TRY(edit_set_inputs(e, node, 1, &t));
        }
        TRY(become_slice(e, slice, s->joined, at, n));
        at += n;
    }
    return STATUS_OK;
}

static enum status visit(struct edit *e, int node) {
    struct siblings s, next;
    if (!is_narrow(e->g, node) || !collect(e, node, &s)) return STATUS_OK;
    TRY(join(e, &s, e->g->nodes[node].inputs[0], false));
    while (s.one_activation && collect_depthwise(e, &s, &next)) {
        TRY(join(e, &next, s.joined, true));
        s = next;
    }
    return STATUS_OK;
}

enum status pass_join_convs(struct graph *g) { return edit_sweep(g, visit); }
