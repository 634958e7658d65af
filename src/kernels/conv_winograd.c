/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Winograd convolution for 3x3 with stride 1 or 2 and for first layers with 5x5 to 7x7 and stride
 * 2, the form of winograd.h chosen by estimated time.
 *
 * Fused over blocks of a dozen or so tiles, so that nothing leaves the L2 cache: the inputs of a
 * block are transformed for all channels, v[point][block of ic][tile][vl]; then for each group of
 * output channels every point is a small product with the weights, by the register tiles of 1x1
 * convolution, and the results are transformed back and stored with bias and activation.
 * Weights are [group][point][ic][ocv][vl], one forward stream.
 */
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "kernels/conv_algorithms.h"
#include "kernels/move.h"
#include "kernels/winograd.h"

enum { MAX_RUNS = 40 };
static const float no_bias[4 * 16] __attribute__((aligned(64)));

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

static double weight_bytes(const struct conv_plan *p, const struct form *f) {
    return 4.0 * f->distinct * f->distinct * p->wino_ic * p->ocb * p->k->vl;
}

/* How many tiles are transformed together, how many blocks of output channels make a group, and
 * the microseconds of all products that follow from it. */
struct cut {
    int block, ocv;
    double us;
};

/* The constants of this cost model were fitted to some 1200 combinations of layer, form and cut on
 * a Zen 4 core, with weights on large pages; the cut it chooses is 3 % slower than the best of them
 * on average. */

/* FMA instructions' time of the products of a block of n tiles, per input channel and point. Beyond
 * the register tiles' own: v comes from L2 once for every group, and a second register tile
 * fetches the group's weights again, from L1 or L2. */
static double block_cost(const struct conv_plan *p, int n, int ocv) {
    const double slots = (double)p->k->conv->fma_per_us / 3600; /* FMAs in a Zen 4 cycle */
    double cost = 0;
    for (int left = p->ocb; left > 0;) {
        const int o = left < ocv ? left : ocv, times = left / o;
        struct conv_run runs[MAX_RUNS];
        int n_runs = 0, tiles = 0;
        double one = (double)conv_cut(p, o, n, 0, runs, &n_runs);
        for (int i = 0; i < n_runs; i++) tiles += runs[i].count;
        one += (0.36 * n + tiles * 63 / (double)p->wino_ic) * slots + (tiles - 1) * o * 0.27;
        cost += one * times;
        left -= o * times;
    }
    return cost;
}

/* For `tiles` tiles that follow one another, n at a time. */
static double cut_us(const struct conv_plan *p, const struct form *f, int tiles, int n, int ocv) {
    const double bytes = weight_bytes(p, f);
    const int blocks = (tiles + n - 1) / n;
    /* Every block streams all the weights, from L3, mostly behind the products; the first time,
     * when there are many, from memory. */
    const double stream = bytes > 600e3 ? 0.05 * bytes * (blocks - 1) / 45e3 : 0;
    const double memory = bytes > 6e6 ? bytes / 25e3 : 0;
    const double us = stream + block_cost(p, n, ocv) / n * tiles * f->n * f->n * p->wino_ic /
                                   (double)p->k->conv->fma_per_us;
    return us > memory ? us + 0.3 * memory : memory + 0.3 * us;
}

static struct cut choose_cut(const struct conv_plan *p, const struct form *f, int tiles) {
    static const int sizes[] = {4, 5, 6, 7, 9, 13, 16, 20, 28, CONV_MOST_BLOCK};
    const struct conv_desc *d = &p->d;
    struct cut best = {0, 0, 0};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        const int blocks = (tiles + sizes[i] - 1) / sizes[i];
        const int n = d->block ? d->block : (tiles + blocks - 1) / blocks;
        if (n == best.block) continue;
        for (int ocv = 1; ocv <= p->k->conv->max_ocv && ocv <= p->ocb; ocv++) {
            if (d->group && ocv != d->group) continue;
            double us = cut_us(p, f, tiles, n, ocv);
            if (best.block == 0 || us < best.us * 0.995) best = (struct cut){n, ocv, us};
        }
    }
    return best;
}

/* The transforms of all inputs and of all outputs. */
static double input_us(const struct conv_plan *p, const struct form *f, int tiles) {
    double us = 1.3e-3 * tiles * p->icb * f->n * f->n;
    if (in_cells(&p->d)) us += 2e-3 * tiles * f->m * f->n; /* 8 cycles a cell */
    return us * 3600 / (double)p->k->conv->fma_per_us;
}

static double output_us(const struct conv_plan *p, const struct form *f, int tiles) {
    double activation = p->d.act >= ACT_SIGMOID ? 2 * f->m * f->m : 0;
    return 1.5e-3 * tiles * p->ocb * (f->n * f->n + activation) * 3600 /
           (double)p->k->conv->fma_per_us;
}

/* Microseconds on one core when tiles are cut into `bands`. */
static double estimate(const struct conv_plan *p, const struct form *f, int bands,
                       struct cut *cut) {
    const int tiles = tiles_across(p->d.oh, f->m) * tiles_across(p->d.ow, f->m);
    *cut = choose_cut(p, f, (tiles + bands - 1) / bands);
    return (cut->us * bands + input_us(p, f, tiles) + output_us(p, f, tiles)) * p->d.n;
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

/* Transformed weights are held, and made at load: so many bytes must save a microsecond a run. */
#define MEMORY_WORTH 100e3

int winograd_plan(struct conv_plan *p, double limit_us) {
    const int only = p->d.only;
    if (!only && ((p->d.ic < 8 && !in_cells(&p->d)) || p->d.oc < 8)) return 0;
    set_input(p);
    int chosen = -1;
    for (int form = 0; form < N_WINOGRAD_FORMS; form++) {
        if (!suits(&p->d, &forms[form])) continue;
        if (only && forms[form].m == only) return winograd_lay_out(p, form);
        if (only) continue;
        struct cut cut;
        double cost = estimate(p, &forms[form], 1, &cut);
        cost += weight_bytes(p, &forms[form]) / MEMORY_WORTH;
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

int winograd_lay_out(struct conv_plan *p, int form) {
    const struct conv_desc *d = &p->d;
    const struct form *f = &forms[form];
    if (!suits(d, f) || d->block > CONV_MOST_BLOCK || d->group > p->k->conv->max_ocv ||
        d->group > p->ocb)
        return 0;
    const int m = f->m, points = f->n * f->n, vl = p->k->vl;
    const int tiles = tiles_across(d->oh, m) * tiles_across(d->ow, m);
    p->algorithm = CONV_WINOGRAD;
    p->way = m;
    p->wino_form = form;
    set_input(p);
    p->flat = p->rows_outer = 0;
    struct cut cut;
    p->cost_us = estimate(p, f, 1, &cut);

    /* Bands of tiles first. Bands of output channels repeat the transform of the input: only as
     * many as cost a twelfth. */
    int want = (int)(p->cost_us / d->n / 25);
    want = want < 1 ? 1 : want > 16 ? 16 : want;
    int least_band = weight_bytes(p, f) > 5e6 ? 20 : 8;
    p->bands = tiles / least_band < want ? tiles / least_band : want;
    /* A band of part of a row of tiles would have all its input made. */
    if (d->made && p->bands > tiles_across(d->oh, m)) p->bands = tiles_across(d->oh, m);
    if (p->bands < 1) p->bands = 1;
    p->cost_us = estimate(p, f, p->bands, &cut);
    p->unit = cut.block;
    p->ocv = cut.ocv;
    p->n_groups = (p->ocb + p->ocv - 1) / p->ocv;
    int most = 1 + (int)(p->cost_us / 12 / (input_us(p, f, tiles) * d->n));
    p->group_bands = (want + p->bands - 1) / p->bands;
    if (p->group_bands > most) p->group_bands = most;
    if (p->group_bands > p->n_groups) p->group_bands = p->n_groups;
    if (d->made) p->group_bands = 1;
    p->n_tiles[0] = d->n * p->bands * p->group_bands;

    size_t floats;
    if (!size_mul((size_t)(f->distinct * f->distinct) * (size_t)p->wino_ic, (size_t)(p->ocv * vl),
                  &p->group_floats) ||
        !size_mul(p->group_floats / (size_t)p->ocv, (size_t)p->ocb, &floats) ||
        floats > SIZE_MAX / 8)
        return 0;
    p->packed_bytes = (floats + (size_t)p->ocb * (size_t)vl) * sizeof(float);
    p->scratch_bytes = ((size_t)point_step(p, p->unit) * (size_t)points +
                        (size_t)points * (size_t)p->ocv * (size_t)p->unit * (size_t)vl) *
                       sizeof(float);
    if (in_cells(d)) p->scratch_bytes += (made_floats(p, f) + strip_floats(p, f)) * sizeof(float);
    p->scratch_bytes += (size_t)p->icb * sizeof(struct conv_piece);
    if (f->taps == 3) snprintf(p->name, sizeof p->name, "wino%d", m);
    else snprintf(p->name, sizeof p->name, "wino%d,%d", m, f->taps);
    size_t end = strlen(p->name);
    snprintf(p->name + end, sizeof p->name - end, "%s %dx%d",
             f->stride == 2 ? "s2" : in_cells(d) ? "p2" : "", p->ocv, p->unit);
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
    const int vl = p->k->vl, channels = p->ocb * vl, square = f->taps * f->taps * vl;
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
                gather_weights(p, weights, first + o, c, n, w + o * n * square);
            for (int k = 0; k < n * blocks; k++)
                pair[k] = w + (k % blocks * n + k / blocks) * square;
            p->k->winograd->weights(pair, n * blocks, (const double(*)[WINOGRAD_MOST_TAPS])g,
                                    f->distinct, f->taps, u, (int64_t)p->wino_ic * blocks * vl);
        }
    }
}

/* All points of one group of output channels: m[point][block][tile][vl] = u v. */
static void multiply(const struct conv_plan *p, const float *weights, int blocks, const float *v,
                     int64_t v_step, float *m, int tiles, struct conv_piece *pieces) {
    const struct form *f = &forms[p->wino_form];
    const int vl = p->k->vl, n = f->n, last = f->distinct - 1;
    struct conv_run runs[MAX_RUNS];
    int n_runs = 0;
    conv_cut(p, blocks, tiles, 0, runs, &n_runs);
    for (int b = 0; b < p->icb; b++) {
        const int left = p->wino_ic - b * vl;
        pieces[b] = (struct conv_piece){v + (int64_t)b * tiles * vl, left < vl ? left : vl};
    }
    struct conv_tile t = {
        .bias = no_bias, .pieces = pieces, .n_pieces = p->icb, .src_pixel = vl, .kw = 1, .taps = 1,
        .nky = 1, .nkx = 1, .skip_first = -1, .skip_last = -1,
        .dst_channel = (int64_t)tiles * vl, .direct = 1,
    };
    const int64_t u_step = (int64_t)p->wino_ic * blocks * vl, m_step = (int64_t)blocks * tiles * vl;
    for (int q = 0; q < n * n; q++) {
        const int row = q / n < last ? q / n : last, column = q % n < last ? q % n : last;
        t.weights = weights + (row * f->distinct + column) * u_step;
        for (int r = 0; r < n_runs; r++)
            for (int i = 0, x = runs[r].x; i < runs[r].count; i++, x += runs[r].kernel->px) {
                t.src_at = q * v_step + x * vl;
                t.dst = m + q * m_step + x * vl;
                runs[r].kernel->run(&t);
            }
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
    const int vl = p->k->vl;
    const int64_t block = (int64_t)rows * cols * vl;
    memset(strip, 0, (size_t)(p->icb * block) * sizeof *strip);
    for (int pair = 0; pair < 2 * d->ic; pair++) { /* two neighbours in a row */
        float *to = strip + pair * 2 / vl * block + pair * 2 % vl;
        for (int i = 0; i < rows; i++) {
            const int iy = (y + i) * 2 + pair % 2;
            if (iy < 0 || iy >= d->ih) continue;
            const float *from =
                src->row + pair / 2 * src->channel + (int64_t)(iy - src->first) * d->iw;
            float *out = to + (int64_t)i * cols * vl;
            for (int j = x < 0 ? -x : 0; j < cols && (x + j) * 2 < d->iw; j++) {
                if ((x + j) * 2 + 1 < d->iw) memcpy(out + j * vl, from + (x + j) * 2, 8);
                else out[j * vl] = from[(x + j) * 2];
            }
        }
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
        const int y = (first + i) / across * step, x = (first + i) % across * step;
        count = across - (first + i) % across < n - i ? across - (first + i) % across : n - i;
        const float *plane = src->row;
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
    const int tiles = across * tiles_across(d->oh, m);
    const int gb = tile % p->group_bands, band = tile / p->group_bands % p->bands;
    const int image = conv_tile_image(p, tile);
    const int g0 = (int)((int64_t)p->n_groups * gb / p->group_bands);
    const int g1 = (int)((int64_t)p->n_groups * (gb + 1) / p->group_bands);
    const int whole = d->made ? across : 1; /* bands of made input are whole rows of tiles */
    const int t0 = (int)((int64_t)tiles / whole * band / p->bands) * whole;
    const int t1 = (int)((int64_t)tiles / whole * (band + 1) / p->bands) * whole;
    const int n_blocks = (t1 - t0 + p->unit - 1) / p->unit;
    const int64_t pixel = d->dst == CONV_BLOCKED ? vl : 1;
    const int64_t out_step = d->dst == CONV_PIXEL ? a->dst_channel : pixel;
    struct conv_piece *pieces =
        (struct conv_piece *)((char *)scratch + p->scratch_bytes) - p->icb;
    float *v = (float *)scratch + (in_cells(d) ? made_floats(p, f) + strip_floats(p, f) : 0);
    struct planes src = {a->src, 0, a->src_channel};
    if (a->make_row)
        src = (struct planes){scratch, INT_MIN / 2, (int64_t)2 * f->n * d->iw};
    else src.row += image * a->src_batch;
    for (int b = 0; b < n_blocks; b++) { /* nearly equal blocks */
        const int b0 = t0 + (t1 - t0) * b / n_blocks, n = t0 + (t1 - t0) * (b + 1) / n_blocks - b0;
        const int64_t v_step = point_step(p, n);
        float *products = v + v_step * f->n * f->n;
        transform_inputs(p, a, &src, b0, n, v, v_step, scratch);
        for (int g = g0; g < g1; g++) {
            const int blocks = p->ocb - g * p->ocv < p->ocv ? p->ocb - g * p->ocv : p->ocv;
            const float *weights = packed + p->ocb * vl + (size_t)g * p->group_floats;
            multiply(p, weights, blocks, v, v_step, products, n, pieces);
            for (int o = 0; o < blocks; o++) {
                const int block = g * p->ocv + o;
                for (int i = 0; i < n; i++) {
                    const int y = (b0 + i) / across * m, x = (b0 + i) % across * m;
                    const int rows = d->oh - y < m ? d->oh - y : m;
                    const int cols = d->ow - x < m ? d->ow - x : m;
                    struct conv_tile t;
                    conv_set_output(p, a, image, block, (int64_t)y * d->ow + x, &t);
                    k->output[p->wino_form](products + ((int64_t)o * n + i) * vl,
                                            (int64_t)blocks * n * vl, packed + block * vl, &t,
                                            d->ow * out_step, (int64_t)d->ow * vl, rows, cols);
                }
            }
        }
    }
}
