/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libacl_cblas.so: matrix products of programs that use AscendCL without a model. Plain loops: f16
 * and int8 matrices, sums in float or int32 in order of k, results the same every time. Reaches the
 * core through _pk_private only.
 */
#include <string.h>

#include "acl/ops/acl_cblas.h"
#include "acl/private.h"

#define FAIL(code, ...) return _pk_private.fail((code), call, __VA_ARGS__)
#define CHECK(condition, code, ...)                                                                \
    do {                                                                                           \
        if (!(condition)) FAIL((code), __VA_ARGS__);                                               \
    } while (0)
#define TRY(expression)                                                                            \
    do {                                                                                           \
        aclError code_ = (expression);                                                             \
        if (code_ != ACL_SUCCESS) return code_;                                                    \
    } while (0)

/* C = alpha A B + beta C, row-major; A is m x k and B k x n after transposition. */
struct product {
    const char *call;
    bool trans_a, trans_b;
    size_t m, n, k, lda, ldb, ldc; /* elements from row to row */
    const void *alpha, *a, *b, *beta;
    void *c;
    aclDataType in, out;
};

/* ---- numbers ---- */

static float float_at(const void *p, size_t i, aclDataType type) {
    switch (type) {
    case ACL_FLOAT16: return aclFloat16ToFloat(((const aclFloat16 *)p)[i]);
    case ACL_FLOAT: return ((const float *)p)[i];
    case ACL_INT8: return ((const int8_t *)p)[i];
    default: return 0;
    }
}

static void set_float(void *p, size_t i, aclDataType type, float value) {
    if (type == ACL_FLOAT16) ((aclFloat16 *)p)[i] = aclFloatToFloat16(value);
    else ((float *)p)[i] = value;
}

static size_t at_a(const struct product *p, size_t row, size_t k) {
    return p->trans_a ? k * p->lda + row : row * p->lda + k;
}

static size_t at_b(const struct product *p, size_t k, size_t column) {
    return p->trans_b ? column * p->ldb + k : k * p->ldb + column;
}

/* ---- products ---- */

/* B as floats, and a row of sums: one allocation. */
static aclError run_floats(const struct product *p) {
    const char *call = p->call;
    size_t cells, bytes;
    float *b = NULL;
    if (!__builtin_mul_overflow(p->k, p->n, &cells) &&
        !__builtin_mul_overflow(cells + p->n, sizeof *b, &bytes))
        b = _pk_private.mem_alloc(bytes);
    CHECK(b, ACL_ERROR_BAD_ALLOC, "no memory for a matrix of %zu x %zu", p->k, p->n);
    float *sum = b + cells;
    for (size_t k = 0; k < p->k; k++)
        for (size_t j = 0; j < p->n; j++) b[k * p->n + j] = float_at(p->b, at_b(p, k, j), p->in);
    float alpha = float_at(p->alpha, 0, p->out), beta = float_at(p->beta, 0, p->out);
    for (size_t i = 0; i < p->m; i++) {
        memset(sum, 0, p->n * sizeof *sum);
        for (size_t k = 0; k < p->k; k++) {
            float a = float_at(p->a, at_a(p, i, k), p->in);
            const float *row = b + k * p->n;
            for (size_t j = 0; j < p->n; j++) sum[j] += a * row[j];
        }
        for (size_t j = 0; j < p->n; j++) {
            size_t c = i * p->ldc + j;
            /* With beta 0, C may be uninitialised. */
            float before = beta == 0 ? 0 : beta * float_at(p->c, c, p->out);
            set_float(p->c, c, p->out, alpha * sum[j] + before);
        }
    }
    _pk_private.mem_free(b);
    return ACL_SUCCESS;
}

/* Sums wrap round as 32-bit arithmetic of the chip does. */
static aclError run_integers(const struct product *p) {
    const int8_t *a = p->a, *b = p->b;
    uint32_t alpha, beta;
    memcpy(&alpha, p->alpha, sizeof alpha);
    memcpy(&beta, p->beta, sizeof beta);
    uint32_t *c = p->c;
    for (size_t i = 0; i < p->m; i++)
        for (size_t j = 0; j < p->n; j++) {
            uint32_t sum = 0;
            for (size_t k = 0; k < p->k; k++)
                sum += (uint32_t)(a[at_a(p, i, k)] * b[at_b(p, k, j)]);
            uint32_t *to = &c[i * p->ldc + j];
            *to = alpha * sum + (beta ? beta * *to : 0);
        }
    return ACL_SUCCESS;
}

static aclError run(void *argument) {
    const struct product *p = argument;
    return p->out == ACL_INT32 ? run_integers(p) : run_floats(p);
}

/* ---- checking ---- */

static aclError set_trans(const char *call, const char *what, aclTransType trans, bool *out) {
    CHECK(trans == ACL_TRANS_N || trans == ACL_TRANS_T, ACL_ERROR_FEATURE_UNSUPPORTED,
          "%s is %d; only ACL_TRANS_N and ACL_TRANS_T are supported", what, (int)trans);
    *out = trans == ACL_TRANS_T;
    return ACL_SUCCESS;
}

static aclError set_stride(const char *call, const char *what, int given, size_t columns,
                           size_t *out) {
    CHECK(given == -1 || (given > 0 && (size_t)given >= columns), ACL_ERROR_INVALID_PARAM,
          "%s is %d; a row has %zu elements (-1: rows follow one another)", what, given, columns);
    *out = given == -1 ? columns : (size_t)given;
    return ACL_SUCCESS;
}

static aclError check_matrix(const char *call, const char *what, const void *p, size_t rows,
                             size_t columns, size_t stride, aclDataType type) {
    size_t bytes;
    CHECK(p, ACL_ERROR_INVALID_PARAM, "%s is NULL", what);
    CHECK(!__builtin_mul_overflow(rows - 1, stride, &bytes) &&
              !__builtin_add_overflow(bytes, columns, &bytes) &&
              !__builtin_mul_overflow(bytes, aclDataTypeSize(type), &bytes),
          ACL_ERROR_INVALID_PARAM, "%s is larger than memory", what);
    return _pk_private.memory_check(call, what, p, bytes);
}

/* p->m, n, k are the product's; the strides still as given, in int. */
static aclError submit(struct product *p, int lda, int ldb, int ldc, aclrtStream stream) {
    const char *call = p->call;
    CHECK(_pk_private.version == PK_PRIVATE_VERSION, ACL_ERROR_RESOURCE_NOT_MATCH,
          "libacl_cblas.so and libascendcl.so are of different versions; install both from one "
          "build");
    size_t rows_a = p->trans_a ? p->k : p->m, columns_a = p->trans_a ? p->m : p->k;
    size_t rows_b = p->trans_b ? p->n : p->k, columns_b = p->trans_b ? p->k : p->n;
    TRY(set_stride(call, "lda", lda, columns_a, &p->lda));
    TRY(set_stride(call, "ldb", ldb, columns_b, &p->ldb));
    TRY(set_stride(call, "ldc", ldc, p->n, &p->ldc));
    TRY(check_matrix(call, "alpha", p->alpha, 1, 1, 1, p->out));
    TRY(check_matrix(call, "beta", p->beta, 1, 1, 1, p->out));
    TRY(check_matrix(call, "A", p->a, rows_a, columns_a, p->lda, p->in));
    TRY(check_matrix(call, "B", p->b, rows_b, columns_b, p->ldb, p->in));
    TRY(check_matrix(call, "C", p->c, p->m, p->n, p->ldc, p->out));
    return _pk_private.run_on_stream(call, stream, run, NULL, p, sizeof *p);
}

static aclError check_types(const char *call, aclDataType a, aclDataType b, aclDataType c,
                            aclComputeType type) {
    bool floats = a == ACL_FLOAT16 && (c == ACL_FLOAT16 || c == ACL_FLOAT);
    bool bytes = a == ACL_INT8 && (c == ACL_FLOAT || c == ACL_INT32);
    CHECK(a == b && (floats || bytes), ACL_ERROR_UNSUPPORTED_DATA_TYPE,
          "data types %d and %d to %d are not supported: ACL_FLOAT16 to ACL_FLOAT16 or ACL_FLOAT, "
          "ACL_INT8 to ACL_FLOAT or ACL_INT32 are",
          (int)a, (int)b, (int)c);
    CHECK(type == ACL_COMPUTE_HIGH_PRECISION || type == ACL_COMPUTE_LOW_PRECISION,
          ACL_ERROR_INVALID_PARAM, "type is %d; use a value of aclComputeType", (int)type);
    return ACL_SUCCESS;
}

static aclError check_sizes(const char *call, int m, int n, int k) {
    CHECK(m > 0 && n > 0 && k > 0, ACL_ERROR_INVALID_PARAM,
          "the sizes are %d, %d, %d; each must be at least 1", m, n, k);
    return ACL_SUCCESS;
}

/* What a product is, but for its operands. */
static aclError describe(const char *call, aclTransType trans_a, aclTransType trans_b,
                         aclTransType trans_c, int m, int n, int k, struct product *p) {
    TRY(set_trans(call, "transA", trans_a, &p->trans_a));
    TRY(set_trans(call, "transB", trans_b, &p->trans_b));
    CHECK(trans_c == ACL_TRANS_N, ACL_ERROR_FEATURE_UNSUPPORTED,
          "transC is %d; only ACL_TRANS_N is supported", (int)trans_c);
    TRY(check_sizes(call, m, n, k));
    p->m = (size_t)m;
    p->n = (size_t)n;
    p->k = (size_t)k;
    return ACL_SUCCESS;
}

struct operands {
    const void *alpha, *a, *b, *beta;
    void *c;
    aclDataType type_a, type_b, type_c;
    aclComputeType type;
};

static aclError gemm(const char *call, aclTransType trans_a, aclTransType trans_b,
                     aclTransType trans_c, int m, int n, int k, int lda, int ldb, int ldc,
                     const struct operands *o, aclrtStream stream) {
    struct product p = {.call = call, .alpha = o->alpha, .a = o->a, .b = o->b, .beta = o->beta,
                        .c = o->c, .in = o->type_a, .out = o->type_c};
    TRY(check_types(call, o->type_a, o->type_b, o->type_c, o->type));
    TRY(describe(call, trans_a, trans_b, trans_c, m, n, k, &p));
    return submit(&p, lda, ldb, ldc, stream);
}

/* y = alpha A x + beta y: a product with one column. A is m x n as it lies. */
static aclError gemv(const char *call, aclTransType trans, int m, int n, int lda, int incx,
                     int incy, const struct operands *o, aclrtStream stream) {
    struct product p = {.call = call, .alpha = o->alpha, .a = o->a, .b = o->b, .beta = o->beta,
                        .c = o->c, .n = 1, .in = o->type_a, .out = o->type_c};
    TRY(check_types(call, o->type_a, o->type_b, o->type_c, o->type));
    TRY(set_trans(call, "transA", trans, &p.trans_a));
    TRY(check_sizes(call, m, n, 1));
    p.m = (size_t)(p.trans_a ? n : m);
    p.k = (size_t)(p.trans_a ? m : n);
    return submit(&p, lda, incx, incy, stream);
}

/* ---- the calls ---- */

aclError aclblasGemmEx(aclTransType transA, aclTransType transB, aclTransType transC, int m, int n,
                       int k, const void *alpha, const void *matrixA, int lda,
                       aclDataType dataTypeA, const void *matrixB, int ldb, aclDataType dataTypeB,
                       const void *beta, void *matrixC, int ldc, aclDataType dataTypeC,
                       aclComputeType type, aclrtStream stream) {
    struct operands o = {alpha,     matrixA,   matrixB,   beta, matrixC,
                         dataTypeA, dataTypeB, dataTypeC, type};
    return gemm(__func__, transA, transB, transC, m, n, k, lda, ldb, ldc, &o, stream);
}

aclError aclblasHgemm(aclTransType transA, aclTransType transB, aclTransType transC, int m, int n,
                      int k, const aclFloat16 *alpha, const aclFloat16 *matrixA, int lda,
                      const aclFloat16 *matrixB, int ldb, const aclFloat16 *beta,
                      aclFloat16 *matrixC, int ldc, aclComputeType type, aclrtStream stream) {
    struct operands o = {alpha,       matrixA,     matrixB,     beta, matrixC,
                         ACL_FLOAT16, ACL_FLOAT16, ACL_FLOAT16, type};
    return gemm(__func__, transA, transB, transC, m, n, k, lda, ldb, ldc, &o, stream);
}

aclError aclblasS8gemm(aclTransType transA, aclTransType transB, aclTransType transC, int m, int n,
                       int k, const int32_t *alpha, const int8_t *matrixA, int lda,
                       const int8_t *matrixB, int ldb, const int32_t *beta, int32_t *matrixC,
                       int ldc, aclComputeType type, aclrtStream stream) {
    struct operands o = {alpha,    matrixA,  matrixB,   beta, matrixC,
                         ACL_INT8, ACL_INT8, ACL_INT32, type};
    return gemm(__func__, transA, transB, transC, m, n, k, lda, ldb, ldc, &o, stream);
}

aclError aclblasGemvEx(aclTransType transA, int m, int n, const void *alpha, const void *a, int lda,
                       aclDataType dataTypeA, const void *x, int incx, aclDataType dataTypeX,
                       const void *beta, void *y, int incy, aclDataType dataTypeY,
                       aclComputeType type, aclrtStream stream) {
    struct operands o = {alpha, a, x, beta, y, dataTypeA, dataTypeX, dataTypeY, type};
    return gemv(__func__, transA, m, n, lda, incx, incy, &o, stream);
}

aclError aclblasHgemv(aclTransType transA, int m, int n, const aclFloat16 *alpha,
                      const aclFloat16 *a, int lda, const aclFloat16 *x, int incx,
                      const aclFloat16 *beta, aclFloat16 *y, int incy, aclComputeType type,
                      aclrtStream stream) {
    struct operands o = {alpha, a, x, beta, y, ACL_FLOAT16, ACL_FLOAT16, ACL_FLOAT16, type};
    return gemv(__func__, transA, m, n, lda, incx, incy, &o, stream);
}

aclError aclblasS8gemv(aclTransType transA, int m, int n, const int32_t *alpha, const int8_t *a,
                       int lda, const int8_t *x, int incx, const int32_t *beta, int32_t *y,
                       int incy, aclComputeType type, aclrtStream stream) {
    struct operands o = {alpha, a, x, beta, y, ACL_INT8, ACL_INT8, ACL_INT32, type};
    return gemv(__func__, transA, m, n, lda, incx, incy, &o, stream);
}

/* ---- handles: the operator GEMM of a product's shapes ---- */

static aclError create_handle(const char *call, const struct product *p, aclopHandle **handle) {
    CHECK(handle, ACL_ERROR_INVALID_PARAM, "handle is NULL");
    int64_t m = (int64_t)p->m, n = (int64_t)p->n, k = (int64_t)p->k;
    aclTensorDesc *in[5] = {
        aclCreateTensorDesc(p->in, 2, p->trans_a ? (int64_t[]){k, m} : (int64_t[]){m, k},
                            ACL_FORMAT_ND),
        aclCreateTensorDesc(p->in, 2, p->trans_b ? (int64_t[]){n, k} : (int64_t[]){k, n},
                            ACL_FORMAT_ND),
        aclCreateTensorDesc(p->out, 2, (int64_t[]){m, n}, ACL_FORMAT_ND),
        aclCreateTensorDesc(p->out, 1, (int64_t[]){1}, ACL_FORMAT_ND),
        aclCreateTensorDesc(p->out, 1, (int64_t[]){1}, ACL_FORMAT_ND),
    };
    aclopAttr *attr = aclopCreateAttr();
    aclError code = aclopSetAttrBool(attr, "transpose_a", p->trans_a);
    if (code == ACL_SUCCESS) code = aclopSetAttrBool(attr, "transpose_b", p->trans_b);
    const struct op_arguments a = {"GEMM", 5, 1, (const aclTensorDesc *const *)in,
                                   (const aclTensorDesc *const *)&in[2], attr};
    if (code == ACL_SUCCESS) code = _pk_private.op_create_handle(call, &a, handle);
    for (int i = 0; i < 5; i++) aclDestroyTensorDesc(in[i]);
    aclopDestroyAttr(attr);
    return code;
}

static aclError gemm_handle(const char *call, aclTransType trans_a, aclTransType trans_b,
                            aclTransType trans_c, int m, int n, int k, aclDataType a,
                            aclDataType b, aclDataType c, aclComputeType type,
                            aclopHandle **handle) {
    struct product p = {.in = a, .out = c};
    TRY(check_types(call, a, b, c, type));
    TRY(describe(call, trans_a, trans_b, trans_c, m, n, k, &p));
    return create_handle(call, &p, handle);
}

static aclError gemv_handle(const char *call, aclTransType trans, int m, int n, aclDataType a,
                            aclDataType x, aclDataType y, aclComputeType type,
                            aclopHandle **handle) {
    bool turned = trans == ACL_TRANS_T;
    return gemm_handle(call, trans, ACL_TRANS_N, ACL_TRANS_N, turned ? n : m, 1, turned ? m : n, a,
                       x, y, type, handle);
}

aclError aclblasCreateHandleForGemmEx(aclTransType transA, aclTransType transB, aclTransType transC,
                                      int m, int n, int k, aclDataType dataTypeA,
                                      aclDataType dataTypeB, aclDataType dataTypeC,
                                      aclComputeType type, aclopHandle **handle) {
    return gemm_handle(__func__, transA, transB, transC, m, n, k, dataTypeA, dataTypeB, dataTypeC,
                       type, handle);
}

aclError aclblasCreateHandleForHgemm(aclTransType transA, aclTransType transB, aclTransType transC,
                                     int m, int n, int k, aclComputeType type,
                                     aclopHandle **handle) {
    return gemm_handle(__func__, transA, transB, transC, m, n, k, ACL_FLOAT16, ACL_FLOAT16,
                       ACL_FLOAT16, type, handle);
}

aclError aclblasCreateHandleForS8gemm(aclTransType transA, aclTransType transB, aclTransType transC,
                                      int m, int n, int k, aclComputeType type,
                                      aclopHandle **handle) {
    return gemm_handle(__func__, transA, transB, transC, m, n, k, ACL_INT8, ACL_INT8, ACL_INT32,
                       type, handle);
}

aclError aclblasCreateHandleForGemvEx(aclTransType transA, int m, int n, aclDataType dataTypeA,
                                      aclDataType dataTypeX, aclDataType dataTypeY,
                                      aclComputeType type, aclopHandle **handle) {
    return gemv_handle(__func__, transA, m, n, dataTypeA, dataTypeX, dataTypeY, type, handle);
}

aclError aclblasCreateHandleForHgemv(aclTransType transA, int m, int n, aclComputeType type,
                                     aclopHandle **handle) {
    return gemv_handle(__func__, transA, m, n, ACL_FLOAT16, ACL_FLOAT16, ACL_FLOAT16, type, handle);
}

aclError aclblasCreateHandleForS8gemv(aclTransType transA, int m, int n, aclComputeType type,
                                      aclopHandle **handle) {
    return gemv_handle(__func__, transA, m, n, ACL_INT8, ACL_INT8, ACL_INT32, type, handle);
}
