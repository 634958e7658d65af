/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libacl_op_compiler.so: single operators with compiling said apart from running. An operator is
 * made ready by libascendcl.so when it is first wanted and kept there; compiling is wanting it.
 * Reaches the core through _pk_private only.
 */
#include <string.h>

#include "acl/acl_op_compiler.h"
#include "acl/private.h"

#define CHECK(condition, ...)                                                                      \
    do {                                                                                           \
        if (!(condition)) return _pk_private.fail(ACL_ERROR_INVALID_PARAM, call, __VA_ARGS__);     \
    } while (0)

static aclError check(const char *call, aclopEngineType engine, aclopCompileType type) {
    if (_pk_private.version != PK_PRIVATE_VERSION)
        return _pk_private.fail(ACL_ERROR_RESOURCE_NOT_MATCH, call,
                                "libacl_op_compiler.so and libascendcl.so are of different "
                                "versions; install both from one build");
    CHECK((int)engine >= ACL_ENGINE_SYS && engine <= ACL_ENGINE_VECTOR,
          "engineType is %d; use a value of aclopEngineType", (int)engine);
    CHECK(type == ACL_COMPILE_SYS || type == ACL_COMPILE_UNREGISTERED,
          "compileFlag is %d; use a value of aclopCompileType", (int)type);
    return ACL_SUCCESS;
}

aclError aclopCompile(const char *opType, int numInputs, const aclTensorDesc *const inputDesc[],
                      int numOutputs, const aclTensorDesc *const outputDesc[],
                      const aclopAttr *attr, aclopEngineType engineType,
                      aclopCompileType compileFlag, const char *opPath) {
    (void)opPath;
    const struct op_arguments a = {opType, numInputs, numOutputs, inputDesc, outputDesc, attr};
    aclError code = check(__func__, engineType, compileFlag);
    return code == ACL_SUCCESS ? _pk_private.op_compile(__func__, &a) : code;
}

aclError aclopCompileAndExecute(const char *opType, int numInputs,
                                const aclTensorDesc *const inputDesc[],
                                const aclDataBuffer *const inputs[], int numOutputs,
                                const aclTensorDesc *const outputDesc[],
                                aclDataBuffer *const outputs[], const aclopAttr *attr,
                                aclopEngineType engineType, aclopCompileType compileFlag,
                                const char *opPath, aclrtStream stream) {
    (void)opPath;
    const struct op_arguments a = {opType, numInputs, numOutputs, inputDesc, outputDesc, attr};
    aclError code = check(__func__, engineType, compileFlag);
    if (code != ACL_SUCCESS) return code;
    return _pk_private.op_execute(__func__, &a, inputs, outputs, NULL, stream);
}

aclError aclopCompileAndExecuteV2(const char *opType, int numInputs, aclTensorDesc *inputDesc[],
                                  aclDataBuffer *inputs[], int numOutputs,
                                  aclTensorDesc *outputDesc[], aclDataBuffer *outputs[],
                                  aclopAttr *attr, aclopEngineType engineType,
                                  aclopCompileType compileFlag, const char *opPath,
                                  aclrtStream stream) {
    (void)opPath;
    const struct op_arguments a = {opType, numInputs, numOutputs,
                                   (const aclTensorDesc *const *)inputDesc,
                                   (const aclTensorDesc *const *)outputDesc, attr};
    aclError code = check(__func__, engineType, compileFlag);
    if (code != ACL_SUCCESS) return code;
    return _pk_private.op_execute(__func__, &a, (const aclDataBuffer *const *)inputs, outputs,
                                  outputDesc, stream);
}

aclError aclopSetCompileFlag(aclOpCompileFlag flag) {
    const char *call = __func__;
    CHECK(flag == ACL_OP_COMPILE_DEFAULT || flag == ACL_OP_COMPILE_FUZZ,
          "flag is %d; use a value of aclOpCompileFlag", (int)flag);
    return ACL_SUCCESS;
}

/* ---- options ---- */

static aclError check_option(const char *call, aclCompileOpt opt) {
    CHECK((int)opt >= 0 && (int)opt < N_OP_OPTIONS, "opt is %d; use a value of aclCompileOpt",
          (int)opt);
    return check(call, ACL_ENGINE_SYS, ACL_COMPILE_SYS);
}

aclError aclSetCompileopt(aclCompileOpt opt, const char *value) {
    const char *call = __func__;
    CHECK(value, "value is NULL");
    aclError code = check_option(call, opt);
    return code == ACL_SUCCESS ? _pk_private.op_option_set(call, (int)opt, value) : code;
}

aclError aclGetCompileopt(aclCompileOpt opt, char *value, size_t length) {
    const char *call = __func__;
    CHECK(value, "value is NULL");
    aclError code = check_option(call, opt);
    if (code != ACL_SUCCESS) return code;
    size_t need = _pk_private.op_option_get((int)opt, value, length);
    CHECK(need > 0, "option %d was not set", (int)opt);
    CHECK(need <= length, "length is %zu; the value of option %d takes %zu", length, (int)opt,
          need);
    return ACL_SUCCESS;
}

size_t aclGetCompileoptSize(aclCompileOpt opt) {
    if (check_option(__func__, opt) != ACL_SUCCESS) return 0;
    return _pk_private.op_option_get((int)opt, NULL, 0);
}

/* ---- graphs ---- */

static void free_option(void *object) { _pk_private.mem_free(object); }

aclGraphDumpOption *aclCreateGraphDumpOpt(void) {
    if (check(__func__, ACL_ENGINE_SYS, ACL_COMPILE_SYS) != ACL_SUCCESS) return NULL;
    void *object = _pk_private.mem_alloc(1); /* there is nothing to choose */
    void *handle =
        object ? _pk_private.handle_create(HANDLE_GRAPH_DUMP, object, free_option) : NULL;
    if (handle) return handle;
    _pk_private.mem_free(object);
    _pk_private.fail(ACL_ERROR_BAD_ALLOC, __func__, "no memory for an option");
    return NULL;
}

aclError aclDestroyGraphDumpOpt(const aclGraphDumpOption *graphDumpOpt) {
    aclError code = check(__func__, ACL_ENGINE_SYS, ACL_COMPILE_SYS);
    if (code != ACL_SUCCESS || _pk_private.handle_retire(graphDumpOpt, HANDLE_GRAPH_DUMP))
        return code;
    return _pk_private.handle_fail(graphDumpOpt, HANDLE_GRAPH_DUMP, __func__, "graphDumpOpt");
}

aclError aclGenGraphAndDumpForOp(const char *opType, int numInputs,
                                 const aclTensorDesc *const inputDesc[],
                                 const aclDataBuffer *const inputs[], int numOutputs,
                                 const aclTensorDesc *const outputDesc[],
                                 aclDataBuffer *const outputs[], const aclopAttr *attr,
                                 aclopEngineType engineType, const char *graphDumpPath,
                                 const aclGraphDumpOption *graphDumpOpt) {
    (void)outputs;
    const struct op_arguments a = {opType, numInputs, numOutputs, inputDesc, outputDesc, attr};
    aclError code = check(__func__, engineType, ACL_COMPILE_SYS);
    if (code != ACL_SUCCESS) return code;
    if (graphDumpOpt) {
        if (!_pk_private.handle_get(graphDumpOpt, HANDLE_GRAPH_DUMP, __func__, "graphDumpOpt"))
            return ACL_ERROR_INVALID_PARAM;
        _pk_private.handle_release(graphDumpOpt);
    }
    return _pk_private.op_print_graph(__func__, &a, inputs, graphDumpPath);
}
