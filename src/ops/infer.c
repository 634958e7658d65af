/* SPDX-License-Identifier: Apache-2.0 */
/* Shape inference over a whole graph: one sweep in execution order, each node by its own rule. */
#include <string.h>

#include "base/alloc.h"
#include "ops/op.h"

enum status op_call_init(struct op_call *c, const struct graph *g, const struct node *n) {
    *c = (struct op_call){.node = n, .n_inputs = n->n_inputs, .n_outputs = n->n_outputs};
    size_t count = (size_t)n->n_inputs + (size_t)n->n_outputs;
    struct view *v = mem_calloc(count + 1, sizeof *v);
    CHECK(v, STATUS_MEMORY, "out of memory for node '%s'", n->name);
    c->in = v;
    c->out = v + n->n_inputs;
    for (int i = 0; i < n->n_inputs; i++) {
        const struct tensor *t = node_input(g, n, i);
        v[i].name = "";
        if (!t) continue;
        /* Constants are not written through a call; the view is shared with outputs, hence the
         * cast. */
        v[i] = (struct view){t->dtype, t->shape, (void *)(uintptr_t)t->data, t->name, true};
    }
    for (int i = 0; i < n->n_outputs; i++) {
        const struct tensor *t = node_output(g, n, i);
        c->out[i] = (struct view){.shape = shape_unknown(), .name = t ? t->name : "", .wanted = t};
    }
    return STATUS_OK;
}

void op_call_deinit(struct op_call *c) {
    mem_free(c->in);
    *c = (struct op_call){0};
}

static enum status merge(struct tensor *t, const struct view *v, const struct op_call *c) {
    char a[128], b[128];
    OP_CHECK(c, t->dtype == DT_NONE || v->dtype == DT_NONE || t->dtype == v->dtype, STATUS_SHAPE,
             "output '%s' was declared %s but is %s", t->name, dtype_name(t->dtype),
             dtype_name(v->dtype));
    if (v->dtype != DT_NONE) t->dtype = v->dtype;
    if (v->shape.rank < 0) return STATUS_OK;
    if (t->shape.rank < 0) {
        t->shape = v->shape;
        return STATUS_OK;
    }
    OP_CHECK(c, t->shape.rank == v->shape.rank, STATUS_SHAPE,
             "output '%s' was declared %s but is %s", t->name, shape_text(&t->shape, a),
             shape_text(&v->shape, b));
    for (int i = 0; i < t->shape.rank; i++) {
        int64_t x = t->shape.dim[i], y = v->shape.dim[i];
        OP_CHECK(c, x < 0 || y < 0 || x == y, STATUS_SHAPE, "output '%s' was declared %s but is %s",
                 t->name, shape_text(&t->shape, a), shape_text(&v->shape, b));
        if (x < 0) t->shape.dim[i] = y;
    }
    return STATUS_OK;
}

enum status graph_infer_node(struct graph *g, int node) {
    const struct node *n = &g->nodes[node];
    const struct op_def *def = op_def(n->op);
    struct op_call c;
    TRY(op_call_init(&c, g, n));
    enum status s = def->infer(&c);
    for (int i = 0; s == STATUS_OK && i < n->n_outputs; i++) {
        if (n->outputs[i] < 0) continue;
        struct tensor *t = &g->tensors[n->outputs[i]];
        struct shape checked = c.out[i].shape;
        int64_t elements = shape_elements(&checked); /* -1 also on overflow */
        if (shape_known(&checked) && (elements < 0 || elements > INT64_MAX / 16))
            s = status_set(STATUS_LIMIT, __FILE__, __LINE__, "node '%s': output '%s' is too large",
                           n->name, t->name);
        else s = merge(t, &c.out[i], &c);
    }
    op_call_deinit(&c);
    return s;
}

enum status graph_infer(struct graph *g) {
    for (int i = 0; i < g->n_nodes; i++)
        if (g->nodes[i].op != OP_NONE) TRY(graph_infer_node(g, i));
    return STATUS_OK;
}
