/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Streams: a queue of tasks and a thread that does them in order. The thread starts with the first
 * task that is worth one; short tasks on an idle stream are done by whoever queues them. A failed
 * task leaves its code and sentence with the stream, and the next synchronize call reports them.
 */
#include <stdio.h>
#include <string.h>

#include "acl/allocator.h"
#include "acl/internal.h"
#include "base/alloc.h"

struct stream {
    uint32_t id;
    int device;
    bool is_default;
    void *context; /* handle; only compared and looked up */
    pthread_mutex_t lock;
    pthread_cond_t work; /* the thread waits for tasks, or for a short task to end */
    pthread_cond_t done; /* others wait for tasks to be done */
    struct task *first, *last;
    struct task *spare; /* finished task objects, used again */
    int n_spare;
    bool busy;     /* a task runs, here or in the caller */
    bool closing;  /* no more tasks; the thread ends when the queue is empty */
    bool dropping; /* what is queued is not to be run */
    bool has_thread;
    pthread_t thread;
    uint64_t n_queued, n_done;
    uint64_t drop_until; /* tasks up to this number are not to be run */
    uint32_t overflow_switch;
    struct allocator allocator;
    atomic_bool stopping; /* dropping, for tasks that wait without the lock */
    bool stop_on_failure;
    aclError failure; /* first since it was last reported */
    char failure_text[FAILURE_TEXT];
    /* guarded by runtime.sync_lock */
    bool has_reporter[REPORT_KINDS];
    uint64_t reporter[REPORT_KINDS];
};

enum { MAX_SPARE_TASKS = 64 };

static _Thread_local struct stream *running; /* whose task this thread runs */

uint32_t stream_id(const struct stream *s) { return s->id; }
int stream_device(const struct stream *s) { return s->device; }
bool stream_is_default(const struct stream *s) { return s->is_default; }
bool stream_is_stopping(const struct stream *s) {
    return atomic_load(&s->stopping) || atomic_load(&runtime.ending);
}
bool stream_reporter(const struct stream *s, enum report_kind kind, uint64_t *thread) {
    *thread = s->reporter[kind];
    return s->has_reporter[kind];
}
void stream_set_reporter(struct stream *s, enum report_kind kind, bool on, uint64_t thread) {
    s->has_reporter[kind] = on;
    s->reporter[kind] = thread;
}
struct allocator stream_set_allocator(struct stream *s, struct allocator allocator) {
    pthread_mutex_lock(&s->lock);
    struct allocator before = s->allocator;
    s->allocator = allocator;
    pthread_mutex_unlock(&s->lock);
    return before;
}
struct allocator stream_allocator(struct stream *s) {
    pthread_mutex_lock(&s->lock);
    struct allocator a = s->allocator;
    pthread_mutex_unlock(&s->lock);
    return a;
}
bool stream_thread_is_self(void) { return running != NULL; }

aclError stream_need_other_thread(const char *call) {
    if (!running) return ACL_SUCCESS;
    return acl_fail(ACL_ERROR_FAILURE, call,
                    "called from a callback that stream %u runs, it would wait for itself; call it "
                    "from another thread",
                    running->id);
}

/* ---- the thread ---- */

/* With the lock held. */
static void note_failure(struct stream *s, aclError code) {
    if (s->failure != ACL_SUCCESS) return;
    s->failure = code;
    snprintf(s->failure_text, sizeof s->failure_text, "%s", acl_last_failure());
}

/* With the lock held, and given back held; runs one task unless the stream wants it dropped. */
static void run_task(struct stream *s, struct task *t) {
    bool skip = s->dropping || s->n_done < s->drop_until ||
                (s->stop_on_failure && s->failure != ACL_SUCCESS);
    s->busy = true;
    pthread_mutex_unlock(&s->lock);
    aclError code = ACL_SUCCESS;
    if (!skip) {
        running = s;
        code = t->fn(s, t);
        running = NULL;
    }
    if (t->drop) t->drop(t);
    pthread_mutex_lock(&s->lock);
    s->busy = false;
    if (code != ACL_SUCCESS) note_failure(s, code);
    s->n_done++;
    pthread_cond_broadcast(&s->done);
}

static void *stream_main(void *argument) {
    struct stream *s = argument;
    core_set_pin_self(&runtime.devices[s->device].cores);
    pthread_mutex_lock(&s->lock);
    for (;;) {
        while (s->busy || (!s->first && !s->closing)) pthread_cond_wait(&s->work, &s->lock);
        struct task *t = s->first;
        if (!t) break;
        s->first = t->next;
        if (!s->first) s->last = NULL;
        run_task(s, t);
        if (s->n_spare < MAX_SPARE_TASKS) {
            t->next = s->spare;
            s->spare = t;
            s->n_spare++;
        } else {
            mem_free(t);
        }
    }
    pthread_mutex_unlock(&s->lock);
    return NULL;
}

/* ---- life ---- */

static void stream_destroy(void *object) {
    struct stream *s = object;
    pthread_mutex_lock(&s->lock);
    s->closing = true;
    pthread_cond_broadcast(&s->work);
    bool has_thread = s->has_thread;
    pthread_mutex_unlock(&s->lock);
    if (has_thread) pthread_join(s->thread, NULL);
    if (check_is_on()) check_stream_ended(s->id);
    reports_forget(s);
    if (s->failure != ACL_SUCCESS)
        acl_log(ACL_WARNING, "stream %u ended with a failure nobody asked for: %s", s->id,
                s->failure_text);
    while (s->spare) {
        struct task *t = s->spare;
        s->spare = t->next;
        mem_free(t);
    }
    pthread_cond_destroy(&s->work);
    pthread_cond_destroy(&s->done);
    pthread_mutex_destroy(&s->lock);
    mem_free(s);
}

aclError stream_create(const char *call, struct context *c, void *context_handle, bool is_default,
                       void **out) {
    struct stream *s = mem_calloc(1, sizeof *s);
    if (s) {
        s->id = atomic_fetch_add(&runtime.next_stream_id, 1) + 1;
        s->device = c->device;
        s->is_default = is_default;
        s->context = context_handle;
        pthread_mutex_init(&s->lock, NULL);
        pthread_cond_init(&s->work, NULL);
        cond_init_monotonic(&s->done);
    }
    void *handle = handle_make(HANDLE_STREAM, s, stream_destroy, call);
    if (!handle) return ACL_ERROR_BAD_ALLOC;
    *out = handle;
    return ACL_SUCCESS;
}

static aclError default_stream(const char *call, struct stream **out, void **held) {
    struct context *c;
    void *context;
    ACL_TRY(context_current(call, &c, &context));
    pthread_mutex_lock(&c->lock);
    aclError code = ACL_SUCCESS;
    if (!c->default_stream) code = stream_create(call, c, context, true, &c->default_stream);
    void *handle = c->default_stream;
    pthread_mutex_unlock(&c->lock);
    if (code == ACL_SUCCESS) {
        *out = handle_get(handle, HANDLE_STREAM, call, "the default stream");
        *held = handle;
        if (!*out) code = ACL_ERROR_RT_INVALID_HANDLE;
    }
    handle_release(context);
    return code;
}

aclError stream_get(aclrtStream stream, const char *call, struct stream **out, void **held) {
    ACL_TRY(runtime_need_started(call));
    if (!stream) return default_stream(call, out, held);
    *out = handle_acquire(stream, HANDLE_STREAM);
    *held = stream;
    if (*out) return ACL_SUCCESS;
    return handle_fail(stream, HANDLE_STREAM, call, "stream");
}

/* ---- tasks ---- */

static struct task *new_task(struct stream *s) {
    struct task *t = s->spare;
    if (!t) return mem_alloc(sizeof *t);
    s->spare = t->next;
    s->n_spare--;
    return t;
}

/* With the lock held. */
static aclError enqueue(struct stream *s, struct task *now, const char *call) {
    if (!s->first && !s->busy && now->short_enough && !s->closing) {
        s->n_queued++;
        run_task(s, now);
        if (s->first) pthread_cond_signal(&s->work);
        return ACL_SUCCESS;
    }
    struct task *t = new_task(s);
    if (!t) {
        if (now->drop) now->drop(now);
        return acl_fail(ACL_ERROR_BAD_ALLOC, call, "no memory for a task of stream %u", s->id);
    }
    if (!s->has_thread) {
        if (pthread_create(&s->thread, NULL, stream_main, s)) {
            mem_free(t);
            if (now->drop) now->drop(now);
            return acl_fail(ACL_ERROR_RT_RESOURCE_ALLOC_FAIL, call,
                            "no thread for stream %u; the system's limit is reached", s->id);
        }
        s->has_thread = true;
    }
    *t = *now;
    t->next = NULL;
    if (s->last) s->last->next = t;
    else s->first = t;
    s->last = t;
    s->n_queued++;
    pthread_cond_signal(&s->work);
    return ACL_SUCCESS;
}

aclError stream_submit(struct stream *s, const struct task *t, const char *call) {
    struct task now = *t;
    now.id = atomic_fetch_add(&runtime.next_task_id, 1) + 1;
    void *context = handle_acquire(s->context, HANDLE_CONTEXT);
    if (!context) {
        if (now.drop) now.drop(&now);
        return acl_fail(ACL_ERROR_RT_STREAM_CONTEXT, call,
                        "the context stream %u was created in is gone; create the stream anew",
                        s->id);
    }
    pthread_mutex_lock(&s->lock);
    aclError code = enqueue(s, &now, call);
    pthread_mutex_unlock(&s->lock);
    handle_release(s->context);
    return code;
}

aclError stream_wait(struct stream *s, int timeout_ms, const char *call) {
    struct timespec deadline;
    if (timeout_ms >= 0) deadline = time_after_ms(timeout_ms);
    char text[FAILURE_TEXT];
    aclError code = ACL_SUCCESS;
    pthread_mutex_lock(&s->lock);
    uint64_t until = s->n_queued;
    bool in_time = true;
    while (s->n_done < until && in_time)
        in_time = cond_wait_until(&s->done, &s->lock, timeout_ms >= 0 ? &deadline : NULL);
    bool all = s->n_done >= until;
    if (all) {
        code = s->failure;
        memcpy(text, s->failure_text, sizeof text);
        s->failure = ACL_SUCCESS;
    }
    pthread_mutex_unlock(&s->lock);
    if (!all)
        return acl_fail(ACL_ERROR_RT_STREAM_SYNC_TIMEOUT, call,
                        "stream %u was not done after %d ms", s->id, timeout_ms);
    if (check_is_on()) check_stream_synced(s->id);
    return code == ACL_SUCCESS ? ACL_SUCCESS : acl_fail_again(code, text);
}

/* A task that waits for an event or a callback gives up. */
static void stop_waits(struct stream *s) {
    atomic_store(&s->stopping, true);
    pthread_mutex_lock(&runtime.sync_lock);
    pthread_cond_broadcast(&runtime.sync_changed);
    pthread_mutex_unlock(&runtime.sync_lock);
}

bool stream_abort(struct stream *s, const struct timespec *deadline) {
    pthread_mutex_lock(&s->lock);
    uint64_t until = s->drop_until = s->n_queued; /* before a wait ends and the next task begins */
    pthread_mutex_unlock(&s->lock);
    stop_waits(s);
    pthread_mutex_lock(&s->lock);
    bool in_time = true;
    while (s->n_done < until && in_time) in_time = cond_wait_until(&s->done, &s->lock, deadline);
    bool all = s->n_done >= until;
    if (all) s->failure = ACL_SUCCESS; /* of what was aborted */
    if (!s->dropping) atomic_store(&s->stopping, false);
    pthread_mutex_unlock(&s->lock);
    return all;
}

/* ---- the calls ---- */

static aclError create(const char *call, aclrtStream *stream) {
    PROFILE_SCOPE(call);
    struct context *c;
    void *context;
    ACL_TRY(context_current(call, &c, &context));
    aclError code = stream_create(call, c, context, false, stream);
    handle_release(context);
    return code;
}

static aclError check_options(const char *call, uint32_t priority, uint64_t flag) {
    if (priority > 7)
        return acl_fail(ACL_ERROR_INVALID_PARAM, call, "priority is %u; it is 0 to 7", priority);
    if (flag & ~(uint64_t)(ACL_STREAM_FAST_LAUNCH | ACL_STREAM_FAST_SYNC))
        return acl_fail(ACL_ERROR_INVALID_PARAM, call,
                        "flag is 0x%llx; it is made of ACL_STREAM_FAST_LAUNCH and "
                        "ACL_STREAM_FAST_SYNC",
                        (unsigned long long)flag);
    return ACL_SUCCESS;
}

aclError aclrtCreateStream(aclrtStream *stream) {
    ACL_NEED(stream);
    return create(__func__, stream);
}

aclError aclrtCreateStreamWithConfig(aclrtStream *stream, uint32_t priority, uint32_t flag) {
    ACL_NEED(stream);
    ACL_TRY(check_options(__func__, priority, flag));
    return create(__func__, stream);
}

aclrtStreamConfigHandle *aclrtCreateStreamConfigHandle(void) {
    void *p = NULL;
    if (runtime_need_started(__func__) != ACL_SUCCESS) return NULL;
    if (memory_allocate(__func__, MEMORY_CONFIG, sizeof(aclrtStreamConfigHandle), 64, 0, &p) !=
        ACL_SUCCESS)
        return NULL;
    return memset(p, 0, sizeof(aclrtStreamConfigHandle));
}

aclError aclrtDestroyStreamConfigHandle(aclrtStreamConfigHandle *handle) {
    ACL_NEED_STARTED();
    return memory_release(__func__, MEMORY_CONFIG, handle);
}

static aclError check_config(const char *call, const aclrtStreamConfigHandle *handle) {
    ACL_TRY(runtime_need_started(call));
    if (memory_is_block(MEMORY_CONFIG, handle)) return ACL_SUCCESS;
    return acl_fail(ACL_ERROR_INVALID_PARAM, call,
                    "handle is %p, which did not come from aclrtCreateStreamConfigHandle or was "
                    "destroyed",
                    (const void *)handle);
}

aclError aclrtSetStreamConfigOpt(aclrtStreamConfigHandle *handle, aclrtStreamConfigAttr attr,
                                 const void *attrValue, size_t valueSize) {
    ACL_TRY(check_config(__func__, handle));
    ACL_NEED(attrValue);
    void *to;
    size_t size;
    switch (attr) {
    case ACL_RT_STREAM_WORK_ADDR_PTR: to = &handle->workptr, size = sizeof handle->workptr; break;
    case ACL_RT_STREAM_WORK_SIZE: to = &handle->workSize, size = sizeof handle->workSize; break;
    case ACL_RT_STREAM_FLAG: to = &handle->flag, size = sizeof handle->flag; break;
    case ACL_RT_STREAM_PRIORITY: to = &handle->priority, size = sizeof handle->priority; break;
    default:
        ACL_FAIL(ACL_ERROR_INVALID_PARAM, "attr is %d; use a value of aclrtStreamConfigAttr",
                 (int)attr);
    }
    ACL_CHECK(valueSize == size, ACL_ERROR_INVALID_PARAM,
              "valueSize is %zu; attribute %d has %zu bytes", valueSize, (int)attr, size);
    memcpy(to, attrValue, size);
    return ACL_SUCCESS;
}

aclError aclrtCreateStreamV2(aclrtStream *stream, const aclrtStreamConfigHandle *handle) {
    ACL_NEED(stream);
    if (handle) {
        ACL_TRY(check_config(__func__, handle));
        ACL_TRY(check_options(__func__, handle->priority, handle->flag));
    }
    return create(__func__, stream);
}

static aclError destroy(const char *call, aclrtStream stream, bool force) {
    PROFILE_SCOPE(call);
    ACL_TRY(runtime_need_started(call));
    ACL_TRY(stream_need_other_thread(call));
    struct stream *s = handle_acquire(stream, HANDLE_STREAM);
    if (!s) return handle_fail(stream, HANDLE_STREAM, call, "stream");
    bool is_default = s->is_default;
    if (force && !is_default) {
        pthread_mutex_lock(&s->lock);
        s->dropping = true;
        pthread_mutex_unlock(&s->lock);
        stop_waits(s);
    }
    handle_release(stream);
    if (is_default)
        return acl_fail(ACL_ERROR_INVALID_PARAM, call,
                        "stream is a default stream; it ends with its context");
    return handle_end(stream, HANDLE_STREAM, call, "stream");
}

aclError aclrtDestroyStream(aclrtStream stream) { return destroy(__func__, stream, false); }
aclError aclrtDestroyStreamForce(aclrtStream stream) { return destroy(__func__, stream, true); }

static aclError synchronize(const char *call, aclrtStream stream, int timeout) {
    PROFILE_SCOPE(call);
    ACL_TRY(stream_need_other_thread(call));
    struct stream *s;
    void *held;
    ACL_TRY(stream_get(stream, call, &s, &held));
    aclError code = stream_wait(s, timeout, call);
    handle_release(held);
    return code;
}

aclError aclrtSynchronizeStream(aclrtStream stream) { return synchronize(__func__, stream, -1); }

aclError aclrtSynchronizeStreamWithTimeout(aclrtStream stream, int32_t timeout) {
    ACL_CHECK(timeout >= -1, ACL_ERROR_INVALID_PARAM,
              "timeout is %d; it is in milliseconds, or -1 for no limit", timeout);
    return synchronize(__func__, stream, timeout);
}

aclError aclrtStreamQuery(aclrtStream stream, aclrtStreamStatus *status) {
    ACL_NEED(status);
    struct stream *s;
    void *held;
    ACL_TRY(stream_get(stream, __func__, &s, &held));
    pthread_mutex_lock(&s->lock);
    bool done = s->n_done == s->n_queued;
    *status = done ? ACL_STREAM_STATUS_COMPLETE : ACL_STREAM_STATUS_NOT_READY;
    pthread_mutex_unlock(&s->lock);
    if (done && check_is_on()) check_stream_synced(s->id);
    handle_release(held);
    return ACL_SUCCESS;
}

aclError aclrtSetStreamFailureMode(aclrtStream stream, uint64_t mode) {
    ACL_CHECK(mode == ACL_CONTINUE_ON_FAILURE || mode == ACL_STOP_ON_FAILURE,
              ACL_ERROR_INVALID_PARAM,
              "mode is %llu; use ACL_CONTINUE_ON_FAILURE or ACL_STOP_ON_FAILURE",
              (unsigned long long)mode);
    struct stream *s;
    void *held;
    ACL_TRY(stream_get(stream, __func__, &s, &held));
    pthread_mutex_lock(&s->lock);
    s->stop_on_failure = mode == ACL_STOP_ON_FAILURE;
    pthread_mutex_unlock(&s->lock);
    handle_release(held);
    return ACL_SUCCESS;
}

aclError aclrtSetStreamOverflowSwitch(aclrtStream stream, uint32_t flag) {
    ACL_CHECK(flag <= 1, ACL_ERROR_INVALID_PARAM, "flag is %u; it is 0 or 1", flag);
    struct stream *s;
    void *held;
    ACL_TRY(stream_get(stream, __func__, &s, &held));
    pthread_mutex_lock(&s->lock);
    s->overflow_switch = flag;
    pthread_mutex_unlock(&s->lock);
    handle_release(held);
    return ACL_SUCCESS;
}

aclError aclrtGetStreamOverflowSwitch(aclrtStream stream, uint32_t *flag) {
    ACL_NEED(flag);
    struct stream *s;
    void *held;
    ACL_TRY(stream_get(stream, __func__, &s, &held));
    pthread_mutex_lock(&s->lock);
    *flag = s->overflow_switch;
    pthread_mutex_unlock(&s->lock);
    handle_release(held);
    return ACL_SUCCESS;
}
