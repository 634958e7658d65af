/* SPDX-License-Identifier: Apache-2.0 */
/* What planning a Winograd convolution (winograd_plan.c) and running it (conv_winograd.c) share:
 * the forms, and where things lie in the packed weights and in the scratch. */
#ifndef PK_KERNELS_WINOGRAD_PLAN_H
#define PK_KERNELS_WINOGRAD_PLAN_H

#include <limits.h>

#include "kernels/conv_algorithms.h"
#include "kernels/winograd.h"

/* Of each enum winograd_form. */
struct form {
    int stride, m, n, taps;
    int n_points; /* the transformed part is F(m, taps or 2); infinity is its last point */
    int distinct; /* different transforms of the weights along one axis */
    double points[7];
};
extern const struct form winograd_forms[N_WINOGRAD_FORMS];

/* First layers: input column 2 x + dx of channel c is channel c * 4 + dy * 2 + dx of a cell. */
static inline int in_cells(const struct conv_desc *d) {
    return d->src == CONV_PLANAR && d->sh == 2 && d->sw == 2 && d->ic <= 4;
}

/* Cells from the first to the last that taps along one axis touch: with odd padding the first cell
 * has only one. */
static inline int cells(int taps, int padding) { return (taps + padding % 2 + 1) / 2; }

static inline int tiles_across(int size, int m) { return (size + m - 1) / m; }

static inline int square(int n) { return n * n; }

/* Floats from one point of v to the next: an odd number of vectors of 64 bytes, so that points do
 * not compete for the same cache sets. */
static inline int64_t point_step(const struct conv_plan *p, int tiles) {
    int64_t floats = (int64_t)p->icb * tiles * p->k->vl;
    int64_t lines = (floats + 15) / 16;
    return (lines | 1) * 16;
}

/* The tiles of an image, and of all that follow one another: those of a whole batch, whose weights
 * are then read, or transformed, once. Rows of cells are made image by image. */
static inline int image_tiles(const struct conv_desc *d, const struct form *f) {
    return tiles_across(d->oh, f->m) * tiles_across(d->ow, f->m);
}

static inline int joined_tiles(const struct conv_desc *d, const struct form *f) {
    const int64_t all = (int64_t)image_tiles(d, f) * d->n;
    return in_cells(d) || all > INT_MAX / 64 ? image_tiles(d, f) : (int)all;
}

/* Floats from one point of late weights to the next: as point_step(). */
static inline int64_t late_step(const struct conv_plan *p, int ocv) {
    return ((int64_t)p->wino_late * square(p->k->vl) * ocv / 16 | 1) * 16;
}

/* The cells of a row of `unit` tiles. */
static inline size_t strip_floats(const struct conv_plan *p, const struct form *f) {
    return (size_t)p->icb * (size_t)f->n * (size_t)(p->unit * f->m + f->n - f->m) *
           (size_t)p->k->vl;
}

/* With a maker: the planar rows that a row of tiles reads, a multiple of 64 bytes. */
static inline size_t made_floats(const struct conv_plan *p, const struct form *f) {
    return p->d.made ? ((size_t)(2 * f->n * p->d.ic) * (size_t)p->d.iw + 15) / 16 * 16 : 0;
}

/* What is packed before the weights: biases, and by pairs for each different product what its sums
 * start with and what they are multiplied with; then the size of its inputs (point_sizes()). */
static inline size_t sizes_at(const struct conv_plan *p, const struct form *f) {
    return (size_t)(p->ocb * p->k->vl) * (1 + 2 * (size_t)square(f->distinct));
}

static inline size_t head_floats(const struct conv_plan *p, const struct form *f) {
    if (!p->wino_pairs) return (size_t)(p->ocb * p->k->vl);
    return sizes_at(p, f) + ((size_t)square(f->distinct) + 15) / 16 * 16;
}

/* How tiles side by side are best covered by products for ocv blocks (0: by pairs, for one): what
 * up to `most` of them cost, in multiply-add instructions per channel and point, and the width of
 * the last product. */
struct covers {
    float cost[CONV_MOST_BLOCK + 1];
    unsigned char last[CONV_MOST_BLOCK + 1];
};

void winograd_find_covers(const struct kernels *k, int ocv, int most, struct covers *c);
/* The register tile of pairs for one block of output channels and px tiles, or NULL. */
conv_tile_fn winograd_pairs_tile(const struct kernels *k, int px);

#endif
