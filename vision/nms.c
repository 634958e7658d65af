/* SPDX-License-Identifier: Apache-2.0 */
/* Candidates and greedy per-class non-maximum suppression. */
#include <math.h>
#include <stdlib.h>

#include "internal.h"

int pk_add_candidate(struct pk_candidates *c, const struct pk_detection *d) {
    if (isnan(d->x1) || isnan(d->y1) || isnan(d->x2) || isnan(d->y2)) return 0;
    if (c->n == c->capacity) {
        int wider = c->capacity ? 2 * c->capacity : 256;
        struct pk_detection *items = realloc(c->items, (size_t)wider * sizeof *items);
        if (!items) return pk_fail("out of memory for %d candidate boxes", wider);
        c->items = items;
        c->capacity = wider;
    }
    c->items[c->n++] = *d;
    return 0;
}

/* Falling score; equal scores by position, so that the result does not depend on the sort. */
static int better_first(const void *a, const void *b) {
    const struct pk_detection *x = a, *y = b;
    if (x->score != y->score) return x->score < y->score ? 1 : -1;
    if (x->class_id != y->class_id) return x->class_id < y->class_id ? -1 : 1;
    if (x->x1 != y->x1) return x->x1 < y->x1 ? -1 : 1;
    return (x->y1 > y->y1) - (x->y1 < y->y1);
}

float pk_overlap(const struct pk_detection *a, const struct pk_detection *b) {
    float x1 = a->x1 > b->x1 ? a->x1 : b->x1, y1 = a->y1 > b->y1 ? a->y1 : b->y1;
    float x2 = a->x2 < b->x2 ? a->x2 : b->x2, y2 = a->y2 < b->y2 ? a->y2 : b->y2;
    if (x2 <= x1 || y2 <= y1) return 0;
    float both = (x2 - x1) * (y2 - y1);
    float all = (a->x2 - a->x1) * (a->y2 - a->y1) + (b->x2 - b->x1) * (b->y2 - b->y1) - both;
    return all > 0 ? both / all : 0;
}

void pk_nms(struct pk_candidates *c, float iou, int max) {
    if (c->n) qsort(c->items, (size_t)c->n, sizeof *c->items, better_first);
    int kept = 0;
    for (int i = 0; i < c->n && kept < max; i++) {
        int drop = 0;
        for (int k = 0; k < kept && !drop; k++)
            drop = c->items[k].class_id == c->items[i].class_id &&
                   pk_overlap(&c->items[k], &c->items[i]) > iou;
        if (!drop) c->items[kept++] = c->items[i];
    }
    c->n = kept;
}
