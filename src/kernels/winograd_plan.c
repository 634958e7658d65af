/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Winograd convolution: which form a layer takes, how its tiles and channels are cut, whether its
 * products are those of pairs and its weights transformed in the run, by estimated time.
 */
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "kernels/pairs.h"
#include "kernels/winograd_plan.h"

#define DEFINE_FORM(name, s, outputs, k, finite, ...)                                              \
    [WINOGRAD_##name] = {.stride = s,                                                              \
                         .m = outputs,                                                             \
                         .n = s == 1 ? outputs + k - 1 : 2 * outputs + 1,                          \
                         .taps = k,                                                                \
                         .n_points = (finite) + 1,                                                 \
                         .distinct = (finite) + s,                                                 \
                         .points = {__VA_ARGS__}},
const struct form winograd_forms[N_WINOGRAD_FORMS] = {WINOGRAD_FORMS(DEFINE_FORM)};

/* As packed. */
static double weight_bytes(const struct conv_plan *p, const struct form *f, int late) {
    return 4.0 * square(late ? f->taps : f->distinct) * p->wino_ic * p->ocb * p->k->vl;
}

/* How many tiles are transformed together, how many blocks of output channels make a group, how
 * many of input channels have their weights transformed together in a run (0: at load), and the
 * microseconds of all products that follow from it. */
struct cut {
    int block, ocv, late, pairs;
    double us;
};

/* Blocks of input channels whose transformed weights take no more than this. */
#define LATE_BYTES 160e3
static int late_blocks(const struct conv_plan *p, const struct form *f, int ocv) {
    const int fit = (int)(LATE_BYTES / (4.0 * square(f->distinct * p->k->vl) * ocv));
    const int most = fit > 1 ? fit : 1, parts = (p->icb + most - 1) / most;
    return (p->icb + parts - 1) / parts;
}

/* The cost model: a sum of what was fitted to some 2500 combinations of layer, form and cut, run
 * with weights that had left the caches, as those of a network larger than these have. The cut it
 * chooses is 6 to 7 % slower than the best of them on average. */
static const struct winograd_costs *costs_of(const struct kernels *k) {
    return &k->winograd->costs[cpu_adds_beside_products(k->isa)];
}

conv_tile_fn winograd_pairs_tile(const struct kernels *k, int px) {
    for (int i = 0; i < k->pairs->n_product_tiles; i++)
        if (k->pairs->tiles[i].ocv == 1 && k->pairs->tiles[i].px == px)
            return k->pairs->tiles[i].run;
    return NULL;
}

void winograd_find_covers(const struct kernels *kernels, int ocv, int most, struct covers *c) {
    const struct winograd_kernels *k = kernels->winograd;
    const struct winograd_costs *costs = costs_of(kernels);
    int widths[WINOGRAD_MOST_PX], n_widths = 0;
    float width_costs[WINOGRAD_MOST_PX];
    for (int px = 1; px <= WINOGRAD_MOST_PX; px++) {
        if (ocv ? !k->product[ocv][px] : !winograd_pairs_tile(kernels, px)) continue;
        const int blocks = ocv ? ocv : 1;
        const float cost =
            (float)(blocks * px) + costs->load_cost * (float)blocks +
            costs->broadcast_cost * (float)px;
        width_costs[n_widths] = cost > costs->least_cost ? cost : costs->least_cost;
        widths[n_widths++] = px;
    }
    c->cost[0] = 0;
    for (int i = 1; i <= most; i++) {
        c->cost[i] = 1e30f;
        for (int j = 0; j < n_widths && widths[j] <= i; j++) {
            const float cost = c->cost[i - widths[j]] + width_costs[j];
            if (cost >= c->cost[i]) continue;
            c->cost[i] = cost;
            c->last[i] = (unsigned char)widths[j];
        }
    }
}

/* Of each ocv. */
static void find_all_covers(const struct kernels *k, struct covers *c) {
    for (int ocv = k->pairs->n_tiles ? 0 : 1; ocv <= k->winograd->max_ocv; ocv++)
        winograd_find_covers(k, ocv, CONV_MOST_BLOCK, &c[ocv]);
}

/* The sums of pairs' products of all inputs. */
static double sums_us(const struct conv_plan *p, const struct form *f, int tiles,
                      const struct cut *cut) {
    if (!cut->pairs) return 0;
    return (double)costs_of(p->k)->product_us * (double)p->k->pairs->sums_cost * (p->icb + 2) *
           square(f->n) * tiles;
}

/* The products of `bands` times `tiles` tiles that follow one another, a block at a time, with the
 * transforms of the weights and their way from memory. */
static double cut_us(const struct conv_plan *p, const struct form *f, const struct covers *covers,
                     int tiles, int bands, const struct cut *cut) {
    const struct winograd_costs *k = costs_of(p->k);
    const double bytes = weight_bytes(p, f, cut->late);
    const double points = square(f->n), work = points * p->wino_ic;
    const int blocks = (tiles + cut->block - 1) / cut->block, n = (tiles + blocks - 1) / blocks;
    const double all = (double)blocks * bands, pairs = (double)p->wino_ic * p->ocb;
    const int groups = (p->ocb + cut->ocv - 1) / cut->ocv, rest = p->ocb - (groups - 1) * cut->ocv;
    double cost =
        (groups - 1) * (double)covers[cut->ocv].cost[n] + (double)covers[rest].cost[n];
    if (cut->pairs)
        cost = p->ocb * ((double)covers[0].cost[n] * (double)p->k->pairs->cost +
                         n * (double)p->k->pairs->result_cost / p->wino_ic);
    /* The last of the blocks may be smaller. */
    double us = (double)k->product_us * cost * work * tiles * bands / n;
    const double v_us = (double)(4 * work * n > (double)k->near_bytes ? k->far_us : k->near_us);
    us += v_us * 4 * work * tiles * bands * groups;
    if (cut->late) {
        const int parts = (p->icb + cut->late - 1) / cut->late;
        us += (double)k->late_us * square(f->distinct) * pairs * all;
        us += (double)k->sums_us * (parts - 1) * p->ocb * points * tiles * bands;
    } else {
        const float again_us = bytes > (double)k->kept_bytes ? k->again_far_us : k->again_us;
        us += (double)again_us * bytes * (all - 1);
    }
    return us + (double)k->memory_us * bytes + sums_us(p, f, tiles * bands, cut);
}

/* The best for bands of so many tiles. */
static struct cut choose_cut(const struct conv_plan *p, const struct form *f,
                             const struct covers *covers, int tiles, int bands) {
    static const int sizes[] = {4, 5, 6, 7, 9, 13, 14, 16, 20, 28, 36, CONV_MOST_BLOCK};
    const struct winograd_kernels *k = p->k->winograd;
    const struct winograd_costs *costs = costs_of(p->k);
    const struct conv_desc *d = &p->d;
    const int wanted_block = d->only ? d->block : 0, wanted_ocv = d->only ? d->group : 0;
    /* First layers have few weights, and give the same however their rows come. */
    const int can = k->weights_late[f - winograd_forms] && !in_cells(d);
    const int can_pair = p->k->pairs->n_tiles > 0 && d->products != CONV_PRODUCTS_PLAIN &&
                         (d->products == CONV_PRODUCTS_PAIRS ||
                          cpu_adds_beside_products(p->k->isa));
    /* Else points' weights differ too much in size for one factor. */
    const int can_pair_late = can_pair && (f->stride == 2 || f->m <= 4);
    const int must_pair = can_pair && d->products == CONV_PRODUCTS_PAIRS;
    struct cut best = {0};
    double least = 0;
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        const int blocks = (tiles + sizes[i] - 1) / sizes[i];
        const int n = wanted_block ? wanted_block : (tiles + blocks - 1) / blocks;
        if (n == best.block) continue;
        for (int ocv = 1; ocv <= k->max_ocv && ocv <= p->ocb; ocv++)
            for (int way = 0; way < 4; way++) {
                const int late = way & 1, pairs = way / 2;
                if (late > can || pairs > (late ? can_pair_late : can_pair)) continue;
                if (must_pair && !pairs && (!late || can_pair_late)) continue;
                if (wanted_ocv && ocv != wanted_ocv) continue;
                if (late ? d->transform == CONV_TRANSFORM_AT_LOAD
                         : can && d->transform == CONV_TRANSFORM_AT_RUN)
                    continue;
                struct cut cut = {n, ocv, late ? late_blocks(p, f, ocv) : 0, pairs, 0};
                cut.us = cut_us(p, f, covers, tiles, bands, &cut);
                const double us =
                    cut.us + weight_bytes(p, f, cut.late) / (double)costs->at_load_worth;
                if (best.block && us >= least * 0.995) continue;
                best = cut;
                least = us;
            }
        if (wanted_block) break;
    }
    return best;
}

/* The transforms of all inputs and of all outputs. */
static double input_us(const struct conv_plan *p, const struct form *f, int tiles) {
    const struct winograd_costs *k = costs_of(p->k);
    const double vector_us = (double)(k->input_us + k->input_side_us * (float)f->n);
    double us = vector_us * tiles * p->icb * square(f->n);
    if (in_cells(&p->d)) us += 8e-4 * tiles * f->m * f->n; /* 3 cycles a cell */
    return us;
}

static double output_us(const struct conv_plan *p, const struct form *f, int tiles) {
    double activation = p->d.act >= ACT_SIGMOID ? square(f->m) : 0;
    return (double)costs_of(p->k)->output_us * tiles * p->ocb * (square(f->n) + activation);
}

/* How often so many tiles are cut and run: once for a joined batch, else once an image. */
static int batches(const struct conv_desc *d, const struct form *f) {
    return joined_tiles(d, f) == image_tiles(d, f) ? d->n : 1;
}

/* Microseconds on one core when tiles are cut into `bands`. */
static double estimate(const struct conv_plan *p, const struct form *f,
                       const struct covers *covers, int bands, struct cut *cut) {
    const int tiles = joined_tiles(&p->d, f);
    *cut = choose_cut(p, f, covers, (tiles + bands - 1) / bands, bands);
    return (cut->us + input_us(p, f, tiles) + output_us(p, f, tiles)) * batches(&p->d, f);
}

static int suits(const struct conv_desc *d, const struct form *f) {
    if (d->groups != 1 || d->dh != 1 || d->dw != 1 || d->sh != d->sw || d->kh != d->kw) return 0;
    if (d->src == CONV_BLOCKED) return d->kh == f->taps && d->sh == f->stride;
    return in_cells(d) && f->stride == 1 && cells(d->kh, d->pt) == f->taps &&
           cells(d->kw, d->pl) == f->taps;
}

static void set_input(struct conv_plan *p) {
    p->wino_ic = in_cells(&p->d) ? 4 * p->d.ic : p->d.ic;
    p->icb = (p->wino_ic + p->k->vl - 1) / p->k->vl;
    p->pixel_step = p->k->vl;
}

int winograd_plan(struct conv_plan *p, double limit_us) {
    const int only = p->d.only;
    if (!only && ((p->d.ic < 8 && !in_cells(&p->d)) || p->d.oc < 8)) return 0;
    set_input(p);
    const struct winograd_costs *costs = costs_of(p->k);
    struct covers covers[WINOGRAD_MOST_OCV + 1];
    int chosen = -1, n_covers = 0;
    /* The direct algorithm's weights come from memory, too. */
    limit_us += (double)p->packed_bytes *
                ((double)costs->memory_us + 1 / (double)costs->memory_worth);
    for (int form = 0; form < N_WINOGRAD_FORMS; form++) {
        if (!suits(&p->d, &winograd_forms[form])) continue;
        if (only && winograd_forms[form].m == only) return winograd_lay_out(p, form);
        if (only) continue;
        struct cut cut;
        if (!n_covers++) find_all_covers(p->k, covers);
        double cost = estimate(p, &winograd_forms[form], covers, 1, &cut);
        cost += weight_bytes(p, &winograd_forms[form], cut.late) / (double)costs->memory_worth;
        /* A larger tile loses digits: it must be worth it. */
        if (cost < limit_us * (chosen >= 0 ? 0.95 : 0.9)) {
            limit_us = cost;
            chosen = form;
        }
    }
    return chosen >= 0 && winograd_lay_out(p, chosen);
}

/* Cuts the work for threads, into bands of tiles, which weights are read or transformed for again,
 * and of output channels, which inputs are transformed for again: into as many parts as cost no
 * more than a twelfth, into two for an eighth. */
static void split(struct conv_plan *p, const struct form *f, const struct covers *covers,
                  struct cut *cut) {
    const struct conv_desc *d = &p->d;
    const int across = tiles_across(d->oh, f->m), tiles = joined_tiles(d, f);
    const int times = batches(d, f);
    const double whole = estimate(p, f, covers, 1, cut);
    const int most_parts = times == d->n ? 16 : d->n < 4 ? 16 * d->n : 64;
    int want = (int)(whole / times / 25); /* parts of 25 us, but two from 12 us on */
    if (want < 2) want = whole / times > 12 ? 2 : 1;
    if (want > most_parts) want = most_parts;
    p->bands = p->group_bands = 1;
    p->cost_us = whole;
    for (double least = 0; want > 1 && least == 0; want = (want + 1) / 2) {
        const double most = want > 2 ? whole * 13 / 12 : whole * 9 / 8;
        for (int bands = 1; bands <= want && bands <= tiles; bands++) {
            struct cut one;
            /* A band of part of a row of tiles would have all its input made. */
            if (d->made && bands > across) break;
            double us = estimate(p, f, covers, bands, &one);
            const int groups = (p->ocb + one.ocv - 1) / one.ocv;
            int parts = d->made ? 1 : (want + bands - 1) / bands;
            if (parts > groups) parts = groups;
            us += (input_us(p, f, tiles) + sums_us(p, f, tiles, &one)) * times * (parts - 1);
            if (parts * bands * 4 < want * 3 || us > most) continue;
            if (least > 0 && us >= least) continue;
            least = p->cost_us = us;
            p->bands = bands;
            p->group_bands = parts;
            *cut = one;
        }
    }
}

int winograd_lay_out(struct conv_plan *p, int form) {
    const struct conv_desc *d = &p->d;
    const struct form *f = &winograd_forms[form];
    if (!suits(d, f) || d->block > CONV_MOST_BLOCK || d->group > p->k->winograd->max_ocv ||
        d->group > p->ocb)
        return 0;
    const int points = square(f->n), vl = p->k->vl;
    p->algorithm = CONV_WINOGRAD;
    p->way = f->m;
    p->wino_form = form;
    set_input(p);
    p->flat = p->rows_outer = 0;
    struct covers covers[WINOGRAD_MOST_OCV + 1];
    struct cut cut;
    find_all_covers(p->k, covers);
    split(p, f, covers, &cut);
    p->unit = cut.block;
    p->ocv = cut.ocv;
    p->wino_late = cut.late;
    p->wino_pairs = cut.pairs;
    p->n_groups = (p->ocb + p->ocv - 1) / p->ocv;
    p->n_tiles[0] = batches(d, f) * p->bands * p->group_bands;

    size_t floats;
    const int channels = cut.pairs ? pairs_padded(p->wino_ic) : p->wino_ic;
    if (!size_mul((size_t)square(cut.late ? f->taps : f->distinct) * (size_t)channels,
                  (size_t)(p->ocv * vl), &p->group_floats) ||
        !size_mul(p->group_floats / (size_t)p->ocv, (size_t)p->ocb, &floats) ||
        floats > SIZE_MAX / 8)
        return 0;
    p->packed_bytes = (floats + head_floats(p, f)) * sizeof(float);
    p->scratch_bytes = ((size_t)point_step(p, p->unit) * (size_t)points +
                        (size_t)points * (size_t)p->ocv * (size_t)p->unit * (size_t)vl) *
                       sizeof(float);
    if (cut.pairs)
        p->scratch_bytes += (size_t)points * 2 * (size_t)p->unit * sizeof(float);
    if (cut.late)
        p->scratch_bytes +=
            (size_t)late_step(p, p->ocv) * (size_t)square(f->distinct) * sizeof(float);
    if (in_cells(d)) p->scratch_bytes += (made_floats(p, f) + strip_floats(p, f)) * sizeof(float);
    if (f->taps == 3) snprintf(p->name, sizeof p->name, "wino%d", f->m);
    else snprintf(p->name, sizeof p->name, "wino%d,%d", f->m, f->taps);
    size_t end = strlen(p->name);
    snprintf(p->name + end, sizeof p->name - end, "%s %dx%d%s",
             f->stride == 2 ? "s2" : in_cells(d) ? "p2" : "", p->ocv, p->unit,
             (const char *const[]){"", " pairs", " late", " late pairs"}[(cut.late > 0) * 2 +
                                                                              cut.pairs]);
    return 1;
}
