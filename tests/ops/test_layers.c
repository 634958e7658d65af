/* SPDX-License-Identifier: Apache-2.0 */
/* Quantisation, sampling by coordinates, recurrent cells and attention on operands small enough to
 * check by hand, and what they say to operands that do not fit together. */
#include "evaluate.h"

static void quantises(void **state) {
    (void)state;
    /* Ties go to even before the zero point is added; results saturate. */
    assert_gives(
        "const x f32[5] = {1, 3, 5, 1000, -1000}\n const s f32[] = {2}\n const z u8[] = {10}\n"
        "y = QuantizeLinear(x, s, z)\n const want u8[5] = {10, 12, 12, 255, 0}\n");
    assert_gives("const x f32[1,2] = {4, 4}\n const s f32[2] = {1, 2}\n const z i8[2] = {0, -1}\n"
                 "y = QuantizeLinear(x, s, z)\n const want i8[1,2] = {4, 1}\n");
    assert_gives("const x f32[2,3] = {4, 4, 4, 9, 9, 9}\n const s f32[2,2] = {1, 2, 1, 3}\n"
                 "y = QuantizeLinear(x, s) {block_size=2, output_dtype=3}\n"
                 "const want i8[2,3] = {4, 4, 2, 9, 9, 3}\n");
    assert_gives("const x i16[2] = {-5, 7}\n const s f32[] = {0.5}\n const z i16[] = {1}\n"
                 "y = DequantizeLinear(x, s, z)\n const want f32[2] = {-3, 3}\n");
    assert_gives("const x f32[3] = {-1, 0, 4.1}\n y, _, _ = DynamicQuantizeLinear(x)\n"
                 "const want u8[3] = {0, 50, 255}\n");
    assert_gives(
        "const x u8[1,1,3] = {1, 2, 3}\n const w i8[1,1,2] = {1, -1}\n const z u8[] = {1}\n"
        "y = ConvInteger(x, w, z) {pads=[1,0]}\n const want i32[1,1,3] = {0, -1, -1}\n");
    assert_gives("const x u8[1,1,2] = {12, 20}\n const xs f32[] = {0.5}\n const xz u8[] = {10}\n"
                 "const w i8[2,1,1] = {3, 3}\n const ws f32[2] = {1, 2}\n const wz i8[] = {0}\n"
                 "const ys f32[] = {1}\n const yz i8[] = {-1}\n const b i32[2] = {2, 0}\n"
                 "y = QLinearConv(x, xs, xz, w, ws, wz, ys, yz, b)\n"
                 "const want i8[1,2,2] = {3, 15, 5, 29}\n");
    assert_gives("const a u8[1,2] = {3, 5}\n const as f32[] = {0.5}\n const az u8[] = {1}\n"
                 "const b u8[2,1] = {2, 4}\n const bs f32[] = {1}\n const bz u8[] = {0}\n"
                 "const ys f32[] = {2}\n const yz u8[] = {7}\n"
                 "y = QLinearMatMul(a, as, az, b, bs, bz, ys, yz)\n const want u8[1,1] = {12}\n");
    assert_refuses(
        "const x f32[1,2] = {4, 4}\n const s f32[3] = {1, 2, 3}\n y = QuantizeLinear(x, s)\n",
        STATUS_SHAPE, "axis");
    assert_refuses("const x f32[2] = {4, 4}\n const s f32[] = {1}\n"
                   "y = QuantizeLinear(x, s) {output_dtype=17}\n", STATUS_UNSUPPORTED, "type 17");
}

static void samples(void **state) {
    (void)state;
#define PLANE "const x f32[1,1,2,2] = {0, 10, 20, 30}\n"
    assert_gives(
        PLANE "const g f32[1,1,3,2] = {-1, -1, 0, 0, 1, 0}\n"
              "y = GridSample(x, g) {align_corners=1}\n const want f32[1,1,1,3] = {0, 15, 20}\n");
    assert_gives(PLANE "const g f32[1,1,2,2] = {-1, -1, 1, 0}\n y = GridSample(x, g)\n"
                 "const want f32[1,1,1,2] = {0, 10}\n");
    assert_gives(PLANE "const g f32[1,1,2,2] = {-9, 0.5, nan, 9}\n"
                 "y = GridSample(x, g) {padding_mode=\"border\"}\n"
                 "const want f32[1,1,1,2] = {20, 20}\n");
    assert_gives(PLANE "const g f32[1,1,1,2] = {1.5, -0.5}\n"
                 "y = GridSample(x, g) {padding_mode=\"reflection\", mode=\"nearest\"}\n"
                 "const want f32[1,1,1,1] = {10}\n");
    assert_refuses(PLANE "const g f32[1,1,1,3] = {0, 0, 0}\n y = GridSample(x, g)\n", STATUS_SHAPE,
                   "coordinates");
    assert_gives("const t f32[1,2,3] = {1, 0, 0.5, 0, 2, 0}\n const s i64[4] = {1, 1, 2, 2}\n"
                 "y = AffineGrid(t, s) {align_corners=1}\n"
                 "const want f32[1,2,2,2] = {-0.5, -2, 1.5, -2, -0.5, 2, 1.5, 2}\n");
    assert_gives(PLANE "const r f32[1,4] = {0.5, 0.5, 1.5, 1.5}\n const i i64[1] = {0}\n"
                 "y = RoiAlign(x, r, i) {sampling_ratio=1}\n const want f32[1,1,1,1] = {15}\n");
    assert_refuses(
        PLANE "const r f32[1,4] = {0, 0, 1, 1}\n const i i64[1] = {1}\n y = RoiAlign(x, r, i)\n",
        STATUS_SHAPE, "image 1");
    assert_gives(PLANE
                 "const r f32[1,5] = {0, 0, 0, 1, 1}\n y = MaxRoiPool(x, r) {pooled_shape=[1,2]}\n"
                 "const want f32[1,1,1,2] = {20, 30}\n");
    /* Each bin has a channel of its own. */
    assert_gives("const x f32[1,4,1,2] = {1, 2, 3, 4, 5, 6, 7, 8}\n"
                 "const r f32[1,5] = {0, 0, 0, 1, 0}\n"
                 "y = PsRoiPool(x, r) {group_size=2, output_dim=1}\n"
                 "const want f32[1,1,2,2] = {1, 4, 5, 8}\n");
    /* One tap moved half an element to the right, then masked. */
    assert_gives(
        PLANE
        "const w f32[1,1,1,1] = {2}\n const o f32[1,2,2,2] = {0, 0, 0, 0, 0.5, 0.5, 0.5, 0.5}\n"
        "const m f32[1,1,2,2] = {1, 1, 0.5, 1}\n y = DeformConv(x, w, o, _, m)\n"
        "const want f32[1,1,2,2] = {10, 10, 25, 30}\n");
}

#define CELL "const x f32[2,1,1] = {1, 2}\n"

static void recurs(void **state) {
    (void)state;
    assert_gives(CELL "const w f32[1,1,1] = {1}\n const r f32[1,1,1] = {10}\n"
                 "y = RNN(x, w, r) {hidden_size=1, activations=\"Relu\"}\n"
                 "const want f32[2,1,1,1] = {1, 12}\n");
    assert_gives(
        CELL "const w f32[2,1,1] = {1, 1}\n const r f32[2,1,1] = {10, 10}\n const n i32[1] = {1}\n"
             "const h f32[2,1,1] = {0, 3}\n"
             "y = RNN(x, w, r, _, n, h) {hidden_size=1, activations=\"Relu,LeakyRelu\", "
             "direction=\"bidirectional\"}\n const want f32[2,2,1,1] = {1, 31, 0, 0}\n");
    /* Every gate sees 0 but the candidate: sigmoid(0) = 1/2. */
    assert_gives(CELL "const w f32[1,3,1] = {0, 0, 1}\n const r f32[1,3,1] = {0, 0, 2}\n"
                 "_, y = GRU(x, w, r) {hidden_size=1, activations=\"Sigmoid,Relu\"}\n"
                 "const want f32[1,1,1] = {1.5}\n");
    assert_gives(CELL "const w f32[1,4,1] = {0, 0, 0, 1}\n const r f32[1,4,1] = {0, 0, 0, 0}\n"
                 "_, _, y = LSTM(x, w, r) {hidden_size=1, activations=\"Sigmoid,Relu,Relu\"}\n"
                 "const want f32[1,1,1] = {1.25}\n");
    assert_gives(
        "const x f32[1,2,1] = {1, 2}\n const w f32[1,1,1] = {1}\n const r f32[1,1,1] = {0}\n"
        "y = RNN(x, w, r) {layout=1, activations=\"Relu\", clip=1.5}\n"
        "const want f32[1,2,1,1] = {1, 1.5}\n");
    assert_refuses(CELL
                   "const w f32[1,3,1] = zeros\n const r f32[1,4,1] = zeros\n y = LSTM(x, w, r)\n",
                   STATUS_SHAPE, "weights");
    assert_refuses(CELL "const w f32[1,1,1] = {1}\n const r f32[1,1,1] = {1}\n"
                   "y = RNN(x, w, r) {activations=\"Cosine\"}\n", STATUS_UNSUPPORTED, "Cosine");
    assert_refuses(CELL
                   "const w f32[1,1,1] = {1}\n const r f32[1,1,1] = {1}\n const n i32[1] = {3}\n"
                   "y = RNN(x, w, r, _, n)\n",
                   STATUS_SHAPE, "length 3");
}

static void attends(void **state) {
    (void)state;
    /* Equal scores average the values; a causal query sees the first only. */
#define QKV                                                                                        \
    "const q f32[1,2,2] = {0, 0, 0, 0}\n const k f32[1,2,2] = {1, 2, 3, 4}\n"                      \
    "const v f32[1,2,2] = {1, 10, 3, 30}\n"
    assert_gives(QKV "y = Attention(q, k, v) {q_num_heads=1, kv_num_heads=1}\n"
                 "const want f32[1,2,2] = {2, 20, 2, 20}\n");
    assert_gives(QKV "const two f32[1,2,4] = zeros\n"
                 "y = Attention(two, k, v) {q_num_heads=2, kv_num_heads=1, is_causal=1}\n"
                 "const want f32[1,2,4] = {1, 10, 1, 10, 2, 20, 2, 20}\n");
    assert_gives(QKV "const m bool[2,2] = {1, 0, 0, 0}\n"
                 "y = Attention(q, k, v, m) {q_num_heads=1, kv_num_heads=1}\n"
                 "const want f32[1,2,2] = {1, 10, 0, 0}\n");
    assert_gives(QKV "const pk f32[1,1,1,2] = {0, 0}\n const pv f32[1,1,1,2] = {5, 50}\n"
                 "_, _, y = Attention(q, k, v, _, pk, pv) {q_num_heads=1, kv_num_heads=1}\n"
                 "const want f32[1,1,3,2] = {5, 50, 1, 10, 3, 30}\n");
    assert_refuses(QKV "y = Attention(q, k, v) {q_num_heads=1}\n", STATUS_SHAPE, "kv_num_heads");
    assert_refuses(QKV "y = Attention(q, k, v) {q_num_heads=1, kv_num_heads=2}\n", STATUS_SHAPE,
                   "divide");
    assert_gives("const x f32[1,1,1,4] = {1, 2, 3, 4}\n const c f32[2,2] = {1, 1, 0, 1}\n"
                 "const s f32[2,2] = {0, 0, 1, 0}\n const p i64[1,1] = {1}\n"
                 "y = RotaryEmbedding(x, c, s, p)\n const want f32[1,1,1,4] = {-3, 2, 1, 4}\n");
    assert_refuses("const x f32[1,1,1,4] = {1, 2, 3, 4}\n const c f32[2,2] = zeros\n"
                   "const p i64[1,1] = {2}\n y = RotaryEmbedding(x, c, c, p)\n",
                   STATUS_SHAPE, "position 2");
}

static void keeps_state(void **state) {
    (void)state;
    assert_gives(
        "const x f32[1,1,3] = {1, 2, 3}\n const w f32[1,1,2] = {10, 1}\n const p f32[1,1,1] = {5}\n"
        "y = CausalConvWithState(x, w, _, p)\n const want f32[1,1,3] = {51, 12, 23}\n");
    assert_gives(
        "const q f32[1,2,1] = {1, 1}\n const k f32[1,2,1] = {2, 3}\n const v f32[1,2,1] = {5, 7}\n"
        "y = LinearAttention(q, k, v) {q_num_heads=1, kv_num_heads=1, update_rule=\"linear\"}\n"
        "const want f32[1,2,1] = {10, 31}\n");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(quantises), cmocka_unit_test(samples), cmocka_unit_test(recurs),
        cmocka_unit_test(attends), cmocka_unit_test(keeps_state),
    };
    return cmocka_run_group_tests_name("layers", tests, NULL, NULL);
}
