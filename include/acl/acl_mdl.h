/* SPDX-License-Identifier: Apache-2.0 */
/*
 * AscendCL models: load an offline model (.om), ask what it takes and gives, run it. See acl.h for
 * the conventions of every call.
 *
 *     uint32_t id;
 *     aclmdlLoadFromFile("net.om", &id);
 *     aclmdlDesc *desc = aclmdlCreateDesc();
 *     aclmdlGetDesc(desc, id);
 *     aclmdlDataset *in = aclmdlCreateDataset(), *out = aclmdlCreateDataset();
 *     for (size_t i = 0; i < aclmdlGetNumInputs(desc); i++) {
 *         size_t size = aclmdlGetInputSizeByIndex(desc, i);
 *         aclrtMalloc(&address, size, ACL_MEM_MALLOC_HUGE_FIRST);
 *         aclmdlAddDatasetBuffer(in, aclCreateDataBuffer(address, size));
 *     }
 *     ... the same for outputs; fill the inputs ...
 *     aclmdlExecute(id, in, out);
 *     aclmdlUnload(id);
 *
 * Buffers in a dataset stand in the order of the model's inputs or outputs. Datasets, buffers and
 * memory stay the program's: destroying a dataset destroys neither its buffers nor their memory.
 */
#ifndef PRUSIK_ACL_MDL_H
#define PRUSIK_ACL_MDL_H

#include "acl_base.h"
#include "acl_rt.h"

#ifdef __cplusplus
extern "C" {
#endif

#define ACL_DIM_ENDPOINTS       2
#define ACL_MAX_DIM_CNT         128
#define ACL_MAX_TENSOR_NAME_LEN 128
#define ACL_MAX_BATCH_NUM       128
#define ACL_MAX_HW_NUM          128
#define ACL_MAX_SHAPE_COUNT     128
#define ACL_INVALID_NODE_INDEX  4294967295U
/* Names of the extra inputs of models with gears and with dynamic preprocessing. */
#define ACL_DYNAMIC_TENSOR_NAME                 "ascend_mbatch_shape_data"
#define ACL_DYNAMIC_AIPP_NAME                   "ascend_dynamic_aipp_data"
#define ACL_ATTR_NAME_DATA_DUMP_ORIGIN_OP_NAMES "_datadump_original_op_names"
/* Values of ACL_MDL_LOAD_TYPE_SIZET. */
#define ACL_MDL_LOAD_FROM_FILE          1
#define ACL_MDL_LOAD_FROM_FILE_WITH_MEM 2
#define ACL_MDL_LOAD_FROM_MEM           3
#define ACL_MDL_LOAD_FROM_MEM_WITH_MEM  4
#define ACL_MDL_LOAD_FROM_FILE_WITH_Q   5
#define ACL_MDL_LOAD_FROM_MEM_WITH_Q    6
/* Values of ACL_MDL_WORKSPACE_MEM_OPTIMIZE. */
#define ACL_WORKSPACE_MEM_OPTIMIZE_DEFAULT     0
#define ACL_WORKSPACE_MEM_OPTIMIZE_INPUTOUTPUT 1

typedef struct aclmdlDataset aclmdlDataset;           /* a row of data buffers */
typedef struct aclmdlDesc aclmdlDesc;                 /* what a model takes and gives */
typedef struct aclmdlAIPP aclmdlAIPP;                 /* preprocessing parameters */
typedef struct aclAippExtendInfo aclAippExtendInfo;
typedef struct aclmdlConfigHandle aclmdlConfigHandle; /* how to load */
typedef struct aclmdlExecConfigHandle aclmdlExecConfigHandle; /* how to run */

/* Picture formats preprocessing takes. */
typedef enum aclAippInputFormat {
    ACL_YUV420SP_U8 = 1,
    ACL_XRGB8888_U8 = 2,
    ACL_RGB888_U8 = 3,
    ACL_YUV400_U8 = 4,
    ACL_NC1HWC0DI_FP16 = 5,
    ACL_NC1HWC0DI_S8 = 6,
    ACL_ARGB8888_U8 = 7,
    ACL_YUYV_U8 = 8,
    ACL_YUV422SP_U8 = 9,
    ACL_AYUV444_U8 = 10,
    ACL_RAW10 = 11,
    ACL_RAW12 = 12,
    ACL_RAW16 = 13,
    ACL_RAW24 = 14,
    ACL_AIPP_RESERVED = 65535
} aclAippInputFormat;

/* What aclmdlSetConfigOpt and aclmdlSetExecConfigOpt set; the end of the name tells the type of
 * the value. */
typedef enum aclmdlConfigAttr {
    ACL_MDL_PRIORITY_INT32 = 0,
    ACL_MDL_LOAD_TYPE_SIZET = 1,
    ACL_MDL_PATH_PTR = 2,
    ACL_MDL_MEM_ADDR_PTR = 3,
    ACL_MDL_MEM_SIZET = 4,
    ACL_MDL_WEIGHT_ADDR_PTR = 5,
    ACL_MDL_WEIGHT_SIZET = 6,
    ACL_MDL_WORKSPACE_ADDR_PTR = 7,
    ACL_MDL_WORKSPACE_SIZET = 8,
    ACL_MDL_INPUTQ_NUM_SIZET = 9,
    ACL_MDL_INPUTQ_ADDR_PTR = 10,
    ACL_MDL_OUTPUTQ_NUM_SIZET = 11,
    ACL_MDL_OUTPUTQ_ADDR_PTR = 12,
    ACL_MDL_WORKSPACE_MEM_OPTIMIZE = 13,
    ACL_MDL_WEIGHT_PATH_PTR = 14,
    ACL_MDL_MODEL_DESC_PTR = 15,
    ACL_MDL_MODEL_DESC_SIZET = 16,
    ACL_MDL_KERNEL_PTR = 17,
    ACL_MDL_KERNEL_SIZET = 18,
    ACL_MDL_KERNEL_ARGS_PTR = 19,
    ACL_MDL_KERNEL_ARGS_SIZET = 20,
    ACL_MDL_STATIC_TASK_PTR = 21,
    ACL_MDL_STATIC_TASK_SIZET = 22,
    ACL_MDL_DYNAMIC_TASK_PTR = 23,
    ACL_MDL_DYNAMIC_TASK_SIZET = 24
} aclmdlConfigAttr;
typedef enum aclmdlExecConfigAttr {
    ACL_MDL_STREAM_SYNC_TIMEOUT = 0,
    ACL_MDL_EVENT_SYNC_TIMEOUT = 1,
    ACL_MDL_WORK_ADDR_PTR = 2,
    ACL_MDL_WORK_SIZET = 3,
    ACL_MDL_MPAIMID_SIZET = 4,
    ACL_MDL_AICQOS_SIZET = 5,
    ACL_MDL_AICOST_SIZET = 6,
    ACL_MDL_MEC_TIMETHR_SIZET = 7
} aclmdlExecConfigAttr;

typedef enum aclmdlInputAippType {
    ACL_DATA_WITHOUT_AIPP = 0,
    ACL_DATA_WITH_STATIC_AIPP = 1,
    ACL_DATA_WITH_DYNAMIC_AIPP = 2,
    ACL_DYNAMIC_AIPP_NODE = 3
} aclmdlInputAippType;

/* Name and shape of an input or output. */
typedef struct aclmdlIODims {
    char name[128];
    size_t dimCount;
    int64_t dims[128];
} aclmdlIODims;

typedef struct aclAippDims {
    aclmdlIODims srcDims;
    size_t srcSize;
    aclmdlIODims aippOutdims;
    size_t aippOutSize;
} aclAippDims;

/* Batch sizes a model can be run with; batchCount 0: the model has no such gears. */
typedef struct aclmdlBatch {
    size_t batchCount;
    uint64_t batch[128];
} aclmdlBatch;

/* Heights and widths a model can be run with; hwCount 0: the model has no such gears. */
typedef struct aclmdlHW {
    size_t hwCount;
    uint64_t hw[128][2];
} aclmdlHW;

/* Preprocessing built into a model. */
typedef struct aclAippInfo {
    aclAippInputFormat inputFormat;
    int32_t srcImageSizeW;
    int32_t srcImageSizeH;
    int8_t cropSwitch;
    int32_t loadStartPosW;
    int32_t loadStartPosH;
    int32_t cropSizeW;
    int32_t cropSizeH;
    int8_t resizeSwitch;
    int32_t resizeOutputW;
    int32_t resizeOutputH;
    int8_t paddingSwitch;
    int32_t leftPaddingSize;
    int32_t rightPaddingSize;
    int32_t topPaddingSize;
    int32_t bottomPaddingSize;
    int8_t cscSwitch;
    int8_t rbuvSwapSwitch;
    int8_t axSwapSwitch;
    int8_t singleLineMode;
    int32_t matrixR0C0;
    int32_t matrixR0C1;
    int32_t matrixR0C2;
    int32_t matrixR1C0;
    int32_t matrixR1C1;
    int32_t matrixR1C2;
    int32_t matrixR2C0;
    int32_t matrixR2C1;
    int32_t matrixR2C2;
    int32_t outputBias0;
    int32_t outputBias1;
    int32_t outputBias2;
    int32_t inputBias0;
    int32_t inputBias1;
    int32_t inputBias2;
    int32_t meanChn0;
    int32_t meanChn1;
    int32_t meanChn2;
    int32_t meanChn3;
    float minChn0;
    float minChn1;
    float minChn2;
    float minChn3;
    float varReciChn0;
    float varReciChn1;
    float varReciChn2;
    float varReciChn3;
    aclFormat srcFormat;
    aclDataType srcDatatype;
    size_t srcDimNum;
    size_t shapeCount;
    aclAippDims outDims[128];
    aclAippExtendInfo *aippExtend;
} aclAippInfo;

typedef struct aclmdlExeOMDesc {
    size_t workSize;
    size_t weightSize;
    size_t modelDescSize;
    size_t kernelSize;
    size_t kernelArgsSize;
    size_t staticTaskSize;
    size_t dynamicTaskSize;
    size_t reserved[9];
} aclmdlExeOMDesc;

typedef struct aclmdlIODimsRange {
    size_t rangeCount;
    int64_t range[128][2];
} aclmdlIODimsRange;

/* ---- loading ---- */

/*
 * Loads a model in the current context. Everything the file says is checked, and everything that
 * could not run is said now; what is loaded no longer depends on the file.
 *
 * modelId     gets a number from 1 on that stands for the model until aclmdlUnload. On other
 *             implementations a model may be run and unloaded only in the context that loaded it,
 *             and by one thread at a time; here any context of the same device will do, and runs
 *             of one model in several threads at once share its weights.
 * Returns     ACL_ERROR_GE_EXEC_MODEL_PATH_INVALID when the file cannot be read,
 *             ACL_ERROR_GE_EXEC_MODEL_DATA_SIZE_INVALID or ACL_ERROR_GE_LOAD_MODEL when it is not
 *             a whole and sound model, ACL_ERROR_FEATURE_UNSUPPORTED when it needs what this
 *             version cannot do, ACL_ERROR_GE_MEMORY_ALLOCATION.
 */
ACL_FUNC_VISIBILITY aclError aclmdlLoadFromFile(const char *modelPath, uint32_t *modelId);
/* The same from `modelSize` bytes in memory, which may be released afterwards. */
ACL_FUNC_VISIBILITY aclError aclmdlLoadFromMem(const void *model, size_t modelSize,
    uint32_t *modelId);
/*
 * The same with memory the program provides (sizes from aclmdlQuerySize; NULL and 0: none).
 * Weights are repacked for this processor, so the memory is not used; it must be large enough all
 * the same, since elsewhere it would have to be.
 */
ACL_FUNC_VISIBILITY aclError aclmdlLoadFromFileWithMem(const char *modelPath, uint32_t *modelId,
    void *workPtr, size_t workSize, void *weightPtr, size_t weightSize);
ACL_FUNC_VISIBILITY aclError aclmdlLoadFromMemWithMem(const void *model, size_t modelSize,
    uint32_t *modelId, void *workPtr, size_t workSize, void *weightPtr, size_t weightSize);
/*
 * Unloads a model. The id is gone at once; runs that have begun or are queued still end well, and
 * the memory goes with the last of them. Descriptions keep what they say.
 */
ACL_FUNC_VISIBILITY aclError aclmdlUnload(uint32_t modelId);
/* Bytes of working memory and of weights the model wants; both at least 1. Need no context. */
ACL_FUNC_VISIBILITY aclError aclmdlQuerySize(const char *fileName, size_t *workSize,
    size_t *weightSize);
ACL_FUNC_VISIBILITY aclError aclmdlQuerySizeFromMem(const void *model, size_t modelSize,
    size_t *workSize, size_t *weightSize);

/*
 * The sizes of a model's parts. Here the description and the static tasks have one; code and
 * arguments of kernels and dynamic tasks are a chip's, so theirs is 0.
 */
ACL_FUNC_VISIBILITY aclError aclmdlQueryExeOMDesc(const char *fileName,
    aclmdlExeOMDesc *mdlPartitionSize);

/*
 * Loading by settings: ACL_MDL_LOAD_TYPE_SIZET (one of ACL_MDL_LOAD_*) and what the type needs
 * (ACL_MDL_PATH_PTR, or ACL_MDL_MEM_ADDR_PTR and ACL_MDL_MEM_SIZET; memory as above). attrValue
 * points at the value: at a char * for a path, at a void * for an address, at a size_t for a size.
 * A path is copied. The others:
 *
 * MODEL_DESC, KERNEL, KERNEL_ARGS, STATIC_TASK, DYNAMIC_TASK (_PTR and _SIZET)
 *             memory for these parts, for the load types with memory: not used, but it must be
 *             large enough (aclmdlQueryExeOMDesc), like work and weight memory
 * PRIORITY_INT32
 *             0 to 7; makes no difference: models share the processor
 * WORKSPACE_MEM_OPTIMIZE
 *             one of ACL_WORKSPACE_MEM_OPTIMIZE_*; makes no difference: work memory is always
 *             shared between values that do not live at once
 * WEIGHT_PATH_PTR
 *             the folder of weights outside the .om: not looked at, as models of this library hold
 *             their weights; the log says so
 * INPUTQ_..., OUTPUTQ_...
 *             for ACL_MDL_LOAD_FROM_FILE_WITH_Q and _FROM_MEM_WITH_Q: how many queues, and the
 *             address of their ids (aclmdlLoadFromFileWithQ)
 */
ACL_FUNC_VISIBILITY aclmdlConfigHandle *aclmdlCreateConfigHandle(void);
ACL_FUNC_VISIBILITY aclError aclmdlSetConfigOpt(aclmdlConfigHandle *handle, aclmdlConfigAttr attr,
    const void *attrValue, size_t valueSize);
ACL_FUNC_VISIBILITY aclError aclmdlLoadWithConfig(const aclmdlConfigHandle *handle,
    uint32_t *modelId);
ACL_FUNC_VISIBILITY aclError aclmdlDestroyConfigHandle(aclmdlConfigHandle *handle);

/*
 * Bundles, files of several models. Those of this library hold one model each, and an .om is a
 * bundle of that one; it is run by the id aclmdlBundleGetModelId gives and unloaded with
 * aclmdlBundleUnload, not with aclmdlUnload. Codes as for aclmdlLoadFromFile.
 */
ACL_FUNC_VISIBILITY aclError aclmdlBundleLoadFromFile(const char *modelPath, uint32_t *bundleId);
ACL_FUNC_VISIBILITY aclError aclmdlBundleLoadFromMem(const void *model, size_t modelSize,
    uint32_t *bundleId);
ACL_FUNC_VISIBILITY aclError aclmdlBundleGetModelNum(uint32_t bundleId, size_t *modelNum);
ACL_FUNC_VISIBILITY aclError aclmdlBundleGetModelId(uint32_t bundleId, size_t index,
    uint32_t *modelId);
ACL_FUNC_VISIBILITY aclError aclmdlBundleUnload(uint32_t bundleId);

/* ---- describing ---- */

/* An empty description; aclmdlGetDesc fills it, again and again if wanted. NULL: no memory. */
ACL_FUNC_VISIBILITY aclmdlDesc *aclmdlCreateDesc(void);
ACL_FUNC_VISIBILITY aclError aclmdlDestroyDesc(aclmdlDesc *modelDesc);
/* Describes a loaded model. The description stays valid after aclmdlUnload. */
ACL_FUNC_VISIBILITY aclError aclmdlGetDesc(aclmdlDesc *modelDesc, uint32_t modelId);
/* Describes a model without loading it. */
ACL_FUNC_VISIBILITY aclError aclmdlGetDescFromFile(aclmdlDesc *modelDesc, const char *modelPath);
ACL_FUNC_VISIBILITY aclError aclmdlGetDescFromMem(aclmdlDesc *modelDesc, const void *model,
    size_t modelSize);
/* 0 when the handle is bad or empty. */
ACL_FUNC_VISIBILITY size_t aclmdlGetNumInputs(aclmdlDesc *modelDesc);
ACL_FUNC_VISIBILITY size_t aclmdlGetNumOutputs(aclmdlDesc *modelDesc);
/* Bytes of an input or output; 0 when a dimension is not known before the run, and for a bad index
 * or handle (the message tells which). */
ACL_FUNC_VISIBILITY size_t aclmdlGetInputSizeByIndex(aclmdlDesc *modelDesc, size_t index);
ACL_FUNC_VISIBILITY size_t aclmdlGetOutputSizeByIndex(aclmdlDesc *modelDesc, size_t index);
/*
 * Name and shape; -1 for a dimension that is not known before the run. A name longer than 127 bytes
 * appears as acl_modelId_ID_input_INDEX or ..._output_INDEX, with _1, _2 ... behind it should the
 * model have that name already; aclmdlGetTensorRealName maps it back.
 */
ACL_FUNC_VISIBILITY aclError aclmdlGetInputDims(const aclmdlDesc *modelDesc, size_t index,
    aclmdlIODims *dims);
ACL_FUNC_VISIBILITY aclError aclmdlGetOutputDims(const aclmdlDesc *modelDesc, size_t index,
    aclmdlIODims *dims);
/* Least and largest size of each dimension: over all gears, or as given to atc's
 * --input_shape_range; -1 is no limit. */
ACL_FUNC_VISIBILITY aclError aclmdlGetInputDimsRange(const aclmdlDesc *modelDesc, size_t index,
    aclmdlIODimsRange *dimsRange);
/* As aclmdlGetInputDims; with built-in preprocessing, the shape of the picture buffer. */
ACL_FUNC_VISIBILITY aclError aclmdlGetInputDimsV2(const aclmdlDesc *modelDesc, size_t index,
    aclmdlIODims *dims);
/* The shape at the gear last set, by any thread (before, the largest); for a model without gears,
 * aclmdlGetOutputDims. */
ACL_FUNC_VISIBILITY aclError aclmdlGetCurOutputDims(const aclmdlDesc *modelDesc, size_t index,
    aclmdlIODims *dims);
/* The full name behind a shortened one; other names of the model come back as they are. NULL: no
 * such input or output. */
ACL_FUNC_VISIBILITY const char *aclmdlGetTensorRealName(const aclmdlDesc *modelDesc,
    const char *name);
/* "" for a bad index or handle. Valid as long as the description says it. */
ACL_FUNC_VISIBILITY const char *aclmdlGetInputNameByIndex(const aclmdlDesc *modelDesc,
    size_t index);
ACL_FUNC_VISIBILITY const char *aclmdlGetOutputNameByIndex(const aclmdlDesc *modelDesc,
    size_t index);
/* ACL_FORMAT_UNDEFINED / ACL_DT_UNDEFINED for a bad index or handle. */
ACL_FUNC_VISIBILITY aclFormat aclmdlGetInputFormat(const aclmdlDesc *modelDesc, size_t index);
ACL_FUNC_VISIBILITY aclFormat aclmdlGetOutputFormat(const aclmdlDesc *modelDesc, size_t index);
ACL_FUNC_VISIBILITY aclDataType aclmdlGetInputDataType(const aclmdlDesc *modelDesc, size_t index);
ACL_FUNC_VISIBILITY aclDataType aclmdlGetOutputDataType(const aclmdlDesc *modelDesc, size_t index);
/* Returns     ACL_ERROR_INVALID_PARAM, and leaves *index alone, when there is no such name. */
ACL_FUNC_VISIBILITY aclError aclmdlGetInputIndexByName(const aclmdlDesc *modelDesc,
    const char *name, size_t *index);
ACL_FUNC_VISIBILITY aclError aclmdlGetOutputIndexByName(const aclmdlDesc *modelDesc,
    const char *name, size_t *index);

/*
 * A text attribute of an operator. There is one, ACL_ATTR_NAME_DATA_DUMP_ORIGIN_OP_NAMES: the
 * operators it was made of, "[4]conv[4]relu" with the length of each name before it. An .om keeps
 * operators as they were, and fusing happens at load, so that is the operator itself. "" for
 * another attribute or operator, NULL when the call fails. Valid as long as the description says
 * it.
 */
ACL_FUNC_VISIBILITY const char *aclmdlGetOpAttr(aclmdlDesc *modelDesc, const char *opName,
    const char *attr);

/* ---- gears ---- */

/*
 * A model converted with atc's --dynamic_batch_size, --dynamic_image_size or --dynamic_dims runs at
 * one of several sizes, its gears. It has one input more, the last, ACL_DYNAMIC_TENSOR_NAME: INT32,
 * one value for each size of a gear. Sizes in bytes and output dimensions are those of the largest
 * gear; aclmdlGetInputDims shows -1 where a gear decides.
 *
 * These tell the gears; a count of 0 means that the model has none of that kind. `index` is
 * reserved: (size_t)-1. Each element of `dims` has the dimensions of all inputs of the network at
 * one gear, one behind the other; gearCount is how many elements there are, at least the number of
 * gears.
 */
ACL_FUNC_VISIBILITY aclError aclmdlGetDynamicBatch(const aclmdlDesc *modelDesc, aclmdlBatch *batch);
ACL_FUNC_VISIBILITY aclError aclmdlGetDynamicHW(const aclmdlDesc *modelDesc, size_t index,
    aclmdlHW *hw);
ACL_FUNC_VISIBILITY aclError aclmdlGetInputDynamicGearCount(const aclmdlDesc *modelDesc,
    size_t index, size_t *gearCount);
ACL_FUNC_VISIBILITY aclError aclmdlGetInputDynamicDims(const aclmdlDesc *modelDesc, size_t index,
    aclmdlIODims *dims, size_t gearCount);
/*
 * Choose a gear for the next run with this dataset, whose buffer for ACL_DYNAMIC_TENSOR_NAME gets
 * the sizes: 8 bytes each where the buffer has room, else 4. So runs of one model at different
 * gears in several threads or streams need a dataset each and nothing else. A queued run keeps the
 * gear that was chosen when it was queued.
 *
 * index       of the input ACL_DYNAMIC_TENSOR_NAME (aclmdlGetInputIndexByName)
 * dims        the dimensions of all inputs of the network, as aclmdlGetInputDynamicDims gives them
 * Returns     ACL_ERROR_MODEL_NOT_DYNAMIC for a model without gears,
 *             ACL_ERROR_INVALID_PARAM for one with gears of another kind,
 *             ACL_ERROR_GE_DYNAMIC_BATCH_SIZE_INVALID for sizes that are no gear; aclmdlExecute,
 *             too, when none was chosen,
 *             ACL_ERROR_GE_DYNAMIC_INPUT_ADDR_INVALID or ACL_ERROR_GE_DYNAMIC_INPUT_LENGTH_INVALID
 *             when the buffer has no memory, or too little.
 */
ACL_FUNC_VISIBILITY aclError aclmdlSetDynamicBatchSize(uint32_t modelId, aclmdlDataset *dataset,
    size_t index, uint64_t batchSize);
ACL_FUNC_VISIBILITY aclError aclmdlSetDynamicHWSize(uint32_t modelId, aclmdlDataset *dataset,
    size_t index, uint64_t height, uint64_t width);
ACL_FUNC_VISIBILITY aclError aclmdlSetInputDynamicDims(uint32_t modelId, aclmdlDataset *dataset,
    size_t index, const aclmdlIODims *dims);

/* ---- built-in preprocessing (AIPP) ---- */

/* The kind of preprocessing behind input `index`.
 *
 * dynamicAttachedDataIndex  of an input with dynamic AIPP the input of its parameters
 *                           (ACL_DYNAMIC_AIPP_NAME), of that one the pictures; else
 *                           ACL_INVALID_NODE_INDEX
 */
ACL_FUNC_VISIBILITY aclError aclmdlGetAippType(uint32_t modelId, size_t index,
    aclmdlInputAippType *type, size_t *dynamicAttachedDataIndex);
/* The parameters of static AIPP, and for each batch the model can be run with the dimensions and
 * bytes of pictures and of what is made of them.
 *
 * Returns     ACL_ERROR_NOT_STATIC_AIPP for an input without static AIPP. */
ACL_FUNC_VISIBILITY aclError aclmdlGetFirstAippInfo(uint32_t modelId, size_t index,
    aclAippInfo *aippInfo);

/* Parameters of dynamic AIPP for `batchSize` pictures (1 to 127; with gears, of the largest gear).
 * At first everything is off, mean and min are 0, var_reci is 1; input format and source size have
 * no default. The caller destroys the object; NULL on failure. One object serves many runs and
 * models; calls on it may come from several threads. */
ACL_FUNC_VISIBILITY aclmdlAIPP *aclmdlCreateAIPP(uint64_t batchSize);
ACL_FUNC_VISIBILITY aclError aclmdlDestroyAIPP(const aclmdlAIPP *aippParmsSet);
/* Bytes of the parameter block for so many pictures: what the input ACL_DYNAMIC_AIPP_NAME takes. */
ACL_FUNC_VISIBILITY aclError aclmdlGetAippDataSize(uint64_t batchSize, size_t *size);

/* What holds for all pictures: format, size in memory (pixels; the width is the stride, too),
 * switches (0 or 1), colour conversion with a matrix in 1/256. ACL_ERROR_INVALID_PARAM for what is
 * out of range. docs/aipp.md has the formulas. */
ACL_FUNC_VISIBILITY aclError aclmdlSetAIPPInputFormat(aclmdlAIPP *aippParmsSet,
    aclAippInputFormat inputFormat);
ACL_FUNC_VISIBILITY aclError aclmdlSetAIPPSrcImageSize(aclmdlAIPP *aippParmsSet,
    int32_t srcImageSizeW, int32_t srcImageSizeH);
ACL_FUNC_VISIBILITY aclError aclmdlSetAIPPRbuvSwapSwitch(aclmdlAIPP *aippParmsSet,
    int8_t rbuvSwapSwitch);
ACL_FUNC_VISIBILITY aclError aclmdlSetAIPPAxSwapSwitch(aclmdlAIPP *aippParmsSet,
    int8_t axSwapSwitch);
ACL_FUNC_VISIBILITY aclError aclmdlSetAIPPCscParams(aclmdlAIPP *aippParmsSet, int8_t cscSwitch,
    int16_t cscMatrixR0C0, int16_t cscMatrixR0C1, int16_t cscMatrixR0C2, int16_t cscMatrixR1C0,
    int16_t cscMatrixR1C1, int16_t cscMatrixR1C2, int16_t cscMatrixR2C0, int16_t cscMatrixR2C1,
    int16_t cscMatrixR2C2, uint8_t cscOutputBiasR0, uint8_t cscOutputBiasR1,
    uint8_t cscOutputBiasR2, uint8_t cscInputBiasR0, uint8_t cscInputBiasR1,
    uint8_t cscInputBiasR2);
/* What each picture (batchIndex, from 0) has of its own: crop, resize ("scf"), padding in pixels
 * (at most 32 a side), and y = (x - mean - min) * varReci for each channel; min and varReci are
 * kept as 16-bit floats, as the parameter block has them. */
ACL_FUNC_VISIBILITY aclError aclmdlSetAIPPCropParams(aclmdlAIPP *aippParmsSet, int8_t cropSwitch,
    int32_t cropStartPosW, int32_t cropStartPosH, int32_t cropSizeW, int32_t cropSizeH,
    uint64_t batchIndex);
ACL_FUNC_VISIBILITY aclError aclmdlSetAIPPScfParams(aclmdlAIPP *aippParmsSet, int8_t scfSwitch,
    int32_t scfInputSizeW, int32_t scfInputSizeH, int32_t scfOutputSizeW, int32_t scfOutputSizeH,
    uint64_t batchIndex);
ACL_FUNC_VISIBILITY aclError aclmdlSetAIPPPaddingParams(aclmdlAIPP *aippParmsSet,
    int8_t paddingSwitch, int32_t paddingSizeTop, int32_t paddingSizeBottom,
    int32_t paddingSizeLeft, int32_t paddingSizeRight, uint64_t batchIndex);
ACL_FUNC_VISIBILITY aclError aclmdlSetAIPPDtcPixelMean(aclmdlAIPP *aippParmsSet,
    int16_t dtcPixelMeanChn0, int16_t dtcPixelMeanChn1, int16_t dtcPixelMeanChn2,
    int16_t dtcPixelMeanChn3, uint64_t batchIndex);
ACL_FUNC_VISIBILITY aclError aclmdlSetAIPPDtcPixelMin(aclmdlAIPP *aippParmsSet,
    float dtcPixelMinChn0, float dtcPixelMinChn1, float dtcPixelMinChn2, float dtcPixelMinChn3,
    uint64_t batchIndex);
ACL_FUNC_VISIBILITY aclError aclmdlSetAIPPPixelVarReci(aclmdlAIPP *aippParmsSet,
    float dtcPixelVarReciChn0, float dtcPixelVarReciChn1, float dtcPixelVarReciChn2,
    float dtcPixelVarReciChn3, uint64_t batchIndex);

/* Writes the parameters into the dataset's buffer for the input ACL_DYNAMIC_AIPP_NAME, before each
 * run that needs others. The sizes they make must be those of the model; the run checks that.
 *
 * index       aclmdlSetInputAIPP: of that input; aclmdlSetAIPPByInputIndex: of the pictures
 * Returns     ACL_ERROR_GE_AIPP_NOT_EXIST when the model has no dynamic AIPP,
 *             ACL_ERROR_GE_AIPP_MODE_INVALID for an input with static AIPP,
 *             ACL_ERROR_GE_DYNAMIC_INPUT_ADDR_INVALID or ACL_ERROR_GE_DYNAMIC_INPUT_LENGTH_INVALID
 *             when the buffer has no memory, or too little. */
ACL_FUNC_VISIBILITY aclError aclmdlSetInputAIPP(uint32_t modelId, aclmdlDataset *dataset,
    size_t index, const aclmdlAIPP *aippParmsSet);
ACL_FUNC_VISIBILITY aclError aclmdlSetAIPPByInputIndex(uint32_t modelId, aclmdlDataset *dataset,
    size_t index, const aclmdlAIPP *aippParmsSet);

/* ---- datasets ---- */

/* NULL: no memory. */
ACL_FUNC_VISIBILITY aclmdlDataset *aclmdlCreateDataset(void);
/* Neither buffers nor their memory are released. */
ACL_FUNC_VISIBILITY aclError aclmdlDestroyDataset(const aclmdlDataset *dataset);
/* Appends a buffer. The dataset holds it by its handle. */
ACL_FUNC_VISIBILITY aclError aclmdlAddDatasetBuffer(aclmdlDataset *dataset,
    aclDataBuffer *dataBuffer);
ACL_FUNC_VISIBILITY size_t aclmdlGetDatasetNumBuffers(const aclmdlDataset *dataset);
/* NULL for a bad index or handle, and when that buffer was destroyed. */
ACL_FUNC_VISIBILITY aclDataBuffer *aclmdlGetDatasetBuffer(const aclmdlDataset *dataset,
    size_t index);
/*
 * The true shape of buffer `index`, for models with dimensions that are not known before the run.
 * Copied. For an input: set it before the run. Of an output, aclmdlGetDatasetTensorDesc tells the
 * shape after the run; what it returns belongs to the dataset.
 */
ACL_FUNC_VISIBILITY aclError aclmdlSetDatasetTensorDesc(aclmdlDataset *dataset,
    aclTensorDesc *tensorDesc, size_t index);
ACL_FUNC_VISIBILITY aclTensorDesc *aclmdlGetDatasetTensorDesc(const aclmdlDataset *dataset,
    size_t index);

/* ---- running ---- */

/*
 * Runs a model and returns when the outputs are there.
 *
 * input       as many buffers as the model has inputs. A buffer larger than the input needs is
 *             fine; a smaller one is an error.
 * output      likewise. Only the bytes the output has are written; a smaller buffer is an error
 *             whose message names the output, the size it has and the size it needs, and nothing
 *             is written. A buffer without memory (NULL, 0) gets some, to be released with
 *             aclrtFree, when the size is not known before the run.
 * Returns     ACL_ERROR_GE_EXEC_MODEL_ID_INVALID, ACL_ERROR_GE_PARAM_INVALID,
 *             ACL_ERROR_RT_CONTEXT_NULL, ACL_ERROR_RT_MODEL_EXECUTE when the model failed
 *             while it ran.
 */
ACL_FUNC_VISIBILITY aclError aclmdlExecute(uint32_t modelId, const aclmdlDataset *input,
    aclmdlDataset *output);
/*
 * Queues the run on a stream. Buffers and sizes are read now, memory when the run begins: leave
 * both alone until the stream was synchronized. Arguments that are wrong are said at once.
 */
ACL_FUNC_VISIBILITY aclError aclmdlExecuteAsync(uint32_t modelId, const aclmdlDataset *input,
    aclmdlDataset *output, aclrtStream stream);
/* Settings of one run; ACL_MDL_STREAM_SYNC_TIMEOUT (int32, milliseconds, -1: for ever) bounds the
 * wait of aclmdlExecuteV2, which runs on `stream`. Others are checked and make no difference. */
ACL_FUNC_VISIBILITY aclmdlExecConfigHandle *aclmdlCreateExecConfigHandle(void);
ACL_FUNC_VISIBILITY aclError aclmdlDestroyExecConfigHandle(const aclmdlExecConfigHandle *handle);
ACL_FUNC_VISIBILITY aclError aclmdlSetExecConfigOpt(aclmdlExecConfigHandle *handle,
    aclmdlExecConfigAttr attr, const void *attrValue, size_t valueSize);
ACL_FUNC_VISIBILITY aclError aclmdlExecuteV2(uint32_t modelId, const aclmdlDataset *input,
    aclmdlDataset *output, aclrtStream stream, const aclmdlExecConfigHandle *handle);
ACL_FUNC_VISIBILITY aclError aclmdlExecuteAsyncV2(uint32_t modelId, const aclmdlDataset *input,
    aclmdlDataset *output, aclrtStream stream, const aclmdlExecConfigHandle *handle);

/*
 * Inside or after an exception callback: what failed. device, stream and task come from the
 * exception.
 *
 * opName      gets the name of the model, cut to opNameLen bytes.
 * inputDesc   the first of *numInputs descriptions of its inputs; the others through
 *             aclGetTensorDescByIndex; outputs likewise. Destroy both with aclDestroyTensorDesc.
 */
ACL_FUNC_VISIBILITY aclError aclmdlCreateAndGetOpDesc(uint32_t deviceId, uint32_t streamId,
    uint32_t taskId, char *opName, size_t opNameLen, aclTensorDesc **inputDesc, size_t *numInputs,
    aclTensorDesc **outputDesc, size_t *numOutputs);

/* ---- dumping ---- */

/*
 * Writing down what operators took and gave, to find where two runs part. aclInit with a section
 * `dump` in its configuration begins it for the whole process; else aclmdlInitDump begins it,
 * aclmdlSetDump says of which models, and aclmdlFinalizeDump ends it. docs/profiling.md has an
 * example.
 *
 * Models are chosen when they are loaded: those loaded before stay as they are, and those loaded
 * after aclmdlFinalizeDump too. Every run of a chosen model then writes, in the thread it runs in,
 *
 *     {dump_path}/{time}/{device}/{model name}/{model id}/{run, from 0}/
 *         {op type}.{op name}.{task id}.{stream id}.{microseconds}.output.{index}.npy
 *
 * with a file for each tensor, in the order of the operators. Characters that do not belong into a
 * file's name become _. What cannot be written is said in the log, once for a model; the run itself
 * goes on. aclFinalize ends dumping too.
 */

/* Returns ACL_ERROR_DUMP_ALREADY_RUN when dumping has begun. */
ACL_FUNC_VISIBILITY aclError aclmdlInitDump(void);

/*
 * dumpCfgPath  a file as for aclInit, of which the section `dump` counts:
 *     dump_path  a folder that exists; relative to the working directory unless it begins with /
 *     dump_list  [{"model_name": "...", "layer": ["...", ...]}, ...]; a model is named by its .om
 *                file without the ending, or by its inner name; without model_name the entry is
 *                for all models; without layer it is for all operators. A layer may be the name of
 *                an operator or of a tensor it gives. Layers that the converter fused into others
 *                are named in the log. An empty list chooses no model.
 *     dump_mode  "output" (default), "input" or "all"; weights count as inputs
 *     dump_data  "tensor" (default), or "stats": a .csv for each operator with size, type, shape,
 *                most, least, mean and norm of each tensor instead of the tensors
 *     dump_op_switch  "on": operators called alone (acl_op.h), too, as
 *                {dump_path}/{time}/{device}/{op type}.{op type}.{task id}.{stream id}....npy
 *     dump_step  which runs, counted from 0 for each model and for operators together: "0|2|5-9"
 *     dump_debug "on": only operators that make an infinity or NaN of what was finite, their inputs
 *                and outputs unless dump_mode says otherwise; of every model if dump_list is empty,
 *                and of operators called alone
 *     dump_scene "lite_exception": the inputs of a run that fails, of an operator or of a model
 *                (then the type is Model), to {dump_path}/extra-info/data-dump/{device}/; dump_path
 *                may then be missing, which means the working directory
 * Other values of dump_scene, and dump_level "kernel", are about Ascend cores; the log says so. A
 * second call adds to the first; for a model that both choose, the second counts.
 * Returns      ACL_ERROR_DUMP_NOT_RUN when dumping has not begun, ACL_ERROR_INVALID_DUMP_CONFIG for
 *              wrong values, and what aclInit returns for a file that cannot be read.
 */
ACL_FUNC_VISIBILITY aclError aclmdlSetDump(const char *dumpCfgPath);

/* Returns ACL_ERROR_DUMP_NOT_RUN when dumping has not begun. */
ACL_FUNC_VISIBILITY aclError aclmdlFinalizeDump(void);

/*
 * A model between queues (acl_tdt_queue.h): a thread of its own takes one buffer from each input
 * queue, in the order of the inputs, runs, and puts one buffer into each output queue, until
 * aclmdlUnload. Outputs carry the user data of the first input; buffers that do not fit the model
 * are dropped with a warning in the log. One queue per input and output, and outputs of fixed size.
 * ACL_ERROR_GE_EXEC_MODEL_QUEUE_ID_INVALID for an id that stands for no queue.
 */
ACL_FUNC_VISIBILITY aclError aclmdlLoadFromFileWithQ(const char *modelPath, uint32_t *modelId,
    const uint32_t *inputQ, size_t inputQNum, const uint32_t *outputQ, size_t outputQNum);
ACL_FUNC_VISIBILITY aclError aclmdlLoadFromMemWithQ(const void *model, size_t modelSize,
    uint32_t *modelId, const uint32_t *inputQ, size_t inputQNum, const uint32_t *outputQ,
    size_t outputQNum);

#ifdef __cplusplus
}
#endif

#endif
