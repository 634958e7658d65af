/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Events. Records are numbered as they are asked for; the event is complete when the newest number
 * is done, and a stream that waits holds the number it waits for. All events share one lock and one
 * condition variable of the runtime: they are rare, and tearing down a stream must reach waits for
 * any of them.
 */
#include "acl/internal.h"
#include "base/alloc.h"

enum { ALL_FLAGS = ACL_EVENT_SYNC | ACL_EVENT_CAPTURE_STREAM_PROGRESS | ACL_EVENT_TIME_LINE };

/* guarded by runtime.sync_lock */
struct event {
    uint32_t flag;
    bool extended;         /* made by the Ex call: never recorded counts as complete */
    uint64_t asked, done;  /* newest record asked for, newest executed */
    uint64_t asked_reset;  /* `asked` when a reset was last asked for */
    uint64_t reset;        /* `done` when a reset was last executed */
    int n_waits;           /* of streams, not yet ended */
    struct timespec when;  /* of the newest executed record */
    struct check_clock *clock; /* of the newest record asked for; with PRUSIK_CHECK */
};

static void event_destroy(void *object) {
    struct event *e = object;
    mem_free(e->clock);
    mem_free(e);
}

static aclError create(const char *call, aclrtEvent *out, uint32_t flag, bool extended) {
    ACL_TRY(context_need(call));
    if (flag == 0 || flag & ~(uint32_t)ALL_FLAGS)
        return acl_fail(ACL_ERROR_INVALID_PARAM, call,
                        "flag is 0x%x; it is made of ACL_EVENT_SYNC, "
                        "ACL_EVENT_CAPTURE_STREAM_PROGRESS and ACL_EVENT_TIME_LINE",
                        flag);
    struct event *e = mem_calloc(1, sizeof *e);
    void *handle = e ? handle_create(HANDLE_EVENT, e, event_destroy) : NULL;
    if (!handle) {
        mem_free(e);
        return acl_fail(ACL_ERROR_RT_NO_EVENT_RESOURCE, call, "no memory for an event");
    }
    e->flag = flag;
    e->extended = extended;
    *out = handle;
    return ACL_SUCCESS;
}

aclError aclrtCreateEvent(aclrtEvent *event) {
    ACL_NEED(event);
    return create(__func__, event, ALL_FLAGS, false);
}

aclError aclrtCreateEventWithFlag(aclrtEvent *event, uint32_t flag) {
    ACL_NEED(event);
    return create(__func__, event, flag, false);
}

aclError aclrtCreateEventExWithFlag(aclrtEvent *event, uint32_t flag) {
    ACL_NEED(event);
    return create(__func__, event, flag, true);
}

aclError aclrtDestroyEvent(aclrtEvent event) {
    ACL_NEED_STARTED();
    return handle_end(event, HANDLE_EVENT, __func__, "event");
}

static aclError get(const char *call, const char *argument, aclrtEvent event,
                    struct event **out) {
    ACL_TRY(runtime_need_started(call));
    *out = handle_acquire(event, HANDLE_EVENT);
    return *out ? ACL_SUCCESS : handle_fail(event, HANDLE_EVENT, call, argument);
}

/* ---- on streams ---- */

static void drop(struct task *t) { handle_release(t->event.handle); }

static aclError run_record(struct stream *s, struct task *t) {
    (void)s;
    struct event *e = t->event.event;
    pthread_mutex_lock(&runtime.sync_lock);
    if (t->event.target > e->done) e->done = t->event.target;
    clock_gettime(CLOCK_MONOTONIC, &e->when);
    pthread_cond_broadcast(&runtime.sync_changed);
    pthread_mutex_unlock(&runtime.sync_lock);
    return ACL_SUCCESS;
}

static aclError run_reset(struct stream *s, struct task *t) {
    (void)s;
    pthread_mutex_lock(&runtime.sync_lock);
    t->event.event->reset = t->event.event->done;
    pthread_mutex_unlock(&runtime.sync_lock);
    return ACL_SUCCESS;
}

static aclError run_wait(struct stream *s, struct task *t) {
    struct event *e = t->event.event;
    uint32_t limit = atomic_load(&runtime.op_wait_timeout_s);
    struct timespec deadline;
    if (limit) deadline = time_after_ms((int64_t)limit * 1000);
    bool in_time = true;
    pthread_mutex_lock(&runtime.sync_lock);
    while (e->done < t->event.target && in_time && !stream_is_stopping(s))
        in_time = cond_wait_until(&runtime.sync_changed, &runtime.sync_lock,
                                  limit ? &deadline : NULL);
    bool came = e->done >= t->event.target;
    pthread_mutex_unlock(&runtime.sync_lock);
    if (came) return ACL_SUCCESS;
    if (in_time)
        return acl_fail(ACL_ERROR_RT_EVENT_NOT_COMPLETE, "aclrtStreamWaitEvent",
                        "stream %u was torn down before the event came", stream_id(s));
    return acl_fail(ACL_ERROR_RT_EVENT_SYNC_TIMEOUT, "aclrtStreamWaitEvent",
                    "the event did not come within the %u s of aclrtSetOpWaitTimeout", limit);
}

static void drop_wait(struct task *t) {
    pthread_mutex_lock(&runtime.sync_lock);
    t->event.event->n_waits--;
    pthread_mutex_unlock(&runtime.sync_lock);
    drop(t);
}

static aclError submit(const char *call, aclrtEvent event, aclrtStream stream,
                       aclError (*fn)(struct stream *, struct task *)) {
    PROFILE_SCOPE(call);
    struct event *e;
    ACL_TRY(get(call, "event", event, &e));
    struct stream *s;
    void *held;
    aclError code = stream_get(stream, call, &s, &held);
    if (code != ACL_SUCCESS) {
        handle_release(event);
        return code;
    }
    struct task t = {.fn = fn,
                     .drop = fn == run_wait ? drop_wait : drop,
                     .short_enough = fn != run_wait,
                     .event = {.handle = event, .event = e}};
    pthread_mutex_lock(&runtime.sync_lock);
    if (fn == run_record) {
        t.event.target = ++e->asked;
        if (check_is_on()) check_event_recorded(&e->clock, stream_id(s));
    } else if (fn == run_reset) {
        e->asked_reset = e->asked;
    } else {
        bool recorded = e->asked > e->asked_reset;
        t.event.target = recorded || (e->extended && e->asked == 0) ? e->asked : e->asked + 1;
        t.short_enough = e->done >= t.event.target; /* nothing to wait for */
        e->n_waits++;
        if (check_is_on() && (recorded || !e->extended || e->asked))
            check_event_awaited(recorded ? e->clock : NULL, stream_id(s));
    }
    pthread_mutex_unlock(&runtime.sync_lock);
    code = stream_submit(s, &t, call); /* on failure t.drop has released the event */
    handle_release(held);
    return code;
}

aclError aclrtRecordEvent(aclrtEvent event, aclrtStream stream) {
    return submit(__func__, event, stream, run_record);
}

aclError aclrtResetEvent(aclrtEvent event, aclrtStream stream) {
    return submit(__func__, event, stream, run_reset);
}

aclError aclrtStreamWaitEvent(aclrtStream stream, aclrtEvent event) {
    return submit(__func__, event, stream, run_wait);
}

aclError aclrtSetOpWaitTimeout(uint32_t timeout) {
    ACL_NEED_CONTEXT();
    atomic_store(&runtime.op_wait_timeout_s, timeout);
    return ACL_SUCCESS;
}

/* ---- asking and waiting ---- */

/* With the lock held. */
static bool is_recorded(const struct event *e) { return e->asked > e->reset; }
static bool is_complete(const struct event *e) {
    if (!is_recorded(e)) return e->extended && e->asked == 0;
    return e->done >= e->asked;
}

static aclError query(const char *call, aclrtEvent event, bool *complete) {
    struct event *e;
    ACL_TRY(get(call, "event", event, &e));
    pthread_mutex_lock(&runtime.sync_lock);
    *complete = is_complete(e);
    if (*complete && check_is_on()) check_event_synced(e->clock);
    pthread_mutex_unlock(&runtime.sync_lock);
    handle_release(event);
    return ACL_SUCCESS;
}

aclError aclrtQueryEvent(aclrtEvent event, aclrtEventStatus *status) {
    ACL_NEED(status);
    bool complete;
    ACL_TRY(query(__func__, event, &complete));
    *status = complete ? ACL_EVENT_STATUS_COMPLETE : ACL_EVENT_STATUS_NOT_READY;
    return ACL_SUCCESS;
}

aclError aclrtQueryEventStatus(aclrtEvent event, aclrtEventRecordedStatus *status) {
    ACL_NEED(status);
    bool complete;
    ACL_TRY(query(__func__, event, &complete));
    *status = complete ? ACL_EVENT_RECORDED_STATUS_COMPLETE : ACL_EVENT_RECORDED_STATUS_NOT_READY;
    return ACL_SUCCESS;
}

aclError aclrtQueryEventWaitStatus(aclrtEvent event, aclrtEventWaitStatus *status) {
    ACL_NEED(status);
    struct event *e;
    ACL_TRY(get(__func__, "event", event, &e));
    pthread_mutex_lock(&runtime.sync_lock);
    *status = e->n_waits == 0 ? ACL_EVENT_WAIT_STATUS_COMPLETE : ACL_EVENT_WAIT_STATUS_NOT_READY;
    pthread_mutex_unlock(&runtime.sync_lock);
    handle_release(event);
    return ACL_SUCCESS;
}

static aclError synchronize(const char *call, aclrtEvent event, int32_t timeout) {
    PROFILE_SCOPE(call);
    ACL_TRY(stream_need_other_thread(call));
    struct event *e;
    ACL_TRY(get(call, "event", event, &e));
    struct timespec deadline;
    if (timeout >= 0) deadline = time_after_ms(timeout);
    bool in_time = true;
    pthread_mutex_lock(&runtime.sync_lock);
    uint64_t target = e->asked;
    while (e->done < target && in_time && !atomic_load(&runtime.ending))
        in_time = cond_wait_until(&runtime.sync_changed, &runtime.sync_lock,
                                  timeout >= 0 ? &deadline : NULL);
    bool came = e->done >= target;
    if (came && check_is_on()) check_event_synced(e->clock);
    pthread_mutex_unlock(&runtime.sync_lock);
    handle_release(event);
    if (came) return ACL_SUCCESS;
    if (in_time)
        return acl_fail(ACL_ERROR_RT_EVENT_NOT_COMPLETE, call,
                        "aclFinalize came before the event");
    return acl_fail(ACL_ERROR_RT_EVENT_SYNC_TIMEOUT, call, "the event did not come within %d ms",
                    timeout);
}

aclError aclrtSynchronizeEvent(aclrtEvent event) { return synchronize(__func__, event, -1); }

aclError aclrtSynchronizeEventWithTimeout(aclrtEvent event, int32_t timeout) {
    ACL_CHECK(timeout >= -1, ACL_ERROR_INVALID_PARAM,
              "timeout is %d; it is in milliseconds, or -1 for no limit", timeout);
    return synchronize(__func__, event, timeout);
}

/* With the lock held: whether the event has a time, and which. */
static aclError time_of(const char *call, const char *which, const struct event *e,
                        struct timespec *out) {
    if (!(e->flag & ACL_EVENT_TIME_LINE))
        return acl_fail(ACL_ERROR_RT_EVENT_TIMESTAMP_INVALID, call,
                        "%s has no time; create it with ACL_EVENT_TIME_LINE", which);
    if (!is_recorded(e))
        return acl_fail(ACL_ERROR_RT_EVENT_TIMESTAMP_INVALID, call,
                        "%s is not recorded; call aclrtRecordEvent", which);
    if (!is_complete(e))
        return acl_fail(ACL_ERROR_RT_EVENT_NOT_COMPLETE, call,
                        "%s is not complete; wait with aclrtSynchronizeEvent", which);
    *out = e->when;
    return ACL_SUCCESS;
}

aclError aclrtEventElapsedTime(float *ms, aclrtEvent startEvent, aclrtEvent endEvent) {
    ACL_NEED(ms);
    struct event *start, *end;
    ACL_TRY(get(__func__, "startEvent", startEvent, &start));
    aclError code = get(__func__, "endEvent", endEvent, &end);
    if (code != ACL_SUCCESS) {
        handle_release(startEvent);
        return code;
    }
    struct timespec a = {0, 0}, b = {0, 0};
    pthread_mutex_lock(&runtime.sync_lock);
    code = time_of(__func__, "startEvent", start, &a);
    if (code == ACL_SUCCESS) code = time_of(__func__, "endEvent", end, &b);
    pthread_mutex_unlock(&runtime.sync_lock);
    handle_release(startEvent);
    handle_release(endEvent);
    ACL_TRY(code);
    double elapsed = (double)(b.tv_sec - a.tv_sec) * 1e3 + (double)(b.tv_nsec - a.tv_nsec) * 1e-6;
    ACL_CHECK(elapsed >= 0, ACL_ERROR_RT_EVENT_TIMESTAMP_REVERSAL,
              "endEvent came %g ms before startEvent", -elapsed);
    *ms = (float)elapsed;
    return ACL_SUCCESS;
}
