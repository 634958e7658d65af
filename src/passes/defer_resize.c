/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pointwise convolutions of enlarged tensors work before these are enlarged.
 *
 * Feature pyramids (YOLO's necks) enlarge a tensor, join it with a finer one and apply pointwise
 * convolutions. Enlarging is linear and the same for every channel, so the convolution's part for
 * these channels may come first, where there are a quarter of the pixels:
 *
 *     Conv(Concat(Resize(a), b))      becomes      Conv(b, residual = Resize(Conv(a)))
 *
 * The Conv of `b` adds the residual before its activation (fuse_activation.c).
 */
#include <string.h>

#include "base/alloc.h"
#include "ops/op.h"
#include "passes/edit.h"
#include "passes/internal.h"

enum { MAX_CONVS = 8, MIN_CHANNELS = 16 };

/* A Resize that enlarges height and width to at least twice the pixels, and is linear. */
static bool enlarges(const struct graph *g, const struct node *n) {
    const struct tensor *x = node_input(g, n, 0), *sizes = node_input(g, n, 3);
    const struct shape *sx = &x->shape, *sy = &g->tensors[n->outputs[0]].shape;
    if (x->dtype != DT_F32 || sx->rank != 4 || sy->rank != 4 || sx->dim[0] != sy->dim[0] ||
        sx->dim[1] != sy->dim[1] || sx->dim[2] <= 0 || sx->dim[3] <= 0 ||
        sy->dim[2] < sx->dim[2] || sy->dim[3] < sx->dim[3] ||
        sy->dim[2] / sx->dim[2] * (sy->dim[3] / sx->dim[3]) < 2)
        return false;
    if (sizes && (!sizes->data || strcmp(node_string(n, "keep_aspect_ratio_policy", "stretch"),
                                         "stretch")))
        return false;
    /* The one way that can take other values than the tensor's. */
    return strcmp(node_string(n, "coordinate_transformation_mode", "half_pixel"),
                  "tf_crop_and_resize") != 0;
}

/* A pointwise Conv with constant weights that adds nothing yet. */
static bool is_pointwise(const struct graph *g, const struct node *n) {
    if (n->op != OP_Conv || node_input(g, n, 3) || node_int(n, "group", 1) != 1) return false;
    const struct tensor *w = node_input(g, n, 1);
    return w && w->data && w->dtype == DT_F32 && w->shape.rank == 4 && w->shape.dim[2] == 1 &&
           w->shape.dim[3] == 1 && node_ints_are(n, "strides", 1) && node_ints_are(n, "pads", 0) &&
           g->tensors[n->outputs[0]].dtype == DT_F32;
}

/* The columns [at, at + n) of a pointwise Conv's weights, and all the rest. */
static enum status part_columns(struct edit *e, int w, int64_t at, int64_t n, int *taken,
                                int *rest) {
    int64_t all = e->g->tensors[w].shape.dim[1];
    int *order = mem_alloc((size_t)all * sizeof *order);
    CHECK(order, STATUS_MEMORY, "out of memory for a convolution's weights");
    for (int c = 0; c < all; c++) order[c < at ? n + c : c < at + n ? c - at : c] = c;
    enum status s = edit_take(e, w, 1, order, n, taken);
    if (s == STATUS_OK) s = edit_take(e, w, 1, order + n, all - n, rest);
    mem_free(order);
    return s;
}

/* The operand `sizes` of a Resize of so many channels instead. */
static enum status set_channels(struct edit *e, int t, int64_t channels, int *out) {
    int64_t size[4];
    *out = t;
    if (t < 0 || graph_const_ints(e->g, t, size, 4) != 4) return STATUS_OK;
    size[1] = channels;
    return edit_constant(e, e->g->tensors[t].name, DT_I64, shape_of(1, 4), size, out, NULL);
}

/* Conv `node`, whose input channels [at, at + n) come from `resize`, has them convolved before. */
static enum status part(struct edit *e, int node, int resize, int64_t at, int64_t n) {
    struct graph *g = e->g;
    int a = g->nodes[resize].inputs[0], in[4] = {a, -1, -1, -1}, made, low, enlarged;
    int64_t channels = g->tensors[g->nodes[node].inputs[1]].shape.dim[0];
    struct shape s = g->tensors[a].shape;
    s.dim[1] = channels;
    int weights = g->nodes[node].inputs[1], rest;
    TRY(part_columns(e, weights, at, n, &in[1], &rest));
    TRY(edit_insert(e, node, OP_Conv, g->nodes[node].name, 2, in, DT_F32, s, &made, &low));
    TRY(edit_copy_attrs(e, made, node, "activation"));
    in[0] = low;
    int n_inputs = g->nodes[resize].n_inputs;
    for (int i = 1; i < n_inputs; i++) in[i] = g->nodes[resize].inputs[i];
    if (n_inputs > 3) TRY(set_channels(e, in[3], channels, &in[3]));
    TRY(edit_insert(e, node, OP_Resize, g->nodes[resize].name, n_inputs, in, DT_F32,
                    g->tensors[g->nodes[node].outputs[0]].shape, &made, &enlarged));
    TRY(edit_copy_attrs(e, made, resize, ""));
    bool bias = node_input(g, &g->nodes[node], 2) != NULL;
    return edit_set_inputs(e, node, 4, (int[]){g->nodes[node].inputs[0], rest,
                                               bias ? g->nodes[node].inputs[2] : -1, enlarged});
}

static enum status visit(struct edit *e, int node) {
    struct graph *g = e->g;
    struct node *n = &g->nodes[node];
    int64_t axis = node_int(n, "axis", 0), at = 0, channels = 0, made = 0;
    if (n->op != OP_Concat || n->n_inputs < 2 || n->n_inputs > 16 || (axis != 1 && axis != -3))
        return STATUS_OK;
    int resize = -1, which = 0, convs[MAX_CONVS + 1];
    for (int i = 0; i < n->n_inputs && resize < 0; i++) {
        const struct shape *s = &g->tensors[n->inputs[i]].shape;
        if (s->rank != 4 || s->dim[1] <= 0) return STATUS_OK;
        resize = edit_only_producer(e, node, i, OP_Resize);
        if (resize >= 0 && !enlarges(g, &g->nodes[resize])) resize = -1;
        which = i;
        channels = s->dim[1];
        if (resize < 0) at += channels;
    }
    int y = n->outputs[0], n_convs = edit_users(e, y, MAX_CONVS + 1, convs);
    if (resize < 0 || channels < MIN_CHANNELS || edit_is_output(e, y) || n_convs > MAX_CONVS)
        return STATUS_OK;
    for (int i = 0; i < n_convs; i++) {
        const struct node *conv = &g->nodes[convs[i]];
        if (!is_pointwise(g, conv) || conv->inputs[0] != y ||
            g->tensors[conv->inputs[1]].shape.dim[1] != g->tensors[y].shape.dim[1])
            return STATUS_OK;
        made += g->tensors[conv->inputs[1]].shape.dim[0];
    }
    /* What is enlarged then must not be much more than what was. */
    if (made > 2 * channels) return STATUS_OK;
    for (int i = 0; i < n_convs; i++) TRY(part(e, convs[i], resize, at, channels));
    n = &g->nodes[node];
    int rest[16], n_rest = 0;
    for (int i = 0; i < n->n_inputs; i++)
        if (i != which) rest[n_rest++] = n->inputs[i];
    if (n_rest == 1) {
        edit_replace(e, y, rest[0]);
        return STATUS_OK;
    }
    g->tensors[y].shape.dim[1] -= channels;
    return edit_set_inputs(e, node, n_rest, rest);
}

enum status pass_defer_resize(struct graph *g) { return edit_sweep(g, visit); }
