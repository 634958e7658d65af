/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What pictures cost: scaling and conversion of src/media beside libswscale and libyuv, each in one
 * thread, on the same pictures. A library that is not there has no column.
 *
 * usage: bench_pictures [ROUNDS]
 *
 * Columns: milliseconds of the fastest of ROUNDS (default 30) runs, and the PSNR in dB of ours
 * against the other's result. Formulas differ: libswscale widens its filter when it shrinks a
 * picture, libyuv may average; OpenCV's formula, which ours is, takes two samples.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#ifdef HAVE_SWSCALE
#include <libavutil/pixfmt.h>
#include <libswscale/swscale.h>
#endif
#ifdef HAVE_LIBYUV
#include <libyuv.h>
#endif

#include "media/media.h"

struct task {
    const char *name;
    int from, to;
    uint32_t width, height, new_width, new_height;
};

static const struct task tasks[] = {
    {"scale NV12 1920x1080 to 640x640", FORMAT_NV12, FORMAT_NV12, 1920, 1080, 640, 640},
    {"scale NV12 1920x1080 to 960x540", FORMAT_NV12, FORMAT_NV12, 1920, 1080, 960, 540},
    {"scale NV12 640x480 to 1280x720", FORMAT_NV12, FORMAT_NV12, 640, 480, 1280, 720},
    {"scale RGB 1920x1080 to 640x640", FORMAT_RGB, FORMAT_RGB, 1920, 1080, 640, 640},
    {"scale RGB 640x480 to 1280x720", FORMAT_RGB, FORMAT_RGB, 640, 480, 1280, 720},
    {"convert NV12 1920x1080 to RGB", FORMAT_NV12, FORMAT_RGB, 1920, 1080, 1920, 1080},
    {"convert RGB 1920x1080 to NV12", FORMAT_RGB, FORMAT_NV12, 1920, 1080, 1920, 1080},
    {"NV12 1920x1080 to RGB 640x640", FORMAT_NV12, FORMAT_RGB, 1920, 1080, 640, 640},
};

static struct picture make(int format, uint32_t width, uint32_t height) {
    struct picture p = {.format = format, .width = width, .height = height, .rows = height};
    p.stride = format == FORMAT_RGB ? 3 * width : width;
    p.bytes = picture_bytes(&p);
    p.data = calloc(1, p.bytes + 64);
    if (!p.data) exit(1);
    return p;
}

/* Smooth, as photographs are, with some grain. */
static void fill(struct picture *p) {
    for (size_t i = 0; i < p->bytes; i++) {
        double x = (double)(i % p->stride), y = (double)(i / p->stride);
        double wave = 128 + 60 * sin(x / 37) + 50 * cos(y / 23);
        p->data[i] = (uint8_t)(wave + (double)(i * 2654435761U >> 29 & 3));
    }
}

static double now_ms(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static double psnr(const struct picture *a, const struct picture *b) {
    double sum = 0;
    for (size_t i = 0; i < a->bytes; i++) {
        double d = (double)a->data[i] - b->data[i];
        sum += d * d;
    }
    return sum == 0 ? 99.9 : 10 * log10(255.0 * 255 * (double)a->bytes / sum);
}

static struct media media = {.alloc = malloc, .free = free};

static int run_ours(const struct picture *src, struct picture *dst) {
    return picture_transform(&media, src, (struct rect){0, 0, src->width, src->height}, dst,
                             (struct rect){0, 0, dst->width, dst->height}, SCALE_BILINEAR,
                             CSC_601_WIDE) == MEDIA_OK;
}

#ifdef HAVE_SWSCALE
static struct SwsContext *scaler;

static int run_swscale(const struct picture *src, struct picture *dst) {
    int from = src->format == FORMAT_RGB ? AV_PIX_FMT_RGB24 : AV_PIX_FMT_NV12;
    int to = dst->format == FORMAT_RGB ? AV_PIX_FMT_RGB24 : AV_PIX_FMT_NV12;
    if (!scaler) {
        scaler = sws_getContext((int)src->width, (int)src->height, from, (int)dst->width,
                                (int)dst->height, to, SWS_BILINEAR, NULL, NULL, NULL);
        const int *matrix = sws_getCoefficients(SWS_CS_ITU601);
        if (!scaler) return 0;
        sws_setColorspaceDetails(scaler, matrix, 1, matrix, 1, 0, 1 << 16, 1 << 16);
    }
    const uint8_t *in[4] = {src->data, src->data + (size_t)src->stride * src->rows};
    uint8_t *out[4] = {dst->data, dst->data + (size_t)dst->stride * dst->rows};
    const int in_strides[4] = {(int)src->stride, (int)src->stride};
    const int out_strides[4] = {(int)dst->stride, (int)dst->stride};
    return sws_scale(scaler, in, in_strides, 0, (int)src->height, out, out_strides) > 0;
}
#endif

#ifdef HAVE_LIBYUV
/* Its RGB is BGR in names. It scales no RGB of three bytes, and does no two things at once. */
static int run_libyuv(const struct picture *src, struct picture *dst) {
    const uint8_t *uv = src->data + (size_t)src->stride * src->rows;
    uint8_t *to_uv = dst->data + (size_t)dst->stride * dst->rows;
    int w = (int)src->width, h = (int)src->height, s = (int)src->stride, d = (int)dst->stride;
    bool same = src->width == dst->width && src->height == dst->height;
    if (src->format == FORMAT_NV12 && dst->format == FORMAT_NV12)
        return NV12Scale(src->data, s, uv, s, w, h, dst->data, d, to_uv, d, (int)dst->width,
                         (int)dst->height, kFilterBilinear) == 0;
    if (src->format == FORMAT_NV12 && same)
        return NV12ToRGB24Matrix(src->data, s, uv, s, dst->data, d, &kYvuJPEGConstants, w, h) == 0;
    return 0;
}
#endif

static double best_of(int rounds, int (*run)(const struct picture *, struct picture *),
                      const struct picture *src, struct picture *dst) {
    double best = 1e9;
    for (int i = 0; i < rounds; i++) {
        double start = now_ms();
        if (!run(src, dst)) return -1;
        double took = now_ms() - start;
        if (took < best) best = took;
    }
    return best;
}

static void compare(const char *name, int rounds,
                    int (*run)(const struct picture *, struct picture *),
                    const struct picture *src, const struct picture *ours) {
    struct picture theirs = make(ours->format, ours->width, ours->height);
    double ms = best_of(rounds, run, src, &theirs);
    if (ms < 0) printf("  %10s %8s", "-", "");
    else printf("  %10.2f %5.1f dB", ms, psnr(ours, &theirs));
    free(theirs.data);
    (void)name;
}

int main(int argc, char **argv) {
    int rounds = argc > 1 ? atoi(argv[1]) : 30;
    if (rounds < 1 || argc > 2) return fputs("usage: bench_pictures [ROUNDS]\n", stderr), 2;
    printf("%-34s %8s", "", "ours, ms");
#ifdef HAVE_SWSCALE
    printf("  %19s", "libswscale");
#endif
#ifdef HAVE_LIBYUV
    printf("  %19s", "libyuv");
#endif
    putchar('\n');
    for (size_t i = 0; i < sizeof tasks / sizeof *tasks; i++) {
        const struct task *t = &tasks[i];
        struct picture src = make(t->from, t->width, t->height);
        struct picture dst = make(t->to, t->new_width, t->new_height);
        fill(&src);
        double ms = best_of(rounds, run_ours, &src, &dst);
        if (ms < 0) return fprintf(stderr, "%s: %s\n", t->name, media.text), 1;
        printf("%-34s %8.2f", t->name, ms);
#ifdef HAVE_SWSCALE
        compare("libswscale", rounds, run_swscale, &src, &dst);
        sws_freeContext(scaler);
        scaler = NULL;
#endif
#ifdef HAVE_LIBYUV
        compare("libyuv", rounds, run_libyuv, &src, &dst);
#endif
        putchar('\n');
        free(src.data);
        free(dst.data);
    }
    return 0;
}
