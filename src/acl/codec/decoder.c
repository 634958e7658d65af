/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Decoding. One thread per decoder and no threads inside it: a frame then comes out as soon as the
 * stream's own order lets it, and programs run several channels beside each other.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <libavcodec/avcodec.h>
#include <libavutil/pixdesc.h>

#include "acl/codec/av.h"

/* 8192 x 4320: what a stream may claim before anything is allocated for it. */
enum { MOST_PIXELS = 8192 * 4320 };

struct decoder {
    AVCodecContext *context;
    AVPacket *packet;
    AVFrame *frame;
    uint64_t most_bytes;
    uint32_t wide, high; /* of a frame that was refused for its size; 0: none was */
};

/* Frames are as large as the stream says; the program's memory is as large as it is. */
static int get_buffer(AVCodecContext *context, AVFrame *frame, int flags) {
    struct decoder *d = context->opaque;
    if ((uint64_t)context->width * (uint64_t)context->height * 3 / 2 > d->most_bytes) {
        d->wide = (uint32_t)context->width;
        d->high = (uint32_t)context->height;
        return AVERROR(ENOMEM);
    }
    return avcodec_default_get_buffer2(context, frame, flags);
}

void decoder_destroy(struct decoder *d) {
    if (!d) return;
    avcodec_free_context(&d->context);
    av_packet_free(&d->packet);
    av_frame_free(&d->frame);
    free(d);
}

struct decoder *decoder_create(const struct decoder_settings *s, char error[CODEC_ERROR]) {
    const char *name = s->is_h265 ? "H.265" : "H.264";
    const AVCodec *codec = avcodec_find_decoder(s->is_h265 ? AV_CODEC_ID_HEVC : AV_CODEC_ID_H264);
    if (!codec) {
        codec_sentence(error, 0, "this FFmpeg decodes no %s; install one that does", name);
        return NULL;
    }
    struct decoder *d = calloc(1, sizeof *d);
    if (d) {
        d->context = avcodec_alloc_context3(codec);
        d->packet = av_packet_alloc();
        d->frame = av_frame_alloc();
    }
    if (!d || !d->context || !d->packet || !d->frame) {
        codec_sentence(error, AVERROR(ENOMEM), "no decoder of %s", name);
        decoder_destroy(d);
        return NULL;
    }
    d->context->opaque = d;
    d->context->get_buffer2 = get_buffer;
    d->context->thread_count = 1;
    d->context->max_pixels = MOST_PIXELS;
    if (s->low_delay) d->context->flags |= AV_CODEC_FLAG_LOW_DELAY;
    int code = avcodec_open2(d->context, codec, NULL);
    if (code < 0) {
        codec_sentence(error, code, "no decoder of %s", name);
        decoder_destroy(d);
        return NULL;
    }
    return d;
}

static int fail(struct decoder *d, int code, char error[CODEC_ERROR]) {
    if (!d->wide) return codec_sentence(error, code, "it cannot be decoded");
    codec_sentence(error, 0, "the stream has %u x %u pixels; the output's memory has room for "
                             "%llu bytes only",
                   d->wide, d->high, (unsigned long long)d->most_bytes);
    d->wide = d->high = 0;
    return -1;
}

int decoder_send(struct decoder *d, const void *data, size_t bytes, int64_t number,
                 uint64_t most_bytes, char error[CODEC_ERROR]) {
    if (!data) {
        int code = avcodec_send_packet(d->context, NULL);
        return code < 0 && code != AVERROR_EOF ? fail(d, code, error) : 0;
    }
    d->most_bytes = most_bytes;
    /* A packet of FFmpeg's own has the bytes after its end that parsers read ahead into. */
    int code = av_new_packet(d->packet, (int)bytes);
    if (code < 0) return codec_sentence(error, code, "no memory for %zu bytes", bytes);
    memcpy(d->packet->data, data, bytes);
    d->packet->pts = number;
    code = avcodec_send_packet(d->context, d->packet);
    av_packet_unref(d->packet);
    return code < 0 ? fail(d, code, error) : 0;
}

int decoder_receive(struct decoder *d, struct codec_frame *frame, char error[CODEC_ERROR]) {
    frame->number = -1;
    av_frame_unref(d->frame);
    int code = avcodec_receive_frame(d->context, d->frame);
    if (code == AVERROR(EAGAIN) || code == AVERROR_EOF) return 0;
    if (code < 0) return fail(d, code, error);
    const AVFrame *f = d->frame;
    frame->number = f->pts;
    if (f->format != AV_PIX_FMT_YUV420P && f->format != AV_PIX_FMT_YUVJ420P) {
        const char *name = av_get_pix_fmt_name(f->format);
        return codec_sentence(error, 0, "the stream is %s; 4:2:0 with 8 bits is decoded",
                              name ? name : "of an unknown format");
    }
    *frame = (struct codec_frame){
        .y = f->data[0], .u = f->data[1], .v = f->data[2],
        .y_stride = f->linesize[0], .chroma_stride = f->linesize[1],
        .width = (uint32_t)f->width, .height = (uint32_t)f->height, .number = f->pts,
        .is_damaged = f->decode_error_flags || f->flags & AV_FRAME_FLAG_CORRUPT};
    return 1;
}

void decoder_restart(struct decoder *d) { avcodec_flush_buffers(d->context); }
