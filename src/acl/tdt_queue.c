/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Queues of acl_tdt_queue.h: numbered rows of parcels in this process, with a depth. One condition
 * variable serves all of them; a call that waits holds its queue, so that destroying it ends the
 * waiting and frees nothing under it.
 */
#include <string.h>
#include <unistd.h>

#include "acl/tdt_queue.h"
#include "base/alloc.h"

/* ---- attributes ---- */

struct queue_attr {
    pthread_mutex_t lock;
    char name[TDT_MAX_NAME + 1];
    uint32_t depth;
};

static void attr_destroy(void *object) {
    struct queue_attr *a = object;
    pthread_mutex_destroy(&a->lock);
    mem_free(a);
}

acltdtQueueAttr *acltdtCreateQueueAttr(void) {
    struct queue_attr *a = mem_calloc(1, sizeof *a);
    if (a) {
        pthread_mutex_init(&a->lock, NULL);
        a->depth = TDT_DEFAULT_DEPTH;
    }
    return handle_make(HANDLE_TDT_QUEUE_ATTR, a, attr_destroy, __func__);
}

aclError acltdtDestroyQueueAttr(const acltdtQueueAttr *attr) {
    return handle_end(attr, HANDLE_TDT_QUEUE_ATTR, __func__, "attr");
}

static aclError check_attr(const char *call, acltdtQueueAttrType type, size_t len, bool exact) {
    size_t bytes = type == ACL_TDT_QUEUE_NAME_PTR       ? sizeof(char *)
                   : type == ACL_TDT_QUEUE_DEPTH_UINT32 ? sizeof(uint32_t)
                                                        : 0;
    if (!bytes)
        return acl_fail(ACL_ERROR_INVALID_PARAM, call,
                        "type is %d; use a value of acltdtQueueAttrType", (int)type);
    if (exact ? len == bytes : len >= bytes) return ACL_SUCCESS;
    return acl_fail(ACL_ERROR_INVALID_PARAM, call, "len is %zu; this attribute has %zu bytes%s",
                    len, bytes,
                    type == ACL_TDT_QUEUE_NAME_PTR ? " (param points to a char *)" : "");
}

aclError acltdtSetQueueAttr(acltdtQueueAttr *attr, acltdtQueueAttrType type, size_t len,
                            const void *param) {
    ACL_NEED(param);
    ACL_TRY(check_attr(__func__, type, len, true));
    const char *name = NULL;
    uint32_t depth = 0;
    if (type == ACL_TDT_QUEUE_NAME_PTR) {
        memcpy(&name, param, sizeof name);
        ACL_CHECK(name && strnlen(name, TDT_MAX_NAME + 1) <= TDT_MAX_NAME,
                  ACL_ERROR_INVALID_PARAM, "the name is NULL or has more than %d characters",
                  TDT_MAX_NAME);
    } else {
        memcpy(&depth, param, sizeof depth);
        ACL_CHECK(depth >= TDT_LEAST_DEPTH && depth <= TDT_MOST_DEPTH, ACL_ERROR_INVALID_PARAM,
                  "the depth is %u; it may be %d to %d", depth, TDT_LEAST_DEPTH, TDT_MOST_DEPTH);
    }
    struct queue_attr *a = handle_get(attr, HANDLE_TDT_QUEUE_ATTR, __func__, "attr");
    if (!a) return ACL_ERROR_INVALID_PARAM;
    pthread_mutex_lock(&a->lock);
    if (name) strcpy(a->name, name);
    else a->depth = depth;
    pthread_mutex_unlock(&a->lock);
    handle_release(attr);
    return ACL_SUCCESS;
}

aclError acltdtGetQueueAttr(const acltdtQueueAttr *attr, acltdtQueueAttrType type, size_t len,
                            size_t *paramRetSize, void *param) {
    ACL_NEED(paramRetSize);
    ACL_NEED(param);
    ACL_TRY(check_attr(__func__, type, len, false));
    struct queue_attr *a = handle_get(attr, HANDLE_TDT_QUEUE_ATTR, __func__, "attr");
    if (!a) return ACL_ERROR_INVALID_PARAM;
    pthread_mutex_lock(&a->lock);
    const char *name = a->name;
    bool is_name = type == ACL_TDT_QUEUE_NAME_PTR;
    *paramRetSize = is_name ? sizeof name : sizeof a->depth;
    memcpy(param, is_name ? (const void *)&name : &a->depth, *paramRetSize);
    pthread_mutex_unlock(&a->lock);
    handle_release(attr);
    return ACL_SUCCESS;
}

/* ---- queues ---- */

struct tdt_queue *queue_find(uint32_t id) {
    struct tdt_queue *q = runtime.tdt.queues;
    while (q && q->id != id) q = q->next;
    return q;
}

static aclError no_such_queue(const char *call, uint32_t id, aclError code) {
    return acl_fail(code, call,
                    "there is no queue %u in this process; acltdtCreateQueue gives the id", id);
}

aclError queue_need(const char *call, uint32_t id, aclError code) {
    pthread_mutex_lock(&runtime.tdt.lock);
    bool found = queue_find(id);
    pthread_mutex_unlock(&runtime.tdt.lock);
    return found ? ACL_SUCCESS : no_such_queue(call, id, code);
}

void queue_push(struct tdt_queue *q, struct parcel *p) {
    p->next = NULL;
    *q->last = p;
    q->last = &p->next;
    q->n++;
}

struct parcel *queue_pop(struct tdt_queue *q) {
    struct parcel *p = q->first;
    if (!(q->first = p->next)) q->last = &q->first;
    q->n--;
    return p;
}

/* With the lock held: a queue no longer listed, and no longer waited for. */
static void queue_free(struct tdt_queue *q) {
    while (q->n) parcel_destroy(queue_pop(q));
    mem_free(q);
}

/* With the lock held. */
static void queue_leave(struct tdt_queue *q) {
    if (--q->n_waiting == 0 && q->gone) queue_free(q);
}

/* With the lock held. */
static void queue_unlist(struct tdt_queue *q) {
    struct tdt_queue **at = &runtime.tdt.queues;
    while (*at != q) at = &(*at)->next;
    *at = q->next;
    q->gone = true;
    pthread_cond_broadcast(&runtime.tdt.changed);
    if (!q->n_waiting) queue_free(q);
}

aclError acltdtCreateQueue(const acltdtQueueAttr *attr, uint32_t *qid) {
    ACL_NEED_STARTED();
    ACL_NEED(qid);
    struct queue_attr *a = handle_get(attr, HANDLE_TDT_QUEUE_ATTR, __func__, "attr");
    if (!a) return ACL_ERROR_INVALID_PARAM;
    struct tdt_queue *q = mem_calloc(1, sizeof *q);
    if (q) {
        pthread_mutex_lock(&a->lock);
        strcpy(q->name, a->name);
        q->depth = a->depth;
        pthread_mutex_unlock(&a->lock);
        q->last = &q->first;
    }
    handle_release(attr);
    ACL_CHECK(q, ACL_ERROR_BAD_ALLOC, "no memory for a queue");
    pthread_mutex_lock(&runtime.tdt.lock);
    if (check_is_on()) q->made = check_place("acltdtCreateQueue");
    *qid = q->id = ++runtime.tdt.last_id;
    q->next = runtime.tdt.queues;
    runtime.tdt.queues = q;
    pthread_mutex_unlock(&runtime.tdt.lock);
    return ACL_SUCCESS;
}

aclError acltdtDestroyQueue(uint32_t qid) {
    ACL_NEED_STARTED();
    pthread_mutex_lock(&runtime.tdt.lock);
    struct tdt_queue *q = queue_find(qid);
    uint32_t other = 0;
    bool bound = q && routes_use(qid, &other);
    if (q && !bound) queue_unlist(q);
    pthread_mutex_unlock(&runtime.tdt.lock);
    if (!q) return no_such_queue(__func__, qid, ACL_ERROR_INVALID_QUEUE_ID);
    ACL_CHECK(!bound, ACL_ERROR_INVALID_PARAM,
              "queue %u has a route with queue %u; call acltdtUnbindQueueRoutes first", qid, other);
    return ACL_SUCCESS;
}

void queues_wake(void) {
    pthread_mutex_lock(&runtime.tdt.lock);
    pthread_cond_broadcast(&runtime.tdt.changed);
    pthread_mutex_unlock(&runtime.tdt.lock);
}

void queues_reset(void) {
    int n = 0;
    pthread_mutex_lock(&runtime.tdt.lock);
    routes_reset();
    for (; runtime.tdt.queues; n++) {
        if (check_is_on()) check_leak("a queue", 0, &runtime.tdt.queues->made);
        queue_unlist(runtime.tdt.queues);
    }
    pthread_mutex_unlock(&runtime.tdt.lock);
    if (n) acl_log(ACL_WARNING, "aclFinalize: the program left %d queues (acltdtCreateQueue)", n);
}

/* ---- waiting ---- */

/* With the lock held; *out is held too when it succeeds, else NULL. */
static aclError wait_for(const char *call, uint32_t id, bool room, int32_t timeout,
                         const atomic_bool *stop, struct tdt_queue **out) {
    struct tdt_queue *q = queue_find(id);
    *out = NULL;
    if (timeout < -1)
        return acl_fail(ACL_ERROR_INVALID_PARAM, call,
                        "timeout is %d; give milliseconds, 0 not to wait, or -1 to wait for ever",
                        timeout);
    if (!q) return no_such_queue(call, id, ACL_ERROR_INVALID_QUEUE_ID);
    q->n_waiting++;
    struct timespec deadline = time_after_ms(timeout > 0 ? timeout : 0);
    bool in_time = timeout != 0;
    aclError code = ACL_SUCCESS;
    for (;;) {
        if (q->gone || (stop && atomic_load(stop))) {
            code = acl_fail(ACL_ERROR_FAILURE, call, "waiting for queue %u was given up: %s", id,
                            q->gone ? "it was destroyed" : "who waited was stopped");
            break;
        }
        if (room ? queue_has_room(q) : q->n > 0) {
            *out = q;
            return ACL_SUCCESS;
        }
        if (!in_time) {
            code = room ? acl_fail(ACL_ERROR_RT_QUEUE_FULL, call,
                                   "queue %u ('%s') has %u buffers, its depth, and nobody took one "
                                   "within %d ms", id, q->name, q->n, timeout)
                        : acl_fail(ACL_ERROR_RT_QUEUE_EMPTY, call,
                                   "nothing came to queue %u ('%s') within %d ms", id, q->name,
                                   timeout);
            break;
        }
        in_time = cond_wait_until(&runtime.tdt.changed, &runtime.tdt.lock,
                                  timeout < 0 ? NULL : &deadline);
    }
    queue_leave(q);
    return code;
}

/* With the lock held, after a change: what waits looks again. */
static void changed(void) {
    routes_move();
    pthread_cond_broadcast(&runtime.tdt.changed);
}

aclError queue_take(const char *call, uint32_t id, int32_t timeout, const atomic_bool *stop,
                    struct parcel **p) {
    struct tdt_queue *q;
    pthread_mutex_lock(&runtime.tdt.lock);
    aclError code = wait_for(call, id, false, timeout, stop, &q);
    if (q) {
        *p = queue_pop(q);
        changed();
        queue_leave(q);
    }
    pthread_mutex_unlock(&runtime.tdt.lock);
    return code;
}

aclError queue_put(const char *call, uint32_t id, int32_t timeout, const atomic_bool *stop,
                   struct parcel *p) {
    struct tdt_queue *q;
    pthread_mutex_lock(&runtime.tdt.lock);
    aclError code = wait_for(call, id, true, timeout, stop, &q);
    if (q) {
        queue_push(q, p);
        changed();
        queue_leave(q);
    }
    pthread_mutex_unlock(&runtime.tdt.lock);
    return code;
}

/* What could not be handed out goes back to the front. */
static void put_back(uint32_t id, struct parcel *p) {
    pthread_mutex_lock(&runtime.tdt.lock);
    struct tdt_queue *q = queue_find(id);
    if (q) {
        p->next = q->first;
        if (!q->first) q->last = &p->next;
        q->first = p;
        q->n++;
        changed();
    }
    pthread_mutex_unlock(&runtime.tdt.lock);
    if (!q) parcel_destroy(p);
}

/* ---- the calls ---- */

aclError acltdtEnqueue(uint32_t qid, acltdtBuf buf, int32_t timeout) {
    ACL_NEED_STARTED();
    /* The buffer stays the program's unless it gets into the queue: room comes first, and the lock
     * keeps the queue until the buffer is in it. */
    struct tdt_queue *q;
    struct parcel *p = NULL;
    pthread_mutex_lock(&runtime.tdt.lock);
    aclError code = wait_for(__func__, qid, true, timeout, NULL, &q);
    if (q) {
        code = parcel_take(__func__, buf, &p);
        if (p) {
            queue_push(q, p);
            changed();
        }
        queue_leave(q);
    }
    pthread_mutex_unlock(&runtime.tdt.lock);
    return code;
}

aclError acltdtDequeue(uint32_t qid, acltdtBuf *buf, int32_t timeout) {
    ACL_NEED_STARTED();
    ACL_NEED(buf);
    struct parcel *p;
    ACL_TRY(queue_take(__func__, qid, timeout, NULL, &p));
    aclError code = parcel_open(__func__, p, buf);
    if (code != ACL_SUCCESS) put_back(qid, p);
    return code;
}

aclError acltdtEnqueueData(uint32_t qid, const void *data, size_t dataSize, const void *userData,
                           size_t userDataSize, int32_t timeout, uint32_t rsv) {
    ACL_NEED_STARTED();
    ACL_NEED(data);
    ACL_CHECK(dataSize > 0, ACL_ERROR_INVALID_PARAM, "dataSize is 0");
    ACL_CHECK(!userDataSize || userData, ACL_ERROR_INVALID_PARAM,
              "userData is NULL and userDataSize is not 0");
    ACL_CHECK(userDataSize <= TDT_USER_BYTES, ACL_ERROR_INVALID_PARAM,
              "userDataSize is %zu; a buffer has %d bytes of user data", userDataSize,
              TDT_USER_BYTES);
    ACL_CHECK(rsv == 0, ACL_ERROR_INVALID_PARAM, "rsv is %u; it is reserved and must be 0", rsv);
    struct parcel *p;
    ACL_TRY(parcel_create(__func__, dataSize, &p));
    memcpy(p->parts[0].memory->data, data, dataSize);
    if (userDataSize) memcpy(p->parts[0].user, userData, userDataSize);
    aclError code = queue_put(__func__, qid, timeout, NULL, p);
    if (code != ACL_SUCCESS) parcel_destroy(p);
    return code;
}

aclError acltdtDequeueData(uint32_t qid, void *data, size_t dataSize, size_t *retDataSize,
                           void *userData, size_t userDataSize, int32_t timeout) {
    ACL_NEED_STARTED();
    ACL_NEED(data);
    ACL_NEED(retDataSize);
    ACL_CHECK(!userDataSize || userData, ACL_ERROR_INVALID_PARAM,
              "userData is NULL and userDataSize is not 0");
    ACL_CHECK(userDataSize <= TDT_USER_BYTES, ACL_ERROR_INVALID_PARAM,
              "userDataSize is %zu; a buffer has %d bytes of user data", userDataSize,
              TDT_USER_BYTES);
    struct parcel *p;
    ACL_TRY(queue_take(__func__, qid, timeout, NULL, &p));
    size_t bytes = 0;
    for (size_t i = 0; i < p->n; i++) bytes += p->parts[i].length;
    if (bytes > dataSize) {
        put_back(qid, p);
        ACL_FAIL(ACL_ERROR_INVALID_PARAM,
                 "dataSize is %zu; the first of queue %u has %zu bytes and stays there", dataSize,
                 qid, bytes);
    }
    unsigned char *to = data;
    for (size_t i = 0; i < p->n; to += p->parts[i++].length)
        memcpy(to, p->parts[i].memory->data, p->parts[i].length);
    if (userDataSize) memcpy(userData, p->parts[0].user, userDataSize);
    *retDataSize = bytes;
    parcel_destroy(p);
    return ACL_SUCCESS;
}

aclError acltdtGrantQueue(uint32_t qid, int32_t pid, uint32_t permission, int32_t timeout) {
    ACL_NEED_STARTED();
    const uint32_t all = ACL_TDT_QUEUE_PERMISSION_MANAGE | ACL_TDT_QUEUE_PERMISSION_DEQUEUE |
                         ACL_TDT_QUEUE_PERMISSION_ENQUEUE;
    ACL_CHECK(permission && !(permission & ~all), ACL_ERROR_INVALID_PARAM,
              "permission is %u; add up ACL_TDT_QUEUE_PERMISSION_*", permission);
    ACL_CHECK(timeout >= -1, ACL_ERROR_INVALID_PARAM, "timeout is %d", timeout);
    ACL_TRY(queue_need(__func__, qid, ACL_ERROR_INVALID_QUEUE_ID));
    ACL_CHECK(pid == (int32_t)getpid(), ACL_ERROR_FEATURE_UNSUPPORTED,
              "pid is %d; queues live in one process here, which has all rights", pid);
    return ACL_SUCCESS;
}

aclError acltdtAttachQueue(uint32_t qid, int32_t timeout, uint32_t *permission) {
    ACL_NEED_STARTED();
    ACL_NEED(permission);
    ACL_CHECK(timeout >= -1, ACL_ERROR_INVALID_PARAM, "timeout is %d", timeout);
    ACL_TRY(queue_need(__func__, qid, ACL_ERROR_INVALID_QUEUE_ID));
    *permission = ACL_TDT_QUEUE_PERMISSION_MANAGE | ACL_TDT_QUEUE_PERMISSION_DEQUEUE |
                  ACL_TDT_QUEUE_PERMISSION_ENQUEUE;
    return ACL_SUCCESS;
}
