/* SPDX-License-Identifier: Apache-2.0 */
/* Buffers, queues and routes of acl_tdt_queue.h: order, chains, shared memory, time-outs, misuse,
 * and what ends a wait. */
#include "acl_check.h"

#include "acl/acl_tdt_queue.h"
#include "acl/internal.h"

static int init(void **state) {
    (void)state;
    assert_acl(aclInit(NULL));
    return 0;
}

static int finalize(void **state) {
    (void)state;
    assert_acl(aclFinalize());
    return 0;
}

static uint32_t queue_of(const char *name, uint32_t depth) {
    uint32_t id = 0;
    acltdtQueueAttr *a = acltdtCreateQueueAttr();
    assert_acl(acltdtSetQueueAttr(a, ACL_TDT_QUEUE_NAME_PTR, sizeof name, &name));
    assert_acl(acltdtSetQueueAttr(a, ACL_TDT_QUEUE_DEPTH_UINT32, sizeof depth, &depth));
    assert_acl(acltdtCreateQueue(a, &id));
    assert_acl(acltdtDestroyQueueAttr(a));
    return id;
}

static acltdtBuf buffer_of(int number) {
    acltdtBuf b;
    void *data;
    size_t bytes;
    assert_acl(acltdtAllocBuf(sizeof number, ACL_TDT_NORMAL_MEM, &b));
    assert_acl(acltdtGetBufData(b, &data, &bytes));
    assert_int_equal(bytes, sizeof number);
    assert_int_equal((uintptr_t)data % 64, 0);
    memcpy(data, &number, sizeof number);
    return b;
}

static int *number_in(acltdtBuf b) {
    void *data;
    size_t bytes;
    assert_acl(acltdtGetBufData(b, &data, &bytes));
    assert_int_equal(bytes, sizeof(int));
    return data;
}

static int take_number(uint32_t queue) {
    int number = -1;
    size_t bytes = 0;
    assert_acl(acltdtDequeueData(queue, &number, sizeof number, &bytes, NULL, 0, 0));
    assert_int_equal(bytes, sizeof number);
    return number;
}

static void buffers(void **state) {
    (void)state;
    char text[96] = "seven";
    size_t length;
    acltdtBuf a = buffer_of(7), twin;
    assert_acl(acltdtCopyBufRef(a, &twin));
    *number_in(a) = 8;
    assert_int_equal(*number_in(twin), 8); /* the same memory */
    assert_acl(acltdtSetBufUserData(a, text, 6, 90));
    assert_acl(acltdtGetBufUserData(twin, text, 96, 0));
    assert_true(text[90] == 0); /* but user data of its own */
    assert_acl(acltdtGetBufUserData(a, text, 6, 90));
    assert_string_equal(text, "seven");
    assert_acl_fails(acltdtSetBufUserData(a, text, 7, 90), ACL_ERROR_INVALID_PARAM, "96 bytes");
    assert_acl_fails(acltdtGetBufUserData(a, text, SIZE_MAX, 1), ACL_ERROR_INVALID_PARAM, "96");
    assert_acl(acltdtGetBufDataLen(a, &length));
    assert_int_equal(length, sizeof(int));
    assert_acl(acltdtSetBufDataLen(a, 2));
    assert_acl_fails(acltdtSetBufDataLen(a, 5), ACL_ERROR_INVALID_PARAM, "has 4 bytes");
    assert_acl(acltdtFreeBuf(a));
    assert_int_equal(*number_in(twin), 8);
    assert_acl_fails(acltdtFreeBuf(a), ACL_ERROR_INVALID_PARAM, "buf");
    assert_acl(acltdtFreeBuf(twin));
    assert_acl_fails(acltdtAllocBuf(0, 0, &a), ACL_ERROR_INVALID_PARAM, "size is 0");
    assert_acl_fails(acltdtAllocBuf(1, 2, &a), ACL_ERROR_INVALID_PARAM, "type is 2");
    assert_acl_fails(acltdtAllocBuf(1, 0, NULL), ACL_ERROR_INVALID_PARAM, "NULL");
}

static void chains(void **state) {
    (void)state;
    uint32_t n, q = queue_of("chains", 2);
    acltdtBuf head = buffer_of(0), second = buffer_of(1), third = buffer_of(2), got;
    assert_acl(acltdtAppendBufChain(head, second));
    assert_acl(acltdtAppendBufChain(head, third));
    assert_acl_fails(acltdtAppendBufChain(head, head), ACL_ERROR_INVALID_PARAM, "itself");
    assert_acl_fails(acltdtAppendBufChain(head, second), ACL_ERROR_INVALID_PARAM, "chain");
    assert_acl_fails(acltdtAppendBufChain(second, head), ACL_ERROR_INVALID_PARAM, "chain");
    assert_acl_fails(acltdtFreeBuf(second), ACL_ERROR_INVALID_PARAM, "goes with");
    assert_acl_fails(acltdtEnqueue(q, second, 0), ACL_ERROR_INVALID_PARAM, "goes with");
    assert_acl(acltdtGetBufChainNum(head, &n));
    assert_int_equal(n, 3);
    assert_acl(acltdtEnqueue(q, head, 0));
    assert_acl_fails(acltdtGetBufChainNum(head, &n), ACL_ERROR_INVALID_PARAM, "headBuf");
    assert_acl_fails(acltdtFreeBuf(third), ACL_ERROR_INVALID_PARAM, "buf");
    assert_acl(acltdtDequeue(q, &head, 0));
    assert_acl(acltdtGetBufChainNum(head, &n));
    assert_int_equal(n, 3);
    for (uint32_t i = 0; i < n; i++) {
        assert_acl(acltdtGetBufFromChain(head, i, &got));
        assert_int_equal(*number_in(got), i);
    }
    assert_acl_fails(acltdtGetBufFromChain(head, 3, &got), ACL_ERROR_INVALID_PARAM, "3 buffers");
    assert_acl(acltdtEnqueue(q, head, 0));
    int all[3];
    size_t bytes;
    assert_acl_fails(acltdtDequeueData(q, all, 8, &bytes, NULL, 0, 0), ACL_ERROR_INVALID_PARAM,
                     "12 bytes and stays");
    assert_acl(acltdtDequeueData(q, all, sizeof all, &bytes, NULL, 0, 0));
    assert_true(bytes == 12 && all[0] == 0 && all[1] == 1 && all[2] == 2);
    assert_acl(acltdtDestroyQueue(q));
}

static void bounds_and_misuse(void **state) {
    (void)state;
    uint32_t q = queue_of("bounds", 2), depth = 1, permission;
    int number = 5;
    size_t bytes;
    char user[4] = "abc", back[4];
    acltdtBuf b;
    assert_acl_fails(acltdtDequeue(q, &b, 0), ACL_ERROR_RT_QUEUE_EMPTY, "bounds");
    assert_acl_fails(acltdtDequeue(q, &b, 20), ACL_ERROR_RT_QUEUE_EMPTY, "20 ms");
    assert_acl_fails(acltdtDequeue(q, &b, -2), ACL_ERROR_INVALID_PARAM, "timeout");
    assert_acl_fails(acltdtDequeue(q + 100, &b, 0), ACL_ERROR_INVALID_QUEUE_ID, "no queue");
    for (int i = 0; i < 2; i++)
        assert_acl(acltdtEnqueueData(q, &number, sizeof number, user, sizeof user, 0, 0));
    b = buffer_of(6);
    assert_acl_fails(acltdtEnqueue(q, b, 10), ACL_ERROR_RT_QUEUE_FULL, "2 buffers, its depth");
    assert_int_equal(*number_in(b), 6); /* still the program's */
    assert_acl(acltdtFreeBuf(b));
    assert_acl_fails(acltdtEnqueue(q, b, 0), ACL_ERROR_RT_QUEUE_FULL, "depth");
    assert_acl(acltdtDequeueData(q, &number, sizeof number, &bytes, back, sizeof back, 0));
    assert_memory_equal(user, back, sizeof user);
    assert_acl_fails(acltdtEnqueue(q, b, 0), ACL_ERROR_INVALID_PARAM, "buf");
    assert_acl(acltdtEnqueueData(q, &number, sizeof number, NULL, 0, 0, 0)); /* the place is free */
    assert_acl_fails(acltdtEnqueueData(q, &number, 4, NULL, 1, 0, 0), ACL_ERROR_INVALID_PARAM,
                     "userData");
    assert_acl_fails(acltdtEnqueueData(q, &number, 4, NULL, 0, 0, 9), ACL_ERROR_INVALID_PARAM,
                     "rsv");
    assert_acl(acltdtAttachQueue(q, 0, &permission));
    assert_int_equal(permission, 7);
    assert_acl(acltdtGrantQueue(q, getpid(), 4, 0));
    assert_acl_fails(acltdtGrantQueue(q, getpid(), 8, 0), ACL_ERROR_INVALID_PARAM, "permission");
    assert_acl_fails(acltdtGrantQueue(q, 1, 4, 0), ACL_ERROR_FEATURE_UNSUPPORTED, "one process");
    assert_acl(acltdtDestroyQueue(q));
    assert_acl_fails(acltdtDestroyQueue(q), ACL_ERROR_INVALID_QUEUE_ID, "no queue");

    acltdtQueueAttr *a = acltdtCreateQueueAttr();
    const char *name = NULL;
    assert_acl_fails(acltdtSetQueueAttr(a, ACL_TDT_QUEUE_DEPTH_UINT32, 4, &depth),
                     ACL_ERROR_INVALID_PARAM, "2 to 8192");
    assert_acl_fails(acltdtSetQueueAttr(a, ACL_TDT_QUEUE_NAME_PTR, 3, "abc"),
                     ACL_ERROR_INVALID_PARAM, "points to a char *");
    assert_acl_fails(acltdtSetQueueAttr(a, ACL_TDT_QUEUE_NAME_PTR, 8, &name),
                     ACL_ERROR_INVALID_PARAM, "name is NULL");
    assert_acl(acltdtGetQueueAttr(a, ACL_TDT_QUEUE_DEPTH_UINT32, 4, &bytes, &depth));
    assert_true(depth == 8 && bytes == 4);
    assert_acl(acltdtGetQueueAttr(a, ACL_TDT_QUEUE_NAME_PTR, 8, &bytes, &name));
    assert_string_equal(name, "");
    assert_acl(acltdtDestroyQueueAttr(a));
}

enum { MANY = 2000 };

static void *send_many(void *queue) {
    for (int i = 0; i < MANY; i++)
        assert_acl(acltdtEnqueueData(*(uint32_t *)queue, &i, sizeof i, NULL, 0, -1, 0));
    return NULL;
}

static void bind(uint32_t from, uint32_t to, bool on, aclError expected) {
    acltdtQueueRouteList *l = acltdtCreateQueueRouteList();
    acltdtQueueRoute *r = acltdtCreateQueueRoute(from, to);
    assert_acl(acltdtAddQueueRoute(l, r));
    assert_int_equal(on ? acltdtBindQueueRoutes(l) : acltdtUnbindQueueRoutes(l), expected);
    int32_t status = -1;
    size_t bytes;
    assert_acl(acltdtGetQueueRoute(l, 0, r));
    assert_acl(acltdtGetQueueRouteParam(r, ACL_TDT_QUEUE_ROUTE_STATUS_INT32, 4, &bytes, &status));
    assert_int_equal(status, on && !expected);
    assert_acl(acltdtDestroyQueueRoute(r));
    assert_acl(acltdtDestroyQueueRouteList(l));
}

static size_t count_routes(acltdtQueueRouteQueryMode mode, uint32_t from, uint32_t to) {
    acltdtQueueRouteQueryInfo *i = acltdtCreateQueueRouteQueryInfo();
    acltdtQueueRouteList *l = acltdtCreateQueueRouteList();
    assert_acl_fails(acltdtQueryQueueRoutes(i, l), ACL_ERROR_INVALID_PARAM, "lacks");
    assert_acl(acltdtSetQueueRouteQueryInfo(i, ACL_TDT_QUEUE_ROUTE_QUERY_MODE_ENUM, 4, &mode));
    assert_acl(acltdtSetQueueRouteQueryInfo(i, ACL_TDT_QUEUE_ROUTE_QUERY_SRC_ID_UINT32, 4, &from));
    assert_acl(acltdtSetQueueRouteQueryInfo(i, ACL_TDT_QUEUE_ROUTE_QUERY_DST_ID_UINT32, 4, &to));
    assert_acl(acltdtQueryQueueRoutes(i, l));
    size_t n = acltdtGetQueueRouteNum(l);
    assert_acl(acltdtDestroyQueueRouteList(l));
    assert_acl(acltdtDestroyQueueRouteQueryInfo(i));
    return n;
}

/* first -> second -> {left, right}, through queues of little room, across threads. */
static void routes(void **state) {
    (void)state;
    uint32_t first = queue_of("first", 3), second = queue_of("second", 2);
    uint32_t left = queue_of("left", 2), right = queue_of("right", 4);
    bind(first, second, true, ACL_SUCCESS);
    bind(second, left, true, ACL_SUCCESS);
    bind(second, right, true, ACL_SUCCESS);
    bind(second, right, true, ACL_ERROR_INVALID_PARAM);
    bind(right, first, true, ACL_ERROR_INVALID_PARAM); /* a circle */
    bind(left, left, true, ACL_ERROR_INVALID_PARAM);
    bind(left, 12345, true, ACL_ERROR_INVALID_QUEUE_ID);
    assert_int_equal(count_routes(ACL_TDT_QUEUE_ROUTE_QUERY_SRC, second, 0), 2);
    assert_int_equal(count_routes(ACL_TDT_QUEUE_ROUTE_QUERY_DST, 0, second), 1);
    assert_int_equal(count_routes(ACL_TDT_QUEUE_ROUTE_QUERY_SRC_AND_DST, second, right), 1);
    assert_int_equal(count_routes(ACL_TDT_QUEUE_ROUTE_QUERY_ABNORMAL, second, right), 0);
    assert_acl_fails(acltdtDestroyQueue(left), ACL_ERROR_INVALID_PARAM, "Unbind");
    pthread_t sender;
    pthread_create(&sender, NULL, send_many, &first);
    for (int i = 0; i < MANY; i++) {
        acltdtBuf a, b;
        assert_acl(acltdtDequeue(left, &a, -1));
        assert_acl(acltdtDequeue(right, &b, -1));
        assert_true(*number_in(a) == i && number_in(a) == number_in(b));
        assert_acl(acltdtFreeBuf(a));
        assert_acl(acltdtFreeBuf(b));
    }
    pthread_join(sender, NULL);
    bind(second, left, false, ACL_SUCCESS);
    bind(second, left, false, ACL_ERROR_INVALID_PARAM);
    int number = 77;
    assert_acl(acltdtEnqueueData(first, &number, sizeof number, NULL, 0, 0, 0));
    assert_int_equal(take_number(right), 77);
    acltdtBuf b;
    assert_acl_fails(acltdtDequeue(left, &b, 0), ACL_ERROR_RT_QUEUE_EMPTY, "nothing");
    bind(first, second, false, ACL_SUCCESS);
    bind(second, right, false, ACL_SUCCESS);
    for (uint32_t *q = (uint32_t[]){first, second, left, right, 0}; *q; q++)
        assert_acl(acltdtDestroyQueue(*q));
}

/* Rows of queues that part and join: 2^N ways lead through them, which a look for a circle must not
 * walk one by one. */
static void routes_that_part_and_join(void **state) {
    (void)state;
    enum { N = 40 };
    uint32_t before = queue_of("before", 2), all[3 * N + 1];
    for (int i = 0; i <= 3 * N; i++) all[i] = queue_of("diamonds", 2);
    for (int i = 0; i < 3 * N; i += 3)
        for (int side = 1; side <= 2; side++) {
            bind(all[i], all[i + side], true, ACL_SUCCESS);
            bind(all[i + side], all[i + 3], true, ACL_SUCCESS);
        }
    bind(before, all[0], true, ACL_SUCCESS);
    bind(all[3 * N], before, true, ACL_ERROR_INVALID_PARAM); /* a circle */
    assert_int_equal(count_routes(ACL_TDT_QUEUE_ROUTE_QUERY_DST, 0, all[3 * N]), 2);
    finalize(state);
    init(state);
}

struct waiter {
    uint32_t queue;
    atomic_int code;
};

static void *wait_for_ever(void *user) {
    struct waiter *w = user;
    acltdtBuf b;
    atomic_store(&w->code, acltdtDequeue(w->queue, &b, -1));
    return NULL;
}

static void what_ends_a_wait(void **state) {
    for (int finalize_too = 0; finalize_too < 2; finalize_too++) {
        struct waiter w = {.queue = queue_of("waits", 2)};
        pthread_t thread;
        pthread_create(&thread, NULL, wait_for_ever, &w);
        usleep(20000);
        assert_int_equal(atomic_load(&w.code), 0);
        if (finalize_too) finalize(state);
        else assert_acl(acltdtDestroyQueue(w.queue));
        pthread_join(thread, NULL);
        assert_int_equal(atomic_load(&w.code), ACL_ERROR_FAILURE);
        if (finalize_too) init(state);
    }
    /* What a program leaves is freed: queues with buffers in them, bound, and chains. */
    uint32_t a = queue_of("left a", 2), b = queue_of("left b", 2);
    bind(a, b, true, ACL_SUCCESS);
    assert_acl(acltdtEnqueue(a, buffer_of(1), 0));
    acltdtBuf head = buffer_of(2);
    assert_acl(acltdtAppendBufChain(head, buffer_of(3)));
    finalize(state);
    acltdtBuf buffer;
    assert_acl_fails(acltdtDequeue(b, &buffer, 0), ACL_ERROR_UNINITIALIZE, "aclInit");
    init(state);
    assert_acl_fails(acltdtDequeue(b, &buffer, 0), ACL_ERROR_INVALID_QUEUE_ID, "no queue");
}

static void *take_too_little(void *user) {
    char byte;
    size_t bytes;
    acltdtDequeueData(*(uint32_t *)user, &byte, 1, &bytes, NULL, 0, 1000);
    return NULL;
}

static void *take_buffer(void *user) {
    acltdtBuf b;
    aclError code = acltdtDequeue(*(uint32_t *)user, &b, 1000);
    if (code == ACL_SUCCESS) acltdtFreeBuf(b);
    return (void *)(intptr_t)code;
}

/* What a call found too large for its memory and put back is there for another that waits. */
static void what_is_put_back_wakes_others(void **state) {
    (void)state;
    enum { N = 8 };
    uint32_t q = queue_of("put back", 2);
    for (int round = 0; round < 3; round++) {
        pthread_t small[N], large;
        for (int i = 0; i < N; i++) pthread_create(&small[i], NULL, take_too_little, &q);
        pthread_create(&large, NULL, take_buffer, &q);
        usleep(50000); /* most of them wait by now */
        assert_acl(acltdtEnqueue(q, buffer_of(round), 0));
        void *code;
        pthread_join(large, &code);
        assert_int_equal((intptr_t)code, ACL_SUCCESS);
        for (int i = 0; i < N; i++) pthread_join(small[i], NULL);
    }
    assert_acl(acltdtDestroyQueue(q));
}

struct append {
    acltdtBuf head, buffer;
    aclError code;
};

static void *append(void *user) {
    struct append *a = user;
    a->code = acltdtAppendBufChain(a->head, a->buffer);
    return NULL;
}

/* A buffer that one thread frees while another appends it is gone, and in no chain. The lock is
 * held here as acltdtFreeBuf holds it, so that both calls are under way at once. */
static void freed_while_appended(void **state) {
    (void)state;
    uint32_t q = queue_of("chains", 2), n;
    struct append a = {.head = buffer_of(1), .buffer = buffer_of(2)};
    pthread_t thread;
    pthread_mutex_lock(&runtime.tdt.lock);
    pthread_create(&thread, NULL, append, &a);
    usleep(50000);
    assert_true(handle_retire(a.buffer, HANDLE_TDT_BUFFER));
    pthread_mutex_unlock(&runtime.tdt.lock);
    pthread_join(thread, NULL);
    assert_int_equal(a.code, ACL_ERROR_INVALID_PARAM);
    assert_acl(acltdtGetBufChainNum(a.head, &n));
    assert_int_equal(n, 1);
    assert_acl(acltdtEnqueue(q, a.head, 0));
    assert_acl(acltdtDestroyQueue(q));
}

struct enqueue {
    uint32_t queue;
    acltdtBuf buffer;
    aclError code;
};

static void *enqueue(void *user) {
    struct enqueue *e = user;
    e->code = acltdtEnqueue(e->queue, e->buffer, -1);
    return NULL;
}

static void *destroy_queue(void *user) {
    return (void *)(intptr_t)acltdtDestroyQueue(((struct enqueue *)user)->queue);
}

/* A buffer is either in the queue or the program's still, whenever the queue is destroyed. Ending
 * the buffer's handle takes the lock held here, so that both calls are under way at once. */
static void destroyed_while_enqueued(void **state) {
    (void)state;
    struct enqueue e = {.queue = queue_of("short", 2), .buffer = buffer_of(1)};
    pthread_t sender, destroyer;
    pthread_mutex_lock(&runtime.handles.lock);
    pthread_create(&sender, NULL, enqueue, &e);
    usleep(50000);
    pthread_create(&destroyer, NULL, destroy_queue, &e);
    usleep(50000);
    pthread_mutex_unlock(&runtime.handles.lock);
    void *code;
    pthread_join(sender, NULL);
    pthread_join(destroyer, &code);
    assert_int_equal((intptr_t)code, ACL_SUCCESS);
    if (e.code == ACL_SUCCESS) return;
    assert_int_equal(*number_in(e.buffer), 1);
    assert_acl(acltdtFreeBuf(e.buffer));
}

/* small_net between queues: y = Relu(x + {1, -2, 3}), z = 10 x. */
static void model_between_queues(void **state) {
    (void)state;
    assert_acl(aclrtSetDevice(0));
    size_t bytes;
    void *om = om_of(small_net, &bytes);
    const uint32_t in = queue_of("x", 2), out[] = {queue_of("y", 2), queue_of("z", 2)};
    const uint32_t none[] = {out[0], 4321};
    uint32_t id;
    assert_acl_fails(aclmdlLoadFromMemWithQ(om, bytes, &id, &in, 1, out, 1),
                     ACL_ERROR_INVALID_PARAM, "1 inputs and 2 outputs");
    assert_acl_fails(aclmdlLoadFromMemWithQ(om, bytes, &id, &in, 1, none, 2),
                     ACL_ERROR_GE_EXEC_MODEL_QUEUE_ID_INVALID, "no queue 4321");
    assert_acl_fails(aclmdlLoadFromMemWithQ(om, bytes, &id, NULL, 0, out, 2),
                     ACL_ERROR_INVALID_PARAM, "input");
    for (int by_config = 0; by_config < 2; by_config++) {
        if (by_config) {
            aclmdlConfigHandle *c = aclmdlCreateConfigHandle();
            size_t type = ACL_MDL_LOAD_FROM_MEM_WITH_Q, one = 1, two = 2;
            const uint32_t *in_ids = &in, *out_ids = out;
            assert_acl(aclmdlSetConfigOpt(c, ACL_MDL_LOAD_TYPE_SIZET, &type, sizeof type));
            assert_acl(aclmdlSetConfigOpt(c, ACL_MDL_MEM_ADDR_PTR, &om, sizeof om));
            assert_acl(aclmdlSetConfigOpt(c, ACL_MDL_MEM_SIZET, &bytes, sizeof bytes));
            assert_acl(aclmdlSetConfigOpt(c, ACL_MDL_INPUTQ_NUM_SIZET, &one, sizeof one));
            assert_acl(aclmdlSetConfigOpt(c, ACL_MDL_INPUTQ_ADDR_PTR, &in_ids, sizeof in_ids));
            assert_acl(aclmdlSetConfigOpt(c, ACL_MDL_OUTPUTQ_NUM_SIZET, &two, sizeof two));
            assert_acl(aclmdlSetConfigOpt(c, ACL_MDL_OUTPUTQ_ADDR_PTR, &out_ids, sizeof out_ids));
            assert_acl(aclmdlLoadWithConfig(c, &id));
            assert_acl(aclmdlDestroyConfigHandle(c));
        } else {
            assert_acl(aclmdlLoadFromMemWithQ(om, bytes, &id, &in, 1, out, 2));
        }
        for (int i = 0; i < 50; i++) {
            float x[6], y[6], z[6];
            size_t got;
            int mark = 0;
            for (int k = 0; k < 6; k++) x[k] = (float)(i - k);
            if (i == 7) { /* not one buffer: dropped, and the service goes on */
                acltdtBuf head = buffer_of(1);
                assert_acl(acltdtAppendBufChain(head, buffer_of(2)));
                assert_acl(acltdtEnqueue(in, head, -1));
            }
            assert_acl(acltdtEnqueueData(in, x, sizeof x, &i, sizeof i, -1, 0));
            assert_acl(acltdtDequeueData(out[0], y, sizeof y, &got, &mark, sizeof mark, 5000));
            assert_true(got == sizeof y && mark == i);
            assert_acl(acltdtDequeueData(out[1], z, sizeof z, &got, NULL, 0, 5000));
            for (int k = 0; k < 6; k++) {
                float sum = x[k] + (float[]){1, -2, 3}[k % 3];
                assert_true(y[k] == (sum > 0 ? sum : 0) && z[k] == 10 * x[k]);
            }
        }
        assert_acl(aclmdlUnload(id));
    }
    mem_free(om);
    for (int i = 0; i < 2; i++) assert_acl(acltdtDestroyQueue(out[i]));
    assert_acl(acltdtDestroyQueue(in));
    assert_acl(aclrtResetDevice(0));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(buffers), cmocka_unit_test(chains),
        cmocka_unit_test(bounds_and_misuse), cmocka_unit_test(routes),
        cmocka_unit_test(routes_that_part_and_join),
        cmocka_unit_test(what_ends_a_wait), cmocka_unit_test(model_between_queues),
        cmocka_unit_test(what_is_put_back_wakes_others), cmocka_unit_test(freed_while_appended),
        cmocka_unit_test(destroyed_while_enqueued),
    };
    return cmocka_run_group_tests(tests, init, finalize);
}
