/* SPDX-License-Identifier: Apache-2.0 */
/* Convolution, pooling, products, normalization and resizing on operands small enough to check by
 * hand, and what they say to attributes that cannot be. */
#include "evaluate.h"

#define IMAGE "const x f32[1,1,3,3] = {1, 2, 3, 4, 5, 6, 7, 8, 9}\n"
#define BOX "const w f32[1,1,2,2] = {1, 1, 1, 1}\n"

static void convolves(void **state) {
    (void)state;
    assert_gives(IMAGE BOX "y = Conv(x, w)\n const want f32[1,1,2,2] = {12, 16, 24, 28}\n");
    assert_gives(IMAGE BOX "const b f32[1] = {0.5}\n"
                 "y = Conv(x, w, b) {strides=[2,2], pads=[1,0,0,1]}\n"
                 "const want f32[1,1,2,2] = {3.5, 3.5, 24.5, 15.5}\n");
    assert_gives(IMAGE BOX "y = Conv(x, w) {dilations=[2,2]}\n const want f32[1,1,1,1] = {20}\n");
    assert_gives(IMAGE BOX "y = Conv(x, w) {auto_pad=\"SAME_UPPER\", strides=[2,2]}\n"
                 "const want f32[1,1,2,2] = {12, 9, 15, 9}\n");
    assert_gives(IMAGE BOX "y = Conv(x, w) {auto_pad=\"SAME_LOWER\", strides=[2,2]}\n"
                 "const want f32[1,1,2,2] = {1, 5, 11, 28}\n");
    /* two groups of one channel; 1-D and 3-D */
    assert_gives("const x f32[1,2,3] = {1, 2, 3, 4, 5, 6}\n const w f32[2,1,2] = {1, -1, 2, 0}\n"
                 "y = Conv(x, w) {group=2}\n const want f32[1,2,2] = {-1, -1, 8, 10}\n");
    assert_gives("const x f32[1,1,2,2,2] = {1, 2, 3, 4, 5, 6, 7, 8}\n"
                 "const w f32[2,1,2,1,1] = {1, 1, 1, -1}\n y = Conv(x, w)\n"
                 "const want f32[1,2,1,2,2] = {6, 8, 10, 12, -4, -4, -4, -4}\n");
    assert_gives("const x f16[1,1,3] = {1, 2, 3}\n const w f16[1,1,1] = {0.5}\n y = Conv(x, w)\n"
                 "const want f16[1,1,3] = {0.5, 1, 1.5}\n");
    assert_infers("input x f32[?,3,?,32]\n input w f32[8,3,3,3]\n"
                  "y = Conv(x, w) {pads=[1,1,1,1], strides=[2,2]}\n", "f32[?,8,?,16]");
}

static void convolves_fused(void **state) {
    (void)state;
#define FUSED(attrs, want)                                                                         \
    assert_gives("const x f32[1,1,2] = {-3, 2}\n const w f32[1,1,1] = {1}\n"                       \
                 "const r f32[1,1,2] = {1, -4}\n y = Conv(x, w, _, r) {" attrs "}\n"               \
                 "const want f32[1,1,2] = {" want "}\n")
    FUSED("activation=\"Relu\"", "0, 0");
    FUSED("activation=\"Relu\", residual_after_activation=1", "1, -2");
    FUSED("activation=\"Clip\", activation_alpha=-1.0, activation_beta=1.5", "-1, -1");
    FUSED("activation=\"LeakyRelu\", activation_alpha=0.5", "-1, -1");
    FUSED("activation=\"Swish\"", "-0.238405844, -0.238405844");
    assert_refuses("const x f32[1,1,2] = {-3, 2}\n const w f32[1,1,1] = {1}\n"
                   "y = Conv(x, w) {activation=\"Softsign\"}\n", STATUS_UNSUPPORTED, "Softsign");
    assert_refuses(
        "const x f32[1,1,2] = {-3, 2}\n const w f32[1,1,1] = {1}\n const r f32[2] = {0, 0}\n"
        "y = Conv(x, w, _, r)\n",
        STATUS_SHAPE, "rank");
}

static void refuses_windows(void **state) {
    (void)state;
    assert_refuses(IMAGE BOX "y = Conv(x, w) {strides=[0,1]}\n", STATUS_LIMIT, "strides");
    assert_refuses(IMAGE BOX "y = Conv(x, w) {dilations=[1,9223372036854775807]}\n", STATUS_LIMIT,
                   "dilations");
    assert_refuses(IMAGE BOX "y = Conv(x, w) {pads=[0,0,-1,0]}\n", STATUS_LIMIT, "pads");
    assert_refuses(IMAGE BOX "y = Conv(x, w) {pads=[1,1]}\n", STATUS_SHAPE, "2 values");
    assert_refuses(IMAGE BOX "y = Conv(x, w) {dilations=[3,3]}\n", STATUS_SHAPE, "spans 4");
    assert_refuses(IMAGE BOX "y = Conv(x, w) {group=0}\n", STATUS_SHAPE, "group");
    assert_refuses(IMAGE BOX "y = Conv(x, w) {group=3}\n", STATUS_SHAPE, "groups");
    assert_refuses(IMAGE BOX "y = Conv(x, w) {kernel_shape=[3,3]}\n", STATUS_SHAPE, "kernel_shape");
    assert_refuses(IMAGE "const w f32[1,2,2,2] = zeros\n y = Conv(x, w)\n", STATUS_SHAPE,
                   "channels");
    assert_refuses(IMAGE "const w f32[1,1,0,2] = {}\n y = Conv(x, w)\n", STATUS_SHAPE, "kernel");
    assert_refuses(IMAGE "y = MaxPool(x)\n", STATUS_FORMAT, "kernel_shape");
    assert_refuses(IMAGE "y = MaxPool(x) {kernel_shape=[4,4]}\n", STATUS_SHAPE, "spans 4");
    assert_refuses("const x i32[1,1,2] = {1, 2}\n y = MaxPool(x) {kernel_shape=[1]}\n",
                   STATUS_UNSUPPORTED, "i32");
}

static void pools(void **state) {
    (void)state;
    assert_gives(IMAGE
                 "y = MaxPool(x) {kernel_shape=[2,2]}\n const want f32[1,1,2,2] = {5, 6, 8, 9}\n");
    assert_gives(IMAGE "_, y = MaxPool(x) {kernel_shape=[2,2], storage_order=1}\n"
                 "const want i64[1,1,2,2] = {4, 7, 5, 8}\n");
    assert_gives(IMAGE "y = MaxPool(x) {kernel_shape=[2,2], strides=[2,2], ceil_mode=1}\n"
                 "const want f32[1,1,2,2] = {5, 6, 8, 9}\n");
    assert_gives(
        "const x u8[1,1,3] = {3, 200, 7}\n y = MaxPool(x) {kernel_shape=[2], dilations=[2]}\n"
        "const want u8[1,1,1] = {7}\n");
    /* A last window that would begin in the padding is left out. */
    assert_gives("const x f32[1,1,2] = {1, 2}\n"
                 "y = MaxPool(x) {kernel_shape=[1], strides=[2], pads=[0,1], ceil_mode=1}\n"
                 "const want f32[1,1,1] = {1}\n");
    assert_gives(IMAGE "y = AveragePool(x) {kernel_shape=[3,3], pads=[1,1,1,1], strides=[2,2]}\n"
                 "const want f32[1,1,2,2] = {3, 4, 6, 7}\n");
    assert_gives(IMAGE "y = AveragePool(x) {kernel_shape=[3,3], pads=[1,1,1,1], strides=[2,2], "
                 "count_include_pad=1}\n"
                 "const want f32[1,1,2,2] = {1.33333333, 1.77777778, 2.66666667, 3.11111111}\n");
    assert_gives("const x f32[1,1,2] = {3, -4}\n y = LpPool(x) {kernel_shape=[2]}\n"
                 "const want f32[1,1,1] = {5}\n");
    assert_gives("const x f32[1,2,2] = {1, 2, -3, 5}\n y = GlobalAveragePool(x)\n"
                 "const want f32[1,2,1] = {1.5, 1}\n");
    assert_gives("const x f32[1,2,2] = {1, 2, -3, -5}\n y = GlobalMaxPool(x)\n"
                 "const want f32[1,2,1] = {2, -3}\n");
    assert_gives("const x f32[1,1,1,2] = {1, 2}\n const i i64[1,1,1,2] = {1, 6}\n"
                 "y = MaxUnpool(x, i) {kernel_shape=[2,2], strides=[2,2]}\n"
                 "const want f32[1,1,2,4] = {0, 1, 0, 0, 0, 0, 2, 0}\n");
    assert_refuses("const x f32[1,1,1,2] = {1, 2}\n const i i64[1,1,1,2] = {1, 8}\n"
                   "y = MaxUnpool(x, i) {kernel_shape=[2,2], strides=[2,2]}\n",
                   STATUS_SHAPE, "index 8");
}

static void transposes_convolution(void **state) {
    (void)state;
    assert_gives("const x f32[1,1,2] = {1, 2}\n const w f32[1,1,3] = {1, 10, 100}\n"
                 "y = ConvTranspose(x, w) {strides=[2]}\n"
                 "const want f32[1,1,5] = {1, 10, 102, 20, 200}\n");
    assert_gives("const x f32[1,1,2] = {1, 2}\n const w f32[1,1,3] = {1, 10, 100}\n"
                 "y = ConvTranspose(x, w) {strides=[2], pads=[1,0], output_padding=[1]}\n"
                 "const want f32[1,1,5] = {10, 102, 20, 200, 0}\n");
    assert_gives("const x f32[1,1,2] = {1, 2}\n const w f32[1,1,3] = {1, 10, 100}\n"
                 "y = ConvTranspose(x, w) {strides=[2], auto_pad=\"SAME_UPPER\"}\n"
                 "const want f32[1,1,4] = {1, 10, 102, 20}\n");
    assert_gives("const x f32[1,2,1] = {1, 2}\n const w f32[2,1,2] = {1, 2, 3, 4}\n"
                 "y = ConvTranspose(x, w) {group=2}\n const want f32[1,2,2] = {1, 2, 6, 8}\n");
    assert_refuses("const x f32[1,1,2] = {1, 2}\n const w f32[1,1,3] = {1, 10, 100}\n"
                   "y = ConvTranspose(x, w) {pads=[2,2]}\n", STATUS_SHAPE, "long");
    assert_gives("const x f32[1,4,2] = {1, 2, 3, 4, 5, 6, 7, 8}\n const s i64[2] = {2, 3}\n"
                 "const b i64[2] = {2, 2}\n y = Col2Im(x, s, b)\n"
                 "const want f32[1,1,2,3] = {1, 5, 4, 5, 13, 8}\n");
}

static void multiplies(void **state) {
    (void)state;
#define AB "const a f32[2,2] = {1, 2, 3, 4}\n const b f32[2,1] = {5, 6}\n"
    assert_gives(AB "y = MatMul(a, b)\n const want f32[2,1] = {17, 39}\n");
    assert_gives("const a f32[2] = {1, 2}\n const b f32[2] = {5, 6}\n y = MatMul(a, b)\n"
                 "const want f32[] = {17}\n");
    assert_gives("const a f32[2,1,1,2] = {1, 2, 3, 4}\n const b f32[3,2,1] = {1, 0, 0, 1, 1, 1}\n"
                 "y = MatMul(a, b)\n const want f32[2,3,1,1] = {1, 2, 3, 3, 4, 7}\n");
    assert_gives("const a i64[1,2] = {4611686018427387904, 3}\n const b i64[2,1] = {1, 1}\n"
                 "y = MatMul(a, b)\n const want i64[1,1] = {4611686018427387907}\n");
    assert_gives("const a f32[0,2] = {}\n const b f32[2,3] = zeros\n y = MatMul(a, b)\n"
                 "const want f32[0,3] = {}\n");
    assert_refuses(AB "y = MatMul(b, b)\n", STATUS_SHAPE, "columns");
    assert_gives(AB "const c f32[1] = {1}\n"
                 "y = Gemm(b, a, c) {transA=1, transB=1, alpha=2.0, beta=3.0, activation=\"Clip\", "
                 "activation_beta=60.0}\n const want f32[1,2] = {37, 60}\n");
    assert_refuses(AB "y = Gemm(a, b, a)\n", STATUS_SHAPE, "broadcast");
    assert_gives(AB
                 "y = Einsum(a, b) {equation=\"ij, jk -> ki\"}\n const want f32[1,2] = {17, 39}\n");
    assert_gives(AB "y = Einsum(a) {equation=\"ii\"}\n const want f32[] = {5}\n");
    assert_gives("const a f32[2,1,2] = {1, 2, 3, 4}\n const b f32[2,2] = {1, 0, 1, 1}\n"
                 "y = Einsum(a, b) {equation=\"...j,jk->k...\"}\n"
                 "const want f32[2,2,1] = {3, 7, 2, 4}\n");
    assert_refuses(AB "y = Einsum(a, b) {equation=\"ij,jk->iz\"}\n", STATUS_SHAPE, "label");
    assert_refuses(AB "y = Einsum(a, b) {equation=\"ij\"}\n", STATUS_SHAPE, "fewer");
    assert_gives("const a u8[1,2] = {3, 5}\n const b i8[2,1] = {-2, 4}\n const z u8[] = {1}\n"
                 "y = MatMulInteger(a, b, z)\n const want i32[1,1] = {12}\n");
}

static void normalizes(void **state) {
    (void)state;
    assert_gives(
        "const x f32[1,2,2] = {1, 2, 3, 4}\n const s f32[2] = {2, 1}\n const b f32[2] = {0, 10}\n"
        "const m f32[2] = {1, 3}\n const v f32[2] = {4, 1}\n"
        "y = BatchNormalization(x, s, b, m, v) {epsilon=0.0}\n"
        "const want f32[1,2,2] = {0, 1, 10, 11}\n");
    assert_gives(
        "const x f32[1,2,2] = {1, 3, 2, 8}\n const s f32[2] = {1, 2}\n const b f32[2] = {0, 1}\n"
        "y = InstanceNormalization(x, s, b) {epsilon=0.0}\n"
        "const want f32[1,2,2] = {-1, 1, -1, 3}\n");
    assert_gives(
        "const x f32[1,2,2] = {1, 3, 1, 3}\n const s f32[2] = {1, 2}\n const b f32[2] = {0, 1}\n"
        "y = GroupNormalization(x, s, b) {epsilon=0.0, num_groups=1}\n"
        "const want f32[1,2,2] = {-1, 1, -1, 3}\n");
    assert_gives("const x f32[2,2] = {1, 3, 2, 8}\n const s f32[2] = {1, 2}\n"
                 "_, _, y = LayerNormalization(x, s) {epsilon=0.0}\n"
                 "const want f32[2,1] = {1, 0.333333333}\n");
    assert_gives("const x f32[1,2] = {3, -4}\n const s f32[2] = {1, 2}\n"
                 "y = RMSNormalization(x, s) {epsilon=0.0}\n"
                 "const want f32[1,2] = {0.848528137, -2.26274170}\n");
    assert_gives("const x f32[2,2] = {3, -4, 0, 0}\n y = LpNormalization(x)\n"
                 "const want f32[2,2] = {0.6, -0.8, 0, 0}\n");
    assert_gives(
        "const x f32[1,3,1] = {1, 2, 3}\n y = LRN(x) {size=3, alpha=3.0, beta=1.0, bias=0.0}\n"
        "const want f32[1,3,1] = {0.2, 0.142857143, 0.230769231}\n");
    assert_gives("const x f32[2,2] = {1, 2, 3, 2}\n y = MeanVarianceNormalization(x) {axes=[0]}\n"
                 "const want f32[2,2] = {-1, 0, 1, 0}\n");
    assert_gives("const x f32[1,3] = {0, 0.693147181, -1000}\n y = Softmax(x)\n"
                 "const want f32[1,3] = {0.333333333, 0.666666667, 0}\n");
    assert_gives("const x f32[2,1] = {1000, 1000}\n y = LogSoftmax(x) {axis=0}\n"
                 "const want f32[2,1] = {-0.693147181, -0.693147181}\n");
    assert_gives(
        "const x f32[1,3] = {1, 3, 3}\n y = Hardmax(x)\n const want f32[1,3] = {0, 1, 0}\n");
    assert_refuses("const x f32[2] = {1, 2}\n y = Softmax(x) {axis=1}\n", STATUS_SHAPE, "axis 1");
    assert_refuses("const x f32[1,3,1] = {1, 2, 3}\n y = LRN(x) {size=0}\n", STATUS_SHAPE, "size");
    assert_refuses("const x f32[1,3,1] = {1, 2, 3}\n const s f32[3] = zeros\n"
                   "y = GroupNormalization(x, s, s) {num_groups=2}\n", STATUS_SHAPE, "groups");
}

static void resizes(void **state) {
    (void)state;
#define ROW "const x f32[1,4] = {0, 8, 16, 24}\n"
#define TWICE "const s f32[2] = {1.0, 2.0}\n"
#define HALF "const s f32[2] = {1.0, 0.5}\n"
    assert_gives(
        "const x i64[1,2] = {9007199254740993, 2}\n" TWICE
        "y = Resize(x, _, s) {coordinate_transformation_mode=\"asymmetric\", "
        "nearest_mode=\"floor\"}\n"
        "const want i64[1,4] = {9007199254740993, 9007199254740993, 2, 2}\n");
    assert_gives(ROW TWICE "y = Resize(x, _, s) {mode=\"linear\"}\n"
                 "const want f32[1,8] = {0, 2, 6, 10, 14, 18, 22, 24}\n");
    assert_gives(ROW "const n i64[1] = {7}\n y = Resize(x, _, _, n) {mode=\"linear\", axes=[-1], "
                 "coordinate_transformation_mode=\"align_corners\"}\n"
                 "const want f32[1,7] = {0, 4, 8, 12, 16, 20, 24}\n");
    assert_gives(ROW HALF "y = Resize(x, _, s) {mode=\"linear\", antialias=1}\n"
                 "const want f32[1,2] = {5, 19}\n");
    assert_gives(ROW HALF
                 "y = Resize(x, _, s) {mode=\"cubic\"}\n const want f32[1,2] = {3.25, 20.75}\n");
    assert_gives(ROW "const r f32[4] = {0, 0.5, 1, 1.5}\n" HALF
                 "y = Resize(x, r, s) {mode=\"linear\", extrapolation_value=-1.0, "
                 "coordinate_transformation_mode=\"tf_crop_and_resize\"}\n"
                 "const want f32[1,2] = {12, -1}\n");
    assert_gives("const x u8[4] = {0, 0, 255, 255}\n const s f32[1] = {2.0}\n"
                 "y = Resize(x, _, s) {mode=\"cubic\"}\n"
                 "const want u8[8] = {0, 0, 0, 57, 197, 255, 255, 255}\n");
    assert_infers("input x f32[?,3,20,20]\n const s f32[4] = {1.0, 1.0, 2.0, 2.0}\n"
                  "y = Resize(x, _, s)\n", "f32[?,3,40,40]");
    assert_infers("input x f32[1,3,10,20]\n const n i64[2] = {5, 5}\n"
                  "y = Resize(x, _, _, n) {axes=[2,3], keep_aspect_ratio_policy=\"not_larger\"}\n",
                  "f32[1,3,3,5]");
    assert_refuses(ROW "y = Resize(x)\n", STATUS_SHAPE, "exactly one");
    assert_refuses(ROW "const s f32[2] = {1.0, -2.0}\n y = Resize(x, _, s)\n", STATUS_SHAPE,
                   "scale");
    assert_refuses(ROW "const s f32[2] = {1.0, 1e30}\n y = Resize(x, _, s)\n", STATUS_LIMIT,
                   "resized");
    assert_refuses(ROW TWICE "y = Resize(x, _, s) {mode=\"area\"}\n", STATUS_UNSUPPORTED, "area");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(convolves),      cmocka_unit_test(convolves_fused),
        cmocka_unit_test(refuses_windows), cmocka_unit_test(pools),
        cmocka_unit_test(transposes_convolution), cmocka_unit_test(multiplies),
        cmocka_unit_test(normalizes),     cmocka_unit_test(resizes),
    };
    return cmocka_run_group_tests_name("nn", tests, NULL, NULL);
}
