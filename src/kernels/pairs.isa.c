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
        for (int p = 0; p < px; p++)
            acc[o * px + p] = acc[o * px + p] * back + bias;
    }
    conv_store(t, acc, ocv, px);
}

INLINE void tiles_of_a_run(struct conv_tile *t, int ocv, int px) {
    struct conv_stored stored = {t->dst, 0};
    do {
        tile(t, ocv, px);
        conv_next_tile(t, ocv, px, VL, &stored);
    } while (--t->count > 0);
}

#if PK_FEW_TILES
#define TILES(TILE) TILE(1, 1) TILE(1, 4)
#else
#define TILES(TILE) TILE(1, 1) TILE(1, 2) TILE(1, 4) TILE(1, 7) TILE(1, 10) TILE(1, 14)
#endif
#define DEFINE(ocv, px)                                                                            \
    static NOINLINE void tile_##ocv##x##px(struct conv_tile *t) { tiles_of_a_run(t, ocv, px); }
TILES(DEFINE)
#define LIST(ocv, px) {ocv, px, 0, tile_##ocv##x##px},
static const struct conv_tile_kernel tiles[] = {TILES(LIST)};

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
    vi next;
    UNROLL_FULL
    for (int i = 0; i < VL; i++) next[i] = (i + 1) % VL;
    return __builtin_shuffle(v, next);
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

/* Minus the products of the pairs of up to VL pixels, whose products of all neighbouring lanes are
 * in sum. */
INLINE void store_products(vf *sum, int n, float *products) {
    const vf signs = lane_signs();
    UNROLL_FULL
    for (int i = 0; i < n; i++) sum[i] *= -signs;
    vf_store_n(products, across(sum, 0), (size_t)n);
}

INLINE void sum_block(const float *src, vi there, int n, vf *most, vf *sum) {
    UNROLL_FULL
    for (int i = 0; i < n; i++) {
        const vf x = vf_and(vf_load(src + i * VL), there);
        most[i % 4] = vf_max(most[i % 4], vf_abs(x));
        sum[i] += x * next_lane(x);
    }
}

INLINE vf sum_pixels(const float *src, int64_t src_block, int channels, int n, float *products) {
    vf most[4] = {0}, sum[VL] = {0};
    for (; channels >= VL; channels -= VL, src += src_block)
        sum_block(src, vi_set(-1), n, most, sum);
    if (channels) sum_block(src, first_lanes(PAIRS_UNIT), n, most, sum);
    store_products(sum, n, products);
    return vf_max(vf_max(most[0], most[1]), vf_max(most[2], most[3]));
}

static float sums(const float *src, int64_t src_block, int channels, int n, float *products) {
    vf most = {0};
    for (; n >= VL; n -= VL, src += VL * VL, products += VL)
        most = vf_max(most, sum_pixels(src, src_block, channels, VL, products));
    if (n) most = vf_max(most, sum_pixels(src, src_block, channels, n, products));
    return vf_max_lane(most);
}

/* Of each lane the power of two that scales it to [4, 8), and the one that undoes it. */
INLINE vf powers_of_two(vf most, vf *undo) {
    enum { ONE = 1 << 23 }; /* of the exponent, as stored in a float */
    vi bits = (vi)most & 255 * ONE;
    bits = (vi)vf_select(bits < 3 * ONE, (vf)vi_set(3 * ONE), (vf)bits);
    bits = (vi)vf_select(bits > 253 * ONE, (vf)vi_set(253 * ONE), (vf)bits);
    *undo = (vf)(bits - 2 * ONE);
    return (vf)(ONE - bits + 255 * ONE);
}

/* Up to VL pixels. */
INLINE void scale_pixels(const float *src, int64_t src_block, int channels, int n, float *dst,
                         int64_t dst_block, float *products, float *unscale) {
    const vi last = first_lanes((channels - 1) % VL + 1);
    vf most[VL] = {0}, sum[VL] = {0}, undo;
    float factor[VL];
    const float *s = src;
    for (int c = 0; c < channels; c += VL, s += src_block) {
        const vi there = (c + VL < channels ? vi_set(-1) : last) & 0x7fffffff;
        UNROLL_FULL
        for (int i = 0; i < n; i++) most[i] = vf_max(most[i], vf_and(vf_load(s + i * VL), there));
    }
    vf_store(factor, powers_of_two(across(most, 1), &undo));
    vf_store_n(unscale, undo, (size_t)n);
    s = src;
    for (int c = 0; c < channels; c += VL, s += src_block, dst += dst_block) {
        const vi there = c + VL < channels ? vi_set(-1) : last;
        UNROLL_FULL
        for (int i = 0; i < n; i++) {
            const vf x = vf_and(vf_load(s + i * VL) * factor[i], there);
            vf_store(dst + i * VL, x);
            sum[i] += x * next_lane(x);
        }
    }
    store_products(sum, n, products);
}

static void scale(const float *src, int64_t src_block, int channels, int n, float *dst,
                  int64_t dst_block, float *products, float *unscale) {
    for (; n >= VL; n -= VL, src += VL * VL, dst += VL * VL, products += VL, unscale += VL)
        scale_pixels(src, src_block, channels, VL, dst, dst_block, products, unscale);
    if (n) scale_pixels(src, src_block, channels, n, dst, dst_block, products, unscale);
}

static void place(const float *src, int64_t src_pixel, int channels, int n, float *dst, int lane,
                  int64_t dst_block) {
    const int here = channels < VL - lane ? channels : VL - lane, there = channels - here;
    for (int i = 0; i < n; i++, src += src_pixel, dst += VL) {
        vf_store_n(dst + lane, vf_load_n(src, (size_t)here), (size_t)here);
        if (there) vf_store_n(dst + dst_block, vf_load_n(src + here, (size_t)there), (size_t)there);
    }
}
#endif

const struct pairs_kernels K(pairs) = {
#if VL >= 16
    .tiles = tiles, .n_tiles = sizeof tiles / sizeof *tiles, .max_ocv = 1,
    .sums = sums, .scale = scale, .place = place,
    .cost = 11 / 16.0f, .sums_cost = 3.5f, .gather_cost = 6,
#endif
};
