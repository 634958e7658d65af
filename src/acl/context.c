/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Devices and contexts. A device's worker pool is made when the first model wants it and kept until
 * aclFinalize, or until the last model that still runs then has ended. A thread's current context
 * is a handle, so a context destroyed by another thread is noticed.
 */
#include <stdio.h>

#include "acl/internal.h"
#include "base/alloc.h"
#include "exec/model.h"

static _Thread_local void *current;

aclError device_need(const char *call, int device) {
    if (device >= 0 && device < runtime.n_devices) return ACL_SUCCESS;
    return acl_fail(ACL_ERROR_RT_INVALID_DEVICEID, call, "there is no device %d; ids are 0 to %d",
                    device, runtime.n_devices - 1);
}

/* ---- the worker pool ---- */

aclError device_join(const char *call, int device, struct device **out) {
    pthread_mutex_lock(&runtime.lock);
    struct acl_device *d = &runtime.devices[device];
    enum status s = STATUS_OK;
    if (!d->exec) {
        s = device_create(d->cores.n, &d->exec);
        if (s == STATUS_OK) device_pin(d->exec, &d->cores);
    }
    if (s == STATUS_OK) {
        d->n_users++;
        *out = d->exec;
    }
    pthread_mutex_unlock(&runtime.lock);
    return s == STATUS_OK ? ACL_SUCCESS : acl_fail_status(s, call);
}

void device_leave(int device) {
    struct device *last = NULL;
    pthread_mutex_lock(&runtime.lock);
    struct acl_device *d = &runtime.devices[device];
    if (--d->n_users == 0 && !atomic_load(&runtime.started)) {
        last = d->exec;
        d->exec = NULL;
    }
    pthread_mutex_unlock(&runtime.lock);
    device_destroy(last);
}

void devices_reset(void) {
    pthread_mutex_lock(&runtime.lock);
    for (int i = 0; i < runtime.n_devices; i++) {
        struct acl_device *d = &runtime.devices[i];
        d->set_count = 0;
        d->default_context = NULL;
        if (d->n_users == 0) {
            device_destroy(d->exec);
            d->exec = NULL;
        }
    }
    pthread_mutex_unlock(&runtime.lock);
}

/* ---- contexts ---- */

static void context_destroy(void *object) {
    struct context *c = object;
    if (c->default_stream) handle_retire(c->default_stream, HANDLE_STREAM);
    pthread_mutex_destroy(&c->lock);
    mem_free(c);
}

static aclError context_create(const char *call, int device, bool is_default, void **out) {
    struct context *c = mem_calloc(1, sizeof *c);
    if (c) {
        c->id = atomic_fetch_add(&runtime.next_context_id, 1) + 1;
        c->device = device;
        c->is_default = is_default;
        pthread_mutex_init(&c->lock, NULL);
    }
    *out = handle_make(HANDLE_CONTEXT, c, context_destroy, call);
    return *out ? ACL_SUCCESS : ACL_ERROR_BAD_ALLOC;
}

/* Makes the default context of a device this thread's. n: how many calls of aclrtResetDevice that
 * asks for. */
static aclError enter_default(const char *call, int device, int n) {
    pthread_mutex_lock(&runtime.lock);
    struct acl_device *d = &runtime.devices[device];
    aclError code = ACL_SUCCESS;
    if (!d->default_context) code = context_create(call, device, true, &d->default_context);
    if (code == ACL_SUCCESS) {
        d->set_count += n;
        current = d->default_context;
    }
    pthread_mutex_unlock(&runtime.lock);
    return code;
}

aclError context_current(const char *call, struct context **out, void **handle) {
    ACL_TRY(runtime_need_started(call));
    *out = handle_acquire(current, HANDLE_CONTEXT);
    int device = atomic_load_explicit(&runtime.default_device, memory_order_relaxed);
    if (!*out && device) {
        ACL_TRY(enter_default(call, device - 1, 0));
        *out = handle_acquire(current, HANDLE_CONTEXT);
    }
    *handle = current;
    if (*out) return ACL_SUCCESS;
    return acl_fail(ACL_ERROR_RT_CONTEXT_NULL, call,
                    current ? "this thread's context was destroyed; call aclrtSetCurrentContext, "
                              "aclrtCreateContext or aclrtSetDevice in this thread first"
                            : "this thread has no context; call aclrtSetDevice, "
                              "aclrtCreateContext or aclrtSetCurrentContext in this thread first");
}

aclError context_need(const char *call) {
    struct context *c;
    void *handle;
    ACL_TRY(context_current(call, &c, &handle));
    handle_release(handle);
    return ACL_SUCCESS;
}

aclError aclrtSetDevice(int32_t deviceId) {
    PROFILE_SCOPE(__func__);
    ACL_NEED_STARTED();
    ACL_TRY(device_need(__func__, deviceId));
    return enter_default(__func__, deviceId, 1);
}

static aclError reset_device(const char *call, int device, bool all) {
    ACL_TRY(runtime_need_started(call));
    ACL_TRY(device_need(call, device));
    ACL_TRY(stream_need_other_thread(call));
    void *ended = NULL;
    pthread_mutex_lock(&runtime.lock);
    struct acl_device *d = &runtime.devices[device];
    if (d->set_count > 0) d->set_count = all ? 0 : d->set_count - 1;
    if (d->set_count == 0) {
        ended = d->default_context;
        d->default_context = NULL;
    }
    pthread_mutex_unlock(&runtime.lock);
    if (ended) handle_retire(ended, HANDLE_CONTEXT);
    return ACL_SUCCESS;
}

aclError aclrtResetDevice(int32_t deviceId) {
    PROFILE_SCOPE(__func__);
    return reset_device(__func__, deviceId, false);
}

aclError aclrtResetDeviceForce(int32_t deviceId) { return reset_device(__func__, deviceId, true); }

aclError aclrtGetDevice(int32_t *deviceId) {
    ACL_NEED(deviceId);
    struct context *c;
    void *handle;
    ACL_TRY(context_current(__func__, &c, &handle));
    *deviceId = c->device;
    handle_release(handle);
    return ACL_SUCCESS;
}

aclError aclrtGetDeviceCount(uint32_t *count) {
    ACL_NEED(count);
    ACL_NEED_STARTED();
    *count = (uint32_t)runtime.n_devices;
    return ACL_SUCCESS;
}

aclError aclrtQueryDeviceStatus(int32_t deviceId, aclrtDeviceStatus *deviceStatus) {
    ACL_NEED(deviceStatus);
    ACL_NEED_STARTED();
    ACL_TRY(device_need(__func__, deviceId));
    *deviceStatus = ACL_RT_DEVICE_STATUS_NORMAL;
    return ACL_SUCCESS;
}

aclError aclrtSetTsDevice(aclrtTsId tsId) {
    ACL_NEED_STARTED();
    ACL_CHECK(tsId == ACL_TS_ID_AICORE || tsId == ACL_TS_ID_AIVECTOR, ACL_ERROR_INVALID_PARAM,
              "tsId is %d; use ACL_TS_ID_AICORE or ACL_TS_ID_AIVECTOR", (int)tsId);
    return ACL_SUCCESS;
}

aclError aclrtDeviceCanAccessPeer(int32_t *canAccessPeer, int32_t deviceId, int32_t peerDeviceId) {
    ACL_NEED(canAccessPeer);
    ACL_NEED_STARTED();
    ACL_TRY(device_need(__func__, deviceId));
    ACL_TRY(device_need(__func__, peerDeviceId));
    ACL_CHECK(deviceId != peerDeviceId, ACL_ERROR_INVALID_PARAM,
              "both devices are %d; a device is not its own peer", deviceId);
    *canAccessPeer = 1;
    return ACL_SUCCESS;
}

aclError aclrtDeviceEnablePeerAccess(int32_t peerDeviceId, uint32_t flags) {
    ACL_NEED_CONTEXT();
    ACL_CHECK(flags == 0, ACL_ERROR_INVALID_PARAM, "flags is %u; it is reserved and must be 0",
              flags);
    return device_need(__func__, peerDeviceId);
}

aclError aclrtDeviceDisablePeerAccess(int32_t peerDeviceId) {
    ACL_NEED_CONTEXT();
    return device_need(__func__, peerDeviceId);
}

struct first_failure {
    int device;
    const char *call;
    aclError code;
};

static void wait_for_one(void *handle, void *object, void *user) {
    (void)handle;
    struct first_failure *f = user;
    if (stream_device(object) != f->device) return;
    aclError code = stream_wait(object, -1, f->call);
    if (f->code == ACL_SUCCESS) f->code = code;
}

aclError aclrtSynchronizeDevice(void) {
    PROFILE_SCOPE(__func__);
    ACL_TRY(stream_need_other_thread(__func__));
    struct context *c;
    void *handle;
    ACL_TRY(context_current(__func__, &c, &handle));
    struct first_failure f = {.device = c->device, .call = __func__};
    handle_release(handle);
    handle_visit(HANDLE_STREAM, wait_for_one, &f);
    return f.code;
}

aclError aclrtCreateContext(aclrtContext *context, int32_t deviceId) {
    PROFILE_SCOPE(__func__);
    ACL_NEED(context);
    ACL_NEED_STARTED();
    ACL_TRY(device_need(__func__, deviceId));
    ACL_TRY(context_create(__func__, deviceId, false, context));
    current = *context;
    return ACL_SUCCESS;
}

aclError aclrtDestroyContext(aclrtContext context) {
    PROFILE_SCOPE(__func__);
    ACL_NEED_STARTED();
    ACL_TRY(stream_need_other_thread(__func__));
    struct context *c = handle_acquire(context, HANDLE_CONTEXT);
    if (!c) return handle_fail(context, HANDLE_CONTEXT, __func__, "context");
    bool is_default = c->is_default;
    int device = c->device;
    handle_release(context);
    ACL_CHECK(!is_default, ACL_ERROR_INVALID_PARAM,
              "context is the default context of device %d; aclrtResetDevice ends it", device);
    ACL_TRY(handle_end(context, HANDLE_CONTEXT, __func__, "context"));
    if (current == context) current = NULL;
    return ACL_SUCCESS;
}

aclError aclrtSetCurrentContext(aclrtContext context) {
    ACL_NEED_STARTED();
    if (!handle_acquire(context, HANDLE_CONTEXT))
        return handle_fail(context, HANDLE_CONTEXT, __func__, "context");
    handle_release(context);
    current = context;
    return ACL_SUCCESS;
}

aclError aclrtGetCurrentContext(aclrtContext *context) {
    ACL_NEED(context);
    struct context *c;
    void *handle;
    ACL_TRY(context_current(__func__, &c, &handle));
    handle_release(handle);
    *context = handle;
    return ACL_SUCCESS;
}

static aclError parameter(const char *call, struct context *c, aclSysParamOpt opt, int64_t **value,
                          bool **has) {
    if (opt == ACL_OPT_DETERMINISTIC) {
        *value = &c->deterministic;
        *has = &c->has_deterministic;
        return ACL_SUCCESS;
    }
    if (opt == ACL_OPT_ENABLE_DEBUG_KERNEL) {
        *value = &c->debug_kernel;
        *has = &c->has_debug_kernel;
        return ACL_SUCCESS;
    }
    return acl_fail(ACL_ERROR_INVALID_PARAM, call, "opt is %d; use a value of aclSysParamOpt",
                    (int)opt);
}

aclError aclrtCtxSetSysParamOpt(aclSysParamOpt opt, int64_t value) {
    struct context *c;
    void *handle;
    int64_t *slot = NULL;
    bool *has = NULL;
    ACL_TRY(context_current(__func__, &c, &handle));
    aclError code = parameter(__func__, c, opt, &slot, &has);
    if (code == ACL_SUCCESS) {
        pthread_mutex_lock(&c->lock);
        *slot = value;
        *has = true;
        pthread_mutex_unlock(&c->lock);
    }
    handle_release(handle);
    return code;
}

aclError aclrtCtxGetSysParamOpt(aclSysParamOpt opt, int64_t *value) {
    ACL_NEED(value);
    struct context *c;
    void *handle;
    int64_t *slot = NULL;
    bool *has = NULL;
    ACL_TRY(context_current(__func__, &c, &handle));
    aclError code = parameter(__func__, c, opt, &slot, &has);
    if (code == ACL_SUCCESS) {
        pthread_mutex_lock(&c->lock);
        if (*has) *value = *slot;
        else
            code = acl_fail(ACL_ERROR_RT_SYSPARAMOPT_NOT_SET, __func__,
                            "opt %d was never set in this context", (int)opt);
        pthread_mutex_unlock(&c->lock);
    }
    handle_release(handle);
    return code;
}
