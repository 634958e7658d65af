/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A Conv whose result a Split takes apart becomes a Conv for each part, where an activation follows
 * one of them: then that is fused, and each part is written where it goes.
 *
 *     Conv(x) 112 -> Split 80, 32 -> Sigmoid, -      becomes      Conv(x) 80 -> Sigmoid, Conv(x) 32
 *
 * Only parts that fill whole vectors: then no more is computed than before.
 */
#include "ops/op.h"
#include "passes/edit.h"
#include "passes/internal.h"

enum { MAX_PARTS = 8, MAX_CHANNELS = 1024 };

/* Whether to take the Conv behind this Split apart: true when every part is a whole number of
 * vectors wide, and an activation that can be fused is all that uses one of them. */
static bool is_worth_it(const struct edit *e, int split, int conv) {
    const struct graph *g = e->g;
    const struct node *s = &g->nodes[split], *c = &g->nodes[conv];
    const int64_t axis = node_int(s, "axis", 0);
    if (edit_only_user(e, s->inputs[0]) != split || !is_plain_conv(g, c) ||
        node_int(c, "group", 1) != 1 || (axis != 1 && axis != -3) || s->n_outputs > MAX_PARTS)
        return false;
    bool activated = false;
    int64_t channels = 0;
    for (int i = 0; i < s->n_outputs; i++) {
        const struct tensor *part = node_output(g, s, i);
        if (!part || part->shape.rank != 4 || part->shape.dim[1] <= 0 ||
            part->shape.dim[1] % CHANNEL_VECTOR || edit_is_output(e, s->outputs[i]))
            return false;
        channels += part->shape.dim[1];
        const int user = edit_only_user(e, s->outputs[i]);
        activated |= user >= 0 && activation_to_fuse(g, &g->nodes[user]).kind != ACT_NONE;
    }
    return activated && channels <= MAX_CHANNELS &&
           channels == node_input(g, c, 1)->shape.dim[0];
}

static enum status visit(struct edit *e, int split) {
    struct graph *g = e->g;
    if (g->nodes[split].op != OP_Split) return STATUS_OK;
    const int conv = edit_producer(e, split, 0, OP_Conv);
    if (conv < 0 || !is_worth_it(e, split, conv)) return STATUS_OK;
    int rows[MAX_CHANNELS], parts[MAX_PARTS], first = 0;
    const int n_parts = g->nodes[split].n_outputs;
    for (int i = 0; i < n_parts; i++) {
        const struct tensor part = g->tensors[g->nodes[split].outputs[i]];
        const struct node *c = &g->nodes[conv];
        int in[3] = {c->inputs[0], -1, -1}, made;
        const int n_inputs = node_input(g, c, 2) ? 3 : 2;
        for (int k = 0; k < part.shape.dim[1]; k++) rows[k] = first + k;
        first += (int)part.shape.dim[1];
        for (int k = 1; k < n_inputs; k++)
            TRY(edit_take(e, c->inputs[k], 0, rows, part.shape.dim[1], &in[k]));
        TRY(edit_insert(e, split, OP_Conv, part.name, n_inputs, in, part.dtype, part.shape, &made,
                        &parts[i]));
        TRY(edit_copy_attrs(e, made, conv, ""));
    }
    int from[MAX_PARTS]; /* the Split goes with the last of them that is used */
    for (int i = 0; i < n_parts; i++) from[i] = g->nodes[split].outputs[i];
    for (int i = 0; i < n_parts; i++) edit_replace(e, from[i], parts[i]);
    return STATUS_OK;
}

enum status pass_split_convs(struct graph *g) { return edit_sweep(g, visit); }
