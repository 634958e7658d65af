/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Resize kernels; resize.h says what a call covers. Interpolation filters the source rows of an
 * output row into one row in scratch (L1), then along that row: rows of a tile are usually
 * neighbours, and each column of the picture is filtered once instead of once per tap of x.
 */
#include "kernels/resize.h"
#include "kernels/simd.h"

struct row {
    const float *plane;
    float *dst;
    int oy;
};

static inline struct row row_of(const struct resize_args *a, int64_t r) {
    const int64_t plane = r / a->y.n_out, n = plane / a->n_blocks, c = plane % a->n_blocks;
    const int oy = (int)(r % a->y.n_out);
    return (struct row){a->src + n * a->src_n + c * a->src_c,
                        a->dst + n * a->dst_n + c * a->dst_c + (int64_t)oy * a->x.n_out * VL, oy};
}

static void fill(float *dst, int64_t n, float value) {
    for (int64_t i = 0; i < n; i++) vf_store(dst + i * VL, vf_set(value));
}

/* Every source pixel twice: the upsampling of feature pyramids. */
static void twice(const float *restrict src, float *restrict dst, int n) {
    for (int x = 0; x < n; x++) {
        vf v = vf_load(src + (int64_t)x * VL);
        vf_store(dst + 2 * (int64_t)x * VL, v);
        vf_store(dst + 2 * (int64_t)x * VL + VL, v);
    }
}

static void nearest(const struct resize_args *a, int64_t begin, int64_t end) {
    const int w = a->x.n_in, ow = a->x.n_out;
    const int32_t *index = a->x.index;
    for (int64_t r = begin; r < end; r++) {
        const struct row at = row_of(a, r);
        const int iy = a->y.index[at.oy];
        float *dst = at.dst;
        if (iy < 0) {
            fill(dst, ow, a->extrapolation_value);
            continue;
        }
        const float *src = at.plane + (int64_t)iy * w * VL;
        if (a->x.factor == 2) {
            twice(src, dst, w);
        } else if (a->x.factor == 1) {
            memcpy(dst, src, (size_t)w * VL * sizeof(float));
        } else if (!a->x.has_outside) {
            for (int x = 0; x < ow; x++)
                vf_store(dst + (int64_t)x * VL, vf_load(src + (int64_t)index[x] * VL));
        } else {
            for (int x = 0; x < ow; x++)
                vf_store(dst + (int64_t)x * VL, index[x] < 0
                                                    ? vf_set(a->extrapolation_value)
                                                    : vf_load(src + (int64_t)index[x] * VL));
        }
    }
}

/* dst[x] = sum of taps rows of the plane, each times its weight. */
static void filter_rows(const float *restrict plane, int64_t row, const int32_t *index,
                        const float *weight, int taps, float *restrict dst, int64_t n) {
    const float *p0 = plane + (index[0] < 0 ? 0 : index[0]) * row;
    const vf w0 = vf_set(weight[0]);
    if (taps == 2) {
        const float *p1 = plane + index[1] * row;
        const vf w1 = vf_set(weight[1]);
        for (int64_t i = 0; i < n; i += VL)
            vf_store(dst + i, vf_load(p0 + i) * w0 + vf_load(p1 + i) * w1);
        return;
    }
    for (int64_t i = 0; i < n; i += VL) {
        vf s = vf_load(p0 + i) * w0;
        for (int t = 1; t < taps; t++) s += vf_load(plane + index[t] * row + i) * weight[t];
        vf_store(dst + i, s);
    }
}

static void filter_columns(const float *restrict src, const struct resize_axis *axis,
                           float *restrict dst) {
    const int taps = axis->n_taps;
    const int32_t *index = axis->index;
    const float *weight = axis->weight;
    if (taps == 2) {
        for (int x = 0; x < axis->n_out; x++, index += 2, weight += 2) {
            const int64_t i0 = index[0] < 0 ? 0 : index[0], i1 = index[1];
            vf_store(dst + (int64_t)x * VL,
                     vf_load(src + i0 * VL) * weight[0] + vf_load(src + i1 * VL) * weight[1]);
        }
        return;
    }
    for (int x = 0; x < axis->n_out; x++, index += taps, weight += taps) {
        const int64_t i0 = index[0] < 0 ? 0 : index[0];
        vf s = vf_load(src + i0 * VL) * weight[0];
        for (int t = 1; t < taps; t++) s += vf_load(src + (int64_t)index[t] * VL) * weight[t];
        vf_store(dst + (int64_t)x * VL, s);
    }
}

static void interpolate(const struct resize_args *a, int64_t begin, int64_t end, float *scratch) {
    const int64_t row = (int64_t)a->x.n_in * VL;
    const int ty = a->y.n_taps, tx = a->x.n_taps;
    for (int64_t r = begin; r < end; r++) {
        const struct row at = row_of(a, r);
        const int32_t *index = a->y.index + (int64_t)at.oy * ty;
        if (a->y.has_outside && index[0] < 0) {
            fill(at.dst, a->x.n_out, a->extrapolation_value);
            continue;
        }
        filter_rows(at.plane, row, index, a->y.weight + (int64_t)at.oy * ty, ty, scratch, row);
        filter_columns(scratch, &a->x, at.dst);
        if (!a->x.has_outside) continue;
        for (int x = 0; x < a->x.n_out; x++)
            if (a->x.index[(int64_t)x * tx] < 0)
                vf_store(at.dst + (int64_t)x * VL, vf_set(a->extrapolation_value));
    }
}

const struct resize_kernels K(resize) = {
    .nearest = nearest,
    .interpolate = interpolate,
};
