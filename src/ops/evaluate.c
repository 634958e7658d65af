/* SPDX-License-Identifier: Apache-2.0 */
/* Whole graphs with the reference kernels, node by node; a value lives until its last use. */
#include "base/alloc.h"
#include "ops/op.h"

struct evaluation {
    struct graph *g;
    struct view *value; /* per tensor */
    struct graph_uses uses;
    int *left;   /* per tensor: uses still to come */
    bool *owned; /* per tensor: value.data is ours */
};

static enum status alloc_view(struct view *v) {
    size_t bytes;
    int64_t n = shape_elements(&v->shape);
    CHECK(n >= 0 && size_mul((size_t)n, dtype_size(v->dtype), &bytes), STATUS_LIMIT,
          "tensor '%s' is too large", v->name ? v->name : "");
    v->data = mem_alloc_aligned(bytes ? bytes : 1);
    CHECK(v->data, STATUS_MEMORY, "out of memory for tensor '%s'", v->name ? v->name : "");
    return STATUS_OK;
}

static enum status alloc_output(struct op_call *c, int i) { return alloc_view(&c->out[i]); }

static enum status run_call(struct evaluation *e, struct op_call *c, const struct node *n) {
    bool late = op_def(n->op)->flags & OP_LATE_SHAPE, open = false;
    for (int i = 0; i < n->n_inputs; i++)
        if (n->inputs[i] >= 0) c->in[i] = e->value[n->inputs[i]];
    for (int i = 0; i < n->n_outputs; i++) {
        const struct tensor *t = node_output(e->g, n, i);
        if (!t) continue;
        c->out[i].dtype = t->dtype;
        c->out[i].shape = t->shape;
        if (!late && shape_known(&t->shape)) TRY(alloc_view(&c->out[i]));
        else open = true;
    }
    /* A shape that depends on values: the shape rule with these values in hand tells. */
    if (open && !late) {
        struct op_call again = *c;
        TRY(op_def(n->op)->infer(&again));
        for (int i = 0; i < n->n_outputs; i++)
            if (n->outputs[i] >= 0 && !c->out[i].data) TRY(alloc_view(&c->out[i]));
    }
    return op_def(n->op)->run(c);
}

static void forget(struct evaluation *e, int t) {
    if (!e->owned[t]) return;
    mem_free(e->value[t].data);
    e->value[t].data = NULL;
    e->owned[t] = false;
}

static enum status run_node(struct evaluation *e, int at, evaluate_visit *visit, void *user) {
    struct graph *g = e->g;
    const struct node *n = &g->nodes[at];
    struct op_call c;
    TRY(graph_infer_node(g, at));
    TRY(op_call_init(&c, g, n));
    c.alloc_output = alloc_output;
    enum status s = run_call(e, &c, n);
    for (int i = 0; i < n->n_outputs; i++) {
        int t = n->outputs[i];
        if (t < 0) continue;
        c.out[i].name = g->tensors[t].name;
        e->value[t] = c.out[i];
        e->owned[t] = true;
        g->tensors[t].shape = c.out[i].shape;
        if (s == STATUS_OK) s = visit(user, g, n, t, &e->value[t]);
        if (!e->left[t]) forget(e, t);
    }
    op_call_deinit(&c);
    for (int i = 0; i < n->n_inputs; i++)
        if (n->inputs[i] >= 0 && --e->left[n->inputs[i]] == 0) forget(e, n->inputs[i]);
    return s;
}

static enum status run_nodes(struct evaluation *e, const struct view *inputs,
                             evaluate_visit *visit, void *user) {
    struct graph *g = e->g;
    size_t n = (size_t)g->n_tensors + 1;
    e->value = mem_calloc(n, sizeof *e->value);
    e->left = mem_calloc(n, sizeof *e->left);
    e->owned = mem_calloc(n, sizeof *e->owned);
    CHECK(e->value && e->left && e->owned, STATUS_MEMORY, "out of memory for the tensors");
    TRY(graph_find_uses(g, &e->uses));
    for (int t = 0; t < g->n_tensors; t++) {
        const struct tensor *x = &g->tensors[t];
        e->value[t] =
            (struct view){x->dtype, x->shape, (void *)(uintptr_t)x->data, x->name, true};
        e->left[t] = e->uses.first[t + 1] - e->uses.first[t];
    }
    for (int i = 0; i < g->n_inputs; i++) {
        struct tensor *x = &g->tensors[g->inputs[i]];
        x->shape = inputs[i].shape;
        e->value[g->inputs[i]] = inputs[i];
        e->value[g->inputs[i]].name = x->name;
        e->value[g->inputs[i]].wanted = true;
    }
    for (int i = 0; i < g->n_nodes; i++) TRY(run_node(e, i, visit, user));
    return STATUS_OK;
}

enum status graph_evaluate(const struct graph *g, const struct view *inputs,
                           evaluate_visit *visit, void *user) {
    struct evaluation e = {0};
    TRY(graph_clone(g, true, &e.g));
    enum status s = run_nodes(&e, inputs, visit, user);
    for (int t = 0; e.owned && t < e.g->n_tensors; t++) forget(&e, t);
    if (e.uses.first) graph_uses_deinit(&e.uses);
    mem_free(e.value);
    mem_free(e.left);
    mem_free(e.owned);
    graph_destroy(e.g);
    return s;
}
