/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Failures of tasks that were accepted: told to the program's callback when they happen, and kept,
 * the newest few, for aclmdlCreateAndGetOpDesc.
 */
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "acl/internal.h"
#include "acl/model.h"

static void nothing_to_destroy(void *object) { (void)object; }

void exception_raise(int device, uint32_t stream, uint32_t task, aclError code,
                     struct model_info *info) {
    struct exception e = {.device = (uint32_t)device,
                          .stream = stream,
                          .task = task,
                          .thread = (uint32_t)syscall(SYS_gettid),
                          .code = (uint32_t)code,
                          .info = model_info_share(info)};
    pthread_mutex_lock(&runtime.exceptions_lock);
    struct exception *slot = &runtime.exceptions[runtime.n_exceptions++ % MAX_EXCEPTIONS];
    struct model_info *old = slot->info;
    *slot = e;
    pthread_mutex_unlock(&runtime.exceptions_lock);
    model_info_release(old);

    aclrtExceptionInfoCallback callback = atomic_load(&runtime.exception_callback);
    if (!callback) return;
    void *handle = handle_create(HANDLE_EXCEPTION, &e, nothing_to_destroy);
    if (!handle) return; /* without memory for it the program only gets the code */
    /* What the callback does wrong must not hide why it was called. */
    char sentence[FAILURE_TEXT];
    snprintf(sentence, sizeof sentence, "%s", acl_last_failure());
    callback(handle);
    handle_retire(handle, HANDLE_EXCEPTION);
    acl_keep_sentence(sentence);
}

void exceptions_reset(void) {
    pthread_mutex_lock(&runtime.exceptions_lock);
    for (int i = 0; i < MAX_EXCEPTIONS; i++) {
        model_info_release(runtime.exceptions[i].info);
        runtime.exceptions[i].info = NULL;
    }
    runtime.n_exceptions = 0;
    pthread_mutex_unlock(&runtime.exceptions_lock);
}

struct model_info *exception_find(uint32_t device, uint32_t stream, uint32_t task) {
    struct model_info *found = NULL;
    pthread_mutex_lock(&runtime.exceptions_lock);
    for (int i = 0; i < MAX_EXCEPTIONS; i++) {
        const struct exception *e = &runtime.exceptions[i];
        if (e->info && e->device == device && e->stream == stream && e->task == task)
            found = e->info;
    }
    if (found) model_info_share(found);
    pthread_mutex_unlock(&runtime.exceptions_lock);
    return found;
}

aclError aclrtSetExceptionInfoCallback(aclrtExceptionInfoCallback callback) {
    ACL_NEED_STARTED();
    atomic_store(&runtime.exception_callback, callback);
    return ACL_SUCCESS;
}

static bool get(const char *call, const aclrtExceptionInfo *info, struct exception *out) {
    const struct exception *e = handle_get(info, HANDLE_EXCEPTION, call, "info");
    if (!e) return false;
    *out = *e;
    handle_release(info);
    return true;
}

uint32_t aclrtGetTaskIdFromExceptionInfo(const aclrtExceptionInfo *info) {
    struct exception e;
    return get(__func__, info, &e) ? e.task : UINT32_MAX;
}

uint32_t aclrtGetStreamIdFromExceptionInfo(const aclrtExceptionInfo *info) {
    struct exception e;
    return get(__func__, info, &e) ? e.stream : UINT32_MAX;
}

uint32_t aclrtGetThreadIdFromExceptionInfo(const aclrtExceptionInfo *info) {
    struct exception e;
    return get(__func__, info, &e) ? e.thread : UINT32_MAX;
}

uint32_t aclrtGetDeviceIdFromExceptionInfo(const aclrtExceptionInfo *info) {
    struct exception e;
    return get(__func__, info, &e) ? e.device : UINT32_MAX;
}

uint32_t aclrtGetErrorCodeFromExceptionInfo(const aclrtExceptionInfo *info) {
    struct exception e;
    return get(__func__, info, &e) ? e.code : UINT32_MAX;
}
