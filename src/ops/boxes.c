/* SPDX-License-Identifier: Apache-2.0 */
/* Overlap, order and non-maximum suppression of boxes. */
#include "ops/boxes.h"

#include <math.h>
#include <stdlib.h>

static float area(const struct box *b, float pixel) {
    return b->x1 < b->x0 || b->y1 < b->y0 ? 0 : (b->x1 - b->x0 + pixel) * (b->y1 - b->y0 + pixel);
}

float box_overlap(const struct box *a, const struct box *b, float pixel) {
    struct box both = {fmaxf(a->x0, b->x0), fmaxf(a->y0, b->y0), fminf(a->x1, b->x1),
                       fminf(a->y1, b->y1)};
    float shared = area(&both, pixel), whole = area(a, pixel) + area(b, pixel) - shared;
    return whole > 0 ? shared / whole : 0;
}

int scored_by_score(const void *a, const void *b) {
    const struct scored *x = a, *y = b;
    if (x->score != y->score) return x->score < y->score ? 1 : -1;
    if (x->label != y->label) return x->label > y->label ? 1 : -1;
    return (x->box > y->box) - (x->box < y->box);
}

int scored_by_label(const void *a, const void *b) {
    const struct scored *x = a, *y = b;
    return x->label != y->label ? (x->label > y->label ? 1 : -1) : scored_by_score(a, b);
}

int64_t scored_suppress(struct scored *order, int64_t n, const struct box *boxes, float iou,
                        float pixel, int64_t before, int64_t most) {
    qsort(order, (size_t)n, sizeof *order, scored_by_score);
    if (before >= 0 && n > before) n = before;
    int64_t kept = 0;
    for (int64_t i = 0; i < n && (most < 0 || kept < most); i++) {
        bool free = true;
        for (int64_t k = 0; free && k < kept; k++)
            free = box_overlap(&boxes[order[k].box], &boxes[order[i].box], pixel) <= iou;
        if (free) order[kept++] = order[i];
    }
    return kept;
}
