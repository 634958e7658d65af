/* SPDX-License-Identifier: Apache-2.0 */
/*
 * JPEG through libjpeg-turbo. YUV comes out as the file holds it: libjpeg's raw data, without its
 * enlarging of chroma; chroma is only averaged where the wanted format has less of it. RGB comes
 * from libjpeg's own conversion.
 */
#include <setjmp.h>
#include <stdio.h>
#include <string.h>

#include <jpeglib.h>

#include <jerror.h>

#include "media/media.h"

/* Each scan of a progressive file costs a pass over the whole picture, however small it is; no
 * encoder makes so many. */
enum { MAX_SCANS = 200 };

struct failure {
    struct jpeg_error_mgr base;
    jmp_buf jump;
    struct media *m;
    enum media_status status;
    char text[JMSG_LENGTH_MAX];
};

static void on_error(j_common_ptr info) {
    struct failure *f = (struct failure *)info->err;
    info->err->format_message(info, f->text);
    f->status = info->err->msg_code == JERR_OUT_OF_MEMORY ? MEDIA_MEMORY : MEDIA_DAMAGED;
    longjmp(f->jump, 1);
}

/* Warnings are how libjpeg reports truncated and corrupt data; it would go on with grey. */
static void on_message(j_common_ptr info, int level) {
    struct failure *f = (struct failure *)info->err;
    if (level < 0 && !f->base.num_warnings++) info->err->format_message(info, f->text);
}

static void on_progress(j_common_ptr info) {
    struct failure *f = (struct failure *)info->err;
    if (!info->is_decompressor || ((j_decompress_ptr)info)->input_scan_number <= MAX_SCANS) return;
    snprintf(f->text, sizeof f->text, "it has more than %d scans", MAX_SCANS);
    f->status = MEDIA_LIMIT;
    longjmp(f->jump, 1);
}

static void watch(struct failure *f, struct media *m, struct jpeg_error_mgr **err) {
    memset(f, 0, sizeof *f);
    *err = jpeg_std_error(&f->base);
    f->base.error_exit = on_error;
    f->base.emit_message = on_message;
    f->m = m;
    f->status = MEDIA_DAMAGED;
}

static enum media_status bad_file(const struct failure *f) {
    return media_fail(f->m, f->status, "the JPEG is not readable: %.180s",
                      f->text[0] ? f->text : "it is damaged");
}

/* ---- the header ---- */

static uint32_t number_at(const uint8_t *p, int n, bool little) {
    uint32_t value = 0;
    for (int i = 0; i < n; i++) value = value << 8 | p[little ? n - 1 - i : i];
    return value;
}

/* Orientation of an APP1 "Exif" segment, 1..8; 1 when there is none. */
static int exif_orientation(const uint8_t *p, size_t n) {
    if (n < 14 || memcmp(p, "Exif\0\0", 6)) return 1;
    p += 6;
    n -= 6;
    bool little = p[0] == 'I';
    size_t at = number_at(p + 4, 4, little);
    if (at > n - 2) return 1;
    size_t entries = number_at(p + at, 2, little);
    for (size_t i = 0; i < entries && at + 2 + 12 * (i + 1) <= n; i++) {
        const uint8_t *e = p + at + 2 + 12 * i;
        if (number_at(e, 2, little) != 0x112) continue;
        uint32_t value = number_at(e + 8, 2, little);
        return value >= 1 && value <= 8 ? (int)value : 1;
    }
    return 1;
}

static enum jpeg_sampling sampling_of(const struct jpeg_decompress_struct *info) {
    const jpeg_component_info *c = info->comp_info;
    if (info->num_components == 1) return JPEG_GREY;
    if (info->num_components != 3) return JPEG_OTHER;
    if (c[1].h_samp_factor != 1 || c[1].v_samp_factor != 1 || c[2].h_samp_factor != 1 ||
        c[2].v_samp_factor != 1) {
        /* Some encoders write 2x2, 2x2, 2x2 for 4:4:4. */
        bool same = c[0].h_samp_factor == c[1].h_samp_factor &&
                    c[0].v_samp_factor == c[1].v_samp_factor &&
                    c[0].h_samp_factor == c[2].h_samp_factor &&
                    c[0].v_samp_factor == c[2].v_samp_factor;
        return same ? JPEG_444 : JPEG_OTHER;
    }
    switch (c[0].h_samp_factor * 8 + c[0].v_samp_factor) {
    case 8 + 1: return JPEG_444;
    case 16 + 1: return JPEG_422;
    case 16 + 2: return JPEG_420;
    case 8 + 2: return JPEG_440;
    case 32 + 1: return JPEG_411;
    default: return JPEG_OTHER;
    }
}

/* Reads the header; fails by longjmp or with a status. */
static enum media_status read_header(struct media *m, struct jpeg_decompress_struct *info,
                                     const void *data, size_t bytes, struct jpeg_info *out) {
    jpeg_save_markers(info, JPEG_APP0 + 1, 0xffff);
    jpeg_mem_src(info, data, (unsigned long)bytes);
    jpeg_read_header(info, TRUE);
    *out = (struct jpeg_info){.width = info->image_width,
                              .height = info->image_height,
                              .components = info->num_components,
                              .sampling = sampling_of(info),
                              .orientation = 1,
                              .is_progressive = info->progressive_mode,
                              .is_arithmetic = info->arith_code};
    for (jpeg_saved_marker_ptr s = info->marker_list; s && out->orientation == 1; s = s->next)
        out->orientation = exif_orientation(s->data, s->data_length);
    if (out->width > MEDIA_MAX_SIDE || out->height > MEDIA_MAX_SIDE ||
        (uint64_t)out->width * out->height > MEDIA_MAX_PIXELS)
        return media_fail(m, MEDIA_LIMIT,
                          "the JPEG claims %u x %u pixels; sides are at most %d, and %d million "
                          "pixels",
                          out->width, out->height, MEDIA_MAX_SIDE, MEDIA_MAX_PIXELS / 1000000);
    return MEDIA_OK;
}

enum media_status jpeg_info(struct media *m, const void *data, size_t bytes,
                            struct jpeg_info *out) {
    struct jpeg_decompress_struct info = {0};
    struct failure failure;
    watch(&failure, m, &info.err);
    if (setjmp(failure.jump)) {
        jpeg_destroy_decompress(&info);
        return bad_file(&failure);
    }
    jpeg_create_decompress(&info);
    enum media_status status = read_header(m, &info, data, bytes, out);
    jpeg_destroy_decompress(&info);
    return status;
}

int jpeg_own_format(const struct jpeg_info *i) {
    bool turned = jpeg_is_turned(i);
    switch (i->sampling) {
    case JPEG_444: return FORMAT_NV42;
    case JPEG_422: return turned ? FORMAT_VU440 : FORMAT_NV61;
    case JPEG_440: return turned ? FORMAT_NV61 : FORMAT_VU440;
    case JPEG_420: return FORMAT_NV21;
    case JPEG_411: return FORMAT_NV21; /* there is no format of its own for 4:1:1 */
    case JPEG_GREY: return FORMAT_GREY;
    case JPEG_OTHER: break;
    }
    return FORMAT_UNKNOWN;
}

/* ---- turning ---- */

/* Turns and mirrors a plane so that it stands upright; dst takes as much as it has room for. */
static void turn(const struct plane *src, const struct plane *dst, int orientation) {
    bool swap = orientation >= 5;
    bool flip_x = orientation == 2 || orientation == 3 || orientation == 7 || orientation == 8;
    bool flip_y = orientation == 3 || orientation == 4 || orientation == 6 || orientation == 7;
    for (uint32_t y = 0; y < dst->height; y++) {
        uint8_t *to = dst->data + y * dst->pitch;
        for (uint32_t x = 0; x < dst->width; x++) {
            uint32_t sx = swap ? y : x, sy = swap ? x : y;
            if (sx >= src->width) sx = src->width - 1;
            if (sy >= src->height) sy = src->height - 1;
            if (flip_x) sx = src->width - 1 - sx;
            if (flip_y) sy = src->height - 1 - sy;
            const uint8_t *from = src->data + sy * src->pitch + (size_t)sx * src->channels;
            for (uint32_t c = 0; c < src->channels; c++) to[x * dst->channels + c] = from[c];
        }
    }
}

/* ---- decoding ---- */

/* What decoding holds, so that a longjmp loses nothing. */
struct decoder {
    struct jpeg_decompress_struct info;
    struct failure failure;
    struct jpeg_progress_mgr progress;
    uint8_t *memory; /* all planes, as libjpeg writes them */
    struct plane planes[3];
    uint8_t *scratch; /* a plane on its way */
};

static enum media_status take_planes(struct media *m, struct decoder *d) {
    struct jpeg_decompress_struct *info = &d->info;
    size_t offsets[3], total = 0;
    for (int c = 0; c < info->num_components; c++) {
        const jpeg_component_info *k = &info->comp_info[c];
        size_t pitch = (size_t)k->width_in_blocks * DCTSIZE;
        /* Whole rows of MCUs, as jpeg_read_raw_data writes them. */
        size_t rows = (size_t)info->total_iMCU_rows * (size_t)k->v_samp_factor * DCTSIZE;
        offsets[c] = total;
        d->planes[c] = (struct plane){NULL, pitch, k->downsampled_width, k->downsampled_height, 1};
        total += pitch * rows;
    }
    d->memory = m->alloc(total);
    if (!d->memory) return media_fail(m, MEDIA_MEMORY, "no memory for %zu bytes", total);
    for (int c = 0; c < info->num_components; c++) d->planes[c].data = d->memory + offsets[c];
    return MEDIA_OK;
}

static void read_planes(struct decoder *d) {
    struct jpeg_decompress_struct *info = &d->info;
    JSAMPROW rows[3][4 * DCTSIZE];
    JSAMPARRAY arrays[3] = {rows[0], rows[1], rows[2]};
    uint32_t per_pass = (uint32_t)info->max_v_samp_factor * DCTSIZE;
    while (info->output_scanline < info->output_height && !d->failure.base.num_warnings) {
        uint32_t pass = info->output_scanline / per_pass;
        for (int c = 0; c < info->num_components; c++) {
            uint32_t n = (uint32_t)info->comp_info[c].v_samp_factor * DCTSIZE;
            for (uint32_t i = 0; i < n; i++)
                rows[c][i] = d->planes[c].data + ((size_t)pass * n + i) * d->planes[c].pitch;
        }
        jpeg_read_raw_data(info, arrays, per_pass);
    }
}

/* By how many bits each side of the file's chroma is smaller than its luma. */
static void chroma_shifts(const struct jpeg_info *i, int *x, int *y) {
    int a = i->sampling == JPEG_411 ? 2 : i->sampling == JPEG_422 || i->sampling == JPEG_420;
    int b = i->sampling == JPEG_420 || i->sampling == JPEG_440;
    *x = jpeg_is_turned(i) ? b : a;
    *y = jpeg_is_turned(i) ? a : b;
}

static inline uint32_t smaller(uint32_t a, uint32_t b) { return a < b ? a : b; }

/* Copies a plane into one channel of another. A sample is the mean of 2^shrink_x by 2^shrink_y;
 * negative shifts repeat samples instead. Beyond the edge stands the last sample: a format that
 * wants even sizes may have one more row or column than the file. */
static void place(const struct plane *from, const struct plane *to, uint32_t channel, int shrink_x,
                  int shrink_y) {
    uint32_t nx = 1U << (shrink_x > 0 ? shrink_x : 0), ny = 1U << (shrink_y > 0 ? shrink_y : 0);
    int bits = (shrink_x > 0 ? shrink_x : 0) + (shrink_y > 0 ? shrink_y : 0);
    for (uint32_t y = 0; y < to->height; y++) {
        uint8_t *out = to->data + y * to->pitch + channel;
        if (nx * ny == 1 && shrink_x == 0) {
            uint32_t sy = smaller(shrink_y < 0 ? y >> -shrink_y : y, from->height - 1);
            const uint8_t *row = from->data + sy * from->pitch;
            uint32_t n = smaller(to->width, from->width);
            if (to->channels == 1) memcpy(out, row, n);
            else
                for (uint32_t x = 0; x < n; x++) out[2 * x] = row[x];
            for (uint32_t x = n; x < to->width; x++) out[x * to->channels] = row[n - 1];
            continue;
        }
        for (uint32_t x = 0; x < to->width; x++) {
            uint32_t sum = bits ? 1U << (bits - 1) : 0;
            for (uint32_t j = 0; j < ny; j++)
                for (uint32_t i = 0; i < nx; i++) {
                    uint32_t sx = shrink_x < 0 ? x >> -shrink_x : x * nx + i;
                    uint32_t sy = shrink_y < 0 ? y >> -shrink_y : y * ny + j;
                    sum += from->data[smaller(sy, from->height - 1) * from->pitch +
                                      smaller(sx, from->width - 1)];
                }
            out[x * to->channels] = (uint8_t)(sum >> bits);
        }
    }
}

/* A component of the file, upright, into one channel of a plane. */
static enum media_status place_plane(struct media *m, struct decoder *d, int component,
                                     const struct jpeg_info *info, const struct plane *to,
                                     uint32_t channel, int shrink_x, int shrink_y) {
    struct plane from = d->planes[component];
    if (info->orientation > 1) {
        bool swap = jpeg_is_turned(info);
        uint32_t width = swap ? from.height : from.width, height = swap ? from.width : from.height;
        struct plane upright = {NULL, width, width, height, 1};
        m->free(d->scratch);
        upright.data = d->scratch = m->alloc((size_t)width * height);
        if (!d->scratch)
            return media_fail(m, MEDIA_MEMORY, "no memory for a plane of %u x %u", width, height);
        turn(&from, &upright, info->orientation);
        from = upright;
    }
    place(&from, to, channel, shrink_x, shrink_y);
    return MEDIA_OK;
}

static enum media_status decode_yuv(struct media *m, struct decoder *d, const struct jpeg_info *i,
                                    const struct picture *out) {
    const struct format_info *f = format_info(out->format);
    struct jpeg_decompress_struct *info = &d->info;
    if (info->jpeg_color_space != JCS_YCbCr && info->jpeg_color_space != JCS_GRAYSCALE)
        return media_fail(m, MEDIA_UNSUPPORTED,
                          "the JPEG holds %s, not YUV; only YUV and grey are decoded",
                          info->jpeg_color_space == JCS_RGB ? "RGB" : "CMYK or another space");
    if (i->sampling == JPEG_OTHER)
        return media_fail(m, MEDIA_UNSUPPORTED, "the JPEG's chroma is sampled in an uncommon way");
    info->raw_data_out = TRUE;
    info->out_color_space = info->jpeg_color_space;
    jpeg_start_decompress(info);
    MEDIA_TRY(take_planes(m, d));
    read_planes(d);
    if (d->failure.base.num_warnings) return bad_file(&d->failure);
    struct plane to[2];
    int n_planes = picture_planes(out, to);
    MEDIA_TRY(place_plane(m, d, 0, i, &to[0], 0, 0, 0));
    if (n_planes > 1 && i->sampling == JPEG_GREY) {
        for (uint32_t y = 0; y < to[1].height; y++)
            memset(to[1].data + y * to[1].pitch, 128, (size_t)to[1].width * 2);
    } else if (n_planes > 1) {
        int x, y;
        chroma_shifts(i, &x, &y);
        x = f->sub_x - x;
        y = f->sub_y - y;
        MEDIA_TRY(place_plane(m, d, 1, i, &to[1], f->swapped, x, y));
        MEDIA_TRY(place_plane(m, d, 2, i, &to[1], !f->swapped, x, y));
    }
    jpeg_finish_decompress(info);
    return d->failure.base.num_warnings ? bad_file(&d->failure) : MEDIA_OK;
}

static J_COLOR_SPACE colour_space(int format) {
    switch (format) {
    case FORMAT_RGB: return JCS_EXT_RGB;
    case FORMAT_BGR: return JCS_EXT_BGR;
    case FORMAT_ARGB: return JCS_EXT_ARGB;
    case FORMAT_ABGR: return JCS_EXT_ABGR;
    case FORMAT_RGBA: return JCS_EXT_RGBA;
    case FORMAT_BGRA: return JCS_EXT_BGRA;
    default: return JCS_UNKNOWN;
    }
}

static enum media_status decode_rgb(struct media *m, struct decoder *d, const struct jpeg_info *i,
                                    const struct picture *out) {
    struct jpeg_decompress_struct *info = &d->info;
    info->out_color_space = colour_space(out->format);
    jpeg_start_decompress(info);
    struct plane to[2];
    picture_planes(out, to);
    struct plane whole = {NULL, (size_t)i->width * to[0].channels, i->width, i->height,
                          to[0].channels};
    /* A row of the file may be longer than one of the picture, so rows are not read in place. */
    bool in_place = i->orientation == 1 && out->width == i->width && out->height == i->height;
    if (!in_place) {
        d->memory = m->alloc(whole.pitch * whole.height);
        if (!d->memory)
            return media_fail(m, MEDIA_MEMORY, "no memory for %zu bytes",
                              whole.pitch * whole.height);
        whole.data = d->memory;
    }
    const struct plane *p = in_place ? &to[0] : &whole;
    while (info->output_scanline < info->output_height && !d->failure.base.num_warnings) {
        JSAMPROW row = p->data + info->output_scanline * p->pitch;
        jpeg_read_scanlines(info, &row, 1);
    }
    if (d->failure.base.num_warnings) return bad_file(&d->failure);
    if (!in_place) turn(&whole, &to[0], i->orientation);
    jpeg_finish_decompress(info);
    return d->failure.base.num_warnings ? bad_file(&d->failure) : MEDIA_OK;
}

/* One more or less, for formats that want even sizes. */
static bool is_near(uint32_t a, uint32_t b) { return a <= b + 1 && b <= a + 1; }

enum media_status jpeg_decode(struct media *m, const void *data, size_t bytes,
                              const struct picture *out) {
    const struct format_info *f = format_info(out->format);
    struct decoder *d = m->alloc(sizeof *d);
    if (!d) return media_fail(m, MEDIA_MEMORY, "no memory for a decoder");
    memset(d, 0, sizeof *d);
    watch(&d->failure, m, &d->info.err);
    enum media_status status;
    if (setjmp(d->failure.jump)) {
        status = bad_file(&d->failure);
    } else {
        struct jpeg_info i;
        jpeg_create_decompress(&d->info);
        d->progress.progress_monitor = on_progress;
        status = read_header(m, &d->info, data, bytes, &i);
        d->info.progress = &d->progress;
        bool turned = jpeg_is_turned(&i);
        uint32_t width = turned ? i.height : i.width, height = turned ? i.width : i.height;
        if (status == MEDIA_OK && (!is_near(width, out->width) || !is_near(height, out->height)))
            status = media_fail(m, MEDIA_ARGUMENT, "the JPEG has %u x %u pixels, not %u x %u",
                                width, height, out->width, out->height);
        if (status == MEDIA_OK && f->kind == KIND_RGB) status = decode_rgb(m, d, &i, out);
        else if (status == MEDIA_OK && (f->kind == KIND_SEMIPLANAR || f->kind == KIND_GREY))
            status = decode_yuv(m, d, &i, out);
        else if (status == MEDIA_OK)
            status = media_fail(m, MEDIA_UNSUPPORTED, "a JPEG is not decoded to %s", f->name);
    }
    jpeg_destroy_decompress(&d->info);
    m->free(d->memory);
    m->free(d->scratch);
    m->free(d);
    return status;
}

/* ---- encoding ---- */

/* Writes into memory of a fixed size. */
struct room {
    struct jpeg_destination_mgr base;
    bool is_full;
    JOCTET spill[512];
};

static void room_begin(j_compress_ptr info) { (void)info; }

static boolean room_full(j_compress_ptr info) {
    struct room *r = (struct room *)info->dest;
    r->is_full = true;
    r->base.next_output_byte = r->spill;
    r->base.free_in_buffer = sizeof r->spill;
    return TRUE;
}

static void room_end(j_compress_ptr info) { (void)info; }

size_t jpeg_bound(uint32_t width, uint32_t height, int format) {
    const struct format_info *f = format_info(format);
    if (!f) return 0;
    /* No block takes more than its 64 samples at 2 bytes each, by the lengths of Huffman codes and
     * the bits of coefficients; libjpeg-turbo's tjBufSize reckons alike. */
    uint64_t w = (width + 15) / 16 * 16, h = (height + 15) / 16 * 16;
    uint64_t samples = f->sub_y ? w * h * 3 / 2 : w * h * 2;
    return (size_t)(samples * 2 + 2048);
}

struct encoder {
    struct jpeg_compress_struct info;
    struct failure failure;
    struct room room;
    uint8_t *strip; /* one row of MCUs of each component */
};

/* A row of a component of one MCU row, its last sample repeated to the end of the MCU. */
static void fill_row(uint8_t *to, size_t padded, const uint8_t *from, size_t step, size_t n) {
    for (size_t x = 0; x < n; x++) to[x] = from[x * step];
    memset(to + n, to[n - 1], padded - n);
}

static void write_strips(struct encoder *e, const struct picture *p) {
    const struct format_info *f = format_info(p->format);
    size_t padded = (p->width + 15U) / 16 * 16, half = padded / 2;
    uint32_t mcu = f->sub_y ? 16 : 8, chroma_rows = 8;
    uint32_t chroma_width = (p->width + 1) / 2;
    uint32_t chroma_height = f->sub_y ? (p->height + 1) / 2 : p->height;
    JSAMPROW rows[3][16];
    JSAMPARRAY arrays[3] = {rows[0], rows[1], rows[2]};
    for (uint32_t i = 0; i < mcu; i++) rows[0][i] = e->strip + i * padded;
    for (uint32_t i = 0; i < chroma_rows; i++) {
        rows[1][i] = e->strip + mcu * padded + i * half;
        rows[2][i] = rows[1][i] + chroma_rows * half;
    }
    const uint8_t *chroma = p->data + (size_t)p->stride * p->rows;
    bool packed = f->kind == KIND_YUYV;
    for (uint32_t y = 0; y < p->height; y += mcu) {
        for (uint32_t i = 0; i < mcu; i++) {
            uint32_t at = y + i < p->height ? y + i : p->height - 1;
            const uint8_t *row = p->data + (size_t)at * p->stride;
            fill_row(rows[0][i], padded, row + (packed ? f->order[0] : 0), packed ? 2 : 1,
                     p->width);
        }
        for (uint32_t i = 0; i < chroma_rows; i++) {
            uint32_t at = y / (f->sub_y ? 2 : 1) + i;
            if (at >= chroma_height) at = chroma_height - 1;
            const uint8_t *row = packed ? p->data + (size_t)at * p->stride
                                        : chroma + (size_t)at * p->stride;
            size_t step = packed ? 4 : 2;
            fill_row(rows[1][i], half, row + (packed ? f->order[1] : f->swapped), step,
                     chroma_width);
            fill_row(rows[2][i], half, row + (packed ? f->order[3] : !f->swapped), step,
                     chroma_width);
        }
        jpeg_write_raw_data(&e->info, arrays, mcu);
    }
}

static void encode(struct encoder *e, const struct picture *p, int quality, void *to,
                   size_t bytes) {
    const struct format_info *f = format_info(p->format);
    struct jpeg_compress_struct *info = &e->info;
    jpeg_create_compress(info);
    info->dest = &e->room.base;
    e->room.base = (struct jpeg_destination_mgr){to, bytes, room_begin, room_full, room_end};
    info->image_width = p->width;
    info->image_height = p->height;
    info->input_components = 3;
    info->in_color_space = JCS_YCbCr;
    jpeg_set_defaults(info);
    jpeg_set_quality(info, quality, TRUE);
    info->raw_data_in = TRUE;
    for (int c = 0; c < 3; c++) {
        info->comp_info[c].h_samp_factor = c ? 1 : 2;
        info->comp_info[c].v_samp_factor = c || !f->sub_y ? 1 : 2;
    }
    jpeg_start_compress(info, TRUE);
    write_strips(e, p);
    jpeg_finish_compress(info);
}

enum media_status jpeg_encode(struct media *m, const struct picture *p, int quality, void *to,
                              size_t *bytes) {
    const struct format_info *f = format_info(p->format);
    bool is_420 = p->format == FORMAT_NV12 || p->format == FORMAT_NV21;
    if (!is_420 && f->kind != KIND_YUYV)
        return media_fail(m, MEDIA_UNSUPPORTED, "%s is not encoded as JPEG", f->name);
    size_t padded = (p->width + 15U) / 16 * 16;
    struct encoder *e = m->alloc(sizeof *e + 32 * padded);
    if (!e) return media_fail(m, MEDIA_MEMORY, "no memory for an encoder");
    memset(e, 0, sizeof *e);
    e->strip = (uint8_t *)(e + 1);
    watch(&e->failure, m, &e->info.err);
    enum media_status status = MEDIA_OK;
    if (setjmp(e->failure.jump))
        status = media_fail(m, e->failure.status, "the JPEG cannot be made: %.180s",
                            e->failure.text);
    else encode(e, p, quality, to, *bytes);
    if (status == MEDIA_OK && e->room.is_full)
        status = media_fail(m, MEDIA_ARGUMENT, "the JPEG does not fit the %zu bytes given", *bytes);
    if (status == MEDIA_OK) *bytes -= e->room.base.free_in_buffer;
    jpeg_destroy_compress(&e->info);
    m->free(e);
    return status;
}
