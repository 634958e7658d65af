/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The lowering every operator has: its reference kernel, on plain layouts, in one tile. It also
 * carries what no plan can foresee: nodes whose shapes depend on values infer them while running
 * and write to dynamic buffers.
 */
#include <inttypes.h>
#include <string.h>

#include "base/alloc.h"
#include "plan/plan.h"

struct reference {
    struct node node; /* a copy: the graph's own array may move */
    bool infer;       /* shapes must be inferred at run time */
    int n_inputs, n_outputs;
    struct ref *ref;    /* inputs, then outputs */
    struct view *view;  /* what is known at plan time */
    int *dynamic;       /* per view: index of its dynamic value, or -1 */
};

/* Memory of a dynamic output, for kernels and for outputs whose shape infer() told. */
static enum status reserve(struct dynamic_value *d, const struct view *v, const char *node) {
    int64_t n = shape_elements(&v->shape);
    size_t bytes;
    CHECK(n >= 0 && v->dtype != DT_NONE, STATUS_INTERNAL,
          "node '%s': the shape of output '%s' is not known even while running", node, v->name);
    CHECK(size_mul((size_t)n, dtype_size(v->dtype), &bytes), STATUS_LIMIT,
          "node '%s': output '%s' is too large", node, v->name);
    if (bytes > d->capacity || !d->data) {
        void *wider = mem_alloc_aligned(bytes);
        CHECK(wider, STATUS_MEMORY, "node '%s': out of memory for output '%s' of %zu bytes", node,
              v->name, bytes);
        mem_free(d->data);
        d->data = wider;
        d->capacity = bytes;
    }
    d->dtype = v->dtype;
    d->shape = v->shape;
    return STATUS_OK;
}

struct live_call {
    const struct reference *r;
    struct run_env *env;
};

static enum status alloc_output(struct op_call *c, int i) {
    const struct live_call *live = c->user;
    int d = live->r->dynamic[live->r->n_inputs + i];
    if (d < 0) {
        /* The plan knew the shape; the kernel must agree. */
        OP_CHECK(c, shape_equal(&c->out[i].shape, &live->r->view[live->r->n_inputs + i].shape),
                 STATUS_INTERNAL, "output '%s' has another shape than planned", c->out[i].name);
        return STATUS_OK;
    }
    TRY(reserve(&live->env->dynamic[d], &c->out[i], c->node->name));
    c->out[i].data = live->env->dynamic[d].data;
    return STATUS_OK;
}

static enum status run_call(const struct reference *r, struct run_env *env, struct view *view) {
    struct live_call live = {r, env};
    struct op_call c = {.node = &r->node, .n_inputs = r->n_inputs, .n_outputs = r->n_outputs,
                        .in = view, .out = view + r->n_inputs,
                        .alloc_output = alloc_output, .user = &live};
    const struct op_def *def = op_def(r->node.op);
    for (int i = 0; i < r->n_inputs + r->n_outputs; i++) {
        view[i] = r->view[i];
        if (!view[i].wanted) continue;
        if (r->dynamic[i] >= 0) {
            const struct dynamic_value *d = &env->dynamic[r->dynamic[i]];
            if (i >= r->n_inputs) continue;
            view[i].dtype = d->dtype;
            view[i].shape = d->shape;
            view[i].data = d->data;
        } else {
            view[i].data = ref_at(env, &r->ref[i]);
        }
    }
    if (!r->infer) return def->run(&c);
    /* The rule starts from scratch: what was planned for an output must not guide it. */
    for (int i = 0; i < r->n_outputs; i++) {
        c.out[i].dtype = DT_NONE;
        c.out[i].shape = shape_unknown();
    }
    TRY(def->infer(&c));
    for (int i = 0; i < r->n_outputs; i++) {
        if (!c.out[i].wanted) continue;
        if (!(def->flags & OP_LATE_SHAPE) || r->dynamic[r->n_inputs + i] < 0)
            TRY(alloc_output(&c, i));
    }
    return def->run(&c);
}

static enum status run_reference(const struct step *s, struct run_env *env, int tile, int worker) {
    (void)tile;
    (void)worker;
    const struct reference *r = s->params;
    struct view stack[32], *view = stack;
    int n = r->n_inputs + r->n_outputs;
    if (n > 32) {
        view = mem_alloc((size_t)n * sizeof *view);
        CHECK(view, STATUS_MEMORY, "out of memory for node '%s'", s->node);
    }
    enum status status = run_call(r, env, view);
    if (view != stack) mem_free(view);
    return status;
}

enum status lower_reference(struct plan *s, const struct node *n) {
    struct graph *g = s->g;
    bool infer = (op_def(n->op)->flags & OP_LATE_SHAPE) != 0;
    int n_views = n->n_inputs + n->n_outputs;
    /* Conversions of inputs are steps of their own and come first. */
    struct value *values = arena_calloc(&s->p->memory, (size_t)n_views + 1, sizeof *values);
    CHECK(values, STATUS_MEMORY, "out of memory while planning");
    for (int i = 0; i < n->n_inputs; i++) {
        int t = n->inputs[i];
        if (t >= 0 && s->tensors[t].dynamic >= 0) infer = true;
        else if (t >= 0) TRY(plan_want(s, n, t, LAYOUT_PLAIN, &values[i]));
    }
    for (int i = 0; i < n->n_outputs; i++) {
        int t = n->outputs[i];
        if (t < 0) continue;
        if (s->tensors[t].dynamic >= 0) infer = true;
        else TRY(plan_define(s, t, LAYOUT_PLAIN, &values[n->n_inputs + i]));
    }
    struct step *step;
    struct reference *r;
    TRY(plan_add_step(s, n, infer ? "reference, dynamic" : "reference", 1, run_reference, sizeof *r,
                      &step, &r));
    r->node = *n;
    r->infer = infer;
    r->n_inputs = n->n_inputs;
    r->n_outputs = n->n_outputs;
    r->ref = arena_calloc(&s->p->memory, (size_t)n_views + 1, sizeof *r->ref);
    r->view = arena_calloc(&s->p->memory, (size_t)n_views + 1, sizeof *r->view);
    r->dynamic = arena_calloc(&s->p->memory, (size_t)n_views + 1, sizeof *r->dynamic);
    CHECK(r->ref && r->view && r->dynamic, STATUS_MEMORY, "out of memory while planning");
    for (int i = 0; i < n_views; i++) {
        int t = i < n->n_inputs ? n->inputs[i] : n->outputs[i - n->n_inputs];
        r->dynamic[i] = -1;
        r->view[i].name = "";
        if (t < 0) continue;
        const struct tensor *x = &g->tensors[t];
        r->view[i] = (struct view){x->dtype, x->shape, NULL, x->name, true};
        r->dynamic[i] = s->tensors[t].dynamic;
        if (r->dynamic[i] < 0) TRY(plan_ref(s, &values[i], &r->ref[i]));
    }
    return STATUS_OK;
}
