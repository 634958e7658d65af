/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Data movement kernels; move.h says what a call covers. The heart is a transpose of VL x VL floats
 * in registers (transpose.h), log2(VL) shuffles a vector.
 */
#include "kernels/move.h"
#include "kernels/transpose.h"

/* ---- layouts ---- */

static void nchw_to_block(const float *restrict src, int64_t src_c, int n_channels,
                          float *restrict dst, size_t n_pixels) {
    size_t p = 0;
    vf r[VL];
    if (n_channels == VL) {
        for (; p + VL <= n_pixels; p += VL) {
            UNROLL_FULL for (int c = 0; c < VL; c++) r[c] = vf_load(src + c * src_c + p);
            transpose(r);
            UNROLL_FULL for (int i = 0; i < VL; i++) vf_store(dst + (p + (size_t)i) * VL, r[i]);
        }
    }
    for (; p < n_pixels; p += VL) {
        const size_t n = n_pixels - p < VL ? n_pixels - p : VL;
        for (int c = 0; c < VL; c++)
            r[c] = c < n_channels ? vf_load_n(src + c * src_c + p, n) : (vf){0};
        transpose(r);
        for (size_t i = 0; i < n; i++) vf_store(dst + (p + i) * VL, r[i]);
    }
}

static void block_to_nchw(const float *restrict src, int lane, int n_channels,
                          float *restrict dst, int64_t dst_c, size_t n_pixels) {
    size_t p = 0;
    vf r[VL];
    if (n_channels == VL) {
        for (; p + VL <= n_pixels; p += VL) {
            UNROLL_FULL for (int i = 0; i < VL; i++) r[i] = vf_load(src + (p + (size_t)i) * VL);
            transpose(r);
            UNROLL_FULL for (int c = 0; c < VL; c++) vf_store(dst + c * dst_c + p, r[c]);
        }
    }
    for (; p < n_pixels; p += VL) {
        const size_t n = n_pixels - p < VL ? n_pixels - p : VL;
        for (size_t i = 0; i < VL; i++) r[i] = i < n ? vf_load(src + (p + i) * VL) : (vf){0};
        transpose(r);
        for (int c = 0; c < n_channels; c++) vf_store_n(dst + c * dst_c + p, r[lane + c], n);
    }
}

static void block_to_nhwc(const float *restrict src, int64_t src_c, int lane, int n_channels,
                          float *restrict dst, int64_t dst_pixel, size_t n_pixels) {
    /* A piece of the first block, whole blocks, and a piece of the last. */
    int first = lane ? VL - lane : 0;
    if (first > n_channels) first = n_channels;
    const float *next = lane ? src + src_c : src;
    const int whole = (n_channels - first) / VL, rest = (n_channels - first) % VL;
    src += lane;
    for (size_t p = 0; p < n_pixels; p++, src += VL, next += VL, dst += dst_pixel) {
        if (first) vf_store_n(dst, vf_load_n(src, (size_t)first), (size_t)first);
        float *to = dst + first;
        for (int k = 0; k < whole; k++) vf_store(to + k * VL, vf_load(next + k * src_c));
        if (rest) vf_store_n(to + whole * VL, vf_load(next + whole * src_c), (size_t)rest);
    }
}

static void nhwc_to_block(const float *restrict src, int64_t src_pixel, int n_channels,
                          float *restrict dst, int64_t dst_c, size_t n_pixels) {
    const int whole = n_channels / VL, rest = n_channels % VL;
    for (size_t p = 0; p < n_pixels; p++, src += src_pixel, dst += VL) {
        for (int k = 0; k < whole; k++) vf_store(dst + k * dst_c, vf_load(src + k * VL));
        if (rest) vf_store(dst + whole * dst_c, vf_load_n(src + whole * VL, (size_t)rest));
    }
}

/* v[index[l]] in the lanes of `mask`, `others` elsewhere. */
#if VL == 16
typedef __mmask16 lane_mask;
INLINE vf permute_into(vf others, vf v, vi index, lane_mask mask) {
    return _mm512_mask_permutexvar_ps(others, mask, (__m512i)index, v);
}
INLINE lane_mask mask_with(lane_mask m, int l) { return (lane_mask)(m | 1u << l); }
#else
typedef vi lane_mask;
INLINE vf permute_into(vf others, vf v, vi index, lane_mask mask) {
#if VL == 8
    v = _mm256_permutevar8x32_ps(v, (__m256i)index);
#elif !defined(__clang__)
    v = __builtin_shuffle(v, index);
#else
    vf r;
    for (int l = 0; l < VL; l++) r[l] = v[index[l] & (VL - 1)];
    v = r;
#endif
    return vf_select(mask, v, others);
}
INLINE lane_mask mask_with(lane_mask m, int l) {
    m[l] = -1;
    return m;
}
#endif

INLINE void gather_from(const int n, const float *const *block, const vi *index,
                        const lane_mask *mask, float *restrict dst, size_t n_pixels) {
    for (size_t p = 0; p < n_pixels * VL; p += VL) {
        vf v = {0};
        UNROLL_FULL for (int k = 0; k < n; k++)
            v = permute_into(v, vf_load(block[k] + p), index[k], mask[k]);
        vf_store(dst + p, v);
    }
}

/* A destination vector is put together from one permuted vector of each source block that has a
 * part in it: two for a channel shuffle of two groups. */
static void gather_channels(const struct move_gather *g) {
    enum { MOST = VL < 8 ? 8 : VL };
    vi index[MOST];
    lane_mask mask[MOST];
    memset(index, 0, sizeof index);
    memset(mask, 0, sizeof mask);
    int n = 0, in_place = 1;
    for (int l = 0; l < VL; l++) {
        const int from = g->channel[l], k = from / VL;
        in_place = in_place && from == l;
        if (from < 0) continue;
        index[k][l] = from % VL;
        mask[k] = mask_with(mask[k], l);
        n = k < n ? n : k + 1;
    }
    if (in_place) {
        memcpy(g->dst, g->block[0], g->n_pixels * VL * sizeof(float));
        return;
    }
    switch (n) {
    case 1: gather_from(1, g->block, index, mask, g->dst, g->n_pixels); break;
    case 2: gather_from(2, g->block, index, mask, g->dst, g->n_pixels); break;
    case 3: gather_from(3, g->block, index, mask, g->dst, g->n_pixels); break;
    case 4: gather_from(4, g->block, index, mask, g->dst, g->n_pixels); break;
    default: gather_from(n, g->block, index, mask, g->dst, g->n_pixels);
    }
}

/* ---- N-d copies ---- */

/* Elements are moved as bits, whatever their type is, and several at once where they lie together
 * (move_copy_init), aligned or not. */
typedef uint8_t bits8 __attribute__((may_alias));
typedef uint16_t bits16 __attribute__((may_alias, aligned(1)));
typedef uint32_t bits32 __attribute__((may_alias, aligned(1)));
typedef uint64_t bits64 __attribute__((may_alias, aligned(1)));

/* Where a unit begins, and how much of the strip dimension it has. */
struct unit {
    int64_t src, dst, n;
};

static struct unit unit_at(const struct move_copy *c, int64_t u) {
    const int row = c->rank - 1, s = c->strip_dim;
    const int64_t first = u % c->n_strips * c->strip;
    struct unit at = {first * c->src_stride[s], first * c->dst_stride[s],
                      c->dim[s] - first < c->strip ? c->dim[s] - first : c->strip};
    int64_t rest = u / c->n_strips;
    for (int d = row - 1; d >= 0; d--) {
        if (d == s) continue;
        const int64_t i = rest % c->dim[d];
        rest /= c->dim[d];
        at.src += i * c->src_stride[d];
        at.dst += i * c->dst_stride[d];
    }
    return at;
}

/* dst[i * di + j * dj] = src[i * si + j * sj] for ni rows of nj. */
#define COPY_ROWS(T, bits)                                                                         \
    static void copy_row_##bits(const T *restrict src, int64_t sj, T *restrict dst, int64_t dj,    \
                                int64_t nj) {                                                      \
        if (sj == 1 && dj == 1) {                                                                  \
            if (nj * (int64_t)sizeof(T) >= 64)                                                     \
                memcpy(dst, src, (size_t)nj * sizeof(T));                                          \
            else                                                                                   \
                UNROLL_2 for (int64_t j = 0; j < nj; j++) dst[j] = src[j];                         \
        } else if (sj == 0 && dj == 1) {                                                           \
            const T same = *src;                                                                   \
            for (int64_t j = 0; j < nj; j++) dst[j] = same;                                        \
        } else if (sj == 2 && dj == 1) {                                                           \
            for (int64_t j = 0; j < nj; j++) dst[j] = src[2 * j];                                  \
        } else {                                                                                   \
            for (int64_t j = 0; j < nj; j++) dst[j * dj] = src[j * sj];                            \
        }                                                                                          \
    }                                                                                              \
    static void copy_rows_##bits(const T *src, int64_t si, int64_t sj, T *dst, int64_t di,         \
                                 int64_t dj, int64_t ni, int64_t nj) {                             \
        for (int64_t i = 0; i < ni; i++)                                                           \
            copy_row_##bits(src + i * si, sj, dst + i * di, dj, nj);                               \
    }                                                                                              \
    /* si = dj = 1: a transpose of ni x nj by tiles small enough for L1. */                        \
    static void transpose_tiles_##bits(const T *restrict src, int64_t sj, T *restrict dst,         \
                                       int64_t di, int64_t ni, int64_t nj) {                       \
        enum { TILE = 16 };                                                                        \
        for (int64_t i = 0; i < ni; i += TILE) {                                                   \
            const int64_t mi = ni - i < TILE ? ni - i : TILE;                                      \
            for (int64_t j = 0; j < nj; j += TILE) {                                               \
                const int64_t mj = nj - j < TILE ? nj - j : TILE;                                  \
                const T *s = src + i + j * sj;                                                     \
                T *d = dst + i * di + j;                                                           \
                for (int64_t a = 0; a < mi; a++)                                                   \
                    for (int64_t b = 0; b < mj; b++) d[a * di + b] = s[a + b * sj];                \
            }                                                                                      \
        }                                                                                          \
    }

COPY_ROWS(bits8, 8)
COPY_ROWS(bits16, 16)
COPY_ROWS(bits32, 32)
COPY_ROWS(bits64, 64)

/* Four-byte elements: whole tiles in registers, the edges by the plain loop. */
static void transpose_registers(const bits32 *restrict src, int64_t sj, bits32 *restrict dst,
                                int64_t di, int64_t ni, int64_t nj) {
    const int64_t wi = ni / VL * VL, wj = nj / VL * VL;
    for (int64_t i = 0; i < wi; i += VL)
        for (int64_t j = 0; j < wj; j += VL) {
            const float *s = (const float *)(const void *)(src + i + j * sj);
            float *d = (float *)(void *)(dst + i * di + j);
            vf r[VL];
            UNROLL_FULL for (int k = 0; k < VL; k++) r[k] = vf_load(s + k * sj);
            transpose(r);
            UNROLL_FULL for (int k = 0; k < VL; k++) vf_store(d + k * di, r[k]);
        }
    if (wj < nj) transpose_tiles_32(src + wj * sj, sj, dst + wj, di, wi, nj - wj);
    if (wi < ni) transpose_tiles_32(src + wi, sj, dst + wi * di, di, ni - wi, nj);
}

#define RUN_COPY(T, bits, transpose_fn)                                                            \
    static void copy_##bits(const struct move_copy *c, int64_t begin, int64_t end) {               \
        const int row = c->rank - 1, s = c->strip_dim;                                             \
        for (int64_t u = begin; u < end; u++) {                                                    \
            const struct unit at = unit_at(c, u);                                                  \
            const T *src = (const T *)c->src + at.src;                                             \
            T *dst = (T *)c->dst + at.dst;                                                         \
            if (c->transpose)                                                                      \
                transpose_fn(src, c->src_stride[row], dst, c->dst_stride[s], at.n, c->dim[row]);   \
            else if (s == row)                                                                     \
                copy_row_##bits(src, c->src_stride[row], dst, c->dst_stride[row], at.n);           \
            else                                                                                   \
                copy_rows_##bits(src, c->src_stride[s], c->src_stride[row], dst,                   \
                                 c->dst_stride[s], c->dst_stride[row], at.n, c->dim[row]);         \
        }                                                                                          \
    }

RUN_COPY(bits8, 8, transpose_tiles_8)
RUN_COPY(bits16, 16, transpose_tiles_16)
RUN_COPY(bits32, 32, transpose_registers)
RUN_COPY(bits64, 64, transpose_tiles_64)

static void copy(const struct move_copy *c, int64_t begin, int64_t end) {
    switch (c->element_bytes) {
    case 1: copy_8(c, begin, end); break;
    case 2: copy_16(c, begin, end); break;
    case 4: copy_32(c, begin, end); break;
    default: copy_64(c, begin, end); break;
    }
}

#define FILL(T)                                                                                    \
    do {                                                                                           \
        T v_;                                                                                      \
        memcpy(&v_, value, sizeof v_);                                                             \
        for (size_t i_ = 0; i_ < n; i_++) ((T *)dst)[i_] = v_;                                     \
    } while (0)

static void fill(void *dst, int element_bytes, const void *value, size_t n) {
    switch (element_bytes) {
    case 1: memset(dst, *(const uint8_t *)value, n); break;
    case 2: FILL(bits16); break;
    case 4: FILL(bits32); break;
    default: FILL(bits64); break;
    }
}

/* ---- element types ---- */

#define FROM_INTEGER(T, name)                                                                      \
    static void name##_to_f32(const void *src, float *restrict dst, size_t n) {                    \
        const T *restrict s = src;                                                                 \
        for (size_t i = 0; i < n; i++) dst[i] = (float)s[i];                                       \
    }
/* `limit` is the first float above the range, `low` the lowest value, which a float can hold. */
#define TO_INTEGER(T, name, low, high, limit)                                                      \
    static void f32_to_##name(const float *restrict src, void *dst, size_t n) {                    \
        T *restrict d = dst;                                                                       \
        for (size_t i = 0; i < n; i++) {                                                           \
            const float x = src[i] == src[i] ? src[i] : 0.0f;                                      \
            const T v = (T)(x >= (limit) || x <= (low) ? 0.0f : x);                                \
            d[i] = x >= (limit) ? (high) : x <= (low) ? (T)(low) : v;                              \
        }                                                                                          \
    }
FROM_INTEGER(uint8_t, u8)
FROM_INTEGER(int8_t, i8)
FROM_INTEGER(uint16_t, u16)
FROM_INTEGER(int16_t, i16)
FROM_INTEGER(uint32_t, u32)
FROM_INTEGER(int32_t, i32)
FROM_INTEGER(uint64_t, u64)
FROM_INTEGER(int64_t, i64)
FROM_INTEGER(double, f64)
TO_INTEGER(uint8_t, u8, 0.0f, UINT8_MAX, 256.0f)
TO_INTEGER(int8_t, i8, -128.0f, INT8_MAX, 128.0f)
TO_INTEGER(uint16_t, u16, 0.0f, UINT16_MAX, 65536.0f)
TO_INTEGER(int16_t, i16, -32768.0f, INT16_MAX, 32768.0f)
TO_INTEGER(uint32_t, u32, 0.0f, UINT32_MAX, 4294967296.0f)
TO_INTEGER(int32_t, i32, -2147483648.0f, INT32_MAX, 2147483648.0f)
TO_INTEGER(uint64_t, u64, 0.0f, UINT64_MAX, 18446744073709551616.0f)
TO_INTEGER(int64_t, i64, -9223372036854775808.0f, INT64_MAX, 9223372036854775808.0f)

static void f32_to_f64(const float *restrict src, void *dst, size_t n) {
    double *restrict d = dst;
    for (size_t i = 0; i < n; i++) d[i] = (double)src[i];
}
static void f32_to_bool(const float *restrict src, void *dst, size_t n) {
    uint8_t *restrict d = dst;
    for (size_t i = 0; i < n; i++) d[i] = src[i] != 0.0f;
}
static void bool_to_f32(const void *src, float *restrict dst, size_t n) {
    const uint8_t *restrict s = src;
    for (size_t i = 0; i < n; i++) dst[i] = s[i] ? 1.0f : 0.0f;
}
static void f32_copy_in(const void *src, float *dst, size_t n) {
    memcpy(dst, src, n * sizeof(float));
}
static void f32_copy_out(const float *src, void *dst, size_t n) {
    memcpy(dst, src, n * sizeof(float));
}
static void bf16_to_f32_n(const void *src, float *restrict dst, size_t n) {
    const uint16_t *restrict s = src;
    bits32 *restrict d = (bits32 *)(void *)dst;
    for (size_t i = 0; i < n; i++) d[i] = (uint32_t)s[i] << 16;
}
static void f32_to_bf16_n(const float *restrict src, void *dst, size_t n) {
    const bits32 *restrict s = (const bits32 *)(const void *)src;
    uint16_t *restrict d = dst;
    for (size_t i = 0; i < n; i++) {
        const uint32_t u = s[i], even = (u + 0x7fff + (u >> 16 & 1)) >> 16;
        d[i] = (uint16_t)((u & 0x7fffffff) > 0x7f800000 ? u >> 16 | 0x40 : even);
    }
}

static void f16_to_f32_n(const void *src, float *dst, size_t n) {
    const uint16_t *s = src;
    size_t i = 0;
#if VL == 16
    for (; i + 16 <= n; i += 16)
        vf_store(dst + i, _mm512_cvtph_ps(_mm256_loadu_si256((const void *)(s + i))));
#elif VL == 8
    for (; i + 8 <= n; i += 8)
        vf_store(dst + i, _mm256_cvtph_ps(_mm_loadu_si128((const void *)(s + i))));
#elif defined(__aarch64__)
    for (; i + 4 <= n; i += 4) vf_store(dst + i, vcvt_f32_f16(vld1_f16((const void *)(s + i))));
#endif
    for (; i < n; i++) dst[i] = f16_to_f32(s[i]);
}
static void f32_to_f16_n(const float *src, void *dst, size_t n) {
    uint16_t *d = dst;
    size_t i = 0;
#if VL == 16
    for (; i + 16 <= n; i += 16)
        _mm256_storeu_si256((void *)(d + i),
                            _mm512_cvtps_ph(vf_load(src + i), _MM_FROUND_TO_NEAREST_INT));
#elif VL == 8
    for (; i + 8 <= n; i += 8)
        _mm_storeu_si128((void *)(d + i),
                         _mm256_cvtps_ph(vf_load(src + i), _MM_FROUND_TO_NEAREST_INT));
#elif defined(__aarch64__)
    for (; i + 4 <= n; i += 4) vst1_f16((void *)(d + i), vcvt_f16_f32(vf_load(src + i)));
#endif
    for (; i < n; i++) d[i] = f32_to_f16(src[i]);
}

const struct move_kernels K(move) = {
    .nchw_to_block = nchw_to_block,
    .block_to_nchw = block_to_nchw,
    .block_to_nhwc = block_to_nhwc,
    .nhwc_to_block = nhwc_to_block,
    .gather_channels = gather_channels,
    .copy = copy,
    .fill = fill,
    .to_f32 = {[DT_F32] = f32_copy_in, [DT_F16] = f16_to_f32_n, [DT_BF16] = bf16_to_f32_n,
               [DT_F64] = f64_to_f32, [DT_I8] = i8_to_f32, [DT_U8] = u8_to_f32,
               [DT_I16] = i16_to_f32, [DT_U16] = u16_to_f32, [DT_I32] = i32_to_f32,
               [DT_U32] = u32_to_f32, [DT_I64] = i64_to_f32, [DT_U64] = u64_to_f32,
               [DT_BOOL] = bool_to_f32},
    .from_f32 = {[DT_F32] = f32_copy_out, [DT_F16] = f32_to_f16_n, [DT_BF16] = f32_to_bf16_n,
                 [DT_F64] = f32_to_f64, [DT_I8] = f32_to_i8, [DT_U8] = f32_to_u8,
                 [DT_I16] = f32_to_i16, [DT_U16] = f32_to_u16, [DT_I32] = f32_to_i32,
                 [DT_U32] = f32_to_u32, [DT_I64] = f32_to_i64, [DT_U64] = f32_to_u64,
                 [DT_BOOL] = f32_to_bool},
};
