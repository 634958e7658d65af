/* SPDX-License-Identifier: Apache-2.0 */
/* Resize kernels against plain loops over the same tables, with random indices and weights: what
 * the tables should hold is tested with the operator. */
#include "support.h"

#include "kernels/resize.h"

static struct resize_axis random_axis(int n_in, int n_out, int taps, bool outside, bool nearest) {
    const size_t n = (size_t)n_out * (size_t)taps;
    int64_t *index = mem_alloc(n * sizeof *index);
    double *weight = mem_alloc(n * sizeof *weight);
    bool *out = mem_calloc((size_t)n_out, sizeof *out);
    int32_t *to_index = mem_alloc(n * sizeof *to_index);
    float *to_weight = mem_alloc(n * sizeof *to_weight);
    assert_true(index && weight && out && to_index && to_weight);
    for (size_t i = 0; i < n; i++) {
        index[i] = random_int(0, n_in - 1);
        weight[i] = nearest ? 1 : (double)random_float(-1, 1);
    }
    for (int o = 0; o < n_out && outside; o++) out[o] = random_int(0, 2) == 0;
    struct resize_axis a;
    resize_axis_init(&a, n_in, n_out, taps, index, weight, out, to_index, to_weight);
    mem_free(index);
    mem_free(weight);
    mem_free(out);
    return a;
}

static struct resize_axis integer_axis(int n_in, int factor) {
    struct resize_axis a = random_axis(n_in, n_in * factor, 1, false, true);
    int64_t *index = mem_alloc((size_t)a.n_out * sizeof *index);
    double *weight = mem_alloc((size_t)a.n_out * sizeof *weight);
    assert_true(index && weight);
    for (int o = 0; o < a.n_out; o++) index[o] = o / factor, weight[o] = 1;
    resize_axis_init(&a, n_in, a.n_out, 1, index, weight, NULL, a.index, a.weight);
    assert_int_equal(a.factor, factor);
    mem_free(index);
    mem_free(weight);
    return a;
}

static void axis_free(struct resize_axis *a) {
    mem_free(a->index);
    mem_free(a->weight);
}

static void check(const struct kernels *k, struct resize_args a, bool nearest) {
    const int b = k->vl, n = random_int(1, 2), blocks = random_int(1, 2);
    const int h = a.y.n_in, w = a.x.n_in, oh = a.y.n_out, ow = a.x.n_out;
    char what[160];
    snprintf(what, sizeof what, "%s %s %dx%d -> %dx%d taps %d,%d", k->name,
             nearest ? "nearest" : "interpolate", h, w, oh, ow, a.y.n_taps, a.x.n_taps);
    a.n_blocks = blocks;
    a.src_c = (int64_t)h * w * b;
    a.src_n = blocks * a.src_c + 3;
    a.dst_c = (int64_t)oh * ow * b;
    a.dst_n = blocks * a.dst_c + b;
    a.extrapolation_value = 7.5f;
    const int64_t total = (n - 1) * a.dst_n + blocks * a.dst_c;
    float *src = source_floats((n - 1) * a.src_n + blocks * a.src_c), *dst = guarded_floats(total);
    float *scratch = mem_alloc_aligned(resize_scratch_floats(&a, b) * sizeof(float));
    assert_non_null(scratch);
    a.src = src;
    a.dst = dst;
    const int64_t rows = (int64_t)n * blocks * oh, cut = random_int(0, (int)rows);
    if (nearest) {
        k->resize->nearest(&a, 0, cut);
        k->resize->nearest(&a, cut, rows);
    } else {
        k->resize->interpolate(&a, 0, cut, scratch);
        k->resize->interpolate(&a, cut, rows, scratch);
    }
    for (int64_t e = 0; e < n * blocks * a.dst_c; e++) {
        const int64_t plane = e / a.dst_c, image = plane / blocks, c = plane % blocks;
        const int l = (int)(e % b), x = (int)(e / b % ow), y = (int)(e / b / ow % oh);
        const float *from = src + image * a.src_n + c * a.src_c + l;
        const int32_t *iy = a.y.index + y * a.y.n_taps, *ix = a.x.index + x * a.x.n_taps;
        double want = 0;
        for (int i = 0; i < a.y.n_taps; i++)
            for (int j = 0; j < a.x.n_taps; j++)
                if (iy[0] >= 0 && ix[0] >= 0)
                    want += (double)a.y.weight[y * a.y.n_taps + i] *
                            (double)a.x.weight[x * a.x.n_taps + j] *
                            (double)from[((int64_t)iy[i] * w + ix[j]) * b];
        if (iy[0] < 0 || ix[0] < 0) want = 7.5;
        const float got = dst[image * a.dst_n + c * a.dst_c + e % a.dst_c];
        if (!close_to((double)got, want, nearest ? 0 : 3e-6, 4))
            fail_msg("%s: at %d,%d is %g, not %g", what, y, x, (double)got, want);
    }
    if (n > 1) assert_true(untouched(dst + blocks * a.dst_c, (size_t)b * sizeof(float)));
    mem_free(src);
    mem_free(scratch);
    guarded_free(dst, (size_t)total * sizeof(float), what);
}

static void test_random_tables(void **state) {
    static const int taps[] = {1, 2, 3, 4, 9};
    FOR_EACH_ISA(k)
        for (int i = 0; i < 200; i++) {
            const bool nearest = i % 3 == 0, outside = i % 4 == 0;
            struct resize_args a = {
                .y = random_axis(random_int(1, 9), random_int(1, 12),
                                 nearest ? 1 : taps[random_int(0, 4)], outside, nearest),
                .x = random_axis(random_int(1, 9), random_int(1, 12),
                                 nearest ? 1 : taps[random_int(0, 4)], outside, nearest)};
            check(k, a, nearest);
            axis_free(&a.y);
            axis_free(&a.x);
        }
}

static void test_factors(void **state) {
    FOR_EACH_ISA(k)
        for (int factor = 1; factor <= 4; factor++)
            for (int n = 1; n < 8; n++) {
                struct resize_args a = {.y = integer_axis(n, factor),
                                        .x = integer_axis(8 - n, factor)};
                check(k, a, true);
                axis_free(&a.y);
                axis_free(&a.x);
            }
}

int main(int argc, char **argv) {
    random_start(argc, argv);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random_tables),
        cmocka_unit_test(test_factors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
