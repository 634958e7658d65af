/* SPDX-License-Identifier: Apache-2.0 */
/* Convolution against a plain loop: a table of shapes that matter, then random ones, on every
 * instruction set of this CPU. Guard words around the output catch writes outside. */
#include "../check.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/alloc.h"
#include "kernels/conv.h"
#include "kernels/conv_algorithms.h"
#include "kernels/pairs.h"
#include "kernels/winograd.h"

static uint64_t state, seed;

static uint32_t next(void) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(state >> 33);
}
static int between(int a, int b) { return a + (int)(next() % (uint32_t)(b - a + 1)); }
static float value(void) { return (float)(next() & 0xffff) / 32768.0f - 1.0f; }

static double activate(double x, const struct conv_desc *d) {
    double a = (double)d->alpha, b = (double)d->beta;
    switch (d->act) {
    case ACT_RELU: return x > 0 ? x : 0;
    case ACT_LEAKY: return x < 0 ? a * x : x;
    case ACT_CLIP: return x < a ? a : x > b ? b : x;
    case ACT_SIGMOID: return 1 / (1 + exp(-x));
    case ACT_HARD_SIGMOID: return fmin(1, fmax(0, a * x + b));
    case ACT_HARD_SWISH: return x * fmin(1, fmax(0, x / 6 + 0.5));
    case ACT_SWISH: return x / (1 + exp(-x));
    case ACT_TANH: return tanh(x);
    case ACT_MISH: return x * tanh(log1p(exp(x)));
    case ACT_GELU: return 0.5 * x * (1 + erf(x / sqrt(2)));
    case ACT_GELU_TANH: return 0.5 * x * (1 + tanh(0.7978845608 * (x + 0.044715 * x * x * x)));
    case ACT_ELU: return x < 0 ? a * expm1(x) : x;
    case ACT_SOFTPLUS: return log1p(exp(x));
    default: return x;
    }
}

static void *must_alloc(size_t bytes) {
    void *p = mem_alloc_aligned(bytes ? bytes : 1);
    assert_non_null(p);
    return p;
}

/* The size of what check_plan() makes up: inputs, and with them biases. */
static float input_size = 1;

enum { GUARD = 64 };
#define GUARD_VALUE 12345.0f

/* Every tile of every step, in an order that differs from 0, 1, 2... */
static void run_all(const struct conv_plan *p, const float *packed, const struct conv_args *a) {
    char *scratch = must_alloc(p->scratch_bytes);
    for (int s = 0; s < p->n_steps; s++)
        for (int t = p->n_tiles[s] - 1; t >= 0; t--) {
            if (s == 0) memset(scratch, 0xff, p->scratch_bytes);
            conv_run(p, packed, a, s, t, scratch);
        }
    mem_free(scratch);
}

static void check_plan(struct conv_plan p, const char *what) {
    const struct kernels *k = p.k;
    const struct conv_desc *d = &p.d;
    const int vl = k->vl, icb = (d->ic + vl - 1) / vl, ocb = (d->oc + vl - 1) / vl;
    const int icg = d->ic / d->groups, ocg = d->oc / d->groups;
    const int64_t in = (int64_t)d->ih * d->iw, out = (int64_t)d->oh * d->ow;
    char text[320];
    snprintf(text, sizeof text,
             "%s %s [%s]: n%d %dx%dx%d -> %dx%dx%d k%dx%d s%d,%d d%d,%d p%d,%d g%d act%d "
             "res%d src%d dst%d", what, k->name, p.name, d->n, d->ic, d->ih, d->iw, d->oc, d->oh,
             d->ow, d->kh, d->kw, d->sh, d->sw, d->dh, d->dw, d->pt, d->pl, d->groups, d->act,
             d->residual, d->src, d->dst);

    /* Odd gaps between blocks and images. */
    struct conv_args a = {0};
    int64_t src_unit = d->src == CONV_BLOCKED ? in * vl : in;
    a.src_channel = src_unit + 3;
    a.src_batch = (d->src == CONV_BLOCKED ? icb : d->ic) * a.src_channel + 5;
    int64_t dst_size;
    if (d->dst == CONV_PIXEL) {
        a.dst_channel = d->oc + 3;
        a.dst_batch = out * a.dst_channel;
    } else {
        int64_t unit = d->dst == CONV_BLOCKED ? out * vl : out;
        a.dst_channel = unit + 7;
        a.dst_batch = (d->dst == CONV_BLOCKED ? ocb : d->oc) * a.dst_channel + 2;
    }
    dst_size = a.dst_batch * d->n;
    a.residual_channel = out * vl + 1;
    a.residual_batch = ocb * a.residual_channel;
    float *src = must_alloc((size_t)(a.src_batch * d->n) * 4);
    float *dst = must_alloc((size_t)(dst_size + 2 * GUARD) * 4);
    float *residual = must_alloc((size_t)(a.residual_batch * d->n) * 4);
    float *w = must_alloc((size_t)(d->oc * icg * d->kh * d->kw) * 4);
    float *bias = must_alloc((size_t)d->oc * 4);
    float *packed = must_alloc(p.packed_bytes);
    for (int64_t i = 0; i < a.src_batch * d->n; i++) src[i] = value() * input_size;
    for (int64_t i = 0; i < dst_size + 2 * GUARD; i++) dst[i] = GUARD_VALUE;
    for (int64_t i = 0; i < a.residual_batch * d->n; i++) residual[i] = value();
    for (int64_t i = 0; i < (int64_t)d->oc * icg * d->kh * d->kw; i++) w[i] = value();
    for (int i = 0; i < d->oc; i++) bias[i] = value() * input_size;
    int with_bias = next() % 4 != 0;
    a.src = src;
    a.dst = dst + GUARD;
    a.residual = d->residual == CONV_RESIDUAL_NONE ? NULL : residual;
    memset(packed, 0xff, p.packed_bytes);
    conv_pack(&p, w, with_bias ? bias : NULL, packed);
    run_all(&p, packed, &a);

    char *written = must_alloc((size_t)dst_size);
    memset(written, 0, (size_t)dst_size);
    /* Winograd's error follows all inputs of a tile, also where an output's own are zero; that of
     * pairs the largest input of a pixel and the largest weight of an output. */
    const double unit_size = (double)input_size;
    double tolerance = p.algorithm == CONV_WINOGRAD ? 2e-5 : 4e-6;
    double least_size = p.algorithm == CONV_WINOGRAD || p.algorithm == CONV_PAIRS
                            ? d->kh * d->kw * icg * 0.25 * unit_size : 0;
    for (int n = 0; n < d->n; n++)
        for (int oc = 0; oc < d->oc; oc++)
            for (int y = 0; y < d->oh; y++)
                for (int x = 0; x < d->ow; x++) {
                    double sum = with_bias ? (double)bias[oc] : 0, size = fabs(sum) + unit_size;
                    for (int c = 0; c < icg; c++) {
                        int ic = oc / ocg * icg + c;
                        const float *plane = src + n * a.src_batch;
                        int unit = 1;
                        if (d->src == CONV_BLOCKED) {
                            plane += ic / vl * a.src_channel + ic % vl;
                            unit = vl;
                        } else plane += ic * a.src_channel;
                        for (int ky = 0; ky < d->kh; ky++) {
                            int iy = y * d->sh - d->pt + ky * d->dh;
                            if (iy < 0 || iy >= d->ih) continue;
                            for (int kx = 0; kx < d->kw; kx++) {
                                int ix = x * d->sw - d->pl + kx * d->dw;
                                if (ix < 0 || ix >= d->iw) continue;
                                double v = (double)plane[((int64_t)iy * d->iw + ix) * unit] *
                                           (double)w[((oc * icg + c) * d->kh + ky) * d->kw + kx];
                                sum += v;
                                size += fabs(v);
                            }
                        }
                    }
                    int64_t pixel = (int64_t)y * d->ow + x;
                    int64_t from = n * a.residual_batch + oc / vl * a.residual_channel;
                    double r = (double)residual[from + pixel * vl + oc % vl];
                    if (d->residual == CONV_RESIDUAL_BEFORE) sum += r;
                    sum = activate(sum, d);
                    if (d->residual == CONV_RESIDUAL_AFTER) sum += r;
                    if (size < least_size) size = least_size;
                    int64_t at = n * a.dst_batch;
                    if (d->dst == CONV_BLOCKED)
                        at += oc / vl * a.dst_channel + pixel * vl + oc % vl;
                    else if (d->dst == CONV_PIXEL) at += pixel * a.dst_channel + oc;
                    else at += oc * a.dst_channel + pixel;
                    written[at] = 1;
                    double got = (double)a.dst[at];
                    if (!(fabs(got - sum) <= tolerance * size))
                        fail_msg("%s: at n %d c %d y %d x %d: %.9g instead of %.9g", text, n, oc, y,
                                 x, got, sum);
                }
    if (d->dst == CONV_BLOCKED) /* padding lanes are written, and finite */
        for (int n = 0; n < d->n; n++)
            for (int oc = d->oc; oc < ocb * vl; oc++)
                for (int64_t q = 0; q < out; q++) {
                    int64_t at = n * a.dst_batch + oc / vl * a.dst_channel + q * vl + oc % vl;
                    written[at] = 1;
                    if (!isfinite(a.dst[at])) fail_msg("%s: padding lane is not finite", text);
                }
    for (int64_t i = -GUARD; i < dst_size + GUARD; i++)
        if ((i < 0 || i >= dst_size || !written[i]) && a.dst[i] != GUARD_VALUE)
            fail_msg("%s: wrote outside, at %lld of %lld", text, (long long)i, (long long)dst_size);
    mem_free(src);
    mem_free(dst);
    mem_free(residual);
    mem_free(w);
    mem_free(bias);
    mem_free(packed);
    mem_free(written);
}

static void check(const struct kernels *k, const struct conv_desc *d, const char *what) {
    struct conv_plan p;
    assert_ok(conv_plan_init(k, d, &p));
    check_plan(p, what);
}

static void check_all(const struct conv_desc *d, const char *what) {
    for (int isa = 0; isa < ISA_COUNT; isa++) {
        const struct kernels *k = kernels_for((enum isa)isa);
        if (k) check(k, d, what);
    }
}

/* Output size for symmetric or asymmetric padding. */
static struct conv_desc make(int ic, int oc, int h, int w, int k, int s, int p) {
    struct conv_desc d = {.n = 1, .ic = ic, .oc = oc, .ih = h, .iw = w, .kh = k, .kw = k, .sh = s,
                          .sw = s, .dh = 1, .dw = 1, .pt = p, .pl = p, .groups = 1, .alpha = 0.1f,
                          .beta = 0.5f};
    d.oh = (h + 2 * p - k) / s + 1;
    d.ow = (w + 2 * p - k) / s + 1;
    return d;
}

static void pointwise(void **unused) {
    static const int sizes[] = {1, 2, 3, 5, 7, 8, 13, 14, 20, 26};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        struct conv_desc d = make(17 + 8 * (int)i, 24 + 11 * (int)i, sizes[i], sizes[i], 1, 1, 0);
        check_all(&d, "1x1");
    }
    struct conv_desc d = make(64, 64, 40, 40, 1, 1, 0);
    d.act = ACT_SWISH;
    check_all(&d, "1x1");
    d = make(30, 50, 9, 11, 1, 2, 0);
    check_all(&d, "1x1 s2");
    d = make(5, 6, 4, 4, 1, 1, 1);
    check_all(&d, "1x1 p1");
}

/* Enough weights for what large layers do: chunks of input channels, whose sums wait in the
 * destination, and strided inputs that are gathered first. */
static void many_weights(void **unused) {
    for (int i = 0; i < 18; i++) {
        struct conv_desc d = make(243 + 29 * (i % 5), 17 + 5 * i, 5 + i % 7, 5 + 2 * i % 13,
                                  i % 3 ? 3 : 5, 1 + i % 2, i % 3);
        d.n = 1 + i % 2;
        d.only = CONV_ONLY_DIRECT;
        d.act = (enum activation)(i % ACT_COUNT);
        d.residual = (enum conv_residual)(i / 2 % 3);
        if (i % 4 == 3) d.dst = (enum conv_layout)(i / 4 % 3);
        check_all(&d, "chunks");
        for (int isa = 0; isa < ISA_COUNT; isa++) {
            const struct kernels *k = kernels_for((enum isa)isa);
            struct conv_plan p;
            if (!k || !k->conv->chunk_bytes || d.dst != CONV_BLOCKED) continue;
            assert_int_equal(conv_plan_init(k, &d, &p), STATUS_OK);
            assert_true((p.chunk > 0) == (d.ic >= 256));
        }
    }
    struct conv_desc d = make(520, 64, 6, 7, 3, 1, 1);
    d.groups = 2; /* of which a group of blocks reads one or both */
    d.act = ACT_RELU;
    check_all(&d, "chunks of groups");
    d.groups = 8;
    d.residual = CONV_RESIDUAL_AFTER;
    check_all(&d, "chunks of groups");
    for (int i = 0; i < 4; i++) { /* 0.5 MiB of inputs in blocks: several copies */
        d = make(509 + i, 520 - i, 31 - 9 * i, 33 - 8 * i, 1, 2, 0);
        d.sw = 1 + (i + 1) % 3;
        d.ow = (d.iw - 1) / d.sw + 1;
        d.n = 1 + i % 2;
        d.act = ACT_LEAKY;
        d.residual = (enum conv_residual)(i % 3);
        if (i == 3) d.dst = CONV_PIXEL;
        check_all(&d, "gathered");
    }
    d = make(1030, 260, 5, 5, 1, 2, 0);
    d.oh++, d.ow++; /* the last outputs read padding only */
    check_all(&d, "padded 1x1 s2");
}

static void three_by_three(void **unused) {
    for (int w = 1; w <= 33; w += w < 15 ? 1 : 6)
        for (int s = 1; s <= 2; s++) {
            struct conv_desc d = make(19, 40, 5, w, 3, s, 1);
            check_all(&d, "3x3");
            d.ic = 3 + w;
            d.oc = 70 - w;
            d.act = ACT_RELU;
            d.residual = CONV_RESIDUAL_BEFORE;
            check_all(&d, "3x3 residual");
        }
}

static void stem(void **unused) {
    for (int oc = 16; oc <= 40; oc += 8) {
        struct conv_desc d = make(3, oc, 37, 41, 3, 2, 1);
        d.src = CONV_PLANAR;
        d.act = ACT_LEAKY;
        check_all(&d, "stem");
        d = make(3, oc, 64, 64, 6, 2, 2);
        d.src = CONV_PLANAR;
        d.act = ACT_SWISH;
        check_all(&d, "stem");
        d = make(3, oc, 33, 70, 7, 2, 3);
        d.src = CONV_PLANAR;
        check_all(&d, "stem");
    }
    struct conv_desc d = make(1, 8, 28, 28, 5, 1, 2);
    d.src = CONV_PLANAR;
    check_all(&d, "stem");
    d = make(3, 12, 300, 150, 3, 1, 1);
    d.src = CONV_PLANAR;
    check_all(&d, "stem");
}

static void depthwise(void **unused) {
    for (int k = 3; k <= 7; k += 2)
        for (int s = 1; s <= 3; s++)
            for (int w = 1; w <= 29; w += w < 9 ? 1 : 5) {
                struct conv_desc d = make(24, 24, w + 3, w, k, s, k / 2);
                d.groups = 24;
                d.act = (enum activation)(w % ACT_COUNT);
                check_all(&d, "depthwise");
            }
    /* Any padding to the left and right, with windows that are outside altogether. */
    for (int k = 3; k <= 5; k += 2)
        for (int s = 1; s <= 2; s++)
            for (int pads = 0; pads < (k + 1) * (k + 1); pads++)
                for (int w = 1; w <= 10; w += 3) {
                    struct conv_desc d = make(20, 20, 5, w, k, s, k / 2);
                    const int room = w + pads % (k + 1) + pads / (k + 1) - k;
                    if (room < 0) continue;
                    d.groups = 20;
                    d.pl = pads % (k + 1);
                    d.ow = room / s + 1;
                    check_all(&d, "padded depthwise");
                }
    struct conv_desc d = make(20, 20, 12, 12, 3, 1, 2);
    d.groups = 20;
    d.dh = d.dw = 2;
    d.oh = d.ow = 12;
    d.residual = CONV_RESIDUAL_BEFORE;
    check_all(&d, "dilated depthwise");
}

static void winograd(void **unused) {
    for (int i = 0; i < 48; i++) {
        const int stride = 1 + i / 24;
        struct conv_desc d =
            make(8 + 7 * i % 60, 9 + 11 * i % 70, 3 + 5 * i % 31, 3 + i % 24, 3, stride, 1);
        d.n = 1 + i % 2;
        d.act = (enum activation)(i % ACT_COUNT);
        d.residual = (enum conv_residual)(i % 3);
        d.dst = (enum conv_layout)(i % 5 ? 0 : i % 3);
        if (i % 4 == 0) d.pt = 0, d.oh -= stride == 1 || d.ih % 2;
        if (i % 4 == 1) d.pl = 2, d.ow += 2 / stride;
        d.transform = (enum conv_transform)(i % 3);
        d.products = (enum conv_products)(i / 3 % 3);
        for (int isa = 0; isa < ISA_COUNT; isa++)
            for (int form = 0; form < N_WINOGRAD_FORMS; form++) {
                struct conv_plan p;
                const struct kernels *k = kernels_for((enum isa)isa);
                if (!k) continue;
                assert_ok(conv_plan_init(k, &d, &p));
                int fits = form != WINOGRAD_s1_m4_4 && stride == (form < WINOGRAD_s2_m3 ? 1 : 2);
                assert_int_equal(winograd_lay_out(&p, form), fits);
                if (fits && d.transform == CONV_TRANSFORM_AT_LOAD) assert_int_equal(p.wino_late, 0);
                const int alike = form != WINOGRAD_s1_m5 && form != WINOGRAD_s1_m6;
                if (fits && d.products == CONV_PRODUCTS_PAIRS && k->pairs->n_tiles)
                    assert_int_equal(p.wino_pairs, alike || !p.wino_late);
                if (fits && d.products == CONV_PRODUCTS_PLAIN) assert_false(p.wino_pairs);
                if (fits && d.transform == CONV_TRANSFORM_AT_RUN) {
                    assert_true(p.wino_late > 0);
                    if (i % 2) p.wino_late = 1; /* and in several parts */
                }
                if (fits) check_plan(p, "winograd");
            }
    }
    /* Cells of 2x2 pixels: first layers; and 4x4 with stride 1. */
    for (int i = 0; i < 48; i++) {
        const int taps = i < 40 ? 5 + i % 4 : 4, stride = i < 40 ? 2 : 1;
        struct conv_desc d = make(i < 40 ? 1 + i % 3 : 5 + 9 * i % 40, 8 + 11 * i % 70,
                                  8 + 7 * i % 45, 9 + 5 * i % 61, taps, stride, i / 4 % 4);
        d.act = (enum activation)(i % ACT_COUNT);
        d.residual = (enum conv_residual)(i % 3);
        d.src = i < 40 ? CONV_PLANAR : CONV_BLOCKED;
        d.products = (enum conv_products)(i / 2 % 3);
        d.dst = (enum conv_layout)(i % 5 ? 0 : i % 3);
        int cells = i < 40 ? (taps + d.pt % 2 + 1) / 2 : 4;
        for (int isa = 0; isa < ISA_COUNT; isa++)
            for (int form = 0; form < N_WINOGRAD_FORMS; form++) {
                struct conv_plan p;
                const struct kernels *k = kernels_for((enum isa)isa);
                if (!k) continue;
                assert_ok(conv_plan_init(k, &d, &p));
                int fits = cells == 3 ? form <= WINOGRAD_s1_m6
                                      : cells == 4 && form == WINOGRAD_s1_m4_4;
                assert_int_equal(winograd_lay_out(&p, form), fits);
                if (fits) check_plan(p, "winograd");
            }
    }
    struct conv_desc d = make(64, 64, 40, 40, 3, 1, 1);
    struct conv_plan p;
    assert_ok(conv_plan_init(kernels_for(ISA_BASE), &d, &p));
    assert_int_equal(p.algorithm, CONV_WINOGRAD);
    check_all(&d, "winograd");
    d.only = CONV_ONLY_DIRECT;
    assert_ok(conv_plan_init(kernels_for(ISA_BASE), &d, &p));
    assert_int_equal(p.algorithm, CONV_DIRECT);
}

/* The tiles of a batch follow one another: a block of 13 begins in one image, ends in another. */
static void winograd_batches(void **unused) {
    static const int ways[] = {2, 4, 5, 6, 3, 4, 5}; /* the last three with stride 2 */
    for (int isa = 0; isa < ISA_COUNT; isa++)
        for (int i = 0; i < 14; i++) {
            const struct kernels *k = kernels_for((enum isa)isa);
            if (!k) continue;
            const int stride = i / 2 < 4 ? 1 : 2;
            struct conv_desc d = make(20 + i, 40 + i, 7 * stride, 9 * stride, 3, stride, 1);
            d.n = 7;
            d.only = ways[i / 2];
            d.block = 13;
            d.act = (enum activation)(i % ACT_COUNT);
            d.residual = (enum conv_residual)(i % 3);
            d.transform = i % 2 ? CONV_TRANSFORM_AT_RUN : CONV_TRANSFORM_AT_LOAD;
            struct conv_plan p;
            assert_ok(conv_plan_init(k, &d, &p));
            assert_int_equal(p.algorithm, CONV_WINOGRAD);
            assert_int_equal(p.unit, 13);
            assert_int_equal(p.n_tiles[0], p.bands * p.group_bands);
            check_plan(p, "winograd batch");
            if (isa != ISA_BASE) continue;
            d = make(3, 24, 31, 29, 6, 2, 2); /* cells are made image by image */
            d.src = CONV_PLANAR;
            d.n = 3;
            d.only = 4;
            assert_ok(conv_plan_init(k, &d, &p));
            assert_int_equal(p.algorithm, CONV_WINOGRAD);
            assert_int_equal(p.n_tiles[0], 3 * p.bands * p.group_bands);
            check_plan(p, "winograd batch");
        }
}

/* Every cut that may be asked for, and none beyond. */
static void cuts(void **unused) {
    for (int isa = 0; isa < ISA_COUNT; isa++)
        for (int i = 0; i < 24; i++) {
            const struct kernels *k = kernels_for((enum isa)isa);
            if (!k) continue;
            struct conv_plan p;
            struct conv_desc d = make(17, 40 + 13 * (i % 3), 19, 23, 3, 1, 1);
            d.only = 1 + i % 6;
            d.group = 1 + i % 5;
            d.block = i % 4 ? 1 + 7 * i % 50 : 0;
            const int most = k->conv->max_ocv < (d.oc + k->vl - 1) / k->vl
                                 ? k->conv->max_ocv : (d.oc + k->vl - 1) / k->vl;
            if (d.group > most && d.only == CONV_ONLY_DIRECT) {
                assert_fails(conv_plan_init(k, &d, &p), STATUS_ARGUMENT, "no groups of");
                continue;
            }
            assert_ok(conv_plan_init(k, &d, &p));
            const bool there = d.group <= most && d.only != 3;
            assert_int_equal(p.way, there ? d.only : CONV_ONLY_DIRECT);
            if (there) assert_int_equal(p.ocv, d.group);
            if (there && d.block && d.only > 1) assert_int_equal(p.unit, d.block);
            check_plan(p, "cut");
            d.only = 4;
            d.block = CONV_MOST_BLOCK + 1;
            assert_ok(conv_plan_init(k, &d, &p));
            assert_int_equal(p.way, CONV_ONLY_DIRECT);
            d.only = CONV_FASTEST; /* and then cuts as it likes */
            assert_ok(conv_plan_init(k, &d, &p));
            assert_true(p.way == CONV_ONLY_DIRECT || p.unit <= CONV_MOST_BLOCK);
            d.block = -1;
            assert_fails(conv_plan_init(k, &d, &p), STATUS_ARGUMENT, "negative");
        }
}

/* Pairs of channels: every width of a register tile, strides, all that may follow the sums, and
 * inputs of any size, which are scaled unless they are about as large as weights. */
static void pairs(void **unused) {
    static const float sizes[] = {1, 1, 1e-34f, 1e-30f, 1e-4f, 300, 1e9f, 1e36f};
    int n_run = 0;
    for (int isa = 0; isa < ISA_COUNT; isa++)
        for (int i = 0; i < 200; i++) {
            const struct kernels *k = kernels_for((enum isa)isa);
            if (!k || !k->pairs->n_tiles) continue;
            struct conv_desc d = make(1 + i, 1 + 7 * i % 75, 1 + i % 17, 1 + 5 * i % 23, 1, 1, 0);
            struct conv_plan p;
            d.n = 1 + i % 2;
            d.only = CONV_ONLY_PAIRS;
            if (i % 3 == 1) {
                d.sh = 1 + i % 2, d.sw = 1 + i % 4;
                d.oh = (d.ih - 1) / d.sh + 1, d.ow = (d.iw - 1) / d.sw + 1;
            }
            if (i % 7 == 6 && d.ow > 1) d.ow--;
            input_size = sizes[i % 8];
            if (input_size == 1) {
                d.act = (enum activation)(i % ACT_COUNT);
                d.residual = (enum conv_residual)(i % 3);
            }
            d.dst = (enum conv_layout)(i % 5 ? 0 : i % 3);
            assert_ok(conv_plan_init(k, &d, &p));
            assert_int_equal(p.way, CONV_ONLY_PAIRS);
            check_plan(p, "pairs");
            input_size = 1;
            n_run++;
            d.pt = d.pl = 1, d.oh++, d.ow++; /* what pairs cannot do is direct */
            assert_ok(conv_plan_init(k, &d, &p));
            assert_int_equal(p.way, CONV_ONLY_DIRECT);
        }
    if (kernels_for(ISA_AVX512)) assert_true(n_run > 0);
    /* Taken without being asked for where they gain. */
    if (!kernels_for(ISA_AVX512) || strncmp(cpu_class(), "AuthenticAMD-25-", 16)) return;
    if (kernels_for(ISA_AVX512)->pairs->n_tiles < 4) return; /* instrumented, with few tiles */
    struct conv_desc d = make(64, 64, 40, 40, 1, 1, 0);
    struct conv_plan p;
    assert_ok(conv_plan_init(kernels_for(ISA_AVX512), &d, &p));
    assert_int_equal(p.algorithm, CONV_PAIRS);
    d = make(64, 64, 40, 40, 3, 1, 1);
    assert_ok(conv_plan_init(kernels_for(ISA_AVX512), &d, &p));
    assert_true(p.wino_pairs);
}

/* An infinite input, or one that is no number, stays with its pixel. */
static void pairs_not_finite(void **unused) {
    for (int isa = 0; isa < ISA_COUNT; isa++)
        for (int i = 0; i < 2; i++) {
            enum { PIXELS = 35, AT = 9 };
            const struct kernels *k = kernels_for((enum isa)isa);
            if (!k || !k->pairs->n_tiles) continue;
            const int vl = k->vl;
            struct conv_desc d = make(vl, vl, 5, 7, 1, 1, 0);
            struct conv_plan p;
            d.only = CONV_ONLY_PAIRS;
            assert_ok(conv_plan_init(k, &d, &p));
            float *x = must_alloc((size_t)(PIXELS * vl) * 4);
            float *y = must_alloc((size_t)(PIXELS * vl) * 4);
            float *w = must_alloc((size_t)(vl * vl) * 4), *packed = must_alloc(p.packed_bytes);
            for (int j = 0; j < PIXELS * vl; j++) x[j] = 0.5f;
            for (int j = 0; j < vl * vl; j++) w[j] = 1;
            x[AT * vl + 3] = i ? NAN : INFINITY;
            conv_pack(&p, w, NULL, packed);
            run_all(&p, packed, &(struct conv_args){.src = x, .dst = y, .src_channel = PIXELS * vl,
                                                    .dst_channel = PIXELS * vl});
            for (int j = 0; j < PIXELS * vl; j++)
                if (j / vl == AT) assert_true(isnan(y[j]));
                else assert_true(fabsf(y[j] - 0.5f * (float)vl) < 1e-5f);
            mem_free(x);
            mem_free(y);
            mem_free(w);
            mem_free(packed);
        }
}

static float *floats(size_t n) {
    float *p = must_alloc(n * sizeof *p);
    for (size_t i = 0; i < n; i++) p[i] = value();
    return p;
}

/* The largest difference to the direct algorithm, as a share of the range. */
static float error_of(const struct kernels *k, struct conv_desc d, const float *x, const float *w) {
    const size_t out = (size_t)(d.oc * d.oh * d.ow);
    float *y[2], low = INFINITY, high = -INFINITY, most = 0;
    const int ways[] = {CONV_ONLY_DIRECT, d.only};
    for (int i = 0; i < 2; i++) {
        struct conv_plan p;
        d.only = ways[i];
        d.dst = CONV_PLANAR;
        assert_ok(conv_plan_init(k, &d, &p));
        assert_int_equal(p.way, d.only);
        float *packed = must_alloc(p.packed_bytes);
        void *scratch = must_alloc(p.scratch_bytes);
        y[i] = must_alloc(out * sizeof *y[i]);
        conv_pack(&p, w, NULL, packed);
        struct conv_args a = {.src = x, .src_channel = d.ih * d.iw * k->vl, .dst = y[i],
                              .dst_channel = d.oh * d.ow};
        for (int tile = 0; tile < p.n_tiles[0]; tile++)
            conv_run(&p, packed, &a, 0, tile, scratch);
        mem_free(packed);
        mem_free(scratch);
    }
    for (size_t o = 0; o < out; o++) {
        low = fminf(low, y[0][o]);
        high = fmaxf(high, y[0][o]);
        most = fmaxf(most, fabsf(y[0][o] - y[1][o]));
    }
    mem_free(y[0]);
    mem_free(y[1]);
    return most / (high - low);
}

/* F(6,3), the least precise form, and pairs, whose products add up where all inputs are positive
 * and are larger or smaller than those that count, stay below 1e-4 of a layer's range from few to
 * many channels. */
static void precision(void **unused) {
    static const int channels[] = {8, 64, 512};
    for (int isa = 0; isa < ISA_COUNT; isa++)
        for (int i = 0; i < 3; i++) {
            const struct kernels *k = kernels_for((enum isa)isa);
            if (!k) continue;
            struct conv_desc d = make(channels[i], 16, 24, 24, 3, 1, 1);
            const size_t n = (size_t)(channels[i] + k->vl) * 24 * 24;
            float *x = floats(n), *w = floats(16 * (size_t)channels[i] * 9);
            d.only = 6;
            float error = error_of(k, d, x, w);
            print_message("%s, %d channels: %.1e", k->name, channels[i], (double)error);
            assert_true(error < 2e-5f);
            for (int size = -3; k->pairs->n_tiles && size <= 8; size++) {
                d = make(channels[i], 16, 24, 24, 1, 1, 0);
                d.only = CONV_ONLY_PAIRS;
                for (size_t j = 0; j < n; j++)
                    x[j] = ldexpf(fabsf(value()), size) + (size == -3) * 0.1f;
                error = error_of(k, d, x, w);
                print_message(", %.1e", (double)error);
                assert_true(error < 5e-6f); /* 7e-6 where every pair's products are added */
                d = make(channels[i], 16, 24, 24, 3, 1, 1);
                d.products = CONV_PRODUCTS_PAIRS;
                for (d.only = 4; d.only <= 6; d.only++) {
                    error = error_of(k, d, x, w);
                    print_message(" %.1e", (double)error);
                    assert_true(error < 2e-5f);
                }
            }
            print_message("\n");
            mem_free(x);
            mem_free(w);
        }
}

/* One call of a product: u, v and m as winograd.h lays them out, with odd gaps between the blocks
 * of m, and nothing of use in the lanes of v that are no channel. */
static void check_product(const struct kernels *k, int ocv, int px, int channels, int count,
                          int add) {
    const int vl = k->vl, tiles = count * px, icb = (channels + vl - 1) / vl;
    const int v_block = (tiles + 1) * vl, m_block = tiles * vl + 5;
    const size_t n_m = (size_t)((ocv - 1) * m_block + tiles * vl);
    float *u = floats((size_t)(channels * ocv * vl));
    float *v = floats((size_t)((icb - 1) * v_block + tiles * vl));
    float *m = floats(n_m + 2 * GUARD), *before = must_alloc((n_m + 2 * GUARD) * sizeof *m);
    for (int t = 0; t < tiles; t++)
        for (int c = channels; c < icb * vl; c++) v[(icb - 1) * v_block + t * vl + c % vl] = NAN;
    memcpy(before, m, (n_m + 2 * GUARD) * sizeof *m);
    k->winograd->product[ocv][px](u, v, v_block, channels, m + GUARD, m_block, add, count);
    for (int i = -GUARD; i < (int)n_m + GUARD; i++) {
        const int o = i / m_block, t = i % m_block / vl, lane = i % m_block % vl;
        const double old = (double)before[i + GUARD], got = (double)m[i + GUARD];
        const int inside = i >= 0 && i < (int)n_m && t < tiles;
        double sum = !inside || add ? old : 0, size = fabs(sum);
        for (int c = 0; c < channels && inside; c++) {
            const double x = (double)u[(c * ocv + o) * vl + lane] *
                             (double)v[c / vl * v_block + t * vl + c % vl];
            sum += x;
            size += fabs(x);
        }
        if (!(fabs(got - sum) <= (inside ? 2e-6 * size : 0)))
            fail_msg("%s product %dx%d of %d channels, %d times%s: %.9g at %d of block %d, not "
                     "%.9g", k->name, ocv, px, channels, count, add ? ", added" : "", got,
                     i % m_block, o, sum);
    }
    mem_free(u);
    mem_free(v);
    mem_free(m);
    mem_free(before);
}

/* Every register tile of Winograd's own, of which a network takes the few that suit its sizes. */
static void winograd_products(void **unused) {
    for (int isa = 0; isa < ISA_COUNT; isa++) {
        const struct kernels *k = kernels_for((enum isa)isa);
        if (!k) continue;
        const int channels[] = {1, k->vl - 1, k->vl, 2 * k->vl + 3};
        for (int ocv = 1; ocv <= WINOGRAD_MOST_OCV; ocv++) {
            assert_int_equal(k->winograd->product[ocv][1] != NULL, ocv <= k->winograd->max_ocv);
            for (int px = 1; px <= WINOGRAD_MOST_PX; px++)
                for (int i = 0; k->winograd->product[ocv][px] && i < 4 * 3 * 2; i++)
                    check_product(k, ocv, px, channels[i / 6], i % 3 + 1, i / 3 % 2);
        }
    }
}

/* G w G^T of one form, from the points that winograd.h lists: row i of G has the powers of point i
 * over the product of its distances to the others, the last the highest power alone. With stride 2
 * the even taps have that, and the odd one is taken as it is. */
static void check_weights(const struct kernels *k, int form, int stride, int taps, int finite,
                          const double *points, int late) {
    enum { COUNT = 3 };
    const int vl = k->vl, distinct = finite + stride, pair = taps * taps * vl;
    const int step = COUNT * vl + 5;
    const size_t n_u = (size_t)((distinct * distinct - 1) * step + COUNT * vl);
    double g[WINOGRAD_MOST_OUTPUTS + 2][WINOGRAD_MOST_TAPS] = {{0}};
    for (int i = 0; i < finite; i++) {
        double scale = 1;
        for (int j = 0; j < finite; j++) scale *= j == i ? 1 : points[i] - points[j];
        for (int t = 0; t * stride < taps; t++) g[i][t * stride] = pow(points[i], t) / scale;
    }
    g[finite][taps - 1] = 1;
    if (stride == 2) g[finite + 1][1] = 1;
    float *w = floats((size_t)(COUNT * pair)), *u = must_alloc((n_u + 2 * GUARD) * sizeof *u);
    const float *each[COUNT] = {w, w + pair, w + 2 * pair};
    for (size_t i = 0; i < n_u + 2 * GUARD; i++) u[i] = GUARD_VALUE;
    if (late) k->winograd->weights_late[form](w, COUNT, u + GUARD, step);
    else k->winograd->weights(each, COUNT, (const double(*)[WINOGRAD_MOST_TAPS])g, distinct, taps,
                              u + GUARD, step);
    for (int i = -GUARD; i < (int)n_u + GUARD; i++) {
        const int p = i / step, lane = i % step;
        const int inside = i >= 0 && i < (int)n_u && lane < COUNT * vl;
        double sum = inside ? 0 : (double)GUARD_VALUE, size = 0;
        for (int t = 0; t < taps * taps && inside; t++) {
            const double x = g[p / distinct][t / taps] * g[p % distinct][t % taps] *
                             (double)w[lane / vl * pair + t * vl + lane % vl];
            sum += x;
            size += fabs(x);
        }
        if (!(fabs((double)u[i + GUARD] - sum) <= (late ? 5e-7 : 6e-8) * size))
            fail_msg("%s %sweights of form %d, point %d: %.9g, not %.9g", k->name,
                     late ? "late " : "", form, p, (double)u[i + GUARD], sum);
    }
    mem_free(w);
    mem_free(u);
}

static void winograd_weights(void **unused) {
    for (int isa = 0; isa < ISA_COUNT; isa++) {
        const struct kernels *k = kernels_for((enum isa)isa);
        if (!k) continue;
#define CHECK_FORM(name, stride, m, taps, finite, ...)                                             \
    assert_int_equal(k->winograd->weights_late[WINOGRAD_##name] != NULL, (taps) == 3);             \
    for (int late = 0; late <= ((taps) == 3); late++)                                              \
        check_weights(k, WINOGRAD_##name, stride, taps, finite, (const double[]){__VA_ARGS__},     \
                      late);
        WINOGRAD_FORMS(CHECK_FORM)
#undef CHECK_FORM
    }
}

/* Channels that are scattered over two tensors give what they give side by side, bit for bit; but
 * by pairs, which have products of the lanes behind the last channel to take off. */
static void scattered(void **unused) {
    for (int isa = 0; isa < ISA_COUNT; isa++)
        for (int round = 0; round < 60; round++) {
            const struct kernels *k = kernels_for((enum isa)isa);
            if (!k) break;
            const int vl = k->vl, blocks = 5;
            struct conv_desc d = make(between(1, 70), between(1, 70), between(1, 9), between(1, 9),
                                      1, 1, 0);
            d.n = between(1, 2);
            d.act = round % 2 ? ACT_RELU : ACT_NONE;
            d.only = round % 3 ? CONV_ONLY_DIRECT : CONV_ONLY_PAIRS;
            const int64_t plane = (int64_t)d.ih * d.iw * vl;
            const int64_t batch[2] = {blocks * plane, blocks * plane + 6};
            float *from[2];
            for (int i = 0; i < 2; i++) {
                from[i] = must_alloc((size_t)(batch[i] * d.n) * 4);
                for (int64_t j = 0; j < batch[i] * d.n; j++) from[i][j] = value();
            }
            const int icb = (d.ic + vl - 1) / vl, ocb = (d.oc + vl - 1) / vl;
            float *dense = must_alloc((size_t)(icb * plane * d.n) * 4);
            for (int64_t j = 0; j < icb * plane * d.n; j++) dense[j] = value();
            struct conv_source *sources = must_alloc((size_t)d.ic * sizeof *sources);
            struct conv_desc pieces = d;
            for (int c = 0; c < d.ic;) {
                const int which = between(0, 1), block = between(0, blocks - 1);
                const int lane = between(0, vl - 1);
                int n = between(1, vl - lane);
                if (n > d.ic - c) n = d.ic - c;
                sources[pieces.n_pieces++] =
                    (struct conv_source){from[which] + block * plane + lane, batch[which], n};
                for (int i = 0; i < n; i++, c++)
                    for (int image = 0; image < d.n; image++)
                        for (int64_t p = 0; p < plane; p += vl)
                            dense[(image * icb + c / vl) * plane + p + c % vl] =
                                from[which][image * batch[which] + block * plane + p + lane + i];
            }
            float *w = must_alloc((size_t)(d.oc * d.ic) * 4);
            for (int i = 0; i < d.oc * d.ic; i++) w[i] = value();
            const size_t bytes = (size_t)(ocb * plane * d.n) * 4;
            float *dst[2] = {must_alloc(bytes), must_alloc(bytes)};
            struct conv_plan p;
            for (int i = 0; i < 2; i++) {
                struct conv_args a = {.sources = sources, .src = dense, .src_channel = plane,
                                      .src_batch = icb * plane, .dst = dst[i], .dst_channel = plane,
                                      .dst_batch = ocb * plane};
                assert_ok(conv_plan_init(k, i ? &pieces : &d, &p));
                float *packed = must_alloc(p.packed_bytes);
                conv_pack(&p, w, NULL, packed);
                run_all(&p, packed, &a);
                mem_free(packed);
            }
            if (p.algorithm == CONV_DIRECT) assert_memory_equal(dst[0], dst[1], bytes);
            for (size_t i = 0; i < bytes / 4; i++)
                assert_true(fabsf(dst[0][i] - dst[1][i]) <= 4e-6f * (float)d.ic);
            for (int i = 0; i < 2; i++) {
                mem_free(from[i]);
                mem_free(dst[i]);
            }
            mem_free(dense);
            mem_free(sources);
            mem_free(w);
        }
    struct conv_desc d = make(4, 4, 5, 5, 3, 1, 1);
    struct conv_plan p;
    d.n_pieces = 2;
    assert_int_equal(conv_plan_init(kernels_for(isa_selected()), &d, &p), STATUS_ARGUMENT);
}

/* Makes rows of an image in memory, and sees to it that none is asked for twice. */
struct maker {
    const float *image;
    int64_t channel;
    int c, h, w, last;
};

static void make_row(void *of, int y, float *dst, int64_t plane) {
    struct maker *m = of;
    assert_in_range(y, 0, m->h - 1);
    assert_true(y > m->last);
    m->last = y;
    for (int c = 0; c < m->c; c++)
        memcpy(dst + c * plane, m->image + c * m->channel + (int64_t)y * m->w,
               (size_t)m->w * sizeof *dst);
}

/* A source made by rows gives what one in memory gives, bit for bit. */
static void made_source(void **unused) {
    struct conv_plan p;
    struct conv_desc d = make(3, 8, 9, 9, 3, 2, 1);
    d.made = 1;
    assert_fails(conv_plan_init(kernels_for(ISA_BASE), &d, &p), STATUS_ARGUMENT, "planar");
    int n_winograd = 0;
    for (int round = 0; round < 240; round++) {
        const int taps = between(1, 7);
        d = make(between(1, 4), between(1, 70), between(taps, 90), between(taps, 120), taps,
                 round % 3 ? 2 : between(1, 3), between(0, taps / 2));
        d.n = between(1, 3);
        d.src = CONV_PLANAR;
        d.act = round % 2 ? ACT_RELU : ACT_NONE;
        if (round % 5 == 0 && d.ih > 2 * taps)
            d.dh = 2, d.oh = (d.ih + 2 * d.pt - 2 * taps + 1) / d.sh + 1;
        d.only = (const int[]){CONV_FASTEST, CONV_ONLY_DIRECT, 2, 4, 5, 6}[round % 6];
        const int64_t in = (int64_t)d.ih * d.iw, out = (int64_t)d.oh * d.ow;
        float *src = floats((size_t)(d.n * d.ic * in));
        float *w = floats((size_t)(d.oc * d.ic * taps * taps)), *dst[2];
        for (int isa = 0; isa < ISA_COUNT; isa++) {
            const struct kernels *k = kernels_for((enum isa)isa);
            if (!k) continue;
            const int64_t unit = out * k->vl, ocb = (d.oc + k->vl - 1) / k->vl;
            for (int i = 0; i < 2; i++) {
                d.made = i;
                assert_ok(conv_plan_init(k, &d, &p));
                n_winograd += p.algorithm == CONV_WINOGRAD;
                if (i) assert_int_equal(p.group_bands, 1);
                struct maker m = {.channel = in, .c = d.ic, .h = d.ih, .w = d.iw};
                struct conv_args a = {.src = src, .src_channel = in, .src_batch = d.ic * in,
                                      .dst = dst[i] = floats((size_t)(d.n * ocb * unit)),
                                      .dst_channel = unit, .dst_batch = ocb * unit};
                if (i) a.src = NULL, a.make_row = make_row, a.maker = &m;
                float *packed = must_alloc(p.packed_bytes);
                char *scratch = must_alloc(p.scratch_bytes);
                conv_pack(&p, w, NULL, packed);
                memset(scratch, 0xff, p.scratch_bytes);
                for (int t = p.n_tiles[0] - 1; t >= 0; t--) {
                    m.image = src + conv_tile_image(&p, t) * d.ic * in;
                    m.last = -1;
                    conv_run(&p, packed, &a, 0, t, scratch);
                }
                mem_free(packed);
                mem_free(scratch);
            }
            assert_memory_equal(dst[0], dst[1], (size_t)(d.n * ocb * unit) * 4);
            mem_free(dst[0]);
            mem_free(dst[1]);
        }
        mem_free(src);
        mem_free(w);
    }
    assert_true(n_winograd > 0);
}

static void activations(void **unused) {
    for (int act = 0; act < ACT_COUNT; act++)
        for (int r = 0; r < 3; r++) {
            struct conv_desc d = make(8, 33, 6, 9, 3, 1, 1);
            d.act = (enum activation)act;
            d.residual = (enum conv_residual)r;
            check_all(&d, "activation");
        }
}

static void random_shapes(void **unused) {
    if (!seed) seed = (uint64_t)time(NULL);
    printf("seed %llu\n", (unsigned long long)seed);
    state = seed;
    for (int i = 0; i < 400;) {
        struct conv_desc d = {.n = next() % 4 ? 1 : between(1, 3), .ih = between(1, 24),
                              .iw = between(1, 33), .kh = between(1, 7), .kw = between(1, 7),
                              .sh = between(1, 3), .sw = between(1, 3), .dh = 1, .dw = 1};
        if (next() % 2) d.kw = d.kh = next() % 2 ? 3 : 1;
        if (next() % 2) d.sw = d.sh = between(1, 2);
        if (next() % 4 == 0) d.dh = between(1, 4), d.dw = between(1, 4);
        d.pt = between(0, (d.kh - 1) * d.dh + (next() % 8 == 0));
        d.pl = between(0, (d.kw - 1) * d.dw + (next() % 8 == 0));
        if (next() % 2) d.pt = d.kh / 2, d.pl = d.kw / 2;
        int pb = between(0, d.kh), pr = between(0, d.kw);
        int h = d.ih + d.pt + pb - (d.kh - 1) * d.dh - 1;
        int w = d.iw + d.pl + pr - (d.kw - 1) * d.dw - 1;
        if (h < 0 || w < 0) continue;
        d.oh = h / d.sh + 1;
        d.ow = w / d.sw + 1;
        int kind = between(0, 5);
        d.groups = kind <= 2 ? 1 : kind == 3 ? between(1, 40) : between(2, 5);
        d.ic = d.groups * (kind <= 2 ? between(1, 70) : kind == 3 ? 1 : between(1, 20));
        int multiplier = next() % 2 ? 1 : between(1, 3);
        d.oc = d.groups * (kind <= 2 ? between(1, 70) : kind == 3 ? multiplier : between(1, 20));
        if ((double)d.oc * d.oh * d.ow * (d.ic / d.groups) * d.kh * d.kw * d.n > 4e6) continue;
        d.act = (enum activation)(next() % ACT_COUNT);
        d.alpha = 0.125f;
        d.beta = 0.75f;
        d.residual = (enum conv_residual)(next() % 3);
        d.src = next() % 5 == 0 ? CONV_PLANAR : CONV_BLOCKED;
        d.dst = next() % 3 ? CONV_BLOCKED : next() % 2 ? CONV_PIXEL : CONV_PLANAR;
        char what[32];
        snprintf(what, sizeof what, "random %d", i);
        check_all(&d, what);
        i++;
    }
}

static void nonsense(void **unused) {
    const struct kernels *k = kernels_for(ISA_BASE);
    struct conv_plan p;
    struct conv_desc d = make(4, 4, 4, 4, 3, 1, 1);
    d.groups = 3;
    assert_fails(conv_plan_init(k, &d, &p), STATUS_ARGUMENT, "groups");
    d = make(4, 4, 4, 4, 3, 1, 1);
    d.ow = 0;
    assert_fails(conv_plan_init(k, &d, &p), STATUS_ARGUMENT, "empty");
    d = make(4, 4, 4, 4, 3, 1, 1);
    d.ih = d.iw = 1 << 20;
    assert_fails(conv_plan_init(k, &d, &p), STATUS_LIMIT, "beyond");
}

/* The seed of the random shapes may be given, to repeat a failure. */
int main(int argc, char **argv) {
    if (argc > 1) seed = strtoull(argv[1], NULL, 0);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pointwise),   cmocka_unit_test(many_weights),
        cmocka_unit_test(three_by_three), cmocka_unit_test(stem),
        cmocka_unit_test(depthwise),   cmocka_unit_test(winograd),
        cmocka_unit_test(cuts),      cmocka_unit_test(precision), cmocka_unit_test(scattered),
        cmocka_unit_test(pairs),     cmocka_unit_test(pairs_not_finite),
        cmocka_unit_test(winograd_products), cmocka_unit_test(winograd_batches),
        cmocka_unit_test(winograd_weights), cmocka_unit_test(made_source),
        cmocka_unit_test(activations), cmocka_unit_test(random_shapes),
        cmocka_unit_test(nonsense),
    };
    return cmocka_run_group_tests_name("conv", tests, NULL, NULL);
}
