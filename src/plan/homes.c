/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Homes: where a tensor's producer should write so that a later Concat, Reshape or Transpose has
 * nothing left to do.
 *
 * Decided backwards from the graph outputs (whose homes are the caller's memory) and from Concats
 * (whose homes are a buffer of their own). A node that only rearranges passes the home of its
 * output on to its inputs as strides: Transpose permutes them, Reshape splits and joins dimensions
 * as far as strides allow, Concat adds an offset. So a detector's heads end up with the address of
 * their columns in the final output, and a convolution that can write with such strides does.
 *
 * A home is an offer, not a promise: plan_bring_home() copies what was written elsewhere.
 */
#include <string.h>

#include "plan/plan.h"

void plan_contiguous(const struct shape *shape, int64_t *stride) {
    int64_t n = 1;
    for (int i = shape->rank - 1; i >= 0; i--) {
        stride[i] = n;
        n *= shape->dim[i];
    }
}

/* Strides of the same bytes under another shape of as many elements; false when the bytes cannot be
 * addressed that way. Dimensions are matched from both ends in groups of equal product. */
static bool reshape_strides(const struct shape *from, const int64_t *from_stride,
                            const struct shape *to, int64_t *to_stride) {
    int i = 0, j = 0;
    while (i < from->rank || j < to->rank) {
        int64_t a = i < from->rank ? from->dim[i] : 1, b = j < to->rank ? to->dim[j] : 1;
        int i_end = i < from->rank ? i + 1 : i, j_end = j < to->rank ? j + 1 : j;
        while (a != b) {
            if (a < b) {
                if (i_end >= from->rank) return false;
                a *= from->dim[i_end++];
            } else {
                if (j_end >= to->rank) return false;
                b *= to->dim[j_end++];
            }
        }
        /* The group's own dimensions must be evenly spaced, ignoring those of size 1. */
        int64_t step = 1, expected = -1;
        for (int k = i_end - 1; k >= i; k--) {
            if (from->dim[k] == 1) continue;
            if (expected < 0) step = from_stride[k];
            else if (from_stride[k] != expected) return false;
            expected = from_stride[k] * from->dim[k];
        }
        for (int k = j_end - 1; k >= j; k--) {
            to_stride[k] = step;
            step *= to->dim[k];
        }
        i = i_end;
        j = j_end;
    }
    return true;
}

void home_steps_through(const struct plan *s, const struct node *n, int i, const struct home *y,
                        struct home *x) {
    const struct graph *g = s->g;
    const struct tensor *ty = &g->tensors[n->outputs[0]], *tx = &g->tensors[n->inputs[i]];
    *x = (struct home){0};
    struct home h = *y;
    switch (n->op) {
    case OP_Identity: break;
    case OP_Reshape:
    case OP_Flatten:
    case OP_Squeeze:
    case OP_Unsqueeze:
        if (i != 0 || y->layout != LAYOUT_PLAIN ||
            !reshape_strides(&ty->shape, y->stride, &tx->shape, h.stride))
            return;
        break;
    case OP_Transpose: {
        if (y->layout != LAYOUT_PLAIN) return;
        int64_t perm[SHAPE_MAX_RANK];
        int count = node_ints(n, "perm", perm, SHAPE_MAX_RANK);
        for (int d = 0; d < ty->shape.rank; d++)
            h.stride[count < 0 ? ty->shape.rank - 1 - d : perm[d]] = y->stride[d];
        break;
    }
    case OP_Concat: {
        int64_t axis = node_int(n, "axis", 0), at = 0;
        if (axis < 0) axis += ty->shape.rank;
        for (int k = 0; k < i; k++) at += g->tensors[n->inputs[k]].shape.dim[axis];
        if (y->layout == LAYOUT_BLOCKED) {
            if (axis != 1 || at % s->block) return;
            int64_t plane = ty->shape.dim[2] * ty->shape.dim[3];
            h.offset += (size_t)(at * plane) * sizeof(float);
        } else {
            h.offset += (size_t)(at * y->stride[axis]) * dtype_size(ty->dtype);
        }
        break;
    }
    default: return;
    }
    *x = h;
    x->valid = true;
}

enum status plan_ensure_home(struct plan *s, int t) {
    struct home *h = &s->tensors[t].home;
    if (h->valid) return STATUS_OK;
    const struct tensor *x = &s->g->tensors[t];
    *h = (struct home){.valid = true, .layout = LAYOUT_PLAIN};
    plan_contiguous(&x->shape, h->stride);
    return plan_add_buffer(s, (size_t)shape_elements(&x->shape) * dtype_size(x->dtype), &h->buffer);
}

/* Whether a Concat's inputs can be slices of one blocked tensor: every slice but the last fills its
 * blocks. */
static bool concat_blocks(const struct plan *s, const struct node *n) {
    const struct graph *g = s->g;
    if (s->reference || !plan_blockable(s, n->outputs[0])) return false;
    int64_t axis = node_int(n, "axis", 0);
    if (axis != 1 && axis != -3) return false;
    for (int i = 0; i < n->n_inputs; i++) {
        const struct tensor *x = &g->tensors[n->inputs[i]];
        if (x->data || (i + 1 < n->n_inputs && x->shape.dim[1] % s->block)) return false;
    }
    return true;
}

/* Whether all a Concat joins comes from convolutions, which write to plain homes themselves. */
static bool made_by_convs(const struct plan *s, const struct node *n) {
    for (int i = 0; i < n->n_inputs; i++) {
        const int at = s->g->tensors[n->inputs[i]].producer;
        if (at < 0 || s->g->nodes[at].op != OP_Conv) return false;
    }
    return true;
}

static enum status root_of_concat(struct plan *s, const struct node *n) {
    const struct tensor *ty = &s->g->tensors[n->outputs[0]];
    struct home *h = &s->tensors[n->outputs[0]].home;
    /* What it goes to is plain, and nobody else reads it: blocks would only be copied. */
    if (h->valid && h->layout == LAYOUT_PLAIN && h->only_use && made_by_convs(s, n))
        return STATUS_OK;
    if (concat_blocks(s, n)) {
        if (h->valid && h->layout == LAYOUT_BLOCKED) return STATUS_OK;
        int64_t image = plan_blocked_image(s, &ty->shape);
        *h = (struct home){.valid = true, .layout = LAYOUT_BLOCKED, .batch_stride = image};
        return plan_add_buffer(s, (size_t)(image * ty->shape.dim[0]) * sizeof(float), &h->buffer);
    }
    if (h->valid && h->layout == LAYOUT_BLOCKED) h->valid = false;
    return plan_ensure_home(s, n->outputs[0]);
}

/* ---- Split ---- */

static bool same_place(const struct home *a, const struct home *b, int rank) {
    if (!a->valid || !b->valid || a->layout != b->layout || a->buffer != b->buffer ||
        a->offset != b->offset)
        return false;
    return a->layout == LAYOUT_BLOCKED
               ? a->batch_stride == b->batch_stride
               : !memcmp(a->stride, b->stride, (size_t)rank * sizeof a->stride[0]);
}

/* Where output i of a Split is when its input is at `x`, if it can be said. */
static void home_of_part(const struct plan *s, const struct node *split, int i,
                         const struct home *x, struct home *part) {
    const struct graph *g = s->g;
    const struct tensor *tx = &g->tensors[split->inputs[0]];
    int64_t axis = node_int(split, "axis", 0), at = 0;
    if (axis < 0) axis += tx->shape.rank;
    for (int k = 0; k < i; k++) at += g->tensors[split->outputs[k]].shape.dim[axis];
    *part = *x;
    if (x->layout == LAYOUT_PLAIN)
        part->offset += (size_t)(at * x->stride[axis]) * dtype_size(tx->dtype);
    else part->offset += (size_t)(at * tx->shape.dim[2] * tx->shape.dim[3]) * sizeof(float);
    part->valid = x->layout == LAYOUT_PLAIN || (axis == 1 && at % s->block == 0);
}

bool plan_parts_are_whole(const struct plan *s, const struct node *n, const struct home *x) {
    for (int i = 0; i < n->n_outputs; i++) {
        struct home part;
        home_of_part(s, n, i, x, &part);
        if (!same_place(&part, &s->tensors[n->outputs[i]].home,
                        s->g->tensors[n->outputs[i]].shape.rank))
            return false;
    }
    return true;
}

static bool passes_home(enum op_kind op) {
    return op == OP_Identity || op == OP_Reshape || op == OP_Flatten || op == OP_Squeeze ||
           op == OP_Unsqueeze || op == OP_Transpose || op == OP_Concat || op == OP_Split;
}

/* The Concat that puts together again what Split `n` cut, with one part, *kept, as it was and
 * others computed from: heads of YOLOv5 decode two and two of 85 columns. There the Split may read
 * where the Concat writes, as long as every reader of a part comes before what is written there. */
static const struct node *find_rejoin(const struct plan *s, const struct node *n, int *kept) {
    const struct graph *g = s->g;
    const struct tensor *x = &g->tensors[n->inputs[0]];
    int64_t axis = node_int(n, "axis", 0);
    if (axis < 0) axis += x->shape.rank;
    *kept = 0;
    for (int i = 1; i < n->n_outputs; i++)
        if (g->tensors[n->outputs[i]].shape.dim[axis] >
            g->tensors[n->outputs[*kept]].shape.dim[axis])
            *kept = i;
    int k = n->outputs[*kept], use = s->uses.first[k];
    if (s->uses.first[k + 1] - use != 1 || s->uses.count_outputs[k]) return NULL;
    const struct node *c = &g->nodes[s->uses.node[use]];
    if (c->op != OP_Concat || c->n_inputs != n->n_outputs || c->inputs[*kept] != k) return NULL;
    const struct tensor *y = &g->tensors[c->outputs[0]];
    int64_t joined = node_int(c, "axis", 0);
    if (joined < 0) joined += y->shape.rank;
    if (joined != axis || !shape_equal(&y->shape, &x->shape)) return NULL;
    for (int i = 0; i < n->n_outputs; i++) {
        int part = n->outputs[i], made = c->inputs[i];
        if (i == *kept) continue;
        int at = g->tensors[made].producer;
        if (!shape_equal(&g->tensors[part].shape, &g->tensors[made].shape) || at < 0 ||
            passes_home(g->nodes[at].op) || s->uses.count_outputs[part])
            return NULL;
        for (int u = s->uses.first[part]; u < s->uses.first[part + 1]; u++)
            if (s->uses.node[u] >= at) return NULL;
    }
    return c;
}

/* The home of what a Split cuts, from those of its parts. */
static void home_through_split(struct plan *s, const struct node *n) {
    struct graph *g = s->g;
    int x = n->inputs[0], kept;
    for (int i = 0; i < n->n_outputs; i++)
        if (n->outputs[i] < 0 || s->tensors[n->outputs[i]].dynamic >= 0 ||
            shape_elements(&g->tensors[n->outputs[i]].shape) <= 0)
            return;
    if (s->reference || s->tensors[x].home.valid || g->tensors[x].data ||
        g->tensors[x].producer < 0 || s->uses.count_outputs[x] ||
        s->uses.first[x + 1] - s->uses.first[x] != 1)
        return;
    struct home h = s->tensors[n->outputs[0]].home;
    if (h.valid && plan_parts_are_whole(s, n, &h)) {
        h.only_use = true;
        s->tensors[x].home = h;
        return;
    }
    const struct node *rejoin = find_rejoin(s, n, &kept);
    if (!rejoin) return;
    h = s->tensors[rejoin->outputs[0]].home;
    struct home part;
    home_of_part(s, n, kept, &h, &part);
    if (!h.valid || h.layout != LAYOUT_PLAIN ||
        !same_place(&part, &s->tensors[n->outputs[kept]].home,
                    g->tensors[n->outputs[kept]].shape.rank))
        return;
    for (int i = 0; i < n->n_outputs; i++)
        if (i != kept && s->tensors[n->outputs[i]].home.valid) return;
    for (int i = 0; i < n->n_outputs; i++)
        home_of_part(s, n, i, &h, &s->tensors[n->outputs[i]].home);
    h.only_use = true;
    s->tensors[x].home = h;
}

enum status plan_find_homes(struct plan *s) {
    struct graph *g = s->g;
    for (int i = 0; i < g->n_outputs; i++) {
        int t = g->outputs[i], b;
        const struct tensor *x = &g->tensors[t];
        if (s->tensors[t].dynamic >= 0) continue;
        TRY(plan_add_buffer(s, (size_t)shape_elements(&x->shape) * dtype_size(x->dtype), &b));
        s->buffers[b].place = PLACE_BORDER;
        s->buffers[b].border = g->n_inputs + i;
        struct home *h = &s->tensors[t].home;
        /* Of a tensor that is an output twice, the first is home; constants and inputs have
         * none. */
        if (h->valid || x->data || x->producer < 0) continue;
        *h = (struct home){.valid = true, .layout = LAYOUT_PLAIN, .buffer = b};
        plan_contiguous(&x->shape, h->stride);
    }
    for (int at = g->n_nodes - 1; at >= 0; at--) {
        const struct node *n = &g->nodes[at];
        if (n->op == OP_NONE || n->n_outputs < 1 || n->outputs[0] < 0) continue;
        int y = n->outputs[0];
        if (s->tensors[y].dynamic >= 0) continue;
        bool fixed = true;
        for (int i = 0; i < n->n_inputs; i++)
            fixed &= n->inputs[i] < 0 || s->tensors[n->inputs[i]].dynamic < 0;
        if (!fixed) continue;
        if (n->op == OP_Concat && plan_concat_is_by_channel(s, n)) continue;
        if (n->op == OP_Concat && n->n_inputs > 1 && shape_elements(&g->tensors[y].shape) > 0)
            TRY(root_of_concat(s, n));
        if (n->op == OP_Split) home_through_split(s, n);
        if (n->op == OP_Transpose && !s->reference) TRY(plan_ensure_home(s, y));
        if (!s->tensors[y].home.valid) continue;
        for (int i = 0; i < n->n_inputs; i++) {
            int x = n->inputs[i];
            if (x < 0 || g->tensors[x].data || g->tensors[x].producer < 0) continue;
            struct home h;
            home_steps_through(s, n, i, &s->tensors[y].home, &h);
            if (!h.valid || s->tensors[x].home.valid) continue;
            h.only_use = s->uses.first[x + 1] - s->uses.first[x] == 1 && !s->uses.count_outputs[x];
            s->tensors[x].home = h;
        }
    }
    return STATUS_OK;
}
