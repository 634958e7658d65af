/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of libacl_dvpp.so share. The library does three things: it keeps descriptions
 * behind handles (descs.c, configs.c, channel.c), checks and copies them at the call, and queues
 * the work on the call's stream (vpc.c, codec.c). The pixels are src/media's.
 *
 * A task owns a struct job; the handles in it stay acquired until the task is over, so that a
 * description may be destroyed while its picture is being made.
 */
#ifndef PK_ACL_DVPP_H
#define PK_ACL_DVPP_H

#include <stdatomic.h>

#include "acl/ops/acl_dvpp.h"
#include "acl/private.h"
#include "media/media.h"

#define FAIL(code, ...) return _pk_private.fail((code), call, __VA_ARGS__)
#define CHECK(condition, code, ...)                                                                \
    do {                                                                                           \
        if (!(condition)) FAIL((code), __VA_ARGS__);                                               \
    } while (0)
#define TRY(expression)                                                                            \
    do {                                                                                           \
        aclError try_code_ = (expression);                                                         \
        if (try_code_ != ACL_SUCCESS) return try_code_;                                            \
    } while (0)

/* ---- objects behind handles ---- */

/* Written by the task that makes the picture, and read by the program, which waits for the stream
 * in between, or does not. */
struct dvpp_pic {
    _Atomic(void *) data;
    atomic_uint size, format, width, height, stride, rows, ret_code;
    bool is_of_batch;
};

enum { MAX_BATCH = 4096 };

struct dvpp_batch {
    uint32_t n;
    void *pics[]; /* handles */
};

struct dvpp_channel {
    atomic_bool is_open;
    atomic_uint mode, csc, precision, height, width;
};

struct dvpp_stream {
    _Atomic(void *) data;
    atomic_uint size, format, eos, ret_code;
    _Atomic(uint64_t) timestamp;
};

struct dvpp_roi { /* right and bottom are the last inside */
    atomic_uint left, right, top, bottom;
};

struct dvpp_border {
    atomic_uint left, right, top, bottom, type;
    _Atomic(double) value[4];
};

struct dvpp_lut {
    uint8_t table[3][256];
};

struct dvpp_hist {
    uint32_t counts[3][256];
    atomic_uint n_channels, ret_code;
};

/* ---- handles ---- */

/* That both libraries are of one build. */
aclError dvpp_check(const char *call);
/* A zeroed object of `bytes` behind a handle; NULL with a sentence. */
void *dvpp_make(const char *call, enum handle_kind kind, size_t bytes, void **object);
/* The same for an object that destroy() takes apart and frees. */
void *dvpp_make_with(const char *call, enum handle_kind kind, size_t bytes, void **object,
                     void (*destroy)(void *object));
aclError dvpp_drop(const char *call, enum handle_kind kind, const void *handle,
                   const char *argument);
/* The object, acquired, or NULL with a sentence. */
void *dvpp_get(const void *handle, enum handle_kind kind, const char *call, const char *argument);

/* A setter of one atomic field, whose argument must satisfy `condition`. */
#define SETTER(function, type, handle_name, kind, object_type, value_type, value, field,           \
               condition, ...)                                                                     \
    aclError function(type *handle_name, value_type value) {                                       \
        const char *call = __func__;                                                               \
        object_type *o = dvpp_get(handle_name, kind, call, #handle_name);                          \
        if (!o) return ACL_ERROR_INVALID_PARAM;                                                    \
        bool is_good = (condition);                                                                \
        if (is_good) atomic_store(&o->field, value);                                               \
        _pk_private.handle_release(handle_name);                                                   \
        CHECK(is_good, ACL_ERROR_INVALID_PARAM, __VA_ARGS__);                                      \
        return ACL_SUCCESS;                                                                        \
    }
#define GETTER(function, type, handle_name, kind, object_type, value_type, field)                  \
    GETTER_OR(function, type, handle_name, kind, object_type, value_type, field, (value_type)0)
#define GETTER_OR(function, type, handle_name, kind, object_type, value_type, field, none)         \
    value_type function(type *handle_name) {                                                       \
        object_type *o = dvpp_get(handle_name, kind, __func__, #handle_name);                      \
        if (!o) return none;                                                                       \
        value_type value = (value_type)atomic_load(&o->field);                                     \
        _pk_private.handle_release(handle_name);                                                   \
        return value;                                                                              \
    }

/* ---- chips ---- */

enum chip { CHIP_310, CHIP_310P, CHIP_310B };
/* The chip whose strides a decoder gives: that of PRUSIK_STRICT or else of PRUSIK_SOC. */
enum chip dvpp_chip(void);
/* Fails for a value of PRUSIK_STRICT that is no chip. */
aclError dvpp_strict(const char *call, bool *is_strict);

/* Rules of the chip that PRUSIK_STRICT names; success without it. `what` begins sentences. */
aclError strict_call(const char *call); /* of calls that the 310 has not */
aclError strict_input(const char *call, const char *what, const struct picture *p);
aclError strict_output(const char *call, const char *what, const struct picture *p);
aclError strict_area(const char *call, const char *what, struct rect r, bool is_paste);
aclError strict_scale(const char *call, struct rect from, struct rect to);
aclError strict_batch(const char *call, uint32_t n_areas);
aclError strict_encode(const char *call, const char *what, const struct picture *p);
aclError strict_jpeg(const char *call, const struct jpeg_info *i);
aclError strict_png(const char *call, const struct png_info *i);
/* An open channel of VDEC: its number, and the format and width of frames (0: the stream's). */
aclError strict_video(const char *call, uint32_t number, int format, uint32_t width);
/* What a decoder writes to; columns is what its width stride is a multiple of, in pixels. */
aclError strict_decoded(const char *call, const char *what, const struct picture *p,
                        uint32_t columns);

/* ---- jobs ---- */

enum { MAX_HELD = 2 };

struct job {
    aclError (*run)(struct job *j);
    void (*drop)(struct job *j); /* releases what else it has; may be NULL */
    const char *call;
    struct media media;
    size_t n_held;
    void **held; /* handles to release */
};

/* A zeroed job of `bytes`, with room for held handles; NULL with a sentence. */
void *job_create(const char *call, size_t bytes, size_t max_held, aclError (*run)(struct job *j));
/* Releases what the job holds and the job itself. */
void job_drop(struct job *j);
/* Queues a job, which is the stream's from then on, also on failure. */
aclError job_submit(struct job *j, aclrtStream stream);
/* The object of a handle, kept until the job is over. */
void *job_hold(struct job *j, const void *handle, enum handle_kind kind, const char *argument);
/* A failure of src/media as one of the call. */
aclError job_fail(struct job *j, enum media_status status, aclError for_files);
aclError dvpp_fail(const char *call, const struct media *m, enum media_status status,
                   aclError for_files);
struct media dvpp_media(void);

/* What a channel says at a call. */
struct channel_now {
    uint32_t mode, csc, precision;
};
/* The channel, which must be open and serve `mode`; and a context. */
aclError dvpp_need_channel(const char *call, const acldvppChannelDesc *channelDesc, uint32_t mode,
                           struct channel_now *out);

/* A copy of what a description says now. */
struct picture pic_copy(const struct dvpp_pic *p);

#endif
