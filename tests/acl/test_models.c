/* SPDX-License-Identifier: Apache-2.0 */
/* Loading, describing and running models, at once and on streams, and what programs do wrong. */
#include "acl_check.h"

static const float x_values[6] = {1, 2, 3, -4, 5, -6};
static const float y_values[6] = {2, 0, 6, 0, 3, 0};
static const float z_values[6] = {10, 20, 30, -40, 50, -60};

struct small {
    uint32_t id;
    float x[6], y[6], z[6];
    aclmdlDataset *in, *out;
};

static void small_begin(struct small *s) {
    s->id = load_text(small_net);
    memcpy(s->x, x_values, sizeof s->x);
    memset(s->y, 0, sizeof s->y);
    memset(s->z, 0, sizeof s->z);
    s->in = dataset_of(1, (void *[]){s->x}, (size_t[]){sizeof s->x});
    s->out = dataset_of(2, (void *[]){s->y, s->z}, (size_t[]){sizeof s->y, sizeof s->z});
}

static void small_end(struct small *s) {
    dataset_end(s->in);
    dataset_end(s->out);
    assert_acl(aclmdlUnload(s->id));
}

static void describing(void **state) {
    (void)state;
    uint32_t id = load_text(small_net);
    assert_true(id >= 1);
    aclmdlDesc *d = aclmdlCreateDesc();
    assert_int_equal(aclmdlGetNumInputs(d), 0); /* still empty */
    assert_acl(aclmdlGetDesc(d, id));
    assert_acl(aclmdlUnload(id)); /* a description outlives its model */
    assert_int_equal(aclmdlGetNumInputs(d), 1);
    assert_int_equal(aclmdlGetNumOutputs(d), 2);
    assert_int_equal(aclmdlGetInputSizeByIndex(d, 0), 24);
    assert_int_equal(aclmdlGetOutputSizeByIndex(d, 1), 24);
    assert_int_equal(aclmdlGetOutputSizeByIndex(d, 2), 0);
    assert_non_null(strstr(aclGetRecentErrMsg(), "has 2 outputs"));
    assert_string_equal(aclmdlGetInputNameByIndex(d, 0), "x");
    assert_string_equal(aclmdlGetOutputNameByIndex(d, 1), "z");
    assert_string_equal(aclmdlGetOutputNameByIndex(d, 9), "");
    assert_int_equal(aclmdlGetInputDataType(d, 0), ACL_FLOAT);
    assert_int_equal(aclmdlGetOutputDataType(d, 7), ACL_DT_UNDEFINED);
    assert_int_equal(aclmdlGetInputFormat(d, 0), ACL_FORMAT_ND);
    assert_int_equal(aclmdlGetOutputFormat(d, 7), ACL_FORMAT_UNDEFINED);
    aclmdlIODims dims;
    assert_acl(aclmdlGetInputDims(d, 0, &dims));
    assert_string_equal(dims.name, "x");
    assert_int_equal(dims.dimCount, 2);
    assert_int_equal(dims.dims[1], 3);
    assert_acl(aclmdlGetInputDimsV2(d, 0, &dims));
    assert_acl(aclmdlGetCurOutputDims(d, 1, &dims));
    assert_string_equal(dims.name, "z");
    assert_acl_fails(aclmdlGetOutputDims(d, 2, &dims), ACL_ERROR_INVALID_PARAM, "2 outputs");
    size_t index = 77;
    assert_acl(aclmdlGetOutputIndexByName(d, "z", &index));
    assert_int_equal(index, 1);
    assert_acl_fails(aclmdlGetInputIndexByName(d, ACL_DYNAMIC_TENSOR_NAME, &index),
                     ACL_ERROR_INVALID_PARAM, "no gears");
    assert_acl_fails(aclmdlGetInputIndexByName(d, "nobody", &index), ACL_ERROR_INVALID_PARAM,
                     "nobody");
    assert_int_equal(index, 1);
    assert_string_equal(aclmdlGetTensorRealName(d, "y"), "y");
    assert_null(aclmdlGetTensorRealName(d, "q"));
    aclmdlBatch batch = {.batchCount = 9};
    aclmdlHW hw = {.hwCount = 9};
    size_t gears = 9;
    assert_acl(aclmdlGetDynamicBatch(d, &batch));
    assert_int_equal(batch.batchCount, 0);
    assert_acl(aclmdlGetDynamicHW(d, (size_t)-1, &hw));
    assert_int_equal(hw.hwCount, 0);
    assert_acl(aclmdlGetInputDynamicGearCount(d, (size_t)-1, &gears));
    assert_int_equal(gears, 0);
    assert_acl(aclmdlGetInputDynamicDims(d, (size_t)-1, &dims, 0));
    assert_acl(aclmdlDestroyDesc(d));
    assert_acl_fails(aclmdlDestroyDesc(d), ACL_ERROR_INVALID_PARAM, "destroyed");
    assert_int_equal(aclmdlGetNumInputs(d), 0);
    assert_int_equal(aclmdlGetNumInputs(NULL), 0);
    assert_acl_fails(aclmdlGetDesc(d, id), ACL_ERROR_GE_EXEC_MODEL_ID_INVALID, "unloaded");
}

/* A name longer than the field of aclmdlIODims. */
static void long_names(void **state) {
    (void)state;
    char name[200], text[700], expected[128];
    memset(name, 'n', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    snprintf(text, sizeof text,
             "graph \"g\" {\n  input %s f32[2]\n  y f32[2] = Relu(%s)\n  output y\n}\n",
             name, name);
    uint32_t id = load_text(text);
    aclmdlDesc *d = aclmdlCreateDesc();
    assert_acl(aclmdlGetDesc(d, id));
    aclmdlIODims dims;
    assert_acl(aclmdlGetInputDims(d, 0, &dims));
    snprintf(expected, sizeof expected, "acl_modelId_%u_input_0", id);
    assert_string_equal(dims.name, expected);
    assert_string_equal(aclmdlGetTensorRealName(d, dims.name), name);
    assert_string_equal(aclmdlGetInputNameByIndex(d, 0), name);
    size_t index = 5;
    assert_acl(aclmdlGetInputIndexByName(d, dims.name, &index));
    assert_int_equal(index, 0);
    assert_acl(aclmdlGetInputIndexByName(d, name, &index));
    assert_acl(aclmdlDestroyDesc(d));
    assert_acl(aclmdlUnload(id));
}

static void what_has_no_gears_or_preprocessing(void **state) {
    (void)state;
    struct small s;
    small_begin(&s);
    assert_acl_fails(aclmdlSetDynamicBatchSize(s.id, s.in, 0, 2), ACL_ERROR_MODEL_NOT_DYNAMIC,
                     "gears");
    assert_acl_fails(aclmdlSetDynamicHWSize(s.id, s.in, 0, 2, 2), ACL_ERROR_MODEL_NOT_DYNAMIC, "");
    assert_acl_fails(aclmdlSetDynamicBatchSize(99, s.in, 0, 2), ACL_ERROR_GE_EXEC_MODEL_ID_INVALID,
                     "99");
    aclmdlInputAippType type;
    size_t attached;
    assert_acl(aclmdlGetAippType(s.id, 0, &type, &attached));
    assert_int_equal(type, ACL_DATA_WITHOUT_AIPP);
    assert_int_equal(attached, ACL_INVALID_NODE_INDEX);
    aclAippInfo *info = malloc(sizeof *info);
    assert_acl_fails(aclmdlGetFirstAippInfo(s.id, 0, info), ACL_ERROR_NOT_STATIC_AIPP, "input 0");
    free(info);
    small_end(&s);
}

static void running(void **state) {
    (void)state;
    struct small s;
    small_begin(&s);
    assert_acl(aclmdlExecute(s.id, s.in, s.out));
    assert_memory_equal(s.y, y_values, sizeof s.y);
    assert_memory_equal(s.z, z_values, sizeof s.z);
    /* Larger buffers are fine, and only the real bytes are written. */
    float big[10];
    for (int i = 0; i < 10; i++) big[i] = 77;
    assert_acl(aclUpdateDataBuffer(aclmdlGetDatasetBuffer(s.out, 1), big, sizeof big));
    assert_acl(aclmdlExecute(s.id, s.in, s.out));
    assert_memory_equal(big, z_values, sizeof s.z);
    for (int i = 6; i < 10; i++) assert_true(big[i] == 77);
    /* Smaller ones are not, and nothing is written. */
    big[0] = 77;
    assert_acl(aclUpdateDataBuffer(aclmdlGetDatasetBuffer(s.out, 1), big, 23));
    assert_acl_fails(aclmdlExecute(s.id, s.in, s.out), ACL_ERROR_GE_PARAM_INVALID,
                     "output 1 ('z') needs 24 bytes; its buffer has 23");
    assert_true(big[0] == 77);
    assert_acl(aclUpdateDataBuffer(aclmdlGetDatasetBuffer(s.out, 1), big, 24));
    assert_acl(aclUpdateDataBuffer(aclmdlGetDatasetBuffer(s.in, 0), s.x, 20));
    assert_acl_fails(aclmdlExecute(s.id, s.in, s.out), ACL_ERROR_GE_PARAM_INVALID,
                     "input 0 ('x') needs 24 bytes; its buffer has 20");
    assert_acl(aclUpdateDataBuffer(aclmdlGetDatasetBuffer(s.in, 0), NULL, 24));
    assert_acl_fails(aclmdlExecute(s.id, s.in, s.out), ACL_ERROR_GE_PARAM_INVALID, "no memory");
    assert_acl(aclUpdateDataBuffer(aclmdlGetDatasetBuffer(s.in, 0), s.x, 24));
    assert_acl(aclmdlExecute(s.id, s.in, s.out));
    small_end(&s);
}

/* A data buffer may claim more than the block of memory it points into has. */
static void buffers_that_claim_too_much(void **state) {
    (void)state;
    struct small s;
    void *block;
    small_begin(&s);
    assert_acl(aclrtMallocHost(&block, 8));
    assert_acl(aclUpdateDataBuffer(aclmdlGetDatasetBuffer(s.out, 0), block, 4096));
    assert_acl_fails(aclmdlExecute(s.id, s.in, s.out), ACL_ERROR_INVALID_PARAM, "past the end");
    assert_acl(aclrtFreeHost(block));
    small_end(&s);
}

static void *run_without_context(void *argument) {
    struct small *s = argument;
    assert_acl_fails(aclmdlExecute(s->id, s->in, s->out), ACL_ERROR_RT_CONTEXT_NULL, "this thread");
    return NULL;
}

static void running_misused(void **state) {
    (void)state;
    struct small s;
    small_begin(&s);
    assert_acl_fails(aclmdlExecute(s.id + 50, s.in, s.out), ACL_ERROR_GE_EXEC_MODEL_ID_INVALID, "");
    assert_acl_fails(aclmdlExecute(s.id, NULL, s.out), ACL_ERROR_INVALID_PARAM, "input is NULL");
    assert_acl_fails(aclmdlExecute(s.id, s.in, NULL), ACL_ERROR_INVALID_PARAM, "output is NULL");
    assert_acl_fails(aclmdlExecute(s.id, s.out, s.in), ACL_ERROR_GE_PARAM_INVALID,
                     "has 2 buffers; model 'small' has 1 inputs");
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, run_without_context, &s), 0);
    pthread_join(thread, NULL);
    aclDataBuffer *b = aclmdlGetDatasetBuffer(s.in, 0);
    assert_acl(aclDestroyDataBuffer(b));
    assert_acl_fails(aclmdlExecute(s.id, s.in, s.out), ACL_ERROR_GE_PARAM_INVALID,
                     "input 0: its data buffer was destroyed");
    assert_acl(aclmdlDestroyDataset(s.in));
    assert_acl_fails(aclmdlExecute(s.id, s.in, s.out), ACL_ERROR_INVALID_PARAM, "destroyed");
    s.in = dataset_of(1, (void *[]){s.x}, (size_t[]){sizeof s.x});
    assert_acl(aclmdlUnload(s.id));
    assert_acl_fails(aclmdlUnload(s.id), ACL_ERROR_GE_EXEC_MODEL_ID_INVALID, "unloaded");
    assert_acl_fails(aclmdlExecute(s.id, s.in, s.out), ACL_ERROR_GE_EXEC_MODEL_ID_INVALID, "");
    dataset_end(s.in);
    dataset_end(s.out);
}

/* ---- loading ---- */

static void loading_misused(void **state) {
    (void)state;
    uint32_t id = 12345;
    size_t work, weights, bytes;
    assert_acl_fails(aclmdlLoadFromFile(NULL, &id), ACL_ERROR_INVALID_PARAM, "modelPath");
    assert_acl_fails(aclmdlLoadFromFile("x", NULL), ACL_ERROR_INVALID_PARAM, "modelId");
    assert_acl_fails(aclmdlLoadFromFile("", &id), ACL_ERROR_GE_EXEC_MODEL_PATH_INVALID, "empty");
    assert_acl_fails(aclmdlLoadFromFile("/nowhere/net.om", &id),
                     ACL_ERROR_GE_EXEC_MODEL_PATH_INVALID, "/nowhere/net.om");
    assert_acl_fails(aclmdlLoadFromFile("/tmp", &id), ACL_ERROR_GE_EXEC_MODEL_PATH_INVALID, "/tmp");
    assert_acl_fails(aclmdlLoadFromMem(NULL, 8, &id), ACL_ERROR_INVALID_PARAM, "model");
    assert_acl_fails(aclmdlLoadFromMem("12345678", 8, &id),
                     ACL_ERROR_GE_EXEC_MODEL_DATA_SIZE_INVALID, "");
    assert_acl_fails(aclmdlQuerySize("/nowhere/net.om", &work, &weights),
                     ACL_ERROR_GE_EXEC_MODEL_PATH_INVALID, "/nowhere/net.om");
    char *om = om_of(small_net, &bytes);
    for (size_t cut = 0; cut < bytes; cut += 97) { /* no prefix of a model is a model */
        char *part = malloc(cut + 1);
        memcpy(part, om, cut);
        assert_int_not_equal(aclmdlLoadFromMem(part, cut, &id), ACL_SUCCESS);
        assert_true(strlen(aclGetRecentErrMsg()) > 20);
        free(part);
    }
    assert_int_equal(id, 12345);
    mem_free(om);
}

static void ways_to_load(void **state) {
    (void)state;
    size_t bytes, work = 0, weights = 0;
    void *om = om_of(small_net, &bytes), *work_memory, *weight_memory;
    char path[] = "/tmp/prusik-acl-XXXXXX";
    const char *path_pointer = path;
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, om, bytes), (ssize_t)bytes);
    close(fd);
    uint32_t a, b, c, d, e;
    assert_acl(aclmdlQuerySize(path, &work, &weights));
    assert_true(work >= 1 && weights >= 16);
    assert_acl(aclmdlQuerySizeFromMem(om, bytes, &work, &weights));
    assert_acl(aclrtMalloc(&work_memory, work, ACL_MEM_MALLOC_HUGE_FIRST));
    assert_acl(aclrtMalloc(&weight_memory, weights, ACL_MEM_MALLOC_HUGE_FIRST));
    assert_acl(aclmdlLoadFromFile(path, &a));
    assert_acl(aclmdlLoadFromFileWithMem(path, &b, work_memory, work, weight_memory, weights));
    assert_acl(aclmdlLoadFromMemWithMem(om, bytes, &c, NULL, 0, NULL, 0));
    assert_acl_fails(aclmdlLoadFromFileWithMem(path, &d, work_memory, work, weight_memory,
                                               weights - 1),
                     ACL_ERROR_GE_PARAM_INVALID, "weightSize");
    assert_acl_fails(aclmdlLoadFromFileWithMem(path, &d, work_memory, work - 1, NULL, 0),
                     ACL_ERROR_GE_PARAM_INVALID, "workSize");
    aclmdlConfigHandle *config = aclmdlCreateConfigHandle();
    assert_acl_fails(aclmdlLoadWithConfig(config, &d), ACL_ERROR_INVALID_PARAM, "LOAD_TYPE");
    size_t type = ACL_MDL_LOAD_FROM_FILE;
    int32_t priority = 1;
    assert_acl(aclmdlSetConfigOpt(config, ACL_MDL_LOAD_TYPE_SIZET, &type, sizeof type));
    assert_acl(aclmdlSetConfigOpt(config, ACL_MDL_PRIORITY_INT32, &priority, sizeof priority));
    assert_acl_fails(aclmdlLoadWithConfig(config, &d), ACL_ERROR_INVALID_PARAM, "PATH");
    assert_acl(aclmdlSetConfigOpt(config, ACL_MDL_PATH_PTR, &path_pointer, sizeof path_pointer));
    assert_acl(aclmdlLoadWithConfig(config, &d));
    type = ACL_MDL_LOAD_FROM_MEM;
    assert_acl(aclmdlSetConfigOpt(config, ACL_MDL_LOAD_TYPE_SIZET, &type, sizeof type));
    assert_acl(aclmdlSetConfigOpt(config, ACL_MDL_MEM_ADDR_PTR, &om, sizeof om));
    assert_acl(aclmdlSetConfigOpt(config, ACL_MDL_MEM_SIZET, &bytes, sizeof bytes));
    assert_acl(aclmdlLoadWithConfig(config, &e));
    type = ACL_MDL_LOAD_FROM_MEM_WITH_Q;
    assert_acl(aclmdlSetConfigOpt(config, ACL_MDL_LOAD_TYPE_SIZET, &type, sizeof type));
    assert_acl_fails(aclmdlLoadWithConfig(config, &e), ACL_ERROR_INVALID_PARAM, "queue");
    assert_acl_fails(aclmdlSetConfigOpt(config, ACL_MDL_MEM_SIZET, &bytes, 4),
                     ACL_ERROR_INVALID_PARAM, "valueSize");
    assert_acl(aclmdlDestroyConfigHandle(config));
    aclmdlDesc *desc = aclmdlCreateDesc();
    assert_acl(aclmdlGetDescFromFile(desc, path));
    assert_int_equal(aclmdlGetNumOutputs(desc), 2);
    assert_acl(aclmdlGetDescFromMem(desc, om, bytes));
    assert_acl(aclmdlDestroyDesc(desc));
    unlink(path);
    mem_free(om);
    const uint32_t ids[] = {a, b, c, d, e};
    for (int i = 0; i < 5; i++) {
        struct small s;
        small_begin(&s);
        assert_acl(aclmdlExecute(ids[i], s.in, s.out));
        assert_memory_equal(s.y, y_values, sizeof s.y);
        assert_acl(aclmdlUnload(ids[i]));
        small_end(&s);
    }
    assert_acl(aclrtFree(work_memory));
    assert_acl(aclrtFree(weight_memory));
}

/* ---- on streams ---- */

static void running_on_a_stream(void **state) {
    (void)state;
    struct small s;
    aclrtStream stream;
    small_begin(&s);
    assert_acl(aclrtCreateStream(&stream));
    for (int i = 0; i < 20; i++) {
        memset(s.y, 0, sizeof s.y);
        assert_acl(aclmdlExecuteAsync(s.id, s.in, s.out, stream));
        assert_acl(aclrtSynchronizeStream(stream));
        assert_memory_equal(s.y, y_values, sizeof s.y);
    }
    assert_acl(aclmdlExecuteAsync(s.id, s.in, s.out, NULL));
    assert_acl(aclrtSynchronizeStream(NULL));
    assert_acl(aclmdlExecuteV2(s.id, s.in, s.out, stream, NULL));
    aclmdlExecConfigHandle *config = aclmdlCreateExecConfigHandle();
    int32_t timeout = 10000;
    size_t other = 1;
    assert_acl(aclmdlSetExecConfigOpt(config, ACL_MDL_STREAM_SYNC_TIMEOUT, &timeout, 4));
    assert_acl(aclmdlSetExecConfigOpt(config, ACL_MDL_MPAIMID_SIZET, &other, sizeof other));
    assert_acl_fails(aclmdlSetExecConfigOpt(config, ACL_MDL_STREAM_SYNC_TIMEOUT, &other, 8),
                     ACL_ERROR_INVALID_PARAM, "valueSize");
    memset(s.y, 0, sizeof s.y);
    assert_acl(aclmdlExecuteV2(s.id, s.in, s.out, stream, config));
    assert_memory_equal(s.y, y_values, sizeof s.y);
    assert_acl(aclmdlExecuteAsyncV2(s.id, s.in, s.out, stream, config));
    assert_acl(aclrtSynchronizeStream(stream));
    assert_acl(aclmdlDestroyExecConfigHandle(config));
    assert_acl_fails(aclmdlExecuteAsync(s.id, s.out, s.in, stream), ACL_ERROR_GE_PARAM_INVALID,
                     "buffers");
    assert_acl_fails(aclmdlExecuteAsync(s.id, s.in, s.out, s.in), ACL_ERROR_RT_INVALID_HANDLE,
                     "aclmdlDataset");
    /* What a queued run needs may be destroyed; the run still ends well. */
    aclrtEvent gate;
    assert_acl(aclrtCreateEvent(&gate));
    assert_acl(aclrtStreamWaitEvent(stream, gate));
    memset(s.y, 0, sizeof s.y);
    assert_acl(aclmdlExecuteAsync(s.id, s.in, s.out, stream));
    small_end(&s);
    assert_acl(aclrtRecordEvent(gate, NULL));
    assert_acl(aclrtSynchronizeStream(stream));
    assert_memory_equal(s.y, y_values, sizeof s.y);
    assert_acl(aclrtDestroyEvent(gate));
    assert_acl(aclrtDestroyStream(stream));
}

struct runner {
    pthread_t thread;
    aclrtContext context;
    uint32_t id;
    int seed;
};

static void *run_many(void *argument) {
    struct runner *r = argument;
    float x[6], y[6], z[6];
    if (aclrtSetCurrentContext(r->context)) return (void *)1;
    aclmdlDataset *in = dataset_of(1, (void *[]){x}, (size_t[]){sizeof x});
    aclmdlDataset *out = dataset_of(2, (void *[]){y, z}, (size_t[]){sizeof y, sizeof z});
    for (int i = 0; i < 100; i++) {
        for (int k = 0; k < 6; k++) x[k] = (float)(r->seed * 1000 + i * 6 + k);
        if (aclmdlExecute(r->id, in, out)) return (void *)2;
        for (int k = 0; k < 6; k++)
            if (z[k] != 10 * x[k]) return (void *)3;
    }
    dataset_end(in);
    dataset_end(out);
    return NULL;
}

static void threads_share_a_model(void **state) {
    (void)state;
    struct runner r[4];
    aclrtContext context;
    uint32_t id = load_text(small_net);
    assert_acl(aclrtGetCurrentContext(&context));
    for (int i = 0; i < 4; i++) {
        r[i] = (struct runner){.context = context, .id = id, .seed = i};
        assert_int_equal(pthread_create(&r[i].thread, NULL, run_many, &r[i]), 0);
    }
    for (int i = 0; i < 4; i++) {
        void *result;
        pthread_join(r[i].thread, &result);
        assert_ptr_equal(result, NULL);
    }
    assert_acl(aclmdlUnload(id));
}

/* ---- shapes only the run knows ---- */

static const char open_net[] = "graph \"open\" {\n"
                               "  input x f32[?,2]\n"
                               "  y f32[?,2] = Relu(x)\n"
                               "  output y\n"
                               "}\n";

static void open_shapes(void **state) {
    (void)state;
    float x[8] = {1, -2, 3, -4, 5, -6, 7, -8}, y[8];
    uint32_t id = load_text(open_net);
    aclmdlDesc *d = aclmdlCreateDesc();
    aclmdlIODims dims;
    assert_acl(aclmdlGetDesc(d, id));
    assert_int_equal(aclmdlGetInputSizeByIndex(d, 0), 0);
    assert_acl(aclmdlGetInputDims(d, 0, &dims));
    assert_int_equal(dims.dims[0], -1);
    aclmdlDataset *in = dataset_of(1, (void *[]){x}, (size_t[]){sizeof x});
    aclmdlDataset *out = dataset_of(1, (void *[]){y}, (size_t[]){sizeof y});
    assert_acl_fails(aclmdlExecute(id, in, out), ACL_ERROR_GE_PARAM_INVALID,
                     "aclmdlSetDatasetTensorDesc");
    for (int64_t n = 1; n <= 4; n++) {
        aclTensorDesc *t =
            aclCreateTensorDesc(ACL_FLOAT, 2, (int64_t[]){n, 2}, ACL_FORMAT_ND);
        assert_acl(aclmdlSetDatasetTensorDesc(in, t, 0));
        aclDestroyTensorDesc(t); /* it was copied */
        memset(y, 0, sizeof y);
        assert_acl(aclmdlExecute(id, in, out));
        for (int i = 0; i < 8; i++)
            assert_true(y[i] == (i < n * 2 && x[i] > 0 ? x[i] : 0));
        aclTensorDesc *told = aclmdlGetDatasetTensorDesc(out, 0);
        assert_int_equal(aclGetTensorDescDim(told, 0), n);
        assert_int_equal(aclGetTensorDescSize(told), (size_t)n * 8);
    }
    assert_acl(aclUpdateDataBuffer(aclmdlGetDatasetBuffer(out, 0), y, 31));
    assert_acl_fails(aclmdlExecute(id, in, out), ACL_ERROR_GE_PARAM_INVALID, "needs 32 bytes");
    /* An output without memory gets some. */
    assert_acl(aclUpdateDataBuffer(aclmdlGetDatasetBuffer(out, 0), NULL, 0));
    assert_acl(aclmdlExecute(id, in, out));
    aclDataBuffer *b = aclmdlGetDatasetBuffer(out, 0);
    assert_int_equal(aclGetDataBufferSizeV2(b), 32);
    assert_true(((float *)aclGetDataBufferAddr(b))[6] == 7);
    assert_acl(aclrtFree(aclGetDataBufferAddr(b)));
    /* Shapes that do not fit. */
    assert_acl(aclUpdateDataBuffer(b, y, sizeof y));
    aclTensorDesc *t = aclCreateTensorDesc(ACL_FLOAT, 2, (int64_t[]){1, 3}, ACL_FORMAT_ND);
    assert_acl(aclmdlSetDatasetTensorDesc(in, t, 0));
    assert_acl_fails(aclmdlSetDatasetTensorDesc(in, t, 1), ACL_ERROR_INVALID_PARAM, "1 buffers");
    aclDestroyTensorDesc(t);
    assert_acl_fails(aclmdlExecute(id, in, out), ACL_ERROR_GE_PARAM_INVALID, "[1,3]");
    t = aclCreateTensorDesc(ACL_FLOAT, 2, (int64_t[]){100, 2}, ACL_FORMAT_ND);
    assert_acl(aclmdlSetDatasetTensorDesc(in, t, 0));
    aclDestroyTensorDesc(t);
    assert_acl_fails(aclmdlExecute(id, in, out), ACL_ERROR_GE_PARAM_INVALID, "needs 800 bytes");
    assert_null(aclmdlGetDatasetTensorDesc(out, 4));
    dataset_end(in);
    dataset_end(out);
    assert_acl(aclmdlDestroyDesc(d));
    assert_acl(aclmdlUnload(id));
}

/* ---- gears ---- */

static const char gear_net[] = "graph \"geared\" {\n"
                               "  meta \"prusik.dynamic\" = \"batch 1;4;2\"\n"
                               "  input x f32[?,2]\n"
                               "  y = Relu(x)\n"
                               "  output y\n"
                               "}\n";

static void gears(void **state) {
    (void)state;
    float x[8] = {1, -2, 3, -4, 5, -6, 7, -8}, y[8];
    int32_t chosen = -7;
    uint32_t id = load_text(gear_net);
    aclmdlDesc *d = aclmdlCreateDesc();
    aclmdlIODims dims;
    aclmdlIODimsRange range;
    assert_acl(aclmdlGetDesc(d, id));
    assert_int_equal(aclmdlGetNumInputs(d), 2);
    assert_int_equal(aclmdlGetInputSizeByIndex(d, 0), 32);
    assert_int_equal(aclmdlGetInputDataType(d, 1), ACL_INT32);
    assert_acl(aclmdlGetOutputDims(d, 0, &dims));
    assert_int_equal(dims.dims[0], 4);
    assert_acl(aclmdlGetInputDimsRange(d, 0, &range));
    assert_int_equal(range.rangeCount, 2);
    assert_true(range.range[0][0] == 1 && range.range[0][1] == 4);
    assert_true(range.range[1][0] == 2 && range.range[1][1] == 2);
    aclmdlDataset *in = dataset_of(2, (void *[]){x, &chosen}, (size_t[]){sizeof x, sizeof chosen});
    aclmdlDataset *out = dataset_of(1, (void *[]){y}, (size_t[]){sizeof y});
    assert_acl_fails(aclmdlExecute(id, in, out), ACL_ERROR_GE_DYNAMIC_BATCH_SIZE_INVALID,
                     "batch -7 is none of the 3 gears");
    uint64_t before = 0;
    for (int i = 0; i < 9; i++) {
        int64_t n = (int64_t[]){1, 2, 4}[i % 3];
        if (i == 3) before = mem_total_allocations(); /* every gear has run */
        memset(y, 0, sizeof y);
        assert_acl(aclmdlSetDynamicBatchSize(id, in, 1, (uint64_t)n));
        assert_int_equal(chosen, n);
        assert_acl(aclmdlGetCurOutputDims(d, 0, &dims));
        assert_int_equal(dims.dims[0], n);
        assert_acl(aclmdlExecute(id, in, out));
        for (int k = 0; k < 8; k++) assert_true(y[k] == (k < n * 2 && x[k] > 0 ? x[k] : 0));
    }
    assert_int_equal(mem_total_allocations(), before);
    /* The buffer need only hold what the gear makes. */
    assert_acl(aclmdlSetDynamicBatchSize(id, in, 1, 2));
    assert_acl(aclUpdateDataBuffer(aclmdlGetDatasetBuffer(out, 0), y, 16));
    assert_acl(aclmdlExecute(id, in, out));
    assert_acl(aclUpdateDataBuffer(aclmdlGetDatasetBuffer(out, 0), y, 15));
    assert_acl_fails(aclmdlExecute(id, in, out), ACL_ERROR_GE_PARAM_INVALID, "needs 16 bytes");
    dataset_end(in);
    dataset_end(out);
    assert_acl(aclmdlDestroyDesc(d));
    assert_acl(aclmdlUnload(id));
}

/* Two threads with a stream each queue runs at different gears. */
static void *run_at_gears(void *argument) {
    struct runner *r = argument;
    enum { N = 12 };
    float x[8], y[N][8];
    int32_t chosen[N];
    aclrtStream stream;
    aclmdlDataset *in[N], *out[N];
    if (aclrtSetCurrentContext(r->context) || aclrtCreateStream(&stream)) return (void *)1;
    for (int k = 0; k < 8; k++) x[k] = (float)(k - 3 * r->seed);
    for (int i = 0; i < N; i++) {
        uint64_t batch = (uint64_t[]){1, 4, 2}[(i + r->seed) % 3];
        in[i] = dataset_of(2, (void *[]){x, &chosen[i]}, (size_t[]){sizeof x, sizeof chosen[i]});
        out[i] = dataset_of(1, (void *[]){y[i]}, (size_t[]){sizeof y[i]});
        for (int k = 0; k < 8; k++) y[i][k] = 77;
        if (aclmdlSetDynamicBatchSize(r->id, in[i], 1, batch)) return (void *)2;
        if (aclmdlExecuteAsync(r->id, in[i], out[i], stream)) return (void *)3;
    }
    if (aclrtSynchronizeStream(stream)) return (void *)4;
    for (int i = 0; i < N; i++) {
        for (int k = 0; k < 8; k++)
            if (y[i][k] != (k >= chosen[i] * 2 ? 77 : x[k] > 0 ? x[k] : 0)) return (void *)5;
        dataset_end(in[i]);
        dataset_end(out[i]);
    }
    return aclrtDestroyStream(stream) ? (void *)6 : NULL;
}

static void threads_at_different_gears(void **state) {
    (void)state;
    struct runner r[2];
    aclrtContext context;
    uint32_t id = load_text(gear_net);
    assert_acl(aclrtGetCurrentContext(&context));
    for (int i = 0; i < 2; i++) {
        r[i] = (struct runner){.context = context, .id = id, .seed = i};
        assert_int_equal(pthread_create(&r[i].thread, NULL, run_at_gears, &r[i]), 0);
    }
    for (int i = 0; i < 2; i++) {
        void *result;
        pthread_join(r[i].thread, &result);
        assert_ptr_equal(result, NULL);
    }
    assert_acl(aclmdlUnload(id));
}

/* What aclmdlQuerySize says of a model with gears serves the largest, however they are ordered. */
static void sizes_of_gears(void **state) {
    (void)state;
    static const char fixed[] = "graph \"g\" {\n  input x f32[4,2]\n  y = Relu(x)\n  output y\n}\n";
    size_t bytes, work[2], weights[2];
    for (int i = 0; i < 2; i++) {
        void *om = om_of(i ? gear_net : fixed, &bytes);
        assert_acl(aclmdlQuerySizeFromMem(om, bytes, &work[i], &weights[i]));
        mem_free(om);
    }
    assert_int_equal(work[0], 128); /* x and y of the largest gear, 64 bytes apart */
    assert_int_equal(work[1], work[0]);
    assert_int_equal(weights[1], weights[0]);
}

/* ---- failures while running ---- */

static const char picky_net[] = "graph \"picky\" {\n"
                                "  input at i64[2]\n"
                                "  const table f32[3] = {1, 2, 3}\n"
                                "  y f32[2] = Gather(table, at)\n"
                                "  output y\n"
                                "}\n";

static struct {
    atomic_int n;
    uint32_t task, stream, device, thread, code;
    aclrtExceptionInfo *info;
} seen;

static void note_exception(aclrtExceptionInfo *info) {
    seen.task = aclrtGetTaskIdFromExceptionInfo(info);
    seen.stream = aclrtGetStreamIdFromExceptionInfo(info);
    seen.device = aclrtGetDeviceIdFromExceptionInfo(info);
    seen.thread = aclrtGetThreadIdFromExceptionInfo(info);
    seen.code = aclrtGetErrorCodeFromExceptionInfo(info);
    seen.info = info;
    atomic_fetch_add(&seen.n, 1);
    /* Waiting here for the stream that called would be for ever. */
    assert_int_not_equal(aclFinalize(), ACL_SUCCESS);
}

static void note_quietly(aclrtExceptionInfo *info) {
    seen.task = aclrtGetTaskIdFromExceptionInfo(info);
    seen.stream = aclrtGetStreamIdFromExceptionInfo(info);
    atomic_fetch_add(&seen.n, 1);
}

static void failures_while_running(void **state) {
    (void)state;
    int64_t at[2] = {0, 99};
    float y[2] = {0, 0};
    aclrtStream stream;
    uint32_t id = load_text(picky_net);
    aclmdlDataset *in = dataset_of(1, (void *[]){at}, (size_t[]){sizeof at});
    aclmdlDataset *out = dataset_of(1, (void *[]){y}, (size_t[]){sizeof y});
    memset(&seen, 0, sizeof seen);
    assert_acl(aclrtCreateStream(&stream));
    assert_acl(aclrtSetExceptionInfoCallback(note_quietly));
    assert_int_not_equal(aclmdlExecute(id, in, out), ACL_SUCCESS);
    assert_non_null(strstr(aclGetRecentErrMsg(), "picky"));
    assert_int_equal(atomic_load(&seen.n), 1);
    assert_acl(aclrtSetExceptionInfoCallback(note_exception));
    assert_acl(aclmdlExecuteAsync(id, in, out, stream));
    assert_int_not_equal(aclrtSynchronizeStream(stream), ACL_SUCCESS);
    assert_non_null(strstr(aclGetRecentErrMsg(), "picky"));
    assert_int_equal(atomic_load(&seen.n), 2);
    assert_int_equal(seen.device, 0);
    assert_true(seen.stream > 0 && seen.task > 0 && seen.code > 0);
    assert_int_equal(aclrtGetTaskIdFromExceptionInfo(seen.info), UINT32_MAX);
    char name[8];
    aclTensorDesc *inputs, *outputs;
    size_t n_inputs, n_outputs;
    assert_acl(aclmdlCreateAndGetOpDesc(seen.device, seen.stream, seen.task, name, 4, &inputs,
                                        &n_inputs, &outputs, &n_outputs));
    assert_string_equal(name, "pic");
    assert_int_equal(n_inputs, 1);
    assert_int_equal(aclGetTensorDescType(aclGetTensorDescByIndex(inputs, 0)), ACL_INT64);
    assert_string_equal(aclGetTensorDescName(inputs), "at");
    aclDestroyTensorDesc(inputs);
    aclDestroyTensorDesc(outputs);
    assert_acl_fails(aclmdlCreateAndGetOpDesc(0, 0, 999999, name, 4, &inputs, &n_inputs, &outputs,
                                              &n_outputs),
                     ACL_ERROR_INVALID_PARAM, "999999");
    /* The stream goes on after a failure; with STOP it drops what follows until it was reported. */
    at[1] = 2;
    assert_acl(aclmdlExecuteAsync(id, in, out, stream));
    assert_acl(aclrtSynchronizeStream(stream));
    assert_true(y[1] == 3);
    assert_acl(aclrtSetStreamFailureMode(stream, ACL_STOP_ON_FAILURE));
    at[1] = 99;
    assert_acl(aclmdlExecuteAsync(id, in, out, stream));
    assert_acl(aclrtMemsetAsync(y, sizeof y, 0, sizeof y, stream));
    assert_int_not_equal(aclrtSynchronizeStream(stream), ACL_SUCCESS);
    assert_true(y[1] != 0);
    assert_acl(aclrtMemsetAsync(y, sizeof y, 0, sizeof y, stream));
    assert_acl(aclrtSynchronizeStream(stream));
    assert_true(y[1] == 0);
    assert_acl(aclrtSetExceptionInfoCallback(NULL));
    dataset_end(in);
    dataset_end(out);
    assert_acl(aclrtDestroyStream(stream));
    assert_acl(aclmdlUnload(id));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(describing, start, end),
        cmocka_unit_test_setup_teardown(long_names, start, end),
        cmocka_unit_test_setup_teardown(what_has_no_gears_or_preprocessing, start, end),
        cmocka_unit_test_setup_teardown(running, start, end),
        cmocka_unit_test_setup_teardown(buffers_that_claim_too_much, start, end),
        cmocka_unit_test_setup_teardown(running_misused, start, end),
        cmocka_unit_test_setup_teardown(loading_misused, start, end),
        cmocka_unit_test_setup_teardown(ways_to_load, start, end),
        cmocka_unit_test_setup_teardown(running_on_a_stream, start, end),
        cmocka_unit_test_setup_teardown(threads_share_a_model, start, end),
        cmocka_unit_test_setup_teardown(open_shapes, start, end),
        cmocka_unit_test_setup_teardown(gears, start, end),
        cmocka_unit_test_setup_teardown(threads_at_different_gears, start, end),
        cmocka_unit_test_setup_teardown(sizes_of_gears, start, end),
        cmocka_unit_test_setup_teardown(failures_while_running, start, end),
    };
    return cmocka_run_group_tests_name("models", tests, NULL, NULL);
}
