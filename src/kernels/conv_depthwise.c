/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Depthwise convolution: one block of channels after the other, in strips of a few output rows.
 * Weights are [block][ky][kx][vl] behind the bias, so that a block's weights stay in registers or
 * L1 for the whole plane.
 */
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "kernels/conv_algorithms.h"

/* The strips for this kernel size and stride: the tallest and, for the rows left, a single row. */
static void choose(const struct conv_plan *p, const struct depthwise_kernel **tall,
                   const struct depthwise_kernel **single) {
    const struct conv_desc *d = &p->d;
    const struct depthwise_kernels *k = p->k->depthwise;
    *tall = *single = NULL;
    for (int i = 0; i < k->n_kernels; i++) {
        const struct depthwise_kernel *q = &k->kernels[i];
        int fits = q->kh ? q->kh == d->kh && q->kw == d->kw && q->sh == d->sh && q->sw == d->sw &&
                               d->dh == 1 && d->dw == 1
                         : *single == NULL;
        if (!fits) continue;
        if (!*tall) *tall = q;
        if (q->rows == 1) *single = q;
    }
}

static int strip_rows(const struct conv_desc *d, int rows) {
    return (rows - 1) * d->sh + (d->kh - 1) * d->dh + 1;
}

enum status depthwise_plan(struct conv_plan *p) {
    const struct conv_desc *d = &p->d;
    const int vl = p->k->vl, taps = d->kh * d->kw;
    const struct depthwise_kernel *tall, *single;
    p->algorithm = CONV_DEPTHWISE;
    choose(p, &tall, &single);
    p->tile_rows = tall->rows;
    p->tile_cols = tall->cols;
    p->n_groups = p->ocb;
    p->packed_bytes = (size_t)p->ocb * (size_t)vl * (size_t)(taps + 1) * sizeof(float);
    double vectors = (double)p->ocb * d->oh * d->ow * d->n;
    double per_vector = taps * (d->sw > 1 ? 1.6 : 1.1) + (d->act >= ACT_SIGMOID ? 9 : 1.5);
    p->cost_us = vectors * per_vector / conv_fma_per_us(p->k);
    conv_split(p, (d->oh + tall->rows - 1) / tall->rows, p->ocb, 0, 0);
    /* Row pointers, then one row of zeros. */
    p->scratch_bytes = ((size_t)strip_rows(d, tall->rows) * sizeof(float *) + 63) / 64 * 64 +
                       (size_t)d->iw * (size_t)vl * sizeof(float);
    snprintf(p->name, sizeof p->name, "dw%dx%ds%d %dx%d%s", d->kh, d->kw, d->sw, tall->rows,
             tall->cols, tall->kh ? "" : " any");
    return STATUS_OK;
}

void depthwise_pack(const struct conv_plan *p, const float *weights, const float *bias,
                    float *packed) {
    const int vl = p->k->vl, taps = p->d.kh * p->d.kw, channels = p->ocb * vl;
    for (int c = 0; c < channels; c++) {
        int exists = c < p->d.oc;
        packed[c] = bias && exists ? bias[c] : 0;
        float *w = packed + channels + (size_t)(c / vl) * (size_t)(taps * vl) + c % vl;
        for (int t = 0; t < taps; t++)
            w[t * vl] = exists ? weights[(size_t)c * (size_t)taps + (size_t)t] : 0;
    }
}

void depthwise_run(const struct conv_plan *p, const float *packed, const struct conv_args *a,
                   int tile, void *scratch) {
    const struct conv_desc *d = &p->d;
    const int vl = p->k->vl, taps = d->kh * d->kw;
    const struct depthwise_kernel *tall, *single;
    choose(p, &tall, &single);
    const int gb = tile % p->group_bands, band = tile / p->group_bands % p->bands;
    const int image = tile / p->group_bands / p->bands;
    const int units = (d->oh + tall->rows - 1) / tall->rows;
    const int b0 = (int)((int64_t)p->ocb * gb / p->group_bands);
    const int b1 = (int)((int64_t)p->ocb * (gb + 1) / p->group_bands);
    const int y0 = (int)((int64_t)units * band / p->bands) * tall->rows;
    int y1 = (int)((int64_t)units * (band + 1) / p->bands) * tall->rows;
    if (y1 > d->oh) y1 = d->oh;

    const float **rows = scratch;
    float *zeros = (float *)((char *)scratch +
                             ((size_t)strip_rows(d, tall->rows) * sizeof(float *) + 63) / 64 * 64);
    memset(zeros, 0, (size_t)d->iw * (size_t)vl * sizeof(float));
    const int pixel = d->dst == CONV_BLOCKED ? vl : 1;
    struct depthwise_strip s = {
        .rows = rows, .iw = d->iw, .ow = d->ow, .kh = d->kh, .kw = d->kw, .sh = d->sh, .sw = d->sw,
        .dh = d->dh, .dw = d->dw, .pl = d->pl,
        .dst_row = d->ow * (d->dst == CONV_PIXEL ? a->dst_channel : pixel),
        .residual_row = (int64_t)d->ow * vl,
    };
    for (int b = b0; b < b1; b++) {
        const float *src = a->src + image * a->src_batch + b * a->src_channel;
        s.bias = packed + b * vl;
        s.weights = packed + p->ocb * vl + (size_t)b * (size_t)(taps * vl);
        conv_set_output(p, a, image, b, (int64_t)y0 * d->ow, &s.out);
        if (d->residual != CONV_RESIDUAL_NONE) s.out.direct = 0;
        for (int y = y0; y < y1;) {
            const struct depthwise_kernel *q = y + tall->rows <= y1 ? tall : single;
            int iy = y * d->sh - d->pt, n = strip_rows(d, q->rows);
            for (int i = 0; i < n; i++) {
                const int inside = iy + i >= 0 && iy + i < d->ih;
                rows[i] = inside ? src + (int64_t)(iy + i) * d->iw * vl : zeros;
            }
            q->run(&s);
            y += q->rows;
            s.out.dst += q->rows * s.dst_row;
            if (s.out.residual) s.out.residual += q->rows * s.residual_row;
        }
    }
}
