/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A graph in 16-bit floats computes in 32-bit ones, which CPUs are faster at; results can only
 * become more exact. Constants are converted, inputs and outputs keep their type behind a Cast, and
 * casts to 16 bits inside become casts to 32. Integers and doubles stay what they are. Runs at
 * load: files keep the short weights.
 */
#include <string.h>

#include "base/alloc.h"
#include "ops/op.h"
#include "passes/internal.h"

static bool is_half(enum dtype t) { return t == DT_F16 || t == DT_BF16; }

static enum status widen_constant(struct graph *g, struct tensor *t) {
    size_t n = t->data_bytes / 2, bytes;
    CHECK(size_mul(n, sizeof(float), &bytes), STATUS_LIMIT, "constant '%s' is too large", t->name);
    float *to = arena_alloc_data(&g->arena, bytes ? bytes : 1);
    CHECK(to, STATUS_MEMORY, "out of memory while widening constant '%s'", t->name);
    const uint16_t *from = t->data;
    if (t->dtype == DT_F16)
        for (size_t i = 0; i < n; i++) to[i] = f16_to_f32(from[i]);
    else
        for (size_t i = 0; i < n; i++) to[i] = bf16_to_f32(from[i]);
    t->data = to;
    t->data_bytes = bytes;
    t->dtype = DT_F32;
    return STATUS_OK;
}

/* Attributes that name an element type: to, dtype, output_dtype, output_datatype. */
static enum status widen_attrs(struct graph *g, int node) {
    static const char *const names[] = {"to", "dtype", "output_dtype", "output_datatype"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        const char *value = node_string(&g->nodes[node], names[i], NULL);
        if (value && is_half(dtype_from_name(value)))
            TRY(node_set_string(g, node, names[i], "f32"));
    }
    return STATUS_OK;
}

/* A tensor of 32 bits beside `t`, which is an input or an output. */
static enum status add_wide(struct graph *g, int t, int *out) {
    const char *name = arena_printf(&g->arena, "%s.f32", g->tensors[t].name);
    CHECK(name, STATUS_MEMORY, "out of memory while widening '%s'", g->tensors[t].name);
    return graph_add_tensor(g, name, DT_F32, g->tensors[t].shape, out);
}

static enum status add_cast(struct graph *g, int from, int to) {
    int node;
    TRY(graph_add_node(g, OP_Cast, g->tensors[from].name, 1, &from, 1, &to, &node));
    return node_set_string(g, node, "to", dtype_name(g->tensors[to].dtype));
}

/* The border keeps its type: map[t] is the wide tensor that stands for t inside. */
static enum status widen_inputs(struct graph *g, int *map) {
    for (int i = 0; i < g->n_inputs; i++) {
        int t = g->inputs[i];
        if (!is_half(g->tensors[t].dtype)) continue;
        TRY(add_wide(g, t, &map[t]));
        TRY(add_cast(g, t, map[t]));
    }
    return STATUS_OK;
}

static enum status widen_outputs(struct graph *g, int *map) {
    for (int i = 0; i < g->n_outputs; i++) {
        int t = g->outputs[i], at = g->tensors[t].producer;
        if (!is_half(g->tensors[t].dtype) || map[t] >= 0) continue;
        TRY(add_wide(g, t, &map[t]));
        struct tensor *wide = &g->tensors[map[t]], *half = &g->tensors[t];
        if (half->data) {
            wide->dtype = half->dtype;
            wide->data = half->data;
            wide->data_bytes = half->data_bytes;
            TRY(widen_constant(g, wide));
            continue;
        }
        struct node *n = &g->nodes[at];
        for (int k = 0; k < n->n_outputs; k++)
            if (n->outputs[k] == t) n->outputs[k] = map[t];
        wide->producer = at;
        half->producer = -1;
        TRY(add_cast(g, map[t], t));
    }
    return STATUS_OK;
}

static enum status widen(struct graph *g, int *map, int n_tensors) {
    int n_nodes = g->n_nodes;
    TRY(widen_inputs(g, map));
    TRY(widen_outputs(g, map));
    for (int t = 0; t < n_tensors; t++) {
        struct tensor *x = &g->tensors[t];
        if (!is_half(x->dtype) || map[t] >= 0) continue;
        if (x->data) TRY(widen_constant(g, x));
        else x->dtype = DT_F32;
    }
    for (int n = 0; n < n_nodes; n++) {
        struct node *d = &g->nodes[n];
        for (int i = 0; i < d->n_inputs; i++)
            if (d->inputs[i] >= 0 && d->inputs[i] < n_tensors && map[d->inputs[i]] >= 0)
                d->inputs[i] = map[d->inputs[i]];
        TRY(widen_attrs(g, n));
    }
    return graph_sort(g);
}

/* Nothing to do, or a BitCast, which reads the very bits. */
static bool leave_alone(const struct graph *g) {
    bool any = false;
    for (int t = 0; t < g->n_tensors; t++) any |= is_half(g->tensors[t].dtype);
    for (int n = 0; any && n < g->n_nodes; n++)
        if (g->nodes[n].op == OP_BitCast) any = false;
    return !any;
}

enum status pass_widen_half(struct graph *g) {
    if (leave_alone(g)) return STATUS_OK;
    int n_tensors = g->n_tensors, *map = mem_alloc((size_t)n_tensors * sizeof *map);
    CHECK(map, STATUS_MEMORY, "out of memory while widening the graph");
    for (int t = 0; t < n_tensors; t++) map[t] = -1;
    enum status s = widen(g, map, n_tensors);
    mem_free(map);
    return s;
}
