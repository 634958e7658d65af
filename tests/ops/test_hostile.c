/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every operator with operands and attributes nobody would write: random ranks, types, values and
 * strings; then right calls with one to three things changed. A rule or kernel may refuse with a
 * sentence; it may not touch memory that is not its own (the sanitizers watch), leave a shape open,
 * or ask for more memory than a tensor may have.
 *
 *     test_ops_hostile [OPERATOR|all [ROUNDS]]
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
        c->out[i] = (struct view){
            .shape = shape_unknown(), .name = "out", .wanted = c->out[i].wanted};
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

/* ---- calls that are right but for one or two things ---- */

/* Operators whose operands must fit each other, which chance alone does not find. */
static const char *const seeds[] = {
    "const x f32[2,3] = splat(1)\n const s i64[2] = {3, -1}\n y = Reshape(x, s) {allowzero=0}",
    "const x f32[1,2,1] = splat(1)\n const a i64[2] = {0, 2}\n y = Squeeze(x, a)",
    "const x f32[2,3] = splat(1)\n const a i64[2] = {0, 2}\n y = Unsqueeze(x, a)",
    "const x f32[2,1] = splat(1)\n const s i64[3] = {2, 1, 4}\n y = Expand(x, s)",
    "const x f32[2,3] = splat(1)\n const s i64[2] = {2, 3}\n y = Tile(x, s)",
    "const x f32[2,3] = splat(1)\n y = Transpose(x) {perm=[1,0]}",
    "const x f32[2,3] = splat(1)\n const z f32[2,1] = splat(2)\n y = Concat(x, z, x) {axis=1}",
    "const x f32[2,6] = splat(1)\n const n i64[3] = {1, 2, 3}\n a, b, y = Split(x, n) {axis=1}",
    "const x f32[2,5] = splat(1)\n a, b, y = Split(x) {axis=1, num_outputs=3}",
    "const x f32[4,5] = splat(1)\n const s i64[2] = {0, 4}\n const e i64[2] = {4, 0}\n"
    "const a i64[2] = {0, 1}\n const t i64[2] = {2, -1}\n y = Slice(x, s, e, a, t)",
    "const x f32[2,3] = splat(1)\n const p i64[4] = {1, 2, 0, -1}\n const v f32[] = {7}\n"
    "y = Pad(x, p, v) {mode=\"constant\"}",
    "const x f32[2,3] = splat(1)\n const p i64[2] = {1, 2}\n const v f32[] = {7}\n"
    "const a i64[1] = {1}\n y = Pad(x, p, v, a) {mode=\"reflect\"}",
    "const x f32[2,3] = splat(1)\n const p i64[4] = {1, 2, 0, 5}\n y = Pad(x, p) {mode=\"wrap\"}",
    "const x f32[2,3] = splat(1)\n const s i64[2] = {4, 2}\n y = CenterCropPad(x, s) {axes=[0,1]}",
    "const x f32[1,8,2,3] = splat(1)\n y = DepthToSpace(x) {blocksize=2, mode=\"CRD\"}",
    "const x f32[1,2,4,6] = splat(1)\n y = SpaceToDepth(x) {blocksize=2, mode=\"DCR\"}",
    "const x f32[3,2,2] = splat(1)\n const n i64[2] = {1, 3}\n"
    "y = ReverseSequence(x, n) {batch_axis=1, time_axis=0}",
    "const x f32[3,4] = splat(1)\n const k i64[] = {1}\n y = Trilu(x, k) {upper=1}",
    "const x f32[3,4] = splat(1)\n const i i64[2,2] = {0, 3, -1, 1}\n y = Gather(x, i) {axis=1}",
    "const x f32[3,4] = splat(1)\n const i i64[2,2] = {0, 2, -1, 1}\n"
    "y = GatherElements(x, i) {axis=0}",
    "const x f32[2,3,4] = splat(1)\n const i i64[2,2,1] = {0, 2, -1, 1}\n"
    "y = GatherND(x, i) {batch_dims=1}",
    "const x f32[3,4] = splat(1)\n const i i64[2,2] = {0, 2, -1, 1}\n const u f32[2,2] = splat(2)\n"
    "y = ScatterElements(x, i, u) {axis=0, reduction=\"max\"}",
    "const x i32[3,4] = splat(1)\n const i i64[2,1] = {0, -1}\n const u i32[2,4] = splat(2)\n"
    "y = ScatterND(x, i, u) {reduction=\"add\"}",
    "const x f32[2,1,4,2] = splat(1)\n const u f32[2,1,3,2] = splat(2)\n const i i64[2] = {1, 0}\n"
    "y = TensorScatter(x, u, i) {axis=2, mode=\"circular\"}",
    "const x f32[3,4] = splat(1)\n const k bool[4] = {1, 0, 1, 1}\n y = Compress(x, k) {axis=1}",
    "const i i64[2,2] = {0, 2, -1, 1}\n const d i64[] = {3}\n const v f32[2] = {0, 1}\n"
    "y = OneHot(i, d, v) {axis=1}",
    "const x f32[3,4] = splat(1)\n const k i64[1] = {2}\n y, z = TopK(x, k) {axis=1, largest=1}",
    "const x f32[3,4] = splat(1)\n y, i, j, k = Unique(x) {axis=1, sorted=0}",
    "const b f32[2,3,4] = splat(1)\n const s f32[2,2,3] = splat(1)\n const n i64[] = {2}\n"
    "const t f32[] = {0.5}\n const u f32[] = {0.1}\n"
    "y = NonMaxSuppression(b, s, n, t, u) {center_point_box=1}",
    "const a i64[] = {1}\n const b i64[] = {9}\n const d i64[] = {2}\n y = Range(a, b, d)",
    "const a f32[] = {1}\n const b f32[] = {9}\n const d f32[] = {2}\n y = Range(a, b, d)",
    "const s i64[2] = {3, 4}\n const v f16[1] = {2}\n y = ConstantOfShape(s, v)",
    "const x f32[2,3,4] = splat(1)\n const a i64[2] = {0, -1}\n y = ReduceMean(x, a) {keepdims=0}",
    "const x i8[2,3,4] = splat(1)\n const a i64[1] = {1}\n y = ReduceMax(x, a) {keepdims=1}",
    "const x f32[2,3] = splat(1)\n y = ArgMax(x) {axis=1, select_last_index=1, keepdims=0}",
    "const x f32[2,3] = splat(1)\n const a i64[] = {1}\n y = CumSum(x, a) {reverse=1, exclusive=1}",
    "const k bool[2,1] = {1, 0}\n const a f32[3] = splat(1)\n const b f32[] = {2}\n"
    "y = Where(k, a, b)",
    "const a i16[2,1] = splat(4)\n const b i16[3] = splat(1)\n"
    "y = BitShift(a, b) {direction=\"LEFT\"}",
    "const x f32[2,3,4] = splat(1)\n const w f32[3,1] = splat(1)\n y = PRelu(x, w)",
    "const x f32[1,5,1] = splat(1)\n const n i64[] = {6}\n const a i64[] = {1}\n"
    "y = DFT(x, n, a) {onesided=1, inverse=0}",
    "const x f32[1,4,2] = splat(1)\n const n i64[] = {6}\n const a i64[] = {1}\n"
    "y = DFT(x, n, a) {onesided=1, inverse=1}",
    "const x f32[1,9,1] = splat(1)\n const t i64[] = {2}\n const w f32[4] = splat(1)\n"
    "const n i64[] = {4}\n y = STFT(x, t, w, n) {onesided=1}",
    "const b i64[] = {4}\n const n i64[] = {16}\n const r i64[] = {800}\n const l f32[] = {0}\n"
    "const u f32[] = {400}\n y = MelWeightMatrix(b, n, r, l, u) {output_datatype=\"f32\"}",
    "const x f32[2,3,3] = splat(1)\n y = Det(x)",
    "const x f32[1,2,5,5] = splat(1)\n const w f32[4,1,3,3] = splat(1)\n const b f32[4] = splat(1)\n"
    "y = Conv(x, w, b) {kernel_shape=[3,3], strides=[1,2], pads=[1,1,1,1], group=2, "
    "dilations=[1,1]}",
    "const x f32[1,2,3,3] = splat(1)\n const w f32[2,2,3,3] = splat(1)\n"
    "y = ConvTranspose(x, w) {strides=[2,2], pads=[1,1,1,1], output_padding=[1,1], group=1}",
    "const x f32[1,2,5,5] = splat(1)\n"
    "y, i = MaxPool(x) {kernel_shape=[3,3], strides=[2,2], pads=[1,1,1,1], ceil_mode=1}",
    "const x f32[1,2,5,5] = splat(1)\n"
    "y = AveragePool(x) {kernel_shape=[3,3], strides=[2,2], pads=[1,1,1,1], count_include_pad=1}",
    "const a f32[2,3] = splat(1)\n const b f32[4,3] = splat(1)\n const c f32[4] = splat(1)\n"
    "y = Gemm(a, b, c) {transB=1, alpha=0.5}",
    "const a f32[2,2,3] = splat(1)\n const b f32[3,4] = splat(1)\n y = MatMul(a, b)",
    "const x f32[1,2,3,3] = splat(1)\n const r f32[0] = {}\n const s f32[4] = {1, 1, 2, 1.5}\n"
    "y = Resize(x, r, s) {mode=\"linear\", axes=[0,1,2,3]}",
    "const x f32[1,2,4,4] = splat(1)\n const r f32[2,4] = splat(1)\n const i i64[2] = {0, 0}\n"
    "y = RoiAlign(x, r, i) {output_height=2, output_width=2, sampling_ratio=2}",
    "const x f32[1,8,4,4] = splat(1)\n const r f32[2,5] = splat(0.5)\n"
    "y = PsRoiPool(x, r) {group_size=2, output_dim=2, spatial_scale=0.5}",
    "const x f32[2,3,4,4] = splat(1)\n const r f32[2,4] = splat(0.5)\n const i i32[2] = {0, 1}\n"
    "y = CropAndResize(x, r, i) {size=[2,3], mode=\"nearest\", extrapolation_value=2.0}",
    "const l f32[2,8] = splat(0.1)\n const c f32[2,6] = splat(0.5)\n const p f32[1,2,8] = splat(0.5)\n"
    "y, n = DetectionOutput(l, c, p) {num_classes=3, keep_top_k=4, top_k=5, per_image=1}",
    "const p f32[2,4,3,2] = splat(0.5)\n const d f32[2,8,3,2] = splat(0.1)\n"
    "const i f32[1,3] = splat(40)\n y, n = Proposal(p, d, i) {ratios=[1.0,2.0], scales=[1.0], "
    "post_nms_topn=3, rows=5, by_row=0}",
    "const c f32[2,8,3,2] = splat(0.5)\n const o f32[2,2,3,2] = splat(0.9)\n"
    "const p f32[2,6,3,2] = splat(0.9)\n const i f32[2,4] = splat(64)\n"
    "y, n = YoloDetectionOutput(c, o, p, i) {anchors=[8.0,9.0,20.0,30.0], boxes=2, classes=3, "
    "post_nms_topn=5, pre_nms_topn=4, letterbox=1, cells=0}",
    "const x f32[1,2,4,4] = splat(1)\n const g f32[1,2,2,2] = splat(0.5)\n"
    "y = GridSample(x, g) {mode=\"linear\"}",
    "const x f32[2,3,4] = splat(1)\n const s f32[3] = splat(1)\n"
    "y = BatchNormalization(x, s, s, s, s) {epsilon=0.1}",
    "const x f32[2,4,3] = splat(1)\n const s f32[4] = splat(1)\n"
    "y = GroupNormalization(x, s, s) {num_groups=2}",
    "const x f32[3,1,2] = splat(1)\n const w f32[1,16,2] = splat(1)\n const r f32[1,16,4] = splat(1)\n"
    "y, h, c = LSTM(x, w, r) {hidden_size=4}",
};

/* Changes one thing: an element, a dimension, a type, an attribute; or leaves an input out. */
static void mutate(struct graph *g, struct op_call *c) {
    struct node *n = &g->nodes[0];
    uint32_t what = below(10);
    if (what < 3 && n->n_attrs) {
        struct attr_spec spec = {n->attrs[below((uint32_t)n->n_attrs)].name, ATTR_INT};
        const struct attr *a = node_attr(n, spec.name);
        int64_t ints[16];
        int count = node_ints(n, spec.name, ints, 16);
        spec.type = a->type;
        if (count > 0 && count <= 16 && below(4)) {
            ints[below((uint32_t)count)] = any_int();
            assert_ok(node_set_ints(g, 0, spec.name, count, ints));
        } else {
            add_attr(g, 0, &spec);
        }
        return;
    }
    struct view *v = &c->in[below((uint32_t)c->n_inputs)];
    if (!v->wanted) return;
    struct shape s = v->shape;
    enum dtype t = v->dtype;
    int64_t count = shape_elements(&s);
    if (what < 7 && count) {
        int64_t i = below((uint32_t)count);
        if (dtype_is_float(t)) view_set_f64(v, i, any_real());
        else view_set_i64(v, i, any_int());
        return;
    }
    if (what < 9) {
        if (s.rank && below(3)) s.dim[below((uint32_t)s.rank)] = below(6);
        else if (s.rank && below(2)) s.rank--;
        else if (s.rank < SHAPE_MAX_RANK) s.dim[s.rank++] = 1 + below(2);
    } else {
        t = any_dtype(t);
    }
    free(v->data);
    v->shape = s;
    v->dtype = t;
    fill(v);
}

static void attack_seed(const char *seed_text) {
    struct graph *g;
    struct op_call c;
    char text[1024];
    snprintf(text, sizeof text, "graph \"seed\" {\n%s\n}\n", seed_text);
    assert_ok(graph_parse(text, strlen(text), &g));
    assert_ok(op_call_init(&c, g, &g->nodes[0]));
    c.alloc_output = alloc_output;
    for (int i = 0; i < c.n_inputs; i++) {
        size_t bytes = (size_t)shape_elements(&c.in[i].shape) * dtype_size(c.in[i].dtype);
        const void *from = c.in[i].data;
        c.in[i].data = malloc(bytes);
        if (bytes) memcpy(c.in[i].data, from, bytes);
    }
    /* Some stay as they are: a seed that is not right in itself would test little. */
    uint32_t n = below(4);
    for (uint32_t i = 0; i < n; i++) mutate(g, &c);
    enum status s = run_call(op_def(c.node->op), &c);
    if (s == STATUS_INTERNAL || (n == 0 && s != STATUS_OK))
        fail_msg("%s: %s", seed_text, status_message());
    for (int i = 0; i < c.n_inputs; i++) free(c.in[i].data);
    for (int i = 0; i < c.n_outputs; i++) free(c.out[i].data);
    op_call_deinit(&c);
    graph_destroy(g);
}

static void near_misses_survive(void **state) {
    (void)state;
    uint64_t live = mem_live_allocations();
    for (size_t k = 0; k < sizeof seeds / sizeof seeds[0]; k++) {
        if (only && !strstr(seeds[k], only)) continue;
        for (int round = 0; round < rounds; round++) {
            seed = (uint64_t)(k + 1000) << 32 | (uint32_t)round;
            below(1);
            attack_seed(seeds[k]);
        }
    }
    assert_int_equal(mem_live_allocations(), live);
}

static void random_calls_survive(void **state) {
    (void)state;
    uint64_t live = mem_live_allocations();
    for (int op = 1; op < OP_COUNT; op++) {
        if (only && strcmp(only, op_def((enum op_kind)op)->name)) continue;
        for (int round = 0; round < rounds; round++) {
            seed = (uint64_t)op << 32 | (uint32_t)round;
            below(1);
            attack((enum op_kind)op);
        }
    }
    assert_int_equal(mem_live_allocations(), live);
}

int main(int argc, char **argv) {
    if (argc > 1 && strcmp(argv[1], "all")) only = argv[1];
    if (argc > 2) rounds = atoi(argv[2]);
    const struct CMUnitTest tests[] = {cmocka_unit_test(random_calls_survive),
                                       cmocka_unit_test(near_misses_survive)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
