/* SPDX-License-Identifier: Apache-2.0 */
/* Pooling against plain loops: kernels of every size, stride, dilation and padding, including
 * pictures smaller than the window and windows that lie outside. */
#include "support.h"

#include "kernels/pool.h"

struct plane_set {
    int n, blocks, b;
    int64_t src_n, src_c, dst_n, dst_c, src_total, dst_total;
};

/* Strides with gaps, as slices of a concatenation have them. */
static struct plane_set layout(int n, int blocks, int b, int64_t in, int64_t out) {
    struct plane_set s = {.n = n, .blocks = blocks, .b = b};
    s.src_c = in * b + random_int(0, 1) * b;
    s.dst_c = out * b + random_int(0, 1) * b;
    s.src_n = blocks * s.src_c + random_int(0, 1) * 3;
    s.dst_n = blocks * s.dst_c + random_int(0, 1) * 5;
    s.src_total = (n - 1) * s.src_n + (blocks - 1) * s.src_c + in * b;
    s.dst_total = (n - 1) * s.dst_n + (blocks - 1) * s.dst_c + out * b;
    return s;
}

static double window(const struct pool_args *a, const float *plane, int b, int lane, int oy, int ox,
                     int average) {
    double best = average ? 0 : -INFINITY;
    int count = 0;
    for (int ky = 0; ky < a->kh; ky++)
        for (int kx = 0; kx < a->kw; kx++) {
            const int y = oy * a->sh - a->pad_top + ky * a->dh;
            const int x = ox * a->sw - a->pad_left + kx * a->dw;
            const int inside = y >= 0 && y < a->h && x >= 0 && x < a->w;
            if (inside || (a->count_include_pad && y < a->h + a->pad_bottom &&
                           x < a->w + a->pad_right))
                count++;
            if (!inside) continue;
            const double v = (double)plane[((int64_t)y * a->w + x) * b + lane];
            best = average ? best + v : v > best ? v : best;
        }
    return average ? (count ? best / count : 0) : best;
}

static void check_window(const struct kernels *k, struct pool_args a, int average) {
    char what[256];
    snprintf(what, sizeof what,
             "%s %s %dx%d -> %dx%d, kernel %dx%d stride %d,%d dilation %d,%d pads %d,%d,%d,%d%s",
             k->name, average ? "average" : "max", a.h, a.w, a.oh, a.ow, a.kh, a.kw, a.sh, a.sw,
             a.dh, a.dw, a.pad_top, a.pad_left, a.pad_bottom, a.pad_right,
             a.count_include_pad ? " counting pads" : "");
    const int b = k->vl, n = random_int(1, 2), blocks = random_int(1, 3);
    const struct plane_set s = layout(n, blocks, b, (int64_t)a.h * a.w, (int64_t)a.oh * a.ow);
    float *src = source_floats(s.src_total), *dst = guarded_floats(s.dst_total);
    const size_t scratch_floats = pool_scratch_floats(&a, b);
    float *scratch = mem_alloc_aligned(scratch_floats * sizeof(float));
    assert_non_null(scratch);
    memset(scratch, 0xff, scratch_floats * sizeof(float));
    a.src = src, a.dst = dst, a.n_blocks = blocks;
    a.src_n = s.src_n, a.src_c = s.src_c, a.dst_n = s.dst_n, a.dst_c = s.dst_c;
    const int64_t rows = (int64_t)n * blocks * a.oh;
    for (int64_t r = 0; r < rows;) {
        const int64_t stop = r + random_int(1, (int)rows);
        (average ? k->pool->average_pool : k->pool->max_pool)(&a, r, stop < rows ? stop : rows,
                                                              scratch);
        r = stop;
    }
    for (int i = 0; i < n; i++)
        for (int c = 0; c < blocks; c++)
            for (int y = 0; y < a.oh; y++)
                for (int x = 0; x < a.ow; x++)
                    for (int l = 0; l < b; l++) {
                        const double want =
                            window(&a, src + i * s.src_n + c * s.src_c, b, l, y, x, average);
                        const float got = dst[i * s.dst_n + c * s.dst_c +
                                              ((int64_t)y * a.ow + x) * b + l];
                        if (!close_to((double)got, want, average ? 2e-6 : 0, 1))
                            fail_msg("%s: at %d,%d is %g, not %g", what, y, x, (double)got, want);
                    }
    if (s.dst_c > (int64_t)a.oh * a.ow * b && blocks > 1)
        assert_true(untouched(dst + (int64_t)a.oh * a.ow * b, (size_t)b * sizeof(float)));
    mem_free(scratch);
    mem_free(src);
    guarded_free(dst, (size_t)s.dst_total * sizeof(float), what);
}

/* Output size by the ONNX rule. */
static int out_size(int in, int k, int stride, int dilation, int pads, int ceil_mode) {
    const int free_cells = in + pads - (k - 1) * dilation - 1;
    if (free_cells < 0) return 1; /* the kernel does not fit; the planner never asks, we may */
    return (free_cells + (ceil_mode ? stride - 1 : 0)) / stride + 1;
}

static struct pool_args shape(int h, int w, int k, int s, int d, int pad, int ceil_mode) {
    return (struct pool_args){
        .h = h, .w = w, .kh = k, .kw = k, .sh = s, .sw = s, .dh = d, .dw = d,
        .pad_top = pad, .pad_left = pad, .pad_bottom = pad, .pad_right = pad,
        .oh = out_size(h, k, s, d, 2 * pad, ceil_mode),
        .ow = out_size(w, k, s, d, 2 * pad, ceil_mode)};
}

static void test_usual(void **state) {
    static const int size[] = {1, 2, 3, 5, 8, 13, 20, 27};
    static const struct {
        int k, s, d, pad;
    } kind[] = {{2, 2, 1, 0}, {3, 2, 1, 1}, {3, 2, 1, 0}, {2, 2, 1, 1}, {3, 1, 1, 1},
                {5, 1, 1, 2}, {9, 1, 1, 4}, {13, 1, 1, 6}, {3, 1, 2, 2}, {3, 3, 1, 0}};
    FOR_EACH_ISA(k)
        for (size_t i = 0; i < sizeof kind / sizeof *kind; i++)
            for (size_t j = 0; j < sizeof size / sizeof *size; j++) {
                const int h = size[j], w = size[(j * 5 + i) % 8];
                struct pool_args a =
                    shape(h, w, kind[i].k, kind[i].s, kind[i].d, kind[i].pad, (int)j % 2);
                check_window(k, a, 0);
                check_window(k, a, 1);
                a.count_include_pad = 1;
                check_window(k, a, 1);
            }
}

static void test_random(void **state) {
    FOR_EACH_ISA(k)
        for (int i = 0; i < 400; i++) {
            struct pool_args a = {
                .h = random_int(1, 12), .w = random_int(1, 12),
                .kh = random_int(1, 6), .kw = random_int(1, 6),
                .sh = random_int(1, 4), .sw = random_int(1, 4),
                .dh = random_int(1, 3), .dw = random_int(1, 3),
                .pad_top = random_int(0, 7), .pad_left = random_int(0, 7),
                .pad_bottom = random_int(0, 7), .pad_right = random_int(0, 7),
                .count_include_pad = random_int(0, 1)};
            const int up = random_int(0, 1);
            a.oh = out_size(a.h, a.kh, a.sh, a.dh, a.pad_top + a.pad_bottom, up);
            a.ow = out_size(a.w, a.kw, a.sw, a.dw, a.pad_left + a.pad_right, up);
            check_window(k, a, i & 1);
        }
}

static void test_chain(void **state) {
    static const int size[][2] = {{1, 1}, {1, 7}, {4, 3}, {13, 13}, {20, 17}};
    FOR_EACH_ISA(k)
        for (size_t j = 0; j < sizeof size / sizeof *size; j++)
            for (int kernel = 3; kernel <= 7; kernel += 2) {
                const int h = size[j][0], w = size[j][1], b = k->vl, blocks = 2, n = 2;
                const int64_t plane = (int64_t)h * w * b, image = 4 * blocks * plane;
                /* One concatenation holds the source and the three results. */
                float *all = guarded_floats(n * image);
                struct pool_chain_args a = {.src = all, .src_n = image, .src_c = plane,
                                            .dst_n = image, .dst_c = plane, .n_blocks = blocks,
                                            .n_dst = 3, .h = h, .w = w, .k = kernel};
                for (int i = 0; i < 3; i++) a.dst[i] = all + (i + 1) * blocks * plane;
                for (int i = 0; i < n; i++)
                    for (int64_t e = 0; e < blocks * plane; e++)
                        all[i * image + e] = random_float(-1, 1);
                const size_t floats = pool_chain_scratch_floats(&a, b);
                float *scratch = mem_alloc_aligned(floats * sizeof(float));
                assert_non_null(scratch);
                k->pool->max_chain(&a, 0, 3, scratch);
                k->pool->max_chain(&a, 3, n * blocks, scratch);
                mem_free(scratch);
                for (int i = 0; i < 3; i++) { /* kernel, 2 kernel - 1, 3 kernel - 2 at once */
                    const int big = (i + 1) * (kernel - 1) + 1;
                    struct pool_args one = shape(h, w, big, 1, 1, big / 2, 0);
                    for (int p = 0; p < n * blocks; p++)
                        for (int e = 0; e < h * w * b; e++) {
                            const int64_t at = p / blocks * image + p % blocks * plane;
                            const double want =
                                window(&one, all + at, b, e % b, e / b / w, e / b % w, 0);
                            assert_true((double)(a.dst[i] + at)[e] == want);
                        }
                }
                guarded_free(all, (size_t)(n * image) * sizeof(float), "chain");
            }
}

static void test_global(void **state) {
    static const int pixels[] = {1, 2, 3, 4, 7, 49, 511, 513, 1600};
    FOR_EACH_ISA(k)
        for (size_t j = 0; j < sizeof pixels / sizeof *pixels; j++) {
            const int b = k->vl, n = 2, blocks = 3;
            const struct plane_set s = layout(n, blocks, b, pixels[j], 1);
            const int64_t total = 2 * blocks * b + 3;
            float *src = source_floats(s.src_total);
            float *mean = guarded_floats(total), *top = guarded_floats(total);
            struct pool_global_args a = {.src = src, .dst = mean, .src_n = s.src_n,
                                         .src_c = s.src_c, .dst_n = blocks * b + 3,
                                         .n_blocks = blocks, .pixels = pixels[j]};
            k->pool->global_average(&a, 0, 4);
            k->pool->global_average(&a, 4, n * blocks);
            a.dst = top;
            k->pool->global_max(&a, 0, n * blocks);
            for (int p = 0; p < n * blocks; p++)
                for (int l = 0; l < b; l++) {
                    double sum = 0, best = -INFINITY;
                    for (int i = 0; i < pixels[j]; i++) {
                        const float v =
                            src[p / blocks * s.src_n + p % blocks * s.src_c + (int64_t)i * b + l];
                        sum += (double)v;
                        best = fmax(best, (double)v);
                    }
                    const int64_t at = p / blocks * a.dst_n + p % blocks * b + l;
                    assert_true(close_to((double)mean[at], sum / pixels[j], 1e-6, 1));
                    assert_true((double)top[at] == best);
                }
            assert_true(untouched(mean + blocks * b, 3 * sizeof(float)));
            mem_free(src);
            guarded_free(mean, (size_t)total * sizeof(float), "global average");
            guarded_free(top, (size_t)total * sizeof(float), "global max");
        }
}

int main(int argc, char **argv) {
    random_start(argc, argv);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_usual),
        cmocka_unit_test(test_random),
        cmocka_unit_test(test_chain),
        cmocka_unit_test(test_global),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
