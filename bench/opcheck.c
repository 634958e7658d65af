/* SPDX-License-Identifier: Apache-2.0 */
/*
 * opcheck --bench [--plain] [isa] [FILTER] [MODEL.om...]: times convolutions alone on one thread,
 * and prints GFLOP/s beside what a loop of nothing but fused multiply-adds reaches at that moment,
 * and the GB/s of input, output and weights beside what reading from memory reaches; the worst
 * first. With models it is every distinct convolution of theirs, as planned; without, a few that
 * stand for others, and the kernels that are bound by memory (bytes.c). Minimum of repeats, since
 * other work on the machine only ever adds time.
 *
 * A filter picks the lines whose text contains it; --plain leaves activations and residuals out.
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
#include "exec/model.h"
#include "kernels/aipp.h"
#include "kernels/conv.h"
#include "kernels/limits.h"
#include "om/om.h"
#include "plan/conv_steps.h"

struct layer {
    char net[32];
    struct conv_desc d;
    int times;
    /* measured */
    char kernel[48];
    int tiles;
    double us, estimate, gflops, gbs, share;
};

struct layers {
    struct layer *at;
    int n, room;
};

static void stop(const char *what) {
    fprintf(stderr, "opcheck: %s\n", what);
    exit(1);
}

static struct layer *add(struct layers *all) {
    if (all->n == all->room) {
        all->room = all->room ? all->room * 2 : 64;
        all->at = realloc(all->at, (size_t)all->room * sizeof *all->at);
        if (!all->at) stop("out of memory");
    }
    struct layer *l = &all->at[all->n++];
    *l = (struct layer){.times = 1};
    return l;
}

/* ---- a few that stand for others ---- */

/* Square, padded to keep the size but for the stride. */
static void add_square(struct layers *all, int vl, int ic, int oc, int size, int k, int s,
                       enum activation act, const char *what) {
    const int pad = k == 6 ? 2 : k / 2, out = (size + 2 * pad - k) / s + 1;
    struct layer *l = add(all);
    snprintf(l->net, sizeof l->net, "%s", what);
    l->d = (struct conv_desc){.n = 1, .ic = ic, .ih = size, .iw = size, .oc = oc, .oh = out,
                              .ow = out, .kh = k, .kw = k, .sh = s, .sw = s, .dh = 1, .dw = 1,
                              .pt = pad, .pl = pad, .act = act, .beta = 6,
                              .made = !strcmp(what, "aipp"),
                              .groups = !strcmp(what, "depthwise") ? ic : 1,
                              .src = ic < 4 ? CONV_PLANAR : CONV_BLOCKED};
    if (!strcmp(what, "pieces")) l->d.n_pieces = (ic + vl / 2 - 1) / (vl / 2);
}

static void add_chosen(struct layers *all, int vl) {
    static const struct {
        const char *what;
        int ic, oc, size, k, s;
        enum activation act;
    } chosen[] = {
        {"dense", 512, 512, 20, 1, 1, ACT_NONE},     {"dense", 512, 512, 7, 1, 1, ACT_NONE},
        {"dense", 64, 64, 26, 5, 1, ACT_RELU},       {"narrow", 24, 24, 104, 1, 1, ACT_NONE},
        {"narrow", 58, 58, 40, 1, 1, ACT_NONE},      {"narrow", 32, 32, 104, 1, 1, ACT_SWISH},
        {"narrow", 16, 96, 112, 1, 1, ACT_CLIP},     {"narrow", 144, 24, 56, 1, 1, ACT_NONE},
        {"pieces", 116, 116, 26, 1, 1, ACT_RELU},    {"", 116, 116, 26, 1, 1, ACT_RELU},
        {"3x3", 16, 16, 160, 3, 1, ACT_SWISH},       {"3x3", 64, 64, 56, 3, 1, ACT_RELU},
        {"3x3", 128, 128, 28, 3, 1, ACT_RELU},       {"3x3", 256, 256, 14, 3, 1, ACT_RELU},
        {"3x3", 512, 512, 7, 3, 1, ACT_RELU},        {"3x3", 128, 128, 80, 3, 1, ACT_RELU},
        {"stride 2", 16, 32, 320, 3, 2, ACT_SWISH},  {"stride 2", 64, 128, 80, 3, 2, ACT_SWISH},
        {"stride 2", 512, 512, 14, 3, 2, ACT_RELU},  {"stride 2", 256, 512, 56, 1, 2, ACT_NONE},
        {"depthwise", 32, 32, 112, 3, 1, ACT_CLIP},  {"depthwise", 384, 384, 14, 3, 1, ACT_CLIP},
        {"depthwise", 96, 96, 112, 3, 2, ACT_CLIP},  {"depthwise", 64, 64, 52, 3, 1, ACT_SWISH},
        {"depthwise", 64, 64, 26, 5, 1, ACT_RELU},   {"depthwise", 64, 64, 26, 5, 2, ACT_RELU},
        {"stem", 3, 16, 416, 6, 2, ACT_SWISH},       {"stem", 3, 24, 416, 3, 2, ACT_RELU},
        {"stem", 3, 32, 224, 3, 2, ACT_CLIP},        {"stem", 3, 64, 224, 7, 2, ACT_RELU},
        {"aipp", 3, 16, 416, 6, 2, ACT_SWISH},       {"aipp", 3, 32, 224, 3, 2, ACT_CLIP},
        {"aipp", 3, 64, 224, 7, 2, ACT_RELU},
    };
    for (size_t i = 0; i < sizeof chosen / sizeof *chosen; i++)
        add_square(all, vl, chosen[i].ic, chosen[i].oc, chosen[i].size, chosen[i].k, chosen[i].s,
                   chosen[i].act, chosen[i].what);
}

/* ---- those of models ---- */

static void add_distinct(struct layers *all, const char *net, const struct conv_desc *d) {
    struct layer *l = NULL;
    for (int i = 0; i < all->n && !l; i++)
        if (!memcmp(&all->at[i].d, d, sizeof *d)) l = &all->at[i];
    if (l) {
        l->times++;
        return;
    }
    l = add(all);
    snprintf(l->net, sizeof l->net, "%s", net);
    l->d = *d;
}

static enum status add_model(struct layers *all, const char *path) {
    struct graph *g;
    struct device *device;
    struct model *m = NULL;
    struct instance *r = NULL;
    TRY(om_read_file(path, NULL, &g));
    TRY(device_create(1, &device));
    TRY(model_create(g, device, &m));
    TRY(instance_create(m, &r));
    instance_profile(r, true);
    const struct graph *borders = model_graph(m);
    for (int i = 0; i < borders->n_inputs; i++) {
        const struct tensor *x = &borders->tensors[borders->inputs[i]];
        const size_t bytes = (size_t)shape_elements(&x->shape) * dtype_size(x->dtype);
        void *data = calloc(bytes + 1, 1); /* lives as long as the process */
        if (!data) stop("out of memory");
        TRY(instance_set_input(r, i, x->shape, data, bytes));
    }
    TRY(instance_run(r, 0));
    const char *base = strrchr(path, '/') ? strrchr(path, '/') + 1 : path;
    char net[32];
    snprintf(net, sizeof net, "%.*s", (int)strcspn(base, "."), base);
    const struct step_time *times;
    const int n = instance_step_times(r, &times);
    for (int i = 0; i < n; i++)
        if (times[i].conv) add_distinct(all, net, &times[i].conv->plan.d);
    instance_destroy(r);
    model_destroy(m);
    device_destroy(device);
    return STATUS_OK;
}

/* ---- one ---- */

static double now_us(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec * 1e-3;
}

static void *filled(size_t floats) {
    float *p = mem_alloc_aligned(floats * sizeof(float));
    if (!p) stop("out of memory");
    for (size_t i = 0; i < floats; i++) p[i] = (float)(i % 17) * 0.05f - 0.4f;
    return p;
}

static void bench(const struct kernels *k, struct layer *l) {
    const struct conv_desc *d = &l->d;
    struct conv_plan p;
    if (conv_plan_init(k, d, &p) != STATUS_OK) stop(status_message());
    const size_t vl = (size_t)k->vl, images = (size_t)d->n;
    const size_t in = (size_t)d->ih * (size_t)d->iw, out = (size_t)d->oh * (size_t)d->ow;
    const size_t lanes = d->src == CONV_PLANAR ? (size_t)d->ic : (size_t)p.icb * vl;
    const size_t outputs = (size_t)p.ocb * vl * out, inputs = lanes * in;
    float *src = filled(inputs * images), *dst = filled(outputs * images);
    float *residual = d->residual ? filled(outputs * images) : NULL;
    const size_t taps = (size_t)d->kh * (size_t)d->kw, icg = (size_t)(d->ic / d->groups);
    float *w = filled((size_t)d->oc * icg * taps);
    float *packed = filled(p.packed_bytes / sizeof(float) + 1);
    char *scratch = filled(p.scratch_bytes / sizeof(float) + 1);
    conv_pack(&p, w, NULL, packed);
    struct conv_args a = {.src = src, .src_batch = (int64_t)inputs, .dst = dst,
                          .dst_batch = (int64_t)outputs,
                          .src_channel = (int64_t)(d->src == CONV_PLANAR ? in : in * vl),
                          .residual = residual, .residual_batch = (int64_t)outputs,
                          .residual_channel = (int64_t)(out * vl)};
    a.dst_channel = d->dst == CONV_BLOCKED ? (int64_t)(out * vl)
                    : d->dst == CONV_PLANAR ? (int64_t)out
                                            : (int64_t)p.ocb * (int64_t)vl;
    /* The last piece first, so that they are scattered. */
    struct conv_source *sources = calloc((size_t)d->n_pieces + 1, sizeof *sources);
    if (!sources) stop("out of memory");
    for (int i = 0; i < d->n_pieces; i++) {
        const int of = d->n_pieces - 1 - i, c = (int)((int64_t)d->ic * of / d->n_pieces);
        const int end = (int)((int64_t)d->ic * (of + 1) / d->n_pieces);
        sources[i] = (struct conv_source){src + c / k->vl * a.src_channel + c % k->vl,
                                          (int64_t)inputs, end - c};
    }
    a.sources = sources;
    const int made = d->made && d->ic == 3;
    struct aipp picture; /* in RGB888, of what `src` holds, as bytes */
    aipp_init(&picture, AIPP_RGB888_U8, d->iw, d->ih);
    picture.channels = 3;
    void *maker = filled(aipp_scratch_bytes() / sizeof(float) + 1);
    if (made) {
        a.make_row = k->aipp->row;
        a.maker = maker;
    }
    /* The least time of each tile, summed: a tile is short enough to escape the other work. */
    const double peak = limits_fma_gflops(k->isa);
    double spent = 0;
    l->tiles = p.n_tiles[0];
    double *least = calloc((size_t)l->tiles, sizeof *least);
    if (!least) stop("out of memory");
    for (int i = 0; i < 400 && (i < 6 || spent < 40e3); i++)
        for (int tile = 0; tile < l->tiles; tile++) {
            double t = now_us();
            if (made) k->aipp->start(maker, &picture, (const uint8_t *)src);
            conv_run(&p, packed, &a, 0, tile, scratch);
            t = now_us() - t;
            spent += t;
            if (i == 0 || t < least[tile]) least[tile] = t;
        }
    l->us = 0;
    for (int tile = 0; tile < l->tiles; tile++) l->us += least[tile];
    const double adds = (double)icg * d->oc * (double)(taps * out * images);
    const size_t bytes = (inputs + outputs * (residual ? 2 : 1)) * images * 4 + p.packed_bytes;
    l->gflops = 2e-3 * adds / l->us;
    l->gbs = 1e-3 * (double)bytes / l->us;
    l->share = l->gflops / peak;
    l->estimate = p.cost_us;
    snprintf(l->kernel, sizeof l->kernel, "%s", p.name);
    mem_free(src);
    mem_free(dst);
    mem_free(residual);
    mem_free(w);
    mem_free(packed);
    mem_free(scratch);
    mem_free(maker);
    free(sources);
    free(least);
}

static int worst_first(const void *a, const void *b) {
    const double x = ((const struct layer *)a)->share, y = ((const struct layer *)b)->share;
    return (x > y) - (x < y);
}

static void describe(const struct layer *l, char text[static 80]) {
    const struct conv_desc *d = &l->d;
    snprintf(text, 80, "%d->%d@%dx%d %dx%d s%d%s%s act%d", d->ic, d->oc, d->ih, d->iw, d->kh, d->kw,
             d->sh, d->groups > 1 ? d->groups == d->ic ? " dw" : " groups" : "",
             d->residual ? " add" : d->n_pieces ? " pieces" : d->made ? " aipp" : "", d->act);
}

int main(int argc, char **argv) {
    const int limits = argc > 1 && !strcmp(argv[1], "--limits");
    int at = 2, plain = 0;
    if (argc < 2 || (!limits && strcmp(argv[1], "--bench"))) {
        fprintf(stderr, "usage: opcheck --bench [--plain] [isa] [FILTER] [MODEL.om...]\n"
                        "       opcheck --limits [isa]\n");
        return 2;
    }
    if (at < argc && !strcmp(argv[at], "--plain")) {
        plain = 1;
        at++;
    }
    /* Before anything asks for it, so that models are planned for it, too. */
    for (int i = 0; at < argc && i < ISA_COUNT; i++)
        if (!strcmp(argv[at], isa_name((enum isa)i))) {
            if (!isa_supported((enum isa)i)) stop("this machine does not have these instructions");
            setenv("PRUSIK_ISA", argv[at++], 1);
            break;
        }
    const struct kernels *k = kernels_for(isa_selected());
    if (!k || (limits && at < argc)) stop("there are no such kernels");
    if (limits) {
        printf("{\"isa\": \"%s\", \"fma_gflops\": %.1f, \"memory_gbs\": %.1f}\n", k->name,
               limits_fma_gflops(k->isa), limits_memory_gbs());
        return 0;
    }
    struct layers all = {0};
    const char *filter = "";
    for (; at < argc; at++) {
        const size_t n = strlen(argv[at]);
        if (n < 3 || strcmp(argv[at] + n - 3, ".om")) filter = argv[at];
        else if (add_model(&all, argv[at]) != STATUS_OK) stop(status_message());
    }
    const int models = all.n > 0;
    if (!models) add_chosen(&all, k->vl);
    const double memory = limits_memory_gbs();
    printf("%s: limits %.0f GFLOP/s and %.0f GB/s\n", k->name, limits_fma_gflops(k->isa), memory);
    int n = 0;
    char text[80];
    for (int i = 0; i < all.n; i++) {
        struct layer l = all.at[i];
        describe(&l, text);
        if (!strstr(text, filter) && !strstr(l.net, filter)) continue;
        if (plain) {
            l.d.act = ACT_NONE;
            l.d.residual = CONV_RESIDUAL_NONE;
        }
        bench(k, &l);
        all.at[n++] = l;
    }
    if (models && !n) stop("no layer's text contains that");
    qsort(all.at, (size_t)n, sizeof *all.at, worst_first);
    printf("  limit   GFLOP/s   GB/s  memory       us  estimate  tiles\n");
    for (int i = 0; i < n; i++) {
        const struct layer *l = &all.at[i];
        describe(l, text);
        printf("%6.0f%% %9.1f %6.1f %6.0f%% %8.1f %9.1f %6d  %-24s %-36s %dx %s\n", 100 * l->share,
               l->gflops, l->gbs, 100 * l->gbs / memory, l->us, l->estimate, l->tiles, l->kernel,
               text, l->times, l->net);
    }
    free(all.at);
    if (!models) bench_bytes(k, filter);
    return 0;
}
