/* SPDX-License-Identifier: Apache-2.0 */
/* Several models, streams, events and callbacks at once, from several threads: results stay right,
 * and under ThreadSanitizer no memory is touched without an order. What a thread finds wrong is the
 * number it returns; NULL is well. */
#include "acl_check.h"

#include <semaphore.h>

enum { N = 256, THREADS = 3, ROUNDS = 40 };
enum { BYTES = N * sizeof(float) };

/* y = x * 2, y = x + 3, y = x * 5 */
#define NET(op, with)                                                                              \
    "graph \"net\" {\n  input x f32[256]\n  const k f32[] = {" with "}\n"                           \
    "  y f32[256] = " op "(x, k)\n  output y\n}\n"
static const char *const nets[THREADS] = {NET("Mul", "2"), NET("Add", "3"), NET("Mul", "5")};

static float through(int net, float x) { return net == 0 ? x * 2 : net == 1 ? x + 3 : x * 5; }

static void run_all(int n, void *(*work)(void *), void *arguments, size_t bytes) {
    pthread_t threads[16];
    for (int i = 0; i < n; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, work, (char *)arguments + bytes * i), 0);
    for (int i = 0; i < n; i++) {
        void *result;
        pthread_join(threads[i], &result);
        if (result) fail_msg("thread %d: %d", i, (int)(intptr_t)result);
    }
}

/* ---- one thread answers callbacks ---- */

struct reporter {
    pthread_t thread;
    atomic_bool quit;
};

static void *report_loop(void *argument) {
    struct reporter *r = argument;
    while (!atomic_load(&r->quit)) {
        aclError code = aclrtProcessReport(10);
        if (code == ACL_ERROR_RT_THREAD_SUBSCRIBE) usleep(200); /* nobody has subscribed yet */
        else if (code != ACL_SUCCESS && code != ACL_ERROR_RT_REPORT_TIMEOUT) return (void *)1;
    }
    return NULL;
}

static void reporter_start(struct reporter *r) {
    atomic_init(&r->quit, false);
    assert_int_equal(pthread_create(&r->thread, NULL, report_loop, r), 0);
}

static void reporter_end(struct reporter *r) {
    void *result;
    atomic_store(&r->quit, true);
    pthread_join(r->thread, &result);
    assert_null(result);
}

/* ---- a ring of streams: each thread's model reads what the one before it has written ---- */

struct ring {
    aclrtContext context;
    uint64_t reporter;
    sem_t turn[THREADS];
    aclrtEvent done[THREADS];
    float *buffers[THREADS + 1]; /* of the device; model i goes from i to i + 1 */
    float x[ROUNDS][N], y[ROUNDS][N];
    int n_checked, n_wrong; /* the reporter's, until its thread has ended */
};

struct stage {
    struct ring *ring;
    int i;
};

struct check {
    struct ring *ring;
    int round;
};

static void check_round(void *user) {
    struct check *c = user;
    for (int k = 0; k < N; k++) {
        float v = c->ring->x[c->round][k];
        for (int i = 0; i < THREADS; i++) v = through(i, v);
        c->ring->n_wrong += c->ring->y[c->round][k] != v;
    }
    c->ring->n_checked++;
}

static void *run_stage(void *argument) {
    struct stage *s = argument;
    struct ring *r = s->ring;
    struct check checks[ROUNDS];
    aclrtStream stream;
    int before = (s->i + THREADS - 1) % THREADS, last = s->i == THREADS - 1;
    if (aclrtSetCurrentContext(r->context) || aclrtCreateStream(&stream)) return (void *)1;
    if (last && aclrtSubscribeReport(r->reporter, stream)) return (void *)2;
    uint32_t id = load_text(nets[s->i]);
    void *from = r->buffers[s->i], *to = r->buffers[s->i + 1];
    aclmdlDataset *in = dataset_of(1, &from, (size_t[]){BYTES});
    aclmdlDataset *out = dataset_of(1, &to, (size_t[]){BYTES});
    for (int n = 0; n < ROUNDS; n++) {
        sem_wait(&r->turn[s->i]); /* the one before has queued its part, not run it */
        if ((n || s->i) && aclrtStreamWaitEvent(stream, r->done[before])) return (void *)3;
        if (!s->i && aclrtMemcpyAsync(from, BYTES, r->x[n], BYTES, ACL_MEMCPY_HOST_TO_DEVICE,
                                      stream))
            return (void *)4;
        if (aclmdlExecuteAsync(id, in, out, stream)) return (void *)5;
        checks[n] = (struct check){r, n};
        if (last && (aclrtMemcpyAsync(r->y[n], BYTES, to, BYTES, ACL_MEMCPY_DEVICE_TO_HOST,
                                      stream) ||
                     aclrtLaunchCallback(check_round, &checks[n],
                                         n % 2 ? ACL_CALLBACK_BLOCK : ACL_CALLBACK_NO_BLOCK,
                                         stream)))
            return (void *)6;
        if (aclrtRecordEvent(r->done[s->i], stream)) return (void *)7;
        sem_post(&r->turn[(s->i + 1) % THREADS]);
    }
    if (aclrtSynchronizeStream(stream)) return (void *)8;
    if (last && aclrtUnSubscribeReport(r->reporter, stream)) return (void *)9;
    dataset_end(in);
    dataset_end(out);
    if (aclmdlUnload(id) || aclrtDestroyStream(stream)) return (void *)10;
    return NULL;
}

static void models_hand_over_between_threads(void **state) {
    (void)state;
    static struct ring r;
    struct reporter reporter;
    struct stage stages[THREADS];
    memset(&r, 0, sizeof r);
    assert_acl(aclrtGetCurrentContext(&r.context));
    reporter_start(&reporter);
    r.reporter = (uint64_t)reporter.thread;
    for (int n = 0; n < ROUNDS; n++)
        for (int k = 0; k < N; k++) r.x[n][k] = (float)(n * N + k) / 8;
    for (int i = 0; i < THREADS; i++) {
        stages[i] = (struct stage){&r, i};
        assert_int_equal(sem_init(&r.turn[i], 0, i == 0), 0);
        assert_acl(aclrtCreateEvent(&r.done[i]));
    }
    for (int i = 0; i <= THREADS; i++)
        assert_acl(aclrtMalloc((void **)&r.buffers[i], BYTES, ACL_MEM_MALLOC_HUGE_FIRST));
    run_all(THREADS, run_stage, stages, sizeof *stages);
    reporter_end(&reporter);
    assert_int_equal(r.n_checked, ROUNDS);
    assert_int_equal(r.n_wrong, 0);
    for (int i = 0; i < THREADS; i++) assert_acl(aclrtDestroyEvent(r.done[i]));
    for (int i = 0; i <= THREADS; i++) assert_acl(aclrtFree(r.buffers[i]));
}

/* ---- models come and go while others run ---- */

struct traffic {
    aclrtContext context;
    uint32_t shared[THREADS];
    atomic_uint passing; /* a model that is loaded and unloaded all the time; 0: not now */
    atomic_int n_left;   /* runners that still run */
};

struct driver {
    struct traffic *traffic;
    int i;
};

static bool right(int net, const float *x, const float *y) {
    for (int k = 0; k < N; k++)
        if (y[k] != through(net, x[k])) return false;
    return true;
}

static void *run_shared(void *argument) {
    struct driver *d = argument;
    struct traffic *t = d->traffic;
    float x[N], y[N];
    if (aclrtSetCurrentContext(t->context)) return (void *)1;
    aclmdlDataset *in = dataset_of(1, (void *[]){x}, (size_t[]){BYTES});
    aclmdlDataset *out = dataset_of(1, (void *[]){y}, (size_t[]){BYTES});
    for (int n = 0; n < 200; n++) {
        for (int k = 0; k < N; k++) x[k] = (float)(d->i * 1000 + n + k);
        if (aclmdlExecute(t->shared[(d->i + n) % THREADS], in, out)) return (void *)2;
        if (!right((d->i + n) % THREADS, x, y)) return (void *)3;
        /* This one may be gone; then the run fails, and nothing else does. */
        uint32_t id = atomic_load(&t->passing);
        if (id && !aclmdlExecute(id, in, out) && !right(0, x, y)) return (void *)4;
    }
    atomic_fetch_sub(&t->n_left, 1);
    dataset_end(in);
    dataset_end(out);
    return NULL;
}

static void *load_and_unload(void *argument) {
    struct driver *d = argument;
    struct traffic *t = d->traffic;
    aclmdlDesc *desc = aclmdlCreateDesc();
    if (aclrtSetCurrentContext(t->context)) return (void *)11;
    while (atomic_load(&t->n_left)) {
        size_t free_bytes, all;
        uint32_t id = load_text(nets[0]);
        if (aclmdlGetDesc(desc, id) || aclmdlGetInputSizeByIndex(desc, 0) != BYTES)
            return (void *)12;
        if (aclrtGetMemInfo(ACL_HBM_MEM, &free_bytes, &all)) return (void *)13;
        if (d->i % 2) atomic_store(&t->passing, id);
        usleep(100);
        if (aclmdlUnload(id)) return (void *)14;
        if (!aclmdlUnload(id)) return (void *)15; /* once only */
    }
    return aclmdlDestroyDesc(desc) ? (void *)16 : NULL;
}

static void *drive(void *argument) {
    return ((struct driver *)argument)->i < 3 ? run_shared(argument) : load_and_unload(argument);
}

static void models_come_and_go(void **state) {
    (void)state;
    struct traffic t = {0};
    struct driver drivers[5];
    atomic_init(&t.n_left, 3);
    atomic_init(&t.passing, 0);
    assert_acl(aclrtGetCurrentContext(&t.context));
    for (int i = 0; i < THREADS; i++) t.shared[i] = load_text(nets[i]);
    for (int i = 0; i < 5; i++) drivers[i] = (struct driver){&t, i};
    run_all(5, drive, drivers, sizeof *drivers);
    for (int i = 0; i < THREADS; i++) assert_acl(aclmdlUnload(t.shared[i]));
}

/* ---- streams subscribe and leave while callbacks run ---- */

struct caller {
    aclrtContext context;
    uint64_t reporter;
    int n_called; /* the reporter's while a stream is subscribed */
};

static void count_call(void *user) { ((struct caller *)user)->n_called++; }

static void *call_and_leave(void *argument) {
    struct caller *c = argument;
    if (aclrtSetCurrentContext(c->context)) return (void *)1;
    for (int n = 0; n < 30; n++) {
        aclrtStream stream;
        if (aclrtCreateStream(&stream) || aclrtSubscribeReport(c->reporter, stream))
            return (void *)2;
        for (int k = 0; k < 10; k++)
            if (aclrtLaunchCallback(count_call, c, ACL_CALLBACK_BLOCK, stream)) return (void *)3;
        if (aclrtSynchronizeStream(stream)) return (void *)4;
        if (c->n_called != 10 * (n + 1)) return (void *)5;
        if (aclrtUnSubscribeReport(c->reporter, stream) || aclrtDestroyStream(stream))
            return (void *)6;
    }
    return NULL;
}

static void streams_share_a_callback_thread(void **state) {
    (void)state;
    struct reporter reporter;
    struct caller callers[4] = {0};
    reporter_start(&reporter);
    for (int i = 0; i < 4; i++) {
        assert_acl(aclrtGetCurrentContext(&callers[i].context));
        callers[i].reporter = (uint64_t)reporter.thread;
    }
    run_all(4, call_and_leave, callers, sizeof *callers);
    reporter_end(&reporter);
}

/* ---- events recorded in one thread, asked and awaited in others ---- */

struct watched {
    aclrtContext context;
    aclrtEvent event;
    aclrtStream stream;
    atomic_bool recorded;
    char *block, *copy;
};

static void *watch_event(void *argument) {
    struct watched *w = argument;
    aclrtEventRecordedStatus status = ACL_EVENT_RECORDED_STATUS_NOT_READY;
    if (aclrtSetCurrentContext(w->context)) return (void *)1;
    while (!atomic_load(&w->recorded)) usleep(50);
    while (status != ACL_EVENT_RECORDED_STATUS_COMPLETE)
        if (aclrtQueryEventStatus(w->event, &status)) return (void *)2;
    return w->block[BYTES - 1] == 7 && w->copy[0] == 7 ? NULL : (void *)3;
}

static void *wait_for_event(void *argument) {
    struct watched *w = argument;
    if (aclrtSetCurrentContext(w->context)) return (void *)4;
    while (!atomic_load(&w->recorded)) usleep(50);
    if (aclrtSynchronizeEvent(w->event)) return (void *)5;
    return w->block[0] == 7 && w->copy[BYTES - 1] == 7 ? NULL : (void *)6;
}

static void events_are_seen_by_all_threads(void **state) {
    (void)state;
    for (int n = 0; n < 20; n++) {
        struct watched w = {0};
        pthread_t threads[4];
        assert_acl(aclrtGetCurrentContext(&w.context));
        assert_acl(aclrtCreateStream(&w.stream));
        assert_acl(aclrtCreateEvent(&w.event));
        assert_acl(aclrtMallocHost((void **)&w.block, BYTES));
        assert_acl(aclrtMallocHost((void **)&w.copy, BYTES));
        for (int i = 0; i < 4; i++)
            assert_int_equal(pthread_create(&threads[i], NULL,
                                            i % 2 ? watch_event : wait_for_event, &w), 0);
        assert_acl(aclrtMemsetAsync(w.block, BYTES, 7, BYTES, w.stream));
        assert_acl(aclrtMemcpyAsync(w.copy, BYTES, w.block, BYTES, ACL_MEMCPY_HOST_TO_HOST,
                                    w.stream));
        assert_acl(aclrtRecordEvent(w.event, w.stream));
        atomic_store(&w.recorded, true);
        for (int i = 0; i < 4; i++) {
            void *result;
            pthread_join(threads[i], &result);
            assert_int_equal((intptr_t)result, 0);
        }
        assert_acl(aclrtFreeHost(w.block));
        assert_acl(aclrtFreeHost(w.copy));
        assert_acl(aclrtDestroyEvent(w.event));
        assert_acl(aclrtDestroyStream(w.stream));
    }
}

/* ---- sentences ---- */

static void *fail_alone(void *argument) {
    unsigned i = *(unsigned *)argument;
    char mine[32];
    snprintf(mine, sizeof mine, "0x%x", 0x1000 + i);
    for (int n = 0; n < 300; n++) {
        if (!aclrtDestroyStream((aclrtStream)(uintptr_t)(0x1000 + i))) return (void *)1;
        if (!strstr(aclGetRecentErrMsg(), mine)) return (void *)2;
    }
    return NULL;
}

static void each_thread_has_its_own_sentence(void **state) {
    (void)state;
    unsigned numbers[4] = {1, 2, 3, 4};
    run_all(4, fail_alone, numbers, sizeof *numbers);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(models_hand_over_between_threads, start, end),
        cmocka_unit_test_setup_teardown(models_come_and_go, start, end),
        cmocka_unit_test_setup_teardown(streams_share_a_callback_thread, start, end),
        cmocka_unit_test_setup_teardown(events_are_seen_by_all_threads, start, end),
        cmocka_unit_test_setup_teardown(each_thread_has_its_own_sentence, start, end),
    };
    return cmocka_run_group_tests_name("concurrent", tests, NULL, NULL);
}
