/* SPDX-License-Identifier: Apache-2.0 */
/* Profiling of runs from the inside: sessions that begin and end while threads run a model,
 * subscribers that come and go, and memory that runs out. */
#define _GNU_SOURCE /* nftw */
#include "acl_check.h"

#include <ftw.h>
#include <jansson.h>
#include <sys/stat.h>

#include "acl/profile.h"

static char folder[64];

static int begin(void **state) {
    strcpy(folder, "/tmp/prusik-prof-XXXXXX");
    assert_non_null(mkdtemp(folder));
    return start(state);
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw) {
    (void)st, (void)type, (void)ftw;
    return remove(path);
}

static int finish(void **state) {
    nftw(folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
    return end(state);
}

/* ---- what was written ---- */

static int n_sessions, n_runs, n_steps, n_ranges;

static int read_trace(const char *path, const struct stat *st, int type, struct FTW *ftw) {
    (void)st, (void)ftw;
    if (type != FTW_F || !strstr(path, "/msprof_2")) return 0;
    json_error_t error;
    json_t *root = json_load_file(path, 0, &error), *e;
    if (!root) fail_msg("%s: %s", path, error.text);
    size_t i;
    n_sessions++;
    json_array_foreach(root, i, e) {
        assert_true(json_number_value(json_object_get(e, "ts")) >= 0);
        const char *category = json_string_value(json_object_get(e, "cat"));
        n_runs += category && !strcmp(category, "model");
        n_ranges += category && !strcmp(category, "range");
        n_steps += category && !strcmp(category, "op");
    }
    json_decref(root);
    return 0;
}

static void read_all(void) {
    n_sessions = n_runs = n_steps = n_ranges = 0;
    nftw(folder, read_trace, 8, FTW_PHYS);
}

/* ---- runs ---- */

static void run(uint32_t id, int n) {
    float x[6] = {1, 2, 3, -4, 5, -6}, y[6], z[6];
    aclmdlDataset *in = dataset_of(1, (void *[]){x}, (size_t[]){sizeof x});
    aclmdlDataset *out = dataset_of(2, (void *[]){y, z}, (size_t[]){sizeof y, sizeof z});
    for (int i = 0; i < n; i++) assert_acl(aclmdlExecute(id, in, out));
    assert_float_equal(z[5], -60, 0);
    dataset_end(in);
    dataset_end(out);
}

static void *run_hundred(void *id) {
    assert_acl(aclrtSetDevice(0));
    run(*(uint32_t *)id, 100);
    assert_acl(aclrtResetDevice(0));
    return NULL;
}

static void *read_pipe(void *fd) {
    char bytes[4096];
    ssize_t n;
    size_t sum = 0;
    while ((n = read(*(int *)fd, bytes, sizeof bytes)) > 0) sum += (size_t)n;
    assert_int_equal(sum % sizeof(struct profile_op), 0);
    return NULL;
}

static void sessions_while_threads_run(void **state) {
    (void)state;
    const uint64_t types = PROFILE_CALLS | PROFILE_RUNS | PROFILE_NOTES;
    uint32_t id = load_text(small_net);
    pthread_t t[3];
    for (int i = 0; i < 3; i++) assert_int_equal(pthread_create(&t[i], NULL, run_hundred, &id), 0);
    for (int i = 0; i < 5; i++) {
        assert_acl(profile_range_begin("test", PROFILE_PUSH, "begun before", NULL));
        assert_acl(profile_open("test", folder));
        assert_acl(profile_start("test", types, 1));
        run(id, 3);
        assert_acl(profile_pop("test"));
        if (i % 2) assert_acl(profile_stop("test", types, 1));
        assert_acl(profile_close("test"));
    }
    for (int i = 0; i < 3; i++) pthread_join(t[i], NULL);
    read_all();
    assert_int_equal(n_sessions, 5);
    assert_int_equal(n_ranges, 5);
    assert_true(n_runs >= 15);
    assert_int_equal(n_steps % n_runs, 0);
    assert_acl(aclmdlUnload(id));
}

static void subscribers_while_threads_run(void **state) {
    (void)state;
    uint32_t id = load_text(small_net);
    pthread_t t[3], reader;
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(pthread_create(&reader, NULL, read_pipe, &ends[0]), 0);
    for (int i = 0; i < 3; i++) assert_int_equal(pthread_create(&t[i], NULL, run_hundred, &id), 0);
    for (int i = 0; i < 5; i++) {
        assert_acl(profile_subscribe("test", id, i % 2, ends[1]));
        assert_acl_fails(profile_open("test", folder), ACL_ERROR_PROF_API_CONFLICT, "subscribed");
        run(id, 3);
        assert_acl(profile_unsubscribe("test", id));
    }
    for (int i = 0; i < 3; i++) pthread_join(t[i], NULL);
    close(ends[1]);
    pthread_join(reader, NULL);
    close(ends[0]);
    assert_acl(aclmdlUnload(id));
}

/* Events for which there is no memory are missing; that is no failure, and nothing leaks. */
static void memory_runs_out(void **state) {
    (void)state;
    uint64_t before = mem_live_allocations();
    bool ok = false;
    for (uint64_t n = 1; !ok && n < 100; n++) {
        mem_fail_after(n, true);
        bool opened = profile_open("test", folder) == ACL_SUCCESS;
        if (opened) assert_acl(profile_start("test", PROFILE_CALLS | PROFILE_NOTES, 1));
        if (opened) assert_acl(profile_mark("test", "a note"));
        if (opened) ok = profile_close("test") == ACL_SUCCESS;
        mem_fail_after(0, false);
        assert_int_equal(mem_live_allocations(), before);
    }
    assert_true(ok);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(sessions_while_threads_run, begin, finish),
        cmocka_unit_test_setup_teardown(subscribers_while_threads_run, begin, finish),
        cmocka_unit_test_setup_teardown(memory_runs_out, begin, finish),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
