/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of acl_tdt_queue.h share. A buffer is a handle with memory; what lies in a queue
 * is a parcel: the memory, lengths and user data of a buffer and its chain, without handles.
 * Putting a buffer into a queue ends its handles, taking it out makes new ones.
 *
 * Queues, routes and the members of buffers that change are guarded by runtime.tdt.lock.
 */
#ifndef PK_ACL_TDT_QUEUE_H
#define PK_ACL_TDT_QUEUE_H

#include <stdatomic.h>

#include "acl/acl_tdt_queue.h"
#include "acl/internal.h"

enum {
    TDT_USER_BYTES = 96,
    TDT_MAX_CHAIN = 128,
    TDT_MAX_NAME = 127,
    TDT_LEAST_DEPTH = 2,
    TDT_MOST_DEPTH = 8192,
    TDT_DEFAULT_DEPTH = 8,
};

/* Shared by all buffers that acltdtCopyBufRef made of one. */
struct tdt_memory {
    atomic_int n_users;
    size_t bytes;
    unsigned char *data;
};

struct tdt_part {
    struct tdt_memory *memory;
    size_t length; /* bytes in use */
    unsigned char user[TDT_USER_BYTES];
};

struct parcel {
    struct parcel *next;
    size_t n;
    struct tdt_part parts[];
};

struct tdt_queue {
    struct tdt_queue *next;
    uint32_t id;
    struct check_place made; /* with PRUSIK_CHECK */
    char name[TDT_MAX_NAME + 1];
    uint32_t depth, n;
    struct parcel *first, **last;
    bool gone;     /* destroyed; goes with its last user */
    int n_waiting; /* calls that hold it */
    bool reached;  /* in leads_to() of tdt_route.c, with the list of what it reached */
    struct tdt_queue *next_reached;
};

struct tdt_binding {
    struct tdt_binding *next;
    uint32_t source, destination;
};

/* ---- parcels; tdt_buffer.c ---- */

/* Ends the buffer; on failure it stays as it was. With the lock held. */
aclError parcel_take(const char *call, acltdtBuf buffer, struct parcel **out);
/* Takes the parcel; on failure it stays the caller's. */
aclError parcel_open(const char *call, struct parcel *p, acltdtBuf *out);
/* The same memory once more; NULL when memory ran out. */
struct parcel *parcel_share(const struct parcel *p);
/* One part with memory of its own. */
aclError parcel_create(const char *call, size_t bytes, struct parcel **out);
void parcel_destroy(struct parcel *p); /* NULL is fine */

/* ---- queues; tdt_queue.c ---- */

/* With the lock held; NULL when there is none. */
struct tdt_queue *queue_find(uint32_t id);
static inline bool queue_has_room(const struct tdt_queue *q) { return q->n < q->depth; }
void queue_push(struct tdt_queue *q, struct parcel *p);
struct parcel *queue_pop(struct tdt_queue *q);
/* Waits until the queue has something (or room), and takes the first (or puts *p). `stop` ends the
 * waiting when it becomes true; NULL: nothing does. Takes the lock. */
aclError queue_take(const char *call, uint32_t id, int32_t timeout, const atomic_bool *stop,
                    struct parcel **p);
aclError queue_put(const char *call, uint32_t id, int32_t timeout, const atomic_bool *stop,
                   struct parcel *p);
aclError queue_need(const char *call, uint32_t id, aclError code);
void queues_wake(void);
/* Destroys all; inside aclFinalize. */
void queues_reset(void);

/* ---- routes; tdt_route.c ---- */

/* Moves what can be moved along the routes. With the lock held. */
void routes_move(void);
/* A queue this one is bound to or from; false if none. With the lock held. */
bool routes_use(uint32_t id, uint32_t *other);
void routes_reset(void); /* with the lock held */

#endif
