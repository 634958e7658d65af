/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Convolution: checks the description, chooses the algorithm, and forwards to it.
 */
#include "kernels/conv.h"

#include <limits.h>
#include <math.h>
#include <string.h>

#include "kernels/conv_algorithms.h"

static enum status check(const struct conv_desc *d) {
    CHECK(d->n > 0 && d->ic > 0 && d->ih > 0 && d->iw > 0 && d->oc > 0 && d->oh > 0 && d->ow > 0,
          STATUS_ARGUMENT, "convolution: %dx%dx%dx%d to %dx%dx%d has an empty side", d->n, d->ic,
          d->ih, d->iw, d->oc, d->oh, d->ow);
    CHECK(d->kh > 0 && d->kw > 0 && d->sh > 0 && d->sw > 0 && d->dh > 0 && d->dw > 0,
          STATUS_ARGUMENT, "convolution: kernel, strides and dilations must be positive");
    CHECK(d->pt >= 0 && d->pl >= 0, STATUS_ARGUMENT, "convolution: negative padding %d, %d", d->pt,
          d->pl);
    CHECK(d->only >= 0 && d->group >= 0 && d->block >= 0, STATUS_ARGUMENT,
          "convolution: a negative choice %d %d %d", d->only, d->group, d->block);
    CHECK(d->groups > 0 && d->ic % d->groups == 0 && d->oc % d->groups == 0, STATUS_ARGUMENT,
          "convolution: %d groups do not divide %d input and %d output channels", d->groups, d->ic,
          d->oc);
    CHECK(d->n_pieces == 0 ||
              (d->n_pieces > 0 && d->n_pieces <= d->ic && d->src == CONV_BLOCKED &&
               d->groups == 1 && d->kh * d->kw * d->sh * d->sw == 1 && d->pt == 0 && d->pl == 0 &&
               d->oh == d->ih && d->ow == d->iw),
          STATUS_ARGUMENT, "convolution: only a 1x1 one can have its input in %d pieces",
          d->n_pieces);
    CHECK(!d->made || d->src == CONV_PLANAR, STATUS_ARGUMENT,
          "convolution: only a planar source can be made by rows");
    /* Coordinates are computed in int, sizes of one image and of the weights in 64 bits. */
    const int64_t limit = INT_MAX / 4;
    CHECK((int64_t)d->oh * d->sh < limit && (int64_t)d->ow * d->sw < limit &&
              (int64_t)d->kh * d->dh < limit && (int64_t)d->kw * d->dw < limit && d->pt < limit &&
              d->pl < limit && (int64_t)d->ih * d->iw < limit && (int64_t)d->oh * d->ow < limit &&
              (int64_t)d->kh * d->kw < 65536 && d->ic < limit / 64 && d->oc < limit / 64 &&
              (int64_t)(d->ic / d->groups + 64) * d->kh * d->kw < limit &&
              (int64_t)d->kw * d->ic < limit,
          STATUS_LIMIT, "convolution: a size is beyond what 32-bit coordinates can hold");
    return STATUS_OK;
}

enum status conv_plan_init(const struct kernels *k, const struct conv_desc *d,
                           struct conv_plan *out) {
    TRY(check(d));
    memset(out, 0, sizeof *out);
    out->k = k;
    out->d = *d;
    if (d->act == ACT_NONE && d->residual == CONV_RESIDUAL_AFTER)
        out->d.residual = CONV_RESIDUAL_BEFORE;
    out->icb = (d->ic + k->vl - 1) / k->vl;
    out->ocb = (d->oc + k->vl - 1) / k->vl;
    out->n_steps = 1;
    if (d->groups == d->ic && d->ic == d->oc && d->groups > 1 && d->src == CONV_BLOCKED)
        return depthwise_plan(out);
    TRY(direct_plan(out));
    struct conv_plan other = *out;
    other.chunk = other.gathered = 0;
    if (d->only == CONV_ONLY_DIRECT) return STATUS_OK;
    const int suits = d->kh * d->kw == 1 ? pairs_plan(&other, out->cost_us)
                                         : winograd_plan(&other, out->cost_us);
    if (!suits) return STATUS_OK;
    /* Other cores would wait for a single tile. */
    const int alone = other.n_tiles[0] == 1 && out->n_tiles[0] > 1;
    if (d->only || !alone || other.cost_us < out->cost_us * 0.75) *out = other;
    return STATUS_OK;
}

void conv_pack(const struct conv_plan *p, const float *weights, const float *bias, void *packed) {
    switch (p->algorithm) {
    case CONV_DEPTHWISE: depthwise_pack(p, weights, bias, packed); break;
    case CONV_WINOGRAD: winograd_pack(p, weights, bias, packed); break;
    case CONV_PAIRS: pairs_pack(p, weights, bias, packed); break;
    default: direct_pack(p, weights, bias, packed);
    }
}

void conv_run(const struct conv_plan *p, const void *packed, const struct conv_args *a, int step,
              int tile, void *scratch) {
    switch (p->algorithm) {
    case CONV_DEPTHWISE: depthwise_run(p, packed, a, tile, scratch); break;
    case CONV_WINOGRAD: winograd_run(p, packed, a, tile, scratch); break;
    case CONV_PAIRS: pairs_run(p, packed, a, tile, scratch); break;
    default: direct_run(p, packed, a, tile, scratch);
    }
}

void conv_set_output(const struct conv_plan *p, const struct conv_args *a, int image,
                     int first_block, int64_t pixel, struct conv_tile *t) {
    const int vl = p->k->vl;
    float *dst = a->dst + image * a->dst_batch;
    switch (p->d.dst) {
    case CONV_BLOCKED: dst += first_block * a->dst_channel + pixel * vl; break;
    case CONV_PIXEL: dst += pixel * a->dst_channel + first_block * vl; break;
    case CONV_PLANAR: dst += (int64_t)first_block * vl * a->dst_channel + pixel; break;
    }
    t->dst = dst;
    t->dst_channel = a->dst_channel;
    t->residual_channel = a->residual_channel;
    t->residual = NULL;
    if (p->d.residual != CONV_RESIDUAL_NONE)
        t->residual = a->residual + image * a->residual_batch +
                      first_block * a->residual_channel + pixel * vl;
    t->channels = p->d.oc - first_block * vl;
    t->layout = p->d.dst;
    t->act = p->d.act;
    t->alpha = p->d.alpha;
    t->beta = p->d.beta;
    t->residual_mode = p->d.residual;
    /* Without an activation it is the same, and in registers. */
    if (t->act == ACT_NONE && t->residual_mode == CONV_RESIDUAL_AFTER)
        t->residual_mode = CONV_RESIDUAL_BEFORE;
    t->direct = t->layout == CONV_BLOCKED && t->residual_mode != CONV_RESIDUAL_AFTER;
}

/* A tile should take at least this long, or claiming and beginning it cost too much of it: for a
 * depthwise one that is little. The few tiles of a short step may be shorter, because most machines
 * have few cores and the others would wait. */
#define LEAST_TILE_US 5.0
#define LEAST_DEPTHWISE_TILE_US 2.0
#define LEAST_OF_FEW_US 1.5
enum { FEW_TILES = 4, MOST_TILES = 64 };

void conv_split(struct conv_plan *p, int units, int groups, double weight_bytes,
                double input_bytes) {
    static const struct {
        int n;
        double weight; /* most machines have few cores */
    } threads[] = {{1, 1}, {2, 1}, {4, 1}, {8, 0.5}, {16, 0.25}};
    double best = 0;
    p->bands = p->group_bands = 1;
    const double least_us =
        p->algorithm == CONV_DEPTHWISE ? LEAST_DEPTHWISE_TILE_US : LEAST_TILE_US;
    const double few = p->cost_us / LEAST_OF_FEW_US;
    double most = few < 2 ? 1 : few < FEW_TILES ? 2 : FEW_TILES; /* not 3: one of two would wait */
    most = fmin(fmax(p->cost_us / least_us, most), MOST_TILES);
    for (int g = 1; g <= groups && g <= MOST_TILES; g++) {
        for (int r = 1; r <= units && (r == 1 || r * g * p->d.n <= most); r++) {
            if (g > 1 && r * g * p->d.n > most) break;
            int tiles = r * g * p->d.n;
            double part = (double)((units + r - 1) / r) / units * ((groups + g - 1) / g) / groups;
            double compute = p->cost_us / p->d.n * part + 0.4;
            /* Each band streams the weights again, each group band the input: 40 and 60 GB/s when
             * they do not fit a core's L2. */
            double memory = 0;
            if (weight_bytes / g > 256e3) memory += weight_bytes / g * r * p->d.n / tiles / 40e3;
            if (g > 1) memory += input_bytes / r / 60e3;
            double time = 0;
            for (size_t i = 0; i < sizeof threads / sizeof *threads; i++)
                time += threads[i].weight * threads[i].n *
                        ((tiles + threads[i].n - 1) / threads[i].n) * (compute + 0.3 * memory);
            if (best == 0 || time < best) {
                best = time;
                p->bands = r;
                p->group_bands = g;
            }
        }
    }
    p->n_tiles[0] = p->d.n * p->bands * p->group_bands;
}
