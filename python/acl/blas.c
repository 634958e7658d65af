/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The submodule acl.blas: products of matrices, and of a matrix and a vector. Factors, matrices and
 * vectors are addresses; the result is written to the one of matrix_c, or y.
 */
#include "binding.h"

#include "acl/ops/acl_cblas.h"

/* What all products of matrices have in common; data types only where the call names them. */
struct gemm {
    int32_t trans[3], m, n, k, lda, ldb, ldc, types[3], precision;
    void *alpha, *a, *b, *beta, *c, *stream;
};

static bool take_gemm(PyObject *args, const char *call, struct gemm *g) {
    return take(args, call, "iiiiiippipippiip", &g->trans[0], &g->trans[1], &g->trans[2], &g->m,
                &g->n, &g->k, &g->alpha, &g->a, &g->lda, &g->b, &g->ldb, &g->beta, &g->c, &g->ldc,
                &g->precision, &g->stream);
}

#define GEMM_SHAPE(g)                                                                              \
    (aclTransType)g.trans[0], (aclTransType)g.trans[1], (aclTransType)g.trans[2], g.m, g.n, g.k

METHOD(blas_gemm_ex) {
    struct gemm g;
    if (!take(args, "acl.blas.gemm_ex", "iiiiiippiipiippiiip", &g.trans[0], &g.trans[1],
              &g.trans[2], &g.m, &g.n, &g.k, &g.alpha, &g.a, &g.lda, &g.types[0], &g.b, &g.ldb,
              &g.types[1], &g.beta, &g.c, &g.ldc, &g.types[2], &g.precision, &g.stream))
        return NULL;
    return code_only(UNLOCKED(aclblasGemmEx(
        GEMM_SHAPE(g), g.alpha, g.a, g.lda, (aclDataType)g.types[0], g.b, g.ldb,
        (aclDataType)g.types[1], g.beta, g.c, g.ldc, (aclDataType)g.types[2],
        (aclComputeType)g.precision, g.stream)));
}

METHOD(blas_hgemm) {
    struct gemm g;
    if (!take_gemm(args, "acl.blas.hgemm", &g)) return NULL;
    return code_only(UNLOCKED(aclblasHgemm(GEMM_SHAPE(g), g.alpha, g.a, g.lda, g.b, g.ldb, g.beta,
                                           g.c, g.ldc, (aclComputeType)g.precision, g.stream)));
}

METHOD(blas_s8gemm) {
    struct gemm g;
    if (!take_gemm(args, "acl.blas.s8gemm", &g)) return NULL;
    return code_only(UNLOCKED(aclblasS8gemm(GEMM_SHAPE(g), g.alpha, g.a, g.lda, g.b, g.ldb, g.beta,
                                            g.c, g.ldc, (aclComputeType)g.precision, g.stream)));
}

struct gemv {
    int32_t trans, m, n, lda, incx, incy, types[3], precision;
    void *alpha, *a, *x, *beta, *y, *stream;
};

static bool take_gemv(PyObject *args, const char *call, struct gemv *g) {
    return take(args, call, "iiippipippiip", &g->trans, &g->m, &g->n, &g->alpha, &g->a, &g->lda,
                &g->x, &g->incx, &g->beta, &g->y, &g->incy, &g->precision, &g->stream);
}

METHOD(blas_gemv_ex) {
    struct gemv g;
    if (!take(args, "acl.blas.gemv_ex", "iiippiipiippiiip", &g.trans, &g.m, &g.n, &g.alpha, &g.a,
              &g.lda, &g.types[0], &g.x, &g.incx, &g.types[1], &g.beta, &g.y, &g.incy, &g.types[2],
              &g.precision, &g.stream))
        return NULL;
    return code_only(UNLOCKED(aclblasGemvEx(
        (aclTransType)g.trans, g.m, g.n, g.alpha, g.a, g.lda, (aclDataType)g.types[0], g.x, g.incx,
        (aclDataType)g.types[1], g.beta, g.y, g.incy, (aclDataType)g.types[2],
        (aclComputeType)g.precision, g.stream)));
}

METHOD(blas_hgemv) {
    struct gemv g;
    if (!take_gemv(args, "acl.blas.hgemv", &g)) return NULL;
    return code_only(UNLOCKED(aclblasHgemv((aclTransType)g.trans, g.m, g.n, g.alpha, g.a, g.lda,
                                           g.x, g.incx, g.beta, g.y, g.incy,
                                           (aclComputeType)g.precision, g.stream)));
}

METHOD(blas_s8gemv) {
    struct gemv g;
    if (!take_gemv(args, "acl.blas.s8gemv", &g)) return NULL;
    return code_only(UNLOCKED(aclblasS8gemv((aclTransType)g.trans, g.m, g.n, g.alpha, g.a, g.lda,
                                            g.x, g.incx, g.beta, g.y, g.incy,
                                            (aclComputeType)g.precision, g.stream)));
}

/* ---- handles ---- */

METHOD(blas_create_handle_for_gemm_ex) {
    struct gemm g;
    aclopHandle *handle = NULL;
    if (!take(args, "acl.blas.create_handle_for_gemm_ex", "iiiiiiiiii", &g.trans[0], &g.trans[1],
              &g.trans[2], &g.m, &g.n, &g.k, &g.types[0], &g.types[1], &g.types[2], &g.precision))
        return NULL;
    aclError code = UNLOCKED(aclblasCreateHandleForGemmEx(
        GEMM_SHAPE(g), (aclDataType)g.types[0], (aclDataType)g.types[1], (aclDataType)g.types[2],
        (aclComputeType)g.precision, &handle));
    return address_and_code(handle, code);
}

static PyObject *gemm_handle(PyObject *args, const char *call,
                             aclError (*fn)(aclTransType, aclTransType, aclTransType, int, int, int,
                                            aclComputeType, aclopHandle **)) {
    struct gemm g;
    aclopHandle *handle = NULL;
    if (!take(args, call, "iiiiiii", &g.trans[0], &g.trans[1], &g.trans[2], &g.m, &g.n, &g.k,
              &g.precision))
        return NULL;
    aclError code = UNLOCKED(fn(GEMM_SHAPE(g), (aclComputeType)g.precision, &handle));
    return address_and_code(handle, code);
}

METHOD(blas_create_handle_for_hgemm) {
    return gemm_handle(args, "acl.blas.create_handle_for_hgemm", aclblasCreateHandleForHgemm);
}
METHOD(blas_create_handle_for_s8gemm) {
    return gemm_handle(args, "acl.blas.create_handle_for_s8gemm", aclblasCreateHandleForS8gemm);
}

METHOD(blas_create_handle_for_gemv_ex) {
    struct gemv g;
    aclopHandle *handle = NULL;
    if (!take(args, "acl.blas.create_handle_for_gemv_ex", "iiiiiii", &g.trans, &g.m, &g.n,
              &g.types[0], &g.types[1], &g.types[2], &g.precision))
        return NULL;
    aclError code = UNLOCKED(aclblasCreateHandleForGemvEx(
        (aclTransType)g.trans, g.m, g.n, (aclDataType)g.types[0], (aclDataType)g.types[1],
        (aclDataType)g.types[2], (aclComputeType)g.precision, &handle));
    return address_and_code(handle, code);
}

static PyObject *gemv_handle(PyObject *args, const char *call,
                             aclError (*fn)(aclTransType, int, int, aclComputeType,
                                            aclopHandle **)) {
    struct gemv g;
    aclopHandle *handle = NULL;
    if (!take(args, call, "iiii", &g.trans, &g.m, &g.n, &g.precision)) return NULL;
    aclError code = UNLOCKED(fn((aclTransType)g.trans, g.m, g.n, (aclComputeType)g.precision,
                                &handle));
    return address_and_code(handle, code);
}

METHOD(blas_create_handle_for_hgemv) {
    return gemv_handle(args, "acl.blas.create_handle_for_hgemv", aclblasCreateHandleForHgemv);
}
METHOD(blas_create_handle_for_s8gemv) {
    return gemv_handle(args, "acl.blas.create_handle_for_s8gemv", aclblasCreateHandleForS8gemv);
}

#define BLAS(name, doc) ROW(#name, blas_##name, #name doc)

PyMethodDef blas_methods[] = {
    BLAS(gemm_ex, "(trans_a, trans_b, trans_c, m, n, k, alpha, matrix_a, lda, data_type_a, "
                  "matrix_b, ldb, data_type_b, beta, matrix_c, ldc, data_type_c, type, stream) -> "
                  "ret"),
    BLAS(hgemm, "(trans_a, trans_b, trans_c, m, n, k, alpha, matrix_a, lda, matrix_b, ldb, beta, "
                "matrix_c, ldc, type, stream) -> ret"),
    BLAS(s8gemm, "(trans_a, trans_b, trans_c, m, n, k, alpha, matrix_a, lda, matrix_b, ldb, beta, "
                 "matrix_c, ldc, type, stream) -> ret"),
    BLAS(gemv_ex, "(trans_a, m, n, alpha, a, lda, data_type_a, x, incx, data_type_x, beta, y, "
                  "incy, data_type_y, type, stream) -> ret"),
    BLAS(hgemv, "(trans_a, m, n, alpha, a, lda, x, incx, beta, y, incy, type, stream) -> ret"),
    BLAS(s8gemv, "(trans_a, m, n, alpha, a, lda, x, incx, beta, y, incy, type, stream) -> ret"),
    BLAS(create_handle_for_gemm_ex, "(trans_a, trans_b, trans_c, m, n, k, data_type_a, "
                                    "data_type_b, data_type_c, type) -> (handle, ret)"),
    BLAS(create_handle_for_hgemm,
         "(trans_a, trans_b, trans_c, m, n, k, type) -> (handle, ret)"),
    BLAS(create_handle_for_s8gemm,
         "(trans_a, trans_b, trans_c, m, n, k, type) -> (handle, ret)"),
    BLAS(create_handle_for_gemv_ex, "(trans_a, m, n, data_type_a, data_type_x, data_type_y, "
                                    "type) -> (handle, ret)"),
    BLAS(create_handle_for_hgemv, "(trans_a, m, n, type) -> (handle, ret)"),
    BLAS(create_handle_for_s8gemv, "(trans_a, m, n, type) -> (handle, ret)"),
    {NULL, NULL, 0, NULL}};
