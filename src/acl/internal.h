/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of libascendcl share: the runtime object, failures, devices and contexts, streams,
 * memory. All mutable state of the library lives in `runtime`, except each thread's current context
 * and last failure.
 */
#ifndef PK_ACL_INTERNAL_H
#define PK_ACL_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <time.h>

#include "acl/acl.h"
#include "acl/acl_dump.h"
#include "acl/check.h"
#include "acl/handle.h"
#include "acl/memory.h"
#include "acl/private.h"
#include "acl/profile.h"
#include "base/cpu.h"
#include "base/status.h"

enum { MAX_DEVICES = 64, MAX_EXCEPTIONS = 16 };

struct device; /* exec/model.h: the worker pool */
struct stream;
struct model_info;
struct dump_settings; /* dump.c */
struct op_model;      /* op.h */
struct op_file;       /* op_files.c */
struct op_args;       /* op_args.c */
struct json_t;

/* ---- failures; error.c ---- */

/* Records the sentence "CALL: ..." for this thread and returns `code`. */
aclError acl_fail(aclError code, const char *call, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* The same with the sentence a function of the core has left. */
aclError acl_fail_status(enum status status, const char *call);
/* The same with a sentence recorded elsewhere: by a task of a stream. */
aclError acl_fail_again(aclError code, const char *sentence);
const char *acl_last_failure(void);
void acl_keep_sentence(const char *sentence); /* as the last failure's, without a new failure */
/* The code that stands for a failure of the core, outside of loading and running models. */
aclError acl_code(enum status status);

#define ACL_FAIL(code, ...) return acl_fail((code), __func__, __VA_ARGS__)
#define ACL_CHECK(condition, code, ...)                                                            \
    do {                                                                                           \
        if (__builtin_expect(!(condition), 0)) ACL_FAIL((code), __VA_ARGS__);                      \
    } while (0)
#define ACL_TRY(expression)                                                                        \
    do {                                                                                           \
        aclError try_code_ = (expression);                                                         \
        if (__builtin_expect(try_code_ != ACL_SUCCESS, 0)) return try_code_;                       \
    } while (0)
/* An argument that must not be NULL. */
#define ACL_NEED(argument)                                                                         \
    ACL_CHECK((argument) != NULL, ACL_ERROR_INVALID_PARAM, "%s is NULL", #argument)

/* A line of the library's own in the log. */
void acl_log(aclLogLevel level, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* ---- the runtime; init.c ---- */

struct acl_device {
    struct core_set cores; /* of its threads, one worker each; none: any, as many as allowed */
    int set_count;         /* aclrtSetDevice less aclrtResetDevice */
    void *default_context; /* NULL: none */
    struct device *exec;   /* made for the first model */
    int n_users;           /* models that use `exec` */
};

struct runtime {
    struct handle_table handles;
    struct memory_map memory;

    pthread_mutex_t lock; /* of what follows, up to the next lock */
    atomic_bool started;  /* between aclInit and aclFinalize */
    bool was_started;
    bool forked; /* a child of a process that had started: nothing works; fork.c */
    atomic_bool ending; /* inside aclFinalize: nothing may wait for what will not come */
    int n_devices;
    struct acl_device devices[MAX_DEVICES];
    atomic_uint next_context_id, next_stream_id, next_task_id;
    _Atomic(aclrtExceptionInfoCallback) exception_callback;
    atomic_uint op_wait_timeout_s, op_execute_timeout_s; /* 0: for ever */
    atomic_int default_device; /* of threads that name none: its number + 1; 0: there is none */

    atomic_bool sentences_are_shared; /* aclGetRecentErrMsg tells of the process's last failure */
    pthread_mutex_t sentence_lock;
    struct sentence {
        char text[2048];
        aclError code; /* 0 where none belongs to it */
    } sentence;

    /* One lock for all events, callbacks and channels: all are rare, and waiting for any must end
     * when a stream is torn down or AscendCL ends. */
    pthread_mutex_t sync_lock;
    pthread_cond_t sync_changed;
    struct report_thread *report_threads;
    struct tdt_channel *tdt_channels;

    struct tdt_queues { /* tdt_queue.h */
        pthread_mutex_t lock;
        pthread_cond_t changed;
        struct tdt_queue *queues;
        struct tdt_binding *bindings;
        uint32_t last_id;
    } tdt;

    pthread_rwlock_t models_lock;
    struct loaded_model {
        uint32_t id;
        void *handle;
    } *models; /* ascending ids */
    int n_models, cap_models;
    uint32_t last_model_id; /* never given out again in this process */

    pthread_mutex_t ops_lock;
    struct op_model *op_models; /* single operators made ready, the one last used first */
    uint64_t n_op_models, max_op_models;
    atomic_uint_fast64_t last_op_number;
    struct op_args *op_args;            /* NULL: nobody asks what is called */
    atomic_bool op_args_on;
    struct op_file *op_files;           /* their offline models, the newest first */
    char *op_options[N_OP_OPTIONS]; /* NULL: not set */

    pthread_mutex_t vmm_lock;
    struct reservation *reservations; /* vmm.c */

    pthread_mutex_t exceptions_lock;
    struct exception {
        uint32_t device, stream, task, thread, code;
        struct model_info *info; /* of the model that failed */
    } exceptions[MAX_EXCEPTIONS]; /* the newest ones, for aclmdlCreateAndGetOpDesc */
    unsigned n_exceptions;        /* ever; entry i lies at i % MAX_EXCEPTIONS */

    pthread_mutex_t dump_lock;
    bool dump_is_on;                     /* by aclInit or aclmdlInitDump */
    atomic_bool dump_operators, dump_failures; /* any settings want them: looked at every run */
    struct dump_settings *dump_settings; /* the newest first */
    int32_t (*dump_callback)(const acldumpChunk *, int32_t);
    int32_t dump_flag; /* of dump_callback */

    struct profile profile;
    struct check check;
};
extern struct runtime runtime;

void runtime_watch_forks(void); /* once, when the library is loaded; fork.c */
aclError runtime_need_started(const char *call);
/* What a configuration says of the process: max_opqueue_num, err_msg_mode, defaultDevice. Call with
 * the devices found and runtime.lock held. */
aclError config_process(const char *call, const char *path, const struct json_t *root);
void config_reset(void);
/* The JSON object of a configuration file, to be released with json_decref; config.c. */
aclError config_read(const char *call, const char *path, struct json_t **out);
/* A text of a section. */
const char *config_text(const struct json_t *section, const char *key, const char *fallback);
#define ACL_NEED_STARTED() ACL_TRY(runtime_need_started(__func__))

static inline struct timespec time_after_ms(int64_t ms) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    t.tv_sec += ms / 1000;
    t.tv_nsec += ms % 1000 * 1000000;
    if (t.tv_nsec >= 1000000000) {
        t.tv_sec++;
        t.tv_nsec -= 1000000000;
    }
    return t;
}
/* A condition variable whose timed waits use CLOCK_MONOTONIC. */
bool cond_init_monotonic(pthread_cond_t *cond);
/* Waits for ever without a deadline; false when the deadline has passed. */
static inline bool cond_wait_until(pthread_cond_t *cond, pthread_mutex_t *lock,
                                   const struct timespec *deadline) {
    if (!deadline) return pthread_cond_wait(cond, lock), true;
    return pthread_cond_timedwait(cond, lock, deadline) == 0;
}

/* ---- devices and contexts; context.c ---- */

struct context {
    uint32_t id;
    int device;
    bool is_default;
    pthread_mutex_t lock;
    void *default_stream; /* handle; made when first needed */
    bool has_deterministic, has_debug_kernel;
    int64_t deterministic, debug_kernel; /* aclrtCtxSetSysParamOpt */
};

/* This thread's current context, acquired: *out is its object, *handle to be released. */
aclError context_current(const char *call, struct context **out, void **handle);
/* Only checks that there is one. */
aclError context_need(const char *call);
aclError device_need(const char *call, int device); /* that there is such a device */
#define ACL_NEED_CONTEXT() ACL_TRY(context_need(__func__))
/* The pool models on a device run on; device_leave gives it back. */
aclError device_join(const char *call, int device, struct device **out);
void device_leave(int device);
/* Forgets all devices and contexts; inside aclFinalize. */
void devices_reset(void);

/* ---- streams; stream.c ---- */

enum { FAILURE_TEXT = 1024 };

/* A thing a stream does. fn runs in the stream's thread, or at once in the caller's; drop releases
 * what the task holds and is called once, after fn or instead of it. */
struct task {
    struct task *next;
    aclError (*fn)(struct stream *s, struct task *t);
    void (*drop)(struct task *t);
    bool short_enough; /* may run in the thread that queues it when the stream has nothing to do */
    uint32_t id;
    union {
        struct {
            void *to;
            const void *from;
            size_t to_pitch, from_pitch, width, height;
        } copy;
        struct {
            void *to;
            int value;
            size_t count;
        } fill;
        struct {
            void *handle;
            struct event *event;
            uint64_t target;
        } event;
        struct report *report;
        struct run *run;
        struct op_run *op_run;
        struct closure *closure;
    };
};

/* The stream behind a handle, acquired; NULL is the current context's default stream. *held is to
 * be released. */
aclError stream_get(aclrtStream stream, const char *call, struct stream **out, void **held);
/* Queues a copy of *t (its first five members filled by the caller as needed). On failure t->drop
 * has been called. */
aclError stream_submit(struct stream *s, const struct task *t, const char *call);
aclError stream_wait(struct stream *s, int timeout_ms, const char *call);
/* Drops what is queued and waits for the task that runs; false when the deadline (NULL: none) has
 * passed first. */
bool stream_abort(struct stream *s, const struct timespec *deadline);
/* A new stream of a context, as a handle. */
aclError stream_create(const char *call, struct context *c, void *context_handle, bool is_default,
                       void **out);
uint32_t stream_id(const struct stream *s);
int stream_device(const struct stream *s);
bool stream_is_default(const struct stream *s);
/* Whether what a task waits for will not come any more: the stream is torn down. */
bool stream_is_stopping(const struct stream *s);
/* The threads that serve the stream, for callbacks and for functions of operators that run on the
 * host; guarded by runtime.sync_lock. */
enum report_kind { CALLBACKS, HOST_FUNCTIONS, REPORT_KINDS };
bool stream_reporter(const struct stream *s, enum report_kind kind, uint64_t *thread);
void stream_set_reporter(struct stream *s, enum report_kind kind, bool on, uint64_t thread);
/* Whether the calling thread runs tasks of a stream. */
bool stream_thread_is_self(void);
/* For calls that wait for a stream: one made by a task of a stream would wait for itself. */
aclError stream_need_other_thread(const char *call);

/* Queues a fill of memory that was checked. copy.c */
aclError fill_on_stream(const char *call, void *to, int value, size_t count, aclrtStream stream);

/* ---- callbacks; report.c ---- */
void reports_reset(void);
/* A subscribed stream goes away. */
void reports_forget(struct stream *s);

/* ---- failures on a device; exception.c ---- */

/* Tells the program that a task failed, and remembers it. */
void exception_raise(int device, uint32_t stream, uint32_t task, aclError code,
                     struct model_info *info);
void exceptions_reset(void);

/* ---- tensor transfer; tdt_channel.c ---- */
/* Ends all waiting for channels, now and later. */
void tdt_stop_all(void);
bool tdt_item_is_received(const void *object);

/* ---- profiling; profile.h has the rest ---- */
/* Writes a session: a Chrome trace to `path`, or, unless is_file, a new folder in it. */
enum status profile_write(const struct profile_recording *r, const char *path, bool is_file);

/* ---- single operators; op_cache.c, op_files.c, op_args.c ---- */
void ops_reset(void);
void op_args_reset(void);
void op_files_reset(void);

/* ---- virtual memory; vmm.c ---- */
/* Gives all reserved addresses back; inside aclFinalize. */
void vmm_reset(void);

/* ---- models; load.c ---- */
void models_reset(void);
void queue_models_stop(void); /* queue_model.c */

#endif
