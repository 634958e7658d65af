/* SPDX-License-Identifier: Apache-2.0 */
/* The table of handles; see handle.h. Slots live in chunks that never move and are kept for the
 * process: their generations are what tells old handles from new ones. */
#include "acl/handle.h"

#include "acl/internal.h"
#include "base/alloc.h"

/* A handle is no address of a program on any 64-bit system: user space ends far below the mark. */
#define MARK UINT64_C(0x2A)
#define MARK_SHIFT 56
#define KIND_SHIFT 48
#define GENERATION_SHIFT 24
#define INDEX_MASK UINT64_C(0xFFFFFF)
#define GENERATION_MASK UINT64_C(0xFFFFFF)

#define ALIVE (UINT64_C(1) << 32)
#define USERS UINT64_C(0xFFFFFFFF)

static const struct {
    const char *name, *made_by;
} kinds[HANDLE_KINDS] = {
    [HANDLE_NONE] = {"nothing", "nothing"},
    [HANDLE_CONTEXT] = {"aclrtContext", "aclrtCreateContext"},
    [HANDLE_STREAM] = {"aclrtStream", "aclrtCreateStream"},
    [HANDLE_EVENT] = {"aclrtEvent", "aclrtCreateEvent"},
    [HANDLE_MODEL] = {"model", "aclmdlLoadFromFile"},
    [HANDLE_MODEL_DESC] = {"aclmdlDesc", "aclmdlCreateDesc"},
    [HANDLE_DATASET] = {"aclmdlDataset", "aclmdlCreateDataset"},
    [HANDLE_DATA_BUFFER] = {"aclDataBuffer", "aclCreateDataBuffer"},
    [HANDLE_TENSOR_DESC] = {"aclTensorDesc", "aclCreateTensorDesc"},
    [HANDLE_LOAD_CONFIG] = {"aclmdlConfigHandle", "aclmdlCreateConfigHandle"},
    [HANDLE_EXEC_CONFIG] = {"aclmdlExecConfigHandle", "aclmdlCreateExecConfigHandle"},
    [HANDLE_AIPP] = {"aclmdlAIPP", "aclmdlCreateAIPP"},
    [HANDLE_EXCEPTION] = {"aclrtExceptionInfo", "an exception callback"},
    [HANDLE_TDT_ITEM] = {"acltdtDataItem", "acltdtCreateDataItem"},
    [HANDLE_TDT_DATASET] = {"acltdtDataset", "acltdtCreateDataset"},
    [HANDLE_TDT_CHANNEL] = {"acltdtChannelHandle", "acltdtCreateChannel"},
    [HANDLE_PROF_CONFIG] = {"aclprofConfig", "aclprofCreateConfig"},
    [HANDLE_PROF_SUBSCRIBE] = {"aclprofSubscribeConfig", "aclprofCreateSubscribeConfig"},
    [HANDLE_PROF_STAMP] = {"stamp", "aclprofCreateStamp"},
    [HANDLE_PROF_STEP] = {"aclprofStepInfo", "aclprofCreateStepInfo"},
    [HANDLE_OP_ATTR] = {"aclopAttr", "aclopCreateAttr"},
    [HANDLE_TDT_BUFFER] = {"acltdtBuf", "acltdtAllocBuf"},
    [HANDLE_TDT_QUEUE_ATTR] = {"acltdtQueueAttr", "acltdtCreateQueueAttr"},
    [HANDLE_TDT_ROUTE] = {"acltdtQueueRoute", "acltdtCreateQueueRoute"},
    [HANDLE_TDT_ROUTE_LIST] = {"acltdtQueueRouteList", "acltdtCreateQueueRouteList"},
    [HANDLE_TDT_ROUTE_QUERY] = {"acltdtQueueRouteQueryInfo", "acltdtCreateQueueRouteQueryInfo"},
    [HANDLE_OP] = {"aclopHandle", "aclopCreateHandle"},
    [HANDLE_PHYSICAL] = {"aclrtDrvMemHandle", "aclrtMallocPhysical"},
    [HANDLE_GROUP_INFO] = {"aclrtGroupInfo", "aclrtCreateGroupInfo"},
    [HANDLE_ALLOCATOR] = {"aclrtAllocatorDesc", "aclrtAllocatorCreateDesc"},
    [HANDLE_GRAPH_DUMP] = {"aclGraphDumpOption", "aclCreateGraphDumpOpt"},
    [HANDLE_DVPP_CHANNEL] = {"acldvppChannelDesc", "acldvppCreateChannelDesc"},
    [HANDLE_DVPP_PIC] = {"acldvppPicDesc", "acldvppCreatePicDesc"},
    [HANDLE_DVPP_BATCH] = {"acldvppBatchPicDesc", "acldvppCreateBatchPicDesc"},
    [HANDLE_DVPP_ROI] = {"acldvppRoiConfig", "acldvppCreateRoiConfig"},
    [HANDLE_DVPP_RESIZE] = {"acldvppResizeConfig", "acldvppCreateResizeConfig"},
    [HANDLE_DVPP_JPEGE] = {"acldvppJpegeConfig", "acldvppCreateJpegeConfig"},
    [HANDLE_DVPP_BORDER] = {"acldvppBorderConfig", "acldvppCreateBorderConfig"},
    [HANDLE_DVPP_LUT] = {"acldvppLutMap", "acldvppCreateLutMap"},
    [HANDLE_DVPP_HIST] = {"acldvppHist", "acldvppCreateHist"},
    [HANDLE_DVPP_STREAM] = {"acldvppStreamDesc", "acldvppCreateStreamDesc"},
    [HANDLE_VDEC_CHANNEL] = {"aclvdecChannelDesc", "aclvdecCreateChannelDesc"},
    [HANDLE_VDEC_FRAME] = {"aclvdecFrameConfig", "aclvdecCreateFrameConfig"},
    [HANDLE_VENC_CHANNEL] = {"aclvencChannelDesc", "aclvencCreateChannelDesc"},
    [HANDLE_VENC_FRAME] = {"aclvencFrameConfig", "aclvencCreateFrameConfig"},
};

static uint64_t state_of(uint64_t generation, enum handle_kind kind) {
    return generation << 40 | (uint64_t)kind << 33;
}

static struct handle_slot *slot_at(uint32_t index) {
    /* Chunk c holds the slots 64 * (2^c - 1) to 64 * (2^(c+1) - 1) - 1. */
    uint32_t n = index / HANDLE_FIRST_CHUNK + 1;
    int chunk = 31 - __builtin_clz(n);
    uint32_t first = ((1U << chunk) - 1) * HANDLE_FIRST_CHUNK;
    return atomic_load_explicit(&runtime.handles.chunks[chunk], memory_order_acquire) +
           (index - first);
}

/* What a handle is made of. */
struct parts {
    enum handle_kind kind;
    uint64_t generation;
    uint32_t index;
    struct handle_slot *slot; /* NULL: the value cannot be a handle of ours */
};

static struct parts parts_of(const void *handle) {
    uint64_t h = (uint64_t)(uintptr_t)handle;
    if (h >> MARK_SHIFT != MARK) return (struct parts){0};
    struct parts p = {.kind = (enum handle_kind)(h >> KIND_SHIFT & 0xFF),
                      .generation = h >> GENERATION_SHIFT & GENERATION_MASK,
                      .index = (uint32_t)(h & INDEX_MASK)};
    if (p.kind != HANDLE_NONE && p.kind < HANDLE_KINDS &&
        p.index < atomic_load_explicit(&runtime.handles.n_slots, memory_order_acquire))
        p.slot = slot_at(p.index);
    return p;
}

static void *handle_of(enum handle_kind kind, uint64_t generation, uint32_t index) {
    uint64_t h = MARK << MARK_SHIFT | (uint64_t)kind << KIND_SHIFT |
                 generation << GENERATION_SHIFT | index;
    return (void *)(uintptr_t)h;
}

/* With the lock held: a slot nobody uses, as index + 1; 0 when memory ran out. */
static uint32_t take_slot(struct handle_table *t) {
    uint32_t taken = t->first_free;
    if (taken) {
        t->first_free = slot_at(taken - 1)->next_free;
        return taken;
    }
    uint32_t index = atomic_load(&t->n_slots);
    if (index > INDEX_MASK) return 0;
    int chunk = 31 - __builtin_clz(index / HANDLE_FIRST_CHUNK + 1);
    if (!atomic_load(&t->chunks[chunk])) {
        struct handle_slot *slots =
            mem_calloc((size_t)HANDLE_FIRST_CHUNK << chunk, sizeof *slots);
        if (!slots) return 0;
        atomic_store_explicit(&t->chunks[chunk], slots, memory_order_release);
    }
    atomic_store_explicit(&t->n_slots, index + 1, memory_order_release);
    return index + 1;
}

void *handle_create(enum handle_kind kind, void *object, void (*destroy)(void *object)) {
    struct handle_table *t = &runtime.handles;
    if (runtime.forked) return NULL;
    pthread_mutex_lock(&t->lock);
    uint32_t taken = take_slot(t);
    pthread_mutex_unlock(&t->lock);
    if (!taken) return NULL;
    struct handle_slot *slot = slot_at(taken - 1);
    slot->object = object;
    slot->destroy = destroy;
    slot->made = NULL;
    if (check_is_on() && (slot->made = mem_alloc(sizeof *slot->made)))
        *slot->made = check_place(kinds[kind].made_by);
    uint64_t generation = atomic_load(&slot->state) >> 40;
    atomic_store_explicit(&slot->state, state_of(generation, kind) | ALIVE, memory_order_release);
    return handle_of(kind, generation, taken - 1);
}

void *handle_make(enum handle_kind kind, void *object, void (*destroy)(void *object),
                  const char *call) {
    void *handle = object ? handle_create(kind, object, destroy) : NULL;
    if (handle) return handle;
    if (object) destroy(object);
    acl_fail(ACL_ERROR_BAD_ALLOC, call, "no memory for an %s", kinds[kind].name);
    return NULL;
}

void *handle_acquire(const void *handle, enum handle_kind kind) {
    struct parts p = parts_of(handle);
    if (!p.slot || p.kind != kind) return NULL;
    uint64_t wanted = state_of(p.generation, kind) | ALIVE;
    uint64_t state = atomic_load_explicit(&p.slot->state, memory_order_relaxed);
    do {
        if ((state & ~USERS) != wanted) return NULL;
    } while (!atomic_compare_exchange_weak_explicit(&p.slot->state, &state, state + 1,
                                                    memory_order_acquire, memory_order_relaxed));
    return p.slot->object;
}

static void finish(struct handle_slot *slot, uint32_t index) {
    struct handle_table *t = &runtime.handles;
    slot->destroy(slot->object);
    slot->object = NULL;
    mem_free(slot->made);
    slot->made = NULL;
    uint64_t generation = (atomic_load(&slot->state) >> 40) + 1;
    /* A slot whose generations are used up is left alone for good. */
    if (generation > GENERATION_MASK) return;
    atomic_store_explicit(&slot->state, state_of(generation, HANDLE_NONE), memory_order_release);
    pthread_mutex_lock(&t->lock);
    slot->next_free = t->first_free;
    t->first_free = index + 1;
    pthread_mutex_unlock(&t->lock);
}

void handle_release(const void *handle) {
    struct parts p = parts_of(handle);
    if (!p.slot) return; /* in a child that was forked inside a callback */
    uint64_t before = atomic_fetch_sub_explicit(&p.slot->state, 1, memory_order_acq_rel);
    if ((before & USERS) == 1 && !(before & ALIVE)) finish(p.slot, p.index);
}

bool handle_retire(const void *handle, enum handle_kind kind) {
    struct parts p = parts_of(handle);
    if (!p.slot || p.kind != kind) return false;
    uint64_t wanted = state_of(p.generation, kind) | ALIVE;
    uint64_t state = atomic_load_explicit(&p.slot->state, memory_order_relaxed);
    do {
        if ((state & ~USERS) != wanted) return false;
    } while (!atomic_compare_exchange_weak_explicit(&p.slot->state, &state, state & ~ALIVE,
                                                    memory_order_acq_rel, memory_order_relaxed));
    if ((state & USERS) == 0) finish(p.slot, p.index);
    return true;
}

aclError handle_end(const void *handle, enum handle_kind kind, const char *call,
                    const char *argument) {
    return handle_retire(handle, kind) ? ACL_SUCCESS : handle_fail(handle, kind, call, argument);
}

void handle_visit(enum handle_kind kind, void (*visit)(void *handle, void *object, void *user),
                  void *user) {
    uint32_t n = atomic_load(&runtime.handles.n_slots);
    for (uint32_t i = 0; i < n; i++) {
        uint64_t state = atomic_load(&slot_at(i)->state);
        if (!(state & ALIVE) || (enum handle_kind)(state >> 33 & 0x7F) != kind) continue;
        void *handle = handle_of(kind, state >> 40, i);
        void *object = handle_acquire(handle, kind);
        if (!object) continue; /* retired meanwhile */
        visit(handle, object, user);
        handle_release(handle);
    }
}

enum handle_kind handle_kind_of(const void *handle) { return parts_of(handle).kind; }

const struct check_place *handle_made(const void *handle) {
    const struct handle_slot *slot = parts_of(handle).slot;
    return slot ? slot->made : NULL;
}

const char *handle_kind_name(enum handle_kind kind) { return kinds[kind].name; }

aclError handle_fail(const void *handle, enum handle_kind kind, const char *call,
                     const char *argument) {
    if (!handle)
        return acl_fail(ACL_ERROR_INVALID_PARAM, call, "%s is NULL; pass an %s from %s", argument,
                        kinds[kind].name, kinds[kind].made_by);
    bool of_runtime = kind == HANDLE_CONTEXT || kind == HANDLE_STREAM || kind == HANDLE_EVENT;
    aclError code = of_runtime ? ACL_ERROR_RT_INVALID_HANDLE : ACL_ERROR_INVALID_PARAM;
    struct parts p = parts_of(handle);
    if (!p.slot)
        return acl_fail(code, call, "%s is %p, which is no handle; pass an %s from %s", argument,
                        handle, kinds[kind].name, kinds[kind].made_by);
    if (p.kind != kind)
        return acl_fail(code, call, "%s is an %s; pass an %s from %s", argument, kinds[p.kind].name,
                        kinds[kind].name, kinds[kind].made_by);
    return acl_fail(code, call, "%s was destroyed already; it can no longer be used", argument);
}

void *handle_get(const void *handle, enum handle_kind kind, const char *call,
                 const char *argument) {
    void *object = handle_acquire(handle, kind);
    if (!object) handle_fail(handle, kind, call, argument);
    return object;
}
