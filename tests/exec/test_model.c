/* SPDX-License-Identifier: Apache-2.0 */
/* Models run: values, borders, shapes known late, threads, and memory that stays put. */
#include "../check.h"

#include <math.h>
#include <pthread.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/env.h"
#include "exec/exec.h"
#include "plan/hints.h"

static struct graph *parse(const char *text) {
    struct graph *g;
    assert_ok(graph_parse(text, strlen(text), &g));
    assert_ok(graph_sort(g));
    assert_ok(graph_infer(g));
    assert_ok(graph_verify(g));
    return g;
}

static struct model *load(const char *text, struct device *d) {
    struct model *m;
    assert_ok(model_create(parse(text), d, &m));
    return m;
}

static const char residual_block[] =
    "graph \"block\" {\n"
    "  input x f32[2,3,5,7]\n"
    "  a f32[2,3,5,7] = Relu(x)\n"
    "  b f32[2,3,5,7] = Add(a, x)\n"
    "  c f32[2,6,5,7] = Concat(b, a) {axis=1}\n"
    "  d f32[2,5,7,6] = Transpose(c) {perm=[0,2,3,1]}\n"
    "  output d\n"
    "  output b\n"
    "}\n";

enum { N_IN = 2 * 3 * 5 * 7 };

static void fill(float *x, int n) {
    for (int i = 0; i < n; i++) x[i] = sinf((float)i * 1.7f) * 3;
}

static void values(void **state) {
    (void)state;
    for (int threads = 1; threads <= 3; threads++) {
        struct device *d;
        assert_ok(device_create(threads, &d));
        struct model *m = load(residual_block, d);
        struct instance *r;
        assert_ok(instance_create(m, &r));
        float x[N_IN], y[2 * N_IN];
        fill(x, N_IN);
        assert_ok(instance_set_input(r, 0, shape_of(4, 2, 3, 5, 7), x, sizeof x));
        assert_ok(instance_set_output(r, 0, y, sizeof y));
        assert_ok(instance_run(r, 0));
        const float *b = instance_output(r, 1)->data;
        assert_ptr_equal(instance_output(r, 0)->data, y);
        for (int n = 0; n < 2; n++)
            for (int c = 0; c < 3; c++)
                for (int p = 0; p < 35; p++) {
                    float v = x[(n * 3 + c) * 35 + p], relu = v > 0 ? v : 0;
                    assert_true(b[(n * 3 + c) * 35 + p] == relu + v);
                    assert_true(y[(n * 35 + p) * 6 + c] == relu + v);
                    assert_true(y[(n * 35 + p) * 6 + c + 3] == relu);
                }
        instance_destroy(r);
        model_destroy(m);
        device_destroy(d);
    }
}

/* A plan with these hints, for a convolution of 3x3 and one of 1x1. */
static char *plan_of(const char *hints, struct device *d) {
    static const char text[] =
        "graph \"g\" {\n"
        "  input x f32[1,16,30,30]\n"
        "  const w f32[40,16,3,3] = splat(0.25)\n"
        "  y f32[1,40,30,30] = Conv(x, w) {pads=[1,1,1,1]}\n"
        "  const v f32[40,40,1,1] = splat(0.5)\n"
        "  z f32[1,40,30,30] = Conv(y, v)\n"
        "  output z\n"
        "}\n";
    struct graph *g = parse(text);
    struct model *m;
    char key[HINTS_KEY], *plan;
    size_t n;
    hints_key(key);
    if (hints) assert_ok(graph_set_meta(g, key, hints));
    assert_ok(model_create(g, d, &m));
    FILE *to = open_memstream(&plan, &n);
    assert_non_null(to);
    assert_ok(model_print_plan(m, to));
    fclose(to);
    model_destroy(m);
    return plan;
}

/* Hints choose the kernel; those that are broken or impossible change nothing. */
static void hints(void **state) {
    (void)state;
#define FIRST "1 16 30 30 40 30 30 3 3 1 1 1 1 1 1 1 0 0 0 0 0 : "
#define SECOND "1 40 30 30 40 30 30 1 1 1 1 1 1 0 0 1 0 0 0 0 0 : "
    static const char *const useless[] = {
        "", "nonsense", "2 1\n" FIRST "2 1 9\n", /* another version */
        "1 1\n" FIRST "3 1 9\n",    /* no such form with stride 1 */
        "1 1\n" FIRST "77 1 9\n",   /* no such algorithm */
        "1 1\n" FIRST "2 99 9\n",   /* no such group */
        "1 1\n" FIRST "1 99 0\n",
        "1 1\n" FIRST "2 1 1000000000\n",
        "1 1\n" SECOND "6 1 9\n",   /* no Winograd for 1x1 */
        "1 1\n9" FIRST "2 1 9\n",   /* no such layer */
        "1 1\n" FIRST "2 1 9\nx\n",  /* one is broken, so none counts */
    };
    struct device *d;
    assert_ok(device_create(1, &d));
    char *usual = plan_of(NULL, d), *other;
    for (size_t i = 0; i < sizeof useless / sizeof *useless; i++) {
        other = plan_of(useless[i], d);
        assert_string_equal(usual, other);
        free(other);
    }
    other = plan_of("1 1\n" FIRST "2 1 9\n" SECOND "1 1 0\n", d);
    assert_non_null(strstr(other, "wino2 1x9"));
    assert_non_null(strstr(other, "1x1s1 1x"));
    assert_string_not_equal(usual, other);
    free(other);
    other = plan_of("1 1\n" FIRST "6 2 5\n" FIRST "2 1 9\n", d); /* the first of two */
    assert_non_null(strstr(other, "wino6 2x5"));
    free(other);
    free(usual);
    device_destroy(d);
}

static void borders_are_checked(void **state) {
    (void)state;
    struct device *d;
    assert_ok(device_create(1, &d));
    struct model *m = load(residual_block, d);
    struct instance *r;
    assert_ok(instance_create(m, &r));
    float x[N_IN] = {0}, y[2 * N_IN];
    assert_fails(instance_run(r, 0), STATUS_STATE, "has not been set");
    assert_fails(instance_set_input(r, 0, shape_of(4, 2, 3, 5, 7), x, sizeof x - 4),
                 STATUS_ARGUMENT, "input 'x' has 836 bytes");
    assert_fails(instance_set_input(r, 0, shape_of(4, 2, 3, 5, 8), x, sizeof x), STATUS_SHAPE,
                 "the model takes [2,3,5,7]");
    assert_ok(instance_set_input(r, 0, shape_of(4, 2, 3, 5, 7), x, sizeof x));
    y[N_IN] = 17;
    assert_ok(instance_set_output(r, 0, y, sizeof y / 2));
    assert_fails(instance_run(r, 0), STATUS_ARGUMENT,
                 "output 0 ('d') needs 1680 bytes; the buffer given has 840");
    assert_true(y[N_IN] == 17);
    instance_destroy(r);
    model_destroy(m);
    device_destroy(d);
}

/* A second run for the same shapes allocates nothing. */
static void runs_do_not_allocate(void **state) {
    (void)state;
    struct device *d;
    assert_ok(device_create(2, &d));
    struct model *m = load(residual_block, d);
    struct instance *r;
    assert_ok(instance_create(m, &r));
    float x[N_IN];
    fill(x, N_IN);
    assert_ok(instance_set_input(r, 0, shape_of(4, 2, 3, 5, 7), x, sizeof x));
    assert_ok(instance_run(r, 0));
    uint64_t before = mem_total_allocations();
    for (int i = 0; i < 10; i++) assert_ok(instance_run(r, 0));
    assert_int_equal(mem_total_allocations(), before);
    instance_destroy(r);
    model_destroy(m);
    device_destroy(d);
}

static const char any_batch[] =
    "graph \"dynamic\" {\n"
    "  input x f32[?,4]\n"
    "  a f32[?,4] = Relu(x)\n"
    "  n i64[2,?] = NonZero(a)\n"
    "  t i64[?,2] = Transpose(n) {perm=[1,0]}\n"
    "  output a\n"
    "  output t\n"
    "}\n";

/* Input shapes known at run time, and an output whose shape depends on values. */
static void late_shapes(void **state) {
    (void)state;
    struct device *d;
    assert_ok(device_create(2, &d));
    struct model *m = load(any_batch, d);
    struct instance *r;
    assert_ok(instance_create(m, &r));
    const float x[12] = {1, -1, 2, 0, -5, -6, -7, -8, 0, 0, 0, 3};
    for (int rows = 1; rows <= 3; rows++) {
        assert_ok(instance_set_input(r, 0, shape_of(2, rows, 4), x, sizeof x));
        assert_ok(instance_run(r, 0));
        const struct view *a = instance_output(r, 0), *t = instance_output(r, 1);
        assert_int_equal(a->shape.dim[0], rows);
        int64_t expected = rows < 3 ? 2 : 3;
        assert_int_equal(t->shape.dim[0], expected);
        assert_int_equal(t->shape.dim[1], 2);
        assert_int_equal(((const int64_t *)t->data)[2], 0);
        assert_int_equal(((const int64_t *)t->data)[3], 2);
    }
    assert_fails(instance_set_input(r, 0, shape_of(2, 1, 5), x, sizeof x), STATUS_SHAPE,
                 "the model takes [?,4]");
    instance_destroy(r);
    model_destroy(m);
    device_destroy(d);
}

static const char bad_index[] =
    "graph \"gather\" {\n"
    "  input x f32[3]\n"
    "  input i i64[2]\n"
    "  y f32[2] = Gather(x, i)\n"
    "  output y\n"
    "}\n";

/* A step that fails while running ends the run with its sentence, on any number of threads. */
static void errors_while_running(void **state) {
    (void)state;
    struct device *d;
    assert_ok(device_create(2, &d));
    struct model *m = load(bad_index, d);
    struct instance *r;
    assert_ok(instance_create(m, &r));
    const float x[3] = {1, 2, 3};
    int64_t i[2] = {1, 7};
    assert_ok(instance_set_input(r, 0, shape_of(1, 3), x, sizeof x));
    assert_ok(instance_set_input(r, 1, shape_of(1, 2), i, sizeof i));
    assert_int_not_equal(instance_run(r, 0), STATUS_OK);
    assert_non_null(strstr(status_message(), "Gather"));
    i[1] = 2;
    assert_ok(instance_run(r, 0));
    assert_true(((const float *)instance_output(r, 0)->data)[1] == 3);
    instance_destroy(r);
    model_destroy(m);
    device_destroy(d);
}

static void *run_often(void *model) {
    struct instance *r;
    if (instance_create(model, &r) != STATUS_OK) return "no instance";
    float x[N_IN];
    fill(x, N_IN);
    const char *error = NULL;
    for (int i = 0; i < 50 && !error; i++) {
        if (instance_set_input(r, 0, shape_of(4, 2, 3, 5, 7), x, sizeof x) != STATUS_OK ||
            instance_run(r, 0) != STATUS_OK)
            error = "run failed";
        else if (((const float *)instance_output(r, 1)->data)[1] != (x[1] > 0 ? 2 * x[1] : x[1]))
            error = "wrong value";
    }
    instance_destroy(r);
    return (void *)(uintptr_t)error;
}

static void one_model_many_threads(void **state) {
    (void)state;
    struct device *d;
    assert_ok(device_create(2, &d));
    struct model *m = load(residual_block, d);
    pthread_t t[3];
    for (int i = 0; i < 3; i++) assert_int_equal(pthread_create(&t[i], NULL, run_often, m), 0);
    for (int i = 0; i < 3; i++) {
        void *error;
        pthread_join(t[i], &error);
        assert_null(error);
    }
    model_destroy(m);
    device_destroy(d);
}

static void steps_have_a_limit(void **state) {
    (void)state;
    struct device *d;
    struct instance *r;
    assert_ok(device_create(2, &d));
    struct model *m = load(residual_block, d);
    assert_ok(instance_create(m, &r));
    float x[N_IN];
    fill(x, N_IN);
    assert_ok(instance_set_input(r, 0, shape_of(4, 2, 3, 5, 7), x, sizeof x));
    instance_limit_steps(r, 1);
    assert_fails(instance_run(r, 0), STATUS_TIMEOUT, "step 0 took");
    instance_limit_steps(r, INT64_C(60000000000));
    assert_ok(instance_run(r, 0));
    instance_limit_steps(r, 0);
    assert_ok(instance_run(r, 0));
    instance_destroy(r);
    model_destroy(m);
    device_destroy(d);
}

/* Whichever allocation of load and run fails: an error, no crash, nothing left behind. */
static void every_allocation_may_fail(void **state) {
    (void)state;
    struct device *d;
    assert_ok(device_create(1, &d));
    float x[N_IN];
    fill(x, N_IN);
    uint64_t live = mem_live_allocations();
    for (uint64_t n = 1;; n++) {
        struct graph *g = parse(residual_block);
        mem_fail_after(n, false);
        struct model *m = NULL;
        struct instance *r = NULL;
        enum status s = model_create(g, d, &m);
        if (s == STATUS_OK) s = instance_create(m, &r);
        if (s == STATUS_OK) s = instance_set_input(r, 0, shape_of(4, 2, 3, 5, 7), x, sizeof x);
        if (s == STATUS_OK) s = instance_run(r, 0);
        mem_fail_after(0, false);
        if (s != STATUS_OK) assert_int_equal(s, STATUS_MEMORY);
        instance_destroy(r);
        model_destroy(m);
        assert_int_equal(mem_live_allocations(), live);
        if (s == STATUS_OK) break;
        assert_true(n < 10000);
    }
    device_destroy(d);
}

/* ---- the memory constants come in ---- */

enum { K = 500, N = 1000, BLOCK = 2 * K * N + N };

/* A block as om/read.c lends it. What it has in its middle when it goes, tells. */
static float middle_at_the_end;

static void release_block(void *p) {
    middle_at_the_end = ((float *)p)[BLOCK / 2];
    mem_free(p);
}

/* Three products with weights that overlap in the block, one of them twice, and a constant that is
 * read as it is from the block's end. */
static struct model *load_from_block(const char *batch, struct device *d, float *block) {
    char text[1024];
    snprintf(text, sizeof text,
             "graph \"block\" {\n"
             "  input x f32[%s,500]\n"
             "  const u f32[500,1000] = splat(0)\n"
             "  const v f32[500,1000] = splat(0)\n"
             "  const w f32[500,1000] = splat(0)\n"
             "  const c f32[1000] = splat(0)\n"
             "  p = MatMul(x, u)\n  q = MatMul(x, v)\n  r = MatMul(x, w)\n"
             "  s = Relu(x)\n  t = MatMul(s, u)\n"
             "  a = Add(p, q)\n  b = Add(r, t)\n  e = Add(a, b)\n  y = Add(e, c)\n"
             "  output y\n"
             "}\n", batch);
    struct graph *g = parse(text);
    static const char *const names[] = {"u", "v", "w", "c"};
    static const int at[] = {0, K * N / 3, K * N, 2 * K * N};
    for (int i = 0; i < 4; i++) g->tensors[graph_find_tensor(g, names[i])].data = block + at[i];
    assert_ok(graph_attach(g, block, release_block));
    g->constants = block;
    g->constants_bytes = BLOCK * sizeof *block;
    struct model *m;
    assert_ok(model_create(g, d, &m));
    return m;
}

static float *make_block(void) {
    float *block = mem_reserve(BLOCK * sizeof *block);
    assert_non_null(block);
    for (int i = 0; i < BLOCK; i++) block[i] = (float)(i * 7 % 13) - 5.5f;
    return block;
}

static void check_block_run(struct model *m, int batch) {
    static float x[2 * K], y[2 * N];
    float *block = make_block();
    struct instance *r;
    for (int i = 0; i < batch * K; i++) x[i] = (float)(i % 5) - 1;
    assert_ok(instance_create(m, &r));
    assert_ok(instance_set_input(r, 0, shape_of(2, batch, K), x, (size_t)batch * K * sizeof *x));
    assert_ok(instance_set_output(r, 0, y, sizeof y));
    assert_ok(instance_run(r, 0));
    for (int i = 0; i < batch; i++)
        for (int j = 0; j < N; j += 37) { /* sums of halves: exact */
            float want = block[2 * K * N + j];
            for (int k = 0; k < K; k++) {
                const float v = x[i * K + k], *row = block + k * N + j;
                want += v * (row[0] + row[K * N / 3] + row[K * N]) + (v > 0 ? v * row[0] : 0);
            }
            assert_true(y[i * N + j] == want);
        }
    instance_destroy(r);
    mem_free(block);
}

static void constants_are_given_back(void **state) {
    (void)state;
    for (int threads = 1; threads <= 3; threads++) {
        struct device *d;
        assert_ok(device_create(threads, &d));
        middle_at_the_end = -1;
        struct model *m = load_from_block("2", d, make_block());
        assert_true(middle_at_the_end == 0); /* its pages had gone before */
        check_block_run(m, 2);
        model_destroy(m);
        /* Other shapes will need the constants again. */
        float *block = make_block(), kept = block[BLOCK / 2];
        m = load_from_block("?", d, block);
        check_block_run(m, 2);
        check_block_run(m, 1);
        model_destroy(m);
        assert_true(middle_at_the_end == kept);
        device_destroy(d);
    }
}

/* ---- gears ---- */

/* A Gemm, whose weights are packed, and an Add, which reads its constant as it is. */
static const char geared[] = "graph \"geared\" {\n"
                             "  meta \"prusik.dynamic\" = \"batch 1;4;2\"\n"
                             "  input x f32[?,8]\n"
                             "  const w f32[8,8] = splat(0.5)\n"
                             "  const c f32[8] = {0, 1, 2, 3, 4, 5, 6, 7}\n"
                             "  a = MatMul(x, w)\n"
                             "  b = Relu(a)\n"
                             "  r = Sin(b)\n"
                             "  y = Add(r, c)\n"
                             "  output y\n"
                             "}\n";

static enum status run_gear(struct instance *r, int batch, float y[4 * 8]) {
    float x[4 * 8];
    for (int i = 0; i < 4 * 8; i++) x[i] = (float)(i / 8);
    TRY(instance_set_input(r, 0, shape_of(2, batch, 8), x, (size_t)batch * 8 * sizeof *x));
    TRY(instance_set_output(r, 0, y, 4 * 8 * sizeof *y));
    return instance_run(r, 0);
}

static void check_gear(const float y[4 * 8], int batch) {
    for (int i = 0; i < batch * 8; i++)
        assert_float_equal(y[i], sinf(4.0f * (float)(i / 8)) + (float)(i % 8), 1e-5);
}

/* Source weights stay until every gear is planned, and no program misses them afterwards. */
static void gears_give_up_their_source(void **state) {
    (void)state;
    struct device *d;
    assert_ok(device_create(2, &d));
    struct model *m = load(geared, d);
    struct instance *r;
    assert_ok(instance_create(m, &r));
    float y[4 * 8];
    static const int batches[] = {4, 1, 1, 2, 4, 1, 2};
    for (size_t i = 0; i < sizeof batches / sizeof batches[0]; i++) {
        assert_ok(run_gear(r, batches[i], y));
        check_gear(y, batches[i]);
        assert_int_equal(m->source != NULL, i < 3);
    }
    assert_int_equal(run_gear(r, 3, y), STATUS_SHAPE);
    assert_non_null(strstr(status_message(), "none of those the model was made for"));
    instance_destroy(r);
    model_destroy(m);
    /* The same sentence while there is a source. */
    m = load(geared, d);
    assert_ok(instance_create(m, &r));
    assert_int_equal(run_gear(r, 3, y), STATUS_SHAPE);
    instance_destroy(r);
    model_destroy(m);
    device_destroy(d);
}

static void *run_gears(void *argument) {
    struct model *m = argument;
    struct instance *r;
    float y[4 * 8];
    if (instance_create(m, &r) != STATUS_OK) return (void *)1;
    enum status s = STATUS_OK;
    for (int i = 0; i < 60 && s == STATUS_OK; i++) {
        int batch = 1 << i % 3;
        s = run_gear(r, batch, y);
        if (s == STATUS_OK) check_gear(y, batch);
    }
    instance_destroy(r);
    return s == STATUS_OK ? NULL : (void *)2;
}

/* Gears are planned, and the source given up, while other threads run. */
static void gears_in_many_threads(void **state) {
    (void)state;
    struct device *d;
    assert_ok(device_create(2, &d));
    struct model *m = load(geared, d);
    pthread_t threads[4];
    for (int i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, run_gears, m), 0);
    for (int i = 0; i < 4; i++) {
        void *result;
        pthread_join(threads[i], &result);
        assert_ptr_equal(result, NULL);
    }
    assert_null(m->source);
    model_destroy(m);
    device_destroy(d);
}

static void every_allocation_of_gears_may_fail(void **state) {
    (void)state;
    struct device *d;
    assert_ok(device_create(1, &d));
    float y[4 * 8];
    uint64_t live = mem_live_allocations();
    for (uint64_t n = 1;; n++) {
        struct graph *g = parse(geared);
        mem_fail_after(n, false);
        struct model *m = NULL;
        struct instance *r = NULL;
        enum status s = model_create(g, d, &m);
        if (s == STATUS_OK) s = instance_create(m, &r);
        for (int batch = 1; s == STATUS_OK && batch <= 4; batch *= 2) s = run_gear(r, batch, y);
        mem_fail_after(0, false);
        if (s != STATUS_OK) assert_int_equal(s, STATUS_MEMORY);
        /* What failed for want of memory works when there is some. */
        if (r && s != STATUS_OK) assert_ok(run_gear(r, 2, y));
        instance_destroy(r);
        model_destroy(m);
        assert_int_equal(mem_live_allocations(), live);
        if (s == STATUS_OK) break;
        assert_true(n < 10000);
    }
    device_destroy(d);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values), cmocka_unit_test(hints),
        cmocka_unit_test(borders_are_checked),
        cmocka_unit_test(runs_do_not_allocate),
        cmocka_unit_test(late_shapes),
        cmocka_unit_test(errors_while_running),
        cmocka_unit_test(one_model_many_threads),
        cmocka_unit_test(steps_have_a_limit),
        cmocka_unit_test(every_allocation_may_fail),
        cmocka_unit_test(constants_are_given_back),
        cmocka_unit_test(gears_give_up_their_source),
        cmocka_unit_test(gears_in_many_threads),
        cmocka_unit_test(every_allocation_of_gears_may_fail),
    };
    return cmocka_run_group_tests_name("model", tests, NULL, NULL);
}
