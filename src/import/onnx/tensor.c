/* SPDX-License-Identifier: Apache-2.0 */
/*
 * TensorProto: types, the typed lists, raw bytes, and external data.
 *
 * What a tensor claims (shape, lengths, places in files) is checked before memory is taken for it.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "import/wire.h"
#include "import/onnx/onnx.h"

enum { LOCATION_EXTERNAL = 1 };
static const uint64_t EXTERNAL_LIMIT = UINT64_C(8) << 30;

static const struct wire_cut cuts[] = {{&onnx__tensor_proto__descriptor, 9, 1001}};
const struct wire_options onnx_wire_options = {.cut = cuts, .n_cuts = 1};

static const struct {
    const char *name;
    enum dtype dtype;
} types[] = {
    {"UNDEFINED", DT_NONE}, {"FLOAT", DT_F32},      {"UINT8", DT_U8},        {"INT8", DT_I8},
    {"UINT16", DT_U16},     {"INT16", DT_I16},      {"INT32", DT_I32},       {"INT64", DT_I64},
    {"STRING", DT_NONE},    {"BOOL", DT_BOOL},      {"FLOAT16", DT_F16},     {"DOUBLE", DT_F64},
    {"UINT32", DT_U32},     {"UINT64", DT_U64},     {"COMPLEX64", DT_NONE},
    {"COMPLEX128", DT_NONE},
    {"BFLOAT16", DT_BF16},  {"FLOAT8E4M3FN", DT_NONE}, {"FLOAT8E4M3FNUZ", DT_NONE},
    {"FLOAT8E5M2", DT_NONE}, {"FLOAT8E5M2FNUZ", DT_NONE}, {"UINT4", DT_NONE}, {"INT4", DT_NONE},
    {"FLOAT4E2M1", DT_NONE}, {"FLOAT8E8M0", DT_NONE}, {"UINT2", DT_NONE}, {"INT2", DT_NONE},
};
enum { N_TYPES = sizeof types / sizeof types[0] };

enum dtype onnx_dtype(int32_t t) { return t >= 0 && t < N_TYPES ? types[t].dtype : DT_NONE; }
const char *onnx_type_name(int32_t t) {
    return t >= 0 && t < N_TYPES ? types[t].name : "an unknown type";
}

static const char *tensor_name(const Onnx__TensorProto *t) {
    return t->name && *t->name ? t->name : "(unnamed)";
}

/* Elements in the typed list that carries this type; -1 if the type has none. */
static int64_t listed(const Onnx__TensorProto *t, enum dtype dtype) {
    switch (dtype) {
    case DT_F32: return (int64_t)t->n_float_data;
    case DT_F64: return (int64_t)t->n_double_data;
    case DT_I64: return (int64_t)t->n_int64_data;
    case DT_U32:
    case DT_U64: return (int64_t)t->n_uint64_data;
    case DT_NONE:
    case DT_COUNT: return -1;
    default: return (int64_t)t->n_int32_data;
    }
}

/* ---- external data ---- */

struct external {
    const char *location;
    uint64_t offset, length;
    bool has_length;
};

static enum status external_number(const Onnx__TensorProto *t, const char *key, const char *text,
                                   uint64_t *out) {
    char *end = NULL;
    unsigned long long v = strtoull(text, &end, 10);
    CHECK(*text >= '0' && *text <= '9' && *end == '\0' && v <= INT64_MAX, STATUS_FORMAT,
          "tensor '%s': external data has %s \"%.40s\", which is no byte count", tensor_name(t),
          key, text);
    *out = v;
    return STATUS_OK;
}

static enum status external_entries(const Onnx__TensorProto *t, struct external *e) {
    *e = (struct external){0};
    for (size_t i = 0; i < t->n_external_data; i++) {
        const Onnx__StringStringEntryProto *x = t->external_data[i];
        if (!x->key || !x->value) continue;
        if (!strcmp(x->key, "location")) e->location = x->value;
        else if (!strcmp(x->key, "offset")) TRY(external_number(t, "offset", x->value, &e->offset));
        else if (!strcmp(x->key, "length")) {
            TRY(external_number(t, "length", x->value, &e->length));
            e->has_length = true;
        }
    }
    CHECK(e->location && *e->location, STATUS_FORMAT, "tensor '%s': external data has no location",
          tensor_name(t));
    return STATUS_OK;
}

/* Reads `bytes` bytes, or only checks that they are there when out is NULL. */
static enum status external_read(struct onnx_source *src, const Onnx__TensorProto *t, void *out,
                                 size_t bytes) {
    struct external e;
    int fd = -1;
    TRY(external_entries(t, &e));
    CHECK(!e.has_length || e.length == bytes, STATUS_FORMAT,
          "tensor '%s': external data has %" PRIu64 " bytes, but type and shape need %zu",
          tensor_name(t), e.length, bytes);
    CHECK(src->folder, STATUS_UNSUPPORTED,
          "tensor '%s' lies in an external file ('%.100s'), which a model from memory cannot have; "
          "import it from its file", tensor_name(t), e.location);
    char what[160];
    snprintf(what, sizeof what, "tensor '%.100s': external data", tensor_name(t));
    TRY(import_open_beside(src->folder, e.location, what, &fd));
    struct stat st;
    enum status s = STATUS_OK;
    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))
        s = status_set(STATUS_FILE, __FILE__, __LINE__, "external data '%.100s' is no plain file",
                       e.location);
    else if (e.offset > (uint64_t)st.st_size || bytes > (uint64_t)st.st_size - e.offset)
        s = status_set(STATUS_FORMAT, __FILE__, __LINE__,
                       "tensor '%s': external data '%.100s' has %lld bytes, but %zu from byte %" PRIu64
                       " on are needed; the file is truncated or another one", tensor_name(t),
                       e.location, (long long)st.st_size, bytes, e.offset);
    for (size_t done = 0; s == STATUS_OK && out && done < bytes;) {
        ssize_t n = pread(fd, (char *)out + done, bytes - done, (off_t)(e.offset + done));
        if (n > 0) done += (size_t)n;
        else
            s = status_set(STATUS_FILE, __FILE__, __LINE__, "reading external data '%.100s' failed",
                           e.location);
    }
    close(fd);
    return s;
}

/* ---- all tensors ---- */

enum status onnx_tensor_describe(struct onnx_source *src, const Onnx__TensorProto *t,
                                 enum dtype *dtype, struct shape *shape) {
    const char *name = tensor_name(t);
    *dtype = onnx_dtype(t->data_type);
    CHECK(*dtype != DT_NONE, STATUS_UNSUPPORTED,
          "tensor '%s' has elements of type %s (%d), which is not supported", name,
          onnx_type_name(t->data_type), (int)t->data_type);
    CHECK(t->n_dims <= SHAPE_MAX_RANK, STATUS_LIMIT,
          "tensor '%s' has %zu dimensions; at most %d are supported", name, t->n_dims,
          SHAPE_MAX_RANK);
    int64_t n = 1;
    for (size_t i = 0; i < t->n_dims; i++) {
        CHECK(t->dims[i] >= 0, STATUS_FORMAT, "tensor '%s' has dimension %" PRId64, name,
              t->dims[i]);
        CHECK(i64_mul(n, t->dims[i], &n) || !t->dims[i], STATUS_LIMIT,
              "the shape of tensor '%s' overflows", name);
    }
    *shape = shape_from((int)t->n_dims, t->dims);
    n = shape_elements(shape);
    CHECK(n >= 0 && n <= INT64_MAX / 16, STATUS_LIMIT, "the shape of tensor '%s' overflows", name);
    size_t bytes = (size_t)n * dtype_size(*dtype);
    if (t->data_location == LOCATION_EXTERNAL) {
        CHECK(src->external_bytes + bytes <= EXTERNAL_LIMIT, STATUS_LIMIT,
              "the model has more than %" PRIu64 " bytes of external data", EXTERNAL_LIMIT);
        src->external_bytes += bytes;
        return external_read(src, t, NULL, bytes);
    }
    if (t->has_raw_length && (t->raw_length || !listed(t, *dtype))) {
        CHECK(t->raw_length == bytes, STATUS_FORMAT,
              "tensor '%s' has %" PRIu64 " bytes of data, but type %s and its shape need %zu", name,
              t->raw_length, dtype_name(*dtype), bytes);
        CHECK(t->raw_offset <= src->n_bytes && bytes <= src->n_bytes - t->raw_offset,
              STATUS_INTERNAL, "tensor '%s' lies outside its file", name);
        return STATUS_OK;
    }
    CHECK(listed(t, *dtype) == n, STATUS_FORMAT,
          "tensor '%s' has %" PRId64 " elements, but its shape needs %" PRId64, name,
          listed(t, *dtype), n);
    return STATUS_OK;
}

static bool is_raw(const Onnx__TensorProto *t) {
    return t->data_location != LOCATION_EXTERNAL && t->has_raw_length && t->raw_length;
}

const void *onnx_tensor_borrow(const struct onnx_source *src, const Onnx__TensorProto *t) {
    enum dtype dtype = onnx_dtype(t->data_type);
    /* Booleans are copied: other writers' true need not be 1. */
    if (!is_raw(t) || dtype == DT_BOOL) return NULL;
    const uint8_t *p = src->bytes + t->raw_offset;
    return (uintptr_t)p % dtype_size(dtype) ? NULL : p;
}

enum status onnx_tensor_fill(struct onnx_source *src, const Onnx__TensorProto *t, void *out,
                             size_t bytes) {
    enum dtype dtype = onnx_dtype(t->data_type);
    size_t n = bytes / dtype_size(dtype);
    if (t->data_location == LOCATION_EXTERNAL) TRY(external_read(src, t, out, bytes));
    else if (!bytes) return STATUS_OK;
    else if (is_raw(t)) memcpy(out, src->bytes + t->raw_offset, bytes);
    else
        switch (dtype) {
        case DT_F32: memcpy(out, t->float_data, bytes); break;
        case DT_F64: memcpy(out, t->double_data, bytes); break;
        case DT_I64: memcpy(out, t->int64_data, bytes); break;
        case DT_U64: memcpy(out, t->uint64_data, bytes); break;
        case DT_I32: memcpy(out, t->int32_data, bytes); break;
        case DT_U32:
            for (size_t i = 0; i < n; i++) ((uint32_t *)out)[i] = (uint32_t)t->uint64_data[i];
            break;
        default: /* one or two bytes, float16 and bfloat16 as their bits */
            for (size_t i = 0; i < n; i++)
                if (dtype_size(dtype) == 1) ((uint8_t *)out)[i] = (uint8_t)t->int32_data[i];
                else ((uint16_t *)out)[i] = (uint16_t)t->int32_data[i];
        }
    if (dtype == DT_BOOL)
        for (size_t i = 0; i < n; i++) ((uint8_t *)out)[i] = ((uint8_t *)out)[i] != 0;
    return STATUS_OK;
}

enum status import_onnx_tensor(const void *bytes, size_t n_bytes, enum dtype *dtype,
                               struct shape *shape, void **data, size_t *data_bytes) {
    *data = NULL;
    *data_bytes = 0;
    struct wire_message m;
    TRY(wire_unpack(&onnx__tensor_proto__descriptor, bytes, n_bytes, &onnx_wire_options, &m));
    const Onnx__TensorProto *t = (const Onnx__TensorProto *)m.message;
    struct onnx_source src = {.bytes = bytes, .n_bytes = n_bytes};
    enum status s = onnx_tensor_describe(&src, t, dtype, shape);
    if (s == STATUS_OK) {
        size_t size = (size_t)shape_elements(shape) * dtype_size(*dtype);
        void *p = mem_alloc_aligned(size);
        if (!p)
            s = status_set(STATUS_MEMORY, __FILE__, __LINE__,
                           "out of memory for a tensor of %zu bytes", size);
        else if ((s = onnx_tensor_fill(&src, t, p, size)) != STATUS_OK) mem_free(p);
        else {
            *data = p;
            *data_bytes = size;
        }
    }
    wire_message_deinit(&m);
    return s;
}
