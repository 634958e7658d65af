/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reductions, softmax and normalisation; reduce.h says what a call covers.
 *
 * Sums run in several partial vectors and are cut into pieces, so that rounding grows with the
 * piece and not with the length; the order is fixed, so results do not depend on how rows are
 * shared out. Strided functions take four vectors of neighbouring columns at a time: then every
 * cache line of a row is used whole before its set is needed again.
 */
#include "kernels/reduce.h"
#include "kernels/simd.h"

#include <math.h>

enum { PIECE = 64 * VL, PIECE_ROWS = 256, WIDE = 4 };

/* Lanes below m of v, `other` above. */
INLINE vf first_lanes(vf v, size_t m, vf other) {
    vi lane;
    UNROLL_FULL for (int i = 0; i < VL; i++) lane[i] = i;
    return vf_select(lane < (int32_t)m, v, other);
}

/* ---- what is folded ---- */

INLINE vf fold_add(vf a, vf x) { return a + x; }
INLINE vf fold_multiply(vf a, vf x) { return a * x; }
/* NaN wins, as ONNX (NumPy) has it. */
INLINE vf fold_max(vf a, vf x) { return vf_select(x != x, x, vf_max(x, a)); }
INLINE vf fold_min(vf a, vf x) { return vf_select(x != x, x, vf_min(x, a)); }
INLINE vf map_same(vf x, vf aux) { return x; }
INLINE vf map_square(vf x, vf aux) { return x * x; }
INLINE vf map_abs(vf x, vf aux) { return vf_abs(x); }
INLINE vf map_deviation(vf x, vf aux) { return (x - aux) * (x - aux); }
/* e^x for x <= 0: far below the range of a softmax it is exactly 0; NaN stays. */
INLINE vf exp_below(vf x) {
#if VL == 16
    return vf_exp_clamped(x);
#else
    return vf_and(vf_exp_clamped(x), ~(x <= -87.0f));
#endif
}
INLINE vf map_exp(vf x, vf aux) { return exp_below(x - aux); }

INLINE float across_add(vf v) { return vf_sum(v); }
INLINE float across_multiply(vf v) {
    float r = 1;
    for (int i = 0; i < VL; i++) r *= v[i];
    return r;
}
INLINE float across_max(vf v) {
    float r = v[0];
    for (int i = 1; i < VL; i++) r = v[i] > r || v[i] != v[i] ? v[i] : r;
    return r;
}
INLINE float across_min(vf v) {
    float r = v[0];
    for (int i = 1; i < VL; i++) r = v[i] < r || v[i] != v[i] ? v[i] : r;
    return r;
}

#define FOLD_ROW(name, map, kind, neutral)                                                         \
    static float row_##name(const float *x, int64_t n, float aux_) {                               \
        const vf aux = vf_set(aux_), none = vf_set(neutral);                                       \
        vf total = none;                                                                           \
        int64_t i = 0;                                                                             \
        while (n - i >= VL) {                                                                      \
            const int64_t stop = n - i < PIECE ? n : i + PIECE;                                    \
            vf s0 = none, s1 = none, s2 = none, s3 = none;                                         \
            for (; i + 4 * VL <= stop; i += 4 * VL) {                                              \
                s0 = fold_##kind(s0, map(vf_load(x + i), aux));                                    \
                s1 = fold_##kind(s1, map(vf_load(x + i + VL), aux));                               \
                s2 = fold_##kind(s2, map(vf_load(x + i + 2 * VL), aux));                           \
                s3 = fold_##kind(s3, map(vf_load(x + i + 3 * VL), aux));                           \
            }                                                                                      \
            for (; i + VL <= stop; i += VL) s0 = fold_##kind(s0, map(vf_load(x + i), aux));        \
            total = fold_##kind(total,                                                             \
                                fold_##kind(fold_##kind(s0, s1), fold_##kind(s2, s3)));            \
        }                                                                                          \
        if (i < n) {                                                                               \
            const size_t m = (size_t)(n - i);                                                      \
            total = fold_##kind(total, first_lanes(map(vf_load_n(x + i, m), aux), m, none));       \
        }                                                                                          \
        return across_##kind(total);                                                               \
    }
FOLD_ROW(sum, map_same, add, 0.0f)
FOLD_ROW(sum_square, map_square, add, 0.0f)
FOLD_ROW(sum_abs, map_abs, add, 0.0f)
FOLD_ROW(deviation, map_deviation, add, 0.0f)
FOLD_ROW(sum_exp, map_exp, add, 0.0f)
FOLD_ROW(prod, map_same, multiply, 1.0f)
FOLD_ROW(max, map_same, max, -INFINITY)
FOLD_ROW(min, map_same, min, INFINITY)

/* log(sum of exp), without overflow; where the largest is infinite it is the answer. */
static float row_log_sum_exp(const float *x, int64_t n) {
    const float top = row_max(x, n, 0);
    return isinf(top) ? top : top + logf(row_sum_exp(x, n, top));
}

#define ROWS(name, value)                                                                          \
    static void rows_##name(const float *x, float *dst, int64_t rows, int64_t n) {                 \
        for (int64_t r = 0; r < rows; r++, x += n) dst[r] = (value);                               \
    }
ROWS(sum, row_sum(x, n, 0))
ROWS(mean, row_sum(x, n, 0) / (float)n)
ROWS(max, row_max(x, n, 0))
ROWS(min, row_min(x, n, 0))
ROWS(prod, row_prod(x, n, 0))
ROWS(sum_square, row_sum_square(x, n, 0))
ROWS(l1, row_sum_abs(x, n, 0))
ROWS(l2, sqrtf(row_sum_square(x, n, 0)))
ROWS(log_sum_exp, row_log_sum_exp(x, n))

/* ---- columns ---- */

/* Vector v of a run of columns that has m left from it on: whole, or its first m lanes. */
INLINE vf load_columns(const float *x, int64_t m) {
    return m >= VL ? vf_load(x) : vf_load_n(x, (size_t)m);
}
INLINE void store_columns(float *x, vf v, int64_t m) {
    if (m >= VL)
        vf_store(x, v);
    else
        vf_store_n(x, v, (size_t)m);
}

/* Runs of WIDE vectors of columns, then single ones; the last may be partial. */
#define EACH_RUN(run)                                                                              \
    do {                                                                                           \
        int64_t j = 0;                                                                             \
        for (; j + WIDE * VL <= count; j += WIDE * VL)                                             \
            run(src + j, dst + j, n, stride, WIDE, VL);                                            \
        for (; j < count; j += VL) run(src + j, dst + j, n, stride, 1, count - j);                 \
    } while (0)

#define FOLD_COLUMNS(name, map, kind, neutral)                                                     \
    INLINE void columns_##name(const float *x, int64_t n, int64_t stride, int width, int64_t left, \
                               const vf *aux, vf *total) {                                         \
        UNROLL_FULL for (int v = 0; v < width; v++) total[v] = vf_set(neutral);                    \
        for (int64_t k = 0; k < n;) {                                                              \
            const int64_t stop = n - k < PIECE_ROWS ? n : k + PIECE_ROWS;                          \
            vf s[WIDE];                                                                            \
            UNROLL_FULL for (int v = 0; v < width; v++) s[v] = vf_set(neutral);                    \
            for (; k < stop; k++, x += stride)                                                     \
                UNROLL_FULL for (int v = 0; v < width; v++)                                        \
                    s[v] = fold_##kind(s[v], map(load_columns(x + v * VL, left), aux[v]));         \
            UNROLL_FULL for (int v = 0; v < width; v++) total[v] = fold_##kind(total[v], s[v]);    \
        }                                                                                          \
    }
FOLD_COLUMNS(sum, map_same, add, 0.0f)
FOLD_COLUMNS(sum_square, map_square, add, 0.0f)
FOLD_COLUMNS(sum_abs, map_abs, add, 0.0f)
FOLD_COLUMNS(sum_exp, map_exp, add, 0.0f)
FOLD_COLUMNS(prod, map_same, multiply, 1.0f)
FOLD_COLUMNS(max, map_same, max, -INFINITY)
FOLD_COLUMNS(min, map_same, min, INFINITY)

#define STRIDED(name, fold, finish)                                                                \
    INLINE void strided_##name##_run(const float *x, float *dst, int64_t n, int64_t stride,        \
                                     int width, int64_t left) {                                    \
        const vf none[WIDE] = {{0}};                                                               \
        vf t[WIDE];                                                                                \
        columns_##fold(x, n, stride, width, left, none, t);                                        \
        UNROLL_FULL for (int v = 0; v < width; v++) {                                              \
            const vf s = t[v];                                                                     \
            store_columns(dst + v * VL, (finish), left);                                           \
        }                                                                                          \
    }                                                                                              \
    static void strided_##name(const float *src, float *dst, int64_t n, int64_t stride,            \
                               int64_t count) {                                                    \
        EACH_RUN(strided_##name##_run);                                                            \
    }
STRIDED(sum, sum, s)
STRIDED(mean, sum, s / (float)n)
STRIDED(max, max, s)
STRIDED(min, min, s)
STRIDED(prod, prod, s)
STRIDED(sum_square, sum_square, s)
STRIDED(l1, sum_abs, s)
STRIDED(l2, sum_square, vf_sqrt(s))

INLINE void log_sum_exp_run(const float *x, float *dst, int64_t n, int64_t stride, int width,
                            int64_t left) {
    const vf none[WIDE] = {{0}};
    vf top[WIDE], sum[WIDE];
    columns_max(x, n, stride, width, left, none, top);
    columns_sum_exp(x, n, stride, width, left, top, sum);
    UNROLL_FULL for (int v = 0; v < width; v++) {
        const vf r = top[v] + vf_log(sum[v]);
        store_columns(dst + v * VL,
                      vf_select(vf_abs(top[v]) == __builtin_inff(), top[v], r), left);
    }
}
static void strided_log_sum_exp(const float *src, float *dst, int64_t n, int64_t stride,
                                int64_t count) {
    EACH_RUN(log_sum_exp_run);
}

/* ---- softmax ---- */

INLINE void softmax_run(const float *src, float *dst, int64_t n, int64_t stride, int width,
                        int64_t left) {
    const vf none[WIDE] = {{0}};
    vf top[WIDE], sum[WIDE];
    columns_max(src, n, stride, width, left, none, top);
    UNROLL_FULL for (int v = 0; v < width; v++) sum[v] = (vf){0};
    for (int64_t k = 0; k < n; k++)
        UNROLL_FULL for (int v = 0; v < width; v++) {
            const vf e = exp_below(load_columns(src + k * stride + v * VL, left) - top[v]);
            store_columns(dst + k * stride + v * VL, e, left);
            sum[v] += e;
        }
    UNROLL_FULL for (int v = 0; v < width; v++) sum[v] = 1.0f / sum[v];
    for (int64_t k = 0; k < n; k++)
        UNROLL_FULL for (int v = 0; v < width; v++) {
            float *d = dst + k * stride + v * VL;
            store_columns(d, load_columns(d, left) * sum[v], left);
        }
}

INLINE void log_softmax_run(const float *src, float *dst, int64_t n, int64_t stride, int width,
                            int64_t left) {
    const vf none[WIDE] = {{0}};
    vf top[WIDE], sum[WIDE];
    columns_max(src, n, stride, width, left, none, top);
    columns_sum_exp(src, n, stride, width, left, top, sum);
    UNROLL_FULL for (int v = 0; v < width; v++) sum[v] = vf_log(sum[v]);
    for (int64_t k = 0; k < n; k++)
        UNROLL_FULL for (int v = 0; v < width; v++) {
            const int64_t at = k * stride + v * VL;
            store_columns(dst + at, load_columns(src + at, left) - top[v] - sum[v], left);
        }
}

static void softmax_strided(const float *src, float *dst, int64_t n, int64_t stride,
                            int64_t count) {
    EACH_RUN(softmax_run);
}
static void log_softmax_strided(const float *src, float *dst, int64_t n, int64_t stride,
                                int64_t count) {
    EACH_RUN(log_softmax_run);
}

/* Rows of a few elements, VL of them side by side as columns. */
typedef void columns_fn(const float *src, float *dst, int64_t n, int64_t stride, int64_t count);
INLINE void short_rows(columns_fn *run, const float *src, float *dst, int64_t rows, int64_t n) {
    float columns[VL * VL] __attribute__((aligned(64)));
    for (int64_t r = 0; r < rows; r += VL, src += VL * n, dst += VL * n) {
        const int64_t count = rows - r < VL ? rows - r : VL;
        for (int64_t l = 0; l < count; l++)
            for (int64_t i = 0; i < n; i++) columns[i * VL + l] = src[l * n + i];
        run(columns, columns, n, VL, count);
        for (int64_t l = 0; l < count; l++)
            for (int64_t i = 0; i < n; i++) dst[l * n + i] = columns[i * VL + l];
    }
}

/* Every lane of each n neighbouring ones gets their sum or maximum; n is a power of two. */
#define SWAP(v, ...) __builtin_shufflevector(v, v, __VA_ARGS__)
#if VL == 16
#define SWAP_1(v) SWAP(v, 1, 0, 3, 2, 5, 4, 7, 6, 9, 8, 11, 10, 13, 12, 15, 14)
#define SWAP_2(v) SWAP(v, 2, 3, 0, 1, 6, 7, 4, 5, 10, 11, 8, 9, 14, 15, 12, 13)
#define SWAP_4(v) SWAP(v, 4, 5, 6, 7, 0, 1, 2, 3, 12, 13, 14, 15, 8, 9, 10, 11)
#define SWAP_8(v) SWAP(v, 8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3, 4, 5, 6, 7)
#elif VL == 8
#define SWAP_1(v) SWAP(v, 1, 0, 3, 2, 5, 4, 7, 6)
#define SWAP_2(v) SWAP(v, 2, 3, 0, 1, 6, 7, 4, 5)
#define SWAP_4(v) SWAP(v, 4, 5, 6, 7, 0, 1, 2, 3)
#define SWAP_8(v) (v)
#else
#define SWAP_1(v) SWAP(v, 1, 0, 3, 2)
#define SWAP_2(v) SWAP(v, 2, 3, 0, 1)
#define SWAP_4(v) (v)
#define SWAP_8(v) (v)
#endif
#define EACH_OF(n, fold, v)                                                                        \
    do {                                                                                           \
        v = fold(v, SWAP_1(v));                                                                    \
        if (n > 2) v = fold(v, SWAP_2(v));                                                         \
        if (n > 4) v = fold(v, SWAP_4(v));                                                         \
        if (n > 8) v = fold(v, SWAP_8(v));                                                         \
    } while (0)

INLINE vf softmax_of(vf x, int64_t n) {
    vf top = x;
    EACH_OF(n, fold_max, top);
    const vf e = exp_below(x - top);
    vf sum = e;
    EACH_OF(n, fold_add, sum);
    return e / sum;
}

/* Rows of 2, 4, ... VL elements, as they lie. */
static void softmax_in_vectors(const float *src, float *dst, int64_t rows, int64_t n) {
    const int64_t length = rows * n;
    int64_t i = 0;
    for (; i + VL <= length; i += VL) vf_store(dst + i, softmax_of(vf_load(src + i), n));
    const size_t rest = (size_t)(length - i);
    if (rest) vf_store_n(dst + i, softmax_of(vf_load_n(src + i, rest), n), rest);
}

static void softmax_rows(const float *src, float *dst, int64_t rows, int64_t n) {
    if (n > 1 && n <= VL && (n & (n - 1)) == 0) {
        softmax_in_vectors(src, dst, rows, n);
        return;
    }
    if (n <= VL) {
        short_rows(softmax_strided, src, dst, rows, n);
        return;
    }
    for (int64_t r = 0; r < rows; r++, src += n, dst += n) {
        const vf top = vf_set(row_max(src, n, 0));
        vf s0 = {0}, s1 = {0};
        int64_t i = 0;
        for (; i + 2 * VL <= n; i += 2 * VL) {
            const vf e0 = exp_below(vf_load(src + i) - top);
            const vf e1 = exp_below(vf_load(src + i + VL) - top);
            vf_store(dst + i, e0);
            vf_store(dst + i + VL, e1);
            s0 += e0;
            s1 += e1;
        }
        for (; i < n; i += VL) {
            const size_t m = n - i < VL ? (size_t)(n - i) : VL;
            const vf e = exp_below(vf_load_n(src + i, m) - top);
            vf_store_n(dst + i, e, m);
            s0 += first_lanes(e, m, (vf){0});
        }
        const float scale = 1.0f / vf_sum(s0 + s1);
        for (i = 0; i + VL <= n; i += VL) vf_store(dst + i, vf_load(dst + i) * scale);
        for (; i < n; i++) dst[i] *= scale;
    }
}

static void log_softmax_rows(const float *src, float *dst, int64_t rows, int64_t n) {
    if (n <= VL) {
        short_rows(log_softmax_strided, src, dst, rows, n);
        return;
    }
    for (int64_t r = 0; r < rows; r++, src += n, dst += n) {
        const float top = row_max(src, n, 0), shift = logf(row_sum_exp(src, n, top));
        int64_t i = 0;
        for (; i + VL <= n; i += VL) vf_store(dst + i, vf_load(src + i) - top - shift);
        for (; i < n; i++) dst[i] = src[i] - top - shift;
    }
}

/* ---- arg-max ---- */

/* Rows are gone through VL lanes at once, each lane keeping its own best and the vector it came
 * from; the best lane has the best value and, of equal ones, the wanted index. `last` is a constant
 * where these are inlined. */
#define ARG(name, op, op_equal)                                                                    \
    INLINE int64_t name##_row(const float *x, int64_t n, const int last) {                         \
        int64_t i = 0, at = 0;                                                                     \
        float best = x[0];                                                                         \
        if (n >= VL) {                                                                             \
            vf m = vf_load(x);                                                                     \
            vi block = {0};                                                                        \
            int32_t k = 1;                                                                         \
            for (i = VL; i + VL <= n; i += VL, k++) {                                              \
                const vf v = vf_load(x + i);                                                       \
                const vi take = last ? v op_equal m : v op m;                                      \
                m = vf_select(take, v, m);                                                         \
                block = (vi_set(k) & take) | (block & ~take);                                      \
            }                                                                                      \
            best = m[0];                                                                           \
            at = (int64_t)block[0] * VL;                                                           \
            for (int l = 1; l < VL; l++) {                                                         \
                const int64_t index = (int64_t)block[l] * VL + l;                                  \
                if (m[l] op best || (m[l] == best && (last ? index > at : index < at))) {          \
                    best = m[l];                                                                   \
                    at = index;                                                                    \
                }                                                                                  \
            }                                                                                      \
        }                                                                                          \
        for (; i < n; i++)                                                                         \
            if (x[i] op best || (last && x[i] == best)) {                                          \
                best = x[i];                                                                       \
                at = i;                                                                            \
            }                                                                                      \
        return at;                                                                                 \
    }                                                                                              \
    INLINE void name##_columns(const float *src, int64_t *dst, int64_t n, int64_t stride,          \
                               int64_t left, const int last) {                                     \
        vf m = load_columns(src, left);                                                            \
        vi at = {0};                                                                               \
        for (int64_t k = 1; k < n; k++) {                                                          \
            const vf v = load_columns(src + k * stride, left);                                     \
            const vi take = last ? v op_equal m : v op m;                                          \
            m = vf_select(take, v, m);                                                             \
            at = (vi_set((int32_t)k) & take) | (at & ~take);                                       \
        }                                                                                          \
        for (int l = 0; l < VL && l < left; l++) dst[l] = at[l];                                   \
    }                                                                                              \
    static void name##_rows(const float *src, int64_t *dst, int64_t rows, int64_t n, int last) {   \
        for (int64_t r = 0; r < rows; r++, src += n)                                               \
            dst[r] = last ? name##_row(src, n, 1) : name##_row(src, n, 0);                         \
    }                                                                                              \
    static void name##_strided(const float *src, int64_t *dst, int64_t n, int64_t stride,          \
                               int64_t count, int last) {                                          \
        for (int64_t j = 0; j < count; j += VL)                                                    \
            if (last)                                                                              \
                name##_columns(src + j, dst + j, n, stride, count - j, 1);                         \
            else                                                                                   \
                name##_columns(src + j, dst + j, n, stride, count - j, 0);                         \
    }
ARG(argmax, >, >=)
ARG(argmin, <, <=)

/* ---- normalisation ---- */

/* dst = (src - mean) * scale [* gamma[i]] [+ beta[i]]; the flags are constants where inlined. */
INLINE void normalise(const float *src, float *dst, int64_t n, float mean, float scale,
                      const float *gamma, const float *beta, int has_gamma, int has_beta) {
    for (int64_t i = 0; i < n; i += VL) {
        const int64_t m = n - i;
        vf v = (load_columns(src + i, m) - mean) * scale;
        if (has_gamma) v = v * load_columns(gamma + i, m);
        if (has_beta) v = v + load_columns(beta + i, m);
        store_columns(dst + i, v, m);
    }
}

static void normalise_row(const float *src, float *dst, int64_t n, float mean, float scale,
                          const float *gamma, const float *beta) {
    if (gamma && beta)
        normalise(src, dst, n, mean, scale, gamma, beta, 1, 1);
    else if (gamma)
        normalise(src, dst, n, mean, scale, gamma, beta, 1, 0);
    else
        normalise(src, dst, n, mean, scale, gamma, beta, 0, beta != NULL);
}

static void layer_norm(const float *src, float *dst, int64_t rows, int64_t n, const float *gamma,
                       const float *beta, float epsilon, float *mean, float *inverse) {
    for (int64_t r = 0; r < rows; r++, src += n, dst += n) {
        const float average = row_sum(src, n, 0) / (float)n;
        const float scale = 1.0f / sqrtf(row_deviation(src, n, average) / (float)n + epsilon);
        normalise_row(src, dst, n, average, scale, gamma, beta);
        if (mean) mean[r] = average;
        if (inverse) inverse[r] = scale;
    }
}

static void rms_norm(const float *src, float *dst, int64_t rows, int64_t n, const float *gamma,
                     float epsilon) {
    for (int64_t r = 0; r < rows; r++, src += n, dst += n) {
        const float scale = 1.0f / sqrtf(row_sum_square(src, n, 0) / (float)n + epsilon);
        normalise_row(src, dst, n, 0, scale, gamma, NULL);
    }
}

static void group_norm(const float *src, float *dst, int64_t n_channels, int64_t pixels,
                       const float *gamma, const float *beta, float epsilon) {
    const int64_t n = n_channels * pixels;
    const float mean = row_sum(src, n, 0) / (float)n;
    const float inverse = 1.0f / sqrtf(row_deviation(src, n, mean) / (float)n + epsilon);
    for (int64_t c = 0; c < n_channels; c++, src += pixels, dst += pixels) {
        const float scale = inverse * (gamma ? gamma[c] : 1), shift = beta ? beta[c] : 0;
        int64_t i = 0;
        for (; i + VL <= pixels; i += VL)
            vf_store(dst + i, (vf_load(src + i) - mean) * scale + shift);
        for (; i < pixels; i++) dst[i] = (src[i] - mean) * scale + shift;
    }
}

FOLD_COLUMNS(deviation, map_deviation, add, 0.0f)

static void instance_norm_block(const float *src, float *dst, int64_t pixels, const float *gamma,
                                const float *beta, float epsilon) {
    const vf none[1] = {{0}};
    vf mean[1], square[1];
    columns_sum(src, pixels, VL, 1, VL, none, mean);
    mean[0] /= (float)pixels;
    columns_deviation(src, pixels, VL, 1, VL, mean, square);
    const vf inverse = 1.0f / vf_sqrt(square[0] / (float)pixels + epsilon);
    const vf scale = gamma ? inverse * vf_load(gamma) : inverse;
    const vf shift = beta ? vf_load(beta) : (vf){0};
    for (int64_t p = 0; p < pixels; p++)
        vf_store(dst + p * VL, (vf_load(src + p * VL) - mean[0]) * scale + shift);
}

#define EACH_OP(prefix)                                                                            \
    {[REDUCE_SUM] = prefix##_sum, [REDUCE_MEAN] = prefix##_mean, [REDUCE_MAX] = prefix##_max,      \
     [REDUCE_MIN] = prefix##_min, [REDUCE_PROD] = prefix##_prod,                                   \
     [REDUCE_SUM_SQUARE] = prefix##_sum_square, [REDUCE_L1] = prefix##_l1,                         \
     [REDUCE_L2] = prefix##_l2, [REDUCE_LOG_SUM_EXP] = prefix##_log_sum_exp}

const struct reduce_kernels K(reduce) = {
    .softmax_rows = softmax_rows,
    .log_softmax_rows = log_softmax_rows,
    .softmax_strided = softmax_strided,
    .log_softmax_strided = log_softmax_strided,
    .rows = EACH_OP(rows),
    .strided = EACH_OP(strided),
    .argmax_rows = argmax_rows,
    .argmin_rows = argmin_rows,
    .argmax_strided = argmax_strided,
    .argmin_strided = argmin_strided,
    .layer_norm = layer_norm,
    .rms_norm = rms_norm,
    .group_norm = group_norm,
    .instance_norm_block = instance_norm_block,
};
