/* SPDX-License-Identifier: Apache-2.0 */
/* The driver of the passes: switches, dumps, large graphs, and failing allocations. */
#include "../check.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/env.h"
#include "ops/op.h"
#include "passes/passes.h"

/* Something for every pass. */
static const char mixed[] =
    "graph \"mixed\" {\n"
    "  input x f32[1,2,8,8]\n"
    "  input h f16[1,8]\n"
    "  s = Shape(x)\n"
    "  const at i64[1] = {2}\n"
    "  size = Gather(s, at)\n"
    "  const minus i64[1] = {-1}\n"
    "  target = Concat(size, minus) {axis=0}\n"
    "  const zero i64[1] = {0}\n"
    "  const one i64[1] = {1}\n"
    "  const end i64[1] = {99}\n"
    "  const rows i64[1] = {2}\n"
    "  const columns i64[1] = {3}\n"
    "  const two i64[1] = {2}\n"
    "  even = Slice(x, zero, end, rows, two)\n"
    "  odd = Slice(x, one, end, rows, two)\n"
    "  ee = Slice(even, zero, end, columns, two)\n"
    "  oe = Slice(odd, zero, end, columns, two)\n"
    "  eo = Slice(even, one, end, columns, two)\n"
    "  oo = Slice(odd, one, end, columns, two)\n"
    "  deep = Concat(ee, oe, eo, oo) {axis=1}\n"
    "  const w f32[2,8,3,3] = splat(0.125)\n"
    "  const pads i64[8] = {0, 0, 1, 1, 0, 0, 1, 1}\n"
    "  padded = Pad(deep, pads)\n"
    "  c = Conv(padded, w) \"conv\"\n"
    "  const gamma f32[2] = {2, 3}\n"
    "  const beta f32[2] = {0.5, 1}\n"
    "  const mean f32[2] = {0, 1}\n"
    "  const var f32[2] = {1, 4}\n"
    "  n = BatchNormalization(c, gamma, beta, mean, var)\n"
    "  g = Sigmoid(n)\n"
    "  a = Mul(n, g)\n"
    "  const v f32[2,2,1,1] = {1, 2, 3, 4}\n"
    "  c2 = Conv(a, v) \"second\"\n"
    "  r = Add(c2, a)\n"
    "  b = BatchNormalization(x, gamma, beta, mean, var)\n"
    "  y = Reshape(b, target)\n"
    "  const k f16[8] = {1, 2, 3, 4, 5, 6, 7, 8}\n"
    "  hk = Add(h, k)\n"
    "  hm = ReduceMean(hk, minus)\n"
    "  hd = Sub(hk, hm)\n"
    "  hq = Mul(hd, hd)\n"
    "  hv = ReduceMean(hq, minus)\n"
    "  const eps f16[] = {0.5}\n"
    "  he = Add(hv, eps)\n"
    "  hs = Sqrt(he)\n"
    "  hn = Div(hd, hs)\n"
    "  same = Identity(hn)\n"
    "  output r\n  output y\n  output same\n"
    "}\n";

static struct graph *parse(const char *text) {
    struct graph *g;
    assert_ok(graph_parse(text, strlen(text), &g));
    assert_ok(graph_sort(g));
    assert_ok(graph_infer(g));
    return g;
}

static int count(const struct graph *g, enum op_kind op) {
    int n = 0;
    for (int i = 0; i < g->n_nodes; i++) n += g->nodes[i].op == op;
    return n;
}

static void everything(void **state) {
    (void)state;
    struct graph *g = parse(mixed);
    assert_ok(passes_run(g, PASSES_OFFLINE));
    assert_int_equal(count(g, OP_Conv), 2);
    assert_int_equal(count(g, OP_Mul) + count(g, OP_Add), 3); /* the lone BatchNorm, and f16 */
    assert_int_equal(count(g, OP_Slice) + count(g, OP_Concat) + count(g, OP_Shape), 0);
    assert_int_equal(count(g, OP_LayerNormalization), 1);
    assert_int_equal(count(g, OP_Cast), 0);
    assert_ok(passes_run(g, PASSES_LOAD));
    assert_int_equal(count(g, OP_Cast), 2);
    assert_string_equal(g->tensors[g->outputs[2]].name, "same");
    assert_int_equal(g->tensors[g->outputs[2]].dtype, DT_F16);
    /* A second load finds nothing left to do. */
    int n = g->n_nodes;
    assert_ok(passes_run(g, PASSES_LOAD));
    assert_int_equal(g->n_nodes, n);
    graph_destroy(g);
}

static void switches(void **state) {
    (void)state;
    struct graph *g = parse(mixed);
    env_override(ENV_SKIP, "fold_batch_norm,recognise_focus");
    assert_ok(passes_run(g, PASSES_OFFLINE));
    assert_int_equal(count(g, OP_BatchNormalization), 2);
    assert_int_equal(count(g, OP_Slice), 6);
    graph_destroy(g);
    env_override(ENV_SKIP, "");
    g = parse(mixed);
    env_override(ENV_STOP, "fold_constants");
    assert_ok(passes_run(g, PASSES_OFFLINE));
    assert_int_equal(count(g, OP_Identity), 1);
    assert_int_equal(count(g, OP_Shape), 0);
    graph_destroy(g);
    env_override(ENV_STOP, "");
    assert_null(pass_find("no_such_pass"));
    assert_string_equal(pass_find("dedupe")->name, "dedupe");
}

static void dumps(void **state) {
    (void)state;
    char dir[] = "/tmp/prusik-passes-XXXXXX", path[128];
    assert_non_null(mkdtemp(dir));
    env_override(ENV_DUMP, dir);
    struct graph *g = parse(mixed);
    assert_ok(passes_run(g, PASSES_OFFLINE));
    env_override(ENV_DUMP, "/no/such/folder");
    assert_fails(passes_run(g, PASSES_LOAD), STATUS_FILE, "PRUSIK_DUMP");
    env_override(ENV_DUMP, "");
    graph_destroy(g);
    int n = 0;
    DIR *files = opendir(dir);
    assert_non_null(files);
    for (struct dirent *f; (f = readdir(files));) {
        if (f->d_name[0] == '.') continue;
        snprintf(path, sizeof path, "%s/%.60s", dir, f->d_name);
        FILE *from = fopen(path, "r");
        assert_non_null(from);
        static char text[65536];
        size_t bytes = fread(text, 1, sizeof text, from);
        fclose(from);
        struct graph *again;
        assert_ok(graph_parse(text, bytes, &again));
        graph_destroy(again);
        unlink(path);
        n++;
    }
    closedir(files);
    assert_true(n > 8);
    assert_int_equal(rmdir(dir), 0);
}

/* While the rank of a tensor is not known, shape rules cannot look at the operands that go with it;
 * passes must not trust them either. */
static void unchecked_operands(void **state) {
    (void)state;
    static const char text[] =
        "graph \"g\" {\n"
        "  input x f32[2,3,3]\n"
        "  input k i64[?]\n"
        "  z = Reshape(x, k)\n"
        "  const w f32[2] = {1, 2}\n"
        "  a f32[1,2,3,3] = Conv(z, w) {group=0}\n"
        "  const two f32[] = {2}\n"
        "  b = Mul(a, two)\n"
        "  const v f32[3,1,1,1] = splat(1)\n"
        "  c f32[1,2,3,3] = ConvTranspose(z, v) {group=0}\n"
        "  d = Mul(c, two)\n"
        "  e = Transpose(z) {perm=[0,1,2,3,4,5,6,7,8,9,10,11]}\n"
        "  f = Transpose(e) {perm=[11,10,9,8,7,6,5,4,3,2,1,0]}\n"
        "  p = Pad(z, k)\n"
        "  q f32[1,2,3,3] = Conv(p, v) {pads=[1,1,1,1,1,1], strides=[0,0,0]}\n"
        "  output b\n  output d\n  output f\n  output q\n"
        "}\n";
    struct graph *g = parse(text);
    assert_ok(passes_run(g, PASSES_OFFLINE));
    assert_ok(passes_run(g, PASSES_LOAD));
    assert_int_equal(count(g, OP_Mul), 2);
    graph_destroy(g);
}

/* A chain of nodes that fold, vanish or stay, and one tensor read by very many. */
static void many_nodes(void **state) {
    (void)state;
    enum { N = 100000 };
    static const enum op_kind ops[] = {OP_Identity, OP_Neg, OP_Transpose, OP_Sigmoid, OP_Add};
    struct graph *g;
    assert_ok(graph_create(&g));
    struct shape s = shape_of(2, 3, 3);
    float one = 1;
    int x, t, y, c;
    assert_ok(graph_add_tensor(g, "x", DT_F32, s, &x));
    assert_ok(graph_add_constant(g, "one", DT_F32, shape_of(0), &one, false, &c));
    t = x;
    for (int i = 0; i < N; i++) {
        enum op_kind op = ops[i % 5];
        int in[2] = {t, i % 2 ? c : x};
        if (op == OP_Add && i % 3) in[0] = in[1] = c; /* folds */
        assert_ok(graph_add_tensor(g, NULL, DT_NONE, shape_unknown(), &y));
        assert_ok(graph_add_node(g, op, NULL, op == OP_Add ? 2 : 1, in, 1, &y, NULL));
        if (op != OP_Add || in[0] != c) t = y;
    }
    assert_ok(graph_add_input(g, x));
    assert_ok(graph_add_output(g, t));
    assert_ok(graph_sort(g));
    assert_ok(graph_infer(g));
    clock_t start = clock();
    assert_ok(passes_run(g, PASSES_OFFLINE));
    assert_ok(passes_run(g, PASSES_LOAD));
    assert_true((double)(clock() - start) / CLOCKS_PER_SEC < 8);
    assert_int_equal(count(g, OP_Identity), 0);
    assert_true(g->n_nodes > 1000);
    graph_destroy(g);
}

static void failed_allocations(void **state) {
    (void)state;
    struct graph *original = parse(mixed);
    uint64_t live = mem_live_allocations(), n = 0;
    for (enum status s = STATUS_MEMORY; s != STATUS_OK; n++) {
        struct graph *g;
        assert_ok(graph_clone(original, false, &g));
        mem_fail_after(n + 1, true);
        s = passes_run(g, PASSES_OFFLINE);
        if (s == STATUS_OK) s = passes_run(g, PASSES_LOAD);
        mem_fail_after(0, false);
        graph_destroy(g);
        assert_int_equal(mem_live_allocations(), live);
        assert_true(s == STATUS_OK || s == STATUS_MEMORY);
    }
    assert_true(n > 20);
    graph_destroy(original);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(everything), cmocka_unit_test(switches),
        cmocka_unit_test(dumps),      cmocka_unit_test(many_nodes),
        cmocka_unit_test(failed_allocations), cmocka_unit_test(unchecked_operands),
    };
    return cmocka_run_group_tests_name("pipeline", tests, NULL, NULL);
}
