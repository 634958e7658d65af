/* SPDX-License-Identifier: Apache-2.0 */
/* Streams, events and callbacks, alone and from several threads. */
#include "acl_check.h"

#include <time.h>

static void tasks_run_in_order(void **state) {
    (void)state;
    enum { BYTES = 1 << 20 };
    aclrtStream stream;
    void *a, *b;
    assert_acl(aclrtCreateStream(&stream));
    assert_acl(aclrtMallocHost(&a, BYTES));
    assert_acl(aclrtMalloc(&b, BYTES, ACL_MEM_MALLOC_HUGE_FIRST));
    for (int i = 1; i <= 50; i++) { /* large ones on the thread, short ones where they may */
        assert_acl(aclrtMemsetAsync(a, BYTES, i, BYTES, stream));
        assert_acl(aclrtMemcpyAsync(b, BYTES, a, BYTES, ACL_MEMCPY_HOST_TO_DEVICE, stream));
        assert_acl(aclrtMemsetAsync(a, BYTES, 0, 8, stream));
        assert_acl(aclrtMemcpy2dAsync(a, 16, b, 32, 8, 4, ACL_MEMCPY_DEVICE_TO_HOST, stream));
    }
    aclrtStreamStatus status;
    assert_acl(aclrtStreamQuery(stream, &status));
    assert_acl(aclrtSynchronizeStream(stream));
    assert_acl(aclrtStreamQuery(stream, &status));
    assert_int_equal(status, ACL_STREAM_STATUS_COMPLETE);
    assert_int_equal(((char *)b)[BYTES - 1], 50);
    assert_int_equal(((char *)a)[0], 50);
    assert_acl(aclrtMemsetAsync(a, BYTES, 9, BYTES, NULL)); /* the default stream */
    assert_acl(aclrtSynchronizeStream(NULL));
    assert_int_equal(((char *)a)[BYTES - 1], 9);
    assert_acl(aclrtFreeHost(a));
    assert_acl(aclrtFree(b));
    assert_acl(aclrtDestroyStream(stream));
}

static void streams_with_settings(void **state) {
    (void)state;
    aclrtStream stream;
    assert_acl(aclrtCreateStreamWithConfig(&stream, 3, ACL_STREAM_FAST_LAUNCH));
    assert_acl(aclrtDestroyStream(stream));
    assert_acl_fails(aclrtCreateStreamWithConfig(&stream, 8, 0), ACL_ERROR_INVALID_PARAM, "8");
    assert_acl_fails(aclrtCreateStreamWithConfig(&stream, 0, 64), ACL_ERROR_INVALID_PARAM, "0x40");
    aclrtStreamConfigHandle *config = aclrtCreateStreamConfigHandle();
    assert_non_null(config);
    uint32_t priority = 2;
    size_t flag = ACL_STREAM_FAST_SYNC;
    assert_acl(aclrtSetStreamConfigOpt(config, ACL_RT_STREAM_PRIORITY, &priority, 4));
    assert_acl(aclrtSetStreamConfigOpt(config, ACL_RT_STREAM_FLAG, &flag, sizeof flag));
    assert_acl_fails(aclrtSetStreamConfigOpt(config, ACL_RT_STREAM_FLAG, &flag, 4),
                     ACL_ERROR_INVALID_PARAM, "valueSize");
    assert_int_equal(config->priority, 2);
    assert_acl(aclrtCreateStreamV2(&stream, config));
    assert_acl(aclrtDestroyStream(stream));
    assert_acl(aclrtDestroyStreamConfigHandle(config));
    assert_acl_fails(aclrtCreateStreamV2(&stream, config), ACL_ERROR_INVALID_PARAM, "destroyed");
}

static void streams_misused(void **state) {
    (void)state;
    int x = 0;
    aclrtStream stream;
    aclrtEvent event;
    assert_acl(aclrtCreateStream(&stream));
    assert_acl(aclrtCreateEvent(&event));
    assert_acl_fails(aclrtCreateStream(NULL), ACL_ERROR_INVALID_PARAM, "stream");
    assert_acl_fails(aclrtDestroyStream(NULL), ACL_ERROR_INVALID_PARAM, "NULL");
    assert_acl_fails(aclrtDestroyStream(&x), ACL_ERROR_RT_INVALID_HANDLE, "no handle");
    assert_acl_fails(aclrtDestroyStream(event), ACL_ERROR_RT_INVALID_HANDLE, "is an aclrtEvent");
    assert_acl_fails(aclrtSynchronizeStream(event), ACL_ERROR_RT_INVALID_HANDLE, "aclrtEvent");
    assert_acl_fails(aclrtSynchronizeStreamWithTimeout(stream, -2), ACL_ERROR_INVALID_PARAM, "-2");
    assert_acl(aclrtDestroyStream(stream));
    assert_acl_fails(aclrtDestroyStream(stream), ACL_ERROR_RT_INVALID_HANDLE, "destroyed");
    assert_acl_fails(aclrtSynchronizeStream(stream), ACL_ERROR_RT_INVALID_HANDLE, "destroyed");
    assert_acl_fails(aclrtRecordEvent(event, stream), ACL_ERROR_RT_INVALID_HANDLE, "destroyed");
    assert_acl(aclrtDestroyEvent(event));
    assert_acl_fails(aclrtDestroyEvent(event), ACL_ERROR_RT_INVALID_HANDLE, "destroyed");
    assert_acl_fails(aclrtRecordEvent(NULL, NULL), ACL_ERROR_INVALID_PARAM, "NULL");
}

/* ---- events ---- */

static void events_order_streams(void **state) {
    (void)state;
    enum { BYTES = 4 << 20 };
    aclrtStream producer, consumer;
    aclrtEvent ready, unused;
    void *a, *b;
    aclrtEventStatus status;
    aclrtEventWaitStatus waits;
    assert_acl(aclrtCreateStream(&producer));
    assert_acl(aclrtCreateStream(&consumer));
    assert_acl(aclrtCreateEvent(&ready));
    assert_acl(aclrtCreateEvent(&unused));
    assert_acl(aclrtMallocHost(&a, BYTES));
    assert_acl(aclrtMallocHost(&b, BYTES));
    assert_acl(aclrtQueryEvent(unused, &status));
    assert_int_equal(status, ACL_EVENT_STATUS_NOT_READY);
    for (int i = 1; i <= 10; i++) {
        assert_acl(aclrtMemsetAsync(a, BYTES, i, BYTES, producer));
        assert_acl(aclrtRecordEvent(ready, producer));
        assert_acl(aclrtStreamWaitEvent(consumer, ready));
        assert_acl(aclrtMemcpyAsync(b, BYTES, a, BYTES, ACL_MEMCPY_HOST_TO_HOST, consumer));
        assert_acl(aclrtSynchronizeStream(consumer));
        assert_int_equal(((char *)b)[BYTES - 1], i);
        assert_acl(aclrtQueryEvent(ready, &status));
        assert_int_equal(status, ACL_EVENT_STATUS_COMPLETE);
        assert_acl(aclrtQueryEventWaitStatus(ready, &waits));
        assert_int_equal(waits, ACL_EVENT_WAIT_STATUS_COMPLETE);
    }
    /* After a reset a wait is for the next record. */
    assert_acl(aclrtResetEvent(ready, producer));
    assert_acl(aclrtStreamWaitEvent(consumer, ready));
    assert_acl_fails(aclrtSynchronizeStreamWithTimeout(consumer, 20),
                     ACL_ERROR_RT_STREAM_SYNC_TIMEOUT, "20 ms");
    assert_acl(aclrtQueryEventWaitStatus(ready, &waits));
    assert_int_equal(waits, ACL_EVENT_WAIT_STATUS_NOT_READY);
    assert_acl(aclrtRecordEvent(ready, producer));
    assert_acl(aclrtSynchronizeStream(consumer));
    /* An event may go while streams still use it. */
    assert_acl(aclrtStreamWaitEvent(consumer, unused));
    assert_acl(aclrtRecordEvent(unused, producer));
    assert_acl(aclrtDestroyEvent(unused));
    assert_acl(aclrtSynchronizeStream(consumer));
    assert_acl(aclrtDestroyEvent(ready));
    assert_acl(aclrtDestroyStream(producer));
    assert_acl(aclrtDestroyStream(consumer));
    assert_acl(aclrtFreeHost(a));
    assert_acl(aclrtFreeHost(b));
}

static void times_of_events(void **state) {
    (void)state;
    aclrtEvent first, second, silent;
    float ms = -1;
    assert_acl(aclrtCreateEvent(&first));
    assert_acl(aclrtCreateEventWithFlag(&second, ACL_EVENT_TIME_LINE));
    assert_acl(aclrtCreateEventWithFlag(&silent, ACL_EVENT_SYNC));
    assert_acl_fails(aclrtEventElapsedTime(&ms, first, second),
                     ACL_ERROR_RT_EVENT_TIMESTAMP_INVALID, "not recorded");
    assert_acl(aclrtRecordEvent(first, NULL));
    assert_acl(aclrtSynchronizeEvent(first));
    usleep(3000);
    assert_acl(aclrtRecordEvent(second, NULL));
    assert_acl(aclrtRecordEvent(silent, NULL));
    assert_acl(aclrtSynchronizeEventWithTimeout(second, 1000));
    assert_acl(aclrtEventElapsedTime(&ms, first, second));
    assert_true(ms >= 2.9f && ms < 5000);
    assert_acl_fails(aclrtEventElapsedTime(&ms, second, first),
                     ACL_ERROR_RT_EVENT_TIMESTAMP_REVERSAL, "before");
    assert_acl_fails(aclrtEventElapsedTime(&ms, first, silent),
                     ACL_ERROR_RT_EVENT_TIMESTAMP_INVALID, "no time");
    assert_acl_fails(aclrtCreateEventWithFlag(&silent, 0), ACL_ERROR_INVALID_PARAM, "flag");
    assert_acl(aclrtDestroyEvent(first));
    assert_acl(aclrtDestroyEvent(second));
    assert_acl(aclrtDestroyEvent(silent));
}

/* A wait that never ends gives way to its time limit, to force and to the end of everything. */
static void endless_waits_end(void **state) {
    (void)state;
    aclrtStream stream;
    aclrtEvent event, extended;
    assert_acl(aclrtCreateEvent(&event));
    assert_acl(aclrtCreateStream(&stream));
    assert_acl(aclrtCreateEventExWithFlag(&extended, ACL_EVENT_SYNC));
    assert_acl(aclrtStreamWaitEvent(stream, extended)); /* never recorded: complete */
    assert_acl(aclrtSynchronizeStream(stream));
    assert_acl(aclrtSetOpWaitTimeout(1));
    assert_acl(aclrtStreamWaitEvent(stream, event));
    assert_acl_fails(aclrtSynchronizeStream(stream), ACL_ERROR_RT_EVENT_SYNC_TIMEOUT, "1 s");
    assert_acl(aclrtSynchronizeStream(stream)); /* reported once */
    assert_acl(aclrtSetOpWaitTimeout(0));
    assert_acl(aclrtStreamWaitEvent(stream, event));
    assert_acl(aclrtRecordEvent(event, stream)); /* dropped with the queue */
    assert_acl(aclrtDestroyStreamForce(stream));
    assert_acl(aclrtCreateStream(&stream));
    assert_acl(aclrtResetEvent(event, stream));
    assert_acl(aclrtStreamWaitEvent(stream, event));
    /* left to aclFinalize */
}

/* ---- callbacks ---- */

struct reporter {
    pthread_t thread;
    atomic_bool quit;
    atomic_int n_timeouts;
};

static void *report_loop(void *argument) {
    struct reporter *r = argument;
    while (!atomic_load(&r->quit)) {
        aclError code = aclrtProcessReport(20);
        if (code == ACL_ERROR_RT_REPORT_TIMEOUT || code == ACL_ERROR_RT_THREAD_SUBSCRIBE)
            atomic_fetch_add(&r->n_timeouts, 1);
        else if (code != ACL_SUCCESS)
            return (void *)1;
    }
    return NULL;
}

struct call_record {
    atomic_int n_calls;
    int order[128];
    pthread_t in;
    atomic_bool slow_done;
};
static struct call_record calls;

static void note_call(void *user) {
    int i = atomic_load(&calls.n_calls);
    calls.order[i] = (int)(intptr_t)user;
    calls.in = pthread_self();
    atomic_store(&calls.n_calls, i + 1);
}

static void slow_call(void *user) {
    (void)user;
    usleep(30000);
    atomic_store(&calls.slow_done, true);
}

static void callbacks_run_in_their_thread(void **state) {
    (void)state;
    struct reporter r = {0};
    aclrtStream stream, other;
    memset(&calls, 0, sizeof calls);
    assert_acl(aclrtCreateStream(&stream));
    assert_acl(aclrtCreateStream(&other));
    assert_acl_fails(aclrtLaunchCallback(note_call, NULL, ACL_CALLBACK_BLOCK, stream),
                     ACL_ERROR_RT_STREAM_NO_CB_REG, "aclrtSubscribeReport");
    assert_int_equal(pthread_create(&r.thread, NULL, report_loop, &r), 0);
    uint64_t id = (uint64_t)r.thread;
    assert_acl(aclrtSubscribeReport(id, stream));
    assert_acl(aclrtSubscribeReport(id, other));
    assert_acl_fails(aclrtSubscribeReport(id, stream), ACL_ERROR_REPEAT_SUBSCRIBE, "already");
    assert_acl_fails(aclrtLaunchCallback(NULL, NULL, ACL_CALLBACK_BLOCK, stream),
                     ACL_ERROR_INVALID_PARAM, "fn");
    for (intptr_t i = 0; i < 100; i++)
        assert_acl(aclrtLaunchCallback(note_call, (void *)i, i % 3 ? ACL_CALLBACK_BLOCK
                                                                   : ACL_CALLBACK_NO_BLOCK,
                                       stream));
    assert_acl(aclrtLaunchCallback(note_call, (void *)100, ACL_CALLBACK_BLOCK, stream));
    assert_acl(aclrtSynchronizeStream(stream)); /* waits for the blocking ones */
    assert_int_equal(atomic_load(&calls.n_calls), 101);
    for (int i = 0; i <= 100; i++) assert_int_equal(calls.order[i], i);
    assert_true(pthread_equal(calls.in, r.thread));
    /* What follows a blocking callback waits for it. */
    aclrtEvent event;
    assert_acl(aclrtCreateEvent(&event));
    assert_acl(aclrtLaunchCallback(slow_call, NULL, ACL_CALLBACK_BLOCK, other));
    assert_acl(aclrtRecordEvent(event, other));
    assert_acl(aclrtSynchronizeEvent(event));
    assert_true(atomic_load(&calls.slow_done));
    assert_acl(aclrtDestroyEvent(event));
    assert_acl(aclrtUnSubscribeReport(id, stream));
    assert_acl_fails(aclrtUnSubscribeReport(id, stream), ACL_ERROR_RT_STREAM_SUBSCRIBE,
                     "not subscribed");
    assert_acl(aclrtUnSubscribeReport(id, other));
    usleep(50000);
    atomic_store(&r.quit, true);
    void *result;
    pthread_join(r.thread, &result);
    assert_null(result);
    assert_true(atomic_load(&r.n_timeouts) > 0);
    assert_acl(aclrtDestroyStream(stream));
    assert_acl(aclrtDestroyStream(other));
}

/* Nobody asks for these: unsubscribing, force and the end must not hang. */
static void callbacks_nobody_runs(void **state) {
    (void)state;
    aclrtStream stream;
    uint64_t nobody = (uint64_t)pthread_self();
    assert_acl_fails(aclrtProcessReport(1), ACL_ERROR_RT_THREAD_SUBSCRIBE, "aclrtSubscribeReport");
    assert_acl(aclrtCreateStream(&stream));
    assert_acl(aclrtSubscribeReport(nobody, stream));
    assert_acl_fails(aclrtProcessReport(1), ACL_ERROR_RT_REPORT_TIMEOUT, "1 ms");
    assert_acl(aclrtLaunchCallback(note_call, NULL, ACL_CALLBACK_NO_BLOCK, stream));
    assert_acl(aclrtLaunchCallback(note_call, NULL, ACL_CALLBACK_BLOCK, stream));
    assert_acl_fails(aclrtSynchronizeStreamWithTimeout(stream, 10),
                     ACL_ERROR_RT_STREAM_SYNC_TIMEOUT, "10 ms");
    assert_acl(aclrtUnSubscribeReport(nobody, stream));
    assert_acl(aclrtSynchronizeStream(stream));
    assert_acl(aclrtSubscribeReport(nobody, stream));
    assert_acl(aclrtLaunchCallback(note_call, NULL, ACL_CALLBACK_BLOCK, stream));
    assert_acl(aclrtDestroyStreamForce(stream));
    assert_acl(aclrtCreateStream(&stream));
    assert_acl(aclrtSubscribeReport(nobody, stream));
    memset(&calls, 0, sizeof calls);
    assert_acl(aclrtLaunchCallback(note_call, (void *)5, ACL_CALLBACK_NO_BLOCK, stream));
    assert_acl(aclrtProcessReport(1000)); /* this thread is the one subscribed */
    assert_int_equal(calls.order[0], 5);
    assert_acl(aclrtLaunchCallback(note_call, NULL, ACL_CALLBACK_BLOCK, stream));
    /* left to aclFinalize */
}

/* ---- waits that aclFinalize ends ---- */

static atomic_int n_waiting, sleeps;

static void sleep_long(void *user) {
    (void)user;
    atomic_store(&sleeps, 1);
    usleep(300000);
}

/* Thread 0 runs a callback that lasts longer than the waits, 1 has none to run, 2 waits for an
 * event behind that callback. */
static void *wait_without_limit(void *argument) {
    const intptr_t which = (intptr_t)argument;
    static aclrtStream streams[2];
    static aclrtEvent event;
    if (which < 2) {
        assert_acl(aclrtSetDevice(0));
        assert_acl(aclrtCreateStream(&streams[which]));
        assert_acl(aclrtSubscribeReport((uint64_t)pthread_self(), streams[which]));
    }
    if (which == 0) {
        assert_acl(aclrtCreateEvent(&event));
        assert_acl(aclrtLaunchCallback(sleep_long, NULL, ACL_CALLBACK_BLOCK, streams[0]));
        assert_acl(aclrtRecordEvent(event, streams[0]));
    }
    atomic_fetch_add(&n_waiting, 1);
    if (which == 0)
        assert_acl(aclrtProcessReport(-1));
    else if (which == 1)
        assert_acl_fails(aclrtProcessReport(-1), ACL_ERROR_RT_REPORT_TIMEOUT,
                         "aclFinalize came before a callback");
    else
        assert_acl_fails(aclrtSynchronizeEvent(event), ACL_ERROR_RT_EVENT_NOT_COMPLETE,
                         "aclFinalize came before the event");
    return NULL;
}

/* Who waits without a limit is told what ended the wait, which was no time-out. */
static void waits_that_the_end_ends(void **state) {
    (void)state;
    pthread_t threads[3];
    assert_acl(aclInit(NULL));
    for (int i = 0; i < 3; i++) {
        pthread_create(&threads[i], NULL, wait_without_limit, (void *)(intptr_t)i);
        while (atomic_load(&n_waiting) <= i || !atomic_load(&sleeps)) usleep(1000);
    }
    usleep(30000);
    assert_acl(aclFinalize());
    for (int i = 0; i < 3; i++) pthread_join(threads[i], NULL);
}

/* ---- several threads ---- */

static void *use_streams(void *argument) {
    aclrtContext context = argument;
    char block[4096], copy[4096];
    if (aclrtSetCurrentContext(context)) return (void *)1;
    for (int i = 0; i < 60; i++) {
        aclrtStream stream;
        aclrtEvent event;
        if (aclrtCreateStream(&stream) || aclrtCreateEvent(&event)) return (void *)2;
        for (int k = 0; k < 5; k++) {
            if (aclrtMemsetAsync(block, sizeof block, k, sizeof block, stream) ||
                aclrtMemcpyAsync(copy, sizeof copy, block, sizeof copy, ACL_MEMCPY_DEFAULT,
                                 stream) ||
                aclrtRecordEvent(event, stream) || aclrtStreamWaitEvent(NULL, event))
                return (void *)3;
        }
        if (aclrtSynchronizeStream(i % 2 ? stream : NULL)) return (void *)4;
        if (aclrtDestroyEvent(event) || aclrtDestroyStream(stream)) return (void *)5;
        if (copy[4095] != 4) return (void *)6;
    }
    return NULL;
}

static void threads_share_a_context(void **state) {
    (void)state;
    aclrtContext context;
    pthread_t threads[4];
    assert_acl(aclrtCreateContext(&context, 0));
    for (int i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, use_streams, context), 0);
    for (int i = 0; i < 4; i++) {
        void *result;
        pthread_join(threads[i], &result);
        assert_ptr_equal(result, NULL);
    }
    assert_acl(aclrtSynchronizeDevice());
    assert_acl(aclrtDestroyContext(context));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(tasks_run_in_order, start, end),
        cmocka_unit_test_setup_teardown(streams_with_settings, start, end),
        cmocka_unit_test_setup_teardown(streams_misused, start, end),
        cmocka_unit_test_setup_teardown(events_order_streams, start, end),
        cmocka_unit_test_setup_teardown(times_of_events, start, end),
        cmocka_unit_test_setup_teardown(endless_waits_end, start, end),
        cmocka_unit_test_setup_teardown(callbacks_run_in_their_thread, start, end),
        cmocka_unit_test_setup_teardown(callbacks_nobody_runs, start, end),
        cmocka_unit_test(waits_that_the_end_ends),
        cmocka_unit_test_setup_teardown(threads_share_a_context, start, end),
    };
    return cmocka_run_group_tests_name("streams", tests, NULL, NULL);
}
