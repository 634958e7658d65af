/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A model as TensorFlow.js ships it: model.json with the graph and a list of weights, whose bytes
 * follow each other through files beside it. Weights may be stored as 8 or 16 bits with a scale and
 * a minimum, or as float16.
 */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "import/tensorflow/tensorflow.h"

#define NO_MEMORY "out of memory while importing the model"
enum { MAX_WEIGHTS = 1 << 20 };
static const size_t SHARDS_LIMIT = (size_t)4 << 30;

/* ---- the list ---- */

static const struct {
    const char *name;
    enum dtype dtype;
} types[] = {
    {"float32", DT_F32}, {"float16", DT_F16}, {"int32", DT_I32}, {"uint8", DT_U8},
    {"uint16", DT_U16}, {"bool", DT_BOOL}, {"int64", DT_I64},
};

static enum dtype find_type(const json_t *name) {
    for (size_t i = 0; json_is_string(name) && i < sizeof types / sizeof types[0]; i++)
        if (!strcmp(types[i].name, json_string_value(name))) return types[i].dtype;
    return DT_NONE;
}

static enum status read_dims(const json_t *dims, const char *name, struct shape *out) {
    size_t n = json_array_size(dims);
    CHECK(json_is_array(dims) && n <= SHAPE_MAX_RANK, STATUS_FORMAT,
          "weight '%s' has no shape of at most %d dimensions", name, SHAPE_MAX_RANK);
    *out = (struct shape){.rank = (int)n};
    int64_t elements = 1;
    for (size_t i = 0; i < n; i++) {
        out->dim[i] = json_integer_value(json_array_get(dims, i));
        CHECK(json_is_integer(json_array_get(dims, i)) &&
                  i64_mul(elements, out->dim[i], &elements) && elements <= INT32_MAX,
              STATUS_FORMAT, "weight '%s' has an impossible shape", name);
    }
    return STATUS_OK;
}

/* One entry of the list; *bytes: its share of the files. */
static enum status read_weight(const json_t *entry, struct arena *arena, struct tf_weight *w,
                               size_t *bytes) {
    const char *name = json_string_value(json_object_get(entry, "name"));
    CHECK(name && *name, STATUS_FORMAT, "a weight has no name");
    w->name = arena_strdup(arena, name);
    CHECK(w->name, STATUS_MEMORY, NO_MEMORY);
    const json_t *type = json_object_get(entry, "dtype");
    w->dtype = w->stored = find_type(type);
    CHECK(w->dtype != DT_NONE, STATUS_UNSUPPORTED, "weight '%s' has elements of type '%.40s'", name,
          json_is_string(type) ? json_string_value(type) : "");
    TRY(read_dims(json_object_get(entry, "shape"), name, &w->shape));
    const json_t *q = json_object_get(entry, "quantization");
    if (q) {
        w->stored = find_type(json_object_get(q, "dtype"));
        CHECK(w->stored == DT_U8 || w->stored == DT_U16 || w->stored == DT_F16, STATUS_UNSUPPORTED,
              "weight '%s' is quantised to a type other than uint8, uint16 and float16", name);
        w->scale = w->stored == DT_F16 ? 1 : json_number_value(json_object_get(q, "scale"));
        w->min = w->stored == DT_F16 ? 0 : json_number_value(json_object_get(q, "min"));
    }
    *bytes = (size_t)shape_elements(&w->shape) * dtype_size(w->stored);
    return STATUS_OK;
}

/* ---- the files ---- */

static enum status read_shard(const char *folder, const char *name, uint8_t *out, size_t room,
                              size_t *used) {
    int fd = -1;
    TRY(import_open_beside(folder, name, "weights", &fd));
    struct stat st;
    enum status s = STATUS_OK;
    if (fstat(fd, &st) || !S_ISREG(st.st_mode))
        s = status_set(STATUS_FILE, __FILE__, __LINE__, "weights '%.100s': no plain file", name);
    else if (st.st_size < 0 || (uint64_t)st.st_size > room)
        s = status_set(STATUS_FORMAT, __FILE__, __LINE__,
                       "weights '%.100s' have %lld bytes, more than the model lists", name,
                       (long long)st.st_size);
    for (*used = 0; s == STATUS_OK && *used < (size_t)st.st_size;) {
        ssize_t n = read(fd, out + *used, (size_t)st.st_size - *used);
        if (n > 0) *used += (size_t)n;
        else
            s = status_set(STATUS_FILE, __FILE__, __LINE__,
                           "reading weights '%.100s' failed", name);
    }
    close(fd);
    return s;
}

/* All files of a group, one after the other, into memory that the graph keeps. */
static enum status read_shards(const json_t *paths, const char *folder, size_t bytes,
                               struct graph *g, uint8_t **out) {
    CHECK(folder, STATUS_UNSUPPORTED,
          "the weights lie in files beside the model, which a model from memory cannot have");
    CHECK(bytes <= SHARDS_LIMIT, STATUS_LIMIT, "the model lists %zu bytes of weights", bytes);
    *out = mem_alloc_aligned(bytes ? bytes : 1);
    CHECK(*out, STATUS_MEMORY, NO_MEMORY);
    TRY(graph_attach(g, *out, mem_free));
    size_t at = 0;
    for (size_t i = 0; i < json_array_size(paths); i++) {
        const char *name = json_string_value(json_array_get(paths, i));
        CHECK(name && *name, STATUS_FORMAT, "a file of weights has no name");
        size_t used;
        TRY(read_shard(folder, name, *out + at, bytes - at, &used));
        at += used;
    }
    CHECK(at == bytes, STATUS_FORMAT,
          "the files of weights have %zu bytes, but the model lists %zu; a file is truncated or "
          "missing", at, bytes);
    return STATUS_OK;
}

static enum status read_group(const json_t *group, const char *folder, struct graph *g,
                              struct arena *arena, struct tfjs_model *m) {
    const json_t *list = json_object_get(group, "weights");
    size_t n = json_array_size(list), total = 0, bytes;
    CHECK(n <= MAX_WEIGHTS && m->n_weights <= MAX_WEIGHTS - (int)n, STATUS_LIMIT,
          "the model has more than %d weights", MAX_WEIGHTS);
    if (!n) return STATUS_OK;
    struct tf_weight *all = arena_calloc(arena, (size_t)m->n_weights + n, sizeof *all);
    CHECK(all, STATUS_MEMORY, NO_MEMORY);
    if (m->n_weights) memcpy(all, m->weights, (size_t)m->n_weights * sizeof *all);
    struct tf_weight *first = all + m->n_weights;
    m->weights = all;
    m->n_weights += (int)n;
    for (size_t i = 0; i < n; i++) {
        TRY(read_weight(json_array_get(list, i), arena, &first[i], &bytes));
        total += bytes; /* below 2^20 times 2^34 */
    }
    uint8_t *data;
    TRY(read_shards(json_object_get(group, "paths"), folder, total, g, &data));
    for (size_t i = 0; i < n; i++) {
        first[i].data = data;
        data += (size_t)shape_elements(&first[i].shape) * dtype_size(first[i].stored);
    }
    return STATUS_OK;
}

/* ---- the model ---- */

/* Names of the signature's outputs, in its order. */
static enum status read_signature(const json_t *root, struct arena *arena, struct tfjs_model *m) {
    const json_t *signature = json_object_get(root, "signature");
    if (!signature)
        signature = json_object_get(json_object_get(root, "userDefinedMetadata"), "signature");
    json_t *outputs = json_object_get(signature, "outputs"), *value;
    size_t n = 0;
    const char *key, **names;
    if (!json_object_size(outputs)) return STATUS_OK;
    names = arena_calloc(arena, json_object_size(outputs) + 1, sizeof *names);
    CHECK(names, STATUS_MEMORY, NO_MEMORY);
    json_object_foreach(outputs, key, value) {
        const char *name = json_string_value(json_object_get(value, "name"));
        names[n] = arena_strdup(arena, name ? name : key);
        CHECK(names[n++], STATUS_MEMORY, NO_MEMORY);
    }
    m->outputs = names;
    return STATUS_OK;
}

static enum status read_model(const json_t *root, const char *folder, struct graph *g,
                              struct arena *arena, struct tfjs_model *m) {
    const json_t *topology = json_object_get(root, "modelTopology");
    const json_t *manifest = json_object_get(root, "weightsManifest");
    CHECK(json_is_object(topology), STATUS_FORMAT,
          "the JSON has no 'modelTopology'; this is no TensorFlow.js model");
    CHECK(json_object_get(topology, "node"), STATUS_UNSUPPORTED,
          "this is a Keras model in layers format, not a graph; convert it with "
          "tensorflowjs_converter --output_format=tfjs_graph_model");
    for (size_t i = 0; i < json_array_size(manifest); i++)
        TRY(read_group(json_array_get(manifest, i), folder, g, arena, m));
    TRY(read_signature(root, arena, m));
    return tf_json_to_wire(topology, &tensorflow__graph_def__descriptor, &m->graph, &m->n_graph);
}

enum status tfjs_read(const void *text, size_t n_bytes, const char *folder, struct graph *g,
                      struct arena *arena, struct tfjs_model *out) {
    *out = (struct tfjs_model){0};
    json_error_t error;
    json_t *root = json_loadb(text, n_bytes, 0, &error);
    CHECK(root, STATUS_FORMAT, "line %d, column %d: %s", error.line, error.column, error.text);
    enum status s = read_model(root, folder, g, arena, out);
    json_decref(root);
    return s;
}
