/* SPDX-License-Identifier: Apache-2.0 */
/* Operators that reshape, move, index and select, and what they say to operands that cannot be. */
#include "evaluate.h"

#define X "const x f32[2,3] = {1, 2, 3, 4, 5, 6}\n"

static void reshapes(void **state) {
    (void)state;
    assert_gives(X "const s i64[3] = {0, -1, 1}\n y = Reshape(x, s)\n"
                   "const want f32[2,3,1] = {1, 2, 3, 4, 5, 6}\n");
    assert_gives("const x f32[0,4] = {}\n const s i64[2] = {3, 0}\n"
                 "y = Reshape(x, s) {allowzero=1}\n const want f32[3,0] = {}\n");
    assert_infers("input x f32[?,3,8,8]\n const s i64[2] = {0, -1}\n y = Reshape(x, s)\n",
                  "f32[?,192]");
    assert_infers("input x f32[?,3,8]\n const s i64[2] = {-1, 24}\n y = Reshape(x, s)\n",
                  "f32[?,24]");
    assert_infers("input x f32[2,3]\n input s i64[3]\n y = Reshape(x, s)\n", "f32[?,?,?]");
    assert_infers("input x f32[?,4,?]\n y = Flatten(x) {axis=0}\n", "f32[1,?]");
    assert_refuses(X "const s i64[2] = {4, -1}\n y = Reshape(x, s)\n", STATUS_SHAPE, "no multiple");
    assert_refuses(X "const s i64[2] = {-1, -1}\n y = Reshape(x, s)\n", STATUS_SHAPE, "-1");
    assert_refuses(X "const s i64[2] = {4611686018427387904, 4}\n y = Reshape(x, s)\n",
                   STATUS_LIMIT, "too large");
    assert_gives("const x f32[1,3,1] = {1,2,3}\n const a i64[1] = {-1}\n y = Squeeze(x, a)\n"
                 "const want f32[1,3] = {1,2,3}\n");
    assert_gives("const x f32[2] = {1,2}\n const a i64[2] = {0, -1}\n y = Unsqueeze(x, a)\n"
                 "const want f32[1,2,1] = {1,2}\n");
    assert_refuses(X "const a i64[1] = {0}\n y = Squeeze(x, a)\n", STATUS_SHAPE,
                   "cannot be squeezed");
    assert_gives(X "y = Shape(x) {start=-1, end=9}\n const want i64[1] = {3}\n");
}

static void slices(void **state) {
    (void)state;
    assert_gives(X "const s i64[2] = {-1, 2}\n const e i64[2] = {-9223372036854775808, -9}\n"
                   "const a i64[2] = {0, 1}\n const t i64[2] = {-1, -2}\n y = Slice(x, s, e, a, t)\n"
                   "const want f32[2,2] = {6, 4, 3, 1}\n");
    assert_gives(X "const s i64[1] = {1}\n const e i64[1] = {9223372036854775807}\n"
                   "const a i64[1] = {-1}\n const t i64[1] = {9223372036854775807}\n"
                   "y = Slice(x, s, e, a, t)\n const want f32[2,1] = {2, 5}\n");
    assert_gives(X "const s i32[1] = {2}\n const e i32[1] = {1}\n y = Slice(x, s, e)\n"
                   "const want f32[0,3] = {}\n");
    assert_infers("input x f32[?,8]\n const s i64[1] = {1}\n const e i64[1] = {5}\n"
                  "const a i64[1] = {1}\n y = Slice(x, s, e, a)\n", "f32[?,4]");
    assert_infers("input x f32[4,8]\n input s i64[1]\n const e i64[1] = {5}\n"
                  "const a i64[1] = {1}\n y = Slice(x, s, e, a)\n", "f32[4,?]");
    assert_refuses(X "const s i64[1] = {0}\n const t i64[1] = {0}\n y = Slice(x, s, s, s, t)\n",
                   STATUS_ARGUMENT, "step");
    assert_refuses(X "const s i64[2] = {0, 0}\n y = Slice(x, s, s, s)\n", STATUS_SHAPE, "twice");
}

static void moves(void **state) {
    (void)state;
    assert_gives("const x u8[2,1,3] = {1,2,3,4,5,6}\n y = Transpose(x) {perm=[2,0,1]}\n"
                 "const want u8[3,2,1] = {1,4,2,5,3,6}\n");
    assert_refuses(X "y = Transpose(x) {perm=[0,0]}\n", STATUS_SHAPE, "no permutation");
    assert_gives(X "const z f32[2,0] = {}\n y = Concat(x, z, x) {axis=-1}\n"
                   "const want f32[2,6] = {1,2,3,1,2,3,4,5,6,4,5,6}\n");
    assert_gives("const x f32[5] = {1,2,3,4,5}\n a, b, y = Split(x) {num_outputs=3}\n"
                 "const want f32[1] = {5}\n");
    assert_gives(X "const n i64[2] = {0, 3}\n _, y = Split(x, n) {axis=1}\n"
                   "const want f32[2,3] = {1,2,3,4,5,6}\n");
    assert_refuses(X "const n i64[2] = {2, 2}\n a, y = Split(x, n) {axis=1}\n", STATUS_SHAPE,
                   "larger than");
    assert_gives("const x i32[2] = {1,2}\n const r i64[1] = {3}\n y = Tile(x, r)\n"
                 "const want i32[6] = {1,2,1,2,1,2}\n");
    assert_gives("const x i32[2,1] = {1,2}\n const s i64[3] = {2,1,2}\n y = Expand(x, s)\n"
                 "const want i32[2,2,2] = {1,1,2,2,1,1,2,2}\n");
    assert_gives("const x f32[1,4,1,2] = {1,2,3,4,5,6,7,8}\n"
                 "y = DepthToSpace(x) {blocksize=2}\n"
                 "const want f32[1,1,2,4] = {1,3,2,4,5,7,6,8}\n");
    assert_gives("const x f32[1,1,2,4] = {1,3,2,4,5,7,6,8}\n y = SpaceToDepth(x) {blocksize=2}\n"
                 "const want f32[1,4,1,2] = {1,2,3,4,5,6,7,8}\n");
    assert_gives(X "const p i64[4] = {-1, 1, 1, 0}\n const v f32[] = {9}\n y = Pad(x, p, v)\n"
                   "const want f32[2,4] = {9,4,5,6, 9,9,9,9}\n");
    assert_gives("const x f32[3] = {1,2,3}\n const p i64[2] = {5, 4}\n"
                 "y = Pad(x, p) {mode=\"reflect\"}\n"
                 "const want f32[12] = {2,1,2,3,2,1,2,3,2,1,2,3}\n");
    assert_gives("const x f32[3] = {1,2,3}\n const p i64[2] = {4, 4}\n"
                 "y = Pad(x, p) {mode=\"wrap\"}\n"
                 "const want f32[11] = {3,1,2,3,1,2,3,1,2,3,1}\n");
    assert_gives("const x i64[2,2] = {1,2,3,4}\n const k i64[] = {9223372036854775807}\n"
                 "y = Trilu(x, k)\n const want i64[2,2] = {0,0,0,0}\n");
}

static void indexes(void **state) {
    (void)state;
    assert_gives(X "const i i64[2,1] = {-1, 0}\n y = Gather(x, i) {axis=1}\n"
                   "const want f32[2,2,1] = {3, 1, 6, 4}\n");
    assert_refuses(X "const i i64[1] = {3}\n y = Gather(x, i) {axis=1}\n", STATUS_ARGUMENT,
                   "index 3");
    assert_gives(X "const i i32[1,2] = {1, -2}\n y = GatherElements(x, i)\n"
                   "const want f32[1,2] = {4, 2}\n");
    assert_refuses(X "const i i64[1,4] = {0, 0, 0, 0}\n y = GatherElements(x, i)\n", STATUS_SHAPE,
                   "larger than data");
    assert_gives(X "const i i64[2,1] = {2, -3}\n y = GatherND(x, i) {batch_dims=1}\n"
                   "const want f32[2] = {3, 4}\n");
    assert_gives("const x f32[4] = {1,2,3,4}\n const i i64[3,1] = {1, 1, 3}\n"
                 "const u f32[3] = {10, 20, 30}\n y = ScatterND(x, i, u) {reduction=\"add\"}\n"
                 "const want f32[4] = {1, 32, 3, 34}\n");
    assert_refuses("const x f32[4] = {1,2,3,4}\n const i i64[1,1] = {-5}\n"
                   "const u f32[1] = {10}\n y = ScatterND(x, i, u)\n", STATUS_ARGUMENT, "index -5");
    assert_gives(X "const i i64[1,2] = {1, -2}\n const u f32[1,2] = {10, 20}\n"
                   "y = ScatterElements(x, i, u)\n const want f32[2,3] = {1, 20, 3, 10, 5, 6}\n");
    assert_gives("const i i64[3] = {0, -1, 7}\n const d i64[] = {2}\n const v f32[2] = {0, 1}\n"
                 "y = OneHot(i, d, v)\n const want f32[3,2] = {1, 0, 0, 1, 0, 0}\n");
    assert_gives(X "const k bool[2] = {0, 1}\n y = Compress(x, k) {axis=1}\n"
                   "const want f32[2,1] = {2, 5}\n");
}

static void selects(void **state) {
    (void)state;
    assert_gives("const x f32[2,4] = {1,4,4,2, nan,0,-1,3}\n const k i64[1] = {3}\n"
                 "_, y = TopK(x, k)\n const want i64[2,3] = {1,2,3, 0,3,1}\n");
    assert_gives("const x i32[3,2] = {5,1, 3,9, 4,2}\n const k i64[] = {2}\n"
                 "y, _ = TopK(x, k) {axis=0, largest=0}\n const want i32[2,2] = {3,1, 4,2}\n");
    assert_refuses("const x f32[2] = {1,2}\n const k i64[] = {3}\n y, i = TopK(x, k)\n",
                   STATUS_ARGUMENT, "k is 3");
    assert_gives("const x f32[2,2] = {1, 0, nan, -0}\n y = NonZero(x)\n"
                 "const want i64[2,2] = {0, 1, 0, 0}\n");
    assert_gives("const x f32[] = {0}\n y = NonZero(x)\n const want i64[0,0] = {}\n");
    assert_gives("const x i64[5] = {3, 1, 3, 2, 1}\n v, i, r, c = Unique(x) {sorted=0}\n"
                 "y = Concat(v, i, r, c) {axis=0}\n"
                 "const want i64[14] = {3,1,2, 0,1,3, 0,1,0,2,1, 2,2,1}\n");
    assert_gives("const x i64[3,2] = {2,1, 0,5, 2,1}\n y = Unique(x) {axis=0}\n"
                 "const want i64[2,2] = {0,5, 2,1}\n");
    assert_gives("const b f32[1,3,4] = {0,0,1,1, 0,0.1,1,1.1, 0,10,1,11}\n"
                 "const s f32[1,1,3] = {0.9, 0.95, 0.3}\n const n i64[] = {5}\n"
                 "const t f32[] = {0.5}\n y = NonMaxSuppression(b, s, n, t)\n"
                 "const want i64[2,3] = {0,0,1, 0,0,2}\n");
    assert_gives("const b f32[1,0,4] = {}\n const s f32[1,2,0] = {}\n const n i64[] = {5}\n"
                 "y = NonMaxSuppression(b, s, n)\n const want i64[0,3] = {}\n");
}

static void bounds_what_small_operands_make(void **state) {
    (void)state;
    assert_refuses("const s i64[2] = {1000000, 1000000}\n y = ConstantOfShape(s)\n", STATUS_LIMIT,
                   "2 GiB");
    assert_refuses("const s i64[1] = {-1}\n y = ConstantOfShape(s)\n", STATUS_SHAPE, "-1");
    assert_refuses("const x i8[1] = {1}\n const r i64[1] = {9223372036854775807}\n y = Tile(x, r)\n",
                   STATUS_LIMIT, "2 GiB");
    assert_refuses("const x i8[1] = {1}\n const s i64[2] = {4611686018427387904, 4}\n"
                   "y = Expand(x, s)\n", STATUS_LIMIT, "2 GiB");
    assert_refuses("const x i8[1] = {1}\n const p i64[2] = {0, 9223372036854775807}\n y = Pad(x, p)\n",
                   STATUS_LIMIT, "pads");
    assert_refuses("const a f32[] = {0}\n const b f32[] = {inf}\n const d f32[] = {1}\n"
                   "y = Range(a, b, d)\n", STATUS_ARGUMENT, "finite");
    assert_refuses("const a i64[] = {-9223372036854775808}\n const b i64[] = {9223372036854775807}\n"
                   "const d i64[] = {1}\n y = Range(a, b, d)\n", STATUS_LIMIT, "too many");
    assert_refuses("const a i64[] = {0}\n y = Range(a, a, a)\n", STATUS_ARGUMENT, "delta is 0");
    assert_gives("const a i64[] = {9223372036854775807}\n const b i64[] = {-9223372036854775808}\n"
                 "const d i64[] = {-9223372036854775807}\n y = Range(a, b, d)\n"
                 "const want i64[3] = {9223372036854775807, 0, -9223372036854775807}\n");
    assert_refuses("const i i64[1] = {0}\n const d i64[] = {9223372036854775807}\n"
                   "const v f32[2] = {0, 1}\n y = OneHot(i, d, v)\n", STATUS_LIMIT, "2 GiB");
    assert_refuses("const x i64[] = {9223372036854775807}\n y = HannWindow(x)\n", STATUS_LIMIT,
                   "2 GiB");
    assert_gives("const x f32[2,2] = {0,0,0,0}\n y = EyeLike(x) {k=-9223372036854775808}\n"
                 "const want f32[2,2] = {0,0,0,0}\n");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reshapes), cmocka_unit_test(slices),  cmocka_unit_test(moves),
        cmocka_unit_test(indexes),  cmocka_unit_test(selects),
        cmocka_unit_test(bounds_what_small_operands_make),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
