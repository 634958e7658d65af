/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Times pooling, resizing, element-wise work, data movement and reductions on tensors of the sizes
 * that detectors have. The measure is bytes read and written a second; the least of many repeats.
 */
#include "bytes.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/alloc.h"
#include "kernels/eltwise.h"
#include "kernels/move.h"
#include "kernels/pool.h"
#include "kernels/quant.h"
#include "kernels/reduce.h"
#include "kernels/resize.h"

enum { CHANNELS = 64, SIZE = 40, PIXELS = SIZE * SIZE, FLOATS = CHANNELS * PIXELS };

struct bench {
    const struct kernels *k;
    int b, blocks;
    float *x, *y, *z, *scratch; /* x and y hold FLOATS, z four times that */
    struct resize_axis up, down;
    struct move_copy nhwc, rows;
};

#define CASE(name) static void name(struct bench *t)
CASE(pool_2x2_s2) {
    struct pool_args a = {.src = t->x, .dst = t->z, .src_c = PIXELS * t->b,
                          .dst_c = PIXELS / 4 * t->b, .n_blocks = t->blocks, .h = SIZE, .w = SIZE,
                          .oh = SIZE / 2, .ow = SIZE / 2, .kh = 2, .kw = 2, .sh = 2, .sw = 2,
                          .dh = 1, .dw = 1};
    t->k->pool->max_pool(&a, 0, (int64_t)a.oh * t->blocks, t->scratch);
}
static void pool_3x3(struct bench *t, int stride, int average) {
    struct pool_args a = {.src = t->x, .dst = t->z, .src_c = PIXELS * t->b,
                          .dst_c = PIXELS / stride / stride * t->b, .n_blocks = t->blocks,
                          .h = SIZE, .w = SIZE, .oh = SIZE / stride, .ow = SIZE / stride, .kh = 3,
                          .kw = 3, .sh = stride, .sw = stride, .dh = 1, .dw = 1, .pad_top = 1,
                          .pad_left = 1};
    (average ? t->k->pool->average_pool : t->k->pool->max_pool)(&a, 0, (int64_t)a.oh * t->blocks,
                                                                t->scratch);
}
CASE(pool_3x3_s2) { pool_3x3(t, 2, 0); }
CASE(pool_3x3_s1) { pool_3x3(t, 1, 0); }
CASE(average_3x3) { pool_3x3(t, 1, 1); }
CASE(pool_chain) {
    /* 256 channels of 20x20, as in the neck of a detector at 640. */
    const int64_t plane = 400 * t->b, blocks = 256 / t->b;
    struct pool_chain_args a = {.src = t->x, .dst = {t->z, t->z + FLOATS, t->z + 2 * FLOATS},
                                .src_c = plane, .dst_c = plane, .n_blocks = (int)blocks, .n_dst = 3,
                                .h = 20, .w = 20, .k = 5};
    t->k->pool->max_chain(&a, 0, blocks, t->scratch);
}
CASE(global_average) {
    struct pool_global_args a = {.src = t->x, .dst = t->z, .src_c = PIXELS * t->b,
                                 .n_blocks = t->blocks, .pixels = PIXELS};
    t->k->pool->global_average(&a, 0, t->blocks);
}
static void resize(struct bench *t, const struct resize_axis *axis, int nearest) {
    struct resize_args a = {.src = t->x, .dst = t->z, .src_c = PIXELS * t->b,
                            .dst_c = 4 * PIXELS * t->b, .n_blocks = t->blocks, .y = *axis,
                            .x = *axis};
    if (nearest)
        t->k->resize->nearest(&a, 0, (int64_t)axis->n_out * t->blocks);
    else
        t->k->resize->interpolate(&a, 0, (int64_t)axis->n_out * t->blocks, t->scratch);
}
CASE(nearest_x2) { resize(t, &t->up, 1); }
CASE(linear_x2) { resize(t, &t->down, 0); }
CASE(relu) { t->k->eltwise->unary[UNARY_RELU](t->x, t->z, FLOATS, 0, 0); }
CASE(swish) { t->k->eltwise->unary[UNARY_SWISH](t->x, t->z, FLOATS, 1, 0); }
CASE(sigmoid) { t->k->eltwise->unary[UNARY_SIGMOID](t->x, t->z, FLOATS, 0, 0); }
CASE(tanh_) { t->k->eltwise->unary[UNARY_TANH](t->x, t->z, FLOATS, 0, 0); }
CASE(gelu) { t->k->eltwise->unary[UNARY_GELU](t->x, t->z, FLOATS, 0, 0); }
CASE(exp_) { t->k->eltwise->unary[UNARY_EXP](t->x, t->z, FLOATS, 0, 0); }
CASE(add) { t->k->eltwise->binary[BINARY_ADD].flat(t->x, t->y, t->z, FLOATS); }
CASE(scale_channels) {
    for (int c = 0; c < t->blocks; c++)
        t->k->eltwise->binary[BINARY_MUL].channel(t->x + (int64_t)c * PIXELS * t->b, t->y,
                                                  t->z + (int64_t)c * PIXELS * t->b, PIXELS);
}
CASE(to_blocked) {
    for (int c = 0; c < t->blocks; c++)
        t->k->move->nchw_to_block(t->x + (int64_t)c * t->b * PIXELS, PIXELS, t->b,
                                  t->z + (int64_t)c * t->b * PIXELS, PIXELS);
}
CASE(from_blocked) {
    for (int c = 0; c < t->blocks; c++)
        t->k->move->block_to_nchw(t->x + (int64_t)c * t->b * PIXELS, 0, t->b,
                                  t->z + (int64_t)c * t->b * PIXELS, PIXELS, PIXELS);
}
CASE(head_rows) { t->k->move->block_to_nhwc(t->x, PIXELS * t->b, 0, 61, t->z, 85, PIXELS); }
CASE(shuffle) {
    int32_t channel[64];
    for (int c = 0; c < t->blocks; c++) {
        const float *half = t->x + (int64_t)c / 2 * t->b * PIXELS;
        for (int l = 0; l < t->b; l++)
            channel[l] = (c % 2 * t->b + l) / 2 + l % 2 * t->b;
        t->k->move->gather_channels(&(struct move_gather){
            .block = (const float *[]){half, half + CHANNELS / 2 * PIXELS}, .channel = channel,
            .dst = t->z + (int64_t)c * t->b * PIXELS, .n_pixels = PIXELS});
    }
}
CASE(permute_nhwc) { t->k->move->copy(&t->nhwc, 0, t->nhwc.n_units); }
CASE(copy_rows) { t->k->move->copy(&t->rows, 0, t->rows.n_units); }
CASE(to_f16) { t->k->move->from_f32[DT_F16](t->x, t->z, FLOATS); }
CASE(from_u8) { t->k->move->to_f32[DT_U8](t->x, t->z, FLOATS); }
static const struct quant_range unsigned_bytes = {128, 0, 255};
CASE(quantise) { t->k->quant->quantise(t->x, (uint8_t *)t->z, FLOATS, 0.1f, &unsigned_bytes); }
CASE(dequantise) {
    t->k->quant->dequantise((const uint8_t *)t->x, t->z, FLOATS, 0.1f, &unsigned_bytes);
}
/* As QLinearConv, by planes, and as QLinearMatMul, by rows of columns with scales of their own. */
static void requantise(struct bench *t, int step) {
    static const int32_t bias[PIXELS];
    for (int64_t i = 0; i < CHANNELS; i++)
        t->k->quant->requantise(t->x + i * PIXELS, (uint8_t *)t->z + i * PIXELS, PIXELS, t->y, bias,
                                step, &unsigned_bytes);
}
CASE(requantise_planes) { requantise(t, 0); }
CASE(requantise_columns) { requantise(t, 1); }
CASE(softmax_1000) { t->k->reduce->softmax_rows(t->x, t->z, 100, 1000); }
CASE(softmax_2) { t->k->reduce->softmax_rows(t->x, t->z, 4420, 2); }
CASE(softmax_16) { t->k->reduce->softmax_rows(t->x, t->z, 6400, 16); }
CASE(softmax_middle) { t->k->reduce->softmax_strided(t->x, t->z, 16, 6400, 6400); }
CASE(layer_norm) { t->k->reduce->layer_norm(t->x, t->z, 128, 768, t->y, t->y, 1e-5f, NULL, NULL); }
CASE(sum_rows) { t->k->reduce->rows[REDUCE_SUM](t->x, t->z, 64, 1600); }
CASE(argmax_80) { t->k->reduce->argmax_rows(t->x, (int64_t *)(void *)t->z, 1280, 80, 0); }

static const struct {
    const char *name;
    void (*run)(struct bench *);
    double floats; /* read and written */
} cases[] = {
    {"max pool 2x2 s2", pool_2x2_s2, 1.25 * FLOATS},
    {"max pool 3x3 s2", pool_3x3_s2, 1.25 * FLOATS},
    {"max pool 3x3 s1", pool_3x3_s1, 2.0 * FLOATS},
    {"average pool 3x3 s1", average_3x3, 2.0 * FLOATS},
    {"max pool chain 5,9,13", pool_chain, 4.0 * FLOATS},
    {"global average pool", global_average, FLOATS},
    {"resize nearest x2", nearest_x2, 5.0 * FLOATS},
    {"resize linear x2", linear_x2, 5.0 * FLOATS},
    {"relu", relu, 2.0 * FLOATS},
    {"swish", swish, 2.0 * FLOATS},
    {"sigmoid", sigmoid, 2.0 * FLOATS},
    {"tanh", tanh_, 2.0 * FLOATS},
    {"gelu", gelu, 2.0 * FLOATS},
    {"exp", exp_, 2.0 * FLOATS},
    {"add", add, 3.0 * FLOATS},
    {"multiply by channel", scale_channels, 2.0 * FLOATS},
    {"nchw to blocked", to_blocked, 2.0 * FLOATS},
    {"blocked to nchw", from_blocked, 2.0 * FLOATS},
    {"blocked to rows of 85", head_rows, 2.0 * 61 * PIXELS},
    {"channel shuffle", shuffle, 2.0 * FLOATS},
    {"transpose nchw to nhwc", permute_nhwc, 2.0 * FLOATS},
    {"copy rows of 40", copy_rows, 2.0 * FLOATS},
    {"f32 to f16", to_f16, 1.5 * FLOATS},
    {"u8 to f32", from_u8, 1.25 * FLOATS},
    {"f32 to u8 by scale", quantise, 1.25 * FLOATS},
    {"u8 to f32 by scale", dequantise, 1.25 * FLOATS},
    {"sums to u8 by plane", requantise_planes, 1.25 * FLOATS},
    {"sums to u8 by column", requantise_columns, 1.25 * FLOATS + 2 * PIXELS},
    {"softmax rows of 1000", softmax_1000, 2.0 * 100000},
    {"softmax rows of 2", softmax_2, 2.0 * 8840},
    {"softmax rows of 16", softmax_16, 2.0 * FLOATS},
    {"softmax over 16 of 6400", softmax_middle, 2.0 * FLOATS},
    {"layer norm rows of 768", layer_norm, 2.0 * 128 * 768},
    {"sum rows of 1600", sum_rows, FLOATS},
    {"arg-max rows of 80", argmax_80, FLOATS},
};

static double now_us(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec * 1e-3;
}

/* Twice as many pixels, by one tap (nearest) or two (halves). */
static void doubled(struct resize_axis *a, int taps, int32_t *index, float *weight) {
    *a = (struct resize_axis){.n_in = SIZE, .n_out = 2 * SIZE, .n_taps = taps, .index = index,
                              .weight = weight, .factor = taps == 1 ? 2 : 0};
    for (int i = 0; i < a->n_out * taps; i++) {
        const int at = i / taps / 2 + i % taps;
        index[i] = at < SIZE ? at : SIZE - 1;
        weight[i] = 1.0f / (float)taps;
    }
}

void bench_bytes(const struct kernels *k, const char *filter) {
    int32_t index[3][2 * 2 * SIZE];
    float weight[3][2 * 2 * SIZE];
    struct bench t = {.k = k, .b = k->vl, .blocks = CHANNELS / k->vl};
    float *memory = mem_alloc_aligned((size_t)(6 * FLOATS + 65536) * sizeof(float));
    if (!memory) {
        fprintf(stderr, "opcheck: out of memory\n");
        return;
    }
    for (int i = 0; i < 6 * FLOATS + 65536; i++) memory[i] = (float)(i % 41) * 0.1f - 2;
    t.x = memory;
    t.y = t.x + FLOATS;
    t.z = t.y + FLOATS;
    t.scratch = t.z + 4 * FLOATS;
    doubled(&t.up, 1, index[0], weight[0]);
    doubled(&t.down, 2, index[1], weight[1]);
    if (move_permute_init(&t.nhwc, 4, 3, (int64_t[]){CHANNELS, SIZE, SIZE}, (int[]){1, 2, 0}) !=
            STATUS_OK ||
        move_copy_init(&t.rows, 4, 2, (int64_t[]){FLOATS / 40, 40}, (int64_t[]){40, 1},
                       (int64_t[]){56, 1}) != STATUS_OK)
        fprintf(stderr, "opcheck: %s\n", status_message());
    t.nhwc.src = t.rows.src = t.x;
    t.nhwc.dst = t.rows.dst = t.z;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        if (!strstr(cases[i].name, filter)) continue;
        double best = 0, spent = 0;
        for (int round = 0; round < 400 && (round < 6 || spent < 20e3); round++) {
            double us = now_us();
            cases[i].run(&t);
            us = now_us() - us;
            spent += us;
            if (round == 0 || us < best) best = us;
        }
        printf("%-24s %8.1f us %6.1f GB/s\n", cases[i].name, best,
               cases[i].floats * sizeof(float) / best / 1e3);
    }
    mem_free(memory);
}
