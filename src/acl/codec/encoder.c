/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Encoding, as a chip does it: no B frames, so each frame gives its bytes at once; a key frame at a
 * fixed interval and where one is asked for, parameter sets in front of it.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libavcodec/avcodec.h>
#include <libavutil/opt.h>

#include "acl/codec/av.h"

struct encoder {
    AVCodecContext *context;
    AVPacket *packet;
    AVFrame *frame;
    int64_t n_frames;
};

void encoder_destroy(struct encoder *e) {
    if (!e) return;
    avcodec_free_context(&e->context);
    av_packet_free(&e->packet);
    av_frame_free(&e->frame);
    free(e);
}

static void set_options(AVCodecContext *c, const struct encoder_settings *s) {
    static const char *const profiles[] = {
        [PROFILE_BASELINE] = "baseline", [PROFILE_MAIN] = "main", [PROFILE_HIGH] = "high"};
    c->width = (int)s->width;
    c->height = (int)s->height;
    c->pix_fmt = AV_PIX_FMT_YUV420P;
    c->time_base = (AVRational){1, (int)s->rate};
    c->framerate = (AVRational){(int)s->rate, 1};
    c->gop_size = (int)s->interval;
    c->max_b_frames = 0;
    c->thread_count = 1;
    if (s->ip_ratio > 0) c->i_quant_factor = (float)(1 / s->ip_ratio);
    if (s->kbps) {
        c->rc_max_rate = (int64_t)s->kbps * 1000;
        c->rc_buffer_size = s->kbps > INT32_MAX / 1000 ? INT32_MAX : (int)s->kbps * 1000;
    }
    if (s->kbps && s->is_constant) c->bit_rate = c->rc_max_rate;
    /* These are x264's and x265's; another encoder keeps its own. */
    else av_opt_set(c->priv_data, "crf", "23", 0);
    av_opt_set(c->priv_data, "preset", s->is_h265 ? "ultrafast" : "veryfast", 0);
    av_opt_set(c->priv_data, "tune", "zerolatency", 0);
    av_opt_set(c->priv_data, "forced-idr", "1", 0);
    av_opt_set(c->priv_data, "profile", s->is_h265 ? "main" : profiles[s->profile], 0);
    if (s->is_h265)
        av_opt_set(c->priv_data, "x265-params",
                   "log-level=none:pools=none:frame-threads=1:bframes=0:scenecut=0", 0);
    else
        av_opt_set(c->priv_data, "sc_threshold", "0", 0);
}

struct encoder *encoder_create(const struct encoder_settings *s, char error[CODEC_ERROR]) {
    const char *name = s->is_h265 ? "H.265" : "H.264";
    const AVCodec *codec = avcodec_find_encoder_by_name(s->is_h265 ? "libx265" : "libx264");
    if (!codec)
        codec = avcodec_find_encoder(s->is_h265 ? AV_CODEC_ID_HEVC : AV_CODEC_ID_H264);
    if (!codec) {
        codec_sentence(error, 0, "this FFmpeg encodes no %s; install one that has lib%s", name,
                       s->is_h265 ? "x265" : "x264");
        return NULL;
    }
    struct encoder *e = calloc(1, sizeof *e);
    int code = AVERROR(ENOMEM);
    if (e) {
        e->context = avcodec_alloc_context3(codec);
        e->packet = av_packet_alloc();
        e->frame = av_frame_alloc();
    }
    if (e && e->context && e->packet && e->frame) {
        set_options(e->context, s);
        e->frame->format = e->context->pix_fmt;
        e->frame->width = e->context->width;
        e->frame->height = e->context->height;
        code = avcodec_open2(e->context, codec, NULL);
        if (code >= 0) code = av_frame_get_buffer(e->frame, 0);
        if (code >= 0) return e;
    }
    codec_sentence(error, code, "%s cannot encode %u x %u pixels", codec->name, s->width,
                   s->height);
    encoder_destroy(e);
    return NULL;
}

static void split(const uint8_t *pairs, uint8_t *first, uint8_t *second, int n) {
    for (int i = 0; i < n; i++) {
        first[i] = pairs[2 * i];
        second[i] = pairs[2 * i + 1];
    }
}

int encoder_send(struct encoder *e, const uint8_t *y, size_t y_stride, const uint8_t *uv,
                 size_t uv_stride, bool swapped, bool is_key, char error[CODEC_ERROR]) {
    AVFrame *f = e->frame;
    int code = y ? av_frame_make_writable(f) : 0;
    if (code < 0) return codec_sentence(error, code, "no frame can be made");
    for (int row = 0; y && row < f->height; row++)
        memcpy(f->data[0] + (ptrdiff_t)row * f->linesize[0], y + (size_t)row * y_stride,
               (size_t)f->width);
    for (int row = 0; y && row < f->height / 2; row++)
        split(uv + (size_t)row * uv_stride,
              f->data[swapped ? 2 : 1] + (ptrdiff_t)row * f->linesize[1],
              f->data[swapped ? 1 : 2] + (ptrdiff_t)row * f->linesize[1], f->width / 2);
    f->pict_type = is_key ? AV_PICTURE_TYPE_I : AV_PICTURE_TYPE_NONE;
    f->pts = e->n_frames;
    if (y) e->n_frames++;
    code = avcodec_send_frame(e->context, y ? f : NULL);
    return code < 0 && code != AVERROR_EOF ? codec_sentence(error, code, "it cannot be encoded")
                                           : 0;
}

int encoder_receive(struct encoder *e, const uint8_t **data, size_t *bytes,
                    char error[CODEC_ERROR]) {
    av_packet_unref(e->packet);
    int code = avcodec_receive_packet(e->context, e->packet);
    if (code == AVERROR(EAGAIN) || code == AVERROR_EOF) return 0;
    if (code < 0) return codec_sentence(error, code, "it cannot be encoded");
    *data = e->packet->data;
    *bytes = (size_t)e->packet->size;
    return 1;
}
