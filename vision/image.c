/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pictures in and out: JPEG through libjpeg-turbo, PNG through libspng. Sizes are checked before
 * memory is taken; a damaged file gives a sentence. A JPEG that ends early is an error too, not
 * half a picture.
 */
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include <jpeglib.h>
#include <spng.h>

#include "internal.h"

void pk_image_free(struct pk_image *image) {
    free(image->rgb);
    memset(image, 0, sizeof *image);
}

static int check_size(const char *name, uint64_t width, uint64_t height) {
    if (width < 1 || height < 1) return pk_fail("%s: the picture is empty", name);
    if (width * height > PK_MAX_PIXELS)
        return pk_fail("%s claims %llu x %llu pixels; at most %d million are read", name,
                       (unsigned long long)width, (unsigned long long)height,
                       PK_MAX_PIXELS / 1000000);
    return 0;
}

/* ---- JPEG ---- */

struct jpeg_failure {
    struct jpeg_error_mgr base;
    jmp_buf jump;
    char text[JMSG_LENGTH_MAX];
};

static void jpeg_fail(j_common_ptr info) {
    struct jpeg_failure *f = (struct jpeg_failure *)info->err;
    info->err->format_message(info, f->text);
    longjmp(f->jump, 1);
}

/* Warnings are how libjpeg reports truncated and corrupt data; it would go on with grey. */
static void jpeg_warn(j_common_ptr info, int level) {
    struct jpeg_failure *f = (struct jpeg_failure *)info->err;
    if (level >= 0) return;
    if (!f->base.num_warnings++) info->err->format_message(info, f->text);
}

/* Each scan of a progressive file costs a pass over the whole picture, however small it is; no
 * encoder makes so many. */
enum { MAX_SCANS = 200 };
static void jpeg_progress(j_common_ptr info) {
    struct jpeg_failure *f = (struct jpeg_failure *)info->err;
    if (((j_decompress_ptr)info)->input_scan_number <= MAX_SCANS) return;
    snprintf(f->text, sizeof f->text, "it has more than %d scans", MAX_SCANS);
    longjmp(f->jump, 1);
}

/* Orientation of an APP1 "Exif" segment, 1..8; 1 when there is none. */
static int exif_orientation(const uint8_t *p, size_t n) {
    if (n < 14 || memcmp(p, "Exif\0\0", 6)) return 1;
    p += 6;
    n -= 6;
    int little = p[0] == 'I';
#define U16(at) (little ? p[at] | p[(at) + 1] << 8 : p[at] << 8 | p[(at) + 1])
#define U32(at)                                                                                    \
    (little ? (uint32_t)U16(at) | (uint32_t)U16((at) + 2) << 16                                    \
            : (uint32_t)U16(at) << 16 | (uint32_t)U16((at) + 2))
    size_t at = U32(4);
    if (at > n - 2 || n < 2) return 1;
    size_t entries = (size_t)U16(at);
    for (size_t i = 0; i < entries && at + 2 + 12 * (i + 1) <= n; i++) {
        size_t e = at + 2 + 12 * i;
        if (U16(e) != 0x112) continue;
        int value = U16(e + 8);
        return value >= 1 && value <= 8 ? value : 1;
    }
#undef U16
#undef U32
    return 1;
}

/* Turns and mirrors so that the picture stands upright. */
static int turn(struct pk_image *image, int orientation) {
    if (orientation <= 1) return 0;
    int w = image->width, h = image->height, swap = orientation >= 5;
    int nw = swap ? h : w, nh = swap ? w : h;
    uint8_t *rgb = malloc((size_t)w * (size_t)h * 3);
    if (!rgb) return pk_fail("out of memory for a picture of %d x %d", w, h);
    for (int y = 0; y < nh; y++)
        for (int x = 0; x < nw; x++) {
            int sx = swap ? y : x, sy = swap ? x : y;
            if (orientation == 2 || orientation == 3 || orientation == 7 || orientation == 8)
                sx = w - 1 - sx;
            if (orientation == 3 || orientation == 4 || orientation == 6 || orientation == 7)
                sy = h - 1 - sy;
            memcpy(rgb + 3 * ((size_t)y * (size_t)nw + (size_t)x),
                   image->rgb + 3 * ((size_t)sy * (size_t)w + (size_t)sx), 3);
        }
    free(image->rgb);
    *image = (struct pk_image){nw, nh, rgb};
    return 0;
}

static int decode_jpeg(const void *bytes, size_t n, const char *name, struct pk_image *out) {
    struct jpeg_decompress_struct info;
    struct jpeg_failure failure;
    struct jpeg_progress_mgr progress = {.progress_monitor = jpeg_progress};
    uint8_t *volatile rgb = NULL;
    volatile int bad = 1, orientation = 1;
    memset(&info, 0, sizeof info);
    info.err = jpeg_std_error(&failure.base);
    failure.base.error_exit = jpeg_fail;
    failure.base.emit_message = jpeg_warn;
    failure.text[0] = '\0';
    if (!setjmp(failure.jump)) {
        jpeg_create_decompress(&info);
        jpeg_save_markers(&info, JPEG_APP0 + 1, 0xffff);
        jpeg_mem_src(&info, bytes, (unsigned long)n);
        jpeg_read_header(&info, TRUE);
        if (check_size(name, info.image_width, info.image_height)) {
            jpeg_destroy_decompress(&info);
            return -1;
        }
        for (jpeg_saved_marker_ptr m = info.marker_list; m && orientation == 1; m = m->next)
            orientation = exif_orientation(m->data, m->data_length);
        info.out_color_space = JCS_RGB;
        info.progress = &progress;
        jpeg_start_decompress(&info);
        size_t stride = (size_t)info.output_width * 3;
        rgb = malloc(stride * info.output_height);
        while (rgb && info.output_scanline < info.output_height && !failure.base.num_warnings) {
            JSAMPROW row = rgb + stride * info.output_scanline;
            jpeg_read_scanlines(&info, &row, 1);
        }
        bad = failure.base.num_warnings != 0;
        if (rgb && !bad) jpeg_finish_decompress(&info);
    }
    struct pk_image image = {(int)info.output_width, (int)info.output_height, rgb};
    jpeg_destroy_decompress(&info);
    if (bad) {
        free(rgb);
        return pk_fail("%s is not a readable JPEG: %s", name,
                       failure.text[0] ? failure.text : "it is damaged");
    }
    if (!rgb) return pk_fail("%s: out of memory for the picture", name);
    if (turn(&image, orientation)) {
        free(image.rgb);
        return -1;
    }
    *out = image;
    return 0;
}

static int encode_jpeg(FILE *to, const struct pk_image *image) {
    struct jpeg_compress_struct info;
    struct jpeg_failure failure;
    memset(&info, 0, sizeof info);
    info.err = jpeg_std_error(&failure.base);
    failure.base.error_exit = jpeg_fail;
    if (setjmp(failure.jump)) {
        jpeg_destroy_compress(&info);
        return pk_fail("cannot write JPEG: %s", failure.text);
    }
    jpeg_create_compress(&info);
    jpeg_stdio_dest(&info, to);
    info.image_width = (JDIMENSION)image->width;
    info.image_height = (JDIMENSION)image->height;
    info.input_components = 3;
    info.in_color_space = JCS_RGB;
    jpeg_set_defaults(&info);
    jpeg_set_quality(&info, 92, TRUE);
    jpeg_start_compress(&info, TRUE);
    while (info.next_scanline < info.image_height) {
        JSAMPROW row = image->rgb + (size_t)info.next_scanline * (size_t)image->width * 3;
        jpeg_write_scanlines(&info, &row, 1);
    }
    jpeg_finish_compress(&info);
    jpeg_destroy_compress(&info);
    return 0;
}

/* ---- PNG ---- */

static int decode_png(const void *bytes, size_t n, const char *name, struct pk_image *out) {
    spng_ctx *ctx = spng_ctx_new(0);
    if (!ctx) return pk_fail("%s: out of memory for the picture", name);
    struct spng_ihdr header;
    size_t size = 0;
    uint8_t *rgb = NULL;
    spng_set_image_limits(ctx, PK_MAX_PIXELS, PK_MAX_PIXELS);
    spng_set_chunk_limits(ctx, 64 << 20, 128 << 20);
    int error = spng_set_png_buffer(ctx, bytes, n);
    if (!error) error = spng_get_ihdr(ctx, &header);
    if (!error && check_size(name, header.width, header.height)) {
        spng_ctx_free(ctx);
        return -1;
    }
    if (!error) error = spng_decoded_image_size(ctx, SPNG_FMT_RGB8, &size);
    if (!error && !(rgb = malloc(size))) error = SPNG_EMEM;
    if (!error) error = spng_decode_image(ctx, rgb, size, SPNG_FMT_RGB8, 0);
    spng_ctx_free(ctx);
    if (error) {
        free(rgb);
        return pk_fail("%s is not a readable PNG: %s", name, spng_strerror(error));
    }
    *out = (struct pk_image){(int)header.width, (int)header.height, rgb};
    return 0;
}

static int encode_png(FILE *to, const struct pk_image *image) {
    spng_ctx *ctx = spng_ctx_new(SPNG_CTX_ENCODER);
    if (!ctx) return pk_fail("out of memory for writing a PNG");
    struct spng_ihdr header = {.width = (uint32_t)image->width, .height = (uint32_t)image->height,
                               .bit_depth = 8, .color_type = SPNG_COLOR_TYPE_TRUECOLOR};
    /* Level 1: a tenth larger than the default and several times faster. */
    spng_set_option(ctx, SPNG_IMG_COMPRESSION_LEVEL, 1);
    int error = spng_set_png_file(ctx, to);
    if (!error) error = spng_set_ihdr(ctx, &header);
    if (!error)
        error = spng_encode_image(ctx, image->rgb, (size_t)image->width * (size_t)image->height * 3,
                                  SPNG_FMT_PNG, SPNG_ENCODE_FINALIZE);
    spng_ctx_free(ctx);
    return error ? pk_fail("cannot write PNG: %s", spng_strerror(error)) : 0;
}

/* ---- files ---- */

int pk_image_decode(const void *bytes, size_t n_bytes, const char *name, struct pk_image *out) {
    const uint8_t *p = bytes;
    memset(out, 0, sizeof *out);
    if (n_bytes == 0) return pk_fail("%s is empty; a JPEG or PNG picture is needed", name);
    if (n_bytes >= 3 && p[0] == 0xff && p[1] == 0xd8 && p[2] == 0xff)
        return decode_jpeg(bytes, n_bytes, name, out);
    if (n_bytes >= 8 && !memcmp(p, "\x89PNG\r\n\x1a\n", 8))
        return decode_png(bytes, n_bytes, name, out);
    return pk_fail("%s is neither a JPEG nor a PNG picture", name);
}

int pk_file_read(const char *path, void **out, size_t *n_bytes) {
    *out = NULL;
    FILE *f = fopen(path, "rb");
    if (!f) return pk_fail("%s cannot be opened; check the path and its permissions", path);
    struct stat st;
    if (fstat(fileno(f), &st) || !S_ISREG(st.st_mode)) {
        fclose(f);
        return pk_fail("%s is not a file", path);
    }
    if (st.st_size > PK_MAX_FILE_BYTES) {
        fclose(f);
        return pk_fail("%s is larger than %d MiB; that is no picture", path,
                       PK_MAX_FILE_BYTES >> 20);
    }
    size_t n = (size_t)st.st_size;
    void *bytes = malloc(n ? n : 1);
    if (!bytes) {
        fclose(f);
        return pk_fail("%s: out of memory", path);
    }
    size_t got = fread(bytes, 1, n, f);
    fclose(f);
    if (got != n) {
        free(bytes);
        return pk_fail("%s cannot be read to its end", path);
    }
    *out = bytes;
    *n_bytes = n;
    return 0;
}

int pk_image_read(const char *path, struct pk_image *out) {
    void *bytes;
    size_t n;
    memset(out, 0, sizeof *out);
    if (pk_file_read(path, &bytes, &n)) return -1;
    int result = pk_image_decode(bytes, n, path, out);
    free(bytes);
    return result;
}

int pk_image_write(const char *path, const struct pk_image *image) {
    const char *end = strrchr(path, '.');
    int png = end && !strcasecmp(end, ".png");
    if (!png && !(end && (!strcasecmp(end, ".jpg") || !strcasecmp(end, ".jpeg"))))
        return pk_fail("%s: the name must end in .png, .jpg or .jpeg", path);
    char temporary[4096];
    if (snprintf(temporary, sizeof temporary, "%s.part", path) >= (int)sizeof temporary)
        return pk_fail("%.100s...: the path is too long", path);
    FILE *to = fopen(temporary, "wb");
    if (!to) return pk_fail("%s cannot be written; check the folder and its permissions", path);
    int result = png ? encode_png(to, image) : encode_jpeg(to, image);
    if (fclose(to) && !result) result = pk_fail("%s cannot be written; is the disk full?", path);
    if (!result && rename(temporary, path)) result = pk_fail("%s cannot be written", path);
    if (result) unlink(temporary);
    return result;
}
