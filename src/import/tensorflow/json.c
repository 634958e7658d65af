/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The JSON form of a protocol buffer becomes its wire form, which then goes the way of every file.
 *
 * Driven by the message descriptors, whose fields' names JSON spells in camelCase. 64-bit numbers
 * may be text, enums names or numbers, bytes base64 or (TensorFlow.js) lists of numbers, maps
 * objects. Nesting is bounded by the descriptors, which do not contain themselves.
 */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "import/tensorflow/tensorflow.h"

struct buffer {
    uint8_t *p;
    size_t n, cap;
};

static enum status put(struct buffer *b, const void *p, size_t n) {
    if (n > b->cap - b->n) {
        size_t cap = 2 * b->cap + n + 64;
        uint8_t *wider = mem_realloc(b->p, cap);
        CHECK(wider, STATUS_MEMORY, "out of memory while reading the model's JSON");
        b->p = wider;
        b->cap = cap;
    }
    if (n) memcpy(b->p + b->n, p, n);
    b->n += n;
    return STATUS_OK;
}

static enum status put_varint(struct buffer *b, uint64_t v) {
    uint8_t out[10];
    size_t n = 0;
    for (; v > 127; v >>= 7) out[n++] = (uint8_t)(v | 128);
    out[n++] = (uint8_t)v;
    return put(b, out, n);
}

static enum status put_tag(struct buffer *b, uint32_t id, unsigned wire_type) {
    return put_varint(b, (uint64_t)id << 3 | wire_type);
}

static enum status put_bytes(struct buffer *b, uint32_t id, const void *p, size_t n) {
    TRY(put_tag(b, id, 2));
    TRY(put_varint(b, n));
    return put(b, p, n);
}

/* ---- values ---- */

static enum status read_integer(const json_t *v, const char *field, int64_t *out) {
    char *end = NULL;
    const char *text = json_string_value(v);
    errno = 0;
    if (json_is_integer(v)) *out = json_integer_value(v);
    else if (text && *text) *out = strtoll(text, &end, 10);
    else if (json_is_boolean(v)) *out = json_is_true(v);
    else FAIL(STATUS_FORMAT, "field '%s' is no whole number", field);
    CHECK(!end || (!*end && !errno), STATUS_FORMAT, "field '%s' is \"%.40s\", no whole number",
          field, text);
    return STATUS_OK;
}

static enum status read_real(const json_t *v, const char *field, double *out) {
    char *end = NULL;
    const char *text = json_string_value(v);
    if (json_is_number(v)) *out = json_number_value(v);
    else if (text && *text) *out = strtod(text, &end); /* "NaN", "Infinity" too */
    else FAIL(STATUS_FORMAT, "field '%s' is no number", field);
    CHECK(!end || !*end, STATUS_FORMAT, "field '%s' is \"%.40s\", no number", field, text);
    return STATUS_OK;
}

static int base64_digit(char c) {
    if (c >= 'A' && c <= 'Z') return c - 'A';
    if (c >= 'a' && c <= 'z') return c - 'a' + 26;
    if (c >= '0' && c <= '9') return c - '0' + 52;
    return c == '+' || c == '-' ? 62 : c == '/' || c == '_' ? 63 : -1;
}

static enum status put_base64(struct buffer *b, const char *text, const char *field) {
    unsigned bits = 0, n_bits = 0;
    for (; *text && *text != '='; text++) {
        int digit = base64_digit(*text);
        CHECK(digit >= 0, STATUS_FORMAT, "field '%s' is not base64", field);
        bits = (bits << 6 | (unsigned)digit) & 0xffffff;
        n_bits += 6;
        if (n_bits < 8) continue;
        n_bits -= 8;
        TRY(put(b, &(uint8_t){(uint8_t)(bits >> n_bits)}, 1));
    }
    return STATUS_OK;
}

static enum status put_numbers(struct buffer *b, const json_t *list, const char *field) {
    for (size_t i = 0; i < json_array_size(list); i++) {
        int64_t v;
        TRY(read_integer(json_array_get(list, i), field, &v));
        CHECK(v >= 0 && v < 256, STATUS_FORMAT, "field '%s' has a byte of value %lld", field,
              (long long)v);
        TRY(put(b, &(uint8_t){(uint8_t)v}, 1));
    }
    return STATUS_OK;
}

static enum status put_message(struct buffer *b, const json_t *v,
                               const ProtobufCMessageDescriptor *type);

static enum status put_nested(struct buffer *b, const ProtobufCFieldDescriptor *f,
                              const json_t *v) {
    struct buffer inner = {0};
    enum status s = STATUS_OK;
    if (f->type == PROTOBUF_C_TYPE_MESSAGE) s = put_message(&inner, v, f->descriptor);
    else if (json_is_array(v)) s = put_numbers(&inner, v, f->name);
    else if (json_is_string(v)) s = put_base64(&inner, json_string_value(v), f->name);
    else s = status_set(STATUS_FORMAT, __FILE__, __LINE__, "field '%s' holds no bytes", f->name);
    if (s == STATUS_OK) s = put_bytes(b, f->id, inner.p, inner.n);
    mem_free(inner.p);
    return s;
}

static enum status put_enum(struct buffer *b, const ProtobufCFieldDescriptor *f, const json_t *v) {
    int64_t value = 0;
    if (json_is_string(v)) {
        const ProtobufCEnumValue *e =
            protobuf_c_enum_descriptor_get_value_by_name(f->descriptor, json_string_value(v));
        /* A type this version has not heard of fails where it is used, and by number. */
        value = e ? e->value : INT32_MAX;
    } else {
        TRY(read_integer(v, f->name, &value));
    }
    TRY(put_tag(b, f->id, 0));
    return put_varint(b, (uint64_t)value);
}

static enum status put_value(struct buffer *b, const ProtobufCFieldDescriptor *f, const json_t *v) {
    double real;
    int64_t integer;
    switch (f->type) {
    case PROTOBUF_C_TYPE_MESSAGE:
    case PROTOBUF_C_TYPE_BYTES: return put_nested(b, f, v);
    case PROTOBUF_C_TYPE_STRING:
        CHECK(json_is_string(v), STATUS_FORMAT, "field '%s' is no text", f->name);
        return put_bytes(b, f->id, json_string_value(v), json_string_length(v));
    case PROTOBUF_C_TYPE_ENUM: return put_enum(b, f, v);
    case PROTOBUF_C_TYPE_FLOAT:
        TRY(read_real(v, f->name, &real));
        TRY(put_tag(b, f->id, 5));
        return put(b, &(float){(float)real}, sizeof(float));
    case PROTOBUF_C_TYPE_DOUBLE:
        TRY(read_real(v, f->name, &real));
        TRY(put_tag(b, f->id, 1));
        return put(b, &real, sizeof real);
    case PROTOBUF_C_TYPE_FIXED64: return STATUS_OK; /* ours, never taken from a file */
    default:
        TRY(read_integer(v, f->name, &integer));
        TRY(put_tag(b, f->id, 0));
        return put_varint(b, (uint64_t)integer);
    }
}

/* ---- messages ---- */

/* Whether `key` is the field's name, as written or in camelCase. */
static bool names_field(const char *key, const char *field) {
    if (!strcmp(key, field)) return true;
    for (; *field; field++, key++) {
        char want = *field;
        if (want == '_' && field[1]) {
            want = *++field;
            if (want >= 'a' && want <= 'z') want = (char)(want - 'a' + 'A');
        }
        if (*key != want) return false;
    }
    return !*key;
}

static enum status put_map_entry(struct buffer *b, const ProtobufCFieldDescriptor *f,
                                 const char *key, json_t *value) {
    json_t *entry = json_pack("{s:s, s:O}", "key", key, "value", value);
    CHECK(entry, STATUS_MEMORY, "out of memory while reading the model's JSON");
    enum status s = put_nested(b, f, entry);
    json_decref(entry);
    return s;
}

static enum status put_field(struct buffer *b, const ProtobufCFieldDescriptor *f, json_t *v) {
    if (f->label != PROTOBUF_C_LABEL_REPEATED) return put_value(b, f, v);
    if (json_is_object(v) && f->type == PROTOBUF_C_TYPE_MESSAGE) {
        const char *key;
        json_t *value;
        json_object_foreach(v, key, value) TRY(put_map_entry(b, f, key, value));
        return STATUS_OK;
    }
    CHECK(json_is_array(v), STATUS_FORMAT, "field '%s' is no list", f->name);
    for (size_t i = 0; i < json_array_size(v); i++) TRY(put_value(b, f, json_array_get(v, i)));
    return STATUS_OK;
}

static enum status put_message(struct buffer *b, const json_t *v,
                               const ProtobufCMessageDescriptor *type) {
    CHECK(json_is_object(v), STATUS_FORMAT, "%s is written as something else than an object",
          type->short_name);
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)(uintptr_t)v, key, value) {
        if (json_is_null(value)) continue;
        for (unsigned i = 0; i < type->n_fields; i++)
            if (names_field(key, type->fields[i].name)) {
                TRY(put_field(b, &type->fields[i], value));
                break;
            }
    }
    return STATUS_OK;
}

enum status tf_json_to_wire(const json_t *json, const ProtobufCMessageDescriptor *type,
                            uint8_t **out, size_t *n_bytes) {
    struct buffer b = {0};
    enum status s = put_message(&b, json, type);
    if (s != STATUS_OK) mem_free(b.p);
    *out = s == STATUS_OK ? b.p : NULL;
    *n_bytes = s == STATUS_OK ? b.n : 0;
    return s;
}
