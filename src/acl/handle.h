/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Handles: what programs hold instead of addresses of our objects.
 *
 * A handle is a number made of a mark, the kind of object, a generation and a slot. It is looked up
 * in a table and never followed, so one that was destroyed, that never came from here or that
 * stands for another kind of object is recognised. A slot's generation grows each time it is used
 * again and never wraps, so an old handle never meets a new object.
 *
 *     struct dataset *d = handle_acquire(handle, HANDLE_DATASET);
 *     if (!d) return handle_fail(handle, HANDLE_DATASET, __func__, "dataset");
 *     ...
 *     handle_release(handle);
 *
 * Between acquire and release the object cannot go away: handle_retire() makes the handle invalid
 * at once and destroys the object when the last user has released it. Looking up takes no lock.
 */
#ifndef PK_ACL_HANDLE_H
#define PK_ACL_HANDLE_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "acl/acl_base.h"

struct check_place; /* check.h */

enum handle_kind {
    HANDLE_NONE,
    HANDLE_CONTEXT,
    HANDLE_STREAM,
    HANDLE_EVENT,
    HANDLE_MODEL, /* behind a model id; programs never see it */
    HANDLE_MODEL_DESC,
    HANDLE_DATASET,
    HANDLE_DATA_BUFFER,
    HANDLE_TENSOR_DESC,
    HANDLE_LOAD_CONFIG,
    HANDLE_EXEC_CONFIG,
    HANDLE_AIPP,
    HANDLE_EXCEPTION,
    HANDLE_TDT_ITEM,
    HANDLE_TDT_DATASET,
    HANDLE_TDT_CHANNEL,
    HANDLE_PROF_CONFIG,
    HANDLE_PROF_SUBSCRIBE,
    HANDLE_PROF_STAMP,
    HANDLE_PROF_STEP,
    HANDLE_OP_ATTR,
    HANDLE_TDT_BUFFER,
    HANDLE_TDT_QUEUE_ATTR,
    HANDLE_TDT_ROUTE,
    HANDLE_TDT_ROUTE_LIST,
    HANDLE_TDT_ROUTE_QUERY,
    HANDLE_OP,
    HANDLE_PHYSICAL,
    HANDLE_GROUP_INFO,
    HANDLE_ALLOCATOR,
    HANDLE_GRAPH_DUMP,
    HANDLE_DVPP_CHANNEL,
    HANDLE_DVPP_PIC,
    HANDLE_DVPP_BATCH,
    HANDLE_DVPP_ROI,
    HANDLE_DVPP_RESIZE,
    HANDLE_DVPP_JPEGE,
    HANDLE_DVPP_BORDER,
    HANDLE_DVPP_LUT,
    HANDLE_DVPP_HIST,
    HANDLE_DVPP_STREAM,
    HANDLE_VDEC_CHANNEL,
    HANDLE_VDEC_FRAME,
    HANDLE_VENC_CHANNEL,
    HANDLE_VENC_FRAME,
    HANDLE_KINDS
};

enum { HANDLE_CHUNKS = 19, HANDLE_FIRST_CHUNK = 64 }; /* chunk i has 64 << i slots: 2^24 and more */

struct handle_slot {
    _Atomic uint64_t state; /* generation 24 bits, kind 7, alive 1, users 32 */
    void *object;
    void (*destroy)(void *object);
    uint32_t next_free; /* index + 1 of the next free slot; 0 ends the list */
    struct check_place *made; /* with PRUSIK_CHECK; else NULL */
};

struct handle_table {
    pthread_mutex_t lock; /* of what follows; not needed for looking up */
    _Atomic(struct handle_slot *) chunks[HANDLE_CHUNKS];
    _Atomic uint32_t n_slots;
    uint32_t first_free; /* index + 1 */
};

/* Takes `object`: destroy(object) is called once, after retirement. NULL when memory ran out; the
 * object then stays the caller's. */
void *handle_create(enum handle_kind kind, void *object, void (*destroy)(void *object));
/* The same for a call that gives the handle to the program: NULL, with the failure of `call`
 * recorded and the object destroyed, when memory ran out, be it for the object (then NULL). */
void *handle_make(enum handle_kind kind, void *object, void (*destroy)(void *object),
                  const char *call);
/* The object, kept until handle_release; NULL when `handle` is no valid handle of that kind. */
void *handle_acquire(const void *handle, enum handle_kind kind);
void handle_release(const void *handle);
/* False when `handle` is no valid handle of that kind. */
bool handle_retire(const void *handle, enum handle_kind kind);
/* Of a handle that is acquired. */
enum handle_kind handle_kind_of(const void *handle);
const struct check_place *handle_made(const void *handle); /* NULL: not noted */
/* Calls visit for every live handle of a kind, with the object acquired. */
void handle_visit(enum handle_kind kind, void (*visit)(void *handle, void *object, void *user),
                  void *user);
const char *handle_kind_name(enum handle_kind kind); /* as programs know it: "aclDataBuffer" */

/* Says why `handle` is not valid, as the failure of `call` about its argument `argument`, and
 * returns the code for it. */
aclError handle_fail(const void *handle, enum handle_kind kind, const char *call,
                     const char *argument);
/* Retires the handle, or says why it is not valid. */
aclError handle_end(const void *handle, enum handle_kind kind, const char *call,
                    const char *argument);
/* Acquires or says why: NULL, with the failure recorded, or the object. */
void *handle_get(const void *handle, enum handle_kind kind, const char *call,
                 const char *argument);

#endif
