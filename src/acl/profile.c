/* SPDX-License-Identifier: Apache-2.0 */
/* Profiling sessions and what they record; see profile.h. */
#include "acl/profile.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "acl/internal.h"
#include "acl/model.h"
#include "acl/private.h"
#include "base/alloc.h"
#include "base/env.h"
#include "exec/model.h"

enum { DEFAULT_STORAGE_MB = 512, MAX_OPEN_RANGES = 4096 };
#define ALL_TYPES (PROFILE_CALLS | PROFILE_RUNS | PROFILE_NOTES | PROFILE_STEPS)

/* A short name for a long way. */
#define P (&runtime.profile)

/* ---- sessions ---- */

static void recording_destroy(struct profile_recording *r) {
    if (!r) return;
    arena_deinit(&r->arena);
    mem_free(r);
}

static struct profile_recording *recording_create(uint64_t storage_bytes) {
    struct profile_recording *r = mem_calloc(1, sizeof *r);
    if (!r) return NULL;
    arena_init(&r->arena, storage_bytes ? storage_bytes : (size_t)DEFAULT_STORAGE_MB << 20);
    r->last = &r->first;
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    r->start = profile_now();
    r->epoch_offset = (int64_t)t.tv_sec * 1000000000 + t.tv_nsec - r->start;
    return r;
}

static aclError fail_owned(const char *call) {
    return acl_fail(ACL_ERROR_PROF_ALREADY_RUN, call, "%s",
                    P->owner == PROFILE_PROGRAM
                        ? "profiling has begun already; call aclprofFinalize first"
                        : "profiling was begun by the configuration of aclInit, or PRUSIK_TRACE, "
                          "and lasts until aclFinalize; take it out of there to use aclprof*");
}

/* With the lock held. */
static aclError open_as(const char *call, const char *path, bool is_file,
                        enum profile_owner owner) {
    if (P->owner != PROFILE_NOBODY) return fail_owned(call);
    char *copy = mem_strdup(path);
    struct profile_recording *r = recording_create(P->storage_bytes);
    if (!copy || !r) {
        mem_free(copy);
        recording_destroy(r);
        return acl_fail(ACL_ERROR_BAD_ALLOC, call, "no memory for profiling");
    }
    P->path = copy;
    P->is_file = is_file;
    P->recording = r;
    P->owner = owner;
    return ACL_SUCCESS;
}

static bool is_writable_folder(const char *path) {
    struct stat st;
    return !stat(path, &st) && S_ISDIR(st.st_mode) && !access(path, W_OK);
}

aclError profile_open(const char *call, const char *path) {
    ACL_TRY(runtime_need_started(call));
    if (!is_writable_folder(path))
        return acl_fail(ACL_ERROR_INVALID_FILE, call,
                        "'%s' is no folder that can be written to; make it first", path);
    if (atomic_load(&P->n_subscribers))
        return acl_fail(ACL_ERROR_PROF_API_CONFLICT, call,
                        "a model is subscribed with aclprofModelSubscribe; both at once is not "
                        "possible, call aclprofModelUnSubscribe first");
    pthread_mutex_lock(&P->lock);
    aclError code = open_as(call, path, false, PROFILE_PROGRAM);
    pthread_mutex_unlock(&P->lock);
    return code;
}

/* With the lock held: whether aclprofInit was called. */
static aclError need_open(const char *call) {
    ACL_TRY(runtime_need_started(call));
    if (P->owner == PROFILE_CONFIGURATION) return fail_owned(call);
    if (P->owner == PROFILE_PROGRAM) return ACL_SUCCESS;
    return acl_fail(ACL_ERROR_PROF_NOT_RUN, call,
                    "profiling has not begun; call aclprofInit first");
}

static void start_as(uint64_t types, uint64_t devices) {
    P->start_types = types;
    P->start_devices = devices;
    atomic_store(&P->types, types & ALL_TYPES);
}

aclError profile_start(const char *call, uint64_t types, uint64_t devices) {
    pthread_mutex_lock(&P->lock);
    aclError code = need_open(call);
    if (code == ACL_SUCCESS && P->start_devices)
        code = acl_fail(ACL_ERROR_PROF_ALREADY_RUN, call,
                        "profiling runs already; call aclprofStop first");
    if (code == ACL_SUCCESS) start_as(types, devices);
    pthread_mutex_unlock(&P->lock);
    return code;
}

aclError profile_stop(const char *call, uint64_t types, uint64_t devices) {
    pthread_mutex_lock(&P->lock);
    aclError code = need_open(call);
    if (code == ACL_SUCCESS && !P->start_devices)
        code = acl_fail(ACL_ERROR_PROF_NOT_RUN, call,
                        "profiling does not run; call aclprofStart first");
    if (code == ACL_SUCCESS && (P->start_types != types || P->start_devices != devices))
        code = acl_fail(ACL_ERROR_INVALID_PARAM, call,
                        "the settings are others than those aclprofStart was called with");
    if (code == ACL_SUCCESS) start_as(0, 0);
    pthread_mutex_unlock(&P->lock);
    return code;
}

/* With the lock held; *path is to be freed. */
static struct profile_recording *take_recording(char **path, bool *is_file) {
    struct profile_recording *r = P->recording;
    *path = P->path;
    *is_file = P->is_file;
    start_as(0, 0);
    P->recording = NULL;
    P->path = NULL;
    P->owner = PROFILE_NOBODY;
    return r;
}

static enum status write_and_free(struct profile_recording *r, char *path, bool is_file) {
    if (r->n_dropped)
        acl_log(ACL_WARNING, "profiling: %" PRIu64 " events had no room in %zu MiB and are missing "
                             "from '%s'",
                r->n_dropped, r->arena.budget_bytes >> 20, path);
    enum status s = r->first || is_file ? profile_write(r, path, is_file) : STATUS_OK;
    recording_destroy(r);
    mem_free(path);
    return s;
}

aclError profile_close(const char *call) {
    char *path = NULL;
    bool is_file = false;
    struct profile_recording *r = NULL;
    pthread_mutex_lock(&P->lock);
    aclError code = need_open(call);
    if (code == ACL_SUCCESS) r = take_recording(&path, &is_file);
    pthread_mutex_unlock(&P->lock);
    if (code != ACL_SUCCESS) return code;
    if (write_and_free(r, path, is_file) != STATUS_OK)
        return acl_fail(ACL_ERROR_PROFILING_FAILURE, call, "%s", status_message());
    return ACL_SUCCESS;
}

aclError profile_set_storage(const char *call, uint64_t megabytes) {
    if (megabytes < 200 || megabytes > UINT32_MAX)
        return acl_fail(ACL_ERROR_INVALID_PARAM, call,
                        "the storage limit is %" PRIu64 " MB; it is 200 to 4294967295", megabytes);
    pthread_mutex_lock(&P->lock);
    P->storage_bytes = megabytes << 20;
    if (P->recording) P->recording->arena.budget_bytes = P->storage_bytes;
    pthread_mutex_unlock(&P->lock);
    return ACL_SUCCESS;
}

/* ---- sessions by configuration ---- */

/* Where results go that have no place of their own: beside the program's file. */
static void program_folder(char to[static PATH_MAX]) {
    ssize_t n = readlink("/proc/self/exe", to, PATH_MAX - 1);
    to[n > 0 ? n : 0] = '\0';
    char *slash = strrchr(to, '/');
    if (slash) *slash = '\0';
    else strcpy(to, ".");
}

static bool is_off(const json_t *section, const char *key) {
    return !strcmp(config_text(section, key, "on"), "off");
}

aclError profile_configure(const char *call, const char *path, const json_t *root) {
    const json_t *section = json_object_get(root, "profiler");
    if (strcmp(config_text(section, "switch", ""), "on") != 0) return ACL_SUCCESS;
    const char *limit = config_text(section, "storage_limit", NULL);
    char *end;
    unsigned long long megabytes = limit ? strtoull(limit, &end, 10) : 0;
    if (limit && (*end || profile_set_storage(call, megabytes) != ACL_SUCCESS))
        return acl_fail(ACL_ERROR_INVALID_PROFILING_CONFIG, call,
                        "'%s': profiler.storage_limit is \"%s\"; it is megabytes, 200 to "
                        "4294967295",
                        path, limit);
    char folder[PATH_MAX];
    const char *output = config_text(section, "output", "");
    if (!*output || strlen(output) >= sizeof folder || !is_writable_folder(output)) {
        program_folder(folder);
        if (*output)
            acl_log(ACL_WARNING, "%s: profiler.output '%s' is no folder that can be written to; "
                                 "'%s' is used",
                    call, output, folder);
    } else if (!realpath(output, folder)) {
        program_folder(folder);
    }
    uint64_t types = ALL_TYPES;
    if (is_off(section, "task_time")) types &= ~(uint64_t)PROFILE_RUNS;
    if (is_off(section, "ascendcl")) types &= ~(uint64_t)PROFILE_CALLS;
    pthread_mutex_lock(&P->lock);
    aclError code = open_as(call, folder, false, PROFILE_CONFIGURATION);
    if (code == ACL_SUCCESS) start_as(types, UINT64_MAX);
    pthread_mutex_unlock(&P->lock);
    return code;
}

aclError profile_configure_trace(const char *call) {
    if (!*env_string(ENV_TRACE)) return ACL_SUCCESS;
    aclError code = ACL_SUCCESS;
    pthread_mutex_lock(&P->lock);
    if (P->owner == PROFILE_NOBODY) {
        code = open_as(call, env_string(ENV_TRACE), true, PROFILE_CONFIGURATION);
        if (code == ACL_SUCCESS) start_as(ALL_TYPES, UINT64_MAX);
    } else {
        acl_log(ACL_WARNING, "%s: the configuration asks for profiling; PRUSIK_TRACE is ignored",
                call);
    }
    pthread_mutex_unlock(&P->lock);
    return code;
}

void profile_reset(void) {
    profile_unsubscribe_all();
    char *path = NULL;
    bool is_file = false;
    struct profile_recording *r = NULL;
    pthread_mutex_lock(&P->lock);
    if (P->owner == PROFILE_PROGRAM)
        acl_log(ACL_WARNING, "aclFinalize: the program has not called aclprofFinalize");
    if (P->owner != PROFILE_NOBODY) r = take_recording(&path, &is_file);
    while (P->open) {
        struct profile_open_range *o = P->open;
        P->open = o->next;
        mem_free(o);
    }
    P->n_open = 0;
    P->storage_bytes = 0;
    pthread_mutex_unlock(&P->lock);
    if (r && write_and_free(r, path, is_file) != STATUS_OK)
        acl_log(ACL_ERROR, "profiling: %s", status_message());
}

/* ---- recording ---- */

uint32_t profile_thread(void) { return (uint32_t)syscall(SYS_gettid); }

bool profile_wants(uint64_t types) {
    return (atomic_load_explicit(&P->types, memory_order_relaxed) & types) != 0;
}

/* With the lock held: the session may have ended since profile_wants. */
static bool wants_device(int device) {
    return P->recording && (P->start_devices >> (device & 63) & 1);
}

/* With the lock held. */
static void add(struct profile_record r) {
    struct profile_recording *to = P->recording;
    /* Begun before the session: a range is cut, what else there is belongs to none. */
    if (r.begin < to->start && (r.kind == PROFILE_RUN || r.kind == PROFILE_CALL)) return;
    if (r.begin < to->start) r.begin = to->start;
    struct profile_record *copy = arena_alloc(&to->arena, sizeof *copy);
    if (copy && r.name) {
        r.name = arena_strdup(&to->arena, r.name);
        if (!r.name) copy = NULL;
    }
    if (!copy) {
        to->n_dropped++;
        return;
    }
    r.next = NULL;
    *copy = r;
    *to->last = copy;
    to->last = &copy->next;
}

void profile_scope_end(struct profile_scope *scope) {
    if (!scope->call || !profile_wants(PROFILE_CALLS)) return;
    pthread_mutex_lock(&P->lock);
    if (P->recording)
        add((struct profile_record){.kind = PROFILE_CALL, .thread = profile_thread(),
                                    .name = scope->call, .begin = scope->begin,
                                    .end = profile_now()});
    pthread_mutex_unlock(&P->lock);
}

/* ---- runs ---- */

static const char *const type_names[DT_COUNT] = {
    [DT_NONE] = "UNDEFINED", [DT_F32] = "FLOAT",   [DT_F16] = "FLOAT16", [DT_BF16] = "DT_BF16",
    [DT_F64] = "DOUBLE",     [DT_I8] = "INT8",     [DT_U8] = "UINT8",    [DT_I16] = "INT16",
    [DT_U16] = "UINT16",     [DT_I32] = "INT32",   [DT_U32] = "UINT32",  [DT_I64] = "INT64",
    [DT_U64] = "UINT64",     [DT_BOOL] = "BOOL",
};

/* Shapes, types and formats of a side, each tensor's behind ';'. False: out of memory. */
static bool describe_side(struct arena *arena, const struct graph *g, const int *tensors, int n,
                          const char **shapes, const char **types, const char **formats) {
    *shapes = *types = *formats = "";
    bool first = true;
    for (int i = 0; i < n; i++) {
        if (tensors[i] < 0) continue;
        const struct tensor *t = &g->tensors[tensors[i]];
        const char *sep = first ? "" : ";";
        first = false;
        char shape[256] = "";
        for (int k = 0, at = 0; k < t->shape.rank; k++)
            at += snprintf(shape + at, sizeof shape - (size_t)at, "%s%" PRId64, k ? "," : "",
                           t->shape.dim[k]);
        *shapes = arena_printf(arena, "%s%s%s", *shapes, sep, shape);
        *types = arena_printf(arena, "%s%s%s", *types, sep, type_names[t->dtype]);
        *formats = arena_printf(arena, "%s%s%s", *formats, sep, t->shape.rank == 4 ? "NCHW" : "ND");
        if (!*shapes || !*types || !*formats) return false;
    }
    return true;
}

static bool describe_op(struct arena *arena, const struct graph *g, const struct step_time *t,
                        struct profile_op_text *to) {
    to->node = arena_strdup(arena, t->node);
    to->op = t->op; /* of a table */
    to->kernel = arena_strdup(arena, t->kernel);
    to->macs = t->macs;
    to->n_tiles = t->n_tiles;
    for (int side = 0; side < 2; side++)
        to->shapes[side] = to->types[side] = to->formats[side] = "";
    const struct node *n = t->source;
    return to->node && to->kernel &&
           (!n || (describe_side(arena, g, n->inputs, n->n_inputs, &to->shapes[0], &to->types[0],
                                 &to->formats[0]) &&
                   describe_side(arena, g, n->outputs, n->n_outputs, &to->shapes[1], &to->types[1],
                                 &to->formats[1])));
}

/* With the lock held: the texts of the program that ran, made at its first run of the session. */
static const struct profile_ops *find_ops(const struct profile_subject *of,
                                          const struct instance *run,
                                          const struct step_time *times, int n) {
    struct profile_recording *r = P->recording;
    uint64_t serial;
    const struct graph *g = instance_program(run, &serial);
    for (struct profile_ops *o = r->ops; o; o = o->next)
        if (o->owner == of->key && o->serial == serial) return o;
    struct profile_ops *o = arena_alloc(&r->arena, sizeof *o);
    if (!o) return NULL;
    uint32_t id = of->key < PROFILE_OPERATOR ? (uint32_t)of->key : UINT32_MAX;
    *o = (struct profile_ops){.next = r->ops, .owner = of->key, .serial = serial, .model = id,
                              .n = n, .model_name = arena_strdup(&r->arena, of->name),
                              .ops = arena_calloc(&r->arena, (size_t)n + 1, sizeof *o->ops)};
    if (!o->model_name || !o->ops) return NULL;
    for (int i = 0; i < n; i++)
        if (!describe_op(&r->arena, g, &times[i], &o->ops[i])) return NULL;
    r->ops = o;
    return o;
}

bool profile_wants_run(void) {
    return profile_wants(PROFILE_RUNS) || atomic_load(&P->n_subscribers) > 0;
}

/* With the lock held. */
static void add_run(const struct profile_subject *of, const struct instance *run, uint32_t stream,
                    uint32_t task, int64_t begin, int64_t end) {
    const struct step_time *times;
    int n = instance_step_times(run, &times);
    const struct profile_ops *ops = find_ops(of, run, times, n);
    int64_t *kept = arena_calloc(&P->recording->arena, 2 * (size_t)n + 1, sizeof *kept);
    if (!ops || !kept) {
        P->recording->n_dropped++;
        return;
    }
    for (int i = 0; i < n; i++) {
        kept[2 * i] = times[i].begin_ns;
        kept[2 * i + 1] = times[i].end_ns;
    }
    add((struct profile_record){.kind = PROFILE_RUN, .device = of->device,
                                .thread = profile_thread(), .stream = stream, .task = task,
                                .begin = begin, .end = end, .ops = ops, .times = kept});
}

void profile_run(const struct profile_subject *of, const struct instance *run, uint32_t stream,
                 uint32_t task, int64_t begin) {
    int64_t end = profile_now();
    if (profile_wants(PROFILE_RUNS)) {
        pthread_mutex_lock(&P->lock);
        if (wants_device(of->device)) add_run(of, run, stream, task, begin, end);
        pthread_mutex_unlock(&P->lock);
    }
    if (atomic_load(&P->n_subscribers) && of->key < PROFILE_OPERATOR)
        profile_publish((uint32_t)of->key, run);
}

/* ---- notes ---- */

aclError profile_mark(const char *call, const char *message) {
    (void)call;
    int64_t now = profile_now();
    if (!profile_wants(PROFILE_NOTES)) return ACL_SUCCESS;
    pthread_mutex_lock(&P->lock);
    if (P->recording)
        add((struct profile_record){.kind = PROFILE_MARK, .thread = profile_thread(),
                                    .name = message, .begin = now, .end = now});
    pthread_mutex_unlock(&P->lock);
    return ACL_SUCCESS;
}

/* With the lock held; takes r->number if it is not 0. */
static aclError open_range(const char *call, const struct profile_open_range *r,
                           const char *message) {
    if (P->n_open == MAX_OPEN_RANGES)
        return acl_fail(ACL_ERROR_STORAGE_OVER_LIMIT, call,
                        "%d ranges are open already; end them with aclprofPop or aclprofRangeStop",
                        MAX_OPEN_RANGES);
    struct profile_open_range *o = mem_alloc(sizeof *o + strlen(message) + 1);
    if (!o) return acl_fail(ACL_ERROR_BAD_ALLOC, call, "no memory for a range");
    *o = *r;
    o->next = P->open;
    strcpy(o->message, message);
    P->open = o;
    P->n_open++;
    return ACL_SUCCESS;
}

/* With the lock held: ends the newest range of that kind and number, PROFILE_PUSH that thread. */
static bool close_range(enum profile_kind kind, uint32_t number, uint64_t wanted) {
    struct profile_open_range **at = &P->open;
    while (*at && ((*at)->kind != kind ||
                   (kind == PROFILE_PUSH ? (*at)->thread : (*at)->number) != number))
        at = &(*at)->next;
    struct profile_open_range *o = *at;
    if (!o) return false;
    *at = o->next;
    P->n_open--;
    if (P->recording && profile_wants(wanted))
        add((struct profile_record){.kind = kind, .device = o->device, .thread = o->thread,
                                    .stream = o->stream, .task = o->number, .name = o->message,
                                    .begin = o->begin, .end = profile_now()});
    mem_free(o);
    return true;
}

aclError profile_range_begin(const char *call, enum profile_kind kind, const char *message,
                             uint32_t *number) {
    struct profile_open_range r = {.kind = kind, .thread = profile_thread(),
                                   .begin = profile_now()};
    pthread_mutex_lock(&P->lock);
    r.number = ++P->last_range;
    aclError code = open_range(call, &r, message);
    pthread_mutex_unlock(&P->lock);
    if (code == ACL_SUCCESS && number) *number = r.number;
    return code;
}

aclError profile_pop(const char *call) {
    pthread_mutex_lock(&P->lock);
    bool was_open = close_range(PROFILE_PUSH, profile_thread(), PROFILE_NOTES);
    pthread_mutex_unlock(&P->lock);
    return was_open ? ACL_SUCCESS : acl_fail(ACL_ERROR_INVALID_PARAM, call,
                                             "this thread has no range of aclprofPush left to end");
}

aclError profile_range_end(const char *call, uint32_t number) {
    pthread_mutex_lock(&P->lock);
    bool was_open = close_range(PROFILE_RANGE, number, PROFILE_NOTES);
    pthread_mutex_unlock(&P->lock);
    return was_open ? ACL_SUCCESS : acl_fail(ACL_ERROR_INVALID_PARAM, call,
                                             "range %u was ended already, or aclprofRangeStart "
                                             "never gave it",
                                             number);
}

/* ---- steps ---- */

struct step_tag {
    int device;
    uint32_t number, stream;
    bool is_end;
};

/* In the stream. */
static aclError run_step_tag(void *argument) {
    const struct step_tag *t = argument;
    struct profile_open_range r = {.kind = PROFILE_STEP, .device = t->device,
                                   .thread = profile_thread(), .number = t->number,
                                   .stream = t->stream, .begin = profile_now()};
    aclError code = ACL_SUCCESS;
    pthread_mutex_lock(&P->lock);
    /* Without a beginning (it failed, or its stream was torn down) the end means nothing. */
    if (t->is_end) close_range(PROFILE_STEP, t->number, PROFILE_STEPS);
    else code = open_range("aclprofGetStepTimestamp", &r, "");
    pthread_mutex_unlock(&P->lock);
    return code;
}

aclError profile_step(const char *call, uint32_t number, bool is_end, aclrtStream stream) {
    struct stream *s;
    void *held;
    ACL_TRY(stream_get(stream, call, &s, &held));
    struct step_tag tag = {stream_device(s), number, stream_id(s), is_end};
    handle_release(held);
    return _pk_private.run_on_stream(call, stream, run_step_tag, NULL, &tag, sizeof tag);
}
