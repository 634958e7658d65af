/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The aclrtMalloc family, and the map of its blocks (memory.h). Each block has a node beside it,
 * not before it, so a program that writes before its block spoils nothing of ours. Copies and fills
 * are in copy.c.
 */
#include "acl/memory.h"

#include <stdio.h>
#include <string.h>

#include "acl/internal.h"
#include "base/alloc.h"

struct memory_block {
    struct memory_block *left, *right;
    uint32_t priority; /* a parent's is at least its children's */
    enum memory_kind kind;
    uintptr_t address;
    size_t bytes;    /* asked for */
    size_t capacity; /* may be touched */
    void *base;      /* what mem_free wants */
    struct check_place made; /* with PRUSIK_CHECK */
};

static const struct {
    const char *name, *freed_by, *argument; /* argument: what freed_by calls the address */
} kinds[MEMORY_KINDS] = {
    [MEMORY_DEVICE] = {"device memory", "aclrtFree", "devPtr"},
    [MEMORY_HOST] = {"host memory", "aclrtFreeHost", "hostPtr"},
    [MEMORY_DVPP] = {"picture memory", "acldvppFree", "devPtr"},
    [MEMORY_CONFIG] = {"a stream configuration", "aclrtDestroyStreamConfigHandle", "handle"},
};

/* Mixes an address into a priority; addresses alone would make the tree a list. */
static uint32_t priority_of(uintptr_t address) {
    uint64_t x = (uint64_t)address * UINT64_C(0x9E3779B97F4A7C15);
    return (uint32_t)(x >> 32);
}

/* Everything below `address` into *low, the rest into *high. */
static void split(struct memory_block *t, uintptr_t address, struct memory_block **low,
                  struct memory_block **high) {
    while (t) {
        if (t->address < address) {
            *low = t;
            low = &t->right;
            t = t->right;
        } else {
            *high = t;
            high = &t->left;
            t = t->left;
        }
    }
    *low = *high = NULL;
}

static void insert(struct memory_block **root, struct memory_block *b) {
    while (*root && (*root)->priority >= b->priority)
        root = b->address < (*root)->address ? &(*root)->left : &(*root)->right;
    split(*root, b->address, &b->left, &b->right);
    *root = b;
}

/* Joins the children of a node that goes away. */
static struct memory_block *merge(struct memory_block *low, struct memory_block *high) {
    struct memory_block *root = NULL, **at = &root;
    while (low && high) {
        if (low->priority >= high->priority) {
            *at = low;
            at = &low->right;
            low = low->right;
        } else {
            *at = high;
            at = &high->left;
            high = high->left;
        }
    }
    *at = low ? low : high;
    return root;
}

/* The block with the highest address not above `address`. */
static struct memory_block *find_below(struct memory_block *t, uintptr_t address) {
    struct memory_block *best = NULL;
    while (t) {
        if (t->address <= address) {
            best = t;
            t = t->right;
        } else {
            t = t->left;
        }
    }
    return best;
}

aclError memory_allocate(const char *call, enum memory_kind kind, size_t bytes, size_t alignment,
                         size_t slack, void **out) {
    PROFILE_SCOPE(call);
    if (bytes == 0)
        return acl_fail(ACL_ERROR_INVALID_PARAM, call, "size is 0; ask for at least 1 byte");
    size_t capacity, total;
    struct memory_block *b = NULL;
    void *base = NULL;
    if (size_add(bytes, 31 + slack, &capacity)) {
        capacity = capacity - slack - (capacity - slack) % 32 + slack;
        size_t extra = alignment > PK_ALIGNMENT ? alignment - PK_ALIGNMENT : 0;
        if (size_add(capacity, extra, &total)) base = mem_alloc_aligned(total);
        if (base) b = mem_alloc(sizeof *b);
    }
    if (!b) {
        mem_free(base);
        return acl_fail(ACL_ERROR_RT_MEMORY_ALLOCATION, call,
                        "%zu bytes of %s are not to be had; free some or ask for less", bytes,
                        kinds[kind].name);
    }
    uintptr_t address = ((uintptr_t)base + alignment - 1) / alignment * alignment;
    *b = (struct memory_block){.priority = priority_of(address),
                               .kind = kind,
                               .address = address,
                               .bytes = bytes,
                               .capacity = capacity,
                               .base = base};
    if (check_is_on()) b->made = check_place(call);
    struct memory_map *m = &runtime.memory;
    pthread_rwlock_wrlock(&m->lock);
    insert(&m->root, b);
    m->n_blocks[kind]++;
    m->n_bytes[kind] += bytes;
    pthread_rwlock_unlock(&m->lock);
    *out = (void *)address;
    return ACL_SUCCESS;
}

static bool may_free(enum memory_kind by, enum memory_kind block) {
    if (by == block) return true;
    return (by == MEMORY_DEVICE && block == MEMORY_DVPP) ||
           (by == MEMORY_DVPP && block == MEMORY_DEVICE);
}

aclError memory_release(const char *call, enum memory_kind kind, void *address) {
    PROFILE_SCOPE(call);
    if (!address)
        return acl_fail(ACL_ERROR_INVALID_PARAM, call, "%s is NULL", kinds[kind].argument);
    struct memory_map *m = &runtime.memory;
    uintptr_t a = (uintptr_t)address;
    pthread_rwlock_wrlock(&m->lock);
    struct memory_block **at = &m->root;
    while (*at && (*at)->address != a) at = a < (*at)->address ? &(*at)->left : &(*at)->right;
    struct memory_block *b = *at;
    if (b && may_free(kind, b->kind) && check_is_on()) {
        /* Queued work may still use it. The lock is given back: a report takes others. */
        const struct check_use use = {"the block", address, b->bytes, true, 0, 0};
        pthread_rwlock_unlock(&m->lock);
        ACL_TRY(check_host_uses(call, &use, 1, false));
        pthread_rwlock_wrlock(&m->lock);
        at = &m->root;
        while (*at && (*at)->address != a) at = a < (*at)->address ? &(*at)->left : &(*at)->right;
        b = *at;
    }
    if (b && may_free(kind, b->kind)) {
        *at = merge(b->left, b->right);
        m->n_blocks[b->kind]--;
        m->n_bytes[b->kind] -= b->bytes;
        pthread_rwlock_unlock(&m->lock);
        if (b->kind != kind)
            acl_log(ACL_WARNING, "%s: %p is %s; free it with %s", call, address,
                    kinds[b->kind].name, kinds[b->kind].freed_by);
        if (check_is_on()) check_keep(call, b->base, b->address, b->bytes, b->made);
        else mem_free(b->base);
        mem_free(b);
        return ACL_SUCCESS;
    }
    enum memory_kind other = b ? b->kind : MEMORY_KINDS;
    struct memory_block *around = b ? NULL : find_below(m->root, a);
    bool inside = around && a - around->address < around->capacity;
    uintptr_t start = inside ? around->address : 0;
    pthread_rwlock_unlock(&m->lock);
    if (b)
        return acl_fail(ACL_ERROR_INVALID_PARAM, call, "%p is %s; free it with %s", address,
                        kinds[other].name, kinds[other].freed_by);
    if (inside)
        return acl_fail(ACL_ERROR_INVALID_PARAM, call,
                        "%p lies %zu bytes inside the block at %p; pass the address that was "
                        "allocated",
                        address, (size_t)(a - start), (void *)start);
    char before[256];
    if (check_is_on() && check_freed_before(address, before, sizeof before))
        return acl_fail(ACL_ERROR_INVALID_PARAM, call, "%p was %s", address, before);
    return acl_fail(ACL_ERROR_INVALID_PARAM, call,
                    "%p is no allocated address: it was freed already, or did not come from this "
                    "library",
                    address);
}

aclError memory_check(const char *call, const char *what, const void *address, size_t bytes) {
    if (check_is_on()) ACL_TRY(check_range(call, what, address, bytes));
    struct memory_map *m = &runtime.memory;
    uintptr_t a = (uintptr_t)address, start = 0;
    size_t size = 0, need = 0;
    bool fits = true;
    pthread_rwlock_rdlock(&m->lock);
    const struct memory_block *b = find_below(m->root, a);
    if (b && a - b->address < b->capacity && bytes > b->capacity - (a - b->address)) {
        fits = false;
        start = b->address;
        size = b->bytes;
        need = bytes;
    }
    pthread_rwlock_unlock(&m->lock);
    if (fits) return ACL_SUCCESS;
    return acl_fail(ACL_ERROR_INVALID_PARAM, call,
                    "%s: %zu bytes from %p run past the end of the block of %zu bytes at %p", what,
                    need, address, size, (void *)start);
}

enum memory_kind memory_kind_at(const void *address) {
    struct memory_map *m = &runtime.memory;
    uintptr_t a = (uintptr_t)address;
    pthread_rwlock_rdlock(&m->lock);
    const struct memory_block *b = find_below(m->root, a);
    enum memory_kind kind = b && a - b->address < b->capacity ? b->kind : MEMORY_KINDS;
    pthread_rwlock_unlock(&m->lock);
    return kind;
}

bool memory_is_block(enum memory_kind kind, const void *address) {
    struct memory_map *m = &runtime.memory;
    pthread_rwlock_rdlock(&m->lock);
    const struct memory_block *b = find_below(m->root, (uintptr_t)address);
    bool is = b && b->address == (uintptr_t)address && b->kind == kind;
    pthread_rwlock_unlock(&m->lock);
    return is;
}

void memory_reset(void) {
    struct memory_map *m = &runtime.memory;
    pthread_rwlock_wrlock(&m->lock);
    struct memory_block *b = m->root;
    m->root = NULL;
    for (int k = 0; k < MEMORY_KINDS; k++) {
        if (m->n_blocks[k])
            acl_log(ACL_WARNING, "aclFinalize: the program left %zu blocks of %s, %zu bytes",
                    m->n_blocks[k], kinds[k].name, m->n_bytes[k]);
        m->n_blocks[k] = m->n_bytes[k] = 0;
    }
    pthread_rwlock_unlock(&m->lock);
    while (b) {
        struct memory_block *rest = merge(b->left, b->right);
        if (check_is_on()) check_leak(kinds[b->kind].name, b->bytes, &b->made);
        mem_free(b->base);
        mem_free(b);
        b = rest;
    }
    if (check_is_on()) check_finish();
}

static void visit_blocks(const struct memory_block *b,
                         void (*tell)(const char *, size_t, const struct check_place *)) {
    if (!b) return;
    visit_blocks(b->left, tell);
    tell(kinds[b->kind].name, b->bytes, &b->made);
    visit_blocks(b->right, tell);
}

void memory_visit(void (*tell)(const char *what, size_t bytes, const struct check_place *made)) {
    pthread_rwlock_rdlock(&runtime.memory.lock);
    visit_blocks(runtime.memory.root, tell);
    pthread_rwlock_unlock(&runtime.memory.lock);
}

/* ---- the calls ---- */

aclError aclrtMalloc(void **devPtr, size_t size, aclrtMemMallocPolicy policy) {
    (void)policy;
    ACL_NEED(devPtr);
    ACL_NEED_CONTEXT();
    return memory_allocate(__func__, MEMORY_DEVICE, size, 64, 32, devPtr);
}

aclError aclrtMallocAlign32(void **devPtr, size_t size, aclrtMemMallocPolicy policy) {
    (void)policy;
    ACL_NEED(devPtr);
    ACL_NEED_CONTEXT();
    return memory_allocate(__func__, MEMORY_DEVICE, size, 64, 0, devPtr);
}

aclError aclrtMallocCached(void **devPtr, size_t size, aclrtMemMallocPolicy policy) {
    (void)policy;
    ACL_NEED(devPtr);
    ACL_NEED_CONTEXT();
    return memory_allocate(__func__, MEMORY_DEVICE, size, 64, 32, devPtr);
}

aclError aclrtMallocHost(void **hostPtr, size_t size) {
    ACL_NEED(hostPtr);
    ACL_NEED_STARTED();
    return memory_allocate(__func__, MEMORY_HOST, size, 64, 0, hostPtr);
}

aclError aclrtFree(void *devPtr) {
    ACL_NEED_STARTED();
    return memory_release(__func__, MEMORY_DEVICE, devPtr);
}

aclError aclrtFreeHost(void *hostPtr) {
    ACL_NEED_STARTED();
    return memory_release(__func__, MEMORY_HOST, hostPtr);
}

aclError aclrtMemFlush(void *devPtr, size_t size) {
    ACL_NEED(devPtr);
    ACL_NEED_CONTEXT();
    if (check_is_on()) ACL_TRY(check_device_buffer(__func__, "devPtr", devPtr));
    return memory_check(__func__, "devPtr", devPtr, size);
}

aclError aclrtMemInvalidate(void *devPtr, size_t size) {
    ACL_NEED(devPtr);
    ACL_NEED_CONTEXT();
    if (check_is_on()) ACL_TRY(check_device_buffer(__func__, "devPtr", devPtr));
    return memory_check(__func__, "devPtr", devPtr, size);
}

/* The value of a line "NAME:   123 kB" of /proc/meminfo, in bytes. */
static size_t meminfo_bytes(const char *text, const char *name) {
    const char *at = strstr(text, name);
    unsigned long long kib = 0;
    if (!at || sscanf(at + strlen(name), " %llu", &kib) != 1) return 0;
    return (size_t)kib * 1024;
}

/* A number alone in a file; SIZE_MAX when there is none ("max"). */
static size_t number_in_file(const char *path) {
    unsigned long long n = 0;
    FILE *f = fopen(path, "r");
    if (!f) return SIZE_MAX;
    int read = fscanf(f, "%llu", &n);
    fclose(f);
    return read == 1 ? (size_t)n : SIZE_MAX;
}

aclError aclrtGetMemInfo(aclrtMemAttr attr, size_t *free, size_t *total) {
    ACL_NEED(free);
    ACL_NEED(total);
    ACL_CHECK((int)attr >= ACL_DDR_MEM && attr <= ACL_HBM_MEM_P2P_NORMAL, ACL_ERROR_INVALID_PARAM,
              "attr is %d; use a value of aclrtMemAttr", (int)attr);
    ACL_NEED_CONTEXT();
    char text[4096];
    FILE *f = fopen("/proc/meminfo", "r");
    ACL_CHECK(f, ACL_ERROR_RT_INTERNAL_ERROR, "/proc/meminfo cannot be read");
    size_t n = fread(text, 1, sizeof text - 1, f);
    fclose(f);
    text[n] = '\0';
    *total = meminfo_bytes(text, "MemTotal:");
    *free = meminfo_bytes(text, "MemAvailable:");
    size_t limit = number_in_file("/sys/fs/cgroup/memory.max");
    size_t used = number_in_file("/sys/fs/cgroup/memory.current");
    if (limit < *total) {
        *total = limit;
        size_t left = used < limit ? limit - used : 0;
        if (left < *free) *free = left;
    }
    return ACL_SUCCESS;
}
