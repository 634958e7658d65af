/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading an offline model of ours: MODEL_DEF becomes a graph again, constants borrow from one
 * buffer that holds WEIGHTS_DATA and goes with the graph.
 *
 * Nothing of the file is believed: operators are looked up by name in a table, a reference must
 * name an output that exists, a constant must lie inside WEIGHTS_DATA and have the size its type
 * and shape say. What the shapes and attributes mean is then for graph_infer and graph_verify.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include "base/alloc.h"
#include "ir/dynamic.h"
#include "om/container.h"
#include "ops/op.h"

struct reader {
    const struct om_source *from;
    const Ge__Proto__GraphDef *def;
    struct graph *g;
    struct arena *arena;
    unsigned char *weights; /* owned by the graph */
    uint64_t weight_bytes;
    int **tensor;           /* of each operator: its outputs' tensors, -1 for one not wanted */
    int *slot, capacity;    /* operator names: index + 1; open addressing */
};

#define NO_MEMORY "out of memory while reading an offline model"
#define MODEL_FAIL(...) OM_FAIL(OM_FAULT_MODEL, STATUS_FORMAT, __VA_ARGS__)
#define MODEL_CHECK(condition, ...) OM_CHECK(condition, OM_FAULT_MODEL, STATUS_FORMAT, __VA_ARGS__)
#define MEMORY_CHECK(p) OM_CHECK(p, OM_FAULT_OTHER, STATUS_MEMORY, NO_MEMORY)

/* ---- operator names ---- */

static int *name_slot(struct reader *r, const char *name, size_t n) {
    uint64_t h = 1469598103934665603u;
    for (size_t i = 0; i < n; i++) h = (h ^ (unsigned char)name[i]) * 1099511628211u;
    for (;; h++) {
        int *slot = &r->slot[h & (uint64_t)(r->capacity - 1)];
        if (!*slot) return slot;
        const char *other = r->def->op[*slot - 1]->name;
        if (!strncmp(other, name, n) && !other[n]) return slot;
    }
}

static enum status index_names(struct reader *r) {
    size_t n = r->def->n_op;
    MODEL_CHECK(n < INT32_MAX / 4, "MODEL_DEF has too many operators (%zu)", n);
    r->capacity = 64;
    while ((size_t)r->capacity < 2 * n) r->capacity *= 2;
    r->slot = arena_calloc(r->arena, (size_t)r->capacity, sizeof *r->slot);
    MEMORY_CHECK(r->slot);
    for (size_t i = 0; i < n; i++) {
        const Ge__Proto__OpDef *op = r->def->op[i];
        MODEL_CHECK(*op->name, "MODEL_DEF op[%zu] has no name", i);
        int *slot = name_slot(r, op->name, strlen(op->name));
        MODEL_CHECK(!*slot, "MODEL_DEF op[%zu]: another operator is named '%s', too", i, op->name);
        *slot = (int)i + 1;
    }
    return STATUS_OK;
}

/* "OPERATOR:INDEX" to a tensor; "" to -1. */
static enum status resolve(struct reader *r, const Ge__Proto__OpDef *op, size_t i, int *out) {
    const char *text = op->input[i];
    *out = -1;
    if (!*text) return STATUS_OK;
    const char *colon = strrchr(text, ':');
    int64_t index = -1;
    if (colon && colon[1] && strlen(colon + 1) <= 9) {
        index = 0;
        for (const char *c = colon + 1; *c && index >= 0; c++)
            index = *c >= '0' && *c <= '9' ? 10 * index + (*c - '0') : -1;
    }
    MODEL_CHECK(index >= 0, "MODEL_DEF op '%s': input[%zu] \"%s\" is not OPERATOR:INDEX", op->name,
                i, text);
    int found = *name_slot(r, text, (size_t)(colon - text)) - 1;
    MODEL_CHECK(found >= 0, "MODEL_DEF op '%s': input[%zu] \"%s\" names no operator of the file",
                op->name, i, text);
    const Ge__Proto__OpDef *producer = r->def->op[found];
    MODEL_CHECK((uint64_t)index < producer->n_output_desc && r->tensor[found][index] >= 0,
                "MODEL_DEF op '%s': input[%zu] \"%s\": '%s' has no output %lld", op->name, i, text,
                producer->name, (long long)index);
    *out = r->tensor[found][index];
    return STATUS_OK;
}

/* ---- tensors ---- */

static enum status read_desc(const char *op, const Ge__Proto__TensorDescriptor *d,
                             enum dtype *dtype, struct shape *shape) {
    *dtype = om_dtype_from_proto(d->dtype);
    MODEL_CHECK(*dtype != DT_NONE || d->dtype == GE__PROTO__DATA_TYPE__DT_UNDEFINED,
                "MODEL_DEF op '%s': tensor '%s' has dtype %d, which this version does not know", op,
                d->name, (int)d->dtype);
    MODEL_CHECK(d->shape, "MODEL_DEF op '%s': tensor '%s' has no shape", op, d->name);
    size_t rank = d->shape->n_dim;
    if (rank == 1 && d->shape->dim[0] == -2) {
        *shape = shape_unknown();
        return STATUS_OK;
    }
    MODEL_CHECK(rank <= SHAPE_MAX_RANK,
                "MODEL_DEF op '%s': tensor '%s' has %zu dimensions; at most %d are supported", op,
                d->name, rank, SHAPE_MAX_RANK);
    for (size_t i = 0; i < rank; i++)
        MODEL_CHECK(d->shape->dim[i] >= -1, "MODEL_DEF op '%s': tensor '%s' has dimension %lld", op,
                    d->name, (long long)d->shape->dim[i]);
    *shape = shape_from((int)rank, d->shape->dim);
    return STATUS_OK;
}

/* graph_add_tensor would rename a second tensor of one name; here that is a fault of the file. */
static enum status check_tensor_name(struct reader *r, const char *op, const char *name) {
    MODEL_CHECK(*name, "MODEL_DEF op '%s': a tensor has no name", op);
    MODEL_CHECK(graph_find_tensor(r->g, name) < 0,
                "MODEL_DEF op '%s': another tensor is named '%s', too", op, name);
    return STATUS_OK;
}

static enum status read_constant(struct reader *r, const Ge__Proto__OpDef *op, int *out) {
    const Ge__Proto__AttrDef *value = om_attr(op->attr, op->n_attr, "value");
    MODEL_CHECK(value && value->value_case == GE__PROTO__ATTR_DEF__VALUE_T && value->t &&
                    value->t->desc,
                "MODEL_DEF op '%s': a Const needs the attribute 'value' with a tensor", op->name);
    MODEL_CHECK(op->n_output_desc == 1, "MODEL_DEF op '%s': a Const has one output, this has %zu",
                op->name, op->n_output_desc);
    const Ge__Proto__TensorDescriptor *d = value->t->desc;
    const char *name = op->output_desc[0]->name;
    enum dtype dtype;
    struct shape shape;
    TRY(read_desc(op->name, d, &dtype, &shape));
    TRY(check_tensor_name(r, op->name, name));
    int64_t n = shape_elements(&shape), bytes;
    MODEL_CHECK(dtype != DT_NONE && n >= 0 && i64_mul(n, (int64_t)dtype_size(dtype), &bytes),
                "MODEL_DEF op '%s': constant '%s' has no usable type and shape", op->name, name);
    OM_CHECK(d->weight_size == bytes, OM_FAULT_WEIGHTS, STATUS_FORMAT,
             "MODEL_DEF op '%s': weight_size of constant '%s' is %lld, its type and shape need "
             "%lld",
             op->name, name, (long long)d->weight_size, (long long)bytes);
    OM_CHECK(d->data_offset >= 0 && d->data_offset % 64 == 0 &&
                 (uint64_t)d->data_offset <= r->weight_bytes &&
                 (uint64_t)bytes <= r->weight_bytes - (uint64_t)d->data_offset,
             OM_FAULT_WEIGHTS, STATUS_FORMAT,
             "MODEL_DEF op '%s': data_offset %lld and weight_size %lld of constant '%s' do not lie "
             "in WEIGHTS_DATA, which has %llu bytes",
             op->name, (long long)d->data_offset, (long long)bytes, name,
             (unsigned long long)r->weight_bytes);
    const unsigned char *data = r->weights + d->data_offset;
    /* Kernels may rely on it, and a bool of another value is no bool to a compiler. */
    for (int64_t i = 0; dtype == DT_BOOL && i < n; i++)
        OM_CHECK(data[i] <= 1, OM_FAULT_WEIGHTS, STATUS_FORMAT,
                 "WEIGHTS_DATA: element %lld of constant '%s' is %d, which is no bool",
                 (long long)i, name, data[i]);
    return graph_add_constant(r->g, name, dtype, shape, data, true, out);
}

/* The tensors an operator makes. */
static enum status read_outputs(struct reader *r, size_t i) {
    const Ge__Proto__OpDef *op = r->def->op[i];
    MODEL_CHECK(op->n_output_desc < INT32_MAX / 4, "MODEL_DEF op '%s' has too many outputs",
                op->name);
    r->tensor[i] = arena_calloc(r->arena, op->n_output_desc + 1, sizeof **r->tensor);
    MEMORY_CHECK(r->tensor[i]);
    if (!strcmp(op->type, "Const")) return read_constant(r, op, &r->tensor[i][0]);
    bool data = !strcmp(op->type, "Data");
    MODEL_CHECK(!data || op->n_output_desc == 1,
                "MODEL_DEF op '%s': a Data has one output, this has %zu", op->name,
                op->n_output_desc);
    for (size_t k = 0; k < op->n_output_desc; k++) {
        const Ge__Proto__TensorDescriptor *d = op->output_desc[k];
        r->tensor[i][k] = -1;
        if (!*d->name && !data) continue;
        enum dtype dtype;
        struct shape shape;
        TRY(read_desc(op->name, d, &dtype, &shape));
        TRY(check_tensor_name(r, op->name, d->name));
        TRY(graph_add_tensor(r->g, d->name, dtype, shape, &r->tensor[i][k]));
    }
    if (!data) return STATUS_OK;
    MODEL_CHECK(r->g->tensors[r->tensor[i][0]].dtype != DT_NONE,
                "MODEL_DEF op '%s': the input has no dtype", op->name);
    int64_t index = om_attr_int(op->attr, op->n_attr, "index", -1);
    MODEL_CHECK(index == r->g->n_inputs,
                "MODEL_DEF op '%s': attribute 'index' of this input is %lld and should be %d",
                op->name, (long long)index, r->g->n_inputs);
    return graph_add_input(r->g, r->tensor[i][0]);
}

/* ---- nodes ---- */

static enum status text_of(struct reader *r, const char *where, const char *key,
                           ProtobufCBinaryData s, const char **out) {
    MODEL_CHECK(!s.len || !memchr(s.data, '\0', s.len),
                "MODEL_DEF %s: attribute '%s' has a zero byte in its text", where, key);
    *out = arena_strndup(r->arena, s.len ? (const char *)s.data : "", s.len);
    MEMORY_CHECK(*out);
    return STATUS_OK;
}

static enum status read_attr(struct reader *r, const Ge__Proto__OpDef *op, int node,
                             const char *key, const Ge__Proto__AttrDef *v) {
    if (v && v->value_case == GE__PROTO__ATTR_DEF__VALUE_I)
        return node_set_int(r->g, node, key, v->i);
    if (v && v->value_case == GE__PROTO__ATTR_DEF__VALUE_F)
        return node_set_float(r->g, node, key, v->f);
    if (v && v->value_case == GE__PROTO__ATTR_DEF__VALUE_S) {
        const char *text;
        TRY(text_of(r, op->name, key, v->s, &text));
        return node_set_string(r->g, node, key, text);
    }
    if (v && v->value_case == GE__PROTO__ATTR_DEF__VALUE_LIST && v->list) {
        const Ge__Proto__AttrDef__ListValue *list = v->list;
        MODEL_CHECK(list->n_i < INT32_MAX / 16 && list->n_f < INT32_MAX / 16,
                    "MODEL_DEF op '%s': attribute '%s' has too many values", op->name, key);
        if (list->val_type == GE__PROTO__ATTR_DEF__LIST_VALUE__LIST_VALUE_TYPE__VT_LIST_INT)
            return node_set_ints(r->g, node, key, (int)list->n_i, list->i);
        if (list->val_type == GE__PROTO__ATTR_DEF__LIST_VALUE__LIST_VALUE_TYPE__VT_LIST_FLOAT)
            return node_set_floats(r->g, node, key, (int)list->n_f, list->f);
    }
    MODEL_FAIL("MODEL_DEF op '%s': attribute '%s' has a type this version does not know", op->name,
               key);
}

static enum status read_node(struct reader *r, size_t i) {
    const Ge__Proto__OpDef *op = r->def->op[i];
    enum op_kind kind = op_find(op->type);
    OM_CHECK(kind != OP_NONE, OM_FAULT_MODEL, STATUS_UNSUPPORTED,
             "MODEL_DEF op '%s': this version has no operator '%s'; convert the original model "
             "with this version's atc", op->name, op->type);
    MODEL_CHECK(op->n_input < INT32_MAX / 4 && op->n_attr < INT32_MAX / 4,
                "MODEL_DEF op '%s' has too many inputs or attributes", op->name);
    int *in = arena_calloc(r->arena, op->n_input + 1, sizeof *in);
    MEMORY_CHECK(in);
    for (size_t k = 0; k < op->n_input; k++) TRY(resolve(r, op, k, &in[k]));
    const char *name = op->name;
    const Ge__Proto__AttrDef *kept = om_attr(op->attr, op->n_attr, "prusik.name");
    if (kept && kept->value_case == GE__PROTO__ATTR_DEF__VALUE_S)
        TRY(text_of(r, op->name, "prusik.name", kept->s, &name));
    int node;
    TRY(graph_add_node(r->g, kind, name, (int)op->n_input, in, (int)op->n_output_desc,
                       r->tensor[i], &node));
    for (size_t k = 0; k < op->n_attr; k++) {
        const char *key = op->attr[k]->key;
        if (!strcmp(key, "prusik.name")) continue;
        const struct attr_spec *spec = op_def(kind)->attrs;
        while (spec && spec->name && strcmp(spec->name, key)) spec++;
        MODEL_CHECK(spec && spec->name, "MODEL_DEF op '%s': %s has no attribute '%s'", op->name,
                    op->type, key);
        MODEL_CHECK(!node_attr(&r->g->nodes[node], key),
                    "MODEL_DEF op '%s' has the attribute '%s' twice", op->name, key);
        TRY(read_attr(r, op, node, key, op->attr[k]->value));
    }
    return STATUS_OK;
}

static enum status read_graph(struct reader *r) {
    const Ge__Proto__GraphDef *def = r->def;
    TRY(index_names(r));
    r->g->name = arena_strdup(&r->g->arena, def->name);
    r->tensor = arena_calloc(r->arena, def->n_op + 1, sizeof *r->tensor);
    MEMORY_CHECK(r->g->name && r->tensor);
    for (size_t i = 0; i < def->n_op; i++) TRY(read_outputs(r, i));
    const Ge__Proto__OpDef *last = NULL;
    for (size_t i = 0; i < def->n_op; i++) {
        const char *type = def->op[i]->type;
        if (!strcmp(type, "Data") || !strcmp(type, "Const")) continue;
        if (strcmp(type, "NetOutput")) {
            TRY(read_node(r, i));
            continue;
        }
        MODEL_CHECK(!last, "MODEL_DEF has two operators NetOutput, '%s' and '%s'", last->name,
                    def->op[i]->name);
        last = def->op[i];
    }
    MODEL_CHECK(last, "MODEL_DEF has no operator NetOutput, so the model has no outputs");
    for (size_t i = 0; i < last->n_input; i++) {
        int t;
        TRY(resolve(r, last, i, &t));
        MODEL_CHECK(t >= 0, "MODEL_DEF op '%s': input[%zu] is empty", last->name, i);
        TRY(graph_add_output(r->g, t));
    }
    return STATUS_OK;
}

/* ---- model ---- */

static enum status read_meta(struct reader *r, const Ge__Proto__ModelDef *m) {
    for (size_t i = 0; i < m->n_attr; i++) {
        const char *key = m->attr[i]->key, *text;
        const Ge__Proto__AttrDef *v = m->attr[i]->value;
        if (!v || v->value_case != GE__PROTO__ATTR_DEF__VALUE_S) continue;
        if (!strncmp(key, "prusik.meta.", 12)) key += 12;
        else if (strncmp(key, "prusik.", 7) && strncmp(key, "atc_", 4)) continue;
        TRY(text_of(r, "attr", key, v->s, &text));
        TRY(graph_set_meta(r->g, key, text));
    }
    return STATUS_OK;
}

static enum status check_ours(const struct om_source *s, const Ge__Proto__ModelDef *m) {
    int64_t format = om_attr_int(m->attr, m->n_attr, "prusik.format", -1);
    OM_CHECK(format != -1, OM_FAULT_FOREIGN, STATUS_UNSUPPORTED,
             "'%s' was made by CANN's atc: it holds code for an Ascend chip, not the operators of "
             "the model; convert the original model with this atc", s->name);
    OM_CHECK(format == OM_FORMAT, OM_FAULT_FOREIGN, STATUS_UNSUPPORTED,
             "'%s' has format %lld, this version reads format %d; convert the original model with "
             "this version's atc", s->name, (long long)format, OM_FORMAT);
    MODEL_CHECK(m->n_graph == 1, "MODEL_DEF has %zu graphs instead of one", m->n_graph);
    return STATUS_OK;
}

/* ---- the file: structure and weights at once ---- */

/* CHUNK is what a thread reads at a time, SMALL what is not worth waking one for. */
enum { CHUNK = 2 << 20, MOST_CHUNKS = 1 << 20, SMALL = 512 << 10 };
/* Bytes in memory for a byte of MODEL_DEF, and what is too large to share a page. */
enum { UNPACKED = 8, LARGEST = 128 << 10 };

struct reading {
    struct reader r;
    struct om_container c;
    const Ge__Proto__ModelDef *m;
    uint64_t weights_at;
    void *spare; /* of the weights' last page: for the structure, which is gone before they are */
    size_t spare_bytes;
    int n_chunks;
    atomic_bool failed; /* then nobody wants the rest */
    pthread_t caller;
    enum status status; /* of what the caller read */
};

/* One copy in memory of our own: nobody can change it under us, and constants are aligned. A large
 * page at its end has room for the structure, too, which otherwise costs a fault every 4 KiB. */
static enum status reserve_weights(struct reading *x, const struct om_partition *p) {
    struct graph *g = x->r.g;
    const struct om_partition *def = om_container_find(&x->c, OM_MODEL_DEF);
    const size_t needed = (size_t)p->bytes + 1;
    const size_t both = needed + (def && def->bytes < LARGEST ? UNPACKED * (size_t)def->bytes : 0);
    size_t room = mem_rounded(both);
    if (room == both) room = mem_rounded(needed);
    unsigned char *weights = mem_reserve(room);
    MEMORY_CHECK(weights);
    TRY(graph_attach(g, weights, mem_free));
    g->constants = weights;
    g->constants_bytes = room;
    mem_will_fill(weights, room);
    x->spare = weights + needed;
    x->spare_bytes = room - needed;
    x->r.weights = weights;
    x->r.weight_bytes = p->bytes;
    x->weights_at = p->offset;
    x->n_chunks = (int)((p->bytes + CHUNK - 1) / CHUNK);
    return STATUS_OK;
}

static enum status read_structure(struct reading *x) {
    struct reader *r = &x->r;
    Ge__Proto__ModelDef *m;
    uint64_t memory_bytes, weight_bytes;
    const size_t spare = x->spare_bytes;
    x->spare_bytes = 0; /* a second try finds the first one's there */
    TRY(om_model_read(r->from, &x->c, false, x->spare, spare, r->arena, &m));
    TRY(check_ours(r->from, m));
    TRY(om_task_read(r->from, &x->c, &memory_bytes, &weight_bytes));
    x->m = m;
    r->def = m->graph[0];
    return STATUS_OK;
}

static enum status read_chunk(const struct reading *x, int chunk) {
    const uint64_t at = (uint64_t)chunk * CHUNK, left = x->r.weight_bytes - at;
    return om_source_read(x->r.from, x->weights_at + at, x->r.weights + at,
                          (size_t)(left < CHUNK ? left : CHUNK));
}

static int tiles_of(void *context, int step) {
    (void)step;
    return 1 + ((const struct reading *)context)->n_chunks;
}

/* The first tile is the structure, the others are the weights. */
static enum status read_part(struct reading *x, int tile) {
    return tile ? read_chunk(x, tile - 1) : read_structure(x);
}

static void read_tile(void *context, int step, int tile, int worker) {
    (void)step;
    (void)worker;
    struct reading *x = context;
    if (atomic_load(&x->failed)) return;
    const enum status s = read_part(x, tile);
    if (s == STATUS_OK) return;
    atomic_store(&x->failed, true);
    if (pthread_equal(pthread_self(), x->caller)) x->status = s;
}

static enum status read_parts(struct reading *x, struct pool *pool) {
    const struct om_source *s = x->r.from;
    const struct om_partition *p = om_container_find(&x->c, OM_WEIGHTS_DATA);
    const bool usable = p && p->bytes / CHUNK < MOST_CHUNKS && p->bytes < SIZE_MAX / 2;
    if (usable) TRY(reserve_weights(x, p));
    if (pool) {
        pool_run(pool, 1, tiles_of, read_tile, x, x->r.weight_bytes < SMALL ? 1 : 0);
    } else {
        for (int i = 0; i <= x->n_chunks; i++) read_tile(x, 0, i, 0);
    }
    TRY(x->status);
    /* Another thread's sentence is lost; this one tries again. */
    for (int i = 0; atomic_load(&x->failed) && i <= x->n_chunks; i++) TRY(read_part(x, i));
    OM_CHECK(p, OM_FAULT_WEIGHTS, STATUS_FORMAT, "'%s' has no partition WEIGHTS_DATA", s->name);
    OM_CHECK(usable, OM_FAULT_WEIGHTS, STATUS_LIMIT,
             "'%s': partition WEIGHTS_DATA is too large", s->name);
    return STATUS_OK;
}

static enum status read_model(const struct om_source *s, struct pool *pool, struct arena *arena,
                              struct graph *g) {
    struct reading x = {.r = {.from = s, .g = g, .arena = arena}, .caller = pthread_self()};
    TRY(om_container_read(s, &x.c));
    TRY(read_parts(&x, pool));
    TRY(read_graph(&x.r));
    TRY(read_meta(&x.r, x.m));
    om_set_fault(OM_FAULT_MODEL); /* what is wrong from here on is wrong with the graph */
    TRY(graph_sort(g));
    TRY(graph_infer(g));
    TRY(graph_verify(g));
    struct dynamic d;
    TRY(dynamic_read(g, arena, &d));
    om_set_fault(OM_FAULT_NONE);
    return STATUS_OK;
}

enum status om_read_source(const struct om_source *s, struct pool *pool, struct graph **out) {
    struct graph *g;
    TRY(graph_create(&g));
    struct arena arena;
    arena_init(&arena, 0);
    enum status status = read_model(s, pool, &arena, g);
    arena_deinit(&arena);
    if (status == STATUS_OK) *out = g;
    else graph_destroy(g);
    return status;
}

enum status om_read_file(const char *path, struct pool *pool, struct graph **out) {
    *out = NULL;
    om_set_fault(OM_FAULT_OTHER);
    struct om_source s;
    TRY(om_source_open(path, &s));
    enum status status = om_read_source(&s, pool, out);
    om_source_close(&s);
    return status;
}

enum status om_read_memory(const void *bytes, size_t n_bytes, struct pool *pool,
                           struct graph **out) {
    *out = NULL;
    om_set_fault(OM_FAULT_OTHER);
    struct om_source s = {.fd = -1, .memory = bytes, .bytes = n_bytes, .name = "model in memory"};
    return om_read_source(&s, pool, out);
}
