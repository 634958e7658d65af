/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libmsprofiler.so: settings, stamps and step numbers of programs, and readers of what comes out of
 * a subscriber's pipe. Sessions and recording are the core's (acl/profile.h), reached through
 * _pk_private.
 */
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "acl/private.h"

static aclError check(const char *call) {
    if (_pk_private.version == PK_PRIVATE_VERSION) return ACL_SUCCESS;
    return _pk_private.fail(ACL_ERROR_RESOURCE_NOT_MATCH, call,
                            "libmsprofiler.so and libascendcl.so are of different versions; "
                            "install both from one build");
}

#define TRY_ACL(expression)                                                                        \
    do {                                                                                           \
        aclError try_code_ = (expression);                                                         \
        if (try_code_ != ACL_SUCCESS) return try_code_;                                            \
    } while (0)
#define FAIL_PARAM(...) return _pk_private.fail(ACL_ERROR_INVALID_PARAM, __func__, __VA_ARGS__)
#define NEED(argument)                                                                             \
    do {                                                                                           \
        TRY_ACL(check(__func__));                                                                  \
        if (!(argument)) FAIL_PARAM("%s is NULL", #argument);                                      \
    } while (0)

/* A new object behind a handle; it is freed with the handle. NULL with the failure recorded. */
static void *create(const char *call, enum handle_kind kind, const void *object, size_t bytes) {
    if (check(call) != ACL_SUCCESS) return NULL;
    void *copy = _pk_private.mem_alloc(bytes);
    void *handle = NULL;
    if (copy) {
        memcpy(copy, object, bytes);
        handle = _pk_private.handle_create(kind, copy, _pk_private.mem_free);
    }
    if (!handle) {
        _pk_private.mem_free(copy);
        _pk_private.fail(ACL_ERROR_BAD_ALLOC, call, "out of memory");
    }
    return handle;
}

static aclError destroy(const char *call, enum handle_kind kind, const void *handle,
                        const char *argument) {
    TRY_ACL(check(call));
    if (_pk_private.handle_retire(handle, kind)) return ACL_SUCCESS;
    return _pk_private.handle_fail(handle, kind, call, argument);
}

/* ---- sessions ---- */

struct prof_config {
    uint64_t types, devices;
};

aclError aclprofInit(const char *profilerResultPath, size_t length) {
    NEED(profilerResultPath);
    size_t n = strnlen(profilerResultPath, 4097);
    if (n == 0 || n != length || n > 4096)
        FAIL_PARAM("length is %zu; it is that of profilerResultPath, %zu, and 1 to 4096", length,
                   n);
    return _pk_private.profile_open(__func__, profilerResultPath);
}

/* ACL_PROF_* that exist. */
#define KNOWN_TYPES                                                                                \
    (ACL_PROF_ACL_API | ACL_PROF_TASK_TIME | ACL_PROF_AICORE_METRICS | ACL_PROF_AICPU |            \
     ACL_PROF_L2CACHE | ACL_PROF_HCCL_TRACE | ACL_PROF_TRAINING_TRACE | ACL_PROF_MSPROFTX |        \
     ACL_PROF_RUNTIME_API | ACL_PROF_FWK_SCHEDULE_L0 | ACL_PROF_TASK_TIME_L0 |                     \
     ACL_PROF_TASK_MEMORY | ACL_PROF_TASK_TIME_L2 | ACL_PROF_OP_ATTR | ACL_PROF_FWK_SCHEDULE_L1)

/* Those that ask for what is not here. */
static void note_types(const char *call, uint64_t types, aclprofAicoreMetrics metrics) {
    static const struct {
        uint64_t type;
        const char *why;
    } none[] = {
        {ACL_PROF_L2CACHE, "ACL_PROF_L2CACHE: there is no AI Core and its cache"},
        {ACL_PROF_HCCL_TRACE, "ACL_PROF_HCCL_TRACE: there is no communication between devices"},
        {ACL_PROF_TASK_MEMORY, "ACL_PROF_TASK_MEMORY: operators share memory that is planned with "
                               "the model (prusik info)"},
    };
    for (size_t i = 0; i < sizeof none / sizeof none[0]; i++)
        if (types & none[i].type)
            _pk_private.log(ACL_WARNING, "%s: nothing is recorded for %s", call, none[i].why);
    if (types & ACL_PROF_AICORE_METRICS && metrics != ACL_AICORE_NONE)
        _pk_private.log(ACL_WARNING, "%s: nothing is recorded for ACL_PROF_AICORE_METRICS: there "
                                     "is no AI Core whose events to count", call);
}

static aclError check_metrics(const char *call, aclprofAicoreMetrics metrics) {
    if ((metrics >= 0 && metrics <= ACL_AICORE_PIPE_EXECUTE_UTILIZATION) ||
        metrics == ACL_AICORE_NONE)
        return ACL_SUCCESS;
    return _pk_private.fail(ACL_ERROR_INVALID_PARAM, call,
                            "aicoreMetrics is %d; use a value of aclprofAicoreMetrics",
                            (int)metrics);
}

static aclError read_config(const char *call, const uint32_t *devices, uint32_t n_devices,
                            const aclprofAicoreEvents *events, uint64_t types,
                            struct prof_config *to) {
    uint32_t n = 0;
    TRY_ACL(check(call));
    aclError code = aclrtGetDeviceCount(&n);
    if (code != ACL_SUCCESS)
        return _pk_private.fail(code, call, "AscendCL is not started; call aclInit first");
    if (n_devices > n || (n_devices == 0 && (types & ~ACL_PROF_MSPROFTX)))
        return _pk_private.fail(ACL_ERROR_INVALID_PARAM, call,
                                "deviceNums is %u; there %s %u device%s", n_devices,
                                n == 1 ? "is" : "are", n, n == 1 ? "" : "s");
    if (n_devices && !devices)
        return _pk_private.fail(ACL_ERROR_INVALID_PARAM, call, "deviceIdList is NULL");
    if (events)
        return _pk_private.fail(ACL_ERROR_INVALID_PARAM, call,
                                "aicoreEvents must be NULL: its content is not published");
    if (!types || types & ~KNOWN_TYPES)
        return _pk_private.fail(ACL_ERROR_INVALID_PARAM, call,
                                "dataTypeConfig is 0x%llx; it is made of ACL_PROF_*",
                                (unsigned long long)types);
    /* Notes belong to no device, so they are device 0's. */
    *to = (struct prof_config){.types = types, .devices = n_devices ? 0 : 1};
    for (uint32_t i = 0; i < n_devices; i++) {
        if (devices[i] >= n)
            return _pk_private.fail(ACL_ERROR_RT_INVALID_DEVICEID, call,
                                    "deviceIdList names device %u; devices are 0 to %u", devices[i],
                                    n - 1);
        to->devices |= 1ull << devices[i];
    }
    return ACL_SUCCESS;
}

aclprofConfig *aclprofCreateConfig(uint32_t *deviceIdList, uint32_t deviceNums,
                                   aclprofAicoreMetrics aicoreMetrics,
                                   const aclprofAicoreEvents *aicoreEvents,
                                   uint64_t dataTypeConfig) {
    struct prof_config c;
    if (check(__func__) != ACL_SUCCESS || check_metrics(__func__, aicoreMetrics) != ACL_SUCCESS ||
        read_config(__func__, deviceIdList, deviceNums, aicoreEvents, dataTypeConfig, &c) !=
            ACL_SUCCESS)
        return NULL;
    note_types(__func__, dataTypeConfig, aicoreMetrics);
    return create(__func__, HANDLE_PROF_CONFIG, &c, sizeof c);
}

aclError aclprofDestroyConfig(const aclprofConfig *profilerConfig) {
    return destroy(__func__, HANDLE_PROF_CONFIG, profilerConfig, "profilerConfig");
}

static aclError with_config(const char *call, const aclprofConfig *config,
                            aclError (*fn)(const char *, uint64_t, uint64_t)) {
    struct prof_config *c =
        _pk_private.handle_get(config, HANDLE_PROF_CONFIG, call, "profilerConfig");
    if (!c) return ACL_ERROR_INVALID_PARAM;
    aclError code = fn(call, c->types, c->devices);
    _pk_private.handle_release(config);
    return code;
}

aclError aclprofStart(const aclprofConfig *profilerConfig) {
    TRY_ACL(check(__func__));
    return with_config(__func__, profilerConfig, _pk_private.profile_start);
}

aclError aclprofStop(const aclprofConfig *profilerConfig) {
    TRY_ACL(check(__func__));
    return with_config(__func__, profilerConfig, _pk_private.profile_stop);
}

aclError aclprofFinalize(void) {
    TRY_ACL(check(__func__));
    return _pk_private.profile_close(__func__);
}

aclError aclprofSetConfig(aclprofConfigType configType, const char *config, size_t configLength) {
    NEED(config);
    size_t n = strnlen(config, 257);
    if (n == 0 || n != configLength || n > 256)
        FAIL_PARAM("configLength is %zu; it is that of config, %zu, and 1 to 256", configLength, n);
    if (configType <= ACL_PROF_ARGS_MIN || configType > ACL_PROF_SYS_MEM_SERVICEFLOW)
        FAIL_PARAM("configType is %d; use a value of aclprofConfigType", (int)configType);
    if (configType != ACL_PROF_STORAGE_LIMIT) {
        _pk_private.log(ACL_WARNING, "%s: type %d has no effect: there is no such counter here",
                        __func__, (int)configType);
        return ACL_SUCCESS;
    }
    char *end;
    unsigned long long megabytes = strtoull(config, &end, 10);
    if (*end) FAIL_PARAM("the storage limit is '%s'; write a number of MB", config);
    return _pk_private.profile_set_storage(__func__, megabytes);
}

/* ---- stamps ---- */

enum { MAX_MESSAGE = 1023 };

struct stamp {
    char message[MAX_MESSAGE + 1];
};

void *aclprofCreateStamp(void) {
    return create(__func__, HANDLE_PROF_STAMP, &(struct stamp){""}, sizeof(struct stamp));
}

void aclprofDestroyStamp(void *stamp) { destroy(__func__, HANDLE_PROF_STAMP, stamp, "stamp"); }

aclError aclprofSetStampTraceMessage(void *stamp, const char *msg, uint32_t msgLen) {
    NEED(msg);
    if (msgLen == 0 || msgLen > MAX_MESSAGE || strnlen(msg, msgLen) < msgLen)
        FAIL_PARAM("msgLen is %u; it is that of msg, and 1 to %d", msgLen, MAX_MESSAGE);
    struct stamp *s = _pk_private.handle_get(stamp, HANDLE_PROF_STAMP, __func__, "stamp");
    if (!s) return ACL_ERROR_INVALID_PARAM;
    memcpy(s->message, msg, msgLen);
    s->message[msgLen] = '\0';
    _pk_private.handle_release(stamp);
    return ACL_SUCCESS;
}

aclError aclprofMark(void *stamp) {
    TRY_ACL(check(__func__));
    struct stamp *s = _pk_private.handle_get(stamp, HANDLE_PROF_STAMP, __func__, "stamp");
    if (!s) return ACL_ERROR_INVALID_PARAM;
    aclError code = _pk_private.profile_mark(__func__, s->message);
    _pk_private.handle_release(stamp);
    return code;
}

static aclError begin_range(const char *call, enum profile_kind kind, void *stamp,
                            uint32_t *number) {
    struct stamp *s = _pk_private.handle_get(stamp, HANDLE_PROF_STAMP, call, "stamp");
    if (!s) return ACL_ERROR_INVALID_PARAM;
    aclError code = _pk_private.profile_range_begin(call, kind, s->message, number);
    _pk_private.handle_release(stamp);
    return code;
}

aclError aclprofPush(void *stamp) {
    TRY_ACL(check(__func__));
    return begin_range(__func__, PROFILE_PUSH, stamp, NULL);
}

aclError aclprofPop(void) {
    TRY_ACL(check(__func__));
    return _pk_private.profile_pop(__func__);
}

aclError aclprofRangeStart(void *stamp, uint32_t *rangeId) {
    NEED(rangeId);
    return begin_range(__func__, PROFILE_RANGE, stamp, rangeId);
}

aclError aclprofRangeStop(uint32_t rangeId) {
    TRY_ACL(check(__func__));
    return _pk_private.profile_range_end(__func__, rangeId);
}

/* ---- steps ---- */

struct step {
    uint32_t number;
    atomic_int state; /* 0: new, 1: begun, 2: ended */
};

aclprofStepInfo *aclprofCreateStepInfo(void) {
    static atomic_uint last; /* numbers of a process are never given twice */
    struct step s = {.number = atomic_fetch_add(&last, 1) + 1};
    return create(__func__, HANDLE_PROF_STEP, &s, sizeof s);
}

void aclprofDestroyStepInfo(aclprofStepInfo *stepinfo) {
    destroy(__func__, HANDLE_PROF_STEP, stepinfo, "stepinfo");
}

static aclError tag(const char *call, struct step *s, aclprofStepTag tag, aclrtStream stream) {
    int wanted = tag == ACL_STEP_START ? 0 : 1;
    if (!atomic_compare_exchange_strong(&s->state, &wanted, wanted + 1))
        return _pk_private.fail(ACL_ERROR_INVALID_PARAM, call,
                                tag == ACL_STEP_START
                                    ? "the step has begun already; each needs an aclprofStepInfo"
                                    : "the step has not begun, or ended already");
    return _pk_private.profile_step(call, s->number, tag == ACL_STEP_END, stream);
}

aclError aclprofGetStepTimestamp(aclprofStepInfo *stepInfo, aclprofStepTag tag_of,
                                 aclrtStream stream) {
    TRY_ACL(check(__func__));
    if (tag_of != ACL_STEP_START && tag_of != ACL_STEP_END)
        FAIL_PARAM("tag is %d; it is ACL_STEP_START or ACL_STEP_END", (int)tag_of);
    struct step *s = _pk_private.handle_get(stepInfo, HANDLE_PROF_STEP, __func__, "stepInfo");
    if (!s) return ACL_ERROR_INVALID_PARAM;
    aclError code = tag(__func__, s, tag_of, stream);
    _pk_private.handle_release(stepInfo);
    return code;
}

/* ---- subscribing ---- */

struct subscribe_config {
    bool with_times;
    int descriptor;
};

aclprofSubscribeConfig *aclprofCreateSubscribeConfig(int8_t timeInfoSwitch,
                                                     aclprofAicoreMetrics aicoreMetrics, void *fd) {
    if (check(__func__) != ACL_SUCCESS || check_metrics(__func__, aicoreMetrics) != ACL_SUCCESS)
        return NULL;
    if (!fd) {
        _pk_private.fail(ACL_ERROR_INVALID_PARAM, __func__,
                         "fd is NULL; pass the address of the descriptor of a pipe's writing end");
        return NULL;
    }
    /* pyACL hands over the descriptor itself; no object has an address as low. */
    struct subscribe_config c = {.with_times = timeInfoSwitch != 0};
    if ((uintptr_t)fd < 65536) c.descriptor = (int)(uintptr_t)fd;
    else memcpy(&c.descriptor, fd, sizeof c.descriptor);
    return create(__func__, HANDLE_PROF_SUBSCRIBE, &c, sizeof c);
}

aclError aclprofDestroySubscribeConfig(const aclprofSubscribeConfig *profSubscribeConfig) {
    return destroy(__func__, HANDLE_PROF_SUBSCRIBE, profSubscribeConfig, "profSubscribeConfig");
}

aclError aclprofModelSubscribe(uint32_t modelId,
                               const aclprofSubscribeConfig *profSubscribeConfig) {
    TRY_ACL(check(__func__));
    struct subscribe_config *c = _pk_private.handle_get(profSubscribeConfig, HANDLE_PROF_SUBSCRIBE,
                                                        __func__, "profSubscribeConfig");
    if (!c) return ACL_ERROR_INVALID_PARAM;
    aclError code = _pk_private.profile_subscribe(__func__, modelId, c->with_times, c->descriptor);
    _pk_private.handle_release(profSubscribeConfig);
    return code;
}

aclError aclprofModelUnSubscribe(uint32_t modelId) {
    TRY_ACL(check(__func__));
    return _pk_private.profile_unsubscribe(__func__, modelId);
}

/* ---- reading what was subscribed to ---- */

aclError aclprofGetOpDescSize(size_t *opDescSize) {
    NEED(opDescSize);
    *opDescSize = sizeof(struct profile_op);
    return ACL_SUCCESS;
}

aclError aclprofGetOpNum(const void *opInfo, size_t opInfoLen, uint32_t *opNumber) {
    NEED(opInfo);
    NEED(opNumber);
    if (opInfoLen % sizeof(struct profile_op) || opInfoLen / sizeof(struct profile_op) > UINT32_MAX)
        FAIL_PARAM("opInfoLen is %zu; it is a multiple of aclprofGetOpDescSize's %zu", opInfoLen,
                   sizeof(struct profile_op));
    *opNumber = (uint32_t)(opInfoLen / sizeof(struct profile_op));
    return ACL_SUCCESS;
}

/* NULL with the failure recorded, or the operator; its texts end. */
static const struct profile_op *get_op(const char *call, const void *info, size_t bytes,
                                       uint32_t index) {
    if (check(call) != ACL_SUCCESS) return NULL;
    size_t n = bytes / sizeof(struct profile_op);
    const struct profile_op *op = info ? (const struct profile_op *)info + index : NULL;
    if (op && index < n && bytes % sizeof *op == 0 && !op->type[sizeof op->type - 1] &&
        !op->name[sizeof op->name - 1] && !op->thread[sizeof op->thread - 1])
        return op;
    _pk_private.fail(ACL_ERROR_INVALID_PARAM, call,
                     "opInfo is not what came out of the pipe, or index is %u of %zu operators",
                     index, n);
    return NULL;
}

/* Lengths count the NUL, so that a buffer of that length does. */
static aclError get_length(const char *call, const struct profile_op *op, const char *text,
                           size_t *to) {
    if (!op) return ACL_ERROR_INVALID_PARAM;
    if (!to) return _pk_private.fail(ACL_ERROR_INVALID_PARAM, call, "the place for the length is "
                                                                    "NULL");
    *to = strlen(text) + 1;
    return ACL_SUCCESS;
}

static aclError get_text(const char *call, const struct profile_op *op, const char *text, char *to,
                         size_t bytes) {
    if (!op) return ACL_ERROR_INVALID_PARAM;
    size_t need = strlen(text) + 1;
    if (!to || bytes < need)
        return _pk_private.fail(ACL_ERROR_INVALID_PARAM, call,
                                "the text needs %zu bytes; its place %s", need,
                                to ? "is shorter" : "is NULL");
    memcpy(to, text, need);
    return ACL_SUCCESS;
}

aclError aclprofGetOpTypeLen(const void *opInfo, size_t opInfoLen, uint32_t index,
                             size_t *opTypeLen) {
    const struct profile_op *op = get_op(__func__, opInfo, opInfoLen, index);
    return get_length(__func__, op, op ? op->type : "", opTypeLen);
}

aclError aclprofGetOpType(const void *opInfo, size_t opInfoLen, uint32_t index, char *opType,
                          size_t opTypeLen) {
    const struct profile_op *op = get_op(__func__, opInfo, opInfoLen, index);
    return get_text(__func__, op, op ? op->type : "", opType, opTypeLen);
}

aclError aclprofGetOpNameLen(const void *opInfo, size_t opInfoLen, uint32_t index,
                             size_t *opNameLen) {
    const struct profile_op *op = get_op(__func__, opInfo, opInfoLen, index);
    return get_length(__func__, op, op ? op->name : "", opNameLen);
}

aclError aclprofGetOpName(const void *opInfo, size_t opInfoLen, uint32_t index, char *opName,
                          size_t opNameLen) {
    const struct profile_op *op = get_op(__func__, opInfo, opInfoLen, index);
    return get_text(__func__, op, op ? op->name : "", opName, opNameLen);
}

uint64_t aclprofGetOpStart(const void *opInfo, size_t opInfoLen, uint32_t index) {
    const struct profile_op *op = get_op(__func__, opInfo, opInfoLen, index);
    return op ? op->begin_ns : 0;
}

uint64_t aclprofGetOpEnd(const void *opInfo, size_t opInfoLen, uint32_t index) {
    const struct profile_op *op = get_op(__func__, opInfo, opInfoLen, index);
    return op ? op->end_ns : 0;
}

uint64_t aclprofGetOpDuration(const void *opInfo, size_t opInfoLen, uint32_t index) {
    const struct profile_op *op = get_op(__func__, opInfo, opInfoLen, index);
    return op ? op->end_ns - op->begin_ns : 0;
}

size_t aclprofGetModelId(const void *opInfo, size_t opInfoLen, uint32_t index) {
    const struct profile_op *op = get_op(__func__, opInfo, opInfoLen, index);
    return op ? op->model : 0;
}

aclprofSubscribeOpFlag aclprofGetOpFlag(const void *opInfo, size_t opInfoLen, uint32_t index) {
    return get_op(__func__, opInfo, opInfoLen, index) ? ACL_SUBSCRIBE_OP : ACL_SUBSCRIBE_NONE;
}

const char *aclprofGetOpAttriValue(const void *opInfo, size_t opInfoLen, uint32_t index,
                                   aclprofSubscribeOpAttri attri) {
    const struct profile_op *op = get_op(__func__, opInfo, opInfoLen, index);
    if (op && attri == ACL_SUBSCRIBE_ATTRI_THREADID) return op->thread;
    if (op)
        _pk_private.fail(ACL_ERROR_INVALID_PARAM, __func__,
                         "attri is %d; ACL_SUBSCRIBE_ATTRI_THREADID is the one there is",
                         (int)attri);
    return NULL;
}
