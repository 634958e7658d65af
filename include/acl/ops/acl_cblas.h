/* SPDX-License-Identifier: Apache-2.0 */
/*
 * AscendCL matrix products (libacl_cblas.so). See acl.h for the conventions of every call.
 */
#ifndef PRUSIK_ACL_CBLAS_H
#define PRUSIK_ACL_CBLAS_H

#include "../acl.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum aclTransType {
    ACL_TRANS_N = 0,
    ACL_TRANS_T = 1,
    ACL_TRANS_NZ = 2,
    ACL_TRANS_NZ_T = 3
} aclTransType;

typedef enum aclComputeType {
    ACL_COMPUTE_HIGH_PRECISION = 0,
    ACL_COMPUTE_LOW_PRECISION = 1
} aclComputeType;

/*
 * C = alpha A B + beta C, queued on a stream. Matrices lie row by row; A has m rows and k columns,
 * B k and n, C m and n, after transposition.
 *
 * transA, transB  ACL_TRANS_N or ACL_TRANS_T; transC only ACL_TRANS_N.
 * lda, ldb, ldc   elements from row to row; -1: rows follow one another.
 * data types      ACL_FLOAT16 to ACL_FLOAT16 or ACL_FLOAT, ACL_INT8 to ACL_FLOAT or ACL_INT32.
 *                 alpha and beta point at one number of C's type; with beta 0, C is not read.
 * type            makes no difference: sums are float, or int32 for ACL_INT32.
 * Returns         ACL_ERROR_UNSUPPORTED_DATA_TYPE, ACL_ERROR_FEATURE_UNSUPPORTED,
 *                 ACL_ERROR_INVALID_PARAM. Leave all memory alone until the stream was
 *                 synchronized.
 */
ACL_FUNC_VISIBILITY aclError aclblasGemmEx(aclTransType transA, aclTransType transB,
    aclTransType transC, int m, int n, int k, const void *alpha, const void *matrixA, int lda,
    aclDataType dataTypeA, const void *matrixB, int ldb, aclDataType dataTypeB, const void *beta,
    void *matrixC, int ldc, aclDataType dataTypeC, aclComputeType type, aclrtStream stream);
ACL_FUNC_VISIBILITY aclError aclblasHgemm(aclTransType transA, aclTransType transB,
    aclTransType transC, int m, int n, int k, const aclFloat16 *alpha, const aclFloat16 *matrixA,
    int lda, const aclFloat16 *matrixB, int ldb, const aclFloat16 *beta, aclFloat16 *matrixC,
    int ldc, aclComputeType type, aclrtStream stream);
ACL_FUNC_VISIBILITY aclError aclblasS8gemm(aclTransType transA, aclTransType transB,
    aclTransType transC, int m, int n, int k, const int32_t *alpha, const int8_t *matrixA, int lda,
    const int8_t *matrixB, int ldb, const int32_t *beta, int32_t *matrixC, int ldc,
    aclComputeType type, aclrtStream stream);

/* y = alpha A x + beta y with A of m rows and n columns as it lies; incx and incy are the distance
 * from element to element (-1: 1). The rest as above. */
ACL_FUNC_VISIBILITY aclError aclblasGemvEx(aclTransType transA, int m, int n, const void *alpha,
    const void *a, int lda, aclDataType dataTypeA, const void *x, int incx, aclDataType dataTypeX,
    const void *beta, void *y, int incy, aclDataType dataTypeY, aclComputeType type,
    aclrtStream stream);
ACL_FUNC_VISIBILITY aclError aclblasHgemv(aclTransType transA, int m, int n,
    const aclFloat16 *alpha, const aclFloat16 *a, int lda, const aclFloat16 *x, int incx,
    const aclFloat16 *beta, aclFloat16 *y, int incy, aclComputeType type, aclrtStream stream);
ACL_FUNC_VISIBILITY aclError aclblasS8gemv(aclTransType transA, int m, int n, const int32_t *alpha,
    const int8_t *a, int lda, const int8_t *x, int incx, const int32_t *beta, int32_t *y, int incy,
    aclComputeType type, aclrtStream stream);

/* ---- handles ---- */

/* The products above as operators for aclopExecWithHandle: inputs A, B (or x), C (or y), alpha and
 * beta, of one element each and of C's type; output C. Rows follow one another. A vector is a
 * matrix of one column. Integer and float32 results are summed in their own type. */
ACL_FUNC_VISIBILITY aclError aclblasCreateHandleForGemmEx(aclTransType transA, aclTransType transB,
    aclTransType transC, int m, int n, int k, aclDataType dataTypeA, aclDataType dataTypeB,
    aclDataType dataTypeC, aclComputeType type, aclopHandle **handle);
ACL_FUNC_VISIBILITY aclError aclblasCreateHandleForGemvEx(aclTransType transA, int m, int n,
    aclDataType dataTypeA, aclDataType dataTypeX, aclDataType dataTypeY, aclComputeType type,
    aclopHandle **handle);
ACL_FUNC_VISIBILITY aclError aclblasCreateHandleForHgemm(aclTransType transA, aclTransType transB,
    aclTransType transC, int m, int n, int k, aclComputeType type, aclopHandle **handle);
ACL_FUNC_VISIBILITY aclError aclblasCreateHandleForHgemv(aclTransType transA, int m, int n,
    aclComputeType type, aclopHandle **handle);
ACL_FUNC_VISIBILITY aclError aclblasCreateHandleForS8gemm(aclTransType transA, aclTransType transB,
    aclTransType transC, int m, int n, int k, aclComputeType type, aclopHandle **handle);
ACL_FUNC_VISIBILITY aclError aclblasCreateHandleForS8gemv(aclTransType transA, int m, int n,
    aclComputeType type, aclopHandle **handle);

#ifdef __cplusplus
}
#endif

#endif
