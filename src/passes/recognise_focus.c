/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Space-to-depth, in whatever way it was written, and the convolution behind it.
 *
 * Three ways: SpaceToDepth itself; Concat of four Slices that each take every second row and column
 * (Focus of YOLOv5 and YOLOX, in any order of the four, rows and columns cut at once or one after
 * the other); Reshape, Transpose, Reshape. Where the order of channels is ONNX's the last two
 * become SpaceToDepth.
 *
 * A Conv on such a tensor made of at most four channels reads the image instead: kernel, stride and
 * pads times the block, the same weights in another order. A 3x3 convolution with padding 1 behind
 * Focus is a 6x6 one with stride 2 and padding 2, which spares one pass over memory and leaves 3
 * channels instead of 12 that fill no vector.
 */
#include <string.h>

#include "ops/op.h"
#include "passes/edit.h"
#include "passes/internal.h"

enum { MAX_BLOCK = 4, MAX_CHANNELS = 4, MAX_DEPTH = MAX_BLOCK * MAX_BLOCK * MAX_CHANNELS };

/* Channel k of the deep tensor is channel source[k].c of the image `x` at every block-th place from
 * (source[k].y, source[k].x) on. */
struct depth {
    int x, block;
    int64_t channels; /* of the image */
    int64_t stride_y, stride_x, stride_c; /* k = y * stride_y + x * stride_x + c * stride_c ... */
    int order[MAX_BLOCK * MAX_BLOCK];     /* ... with order[y * block + x] for stride_y = 0 */
};

static int64_t depth_channel(const struct depth *d, int64_t c, int y, int x) {
    if (!d->stride_y) return d->order[y * d->block + x] * d->channels + c;
    return y * d->stride_y + x * d->stride_x + c * d->stride_c;
}

/* Whether channels stand as ONNX's SpaceToDepth puts them. */
static bool is_standard(const struct depth *d) {
    for (int y = 0; y < d->block; y++)
        for (int x = 0; x < d->block; x++)
            for (int64_t c = 0; c < d->channels; c += d->channels > 1 ? d->channels - 1 : 1)
                if (depth_channel(d, c, y, x) != (y * d->block + x) * d->channels + c) return false;
    return true;
}

static bool is_image(const struct graph *g, int t, int block) {
    const struct shape *s = &g->tensors[t].shape;
    return s->rank == 4 && s->dim[1] > 0 && s->dim[2] > 0 && s->dim[3] > 0 &&
           s->dim[2] % block == 0 && s->dim[3] % block == 0;
}

/* ---- Focus ---- */

/* A Slice of spatial axes that takes all or every second element: offset[] 0 or 1 where it takes
 * every second, left alone where it takes all. */
static bool read_slice(const struct graph *g, const struct node *n, int offset[2]) {
    int64_t start[4], end[4], axis[4], step[4];
    int k = graph_const_ints(g, n->inputs[1], start, 4);
    const struct shape *s = &node_input(g, n, 0)->shape;
    if (k < 1 || s->rank != 4 || graph_const_ints(g, n->inputs[2], end, 4) != k) return false;
    for (int i = 0; i < k; i++) {
        axis[i] = i;
        step[i] = 1;
    }
    if (node_input(g, n, 3) && graph_const_ints(g, n->inputs[3], axis, 4) != k) return false;
    if (node_input(g, n, 4) && graph_const_ints(g, n->inputs[4], step, 4) != k) return false;
    for (int i = 0; i < k; i++) {
        int64_t a = axis[i] < 0 ? axis[i] + 4 : axis[i];
        if (a < 0 || a > 3) return false;
        bool to_end = end[i] >= s->dim[a] && s->dim[a] > 0;
        if (step[i] == 1 && start[i] == 0 && to_end) continue;
        if (a < 2 || step[i] != 2 || (start[i] != 0 && start[i] != 1) || !to_end) return false;
        if (offset[a - 2] >= 0) return false; /* every fourth */
        offset[a - 2] = (int)start[i];
    }
    return true;
}

static bool find_focus(const struct graph *g, const struct node *concat, struct depth *d) {
    if (concat->n_inputs != 4 || node_int(concat, "axis", 0) != 1) return false;
    *d = (struct depth){.x = -1, .block = 2};
    int seen = 0;
    for (int i = 0; i < 4; i++) {
        int t = concat->inputs[i], offset[2] = {-1, -1};
        for (int links = 0; links < 4 && (offset[0] < 0 || offset[1] < 0); links++) {
            int at = g->tensors[t].producer;
            if (at < 0 || g->nodes[at].op != OP_Slice || !read_slice(g, &g->nodes[at], offset))
                return false;
            t = g->nodes[at].inputs[0];
        }
        if (offset[0] < 0 || offset[1] < 0 || (i && t != d->x)) return false;
        d->x = t;
        d->order[offset[0] * 2 + offset[1]] = i;
        seen |= 1 << (offset[0] * 2 + offset[1]);
    }
    if (seen != 15 || !is_image(g, d->x, 2)) return false;
    d->channels = g->tensors[d->x].shape.dim[1];
    return true;
}

/* ---- Reshape, Transpose, Reshape ---- */

static bool find_reshaped(const struct graph *g, const struct node *last, struct depth *d) {
    int at = g->tensors[last->inputs[0]].producer;
    if (at < 0 || g->nodes[at].op != OP_Transpose) return false;
    int64_t perm[6];
    int n_perm = node_ints(&g->nodes[at], "perm", perm, 6);
    int first = g->tensors[g->nodes[at].inputs[0]].producer;
    if (n_perm != 6 || first < 0 || g->nodes[first].op != OP_Reshape) return false;
    *d = (struct depth){.x = g->nodes[first].inputs[0]};
    const struct shape *x = &g->tensors[d->x].shape, *y = &node_output(g, last, 0)->shape;
    const struct shape *split = &g->tensors[g->nodes[at].inputs[0]].shape;
    if (x->rank != 4 || split->rank != 6 || y->rank != 4) return false;
    int64_t b = split->dim[3];
    if (b < 2 || b > MAX_BLOCK || !is_image(g, d->x, (int)b)) return false;
    d->block = (int)b;
    d->channels = x->dim[1];
    /* [N, C, H/b, b, W/b, b], and back to four dimensions. */
    if (split->dim[0] != x->dim[0] || split->dim[1] != d->channels || split->dim[5] != b ||
        split->dim[2] != x->dim[2] / b || split->dim[4] != x->dim[3] / b ||
        y->dim[0] != x->dim[0] || y->dim[1] != d->channels * b * b ||
        y->dim[2] != x->dim[2] / b)
        return false;
    if (perm[0] != 0 || perm[4] != 2 || perm[5] != 4) return false;
    int64_t stride = 1;
    for (int i = 3; i >= 1; i--) {
        if (perm[i] == 1 && !d->stride_c) d->stride_c = stride;
        else if (perm[i] == 3 && !d->stride_y) d->stride_y = stride;
        else if (perm[i] == 5 && !d->stride_x) d->stride_x = stride;
        else return false;
        stride *= split->dim[perm[i]];
    }
    return true;
}

static bool find_depth(const struct graph *g, int t, struct depth *d) {
    int at = g->tensors[t].producer;
    if (at < 0) return false;
    const struct node *n = &g->nodes[at];
    if (n->op == OP_Concat) return find_focus(g, n, d);
    if (n->op == OP_Reshape) return find_reshaped(g, n, d);
    int64_t b = node_int(n, "blocksize", 0);
    if (n->op != OP_SpaceToDepth || b < 2 || b > MAX_BLOCK ||
        strcmp(node_string(n, "mode", "DCR"), "DCR"))
        return false;
    *d = (struct depth){.x = n->inputs[0], .block = (int)b};
    if (!is_image(g, d->x, (int)b)) return false;
    d->channels = g->tensors[d->x].shape.dim[1];
    for (int i = 0; i < b * b; i++) d->order[i] = i;
    return true;
}

/* ---- the convolution ---- */

/* Spatial attributes of a two-dimensional window; false if SAME padding decides them. */
static bool read_window(const struct node *n, int64_t stride[2], int64_t pad[4]) {
    int64_t dilation[2] = {1, 1};
    const char *mode = node_string(n, "auto_pad", "NOTSET");
    stride[0] = stride[1] = 1;
    memset(pad, 0, 4 * sizeof *pad);
    node_ints(n, "strides", stride, 2);
    node_ints(n, "dilations", dilation, 2);
    if (!strcmp(mode, "NOTSET")) node_ints(n, "pads", pad, 4);
    else if (strcmp(mode, "VALID")) return false;
    return dilation[0] == 1 && dilation[1] == 1;
}

static enum status widen_weights(struct edit *e, const struct depth *d, int weights, int *out) {
    const struct tensor *w = &e->g->tensors[weights];
    size_t size = dtype_size(w->dtype);
    struct shape s = w->shape;
    int64_t m = s.dim[0], depth = s.dim[1], kh = s.dim[2], kw = s.dim[3], b = d->block;
    s.dim[1] = d->channels;
    s.dim[2] *= b;
    s.dim[3] *= b;
    const char *from = w->data;
    char *to;
    TRY(edit_constant(e, w->name, w->dtype, s, NULL, out, (void **)&to));
    for (int64_t i = 0; i < m; i++)
        for (int64_t c = 0; c < d->channels; c++)
            for (int64_t y = 0; y < kh * b; y++)
                for (int64_t x = 0; x < kw * b; x++, to += size) {
                    int64_t k = depth_channel(d, c, (int)(y % b), (int)(x % b));
                    memcpy(to, from + (size_t)(((i * depth + k) * kh + y / b) * kw + x / b) * size,
                           size);
                }
    return STATUS_OK;
}

static enum status widen_conv(struct edit *e, int node) {
    struct graph *g = e->g;
    const struct node *n = &g->nodes[node];
    struct depth d;
    int64_t stride[2], pad[4], kernel[2];
    const struct tensor *w = node_input(g, n, 1);
    if (!w || !w->data || w->shape.rank != 4 || node_int(n, "group", 1) != 1 ||
        !read_window(n, stride, pad) || !find_depth(g, n->inputs[0], &d))
        return STATUS_OK;
    int64_t b = d.block;
    if (d.channels > MAX_CHANNELS || w->shape.dim[1] != d.channels * b * b) return STATUS_OK;
    for (int i = 0; i < 2; i++) {
        stride[i] *= b;
        kernel[i] = w->shape.dim[2 + i] * b;
    }
    for (int i = 0; i < 4; i++) pad[i] *= b;
    int weights;
    TRY(widen_weights(e, &d, n->inputs[1], &weights));
    TRY(edit_set_input(e, node, 1, weights));
    TRY(edit_set_input(e, node, 0, d.x));
    node_remove_attr(&g->nodes[node], "auto_pad");
    node_remove_attr(&g->nodes[node], "dilations");
    TRY(node_set_ints(g, node, "kernel_shape", 2, kernel));
    TRY(node_set_ints(g, node, "strides", 2, stride));
    return node_set_ints(g, node, "pads", 4, pad);
}

static enum status visit(struct edit *e, int node) {
    struct graph *g = e->g;
    enum op_kind op = g->nodes[node].op;
    if (op == OP_Conv) return widen_conv(e, node);
    struct depth d;
    if ((op != OP_Concat && op != OP_Reshape) || !find_depth(g, g->nodes[node].outputs[0], &d) ||
        !is_standard(&d))
        return STATUS_OK;
    edit_set_op(e, node, OP_SpaceToDepth);
    TRY(node_set_int(g, node, "blocksize", d.block));
    return edit_set_inputs(e, node, 1, &d.x);
}

enum status pass_recognise_focus(struct graph *g) { return edit_sweep(g, visit); }
