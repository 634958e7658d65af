/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Failures and the log. Each thread keeps the sentence of its last failed call in a fixed buffer,
 * so that reporting that memory ran out needs no memory.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "acl/internal.h"
#include "base/env.h"

static _Thread_local struct sentence own;

/* Keeps the thread's sentence as the process's. */
static void share(void) {
    if (!atomic_load_explicit(&runtime.sentences_are_shared, memory_order_relaxed)) return;
    pthread_mutex_lock(&runtime.sentence_lock);
    runtime.sentence = own;
    pthread_mutex_unlock(&runtime.sentence_lock);
}

aclError acl_fail(aclError code, const char *call, const char *format, ...) {
    char text[sizeof own.text]; /* the arguments may point into it */
    int n = snprintf(text, sizeof text, "%s: ", call);
    if (runtime.forked) { /* whatever else is wrong */
        snprintf(text + n, sizeof text - (size_t)n,
                 "this process was forked from one that had started AscendCL; use it in the "
                 "parent, or call aclInit in children only (in Python: the start method 'spawn')");
        return acl_fail_again(ACL_ERROR_UNINITIALIZE, text);
    }
    va_list args;
    va_start(args, format);
    vsnprintf(text + n, sizeof text - (size_t)n, format, args);
    va_end(args);
    return acl_fail_again(code, text);
}

void acl_keep_sentence(const char *sentence) {
    own.code = ACL_SUCCESS;
    if (sentence != own.text) snprintf(own.text, sizeof own.text, "%s", sentence);
    share();
}

aclError acl_fail_again(aclError code, const char *sentence) {
    acl_keep_sentence(sentence);
    own.code = code;
    share();
    if (env_int(ENV_DEBUG) >= 1) fprintf(stderr, "prusik: %d: %s\n", code, own.text);
    acl_log(ACL_INFO, "%d: %s", code, own.text);
    return code;
}

aclError acl_fail_status(enum status status, const char *call) {
    return acl_fail(acl_code(status), call, "%s", status_message());
}

const char *acl_last_failure(void) { return own.text; }

/* The first sentence of `prusik explain`, from the same table. */
static const char *meaning_of(aclError code) {
    static const struct {
        aclError code;
        const char *meaning;
    } meanings[] = {
#define ERROR(name, meaning, cause, remedy) {ACL_ERROR_##name, meaning},
#include "acl/errors.def"
#undef ERROR
    };
    for (size_t i = 0; i < sizeof meanings / sizeof meanings[0]; i++)
        if (meanings[i].code == code) return meanings[i].meaning;
    return "";
}

/* What happened here, what the code means in general, and where there is more. */
const char *aclGetRecentErrMsg(void) {
    static _Thread_local char shown[sizeof own.text + 256];
    static _Thread_local struct sentence copy;
    const struct sentence *last = &own;
    if (atomic_load_explicit(&runtime.sentences_are_shared, memory_order_relaxed)) {
        pthread_mutex_lock(&runtime.sentence_lock);
        copy = runtime.sentence;
        pthread_mutex_unlock(&runtime.sentence_lock);
        last = &copy;
    }
    if (!last->code) return last->text;
    const char *meaning = meaning_of(last->code);
    snprintf(shown, sizeof shown, "%s [%s%sprusik explain %d]", last->text, meaning,
             *meaning ? " " : "", last->code);
    return shown;
}

aclError acl_code(enum status status) {
    switch (status) {
    case STATUS_OK: return ACL_SUCCESS;
    case STATUS_MEMORY: return ACL_ERROR_BAD_ALLOC;
    case STATUS_FILE: return ACL_ERROR_INVALID_FILE;
    case STATUS_FORMAT: return ACL_ERROR_PARSE_FILE;
    case STATUS_UNSUPPORTED: return ACL_ERROR_FEATURE_UNSUPPORTED;
    case STATUS_LIMIT: return ACL_ERROR_STORAGE_OVER_LIMIT;
    case STATUS_ARGUMENT:
    case STATUS_SHAPE: return ACL_ERROR_INVALID_PARAM;
    case STATUS_STATE: return ACL_ERROR_FAILURE;
    case STATUS_TIMEOUT: return ACL_ERROR_RT_WAIT_TIMEOUT;
    case STATUS_INTERNAL: break;
    }
    return ACL_ERROR_INTERNAL_ERROR;
}

/* ---- log ---- */

static void write_line(aclLogLevel level, const char *origin, const char *text) {
    static const char *const names[] = {"DEBUG", "INFO", "WARNING", "ERROR"};
    struct timespec now;
    struct tm date;
    char when[32];
    clock_gettime(CLOCK_REALTIME, &now);
    localtime_r(&now.tv_sec, &date);
    strftime(when, sizeof when, "%Y-%m-%d-%H:%M:%S", &date);
    FILE *to = env_int(ENV_LOG_STDOUT) ? stdout : stderr;
    fprintf(to, "[%s] %s(%d):%s.%03ld.%03ld %s%s\n", names[level], origin[0] == '[' ? "APP" : "ACL",
            (int)getpid(), when, now.tv_nsec / 1000000, now.tv_nsec / 1000 % 1000, origin, text);
    fflush(to);
}

static bool is_logged(aclLogLevel level) {
    return level >= ACL_DEBUG && level <= ACL_ERROR && (int)level >= env_int(ENV_LOG_LEVEL);
}

void aclAppLog(aclLogLevel logLevel, const char *func, const char *file, uint32_t line,
               const char *fmt, ...) {
    if (!is_logged(logLevel) || !fmt) return;
    char text[1024], origin[256];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    const char *base = file ? strrchr(file, '/') : NULL;
    snprintf(origin, sizeof origin, "[%s:%u]%ld %s: ", base ? base + 1 : file ? file : "?", line,
             (long)syscall(SYS_gettid), func ? func : "?");
    write_line(logLevel, origin, text);
}

void acl_log(aclLogLevel level, const char *format, ...) {
    if (!is_logged(level)) return;
    char text[2200];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    write_line(level, "", text);
}
