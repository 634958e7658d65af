/* SPDX-License-Identifier: Apache-2.0 */
/* AIPP kernels against the reference, bit for bit: every format, random parameters, rows cut into
 * tiles anywhere. */
#include "support.h"

#include <string.h>

#include "kernels/aipp.h"
#include "ops/aipp.h"

static const int formats[] = {AIPP_YUV420SP_U8, AIPP_XRGB8888_U8, AIPP_RGB888_U8, AIPP_YUV400_U8,
                              AIPP_ARGB8888_U8, AIPP_YUYV_U8, AIPP_YUV422SP_U8, AIPP_AYUV444_U8};
enum { N_FORMATS = sizeof formats / sizeof formats[0] };

static bool flip(void) { return random_int(0, 1) == 1; }

static void random_step(struct aipp *a) {
    a->rbuv_swap = flip();
    a->csc = a->channels > 1 && flip();
    a->ax_swap = a->channels == 4 && flip();
    for (int i = 0; i < 9; i++) a->matrix[i] = random_int(-600, 600);
    if (random_int(0, 9) == 0) a->matrix[random_int(0, 8)] = flip() ? -32768 : 32767;
    for (int i = 0; i < 3; i++) {
        a->input_bias[i] = random_int(0, 255);
        a->output_bias[i] = random_int(0, 255);
    }
    if (a->channels == 4 && flip()) a->channels = 3;
    for (int i = 0; i < 4; i++) {
        a->mean[i] = random_int(0, 255);
        a->min[i] = flip() ? 0 : random_float(0, 255);
        a->var_reci[i] = random_float(-2, 2);
    }
}

static struct aipp random_parameters(int format) {
    struct aipp a;
    const int most = random_int(0, 3) ? 40 : 400;
    int w = random_int(1, most), h = random_int(1, 24);
    if (format == AIPP_YUV420SP_U8) h *= 2;
    if (format == AIPP_YUV420SP_U8 || format == AIPP_YUV422SP_U8 || format == AIPP_YUYV_U8) w *= 2;
    aipp_init(&a, format, w, h);
    random_step(&a);
    if (flip()) {
        a.crop_x = random_int(0, w - 1) & (format == AIPP_YUV420SP_U8 ? ~1 : ~0);
        a.crop_y = random_int(0, h - 1) & (format == AIPP_YUV420SP_U8 ? ~1 : ~0);
        a.crop_w = random_int(1, w - a.crop_x);
        a.crop_h = random_int(1, h - a.crop_y);
    }
    a.resize = random_int(0, 2) == 0;
    a.resize_w = random_int(16, 90);
    a.resize_h = random_int(16, 50);
    if (flip()) {
        a.left = random_int(0, 32);
        a.right = random_int(0, 32);
        a.top = random_int(0, 9);
        a.bottom = random_int(0, 9);
        a.padding_value = random_float(-9, 9);
    }
    assert_int_equal(aipp_check(&a), STATUS_OK);
    return a;
}

static void check(const struct kernels *k, const struct aipp *a) {
    int w, h;
    char what[200];
    snprintf(what, sizeof what, "%s %s %dx%d crop %d,%d %dx%d resize %d csc %d channels %d",
             k->name, aipp_format_name(a->format), a->src_w, a->src_h, a->crop_x, a->crop_y,
             a->crop_w, a->crop_h, a->resize, a->csc, a->channels);
    aipp_output_size(a, &w, &h);
    const struct shape p = aipp_picture_shape(a->format, 1, a->src_h, a->src_w);
    const int64_t n = (int64_t)w * h * a->channels;
    uint8_t *src = source_bytes((size_t)shape_elements(&p));
    float *want = mem_alloc((size_t)n * sizeof *want), *got = guarded_floats(n);
    void *scratch = mem_alloc_aligned(aipp_scratch_bytes());
    assert_true(want && scratch);
    memset(scratch, 0xff, aipp_scratch_bytes());
    aipp_reference(a, src, want);
    for (int y = 0, left = 0; y < h; y++, left--) {
        if (left == 0) {
            left = random_int(1, h - y);
            k->aipp->start(scratch, a, src);
        }
        k->aipp->row(scratch, y, got + (int64_t)y * w, (int64_t)w * h);
    }
    for (int64_t i = 0; i < n; i++)
        if (memcmp(&want[i], &got[i], sizeof *got))
            fail_msg("%s: element %lld is %.9g instead of %.9g", what, (long long)i,
                     (double)got[i], (double)want[i]);
    guarded_free(got, (size_t)n * sizeof *got, what);
    mem_free(src);
    mem_free(want);
    mem_free(scratch);
}

static void test_random(void **state) {
    (void)state;
    FOR_EACH_ISA(k)
        for (int i = 0; i < 40 * N_FORMATS; i++) {
            struct aipp a = random_parameters(formats[i % N_FORMATS]);
            check(k, &a);
        }
}

/* The largest rows there are, at which scratch is full. */
static void test_wide(void **state) {
    (void)state;
    FOR_EACH_ISA(k)
        for (int i = 0; i < N_FORMATS; i++) {
            struct aipp a;
            aipp_init(&a, formats[i], AIPP_MAX_SIZE, 2);
            random_step(&a);
            a.left = a.right = 32;
            check(k, &a);
            a.resize = true;
            a.resize_w = AIPP_MAX_SIZE;
            a.resize_h = 16;
            check(k, &a);
        }
}

int main(int argc, char **argv) {
    random_start(argc, argv);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random),
        cmocka_unit_test(test_wide),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
