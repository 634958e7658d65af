/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Callbacks. A thread of the program's own asks for them with aclrtProcessReport; a stream that
 * subscribed to it puts them in that thread's queue when their turn comes. Everything here is
 * guarded by runtime.sync_lock, and every change wakes all who wait: callbacks are rare.
 *
 * Functions of operators that run on the host have threads and calls of their own, in the same way;
 * no operator here has such a function, so none is ever delivered.
 */
#include "acl/internal.h"
#include "base/alloc.h"

/* A callback on its way. It belongs to the stream's task until delivered, then to the queue; a
 * blocking one stays the task's, which waits for `done`. */
struct report {
    struct report *next;
    aclrtCallback fn;
    void *user;
    uint32_t stream;
    uint64_t thread;
    bool blocking, done;
};

/* A thread that streams have subscribed to. */
struct report_thread {
    struct report_thread *next;
    enum report_kind kind;
    uint64_t id;
    int n_streams;
    struct report *first, *last;
    uint32_t calling; /* id of the stream whose callback runs now; 0: none */
};

static const struct {
    const char *subscribe, *unsubscribe, *argument; /* how they call the stream */
} calls[REPORT_KINDS] = {
    [CALLBACKS] = {"aclrtSubscribeReport", "aclrtUnSubscribeReport", "stream"},
    [HOST_FUNCTIONS] = {"aclrtSubscribeHostFunc", "aclrtUnSubscribeHostFunc", "exeStream"},
};

static struct report_thread *find_thread(enum report_kind kind, uint64_t id) {
    struct report_thread *t = runtime.report_threads;
    while (t && (t->id != id || t->kind != kind)) t = t->next;
    return t;
}

/* Frees a report that has run or will not run, or tells the task that waits for it. */
static void give_up(struct report *r) {
    if (r->blocking) r->done = true;
    else mem_free(r);
}

static void remove_thread(struct report_thread *gone) {
    struct report_thread **at = &runtime.report_threads;
    while (*at != gone) at = &(*at)->next;
    *at = gone->next;
    while (gone->first) {
        struct report *r = gone->first;
        gone->first = r->next;
        give_up(r);
    }
    mem_free(gone);
}

void reports_reset(void) {
    pthread_mutex_lock(&runtime.sync_lock);
    while (runtime.report_threads) remove_thread(runtime.report_threads);
    pthread_cond_broadcast(&runtime.sync_changed);
    pthread_mutex_unlock(&runtime.sync_lock);
}

/* ---- subscribing ---- */

/* With the lock held. */
static aclError add(const char *call, enum report_kind kind, struct stream *s, uint64_t id) {
    uint64_t now;
    if (stream_reporter(s, kind, &now))
        return acl_fail(ACL_ERROR_REPEAT_SUBSCRIBE, call,
                        "stream %u is subscribed to thread %llu already; call %s first",
                        stream_id(s), (unsigned long long)now, calls[kind].unsubscribe);
    struct report_thread *t = find_thread(kind, id);
    if (!t) {
        t = mem_calloc(1, sizeof *t);
        if (!t) return acl_fail(ACL_ERROR_BAD_ALLOC, call, "no memory for a subscription");
        t->kind = kind;
        t->id = id;
        t->next = runtime.report_threads;
        runtime.report_threads = t;
    }
    t->n_streams++;
    stream_set_reporter(s, kind, true, id);
    pthread_cond_broadcast(&runtime.sync_changed);
    return ACL_SUCCESS;
}

static aclError get_stream(const char *call, enum report_kind kind, aclrtStream stream,
                           struct stream **out, void **held) {
    aclError code = stream_get(stream, call, out, held);
    if (code != ACL_ERROR_RT_INVALID_HANDLE) return code;
    return handle_fail(stream, HANDLE_STREAM, call, calls[kind].argument);
}

static aclError subscribe(enum report_kind kind, uint64_t id, aclrtStream stream) {
    const char *call = calls[kind].subscribe;
    struct stream *s;
    void *held;
    ACL_TRY(get_stream(call, kind, stream, &s, &held));
    pthread_mutex_lock(&runtime.sync_lock);
    aclError code = add(call, kind, s, id);
    pthread_mutex_unlock(&runtime.sync_lock);
    handle_release(held);
    return code;
}

aclError aclrtSubscribeReport(uint64_t threadId, aclrtStream stream) {
    return subscribe(CALLBACKS, threadId, stream);
}

aclError aclrtSubscribeHostFunc(uint64_t hostFuncThreadId, aclrtStream exeStream) {
    return subscribe(HOST_FUNCTIONS, hostFuncThreadId, exeStream);
}

/* With the lock held: takes what has not run out of the queue, and waits for what runs. */
static void withdraw(enum report_kind kind, uint64_t id, uint32_t stream) {
    struct report_thread *t = find_thread(kind, id);
    struct report **at = &t->first;
    t->last = NULL;
    while (*at) {
        struct report *r = *at;
        if (r->stream == stream) {
            *at = r->next;
            give_up(r);
        } else {
            t->last = r;
            at = &r->next;
        }
    }
    pthread_cond_broadcast(&runtime.sync_changed);
    bool is_self = (uint64_t)pthread_self() == id;
    while (!is_self && t && t->calling == stream && !atomic_load(&runtime.ending)) {
        pthread_cond_wait(&runtime.sync_changed, &runtime.sync_lock);
        t = find_thread(kind, id); /* another stream may have left meanwhile */
    }
}

/* With the lock held: an entry nobody needs any more goes. */
static void tidy(struct report_thread *t) {
    if (t->n_streams == 0 && !t->first && t->calling == 0) remove_thread(t);
}

/* With the lock held: one stream less. */
static void leave(enum report_kind kind, uint64_t id) {
    struct report_thread *t = find_thread(kind, id);
    if (!t) return;
    t->n_streams--;
    tidy(t);
}

void reports_forget(struct stream *s) {
    uint64_t id;
    pthread_mutex_lock(&runtime.sync_lock);
    for (enum report_kind k = 0; k < REPORT_KINDS; k++)
        if (stream_reporter(s, k, &id)) leave(k, id);
    pthread_mutex_unlock(&runtime.sync_lock);
}

static aclError unsubscribe(enum report_kind kind, uint64_t threadId, aclrtStream stream) {
    const char *call = calls[kind].unsubscribe;
    struct stream *s;
    void *held;
    ACL_TRY(get_stream(call, kind, stream, &s, &held));
    pthread_mutex_lock(&runtime.sync_lock);
    uint64_t now;
    bool is = stream_reporter(s, kind, &now) && now == threadId && find_thread(kind, threadId);
    if (is) {
        stream_set_reporter(s, kind, false, 0);
        withdraw(kind, threadId, stream_id(s));
        leave(kind, threadId);
    }
    pthread_mutex_unlock(&runtime.sync_lock);
    uint32_t id = stream_id(s);
    handle_release(held);
    if (is) return ACL_SUCCESS;
    return acl_fail(ACL_ERROR_RT_STREAM_SUBSCRIBE, call,
                    "stream %u is not subscribed to thread %llu", id,
                    (unsigned long long)threadId);
}

aclError aclrtUnSubscribeReport(uint64_t threadId, aclrtStream stream) {
    return unsubscribe(CALLBACKS, threadId, stream);
}

aclError aclrtUnSubscribeHostFunc(uint64_t hostFuncThreadId, aclrtStream exeStream) {
    return unsubscribe(HOST_FUNCTIONS, hostFuncThreadId, exeStream);
}

/* ---- calling ---- */

/* In the stream: hands the report to its thread, and waits for it if it blocks. */
static aclError run_report(struct stream *s, struct task *task) {
    struct report *r = task->report;
    pthread_mutex_lock(&runtime.sync_lock);
    struct report_thread *t = find_thread(CALLBACKS, r->thread);
    if (t && !stream_is_stopping(s)) {
        if (t->first) t->last->next = r;
        else t->first = r;
        t->last = r;
        pthread_cond_broadcast(&runtime.sync_changed);
        if (!r->blocking) task->report = NULL; /* the queue's now */
        while (task->report && !r->done) {
            t = find_thread(CALLBACKS, r->thread);
            if (stream_is_stopping(s) && t && t->calling != r->stream)
                withdraw(CALLBACKS, r->thread, r->stream);
            else
                pthread_cond_wait(&runtime.sync_changed, &runtime.sync_lock);
        }
    }
    pthread_mutex_unlock(&runtime.sync_lock);
    return ACL_SUCCESS;
}

static void drop_report(struct task *t) { mem_free(t->report); }

aclError aclrtLaunchCallback(aclrtCallback fn, void *userData, aclrtCallbackBlockType blockType,
                             aclrtStream stream) {
    PROFILE_SCOPE(__func__);
    ACL_NEED(fn);
    ACL_CHECK(blockType == ACL_CALLBACK_NO_BLOCK || blockType == ACL_CALLBACK_BLOCK,
              ACL_ERROR_INVALID_PARAM,
              "blockType is %d; use ACL_CALLBACK_NO_BLOCK or ACL_CALLBACK_BLOCK", (int)blockType);
    struct stream *s;
    void *held;
    ACL_TRY(stream_get(stream, __func__, &s, &held));
    uint64_t thread;
    pthread_mutex_lock(&runtime.sync_lock);
    bool subscribed = stream_reporter(s, CALLBACKS, &thread);
    pthread_mutex_unlock(&runtime.sync_lock);
    aclError code;
    struct report *r = NULL;
    if (!subscribed)
        code = acl_fail(ACL_ERROR_RT_STREAM_NO_CB_REG, __func__,
                        "no thread takes callbacks of stream %u; call aclrtSubscribeReport first",
                        stream_id(s));
    else if (!(r = mem_calloc(1, sizeof *r)))
        code = acl_fail(ACL_ERROR_BAD_ALLOC, __func__, "no memory for a callback");
    else {
        *r = (struct report){.fn = fn,
                             .user = userData,
                             .stream = stream_id(s),
                             .thread = thread,
                             .blocking = blockType == ACL_CALLBACK_BLOCK};
        struct task t = {.fn = run_report,
                         .drop = drop_report,
                         .short_enough = !r->blocking,
                         .report = r};
        code = stream_submit(s, &t, __func__);
    }
    handle_release(held);
    return code;
}

/* With the lock held, and given back held: runs the first report of the calling thread. */
static void call_first(struct report_thread *t, uint64_t self) {
    struct report *r = t->first;
    enum report_kind kind = t->kind;
    t->first = r->next;
    t->calling = r->stream;
    pthread_mutex_unlock(&runtime.sync_lock);
    if (check_is_on()) {
        check_stream_synced(r->stream);
        check_callback(true);
    }
    r->fn(r->user);
    check_callback(false);
    pthread_mutex_lock(&runtime.sync_lock);
    give_up(r);
    t = find_thread(kind, self); /* aclFinalize may have come meanwhile */
    if (t) t->calling = 0;
    pthread_cond_broadcast(&runtime.sync_changed);
}

static aclError process(const char *call, enum report_kind kind, int32_t timeout) {
    PROFILE_SCOPE(call);
    ACL_TRY(runtime_need_started(call));
    if (timeout < -1)
        return acl_fail(ACL_ERROR_INVALID_PARAM, call,
                        "timeout is %d; it is in milliseconds, or -1 for no limit", timeout);
    uint64_t self = (uint64_t)pthread_self();
    struct timespec deadline;
    if (timeout >= 0) deadline = time_after_ms(timeout);
    int n_called = 0;
    bool in_time = true, subscribed = false;
    pthread_mutex_lock(&runtime.sync_lock);
    while (n_called == 0 && in_time && !atomic_load(&runtime.ending)) {
        struct report_thread *t = find_thread(kind, self);
        subscribed = t != NULL;
        while (t && t->first) {
            call_first(t, self);
            n_called++;
            t = find_thread(kind, self);
        }
        if (t) tidy(t);
        if (n_called == 0)
            in_time = cond_wait_until(&runtime.sync_changed, &runtime.sync_lock,
                                      timeout >= 0 ? &deadline : NULL);
    }
    pthread_mutex_unlock(&runtime.sync_lock);
    if (n_called) return ACL_SUCCESS;
    if (!subscribed)
        return acl_fail(ACL_ERROR_RT_THREAD_SUBSCRIBE, call,
                        "no stream is subscribed to this thread; call %s with its id",
                        calls[kind].subscribe);
    if (in_time)
        return acl_fail(ACL_ERROR_RT_REPORT_TIMEOUT, call, "aclFinalize came before a callback");
    return acl_fail(ACL_ERROR_RT_REPORT_TIMEOUT, call, "nothing came within %d ms", timeout);
}

aclError aclrtProcessReport(int32_t timeout) { return process(__func__, CALLBACKS, timeout); }
aclError aclrtProcessHostFunc(int32_t timeout) {
    return process(__func__, HOST_FUNCTIONS, timeout);
}
