/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Building, reading and changing graphs; see graph.h. Order, copies and clearing up live in
 * order.c, checking in ops/verify.c, the text form in print.c and parse.c. Everything is allocated
 * from the graph's arena; arrays grow by doubling and the old copies stay in the arena until the
 * graph goes, which a graph's short life affords.
 */
#include "ir/graph.h"

#include <stdarg.h>
#include <string.h>

#include "base/alloc.h"
#include "ir/internal.h"

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

/* A hostile model may carry any number of these, and each is looked up by name. */
enum { MAX_ATTRS = 1024, MAX_META = 4096 };

#define NO_MEMORY GRAPH_NO_MEMORY

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

void graph_rebuild_names(struct graph *g) {
    struct graph_names *t = g->names;
    if (!t->capacity) return;
    memset(t->slot, 0, (size_t)t->capacity * sizeof *t->slot);
    for (int i = 0; i < g->n_tensors; i++) *name_slot(g, g->tensors[i].name) = i + 1;
    t->used = g->n_tensors;
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

void graph_release(struct graph *g) {
    for (struct graph_attachment *a = g->attachments; a; a = a->next) a->release(a->p);
    g->attachments = NULL;
    g->constants = NULL;
    g->constants_bytes = 0;
}

void graph_destroy(struct graph *g) {
    if (!g) return;
    graph_release(g);
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
    if (!made_up && graph_find_tensor(g, name) < 0) {
        *out = arena_strdup(&g->arena, name);
        CHECK(*out, STATUS_MEMORY, NO_MEMORY);
        return STATUS_OK;
    }
    if (made_up) name = "t";
    /* After a few small numbers the count of tensors, which is likely free: no long search when one
     * name is asked for a hundred thousand times. */
    for (int i = made_up ? g->n_tensors : 1;;
         i = i == 4 && g->n_tensors > 4 ? g->n_tensors : i + 1) {
        *out = arena_printf(&g->arena, "%s_%d", name, i);
        CHECK(*out, STATUS_MEMORY, NO_MEMORY);
        if (graph_find_tensor(g, *out) < 0) return STATUS_OK;
    }
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
    const struct tensor *t = &g->tensors[tensor];
    CHECK(!t->data && t->producer < 0, STATUS_FORMAT,
          "'%s' cannot be an input of the graph: %s", t->name,
          t->data ? "it is a constant" : "a node produces it");
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
    CHECK(g->n_meta < MAX_META, STATUS_LIMIT, "the graph has more than %d meta entries", MAX_META);
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

size_t attr_bytes(const struct attr *a) {
    switch (a->type) {
    case ATTR_STRING: return (size_t)a->n;
    case ATTR_FLOAT:
    case ATTR_FLOATS: return (size_t)a->n * sizeof(float);
    default: return (size_t)a->n * sizeof(int64_t);
    }
}

enum status node_set_attr(struct graph *g, int node, const struct attr *from) {
    struct node *at = &g->nodes[node];
    size_t bytes = attr_bytes(from);
    void *copy = arena_alloc(&g->arena, bytes + 1);
    CHECK(copy, STATUS_MEMORY, NO_MEMORY);
    if (bytes) memcpy(copy, from->ints, bytes);
    struct attr a = {.type = from->type, .n = from->n, .ints = copy};
    for (int i = 0; i < at->n_attrs; i++)
        if (!strcmp(at->attrs[i].name, from->name)) {
            a.name = at->attrs[i].name;
            at->attrs[i] = a;
            return STATUS_OK;
        }
    CHECK(at->n_attrs < MAX_ATTRS, STATUS_LIMIT, "node '%s' has more than %d attributes", at->name,
          MAX_ATTRS);
    a.name = arena_strdup(&g->arena, from->name);
    CHECK(a.name, STATUS_MEMORY, NO_MEMORY);
    /* The array has room for the next power of two, at least 4. */
    int k = at->n_attrs;
    if (!k || (k >= 4 && !(k & (k - 1)))) {
        struct attr *wider = arena_calloc(&g->arena, k ? 2 * (size_t)k : 4, sizeof *wider);
        CHECK(wider, STATUS_MEMORY, NO_MEMORY);
        if (k) memcpy(wider, at->attrs, (size_t)k * sizeof *wider);
        at->attrs = wider;
    }
    at->attrs[at->n_attrs++] = a;
    return STATUS_OK;
}

enum status node_set_int(struct graph *g, int node, const char *name, int64_t value) {
    return node_set_attr(g, node, &(struct attr){name, ATTR_INT, 1, {.ints = &value}});
}
enum status node_set_float(struct graph *g, int node, const char *name, float value) {
    return node_set_attr(g, node, &(struct attr){name, ATTR_FLOAT, 1, {.floats = &value}});
}
enum status node_set_string(struct graph *g, int node, const char *name, const char *value) {
    return node_set_attr(g, node,
                         &(struct attr){name, ATTR_STRING, (int)strlen(value), {.string = value}});
}
enum status node_set_ints(struct graph *g, int node, const char *name, int n, const int64_t *v) {
    return node_set_attr(g, node, &(struct attr){name, ATTR_INTS, n, {.ints = v}});
}
enum status node_set_floats(struct graph *g, int node, const char *name, int n, const float *v) {
    return node_set_attr(g, node, &(struct attr){name, ATTR_FLOATS, n, {.floats = v}});
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
