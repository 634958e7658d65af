/* SPDX-License-Identifier: Apache-2.0 */
/* Checks of dtypes, ranks and dimensions that shape rules share. */
#include "ops/access.h"

#include <inttypes.h>

enum status op_check_dtype(const struct op_call *c, int i, unsigned mask) {
    if (!op_has_input(c, i) || c->in[i].dtype == DT_NONE) return STATUS_OK;
    OP_CHECK(c, mask & DTYPES_OF(c->in[i].dtype), STATUS_UNSUPPORTED,
             "input %d ('%s') is %s, which this operator does not take", i, c->in[i].name,
             dtype_name(c->in[i].dtype));
    return STATUS_OK;
}

enum status op_check_same_dtype(const struct op_call *c, int i, int j) {
    if (!op_has_input(c, i) || !op_has_input(c, j)) return STATUS_OK;
    enum dtype a = c->in[i].dtype, b = c->in[j].dtype;
    OP_CHECK(c, a == b || a == DT_NONE || b == DT_NONE, STATUS_SHAPE,
             "input %d ('%s') is %s but input %d ('%s') is %s", i, c->in[i].name, dtype_name(a), j,
             c->in[j].name, dtype_name(b));
    return STATUS_OK;
}

enum status op_check_rank(const struct op_call *c, int i, int low, int high) {
    if (!op_has_input(c, i) || c->in[i].shape.rank < 0) return STATUS_OK;
    char text[128];
    OP_CHECK(c, c->in[i].shape.rank >= low && c->in[i].shape.rank <= high, STATUS_SHAPE,
             "input %d ('%s') has shape %s; its rank must be %d to %d", i, c->in[i].name,
             shape_text(&c->in[i].shape, text), low, high);
    return STATUS_OK;
}

enum status op_check_dim(const struct op_call *c, int i, int d, int64_t want, const char *what) {
    if (!op_has_input(c, i) || want < 0) return STATUS_OK;
    const struct shape *s = &c->in[i].shape;
    if (s->rank < 0 || d >= s->rank || s->dim[d] < 0) return STATUS_OK;
    char text[128];
    OP_CHECK(c, s->dim[d] == want, STATUS_SHAPE,
             "input %d ('%s') has shape %s; dimension %d (%s) must be %" PRId64, i, c->in[i].name,
             shape_text(s, text), d, what, want);
    return STATUS_OK;
}

enum status op_check_vector(const struct op_call *c, int i, int64_t want, const char *what) {
    TRY(op_check_rank(c, i, 1, 1));
    return op_check_dim(c, i, 0, want, what);
}

int64_t shape_product(const struct shape *s, int from, int to) {
    int64_t n = 1;
    for (int i = from; i < to; i++)
        if (!i64_mul(n, s->dim[i], &n)) return -1;
    return n;
}

int64_t macs_mul(int64_t a, int64_t b) {
    int64_t n;
    return i64_mul(a, b, &n) ? n : 0;
}

int64_t broadcast_index(const struct shape *full, const struct shape *part, int64_t i) {
    int64_t at = 0, stride = 1;
    for (int d = full->rank - 1, k = part->rank - 1; d >= 0 && k >= 0; d--, k--) {
        int64_t x = i % full->dim[d];
        i /= full->dim[d];
        if (part->dim[k] != 1) at += x * stride;
        stride *= part->dim[k];
    }
    return at;
}
