/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The checked mode's look at order: what streams do to memory, and whether whoever touches it next
 * has waited for them.
 *
 * Every stream counts the accesses it is asked for, and knows (a vector clock) up to which count it
 * comes after each other stream: from what the host knew when it queued the access, and from events
 * it waits for. The host knows what it has waited for. An access of a stream is remembered until
 * the host knows it; whoever touches the same bytes meanwhile, one of the two writing, without
 * knowing it, has forgotten a wait, whether or not the stream happened to be done.
 *
 * All threads of the host count as one: how they wait for each other (a mutex, a queue of the
 * program's) cannot be seen. So does a callback, which the stream may wait for. A stream that waits
 * for an event nobody has recorded yet is taken to know everything until the host waits for it.
 * What this misses is never reported wrongly.
 */
#include <stdio.h>
#include <string.h>

#include "acl/internal.h"
#include "base/alloc.h"

enum { STREAMS = CHECK_STREAMS };

struct access {
    struct access *next;
    struct check_use use;
    int stream;     /* index; -1: a call of the host that has not returned */
    uint64_t clock; /* its count in its stream */
    struct check_place place;
    const void *told; /* the place last reported against it */
};

struct order_stream {
    uint32_t id; /* 0: free */
    bool knows_all;
    struct check_clock knows; /* its own count included */
};

static struct { /* guarded by runtime.check.lock */
    struct order_stream streams[STREAMS];
    uint64_t counts[STREAMS]; /* go on when a place is used again */
    struct check_clock host;
    struct access *first;
    bool is_full; /* said once */
} order;

static _Thread_local bool in_callback, paused;

void check_callback(bool begins) { in_callback = begins; }
void check_pause(bool begins) { paused = begins; }
bool check_is_paused(void) { return paused; }

/* ---- clocks ---- */

static void join(struct check_clock *to, const struct check_clock *from) {
    for (int i = 0; i < STREAMS; i++)
        if (from->count[i] > to->count[i]) to->count[i] = from->count[i];
}

static void join_all(struct check_clock *to) {
    for (int i = 0; i < STREAMS; i++) to->count[i] = order.counts[i];
}

static void join_stream(struct check_clock *to, const struct order_stream *s) {
    if (s->knows_all) join_all(to);
    else join(to, &s->knows);
}

/* What the host knows, everybody will: no need to remember it. */
static void forget_known(void) {
    for (struct access **at = &order.first; *at;) {
        struct access *a = *at;
        if (a->stream < 0 || a->clock > order.host.count[a->stream]) {
            at = &a->next;
            continue;
        }
        *at = a->next;
        mem_free(a);
    }
}

/* The index of a stream; -1 when there are too many. */
static int find_stream(uint32_t id) {
    int spare = -1;
    for (int i = 0; i < STREAMS; i++) {
        if (order.streams[i].id == id) return i;
        if (!order.streams[i].id && spare < 0) spare = i;
    }
    if (spare < 0) {
        if (!order.is_full)
            acl_log(ACL_WARNING, "check: more than %d streams; missed waits of the others are not "
                                 "found", STREAMS);
        order.is_full = true;
        return -1;
    }
    order.streams[spare] = (struct order_stream){.id = id};
    order.streams[spare].knows.count[spare] = order.counts[spare];
    return spare;
}

/* ---- ranges ---- */

static bool rows_overlap(const struct check_use *rows, const struct check_use *flat) {
    uintptr_t a = (uintptr_t)rows->address, b = (uintptr_t)flat->address;
    if (b < a) return true; /* they overlap somewhere, so in the first row */
    size_t at = (b - a) % rows->pitch;
    return at < rows->width || flat->bytes > rows->pitch - at;
}

static bool overlap(const struct check_use *x, const struct check_use *y) {
    uintptr_t a = (uintptr_t)x->address, b = (uintptr_t)y->address;
    if (!(a < b ? b - a < x->bytes : a - b < y->bytes)) return false;
    if (!x->pitch && !y->pitch) return true;
    if (!x->pitch || !y->pitch) return x->pitch ? rows_overlap(x, y) : rows_overlap(y, x);
    if (x->pitch != y->pitch) return false; /* not worked out: never a wrong report */
    size_t apart = a < b ? (b - a) % x->pitch : x->pitch - 1 - (a - b - 1) % x->pitch;
    if (a == b) apart = 0;
    return apart < x->width || x->pitch - apart < y->width;
}

/* ---- accesses ---- */

/* With the lock held: the first remembered access that `use` has to come after, but does not. */
static struct access *find_conflict(const struct check_use *use, const struct check_clock *knows,
                                    int stream) {
    for (struct access *a = order.first; a; a = a->next) {
        if (!(a->use.write || use->write) || !overlap(&a->use, use)) continue;
        if (a->stream >= 0 ? a->stream != stream && knows->count[a->stream] < a->clock
                           : a->place.thread != check_thread())
            return a;
    }
    return NULL;
}

/* With the lock held. A newer access of a stream to the same bytes stands for the older one. */
static void remember(const struct check_use *use, int stream, const struct check_place *place) {
    struct access *a = NULL;
    for (a = order.first; a && stream >= 0; a = a->next)
        if (a->stream == stream && a->use.write == use->write &&
            a->use.address == use->address && a->use.bytes == use->bytes &&
            a->use.pitch == use->pitch)
            break;
    if (stream < 0 || !a) {
        a = mem_calloc(1, sizeof *a);
        if (!a) return;
        a->next = order.first;
        order.first = a;
    }
    a->use = *use;
    a->stream = stream;
    a->clock = stream >= 0 ? order.counts[stream] : 0;
    a->place = *place;
}

static aclError tell(const char *call, const struct check_use *use, const struct check_place *here,
                     uint32_t stream, const struct access *a, uint32_t of_stream) {
    char mine[240], other[240], on[40] = "";
    if (stream) snprintf(on, sizeof on, " on stream %u", stream);
    check_place_text(here, mine, sizeof mine);
    check_place_text(&a->place, other, sizeof other);
    const char *does = use->write ? "writes" : "reads", *did = a->use.write ? "writes" : "reads";
    if (!of_stream)
        return check_report(ACL_ERROR_INVALID_PARAM, call,
                            "%s: %s (thread %ld) %s %zu bytes at %p%s that %s (thread %ld) still "
                            "%s; give each run buffers of its own, or wait for it",
                            use->what, mine, here->thread, does, use->bytes, use->address, on,
                            other, a->place.thread, did);
    return check_report(ACL_ERROR_INVALID_PARAM, call,
                        "%s: %s (thread %ld) %s %zu bytes at %p%s that %s (thread %ld) %s on "
                        "stream %u, without a wait in between; call aclrtSynchronizeStream, or "
                        "record an event there and wait for it",
                        use->what, mine, here->thread, does, use->bytes, use->address, on, other,
                        a->place.thread, did, of_stream);
}

/* Looks at one use; *conflict is a copy of what it collides with. */
static bool look(const struct check_use *use, const struct check_clock *knows, int stream,
                 const struct check_place *place, struct access *conflict, uint32_t *of) {
    struct access *a = find_conflict(use, knows, stream);
    if (!a || (a->told && a->told == place->address)) return false;
    a->told = place->address;
    *conflict = *a;
    *of = a->stream >= 0 ? order.streams[a->stream].id : 0;
    return true;
}

aclError check_stream_uses(const char *call, uint32_t id, const struct check_use *uses, int n) {
    struct check_place place = check_place(call);
    aclError code = ACL_SUCCESS;
    for (int i = 0; i < n && code == ACL_SUCCESS; i++) {
        if (!uses[i].address || !uses[i].bytes) continue;
        struct access conflict;
        uint32_t of = 0;
        bool found = false;
        pthread_mutex_lock(&runtime.check.lock);
        int s = find_stream(id);
        if (s >= 0) {
            struct order_stream *stream = &order.streams[s];
            join(&stream->knows, &order.host);
            stream->knows.count[s] = ++order.counts[s];
            if (!stream->knows_all)
                found = look(&uses[i], &stream->knows, s, &place, &conflict, &of);
            remember(&uses[i], s, &place);
        }
        pthread_mutex_unlock(&runtime.check.lock);
        if (found) code = tell(call, &uses[i], &place, id, &conflict, of);
    }
    return code;
}

aclError check_host_uses(const char *call, const struct check_use *uses, int n, bool begins) {
    struct check_place place = check_place(call);
    aclError code = ACL_SUCCESS;
    if (in_callback || paused) return ACL_SUCCESS;
    for (int i = 0; i < n && code == ACL_SUCCESS; i++) {
        if (!uses[i].address || !uses[i].bytes) continue;
        struct access conflict;
        uint32_t of = 0;
        pthread_mutex_lock(&runtime.check.lock);
        bool found = look(&uses[i], &order.host, -1, &place, &conflict, &of);
        if (begins) remember(&uses[i], -1, &place);
        pthread_mutex_unlock(&runtime.check.lock);
        if (found) code = tell(call, &uses[i], &place, 0, &conflict, of);
    }
    if (begins && code != ACL_SUCCESS) check_host_ends();
    return code;
}

void check_host_ends(void) {
    long self = check_thread();
    pthread_mutex_lock(&runtime.check.lock);
    for (struct access **at = &order.first; *at;) {
        struct access *a = *at;
        if (a->stream >= 0 || a->place.thread != self) {
            at = &a->next;
            continue;
        }
        *at = a->next;
        mem_free(a);
    }
    pthread_mutex_unlock(&runtime.check.lock);
}

/* ---- waits ---- */

void check_stream_synced(uint32_t id) {
    pthread_mutex_lock(&runtime.check.lock);
    int s = find_stream(id);
    if (s >= 0) {
        join_stream(&order.host, &order.streams[s]);
        order.streams[s].knows_all = false;
        forget_known();
    }
    pthread_mutex_unlock(&runtime.check.lock);
}

void check_stream_ended(uint32_t id) {
    check_stream_synced(id);
    pthread_mutex_lock(&runtime.check.lock);
    for (int i = 0; i < STREAMS; i++)
        if (order.streams[i].id == id) order.streams[i].id = 0;
    pthread_mutex_unlock(&runtime.check.lock);
}

void check_event_recorded(struct check_clock **clock, uint32_t id) {
    if (!*clock) *clock = mem_calloc(1, sizeof **clock);
    if (!*clock) return;
    pthread_mutex_lock(&runtime.check.lock);
    memset(*clock, 0, sizeof **clock);
    int s = find_stream(id);
    if (s >= 0) {
        join(&order.streams[s].knows, &order.host);
        join_stream(*clock, &order.streams[s]);
    }
    pthread_mutex_unlock(&runtime.check.lock);
}

void check_event_awaited(const struct check_clock *clock, uint32_t id) {
    pthread_mutex_lock(&runtime.check.lock);
    int s = find_stream(id);
    if (s >= 0 && clock) join(&order.streams[s].knows, clock);
    if (s >= 0 && !clock) order.streams[s].knows_all = true;
    pthread_mutex_unlock(&runtime.check.lock);
}

void check_event_synced(const struct check_clock *clock) {
    if (!clock) return;
    pthread_mutex_lock(&runtime.check.lock);
    join(&order.host, clock);
    forget_known();
    pthread_mutex_unlock(&runtime.check.lock);
}

void check_order_reset(void) {
    pthread_mutex_lock(&runtime.check.lock);
    join_all(&order.host);
    while (order.first) {
        struct access *a = order.first;
        order.first = a->next;
        mem_free(a);
    }
    for (int i = 0; i < STREAMS; i++) order.streams[i].id = 0;
    pthread_mutex_unlock(&runtime.check.lock);
}
