/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Start and end of a process's use of AscendCL, and what can be asked without either. The runtime
 * object lives for the process; aclFinalize empties it, so aclInit can start again at once.
 */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "acl/dump.h"
#include "acl/internal.h"
#include "acl/tdt_queue.h"
#include "base/alloc.h"
#include "base/env.h"

struct runtime runtime = {
    .handles.lock = PTHREAD_MUTEX_INITIALIZER,
    .memory.lock = PTHREAD_RWLOCK_INITIALIZER,
    .lock = PTHREAD_MUTEX_INITIALIZER,
    .sentence_lock = PTHREAD_MUTEX_INITIALIZER,
    .sync_lock = PTHREAD_MUTEX_INITIALIZER,
    .tdt.lock = PTHREAD_MUTEX_INITIALIZER,
    .ops_lock = PTHREAD_MUTEX_INITIALIZER,
    .models_lock = PTHREAD_RWLOCK_INITIALIZER,
    .exceptions_lock = PTHREAD_MUTEX_INITIALIZER,
    .vmm_lock = PTHREAD_MUTEX_INITIALIZER,
    .dump_lock = PTHREAD_MUTEX_INITIALIZER,
    .profile.lock = PTHREAD_MUTEX_INITIALIZER,
    .profile.pipe_lock = PTHREAD_MUTEX_INITIALIZER,
    .check.lock = PTHREAD_MUTEX_INITIALIZER,
};

bool cond_init_monotonic(pthread_cond_t *cond) {
    pthread_condattr_t attr;
    if (pthread_condattr_init(&attr)) return false;
    bool ok = !pthread_condattr_setclock(&attr, CLOCK_MONOTONIC) && !pthread_cond_init(cond, &attr);
    pthread_condattr_destroy(&attr);
    return ok;
}

__attribute__((constructor)) static void at_load(void) {
    cond_init_monotonic(&runtime.sync_changed);
    cond_init_monotonic(&runtime.tdt.changed);
    runtime_watch_forks();
}

aclError runtime_need_started(const char *call) {
    if (atomic_load_explicit(&runtime.started, memory_order_acquire)) return ACL_SUCCESS;
    return acl_fail(ACL_ERROR_UNINITIALIZE, call,
                    "AscendCL is not started; call aclInit first (and not after aclFinalize)");
}

/* ---- devices of PRUSIK_DEVICES ---- */

static void find_devices(void) {
    /* Worker pools stay: a model that aclFinalize found running may still use one. */
    const char *p = env_string(ENV_DEVICES);
    int found = 0;
    while (*p && found < MAX_DEVICES) {
        struct core_set *cores = &runtime.devices[found].cores;
        if (!core_set_parse(&p, cores)) {
            acl_log(ACL_ERROR, "aclInit: PRUSIK_DEVICES is '%s'; write lists of cores like "
                               "0-3;4-7. It is ignored.",
                    env_string(ENV_DEVICES));
            found = 0;
            break;
        }
        if (!core_set_is_usable(cores))
            acl_log(ACL_ERROR, "aclInit: PRUSIK_DEVICES gives device %d cores this process may not "
                               "use; its threads run on any core",
                    found);
        found++;
        if (*p == ';') p++;
    }
    if (found == 0) runtime.devices[found++].cores = (struct core_set){0};
    runtime.n_devices = found;
}

/* ---- the calls ---- */

static aclError configure(const char *call, const char *path) {
    json_t *root;
    ACL_TRY(config_read(call, path, &root));
    aclError code = config_process(call, path, root);
    if (code == ACL_SUCCESS) code = dump_configure(call, path, root);
    if (code == ACL_SUCCESS) code = profile_configure(call, path, root);
    json_decref(root);
    return code;
}

/* The settings of the program's file and of the environment; without any of them on failure. */
static aclError configure_all(const char *call, const char *path) {
    aclError code = path && path[0] ? configure(call, path) : ACL_SUCCESS;
    if (code == ACL_SUCCESS) code = profile_configure_trace(call);
    if (code != ACL_SUCCESS) {
        config_reset();
        dump_reset();
        profile_reset();
    }
    return code;
}

aclError aclInit(const char *configPath) {
    pthread_mutex_lock(&runtime.lock);
    aclError code = ACL_SUCCESS;
    if (runtime.forked)
        code = acl_fail(ACL_ERROR_UNINITIALIZE, __func__, "called in a forked child");
    else if (atomic_load(&runtime.started))
        code = acl_fail(ACL_ERROR_REPEAT_INITIALIZE, __func__,
                        "AscendCL is started already; once per process, until aclFinalize");
    else {
        find_devices();
        code = configure_all(__func__, configPath);
    }
    if (code == ACL_SUCCESS) {
        runtime.was_started = true;
        atomic_store_explicit(&runtime.started, true, memory_order_release);
    }
    pthread_mutex_unlock(&runtime.lock);
    return code;
}

struct left_count {
    enum handle_kind kind;
    int n;
};

/* What the runtime made for itself does not count as left by the program. */
static void count_left(void *handle, void *object, void *user) {
    (void)handle;
    struct left_count *left = user;
    if (left->kind == HANDLE_CONTEXT && ((struct context *)object)->is_default) return;
    if (left->kind == HANDLE_STREAM && stream_is_default(object)) return;
    if (left->kind == HANDLE_TDT_ITEM && tdt_item_is_received(object)) return;
    left->n++;
}

static void retire_one(void *handle, void *object, void *user) {
    (void)object;
    handle_retire(handle, *(const enum handle_kind *)user);
}

aclError aclFinalize(void) {
    ACL_CHECK(!stream_thread_is_self(), ACL_ERROR_FAILURE,
              "called from a callback that AscendCL runs; call it from the program's own thread");
    pthread_mutex_lock(&runtime.lock);
    if (!atomic_load(&runtime.started)) {
        bool was = runtime.was_started;
        pthread_mutex_unlock(&runtime.lock);
        if (was) ACL_FAIL(ACL_ERROR_REPEAT_FINALIZE, "AscendCL was ended already");
        ACL_FAIL(ACL_ERROR_UNINITIALIZE, "AscendCL was never started; call aclInit first");
    }
    atomic_store(&runtime.started, false);
    pthread_mutex_unlock(&runtime.lock);

    /* Waits that only the program could end are given up, so that streams come to their end. */
    pthread_mutex_lock(&runtime.sync_lock);
    atomic_store(&runtime.ending, true);
    pthread_cond_broadcast(&runtime.sync_changed);
    pthread_mutex_unlock(&runtime.sync_lock);
    tdt_stop_all();
    queues_reset();
    queue_models_stop();

    if (check_is_on()) check_handle_leaks(__func__);
    for (int k = HANDLE_NONE + 1; k < HANDLE_KINDS; k++) {
        struct left_count left = {.kind = (enum handle_kind)k};
        if (left.kind == HANDLE_MODEL) continue; /* models_reset names them */
        handle_visit(left.kind, count_left, &left);
        if (left.n)
            acl_log(ACL_WARNING, "aclFinalize: the program left %d %s", left.n,
                    handle_kind_name(left.kind));
    }
    models_reset();
    /* Streams before contexts: queued work may still ask for its context. */
    enum handle_kind kind = HANDLE_STREAM;
    handle_visit(kind, retire_one, &kind);
    for (int k = HANDLE_NONE + 1; k < HANDLE_KINDS; k++) {
        kind = (enum handle_kind)k;
        handle_visit(kind, retire_one, &kind);
    }
    ops_reset();
    devices_reset();
    reports_reset();
    exceptions_reset();
    config_reset();
    dump_reset();
    profile_reset();
    memory_reset();
    vmm_reset();
    atomic_store(&runtime.exception_callback, NULL);
    atomic_store(&runtime.op_wait_timeout_s, 0);
    atomic_store(&runtime.op_execute_timeout_s, 0);
    atomic_store(&runtime.ending, false);
    return ACL_SUCCESS;
}

aclError aclrtGetVersion(int32_t *majorVersion, int32_t *minorVersion, int32_t *patchVersion) {
    ACL_NEED(majorVersion);
    ACL_NEED(minorVersion);
    ACL_NEED(patchVersion);
    *majorVersion = ACL_MAJOR_VERSION;
    *minorVersion = ACL_MINOR_VERSION;
    *patchVersion = ACL_PATCH_VERSION;
    return ACL_SUCCESS;
}

const char *aclrtGetSocName(void) { return env_string(ENV_SOC); }

aclError aclrtGetRunMode(aclrtRunMode *runMode) {
    ACL_NEED(runMode);
    *runMode = strcmp(env_string(ENV_RUN_MODE), "device") == 0 ? ACL_DEVICE : ACL_HOST;
    return ACL_SUCCESS;
}
