/* SPDX-License-Identifier: Apache-2.0 */
/* The ONNX importer on models it must take, and on models it must refuse with a good sentence. */
#include "../check.h"

#include <time.h>

#include "base/alloc.h"
#include "import/import.h"
#include "onnx_writer.h"

enum { FLOAT = 1, INT64 = 7, BOOL = 9 };

/* y = Relu(x + w); z = Relu(y); both are outputs. */
static struct bytes small_model(void) {
    struct bytes g = {0};
    w_message(&g, GRAPH_INPUT, w_value_info("x", FLOAT, 2, -1, 3));
    w_message(&g, GRAPH_INPUT, w_value_info("w", FLOAT, 1, 3)); /* as old writers list weights */
    w_message(&g, GRAPH_INITIALIZER,
              w_tensor("w", FLOAT, 1, (int64_t[]){3}, (float[]){1, 2, 3}, 12));
    w_message(&g, GRAPH_INITIALIZER,
              w_tensor("unused", FLOAT, 1, (int64_t[]){3}, (float[]){1, 2, 3}, 12));
    w_message(&g, GRAPH_NODE, w_node("Add", "add", "x w", "sum", 0));
    w_message(&g, GRAPH_NODE, w_node("Relu", "relu", "sum", "y", 0));
    w_message(&g, GRAPH_NODE, w_node("Relu", "", "y", "z", 0));
    w_message(&g, GRAPH_OUTPUT, w_value_info("y", FLOAT, 2, 9, 9)); /* a wrong hint */
    w_message(&g, GRAPH_OUTPUT, w_value_info("z", FLOAT, 0));
    return w_model(g, 13);
}

static enum status import(const struct bytes *m, struct graph **g) {
    return import_onnx_memory(m->p, m->n, true, NULL, g);
}
static enum status import_written(struct bytes graph, int opset, struct graph **g) {
    struct bytes m = w_model(graph, opset);
    enum status s = import(&m, g);
    free(m.p);
    return s;
}

static void a_small_model_comes_in_whole(void **state) {
    struct bytes m = small_model();
    struct graph *g;
    assert_ok(import(&m, &g));
    assert_int_equal(g->n_inputs, 1);
    assert_int_equal(g->n_outputs, 2);
    assert_int_equal(g->n_nodes, 3);
    assert_int_equal(g->n_tensors, 5);
    assert_string_equal(g->nodes[0].name, "add");
    const struct tensor *w = &g->tensors[graph_find_tensor(g, "w")];
    assert_memory_equal(w->data, ((float[]){1, 2, 3}), 12);
    char text[128];
    assert_string_equal(shape_text(&g->tensors[g->outputs[0]].shape, text), "[?,3]");
    assert_string_equal(g->tensors[g->outputs[1]].name, "z");
    graph_destroy(g);
    free(m.p);
}

static void given_shapes_replace_the_files(void **state) {
    struct bytes m = small_model();
    struct graph *g;
    struct import_shape shape = {"x", shape_of(2, 4, 3)};
    struct import_options o = {.n_shapes = 1, .shapes = &shape};
    assert_ok(import_onnx_memory(m.p, m.n, false, &o, &g));
    char text[128];
    assert_string_equal(shape_text(&g->tensors[g->outputs[0]].shape, text), "[4,3]");
    graph_destroy(g);
    shape.shape = shape_of(3, 1, 4, 3);
    assert_fails(import_onnx_memory(m.p, m.n, false, &o, &g), STATUS_SHAPE, "rank");
    shape = (struct import_shape){"w", shape_of(1, 3)};
    assert_fails(import_onnx_memory(m.p, m.n, false, &o, &g), STATUS_ARGUMENT, "inputs are 'x'");
    shape = (struct import_shape){"x", shape_of(2, 4, 5)};
    assert_fails(import_onnx_memory(m.p, m.n, false, &o, &g), STATUS_SHAPE, "broadcast");
    free(m.p);
}

static void outputs_can_be_chosen(void **state) {
    struct bytes m = small_model();
    struct graph *g;
    const char *names[] = {"add:0", NULL};
    struct import_options o = {.out_nodes = names};
    assert_ok(import_onnx_memory(m.p, m.n, false, &o, &g));
    assert_int_equal(g->n_nodes, 1);
    assert_string_equal(g->tensors[g->outputs[0]].name, "sum");
    graph_destroy(g);
    names[0] = "y";
    assert_ok(import_onnx_memory(m.p, m.n, false, &o, &g));
    assert_int_equal(g->n_nodes, 2);
    graph_destroy(g);
    names[0] = "add:1";
    assert_fails(import_onnx_memory(m.p, m.n, false, &o, &g), STATUS_ARGUMENT, "has 1 outputs");
    names[0] = "add";
    assert_fails(import_onnx_memory(m.p, m.n, false, &o, &g), STATUS_ARGUMENT, "'add:0'");
    names[0] = "nobody:0";
    assert_fails(import_onnx_memory(m.p, m.n, false, &o, &g), STATUS_ARGUMENT, "nobody");
    free(m.p);
}

static void broken_graphs_are_explained(void **state) {
    struct graph *g;
    struct bytes b = {0};
    w_message(&b, GRAPH_INPUT, w_value_info("x", FLOAT, 1, 3));
    w_message(&b, GRAPH_NODE, w_node("Add", "one", "x b", "a", 0));
    w_message(&b, GRAPH_NODE, w_node("Add", "two", "x a", "b", 0));
    w_message(&b, GRAPH_OUTPUT, w_value_info("b", FLOAT, 1, 3));
    assert_fails(import_written(b, 13, &g), STATUS_FORMAT, "cycle through Add 'one'");

    b = (struct bytes){0};
    w_message(&b, GRAPH_INPUT, w_value_info("x", FLOAT, 1, 3));
    w_message(&b, GRAPH_NODE, w_node("Add", "lost", "x nowhere", "y", 0));
    w_message(&b, GRAPH_OUTPUT, w_value_info("y", FLOAT, 1, 3));
    assert_fails(import_written(b, 13, &g), STATUS_FORMAT, "Add 'lost': input 'nowhere'");

    b = (struct bytes){0};
    w_message(&b, GRAPH_INPUT, w_value_info("x", FLOAT, 1, 3));
    w_message(&b, GRAPH_NODE, w_node("Relu", "one", "x", "y", 0));
    w_message(&b, GRAPH_NODE, w_node("Relu", "two", "x", "y", 0));
    w_message(&b, GRAPH_OUTPUT, w_value_info("y", FLOAT, 1, 3));
    assert_fails(import_written(b, 13, &g), STATUS_FORMAT, "'y' is produced twice");

    b = (struct bytes){0};
    w_message(&b, GRAPH_INPUT, w_value_info("x", FLOAT, 1, 3));
    w_message(&b, GRAPH_NODE, w_node("Relu", "one", "x", "x", 0));
    w_message(&b, GRAPH_OUTPUT, w_value_info("x", FLOAT, 1, 3));
    assert_fails(import_written(b, 13, &g), STATUS_FORMAT, "'x' is produced twice");

    b = (struct bytes){0};
    w_message(&b, GRAPH_INPUT, w_value_info("x", FLOAT, 1, 3));
    w_message(&b, GRAPH_INPUT, w_value_info("x", FLOAT, 1, 3));
    w_message(&b, GRAPH_OUTPUT, w_value_info("x", FLOAT, 1, 3));
    assert_fails(import_written(b, 13, &g), STATUS_FORMAT, "input 'x' is given twice");

    b = (struct bytes){0};
    w_message(&b, GRAPH_INPUT, w_value_info("x", FLOAT, 1, 3));
    w_message(&b, GRAPH_OUTPUT, w_value_info("y", FLOAT, 1, 3));
    assert_fails(import_written(b, 13, &g), STATUS_FORMAT, "output 'y'");

    b = (struct bytes){0};
    w_message(&b, GRAPH_INPUT, w_value_info("x", FLOAT, 1, 3));
    w_message(&b, GRAPH_NODE, w_node("Add", "half", "x", "y", 0));
    w_message(&b, GRAPH_OUTPUT, w_value_info("y", FLOAT, 1, 3));
    assert_fails(import_written(b, 13, &g), STATUS_FORMAT, "Add 'half' has 1 inputs");

    b = (struct bytes){0};
    w_message(&b, GRAPH_INPUT, w_value_info("x", FLOAT, 1, 3));
    w_message(&b, GRAPH_NODE, w_node("Add", "gap", "- x", "y", 0));
    w_message(&b, GRAPH_OUTPUT, w_value_info("y", FLOAT, 1, 3));
    assert_fails(import_written(b, 13, &g), STATUS_FORMAT, "input 0 is missing");

    b = (struct bytes){0};
    w_message(&b, GRAPH_INPUT, w_value_info("x", 8, 1, 3));
    w_message(&b, GRAPH_OUTPUT, w_value_info("x", 8, 1, 3));
    assert_fails(import_written(b, 13, &g), STATUS_UNSUPPORTED, "STRING");

    assert_fails(import_onnx_memory("", 0, true, NULL, &g), STATUS_FORMAT, "empty");
    assert_fails(import_onnx_memory("\x08\x08", 2, true, NULL, &g), STATUS_FORMAT, "no ONNX graph");
    struct bytes m = small_model();
    w_message(&m, 8, w_opset("ai.onnx", 99));
    assert_fails(import(&m, &g), STATUS_UNSUPPORTED, "opset 99");
    free(m.p);
}

static void all_that_is_unsupported_is_named_at_once(void **state) {
    struct graph *g;
    struct bytes b = {0};
    w_message(&b, GRAPH_INPUT, w_value_info("x", FLOAT, 1, 3));
    w_message(&b, GRAPH_NODE, w_node("Frobnicate", "f1", "x", "a", 0));
    w_message(&b, GRAPH_NODE, w_node("Relu", "r", "a", "b", 1, w_attr_int("upside_down", 1)));
    w_message(&b, GRAPH_NODE, w_node("Frobnicate", "f2", "b", "c", 0));
    struct bytes other = w_node("Relu", "alien", "c", "y", 0);
    w_text(&other, 7, "com.example");
    w_message(&b, GRAPH_NODE, other);
    w_message(&b, GRAPH_NODE, w_node("Frobnicate", "dead", "x", "nobody", 0));
    w_message(&b, GRAPH_OUTPUT, w_value_info("y", FLOAT, 1, 3));
    assert_fails(import_written(b, 13, &g), STATUS_UNSUPPORTED, "4 nodes");
    assert_non_null(strstr(status_message(), "Frobnicate 'f1', 'f2'"));
    assert_non_null(strstr(status_message(), "'upside_down'"));
    assert_non_null(strstr(status_message(), "com.example"));
    assert_non_null(strstr(status_message(), "--out_nodes"));
    assert_null(strstr(status_message(), "dead"));

    b = (struct bytes){0};
    w_message(&b, GRAPH_INPUT, w_value_info("x", FLOAT, 1, 3));
    for (int i = 0; i < 1000; i++) {
        char op[16], in[16], out[16];
        snprintf(op, sizeof op, "Odd%d", i);
        snprintf(in, sizeof in, i ? "t%d" : "x", i);
        snprintf(out, sizeof out, "t%d", i + 1);
        w_message(&b, GRAPH_NODE, w_node(op, op, in, out, 0));
    }
    w_message(&b, GRAPH_OUTPUT, w_value_info("t1000", FLOAT, 1, 3));
    assert_fails(import_written(b, 13, &g), STATUS_UNSUPPORTED, "1000 nodes");
    assert_non_null(strstr(status_message(), "; and 980 more"));
}

static void unordered_files_are_put_in_order(void **state) {
    struct graph *g;
    struct bytes b = {0};
    w_message(&b, GRAPH_INPUT, w_value_info("x", FLOAT, 1, 3));
    w_message(&b, GRAPH_NODE, w_node("Relu", "third", "b", "y", 0));
    w_message(&b, GRAPH_NODE, w_node("Relu", "second", "a", "b", 0));
    w_message(&b, GRAPH_NODE, w_node("Relu", "first", "x", "a", 0));
    w_message(&b, GRAPH_OUTPUT, w_value_info("y", FLOAT, 1, 3));
    assert_ok(import_written(b, 13, &g));
    assert_string_equal(g->nodes[0].name, "first");
    assert_string_equal(g->nodes[2].name, "third");
    graph_destroy(g);
}

static void a_hundred_thousand_nodes_take_seconds_at_most(void **state) {
    enum { N = 100000 };
    for (int backwards = 0; backwards < 2; backwards++) {
        struct bytes b = {0};
        w_message(&b, GRAPH_INPUT, w_value_info("x", FLOAT, 1, 3));
        for (int k = 0; k < N; k++) {
            char in[16], out[16];
            int i = backwards ? N - 1 - k : k;
            snprintf(in, sizeof in, i ? "t%d" : "x", i);
            snprintf(out, sizeof out, "t%d", i + 1);
            w_message(&b, GRAPH_NODE, w_node("Relu", out, in, out, 0));
        }
        w_message(&b, GRAPH_OUTPUT, w_value_info("t100000", FLOAT, 1, 3));
        struct graph *g;
        clock_t start = clock();
        assert_ok(import_written(b, 13, &g));
        assert_true(clock() - start < 5 * CLOCKS_PER_SEC);
        assert_int_equal(g->n_nodes, N);
        graph_destroy(g);
    }
}

/* ---- bodies ---- */

static void functions_are_inlined(void **state) {
    /* Twice(a) = Relu(Relu(a)) with an attribute passed on to Softmax: Norm(a) {axis: @ax}. */
    struct bytes f = {0}, ref = {0}, g = {0};
    w_text(&ref, 1, "axis");
    w_text(&ref, 21, "ax");
    w_int(&ref, 20, 2);
    w_text(&f, 1, "Norm");
    w_text(&f, 4, "a");
    w_text(&f, 5, "b");
    w_text(&f, 6, "ax");
    w_message(&f, 7, w_node("Relu", "", "a", "t", 0));
    w_message(&f, 7, w_node("Softmax", "s", "t", "b", 1, ref));
    w_message(&f, 9, w_opset("", 13));
    w_text(&f, 10, "com.example");
    w_message(&g, GRAPH_INPUT, w_value_info("t", FLOAT, 3, 2, 3, 4));
    struct bytes call = w_node("Norm", "call", "t", "u", 1, w_attr_int("ax", 1));
    w_text(&call, 7, "com.example");
    w_message(&g, GRAPH_NODE, call);
    call = w_node("Norm", "again", "u", "y", 0);
    w_text(&call, 7, "com.example");
    w_message(&g, GRAPH_NODE, call);
    w_message(&g, GRAPH_OUTPUT, w_value_info("y", FLOAT, 3, 2, 3, 4));
    struct bytes m = w_model(g, 13);
    w_message(&m, 25, f);
    struct graph *out;
    assert_ok(import(&m, &out));
    assert_int_equal(out->n_nodes, 4);
    assert_int_equal(node_int(&out->nodes[1], "axis", 99), 1);
    assert_null(node_attr(&out->nodes[3], "axis"));
    assert_string_equal(out->tensors[out->outputs[0]].name, "y");
    graph_destroy(out);
    free(m.p);
}

static void functions_calling_themselves_end(void **state) {
    struct bytes f = {0}, g = {0}, call = w_node("Loop2", "in", "a", "t", 0);
    w_text(&f, 1, "Loop2");
    w_text(&f, 4, "a");
    w_text(&f, 5, "b");
    w_text(&call, 7, "com.example");
    w_message(&f, 7, call);
    call = w_node("Loop2", "in2", "t", "b", 0);
    w_text(&call, 7, "com.example");
    w_message(&f, 7, call);
    w_text(&f, 10, "com.example");
    w_message(&g, GRAPH_INPUT, w_value_info("x", FLOAT, 1, 3));
    call = w_node("Loop2", "call", "x", "y", 0);
    w_text(&call, 7, "com.example");
    w_message(&g, GRAPH_NODE, call);
    w_message(&g, GRAPH_OUTPUT, w_value_info("y", FLOAT, 1, 3));
    struct bytes m = w_model(g, 13);
    w_message(&m, 25, f);
    struct graph *out;
    assert_fails(import(&m, &out), STATUS_LIMIT, "nested");
    free(m.p);
}

static void decided_branches_are_taken(void **state) {
    for (uint8_t taken = 0; taken < 2; taken++) {
        struct bytes g = {0}, yes = {0}, no = {0};
        w_message(&yes, GRAPH_NODE, w_node("Relu", "yes", "x", "a", 0));
        w_message(&yes, GRAPH_OUTPUT, w_value_info("a", FLOAT, 1, 3));
        /* The branch not taken may hold anything; an output may come from outside. */
        w_message(&no, GRAPH_OUTPUT, w_value_info("x", FLOAT, 1, 3));
        w_message(&g, GRAPH_INPUT, w_value_info("x", FLOAT, 1, 3));
        w_message(&g, GRAPH_INITIALIZER, w_tensor("c", BOOL, 0, NULL, &taken, 1));
        w_message(&g, GRAPH_NODE, w_node("If", "if", "c", "y", 2, w_attr_graph("then_branch", yes),
                                         w_attr_graph("else_branch", no)));
        w_message(&g, GRAPH_OUTPUT, w_value_info("y", FLOAT, 1, 3));
        struct graph *out;
        assert_ok(import_written(g, 13, &out));
        assert_int_equal(out->n_nodes, 1);
        assert_int_equal(out->nodes[0].op, taken ? OP_Relu : OP_Identity);
        graph_destroy(out);
    }
}

/* ---- damage ---- */

static void no_cut_or_flipped_bit_does_harm(void **state) {
    struct bytes m = small_model();
    struct graph *g;
    uint64_t live = mem_live_allocations();
    for (size_t n = 0; n < m.n; n++) {
        /* A copy of just that size, for the address sanitizer. */
        uint8_t *cut = malloc(n + 1);
        memcpy(cut, m.p, n);
        if (import_onnx_memory(cut, n, false, NULL, &g) == STATUS_OK) graph_destroy(g);
        free(cut);
        assert_int_equal(mem_live_allocations(), live);
    }
    for (size_t bit = 0; bit < 8 * m.n; bit++) {
        m.p[bit / 8] ^= (uint8_t)(1 << bit % 8);
        if (import(&m, &g) == STATUS_OK) graph_destroy(g);
        m.p[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    assert_int_equal(mem_live_allocations(), live);
    free(m.p);
}

static void every_failed_allocation_is_survived(void **state) {
    struct bytes m = small_model();
    struct graph *g;
    uint64_t live = mem_live_allocations();
    enum status s = STATUS_MEMORY;
    for (uint64_t n = 1; s != STATUS_OK; n++) {
        assert_true(n < 1000);
        mem_fail_after(n, false);
        s = import(&m, &g);
        mem_fail_after(0, false);
        if (s == STATUS_OK) graph_destroy(g);
        else assert_int_equal(s, STATUS_MEMORY);
        assert_int_equal(mem_live_allocations(), live);
    }
    free(m.p);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_small_model_comes_in_whole),
        cmocka_unit_test(given_shapes_replace_the_files),
        cmocka_unit_test(outputs_can_be_chosen),
        cmocka_unit_test(broken_graphs_are_explained),
        cmocka_unit_test(all_that_is_unsupported_is_named_at_once),
        cmocka_unit_test(unordered_files_are_put_in_order),
        cmocka_unit_test(a_hundred_thousand_nodes_take_seconds_at_most),
        cmocka_unit_test(functions_are_inlined),
        cmocka_unit_test(functions_calling_themselves_end),
        cmocka_unit_test(decided_branches_are_taken),
        cmocka_unit_test(no_cut_or_flipped_bit_does_harm),
        cmocka_unit_test(every_failed_allocation_is_survived),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
