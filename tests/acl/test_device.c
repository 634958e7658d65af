/* SPDX-License-Identifier: Apache-2.0 */
/* Virtual memory, and what programs ask of a device as hardware. */
#include "acl_check.h"

#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>

#include "acl/acl_rt_allocator.h"

enum { PAGE = 64 << 10 };

static const aclrtPhysicalMemProp prop = {.memAttr = ACL_HBM_MEM_NORMAL,
                                          .location.type = ACL_MEM_LOCATION_TYPE_DEVICE};

/* ---- virtual memory ---- */

static void memory_mapped_twice(void **state) {
    (void)state;
    void *range;
    aclrtDrvMemHandle a, b;
    assert_acl(aclrtReserveMemAddress(&range, 8 * PAGE, 0, NULL, 0));
    assert_acl(aclrtMallocPhysical(&a, 2 * PAGE, &prop, 0));
    assert_acl(aclrtMallocPhysical(&b, PAGE, &prop, 0));
    char *at = range;
    assert_acl(aclrtMapMem(at, 2 * PAGE, 0, a, 0));
    assert_acl(aclrtMapMem(at + 2 * PAGE, PAGE, 0, b, 0)); /* one row of addresses */
    assert_acl(aclrtMapMem(at + 4 * PAGE, PAGE, PAGE, a, 0));
    assert_int_equal(at[PAGE], 0);
    assert_acl(aclrtMemset(at, 3 * PAGE, 7, 3 * PAGE));
    assert_int_equal(at[4 * PAGE + 5], 7); /* the second page of a, again */
    at[4 * PAGE] = 9;
    assert_int_equal(at[PAGE], 9);
    assert_acl(aclrtFreePhysical(a)); /* its mappings live on */
    assert_int_equal(at[0], 7);
    assert_acl(aclrtUnmapMem(at));
    assert_acl(aclrtMapMem(at, PAGE, 0, b, 0));
    assert_int_equal(at[1], 7);
    assert_acl_fails(aclrtReleaseMemAddress(range), ACL_ERROR_INVALID_PARAM, "aclrtUnmapMem");
    assert_acl(aclrtUnmapMem(at));
    assert_acl(aclrtUnmapMem(at + 2 * PAGE));
    assert_acl(aclrtUnmapMem(at + 4 * PAGE));
    assert_acl(aclrtReleaseMemAddress(range));
    assert_acl(aclrtFreePhysical(b));
    assert_acl_fails(aclrtFreePhysical(b), ACL_ERROR_INVALID_PARAM, "destroyed already");
}

static void virtual_memory_misused(void **state) {
    (void)state;
    void *range;
    size_t size;
    aclrtDrvMemHandle a;
    aclrtPhysicalMemProp wrong = prop;
    assert_acl(
        aclrtMemGetAllocationGranularity(&wrong, ACL_RT_MEM_ALLOC_GRANULARITY_MINIMUM, &size));
    assert_int_equal(size, PAGE);
    assert_acl(
        aclrtMemGetAllocationGranularity(&wrong, ACL_RT_MEM_ALLOC_GRANULARITY_RECOMMENDED, &size));
    assert_int_equal(size, 2 << 20);
    assert_acl_fails(aclrtMallocPhysical(&a, PAGE + 1, &prop, 0), ACL_ERROR_INVALID_PARAM, "65536");
    assert_acl_fails(aclrtMallocPhysical(&a, 0, &prop, 0), ACL_ERROR_INVALID_PARAM, "size is 0");
    assert_acl_fails(aclrtMallocPhysical(&a, (size_t)1 << 60, &prop, 0),
                     ACL_ERROR_RT_MEMORY_ALLOCATION, "machine has");
    assert_acl_fails(aclrtMallocPhysical(&a, PAGE, &prop, 1), ACL_ERROR_INVALID_PARAM, "flags");
    assert_acl_fails(aclrtMallocPhysical(&a, PAGE, NULL, 0), ACL_ERROR_INVALID_PARAM, "prop");
    wrong.location.id = 99;
    assert_acl_fails(aclrtMallocPhysical(&a, PAGE, &wrong, 0), ACL_ERROR_RT_INVALID_DEVICEID, "99");
    wrong = prop;
    wrong.reserve = 5;
    assert_acl_fails(aclrtMallocPhysical(&a, PAGE, &wrong, 0), ACL_ERROR_INVALID_PARAM,
                     "reserve 5");
    assert_acl(aclrtMallocPhysical(&a, PAGE, &prop, 0));
    assert_acl(aclrtReserveMemAddress(&range, 2 * PAGE, 0, NULL, 1));
    char *at = range;
    assert_acl_fails(aclrtMapMem(at, 2 * PAGE, 0, a, 0), ACL_ERROR_INVALID_PARAM,
                     "has 65536 bytes");
    assert_acl_fails(aclrtMapMem(at, PAGE, PAGE, a, 0), ACL_ERROR_INVALID_PARAM, "offset 65536");
    assert_acl_fails(aclrtMapMem(at + PAGE, 2 * PAGE, 0, a, 0), ACL_ERROR_INVALID_PARAM,
                     "reserved");
    assert_acl_fails(aclrtMapMem(at + 1, PAGE, 0, a, 0), ACL_ERROR_INVALID_PARAM, "multiple");
    assert_acl_fails(aclrtMapMem(at, PAGE, 0, &size, 0), ACL_ERROR_INVALID_PARAM, "no handle");
    assert_acl(aclrtMapMem(at, PAGE, 0, a, 0));
    assert_acl_fails(aclrtMapMem(at, PAGE, 0, a, 0), ACL_ERROR_INVALID_PARAM, "already");
    assert_acl_fails(aclrtUnmapMem(at + 8), ACL_ERROR_INVALID_PARAM, "no memory is mapped");
    assert_acl_fails(aclrtReleaseMemAddress(at + PAGE), ACL_ERROR_INVALID_PARAM, "no reserved");
    assert_acl_fails(aclrtReserveMemAddress(&range, PAGE, 4096, NULL, 0), ACL_ERROR_INVALID_PARAM,
                     "alignment");
    /* What is left here, aclFinalize takes back. */
}

static void memory_shared_between_processes(void **state) {
    (void)state;
    int to_child[2], to_parent[2];
    uint64_t shareable = 0;
    char sign;
    assert_acl(aclrtResetDevice(0));
    assert_acl(aclFinalize()); /* so that the child may start its own */
    assert_true(!pipe(to_child) && !pipe(to_parent));
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) {
        alarm(20);
        void *at;
        aclrtDrvMemHandle memory;
        if (aclInit(NULL) || aclrtSetDevice(0)) _exit(1);
        if (read(to_child[0], &shareable, sizeof shareable) != sizeof shareable) _exit(2);
        if (aclrtMemImportFromShareableHandle(shareable, 0, &memory) != ACL_ERROR_INVALID_PARAM)
            _exit(3);
        if (!strstr(aclGetRecentErrMsg(), "aclrtMemSetPidToShareableHandle")) _exit(4);
        if (write(to_parent[1], "r", 1) != 1 || read(to_child[0], &sign, 1) != 1) _exit(5);
        if (aclrtMemImportFromShareableHandle(shareable, 0, &memory)) _exit(6);
        if (aclrtReserveMemAddress(&at, PAGE, 0, NULL, 0) || aclrtMapMem(at, PAGE, 0, memory, 0))
            _exit(7);
        if (strcmp(at, "from the parent")) _exit(8);
        strcpy(at, "from the child");
        _exit(aclrtUnmapMem(at) || aclrtFreePhysical(memory) ? 9 : 0);
    }
    void *at;
    aclrtDrvMemHandle memory, again;
    assert_acl(aclInit(NULL));
    assert_acl(aclrtSetDevice(0));
    assert_acl(aclrtMallocPhysical(&memory, PAGE, &prop, 0));
    assert_acl(aclrtReserveMemAddress(&at, PAGE, 0, NULL, 0));
    assert_acl(aclrtMapMem(at, PAGE, 0, memory, 0));
    strcpy(at, "from the parent");
    assert_acl(aclrtMemExportToShareableHandle(memory, ACL_MEM_HANDLE_TYPE_NONE, 0, &shareable));
    assert_acl(aclrtMemImportFromShareableHandle(shareable, 0, &again));
    assert_acl(aclrtFreePhysical(again));
    assert_int_equal(write(to_child[1], &shareable, sizeof shareable), sizeof shareable);
    assert_int_equal(read(to_parent[0], &sign, 1), 1);
    int32_t who = (int32_t)pid;
    assert_acl(aclrtMemSetPidToShareableHandle(shareable, &who, 1));
    assert_int_equal(write(to_child[1], "g", 1), 1);
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    assert_string_equal(at, "from the child");
    assert_acl_fails(aclrtMemSetPidToShareableHandle(1, &who, 1), ACL_ERROR_INVALID_PARAM, "0x1");
    assert_acl_fails(aclrtMemImportFromShareableHandle((uint64_t)getpid() << 32, 0, &again),
                     ACL_ERROR_INVALID_PARAM, "0x"); /* descriptor 0 */
    assert_acl(aclrtUnmapMem(at));
    assert_acl(aclrtReleaseMemAddress(at));
    assert_acl(aclrtFreePhysical(memory));
    for (int i = 0; i < 2; i++) close(to_child[i]), close(to_parent[i]);
}

/* ---- groups and load ---- */

static void groups(void **state) {
    (void)state;
    uint32_t count;
    int32_t n = 0, id = -1;
    size_t size = 0;
    assert_acl(aclrtGetGroupCount(&count));
    assert_int_equal(count, 1);
    assert_acl(aclrtSetGroup(0));
    assert_acl_fails(aclrtSetGroup(1), ACL_ERROR_INVALID_PARAM, "group 0 only");
    aclrtGroupInfo *info = aclrtCreateGroupInfo();
    assert_non_null(info);
    assert_acl_fails(aclrtGetGroupInfoDetail(info, 0, ACL_GROUP_AICORE_INT, &n, 4, &size),
                     ACL_ERROR_INVALID_PARAM, "aclrtGetAllGroupInfo");
    assert_acl(aclrtGetAllGroupInfo(info));
    assert_acl(aclrtGetGroupInfoDetail(info, 0, ACL_GROUP_AICORE_INT, &n, 4, &size));
    assert_true(n >= 1 && n <= sysconf(_SC_NPROCESSORS_ONLN));
    assert_int_equal(size, 4);
    assert_acl(aclrtGetGroupInfoDetail(info, 0, ACL_GROUP_GROUPID_INT, &id, 4, &size));
    assert_int_equal(id, 0);
    assert_acl_fails(aclrtGetGroupInfoDetail(info, 0, ACL_GROUP_AICORE_INT, &n, 3, &size),
                     ACL_ERROR_INVALID_PARAM, "valueLen");
    assert_acl_fails(aclrtGetGroupInfoDetail(info, 1, ACL_GROUP_AICORE_INT, &n, 4, &size),
                     ACL_ERROR_INVALID_PARAM, "groupIndex");
    assert_acl(aclrtDestroyGroupInfo(info));
    assert_acl_fails(aclrtDestroyGroupInfo(info), ACL_ERROR_INVALID_PARAM, "destroyed");
}

static atomic_bool quit;
static void *spin(void *user) {
    while (!atomic_load(&quit)) {}
    return user;
}

static void load_is_measured(void **state) {
    (void)state;
    aclrtUtilizationInfo info;
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, spin, NULL), 0);
    aclError code = aclrtGetDeviceUtilizationRate(0, &info);
    atomic_store(&quit, true);
    pthread_join(thread, NULL);
    assert_acl(code);
    assert_true(info.vectorUtilization >= 1 && info.vectorUtilization <= 100);
    assert_int_equal(info.cubeUtilization, info.vectorUtilization);
    assert_true(info.memoryUtilization >= 0 && info.memoryUtilization <= 100);
    assert_acl_fails(aclrtGetDeviceUtilizationRate(7, &info), ACL_ERROR_RT_INVALID_DEVICEID, "7");
}

static void small_questions(void **state) {
    (void)state;
    aclrtMemUceInfo faults[2];
    size_t n = 9;
    int32_t pid;
    aclrtFloatOverflowMode mode;
    assert_acl(aclrtGetMemUceInfo(0, faults, 2, &n));
    assert_int_equal(n, 0);
    assert_acl_fails(aclrtGetMemUceInfo(0, faults, 129, &n), ACL_ERROR_INVALID_PARAM, "128");
    assert_acl_fails(aclrtMemUceRepair(0, faults, 1), ACL_ERROR_INVALID_PARAM, "none of");
    assert_acl(aclrtDeviceGetBareTgid(&pid));
    assert_int_equal(pid, getpid());
    assert_acl(aclrtSetDeviceSatMode(ACL_RT_OVERFLOW_MODE_INFNAN));
    assert_acl_fails(aclrtSetDeviceSatMode(ACL_RT_OVERFLOW_MODE_SATURATION),
                     ACL_ERROR_FEATURE_UNSUPPORTED, "infinity");
    assert_acl(aclrtGetDeviceSatMode(&mode));
    assert_int_equal(mode, ACL_RT_OVERFLOW_MODE_INFNAN);
}

static void overflow_of_a_stream(void **state) {
    (void)state;
    aclrtStream stream;
    uint32_t on = 5;
    char status[64];
    assert_acl(aclrtCreateStream(&stream));
    assert_acl(aclrtGetStreamOverflowSwitch(stream, &on));
    assert_int_equal(on, 0);
    assert_acl(aclrtSetStreamOverflowSwitch(stream, 1));
    assert_acl(aclrtGetStreamOverflowSwitch(stream, &on));
    assert_int_equal(on, 1);
    assert_acl_fails(aclrtSetStreamOverflowSwitch(stream, 2), ACL_ERROR_INVALID_PARAM, "0 or 1");
    memset(status, 1, sizeof status);
    assert_acl(aclrtGetOverflowStatus(status, sizeof status, stream));
    assert_acl(aclrtResetOverflowStatus(stream));
    assert_acl(aclrtSynchronizeStream(stream));
    assert_int_equal(status[63], 0);
    assert_acl(aclrtDestroyStream(stream));
}

/* ---- ending work ---- */

static void tasks_are_aborted(void **state) {
    (void)state;
    aclrtStream stream;
    aclrtEvent never;
    char *block;
    enum { BYTES = 1 << 20 };
    assert_acl(aclrtCreateStream(&stream));
    assert_acl(aclrtCreateEvent(&never));
    assert_acl(aclrtMallocHost((void **)&block, BYTES));
    assert_acl(aclrtMemset(block, BYTES, 0, BYTES));
    assert_acl(aclrtStreamWaitEvent(stream, never));
    assert_acl(aclrtMemsetAsync(block, BYTES, 1, BYTES, stream));
    assert_acl(aclrtDeviceTaskAbort(0, 5000));
    assert_acl(aclrtSynchronizeStream(stream)); /* no failure is left */
    assert_int_equal(block[0], 0);
    assert_acl(aclrtMemsetAsync(block, BYTES, 2, BYTES, stream)); /* and it goes on */
    assert_acl(aclrtSynchronizeStream(stream));
    assert_int_equal(block[0], 2);
    assert_acl_fails(aclrtDeviceTaskAbort(3, 0), ACL_ERROR_RT_INVALID_DEVICEID, "3");
    assert_acl(aclrtFreeHost(block));
    assert_acl(aclrtDestroyEvent(never));
    assert_acl(aclrtDestroyStream(stream));
}

static void limit_of_a_step(void **state) {
    (void)state;
    float x[6] = {1, 2, 3, 4, 5, 6}, y[6], z[6];
    uint32_t model = load_text(small_net);
    aclmdlDataset *in = dataset_of(1, (void *[]){x}, (size_t[]){sizeof x});
    aclmdlDataset *out = dataset_of(2, (void *[]){y, z}, (size_t[]){sizeof y, sizeof z});
    assert_acl(aclrtSetOpExecuteTimeOut(30));
    assert_acl(aclmdlExecute(model, in, out)); /* tests/exec has a run that is too slow */
    assert_true(z[5] == 60);
    assert_acl(aclrtSetOpExecuteTimeOut(0));
    dataset_end(in);
    dataset_end(out);
    assert_acl(aclmdlUnload(model));
}

/* ---- host functions and allocators ---- */

static void host_functions(void **state) {
    (void)state;
    aclrtStream stream;
    uint64_t self = (uint64_t)pthread_self();
    assert_acl(aclrtCreateStream(&stream));
    assert_acl_fails(aclrtProcessHostFunc(0), ACL_ERROR_RT_THREAD_SUBSCRIBE, "subscribe");
    assert_acl(aclrtSubscribeHostFunc(self, stream));
    assert_acl(aclrtSubscribeReport(self, stream)); /* another matter */
    assert_acl_fails(aclrtSubscribeHostFunc(self, stream), ACL_ERROR_REPEAT_SUBSCRIBE,
                     "aclrtUnSubscribeHostFunc");
    assert_acl_fails(aclrtProcessHostFunc(10), ACL_ERROR_RT_REPORT_TIMEOUT, "10 ms");
    assert_acl(aclrtUnSubscribeHostFunc(self, stream));
    assert_acl_fails(aclrtUnSubscribeHostFunc(self, stream), ACL_ERROR_RT_STREAM_SUBSCRIBE,
                     "not subscribed");
    assert_acl_fails(aclrtProcessReport(0), ACL_ERROR_RT_REPORT_TIMEOUT, "0 ms");
    assert_acl(aclrtUnSubscribeReport(self, stream));
    assert_acl(aclrtDestroyStream(stream));
}

static void *give(aclrtAllocator pool, size_t size) { return (void)pool, malloc(size); }
static void *address_of(aclrtAllocatorBlock block) { return block; }
static void take_back(aclrtAllocator pool, aclrtAllocatorBlock block) { (void)pool, free(block); }

static void allocators(void **state) {
    (void)state;
    aclrtStream stream;
    int pool;
    assert_acl(aclrtCreateStream(&stream));
    aclrtAllocatorDesc desc = aclrtAllocatorCreateDesc();
    assert_non_null(desc);
    assert_acl_fails(aclrtAllocatorRegister(stream, desc), ACL_ERROR_INVALID_PARAM, "lacks");
    assert_acl(aclrtAllocatorSetObjToDesc(desc, &pool));
    assert_acl(aclrtAllocatorSetAllocFuncToDesc(desc, give));
    assert_acl(aclrtAllocatorSetFreeFuncToDesc(desc, take_back));
    assert_acl(aclrtAllocatorSetGetAddrFromBlockFuncToDesc(desc, address_of));
    assert_acl_fails(aclrtAllocatorSetAllocAdviseFuncToDesc(desc, NULL), ACL_ERROR_INVALID_PARAM,
                     "NULL");
    assert_acl_fails(aclrtAllocatorUnregister(stream), ACL_ERROR_INVALID_PARAM, "no allocator");
    assert_acl(aclrtAllocatorRegister(stream, desc));
    assert_acl(aclrtAllocatorDestroyDesc(desc));
    assert_acl_fails(aclrtAllocatorRegister(stream, desc), ACL_ERROR_INVALID_PARAM, "destroyed");
    assert_acl(aclrtAllocatorUnregister(stream));
    assert_acl(aclrtDestroyStream(stream));
}

/* A pool that counts, gives odd addresses, and sees whether a run keeps to its block. */
struct pool {
    int n_given, n_back, refuse_from;
    bool was_overrun;
};
struct block {
    size_t size;
    unsigned char bytes[];
};

static void *pool_give(aclrtAllocator allocator, size_t size) {
    struct pool *p = allocator;
    if (p->refuse_from && p->n_given + 1 >= p->refuse_from) return NULL;
    struct block *b = malloc(sizeof *b + size + 2);
    b->size = size;
    memset(b->bytes, 0xa5, size + 2);
    p->n_given++;
    return b;
}
static void *pool_address(aclrtAllocatorBlock block) { return ((struct block *)block)->bytes + 1; }
static void pool_take_back(aclrtAllocator allocator, aclrtAllocatorBlock block) {
    struct pool *p = allocator;
    struct block *b = block;
    p->was_overrun |= b->bytes[0] != 0xa5 || b->bytes[b->size + 1] != 0xa5;
    p->n_back++;
    free(b);
}

static void register_pool(aclrtStream stream, struct pool *p) {
    aclrtAllocatorDesc desc = aclrtAllocatorCreateDesc();
    assert_acl(aclrtAllocatorSetObjToDesc(desc, p));
    assert_acl(aclrtAllocatorSetAllocFuncToDesc(desc, pool_give));
    assert_acl(aclrtAllocatorSetFreeFuncToDesc(desc, pool_take_back));
    assert_acl(aclrtAllocatorSetGetAddrFromBlockFuncToDesc(desc, pool_address));
    assert_acl(aclrtAllocatorRegister(stream, desc));
    assert_acl(aclrtAllocatorDestroyDesc(desc));
}

static void models_borrow(void **state) {
    (void)state;
    float x[6] = {1, -2, 3, -4, 5, -6}, y[6], z[6];
    void *in_data[] = {x}, *out_data[] = {y, z};
    const size_t bytes[] = {sizeof x, sizeof x};
    uint32_t id = load_text(small_net);
    aclmdlDataset *in = dataset_of(1, in_data, bytes), *out = dataset_of(2, out_data, bytes);
    struct pool pool = {0}, other = {0};
    aclrtStream stream, second;
    assert_acl(aclrtCreateStream(&stream));
    assert_acl(aclrtCreateStream(&second));
    register_pool(stream, &pool);
    for (int i = 0; i < 3; i++) {
        memset(y, 0, sizeof y);
        assert_acl(aclmdlExecuteAsync(id, in, out, stream));
        assert_acl(aclrtSynchronizeStream(stream));
        assert_int_equal(pool.n_given, i + 1);
        assert_true(y[0] == 2 && y[1] == 0 && y[4] == 3 && z[5] == -60);
        assert_acl(aclmdlExecute(id, in, out)); /* on no stream */
        assert_acl(aclmdlExecuteAsync(id, in, out, second));
        assert_acl(aclrtSynchronizeStream(second));
    }
    register_pool(stream, &other); /* in place of the first */
    assert_acl(aclmdlExecuteAsync(id, in, out, stream));
    assert_acl(aclrtSynchronizeStream(stream));
    assert_int_equal(other.n_given, 1);
    other.refuse_from = 2;
    memset(z, 0, sizeof z);
    assert_acl(aclmdlExecuteAsync(id, in, out, stream));
    assert_acl_fails(aclrtSynchronizeStream(stream), ACL_ERROR_GE_MEMORY_ALLOCATION,
                     "the stream's allocator gave no memory");
    assert_acl(aclrtAllocatorUnregister(stream));
    assert_acl(aclmdlExecuteAsync(id, in, out, stream));
    assert_acl(aclrtSynchronizeStream(stream));
    assert_true(z[5] == -60);
    assert_int_equal(pool.n_given, 3);
    assert_int_equal(pool.n_back, 3);
    assert_int_equal(other.n_back, 1);
    assert_false(pool.was_overrun || other.was_overrun);
    dataset_end(in);
    dataset_end(out);
    assert_acl(aclmdlUnload(id));
    assert_acl(aclrtDestroyStream(stream));
    assert_acl(aclrtDestroyStream(second));
}

static void operators_borrow(void **state) {
    (void)state;
    enum { N = 67 };
    static float a[N * N], b[N * N], y[N * N], wanted[N * N];
    for (int i = 0; i < N * N; i++) a[i] = (float)(i % 7 - 3), b[i] = (float)(i % 5 - 2);
    aclTensorDesc *desc =
        aclCreateTensorDesc(ACL_FLOAT, 2, (const int64_t[]){N, N}, ACL_FORMAT_ND);
    aclDataBuffer *buffers[] = {aclCreateDataBuffer(a, sizeof a), aclCreateDataBuffer(b, sizeof b),
                                aclCreateDataBuffer(wanted, sizeof y),
                                aclCreateDataBuffer(y, sizeof y)};
    aclTensorDesc *descs[] = {desc, desc};
    struct pool pool = {0};
    aclrtStream stream;
    assert_acl(aclrtCreateStream(&stream));
    assert_acl(aclopExecuteV2("MatMul", 2, descs, buffers, 1, descs, buffers + 2, NULL, stream));
    assert_acl(aclrtSynchronizeStream(stream));
    register_pool(stream, &pool);
    for (int i = 0; i < 3; i++)
        assert_acl(aclopExecuteV2("MatMul", 2, descs, buffers, 1, descs, buffers + 3, NULL,
                                  stream));
    assert_acl(aclrtSynchronizeStream(stream));
    assert_memory_equal(y, wanted, sizeof y);
    pool.refuse_from = 1;
    assert_acl(aclopExecuteV2("MatMul", 2, descs, buffers, 1, descs, buffers + 3, NULL, stream));
    assert_acl_fails(aclrtSynchronizeStream(stream), ACL_ERROR_BAD_ALLOC, "gave no memory");
    assert_int_equal(pool.n_given, 3);
    assert_int_equal(pool.n_back, 3);
    assert_false(pool.was_overrun);
    assert_acl(aclrtDestroyStream(stream));
    for (int i = 0; i < 4; i++) assert_acl(aclDestroyDataBuffer(buffers[i]));
    aclDestroyTensorDesc(desc);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, start, end)

int main(void) {
    const struct CMUnitTest tests[] = {
        CASE(memory_mapped_twice),
        CASE(virtual_memory_misused),
        CASE(memory_shared_between_processes),
        CASE(groups),
        CASE(load_is_measured),
        CASE(small_questions),
        CASE(overflow_of_a_stream),
        CASE(tasks_are_aborted),
        CASE(limit_of_a_step),
        CASE(host_functions),
        CASE(allocators),
        CASE(models_borrow),
        CASE(operators_borrow),
    };
    return cmocka_run_group_tests_name("device", tests, NULL, NULL);
}
