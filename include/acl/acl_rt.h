/* SPDX-License-Identifier: Apache-2.0 */
/*
 * AscendCL runtime: devices, contexts, streams, events, callbacks, memory. See acl.h for the
 * conventions of every call.
 *
 * A device is a set of processor cores: device 0 is all of them unless PRUSIK_DEVICES divides
 * them. Its workers and the threads of its streams stay on its cores; the program's own threads,
 * which take part in what they wait for (aclmdlExecute), are not moved. A context belongs to a
 * device; each thread has at most one current context, and calls that create or use things of a
 * device act on it. A thread gets one from aclrtSetDevice (the device's default context),
 * aclrtCreateContext or aclrtSetCurrentContext; without one, such calls return
 * ACL_ERROR_RT_CONTEXT_NULL. Threads may share a context.
 *
 * A stream runs what is queued on it in order, on a thread of its own. NULL stands for the default
 * stream of the calling thread's current context. Memory is one and the same for host and devices,
 * so every aclrtMemcpyKind is a plain copy.
 */
#ifndef PRUSIK_ACL_RT_H
#define PRUSIK_ACL_RT_H

#include "acl_base.h"

#ifdef __cplusplus
extern "C" {
#endif

#define ACL_EVENT_SYNC                    1
#define ACL_EVENT_CAPTURE_STREAM_PROGRESS 2
#define ACL_EVENT_TIME_LINE               8
#define ACL_STREAM_FAST_LAUNCH 1
#define ACL_STREAM_FAST_SYNC   2
#define ACL_CONTINUE_ON_FAILURE 0
#define ACL_STOP_ON_FAILURE     1
#define UCE_INFO_RESERVED_SIZE      14
#define MAX_MEM_UCE_INFO_ARRAY_SIZE 128

/* Where the program runs: ACL_HOST beside the device, ACL_DEVICE on it. */
typedef enum aclrtRunMode {
    ACL_DEVICE = 0,
    ACL_HOST = 1
} aclrtRunMode;
typedef enum aclrtTsId {
    ACL_TS_ID_AICORE = 0,
    ACL_TS_ID_AIVECTOR = 1,
    ACL_TS_ID_RESERVED = 2
} aclrtTsId;
typedef enum aclrtEventStatus {
    ACL_EVENT_STATUS_COMPLETE = 0,
    ACL_EVENT_STATUS_NOT_READY = 1,
    ACL_EVENT_STATUS_RESERVED = 2
} aclrtEventStatus;
typedef enum aclrtEventRecordedStatus {
    ACL_EVENT_RECORDED_STATUS_NOT_READY = 0,
    ACL_EVENT_RECORDED_STATUS_COMPLETE = 1
} aclrtEventRecordedStatus;
typedef enum aclrtEventWaitStatus {
    ACL_EVENT_WAIT_STATUS_COMPLETE = 0,
    ACL_EVENT_WAIT_STATUS_NOT_READY = 1,
    ACL_EVENT_WAIT_STATUS_RESERVED = 65535
} aclrtEventWaitStatus;
typedef enum aclrtStreamStatus {
    ACL_STREAM_STATUS_COMPLETE = 0,
    ACL_STREAM_STATUS_NOT_READY = 1,
    ACL_STREAM_STATUS_RESERVED = 65535
} aclrtStreamStatus;
/* Whether a stream waits for a callback to end. */
typedef enum aclrtCallbackBlockType {
    ACL_CALLBACK_NO_BLOCK = 0,
    ACL_CALLBACK_BLOCK = 1
} aclrtCallbackBlockType;
/* Direction of a copy; makes no difference here. ACL_MEMCPY_DEFAULT: from the addresses. */
typedef enum aclrtMemcpyKind {
    ACL_MEMCPY_HOST_TO_HOST = 0,
    ACL_MEMCPY_HOST_TO_DEVICE = 1,
    ACL_MEMCPY_DEVICE_TO_HOST = 2,
    ACL_MEMCPY_DEVICE_TO_DEVICE = 3,
    ACL_MEMCPY_DEFAULT = 4
} aclrtMemcpyKind;
/* Page sizes wished for; a hint only. */
typedef enum aclrtMemMallocPolicy {
    ACL_MEM_MALLOC_HUGE_FIRST = 0,
    ACL_MEM_MALLOC_HUGE_ONLY = 1,
    ACL_MEM_MALLOC_NORMAL_ONLY = 2,
    ACL_MEM_MALLOC_HUGE_FIRST_P2P = 3,
    ACL_MEM_MALLOC_HUGE_ONLY_P2P = 4,
    ACL_MEM_MALLOC_NORMAL_ONLY_P2P = 5,
    ACL_MEM_TYPE_LOW_BAND_WIDTH = 256,
    ACL_MEM_TYPE_HIGH_BAND_WIDTH = 4096
} aclrtMemMallocPolicy;
/* Kinds of memory aclrtGetMemInfo tells about; all the same memory here. */
typedef enum aclrtMemAttr {
    ACL_DDR_MEM = 0,
    ACL_HBM_MEM = 1,
    ACL_DDR_MEM_HUGE = 2,
    ACL_DDR_MEM_NORMAL = 3,
    ACL_HBM_MEM_HUGE = 4,
    ACL_HBM_MEM_NORMAL = 5,
    ACL_DDR_MEM_P2P_HUGE = 6,
    ACL_DDR_MEM_P2P_NORMAL = 7,
    ACL_HBM_MEM_P2P_HUGE = 8,
    ACL_HBM_MEM_P2P_NORMAL = 9
} aclrtMemAttr;
typedef enum aclrtGroupAttr {
    ACL_GROUP_AICORE_INT = 0,
    ACL_GROUP_AIV_INT = 1,
    ACL_GROUP_AIC_INT = 2,
    ACL_GROUP_SDMANUM_INT = 3,
    ACL_GROUP_ASQNUM_INT = 4,
    ACL_GROUP_GROUPID_INT = 5
} aclrtGroupAttr;
typedef enum aclrtFloatOverflowMode {
    ACL_RT_OVERFLOW_MODE_SATURATION = 0,
    ACL_RT_OVERFLOW_MODE_INFNAN = 1,
    ACL_RT_OVERFLOW_MODE_UNDEF = 2
} aclrtFloatOverflowMode;
typedef enum aclrtStreamConfigAttr {
    ACL_RT_STREAM_WORK_ADDR_PTR = 0,
    ACL_RT_STREAM_WORK_SIZE = 1,
    ACL_RT_STREAM_FLAG = 2,
    ACL_RT_STREAM_PRIORITY = 3
} aclrtStreamConfigAttr;
typedef enum aclrtMemLocationType {
    ACL_MEM_LOCATION_TYPE_HOST = 0,
    ACL_MEM_LOCATION_TYPE_DEVICE = 1
} aclrtMemLocationType;
typedef enum aclrtMemAllocationType {
    ACL_MEM_ALLOCATION_TYPE_PINNED = 0
} aclrtMemAllocationType;
typedef enum aclrtMemHandleType {
    ACL_MEM_HANDLE_TYPE_NONE = 0
} aclrtMemHandleType;
typedef enum aclrtMemGranularityOptions {
    ACL_RT_MEM_ALLOC_GRANULARITY_MINIMUM = 0,
    ACL_RT_MEM_ALLOC_GRANULARITY_RECOMMENDED = 1,
    ACL_RT_MEM_ALLOC_GRANULARITY_UNDEF = 65535
} aclrtMemGranularityOptions;
typedef enum aclrtDeviceStatus {
    ACL_RT_DEVICE_STATUS_NORMAL = 0,
    ACL_RT_DEVICE_STATUS_ABNORMAL = 1,
    ACL_RT_DEVICE_STATUS_END = 65535
} aclrtDeviceStatus;

typedef struct tagRtGroupInfo aclrtGroupInfo;
typedef struct rtExceptionInfo aclrtExceptionInfo;
typedef struct aclrtUtilizationExtendInfo aclrtUtilizationExtendInfo;
typedef void *aclrtDrvMemHandle;
typedef void *aclrtBinary;
typedef void *aclrtBinHandle;
typedef void *aclrtFuncHandle;

/* What aclrtLaunchCallback runs. */
typedef void (*aclrtCallback)(void *userData);
/* What runs when a task fails on a device; see aclrtSetExceptionInfoCallback. */
typedef void (*aclrtExceptionInfoCallback)(aclrtExceptionInfo *exceptionInfo);

/* Settings of a stream to create; set through aclrtSetStreamConfigOpt. */
typedef struct aclrtStreamConfigHandle {
    void *workptr;
    size_t workSize;
    size_t flag;
    uint32_t priority;
} aclrtStreamConfigHandle;

typedef struct aclrtUtilizationInfo {
    int32_t cubeUtilization;
    int32_t vectorUtilization;
    int32_t aicpuUtilization;
    int32_t memoryUtilization;
    aclrtUtilizationExtendInfo *utilizationExtend;
} aclrtUtilizationInfo;

typedef struct aclrtMemLocation {
    uint32_t id;
    aclrtMemLocationType type;
} aclrtMemLocation;

typedef struct aclrtPhysicalMemProp {
    aclrtMemHandleType handleType;
    aclrtMemAllocationType allocationType;
    aclrtMemAttr memAttr;
    aclrtMemLocation location;
    uint64_t reserve;
} aclrtPhysicalMemProp;

typedef struct aclrtMemUceInfo {
    void *addr;
    size_t len;
    size_t reserved[14];
} aclrtMemUceInfo;

/* ---- devices ---- */

/*
 * Makes the default context of device `deviceId` the calling thread's current context, and creates
 * it if need be. Counts: each aclrtSetDevice wants its aclrtResetDevice.
 *
 * Returns     ACL_ERROR_RT_INVALID_DEVICEID when there is no such device.
 */
ACL_FUNC_VISIBILITY aclError aclrtSetDevice(int32_t deviceId);
/*
 * Takes one aclrtSetDevice back; the last one waits for the default stream and destroys the default
 * context. Harmless when nothing was set.
 */
ACL_FUNC_VISIBILITY aclError aclrtResetDevice(int32_t deviceId);
/* Takes all of them back at once. */
ACL_FUNC_VISIBILITY aclError aclrtResetDeviceForce(int32_t deviceId);
/* Device of the current context; ACL_ERROR_RT_CONTEXT_NULL when the thread has none. */
ACL_FUNC_VISIBILITY aclError aclrtGetDevice(int32_t *deviceId);
/* At least 1; ids are 0 to count-1. */
ACL_FUNC_VISIBILITY aclError aclrtGetDeviceCount(uint32_t *count);
/* ACL_HOST unless PRUSIK_RUN_MODE says device. Works before aclInit. */
ACL_FUNC_VISIBILITY aclError aclrtGetRunMode(aclrtRunMode *runMode);
/* Waits until every stream of the current context's device has run what was queued on it. Returns
 * the first failure, if any. */
ACL_FUNC_VISIBILITY aclError aclrtSynchronizeDevice(void);
/* A device that exists is ACL_RT_DEVICE_STATUS_NORMAL. */
ACL_FUNC_VISIBILITY aclError aclrtQueryDeviceStatus(int32_t deviceId,
    aclrtDeviceStatus *deviceStatus);
/* Chooses among task schedulers; makes no difference here. */
ACL_FUNC_VISIBILITY aclError aclrtSetTsDevice(aclrtTsId tsId);
/* Memory is shared, so every device can reach every other's; enabling changes nothing. */
ACL_FUNC_VISIBILITY aclError aclrtDeviceCanAccessPeer(int32_t *canAccessPeer, int32_t deviceId,
    int32_t peerDeviceId);
ACL_FUNC_VISIBILITY aclError aclrtDeviceEnablePeerAccess(int32_t peerDeviceId, uint32_t flags);
ACL_FUNC_VISIBILITY aclError aclrtDeviceDisablePeerAccess(int32_t peerDeviceId);

/* ---- contexts ---- */

/*
 * Creates a context on a device (no aclrtSetDevice needed) and makes it current in this thread.
 * Release it with aclrtDestroyContext.
 */
ACL_FUNC_VISIBILITY aclError aclrtCreateContext(aclrtContext *context, int32_t deviceId);
/*
 * Waits for the context's default stream and destroys the context. Streams created in it can then
 * only be destroyed, models loaded in it stay usable from another context of the device. Threads it
 * is current in are left with none.
 *
 * Returns     ACL_ERROR_INVALID_PARAM for a default context: those end with aclrtResetDevice.
 */
ACL_FUNC_VISIBILITY aclError aclrtDestroyContext(aclrtContext context);
/* Makes a context current in the calling thread, instead of the one before. */
ACL_FUNC_VISIBILITY aclError aclrtSetCurrentContext(aclrtContext context);
/* Returns     ACL_ERROR_RT_CONTEXT_NULL, and leaves *context alone, when the thread has none. */
ACL_FUNC_VISIBILITY aclError aclrtGetCurrentContext(aclrtContext *context);
/* A setting of the current context. ACL_OPT_DETERMINISTIC makes no difference: results are always
 * the same. Get returns ACL_ERROR_RT_SYSPARAMOPT_NOT_SET when it was never set. */
ACL_FUNC_VISIBILITY aclError aclrtCtxSetSysParamOpt(aclSysParamOpt opt, int64_t value);
ACL_FUNC_VISIBILITY aclError aclrtCtxGetSysParamOpt(aclSysParamOpt opt, int64_t *value);

/* ---- streams ---- */

/*
 * Creates a stream in the current context. Its thread starts with the first task that needs one.
 * Destroy it in any context, before or after its own.
 */
ACL_FUNC_VISIBILITY aclError aclrtCreateStream(aclrtStream *stream);
/* priority (0 to 7) and flags (ACL_STREAM_FAST_LAUNCH, ACL_STREAM_FAST_SYNC) are checked, and make
 * no difference here. */
ACL_FUNC_VISIBILITY aclError aclrtCreateStreamWithConfig(aclrtStream *stream, uint32_t priority,
    uint32_t flag);
/* The same from a settings object. `handle` NULL: defaults. */
ACL_FUNC_VISIBILITY aclError aclrtCreateStreamV2(aclrtStream *stream,
    const aclrtStreamConfigHandle *handle);
ACL_FUNC_VISIBILITY aclrtStreamConfigHandle *aclrtCreateStreamConfigHandle(void);
ACL_FUNC_VISIBILITY aclError aclrtDestroyStreamConfigHandle(aclrtStreamConfigHandle *handle);
ACL_FUNC_VISIBILITY aclError aclrtSetStreamConfigOpt(aclrtStreamConfigHandle *handle,
    aclrtStreamConfigAttr attr, const void *attrValue, size_t valueSize);
/*
 * Runs what is queued, then destroys the stream. Default streams cannot be destroyed. Must not be
 * called from a callback of this stream.
 */
ACL_FUNC_VISIBILITY aclError aclrtDestroyStream(aclrtStream stream);
/* Drops what is queued, waits for the one task that runs, destroys the stream. */
ACL_FUNC_VISIBILITY aclError aclrtDestroyStreamForce(aclrtStream stream);
/*
 * Waits until everything queued so far has run.
 *
 * Returns     the code of the first task that failed since the last time this was asked;
 *             aclGetRecentErrMsg then gives its sentence.
 */
ACL_FUNC_VISIBILITY aclError aclrtSynchronizeStream(aclrtStream stream);
/* Waits at most `timeout` milliseconds (-1: for ever); then ACL_ERROR_RT_STREAM_SYNC_TIMEOUT. */
ACL_FUNC_VISIBILITY aclError aclrtSynchronizeStreamWithTimeout(aclrtStream stream, int32_t timeout);
/* Whether everything queued has run. Does not wait. */
ACL_FUNC_VISIBILITY aclError aclrtStreamQuery(aclrtStream stream, aclrtStreamStatus *status);
/* ACL_CONTINUE_ON_FAILURE (default): tasks after a failed one run. ACL_STOP_ON_FAILURE: they are
 * dropped until the failure has been reported by a synchronize call. */
ACL_FUNC_VISIBILITY aclError aclrtSetStreamFailureMode(aclrtStream stream, uint64_t mode);
/*
 * What is queued on `stream` from now on waits for the event: for the newest aclrtRecordEvent, or,
 * when there was none since creation or aclrtResetEvent, for the next. The caller does not wait.
 */
ACL_FUNC_VISIBILITY aclError aclrtStreamWaitEvent(aclrtStream stream, aclrtEvent event);
/* How many seconds a stream waits for an event before the wait fails; 0: for ever (default). */
ACL_FUNC_VISIBILITY aclError aclrtSetOpWaitTimeout(uint32_t timeout);

/* ---- events ---- */

ACL_FUNC_VISIBILITY aclError aclrtCreateEvent(aclrtEvent *event);
/* flag: ACL_EVENT_SYNC, ACL_EVENT_CAPTURE_STREAM_PROGRESS, ACL_EVENT_TIME_LINE or'ed; only with
 * the last has the event a time. aclrtCreateEvent sets all. */
ACL_FUNC_VISIBILITY aclError aclrtCreateEventWithFlag(aclrtEvent *event, uint32_t flag);
/* Of these, an event that was never recorded counts as complete. */
ACL_FUNC_VISIBILITY aclError aclrtCreateEventExWithFlag(aclrtEvent *event, uint32_t flag);
/* Tasks already queued that use the event still do. */
ACL_FUNC_VISIBILITY aclError aclrtDestroyEvent(aclrtEvent event);
/* The event is complete when `stream` has run everything queued before this call. */
ACL_FUNC_VISIBILITY aclError aclrtRecordEvent(aclrtEvent event, aclrtStream stream);
/* Queued on `stream`: makes the event unrecorded again. */
ACL_FUNC_VISIBILITY aclError aclrtResetEvent(aclrtEvent event, aclrtStream stream);
/* Whether the newest record is complete. Do not wait. */
ACL_FUNC_VISIBILITY aclError aclrtQueryEvent(aclrtEvent event, aclrtEventStatus *status);
ACL_FUNC_VISIBILITY aclError aclrtQueryEventStatus(aclrtEvent event,
    aclrtEventRecordedStatus *status);
/* Whether every aclrtStreamWaitEvent on this event has ended. */
ACL_FUNC_VISIBILITY aclError aclrtQueryEventWaitStatus(aclrtEvent event,
    aclrtEventWaitStatus *status);
/* Waits for the newest record. An event never recorded counts as complete here. */
ACL_FUNC_VISIBILITY aclError aclrtSynchronizeEvent(aclrtEvent event);
/* The same for at most `timeout` milliseconds (-1: for ever); then
 * ACL_ERROR_RT_EVENT_SYNC_TIMEOUT. */
ACL_FUNC_VISIBILITY aclError aclrtSynchronizeEventWithTimeout(aclrtEvent event, int32_t timeout);
/*
 * Milliseconds from one record to another.
 *
 * Returns     ACL_ERROR_RT_EVENT_TIMESTAMP_INVALID when an event has no time (its flag) or is not
 *             recorded, ACL_ERROR_RT_EVENT_NOT_COMPLETE when it is not complete,
 *             ACL_ERROR_RT_EVENT_TIMESTAMP_REVERSAL when the end lies before the start.
 */
ACL_FUNC_VISIBILITY aclError aclrtEventElapsedTime(float *ms, aclrtEvent startEvent,
    aclrtEvent endEvent);

/* ---- callbacks ---- */

/*
 * Callbacks run in a thread of the program's own that calls aclrtProcessReport in a loop:
 *
 *     static void *loop(void *quit) { while (!*(volatile int *)quit) aclrtProcessReport(100); ... }
 *     pthread_create(&thread, NULL, loop, &quit);
 *     aclrtSubscribeReport((uint64_t)thread, stream);
 *     aclrtLaunchCallback(fn, data, ACL_CALLBACK_BLOCK, stream);
 *     aclrtSynchronizeStream(stream);
 *     aclrtUnSubscribeReport((uint64_t)thread, stream);
 *
 * A stream has one such thread; a thread may serve many streams.
 */

/* threadId is the pthread_t. Returns ACL_ERROR_REPEAT_SUBSCRIBE when the stream has one already. */
ACL_FUNC_VISIBILITY aclError aclrtSubscribeReport(uint64_t threadId, aclrtStream stream);
/* Callbacks of the stream that have not begun are dropped; one that runs is waited for. Returns
 * ACL_ERROR_RT_STREAM_SUBSCRIBE when the stream is not subscribed to that thread. */
ACL_FUNC_VISIBILITY aclError aclrtUnSubscribeReport(uint64_t threadId, aclrtStream stream);
/*
 * Queues a call of fn(userData). With ACL_CALLBACK_BLOCK the stream goes on when fn has returned,
 * else at once. aclrtSynchronizeStream waits for blocking callbacks only.
 *
 * Returns     ACL_ERROR_RT_STREAM_NO_CB_REG when no thread is subscribed.
 */
ACL_FUNC_VISIBILITY aclError aclrtLaunchCallback(aclrtCallback fn, void *userData,
    aclrtCallbackBlockType blockType, aclrtStream stream);
/*
 * Waits at most `timeout` milliseconds (-1: for ever) for callbacks of this thread and runs all
 * that are there.
 *
 * Returns     ACL_ERROR_RT_REPORT_TIMEOUT when none came, ACL_ERROR_RT_THREAD_SUBSCRIBE when,
 *             besides, the thread is not subscribed to any stream.
 */
ACL_FUNC_VISIBILITY aclError aclrtProcessReport(int32_t timeout);

/* ---- memory ---- */

/*
 * Device memory, 64-byte aligned, contents undefined.
 *
 * size        at least 1; rounded up to a multiple of 32, and 32 more bytes may be touched.
 * policy      a hint.
 * Returns     ACL_ERROR_INVALID_PARAM for size 0, ACL_ERROR_RT_MEMORY_ALLOCATION when there is not
 *             enough. Release it with aclrtFree.
 */
ACL_FUNC_VISIBILITY aclError aclrtMalloc(void **devPtr, size_t size, aclrtMemMallocPolicy policy);
/* The same without the 32 bytes more. */
ACL_FUNC_VISIBILITY aclError aclrtMallocAlign32(void **devPtr, size_t size,
    aclrtMemMallocPolicy policy);
/* The same; aclrtMemFlush and aclrtMemInvalidate have nothing to do here. */
ACL_FUNC_VISIBILITY aclError aclrtMallocCached(void **devPtr, size_t size,
    aclrtMemMallocPolicy policy);
ACL_FUNC_VISIBILITY aclError aclrtMemFlush(void *devPtr, size_t size);
ACL_FUNC_VISIBILITY aclError aclrtMemInvalidate(void *devPtr, size_t size);
/* Returns     ACL_ERROR_INVALID_PARAM for NULL and for what was not allocated, was freed before,
 *             or came from aclrtMallocHost. */
ACL_FUNC_VISIBILITY aclError aclrtFree(void *devPtr);
/* Host memory, 64-byte aligned. size at least 1. Release it with aclrtFreeHost. */
ACL_FUNC_VISIBILITY aclError aclrtMallocHost(void **hostPtr, size_t size);
ACL_FUNC_VISIBILITY aclError aclrtFreeHost(void *hostPtr);
/*
 * Sets `count` bytes to `value`.
 *
 * maxCount    bytes there are at devPtr; less than count is an error.
 */
ACL_FUNC_VISIBILITY aclError aclrtMemset(void *devPtr, size_t maxCount, int32_t value,
    size_t count);
/* Queued on a stream. */
ACL_FUNC_VISIBILITY aclError aclrtMemsetAsync(void *devPtr, size_t maxCount, int32_t value,
    size_t count, aclrtStream stream);
/*
 * Copies `count` bytes, at once.
 *
 * destMax     bytes there are at dst; less than count is ACL_ERROR_INVALID_PARAM, as is count 0
 *             and NULL.
 */
ACL_FUNC_VISIBILITY aclError aclrtMemcpy(void *dst, size_t destMax, const void *src, size_t count,
    aclrtMemcpyKind kind);
/* Queued on a stream: leave both sides alone until it has run. */
ACL_FUNC_VISIBILITY aclError aclrtMemcpyAsync(void *dst, size_t destMax, const void *src,
    size_t count, aclrtMemcpyKind kind, aclrtStream stream);
/* `height` rows of `width` bytes, dpitch and spitch bytes apart (each at least width). */
ACL_FUNC_VISIBILITY aclError aclrtMemcpy2d(void *dst, size_t dpitch, const void *src, size_t spitch,
    size_t width, size_t height, aclrtMemcpyKind kind);
ACL_FUNC_VISIBILITY aclError aclrtMemcpy2dAsync(void *dst, size_t dpitch, const void *src,
    size_t spitch, size_t width, size_t height, aclrtMemcpyKind kind, aclrtStream stream);
/* Free and total bytes of the machine's memory, within the limits of the process's group. */
ACL_FUNC_VISIBILITY aclError aclrtGetMemInfo(aclrtMemAttr attr, size_t *free, size_t *total);

/* ---- failures on a device ---- */

/*
 * `callback` runs when a task that was accepted fails while it runs (in the thread that runs it).
 * Its argument is valid during the call. NULL: none.
 */
ACL_FUNC_VISIBILITY aclError aclrtSetExceptionInfoCallback(aclrtExceptionInfoCallback callback);
/* Facts about the failure; 0xFFFFFFFF when the argument is no such object (any more). Give task,
 * stream and device to aclmdlCreateAndGetOpDesc. */
ACL_FUNC_VISIBILITY uint32_t aclrtGetTaskIdFromExceptionInfo(const aclrtExceptionInfo *info);
ACL_FUNC_VISIBILITY uint32_t aclrtGetStreamIdFromExceptionInfo(const aclrtExceptionInfo *info);
ACL_FUNC_VISIBILITY uint32_t aclrtGetThreadIdFromExceptionInfo(const aclrtExceptionInfo *info);
ACL_FUNC_VISIBILITY uint32_t aclrtGetDeviceIdFromExceptionInfo(const aclrtExceptionInfo *info);
ACL_FUNC_VISIBILITY uint32_t aclrtGetErrorCodeFromExceptionInfo(const aclrtExceptionInfo *info);

/* ---- kernels as machine code ---- */

/*
 * A kernel binary holds machine code of Ascend cores, which no processor here can run. The calls
 * can be linked; each returns ACL_ERROR_FEATURE_UNSUPPORTED, aclrtCreateBinary NULL.
 */
ACL_FUNC_VISIBILITY aclError aclrtBinaryGetFunction(const aclrtBinHandle binHandle,
    const char *kernelName, aclrtFuncHandle *funcHandle);
ACL_FUNC_VISIBILITY aclError aclrtBinaryLoad(const aclrtBinary binary, aclrtBinHandle *binHandle);
ACL_FUNC_VISIBILITY aclError aclrtBinaryUnLoad(aclrtBinHandle binHandle);
ACL_FUNC_VISIBILITY aclrtBinary aclrtCreateBinary(const void *data, size_t dataLen);
ACL_FUNC_VISIBILITY aclError aclrtDestroyBinary(aclrtBinary binary);
ACL_FUNC_VISIBILITY aclError aclrtLaunchKernel(aclrtFuncHandle funcHandle, uint32_t blockDim,
    const void *argsData, size_t argsSize, aclrtStream stream);

/* ---- functions of operators on the host ---- */

/*
 * As aclrtSubscribeReport, aclrtProcessReport and aclrtUnSubscribeReport, for functions that
 * operators of a stream run on the host. No operator here has any, so aclrtProcessHostFunc waits
 * its time and returns ACL_ERROR_RT_REPORT_TIMEOUT.
 */
ACL_FUNC_VISIBILITY aclError aclrtSubscribeHostFunc(uint64_t hostFuncThreadId,
    aclrtStream exeStream);
ACL_FUNC_VISIBILITY aclError aclrtProcessHostFunc(int32_t timeout);
ACL_FUNC_VISIBILITY aclError aclrtUnSubscribeHostFunc(uint64_t hostFuncThreadId,
    aclrtStream exeStream);

/* ---- virtual memory ---- */

/*
 * Addresses and memory apart: reserve a range of addresses, allocate physical memory, map one onto
 * the other, and later grow by mapping more.
 *
 *     aclrtReserveMemAddress(&at, 1 << 30, 0, NULL, 0);
 *     aclrtMallocPhysical(&memory, 2 << 20, &prop, 0);
 *     aclrtMapMem(at, 2 << 20, 0, memory, 0);
 *     ... use at ...
 *     aclrtUnmapMem(at); aclrtFreePhysical(memory); aclrtReleaseMemAddress(at);
 *
 * Sizes and offsets are multiples of aclrtMemGetAllocationGranularity: 64 KiB at least, 2 MiB
 * recommended. Reading what is reserved and not mapped ends the program with a signal. What the
 * program leaves, aclFinalize takes back.
 */
ACL_FUNC_VISIBILITY aclError aclrtMemGetAllocationGranularity(aclrtPhysicalMemProp *prop,
    aclrtMemGranularityOptions option, size_t *granularity);
/* expectPtr: where the range is wished for, a hint. alignment: 0. flags: 0, or 1 for huge pages,
 * which makes no difference here. */
ACL_FUNC_VISIBILITY aclError aclrtReserveMemAddress(void **virPtr, size_t size, size_t alignment,
    void *expectPtr, uint64_t flags);
/* Nothing may be mapped in the range any more. */
ACL_FUNC_VISIBILITY aclError aclrtReleaseMemAddress(void *virPtr);
/* prop: every member 0 but memAttr (makes no difference here) and location. flags: 0. Contents are
 * zero. Returns ACL_ERROR_RT_MEMORY_ALLOCATION for more than the machine has. */
ACL_FUNC_VISIBILITY aclError aclrtMallocPhysical(aclrtDrvMemHandle *handle, size_t size,
    const aclrtPhysicalMemProp *prop, uint64_t flags);
/* Mappings stay valid; the memory goes with the last of them. */
ACL_FUNC_VISIBILITY aclError aclrtFreePhysical(aclrtDrvMemHandle handle);
/* Maps `size` bytes of physical memory, from `offset` on, to addresses inside one reserved range
 * that are not mapped yet. The same memory may be mapped many times. flags: 0. */
ACL_FUNC_VISIBILITY aclError aclrtMapMem(void *virPtr, size_t size, size_t offset,
    aclrtDrvMemHandle handle, uint64_t flags);
/* virPtr: as it was given to aclrtMapMem. */
ACL_FUNC_VISIBILITY aclError aclrtUnmapMem(void *virPtr);
/*
 * Physical memory for other processes of the same user: the exporter passes *shareableHandle on, by
 * any means, after naming who may import it (up to 256 process ids; it always may itself). It must
 * keep the memory until the others have imported it. The list keeps honest programs apart and
 * protects from nobody else. flags: 0; handleType: ACL_MEM_HANDLE_TYPE_NONE.
 */
ACL_FUNC_VISIBILITY aclError aclrtMemExportToShareableHandle(aclrtDrvMemHandle handle,
    aclrtMemHandleType handleType, uint64_t flags, uint64_t *shareableHandle);
ACL_FUNC_VISIBILITY aclError aclrtMemSetPidToShareableHandle(uint64_t shareableHandle, int32_t *pid,
    size_t pidNum);
/* A physical memory of this process's own; free it with aclrtFreePhysical. */
ACL_FUNC_VISIBILITY aclError aclrtMemImportFromShareableHandle(uint64_t shareableHandle,
    int32_t deviceId, aclrtDrvMemHandle *handle);

/* ---- what a device is made of and does ---- */

/* A device is one group of cores, number 0; choosing it changes nothing. */
ACL_FUNC_VISIBILITY aclError aclrtGetGroupCount(uint32_t *count);
ACL_FUNC_VISIBILITY aclError aclrtSetGroup(int32_t groupId);
/* A description of the groups of the current context's device: create, fill, ask, destroy.
 * Attributes are int32_t: the three kinds of cores are the device's cores, there are no SDMA and
 * ASQ units, the group id is 0. */
ACL_FUNC_VISIBILITY aclrtGroupInfo *aclrtCreateGroupInfo(void);
ACL_FUNC_VISIBILITY aclError aclrtGetAllGroupInfo(aclrtGroupInfo *groupInfo);
ACL_FUNC_VISIBILITY aclError aclrtGetGroupInfoDetail(const aclrtGroupInfo *groupInfo,
    int32_t groupIndex, aclrtGroupAttr attr, void *attrValue, size_t valueLen,
    size_t *paramRetSize);
ACL_FUNC_VISIBILITY aclError aclrtDestroyGroupInfo(aclrtGroupInfo *groupInfo);
/*
 * How busy the device is, in percent: its cores over the 100 ms this call takes, by all processes
 * of the machine (the same number for cube, vector and aicpu), and memory in use. -1: not known.
 */
ACL_FUNC_VISIBILITY aclError aclrtGetDeviceUtilizationRate(int32_t deviceId,
    aclrtUtilizationInfo *utilizationInfo);
/* Memory that failed. The system ends or mends that itself, so there is never any to tell of
 * (*retSize 0; arraySize 1 to MAX_MEM_UCE_INFO_ARRAY_SIZE), and none to repair. */
ACL_FUNC_VISIBILITY aclError aclrtGetMemUceInfo(int32_t deviceId, aclrtMemUceInfo *memUceInfoArray,
    size_t arraySize, size_t *retSize);
ACL_FUNC_VISIBILITY aclError aclrtMemUceRepair(int32_t deviceId, aclrtMemUceInfo *memUceInfoArray,
    size_t arraySize);
/*
 * Drops everything queued on the device's streams, and waits at most `timeout` ms (0: for ever) for
 * the tasks that run; waits for events and callbacks are given up. The streams stay usable, and
 * failures they had are forgotten.
 *
 * Returns     ACL_ERROR_RT_TASK_TIMEOUT when a task still runs.
 */
ACL_FUNC_VISIBILITY aclError aclrtDeviceTaskAbort(int32_t deviceId, uint32_t timeout);
/*
 * How many seconds one step of a model (an operator, or several in one) may take; 0: no limit
 * (default). A step cannot be interrupted: the run ends after it, with ACL_ERROR_RT_AICORE_TIMEOUT.
 */
ACL_FUNC_VISIBILITY aclError aclrtSetOpExecuteTimeOut(uint32_t timeout);
/* The process id. */
ACL_FUNC_VISIBILITY aclError aclrtDeviceGetBareTgid(int32_t *pid);

/* ---- overflow ---- */

/* Arithmetic is IEEE 754's: what overflows becomes infinity. So ACL_RT_OVERFLOW_MODE_INFNAN is the
 * mode, and ACL_RT_OVERFLOW_MODE_SATURATION returns ACL_ERROR_FEATURE_UNSUPPORTED. */
ACL_FUNC_VISIBILITY aclError aclrtSetDeviceSatMode(aclrtFloatOverflowMode mode);
ACL_FUNC_VISIBILITY aclError aclrtGetDeviceSatMode(aclrtFloatOverflowMode *mode);
/* Detection of overflow belongs to saturation, so the switch of a stream (0 or 1) is only kept, and
 * the status, written on the stream to outputSize bytes of memory, is always 0: none. */
ACL_FUNC_VISIBILITY aclError aclrtSetStreamOverflowSwitch(aclrtStream stream, uint32_t flag);
ACL_FUNC_VISIBILITY aclError aclrtGetStreamOverflowSwitch(aclrtStream stream, uint32_t *flag);
ACL_FUNC_VISIBILITY aclError aclrtGetOverflowStatus(void *outputAddr, size_t outputSize,
    aclrtStream stream);
ACL_FUNC_VISIBILITY aclError aclrtResetOverflowStatus(aclrtStream stream);

#ifdef __cplusplus
}
#endif

#endif
