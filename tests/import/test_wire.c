/* SPDX-License-Identifier: Apache-2.0 */
/* The wire-level pre-pass: what it lets through, what it drops, and what it refuses. */
#include "../check.h"

#include "base/alloc.h"
#include "import/onnx.pb-c.h"
#include "import/wire.h"
#include "onnx_writer.h"

static const struct wire_cut cuts[] = {{&onnx__tensor_proto__descriptor, 9, 1001}};

static enum status unpack_as(const ProtobufCMessageDescriptor *type, const struct bytes *b,
                             struct wire_message *m) {
    return wire_unpack(type, b->p, b->n, &(struct wire_options){.cut = cuts, .n_cuts = 1}, m);
}

static void big_bytes_are_cut_out(void **state) {
    struct bytes t = w_tensor("w", 1, 1, (int64_t[]){2}, "abcdefgh", 8);
    w_text(&t, 12, "a field the descriptor does not know");
    struct wire_message m;
    assert_ok(unpack_as(&onnx__tensor_proto__descriptor, &t, &m));
    const Onnx__TensorProto *p = (const Onnx__TensorProto *)m.message;
    assert_string_equal(p->name, "w");
    assert_int_equal(p->n_dims, 1);
    assert_false(p->has_raw_data);
    assert_int_equal(p->raw_length, 8);
    assert_memory_equal(t.p + p->raw_offset, "abcdefgh", 8);
    assert_int_equal(p->base.n_unknown_fields, 0);
    wire_message_deinit(&m);
    free(t.p);
}

static void our_own_fields_are_not_taken_from_files(void **state) {
    struct bytes t = w_tensor("w", 1, 1, (int64_t[]){2}, NULL, 0);
    w_varint(&t, 1001 << 3 | 1);
    w_raw(&t, "\0\0\0\0\0\0\0\1", 8);
    w_varint(&t, 1002 << 3 | 1);
    w_raw(&t, "\10\0\0\0\0\0\0\0", 8);
    struct wire_message m;
    assert_ok(unpack_as(&onnx__tensor_proto__descriptor, &t, &m));
    assert_false(((const Onnx__TensorProto *)m.message)->has_raw_length);
    wire_message_deinit(&m);
    free(t.p);
}

/* A node between two others, and a name in front of them. */
static struct bytes three_nodes(struct bytes middle) {
    struct bytes graph = {0}, model = {0};
    for (int i = 0; i < 3; i++) {
        struct bytes node = {0};
        w_text(&node, 3, i == 0 ? "first" : i == 1 ? "second" : "third");
        w_text(&node, 4, "Relu");
        if (i == 1) w_raw(&node, middle.p, middle.n);
        w_message(&graph, 1, node);
    }
    w_text(&graph, 2, "g");
    w_int(&model, 1, 7);
    w_message(&model, 7, graph);
    w_text(&model, 2, "maker");
    return model;
}

static void unused_fields_are_left_out_but_checked(void **state) {
    static const struct wire_unused unused[] = {{&onnx__node_proto__descriptor, 5},
                                                {&onnx__node_proto__descriptor, 4},
                                                {&onnx__graph_proto__descriptor, 2}};
    const struct wire_options options = {.unused = unused, .n_unused = 3};
    struct bytes attribute = {0}, middle = {0};
    w_text(&attribute, 1, "alpha");
    w_message(&attribute, 5, w_tensor("w", 1, 1, (int64_t[]){2}, "abcdefgh", 8));
    w_message(&middle, 5, attribute);
    w_text(&middle, 1, "input");
    struct bytes model = three_nodes(middle);
    struct wire_message m;
    assert_ok(wire_unpack(&onnx__model_proto__descriptor, model.p, model.n, &options, &m));
    const Onnx__ModelProto *p = (const Onnx__ModelProto *)m.message;
    assert_string_equal(p->producer_name, "maker");
    assert_int_equal(p->graph->n_node, 3);
    assert_string_equal(p->graph->node[0]->name, "first");
    assert_string_equal(p->graph->node[1]->name, "second");
    assert_string_equal(p->graph->node[2]->name, "third");
    assert_int_equal(p->graph->node[1]->n_attribute, 0);
    assert_int_equal(p->graph->node[1]->n_input, 1);
    assert_string_equal(p->graph->node[1]->input[0], "input");
    assert_true(!p->graph->name || !*p->graph->name);
    assert_true(!p->graph->node[2]->op_type || !*p->graph->node[2]->op_type);
    wire_message_deinit(&m);
    free(model.p);

    struct bytes broken = {0};
    attribute = (struct bytes){0};
    w_bytes(&attribute, 1, "a\0b", 3);
    w_message(&broken, 5, attribute);
    model = three_nodes(broken);
    assert_fails(wire_unpack(&onnx__model_proto__descriptor, model.p, model.n, &options, &m),
                 STATUS_FORMAT, "zero byte");
    free(model.p);
    free(middle.p);
    free(broken.p);
}

static void damage_is_named(void **state) {
    struct wire_message m;
    struct bytes b = {0};
    w_varint(&b, 7 << 3 | 2);
    w_varint(&b, 1000);
    assert_fails(unpack_as(&onnx__model_proto__descriptor, &b, &m), STATUS_FORMAT,
                 "1000 bytes, but 0");
    b.n = 0;
    w_raw(&b, "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 11);
    assert_fails(unpack_as(&onnx__model_proto__descriptor, &b, &m), STATUS_FORMAT, "5 bytes");
    b.n = 0;
    w_raw(&b, "\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 12);
    assert_fails(unpack_as(&onnx__model_proto__descriptor, &b, &m), STATUS_FORMAT, "10 bytes");
    b.n = 0;
    w_raw(&b, "\x3b", 1); /* a group */
    assert_fails(unpack_as(&onnx__model_proto__descriptor, &b, &m), STATUS_FORMAT, "wire type 3");
    b.n = 0;
    w_int(&b, 7, 1); /* the graph as a number */
    assert_fails(unpack_as(&onnx__model_proto__descriptor, &b, &m), STATUS_FORMAT, "graph");
    b.n = 0;
    w_bytes(&b, 4, "12345", 5); /* float_data of a float and a bit */
    assert_fails(unpack_as(&onnx__tensor_proto__descriptor, &b, &m), STATUS_FORMAT, "float_data");
    b.n = 0;
    w_message(&b, 7, (struct bytes){0});
    w_message(&b, 7, (struct bytes){0});
    assert_fails(unpack_as(&onnx__model_proto__descriptor, &b, &m), STATUS_FORMAT, "twice");
    b.n = 0;
    w_bytes(&b, 8, "a\0b", 3); /* a name with a zero byte */
    assert_fails(unpack_as(&onnx__tensor_proto__descriptor, &b, &m), STATUS_FORMAT, "zero byte");
    free(b.p);
}

static void depth_and_count_are_bounded(void **state) {
    /* A hundred thousand graphs within each other; lengths that all reach to the end. */
    enum { DEEP = 100000 };
    uint8_t *at = malloc(DEEP * 8), *p = at + DEEP * 8;
    assert_non_null(at);
    size_t n = 0;
    for (int i = 0; i < DEEP && p - at > 16; i++) {
        uint8_t head[8];
        struct bytes h = {head, 0, sizeof head};
        w_varint(&h, i % 3 == 0 ? 1 << 3 | 2 : i % 3 == 1 ? 6 << 3 | 2 : 5 << 3 | 2);
        w_varint(&h, n);
        p -= h.n;
        memcpy(p, head, h.n);
        n += h.n;
    }
    struct bytes model = {0};
    w_bytes(&model, 7, p, n);
    struct wire_message m;
    assert_fails(unpack_as(&onnx__model_proto__descriptor, &model, &m), STATUS_LIMIT, "64 deep");
    free(at);

    model.n = 0;
    for (int i = 0; i < 1000; i++) w_message(&model, 14, (struct bytes){0});
    struct wire_options few = {.max_messages = 999};
    assert_fails(wire_unpack(&onnx__model_proto__descriptor, model.p, model.n, &few, &m),
                 STATUS_LIMIT, "999 messages");
    few.max_messages = 1000;
    assert_ok(wire_unpack(&onnx__model_proto__descriptor, model.p, model.n, &few, &m));
    wire_message_deinit(&m);
    few.max_bytes = model.n - 1;
    assert_fails(wire_unpack(&onnx__model_proto__descriptor, model.p, model.n, &few, &m),
                 STATUS_LIMIT, "bytes");
    free(model.p);
}

static void every_failed_allocation_is_survived(void **state) {
    struct bytes t = w_tensor("w", 1, 1, (int64_t[]){2}, "abcdefgh", 8);
    uint64_t live = mem_live_allocations();
    struct wire_message m;
    enum status s = STATUS_MEMORY;
    for (uint64_t n = 1; s != STATUS_OK; n++) {
        assert_true(n < 100);
        mem_fail_after(n, false);
        s = unpack_as(&onnx__tensor_proto__descriptor, &t, &m);
        mem_fail_after(0, false);
        if (s != STATUS_OK) assert_int_equal(s, STATUS_MEMORY);
        else wire_message_deinit(&m);
        assert_int_equal(mem_live_allocations(), live);
    }
    free(t.p);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(big_bytes_are_cut_out),
        cmocka_unit_test(our_own_fields_are_not_taken_from_files),
        cmocka_unit_test(unused_fields_are_left_out_but_checked),
        cmocka_unit_test(damage_is_named),
        cmocka_unit_test(depth_and_count_are_bounded),
        cmocka_unit_test(every_failed_allocation_is_survived),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
