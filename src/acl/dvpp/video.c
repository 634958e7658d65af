/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "acl/dvpp/video.h"

#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* ---- the module with FFmpeg ---- */

/* From this library: in the build tree, installed, in a wheel. */
static const char *const places[] = {".", "prusik"};

static aclError load(const char *call, const struct codec_api **out) {
    Dl_info self;
    char path[PATH_MAX];
    const char *slash = NULL;
    if (dladdr((void *)(uintptr_t)&codec_load, &self)) slash = strrchr(self.dli_fname, '/');
    int folder = slash ? (int)(slash - self.dli_fname) : 1;
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        snprintf(path, sizeof path, "%.*s/%s/libprusik_codec.so", folder,
                 slash ? self.dli_fname : ".", places[i]);
        if (access(path, R_OK)) continue;
        void *module = dlopen(path, RTLD_NOW | RTLD_LOCAL);
        CHECK(module, ACL_ERROR_FEATURE_UNSUPPORTED,
              "video needs FFmpeg's libraries (Debian: apt-get install libavcodec59): %s",
              dlerror());
        const struct codec_api *(*get)(void);
        *(void **)&get = dlsym(module, "prusik_codec_api");
        const struct codec_api *api = get ? get() : NULL;
        CHECK(api && api->bytes == sizeof *api, ACL_ERROR_RESOURCE_NOT_MATCH,
              "%s is of another version; install all libraries from one build", path);
        *out = api;
        return ACL_SUCCESS;
    }
    FAIL(ACL_ERROR_FEATURE_UNSUPPORTED,
         "these libraries were built without video; install libavcodec-dev and build them again");
}

aclError codec_load(const char *call, const struct codec_api **out) {
    static _Atomic(const struct codec_api *) loaded;
    *out = atomic_load(&loaded);
    if (*out) return ACL_SUCCESS;
    TRY(load(call, out)); /* two threads at once get the same */
    atomic_store(&loaded, *out);
    return ACL_SUCCESS;
}

/* ---- channels ---- */

/* Seconds for which callbacks may lie there before their thread counts as gone. */
enum { PATIENCE = 3 };

aclError video_open(const char *call, struct video *v, uint64_t thread) {
    CHECK(thread, ACL_ERROR_INVALID_PARAM,
          "channelDesc names no thread for callbacks; set the id of one that runs "
          "aclrtProcessReport");
    v->thread = thread;
    TRY(aclrtCreateStream(&v->work));
    aclError code = aclrtCreateStream(&v->reports);
    if (code == ACL_SUCCESS) {
        code = aclrtSubscribeReport(thread, v->reports);
        if (code == ACL_SUCCESS) {
            pthread_condattr_t monotonic;
            pthread_condattr_init(&monotonic);
            pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
            pthread_mutex_init(&v->lock, NULL);
            pthread_cond_init(&v->changed, &monotonic);
            pthread_condattr_destroy(&monotonic);
            v->n_reports = v->n_tasks = v->n_waiters = 0;
            v->is_calling = v->is_held = false;
            atomic_store(&v->is_closing, false);
            return ACL_SUCCESS;
        }
        aclrtDestroyStream(v->reports);
    }
    aclrtDestroyStream(v->work);
    return code;
}

aclError video_may_close(const char *call, struct video *v) {
    CHECK(atomic_load(&v->is_open), ACL_ERROR_INVALID_PARAM,
          "channelDesc has no channel to destroy, or it is destroyed already");
    TRY(video_may_wait(call, v));
    CHECK(atomic_exchange(&v->is_open, false), ACL_ERROR_INVALID_PARAM,
          "channelDesc is being destroyed by another thread");
    return ACL_SUCCESS;
}

void video_close(struct video *v) {
    pthread_mutex_lock(&v->lock);
    atomic_store(&v->is_closing, true);
    pthread_cond_broadcast(&v->changed);
    while (v->n_waiters || v->n_tasks) pthread_cond_wait(&v->changed, &v->lock);
    pthread_mutex_unlock(&v->lock);
    aclrtSynchronizeStream(v->work);
    aclrtUnSubscribeReport(v->thread, v->reports);
    aclrtDestroyStream(v->work);
    aclrtDestroyStream(v->reports);
    while (v->first) {
        struct video_report *r = v->first;
        v->first = r->next;
        r->drop(r);
    }
    pthread_cond_destroy(&v->changed);
    pthread_mutex_destroy(&v->lock);
}

aclError video_may_wait(const char *call, const struct video *v) {
    CHECK(v->thread != (uint64_t)pthread_self(), ACL_ERROR_INVALID_PARAM,
          "this waits for callbacks, and this thread is the one that runs them; call it from "
          "another");
    return ACL_SUCCESS;
}

/* With the lock held. */
static void tell(struct video *v) {
    v->n_changes++;
    pthread_cond_broadcast(&v->changed);
}

void video_begin_task(struct video *v) {
    pthread_mutex_lock(&v->lock);
    v->n_tasks++;
    pthread_mutex_unlock(&v->lock);
}

void video_end_task(struct video *v) {
    pthread_mutex_lock(&v->lock);
    v->n_tasks--;
    tell(v);
    pthread_mutex_unlock(&v->lock);
}

/* With the lock held: nothing goes on until the thread of the callbacks takes one. */
static bool needs_callback(const struct video *v) {
    return v->n_reports && !v->is_calling && (!v->n_tasks || v->is_held);
}

/* With the lock held: waits for a change; false when the callbacks' thread let the time pass. */
static bool wait_change(struct video *v) {
    const uint64_t before = v->n_changes;
    struct timespec deadline;
    clock_gettime(CLOCK_MONOTONIC, &deadline);
    deadline.tv_sec += PATIENCE;
    while (v->n_changes == before && !atomic_load(&v->is_closing)) {
        if (!needs_callback(v)) pthread_cond_wait(&v->changed, &v->lock);
        else if (pthread_cond_timedwait(&v->changed, &v->lock, &deadline) == ETIMEDOUT)
            return v->n_changes != before;
    }
    return true;
}

aclError video_wait_tasks(const char *call, struct video *v, unsigned most) {
    bool goes_on = true;
    pthread_mutex_lock(&v->lock);
    v->n_waiters++;
    while (goes_on && !atomic_load(&v->is_closing) &&
           (v->n_tasks >= most || (most == 1 && v->n_reports)))
        goes_on = wait_change(v);
    unsigned n = v->n_reports;
    v->n_waiters--;
    pthread_cond_broadcast(&v->changed);
    pthread_mutex_unlock(&v->lock);
    CHECK(goes_on, ACL_ERROR_WAIT_CALLBACK_TIMEOUT,
          "%u callbacks wait, and the channel's thread took none of them for %d s; keep it in "
          "aclrtProcessReport until the channel is destroyed",
          n, PATIENCE);
    return ACL_SUCCESS;
}

/* ---- callbacks ---- */

static void unlink_report(struct video_report *r) {
    struct video *v = r->video;
    pthread_mutex_lock(&v->lock);
    struct video_report **at = &v->first;
    while (*at != r) at = &(*at)->next;
    *at = r->next;
    v->is_calling = true;
    tell(v);
    pthread_mutex_unlock(&v->lock);
}

static void end_report(struct video *v) {
    pthread_mutex_lock(&v->lock);
    v->n_reports--;
    v->is_calling = false;
    tell(v);
    pthread_mutex_unlock(&v->lock);
}

/* Closing a channel waits for the callback that runs, so the channel is there to the end of it. */
static void run_report(void *user) {
    struct video_report *r = user;
    struct video *v = r->video;
    unlink_report(r);
    r->call(r);
    end_report(v);
}

void video_wait_reports(struct video *v) {
    pthread_mutex_lock(&v->lock);
    v->is_held = true;
    tell(v);
    while (v->n_reports && !atomic_load(&v->is_closing))
        pthread_cond_wait(&v->changed, &v->lock);
    v->is_held = false;
    tell(v);
    pthread_mutex_unlock(&v->lock);
}

void video_report(struct video *v, struct video_report *r) {
    r->video = v;
    pthread_mutex_lock(&v->lock);
    r->next = v->first;
    v->first = r;
    v->n_reports++;
    tell(v);
    pthread_mutex_unlock(&v->lock);
    if (aclrtLaunchCallback(run_report, r, ACL_CALLBACK_BLOCK, v->reports) == ACL_SUCCESS) return;
    unlink_report(r);
    r->drop(r);
    end_report(v);
}

/* ---- parameters ---- */

aclError video_parameter(const char *call, const struct video_parameter *table, size_t n, int type,
                         size_t length, const void *param) {
    CHECK(type >= 0 && (size_t)type < n, ACL_ERROR_INVALID_PARAM,
          "paramType is %d; it is 0 to %zu", type, n - 1);
    CHECK(length >= table[type].bytes, ACL_ERROR_INVALID_PARAM, "length is %zu; %s has %zu bytes",
          length, table[type].name, table[type].bytes);
    CHECK(param, ACL_ERROR_INVALID_PARAM, "param is NULL");
    return ACL_SUCCESS;
}
