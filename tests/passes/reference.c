/* SPDX-License-Identifier: Apache-2.0 */
#include "reference.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"

struct values {
    struct graph *g; /* a copy with known input shapes */
    struct view *v;  /* per output of the graph; data is ours */
    struct view *inputs;
};

static void values_deinit(struct values *x) {
    for (int o = 0; x->v && o < x->g->n_outputs; o++) mem_free(x->v[o].data);
    for (int i = 0; x->inputs && i < x->g->n_inputs; i++) mem_free(x->inputs[i].data);
    mem_free(x->v);
    mem_free(x->inputs);
    graph_destroy(x->g);
}

static enum status alloc_view(struct view *v) {
    v->data = mem_alloc_aligned((size_t)shape_elements(&v->shape) * dtype_size(v->dtype));
    CHECK(v->data, STATUS_MEMORY, "out of memory");
    return STATUS_OK;
}

static void fill_random(struct view *v, uint32_t *seed) {
    int64_t n = shape_elements(&v->shape);
    for (int64_t i = 0; i < n; i++) {
        *seed = *seed * 1664525u + 1013904223u;
        double x = (double)(*seed >> 8) / (1 << 23) - 1;
        if (dtype_is_float(v->dtype)) view_set_f64(v, i, 4 * x);
        else view_set_i64(v, i, (int64_t)(*seed >> 30));
    }
}

/* A copy of a value, for every output that it is. */
static enum status keep(struct values *x, const char *name, const struct view *value) {
    for (int o = 0; o < x->g->n_outputs; o++) {
        if (strcmp(x->g->tensors[x->g->outputs[o]].name, name)) continue;
        x->v[o] = *value;
        x->v[o].name = x->g->tensors[x->g->outputs[o]].name;
        TRY(alloc_view(&x->v[o]));
        memcpy(x->v[o].data, value->data,
               (size_t)shape_elements(&value->shape) * dtype_size(value->dtype));
    }
    return STATUS_OK;
}

static enum status visit(void *user, const struct graph *g, const struct node *n, int t,
                         const struct view *value) {
    return keep(user, g->tensors[t].name, value);
}

static enum status run(const struct graph *g, struct values *x) {
    *x = (struct values){0};
    TRY(graph_clone(g, false, &x->g));
    x->v = mem_calloc((size_t)x->g->n_outputs + 1, sizeof *x->v);
    x->inputs = mem_calloc((size_t)x->g->n_inputs + 1, sizeof *x->inputs);
    CHECK(x->v && x->inputs, STATUS_MEMORY, "out of memory");
    uint32_t seed = 12345;
    for (int i = 0; i < x->g->n_inputs; i++) {
        const struct tensor *t = &x->g->tensors[x->g->inputs[i]];
        struct view *v = &x->inputs[i];
        *v = (struct view){.dtype = t->dtype, .shape = t->shape};
        for (int d = 0; d < t->shape.rank; d++)
            if (t->shape.dim[d] < 0) v->shape.dim[d] = 2;
        TRY(alloc_view(v));
        fill_random(v, &seed);
        TRY(keep(x, t->name, v));
    }
    for (int t = 0; t < x->g->n_tensors; t++) {
        const struct tensor *y = &x->g->tensors[t];
        struct view v = {y->dtype, y->shape, (void *)(uintptr_t)y->data, NULL, true};
        if (y->data) TRY(keep(x, y->name, &v));
    }
    return graph_evaluate(x->g, x->inputs, visit, x);
}

static bool compare(const struct values *a, const struct values *b, char problem[static 256]) {
    if (a->g->n_outputs != b->g->n_outputs) {
        snprintf(problem, 256, "%d outputs instead of %d", b->g->n_outputs, a->g->n_outputs);
        return false;
    }
    for (int o = 0; o < a->g->n_outputs; o++) {
        const struct view *x = &a->v[o], *y = &b->v[o];
        char tx[128], ty[128];
        if (strcmp(x->name, y->name) || x->dtype != y->dtype ||
            !shape_equal(&x->shape, &y->shape)) {
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
