/* SPDX-License-Identifier: Apache-2.0 */
/* The offline model: what is written reads back as the same graph, and no file of any content does
 * more than fail with a sentence. */
#define _GNU_SOURCE /* memmem */
#include "../check.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "om/om.h"
#include "ops/op.h"

static struct graph *parse(const char *text) {
    struct graph *g;
    assert_ok(graph_parse(text, strlen(text), &g));
    assert_ok(graph_sort(g));
    assert_ok(graph_infer(g));
    assert_ok(graph_verify(g));
    return g;
}

static char *print(const struct graph *g) {
    char *text = NULL;
    size_t n;
    FILE *to = open_memstream(&text, &n);
    assert_non_null(to);
    assert_ok(graph_print(g, to, -1));
    fclose(to);
    return text;
}

/* Names that collide across kinds, an unknown dimension, an unknown rank, a scalar, an empty
 * constant, a constant and an input as outputs, meta of both sorts. */
static const char everything[] =
    "graph \"all of it\" {\n"
    "  meta \"prusik.family\" = \"yolox\"\n"
    "  meta \"author\" = \"a \\\"b\\\"\"\n"
    "  meta \"prusik.meta.x\" = \"y\"\n"
    "  input x f32[1,?,4]\n"
    "  input NetOutput f32[4]\n"
    "  input any f32[*]\n"
    "  const w f32[4] = {0.1, -2, 3, 1e-30}\n"
    "  const s f32[] = {7}\n"
    "  const none f32[0,4] = {}\n"
    "  const flags bool[3] = {0, 1, 1}\n"
    "  a f32[1,?,4] = Add(x, w) \"x\"\n"
    "  \"b:0\" f32[1,?,4] = Add(a, s) \"x\"\n"
    "  c f32[1,?,4] = Relu(\"b:0\") \"a:b\"\n"
    "  d f32[0,4] = Identity(none)\n"
    "  e = Relu(any)\n"
    "  f bool[3] = Identity(flags)\n"
    "  g f32[4] = Add(NetOutput, NetOutput)\n"
    "  k f32[1,?,8] = Concat(x, c) {axis=-1}\n"
    "  l f32[1,?,8] = LeakyRelu(k) {alpha=0.1}\n"
    "  m i32[1,?,8] = Cast(l) {to=\"i32\"}\n"
    "  n f32[1,?,8] = Clip(l, _, s)\n"
    "  first f32[1,?,4], _ = Split(n) {axis=2, num_outputs=2}\n"
    "  output c\n"
    "  output d\n"
    "  output w\n"
    "  output x\n"
    "  output e\n"
    "  output f\n"
    "  output g\n"
    "  output c\n"
    "  output m\n"
    "  output first\n"
    "}\n";

static void assert_same(const struct graph *a, const struct graph *b) {
    char *x = print(a), *y = print(b);
    assert_string_equal(x, y);
    free(x);
    free(y);
}

static void round_trip(void **state) {
    (void)state;
    struct graph *g = parse(everything), *h;
    void *bytes;
    size_t n;
    assert_ok(om_write_memory(g, &bytes, &n));
    assert_ok(om_read_memory(bytes, n, NULL, &h));
    assert_int_equal(om_last_fault(), OM_FAULT_NONE);
    assert_same(g, h);
    memset(bytes, 0xff, n); /* nothing may be borrowed from it */
    assert_same(g, h);
    for (int t = 0; t < h->n_tensors; t++)
        assert_int_equal((uintptr_t)h->tensors[t].data % 64, 0);
    mem_free(bytes);
    graph_destroy(g);
    graph_destroy(h);
}

/* Bytes a program may rely on; om.h is their specification. */
static void container(void **state) {
    (void)state;
    struct graph *g = parse(everything);
    void *bytes;
    size_t n;
    assert_ok(om_write_memory(g, &bytes, &n));
    const unsigned char *b = bytes;
    uint32_t word[64 + 10];
    memcpy(word, b, sizeof word);
    assert_memory_equal(b, "IMOD", 4);
    assert_int_equal(word[1], 256);
    assert_int_equal(word[2], 0x20000000);
    assert_int_equal(word[19], n - 256);
    assert_string_equal((const char *)b + 84, "all of it");
    const uint32_t *table = word + 64;
    assert_int_equal(table[0], 3);
    uint32_t at = 0;
    for (uint32_t i = 0; i < 3; i++) {
        assert_int_equal(table[1 + 3 * i], i);
        assert_int_equal(table[2 + 3 * i], at);
        at += table[3 + 3 * i];
    }
    assert_int_equal(296 + at, n);
    mem_free(bytes);
    graph_destroy(g);
}

static char *temporary_folder(void) {
    char *folder = strdup("/tmp/prusik-om-XXXXXX");
    assert_non_null(mkdtemp(folder));
    return folder;
}

static void files(void **state) {
    (void)state;
    char *folder = temporary_folder(), path[512], missing[512];
    /* The longest name a file can have. */
    int at = snprintf(path, sizeof path, "%s/", folder);
    memset(path + at, 'n', 252);
    strcpy(path + at + 252, ".om");
    struct graph *g = parse(everything), *h;
    assert_ok(om_write_file(g, path));
    assert_ok(om_write_file(g, path)); /* over itself */
    assert_ok(om_read_file(path, NULL, &h));
    assert_same(g, h);
    graph_destroy(h);

    snprintf(missing, sizeof missing, "%s/nothing/x.om", folder);
    assert_fails(om_write_file(g, missing), STATUS_FILE, "create the folder");
    assert_fails(om_read_file(missing, NULL, &h), STATUS_FILE, "cannot open");
    assert_int_equal(om_last_fault(), OM_FAULT_MISSING);
    assert_fails(om_read_file(folder, NULL, &h), STATUS_FILE, "not a file");
    assert_int_equal(om_last_fault(), OM_FAULT_MISSING);

    assert_int_equal(unlink(path), 0);
    assert_int_equal(rmdir(folder), 0); /* fails if a temporary file was left */
    graph_destroy(g);
    free(folder);
}

static void not_an_om(void **state) {
    (void)state;
    struct graph *g;
    static const char text[300] = "an ONNX model, or whatever";
    assert_fails(om_read_memory("", 0, NULL, &g), STATUS_FORMAT, "empty");
    assert_int_equal(om_last_fault(), OM_FAULT_HEADER);
    assert_fails(om_read_memory(text, sizeof text, NULL, &g), STATUS_FORMAT,
                 "not an offline model");
    assert_int_equal(om_last_fault(), OM_FAULT_HEADER);
    assert_fails(om_read_memory("IMOD", 4, NULL, &g), STATUS_FORMAT, "cut short");
    assert_null(g);
}

/* A file without our mark, and one of a version to come. */
static void foreign(void **state) {
    (void)state;
    struct graph *g = parse(everything), *h;
    unsigned char *b;
    size_t n;
    assert_ok(om_write_memory(g, (void **)&b, &n));
    static const char mark[] = "prusik.format\x12\x02\x18";
    unsigned char *at = memmem(b, n, mark, sizeof mark - 1);
    assert_non_null(at);
    at[sizeof mark - 1]++;
    assert_fails(om_read_memory(b, n, NULL, &h), STATUS_UNSUPPORTED, "has format 2");
    assert_int_equal(om_last_fault(), OM_FAULT_FOREIGN);
    at[0] = 'P';
    assert_fails(om_read_memory(b, n, NULL, &h), STATUS_UNSUPPORTED, "made by CANN's atc");
    assert_int_equal(om_last_fault(), OM_FAULT_FOREIGN);
    struct om_description d;
    assert_ok(om_describe_memory(b, n, &d));
    assert_false(d.runnable);
    om_description_deinit(&d);
    mem_free(b);
    graph_destroy(g);
}

static void describe(void **state) {
    (void)state;
    struct graph *g = parse("graph \"m\" {\n"
                            "  meta \"prusik.family\" = \"test\"\n"
                            "  input x f32[1,3,8,8]\n"
                            "  const w f32[4,3,3,3] = zeros\n"
                            "  a = Conv(x, w) {pads=[1,1,1,1]}\n"
                            "  b = Relu(a)\n"
                            "  c = Relu(b)\n"
                            "  output c\n"
                            "}\n");
    void *bytes;
    size_t n;
    struct om_description d;
    assert_ok(om_write_memory(g, &bytes, &n));
    assert_ok(om_describe_memory(bytes, n, &d));
    assert_true(d.runnable);
    assert_string_equal(d.name, "m");
    assert_int_equal(d.n_inputs, 1);
    assert_string_equal(d.inputs[0].name, "x");
    assert_int_equal(d.inputs[0].bytes, 768);
    assert_string_equal(d.outputs[0].name, "c");
    assert_int_equal(d.outputs[0].dim[1], 4);
    assert_int_equal(d.n_ops, 2);
    assert_string_equal(d.ops[0].name, "Relu");
    assert_int_equal(d.ops[0].n, 2);
    assert_int_equal(d.n_weights, 1);
    assert_int_equal(d.weight_bytes, 432);
    assert_int_equal(d.macs, 4 * 64 * 27);
    /* The input stays, and two of a, b, c are needed at a time. */
    assert_int_equal(d.activation_bytes, 768 + 2 * 1024);
    assert_int_equal(d.n_meta, 1);
    assert_int_equal(d.n_partitions, 3);
    assert_int_equal(d.file_bytes, n);
    om_description_deinit(&d);
    mem_free(bytes);
    graph_destroy(g);
}

static void truncated(void **state) {
    (void)state;
    struct graph *g = parse(everything), *h;
    void *bytes;
    size_t n;
    assert_ok(om_write_memory(g, &bytes, &n));
    for (size_t cut = 0; cut < n; cut++) {
        void *part = mem_alloc(cut + 1); /* exactly so large, for the sanitizers */
        memcpy(part, bytes, cut);
        assert_int_equal(om_read_memory(part, cut, NULL, &h), STATUS_FORMAT);
        assert_int_equal(om_last_fault(), OM_FAULT_HEADER);
        assert_true(*status_message());
        /* The same with a length that agrees. */
        if (cut >= 256) {
            uint32_t length = (uint32_t)cut - 256;
            memcpy((char *)part + 76, &length, 4);
            assert_int_not_equal(om_read_memory(part, cut, NULL, &h), STATUS_OK);
            assert_int_not_equal(om_last_fault(), OM_FAULT_NONE);
        }
        mem_free(part);
    }
    mem_free(bytes);
    graph_destroy(g);
}

static void flipped(void **state) {
    (void)state;
    struct graph *g = parse(everything), *h;
    void *bytes;
    size_t n;
    assert_ok(om_write_memory(g, &bytes, &n));
    int read = 0;
    for (size_t at = 0; at < n; at++)
        for (int how = 0; how < 3; how++) {
            unsigned char *b = (unsigned char *)bytes + at, old = *b;
            *b = (unsigned char)(how == 0 ? old ^ 0xff : how == 1 ? old ^ 1 : old + 0x80);
            if (om_read_memory(bytes, n, NULL, &h) == STATUS_OK) {
                assert_ok(graph_verify(h));
                graph_destroy(h);
                read++;
            } else {
                assert_true(*status_message());
                assert_int_not_equal(om_last_fault(), OM_FAULT_NONE);
            }
            *b = old;
        }
    assert_true(read > 0); /* weights and names may change */
    mem_free(bytes);
    graph_destroy(g);
}

/* Weights of several chunks, read by threads beside the structure. */
static void read_by_threads(void **state) {
    (void)state;
    enum { N = 3 << 20, STRUCTURE = 296 }; /* where MODEL_DEF begins */
    struct graph *g, *h;
    int w, x, y;
    assert_ok(graph_create(&g));
    assert_ok(graph_add_constant(g, "w", DT_U8, shape_of(1, N), NULL, false, &w));
    unsigned char *data = (unsigned char *)(uintptr_t)g->tensors[w].data;
    for (int i = 0; i < N; i++) data[i] = (unsigned char)(i * 7 + i / 4096);
    assert_ok(graph_add_tensor(g, "x", DT_U8, shape_of(1, N), &x));
    assert_ok(graph_add_tensor(g, "y", DT_U8, shape_of(1, N), &y));
    assert_ok(graph_add_input(g, x));
    assert_ok(graph_add_node(g, OP_Add, "add", 2, (int[]){x, w}, 1, &y, NULL));
    assert_ok(graph_add_output(g, y));
    void *bytes;
    size_t n;
    assert_ok(om_write_memory(g, &bytes, &n));
    struct pool *pool;
    assert_ok(pool_create(4, &pool));
    for (int turn = 0; turn < 20; turn++) {
        assert_ok(om_read_memory(bytes, n, pool, &h));
        const int t = graph_find_tensor(h, "w");
        assert_true(t >= 0);
        assert_memory_equal(h->tensors[t].data, data, N);
        graph_destroy(h);
        ((unsigned char *)bytes)[STRUCTURE] ^= 1; /* the first field a group */
        assert_true(om_read_memory(bytes, n, NULL, &h) != STATUS_OK);
        char alone[1024];
        snprintf(alone, sizeof alone, "%s", status_message());
        assert_true(om_read_memory(bytes, n, pool, &h) != STATUS_OK);
        assert_string_equal(status_message(), alone);
        ((unsigned char *)bytes)[STRUCTURE] ^= 1;
    }
    pool_destroy(pool);
    mem_free(bytes);
    graph_destroy(g);
}

/* Every allocation on the way fails once; nothing crashes and nothing is left behind. */
static void out_of_memory(void **state) {
    (void)state;
    struct graph *g = parse(everything), *h;
    void *bytes;
    size_t n;
    assert_ok(om_write_memory(g, &bytes, &n));
    uint64_t live = mem_live_allocations();
    enum status s = STATUS_MEMORY;
    for (uint64_t i = 1; s != STATUS_OK; i++) {
        mem_fail_after(i, false);
        s = om_read_memory(bytes, n, NULL, &h);
        mem_fail_after(0, false);
        if (s == STATUS_OK) graph_destroy(h);
        else assert_int_equal(s, STATUS_MEMORY);
        assert_int_equal(mem_live_allocations(), live);
    }
    s = STATUS_MEMORY;
    for (uint64_t i = 1; s != STATUS_OK; i++) {
        void *again;
        mem_fail_after(i, false);
        s = om_write_memory(g, &again, &n);
        mem_fail_after(0, false);
        mem_free(again);
        assert_int_equal(mem_live_allocations(), live);
    }
    mem_free(bytes);
    graph_destroy(g);
}

/* What a file says of its gears is checked against its inputs. */
static void bad_gears(void **state) {
    (void)state;
    static const char *const bad[] = {
        "",          "batch",       "batch ",       "batch 0;1",  "batch 1;1",   "batch 1,2",
        "batch 1;",  "batch -1;2",  "batch 99999999999", "image 1,1;2,2", "dims 1,2;3,4",
        "gears 1;2", "range 1~2",   "range 2~1,2",  "range 1~2,3", "range 1~2,2;1", "range x",
        "batch 1;2 ", "batch 2147483648", "range 1~2,2,2"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        char text[512];
        snprintf(text, sizeof text,
                 "graph \"g\" { meta \"prusik.dynamic\" = \"%s\"\n input x f32[?,2]\n"
                 " y = Relu(x)\n output y\n }\n", bad[i]);
        struct graph *g = parse(text), *back = NULL;
        void *bytes;
        size_t n;
        assert_ok(om_write_memory(g, &bytes, &n));
        assert_fails(om_read_memory(bytes, n, NULL, &back), STATUS_FORMAT, "prusik.dynamic");
        assert_int_equal(om_last_fault(), OM_FAULT_MODEL);
        assert_null(back);
        mem_free(bytes);
        graph_destroy(g);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bad_gears), cmocka_unit_test(round_trip), cmocka_unit_test(container),
        cmocka_unit_test(files),
        cmocka_unit_test(not_an_om),  cmocka_unit_test(truncated), cmocka_unit_test(flipped),
        cmocka_unit_test(read_by_threads),
        cmocka_unit_test(out_of_memory), cmocka_unit_test(foreign), cmocka_unit_test(describe),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
