/* SPDX-License-Identifier: Apache-2.0 */
/* Blocks and walks; see elements.h. */
#include "ops/elements.h"

#include <inttypes.h>

/* ---- shape rules ---- */

enum status op_output_bounded(struct op_call *c, int i, enum dtype t, struct shape s) {
    /* Known dimensions alone must fit already: an unknown one may be 0, but nobody means that. An
     * empty tensor may have larger ones, as long as no product of them overflows. */
    int64_t bytes = dtype_size(t) ? (int64_t)dtype_size(t) : 1, limit = INT64_C(1) << 31;
    for (int d = 0; d < s.rank; d++)
        if (s.dim[d] == 0) limit = INT64_C(1) << 58;
    for (int d = 0; d < s.rank; d++) {
        char buf[128];
        OP_CHECK(c, s.dim[d] <= 0 || (i64_mul(bytes, s.dim[d], &bytes) && bytes <= limit),
                 STATUS_LIMIT, "the output would be %s of %s, more than 2 GiB", shape_text(&s, buf),
                 dtype_name(t));
    }
    op_output(c, i, t, s);
    return STATUS_OK;
}

enum status op_confirm_outputs(struct op_call *c) {
    struct shape local[OP_MAX_OUTPUTS], *given = local;
    if (c->n_outputs > OP_MAX_OUTPUTS) {
        given = mem_calloc((size_t)c->n_outputs, sizeof *given);
        OP_CHECK(c, given, STATUS_MEMORY, "out of memory");
    }
    for (int i = 0; i < c->n_outputs; i++) given[i] = c->out[i].shape;
    enum status s = op_def(c->node->op)->infer(c);
    int wrong = -1;
    for (int i = 0; s == STATUS_OK && i < c->n_outputs; i++)
        if (c->out[i].wanted && !shape_equal(&given[i], &c->out[i].shape)) wrong = i;
    char a[128], b[128];
    if (wrong >= 0) {
        s = status_set(STATUS_SHAPE, __FILE__, __LINE__,
                       "output '%s' is %s for these inputs, but %s was planned",
                       c->out[wrong].name, shape_text(&c->out[wrong].shape, a),
                       shape_text(&given[wrong], b));
        s = op_fail(c, s);
    }
    for (int i = 0; i < c->n_outputs; i++) c->out[i].shape = given[i];
    if (given != local) mem_free(given);
    return s;
}

enum status op_known_int(const struct op_call *c, int i, int64_t *out, bool *known) {
    *known = false;
    if (!op_has_input(c, i)) return STATUS_OK;
    const struct view *v = &c->in[i];
    int64_t n = shape_elements(&v->shape);
    OP_CHECK(c, n == 1 || n < 0, STATUS_SHAPE, "input %d ('%s') has %" PRId64 " values, not 1", i,
             v->name, n);
    if (!v->data || n < 0) return STATUS_OK;
    *out = view_get_i64(v, 0);
    *known = true;
    return STATUS_OK;
}

enum status op_known_f64(const struct op_call *c, int i, double *out, bool *known) {
    int64_t ignored;
    TRY(op_known_int(c, i, &ignored, known));
    if (*known) *out = view_get_f64(&c->in[i], 0);
    return STATUS_OK;
}

enum status op_read_index(const struct op_call *c, int i, int64_t at, int64_t size,
                          int64_t *out) {
    int64_t index = view_get_i64(&c->in[i], at);
    OP_CHECK(c, index >= -size && index < size, STATUS_ARGUMENT,
             "index %" PRId64 " (element %" PRId64 " of '%s') is outside an axis of %" PRId64,
             index, at, c->in[i].name, size);
    *out = index < 0 ? index + size : index;
    return STATUS_OK;
}

int64_t dtype_limit(enum dtype t, bool largest) {
    switch (t) {
    case DT_I8: return largest ? INT8_MAX : INT8_MIN;
    case DT_U8: return largest ? UINT8_MAX : 0;
    case DT_I16: return largest ? INT16_MAX : INT16_MIN;
    case DT_U16: return largest ? UINT16_MAX : 0;
    case DT_I32: return largest ? INT32_MAX : INT32_MIN;
    case DT_U32: return largest ? UINT32_MAX : 0;
    case DT_U64: return largest ? -1 : 0;
    case DT_BOOL: return largest;
    default: return largest ? INT64_MAX : INT64_MIN;
    }
}

/* ---- blocks ---- */

#define GET(type, convert)                                                                         \
    do {                                                                                           \
        const type *x = (const type *)v->data + at;                                                \
        if (step == 1)                                                                             \
            for (int i = 0; i < n; i++) out[i] = convert(x[i]);                                    \
        else                                                                                       \
            for (int i = 0; i < n; i++) out[i] = convert(x[i * step]);                             \
    } while (0)
#define AS_F64(x) (double)(x)
#define AS_I64(x) (int64_t)(x)
#define AS_TRUTH(x) ((x) != 0)

void elements_get_f64(const struct view *v, int64_t at, int64_t step, int n, double *out) {
    switch (v->dtype) {
    case DT_F32: GET(float, AS_F64); break;
    case DT_F64: GET(double, AS_F64); break;
    case DT_F16: GET(uint16_t, f16_to_f32); break;
    case DT_BF16: GET(uint16_t, bf16_to_f32); break;
    case DT_I8: GET(int8_t, AS_F64); break;
    case DT_U8: GET(uint8_t, AS_F64); break;
    case DT_BOOL: GET(uint8_t, AS_TRUTH); break;
    case DT_I16: GET(int16_t, AS_F64); break;
    case DT_U16: GET(uint16_t, AS_F64); break;
    case DT_I32: GET(int32_t, AS_F64); break;
    case DT_U32: GET(uint32_t, AS_F64); break;
    case DT_I64: GET(int64_t, AS_F64); break;
    case DT_U64: GET(uint64_t, AS_F64); break;
    case DT_NONE:
    case DT_COUNT: break;
    }
}

void elements_get_i64(const struct view *v, int64_t at, int64_t step, int n, int64_t *out) {
    switch (v->dtype) {
    case DT_I8: GET(int8_t, AS_I64); break;
    case DT_U8: GET(uint8_t, AS_I64); break;
    case DT_BOOL: GET(uint8_t, AS_TRUTH); break;
    case DT_I16: GET(int16_t, AS_I64); break;
    case DT_U16: GET(uint16_t, AS_I64); break;
    case DT_I32: GET(int32_t, AS_I64); break;
    case DT_U32: GET(uint32_t, AS_I64); break;
    case DT_I64: GET(int64_t, AS_I64); break;
    case DT_U64: GET(uint64_t, AS_I64); break;
    default:
        for (int i = 0; i < n; i++) out[i] = view_get_i64(v, at + i * step);
    }
}

void elements_put_f64(const struct view *v, int64_t at, int n, const double *x) {
    switch (v->dtype) {
    case DT_F32: {
        float *y = (float *)v->data + at;
        for (int i = 0; i < n; i++) y[i] = (float)x[i];
        break;
    }
    case DT_F64: memcpy((double *)v->data + at, x, (size_t)n * sizeof *x); break;
    default:
        for (int i = 0; i < n; i++) view_set_f64(v, at + i, x[i]);
    }
}

void elements_put_i64(const struct view *v, int64_t at, int n, const int64_t *x) {
    switch (v->dtype) {
    case DT_I64:
    case DT_U64: memcpy((int64_t *)v->data + at, x, (size_t)n * sizeof *x); break;
    case DT_I32: {
        int32_t *y = (int32_t *)v->data + at;
        for (int i = 0; i < n; i++) y[i] = (int32_t)x[i];
        break;
    }
    default:
        for (int i = 0; i < n; i++) view_set_i64(v, at + i, x[i]);
    }
}

/* ---- sorting indices ---- */

void index_heap_sift(int64_t *heap, int64_t step, int64_t n, int64_t at, index_before *before,
                     const void *context) {
    int64_t moved = heap[at * step];
    for (;;) {
        int64_t child = 2 * at + 1;
        if (child >= n) break;
        if (child + 1 < n && before(context, heap[child * step], heap[(child + 1) * step])) child++;
        if (!before(context, moved, heap[child * step])) break;
        heap[at * step] = heap[child * step];
        at = child;
    }
    heap[at * step] = moved;
}

/* Heap sort: in place, and n log n whatever the values are. */
void index_sort(int64_t *index, int64_t step, int64_t n, index_before *before,
                const void *context) {
    for (int64_t i = n / 2 - 1; i >= 0; i--) index_heap_sift(index, step, n, i, before, context);
    for (int64_t last = n - 1; last > 0; last--) {
        int64_t swapped = index[0];
        index[0] = index[last * step];
        index[last * step] = swapped;
        index_heap_sift(index, step, last, 0, before, context);
    }
}

/* ---- walks ---- */

int64_t shape_span(const struct shape *s, int first, int end) {
    uint64_t n = 1;
    for (int i = first; i < end; i++) n *= (uint64_t)s->dim[i];
    return (int64_t)n;
}

void shape_strides(const struct shape *s, int64_t stride[SHAPE_MAX_RANK]) {
    uint64_t step = 1; /* unsigned: with a 0 dimension the others may be of any size */
    for (int d = s->rank - 1; d >= 0; d--) {
        stride[d] = (int64_t)step;
        step *= (uint64_t)s->dim[d];
    }
}

void walk_broadcast(struct walk *w, const struct shape *out, int k, const struct shape *in) {
    int64_t stride[SHAPE_MAX_RANK];
    shape_strides(in, stride);
    w->rank = out->rank;
    for (int d = 0; d < out->rank; d++) {
        int i = d - (out->rank - in->rank);
        w->size[d] = out->dim[d];
        w->stride[k][d] = i < 0 || in->dim[i] == 1 ? 0 : stride[i];
    }
}

static bool joins(const struct walk *w, int outer, int inner) {
    for (int k = 0; k < w->n; k++)
        if (w->stride[k][outer] != w->stride[k][inner] * w->size[inner]) return false;
    return true;
}

void walk_begin(struct walk *w) {
    int rank = 0;
    w->done = false;
    for (int d = 0; d < w->rank; d++) w->done |= w->size[d] <= 0;
    for (int d = 0; d < w->rank && !w->done; d++) {
        if (w->size[d] == 1) continue;
        if (rank && joins(w, rank - 1, d)) {
            w->size[rank - 1] *= w->size[d];
            for (int k = 0; k < w->n; k++) w->stride[k][rank - 1] = w->stride[k][d];
            continue;
        }
        w->size[rank] = w->size[d];
        for (int k = 0; k < w->n; k++) w->stride[k][rank] = w->stride[k][d];
        rank++;
    }
    w->rank = rank ? rank - 1 : 0;
    w->row = rank ? w->size[rank - 1] : 1;
    for (int k = 0; k < w->n; k++) {
        w->at[k] = w->start[k];
        w->step[k] = rank ? w->stride[k][rank - 1] : 1;
    }
    for (int d = 0; d < w->rank; d++) w->index[d] = 0;
}

void walk_next(struct walk *w) {
    for (int d = w->rank - 1; d >= 0; d--) {
        for (int k = 0; k < w->n; k++) w->at[k] += w->stride[k][d];
        if (++w->index[d] < w->size[d]) return;
        w->index[d] = 0;
        for (int k = 0; k < w->n; k++) w->at[k] -= w->stride[k][d] * w->size[d];
    }
    w->done = true;
}

#define COPY_ROW(type)                                                                             \
    do {                                                                                           \
        type *y = (type *)to + w->at[0];                                                           \
        const type *x = (const type *)from + w->at[1];                                             \
        for (int64_t i = 0; i < w->row; i++) y[i * w->step[0]] = x[i * w->step[1]];                \
    } while (0)

void walk_copy(struct walk *w, void *to, const void *from, size_t element_bytes) {
    for (walk_begin(w); !w->done; walk_next(w)) {
        if (w->step[0] == 1 && w->step[1] == 1) {
            memcpy((char *)to + (size_t)w->at[0] * element_bytes,
                   (const char *)from + (size_t)w->at[1] * element_bytes,
                   (size_t)w->row * element_bytes);
            continue;
        }
        switch (element_bytes) {
        case 1: COPY_ROW(uint8_t); break;
        case 2: COPY_ROW(uint16_t); break;
        case 4: COPY_ROW(uint32_t); break;
        default: COPY_ROW(uint64_t); break;
        }
    }
}
