/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Frames of a Video4Linux camera, in the size and rate it is set to. The kernel is asked directly:
 * libavdevice, which FFmpeg has for it, waits for a frame without end, deaf to Ctrl-C, and brings
 * the libraries of a desktop along. Each frame is copied out at once, for scalers read a little
 * past the end of what they are given, and the camera gets its buffer back. Devices of several
 * planes (V4L2_CAP_VIDEO_CAPTURE_MPLANE) are refused.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/videodev2.h>
#include <math.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <libavcodec/avcodec.h>
#include <libavutil/imgutils.h>

#include "av.h"

enum { BUFFERS = 4, MAX_BAD_IN_A_ROW = 100, TURN_MS = 100 };

/* What can be read, the best first: packed ones convert fastest, MJPEG has to be decoded. */
static const struct pixels {
    uint32_t v4l2;
    enum AVPixelFormat av; /* NONE: compressed */
} formats[] = {
    {V4L2_PIX_FMT_YUYV, AV_PIX_FMT_YUYV422},   {V4L2_PIX_FMT_UYVY, AV_PIX_FMT_UYVY422},
    {V4L2_PIX_FMT_NV12, AV_PIX_FMT_NV12},      {V4L2_PIX_FMT_NV21, AV_PIX_FMT_NV21},
    {V4L2_PIX_FMT_YUV420, AV_PIX_FMT_YUV420P}, {V4L2_PIX_FMT_RGB24, AV_PIX_FMT_RGB24},
    {V4L2_PIX_FMT_BGR24, AV_PIX_FMT_BGR24},    {V4L2_PIX_FMT_MJPEG, AV_PIX_FMT_NONE},
    {V4L2_PIX_FMT_JPEG, AV_PIX_FMT_NONE},      {V4L2_PIX_FMT_GREY, AV_PIX_FMT_GRAY8},
};
enum { N_FORMATS = sizeof formats / sizeof formats[0] };

struct camera {
    struct video_limits limits;
    int fd, n_buffers, running;
    struct {
        void *at; /* MAP_FAILED: not mapped */
        size_t bytes;
    } buffers[BUFFERS];
    struct v4l2_pix_format pix;
    const struct pixels *pixels;
    int strides[4];
    size_t bytes; /* of a frame that is not compressed */
    double fps, begin; /* begin: when the first frame was taken */
    AVCodecContext *codec; /* of compressed frames */
    AVPacket *packet;
    int64_t frames, damaged;
    int bad_in_a_row;
};

/* 0, or -1 and errno. */
static int ask(const struct camera *c, unsigned long request, void *argument) {
    int status;
    do status = ioctl(c->fd, request, argument);
    while (status < 0 && errno == EINTR);
    return status;
}

/* A sentence for errno, after `doing` failed. */
static int fail(const struct camera *c, const char *doing, char error[VIDEO_ERROR]) {
    switch (errno) {
    case ENOENT: return av_sentence(error, 0, "there is no such device; ls /dev/video* lists them");
    case EACCES:
    case EPERM:
        return av_sentence(error, 0, "you may not open it; cameras are the group video's: "
                                     "sudo usermod -aG video $USER, then log in again");
    case EBUSY: return av_sentence(error, 0, "another program is using it; end that first");
    case ENOTTY: return av_sentence(error, 0, "it is no Video4Linux device");
    case ENOSPC:
        return av_sentence(error, 0, "its bus has no room for it; plug it in elsewhere, or set "
                                     "it to a smaller picture with v4l2-ctl");
    case ENODEV:
    case ENXIO:
        if (c->frames)
            return av_sentence(error, 0, "it was unplugged after %lld frames",
                               (long long)c->frames);
        return av_sentence(error, 0, "it is not plugged in");
    default: return av_sentence(error, AVERROR(errno), "it cannot %s", doing);
    }
}

/* ---- opening ---- */

static void write_code(uint32_t code, char to[8]) {
    for (int i = 0; i < 4; i++) {
        char c = (char)(code >> 8 * i & 0x7f);
        to[i] = c >= ' ' && c <= '~' ? c : '?';
    }
    to[4] = '\0';
}

static const struct pixels *find_format(uint32_t code) {
    for (int i = 0; i < N_FORMATS; i++)
        if (formats[i].v4l2 == code) return &formats[i];
    return NULL;
}

/* The format the camera is set to if that can be read, else the best it has. */
static int choose_format(struct camera *c, char error[VIDEO_ERROR]) {
    struct v4l2_format f = {.type = V4L2_BUF_TYPE_VIDEO_CAPTURE};
    if (ask(c, VIDIOC_G_FMT, &f)) return fail(c, "say what it gives", error);
    const struct pixels *best = find_format(f.fmt.pix.pixelformat);
    char given[120] = "";
    struct v4l2_fmtdesc d = {.type = V4L2_BUF_TYPE_VIDEO_CAPTURE};
    for (; !best && d.index < 64 && !ask(c, VIDIOC_ENUM_FMT, &d); d.index++) {
        char code[8];
        size_t at = strlen(given);
        write_code(d.pixelformat, code);
        if (at + 8 < sizeof given)
            snprintf(given + at, sizeof given - at, "%s%s", at ? ", " : "", code);
    }
    for (int i = 0; i < N_FORMATS && !best; i++) {
        d.index = 0;
        for (; !best && d.index < 64 && !ask(c, VIDIOC_ENUM_FMT, &d); d.index++)
            if (d.pixelformat == formats[i].v4l2) best = &formats[i];
    }
    if (!best)
        return av_sentence(error, 0, "its pictures are %s; YUYV, UYVY, NV12, NV21, YU12, RGB3, "
                                     "BGR3, GREY, MJPG and JPEG can be read",
                           *given ? given : "of an unknown kind");
    f.fmt.pix.pixelformat = best->v4l2;
    if (ask(c, VIDIOC_S_FMT, &f)) return fail(c, "be set to a format", error);
    /* A driver may set something else than it was asked for. */
    c->pix = f.fmt.pix;
    c->pixels = find_format(c->pix.pixelformat);
    if (!c->pixels || c->pix.width < 1 || c->pix.height < 1 || c->pix.width > 32768 ||
        c->pix.height > 32768)
        return av_sentence(error, 0, "it was not to be set to a format that can be read");
    if ((int64_t)c->pix.width * c->pix.height > c->limits.max_pixels)
        return av_sentence(error, 0, "its frames of %u x %u have more than %lld pixels",
                           c->pix.width, c->pix.height, (long long)c->limits.max_pixels);
    return 0;
}

/* How the planes of a frame lie in a buffer. */
static int plan_planes(struct camera *c, char error[VIDEO_ERROR]) {
    uint8_t *none[4];
    int width = (int)c->pix.width, height = (int)c->pix.height;
    if (c->pixels->av == AV_PIX_FMT_NONE) return 0;
    int code = av_image_fill_linesizes(c->strides, c->pixels->av, width);
    /* Rows may be longer than what is in them; those of other planes are so in proportion. */
    uint32_t row = c->pix.bytesperline, least = (uint32_t)c->strides[0];
    if (code >= 0 && row > least) {
        if (row > 1 << 20) code = AVERROR_INVALIDDATA;
        for (int i = 1; i < 4; i++)
            c->strides[i] = (int)((uint64_t)c->strides[i] * row / least);
        c->strides[0] = (int)row;
    }
    if (code >= 0) code = av_image_fill_pointers(none, c->pixels->av, height, NULL, c->strides);
    if (code < 0) return av_sentence(error, code, "its frames cannot be laid out");
    c->bytes = (size_t)code;
    return 0;
}

static int open_decoder(struct camera *c, char error[VIDEO_ERROR]) {
    if (c->pixels->av != AV_PIX_FMT_NONE) return 0;
    const AVCodec *decoder = avcodec_find_decoder(AV_CODEC_ID_MJPEG);
    if (!decoder) return av_sentence(error, 0, "this FFmpeg decodes no MJPEG");
    c->codec = avcodec_alloc_context3(decoder);
    c->packet = av_packet_alloc();
    if (!c->codec || !c->packet) return av_sentence(error, AVERROR(ENOMEM), "no decoder");
    /* One thread gives each frame back at once; several hold as many. */
    c->codec->thread_count = 1;
    c->codec->max_pixels = c->limits.max_pixels;
    int code = avcodec_open2(c->codec, decoder, NULL);
    return code < 0 ? av_sentence(error, code, "its codec cannot be opened") : 0;
}

static int map_buffers(struct camera *c, char error[VIDEO_ERROR]) {
    struct v4l2_requestbuffers r = {.count = BUFFERS, .type = V4L2_BUF_TYPE_VIDEO_CAPTURE,
                                    .memory = V4L2_MEMORY_MMAP};
    if (ask(c, VIDIOC_REQBUFS, &r)) return fail(c, "give memory for its frames", error);
    c->n_buffers = r.count < BUFFERS ? (int)r.count : BUFFERS;
    if (!c->n_buffers) return av_sentence(error, 0, "it has no memory for its frames");
    for (int i = 0; i < BUFFERS; i++) c->buffers[i].at = MAP_FAILED;
    for (int i = 0; i < c->n_buffers; i++) {
        struct v4l2_buffer b = {.type = r.type, .memory = r.memory, .index = (uint32_t)i};
        if (ask(c, VIDIOC_QUERYBUF, &b)) return fail(c, "give memory for its frames", error);
        if (b.length < c->bytes)
            return av_sentence(error, 0, "its buffers of %u bytes do not hold a frame", b.length);
        c->buffers[i].bytes = b.length;
        c->buffers[i].at = mmap(NULL, b.length, PROT_READ | PROT_WRITE, MAP_SHARED, c->fd,
                                (off_t)b.m.offset);
        if (c->buffers[i].at == MAP_FAILED || ask(c, VIDIOC_QBUF, &b))
            return fail(c, "give memory for its frames", error);
    }
    return 0;
}

static int open_device(struct camera *c, const char *path, char error[VIDEO_ERROR]) {
    struct v4l2_capability can;
    c->fd = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
    if (c->fd < 0) return fail(c, "be opened", error);
    memset(&can, 0, sizeof can);
    if (ask(c, VIDIOC_QUERYCAP, &can)) return fail(c, "say what it is", error);
    uint32_t caps = can.capabilities & V4L2_CAP_DEVICE_CAPS ? can.device_caps : can.capabilities;
    if (!(caps & V4L2_CAP_VIDEO_CAPTURE) || !(caps & V4L2_CAP_STREAMING))
        return av_sentence(error, 0, "%.32s gives no pictures here; try the next /dev/videoN",
                           (const char *)can.card);
    if (choose_format(c, error) || plan_planes(c, error) || open_decoder(c, error)) return -1;
    struct v4l2_streamparm p = {.type = V4L2_BUF_TYPE_VIDEO_CAPTURE};
    struct v4l2_fract *per = &p.parm.capture.timeperframe;
    c->fps = !ask(c, VIDIOC_G_PARM, &p) && per->numerator && per->denominator
                 ? (double)per->denominator / per->numerator : 25;
    int type = V4L2_BUF_TYPE_VIDEO_CAPTURE;
    if (map_buffers(c, error)) return -1;
    if (ask(c, VIDIOC_STREAMON, &type)) return fail(c, "begin", error);
    c->running = 1;
    return 0;
}

int camera_open(const char *path, const struct video_limits *limits, struct camera **out,
                struct video_info *info, char error[VIDEO_ERROR]) {
    struct camera *c = calloc(1, sizeof *c);
    *out = NULL;
    if (!c) return av_sentence(error, AVERROR(ENOMEM), "it cannot be opened");
    c->limits = *limits;
    if (open_device(c, path, error)) {
        camera_close(c);
        return -1;
    }
    *info = (struct video_info){.width = (int)c->pix.width, .height = (int)c->pix.height,
                                .fps = c->fps / limits->stride, .live = 1};
    *out = c;
    return 0;
}

void camera_close(struct camera *c) {
    if (!c) return;
    int type = V4L2_BUF_TYPE_VIDEO_CAPTURE;
    if (c->running) ask(c, VIDIOC_STREAMOFF, &type);
    for (int i = 0; i < c->n_buffers; i++)
        if (c->buffers[i].at != MAP_FAILED) munmap(c->buffers[i].at, c->buffers[i].bytes);
    if (c->fd >= 0) close(c->fd);
    avcodec_free_context(&c->codec);
    av_packet_free(&c->packet);
    free(c);
}

int64_t camera_damaged(const struct camera *c) { return c->damaged; }

/* ---- frames ---- */

static void set_colours(const struct camera *c, AVFrame *to) {
    const struct v4l2_pix_format *p = &c->pix;
    const int told = p->priv == V4L2_PIX_FMT_PRIV_MAGIC; /* else these fields were not filled */
    const uint32_t matrix = told && p->ycbcr_enc ? p->ycbcr_enc
                                                 : V4L2_MAP_YCBCR_ENC_DEFAULT(p->colorspace);
    const uint32_t range =
        told && p->quantization
            ? p->quantization
            : V4L2_MAP_QUANTIZATION_DEFAULT(to->format == AV_PIX_FMT_RGB24 ||
                                                to->format == AV_PIX_FMT_BGR24,
                                            p->colorspace, matrix);
    to->colorspace = matrix == V4L2_YCBCR_ENC_709 || matrix == V4L2_YCBCR_ENC_XV709
                         ? AVCOL_SPC_BT709
                     : matrix == V4L2_YCBCR_ENC_BT2020 ? AVCOL_SPC_BT2020_NCL
                                                       : AVCOL_SPC_SMPTE170M;
    to->color_range = range == V4L2_QUANTIZATION_FULL_RANGE ? AVCOL_RANGE_JPEG : AVCOL_RANGE_MPEG;
}

/* What lies in a buffer as a frame. 1; 0: it is damaged; or FFmpeg's code. */
static int take(struct camera *c, void *bytes, size_t n, AVFrame *to) {
    int code;
    if (c->codec) {
        if (!n) return 0;
        if ((code = av_new_packet(c->packet, (int)n)) < 0) return code;
        memcpy(c->packet->data, bytes, n);
        code = avcodec_send_packet(c->codec, c->packet);
        av_packet_unref(c->packet);
        if (code >= 0) code = avcodec_receive_frame(c->codec, to);
        if (code == AVERROR(ENOMEM)) return code;
        if (code >= 0 && !(to->flags & AV_FRAME_FLAG_CORRUPT) && !to->decode_error_flags) return 1;
        av_frame_unref(to);
        return 0;
    }
    if (n < c->bytes) return 0;
    uint8_t *planes[4];
    to->format = c->pixels->av;
    to->width = (int)c->pix.width;
    to->height = (int)c->pix.height;
    code = av_image_fill_pointers(planes, c->pixels->av, to->height, bytes, c->strides);
    if (code >= 0) code = av_frame_get_buffer(to, 0);
    if (code < 0) return code;
    av_image_copy(to->data, to->linesize, (const uint8_t **)(uintptr_t)planes, c->strides,
                  c->pixels->av, to->width, to->height);
    set_colours(c, to);
    return 1;
}

/* Waits for a filled buffer. 1, 0 when asked to stop, -1 and a sentence. */
static int next_buffer(struct camera *c, struct v4l2_buffer *b, char error[VIDEO_ERROR]) {
    const double deadline = video_now() + c->limits.timeout_s;
    while (!video_stopped(&c->limits)) {
        struct pollfd p = {.fd = c->fd, .events = POLLIN};
        int ready = poll(&p, 1, TURN_MS);
        if (ready < 0 && errno != EINTR) return fail(c, "be waited for", error);
        *b = (struct v4l2_buffer){.type = V4L2_BUF_TYPE_VIDEO_CAPTURE, .memory = V4L2_MEMORY_MMAP};
        if (ready > 0) {
            if (!ask(c, VIDIOC_DQBUF, b)) return 1;
            /* EIO may pass, a lost signal for one. */
            if (errno == EIO) c->damaged++;
            if (errno != EAGAIN && (errno != EIO || ++c->bad_in_a_row > MAX_BAD_IN_A_ROW))
                return fail(c, "give a frame", error);
            /* Where poll() says there is something and there is not, do not ask in a circle. */
            nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
        }
        if (video_now() > deadline)
            return av_sentence(error, 0, "nothing came for %d s, after %lld frames",
                               c->limits.timeout_s, (long long)c->frames);
    }
    return 0;
}

int camera_read(struct camera *c, AVFrame *to, double *seconds, char error[VIDEO_ERROR]) {
    for (;;) {
        struct v4l2_buffer b;
        int got = next_buffer(c, &b, error);
        if (got <= 0) return got;
        if (b.index >= (uint32_t)c->n_buffers)
            return av_sentence(error, 0, "its driver names a buffer that there is not");
        size_t n = c->buffers[b.index].bytes;
        if (n > b.bytesused) n = b.bytesused;
        int code = b.flags & V4L2_BUF_FLAG_ERROR ? 0 : take(c, c->buffers[b.index].at, n, to);
        double taken = (double)b.timestamp.tv_sec + (double)b.timestamp.tv_usec * 1e-6;
        if ((b.flags & V4L2_BUF_FLAG_TIMESTAMP_MASK) != V4L2_BUF_FLAG_TIMESTAMP_MONOTONIC)
            taken = video_now();
        if (code < 0) return av_sentence(error, code, "a frame cannot be taken");
        /* Of a camera unplugged meanwhile this was the last frame; asking for another says so. */
        if (ask(c, VIDIOC_QBUF, &b) && errno != ENODEV) {
            av_frame_unref(to);
            return fail(c, "take its memory back", error);
        }
        if (code > 0) {
            c->bad_in_a_row = 0;
            if (!c->frames++) c->begin = taken;
            *seconds = fmax(taken - c->begin, 0);
            return 1;
        }
        c->damaged++;
        if (++c->bad_in_a_row > MAX_BAD_IN_A_ROW)
            return av_sentence(error, 0, "its last %d frames were all damaged", MAX_BAD_IN_A_ROW);
    }
}
