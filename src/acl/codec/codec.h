/* SPDX-License-Identifier: Apache-2.0 */
/*
 * H.264 and H.265, as libacl_dvpp.so asks for them: libprusik_codec.so, the one library here that
 * links FFmpeg, which is loaded when a program opens its first channel of video. It knows nothing
 * of AscendCL.
 *
 *     const struct codec_api *c = prusik_codec_api();
 *     struct decoder *d = c->decoder_create(&settings, error);
 *     c->decoder_send(d, data, bytes, number, most_bytes, error);
 *     while (c->decoder_receive(d, &frame, error) != 0) ...
 *
 * One decoder or encoder belongs to one thread at a time. Functions return 0 for success (or
 * nothing more), 1 for a frame, -1 for a failure with a sentence.
 */
#ifndef PK_ACL_CODEC_H
#define PK_ACL_CODEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { CODEC_ERROR = 240 };

struct decoder;
struct encoder;

struct decoder_settings {
    bool is_h265;
    bool low_delay; /* each frame at once, in the order of decoding */
};

/* 4:2:0 of 8 bits; valid until the next call. */
struct codec_frame {
    const uint8_t *y, *u, *v;
    int y_stride, chroma_stride;
    uint32_t width, height;
    int64_t number; /* of the access unit it was in */
    bool is_damaged;
};

enum codec_profile { PROFILE_BASELINE, PROFILE_MAIN, PROFILE_HIGH };

struct encoder_settings {
    bool is_h265;
    enum codec_profile profile;
    uint32_t width, height;
    uint32_t interval; /* frames from key frame to key frame */
    uint32_t rate;     /* frames per second */
    uint32_t kbps;     /* 0: constant quality */
    bool is_constant;  /* constant bit rate, else kbps is the most */
    double ip_ratio;   /* of the quantizers of P and I frames; 0: the encoder's own */
};

struct codec_api {
    size_t bytes; /* of this struct: that both are of one build */
    struct decoder *(*decoder_create)(const struct decoder_settings *s, char error[CODEC_ERROR]);
    /* One access unit; data NULL: the end, after which the last frames come. Frames that take more
     * than most_bytes are refused before memory is taken for them. */
    int (*decoder_send)(struct decoder *d, const void *data, size_t bytes, int64_t number,
                        uint64_t most_bytes, char error[CODEC_ERROR]);
    /* After -1 there may be more; frame->number is then that of the failed one, or -1. */
    int (*decoder_receive)(struct decoder *d, struct codec_frame *frame, char error[CODEC_ERROR]);
    /* After the end: ready for another stream. */
    void (*decoder_restart)(struct decoder *d);
    void (*decoder_destroy)(struct decoder *d);
    struct encoder *(*encoder_create)(const struct encoder_settings *s, char error[CODEC_ERROR]);
    /* y NULL: the end. Chroma is interleaved, V first if swapped. */
    int (*encoder_send)(struct encoder *e, const uint8_t *y, size_t y_stride, const uint8_t *uv,
                        size_t uv_stride, bool swapped, bool is_key, char error[CODEC_ERROR]);
    /* The bytes are valid until the next call. */
    int (*encoder_receive)(struct encoder *e, const uint8_t **data, size_t *bytes,
                           char error[CODEC_ERROR]);
    void (*encoder_destroy)(struct encoder *e);
};

#endif
