/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What decoding (vdec.c) and encoding (venc.c) of video share. A channel has two streams: on one
 * its work runs in the order it was sent, on the other the program's callbacks, which the thread
 * the channel names takes with aclrtProcessReport. Everything else a channel has belongs to the
 * task that runs, and needs no lock; only the list of callbacks under way has one.
 */
#ifndef PK_ACL_DVPP_VIDEO_H
#define PK_ACL_DVPP_VIDEO_H

#include <pthread.h>

#include "acl/codec/codec.h"
#include "acl/dvpp/dvpp.h"

/* The largest piece of a stream taken at once. */
enum { MOST_INPUT = 64 << 20 };

struct video_report;

enum video_state { VIDEO_CLOSED, VIDEO_OPENING, VIDEO_OPEN, VIDEO_CLOSING, VIDEO_DROPPED };

/* The first member of a channel's description; the lock is there as long as the description. */
struct video {
    _Atomic(enum video_state) state;
    atomic_bool is_closing; /* nothing waits any more, and tasks do nothing */
    _Atomic(uint64_t) thread;
    aclrtStream work, reports;
    pthread_mutex_t lock;
    /* Guarded by the lock: callbacks that have not begun, how many are not over, and whether one
     * runs; tasks that are not over, and whether one waits for callbacks; threads that wait for
     * tasks; how often any of it changed. */
    struct video_report *first;
    unsigned n_reports, n_tasks, n_waiters;
    bool is_calling, is_held;
    uint64_t n_changes;
    pthread_cond_t changed;
};

/* A callback on its way. `call` and `drop` are the owner's; one of them takes it. */
struct video_report {
    struct video_report *next;
    struct video *video;
    void (*call)(struct video_report *r);
    void (*drop)(struct video_report *r);
};

/* FFmpeg's codecs, loaded at the first use. */
aclError codec_load(const char *call, const struct codec_api **out);

/* Descriptions of channels, of a size that begins with a struct video; destroy() is of what a
 * description has besides. */
void *video_create_desc(const char *call, enum handle_kind kind, size_t bytes, void **object,
                        void (*destroy)(void *object));
aclError video_destroy_desc(const char *call, enum handle_kind kind, void *channelDesc);
/* For destroy(): of what video_create_desc() made, the memory too. */
void video_free(struct video *v);

/* What differs between the channels of VDEC and VENC. */
struct video_kind {
    enum handle_kind kind;
    aclError (*open)(const char *call, struct video *v); /* calls video_open() last */
    aclError (*end)(const char *call, struct video *v, void *channelDesc); /* queues the end */
    void (*close)(struct video *v); /* of what is left when no task and no callback runs */
};
aclError video_create_channel(const char *call, const struct video_kind *k, void *channelDesc);
aclError video_destroy_channel(const char *call, const struct video_kind *k, void *channelDesc);
/* Makes the streams and subscribes the thread to one of them. */
aclError video_open(const char *call, struct video *v, uint64_t thread);

/* A task is about to be queued, which an open channel takes, and one that closes only for its own
 * end; it is over, or was never queued. */
aclError video_begin_task(const char *call, struct video *v, bool is_last);
void video_end_task(struct video *v);
/* That there is a channel. */
aclError video_need_open(const char *call, const struct video *v);
/* Waits until fewer than this many tasks are not over, and for 1, until all callbacks have run.
 * Fails when callbacks wait and their thread takes none of them for some seconds. */
aclError video_wait_tasks(const char *call, struct video *v, unsigned most);
/* Queues a callback, which is taken in any case. */
void video_report(struct video *v, struct video_report *r);
/* That the caller may wait for callbacks: that it is not the thread that runs them. */
aclError video_may_wait(const char *call, const struct video *v);

/* In a task of the channel: waits until the callbacks before are over, or the channel closes. */
void video_wait_reports(struct video *v);

/* Values of parameters that are set and read by number. */
struct video_parameter {
    const char *name;
    size_t bytes;
    size_t place; /* of an atomic_uint in the channel's description, where there are 4 bytes */
};
/* The value that is to be set, checked but for its range. */
aclError video_read_parameter(const char *call, const struct video_parameter *table, size_t n,
                              int type, size_t length, const void *param, uint64_t *value);
/* Gives the program a value: that at its place, or `wide` where it has 8 bytes. */
aclError video_write_parameter(const char *call, const struct video_parameter *table, size_t n,
                               int type, size_t length, const void *channel, uint64_t wide,
                               size_t *param_size, void *param);

#endif
