/* SPDX-License-Identifier: Apache-2.0 */
/* The table of operators, and the helpers that shape rules and reference kernels share. */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "ops/op.h"

static const struct op_def none = {.name = "None"};

static const struct op_def *const table[OP_COUNT] = {
    [OP_NONE] = &none,
#define OP(name) [OP_##name] = &op_def_##name,
#include "ops/ops.def"
#undef OP
};

const struct op_def *op_def(enum op_kind op) { return table[(unsigned)op < OP_COUNT ? op : 0]; }

const char *op_text(const struct op_call *c, char buf[static 160]) {
    snprintf(buf, 160, "%s '%.120s'", op_def(c->node->op)->name, c->node->name);
    return buf;
}

enum status op_fail(const struct op_call *c, enum status code) {
    char buf[160];
    status_prefix("%s", op_text(c, buf));
    return code;
}

void op_output(struct op_call *c, int i, enum dtype t, struct shape s) {
    if (!op_has_output(c, i)) return;
    c->out[i].dtype = t;
    c->out[i].shape = s;
}

enum status op_set_output_shape(struct op_call *c, int i, struct shape s) {
    if (!op_has_output(c, i)) return STATUS_OK;
    c->out[i].shape = s;
    return c->alloc_output(c, i);
}

enum status op_known_ints(const struct op_call *c, int i, int64_t *out, int max, int *n) {
    *n = -1;
    if (!op_has_input(c, i) || !c->in[i].data) return STATUS_OK;
    int64_t count = shape_elements(&c->in[i].shape);
    OP_CHECK(c, count >= 0 && count <= max, STATUS_LIMIT,
             "input %d ('%s') has %" PRId64 " values; at most %d fit", i, c->in[i].name, count,
             max);
    for (int64_t k = 0; k < count; k++) out[k] = view_get_i64(&c->in[i], k);
    *n = (int)count;
    return STATUS_OK;
}

enum status op_known_floats(const struct op_call *c, int i, float *out, int max, int *n) {
    *n = -1;
    if (!op_has_input(c, i) || !c->in[i].data) return STATUS_OK;
    int64_t count = shape_elements(&c->in[i].shape);
    OP_CHECK(c, count >= 0 && count <= max, STATUS_LIMIT,
             "input %d ('%s') has %" PRId64 " values; at most %d fit", i, c->in[i].name, count,
             max);
    for (int64_t k = 0; k < count; k++) out[k] = (float)view_get_f64(&c->in[i], k);
    *n = (int)count;
    return STATUS_OK;
}

enum status op_axis(const struct op_call *c, int64_t axis, int rank, int *out) {
    OP_CHECK(c, axis >= -rank && axis < rank, STATUS_SHAPE,
             "axis %" PRId64 " is outside -%d..%d of its rank %d input", axis, rank, rank - 1,
             rank);
    *out = (int)(axis < 0 ? axis + rank : axis);
    return STATUS_OK;
}

enum status op_broadcast(const struct op_call *c, const struct shape *a, const struct shape *b,
                         struct shape *out) {
    if (a->rank < 0 || b->rank < 0) {
        *out = shape_unknown();
        return STATUS_OK;
    }
    out->rank = a->rank > b->rank ? a->rank : b->rank;
    for (int i = 0; i < out->rank; i++) {
        int ia = i - (out->rank - a->rank), ib = i - (out->rank - b->rank);
        int64_t x = ia < 0 ? 1 : a->dim[ia], y = ib < 0 ? 1 : b->dim[ib];
        char ta[128], tb[128];
        OP_CHECK(c, x == y || x == 1 || y == 1 || x < 0 || y < 0, STATUS_SHAPE,
                 "shapes %s and %s do not broadcast", shape_text(a, ta), shape_text(b, tb));
        /* An unknown side against 2 or more must be that or 1; either way the result is known. */
        out->dim[i] = x == 1 ? y : y == 1 ? x : x < 0 ? y : x;
    }
    return STATUS_OK;
}

double view_get_f64(const struct view *v, int64_t i) {
    switch (v->dtype) {
    case DT_F32: return ((const float *)v->data)[i];
    case DT_F64: return ((const double *)v->data)[i];
    case DT_F16: return f16_to_f32(((const uint16_t *)v->data)[i]);
    case DT_BF16: return bf16_to_f32(((const uint16_t *)v->data)[i]);
    case DT_U64: return (double)((const uint64_t *)v->data)[i];
    default: return (double)view_get_i64(v, i);
    }
}

int64_t view_get_i64(const struct view *v, int64_t i) {
    switch (v->dtype) {
    case DT_I8: return ((const int8_t *)v->data)[i];
    case DT_U8: return ((const uint8_t *)v->data)[i];
    case DT_BOOL: return ((const uint8_t *)v->data)[i] != 0;
    case DT_I16: return ((const int16_t *)v->data)[i];
    case DT_U16: return ((const uint16_t *)v->data)[i];
    case DT_I32: return ((const int32_t *)v->data)[i];
    case DT_U32: return ((const uint32_t *)v->data)[i];
    case DT_I64: return ((const int64_t *)v->data)[i];
    case DT_U64: return (int64_t)((const uint64_t *)v->data)[i];
    default: {
        double d = view_get_f64(v, i);
        if (d != d) return 0;
        return d >= 9.2233720368547758e18 ? INT64_MAX : d <= -9.2233720368547758e18 ? INT64_MIN
                                                                                     : (int64_t)d;
    }
    }
}

void view_set_i64(const struct view *v, int64_t i, int64_t x) {
    switch (v->dtype) {
    case DT_I8: ((int8_t *)v->data)[i] = (int8_t)x; break;
    case DT_U8: ((uint8_t *)v->data)[i] = (uint8_t)x; break;
    case DT_BOOL: ((uint8_t *)v->data)[i] = x != 0; break;
    case DT_I16: ((int16_t *)v->data)[i] = (int16_t)x; break;
    case DT_U16: ((uint16_t *)v->data)[i] = (uint16_t)x; break;
    case DT_I32: ((int32_t *)v->data)[i] = (int32_t)x; break;
    case DT_U32: ((uint32_t *)v->data)[i] = (uint32_t)x; break;
    case DT_I64: ((int64_t *)v->data)[i] = x; break;
    case DT_U64: ((uint64_t *)v->data)[i] = (uint64_t)x; break;
    default: view_set_f64(v, i, (double)x);
    }
}

void view_set_f64(const struct view *v, int64_t i, double x) {
    switch (v->dtype) {
    case DT_F32: ((float *)v->data)[i] = (float)x; break;
    case DT_F64: ((double *)v->data)[i] = x; break;
    case DT_F16: ((uint16_t *)v->data)[i] = f32_to_f16((float)x); break;
    case DT_BF16: ((uint16_t *)v->data)[i] = f32_to_bf16((float)x); break;
    case DT_BOOL: ((uint8_t *)v->data)[i] = x != 0; break;
    case DT_U64:
        ((uint64_t *)v->data)[i] =
            x >= 1.8446744073709552e19 ? UINT64_MAX : x > 0 ? (uint64_t)x : 0;
        break;
    default: {
        int64_t n = x != x ? 0 : x >= 9.2233720368547758e18 ? INT64_MAX
                             : x <= -9.2233720368547758e18 ? INT64_MIN : (int64_t)x;
        view_set_i64(v, i, n);
    }
    }
}

enum status infer_same(struct op_call *c) {
    op_output(c, 0, c->in[0].dtype, c->in[0].shape);
    return STATUS_OK;
}
