/* SPDX-License-Identifier: Apache-2.0 */
/*
 * YOLOv5, releases 4 to 7 (Focus and 6x6 stems alike). Either one merged output
 * [1, N, 5 + classes] of decoded boxes, N = 3 anchors a cell over strides 8, 16, 32; or the three
 * raw heads [1, 3 * (5 + classes), H, W] or [1, 3, H, W, 5 + classes] in any order, decoded here:
 * centre = (2 s(xy) - 0.5 + cell) * stride, size = (2 s(wh))^2 * anchor, s the sigmoid. Exports to
 * TensorFlow count merged boxes in widths and heights of the input instead of pixels.
 */
#include <math.h>

#include "internal.h"

/* The anchors of the COCO models, in pixels. */
static const float anchors[3][3][2] = {
    {{10, 13}, {16, 30}, {33, 23}},
    {{30, 61}, {62, 45}, {59, 119}},
    {{116, 90}, {156, 198}, {373, 326}},
};
static const int strides[3] = {8, 16, 32};

/* Which stride a raw head belongs to, and its classes; -1 if it is none. */
static int head_of(const struct pk_tensor *t, int width, int height, int *n_classes) {
    int64_t h, w, channels;
    if (t->rank == 4 && t->dim[0] == 1 && t->dim[1] % 3 == 0) {
        channels = t->dim[1] / 3;
        h = t->dim[2];
        w = t->dim[3];
    } else if (t->rank == 5 && t->dim[0] == 1 && t->dim[1] == 3) {
        channels = t->dim[4];
        h = t->dim[2];
        w = t->dim[3];
    } else {
        return -1;
    }
    if (channels < 6) return -1;
    *n_classes = (int)channels - 5;
    for (int s = 0; s < 3; s++)
        if (h == height / strides[s] && w == width / strides[s]) return s;
    return -1;
}

static int recognise(const struct pk_tensor *outputs, int n, int width, int height) {
    int classes = 0, seen = 0;
    if (n >= 1 && outputs[0].rank == 3) {
        int64_t cells = 0;
        for (int s = 0; s < 3; s++)
            cells += 3 * (int64_t)(width / strides[s]) * (height / strides[s]);
        if (outputs[0].dim[0] != 1 || outputs[0].dim[1] != cells || outputs[0].dim[2] < 6) return 0;
        classes = (int)outputs[0].dim[2] - 5;
        /* Some exports keep the raw heads behind the merged output. */
        for (int i = 1; i < n; i++) {
            int k;
            if (head_of(&outputs[i], width, height, &k) < 0 || k != classes) return 0;
        }
        return classes;
    }
    if (n != 3) return 0;
    for (int i = 0; i < 3; i++) {
        int k, s = head_of(&outputs[i], width, height, &k);
        if (s < 0 || (classes && k != classes)) return 0;
        classes = k;
        seen |= 1 << s;
    }
    return seen == 7 ? classes : 0;
}

static float sigmoid(float x) { return 1 / (1 + expf(-x)); }

static int add(struct pk_candidates *c, const struct pk_decode *d, int class_id, float score,
               float cx, float cy, float w, float h) {
    if (!(score >= d->confidence)) return 0;
    struct pk_detection box = {class_id, score, cx - w / 2, cy - h / 2, cx + w / 2, cy + h / 2};
    return pk_add_candidate(c, &box);
}

/* One cell: element e of its 5 + classes lies at v[e * step]. */
static int decode_raw(const struct pk_decode *d, const float *v, int64_t step, int x, int y, int s,
                      int a, struct pk_candidates *c) {
    float object = sigmoid(v[4 * step]);
    if (!(object >= d->confidence)) return 0;
    int first = 0, last = d->n_classes - 1;
    if (!d->every_class) first = last = pk_best_class(v + 5 * step, step, d->n_classes);
    float stride = (float)strides[s], w = 2 * sigmoid(v[2 * step]), h = 2 * sigmoid(v[3 * step]);
    for (int k = first; k <= last; k++)
        if (add(c, d, k, object * sigmoid(v[(5 + k) * step]),
                (2 * sigmoid(v[0]) - 0.5f + (float)x) * stride,
                (2 * sigmoid(v[step]) - 0.5f + (float)y) * stride, w * w * anchors[s][a][0],
                h * h * anchors[s][a][1]))
            return -1;
    return 0;
}

static int decode_head(const struct pk_decode *d, const struct pk_tensor *t,
                       struct pk_candidates *c) {
    int classes = 0, s = head_of(t, d->width, d->height, &classes);
    int64_t h = t->dim[2], w = t->dim[3], e = 5 + classes;
    for (int a = 0; a < 3; a++)
        for (int64_t y = 0; y < h; y++)
            for (int64_t x = 0; x < w; x++) {
                int64_t cell = y * w + x;
                const float *v = t->rank == 4 ? t->data + a * e * h * w + cell
                                              : t->data + (a * h * w + cell) * e;
                if (decode_raw(d, v, t->rank == 4 ? h * w : 1, (int)x, (int)y, s, a, c)) return -1;
            }
    return 0;
}

/* Whether merged boxes are fractions of the input: then no centre is far from 1, while in pixels
 * the last cell's is near the input's width. */
static int are_fractions(const struct pk_decode *d, const struct pk_tensor *t) {
    float last = 0;
    for (int64_t i = 0; i < t->dim[1]; i++) last = fmaxf(last, t->data[i * (5 + d->n_classes)]);
    return last < 2;
}

static int decode(const struct pk_decode *d, const struct pk_tensor *outputs, int n,
                  struct pk_candidates *c) {
    if (outputs[0].rank != 3) {
        for (int i = 0; i < n; i++)
            if (decode_head(d, &outputs[i], c)) return -1;
        return 0;
    }
    const float *row = outputs[0].data;
    int fractions = are_fractions(d, &outputs[0]);
    float sx = fractions ? (float)d->width : 1, sy = fractions ? (float)d->height : 1;
    for (int64_t i = 0; i < outputs[0].dim[1]; i++, row += 5 + d->n_classes) {
        if (!(row[4] >= d->confidence)) continue;
        int first = 0, last = d->n_classes - 1;
        if (!d->every_class) first = last = pk_best_class(row + 5, 1, d->n_classes);
        for (int k = first; k <= last; k++)
            if (add(c, d, k, row[4] * row[5 + k], row[0] * sx, row[1] * sy, row[2] * sx,
                    row[3] * sy))
                return -1;
    }
    return 0;
}

const struct pk_decoder pk_yolov5_decoder = {recognise, decode};
