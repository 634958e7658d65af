/* SPDX-License-Identifier: Apache-2.0 */
/* Start and end, configuration files, devices, contexts, memory, and what programs do wrong with
 * them. */
#define _GNU_SOURCE
#include "acl_check.h"

#include <dirent.h>
#include <sched.h>

#include "base/env.h"

/* ---- start and end ---- */

static void start_and_end_codes(void **state) {
    (void)state;
    assert_acl_fails(aclFinalize(), ACL_ERROR_UNINITIALIZE, "aclInit");
    assert_acl_fails(aclrtSetDevice(0), ACL_ERROR_UNINITIALIZE, "aclInit");
    for (int i = 0; i < 3; i++) {
        assert_acl(aclInit(NULL));
        assert_acl_fails(aclInit(NULL), ACL_ERROR_REPEAT_INITIALIZE, "already");
        assert_acl(aclFinalize());
        assert_acl_fails(aclFinalize(), ACL_ERROR_REPEAT_FINALIZE, "already");
    }
}

static void what_needs_no_start(void **state) {
    (void)state;
    aclrtRunMode mode;
    int32_t major, minor, patch;
    assert_acl(aclrtGetRunMode(&mode));
    assert_int_equal(mode, ACL_HOST);
    assert_acl(aclrtGetVersion(&major, &minor, &patch));
    assert_int_equal(major, ACL_MAJOR_VERSION);
    assert_string_equal(aclrtGetSocName(), "Ascend310");
    aclDataBuffer *b = aclCreateDataBuffer(&major, 4);
    assert_ptr_equal(aclGetDataBufferAddr(b), &major);
    assert_acl(aclDestroyDataBuffer(b));
    assert_non_null(aclGetRecentErrMsg());
}

static aclError init_with(const char *text) {
    char path[] = "/tmp/prusik-acl-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    close(fd);
    aclError code = aclInit(path);
    unlink(path);
    if (code == ACL_SUCCESS) assert_acl(aclFinalize());
    return code;
}

static void *fail_elsewhere(void *user) {
    (void)user;
    assert_int_equal(aclrtSetDevice(99), ACL_ERROR_RT_INVALID_DEVICEID);
    return NULL;
}

/* The sentence after a failure in another thread, with the configuration. */
static bool is_told_of_another(const char *text) {
    char path[] = "/tmp/prusik-acl-XXXXXX";
    int fd = mkstemp(path);
    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    close(fd);
    assert_acl(aclInit(path));
    unlink(path);
    pthread_t thread;
    assert_int_equal(aclrtResetDevice(77), ACL_ERROR_RT_INVALID_DEVICEID);
    assert_int_equal(pthread_create(&thread, NULL, fail_elsewhere, NULL), 0);
    pthread_join(thread, NULL);
    bool told = strstr(aclGetRecentErrMsg(), "aclrtSetDevice: there is no device 99") &&
                strstr(aclGetRecentErrMsg(), "prusik explain 107001");
    assert_true(told || strstr(aclGetRecentErrMsg(), "77"));
    assert_acl(aclFinalize());
    return told;
}

static void sentences_of_threads_or_the_process(void **state) {
    (void)state;
    assert_false(is_told_of_another("{}"));
    assert_true(is_told_of_another("{\"err_msg_mode\": \"1\"}"));
    assert_false(is_told_of_another("{\"err_msg_mode\": \"0\"}")); /* it ended with aclFinalize */
}

static void default_device(void **state) {
    (void)state;
    char path[] = "/tmp/prusik-acl-XXXXXX";
    static const char text[] = "{\"defaultDevice\": {\"default_device\": \"0\"}}";
    int fd = mkstemp(path), device = -1;
    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    close(fd);
    assert_acl(aclInit(path));
    unlink(path);
    void *memory;
    aclrtStream stream;
    aclrtContext context;
    for (int i = 0; i < 2; i++) {
        assert_acl(aclrtMalloc(&memory, 64, ACL_MEM_MALLOC_NORMAL_ONLY));
        assert_acl(aclrtCreateStream(&stream));
        assert_acl(aclrtMemsetAsync(memory, 64, 1, 64, stream));
        assert_acl(aclrtSynchronizeStream(stream));
        assert_acl(aclrtDestroyStream(stream));
        assert_acl(aclrtFree(memory));
        assert_acl(aclrtGetDevice(&device));
        assert_int_equal(device, 0);
        assert_acl(aclrtGetCurrentContext(&context));
        assert_acl(aclrtResetDevice(0)); /* and again */
    }
    assert_acl(aclFinalize());
    assert_acl(aclInit(NULL));
    assert_acl_fails(aclrtGetDevice(&device), ACL_ERROR_RT_CONTEXT_NULL, "context");
    assert_acl(aclFinalize());
}

static void configuration_files(void **state) {
    (void)state;
    assert_acl(init_with("{}"));
    assert_acl(init_with("{\"dump\": {\"dump_list\": [], \"dump_path\": \"/home/HwHiAiUser\", "
                         "\"dump_mode\": \"all\"}}"));
    assert_acl(init_with("{\"profiler\": {\"switch\": \"on\", \"output\": \"x\"}, \"new\": [1]}"));
    assert_acl(init_with("{\"max_opqueue_num\": \"1000\", \"err_msg_mode\": \"1\"}"));
    assert_acl_fails(aclInit("/nowhere/acl.json"), ACL_ERROR_INVALID_FILE, "/nowhere/acl.json");
    assert_acl_fails(aclInit("/tmp"), ACL_ERROR_INVALID_FILE, "/tmp");
    assert_acl_fails(init_with(""), ACL_ERROR_PARSE_FILE, "JSON");
    assert_acl_fails(init_with("{\"dump\": "), ACL_ERROR_PARSE_FILE, "line");
    assert_acl_fails(init_with("[1]"), ACL_ERROR_PARSE_FILE, "object");
    assert_acl(init_with("{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{}}}}}}}}}}"));
    assert_acl_fails(
        init_with("{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{}}}}}}}}}}}"),
        ACL_ERROR_PARSE_FILE, "deep");
    assert_acl(init_with("{\"a\": \"{{{{{{{{{{{{[[[[[[[[[[[\\\"[[\"}"));
    assert_acl(aclInit(NULL));
    assert_acl(aclFinalize());
}

/* A wrong value is refused with file, key and what is allowed; an unknown key is not. */
static void configuration_values(void **state) {
    (void)state;
    static const char *const accepted[] = {
        "{\"dump\": {}, \"profiler\": {}}",
        "{\"dump\": {\"dump_mode\": \"input\", \"dump_op_switch\": \"off\", \"later\": 1}}",
        "{\"dump\": {\"dump_data\": \"stats\", \"dump_level\": \"kernel\", \"dump_step\": \"0\"}}",
        "{\"profiler\": {\"switch\": \"\", \"aicpu\": \"on\", \"l2\": \"on\"}}",
    };
    static const struct {
        const char *text, *says;
        aclError code;
    } refused[] = {
        {"{\"dump\": []}", "dump is no object", ACL_ERROR_INVALID_DUMP_CONFIG},
        {"{\"dump\": {\"dump_mode\": \"both\"}}", "dump.dump_mode is \"both\"; allowed are: input",
         ACL_ERROR_INVALID_DUMP_CONFIG},
        {"{\"dump\": {\"dump_mode\": \"\"}}", "dump.dump_mode", ACL_ERROR_INVALID_DUMP_CONFIG},
        {"{\"dump\": {\"dump_mode\": \"put\"}}", "dump.dump_mode", ACL_ERROR_INVALID_DUMP_CONFIG},
        {"{\"dump\": {\"dump_mode\": \"input output\"}}", "dump.dump_mode",
         ACL_ERROR_INVALID_DUMP_CONFIG},
        {"{\"dump\": {\"dump_list\": \"a\"}}", "dump.dump_list must be a list",
         ACL_ERROR_INVALID_DUMP_CONFIG},
        {"{\"dump\": {\"dump_path\": 1}}", "dump.dump_path must be a text",
         ACL_ERROR_INVALID_DUMP_CONFIG},
        {"{\"max_opqueue_num\": \"0\"}", "max_opqueue_num must be a positive number",
         ACL_ERROR_INVALID_MAX_OPQUEUE_NUM_CONFIG},
        {"{\"max_opqueue_num\": \"12x\"}", "max_opqueue_num must be a positive number",
         ACL_ERROR_INVALID_MAX_OPQUEUE_NUM_CONFIG},
        {"{\"max_opqueue_num\": [1]}", "max_opqueue_num must be a positive number",
         ACL_ERROR_INVALID_MAX_OPQUEUE_NUM_CONFIG},
        {"{\"err_msg_mode\": \"2\"}", "err_msg_mode must be", ACL_ERROR_INVALID_PARAM},
        {"{\"defaultDevice\": \"0\"}", "defaultDevice must be", ACL_ERROR_INVALID_PARAM},
        {"{\"defaultDevice\": {\"default_device\": \"-1\"}}", "defaultDevice must be",
         ACL_ERROR_INVALID_PARAM},
        {"{\"defaultDevice\": {\"default_device\": \"99\"}}", "there is no device 99",
         ACL_ERROR_RT_INVALID_DEVICEID},
        {"{\"profiler\": \"on\"}", "profiler is no object", ACL_ERROR_INVALID_PROFILING_CONFIG},
        {"{\"profiler\": {\"l2\": \"maybe\"}}", "profiler.l2", ACL_ERROR_INVALID_PROFILING_CONFIG},
        {"{\"profiler\": {\"aicpu\": \"yes\"}}", "profiler.aicpu is \"yes\"; allowed are: on off",
         ACL_ERROR_INVALID_PROFILING_CONFIG},
    };
    for (size_t i = 0; i < sizeof accepted / sizeof accepted[0]; i++)
        assert_acl(init_with(accepted[i]));
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        assert_acl_fails(init_with(refused[i].text), refused[i].code, refused[i].says);
        assert_non_null(strstr(aclGetRecentErrMsg(), "/tmp/prusik-acl-"));
        char pointer[40];
        snprintf(pointer, sizeof pointer, " prusik explain %d]", refused[i].code);
        assert_string_equal(strstr(aclGetRecentErrMsg(), " prusik explain"), pointer);
    }
}

/* Whatever was forgotten is released, and stale handles stay harmless afterwards. */
static void end_frees_what_was_forgotten(void **state) {
    (void)state;
    assert_acl(aclInit(NULL));
    assert_acl(aclFinalize());
    uint64_t before = mem_live_allocations();
    assert_acl(aclInit(NULL));
    aclrtContext context;
    aclrtStream stream;
    aclrtEvent event;
    void *device, *host;
    uint32_t id;
    assert_acl(aclrtSetDevice(0));
    assert_acl(aclrtCreateContext(&context, 0));
    assert_acl(aclrtCreateStream(&stream));
    assert_acl(aclrtCreateEvent(&event));
    assert_acl(aclrtRecordEvent(event, stream));
    assert_acl(aclrtRecordEvent(event, NULL));
    assert_acl(aclrtMalloc(&device, 100, ACL_MEM_MALLOC_HUGE_FIRST));
    assert_acl(aclrtMallocHost(&host, 100));
    id = load_text(small_net);
    aclmdlDesc *desc = aclmdlCreateDesc();
    assert_acl(aclmdlGetDesc(desc, id));
    aclmdlDataset *dataset = aclmdlCreateDataset();
    aclDataBuffer *buffer = aclCreateDataBuffer(device, 100);
    assert_acl(aclmdlAddDatasetBuffer(dataset, buffer));
    assert_non_null(aclCreateTensorDesc(ACL_FLOAT, 0, NULL, ACL_FORMAT_ND));
    assert_non_null(aclmdlCreateConfigHandle());
    assert_non_null(aclmdlCreateExecConfigHandle());
    assert_non_null(aclrtCreateStreamConfigHandle());
    assert_acl(aclFinalize());
    assert_int_equal(mem_live_allocations(), before);
    assert_acl_fails(aclrtFree(device), ACL_ERROR_UNINITIALIZE, "aclInit");
    assert_acl_fails(aclmdlDestroyDataset(dataset), ACL_ERROR_INVALID_PARAM, "destroyed");
    assert_acl_fails(aclDestroyDataBuffer(buffer), ACL_ERROR_INVALID_PARAM, "destroyed");
    assert_acl(aclInit(NULL));
    assert_acl(aclrtSetDevice(0));
    assert_acl_fails(aclrtDestroyStream(stream), ACL_ERROR_RT_INVALID_HANDLE, "destroyed");
    assert_acl_fails(aclrtSetCurrentContext(context), ACL_ERROR_RT_INVALID_HANDLE, "destroyed");
    assert_acl_fails(aclmdlUnload(id), ACL_ERROR_GE_EXEC_MODEL_ID_INVALID, "unloaded");
    assert_acl_fails(aclrtFree(device), ACL_ERROR_INVALID_PARAM, "freed already");
    assert_acl(aclFinalize());
}

/* ---- devices and contexts ---- */

static void devices(void **state) {
    (void)state;
    uint32_t n;
    int32_t device;
    aclrtDeviceStatus status;
    assert_acl(aclrtGetDeviceCount(&n));
    assert_int_equal(n, 1);
    assert_acl(aclrtGetDevice(&device));
    assert_int_equal(device, 0);
    assert_acl(aclrtQueryDeviceStatus(0, &status));
    assert_int_equal(status, ACL_RT_DEVICE_STATUS_NORMAL);
    assert_acl_fails(aclrtSetDevice(-1), ACL_ERROR_RT_INVALID_DEVICEID, "-1");
    assert_acl_fails(aclrtSetDevice(1), ACL_ERROR_RT_INVALID_DEVICEID, "ids are 0 to 0");
    assert_acl_fails(aclrtResetDevice(9), ACL_ERROR_RT_INVALID_DEVICEID, "9");
    assert_acl_fails(aclrtCreateContext(NULL, 0), ACL_ERROR_INVALID_PARAM, "context");
    /* Set twice, reset twice; the first reset takes nothing away. */
    assert_acl(aclrtSetDevice(0));
    assert_acl(aclrtResetDevice(0));
    assert_acl(aclrtGetDevice(&device));
    assert_acl(aclrtResetDevice(0));
    assert_acl_fails(aclrtGetDevice(&device), ACL_ERROR_RT_CONTEXT_NULL, "aclrtSetDevice");
    assert_acl(aclrtResetDevice(0)); /* harmless */
    assert_acl(aclrtSetDevice(0));
    assert_acl(aclrtSynchronizeDevice());
}

static void *without_context(void *context) {
    void *p = (void *)7;
    aclrtContext now = (void *)7;
    aclrtStream stream;
    assert_acl_fails(aclrtGetCurrentContext(&now), ACL_ERROR_RT_CONTEXT_NULL, "this thread");
    assert_ptr_equal(now, (void *)7);
    assert_acl_fails(aclrtMalloc(&p, 8, ACL_MEM_MALLOC_NORMAL_ONLY), ACL_ERROR_RT_CONTEXT_NULL,
                     "this thread");
    assert_acl_fails(aclrtCreateStream(&stream), ACL_ERROR_RT_CONTEXT_NULL, "this thread");
    assert_acl_fails(aclrtSynchronizeStream(NULL), ACL_ERROR_RT_CONTEXT_NULL, "this thread");
    assert_acl(aclrtSetCurrentContext(context));
    assert_acl(aclrtMalloc(&p, 8, ACL_MEM_MALLOC_NORMAL_ONLY));
    assert_acl(aclrtFree(p));
    return NULL;
}

static void contexts_of_threads(void **state) {
    (void)state;
    aclrtContext first, second, now, standard;
    assert_acl(aclrtGetCurrentContext(&standard));
    assert_acl(aclrtCreateContext(&first, 0));
    assert_acl(aclrtCreateContext(&second, 0));
    assert_ptr_not_equal(first, second);
    assert_acl(aclrtGetCurrentContext(&now));
    assert_ptr_equal(now, second); /* creating makes it current */
    assert_acl(aclrtSetCurrentContext(first));
    assert_acl(aclrtGetCurrentContext(&now));
    assert_ptr_equal(now, first);

    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, without_context, second), 0);
    pthread_join(thread, NULL);

    assert_acl(aclrtDestroyContext(first));
    assert_acl_fails(aclrtGetCurrentContext(&now), ACL_ERROR_RT_CONTEXT_NULL, "no context");
    assert_acl_fails(aclrtDestroyContext(first), ACL_ERROR_RT_INVALID_HANDLE, "destroyed");
    assert_acl_fails(aclrtDestroyContext(standard), ACL_ERROR_INVALID_PARAM, "aclrtResetDevice");
    assert_acl_fails(aclrtDestroyContext(NULL), ACL_ERROR_INVALID_PARAM, "NULL");
    assert_acl_fails(aclrtSetCurrentContext(&now), ACL_ERROR_RT_INVALID_HANDLE, "no handle");
    assert_acl(aclrtDestroyContext(second));
    assert_acl(aclrtSetDevice(0));
    assert_acl(aclrtGetCurrentContext(&now));
    assert_ptr_equal(now, standard);
    assert_acl(aclrtResetDevice(0));
}

/* A stream outlives its context only to be destroyed. */
static void streams_of_a_destroyed_context(void **state) {
    (void)state;
    aclrtContext context;
    aclrtStream stream;
    int value = 0;
    assert_acl(aclrtCreateContext(&context, 0));
    assert_acl(aclrtCreateStream(&stream));
    assert_acl(aclrtDestroyContext(context));
    assert_acl(aclrtSetDevice(0));
    assert_acl_fails(aclrtMemsetAsync(&value, 4, 1, 4, stream), ACL_ERROR_RT_STREAM_CONTEXT,
                     "gone");
    assert_acl(aclrtSynchronizeStream(stream));
    assert_acl(aclrtDestroyStream(stream));
    assert_acl(aclrtResetDevice(0));
}

static void context_settings(void **state) {
    (void)state;
    int64_t value = 5;
    assert_acl_fails(aclrtCtxGetSysParamOpt(ACL_OPT_DETERMINISTIC, &value),
                     ACL_ERROR_RT_SYSPARAMOPT_NOT_SET, "never set");
    assert_acl(aclrtCtxSetSysParamOpt(ACL_OPT_DETERMINISTIC, 1));
    assert_acl(aclrtCtxGetSysParamOpt(ACL_OPT_DETERMINISTIC, &value));
    assert_int_equal(value, 1);
    assert_acl_fails(aclrtCtxSetSysParamOpt((aclSysParamOpt)9, 1), ACL_ERROR_INVALID_PARAM, "9");
}

/* How many threads of this process may run on exactly the core `core`. */
static int threads_on(int core) {
    int n = 0;
    DIR *tasks = opendir("/proc/self/task");
    assert_non_null(tasks);
    for (struct dirent *e; (e = readdir(tasks));) {
        cpu_set_t on;
        int tid = atoi(e->d_name);
        if (tid && !sched_getaffinity(tid, sizeof on, &on))
            n += CPU_COUNT(&on) == 1 && CPU_ISSET(core, &on);
    }
    closedir(tasks);
    return n;
}

static void streams_stay_on_their_device(void **state) {
    (void)state;
    cpu_set_t usable;
    assert_int_equal(sched_getaffinity(0, sizeof usable, &usable), 0);
    int core[2], n = 0;
    for (int i = 0; i < CPU_SETSIZE && n < 2; i++)
        if (CPU_ISSET(i, &usable)) core[n++] = i;
    if (n < 2) {
        puts("skipped: only one core");
        skip();
    }
    char text[32];
    snprintf(text, sizeof text, "%d;%d", core[0], core[1]);
    env_override(ENV_DEVICES, text);
    assert_acl(aclInit(NULL));
    void *block;
    assert_acl(aclrtSetDevice(0));
    assert_acl(aclrtMallocHost(&block, 1 << 20));
    for (int device = 0; device < 2; device++) {
        aclrtStream stream[2];
        assert_acl(aclrtSetDevice(device));
        for (int i = 0; i < 2; i++) {
            assert_acl(aclrtCreateStream(&stream[i]));
            assert_acl(aclrtMemsetAsync(block, 1 << 20, i, 1 << 20, stream[i]));
            assert_acl(aclrtSynchronizeStream(stream[i]));
        }
        assert_int_equal(threads_on(core[device]), 2);
        assert_int_equal(threads_on(core[!device]), 0);
        for (int i = 0; i < 2; i++) assert_acl(aclrtDestroyStream(stream[i]));
    }
    assert_acl(aclrtFreeHost(block));
    assert_acl(aclFinalize());
    env_override(ENV_DEVICES, "");
}

static void several_devices(void **state) {
    (void)state;
    uint32_t n, id;
    int32_t device, reachable = 0;
    env_override(ENV_DEVICES, "0;0-1");
    assert_acl(aclInit(NULL));
    assert_acl(aclrtGetDeviceCount(&n));
    assert_int_equal(n, 2);
    assert_acl(aclrtSetDevice(1));
    id = load_text(small_net);
    assert_acl(aclrtSetDevice(0));
    assert_acl(aclrtGetDevice(&device));
    assert_int_equal(device, 0);
    assert_acl(aclrtDeviceCanAccessPeer(&reachable, 0, 1));
    assert_int_equal(reachable, 1);
    assert_acl_fails(aclrtSetDevice(2), ACL_ERROR_RT_INVALID_DEVICEID, "ids are 0 to 1");
    assert_acl(aclmdlUnload(id));
    assert_acl(aclrtResetDevice(0));
    assert_acl(aclrtResetDevice(1));
    assert_acl(aclFinalize());
    static const char *const nonsense[] = {"a", "3-1", "0-", ";", "0,,1", "-4", "0-999999999999"};
    for (size_t i = 0; i < sizeof nonsense / sizeof nonsense[0]; i++) {
        env_override(ENV_DEVICES, nonsense[i]);
        assert_acl(aclInit(NULL)); /* said in the log, and ignored */
        assert_acl(aclrtGetDeviceCount(&n));
        assert_int_equal(n, 1);
        assert_acl(aclFinalize());
    }
    env_override(ENV_DEVICES, "");
}

/* ---- memory ---- */

static void allocation(void **state) {
    (void)state;
    void *p = NULL, *q = NULL;
    assert_acl_fails(aclrtMalloc(&p, 0, ACL_MEM_MALLOC_HUGE_FIRST), ACL_ERROR_INVALID_PARAM, "0");
    assert_acl_fails(aclrtMallocHost(&p, 0), ACL_ERROR_INVALID_PARAM, "0");
    assert_acl_fails(aclrtMalloc(NULL, 8, ACL_MEM_MALLOC_HUGE_FIRST), ACL_ERROR_INVALID_PARAM,
                     "devPtr");
    assert_acl_fails(aclrtMalloc(&p, SIZE_MAX, ACL_MEM_MALLOC_HUGE_FIRST),
                     ACL_ERROR_RT_MEMORY_ALLOCATION, "bytes");
    assert_acl_fails(aclrtMalloc(&p, SIZE_MAX / 2, ACL_MEM_MALLOC_HUGE_FIRST),
                     ACL_ERROR_RT_MEMORY_ALLOCATION, "bytes");
    assert_null(p);
    for (size_t size = 1; size < 200; size += 13) {
        assert_acl(aclrtMalloc(&p, size, ACL_MEM_MALLOC_HUGE_ONLY));
        assert_int_equal((uintptr_t)p % 64, 0);
        memset(p, 1, (size + 31) / 32 * 32 + 32); /* all of it is the program's */
        assert_acl(aclrtFree(p));
    }
    assert_acl(aclrtMalloc(&p, 64, ACL_MEM_MALLOC_HUGE_FIRST));
    assert_acl(aclrtMallocHost(&q, 64));
    assert_acl_fails(aclrtFree(q), ACL_ERROR_INVALID_PARAM, "aclrtFreeHost");
    assert_acl_fails(aclrtFreeHost(p), ACL_ERROR_INVALID_PARAM, "aclrtFree");
    assert_acl_fails(aclrtFree((char *)p + 8), ACL_ERROR_INVALID_PARAM, "8 bytes inside");
    assert_acl_fails(aclrtFree(NULL), ACL_ERROR_INVALID_PARAM, "NULL");
    assert_acl_fails(aclrtFree(&p), ACL_ERROR_INVALID_PARAM, "did not come from");
    assert_acl(aclrtFree(p));
    assert_acl_fails(aclrtFree(p), ACL_ERROR_INVALID_PARAM, "freed already");
    assert_acl(aclrtFreeHost(q));
    size_t free_bytes = 0, total = 0;
    assert_acl(aclrtGetMemInfo(ACL_HBM_MEM, &free_bytes, &total));
    assert_true(free_bytes > 0 && free_bytes <= total);
}

/* The map keeps its order under many blocks, freed in another order. */
static void many_blocks(void **state) {
    (void)state;
    enum { MANY = 2000 };
    static void *blocks[MANY];
    for (int i = 0; i < MANY; i++) assert_acl(aclrtMallocHost(&blocks[i], 1 + (size_t)i % 300));
    for (int i = 0; i < MANY; i++) {
        int k = (i * 773 + 5) % MANY; /* 773 and MANY have no common factor */
        assert_acl(aclrtFreeHost(blocks[k]));
        assert_acl_fails(aclrtFreeHost(blocks[k]), ACL_ERROR_INVALID_PARAM, "freed");
    }
}

static void copies(void **state) {
    (void)state;
    void *p;
    char from[256], back[256] = {0};
    for (int i = 0; i < 256; i++) from[i] = (char)i;
    assert_acl(aclrtMalloc(&p, 100, ACL_MEM_MALLOC_HUGE_FIRST));
    assert_acl(aclrtMemcpy(p, 100, from, 100, ACL_MEMCPY_HOST_TO_DEVICE));
    assert_acl(aclrtMemcpy(back, sizeof back, p, 100, ACL_MEMCPY_DEVICE_TO_HOST));
    assert_memory_equal(from, back, 100);
    assert_acl(aclrtMemset(p, 100, 7, 50));
    assert_int_equal(((char *)p)[49], 7);
    assert_int_equal(((char *)p)[50], 50);
    assert_acl_fails(aclrtMemcpy(p, 50, from, 51, ACL_MEMCPY_HOST_TO_DEVICE),
                     ACL_ERROR_INVALID_PARAM, "destMax only 50");
    assert_acl_fails(aclrtMemcpy(p, 256, from, 256, ACL_MEMCPY_HOST_TO_DEVICE),
                     ACL_ERROR_INVALID_PARAM, "past the end");
    assert_acl_fails(aclrtMemcpy(back, 256, p, 256, ACL_MEMCPY_DEVICE_TO_HOST),
                     ACL_ERROR_INVALID_PARAM, "src: 256 bytes");
    assert_acl_fails(aclrtMemcpy(NULL, 8, from, 8, ACL_MEMCPY_HOST_TO_DEVICE),
                     ACL_ERROR_INVALID_PARAM, "dst");
    assert_acl_fails(aclrtMemcpy(p, 8, NULL, 8, ACL_MEMCPY_HOST_TO_DEVICE),
                     ACL_ERROR_INVALID_PARAM, "src");
    assert_acl_fails(aclrtMemcpy(p, 8, from, 0, ACL_MEMCPY_HOST_TO_DEVICE),
                     ACL_ERROR_INVALID_PARAM, "count");
    assert_acl_fails(aclrtMemcpy(p, 8, from, 8, (aclrtMemcpyKind)77), ACL_ERROR_INVALID_PARAM,
                     "77");
    assert_acl_fails(aclrtMemset(p, 4, 0, 5), ACL_ERROR_INVALID_PARAM, "maxCount");
    assert_acl_fails(aclrtMemset(p, 500, 0, 500), ACL_ERROR_INVALID_PARAM, "past the end");
    /* A 3x4 window of 16-byte rows into 5-byte rows. */
    memset(back, 0, sizeof back);
    assert_acl(aclrtMemcpy2d(back, 5, from, 16, 4, 3, ACL_MEMCPY_HOST_TO_HOST));
    for (int y = 0; y < 3; y++)
        for (int x = 0; x < 5; x++)
            assert_int_equal(back[y * 5 + x], x < 4 ? y * 16 + x : 0);
    assert_acl_fails(aclrtMemcpy2d(back, 3, from, 16, 4, 3, ACL_MEMCPY_HOST_TO_HOST),
                     ACL_ERROR_INVALID_PARAM, "dpitch 3");
    assert_acl_fails(aclrtMemcpy2d(back, SIZE_MAX, from, SIZE_MAX, 4, 3, ACL_MEMCPY_HOST_TO_HOST),
                     ACL_ERROR_INVALID_PARAM, "memory can hold");
    assert_acl(aclrtFree(p));
}

/* ---- data objects ---- */

static void data_types(void **state) {
    (void)state;
    assert_int_equal(aclDataTypeSize(ACL_FLOAT), 4);
    assert_int_equal(aclDataTypeSize(ACL_BF16), 2);
    assert_int_equal(aclDataTypeSize(ACL_COMPLEX128), 16);
    assert_int_equal(aclDataTypeSize(ACL_STRING), 0);
    assert_int_equal(aclDataTypeSize((aclDataType)1234), 0);
    assert_true(aclFloat16ToFloat(0x3C00) == 1.0f);
    assert_true(aclFloat16ToFloat(0x0001) == 0x1p-24f);
    assert_int_equal(aclFloatToFloat16(65504.0f), 0x7BFF);
    assert_int_equal(aclFloatToFloat16(1e6f), 0x7C00);
}

static void data_buffers(void **state) {
    (void)state;
    int x, y;
    aclDataBuffer *b = aclCreateDataBuffer(&x, 4);
    assert_int_equal(aclGetDataBufferSizeV2(b), 4);
    assert_acl(aclUpdateDataBuffer(b, &y, (size_t)5 << 30));
    assert_ptr_equal(aclGetDataBufferAddr(b), &y);
    assert_int_equal(aclGetDataBufferSizeV2(b), (size_t)5 << 30);
    assert_int_equal(aclGetDataBufferSize(b), 1U << 30);
    aclmdlDataset *d = aclmdlCreateDataset();
    assert_acl(aclmdlAddDatasetBuffer(d, b));
    assert_ptr_equal(aclmdlGetDatasetBuffer(d, 0), b);
    assert_null(aclmdlGetDatasetBuffer(d, 1));
    assert_acl(aclDestroyDataBuffer(b));
    assert_acl_fails(aclDestroyDataBuffer(b), ACL_ERROR_INVALID_PARAM, "destroyed");
    assert_null(aclGetDataBufferAddr(b));
    assert_int_equal(aclGetDataBufferSizeV2(b), 0);
    assert_null(aclmdlGetDatasetBuffer(d, 0));
    assert_int_equal(aclmdlGetDatasetNumBuffers(d), 1);
    assert_acl_fails(aclmdlAddDatasetBuffer(d, b), ACL_ERROR_INVALID_PARAM, "destroyed");
    assert_acl_fails(aclmdlAddDatasetBuffer(d, NULL), ACL_ERROR_INVALID_PARAM, "NULL");
    assert_acl_fails(aclmdlAddDatasetBuffer((aclmdlDataset *)b, b), ACL_ERROR_INVALID_PARAM, "");
    assert_acl_fails(aclDestroyDataBuffer((aclDataBuffer *)d), ACL_ERROR_INVALID_PARAM,
                     "is an aclmdlDataset");
    assert_acl(aclmdlDestroyDataset(d));
    assert_int_equal(aclmdlGetDatasetNumBuffers(d), 0);
    assert_int_equal(aclmdlGetDatasetNumBuffers(NULL), 0);
    assert_acl_fails(aclmdlDestroyDataset(NULL), ACL_ERROR_INVALID_PARAM, "NULL");
}

static void tensor_descriptions(void **state) {
    (void)state;
    const int64_t dims[] = {2, -1, 4};
    int64_t range[3][2] = {{2, 2}, {1, 8}, {4, 4}}, dim = 0, got[2];
    aclTensorDesc *t = aclCreateTensorDesc(ACL_FLOAT16, 3, dims, ACL_FORMAT_ND);
    assert_int_equal(aclGetTensorDescType(t), ACL_FLOAT16);
    assert_int_equal(aclGetTensorDescFormat(t), ACL_FORMAT_ND);
    assert_int_equal(aclGetTensorDescNumDims(t), 3);
    assert_int_equal(aclGetTensorDescSize(t), 0);
    assert_acl(aclGetTensorDescDimV2(t, 2, &dim));
    assert_int_equal(dim, 4);
    assert_int_equal(aclGetTensorDescDim(t, 3), -1);
    assert_acl_fails(aclGetTensorDescDimV2(t, 3, &dim), ACL_ERROR_INVALID_PARAM, "3 dimensions");
    assert_acl(aclSetTensorShapeRange(t, 3, range));
    assert_acl(aclGetTensorDescDimRange(t, 1, 2, got));
    assert_int_equal(got[0], 1);
    assert_int_equal(got[1], 8);
    assert_acl_fails(aclSetTensorShapeRange(t, 2, range), ACL_ERROR_INVALID_PARAM, "3 dimensions");
    assert_string_equal(aclGetTensorDescName(t), "");
    aclSetTensorDescName(t, "data");
    assert_string_equal(aclGetTensorDescName(t), "data");
    assert_ptr_equal(aclGetTensorDescByIndex(t, 0), t);
    assert_null(aclGetTensorDescByIndex(t, 1));
    assert_null(aclGetTensorDescAddress(t));
    assert_acl(aclSetTensorConst(t, &dim, sizeof dim));
    assert_memory_equal(aclGetTensorDescAddress(t), &dim, sizeof dim);
    assert_acl(aclSetTensorFormat(t, ACL_FORMAT_NC1HWC0));
    assert_acl(aclSetTensorShape(t, 3, dims));
    assert_acl(aclSetTensorOriginShape(t, 0, NULL));
    assert_acl(aclSetTensorPlaceMent(t, ACL_MEMTYPE_HOST));
    aclDestroyTensorDesc(t);
    aclDestroyTensorDesc(t);
    aclDestroyTensorDesc(NULL);
    assert_int_equal(aclGetTensorDescType(t), ACL_DT_UNDEFINED);
    t = aclCreateTensorDesc(ACL_INT64, 2, dims + 1, ACL_FORMAT_NCHW);
    assert_int_equal(aclGetTensorDescElementCount(t), 0);
    aclDestroyTensorDesc(t);
    const int64_t whole[] = {3, 5}, unknown[] = {-2}, huge[] = {INT64_MAX, 2};
    t = aclCreateTensorDesc(ACL_INT64, 2, whole, ACL_FORMAT_NCHW);
    assert_int_equal(aclGetTensorDescElementCount(t), 15);
    assert_int_equal(aclGetTensorDescSize(t), 120);
    aclDestroyTensorDesc(t);
    t = aclCreateTensorDesc(ACL_INT64, 1, unknown, ACL_FORMAT_ND);
    assert_true(aclGetTensorDescNumDims(t) == (size_t)ACL_UNKNOWN_RANK);
    aclDestroyTensorDesc(t);
    t = aclCreateTensorDesc(ACL_INT64, 2, huge, ACL_FORMAT_ND);
    assert_int_equal(aclGetTensorDescSize(t), 0);
    aclDestroyTensorDesc(t);
    assert_null(aclCreateTensorDesc(ACL_FLOAT, -1, NULL, ACL_FORMAT_ND));
    assert_null(aclCreateTensorDesc(ACL_FLOAT, 3, NULL, ACL_FORMAT_ND));
    assert_null(aclCreateTensorDesc(ACL_FLOAT, 1000, dims, ACL_FORMAT_ND));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(start_and_end_codes),
        cmocka_unit_test(what_needs_no_start),
        cmocka_unit_test(configuration_files),
        cmocka_unit_test(configuration_values),
        cmocka_unit_test(sentences_of_threads_or_the_process),
        cmocka_unit_test(default_device),
        cmocka_unit_test(end_frees_what_was_forgotten),
        cmocka_unit_test_setup_teardown(devices, start, end),
        cmocka_unit_test_setup_teardown(contexts_of_threads, start, end),
        cmocka_unit_test_setup_teardown(streams_of_a_destroyed_context, start, end),
        cmocka_unit_test_setup_teardown(context_settings, start, end),
        cmocka_unit_test(several_devices),
        cmocka_unit_test(streams_stay_on_their_device),
        cmocka_unit_test_setup_teardown(allocation, start, end),
        cmocka_unit_test_setup_teardown(many_blocks, start, end),
        cmocka_unit_test_setup_teardown(copies, start, end),
        cmocka_unit_test(data_types),
        cmocka_unit_test(data_buffers),
        cmocka_unit_test(tensor_descriptions),
    };
    return cmocka_run_group_tests_name("runtime", tests, NULL, NULL);
}
