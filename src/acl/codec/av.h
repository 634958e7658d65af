/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of libprusik_codec.so share. */
#ifndef PK_ACL_CODEC_AV_H
#define PK_ACL_CODEC_AV_H

#include "acl/codec/codec.h"

/* Writes the sentence, with FFmpeg's own words for a code other than 0 after it; -1. */
int codec_sentence(char error[CODEC_ERROR], int code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

struct decoder *decoder_create(const struct decoder_settings *s, char error[CODEC_ERROR]);
int decoder_send(struct decoder *d, const void *data, size_t bytes, int64_t number,
                 uint64_t most_bytes, char error[CODEC_ERROR]);
int decoder_receive(struct decoder *d, struct codec_frame *frame, char error[CODEC_ERROR]);
void decoder_restart(struct decoder *d);
void decoder_destroy(struct decoder *d);

struct encoder *encoder_create(const struct encoder_settings *s, char error[CODEC_ERROR]);
int encoder_send(struct encoder *e, const uint8_t *y, size_t y_stride, const uint8_t *uv,
                 size_t uv_stride, bool swapped, bool is_key, char error[CODEC_ERROR]);
int encoder_receive(struct encoder *e, const uint8_t **data, size_t *bytes,
                    char error[CODEC_ERROR]);
void encoder_destroy(struct encoder *e);

#endif
