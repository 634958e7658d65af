/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the kernel tests share: random numbers from a printed seed (give it as first argument to
 * repeat a run), buffers with guard words, and the loop over the instruction sets of this CPU.
 *
 * Sources are allocated to the exact byte, so that the address sanitizer sees reads outside.
 */
#ifndef PK_TESTS_KERNELS_SUPPORT_H
#define PK_TESTS_KERNELS_SUPPORT_H

#include "../check.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/alloc.h"
#include "kernels/kernels.h"

#define UNUSED __attribute__((unused))

static uint64_t random_state;

static UNUSED void random_start(int argc, char **argv) {
    const uint64_t seed = argc > 1 ? strtoull(argv[1], NULL, 10) : (uint64_t)time(NULL);
    printf("seed %llu\n", (unsigned long long)seed);
    random_state = seed * 2862933555777941757u + 3037000493u;
}
static UNUSED uint32_t random_bits(void) {
    random_state = random_state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(random_state >> 32);
}
static UNUSED int random_int(int from, int to) {
    return from + (int)(random_bits() % (uint32_t)(to - from + 1));
}
/* Uniform in [from, to). */
static UNUSED float random_float(float from, float to) {
    return from + (to - from) * (float)(random_bits() >> 8) / 16777216.0f;
}

/* Exactly n elements of `bytes`, filled with random floats of [-2, 2) if these are floats. */
static UNUSED void *source_bytes(size_t bytes) {
    uint8_t *p = mem_alloc(bytes ? bytes : 1);
    assert_non_null(p);
    for (size_t i = 0; i < bytes; i++) p[i] = (uint8_t)random_bits();
    return p;
}
static UNUSED float *source_floats(int64_t n) {
    float *p = mem_alloc((size_t)(n ? n : 1) * sizeof(float));
    assert_non_null(p);
    for (int64_t i = 0; i < n; i++) p[i] = random_float(-2, 2);
    return p;
}

/* A destination: all of it starts as the guard byte, 256 bytes of which stand on both sides. */
enum { GUARD_BYTES = 256, GUARD = 0xa5 };

static UNUSED void *guarded(size_t bytes) {
    uint8_t *p = mem_alloc_aligned(bytes + 2 * GUARD_BYTES);
    assert_non_null(p);
    memset(p, GUARD, bytes + 2 * GUARD_BYTES);
    return p + GUARD_BYTES;
}
static UNUSED float *guarded_floats(int64_t n) { return guarded((size_t)n * sizeof(float)); }
static UNUSED void guarded_free(void *p, size_t bytes, const char *what) {
    const uint8_t *q = p;
    for (int i = 1; i <= GUARD_BYTES; i++) {
        if (q[-i] != GUARD) fail_msg("%s: byte %d before the result was written", what, i);
        if (q[bytes + (size_t)i - 1] != GUARD)
            fail_msg("%s: byte %d after the result was written", what, i);
    }
    mem_free((uint8_t *)p - GUARD_BYTES);
}
static UNUSED int untouched(const void *p, size_t bytes) {
    const uint8_t *q = p;
    for (size_t i = 0; i < bytes; i++)
        if (q[i] != GUARD) return 0;
    return 1;
}

/* Equal, both NaN, the same infinity, or within tolerance of max(|want|, range). */
static UNUSED int close_to(double got, double want, double tolerance, double range) {
    if (isnan(want)) return isnan(got);
    if (got == want) return 1;
    if (isinf(want) || isnan(got)) return 0;
    return fabs(got - want) <= tolerance * fmax(fabs(want), range);
}

#define FOR_EACH_ISA(k)                                                                            \
    for (int isa_ = 0; isa_ < ISA_COUNT; isa_++)                                                   \
        for (const struct kernels *k = kernels_for((enum isa)isa_); k; k = NULL)

#endif
