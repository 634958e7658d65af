/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libavutil/log.h>

#include "av.h"

int av_sentence(char error[VIDEO_ERROR], int code, const char *format, ...) {
    va_list args;
    va_start(args, format);
    vsnprintf(error, VIDEO_ERROR, format, args);
    va_end(args);
    char why[AV_ERROR_MAX_STRING_SIZE];
    size_t at = strlen(error);
    if (code && !av_strerror(code, why, sizeof why))
        snprintf(error + at, VIDEO_ERROR - at, ": %s", why);
    return -1;
}

void turn_rgb(const uint8_t *rgb, int width, int height, int degrees, struct pk_image *out) {
    size_t w = (size_t)width, h = (size_t)height;
    out->width = degrees % 180 ? height : width;
    out->height = degrees % 180 ? width : height;
    for (size_t y = 0; y < h; y++)
        for (size_t x = 0; x < w; x++) {
            size_t to = degrees == 90    ? x * h + (h - 1 - y)
                        : degrees == 180 ? (h - 1 - y) * w + (w - 1 - x)
                        : degrees == 270 ? (w - 1 - x) * h + y
                                         : y * w + x;
            memcpy(out->rgb + 3 * to, rgb + 3 * (y * w + x), 3);
        }
}

static const struct video_api api = {
    .size = sizeof api, .open = reader_open, .read = reader_read, .damaged = reader_damaged,
    .close = reader_close, .create = writer_create, .write = writer_write,
    .finish = writer_finish,
};

__attribute__((visibility("default"))) const struct video_api *prusik_video_api(void) {
    /* FFmpeg reports every damaged frame on stderr; they are counted here. */
    const char *debug = getenv("PRUSIK_DEBUG");
    av_log_set_level(debug && *debug == '1' ? AV_LOG_WARNING : AV_LOG_QUIET);
    return &api;
}
