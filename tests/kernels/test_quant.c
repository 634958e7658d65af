/* SPDX-License-Identifier: Apache-2.0 */
/* Between floats and 8 bits against the reference kernels' own arithmetic: the same bits. */
#include "support.h"

#include "kernels/quant.h"
#include "ops/quant.h"

static const struct quant_range ranges[] = {{0, 0, 255}, {131, 0, 255}, {0, -128, 127},
                                            {-7, -128, 127}};

static enum dtype type_of(const struct quant_range *r) { return r->low ? DT_I8 : DT_U8; }

static double value_of(uint8_t byte, const struct quant_range *r) {
    return r->low ? (double)(int8_t)byte : (double)byte;
}

/* Ties, what is far outside, and what is no number among the rest. */
static float *awkward_floats(int n, float scale) {
    static const float odd[] = {INFINITY, -INFINITY, NAN, 3e38f, -3e38f, -0.0f, 1e-40f};
    float *x = source_floats(n);
    for (int i = 0; i < n; i++)
        x[i] = i % 5 == 0   ? odd[random_int(0, 6)]
               : i % 5 == 1 ? ((float)random_int(-300, 300) + 0.5f) * scale
                            : x[i] * 100 * scale;
    return x;
}

static void test_quantise(void **state) {
    static const float scales[] = {0.25f, 0.0371f, 3.0f};
    FOR_EACH_ISA(k)
        for (int n = 0; n < 70; n += n < 40 ? 1 : 7)
            for (int j = 0; j < 12; j++) {
                const struct quant_range *r = &ranges[j % 4];
                const float scale = scales[j / 4];
                float *x = awkward_floats(n, scale), *back = guarded_floats(n);
                uint8_t *y = guarded((size_t)n);
                k->quant->quantise(x, y, (size_t)n, scale, r);
                k->quant->dequantise(y, back, (size_t)n, scale, r);
                for (int i = 0; i < n; i++) {
                    double want = quantize((double)(x[i] / scale), r->zero, type_of(r));
                    assert_true(value_of(y[i], r) == want);
                    assert_true(back[i] == (float)(want - r->zero) * scale);
                }
                mem_free(x);
                guarded_free(back, (size_t)n * sizeof(float), "dequantise");
                guarded_free(y, (size_t)n, "quantise");
            }
}

static void test_requantise(void **state) {
    FOR_EACH_ISA(k)
        for (int n = 0; n < 70; n += n < 40 ? 1 : 7)
            for (int j = 0; j < 8; j++) {
                const struct quant_range *r = &ranges[j % 4];
                const int step = j / 4, channels = step ? n : 1;
                float *x = source_floats(n), *scale = source_floats(channels);
                int32_t *bias = source_bytes((size_t)channels * sizeof *bias);
                uint8_t *y = guarded((size_t)n);
                for (int i = 0; i < n; i++) x[i] = (float)random_int(-16777215, 16777215);
                for (int i = 0; i < channels; i++) {
                    bias[i] = random_int(0, 3) ? random_int(-100000, 100000) : 0;
                    scale[i] *= random_int(0, 3) ? 1e-5f : 0.5f;
                }
                k->quant->requantise(x, y, (size_t)n, scale, bias, step, r);
                for (int i = 0; i < n; i++) {
                    const int c = step ? i : 0;
                    double sum = (double)scale[c] * ((double)x[i] + bias[c]);
                    assert_true(value_of(y[i], r) == quantize(sum, r->zero, type_of(r)));
                }
                mem_free(x);
                mem_free(scale);
                mem_free(bias);
                guarded_free(y, (size_t)n, "requantise");
            }
}

int main(int argc, char **argv) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_quantise),
        cmocka_unit_test(test_requantise),
    };
    random_start(argc, argv);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
