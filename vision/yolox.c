/* SPDX-License-Identifier: Apache-2.0 */
/*
 * YOLOX: one output [1, N, 5 + classes], N cells over strides 8, 16, 32, not decoded: centre =
 * (xy + cell) * stride, size = exp(wh) * stride; objectness and classes are probabilities already.
 * Source: the YOLOX paper (arXiv:2107.08430) and the ONNX demos of its authors.
 */
#include <math.h>

#include "internal.h"

static const int strides[] = {8, 16, 32};

static int64_t n_cells(int width, int height) {
    int64_t n = 0;
    for (int s = 0; s < 3; s++) n += (int64_t)(width / strides[s]) * (height / strides[s]);
    return n;
}

static int recognise(const struct pk_tensor *outputs, int n, int width, int height) {
    if (n != 1 || outputs[0].rank != 3 || outputs[0].dim[0] != 1) return 0;
    if (outputs[0].dim[1] != n_cells(width, height) || outputs[0].dim[2] < 6) return 0;
    return (int)outputs[0].dim[2] - 5;
}

static int decode(const struct pk_decode *d, const struct pk_tensor *outputs, int n,
                  struct pk_candidates *c) {
    (void)n;
    const float *row = outputs[0].data;
    for (int s = 0; s < 3; s++) {
        int stride = strides[s];
        for (int y = 0; y < d->height / stride; y++)
            for (int x = 0; x < d->width / stride; x++, row += 5 + d->n_classes) {
                if (!(row[4] >= d->confidence)) continue; /* a class can only lower it */
                int best = pk_best_class(row + 5, 1, d->n_classes);
                float score = row[4] * row[5 + best];
                if (!(score >= d->confidence)) continue;
                float cx = (row[0] + (float)x) * (float)stride;
                float cy = (row[1] + (float)y) * (float)stride;
                float w = expf(row[2]) * (float)stride, h = expf(row[3]) * (float)stride;
                struct pk_detection box = {best, score, cx - w / 2, cy - h / 2, cx + w / 2,
                                           cy + h / 2};
                if (pk_add_candidate(c, &box)) return -1;
            }
    }
    return 0;
}

const struct pk_decoder pk_yolox_decoder = {recognise, decode};
