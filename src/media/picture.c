/* SPDX-License-Identifier: Apache-2.0 */
/* Formats and their memory, and the function behind resize, crop, paste and conversion. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "media/media.h"

enum media_status media_fail(struct media *m, enum media_status status, const char *format, ...) {
    va_list args;
    va_start(args, format);
    vsnprintf(m->text, sizeof m->text, format, args);
    va_end(args);
    return status;
}

/* ---- formats ---- */

static const struct format_info formats[] = {
    [FORMAT_GREY] = {"YUV400", KIND_GREY, 1, 0, 0, false, {0}},
    [FORMAT_NV12] = {"YUV420SP NV12", KIND_SEMIPLANAR, 1, 1, 1, false, {0}},
    [FORMAT_NV21] = {"YUV420SP NV21", KIND_SEMIPLANAR, 1, 1, 1, true, {0}},
    [FORMAT_NV16] = {"YUV422SP", KIND_SEMIPLANAR, 1, 1, 0, false, {0}},
    [FORMAT_NV61] = {"YVU422SP", KIND_SEMIPLANAR, 1, 1, 0, true, {0}},
    [FORMAT_NV24] = {"YUV444SP", KIND_SEMIPLANAR, 1, 0, 0, false, {0}},
    [FORMAT_NV42] = {"YVU444SP", KIND_SEMIPLANAR, 1, 0, 0, true, {0}},
    [FORMAT_YUYV] = {"YUYV", KIND_YUYV, 2, 1, 0, false, {0, 1, 2, 3}},
    [FORMAT_UYVY] = {"UYVY", KIND_YUYV, 2, 1, 0, false, {1, 0, 3, 2}},
    [FORMAT_YVYU] = {"YVYU", KIND_YUYV, 2, 1, 0, false, {0, 3, 2, 1}},
    [FORMAT_VYUY] = {"VYUY", KIND_YUYV, 2, 1, 0, false, {1, 2, 3, 0}},
    [FORMAT_YUV] = {"YUV444 packed", KIND_YUV, 3, 0, 0, false, {0}},
    [FORMAT_RGB] = {"RGB888", KIND_RGB, 3, 0, 0, false, {0, 1, 2, 0}},
    [FORMAT_BGR] = {"BGR888", KIND_RGB, 3, 0, 0, false, {2, 1, 0, 0}},
    [FORMAT_ARGB] = {"ARGB8888", KIND_RGB, 4, 0, 0, false, {1, 2, 3, 0}},
    [FORMAT_ABGR] = {"ABGR8888", KIND_RGB, 4, 0, 0, false, {3, 2, 1, 0}},
    [FORMAT_RGBA] = {"RGBA8888", KIND_RGB, 4, 0, 0, false, {0, 1, 2, 3}},
    [FORMAT_BGRA] = {"BGRA8888", KIND_RGB, 4, 0, 0, false, {2, 1, 0, 3}},
};
static const struct format_info formats_440[] = {
    {"YUV440SP", KIND_SEMIPLANAR, 1, 0, 1, false, {0}},
    {"YVU440SP", KIND_SEMIPLANAR, 1, 0, 1, true, {0}},
};

const struct format_info *format_info(int format) {
    if (format >= 0 && format < (int)(sizeof formats / sizeof *formats)) return &formats[format];
    if (format == FORMAT_UV440 || format == FORMAT_VU440)
        return &formats_440[format - FORMAT_UV440];
    return NULL;
}

/* ---- memory ---- */

static uint32_t half_up(uint32_t n, int shift) { return (n + (1U << shift) - 1) >> shift; }

/* Bytes from row to row of the chroma plane. */
static size_t chroma_pitch(const struct picture *p, const struct format_info *f) {
    return f->sub_x ? p->stride : (size_t)p->stride * 2;
}

size_t picture_bytes(const struct picture *p) {
    const struct format_info *f = format_info(p->format);
    if (!f) return 0;
    uint64_t luma = (uint64_t)p->stride * p->rows, chroma = 0;
    if (f->kind == KIND_SEMIPLANAR)
        chroma = (uint64_t)chroma_pitch(p, f) * half_up(p->rows, f->sub_y);
    return (size_t)(luma + chroma);
}

enum media_status picture_check(struct media *m, const struct picture *p, const char *what) {
    const struct format_info *f = format_info(p->format);
    if (!f)
        return media_fail(m, MEDIA_UNSUPPORTED, "%s: format %d is not supported", what, p->format);
    if (p->width < 1 || p->height < 1 || p->width > MEDIA_MAX_SIDE || p->height > MEDIA_MAX_SIDE)
        return media_fail(m, MEDIA_ARGUMENT, "%s: %u x %u pixels; sides are 1 to %d", what,
                          p->width, p->height, MEDIA_MAX_SIDE);
    /* A pair of chroma, or of pixels, is whole even where the width is odd. */
    uint32_t need = f->bytes * (f->sub_x ? half_up(p->width, 1) * 2 : p->width);
    if (p->stride < need)
        return media_fail(m, MEDIA_ARGUMENT,
                          "%s: the width stride is %u bytes; %u pixels of %s take %u", what,
                          p->stride, p->width, f->name, need);
    if (p->stride > MEDIA_MAX_SIDE * 8 || p->rows > MEDIA_MAX_SIDE * 2)
        return media_fail(m, MEDIA_ARGUMENT, "%s: strides of %u and %u are too large", what,
                          p->stride, p->rows);
    if (p->rows < p->height)
        return media_fail(m, MEDIA_ARGUMENT, "%s: the height stride is %u, the height %u", what,
                          p->rows, p->height);
    if (!p->data) return media_fail(m, MEDIA_ARGUMENT, "%s: it has no memory", what);
    if (p->bytes >= picture_bytes(p)) return MEDIA_OK;
    /* Files have no rows but the picture's, where a chip's memory is often padded to 16. */
    struct picture tight = *p;
    tight.rows = p->height;
    if (p->bytes >= picture_bytes(&tight))
        return media_fail(m, MEDIA_ARGUMENT,
                          "%s: its memory has %zu bytes; %s with strides of %u and %u takes %zu: "
                          "put the second plane there and give the whole size, or set the height "
                          "stride to %u",
                          what, p->bytes, f->name, p->stride, p->rows, picture_bytes(p),
                          p->height);
    return media_fail(m, MEDIA_ARGUMENT,
                      "%s: its memory has %zu bytes; %s with strides of %u and %u takes %zu", what,
                      p->bytes, f->name, p->stride, p->rows, picture_bytes(p));
}

int picture_planes(const struct picture *p, struct plane planes[2]) {
    const struct format_info *f = format_info(p->format);
    planes[0] = (struct plane){p->data, p->stride, p->width, p->height, f->bytes};
    if (f->kind != KIND_SEMIPLANAR) return 1;
    planes[1] = (struct plane){p->data + (size_t)p->stride * p->rows, chroma_pitch(p, f),
                               half_up(p->width, f->sub_x), half_up(p->height, f->sub_y), 2};
    return 2;
}

struct rect rect_chroma(struct rect r, const struct format_info *f) {
    return (struct rect){r.left >> f->sub_x, r.top >> f->sub_y, half_up(r.right, f->sub_x),
                         half_up(r.bottom, f->sub_y)};
}

static uint32_t wide(struct rect r) { return r.right - r.left; }
static uint32_t high(struct rect r) { return r.bottom - r.top; }

static struct plane part(const struct plane *p, struct rect r) {
    return (struct plane){p->data + r.top * p->pitch + (size_t)r.left * p->channels, p->pitch,
                          wide(r), high(r), p->channels};
}

/* ---- packed formats, through semi-planar ones ---- */

/* A picture in memory of its own, tight; data is NULL when there is none to be had. */
static struct picture temporary(struct media *m, int format, uint32_t width, uint32_t height) {
    struct picture t = {.format = format, .width = width, .height = height, .rows = height};
    t.stride = half_up(width, 1) * 2 * format_info(format)->bytes;
    t.bytes = picture_bytes(&t);
    t.data = m->alloc(t.bytes);
    return t;
}

static void unpack(const struct picture *p, struct rect r, const struct picture *to) {
    const struct format_info *f = format_info(p->format);
    struct plane planes[2];
    picture_planes(to, planes);
    for (uint32_t y = 0; y < high(r); y++) {
        const uint8_t *from = p->data + (size_t)(r.top + y) * p->stride;
        uint8_t *luma = planes[0].data + y * planes[0].pitch;
        uint8_t *uv = planes[1].data + y * planes[1].pitch;
        if (f->kind == KIND_YUV) {
            from += (size_t)r.left * 3;
            for (uint32_t x = 0; x < wide(r); x++, from += 3) {
                luma[x] = from[0];
                uv[2 * x] = from[1];
                uv[2 * x + 1] = from[2];
            }
            continue;
        }
        for (uint32_t x = 0; x < wide(r); x++) {
            uint32_t at = r.left + x;
            luma[x] = from[(size_t)(at >> 1) * 4 + f->order[at & 1 ? 2 : 0]];
        }
        struct rect c = rect_chroma(r, f);
        for (uint32_t x = 0; x < wide(c) && x < planes[1].width; x++) {
            uv[2 * x] = from[(size_t)(c.left + x) * 4 + f->order[1]];
            uv[2 * x + 1] = from[(size_t)(c.left + x) * 4 + f->order[3]];
        }
    }
}

static void pack(const struct picture *from, const struct picture *p, struct rect r) {
    const struct format_info *f = format_info(p->format);
    struct plane planes[2];
    picture_planes(from, planes);
    for (uint32_t y = 0; y < high(r); y++) {
        uint8_t *to = p->data + (size_t)(r.top + y) * p->stride;
        const uint8_t *luma = planes[0].data + y * planes[0].pitch;
        const uint8_t *uv = planes[1].data + y * planes[1].pitch;
        if (f->kind == KIND_YUV) {
            to += (size_t)r.left * 3;
            for (uint32_t x = 0; x < wide(r); x++, to += 3) {
                to[0] = luma[x];
                to[1] = uv[2 * x];
                to[2] = uv[2 * x + 1];
            }
            continue;
        }
        for (uint32_t x = 0; x < wide(r); x++) {
            uint32_t at = r.left + x;
            to[(size_t)(at >> 1) * 4 + f->order[at & 1 ? 2 : 0]] = luma[x];
        }
        struct rect c = rect_chroma(r, f);
        for (uint32_t x = 0; x < wide(c); x++) {
            uint32_t from_x = x < planes[1].width ? x : planes[1].width - 1;
            to[(size_t)(c.left + x) * 4 + f->order[1]] = uv[2 * from_x];
            to[(size_t)(c.left + x) * 4 + f->order[3]] = uv[2 * from_x + 1];
        }
    }
}

/* ---- colour families ---- */

static void swap_pairs(const struct plane *p) {
    for (uint32_t y = 0; y < p->height; y++) {
        uint8_t *row = p->data + y * p->pitch;
        for (uint32_t x = 0; x < p->width; x++) {
            uint8_t first = row[2 * x];
            row[2 * x] = row[2 * x + 1];
            row[2 * x + 1] = first;
        }
    }
}

static void fill_plane(const struct plane *p, int value) {
    for (uint32_t y = 0; y < p->height; y++)
        memset(p->data + y * p->pitch, value, (size_t)p->width * p->channels);
}

/* Between grey and semi-planar pictures of any sampling. */
static enum media_status planes_to_planes(struct media *m, const struct picture *src,
                                          struct rect crop, const struct picture *dst,
                                          struct rect paste, enum scaling scaling) {
    const struct format_info *sf = format_info(src->format), *df = format_info(dst->format);
    struct plane from[2], to[2];
    int n_from = picture_planes(src, from), n_to = picture_planes(dst, to);
    struct plane a = part(&from[0], crop), b = part(&to[0], paste);
    MEDIA_TRY(plane_scale(m, &a, &b, scaling));
    if (n_to < 2) return MEDIA_OK;
    b = part(&to[1], rect_chroma(paste, df));
    if (n_from < 2) {
        fill_plane(&b, 128);
        return MEDIA_OK;
    }
    a = part(&from[1], rect_chroma(crop, sf));
    MEDIA_TRY(plane_scale(m, &a, &b, scaling));
    if (sf->swapped != df->swapped) swap_pairs(&b);
    return MEDIA_OK;
}

/* One order of R, G, B (and A, which is 255 where there was none) into another. */
static void reorder(const struct plane *a, const struct format_info *af, const struct plane *b,
                    const struct format_info *bf) {
    for (uint32_t y = 0; y < a->height; y++) {
        const uint8_t *from = a->data + y * a->pitch;
        uint8_t *to = b->data + y * b->pitch;
        for (uint32_t x = 0; x < a->width; x++, from += af->bytes, to += bf->bytes) {
            uint8_t alpha = af->bytes == 4 ? from[af->order[3]] : 255;
            uint8_t red = from[af->order[0]], green = from[af->order[1]], blue = from[af->order[2]];
            if (bf->bytes == 4) to[bf->order[3]] = alpha;
            to[bf->order[0]] = red;
            to[bf->order[1]] = green;
            to[bf->order[2]] = blue;
        }
    }
}

static enum media_status rgb_to_rgb(struct media *m, const struct picture *src, struct rect crop,
                                    const struct picture *dst, struct rect paste,
                                    enum scaling scaling) {
    struct plane from[2], to[2];
    picture_planes(src, from);
    picture_planes(dst, to);
    struct plane a = part(&from[0], crop), b = part(&to[0], paste);
    if (src->format == dst->format) return plane_scale(m, &a, &b, scaling);
    struct picture t = temporary(m, src->format, wide(paste), high(paste));
    if (!t.data) return media_fail(m, MEDIA_MEMORY, "no memory for %zu bytes", t.bytes);
    struct plane middle[2];
    picture_planes(&t, middle);
    enum media_status status = plane_scale(m, &a, &middle[0], scaling);
    if (status == MEDIA_OK)
        reorder(&middle[0], format_info(src->format), &b, format_info(dst->format));
    m->free(t.data);
    return status;
}

static struct rect whole(const struct picture *p) {
    return (struct rect){0, 0, p->width, p->height};
}

static void convert_to_yuv(const struct picture *src, struct rect crop, const struct picture *to,
                           enum csc csc) {
    const struct format_info *f = format_info(src->format);
    struct plane planes[2];
    picture_planes(to, planes);
    for (uint32_t y = 0; y < high(crop); y++)
        csc_to_yuv(csc,
                   src->data + (size_t)(crop.top + y) * src->stride + (size_t)crop.left * f->bytes,
                   f, planes[0].data + y * planes[0].pitch, planes[1].data + y * planes[1].pitch,
                   wide(crop));
}

static void convert_to_rgb(const struct picture *from, const struct picture *dst,
                           struct rect paste, enum csc csc) {
    const struct format_info *f = format_info(dst->format);
    struct plane planes[2];
    picture_planes(from, planes);
    for (uint32_t y = 0; y < high(paste); y++)
        csc_to_rgb(csc, planes[0].data + y * planes[0].pitch, planes[1].data + y * planes[1].pitch,
                   false,
                   dst->data + (size_t)(paste.top + y) * dst->stride +
                       (size_t)paste.left * f->bytes,
                   f, wide(paste));
}

/* The format in which pixels of a packed one stand as planes. */
static int as_planes(const struct format_info *f) {
    return f->kind == KIND_YUYV ? FORMAT_NV16 : FORMAT_NV24;
}

enum media_status picture_transform(struct media *m, const struct picture *src, struct rect crop,
                                    const struct picture *dst, struct rect paste,
                                    enum scaling scaling, enum csc csc) {
    const struct format_info *sf = format_info(src->format), *df = format_info(dst->format);
    if (sf->kind == KIND_RGB && df->kind == KIND_RGB)
        return rgb_to_rgb(m, src, crop, dst, paste, scaling);
    if (sf->kind == KIND_YUV && df->kind == KIND_YUV) {
        struct plane from[2], to[2];
        picture_planes(src, from);
        picture_planes(dst, to);
        struct plane a = part(&from[0], crop), b = part(&to[0], paste);
        return plane_scale(m, &a, &b, scaling);
    }
    /* What is not planes of YUV is brought there first, and brought from there last. */
    bool is_packed = sf->kind == KIND_RGB || sf->kind == KIND_YUV || sf->kind == KIND_YUYV;
    bool to_packed = df->kind == KIND_RGB || df->kind == KIND_YUV || df->kind == KIND_YUYV;
    struct picture a = {0}, b = {0};
    enum media_status status = MEDIA_OK;
    if (is_packed) {
        a = temporary(m, as_planes(sf), wide(crop), high(crop));
        if (!a.data) return media_fail(m, MEDIA_MEMORY, "no memory for %zu bytes", a.bytes);
        if (sf->kind == KIND_RGB) convert_to_yuv(src, crop, &a, csc);
        else unpack(src, crop, &a);
        src = &a;
        crop = whole(&a);
    }
    if (to_packed) {
        b = temporary(m, as_planes(df), wide(paste), high(paste));
        if (b.data) status = planes_to_planes(m, src, crop, &b, whole(&b), scaling);
        else status = media_fail(m, MEDIA_MEMORY, "no memory for %zu bytes", b.bytes);
        if (status == MEDIA_OK && df->kind == KIND_RGB) convert_to_rgb(&b, dst, paste, csc);
        else if (status == MEDIA_OK) pack(&b, dst, paste);
    } else {
        status = planes_to_planes(m, src, crop, dst, paste, scaling);
    }
    m->free(a.data);
    m->free(b.data);
    return status;
}
