/* SPDX-License-Identifier: Apache-2.0 */
/* fork(): what a child can and cannot do, while other threads of the parent are inside calls. */
#include "acl_check.h"

#include <sys/wait.h>

#include "acl/acl_tdt.h"

/* Runs `child` in a forked process; it must end by itself, within the alarm, and say 0. */
static void in_child(int (*child)(void)) {
    fflush(NULL);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        alarm(20); /* a call that hangs */
        _exit(child());
    }
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    if (WIFSIGNALED(status)) fail_msg("the child died of signal %d", WTERMSIG(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

/* What the parent made, for its children to try. */
static struct {
    uint32_t model;
    aclrtStream stream;
    aclrtEvent event;
    aclrtContext context;
    aclDataBuffer *buffer;
    aclmdlDataset *in, *out;
    void *block;
} made;

#define REFUSED(expression)                                                                        \
    if ((expression) != ACL_ERROR_UNINITIALIZE || !strstr(aclGetRecentErrMsg(), "forked"))         \
        return fprintf(stderr, "%s: %s\n", #expression, aclGetRecentErrMsg()), __LINE__ % 200 + 1
#define NOT_MADE(expression)                                                                       \
    if ((expression) || !strstr(aclGetRecentErrMsg(), "forked"))                                   \
        return fprintf(stderr, "%s: %s\n", #expression, aclGetRecentErrMsg()), __LINE__ % 200 + 1

static int call_everything(void) {
    void *p;
    uint32_t id;
    aclrtEventStatus status;
    REFUSED(aclInit(NULL));
    REFUSED(aclFinalize());
    REFUSED(aclrtSetDevice(0));
    REFUSED(aclrtResetDevice(0));
    REFUSED(aclrtSynchronizeDevice());
    REFUSED(aclrtCreateContext(&p, 0));
    REFUSED(aclrtSetCurrentContext(made.context));
    REFUSED(aclrtGetCurrentContext(&p));
    REFUSED(aclrtDestroyContext(made.context));
    REFUSED(aclrtCreateStream(&p));
    REFUSED(aclrtSynchronizeStream(made.stream));
    REFUSED(aclrtSynchronizeStream(NULL));
    REFUSED(aclrtDestroyStream(made.stream));
    REFUSED(aclrtDestroyStreamForce(made.stream));
    REFUSED(aclrtSubscribeReport(1, made.stream));
    REFUSED(aclrtProcessReport(-1));
    REFUSED(aclrtCreateEvent(&p));
    REFUSED(aclrtRecordEvent(made.event, made.stream));
    REFUSED(aclrtQueryEvent(made.event, &status));
    REFUSED(aclrtSynchronizeEvent(made.event));
    REFUSED(aclrtMalloc(&p, 64, ACL_MEM_MALLOC_HUGE_FIRST));
    REFUSED(aclrtMallocHost(&p, 64));
    REFUSED(aclrtFree(made.block));
    REFUSED(aclrtMemset(made.block, 64, 1, 64));
    REFUSED(aclrtMemcpyAsync(made.block, 64, &p, 8, ACL_MEMCPY_DEFAULT, made.stream));
    REFUSED(aclmdlLoadFromFile("any.om", &id));
    REFUSED(aclmdlExecute(made.model, made.in, made.out));
    REFUSED(aclmdlExecuteAsync(made.model, made.in, made.out, made.stream));
    REFUSED(aclmdlUnload(made.model));
    REFUSED(aclmdlAddDatasetBuffer(made.in, made.buffer));
    REFUSED(aclmdlDestroyDataset(made.in));
    REFUSED(aclUpdateDataBuffer(made.buffer, &p, 8));
    REFUSED(aclDestroyDataBuffer(made.buffer));
    NOT_MADE(aclCreateDataBuffer(&p, 8));
    NOT_MADE(aclGetDataBufferAddr(made.buffer));
    NOT_MADE(aclmdlCreateDataset());
    NOT_MADE(aclmdlCreateDesc());
    NOT_MADE(aclCreateTensorDesc(ACL_FLOAT, 0, NULL, ACL_FORMAT_ND));
    NOT_MADE(acltdtCreateDataset());
    NOT_MADE(acltdtCreateChannel(0, "name"));
    int32_t version;
    return aclrtGetVersion(&version, &version, &version) != ACL_SUCCESS; /* constants still work */
}

static atomic_bool quit;

/* Keeps every lock of the library busy. */
static void *busy(void *user) {
    (void)user;
    assert_acl(aclrtSetCurrentContext(made.context));
    while (!atomic_load(&quit)) {
        void *p;
        assert_acl(aclrtMalloc(&p, 64, ACL_MEM_MALLOC_HUGE_FIRST));
        assert_acl(aclrtFree(p));
        assert_acl(aclUpdateDataBuffer(made.buffer, &p, sizeof p));
        assert_acl(aclrtRecordEvent(made.event, made.stream));
        assert_acl(aclmdlExecuteAsync(made.model, made.in, made.out, made.stream));
        assert_acl(aclrtSynchronizeStream(made.stream));
    }
    return NULL;
}

static void child_of_a_started_process(void **state) {
    (void)state;
    float x[6] = {0}, y[6], z[6];
    assert_acl(aclInit(NULL));
    assert_acl(aclrtSetDevice(0));
    assert_acl(aclrtGetCurrentContext(&made.context));
    assert_acl(aclrtCreateStream(&made.stream));
    assert_acl(aclrtCreateEvent(&made.event));
    assert_acl(aclrtMalloc(&made.block, 64, ACL_MEM_MALLOC_HUGE_FIRST));
    made.model = load_text(small_net);
    made.buffer = aclCreateDataBuffer(x, sizeof x);
    made.in = dataset_of(1, (void *[]){x}, (size_t[]){sizeof x});
    made.out = dataset_of(2, (void *[]){y, z}, (size_t[]){sizeof y, sizeof z});
    pthread_t threads[2];
    for (int i = 0; i < 2; i++) assert_int_equal(pthread_create(&threads[i], NULL, busy, NULL), 0);
    for (int i = 0; i < 20; i++) in_child(call_everything);
    atomic_store(&quit, true);
    for (int i = 0; i < 2; i++) pthread_join(threads[i], NULL);
    assert_acl(aclmdlExecute(made.model, made.in, made.out)); /* the parent goes on */
    assert_acl(aclmdlUnload(made.model));
    dataset_end(made.in);
    dataset_end(made.out);
    assert_acl(aclDestroyDataBuffer(made.buffer));
    assert_acl(aclrtFree(made.block));
    assert_acl(aclrtDestroyEvent(made.event));
    assert_acl(aclrtDestroyStream(made.stream));
    assert_acl(aclrtResetDevice(0));
    assert_acl(aclFinalize());
}

/* A whole life of its own; in a child assertions cannot report, so it counts by hand. */
static int run_model(void) {
    if (aclInit(NULL) || aclrtSetDevice(0)) return 1;
    uint32_t model = load_text(small_net);
    float x[6] = {1, 2, 3, 4, 5, 6}, y[6], z[6];
    aclmdlDataset *in = dataset_of(1, (void *[]){x}, (size_t[]){sizeof x});
    aclmdlDataset *out = dataset_of(2, (void *[]){y, z}, (size_t[]){sizeof y, sizeof z});
    aclrtStream stream;
    if (aclrtCreateStream(&stream) || aclmdlExecuteAsync(model, in, out, stream)) return 2;
    if (aclrtSynchronizeStream(stream) || z[5] != 60) return 3;
    dataset_end(in);
    dataset_end(out);
    if (aclmdlUnload(model) || aclrtDestroyStream(stream)) return 4;
    return aclrtResetDevice(0) || aclFinalize() ? 5 : 0;
}

/* The parent has made plain objects only: they are the child's too. */
static int use_buffer_and_run(void) {
    return aclGetDataBufferSize(made.buffer) == 8 && aclDestroyDataBuffer(made.buffer) == 0
               ? run_model()
               : 6;
}

static void child_of_a_process_that_has_not_started(void **state) {
    (void)state;
    int x[2];
    made.buffer = aclCreateDataBuffer(x, 8);
    in_child(use_buffer_and_run);
    in_child(use_buffer_and_run);
    assert_acl(aclDestroyDataBuffer(made.buffer));
}

static void child_of_a_process_that_has_ended(void **state) {
    (void)state;
    assert_int_equal(run_model(), 0);
    in_child(run_model);
    assert_int_equal(run_model(), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(child_of_a_process_that_has_not_started),
        cmocka_unit_test(child_of_a_started_process),
        cmocka_unit_test(child_of_a_process_that_has_ended),
    };
    return cmocka_run_group_tests_name("fork", tests, NULL, NULL);
}
