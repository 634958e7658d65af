/* SPDX-License-Identifier: Apache-2.0 */
/* Uses are doubly linked lists, one per tensor, through an array that only grows: a node that gets
 * other inputs gets new entries. Tensors that lose their last use go on a stack, not through
 * recursion, since a dead chain may be as long as the graph. */
#include "passes/edit.h"

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
static enum status cover_tensors(struct edit *e, int n_before) {
    int n = e->g->n_tensors, cap_dying = e->cap_dying;
    TRY(reserve(&e->tensors, n, &e->cap_tensors, sizeof *e->tensors));
    TRY(reserve(&e->dying, n, &cap_dying, sizeof *e->dying));
    e->cap_dying = cap_dying;
    for (int t = n_before; t < n; t++) e->tensors[t] = (struct edit_tensor){.first = -1};
    return STATUS_OK;
}

static enum status cover_node(struct edit *e, int node) {
    int cap = e->cap_nodes;
    TRY(reserve(&e->anchor, node + 1, &cap, sizeof *e->anchor));
    TRY(reserve(&e->node_uses, node + 1, &e->cap_nodes, sizeof *e->node_uses));
    e->node_uses[node] = 0;
    e->anchor[node] = node;
    return STATUS_OK;
}

/* ---- links ---- */

static void link_use(struct edit *e, int u, int t) {
    if (t < 0) return;
    struct edit_tensor *x = &e->tensors[t];
    e->uses[u].next = x->first;
    e->uses[u].previous = -1;
    if (x->first >= 0) e->uses[x->first].previous = u;
    x->first = u;
    x->n_uses++;
}

static void unlink_use(struct edit *e, int u, int t) {
    if (t < 0) return;
    struct edit_tensor *x = &e->tensors[t];
    int next = e->uses[u].next, previous = e->uses[u].previous;
    if (previous >= 0) e->uses[previous].next = next;
    else x->first = next;
    if (next >= 0) e->uses[next].previous = previous;
    if (--x->n_uses == 0) e->dying[e->n_dying++] = t;
}

static enum status link_inputs(struct edit *e, int node) {
    const struct node *n = &e->g->nodes[node];
    TRY(reserve(&e->uses, e->n_uses + n->n_inputs, &e->cap_uses, sizeof *e->uses));
    e->node_uses[node] = e->n_uses;
    for (int i = 0; i < n->n_inputs; i++) {
        e->uses[e->n_uses] = (struct edit_use){node, i, -1, -1};
        link_use(e, e->n_uses++, n->inputs[i]);
    }
    return STATUS_OK;
}

static void unlink_inputs(struct edit *e, int node) {
    const struct node *n = &e->g->nodes[node];
    for (int i = 0; i < n->n_inputs; i++) unlink_use(e, e->node_uses[node] + i, n->inputs[i]);
}

static void drop(struct edit *e, int node) {
    unlink_inputs(e, node);
    graph_remove_node(e->g, node);
    e->changed = true;
}

/* Removes the producers of tensors nobody uses any more, and so on up. */
static void bury(struct edit *e) {
    while (e->n_dying) {
        int t = e->dying[--e->n_dying], at = e->g->tensors[t].producer;
        if (at < 0 || e->tensors[t].n_uses) continue;
        const struct node *n = &e->g->nodes[at];
        bool used = false;
        for (int i = 0; i < n->n_outputs; i++)
            used |= n->outputs[i] >= 0 && e->tensors[n->outputs[i]].n_uses;
        if (!used) drop(e, at);
    }
}

/* ---- life ---- */

static void deinit(struct edit *e) {
    mem_free(e->tensors);
    mem_free(e->uses);
    mem_free(e->node_uses);
    mem_free(e->anchor);
    mem_free(e->dying);
    *e = (struct edit){0};
}

static enum status build(struct edit *e) {
    struct graph *g = e->g;
    TRY(cover_tensors(e, 0));
    int n_uses = 0;
    for (int n = 0; n < g->n_nodes; n++) n_uses += g->nodes[n].n_inputs;
    TRY(reserve(&e->uses, n_uses, &e->cap_uses, sizeof *e->uses));
    if (g->n_nodes) TRY(cover_node(e, g->n_nodes - 1));
    for (int n = 0; n < g->n_nodes; n++) {
        e->anchor[n] = n;
        TRY(link_inputs(e, n));
    }
    for (int i = 0; i < g->n_outputs; i++) {
        e->tensors[g->outputs[i]].is_output = true;
        e->tensors[g->outputs[i]].n_uses++;
    }
    return STATUS_OK;
}

enum status edit_init(struct edit *e, struct graph *g) {
    *e = (struct edit){.g = g, .n_nodes = g->n_nodes};
    enum status s = build(e);
    if (s != STATUS_OK) deinit(e);
    return s;
}

/* Puts each added node in front of its anchor. */
static enum status reorder(struct edit *e) {
    struct graph *g = e->g;
    int n_old = e->n_nodes, n = g->n_nodes;
    struct node *sorted = arena_calloc(&g->arena, (size_t)n + 1, sizeof *sorted);
    int *count = mem_calloc((size_t)n_old + 2, sizeof *count);
    if (!sorted || !count) {
        mem_free(count);
        FAIL(STATUS_MEMORY, NO_MEMORY);
    }
    /* Counting sort by anchor; the anchor itself comes last of its group. */
    for (int i = 0; i < n; i++) count[(i < n_old ? i : e->anchor[i]) + 1]++;
    for (int i = 0; i <= n_old; i++) count[i + 1] += count[i];
    for (int k = 0; k < n; k++) {
        int i = k < n - n_old ? n_old + k : k - (n - n_old);
        int to = count[i < n_old ? i : e->anchor[i]]++;
        sorted[to] = g->nodes[i];
        for (int o = 0; o < sorted[to].n_outputs; o++)
            if (sorted[to].outputs[o] >= 0) g->tensors[sorted[to].outputs[o]].producer = to;
    }
    g->nodes = sorted;
    g->cap_nodes = n + 1;
    mem_free(count);
    return STATUS_OK;
}

enum status edit_finish(struct edit *e, enum status s) {
    if (s == STATUS_OK && e->g->n_nodes > e->n_nodes) s = reorder(e);
    if (s == STATUS_OK && e->changed) s = graph_compact(e->g);
    deinit(e);
    return s;
}

enum status edit_sweep(struct graph *g, enum status (*visit)(struct edit *e, int node)) {
    struct edit e;
    TRY(edit_init(&e, g));
    enum status s = STATUS_OK;
    for (int n = 0; s == STATUS_OK && n < e.n_nodes; n++)
        if (g->nodes[n].op != OP_NONE) s = visit(&e, n);
    return edit_finish(&e, s);
}

/* ---- looking ---- */

int edit_only_user(const struct edit *e, int t) {
    const struct edit_tensor *x = &e->tensors[t];
    return x->n_uses == 1 && x->first >= 0 ? e->uses[x->first].node : -1;
}

int edit_users(const struct edit *e, int t, int max, int *nodes) {
    int n = 0;
    for (int u = e->tensors[t].first; u >= 0 && n < max; u = e->uses[u].next) {
        int node = e->uses[u].node, at = n;
        while (at > 0 && nodes[at - 1] >= node) at--;
        if (at < n && nodes[at] == node) continue;
        memmove(nodes + at + 1, nodes + at, (size_t)(n - at) * sizeof *nodes);
        nodes[at] = node;
        n++;
    }
    return n;
}

int edit_producer(const struct edit *e, int node, int i, enum op_kind op) {
    const struct node *n = &e->g->nodes[node];
    if (i >= n->n_inputs || n->inputs[i] < 0) return -1;
    int at = e->g->tensors[n->inputs[i]].producer;
    return at >= 0 && e->g->nodes[at].op == op ? at : -1;
}

int edit_only_producer(const struct edit *e, int node, int i, enum op_kind op) {
    int at = edit_producer(e, node, i, op);
    return at >= 0 && edit_only_user(e, e->g->nodes[node].inputs[i]) == node ? at : -1;
}

/* ---- changing ---- */

enum status edit_set_inputs(struct edit *e, int node, int n, const int *inputs) {
    struct node *d = &e->g->nodes[node];
    int *copy = arena_calloc(&e->g->arena, (size_t)n + 1, sizeof *copy);
    CHECK(copy, STATUS_MEMORY, NO_MEMORY);
    if (n) memcpy(copy, inputs, (size_t)n * sizeof *copy);
    /* New uses first, so that what stays in use does not die in between. */
    int old_uses = e->node_uses[node], old_n = d->n_inputs, *old = d->inputs;
    d->inputs = copy;
    d->n_inputs = n;
    enum status s = link_inputs(e, node);
    if (s != STATUS_OK) {
        d->inputs = old;
        d->n_inputs = old_n;
        return s;
    }
    for (int i = 0; i < old_n; i++) unlink_use(e, old_uses + i, old[i]);
    e->changed = true;
    bury(e);
    return STATUS_OK;
}

enum status edit_set_input(struct edit *e, int node, int i, int t) {
    struct node *d = &e->g->nodes[node];
    int old = d->inputs[i], u = e->node_uses[node] + i;
    if (old == t) return STATUS_OK;
    unlink_use(e, u, old);
    d->inputs[i] = t;
    link_use(e, u, t);
    e->changed = true;
    bury(e);
    return STATUS_OK;
}

void edit_set_op(struct edit *e, int node, enum op_kind op) {
    e->g->nodes[node].op = op;
    e->g->nodes[node].n_attrs = 0;
    e->g->nodes[node].attrs = NULL;
    e->changed = true;
}

enum status edit_become(struct edit *e, int node, int model, int n, const int *inputs) {
    struct node *d = &e->g->nodes[node], *m = &e->g->nodes[model];
    d->op = m->op;
    d->name = m->name;
    d->attrs = m->attrs;
    d->n_attrs = m->n_attrs;
    return edit_set_inputs(e, node, n, inputs);
}

static void move_uses(struct edit *e, int from, int to) {
    for (int u; (u = e->tensors[from].first) >= 0;) {
        unlink_use(e, u, from);
        e->g->nodes[e->uses[u].node].inputs[e->uses[u].input] = to;
        link_use(e, u, to);
        e->changed = true;
    }
}

void edit_replace(struct edit *e, int from, int to) {
    move_uses(e, from, to);
    bury(e);
}

/* y is what the producer of x makes. */
static void take_producer(struct graph *g, int x, int y) {
    int at = g->tensors[x].producer;
    struct node *n = &g->nodes[at];
    for (int i = 0; i < n->n_outputs; i++)
        if (n->outputs[i] == x) n->outputs[i] = y;
    g->tensors[x].producer = -1;
    g->tensors[y].producer = at;
}

void edit_absorb(struct edit *e, int node, int y, int x) {
    /* Before the node goes: the producer must not be buried when x has no users left. */
    move_uses(e, x, y);
    drop(e, node);
    take_producer(e->g, x, y);
    bury(e);
}

enum status edit_rename(struct edit *e, int t, const char *name, int *out) {
    struct graph *g = e->g;
    int before = g->n_tensors;
    TRY(graph_add_tensor(g, name, g->tensors[t].dtype, g->tensors[t].shape, out));
    TRY(cover_tensors(e, before));
    move_uses(e, t, *out);
    take_producer(g, t, *out);
    bury(e);
    return STATUS_OK;
}

enum status edit_bypass(struct edit *e, int node, int y, int x) {
    struct graph *g = e->g;
    if (!e->tensors[y].is_output) {
        edit_replace(e, y, x);
        return STATUS_OK;
    }
    if (g->tensors[x].producer < 0 || e->tensors[x].is_output) {
        edit_replace(e, y, x);
        if (g->nodes[node].op == OP_Identity) return STATUS_OK;
        edit_set_op(e, node, OP_Identity);
        return edit_set_inputs(e, node, 1, &x);
    }
    edit_absorb(e, node, y, x);
    return STATUS_OK;
}

void edit_remove(struct edit *e, int node) {
    drop(e, node);
    bury(e);
}

void edit_fold(struct edit *e, int node, int i, const void *data, size_t bytes) {
    int t = e->g->nodes[node].outputs[i];
    e->g->tensors[t].data = data;
    e->g->tensors[t].data_bytes = bytes;
    e->g->tensors[t].producer = -1;
    e->changed = true;
}

enum status edit_constant(struct edit *e, const char *name, enum dtype dtype,
                             struct shape shape, const void *data, int *out, void **out_data) {
    int before = e->g->n_tensors;
    TRY(graph_add_constant(e->g, name, dtype, shape, data, false, out));
    TRY(cover_tensors(e, before));
    if (out_data) *out_data = (void *)(uintptr_t)e->g->tensors[*out].data;
    return STATUS_OK;
}

enum status edit_take(struct edit *e, int t, int axis, const int *from, int64_t n, int *out) {
    const struct tensor x = e->g->tensors[t];
    struct shape shape = x.shape;
    int64_t all = x.shape.dim[axis], outer = 1, inner = 1;
    bool same = n == all;
    for (int64_t k = 0; same && k < n; k++) same = from[k] == k;
    *out = t;
    if (same) return STATUS_OK;
    for (int d = 0; d < axis; d++) outer *= x.shape.dim[d];
    for (int d = axis + 1; d < x.shape.rank; d++) inner *= x.shape.dim[d];
    shape.dim[axis] = n;
    size_t bytes = (size_t)inner * dtype_size(x.dtype);
    char *to;
    TRY(edit_constant(e, x.name, x.dtype, shape, NULL, out, (void **)&to));
    for (int64_t o = 0; o < outer; o++)
        for (int64_t k = 0; k < n; k++, to += bytes)
            memcpy(to, (const char *)x.data + (size_t)(o * all + from[k]) * bytes, bytes);
    return STATUS_OK;
}

enum status edit_insert(struct edit *e, int before, enum op_kind op, const char *name,
                           int n_inputs, const int *inputs, enum dtype dtype, struct shape shape,
                           int *out_node, int *out_tensor) {
    int n_before = e->g->n_tensors;
    TRY(graph_add_tensor(e->g, name, dtype, shape, out_tensor));
    TRY(cover_tensors(e, n_before));
    TRY(graph_add_node(e->g, op, name, n_inputs, inputs, 1, out_tensor, out_node));
    TRY(cover_node(e, *out_node));
    e->anchor[*out_node] = before < e->n_nodes ? before : e->anchor[before];
    e->changed = true;
    return link_inputs(e, *out_node);
}

enum status edit_copy_attrs(struct edit *e, int node, int from, const char *but) {
    for (int i = 0; i < e->g->nodes[from].n_attrs; i++)
        if (!*but || strncmp(e->g->nodes[from].attrs[i].name, but, strlen(but)))
            TRY(node_set_attr(e->g, node, &e->g->nodes[from].attrs[i]));
    return STATUS_OK;
}

/* ---- values ---- */

bool node_ints_are(const struct node *n, const char *name, int64_t value) {
    const struct attr *a = node_attr(n, name);
    for (int i = 0; a && i < a->n; i++)
        if (a->ints[i] != value) return false;
    return true;
}

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
