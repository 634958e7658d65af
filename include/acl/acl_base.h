/* SPDX-License-Identifier: Apache-2.0 */
/*
 * AscendCL base: types, error codes, data types and formats, data buffers, tensor descriptions,
 * half-precision conversion, the log. See acl.h for the conventions of every call.
 *
 * The objects declared here are plain data; they work before aclInit too.
 */
#ifndef PRUSIK_ACL_BASE_H
#define PRUSIK_ACL_BASE_H

#include <stddef.h>
#include <stdint.h>

#include "error_codes/ge_error_codes.h"
#include "error_codes/rt_error_codes.h"

#if defined(__GNUC__) || defined(__clang__)
#define ACL_FUNC_VISIBILITY __attribute__((visibility("default")))
#else
#define ACL_FUNC_VISIBILITY
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* Handles: values to pass back, not addresses to follow. */
typedef void *aclrtStream;
typedef void *aclrtEvent;
typedef void *aclrtContext;
typedef struct aclDataBuffer aclDataBuffer; /* an address and a size */
typedef struct aclTensorDesc aclTensorDesc; /* type, format and shape of a tensor */
typedef void *aclrtAllocatorDesc;
typedef void *aclrtAllocator;
typedef void *aclrtAllocatorBlock;
typedef void *aclrtAllocatorAddr;

typedef int aclError;        /* 0 or a code below */
typedef uint16_t aclFloat16; /* the bits of an IEEE 754 binary16 number */

/* ---- error codes: 1xxxxx the program's mistake, 2xxxxx resources, 3xxxxx storage, 5xxxxx ours */
#define ACL_ERROR_NONE 0
#define ACL_SUCCESS    0
#define ACL_ERROR_INVALID_PARAM                   100000
#define ACL_ERROR_UNINITIALIZE                    100001
#define ACL_ERROR_REPEAT_INITIALIZE               100002
#define ACL_ERROR_INVALID_FILE                    100003
#define ACL_ERROR_WRITE_FILE                      100004
#define ACL_ERROR_INVALID_FILE_SIZE               100005
#define ACL_ERROR_PARSE_FILE                      100006
#define ACL_ERROR_FILE_MISSING_ATTR               100007
#define ACL_ERROR_FILE_ATTR_INVALID               100008
#define ACL_ERROR_INVALID_DUMP_CONFIG             100009
#define ACL_ERROR_INVALID_PROFILING_CONFIG        100010
#define ACL_ERROR_INVALID_MODEL_ID                100011
#define ACL_ERROR_DESERIALIZE_MODEL               100012
#define ACL_ERROR_PARSE_MODEL                     100013
#define ACL_ERROR_READ_MODEL_FAILURE              100014
#define ACL_ERROR_MODEL_SIZE_INVALID              100015
#define ACL_ERROR_MODEL_MISSING_ATTR              100016
#define ACL_ERROR_MODEL_INPUT_NOT_MATCH           100017
#define ACL_ERROR_MODEL_OUTPUT_NOT_MATCH          100018
#define ACL_ERROR_MODEL_NOT_DYNAMIC               100019
#define ACL_ERROR_OP_TYPE_NOT_MATCH               100020
#define ACL_ERROR_OP_INPUT_NOT_MATCH              100021
#define ACL_ERROR_OP_OUTPUT_NOT_MATCH             100022
#define ACL_ERROR_OP_ATTR_NOT_MATCH               100023
#define ACL_ERROR_OP_NOT_FOUND                    100024
#define ACL_ERROR_OP_LOAD_FAILED                  100025
#define ACL_ERROR_UNSUPPORTED_DATA_TYPE           100026
#define ACL_ERROR_FORMAT_NOT_MATCH                100027
#define ACL_ERROR_BIN_SELECTOR_NOT_REGISTERED     100028
#define ACL_ERROR_KERNEL_NOT_FOUND                100029
#define ACL_ERROR_BIN_SELECTOR_ALREADY_REGISTERED 100030
#define ACL_ERROR_KERNEL_ALREADY_REGISTERED       100031
#define ACL_ERROR_INVALID_QUEUE_ID                100032
#define ACL_ERROR_REPEAT_SUBSCRIBE                100033
#define ACL_ERROR_STREAM_NOT_SUBSCRIBE            100034
#define ACL_ERROR_THREAD_NOT_SUBSCRIBE            100035
#define ACL_ERROR_WAIT_CALLBACK_TIMEOUT           100036
#define ACL_ERROR_REPEAT_FINALIZE                 100037
#define ACL_ERROR_NOT_STATIC_AIPP                 100038
#define ACL_ERROR_COMPILING_STUB_MODE             100039
#define ACL_ERROR_GROUP_NOT_SET                   100040
#define ACL_ERROR_GROUP_NOT_CREATE                100041
#define ACL_ERROR_PROF_ALREADY_RUN                100042
#define ACL_ERROR_PROF_NOT_RUN                    100043
#define ACL_ERROR_DUMP_ALREADY_RUN                100044
#define ACL_ERROR_DUMP_NOT_RUN                    100045
#define ACL_ERROR_PROF_REPEAT_SUBSCRIBE           148046
#define ACL_ERROR_PROF_API_CONFLICT               148047
#define ACL_ERROR_INVALID_MAX_OPQUEUE_NUM_CONFIG  148048
#define ACL_ERROR_INVALID_OPP_PATH                148049
#define ACL_ERROR_OP_UNSUPPORTED_DYNAMIC          148050
#define ACL_ERROR_RELATIVE_RESOURCE_NOT_CLEARED   148051
#define ACL_ERROR_UNSUPPORTED_JPEG                148052
#define ACL_ERROR_INVALID_BUNDLE_MODEL_ID         148053
#define ACL_ERROR_BAD_ALLOC                       200000
#define ACL_ERROR_API_NOT_SUPPORT                 200001
#define ACL_ERROR_INVALID_DEVICE                  200002
#define ACL_ERROR_MEMORY_ADDRESS_UNALIGNED        200003
#define ACL_ERROR_RESOURCE_NOT_MATCH              200004
#define ACL_ERROR_INVALID_RESOURCE_HANDLE         200005
#define ACL_ERROR_FEATURE_UNSUPPORTED             200006
#define ACL_ERROR_PROF_MODULES_UNSUPPORTED        200007
#define ACL_ERROR_STORAGE_OVER_LIMIT              300000
#define ACL_ERROR_INTERNAL_ERROR                  500000
#define ACL_ERROR_FAILURE                         500001
#define ACL_ERROR_GE_FAILURE                      500002
#define ACL_ERROR_RT_FAILURE                      500003
#define ACL_ERROR_DRV_FAILURE                     500004
#define ACL_ERROR_PROFILING_FAILURE               500005

/* ---- constants ---- */
#define ACL_UNKNOWN_RANK 0xFFFFFFFFFFFFFFFE /* -2 as a size: not even the number of dims is known */
#define ACL_TENSOR_SHAPE_RANGE_NUM 2
#define ACL_TENSOR_VALUE_RANGE_NUM 2

/* Element types. */
typedef enum aclDataType {
    ACL_DT_UNDEFINED = -1,
    ACL_FLOAT = 0,
    ACL_FLOAT16 = 1,
    ACL_INT8 = 2,
    ACL_INT32 = 3,
    ACL_UINT8 = 4,
    ACL_INT16 = 6,
    ACL_UINT16 = 7,
    ACL_UINT32 = 8,
    ACL_INT64 = 9,
    ACL_UINT64 = 10,
    ACL_DOUBLE = 11,
    ACL_BOOL = 12,
    ACL_STRING = 13,
    ACL_COMPLEX64 = 16,
    ACL_COMPLEX128 = 17,
    ACL_BF16 = 27,
    ACL_INT4 = 29,
    ACL_UINT1 = 30,
    ACL_COMPLEX32 = 33
} aclDataType;

/* How the dimensions of a tensor are ordered. */
typedef enum aclFormat {
    ACL_FORMAT_UNDEFINED = -1,
    ACL_FORMAT_NCHW = 0,
    ACL_FORMAT_NHWC = 1,
    ACL_FORMAT_ND = 2,
    ACL_FORMAT_NC1HWC0 = 3,
    ACL_FORMAT_FRACTAL_Z = 4,
    ACL_FORMAT_NC1HWC0_C04 = 12,
    ACL_FORMAT_HWCN = 16,
    ACL_FORMAT_NDHWC = 27,
    ACL_FORMAT_FRACTAL_NZ = 29,
    ACL_FORMAT_NCDHW = 30,
    ACL_FORMAT_NDC1HWC0 = 32,
    ACL_FRACTAL_Z_3D = 33,
    ACL_FORMAT_NC = 35,
    ACL_FORMAT_NCL = 47
} aclFormat;

/* Levels of aclAppLog. */
typedef enum aclLogLevel {
    ACL_DEBUG = 0,
    ACL_INFO = 1,
    ACL_WARNING = 2,
    ACL_ERROR = 3
} aclLogLevel;

/* Where a tensor of a single-operator call lies. */
typedef enum aclMemType {
    ACL_MEMTYPE_DEVICE = 0,
    ACL_MEMTYPE_HOST = 1,
    ACL_MEMTYPE_HOST_COMPILE_INDEPENDENT = 2
} aclMemType;

typedef enum aclSysParamOpt {
    ACL_OPT_DETERMINISTIC = 0,
    ACL_OPT_ENABLE_DEBUG_KERNEL = 1
} aclSysParamOpt;

typedef enum aclCannAttr {
    ACL_CANN_ATTR_UNDEFINED = -1,
    ACL_CANN_ATTR_INF_NAN = 0,
    ACL_CANN_ATTR_BF16 = 1,
    ACL_CANN_ATTR_JIT_COMPILE = 2
} aclCannAttr;

typedef enum aclDeviceInfo {
    ACL_DEVICE_INFO_UNDEFINED = -1,
    ACL_DEVICE_INFO_AI_CORE_NUM = 0,
    ACL_DEVICE_INFO_VECTOR_CORE_NUM = 1,
    ACL_DEVICE_INFO_L2_SIZE = 2
} aclDeviceInfo;

/* ---- element types ---- */

/* Bytes of one element; 0 for types without a fixed or whole-byte size (ACL_STRING, ACL_INT4,
 * ACL_UINT1) and for values that are no data type. */
ACL_FUNC_VISIBILITY size_t aclDataTypeSize(aclDataType dataType);
/* Exact. */
ACL_FUNC_VISIBILITY float aclFloat16ToFloat(aclFloat16 value);
/* Rounds to nearest, ties to even; too large a number becomes infinity, NaN stays NaN. */
ACL_FUNC_VISIBILITY aclFloat16 aclFloatToFloat16(float value);

/* ---- data buffers ---- */

/*
 * An address and a size in one object. It neither owns nor copies the memory.
 *
 * data, size  may be NULL and 0: aclmdlExecute then provides memory for an output whose size only
 *             running tells; release it with aclrtFree.
 * Returns     NULL when memory ran out.
 */
ACL_FUNC_VISIBILITY aclDataBuffer *aclCreateDataBuffer(void *data, size_t size);
/* Frees the object, never the memory behind it. A dataset that still holds it says so when it is
 * used. */
ACL_FUNC_VISIBILITY aclError aclDestroyDataBuffer(const aclDataBuffer *dataBuffer);
/* Makes the object stand for other memory. */
ACL_FUNC_VISIBILITY aclError aclUpdateDataBuffer(aclDataBuffer *dataBuffer, void *data,
    size_t size);
/* NULL / 0 when the handle is bad. aclGetDataBufferSize cuts sizes of 4 GiB and more; use V2. */
ACL_FUNC_VISIBILITY void *aclGetDataBufferAddr(const aclDataBuffer *dataBuffer);
ACL_FUNC_VISIBILITY uint32_t aclGetDataBufferSize(const aclDataBuffer *dataBuffer);
ACL_FUNC_VISIBILITY size_t aclGetDataBufferSizeV2(const aclDataBuffer *dataBuffer);

/* ---- tensor descriptions ---- */

/*
 * dims        numDims dimensions, copied; -1 for one that is not known. NULL only for numDims 0
 *             (a scalar).
 * Returns     NULL when an argument is wrong or memory ran out.
 */
ACL_FUNC_VISIBILITY aclTensorDesc *aclCreateTensorDesc(aclDataType dataType, int numDims,
    const int64_t *dims, aclFormat format);
/* Descriptions got from aclmdlCreateAndGetOpDesc come as a row: destroying the first destroys all.
 * NULL is ignored. */
ACL_FUNC_VISIBILITY void aclDestroyTensorDesc(const aclTensorDesc *desc);
/* ACL_DT_UNDEFINED / ACL_FORMAT_UNDEFINED when the handle is bad. */
ACL_FUNC_VISIBILITY aclDataType aclGetTensorDescType(const aclTensorDesc *desc);
ACL_FUNC_VISIBILITY aclFormat aclGetTensorDescFormat(const aclTensorDesc *desc);
/* Bytes and elements the shape needs; 0 when a dimension is not known. */
ACL_FUNC_VISIBILITY size_t aclGetTensorDescSize(const aclTensorDesc *desc);
ACL_FUNC_VISIBILITY size_t aclGetTensorDescElementCount(const aclTensorDesc *desc);
/* Number of dimensions; ACL_UNKNOWN_RANK for a shape of the single dimension -2. */
ACL_FUNC_VISIBILITY size_t aclGetTensorDescNumDims(const aclTensorDesc *desc);
/* Dimension `index`; -1 when unknown or out of range. V2 tells the two apart. */
ACL_FUNC_VISIBILITY int64_t aclGetTensorDescDim(const aclTensorDesc *desc, size_t index);
ACL_FUNC_VISIBILITY aclError aclGetTensorDescDimV2(const aclTensorDesc *desc, size_t index,
    int64_t *dimSize);
/* Smallest and largest value of dimension `index` into dimRange[0..1] (dimRangeNum is 2): the
 * dimension itself twice when it is known, else what aclSetTensorShapeRange gave; -1 = no bound. */
ACL_FUNC_VISIBILITY aclError aclGetTensorDescDimRange(const aclTensorDesc *desc, size_t index,
    size_t dimRangeNum, int64_t *dimRange);
/* The description `index` places after the first one of a row from aclmdlCreateAndGetOpDesc; index
 * 0 is desc itself. NULL past the end. */
ACL_FUNC_VISIBILITY aclTensorDesc *aclGetTensorDescByIndex(aclTensorDesc *desc, size_t index);
/* Address of the data of a failed operator's tensor, or of aclSetTensorConst; NULL if there is
 * none. */
ACL_FUNC_VISIBILITY void *aclGetTensorDescAddress(const aclTensorDesc *desc);
/* A name for messages and for matching; "" when never set. Valid until changed or destroyed. */
ACL_FUNC_VISIBILITY void aclSetTensorDescName(aclTensorDesc *desc, const char *name);
ACL_FUNC_VISIBILITY const char *aclGetTensorDescName(aclTensorDesc *desc);

/* Format and shape the tensor has in memory, and had in the source model, where they differ from
 * its own. Models here use neither; the values are kept. aclSetTensorStorage* are older names. */
ACL_FUNC_VISIBILITY aclError aclSetTensorFormat(aclTensorDesc *desc, aclFormat format);
ACL_FUNC_VISIBILITY aclError aclSetTensorShape(aclTensorDesc *desc, int numDims,
    const int64_t *dims);
ACL_FUNC_VISIBILITY aclError aclSetTensorStorageFormat(aclTensorDesc *desc, aclFormat format);
ACL_FUNC_VISIBILITY aclError aclSetTensorStorageShape(aclTensorDesc *desc, int numDims,
    const int64_t *dims);
ACL_FUNC_VISIBILITY aclError aclSetTensorOriginFormat(aclTensorDesc *desc, aclFormat format);
ACL_FUNC_VISIBILITY aclError aclSetTensorOriginShape(aclTensorDesc *desc, int numDims,
    const int64_t *dims);
/* Ranges of the dimensions (one for each) and of the values: {smallest, largest}; -1 = no bound. */
ACL_FUNC_VISIBILITY aclError aclSetTensorShapeRange(aclTensorDesc *desc, size_t dimsCount,
    int64_t dimsRange[][2]);
ACL_FUNC_VISIBILITY aclError aclSetTensorValueRange(aclTensorDesc *desc, size_t valueCount,
    int64_t valueRange[][2]);
/* Where the tensor of a single-operator call lies, and the name of the group of inputs it is in. */
ACL_FUNC_VISIBILITY aclError aclSetTensorPlaceMent(aclTensorDesc *desc, aclMemType memType);
ACL_FUNC_VISIBILITY aclError aclSetTensorDynamicInput(aclTensorDesc *desc,
    const char *dynamicInputName);
/* Marks the tensor as a constant; `length` bytes at dataBuffer are copied. */
ACL_FUNC_VISIBILITY aclError aclSetTensorConst(aclTensorDesc *desc, void *dataBuffer,
    size_t length);

/*
 * A new description of the same elements in another format, to be destroyed with
 * aclDestroyTensorDesc; name, ranges and constants are not copied. From NCHW, NHWC, HWCN, NCDHW or
 * NDHWC to one with the same axes, or with channels in blocks (NC1HWC0, NDC1HWC0: 32 elements of
 * one byte, else 16).
 *
 * Returns     ACL_ERROR_FORMAT_NOT_MATCH when no shape of dstFormat follows from the shape alone.
 */
ACL_FUNC_VISIBILITY aclError aclTransTensorDescFormat(const aclTensorDesc *srcDesc,
    aclFormat dstFormat, aclTensorDesc **dstDesc);

/* ---- system ---- */

/* Name of the chip programs were written for: Ascend310 unless PRUSIK_SOC says otherwise. Never
 * NULL; works before aclInit. */
ACL_FUNC_VISIBILITY const char *aclrtGetSocName(void);

/*
 * Writes a line of the program's own to the log: to stderr, or to stdout with
 * ASCEND_SLOG_PRINT_TO_STDOUT=1, if `logLevel` is at least ASCEND_GLOBAL_LOG_LEVEL (0 debug, 1
 * info, 2 warning, 3 error, 4 none; default 3). Use it through ACL_APP_LOG.
 */
ACL_FUNC_VISIBILITY void aclAppLog(aclLogLevel logLevel, const char *func, const char *file,
    uint32_t line, const char *fmt, ...);
#define ACL_APP_LOG(level, fmt, ...)                                                               \
    aclAppLog(level, __FUNCTION__, __FILE__, __LINE__, fmt, ##__VA_ARGS__)

/*
 * What the software can do. *cannAttrList is a list of *num attributes, constant and the library's.
 * A value is 1 for yes and 0 for no: infinities and NaNs come out of arithmetic (INF_NAN), bfloat16
 * is a type of models (BF16), operators are compiled when they first run (JIT_COMPILE; 0). Both
 * work before aclInit.
 */
ACL_FUNC_VISIBILITY aclError aclGetCannAttributeList(const aclCannAttr **cannAttrList, size_t *num);
ACL_FUNC_VISIBILITY aclError aclGetCannAttribute(aclCannAttr cannAttr, int32_t *value);
/* What a device has: threads that compute for either kind of core, and bytes of level-2 cache of
 * all its cores together. */
ACL_FUNC_VISIBILITY aclError aclGetDeviceCapability(uint32_t deviceId, aclDeviceInfo deviceInfo,
    int64_t *value);

#ifdef __cplusplus
}
#endif

#endif
