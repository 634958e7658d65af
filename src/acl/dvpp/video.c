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

void *video_create_desc(const char *call, enum handle_kind kind, size_t bytes, void **object,
                        void (*destroy)(void *object)) {
    void *handle = dvpp_make_with(call, kind, bytes, object, destroy);
    if (!handle) return NULL;
    struct video *v = *object;
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_mutex_init(&v->lock, NULL);
    pthread_cond_init(&v->changed, &monotonic);
    pthread_condattr_destroy(&monotonic);
    return handle;
}

void video_free(struct video *v) {
    pthread_cond_destroy(&v->changed);
    pthread_mutex_destroy(&v->lock);
    _pk_private.mem_free(v);
}

static const char *api_of(const char *call) {
    return strncmp(call, "aclvdec", 7) ? "aclvenc" : "aclvdec";
}

/* Goes from one state to another, and says which it was. */
static enum video_state change_state(struct video *v, enum video_state from,
                                     enum video_state to) {
    atomic_compare_exchange_strong(&v->state, &from, to);
    return from;
}

aclError video_destroy_desc(const char *call, enum handle_kind kind, void *channelDesc) {
    struct video *v = dvpp_get(channelDesc, kind, call, "channelDesc");
    if (!v) return ACL_ERROR_INVALID_PARAM;
    enum video_state state = change_state(v, VIDEO_CLOSED, VIDEO_DROPPED);
    _pk_private.handle_release(channelDesc);
    CHECK(state == VIDEO_CLOSED, ACL_ERROR_INVALID_PARAM,
          "channelDesc has a channel; call %sDestroyChannel first", api_of(call));
    return dvpp_drop(call, kind, channelDesc, "channelDesc");
}

aclError video_create_channel(const char *call, const struct video_kind *k, void *channelDesc) {
    TRY(dvpp_check(call));
    TRY(_pk_private.context_need(call));
    struct video *v = dvpp_get(channelDesc, k->kind, call, "channelDesc");
    if (!v) return ACL_ERROR_INVALID_PARAM;
    aclError code;
    if (change_state(v, VIDEO_CLOSED, VIDEO_OPENING) != VIDEO_CLOSED)
        code = _pk_private.fail(ACL_ERROR_INVALID_PARAM, call,
                                "channelDesc has a channel already; destroy it first, or make "
                                "another description");
    else {
        code = k->open(call, v);
        atomic_store(&v->state, code == ACL_SUCCESS ? VIDEO_OPEN : VIDEO_CLOSED);
    }
    _pk_private.handle_release(channelDesc);
    return code;
}

aclError video_open(const char *call, struct video *v, uint64_t thread) {
    CHECK(thread, ACL_ERROR_INVALID_PARAM,
          "channelDesc names no thread for callbacks; set the id of one that runs "
          "aclrtProcessReport");
    atomic_store(&v->thread, thread);
    TRY(aclrtCreateStream(&v->work));
    aclError code = aclrtCreateStream(&v->reports);
    if (code == ACL_SUCCESS) {
        code = aclrtSubscribeReport(thread, v->reports);
        if (code == ACL_SUCCESS) {
            atomic_store(&v->is_closing, false);
            return ACL_SUCCESS;
        }
        aclrtDestroyStream(v->reports);
    }
    aclrtDestroyStream(v->work);
    return code;
}

aclError video_need_open(const char *call, const struct video *v) {
    CHECK(atomic_load(&v->state) == VIDEO_OPEN, ACL_ERROR_INVALID_PARAM,
          "channelDesc has no channel; call %sCreateChannel first", api_of(call));
    return ACL_SUCCESS;
}

/* Waits for what runs, drops the callbacks that have not run (video_wait_tasks comes before), and
 * destroys the streams. */
static void close_streams(struct video *v) {
    pthread_mutex_lock(&v->lock);
    atomic_store(&v->is_closing, true);
    pthread_cond_broadcast(&v->changed);
    while (v->n_waiters || v->n_tasks) pthread_cond_wait(&v->changed, &v->lock);
    pthread_mutex_unlock(&v->lock);
    aclrtSynchronizeStream(v->work);
    aclrtUnSubscribeReport(atomic_load(&v->thread), v->reports);
    aclrtDestroyStream(v->work);
    aclrtDestroyStream(v->reports);
    pthread_mutex_lock(&v->lock);
    struct video_report *left = v->first;
    v->first = NULL;
    v->n_reports = 0;
    pthread_mutex_unlock(&v->lock);
    while (left) {
        struct video_report *r = left;
        left = r->next;
        r->drop(r);
    }
}

/* Programs close a channel without the end of the stream and count on what they sent. */
static aclError end_channel(const char *call, const struct video_kind *k, struct video *v,
                            void *channelDesc) {
    TRY(video_need_open(call, v));
    TRY(video_may_wait(call, v));
    CHECK(change_state(v, VIDEO_OPEN, VIDEO_CLOSING) == VIDEO_OPEN, ACL_ERROR_INVALID_PARAM,
          "channelDesc is being destroyed by another thread");
    aclError code = k->end(call, v, channelDesc);
    if (code == ACL_SUCCESS) code = video_wait_tasks(call, v, 1);
    close_streams(v);
    k->close(v);
    atomic_store(&v->state, VIDEO_CLOSED);
    return code;
}

aclError video_destroy_channel(const char *call, const struct video_kind *k, void *channelDesc) {
    TRY(dvpp_check(call));
    TRY(_pk_private.need_started(call));
    struct video *v = dvpp_get(channelDesc, k->kind, call, "channelDesc");
    if (!v) return ACL_ERROR_INVALID_PARAM;
    aclError code = end_channel(call, k, v, channelDesc);
    _pk_private.handle_release(channelDesc);
    return code;
}

aclError video_may_wait(const char *call, const struct video *v) {
    CHECK(atomic_load(&v->thread) != (uint64_t)pthread_self(), ACL_ERROR_INVALID_PARAM,
          "this waits for callbacks, and this thread is the one that runs them; call it from "
          "another");
    return ACL_SUCCESS;
}

/* With the lock held. */
static void tell(struct video *v) {
    v->n_changes++;
    pthread_cond_broadcast(&v->changed);
}

aclError video_begin_task(const char *call, struct video *v, bool is_last) {
    pthread_mutex_lock(&v->lock);
    bool is_taken = atomic_load(&v->state) == (is_last ? VIDEO_CLOSING : VIDEO_OPEN);
    if (is_taken) v->n_tasks++;
    pthread_mutex_unlock(&v->lock);
    return is_taken ? ACL_SUCCESS : video_need_open(call, v);
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

static aclError check_parameter(const char *call, const struct video_parameter *table, size_t n,
                                int type, size_t length, const void *param) {
    CHECK(type >= 0 && (size_t)type < n, ACL_ERROR_INVALID_PARAM,
          "paramType is %d; it is 0 to %zu", type, n - 1);
    CHECK(length >= table[type].bytes, ACL_ERROR_INVALID_PARAM, "length is %zu; %s has %zu bytes",
          length, table[type].name, table[type].bytes);
    CHECK(param, ACL_ERROR_INVALID_PARAM, "param is NULL");
    return ACL_SUCCESS;
}

aclError video_read_parameter(const char *call, const struct video_parameter *table, size_t n,
                              int type, size_t length, const void *param, uint64_t *value) {
    TRY(check_parameter(call, table, n, type, length, param));
    uint32_t narrow;
    if (table[type].bytes == sizeof *value) memcpy(value, param, sizeof *value);
    else {
        memcpy(&narrow, param, sizeof narrow);
        *value = narrow;
    }
    return ACL_SUCCESS;
}

aclError video_write_parameter(const char *call, const struct video_parameter *table, size_t n,
                               int type, size_t length, const void *channel, uint64_t wide,
                               size_t *param_size, void *param) {
    TRY(check_parameter(call, table, n, type, length, param));
    CHECK(param_size, ACL_ERROR_INVALID_PARAM, "paramRetSize is NULL");
    *param_size = table[type].bytes;
    if (table[type].bytes == sizeof wide) memcpy(param, &wide, sizeof wide);
    else {
        const atomic_uint *place = (const void *)((const char *)channel + table[type].place);
        uint32_t narrow = atomic_load(place);
        memcpy(param, &narrow, sizeof narrow);
    }
    return ACL_SUCCESS;
}
