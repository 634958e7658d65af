/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Small values are worked out while importing.
 *
 * Exporters write shape arithmetic as nodes (Shape, Gather, Concat), and decide branches and loop
 * counts by it. Front ends need to know ranks, counts and conditions, so what depends on nothing
 * but small constants and known shapes becomes a constant here. Large values are left to the
 * passes.
 */
#include "base/alloc.h"
#include "import/frontend.h"
#include "ops/op.h"

enum { MAX_INPUT_BYTES = 1 << 16, MAX_OUTPUT_BYTES = 1 << 12 };

static enum status alloc_output(struct op_call *c, int i) {
    struct graph *g = c->user;
    struct view *v = &c->out[i];
    int64_t n = shape_elements(&v->shape);
    size_t bytes = (size_t)n * dtype_size(v->dtype);
    CHECK(n >= 0 && n <= MAX_OUTPUT_BYTES && bytes <= MAX_OUTPUT_BYTES, STATUS_LIMIT,
          "too large to be worked out while importing");
    v->data = arena_alloc_data(&g->arena, bytes ? bytes : 1);
    CHECK(v->data, STATUS_MEMORY, "out of memory while importing the model");
    return STATUS_OK;
}

static bool inputs_are_small_constants(const struct op_call *c, int flags) {
    size_t bytes = 0;
    for (int i = 0; i < c->n_inputs; i++) {
        const struct view *v = &c->in[i];
        if (!v->wanted || (flags & OP_SHAPE_ONLY && shape_known(&v->shape))) continue;
        int64_t n = shape_elements(&v->shape);
        if (!v->data || n < 0 || n > MAX_INPUT_BYTES) return false;
        bytes += (size_t)n * dtype_size(v->dtype);
        if (bytes > MAX_INPUT_BYTES) return false;
    }
    return true;
}

static enum status fold(struct graph *g, int node, struct op_call *c) {
    const struct node *n = &g->nodes[node];
    const struct op_def *def = op_def(n->op);
    c->alloc_output = alloc_output;
    c->user = g;
    for (int i = 0; i < n->n_outputs; i++) {
        const struct tensor *t = node_output(g, n, i);
        if (!t) continue;
        c->out[i].dtype = t->dtype;
        c->out[i].shape = t->shape;
        if (t->dtype == DT_NONE) return STATUS_OK;
        if (def->flags & OP_LATE_SHAPE) continue;
        /* Left in the graph: too large, or not known yet. */
        if (!shape_known(&t->shape) || alloc_output(c, i) != STATUS_OK) return STATUS_OK;
    }
    /* What the kernel refuses stays too; running the model will tell, if it ever gets there. */
    if (def->run(c) != STATUS_OK) return STATUS_OK;
    int outputs[OP_MAX_OUTPUTS], n_outputs = n->n_outputs;
    for (int i = 0; i < n_outputs; i++) outputs[i] = n->outputs[i];
    graph_remove_node(g, node);
    for (int i = 0; i < n_outputs; i++) {
        if (outputs[i] < 0) continue;
        struct tensor *t = &g->tensors[outputs[i]];
        t->shape = c->out[i].shape;
        t->data = c->out[i].data;
        t->data_bytes = (size_t)shape_elements(&t->shape) * dtype_size(t->dtype);
    }
    return STATUS_OK;
}

enum status import_fold(struct graph *g, int node) {
    const struct node *n = &g->nodes[node];
    const struct op_def *def = op_def(n->op);
    if (!def->run || def->flags & OP_RANDOM || n->n_outputs > OP_MAX_OUTPUTS) return STATUS_OK;
    /* The quick way out of almost every node: an input that is no constant. */
    for (int i = 0; i < n->n_inputs; i++)
        if (n->inputs[i] >= 0 && !g->tensors[n->inputs[i]].data && !(def->flags & OP_SHAPE_ONLY))
            return STATUS_OK;
    struct op_call c;
    TRY(op_call_init(&c, g, n));
    enum status s = inputs_are_small_constants(&c, def->flags) ? fold(g, node, &c) : STATUS_OK;
    op_call_deinit(&c);
    return s;
}
