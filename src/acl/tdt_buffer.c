/* SPDX-License-Identifier: Apache-2.0 */
/* Buffers of acl_tdt_queue.h: memory with a length, 96 bytes of user data, and a chain. */
#include <string.h>

#include "acl/tdt_queue.h"
#include "base/alloc.h"

struct tdt_buffer {
    struct tdt_part part;
    void *head;   /* handle of the buffer whose chain this one is in, or NULL */
    void **chain; /* handles of those behind this one */
    size_t n_chain, cap_chain;
};

/* ---- memory ---- */

static struct tdt_memory *memory_create(size_t bytes) {
    struct tdt_memory *m = mem_calloc(1, sizeof *m);
    if (!m) return NULL;
    m->data = mem_alloc_aligned(bytes);
    m->bytes = bytes;
    atomic_init(&m->n_users, 1);
    if (m->data) return m;
    mem_free(m);
    return NULL;
}

static void memory_leave(struct tdt_memory *m) {
    if (atomic_fetch_sub(&m->n_users, 1) > 1) return;
    mem_free(m->data);
    mem_free(m);
}

/* ---- parcels ---- */

static struct parcel *parcel_of(size_t n) {
    struct parcel *p = mem_calloc(1, sizeof *p + n * sizeof *p->parts);
    if (p) p->n = n;
    return p;
}

void parcel_destroy(struct parcel *p) {
    if (!p) return;
    for (size_t i = 0; i < p->n; i++)
        if (p->parts[i].memory) memory_leave(p->parts[i].memory);
    mem_free(p);
}

struct parcel *parcel_share(const struct parcel *p) {
    struct parcel *copy = parcel_of(p->n);
    if (!copy) return NULL;
    memcpy(copy->parts, p->parts, p->n * sizeof *p->parts);
    for (size_t i = 0; i < p->n; i++) atomic_fetch_add(&p->parts[i].memory->n_users, 1);
    return copy;
}

aclError parcel_create(const char *call, size_t bytes, struct parcel **out) {
    struct parcel *p = parcel_of(1);
    if (p && (p->parts[0].memory = memory_create(bytes))) {
        p->parts[0].length = bytes;
        *out = p;
        return ACL_SUCCESS;
    }
    parcel_destroy(p);
    return acl_fail(ACL_ERROR_BAD_ALLOC, call, "no memory for a buffer of %zu bytes", bytes);
}

/* ---- handles ---- */

/* A chain goes with its head. No lock: nobody else knows the buffer any more. */
static void buffer_destroy(void *object) {
    struct tdt_buffer *b = object;
    for (size_t i = 0; i < b->n_chain; i++) handle_retire(b->chain[i], HANDLE_TDT_BUFFER);
    if (b->part.memory) memory_leave(b->part.memory);
    mem_free(b->chain);
    mem_free(b);
}

/* A buffer with the part's memory, taken on success only. */
static void *buffer_create(const struct tdt_part *part) {
    struct tdt_buffer *b = mem_calloc(1, sizeof *b);
    if (!b) return NULL;
    b->part = *part;
    void *handle = handle_create(HANDLE_TDT_BUFFER, b, buffer_destroy);
    if (!handle) mem_free(b);
    return handle;
}

/* With the lock held from here to put(). */
static struct tdt_buffer *get(const char *call, const acltdtBuf handle, const char *argument) {
    struct tdt_buffer *b = handle_get(handle, HANDLE_TDT_BUFFER, call, argument);
    if (b) pthread_mutex_lock(&runtime.tdt.lock);
    return b;
}

static void put(const acltdtBuf handle) {
    pthread_mutex_unlock(&runtime.tdt.lock);
    handle_release(handle);
}

static aclError fail_chained(const char *call, const char *argument) {
    return acl_fail(ACL_ERROR_INVALID_PARAM, call,
                    "%s is in the chain of another buffer and goes with that", argument);
}

/* With the lock held. The memory moves over; the handles are to be retired. */
static void empty_into(struct tdt_buffer *b, struct tdt_part *part) {
    *part = b->part;
    b->part.memory = NULL;
}

aclError parcel_take(const char *call, acltdtBuf buffer, struct parcel **out) {
    struct tdt_buffer *b = handle_get(buffer, HANDLE_TDT_BUFFER, call, "buf");
    if (!b) return ACL_ERROR_INVALID_PARAM;
    aclError code = ACL_SUCCESS;
    struct parcel *p = NULL;
    if (b->head) code = fail_chained(call, "buf");
    else if (!b->part.memory) /* another thread was first */
        code = acl_fail(ACL_ERROR_INVALID_PARAM, call, "buf was put into a queue meanwhile");
    else if (!(p = parcel_of(1 + b->n_chain)))
        code = acl_fail(ACL_ERROR_BAD_ALLOC, call, "no memory to queue a buffer");
    if (p) {
        empty_into(b, &p->parts[0]);
        for (size_t i = 0; i < b->n_chain; i++) {
            struct tdt_buffer *link = handle_acquire(b->chain[i], HANDLE_TDT_BUFFER);
            empty_into(link, &p->parts[1 + i]);
            handle_release(b->chain[i]);
        }
        handle_retire(buffer, HANDLE_TDT_BUFFER);
    }
    handle_release(buffer);
    *out = p;
    return code;
}

aclError parcel_open(const char *call, struct parcel *p, acltdtBuf *out) {
    void *made[TDT_MAX_CHAIN] = {0};
    size_t n = 0;
    void **chain = p->n > 1 ? mem_calloc(p->n - 1, sizeof *chain) : NULL;
    bool ok = p->n == 1 || chain;
    while (ok && n < p->n && (made[n] = buffer_create(&p->parts[n]))) n++;
    if (n < p->n) { /* the parcel keeps its memory */
        for (size_t i = 0; i < n; i++) {
            struct tdt_buffer *b = handle_acquire(made[i], HANDLE_TDT_BUFFER);
            b->part.memory = NULL;
            handle_release(made[i]);
            handle_retire(made[i], HANDLE_TDT_BUFFER);
        }
        mem_free(chain);
        return acl_fail(ACL_ERROR_BAD_ALLOC, call, "no memory for a buffer taken from a queue");
    }
    struct tdt_buffer *head = handle_acquire(made[0], HANDLE_TDT_BUFFER);
    for (size_t i = 1; i < n; i++) {
        struct tdt_buffer *link = handle_acquire(made[i], HANDLE_TDT_BUFFER);
        link->head = made[0];
        handle_release(made[i]);
        chain[i - 1] = made[i];
    }
    head->chain = chain;
    head->n_chain = head->cap_chain = n - 1;
    handle_release(made[0]);
    mem_free(p);
    *out = made[0];
    return ACL_SUCCESS;
}

/* ---- the calls ---- */

aclError acltdtAllocBuf(size_t size, uint32_t type, acltdtBuf *buf) {
    ACL_NEED_STARTED();
    ACL_NEED(buf);
    ACL_CHECK(size > 0, ACL_ERROR_INVALID_PARAM, "size is 0");
    ACL_CHECK(type == ACL_TDT_NORMAL_MEM || type == ACL_TDT_DVPP_MEM, ACL_ERROR_INVALID_PARAM,
              "type is %u; use ACL_TDT_NORMAL_MEM or ACL_TDT_DVPP_MEM", type);
    struct parcel *p;
    ACL_TRY(parcel_create(__func__, size, &p));
    aclError code = parcel_open(__func__, p, buf);
    if (code != ACL_SUCCESS) parcel_destroy(p);
    return code;
}

aclError acltdtFreeBuf(acltdtBuf buf) {
    struct tdt_buffer *b = get(__func__, buf, "buf");
    if (!b) return ACL_ERROR_INVALID_PARAM;
    bool chained = b->head != NULL;
    if (!chained) handle_retire(buf, HANDLE_TDT_BUFFER);
    put(buf);
    return chained ? fail_chained(__func__, "buf") : ACL_SUCCESS;
}

aclError acltdtGetBufData(const acltdtBuf buf, void **dataPtr, size_t *size) {
    ACL_NEED(dataPtr);
    ACL_NEED(size);
    struct tdt_buffer *b = get(__func__, buf, "buf");
    if (!b) return ACL_ERROR_INVALID_PARAM;
    *dataPtr = b->part.memory ? b->part.memory->data : NULL;
    *size = b->part.memory ? b->part.memory->bytes : 0;
    put(buf);
    return ACL_SUCCESS;
}

aclError acltdtSetBufDataLen(acltdtBuf buf, size_t len) {
    struct tdt_buffer *b = get(__func__, buf, "buf");
    if (!b) return ACL_ERROR_INVALID_PARAM;
    size_t most = b->part.memory ? b->part.memory->bytes : 0;
    if (len <= most) b->part.length = len;
    put(buf);
    ACL_CHECK(len <= most, ACL_ERROR_INVALID_PARAM, "len is %zu; the buffer has %zu bytes", len,
              most);
    return ACL_SUCCESS;
}

aclError acltdtGetBufDataLen(acltdtBuf buf, size_t *len) {
    ACL_NEED(len);
    struct tdt_buffer *b = get(__func__, buf, "buf");
    if (!b) return ACL_ERROR_INVALID_PARAM;
    *len = b->part.length;
    put(buf);
    return ACL_SUCCESS;
}

static aclError check_user(const char *call, size_t size, size_t offset) {
    if (offset <= TDT_USER_BYTES && size <= TDT_USER_BYTES - offset) return ACL_SUCCESS;
    return acl_fail(ACL_ERROR_INVALID_PARAM, call,
                    "size %zu at offset %zu is beyond the %d bytes of user data", size, offset,
                    TDT_USER_BYTES);
}

aclError acltdtSetBufUserData(acltdtBuf buf, const void *dataPtr, size_t size, size_t offset) {
    ACL_NEED(dataPtr);
    ACL_TRY(check_user(__func__, size, offset));
    struct tdt_buffer *b = get(__func__, buf, "buf");
    if (!b) return ACL_ERROR_INVALID_PARAM;
    memcpy(b->part.user + offset, dataPtr, size);
    put(buf);
    return ACL_SUCCESS;
}

aclError acltdtGetBufUserData(const acltdtBuf buf, void *dataPtr, size_t size, size_t offset) {
    ACL_NEED(dataPtr);
    ACL_TRY(check_user(__func__, size, offset));
    struct tdt_buffer *b = get(__func__, buf, "buf");
    if (!b) return ACL_ERROR_INVALID_PARAM;
    memcpy(dataPtr, b->part.user + offset, size);
    put(buf);
    return ACL_SUCCESS;
}

aclError acltdtCopyBufRef(const acltdtBuf buf, acltdtBuf *newBuf) {
    ACL_NEED(newBuf);
    struct tdt_buffer *b = get(__func__, buf, "buf");
    if (!b) return ACL_ERROR_INVALID_PARAM;
    struct parcel *p = b->part.memory ? parcel_of(1) : NULL;
    if (p) {
        p->parts[0] = b->part;
        atomic_fetch_add(&b->part.memory->n_users, 1);
    }
    put(buf);
    ACL_CHECK(p, ACL_ERROR_BAD_ALLOC, "no memory for a buffer");
    aclError code = parcel_open(__func__, p, newBuf);
    if (code != ACL_SUCCESS) parcel_destroy(p);
    return code;
}

/* With the lock held. */
static aclError append(const char *call, struct tdt_buffer *head, acltdtBuf head_handle,
                       struct tdt_buffer *b, acltdtBuf handle) {
    if (head == b)
        return acl_fail(ACL_ERROR_INVALID_PARAM, call, "buf is headBuf itself");
    if (head->head) return fail_chained(call, "headBuf");
    if (b->head) return fail_chained(call, "buf");
    if (b->n_chain)
        return acl_fail(ACL_ERROR_INVALID_PARAM, call, "buf has a chain of its own");
    if (head->n_chain + 1 >= TDT_MAX_CHAIN)
        return acl_fail(ACL_ERROR_INVALID_PARAM, call, "a chain has at most %d buffers",
                        TDT_MAX_CHAIN);
    if (head->n_chain == head->cap_chain) {
        size_t cap = head->cap_chain ? 2 * head->cap_chain : 4;
        void **wider = mem_realloc(head->chain, cap * sizeof *wider);
        if (!wider) return acl_fail(ACL_ERROR_BAD_ALLOC, call, "no memory for a chain");
        head->chain = wider;
        head->cap_chain = cap;
    }
    head->chain[head->n_chain++] = handle;
    b->head = head_handle;
    return ACL_SUCCESS;
}

aclError acltdtAppendBufChain(acltdtBuf headBuf, acltdtBuf buf) {
    aclError code = ACL_ERROR_INVALID_PARAM;
    struct tdt_buffer *head = get(__func__, headBuf, "headBuf");
    if (!head) return code;
    /* Under the lock: a buffer that another thread frees or queues meanwhile must not get into a
     * chain, where everybody takes the handles for valid ones. */
    struct tdt_buffer *b = handle_get(buf, HANDLE_TDT_BUFFER, __func__, "buf");
    if (b) {
        code = append(__func__, head, headBuf, b, buf);
        handle_release(buf);
    }
    put(headBuf);
    return code;
}

aclError acltdtGetBufChainNum(acltdtBuf headBuf, uint32_t *num) {
    ACL_NEED(num);
    struct tdt_buffer *head = get(__func__, headBuf, "headBuf");
    if (!head) return ACL_ERROR_INVALID_PARAM;
    *num = (uint32_t)head->n_chain + 1;
    put(headBuf);
    return ACL_SUCCESS;
}

aclError acltdtGetBufFromChain(acltdtBuf headBuf, uint32_t index, acltdtBuf *buf) {
    ACL_NEED(buf);
    struct tdt_buffer *head = get(__func__, headBuf, "headBuf");
    if (!head) return ACL_ERROR_INVALID_PARAM;
    size_t n = head->n_chain + 1;
    if (index < n) *buf = index ? head->chain[index - 1] : headBuf;
    put(headBuf);
    ACL_CHECK(index < n, ACL_ERROR_INVALID_PARAM, "index is %u; the chain has %zu buffers", index,
              n);
    return ACL_SUCCESS;
}
