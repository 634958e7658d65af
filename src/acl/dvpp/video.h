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

struct video {
    atomic_bool is_open, is_closing;
    uint64_t thread;
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

/* Makes the streams and subscribes the thread to one of them. */
aclError video_open(const char *call, struct video *v, uint64_t thread);
/* That a channel is there to close, and this thread may wait for it; it is not open any more. */
aclError video_may_close(const char *call, struct video *v);
/* Waits for what runs, drops the callbacks that have not run (video_wait_tasks comes before), and
 * destroys the streams. */
void video_close(struct video *v);
/* A task is about to be queued; it is over, or was never queued. */
void video_begin_task(struct video *v);
void video_end_task(struct video *v);
/* Waits until fewer than this many tasks are not over, and for 1, until all callbacks have run.
 * Fails when callbacks wait and their thread takes none of them for some seconds. */
aclError video_wait_tasks(const char *call, struct video *v, unsigned most);
/* Queues a callback, which is taken in any case. */
void video_report(struct video *v, struct video_report *r);
/* That the caller may wait for callbacks: that it is not the thread that runs them. */
aclError video_may_wait(const char *call, const struct video *v);

/* In a task of the channel: waits until the callbacks before are over, or the channel closes. */
void video_wait_reports(struct video *v);

/* Values of parameters that are set and read by number. video_parameter() checks either call. */
struct video_parameter {
    const char *name;
    size_t bytes;
};
aclError video_parameter(const char *call, const struct video_parameter *table, size_t n, int type,
                         size_t length, const void *param);

#endif
