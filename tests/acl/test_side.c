/* SPDX-License-Identifier: Apache-2.0 */
/* The side libraries beside libascendcl.so, linked as programs link them: picture memory of
 * libacl_dvpp.so, matrix products of libacl_cblas.so, operators of libacl_op_compiler.so. */
#include "acl_check.h"

#include "acl/acl_op_compiler.h"
#include "acl/ops/acl_cblas.h"
#include "acl/ops/acl_dvpp.h"
#include "acl/ops/acl_fv.h"

/* With a sentence, whatever it says. */
#define assert_refused(expression, code) assert_acl_fails(expression, code, " ")

static void picture_memory(void **state) {
    (void)state;
    void *p = NULL, *q = NULL;
    for (size_t size = 1; size < 3000; size += 333) {
        assert_acl(acldvppMalloc(&p, size));
        assert_int_equal((uintptr_t)p % 128, 0);
        memset(p, 1, size);
        assert_acl(acldvppFree(p));
    }
    assert_refused(acldvppMalloc(&p, 0), ACL_ERROR_INVALID_PARAM);
    assert_refused(acldvppMalloc(NULL, 8), ACL_ERROR_INVALID_PARAM);
    assert_refused(acldvppFree(p), ACL_ERROR_INVALID_PARAM);
    assert_acl(acldvppMalloc(&p, 100));
    assert_acl(aclrtMallocHost(&q, 100));
    assert_refused(acldvppFree(q), ACL_ERROR_INVALID_PARAM);
    /* One map of memory in the process: both libraries know the block. */
    assert_refused(aclrtMemset(p, 4096, 0, 4096), ACL_ERROR_INVALID_PARAM);
    assert_acl(aclrtFree(p)); /* a well-known slip; it works, with a line in the log */
    assert_acl(aclrtFreeHost(q));
}

enum { M = 5, N = 7, K = 6 };

static void products_of_halves(void **state) {
    (void)state;
    aclFloat16 a[M * K], at[K * M], b[K * N], bt[N * K], c[M * N], alpha, beta;
    float f[M * N], one = 1, zero = 0;
    for (int i = 0; i < M; i++)
        for (int k = 0; k < K; k++)
            at[k * M + i] = a[i * K + k] = aclFloatToFloat16((float)(i - k) / 4);
    for (int k = 0; k < K; k++)
        for (int j = 0; j < N; j++)
            bt[j * K + k] = b[k * N + j] = aclFloatToFloat16((float)(k * j % 5) - 2);
    for (int i = 0; i < M * N; i++) c[i] = aclFloatToFloat16((float)i);
    alpha = aclFloatToFloat16(2);
    beta = aclFloatToFloat16(0.5f);
    assert_acl(aclblasGemmEx(ACL_TRANS_N, ACL_TRANS_N, ACL_TRANS_N, M, N, K, &alpha, a, -1,
                             ACL_FLOAT16, b, -1, ACL_FLOAT16, &beta, c, -1, ACL_FLOAT16,
                             ACL_COMPUTE_HIGH_PRECISION, NULL));
    memset(f, 0xFF, sizeof f); /* NaN: beta is 0 */
    assert_acl(aclblasGemmEx(ACL_TRANS_T, ACL_TRANS_T, ACL_TRANS_N, M, N, K, &one, at, M,
                             ACL_FLOAT16, bt, K, ACL_FLOAT16, &zero, f, N, ACL_FLOAT,
                             ACL_COMPUTE_HIGH_PRECISION, NULL));
    assert_acl(aclrtSynchronizeStream(NULL));
    for (int i = 0; i < M; i++)
        for (int j = 0; j < N; j++) {
            float sum = 0;
            for (int k = 0; k < K; k++) sum += (float)(i - k) / 4 * ((float)(k * j % 5) - 2);
            assert_true(f[i * N + j] == sum);
            assert_true(aclFloat16ToFloat(c[i * N + j]) == 2 * sum + (float)(i * N + j) / 2);
        }
    aclFloat16 y[M];
    memset(y, 0, sizeof y);
    assert_acl(aclblasHgemv(ACL_TRANS_N, M, K, &alpha, a, -1, b, -1, &beta, y, -1,
                            ACL_COMPUTE_LOW_PRECISION, NULL));
    assert_acl(aclrtSynchronizeStream(NULL));
    for (int i = 0; i < M; i++) {
        float sum = 0;
        for (int k = 0; k < K; k++) sum += (float)(i - k) / 4 * aclFloat16ToFloat(b[k]);
        assert_true(aclFloat16ToFloat(y[i]) == 2 * sum);
    }
}

static void products_of_bytes(void **state) {
    (void)state;
    int8_t a[M * K], b[K * N];
    int32_t c[M * N], y[K], alpha = 3, beta = -1;
    for (int i = 0; i < M * K; i++) a[i] = (int8_t)(i * 37);
    for (int i = 0; i < K * N; i++) b[i] = (int8_t)(i * 91 + 5);
    for (int i = 0; i < M * N; i++) c[i] = i;
    assert_acl(aclblasS8gemm(ACL_TRANS_N, ACL_TRANS_N, ACL_TRANS_N, M, N, K, &alpha, a, -1, b, -1,
                             &beta, c, -1, ACL_COMPUTE_HIGH_PRECISION, NULL));
    memset(y, 0, sizeof y);
    assert_acl(aclblasS8gemv(ACL_TRANS_T, M, K, &alpha, a, -1, b, -1, &beta, y, -1,
                             ACL_COMPUTE_HIGH_PRECISION, NULL));
    assert_acl(aclrtSynchronizeStream(NULL));
    for (int i = 0; i < M; i++)
        for (int j = 0; j < N; j++) {
            int sum = 0;
            for (int k = 0; k < K; k++) sum += a[i * K + k] * b[k * N + j];
            assert_int_equal(c[i * N + j], 3 * sum - (i * N + j));
        }
    for (int k = 0; k < K; k++) {
        int sum = 0;
        for (int i = 0; i < M; i++) sum += a[i * K + k] * b[i];
        assert_int_equal(y[k], 3 * sum);
    }
}

static void products_misused(void **state) {
    (void)state;
    int8_t a[4] = {0};
    int32_t c[4] = {0}, one = 1;
    void *block;
    assert_acl(aclrtMallocAlign32(&block, 2, ACL_MEM_MALLOC_HUGE_FIRST));
#define S8(transA, m, n, k, A, lda, C)                                                             \
    aclblasS8gemm(transA, ACL_TRANS_N, ACL_TRANS_N, m, n, k, &one, A, lda, a, -1, &one, C, -1,     \
                  ACL_COMPUTE_HIGH_PRECISION, NULL)
    assert_refused(S8(ACL_TRANS_NZ, 2, 2, 2, a, -1, c), ACL_ERROR_FEATURE_UNSUPPORTED);
    assert_refused(S8(ACL_TRANS_N, 0, 2, 2, a, -1, c), ACL_ERROR_INVALID_PARAM);
    assert_refused(S8(ACL_TRANS_N, 2, 2, 2, NULL, -1, c), ACL_ERROR_INVALID_PARAM);
    assert_refused(S8(ACL_TRANS_N, 2, 2, 2, a, 1, c), ACL_ERROR_INVALID_PARAM);
    assert_refused(S8(ACL_TRANS_N, 2, 2, 2, a, -1, NULL), ACL_ERROR_INVALID_PARAM);
    assert_refused(S8(ACL_TRANS_N, 100, 2, 2, block, -1, c), ACL_ERROR_INVALID_PARAM);
    assert_refused(aclblasGemmEx(ACL_TRANS_N, ACL_TRANS_N, ACL_TRANS_N, 1, 1, 1, &one, a, -1,
                                 ACL_INT8, a, -1, ACL_FLOAT16, &one, c, -1, ACL_FLOAT,
                                 ACL_COMPUTE_HIGH_PRECISION, NULL),
                   ACL_ERROR_UNSUPPORTED_DATA_TYPE);
    assert_acl(aclrtFree(block));
}

int32_t hi_mpi_vpc_resize(int32_t channel, const void *from, void *to, double fx, double fy,
                          uint32_t interpolation, uint32_t *task, int32_t ms);

static void calls_that_say_why_not(void **state) {
    (void)state;
    uint32_t task;
    assert_refused(aclfvSearch(SEARCH_1_N, NULL, NULL), ACL_ERROR_FEATURE_UNSUPPORTED);
    assert_non_null(strstr(aclGetRecentErrMsg(), "aclfvSearch: feature retrieval"));
    assert_null(aclfvCreateInitPara(7));
    assert_non_null(strstr(aclGetRecentErrMsg(), "aclfvCreateInitPara: "));
    assert_refused(hi_mpi_vpc_resize(1, NULL, NULL, 0.5, 0.5, 0, &task, -1),
                   ACL_ERROR_FEATURE_UNSUPPORTED);
    assert_non_null(strstr(aclGetRecentErrMsg(), "hi_mpi_vpc_resize: "));
    assert_null(aclrtCreateBinary("code", 4));
    assert_refused(aclrtLaunchKernel(NULL, 1, NULL, 0, NULL), ACL_ERROR_FEATURE_UNSUPPORTED);
    assert_non_null(strstr(aclGetRecentErrMsg(), "atc"));
}

static void operators_are_compiled(void **state) {
    (void)state;
    float x[] = {-1, 2}, y[2] = {0};
    aclTensorDesc *desc = aclCreateTensorDesc(ACL_FLOAT, 1, (const int64_t[]){2}, ACL_FORMAT_ND);
    aclDataBuffer *in = aclCreateDataBuffer(x, sizeof x), *out = aclCreateDataBuffer(y, sizeof y);
    const aclTensorDesc *const descs[] = {desc};
    assert_acl(aclopCompile("Neg", 1, descs, 1, descs, NULL, ACL_ENGINE_SYS, ACL_COMPILE_SYS,
                            NULL));
    assert_acl(aclopCompileAndExecuteV2("Neg", 1, &desc, &in, 1, &desc, &out, NULL, ACL_ENGINE_SYS,
                                        ACL_COMPILE_SYS, NULL, NULL));
    assert_acl(aclrtSynchronizeStream(NULL));
    assert_true(y[0] == 1 && y[1] == -2);
    assert_refused(aclopCompile("Nothing", 1, descs, 1, descs, NULL, ACL_ENGINE_SYS,
                                ACL_COMPILE_SYS, NULL), ACL_ERROR_OP_NOT_FOUND);
    assert_refused(aclopCompile("Neg", 1, descs, 1, descs, NULL, (aclopEngineType)9,
                                ACL_COMPILE_SYS, NULL), ACL_ERROR_INVALID_PARAM);
    assert_acl(aclopSetCompileFlag(ACL_OP_COMPILE_FUZZ));
    assert_refused(aclopSetCompileFlag((aclOpCompileFlag)2), ACL_ERROR_INVALID_PARAM);

    char value[8];
    assert_int_equal(aclGetCompileoptSize(ACL_OP_JIT_COMPILE), 0);
    assert_acl(aclSetCompileopt(ACL_OP_JIT_COMPILE, "enable"));
    assert_acl(aclSetCompileopt(ACL_OP_JIT_COMPILE, "disable"));
    assert_int_equal(aclGetCompileoptSize(ACL_OP_JIT_COMPILE), 8);
    assert_acl(aclGetCompileopt(ACL_OP_JIT_COMPILE, value, sizeof value));
    assert_string_equal(value, "disable");
    assert_refused(aclGetCompileopt(ACL_OP_JIT_COMPILE, value, 7), ACL_ERROR_INVALID_PARAM);
    assert_refused(aclGetCompileopt(ACL_AICORE_NUM, value, 8), ACL_ERROR_INVALID_PARAM);
    assert_refused(aclSetCompileopt((aclCompileOpt)17, "x"), ACL_ERROR_INVALID_PARAM);
    aclDestroyTensorDesc(desc);
    assert_acl(aclDestroyDataBuffer(in));
    assert_acl(aclDestroyDataBuffer(out));
}

static void read_text(const char *path, char *to, size_t size) {
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    to[fread(to, 1, size - 1, file)] = '\0';
    fclose(file);
}

static void operators_as_graphs(void **state) {
    (void)state;
    char folder[] = "/tmp/prusik-graph-XXXXXX", file[64], other[64], as_file[4096], in_folder[4096];
    assert_non_null(mkdtemp(folder));
    snprintf(file, sizeof file, "%s/Concat.txt", folder);
    snprintf(other, sizeof other, "%s/other.graph", folder);
    int64_t axis = 1;
    float x[6] = {0};
    aclTensorDesc *in = aclCreateTensorDesc(ACL_FLOAT, 2, (const int64_t[]){2, 3}, ACL_FORMAT_ND),
                  *out = aclCreateTensorDesc(ACL_FLOAT, 2, (const int64_t[]){2, 6}, ACL_FORMAT_ND),
                  *of_axis = aclCreateTensorDesc(ACL_INT64, 0, NULL, ACL_FORMAT_ND);
    aclDataBuffer *values = aclCreateDataBuffer(x, sizeof x),
                  *at = aclCreateDataBuffer(&axis, sizeof axis);
    const aclTensorDesc *const ins[] = {of_axis, in, in}, *const outs[] = {out};
    const aclDataBuffer *const buffers[] = {at, values, values};
    aclGraphDumpOption *option = aclCreateGraphDumpOpt();
    assert_non_null(option);
    assert_acl(aclGenGraphAndDumpForOp("Concat", 3, ins, buffers, 1, outs, NULL, NULL,
                                       ACL_ENGINE_SYS, folder, option));
    assert_acl(aclGenGraphAndDumpForOp("Concat", 3, ins, buffers, 1, outs, NULL, NULL,
                                       ACL_ENGINE_SYS, other, NULL));
    read_text(file, in_folder, sizeof in_folder);
    read_text(other, as_file, sizeof as_file);
    assert_string_equal(as_file, in_folder);
    assert_non_null(strstr(as_file, "Concat"));
    assert_non_null(strstr(as_file, "axis=1"));

    axis = 7;
    assert_refused(aclGenGraphAndDumpForOp("Concat", 3, ins, buffers, 1, outs, NULL, NULL,
                                           ACL_ENGINE_SYS, other, NULL),
                   ACL_ERROR_INVALID_PARAM);
    assert_refused(aclGenGraphAndDumpForOp("Nothing", 3, ins, buffers, 1, outs, NULL, NULL,
                                           ACL_ENGINE_SYS, other, NULL), ACL_ERROR_OP_NOT_FOUND);
    axis = 1;
    assert_refused(aclGenGraphAndDumpForOp("Concat", 3, ins, buffers, 1, outs, NULL, NULL,
                                           ACL_ENGINE_SYS, "/no/such/folder/x", NULL),
                   ACL_ERROR_WRITE_FILE);
    assert_acl(aclDestroyGraphDumpOpt(option));
    assert_refused(aclGenGraphAndDumpForOp("Concat", 3, ins, buffers, 1, outs, NULL, NULL,
                                           ACL_ENGINE_SYS, other, option),
                   ACL_ERROR_INVALID_PARAM);
    assert_refused(aclDestroyGraphDumpOpt(option), ACL_ERROR_INVALID_PARAM);
    assert_int_equal(remove(file), 0);
    assert_int_equal(remove(other), 0);
    assert_int_equal(remove(folder), 0);
    aclDestroyTensorDesc(in);
    aclDestroyTensorDesc(out);
    aclDestroyTensorDesc(of_axis);
    assert_acl(aclDestroyDataBuffer(values));
    assert_acl(aclDestroyDataBuffer(at));
}

static void products_have_handles(void **state) {
    (void)state;
    const int8_t a[] = {1, -2, 3, 4, 5, -6}, b[] = {7, 8, -9, 100, 11, 12};
    const int32_t alpha = 2, beta = 3;
    int32_t c[] = {1, 2, 3, 4}, wanted[4];
    for (int i = 0; i < 2; i++) /* A is 2 x 3 transposed as it lies, B 3 x 2 */
        for (int j = 0; j < 2; j++) {
            int32_t sum = 0;
            for (int k = 0; k < 3; k++) sum += a[k * 2 + i] * b[k * 2 + j];
            wanted[i * 2 + j] = alpha * sum + beta * c[i * 2 + j];
        }
    const aclDataBuffer *in[] = {
        aclCreateDataBuffer((void *)a, sizeof a), aclCreateDataBuffer((void *)b, sizeof b),
        aclCreateDataBuffer(c, sizeof c), aclCreateDataBuffer((void *)&alpha, sizeof alpha),
        aclCreateDataBuffer((void *)&beta, sizeof beta)};
    int32_t y[4];
    aclDataBuffer *out = aclCreateDataBuffer(y, sizeof y);
    aclopHandle *handle;
    assert_acl(aclblasCreateHandleForS8gemm(ACL_TRANS_T, ACL_TRANS_N, ACL_TRANS_N, 2, 2, 3,
                                            ACL_COMPUTE_HIGH_PRECISION, &handle));
    assert_acl(aclopExecWithHandle(handle, 5, in, 1, &out, NULL));
    assert_acl(aclrtSynchronizeStream(NULL));
    assert_memory_equal(y, wanted, sizeof y);
    aclopDestroyHandle(handle);
    assert_acl(aclblasCreateHandleForHgemv(ACL_TRANS_T, 4, 5, ACL_COMPUTE_HIGH_PRECISION, &handle));
    aclopDestroyHandle(handle);
    assert_acl(aclblasCreateHandleForGemmEx(ACL_TRANS_N, ACL_TRANS_T, ACL_TRANS_N, 4, 5, 6,
                                            ACL_FLOAT16, ACL_FLOAT16, ACL_FLOAT,
                                            ACL_COMPUTE_HIGH_PRECISION, &handle));
    aclopDestroyHandle(handle);
    assert_refused(aclblasCreateHandleForHgemm(ACL_TRANS_N, ACL_TRANS_N, ACL_TRANS_N, 0, 2, 3,
                                               ACL_COMPUTE_HIGH_PRECISION, &handle),
                   ACL_ERROR_INVALID_PARAM);
    assert_refused(aclblasCreateHandleForHgemm(ACL_TRANS_N, ACL_TRANS_N, ACL_TRANS_N, 1, 2, 3,
                                               ACL_COMPUTE_HIGH_PRECISION, NULL),
                   ACL_ERROR_INVALID_PARAM);
    for (int i = 0; i < 5; i++) assert_acl(aclDestroyDataBuffer(in[i]));
    assert_acl(aclDestroyDataBuffer(out));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(picture_memory, start, end),
        cmocka_unit_test_setup_teardown(products_of_halves, start, end),
        cmocka_unit_test_setup_teardown(products_of_bytes, start, end),
        cmocka_unit_test_setup_teardown(products_misused, start, end),
        cmocka_unit_test(calls_that_say_why_not),
        cmocka_unit_test_setup_teardown(products_have_handles, start, end),
        cmocka_unit_test_setup_teardown(operators_are_compiled, start, end),
        cmocka_unit_test_setup_teardown(operators_as_graphs, start, end),
    };
    return cmocka_run_group_tests_name("side", tests, NULL, NULL);
}
