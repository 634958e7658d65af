/* SPDX-License-Identifier: Apache-2.0 */
/* The register tiles of convolution by pairs of channels, and the scaling of its inputs. */
#include "kernels/pairs.h"

#include "kernels/conv_finish.h"
#include "kernels/products.h"
#include "kernels/transpose.h"

#if VL >= 16
INLINE void one_pair(vf *acc, int ocv, int px, const float *restrict w, const float *restrict s,
                     int sign) {
    vf first[4], second[4];
    UNROLL_FULL
    for (int o = 0; o < ocv; o++) {
        first[o] = vf_load(w + o * VL);
        second[o] = vf_load(w + (ocv + o) * VL);
    }
    UNROLL_FULL
    for (int p = 0; p < px; p++) {
        const vf x0 = vf_set(s[p * VL]), x1 = vf_set(s[p * VL + 1]);
        UNROLL_FULL
        for (int o = 0; o < ocv; o++)
            acc[o * px + p] += (second[o] + x0) * (sign > 0 ? first[o] + x1 : first[o] - x1);
    }
}

/* n channels of a block, for all outputs. */
INLINE void add_pairs(vf *acc, int ocv, int px, const float *restrict w, const float *restrict s,
                      int n) {
    UNROLL_FULL
    for (int c = 0; c < n; c++) {
        if (pair_sign(c)) one_pair(acc, ocv, px, w + c * ocv * VL, s + c, pair_sign(c));
        else if (c == 0 || !pair_sign(c - 1))
            one_channel(acc, ocv, px, 0, px, VL, w + c * ocv * VL, s + c);
    }
}

INLINE void tile(const struct conv_tile *t, int ocv, int px) {
    const int64_t pixel = t->src_at / VL;
    const float *products = t->pixel_products + pixel;
    vf acc[32];
    UNROLL_FULL
    for (int o = 0; o < ocv; o++) {
        const vf own = vf_load(t->weight_products + o * VL);
        UNROLL_FULL
        for (int p = 0; p < px; p++) acc[o * px + p] = own + vf_set(products[p]);
    }
    const float *w = t->weights, *s = t->pieces->src + t->src_at;
    int n = t->pieces->n;
    for (; n >= VL; n -= VL, w += VL * ocv * VL, s += t->src_row) add_pairs(acc, ocv, px, w, s, VL);
    if (n) add_pairs(acc, ocv, px, w, s, PAIRS_UNIT);
    if (t->pixel_unscale) {
        const float *unscale = t->pixel_unscale + pixel;
        UNROLL_FULL
        for (int i = 0; i < ocv * px; i++) acc[i] *= unscale[i % px];
    }
    UNROLL_FULL
    for (int o = 0; o < ocv; o++) {
        const vf back = vf_load(t->weight_unscale + o * VL), bias = vf_load(t->bias + o * VL);
        UNROLL_FULL
        for (int p = 0; p < px; p++) acc[o * px + p] = acc[o * px + p] * back + bias;
    }
    if (t->resume) {
        UNROLL_FULL
        for (int o = 0; o < ocv; o++) {
            UNROLL_FULL
            for (int p = 0; p < px; p++)
                acc[o * px + p] += vf_load(t->dst + o * t->dst_channel + p * VL);
        }
    }
    conv_store(t, acc, ocv, px);
}

INLINE void tiles_of_a_run(struct conv_tile *t, int ocv, int px) {
    struct conv_stored stored = {t->dst, 0};
    do {
        conv_fetch_scattered(t, px);
        tile(t, ocv, px);
        conv_next_tile(t, ocv, px, VL, &stored);
    } while (--t->count > 0);
}

#if PK_FEW_TILES
#define TILES(TILE) TILE(1, 1) TILE(1, 4)
#define PRODUCT_TILES(TILE)
#else
#define TILES(TILE)                                                                                \
    TILE(1, 1) TILE(1, 4) TILE(1, 5) TILE(1, 6) TILE(1, 7) TILE(1, 8) TILE(1, 10) TILE(1, 14)
#define PRODUCT_TILES(TILE) TILE(1, 16)
#endif
#define DEFINE(ocv, px)                                                                            \
    static NOINLINE void tile_##ocv##x##px(struct conv_tile *t) { tiles_of_a_run(t, ocv, px); }
TILES(DEFINE)
PRODUCT_TILES(DEFINE)
#define LIST(ocv, px) {ocv, px, 0, tile_##ocv##x##px},
static const struct conv_tile_kernel tiles[] = {TILES(LIST) PRODUCT_TILES(LIST)};
#define ONE(ocv, px) +1
enum { n_product_tiles = 0 TILES(ONE) PRODUCT_TILES(ONE), n_tiles = 0 TILES(ONE) };

/* The sign of the product of this lane and the next. */
INLINE vf lane_signs(void) {
    vf signs;
    UNROLL_FULL
    for (int i = 0; i < VL; i++) signs[i] = (float)pair_sign(i);
    return signs;
}

INLINE vi first_lanes(int n) {
    vi lanes;
    UNROLL_FULL
    for (int i = 0; i < VL; i++) lanes[i] = i;
    return lanes < n;
}

INLINE vf next_lane(vf v) {
    return __builtin_shufflevector(v, v, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 0);
}

/* Lane i: the largest, or the sum, of the lanes of v[i]. */
INLINE vf across(vf *v, int largest) {
    transpose(v);
    UNROLL_FULL
    for (int n = VL / 2; n; n /= 2) {
        UNROLL_FULL
        for (int i = 0; i < n; i++) v[i] = largest ? vf_max(v[i], v[i + n]) : v[i] + v[i + n];
    }
    return v[0];
}

/* Minus the products of the pairs of n pixels, whose products of all neighbouring lanes are in sum.
 * n is a constant here and below, and of these pixels `there` exist. */
INLINE void store_products(vf *sum, int n, int there, float *products) {
    const vf signs = lane_signs();
    UNROLL_FULL
    for (int i = 0; i < n; i++) sum[i] *= -signs;
    vf_store_n(products, across(sum, 0), (size_t)there);
}

/* Pixel i, or the last that exists. */
INLINE const float *pixel_at(const float *src, int i, int n, int there) {
    return src + (n < 8 && i >= there ? there - 1 : i) * VL;
}

INLINE void sum_block(const float *src, vi lanes, int n, int there, vf *most, vf *sum) {
    UNROLL_FULL
    for (int i = 0; i < n; i++) {
        const vf x = vf_and(vf_load(pixel_at(src, i, n, there)), lanes);
        most[i % 4] = vf_max(most[i % 4], vf_abs(x));
        sum[i] += x * next_lane(x);
    }
}

INLINE vf sum_pixels(const float *src, int64_t src_block, int channels, int n, int there,
                     float *products) {
    vf most[4] = {0}, sum[VL] = {0};
    for (; channels >= VL; channels -= VL, src += src_block)
        sum_block(src, vi_set(-1), n, there, most, sum);
    if (channels) sum_block(src, first_lanes(PAIRS_UNIT), n, there, most, sum);
    store_products(sum, n, there, products);
    return vf_max(vf_max(most[0], most[1]), vf_max(most[2], most[3]));
}

/* f(first pixel, n, there) for all of them, at most `most` together. */
#define EACH_PIXELS(all, most, f)                                                                  \
    do {                                                                                           \
        int first = 0;                                                                             \
        for (; (most) > 8 && (all) - first >= (most); first += (most)) f(first, most, most);       \
        for (; (all) - first >= 8; first += 8) f(first, 8, 8);                                     \
        for (; first < (all); first += 4) f(first, 4, (all) - first < 4 ? (all) - first : 4);      \
    } while (0)

static float sums(const float *src, int64_t src_block, int channels, int all, float *products) {
    vf most = {0};
#define SUM(first, n, there)                                                                       \
    (most = vf_max(most, sum_pixels(src + (first) * VL, src_block, channels, n, there,             \
                                    products + (first))))
    EACH_PIXELS(all, VL, SUM);
#undef SUM
    return vf_max_lane(most);
}

/* Of each lane the power of two that scales it to [2, 4) times size, and the one that undoes it;
 * what is below 2^-114 stays below. */
INLINE vf powers_of_two(vf most, float size, vf *undo) {
    enum { ONE = 1 << 23, LEAST = 12 * ONE, MOST = 253 * ONE }; /* of a float's exponent */
    vi bits = (vi)most & 255 * ONE;
    bits = (vi)vf_select(bits < LEAST, (vf)vi_set(LEAST), (vf)bits);
    bits = (vi)vf_select(bits > MOST, (vf)vi_set(MOST), (vf)bits);
    *undo = (vf)(bits - ONE) / size;
    return (vf)(MOST - bits + 2 * ONE) * size;
}

INLINE void scale_pixels(const float *src, int64_t src_block, int channels, float size, int n,
                         int there, float *dst, int64_t dst_block, float *products,
                         float *unscale) {
    const vi last = first_lanes((channels - 1) % VL + 1);
    vf most[VL] = {0}, sum[VL] = {0}, undo;
    float factor[VL];
    const float *s = src;
    for (int c = 0; c < channels; c += VL, s += src_block) {
        const vi lanes = (c + VL < channels ? vi_set(-1) : last) & 0x7fffffff;
        UNROLL_FULL
        for (int i = 0; i < n; i++)
            most[i] = vf_max(most[i], vf_and(vf_load(pixel_at(s, i, n, there)), lanes));
    }
    vf_store(factor, powers_of_two(across(most, 1), size, &undo));
    vf_store_n(unscale, undo, (size_t)there);
    s = src;
    for (int c = 0; c < channels; c += VL, s += src_block, dst += dst_block) {
        const vi lanes = c + VL < channels ? vi_set(-1) : last;
        vf x[VL];
        UNROLL_FULL
        for (int i = 0; i < n; i++) {
            x[i] = vf_and(vf_load(pixel_at(s, i, n, there)) * factor[i], lanes);
            sum[i] += x[i] * next_lane(x[i]);
        }
        for (int i = 0; i < there; i++) vf_store(dst + i * VL, x[i]);
    }
    store_products(sum, n, there, products);
}

static void scale(const float *src, int64_t src_block, int channels, float size, int all,
                  float *dst, int64_t dst_block, float *products, float *unscale) {
#define SCALE(first, n, there)                                                                     \
    scale_pixels(src + (first) * VL, src_block, channels, size, n, there, dst + (first) * VL,      \
                 dst_block, products + (first), unscale + (first))
    EACH_PIXELS(all, 8, SCALE);
#undef SCALE
}

static void weights(float *w, int channels, int ocv, float size, float *products, float *unscale) {
    for (int o = 0; o < ocv; o++, w += VL) {
        vf most = {0}, undo, sum = {0};
        for (int c = 0; c < channels; c++) most = vf_max(most, vf_abs(vf_load(w + c * ocv * VL)));
        const vf factor = powers_of_two(most, size, &undo);
        for (int c = 0; c < pairs_padded(channels); c++) {
            float *at = w + c * ocv * VL;
            vf_store(at, c < channels ? vf_load(at) * factor : (vf){0});
            const int sign = c ? pair_sign((c - 1) % VL) : 0;
            if (!sign) continue;
            const vf second = vf_load(at) * (float)sign;
            sum -= vf_load(at - ocv * VL) * second;
            vf_store(at, second);
        }
        vf_store(products + o * VL, sum);
        vf_store(unscale + o * VL, undo);
    }
}

static void measure(const float *w, int first, int channels, float size, float *most, float *sum) {
    vf largest = vf_load(most), products = vf_load(sum);
    for (int c = 0; c < channels; c++, w += VL) {
        const int sign = c ? pair_sign((first + c - 1) % VL) : 0;
        largest = vf_max(largest, vf_abs(vf_load(w)) * (1 / size));
        if (sign) products -= vf_load(w - VL) * vf_load(w) * (float)sign;
    }
    vf_store(most, largest);
    vf_store(sum, products);
}

static void settle(float *w, int channels, int taps, const float *most, float *unscale,
                   float *factor) {
    vf undo;
    const vf scale = powers_of_two(vf_load(most), 1, &undo);
    for (int c = 0; c < pairs_padded(channels); c++) {
        const int sign = c ? pair_sign((c - 1) % VL) : 0;
        const vf by = sign < 0 ? -scale : scale;
        for (int t = 0; t < taps; t++, w += VL)
            vf_store(w, c < channels ? vf_load(w) * by : (vf){0});
    }
    vf_store(unscale, undo);
    vf_store(factor, scale);
}

static void place(const float *src, int channels, int n, float *dst, int lane, int64_t dst_block) {
    const int here = channels < VL - lane ? channels : VL - lane, there = channels - here;
    for (int i = 0; i < n; i++, src += VL, dst += VL) {
        vf_store_n(dst + lane, vf_load_n(src, (size_t)here), (size_t)here);
        if (there) vf_store_n(dst + dst_block, vf_load_n(src + here, (size_t)there), (size_t)there);
    }
}
#endif

const struct pairs_kernels K(pairs) = {
#if VL >= 16
    .tiles = tiles, .n_tiles = n_tiles, .n_product_tiles = n_product_tiles, .max_ocv = 1,
    .sums = sums, .scale = scale, .place = place, .weights = weights, .measure = measure,
    .settle = settle,
    .cost = 11 / 16.0f, .sums_cost = 3.5f, .gather_cost = 6, .result_cost = 9,
#endif
};
