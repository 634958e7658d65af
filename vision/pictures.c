/* SPDX-License-Identifier: Apache-2.0 */
/* Pictures for AIPP; see pictures.h. What AIPP does to them is undone here as far as it concerns
 * colours: bytes are chosen so that the network gets those of its recipe. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "pictures.h"

struct pk_pictures {
    uint32_t model;
    aclAippInputFormat format;
    int dynamic;
    size_t block;                /* dynamic: the input of the parameters */
    int batch;                   /* pictures of a run, of which the first counts */
    int width, height;           /* of a picture in memory */
    int x, y, window_w, window_h; /* the part of it that AIPP takes */
    float scale_x, scale_y;      /* from there to the network's input */
    int left, top;               /* where that begins, behind AIPP's padding */
    int csc, rbuv_swap, ax_swap;
    float back[9], bias[3]; /* from the colours that AIPP makes to YUV: back * colours + bias */
    size_t bytes;
    uint8_t *memory;
    float *window; /* (3, window_h, window_w) */
    float *rows;   /* two of the picture, three colours each */
};

static const int jpeg_rgb[9] = {256, 0, 359, 256, -88, -183, 256, 454, 0};

static int is_yuv(aclAippInputFormat f) {
    return f == ACL_YUV420SP_U8 || f == ACL_YUV422SP_U8 || f == ACL_YUYV_U8 || f == ACL_AYUV444_U8;
}

static int is_rgb(aclAippInputFormat f) {
    return f == ACL_RGB888_U8 || f == ACL_XRGB8888_U8 || f == ACL_ARGB8888_U8;
}

/* Whether AIPP gives the network red, green and blue, not Y, U and V. */
static int gives_colours(const struct pk_pictures *p) { return is_yuv(p->format) == p->csc; }

/* ---- opening ---- */

/* The inverse of m / 256; -1 if there is none. */
static int invert(const int m[9], float out[9]) {
    double cofactor[9];
    for (int r = 0; r < 3; r++)
        for (int c = 0; c < 3; c++) {
            const int r1 = (r + 1) % 3, r2 = (r + 2) % 3, c1 = (c + 1) % 3, c2 = (c + 2) % 3;
            cofactor[3 * r + c] = (double)m[3 * r1 + c1] * m[3 * r2 + c2] -
                                  (double)m[3 * r1 + c2] * m[3 * r2 + c1];
        }
    const double det = m[0] * cofactor[0] + m[1] * cofactor[1] + m[2] * cofactor[2];
    if (fabs(det) < 1) return -1;
    for (int r = 0; r < 3; r++)
        for (int c = 0; c < 3; c++) out[3 * r + c] = (float)(cofactor[3 * c + r] / det * 256);
    return 0;
}

static size_t picture_bytes(aclAippInputFormat f, int width, int height) {
    const size_t n = (size_t)width * (size_t)height;
    if (f == ACL_YUV420SP_U8) return n * 3 / 2;
    if (f == ACL_YUV422SP_U8 || f == ACL_YUYV_U8) return n * 2;
    return f == ACL_XRGB8888_U8 || f == ACL_ARGB8888_U8 ? n * 4 : n * 3;
}

static int read_info(struct pk_pictures *p, const aclAippInfo *a, const struct pk_gear *gear,
                     const char *path, int *width, int *height) {
    const size_t k = gear ? (size_t)gear->k : 0;
    const aclmdlIODims *dims = &a->outDims[k < ACL_MAX_SHAPE_COUNT ? k : 0].aippOutdims;
    const int64_t *made = dims->dims;
    const int matrix[9] = {a->matrixR0C0, a->matrixR0C1, a->matrixR0C2, a->matrixR1C0,
                           a->matrixR1C1,
                           a->matrixR1C2, a->matrixR2C0, a->matrixR2C1, a->matrixR2C2};
    if (gear ? k >= a->shapeCount : a->shapeCount != 1)
        return pk_fail("%s: its preprocessing (AIPP) has %zu sizes", path, a->shapeCount);
    if (dims->dimCount != 4 || made[0] != p->batch || made[1] != 3)
        return pk_fail("%s: its preprocessing (AIPP) does not make one RGB picture; convert the "
                       "model with --input_shape so that it does", path);
    p->format = a->inputFormat;
    /* With image sizes as gears atc takes no other size of pictures than theirs. */
    p->width = p->window_w = gear && gear->width ? gear->width : a->srcImageSizeW;
    p->height = p->window_h = gear && gear->height ? gear->height : a->srcImageSizeH;
    if (a->cropSwitch) {
        p->x = a->loadStartPosW;
        p->y = a->loadStartPosH;
        p->window_w = a->cropSizeW;
        p->window_h = a->cropSizeH;
    }
    const int pairs = is_yuv(p->format) && p->format != ACL_AYUV444_U8;
    if (p->width < 1 || p->height < 1 || (pairs && p->width % 2) ||
        (p->format == ACL_YUV420SP_U8 &&
         p->height % 2) || p->window_w < 1 || p->window_h < 1 || p->x < 0 ||
        p->y < 0 || p->window_w > p->width - p->x || p->window_h > p->height - p->y)
        return pk_fail("%s: its preprocessing (AIPP) takes pictures of no usable size", path);
    if (a->resizeSwitch) {
        p->scale_x = (float)a->resizeOutputW / (float)p->window_w;
        p->scale_y = (float)a->resizeOutputH / (float)p->window_h;
    }
    if (a->paddingSwitch) {
        p->left = a->leftPaddingSize;
        p->top = a->topPaddingSize;
    }
    p->csc = a->cscSwitch != 0;
    p->rbuv_swap = a->rbuvSwapSwitch;
    p->ax_swap = a->axSwapSwitch;
    const int bias[3] = {a->inputBias0, a->inputBias1, a->inputBias2};
    for (int i = 0; i < 3; i++) p->bias[i] = p->csc ? (float)bias[i] : i ? 128 : 0;
    if (is_yuv(p->format) && invert(p->csc ? matrix : jpeg_rgb, p->back))
        return pk_fail("%s: the colour matrix of its preprocessing (AIPP) makes different colours "
                       "the same, so no picture is right for it", path);
    *height = (int)made[2];
    *width = (int)made[3];
    return 0;
}

static int open_static(struct pk_pictures *p, const struct pk_gear *gear, const char *path,
                       int *width, int *height) {
    aclAippInfo *info = calloc(1, sizeof *info);
    if (!info) return pk_fail("%s: out of memory", path);
    aclError code = aclmdlGetFirstAippInfo(p->model, 0, info);
    int status = code == ACL_SUCCESS
                     ? read_info(p, info, gear, path, width, height)
                     : pk_fail("%s: aclmdlGetFirstAippInfo failed with %d", path, (int)code);
    free(info);
    return status;
}

/* Pictures of the network's own size, as RGB if the model has room for that, else as NV12. */
static int open_dynamic(struct pk_pictures *p, aclmdlDesc *desc, const struct pk_gear *gear,
                        const char *path, int *width, int *height) {
    aclmdlIODims d = {0};
    aclError code = ACL_SUCCESS;
    if (gear) d = gear->dims;
    else code = aclmdlGetInputDims(desc, 0, &d);
    if (code != ACL_SUCCESS || d.dimCount != 4 || d.dims[0] != p->batch ||
        d.dims[1] != 3 || d.dims[2] < 1 || d.dims[3] < 1 || d.dims[2] > 4096 || d.dims[3] > 4096)
        return pk_fail("%s: what it preprocesses (AIPP) is not one RGB picture (1,3,height,width); "
                       "convert the model with --input_shape so that it is", path);
    const size_t room = aclmdlGetInputSizeByIndex(desc, 0) / (size_t)p->batch;
    *height = p->height = p->window_h = (int)d.dims[2];
    *width = p->width = p->window_w = (int)d.dims[3];
    p->dynamic = 1;
    p->format = ACL_RGB888_U8;
    if (picture_bytes(p->format, p->width, p->height) > room) {
        p->format = ACL_YUV420SP_U8;
        p->csc = 1;
        p->bias[1] = p->bias[2] = 128;
        if (p->width % 2 || p->height % 2 || picture_bytes(p->format, p->width, p->height) > room)
            return pk_fail("%s: its max_src_image_size, %zu bytes, has no room for a picture of "
                           "%d x %d", path, room, p->width, p->height);
    }
    return 0;
}

int pk_pictures_open(uint32_t model, aclmdlDesc *desc, const struct pk_gear *gear,
                     const char *path, struct pk_pictures **out, int *width, int *height) {
    aclmdlInputAippType type;
    size_t attached;
    *out = NULL;
    if (aclmdlGetAippType(model, 0, &type, &attached) != ACL_SUCCESS ||
        (type != ACL_DATA_WITH_STATIC_AIPP && type != ACL_DATA_WITH_DYNAMIC_AIPP))
        return 0;
    struct pk_pictures *p = *out = calloc(1, sizeof *p);
    if (!p) return pk_fail("%s: out of memory", path);
    *p = (struct pk_pictures){.model = model, .block = attached, .scale_x = 1, .scale_y = 1,
                              .batch = gear ? gear->batch : 1};
    if (type == ACL_DATA_WITH_DYNAMIC_AIPP ? open_dynamic(p, desc, gear, path, width, height)
                                           : open_static(p, gear, path, width, height))
        return -1;
    if (!is_yuv(p->format) && !is_rgb(p->format))
        return pk_fail("%s: its preprocessing (AIPP) takes pictures without colours", path);
    const size_t most = (size_t)3 * (size_t)p->window_w * (size_t)p->window_h;
    p->bytes = picture_bytes(p->format, p->width, p->height);
    p->memory = calloc(p->bytes, 1);
    p->window = malloc(most * sizeof *p->window);
    p->rows = malloc((size_t)6 * (size_t)p->width * sizeof *p->rows);
    return p->memory && p->window && p->rows ? 0 : pk_fail("%s: out of memory", path);
}

void pk_pictures_close(struct pk_pictures *p) {
    if (!p) return;
    free(p->memory);
    free(p->window);
    free(p->rows);
    free(p);
}

int pk_pictures_are_dynamic(const struct pk_pictures *p, size_t *block) {
    *block = p->block;
    return p->dynamic;
}

/* ---- parameters ---- */

/* A row for each colour of the recipe's order, so that the picture's own colours go in. */
static void matrix_of(const struct pk_recipe *r, int out[9]) {
    for (int i = 0; i < 9; i++) out[i] = jpeg_rgb[3 * (r->bgr ? 2 - i / 3 : i / 3) + i % 3];
}

static aclError set_all(const struct pk_pictures *p, const struct pk_recipe *r, aclmdlAIPP *a) {
    float rest[4] = {0}, factor[4] = {1, 1, 1, 1};
    int16_t whole[4] = {0};
    int m[9];
    matrix_of(r, m);
    for (int c = 0; c < 3; c++) { /* a mean is a whole number, and a float of what is left */
        whole[c] = (int16_t)floorf(r->mean[c]);
        rest[c] = r->mean[c] - (float)whole[c];
        factor[c] = 1 / r->deviation[c];
    }
    const aclError code[] = {
        aclmdlSetAIPPInputFormat(a, p->format),
        aclmdlSetAIPPSrcImageSize(a, p->width, p->height),
        aclmdlSetAIPPCscParams(a, (int8_t)p->csc, (int16_t)m[0], (int16_t)m[1], (int16_t)m[2],
                               (int16_t)m[3], (int16_t)m[4], (int16_t)m[5], (int16_t)m[6],
                               (int16_t)m[7], (int16_t)m[8], 0, 0, 0, 0, 128, 128),
    };
    for (size_t i = 0; i < sizeof code / sizeof *code; i++)
        if (code[i] != ACL_SUCCESS) return code[i];
    for (uint64_t i = 0; i < (uint64_t)p->batch; i++) {
        const aclError own[] = {
            aclmdlSetAIPPDtcPixelMean(a, whole[0], whole[1], whole[2], whole[3], i),
            aclmdlSetAIPPDtcPixelMin(a, rest[0], rest[1], rest[2], rest[3], i),
            aclmdlSetAIPPPixelVarReci(a, factor[0], factor[1], factor[2], factor[3], i),
        };
        for (size_t k = 0; k < sizeof own / sizeof *own; k++)
            if (own[k] != ACL_SUCCESS) return own[k];
    }
    return ACL_SUCCESS;
}

int pk_pictures_set(const struct pk_pictures *p, const struct pk_recipe *r, aclmdlDataset *inputs) {
    aclmdlAIPP *a = aclmdlCreateAIPP((uint64_t)p->batch);
    if (!a) return pk_fail("out of memory for parameters of AIPP");
    aclError code = set_all(p, r, a);
    if (code == ACL_SUCCESS) code = aclmdlSetInputAIPP(p->model, inputs, p->block, a);
    const char *why = aclGetRecentErrMsg();
    int status = code == ACL_SUCCESS ? 0
                                     : pk_fail("the parameters of AIPP cannot be set (error %d): "
                                               "%s",
                                               (int)code, why ? why : "");
    aclmdlDestroyAIPP(a);
    return status;
}

/* ---- pictures ---- */

static uint8_t byte(float v) {
    const long n = lrintf(v);
    return (uint8_t)(n < 0 ? 0 : n > 255 ? 255 : n);
}

/* Row y of the picture, three colours of `width` each; grey outside of the window. */
static void read_row(const struct pk_pictures *p, int y, float grey, float *to) {
    const size_t w = (size_t)p->width, part = (size_t)p->window_w;
    const int inside = y >= p->y && y < p->y + p->window_h;
    for (size_t c = 0; c < 3; c++, to += w) {
        for (size_t x = 0; x < w && (!inside || part < w); x++) to[x] = grey;
        if (inside)
            memcpy(to + p->x, p->window + (c * (size_t)p->window_h + (size_t)(y - p->y)) * part,
                   part * sizeof *to);
    }
}

/* AIPP rounds down what it makes of YUV, so the middle of each step is aimed at. */
static void to_yuv(const struct pk_pictures *p, float *row) {
    const size_t w = (size_t)p->width;
    const float half = p->csc ? 0.5f : 0;
    for (size_t x = 0; x < w; x++) {
        const float c[3] = {row[x] + half, row[w + x] + half, row[2 * w + x] + half};
        for (size_t i = 0; i < 3; i++)
            row[i * w + x] = p->back[3 * i] * c[0] + p->back[3 * i + 1] * c[1] +
                             p->back[3 * i + 2] * c[2] + p->bias[i];
    }
}

/* The mean of a colour over two pixels of each of n rows. */
static float mean(const float *row, size_t step, int n) {
    const float sum = row[0] + row[1];
    return n == 1 ? sum / 2 : (sum + row[step] + row[step + 1]) / 4;
}

/* One row, or with YUV420SP two, of which there are n. */
static void write_yuv(const struct pk_pictures *p, int y, int n, const float *row) {
    const size_t w = (size_t)p->width, h = (size_t)p->height, at = (size_t)y, next = 3 * w;
    const float *u = row + (p->rbuv_swap ? 2 : 1) * w, *v = row + (p->rbuv_swap ? 1 : 2) * w;
    uint8_t *luma = p->memory + at * w, *pair = p->memory + w * h;
    if (p->format == ACL_AYUV444_U8) {
        luma = p->memory + at * 3 * w;
        for (size_t x = 0; x < w; x++) {
            luma[3 * x] = byte(row[x]);
            luma[3 * x + 1] = byte(u[x]);
            luma[3 * x + 2] = byte(v[x]);
        }
        return;
    }
    const int packed = p->format == ACL_YUYV_U8;
    if (packed) luma = p->memory + at * 2 * w;
    pair = packed ? luma : pair + (n == 2 ? at / 2 : at) * w;
    for (size_t k = 0; k < (size_t)n; k++)
        for (size_t x = 0; x < w; x++) luma[k * w + (packed ? 2 * x : x)] = byte(row[k * next + x]);
    for (size_t x = 0; x < w; x += 2) {
        uint8_t *to = packed ? pair + 2 * x + 1 : pair + x;
        to[0] = byte(mean(u + x, next, n));
        to[packed ? 2 : 1] = byte(mean(v + x, next, n));
    }
}

static void write_rgb(const struct pk_pictures *p, int y, const float *row) {
    const size_t w = (size_t)p->width;
    const size_t size = p->format == ACL_RGB888_U8 ? 3 : 4;
    uint8_t *to = p->memory + (size_t)y * w * size;
    for (size_t c = 0; c < 3; c++) {
        const float *from = row + (p->rbuv_swap ? 2 - c : c) * w;
        /* Four bytes are X R G B, or R G B X where AIPP moves the last to the front. */
        const size_t at = size == 3 || p->ax_swap ? c : c + 1;
        for (size_t x = 0; x < w; x++) to[x * size + at] = byte(from[x]);
    }
}

const uint8_t *pk_pictures_make(struct pk_pictures *p, const struct pk_recipe *r,
                                const struct pk_image *image, struct pk_placement *placement,
                                size_t *bytes) {
    const struct pk_recipe plain = {gives_colours(p) && r->bgr, r->geometry, {0, 0, 0}, {1, 1, 1},
                                    r->pad};
    const int step = p->format == ACL_YUV420SP_U8 ? 2 : 1;
    if (p->dynamic && p->csc) { /* the matrix that pk_pictures_set() sets */
        int m[9];
        matrix_of(r, m);
        invert(m, p->back);
    }
    if (pk_prepare(&plain, image, p->window_w, p->window_h, p->window, placement)) return NULL;
    for (int y = 0; y < p->height; y += step) {
        for (int k = 0; k < step; k++) {
            float *row = p->rows + (size_t)k * 3 * (size_t)p->width;
            read_row(p, y + k, (float)r->pad, row);
            if (is_yuv(p->format)) to_yuv(p, row);
        }
        if (is_yuv(p->format)) write_yuv(p, y, step, p->rows);
        else write_rgb(p, y, p->rows);
    }
    placement->pad_x = placement->pad_x * p->scale_x + (float)p->left;
    placement->pad_y = placement->pad_y * p->scale_y + (float)p->top;
    placement->scale_x *= p->scale_x;
    placement->scale_y *= p->scale_y;
    *bytes = p->bytes;
    return p->memory;
}
