/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The one way this project allocates memory.
 *
 * Everything goes through these functions so that tests can count allocations, make the Nth one
 * fail, and find what was not freed. All return NULL on failure and never abort; a size that would
 * overflow fails like any other. Sizes in bytes.
 */
#ifndef PK_BASE_ALLOC_H
#define PK_BASE_ALLOC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PK_ALIGNMENT ((size_t)64) /* a cache line, and the widest vector */

void *mem_alloc(size_t bytes);
void *mem_calloc(size_t count, size_t bytes);
void *mem_realloc(void *p, size_t bytes);
/* 64-byte aligned, size rounded up to 64; released with mem_free like the others. */
void *mem_alloc_aligned(size_t bytes);
/* The same for a block that is used from its start on, bit by bit: only what has been touched is
 * held. mem_will_fill() before a part of it is written as a whole saves the page faults. */
void *mem_reserve(size_t bytes);
/* What to reserve and announce for so many bytes where time matters more than up to half a large
 * page: the last part is on one, too, if it is more than half of one. */
size_t mem_rounded(size_t bytes);
void mem_will_fill(void *p, size_t bytes);
/* What p points at, part of a live allocation, is not read again before it is written again. */
void mem_will_not_read(void *p, size_t bytes);
char *mem_strdup(const char *s);
void mem_free(void *p); /* mem_free(NULL) is fine */

static inline bool size_mul(size_t a, size_t b, size_t *out) {
    return !__builtin_mul_overflow(a, b, out);
}
static inline bool size_add(size_t a, size_t b, size_t *out) {
    return !__builtin_add_overflow(a, b, out);
}
/* Product of two non-negative element counts; false on overflow or a negative operand. */
static inline bool i64_mul(int64_t a, int64_t b, int64_t *out) {
    return a >= 0 && b >= 0 && !__builtin_mul_overflow(a, b, out);
}

/* Test hooks. mem_fail_after(n): the n-th allocation from now fails (and every one after it when
 * `forever`); 0 turns it off. Counters are of the whole process. */
void mem_fail_after(uint64_t n, bool forever);
uint64_t mem_total_allocations(void);
uint64_t mem_live_allocations(void);

#endif
