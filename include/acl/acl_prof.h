/* SPDX-License-Identifier: Apache-2.0 */
/*
 * AscendCL profiling (libmsprofiler.so). See acl.h for the conventions of every call.
 */
#ifndef PRUSIK_ACL_PROF_H
#define PRUSIK_ACL_PROF_H

#include "acl_base.h"
#include "acl_rt.h"

#ifdef __cplusplus
extern "C" {
#endif

#define ACL_PROF_MAX_OP_TYPE_LEN 65
#define ACL_PROF_MAX_OP_NAME_LEN 257
#define ACL_PROF_ACL_API         0x1ULL
#define ACL_PROF_TASK_TIME       0x2ULL
#define ACL_PROF_AICORE_METRICS  0x4ULL
#define ACL_PROF_AICPU           0x8ULL
#define ACL_PROF_L2CACHE         0x10ULL
#define ACL_PROF_HCCL_TRACE      0x20ULL
#define ACL_PROF_TRAINING_TRACE  0x40ULL
#define ACL_PROF_MSPROFTX        0x80ULL
#define ACL_PROF_RUNTIME_API     0x100ULL
#define ACL_PROF_FWK_SCHEDULE_L0 0x200ULL
#define ACL_PROF_TASK_TIME_L0    0x800ULL
#define ACL_PROF_TASK_MEMORY     0x1000ULL
#define ACL_PROF_TASK_TIME_L2    0x2000ULL
#define ACL_PROF_OP_ATTR         0x4000ULL
#define ACL_PROF_FWK_SCHEDULE_L1 0x1000000ULL

typedef enum aclprofAicoreMetrics {
    ACL_AICORE_ARITHMETIC_UTILIZATION = 0,
    ACL_AICORE_PIPE_UTILIZATION = 1,
    ACL_AICORE_MEMORY_BANDWIDTH = 2,
    ACL_AICORE_L0B_AND_WIDTH = 3,
    ACL_AICORE_RESOURCE_CONFLICT_RATIO = 4,
    ACL_AICORE_MEMORY_UB = 5,
    ACL_AICORE_L2_CACHE = 6,
    ACL_AICORE_PIPE_EXECUTE_UTILIZATION = 7,
    ACL_AICORE_NONE = 255
} aclprofAicoreMetrics;

typedef enum aclprofStepTag {
    ACL_STEP_START = 0,
    ACL_STEP_END = 1
} aclprofStepTag;

typedef enum aclprofSubscribeOpFlag {
    ACL_SUBSCRIBE_OP = 0,
    ACL_SUBSCRIBE_SUBGRAPH = 1,
    ACL_SUBSCRIBE_OP_THREAD = 2,
    ACL_SUBSCRIBE_NONE = 255
} aclprofSubscribeOpFlag;

typedef enum aclprofSubscribeOpAttri {
    ACL_SUBSCRIBE_ATTRI_THREADID = 0,
    ACL_SUBSCRIBE_ATTRI_NONE = 1
} aclprofSubscribeOpAttri;

typedef enum aclprofConfigType {
    ACL_PROF_ARGS_MIN = 0,
    ACL_PROF_STORAGE_LIMIT = 1,
    ACL_PROF_AIV_METRICS = 2,
    ACL_PROF_SYS_HARDWARE_MEM_FREQ = 3,
    ACL_PROF_LLC_MODE = 4,
    ACL_PROF_SYS_IO_FREQ = 5,
    ACL_PROF_SYS_INTERCONNECTION_FREQ = 6,
    ACL_PROF_DVPP_FREQ = 7,
    ACL_PROF_L2_SAMPLE_FREQ = 8,
    ACL_PROF_HOST_SYS = 8,
    ACL_PROF_ARGS_MAX = 9,
    ACL_PROF_HOST_SYS_USAGE = 9,
    ACL_PROF_HOST_SYS_USAGE_FREQ = 10,
    ACL_PROF_LOW_POWER_FREQ = 11,
    ACL_PROF_SYS_MEM_SERVICEFLOW = 12
} aclprofConfigType;

typedef struct aclprofConfig aclprofConfig;
typedef struct aclprofStopConfig aclprofStopConfig;
typedef struct aclprofAicoreEvents aclprofAicoreEvents;
typedef struct aclprofSubscribeConfig aclprofSubscribeConfig;
typedef struct aclprofStepInfo aclprofStepInfo;

/*
 * Three ways, of which one process uses one at a time:
 *
 * - A session: aclprofInit, aclprofCreateConfig, aclprofStart, work, aclprofStop, aclprofFinalize.
 *   What was recorded lies in memory and is written by aclprofFinalize.
 * - The section `profiler` of aclInit's configuration: {"profiler": {"switch": "on", "output":
 *   "folder"}}, from aclInit to aclFinalize, which writes it. Keys: output (the folder of the
 *   program's file when absent or not writable), storage_limit (MB), ascendcl and task_time
 *   ("off": no calls, no operators); others make no difference.
 * - Subscribing to a model: its operators come down a pipe while it runs.
 *
 * A session makes a folder PROF_{number}_{time}_{letters}/mindstudio_profiler_output with what
 * there was of: msprof_*.json (a trace for ui.perfetto.dev), op_summary_*.csv (each operator of
 * each run), op_statistic_*.csv, api_statistic_*.csv, step_trace_*.csv, msprof_tx_*.csv (stamps).
 * Without events there is no folder. docs/profiling.md explains them.
 *
 * All calls may be made from any thread, after aclInit; stamps need no aclInit. Handles are freed
 * by aclFinalize at the latest. A call fails with ACL_ERROR_INVALID_PARAM for arguments that cannot
 * be right; those that return no code return NULL or 0 then, and aclGetRecentErrMsg says why.
 */

/* ---- sessions ---- */

/*
 * profilerResultPath  a folder that exists and can be written to
 * length              of profilerResultPath, at most 4096
 * Returns             ACL_ERROR_INVALID_FILE for another path, ACL_ERROR_PROF_ALREADY_RUN when a
 *                     session is open, ACL_ERROR_PROF_API_CONFLICT when a model is subscribed.
 */
ACL_FUNC_VISIBILITY aclError aclprofInit(const char *profilerResultPath, size_t length);

/*
 * What to record of which devices; to be destroyed with aclprofDestroyConfig, after aclprofStop.
 *
 * deviceIdList    deviceNums device numbers; they are copied. 0 devices only with
 *                 ACL_PROF_MSPROFTX alone
 * aicoreMetrics   counters of AI cores, which a CPU has not: any value, without effect
 * aicoreEvents    NULL
 * dataTypeConfig  made of ACL_PROF_*: ACL_API or RUNTIME_API calls, TASK_TIME (or _L0, _L2)
 *                 operators, MSPROFTX stamps, TRAINING_TRACE steps; the others have no effect
 */
ACL_FUNC_VISIBILITY aclprofConfig *aclprofCreateConfig(uint32_t *deviceIdList, uint32_t deviceNums,
    aclprofAicoreMetrics aicoreMetrics, const aclprofAicoreEvents *aicoreEvents,
    uint64_t dataTypeConfig);
ACL_FUNC_VISIBILITY aclError aclprofDestroyConfig(const aclprofConfig *profilerConfig);

/*
 * Between Start and Stop things are recorded; there may be several such pairs in a session. Stop
 * takes settings equal to those of Start.
 * Returns     ACL_ERROR_PROF_NOT_RUN before aclprofInit (Stop: also before Start),
 *             ACL_ERROR_PROF_ALREADY_RUN for a second Start, or when aclInit's configuration
 *             does it.
 */
ACL_FUNC_VISIBILITY aclError aclprofStart(const aclprofConfig *profilerConfig);
ACL_FUNC_VISIBILITY aclError aclprofStop(const aclprofConfig *profilerConfig);

/* Ends the session and writes it; ACL_ERROR_PROFILING_FAILURE when that cannot be. */
ACL_FUNC_VISIBILITY aclError aclprofFinalize(void);

/*
 * configType  ACL_PROF_STORAGE_LIMIT: config is a number of MB, 200 to 4294967295 (512 unless set),
 *             that a session may hold; events beyond are counted and left out, and the log says so.
 *             The other types set counters of other machines and have no effect.
 * config      text of configLength bytes
 */
ACL_FUNC_VISIBILITY aclError aclprofSetConfig(aclprofConfigType configType, const char *config,
    size_t configLength);

/* ---- stamps: notes of the program ---- */

/* A stamp carries a message, and may be used any number of times. */
ACL_FUNC_VISIBILITY void *aclprofCreateStamp(void);
ACL_FUNC_VISIBILITY void aclprofDestroyStamp(void *stamp);
/* msg is copied; msgLen is at most 1023. */
ACL_FUNC_VISIBILITY aclError aclprofSetStampTraceMessage(void *stamp, const char *msg,
    uint32_t msgLen);
/*
 * Notes a moment; a range of this thread, from Push to the Pop that belongs to it; a range of any
 * threads, from Start to the Stop with its number. The message is taken when it begins. While
 * nothing is recorded they succeed without effect, so that a program may keep them.
 * At most 4096 ranges are open at once (ACL_ERROR_STORAGE_OVER_LIMIT).
 */
ACL_FUNC_VISIBILITY aclError aclprofMark(void *stamp);
ACL_FUNC_VISIBILITY aclError aclprofPush(void *stamp);
ACL_FUNC_VISIBILITY aclError aclprofPop(void);
ACL_FUNC_VISIBILITY aclError aclprofRangeStart(void *stamp, uint32_t *rangeId);
ACL_FUNC_VISIBILITY aclError aclprofRangeStop(uint32_t rangeId);

/* ---- steps ---- */

/* A step is an iteration of the program; each has a number of its own. */
ACL_FUNC_VISIBILITY aclprofStepInfo *aclprofCreateStepInfo(void);
ACL_FUNC_VISIBILITY void aclprofDestroyStepInfo(aclprofStepInfo *stepinfo);
/* Queues on the stream (NULL: the default one) to note when it comes here: ACL_STEP_START once,
 * then ACL_STEP_END once. */
ACL_FUNC_VISIBILITY aclError aclprofGetStepTimestamp(aclprofStepInfo *stepInfo, aclprofStepTag tag,
    aclrtStream stream);

/* ---- subscribing to a model ---- */

/*
 * timeInfoSwitch  0: names and types only, times are 0
 * aicoreMetrics   as in aclprofCreateConfig
 * fd              address of an int: the descriptor of a pipe's writing end. It stays the
 *                 program's, and may be closed after aclprofModelSubscribe, which keeps a copy. A
 *                 number below 65536 is taken for the descriptor itself, as pyACL hands it over.
 */
ACL_FUNC_VISIBILITY aclprofSubscribeConfig *aclprofCreateSubscribeConfig(int8_t timeInfoSwitch,
    aclprofAicoreMetrics aicoreMetrics, void *fd);
ACL_FUNC_VISIBILITY aclError aclprofDestroySubscribeConfig(
    const aclprofSubscribeConfig *profSubscribeConfig);

/*
 * From now on a record for each operator of each run of the model is written to the pipe, in the
 * thread that runs it. Something has to read: a pipe that stays full for a second, or whose reader
 * has gone, is given up, with a line in the log. UnSubscribe closes the copy of the descriptor.
 * Returns     ACL_ERROR_PROF_REPEAT_SUBSCRIBE, ACL_ERROR_PROF_API_CONFLICT while a session is open.
 */
ACL_FUNC_VISIBILITY aclError aclprofModelSubscribe(uint32_t modelId,
    const aclprofSubscribeConfig *profSubscribeConfig);
ACL_FUNC_VISIBILITY aclError aclprofModelUnSubscribe(uint32_t modelId);

/*
 * Reading what came out of the pipe: opInfo is opInfoLen bytes of it, a multiple of opDescSize, the
 * size of a record; index is which one. Times are nanoseconds of CLOCK_MONOTONIC. Lengths of names
 * and types count the NUL, and are at most ACL_PROF_MAX_OP_NAME_LEN and _TYPE_LEN. The only
 * attribute there is is ACL_SUBSCRIBE_ATTRI_THREADID, a text inside opInfo.
 */
ACL_FUNC_VISIBILITY aclError aclprofGetOpDescSize(size_t *opDescSize);
ACL_FUNC_VISIBILITY aclError aclprofGetOpNum(const void *opInfo, size_t opInfoLen,
    uint32_t *opNumber);
ACL_FUNC_VISIBILITY aclError aclprofGetOpTypeLen(const void *opInfo, size_t opInfoLen,
    uint32_t index, size_t *opTypeLen);
ACL_FUNC_VISIBILITY aclError aclprofGetOpType(const void *opInfo, size_t opInfoLen, uint32_t index,
    char *opType, size_t opTypeLen);
ACL_FUNC_VISIBILITY aclError aclprofGetOpNameLen(const void *opInfo, size_t opInfoLen,
    uint32_t index, size_t *opNameLen);
ACL_FUNC_VISIBILITY aclError aclprofGetOpName(const void *opInfo, size_t opInfoLen, uint32_t index,
    char *opName, size_t opNameLen);
ACL_FUNC_VISIBILITY uint64_t aclprofGetOpStart(const void *opInfo, size_t opInfoLen,
    uint32_t index);
ACL_FUNC_VISIBILITY uint64_t aclprofGetOpEnd(const void *opInfo, size_t opInfoLen, uint32_t index);
ACL_FUNC_VISIBILITY uint64_t aclprofGetOpDuration(const void *opInfo, size_t opInfoLen,
    uint32_t index);
ACL_FUNC_VISIBILITY size_t aclprofGetModelId(const void *opInfo, size_t opInfoLen, uint32_t index);
ACL_FUNC_VISIBILITY aclprofSubscribeOpFlag aclprofGetOpFlag(const void *opInfo, size_t opInfoLen,
    uint32_t index);
ACL_FUNC_VISIBILITY const char *aclprofGetOpAttriValue(const void *opInfo, size_t opInfoLen,
    uint32_t index, aclprofSubscribeOpAttri attri);

#ifdef __cplusplus
}
#endif

#endif
