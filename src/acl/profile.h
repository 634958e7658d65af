/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Profiling: what a process did and when, kept in memory while it runs and written when it ends.
 *
 * A session is opened by aclprofInit, the section `profiler` of aclInit's configuration, or
 * PRUSIK_TRACE; it records between start and stop, and close writes it (profile_write.c). Whoever
 * has something to record asks profile_wants() first, which is one load of an atomic. Apart from
 * sessions, the steps of single models go to subscribers through pipes (profile_pipe.c).
 *
 * All times are CLOCK_MONOTONIC in nanoseconds.
 */
#ifndef PK_ACL_PROFILE_H
#define PK_ACL_PROFILE_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include "acl/acl_prof.h"
#include "base/arena.h"

struct instance;
struct json_t;

/* ACL_PROF_* that ask for one thing. */
#define PROFILE_CALLS (ACL_PROF_ACL_API | ACL_PROF_RUNTIME_API)
#define PROFILE_RUNS  (ACL_PROF_TASK_TIME | ACL_PROF_TASK_TIME_L0 | ACL_PROF_TASK_TIME_L2)
#define PROFILE_NOTES ACL_PROF_MSPROFTX
#define PROFILE_STEPS ACL_PROF_TRAINING_TRACE

/* ---- what a session holds ---- */

/* What there is to say about the steps of a program, once for all its runs. */
struct profile_ops {
    struct profile_ops *next;
    uint64_t owner, serial; /* the key */
    uint32_t model;         /* id */
    const char *model_name;
    int n;
    struct profile_op_text {
        const char *node, *op, *kernel;
        const char *shapes[2], *types[2], *formats[2]; /* of inputs and outputs: "1,3,8,8;16" */
        int64_t macs;
        int n_tiles;
    } *ops;
};

enum profile_kind { PROFILE_CALL, PROFILE_RUN, PROFILE_MARK, PROFILE_PUSH, PROFILE_RANGE,
                    PROFILE_STEP };

struct profile_record {
    struct profile_record *next;
    enum profile_kind kind;
    int device;
    uint32_t thread; /* that began it */
    uint32_t stream; /* 0: in the thread itself */
    uint32_t task;   /* of a run; number of a range or step */
    const char *name; /* call, message */
    int64_t begin, end;
    const struct profile_ops *ops; /* of a run */
    const int64_t *times;          /* begin and end of each step of it */
};

struct profile_recording {
    struct arena arena;
    struct profile_record *first, **last;
    struct profile_ops *ops;
    uint64_t n_dropped;    /* for which there was no room */
    int64_t start;         /* of the session */
    int64_t epoch_offset;  /* from our times to those since 1970 */
};

/* ---- the session; part of the runtime object ---- */

enum profile_owner { PROFILE_NOBODY, PROFILE_PROGRAM, PROFILE_CONFIGURATION };

struct profile_open_range {
    struct profile_open_range *next;
    enum profile_kind kind;
    int device;
    uint32_t thread, number, stream;
    int64_t begin;
    char message[];
};

struct profile {
    atomic_uint_fast64_t types; /* ACL_PROF_* now recorded; 0: stopped */
    atomic_int n_subscribers;

    pthread_mutex_t lock;
    enum profile_owner owner;
    bool is_file;  /* `path` is a trace; else a folder for folders */
    char *path;
    uint64_t start_types, start_devices; /* of profile_start */
    uint64_t storage_bytes;              /* 0: the default */
    struct profile_recording *recording;
    struct profile_open_range *open; /* the newest first */
    int n_open;
    uint32_t last_range;

    pthread_mutex_t pipe_lock; /* of the subscribers */
    struct profile_subscriber *subscribers;
};

/* ---- sessions; each fails with the reason recorded ---- */

aclError profile_open(const char *call, const char *path);
aclError profile_start(const char *call, uint64_t types, uint64_t devices);
aclError profile_stop(const char *call, uint64_t types, uint64_t devices);
aclError profile_close(const char *call);
aclError profile_set_storage(const char *call, uint64_t megabytes);
/* The section `profiler` of a configuration, and PRUSIK_TRACE. */
aclError profile_configure(const char *call, const char *path, const struct json_t *root);
aclError profile_configure_trace(const char *call);
/* Ends everything; inside aclFinalize, before devices go. */
void profile_reset(void);

/* ---- recording ---- */

static inline int64_t profile_now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}
uint32_t profile_thread(void);
bool profile_wants(uint64_t types);

/* In a function: its call, from here to the end of the block, is recorded. */
struct profile_scope {
    const char *call; /* NULL: not wanted */
    int64_t begin;
};
static inline struct profile_scope profile_scope_begin(const char *call) {
    if (!profile_wants(PROFILE_CALLS)) return (struct profile_scope){0};
    return (struct profile_scope){call, profile_now()};
}
void profile_scope_end(struct profile_scope *scope);
#define PROFILE_SCOPE(call)                                                                        \
    struct profile_scope profile_scope_ __attribute__((cleanup(profile_scope_end), unused)) =      \
        profile_scope_begin(call)

/* Whose run it is. */
struct profile_subject {
    uint64_t key; /* a model's id, or, beyond 32 bits, the number of an operator made ready */
    const char *name;
    int device;
};
#define PROFILE_OPERATOR ((uint64_t)1 << 32)

/* Whether the steps of a run are to be timed; then profile_run tells it when it is over. */
bool profile_wants_run(void);
void profile_run(const struct profile_subject *of, const struct instance *run, uint32_t stream,
                 uint32_t task, int64_t begin);

/* ---- notes of the program ---- */

aclError profile_mark(const char *call, const char *message);
/* A range of this thread (PROFILE_PUSH), ended by profile_pop; or one with a number. */
aclError profile_range_begin(const char *call, enum profile_kind kind, const char *message,
                             uint32_t *number);
aclError profile_pop(const char *call);
aclError profile_range_end(const char *call, uint32_t number);
/* Begin or end of step `number`, when the stream comes to it. */
aclError profile_step(const char *call, uint32_t number, bool is_end, aclrtStream stream);

/* ---- subscribers; profile_pipe.c ---- */

/* What comes out of the pipe for each step of a run; the aclprofGetOp* functions read it. */
struct profile_op {
    uint64_t begin_ns, end_ns; /* 0 without times */
    uint32_t model;
    char thread[12]; /* its number as text */
    char type[ACL_PROF_MAX_OP_TYPE_LEN];
    char name[ACL_PROF_MAX_OP_NAME_LEN];
};

/* `descriptor` stays the program's; a copy is used. */
aclError profile_subscribe(const char *call, uint32_t model, bool with_times, int descriptor);
aclError profile_unsubscribe(const char *call, uint32_t model);
void profile_unsubscribe_all(void);
void profile_publish(uint32_t model, const struct instance *run);

#endif
