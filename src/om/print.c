/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Models as text: the messages of a file as JSON, field by field, and a description as JSON or as
 * lines for people.
 *
 * Messages are walked by protobuf-c's own descriptors, so that every field modeldef.proto knows
 * comes out without being named here. Depth is bounded by what the reader accepts.
 */
#include <jansson.h>
#include <math.h>
#include <string.h>

#include "ir/tuning.h"
#include "om/container.h"

#define JSON_OUT_OF_MEMORY "out of memory while making JSON"

/* ---- messages ---- */

static json_t *message_json(const ProtobufCMessage *m);

static json_t *text_json(const char *s, size_t n) {
    json_t *text = json_stringn(s, n); /* NULL unless it is UTF-8 */
    return text ? text : json_sprintf("(%zu bytes)", n);
}

json_t *om_float_to_json(double value) {
    if (isfinite(value)) return json_real(value);
    return json_string(isnan(value) ? "nan" : value > 0 ? "inf" : "-inf");
}

/* One value of a field at `p`. */
static json_t *value_json(const ProtobufCFieldDescriptor *f, const void *p) {
    switch (f->type) {
    case PROTOBUF_C_TYPE_INT32:
    case PROTOBUF_C_TYPE_SINT32:
    case PROTOBUF_C_TYPE_SFIXED32: return json_integer(*(const int32_t *)p);
    case PROTOBUF_C_TYPE_UINT32:
    case PROTOBUF_C_TYPE_FIXED32: return json_integer(*(const uint32_t *)p);
    case PROTOBUF_C_TYPE_INT64:
    case PROTOBUF_C_TYPE_SINT64:
    case PROTOBUF_C_TYPE_SFIXED64:
    case PROTOBUF_C_TYPE_UINT64:
    case PROTOBUF_C_TYPE_FIXED64: return json_integer((json_int_t) * (const int64_t *)p);
    case PROTOBUF_C_TYPE_FLOAT: return om_float_to_json((double)*(const float *)p);
    case PROTOBUF_C_TYPE_DOUBLE: return om_float_to_json(*(const double *)p);
    case PROTOBUF_C_TYPE_BOOL: return json_boolean(*(const protobuf_c_boolean *)p);
    case PROTOBUF_C_TYPE_ENUM: {
        int v = *(const int *)p;
        const ProtobufCEnumValue *e = protobuf_c_enum_descriptor_get_value(f->descriptor, v);
        return e ? json_string(e->name) : json_integer(v);
    }
    case PROTOBUF_C_TYPE_STRING: {
        const char *s = *(const char *const *)p;
        return text_json(s ? s : "", s ? strlen(s) : 0);
    }
    case PROTOBUF_C_TYPE_BYTES: {
        const ProtobufCBinaryData *b = p;
        return text_json(b->len ? (const char *)b->data : "", b->len);
    }
    case PROTOBUF_C_TYPE_MESSAGE: {
        const ProtobufCMessage *m = *(const ProtobufCMessage *const *)p;
        return m ? message_json(m) : json_null();
    }
    }
    return json_null();
}

static size_t value_size(const ProtobufCFieldDescriptor *f) {
    switch (f->type) {
    case PROTOBUF_C_TYPE_INT64:
    case PROTOBUF_C_TYPE_SINT64:
    case PROTOBUF_C_TYPE_SFIXED64:
    case PROTOBUF_C_TYPE_UINT64:
    case PROTOBUF_C_TYPE_FIXED64:
    case PROTOBUF_C_TYPE_DOUBLE: return 8;
    case PROTOBUF_C_TYPE_BOOL: return sizeof(protobuf_c_boolean);
    case PROTOBUF_C_TYPE_STRING:
    case PROTOBUF_C_TYPE_MESSAGE: return sizeof(void *);
    case PROTOBUF_C_TYPE_BYTES: return sizeof(ProtobufCBinaryData);
    default: return 4;
    }
}

/* Whether a field that is not repeated holds something other than its default. */
static bool is_set(const ProtobufCMessage *m, const ProtobufCFieldDescriptor *f) {
    const char *p = (const char *)m + f->offset;
    if (f->flags & PROTOBUF_C_FIELD_FLAG_ONEOF)
        return *(const uint32_t *)((const char *)m + f->quantifier_offset) == f->id;
    switch (f->type) {
    case PROTOBUF_C_TYPE_MESSAGE: return *(const void *const *)p;
    case PROTOBUF_C_TYPE_STRING:
        return *(const char *const *)p && **(const char *const *)p;
    case PROTOBUF_C_TYPE_BYTES: return ((const ProtobufCBinaryData *)p)->len > 0;
    default: break;
    }
    for (size_t i = 0; i < value_size(f); i++)
        if (p[i]) return true;
    return false;
}

/* NULL when out of memory; the object is then released. */
static json_t *message_json(const ProtobufCMessage *m) {
    json_t *object = json_object();
    const ProtobufCMessageDescriptor *d = m->descriptor;
    for (unsigned i = 0; object && i < d->n_fields; i++) {
        const ProtobufCFieldDescriptor *f = &d->fields[i];
        json_t *value = NULL;
        const char *p = (const char *)m + f->offset;
        if (f->label == PROTOBUF_C_LABEL_REPEATED) {
            size_t n = *(const size_t *)((const char *)m + f->quantifier_offset);
            if (!n) continue;
            value = json_array();
            for (size_t k = 0; value && k < n; k++)
                if (json_array_append_new(
                        value, value_json(f, *(const char *const *)p + k * value_size(f)))) {
                    json_decref(value);
                    value = NULL;
                }
        } else if (is_set(m, f)) {
            value = value_json(f, p);
        } else {
            continue;
        }
        if (json_object_set_new(object, f->name, value)) {
            json_decref(object);
            object = NULL;
        }
    }
    return object;
}

static enum status print_json(json_t *value, FILE *to) {
    CHECK(value, STATUS_MEMORY, JSON_OUT_OF_MEMORY);
    int failed = json_dumpf(value, to, JSON_INDENT(2));
    json_decref(value);
    CHECK(!failed && fputc('\n', to) != EOF, STATUS_FILE, "cannot write JSON");
    return STATUS_OK;
}

enum status om_graph_to_json(const struct graph *g, FILE *to) {
    struct arena arena;
    arena_init(&arena, 0);
    Ge__Proto__ModelDef *m;
    uint64_t weight_bytes;
    enum status s = om_model_build(g, &arena, &m, &weight_bytes);
    if (s == STATUS_OK) s = print_json(message_json(&m->base), to);
    arena_deinit(&arena);
    return s;
}

enum status om_file_to_json(const char *path, FILE *to) {
    om_set_fault(OM_FAULT_OTHER);
    struct om_source source;
    TRY(om_source_open(path, &source));
    struct arena arena;
    arena_init(&arena, 0);
    struct om_container c;
    Ge__Proto__ModelDef *m;
    enum status s = om_container_read(&source, &c);
    if (s == STATUS_OK) s = om_model_read(&source, &c, true, NULL, 0, &arena, &m);
    if (s == STATUS_OK) s = print_json(message_json(&m->base), to);
    if (s == STATUS_OK) om_set_fault(OM_FAULT_NONE);
    arena_deinit(&arena);
    om_source_close(&source);
    return s;
}

/* ---- descriptions ---- */

static json_t *count_or_null(int64_t n) { return n < 0 ? json_null() : json_integer(n); }

static json_t *tensors_json(const struct om_tensor_info *t, int n) {
    json_t *list = json_array();
    for (int i = 0; i < n; i++) {
        json_t *shape = t[i].rank < 0 ? json_null() : json_array();
        for (int k = 0; k < t[i].rank; k++) json_array_append_new(shape, json_integer(t[i].dim[k]));
        json_t *object = json_object();
        json_object_set_new(object, "name", text_json(t[i].name, strlen(t[i].name)));
        json_object_set_new(object, "dtype", json_string(t[i].dtype));
        json_object_set_new(object, "shape", shape);
        if (*t[i].layout)
            json_object_set_new(object, "layout", text_json(t[i].layout, strlen(t[i].layout)));
        json_object_set_new(object, "bytes", count_or_null(t[i].bytes));
        if (*t[i].note) json_object_set_new(object, "note", json_string(t[i].note));
        json_array_append_new(list, object);
    }
    return list;
}

static json_t *counts_json(const struct om_count *c, int n) {
    json_t *object = json_object();
    for (int i = 0; i < n; i++) json_object_set_new(object, c[i].name, json_integer(c[i].n));
    return object;
}

/* Jansson takes NULL everywhere and fails, so that only the last result needs a look; a value lost
 * on the way to memory is missing in the output of a machine that has none left. */
static enum status description_json(const struct om_description *d, FILE *to) {
    json_t *o = json_object();
    json_object_set_new(o, "kind", json_string(d->kind));
    json_object_set_new(o, "name", text_json(d->name, strlen(d->name)));
    json_object_set_new(o, "runnable", json_boolean(d->runnable));
    if (*d->remark) json_object_set_new(o, "remark", json_string(d->remark));
    if (d->file_bytes) json_object_set_new(o, "file_bytes", json_integer(d->file_bytes));
    json_object_set_new(o, "inputs", tensors_json(d->inputs, d->n_inputs));
    json_object_set_new(o, "outputs", tensors_json(d->outputs, d->n_outputs));
    json_object_set_new(o, "n_operators", json_integer(d->n_operators));
    json_object_set_new(o, "operators", counts_json(d->ops, d->n_ops));
    json_object_set_new(o, "n_weights", json_integer(d->n_weights));
    json_object_set_new(o, "weight_bytes", json_integer(d->weight_bytes));
    json_object_set_new(o, "macs", count_or_null(d->macs));
    json_object_set_new(o, "activation_bytes", count_or_null(d->activation_bytes));
    if (d->n_partitions)
        json_object_set_new(o, "partitions", counts_json(d->partitions, d->n_partitions));
    json_t *meta = json_object();
    for (int i = 0; i < d->n_meta; i++)
        json_object_set_new(meta, d->meta[i].key,
                            text_json(d->meta[i].value, strlen(d->meta[i].value)));
    json_object_set_new(o, "meta", meta);
    return print_json(o, to);
}

/* "1.2 MB" and the like, of 1000s. */
static const char *scaled(int64_t n, const char *unit, char buf[static 32]) {
    static const char *const prefix[] = {"", "k", "M", "G", "T"};
    if (n < 0) return strcpy(buf, "unknown");
    double value = (double)n;
    int i = 0;
    for (; value >= 999.5 && i < 4; i++) value /= 1000;
    snprintf(buf, 32, i && value < 99.95 ? "%.1f %s%s" : "%.0f %s%s", value, prefix[i], unit);
    return buf;
}

/* Names come from files: nothing that moves a terminal's cursor. */
static void print_text(const char *s, FILE *to) {
    for (; *s; s++) fputc((unsigned char)*s < 32 || *s == 127 ? '?' : *s, to);
}

static void print_tensor(const char *what, const struct om_tensor_info *t, FILE *to) {
    char buf[32];
    fprintf(to, "%-8s ", what);
    print_text(t->name, to);
    fprintf(to, "  %s[", t->dtype);
    if (t->rank < 0) fputc('*', to);
    for (int i = 0; i < t->rank; i++)
        t->dim[i] < 0 ? fprintf(to, "%s?", i ? "," : "")
                      : fprintf(to, "%s%lld", i ? "," : "", (long long)t->dim[i]);
    fputc(']', to);
    if (*t->layout) fputc(' ', to), print_text(t->layout, to);
    if (t->bytes >= 0) fprintf(to, "  %s", scaled(t->bytes, "B", buf));
    if (*t->note) fprintf(to, "  (%s)", t->note);
    fputc('\n', to);
}

/* Hints of prusik tune in a line instead of their numbers. False for any other entry. */
static bool print_tuning(const struct om_pair *p, FILE *to) {
    const size_t n = strlen(TUNING_META);
    if (strncmp(p->key, TUNING_META, n)) return false;
    struct arena arena;
    struct tuning t;
    arena_init(&arena, 0);
    fprintf(to, "%-8s ", "tuned");
    print_text(p->key + n, to);
    if (tuning_read(p->value, &arena, &t) == STATUS_OK)
        fprintf(to, ": hints for %d kind%s of convolution, measured with %d thread%s\n", t.n,
                t.n == 1 ? "" : "s", t.threads, t.threads == 1 ? "" : "s");
    else fprintf(to, ": not used, %s\n", status_message());
    arena_deinit(&arena);
    return true;
}

static void description_text(const struct om_description *d, FILE *to) {
    char a[32], b[32];
    fprintf(to, "%-8s ", "model");
    print_text(d->name, to);
    fprintf(to, ", %s\n", d->kind);
    if (*d->remark) fprintf(to, "%-8s %s\n", "note", d->remark);
    for (int i = 0; i < d->n_inputs; i++) print_tensor("input", &d->inputs[i], to);
    for (int i = 0; i < d->n_outputs; i++) print_tensor("output", &d->outputs[i], to);
    fprintf(to, "%-8s %lld operators:", "graph", (long long)d->n_operators);
    for (int i = 0; i < d->n_ops; i++) {
        fputs(i ? ", " : " ", to);
        print_text(d->ops[i].name, to);
        if (d->ops[i].n > 1) fprintf(to, " x%lld", (long long)d->ops[i].n);
    }
    fprintf(to, "\n%-8s %lld tensors, %s\n", "weights", (long long)d->n_weights,
            scaled(d->weight_bytes, "B", a));
    if (d->runnable) fprintf(to, "%-8s %s multiply-adds\n", "work", scaled(d->macs, "", a));
    fprintf(to, "%-8s %s between operators\n", "memory", scaled(d->activation_bytes, "B", b));
    if (d->n_partitions) {
        fprintf(to, "%-8s %s:", "file", scaled(d->file_bytes, "B", a));
        for (int i = 0; i < d->n_partitions; i++)
            fprintf(to, "%s %s %s", i ? "," : "", d->partitions[i].name,
                    scaled(d->partitions[i].n, "B", b));
        fputc('\n', to);
    }
    for (int i = 0; i < d->n_meta; i++) {
        if (print_tuning(&d->meta[i], to)) continue;
        fprintf(to, "%-8s ", "meta");
        print_text(d->meta[i].key, to);
        fputs(" = ", to);
        print_text(d->meta[i].value, to);
        fputc('\n', to);
    }
}

enum status om_description_print(const struct om_description *d, bool json, FILE *to) {
    if (json) return description_json(d, to);
    description_text(d, to);
    CHECK(!ferror(to), STATUS_FILE, "cannot write the description");
    return STATUS_OK;
}
