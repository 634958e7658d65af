/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is in a model file: inputs, outputs, operators, weights, work and memory.
 *
 * A file of ours is read as a graph and described from that. A file of CANN's holds the graph after
 * fusion, with private layouts, and device code; what it says of its borders, sizes and making is
 * taken from MODEL_DEF alone, and whatever is missing there is just not told.
 */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "om/container.h"
#include "ops/aipp.h"

#define NO_MEMORY "out of memory while describing a model"
#define MEMORY_CHECK(p) OM_CHECK(p, OM_FAULT_OTHER, STATUS_MEMORY, NO_MEMORY)

void om_description_deinit(struct om_description *d) {
    arena_deinit(&d->arena);
    *d = (struct om_description){0};
}

static void description_init(struct om_description *d, const char *kind) {
    *d = (struct om_description){.kind = kind, .name = "", .remark = "", .macs = -1,
                                 .activation_bytes = -1};
    arena_init(&d->arena, 0);
}

/* ---- counting operator types ---- */

static int by_name(const void *a, const void *b) {
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}
static int by_count(const void *a, const void *b) {
    const struct om_count *x = a, *y = b;
    return x->n != y->n ? (x->n < y->n) - (x->n > y->n) : strcmp(x->name, y->name);
}

/* Sorts `types` and turns equal neighbours into counts. */
static enum status count_types(struct om_description *d, const char **types, size_t n) {
    qsort(types, n, sizeof *types, by_name);
    d->ops = arena_calloc(&d->arena, n + 1, sizeof *d->ops);
    MEMORY_CHECK(d->ops);
    for (size_t i = 0; i < n; i++) {
        if (!i || strcmp(types[i], types[i - 1]))
            d->ops[d->n_ops++] = (struct om_count){types[i], 0};
        d->ops[d->n_ops - 1].n++;
    }
    qsort(d->ops, (size_t)d->n_ops, sizeof *d->ops, by_count);
    d->n_operators = (int64_t)n;
    return STATUS_OK;
}

/* ---- graphs ---- */

static enum status describe_tensor(struct arena *a, const struct tensor *t,
                                   struct om_tensor_info *out) {
    *out = (struct om_tensor_info){.dtype = dtype_name(t->dtype), .layout = "", .note = "",
                                   .rank = t->shape.rank, .bytes = -1};
    int64_t *dim = arena_calloc(a, SHAPE_MAX_RANK, sizeof *dim);
    out->name = arena_strdup(a, t->name);
    MEMORY_CHECK(dim && out->name);
    memcpy(dim, t->shape.dim, sizeof t->shape.dim);
    out->dim = dim;
    int64_t n = shape_elements(&t->shape);
    if (n >= 0 && dtype_size(t->dtype)) out->bytes = n * (int64_t)dtype_size(t->dtype);
    return STATUS_OK;
}

static bool shapes_known(const struct op_call *c) {
    for (int i = 0; i < c->n_inputs; i++)
        if (c->in[i].wanted && !shape_known(&c->in[i].shape)) return false;
    for (int i = 0; i < c->n_outputs; i++)
        if (c->out[i].wanted && !shape_known(&c->out[i].shape)) return false;
    return true;
}

/* -1 if a node that multiplies has an unknown shape. */
static enum status count_macs(const struct graph *g, int64_t *out) {
    *out = 0;
    for (int i = 0; i < g->n_nodes; i++) {
        const struct node *n = &g->nodes[i];
        if (n->op == OP_NONE || !op_def(n->op)->macs) continue;
        struct op_call c;
        TRY(op_call_init(&c, g, n));
        for (int k = 0; k < n->n_outputs; k++) {
            const struct tensor *t = node_output(g, n, k);
            if (t) c.out[k].dtype = t->dtype, c.out[k].shape = t->shape;
        }
        int64_t macs = shapes_known(&c) ? op_def(n->op)->macs(&c) : -1;
        op_call_deinit(&c);
        if (macs < 0 || __builtin_add_overflow(*out, macs, out)) {
            *out = -1;
            break;
        }
    }
    return STATUS_OK;
}

/* Picture preprocessing behind an input. */
static enum status aipp_note(struct arena *a, const struct graph *g, int t, const char **out) {
    const struct node *n = aipp_node_of(g, t, 0);
    int64_t size[2] = {0};
    if (n && n->n_inputs > 1 && n->inputs[1] >= 0)
        *out = arena_printf(a, "dynamic AIPP, pictures of up to %lld bytes",
                            (long long)node_int(n, "max_src_image_size", 0));
    else if (n && node_ints(n, "src_image_size", size, 2) == 2)
        *out = arena_printf(a, "static AIPP, %s %lldx%lld", node_string(n, "input_format", ""),
                            (long long)size[0], (long long)size[1]);
    else if (n)
        *out = arena_printf(a, "static AIPP, %s of the size a run chooses",
                            node_string(n, "input_format", ""));
    else if (aipp_node_of(g, t, 1)) *out = "parameters of dynamic AIPP";
    MEMORY_CHECK(*out);
    return STATUS_OK;
}

static enum status describe_graph(const struct graph *g, struct om_description *d) {
    struct arena *a = &d->arena;
    d->name = arena_strdup(a, g->name);
    d->inputs = arena_calloc(a, (size_t)g->n_inputs + 1, sizeof *d->inputs);
    d->outputs = arena_calloc(a, (size_t)g->n_outputs + 1, sizeof *d->outputs);
    d->meta = arena_calloc(a, (size_t)g->n_meta + 1, sizeof *d->meta);
    const char **types = arena_calloc(a, (size_t)g->n_nodes + 1, sizeof *types);
    MEMORY_CHECK(d->name && d->inputs && d->outputs && d->meta && types);
    for (int i = 0; i < g->n_inputs; i++) {
        struct om_tensor_info *info = &d->inputs[d->n_inputs++];
        TRY(describe_tensor(a, &g->tensors[g->inputs[i]], info));
        TRY(aipp_note(a, g, g->inputs[i], &info->note));
    }
    for (int i = 0; i < g->n_outputs; i++)
        TRY(describe_tensor(a, &g->tensors[g->outputs[i]], &d->outputs[d->n_outputs++]));
    size_t n_types = 0;
    for (int i = 0; i < g->n_nodes; i++)
        if (g->nodes[i].op != OP_NONE) types[n_types++] = op_def(g->nodes[i].op)->name;
    TRY(count_types(d, types, n_types));
    for (int t = 0; t < g->n_tensors; t++)
        if (g->tensors[t].data) {
            d->n_weights++;
            d->weight_bytes += (int64_t)g->tensors[t].data_bytes;
        }
    for (int i = 0; i < g->n_meta; i++) {
        struct om_pair *p = &d->meta[d->n_meta++];
        p->key = arena_strdup(a, g->meta[i].key);
        p->value = arena_strdup(a, g->meta[i].value);
        MEMORY_CHECK(p->key && p->value);
    }
    TRY(count_macs(g, &d->macs));
    d->activation_bytes = om_activation_bytes(g);
    d->runnable = true;
    return STATUS_OK;
}

enum status om_describe_graph(const struct graph *g, const char *kind, struct om_description *out) {
    description_init(out, kind);
    enum status s = describe_graph(g, out);
    if (s != STATUS_OK) om_description_deinit(out);
    return s;
}

/* ---- models of CANN's ---- */

static bool is_type(const Ge__Proto__OpDef *op, const char *a, const char *b) {
    return !strcmp(op->type, a) || !strcmp(op->type, b);
}

static const char *proto_dtype_name(struct arena *a, int t) {
    enum dtype known = om_dtype_from_proto(t);
    if (known != DT_NONE) return dtype_name(known);
    const ProtobufCEnumValue *v = protobuf_c_enum_descriptor_get_value(
        &ge__proto__data_type__descriptor, t);
    return v ? arena_printf(a, "%s", v->name) : arena_printf(a, "type %d", t);
}

static enum status describe_desc(struct arena *a, const char *name,
                                 const Ge__Proto__TensorDescriptor *d,
                                 struct om_tensor_info *out) {
    *out = (struct om_tensor_info){.rank = -1, .bytes = -1, .layout = "", .note = ""};
    out->name = arena_strdup(a, name);
    out->dtype = d ? proto_dtype_name(a, d->dtype) : "unknown";
    if (d) out->layout = arena_strdup(a, d->layout);
    MEMORY_CHECK(out->name && out->dtype && out->layout);
    if (!d || !d->shape || d->shape->n_dim > INT32_MAX / 16) return STATUS_OK;
    size_t n = d->shape->n_dim;
    if (n == 1 && d->shape->dim[0] == -2) return STATUS_OK;
    int64_t *dim = arena_calloc(a, n + 1, sizeof *dim);
    MEMORY_CHECK(dim);
    out->bytes = (int64_t)dtype_size(om_dtype_from_proto(d->dtype));
    if (!out->bytes) out->bytes = -1;
    for (size_t i = 0; i < n; i++) {
        dim[i] = d->shape->dim[i] < 0 ? -1 : d->shape->dim[i];
        if (!i64_mul(out->bytes, dim[i], &out->bytes)) out->bytes = -1;
    }
    out->rank = (int)n;
    out->dim = dim;
    return STATUS_OK;
}

/* What a Data operator says beyond its tensor: gears and picture preprocessing. */
static enum status input_note(struct arena *a, const Ge__Proto__OpDef *op, const char **out) {
    const char *note = "";
    const Ge__Proto__AttrDef *v = om_attr(op->attr, op->n_attr, "_mbatch_origin_input_dims");
    if (v && v->value_case == GE__PROTO__ATTR_DEF__VALUE_LIST && v->list && v->list->n_i &&
        v->list->n_i <= 16) {
        note = "gears over";
        for (size_t i = 0; i < v->list->n_i; i++) {
            note = arena_printf(a, "%s%s%lld", note, i ? "," : " ", (long long)v->list->i[i]);
            MEMORY_CHECK(note);
        }
    }
    const char *aipp = om_attr(op->attr, op->n_attr, "_dynamic_aipp_input_dims") ? "dynamic AIPP"
                       : om_attr(op->attr, op->n_attr, "aipp")                 ? "static AIPP"
                                                                               : NULL;
    if (aipp) note = arena_printf(a, "%s%s%s", note, *note ? ", " : "", aipp);
    MEMORY_CHECK(note);
    *out = note;
    return STATUS_OK;
}

struct data_op {
    const Ge__Proto__OpDef *op;
    int64_t index;   /* the attribute; 0 without it, as in files of one input */
    size_t position; /* in the file */
};

static int by_index(const void *a, const void *b) {
    const struct data_op *x = a, *y = b;
    if (x->index != y->index) return x->index < y->index ? -1 : 1;
    return (x->position > y->position) - (x->position < y->position);
}

static enum status describe_inputs(const Ge__Proto__GraphDef *g, struct om_description *d) {
    struct data_op *data = arena_calloc(&d->arena, g->n_op + 1, sizeof *data);
    d->inputs = arena_calloc(&d->arena, g->n_op + 1, sizeof *d->inputs);
    MEMORY_CHECK(data && d->inputs);
    size_t n = 0;
    for (size_t i = 0; i < g->n_op; i++)
        if (is_type(g->op[i], "Data", "AippData"))
            data[n++] = (struct data_op){
                g->op[i], om_attr_int(g->op[i]->attr, g->op[i]->n_attr, "index", 0), i};
    qsort(data, n, sizeof *data, by_index);
    for (size_t i = 0; i < n; i++) {
        const Ge__Proto__OpDef *op = data[i].op;
        const Ge__Proto__TensorDescriptor *t = op->n_output_desc  ? op->output_desc[0]
                                               : op->n_input_desc ? op->input_desc[0]
                                                                  : NULL;
        struct om_tensor_info *info = &d->inputs[d->n_inputs++];
        TRY(describe_desc(&d->arena, op->name, t, info));
        TRY(input_note(&d->arena, op, &info->note));
    }
    return STATUS_OK;
}

static enum status describe_outputs(const Ge__Proto__ModelDef *m, struct om_description *d) {
    const Ge__Proto__OpDef *op = NULL;
    for (size_t i = 0; i < m->graph[0]->n_op; i++)
        if (is_type(m->graph[0]->op[i], "NetOutput", "NetOutput")) op = m->graph[0]->op[i];
    if (!op) return STATUS_OK;
    const Ge__Proto__AttrDef *names = om_attr(m->attr, m->n_attr, "attr_model_out_nodes_name");
    bool named = names && names->value_case == GE__PROTO__ATTR_DEF__VALUE_LIST && names->list &&
                 names->list->n_s == op->n_input_desc;
    d->outputs = arena_calloc(&d->arena, op->n_input_desc + 1, sizeof *d->outputs);
    MEMORY_CHECK(d->outputs);
    for (size_t i = 0; i < op->n_input_desc; i++) {
        bool sourced = i < op->n_src_name && i < op->n_src_index;
        char *name =
            named     ? arena_strndup(&d->arena, (const char *)names->list->s[i].data,
                                      names->list->s[i].len)
            : sourced ? arena_printf(&d->arena, "output_%zu_%s_%lld", i, op->src_name[i],
                                     (long long)op->src_index[i])
                      : arena_printf(&d->arena, "output_%zu", i);
        MEMORY_CHECK(name);
        TRY(describe_desc(&d->arena, name, op->input_desc[i], &d->outputs[d->n_outputs++]));
    }
    return STATUS_OK;
}

/* Attributes of the model that are one number or one text. */
static enum status describe_attrs(const Ge__Proto__ModelDef *m, struct om_description *d) {
    d->meta = arena_calloc(&d->arena, m->n_attr + 1, sizeof *d->meta);
    MEMORY_CHECK(d->meta);
    for (size_t i = 0; i < m->n_attr; i++) {
        const Ge__Proto__AttrDef *v = m->attr[i]->value;
        char *text = NULL;
        if (v && v->value_case == GE__PROTO__ATTR_DEF__VALUE_I)
            text = arena_printf(&d->arena, "%lld", (long long)v->i);
        else if (v && v->value_case == GE__PROTO__ATTR_DEF__VALUE_S &&
                 !(v->s.len && memchr(v->s.data, '\0', v->s.len)))
            text = arena_strndup(&d->arena, (const char *)v->s.data, v->s.len);
        else continue;
        char *key = arena_strdup(&d->arena, m->attr[i]->key);
        MEMORY_CHECK(text && key);
        d->meta[d->n_meta++] = (struct om_pair){key, text};
    }
    return STATUS_OK;
}

static enum status describe_foreign(const struct om_source *s, const struct om_container *c,
                                    const Ge__Proto__ModelDef *m, struct om_description *d) {
    OM_CHECK(m->n_graph, OM_FAULT_MODEL, STATUS_FORMAT, "'%s': MODEL_DEF has no graph", s->name);
    d->kind = "offline model made by CANN's atc";
    d->remark = c->model_num > 1
                    ? "holds code for an Ascend chip and more than one model, of which this is the "
                      "first; to run it here, convert the original model with this atc"
                    : "holds code for an Ascend chip; to run it here, convert the original model "
                      "with this atc";
    d->name = arena_strdup(&d->arena, m->name);
    MEMORY_CHECK(d->name);
    TRY(describe_inputs(m->graph[0], d));
    TRY(describe_outputs(m, d));
    TRY(describe_attrs(m, d));
    size_t n_ops = 0, n_types = 0;
    for (size_t i = 0; i < m->n_graph; i++) n_ops += m->graph[i]->n_op;
    const char **types = arena_calloc(&d->arena, n_ops + 1, sizeof *types);
    MEMORY_CHECK(types);
    for (size_t i = 0; i < m->n_graph; i++)
        for (size_t k = 0; k < m->graph[i]->n_op; k++) {
            const Ge__Proto__OpDef *op = m->graph[i]->op[k];
            if (is_type(op, "Const", "Constant")) d->n_weights++;
            if (is_type(op, "Const", "Constant") || is_type(op, "Data", "AippData") ||
                is_type(op, "NetOutput", "NetOutput"))
                continue;
            types[n_types] = arena_strdup(&d->arena, op->type);
            MEMORY_CHECK(types[n_types]);
            n_types++;
        }
    TRY(count_types(d, types, n_types));
    const struct om_partition *weights = om_container_find(c, OM_WEIGHTS_DATA);
    d->weight_bytes = weights ? (int64_t)weights->bytes : 0;
    d->activation_bytes = om_attr_int(m->attr, m->n_attr, "memory_size", -1);
    return STATUS_OK;
}

/* ---- files ---- */

static enum status describe_partitions(const struct om_container *c, struct om_description *d) {
    d->partitions = arena_calloc(&d->arena, (size_t)c->n_partitions + 1, sizeof *d->partitions);
    MEMORY_CHECK(d->partitions);
    for (int i = 0; i < c->n_partitions; i++) {
        const char *name = om_partition_name(c->partition[i].type);
        if (!name) name = arena_printf(&d->arena, "type %u", c->partition[i].type);
        MEMORY_CHECK(name);
        d->partitions[d->n_partitions++] =
            (struct om_count){name, (int64_t)c->partition[i].bytes};
    }
    return STATUS_OK;
}

static enum status describe_source(const struct om_source *s, struct om_description *d) {
    struct om_container c;
    TRY(om_container_read(s, &c));
    d->file_bytes = (int64_t)s->bytes;
    TRY(describe_partitions(&c, d));
    struct arena arena;
    arena_init(&arena, 0);
    Ge__Proto__ModelDef *m;
    enum status status = om_model_read(s, &c, true, NULL, 0, &arena, &m);
    bool ours = false;
    if (status == STATUS_OK) {
        ours = om_attr(m->attr, m->n_attr, "prusik.format");
        if (!ours) status = describe_foreign(s, &c, m, d);
    }
    arena_deinit(&arena);
    if (status != STATUS_OK || !ours) return status;
    struct graph *g;
    TRY(om_read_source(s, NULL, &g));
    d->kind = "offline model";
    status = describe_graph(g, d);
    graph_destroy(g);
    return status;
}

static enum status describe_opened(const struct om_source *s, struct om_description *out) {
    description_init(out, "");
    enum status status = describe_source(s, out);
    if (status != STATUS_OK) om_description_deinit(out);
    else om_set_fault(OM_FAULT_NONE);
    return status;
}

enum status om_describe_file(const char *path, struct om_description *out) {
    om_set_fault(OM_FAULT_OTHER);
    *out = (struct om_description){0};
    struct om_source s;
    TRY(om_source_open(path, &s));
    enum status status = describe_opened(&s, out);
    om_source_close(&s);
    return status;
}

enum status om_describe_memory(const void *bytes, size_t n_bytes, struct om_description *out) {
    om_set_fault(OM_FAULT_OTHER);
    struct om_source s = {.fd = -1, .memory = bytes, .bytes = n_bytes, .name = "model in memory"};
    return describe_opened(&s, out);
}
