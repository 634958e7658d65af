/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Winograd convolution for 3x3 with stride 1 or 2 and for first layers with 5x5 to 7x7 and stride
 * 2, the form of winograd.h chosen by estimated time.
 *
 * Fused over blocks of a dozen or so tiles, so that nothing leaves the L2 cache: the inputs of a
 * block are transformed for all channels, v[point][block of ic][tile][vl]; then for each group of
 * output channels every point is a small product with the weights, and the results are transformed
 * back and stored with bias and activation.
 * Weights are [group][point][ic][ocv][vl], one forward stream.
 *
 * Where a layer has few tiles, reading these weights, up to seven times those of the direct
 * algorithm, takes longer than the products. Such a layer keeps [group][ic][ocv][tap][vl] and
 * transforms them in each run, some blocks of input channels at a time, so that they stay in L2;
 * its blocks of tiles are larger, and the products of each share of the channels are added up.
 */
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "kernels/conv_algorithms.h"
#include "kernels/move.h"
#include "kernels/winograd.h"

struct form {
    int stride, m, n, taps;
    int n_points; /* the transformed part is F(m, taps or 2); infinity is its last point */
    int distinct; /* different transforms of the weights along one axis */
    double points[7];
};
#define DEFINE_FORM(name, s, outputs, k, finite, ...)                                              \
    [WINOGRAD_##name] = {.stride = s,                                                              \
                         .m = outputs,                                                             \
                         .n = s == 1 ? outputs + k - 1 : 2 * outputs + 1,                          \
                         .taps = k,                                                                \
                         .n_points = (finite) + 1,                                                 \
                         .distinct = (finite) + s,                                                 \
                         .points = {__VA_ARGS__}},
static const struct form forms[] = {WINOGRAD_FORMS(DEFINE_FORM)};

/* First layers: input column 2 x + dx of channel c is channel c * 4 + dy * 2 + dx of a cell. */
static int in_cells(const struct conv_desc *d) {
    return d->src == CONV_PLANAR && d->sh == 2 && d->sw == 2 && d->ic <= 4;
}

/* Cells from the first to the last that taps along one axis touch: with odd padding the first cell
 * has only one. */
static int cells(int taps, int padding) { return (taps + padding % 2 + 1) / 2; }

static int tiles_across(int size, int m) { return (size + m - 1) / m; }

/* Floats from one point of v to the next: an odd number of vectors of 64 bytes, so that points do
 * not compete for the same cache sets. */
static int64_t point_step(const struct conv_plan *p, int tiles) {
    int64_t floats = (int64_t)p->icb * tiles * p->k->vl;
    int64_t lines = (floats + 15) / 16;
    return (lines | 1) * 16;
}

static int square(int n) { return n * n; }

/* As packed. */
static double weight_bytes(const struct conv_plan *p, const struct form *f, int late) {
    return 4.0 * square(late ? f->taps : f->distinct) * p->wino_ic * p->ocb * p->k->vl;
}

/* How many tiles are transformed together, how many blocks of output channels make a group, how
 * many of input channels have their weights transformed together in a run (0: at load), and the
 * microseconds of all products that follow from it. */
struct cut {
    int block, ocv, late;
    double us;
};

/* Blocks of input channels whose transformed weights take no more than this. */
#define LATE_BYTES 160e3
static int late_blocks(const struct conv_plan *p, const struct form *f, int ocv) {
    const int fit = (int)(LATE_BYTES / (4.0 * square(f->distinct * p->k->vl) * ocv));
    const int most = fit > 1 ? fit : 1, parts = (p->icb + most - 1) / most;
    return (p->icb + parts - 1) / parts;
}

/* How tiles side by side are best covered by products for ocv blocks: what up to `most` of them
 * cost, in multiply-add instructions per channel and point, and the width of the last product. */
struct covers {
    float cost[CONV_MOST_BLOCK + 1];
    unsigned char last[CONV_MOST_BLOCK + 1];
};

static void find_covers(const struct winograd_kernels *k, int ocv, int most, struct covers *c) {
    int widths[WINOGRAD_MOST_PX], n_widths = 0;
    float costs[WINOGRAD_MOST_PX];
    for (int px = 1; px <= WINOGRAD_MOST_PX; px++) {
        if (!k->product[ocv][px]) continue;
        const float cost =
            (float)(ocv * px) + k->load_cost * (float)ocv + k->broadcast_cost * (float)px;
        costs[n_widths] = cost > k->least_cost ? cost : k->least_cost;
        widths[n_widths++] = px;
    }
    c->cost[0] = 0;
    for (int i = 1; i <= most; i++) {
        c->cost[i] = 1e30f;
        for (int j = 0; j < n_widths && widths[j] <= i; j++) {
            const float cost = c->cost[i - widths[j]] + costs[j];
            if (cost >= c->cost[i]) continue;
            c->cost[i] = cost;
            c->last[i] = (unsigned char)widths[j];
        }
    }
}

/* Of each ocv. */
static void find_all_covers(const struct winograd_kernels *k, struct covers *c) {
    for (int ocv = 1; ocv <= k->max_ocv; ocv++) find_covers(k, ocv, CONV_MOST_BLOCK, &c[ocv]);
}

/* The cost model: a sum of what was fitted to some 2500 combinations of layer, form and cut, run
 * with weights that had left the caches, as those of a network larger than these have. The cut it
 * chooses is 6 to 7 % slower than the best of them on average. */

/* Transformed weights are held, and made at load: so many bytes must save a microsecond a run, and
 * so many where a run could transform them instead, which costs little beside their size. */
#define MEMORY_WORTH 25e3
#define AT_LOAD_WORTH 8e3

/* The products of `bands` times `tiles` tiles that follow one another, a block at a time, with the
 * transforms of the weights and their way from memory. */
static double cut_us(const struct conv_plan *p, const struct form *f, const struct covers *covers,
                     int tiles, int bands, const struct cut *cut) {
    const struct winograd_kernels *k = p->k->winograd;
    const double bytes = weight_bytes(p, f, cut->late);
    const double points = square(f->n), work = points * p->wino_ic;
    const int blocks = (tiles + cut->block - 1) / cut->block, n = (tiles + blocks - 1) / blocks;
    const double all = (double)blocks * bands, pairs = (double)p->wino_ic * p->ocb;
    const int groups = (p->ocb + cut->ocv - 1) / cut->ocv, rest = p->ocb - (groups - 1) * cut->ocv;
    const double cost =
        (groups - 1) * (double)covers[cut->ocv].cost[n] + (double)covers[rest].cost[n];
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
    return us + (double)k->memory_us * bytes;
}

/* The best for bands of so many tiles. */
static struct cut choose_cut(const struct conv_plan *p, const struct form *f,
                             const struct covers *covers, int tiles, int bands) {
    static const int sizes[] = {4, 5, 6, 7, 9, 13, 16, 20, 28, 36, CONV_MOST_BLOCK};
    const struct winograd_kernels *k = p->k->winograd;
    const struct conv_desc *d = &p->d;
    const int wanted_block = d->only ? d->block : 0, wanted_ocv = d->only ? d->group : 0;
    /* First layers have few weights, and give the same however their rows come. */
    const int can = k->weights_late[f - forms] && !in_cells(d);
    struct cut best = {0, 0, 0, 0};
    double least = 0;
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        const int blocks = (tiles + sizes[i] - 1) / sizes[i];
        const int n = wanted_block ? wanted_block : (tiles + blocks - 1) / blocks;
        if (n == best.block) continue;
        for (int ocv = 1; ocv <= k->max_ocv && ocv <= p->ocb; ocv++)
            for (int late = 0; late <= can; late++) {
                if (wanted_ocv && ocv != wanted_ocv) continue;
                if (late ? d->transform == CONV_TRANSFORM_AT_LOAD
                         : can && d->transform == CONV_TRANSFORM_AT_RUN)
                    continue;
                struct cut cut = {n, ocv, late ? late_blocks(p, f, ocv) : 0, 0};
                cut.us = cut_us(p, f, covers, tiles, bands, &cut);
                const double us = cut.us + weight_bytes(p, f, cut.late) / AT_LOAD_WORTH;
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
    const struct winograd_kernels *k = p->k->winograd;
    const double vector_us = (double)(k->input_us + k->input_side_us * (float)f->n);
    double us = vector_us * tiles * p->icb * square(f->n);
    if (in_cells(&p->d)) us += 8e-4 * tiles * f->m * f->n; /* 3 cycles a cell */
    return us;
}

static double output_us(const struct conv_plan *p, const struct form *f, int tiles) {
    double activation = p->d.act >= ACT_SIGMOID ? square(f->m) : 0;
    return (double)p->k->winograd->output_us * tiles * p->ocb * (square(f->n) + activation);
}

/* The tiles of an image, and of all that follow one another: those of a whole batch, whose weights
 * are then read, or transformed, once. Rows of cells are made image by image. */
static int image_tiles(const struct conv_desc *d, const struct form *f) {
    return tiles_across(d->oh, f->m) * tiles_across(d->ow, f->m);
}

static int joined_tiles(const struct conv_desc *d, const struct form *f) {
    const int64_t all = (int64_t)image_tiles(d, f) * d->n;
    return in_cells(d) || all > INT_MAX / 64 ? image_tiles(d, f) : (int)all;
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

/* Floats from one point of late weights to the next: as point_step(). */
static int64_t late_step(const struct conv_plan *p, int ocv) {
    return ((int64_t)p->wino_late * square(p->k->vl) * ocv / 16 | 1) * 16;
}

int winograd_plan(struct conv_plan *p, double limit_us) {
    const int only = p->d.only;
    if (!only && ((p->d.ic < 8 && !in_cells(&p->d)) || p->d.oc < 8)) return 0;
    set_input(p);
    struct covers covers[WINOGRAD_MOST_OCV + 1];
    int chosen = -1, n_covers = 0;
    /* The direct algorithm's weights come from memory, too. */
    limit_us += (double)p->packed_bytes *
                ((double)p->k->winograd->memory_us + 1 / MEMORY_WORTH);
    for (int form = 0; form < N_WINOGRAD_FORMS; form++) {
        if (!suits(&p->d, &forms[form])) continue;
        if (only && forms[form].m == only) return winograd_lay_out(p, form);
        if (only) continue;
        struct cut cut;
        if (!n_covers++) find_all_covers(p->k->winograd, covers);
        double cost = estimate(p, &forms[form], covers, 1, &cut);
        cost += weight_bytes(p, &forms[form], cut.late) / MEMORY_WORTH;
        /* A larger tile loses digits: it must be worth it. */
        if (cost < limit_us * (chosen >= 0 ? 0.95 : 0.9)) {
            limit_us = cost;
            chosen = form;
        }
    }
    return chosen >= 0 && winograd_lay_out(p, chosen);
}

/* The cells of a row of `unit` tiles. */
static size_t strip_floats(const struct conv_plan *p, const struct form *f) {
    return (size_t)p->icb * (size_t)f->n * (size_t)(p->unit * f->m + f->n - f->m) *
           (size_t)p->k->vl;
}

/* With a maker: the planar rows that a row of tiles reads, a multiple of 64 bytes. */
static size_t made_floats(const struct conv_plan *p, const struct form *f) {
    return p->d.made ? ((size_t)(2 * f->n * p->d.ic) * (size_t)p->d.iw + 15) / 16 * 16 : 0;
}

/* Cuts the work for threads, into bands of tiles, which weights are read or transformed for again,
 * and of output channels, which inputs are transformed for again: into as many parts as cost no
 * more than a twelfth, into two for an eighth. */
static void split(struct conv_plan *p, const struct form *f, const struct covers *covers,
                  struct cut *cut) {
    const struct conv_desc *d = &p->d;
    const int across = tiles_across(d->oh, f->m), tiles = joined_tiles(d, f);
    const int times = batches(d, f);
    const double whole = estimate(p, f, covers, 1, cut), input = input_us(p, f, tiles) * times;
    const int most_parts = times == d->n ? 16 : d->n < 4 ? 16 * d->n : 64;
    int want = (int)(whole / times / 25);
    want = want < 1 ? 1 : want > most_parts ? most_parts : want;
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
            us += input * (parts - 1);
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
    const struct form *f = &forms[form];
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
    find_all_covers(p->k->winograd, covers);
    split(p, f, covers, &cut);
    p->unit = cut.block;
    p->ocv = cut.ocv;
    p->wino_late = cut.late;
    p->n_groups = (p->ocb + p->ocv - 1) / p->ocv;
    p->n_tiles[0] = batches(d, f) * p->bands * p->group_bands;

    size_t floats;
    if (!size_mul((size_t)square(cut.late ? f->taps : f->distinct) * (size_t)p->wino_ic,
                  (size_t)(p->ocv * vl), &p->group_floats) ||
        !size_mul(p->group_floats / (size_t)p->ocv, (size_t)p->ocb, &floats) ||
        floats > SIZE_MAX / 8)
        return 0;
    p->packed_bytes = (floats + (size_t)p->ocb * (size_t)vl) * sizeof(float);
    p->scratch_bytes = ((size_t)point_step(p, p->unit) * (size_t)points +
                        (size_t)points * (size_t)p->ocv * (size_t)p->unit * (size_t)vl) *
                       sizeof(float);
    if (cut.late)
        p->scratch_bytes +=
            (size_t)late_step(p, p->ocv) * (size_t)square(f->distinct) * sizeof(float);
    if (in_cells(d)) p->scratch_bytes += (made_floats(p, f) + strip_floats(p, f)) * sizeof(float);
    if (f->taps == 3) snprintf(p->name, sizeof p->name, "wino%d", f->m);
    else snprintf(p->name, sizeof p->name, "wino%d,%d", f->m, f->taps);
    size_t end = strlen(p->name);
    snprintf(p->name + end, sizeof p->name - end, "%s %dx%d%s",
             f->stride == 2 ? "s2" : in_cells(d) ? "p2" : "", p->ocv, p->unit,
             cut.late ? " late" : "");
    return 1;
}

/* The matrix that transforms the weights along one axis, a row for each different product. */
static void weight_transform(const struct form *f, double g[][WINOGRAD_MOST_TAPS]) {
    const int last = f->n_points - 1, gap = f->stride, taps = f->stride == 1 ? f->taps : 2;
    memset(g, 0, (size_t)f->distinct * sizeof *g);
    for (int i = 0; i < last; i++) {
        double value = 1;
        for (int j = 0; j < last; j++)
            if (j != i) value /= f->points[i] - f->points[j];
        for (int t = 0; t < taps; t++, value *= f->points[i]) g[i][t * gap] = value;
    }
    g[last][f->taps - 1] = 1;
    if (f->stride == 2) g[last + 1][1] = 1;
}

/* The weights between a block of output channels and channels [c, c + n) of the transformed input,
 * to w[n][taps][taps][vl]. */
static void gather_weights(const struct conv_plan *p, const float *weights, int block, int c, int n,
                           float *w) {
    const struct conv_desc *d = &p->d;
    const int taps = forms[p->wino_form].taps, vl = p->k->vl, rest = d->oc - block * vl;
    const int lanes = rest < vl ? rest : vl;
    const size_t size = (size_t)(d->kh * d->kw), row = (size_t)d->ic * size;
    weights += (size_t)block * (size_t)vl * row;
    if (!in_cells(d)) {
        p->k->move->nchw_to_block(weights + (size_t)c * size, (int64_t)row, lanes, w,
                                  (size_t)n * size);
        return;
    }
    memset(w, 0, (size_t)(n * taps * taps * vl) * sizeof *w);
    for (int k = 0; k < n; k++) {
        const int cell = (c + k) % 4, y0 = cell / 2 - d->pt % 2, x0 = cell % 2 - d->pl % 2;
        for (int t = 0; t < taps * taps; t++, w += vl) {
            const int y = t / taps * 2 + y0, x = t % taps * 2 + x0;
            if (y < 0 || y >= d->kh || x < 0 || x >= d->kw) continue;
            for (int l = 0; l < lanes; l++)
                w[l] = weights[(size_t)l * row + (size_t)((c + k) / 4) * size +
                               (size_t)(y * d->kw + x)];
        }
    }
}

void winograd_pack(const struct conv_plan *p, const float *weights, const float *bias,
                   float *packed) {
    enum { MOST_PAIRS = WINOGRAD_WEIGHT_FLOATS / 4 };
    enum { SQUARE = WINOGRAD_MOST_TAPS * WINOGRAD_MOST_TAPS };
    const struct conv_desc *d = &p->d;
    const struct form *f = &forms[p->wino_form];
    const int vl = p->k->vl, channels = p->ocb * vl, taps = square(f->taps) * vl;
    double g[WINOGRAD_MOST_OUTPUTS + 2][WINOGRAD_MOST_TAPS];
    weight_transform(f, g);
    for (int o = 0; o < channels; o++) packed[o] = bias && o < d->oc ? bias[o] : 0;
    for (int group = 0; group < p->n_groups; group++) {
        const int first = group * p->ocv;
        const int blocks = p->ocb - first < p->ocv ? p->ocb - first : p->ocv;
        const int most = WINOGRAD_WEIGHT_FLOATS / (vl * blocks);
        float *u = packed + channels + (size_t)group * p->group_floats;
        for (int c = 0, n; c < p->wino_ic; c += n, u += n * blocks * vl) {
            float w[WINOGRAD_WEIGHT_FLOATS * SQUARE];
            const float *pair[MOST_PAIRS];
            n = p->wino_ic - c < most ? p->wino_ic - c : most;
            for (int o = 0; o < blocks; o++)
                gather_weights(p, weights, first + o, c, n, w + o * n * taps);
            for (int k = 0; k < n * blocks; k++)
                pair[k] = w + (k % blocks * n + k / blocks) * taps;
            if (p->wino_late) {
                for (int k = 0; k < n * blocks; k++)
                    memcpy(u + k * taps, pair[k], (size_t)taps * sizeof *u);
                u += n * blocks * (taps - vl);
                continue;
            }
            p->k->winograd->weights(pair, n * blocks, (const double(*)[WINOGRAD_MOST_TAPS])g,
                                    f->distinct, f->taps, u, (int64_t)p->wino_ic * blocks * vl);
        }
    }
}

/* The tiles of a block, transformed, and how products cover them. */
struct block {
    const float *v;
    int64_t v_step; /* from point to point */
    int n;
    int blocks; /* of output channels that these are for */
    struct covers covers;
};

static void cover_block(const struct conv_plan *p, struct block *b, int blocks) {
    if (b->blocks == blocks) return;
    b->blocks = blocks;
    find_covers(p->k->winograd, blocks, b->n, &b->covers);
}

/* All points of one group of output channels: m[point][block][tile][vl] = u v, or += unless it is
 * the first share of the channels, over the input channels [c, c + channels). Between points
 * `ahead` bytes from `next` on are fetched to L2. */
static void multiply(const struct conv_plan *p, const struct block *b, const float *u,
                     int64_t u_step, int c, int channels, float *m, const char *next,
                     size_t ahead) {
    const struct form *f = &forms[p->wino_form];
    const int vl = p->k->vl, n = f->n, last = f->distinct - 1;
    const int64_t block = (int64_t)b->n * vl, m_step = b->blocks * block;
    const float *v = b->v + c / vl * block;
    const size_t share = ahead / (size_t)(n * n) + 64;
    for (int q = 0; q < n * n; q++) {
        const int row = q / n < last ? q / n : last, column = q % n < last ? q % n : last;
        for (size_t at = (size_t)q * share; at < ((size_t)q + 1) * share && at < ahead; at += 64)
            __builtin_prefetch(next + at, 0, 2);
        const float *weights = u + (row * f->distinct + column) * u_step;
        for (int left = b->n, count; left > 0;) { /* from the last on, equal ones at once */
            const int px = b->covers.last[left];
            for (count = 1; left > count * px && b->covers.last[left - count * px] == px;) count++;
            left -= count * px;
            p->k->winograd->product[b->blocks][px](weights, v + q * b->v_step + left * vl, block,
                                                   channels, m + q * m_step + left * vl, block,
                                                   c > 0, count);
        }
    }
}

/* The products of a group, whose weights are transformed first, some input channels at a time. */
static void multiply_late(const struct conv_plan *p, const struct block *b, const float *weights,
                          float *u, float *m, const float *end) {
    const int vl = p->k->vl;
    for (int c = 0, c1; c < p->icb; c = c1) {
        c1 = c + p->wino_late < p->icb ? c + p->wino_late : p->icb;
        const int channels = (c1 * vl < p->wino_ic ? c1 * vl : p->wino_ic) - c * vl;
        const int pairs = channels * b->blocks;
        p->k->winograd->weights_late[p->wino_form](weights, pairs, u, late_step(p, b->blocks));
        weights += (int64_t)pairs * 9 * vl;
        /* The next ones, as many: by now they may be in memory only. */
        size_t ahead = (size_t)pairs * 9 * (size_t)vl * sizeof *weights;
        const size_t left = (size_t)((const char *)end - (const char *)weights);
        multiply(p, b, u, late_step(p, b->blocks), c * vl, channels, m, (const char *)weights,
                 ahead < left ? ahead : left);
    }
}

/* Where an image is, or some rows of it. */
struct planes {
    const float *row; /* `first` of the image */
    int first;
    int64_t channel; /* floats from one plane, or block of channels, to the next */
};

/* Makes the rows of the cells [y, y + n) of the tile's image in `made`, where it keeps those that
 * are there. y grows from call to call. */
static void make_rows(const struct conv_plan *p, const struct conv_args *a, int y, int n,
                      float *made, struct planes *at) {
    const struct conv_desc *d = &p->d;
    const int first = 2 * y, end = first + 2 * n < d->ih ? first + 2 * n : d->ih;
    int next = at->first + 2 * n; /* the first that is not there */
    if (first == at->first) return;
    for (int c = 0; c < d->ic && next > first; c++) {
        float *plane = made + c * at->channel;
        memmove(plane, plane + (int64_t)(first - at->first) * d->iw,
                (size_t)(next - first) * (size_t)d->iw * sizeof *plane);
    }
    at->first = first;
    if (next < first) next = first;
    for (next = next < 0 ? 0 : next; next < end; next++)
        a->make_row(a->maker, next, made + (int64_t)(next - first) * d->iw, at->channel);
}

/* Cells [y, y + rows) x [x, x + cols) of one image, which may lie outside, to
 * strip[block][row][column][vl]. */
static void gather_cells(const struct conv_plan *p, const struct planes *src, int y, int x,
                         int rows, int cols, float *strip) {
    const struct conv_desc *d = &p->d;
    const int vl = p->k->vl, outside = x < 0 ? -x : 0, whole = d->iw / 2 - x;
    const int left = outside < cols ? outside : cols;
    /* Cells [left, end) have both columns; behind them one may have the last one of an odd row. */
    const int end = whole < left ? left : whole < cols ? whole : cols;
    for (int pair = 0; pair < p->icb * vl / 2; pair += vl / 2)
        for (int i = 0; i < rows; i++, strip += cols * vl) {
            const float *from[8]; /* half the lanes of the widest vectors */
            for (int l = 0; l < vl / 2; l++) { /* channel by channel, two rows of each */
                const int c = (pair + l) / 2, iy = (y + i) * 2 + (pair + l) % 2;
                from[l] = NULL;
                if (c < d->ic && iy >= 0 && iy < d->ih)
                    from[l] = src->row + c * src->channel + (int64_t)(iy - src->first) * d->iw +
                              2 * (x + left);
            }
            memset(strip, 0, (size_t)(left * vl) * sizeof *strip);
            p->k->winograd->cells(from, end - left, strip + left * vl);
            memset(strip + end * vl, 0, (size_t)((cols - end) * vl) * sizeof *strip);
            if (end < cols && d->iw % 2 && end == whole)
                for (int l = 0; l < vl / 2; l++)
                    if (from[l]) strip[end * vl + 2 * l] = from[l][2 * (end - left)];
        }
}

/* Transforms the inputs of tiles [first, first + n) to v[point][block][tile][vl]. `room`: for made
 * rows, and a strip behind them. */
static void transform_inputs(const struct conv_plan *p, const struct conv_args *a,
                             struct planes *src, int first, int n, float *v, int64_t v_step,
                             float *room) {
    const struct conv_desc *d = &p->d;
    const struct form *f = &forms[p->wino_form];
    const int vl = p->k->vl, across = tiles_across(d->ow, f->m), step = f->m * f->stride;
    float *strip = room + made_floats(p, f);
    for (int i = 0, count; i < n; i += count) { /* tiles of a row */
        const int image = (first + i) / image_tiles(d, f), tile = (first + i) % image_tiles(d, f);
        const int y = tile / across * step, x = tile % across * step;
        count = across - tile % across < n - i ? across - tile % across : n - i;
        const float *plane = src->row + image * a->src_batch;
        int64_t block = src->channel;
        int ih = d->ih, iw = d->iw, y0 = y - d->pt, x0 = x - d->pl;
        if (in_cells(d)) {
            const int cell_y = y - (d->pt + 1) / 2;
            ih = f->n;
            iw = count * f->m + f->n - f->m;
            if (a->make_row) make_rows(p, a, cell_y, ih, room, src);
            gather_cells(p, src, cell_y, x - (d->pl + 1) / 2, ih, iw, strip);
            plane = strip;
            block = (int64_t)ih * iw * vl;
            y0 = x0 = 0;
        }
        for (int c = 0; c < p->icb; c++)
            for (int j = 0; j < count; j++)
                p->k->winograd->input[p->wino_form](plane + c * block, ih, iw, y0, x0 + j * step,
                                                    v + ((int64_t)c * n + i + j) * vl, v_step);
    }
}

void winograd_run(const struct conv_plan *p, const float *packed, const struct conv_args *a,
                  int tile, void *scratch) {
    const struct conv_desc *d = &p->d;
    const struct winograd_kernels *k = p->k->winograd;
    const struct form *f = &forms[p->wino_form];
    const int vl = p->k->vl, m = f->m, across = tiles_across(d->ow, m);
    const int tiles = joined_tiles(d, f), of_image = image_tiles(d, f);
    const int gb = tile % p->group_bands, band = tile / p->group_bands % p->bands;
    const int first = conv_tile_image(p, tile); /* the image that tiles are counted from */
    const int g0 = (int)((int64_t)p->n_groups * gb / p->group_bands);
    const int g1 = (int)((int64_t)p->n_groups * (gb + 1) / p->group_bands);
    const int whole = d->made ? across : 1; /* bands of made input are whole rows of tiles */
    const int t0 = (int)((int64_t)tiles / whole * band / p->bands) * whole;
    const int t1 = (int)((int64_t)tiles / whole * (band + 1) / p->bands) * whole;
    const int n_blocks = (t1 - t0 + p->unit - 1) / p->unit;
    const int64_t pixel = d->dst == CONV_BLOCKED ? vl : 1;
    const int64_t out_step = d->dst == CONV_PIXEL ? a->dst_channel : pixel;
    const float *end = packed + p->packed_bytes / sizeof *packed;
    float *late = (float *)scratch + (in_cells(d) ? made_floats(p, f) + strip_floats(p, f) : 0);
    float *v = late + (p->wino_late ? late_step(p, p->ocv) * square(f->distinct) : 0);
    struct planes src = {a->src, 0, a->src_channel};
    if (a->make_row)
        src = (struct planes){scratch, INT_MIN / 2, (int64_t)2 * f->n * d->iw};
    else src.row += first * a->src_batch;
    for (int b = 0; b < n_blocks; b++) { /* nearly equal blocks */
        const int b0 = t0 + (t1 - t0) * b / n_blocks, n = t0 + (t1 - t0) * (b + 1) / n_blocks - b0;
        const int64_t v_step = point_step(p, n);
        float *products = v + v_step * f->n * f->n;
        struct block block = {.v = v, .v_step = v_step, .n = n};
        transform_inputs(p, a, &src, b0, n, v, v_step, scratch);
        for (int g = g0; g < g1; g++) {
            const int blocks = p->ocb - g * p->ocv < p->ocv ? p->ocb - g * p->ocv : p->ocv;
            const float *weights = packed + p->ocb * vl + (size_t)g * p->group_floats;
            cover_block(p, &block, blocks);
            if (p->wino_late) multiply_late(p, &block, weights, late, products, end);
            else
                multiply(p, &block, weights, (int64_t)p->wino_ic * blocks * vl, 0, p->wino_ic,
                         products, NULL, 0);
            for (int o = 0; o < blocks; o++) {
                const int ob = g * p->ocv + o;
                for (int i = 0; i < n; i++) {
                    const int image = (b0 + i) / of_image, at = (b0 + i) % of_image;
                    const int y = at / across * m, x = at % across * m;
                    const int rows = d->oh - y < m ? d->oh - y : m;
                    const int cols = d->ow - x < m ? d->ow - x : m;
                    struct conv_tile t;
                    conv_set_output(p, a, first + image, ob, (int64_t)y * d->ow + x, &t);
                    k->output[p->wino_form](products + ((int64_t)o * n + i) * vl,
                                            (int64_t)blocks * n * vl, packed + ob * vl, &t,
                                            d->ow * out_step, (int64_t)d->ow * vl, rows, cols);
                }
            }
        }
    }
}
