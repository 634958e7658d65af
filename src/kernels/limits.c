/* SPDX-License-Identifier: Apache-2.0 */
/* Measures the limits of limits.h: the best of five tries, since other work only takes away. */
#include "kernels/limits.h"

#include <stdint.h>
#include <string.h>
#include <time.h>

#include "base/alloc.h"

static double now_us(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec * 1e-3;
}

/* Twelve independent chains of multiply-adds: no load, no store. */
#define LIMIT(name, attribute, lanes)                                                              \
    attribute static double limit_##name(void) {                                                   \
        typedef float v __attribute__((vector_size(4 * lanes)));                                   \
        v a[12], x = {0}, y = {0};                                                                 \
        for (int i = 0; i < 12; i++) a[i] = (v){0};                                                \
        __asm__ volatile("" : "+m"(x), "+m"(y));                                                   \
        double t = now_us();                                                                       \
        for (int n = 0; n < 20000; n++) {                                                          \
            _Pragma("GCC unroll 12") for (int i = 0; i < 12; i++) a[i] = a[i] * x + y;             \
        }                                                                                          \
        t = now_us() - t;                                                                          \
        for (int i = 0; i < 12; i++) x += a[i];                                                    \
        __asm__ volatile("" : : "m"(x));                                                           \
        return 20000.0 * 12 * 2 * lanes / t / 1e3;                                                 \
    }
#if defined(__x86_64__)
LIMIT(avx512, __attribute__((target("avx512f,fma"))), 16)
LIMIT(avx2, __attribute__((target("avx2,fma"))), 8)
#endif
LIMIT(base, , 4)

double limits_fma_gflops(enum isa isa) {
    double best = 0;
    for (int i = 0; i < 5; i++) {
        double g = 0;
        switch (isa) {
#if defined(__x86_64__)
        case ISA_AVX512: g = limit_avx512(); break;
        case ISA_AVX2: g = limit_avx2(); break;
#endif
        default: g = limit_base();
        }
        if (g > best) best = g;
    }
    return best;
}

double limits_memory_gbs(void) {
    typedef uint32_t v __attribute__((vector_size(64)));
    const size_t n = (size_t)128 << 20;
    v *p = mem_alloc_aligned(n), sum[4] = {0};
    if (!p) return 0;
    memset(p, 1, n);
    double best = 0;
    for (int i = 0; i < 5; i++) {
        double t = now_us();
        for (size_t j = 0; j < n / sizeof(v); j += 4)
            for (int u = 0; u < 4; u++) sum[u] += p[j + (size_t)u];
        t = now_us() - t;
        __asm__ volatile("" : : "m"(sum));
        if ((double)n / t * 1e-3 > best) best = (double)n / t * 1e-3;
    }
    mem_free(p);
    return best;
}
