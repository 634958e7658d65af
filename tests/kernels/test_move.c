/* SPDX-License-Identifier: Apache-2.0 */
/* Data movement against plain loops: reorders, gathers, N-d copies of every element size, element
 * types. Every result is exact. */
#include "support.h"

#include "kernels/move.h"

static void test_nchw(void **state) {
    FOR_EACH_ISA(k) {
        const int b = k->vl;
        for (int channels = 1; channels <= b; channels++)
            for (int pixels = 1; pixels <= 3 * b + 1; pixels += channels == b ? 1 : 5) {
                const int64_t stride = pixels + random_int(0, 3);
                const int64_t plain = (channels - 1) * stride + pixels;
                float *src = source_floats(plain), *blocked = guarded_floats(pixels * b);
                float *back = guarded_floats(plain);
                k->move->nchw_to_block(src, stride, channels, blocked, (size_t)pixels);
                for (int p = 0; p < pixels; p++)
                    for (int c = 0; c < b; c++)
                        assert_true(blocked[p * b + c] ==
                                    (c < channels ? src[c * stride + p] : 0));
                k->move->block_to_nchw(blocked, 0, channels, back, stride, (size_t)pixels);
                for (int c = 0; c < channels; c++) {
                    for (int p = 0; p < pixels; p++)
                        assert_true(back[c * stride + p] == src[c * stride + p]);
                    if (c < channels - 1)
                        assert_true(untouched(back + c * stride + pixels,
                                              (size_t)(stride - pixels) * sizeof(float)));
                }
                mem_free(src);
                guarded_free(blocked, (size_t)(pixels * b) * sizeof(float), "nchw_to_block");
                guarded_free(back, (size_t)plain * sizeof(float), "block_to_nchw");
            }
    }
}

static void test_nhwc(void **state) {
    FOR_EACH_ISA(k) {
        const int b = k->vl;
        for (int channels = 1; channels <= 2 * b + 3; channels++)
            for (int pixels = 1; pixels < 12; pixels += 5) {
                const int blocks = (channels + b - 1) / b, gap = random_int(0, 3);
                const int64_t pixel = channels + gap, block = (int64_t)pixels * b + 2;
                const int64_t plain = (pixels - 1) * pixel + channels;
                const int64_t total = (blocks - 1) * block + pixels * b;
                float *src = source_floats(plain), *blocked = guarded_floats(total);
                float *back = guarded_floats(plain);
                k->move->nhwc_to_block(src, pixel, channels, blocked, block, (size_t)pixels);
                for (int p = 0; p < pixels; p++)
                    for (int c = 0; c < blocks * b; c++)
                        assert_true(blocked[c / b * block + p * b + c % b] ==
                                    (c < channels ? src[p * pixel + c] : 0));
                k->move->block_to_nhwc(blocked, block, 0, channels, back, pixel, (size_t)pixels);
                for (int p = 0; p < pixels; p++) {
                    for (int c = 0; c < channels; c++)
                        assert_true(back[p * pixel + c] == src[p * pixel + c]);
                    if (p < pixels - 1)
                        assert_true(untouched(back + p * pixel + channels,
                                              (size_t)gap * sizeof(float)));
                }
                mem_free(src);
                guarded_free(blocked, (size_t)total * sizeof(float), "nhwc_to_block");
                guarded_free(back, (size_t)plain * sizeof(float), "block_to_nhwc");
            }
    }
}

/* Channels that begin anywhere in a block, both ways to plain. */
static void test_lanes(void **state) {
    FOR_EACH_ISA(k)
        for (int round = 0; round < 200; round++) {
            const int b = k->vl, lane = random_int(0, b - 1), pixels = random_int(1, 2 * b + 3);
            const int rows = random_int(1, 2 * b + 3), planes = random_int(1, b - lane);
            const int blocks = (lane + rows + b - 1) / b;
            const int64_t block = (int64_t)pixels * b, pixel = rows + random_int(0, 3);
            const int64_t n_rows = (pixels - 1) * pixel + rows, n_planes = (int64_t)planes * pixels;
            float *src = source_floats(blocks * block);
            float *nhwc = guarded_floats(n_rows), *nchw = guarded_floats(n_planes);
            k->move->block_to_nhwc(src, block, lane, rows, nhwc, pixel, (size_t)pixels);
            k->move->block_to_nchw(src, lane, planes, nchw, pixels, (size_t)pixels);
            for (int p = 0; p < pixels; p++) {
                for (int c = 0; c < rows; c++)
                    assert_true(nhwc[p * pixel + c] ==
                                src[(lane + c) / b * block + p * b + (lane + c) % b]);
                if (p < pixels - 1)
                    assert_true(untouched(nhwc + p * pixel + rows,
                                          (size_t)(pixel - rows) * sizeof(float)));
                for (int c = 0; c < planes; c++)
                    assert_true(nchw[(int64_t)c * pixels + p] == src[p * b + lane + c]);
            }
            mem_free(src);
            guarded_free(nhwc, (size_t)n_rows * sizeof(float), "block_to_nhwc");
            guarded_free(nchw, (size_t)n_planes * sizeof(float), "block_to_nchw");
        }
}

static void test_gather(void **state) {
    FOR_EACH_ISA(k)
        for (int round = 0; round < 120; round++) {
            const int b = k->vl, blocks = random_int(1, b < 7 ? b : 7);
            const int pixels = random_int(1, 9);
            const int64_t block = (int64_t)pixels * b + 3;
            const int64_t total = (blocks - 1) * block + pixels * b;
            float *src = source_floats(total), *dst = guarded_floats(pixels * b);
            int32_t channel[64];
            const float *from[7];
            for (int i = 0; i < blocks; i++) from[i] = src + i * block;
            for (int l = 0; l < b; l++) switch (round % 4) {
                case 0: channel[l] = l; break;                              /* a plain copy */
                case 1: channel[l] = l % 2 * (blocks / 2) * b + l / 2; break; /* shuffle of two */
                case 2: channel[l] = random_int(0, blocks * b - 1); break;
                default: channel[l] = random_int(-1, blocks * b - 1); break;
                }
            k->move->gather_channels(&(struct move_gather){.block = from, .channel = channel,
                                                           .dst = dst,
                                                           .n_pixels = (size_t)pixels});
            for (int p = 0; p < pixels; p++)
                for (int l = 0; l < b; l++) {
                    const int c = channel[l];
                    const float want = c < 0 ? 0 : src[c / b * block + p * b + c % b];
                    assert_true(dst[p * b + l] == want);
                }
            mem_free(src);
            guarded_free(dst, (size_t)(pixels * b) * sizeof(float), "gather_channels");
        }
}

/* Runs all units of a copy in a few calls. */
static void run_copy(const struct kernels *k, struct move_copy *c, const void *src, void *dst) {
    c->src = src;
    c->dst = dst;
    const int64_t cut = c->n_units / 3;
    k->move->copy(c, cut, c->n_units);
    k->move->copy(c, 0, cut);
}

/* Random dims; sources any order of dimensions, steps, reversals or repeats; destinations in some
 * order with gaps. */
static void test_copy(void **state) {
    FOR_EACH_ISA(k)
        for (int round = 0; round < 600; round++) {
            const int bytes = 1 << round % 4, rank = random_int(0, 5);
            int64_t dims[5], ss[5], ds[5], src_total = 1, dst_total = 1, first = 0, n = 1;
            int order[5];
            for (int d = 0; d < rank; d++) {
                order[d] = d;
                dims[d] = random_int(1, round % 7 == 0 ? 40 : 6);
                if (n * dims[d] > 40000) dims[d] = 1;
                n *= dims[d];
            }
            for (int d = rank - 1; d > 0; d--) {
                const int e = random_int(0, d), t = order[d];
                order[d] = order[e];
                order[e] = t;
            }
            for (int i = rank - 1; i >= 0; i--) {
                const int d = order[i], kind = round % 5 == 0 ? random_int(0, 9) : 9;
                ss[d] = kind == 0 ? 0 : kind == 1 ? -2 * src_total : kind == 2 ? 2 * src_total
                                                                              : src_total;
                if (ss[d] < 0) first -= ss[d] * (dims[d] - 1);
                if (ss[d]) src_total *= dims[d] * (kind < 3 ? 2 : 1);
            }
            for (int d = rank - 1; d >= 0; d--) {
                ds[d] = dst_total;
                dst_total *= dims[d] + (round % 3 == 0 && d > 0 ? random_int(0, 1) : 0);
            }
            uint8_t *src = source_bytes((size_t)(src_total * bytes));
            uint8_t *dst = guarded((size_t)(dst_total * bytes));
            uint8_t *want = guarded((size_t)(dst_total * bytes));
            struct move_copy c;
            assert_ok(move_copy_init(&c, bytes, rank, dims, ss, ds));
            run_copy(k, &c, src + first * bytes, dst);
            for (int64_t i = 0; i < n; i++) {
                int64_t rest = i, from = first, to = 0;
                for (int d = rank - 1; d >= 0; d--) {
                    from += rest % dims[d] * ss[d];
                    to += rest % dims[d] * ds[d];
                    rest /= dims[d];
                }
                memcpy(want + to * bytes, src + from * bytes, (size_t)bytes);
            }
            if (memcmp(dst, want, (size_t)(dst_total * bytes)))
                fail_msg("%s: copy %d of %d bytes, rank %d differs", k->name, round, bytes, rank);
            mem_free(src);
            guarded_free(dst, (size_t)(dst_total * bytes), "copy");
            guarded_free(want, (size_t)(dst_total * bytes), "copy");
        }
    struct move_copy c;
    assert_ok(move_copy_init(&c, 4, 2, (int64_t[]){3, 0}, (int64_t[]){1, 1}, (int64_t[]){1, 1}));
    assert_int_equal(c.n_units, 0);
    assert_fails(move_copy_init(&c, 3, 0, NULL, NULL, NULL), STATUS_ARGUMENT, "3 bytes");
    assert_fails(move_copy_init(&c, 4, 11, NULL, NULL, NULL), STATUS_LIMIT, "11 dimensions");
}

static void test_permute(void **state) {
    static const int perms[][4] = {{0, 2, 3, 1}, {0, 3, 1, 2}, {0, 2, 1, 3}, {0, 1, 3, 2},
                                   {3, 2, 1, 0}, {1, 0, 2, 3}, {0, 1, 2, 3}, {2, 3, 0, 1}};
    static const int64_t shapes[][4] = {{1, 3, 20, 17}, {2, 33, 5, 16}, {1, 85, 13, 13},
                                        {3, 1, 64, 31}, {1, 16, 16, 16}, {2, 2, 2, 130}};
    FOR_EACH_ISA(k)
        for (size_t i = 0; i < sizeof perms / sizeof *perms; i++)
            for (size_t j = 0; j < sizeof shapes / sizeof *shapes; j++)
                for (int bytes = 1; bytes <= 8; bytes *= 2) {
                    const int64_t *d = shapes[j], n = d[0] * d[1] * d[2] * d[3];
                    const int *p = perms[i];
                    uint8_t *src = source_bytes((size_t)(n * bytes));
                    uint8_t *dst = guarded((size_t)(n * bytes));
                    struct move_copy c;
                    assert_ok(move_permute_init(&c, bytes, 4, d, p));
                    run_copy(k, &c, src, dst);
                    for (int64_t e = 0; e < n; e++) {
                        int64_t at[4], rest = e;
                        for (int q = 3; q >= 0; q--) {
                            at[p[q]] = rest % d[p[q]];
                            rest /= d[p[q]];
                        }
                        const int64_t from =
                            ((at[0] * d[1] + at[1]) * d[2] + at[2]) * d[3] + at[3];
                        assert_memory_equal(dst + e * bytes, src + from * bytes, (size_t)bytes);
                    }
                    mem_free(src);
                    guarded_free(dst, (size_t)(n * bytes), "permute");
                }
    struct move_copy c;
    assert_fails(move_permute_init(&c, 4, 2, (int64_t[]){2, 3}, (int[]){0, 2}), STATUS_ARGUMENT,
                 "axis 2 of 2");
}

static void test_depth_space(void **state) {
    const int64_t n = 2, depth = 5, h = 3, w = 4, s = 2;
    const int64_t total = n * depth * s * s * h * w;
    FOR_EACH_ISA(k)
        for (int crd = 0; crd < 2; crd++) {
            float *deep = source_floats(total), *wide = guarded_floats(total);
            float *again = guarded_floats(total);
            struct move_copy c;
            assert_ok(move_depth_to_space_init(&c, 4, n, depth * s * s, h, w, s, crd));
            run_copy(k, &c, deep, wide);
            assert_ok(move_space_to_depth_init(&c, 4, n, depth, h * s, w * s, s));
            run_copy(k, &c, wide, again);
            for (int64_t i = 0; i < n; i++)
                for (int64_t ch = 0; ch < depth; ch++)
                    for (int64_t y = 0; y < h * s; y++)
                        for (int64_t x = 0; x < w * s; x++) {
                            const int64_t cell = y % s * s + x % s;
                            const int64_t from = crd ? ch * s * s + cell : cell * depth + ch;
                            const float v = deep[((i * depth * s * s + from) * h + y / s) * w +
                                                 x / s];
                            assert_true(
                                wide[((i * depth + ch) * h * s + y) * w * s + x] == v);
                            assert_true(again[((i * depth * s * s + cell * depth + ch) * h +
                                               y / s) * w + x / s] == v);
                        }
            mem_free(deep);
            guarded_free(wide, (size_t)total * sizeof(float), "depth to space");
            guarded_free(again, (size_t)total * sizeof(float), "space to depth");
        }
    struct move_copy c;
    assert_fails(move_depth_to_space_init(&c, 4, 1, 6, 1, 1, 2, 0), STATUS_SHAPE, "6 channels");
    assert_fails(move_space_to_depth_init(&c, 4, 1, 1, 3, 2, 2), STATUS_SHAPE, "3x2");
}

static void test_fill(void **state) {
    FOR_EACH_ISA(k)
        for (int bytes = 1; bytes <= 8; bytes *= 2)
            for (int n = 0; n < 70; n += 3) {
                const uint64_t value = 0x123456789abcdef0u;
                uint8_t *dst = guarded((size_t)(n * bytes));
                k->move->fill(dst, bytes, &value, (size_t)n);
                for (int i = 0; i < n; i++)
                    assert_memory_equal(dst + i * bytes, &value, (size_t)bytes);
                guarded_free(dst, (size_t)(n * bytes), "fill");
            }
}

static void test_types(void **state) {
    static const float special[] = {0, -0.0f, 0.5f, -0.5f, 1.5f, 127.4f, 128, -128, -129, 255, 256,
                                    65535, 65536, 1e6f, -1e6f, 2147483520.0f, 2147483648.0f,
                                    -2147483648.0f, -3e9f, 4294967040.0f, 4294967296.0f, 9.3e18f,
                                    -9.3e18f, 1e30f, -1e30f, INFINITY, -INFINITY, NAN, 65504,
                                    65520, 6e-8f, 1e-10f, 3.14159274f};
    enum { N = sizeof special / sizeof *special + 40 };
    float x[N];
    for (int i = 0; i < N; i++)
        x[i] = i < N - 40 ? special[i] : random_float(-300, 300);
    static const struct {
        enum dtype type;
        double low, high;
    } integers[] = {{DT_U8, 0, 255}, {DT_I8, -128, 127}, {DT_U16, 0, 65535},
                    {DT_I16, -32768, 32767}, {DT_U32, 0, 4294967295.0},
                    {DT_I32, -2147483648.0, 2147483647.0}};
    FOR_EACH_ISA(k) {
        for (size_t t = 0; t < sizeof integers / sizeof *integers; t++) {
            const enum dtype type = integers[t].type;
            uint8_t *y = guarded(N * dtype_size(type));
            float back[N];
            k->move->from_f32[type](x, y, N);
            k->move->to_f32[type](y, back, N);
            for (int i = 0; i < N; i++) {
                double want = isnan(x[i]) ? 0 : trunc((double)x[i]);
                want = fmin(fmax(want, integers[t].low), integers[t].high);
                if ((double)back[i] != (double)(float)want)
                    fail_msg("%s: %g to %s is %g", k->name, (double)x[i], dtype_name(type),
                             (double)back[i]);
            }
            guarded_free(y, N * dtype_size(type), dtype_name(type));
        }
        int64_t i64[N];
        uint64_t u64[N];
        uint16_t half[N];
        uint8_t flag[N];
        double f64[N];
        float back[N];
        k->move->from_f32[DT_I64](x, i64, N);
        k->move->from_f32[DT_U64](x, u64, N);
        for (int i = 0; i < N; i++) {
            assert_true(i64[i] == (isnan(x[i])             ? 0
                                   : x[i] >= 0x1p63f       ? INT64_MAX
                                   : x[i] <= -0x1p63f      ? INT64_MIN
                                                           : (int64_t)x[i]));
            assert_true(u64[i] == (!(x[i] > 0)         ? 0
                                   : x[i] >= 0x1p64f   ? UINT64_MAX
                                                       : (uint64_t)x[i]));
        }
        k->move->to_f32[DT_I64](i64, back, N);
        for (int i = 0; i < N; i++) assert_true(back[i] == (float)i64[i]);
        k->move->to_f32[DT_U64](u64, back, N);
        for (int i = 0; i < N; i++) assert_true(back[i] == (float)u64[i]);
        k->move->from_f32[DT_BOOL](x, flag, N);
        k->move->to_f32[DT_BOOL](flag, back, N);
        for (int i = 0; i < N; i++) {
            assert_int_equal(flag[i], x[i] != 0);
            assert_true(back[i] == (x[i] != 0 ? 1 : 0));
        }
        k->move->from_f32[DT_F64](x, f64, N);
        k->move->to_f32[DT_F64](f64, back, N);
        for (int i = 0; i < N; i++) assert_true(back[i] == x[i] || isnan(x[i]));
        k->move->from_f32[DT_F32](x, back, N);
        assert_memory_equal(back, x, sizeof x);
        for (int wide = 0; wide < 2; wide++) { /* f16, then bf16; the base functions are tested */
            const enum dtype type = wide ? DT_BF16 : DT_F16;
            k->move->from_f32[type](x, half, N);
            k->move->to_f32[type](half, back, N);
            for (int i = 0; i < N; i++) {
                const uint16_t want = wide ? f32_to_bf16(x[i]) : f32_to_f16(x[i]);
                const float value = wide ? bf16_to_f32(want) : f16_to_f32(want);
                assert_true(isnan(x[i]) ? isnan(back[i]) : half[i] == want && back[i] == value);
            }
        }
    }
}

int main(int argc, char **argv) {
    random_start(argc, argv);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nchw),    cmocka_unit_test(test_nhwc),
        cmocka_unit_test(test_lanes),
        cmocka_unit_test(test_gather),  cmocka_unit_test(test_copy),
        cmocka_unit_test(test_permute), cmocka_unit_test(test_depth_space),
        cmocka_unit_test(test_fill),    cmocka_unit_test(test_types),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
