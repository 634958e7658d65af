/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Videos, streams and cameras, and writing H.264, through FFmpeg's libraries. They stand behind a
 * table of functions in a module of its own, libprusik_video.so, loaded when a video is first met:
 * a machine without FFmpeg runs everything else, and nobody who has no video links with it.
 */
#ifndef PK_CMD_VIDEO_H
#define PK_CMD_VIDEO_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "prusik/vision.h"

enum {
    VIDEO_ERROR = 512,
    VIDEO_MAX_PIXELS = 8192 * 4352 /* of a frame; what H.264 calls level 6 */
};

/* What a hostile or dead source may cost. */
struct video_limits {
    int64_t max_pixels; /* of a frame */
    int64_t max_frames; /* delivered; then the source ends */
    int reconnects;     /* of a stream that breaks, in all */
    int timeout_s;      /* without a byte from a stream */
    int threads;        /* of the decoder */
    int stride;         /* every so many frames one is delivered; the others are not converted */
    const atomic_int *stop; /* not 0: end as soon as possible */
};

struct video_info {
    int width, height;
    double fps;     /* of the delivered frames; 25 where the source does not say */
    int64_t frames; /* that will be delivered, as far as the file says; 0: unknown */
    int live;       /* frames come when they come: a slow reader must drop some */
};

/* Whether a name is that of a camera: /dev/video0, or a lasting name of one below /dev/v4l. */
static inline int video_is_camera(const char *name) {
    return !strncmp(name, "/dev/video", 10) || !strncmp(name, "/dev/v4l/", 9);
}

/* Bytes from somewhere that cannot be opened by name. Returns how many, 0 at the end, -1. */
typedef int (*video_bytes_fn)(void *context, uint8_t *to, int n);

struct video_reader;
struct video_writer;

/* 0, or -1 and a sentence in `error`, unless said otherwise. */
struct video_api {
    size_t size; /* of this struct: both sides must agree */
    /* url: a path, an address, or a camera; with `bytes` only a name for sentences. */
    int (*open)(const char *url, video_bytes_fn bytes, void *context,
                const struct video_limits *limits, struct video_reader **out,
                struct video_info *info, char error[VIDEO_ERROR]);
    /* 1: a frame, the caller's; 0: the end; -1: cannot go on. Damaged frames are passed over. */
    int (*read)(struct video_reader *r, struct pk_image *out, double *seconds,
                char error[VIDEO_ERROR]);
    /* Frames passed over so far because they were damaged. */
    int64_t (*damaged)(const struct video_reader *r);
    void (*close)(struct video_reader *r); /* NULL is fine */

    /* An mp4 with H.264; frames of other sizes are scaled to the first's. */
    int (*create)(const char *path, double fps, int threads, struct video_writer **out,
                  char error[VIDEO_ERROR]);
    /* seconds: when the frame was, of a live source, whose frames come unevenly; -1: it follows
     * upon the last at the frame rate. */
    int (*write)(struct video_writer *w, const struct pk_image *image, double seconds,
                 char error[VIDEO_ERROR]);
    /* Ends the file so that it can be played, and frees the writer. */
    int (*finish)(struct video_writer *w, char error[VIDEO_ERROR]);
};

/* The module's one export. */
const struct video_api *prusik_video_api(void);

/* Loaded once, by whichever thread asks first; NULL and a sentence when it or FFmpeg is missing. */
const struct video_api *video_load(char error[VIDEO_ERROR]);

#endif
