/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Virtual memory by hand: reserved addresses, physical memory, and mappings of one onto the other.
 * Physical memory is an anonymous file, so it can be mapped many times and by other processes. Its
 * last page, never mapped for programs, says what it is and who may import it.
 *
 * Reservations and their mappings are few; lists behind one lock do.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "acl/internal.h"
#include "base/alloc.h"

/* PAGE is a multiple of every page size in use. */
enum { PAGE = 64 << 10, HUGE_PAGE = 2 << 20, MAX_IMPORTERS = 256 };
#define MARK UINT64_C(0x314D4D5650414D) /* of the last page */

struct share {
    uint64_t mark, bytes;
    atomic_int n;
    int32_t pids[MAX_IMPORTERS];
};

struct physical {
    int fd;
    size_t bytes;
    struct share *share;
};

struct mapping {
    struct mapping *next;
    char *at;
    size_t bytes;
    void *physical; /* handle, acquired */
};

struct reservation {
    struct reservation *next;
    char *at;
    size_t bytes;
    struct mapping *mappings;
};

/* ---- physical memory ---- */

static void physical_destroy(void *object) {
    struct physical *p = object;
    if (p->share) munmap(p->share, PAGE);
    if (p->fd >= 0) close(p->fd);
    mem_free(p);
}

/* Takes the file: a handle on it, with its last page mapped. */
static aclError adopt(const char *call, int fd, size_t bytes, void **out) {
    struct physical *p = mem_alloc(sizeof *p);
    if (p) {
        void *page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, (off_t)bytes);
        *p = (struct physical){fd, bytes, page == MAP_FAILED ? NULL : page};
        *out = p->share ? handle_create(HANDLE_PHYSICAL, p, physical_destroy) : NULL;
        if (*out) return ACL_SUCCESS;
        physical_destroy(p);
    } else {
        close(fd);
    }
    return acl_fail(ACL_ERROR_RT_MEMORY_ALLOCATION, call, "no memory for physical memory");
}

static aclError check_prop(const char *call, const aclrtPhysicalMemProp *prop) {
    if (!prop) return acl_fail(ACL_ERROR_INVALID_PARAM, call, "prop is NULL");
    ACL_TRY(context_need(call));
    bool on_device = prop->location.type == ACL_MEM_LOCATION_TYPE_DEVICE;
    if (prop->handleType != ACL_MEM_HANDLE_TYPE_NONE ||
        prop->allocationType != ACL_MEM_ALLOCATION_TYPE_PINNED || prop->reserve != 0 ||
        (unsigned)prop->memAttr > ACL_HBM_MEM_P2P_NORMAL ||
        (!on_device && prop->location.type != ACL_MEM_LOCATION_TYPE_HOST))
        return acl_fail(ACL_ERROR_INVALID_PARAM, call,
                        "prop has handleType %d, allocationType %d, memAttr %d, location.type %d, "
                        "reserve %llu; clear it and use values of the enumerations",
                        (int)prop->handleType, (int)prop->allocationType, (int)prop->memAttr,
                        (int)prop->location.type, (unsigned long long)prop->reserve);
    return on_device ? device_need(call, (int)prop->location.id) : ACL_SUCCESS;
}

static aclError check_size(const char *call, size_t size) {
    if (size && size % PAGE == 0 && size <= SIZE_MAX / 4) return ACL_SUCCESS;
    return acl_fail(ACL_ERROR_INVALID_PARAM, call,
                    "size is %zu; it is a multiple of %d (aclrtMemGetAllocationGranularity)", size,
                    PAGE);
}

static aclError need_no_flags(const char *call, uint64_t flags) {
    if (flags == 0) return ACL_SUCCESS;
    return acl_fail(ACL_ERROR_INVALID_PARAM, call, "flags is %llu; it must be 0",
                    (unsigned long long)flags);
}

aclError aclrtMemGetAllocationGranularity(aclrtPhysicalMemProp *prop,
                                          aclrtMemGranularityOptions option, size_t *granularity) {
    ACL_NEED(granularity);
    ACL_TRY(check_prop(__func__, prop));
    ACL_CHECK(option == ACL_RT_MEM_ALLOC_GRANULARITY_MINIMUM ||
                  option == ACL_RT_MEM_ALLOC_GRANULARITY_RECOMMENDED,
              ACL_ERROR_INVALID_PARAM, "option is %d; use a value of aclrtMemGranularityOptions",
              (int)option);
    *granularity = option == ACL_RT_MEM_ALLOC_GRANULARITY_MINIMUM ? PAGE : HUGE_PAGE;
    return ACL_SUCCESS;
}

aclError aclrtMallocPhysical(aclrtDrvMemHandle *handle, size_t size,
                             const aclrtPhysicalMemProp *prop, uint64_t flags) {
    ACL_NEED(handle);
    ACL_TRY(check_prop(__func__, prop));
    ACL_TRY(need_no_flags(__func__, flags));
    ACL_TRY(check_size(__func__, size));
    size_t unused, total;
    ACL_TRY(aclrtGetMemInfo(prop->memAttr, &unused, &total));
    /* Pages come with their first use; what can never come is refused now. */
    ACL_CHECK(size <= total, ACL_ERROR_RT_MEMORY_ALLOCATION,
              "%zu bytes are more than the %zu this machine has", size, total);
    int fd = memfd_create("prusik", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    ACL_CHECK(fd >= 0, ACL_ERROR_RT_MEMORY_ALLOCATION, "no anonymous file: %s", strerror(errno));
    struct share share = {.mark = MARK, .bytes = size};
    if (ftruncate(fd, (off_t)(size + PAGE)) ||
        pwrite(fd, &share, sizeof share, (off_t)size) != (ssize_t)sizeof share ||
        fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL)) {
        int why = errno;
        close(fd);
        ACL_FAIL(ACL_ERROR_RT_MEMORY_ALLOCATION, "%zu bytes are not to be had: %s", size,
                 strerror(why));
    }
    return adopt(__func__, fd, size, handle);
}

aclError aclrtFreePhysical(aclrtDrvMemHandle handle) {
    ACL_NEED_STARTED();
    return handle_end(handle, HANDLE_PHYSICAL, __func__, "handle");
}

/* ---- sharing ---- */

/* A shareable handle is the exporter's process id and file descriptor. */
aclError aclrtMemExportToShareableHandle(aclrtDrvMemHandle handle, aclrtMemHandleType handleType,
                                         uint64_t flags, uint64_t *shareableHandle) {
    ACL_NEED(shareableHandle);
    ACL_NEED_STARTED();
    struct physical *p = handle_acquire(handle, HANDLE_PHYSICAL);
    if (!p) return handle_fail(handle, HANDLE_PHYSICAL, __func__, "handle");
    int fd = p->fd;
    handle_release(handle);
    ACL_CHECK(handleType == ACL_MEM_HANDLE_TYPE_NONE, ACL_ERROR_INVALID_PARAM,
              "handleType is %d; use ACL_MEM_HANDLE_TYPE_NONE", (int)handleType);
    ACL_TRY(need_no_flags(__func__, flags));
    *shareableHandle = (uint64_t)getpid() << 32 | (uint32_t)fd;
    return ACL_SUCCESS;
}

struct allow {
    int fd;
    const int32_t *pids;
    size_t n;
    bool found, full;
};

static void allow_one(void *handle, void *object, void *user) {
    (void)handle;
    struct physical *p = object;
    struct allow *a = user;
    if (p->fd != a->fd) return;
    a->found = true;
    int n = atomic_load(&p->share->n);
    if (n < 0 || a->n > (size_t)(MAX_IMPORTERS - n)) {
        a->full = true;
        return;
    }
    memcpy(p->share->pids + n, a->pids, a->n * sizeof *a->pids);
    atomic_store(&p->share->n, n + (int)a->n);
}

aclError aclrtMemSetPidToShareableHandle(uint64_t shareableHandle, int32_t *pid, size_t pidNum) {
    ACL_NEED(pid);
    ACL_NEED_STARTED();
    ACL_CHECK(pidNum > 0, ACL_ERROR_INVALID_PARAM, "pidNum is 0");
    struct allow a = {(int)(uint32_t)shareableHandle, pid, pidNum, false, false};
    pthread_mutex_lock(&runtime.vmm_lock);
    if (shareableHandle >> 32 == (uint64_t)getpid()) handle_visit(HANDLE_PHYSICAL, allow_one, &a);
    pthread_mutex_unlock(&runtime.vmm_lock);
    ACL_CHECK(a.found, ACL_ERROR_INVALID_PARAM,
              "shareableHandle 0x%llx was not exported by this process, or its memory was freed",
              (unsigned long long)shareableHandle);
    ACL_CHECK(!a.full, ACL_ERROR_INVALID_PARAM, "more than %d processes for one handle",
              MAX_IMPORTERS);
    return ACL_SUCCESS;
}

static bool may_import(const struct share *s) {
    for (int i = 0; i < s->n && i < MAX_IMPORTERS; i++)
        if (s->pids[i] == (int32_t)getpid()) return true;
    return false;
}

aclError aclrtMemImportFromShareableHandle(uint64_t shareableHandle, int32_t deviceId,
                                           aclrtDrvMemHandle *handle) {
    ACL_NEED(handle);
    ACL_NEED_STARTED();
    ACL_TRY(device_need(__func__, deviceId));
    int pid = (int)(shareableHandle >> 32);
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/fd/%u", pid, (unsigned)(uint32_t)shareableHandle);
    int fd = open(path, O_RDWR | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    ACL_CHECK(fd >= 0, ACL_ERROR_INVALID_PARAM,
              "shareableHandle 0x%llx: %s; its process must run, as the same user, and keep the "
              "memory",
              (unsigned long long)shareableHandle, strerror(errno));
    struct share share = {0};
    struct stat st;
    int seals = fcntl(fd, F_GET_SEALS);
    bool ours = seals >= 0 && (seals & F_SEAL_SHRINK) && !fstat(fd, &st) && st.st_size > PAGE &&
                pread(fd, &share, sizeof share, st.st_size - PAGE) == (ssize_t)sizeof share &&
                share.mark == MARK && share.bytes == (uint64_t)st.st_size - PAGE;
    if (!ours || (pid != getpid() && !may_import(&share))) {
        close(fd);
        if (!ours)
            ACL_FAIL(ACL_ERROR_INVALID_PARAM, "shareableHandle 0x%llx is no exported memory",
                     (unsigned long long)shareableHandle);
        ACL_FAIL(ACL_ERROR_INVALID_PARAM,
                 "process %d does not share this memory with process %d; it allows that with "
                 "aclrtMemSetPidToShareableHandle",
                 pid, (int)getpid());
    }
    return adopt(__func__, fd, (size_t)share.bytes, handle);
}

/* ---- addresses ---- */

aclError aclrtReserveMemAddress(void **virPtr, size_t size, size_t alignment, void *expectPtr,
                                uint64_t flags) {
    ACL_NEED(virPtr);
    ACL_NEED_CONTEXT();
    ACL_TRY(check_size(__func__, size));
    ACL_CHECK(alignment == 0, ACL_ERROR_INVALID_PARAM, "alignment is %zu; it must be 0", alignment);
    ACL_CHECK(flags <= 1, ACL_ERROR_INVALID_PARAM,
              "flags is %llu; it is 0 for normal pages or 1 for huge ones",
              (unsigned long long)flags);
    struct reservation *r = mem_alloc(sizeof *r);
    ACL_CHECK(r, ACL_ERROR_RT_MEMORY_ALLOCATION, "no memory for a reservation");
    void *at = mmap(expectPtr, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (at == MAP_FAILED) {
        mem_free(r);
        ACL_FAIL(ACL_ERROR_RT_MEMORY_ALLOCATION, "%zu bytes of addresses are not to be had: %s",
                 size, strerror(errno));
    }
    pthread_mutex_lock(&runtime.vmm_lock);
    *r = (struct reservation){runtime.reservations, at, size, NULL};
    runtime.reservations = r;
    pthread_mutex_unlock(&runtime.vmm_lock);
    *virPtr = at;
    return ACL_SUCCESS;
}

/* With the lock held: the link to the reservation that holds `bytes` from `at`, or to NULL. */
static struct reservation **find(const char *at, size_t bytes) {
    struct reservation **r = &runtime.reservations;
    while (*r && (at < (*r)->at || (size_t)(at - (*r)->at) >= (*r)->bytes ||
                  bytes > (*r)->bytes - (size_t)(at - (*r)->at)))
        r = &(*r)->next;
    return r;
}

static bool is_mapped(const struct reservation *r, const char *at, size_t bytes) {
    for (const struct mapping *m = r->mappings; m; m = m->next)
        if (at < m->at + m->bytes && m->at < at + bytes) return true;
    return false;
}

aclError aclrtReleaseMemAddress(void *virPtr) {
    ACL_NEED(virPtr);
    ACL_NEED_STARTED();
    pthread_mutex_lock(&runtime.vmm_lock);
    struct reservation **at = find(virPtr, 1), *r = *at;
    bool is_start = r && r->at == virPtr, mapped = r && r->mappings;
    if (is_start && !mapped) *at = r->next;
    pthread_mutex_unlock(&runtime.vmm_lock);
    ACL_CHECK(is_start, ACL_ERROR_INVALID_PARAM,
              "%p is no reserved address; pass what aclrtReserveMemAddress gave", virPtr);
    ACL_CHECK(!mapped, ACL_ERROR_INVALID_PARAM,
              "memory is mapped in the range at %p; call aclrtUnmapMem first", virPtr);
    munmap(r->at, r->bytes);
    mem_free(r);
    return ACL_SUCCESS;
}

/* With the lock held, and m->physical acquired. */
static aclError map(const char *call, const struct physical *p, size_t offset, struct mapping *m) {
    struct reservation *r = *find(m->at, m->bytes);
    if (!r || (m->at - r->at) % PAGE)
        return acl_fail(ACL_ERROR_INVALID_PARAM, call,
                        "%zu bytes from %p do not lie in one reserved range, a multiple of %d "
                        "bytes from its start",
                        m->bytes, (void *)m->at, PAGE);
    if (is_mapped(r, m->at, m->bytes))
        return acl_fail(ACL_ERROR_INVALID_PARAM, call,
                        "memory is mapped at %p already; call aclrtUnmapMem first", (void *)m->at);
    if (offset % PAGE || offset > p->bytes || m->bytes > p->bytes - offset)
        return acl_fail(ACL_ERROR_INVALID_PARAM, call,
                        "%zu bytes from offset %zu: the physical memory has %zu bytes, in pages of "
                        "%d",
                        m->bytes, offset, p->bytes, PAGE);
    if (mmap(m->at, m->bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, p->fd,
             (off_t)offset) == MAP_FAILED)
        return acl_fail(ACL_ERROR_RT_MEMORY_ALLOCATION, call, "mapping failed: %s",
                        strerror(errno));
    m->next = r->mappings;
    r->mappings = m;
    return ACL_SUCCESS;
}

aclError aclrtMapMem(void *virPtr, size_t size, size_t offset, aclrtDrvMemHandle handle,
                     uint64_t flags) {
    ACL_NEED(virPtr);
    ACL_NEED_STARTED();
    struct physical *p = handle_acquire(handle, HANDLE_PHYSICAL);
    if (!p) return handle_fail(handle, HANDLE_PHYSICAL, __func__, "handle");
    struct mapping *m = NULL;
    aclError code = need_no_flags(__func__, flags);
    if (code == ACL_SUCCESS) code = check_size(__func__, size);
    if (code == ACL_SUCCESS && (m = mem_alloc(sizeof *m))) {
        *m = (struct mapping){.at = virPtr, .bytes = size, .physical = handle};
        pthread_mutex_lock(&runtime.vmm_lock);
        code = map(__func__, p, offset, m);
        pthread_mutex_unlock(&runtime.vmm_lock);
    } else if (code == ACL_SUCCESS) {
        code = acl_fail(ACL_ERROR_BAD_ALLOC, __func__, "no memory for a mapping");
    }
    if (code == ACL_SUCCESS) return code; /* the mapping keeps the physical memory */
    mem_free(m);
    handle_release(handle);
    return code;
}

static void unmap(struct mapping *m) {
    mmap(m->at, m->bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1,
         0);
    handle_release(m->physical);
    mem_free(m);
}

aclError aclrtUnmapMem(void *virPtr) {
    ACL_NEED(virPtr);
    ACL_NEED_STARTED();
    struct mapping *m = NULL;
    pthread_mutex_lock(&runtime.vmm_lock);
    struct reservation *r = *find(virPtr, 1);
    if (r) {
        struct mapping **at = &r->mappings;
        while (*at && (*at)->at != virPtr) at = &(*at)->next;
        m = *at;
        if (m) {
            *at = m->next;
            unmap(m);
        }
    }
    pthread_mutex_unlock(&runtime.vmm_lock);
    ACL_CHECK(m, ACL_ERROR_INVALID_PARAM,
              "no memory is mapped at %p; pass the address aclrtMapMem was given", virPtr);
    return ACL_SUCCESS;
}

void vmm_reset(void) {
    pthread_mutex_lock(&runtime.vmm_lock);
    int left = 0;
    while (runtime.reservations) {
        struct reservation *r = runtime.reservations;
        runtime.reservations = r->next;
        while (r->mappings) {
            struct mapping *m = r->mappings;
            r->mappings = m->next;
            unmap(m);
        }
        munmap(r->at, r->bytes);
        mem_free(r);
        left++;
    }
    pthread_mutex_unlock(&runtime.vmm_lock);
    if (left) acl_log(ACL_WARNING, "aclFinalize: the program left %d reserved ranges", left);
}
