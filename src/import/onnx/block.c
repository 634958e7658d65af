/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A block is a list of nodes with its names: the main graph, a function's body, a branch.
 *
 * Names are looked up by hash. Tensors are made when something needs them, so what no output needs
 * (dead nodes, unused weights) never reaches our graph and need not be supported. Nodes are
 * converted in the file's order where that is an execution order, as the format demands; an
 * unordered file is put in order.
 */
#include <string.h>

#include "base/alloc.h"
#include "import/onnx/onnx.h"

#define NO_MEMORY "out of memory while importing the model"

static uint64_t hash_text(const char *s) {
    uint64_t h = 1469598103934665603u;
    while (*s) h = (h ^ (unsigned char)*s++) * 1099511628211u;
    return h;
}

static int *find_slot(const struct onnx_block *b, const char *name) {
    for (uint64_t i = hash_text(name);; i++) {
        int *slot = &b->slots[i & (uint64_t)(b->cap_slots - 1)];
        if (!*slot || !strcmp(b->values[*slot - 1].name, name)) return slot;
    }
}

struct onnx_value *block_find(const struct onnx_block *b, const char *name) {
    if (!b->cap_slots) return NULL;
    int *slot = find_slot(b, name);
    return *slot ? &b->values[*slot - 1] : NULL;
}

static enum status grow(struct importer *im, struct onnx_block *b) {
    int cap = b->cap_values ? 2 * b->cap_values : 8;
    CHECK(cap < INT32_MAX / 4, STATUS_LIMIT, "the model has too many names");
    struct onnx_value *values = arena_calloc(im->arena, (size_t)cap, sizeof *values);
    int *slots = arena_calloc(im->arena, 2 * (size_t)cap, sizeof *slots);
    CHECK(values && slots, STATUS_MEMORY, NO_MEMORY);
    if (b->n_values) memcpy(values, b->values, (size_t)b->n_values * sizeof *values);
    b->values = values;
    b->slots = slots;
    b->cap_values = cap;
    b->cap_slots = 2 * cap;
    for (int i = 0; i < b->n_values; i++) *find_slot(b, values[i].name) = i + 1;
    return STATUS_OK;
}

enum status block_add_value(struct importer *im, struct onnx_block *b, const char *name, int tensor,
                            struct onnx_value **out) {
    if (b->n_values == b->cap_values) TRY(grow(im, b));
    int *slot = find_slot(b, name);
    if (*slot) {
        *out = &b->values[*slot - 1];
        return STATUS_OK;
    }
    *out = &b->values[b->n_values];
    **out = (struct onnx_value){.name = name, .node = -1, .tensor = tensor};
    *slot = ++b->n_values;
    return STATUS_OK;
}

enum status block_add_graph(struct importer *im, struct onnx_block *b, const Onnx__GraphProto *g) {
    b->nodes = g->node;
    b->n_nodes = g->n_node;
    for (size_t i = 0; i < g->n_initializer; i++) {
        const Onnx__TensorProto *t = g->initializer[i];
        CHECK(t->name && *t->name, STATUS_FORMAT, "initializer %zu has no name", i);
        struct onnx_value *v;
        TRY(block_add_value(im, b, t->name, -1, &v));
        CHECK(!v->init && v->tensor < 0, STATUS_FORMAT, "initializer '%s' is given twice", t->name);
        v->init = t;
    }
    CHECK(!g->n_sparse_initializer, STATUS_UNSUPPORTED,
          "sparse initializers are not supported; store the weights densely");
    return STATUS_OK;
}

enum status block_add_nodes(struct importer *im, struct onnx_block *b) {
    for (size_t i = 0; i < b->n_nodes; i++) {
        const Onnx__NodeProto *p = b->nodes[i];
        for (size_t k = 0; k < p->n_output; k++) {
            if (!*p->output[k]) continue;
            struct onnx_value *v;
            TRY(block_add_value(im, b, p->output[k], -1, &v));
            /* A tensor without a node is an input, or an output of ours that waits for its node. */
            CHECK(v->node < 0 && !v->init &&
                      (v->tensor < 0 || !graph_is_input(im->g, v->tensor)),
                  STATUS_FORMAT,
                  "'%s' is produced twice, the second time by %s '%s'; names must be unique",
                  p->output[k], p->op_type ? p->op_type : "a node", p->name ? p->name : "");
            v->node = (int)i;
        }
    }
    return STATUS_OK;
}

enum status block_tensor(struct importer *im, struct onnx_block *b, const char *name, int *out) {
    *out = -1;
    struct onnx_value *v = NULL;
    for (; b && !(v = block_find(b, name)); b = b->parent) {}
    if (!v) return STATUS_OK;
    if (v->tensor < 0) {
        const char *full = name;
        if (*b->prefix) {
            full = arena_printf(im->arena, "%s%s", b->prefix, name);
            CHECK(full, STATUS_MEMORY, NO_MEMORY);
        }
        if (v->init) {
            enum dtype dtype;
            struct shape shape;
            TRY(onnx_tensor_describe(&im->src, v->init, &dtype, &shape));
            const void *lent = onnx_tensor_borrow(&im->src, v->init);
            TRY(graph_add_constant(im->g, full, dtype, shape, lent, lent != NULL, &v->tensor));
            const struct tensor *t = &im->g->tensors[v->tensor];
            if (!lent)
                TRY(onnx_tensor_fill(&im->src, v->init, (void *)(uintptr_t)t->data, t->data_bytes));
        } else if (v->node >= 0) {
            TRY(graph_add_tensor(im->g, full, DT_NONE, shape_unknown(), &v->tensor));
        }
    }
    *out = v->tensor;
    return STATUS_OK;
}

/* ---- order ---- */

/* Calls f for every name of block b that the node reads, those read within its branches included:
 * a branch sees the names around it. */
struct reads {
    const struct onnx_block *b;
    int n;
    int *list; /* value indices; NULL: only count */
};

static void collect_reads(struct reads *r, const Onnx__NodeProto *p) {
    for (size_t i = 0; i < p->n_input; i++) {
        const struct onnx_value *v = *p->input[i] ? block_find(r->b, p->input[i]) : NULL;
        if (!v) continue;
        if (r->list) r->list[r->n] = (int)(v - r->b->values);
        r->n++;
    }
    for (size_t i = 0; i < p->n_attribute; i++) {
        const Onnx__GraphProto *g = p->attribute[i]->g;
        for (size_t k = 0; g && k < g->n_node; k++) collect_reads(r, g->node[k]);
        for (size_t k = 0; g && k < g->n_output; k++) {
            const char *name = g->output[k]->name;
            const struct onnx_value *v = name ? block_find(r->b, name) : NULL;
            if (!v) continue;
            if (r->list) r->list[r->n] = (int)(v - r->b->values);
            r->n++;
        }
    }
}

struct order {
    struct onnx_block *b;
    int *first, *read;   /* the reads of node i: read[first[i]] .. read[first[i + 1] - 1] */
    unsigned char *state; /* 0 new, 1 needed, 2 open, 3 done */
    int *stack, *next;    /* depth-first search without recursion */
};

static enum status cycle_error(const struct order *o, int node) {
    const Onnx__NodeProto *p = o->b->nodes[node];
    FAIL(STATUS_FORMAT,
         "the graph has a cycle through %s '%s' (output '%s'); a model must be acyclic",
         p->op_type ? p->op_type : "node", p->name ? p->name : "", p->n_output ? p->output[0] : "");
}

/* Marks what `node` needs, itself included. */
static void mark_needed(struct order *o, int node) {
    int n = 0;
    if (o->state[node]) return;
    o->state[node] = 1;
    o->stack[n++] = node;
    while (n) {
        int at = o->stack[--n];
        for (int i = o->first[at]; i < o->first[at + 1]; i++) {
            struct onnx_value *v = &o->b->values[o->read[i]];
            v->uses++;
            if (v->node < 0 || o->state[v->node]) continue;
            o->state[v->node] = 1;
            o->stack[n++] = v->node;
        }
    }
}

static enum status convert_from(struct importer *im, struct order *o, int node) {
    int n = 0;
    o->stack[n++] = node;
    while (n) {
        int at = o->stack[n - 1];
        if (o->state[at] == 3) {
            n--;
            continue;
        }
        if (o->state[at] == 1) {
            o->state[at] = 2;
            o->next[at] = o->first[at];
        }
        int wait = -1;
        while (wait < 0 && o->next[at] < o->first[at + 1]) {
            int producer = o->b->values[o->read[o->next[at]++]].node;
            if (producer < 0 || o->state[producer] == 3) continue;
            if (o->state[producer] == 2) return cycle_error(o, producer);
            wait = producer;
        }
        if (wait >= 0) {
            o->stack[n++] = wait;
            continue;
        }
        TRY(node_convert(im, o->b, o->b->nodes[at]));
        o->state[at] = 3;
        n--;
    }
    return STATUS_OK;
}

enum status block_convert(struct importer *im, struct onnx_block *b, int n,
                          struct onnx_value *const *wanted) {
    size_t count = b->n_nodes;
    CHECK(count < INT32_MAX / 8, STATUS_LIMIT, "the model has too many nodes");
    struct order o = {.b = b};
    o.first = arena_calloc(im->arena, count + 1, sizeof *o.first);
    o.stack = arena_calloc(im->arena, count + 1, sizeof *o.stack);
    o.next = arena_calloc(im->arena, count + 1, sizeof *o.next);
    o.state = arena_calloc(im->arena, count + 1, 1);
    CHECK(o.first && o.stack && o.next && o.state, STATUS_MEMORY, NO_MEMORY);
    struct reads r = {.b = b};
    for (size_t i = 0; i < count; i++) collect_reads(&r, b->nodes[i]);
    r.list = o.read = arena_calloc(im->arena, (size_t)r.n + 1, sizeof *r.list);
    CHECK(r.list, STATUS_MEMORY, NO_MEMORY);
    r.n = 0;
    for (size_t i = 0; i < count; i++) {
        o.first[i] = r.n;
        collect_reads(&r, b->nodes[i]);
    }
    o.first[count] = r.n;
    for (int i = 0; i < n; i++) {
        wanted[i]->uses++;
        if (wanted[i]->node >= 0) mark_needed(&o, wanted[i]->node);
    }
    for (size_t i = 0; i < count; i++)
        if (o.state[i] == 1) TRY(convert_from(im, &o, (int)i));
    return STATUS_OK;
}
