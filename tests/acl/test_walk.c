/* SPDX-License-Identifier: Apache-2.0 */
/* The walk of a whole program: again and again in one process with flat memory, without allocations
 * while it runs, and with every allocation failing once. */
#include "acl_check.h"

/* Two convolutions with something between and behind. */
static void *walk_model(size_t *bytes) {
    struct graph *g;
    int x, w, v, a, b, c, y, n;
    float wv[8 * 3 * 3 * 3], vv[4 * 8];
    void *om = NULL;
    for (size_t i = 0; i < sizeof wv / sizeof wv[0]; i++) wv[i] = (float)((int)(i % 7) - 3) / 8;
    for (size_t i = 0; i < sizeof vv / sizeof vv[0]; i++) vv[i] = (float)((int)(i % 5) - 2) / 4;
    assert_ok(graph_create(&g));
    assert_ok(graph_add_tensor(g, "x", DT_F32, shape_of(4, 1, 3, 8, 8), &x));
    assert_ok(graph_add_constant(g, "w", DT_F32, shape_of(4, 8, 3, 3, 3), wv, false, &w));
    assert_ok(graph_add_constant(g, "v", DT_F32, shape_of(4, 4, 8, 1, 1), vv, false, &v));
    assert_ok(graph_add_tensor(g, "a", DT_NONE, shape_unknown(), &a));
    assert_ok(graph_add_tensor(g, "b", DT_NONE, shape_unknown(), &b));
    assert_ok(graph_add_tensor(g, "c", DT_NONE, shape_unknown(), &c));
    assert_ok(graph_add_tensor(g, "y", DT_NONE, shape_unknown(), &y));
    assert_ok(graph_add_node(g, OP_Conv, "conv1", 2, (int[]){x, w}, 1, &a, &n));
    assert_ok(node_set_ints(g, n, "pads", 4, (int64_t[]){1, 1, 1, 1}));
    assert_ok(graph_add_node(g, OP_Relu, "relu", 1, &a, 1, &b, &n));
    assert_ok(graph_add_node(g, OP_Conv, "conv2", 2, (int[]){b, v}, 1, &c, &n));
    assert_ok(graph_add_node(g, OP_Sigmoid, "sigmoid", 1, &c, 1, &y, &n));
    assert_ok(graph_add_input(g, x));
    assert_ok(graph_add_output(g, y));
    assert_ok(graph_sort(g));
    assert_ok(graph_infer(g));
    assert_ok(graph_verify(g));
    assert_ok(om_write_memory(g, &om, bytes));
    graph_destroy(g);
    return om;
}

enum { IN_BYTES = 3 * 8 * 8 * 4, OUT_BYTES = 4 * 8 * 8 * 4 };

/* Whatever it has when something fails it releases, as a careful program does. */
struct walk {
    bool inited, set, loaded;
    aclrtContext context;
    uint32_t id;
    aclmdlDesc *desc;
    aclmdlDataset *in, *out;
    aclDataBuffer *in_buffer, *out_buffer;
    void *in_memory, *out_memory;
    float result[OUT_BYTES / 4];
};

#define STEP(expression)                                                                           \
    do {                                                                                           \
        if ((expression) != ACL_SUCCESS) return false;                                             \
    } while (0)

static bool walk_forward(struct walk *w, const void *om, size_t om_bytes) {
    float x[IN_BYTES / 4];
    for (int i = 0; i < IN_BYTES / 4; i++) x[i] = (float)(i % 17) / 8 - 1;
    STEP(aclInit(NULL));
    w->inited = true;
    STEP(aclrtSetDevice(0));
    w->set = true;
    STEP(aclrtCreateContext(&w->context, 0));
    STEP(aclmdlLoadFromMem(om, om_bytes, &w->id));
    w->loaded = true;
    STEP(!(w->desc = aclmdlCreateDesc()));
    STEP(aclmdlGetDesc(w->desc, w->id));
    STEP(aclmdlGetInputSizeByIndex(w->desc, 0) != IN_BYTES);
    STEP(!(w->in = aclmdlCreateDataset()));
    STEP(aclrtMalloc(&w->in_memory, IN_BYTES, ACL_MEM_MALLOC_HUGE_FIRST));
    STEP(!(w->in_buffer = aclCreateDataBuffer(w->in_memory, IN_BYTES)));
    STEP(aclmdlAddDatasetBuffer(w->in, w->in_buffer));
    STEP(!(w->out = aclmdlCreateDataset()));
    STEP(aclrtMalloc(&w->out_memory, OUT_BYTES, ACL_MEM_MALLOC_HUGE_FIRST));
    STEP(!(w->out_buffer = aclCreateDataBuffer(w->out_memory, OUT_BYTES)));
    STEP(aclmdlAddDatasetBuffer(w->out, w->out_buffer));
    STEP(aclrtMemcpy(w->in_memory, IN_BYTES, x, IN_BYTES, ACL_MEMCPY_HOST_TO_DEVICE));
    STEP(aclmdlExecute(w->id, w->in, w->out));
    STEP(aclmdlExecuteAsync(w->id, w->in, w->out, NULL));
    STEP(aclrtSynchronizeStream(NULL));
    STEP(aclrtMemcpy(w->result, OUT_BYTES, w->out_memory, OUT_BYTES, ACL_MEMCPY_DEVICE_TO_HOST));
    return true;
}

static void walk_back(struct walk *w) {
    if (w->loaded) assert_acl(aclmdlUnload(w->id));
    if (w->desc) assert_acl(aclmdlDestroyDesc(w->desc));
    if (w->in_buffer) assert_acl(aclDestroyDataBuffer(w->in_buffer));
    if (w->out_buffer) assert_acl(aclDestroyDataBuffer(w->out_buffer));
    if (w->in) assert_acl(aclmdlDestroyDataset(w->in));
    if (w->out) assert_acl(aclmdlDestroyDataset(w->out));
    if (w->in_memory) assert_acl(aclrtFree(w->in_memory));
    if (w->out_memory) assert_acl(aclrtFree(w->out_memory));
    if (w->context) assert_acl(aclrtDestroyContext(w->context));
    if (w->set) assert_acl(aclrtResetDevice(0));
    if (w->inited) assert_acl(aclFinalize());
}

static long resident_kib(void) {
    long pages = 0, resident = 0;
    FILE *f = fopen("/proc/self/statm", "r");
    assert_non_null(f);
    assert_int_equal(fscanf(f, "%ld %ld", &pages, &resident), 2);
    fclose(f);
    return resident * (sysconf(_SC_PAGESIZE) / 1024);
}

static void hundred_walks_with_flat_memory(void **state) {
    (void)state;
    size_t bytes;
    void *om = walk_model(&bytes);
    uint64_t live = 0;
    long resident = 0;
    float first[OUT_BYTES / 4];
    for (int i = 0; i < 100; i++) {
        struct walk w = {0};
        if (!walk_forward(&w, om, bytes)) fail_msg("walk %d: %s", i, aclGetRecentErrMsg());
        walk_back(&w);
        if (i == 0) memcpy(first, w.result, sizeof first);
        assert_memory_equal(first, w.result, sizeof first);
        if (i == 0) live = mem_live_allocations();
        assert_int_equal(mem_live_allocations(), live);
        if (i == 20) resident = resident_kib();
    }
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__) /* they keep freed memory */
    assert_true(resident_kib() <= resident + 1024);
#endif
    mem_free(om);
}

static void runs_allocate_nothing(void **state) {
    (void)state;
    size_t bytes;
    void *om = walk_model(&bytes);
    struct walk w = {0};
    assert_true(walk_forward(&w, om, bytes));
    uint64_t before = mem_total_allocations();
    for (int i = 0; i < 10; i++) {
        assert_acl(aclmdlExecute(w.id, w.in, w.out));
        assert_acl(aclmdlExecuteAsync(w.id, w.in, w.out, NULL));
        assert_acl(aclrtSynchronizeStream(NULL));
    }
    assert_int_equal(mem_total_allocations(), before);
    walk_back(&w);
    mem_free(om);
}

/* Each allocation of a whole walk fails in turn: the walk ends with an error and a sentence, and
 * nothing is lost. */
static void every_allocation_fails_once(void **state) {
    (void)state;
    size_t bytes;
    void *om = walk_model(&bytes);
    struct walk w = {0};
    assert_true(walk_forward(&w, om, bytes)); /* the table of handles grows here, not below */
    walk_back(&w);
    uint64_t live = mem_live_allocations(), before = mem_total_allocations();
    w = (struct walk){0};
    assert_true(walk_forward(&w, om, bytes));
    walk_back(&w);
    uint64_t n_all = mem_total_allocations() - before;
    assert_true(n_all > 50);
    int n_failed = 0;
    for (uint64_t n = 1; n <= n_all; n++) {
        struct walk try = {0};
        mem_fail_after(n, false);
        bool ok = walk_forward(&try, om, bytes);
        mem_fail_after(0, false);
        if (!ok && strlen(aclGetRecentErrMsg()) < 10)
            fail_msg("allocation %d: no sentence", (int)n);
        walk_back(&try);
        if (mem_live_allocations() != live)
            fail_msg("allocation %d failing leaves %d blocks", (int)n,
                     (int)(mem_live_allocations() - live));
        if (!ok) n_failed++;
        else assert_memory_equal(try.result, w.result, sizeof w.result); /* done without it */
    }
    assert_true(n_failed > 50);
    mem_free(om);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hundred_walks_with_flat_memory),
        cmocka_unit_test(runs_allocate_nothing),
        cmocka_unit_test(every_allocation_fails_once),
    };
    return cmocka_run_group_tests_name("walk", tests, NULL, NULL);
}
