/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every operator with operands and attributes nobody would write: random ranks, types, values and
 * strings. A rule or kernel may refuse with a sentence; it may not touch memory that is not its own
 * (the sanitizers watch), leave a shape open, or ask for more memory than a tensor may have.
 *
 *     test_ops_hostile [OPERATOR [ROUNDS]]
 */
#include "../check.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "ops/op.h"

enum { MAX_VIEWS = 12, MAX_BYTES = 1 << 20 };

static uint64_t seed;
static const char *only;
static int rounds = 400;

static uint32_t below(uint32_t n) {
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(seed >> 33) % n;
}

static int64_t any_int(void) {
    static const int64_t odd[] = {INT64_MAX, INT64_MIN, INT64_MIN + 1, INT32_MAX, INT32_MIN,
                                  1 << 20,   -1000,     65536,         INT64_C(1) << 40, 17};
    return below(12) ? (int64_t)below(8) - 2 : odd[below(10)];
}

static double any_real(void) {
    static const double odd[] = {INFINITY, -INFINITY, NAN, 1e300, -1e300, 1e-300, -0.0, 3e9};
    return below(12) ? (double)below(64) / 8 - 2 : odd[below(8)];
}

static enum dtype any_dtype(enum dtype usual) {
    uint32_t k = below(10);
    return k < 6 ? usual : k < 8 ? DT_I64 : (enum dtype)(1 + below(DT_COUNT - 1));
}

static struct shape any_shape(const struct view *before, int n_before) {
    if (n_before && below(3) == 0) return before[below((uint32_t)n_before)].shape;
    struct shape s = {.rank = (int)below(6)};
    if (below(3) == 0) s.rank = (int)below(2);
    for (int d = 0; d < s.rank; d++) s.dim[d] = below(12) ? 1 + below(4) : 0;
    return s;
}

static const char *any_string(void) {
    static const char *const words[] = {
        "",         "f32",      "i64",      "f16",     "none",    "tanh",     "LEFT",   "RIGHT",
        "constant", "reflect",  "edge",     "wrap",    "add",     "mul",      "max",    "min",
        "DCR",      "CRD",      "nearest",  "linear",  "cubic",   "circular", "Relu",   "NOTSET",
        "VALID",    "avg",      "sum",      "asymmetric", "half_pixel", "SAME_UPPER", "ij,jk->ik",
        "...a->a",  "bilinear", "zeros",    "border",  "forward", "reverse",  "bidirectional"};
    return words[below(sizeof words / sizeof words[0])];
}

static void add_attr(struct graph *g, int node, const struct attr_spec *spec) {
    int64_t ints[6];
    float floats[6];
    int n = (int)below(6);
    for (int i = 0; i < n; i++) {
        ints[i] = any_int();
        floats[i] = (float)any_real();
    }
    switch (spec->type) {
    case ATTR_INT: assert_ok(node_set_int(g, node, spec->name, any_int())); break;
    case ATTR_FLOAT: assert_ok(node_set_float(g, node, spec->name, (float)any_real())); break;
    case ATTR_STRING: assert_ok(node_set_string(g, node, spec->name, any_string())); break;
    case ATTR_INTS: assert_ok(node_set_ints(g, node, spec->name, n, ints)); break;
    case ATTR_FLOATS: assert_ok(node_set_floats(g, node, spec->name, n, floats)); break;
    }
}

/* Exactly the bytes the shape says, so that a sanitizer sees one too many. */
static enum status alloc_output(struct op_call *c, int i) {
    int64_t n = shape_elements(&c->out[i].shape);
    size_t size = dtype_size(c->out[i].dtype);
    CHECK(n >= 0 && size, STATUS_INTERNAL, "output %d has no known type and shape", i);
    CHECK(n <= MAX_BYTES, STATUS_LIMIT, "larger than the test allows");
    c->out[i].data = malloc((size_t)n * size);
    CHECK(c->out[i].data || !n, STATUS_MEMORY, "out of memory");
    return STATUS_OK;
}

static void fill(struct view *v) {
    int64_t n = shape_elements(&v->shape);
    v->data = malloc((size_t)n * dtype_size(v->dtype));
    bool real = dtype_is_float(v->dtype);
    for (int64_t i = 0; i < n; i++)
        if (real) view_set_f64(v, i, any_real());
        else view_set_i64(v, i, any_int());
}

static void clear_outputs(struct op_call *c) {
    for (int i = 0; i < c->n_outputs; i++)
        c->out[i] = (struct view){.shape = shape_unknown(), .name = "out", .wanted = c->out[i].wanted};
}

/* The rule without values, then with; then the kernel. */
static enum status run_call(const struct op_def *def, struct op_call *c) {
    struct view blind[MAX_VIEWS], *given = c->in;
    for (int i = 0; i < c->n_inputs; i++) {
        blind[i] = given[i];
        blind[i].data = NULL;
        if (below(3) == 0) blind[i].shape = shape_unknown();
        for (int d = 0; d < blind[i].shape.rank; d++)
            if (below(3) == 0) blind[i].shape.dim[d] = -1;
    }
    c->in = blind;
    (void)def->infer(c);
    c->in = given;
    clear_outputs(c);
    TRY(def->infer(c));
    for (int i = 0; i < c->n_outputs; i++)
        if (c->out[i].wanted && !(def->flags & OP_LATE_SHAPE)) TRY(alloc_output(c, i));
    return def->run(c);
}

static void attack(enum op_kind op) {
    const struct op_def *def = op_def(op);
    struct graph *g;
    int node;
    assert_ok(graph_create(&g));
    assert_ok(graph_add_node(g, op, def->name, 0, NULL, 0, NULL, &node));
    for (const struct attr_spec *a = def->attrs; a && a->name; a++)
        if (below(2)) add_attr(g, node, a);
    int most_in = def->max_inputs < 0 ? def->min_inputs + 3 : def->max_inputs;
    int most_out = def->max_outputs < 0 ? def->min_outputs + 3 : def->max_outputs;
    struct view views[2 * MAX_VIEWS] = {0};
    assert_true(most_in <= MAX_VIEWS && most_out <= MAX_VIEWS);
    struct op_call c = {.node = &g->nodes[node], .in = views, .out = views + MAX_VIEWS,
                        .alloc_output = alloc_output};
    c.n_inputs = def->min_inputs + (int)below((uint32_t)(most_in - def->min_inputs + 1));
    c.n_outputs = def->min_outputs + (int)below((uint32_t)(most_out - def->min_outputs + 1));
    enum dtype usual = below(2) ? DT_F32 : (enum dtype)(1 + below(DT_COUNT - 1));
    for (int i = 0; i < c.n_inputs; i++) {
        c.in[i].name = "in";
        c.in[i].wanted = i < def->min_inputs || below(4);
        if (!c.in[i].wanted) continue;
        c.in[i].dtype = any_dtype(usual);
        c.in[i].shape = any_shape(c.in, i);
        fill(&c.in[i]);
    }
    for (int i = 0; i < c.n_outputs; i++) c.out[i].wanted = i < def->min_outputs || below(2);
    clear_outputs(&c);
    enum status s = run_call(def, &c);
    if (s == STATUS_INTERNAL) fail_msg("%s: %s", def->name, status_message());
    if (s != STATUS_OK && !*status_message()) fail_msg("%s fails without a sentence", def->name);
    for (int i = 0; i < c.n_inputs; i++) free(c.in[i].data);
    for (int i = 0; i < c.n_outputs; i++) free(c.out[i].data);
    graph_destroy(g);
}

static void operators_survive(void **state) {
    (void)state;
    uint64_t live = mem_live_allocations();
    for (int op = 1; op < OP_COUNT; op++) {
        if (only && strcmp(only, op_def((enum op_kind)op)->name)) continue;
        if (getenv("HOSTILE_TRACE")) fprintf(stderr, "%s\n", op_def((enum op_kind)op)->name);
        for (int round = 0; round < rounds; round++) {
            seed = (uint64_t)op << 32 | (uint32_t)round;
            below(1);
            attack((enum op_kind)op);
        }
    }
    assert_int_equal(mem_live_allocations(), live);
}

int main(int argc, char **argv) {
    if (argc > 1) only = argv[1];
    if (argc > 2) rounds = atoi(argv[2]);
    const struct CMUnitTest tests[] = {cmocka_unit_test(operators_survive)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
