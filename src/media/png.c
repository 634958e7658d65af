/* SPDX-License-Identifier: Apache-2.0 */
/* PNG through libspng, whose limits are set from ours. Pixels have 8 bits; of 16, the upper. */
#include <spng.h>

#include "media/media.h"

/* Of one chunk, and of all that is kept. */
enum { MAX_CHUNK = 16 << 20, MAX_CHUNKS = 32 << 20 };

static enum media_status bad_file(struct media *m, int error) {
    return media_fail(m, error == SPNG_EMEM ? MEDIA_MEMORY : MEDIA_DAMAGED,
                      "the PNG is not readable: %s", spng_strerror(error));
}

static enum media_status open_file(struct media *m, const void *data, size_t bytes, spng_ctx **ctx,
                                   struct spng_ihdr *header) {
    *ctx = spng_ctx_new(0);
    if (!*ctx) return media_fail(m, MEDIA_MEMORY, "no memory for a decoder");
    spng_set_chunk_limits(*ctx, MAX_CHUNK, MAX_CHUNKS);
    int error = spng_set_png_buffer(*ctx, data, bytes);
    if (!error) error = spng_get_ihdr(*ctx, header);
    if (error) return bad_file(m, error);
    if (header->width > MEDIA_MAX_SIDE || header->height > MEDIA_MAX_SIDE ||
        (uint64_t)header->width * header->height > MEDIA_MAX_PIXELS)
        return media_fail(m, MEDIA_LIMIT,
                          "the PNG claims %u x %u pixels; sides are at most %d, and %d million "
                          "pixels",
                          header->width, header->height, MEDIA_MAX_SIDE,
                          MEDIA_MAX_PIXELS / 1000000);
    return MEDIA_OK;
}

enum media_status png_info(struct media *m, const void *data, size_t bytes, struct png_info *out) {
    spng_ctx *ctx;
    struct spng_ihdr header;
    enum media_status status = open_file(m, data, bytes, &ctx, &header);
    if (status == MEDIA_OK) {
        static const int components[] = {[SPNG_COLOR_TYPE_GRAYSCALE] = 1,
                                         [SPNG_COLOR_TYPE_TRUECOLOR] = 3,
                                         [SPNG_COLOR_TYPE_INDEXED] = 3,
                                         [SPNG_COLOR_TYPE_GRAYSCALE_ALPHA] = 2,
                                         [SPNG_COLOR_TYPE_TRUECOLOR_ALPHA] = 4};
        *out = (struct png_info){header.width, header.height, components[header.color_type]};
    }
    spng_ctx_free(ctx);
    return status;
}

static enum media_status decode(struct media *m, spng_ctx *ctx, const struct spng_ihdr *header,
                                const struct picture *out) {
    const struct format_info *f = format_info(out->format);
    int format = out->format == FORMAT_RGB ? SPNG_FMT_RGB8 : SPNG_FMT_RGBA8;
    if (out->format != FORMAT_RGB && out->format != FORMAT_RGBA)
        return media_fail(m, MEDIA_UNSUPPORTED, "a PNG is not decoded to %s", f->name);
    if (out->width != header->width || out->height != header->height)
        return media_fail(m, MEDIA_ARGUMENT, "the PNG has %u x %u pixels, not %u x %u",
                          header->width, header->height, out->width, out->height);
    int flags = SPNG_DECODE_PROGRESSIVE | (format == SPNG_FMT_RGBA8 ? SPNG_DECODE_TRNS : 0);
    int error = spng_decode_image(ctx, NULL, 0, format, flags);
    while (!error) {
        struct spng_row_info row;
        error = spng_get_row_info(ctx, &row);
        if (error) break;
        error = spng_decode_row(ctx, out->data + (size_t)row.row_num * out->stride,
                                (size_t)out->width * f->bytes);
    }
    return error == SPNG_EOI ? MEDIA_OK : bad_file(m, error);
}

enum media_status png_decode(struct media *m, const void *data, size_t bytes,
                             const struct picture *out) {
    spng_ctx *ctx;
    struct spng_ihdr header;
    enum media_status status = open_file(m, data, bytes, &ctx, &header);
    if (status == MEDIA_OK) status = decode(m, ctx, &header, out);
    spng_ctx_free(ctx);
    return status;
}
