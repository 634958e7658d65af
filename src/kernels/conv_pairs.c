/* SPDX-License-Identifier: Apache-2.0 */
/*
 * 1x1 convolution by pairs of channels (pairs.h), with any stride.
 *
 * The inputs of some pixels are read for the sums of their pairs' products, and then meet the
 * weights of one group of output channels after the other. Those that come in pieces or with a
 * stride are copied to [block][pixel][vl] first, and those whose size is not that of the weights
 * are scaled there. Packed are [bias][what sums start with][what they are multiplied with at the
 * end], a float for each output channel, and the weights as those of the direct algorithm, scaled,
 * each group's followed by zeros up to a multiple of PAIRS_UNIT channels.
 */
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/cpu.h"
#include "kernels/conv_algorithms.h"
#include "kernels/pairs.h"

/* Inputs that come together stay in L1 from group to group, unless that would fetch many weights
 * too often. */
#define NEAR_BYTES (24 * 1024)
#define FAR_BYTES (192 * 1024)
#define NEAR_WEIGHTS (512 * 1024)
enum { LEAST_PIXELS = 28, MOST_RUNS = 20 };

static size_t runs_bytes(void) { return (MOST_RUNS * sizeof(struct conv_run) + 63) / 64 * 64; }

static size_t copy_floats(const struct conv_plan *p) {
    return (size_t)p->icb * (size_t)p->pixels * (size_t)p->k->vl;
}

static int suits(const struct conv_plan *p) {
    const struct conv_desc *d = &p->d;
    return p->k->pairs->n_tiles && d->kh * d->kw == 1 && d->groups == 1 &&
           d->src == CONV_BLOCKED && d->pt == 0 && d->pl == 0 && (d->oh - 1) * d->sh < d->ih &&
           (d->ow - 1) * d->sw < d->iw;
}

int pairs_plan(struct conv_plan *p, double limit_us) {
    const struct conv_desc *d = &p->d;
    const struct pairs_kernels *k = p->k->pairs;
    const int vl = p->k->vl, wanted = d->only == CONV_ONLY_PAIRS;
    if (!suits(p) || (d->only && !wanted) || (!wanted && !cpu_adds_beside_products(p->k->isa)) ||
        d->group > k->max_ocv)
        return 0;
    p->algorithm = CONV_PAIRS;
    p->way = CONV_ONLY_PAIRS;
    p->pixel_step = 0;
    p->flat = 1;
    p->gathered = d->sh * d->sw > 1 || d->n_pieces > 0 || d->ow != d->iw;
    p->rows_outer = 0;
    p->ocv = wanted && d->group ? d->group : k->max_ocv < p->ocb ? k->max_ocv : p->ocb;
    p->n_groups = (p->ocb + p->ocv - 1) / p->ocv;
    p->group_floats = (size_t)pairs_padded(p->d.ic) * (size_t)(p->ocv * vl);
    p->packed_bytes = ((size_t)pairs_padded(p->d.ic) + 3) * (size_t)(p->ocb * vl) * sizeof(float);

    const int length = d->oh * d->ow;
    struct conv_run runs[MOST_RUNS];
    int n_runs = 0;
    p->cuts[0] = conv_cuts_for(p, p->ocv, 1);
    p->cuts[1] = conv_cuts_for(p, p->ocb - (p->n_groups - 1) * p->ocv, 1);
    const double cost = (double)conv_cut(p->cuts[0], length, 0, runs, &n_runs) * p->n_groups;
    p->unit = runs[0].kernel->px;
    const double fma_per_us = conv_fma_per_us(p->k);
    const double products = cost * pairs_padded(d->ic) * (double)k->cost +
                            (double)p->ocb * length * (double)k->result_cost;
    const double reading =
        (double)length * (p->icb + 2) * (double)(p->gathered ? k->gather_cost : k->sums_cost);
    p->cost_us = d->n * (products + reading) / fma_per_us +
                 (double)p->ocb * length * d->n * (d->act >= ACT_SIGMOID ? 7.5 : 0) / 3600;
    if (!wanted && p->cost_us > limit_us * 0.97) return 0;

    const double weights = (double)p->packed_bytes;
    /* Each band of groups reads all inputs for their products: conv_split() assumes 60 GB/s, and
     * that three tenths of the time shows. */
    conv_split(p, (length + p->unit - 1) / p->unit, p->n_groups, weights,
               reading / fma_per_us * 60e3 / 0.3);
    const int bytes = p->icb * vl * (int)sizeof(float);
    const int fit = (weights > NEAR_WEIGHTS ? FAR_BYTES : NEAR_BYTES) / bytes;
    p->pixels = (fit > LEAST_PIXELS ? fit : LEAST_PIXELS) / p->unit * p->unit;
    if (p->pixels > length) p->pixels = length;
    p->scratch_bytes = runs_bytes() + (copy_floats(p) + 2 * (size_t)p->pixels) * sizeof(float);
    snprintf(p->name, sizeof p->name, "1x1s%d pairs %dx%d", d->sw, p->ocv, p->unit);
    return 1;
}

void pairs_pack(const struct conv_plan *p, const float *weights, const float *bias,
                float *packed) {
    const struct conv_desc *d = &p->d;
    const int vl = p->k->vl, channels = p->ocb * vl;
    float *products = packed + channels, *unscale = products + channels;
    for (int o = 0; o < channels; o++) packed[o] = bias && o < d->oc ? bias[o] : 0;
    for (int g = 0; g < p->n_groups; g++) {
        const int first = g * p->ocv, left = p->ocb - first;
        float *w = unscale + channels + (size_t)g * p->group_floats;
        direct_pack_group(p, weights, g, w);
        p->k->pairs->weights(w, d->ic, left < p->ocv ? left : p->ocv, 1, products + first * vl,
                             unscale + first * vl);
    }
}

/* The inputs of outputs [x, x + n) of the joined rows. */
struct inputs {
    const float *src;
    int64_t block;
    float *copy, *products, *unscale;
    int is_scaled;
};

/* Channels that come in pieces, side by side, with zeros behind the last. */
static void join_pieces(const struct conv_plan *p, const struct conv_args *a, int image, int x,
                        int n, float *to) {
    const int vl = p->k->vl;
    const int64_t block = (int64_t)n * vl;
    if (p->d.ic % vl) memset(to + (p->icb - 1) * block, 0, (size_t)block * sizeof *to);
    for (int i = 0, c = 0; i < p->d.n_pieces; c += a->sources[i++].channels) {
        const struct conv_source *s = &a->sources[i];
        p->k->pairs->place(s->src + image * s->batch + (int64_t)x * vl, s->channels, n,
                           to + c / vl * block, c % vl, block);
    }
}

static void prepare(const struct conv_plan *p, const struct conv_args *a, int image, int x, int n,
                    struct inputs *in) {
    const int vl = p->k->vl;
    in->src = in->copy;
    in->block = (int64_t)n * vl;
    if (p->d.n_pieces) join_pieces(p, a, image, x, n, in->copy);
    else if (p->gathered) conv_gather(p, a, image, x, n, in->copy);
    else {
        in->src = a->src + image * a->src_batch + (int64_t)x * vl;
        in->block = a->src_channel;
    }
    const float most =
        p->k->pairs->sums(in->src, in->block, pairs_padded(p->d.ic), n, in->products);
    in->is_scaled = !pairs_in_range(most, 1, 16);
    if (!in->is_scaled) return;
    p->k->pairs->scale(in->src, in->block, p->d.ic, 1, n, in->copy, (int64_t)n * vl, in->products,
                       in->unscale);
    in->src = in->copy;
    in->block = (int64_t)n * vl;
}

void pairs_run(const struct conv_plan *p, const float *packed, const struct conv_args *a, int tile,
               void *scratch) {
    const struct conv_desc *d = &p->d;
    const int vl = p->k->vl, channels = p->ocb * vl, length = d->oh * d->ow;
    const int gb = tile % p->group_bands, band = tile / p->group_bands % p->bands;
    const int g0 = (int)((int64_t)p->n_groups * gb / p->group_bands);
    const int g1 = (int)((int64_t)p->n_groups * (gb + 1) / p->group_bands);
    const int units = (length + p->unit - 1) / p->unit;
    const int u0 = (int)((int64_t)units * band / p->bands);
    const int u1 = (int)((int64_t)units * (band + 1) / p->bands);
    const int image = conv_tile_image(p, tile);
    struct conv_run *runs = scratch;
    struct inputs in = {.copy = (float *)((char *)scratch + runs_bytes())};
    in.products = in.copy + copy_floats(p);
    in.unscale = in.products + p->pixels;
    const int most = p->pixels / p->unit > 0 ? p->pixels / p->unit : 1; /* units at once */
    const int parts = (u1 - u0 + most - 1) / most;
    for (int i = 0; i < parts; i++) {
        const int x = (u0 + (u1 - u0) * i / parts) * p->unit;
        const int end = (u0 + (u1 - u0) * (i + 1) / parts) * p->unit;
        const int n = (end < length ? end : length) - x;
        prepare(p, a, image, x, n, &in);
        const struct conv_piece piece = {in.src, pairs_padded(p->d.ic)};
        for (int g = g0, cut = 0, n_runs = 0; g < g1; g++) {
            const int left = p->ocb - g * p->ocv, blocks = left < p->ocv ? left : p->ocv;
            if (cut != blocks) {
                n_runs = 0;
                conv_cut(p->cuts[blocks != p->ocv], n, 0, runs, &n_runs);
                cut = blocks;
            }
            const float *own = packed + g * p->ocv * vl;
            struct conv_tile t = {.weights = packed + 3 * channels + (size_t)g * p->group_floats,
                                  .bias = own,
                                  .weight_products = own + channels,
                                  .weight_unscale = own + 2 * channels,
                                  .pixel_products = in.products,
                                  .pixel_unscale = in.is_scaled ? in.unscale : NULL,
                                  .pieces = &piece,
                                  .n_pieces = 1,
                                  .src_row = in.block};
            conv_set_output(p, a, image, g * p->ocv, x, &t);
            t.dst_pixel = d->dst == CONV_BLOCKED ? vl : d->dst == CONV_PIXEL ? t.dst_channel : 1;
            float *dst = t.dst;
            const float *residual = t.residual;
            for (int r = 0; r < n_runs; r++) {
                t.src_at = (int64_t)runs[r].x * vl;
                t.dst = dst + runs[r].x * t.dst_pixel;
                if (residual) t.residual = residual + (int64_t)runs[r].x * vl;
                t.count = runs[r].count;
                runs[r].kernel->run(&t);
            }
        }
    }
}
