/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The checked mode, PRUSIK_CHECK: mistakes with memory and order that a card punishes and a CPU
 * forgives, or that show only much later. Each is reported as a line of the log; with
 * PRUSIK_CHECK=2 the call fails, too. Off, it costs one look at the variable per call.
 *
 * Freed blocks are kept back for a while, filled with a pattern, so that their use is recognised
 * instead of hitting whoever got the memory next.
 */
#ifndef PK_ACL_CHECK_H
#define PK_ACL_CHECK_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "acl/acl_rt.h"
#include "base/env.h"

/* Where the program stood when it made a call. */
struct check_place {
    const char *call; /* NULL: not noted */
    void *address;    /* in the program; NULL: not known */
    long thread;
};

struct check {
    pthread_mutex_t lock;
    struct check_freed *oldest, *newest;
    size_t n_bytes; /* of all that is kept back */
    int n_reports;  /* since aclInit */
};

static inline bool check_is_on(void) { return env_int(ENV_CHECK) > 0; }

struct check_place check_place(const char *call);
const char *check_place_text(const struct check_place *p, char *text, size_t room);
long check_thread(void); /* the calling thread's number, as the system gives it */
/* Reports; gives `code`, as acl_fail, where the call is to fail, else ACL_SUCCESS. */
aclError check_report(aclError code, const char *call, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* Takes the memory of a block that `call` frees. `base` is what mem_free wants in the end. */
void check_keep(const char *call, void *base, uintptr_t address, size_t bytes,
                struct check_place made);
/* Fails (PRUSIK_CHECK=2) or reports when the range touches a block that was freed. */
aclError check_range(const char *call, const char *what, const void *address, size_t bytes);
/* What there is to say of an address that is to be freed again; false if it is not known. */
bool check_freed_before(const void *address, char *text, size_t room);
/* A copy whose kind says another side than the memory is on. */
aclError check_copy_sides(const char *call, const void *dst, const void *src, aclrtMemcpyKind kind);
/* A buffer that a device works on, and that is not a device's. */
aclError check_device_buffer(const char *call, const char *what, const void *address);
void check_leak(const char *what, size_t bytes, const struct check_place *made);
/* Every handle the program left, unless the runtime made it for itself. */
void check_handle_leaks(const char *call);
/* Looks at what is kept back, frees it, and says how many mistakes there were. */
void check_finish(void);

/* ---- order; check_order.c ---- */

enum { CHECK_STREAMS = 256 }; /* at once; of others, missed waits are not found */

struct check_clock {
    uint64_t count[CHECK_STREAMS];
};

/* Bytes that a call reads or writes: all of them, or `width` of every `pitch`. */
struct check_use {
    const char *what; /* "dst" */
    const void *address;
    size_t bytes;
    bool write;
    size_t pitch, width; /* 0: all of them */
};

/* What a task uses, before it is queued on a stream. */
aclError check_stream_uses(const char *call, uint32_t stream, const struct check_use *uses, int n);
/* What a call uses at once. With `begins`, until check_host_ends() in the same thread. */
aclError check_host_uses(const char *call, const struct check_use *uses, int n, bool begins);
void check_host_ends(void);
/* The host has waited for all of a stream; the stream is no more. */
void check_stream_synced(uint32_t stream);
void check_stream_ended(uint32_t stream);
/* An event's record was queued; *clock, to be released with mem_free, is the event's. */
void check_event_recorded(struct check_clock **clock, uint32_t stream);
/* A stream, or the host, waits for an event. NULL: one that is still to be recorded. */
void check_event_awaited(const struct check_clock *clock, uint32_t stream);
void check_event_synced(const struct check_clock *clock);
void check_callback(bool begins); /* of a stream, in this thread */
/* What this thread does now is the library's own doing, not the program's. */
void check_pause(bool begins);
bool check_is_paused(void);
void check_order_reset(void);

#endif
