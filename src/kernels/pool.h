/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pooling on the channel-blocked layout [N][C/b][H][W][b], b = lanes of the ISA.
 *
 * The planes of a tensor are numbered p = n * n_blocks + channel block; plane p starts at
 * base + n * image stride + block * block stride, and its H*W pixels of b floats are contiguous, so
 * a concat or a slice of channels (in whole blocks) is only another base and another image stride.
 *
 * The two window pools work on output rows in one flat list: row r is row r % oh of plane r / oh,
 * and a call covers rows [begin, end). Cut anywhere; whole planes are cheapest by a hair. The
 * others take planes [begin, end). Calls allocate nothing; `scratch` is private to the call and
 * holds pool_scratch_floats() floats, 64-byte aligned.
 *
 * Windows may hang over every edge, or lie outside altogether: a max over nothing is -inf, an
 * average over nothing 0. Source and destination must not overlap.
 */
#ifndef PK_KERNELS_POOL_H
#define PK_KERNELS_POOL_H

#include <stddef.h>
#include <stdint.h>

struct pool_args {
    const float *src;
    float *dst;
    int64_t src_n, src_c; /* floats between images, and between channel blocks */
    int64_t dst_n, dst_c;
    int n_blocks; /* channel blocks of one image */
    int h, w, oh, ow;
    int kh, kw;
    int sh, sw; /* strides */
    int dh, dw; /* dilations, at least 1 */
    int pad_top, pad_left;
    int pad_bottom, pad_right; /* only an average that counts padding reads these */
    int count_include_pad;
};

/* Max pools of stride 1, k x k, k odd, padded by k/2, each reading the one before it:
 * dst[0] = pool(src), dst[1] = pool(dst[0]), ... Chaining k=5 three times gives 5x5, 9x9 and 13x13
 * exactly, which is how spatial pyramid pooling is done. All destinations have the strides of the
 * one before; they may be slices of one concatenation that also holds src. */
enum { POOL_CHAIN_MAX = 4 };
struct pool_chain_args {
    const float *src;
    float *dst[POOL_CHAIN_MAX];
    int64_t src_n, src_c;
    int64_t dst_n, dst_c;
    int n_blocks;
    int n_dst;
    int h, w, k;
};

/* One value a channel: dst + n * dst_n + block * b. */
struct pool_global_args {
    const float *src;
    float *dst;
    int64_t src_n, src_c, dst_n;
    int n_blocks;
    int64_t pixels; /* H * W */
};

struct pool_kernels {
    void (*max_pool)(const struct pool_args *a, int64_t row_begin, int64_t row_end, float *scratch);
    void (*average_pool)(const struct pool_args *a, int64_t row_begin, int64_t row_end,
                         float *scratch);
    void (*max_chain)(const struct pool_chain_args *a, int64_t begin, int64_t end, float *scratch);
    void (*global_average)(const struct pool_global_args *a, int64_t begin, int64_t end);
    void (*global_max)(const struct pool_global_args *a, int64_t begin, int64_t end);
};

/* One row of the window's columns, `lanes` wide. Sizes that overflow give SIZE_MAX. */
static inline size_t pool_scratch_floats(const struct pool_args *a, int lanes) {
    size_t columns = (size_t)(a->ow - 1) * (size_t)a->sw + (size_t)(a->kw - 1) * (size_t)a->dw + 1;
    size_t floats;
    if (columns < (size_t)a->w) columns = (size_t)a->w;
    return __builtin_mul_overflow(columns, (size_t)lanes, &floats) ? SIZE_MAX : floats;
}
static inline size_t pool_chain_scratch_floats(const struct pool_chain_args *a, int lanes) {
    return ((size_t)a->w + (size_t)a->k - 1) * (size_t)lanes;
}

#endif
