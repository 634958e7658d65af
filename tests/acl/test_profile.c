/* SPDX-License-Identifier: Apache-2.0 */
/* Profiling through libmsprofiler.so as programs link it: wrong orders and arguments, what a
 * session writes, subscribers and their readers, several threads. test_profile.py reads the
 * tables. */
#define _GNU_SOURCE /* nftw */
#include "acl_check.h"

#include <errno.h>
#include <ftw.h>
#include <jansson.h>
#include <signal.h>
#include <sys/stat.h>

#include "acl/acl_prof.h"

static char folder[64];

static int begin(void **state) {
    (void)state;
    strcpy(folder, "/tmp/prusik-prof-XXXXXX");
    assert_non_null(mkdtemp(folder));
    assert_acl(aclInit(NULL));
    assert_acl(aclrtSetDevice(0));
    return 0;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw) {
    (void)st, (void)type, (void)ftw;
    return remove(path);
}

static int finish(void **state) {
    (void)state;
    assert_acl(aclrtResetDevice(0));
    assert_acl(aclFinalize());
    nftw(folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
    return 0;
}

static char found[300];
static int n_found;

static int note(const char *path, const struct stat *st, int type, struct FTW *ftw) {
    (void)st, (void)ftw;
    if (type != FTW_F || !strstr(path, "/msprof_2")) return 0;
    snprintf(found, sizeof found, "%s", path);
    n_found++;
    return 0;
}

/* The one trace there is, parsed. */
static json_t *read_trace(void) {
    n_found = 0;
    nftw(folder, note, 8, FTW_PHYS);
    assert_int_equal(n_found, 1);
    json_error_t error;
    json_t *root = json_load_file(found, 0, &error);
    if (!root) fail_msg("%s: %s", found, error.text);
    assert_true(json_is_array(root));
    return root;
}

/* How many events have that phase and name; NULL: any. */
static int count(const json_t *trace, const char *phase, const char *name) {
    size_t i;
    int n = 0;
    const json_t *e;
    json_array_foreach(trace, i, e) {
        n += !strcmp(json_string_value(json_object_get(e, "ph")), phase) &&
             (!name || !strcmp(json_string_value(json_object_get(e, "name")), name));
    }
    return n;
}

static aclprofConfig *config_of(uint64_t types) {
    uint32_t device = 0;
    aclprofConfig *c = aclprofCreateConfig(&device, 1, ACL_AICORE_NONE, NULL, types);
    if (!c) fail_msg("%s", aclGetRecentErrMsg());
    return c;
}

static void wrong_orders(void **state) {
    (void)state;
    aclprofConfig *c = config_of(ACL_PROF_ACL_API), *other = config_of(ACL_PROF_TASK_TIME);
    assert_acl_fails(aclprofStart(c), ACL_ERROR_PROF_NOT_RUN, "aclprofInit first");
    assert_acl_fails(aclprofStop(c), ACL_ERROR_PROF_NOT_RUN, "aclprofInit first");
    assert_acl_fails(aclprofFinalize(), ACL_ERROR_PROF_NOT_RUN, "aclprofInit first");
    assert_acl_fails(aclprofInit(NULL, 1), ACL_ERROR_INVALID_PARAM, "profilerResultPath");
    assert_acl_fails(aclprofInit("", 0), ACL_ERROR_INVALID_PARAM, "length");
    assert_acl_fails(aclprofInit("/tmp", 3), ACL_ERROR_INVALID_PARAM, "length is 3");
    assert_acl_fails(aclprofInit("/nowhere", 8), ACL_ERROR_INVALID_FILE, "/nowhere");
    assert_acl(aclprofInit(folder, strlen(folder)));
    assert_acl_fails(aclprofInit(folder, strlen(folder)), ACL_ERROR_PROF_ALREADY_RUN, "already");
    assert_acl_fails(aclprofStop(c), ACL_ERROR_PROF_NOT_RUN, "aclprofStart first");
    assert_acl_fails(aclprofStart(NULL), ACL_ERROR_INVALID_PARAM, "aclprofCreateConfig");
    assert_acl_fails(aclprofStart((aclprofConfig *)folder), ACL_ERROR_INVALID_PARAM, "no handle");
    assert_acl(aclprofStart(c));
    assert_acl_fails(aclprofStart(c), ACL_ERROR_PROF_ALREADY_RUN, "aclprofStop first");
    assert_acl_fails(aclprofStop(other), ACL_ERROR_INVALID_PARAM, "others than");
    assert_acl(aclprofStop(c));
    assert_acl(aclprofStart(other));
    assert_acl(aclprofStop(other));
    assert_acl(aclprofDestroyConfig(c));
    assert_acl_fails(aclprofDestroyConfig(c), ACL_ERROR_INVALID_PARAM, "destroyed");
    assert_acl(aclprofDestroyConfig(other));
    assert_acl(aclprofFinalize());
    n_found = 0;
    nftw(folder, note, 8, FTW_PHYS);
    assert_int_equal(n_found, 0); /* nothing happened, nothing is written */
}

static void wrong_arguments(void **state) {
    (void)state;
    uint32_t devices[2] = {0, 99};
    static const struct {
        uint32_t n;
        int metrics;
        uint64_t types;
        const char *says;
    } refused[] = {
        {0, 255, 1, "deviceNums is 0"}, {65, 255, 1, "deviceNums is 65"}, {1, 99, 1, "is 99"},
        {1, -1, 1, "is -1"},            {1, 255, 0, "0x0"},               {1, 255, 1ull << 60, "0x1"},
    };
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        assert_null(aclprofCreateConfig(devices, refused[i].n,
                                        (aclprofAicoreMetrics)refused[i].metrics, NULL,
                                        refused[i].types));
        assert_non_null(strstr(aclGetRecentErrMsg(), refused[i].says));
    }
    assert_null(aclprofCreateConfig(NULL, 1, ACL_AICORE_NONE, NULL, 1));
    assert_null(aclprofCreateConfig(devices + 1, 1, ACL_AICORE_NONE, NULL, 1));
    assert_null(aclprofCreateConfig(devices, 1, ACL_AICORE_NONE, (void *)devices, 1));
    assert_acl_fails(aclprofSetConfig(ACL_PROF_STORAGE_LIMIT, "199", 3), ACL_ERROR_INVALID_PARAM,
                     "200");
    assert_acl_fails(aclprofSetConfig(ACL_PROF_STORAGE_LIMIT, "much", 4), ACL_ERROR_INVALID_PARAM,
                     "much");
    assert_acl_fails(aclprofSetConfig(ACL_PROF_STORAGE_LIMIT, "200", 2), ACL_ERROR_INVALID_PARAM,
                     "configLength");
    assert_acl_fails(aclprofSetConfig(99, "1", 1), ACL_ERROR_INVALID_PARAM, "99");
    assert_acl(aclprofSetConfig(ACL_PROF_STORAGE_LIMIT, "200", 3));
    assert_acl(aclprofSetConfig(ACL_PROF_DVPP_FREQ, "50", 2));
    assert_acl_fails(aclprofMark(NULL), ACL_ERROR_INVALID_PARAM, "aclprofCreateStamp");
    assert_acl_fails(aclprofPush(folder), ACL_ERROR_INVALID_PARAM, "no handle");
    assert_acl_fails(aclprofPop(), ACL_ERROR_INVALID_PARAM, "aclprofPush");
    assert_acl_fails(aclprofRangeStop(12345), ACL_ERROR_INVALID_PARAM, "12345");
    void *stamp = aclprofCreateStamp();
    assert_acl_fails(aclprofRangeStart(stamp, NULL), ACL_ERROR_INVALID_PARAM, "rangeId");
    assert_acl_fails(aclprofSetStampTraceMessage(stamp, NULL, 1), ACL_ERROR_INVALID_PARAM, "msg");
    assert_acl_fails(aclprofSetStampTraceMessage(stamp, "ab", 3), ACL_ERROR_INVALID_PARAM,
                     "msgLen");
    assert_acl_fails(aclprofSetStampTraceMessage(stamp, "ab", 1024), ACL_ERROR_INVALID_PARAM, "");
    aclprofDestroyStamp(stamp);
    aclprofDestroyStamp(stamp); /* harmless */
    assert_acl_fails(aclprofMark(stamp), ACL_ERROR_INVALID_PARAM, "destroyed");
    aclprofStepInfo *step = aclprofCreateStepInfo();
    assert_acl_fails(aclprofGetStepTimestamp(step, 7, NULL), ACL_ERROR_INVALID_PARAM, "7");
    assert_acl_fails(aclprofGetStepTimestamp(step, ACL_STEP_END, NULL), ACL_ERROR_INVALID_PARAM,
                     "not begun");
    assert_acl_fails(aclprofGetStepTimestamp(NULL, ACL_STEP_END, NULL), ACL_ERROR_INVALID_PARAM,
                     "stepInfo");
    assert_acl(aclprofGetStepTimestamp(step, ACL_STEP_START, NULL));
    assert_acl_fails(aclprofGetStepTimestamp(step, ACL_STEP_START, NULL), ACL_ERROR_INVALID_PARAM,
                     "begun already");
    assert_acl(aclrtSynchronizeStream(NULL));
    aclprofDestroyStepInfo(step);
}

static void notes_calls_and_steps(void **state) {
    (void)state;
    aclprofConfig *c = config_of(ACL_PROF_ACL_API | ACL_PROF_MSPROFTX | ACL_PROF_TRAINING_TRACE);
    assert_acl(aclprofInit(folder, strlen(folder)));
    void *stamp = aclprofCreateStamp(), *p = NULL;
    uint32_t range = 0;
    assert_acl(aclprofMark(stamp)); /* not recorded yet */
    assert_acl(aclprofStart(c));
    assert_acl(aclprofSetStampTraceMessage(stamp, "two \"lines\"\n", 12));
    assert_acl(aclprofMark(stamp));
    assert_acl(aclprofPush(stamp));
    assert_acl(aclrtMalloc(&p, 100, ACL_MEM_MALLOC_HUGE_FIRST));
    assert_acl(aclprofPop());
    assert_acl(aclprofRangeStart(stamp, &range));
    assert_acl(aclrtMemset(p, 100, 1, 100));
    assert_acl(aclrtFree(p));
    assert_acl(aclprofRangeStop(range));
    /* Not UTF-8, which JSON has to be: a byte alone, an overlong one, a cut one. */
    assert_acl(aclprofSetStampTraceMessage(stamp, "\xff \xc0\xaf \xc3\xa4 \xe2\x82", 9));
    assert_acl(aclprofMark(stamp));
    aclprofStepInfo *step = aclprofCreateStepInfo();
    aclrtStream stream;
    assert_acl(aclrtCreateStream(&stream));
    assert_acl(aclprofGetStepTimestamp(step, ACL_STEP_START, stream));
    assert_acl(aclprofGetStepTimestamp(step, ACL_STEP_END, stream));
    assert_acl(aclrtSynchronizeStream(stream));
    assert_acl(aclprofStop(c));
    assert_acl(aclrtDestroyStream(stream)); /* not recorded any more */
    assert_acl(aclprofFinalize());
    assert_acl(aclprofDestroyConfig(c));
    aclprofDestroyStepInfo(step);
    aclprofDestroyStamp(stamp);
    json_t *trace = read_trace();
    assert_int_equal(count(trace, "i", "two \"lines\"\n"), 1);
    assert_int_equal(count(trace, "i", NULL), 2);
    assert_int_equal(count(trace, "X", "two \"lines\"\n"), 1);
    assert_int_equal(count(trace, "b", "two \"lines\"\n"), 1);
    assert_int_equal(count(trace, "e", "two \"lines\"\n"), 1);
    assert_int_equal(count(trace, "b", NULL), 2); /* and the step */
    assert_int_equal(count(trace, "X", "aclrtMalloc"), 1);
    assert_int_equal(count(trace, "X", "aclrtMemset"), 1);
    assert_int_equal(count(trace, "X", "aclrtSynchronizeStream"), 1);
    assert_int_equal(count(trace, "X", "aclrtDestroyStream"), 0);
    json_decref(trace);
}

static void *work(void *stamp) {
    for (int i = 0; i < 50; i++) {
        void *p;
        assert_acl(aclprofPush(stamp));
        assert_acl(aclrtSetDevice(0));
        assert_acl(aclrtMalloc(&p, 64, ACL_MEM_MALLOC_HUGE_FIRST));
        assert_acl(aclrtFree(p));
        assert_acl(aclrtResetDevice(0));
        assert_acl(aclprofPop());
    }
    return NULL;
}

static void threads(void **state) {
    (void)state;
    aclprofConfig *c = config_of(ACL_PROF_ACL_API | ACL_PROF_MSPROFTX);
    assert_acl(aclprofInit(folder, strlen(folder)));
    assert_acl(aclprofStart(c));
    void *stamp = aclprofCreateStamp();
    assert_acl(aclprofSetStampTraceMessage(stamp, "turn", 4));
    pthread_t t[3];
    for (int i = 0; i < 3; i++) assert_int_equal(pthread_create(&t[i], NULL, work, stamp), 0);
    for (int i = 0; i < 3; i++) pthread_join(t[i], NULL);
    assert_acl(aclprofStop(c));
    assert_acl(aclprofFinalize());
    assert_acl(aclprofDestroyConfig(c));
    aclprofDestroyStamp(stamp);
    json_t *trace = read_trace();
    assert_int_equal(count(trace, "X", "turn"), 150);
    assert_int_equal(count(trace, "X", "aclrtMalloc"), 150);
    json_decref(trace);
}

/* What the program does not end aclFinalize does, and it can begin again. */
static void left_open(void **state) {
    (void)state;
    aclprofConfig *c = config_of(ACL_PROF_ACL_API);
    void *stamp = aclprofCreateStamp();
    assert_acl(aclprofInit(folder, strlen(folder)));
    assert_acl(aclprofStart(c));
    assert_acl(aclprofPush(stamp));
    assert_acl(aclrtSynchronizeStream(NULL));
    assert_acl(aclFinalize());
    json_t *trace = read_trace();
    assert_int_equal(count(trace, "X", "aclrtSynchronizeStream"), 1);
    json_decref(trace);
    assert_acl(aclInit(NULL));
    assert_acl(aclrtSetDevice(0));
    assert_acl_fails(aclprofPop(), ACL_ERROR_INVALID_PARAM, "aclprofPush");
    assert_acl_fails(aclprofStop(c), ACL_ERROR_INVALID_PARAM, "destroyed");
    assert_acl(aclprofInit(folder, strlen(folder)));
    assert_acl(aclprofFinalize());
}

static void by_the_configuration_of_init(void **state) {
    (void)state;
    assert_acl(aclrtResetDevice(0));
    assert_acl(aclFinalize());
    char path[100];
    snprintf(path, sizeof path, "%s/acl.json", folder);
    FILE *f = fopen(path, "w");
    fprintf(f,
            "{\"profiler\": {\"switch\": \"on\", \"output\": \"%s\", \"storage_limit\": \"200\"}}",
            folder);
    fclose(f);
    assert_acl(aclInit(path));
    assert_acl(aclrtSetDevice(0));
    assert_acl_fails(aclprofInit(folder, strlen(folder)), ACL_ERROR_PROF_ALREADY_RUN, "aclInit");
    assert_acl_fails(aclprofFinalize(), ACL_ERROR_PROF_ALREADY_RUN, "aclInit");
    assert_acl(aclrtResetDevice(0));
    assert_acl(aclFinalize());
    json_t *trace = read_trace();
    assert_int_equal(count(trace, "X", "aclrtSetDevice"), 1);
    json_decref(trace);
    f = fopen(path, "w");
    fprintf(f, "{\"profiler\": {\"switch\": \"on\", \"storage_limit\": \"lots\"}}");
    fclose(f);
    assert_acl_fails(aclInit(path), ACL_ERROR_INVALID_PROFILING_CONFIG, "lots");
    assert_acl(aclInit(NULL));
    assert_acl(aclrtSetDevice(0));
}

/* Bytes that never came out of a pipe. */
static void foreign_bytes(void **state) {
    (void)state;
    size_t size = 0, length = 0;
    uint32_t n = 0;
    char text[300];
    assert_acl(aclprofGetOpDescSize(&size));
    assert_true(size > ACL_PROF_MAX_OP_NAME_LEN + ACL_PROF_MAX_OP_TYPE_LEN);
    char *bytes = malloc(2 * size);
    memset(bytes, 'x', 2 * size);
    assert_acl(aclprofGetOpNum(bytes, 2 * size, &n));
    assert_int_equal(n, 2);
    assert_acl_fails(aclprofGetOpNum(bytes, size + 1, &n), ACL_ERROR_INVALID_PARAM, "multiple");
    assert_acl_fails(aclprofGetOpNum(NULL, size, &n), ACL_ERROR_INVALID_PARAM, "opInfo");
    assert_acl_fails(aclprofGetOpNameLen(bytes, size, 0, &length), ACL_ERROR_INVALID_PARAM, "pipe");
    assert_acl_fails(aclprofGetOpName(bytes, size, 0, text, sizeof text), ACL_ERROR_INVALID_PARAM,
                     "pipe");
    assert_null(aclprofGetOpAttriValue(bytes, size, 0, ACL_SUBSCRIBE_ATTRI_THREADID));
    memset(bytes, 0, 2 * size);
    assert_acl(aclprofGetOpTypeLen(bytes, 2 * size, 1, &length));
    assert_int_equal(length, 1);
    assert_acl_fails(aclprofGetOpTypeLen(bytes, 2 * size, 2, &length), ACL_ERROR_INVALID_PARAM,
                     "index is 2");
    assert_acl_fails(aclprofGetOpType(bytes, 2 * size, 1, text, 0), ACL_ERROR_INVALID_PARAM,
                     "needs 1");
    assert_int_equal(aclprofGetOpFlag(bytes, size, 0), ACL_SUBSCRIBE_OP);
    assert_int_equal(aclprofGetOpFlag(bytes, size, 9), ACL_SUBSCRIBE_NONE);
    assert_int_equal(aclprofGetOpDuration(NULL, 0, 0), 0);
    free(bytes);
    assert_acl_fails(aclprofModelUnSubscribe(7), ACL_ERROR_GE_EXEC_MODEL_ID_INVALID, "7");
    assert_null(aclprofCreateSubscribeConfig(1, ACL_AICORE_NONE, NULL));
    int fd = 1;
    aclprofSubscribeConfig *c = aclprofCreateSubscribeConfig(1, ACL_AICORE_NONE, &fd);
    assert_acl_fails(aclprofModelSubscribe(12345, c), ACL_ERROR_GE_EXEC_MODEL_ID_INVALID, "12345");
    assert_acl(aclprofDestroySubscribeConfig(c));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(wrong_orders, begin, finish),
        cmocka_unit_test_setup_teardown(wrong_arguments, begin, finish),
        cmocka_unit_test_setup_teardown(notes_calls_and_steps, begin, finish),
        cmocka_unit_test_setup_teardown(threads, begin, finish),
        cmocka_unit_test_setup_teardown(left_open, begin, finish),
        cmocka_unit_test_setup_teardown(by_the_configuration_of_init, begin, finish),
        cmocka_unit_test_setup_teardown(foreign_bytes, begin, finish),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
