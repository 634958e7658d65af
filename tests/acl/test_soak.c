/* SPDX-License-Identifier: Apache-2.0 */
/* Hours of use in short: executes on four streams and rounds of load, execute and unload, after
 * which the process must not have grown. */
#include "acl_check.h"

enum { STREAMS = 4, EXECUTES = 100000, IN_FLIGHT = 50, ROUNDS = 10000 };
/* What the process may grow by after its first tenth; one leak of 64 bytes a round is above. */
enum { MOST_GROWTH = 512 << 10 };

static long resident(void) {
    long pages = 0;
    FILE *f = fopen("/proc/self/statm", "r");
    assert_non_null(f);
    assert_int_equal(fscanf(f, "%*s %ld", &pages), 1);
    fclose(f);
    return pages * sysconf(_SC_PAGESIZE);
}

/* Says how much the process has grown since `before`, and fails when that is too much. */
static void check_growth(const char *what, long before) {
    long growth = resident() - before;
    printf("%s: grown by %ld KiB\n", what, growth / 1024);
    if (growth > MOST_GROWTH) fail_msg("%s: grown by %ld KiB", what, growth / 1024);
}

struct lane {
    aclrtStream stream;
    aclmdlDataset *in, *out;
    float x[6], y[6], z[6];
};

static void executes_on_streams(void **state) {
    (void)state;
    struct lane lanes[STREAMS];
    uint32_t model = load_text(small_net);
    for (int i = 0; i < STREAMS; i++) {
        struct lane *l = &lanes[i];
        assert_acl(aclrtCreateStream(&l->stream));
        l->in = dataset_of(1, (void *[]){l->x}, (size_t[]){sizeof l->x});
        l->out = dataset_of(2, (void *[]){l->y, l->z}, (size_t[]){sizeof l->y, sizeof l->z});
        for (int k = 0; k < 6; k++) l->x[k] = (float)(i + k);
    }
    long before = 0;
    for (int n = 0; n < EXECUTES; n += STREAMS * IN_FLIGHT) {
        if (n == EXECUTES / 10) before = resident();
        for (int k = 0; k < IN_FLIGHT; k++)
            for (int i = 0; i < STREAMS; i++)
                assert_acl(
                    aclmdlExecuteAsync(model, lanes[i].in, lanes[i].out, lanes[i].stream));
        for (int i = 0; i < STREAMS; i++) {
            assert_acl(aclrtSynchronizeStream(lanes[i].stream));
            assert_true(lanes[i].z[5] == 10 * (float)(i + 5));
            lanes[i].z[5] = 0;
        }
    }
    check_growth("executes on four streams", before);
    for (int i = 0; i < STREAMS; i++) {
        dataset_end(lanes[i].in);
        dataset_end(lanes[i].out);
        assert_acl(aclrtDestroyStream(lanes[i].stream));
    }
    assert_acl(aclmdlUnload(model));
}

static void loads_and_unloads(void **state) {
    (void)state;
    size_t bytes;
    void *om = om_of(small_net, &bytes);
    float x[6] = {1, 2, 3, 4, 5, 6}, y[6], z[6];
    aclmdlDataset *in = dataset_of(1, (void *[]){x}, (size_t[]){sizeof x});
    aclmdlDataset *out = dataset_of(2, (void *[]){y, z}, (size_t[]){sizeof y, sizeof z});
    long before = 0;
    uint64_t allocations = 0;
    for (int n = 0; n < ROUNDS; n++) {
        if (n == ROUNDS / 10) {
            before = resident();
            allocations = mem_live_allocations();
        }
        uint32_t model;
        z[5] = 0;
        assert_acl(aclmdlLoadFromMem(om, bytes, &model));
        assert_acl(aclmdlExecute(model, in, out));
        assert_acl(aclmdlUnload(model));
        assert_true(z[5] == 60);
    }
    check_growth("loads and unloads", before);
    assert_int_equal(mem_live_allocations(), allocations);
    dataset_end(in);
    dataset_end(out);
    mem_free(om);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(executes_on_streams, start, end),
        cmocka_unit_test_setup_teardown(loads_and_unloads, start, end),
    };
    return cmocka_run_group_tests_name("soak", tests, NULL, NULL);
}
