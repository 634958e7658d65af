/* SPDX-License-Identifier: Apache-2.0 */
/* Uses are doubly linked lists, one per tensor, through an array that only grows: a node that gets
 * other inputs gets new entries. Tensors that lose their last use go on a stack, not through
 * recursion, since a dead chain may be as long as the graph. */
#include "passes/rewrite.h"

#include <string.h>

#include "base/alloc.h"
#include "ops/op.h"

#define NO_MEMORY "out of memory while changing the graph"

/* ---- room ---- */

static enum status reserve(void *array, int n, int *cap, size_t element_bytes) {
    if (n <= *cap) return STATUS_OK;
    CHECK(n < INT32_MAX / 4, STATUS_LIMIT, "the graph is too large to change");
    int wider = *cap ? 2 * *cap : 64;
    while (wider < n) wider *= 2;
    size_t bytes;
    CHECK(size_mul((size_t)wider, element_bytes, &bytes), STATUS_LIMIT, NO_MEMORY);
    void *fresh = mem_realloc(*(void **)array, bytes);
    CHECK(fresh, STATUS_MEMORY, NO_MEMORY);
    *(void **)array = fresh;
    *cap = wider;
    return STATUS_OK;
}

/* After tensors were added to the graph. */
static enum status cover_tensors(struct rewrite *r, int n_before) {
    int n = r->g->n_tensors, cap_dying = r->cap_dying;
    TRY(reserve(&r->tensors, n, &r->cap_tensors, sizeof *r->tensors));
    TRY(reserve(&r->dying, n, &cap_dying, sizeof *r->dying));
    r->cap_dying = cap_dying;
    for (int t = n_before; t < n; t++) r->tensors[t] = (struct rewrite_tensor){.first = -1};
    return STATUS_OK;
}

static enum status cover_node(struct rewrite *r, int node) {
    int cap = r->cap_nodes;
    TRY(reserve(&r->anchor, node + 1, &cap, sizeof *r->anchor));
    TRY(reserve(&r->node_uses, node + 1, &r->cap_nodes, sizeof *r->node_uses));
    r->node_uses[node] = 0;
    r->anchor[node] = node;
    return STATUS_OK;
}

/* ---- links ---- */

static void link_use(struct rewrite *r, int u, int t) {
    if (t < 0) return;
    struct rewrite_tensor *x = &r->tensors[t];
    r->uses[u].next = x->first;
    r->uses[u].previous = -1;
    if (x->first >= 0) r->uses[x->first].previous = u;
    x->first = u;
    x->n_uses++;
}

static void unlink_use(struct rewrite *r, int u, int t) {
    if (t < 0) return;
    struct rewrite_tensor *x = &r->tensors[t];
    struct rewrite_use *e = &r->uses[u];
    if (e->previous >= 0) r->uses[e->previous].next = e->next;
    else x->first = e->next;
    if (e->next >= 0) r->uses[e->next].previous = e->previous;
    if (--x->n_uses == 0) r->dying[r->n_dying++] = t;
}

static enum status link_inputs(struct rewrite *r, int node) {
    const struct node *n = &r->g->nodes[node];
    TRY(reserve(&r->uses, r->n_uses + n->n_inputs, &r->cap_uses, sizeof *r->uses));
    r->node_uses[node] = r->n_uses;
    for (int i = 0; i < n->n_inputs; i++) {
        r->uses[r->n_uses] = (struct rewrite_use){node, i, -1, -1};
        link_use(r, r->n_uses++, n->inputs[i]);
    }
    return STATUS_OK;
}

static void unlink_inputs(struct rewrite *r, int node) {
    const struct node *n = &r->g->nodes[node];
    for (int i = 0; i < n->n_inputs; i++) unlink_use(r, r->node_uses[node] + i, n->inputs[i]);
}

static void drop(struct rewrite *r, int node) {
    unlink_inputs(r, node);
    graph_remove_node(r->g, node);
    r->changed = true;
}

/* Removes the producers of tensors nobody uses any more, and so on up. */
static void bury(struct rewrite *r) {
    while (r->n_dying) {
        int t = r->dying[--r->n_dying], at = r->g->tensors[t].producer;
        if (at < 0 || r->tensors[t].n_uses) continue;
        const struct node *n = &r->g->nodes[at];
        bool used = false;
        for (int i = 0; i < n->n_outputs; i++)
            used |= n->outputs[i] >= 0 && r->tensors[n->outputs[i]].n_uses;
        if (!used) drop(r, at);
    }
}

/* ---- life ---- */

static void deinit(struct rewrite *r) {
    mem_free(r->tensors);
    mem_free(r->uses);
    mem_free(r->node_uses);
    mem_free(r->anchor);
    mem_free(r->dying);
    *r = (struct rewrite){0};
}

static enum status build(struct rewrite *r) {
    struct graph *g = r->g;
    TRY(cover_tensors(r, 0));
    int n_uses = 0;
    for (int n = 0; n < g->n_nodes; n++) n_uses += g->nodes[n].n_inputs;
    TRY(reserve(&r->uses, n_uses, &r->cap_uses, sizeof *r->uses));
    if (g->n_nodes) TRY(cover_node(r, g->n_nodes - 1));
    for (int n = 0; n < g->n_nodes; n++) {
        r->anchor[n] = n;
        TRY(link_inputs(r, n));
    }
    for (int i = 0; i < g->n_inputs; i++) r->tensors[g->inputs[i]].is_input = true;
    for (int i = 0; i < g->n_outputs; i++) {
        r->tensors[g->outputs[i]].is_output = true;
        r->tensors[g->outputs[i]].n_uses++;
    }
    return STATUS_OK;
}

enum status rewrite_init(struct rewrite *r, struct graph *g) {
    *r = (struct rewrite){.g = g, .n_nodes = g->n_nodes};
    enum status s = build(r);
    if (s != STATUS_OK) deinit(r);
    return s;
}

/* Puts each added node in front of its anchor. */
static enum status reorder(struct rewrite *r) {
    struct graph *g = r->g;
    int n_old = r->n_nodes, n = g->n_nodes;
    struct node *sorted = arena_calloc(&g->arena, (size_t)n + 1, sizeof *sorted);
    int *count = mem_calloc((size_t)n_old + 2, sizeof *count);
    if (!sorted || !count) {
        mem_free(count);
        FAIL(STATUS_MEMORY, NO_MEMORY);
    }
    /* Counting sort by anchor; the anchor itself comes last of its group. */
    for (int i = 0; i < n; i++) count[(i < n_old ? i : r->anchor[i]) + 1]++;
    for (int i = 0; i <= n_old; i++) count[i + 1] += count[i];
    for (int k = 0; k < n; k++) {
        int i = k < n - n_old ? n_old + k : k - (n - n_old);
        int to = count[i < n_old ? i : r->anchor[i]]++;
        sorted[to] = g->nodes[i];
        for (int o = 0; o < sorted[to].n_outputs; o++)
            if (sorted[to].outputs[o] >= 0) g->tensors[sorted[to].outputs[o]].producer = to;
    }
    g->nodes = sorted;
    g->cap_nodes = n + 1;
    mem_free(count);
    return STATUS_OK;
}

enum status rewrite_finish(struct rewrite *r, enum status s) {
    if (s == STATUS_OK && r->g->n_nodes > r->n_nodes) s = reorder(r);
    if (s == STATUS_OK && r->changed) s = graph_compact(r->g);
    deinit(r);
    return s;
}

/* ---- looking ---- */

int rewrite_only_user(const struct rewrite *r, int t) {
    const struct rewrite_tensor *x = &r->tensors[t];
    return x->n_uses == 1 && x->first >= 0 ? r->uses[x->first].node : -1;
}

int rewrite_producer(const struct rewrite *r, int node, int i, enum op_kind op) {
    const struct node *n = &r->g->nodes[node];
    if (i >= n->n_inputs || n->inputs[i] < 0) return -1;
    int at = r->g->tensors[n->inputs[i]].producer;
    return at >= 0 && r->g->nodes[at].op == op ? at : -1;
}

int rewrite_only_producer(const struct rewrite *r, int node, int i, enum op_kind op) {
    int at = rewrite_producer(r, node, i, op);
    return at >= 0 && rewrite_only_user(r, r->g->nodes[node].inputs[i]) == node ? at : -1;
}

/* ---- changing ---- */

enum status rewrite_set_inputs(struct rewrite *r, int node, int n, const int *inputs) {
    struct node *d = &r->g->nodes[node];
    int *copy = arena_calloc(&r->g->arena, (size_t)n + 1, sizeof *copy);
    CHECK(copy, STATUS_MEMORY, NO_MEMORY);
    if (n) memcpy(copy, inputs, (size_t)n * sizeof *copy);
    /* New uses first, so that what stays in use does not die in between. */
    int old_uses = r->node_uses[node], old_n = d->n_inputs, *old = d->inputs;
    d->inputs = copy;
    d->n_inputs = n;
    enum status s = link_inputs(r, node);
    if (s != STATUS_OK) {
        d->inputs = old;
        d->n_inputs = old_n;
        return s;
    }
    for (int i = 0; i < old_n; i++) unlink_use(r, old_uses + i, old[i]);
    r->changed = true;
    bury(r);
    return STATUS_OK;
}

enum status rewrite_set_input(struct rewrite *r, int node, int i, int t) {
    struct node *d = &r->g->nodes[node];
    int old = d->inputs[i], u = r->node_uses[node] + i;
    if (old == t) return STATUS_OK;
    unlink_use(r, u, old);
    d->inputs[i] = t;
    link_use(r, u, t);
    r->changed = true;
    bury(r);
    return STATUS_OK;
}

void rewrite_set_op(struct rewrite *r, int node, enum op_kind op) {
    r->g->nodes[node].op = op;
    r->g->nodes[node].n_attrs = 0;
    r->g->nodes[node].attrs = NULL;
    r->changed = true;
}

enum status rewrite_become(struct rewrite *r, int node, int model) {
    struct node *d = &r->g->nodes[node], *m = &r->g->nodes[model];
    d->op = m->op;
    d->name = m->name;
    d->attrs = m->attrs;
    d->n_attrs = m->n_attrs;
    return rewrite_set_inputs(r, node, m->n_inputs, m->inputs);
}

static void move_uses(struct rewrite *r, int from, int to) {
    for (int u; (u = r->tensors[from].first) >= 0;) {
        unlink_use(r, u, from);
        r->g->nodes[r->uses[u].node].inputs[r->uses[u].input] = to;
        link_use(r, u, to);
        r->changed = true;
    }
}

void rewrite_replace(struct rewrite *r, int from, int to) {
    move_uses(r, from, to);
    bury(r);
}

enum status rewrite_bypass(struct rewrite *r, int node, int y, int x) {
    struct graph *g = r->g;
    if (!r->tensors[y].is_output) {
        rewrite_replace(r, y, x);
        return STATUS_OK;
    }
    int at = g->tensors[x].producer;
    if (at < 0 || r->tensors[x].is_output) {
        rewrite_replace(r, y, x);
        if (g->nodes[node].op == OP_Identity) return STATUS_OK;
        rewrite_set_op(r, node, OP_Identity);
        return rewrite_set_inputs(r, node, 1, &x);
    }
    /* y takes the place of x: at all its users and at its producer, which must not be buried when
     * x has no users left. */
    move_uses(r, x, y);
    drop(r, node);
    struct node *n = &g->nodes[at];
    for (int i = 0; i < n->n_outputs; i++)
        if (n->outputs[i] == x) n->outputs[i] = y;
    g->tensors[x].producer = -1;
    g->tensors[y].producer = at;
    bury(r);
    return STATUS_OK;
}

void rewrite_remove(struct rewrite *r, int node) {
    drop(r, node);
    bury(r);
}

void rewrite_fold(struct rewrite *r, int node, int i, const void *data, size_t bytes) {
    int t = r->g->nodes[node].outputs[i];
    r->g->tensors[t].data = data;
    r->g->tensors[t].data_bytes = bytes;
    r->g->tensors[t].producer = -1;
    r->changed = true;
}

enum status rewrite_constant(struct rewrite *r, const char *name, enum dtype dtype,
                             struct shape shape, const void *data, int *out, void **out_data) {
    int before = r->g->n_tensors;
    TRY(graph_add_constant(r->g, name, dtype, shape, data, false, out));
    TRY(cover_tensors(r, before));
    if (out_data) *out_data = (void *)(uintptr_t)r->g->tensors[*out].data;
    return STATUS_OK;
}

enum status rewrite_insert(struct rewrite *r, int before, enum op_kind op, const char *name,
                           int n_inputs, const int *inputs, enum dtype dtype, struct shape shape,
                           int *out_node, int *out_tensor) {
    int n_before = r->g->n_tensors;
    TRY(graph_add_tensor(r->g, name, dtype, shape, out_tensor));
    TRY(cover_tensors(r, n_before));
    TRY(graph_add_node(r->g, op, name, n_inputs, inputs, 1, out_tensor, out_node));
    TRY(cover_node(r, *out_node));
    r->anchor[*out_node] = before < r->n_nodes ? before : r->anchor[before];
    r->changed = true;
    return link_inputs(r, *out_node);
}

/* ---- values ---- */

bool graph_splat(const struct graph *g, int t, double *out) {
    if (t < 0 || !g->tensors[t].data) return false;
    const struct tensor *x = &g->tensors[t];
    size_t size = dtype_size(x->dtype);
    if (x->data_bytes < size) return false;
    /* Every element equals the one before it. */
    if (memcmp(x->data, (const char *)x->data + size, x->data_bytes - size)) return false;
    struct view v = {x->dtype, x->shape, (void *)(uintptr_t)x->data, x->name, true};
    *out = view_get_f64(&v, 0);
    return true;
}

int graph_const_ints(const struct graph *g, int t, int64_t *out, int max) {
    if (t < 0 || !g->tensors[t].data) return -1;
    const struct tensor *x = &g->tensors[t];
    int64_t n = shape_elements(&x->shape);
    if (dtype_is_float(x->dtype) || n > max) return -1;
    struct view v = {x->dtype, x->shape, (void *)(uintptr_t)x->data, x->name, true};
    for (int64_t i = 0; i < n; i++) out[i] = view_get_i64(&v, i);
    return (int)n;
}
