/* SPDX-License-Identifier: Apache-2.0 */
/*
 * YOLOv8: one output [1, 4 + classes, N]: rows of centre x, centre y, width, height in input pixels
 * and class probabilities, one column an anchor point over strides 8, 16, 32.
 */
#include "internal.h"

static int recognise(const struct pk_tensor *outputs, int n, int width, int height) {
    if (n != 1 || outputs[0].rank != 3 || outputs[0].dim[0] != 1 || outputs[0].dim[1] < 5) return 0;
    int64_t cells = 0;
    for (int s = 8; s <= 32; s *= 2) cells += (int64_t)(width / s) * (height / s);
    return outputs[0].dim[2] == cells ? (int)outputs[0].dim[1] - 4 : 0;
}

static int decode(const struct pk_decode *d, const struct pk_tensor *outputs, int n,
                  struct pk_candidates *c) {
    (void)n;
    int64_t count = outputs[0].dim[2];
    const float *box = outputs[0].data, *classes = box + 4 * count;
    for (int64_t i = 0; i < count; i++) {
        int first = 0, last = d->n_classes - 1;
        if (!d->every_class) first = last = pk_best_class(classes + i, count, d->n_classes);
        float cx = box[i], cy = box[count + i], w = box[2 * count + i], h = box[3 * count + i];
        for (int k = first; k <= last; k++) {
            float score = classes[k * count + i];
            if (!(score >= d->confidence)) continue;
            struct pk_detection found = {k, score, cx - w / 2, cy - h / 2, cx + w / 2, cy + h / 2};
            if (pk_add_candidate(c, &found)) return -1;
        }
    }
    return 0;
}

const struct pk_decoder pk_yolov8_decoder = {recognise, decode};
