/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The families: what each network was trained on, as the table below says, and turning a picture
 * into that.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "internal.h"

enum geometry {
    TOP_LEFT, /* keep the ratio, pad right and bottom */
    CENTRED,  /* keep the ratio, pad all round */
    STRETCH,
    CORNER,   /* stretched as TensorFlow 1 did */
    CROP      /* short side 256/224 of the input, then the centre */
};

static const struct family {
    const char *name;
    int bgr;
    enum geometry geometry;
    float mean[3], deviation[3]; /* of values 0..255, in the network's channel order */
    const struct pk_decoder *decoder;
} families[PK_FAMILY_COUNT] = {
    [PK_FAMILY_AUTO] = {"auto", 0, STRETCH, {0, 0, 0}, {1, 1, 1}, NULL},
    [PK_YOLOX] = {"yolox", 1, TOP_LEFT, {0, 0, 0}, {1, 1, 1}, &pk_yolox_decoder},
    [PK_YOLOX_MEANSTD] = {"yolox-meanstd", 0, TOP_LEFT,
                          {.485f * 255, .456f * 255, .406f * 255},
                          {.229f * 255, .224f * 255, .225f * 255}, &pk_yolox_decoder},
    [PK_YOLOV5] = {"yolov5", 0, CENTRED, {0, 0, 0}, {255, 255, 255}, &pk_yolov5_decoder},
    [PK_YOLOV8] = {"yolov8", 0, CENTRED, {0, 0, 0}, {255, 255, 255}, &pk_yolov8_decoder},
    [PK_NANODET] = {"nanodet", 1, STRETCH, {103.53f, 116.28f, 123.675f},
                    {57.375f, 57.12f, 58.395f}, &pk_nanodet_decoder},
    [PK_SSD] = {"ssd", 0, CORNER, {0, 0, 0}, {1, 1, 1}, &pk_ssd_decoder},
    [PK_IMAGENET] = {"imagenet", 0, CROP, {.485f * 255, .456f * 255, .406f * 255},
                     {.229f * 255, .224f * 255, .225f * 255}, NULL},
    [PK_IMAGENET_CAFFE] = {"imagenet-caffe", 1, CROP, {104, 117, 123}, {1, 1, 1}, NULL},
};

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

/* The grey that letterboxes are filled with. */
enum { PAD = 114 };

const struct pk_decoder *pk_decoder_of(enum pk_family f) { return families[f].decoder; }

/* Where the resized picture goes, and how large it is. */
struct layout {
    int width, height, left, top;   /* of the resized picture in the input; may stick out (CROP) */
    struct pk_placement placement;
};

static struct layout arrange(enum geometry g, const struct pk_image *image, int width, int height) {
    struct layout l = {width, height, 0, 0, {0, 0, 0, 0}};
    double ratio = fmin((double)width / image->width, (double)height / image->height);
    switch (g) {
    case STRETCH:
    case CORNER: break;
    case TOP_LEFT:
        l.width = (int)(image->width * ratio);
        l.height = (int)(image->height * ratio);
        break;
    case CENTRED: {
        l.width = (int)nearbyint(image->width * ratio);
        l.height = (int)nearbyint(image->height * ratio);
        /* The original rounds both halves of the padding with a nudge, so that an odd pixel goes to
         * the right and bottom. */
        l.left = (int)nearbyint((width - l.width) / 2.0 - 0.1);
        l.top = (int)nearbyint((height - l.height) / 2.0 - 0.1);
        break;
    }
    case CROP: {
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
    int kept = g == TOP_LEFT || g == CENTRED;
    l.placement = (struct pk_placement){
        kept ? (float)ratio : (float)l.width / (float)image->width,
        kept ? (float)ratio : (float)l.height / (float)image->height, (float)l.left, (float)l.top};
    return l;
}

/* Rows of the resized picture go straight into the three planes of the input. */
struct filling {
    const struct family *family;
    const struct layout *layout;
    int width, height;
    float *out;
};

static float normal(const struct family *f, int c, uint8_t v) {
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
            planes + (size_t)(f->family->bgr ? 2 - c : c) * (size_t)l->width;
        float *restrict row = f->out + (size_t)c * plane + (size_t)(y + l->top) * (size_t)f->width;
        float mean = f->family->mean[c], deviation = f->family->deviation[c];
        float pad = normal(f->family, c, PAD);
        fill(row, from, pad);
        v += from - l->left;
        for (int x = 0; x < until - from; x++) row[from + x] = ((float)v[x] - mean) / deviation;
        fill(row + until, f->width - until, pad);
    }
}

int pk_preprocess(enum pk_family f, const struct pk_image *image, int width, int height, float *out,
                  struct pk_placement *placement) {
    if (f == PK_FAMILY_AUTO || (unsigned)f >= PK_FAMILY_COUNT)
        return pk_fail("the network's family is not known");
    if (image->width < 1 || image->height < 1) return pk_fail("the picture is empty");
    const struct family *family = &families[f];
    struct layout l = arrange(family->geometry, image, width, height);
    struct filling filling = {family, &l, width, height, out};
    size_t w = (size_t)width, h = (size_t)height;
    *placement = l.placement;
    if (family->geometry == CORNER) { /* what needs it takes values as they are */
        pk_resize_corner(image, width, height, out);
        return 0;
    }
    for (int c = 0; c < 3; c++)
        for (size_t y = 0; y < h; y++)
            if ((int)y < l.top || (int)y >= l.top + l.height)
                fill(out + ((size_t)c * h + y) * w, width, normal(family, c, PAD));
    int first = l.top < 0 ? -l.top : 0,
        last = height - l.top < l.height ? height - l.top : l.height;
    return pk_resize_rows(image, l.width, l.height, first, last, fill_row, &filling);
}
