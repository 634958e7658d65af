/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libacltrace.so: stands in front of whatever AscendCL library a program uses (LD_PRELOAD), and
 * writes a line for each call. It knows the public headers only and links no library of ours.
 *
 * Calls that the libraries make among themselves are not the program's, and are left out.
 */
#define _GNU_SOURCE
#include "shim.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static struct {
    pthread_once_t once;
    pthread_mutex_t lock; /* of the list and the counts */
    bool json, summary;
    const char *folder; /* of --data; NULL: contents are not kept */
    int to;
    uint64_t start_ns;
    struct trace_function *first;
    const char *(*sentence)(void);
} trace = {.once = PTHREAD_ONCE_INIT, .lock = PTHREAD_MUTEX_INITIALIZER, .to = STDERR_FILENO};

static _Thread_local int depth;

static uint64_t now_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* ---- the function behind ---- */

/* A module that an interpreter loads keeps its libraries to itself, so that RTLD_NEXT does not see
 * them; they are loaded all the same, and answer to their names. */
static void *find(const char *name) {
    static const char *const libraries[] = {
        "libascendcl.so",      "libacl_op_compiler.so",  "libacl_dvpp.so",
        "libacl_cblas.so",     "libacl_tdt_channel.so",  "libacl_tdt_queue.so",
        "libmsprofiler.so",    "libacl_retr.so"};
    void *found = dlsym(RTLD_NEXT, name);
    for (size_t i = 0; !found && i < sizeof libraries / sizeof libraries[0]; i++) {
        void *library = dlopen(libraries[i], RTLD_LAZY | RTLD_NOLOAD);
        if (!library) continue;
        found = dlsym(library, name);
        dlclose(library);
    }
    return found;
}

static void start(void) {
    const char *options = getenv("ACLTRACE_OPTIONS"), *path = getenv("ACLTRACE_OUTPUT");
    trace.json = options && strstr(options, "json");
    trace.summary = options && strstr(options, "summary");
    trace.start_ns = now_ns();
    const char *folder = getenv("ACLTRACE_DATA");
    if (folder && *folder) trace.folder = strdup(folder);
    if (!path || !*path) return;
    int to = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    if (to >= 0) trace.to = to;
    else dprintf(STDERR_FILENO, "acltrace: %s cannot be written; the trace follows here\n", path);
}

void *trace_begin(struct trace_call *c, struct trace_function *f) {
    pthread_once(&trace.once, start);
    void *next = __atomic_load_n(&f->next, __ATOMIC_ACQUIRE);
    if (!next) {
        next = find(f->name);
        if (!next) {
            dprintf(STDERR_FILENO, "acltrace: no library that is loaded has %s\n", f->name);
            return NULL;
        }
        __atomic_store_n(&f->next, next, __ATOMIC_RELEASE);
    }
    depth++;
    c->function = f;
    c->n_data = 0;
    c->start_ns = now_ns();
    return next;
}

static void add(struct trace_call *c, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* What does not fit is cut off; the limits of texts leave room for the longest list there is. */
static void add(struct trace_call *c, const char *format, ...) {
    va_list args;
    va_start(args, format);
    int n = vsnprintf(c->line + c->used, sizeof c->line - c->used, format, args);
    va_end(args);
    size_t room = sizeof c->line - c->used - 1;
    c->used += n < 0 ? 0 : (size_t)n < room ? (size_t)n : room;
}

static void count(struct trace_call *c) {
    struct trace_function *f = c->function;
    pthread_mutex_lock(&trace.lock);
    if (!f->listed) {
        f->listed = true;
        f->after = trace.first;
        trace.first = f;
    }
    f->n++;
    f->ns += c->ns;
    pthread_mutex_unlock(&trace.lock);
}

bool trace_returned(struct trace_call *c) {
    c->ns = now_ns() - c->start_ns;
    if (--depth) return false;
    count(c);
    c->used = 0;
    c->n_args = c->n_filled = 0;
    c->returned = false;
    if (trace.json)
        add(c, "{\"call\": \"%s\", \"thread\": %ld, \"pthread\": %llu, \"at_us\": %.3f, "
               "\"us\": %.3f, \"args\": {",
            c->function->name, (long)syscall(SYS_gettid), (unsigned long long)pthread_self(),
            (double)(c->start_ns - trace.start_ns) / 1e3, (double)c->ns / 1e3);
    else add(c, "%s(", c->function->name);
    return true;
}

/* ---- values ---- */

static void begin_value(struct trace_call *c, const char *name) {
    if (!name) return;
    if (!c->returned) {
        if (c->n_args++) add(c, ", ");
    } else if (trace.json) {
        add(c, c->n_filled++ ? ", " : ", \"filled\": {");
    } else {
        add(c, c->n_filled++ ? ", " : "  [");
    }
    add(c, trace.json ? "\"%s\": " : "%s=", name);
}

static void add_text(struct trace_call *c, const char *text) {
    enum { MOST = 300 };
    add(c, "\"");
    int n = 0;
    for (const unsigned char *t = (const unsigned char *)text; *t && n < MOST; t++, n++) {
        if (*t == '"' || *t == '\\') add(c, "\\%c", *t);
        else if (*t < 32 || *t > 126) add(c, "\\u%04x", *t);
        else add(c, "%c", *t);
    }
    add(c, n == MOST ? "...\"" : "\"");
}

void trace_signed(struct trace_call *c, const char *name, long long v) {
    begin_value(c, name);
    add(c, "%lld", v);
}
void trace_unsigned(struct trace_call *c, const char *name, unsigned long long v) {
    begin_value(c, name);
    add(c, "%llu", v);
}
void trace_real(struct trace_call *c, const char *name, double v) {
    begin_value(c, name);
    if (v - v == 0) add(c, "%.9g", v);
    else add(c, trace.json ? "null" : "%f", v); /* JSON has no infinities */
}
void trace_address(struct trace_call *c, const char *name, const void *v) {
    begin_value(c, name);
    if (!v) add(c, trace.json ? "null" : "NULL");
    else add(c, trace.json ? "\"%p\"" : "%p", v);
}
void trace_text(struct trace_call *c, const char *name, const char *v) {
    if (!v) {
        trace_address(c, name, v);
        return;
    }
    begin_value(c, name);
    add_text(c, v);
}
void trace_enum(struct trace_call *c, const char *name, int v, const struct trace_name *names,
                int n) {
    begin_value(c, name);
    for (int i = 0; i < n; i++)
        if (names[i].value == v) {
            add(c, trace.json ? "\"%s\"" : "%s", names[i].name);
            return;
        }
    add(c, "%d", v);
}

/* ---- results ---- */

void trace_result(struct trace_call *c) {
    c->returned = true;
    add(c, trace.json ? "}, \"result\": " : ") = ");
}

void trace_code(struct trace_call *c, int code) {
    trace_result(c);
    trace_enum(c, NULL, code, trace_codes, trace_n_codes);
    if (!code) return;
    pthread_mutex_lock(&trace.lock);
    c->function->failed++;
    if (!trace.sentence) trace.sentence = (const char *(*)(void))find("aclGetRecentErrMsg");
    pthread_mutex_unlock(&trace.lock);
    const char *sentence = trace.sentence ? trace.sentence() : NULL;
    if (!sentence || !*sentence) return;
    add(c, trace.json ? ", \"code\": %d, \"message\": " : " (%d) ", code);
    add_text(c, sentence);
}

/* ---- contents ---- */

/* Two files of the same bytes are one; what is there already is not written again. */
static bool keep(uint64_t hash, const void *data, size_t bytes) {
    char path[PATH_MAX], temporary[PATH_MAX + 32];
    int n = snprintf(path, sizeof path, "%s/%016llx-%zu", trace.folder, (unsigned long long)hash,
                     bytes);
    if (n < 0 || (size_t)n >= sizeof path) return false;
    if (!access(path, R_OK)) return true;
    snprintf(temporary, sizeof temporary, "%s.%ld", path, (long)syscall(SYS_gettid));
    FILE *f = fopen(temporary, "wb");
    if (!f) return false;
    bool ok = fwrite(data, 1, bytes, f) == bytes;
    ok = !fclose(f) && ok;
    return ok && !rename(temporary, path);
}

static uint64_t hash_of(const void *data, size_t bytes) {
    const unsigned char *p = data;
    uint64_t h = 0x9E3779B97F4A7C15u ^ bytes, word;
    for (; bytes >= sizeof word; p += sizeof word, bytes -= sizeof word) {
        memcpy(&word, p, sizeof word);
        h = (h ^ word) * 0xBF58476D1CE4E5B9u;
        h ^= h >> 29;
    }
    for (; bytes; p++, bytes--) h = (h ^ *p) * 0x100000001B3u;
    return h ^ h >> 32;
}

/* Contents are kept for calls of the program's own, and the time that takes is not the call's. */
static bool wanted(const struct trace_call *c, const char *name) {
    /* Before the call its own depth counts, after it no more. */
    return trace.folder && depth == (*name != '>') && c->n_data < TRACE_DATA;
}

void trace_data(struct trace_call *c, const char *name, const void *data, size_t bytes) {
    static atomic_flag said = ATOMIC_FLAG_INIT;
    if (!wanted(c, name) || !data || !bytes) return;
    struct trace_data *d = &c->data[c->n_data];
    d->hash = hash_of(data, bytes);
    d->bytes = bytes;
    snprintf(d->name, sizeof d->name, "%s", name);
    if (keep(d->hash, data, bytes)) c->n_data++;
    else if (!atomic_flag_test_and_set(&said))
        dprintf(STDERR_FILENO, "acltrace: %s cannot be written to: %s; contents are missing\n",
                trace.folder, strerror(errno));
    c->start_ns = now_ns();
}

/* Beside a card (ACL_HOST) its memory is no address of this process: it is copied here first. */
static void trace_device(struct trace_call *c, const char *name, void *address, size_t bytes) {
    enum { HOST = 1, TO_HOST = 2 }; /* aclrtRunMode, aclrtMemcpyKind */
    int (*get_mode)(int *) = (int (*)(int *))find("aclrtGetRunMode");
    int (*copy)(void *, size_t, const void *, size_t, int) =
        (int (*)(void *, size_t, const void *, size_t, int))find("aclrtMemcpy");
    int mode = HOST;
    if (!address || !bytes || !get_mode || !copy) return;
    depth++; /* what these call is not the program's */
    void *here = get_mode(&mode) ? NULL : mode == HOST ? malloc(bytes) : address;
    bool ok = here && (here == address || !copy(here, bytes, address, bytes, TO_HOST));
    depth--;
    if (ok) trace_data(c, name, here, bytes);
    if (here != address) free(here);
}

/* The contents of a dataset's buffers, as name0, name1, ... */
void trace_dataset(struct trace_call *c, const char *name, const void *dataset) {
    if (!wanted(c, name) || !dataset) return;
    size_t (*count_buffers)(const void *) =
        (size_t(*)(const void *))find("aclmdlGetDatasetNumBuffers");
    void *(*get_buffer)(const void *, size_t) =
        (void *(*)(const void *, size_t))find("aclmdlGetDatasetBuffer");
    void *(*get_address)(const void *) = (void *(*)(const void *))find("aclGetDataBufferAddr");
    size_t (*get_size)(const void *) = (size_t(*)(const void *))find("aclGetDataBufferSizeV2");
    if (!count_buffers || !get_buffer || !get_address || !get_size) return;
    depth++;
    size_t n = count_buffers(dataset);
    for (size_t i = 0; i < n && i < TRACE_DATA; i++) {
        void *buffer = get_buffer(dataset, i), *address = buffer ? get_address(buffer) : NULL;
        size_t bytes = buffer ? get_size(buffer) : 0;
        char numbered[24];
        snprintf(numbered, sizeof numbered, "%.12s%zu", name, i);
        depth--;
        trace_device(c, numbered, address, bytes);
        depth++;
    }
    depth--;
}

static void write_data(struct trace_call *c) {
    for (int i = 0; i < c->n_data; i++)
        add(c, "%s\"%s\": \"%016llx-%zu\"", i ? ", " : ", \"data\": {", c->data[i].name,
            (unsigned long long)c->data[i].hash, c->data[i].bytes);
    if (c->n_data) add(c, "}");
}

/* What cannot be written is said once; the program goes on. */
static void put(const char *text, size_t n) {
    static atomic_flag said = ATOMIC_FLAG_INIT;
    if (write(trace.to, text, n) == (ssize_t)n || errno == EPIPE || trace.to == STDERR_FILENO)
        return;
    if (!atomic_flag_test_and_set(&said))
        dprintf(STDERR_FILENO, "acltrace: the trace cannot be written: %s; lines are missing\n",
                strerror(errno));
}

void trace_write(struct trace_call *c) {
    if (trace.summary) return;
    if (trace.json) {
        size_t length = strlen(c->line);
        if (length && c->line[length - 1] == ' ') add(c, "null"); /* a call without result */
        if (c->n_filled) add(c, "}");
        write_data(c);
        add(c, "}\n");
    } else {
        add(c, "%s  %.1f us\n", c->n_filled ? "]" : "", (double)c->ns / 1e3);
    }
    put(c->line, c->used);
}

static int by_time(const void *a, const void *b) {
    const struct trace_function *x = *(struct trace_function *const *)a,
                                *y = *(struct trace_function *const *)b;
    return (x->ns < y->ns) - (x->ns > y->ns);
}

__attribute__((destructor)) static void print_summary(void) {
    if (!trace.summary) return;
    size_t n = 0;
    for (struct trace_function *f = trace.first; f; f = f->after) n++;
    struct trace_function **list = calloc(n + 1, sizeof *list);
    if (!list) return;
    n = 0;
    for (struct trace_function *f = trace.first; f; f = f->after) list[n++] = f;
    qsort(list, n, sizeof *list, by_time);
    char line[256];
    int used = 0;
    if (!trace.json)
        used = snprintf(line, sizeof line, "%10s %8s %12s %12s  %s\n", "calls", "failed",
                        "total ms", "mean us", "function");
    put(line, (size_t)used);
    for (size_t i = 0; i < n; i++) {
        used = snprintf(line, sizeof line,
                        trace.json ? "{\"calls\": %llu, \"failed\": %llu, \"ms\": %.3f, "
                                     "\"mean_us\": %.3f, \"call\": \"%s\"}\n"
                                   : "%10llu %8llu %12.3f %12.3f  %s\n",
                        (unsigned long long)list[i]->n, (unsigned long long)list[i]->failed,
                        (double)list[i]->ns / 1e6, (double)list[i]->ns / 1e3 / (double)list[i]->n,
                        list[i]->name);
        put(line, (size_t)used);
    }
    free(list);
}
