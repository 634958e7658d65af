/* SPDX-License-Identifier: Apache-2.0 */
/* The one export of libprusik_draw.so; see app/draw.h. */
#include <stdio.h>

#include "../app/draw.h"
#include "draw.h"

/* The program has a pk_error of its own. */
static int pass_on(int status, char error[DRAW_ERROR]) {
    if (status) snprintf(error, DRAW_ERROR, "%s", pk_error());
    return status;
}

static int draw_detections(struct pk_image *image, const struct pk_detection *d, int n,
                           const struct pk_labels *labels, const struct pk_style *style,
                           char error[DRAW_ERROR]) {
    return pass_on(pk_draw(image, d, n, labels, style), error);
}

static int draw_classes(struct pk_image *image, const struct pk_class *c, int n,
                        const struct pk_labels *labels, const struct pk_style *style,
                        char error[DRAW_ERROR]) {
    return pass_on(pk_draw_classes(image, c, n, labels, style), error);
}

static const struct draw_api api = {
    .size = sizeof api,
    .detections = draw_detections,
    .classes = draw_classes,
    .curves = report_draw_curves,
    .confusion = report_draw_confusion,
};

__attribute__((visibility("default"))) const struct draw_api *prusik_draw_api(void);

const struct draw_api *prusik_draw_api(void) { return &api; }
