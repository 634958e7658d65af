/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SSD as TensorFlow's detection models have it in front of their suppression: boxes [1, N, 4] or
 * [1, N, 1, 4] as top, left, bottom, right, in heights and widths of the picture, and scores
 * [1, N, classes], in any order. The models scale the picture's values themselves.
 *
 * Ninety classes are COCO's numbers 1 to 90, ten of which name nothing; they become the usual
 * eighty.
 */
#include "internal.h"

enum { COCO_NUMBERS = 90, COCO_CLASSES = 80 };

/* Class of a COCO number less 1; -1 where the number names nothing. */
static int coco_class(int number) {
    static const unsigned char unused[] = {11, 25, 28, 29, 44, 65, 67, 68, 70, 82};
    int below = 0;
    for (unsigned i = 0; i < sizeof unused; i++) {
        if (unused[i] == number) return -1;
        below += unused[i] < number;
    }
    return number - below;
}

static int is_boxes(const struct pk_tensor *t) {
    return (t->rank == 3 || (t->rank == 4 && t->dim[2] == 1)) && t->dim[0] == 1 &&
           t->dim[t->rank - 1] == 4;
}

/* Which output holds the boxes; -1 if they are not SSD's. */
static int find_boxes(const struct pk_tensor *outputs, int n) {
    for (int b = 0; n == 2 && b < 2; b++) {
        const struct pk_tensor *boxes = &outputs[b], *scores = &outputs[1 - b];
        if (is_boxes(boxes) && scores->rank == 3 && scores->dim[0] == 1 &&
            scores->dim[1] == boxes->dim[1] && scores->dim[2] >= 1 && scores->dim[2] <= 10000)
            return b;
    }
    return -1;
}

static int recognise(const struct pk_tensor *outputs, int n, int width, int height) {
    (void)width;
    (void)height;
    int b = find_boxes(outputs, n);
    if (b < 0) return 0;
    int64_t classes = outputs[1 - b].dim[2];
    return classes == COCO_NUMBERS ? COCO_CLASSES : (int)classes;
}

static int decode(const struct pk_decode *d, const struct pk_tensor *outputs, int n,
                  struct pk_candidates *c) {
    int b = find_boxes(outputs, n);
    if (b < 0) return pk_fail("the outputs are not SSD's");
    const float *box = outputs[b].data, *score = outputs[1 - b].data;
    int classes = (int)outputs[1 - b].dim[2];
    float w = (float)d->width, h = (float)d->height;
    for (int64_t i = 0; i < outputs[b].dim[1]; i++, box += 4, score += classes) {
        int first = 0, last = classes - 1;
        if (!d->every_class) first = last = pk_best_class(score, 1, classes);
        for (int k = first; k <= last; k++) {
            int id = classes == COCO_NUMBERS ? coco_class(k) : k;
            if (id < 0 || !(score[k] >= d->confidence)) continue;
            struct pk_detection found = {id,         score[k],   box[1] * w, box[0] * h,
                                         box[3] * w, box[2] * h};
            if (pk_add_candidate(c, &found)) return -1;
        }
    }
    return 0;
}

const struct pk_decoder pk_ssd_decoder = {recognise, decode};
