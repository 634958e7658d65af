/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What programs ask of a device as hardware: groups of its cores, load, faults of memory, overflow
 * and saturation, ending all its work.
 */
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "acl/internal.h"
#include "base/alloc.h"
#include "base/cpu.h"

/* ---- groups ---- */

/* A device is one group, number 0. */
struct group_info {
    atomic_int n_cores; /* 0: not asked yet */
};

aclrtGroupInfo *aclrtCreateGroupInfo(void) {
    return handle_make(HANDLE_GROUP_INFO, mem_calloc(1, sizeof(struct group_info)), mem_free,
                       __func__);
}

aclError aclrtDestroyGroupInfo(aclrtGroupInfo *groupInfo) {
    return handle_end(groupInfo, HANDLE_GROUP_INFO, __func__, "groupInfo");
}

aclError aclrtGetGroupCount(uint32_t *count) {
    ACL_NEED(count);
    ACL_NEED_CONTEXT();
    *count = 1;
    return ACL_SUCCESS;
}

aclError aclrtSetGroup(int32_t groupId) {
    ACL_NEED_CONTEXT();
    ACL_CHECK(groupId == 0, ACL_ERROR_INVALID_PARAM, "groupId is %d; a device has group 0 only",
              groupId);
    return ACL_SUCCESS;
}

aclError aclrtGetAllGroupInfo(aclrtGroupInfo *groupInfo) {
    struct context *c;
    void *context;
    ACL_TRY(context_current(__func__, &c, &context));
    int n = runtime.devices[c->device].cores.n;
    handle_release(context);
    struct group_info *g = handle_acquire(groupInfo, HANDLE_GROUP_INFO);
    if (!g) return handle_fail(groupInfo, HANDLE_GROUP_INFO, __func__, "groupInfo");
    atomic_store(&g->n_cores, n ? n : cpu_usable_cores());
    handle_release(groupInfo);
    return ACL_SUCCESS;
}

aclError aclrtGetGroupInfoDetail(const aclrtGroupInfo *groupInfo, int32_t groupIndex,
                                 aclrtGroupAttr attr, void *attrValue, size_t valueLen,
                                 size_t *paramRetSize) {
    struct group_info *g = handle_acquire(groupInfo, HANDLE_GROUP_INFO);
    if (!g) return handle_fail(groupInfo, HANDLE_GROUP_INFO, __func__, "groupInfo");
    int n = atomic_load(&g->n_cores);
    handle_release(groupInfo);
    ACL_NEED(attrValue);
    ACL_NEED(paramRetSize);
    ACL_CHECK((unsigned)attr <= ACL_GROUP_GROUPID_INT, ACL_ERROR_INVALID_PARAM,
              "attr is %d; use a value of aclrtGroupAttr", (int)attr);
    ACL_CHECK(groupIndex == 0, ACL_ERROR_INVALID_PARAM, "groupIndex is %d; there is group 0 only",
              groupIndex);
    int32_t value = 0;
    ACL_CHECK(valueLen >= sizeof value, ACL_ERROR_INVALID_PARAM,
              "valueLen is %zu; an attribute has %zu bytes", valueLen, sizeof value);
    ACL_CHECK(n, ACL_ERROR_INVALID_PARAM, "groupInfo is empty; call aclrtGetAllGroupInfo first");
    if (attr <= ACL_GROUP_AIC_INT) value = n;
    memcpy(attrValue, &value, sizeof value);
    *paramRetSize = sizeof value;
    return ACL_SUCCESS;
}

/* ---- load ---- */

enum { SAMPLE_MS = 100 };

/* Busy and all ticks since the system started, of the cores in `set` (none: of all). */
static bool read_ticks(const struct core_set *set, uint64_t *busy, uint64_t *all) {
    FILE *f = fopen("/proc/stat", "r");
    if (!f) return false;
    char line[512];
    *busy = *all = 0;
    while (fgets(line, sizeof line, f)) {
        unsigned long long t[8] = {0}; /* user nice system idle iowait irq softirq steal */
        unsigned core;
        if (sscanf(line, "cpu%u %llu %llu %llu %llu %llu %llu %llu %llu", &core, &t[0], &t[1],
                   &t[2], &t[3], &t[4], &t[5], &t[6], &t[7]) < 5)
            continue;
        if (set->n && (core >= MAX_CORES || !(set->bits[core / 64] >> core % 64 & 1))) continue;
        for (int i = 0; i < 8; i++) *all += t[i];
        *busy += t[0] + t[1] + t[2] + t[5] + t[6] + t[7];
    }
    fclose(f);
    return *all > 0;
}

aclError aclrtGetDeviceUtilizationRate(int32_t deviceId, aclrtUtilizationInfo *utilizationInfo) {
    ACL_NEED(utilizationInfo);
    ACL_NEED_CONTEXT();
    ACL_TRY(device_need(__func__, deviceId));
    const struct core_set *cores = &runtime.devices[deviceId].cores;
    uint64_t busy[2], all[2];
    bool known = read_ticks(cores, &busy[0], &all[0]);
    nanosleep(&(struct timespec){.tv_nsec = SAMPLE_MS * 1000000L}, NULL);
    known = known && read_ticks(cores, &busy[1], &all[1]);
    int32_t rate = -1;
    if (known && all[1] > all[0])
        rate = (int32_t)(100 * (busy[1] - busy[0]) / (all[1] - all[0]));
    size_t free_bytes, total;
    ACL_TRY(aclrtGetMemInfo(ACL_DDR_MEM, &free_bytes, &total));
    *utilizationInfo = (aclrtUtilizationInfo){
        .cubeUtilization = rate,
        .vectorUtilization = rate,
        .aicpuUtilization = rate,
        .memoryUtilization = total ? (int32_t)((total - free_bytes) / (total / 100 + 1)) : -1,
    };
    return ACL_SUCCESS;
}

/* ---- faults of memory ---- */

aclError aclrtGetMemUceInfo(int32_t deviceId, aclrtMemUceInfo *memUceInfoArray, size_t arraySize,
                            size_t *retSize) {
    ACL_NEED(memUceInfoArray);
    ACL_NEED(retSize);
    ACL_NEED_STARTED();
    ACL_TRY(device_need(__func__, deviceId));
    ACL_CHECK(arraySize >= 1 && arraySize <= MAX_MEM_UCE_INFO_ARRAY_SIZE, ACL_ERROR_INVALID_PARAM,
              "arraySize is %zu; it is 1 to %d", arraySize, MAX_MEM_UCE_INFO_ARRAY_SIZE);
    *retSize = 0;
    return ACL_SUCCESS;
}

aclError aclrtMemUceRepair(int32_t deviceId, aclrtMemUceInfo *memUceInfoArray, size_t arraySize) {
    ACL_NEED(memUceInfoArray);
    ACL_NEED_STARTED();
    ACL_TRY(device_need(__func__, deviceId));
    ACL_FAIL(ACL_ERROR_INVALID_PARAM,
             "none of the %zu addresses is known to be faulty; aclrtGetMemUceInfo tells which are",
             arraySize);
}

/* ---- overflow ---- */

aclError aclrtSetDeviceSatMode(aclrtFloatOverflowMode mode) {
    ACL_NEED_CONTEXT();
    if (mode == ACL_RT_OVERFLOW_MODE_INFNAN) return ACL_SUCCESS;
    ACL_CHECK(mode == ACL_RT_OVERFLOW_MODE_SATURATION, ACL_ERROR_INVALID_PARAM,
              "mode is %d; use ACL_RT_OVERFLOW_MODE_INFNAN", (int)mode);
    ACL_FAIL(ACL_ERROR_FEATURE_UNSUPPORTED,
             "results here overflow to infinity, never to the largest number; use "
             "ACL_RT_OVERFLOW_MODE_INFNAN");
}

aclError aclrtGetDeviceSatMode(aclrtFloatOverflowMode *mode) {
    ACL_NEED(mode);
    ACL_NEED_CONTEXT();
    *mode = ACL_RT_OVERFLOW_MODE_INFNAN;
    return ACL_SUCCESS;
}

aclError aclrtGetOverflowStatus(void *outputAddr, size_t outputSize, aclrtStream stream) {
    ACL_NEED(outputAddr);
    ACL_NEED_CONTEXT();
    if (check_is_on()) ACL_TRY(check_device_buffer(__func__, "outputAddr", outputAddr));
    ACL_TRY(memory_check(__func__, "outputAddr", outputAddr, outputSize));
    return fill_on_stream(__func__, outputAddr, 0, outputSize, stream);
}

aclError aclrtResetOverflowStatus(aclrtStream stream) {
    struct stream *s;
    void *held;
    ACL_TRY(stream_get(stream, __func__, &s, &held));
    handle_release(held);
    return ACL_SUCCESS;
}

/* ---- tasks and the process ---- */

struct abort_all {
    int device;
    const struct timespec *deadline;
    bool in_time;
};

static void abort_one(void *handle, void *object, void *user) {
    (void)handle;
    struct abort_all *a = user;
    if (stream_device(object) == a->device && !stream_abort(object, a->deadline))
        a->in_time = false;
}

aclError aclrtDeviceTaskAbort(int32_t deviceId, uint32_t timeout) {
    ACL_NEED_STARTED();
    ACL_TRY(device_need(__func__, deviceId));
    ACL_TRY(stream_need_other_thread(__func__));
    struct timespec deadline = time_after_ms(timeout);
    struct abort_all a = {deviceId, timeout ? &deadline : NULL, true};
    handle_visit(HANDLE_STREAM, abort_one, &a);
    ACL_CHECK(a.in_time, ACL_ERROR_RT_TASK_TIMEOUT,
              "a task of device %d still ran after %u ms; what was queued behind it is dropped",
              deviceId, timeout);
    return ACL_SUCCESS;
}

aclError aclrtSetOpExecuteTimeOut(uint32_t timeout) {
    ACL_NEED_CONTEXT();
    atomic_store(&runtime.op_execute_timeout_s, timeout);
    return ACL_SUCCESS;
}

aclError aclrtDeviceGetBareTgid(int32_t *pid) {
    ACL_NEED(pid);
    *pid = (int32_t)getpid();
    return ACL_SUCCESS;
}
