/* SPDX-License-Identifier: Apache-2.0 */
/* The checked mode; see check.h. */
#define _GNU_SOURCE
#include "acl/check.h"

#include <dlfcn.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>
#if __has_include(<execinfo.h>)
#include <execinfo.h>
#else
#define backtrace(frames, n) 0
#endif

#include "acl/internal.h"
#include "acl/model.h"
#include "base/alloc.h"

enum {
    PATTERN = 0xDB,
    KEPT_BYTES = 64 << 20, /* kept back at most */
    FRAMES = 16
};

struct check_freed {
    struct check_freed *newer;
    void *base;
    uintptr_t address;
    size_t bytes;
    struct check_place made, freed;
};

/* ---- places ---- */

long check_thread(void) { return syscall(SYS_gettid); }

/* One of the libraries that programs link beside libascendcl. */
static bool is_beside(const Dl_info *at) {
    const char *file = at->dli_fname ? strrchr(at->dli_fname, '/') : NULL;
    return file && (!strncmp(file, "/libacl_", 8) || !strncmp(file, "/libmsprofiler", 14));
}

/* The call is the function of ours that the program called, where its name can be known. */
struct check_place check_place(const char *call) {
    void *frames[FRAMES];
    Dl_info self, there;
    struct check_place p = {.call = call, .thread = check_thread()};
    int n = backtrace(frames, FRAMES);
    if (!dladdr((void *)(uintptr_t)&check_place, &self)) return p;
    for (int i = 1; i < n; i++) {
        if (!dladdr(frames[i], &there)) continue;
        if (there.dli_fbase != self.dli_fbase && !is_beside(&there)) {
            p.address = frames[i];
            break;
        }
        if (there.dli_sname && !strncmp(there.dli_sname, "acl", 3)) p.call = there.dli_sname;
    }
    return p;
}

const char *check_place_text(const struct check_place *p, char *text, size_t room) {
    Dl_info at;
    if (!p->address || !dladdr(p->address, &at) || !at.dli_fname) {
        snprintf(text, room, "%s", p->call ? p->call : "a call before the checks");
        return text;
    }
    const char *file = strrchr(at.dli_fname, '/');
    file = file ? file + 1 : at.dli_fname;
    if (at.dli_sname)
        snprintf(text, room, "%s in %s (%s)", p->call, at.dli_sname, file);
    else
        snprintf(text, room, "%s at %s+0x%zx", p->call, file,
                 (size_t)((char *)p->address - (char *)at.dli_fbase));
    return text;
}

/* ---- reports ---- */

aclError check_report(aclError code, const char *call, const char *format, ...) {
    char text[700];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    pthread_mutex_lock(&runtime.check.lock);
    runtime.check.n_reports++;
    pthread_mutex_unlock(&runtime.check.lock);
    acl_log(ACL_ERROR, "check: %s: %s", call, text);
    return env_int(ENV_CHECK) >= 2 ? acl_fail(code, call, "%s", text) : ACL_SUCCESS;
}

/* ---- what was freed ---- */

/* A program that writes to what it has freed leaves a trace in the pattern. */
static void release(struct check_freed *f) {
    const unsigned char *bytes = (const unsigned char *)f->address;
    size_t i = 0;
    while (i < f->bytes && bytes[i] == PATTERN) i++;
    if (i < f->bytes) {
        char made[200], freed[200];
        check_report(ACL_ERROR_INVALID_PARAM, f->freed.call,
               "byte %zu of the %zu bytes at %p was written after they were freed by %s; they came "
               "from %s",
               i, f->bytes, (void *)f->address, check_place_text(&f->freed, freed, sizeof freed),
               check_place_text(&f->made, made, sizeof made));
    }
    mem_free(f->base);
    mem_free(f);
}

void check_keep(const char *call, void *base, uintptr_t address, size_t bytes,
                struct check_place made) {
    struct check *c = &runtime.check;
    struct check_freed *f = mem_alloc(sizeof *f), *old = NULL;
    if (!f || bytes > KEPT_BYTES) {
        mem_free(f);
        mem_free(base);
        return;
    }
    *f = (struct check_freed){.base = base, .address = address, .bytes = bytes, .made = made,
                              .freed = check_place(call)};
    memset((void *)address, PATTERN, bytes);
    pthread_mutex_lock(&c->lock);
    if (c->newest) c->newest->newer = f;
    else c->oldest = f;
    c->newest = f;
    c->n_bytes += bytes;
    struct check_freed **end = &old;
    while (c->n_bytes > KEPT_BYTES) {
        struct check_freed *o = c->oldest;
        c->oldest = o->newer;
        c->n_bytes -= o->bytes;
        o->newer = NULL;
        *end = o;
        end = &o->newer;
    }
    pthread_mutex_unlock(&c->lock);
    while (old) {
        struct check_freed *next = old->newer;
        release(old);
        old = next;
    }
}

/* A copy of the newest block kept back that the range touches. */
static bool find_freed(uintptr_t a, size_t bytes, struct check_freed *out) {
    struct check *c = &runtime.check;
    bool found = false;
    pthread_mutex_lock(&c->lock);
    for (const struct check_freed *f = c->oldest; f; f = f->newer)
        if (a < f->address ? f->address - a < bytes : a - f->address < f->bytes) {
            *out = *f;
            found = true;
        }
    pthread_mutex_unlock(&c->lock);
    return found;
}

aclError check_range(const char *call, const char *what, const void *address, size_t bytes) {
    struct check_freed f;
    char made[200], freed[200];
    if (!find_freed((uintptr_t)address, bytes, &f)) return ACL_SUCCESS;
    return check_report(ACL_ERROR_INVALID_PARAM, call,
                  "%s: %p lies in a block of %zu bytes that was freed by %s; it came from %s", what,
                  address, f.bytes, check_place_text(&f.freed, freed, sizeof freed),
                  check_place_text(&f.made, made, sizeof made));
}

bool check_freed_before(const void *address, char *text, size_t room) {
    struct check_freed f;
    char freed[200];
    if (!find_freed((uintptr_t)address, 1, &f)) return false;
    snprintf(text, room, "freed already by %s", check_place_text(&f.freed, freed, sizeof freed));
    check_report(ACL_ERROR_INVALID_PARAM, f.freed.call, "%p is %s", address, text);
    return true;
}

/* ---- the wrong side ---- */

/* On a card's own CPU there is one memory; between host and card there are two. */
static bool has_sides(void) { return strcmp(env_string(ENV_RUN_MODE), "device") != 0; }

static bool is_device(const void *address) {
    enum memory_kind k = memory_kind_at(address);
    return k == MEMORY_DEVICE || k == MEMORY_DVPP;
}

static aclError check_side(const char *call, const char *what, const void *address, bool device) {
    if (is_device(address) == device) return ACL_SUCCESS;
    return check_report(ACL_ERROR_INVALID_PARAM, call,
                  device ? "the kind says that %s (%p) is a device's, but it did not come from "
                           "aclrtMalloc or acldvppMalloc; a card could not reach it"
                         : "the kind says that %s (%p) is the host's, but it is memory of a "
                           "device; a host could not reach it",
                  what, address);
}

aclError check_copy_sides(const char *call, const void *dst, const void *src,
                          aclrtMemcpyKind kind) {
    if (!has_sides() || (int)kind > ACL_MEMCPY_DEVICE_TO_DEVICE) return ACL_SUCCESS;
    ACL_TRY(check_side(call, "dst", dst,
                       kind == ACL_MEMCPY_HOST_TO_DEVICE || kind == ACL_MEMCPY_DEVICE_TO_DEVICE));
    return check_side(call, "src", src,
                      kind == ACL_MEMCPY_DEVICE_TO_HOST || kind == ACL_MEMCPY_DEVICE_TO_DEVICE);
}

aclError check_device_buffer(const char *call, const char *what, const void *address) {
    struct check_freed f;
    if (!has_sides() || check_is_paused() || !address || is_device(address) ||
        find_freed((uintptr_t)address, 1, &f)) /* said by check_range */
        return ACL_SUCCESS;
    return check_report(ACL_ERROR_INVALID_PARAM, call,
                        "%s (%p) did not come from aclrtMalloc or acldvppMalloc%s; a card could "
                        "not reach it",
                        what, address,
                        memory_kind_at(address) == MEMORY_HOST ? " but from aclrtMallocHost" : "");
}

/* ---- the end ---- */

void check_leak(const char *what, size_t bytes, const struct check_place *made) {
    char text[200];
    check_place_text(made, text, sizeof text);
    if (bytes)
        check_report(ACL_ERROR_FAILURE, "aclFinalize",
                     "%zu bytes of %s were not freed; they came from %s", bytes, what, text);
    else
        check_report(ACL_ERROR_FAILURE, "aclFinalize", "%s was not destroyed; it came from %s",
                     what, text);
}

static void tell_handle(void *handle, void *object, void *user) {
    const char *call = user;
    char text[240];
    enum handle_kind kind = handle_kind_of(handle);
    if (kind == HANDLE_CONTEXT && ((struct context *)object)->is_default) return;
    if (kind == HANDLE_STREAM && stream_is_default(object)) return;
    if (kind == HANDLE_TDT_ITEM && tdt_item_is_received(object)) return;
    const struct check_place *made = handle_made(handle);
    if (!made) return; /* made before the checks */
    char name[80] = "";
    if (kind == HANDLE_MODEL)
        snprintf(name, sizeof name, " %u ('%.50s')", ((struct loaded *)object)->info->id,
                 ((struct loaded *)object)->info->name);
    check_report(ACL_ERROR_FAILURE, call, "%s%s was not given back; it came from %s",
                 handle_kind_name(kind), name, check_place_text(made, text, sizeof text));
}

void check_handle_leaks(const char *call) {
    for (int k = HANDLE_NONE + 1; k < HANDLE_KINDS; k++)
        handle_visit((enum handle_kind)k, tell_handle, (void *)(uintptr_t)call);
}

/* A program that ends without aclFinalize has left everything. */
__attribute__((destructor)) static void at_exit(void) {
    if (!check_is_on() || runtime.forked || !atomic_load(&runtime.started)) return;
    check_handle_leaks("exit");
    memory_visit(check_leak);
    check_finish();
}

void check_finish(void) {
    check_order_reset();
    struct check *c = &runtime.check;
    pthread_mutex_lock(&c->lock);
    struct check_freed *f = c->oldest;
    c->oldest = c->newest = NULL;
    c->n_bytes = 0;
    pthread_mutex_unlock(&c->lock);
    while (f) {
        struct check_freed *next = f->newer;
        release(f);
        f = next;
    }
    pthread_mutex_lock(&c->lock);
    int n = c->n_reports;
    c->n_reports = 0;
    pthread_mutex_unlock(&c->lock);
    acl_log(n ? ACL_ERROR : ACL_INFO, "check: %d mistake%s reported", n, n == 1 ? "" : "s");
}
