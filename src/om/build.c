/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A graph as a ModelDef, ready to be packed or shown; see om.h for what goes where.
 *
 * Everything is made in the caller's arena; strings and attribute data are borrowed from the graph.
 * The graph must be verified and without tombstones.
 */
#include <string.h>

#include "base/alloc.h"
#include "base/version.h"
#include "om/container.h"
#include "ops/op.h"

#define NO_MEMORY "out of memory while making the offline model"

struct builder {
    const struct graph *g;
    struct arena *arena;
    uint64_t weight_bytes;
    Ge__Proto__TensorDescriptor **desc; /* of each tensor */
    const char **source;                /* of each tensor: "OPERATOR:INDEX" */
    int capacity;                       /* of `names`; a power of two */
    const char **names;                 /* operator names taken, open addressing */
};

static void *take(struct builder *b, size_t n, size_t bytes) {
    return arena_calloc(b->arena, n + 1, bytes);
}

/* ---- unique operator names ---- */

static const char **name_slot(struct builder *b, const char *name) {
    uint64_t h = 1469598103934665603u;
    for (const char *c = name; *c; c++) h = (h ^ (unsigned char)*c) * 1099511628211u;
    for (;; h++) {
        const char **slot = &b->names[h & (uint64_t)(b->capacity - 1)];
        if (!*slot || !strcmp(*slot, name)) return slot;
    }
}

/* `name`, or `name` with "_1", "_2", ... where another operator has it. */
static enum status unique_name(struct builder *b, const char *name, const char **out) {
    const char *candidate = name, **slot = name_slot(b, name);
    for (int i = 1; *slot; i++) {
        candidate = arena_printf(b->arena, "%s_%d", name, i);
        CHECK(candidate, STATUS_MEMORY, NO_MEMORY);
        slot = name_slot(b, candidate);
    }
    *slot = *out = candidate;
    return STATUS_OK;
}

/* ---- attributes ---- */

static enum status add_attr(struct builder *b, Ge__Proto__AttrEntry ***list, size_t *n,
                            const char *key, Ge__Proto__AttrDef **out) {
    Ge__Proto__AttrEntry *e = take(b, 1, sizeof *e);
    Ge__Proto__AttrDef *v = take(b, 1, sizeof *v);
    CHECK(e && v, STATUS_MEMORY, NO_MEMORY);
    ge__proto__attr_entry__init(e);
    ge__proto__attr_def__init(v);
    e->key = (char *)(uintptr_t)key;
    e->value = v;
    (*list)[(*n)++] = e;
    *out = v;
    return STATUS_OK;
}

static void set_int(Ge__Proto__AttrDef *v, int64_t i) {
    v->value_case = GE__PROTO__ATTR_DEF__VALUE_I;
    v->i = i;
}

static void set_text(Ge__Proto__AttrDef *v, const char *text, size_t n) {
    v->value_case = GE__PROTO__ATTR_DEF__VALUE_S;
    v->s = (ProtobufCBinaryData){n, (uint8_t *)(uintptr_t)text};
}

static enum status set_list(struct builder *b, Ge__Proto__AttrDef *v,
                            Ge__Proto__AttrDef__ListValue **out) {
    Ge__Proto__AttrDef__ListValue *list = take(b, 1, sizeof *list);
    CHECK(list, STATUS_MEMORY, NO_MEMORY);
    ge__proto__attr_def__list_value__init(list);
    v->value_case = GE__PROTO__ATTR_DEF__VALUE_LIST;
    v->list = *out = list;
    return STATUS_OK;
}

static enum status set_attr(struct builder *b, Ge__Proto__AttrDef *v, const struct attr *a) {
    Ge__Proto__AttrDef__ListValue *list = NULL;
    switch (a->type) {
    case ATTR_INT: set_int(v, a->ints[0]); break;
    case ATTR_FLOAT:
        v->value_case = GE__PROTO__ATTR_DEF__VALUE_F;
        v->f = a->floats[0];
        break;
    case ATTR_STRING: set_text(v, a->string, (size_t)a->n); break;
    case ATTR_INTS:
        TRY(set_list(b, v, &list));
        list->val_type = GE__PROTO__ATTR_DEF__LIST_VALUE__LIST_VALUE_TYPE__VT_LIST_INT;
        list->n_i = (size_t)a->n;
        list->i = (int64_t *)(uintptr_t)a->ints;
        break;
    case ATTR_FLOATS:
        TRY(set_list(b, v, &list));
        list->val_type = GE__PROTO__ATTR_DEF__LIST_VALUE__LIST_VALUE_TYPE__VT_LIST_FLOAT;
        list->n_f = (size_t)a->n;
        list->f = (float *)(uintptr_t)a->floats;
        break;
    }
    return STATUS_OK;
}

/* ---- tensors ---- */

static const char *layout_of(const struct shape *s) {
    return s->rank == 4 ? "NCHW" : s->rank == 5 ? "NCDHW" : "ND";
}

static enum status make_desc(struct builder *b, const char *name, enum dtype dtype,
                             const struct shape *s, Ge__Proto__TensorDescriptor **out) {
    Ge__Proto__TensorDescriptor *d = take(b, 1, sizeof *d);
    Ge__Proto__ShapeDef *shape = take(b, 1, sizeof *shape);
    int rank = s->rank < 0 ? 1 : s->rank;
    int64_t *dim = take(b, (size_t)rank, sizeof *dim);
    CHECK(d && shape && dim, STATUS_MEMORY, NO_MEMORY);
    ge__proto__tensor_descriptor__init(d);
    ge__proto__shape_def__init(shape);
    for (int i = 0; i < rank; i++) dim[i] = s->rank < 0 ? -2 : s->dim[i];
    shape->n_dim = (size_t)rank;
    shape->dim = dim;
    d->name = (char *)(uintptr_t)name;
    d->dtype = om_dtype_to_proto(dtype);
    d->shape = shape;
    d->layout = (char *)(uintptr_t)layout_of(s);
    d->real_dim_cnt = s->rank < 0 ? 0 : s->rank;
    int64_t n = shape_elements(s);
    if (n >= 0) d->size = n * (int64_t)dtype_size(dtype);
    *out = d;
    return STATUS_OK;
}

/* The descriptor and source text of tensor t, made when its producer is. */
static enum status define_tensor(struct builder *b, int t, const char *op, int index) {
    const struct tensor *x = &b->g->tensors[t];
    TRY(make_desc(b, x->name, x->dtype, &x->shape, &b->desc[t]));
    b->source[t] = arena_printf(b->arena, "%s:%d", op, index);
    CHECK(b->source[t], STATUS_MEMORY, NO_MEMORY);
    return STATUS_OK;
}

/* ---- operators ---- */

static enum status make_op(struct builder *b, const char *name, const char *type, size_t n_attrs,
                           size_t n_inputs, size_t n_outputs, Ge__Proto__OpDef **out) {
    Ge__Proto__OpDef *op = take(b, 1, sizeof *op);
    CHECK(op, STATUS_MEMORY, NO_MEMORY);
    ge__proto__op_def__init(op);
    const char *unique = NULL;
    TRY(unique_name(b, name, &unique));
    op->name = (char *)(uintptr_t)unique;
    op->type = (char *)(uintptr_t)type;
    op->attr = take(b, n_attrs + 1, sizeof *op->attr);
    op->input = take(b, n_inputs, sizeof *op->input);
    op->input_desc = take(b, n_inputs, sizeof *op->input_desc);
    op->output_desc = take(b, n_outputs, sizeof *op->output_desc);
    CHECK(op->attr && op->input && op->input_desc && op->output_desc, STATUS_MEMORY, NO_MEMORY);
    if (unique != name) {
        Ge__Proto__AttrDef *v;
        TRY(add_attr(b, &op->attr, &op->n_attr, "prusik.name", &v));
        set_text(v, name, strlen(name));
    }
    *out = op;
    return STATUS_OK;
}

static enum status add_op_input(struct builder *b, Ge__Proto__OpDef *op, int t) {
    static const struct shape nothing = {.rank = 0};
    size_t i = op->n_input;
    if (t >= 0) {
        CHECK(b->source[t], STATUS_INTERNAL, "tensor '%s' is used before it is produced",
              b->g->tensors[t].name);
        op->input[i] = (char *)(uintptr_t)b->source[t];
        op->input_desc[i] = b->desc[t];
    } else {
        op->input[i] = (char *)(uintptr_t) "";
        TRY(make_desc(b, "", DT_NONE, &nothing, &op->input_desc[i]));
    }
    op->n_input = op->n_input_desc = i + 1;
    return STATUS_OK;
}

static enum status add_op_output(struct builder *b, Ge__Proto__OpDef *op, int t) {
    static const struct shape nothing = {.rank = 0};
    size_t i = op->n_output_desc++;
    if (t < 0) return make_desc(b, "", DT_NONE, &nothing, &op->output_desc[i]);
    TRY(define_tensor(b, t, op->name, (int)i));
    op->output_desc[i] = b->desc[t];
    return STATUS_OK;
}

static enum status build_input(struct builder *b, int index, Ge__Proto__OpDef **out) {
    int t = b->g->inputs[index];
    CHECK(!b->source[t], STATUS_INTERNAL, "tensor '%s' is two inputs", b->g->tensors[t].name);
    Ge__Proto__AttrDef *v;
    TRY(make_op(b, b->g->tensors[t].name, "Data", 1, 0, 1, out));
    TRY(add_attr(b, &(*out)->attr, &(*out)->n_attr, "index", &v));
    set_int(v, index);
    return add_op_output(b, *out, t);
}

static enum status build_constant(struct builder *b, int t, Ge__Proto__OpDef **out) {
    const struct tensor *x = &b->g->tensors[t];
    TRY(make_op(b, x->name, "Const", 1, 0, 1, out));
    TRY(add_op_output(b, *out, t));
    Ge__Proto__TensorDef *value = take(b, 1, sizeof *value);
    CHECK(value, STATUS_MEMORY, NO_MEMORY);
    ge__proto__tensor_def__init(value);
    TRY(make_desc(b, x->name, x->dtype, &x->shape, &value->desc));
    uint64_t at = om_weight_place(b->weight_bytes);
    value->desc->data_offset = (int64_t)at;
    value->desc->weight_size = (int64_t)x->data_bytes;
    b->weight_bytes = at + x->data_bytes;
    Ge__Proto__AttrDef *v;
    TRY(add_attr(b, &(*out)->attr, &(*out)->n_attr, "value", &v));
    v->value_case = GE__PROTO__ATTR_DEF__VALUE_T;
    v->t = value;
    return STATUS_OK;
}

static enum status build_node(struct builder *b, const struct node *n, Ge__Proto__OpDef **out) {
    TRY(make_op(b, n->name, op_def(n->op)->name, (size_t)n->n_attrs, (size_t)n->n_inputs,
                (size_t)n->n_outputs, out));
    for (int i = 0; i < n->n_inputs; i++) TRY(add_op_input(b, *out, n->inputs[i]));
    for (int i = 0; i < n->n_outputs; i++) TRY(add_op_output(b, *out, n->outputs[i]));
    for (int i = 0; i < n->n_attrs; i++) {
        Ge__Proto__AttrDef *v;
        TRY(add_attr(b, &(*out)->attr, &(*out)->n_attr, n->attrs[i].name, &v));
        TRY(set_attr(b, v, &n->attrs[i]));
    }
    return STATUS_OK;
}

/* src_name and src_index tell the outputs' producers, as CANN's files do. */
static enum status build_outputs(struct builder *b, Ge__Proto__GraphDef *graph,
                                 Ge__Proto__OpDef **out) {
    const struct graph *g = b->g;
    size_t n = (size_t)g->n_outputs;
    TRY(make_op(b, "NetOutput", "NetOutput", 0, n, 0, out));
    Ge__Proto__OpDef *op = *out;
    op->src_name = take(b, n, sizeof *op->src_name);
    op->src_index = take(b, n, sizeof *op->src_index);
    graph->output = take(b, n, sizeof *graph->output);
    CHECK(op->src_name && op->src_index && graph->output, STATUS_MEMORY, NO_MEMORY);
    for (int i = 0; i < g->n_outputs; i++) {
        TRY(add_op_input(b, op, g->outputs[i]));
        const char *source = b->source[g->outputs[i]], *colon = strrchr(source, ':');
        op->src_name[i] = arena_strndup(b->arena, source, (size_t)(colon - source));
        CHECK(op->src_name[i], STATUS_MEMORY, NO_MEMORY);
        for (const char *c = colon + 1; *c; c++)
            op->src_index[i] = 10 * op->src_index[i] + (*c - '0');
        graph->output[i] = op->input[i];
    }
    op->n_src_name = op->n_src_index = graph->n_output = n;
    return STATUS_OK;
}

static enum status build_graph(struct builder *b, Ge__Proto__GraphDef *graph) {
    const struct graph *g = b->g;
    graph->name = (char *)(uintptr_t)g->name;
    size_t n_ops = (size_t)g->n_inputs + (size_t)g->n_tensors + (size_t)g->n_nodes + 1;
    graph->op = take(b, n_ops, sizeof *graph->op);
    graph->input = take(b, (size_t)g->n_inputs, sizeof *graph->input);
    CHECK(graph->op && graph->input, STATUS_MEMORY, NO_MEMORY);
    for (int i = 0; i < g->n_inputs; i++) {
        TRY(build_input(b, i, &graph->op[graph->n_op++]));
        graph->input[graph->n_input++] = (char *)(uintptr_t)b->source[g->inputs[i]];
    }
    for (int t = 0; t < g->n_tensors; t++)
        if (g->tensors[t].data && !graph_is_input(g, t))
            TRY(build_constant(b, t, &graph->op[graph->n_op++]));
    for (int i = 0; i < g->n_nodes; i++)
        if (g->nodes[i].op != OP_NONE)
            TRY(build_node(b, &g->nodes[i], &graph->op[graph->n_op++]));
    TRY(build_outputs(b, graph, &graph->op[graph->n_op]));
    graph->n_op++;
    for (size_t i = 0; i < graph->n_op; i++) graph->op[i]->id = (int64_t)i;
    return STATUS_OK;
}

/* ---- model ---- */

/* "PRODUCER:INDEX:TENSOR" for each output, what aclmdlGetOutputNameByIndex says on a device. */
static enum status set_output_names(struct builder *b, Ge__Proto__AttrDef *v) {
    Ge__Proto__AttrDef__ListValue *list = NULL;
    TRY(set_list(b, v, &list));
    list->val_type = GE__PROTO__ATTR_DEF__LIST_VALUE__LIST_VALUE_TYPE__VT_LIST_STRING;
    list->n_s = (size_t)b->g->n_outputs;
    list->s = take(b, list->n_s, sizeof *list->s);
    CHECK(list->s, STATUS_MEMORY, NO_MEMORY);
    for (size_t i = 0; i < list->n_s; i++) {
        int t = b->g->outputs[i];
        char *text = arena_printf(b->arena, "%s:%s", b->source[t], b->g->tensors[t].name);
        CHECK(text, STATUS_MEMORY, NO_MEMORY);
        list->s[i] = (ProtobufCBinaryData){strlen(text), (uint8_t *)text};
    }
    return STATUS_OK;
}

static bool kept_key(const char *key) {
    return !strncmp(key, "atc_", 4) ||
           (!strncmp(key, "prusik.", 7) && strncmp(key, "prusik.meta.", 12) &&
            strcmp(key, "prusik.format"));
}

static enum status build_attrs(struct builder *b, Ge__Proto__ModelDef *m) {
    const struct graph *g = b->g;
    int64_t activation = om_activation_bytes(g);
    struct {
        const char *key;
        int64_t value;
    } numbers[] = {{"prusik.format", OM_FORMAT},
                   {"memory_size", activation < 0 ? 0 : activation},
                   {"weight_size", (int64_t)b->weight_bytes},
                   {"stream_num", 1},
                   {"event_num", 0}};
    size_t n_numbers = sizeof numbers / sizeof *numbers;
    m->attr = take(b, n_numbers + 1 + (size_t)g->n_meta, sizeof *m->attr);
    CHECK(m->attr, STATUS_MEMORY, NO_MEMORY);
    Ge__Proto__AttrDef *v;
    for (size_t i = 0; i < n_numbers; i++) {
        TRY(add_attr(b, &m->attr, &m->n_attr, numbers[i].key, &v));
        set_int(v, numbers[i].value);
    }
    TRY(add_attr(b, &m->attr, &m->n_attr, "attr_model_out_nodes_name", &v));
    TRY(set_output_names(b, v));
    for (int i = 0; i < g->n_meta; i++) {
        const char *key = g->meta[i].key, *value = g->meta[i].value;
        if (!kept_key(key)) key = arena_printf(b->arena, "prusik.meta.%s", key);
        CHECK(key, STATUS_MEMORY, NO_MEMORY);
        TRY(add_attr(b, &m->attr, &m->n_attr, key, &v));
        set_text(v, value, strlen(value));
    }
    return STATUS_OK;
}

enum status om_model_build(const struct graph *g, struct arena *arena, Ge__Proto__ModelDef **out,
                           uint64_t *weight_bytes) {
    struct builder b = {.g = g, .arena = arena, .capacity = 64};
    while (b.capacity / 2 < g->n_tensors + g->n_nodes + 2) {
        CHECK(b.capacity <= INT32_MAX / 4, STATUS_LIMIT, "the graph has too many nodes to write");
        b.capacity *= 2;
    }
    b.names = take(&b, (size_t)b.capacity, sizeof *b.names);
    b.desc = take(&b, (size_t)g->n_tensors, sizeof *b.desc);
    b.source = take(&b, (size_t)g->n_tensors, sizeof *b.source);
    Ge__Proto__ModelDef *m = take(&b, 1, sizeof *m);
    Ge__Proto__GraphDef *graph = take(&b, 1, sizeof *graph);
    CHECK(b.names && b.desc && b.source && m && graph, STATUS_MEMORY, NO_MEMORY);
    ge__proto__model_def__init(m);
    ge__proto__graph_def__init(graph);
    TRY(build_graph(&b, graph));
    m->name = (char *)(uintptr_t)g->name;
    m->version = 2;
    m->custom_version = (char *)(uintptr_t) "prusik " PK_VERSION;
    m->graph = take(&b, 1, sizeof *m->graph);
    CHECK(m->graph, STATUS_MEMORY, NO_MEMORY);
    m->graph[m->n_graph++] = graph;
    TRY(build_attrs(&b, m));
    *out = m;
    *weight_bytes = b.weight_bytes;
    return STATUS_OK;
}

/* ---- sizes ---- */

int64_t om_activation_bytes(const struct graph *g) {
    struct arena a;
    arena_init(&a, 0);
    int *last = arena_calloc(&a, (size_t)g->n_tensors + 1, sizeof *last);
    int64_t live = 0, peak = -1;
    if (!last) goto done;
    /* A value dies after its last use; inputs and outputs live for the whole run. */
    for (int i = 0; i < g->n_nodes; i++)
        for (int k = 0; k < g->nodes[i].n_inputs; k++)
            if (g->nodes[i].inputs[k] >= 0) last[g->nodes[i].inputs[k]] = i + 1;
    for (int i = 0; i < g->n_inputs; i++) last[g->inputs[i]] = INT32_MAX;
    for (int i = 0; i < g->n_outputs; i++) last[g->outputs[i]] = INT32_MAX;
    int64_t *bytes = arena_calloc(&a, (size_t)g->n_tensors + 1, sizeof *bytes);
    if (!bytes) goto done;
    for (int t = 0; t < g->n_tensors; t++) {
        const struct tensor *x = &g->tensors[t];
        if (x->data || (!last[t] && x->producer < 0)) continue;
        int64_t n = shape_elements(&x->shape);
        if (n < 0 || !dtype_size(x->dtype)) goto done;
        bytes[t] = (n * (int64_t)dtype_size(x->dtype) + 63) & ~(int64_t)63;
    }
    for (int i = 0; i < g->n_inputs; i++) live += bytes[g->inputs[i]];
    int64_t most = live;
    for (int i = 0; i < g->n_nodes; i++) {
        const struct node *n = &g->nodes[i];
        for (int k = 0; k < n->n_outputs; k++)
            if (n->outputs[k] >= 0) live += bytes[n->outputs[k]];
        if (live > most) most = live;
        for (int k = 0; k < n->n_outputs; k++)
            if (n->outputs[k] >= 0 && !last[n->outputs[k]]) live -= bytes[n->outputs[k]];
        for (int k = 0; k < n->n_inputs; k++) {
            int t = n->inputs[k];
            if (t < 0 || last[t] != i + 1) continue;
            live -= bytes[t];
            last[t] = INT32_MAX; /* once, though a node may use it twice */
        }
    }
    peak = most;
done:
    arena_deinit(&a);
    return peak;
}
