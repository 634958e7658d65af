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
                   "nanodet, imagenet and imagenet-caffe", name);
}

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
    case STRETCH: break;
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
        l.width = narrow ? (int)nearbyint(width * 256.0 / 224) : (int)(image->width * side);
        l.height = narrow ? (int)(image->height * side) : (int)nearbyint(height * 256.0 / 224);
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

int pk_preprocess(enum pk_family f, const struct pk_image *image, int width, int height, float *out,
                  struct pk_placement *placement) {
    const struct family *family = &families[f];
    if (f == PK_FAMILY_AUTO || (unsigned)f >= PK_FAMILY_COUNT)
        return pk_fail("the network's family is not known");
    struct layout l = arrange(family->geometry, image, width, height);
    struct pk_image scaled = *image;
    int same = l.width == image->width && l.height == image->height;
    if (!same && pk_image_resize(image, l.width, l.height, &scaled)) return -1;
    size_t plane = (size_t)width * (size_t)height;
    for (int c = 0; c < 3; c++) {
        int channel = family->bgr ? 2 - c : c;
        float scale = 1 / family->deviation[c], mean = family->mean[c];
        float table[256];
        for (int v = 0; v < 256; v++)
            table[v] = scale == 1 ? (float)v - mean : ((float)v - mean) / family->deviation[c];
        float pad = table[114];
        for (int y = 0; y < height; y++) {
            float *to = out + (size_t)c * plane + (size_t)y * (size_t)width;
            int sy = y - l.top, from = l.left > 0 ? l.left : 0,
                until = l.left + l.width < width ? l.left + l.width : width;
            if (sy < 0 || sy >= l.height) from = until = width;
            for (int x = 0; x < from; x++) to[x] = pad;
            if (from < until) {
                const uint8_t *row = scaled.rgb + ((size_t)sy * (size_t)l.width) * 3 + channel;
                for (int x = from; x < until; x++) to[x] = table[row[3 * (x - l.left)]];
            }
            for (int x = until; x < width; x++) to[x] = pad;
        }
    }
    if (!same) pk_image_free(&scaled);
    *placement = l.placement;
    return 0;
}
