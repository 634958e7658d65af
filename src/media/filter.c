/* SPDX-License-Identifier: Apache-2.0 */
/* Borders, pyramids, tables and histograms. */
#include <math.h>
#include <string.h>

#include "media/media.h"

/* ---- borders ---- */

/* The sample inside 0..n-1 that stands for one outside. */
static uint32_t mirrored(int64_t at, uint32_t n, enum border type) {
    if (at >= 0 && at < n) return (uint32_t)at;
    if (type == BORDERS_REPLICATE || n == 1) return at < 0 ? 0 : n - 1;
    int64_t odd = type == BORDERS_REFLECT_101, period = 2 * ((int64_t)n - odd);
    at %= period;
    if (at < 0) at += period;
    return (uint32_t)(at < n ? at : period - at - 1 + odd);
}

static uint8_t constant(double value) {
    return (uint8_t)(value < 0 ? 0 : value > 255 ? 255 : lrint(value));
}

static void border_plane(const struct plane *p, struct rect inside, const struct border_sizes *b,
                         const double *values) {
    uint32_t n = p->channels, width = inside.right - inside.left;
    uint8_t fill[4] = {0};
    for (uint32_t c = 0; c < n; c++) fill[c] = constant(values[c]);
    /* Left and right of what is there, then the rows above and below from those. */
    for (uint32_t y = inside.top; y < inside.bottom; y++) {
        uint8_t *row = p->data + y * p->pitch;
        for (uint32_t x = 0; x < p->width; x++) {
            if (x == inside.left) x = inside.right;
            if (x >= p->width) break;
            const uint8_t *from = fill;
            if (b->type != BORDERS_CONSTANT)
                from = row +
                       (inside.left + mirrored((int64_t)x - inside.left, width, b->type)) * n;
            for (uint32_t c = 0; c < n; c++) row[x * n + c] = from[c];
        }
    }
    for (uint32_t y = 0; y < p->height; y++) {
        if (y >= inside.top && y < inside.bottom) continue;
        uint8_t *row = p->data + y * p->pitch;
        if (b->type == BORDERS_CONSTANT) {
            for (uint32_t x = 0; x < p->width * n; x++) row[x] = fill[x % n];
            continue;
        }
        uint32_t from = mirrored((int64_t)y - inside.top, inside.bottom - inside.top, b->type);
        memcpy(row, p->data + (inside.top + from) * p->pitch, (size_t)p->width * n);
    }
}

enum media_status picture_border_around(struct media *m, const struct picture *p,
                                        struct rect inside, const struct border_sizes *b) {
    const struct format_info *f = format_info(p->format);
    if (f->kind == KIND_YUYV)
        return media_fail(m, MEDIA_UNSUPPORTED, "%s gets no border", f->name);
    struct plane planes[2];
    int n = picture_planes(p, planes);
    border_plane(&planes[0], inside, b, b->value);
    if (n < 2) return MEDIA_OK;
    double chroma[2] = {b->value[f->swapped ? 2 : 1], b->value[f->swapped ? 1 : 2]};
    border_plane(&planes[1], rect_chroma(inside, f), b, chroma);
    return MEDIA_OK;
}

enum media_status picture_border(struct media *m, const struct picture *src,
                                 const struct picture *dst, const struct border_sizes *b) {
    struct rect inside = {b->left, b->top, b->left + src->width, b->top + src->height};
    MEDIA_TRY(picture_transform(m, src, (struct rect){0, 0, src->width, src->height}, dst, inside,
                                SCALE_BILINEAR, CSC_601_WIDE));
    return picture_border_around(m, dst, inside, b);
}

/* ---- pyramids ---- */

static void shrink_plane(const struct plane *src, const struct plane *dst, uint32_t *sums) {
    static const uint32_t weights[5] = {1, 4, 6, 4, 1};
    uint32_t n = src->channels;
    for (uint32_t y = 0; y < dst->height; y++) {
        /* Down, for the whole width; then across. */
        memset(sums, 0, (size_t)src->width * n * sizeof *sums);
        for (int k = -2; k <= 2; k++) {
            uint32_t sy = mirrored(2 * (int64_t)y + k, src->height, BORDERS_REFLECT_101);
            const uint8_t *row = src->data + sy * src->pitch;
            for (uint32_t i = 0; i < src->width * n; i++) sums[i] += weights[k + 2] * row[i];
        }
        uint8_t *to = dst->data + y * dst->pitch;
        for (uint32_t x = 0; x < dst->width; x++)
            for (uint32_t c = 0; c < n; c++) {
                uint32_t sum = 128;
                for (int k = -2; k <= 2; k++)
                    sum += weights[k + 2] *
                           sums[mirrored(2 * (int64_t)x + k, src->width, BORDERS_REFLECT_101) * n +
                                c];
                to[x * n + c] = (uint8_t)(sum >> 8);
            }
    }
}

enum media_status picture_pyramid(struct media *m, const struct picture *src,
                                  const struct picture *dst) {
    const struct format_info *f = format_info(src->format);
    if (f->kind == KIND_YUYV || src->format != dst->format)
        return media_fail(m, MEDIA_UNSUPPORTED, "no pyramid from %s to format %d", f->name,
                          dst->format);
    struct plane from[2], to[2];
    int n = picture_planes(src, from);
    picture_planes(dst, to);
    uint32_t *sums = m->alloc((size_t)(src->width + 1) * 4 * sizeof *sums);
    if (!sums) return media_fail(m, MEDIA_MEMORY, "no memory for a row of %u pixels", src->width);
    for (int i = 0; i < n; i++) shrink_plane(&from[i], &to[i], sums);
    m->free(sums);
    return MEDIA_OK;
}

/* ---- bytes by their channel ---- */

/* The channel, 0 to 2, of each byte of a repeating group of a plane; 3 for alpha. */
static uint32_t channels_of(const struct format_info *f, int plane, uint8_t of[4]) {
    switch (f->kind) {
    case KIND_RGB:
        for (uint8_t c = 0; c < f->bytes; c++) of[f->order[c]] = c;
        return f->bytes;
    case KIND_YUYV:
        of[f->order[0]] = of[f->order[2]] = 0;
        of[f->order[1]] = 1;
        of[f->order[3]] = 2;
        return 4;
    case KIND_YUV:
        for (uint8_t c = 0; c < 3; c++) of[c] = c;
        return 3;
    default:
        of[0] = plane ? (f->swapped ? 2 : 1) : 0;
        of[1] = f->swapped ? 1 : 2;
        return plane ? 2 : 1;
    }
}

static size_t row_bytes(const struct plane *p, const struct format_info *f) {
    return f->kind == KIND_YUYV ? (size_t)(p->width + 1) / 2 * 4 : (size_t)p->width * p->channels;
}

enum media_status picture_lookup(struct media *m, const struct picture *src,
                                 const struct picture *dst, const uint8_t table[3][256]) {
    const struct format_info *f = format_info(src->format);
    if (src->format != dst->format || src->width != dst->width || src->height != dst->height)
        return media_fail(m, MEDIA_ARGUMENT, "a table changes neither format nor size");
    struct plane from[2], to[2];
    int n = picture_planes(src, from);
    picture_planes(dst, to);
    for (int i = 0; i < n; i++) {
        uint8_t of[4];
        uint32_t group = channels_of(f, i, of);
        size_t bytes = row_bytes(&from[i], f);
        for (uint32_t y = 0; y < from[i].height; y++) {
            const uint8_t *a = from[i].data + y * from[i].pitch;
            uint8_t *b = to[i].data + y * to[i].pitch;
            for (size_t x = 0, c = 0; x < bytes; x++, c = c + 1 == group ? 0 : c + 1)
                b[x] = of[c] < 3 ? table[of[c]][a[x]] : a[x];
        }
    }
    return MEDIA_OK;
}

enum media_status picture_histogram(struct media *m, const struct picture *p,
                                    uint32_t counts[3][256], int *n_channels) {
    const struct format_info *f = format_info(p->format);
    (void)m;
    struct plane planes[2];
    int n = picture_planes(p, planes);
    memset(counts, 0, 3 * sizeof counts[0]);
    for (int i = 0; i < n; i++) {
        uint8_t of[4];
        uint32_t group = channels_of(f, i, of);
        size_t bytes = row_bytes(&planes[i], f);
        for (uint32_t y = 0; y < planes[i].height; y++) {
            const uint8_t *row = planes[i].data + y * planes[i].pitch;
            for (size_t x = 0, c = 0; x < bytes; x++, c = c + 1 == group ? 0 : c + 1)
                if (of[c] < 3) counts[of[c]][row[x]]++;
        }
    }
    *n_channels = f->kind == KIND_GREY ? 1 : 3;
    return MEDIA_OK;
}
