/* SPDX-License-Identifier: Apache-2.0 */
/*
 * NanoDet (m, g: strides 8 16 32) and NanoDet-Plus (8 16 32 64).
 *
 * Class scores and box distances come per stride, as [1, N, classes] and [1, N, 4 * 8] (or without
 * the leading 1), in any order; or all in one output [1, N, classes + 32]. A distance is the mean
 * of a distribution over 0..7 (softmax of 8 logits; g: 0..10, of 11), times the stride: left, top,
 * right, bottom of the cell's point. m's and g's points are cell centres, (x + 0.5) * stride; Plus
 * has them at the cell's corner, x * stride. Scores are sigmoids already in the exports known;
 * logits are told by being outside 0..1. Source: the NanoDet repository's description; Generalized
 * Focal Loss (arXiv:2006.04388).
 */
#include <math.h>
#include <string.h>

#include "internal.h"

enum { BINS = 8, BINS_G = 11, MAX_STRIDES = 4 };
static const int strides[MAX_STRIDES] = {8, 16, 32, 64};

/* Rows and columns of an output; 0 when it has another form. */
static int as_rows(const struct pk_tensor *t, int64_t *rows, int64_t *columns) {
    int lead = t->rank == 3 && t->dim[0] == 1;
    if (t->rank - lead != 2) return 0;
    *rows = t->dim[lead];
    *columns = t->dim[lead + 1];
    return 1;
}

static int64_t cells(int width, int height, int stride) {
    int64_t w = (width + stride - 1) / stride, h = (height + stride - 1) / stride;
    return w * h;
}

/* For each stride the rows of scores and of distances and how far rows lie apart. */
struct heads {
    int n, n_classes, bins;
    const float *score[MAX_STRIDES], *distance[MAX_STRIDES];
    int64_t score_step, distance_step;
};

static int find_heads(const struct pk_tensor *outputs, int n, int width, int height,
                      struct heads *h) {
    memset(h, 0, sizeof *h);
    int64_t rows, columns, total = 0;
    h->bins = BINS;
    if (n == 1) {
        if (!as_rows(&outputs[0], &rows, &columns) || columns <= 4 * BINS) return 0;
        for (h->n = 0; h->n < MAX_STRIDES && total != rows; h->n++)
            total += cells(width, height, strides[h->n]);
        if (total != rows || h->n < 3) return 0;
        h->n_classes = (int)columns - 4 * BINS;
        h->score_step = h->distance_step = columns;
        const float *p = outputs[0].data;
        for (int s = 0; s < h->n; s++) {
            h->score[s] = p;
            h->distance[s] = p ? p + h->n_classes : NULL;
            if (p) p += cells(width, height, strides[s]) * columns;
        }
        return 1;
    }
    if (n != 6 && n != 8) return 0;
    h->n = n / 2;
    /* g's distances show where no output has 32 columns. */
    int narrow = 0, wide = 0;
    for (int i = 0; i < n; i++) {
        if (!as_rows(&outputs[i], &rows, &columns)) return 0;
        narrow += columns == 4 * BINS;
        wide += columns == 4 * BINS_G;
    }
    if (!narrow && wide) h->bins = BINS_G;
    h->distance_step = 4 * h->bins;
    int seen_score = 0, seen_distance = 0;
    /* Of two outputs of one size, the one with 4 * bins columns holds distances; with as many
     * classes both would, and the first is taken for the scores. */
    for (int i = 0; i < n; i++) {
        int s = 0;
        if (!as_rows(&outputs[i], &rows, &columns)) return 0;
        while (s < h->n && cells(width, height, strides[s]) != rows) s++;
        if (s == h->n) return 0;
        int is_distance =
            columns == 4 * h->bins && (h->n_classes != 4 * h->bins || seen_score >> s & 1);
        if (is_distance && !(seen_distance >> s & 1)) {
            h->distance[s] = outputs[i].data;
            seen_distance |= 1 << s;
        } else {
            if (h->n_classes && h->n_classes != columns) return 0;
            h->n_classes = (int)columns;
            h->score[s] = outputs[i].data;
            seen_score |= 1 << s;
        }
    }
    h->score_step = h->n_classes;
    return seen_score == (1 << h->n) - 1 && seen_distance == seen_score;
}

static int recognise(const struct pk_tensor *outputs, int n, int width, int height) {
    struct heads h;
    return find_heads(outputs, n, width, height, &h) ? h.n_classes : 0;
}

/* Mean of the distribution over 0..bins - 1. */
static float distance(const float *logits, int bins) {
    float top = logits[0], sum = 0, mean = 0;
    for (int i = 1; i < bins; i++) top = logits[i] > top ? logits[i] : top;
    for (int i = 0; i < bins; i++) {
        float e = expf(logits[i] - top);
        sum += e;
        mean += e * (float)i;
    }
    return mean / sum;
}

static int are_logits(const struct pk_decode *d, const struct heads *h) {
    for (int s = 0; s < h->n; s++)
        for (int64_t i = 0; i < cells(d->width, d->height, strides[s]); i++)
            for (int k = 0; k < h->n_classes; k++) {
                float v = h->score[s][i * h->score_step + k];
                if (v < 0 || v > 1) return 1;
            }
    return 0;
}

static int decode(const struct pk_decode *d, const struct pk_tensor *outputs, int n,
                  struct pk_candidates *c) {
    struct heads h;
    if (!find_heads(outputs, n, d->width, d->height, &h))
        return pk_fail("the outputs are not NanoDet's");
    int logits = are_logits(d, &h);
    float offset = h.n == MAX_STRIDES ? 0 : 0.5f;
    for (int s = 0; s < h.n; s++) {
        int stride = strides[s], columns = (d->width + stride - 1) / stride;
        for (int64_t i = 0; i < cells(d->width, d->height, stride); i++) {
            const float *score = h.score[s] + i * h.score_step;
            int best = pk_best_class(score, 1, h.n_classes);
            float p = logits ? 1 / (1 + expf(-score[best])) : score[best];
            if (!(p >= d->confidence)) continue;
            int first = d->every_class ? 0 : best,
                last = d->every_class ? h.n_classes - 1 : best;
            const float *bins = h.distance[s] + i * h.distance_step;
            float side[4], x = ((float)(i % columns) + offset) * (float)stride,
                           y = ((float)(i / columns) + offset) * (float)stride;
            for (int k = 0; k < 4; k++)
                side[k] = distance(bins + k * h.bins, h.bins) * (float)stride;
            for (int k = first; k <= last; k++) {
                p = logits ? 1 / (1 + expf(-score[k])) : score[k];
                if (!(p >= d->confidence)) continue;
                struct pk_detection box = {k, p, x - side[0], y - side[1], x + side[2],
                                           y + side[3]};
                if (pk_add_candidate(c, &box)) return -1;
            }
        }
    }
    return 0;
}

const struct pk_decoder pk_nanodet_decoder = {recognise, decode};
