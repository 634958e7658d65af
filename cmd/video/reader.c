/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Frames out of files, bytes, streams and (camera.c) cameras. What a file says is not trusted: it
 * may open nothing by itself (protocols and containers are named below), frames are bounded before
 * memory is taken, and whatever waits on the other side stops after limits.timeout_s or when asked
 * to.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>
#include <libavutil/display.h>
#include <libswscale/swscale.h>

#include "av.h"

/* Containers that hold frames themselves. Playlists would make a file open others. */
#define CONTAINERS                                                                                 \
    "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,mpegts,mpeg,mpegvideo,asf,flv,live_flv,ogg,h264,"   \
    "hevc,m4v,mjpeg,mpjpeg,jpeg_pipe,yuv4mpegpipe,ivf,mxf,nut,dv"
/* Of streams, HLS besides: its parts come by the same protocols only. */
static const struct {
    const char *prefix, *protocols, *containers;
} streams[] = {
    {"rtsp", "rtsp,rtsps,rtp,srtp,udp,tcp,tls", "rtsp"},
    {"http", "http,https,tcp,tls,crypto,httpproxy", CONTAINERS ",hls"},
};

enum { IO_BYTES = 1 << 16, MAX_STREAMS = 64, MAX_BAD_IN_A_ROW = 1000 };

struct video_reader {
    struct video_limits limits;
    char *url;
    int stream;            /* a network address; else a file or bytes, or */
    struct camera *camera; /* a camera, and nothing of AVFormatContext */
    const char *protocols, *containers;
    video_bytes_fn bytes;
    void *context;
    AVIOContext *io;
    AVFormatContext *file;
    AVCodecContext *codec;
    AVPacket *packet;
    AVFrame *frame;
    struct SwsContext *scaler;
    int index, degrees, drained;
    int sent_end, why_ended; /* the decoder has all; FFmpeg's code, 0 at an ordinary end */
    double deadline; /* seconds: nothing may wait longer */
    int64_t decoded, delivered, damaged;
    int reconnected, bad_in_a_row;
    int live;
    double fps, last_seconds; /* last_seconds: of the last frame decoded */
    double resume_after;      /* after a reconnection to a file: frames up to here were there */
    double offset;            /* after one to a live stream: its clock began again */
};

/* FFmpeg asks this while it waits for anything. A pipe may be as slow as it likes. */
static int interrupted(void *context) {
    const struct video_reader *r = context;
    return video_stopped(&r->limits) || (r->stream && video_now() > r->deadline);
}

static int next_bytes(void *context, uint8_t *to, int n) {
    struct video_reader *r = context;
    int got = r->bytes(r->context, to, n);
    return got > 0 ? got : got == 0 ? AVERROR_EOF : AVERROR(EIO);
}

/* ---- opening ---- */

/* As the file says the picture is turned; phones do. */
static int rotation(const AVStream *s) {
    const int32_t *matrix = NULL;
#if LIBAVCODEC_VERSION_INT >= AV_VERSION_INT(60, 30, 100)
    const AVPacketSideData *data =
        av_packet_side_data_get(s->codecpar->coded_side_data, s->codecpar->nb_coded_side_data,
                                AV_PKT_DATA_DISPLAYMATRIX);
    if (data && data->size >= 36) matrix = (const int32_t *)(const void *)data->data;
#else
    size_t size = 0;
    const uint8_t *data = av_stream_get_side_data(s, AV_PKT_DATA_DISPLAYMATRIX, &size);
    if (data && size >= 36) matrix = (const int32_t *)(const void *)data;
#endif
    double turn = matrix ? -av_display_rotation_get(matrix) : 0;
    return isfinite(turn) ? (((int)lrint(turn / 90) % 4 + 4) % 4) * 90 : 0;
}

static int open_codec(struct video_reader *r, char error[VIDEO_ERROR]) {
    const AVCodec *decoder = NULL;
    r->index = av_find_best_stream(r->file, AVMEDIA_TYPE_VIDEO, -1, -1, &decoder, 0);
    if (r->index < 0 || !decoder)
        return av_sentence(error, 0, r->index == AVERROR_DECODER_NOT_FOUND
                                         ? "its codec is none that this FFmpeg decodes"
                                         : "it holds no video");
    AVStream *s = r->file->streams[r->index];
    r->codec = avcodec_alloc_context3(decoder);
    int code = r->codec ? avcodec_parameters_to_context(r->codec, s->codecpar) : AVERROR(ENOMEM);
    if (code < 0) return av_sentence(error, code, "its codec cannot be opened");
    r->codec->thread_count = r->limits.threads;
    r->codec->pkt_timebase = s->time_base;
    r->codec->max_pixels = r->limits.max_pixels;
    if ((code = avcodec_open2(r->codec, decoder, NULL)) < 0)
        return av_sentence(error, code, "its codec cannot be opened");
    if ((int64_t)s->codecpar->width * s->codecpar->height > r->limits.max_pixels)
        return av_sentence(error, 0, "its frames of %d x %d have more than %lld pixels",
                           s->codecpar->width, s->codecpar->height,
                           (long long)r->limits.max_pixels);
    for (unsigned i = 0; i < r->file->nb_streams; i++)
        if ((int)i != r->index) r->file->streams[i]->discard = AVDISCARD_ALL;
    AVRational rate = av_guess_frame_rate(r->file, s, NULL);
    r->fps = rate.num > 0 && rate.den > 0 ? av_q2d(rate) : 25;
    r->degrees = rotation(s);
    return 0;
}

/* Everything of the source that has to be made anew after it broke. */
static void disconnect(struct video_reader *r) {
    avcodec_free_context(&r->codec);
    avformat_close_input(&r->file);
    if (r->io) av_freep(&r->io->buffer);
    avio_context_free(&r->io);
    r->sent_end = r->drained = r->why_ended = 0;
}

static int probe(struct video_reader *r) {
    /* Probing decodes frames already, with options of its own for each stream. */
    AVDictionary *options[MAX_STREAMS] = {NULL};
    unsigned n = r->file->nb_streams;
    for (unsigned i = 0; i < n && i < MAX_STREAMS; i++) {
        av_dict_set_int(&options[i], "max_pixels", r->limits.max_pixels, 0);
        av_dict_set_int(&options[i], "threads", 1, 0);
    }
    int code = n > MAX_STREAMS ? AVERROR_INVALIDDATA
                               : avformat_find_stream_info(r->file, n ? options : NULL);
    for (unsigned i = 0; i < n && i < MAX_STREAMS; i++) av_dict_free(&options[i]);
    return code;
}

static int connect_source(struct video_reader *r, char error[VIDEO_ERROR]) {
    AVDictionary *options = NULL;
    r->file = avformat_alloc_context();
    if (!r->file) return av_sentence(error, AVERROR(ENOMEM), "it cannot be opened");
    r->file->interrupt_callback = (AVIOInterruptCB){interrupted, r};
    r->file->max_streams = MAX_STREAMS;
    r->deadline = video_now() + r->limits.timeout_s;
    if (r->bytes) {
        uint8_t *buffer = av_malloc(IO_BYTES);
        r->io = buffer ? avio_alloc_context(buffer, IO_BYTES, 0, r, next_bytes, NULL, NULL) : NULL;
        if (!r->io) {
            av_free(buffer);
            return av_sentence(error, AVERROR(ENOMEM), "it cannot be opened");
        }
        r->file->pb = r->io;
    }
    av_dict_set(&options, "protocol_whitelist", r->protocols, 0);
    av_dict_set(&options, "format_whitelist", r->containers, 0);
    if (r->stream) {
        /* Microseconds; the interrupt above catches what these do not. */
        av_dict_set_int(&options, "timeout", (int64_t)r->limits.timeout_s * 1000000, 0);
        if (!strncmp(r->url, "rtsp", 4)) av_dict_set(&options, "rtsp_flags", "prefer_tcp", 0);
    }
    /* A file's name must not be taken for a protocol: "a:b.mp4". */
    char plain[4096 + 8];
    snprintf(plain, sizeof plain, "%s%s", r->stream || r->bytes ? "" : "file:", r->url);
    int code = avformat_open_input(&r->file, plain, NULL, &options);
    av_dict_free(&options);
    if (code >= 0) code = probe(r);
    if (code == AVERROR_EXIT && !video_stopped(&r->limits))
        return av_sentence(error, 0, "nothing came for %d s", r->limits.timeout_s);
    if (code < 0) return av_sentence(error, code, "it cannot be opened as a video");
    return open_codec(r, error);
}

/* A source of unknown length comes when it comes, and no other time. */
static int is_live(const struct video_reader *r) {
    return r->stream && r->file->duration == AV_NOPTS_VALUE &&
           !(r->file->pb && avio_size(r->file->pb) > 0);
}

static void describe(const struct video_reader *r, struct video_info *info) {
    const AVStream *s = r->file->streams[r->index];
    int turned = r->degrees % 180 != 0, stride = r->limits.stride;
    double frames = s->nb_frames > 0 ? (double)s->nb_frames : 0;
    if (frames <= 0 && r->file->duration != AV_NOPTS_VALUE && r->file->duration > 0)
        frames = (double)r->file->duration / AV_TIME_BASE * r->fps;
    *info = (struct video_info){
        .width = turned ? s->codecpar->height : s->codecpar->width,
        .height = turned ? s->codecpar->width : s->codecpar->height,
        .fps = r->fps / stride, .live = r->live};
    if (frames >= 1 && frames < 1e12) info->frames = ((int64_t)frames + stride - 1) / stride;
    if (info->frames > r->limits.max_frames) info->frames = r->limits.max_frames;
}

int reader_open(const char *url, video_bytes_fn bytes, void *context,
                const struct video_limits *limits, struct video_reader **out,
                struct video_info *info, char error[VIDEO_ERROR]) {
    struct video_reader *r = calloc(1, sizeof *r);
    *out = NULL;
    if (!r || strlen(url) > 4096) {
        free(r);
        return av_sentence(error, 0, "the name is too long, or memory is short");
    }
    r->limits = *limits;
    r->bytes = bytes;
    r->context = context;
    r->url = strdup(url);
    r->protocols = bytes ? "none" : "file";
    r->containers = CONTAINERS;
    r->resume_after = -INFINITY;
    for (size_t i = 0; !bytes && i < sizeof streams / sizeof streams[0]; i++)
        if (!strncmp(url, streams[i].prefix, strlen(streams[i].prefix)) && strstr(url, "://")) {
            r->stream = 1;
            r->protocols = streams[i].protocols;
            r->containers = streams[i].containers;
        }
    r->packet = av_packet_alloc();
    r->frame = av_frame_alloc();
    int camera = !bytes && video_is_camera(url);
    int status = !r->url || !r->packet || !r->frame
                     ? av_sentence(error, AVERROR(ENOMEM), "no memory")
                 : camera ? camera_open(url, limits, &r->camera, info, error)
                          : connect_source(r, error);
    if (status) {
        reader_close(r);
        return -1;
    }
    if (!camera) {
        r->live = is_live(r);
        describe(r, info);
    }
    *out = r;
    return 0;
}

void reader_close(struct video_reader *r) {
    if (!r) return;
    disconnect(r);
    camera_close(r->camera);
    av_packet_free(&r->packet);
    av_frame_free(&r->frame);
    sws_freeContext(r->scaler);
    free(r->url);
    free(r);
}

int64_t reader_damaged(const struct video_reader *r) {
    return r->camera ? camera_damaged(r->camera) : r->damaged;
}

/* ---- frames ---- */

/* The next frame that is whole, in r->frame. 1, 0 at the end, or FFmpeg's code. */
static int decode(struct video_reader *r) {
    for (;;) {
        if (video_stopped(&r->limits)) return 0;
        int code = avcodec_receive_frame(r->codec, r->frame);
        if (code >= 0) {
            if (!(r->frame->flags & AV_FRAME_FLAG_CORRUPT) && !r->frame->decode_error_flags) {
                r->bad_in_a_row = 0;
                return 1;
            }
            r->damaged++;
            av_frame_unref(r->frame);
            continue;
        }
        if (code == AVERROR_EOF) return r->why_ended;
        if (code != AVERROR(EAGAIN)) {
            /* A frame that cannot be decoded is passed over; a codec that can do no more ends. */
            r->damaged++;
            if (r->sent_end || ++r->bad_in_a_row > MAX_BAD_IN_A_ROW) return r->why_ended;
        }
        r->deadline = video_now() + r->limits.timeout_s;
        code = av_read_frame(r->file, r->packet);
        if (code == AVERROR_INVALIDDATA && ++r->bad_in_a_row <= MAX_BAD_IN_A_ROW) continue;
        if (code < 0) {
            /* Whatever ends it, the decoder may hold frames yet. */
            if (r->sent_end || video_stopped(&r->limits)) return r->why_ended;
            avcodec_send_packet(r->codec, NULL);
            r->sent_end = 1;
            /* What HTTP sends without a length ends with the connection: no error, as it seems. */
            int is_end = code == AVERROR_EOF || (code == AVERROR(EIO) && r->live);
            r->why_ended = is_end ? 0 : code;
            continue;
        }
        int ours = r->packet->stream_index == r->index;
        code = ours ? avcodec_send_packet(r->codec, r->packet) : 0;
        av_packet_unref(r->packet);
        if (code == AVERROR(ENOMEM)) return code;
        if (code < 0 && code != AVERROR(EAGAIN) && code != AVERROR_EOF) {
            r->damaged++;
            if (++r->bad_in_a_row > MAX_BAD_IN_A_ROW) return code;
        }
    }
}

/* Tries to get a stream back. 0, or -1 when that is over. */
static int reconnect(struct video_reader *r) {
    char ignored[VIDEO_ERROR];
    if (!r->stream) return -1;
    while (r->reconnected < r->limits.reconnects) {
        /* A little longer each time, in steps that see the wish to stop. */
        int steps = 2 << (r->reconnected < 5 ? r->reconnected : 5);
        r->reconnected++;
        disconnect(r);
        for (int i = 0; i < steps && !video_stopped(&r->limits); i++)
            nanosleep(&(struct timespec){.tv_nsec = 100000000}, NULL);
        if (video_stopped(&r->limits)) return -1;
        if (connect_source(r, ignored)) continue;
        r->bad_in_a_row = 0;
        /* A file begins again: what it gave already is passed over. */
        if (r->live) r->offset = r->last_seconds + 1 / r->fps;
        else r->resume_after = r->last_seconds;
        return 0;
    }
    return -1;
}

/* r->frame as RGB, upright. */
static int convert(struct video_reader *r, struct pk_image *out, char error[VIDEO_ERROR]) {
    const AVFrame *f = r->frame;
    if (f->width < 1 || f->height < 1 || (int64_t)f->width * f->height > r->limits.max_pixels)
        return av_sentence(error, 0, "a frame of %d x %d has more than %lld pixels", f->width,
                           f->height, (long long)r->limits.max_pixels);
    size_t bytes = (size_t)f->width * (size_t)f->height * 3;
    r->scaler = sws_getCachedContext(r->scaler, f->width, f->height, f->format, f->width, f->height,
                                     AV_PIX_FMT_RGB24,
                                     SWS_BILINEAR | SWS_ACCURATE_RND | SWS_FULL_CHR_H_INT, NULL,
                                     NULL, NULL);
    /* Vector code may write past the end of the last row. */
    uint8_t *rgb = malloc(bytes + 64);
    if (!r->scaler || !rgb) {
        free(rgb);
        return av_sentence(error, AVERROR(ENOMEM), "frames of %d x %d", f->width, f->height);
    }
    /* What no stream says is decided by size, as players do. */
    int space = f->colorspace == AVCOL_SPC_UNSPECIFIED
                    ? (f->height > 576 ? AVCOL_SPC_BT709 : AVCOL_SPC_SMPTE170M)
                    : f->colorspace;
    const int *matrix = sws_getCoefficients(space);
    sws_setColorspaceDetails(r->scaler, matrix, f->color_range == AVCOL_RANGE_JPEG, matrix, 1, 0,
                             1 << 16, 1 << 16);
    uint8_t *const rows[4] = {rgb};
    const int strides[4] = {3 * f->width};
    if (sws_scale(r->scaler, (const uint8_t *const *)f->data, f->linesize, 0, f->height, rows,
                  strides) < 0) {
        free(rgb);
        return av_sentence(error, 0, "a frame cannot be turned into RGB");
    }
    *out = (struct pk_image){f->width, f->height, rgb};
    if (!r->degrees) return 0;
    if (!(out->rgb = malloc(bytes))) {
        free(rgb);
        return av_sentence(error, AVERROR(ENOMEM), "frames of %d x %d", f->width, f->height);
    }
    turn_rgb(rgb, f->width, f->height, r->degrees, out);
    free(rgb);
    return 0;
}

static double seconds_of(const struct video_reader *r) {
    const AVStream *s = r->file->streams[r->index];
    int64_t pts = r->frame->best_effort_timestamp;
    if (pts == AV_NOPTS_VALUE) return (double)r->decoded / r->fps;
    int64_t start = s->start_time == AV_NOPTS_VALUE ? 0 : s->start_time;
    return (double)(pts - start) * av_q2d(s->time_base) + r->offset;
}

int reader_read(struct video_reader *r, struct pk_image *out, double *seconds,
                char error[VIDEO_ERROR]) {
    *out = (struct pk_image){0};
    while (r->delivered < r->limits.max_frames) {
        int code = r->drained  ? 0
                   : r->camera ? camera_read(r->camera, r->frame, seconds, error)
                               : decode(r);
        if (video_stopped(&r->limits)) return 0;
        if (code <= 0 && r->camera) return code;
        if (code <= 0) {
            /* A live stream that just ends may come back; if it does not, that was its end. */
            int comes_back = r->stream && (code < 0 || r->live) && !r->drained;
            if (comes_back && !reconnect(r)) continue;
            r->drained = 1;
            if (code == 0 || video_stopped(&r->limits)) return 0;
            if (code == AVERROR_EXIT)
                return av_sentence(error, 0, "nothing came for %d s, after %lld frames",
                                   r->limits.timeout_s, (long long)r->delivered);
            return av_sentence(error, code, "it breaks off after %lld frames",
                               (long long)r->delivered);
        }
        if (!r->camera) *seconds = seconds_of(r);
        if (*seconds <= r->resume_after) {
            av_frame_unref(r->frame);
            continue;
        }
        r->last_seconds = *seconds;
        int wanted = r->decoded++ % r->limits.stride == 0;
        int status = wanted ? convert(r, out, error) : 0;
        av_frame_unref(r->frame);
        if (status) return -1;
        if (!wanted) continue;
        r->delivered++;
        return 1;
    }
    return 0;
}
