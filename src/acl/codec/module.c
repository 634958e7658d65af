/* SPDX-License-Identifier: Apache-2.0 */
/* The one export of libprusik_codec.so. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <libavutil/error.h>
#include <libavutil/log.h>

#include "acl/codec/av.h"

int codec_sentence(char error[CODEC_ERROR], int code, const char *format, ...) {
    va_list args;
    va_start(args, format);
    vsnprintf(error, CODEC_ERROR, format, args);
    va_end(args);
    char why[AV_ERROR_MAX_STRING_SIZE];
    size_t at = strlen(error);
    if (code && !av_strerror(code, why, sizeof why))
        snprintf(error + at, CODEC_ERROR - at, ": %s", why);
    return -1;
}

static const struct codec_api api = {
    .bytes = sizeof api,
    .decoder_create = decoder_create,
    .decoder_send = decoder_send,
    .decoder_receive = decoder_receive,
    .decoder_restart = decoder_restart,
    .decoder_destroy = decoder_destroy,
    .encoder_create = encoder_create,
    .encoder_send = encoder_send,
    .encoder_receive = encoder_receive,
    .encoder_destroy = encoder_destroy,
};

__attribute__((visibility("default"))) const struct codec_api *prusik_codec_api(void);

const struct codec_api *prusik_codec_api(void) {
    /* FFmpeg writes a line to stderr for each damaged frame; here the frame's code says it. */
    av_log_set_level(AV_LOG_QUIET);
    return &api;
}
