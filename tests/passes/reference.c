/* SPDX-License-Identifier: Apache-2.0 */
#include "reference.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"

struct values {
    struct graph *g; /* a copy with known input shapes */
    struct view *v;  /* per tensor */
};

static void values_deinit(struct values *x) {
    for (int t = 0; x->v && t < x->g->n_tensors; t++)
        if (!x->g->tensors[t].data) mem_free(x->v[t].data);
    mem_free(x->v);
    graph_destroy(x->g);
}

static enum status alloc_view(struct view *v) {
    v->data = mem_alloc_aligned((size_t)shape_elements(&v->shape) * dtype_size(v->dtype));
    CHECK(v->data, STATUS_MEMORY, "out of memory");
    return STATUS_OK;
}

static enum status alloc_output(struct op_call *c, int i) { return alloc_view(&c->out[i]); }

static void fill_random(struct view *v, uint32_t *seed) {
    int64_t n = shape_elements(&v->shape);
    for (int64_t i = 0; i < n; i++) {
        *seed = *seed * 1664525u + 1013904223u;
        double x = (double)(*seed >> 8) / (1 << 23) - 1;
        if (dtype_is_float(v->dtype)) view_set_f64(v, i, 4 * x);
        else view_set_i64(v, i, (int64_t)(*seed >> 30));
    }
}

static enum status run_node(struct values *x, int at) {
    struct node *n = &x->g->nodes[at];
    struct op_call c;
    TRY(graph_infer_node(x->g, at));
    TRY(op_call_init(&c, x->g, n));
    c.alloc_output = alloc_output;
    enum status s = STATUS_OK;
    for (int i = 0; i < n->n_inputs; i++)
        if (n->inputs[i] >= 0) c.in[i] = x->v[n->inputs[i]];
    for (int i = 0; s == STATUS_OK && i < n->n_outputs; i++) {
        const struct tensor *t = node_output(x->g, n, i);
        if (!t) continue;
        c.out[i].dtype = t->dtype;
        c.out[i].shape = t->shape;
        if (!(op_def(n->op)->flags & OP_LATE_SHAPE) && shape_known(&t->shape))
            s = alloc_view(&c.out[i]);
    }
    /* A shape that depends on values: the shape rule with these values in hand tells. */
    if (s == STATUS_OK && !(op_def(n->op)->flags & OP_LATE_SHAPE)) {
        struct op_call again = c;
        bool open = false;
        for (int i = 0; i < n->n_outputs; i++) open |= n->outputs[i] >= 0 && !c.out[i].data;
        if (open) s = op_def(n->op)->infer(&again);
        for (int i = 0; open && s == STATUS_OK && i < n->n_outputs; i++)
            if (n->outputs[i] >= 0 && !c.out[i].data) s = alloc_view(&c.out[i]);
    }
    if (s == STATUS_OK) s = op_def(n->op)->run(&c);
    for (int i = 0; i < n->n_outputs; i++) {
        if (n->outputs[i] < 0) continue;
        x->v[n->outputs[i]] = c.out[i];
        x->g->tensors[n->outputs[i]].shape = c.out[i].shape;
    }
    op_call_deinit(&c);
    return s;
}

static enum status run(const struct graph *g, struct values *x) {
    *x = (struct values){0};
    TRY(graph_clone(g, false, &x->g));
    x->v = mem_calloc((size_t)x->g->n_tensors + 1, sizeof *x->v);
    CHECK(x->v, STATUS_MEMORY, "out of memory");
    uint32_t seed = 12345;
    for (int t = 0; t < x->g->n_tensors; t++) {
        struct tensor *y = &x->g->tensors[t];
        x->v[t] = (struct view){y->dtype, y->shape, (void *)(uintptr_t)y->data, y->name, true};
    }
    for (int i = 0; i < x->g->n_inputs; i++) {
        struct tensor *t = &x->g->tensors[x->g->inputs[i]];
        struct view *v = &x->v[x->g->inputs[i]];
        for (int d = 0; d < t->shape.rank; d++)
            if (t->shape.dim[d] < 0) t->shape.dim[d] = 2;
        v->shape = t->shape;
        TRY(alloc_view(v));
        fill_random(v, &seed);
    }
    for (int n = 0; n < x->g->n_nodes; n++) TRY(run_node(x, n));
    return STATUS_OK;
}

static bool compare(const struct values *a, const struct values *b, char problem[static 256]) {
    if (a->g->n_outputs != b->g->n_outputs) {
        snprintf(problem, 256, "%d outputs instead of %d", b->g->n_outputs, a->g->n_outputs);
        return false;
    }
    for (int o = 0; o < a->g->n_outputs; o++) {
        const struct view *x = &a->v[a->g->outputs[o]], *y = &b->v[b->g->outputs[o]];
        char tx[128], ty[128];
        if (strcmp(x->name, y->name) || x->dtype != y->dtype || !shape_equal(&x->shape, &y->shape)) {
            snprintf(problem, 256, "output '%.40s' %s%.40s is now '%.40s' %s%.40s", x->name,
                     dtype_name(x->dtype), shape_text(&x->shape, tx), y->name, dtype_name(y->dtype),
                     shape_text(&y->shape, ty));
            return false;
        }
        double range = 0, worst = 0;
        int64_t n = shape_elements(&x->shape), where = 0;
        for (int64_t i = 0; i < n; i++) {
            double p = view_get_f64(x, i), q = view_get_f64(y, i);
            if (fabs(p) > range && isfinite(p)) range = fabs(p);
            double e = p == q || (isnan(p) && isnan(q)) ? 0 : fabs(p - q);
            if (!(e <= worst)) worst = e, where = i;
        }
        double tolerance = x->dtype == DT_F16 || x->dtype == DT_BF16 ? 1e-2 : 1e-5;
        if (!(worst <= tolerance * range)) {
            snprintf(problem, 256, "output '%.60s' at %lld: %g instead of %g (range %g)", x->name,
                     (long long)where, view_get_f64(y, where), view_get_f64(x, where), range);
            return false;
        }
    }
    return true;
}

bool reference_compare(const struct graph *a, const struct graph *b, char problem[static 256]) {
    struct values x, y = {0};
    enum status s = run(a, &x);
    if (s == STATUS_OK) s = run(b, &y);
    bool same = s == STATUS_OK;
    if (same) same = compare(&x, &y, problem);
    else snprintf(problem, 256, "%.250s", status_message());
    values_deinit(&x);
    values_deinit(&y);
    return same;
}
