/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Winograd convolution for 3x3 with stride 1: F(4), F(5) or F(6), chosen by estimated time.
 *
 * Fused over blocks of a dozen or so tiles, so that nothing leaves the L2 cache: the inputs of a
 * block are transformed for all channels, v[point][block of ic][tile][vl]; then for each group of
 * output channels every point is a small product with the weights, by the register tiles of 1x1
 * convolution, and the results are transformed back and stored with bias and activation.
 * Weights are [group][point][ic][ocv][vl], one forward stream.
 */
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "kernels/conv_algorithms.h"
#include "kernels/winograd.h"

enum { MAX_RUNS = 40 };
static const float no_bias[4 * 16] __attribute__((aligned(64)));

static int tiles_across(int size, int m) { return (size + m - 1) / m; }

/* Floats from one point of v to the next: an odd number of vectors of 64 bytes, so that points do
 * not compete for the same cache sets. */
static int64_t point_step(const struct conv_plan *p, int tiles) {
    int64_t floats = (int64_t)p->icb * tiles * p->k->vl;
    int64_t lines = (floats + 15) / 16;
    return (lines | 1) * 16;
}

/* Largest number of tiles transformed together. */
static int block_tiles(const struct conv_plan *p, int m, int tiles) {
    const double points = (m + 2) * (m + 2);
    double weights = points * p->d.ic * p->ocb * p->k->vl * 4;
    /* Every block streams all the weights: when they do not fit the caches, fewer blocks. */
    int target = weights > 8e6 ? 50 : weights > 3e6 ? 28 : 14;
    int blocks = (tiles + target - 1) / target;
    return (tiles + blocks - 1) / blocks;
}

/* Nanoseconds of the transforms of a tile for 16 channels, as measured with AVX-512. */
static const double input_ns[] = {[4] = 68, [5] = 100, [6] = 132};
static const double output_ns[] = {[4] = 40, [5] = 75, [6] = 100};

static double transform_us(const struct conv_plan *p, int tiles, int blocks, double ns) {
    return tiles * blocks * ns * 1e-3 * 3600 / (double)p->k->conv->fma_per_us;
}

/* Cost of the products of a block of tiles, per channel and point, and the channel blocks per group
 * for which it is least. */
static double product_cost(const struct conv_plan *p, int block, int *ocv) {
    double best = 0;
    for (int o = 1; o <= p->k->conv->max_ocv && o <= p->ocb; o++) {
        double cost = (double)conv_cut(p, o, block, 0, NULL, NULL) * (p->ocb / o);
        int rest = p->ocb % o;
        if (rest) cost += (double)conv_cut(p, rest, block, 0, NULL, NULL);
        if (best == 0 || cost < best * 0.99) {
            best = cost;
            *ocv = o;
        }
    }
    return best;
}

/* Microseconds on one core when tiles are cut into `bands`. */
static double estimate(const struct conv_plan *p, int m, int bands) {
    const struct conv_desc *d = &p->d;
    const int tiles = tiles_across(d->oh, m) * tiles_across(d->ow, m), points = (m + 2) * (m + 2);
    const int block = block_tiles(p, m, (tiles + bands - 1) / bands);
    int ocv;
    double product = product_cost(p, block, &ocv) / block * tiles * points * d->ic /
                     (double)p->k->conv->fma_per_us;
    double transform =
        transform_us(p, tiles, p->icb, input_ns[m]) +
        transform_us(p, tiles, p->ocb, output_ns[m] + m * m * (d->act >= ACT_SIGMOID ? 2.5 : 0));
    /* Weights beyond the caches come at memory speed, which threads share. */
    double bytes = 4.0 * points * d->ic * p->ocb * p->k->vl;
    double memory = bytes > 6e6 ? bytes / 20e3 : 0;
    double compute = (product + transform) * d->n;
    return compute > memory ? compute + 0.25 * memory : memory + 0.25 * compute;
}

static int suits(const struct conv_desc *d) {
    return d->kh == 3 && d->kw == 3 && d->sh == 1 && d->sw == 1 && d->dh == 1 && d->dw == 1 &&
           d->groups == 1 && d->src == CONV_BLOCKED;
}

int winograd_plan(struct conv_plan *p, double limit_us) {
    if (!suits(&p->d) || p->d.ic < 8 || p->d.oc < 8) return 0;
    p->pixel_step = p->k->vl;
    int chosen = 0;
    for (int m = WINOGRAD_LEAST; m <= WINOGRAD_MOST; m++) {
        double cost = estimate(p, m, 1);
        /* A larger tile loses digits: it must be worth it. */
        if (cost < limit_us * (chosen ? 0.95 : 0.9)) {
            limit_us = cost;
            chosen = m;
        }
    }
    return chosen && winograd_lay_out(p, chosen);
}

int winograd_lay_out(struct conv_plan *p, int m) {
    const struct conv_desc *d = &p->d;
    if (!suits(d)) return 0;
    const int points = (m + 2) * (m + 2), vl = p->k->vl;
    const int tiles = tiles_across(d->oh, m) * tiles_across(d->ow, m);
    p->algorithm = CONV_WINOGRAD;
    p->wino_m = m;
    p->pixel_step = vl;
    p->flat = p->rows_outer = 0;
    p->cost_us = estimate(p, m, 1);

    /* Bands of tiles first. Bands of output channels repeat the transform of the input: only as
     * many as cost a twelfth. */
    int want = (int)(p->cost_us / d->n / 25);
    want = want < 1 ? 1 : want > 16 ? 16 : want;
    int least_band = 4.0 * points * d->ic * p->ocb * vl > 5e6 ? 20 : 8;
    p->bands = tiles / least_band < want ? tiles / least_band : want;
    if (p->bands < 1) p->bands = 1;
    p->unit = block_tiles(p, m, (tiles + p->bands - 1) / p->bands);
    p->cost_us = estimate(p, m, p->bands);
    product_cost(p, p->unit, &p->ocv);
    p->n_groups = (p->ocb + p->ocv - 1) / p->ocv;
    double input_us = transform_us(p, tiles, p->icb, input_ns[m]) * d->n;
    int most = 1 + (int)(p->cost_us / 12 / input_us);
    p->group_bands = (want + p->bands - 1) / p->bands;
    if (p->group_bands > most) p->group_bands = most;
    if (p->group_bands > p->n_groups) p->group_bands = p->n_groups;
    p->n_tiles[0] = d->n * p->bands * p->group_bands;

    size_t floats;
    if (!size_mul((size_t)points * (size_t)d->ic, (size_t)(p->ocv * vl), &p->group_floats) ||
        !size_mul(p->group_floats, (size_t)p->n_groups, &floats) || floats > SIZE_MAX / 8)
        return 0;
    p->packed_bytes = (floats + (size_t)p->ocb * (size_t)vl) * sizeof(float);
    p->scratch_bytes = ((size_t)point_step(p, p->unit) * (size_t)points +
                        (size_t)points * (size_t)p->ocv * (size_t)p->unit * (size_t)vl) *
                       sizeof(float);
    snprintf(p->name, sizeof p->name, "wino%d %dx%d", m, p->ocv, p->unit);
    return 1;
}

void winograd_pack(const struct conv_plan *p, const float *weights, const float *bias,
                   float *packed) {
    static const double all_points[][7] = {[4] = WINOGRAD_POINTS_4, [5] = WINOGRAD_POINTS_5,
                                           [6] = WINOGRAD_POINTS_6};
    const struct conv_desc *d = &p->d;
    const int m = p->wino_m, n = m + 2, vl = p->k->vl, channels = p->ocb * vl;
    const double *a = all_points[m];
    double g[WINOGRAD_MOST + 2][3];
    for (int i = 0; i < n - 1; i++) {
        double norm = 1;
        for (int j = 0; j < n - 1; j++)
            if (j != i) norm *= a[i] - a[j];
        g[i][0] = 1 / norm;
        g[i][1] = a[i] / norm;
        g[i][2] = a[i] * a[i] / norm;
    }
    g[n - 1][0] = g[n - 1][1] = 0;
    g[n - 1][2] = 1;
    for (int o = 0; o < channels; o++) packed[o] = bias && o < d->oc ? bias[o] : 0;
    for (int o = 0; o < channels; o++) {
        const int group = o / vl / p->ocv, blocks = p->ocb - group * p->ocv;
        const int lanes = (blocks < p->ocv ? blocks : p->ocv) * vl;
        float *u = packed + channels + (size_t)group * p->group_floats + (o - group * p->ocv * vl);
        for (int c = 0; c < d->ic; c++) {
            if (o >= d->oc) {
                for (int q = 0; q < n * n; q++)
                    u[((size_t)q * (size_t)d->ic + (size_t)c) * (size_t)lanes] = 0;
                continue;
            }
            const float *w = weights + ((size_t)o * (size_t)d->ic + (size_t)c) * 9;
            double half[WINOGRAD_MOST + 2][3];
            for (int i = 0; i < n; i++)
                for (int j = 0; j < 3; j++)
                    half[i][j] = g[i][0] * (double)w[j] + g[i][1] * (double)w[3 + j] +
                                 g[i][2] * (double)w[6 + j];
            for (int i = 0; i < n; i++)
                for (int j = 0; j < n; j++)
                    u[((size_t)(i * n + j) * (size_t)d->ic + (size_t)c) * (size_t)lanes] =
                        (float)(half[i][0] * g[j][0] + half[i][1] * g[j][1] + half[i][2] * g[j][2]);
        }
    }
}

/* All points of one group of output channels: m[point][block][tile][vl] = u v. */
static void multiply(const struct conv_plan *p, const float *weights, int blocks, const float *v,
                     int64_t v_step, float *m, int tiles) {
    const int vl = p->k->vl, points = (p->wino_m + 2) * (p->wino_m + 2);
    struct conv_run runs[MAX_RUNS];
    int n_runs = 0;
    conv_cut(p, blocks, tiles, 0, runs, &n_runs);
    struct conv_tile t = {
        .bias = no_bias, .src_block = (int64_t)tiles * vl, .src_pixel = vl, .n_blocks = p->icb,
        .c_end = p->d.ic - (p->icb - 1) * vl, .c_block = vl, .kw = 1, .taps = 1, .nky = 1, .nkx = 1,
        .skip_first = -1, .skip_last = -1, .dst_channel = (int64_t)tiles * vl, .direct = 1,
    };
    const int64_t u_step = (int64_t)p->d.ic * blocks * vl, m_step = (int64_t)blocks * tiles * vl;
    for (int q = 0; q < points; q++) {
        t.weights = weights + q * u_step;
        for (int r = 0; r < n_runs; r++)
            for (int i = 0, x = runs[r].x; i < runs[r].count; i++, x += runs[r].kernel->px) {
                t.src = v + q * v_step + x * vl;
                t.dst = m + q * m_step + x * vl;
                runs[r].kernel->run(&t);
            }
    }
}

void winograd_run(const struct conv_plan *p, const float *packed, const struct conv_args *a,
                  int tile, void *scratch) {
    const struct conv_desc *d = &p->d;
    const struct winograd_kernels *k = p->k->winograd;
    const int vl = p->k->vl, m = p->wino_m, across = tiles_across(d->ow, m);
    const int tiles = across * tiles_across(d->oh, m);
    const int gb = tile % p->group_bands, band = tile / p->group_bands % p->bands;
    const int image = tile / p->group_bands / p->bands;
    const int g0 = (int)((int64_t)p->n_groups * gb / p->group_bands);
    const int g1 = (int)((int64_t)p->n_groups * (gb + 1) / p->group_bands);
    const int t0 = (int)((int64_t)tiles * band / p->bands);
    const int t1 = (int)((int64_t)tiles * (band + 1) / p->bands);
    const int n_blocks = (t1 - t0 + p->unit - 1) / p->unit;
    const float *src = a->src + image * a->src_batch;
    const int64_t pixel = d->dst == CONV_BLOCKED ? vl : 1;
    const int64_t out_step = d->dst == CONV_PIXEL ? a->dst_channel : pixel;
    float *v = scratch;
    for (int b = 0; b < n_blocks; b++) { /* nearly equal blocks */
        const int b0 = t0 + (t1 - t0) * b / n_blocks, n = t0 + (t1 - t0) * (b + 1) / n_blocks - b0;
        const int64_t v_step = point_step(p, n);
        float *products = v + v_step * (m + 2) * (m + 2);
        for (int c = 0; c < p->icb; c++)
            for (int i = 0; i < n; i++) {
                const int y = (b0 + i) / across * m, x = (b0 + i) % across * m;
                k->input[m](src + c * a->src_channel, d->ih, d->iw, y - d->pt, x - d->pl,
                            v + ((int64_t)c * n + i) * vl, v_step);
            }
        for (int g = g0; g < g1; g++) {
            const int blocks = p->ocb - g * p->ocv < p->ocv ? p->ocb - g * p->ocv : p->ocv;
            const float *weights = packed + p->ocb * vl + (size_t)g * p->group_floats;
            multiply(p, weights, blocks, v, v_step, products, n);
            for (int o = 0; o < blocks; o++) {
                const int block = g * p->ocv + o;
                for (int i = 0; i < n; i++) {
                    const int y = (b0 + i) / across * m, x = (b0 + i) % across * m;
                    const int rows = d->oh - y < m ? d->oh - y : m;
                    const int cols = d->ow - x < m ? d->ow - x : m;
                    struct conv_tile t;
                    conv_set_output(p, a, image, block, (int64_t)y * d->ow + x, &t);
                    k->output[m](products + ((int64_t)o * n + i) * vl, (int64_t)blocks * n * vl,
                                 packed + block * vl, &t, d->ow * out_step, (int64_t)d->ow * vl,
                                 rows, cols);
                }
            }
        }
    }
}
