/* SPDX-License-Identifier: Apache-2.0 */
/* The text form: what is printed parses back to the same, and what is wrong is said with its
 * place. */
#include "../check.h"

#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "ir/graph.h"

static struct graph *parse(const char *text) {
    struct graph *g;
    assert_ok(graph_parse(text, strlen(text), &g));
    return g;
}

static char *print(const struct graph *g, int max_inline) {
    char *text = NULL;
    size_t n;
    FILE *to = open_memstream(&text, &n);
    assert_non_null(to);
    assert_ok(graph_print(g, to, max_inline));
    fclose(to);
    return text;
}

static void assert_prints(const char *text, const char *expected) {
    struct graph *g = parse(text);
    char *printed = print(g, -1);
    assert_string_equal(printed, expected);
    struct graph *again = parse(printed);
    char *twice = print(again, -1);
    assert_string_equal(twice, printed);
    graph_destroy(again);
    graph_destroy(g);
    free(twice);
    free(printed);
}

static const char canonical[] =
    "graph \"all of it\" {\n"
    "  meta \"prusik.family\" = \"a \\\"b\\\" \\\\ c\\n\\x01\"\n"
    "  input x f32[1,?,4]\n"
    "  input \"input\" i64[*]\n"
    "  input nothing\n"
    "  const w f32[3] = {0.1, -2, 1.4013e-45}\n"
    "  y f32[1,?,4], _, \"a name\" none[2] = Add(x, w, _, y/0::z) {axis=-1, alpha=1.0, "
    "beta=0.100000001, to=\"f\\\"32\", pads=[0,-1], scales=[1.0,2.5,-inf,nan], none=[], "
    "nonef=floats[]} \"conv 1\"\n"
    "  const b bool[2,2] = {0, 1, 1, 0}\n"
    "  const e f32[0,3] = {}\n"
    "  const k i64[] = {-9223372036854775808}\n"
    "  const h f16[2] = {65504, -6.1035156e-05}\n"
    "  const d f64[2] = {0.1, 1e+300}\n"
    "  const n f32[3] = {nan, -inf, -0}\n"
    "  const n2 f32[2] = hex 0100c07f0000803f\n"
    "  const u u64[1] = {18446744073709551615}\n"
    "  z, y/0::z = Add(y, \"a name\", b, e, k, h, d, n, n2, u)\n"
    "  const unused f32[2,2] = splat(1.5)\n"
    "  const zero i8[7] = zeros\n"
    "  output z\n"
    "  output x\n"
    "}\n";

static void round_trip(void **state) {
    (void)state;
    char text[sizeof canonical];
    strcpy(text, canonical);
    /* 0.1f and the float next to 0.100000001 are the same; the printer takes the short one. */
    char *long_form = strstr(text, "0.100000001");
    assert_non_null(long_form);
    memmove(long_form + 3, long_form + 11, strlen(long_form + 11) + 1);
    assert_prints(canonical, text);
}

static void values(void **state) {
    (void)state;
    struct graph *g = parse(canonical);
    const struct tensor *w = &g->tensors[graph_find_tensor(g, "w")];
    assert_true(((const float *)w->data)[0] == 0.1f);
    assert_true(((const float *)w->data)[2] == 1e-45f);
    const struct tensor *n = &g->tensors[graph_find_tensor(g, "n")];
    assert_true(signbit(((const float *)n->data)[2]));
    const struct node *add = &g->nodes[0];
    assert_string_equal(add->name, "conv 1");
    assert_int_equal(node_attr(add, "alpha")->type, ATTR_FLOAT);
    assert_int_equal(node_attr(add, "axis")->type, ATTR_INT);
    assert_int_equal(node_attr(add, "none")->type, ATTR_INTS);
    assert_int_equal(node_attr(add, "nonef")->type, ATTR_FLOATS);
    assert_int_equal(add->inputs[2], -1);
    assert_int_equal(add->outputs[1], -1);
    graph_destroy(g);
}

static void every_float_comes_back(void **state) {
    (void)state;
    enum { N = 4000 };
    static uint32_t bits[N];
    uint32_t seed = 1;
    for (int i = 0; i < N; i++) {
        seed = seed * 1664525u + 1013904223u;
        bits[i] = seed;
        if ((bits[i] & 0x7f800000) == 0x7f800000) bits[i] &= 0xff800000; /* NaNs go by hex */
    }
    struct graph *g, *h;
    assert_ok(graph_create(&g));
    int t;
    assert_ok(graph_add_constant(g, "c", DT_F32, shape_of(1, N), bits, false, &t));
    char *text = print(g, -1);
    assert_ok(graph_parse(text, strlen(text), &h));
    assert_memory_equal(h->tensors[0].data, bits, sizeof bits);
    free(text);
    graph_destroy(h);
    /* With the data left out the text still parses, and another hash shows other data. */
    text = print(g, 8);
    assert_non_null(strstr(text, "zeros  # 4000 values left out, hash "));
    assert_ok(graph_parse(text, strlen(text), &h));
    graph_destroy(h);
    graph_destroy(g);
    free(text);
}

static void decimal_commas(void **state) {
    (void)state;
    /* Passes trivially where the locale is not installed. */
    setlocale(LC_ALL, "de_DE.UTF-8");
    struct graph *g = parse("graph \"g\" { const c f32[1] = {0.5} }");
    char *text = print(g, -1);
    setlocale(LC_ALL, "C");
    assert_string_equal(text, "graph \"g\" {\n  const c f32[1] = {0.5}\n}\n");
    free(text);
    graph_destroy(g);
}

static void errors(void **state) {
    (void)state;
    static const struct {
        const char *text, *says;
    } bad[] = {
        {"", "line 1, column 1: expected 'graph'"},
        {"graph \"g\" {\n  y = Relu(x\n}", "line 2, column 13: expected ','"},
        {"graph \"g\" {\n  y = Relu(x)\n}", "line 2, column 12: the tensor is defined nowhere"},
        {"graph \"g\" {\n  y = Rely(x)\n}", "line 2, column 7: unknown operator"},
        {"graph \"g\" {\n input x\n  x = Relu(x)\n}", "line 3, column 3: the tensor is defined a sec"},
        {"graph \"g\" { input x f33[1] }", "unknown element type"},
        {"graph \"g\" { input x f32[-1] }", "cannot be negative"},
        {"graph \"g\" { input x f32[1,1,1,1,1,1,1,1,1] }", "too many dimensions"},
        {"graph \"g\" { input x f32[4611686018427387904,4] }", "the shape overflows"},
        {"graph \"g\" { const x f32[?] = zeros }", "a constant needs a known shape"},
        {"graph \"g\" { const x f32[1000000000] = {1} }", "more elements than the data"},
        {"graph \"g\" { const x f32[1000000000] = splat(1) }", "at most 512 MiB"},
        {"graph \"g\" { const x f32[2] = {1} }", "expected ','"},
        {"graph \"g\" { const x i8[1] = {128} }", "does not fit"},
        {"graph \"g\" { const x u8[1] = {-1} }", "does not fit"},
        {"graph \"g\" { const x i64[1] = {9223372036854775808} }", "64 bits"},
        {"graph \"g\" { const x f32[1] = {1,5} }", "expected '}'"},
        {"graph \"g\" { const x f32[1] = hex 0000 }", "hexadecimal"},
        {"graph \"g\" { const x bool[1] = {2} }", "does not fit"},
        {"graph \"g\" { y = Relu(y) {a=1, a=2} }", "given a second time"},
        {"graph \"g\" { y = Relu(y) {a=[1,x]} }", "expected"},
        {"graph \"g\" { y = Relu(y) \"\\q\" }", "unknown escape"},
        {"graph \"g\" { y = Relu(y) \"\\x00\" }", "zero byte"},
        {"graph \"g\" { y = Relu(y) \"open }", "no closing quote"},
        {"graph \"g\" { input x f32[1] input y }", "expected the end of the line"},
        {"graph \"g\" { } x", "nothing after the graph"},
        {"graph \"g\" { input \"\" }", "empty"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct graph *g;
        assert_fails(graph_parse(bad[i].text, strlen(bad[i].text), &g), STATUS_FORMAT, bad[i].says);
        assert_null(g);
    }
}

/* Every truncation and many single-byte changes: an error or a graph, never anything else. */
static void damaged(void **state) {
    (void)state;
    char text[sizeof canonical];
    size_t n = sizeof canonical - 1;
    struct graph *g;
    for (size_t i = 0; i <= n; i++) {
        /* A copy of just that size, so that the address sanitizer sees a read past the end. */
        char *copy = mem_alloc(i + 1);
        memcpy(copy, canonical, i);
        char *exact = mem_realloc(copy, i ? i : 1);
        if (graph_parse(exact, i, &g) == STATUS_OK) graph_destroy(g);
        mem_free(exact);
    }
    uint32_t seed = 7;
    for (int i = 0; i < 3000; i++) {
        memcpy(text, canonical, n);
        for (int k = 0; k < 3; k++) {
            seed = seed * 1664525u + 1013904223u;
            text[(seed >> 8) % n] = "\"{}[](),=\n\\x09-_.#?*ae\xff"[(seed >> 3) % 23];
        }
        if (graph_parse(text, n, &g) == STATUS_OK) graph_destroy(g);
    }
}

static void failed_allocations(void **state) {
    (void)state;
    uint64_t live = mem_live_allocations();
    for (uint64_t n = 1;; n++) {
        struct graph *g = NULL;
        mem_fail_after(n, true);
        enum status s = graph_parse(canonical, sizeof canonical - 1, &g);
        mem_fail_after(0, false);
        graph_destroy(g);
        assert_int_equal(mem_live_allocations(), live);
        if (s == STATUS_OK) break;
        assert_int_equal(s, STATUS_MEMORY);
        assert_true(n < 1000);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(round_trip),     cmocka_unit_test(values),
        cmocka_unit_test(every_float_comes_back), cmocka_unit_test(decimal_commas),
        cmocka_unit_test(errors),         cmocka_unit_test(damaged),
        cmocka_unit_test(failed_allocations),
    };
    return cmocka_run_group_tests_name("text", tests, NULL, NULL);
}
