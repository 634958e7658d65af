/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The families: what each network was trained on, as the table below says, and turning a picture
 * into that.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "internal.h"

/* The grey that letterboxes are filled with. */
enum { PAD = 114 };

static const struct family {
    const char *name;
    struct pk_recipe recipe;
    const struct pk_decoder *decoder;
} families[PK_FAMILY_COUNT] = {
    [PK_FAMILY_AUTO] = {"auto", {0, PK_STRETCH, {0, 0, 0}, {1, 1, 1}, PAD}, NULL},
    [PK_YOLOX] = {"yolox", {1, PK_TOP_LEFT, {0, 0, 0}, {1, 1, 1}, PAD}, &pk_yolox_decoder},
    [PK_YOLOX_MEANSTD] = {"yolox-meanstd",
                          {0, PK_TOP_LEFT, {.485f * 255, .456f * 255, .406f * 255},
                           {.229f * 255, .224f * 255, .225f * 255}, PAD}, &pk_yolox_decoder},
    [PK_YOLOV5] = {"yolov5", {0, PK_CENTRED, {0, 0, 0}, {255, 255, 255}, PAD}, &pk_yolov5_decoder},
    [PK_YOLOV8] = {"yolov8", {0, PK_CENTRED, {0, 0, 0}, {255, 255, 255}, PAD}, &pk_yolov8_decoder},
    [PK_NANODET] = {"nanodet", {1, PK_STRETCH, {103.53f, 116.28f, 123.675f},
                                {57.375f, 57.12f, 58.395f}, PAD}, &pk_nanodet_decoder},
    [PK_SSD] = {"ssd", {0, PK_CORNER, {0, 0, 0}, {1, 1, 1}, PAD}, &pk_ssd_decoder},
    [PK_IMAGENET] = {"imagenet", {0, PK_CROP, {.485f * 255, .456f * 255, .406f * 255},
                                  {.229f * 255, .224f * 255, .225f * 255}, PAD}, NULL},
    [PK_IMAGENET_CAFFE] = {"imagenet-caffe", {1, PK_CROP, {104, 117, 123}, {1, 1, 1}, PAD}, NULL},
};

const struct pk_recipe *pk_recipe_of(enum pk_family f) {
    return &families[(unsigned)f < PK_FAMILY_COUNT ? f : PK_FAMILY_AUTO].recipe;
}

const char *pk_family_name(enum pk_family f) {
    return (unsigned)f < PK_FAMILY_COUNT ? families[f].name : "unknown";
}

int pk_family_find(const char *name, enum pk_family *out) {
    for (int f = 0; f < PK_FAMILY_COUNT; f++)
        if (!strcmp(families[f].name, name)) {
            *out = (enum pk_family)f;
            return 0;
        }
    return pk_fail("'%s' is no network family; known are yolox, yolox-meanstd, yolov5, yolov8, "
                   "nanodet, ssd, imagenet and imagenet-caffe", name);
}

const struct pk_decoder *pk_decoder_of(enum pk_family f) { return families[f].decoder; }

/* Where the resized picture goes, and how large it is. */
struct layout {
    int width, height, left, top; /* of the resized picture in the input; may stick out (PK_CROP) */
    struct pk_placement placement;
};

static struct layout arrange(enum pk_geometry g, const struct pk_image *image, int width,
                             int height) {
    struct layout l = {width, height, 0, 0, {0, 0, 0, 0}};
    double ratio = fmin((double)width / image->width, (double)height / image->height);
    switch (g) {
    case PK_STRETCH:
    case PK_CORNER: break;
    case PK_TOP_LEFT:
        l.width = (int)(image->width * ratio);
        l.height = (int)(image->height * ratio);
        break;
    case PK_CENTRED: {
        l.width = (int)nearbyint(image->width * ratio);
        l.height = (int)nearbyint(image->height * ratio);
        /* The original rounds both halves of the padding with a nudge, so that an odd pixel goes to
         * the right and bottom. */
        l.left = (int)nearbyint((width - l.width) / 2.0 - 0.1);
        l.top = (int)nearbyint((height - l.height) / 2.0 - 0.1);
        break;
    }
    case PK_CROP: {
        double side = fmax((double)width * 256 / 224 / image->width,
                           (double)height * 256 / 224 / image->height);
        int narrow = image->width <= image->height;
        /* A sliver of a picture would become longer than an int counts; resizing refuses 1e9. */
        l.width = (int)(narrow ? nearbyint(width * 256.0 / 224) : fmin(image->width * side, 1e9));
        l.height =
            (int)(narrow ? fmin(image->height * side, 1e9) : nearbyint(height * 256.0 / 224));
        l.left = -(int)nearbyint((l.width - width) / 2.0);
        l.top = -(int)nearbyint((l.height - height) / 2.0);
        break;
    }
    }
    if (l.width < 1) l.width = 1;
    if (l.height < 1) l.height = 1;
    /* Boxes go back by the exact ratio where it was kept, as the originals do. */
    int kept = g == PK_TOP_LEFT || g == PK_CENTRED;
    l.placement = (struct pk_placement){
        kept ? (float)ratio : (float)l.width / (float)image->width,
        kept ? (float)ratio : (float)l.height / (float)image->height, (float)l.left, (float)l.top};
    return l;
}

/* Rows of the resized picture go straight into the three planes of the input. */
struct filling {
    const struct pk_recipe *recipe;
    const struct layout *layout;
    int width, height;
    float *out;
};

static float normal(const struct pk_recipe *f, int c, int v) {
    return ((float)v - f->mean[c]) / f->deviation[c];
}

static void fill(float *to, int n, float value) {
    for (int i = 0; i < n; i++) to[i] = value;
}

static void fill_row(void *to, int y, const uint8_t *planes) {
    const struct filling *f = to;
    const struct layout *l = f->layout;
    int from = l->left > 0 ? l->left : 0,
        until = l->left + l->width < f->width ? l->left + l->width : f->width;
    size_t plane = (size_t)f->width * (size_t)f->height;
    for (int c = 0; c < 3; c++) {
        const uint8_t *restrict v =
            planes + (size_t)(f->recipe->bgr ? 2 - c : c) * (size_t)l->width;
        float *restrict row = f->out + (size_t)c * plane + (size_t)(y + l->top) * (size_t)f->width;
        float mean = f->recipe->mean[c], deviation = f->recipe->deviation[c];
        float pad = normal(f->recipe, c, f->recipe->pad);
        fill(row, from, pad);
        v += from - l->left;
        for (int x = 0; x < until - from; x++) row[from + x] = ((float)v[x] - mean) / deviation;
        fill(row + until, f->width - until, pad);
    }
}

int pk_prepare(const struct pk_recipe *r, const struct pk_image *image, int width, int height,
               float *out, struct pk_placement *placement) {
    if (image->width < 1 || image->height < 1) return pk_fail("the picture is empty");
    struct layout l = arrange(r->geometry, image, width, height);
    struct filling filling = {r, &l, width, height, out};
    size_t w = (size_t)width, h = (size_t)height;
    *placement = l.placement;
    if (r->geometry == PK_CORNER) { /* what needs it takes values as they are */
        pk_resize_corner(image, width, height, out);
        return 0;
    }
    for (int c = 0; c < 3; c++)
        for (size_t y = 0; y < h; y++)
            if ((int)y < l.top || (int)y >= l.top + l.height)
                fill(out + ((size_t)c * h + y) * w, width, normal(r, c, r->pad));
    int first = l.top < 0 ? -l.top : 0,
        last = height - l.top < l.height ? height - l.top : l.height;
    return pk_resize_rows(image, l.width, l.height, first, last, fill_row, &filling);
}

int pk_preprocess(enum pk_family f, const struct pk_image *image, int width, int height, float *out,
                  struct pk_placement *placement) {
    if (f == PK_FAMILY_AUTO || (unsigned)f >= PK_FAMILY_COUNT)
        return pk_fail("the network's family is not known");
    return pk_prepare(&families[f].recipe, image, width, height, out, placement);
}
