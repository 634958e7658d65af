/* SPDX-License-Identifier: Apache-2.0 */
/*
 * VENC: pictures to H.264 and H.265. Each picture gives one piece of the stream, with its callback,
 * in the order of sending. What a callback gets as output is the library's, for as long as the
 * callback runs.
 */
#include <stdio.h>
#include <string.h>

#include "acl/dvpp/video.h"

struct venc {
    struct video video;
    atomic_uint format, pic_format, width, height, interval, buf_size, rc_mode, rate, kbps,
        ip_ratio;
    _Atomic(uint64_t) thread;
    _Atomic(aclvencCallback) callback;
    _Atomic(void *) buf;
    /* Of the open channel. */
    const struct codec_api *codec;
    struct encoder *encoder;
    struct settings {
        int pic_format, format;
        uint32_t width, height, buf_size;
        void *buf; /* NULL: pieces are in memory of the library's */
        aclvencCallback callback;
    } now;
    struct encoder_settings encoding;
    bool begins; /* the next frame is the first of a stream */
    struct piece *first, *last; /* sent to the encoder; the oldest first */
};

struct venc_frame {
    atomic_uint eos, force_i;
};

/* A picture that was sent and what comes of it. */
struct piece {
    struct video_report report;
    struct piece *next;
    acldvppPicDesc *input;
    void *user;
    aclvencCallback callback;
    acldvppStreamDesc *output;
    void *data; /* to free; NULL when in the program's buffer */
    aclError code;
    char text[CODEC_ERROR];
};

/* ---- descriptions ---- */

static void destroy_channel(void *object) {
    struct venc *c = object;
    if (c->encoder) c->codec->encoder_destroy(c->encoder);
    video_free(&c->video);
}

aclvencChannelDesc *aclvencCreateChannelDesc(void) {
    struct venc *c;
    void *handle = video_create_desc(__func__, HANDLE_VENC_CHANNEL, sizeof *c, (void **)&c,
                                     destroy_channel);
    if (handle) atomic_store(&c->pic_format, PIXEL_FORMAT_YUV_SEMIPLANAR_420);
    return handle;
}

static struct venc *get(const aclvencChannelDesc *channelDesc, const char *call) {
    return dvpp_get(channelDesc, HANDLE_VENC_CHANNEL, call, "channelDesc");
}

aclError aclvencDestroyChannelDesc(aclvencChannelDesc *channelDesc) {
    return video_destroy_desc(__func__, HANDLE_VENC_CHANNEL, channelDesc);
}

#define FIELD(Name, type, argument, field, condition, ...)                                         \
    SETTER(aclvencSetChannelDesc##Name, aclvencChannelDesc, channelDesc, HANDLE_VENC_CHANNEL,      \
           struct venc, type, argument, field, condition, __VA_ARGS__)                             \
    GETTER(aclvencGetChannelDesc##Name, const aclvencChannelDesc, channelDesc,                     \
           HANDLE_VENC_CHANNEL, struct venc, type, field)

FIELD(ThreadId, uint64_t, threadId, thread, true, "%s", "")
FIELD(Callback, aclvencCallback, callback, callback, callback != NULL, "%s", "callback is NULL")
FIELD(EnType, acldvppStreamFormat, enType, format, (unsigned)enType <= H264_HIGH_LEVEL,
      "enType is %d; it is H265_MAIN_LEVEL, H264_BASELINE_LEVEL, H264_MAIN_LEVEL or "
      "H264_HIGH_LEVEL",
      (int)enType)
SETTER(aclvencSetChannelDescPicFormat, aclvencChannelDesc, channelDesc, HANDLE_VENC_CHANNEL,
       struct venc, acldvppPixelFormat, picFormat, pic_format,
       picFormat == PIXEL_FORMAT_YUV_SEMIPLANAR_420 || picFormat == PIXEL_FORMAT_YVU_SEMIPLANAR_420,
       "picFormat is %d; NV12 and NV21 are encoded", (int)picFormat)
GETTER_OR(aclvencGetChannelDescPicFormat, const aclvencChannelDesc, channelDesc,
          HANDLE_VENC_CHANNEL, struct venc, acldvppPixelFormat, pic_format, PIXEL_FORMAT_UNKNOWN)
FIELD(PicWidth, uint32_t, picWidth, width, picWidth <= MEDIA_MAX_SIDE && picWidth % 2 == 0,
      "picWidth is %u; it is even and at most %d", picWidth, MEDIA_MAX_SIDE)
FIELD(PicHeight, uint32_t, picHeight, height, picHeight <= MEDIA_MAX_SIDE && picHeight % 2 == 0,
      "picHeight is %u; it is even and at most %d", picHeight, MEDIA_MAX_SIDE)
FIELD(KeyFrameInterval, uint32_t, keyFrameInterval, interval, keyFrameInterval <= 65535,
      "keyFrameInterval is %u; it is 0 (one second) to 65535 frames", keyFrameInterval)
FIELD(BufAddr, void *, bufAddr, buf, true, "%s", "")
FIELD(BufSize, uint32_t, bufSize, buf_size, true, "%s", "")
FIELD(RcMode, uint32_t, rcMode, rc_mode, rcMode <= 2,
      "rcMode is %u; it is 0 (the encoder's), 1 (variable rate) or 2 (constant rate)", rcMode)
FIELD(SrcRate, uint32_t, srcRate, rate, srcRate <= 240,
      "srcRate is %u; it is 0 (30) to 240 frames per second", srcRate)
FIELD(MaxBitRate, uint32_t, maxBitRate, kbps, maxBitRate <= 614400,
      "maxBitRate is %u; it is 0 (no limit) to 614400 kbit/s", maxBitRate)
static SETTER(set_ip_ratio, aclvencChannelDesc, channelDesc, HANDLE_VENC_CHANNEL, struct venc,
       uint32_t, ratio, ip_ratio, ratio <= 100,
       "param is %u; ACL_VENC_MAX_IP_PROP_UINT32 is 0 to 100", ratio)

uint32_t aclvencGetChannelDescChannelId(const aclvencChannelDesc *channelDesc) {
    if (!get(channelDesc, __func__)) return 0;
    _pk_private.handle_release(channelDesc);
    return (uint32_t)(uintptr_t)channelDesc & 0xFFFFFF; /* the slot of the handle */
}

/* ---- parameters by number ---- */

#define NARROW(type, field) [type] = {#type, 4, offsetof(struct venc, field)}
#define WIDE(type) [type] = {#type, 8, 0}
static const struct video_parameter parameters[] = {
    WIDE(ACL_VENC_THREAD_ID_UINT64),
    WIDE(ACL_VENC_CALLBACK_PTR),
    NARROW(ACL_VENC_PIXEL_FORMAT_UINT32, pic_format),
    NARROW(ACL_VENC_ENCODE_TYPE_UINT32, format),
    NARROW(ACL_VENC_PIC_WIDTH_UINT32, width),
    NARROW(ACL_VENC_PIC_HEIGHT_UINT32, height),
    NARROW(ACL_VENC_KEY_FRAME_INTERVAL_UINT32, interval),
    WIDE(ACL_VENC_BUF_ADDR_PTR),
    NARROW(ACL_VENC_BUF_SIZE_UINT32, buf_size),
    NARROW(ACL_VENC_RC_MODE_UINT32, rc_mode),
    NARROW(ACL_VENC_SRC_RATE_UINT32, rate),
    NARROW(ACL_VENC_MAX_BITRATE_UINT32, kbps),
    NARROW(ACL_VENC_MAX_IP_PROP_UINT32, ip_ratio),
};
enum { N_PARAMETERS = sizeof parameters / sizeof *parameters };

aclError aclvencSetChannelDescParam(aclvencChannelDesc *channelDesc,
                                    aclvencChannelDescParamType paramType, size_t length,
                                    const void *param) {
    const char *call = __func__;
    if (!get(channelDesc, call)) return ACL_ERROR_INVALID_PARAM;
    _pk_private.handle_release(channelDesc);
    uint64_t wide;
    TRY(video_read_parameter(call, parameters, N_PARAMETERS, (int)paramType, length, param, &wide));
    uint32_t n = (uint32_t)wide;
    switch (paramType) {
    case ACL_VENC_THREAD_ID_UINT64: return aclvencSetChannelDescThreadId(channelDesc, wide);
    case ACL_VENC_CALLBACK_PTR:
        return aclvencSetChannelDescCallback(channelDesc, (aclvencCallback)(uintptr_t)wide);
    case ACL_VENC_PIXEL_FORMAT_UINT32:
        return aclvencSetChannelDescPicFormat(channelDesc, (acldvppPixelFormat)n);
    case ACL_VENC_ENCODE_TYPE_UINT32:
        return aclvencSetChannelDescEnType(channelDesc, (acldvppStreamFormat)n);
    case ACL_VENC_PIC_WIDTH_UINT32: return aclvencSetChannelDescPicWidth(channelDesc, n);
    case ACL_VENC_PIC_HEIGHT_UINT32: return aclvencSetChannelDescPicHeight(channelDesc, n);
    case ACL_VENC_KEY_FRAME_INTERVAL_UINT32:
        return aclvencSetChannelDescKeyFrameInterval(channelDesc, n);
    case ACL_VENC_BUF_ADDR_PTR:
        return aclvencSetChannelDescBufAddr(channelDesc, (void *)(uintptr_t)wide);
    case ACL_VENC_BUF_SIZE_UINT32: return aclvencSetChannelDescBufSize(channelDesc, n);
    case ACL_VENC_RC_MODE_UINT32: return aclvencSetChannelDescRcMode(channelDesc, n);
    case ACL_VENC_SRC_RATE_UINT32: return aclvencSetChannelDescSrcRate(channelDesc, n);
    case ACL_VENC_MAX_BITRATE_UINT32: return aclvencSetChannelDescMaxBitRate(channelDesc, n);
    default: return set_ip_ratio(channelDesc, n);
    }
}

aclError aclvencGetChannelDescParam(const aclvencChannelDesc *channelDesc,
                                    aclvencChannelDescParamType paramType, size_t length,
                                    size_t *paramRetSize, void *param) {
    const char *call = __func__;
    struct venc *c = get(channelDesc, call);
    if (!c) return ACL_ERROR_INVALID_PARAM;
    uint64_t wide = paramType == ACL_VENC_CALLBACK_PTR ? (uintptr_t)atomic_load(&c->callback)
                    : paramType == ACL_VENC_BUF_ADDR_PTR ? (uintptr_t)atomic_load(&c->buf)
                                                         : atomic_load(&c->thread);
    aclError code = video_write_parameter(call, parameters, N_PARAMETERS, (int)paramType, length,
                                          c, wide, paramRetSize, param);
    _pk_private.handle_release(channelDesc);
    return code;
}

/* ---- what is said of one frame ---- */

aclvencFrameConfig *aclvencCreateFrameConfig(void) {
    struct venc_frame *f;
    return dvpp_make(__func__, HANDLE_VENC_FRAME, sizeof *f, (void **)&f);
}

aclError aclvencDestroyFrameConfig(aclvencFrameConfig *config) {
    return dvpp_drop(__func__, HANDLE_VENC_FRAME, config, "config");
}

#define FRAME_FIELD(Name, argument, field)                                                         \
    SETTER(aclvencSetFrameConfig##Name, aclvencFrameConfig, config, HANDLE_VENC_FRAME,             \
           struct venc_frame, uint8_t, argument, field, argument <= 1, "%s is %u; it is 0 or 1",   \
           #argument, argument)                                                                    \
    GETTER(aclvencGetFrameConfig##Name, const aclvencFrameConfig, config, HANDLE_VENC_FRAME,       \
           struct venc_frame, uint8_t, field)
FRAME_FIELD(Eos, eos, eos)
FRAME_FIELD(ForceIFrame, forceIFrame, force_i)

/* ---- callbacks ---- */

static void drop_piece(struct video_report *r) {
    struct piece *p = (struct piece *)r;
    if (p->output) _pk_private.handle_retire(p->output, HANDLE_DVPP_STREAM);
    _pk_private.mem_free(p->data);
    _pk_private.mem_free(p);
}

static void call_back(struct video_report *r) {
    struct piece *p = (struct piece *)r;
    if (p->code != ACL_SUCCESS) _pk_private.fail(p->code, "aclvencSendFrame", "%s", p->text);
    p->callback(p->input, p->output, p->user);
    drop_piece(r);
}

static void fail_piece(struct piece *p, aclError code, const char *text) {
    p->code = code;
    snprintf(p->text, sizeof p->text, "%s", text);
}

/* Puts the bytes where the program will read them. The program's own buffer has room for one piece
 * at a time, so the callback of the piece before must be over. */
static void fill_piece(struct venc *c, struct piece *p, const uint8_t *data, size_t bytes) {
    if (c->now.buf && bytes > c->now.buf_size)
        snprintf(p->text, sizeof p->text,
                 "the frame has %zu bytes, the channel's buffer %u; set a larger one with "
                 "aclvencSetChannelDescBufAddr and BufSize",
                 bytes, c->now.buf_size);
    else if (c->now.buf) video_wait_reports(&c->video);
    else p->data = _pk_private.mem_alloc(bytes);
    void *to = c->now.buf ? c->now.buf : p->data;
    if (p->text[0]) p->code = ACL_ERROR_STORAGE_OVER_LIMIT;
    else if (!to) fail_piece(p, ACL_ERROR_BAD_ALLOC, "no memory for the encoded frame");
    else {
        struct dvpp_stream *out = _pk_private.handle_get(p->output, HANDLE_DVPP_STREAM,
                                                         "aclvencSendFrame", "output");
        memcpy(to, data, bytes);
        atomic_store(&out->data, to);
        atomic_store(&out->size, (unsigned)bytes);
        atomic_store(&out->format, (unsigned)c->now.format);
        _pk_private.handle_release(p->output);
    }
}

static void report_first(struct venc *c) {
    struct piece *p = c->first;
    c->first = p->next;
    if (!c->first) c->last = NULL;
    if (p->code != ACL_SUCCESS) {
        struct dvpp_stream *out = _pk_private.handle_get(p->output, HANDLE_DVPP_STREAM,
                                                         "aclvencSendFrame", "output");
        atomic_store(&out->ret_code, (unsigned)p->code);
        _pk_private.handle_release(p->output);
    }
    video_report(&c->video, &p->report);
}

static void take_pieces(struct venc *c) {
    char error[CODEC_ERROR];
    const uint8_t *data;
    size_t bytes;
    int status;
    while (c->first && (status = c->codec->encoder_receive(c->encoder, &data, &bytes, error))) {
        if (status < 0) fail_piece(c->first, ACL_ERROR_FAILURE, error);
        else fill_piece(c, c->first, data, bytes);
        report_first(c);
    }
}

/* ---- pictures ---- */

struct send {
    struct job job;
    struct venc *channel;
    struct piece *piece; /* NULL: only the end */
    struct picture picture; /* its data is the task's */
    bool is_key, is_end;
};

/* So many pictures wait at most; sending one more waits for the encoder. */
enum { MOST_WAITING = 8 };

static void encode_piece(struct venc *c, const struct send *s, struct piece *p) {
    char error[CODEC_ERROR];
    struct plane planes[2];
    if (c->last) c->last->next = p;
    else c->first = p;
    c->last = p;
    picture_planes(&s->picture, planes);
    bool is_key = s->is_key || c->begins;
    c->begins = false;
    snprintf(error, sizeof error, "the encoder could not be started again");
    if (!c->encoder ||
        c->codec->encoder_send(c->encoder, planes[0].data, planes[0].pitch, planes[1].data,
                               planes[1].pitch, s->picture.format == FORMAT_NV21, is_key, error)) {
        /* An encoder that fails gives nothing for what it had before, either. */
        while (c->first) {
            fail_piece(c->first, ACL_ERROR_FAILURE, error);
            report_first(c);
        }
        return;
    }
    take_pieces(c);
}

/* For encoders that hold frames back: x264 and x265 as set here do not. */
static void end_encoder(struct venc *c) {
    char error[CODEC_ERROR];
    c->codec->encoder_send(c->encoder, NULL, 0, NULL, 0, false, false, error);
    take_pieces(c);
    while (c->first) {
        fail_piece(c->first, ACL_ERROR_FAILURE, "the encoder ended without this frame");
        report_first(c);
    }
    c->codec->encoder_destroy(c->encoder);
    c->encoder = c->codec->encoder_create(&c->encoding, error);
}

static aclError run_send(struct job *j) {
    struct send *s = (struct send *)j;
    struct venc *c = s->channel;
    struct piece *p = s->piece;
    s->piece = NULL;
    if (atomic_load(&c->video.is_closing)) {
        if (p) drop_piece(&p->report);
        return ACL_SUCCESS;
    }
    if (p) encode_piece(c, s, p);
    if (s->is_end) {
        if (c->first) end_encoder(c);
        c->begins = true;
    }
    return ACL_SUCCESS;
}

static void drop_send(struct job *j) {
    struct send *s = (struct send *)j;
    if (s->piece) drop_piece(&s->piece->report);
    _pk_private.mem_free(s->picture.data);
    video_end_task(&s->channel->video);
}

/* A copy without what lies between rows. Programs free or fill their picture anew as soon as it is
 * sent, though it is encoded later. */
static aclError copy_picture(const char *call, struct picture *p) {
    struct plane planes[2];
    const size_t luma = (size_t)p->width * p->height;
    uint8_t *data = _pk_private.mem_alloc(luma + luma / 2);
    CHECK(data, ACL_ERROR_BAD_ALLOC, "no memory for a copy of the picture of %zu bytes",
          luma + luma / 2);
    picture_planes(p, planes);
    uint8_t *to = data;
    for (int i = 0; i < 2; i++)
        for (uint32_t row = 0; row < p->height >> i; row++, to += p->width)
            memcpy(to, planes[i].data + (size_t)row * planes[i].pitch, p->width);
    p->data = data;
    p->bytes = luma + luma / 2;
    p->stride = p->width;
    p->rows = p->height;
    return ACL_SUCCESS;
}

/* Queues what is sent; the piece goes with it in any case. */
static aclError submit(const char *call, aclvencChannelDesc *channelDesc, struct venc *c,
                       const struct send *sent, bool is_last) {
    struct send *s = job_create(call, sizeof *s, 1, run_send);
    aclError code = ACL_ERROR_BAD_ALLOC;
    struct picture picture = sent->picture;
    if (s) code = sent->piece ? copy_picture(call, &picture) : ACL_SUCCESS;
    bool is_copied = code == ACL_SUCCESS;
    if (is_copied) code = video_begin_task(call, &c->video, is_last);
    if (code != ACL_SUCCESS) {
        if (is_copied) _pk_private.mem_free(picture.data);
        if (s) job_drop(&s->job);
        if (sent->piece) drop_piece(&sent->piece->report);
        return code;
    }
    job_hold(&s->job, channelDesc, HANDLE_VENC_CHANNEL, "channelDesc");
    s->job.drop = drop_send;
    s->channel = c;
    s->piece = sent->piece;
    s->picture = picture;
    s->is_key = sent->is_key;
    s->is_end = sent->is_end;
    return job_submit(&s->job, c->video.work);
}

static aclError check_picture(const char *call, const struct venc *c, const acldvppPicDesc *input,
                              struct picture *out) {
    struct media m = dvpp_media();
    struct dvpp_pic *p = dvpp_get(input, HANDLE_DVPP_PIC, call, "input");
    if (!p) return ACL_ERROR_INVALID_PARAM;
    *out = pic_copy(p);
    _pk_private.handle_release(input);
    TRY(video_need_open(call, &c->video));
    CHECK(out->format == c->now.pic_format, ACL_ERROR_INVALID_PARAM,
          "input: format %d; the channel encodes %d (aclvencSetChannelDescPicFormat)",
          out->format, c->now.pic_format);
    CHECK(out->width == c->now.width && out->height == c->now.height, ACL_ERROR_INVALID_PARAM,
          "input: %u x %u pixels; the channel encodes %u x %u", out->width, out->height,
          c->now.width, c->now.height);
    if (!out->stride) out->stride = (out->width + 15) / 16 * 16;
    if (!out->rows) out->rows = out->height;
    TRY(dvpp_fail(call, &m, picture_check(&m, out, "input"), ACL_ERROR_INVALID_PARAM));
    TRY(strict_encode(call, "input", out));
    return _pk_private.memory_check(call, "input", out->data, out->bytes);
}

static aclError make_piece(const char *call, const struct venc *c, acldvppPicDesc *input,
                           void *user, struct piece **out) {
    struct piece *p = _pk_private.mem_alloc(sizeof *p);
    CHECK(p, ACL_ERROR_BAD_ALLOC, "no memory for a frame's callback");
    *p = (struct piece){.report = {.call = call_back, .drop = drop_piece},
                        .input = input,
                        .user = user,
                        .callback = c->now.callback,
                        .output = acldvppCreateStreamDesc()};
    if (p->output) {
        *out = p;
        return ACL_SUCCESS;
    }
    _pk_private.mem_free(p);
    return ACL_ERROR_BAD_ALLOC;
}

/* With the configuration of the frame, if any, read into *s. */
static aclError check_send(const char *call, struct venc *c, acldvppPicDesc *input,
                           const aclvencFrameConfig *config, void *user, struct send *s) {
    if (config) {
        struct venc_frame *f = dvpp_get(config, HANDLE_VENC_FRAME, call, "config");
        if (!f) return ACL_ERROR_INVALID_PARAM;
        s->is_end = atomic_load(&f->eos);
        s->is_key = atomic_load(&f->force_i);
        _pk_private.handle_release(config);
    }
    CHECK(input || s->is_end, ACL_ERROR_INVALID_PARAM,
          "input is NULL; it may be only with the end of the stream (aclvencSetFrameConfigEos)");
    if (input) TRY(check_picture(call, c, input, &s->picture));
    TRY(video_need_open(call, &c->video));
    if (s->is_end) TRY(video_may_wait(call, &c->video));
    if (!input) return ACL_SUCCESS;
    return make_piece(call, c, input, user, &s->piece);
}

aclError aclvencSendFrame(aclvencChannelDesc *channelDesc, acldvppPicDesc *input, void *reserve,
                          aclvencFrameConfig *config, void *userdata) {
    const char *call = __func__;
    struct send checked = {0};
    (void)reserve;
    TRY(dvpp_check(call));
    TRY(_pk_private.need_started(call));
    struct venc *c = get(channelDesc, call);
    if (!c) return ACL_ERROR_INVALID_PARAM;
    aclError code = ACL_SUCCESS;
    /* The thread of the callbacks may not wait for the encoder, which may wait for callbacks. */
    if (input && atomic_load(&c->video.state) == VIDEO_OPEN &&
        atomic_load(&c->video.thread) != (uint64_t)pthread_self())
        code = video_wait_tasks(call, &c->video, MOST_WAITING);
    if (code == ACL_SUCCESS) code = check_send(call, c, input, config, userdata, &checked);
    if (code == ACL_SUCCESS) code = submit(call, channelDesc, c, &checked, false);
    if (code == ACL_SUCCESS && checked.is_end) code = video_wait_tasks(call, &c->video, 1);
    _pk_private.handle_release(channelDesc);
    return code;
}

/* ---- channels ---- */

static aclError make_encoder(const char *call, struct venc *c) {
    static const enum codec_profile profiles[] = {[H264_BASELINE_LEVEL] = PROFILE_BASELINE,
                                                  [H264_MAIN_LEVEL] = PROFILE_MAIN,
                                                  [H264_HIGH_LEVEL] = PROFILE_HIGH};
    char error[CODEC_ERROR];
    uint32_t rate = atomic_load(&c->rate), interval = atomic_load(&c->interval);
    if (!rate) rate = 30;
    c->encoding = (struct encoder_settings){
        .is_h265 = c->now.format == H265_MAIN_LEVEL,
        .profile = profiles[c->now.format],
        .width = c->now.width,
        .height = c->now.height,
        .interval = interval ? interval : rate,
        .rate = rate,
        .kbps = atomic_load(&c->kbps),
        .is_constant = atomic_load(&c->rc_mode) == 2,
        .ip_ratio = atomic_load(&c->ip_ratio)};
    CHECK(!c->encoding.is_constant || c->encoding.kbps, ACL_ERROR_INVALID_PARAM,
          "channelDesc wants a constant bit rate, but no rate is set; call "
          "aclvencSetChannelDescMaxBitRate");
    c->encoder = c->codec->encoder_create(&c->encoding, error);
    CHECK(c->encoder, ACL_ERROR_FEATURE_UNSUPPORTED, "%s", error);
    return ACL_SUCCESS;
}

static aclError open_channel(const char *call, struct video *v) {
    struct venc *c = (struct venc *)v;
    c->now = (struct settings){.pic_format = (int)atomic_load(&c->pic_format),
                               .format = (int)atomic_load(&c->format),
                               .width = atomic_load(&c->width),
                               .height = atomic_load(&c->height),
                               .buf = atomic_load(&c->buf),
                               .buf_size = atomic_load(&c->buf_size),
                               .callback = atomic_load(&c->callback)};
    CHECK(c->now.callback, ACL_ERROR_INVALID_PARAM,
          "channelDesc has no callback; call aclvencSetChannelDescCallback");
    CHECK(c->now.width && c->now.height, ACL_ERROR_INVALID_PARAM,
          "channelDesc has no size; call aclvencSetChannelDescPicWidth and PicHeight");
    CHECK(!c->now.buf || c->now.buf_size, ACL_ERROR_INVALID_PARAM,
          "channelDesc has a buffer of 0 bytes; call aclvencSetChannelDescBufSize");
    if (c->now.buf)
        TRY(_pk_private.memory_check(call, "bufAddr", c->now.buf, c->now.buf_size));
    TRY(codec_load(call, &c->codec));
    TRY(make_encoder(call, c));
    aclError code = video_open(call, &c->video, atomic_load(&c->thread));
    if (code != ACL_SUCCESS) {
        c->codec->encoder_destroy(c->encoder);
        c->encoder = NULL;
    }
    return code;
}

static aclError end_channel(const char *call, struct video *v, void *channelDesc) {
    return submit(call, channelDesc, (struct venc *)v, &(struct send){.is_end = true}, true);
}

static void close_channel(struct video *v) {
    struct venc *c = (struct venc *)v;
    while (c->first) {
        struct piece *p = c->first;
        c->first = p->next;
        drop_piece(&p->report);
    }
    c->last = NULL;
    if (c->encoder) c->codec->encoder_destroy(c->encoder);
    c->encoder = NULL;
}

static const struct video_kind kind = {HANDLE_VENC_CHANNEL, open_channel, end_channel,
                                       close_channel};

aclError aclvencCreateChannel(aclvencChannelDesc *channelDesc) {
    return video_create_channel(__func__, &kind, channelDesc);
}

aclError aclvencDestroyChannel(aclvencChannelDesc *channelDesc) {
    return video_destroy_channel(__func__, &kind, channelDesc);
}
