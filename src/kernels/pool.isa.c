/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pooling kernels; pool.h says what a call covers.
 *
 * A window pool makes each output row in two steps: first the columns of the window (kh source rows
 * become one, kept in scratch, which stands in L1), then the windows along that row. That is kh+kw
 * loads an output instead of kh*kw, and the left and right borders are cells of the scratch row
 * that hold the neutral element, so the second step knows no edges whatever the stride, dilation
 * and padding. Only 2x2 and 3x3 of stride 2 inside the picture gain from their own loop.
 */
#include "kernels/pool.h"
#include "kernels/simd.h"

#include <math.h>

/* Rows y of the source that window row ky = first..last-1 of output row oy touches. */
struct taps {
    int first, last;
};

static inline struct taps taps_inside(int start, int k, int dilation, int limit) {
    struct taps t = {0, k};
    if (start < 0) t.first = (-start + dilation - 1) / dilation;
    if (t.first > k) t.first = k;
    if (start >= limit)
        t.last = t.first;
    else if ((int64_t)start + (int64_t)(k - 1) * dilation >= limit)
        t.last = (limit - 1 - start) / dilation + 1;
    if (t.last < t.first) t.last = t.first;
    return t;
}

/* Columns of a window row: dst[x] = op over n_rows rows of src, `stride` floats apart; x < n. */
#define COLUMNS(name, op, neutral)                                                                 \
    static void name(const float *restrict src, int64_t stride, int n_rows, float *restrict dst,   \
                     int64_t n) {                                                                  \
        int64_t x = 0;                                                                             \
        for (; x + 4 <= n; x += 4) {                                                               \
            const float *p = src + x * VL;                                                         \
            vf a0 = vf_set(neutral), a1 = a0, a2 = a0, a3 = a0;                                    \
            for (int k = 0; k < n_rows; k++, p += stride) {                                        \
                a0 = op(vf_load(p), a0);                                                           \
                a1 = op(vf_load(p + VL), a1);                                                      \
                a2 = op(vf_load(p + 2 * VL), a2);                                                  \
                a3 = op(vf_load(p + 3 * VL), a3);                                                  \
            }                                                                                      \
            vf_store(dst + x * VL, a0);                                                            \
            vf_store(dst + (x + 1) * VL, a1);                                                      \
            vf_store(dst + (x + 2) * VL, a2);                                                      \
            vf_store(dst + (x + 3) * VL, a3);                                                      \
        }                                                                                          \
        for (; x < n; x++) {                                                                       \
            const float *p = src + x * VL;                                                         \
            vf a = vf_set(neutral);                                                                \
            for (int k = 0; k < n_rows; k++, p += stride) a = op(vf_load(p), a);                   \
            vf_store(dst + x * VL, a);                                                             \
        }                                                                                          \
    }

/* Windows along a row: dst[x] = op of k cells from cell[x * stride], `dilation` apart; finish(a) is
 * what is stored. */
#define WINDOWS(name, op, neutral, finish)                                                         \
    static void name(const float *restrict cell, int k, int stride, int dilation,                  \
                     float *restrict dst, int64_t n, float scale) {                                \
        int64_t x = 0, s = (int64_t)stride * VL, d = (int64_t)dilation * VL;                       \
        for (; x + 4 <= n; x += 4) {                                                               \
            const float *p = cell + x * s;                                                         \
            vf a0 = vf_set(neutral), a1 = a0, a2 = a0, a3 = a0;                                    \
            for (int i = 0; i < k; i++, p += d) {                                                  \
                a0 = op(vf_load(p), a0);                                                           \
                a1 = op(vf_load(p + s), a1);                                                       \
                a2 = op(vf_load(p + 2 * s), a2);                                                   \
                a3 = op(vf_load(p + 3 * s), a3);                                                   \
            }                                                                                      \
            vf_store(dst + x * VL, finish(a0));                                                    \
            vf_store(dst + (x + 1) * VL, finish(a1));                                              \
            vf_store(dst + (x + 2) * VL, finish(a2));                                              \
            vf_store(dst + (x + 3) * VL, finish(a3));                                              \
        }                                                                                          \
        for (; x < n; x++) {                                                                       \
            const float *p = cell + x * s;                                                         \
            vf a = vf_set(neutral);                                                                \
            for (int i = 0; i < k; i++, p += d) a = op(vf_load(p), a);                             \
            vf_store(dst + x * VL, finish(a));                                                     \
        }                                                                                          \
    }

static inline vf add(vf a, vf b) { return a + b; }
COLUMNS(max_columns, vf_max, -INFINITY)
COLUMNS(sum_columns, add, 0.0f)
#define AS_IS(v) ((void)scale, (v))
#define SCALED(v) ((v) * scale)
WINDOWS(max_windows, vf_max, -INFINITY, AS_IS)
WINDOWS(sum_windows, add, 0.0f, SCALED)

static void fill_cells(float *dst, int64_t n, float value) {
    for (int64_t i = 0; i < n; i++) vf_store(dst + i * VL, vf_set(value));
}

/* Cells of the scratch row, and how many of them, from the left, padding and picture take. A
 * picture wider than the windows reach is cut; one narrower is followed by more padding. */
struct cells {
    int64_t total, left, width;
};

static struct cells scratch_cells(const struct pool_args *a) {
    struct cells c;
    c.total = (int64_t)(a->ow - 1) * a->sw + (int64_t)(a->kw - 1) * a->dw + 1;
    c.left = a->pad_left < c.total ? a->pad_left : c.total;
    c.width = c.total - c.left < a->w ? c.total - c.left : a->w;
    return c;
}

static inline const float *plane_of(const float *base, int64_t n, int64_t c, int n_blocks,
                                    int64_t plane) {
    return base + plane / n_blocks * n + plane % n_blocks * c;
}

/* k x k of stride 2, whole window inside: columns carry over from one output to the next. */
static inline void max_inside_s2(const float *restrict src, int64_t row, const int k,
                                 float *restrict dst, int64_t n) {
    vf last = {0};
    if (k == 3) last = vf_max(vf_max(vf_load(src), vf_load(src + row)), vf_load(src + 2 * row));
    for (int64_t x = 0; x < n; x++) {
        const float *p = src + 2 * x * VL;
        if (k == 2) {
            vf top = vf_max(vf_load(p), vf_load(p + VL));
            vf_store(dst + x * VL, vf_max(top, vf_max(vf_load(p + row), vf_load(p + row + VL))));
        } else {
            const float *q = p + VL, *r = p + 2 * VL;
            vf mid = vf_max(vf_max(vf_load(q), vf_load(q + row)), vf_load(q + 2 * row));
            vf end = vf_max(vf_max(vf_load(r), vf_load(r + row)), vf_load(r + 2 * row));
            vf_store(dst + x * VL, vf_max(vf_max(last, mid), end));
            last = end;
        }
    }
}

static void max_pool(const struct pool_args *a, int64_t begin, int64_t end, float *scratch) {
    const int64_t row = (int64_t)a->w * VL;
    const struct cells c = scratch_cells(a);
    const int stride2 = a->sh == 2 && a->sw == 2 && a->dh == 1 && a->dw == 1 && a->kh == a->kw &&
                        (a->kh == 2 || a->kh == 3) && a->pad_left <= 1;
    /* Output columns [x0, x1) whose windows lie inside; at most one stands outside at the left. */
    const int x0 = a->pad_left > 0 ? 1 : 0;
    int x1 = 0;
    if (stride2 && a->w >= a->kw + a->pad_left) {
        x1 = (a->w + a->pad_left - a->kw) / 2 + 1;
        if (x1 > a->ow) x1 = a->ow;
    }
    fill_cells(scratch, c.left, -INFINITY);
    fill_cells(scratch + (c.left + c.width) * VL, c.total - c.left - c.width, -INFINITY);
    for (int64_t r = begin; r < end; r++) {
        const int64_t plane = r / a->oh;
        const int oy = (int)(r % a->oh);
        const float *src = plane_of(a->src, a->src_n, a->src_c, a->n_blocks, plane);
        float *dst = (float *)plane_of(a->dst, a->dst_n, a->dst_c, a->n_blocks, plane) +
                     (int64_t)oy * a->ow * VL;
        const int start = oy * a->sh - a->pad_top;
        const struct taps t = taps_inside(start, a->kh, a->dh, a->h);
        if (t.first == t.last) {
            fill_cells(dst, a->ow, -INFINITY);
            continue;
        }
        const float *top = src + ((int64_t)start + (int64_t)t.first * a->dh) * row;
        if (x1 > x0 && t.last - t.first == a->kh) {
            const float *p = top + (int64_t)(2 * x0 - a->pad_left) * VL;
            if (a->kh == 2)
                max_inside_s2(p, row, 2, dst + (int64_t)x0 * VL, x1 - x0);
            else
                max_inside_s2(p, row, 3, dst + (int64_t)x0 * VL, x1 - x0);
            for (int ox = 0; ox < a->ow; ox++) {
                if (ox == x0) ox = x1;
                if (ox >= a->ow) break;
                const int left = ox * 2 - a->pad_left;
                const struct taps u = taps_inside(left, a->kw, 1, a->w);
                vf m = vf_set(-INFINITY);
                for (int ky = 0; ky < a->kh; ky++)
                    for (int kx = u.first; kx < u.last; kx++)
                        m = vf_max(vf_load(top + ky * row + (int64_t)(left + kx) * VL), m);
                vf_store(dst + (int64_t)ox * VL, m);
            }
            continue;
        }
        max_columns(top, row * a->dh, t.last - t.first, scratch + c.left * VL, c.width);
        max_windows(scratch, a->kw, a->sw, a->dw, dst, a->ow, 0);
    }
}

/* How many taps of a window that begins at `start` (before padding) an average divides by. A window
 * that hangs over the padded picture (ceil_mode) counts only what is inside that. */
static inline int counted(int start, int k, int dilation, int limit, int before, int after,
                          int with_padding) {
    const struct taps t = with_padding
                              ? taps_inside(start + before, k, dilation, limit + before + after)
                              : taps_inside(start, k, dilation, limit);
    return t.last - t.first;
}

static void average_pool(const struct pool_args *a, int64_t begin, int64_t end, float *scratch) {
    const int64_t row = (int64_t)a->w * VL;
    const struct cells c = scratch_cells(a);
    /* Windows at columns [x0, x1) lie inside the picture and have kw taps each. */
    const int room = a->w - 1 - (a->kw - 1) * a->dw + a->pad_left;
    int x0 = (a->pad_left + a->sw - 1) / a->sw, x1 = room < 0 ? 0 : room / a->sw + 1;
    if (x0 > a->ow) x0 = a->ow;
    if (x1 < x0) x1 = x0;
    fill_cells(scratch, c.left, 0);
    fill_cells(scratch + (c.left + c.width) * VL, c.total - c.left - c.width, 0);
    for (int64_t r = begin; r < end; r++) {
        const int64_t plane = r / a->oh;
        const int oy = (int)(r % a->oh);
        const float *src = plane_of(a->src, a->src_n, a->src_c, a->n_blocks, plane);
        float *dst = (float *)plane_of(a->dst, a->dst_n, a->dst_c, a->n_blocks, plane) +
                     (int64_t)oy * a->ow * VL;
        const int start = oy * a->sh - a->pad_top;
        const struct taps t = taps_inside(start, a->kh, a->dh, a->h);
        if (t.first == t.last) {
            fill_cells(dst, a->ow, 0);
            continue;
        }
        const float *top = src + ((int64_t)start + (int64_t)t.first * a->dh) * row;
        const int rows =
            counted(start, a->kh, a->dh, a->h, a->pad_top, a->pad_bottom, a->count_include_pad);
        sum_columns(top, row * a->dh, t.last - t.first, scratch + c.left * VL, c.width);
        sum_windows(scratch, a->kw, a->sw, a->dw, dst, a->ow, 1.0f / (float)(rows * a->kw));
        for (int ox = 0; ox < a->ow; ox++) {
            if (ox == x0) ox = x1;
            if (ox >= a->ow) break;
            const int n = counted(ox * a->sw - a->pad_left, a->kw, a->dw, a->w, a->pad_left,
                                  a->pad_right, a->count_include_pad);
            float *p = dst + (int64_t)ox * VL;
            if (n > 0 && n < a->kw) vf_store(p, vf_load(p) * ((float)a->kw / (float)n));
        }
    }
}

static void max_chain(const struct pool_chain_args *a, int64_t begin, int64_t end, float *scratch) {
    const int64_t row = (int64_t)a->w * VL;
    const int pad = a->k / 2;
    fill_cells(scratch, pad, -INFINITY);
    fill_cells(scratch + (a->w + pad) * (int64_t)VL, pad, -INFINITY);
    for (int64_t plane = begin; plane < end; plane++) {
        const float *src = plane_of(a->src, a->src_n, a->src_c, a->n_blocks, plane);
        for (int i = 0; i < a->n_dst; i++) {
            float *dst = (float *)plane_of(a->dst[i], a->dst_n, a->dst_c, a->n_blocks, plane);
            for (int y = 0; y < a->h; y++) {
                const struct taps t = taps_inside(y - pad, a->k, 1, a->h);
                max_columns(src + (y - pad + t.first) * row, row, t.last - t.first,
                            scratch + pad * VL, a->w);
                max_windows(scratch, a->k, 1, 1, dst + y * row, a->w, 0);
            }
            src = dst;
        }
    }
}

/* Long sums are cut into pieces so that rounding grows with the piece, not with the picture. */
static void global_average(const struct pool_global_args *a, int64_t begin, int64_t end) {
    enum { PIECE = 512 };
    for (int64_t plane = begin; plane < end; plane++) {
        const float *p = plane_of(a->src, a->src_n, a->src_c, a->n_blocks, plane);
        float *dst = a->dst + plane / a->n_blocks * a->dst_n + plane % a->n_blocks * VL;
        vf total = {0};
        for (int64_t i = 0; i < a->pixels;) {
            const int64_t stop = a->pixels - i < PIECE ? a->pixels : i + PIECE;
            vf s0 = {0}, s1 = s0, s2 = s0, s3 = s0;
            for (; i + 4 <= stop; i += 4, p += 4 * VL) {
                s0 += vf_load(p);
                s1 += vf_load(p + VL);
                s2 += vf_load(p + 2 * VL);
                s3 += vf_load(p + 3 * VL);
            }
            for (; i < stop; i++, p += VL) s0 += vf_load(p);
            total += (s0 + s1) + (s2 + s3);
        }
        vf_store(dst, total / (float)a->pixels);
    }
}

static void global_max(const struct pool_global_args *a, int64_t begin, int64_t end) {
    for (int64_t plane = begin; plane < end; plane++) {
        const float *p = plane_of(a->src, a->src_n, a->src_c, a->n_blocks, plane);
        float *dst = a->dst + plane / a->n_blocks * a->dst_n + plane % a->n_blocks * VL;
        vf m0 = vf_set(-INFINITY), m1 = m0, m2 = m0, m3 = m0;
        int64_t i = 0;
        for (; i + 4 <= a->pixels; i += 4, p += 4 * VL) {
            m0 = vf_max(vf_load(p), m0);
            m1 = vf_max(vf_load(p + VL), m1);
            m2 = vf_max(vf_load(p + 2 * VL), m2);
            m3 = vf_max(vf_load(p + 3 * VL), m3);
        }
        for (; i < a->pixels; i++, p += VL) m0 = vf_max(vf_load(p), m0);
        vf_store(dst, vf_max(vf_max(m0, m1), vf_max(m2, m3)));
    }
}

const struct pool_kernels K(pool) = {
    .max_pool = max_pool,
    .average_pool = average_pool,
    .max_chain = max_chain,
    .global_average = global_average,
    .global_max = global_max,
};
