/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Boxes, labels and curves, through Cairo. They stand behind a table of functions in a module of
 * its own, libprusik_draw.so, loaded when the first picture is drawn: Cairo brings twenty libraries
 * with it, and linking those takes as long as loading a network.
 */
#ifndef PK_CMD_DRAW_H
#define PK_CMD_DRAW_H

#include "prusik/vision.h"
#include "report.h"

enum { DRAW_ERROR = 512 };

/* 0 or -1. */
struct draw_api {
    size_t size; /* of this struct: both sides must agree */
    /* pk_draw and pk_draw_classes of vision.h; a failure leaves a sentence in `error`. */
    int (*detections)(struct pk_image *image, const struct pk_detection *d, int n,
                      const struct pk_labels *labels, const struct pk_style *style,
                      char error[DRAW_ERROR]);
    int (*classes)(struct pk_image *image, const struct pk_class *c, int n,
                   const struct pk_labels *labels, const struct pk_style *style,
                   char error[DRAW_ERROR]);
    /* Two files of a report, as PNG. */
    int (*curves)(const struct report *r, const char *path);
    int (*confusion)(const struct report *r, const char *path);
};

/* Loaded once, by whichever thread asks first; NULL after a sentence in `error`. */
const struct draw_api *draw_load(char error[DRAW_ERROR]);

#endif
