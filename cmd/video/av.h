/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of libprusik_video.so share; app/video.h says what each function does. */
#ifndef PK_CMD_VIDEO_AV_H
#define PK_CMD_VIDEO_AV_H

#include <stdatomic.h>
#include <time.h>

#include <libavutil/error.h>
#include <libavutil/frame.h>

#include "../app/video.h"

/* Leaves a sentence in `error`, with what FFmpeg says of `code` unless that is 0; returns -1. */
int av_sentence(char error[VIDEO_ERROR], int code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static inline double video_now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}
/* Whether whoever reads asked to stop. */
static inline int video_stopped(const struct video_limits *l) {
    return l->stop && atomic_load(l->stop);
}

int reader_open(const char *url, video_bytes_fn bytes, void *context,
                const struct video_limits *limits, struct video_reader **out,
                struct video_info *info, char error[VIDEO_ERROR]);
int reader_read(struct video_reader *r, struct pk_image *out, double *seconds,
                char error[VIDEO_ERROR]);
int64_t reader_damaged(const struct video_reader *r);
void reader_close(struct video_reader *r);

/* A Video4Linux device. read: 1 and a frame in `to`, which was empty; 0 when asked to stop; -1. */
struct camera;
int camera_open(const char *path, const struct video_limits *limits, struct camera **out,
                struct video_info *info, char error[VIDEO_ERROR]);
int camera_read(struct camera *c, AVFrame *to, double *seconds, char error[VIDEO_ERROR]);
int64_t camera_damaged(const struct camera *c);
void camera_close(struct camera *c); /* NULL is fine */

int writer_create(const char *path, double fps, int threads, struct video_writer **out,
                  char error[VIDEO_ERROR]);
int writer_write(struct video_writer *w, const struct pk_image *image, double seconds,
                 char error[VIDEO_ERROR]);
int writer_finish(struct video_writer *w, char error[VIDEO_ERROR]);

/* `degrees` clockwise, a multiple of 90, of packed RGB: `out` has room for as many pixels, and
 * gets the size after turning. */
void turn_rgb(const uint8_t *rgb, int width, int height, int degrees, struct pk_image *out);

#endif
