/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The vocabulary of the *.isa.c files: a vector of VL floats in GNU vector extensions and the few
 * operations that plain C cannot say well. Arithmetic is written with + - * / directly.
 *
 * VL and ISA_NAME come from the build. All functions are static inline: vectors never cross an
 * object's border. Tails are copied, never read past the end of a buffer.
 */
#ifndef PK_KERNELS_SIMD_H
#define PK_KERNELS_SIMD_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#if defined(__x86_64__)
#include <immintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif

#include "kernels/activation.h"

#define CONCAT_(a, b) a##b
#define CONCAT(a, b) CONCAT_(a, b)
#define K(name) CONCAT(name##__, ISA_NAME)

/* Loops over registers must be unrolled fully; loops over channels by two: more lets gcc hoist and
 * spill. */
#if PK_FEW_TILES /* instrumented builds: unrolled loops take minutes to compile there */
#define UNROLL_FULL
#define UNROLL_2
#elif defined(__clang__)
#define UNROLL_FULL _Pragma("clang loop unroll(full)")
#define UNROLL_2 _Pragma("clang loop unroll_count(2)")
#else
#define UNROLL_FULL _Pragma("GCC unroll 64")
#define UNROLL_2 _Pragma("GCC unroll 2")
#endif
#define INLINE static inline __attribute__((always_inline))
/* Once: gcc would make a copy for every size of a register tile that calls it. */
#if defined(__clang__)
#define NOINLINE __attribute__((noinline))
#else
#define NOINLINE __attribute__((noinline, noclone))
#endif
#define UNUSED __attribute__((unused))

typedef float vf __attribute__((vector_size(4 * VL)));
typedef int32_t vi __attribute__((vector_size(4 * VL)));
typedef float vf_unaligned __attribute__((vector_size(4 * VL), aligned(4), may_alias));
typedef int32_t vi_unaligned __attribute__((vector_size(4 * VL), aligned(4), may_alias));

INLINE vf vf_set(float x) { return x - (vf){0}; }
INLINE vi vi_set(int32_t x) { return x - (vi){0}; }
INLINE vf vf_load(const float *p) { return *(const vf_unaligned *)p; }
INLINE void vf_store(float *p, vf v) { *(vf_unaligned *)p = v; }
INLINE vi vi_load(const int32_t *p) { return *(const vi_unaligned *)p; }
INLINE void vi_store(int32_t *p, vi v) { *(vi_unaligned *)p = v; }

/* The first n lanes, 0 <= n <= VL; the others are zero, and are not written. */
#if VL == 16
INLINE vf vf_load_n(const float *p, size_t n) {
    return _mm512_maskz_loadu_ps((__mmask16)((1u << n) - 1), p);
}
INLINE void vf_store_n(float *p, vf v, size_t n) {
    _mm512_mask_storeu_ps(p, (__mmask16)((1u << n) - 1), v);
}
#elif VL == 8
INLINE __m256i first_lanes_mask(size_t n) {
    return _mm256_cmpgt_epi32(_mm256_set1_epi32((int)n), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}
INLINE vf vf_load_n(const float *p, size_t n) {
    return _mm256_maskload_ps(p, first_lanes_mask(n));
}
INLINE void vf_store_n(float *p, vf v, size_t n) {
    _mm256_maskstore_ps(p, first_lanes_mask(n), v);
}
#else
static NOINLINE UNUSED vf vf_load_n(const float *p, size_t n) {
    vf v = {0};
    for (size_t i = 0; i < n; i++) v[i] = p[i];
    return v;
}
static NOINLINE UNUSED void vf_store_n(float *p, vf v, size_t n) {
    for (size_t i = 0; i < n; i++) p[i] = v[i];
}
#endif

/* Where either operand is NaN, x86 gives b; put the value that may be NaN there to keep it. */
INLINE vf vf_max(vf a, vf b) {
#if VL == 16
    return _mm512_max_ps(a, b);
#elif VL == 8
    return _mm256_max_ps(a, b);
#elif defined(__x86_64__)
    return _mm_max_ps(a, b);
#elif defined(__aarch64__)
    return vmaxq_f32(a, b);
#else
    vf r;
    for (int i = 0; i < VL; i++) r[i] = a[i] > b[i] ? a[i] : b[i];
    return r;
#endif
}
INLINE vf vf_min(vf a, vf b) {
#if VL == 16
    return _mm512_min_ps(a, b);
#elif VL == 8
    return _mm256_min_ps(a, b);
#elif defined(__x86_64__)
    return _mm_min_ps(a, b);
#elif defined(__aarch64__)
    return vminq_f32(a, b);
#else
    vf r;
    for (int i = 0; i < VL; i++) r[i] = a[i] < b[i] ? a[i] : b[i];
    return r;
#endif
}
INLINE vf vf_sqrt(vf a) {
#if VL == 16
    return _mm512_sqrt_ps(a);
#elif VL == 8
    return _mm256_sqrt_ps(a);
#elif defined(__x86_64__)
    return _mm_sqrt_ps(a);
#elif defined(__aarch64__)
    return vsqrtq_f32(a);
#else
    vf r;
    for (int i = 0; i < VL; i++) r[i] = __builtin_sqrtf(a[i]);
    return r;
#endif
}

/* mask lanes are 0 or -1, as comparisons of vf give them. */
INLINE vf vf_select(vi mask, vf yes, vf no) {
    return (vf)(((vi)yes & mask) | ((vi)no & ~mask));
}
INLINE vf vf_and(vf a, vi mask) { return (vf)((vi)a & mask); }
INLINE vf vf_abs(vf a) { return (vf)((vi)a & 0x7fffffff); }
INLINE vf vf_copysign(vf magnitude, vf sign) {
    return (vf)(((vi)magnitude & 0x7fffffff) | ((vi)sign & (int32_t)0x80000000));
}
INLINE vf vf_round(vf x) { /* to nearest even */
    vf magic = vf_copysign(vf_set(0x1p23f), x);
    vf r = vf_copysign((x + magic) - magic, x);
    return vf_select(vf_abs(x) < 0x1p23f, r, x);
}
INLINE vf vf_floor(vf x) {
    vf r = vf_round(x);
    return r - vf_and(vf_set(1.0f), r > x);
}
INLINE vf vf_ceil(vf x) {
    vf r = vf_round(x);
    return vf_copysign(r + vf_and(vf_set(1.0f), r < x), x);
}

/* Horizontal: a fixed tree, so that results do not depend on the compiler. */
INLINE float vf_sum(vf v) {
    float t[VL];
    memcpy(t, &v, sizeof t);
    for (int n = VL / 2; n; n /= 2)
        for (int i = 0; i < n; i++) t[i] += t[i + n];
    return t[0];
}
INLINE float vf_max_lane(vf v) {
    float t[VL];
    memcpy(t, &v, sizeof t);
    for (int n = VL / 2; n; n /= 2)
        for (int i = 0; i < n; i++) t[i] = t[i] > t[i + n] ? t[i] : t[i + n];
    return t[0];
}

/* e^(scale x) for activations, scale 1 or -1: x beyond +-87 gives the value at the end (0 and inf
 * with AVX-512, which needs no clamps), NaN stays NaN. The exponent is cut by FMA into a whole part
 * and r, and 2^r is a minimax polynomial: 4e-7 relative. */
#if VL == 8
/* The whole part in eighths, for which there is a table, so that degree 3 is enough. */
INLINE vf vf_exp_scaled(vf x, float scale) {
    static const union {
        float f[8];
        vi bits;
    } eighths = {{1, 1.09050773f, 1.18920712f, 1.29683955f, 1.41421356f, 1.54221083f, 1.68179283f,
                  1.83400809f}};
    /* What the three bits of the table's index add to a float whose exponent n is shifted to. */
    const vi surplus = {0, 1 << 20, 2 << 20, 3 << 20, 4 << 20, 5 << 20, 6 << 20, 7 << 20};
    const float per_eighth = scale * 8 * 1.44269504f, magic = 0x1.8p23f;
    x = vf_min(vf_set(87.0f), vf_max(vf_set(-87.0f), x));
    vf k = x * per_eighth + magic; /* n is in its lowest bits */
    vf r = x * per_eighth - (k - magic);
    vf p = r * 1.08396290e-4f + 3.75412614e-3f;
    p = p * r + 8.66434011e-2f;
    p = p * r + 1.0f;
    vi bits = (vi)_mm256_permutevar8x32_epi32((__m256i)(eighths.bits - surplus), (__m256i)k);
    return p * (vf)(bits + ((vi)k << 20)); /* a product: NaN stays NaN, and 1 + e^x is one FMA */
}
#else
INLINE vf vf_exp_scaled(vf x, float scale) {
    const float log2e = scale * 1.44269504f;
#if VL == 16
    vf t = x * log2e, r = _mm512_reduce_ps(t, 0);
#else
    x = vf_min(vf_set(87.0f), vf_max(vf_set(-87.0f), x));
    /* 1.5 * 2^23 leaves n in the lowest bits of k, and with 127 the exponent of 2^n. */
    const float magic = 0x1.8p23f + 127;
    vf k = x * log2e + magic;
    vf r = x * log2e - (k - magic);
#endif
    vf p = r * 0.00132764722f + 0.00967554133f;
    p = p * r + 0.0555071327f;
    p = p * r + 0.240221197f;
    p = p * r + 0.693146967f;
    p = p * r + 1.00000007f;
#if VL == 16
    return _mm512_scalef_ps(p, t - r);
#else
    return p * (vf)((vi)k << 23); /* a product: NaN stays NaN, and 1 + e^x is one FMA */
#endif
}
#endif
INLINE vf vf_exp_clamped(vf x) { return vf_exp_scaled(x, 1); }
/* e^x to 3e-7 relative over the whole range: inf above 88.72, 0 below -87.33. Two reductions in
 * Cody-Waite form, for the operator Exp and softmax. */
INLINE vf vf_exp(vf x) {
#if VL == 16
    vf c = vf_min(vf_set(100.0f), vf_max(vf_set(-110.0f), x));
    vf n = _mm512_roundscale_ps(c * 1.44269504f, 0);
#else
    vf c = vf_min(vf_set(88.7228394f), vf_max(vf_set(-87.33654f), x));
    vf k = c * 1.44269504f + 0x1.8p23f, n = k - 0x1.8p23f;
#endif
    vf r = c - n * 0.693359375f;
    r = r - n * -2.12194440e-4f;
    vf p = r * 1.9875691500e-4f + 1.3981999507e-3f;
    p = p * r + 8.3334519073e-3f;
    p = p * r + 4.1665795894e-2f;
    p = p * r + 1.6666665459e-1f;
    p = p * r + 5.0000001201e-1f;
    p = p * (r * r) + r + 1.0f;
#if VL == 16
    return _mm512_scalef_ps(p, n);
#else
    /* 2^n in two steps: n may be 128, which a float's exponent cannot hold. */
    vi e = __builtin_convertvector(n, vi), half = e >> 1;
    p = p * (vf)((half + 127) << 23) * (vf)((e - half + 127) << 23);
    p = vf_select(x < -87.33654f, (vf){0}, p);
    return vf_select(x > 88.7228394f, vf_set(__builtin_inff()), p);
#endif
}
/* Natural logarithm: -inf at 0, NaN below. */
INLINE vf vf_log(vf x) {
    vi tiny = x < 0x1p-126f;
    vf m = vf_select(tiny, x * 0x1p23f, x);
    vi bits = (vi)m;
    vi e = (bits >> 23) - 127 - (tiny & 23);
    m = (vf)((bits & 0x007fffff) | 0x3f800000);
    vi big = m > 1.41421356f;
    m = vf_select(big, m * 0.5f, m) - 1.0f;
    vf n = __builtin_convertvector(e - big, vf);
    vf z = m * m;
    vf p = m * 7.0376836292e-2f - 1.1514610310e-1f;
    p = p * m + 1.1676998740e-1f;
    p = p * m - 1.2420140846e-1f;
    p = p * m + 1.4249322787e-1f;
    p = p * m - 1.6668057665e-1f;
    p = p * m + 2.0000714765e-1f;
    p = p * m - 2.4999993993e-1f;
    p = p * m + 3.3333331174e-1f;
    p = p * m * z;
    p = p + n * -2.12194440e-4f - 0.5f * z;
    vf r = m + p + n * 0.693359375f;
    r = vf_select(x == __builtin_inff(), x, r);
    r = vf_select(x == 0.0f, vf_set(-__builtin_inff()), r);
    return vf_select(x >= 0.0f, r, vf_set(__builtin_nanf("")));
}

INLINE vf vf_sigmoid(vf x) { return 1.0f / (1.0f + vf_exp_scaled(x, -1)); }
INLINE vf vf_swish(vf x) { return x / (1.0f + vf_exp_scaled(x, -1)); }
INLINE vf vf_tanh(vf x) {
    vf a = vf_abs(x);
    vf e = vf_exp_clamped(a * -2.0f);
    vf big = (1.0f - e) / (1.0f + e);
    /* 1 - e loses digits near zero: there a short odd polynomial. */
    vf z = a * a;
    vf small = a + a * z * (-0.333333333f + z * (0.133333333f - z * 0.0539682540f));
    return vf_copysign(vf_select(a < 0.25f, small, big), x);
}
/* By Abramowitz and Stegun 7.1.26: 2e-7 absolute. */
INLINE vf vf_erf(vf x) {
    vf a = vf_abs(x);
    vf t = 1.0f / (1.0f + 0.3275911f * a);
    vf p = t * 1.061405429f - 1.453152027f;
    p = p * t + 1.421413741f;
    p = p * t - 0.284496736f;
    p = p * t + 0.254829592f;
    return vf_copysign(1.0f - p * t * vf_exp_clamped(-(a * a)), x);
}
INLINE vf vf_mish(vf x) {
    /* tanh(log(1 + e)) = n / (n + 2), n = e (e + 2); above 20 the quotient is 1. */
    vf e = vf_exp_clamped(vf_min(vf_set(20.0f), x));
    vf n = e * (e + 2.0f);
    return x * n / (n + 2.0f);
}
INLINE vf vf_gelu(vf x) { return 0.5f * x * (1.0f + vf_erf(x * 0.707106781f)); }
INLINE vf vf_gelu_tanh(vf x) {
    vf t = x * (0.797884561f + 0.0356774081f * x * x);
    return x / (1.0f + vf_exp_clamped(t * -2.0f));
}
INLINE vf vf_softplus(vf x) {
    vf a = vf_exp_clamped(-vf_abs(x));
    /* log1p: for a small a, a - a^2/2. */
    vf l = vf_select(a < 1e-3f, a - 0.5f * a * a, vf_log(1.0f + a));
    return vf_max(vf_set(0.0f), x) + l;
}

/* One activation; `act` should be a constant or hoisted by the caller. */
INLINE vf vf_activate(vf x, enum activation act, float alpha, float beta) {
    switch (act) {
    case ACT_RELU: return vf_max(vf_set(0.0f), x);
    case ACT_LEAKY: return vf_select(x < 0.0f, x * alpha, x);
    case ACT_CLIP: return vf_min(vf_set(beta), vf_max(vf_set(alpha), x));
    case ACT_SIGMOID: return vf_sigmoid(x);
    case ACT_HARD_SIGMOID: return vf_min(vf_set(1.0f), vf_max(vf_set(0.0f), x * alpha + beta));
    case ACT_HARD_SWISH:
        return x * vf_min(vf_set(1.0f), vf_max(vf_set(0.0f), x * (1.0f / 6) + 0.5f));
    case ACT_SWISH: return vf_swish(x);
    case ACT_TANH: return vf_tanh(x);
    case ACT_MISH: return vf_mish(x);
    case ACT_GELU: return vf_gelu(x);
    case ACT_GELU_TANH: return vf_gelu_tanh(x);
    case ACT_ELU: return vf_select(x < 0.0f, alpha * (vf_exp_clamped(x) - 1.0f), x);
    case ACT_SOFTPLUS: return vf_softplus(x);
    default: return x;
    }
}

#endif
