/* SPDX-License-Identifier: Apache-2.0 */
/*
 * AscendCL single operators: run one operator without a model. See acl.h for the conventions of
 * every call.
 */
#ifndef PRUSIK_ACL_OP_H
#define PRUSIK_ACL_OP_H

#include "acl_base.h"
#include "acl_rt.h"

#ifdef __cplusplus
extern "C" {
#endif

#define ACL_COMPILE_FLAG_BIN_SELECTOR 1
#define ACL_OP_DUMP_OP_AICORE_ARGS    1

typedef enum aclopEngineType {
    ACL_ENGINE_SYS = 0,
    ACL_ENGINE_AICORE = 1,
    ACL_ENGINE_VECTOR = 2
} aclopEngineType;

typedef struct aclopHandle aclopHandle;
typedef struct aclopAttr aclopAttr;
typedef struct aclopKernelDesc aclopKernelDesc;
typedef void (*aclDataDeallocator)(void *data, size_t length);
typedef aclError (*aclopCompileFunc)(int numInputs, const aclTensorDesc * const inputDesc[], int
                                     numOutputs, const aclTensorDesc * const outputDesc[], const
                                     aclopAttr *opAttr, aclopKernelDesc *aclopKernelDesc);

/* ---- attributes of an operator ---- */

/* An empty set of attributes; NULL with a sentence when memory ran out. Destroy it with
 * aclopDestroyAttr, which accepts NULL. Any thread may use it. */
ACL_FUNC_VISIBILITY aclopAttr *aclopCreateAttr(void);
ACL_FUNC_VISIBILITY void aclopDestroyAttr(const aclopAttr *attr);
/* Sets an attribute; a second value of a name replaces the first. Names and values are copied. A
 * bool is 0 or 1, every other value counting as 1. A list may be empty, its address then NULL;
 * numValues of aclopSetAttrListListInt has the length of each list. A NULL or empty name, a
 * negative count, NULL values and what is no aclopAttr fail with ACL_ERROR_INVALID_PARAM. */
ACL_FUNC_VISIBILITY aclError aclopSetAttrBool(aclopAttr *attr, const char *attrName,
    uint8_t attrValue);
ACL_FUNC_VISIBILITY aclError aclopSetAttrDataType(aclopAttr *attr, const char *attrName,
    aclDataType attrValue);
ACL_FUNC_VISIBILITY aclError aclopSetAttrFloat(aclopAttr *attr, const char *attrName,
    float attrValue);
ACL_FUNC_VISIBILITY aclError aclopSetAttrInt(aclopAttr *attr, const char *attrName,
    int64_t attrValue);
ACL_FUNC_VISIBILITY aclError aclopSetAttrListBool(aclopAttr *attr, const char *attrName,
    int numValues, const uint8_t *values);
ACL_FUNC_VISIBILITY aclError aclopSetAttrListDataType(aclopAttr *attr, const char *attrName,
    int numValues, const aclDataType values[]);
ACL_FUNC_VISIBILITY aclError aclopSetAttrListFloat(aclopAttr *attr, const char *attrName,
    int numValues, const float *values);
ACL_FUNC_VISIBILITY aclError aclopSetAttrListInt(aclopAttr *attr, const char *attrName,
    int numValues, const int64_t *values);
ACL_FUNC_VISIBILITY aclError aclopSetAttrListListInt(aclopAttr *attr, const char *attrName,
    int numLists, const int *numValues, const int64_t *const values[]);
ACL_FUNC_VISIBILITY aclError aclopSetAttrListString(aclopAttr *attr, const char *attrName,
    int numValues, const char **values);
ACL_FUNC_VISIBILITY aclError aclopSetAttrString(aclopAttr *attr, const char *attrName,
    const char *attrValue);

/* ---- running an operator ---- */

/* Runs one operator in stream order (NULL: the default stream of the current context). opType is a
 * name of docs/single-operators.md; the descriptions say type, format (ND, NCHW, NHWC or HWCN) and
 * shape of each tensor, ACL_DT_UNDEFINED standing for an optional input left out. What the call
 * says is read at once: descriptions and attributes may be changed or destroyed when it returns,
 * the memory of the buffers has to stay until the stream is done. Integers that shape the result
 * (axes, sizes) are read when it is the operator's turn, or at once where aclSetTensorConst or a
 * placement in host memory allows it; what is wrong with them is told by the stream's
 * synchronization. An output whose element type differs from the operator's own is converted
 * within floats, or within integers.
 *
 * An operator made ready is kept for the next call with the same type, tensors and attributes.
 *
 * Errors: ACL_ERROR_OP_NOT_FOUND for an unknown opType; ACL_ERROR_INVALID_PARAM for attributes,
 * shapes, types or buffers that do not fit; ACL_ERROR_FEATURE_UNSUPPORTED. Any thread. */
ACL_FUNC_VISIBILITY aclError aclopExecute(const char *opType, int numInputs,
    const aclTensorDesc *const inputDesc[], const aclDataBuffer *const inputs[], int numOutputs,
    const aclTensorDesc *const outputDesc[], aclDataBuffer *const outputs[], const aclopAttr *attr,
    aclrtStream stream);
/* The same; tells output descriptions whose dimensions are not known (-1) what came out, at the
 * latest when the stream is synchronized. */
ACL_FUNC_VISIBILITY aclError aclopExecuteV2(const char *opType, int numInputs,
    aclTensorDesc *inputDesc[], aclDataBuffer *inputs[], int numOutputs,
    aclTensorDesc *outputDesc[], aclDataBuffer *outputs[], aclopAttr *attr, aclrtStream stream);
/* Converts elements to the type of dstDesc. Floats become integers by cutting off the fraction,
 * with either truncate (0 or 1). */
ACL_FUNC_VISIBILITY aclError aclopCast(const aclTensorDesc *srcDesc, const aclDataBuffer *srcBuffer,
    const aclTensorDesc *dstDesc, aclDataBuffer *dstBuffer, uint8_t truncate, aclrtStream stream);

/* An operator to be run many times. Destroy it with aclopDestroyHandle, which accepts NULL; runs
 * that are queued end properly. */
ACL_FUNC_VISIBILITY aclError aclopCreateHandle(const char *opType, int numInputs,
    const aclTensorDesc *const inputDesc[], int numOutputs, const aclTensorDesc *const outputDesc[],
    const aclopAttr *opAttr, aclopHandle **handle);
ACL_FUNC_VISIBILITY aclError aclopCreateHandleForCast(aclTensorDesc *srcDesc,
    aclTensorDesc *dstDesc, uint8_t truncate, aclopHandle **handle);
ACL_FUNC_VISIBILITY void aclopDestroyHandle(aclopHandle *handle);
ACL_FUNC_VISIBILITY aclError aclopExecWithHandle(aclopHandle *handle, int numInputs,
    const aclDataBuffer *const inputs[], int numOutputs, aclDataBuffer *const outputs[],
    aclrtStream stream);
/* Writes the shapes an operator would give into outputDesc, -1 for a dimension only a run can tell,
 * and types where a description has none. inputs is needed where values decide; they are read at
 * once. */
ACL_FUNC_VISIBILITY aclError aclopInferShape(const char *opType, int numInputs,
    aclTensorDesc *inputDesc[], aclDataBuffer *inputs[], int numOutputs,
    aclTensorDesc *outputDesc[], aclopAttr *attr);
/* How many operators made ready are kept, 1024 if not set; the one used least recently goes first.
 * 0 fails with ACL_ERROR_INVALID_PARAM. aclFinalize forgets them, and this. */
ACL_FUNC_VISIBILITY aclError aclopSetMaxOpQueueNum(uint64_t maxOpNum);

/* ---- models of single operators ---- */

/* Offline models of single operators (atc --singleop): those of a folder and two levels of folders
 * in it, or one in memory, which is copied. An operator is taken from the newest one that stands
 * for its type, tensors, attributes and values; where none does, it is made ready when it is first
 * wanted, as without such files. The folder has to exist, and each of its *.om, like the one in
 * memory, to be whole: ACL_ERROR_INVALID_FILE, ACL_ERROR_PARSE_FILE. aclFinalize forgets them. */
ACL_FUNC_VISIBILITY aclError aclopSetModelDir(const char *modelDir);
ACL_FUNC_VISIBILITY aclError aclopLoad(const void *model, size_t modelSize);

/* ---- which operators are called ---- */

/* Between the two, the first call of each type, shape and set of attributes writes a file
 * {path}/{number}_{opType}.json, which atc --singleop reads. dumpType is
 * ACL_OP_DUMP_OP_AICORE_ARGS; the folder is made if it is missing. Errors:
 * ACL_ERROR_DUMP_ALREADY_RUN, ACL_ERROR_DUMP_NOT_RUN, ACL_ERROR_WRITE_FILE. aclFinalize ends it,
 * too. */
ACL_FUNC_VISIBILITY aclError aclopStartDumpArgs(uint32_t dumpType, const char *path);
ACL_FUNC_VISIBILITY aclError aclopStopDumpArgs(uint32_t dumpType);

/* ---- kernels of the program's own; not supported ---- */

/* These are machine code of Ascend cores: ACL_ERROR_FEATURE_UNSUPPORTED. */
ACL_FUNC_VISIBILITY aclError aclopCreateKernel(const char *opType, const char *kernelId,
    const char *kernelName, void *binData, int binSize, aclopEngineType enginetype,
    aclDataDeallocator deallocator);
ACL_FUNC_VISIBILITY aclError aclopRegisterCompileFunc(const char *opType, aclopCompileFunc func);
ACL_FUNC_VISIBILITY aclError aclopUnregisterCompileFunc(const char *opType);
ACL_FUNC_VISIBILITY aclError aclopSetKernelArgs(aclopKernelDesc *kernelDesc, const char *kernelId,
    uint32_t blockDim, const void *args, uint32_t argSize);
ACL_FUNC_VISIBILITY aclError aclopSetKernelWorkspaceSizes(aclopKernelDesc *kernelDesc,
    int numWorkspaces, size_t *workspaceSizes);
ACL_FUNC_VISIBILITY aclError aclopUpdateParams(const char *opType, int numInputs,
    const aclTensorDesc *const inputDesc[], int numOutputs, const aclTensorDesc *const outputDesc[],
    const aclopAttr *attr);

#ifdef __cplusplus
}
#endif

#endif
