/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Average precision of detections as COCO defines it: thresholds of overlap 0.50, 0.55 ... 0.95,
 * precision at 101 recalls, at most 100 detections of a category in a picture, crowds and boxes
 * outside of a range of areas neither right nor wrong.
 * Source: the description at cocodataset.org/#detection-eval; ties as pycocotools breaks them, by
 * the order of pictures and of detections.
 */
#ifndef PK_CMD_AP_H
#define PK_CMD_AP_H

struct ap_truth {
    int image, category; /* from 0 */
    double x, y, w, h, area;
    int crowd, ignored; /* a crowd takes any number of detections; both count for nothing */
};

struct ap_found {
    int image, category;
    float score;
    double x, y, w, h;
};

enum { AP_OVERLAPS = 10, AP_RECALLS = 101 };

/* What one category, or the mean over all that have truths, comes to; -1: there is no truth. */
struct ap_figures {
    double ap, ap50, ap75, small, medium, large; /* small: below 32^2 pixels, large: above 96^2 */
    double ar1, ar10, ar100;                     /* recall with so many detections a picture */
};

struct ap_category {
    struct ap_figures figures;
    int truths, found, images; /* truths without crowds; detections; pictures that show it */
    double curve[AP_RECALLS];  /* precision at recalls 0, 0.01 ... 1, overlap 0.50 */
    /* Where precision and recall together are best (F1) at overlap 0.50: for detections of at
     * least this score. */
    double best_score, precision, recall;
};

struct ap_result {
    struct ap_figures mean;
    int n_categories;
    struct ap_category *categories;
};

/* `found` in the order of pictures; truths in any order. 0, or -1 when memory is short.
 * ap_free() is due either way. */
int ap_compute(const struct ap_truth *truths, int n_truths, const struct ap_found *found,
               int n_found, int n_categories, struct ap_result *out);
void ap_free(struct ap_result *r);

/* Of two boxes; of a crowd what part of the detection lies in it. */
double ap_overlap(const struct ap_found *d, const struct ap_truth *t);

/* Counts of (found, true) pairs, n_categories + 1 squared, row-major, the last of each for nothing:
 * detections of at least `score` and truths are paired, the most overlapping first, from `overlap`
 * on, whatever their categories. Crowds are left out. 0 or -1 as above; free() the counts. */
int ap_confusion(const struct ap_truth *truths, int n_truths, const struct ap_found *found,
                 int n_found, int n_categories, double score, double overlap, long **out);

#endif
