/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Constants: TensorProto with its bytes or typed lists, and the weights beside a TensorFlow.js
 * model.
 *
 * A typed list may be shorter than the tensor: its last value fills the rest, or 0.
 */
#include <inttypes.h>
#include <string.h>

#include "base/alloc.h"
#include "import/tensorflow/tensorflow.h"
#include "ops/op.h"

static const struct wire_cut cuts[] = {{&tensorflow__tensor_proto__descriptor, 4, 1001}};
const struct wire_options tf_wire_options = {.cut = cuts, .n_cuts = 1};

enum dtype tf_dtype(int type) {
    switch (type) {
    case TENSORFLOW__DATA_TYPE__DT_FLOAT: return DT_F32;
    case TENSORFLOW__DATA_TYPE__DT_DOUBLE: return DT_F64;
    case TENSORFLOW__DATA_TYPE__DT_HALF: return DT_F16;
    case TENSORFLOW__DATA_TYPE__DT_BFLOAT16: return DT_BF16;
    case TENSORFLOW__DATA_TYPE__DT_INT8: return DT_I8;
    case TENSORFLOW__DATA_TYPE__DT_UINT8: return DT_U8;
    case TENSORFLOW__DATA_TYPE__DT_INT16: return DT_I16;
    case TENSORFLOW__DATA_TYPE__DT_UINT16: return DT_U16;
    case TENSORFLOW__DATA_TYPE__DT_INT32: return DT_I32;
    case TENSORFLOW__DATA_TYPE__DT_UINT32: return DT_U32;
    case TENSORFLOW__DATA_TYPE__DT_INT64: return DT_I64;
    case TENSORFLOW__DATA_TYPE__DT_UINT64: return DT_U64;
    case TENSORFLOW__DATA_TYPE__DT_BOOL: return DT_BOOL;
    default: return DT_NONE;
    }
}

const char *tf_type_name(int type) {
    const ProtobufCEnumValue *v =
        protobuf_c_enum_descriptor_get_value(&tensorflow__data_type__descriptor, type);
    return v ? v->name : "an unknown type";
}

enum status tf_shape(const Tensorflow__TensorShapeProto *p, const char *what, struct shape *out) {
    *out = shape_unknown();
    if (!p || p->unknown_rank) return STATUS_OK;
    CHECK(p->n_dim <= SHAPE_MAX_RANK, STATUS_LIMIT,
          "'%s' has %zu dimensions; at most %d are supported", what, p->n_dim, SHAPE_MAX_RANK);
    out->rank = (int)p->n_dim;
    for (size_t i = 0; i < p->n_dim; i++)
        out->dim[i] = p->dim[i]->size >= 0 ? p->dim[i]->size : -1;
    return STATUS_OK;
}

/* ---- values ---- */

/* The typed list that carries a type: its values as doubles or 64-bit integers. */
static size_t listed(const TfTensor *t, enum dtype dtype) {
    switch (dtype) {
    case DT_F32: return t->n_float_val;
    case DT_F64: return t->n_double_val;
    case DT_F16:
    case DT_BF16: return t->n_half_val;
    case DT_I64: return t->n_int64_val;
    case DT_U64: return t->n_uint64_val;
    case DT_U32: return t->n_uint32_val;
    case DT_BOOL: return t->n_bool_val;
    default: return t->n_int_val;
    }
}

static void copy_listed(const TfTensor *t, enum dtype dtype, size_t i, void *to) {
    switch (dtype) {
    case DT_F32: memcpy(to, &t->float_val[i], 4); break;
    case DT_F64: memcpy(to, &t->double_val[i], 8); break;
    case DT_F16:
    case DT_BF16: memcpy(to, &(uint16_t){(uint16_t)t->half_val[i]}, 2); break;
    case DT_I64: memcpy(to, &t->int64_val[i], 8); break;
    case DT_U64: memcpy(to, &t->uint64_val[i], 8); break;
    case DT_U32: memcpy(to, &t->uint32_val[i], 4); break;
    case DT_I32: memcpy(to, &t->int_val[i], 4); break;
    case DT_BOOL: *(uint8_t *)to = t->bool_val[i] != 0; break;
    case DT_I16:
    case DT_U16: memcpy(to, &(uint16_t){(uint16_t)t->int_val[i]}, 2); break;
    default: *(uint8_t *)to = (uint8_t)t->int_val[i];
    }
}

static enum status check_size(const char *name, const struct shape *shape, enum dtype dtype,
                              size_t *bytes) {
    int64_t n = 1;
    for (int i = 0; i < shape->rank; i++)
        CHECK(i64_mul(n, shape->dim[i], &n), STATUS_FORMAT,
              "the shape of constant '%s' is impossible", name);
    CHECK(shape->rank >= 0 && n <= INT32_MAX / 16 * 8, STATUS_LIMIT,
          "constant '%s' is larger than supported", name);
    *bytes = (size_t)n * dtype_size(dtype);
    return STATUS_OK;
}

/* One value may stand for a big tensor; a file of few bytes must not ask for gigabytes. */
static const size_t FILL_LIMIT = (size_t)256 << 20;

static enum status add_proto(struct tf_node *n, const TfTensor *t, int *out) {
    struct graph *g = n->im->g;
    const char *name = n->def->name;
    enum dtype dtype = tf_dtype((int)t->dtype);
    struct shape shape;
    size_t bytes, count = listed(t, dtype);
    if (dtype == DT_NONE)
        return tf_unsupported(n, "elements of type %s are not supported",
                              tf_type_name((int)t->dtype));
    TRY(tf_shape(t->tensor_shape, name, &shape));
    if (!t->tensor_shape) shape = shape_of(0);
    TRY(check_size(name, &shape, dtype, &bytes));
    if (t->has_content_length && (t->content_length || !count)) {
        CHECK(t->content_length == bytes, STATUS_FORMAT,
              "constant '%s' has %" PRIu64 " bytes, but its type and shape need %zu", name,
              t->content_length, bytes);
        CHECK(t->content_offset <= n->im->n_bytes && bytes <= n->im->n_bytes - t->content_offset,
              STATUS_INTERNAL, "constant '%s' lies outside its file", name);
        const uint8_t *p = n->im->bytes + t->content_offset;
        bool lend = dtype != DT_BOOL && (uintptr_t)p % dtype_size(dtype) == 0 && bytes;
        return graph_add_constant(g, name, dtype, shape, bytes ? p : NULL, lend, out);
    }
    size_t elements = bytes / dtype_size(dtype);
    CHECK(count <= elements, STATUS_FORMAT, "constant '%s' has %zu values, but its shape needs %zu",
          name, count, elements);
    if (count < elements) n->im->filled_bytes += bytes;
    CHECK(n->im->filled_bytes <= FILL_LIMIT, STATUS_LIMIT,
          "constant '%s' repeats one value over %zu bytes", name, bytes);
    TRY(graph_add_constant(g, name, dtype, shape, NULL, false, out));
    uint8_t *to = (uint8_t *)(uintptr_t)g->tensors[*out].data;
    size_t size = dtype_size(dtype);
    for (size_t i = 0; i < elements && count; i++)
        copy_listed(t, dtype, i < count ? i : count - 1, to + i * size);
    return STATUS_OK;
}

static enum status add_weight(struct tf_node *n, const struct tf_weight *w, int *out) {
    struct graph *g = n->im->g;
    size_t size = dtype_size(w->stored);
    if (w->stored == w->dtype && w->dtype != DT_BOOL) {
        bool lend = (uintptr_t)w->data % size == 0;
        return graph_add_constant(g, n->def->name, w->dtype, w->shape, w->data, lend, out);
    }
    TRY(graph_add_constant(g, n->def->name, w->dtype, w->shape, NULL, false, out));
    const struct tensor *t = &g->tensors[*out];
    struct view to = {t->dtype, t->shape, (void *)(uintptr_t)t->data, t->name, true};
    int64_t elements = shape_elements(&w->shape);
    for (int64_t i = 0; i < elements; i++) {
        uint8_t one[8] = {0};
        memcpy(one, w->data + (size_t)i * size, size);
        struct view from = {w->stored, shape_of(0), one, t->name, true};
        double v = view_get_f64(&from, 0);
        if (w->dtype == DT_BOOL) v = v != 0;
        else if (w->scale != 0) v = (double)((float)v * (float)w->scale + (float)w->min);
        view_set_f64(&to, i, v);
    }
    return STATUS_OK;
}

enum status tf_const(struct tf_node *n) {
    int t = -1;
    const TfAttr *value = tf_attr(n, "value");
    if (n->weight) {
        TRY(add_weight(n, n->weight, &t));
    } else {
        CHECK(value && value->tensor, STATUS_FORMAT, "Const '%s' has no value", n->def->name);
        TRY(add_proto(n, value->tensor, &t));
    }
    return tf_failed(n) ? STATUS_OK : tf_result(n, 0, t);
}
