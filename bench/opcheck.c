/* SPDX-License-Identifier: Apache-2.0 */
/*
 * opcheck --bench [isa] [filter]: times convolution layers of well-known networks on one thread and
 * prints GFLOP/s and the share of what a loop of nothing but fused multiply-adds reaches at that
 * moment; then the kernels that are bound by memory (bytes.c) in GB/s. Minimum of repeats, since
 * other work on the machine only ever adds time.
 *
 * A filter picks the lines whose network, layer or kernel text contains it.
 *
 * opcheck --limits [isa] prints what the machine can do at best, as JSON: multiply-adds on one
 * thread and reading from memory.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/alloc.h"
#include "bytes.h"
#include "kernels/aipp.h"
#include "kernels/conv.h"
#include "kernels/limits.h"

struct layer {
    const char *net;
    int ic, oc, size, k, s, groups; /* size: of the square input; padding k/2 */
    enum activation act;
    int planar, times;
    int scattered; /* the input in pieces of half a block, the last first */
    int made;      /* the input's rows made by AIPP of bytes in RGB888 */
};

static const struct layer layers[] = {
#define SILU(...) {"yolox_nano", __VA_ARGS__}
    SILU(3, 16, 416, 6, 2, 1, ACT_SWISH, 1, 1),    SILU(16, 16, 208, 3, 2, 16, ACT_SWISH, 0, 1),
    SILU(16, 32, 104, 1, 1, 1, ACT_SWISH, 0, 1),   SILU(32, 16, 104, 1, 1, 1, ACT_SWISH, 0, 2),
    SILU(16, 16, 104, 1, 1, 1, ACT_SWISH, 0, 2),   SILU(16, 16, 104, 3, 1, 16, ACT_SWISH, 0, 1),
    SILU(32, 32, 104, 1, 1, 1, ACT_SWISH, 0, 1),   SILU(32, 32, 104, 3, 2, 32, ACT_SWISH, 0, 1),
    SILU(32, 64, 52, 1, 1, 1, ACT_SWISH, 0, 1),    SILU(64, 32, 52, 1, 1, 1, ACT_SWISH, 0, 2),
    SILU(32, 32, 52, 1, 1, 1, ACT_SWISH, 0, 6),    SILU(32, 32, 52, 3, 1, 32, ACT_SWISH, 0, 3),
    SILU(64, 64, 52, 1, 1, 1, ACT_SWISH, 0, 9),    SILU(64, 64, 52, 3, 1, 64, ACT_SWISH, 0, 4),
    SILU(64, 64, 52, 3, 2, 64, ACT_SWISH, 0, 2),   SILU(64, 128, 26, 1, 1, 1, ACT_SWISH, 0, 1),
    SILU(128, 64, 26, 1, 1, 1, ACT_SWISH, 0, 4),   SILU(64, 64, 26, 1, 1, 1, ACT_SWISH, 0, 9),
    SILU(64, 64, 26, 3, 1, 64, ACT_SWISH, 0, 7),   SILU(128, 128, 26, 1, 1, 1, ACT_SWISH, 0, 2),
    SILU(128, 128, 26, 3, 2, 128, ACT_SWISH, 0, 1), SILU(128, 256, 13, 1, 1, 1, ACT_SWISH, 0, 1),
    SILU(512, 256, 13, 1, 1, 1, ACT_SWISH, 0, 1),  SILU(256, 128, 13, 1, 1, 1, ACT_SWISH, 0, 4),
    SILU(128, 128, 13, 1, 1, 1, ACT_SWISH, 0, 3),  SILU(128, 128, 13, 3, 1, 128, ACT_SWISH, 0, 2),
    SILU(256, 256, 13, 1, 1, 1, ACT_SWISH, 0, 2),
#undef SILU
#define SILU(...) {"yolov5n", __VA_ARGS__}
    SILU(3, 16, 640, 6, 2, 1, ACT_SWISH, 1, 1),    SILU(16, 32, 320, 3, 2, 1, ACT_SWISH, 0, 1),
    SILU(32, 16, 160, 1, 1, 1, ACT_SWISH, 0, 2),   SILU(16, 16, 160, 1, 1, 1, ACT_SWISH, 0, 1),
    SILU(16, 16, 160, 3, 1, 1, ACT_SWISH, 0, 1),   SILU(32, 32, 160, 1, 1, 1, ACT_SWISH, 0, 1),
    SILU(32, 64, 160, 3, 2, 1, ACT_SWISH, 0, 1),   SILU(64, 32, 80, 1, 1, 1, ACT_SWISH, 0, 4),
    SILU(32, 32, 80, 1, 1, 1, ACT_SWISH, 0, 3),    SILU(32, 32, 80, 3, 1, 1, ACT_SWISH, 0, 3),
    SILU(64, 64, 80, 1, 1, 1, ACT_SWISH, 0, 2),    SILU(64, 128, 80, 3, 2, 1, ACT_SWISH, 0, 1),
    SILU(128, 64, 40, 1, 1, 1, ACT_SWISH, 0, 5),   SILU(64, 64, 40, 1, 1, 1, ACT_SWISH, 0, 5),
    SILU(64, 64, 40, 3, 1, 1, ACT_SWISH, 0, 5),    SILU(128, 128, 40, 1, 1, 1, ACT_SWISH, 0, 3),
    SILU(128, 256, 40, 3, 2, 1, ACT_SWISH, 0, 1),  SILU(256, 128, 20, 1, 1, 1, ACT_SWISH, 0, 6),
    SILU(128, 128, 20, 3, 1, 1, ACT_SWISH, 0, 2),  SILU(256, 256, 20, 1, 1, 1, ACT_SWISH, 0, 2),
    SILU(512, 256, 20, 1, 1, 1, ACT_SWISH, 0, 1),
#undef SILU
#define RELU(...) {"mobilenetv2", __VA_ARGS__}
    RELU(3, 32, 224, 3, 2, 1, ACT_CLIP, 1, 1),     RELU(32, 32, 112, 3, 1, 32, ACT_CLIP, 0, 1),
    RELU(32, 16, 112, 1, 1, 1, ACT_NONE, 0, 1),    RELU(16, 96, 112, 1, 1, 1, ACT_CLIP, 0, 1),
    RELU(96, 96, 112, 3, 2, 96, ACT_CLIP, 0, 1),   RELU(96, 24, 56, 1, 1, 1, ACT_NONE, 0, 1),
    RELU(24, 144, 56, 1, 1, 1, ACT_CLIP, 0, 2),    RELU(144, 144, 56, 3, 1, 144, ACT_CLIP, 0, 1),
    RELU(144, 24, 56, 1, 1, 1, ACT_NONE, 0, 1),    RELU(144, 144, 56, 3, 2, 144, ACT_CLIP, 0, 1),
    RELU(144, 32, 28, 1, 1, 1, ACT_NONE, 0, 1),    RELU(32, 192, 28, 1, 1, 1, ACT_CLIP, 0, 3),
    RELU(192, 192, 28, 3, 1, 192, ACT_CLIP, 0, 2), RELU(192, 32, 28, 1, 1, 1, ACT_NONE, 0, 2),
    RELU(192, 64, 14, 1, 1, 1, ACT_NONE, 0, 1),    RELU(64, 384, 14, 1, 1, 1, ACT_CLIP, 0, 4),
    RELU(384, 384, 14, 3, 1, 384, ACT_CLIP, 0, 4), RELU(384, 64, 14, 1, 1, 1, ACT_NONE, 0, 3),
    RELU(576, 96, 14, 1, 1, 1, ACT_NONE, 0, 2),    RELU(960, 160, 7, 1, 1, 1, ACT_NONE, 0, 2),
    RELU(160, 960, 7, 1, 1, 1, ACT_CLIP, 0, 3),    RELU(960, 960, 7, 3, 1, 960, ACT_CLIP, 0, 3),
    RELU(320, 1280, 7, 1, 1, 1, ACT_CLIP, 0, 1),
#undef RELU
#define RELU(...) {"resnet50", __VA_ARGS__}
    RELU(3, 64, 224, 7, 2, 1, ACT_RELU, 1, 1),     RELU(64, 64, 56, 1, 1, 1, ACT_RELU, 0, 1),
    RELU(64, 64, 56, 3, 1, 1, ACT_RELU, 0, 3),     RELU(64, 256, 56, 1, 1, 1, ACT_RELU, 0, 4),
    RELU(256, 64, 56, 1, 1, 1, ACT_RELU, 0, 2),    RELU(256, 128, 56, 1, 1, 1, ACT_RELU, 0, 1),
    RELU(128, 128, 56, 3, 2, 1, ACT_RELU, 0, 1),   RELU(128, 512, 28, 1, 1, 1, ACT_RELU, 0, 4),
    RELU(256, 512, 56, 1, 2, 1, ACT_NONE, 0, 1),   RELU(512, 128, 28, 1, 1, 1, ACT_RELU, 0, 3),
    RELU(128, 128, 28, 3, 1, 1, ACT_RELU, 0, 3),   RELU(512, 256, 28, 1, 1, 1, ACT_RELU, 0, 1),
    RELU(256, 256, 28, 3, 2, 1, ACT_RELU, 0, 1),   RELU(256, 1024, 14, 1, 1, 1, ACT_RELU, 0, 6),
    RELU(512, 1024, 28, 1, 2, 1, ACT_NONE, 0, 1),  RELU(1024, 256, 14, 1, 1, 1, ACT_RELU, 0, 5),
    RELU(256, 256, 14, 3, 1, 1, ACT_RELU, 0, 5),   RELU(1024, 512, 14, 1, 1, 1, ACT_RELU, 0, 1),
    RELU(512, 512, 14, 3, 2, 1, ACT_RELU, 0, 1),   RELU(512, 2048, 7, 1, 1, 1, ACT_RELU, 0, 3),
    RELU(1024, 2048, 14, 1, 2, 1, ACT_NONE, 0, 1), RELU(2048, 512, 7, 1, 1, 1, ACT_RELU, 0, 2),
    RELU(512, 512, 7, 3, 1, 1, ACT_RELU, 0, 2),
#undef RELU
#define RELU(...) {"squeezenet1.1", __VA_ARGS__}
    RELU(3, 64, 224, 3, 2, 1, ACT_RELU, 1, 1),     RELU(64, 16, 55, 1, 1, 1, ACT_RELU, 0, 1),
    RELU(16, 64, 55, 1, 1, 1, ACT_RELU, 0, 2),     RELU(16, 64, 55, 3, 1, 1, ACT_RELU, 0, 2),
    RELU(128, 16, 55, 1, 1, 1, ACT_RELU, 0, 1),    RELU(128, 32, 27, 1, 1, 1, ACT_RELU, 0, 1),
    RELU(32, 128, 27, 1, 1, 1, ACT_RELU, 0, 2),    RELU(32, 128, 27, 3, 1, 1, ACT_RELU, 0, 2),
    RELU(256, 32, 27, 1, 1, 1, ACT_RELU, 0, 1),    RELU(256, 48, 13, 1, 1, 1, ACT_RELU, 0, 1),
    RELU(48, 192, 13, 1, 1, 1, ACT_RELU, 0, 2),    RELU(48, 192, 13, 3, 1, 1, ACT_RELU, 0, 2),
    RELU(384, 48, 13, 1, 1, 1, ACT_RELU, 0, 1),    RELU(384, 64, 13, 1, 1, 1, ACT_RELU, 0, 1),
    RELU(64, 256, 13, 1, 1, 1, ACT_RELU, 0, 2),    RELU(64, 256, 13, 3, 1, 1, ACT_RELU, 0, 2),
    RELU(512, 64, 13, 1, 1, 1, ACT_RELU, 0, 1),    RELU(512, 1000, 13, 1, 1, 1, ACT_RELU, 0, 1),
#undef RELU
#define RELU(...) {"shufflenetv2", __VA_ARGS__}
    RELU(3, 24, 224, 3, 2, 1, ACT_RELU, 1, 1),     RELU(24, 24, 56, 3, 2, 24, ACT_NONE, 0, 1),
    RELU(24, 58, 28, 1, 1, 1, ACT_RELU, 0, 1),     RELU(24, 58, 56, 1, 1, 1, ACT_RELU, 0, 1),
    RELU(58, 58, 56, 3, 2, 58, ACT_NONE, 0, 1),    RELU(58, 58, 28, 1, 1, 1, ACT_RELU, 0, 7),
    RELU(58, 58, 28, 3, 1, 58, ACT_NONE, 0, 3),    RELU(116, 116, 28, 3, 2, 116, ACT_NONE, 0, 1),
    RELU(116, 116, 28, 1, 1, 1, ACT_RELU, 0, 1),   RELU(116, 116, 14, 1, 1, 1, ACT_RELU, 0, 16),
    RELU(116, 116, 14, 3, 1, 116, ACT_NONE, 0, 7), RELU(232, 232, 14, 3, 2, 232, ACT_NONE, 0, 2),
    RELU(232, 232, 14, 1, 1, 1, ACT_RELU, 0, 1),   RELU(232, 232, 7, 1, 1, 1, ACT_RELU, 0, 8),
    RELU(232, 232, 7, 3, 1, 232, ACT_NONE, 0, 3),  RELU(464, 1024, 7, 1, 1, 1, ACT_RELU, 0, 1),
#undef RELU
#define ALONE(...) {"alone", __VA_ARGS__, 0, 0}
    ALONE(512, 512, 20, 1, 1, 1, ACT_NONE), ALONE(512, 512, 7, 1, 1, 1, ACT_NONE),
    ALONE(64, 64, 56, 3, 1, 1, ACT_RELU),   ALONE(128, 128, 28, 3, 1, 1, ACT_RELU),
    ALONE(256, 256, 14, 3, 1, 1, ACT_RELU), ALONE(512, 512, 7, 3, 1, 1, ACT_RELU),
    ALONE(128, 128, 80, 3, 1, 1, ACT_RELU), ALONE(24, 24, 104, 1, 1, 1, ACT_NONE),
    ALONE(58, 58, 40, 1, 1, 1, ACT_NONE),   ALONE(64, 64, 26, 5, 1, 64, ACT_RELU),
    ALONE(64, 64, 26, 5, 2, 64, ACT_RELU),  ALONE(64, 64, 26, 5, 1, 1, ACT_RELU),
    {"alone", 3, 64, 224, 7, 2, 1, ACT_RELU, 1, 0}, {"alone", 3, 24, 416, 3, 2, 1, ACT_RELU, 1, 0},
    ALONE(116, 116, 26, 1, 1, 1, ACT_RELU),
    {"pieces", 116, 116, 26, 1, 1, 1, ACT_RELU, 0, 0, 1},
    {"aipp", 3, 16, 416, 6, 2, 1, ACT_SWISH, 1, 0, .made = 1},
    {"aipp", 3, 32, 224, 3, 2, 1, ACT_CLIP, 1, 0, .made = 1},
    {"aipp", 3, 64, 224, 7, 2, 1, ACT_RELU, 1, 0, .made = 1},
#undef ALONE
};

static double now_us(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec * 1e-3;
}

static void *filled(size_t floats) {
    float *p = mem_alloc_aligned(floats * sizeof(float));
    if (!p) {
        fprintf(stderr, "opcheck: out of memory\n");
        exit(1);
    }
    for (size_t i = 0; i < floats; i++) p[i] = (float)(i % 17) * 0.05f - 0.4f;
    return p;
}

static double bench(const struct kernels *k, const struct layer *l, double *gflop, double *least) {
    const int pad = l->k == 6 ? 2 : l->k / 2, out = (l->size + 2 * pad - l->k) / l->s + 1;
    struct conv_desc d = {.n = 1, .ic = l->ic, .ih = l->size, .iw = l->size, .oc = l->oc, .oh = out,
                          .ow = out, .kh = l->k, .kw = l->k, .sh = l->s, .sw = l->s, .dh = 1,
                          .dw = 1, .pt = pad, .pl = pad, .groups = l->groups, .act = l->act,
                          .beta = 6,
                          .src = l->planar ? CONV_PLANAR : CONV_BLOCKED, .made = l->made};
    const int piece = k->vl / 2;
    if (l->scattered) d.n_pieces = (l->ic + piece - 1) / piece;
    struct conv_plan p;
    if (conv_plan_init(k, &d, &p) != STATUS_OK) {
        fprintf(stderr, "opcheck: %s\n", status_message());
        exit(1);
    }
    const size_t in = (size_t)l->size * (size_t)l->size, pixels = (size_t)out * (size_t)out;
    const size_t vl = (size_t)k->vl;
    float *src = filled((l->planar ? (size_t)l->ic : (size_t)p.icb * vl) * in);
    float *dst = filled((size_t)p.ocb * vl * pixels);
    size_t taps = (size_t)(l->k * l->k);
    float *w = filled((size_t)(l->oc * (l->ic / l->groups)) * taps);
    float *packed = filled(p.packed_bytes / sizeof(float) + 1);
    char *scratch = filled(p.scratch_bytes / sizeof(float) + 1);
    conv_pack(&p, w, NULL, packed);
    struct conv_args a = {.src = src, .src_channel = (int64_t)(l->planar ? in : in * vl),
                          .dst = dst, .dst_channel = (int64_t)(pixels * vl)};
    struct conv_source *sources = calloc((size_t)d.n_pieces + 1, sizeof *sources);
    for (int i = 0; sources && i < d.n_pieces; i++) {
        const int c = (d.n_pieces - 1 - i) * piece, left = l->ic - c;
        sources[i] = (struct conv_source){src + c / k->vl * a.src_channel + c % k->vl, 0,
                                          left < piece ? left : piece};
    }
    a.sources = sources;
    if (!sources) exit(1);
    struct aipp picture; /* of what `src` holds, as bytes */
    aipp_init(&picture, AIPP_RGB888_U8, l->size, l->size);
    picture.channels = 3;
    void *maker = filled(aipp_scratch_bytes() / sizeof(float) + 1);
    if (l->made) {
        a.make_row = k->aipp->row;
        a.maker = maker;
    }
    *gflop = 2e-9 * (double)(l->ic / l->groups) * (double)l->oc * (double)taps * (double)pixels;
    /* The least time of each tile, summed: a tile is short enough to escape the other work. */
    double peak = limits_fma_gflops(k->isa), best = 0, spent = 0, least_us[2][64];
    for (int i = 0; i < 400 && (i < 6 || spent < 40e3); i++)
        for (int s = 0; s < p.n_steps; s++)
            for (int tile = 0; tile < p.n_tiles[s]; tile++) {
                double t = now_us();
                if (l->made) k->aipp->start(maker, &picture, (const uint8_t *)src);
                conv_run(&p, packed, &a, s, tile, scratch);
                t = now_us() - t;
                spent += t;
                if (tile < 64 && (i == 0 || t < least_us[s][tile])) least_us[s][tile] = t;
            }
    for (int s = 0; s < p.n_steps; s++)
        for (int tile = 0; tile < p.n_tiles[s] && tile < 64; tile++) best += least_us[s][tile];
    double rate = *gflop / best * 1e6;
    printf("%-11s %4d %4d @%-3d %dx%d s%d %s act%-2d %-14s %3d tiles %8.1f us (est %7.1f) "
           "%6.1f GF/s %4.0f%%\n",
           l->net, l->ic, l->oc, l->size, l->k, l->k, l->s, l->groups > 1 ? "dw" : "  ", l->act,
           p.name, p.n_tiles[0], best, p.cost_us, rate, 100 * rate / peak);
    *least = *gflop / peak * 1e6;
    mem_free(src);
    mem_free(dst);
    mem_free(w);
    mem_free(packed);
    mem_free(scratch);
    mem_free(maker);
    free(sources);
    return best;
}

int main(int argc, char **argv) {
    const int limits = argc > 1 && !strcmp(argv[1], "--limits");
    if (argc < 2 || (!limits && strcmp(argv[1], "--bench"))) {
        fprintf(stderr, "usage: opcheck --bench [isa] [filter] | --limits [isa]\n");
        return 2;
    }
    const struct kernels *k = NULL;
    for (int i = 0; i < ISA_COUNT; i++)
        if (argc > 2 ? !strcmp(argv[2], isa_name((enum isa)i)) : (enum isa)i == isa_selected())
            k = kernels_for((enum isa)i);
    if (!k) {
        fprintf(stderr, "opcheck: this machine has no %s\n", argc > 2 ? argv[2] : "kernels");
        return 2;
    }
    if (limits) {
        printf("{\"isa\": \"%s\", \"fma_gflops\": %.1f, \"memory_gbs\": %.1f}\n", k->name,
               limits_fma_gflops(k->isa), limits_memory_gbs());
        return 0;
    }
    const char *filter = argc > 3 ? argv[3] : "", *net = NULL;
    double sum = 0, work = 0, ideal = 0;
    printf("%s: limit %.0f GF/s\n", k->name, limits_fma_gflops(k->isa));
    for (size_t i = 0; i <= sizeof layers / sizeof *layers; i++) {
        const struct layer *l = i < sizeof layers / sizeof *layers ? &layers[i] : NULL;
        if (net && (!l || strcmp(net, l->net)) && sum > 0)
            printf("%-11s all layers %.2f ms, %.1f GF/s, %.0f%% of the limit\n", net, sum * 1e-3,
                   work / sum * 1e6, 100 * ideal / sum);
        if (!l) break;
        if (!net || strcmp(net, l->net)) sum = work = ideal = 0;
        net = l->net;
        char text[80];
        snprintf(text, sizeof text, "%s %d->%d@%d k%d s%d %s", l->net, l->ic, l->oc, l->size, l->k,
                 l->s, l->groups > 1 ? "dw" : "");
        if (!strstr(text, filter)) continue;
        double gflop, least, t = bench(k, l, &gflop, &least);
        sum += t * l->times;
        work += gflop * l->times;
        ideal += least * l->times;
    }
    bench_bytes(k, filter);
    return 0;
}
