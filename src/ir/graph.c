/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Building, reading and changing graphs; see graph.h. Checking lives in verify.c, the text form in
 * print.c and parse.c. Everything is allocated from the graph's arena; arrays grow by doubling and
 * the old copies stay in the arena until the graph goes, which a graph's short life affords.
 */
#include "ir/graph.h"

#include <stdarg.h>
#include <string.h>

#include "base/alloc.h"

struct graph_attachment {
    struct graph_attachment *next;
    void *p;
    void (*release)(void *);
};

/* Open addressing; capacity is a power of two, at most half full. */
struct graph_names {
    int capacity, used;
    int *slot; /* tensor index + 1; 0 = empty */
};

#define NO_MEMORY "out of memory while building the graph"

/* ---- shapes ---- */

struct shape shape_of(int rank, ...) {
    struct shape s = {.rank = rank};
    va_list args;
    va_start(args, rank);
    for (int i = 0; i < rank && i < SHAPE_MAX_RANK; i++) s.dim[i] = va_arg(args, int);
    va_end(args);
    return s;
}

struct shape shape_from(int rank, const int64_t *dims) {
    struct shape s = {.rank = rank};
    for (int i = 0; i < rank && i < SHAPE_MAX_RANK; i++) s.dim[i] = dims[i];
    return s;
}

bool shape_known(const struct shape *s) {
    if (s->rank < 0) return false;
    for (int i = 0; i < s->rank; i++)
        if (s->dim[i] < 0) return false;
    return true;
}

bool shape_equal(const struct shape *a, const struct shape *b) {
    if (a->rank != b->rank) return false;
    for (int i = 0; i < a->rank; i++)
        if (a->dim[i] != b->dim[i]) return false;
    return true;
}

int64_t shape_elements(const struct shape *s) {
    if (!shape_known(s)) return -1;
    int64_t n = 1;
    for (int i = 0; i < s->rank; i++)
        if (!i64_mul(n, s->dim[i], &n)) return -1;
    return n;
}

const char *shape_text(const struct shape *s, char buf[static 128]) {
    size_t n = 0;
    if (s->rank < 0) return strcpy(buf, "[*]");
    buf[n++] = '[';
    for (int i = 0; i < s->rank && n < 100; i++) {
        if (i) buf[n++] = ',';
        if (s->dim[i] < 0) buf[n++] = '?';
        else n += (size_t)snprintf(buf + n, 128 - n, "%lld", (long long)s->dim[i]);
    }
    buf[n++] = ']';
    buf[n] = '\0';
    return buf;
}

/* ---- names ---- */

static uint64_t hash_text(const char *s) {
    uint64_t h = 1469598103934665603u;
    while (*s) h = (h ^ (unsigned char)*s++) * 1099511628211u;
    return h;
}

static int *name_slot(const struct graph *g, const char *name) {
    struct graph_names *t = g->names;
    uint64_t i = hash_text(name);
    for (;; i++) {
        int *slot = &t->slot[i & (uint64_t)(t->capacity - 1)];
        if (!*slot || !strcmp(g->tensors[*slot - 1].name, name)) return slot;
    }
}

static enum status names_grow(struct graph *g) {
    struct graph_names *t = g->names;
    if (2 * (t->used + 1) <= t->capacity) return STATUS_OK;
    int capacity = t->capacity ? 2 * t->capacity : 64;
    int *slot = arena_calloc(&g->arena, (size_t)capacity, sizeof *slot);
    CHECK(slot, STATUS_MEMORY, NO_MEMORY);
    int *old = t->slot, n_old = t->capacity;
    t->slot = slot;
    t->capacity = capacity;
    for (int i = 0; i < n_old; i++)
        if (old[i]) *name_slot(g, g->tensors[old[i] - 1].name) = old[i];
    return STATUS_OK;
}

int graph_find_tensor(const struct graph *g, const char *name) {
    return g->names->capacity ? *name_slot(g, name) - 1 : -1;
}

/* ---- life ---- */

enum status graph_create(struct graph **out) {
    *out = NULL;
    struct graph *g = mem_calloc(1, sizeof *g);
    CHECK(g, STATUS_MEMORY, NO_MEMORY);
    arena_init(&g->arena, 0);
    g->name = "graph";
    g->names = arena_alloc(&g->arena, sizeof *g->names);
    if (!g->names) {
        graph_destroy(g);
        FAIL(STATUS_MEMORY, NO_MEMORY);
    }
    *out = g;
    return STATUS_OK;
}

void graph_destroy(struct graph *g) {
    if (!g) return;
    for (struct graph_attachment *a = g->attachments; a; a = a->next) a->release(a->p);
    arena_deinit(&g->arena);
    mem_free(g);
}

enum status graph_attach(struct graph *g, void *p, void (*release)(void *)) {
    struct graph_attachment *a = arena_alloc(&g->arena, sizeof *a);
    if (!a) {
        release(p);
        FAIL(STATUS_MEMORY, NO_MEMORY);
    }
    *a = (struct graph_attachment){g->attachments, p, release};
    g->attachments = a;
    return STATUS_OK;
}

/* ---- building ---- */

/* Room for one more element in an arena array. */
static enum status grow(struct graph *g, void *array, int n, int *cap, size_t element_bytes) {
    if (n < *cap) return STATUS_OK;
    CHECK(n < INT32_MAX / 4, STATUS_LIMIT, "the graph has too many elements (%d)", n);
    int wider = *cap ? 2 * *cap : 16;
    void *fresh = arena_calloc(&g->arena, (size_t)wider, element_bytes);
    CHECK(fresh, STATUS_MEMORY, NO_MEMORY);
    if (n) memcpy(fresh, *(void **)array, (size_t)n * element_bytes);
    *(void **)array = fresh;
    *cap = wider;
    return STATUS_OK;
}

static enum status unique_name(struct graph *g, const char *name, const char **out) {
    bool made_up = !name || !*name;
    if (made_up) name = "t";
    const char *candidate = name;
    for (int i = made_up ? g->n_tensors : 1; made_up || graph_find_tensor(g, candidate) >= 0; i++) {
        candidate = arena_printf(&g->arena, "%s_%d", name, i);
        CHECK(candidate, STATUS_MEMORY, NO_MEMORY);
        made_up = false;
    }
    if (candidate == name) candidate = arena_strdup(&g->arena, name);
    CHECK(candidate, STATUS_MEMORY, NO_MEMORY);
    *out = candidate;
    return STATUS_OK;
}

enum status graph_add_tensor(struct graph *g, const char *name, enum dtype dtype,
                             struct shape shape, int *out) {
    *out = -1;
    CHECK(shape.rank <= SHAPE_MAX_RANK, STATUS_LIMIT,
          "tensor '%s' has %d dimensions; at most %d are supported", name ? name : "", shape.rank,
          SHAPE_MAX_RANK);
    if (shape_known(&shape)) {
        int64_t n = shape_elements(&shape);
        CHECK(n >= 0 && n <= INT64_MAX / 16, STATUS_LIMIT, "the shape of tensor '%s' overflows",
              name ? name : "");
    }
    TRY(names_grow(g));
    TRY(grow(g, &g->tensors, g->n_tensors, &g->cap_tensors, sizeof *g->tensors));
    const char *unique = NULL;
    TRY(unique_name(g, name, &unique));
    int t = g->n_tensors++;
    g->tensors[t] = (struct tensor){.name = unique, .dtype = dtype, .shape = shape, .producer = -1};
    *name_slot(g, unique) = t + 1;
    g->names->used++;
    *out = t;
    return STATUS_OK;
}

enum status graph_add_constant(struct graph *g, const char *name, enum dtype dtype,
                               struct shape shape, const void *data, bool borrow, int *out) {
    *out = -1;
    int64_t n = shape_elements(&shape);
    CHECK(n >= 0 && dtype_size(dtype), STATUS_ARGUMENT, "constant '%s' has no known shape or type",
          name ? name : "");
    size_t bytes;
    CHECK(size_mul((size_t)n, dtype_size(dtype), &bytes), STATUS_LIMIT,
          "the size of constant '%s' overflows", name ? name : "");
    if (!data || !borrow) {
        /* At least a byte, so that an empty constant still has an address and counts as one. */
        void *copy = arena_alloc_data(&g->arena, bytes ? bytes : 1);
        CHECK(copy, STATUS_MEMORY, NO_MEMORY);
        if (data) memcpy(copy, data, bytes);
        else memset(copy, 0, bytes);
        data = copy;
    }
    int t;
    TRY(graph_add_tensor(g, name, dtype, shape, &t));
    g->tensors[t].data = data;
    g->tensors[t].data_bytes = bytes;
    *out = t;
    return STATUS_OK;
}

enum status graph_add_node(struct graph *g, enum op_kind op, const char *name, int n_inputs,
                           const int *inputs, int n_outputs, const int *outputs, int *out) {
    if (out) *out = -1;
    TRY(grow(g, &g->nodes, g->n_nodes, &g->cap_nodes, sizeof *g->nodes));
    struct node n = {.op = op, .n_inputs = n_inputs, .n_outputs = n_outputs};
    n.name = name && *name ? arena_strdup(&g->arena, name)
                           : arena_printf(&g->arena, "node_%d", g->n_nodes);
    n.inputs = arena_calloc(&g->arena, (size_t)n_inputs + 1, sizeof *n.inputs);
    n.outputs = arena_calloc(&g->arena, (size_t)n_outputs + 1, sizeof *n.outputs);
    CHECK(n.name && n.inputs && n.outputs, STATUS_MEMORY, NO_MEMORY);
    for (int i = 0; i < n_inputs; i++) n.inputs[i] = inputs[i];
    for (int i = 0; i < n_outputs; i++) {
        n.outputs[i] = outputs[i];
        if (outputs[i] < 0) continue;
        struct tensor *t = &g->tensors[outputs[i]];
        CHECK(t->producer < 0 && !t->data, STATUS_FORMAT,
              "tensor '%s' is produced twice, the second time by node '%s'", t->name, n.name);
        t->producer = g->n_nodes;
    }
    if (out) *out = g->n_nodes;
    g->nodes[g->n_nodes++] = n;
    return STATUS_OK;
}

enum status graph_add_input(struct graph *g, int tensor) {
    TRY(grow(g, &g->inputs, g->n_inputs, &g->cap_inputs, sizeof *g->inputs));
    g->inputs[g->n_inputs++] = tensor;
    return STATUS_OK;
}

enum status graph_add_output(struct graph *g, int tensor) {
    TRY(grow(g, &g->outputs, g->n_outputs, &g->cap_outputs, sizeof *g->outputs));
    g->outputs[g->n_outputs++] = tensor;
    return STATUS_OK;
}

enum status graph_set_meta(struct graph *g, const char *key, const char *value) {
    const char *copy = arena_strdup(&g->arena, value);
    CHECK(copy, STATUS_MEMORY, NO_MEMORY);
    for (int i = 0; i < g->n_meta; i++)
        if (!strcmp(g->meta[i].key, key)) {
            g->meta[i].value = copy;
            return STATUS_OK;
        }
    TRY(grow(g, &g->meta, g->n_meta, &g->cap_meta, sizeof *g->meta));
    const char *k = arena_strdup(&g->arena, key);
    CHECK(k, STATUS_MEMORY, NO_MEMORY);
    g->meta[g->n_meta++] = (struct graph_meta){k, copy};
    return STATUS_OK;
}

const char *graph_get_meta(const struct graph *g, const char *key) {
    for (int i = 0; i < g->n_meta; i++)
        if (!strcmp(g->meta[i].key, key)) return g->meta[i].value;
    return NULL;
}

/* ---- attributes ---- */

static enum status set_attr(struct graph *g, int node, const char *name, enum attr_type type,
                            int n, const void *value, size_t bytes) {
    struct node *at = &g->nodes[node];
    void *copy = arena_alloc(&g->arena, bytes + 1);
    CHECK(copy, STATUS_MEMORY, NO_MEMORY);
    if (bytes) memcpy(copy, value, bytes);
    struct attr a = {.type = type, .n = n, .ints = copy};
    for (int i = 0; i < at->n_attrs; i++)
        if (!strcmp(at->attrs[i].name, name)) {
            a.name = at->attrs[i].name;
            at->attrs[i] = a;
            return STATUS_OK;
        }
    struct attr *wider = arena_calloc(&g->arena, (size_t)at->n_attrs + 1, sizeof *wider);
    a.name = arena_strdup(&g->arena, name);
    CHECK(wider && a.name, STATUS_MEMORY, NO_MEMORY);
    if (at->n_attrs) memcpy(wider, at->attrs, (size_t)at->n_attrs * sizeof *wider);
    wider[at->n_attrs++] = a;
    at->attrs = wider;
    return STATUS_OK;
}

enum status node_set_int(struct graph *g, int node, const char *name, int64_t value) {
    return set_attr(g, node, name, ATTR_INT, 1, &value, sizeof value);
}
enum status node_set_float(struct graph *g, int node, const char *name, float value) {
    return set_attr(g, node, name, ATTR_FLOAT, 1, &value, sizeof value);
}
enum status node_set_string(struct graph *g, int node, const char *name, const char *value) {
    return set_attr(g, node, name, ATTR_STRING, (int)strlen(value), value, strlen(value));
}
enum status node_set_ints(struct graph *g, int node, const char *name, int n, const int64_t *v) {
    return set_attr(g, node, name, ATTR_INTS, n, v, (size_t)n * sizeof *v);
}
enum status node_set_floats(struct graph *g, int node, const char *name, int n, const float *v) {
    return set_attr(g, node, name, ATTR_FLOATS, n, v, (size_t)n * sizeof *v);
}

void node_remove_attr(struct node *n, const char *name) {
    for (int i = 0; i < n->n_attrs; i++)
        if (!strcmp(n->attrs[i].name, name)) {
            memmove(&n->attrs[i], &n->attrs[i + 1],
                    (size_t)(n->n_attrs - i - 1) * sizeof *n->attrs);
            n->n_attrs--;
            return;
        }
}

const struct attr *node_attr(const struct node *n, const char *name) {
    for (int i = 0; i < n->n_attrs; i++)
        if (!strcmp(n->attrs[i].name, name)) return &n->attrs[i];
    return NULL;
}

int64_t node_int(const struct node *n, const char *name, int64_t fallback) {
    const struct attr *a = node_attr(n, name);
    return a && a->type == ATTR_INT ? a->ints[0] : fallback;
}
float node_float(const struct node *n, const char *name, float fallback) {
    const struct attr *a = node_attr(n, name);
    return a && a->type == ATTR_FLOAT ? a->floats[0] : fallback;
}
const char *node_string(const struct node *n, const char *name, const char *fallback) {
    const struct attr *a = node_attr(n, name);
    return a && a->type == ATTR_STRING ? a->string : fallback;
}
int node_ints(const struct node *n, const char *name, int64_t *out, int max) {
    const struct attr *a = node_attr(n, name);
    if (!a || a->type != ATTR_INTS) return -1;
    for (int i = 0; i < a->n && i < max; i++) out[i] = a->ints[i];
    return a->n;
}
int node_floats(const struct node *n, const char *name, float *out, int max) {
    const struct attr *a = node_attr(n, name);
    if (!a || a->type != ATTR_FLOATS) return -1;
    for (int i = 0; i < a->n && i < max; i++) out[i] = a->floats[i];
    return a->n;
}

/* ---- reading ---- */

const struct tensor *node_input(const struct graph *g, const struct node *n, int i) {
    return i < n->n_inputs && n->inputs[i] >= 0 ? &g->tensors[n->inputs[i]] : NULL;
}
const struct tensor *node_output(const struct graph *g, const struct node *n, int i) {
    return i < n->n_outputs && n->outputs[i] >= 0 ? &g->tensors[n->outputs[i]] : NULL;
}
bool graph_is_input(const struct graph *g, int tensor) {
    for (int i = 0; i < g->n_inputs; i++)
        if (g->inputs[i] == tensor) return true;
    return false;
}
bool graph_is_output(const struct graph *g, int tensor) {
    for (int i = 0; i < g->n_outputs; i++)
        if (g->outputs[i] == tensor) return true;
    return false;
}

/* ---- changing ---- */

void graph_replace_uses(struct graph *g, int from, int to, bool outputs) {
    for (int n = 0; n < g->n_nodes; n++)
        for (int i = 0; i < g->nodes[n].n_inputs; i++)
            if (g->nodes[n].inputs[i] == from) g->nodes[n].inputs[i] = to;
    for (int i = 0; outputs && i < g->n_outputs; i++)
        if (g->outputs[i] == from) g->outputs[i] = to;
}

void graph_remove_node(struct graph *g, int node) {
    struct node *n = &g->nodes[node];
    for (int i = 0; i < n->n_outputs; i++)
        if (n->outputs[i] >= 0 && g->tensors[n->outputs[i]].producer == node)
            g->tensors[n->outputs[i]].producer = -1;
    n->op = OP_NONE;
    n->n_inputs = n->n_outputs = n->n_attrs = 0;
}

enum status node_set_inputs(struct graph *g, int node, int n, const int *inputs) {
    int *copy = arena_calloc(&g->arena, (size_t)n + 1, sizeof *copy);
    CHECK(copy, STATUS_MEMORY, NO_MEMORY);
    memcpy(copy, inputs, (size_t)n * sizeof *copy);
    g->nodes[node].inputs = copy;
    g->nodes[node].n_inputs = n;
    return STATUS_OK;
}

enum status graph_find_uses(const struct graph *g, struct graph_uses *out) {
    *out = (struct graph_uses){0};
    size_t total = 0, nt = (size_t)g->n_tensors;
    for (int n = 0; n < g->n_nodes; n++) total += (size_t)g->nodes[n].n_inputs;
    int *block = mem_calloc(2 * nt + 2 + total, sizeof *block);
    CHECK(block, STATUS_MEMORY, NO_MEMORY);
    out->first = block;
    out->count_outputs = block + nt + 1;
    out->node = out->count_outputs + nt + 1;
    for (int n = 0; n < g->n_nodes; n++)
        for (int i = 0; i < g->nodes[n].n_inputs; i++)
            if (g->nodes[n].inputs[i] >= 0) out->first[g->nodes[n].inputs[i] + 1]++;
    for (size_t t = 0; t < nt; t++) out->first[t + 1] += out->first[t];
    /* Fill backwards so that each list ends up ascending and first[] needs no second copy. */
    for (int n = g->n_nodes - 1; n >= 0; n--)
        for (int i = 0; i < g->nodes[n].n_inputs; i++)
            if (g->nodes[n].inputs[i] >= 0) out->node[--out->first[g->nodes[n].inputs[i] + 1]] = n;
    /* first[t + 1] is now the start of t; shift back. */
    for (size_t t = 0; t < nt; t++) out->first[t] = out->first[t + 1];
    out->first[nt] = 0;
    for (int n = 0; n < g->n_nodes; n++)
        for (int i = 0; i < g->nodes[n].n_inputs; i++)
            if (g->nodes[n].inputs[i] >= 0) out->first[nt]++;
    for (int i = 0; i < g->n_outputs; i++) out->count_outputs[g->outputs[i]]++;
    return STATUS_OK;
}

void graph_uses_deinit(struct graph_uses *u) {
    mem_free(u->first);
    *u = (struct graph_uses){0};
}

enum status graph_sort(struct graph *g) {
    /* Kahn's algorithm with a queue in node order, so that an ordered graph keeps its order. */
    int n = g->n_nodes;
    struct graph_uses uses;
    TRY(graph_find_uses(g, &uses));
    int *waiting = mem_calloc((size_t)n * 3 + 1, sizeof *waiting);
    struct node *sorted = arena_calloc(&g->arena, (size_t)n + 1, sizeof *sorted);
    if (!waiting || !sorted) {
        graph_uses_deinit(&uses);
        mem_free(waiting);
        FAIL(STATUS_MEMORY, NO_MEMORY);
    }
    int *heap = waiting + n, n_heap = 0, n_sorted = 0, n_alive = 0;
    int *position = heap + n;
    for (int i = 0; i < n; i++) {
        if (g->nodes[i].op == OP_NONE) continue;
        n_alive++;
        for (int k = 0; k < g->nodes[i].n_inputs; k++) {
            int t = g->nodes[i].inputs[k];
            if (t >= 0 && g->tensors[t].producer >= 0) waiting[i]++;
        }
    }
/* A binary heap of ready nodes: always the one that came first in the source. */
#define PUSH(v)                                                                                    \
    do {                                                                                           \
        int c_ = n_heap++;                                                                         \
        heap[c_] = (v);                                                                            \
        for (; c_ && heap[(c_ - 1) / 2] > heap[c_]; c_ = (c_ - 1) / 2) {                           \
            int x_ = heap[c_];                                                                     \
            heap[c_] = heap[(c_ - 1) / 2];                                                         \
            heap[(c_ - 1) / 2] = x_;                                                               \
        }                                                                                          \
    } while (0)
    for (int i = 0; i < n; i++)
        if (g->nodes[i].op != OP_NONE && !waiting[i]) PUSH(i);
    while (n_heap) {
        int i = heap[0];
        heap[0] = heap[--n_heap];
        for (int at = 0, c; (c = 2 * at + 1) < n_heap; at = c) {
            if (c + 1 < n_heap && heap[c + 1] < heap[c]) c++;
            if (heap[at] <= heap[c]) break;
            int x = heap[at];
            heap[at] = heap[c];
            heap[c] = x;
        }
        position[i] = n_sorted;
        sorted[n_sorted++] = g->nodes[i];
        for (int k = 0; k < g->nodes[i].n_outputs; k++) {
            int t = g->nodes[i].outputs[k];
            if (t < 0) continue;
            for (int u = uses.first[t]; u < uses.first[t + 1]; u++)
                if (--waiting[uses.node[u]] == 0) PUSH(uses.node[u]);
        }
    }
#undef PUSH
    enum status s = STATUS_OK;
    if (n_sorted < n_alive) {
        int stuck = 0;
        while (g->nodes[stuck].op == OP_NONE || !waiting[stuck]) stuck++;
        s = status_set(STATUS_FORMAT, __FILE__, __LINE__,
                       "the graph has a cycle through node '%s'; a model must be acyclic",
                       g->nodes[stuck].name);
    } else {
        for (int t = 0; t < g->n_tensors; t++)
            if (g->tensors[t].producer >= 0)
                g->tensors[t].producer = position[g->tensors[t].producer];
        g->nodes = sorted;
        g->n_nodes = n_sorted;
        g->cap_nodes = n + 1;
    }
    graph_uses_deinit(&uses);
    mem_free(waiting);
    return s;
}

/* Copies what is reachable from the outputs (and all inputs) into `to`. */
static enum status copy_live(const struct graph *g, bool share_data, struct graph *to, int *map,
                             unsigned char *live) {
    for (int i = 0; i < g->n_outputs; i++) live[g->outputs[i]] = 1;
    for (int n = g->n_nodes - 1; n >= 0; n--) {
        const struct node *d = &g->nodes[n];
        bool wanted = false;
        for (int i = 0; i < d->n_outputs; i++) wanted |= d->outputs[i] >= 0 && live[d->outputs[i]];
        for (int i = 0; wanted && i < d->n_inputs; i++)
            if (d->inputs[i] >= 0) live[d->inputs[i]] = 1;
    }
    for (int i = 0; i < g->n_inputs; i++) live[g->inputs[i]] = 1;
    to->name = arena_strdup(&to->arena, g->name);
    CHECK(to->name, STATUS_MEMORY, NO_MEMORY);
    for (int t = 0; t < g->n_tensors; t++) {
        map[t] = -1;
        if (!live[t]) continue;
        const struct tensor *x = &g->tensors[t];
        if (x->data)
            TRY(graph_add_constant(to, x->name, x->dtype, x->shape, x->data, share_data, &map[t]));
        else
            TRY(graph_add_tensor(to, x->name, x->dtype, x->shape, &map[t]));
    }
    for (int n = 0; n < g->n_nodes; n++) {
        const struct node *d = &g->nodes[n];
        bool wanted = false;
        for (int i = 0; i < d->n_outputs; i++) wanted |= d->outputs[i] >= 0 && live[d->outputs[i]];
        if (d->op == OP_NONE || !wanted) continue;
        int in_buf[64], out_buf[64], *in = in_buf, *out = out_buf, node;
        if (d->n_inputs > 64) in = mem_alloc((size_t)d->n_inputs * sizeof *in);
        if (d->n_outputs > 64) out = mem_alloc((size_t)d->n_outputs * sizeof *out);
        enum status s = STATUS_MEMORY;
        if (in && out) {
            for (int i = 0; i < d->n_inputs; i++) in[i] = d->inputs[i] < 0 ? -1 : map[d->inputs[i]];
            for (int i = 0; i < d->n_outputs; i++)
                out[i] = d->outputs[i] < 0 ? -1 : map[d->outputs[i]];
            s = graph_add_node(to, d->op, d->name, d->n_inputs, in, d->n_outputs, out, &node);
        } else {
            status_set(s, __FILE__, __LINE__, NO_MEMORY);
        }
        if (in != in_buf) mem_free(in);
        if (out != out_buf) mem_free(out);
        TRY(s);
        for (int i = 0; i < d->n_attrs; i++) {
            const struct attr *a = &d->attrs[i];
            size_t bytes = a->type == ATTR_STRING ? (size_t)a->n
                           : a->type == ATTR_FLOAT || a->type == ATTR_FLOATS
                               ? (size_t)a->n * sizeof(float)
                               : (size_t)a->n * sizeof(int64_t);
            TRY(set_attr(to, node, a->name, a->type, a->n, a->ints, bytes));
        }
    }
    for (int i = 0; i < g->n_inputs; i++) TRY(graph_add_input(to, map[g->inputs[i]]));
    for (int i = 0; i < g->n_outputs; i++) TRY(graph_add_output(to, map[g->outputs[i]]));
    for (int i = 0; i < g->n_meta; i++)
        TRY(graph_set_meta(to, g->meta[i].key, g->meta[i].value));
    return STATUS_OK;
}

enum status graph_clone(const struct graph *g, bool share_data, struct graph **out) {
    *out = NULL;
    struct graph *to;
    TRY(graph_create(&to));
    int *map = mem_calloc((size_t)g->n_tensors + 1, sizeof *map);
    unsigned char *live = mem_calloc((size_t)g->n_tensors + 1, 1);
    enum status s = map && live ? copy_live(g, share_data, to, map, live)
                                : status_set(STATUS_MEMORY, __FILE__, __LINE__, NO_MEMORY);
    mem_free(map);
    mem_free(live);
    if (s != STATUS_OK) graph_destroy(to);
    else *out = to;
    return s;
}

enum status graph_compact(struct graph *g) {
    struct graph *copy;
    TRY(graph_clone(g, true, &copy));
    /* The copy borrows data that lies in our arena: move its bookkeeping here, and keep its arena
     * by chaining the blocks. */
    struct arena old = g->arena;
    struct graph_attachment *attachments = g->attachments;
    *g = *copy;
    g->attachments = attachments;
    arena_adopt(&g->arena, &old);
    mem_free(copy);
    return STATUS_OK;
}
