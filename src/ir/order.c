/* SPDX-License-Identifier: Apache-2.0 */
/* Who uses what, execution order, copies and clearing up. Everything here is linear in the size of
 * the graph (sorting: times a logarithm), whatever order its nodes are in. */
#include <string.h>

#include "base/alloc.h"
#include "ir/internal.h"

enum status graph_find_uses(const struct graph *g, struct graph_uses *out) {
    *out = (struct graph_uses){0};
    size_t total = 0, nt = (size_t)g->n_tensors;
    for (int n = 0; n < g->n_nodes; n++) total += (size_t)g->nodes[n].n_inputs;
    int *block = mem_calloc(2 * nt + 2 + total, sizeof *block);
    CHECK(block, STATUS_MEMORY, GRAPH_NO_MEMORY);
    int *first = block;
    out->first = first;
    out->count_outputs = block + nt + 1;
    out->node = out->count_outputs + nt + 1;
    /* Count, turn counts into the ends of the lists, and fill from the back, which moves each end
     * to its start. */
    for (int n = 0; n < g->n_nodes; n++)
        for (int i = 0; i < g->nodes[n].n_inputs; i++)
            if (g->nodes[n].inputs[i] >= 0) first[g->nodes[n].inputs[i]]++;
    for (size_t t = 0, sum = 0; t <= nt; t++) first[t] = (int)(sum += (size_t)first[t]);
    for (int n = g->n_nodes - 1; n >= 0; n--)
        for (int i = g->nodes[n].n_inputs - 1; i >= 0; i--)
            if (g->nodes[n].inputs[i] >= 0) out->node[--first[g->nodes[n].inputs[i]]] = n;
    for (int i = 0; i < g->n_outputs; i++) out->count_outputs[g->outputs[i]]++;
    return STATUS_OK;
}

void graph_uses_deinit(struct graph_uses *u) {
    mem_free(u->first);
    *u = (struct graph_uses){0};
}

/* ---- sorting ---- */

/* A binary heap of node indices, smallest first. */
static void heap_push(int *heap, int *n, int v) {
    int c = (*n)++;
    for (; c && heap[(c - 1) / 2] > v; c = (c - 1) / 2) heap[c] = heap[(c - 1) / 2];
    heap[c] = v;
}

static int heap_pop(int *heap, int *n) {
    int top = heap[0], v = heap[--*n], at = 0;
    for (int c; (c = 2 * at + 1) < *n; at = c) {
        if (c + 1 < *n && heap[c + 1] < heap[c]) c++;
        if (v <= heap[c]) break;
        heap[at] = heap[c];
    }
    heap[at] = v;
    return top;
}

/* How many inputs of each node other nodes produce; an edge from nowhere is an error. */
static enum status count_waiting(const struct graph *g, unsigned char *is_input, int *waiting,
                                 int *n_alive) {
    for (int i = 0; i < g->n_inputs; i++) is_input[g->inputs[i]] = 1;
    for (int i = 0; i < g->n_nodes; i++) {
        const struct node *n = &g->nodes[i];
        if (n->op == OP_NONE) continue;
        ++*n_alive;
        for (int k = 0; k < n->n_inputs; k++) {
            int t = n->inputs[k];
            if (t < 0) continue;
            if (g->tensors[t].producer >= 0) waiting[i]++;
            else
                CHECK(g->tensors[t].data || is_input[t], STATUS_FORMAT,
                      "input '%s' of node '%s' is produced by nothing", g->tensors[t].name,
                      n->name);
        }
    }
    return STATUS_OK;
}

static enum status sort(struct graph *g, const struct graph_uses *uses, int *work,
                        unsigned char *is_input, struct node *sorted) {
    int n = g->n_nodes, *waiting = work, *heap = work + n, *position = work + 2 * n;
    int n_heap = 0, n_sorted = 0, n_alive = 0;
    TRY(count_waiting(g, is_input, waiting, &n_alive));
    for (int i = 0; i < n; i++)
        if (g->nodes[i].op != OP_NONE && !waiting[i]) heap_push(heap, &n_heap, i);
    /* Of the ready nodes always the one that came first, so that an ordered graph keeps its
     * order. */
    while (n_heap) {
        int i = heap_pop(heap, &n_heap);
        position[i] = n_sorted;
        sorted[n_sorted++] = g->nodes[i];
        for (int k = 0; k < g->nodes[i].n_outputs; k++) {
            int t = g->nodes[i].outputs[k];
            if (t < 0) continue;
            for (int u = uses->first[t]; u < uses->first[t + 1]; u++)
                if (--waiting[uses->node[u]] == 0) heap_push(heap, &n_heap, uses->node[u]);
        }
    }
    if (n_sorted < n_alive) {
        int stuck = 0;
        while (g->nodes[stuck].op == OP_NONE || !waiting[stuck]) stuck++;
        FAIL(STATUS_FORMAT, "the graph has a cycle at or before node '%s'; a model must be acyclic",
             g->nodes[stuck].name);
    }
    for (int t = 0; t < g->n_tensors; t++)
        if (g->tensors[t].producer >= 0) g->tensors[t].producer = position[g->tensors[t].producer];
    g->nodes = sorted;
    g->n_nodes = n_sorted;
    g->cap_nodes = n + 1;
    return STATUS_OK;
}

enum status graph_sort(struct graph *g) {
    struct graph_uses uses;
    TRY(graph_find_uses(g, &uses));
    int *work = mem_calloc((size_t)g->n_nodes * 3 + 1, sizeof *work);
    unsigned char *is_input = mem_calloc((size_t)g->n_tensors + 1, 1);
    struct node *sorted = arena_calloc(&g->arena, (size_t)g->n_nodes + 1, sizeof *sorted);
    enum status s = work && is_input && sorted
                        ? sort(g, &uses, work, is_input, sorted)
                        : status_set(STATUS_MEMORY, __FILE__, __LINE__, GRAPH_NO_MEMORY);
    mem_free(work);
    mem_free(is_input);
    graph_uses_deinit(&uses);
    return s;
}

/* ---- what is needed ---- */

struct live {
    unsigned char *tensor, *node;
    int *map; /* old tensor index to new; -1: gone */
};

static void live_deinit(struct live *l) {
    mem_free(l->tensor);
    mem_free(l->node);
    mem_free(l->map);
}

/* Marks the inputs and everything the outputs need. */
static enum status find_live(const struct graph *g, struct live *l) {
    *l = (struct live){
        .tensor = mem_calloc((size_t)g->n_tensors + 1, 1),
        .node = mem_calloc((size_t)g->n_nodes + 1, 1),
        .map = mem_calloc((size_t)g->n_tensors + 1, sizeof *l->map),
    };
    if (!l->tensor || !l->node || !l->map) {
        live_deinit(l);
        FAIL(STATUS_MEMORY, GRAPH_NO_MEMORY);
    }
    /* The map serves as the stack of tensors to follow: each is pushed once. */
    int *stack = l->map, n_stack = 0;
    for (int i = 0; i < g->n_outputs; i++)
        if (!l->tensor[g->outputs[i]]) {
            l->tensor[g->outputs[i]] = 1;
            stack[n_stack++] = g->outputs[i];
        }
    while (n_stack) {
        int at = g->tensors[stack[--n_stack]].producer;
        if (at < 0 || l->node[at]) continue;
        l->node[at] = 1;
        const struct node *n = &g->nodes[at];
        for (int i = 0; i < n->n_inputs; i++) {
            int t = n->inputs[i];
            if (t < 0 || l->tensor[t]) continue;
            l->tensor[t] = 1;
            stack[n_stack++] = t;
        }
    }
    for (int i = 0; i < g->n_inputs; i++) l->tensor[g->inputs[i]] = 1;
    return STATUS_OK;
}

static enum status copy_node(const struct node *n, const int *map, struct graph *to) {
    /* The arrays are copied as they are and then put in terms of the new graph's tensors, so that
     * no second copy on the stack or heap is needed. */
    int node;
    TRY(graph_add_node(to, n->op, n->name, 0, NULL, 0, NULL, &node));
    struct node *d = &to->nodes[node];
    d->inputs = arena_calloc(&to->arena, (size_t)n->n_inputs + 1, sizeof *d->inputs);
    d->outputs = arena_calloc(&to->arena, (size_t)n->n_outputs + 1, sizeof *d->outputs);
    CHECK(d->inputs && d->outputs, STATUS_MEMORY, GRAPH_NO_MEMORY);
    d->n_inputs = n->n_inputs;
    d->n_outputs = n->n_outputs;
    for (int i = 0; i < n->n_inputs; i++) d->inputs[i] = n->inputs[i] < 0 ? -1 : map[n->inputs[i]];
    for (int i = 0; i < n->n_outputs; i++) {
        d->outputs[i] = n->outputs[i] < 0 ? -1 : map[n->outputs[i]];
        if (d->outputs[i] >= 0) to->tensors[d->outputs[i]].producer = node;
    }
    for (int i = 0; i < n->n_attrs; i++) TRY(node_set_attr(to, node, &n->attrs[i]));
    return STATUS_OK;
}

static enum status copy_live(const struct graph *g, bool share_data, struct graph *to,
                             const struct live *l) {
    to->name = arena_strdup(&to->arena, g->name);
    CHECK(to->name, STATUS_MEMORY, GRAPH_NO_MEMORY);
    for (int t = 0; t < g->n_tensors; t++) {
        const struct tensor *x = &g->tensors[t];
        l->map[t] = -1;
        if (!l->tensor[t]) continue;
        if (x->data)
            TRY(graph_add_constant(to, x->name, x->dtype, x->shape, x->data, share_data,
                                   &l->map[t]));
        else TRY(graph_add_tensor(to, x->name, x->dtype, x->shape, &l->map[t]));
    }
    for (int n = 0; n < g->n_nodes; n++)
        if (l->node[n]) TRY(copy_node(&g->nodes[n], l->map, to));
    for (int i = 0; i < g->n_inputs; i++) TRY(graph_add_input(to, l->map[g->inputs[i]]));
    for (int i = 0; i < g->n_outputs; i++) TRY(graph_add_output(to, l->map[g->outputs[i]]));
    for (int i = 0; i < g->n_meta; i++) TRY(graph_set_meta(to, g->meta[i].key, g->meta[i].value));
    return STATUS_OK;
}

enum status graph_clone(const struct graph *g, bool share_data, struct graph **out) {
    *out = NULL;
    struct live live;
    struct graph *to;
    TRY(find_live(g, &live));
    enum status s = graph_create(&to);
    if (s == STATUS_OK) s = copy_live(g, share_data, to, &live);
    live_deinit(&live);
    if (s != STATUS_OK) graph_destroy(to);
    else *out = to;
    return s;
}

static enum status copy_borders(const struct graph *g, struct graph *to) {
    to->name = arena_strdup(&to->arena, g->name);
    CHECK(to->name, STATUS_MEMORY, GRAPH_NO_MEMORY);
    for (int i = 0; i < g->n_inputs + g->n_outputs; i++) {
        const bool is_input = i < g->n_inputs;
        const struct tensor *x =
            &g->tensors[is_input ? g->inputs[i] : g->outputs[i - g->n_inputs]];
        int t = graph_find_tensor(to, x->name); /* the same tensor can stand there twice */
        if (t < 0) TRY(graph_add_tensor(to, x->name, x->dtype, x->shape, &t));
        TRY(is_input ? graph_add_input(to, t) : graph_add_output(to, t));
    }
    return STATUS_OK;
}

enum status graph_clone_borders(const struct graph *g, struct graph **out) {
    *out = NULL;
    struct graph *to;
    TRY(graph_create(&to));
    enum status s = copy_borders(g, to);
    if (s != STATUS_OK) graph_destroy(to);
    else *out = to;
    return s;
}

enum status graph_compact(struct graph *g) {
    struct live live;
    TRY(find_live(g, &live));
    int *map = live.map, n_tensors = 0, n_nodes = 0;
    for (int t = 0; t < g->n_tensors; t++) {
        map[t] = -1;
        if (!live.tensor[t]) continue;
        map[t] = n_tensors;
        g->tensors[n_tensors++] = g->tensors[t];
    }
    g->n_tensors = n_tensors;
    for (int i = 0; i < g->n_nodes; i++) {
        if (!live.node[i]) continue;
        struct node *n = &g->nodes[n_nodes];
        if (n_nodes != i) *n = g->nodes[i];
        for (int k = 0; k < n->n_inputs; k++)
            if (n->inputs[k] >= 0) n->inputs[k] = map[n->inputs[k]];
        for (int k = 0; k < n->n_outputs; k++) {
            if (n->outputs[k] >= 0) n->outputs[k] = map[n->outputs[k]];
            if (n->outputs[k] >= 0) g->tensors[n->outputs[k]].producer = n_nodes;
        }
        n_nodes++;
    }
    g->n_nodes = n_nodes;
    for (int i = 0; i < g->n_inputs; i++) g->inputs[i] = map[g->inputs[i]];
    for (int i = 0; i < g->n_outputs; i++) g->outputs[i] = map[g->outputs[i]];
    graph_rebuild_names(g);
    live_deinit(&live);
    return STATUS_OK;
}
