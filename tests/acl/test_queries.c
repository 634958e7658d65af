/* SPDX-License-Identifier: Apache-2.0 */
/* What programs ask of a model's file, of a bundle, of the machine; settings of loading. */
#include "acl_check.h"

#include <unistd.h>

/* The small network as a file; the path is static. */
static const char *small_file(size_t *bytes) {
    static char path[64];
    snprintf(path, sizeof path, "/tmp/prusik_queries_%d.om", (int)getpid());
    void *om = om_of(small_net, bytes);
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(om, 1, *bytes, f), *bytes);
    fclose(f);
    mem_free(om);
    return path;
}

static void bundles(void **state) {
    (void)state;
    size_t bytes, n = 0;
    const char *path = small_file(&bytes);
    uint32_t bundle = 0, model = 0, plain;
    assert_acl(aclmdlBundleLoadFromFile(path, &bundle));
    assert_acl(aclmdlBundleGetModelNum(bundle, &n));
    assert_int_equal(n, 1);
    assert_acl(aclmdlBundleGetModelId(bundle, 0, &model));
    assert_acl_fails(aclmdlBundleGetModelId(bundle, 1, &plain), ACL_ERROR_INVALID_PARAM,
                     "index is 1");
    float x[6] = {1, 2, 3, -4, 5, -6}, y[6], z[6];
    aclmdlDataset *in = dataset_of(1, (void *[]){x}, (size_t[]){sizeof x});
    aclmdlDataset *out = dataset_of(2, (void *[]){y, z}, (size_t[]){sizeof y, sizeof z});
    assert_acl(aclmdlExecute(model, in, out));
    assert_true(y[0] == 2 && z[5] == -60);
    dataset_end(in);
    dataset_end(out);
    assert_acl_fails(aclmdlUnload(model), ACL_ERROR_INVALID_PARAM, "aclmdlBundleUnload");
    assert_acl(aclmdlBundleUnload(bundle));
    assert_acl_fails(aclmdlBundleUnload(bundle), ACL_ERROR_GE_EXEC_MODEL_ID_INVALID, "unloaded");

    void *om = om_of(small_net, &bytes);
    assert_acl(aclmdlBundleLoadFromMem(om, bytes, &bundle));
    assert_acl(aclmdlBundleUnload(bundle));
    assert_acl_fails(aclmdlBundleLoadFromMem(om, 100, &bundle),
                     ACL_ERROR_GE_EXEC_MODEL_DATA_SIZE_INVALID, "");
    mem_free(om);
    assert_acl(aclmdlLoadFromFile(path, &plain));
    assert_acl_fails(aclmdlBundleGetModelNum(plain, &n), ACL_ERROR_INVALID_PARAM, "bundle");
    assert_acl_fails(aclmdlBundleUnload(plain), ACL_ERROR_INVALID_PARAM, "bundle");
    assert_acl(aclmdlUnload(plain));
    unlink(path);
    assert_acl_fails(aclmdlBundleLoadFromFile(path, &bundle), ACL_ERROR_GE_EXEC_MODEL_PATH_INVALID,
                     path);
}

static void sizes_of_parts(void **state) {
    (void)state;
    size_t bytes, work, weights;
    const char *path = small_file(&bytes);
    aclmdlExeOMDesc d;
    assert_acl(aclmdlQueryExeOMDesc(path, &d));
    assert_acl(aclmdlQuerySize(path, &work, &weights));
    assert_int_equal(d.workSize, work);
    assert_int_equal(d.weightSize, weights);
    assert_true(d.modelDescSize > 0 && d.staticTaskSize > 0);
    assert_true(d.modelDescSize + d.staticTaskSize < bytes);
    assert_int_equal(d.kernelSize + d.kernelArgsSize + d.dynamicTaskSize, 0);

    /* The same sizes are what loading with memory wants. */
    aclmdlConfigHandle *config = aclmdlCreateConfigHandle();
    size_t type = ACL_MDL_LOAD_FROM_FILE_WITH_MEM, less = d.modelDescSize - 1;
    void *memory;
    uint32_t id;
    assert_acl(aclrtMalloc(&memory, d.modelDescSize, ACL_MEM_MALLOC_NORMAL_ONLY));
    assert_acl(aclmdlSetConfigOpt(config, ACL_MDL_LOAD_TYPE_SIZET, &type, sizeof type));
    assert_acl(aclmdlSetConfigOpt(config, ACL_MDL_PATH_PTR, &path, sizeof path));
    assert_acl(aclmdlSetConfigOpt(config, ACL_MDL_MODEL_DESC_PTR, &memory, sizeof memory));
    assert_acl_fails(aclmdlLoadWithConfig(config, &id), ACL_ERROR_GE_PARAM_INVALID,
                     "ACL_MDL_MODEL_DESC_SIZET is 0");
    assert_acl(aclmdlSetConfigOpt(config, ACL_MDL_MODEL_DESC_SIZET, &less, sizeof less));
    assert_acl_fails(aclmdlLoadWithConfig(config, &id), ACL_ERROR_GE_PARAM_INVALID,
                     "aclmdlQueryExeOMDesc");
    assert_acl(aclmdlSetConfigOpt(config, ACL_MDL_MODEL_DESC_SIZET, &d.modelDescSize, 8));
    assert_acl(aclmdlSetConfigOpt(config, ACL_MDL_KERNEL_PTR, &memory, sizeof memory));
    assert_acl(aclmdlLoadWithConfig(config, &id));
    assert_acl(aclmdlUnload(id));
    assert_acl(aclrtFree(memory));
    assert_acl(aclmdlDestroyConfigHandle(config));
    unlink(path);
    assert_acl_fails(aclmdlQueryExeOMDesc(path, &d), ACL_ERROR_GE_EXEC_MODEL_PATH_INVALID, path);
}

/* No setting is taken and then ignored: it is used, or checked, or refused, or the log says so. */
static void settings_refused(void **state) {
    (void)state;
    aclmdlConfigHandle *config = aclmdlCreateConfigHandle();
    const char *value = NULL;
    assert_acl_fails(aclmdlSetConfigOpt(config, ACL_MDL_WEIGHT_PATH_PTR, &value, sizeof value),
                     ACL_ERROR_INVALID_PARAM, "path of weights is NULL");
    int32_t priority = 8;
    assert_acl_fails(aclmdlSetConfigOpt(config, ACL_MDL_PRIORITY_INT32, &priority, 4),
                     ACL_ERROR_INVALID_PARAM, "0 to 7");
    size_t optimize = 1;
    assert_acl(aclmdlSetConfigOpt(config, ACL_MDL_WORKSPACE_MEM_OPTIMIZE, &optimize, 8));
    optimize = SIZE_MAX;
    assert_acl_fails(aclmdlSetConfigOpt(config, ACL_MDL_WORKSPACE_MEM_OPTIMIZE, &optimize, 8),
                     ACL_ERROR_INVALID_PARAM, "0 to 1");
    assert_acl(aclmdlDestroyConfigHandle(config));
}

static void origins_of_operators(void **state) {
    (void)state;
    uint32_t id = load_text("graph \"g\" {\n  input x f32[2]\n  y f32[2] = Relu(x) \"Relu_1\"\n"
                            "  output y\n}\n");
    aclmdlDesc *d = aclmdlCreateDesc();
    const char *origins = ACL_ATTR_NAME_DATA_DUMP_ORIGIN_OP_NAMES;
    assert_null(aclmdlGetOpAttr(d, "a", origins)); /* still empty */
    assert_acl(aclmdlGetDesc(d, id));
    const char *found = aclmdlGetOpAttr(d, "Relu_1", origins);
    assert_string_equal(found, "[6]Relu_1");
    assert_string_equal(aclmdlGetOpAttr(d, "nobody", origins), "");
    assert_string_equal(aclmdlGetOpAttr(d, "Relu_1", "color"), "");
    assert_null(aclmdlGetOpAttr(d, NULL, origins));
    assert_null(aclmdlGetOpAttr(d, "Relu_1", NULL));
    assert_acl(aclmdlUnload(id));
    assert_string_equal(found, "[6]Relu_1");
    assert_acl(aclmdlDestroyDesc(d));
}

/* The stand-in of a long name may be the name of something else. */
static void stand_ins_that_are_taken(void **state) {
    (void)state;
    char name[200], text[900];
    memset(name, 'n', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    snprintf(text, sizeof text,
             "graph \"g\" {\n  input %s f32[2]\n  acl_modelId_0_input_0 f32[2] = Relu(%s)\n"
             "  output acl_modelId_0_input_0\n}\n",
             name, name);
    size_t bytes;
    void *om = om_of(text, &bytes);
    aclmdlDesc *d = aclmdlCreateDesc();
    assert_acl(aclmdlGetDescFromMem(d, om, bytes)); /* not loaded: the id is 0 */
    mem_free(om);
    aclmdlIODims dims;
    assert_acl(aclmdlGetInputDims(d, 0, &dims));
    assert_string_equal(dims.name, "acl_modelId_0_input_0_1");
    assert_string_equal(aclmdlGetTensorRealName(d, dims.name), name);
    assert_string_equal(aclmdlGetTensorRealName(d, "acl_modelId_0_input_0"),
                        "acl_modelId_0_input_0");
    assert_acl(aclmdlDestroyDesc(d));
}

static void capabilities(void **state) {
    (void)state;
    const aclCannAttr *list;
    size_t n;
    int32_t yes;
    int64_t cores, vector_cores, cache;
    assert_acl(aclGetCannAttributeList(&list, &n));
    for (size_t i = 0; i < n; i++) {
        assert_acl(aclGetCannAttribute(list[i], &yes));
        assert_int_equal(yes, list[i] != ACL_CANN_ATTR_JIT_COMPILE);
    }
    assert_int_equal(n, 3);
    assert_acl_fails(aclGetCannAttribute((aclCannAttr)17, &yes), ACL_ERROR_INVALID_PARAM, "17");
    assert_acl(aclGetDeviceCapability(0, ACL_DEVICE_INFO_AI_CORE_NUM, &cores));
    assert_acl(aclGetDeviceCapability(0, ACL_DEVICE_INFO_VECTOR_CORE_NUM, &vector_cores));
    assert_acl(aclGetDeviceCapability(0, ACL_DEVICE_INFO_L2_SIZE, &cache));
    assert_true(cores >= 1 && cores == vector_cores && cache >= cores * 1024);
    assert_acl_fails(aclGetDeviceCapability(9999, ACL_DEVICE_INFO_L2_SIZE, &cache),
                     ACL_ERROR_RT_INVALID_DEVICEID, "9999");
    assert_acl_fails(aclGetDeviceCapability(0, ACL_DEVICE_INFO_UNDEFINED, &cache),
                     ACL_ERROR_INVALID_PARAM, "deviceInfo is -1");
}

static void formats(void **state) {
    (void)state;
    static const struct {
        aclDataType type;
        aclFormat from, to;
        int n_from, n_to; /* n_to 0: there is no such shape */
        int64_t dims[6], expected[6];
    } cases[] = {
        {ACL_FLOAT, ACL_FORMAT_NCHW, ACL_FORMAT_NHWC, 4, 4, {1, 3, 5, 7}, {1, 5, 7, 3}},
        {ACL_FLOAT, ACL_FORMAT_HWCN, ACL_FORMAT_NCHW, 4, 4, {3, 5, 8, 9}, {9, 8, 3, 5}},
        {ACL_FLOAT16, ACL_FORMAT_NCHW, ACL_FORMAT_NC1HWC0, 4, 5, {1, 33, 5, 7}, {1, 3, 5, 7, 16}},
        {ACL_INT8, ACL_FORMAT_NHWC, ACL_FORMAT_NC1HWC0, 4, 5, {1, 5, 7, -1}, {1, -1, 5, 7, 32}},
        {ACL_FLOAT, ACL_FORMAT_NCDHW, ACL_FORMAT_NDHWC, 5, 5, {1, 2, 3, 4, 5}, {1, 3, 4, 5, 2}},
        {ACL_FLOAT, ACL_FORMAT_ND, ACL_FORMAT_ND, 2, 2, {4, 6}, {4, 6}},
        {ACL_FLOAT, ACL_FORMAT_NC1HWC0, ACL_FORMAT_NCHW, 5, 0, {1, 2, 5, 7, 16}, {0}},
        {ACL_FLOAT, ACL_FORMAT_NCHW, ACL_FORMAT_NCDHW, 4, 0, {1, 3, 5, 7}, {0}},
        {ACL_FLOAT, ACL_FORMAT_NCHW, ACL_FORMAT_FRACTAL_NZ, 4, 0, {1, 3, 5, 7}, {0}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        aclTensorDesc *from = aclCreateTensorDesc(cases[i].type, cases[i].n_from, cases[i].dims,
                                                  cases[i].from);
        aclTensorDesc *to = NULL;
        if (!cases[i].n_to) {
            assert_acl_fails(aclTransTensorDescFormat(from, cases[i].to, &to),
                             ACL_ERROR_FORMAT_NOT_MATCH, "no counterpart");
        } else {
            assert_acl(aclTransTensorDescFormat(from, cases[i].to, &to));
            assert_int_equal(aclGetTensorDescFormat(to), cases[i].to);
            assert_int_equal(aclGetTensorDescType(to), cases[i].type);
            assert_int_equal(aclGetTensorDescNumDims(to), cases[i].n_to);
            for (int k = 0; k < cases[i].n_to; k++)
                assert_int_equal(aclGetTensorDescDim(to, (size_t)k), cases[i].expected[k]);
            assert_int_equal(aclGetTensorDescFormat(from), cases[i].from);
            aclDestroyTensorDesc(to);
        }
        aclDestroyTensorDesc(from);
    }
    aclTensorDesc *flat = aclCreateTensorDesc(ACL_FLOAT, 1, (int64_t[]){3}, ACL_FORMAT_NCHW), *to;
    assert_acl_fails(aclTransTensorDescFormat(flat, ACL_FORMAT_NHWC, &to), ACL_ERROR_INVALID_PARAM,
                     "srcDesc has 1 dimensions");
    aclDestroyTensorDesc(flat);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(bundles, start, end),
        cmocka_unit_test_setup_teardown(sizes_of_parts, start, end),
        cmocka_unit_test_setup_teardown(settings_refused, start, end),
        cmocka_unit_test_setup_teardown(origins_of_operators, start, end),
        cmocka_unit_test_setup_teardown(stand_ins_that_are_taken, start, end),
        cmocka_unit_test_setup_teardown(capabilities, start, end),
        cmocka_unit_test_setup_teardown(formats, start, end),
    };
    return cmocka_run_group_tests_name("queries", tests, NULL, NULL);
}
