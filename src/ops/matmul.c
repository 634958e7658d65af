/* SPDX-License-Identifier: Apache-2.0 */
/*
 * MatMul, Gemm and MatMulInteger.
 *
 * MatMul and Gemm may carry an activation the passes fused into them (ops/activation.h); it is
 * applied last, after Gemm's C.
 */
#include "ops/matmul.h"

#include <inttypes.h>

#include "ops/access.h"
#include "ops/activation.h"

#define DTYPES_MATMUL                                                                              \
    (DTYPES_FLOAT | DTYPES_OF(DT_I32) | DTYPES_OF(DT_U32) | DTYPES_OF(DT_I64) | DTYPES_OF(DT_U64))

enum status matmul_init(const struct op_call *c, const struct shape *a, const struct shape *b,
                        struct matmul *out) {
    char ta[128], tb[128];
    OP_CHECK(c, a->rank >= 1 && b->rank >= 1, STATUS_SHAPE, "a factor of %s and %s is a scalar",
             shape_text(a, ta), shape_text(b, tb));
    *out = (struct matmul){.m = a->rank > 1 ? a->dim[a->rank - 2] : 1,
                           .n = b->rank > 1 ? b->dim[b->rank - 1] : 1};
    int64_t ka = a->dim[a->rank - 1], kb = b->dim[b->rank > 1 ? b->rank - 2 : 0];
    OP_CHECK(c, ka < 0 || kb < 0 || ka == kb, STATUS_SHAPE,
             "factors %s and %s: %" PRId64 " columns against %" PRId64 " rows", shape_text(a, ta),
             shape_text(b, tb), ka, kb);
    out->k = dim_known(ka, kb);
    out->a_batch = shape_from(a->rank > 2 ? a->rank - 2 : 0, a->dim);
    out->b_batch = shape_from(b->rank > 2 ? b->rank - 2 : 0, b->dim);
    TRY(op_broadcast(c, &out->a_batch, &out->b_batch, &out->batch));
    out->out = out->batch;
    if (a->rank > 1) out->out.dim[out->out.rank++] = out->m;
    if (b->rank > 1) out->out.dim[out->out.rank++] = out->n;
    return STATUS_OK;
}

int64_t matmul_macs(const struct matmul *v) {
    int64_t batch = shape_elements(&v->batch);
    return macs_mul(macs_mul(v->m, v->n), macs_mul(v->k, batch));
}

static enum status infer_matmul(struct op_call *c) {
    TRY(op_check_dtype(c, 0, DTYPES_MATMUL));
    TRY(op_check_same_dtype(c, 0, 1));
    struct activation a;
    TRY(activation_of_node(c->node, &a));
    struct matmul v = {.out = shape_unknown()};
    if (c->in[0].shape.rank >= 0 && c->in[1].shape.rank >= 0)
        TRY(matmul_init(c, &c->in[0].shape, &c->in[1].shape, &v));
    op_output(c, 0, c->in[0].dtype, v.out);
    return STATUS_OK;
}

/* Row `m` of one product, columns n0..n0+count-1, in the integers modulo 2^64. */
static void int_row(const struct view *a, int64_t a_at, int64_t a_step, const struct view *b,
                    int64_t b_at, int64_t b_row, int64_t b_step, int64_t k, int64_t count,
                    uint64_t *sum) {
    for (int64_t i = 0; i < count; i++) sum[i] = 0;
    for (int64_t j = 0; j < k; j++) {
        uint64_t w = (uint64_t)view_get_i64(a, a_at + j * a_step);
        for (int64_t i = 0; i < count; i++)
            sum[i] += w * (uint64_t)view_get_i64(b, b_at + j * b_row + i * b_step);
    }
}

static enum status run_matmul(struct op_call *c) {
    const struct view *a = &c->in[0], *b = &c->in[1], *y = &c->out[0];
    struct matmul v;
    struct activation act;
    TRY(matmul_init(c, &a->shape, &b->shape, &v));
    TRY(activation_of_node(c->node, &act));
    int64_t batches = shape_elements(&v.batch), at = 0;
    double sum[ROW_CHUNK];
    uint64_t whole[ROW_CHUNK];
    for (int64_t p = 0; p < batches; p++) {
        int64_t a0 = broadcast_index(&v.batch, &v.a_batch, p) * v.m * v.k;
        int64_t b0 = broadcast_index(&v.batch, &v.b_batch, p) * v.k * v.n;
        for (int64_t m = 0; m < v.m; m++)
            for (int64_t n = 0; n < v.n; n += ROW_CHUNK) {
                int64_t count = v.n - n < ROW_CHUNK ? v.n - n : ROW_CHUNK;
                if (!dtype_is_float(y->dtype)) {
                    int_row(a, a0 + m * v.k, 1, b, b0 + n, v.n, 1, v.k, count, whole);
                    for (int64_t i = 0; i < count; i++) view_set_i64(y, at++, (int64_t)whole[i]);
                    continue;
                }
                for (int64_t i = 0; i < count; i++) sum[i] = 0;
                for (int64_t k = 0; k < v.k; k++)
                    add_scaled(sum, count, get(a, a0 + m * v.k + k), b, b0 + k * v.n + n, 1, 0);
                for (int64_t i = 0; i < count; i++) set(y, at++, activation_apply(&act, sum[i]));
            }
    }
    return STATUS_OK;
}

static int64_t macs_matmul(const struct op_call *c) {
    struct matmul v;
    if (c->in[0].shape.rank < 0 || c->in[1].shape.rank < 0 ||
        matmul_init(c, &c->in[0].shape, &c->in[1].shape, &v) != STATUS_OK)
        return 0;
    return matmul_macs(&v);
}

static const struct attr_spec matmul_attrs[] = {ACTIVATION_ATTRS, {NULL}};

const struct op_def op_def_MatMul = {
    .name = "MatMul", .min_inputs = 2, .max_inputs = 2, .min_outputs = 1, .max_outputs = 1,
    .infer = infer_matmul, .run = run_matmul, .attrs = matmul_attrs, .macs = macs_matmul,
};

/* ---- Gemm: alpha op(A) op(B) + beta C ---- */

static enum status gemm_shape(const struct op_call *c, int64_t *m, int64_t *n, int64_t *k) {
    const struct shape *a = &c->in[0].shape, *b = &c->in[1].shape;
    bool ta = node_int(c->node, "transA", 0) != 0, tb = node_int(c->node, "transB", 0) != 0;
    TRY(op_check_rank(c, 0, 2, 2));
    TRY(op_check_rank(c, 1, 2, 2));
    int64_t ka = a->rank < 0 ? -1 : a->dim[ta ? 0 : 1], kb = b->rank < 0 ? -1 : b->dim[tb ? 1 : 0];
    *m = a->rank < 0 ? -1 : a->dim[ta ? 1 : 0];
    *n = b->rank < 0 ? -1 : b->dim[tb ? 0 : 1];
    *k = dim_known(ka, kb);
    OP_CHECK(c, ka < 0 || kb < 0 || ka == kb, STATUS_SHAPE,
             "A has %" PRId64 " columns (after transA) but B has %" PRId64 " rows (after transB)",
             ka, kb);
    return STATUS_OK;
}

static enum status infer_gemm(struct op_call *c) {
    TRY(op_check_dtype(c, 0, DTYPES_MATMUL));
    TRY(op_check_same_dtype(c, 0, 1));
    TRY(op_check_same_dtype(c, 0, 2));
    struct activation a;
    TRY(activation_of_node(c->node, &a));
    int64_t m, n, k;
    TRY(gemm_shape(c, &m, &n, &k));
    struct shape s = {.rank = 2, .dim = {m, n}};
    if (op_has_input(c, 2) && c->in[2].shape.rank >= 0) {
        const struct shape *bias = &c->in[2].shape;
        char t[128];
        TRY(op_check_rank(c, 2, 0, 2));
        for (int i = 0; i < bias->rank; i++) {
            int64_t have = bias->dim[i], want = s.dim[2 - bias->rank + i];
            OP_CHECK(c, have < 0 || have == 1 || want < 0 || have == want, STATUS_SHAPE,
                     "C %s does not broadcast to [%" PRId64 ",%" PRId64 "]", shape_text(bias, t), m,
                     n);
        }
    }
    op_output(c, 0, c->in[0].dtype, s);
    return STATUS_OK;
}

static enum status run_gemm(struct op_call *c) {
    const struct view *a = &c->in[0], *b = &c->in[1], *y = &c->out[0];
    const struct view *bias = op_has_input(c, 2) ? &c->in[2] : NULL;
    struct activation act;
    TRY(activation_of_node(c->node, &act));
    int64_t rows, cols, depth, at = 0;
    TRY(gemm_shape(c, &rows, &cols, &depth));
    double alpha = node_float(c->node, "alpha", 1), beta = node_float(c->node, "beta", 1);
    bool ta = node_int(c->node, "transA", 0) != 0, tb = node_int(c->node, "transB", 0) != 0;
    int64_t a_row = ta ? 1 : depth, a_step = ta ? rows : 1;
    int64_t b_row = tb ? 1 : cols, b_step = tb ? depth : 1;
    bool exact = !dtype_is_float(y->dtype) && alpha == 1 && (!bias || beta == 1);
    double sum[ROW_CHUNK];
    uint64_t whole[ROW_CHUNK];
    for (int64_t m = 0; m < rows; m++)
        for (int64_t n = 0; n < cols; n += ROW_CHUNK) {
            int64_t count = cols - n < ROW_CHUNK ? cols - n : ROW_CHUNK;
            if (exact) {
                int_row(a, m * a_row, a_step, b, n * b_step, b_row, b_step, depth, count, whole);
                for (int64_t i = 0; i < count; i++, at++) {
                    uint64_t r = bias ? (uint64_t)view_get_i64(
                                            bias, broadcast_index(&y->shape, &bias->shape, at))
                                      : 0;
                    view_set_i64(y, at, (int64_t)(whole[i] + r));
                }
                continue;
            }
            for (int64_t i = 0; i < count; i++) sum[i] = 0;
            for (int64_t k = 0; k < depth; k++)
                add_scaled(sum, count, get(a, m * a_row + k * a_step), b, k * b_row + n * b_step,
                           b_step, 0);
            for (int64_t i = 0; i < count; i++, at++) {
                double r = bias ? get(bias, broadcast_index(&y->shape, &bias->shape, at)) : 0;
                set(y, at, activation_apply(&act, alpha * sum[i] + beta * r));
            }
        }
    return STATUS_OK;
}

static int64_t macs_gemm(const struct op_call *c) {
    int64_t m, n, k;
    if (gemm_shape(c, &m, &n, &k) != STATUS_OK) return 0;
    return macs_mul(macs_mul(m, n), k);
}

static const struct attr_spec gemm_attrs[] = {
    {"alpha", ATTR_FLOAT}, {"beta", ATTR_FLOAT}, {"transA", ATTR_INT}, {"transB", ATTR_INT},
    ACTIVATION_ATTRS, {NULL},
};

const struct op_def op_def_Gemm = {
    .name = "Gemm", .min_inputs = 2, .max_inputs = 3, .min_outputs = 1, .max_outputs = 1,
    .infer = infer_gemm, .run = run_gemm, .attrs = gemm_attrs, .macs = macs_gemm,
};

/* ---- MatMulInteger ---- */

/* A zero point is one value, or one per row of A (last dimension 1 or rank 1), or per column of B.
 */
static enum status check_zero_point(const struct op_call *c, int i, int64_t per) {
    if (!op_has_input(c, i)) return STATUS_OK;
    TRY(op_check_same_dtype(c, i - 2, i));
    int64_t n = shape_elements(&c->in[i].shape);
    OP_CHECK(c, n < 0 || n == 1 || per < 0 || n == per, STATUS_UNSUPPORTED,
             "zero point '%s' has %" PRId64 " values; 1 or %" PRId64 " are supported",
             c->in[i].name, n, per);
    return STATUS_OK;
}

static enum status infer_matmul_integer(struct op_call *c) {
    TRY(op_check_dtype(c, 0, DTYPES_8BIT));
    TRY(op_check_dtype(c, 1, DTYPES_8BIT));
    struct matmul v = {.m = -1, .n = -1, .out = shape_unknown()};
    if (c->in[0].shape.rank >= 0 && c->in[1].shape.rank >= 0)
        TRY(matmul_init(c, &c->in[0].shape, &c->in[1].shape, &v));
    TRY(check_zero_point(c, 2, v.m));
    TRY(check_zero_point(c, 3, v.n));
    op_output(c, 0, DT_I32, v.out);
    return STATUS_OK;
}

static int64_t zero_point(const struct op_call *c, int i, int64_t at) {
    if (!op_has_input(c, i)) return 0;
    return view_get_i64(&c->in[i], shape_elements(&c->in[i].shape) == 1 ? 0 : at);
}

static enum status run_matmul_integer(struct op_call *c) {
    const struct view *a = &c->in[0], *b = &c->in[1];
    struct matmul v;
    TRY(matmul_init(c, &a->shape, &b->shape, &v));
    TRY(check_zero_point(c, 2, v.m));
    TRY(check_zero_point(c, 3, v.n));
    int64_t batches = shape_elements(&v.batch), at = 0;
    for (int64_t p = 0; p < batches; p++) {
        int64_t a0 = broadcast_index(&v.batch, &v.a_batch, p) * v.m * v.k;
        int64_t b0 = broadcast_index(&v.batch, &v.b_batch, p) * v.k * v.n;
        for (int64_t m = 0; m < v.m; m++)
            for (int64_t n = 0; n < v.n; n++) {
                int64_t za = zero_point(c, 2, m), zb = zero_point(c, 3, n), sum = 0;
                for (int64_t k = 0; k < v.k; k++)
                    sum += (view_get_i64(a, a0 + m * v.k + k) - za) *
                           (view_get_i64(b, b0 + k * v.n + n) - zb);
                view_set_i64(&c->out[0], at++, sum);
            }
    }
    return STATUS_OK;
}

const struct op_def op_def_MatMulInteger = {
    .name = "MatMulInteger", .min_inputs = 2, .max_inputs = 4, .min_outputs = 1, .max_outputs = 1,
    .infer = infer_matmul_integer, .run = run_matmul_integer, .macs = macs_matmul,
};
