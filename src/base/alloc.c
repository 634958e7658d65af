/* SPDX-License-Identifier: Apache-2.0 */
/* malloc with counters and a fault injector; see alloc.h. */
#include "base/alloc.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { LARGE_PAGE = 2 << 20 };

static atomic_uint_fast64_t total, live, fail_countdown;
static atomic_bool fail_forever;

void mem_fail_after(uint64_t n, bool forever) {
    atomic_store(&fail_forever, forever);
    atomic_store(&fail_countdown, n);
}
uint64_t mem_total_allocations(void) { return atomic_load(&total); }
uint64_t mem_live_allocations(void) { return atomic_load(&live); }

static bool should_fail(void) {
    uint64_t n = atomic_load_explicit(&fail_countdown, memory_order_relaxed);
    if (n == 0) return false;
    if (n > 1) {
        /* Several threads may race here; each still takes one step of the countdown. */
        return atomic_fetch_sub(&fail_countdown, 1) == 1;
    }
    if (!atomic_load(&fail_forever)) atomic_store(&fail_countdown, 0);
    return true;
}

static void *count(void *p) {
    if (p) {
        atomic_fetch_add_explicit(&total, 1, memory_order_relaxed);
        atomic_fetch_add_explicit(&live, 1, memory_order_relaxed);
    }
    return p;
}

/* No object is larger than a pointer difference can tell; sanitizers end the program for asking. */
static bool too_large(size_t bytes) { return bytes > PTRDIFF_MAX; }

void *mem_alloc(size_t bytes) {
    return too_large(bytes) || should_fail() ? NULL : count(malloc(bytes ? bytes : 1));
}

void *mem_calloc(size_t n, size_t bytes) {
    size_t all;
    if (!size_mul(n, bytes, &all) || too_large(all) || should_fail()) return NULL;
    return count(calloc(n ? n : 1, bytes ? bytes : 1));
}

void *mem_realloc(void *p, size_t bytes) {
    if (!p) return mem_alloc(bytes);
    if (too_large(bytes) || should_fail()) return NULL;
    void *q = realloc(p, bytes ? bytes : 1);
    if (q) atomic_fetch_add_explicit(&total, 1, memory_order_relaxed);
    return q;
}

void *mem_reserve(size_t bytes) {
    if (bytes > PTRDIFF_MAX - PK_ALIGNMENT || should_fail()) return NULL;
    bytes = (bytes + PK_ALIGNMENT - 1) / PK_ALIGNMENT * PK_ALIGNMENT;
    void *p = NULL;
    if (bytes < LARGE_PAGE) return count(aligned_alloc(PK_ALIGNMENT, bytes ? bytes : PK_ALIGNMENT));
    return posix_memalign(&p, LARGE_PAGE, bytes) ? NULL : count(p);
}

size_t mem_rounded(size_t bytes) {
    const size_t over = bytes % LARGE_PAGE;
    return over < LARGE_PAGE / 2 || bytes > PTRDIFF_MAX ? bytes : bytes - over + LARGE_PAGE;
}

/* Advice on the whole pages of a size within [p, p + bytes); one that a system does not take makes
 * no difference but in time. Returns the end of the last page. */
static uintptr_t advise(const void *p, size_t bytes, uintptr_t page, int advice) {
    const uintptr_t begin = ((uintptr_t)p + page - 1) / page * page;
    const uintptr_t end = ((uintptr_t)p + bytes) / page * page;
    if (begin >= end) return (uintptr_t)p;
    madvise((void *)begin, end - begin, advice);
    return end;
}

/* Large pages save faults at load and look-ups in every run. The last part stays on small ones, so
 * that no more memory is held than asked for. */
static uintptr_t want_large_pages(const void *p, size_t bytes) {
#ifdef MADV_HUGEPAGE
    return advise(p, bytes, LARGE_PAGE, MADV_HUGEPAGE);
#else
    (void)bytes;
    return (uintptr_t)p;
#endif
}

void *mem_alloc_aligned(size_t bytes) {
    void *p = mem_reserve(bytes);
    if (p) want_large_pages(p, bytes);
    return p;
}

void mem_will_fill(void *p, size_t bytes) {
    const uintptr_t done = want_large_pages(p, bytes);
#ifdef MADV_POPULATE_WRITE
    advise((void *)done, (uintptr_t)p + bytes - done, (uintptr_t)sysconf(_SC_PAGESIZE),
           MADV_POPULATE_WRITE);
#else
    (void)done;
#endif
}

void mem_will_not_read(void *p, size_t bytes) {
    advise(p, bytes, (uintptr_t)sysconf(_SC_PAGESIZE), MADV_DONTNEED);
}

char *mem_strdup(const char *s) {
    size_t n = strlen(s) + 1;
    char *p = mem_alloc(n);
    if (p) memcpy(p, s, n);
    return p;
}

void mem_free(void *p) {
    if (!p) return;
    atomic_fetch_sub_explicit(&live, 1, memory_order_relaxed);
    free(p);
}
