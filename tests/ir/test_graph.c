/* SPDX-License-Identifier: Apache-2.0 */
/* Building, ordering and changing graphs, and doing so with many nodes. */
#include "../check.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "ir/graph.h"

static struct graph *parse(const char *text) {
    struct graph *g;
    assert_ok(graph_parse(text, strlen(text), &g));
    return g;
}

static void assert_prints(const struct graph *g, const char *expected) {
    char *text = NULL;
    size_t n;
    FILE *to = open_memstream(&text, &n);
    assert_ok(graph_print(g, to, -1));
    fclose(to);
    assert_string_equal(text, expected);
    free(text);
}

static void shapes(void **state) {
    (void)state;
    char buf[128];
    struct shape s = shape_of(4, 1, 3, -1, 224);
    assert_string_equal(shape_text(&s, buf), "[1,3,?,224]");
    assert_false(shape_known(&s));
    assert_int_equal(shape_elements(&s), -1);
    s.dim[2] = 2;
    assert_int_equal(shape_elements(&s), 1344);
    struct shape scalar = shape_of(0), none = shape_unknown();
    assert_int_equal(shape_elements(&scalar), 1);
    assert_string_equal(shape_text(&scalar, buf), "[]");
    assert_string_equal(shape_text(&none, buf), "[*]");
    assert_false(shape_equal(&scalar, &none));
    struct shape huge = shape_of(8, INT32_MAX, INT32_MAX, INT32_MAX, INT32_MAX, INT32_MAX,
                                 INT32_MAX, INT32_MAX, INT32_MAX);
    assert_true(strlen(shape_text(&huge, buf)) < 128);
    struct graph *g;
    int t;
    assert_ok(graph_create(&g));
    assert_fails(graph_add_tensor(g, "t", DT_F32, huge, &t), STATUS_LIMIT, "overflows");
    graph_destroy(g);
}

static void names(void **state) {
    (void)state;
    struct graph *g;
    int t;
    assert_ok(graph_create(&g));
    assert_ok(graph_add_tensor(g, "x", DT_F32, shape_unknown(), &t));
    assert_ok(graph_add_tensor(g, "x", DT_F32, shape_unknown(), &t));
    assert_string_equal(g->tensors[t].name, "x_1");
    assert_ok(graph_add_tensor(g, NULL, DT_F32, shape_unknown(), &t));
    assert_true(*g->tensors[t].name);
    /* One name asked for many times takes no quadratic search. */
    for (int i = 0; i < 100000; i++)
        assert_ok(graph_add_tensor(g, "x", DT_F32, shape_unknown(), &t));
    for (int i = 0; i < g->n_tensors; i++)
        assert_int_equal(graph_find_tensor(g, g->tensors[i].name), i);
    assert_int_equal(graph_find_tensor(g, "no such"), -1);
    graph_destroy(g);
}

static void attributes(void **state) {
    (void)state;
    struct graph *g = parse("graph \"g\" { \n input x\n y = Relu(x) {a=1} \n output y\n }");
    char name[16];
    for (int round = 0; round < 2; round++)
        for (int i = 0; i < 40; i++) {
            snprintf(name, sizeof name, "a%d", i);
            assert_ok(node_set_int(g, 0, name, i + round));
        }
    assert_int_equal(g->nodes[0].n_attrs, 41);
    for (int i = 0; i < 40; i += 2) {
        snprintf(name, sizeof name, "a%d", i);
        node_remove_attr(&g->nodes[0], name);
    }
    assert_int_equal(g->nodes[0].n_attrs, 21);
    assert_ok(node_set_string(g, 0, "s", "text"));
    assert_string_equal(node_string(&g->nodes[0], "s", ""), "text");
    assert_int_equal(node_int(&g->nodes[0], "s", 7), 7); /* another type counts as absent */
    assert_int_equal(node_int(&g->nodes[0], "a39", 0), 40);
    assert_null(node_attr(&g->nodes[0], "a38"));
    enum status s = STATUS_OK;
    for (int i = 0; i < 5000 && s == STATUS_OK; i++) {
        snprintf(name, sizeof name, "b%d", i);
        s = node_set_int(g, 0, name, i);
    }
    assert_int_equal(s, STATUS_LIMIT);
    graph_destroy(g);
}

static void sorting(void **state) {
    (void)state;
    struct graph *g = parse("graph \"g\" {\n input x\n c = Add(b, a)\n d = Relu(x)\n b = Relu(a)\n"
                            " a = Relu(x)\n output c\n output d\n}");
    assert_ok(graph_sort(g));
    assert_prints(g, "graph \"g\" {\n  input x\n  d = Relu(x) \"node_1\"\n"
                     "  a = Relu(x) \"node_3\"\n  b = Relu(a)\n  c = Add(b, a) \"node_0\"\n"
                     "  output c\n  output d\n}\n");
    for (int i = 0; i < g->n_nodes; i++)
        assert_int_equal(g->tensors[g->nodes[i].outputs[0]].producer, i);
    /* Sorting again changes nothing. */
    assert_ok(graph_sort(g));
    assert_int_equal(g->tensors[graph_find_tensor(g, "c")].producer, 3);
    graph_destroy(g);

    g = parse("graph \"g\" {\n input x\n a = Add(x, c)\n b = Relu(a)\n c = Relu(b)\n output b\n}");
    assert_fails(graph_sort(g), STATUS_FORMAT, "cycle");
    graph_destroy(g);
    g = parse("graph \"g\" {\n a = Relu(a) \"self\"\n output a\n}");
    assert_fails(graph_sort(g), STATUS_FORMAT, "'self'");
    graph_destroy(g);
    g = parse("graph \"g\" {\n tensor x f32[1]\n a = Relu(x) \"lost\"\n output a\n}");
    assert_fails(graph_sort(g), STATUS_FORMAT, "input 'x' of node 'lost' is produced by nothing");
    graph_destroy(g);
}

static const char with_dead_parts[] =
    "graph \"g\" {\n"
    "  meta \"k\" = \"v\"\n"
    "  input x f32[2]\n"
    "  input unused f32[1]\n"
    "  const dead f32[1] = {1}\n"
    "  deadnode = Add(x, dead)\n"
    "  deadtoo = Relu(deadnode)\n"
    "  const w f32[2] = {1, 2}\n"
    "  y, spare = Add(x, w) {axis=1, s=\"t\", f=[1.5]} \"y\"\n"
    "  z = Relu(y)\n"
    "  output z\n"
    "}\n";
static const char without[] =
    "graph \"g\" {\n"
    "  meta \"k\" = \"v\"\n"
    "  input x f32[2]\n"
    "  input unused f32[1]\n"
    "  const w f32[2] = {1, 2}\n"
    "  y, _ = Add(x, w) {axis=1, s=\"t\", f=[1.5]} \"y\"\n"
    "  z = Relu(y) \"node_3\"\n"
    "  output z\n"
    "}\n";

static void clone_and_compact(void **state) {
    (void)state;
    struct graph *g = parse(with_dead_parts), *copy;
    assert_ok(graph_clone(g, false, &copy));
    assert_prints(copy, without);
    assert_ptr_not_equal(copy->tensors[graph_find_tensor(copy, "w")].data,
                         g->tensors[graph_find_tensor(g, "w")].data);
    graph_destroy(copy);
    assert_ok(graph_clone(g, true, &copy));
    assert_ptr_equal(copy->tensors[graph_find_tensor(copy, "w")].data,
                     g->tensors[graph_find_tensor(g, "w")].data);
    graph_destroy(copy);

    assert_ok(graph_compact(g));
    assert_prints(g, without);
    assert_int_equal(graph_find_tensor(g, "dead"), -1);
    for (int t = 0; t < g->n_tensors; t++)
        assert_int_equal(graph_find_tensor(g, g->tensors[t].name), t);
    /* Freed names can be taken again, and building goes on. */
    int t, n;
    assert_ok(graph_add_tensor(g, "dead", DT_F32, shape_of(1, 2), &t));
    assert_string_equal(g->tensors[t].name, "dead");
    assert_ok(graph_add_node(g, OP_Relu, NULL, 1, &g->outputs[0], 1, &t, &n));
    assert_ok(graph_sort(g));
    graph_destroy(g);
}

static void uses(void **state) {
    (void)state;
    struct graph *g = parse("graph \"g\" {\n input x\n a = Add(x, x)\n b = Add(a, x)\n"
                            " c = Add(a, _)\n output b\n output a\n output b\n}");
    struct graph_uses u;
    assert_ok(graph_find_uses(g, &u));
    int x = graph_find_tensor(g, "x"), a = graph_find_tensor(g, "a"), b = graph_find_tensor(g, "b");
    assert_int_equal(u.first[x + 1] - u.first[x], 3);
    assert_int_equal(u.node[u.first[x]], 0);
    assert_int_equal(u.node[u.first[x] + 1], 0);
    assert_int_equal(u.node[u.first[x] + 2], 1);
    assert_int_equal(u.first[a + 1] - u.first[a], 2);
    assert_int_equal(u.node[u.first[a] + 1], 2);
    assert_int_equal(u.first[b + 1] - u.first[b], 0);
    assert_int_equal(u.count_outputs[b], 2);
    assert_int_equal(u.count_outputs[x], 0);
    graph_uses_deinit(&u);
    graph_replace_uses(g, a, x, true);
    assert_int_equal(g->nodes[1].inputs[0], x);
    assert_int_equal(g->outputs[1], x);
    graph_destroy(g);
}

static void borders(void **state) {
    (void)state;
    struct graph *g =
        parse("graph \"g\" {\n input x\n const c f32[1] = {1}\n y = Relu(x)\n output y\n}");
    assert_fails(graph_add_input(g, graph_find_tensor(g, "c")), STATUS_FORMAT, "it is a constant");
    assert_fails(graph_add_input(g, graph_find_tensor(g, "y")), STATUS_FORMAT,
                 "a node produces it");
    int y = graph_find_tensor(g, "y"), x = graph_find_tensor(g, "x");
    assert_fails(graph_add_node(g, OP_Relu, "again", 1, &x, 1, &y, NULL), STATUS_FORMAT,
                 "'y' is produced twice");
    graph_destroy(g);
}

/* A chain of 100,000 nodes, each reading its neighbour and one shared tensor, built backwards. */
static void many_nodes(void **state) {
    (void)state;
    enum { N = 100000 };
    struct graph *g, *copy;
    assert_ok(graph_create(&g));
    int x, shared, *t = mem_calloc(N + 1, sizeof *t);
    float one = 1;
    assert_ok(graph_add_tensor(g, "x", DT_F32, shape_of(1, 1), &x));
    assert_ok(graph_add_constant(g, "shared", DT_F32, shape_of(1, 1), &one, false, &shared));
    t[0] = x;
    for (int i = 1; i <= N; i++)
        assert_ok(graph_add_tensor(g, NULL, DT_F32, shape_of(1, 1), &t[i]));
    for (int i = N; i >= 1; i--) {
        int in[2] = {t[i - 1], shared};
        assert_ok(graph_add_node(g, OP_Add, NULL, 2, in, 1, &t[i], NULL));
    }
    assert_ok(graph_add_input(g, x));
    assert_ok(graph_add_output(g, t[N]));
    assert_ok(graph_sort(g));
    assert_int_equal(g->nodes[0].inputs[0], x);
    assert_int_equal(g->nodes[N - 1].outputs[0], t[N]);
    assert_ok(graph_clone(g, true, &copy));
    assert_int_equal(copy->n_nodes, N);
    graph_destroy(copy);
    g->outputs[0] = t[N / 2];
    assert_ok(graph_compact(g));
    assert_int_equal(g->n_nodes, N / 2);
    mem_free(t);
    graph_destroy(g);
}

static void failed_allocations(void **state) {
    (void)state;
    struct graph *g = parse(with_dead_parts);
    uint64_t live = mem_live_allocations();
    for (uint64_t n = 1; n < 200; n++) {
        struct graph *copy = NULL;
        mem_fail_after(n, true);
        enum status s = graph_clone(g, false, &copy);
        mem_fail_after(0, false);
        graph_destroy(copy);
        assert_int_equal(mem_live_allocations(), live);
        if (s == STATUS_OK) break;
        assert_int_equal(s, STATUS_MEMORY);
    }
    for (uint64_t n = 1; n < 20; n++) {
        mem_fail_after(n, true);
        enum status s = graph_sort(g);
        if (s == STATUS_OK) s = graph_compact(g);
        mem_fail_after(0, false);
        if (s == STATUS_OK) break;
        assert_int_equal(s, STATUS_MEMORY);
    }
    assert_prints(g, without);
    graph_destroy(g);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shapes),   cmocka_unit_test(names),
        cmocka_unit_test(attributes), cmocka_unit_test(sorting),
        cmocka_unit_test(clone_and_compact), cmocka_unit_test(uses),
        cmocka_unit_test(borders),  cmocka_unit_test(many_nodes),
        cmocka_unit_test(failed_allocations),
    };
    return cmocka_run_group_tests_name("graph", tests, NULL, NULL);
}
