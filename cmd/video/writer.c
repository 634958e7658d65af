/* SPDX-License-Identifier: Apache-2.0 */
/* An mp4 with H.264, index in front, at one frame rate; where frames of a live source were dropped,
 * the one before stands longer. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>
#include <libavutil/opt.h>
#include <libswscale/swscale.h>

#include "av.h"

struct video_writer {
    char *path;
    double fps;
    int threads, begun, failed;
    int64_t next;  /* the number of the next frame, at the frame rate */
    double begin;  /* seconds of the first frame of a live source */
    AVFormatContext *file;
    AVCodecContext *codec;
    AVStream *stream;
    AVFrame *frame;
    AVPacket *packet;
    struct SwsContext *scaler;
};

int writer_create(const char *path, double fps, int threads, struct video_writer **out,
                  char error[VIDEO_ERROR]) {
    struct video_writer *w = calloc(1, sizeof *w);
    *out = NULL;
    if (!w || !(w->path = strdup(path))) {
        free(w);
        return av_sentence(error, AVERROR(ENOMEM), "%s", path);
    }
    w->fps = fps > 0.01 && fps < 1000 ? fps : 25;
    w->threads = threads;
    *out = w;
    return 0;
}

/* The size is known with the first frame. 4:2:0 has even sizes. */
static int begin(struct video_writer *w, const struct pk_image *image, char error[VIDEO_ERROR]) {
    /* x264 first; whatever else this FFmpeg was built with after it. */
    const AVCodec *encoder = avcodec_find_encoder_by_name("libx264");
    if (!encoder) encoder = avcodec_find_encoder(AV_CODEC_ID_H264);
    if (!encoder)
        return av_sentence(error, 0, "this FFmpeg encodes no H.264; write single pictures of the "
                                     "frames with --save-crop or none with --no-draw");
    int code = avformat_alloc_output_context2(&w->file, NULL, "mp4", w->path);
    if (code < 0) return av_sentence(error, code, "no mp4 can be made");
    w->codec = avcodec_alloc_context3(encoder);
    w->stream = avformat_new_stream(w->file, NULL);
    w->frame = av_frame_alloc();
    w->packet = av_packet_alloc();
    if (!w->codec || !w->stream || !w->frame || !w->packet)
        return av_sentence(error, AVERROR(ENOMEM), "%s", w->path);
    AVRational rate = av_d2q(w->fps, 100000);
    w->codec->width = (image->width + 1) & ~1;
    w->codec->height = (image->height + 1) & ~1;
    w->codec->pix_fmt = AV_PIX_FMT_YUV420P;
    w->codec->time_base = av_inv_q(rate);
    w->codec->framerate = rate;
    w->codec->gop_size = (int)(w->fps * 5 + 1);
    w->codec->thread_count = w->threads;
    w->codec->colorspace = AVCOL_SPC_BT709;
    w->codec->color_primaries = AVCOL_PRI_BT709;
    w->codec->color_trc = AVCOL_TRC_BT709;
    w->codec->color_range = AVCOL_RANGE_MPEG;
    /* These two are x264's; another encoder keeps its own. */
    av_opt_set(w->codec->priv_data, "preset", "veryfast", 0);
    av_opt_set(w->codec->priv_data, "crf", "21", 0);
    if (w->file->oformat->flags & AVFMT_GLOBALHEADER)
        w->codec->flags |= AV_CODEC_FLAG_GLOBAL_HEADER;
    if ((code = avcodec_open2(w->codec, encoder, NULL)) < 0)
        return av_sentence(error, code, "%s cannot encode %d x %d", encoder->name, w->codec->width,
                           w->codec->height);
    w->stream->time_base = w->codec->time_base;
    w->stream->avg_frame_rate = rate;
    if ((code = avcodec_parameters_from_context(w->stream->codecpar, w->codec)) < 0)
        return av_sentence(error, code, "no mp4 can be made");
    w->frame->format = w->codec->pix_fmt;
    w->frame->width = w->codec->width;
    w->frame->height = w->codec->height;
    if ((code = av_frame_get_buffer(w->frame, 0)) < 0 ||
        (code = avio_open(&w->file->pb, w->path, AVIO_FLAG_WRITE)) < 0)
        return av_sentence(error, code, "it cannot be opened");
    AVDictionary *options = NULL;
    av_dict_set(&options, "movflags", "+faststart", 0);
    code = avformat_write_header(w->file, &options);
    av_dict_free(&options);
    if (code < 0) return av_sentence(error, code, "it cannot be written");
    w->begun = 1;
    return 0;
}

/* frame NULL: the last packets. */
static int encode(struct video_writer *w, const AVFrame *frame, char error[VIDEO_ERROR]) {
    int code = avcodec_send_frame(w->codec, frame);
    while (code >= 0 && (code = avcodec_receive_packet(w->codec, w->packet)) >= 0) {
        av_packet_rescale_ts(w->packet, w->codec->time_base, w->stream->time_base);
        w->packet->stream_index = w->stream->index;
        w->packet->duration = av_rescale_q(1, w->codec->time_base, w->stream->time_base);
        code = av_interleaved_write_frame(w->file, w->packet);
    }
    if (code == AVERROR(EAGAIN) || code == AVERROR_EOF) code = w->file->pb->error;
    return code < 0 ? av_sentence(error, code, "it cannot be written") : 0;
}

static int add(struct video_writer *w, const struct pk_image *image, double seconds,
               char error[VIDEO_ERROR]) {
    if (!w->begun) w->begin = seconds;
    if (!w->begun && begin(w, image, error)) return -1;
    w->scaler = sws_getCachedContext(w->scaler, image->width, image->height, AV_PIX_FMT_RGB24,
                                     w->codec->width, w->codec->height, w->codec->pix_fmt,
                                     SWS_BICUBIC | SWS_ACCURATE_RND, NULL, NULL, NULL);
    int code = w->scaler ? av_frame_make_writable(w->frame) : AVERROR(ENOMEM);
    if (code < 0) return av_sentence(error, code, "no frame can be made");
    const int *matrix = sws_getCoefficients(SWS_CS_ITU709);
    sws_setColorspaceDetails(w->scaler, matrix, 1, matrix, 0, 0, 1 << 16, 1 << 16);
    const uint8_t *const rows[4] = {image->rgb};
    const int strides[4] = {3 * image->width};
    sws_scale(w->scaler, rows, strides, 0, image->height, w->frame->data, w->frame->linesize);
    double number = seconds < 0 ? 0 : (seconds - w->begin) * w->fps;
    if (number > (double)w->next && number < 1e12) w->next = llrint(number);
    w->frame->pts = w->next++;
    return encode(w, w->frame, error);
}

int writer_write(struct video_writer *w, const struct pk_image *image, double seconds,
                 char error[VIDEO_ERROR]) {
    int status = add(w, image, seconds, error);
    if (status) w->failed = 1;
    return status;
}

int writer_finish(struct video_writer *w, char error[VIDEO_ERROR]) {
    int status = w->failed ? av_sentence(error, 0, "it is not complete") : 0, code = 0;
    if (w->begun) {
        if (!status) status = encode(w, NULL, error);
        code = av_write_trailer(w->file);
    }
    if (w->file && w->file->pb) {
        int closed = avio_closep(&w->file->pb);
        if (code >= 0) code = closed;
    }
    if (!status && code < 0) status = av_sentence(error, code, "it cannot be written");
    avformat_free_context(w->file);
    avcodec_free_context(&w->codec);
    av_frame_free(&w->frame);
    av_packet_free(&w->packet);
    sws_freeContext(w->scaler);
    free(w->path);
    free(w);
    return status;
}
