/* SPDX-License-Identifier: Apache-2.0 */
/* Boxes with scores, and non-maximum suppression, as detectors' last layers share them. */
#ifndef PK_OPS_BOXES_H
#define PK_OPS_BOXES_H

#include <stdbool.h>
#include <stdint.h>

struct box {
    float x0, y0, x1, y1;
};

/* A box's score for a class. */
struct scored {
    int64_t box, label;
    float score;
};

/* Intersection over union. `pixel` is 1 where a box from 3 to 3 is one wide, else 0. */
float box_overlap(const struct box *a, const struct box *b, float pixel);
/* For qsort: the better score first; equals by class and box, so that the order is one. A score
 * that is no number must have been left out. */
int scored_by_score(const void *a, const void *b);
int scored_by_label(const void *a, const void *b);
/* Sorts n candidates, looks at the `before` best (-1: all), and moves those to the front that
 * overlap no better kept one by more than `iou`, at most `most` (-1: all) of them. Returns how
 * many. */
int64_t scored_suppress(struct scored *order, int64_t n, const struct box *boxes, float iou,
                        float pixel, int64_t before, int64_t most);

#endif
