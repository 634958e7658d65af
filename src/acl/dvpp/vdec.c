/* SPDX-License-Identifier: Apache-2.0 */
/*
 * VDEC: H.264 and H.265 to pictures. Each access unit comes with the picture for a frame. Frames
 * leave the decoder in the order of display, which with B frames is not the order they were sent
 * in, and each goes to the first picture that waits; callbacks come in the order of sending. A unit
 * that gives no frame (damaged, or before the first key frame) has its callback too, with a code
 * in its picture.
 */
#include <stdio.h>
#include <string.h>

#include "acl/dvpp/video.h"

/* A frame comes out at most so many units after its own: 16 is the most that H.264 and H.265 let a
 * decoder hold back. What is later than that is lost. */
enum { MOST_DELAY = 17, N_RECENT = 32, MOST_FAILURES = 40 };

enum state { WAITING, FILLED, FAILED };

/* A unit that was sent; from its decoding until its callback. */
struct unit {
    struct video_report report;
    struct unit *next;
    int64_t number;
    acldvppStreamDesc *input;
    acldvppPicDesc *output; /* NULL: the frame is not wanted */
    struct picture picture; /* what output said when it was sent */
    void *user;
    aclvdecCallback callback;
    enum state state;
    aclError code;
    char text[CODEC_ERROR];
};

struct vdec {
    struct video video;
    atomic_uint channel_id, format, out_format, out_width, out_height, out_mode, ref_frames,
        bit_depth, csc;
    _Atomic(uint64_t) thread;
    _Atomic(aclvdecCallback) callback;
    /* Of the open channel. */
    const struct codec_api *codec;
    struct decoder *decoder;
    struct settings {
        int format;
        uint32_t width, height; /* 0: the stream's */
        enum csc csc;
        aclvdecCallback callback;
    } now;
    struct unit *first, *last; /* without a callback so far, in the order of sending */
    int64_t n_sent;
    bool came[N_RECENT]; /* whether a unit's frame came out, by its number */
};

/* ---- descriptions ---- */

static void destroy_channel(void *object) {
    struct vdec *c = object;
    if (c->decoder) c->codec->decoder_destroy(c->decoder);
    video_free(&c->video);
}

aclvdecChannelDesc *aclvdecCreateChannelDesc(void) {
    struct vdec *c;
    void *handle = video_create_desc(__func__, HANDLE_VDEC_CHANNEL, sizeof *c, (void **)&c,
                                     destroy_channel);
    if (handle) atomic_store(&c->out_format, PIXEL_FORMAT_YUV_SEMIPLANAR_420);
    return handle;
}

static struct vdec *get(const aclvdecChannelDesc *channelDesc, const char *call) {
    return dvpp_get(channelDesc, HANDLE_VDEC_CHANNEL, call, "channelDesc");
}

aclError aclvdecDestroyChannelDesc(aclvdecChannelDesc *channelDesc) {
    return video_destroy_desc(__func__, HANDLE_VDEC_CHANNEL, channelDesc);
}

static bool is_format(uint32_t format) {
    return format == PIXEL_FORMAT_YUV_SEMIPLANAR_420 ||
           format == PIXEL_FORMAT_YVU_SEMIPLANAR_420 || format == PIXEL_FORMAT_RGB_888 ||
           format == PIXEL_FORMAT_BGR_888;
}

#define FIELD(Name, type, argument, field, condition, ...)                                         \
    SETTER(aclvdecSetChannelDesc##Name, aclvdecChannelDesc, channelDesc, HANDLE_VDEC_CHANNEL,      \
           struct vdec, type, argument, field, condition, __VA_ARGS__)                             \
    GETTER(aclvdecGetChannelDesc##Name, const aclvdecChannelDesc, channelDesc,                     \
           HANDLE_VDEC_CHANNEL, struct vdec, type, field)

FIELD(ChannelId, uint32_t, channelId, channel_id, channelId <= 255,
      "channelId is %u; it is 0 to 255", channelId)
FIELD(ThreadId, uint64_t, threadId, thread, true, "%s", "")
FIELD(Callback, aclvdecCallback, callback, callback, callback != NULL, "%s", "callback is NULL")
FIELD(EnType, acldvppStreamFormat, enType, format, (unsigned)enType <= H264_HIGH_LEVEL,
      "enType is %d; it is H265_MAIN_LEVEL, H264_BASELINE_LEVEL, H264_MAIN_LEVEL or "
      "H264_HIGH_LEVEL",
      (int)enType)
SETTER(aclvdecSetChannelDescOutPicFormat, aclvdecChannelDesc, channelDesc, HANDLE_VDEC_CHANNEL,
       struct vdec, acldvppPixelFormat, outPicFormat, out_format, is_format(outPicFormat),
       "outPicFormat is %d; frames come as NV12, NV21, RGB_888 or BGR_888", (int)outPicFormat)
GETTER_OR(aclvdecGetChannelDescOutPicFormat, const aclvdecChannelDesc, channelDesc,
          HANDLE_VDEC_CHANNEL, struct vdec, acldvppPixelFormat, out_format, PIXEL_FORMAT_UNKNOWN)
FIELD(OutPicWidth, uint32_t, outPicWidth, out_width, outPicWidth <= MEDIA_MAX_SIDE,
      "outPicWidth is %u; it is 0 (the stream's) to %d", outPicWidth, MEDIA_MAX_SIDE)
FIELD(OutPicHeight, uint32_t, outPicHeight, out_height, outPicHeight <= MEDIA_MAX_SIDE,
      "outPicHeight is %u; it is 0 (the stream's) to %d", outPicHeight, MEDIA_MAX_SIDE)
FIELD(OutMode, uint32_t, outMode, out_mode, outMode <= 1,
      "outMode is %u; it is 0 (order of display) or 1 (each frame at once)", outMode)
FIELD(BitDepth, uint32_t, bitDepth, bit_depth, bitDepth == 0,
      "bitDepth is %u; only streams of 8 bits are decoded, 0", bitDepth)
GETTER(aclvdecGetChannelDescRefFrameNum, const aclvdecChannelDesc, channelDesc,
       HANDLE_VDEC_CHANNEL, struct vdec, uint32_t, ref_frames)

aclError aclvdecSetChannelDescRefFrameNum(aclvdecChannelDesc *channelDesc, uint32_t refFrameNum) {
    const char *call = __func__;
    struct vdec *c = get(channelDesc, call);
    if (!c) return ACL_ERROR_INVALID_PARAM;
    aclError code = strict_call(call);
    if (code == ACL_SUCCESS && refFrameNum > 16)
        code = _pk_private.fail(ACL_ERROR_INVALID_PARAM, call, "refFrameNum is %u; it is 0 to 16",
                                refFrameNum);
    if (code == ACL_SUCCESS) atomic_store(&c->ref_frames, refFrameNum);
    _pk_private.handle_release(channelDesc);
    return code;
}

/* ---- parameters by number ---- */

#define NARROW(type, field) [type] = {#type, 4, offsetof(struct vdec, field)}
#define WIDE(type) [type] = {#type, 8, 0}
static const struct video_parameter parameters[] = {
    NARROW(ACL_VDEC_CSC_MATRIX_UINT32, csc),
    NARROW(ACL_VDEC_OUT_MODE_UINT32, out_mode),
    WIDE(ACL_VDEC_THREAD_ID_UINT64),
    WIDE(ACL_VDEC_CALLBACK_PTR),
    NARROW(ACL_VDEC_CHANNEL_ID_UINT32, channel_id),
    NARROW(ACL_VDEC_ENCODE_TYPE_UINT32, format),
    NARROW(ACL_VDEC_OUT_PIC_FORMAT_UINT32, out_format),
    NARROW(ACL_VDEC_OUT_PIC_WIDTH_UINT32, out_width),
    NARROW(ACL_VDEC_OUT_PIC_HEIGHT_UINT32, out_height),
    NARROW(ACL_VDEC_REF_FRAME_NUM_UINT32, ref_frames),
    NARROW(ACL_VDEC_BIT_DEPTH_UINT32, bit_depth),
};
enum { N_PARAMETERS = sizeof parameters / sizeof *parameters };

static SETTER(set_csc, aclvdecChannelDesc, channelDesc, HANDLE_VDEC_CHANNEL, struct vdec, uint32_t,
       matrix, csc, matrix < N_CSC, "param is %u; ACL_VDEC_CSC_MATRIX_UINT32 is below %d", matrix,
       N_CSC)

aclError aclvdecSetChannelDescParam(aclvdecChannelDesc *channelDesc,
                                    aclvdecChannelDescParamType paramType, size_t length,
                                    const void *param) {
    const char *call = __func__;
    if (!get(channelDesc, call)) return ACL_ERROR_INVALID_PARAM;
    _pk_private.handle_release(channelDesc);
    uint64_t wide;
    TRY(video_read_parameter(call, parameters, N_PARAMETERS, (int)paramType, length, param, &wide));
    uint32_t n = (uint32_t)wide;
    switch (paramType) {
    case ACL_VDEC_CSC_MATRIX_UINT32: return set_csc(channelDesc, n);
    case ACL_VDEC_OUT_MODE_UINT32: return aclvdecSetChannelDescOutMode(channelDesc, n);
    case ACL_VDEC_THREAD_ID_UINT64: return aclvdecSetChannelDescThreadId(channelDesc, wide);
    case ACL_VDEC_CALLBACK_PTR:
        return aclvdecSetChannelDescCallback(channelDesc, (aclvdecCallback)(uintptr_t)wide);
    case ACL_VDEC_CHANNEL_ID_UINT32: return aclvdecSetChannelDescChannelId(channelDesc, n);
    case ACL_VDEC_ENCODE_TYPE_UINT32:
        return aclvdecSetChannelDescEnType(channelDesc, (acldvppStreamFormat)n);
    case ACL_VDEC_OUT_PIC_FORMAT_UINT32:
        return aclvdecSetChannelDescOutPicFormat(channelDesc, (acldvppPixelFormat)n);
    case ACL_VDEC_OUT_PIC_WIDTH_UINT32: return aclvdecSetChannelDescOutPicWidth(channelDesc, n);
    case ACL_VDEC_OUT_PIC_HEIGHT_UINT32: return aclvdecSetChannelDescOutPicHeight(channelDesc, n);
    case ACL_VDEC_REF_FRAME_NUM_UINT32: return aclvdecSetChannelDescRefFrameNum(channelDesc, n);
    default: return aclvdecSetChannelDescBitDepth(channelDesc, n);
    }
}

aclError aclvdecGetChannelDescParam(const aclvdecChannelDesc *channelDesc,
                                    aclvdecChannelDescParamType paramType, size_t length,
                                    size_t *paramRetSize, void *param) {
    const char *call = __func__;
    struct vdec *c = get(channelDesc, call);
    if (!c) return ACL_ERROR_INVALID_PARAM;
    uint64_t wide = paramType == ACL_VDEC_CALLBACK_PTR ? (uintptr_t)atomic_load(&c->callback)
                                                       : atomic_load(&c->thread);
    aclError code = video_write_parameter(call, parameters, N_PARAMETERS, (int)paramType, length,
                                          c, wide, paramRetSize, param);
    _pk_private.handle_release(channelDesc);
    return code;
}

/* Reserved: nothing can be set in it. */
aclvdecFrameConfig *aclvdecCreateFrameConfig(void) {
    uint64_t *nothing;
    return dvpp_make(__func__, HANDLE_VDEC_FRAME, sizeof *nothing, (void **)&nothing);
}

aclError aclvdecDestroyFrameConfig(aclvdecFrameConfig *vdecFrameConfig) {
    return dvpp_drop(__func__, HANDLE_VDEC_FRAME, vdecFrameConfig, "vdecFrameConfig");
}

/* ---- callbacks ---- */

static void drop_unit(struct video_report *r) { _pk_private.mem_free(r); }

/* In the program's thread, where the sentence of a failure is put, too. */
static void call_back(struct video_report *r) {
    struct unit *u = (struct unit *)r;
    if (u->code != ACL_SUCCESS) _pk_private.fail(u->code, "aclvdecSendFrame", "%s", u->text);
    u->callback(u->input, u->output, u->user);
    _pk_private.mem_free(u);
}

static void set_code(struct unit *u, aclError code) {
    u->code = code;
    u->state = code == ACL_SUCCESS ? FILLED : FAILED;
    struct dvpp_pic *p = u->output ? _pk_private.handle_get(u->output, HANDLE_DVPP_PIC,
                                                            "aclvdecSendFrame", "output")
                                   : NULL;
    if (!p) return;
    atomic_store(&p->ret_code, (unsigned)code);
    if (code == ACL_SUCCESS) {
        atomic_store(&p->format, (unsigned)u->picture.format);
        atomic_store(&p->width, u->picture.width);
        atomic_store(&p->height, u->picture.height);
        atomic_store(&p->stride, u->picture.stride);
        atomic_store(&p->rows, u->picture.rows);
    }
    _pk_private.handle_release(u->output);
}

static void fail_unit(struct unit *u, aclError code, const char *text) {
    snprintf(u->text, sizeof u->text, "%.*s", CODEC_ERROR - 1, text);
    set_code(u, code);
}

/* Callbacks for what stands in front and is decided. */
static void report_all(struct vdec *c) {
    while (c->first && c->first->state != WAITING) {
        struct unit *u = c->first;
        c->first = u->next;
        if (!c->first) c->last = NULL;
        video_report(&c->video, &u->report);
    }
}

/* ---- frames ---- */

static struct unit *find(struct vdec *c, int64_t number) {
    struct unit *u = c->first;
    while (u && u->number != number) u = u->next;
    return u;
}

/* The first that waits for a frame. */
static struct unit *find_waiting(struct vdec *c) {
    struct unit *u = c->first;
    while (u && (u->state != WAITING || !u->output)) u = u->next;
    return u;
}

/* A unit that gives no frame: its own picture stays empty, or, where that has an earlier frame by
 * now, the next that waits. */
static void lose(struct vdec *c, int64_t number, aclError code, const char *text) {
    struct unit *u = find(c, number);
    if (!u || u->state != WAITING) u = find_waiting(c);
    if (u) fail_unit(u, code, text);
}

static void interleave(const uint8_t *u, const uint8_t *v, uint8_t *to, uint32_t n) {
    for (uint32_t i = 0; i < n; i++) {
        to[2 * i] = u[i];
        to[2 * i + 1] = v[i];
    }
}

/* A frame has an even number of samples of chroma, rounded up where its sides are odd. */
static void copy_frame(const struct codec_frame *f, const struct picture *to) {
    for (uint32_t row = 0; row < f->height; row++)
        memcpy(to->data + (size_t)row * to->stride, f->y + (ptrdiff_t)row * f->y_stride, f->width);
    const bool swapped = to->format == FORMAT_NV21;
    uint8_t *chroma = to->data + (size_t)to->stride * to->rows;
    for (uint32_t row = 0; row < (f->height + 1) / 2; row++) {
        const uint8_t *u = f->u + (ptrdiff_t)row * f->chroma_stride;
        const uint8_t *v = f->v + (ptrdiff_t)row * f->chroma_stride;
        interleave(swapped ? v : u, swapped ? u : v, chroma + (size_t)row * to->stride,
                   (f->width + 1) / 2);
    }
}

static uint32_t align(uint32_t n, uint32_t to) { return (n + to - 1) / to * to; }

/* Through a picture of the frame's own size. */
static enum media_status convert_frame(struct media *m, const struct codec_frame *f,
                                       const struct picture *to, enum csc csc) {
    struct picture own = {.format = FORMAT_NV12, .width = align(f->width, 2),
                          .height = align(f->height, 2)};
    own.stride = own.width;
    own.rows = own.height;
    own.bytes = (size_t)own.stride * own.rows * 3 / 2;
    own.data = m->alloc(own.bytes);
    if (!own.data)
        return media_fail(m, MEDIA_MEMORY, "no memory for a frame of %zu bytes", own.bytes);
    copy_frame(f, &own);
    enum media_status status =
        picture_transform(m, &own, (struct rect){0, 0, f->width & ~1U, f->height & ~1U}, to,
                          (struct rect){0, 0, to->width, to->height}, SCALE_BILINEAR, csc);
    m->free(own.data);
    return status;
}

static enum media_status put_frame(struct media *m, const struct settings *s,
                                   const struct codec_frame *f, struct picture *to) {
    to->format = s->format;
    to->width = s->width ? s->width : f->width;
    to->height = s->height ? s->height : f->height;
    /* Without a size of the channel's, the chip's NV12 of an odd frame is even. */
    if (format_info(s->format)->sub_x) {
        to->width = align(to->width, 2);
        to->height = align(to->height, 2);
    }
    if (!to->stride) to->stride = align(to->width, 16) * format_info(to->format)->bytes;
    if (!to->rows) to->rows = align(to->height, 2);
    MEDIA_TRY(picture_check(m, to, "output"));
    if (format_info(s->format)->sub_x && to->width == align(f->width, 2) &&
        to->height == align(f->height, 2))
        copy_frame(f, to);
    else
        MEDIA_TRY(convert_frame(m, f, to, s->csc));
    return MEDIA_OK;
}

static void take_frame(struct vdec *c, const struct codec_frame *f) {
    struct unit *own = find(c, f->number);
    c->came[f->number % N_RECENT] = true;
    if (own && !own->output) {
        set_code(own, ACL_SUCCESS);
        return;
    }
    struct unit *u = find_waiting(c);
    if (!u) return;
    struct media m = dvpp_media();
    aclError code = dvpp_fail("aclvdecSendFrame", &m, put_frame(&m, &c->now, f, &u->picture),
                              ACL_ERROR_FAILURE);
    if (code != ACL_SUCCESS) fail_unit(u, code, m.text);
    else if (f->is_damaged)
        fail_unit(u, ACL_ERROR_FAILURE, "the frame is damaged; what could be decoded is there");
    else set_code(u, ACL_SUCCESS);
}

static void take_frames(struct vdec *c, int64_t sent) {
    char error[CODEC_ERROR];
    struct codec_frame f;
    int status, failures = 0;
    while (failures < MOST_FAILURES && (status = c->codec->decoder_receive(c->decoder, &f, error)))
        if (status > 0) take_frame(c, &f);
        else {
            int64_t number = f.number >= 0 ? f.number : sent;
            failures++;
            if (number < 0 || c->came[number % N_RECENT]) continue;
            c->came[number % N_RECENT] = true;
            lose(c, number, ACL_ERROR_FAILURE, error);
        }
}

/* ---- units ---- */

/* Whether there is a slice among the NAL units of an access unit (Annex B). */
static bool has_slice(const uint8_t *data, size_t n, bool is_h265) {
    for (size_t i = 0; i + 3 < n; i++) {
        if (data[i] || data[i + 1] || data[i + 2] != 1) continue;
        int type = is_h265 ? data[i + 3] >> 1 & 63 : data[i + 3] & 31;
        if (is_h265 ? type < 32 : type >= 1 && type <= 5) return true;
        i += 2;
    }
    return false;
}

struct send {
    struct job job;
    struct vdec *channel;
    struct unit *unit; /* NULL: only the end */
    const void *data;
    uint32_t bytes;
    bool is_end;
};

static void decode_unit(struct vdec *c, struct unit *u, const void *data, uint32_t bytes) {
    char error[CODEC_ERROR];
    u->number = c->n_sent++;
    if (c->last) c->last->next = u;
    else c->first = u;
    c->last = u;
    int64_t late = u->number - MOST_DELAY;
    if (late >= 0 && !c->came[late % N_RECENT]) {
        c->came[late % N_RECENT] = true;
        lose(c, late, ACL_ERROR_FAILURE, "no frame came of the data; it is damaged, or what it "
                                         "refers to is missing");
    }
    bool *came = &c->came[u->number % N_RECENT];
    *came = !has_slice(data, bytes, atomic_load(&c->format) == H265_MAIN_LEVEL);
    if (*came)
        lose(c, u->number, ACL_ERROR_FAILURE, "there is no frame in the data; one whole access "
                                              "unit is sent at once");
    uint64_t room = c->now.width || c->now.height || !u->output ? UINT64_MAX : u->picture.bytes;
    if (c->codec->decoder_send(c->decoder, data, bytes, u->number, room, error) && !*came) {
        *came = true;
        lose(c, u->number, ACL_ERROR_FAILURE, error);
    }
    take_frames(c, u->number);
}

static void end_stream(struct vdec *c) {
    char error[CODEC_ERROR];
    struct unit *u;
    c->codec->decoder_send(c->decoder, NULL, 0, 0, 0, error);
    take_frames(c, -1);
    for (u = c->first; u; u = u->next)
        if (u->state == WAITING)
            fail_unit(u, ACL_ERROR_FAILURE,
                      "no frame came of the data before the end of the stream");
    c->codec->decoder_restart(c->decoder);
    for (int i = 0; i < N_RECENT; i++) c->came[i] = true;
}

/* Failures are the frame's, so the stream goes on. */
static aclError run_send(struct job *j) {
    struct send *s = (struct send *)j;
    struct vdec *c = s->channel;
    struct unit *u = s->unit;
    s->unit = NULL;
    if (atomic_load(&c->video.is_closing)) {
        _pk_private.mem_free(u);
        return ACL_SUCCESS;
    }
    if (u) decode_unit(c, u, s->data, s->bytes);
    if (s->is_end) end_stream(c);
    report_all(c);
    return ACL_SUCCESS;
}

static void drop_send(struct job *j) {
    struct send *s = (struct send *)j;
    _pk_private.mem_free(s->unit);
    video_end_task(&s->channel->video);
}

/* Queues what is sent; the unit goes with it in any case. */
static aclError submit(const char *call, aclvdecChannelDesc *channelDesc, struct vdec *c,
                       const struct send *sent, struct unit *unit, bool is_last) {
    struct send *s = job_create(call, sizeof *s, 1, run_send);
    aclError code = s ? video_begin_task(call, &c->video, is_last) : ACL_ERROR_BAD_ALLOC;
    if (code != ACL_SUCCESS) {
        if (s) job_drop(&s->job);
        _pk_private.mem_free(unit);
        return code;
    }
    job_hold(&s->job, channelDesc, HANDLE_VDEC_CHANNEL, "channelDesc");
    s->job.drop = drop_send;
    s->channel = c;
    s->unit = unit;
    s->data = sent->data;
    s->bytes = sent->bytes;
    s->is_end = sent->is_end;
    return job_submit(&s->job, c->video.work);
}

static aclError make_unit(const char *call, const struct vdec *c, const acldvppStreamDesc *input,
                          const acldvppPicDesc *output, void *user, struct unit **out) {
    struct picture picture = {0};
    if (output) {
        struct dvpp_pic *p = dvpp_get(output, HANDLE_DVPP_PIC, call, "output");
        if (!p) return ACL_ERROR_INVALID_PARAM;
        picture = pic_copy(p);
        _pk_private.handle_release(output);
        CHECK(picture.data, ACL_ERROR_INVALID_PARAM,
              "output has no memory; call acldvppSetPicDescData");
        TRY(_pk_private.memory_check(call, "output", picture.data, picture.bytes));
    }
    struct unit *u = _pk_private.mem_alloc(sizeof *u);
    CHECK(u, ACL_ERROR_BAD_ALLOC, "no memory for a frame's callback");
    *u = (struct unit){.report = {.call = call_back, .drop = drop_unit},
                       .input = (acldvppStreamDesc *)(uintptr_t)input,
                       .output = (acldvppPicDesc *)(uintptr_t)output,
                       .picture = picture,
                       .user = user,
                       .callback = c->now.callback};
    *out = u;
    return ACL_SUCCESS;
}

/* That it is NULL or what it should be. */
static aclError check_handle(const char *call, const void *handle, enum handle_kind kind,
                             const char *argument) {
    if (!handle) return ACL_SUCCESS;
    if (!dvpp_get(handle, kind, call, argument)) return ACL_ERROR_INVALID_PARAM;
    _pk_private.handle_release(handle);
    return ACL_SUCCESS;
}

/* What is to be sent, checked: *s and, unless it is only the end, *unit. */
static aclError check_send(const char *call, struct vdec *c, const acldvppStreamDesc *input,
                           const acldvppPicDesc *output, bool is_skipped, void *user,
                           struct send *s, struct unit **unit) {
    struct dvpp_stream *in = dvpp_get(input, HANDLE_DVPP_STREAM, call, "input");
    if (!in) return ACL_ERROR_INVALID_PARAM;
    s->data = atomic_load(&in->data);
    s->bytes = atomic_load(&in->size);
    s->is_end = atomic_load(&in->eos);
    _pk_private.handle_release(input);
    if (!s->data) s->bytes = 0;
    CHECK(output || is_skipped || !s->bytes, ACL_ERROR_INVALID_PARAM, "output is NULL");
    TRY(check_handle(call, output, HANDLE_DVPP_PIC, "output"));
    TRY(video_need_open(call, &c->video));
    CHECK(s->bytes || s->is_end, ACL_ERROR_INVALID_PARAM,
          "input has no data; only the end of the stream (acldvppSetStreamDescEos) is empty");
    CHECK(!is_skipped || !s->is_end, ACL_ERROR_INVALID_PARAM,
          "input is the end of the stream, which is not skipped; send it with aclvdecSendFrame");
    if (s->is_end) TRY(video_may_wait(call, &c->video));
    if (!s->bytes) return ACL_SUCCESS;
    CHECK(s->bytes <= MOST_INPUT, ACL_ERROR_STORAGE_OVER_LIMIT,
          "input has %u bytes; an access unit has at most %d", s->bytes, MOST_INPUT);
    TRY(_pk_private.memory_check(call, "input", s->data, s->bytes));
    return make_unit(call, c, input, output, user, unit);
}

static aclError send(const char *call, aclvdecChannelDesc *channelDesc, acldvppStreamDesc *input,
                     acldvppPicDesc *output, bool is_skipped, const aclvdecFrameConfig *config,
                     void *user) {
    struct send checked = {0};
    struct unit *unit = NULL;
    TRY(dvpp_check(call));
    TRY(_pk_private.need_started(call));
    TRY(check_handle(call, config, HANDLE_VDEC_FRAME, "config"));
    struct vdec *c = get(channelDesc, call);
    if (!c) return ACL_ERROR_INVALID_PARAM;
    aclError code = check_send(call, c, input, output, is_skipped, user, &checked, &unit);
    if (code == ACL_SUCCESS) code = submit(call, channelDesc, c, &checked, unit, false);
    if (code == ACL_SUCCESS && checked.is_end) code = video_wait_tasks(call, &c->video, 1);
    _pk_private.handle_release(channelDesc);
    return code;
}

aclError aclvdecSendFrame(aclvdecChannelDesc *channelDesc, acldvppStreamDesc *input,
                          acldvppPicDesc *output, aclvdecFrameConfig *config, void *userData) {
    return send(__func__, channelDesc, input, output, false, config, userData);
}

aclError aclvdecSendSkippedFrame(aclvdecChannelDesc *channelDesc, acldvppStreamDesc *input,
                                 aclvdecFrameConfig *config, void *userData) {
    return send(__func__, channelDesc, input, NULL, true, config, userData);
}

/* ---- channels ---- */

static aclError open_channel(const char *call, struct video *v) {
    struct vdec *c = (struct vdec *)v;
    char error[CODEC_ERROR];
    c->now = (struct settings){.format = (int)atomic_load(&c->out_format),
                               .width = atomic_load(&c->out_width),
                               .height = atomic_load(&c->out_height),
                               .csc = (enum csc)atomic_load(&c->csc),
                               .callback = atomic_load(&c->callback)};
    CHECK(c->now.callback, ACL_ERROR_INVALID_PARAM,
          "channelDesc has no callback; call aclvdecSetChannelDescCallback");
    CHECK(!c->now.width == !c->now.height, ACL_ERROR_INVALID_PARAM,
          "channelDesc has %u x %u as the size of frames; set both sides, or none for the stream's",
          c->now.width, c->now.height);
    TRY(strict_video(call, atomic_load(&c->channel_id), c->now.format, c->now.width));
    TRY(codec_load(call, &c->codec));
    const struct decoder_settings settings = {
        .is_h265 = atomic_load(&c->format) == H265_MAIN_LEVEL,
        .low_delay = atomic_load(&c->out_mode) == 1};
    c->decoder = c->codec->decoder_create(&settings, error);
    CHECK(c->decoder, ACL_ERROR_FEATURE_UNSUPPORTED, "%s", error);
    aclError code = video_open(call, &c->video, atomic_load(&c->thread));
    if (code != ACL_SUCCESS) {
        c->codec->decoder_destroy(c->decoder);
        c->decoder = NULL;
    }
    c->n_sent = 0;
    for (int i = 0; i < N_RECENT; i++) c->came[i] = true;
    return code;
}

static aclError end_channel(const char *call, struct video *v, void *channelDesc) {
    return submit(call, channelDesc, (struct vdec *)v, &(struct send){.is_end = true}, NULL, true);
}

static void close_channel(struct video *v) {
    struct vdec *c = (struct vdec *)v;
    while (c->first) {
        struct unit *u = c->first;
        c->first = u->next;
        _pk_private.mem_free(u);
    }
    c->last = NULL;
    c->codec->decoder_destroy(c->decoder);
    c->decoder = NULL;
}

static const struct video_kind kind = {HANDLE_VDEC_CHANNEL, open_channel, end_channel,
                                       close_channel};

aclError aclvdecCreateChannel(aclvdecChannelDesc *channelDesc) {
    return video_create_channel(__func__, &kind, channelDesc);
}

aclError aclvdecDestroyChannel(aclvdecChannelDesc *channelDesc) {
    return video_destroy_channel(__func__, &kind, channelDesc);
}
