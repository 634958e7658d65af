/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Operators that only move elements. Most cost nothing: the same bytes under another shape, a slice
 * that is an address, a rearrangement into a home (homes.c) that the producer has already written
 * to. What is left becomes one strided copy.
 */
#include <string.h>

#include "plan/plan.h"

static bool same_home(const struct home *a, const struct home *b, int rank) {
    if (!a->valid || !b->valid || a->layout != b->layout || a->buffer != b->buffer ||
        a->offset != b->offset)
        return false;
    if (a->layout == LAYOUT_BLOCKED) return a->batch_stride == b->batch_stride;
    return !memcmp(a->stride, b->stride, (size_t)rank * sizeof a->stride[0]);
}

/* Every input goes to its part of the output's home, if it is not there already. */
static enum status move_to_home(struct plan *s, const struct node *n, int n_inputs) {
    int y = n->outputs[0];
    for (int i = 0; i < n_inputs; i++) {
        int x = n->inputs[i];
        if (shape_elements(&s->g->tensors[x].shape) == 0) continue;
        struct home h;
        home_steps_through(s, n, i, &s->tensors[y].home, &h);
        CHECK(h.valid, STATUS_INTERNAL, "node '%s': input %d has no place in the output", n->name,
              i);
        if (same_home(&h, &s->tensors[x].home, s->g->tensors[x].shape.rank))
            TRY(plan_bring_home(s, n, x));
        else TRY(plan_write_to(s, n, x, &h));
    }
    plan_set_home_written(s, y);
    return STATUS_OK;
}

/* [N,C,H,W], blocked, as [N,groups,C/groups,..] at y's home, if that can be written so: a
 * detector's heads keep each anchor's columns together. */
static enum status split_to_home(struct plan *s, const struct node *n, bool *done) {
    int x = n->inputs[0], y = n->outputs[0];
    const struct home *h = &s->tensors[y].home;
    if (!h->valid || h->layout != LAYOUT_PLAIN || !plan_blockable(s, x) ||
        !plan_has(s, x, LAYOUT_BLOCKED) || plan_has(s, x, LAYOUT_PLAIN))
        return STATUS_OK;
    const struct shape *sx = &s->g->tensors[x].shape, *sy = &s->g->tensors[y].shape;
    if (sy->rank < 4 || sy->dim[0] != sx->dim[0] || sy->dim[1] * sy->dim[2] != sx->dim[1])
        return STATUS_OK;
    int last = sy->rank - 1;
    for (int d = last; d > 3; d--)
        if (h->stride[d - 1] != h->stride[d] * sy->dim[d]) return STATUS_OK;
    struct value from;
    struct shape part = *sx;
    part.dim[1] = sy->dim[2];
    const int64_t stride[4] = {h->stride[0], h->stride[2], h->stride[last] * sx->dim[3],
                               h->stride[last]};
    TRY(plan_want(s, n, x, LAYOUT_BLOCKED, &from));
    for (int64_t i = 0; i < sy->dim[1]; i++) {
        struct value to = {.valid = true, .buffer = h->buffer,
                           .offset = h->offset + (size_t)(i * h->stride[1]) * sizeof(float)};
        TRY(plan_from_blocked(s, n, &part, &from, i * part.dim[1], &to, stride));
    }
    plan_set_home_written(s, y);
    *done = true;
    return STATUS_OK;
}

static enum status lower_reshape(struct plan *s, const struct node *n) {
    int x = n->inputs[0], y = n->outputs[0];
    struct home h = {0};
    if (s->tensors[y].home.valid) home_steps_through(s, n, 0, &s->tensors[y].home, &h);
    if (h.valid) return move_to_home(s, n, 1);
    bool done = false;
    TRY(split_to_home(s, n, &done));
    if (done) return STATUS_OK;
    struct value v;
    if (n->op == OP_Identity && plan_has(s, x, LAYOUT_BLOCKED)) {
        TRY(plan_want(s, n, x, LAYOUT_BLOCKED, &v));
        plan_alias(s, y, LAYOUT_BLOCKED, &v);
        return STATUS_OK;
    }
    TRY(plan_want(s, n, x, LAYOUT_PLAIN, &v));
    plan_alias(s, y, LAYOUT_PLAIN, &v);
    return STATUS_OK;
}

/* y as the channels of x from `at` on, where x can be had blocked: the same memory, or a list. */
static enum status slice_channels(struct plan *s, int x, int y, int64_t at, bool *done) {
    const struct plan_tensor *from = &s->tensors[x];
    const struct shape *sx = &s->g->tensors[x].shape, *sy = &s->g->tensors[y].shape;
    if (!plan_has(s, x, LAYOUT_BLOCKED) || !plan_blockable(s, y)) return STATUS_OK;
    for (int d = 0; d < 4; d++)
        if (d != 1 && sx->dim[d] != sy->dim[d]) return STATUS_OK;
    *done = true;
    /* The last block's padding lanes may be channels of the neighbour. A consumer may read them;
     * they hold finite values, so zero weights make that harmless. */
    if (at % s->block || !from->in[LAYOUT_BLOCKED].valid) return plan_slice_channels(s, x, y, at);
    struct value v = from->in[LAYOUT_BLOCKED];
    v.offset += (size_t)(at * sx->dim[2] * sx->dim[3]) * sizeof(float);
    plan_alias(s, y, LAYOUT_BLOCKED, &v);
    return STATUS_OK;
}

static bool is_contiguous(const struct shape *shape, const int64_t *stride) {
    int64_t own[SHAPE_MAX_RANK];
    plan_contiguous(shape, own);
    for (int d = 0; d < shape->rank; d++)
        if (shape->dim[d] != 1 && stride[d] != own[d]) return false;
    return true;
}

/* y is a box of `x`, given by the address of its first element and strides: the same memory where
 * that is contiguous, else a copy. */
static enum status copy_box(struct plan *s, const struct node *n, int x, int y, int64_t first,
                            const int64_t *stride) {
    struct value from, to;
    const struct tensor *ty = &s->g->tensors[y];
    TRY(plan_want(s, n, x, LAYOUT_PLAIN, &from));
    if (from.buffer < 0)
        from.constant =
            (const unsigned char *)from.constant + (size_t)first * dtype_size(ty->dtype);
    else from.offset += (size_t)first * dtype_size(ty->dtype);
    const struct home *h = &s->tensors[y].home;
    if (!(h->valid && h->layout == LAYOUT_PLAIN) && is_contiguous(&ty->shape, stride)) {
        plan_alias(s, y, LAYOUT_PLAIN, &from);
        return STATUS_OK;
    }
    if (h->valid && h->layout == LAYOUT_PLAIN) {
        to = (struct value){.valid = true, .buffer = h->buffer, .offset = h->offset};
        TRY(plan_copy(s, n, "copy", &from, stride, &to, h->stride, &ty->shape,
                      dtype_size(ty->dtype)));
        plan_set_home_written(s, y);
        return STATUS_OK;
    }
    int64_t contiguous[SHAPE_MAX_RANK];
    TRY(plan_define(s, y, LAYOUT_PLAIN, &to));
    plan_contiguous(&ty->shape, contiguous);
    return plan_copy(s, n, "copy", &from, stride, &to, contiguous, &ty->shape,
                     dtype_size(ty->dtype));
}

static enum status lower_split(struct plan *s, const struct node *n) {
    const struct tensor *tx = &s->g->tensors[n->inputs[0]];
    int64_t axis = node_int(n, "axis", 0), at = 0, stride[SHAPE_MAX_RANK];
    if (axis < 0) axis += tx->shape.rank;
    plan_contiguous(&tx->shape, stride);
    struct plan_tensor *x = &s->tensors[n->inputs[0]];
    if (x->home.valid && x->home.layout == LAYOUT_PLAIN && plan_parts_are_whole(s, n, &x->home)) {
        TRY(plan_bring_home(s, n, n->inputs[0]));
        for (int i = 0; i < n->n_outputs; i++) plan_set_home_written(s, n->outputs[i]);
        return STATUS_OK;
    }
    for (int i = 0; i < n->n_outputs; i++) {
        int y = n->outputs[i];
        if (y < 0) FAIL(STATUS_INTERNAL, "Split '%s' has an output without a shape", n->name);
        bool done = shape_elements(&s->g->tensors[y].shape) == 0;
        if (!done && axis == 1) TRY(slice_channels(s, n->inputs[0], y, at, &done));
        if (!done) TRY(copy_box(s, n, n->inputs[0], y, at * stride[axis], stride));
        at += s->g->tensors[y].shape.dim[axis];
    }
    return STATUS_OK;
}

static int64_t constant_at(const struct tensor *t, int i) {
    struct view v = {.dtype = t->dtype, .data = (void *)(uintptr_t)t->data};
    return view_get_i64(&v, i);
}

static enum status lower_slice(struct plan *s, const struct node *n, bool *done) {
    const struct graph *g = s->g;
    int x = n->inputs[0], y = n->outputs[0];
    const struct tensor *tx = &g->tensors[x], *starts = node_input(g, n, 1),
                        *axes = node_input(g, n, 3), *steps = node_input(g, n, 4);
    if (!starts->data || (axes && !axes->data) || (steps && !steps->data)) return STATUS_OK;
    int64_t stride[SHAPE_MAX_RANK], first = 0, channel = 0;
    bool channels_only = true;
    plan_contiguous(&tx->shape, stride);
    int64_t whole[SHAPE_MAX_RANK];
    memcpy(whole, stride, sizeof whole);
    for (int i = 0; i < (int)starts->shape.dim[0]; i++) {
        int64_t axis = axes ? constant_at(axes, i) : i, start = constant_at(starts, i),
                step = steps ? constant_at(steps, i) : 1;
        if (axis < 0) axis += tx->shape.rank;
        int64_t size = tx->shape.dim[axis];
        if (start < 0) start += size;
        int64_t last = step < 0 ? size - 1 : size;
        start = start < 0 ? 0 : start > last ? last : start;
        first += start * whole[axis];
        stride[axis] = whole[axis] * step;
        if (axis == 1 && step == 1) channel = start;
        else if (start != 0 || step != 1) channels_only = false;
    }
    if (tx->shape.rank == 4 && channels_only) TRY(slice_channels(s, x, y, channel, done));
    if (*done) return STATUS_OK;
    *done = true;
    return copy_box(s, n, x, y, first, stride);
}

enum status lower_move(struct plan *s, const struct node *n, bool *done) {
    *done = false;
    for (int i = 0; i < n->n_inputs; i++)
        if (n->inputs[i] >= 0 && s->tensors[n->inputs[i]].dynamic >= 0) return STATUS_OK;
    for (int i = 0; i < n->n_outputs; i++)
        if (n->outputs[i] < 0 || s->tensors[n->outputs[i]].dynamic >= 0) return STATUS_OK;
    int y = n->outputs[0];
    const struct shape *sy = &s->g->tensors[y].shape;
    if (shape_elements(sy) == 0) return STATUS_OK;
    switch (n->op) {
    case OP_Identity:
    case OP_Reshape:
    case OP_Flatten:
    case OP_Squeeze:
    case OP_Unsqueeze:
        *done = true;
        return lower_reshape(s, n);
    case OP_Transpose:
        *done = true;
        TRY(plan_ensure_home(s, y));
        return move_to_home(s, n, 1);
    case OP_Concat:
        *done = true;
        if (plan_concat_is_by_channel(s, n)) return plan_concat_channels(s, n);
        TRY(plan_ensure_home(s, y));
        return move_to_home(s, n, n->n_inputs);
    case OP_Expand: {
        const struct shape *sx = &s->g->tensors[n->inputs[0]].shape;
        int64_t whole[SHAPE_MAX_RANK], stride[SHAPE_MAX_RANK] = {0};
        plan_contiguous(sx, whole);
        for (int i = 0; i < sx->rank; i++)
            stride[sy->rank - sx->rank + i] = sx->dim[i] == 1 ? 0 : whole[i];
        *done = true;
        return copy_box(s, n, n->inputs[0], y, 0, stride);
    }
    case OP_Split: *done = true; return lower_split(s, n);
    case OP_GatherChannels: return plan_gather_from(s, n, done);
    case OP_Slice: return lower_slice(s, n, done);
    default: return STATUS_OK;
    }
}
