/* SPDX-License-Identifier: Apache-2.0 */
/* Labelled pictures for `prusik eval`: COCO's annotations, YOLO's folders, ImageNet's. */
#ifndef PK_CMD_DATASET_H
#define PK_CMD_DATASET_H

#include <stdint.h>

#include <jansson.h>

#include "ap.h"
#include "prusik/vision.h"

enum dataset_kind { DATASET_NONE, DATASET_COCO, DATASET_YOLO, DATASET_IMAGENET };

struct dataset_image {
    int64_t id; /* COCO's; else its place */
    char *path;
    int label; /* ImageNet: the class; -1: none that the network has */
};

struct dataset_category {
    int64_t id; /* in the files */
    char *name;
};

struct dataset {
    enum dataset_kind kind;
    int n_images, n_truths, n_categories;
    struct dataset_image *images; /* by rising id */
    struct ap_truth *truths;
    struct dataset_category *categories; /* by rising id */
    int relative; /* truths are parts of the picture until dataset_scale() */
};

/* Reads annotations (COCO: `path` a JSON file; `images` the folder of its pictures, NULL: looked
 * for near it; no pictures are looked for with `images` "") or a folder (YOLO, ImageNet). 0, or -1
 * after a sentence on stderr; dataset_close() is due either way. */
int dataset_open(enum dataset_kind kind, const char *path, const char *images, struct dataset *out);
/* COCO: which category each of the network's classes is, by name, else by order if there are as
 * many; -1: none. YOLO and ImageNet: finds out n_categories, and the classes of folders. `map` has
 * room for n_classes. 0 or -1 as above. */
int dataset_match(struct dataset *d, const struct pk_labels *labels, int n_classes, int *map);
/* Which image or category has that id; -1: none. */
int dataset_find_image(const struct dataset *d, int64_t id);
int dataset_find_category(const struct dataset *d, int64_t id);
/* The truths of one picture in its pixels, now that its size is known. */
void dataset_scale(struct dataset *d, int image, int width, int height);
void dataset_close(struct dataset *d);
/* Says that a file of JSON cannot be read, and why; returns EXIT_FAILED. */
int dataset_fail_json(const char *path, const json_error_t *error);

#endif
