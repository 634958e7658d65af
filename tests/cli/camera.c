/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A Video4Linux camera for tests: loaded with LD_PRELOAD it stands behind the path CAMERA_PATH, and
 * lets everything else through. One capture device, one opener, memory-mapped buffers. What is set
 * in the environment:
 *
 *     CAMERA_FORMATS  YUYV,MJPG: its formats; it is set to the first (default YUYV)
 *     CAMERA_SIZES    640x480,1280x720: its sizes; it is set to the first (default 160x120)
 *     CAMERA_FPS      frames a second (default 30)
 *     CAMERA_PADDING  bytes at the end of each row (default 0)
 *     CAMERA_FRAME    a file: what every frame is. Without it one of YUYV, UYVY and GREY has grey
 *                     (x + y + 8 n) & 255 at x, y of the nth frame, n = its time * CAMERA_FPS
 *     CAMERA_FAULT    denied, busy, busy-memory, no-room, not-a-camera, metadata; of frames,
 *                     counted from 1: unplug:N (gone after N), silent:N (no more after N),
 *                     error:N, short:N and eio:N (every Nth is marked damaged, cut off, or fails
 *                     to come)
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/videodev2.h>
#include <poll.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <unistd.h>

enum { MAX_BUFFERS = 32, PAGE = 65536 }; /* PAGE: whatever the machine's, a multiple of it */

static struct {
    int open, fd, memory; /* fd: a timer, so that waiting is real */
    int streaming, blocking;
    uint32_t format, width, height, row, bytes; /* bytes: of a frame */
    int n_buffers, n_queued, queue[MAX_BUFFERS], flags[MAX_BUFFERS];
    unsigned char *at;
    size_t stride; /* of buffers in memory */
    unsigned char *file; /* CAMERA_FRAME */
    size_t file_bytes;
    uint64_t due, number, given; /* frames waiting; of the next; handed out */
    struct timespec begin;
} cam;

static const char *setting(const char *name, const char *otherwise) {
    const char *value = getenv(name);
    return value && *value ? value : otherwise;
}

static int fault(const char *name) { return !strcmp(setting("CAMERA_FAULT", ""), name); }

/* N of "name:N"; 0 if that is not the fault. */
static uint64_t fault_of(const char *name) {
    const char *f = setting("CAMERA_FAULT", "");
    size_t n = strlen(name);
    return !strncmp(f, name, n) && f[n] == ':' ? strtoull(f + n + 1, NULL, 10) : 0;
}

static double rate(void) { return atof(setting("CAMERA_FPS", "30")); }

static int fail(int code) {
    errno = code;
    return -1;
}

static int gone(void) { return fault_of("unplug") && cam.given >= fault_of("unplug"); }

/* ---- formats ---- */

static int nth_format(unsigned i, uint32_t *format) {
    const char *f = setting("CAMERA_FORMATS", "YUYV");
    while (i-- && (f = strchr(f, ','))) f++;
    if (!f || strlen(f) < 4) return 0;
    *format = v4l2_fourcc(f[0], f[1], f[2], f[3]);
    return 1;
}

static int nth_size(unsigned i, uint32_t *width, uint32_t *height) {
    const char *s = setting("CAMERA_SIZES", "160x120");
    while (i-- && (s = strchr(s, ','))) s++;
    return s && sscanf(s, "%ux%u", width, height) == 2;
}

static void lay_out(void) {
    uint32_t pixel = 2, planes = 2; /* bytes of a pixel in the first plane; halves of it in all */
    switch (cam.format) {
    case V4L2_PIX_FMT_NV12:
    case V4L2_PIX_FMT_YUV420: pixel = 1, planes = 3; break;
    case V4L2_PIX_FMT_GREY: pixel = 1; break;
    case V4L2_PIX_FMT_RGB24: pixel = 3; break;
    default: break;
    }
    cam.row = cam.width * pixel + (uint32_t)atoi(setting("CAMERA_PADDING", "0"));
    cam.bytes = cam.row * cam.height * planes / 2;
    if (cam.format == V4L2_PIX_FMT_MJPEG) cam.row = 0;
}

static int set_format(struct v4l2_format *f, int keep) {
    uint32_t format, width, height, old[3] = {cam.format, cam.width, cam.height};
    if (f->type != V4L2_BUF_TYPE_VIDEO_CAPTURE) return fail(EINVAL);
    for (unsigned i = 0; nth_format(i, &format); i++)
        if (format == f->fmt.pix.pixelformat) cam.format = format;
    for (unsigned i = 0; nth_size(i, &width, &height); i++)
        if (width == f->fmt.pix.width && height == f->fmt.pix.height)
            cam.width = width, cam.height = height;
    lay_out();
    f->fmt.pix = (struct v4l2_pix_format){
        .width = cam.width, .height = cam.height, .pixelformat = cam.format,
        .field = V4L2_FIELD_NONE, .bytesperline = cam.row, .sizeimage = cam.bytes,
        .colorspace = V4L2_COLORSPACE_SRGB, .priv = V4L2_PIX_FMT_PRIV_MAGIC,
        /* So that grey comes out as it went in. */
        .quantization = V4L2_QUANTIZATION_FULL_RANGE};
    if (!keep) {
        cam.format = old[0], cam.width = old[1], cam.height = old[2];
        lay_out();
    }
    return 0;
}

static void paint(unsigned char *to) {
    if (cam.file) {
        memcpy(to, cam.file, cam.file_bytes < cam.bytes ? cam.file_bytes : cam.bytes);
        return;
    }
    int step = cam.format == V4L2_PIX_FMT_GREY ? 1 : 2, first = cam.format == V4L2_PIX_FMT_UYVY;
    memset(to, 128, cam.bytes);
    for (uint32_t y = 0; y < cam.height; y++)
        for (uint32_t x = 0; x < cam.width; x++)
            to[(size_t)y * cam.row + x * (uint32_t)step + (uint32_t)first] =
                (unsigned char)(x + y + 8 * cam.number);
}

/* ---- buffers ---- */

static int request_buffers(struct v4l2_requestbuffers *r) {
    if (fault("busy-memory")) return fail(EBUSY);
    if (r->memory != V4L2_MEMORY_MMAP) return fail(EINVAL);
    cam.n_buffers = r->count > MAX_BUFFERS ? MAX_BUFFERS : (int)r->count;
    r->count = (uint32_t)cam.n_buffers;
    cam.n_queued = 0;
    if (cam.at) munmap(cam.at, cam.stride * MAX_BUFFERS);
    cam.at = NULL;
    if (!r->count) return 0;
    cam.stride = ((size_t)cam.bytes + PAGE - 1) / PAGE * PAGE;
    if (ftruncate(cam.memory, (off_t)(cam.stride * MAX_BUFFERS))) return -1;
    cam.at = (unsigned char *)syscall(SYS_mmap, NULL, cam.stride * MAX_BUFFERS,
                                      PROT_READ | PROT_WRITE, MAP_SHARED, cam.memory, 0);
    return 0;
}

static int queue_buffer(const struct v4l2_buffer *b) {
    if (gone()) return fail(ENODEV);
    if (b->index >= (uint32_t)cam.n_buffers || cam.n_queued == cam.n_buffers) return fail(EINVAL);
    cam.queue[cam.n_queued++] = (int)b->index;
    return 0;
}

static int start(int on) {
    struct itimerspec t = {{0, 0}, {0, 0}};
    if (on && fault("no-room")) return fail(ENOSPC);
    double period = 1 / rate();
    t.it_interval.tv_sec = (time_t)period;
    t.it_interval.tv_nsec = (long)((period - (double)t.it_interval.tv_sec) * 1e9);
    t.it_value = t.it_interval;
    if (!on) memset(&t, 0, sizeof t);
    clock_gettime(CLOCK_MONOTONIC, &cam.begin);
    cam.streaming = on;
    cam.n_queued = on ? cam.n_queued : 0;
    return timerfd_settime(cam.fd, 0, &t, NULL);
}

/* Frames that came due; those for which no buffer was there are lost, as on a camera. */
static void see_clock(void) {
    uint64_t n = 0;
    if (syscall(SYS_read, cam.fd, &n, sizeof n) == sizeof n) cam.due += n;
    while (cam.due > (uint64_t)cam.n_queued) cam.due--, cam.number++;
}

static int fits(const char *name) {
    return fault_of(name) && (cam.given + 1) % fault_of(name) == 0;
}

static int dequeue(struct v4l2_buffer *b) {
    if (gone()) return fail(ENODEV);
    if (!cam.streaming) return fail(EINVAL);
    see_clock();
    while (cam.blocking && !cam.due) {
        struct pollfd p = {.fd = cam.fd, .events = POLLIN};
        struct timespec turn = {1, 0};
        syscall(SYS_ppoll, &p, 1, &turn, NULL, 0);
        see_clock();
    }
    if (!cam.due || (fault_of("silent") && cam.given >= fault_of("silent"))) return fail(EAGAIN);
    cam.due--;
    if (fits("eio")) return cam.given++, cam.number++, fail(EIO);
    int i = cam.queue[0];
    memmove(cam.queue, cam.queue + 1, (size_t)--cam.n_queued * sizeof cam.queue[0]);
    paint(cam.at + (size_t)i * cam.stride);
    uint64_t us = (uint64_t)cam.begin.tv_sec * 1000000 + (uint64_t)cam.begin.tv_nsec / 1000 +
                  (uint64_t)((double)cam.number * 1e6 / rate());
    size_t n = cam.file ? cam.file_bytes : cam.bytes;
    *b = (struct v4l2_buffer){
        .index = (uint32_t)i, .type = V4L2_BUF_TYPE_VIDEO_CAPTURE, .memory = V4L2_MEMORY_MMAP,
        .bytesused = (uint32_t)(fits("short") ? n / 2 : n), .length = cam.bytes,
        .field = V4L2_FIELD_NONE, .sequence = (uint32_t)cam.number,
        .timestamp = {(time_t)(us / 1000000), (suseconds_t)(us % 1000000)},
        .flags = V4L2_BUF_FLAG_TIMESTAMP_MONOTONIC | (fits("error") ? V4L2_BUF_FLAG_ERROR : 0)};
    cam.given++;
    cam.number++;
    return 0;
}

/* ---- what the program calls ---- */

static int control(unsigned long request, void *a) {
    uint32_t width, height;
    if (fault("not-a-camera")) return fail(ENOTTY);
    if (gone()) return fail(ENODEV);
    switch ((uint32_t)request) {
    case VIDIOC_QUERYCAP: {
        struct v4l2_capability *c = a;
        memset(c, 0, sizeof *c);
        snprintf((char *)c->driver, sizeof c->driver, "test");
        snprintf((char *)c->card, sizeof c->card, "Test camera");
        c->device_caps = fault("metadata") ? V4L2_CAP_META_CAPTURE | V4L2_CAP_STREAMING
                                           : V4L2_CAP_VIDEO_CAPTURE | V4L2_CAP_STREAMING;
        c->capabilities = V4L2_CAP_VIDEO_CAPTURE | V4L2_CAP_META_CAPTURE | V4L2_CAP_STREAMING |
                          V4L2_CAP_DEVICE_CAPS;
        return 0;
    }
    case VIDIOC_ENUM_FMT: {
        struct v4l2_fmtdesc *d = a;
        if (!nth_format(d->index, &d->pixelformat)) return fail(EINVAL);
        d->flags = d->pixelformat == V4L2_PIX_FMT_MJPEG ? V4L2_FMT_FLAG_COMPRESSED : 0;
        return 0;
    }
    case VIDIOC_ENUM_FRAMESIZES: {
        struct v4l2_frmsizeenum *s = a;
        if (!nth_size(s->index, &width, &height)) return fail(EINVAL);
        s->type = V4L2_FRMSIZE_TYPE_DISCRETE;
        s->discrete.width = width;
        s->discrete.height = height;
        return 0;
    }
    case VIDIOC_G_FMT:
        ((struct v4l2_format *)a)->fmt.pix.pixelformat = cam.format;
        ((struct v4l2_format *)a)->fmt.pix.width = cam.width;
        ((struct v4l2_format *)a)->fmt.pix.height = cam.height;
        return set_format(a, 0);
    case VIDIOC_TRY_FMT: return set_format(a, 0);
    case VIDIOC_S_FMT: return fault("busy") ? fail(EBUSY) : set_format(a, 1);
    case VIDIOC_G_PARM:
    case VIDIOC_S_PARM: {
        struct v4l2_captureparm *p = &((struct v4l2_streamparm *)a)->parm.capture;
        p->capability = V4L2_CAP_TIMEPERFRAME;
        p->timeperframe = (struct v4l2_fract){1000, (uint32_t)(rate() * 1000)};
        return 0;
    }
    case VIDIOC_G_INPUT: *(int *)a = 0; return 0;
    case VIDIOC_S_INPUT: return *(int *)a ? fail(EINVAL) : 0;
    case VIDIOC_ENUMINPUT: {
        struct v4l2_input *i = a;
        if (i->index) return fail(EINVAL);
        *i = (struct v4l2_input){.type = V4L2_INPUT_TYPE_CAMERA, .name = "camera"};
        return 0;
    }
    case VIDIOC_REQBUFS: return request_buffers(a);
    case VIDIOC_QUERYBUF: {
        struct v4l2_buffer *b = a;
        if (b->index >= (uint32_t)cam.n_buffers) return fail(EINVAL);
        b->length = cam.bytes;
        b->m.offset = (uint32_t)(b->index * cam.stride);
        b->flags = 0;
        return 0;
    }
    case VIDIOC_QBUF: return queue_buffer(a);
    case VIDIOC_DQBUF: return dequeue(a);
    case VIDIOC_STREAMON: return start(1);
    case VIDIOC_STREAMOFF: return start(0);
    default: return fail(ENOTTY); /* as a driver answers what it does not know: TV standards */
    }
}

static int open_camera(int flags) {
    const char *file = getenv("CAMERA_FRAME");
    if (fault("denied")) return fail(EACCES);
    if (cam.open) return fail(EBUSY);
    memset(&cam, 0, sizeof cam);
    cam.fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
    cam.memory = memfd_create("camera", MFD_CLOEXEC);
    cam.blocking = !(flags & O_NONBLOCK);
    if (!nth_format(0, &cam.format) || !nth_size(0, &cam.width, &cam.height) || cam.fd < 0 ||
        cam.memory < 0)
        return fail(EINVAL);
    lay_out();
    if (file) {
        FILE *f = fopen(file, "rb");
        cam.file = malloc(1 << 24);
        if (!f || !cam.file) return fail(EINVAL);
        cam.file_bytes = fread(cam.file, 1, 1 << 24, f);
        fclose(f);
    }
    cam.open = 1;
    return cam.fd;
}

static int open_any(int at, const char *path, int flags, va_list rest) {
    int mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(rest, int) : 0;
    const char *ours = getenv("CAMERA_PATH");
    if (path && ours && !strcmp(path, ours)) return open_camera(flags);
    return (int)syscall(SYS_openat, at, path, flags, mode);
}

#define OPEN(name, parameters, at, last)                                                           \
    __attribute__((visibility("default"))) int name parameters;                                    \
    int name parameters {                                                                          \
        va_list rest;                                                                              \
        va_start(rest, last);                                                                      \
        int fd = open_any(at, path, flags, rest);                                                  \
        va_end(rest);                                                                              \
        return fd;                                                                                 \
    }
OPEN(open, (const char *path, int flags, ...), AT_FDCWD, flags)
OPEN(open64, (const char *path, int flags, ...), AT_FDCWD, flags)
OPEN(openat, (int at, const char *path, int flags, ...), at, flags)
OPEN(openat64, (int at, const char *path, int flags, ...), at, flags)

#define EXPORT __attribute__((visibility("default")))

EXPORT int __open_2(const char *path, int flags);
int __open_2(const char *path, int flags) { return open(path, flags); }
EXPORT int __open64_2(const char *path, int flags);
int __open64_2(const char *path, int flags) { return open(path, flags); }

EXPORT int ioctl(int fd, unsigned long request, ...);
int ioctl(int fd, unsigned long request, ...) {
    va_list rest;
    va_start(rest, request);
    void *argument = va_arg(rest, void *);
    va_end(rest);
    if (cam.open && fd == cam.fd) return control(request, argument);
    return (int)syscall(SYS_ioctl, fd, request, argument);
}

EXPORT void *mmap(void *at, size_t n, int protection, int flags, int fd, off_t offset);
void *mmap(void *at, size_t n, int protection, int flags, int fd, off_t offset) {
    if (cam.open && fd == cam.fd) fd = cam.memory;
    return (void *)syscall(SYS_mmap, at, n, protection, flags, fd, offset);
}
EXPORT void *mmap64(void *at, size_t n, int protection, int flags, int fd, off64_t offset);
void *mmap64(void *at, size_t n, int protection, int flags, int fd, off64_t offset) {
    return mmap(at, n, protection, flags, fd, (off_t)offset);
}

/* poll; glibc declares that it only writes to p, and the compiler would believe it. */
EXPORT int camera_poll(struct pollfd *p, nfds_t n, int ms) __asm__("poll");
int camera_poll(struct pollfd *p, nfds_t n, int ms) {
    if (cam.open && n == 1 && p->fd == cam.fd) {
        p->revents = gone() ? POLLERR | POLLHUP : cam.due && cam.n_queued ? POLLIN : 0;
        if (p->revents) return 1;
    }
    struct timespec t = {ms / 1000, ms % 1000 * 1000000L};
    return (int)syscall(SYS_ppoll, p, n, ms < 0 ? NULL : &t, NULL, 0);
}
EXPORT int __poll_chk(struct pollfd *p, nfds_t n, int ms, size_t bytes);
int __poll_chk(struct pollfd *p, nfds_t n, int ms, size_t bytes) {
    return camera_poll(p, n, ms);
}

EXPORT int close(int fd);
int close(int fd) {
    if (cam.open && fd == cam.fd) {
        cam.open = 0;
        if (cam.at) munmap(cam.at, cam.stride * MAX_BUFFERS);
        free(cam.file);
        syscall(SYS_close, cam.memory);
    }
    return (int)syscall(SYS_close, fd);
}
