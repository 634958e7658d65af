/* SPDX-License-Identifier: Apache-2.0 */
/* Preprocessing, suppression and every decoder on tensors small enough to work out by hand. */
#include "../check.h"

#include <math.h>
#include <stdlib.h>

#include "../../vision/internal.h"

static struct pk_image noise(int width, int height) {
    struct pk_image image = {width, height, malloc((size_t)width * (size_t)height * 3)};
    assert_non_null(image.rgb);
    uint32_t state = 1;
    for (size_t i = 0; i < (size_t)width * (size_t)height * 3; i++) {
        state = state * 1664525 + 1013904223;
        image.rgb[i] = (uint8_t)(state >> 24);
    }
    return image;
}

static void test_resize(void **state) {
    static const int sizes[][4] = {{1, 1, 7, 5},     {7, 5, 1, 1},      {13, 9, 13, 9},
                                   {3, 2, 100, 101}, {101, 67, 31, 44}, {64, 48, 17, 200},
                                   {1, 50, 9, 20},   {33, 1, 20, 3}};
    for (size_t k = 0; k < sizeof sizes / sizeof sizes[0]; k++) {
        const int *s = sizes[k];
        struct pk_image in = noise(s[0], s[1]), out;
        assert_int_equal(pk_image_resize(&in, s[2], s[3], &out), 0);
        assert_int_equal(out.width, s[2]);
        assert_int_equal(out.height, s[3]);
        for (int i = 0; i < s[2] * s[3] * 3; i++) {
            int c = i % 3, x = i / 3 % s[2], y = i / 3 / s[2];
            double u = fmax(0, fmin(s[0] - 1, (x + 0.5) * s[0] / s[2] - 0.5));
            double v = fmax(0, fmin(s[1] - 1, (y + 0.5) * s[1] / s[3] - 0.5));
            int x0 = (int)u, y0 = (int)v, x1 = x0 + 1 < s[0] ? x0 + 1 : x0,
                y1 = y0 + 1 < s[1] ? y0 + 1 : y0;
#define AT(px, py) in.rgb[3 * ((py) * s[0] + (px)) + c]
            double top = AT(x0, y0) * (1 - (u - x0)) + AT(x1, y0) * (u - x0);
            double bottom = AT(x0, y1) * (1 - (u - x0)) + AT(x1, y1) * (u - x0);
#undef AT
            double want = top * (1 - (v - y0)) + bottom * (v - y0);
            if (fabs(out.rgb[i] - want) > 1)
                fail_msg("%dx%d to %dx%d at %d,%d: %d, not %g", s[0], s[1], s[2], s[3], x, y,
                         out.rgb[i], want);
        }
        if (s[0] == s[2] && s[1] == s[3])
            assert_memory_equal(in.rgb, out.rgb, (size_t)s[0] * (size_t)s[1] * 3);
        pk_image_free(&in);
        pk_image_free(&out);
    }
    struct pk_image in = noise(4, 4), out;
    assert_int_equal(pk_image_resize(&in, 0, 4, &out), -1);
    assert_int_equal(pk_image_resize(&in, 1 << 20, 1 << 20, &out), -1);
    pk_image_free(&in);
}

/* As OpenCV gives it to the bit: above the first row and below the last the border counts in two
 * parts. */
static void test_resize_enlarges(void **state) {
    uint8_t rgb[] = {13, 208, 77,  250, 101, 3,   90, 60,  255,
                     31, 170, 129, 9,   207, 244, 26, 170, 208};
    static const uint8_t want[] = {
        13, 208, 77,  131, 154, 40,  250, 101, 3,  61, 116, 188, 87, 130, 135, 113, 144, 82,
        60, 115, 251, 44,  142, 205, 29,  170, 159, 9, 207, 244, 17, 188, 226, 26,  170, 208};
    struct pk_image in = {2, 3, rgb}, out;
    assert_int_equal(pk_image_resize(&in, 3, 4, &out), 0);
    assert_memory_equal(out.rgb, want, sizeof want);
    pk_image_free(&out);
}

/* One colour in, so that every value of the input is either that colour's or the padding's. */
static void test_letterbox(void **state) {
    enum { W = 64, H = 48 };
    static const struct {
        enum pk_family family;
        int width, height, left, top, right, bottom; /* where the picture lies in 64 x 48 */
        float values[3], pad[3];
    } cases[] = {
        {PK_YOLOX, 100, 50, 0, 0, 64, 32, {30, 20, 10}, {114, 114, 114}},
        {PK_YOLOX, 50, 100, 0, 0, 24, 48, {30, 20, 10}, {114, 114, 114}},
        {PK_YOLOX, 1000, 1, 0, 0, 64, 1, {30, 20, 10}, {114, 114, 114}},
        {PK_YOLOX_MEANSTD, 64, 24, 0, 0, 64, 24,
         {(10 / 255.f - .485f) / .229f, (20 / 255.f - .456f) / .224f, (30 / 255.f - .406f) / .225f},
         {(114 / 255.f - .485f) / .229f, (114 / 255.f - .456f) / .224f,
          (114 / 255.f - .406f) / .225f}},
        {PK_YOLOV5, 100, 50, 0, 8, 64, 40, {10 / 255.f, 20 / 255.f, 30 / 255.f},
         {114 / 255.f, 114 / 255.f, 114 / 255.f}},
        /* 17 rows leave 31 to pad: 15 above, 16 below. */
        {PK_YOLOV8, 64, 17, 0, 15, 64, 32, {10 / 255.f, 20 / 255.f, 30 / 255.f},
         {114 / 255.f, 114 / 255.f, 114 / 255.f}},
        {PK_NANODET, 7, 90, 0, 0, 64, 48,
         {(30 - 103.53f) / 57.375f, (20 - 116.28f) / 57.12f, (10 - 123.675f) / 58.395f}, {0, 0, 0}},
        {PK_SSD, 90, 7, 0, 0, 64, 48, {10, 20, 30}, {0, 0, 0}},
        {PK_IMAGENET_CAFFE, 300, 100, 0, 0, 64, 48, {30 - 104, 20 - 117, 10 - 123}, {0, 0, 0}},
        {PK_IMAGENET, 20, 900, 0, 0, 64, 48,
         {(10 / 255.f - .485f) / .229f, (20 / 255.f - .456f) / .224f, (30 / 255.f - .406f) / .225f},
         {0, 0, 0}},
    };
    static float out[3 * W * H];
    for (size_t k = 0; k < sizeof cases / sizeof cases[0]; k++) {
        int n = cases[k].width * cases[k].height;
        struct pk_image image = {cases[k].width, cases[k].height, malloc((size_t)n * 3)};
        for (int i = 0; i < n; i++) memcpy(image.rgb + 3 * i, (uint8_t[]){10, 20, 30}, 3);
        struct pk_placement p;
        assert_int_equal(pk_preprocess(cases[k].family, &image, W, H, out, &p), 0);
        for (int i = 0; i < 3 * W * H; i++) {
            int c = i / (W * H), x = i % W, y = i / W % H;
            int in = x >= cases[k].left && x < cases[k].right && y >= cases[k].top &&
                     y < cases[k].bottom;
            float want = in ? cases[k].values[c] : cases[k].pad[c];
            if (fabsf(out[i] - want) > 1e-4f)
                fail_msg("case %zu: channel %d at %d,%d is %g, not %g", k, c, x, y, out[i], want);
        }
        if (cases[k].family < PK_IMAGENET) {
            assert_true(p.pad_x == (float)cases[k].left && p.pad_y == (float)cases[k].top);
            /* The picture's far corner falls on the far corner of its place, to a pixel. */
            float x = (float)image.width * p.scale_x + p.pad_x,
                  y = (float)image.height * p.scale_y + p.pad_y;
            assert_true(fabsf(x - (float)cases[k].right) <= 1);
            assert_true(fabsf(y - (float)cases[k].bottom) <= 1);
        }
        pk_image_free(&image);
    }
    struct pk_image image = noise(2, 2);
    struct pk_placement p;
    assert_int_equal(pk_preprocess(PK_FAMILY_AUTO, &image, W, H, out, &p), -1);
    image.width = 0;
    assert_int_equal(pk_preprocess(PK_YOLOX, &image, W, H, out, &p), -1);
    pk_image_free(&image);
}

/* From the corner: of two columns, the last half of the outputs lies between the second and
 * itself. */
static void test_resize_corner(void **state) {
    uint8_t rgb[] = {0, 10, 20, 100, 30, 20, 40, 0, 0, 200, 250, 255};
    struct pk_image image = {2, 2, rgb};
    float out[3 * 4 * 4], one[3];
    pk_resize_corner(&image, 4, 4, out);
    const float red[4][4] = {
        {0, 50, 100, 100}, {20, 85, 150, 150}, {40, 120, 200, 200}, {40, 120, 200, 200}};
    for (int y = 0; y < 4; y++)
        for (int x = 0; x < 4; x++) assert_true(out[4 * y + x] == red[y][x]);
    assert_true(out[16 + 5] == (10 + 30 + 0 + 250) / 4.f);
    assert_true(out[32 + 15] == 255);
    pk_resize_corner(&image, 1, 1, one);
    assert_true(one[0] == 0 && one[1] == 10 && one[2] == 20);
}

/* A sliver of a picture is refused where cropping would stretch it beyond all bounds. */
static void test_sliver(void **state) {
    static float out[3 * 224 * 224];
    struct pk_placement p;
    struct pk_image image = noise(1, 500000);
    assert_int_equal(pk_preprocess(PK_IMAGENET, &image, 224, 224, out, &p), -1);
    assert_non_null(strstr(pk_error(), "resized"));
    assert_int_equal(pk_preprocess(PK_YOLOV5, &image, 224, 224, out, &p), 0);
    pk_image_free(&image);
}

static void test_nms(void **state) {
    const struct pk_detection in[] = {
        {0, .5f, 0, 0, 10, 10},   {0, .9f, 1, 0, 11, 10}, /* overlap .82: the weaker goes */
        {1, .6f, 0, 0, 10, 10},                           /* another class stays */
        {0, .4f, 5, 0, 15, 10},                           /* .43 with the best: stays */
        {0, .8f, 100, 100, 100, 100}, {0, .7f, 100, 100, 90, 90}, /* nothing inside: no overlap */
    };
    struct pk_candidates c = {0, 0, NULL};
    for (int i = 0; i < 6; i++) assert_int_equal(pk_add_candidate(&c, &in[i]), 0);
    pk_nms(&c, 0.45f, 100);
    const float want[] = {.9f, .8f, .7f, .6f, .4f};
    assert_int_equal(c.n, 5);
    for (int i = 0; i < 5; i++) assert_float_equal(c.items[i].score, want[i], 0);
    pk_nms(&c, 0.4f, 100);
    assert_int_equal(c.n, 4);
    pk_nms(&c, 0.4f, 2);
    assert_int_equal(c.n, 2);
    free(c.items);
    c = (struct pk_candidates){0, 0, NULL};
    pk_nms(&c, 0.5f, 10);
    assert_int_equal(c.n, 0);
}

/* ---- decoders ---- */

static float *zeros(int64_t n, float value) {
    float *p = malloc((size_t)n * sizeof *p);
    for (int64_t i = 0; i < n; i++) p[i] = value;
    return p;
}

static struct pk_candidates decode_for(enum pk_family family, const struct pk_tensor *t, int n,
                                       int width, int height, int classes, int every_class) {
    struct pk_candidates c = {0, 0, NULL};
    const struct pk_decoder *decoder = pk_decoder_of(family);
    assert_int_equal(decoder->recognise(t, n, width, height), classes);
    struct pk_decode d = {width, height, classes, 0.25f, every_class};
    if (decoder->decode(&d, t, n, &c)) fail_msg("%s", pk_error());
    return c;
}

static struct pk_candidates decode(enum pk_family family, const struct pk_tensor *t, int n,
                                   int width, int height, int classes) {
    return decode_for(family, t, n, width, height, classes, 0);
}

static void assert_box(const struct pk_detection *d, int class_id, float score, float x1, float y1,
                       float x2, float y2) {
    const float want[] = {score, x1, y1, x2, y2}, got[] = {d->score, d->x1, d->y1, d->x2, d->y2};
    assert_int_equal(d->class_id, class_id);
    for (int i = 0; i < 5; i++)
        if (fabsf(want[i] - got[i]) > 1e-3f * fmaxf(1, fabsf(want[i])))
            fail_msg("value %d is %g, not %g", i, got[i], want[i]);
}

enum { W = 96, H = 64, CELLS = 12 * 8 + 6 * 4 + 3 * 2 };

static void test_yolox(void **state) {
    float *data = zeros(CELLS * 8, 0);
    struct pk_tensor t = {3, {1, CELLS, 8}, data};
    /* Stride 16 starts at 96; column 2 of row 1. */
    memcpy(data + 8 * (96 + 6 + 2), (float[]){.5f, .25f, logf(2), logf(3), .8f, .1f, .2f, .9f}, 32);
    data[8 * 3 + 4] = .9f; /* an object of no class */
    data[8 * 4 + 4] = NAN;
    struct pk_candidates c = decode(PK_YOLOX, &t, 1, W, H, 3);
    assert_int_equal(c.n, 1);
    assert_box(&c.items[0], 2, .72f, 40 - 16, 20 - 24, 40 + 16, 20 + 24);
    free(c.items);
    t.dim[1]++;
    assert_int_equal(pk_decoder_of(PK_YOLOX)->recognise(&t, 1, W, H), 0);
    free(data);
}

static void test_yolov8(void **state) {
    float *data = zeros(CELLS * 7, 0);
    struct pk_tensor t = {3, {1, 7, CELLS}, data};
    const float column[] = {30, 20, 10, 8, .1f, .6f, .3f};
    for (int i = 0; i < 7; i++) data[i * CELLS + 77] = column[i];
    struct pk_candidates c = decode(PK_YOLOV8, &t, 1, W, H, 3);
    assert_int_equal(c.n, 1);
    assert_box(&c.items[0], 1, .6f, 25, 16, 35, 24);
    free(c.items);
    free(data);
}

/* Merged output and both layouts of raw heads, in any order, give the same boxes. */
static void test_yolov5(void **state) {
    enum { K = 3, E = 5 + K };
    static const int order[] = {2, 0, 1};
    float *merged = zeros(3 * CELLS * E, 0), *head4[3], *head5[3];
    struct pk_tensor t4[3], t5[3], all = {3, {1, 3 * CELLS, E}, merged};
    /* Anchors of the middle one of each stride. */
    static const float anchor[3][2] = {{16, 30}, {62, 45}, {156, 198}};
    int base = 0;
    for (int s = 0; s < 3; s++) {
        int w = W >> (3 + s), h = H >> (3 + s), stride = 8 << s, x = 1, y = h - 1;
        head4[s] = zeros(3 * w * h * E, -9);
        head5[s] = zeros(3 * w * h * E, -9);
        const float v[E] = {.3f, -.2f, .4f, -.6f, 2, -1, (float)s, 3};
        for (int e = 0; e < E; e++) {
            head4[s][((E + e) * h + y) * w + x] = v[e];
            head5[s][((h + y) * w + x) * E + e] = v[e];
        }
        float p[E];
        for (int e = 0; e < E; e++) p[e] = 1 / (1 + expf(-v[e]));
        p[0] = (2 * p[0] - .5f + (float)x) * (float)stride;
        p[1] = (2 * p[1] - .5f + (float)y) * (float)stride;
        p[2] = 4 * p[2] * p[2] * anchor[s][0];
        p[3] = 4 * p[3] * p[3] * anchor[s][1];
        memcpy(merged + (base + w * h + y * w + x) * E, p, sizeof p);
        base += 3 * w * h;
        t4[order[s]] = (struct pk_tensor){4, {1, 3 * E, h, w}, head4[s]};
        t5[order[s]] = (struct pk_tensor){5, {1, 3, h, w, E}, head5[s]};
    }
    struct pk_candidates a = decode(PK_YOLOV5, &all, 1, W, H, K),
                         b = decode(PK_YOLOV5, t4, 3, W, H, K),
                         c = decode(PK_YOLOV5, t5, 3, W, H, K);
    assert_int_equal(a.n, 3);
    assert_int_equal(b.n, 3);
    assert_int_equal(c.n, 3);
    for (int i = 0; i < 3; i++) {
        const struct pk_detection *d = &a.items[i];
        assert_int_equal(d->class_id, 2);
        assert_box(&b.items[order[i]], d->class_id, d->score, d->x1, d->y1, d->x2, d->y2);
        assert_box(&c.items[order[i]], d->class_id, d->score, d->x1, d->y1, d->x2, d->y2);
    }
    struct pk_tensor twice[3] = {t4[0], t4[0], t4[1]};
    assert_int_equal(pk_decoder_of(PK_YOLOV5)->recognise(twice, 3, W, H), 0);
    for (int s = 0; s < 3; s++) {
        free(head4[s]);
        free(head5[s]);
    }
    free(merged);
    free(a.items);
    free(b.items);
    free(c.items);
}

/* Distances 1, 2, 3 and 4.5 strides: one bin each, and two for the half. */
static void put_sides(float *bins) {
    for (int i = 0; i < 32; i++) bins[i] = -50;
    bins[1] = bins[8 + 2] = bins[16 + 3] = bins[24 + 4] = bins[24 + 5] = 50;
}

static void test_nanodet(void **state) {
    enum { K = 4 };
    static const int order[] = {5, 0, 3, 4, 1, 2};
    float *score[3], *side[3];
    struct pk_tensor t[6];
    for (int s = 0; s < 3; s++) {
        int w = W >> (3 + s), n = w * (H >> (3 + s));
        score[s] = zeros(n * K, 0.01f);
        side[s] = zeros(n * 32, 0);
        t[order[2 * s]] = (struct pk_tensor){3, {1, n, K}, score[s]};
        t[order[2 * s + 1]] = (struct pk_tensor){2, {n, 32}, side[s]};
    }
    score[1][(6 + 2) * K + 3] = .7f; /* stride 16, column 2 of row 1 */
    put_sides(side[1] + (6 + 2) * 32);
    struct pk_candidates c = decode(PK_NANODET, t, 6, W, H, K);
    assert_int_equal(c.n, 1);
    assert_box(&c.items[0], 3, .7f, 40 - 16, 24 - 32, 40 + 48, 24 + 72);
    free(c.items);
    /* Logits instead of probabilities. */
    for (int s = 0; s < 3; s++)
        for (int i = 0; i < (W >> (3 + s)) * (H >> (3 + s)) * K; i++) score[s][i] = -5;
    score[1][(6 + 2) * K + 3] = 2;
    c = decode(PK_NANODET, t, 6, W, H, K);
    assert_int_equal(c.n, 1);
    assert_box(&c.items[0], 3, 1 / (1 + expf(-2)), 24, -8, 88, 96);
    free(c.items);
    assert_int_equal(pk_decoder_of(PK_NANODET)->recognise(t, 5, W, H), 0);
    for (int s = 0; s < 3; s++) {
        free(score[s]);
        free(side[s]);
    }
}

/* g: eleven bins a side instead of eight. */
static void test_nanodet_g(void **state) {
    enum { K = 4 };
    float *score[3], *side[3];
    struct pk_tensor t[6];
    for (int s = 0; s < 3; s++) {
        int n = (W >> (3 + s)) * (H >> (3 + s));
        score[s] = zeros(n * K, 0.01f);
        side[s] = zeros(n * 44, -50);
        t[s] = (struct pk_tensor){3, {1, n, K}, score[s]};
        t[3 + s] = (struct pk_tensor){3, {1, n, 44}, side[s]};
    }
    score[0][1] = .6f;
    for (int k = 0; k < 4; k++) side[0][11 * k + 10 - k] = 50;
    struct pk_candidates c = decode(PK_NANODET, t, 6, W, H, K);
    assert_int_equal(c.n, 1);
    assert_box(&c.items[0], 1, .6f, 4 - 80, 4 - 72, 4 + 64, 4 + 56);
    free(c.items);
    for (int s = 0; s < 3; s++) {
        free(score[s]);
        free(side[s]);
    }
}

/* Boxes and scores in either order, boxes with and without a dimension of 1; numbers of COCO that
 * name nothing are passed over, and those behind them move up. */
static void test_ssd(void **state) {
    enum { N = 5, K = 90 };
    static float boxes[N * 4], scores[N * K];
    memcpy(boxes + 2 * 4, (float[]){.25f, .5f, .75f, 1}, 4 * sizeof(float));
    scores[2 * K + 17] = .8f;  /* number 18, a dog */
    scores[3 * K + 11] = .9f;  /* number 12 names nothing */
    scores[4 * K + 89] = .1f;  /* below the threshold */
    struct pk_tensor t[2] = {{4, {1, N, 1, 4}, boxes}, {3, {1, N, K}, scores}};
    assert_int_equal(pk_decoder_of(PK_SSD)->recognise(t, 2, W, H), 80);
    for (int order = 0; order < 2; order++) {
        struct pk_candidates c = decode(PK_SSD, t, 2, W, H, 80);
        assert_int_equal(c.n, 1);
        assert_box(&c.items[0], 16, .8f, .5f * W, .25f * H, W, .75f * H);
        free(c.items);
        struct pk_tensor first = {3, {1, N, 4}, boxes};
        t[0] = t[1];
        t[1] = first;
    }
    t[0].dim[1] = N + 1;
    assert_int_equal(pk_decoder_of(PK_SSD)->recognise(t, 2, W, H), 0);
}

/* The same boxes in pixels and in fractions of the input. */
static void test_yolov5_fractions(void **state) {
    enum { E = 6, N = 3 * CELLS };
    float *rows = zeros(N * E, 0);
    struct pk_tensor t = {3, {1, N, E}, rows};
    for (int i = 0; i < N; i++) memcpy(rows + i * E, (float[]){.9f, .9f, .1f, .1f, 0, 0}, E * 4);
    memcpy(rows + 7 * E, (float[]){.5f, .25f, .5f, .25f, .9f, 1}, E * sizeof *rows);
    struct pk_candidates c = decode(PK_YOLOV5, &t, 1, W, H, 1);
    assert_int_equal(c.n, 1);
    assert_box(&c.items[0], 0, .9f, .25f * W, .125f * H, .75f * W, .375f * H);
    free(c.items);
    free(rows);
}

/* Plus: four strides in one output, points at corners; the input's size need not divide by 64. */
static void test_nanodet_plus(void **state) {
    enum { K = 2, WIDE = 2 * W, N = 24 * 8 + 12 * 4 + 6 * 2 + 3 * 1 };
    float *data = zeros(N * (K + 32), 0);
    struct pk_tensor t = {3, {1, N, K + 32}, data};
    float *row = data + (24 * 8 + 12 * 4 + 6 * 2 + 1) * (K + 32); /* stride 64, column 1 */
    row[0] = .5f;
    put_sides(row + K);
    struct pk_candidates c = decode(PK_NANODET, &t, 1, WIDE, H, K);
    assert_int_equal(c.n, 1);
    assert_box(&c.items[0], 0, .5f, 64 - 64, 0 - 128, 64 + 192, 0 + 288);
    free(c.items);
    free(data);
    /* The same, one output per stride. */
    float *parts[8];
    struct pk_tensor split[8];
    for (int s = 0; s < 4; s++) {
        int w = WIDE >> (3 + s), n = w * (H >> (3 + s));
        parts[s] = zeros(n * K, 0);
        parts[4 + s] = zeros(n * 32, 0);
        split[7 - s] = (struct pk_tensor){3, {1, n, K}, parts[s]};
        split[s] = (struct pk_tensor){3, {1, n, 32}, parts[4 + s]};
    }
    parts[3][K] = .5f;
    put_sides(parts[7] + 32);
    c = decode(PK_NANODET, split, 8, WIDE, H, K);
    assert_int_equal(c.n, 1);
    assert_box(&c.items[0], 0, .5f, 0, -128, 256, 288);
    free(c.items);
    for (int i = 0; i < 8; i++) free(parts[i]);
}

/* A box of two likely classes of three is two candidates where every class counts, else one. */
static void assert_every_class(enum pk_family family, const struct pk_tensor *t, int n) {
    for (int every = 0; every < 2; every++) {
        struct pk_candidates c = decode_for(family, t, n, W, H, 3, every);
        assert_int_equal(c.n, 1 + every);
        assert_int_equal(c.items[0].class_id, every ? 0 : 2);
        if (every) assert_int_equal(c.items[1].class_id, 2);
        for (int i = 0; every && i < 4; i++)
            assert_float_equal((&c.items[0].x1)[i], (&c.items[1].x1)[i], 0);
        assert_true(c.items[every].score > c.items[0].score || !every);
        free(c.items);
    }
}

static void test_every_class(void **state) {
    enum { K = 3 };
    static const float score[K] = {.4f, .1f, .6f}, logit[5 + K] = {0, 0, 0, 0, 4, 0, -4, 1};
    float *columns = zeros(CELLS * (4 + K), 0), *rows = zeros(3 * CELLS * (5 + K), 0),
          *classes = zeros(CELLS * K, 0), *boxes = zeros(CELLS * 4, .5f), *heads[3], *sides[3],
          *scores[3];
    struct pk_tensor v8 = {3, {1, 4 + K, CELLS}, columns}, raw[3], nanodet[6],
                     v5 = {3, {1, 3 * CELLS, 5 + K}, rows},
                     ssd[2] = {{3, {1, CELLS, 4}, boxes}, {3, {1, CELLS, K}, classes}};
    for (int s = 0; s < 3; s++) {
        int w = W >> (3 + s), h = H >> (3 + s);
        heads[s] = zeros(3 * w * h * (5 + K), -9);
        scores[s] = zeros(w * h * K, 0);
        sides[s] = zeros(w * h * 32, 0);
        raw[s] = (struct pk_tensor){5, {1, 3, h, w, 5 + K}, heads[s]};
        nanodet[s] = (struct pk_tensor){2, {w * h, K}, scores[s]};
        nanodet[3 + s] = (struct pk_tensor){2, {w * h, 32}, sides[s]};
    }
    for (int k = 0; k < K; k++) {
        columns[(4 + k) * CELLS + 77] = classes[9 * K + k] = scores[1][5 * K + k] = score[k];
        rows[50 * (5 + K) + 5 + k] = score[k];
    }
    rows[50 * (5 + K) + 4] = .9f;
    memcpy(heads[0] + 20 * (5 + K), logit, sizeof logit);
    assert_every_class(PK_YOLOV8, &v8, 1);
    assert_every_class(PK_YOLOV5, &v5, 1);
    assert_every_class(PK_YOLOV5, raw, 3);
    assert_every_class(PK_NANODET, nanodet, 6);
    assert_every_class(PK_SSD, ssd, 2);
    for (int s = 0; s < 3; s++) free(heads[s]), free(scores[s]), free(sides[s]);
    free(columns), free(rows), free(classes), free(boxes);
}

static void test_families(void **state) {
    for (int f = 0; f < PK_FAMILY_COUNT; f++) {
        enum pk_family found;
        assert_int_equal(pk_family_find(pk_family_name((enum pk_family)f), &found), 0);
        assert_int_equal(found, f);
    }
    enum pk_family found;
    assert_int_equal(pk_family_find("yolo", &found), -1);
    assert_non_null(strstr(pk_error(), "yolox-meanstd"));
}

static void test_draw(void **state) {
    struct pk_image image = {40, 30, calloc(40 * 30, 3)};
    struct pk_labels *labels;
    assert_int_equal(pk_labels_open(NULL, &labels), 0);
    assert_string_equal(pk_label(labels, 16), "dog");
    assert_string_equal(pk_label(labels, 80), "class 80");
    const struct pk_detection d[] = {{16, .9f, 10, 20, 30, 28}, {-3, .5f, -5, -5, 100, 100},
                                     {1, NAN, NAN, 0, INFINITY, 9}};
    assert_int_equal(pk_draw(&image, d, 3, labels, NULL), 0);
    int coloured = 0;
    for (int i = 0; i < 40 * 30 * 3; i++) coloured += image.rgb[i] > 100;
    assert_true(coloured > 100);
    pk_labels_close(labels);
    pk_image_free(&image);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_resize),  cmocka_unit_test(test_resize_enlarges),
        cmocka_unit_test(test_letterbox),
        cmocka_unit_test(test_resize_corner),
        cmocka_unit_test(test_sliver),  cmocka_unit_test(test_nms),
        cmocka_unit_test(test_every_class),
        cmocka_unit_test(test_yolox),   cmocka_unit_test(test_yolov8),
        cmocka_unit_test(test_yolov5),  cmocka_unit_test(test_nanodet),
        cmocka_unit_test(test_nanodet_g), cmocka_unit_test(test_nanodet_plus),
        cmocka_unit_test(test_ssd),     cmocka_unit_test(test_yolov5_fractions),
        cmocka_unit_test(test_families),
        cmocka_unit_test(test_draw),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
