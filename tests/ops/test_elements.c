/* SPDX-License-Identifier: Apache-2.0 */
/* Element-wise operators and reductions: broadcasting, integer semantics, NaN, empty tensors. */
#include "evaluate.h"

static void broadcasts_odd_shapes(void **state) {
    (void)state;
    assert_gives("const a f32[3,1] = {1, 2, 3}\n const b f32[1,5] = {10, 20, 30, 40, 50}\n"
                 "y = Add(a, b)\n"
                 "const want f32[3,5] = {11,21,31,41,51, 12,22,32,42,52, 13,23,33,43,53}\n");
    assert_gives("const a i64[2,1,2] = {1, 2, 3, 4}\n const b i64[3,1] = {0, 10, 20}\n"
                 "y = Sub(a, b)\n"
                 "const want i64[2,3,2] = {1,2,-9,-8,-19,-18, 3,4,-7,-6,-17,-16}\n");
    assert_gives("const a f32[] = {2}\n const b f32[1,1,3] = {1, 2, 3}\n y = Pow(b, a)\n"
                 "const want f32[1,1,3] = {1, 4, 9}\n");
    assert_gives("const a f32[0,3] = {}\n const b f32[3] = {1, 2, 3}\n y = Mul(a, b)\n"
                 "const want f32[0,3] = {}\n");
    assert_gives("const k bool[2,1] = {1, 0}\n const a f16[3] = {1, 2, 3}\n const b f16[] = {9}\n"
                 "y = Where(k, a, b)\n const want f16[2,3] = {1, 2, 3, 9, 9, 9}\n");
    assert_refuses("const a f32[3] = {1,2,3}\n const b f32[2] = {1,2}\n y = Add(a, b)\n",
                   STATUS_SHAPE, "do not broadcast");
    assert_infers("input a f32[?,1,4]\n input b f32[3,1]\n y = Add(a, b)\n", "f32[?,3,4]");
    assert_refuses("const a f32[65536,1] = zeros\n const b f32[65536] = zeros\n y = Add(a, b)\n",
                   STATUS_LIMIT, "2 GiB");
}

static void divides_integers(void **state) {
    (void)state;
    assert_gives("const a i32[6] = {7, -7, 7, -7, 5, -2147483648}\n"
                 "const b i32[6] = {2, 2, -2, -2, 0, -1}\n y = Div(a, b)\n"
                 "const want i32[6] = {3, -3, -3, 3, 0, -2147483648}\n");
    assert_gives("const a i64[2] = {-9223372036854775808, 9}\n const b i64[2] = {-1, 0}\n"
                 "y = Mod(a, b)\n const want i64[2] = {0, 0}\n");
    assert_gives("const a i64[4] = {-4, 7, 5, -5}\n const b i64[4] = {3, -3, 8, 8}\n"
                 "y = Mod(a, b)\n const want i64[4] = {2, -2, 5, 3}\n");
    assert_gives("const a i64[4] = {-4, 7, 5, -5}\n const b i64[4] = {3, -3, 8, 8}\n"
                 "y = Mod(a, b) {fmod=1}\n const want i64[4] = {-1, 1, 5, -5}\n");
    assert_gives("const a u64[2] = {18446744073709551615, 10}\n const b u64[2] = {2, 3}\n"
                 "y = Div(a, b)\n const want u64[2] = {9223372036854775807, 3}\n");
    assert_gives("const a u8[3] = {200, 1, 255}\n const b u8[3] = {100, 9, 2}\n"
                 "y = Add(a, b)\n const want u8[3] = {44, 10, 1}\n");
    assert_gives("const a i64[4] = {2, -3, 0, 1}\n const b i64[4] = {62, 3, 0, -5}\n"
                 "y = Pow(a, b)\n const want i64[4] = {4611686018427387904, -27, 1, 1}\n");
    assert_gives("const a i8[3] = {-128, -8, 1}\n const b i8[3] = {9, 1, -1}\n"
                 "y = BitShift(a, b) {direction=\"RIGHT\"}\n const want i8[3] = {-1, -4, 0}\n");
}

static void compares_and_keeps_nan(void **state) {
    (void)state;
    assert_gives("const a u64[2] = {18446744073709551615, 1}\n const b u64[2] = {1, 2}\n"
                 "y = Less(a, b)\n const want bool[2] = {0, 1}\n");
    assert_gives("const a f32[3] = {nan, 1, 2}\n const b f32[3] = {1, nan, 1}\n"
                 "y = Max(a, b)\n const want f32[3] = {nan, nan, 2}\n");
    assert_gives("const a f32[3] = {nan, -1, 2}\n y = Relu(a)\n"
                 "const want f32[3] = {nan, 0, 2}\n");
    assert_gives("const a f32[4] = {0.5, 1.5, -2.5, -0.4}\n y = Round(a)\n"
                 "const want f32[4] = {0, 2, -2, -0}\n");
    assert_gives("const a f32[2] = {-inf, inf}\n y = IsInf(a) {detect_negative=0}\n"
                 "const want bool[2] = {0, 1}\n");
    assert_gives("const a i32[3] = {-5, 3, 9}\n const low i32[] = {0}\n const high i32[1] = {4}\n"
                 "y = Clip(a, low, high)\n const want i32[3] = {0, 3, 4}\n");
}

static void converts(void **state) {
    (void)state;
    assert_gives("const x f32[6] = {-1.9, 2.9, 300, nan, inf, -inf}\n y = Cast(x) {to=\"i64\"}\n"
                 "const want i64[6] = {-1, 2, 300, 0, 9223372036854775807, -9223372036854775808}\n");
    assert_gives("const x i64[2] = {9007199254740993, -1}\n y = Cast(x) {to=\"u64\"}\n"
                 "const want u64[2] = {9007199254740993, 18446744073709551615}\n");
    assert_gives("const x f32[3] = {0, -0.1, nan}\n y = Cast(x) {to=\"bool\"}\n"
                 "const want bool[3] = {0, 1, 1}\n");
    assert_gives("const x f32[2] = {1.00048828125, 70000}\n y = Cast(x) {to=\"f16\"}\n"
                 "const want f16[2] = {1, inf}\n");
    assert_gives("const x u32[1] = {1065353216}\n y = BitCast(x) {to=\"f32\"}\n"
                 "const want f32[1] = {1}\n");
    assert_refuses("const x f32[1] = {1}\n y = Cast(x) {to=\"f8\"}\n", STATUS_UNSUPPORTED, "f8");
}

static void reduces(void **state) {
    (void)state;
    assert_gives("const x f32[2,3,2] = {1,2,3,4,5,6, 7,8,9,10,11,12}\n const a i64[2] = {0, -1}\n"
                 "y = ReduceSum(x, a) {keepdims=0}\n const want f32[3] = {18, 26, 34}\n");
    assert_gives("const x f32[2,2] = {1,2,3,4}\n const a i64[0] = {}\n"
                 "y = ReduceSum(x, a) {noop_with_empty_axes=1}\n"
                 "const want f32[2,2] = {1,2,3,4}\n");
    assert_gives("const x f32[2,0] = {}\n const a i64[1] = {1}\n y = ReduceMax(x, a)\n"
                 "const want f32[2,1] = {-inf, -inf}\n");
    assert_gives("const x i32[2,0] = {}\n const a i64[1] = {1}\n y = ReduceProd(x, a)\n"
                 "const want i32[2,1] = {1, 1}\n");
    assert_gives("const x f32[2] = {1000, 1000}\n y = ReduceLogSumExp(x) {keepdims=0}\n"
                 "const want f32[] = {1000.693147}\n");
    assert_gives("const x f32[2] = {-inf, -inf}\n y = ReduceLogSumExp(x)\n"
                 "const want f32[1] = {-inf}\n");
    assert_gives("const x bool[2,2] = {0,1,1,1}\n const a i64[1] = {0}\n"
                 "y = ReduceMin(x, a) {keepdims=0}\n const want bool[2] = {0, 1}\n");
    assert_gives("const x f32[2,3] = {1,3,3, 5,4,5}\n y = ArgMax(x) {axis=1,select_last_index=1}\n"
                 "const want i64[2,1] = {2, 2}\n");
    assert_gives("const x i64[3] = {1, 2, 3}\n const a i64[] = {0}\n"
                 "y = CumSum(x, a) {exclusive=1, reverse=1}\n const want i64[3] = {5, 3, 0}\n");
    assert_refuses("const x f32[2] = {1, 2}\n const a i64[1] = {1}\n y = ReduceMean(x, a)\n",
                   STATUS_SHAPE, "axis 1");
    assert_refuses("const x f32[2] = {1, 2}\n const a i64[2] = {0, -1}\n y = ReduceMean(x, a)\n",
                   STATUS_SHAPE, "twice");
    assert_infers("input x f32[2,?,4]\n input a i64[1]\n y = ReduceMean(x, a) {keepdims=0}\n",
                  "f32[?,?]");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(broadcasts_odd_shapes), cmocka_unit_test(divides_integers),
        cmocka_unit_test(compares_and_keeps_nan), cmocka_unit_test(converts),
        cmocka_unit_test(reduces),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
