/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of vision/ share. Nothing here knows how AscendCL is implemented. */
#ifndef PK_VISION_INTERNAL_H
#define PK_VISION_INTERNAL_H

#include "prusik/vision.h"

/* Leaves a sentence for pk_error(); returns -1. */
int pk_fail(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Resizes as pk_image_resize() does and hands over rows first..last-1, one at a time: `width` red
 * values, then green, then blue. */
typedef void (*pk_row_fn)(void *to, int y, const uint8_t *planes);
int pk_resize_rows(const struct pk_image *image, int width, int height, int first, int last,
                   pk_row_fn emit, void *to);

/* TensorFlow's ResizeBilinear with neither align_corners nor half_pixel_centers: output i lies at
 * i * in / out. Three planes of height rows, values 0..255 and between. */
void pk_resize_corner(const struct pk_image *image, int width, int height, float *planes);

/* One output of a network: contiguous floats. */
struct pk_tensor {
    int rank;
    int64_t dim[8];
    const float *data;
};

/* Candidates before non-maximum suppression, in input pixels. */
struct pk_candidates {
    int n, capacity;
    struct pk_detection *items;
};
/* One with a side that is NaN lies nowhere, and is left out. */
int pk_add_candidate(struct pk_candidates *c, const struct pk_detection *d);

/* What a decoder needs to know besides the tensors. */
struct pk_decode {
    int width, height; /* of the network's input */
    int n_classes;
    float confidence;
    int every_class; /* a candidate for each class above `confidence`, not for the best alone */
};

/* The likeliest of n classes, class k's score being score[k * step]. */
static inline int pk_best_class(const float *score, int64_t step, int n) {
    int best = 0;
    for (int k = 1; k < n; k++)
        if (score[k * step] > score[best * step]) best = k;
    return best;
}

/* Each decoder says whether outputs look like its family's (no values needed, data may be NULL):
 * the number of classes, or 0 when they do not; and turns them into candidates. */
struct pk_decoder {
    int (*recognise)(const struct pk_tensor *outputs, int n, int width, int height);
    int (*decode)(const struct pk_decode *d, const struct pk_tensor *outputs, int n,
                  struct pk_candidates *c);
};
extern const struct pk_decoder pk_yolox_decoder, pk_yolov5_decoder, pk_yolov8_decoder,
    pk_nanodet_decoder, pk_ssd_decoder;
/* NULL for classifiers. */
const struct pk_decoder *pk_decoder_of(enum pk_family f);

/* Greedy, per class: sorts by falling score, drops what overlaps a better one of its class by more
 * than `iou`, keeps at most `max`. Works in place. */
void pk_nms(struct pk_candidates *c, float iou, int max);

#endif
