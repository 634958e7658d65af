/* SPDX-License-Identifier: Apache-2.0 */
/*
 * JPEG and PNG: what a file says (at once, from memory of the host), and decoding and encoding (on
 * a stream). A file may only be there when its task runs, so a decode reads all of it there; the
 * description's size, strides and format are filled in then.
 */
#include "acl/dvpp/dvpp.h"

static uint32_t align(uint32_t n, uint32_t to) { return (n + to - 1) / to * to; }

/* ---- what a decoder gives ---- */

/* A row of a decoded JPEG is a multiple of so many pixels. */
static uint32_t jpeg_columns(void) { return dvpp_chip() == CHIP_310 ? 128 : 64; }
enum { PNG_COLUMNS = 128, DECODED_ROWS = 16 };

static void decoder_strides(struct picture *p, uint32_t columns) {
    if (!p->stride) p->stride = align(p->width, columns) * format_info(p->format)->bytes;
    if (!p->rows) p->rows = align(p->height, DECODED_ROWS);
}

/* Sides that a format wants even: the 310 leaves them, later chips take one pixel off, or add one
 * if the channel says so. */
static uint32_t even_side(uint32_t n, int shift, uint32_t precision) {
    if (!shift || n % 2 == 0 || dvpp_chip() == CHIP_310) return n;
    return precision == ACL_YUVOUT_ALIGN_UP || n == 1 ? n + 1 : n - 1;
}

/* The picture that decoding gives; `p` has the format and, if any, strides. */
static enum media_status jpeg_layout(struct media *m, const struct jpeg_info *i,
                                     uint32_t precision, struct picture *p) {
    if (p->format == FORMAT_UNKNOWN) p->format = jpeg_own_format(i);
    const struct format_info *f = format_info(p->format);
    if (!f)
        return media_fail(m, MEDIA_UNSUPPORTED, "a JPEG is not decoded to format %d", p->format);
    bool turned = jpeg_is_turned(i);
    p->width = even_side(turned ? i->height : i->width, f->sub_x, precision);
    p->height = even_side(turned ? i->width : i->height, f->sub_y, precision);
    decoder_strides(p, jpeg_columns());
    return MEDIA_OK;
}

static enum media_status png_layout(struct media *m, const struct png_info *i, struct picture *p) {
    if (p->format == FORMAT_UNKNOWN)
        p->format = i->components == 2 || i->components == 4 ? FORMAT_RGBA : FORMAT_RGB;
    if (p->format != FORMAT_RGB && p->format != FORMAT_RGBA)
        return media_fail(m, MEDIA_UNSUPPORTED,
                          "a PNG is decoded to PIXEL_FORMAT_RGB_888 or PIXEL_FORMAT_RGBA_8888, not "
                          "to format %d",
                          p->format);
    p->width = i->width;
    p->height = i->height;
    decoder_strides(p, PNG_COLUMNS);
    return MEDIA_OK;
}

/* ---- questions ---- */

static aclError check_file(const char *call, const void *data, const char *name, uint32_t size) {
    TRY(dvpp_check(call));
    CHECK(data, ACL_ERROR_INVALID_PARAM, "data is NULL");
    CHECK(size, ACL_ERROR_INVALID_PARAM, "%s is 0", name);
    return _pk_private.memory_check(call, "data", data, size);
}

#define NEED(pointer) CHECK(pointer, ACL_ERROR_INVALID_PARAM, "%s is NULL", #pointer)

static aclError read_jpeg(const char *call, const void *data, uint32_t size,
                          struct jpeg_info *out) {
    struct media m = dvpp_media();
    return dvpp_fail(call, &m, jpeg_info(&m, data, size, out), ACL_ERROR_UNSUPPORTED_JPEG);
}

aclError acldvppJpegGetImageInfoV2(const void *data, uint32_t size, uint32_t *width,
                                   uint32_t *height, int32_t *components,
                                   acldvppJpegFormat *format) {
    const char *call = __func__;
    struct jpeg_info i;
    TRY(check_file(call, data, "size", size));
    TRY(read_jpeg(call, data, size, &i));
    /* Each may be left out. */
    if (width) *width = i.width;
    if (height) *height = i.height;
    if (components) *components = i.components;
    if (format) *format = (acldvppJpegFormat)i.sampling;
    return ACL_SUCCESS;
}

aclError acldvppJpegGetImageInfo(const void *data, uint32_t size, uint32_t *width,
                                 uint32_t *height, int32_t *components) {
    const char *call = __func__;
    struct jpeg_info i;
    TRY(check_file(call, data, "size", size));
    NEED(width);
    NEED(height);
    TRY(read_jpeg(call, data, size, &i));
    *width = i.width;
    *height = i.height;
    if (components) *components = i.components;
    return ACL_SUCCESS;
}

static aclError tell_size(const char *call, const struct media *m, enum media_status status,
                          const struct picture *p, uint32_t *out) {
    TRY(dvpp_fail(call, m, status, ACL_ERROR_UNSUPPORTED_JPEG));
    size_t bytes = picture_bytes(p);
    CHECK(bytes <= UINT32_MAX, ACL_ERROR_STORAGE_OVER_LIMIT,
          "the picture takes %zu bytes, more than a size can say", bytes);
    *out = (uint32_t)bytes;
    return ACL_SUCCESS;
}

aclError acldvppJpegPredictDecSize(const void *data, uint32_t dataSize,
                                   acldvppPixelFormat outputPixelFormat, uint32_t *decSize) {
    const char *call = __func__;
    struct jpeg_info i;
    struct picture p = {.format = (int)outputPixelFormat};
    struct media m = dvpp_media();
    TRY(check_file(call, data, "dataSize", dataSize));
    NEED(decSize);
    TRY(read_jpeg(call, data, dataSize, &i));
    return tell_size(call, &m, jpeg_layout(&m, &i, ACL_YUVOUT_ALIGN_UP, &p), &p, decSize);
}

static aclError read_png(const char *call, const void *data, uint32_t size, struct png_info *out) {
    struct media m = dvpp_media();
    return dvpp_fail(call, &m, png_info(&m, data, size, out), ACL_ERROR_INVALID_FILE);
}

aclError acldvppPngGetImageInfo(const void *data, uint32_t dataSize, uint32_t *width,
                                uint32_t *height, int32_t *components) {
    const char *call = __func__;
    struct png_info i;
    TRY(check_file(call, data, "dataSize", dataSize));
    NEED(width);
    NEED(height);
    TRY(read_png(call, data, dataSize, &i));
    *width = i.width;
    *height = i.height;
    if (components) *components = i.components;
    return ACL_SUCCESS;
}

aclError acldvppPngPredictDecSize(const void *data, uint32_t dataSize,
                                  acldvppPixelFormat outputPixelFormat, uint32_t *decSize) {
    const char *call = __func__;
    struct png_info i;
    struct picture p = {.format = (int)outputPixelFormat};
    struct media m = dvpp_media();
    TRY(check_file(call, data, "dataSize", dataSize));
    NEED(decSize);
    TRY(read_png(call, data, dataSize, &i));
    return tell_size(call, &m, png_layout(&m, &i, &p), &p, decSize);
}

/* ---- decoding ---- */

struct decode {
    struct job job;
    struct dvpp_pic *out;
    struct picture picture;
    const void *data;
    uint32_t size, precision;
};

/* MEDIA_TRY for functions that return codes. */
#define JOB_TRY(expression) TRY(job_fail(&d->job, (expression), for_files))

static aclError decode_jpeg(struct decode *d) {
    const aclError for_files = ACL_ERROR_UNSUPPORTED_JPEG;
    struct media *m = &d->job.media;
    struct jpeg_info i;
    JOB_TRY(jpeg_info(m, d->data, d->size, &i));
    TRY(strict_jpeg(d->job.call, &i));
    JOB_TRY(jpeg_layout(m, &i, d->precision, &d->picture));
    JOB_TRY(picture_check(m, &d->picture, "outputDesc"));
    TRY(strict_decoded(d->job.call, "outputDesc", &d->picture, jpeg_columns()));
    JOB_TRY(jpeg_decode(m, d->data, d->size, &d->picture));
    return ACL_SUCCESS;
}

static aclError decode_png(struct decode *d) {
    const aclError for_files = ACL_ERROR_INVALID_FILE;
    struct media *m = &d->job.media;
    struct png_info i;
    JOB_TRY(png_info(m, d->data, d->size, &i));
    TRY(strict_png(d->job.call, &i));
    JOB_TRY(png_layout(m, &i, &d->picture));
    JOB_TRY(picture_check(m, &d->picture, "outputDesc"));
    TRY(strict_decoded(d->job.call, "outputDesc", &d->picture, PNG_COLUMNS));
    JOB_TRY(png_decode(m, d->data, d->size, &d->picture));
    return ACL_SUCCESS;
}

static aclError finish(struct decode *d, aclError code) {
    if (code == ACL_SUCCESS) {
        atomic_store(&d->out->format, (unsigned)d->picture.format);
        atomic_store(&d->out->width, d->picture.width);
        atomic_store(&d->out->height, d->picture.height);
        atomic_store(&d->out->stride, d->picture.stride);
        atomic_store(&d->out->rows, d->picture.rows);
    }
    atomic_store(&d->out->ret_code, (unsigned)code);
    return code;
}

static aclError run_jpeg(struct job *j) {
    struct decode *d = (struct decode *)j;
    return finish(d, decode_jpeg(d));
}

static aclError run_png(struct job *j) {
    struct decode *d = (struct decode *)j;
    return finish(d, decode_png(d));
}

static aclError queue_decode(const char *call, const acldvppChannelDesc *channelDesc,
                             acldvppChannelMode mode, aclError (*run)(struct job *j),
                             const void *data, uint32_t size, const acldvppPicDesc *outputDesc,
                             aclrtStream stream) {
    struct channel_now channel;
    TRY(dvpp_need_channel(call, channelDesc, mode, &channel));
    TRY(check_file(call, data, "size", size));
    struct decode *d = job_create(call, sizeof *d, 1, run);
    if (!d) return ACL_ERROR_BAD_ALLOC;
    d->data = data;
    d->size = size;
    d->precision = channel.precision;
    d->out = job_hold(&d->job, outputDesc, HANDLE_DVPP_PIC, "outputDesc");
    aclError code = d->out ? ACL_SUCCESS : ACL_ERROR_INVALID_PARAM;
    if (code == ACL_SUCCESS) {
        d->picture = pic_copy(d->out);
        if (!d->picture.data)
            code = _pk_private.fail(ACL_ERROR_INVALID_PARAM, call,
                                    "outputDesc has no memory; call acldvppSetPicDescData");
        else
            code = _pk_private.memory_check(call, "outputDesc", d->picture.data, d->picture.bytes);
    }
    if (code != ACL_SUCCESS) {
        job_drop(&d->job);
        return code;
    }
    return job_submit(&d->job, stream);
}

aclError acldvppJpegDecodeAsync(acldvppChannelDesc *channelDesc, const void *data, uint32_t size,
                                acldvppPicDesc *outputDesc, aclrtStream stream) {
    return queue_decode(__func__, channelDesc, DVPP_CHNMODE_JPEGD, run_jpeg, data, size, outputDesc,
                        stream);
}

aclError acldvppPngDecodeAsync(acldvppChannelDesc *channelDesc, const void *data, uint32_t size,
                               acldvppPicDesc *outputDesc, aclrtStream stream) {
    TRY(dvpp_check(__func__));
    TRY(strict_call(__func__));
    return queue_decode(__func__, channelDesc, DVPP_CHNMODE_PNGD, run_png, data, size, outputDesc,
                        stream);
}

/* ---- encoding ---- */

struct encode {
    struct job job;
    struct picture picture;
    void *to;
    uint32_t *size;
    int quality;
    uint32_t room;
};

static aclError run_encode(struct job *j) {
    struct encode *e = (struct encode *)j;
    size_t bytes = e->room;
    enum media_status status = jpeg_encode(&j->media, &e->picture, e->quality, e->to, &bytes);
    if (status == MEDIA_OK) *e->size = (uint32_t)bytes;
    return job_fail(j, status, ACL_ERROR_FAILURE);
}

/* The quality of a configuration: 1 to 100. */
static aclError get_quality(const char *call, const acldvppJpegeConfig *config, int *out) {
    if (!dvpp_get(config, HANDLE_DVPP_JPEGE, call, "config")) return ACL_ERROR_INVALID_PARAM;
    _pk_private.handle_release(config);
    uint32_t level = acldvppGetJpegeConfigLevel(config);
    *out = level == 0 ? 100 : (int)level;
    return ACL_SUCCESS;
}

static aclError get_input(const char *call, const acldvppPicDesc *inputDesc, struct picture *out) {
    struct dvpp_pic *p = dvpp_get(inputDesc, HANDLE_DVPP_PIC, call, "inputDesc");
    if (!p) return ACL_ERROR_INVALID_PARAM;
    *out = pic_copy(p);
    _pk_private.handle_release(inputDesc);
    return ACL_SUCCESS;
}

aclError acldvppJpegPredictEncSize(const acldvppPicDesc *inputDesc,
                                   const acldvppJpegeConfig *config, uint32_t *size) {
    const char *call = __func__;
    struct picture p;
    int quality;
    TRY(dvpp_check(call));
    TRY(get_input(call, inputDesc, &p));
    TRY(get_quality(call, config, &quality));
    NEED(size);
    CHECK(p.width >= 1 && p.height >= 1 && p.width <= MEDIA_MAX_SIDE && p.height <= MEDIA_MAX_SIDE,
          ACL_ERROR_INVALID_PARAM, "inputDesc: %u x %u pixels; sides are 1 to %d", p.width,
          p.height, MEDIA_MAX_SIDE);
    size_t bytes = jpeg_bound(p.width, p.height, p.format);
    CHECK(bytes, ACL_ERROR_FEATURE_UNSUPPORTED, "inputDesc: format %d is not encoded", p.format);
    *size = bytes > UINT32_MAX ? UINT32_MAX : (uint32_t)bytes;
    return ACL_SUCCESS;
}

aclError acldvppJpegEncodeAsync(acldvppChannelDesc *channelDesc, acldvppPicDesc *inputDesc,
                                const void *data, uint32_t *size, acldvppJpegeConfig *config,
                                aclrtStream stream) {
    const char *call = __func__;
    struct channel_now channel;
    struct encode *e;
    struct picture p;
    int quality;
    struct media m = dvpp_media();
    TRY(dvpp_need_channel(call, channelDesc, DVPP_CHNMODE_JPEGE, &channel));
    TRY(get_input(call, inputDesc, &p));
    NEED(data);
    NEED(size);
    TRY(get_quality(call, config, &quality));
    CHECK(*size, ACL_ERROR_INVALID_PARAM, "size says 0 bytes; put the room at data there");
    if (!p.stride && format_info(p.format))
        p.stride = align(p.width * format_info(p.format)->bytes, 16);
    if (!p.rows) p.rows = p.height;
    TRY(dvpp_fail(call, &m, picture_check(&m, &p, "inputDesc"), ACL_ERROR_INVALID_PARAM));
    TRY(strict_encode(call, "inputDesc", &p));
    TRY(_pk_private.memory_check(call, "inputDesc", p.data, p.bytes));
    TRY(_pk_private.memory_check(call, "data", data, *size));
    e = job_create(call, sizeof *e, 0, run_encode);
    if (!e) return ACL_ERROR_BAD_ALLOC;
    e->picture = p;
    e->quality = quality;
    e->to = (void *)(uintptr_t)data;
    e->size = size;
    e->room = *size;
    return job_submit(&e->job, stream);
}
