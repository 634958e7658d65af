/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sequences, as far as they only carry the pieces of a split: SplitToSequence becomes a Split, and
 * SequenceAt one of its outputs. In between the sequence's own tensor is the first piece, so
 * whatever else reads the sequence must be refused.
 */
#include <string.h>

#include "import/onnx/onnx.h"
#include "ops/op.h"

enum { MAX_PIECES = 4096 };

/* Whether nothing but SequenceAt reads the node's output. */
static bool only_picked_from(const struct onnx_node *n) {
    const struct onnx_block *b = n->block;
    const char *name = n->proto->output[0];
    const struct onnx_value *v = block_find(b, name);
    int picks = 0;
    for (size_t i = 0; i < b->n_nodes; i++)
        for (size_t k = 0; k < b->nodes[i]->n_input; k++) {
            const Onnx__NodeProto *p = b->nodes[i];
            if (strcmp(p->input[k], name)) continue;
            if (strcmp(p->op_type, "SequenceAt")) return false;
            const struct onnx_value *out = p->n_output ? block_find(b, p->output[0]) : NULL;
            picks += out && out->uses; /* reads of nodes that nobody needs are not in v->uses */
        }
    return v && v->uses <= picks; /* more: an output, or a branch reads it */
}

/* Lengths of the pieces, at most MAX_PIECES; *count is -1 where they are not known. */
static enum status piece_lengths(struct importer *im, const struct onnx_node *n, int axis,
                                 int64_t *lengths, int *count) {
    const struct tensor *x = input_tensor(im, n, 0), *split = input_tensor(im, n, 1);
    int64_t step = 1;
    *count = -1;
    if (split) {
        TRY(input_ints(im, n, 1, lengths, MAX_PIECES, count));
        if (split->shape.rank == 1) return STATUS_OK;
        step = *count == 1 ? lengths[0] : 0;
        *count = -1;
    }
    int64_t left = x->shape.dim[axis];
    if (step < 1 || left < 0 || left / step >= MAX_PIECES) return STATUS_OK;
    for (*count = 0; left > 0; left -= step) lengths[(*count)++] = left < step ? left : step;
    return STATUS_OK;
}

enum status rewrite_split_to_sequence(struct importer *im, struct onnx_node *n, bool *done) {
    const struct tensor *x = input_tensor(im, n, 0);
    int64_t axis = onode_int(n, "axis", 0), lengths[MAX_PIECES];
    int count = -1;
    if (!only_picked_from(n)) {
        *done = true;
        return node_unsupported(im, n, "a sequence is supported where SequenceAt alone reads it");
    }
    if (x && x->shape.rank > 0 && axis >= -x->shape.rank && axis < x->shape.rank)
        TRY(piece_lengths(im, n, (int)(axis < 0 ? axis + x->shape.rank : axis), lengths, &count));
    if (count < 1) {
        *done = true;
        return node_unsupported(im, n, "into how many pieces it splits is not known");
    }
    int *outputs = arena_calloc(im->arena, (size_t)count, sizeof *outputs);
    CHECK(outputs, STATUS_MEMORY, "out of memory while importing the model");
    outputs[0] = n->outputs[0];
    for (int i = 1; i < count; i++) {
        const char *name = arena_printf(im->arena, "%.1000s/%d", n->proto->output[0], i);
        CHECK(name, STATUS_MEMORY, "out of memory while importing the model");
        TRY(graph_add_tensor(im->g, name, DT_NONE, shape_unknown(), &outputs[i]));
    }
    int t;
    TRY(constant_ints(im, n, "split", (size_t)count, lengths, &t));
    TRY(onode_set_input(im, n, 1, t));
    onode_drop(n, "keepdims");
    n->op = "Split";
    n->n_outputs = count;
    n->outputs = outputs;
    return STATUS_OK;
}

enum status rewrite_sequence_at(struct importer *im, struct onnx_node *n, bool *done) {
    const char *name = n->proto->n_input ? n->proto->input[0] : "";
    const struct onnx_value *v = block_find(n->block, name);
    const Onnx__NodeProto *from = v && v->node >= 0 ? n->block->nodes[v->node] : NULL;
    const struct tensor *x = input_tensor(im, n, 0);
    int64_t at;
    int count;
    TRY(input_ints(im, n, 1, &at, 1, &count));
    *done = true;
    if (!from || strcmp(from->op_type, "SplitToSequence"))
        return node_unsupported(im, n, "a sequence is supported where SplitToSequence makes it");
    if (!x || x->producer < 0) return STATUS_OK; /* that one was unsupported, and is named */
    if (count != 1) return node_unsupported(im, n, "which piece it takes is not known");
    const struct node *split = &im->g->nodes[x->producer];
    char label[160];
    CHECK(at >= -split->n_outputs && at < split->n_outputs, STATUS_FORMAT,
          "%s: piece %lld of %d", node_label(n, label), (long long)at, split->n_outputs);
    n->inputs[0] = split->outputs[at < 0 ? at + split->n_outputs : at];
    n->n_inputs = 1;
    n->op = "Identity";
    *done = false;
    /* Without a list of lengths the axis may go. */
    int64_t keep = 1, axis = node_int(split, "axis", 0);
    for (size_t i = 0; i < from->n_attribute; i++)
        if (!strcmp(from->attribute[i]->name, "keepdims")) keep = from->attribute[i]->i;
    if (keep || (from->n_input > 1 && *from->input[1])) return STATUS_OK;
    int t;
    TRY(constant_ints(im, n, "axes", 1, &axis, &t));
    n->op = "Squeeze";
    return onode_set_input(im, n, 1, t);
}
