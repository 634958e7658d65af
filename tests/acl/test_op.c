/* SPDX-License-Identifier: Apache-2.0 */
/* Single operators: results beside plain C, stream order, handles, the list of operators that are
 * kept, and misuse. tests/python holds many more operators beside NumPy. */
#include "acl_check.h"

#include <math.h>

#include "acl/acl_op.h"
#include "acl/internal.h"

enum { MAX_TENSORS = 4 };

/* One side of a call: descriptions and buffers. */
struct side {
    int n;
    aclTensorDesc *desc[MAX_TENSORS];
    aclDataBuffer *buffer[MAX_TENSORS];
};

static void add(struct side *s, aclDataType type, aclFormat format, int rank, const int64_t *dims,
                void *data) {
    size_t bytes;
    s->desc[s->n] = aclCreateTensorDesc(type, rank, dims, format);
    assert_non_null(s->desc[s->n]);
    bytes = aclGetTensorDescSize(s->desc[s->n]);
    s->buffer[s->n] = aclCreateDataBuffer(data, bytes ? bytes : 4096);
    assert_non_null(s->buffer[s->n++]);
}

#define ADD(side, type, data, ...)                                                                 \
    add((side), (type), ACL_FORMAT_ND, (int)(sizeof((int64_t[]){__VA_ARGS__}) / sizeof(int64_t)),  \
        (const int64_t[]){__VA_ARGS__}, (data))

static void drop(struct side *s) {
    for (int i = 0; i < s->n; i++) {
        aclDestroyTensorDesc(s->desc[i]);
        assert_acl(aclDestroyDataBuffer(s->buffer[i]));
    }
    s->n = 0;
}

static aclError execute(const char *type, struct side *in, struct side *out, aclopAttr *attr) {
    return aclopExecuteV2(type, in->n, in->desc, in->buffer, out->n, out->desc, out->buffer, attr,
                          NULL);
}

static aclError run(const char *type, struct side *in, struct side *out, aclopAttr *attr) {
    aclError code = execute(type, in, out, attr);
    return code == ACL_SUCCESS ? aclrtSynchronizeStream(NULL) : code;
}

static void operators_compute(void **state) {
    (void)state;
    float a[] = {1, -2, 3, 4, -5, 6}, b[] = {2, 0.5f, -1}, y[6];
    struct side in = {0}, out = {0};
    ADD(&in, ACL_FLOAT, a, 2, 3);
    ADD(&in, ACL_FLOAT, b, 3);
    ADD(&out, ACL_FLOAT, y, 2, 3);
    assert_acl(run("Maximum", &in, &out, NULL));
    for (int i = 0; i < 6; i++) assert_true(y[i] == fmaxf(a[i], b[i % 3]));
    assert_acl(run("RealDiv", &in, &out, NULL));
    for (int i = 0; i < 6; i++) assert_true(fabsf(y[i] - a[i] / b[i % 3]) < 1e-6f);
    drop(&in);
    drop(&out);

    uint16_t half[6];
    ADD(&in, ACL_FLOAT, a, 2, 3);
    ADD(&out, ACL_FLOAT16, half, 2, 3);
    assert_acl(aclopCast(in.desc[0], in.buffer[0], out.desc[0], out.buffer[0], 0, NULL));
    assert_acl(aclrtSynchronizeStream(NULL));
    for (int i = 0; i < 6; i++) assert_int_equal(half[i], aclFloatToFloat16(a[i]));
    drop(&out);

    int32_t axis = 1, best[2];
    ADD(&in, ACL_INT32, &axis, 1);
    ADD(&out, ACL_INT32, best, 2);
    assert_acl(run("ArgMaxV2", &in, &out, NULL));
    assert_int_equal(best[0], 2);
    assert_int_equal(best[1], 2);
    drop(&in);
    drop(&out);
}

/* A convolution as TensorFlow lays it out: NHWC pictures, HWCN filters. */
static void constants_need_no_buffer(void **state) {
    (void)state;
    float x[] = {1, 7, 3, 4, -5, 6};
    int32_t axis = 1, best[2] = {0};
    struct side in = {0}, out = {0};
    ADD(&in, ACL_FLOAT, x, 2, 3);
    ADD(&in, ACL_INT32, &axis, 1);
    ADD(&out, ACL_INT32, best, 2);
    assert_acl(aclDestroyDataBuffer(in.buffer[1]));
    in.buffer[1] = aclCreateDataBuffer(NULL, 0);
    assert_acl_fails(execute("ArgMaxV2", &in, &out, NULL), ACL_ERROR_INVALID_PARAM, "no address");
    assert_acl(aclSetTensorConst(in.desc[1], &axis, sizeof axis));
    assert_acl(run("ArgMaxV2", &in, &out, NULL));
    assert_int_equal(best[0], 1);
    assert_int_equal(best[1], 2);
    drop(&in);
    drop(&out);

    float b[] = {2, 0.5f, -1}, y[6]; /* a constant that is data, not a value of the graph */
    ADD(&in, ACL_FLOAT, x, 2, 3);
    ADD(&in, ACL_FLOAT, b, 3);
    ADD(&out, ACL_FLOAT, y, 2, 3);
    assert_acl(aclSetTensorConst(in.desc[1], b, sizeof b));
    assert_acl(aclDestroyDataBuffer(in.buffer[1]));
    in.buffer[1] = aclCreateDataBuffer(NULL, 0);
    assert_acl(run("Maximum", &in, &out, NULL));
    for (int i = 0; i < 6; i++) assert_true(y[i] == fmaxf(x[i], b[i % 3]));
    drop(&in);
    drop(&out);
}

static void convolutions_know_layouts(void **state) {
    (void)state;
    enum { H = 4, W = 5, C = 2, K = 3, N = 3 };
    float x[H * W * C], w[K * K * C * N], y[H * W * N];
    for (int i = 0; i < H * W * C; i++) x[i] = (float)(i * 7 % 11) - 5;
    for (int i = 0; i < K * K * C * N; i++) w[i] = (float)(i * 5 % 13) - 6;
    struct side in = {0}, out = {0};
    add(&in, ACL_FLOAT, ACL_FORMAT_NHWC, 4, (const int64_t[]){1, H, W, C}, x);
    add(&in, ACL_FLOAT, ACL_FORMAT_HWCN, 4, (const int64_t[]){K, K, C, N}, w);
    add(&out, ACL_FLOAT, ACL_FORMAT_NHWC, 4, (const int64_t[]){1, H, W, N}, y);
    aclopAttr *attr = aclopCreateAttr();
    const int64_t ones[] = {1, 1, 1, 1};
    assert_acl(aclopSetAttrListInt(attr, "strides", 4, ones));
    assert_acl(aclopSetAttrListInt(attr, "pads", 4, ones));
    assert_acl(run("Conv2D", &in, &out, attr));
    for (int h = 0; h < H; h++)
        for (int c = 0; c < W; c++)
            for (int n = 0; n < N; n++) {
                float sum = 0;
                for (int kh = 0; kh < K; kh++)
                    for (int kw = 0; kw < K; kw++) {
                        int row = h + kh - 1, column = c + kw - 1;
                        if (row < 0 || row >= H || column < 0 || column >= W) continue;
                        for (int k = 0; k < C; k++)
                            sum += x[(row * W + column) * C + k] *
                                   w[((kh * K + kw) * C + k) * N + n];
                    }
                assert_true(fabsf(sum - y[(h * W + c) * N + n]) < 1e-3f);
            }
    aclopDestroyAttr(attr);
    drop(&in);
    drop(&out);
}

/* Inputs and axes that the stream itself writes are read when it is the operator's turn. */
static void operators_run_in_stream_order(void **state) {
    (void)state;
    aclrtStream stream;
    assert_acl(aclrtCreateStream(&stream));
    float a[] = {1, 5, 3, 9, 2, 4}, x[6] = {0};
    int32_t axis = 0, axis_to = 7, y[2] = {-1, -1};
    struct side in = {0}, out = {0};
    ADD(&in, ACL_FLOAT, x, 2, 3);
    ADD(&in, ACL_INT32, &axis_to, 1);
    ADD(&out, ACL_INT32, y, -1);
    axis = 1;
    assert_acl(aclrtMemcpyAsync(x, sizeof x, a, sizeof a, ACL_MEMCPY_DEVICE_TO_DEVICE, stream));
    assert_acl(aclrtMemcpyAsync(&axis_to, sizeof axis_to, &axis, sizeof axis,
                                ACL_MEMCPY_DEVICE_TO_DEVICE, stream));
    assert_acl(aclopExecuteV2("ArgMaxV2", in.n, in.desc, in.buffer, out.n, out.desc, out.buffer,
                              NULL, stream));
    assert_acl(aclrtSynchronizeStream(stream));
    assert_int_equal(y[0], 1);
    assert_int_equal(y[1], 0);
    int64_t n;
    assert_acl(aclGetTensorDescDimV2(out.desc[0], 0, &n));
    assert_int_equal(n, 2);
    axis_to = 7; /* wrong, which only its turn tells */
    aclError code = aclopExecuteV2("ArgMaxV2", in.n, in.desc, in.buffer, out.n, out.desc,
                                   out.buffer, NULL, stream);
    assert_int_equal(code, ACL_SUCCESS);
    assert_acl_fails(aclrtSynchronizeStream(stream), ACL_ERROR_INVALID_PARAM, "axis 7");
    assert_acl(aclrtDestroyStream(stream));
    drop(&in);
    drop(&out);
}

static void handles_are_used_again(void **state) {
    (void)state;
    float x[4], y[4];
    struct side in = {0}, out = {0};
    ADD(&in, ACL_FLOAT, x, 4);
    ADD(&out, ACL_FLOAT, y, 4);
    aclopHandle *handle = NULL;
    assert_acl(aclopCreateHandle("Relu6", 1, (const aclTensorDesc *const *)in.desc, 1,
                                 (const aclTensorDesc *const *)out.desc, NULL, &handle));
    const aclDataBuffer *const *inputs = (const aclDataBuffer *const *)in.buffer;
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < 4; i++) x[i] = (float)(4 * i - 3 + round);
        assert_acl(aclopExecWithHandle(handle, 1, inputs, 1, out.buffer, NULL));
        assert_acl(aclrtSynchronizeStream(NULL));
        for (int i = 0; i < 4; i++) assert_true(y[i] == fminf(fmaxf(x[i], 0), 6));
    }
    assert_acl_fails(aclopExecWithHandle(handle, 2, inputs, 1, out.buffer, NULL),
                     ACL_ERROR_INVALID_PARAM, "the handle was made for 1 and 1");
    /* What is queued survives its handle. */
    assert_acl(aclopExecWithHandle(handle, 1, inputs, 1, out.buffer, NULL));
    aclopDestroyHandle(handle);
    assert_acl(aclrtSynchronizeStream(NULL));
    assert_acl_fails(aclopExecWithHandle(handle, 1, inputs, 1, out.buffer, NULL),
                     ACL_ERROR_INVALID_PARAM, "handle was destroyed");
    aclopDestroyHandle(NULL);
    drop(&in);
    drop(&out);
}

static void call_eight(uint64_t most) {
    for (int64_t n = 1; n <= 8; n++) {
        float x[8], y[8];
        for (int i = 0; i < 8; i++) x[i] = (float)(i - n);
        struct side in = {0}, out = {0};
        ADD(&in, ACL_FLOAT, x, n);
        ADD(&out, ACL_FLOAT, y, n);
        for (int k = 0; k < 2; k++) assert_acl(run("Abs", &in, &out, NULL));
        for (int i = 0; i < n; i++) assert_true(y[i] == fabsf(x[i]));
        assert_int_equal(runtime.n_op_models, (uint64_t)n < most ? (uint64_t)n : most);
        drop(&in);
        drop(&out);
    }
}

static void few_operators_are_kept(void **state) {
    assert_acl(aclopSetMaxOpQueueNum(3));
    call_eight(3);
    assert_acl_fails(aclopSetMaxOpQueueNum(0), ACL_ERROR_INVALID_PARAM, "maxOpNum is 0");
    end(state);

    char path[] = "/tmp/prusik-acl-XXXXXX";
    static const char text[] = "{\"max_opqueue_num\": \"2\"}";
    int fd = mkstemp(path);
    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    close(fd);
    assert_acl(aclInit(path));
    unlink(path);
    assert_acl(aclrtSetDevice(0));
    call_eight(2);
    end(state);
    start(state);
    call_eight(20000); /* the setting ended with aclFinalize */
}

static void shapes_are_inferred(void **state) {
    (void)state;
    float x[24] = {0};
    int32_t perm[] = {2, 0, 1};
    struct side in = {0}, out = {0};
    ADD(&in, ACL_FLOAT, x, 2, 3, 4);
    ADD(&in, ACL_INT32, perm, 3);
    ADD(&out, ACL_DT_UNDEFINED, x, -1);
    assert_acl(aclopInferShape("Transpose", 2, in.desc, in.buffer, 1, out.desc, NULL));
    const int64_t want[] = {4, 2, 3};
    assert_int_equal(aclGetTensorDescNumDims(out.desc[0]), 3);
    assert_int_equal(aclGetTensorDescType(out.desc[0]), ACL_FLOAT);
    for (size_t i = 0; i < 3; i++) {
        int64_t n;
        assert_acl(aclGetTensorDescDimV2(out.desc[0], i, &n));
        assert_int_equal(n, want[i]);
    }
    assert_acl_fails(aclopInferShape("Transpose", 2, in.desc, NULL, 1, out.desc, NULL),
                     ACL_ERROR_INVALID_PARAM, "inputs is NULL");
    drop(&in);
    drop(&out);
}

/* A range belongs to the shape it was set for, not to the one that is told later. */
static void told_shapes_end_ranges(void **state) {
    (void)state;
    float x[6] = {1};
    int64_t range[1][2] = {{3, 5}}, got[2];
    struct side in = {0}, out = {0};
    ADD(&in, ACL_FLOAT, x, 2, 3);
    ADD(&out, ACL_INT64, x, -1);
    assert_acl(aclSetTensorShapeRange(out.desc[0], 1, range));
    assert_acl(aclopInferShape("NonZero", 1, in.desc, in.buffer, 1, out.desc, NULL));
    assert_int_equal(aclGetTensorDescNumDims(out.desc[0]), 2);
    for (size_t i = 0; i < 2; i++) {
        int64_t dim = aclGetTensorDescDim(out.desc[0], i);
        assert_int_equal(dim, i ? -1 : 2);
        assert_acl(aclGetTensorDescDimRange(out.desc[0], i, 2, got));
        assert_true(got[0] == dim && got[1] == dim);
    }
    drop(&in);
    drop(&out);
}

static void empty_outputs_need_no_memory(void **state) {
    (void)state;
    float x[1] = {0};
    struct side in = {0}, out = {0};
    ADD(&in, ACL_FLOAT, x, 0, 3);
    ADD(&out, ACL_FLOAT, NULL, 0, 3);
    for (int i = 0; i < 2; i++) {
        assert_acl(run("Neg", &in, &out, NULL));
        assert_acl(aclUpdateDataBuffer(out.buffer[0], NULL, 0));
    }
    drop(&in);
    drop(&out);
}

static void memory_may_run_out(void **state) {
    (void)state;
    float x[2] = {-1, 2}, y[2] = {0};
    struct side in = {0}, out = {0};
    ADD(&in, ACL_FLOAT, x, 2);
    ADD(&out, ACL_FLOAT, y, 2);
    aclError code = ACL_ERROR_FAILURE;
    for (uint64_t n = 0; code != ACL_SUCCESS; n++) {
        assert_true(n < 1000);
        mem_fail_after(n, false);
        code = run("Neg", &in, &out, NULL);
        mem_fail_after(0, false);
        if (code != ACL_SUCCESS) assert_true(aclGetRecentErrMsg()[0]);
    }
    assert_true(y[0] == 1 && y[1] == -2);
    drop(&in);
    drop(&out);
}

static void misuse_is_refused(void **state) {
    (void)state;
    float x[6] = {0}, y[6];
    struct side in = {0}, out = {0};
    ADD(&in, ACL_FLOAT, x, 2, 3);
    ADD(&out, ACL_FLOAT, y, 2, 3);
    assert_acl_fails(execute("Nonsense", &in, &out, NULL), ACL_ERROR_OP_NOT_FOUND, "'Nonsense'");
    assert_acl_fails(execute(NULL, &in, &out, NULL), ACL_ERROR_INVALID_PARAM, "opType");
    assert_acl_fails(execute("Add", &in, &out, NULL), ACL_ERROR_INVALID_PARAM, "1 inputs");
    aclopAttr *attr = aclopCreateAttr();
    assert_acl(aclopSetAttrInt(attr, "axiss", 1));
    assert_acl_fails(execute("Softmax", &in, &out, attr), ACL_ERROR_INVALID_PARAM, "'axiss'");
    aclopDestroyAttr(attr);
    assert_acl_fails(execute("Softmax", &in, &out, attr), ACL_ERROR_INVALID_PARAM,
                     "attr was destroyed");
    assert_acl(aclUpdateDataBuffer(out.buffer[0], y, 23));
    assert_acl_fails(execute("Abs", &in, &out, NULL), ACL_ERROR_INVALID_PARAM, "needs 24 bytes");
    assert_acl(aclUpdateDataBuffer(out.buffer[0], NULL, 24));
    assert_acl_fails(execute("Abs", &in, &out, NULL), ACL_ERROR_INVALID_PARAM, "output 0");
    drop(&out);
    ADD(&out, ACL_FLOAT, y, 5);
    assert_acl_fails(execute("Abs", &in, &out, NULL), ACL_ERROR_INVALID_PARAM, "[5]");
    drop(&out);
    ADD(&out, ACL_INT32, y, 2, 3);
    assert_acl_fails(execute("Abs", &in, &out, NULL), ACL_ERROR_INVALID_PARAM, "i32");
    assert_acl_fails(aclopCast(in.desc[0], in.buffer[0], out.desc[0], out.buffer[0], 2, NULL),
                     ACL_ERROR_INVALID_PARAM, "truncate");
    drop(&in);
    ADD(&in, ACL_FLOAT, x, -1, 3);
    assert_acl_fails(execute("Abs", &in, &out, NULL), ACL_ERROR_INVALID_PARAM, "not known");
    drop(&in);
    drop(&out);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(operators_compute, start, end),
        cmocka_unit_test_setup_teardown(constants_need_no_buffer, start, end),
        cmocka_unit_test_setup_teardown(convolutions_know_layouts, start, end),
        cmocka_unit_test_setup_teardown(operators_run_in_stream_order, start, end),
        cmocka_unit_test_setup_teardown(handles_are_used_again, start, end),
        cmocka_unit_test_setup_teardown(few_operators_are_kept, start, end),
        cmocka_unit_test_setup_teardown(shapes_are_inferred, start, end),
        cmocka_unit_test_setup_teardown(told_shapes_end_ranges, start, end),
        cmocka_unit_test_setup_teardown(empty_outputs_need_no_memory, start, end),
        cmocka_unit_test_setup_teardown(memory_may_run_out, start, end),
        cmocka_unit_test_setup_teardown(misuse_is_refused, start, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
