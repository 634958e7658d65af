/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The ONNX importer: a file or a buffer becomes a graph. See onnx.h for the other files.
 *
 * The file is read into memory that the graph keeps, since weights stay where they lie in it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "import/wire.h"
#include "import/onnx/onnx.h"
#include "ops/op.h"

#define NO_MEMORY "out of memory while importing the model"

static const char *text_or(const char *s, const char *fallback) { return s && *s ? s : fallback; }

/* ---- inputs ---- */

static enum status declared_shape(const Onnx__ValueInfoProto *info, struct shape *out) {
    const Onnx__TensorShapeProto *s = info->type->tensor_type->shape;
    *out = shape_unknown();
    if (!s) return STATUS_OK;
    CHECK(s->n_dim <= SHAPE_MAX_RANK, STATUS_LIMIT,
          "input '%s' has %zu dimensions; at most %d are supported", info->name, s->n_dim,
          SHAPE_MAX_RANK);
    out->rank = (int)s->n_dim;
    /* A name, or nothing, is a dimension for the caller to choose; so is the -1 some writers
     * use. */
    for (size_t i = 0; i < s->n_dim; i++) {
        const Onnx__TensorShapeProto__Dimension *d = s->dim[i];
        out->dim[i] = d->has_dim_value && d->dim_value >= 0 ? d->dim_value : -1;
    }
    return STATUS_OK;
}

static enum status add_input(struct importer *im, struct onnx_block *b,
                             const Onnx__ValueInfoProto *info,
                             const struct import_options *options) {
    CHECK(info->name && *info->name, STATUS_FORMAT, "an input of the model has no name");
    struct onnx_value *v = block_find(b, info->name);
    if (v && v->init) return STATUS_OK; /* a weight, listed among the inputs by old writers */
    CHECK(!v, STATUS_FORMAT, "input '%s' is given twice", info->name);
    CHECK(info->type && info->type->tensor_type, STATUS_UNSUPPORTED,
          "input '%s' is no tensor; sequences, maps and optionals are not supported", info->name);
    int32_t type = info->type->tensor_type->elem_type;
    enum dtype dtype = onnx_dtype(type);
    CHECK(dtype != DT_NONE, STATUS_UNSUPPORTED,
          "input '%s' has elements of type %s (%d), which is not supported", info->name,
          onnx_type_name(type), (int)type);
    struct shape shape;
    TRY(declared_shape(info, &shape));
    TRY(import_override_shape(options, info->name, &shape));
    int t;
    TRY(graph_add_tensor(im->g, info->name, dtype, shape, &t));
    TRY(graph_add_input(im->g, t));
    return block_add_value(im, b, info->name, t, &v);
}

/* ---- outputs ---- */

/* "node:index" or a tensor name. */
static enum status find_out_node(struct onnx_block *b, const char *text, struct onnx_value **out) {
    *out = block_find(b, text);
    if (*out) return STATUS_OK;
    const char *colon = strrchr(text, ':');
    size_t n = colon ? (size_t)(colon - text) : strlen(text);
    char *end = NULL;
    unsigned long k = colon ? strtoul(colon + 1, &end, 10) : 0;
    bool indexed = colon && end != colon + 1 && *end == '\0';
    for (size_t i = 0; i < b->n_nodes; i++) {
        const Onnx__NodeProto *p = b->nodes[i];
        if (!p->name || strncmp(p->name, text, n) || p->name[n]) continue;
        CHECK(indexed, STATUS_ARGUMENT,
              "output '%s': write the node's output too, for example '%s:0'", text, p->name);
        CHECK(k < p->n_output && *p->output[k], STATUS_ARGUMENT,
              "output '%s': node '%s' has %zu outputs", text, p->name, p->n_output);
        *out = block_find(b, p->output[k]);
        return STATUS_OK;
    }
    FAIL(STATUS_ARGUMENT, "output '%s' is no tensor of the model, and no node is named so", text);
}

struct wanted {
    int n;
    struct onnx_value **value;
};

static enum status find_outputs(struct importer *im, struct onnx_block *b,
                                const Onnx__GraphProto *graph, const char *const *out_nodes,
                                struct wanted *w) {
    size_t n = graph->n_output;
    if (out_nodes)
        for (n = 0; out_nodes[n];) n++;
    CHECK(n > 0, STATUS_FORMAT, "the model has no outputs");
    CHECK(n < INT32_MAX / 8, STATUS_LIMIT, "the model has too many outputs");
    w->value = arena_calloc(im->arena, n, sizeof *w->value);
    CHECK(w->value, STATUS_MEMORY, NO_MEMORY);
    for (w->n = 0; w->n < (int)n; w->n++) {
        if (out_nodes) {
            TRY(find_out_node(b, out_nodes[w->n], &w->value[w->n]));
            continue;
        }
        const char *name = text_or(graph->output[w->n]->name, "");
        w->value[w->n] = block_find(b, name);
        CHECK(w->value[w->n], STATUS_FORMAT, "output '%s' of the model is produced by nothing",
              name);
    }
    /* Their tensors are made first, so that they keep their names. */
    for (int i = 0; i < w->n; i++) {
        int t;
        TRY(block_tensor(im, b, w->value[i]->name, &t));
    }
    return STATUS_OK;
}

/* ---- model ---- */

static enum status check_versions(struct importer *im, int *opset) {
    const Onnx__ModelProto *m = im->model;
    *opset = m->n_opset_import ? 0 : 1; /* the first IR versions had no such list */
    for (size_t i = 0; i < m->n_opset_import; i++) {
        const char *domain = text_or(m->opset_import[i]->domain, "ai.onnx");
        if (strcmp(domain, "ai.onnx")) continue;
        int64_t version = m->opset_import[i]->version;
        CHECK(version >= ONNX_MIN_OPSET && version <= ONNX_MAX_OPSET, STATUS_UNSUPPORTED,
              "the model uses opset %lld; %d to %d are supported (export it with another opset, or "
              "convert it)", (long long)version, ONNX_MIN_OPSET, ONNX_MAX_OPSET);
        *opset = (int)version;
    }
    /* Only custom domains: nodes of the default one would have no version. */
    if (!*opset) *opset = ONNX_MAX_OPSET;
    return STATUS_OK;
}

static enum status keep_metadata(struct importer *im) {
    enum { MOST = 64 };
    const Onnx__ModelProto *m = im->model;
    for (size_t i = 0; i < m->n_metadata_props && i < MOST; i++) {
        const Onnx__StringStringEntryProto *p = m->metadata_props[i];
        if (!p->key || !p->value) continue;
        const char *key = arena_printf(im->arena, "onnx.%s", p->key);
        CHECK(key, STATUS_MEMORY, NO_MEMORY);
        TRY(graph_set_meta(im->g, key, p->value));
    }
    if (m->producer_name && *m->producer_name)
        TRY(graph_set_meta(im->g, "onnx_producer", m->producer_name));
    return STATUS_OK;
}

static enum status convert_model(struct importer *im, const struct import_options *options) {
    const Onnx__GraphProto *graph = im->model->graph;
    CHECK(graph, STATUS_FORMAT, "the file holds no ONNX graph");
    struct onnx_block *b = arena_alloc(im->arena, sizeof *b);
    CHECK(b, STATUS_MEMORY, NO_MEMORY);
    b->prefix = "";
    TRY(check_versions(im, &b->opset));
    TRY(importer_add_functions(im));
    TRY(block_add_graph(im, b, graph));
    for (size_t i = 0; i < graph->n_input; i++) TRY(add_input(im, b, graph->input[i], options));
    TRY(import_check_shapes(im->g, options));
    TRY(block_add_nodes(im, b));
    if (graph->name && *graph->name) {
        im->g->name = arena_strdup(&im->g->arena, graph->name);
        CHECK(im->g->name, STATUS_MEMORY, NO_MEMORY);
    }
    TRY(keep_metadata(im));
    struct wanted w = {0};
    TRY(find_outputs(im, b, graph, options ? options->out_nodes : NULL, &w));
    enum status s = block_convert(im, b, w.n, w.value);
    import_tell(options, "ONNX", b->opset, im->g, &im->lacks);
    TRY(s);
    if (im->lacks.n_nodes) return lacks_report(&im->lacks);
    for (int i = 0; i < w.n; i++) TRY(graph_add_output(im->g, w.value[i]->tensor));
    TRY(graph_sort(im->g));
    TRY(graph_compact(im->g));
    TRY(graph_infer(im->g));
    return graph_verify(im->g);
}

static enum status import_bytes(struct graph *g, const void *bytes, size_t n_bytes,
                                const char *folder, const struct import_options *options) {
    struct wire_message m;
    struct arena scratch;
    TRY(wire_unpack(&onnx__model_proto__descriptor, bytes, n_bytes, &onnx_wire_options, &m));
    /* Far more than any honest model needs; functions that call functions could ask for more. */
    arena_init(&scratch, (size_t)2 << 30);
    struct importer im = {
        .g = g,
        .arena = &scratch,
        .src = {.bytes = bytes, .n_bytes = n_bytes, .folder = folder},
        .model = (const Onnx__ModelProto *)m.message,
    };
    enum status s = convert_model(&im, options);
    arena_deinit(&scratch);
    wire_message_deinit(&m);
    return s;
}

enum status import_onnx_memory(const void *bytes, size_t n_bytes, bool copy,
                               const struct import_options *options, struct graph **out) {
    return import_from_memory(import_bytes, bytes, n_bytes, copy, options, out);
}

enum status import_onnx_file(const char *path, const struct import_options *options,
                             struct graph **out) {
    return import_from_file(import_bytes, path, options, out);
}
