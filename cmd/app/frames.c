/* SPDX-License-Identifier: Apache-2.0 */
#include "frames.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "progress.h"

void frames_open(struct frames *f, const struct sources *sources,
                 const struct video_limits *limits) {
    memset(f, 0, sizeof *f);
    f->sources = sources;
    f->limits = *limits;
    f->limits.stop = &progress_stop;
}

void frames_close(struct frames *f) {
    char error[VIDEO_ERROR];
    if (f->video) video_load(error)->close(f->video);
    free(f->peek);
    f->video = NULL;
    f->peek = NULL;
}

/* ---- stdin ---- */

/* Waits in short turns, so that being asked to stop is seen. Bytes, 0 at the end, -1. */
static ssize_t read_stdin(void *to, size_t n) {
    while (!atomic_load(&progress_stop)) {
        struct pollfd p = {.fd = STDIN_FILENO, .events = POLLIN};
        int ready = poll(&p, 1, 100);
        if (ready < 0 && errno != EINTR) return -1;
        if (ready <= 0) continue;
        ssize_t got = read(STDIN_FILENO, to, n);
        if (got < 0 && (errno == EINTR || errno == EAGAIN)) continue;
        return got;
    }
    return 0;
}

static ssize_t read_fully(unsigned char *to, size_t n) {
    size_t at = 0;
    while (at < n) {
        ssize_t got = read_stdin(to + at, n - at);
        if (got < 0) return -1;
        if (got == 0) break;
        at += (size_t)got;
    }
    return (ssize_t)at;
}

static int stdin_bytes(void *context, uint8_t *to, int n) {
    struct frames *f = context;
    size_t left = f->n_peek - f->peeked;
    if (!left) return (int)read_stdin(to, (size_t)n);
    if (left > (size_t)n) left = (size_t)n;
    memcpy(to, f->peek + f->peeked, left);
    f->peeked += left;
    return (int)left;
}

/* All of stdin, after the bytes already read; grows as they come, up to PK_MAX_FILE_BYTES. */
static int read_picture_bytes(struct frames *f, struct item *out) {
    size_t n = f->n_peek, room = 1 << 16;
    unsigned char *bytes = malloc(room);
    if (bytes) memcpy(bytes, f->peek, n);
    for (ssize_t got = 1; bytes && got > 0 && n <= PK_MAX_FILE_BYTES;) {
        if (n == room) {
            unsigned char *wider = realloc(bytes, room *= 2);
            if (!wider) {
                free(bytes);
                bytes = NULL;
                break;
            }
            bytes = wider;
        }
        got = read_stdin(bytes + n, room - n);
        if (got > 0) n += (size_t)got;
    }
    if (bytes && n <= PK_MAX_FILE_BYTES) {
        out->bytes = bytes;
        out->n_bytes = n;
        return 0;
    }
    snprintf(out->why, sizeof out->why, "stdin holds more than %d MiB; that is no picture",
             PK_MAX_FILE_BYTES >> 20);
    free(bytes);
    return -1;
}

/* ---- one source after the other ---- */

static int open_video(struct frames *f, const struct source *s, struct item *out) {
    char error[VIDEO_ERROR];
    const struct video_api *video = video_load(error);
    int pipe = s->kind == SOURCE_STDIN;
    f->frame = 0;
    if (!video || video->open(pipe ? "stdin" : s->path, pipe ? stdin_bytes : NULL, f, &f->limits,
                              &f->video, &f->info, error)) {
        snprintf(out->why, sizeof out->why, "%s: %.400s", s->path, error);
        return -1;
    }
    f->live = f->info.live;
    if (f->sources->n == 1) atomic_store(&f->expected, f->info.frames);
    return 0;
}

/* Opens the next source; pictures are complete with that. */
static int next_source(struct frames *f, struct item *out) {
    const struct source *s = &f->sources->items[f->next++];
    out->source = s;
    out->frame = -1;
    int failed = 0;
    if (s->kind == SOURCE_PICTURE) {
        if ((failed = pk_file_read(s->path, &out->bytes, &out->n_bytes)))
            snprintf(out->why, sizeof out->why, "%s", pk_error());
    } else if (s->kind == SOURCE_STDIN) {
        free(f->peek);
        f->peek = malloc(16);
        ssize_t n = f->peek ? read_fully(f->peek, 16) : -1;
        f->n_peek = n > 0 ? (size_t)n : 0;
        f->peeked = 0;
        int picture = n < 16 || (f->peek[0] == 0xff && f->peek[1] == 0xd8) ||
                      !memcmp(f->peek, "\x89PNG", 4);
        failed = picture ? read_picture_bytes(f, out) : open_video(f, s, out);
    } else {
        failed = open_video(f, s, out);
    }
    out->failed = failed != 0;
    return f->video != NULL;
}

int frames_read(struct frames *f, struct item *out) {
    char error[VIDEO_ERROR];
    if (!f->video) {
        if (f->next >= f->sources->n || atomic_load(&progress_stop)) return 0;
        if (!next_source(f, out)) return 1;
    }
    const struct video_api *video = video_load(error);
    out->source = &f->sources->items[f->next - 1];
    out->fps = f->info.fps;
    out->live = f->info.live;
    out->frame = f->frame * f->limits.stride;
    double start = progress_now_ms();
    int got = video->read(f->video, &out->image, &out->seconds, error);
    out->decode_ms = progress_now_ms() - start;
    if (got > 0) {
        f->frame++;
        return 1;
    }
    if (got < 0) {
        snprintf(out->why, sizeof out->why, "%.250s: %.250s", out->source->path, error);
        out->failed = 1;
    }
    f->damaged += video->damaged(f->video);
    video->close(f->video);
    f->video = NULL;
    f->live = 0;
    out->last = 1;
    return 1;
}

void item_decode(struct item *i) {
    if (i->failed || !i->bytes) return;
    double start = progress_now_ms();
    if (pk_image_decode(i->bytes, i->n_bytes, i->source->path, &i->image)) {
        snprintf(i->why, sizeof i->why, "%s", pk_error());
        i->failed = 1;
    }
    free(i->bytes);
    i->bytes = NULL;
    i->decode_ms = progress_now_ms() - start;
}
