/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Winograd convolution for 3x3 with stride 1 or 2 and for first layers with 5x5 to 7x7 and stride
 * 2, in the form of winograd.h that winograd_plan.c chose.
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
 *
 * Where products are those of pairs (pairs.h), weights are [group][point][block][ic][vl], or
 * [group][block][ic][tap][vl], with channels up to a multiple of PAIRS_UNIT.
 */
#include <limits.h>
#include <math.h>
#include <string.h>

#include "kernels/move.h"
#include "kernels/pairs.h"
#include "kernels/winograd_plan.h"

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

/* Which of the different products point q of a tile has. */
static int product_of(const struct form *f, int q) {
    const int last = f->distinct - 1, row = q / f->n, column = q % f->n;
    return (row < last ? row : last) * f->distinct + (column < last ? column : last);
}

/* By how much each row of the matrix that transforms the inputs along one axis enlarges them, the
 * root of the sum of its squares; the last is that of the odd inputs with stride 2, which stay.
 * The rows are the coefficients of the polynomials that have all finite points but one as roots. */
static void input_growth(const struct form *f, double growth[]) {
    const int finite = f->n_points - 1;
    for (int row = 0; row <= finite; row++) {
        double c[8] = {1}, sum = 0;
        for (int j = 0, degree = 0; j < finite; j++) {
            if (j == row) continue;
            degree++;
            for (int i = degree; i > 0; i--) c[i] = c[i - 1] - f->points[j] * c[i];
            c[0] *= -f->points[j];
        }
        for (int i = 0; i < 8; i++) sum += c[i] * c[i];
        growth[row] = sqrt(sum);
    }
    growth[finite + 1] = 1;
}

/* A power of two of about the size of transformed inputs, for inputs of size 1, at each of the
 * different products of the weights. */
static void point_sizes(const struct form *f, float sizes[]) {
    double growth[WINOGRAD_MOST_OUTPUTS + 3];
    input_growth(f, growth);
    for (int i = 0; i < f->distinct; i++)
        for (int j = 0; j < f->distinct; j++)
            sizes[i * f->distinct + j] =
                exp2f(roundf(log2f((float)(growth[i] * growth[j]))));
}

/* The weights between a block of output channels and channels [c, c + n) of the transformed input,
 * to w[n][taps][taps][vl]. */
static void gather_weights(const struct conv_plan *p, const float *weights, int block, int c, int n,
                           float *w) {
    const struct conv_desc *d = &p->d;
    const int taps = winograd_forms[p->wino_form].taps, vl = p->k->vl, rest = d->oc - block * vl;
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

/* Those of some blocks of output channels, [point][c][block][vl], u_step from point to point. */
static void pack_blocks(const struct conv_plan *p, const float *weights, int first, int blocks,
                        const double g[][WINOGRAD_MOST_TAPS], float *u, int64_t u_step) {
    enum { MOST_PAIRS = WINOGRAD_WEIGHT_FLOATS / 4 };
    enum { SQUARE = WINOGRAD_MOST_TAPS * WINOGRAD_MOST_TAPS };
    const struct form *f = &winograd_forms[p->wino_form];
    const int vl = p->k->vl, taps = square(f->taps) * vl;
    const int most = WINOGRAD_WEIGHT_FLOATS / (vl * blocks);
    for (int c = 0, n; c < p->wino_ic; c += n, u += n * blocks * vl) {
        float w[WINOGRAD_WEIGHT_FLOATS * SQUARE];
        const float *pair[MOST_PAIRS];
        n = p->wino_ic - c < most ? p->wino_ic - c : most;
        for (int o = 0; o < blocks; o++)
            gather_weights(p, weights, first + o, c, n, w + o * n * taps);
        for (int k = 0; k < n * blocks; k++) pair[k] = w + (k % blocks * n + k / blocks) * taps;
        if (p->wino_late) {
            for (int k = 0; k < n * blocks; k++)
                memcpy(u + k * taps, pair[k], (size_t)taps * sizeof *u);
            u += n * blocks * (taps - vl);
            continue;
        }
        p->k->winograd->weights(pair, n * blocks, g, f->distinct, f->taps, u, u_step);
    }
}

/* Makes transformed weights those of pairs. */
static void pack_pairs(const struct conv_plan *p, const float *sizes, float *packed) {
    const struct form *f = &winograd_forms[p->wino_form];
    const int channels = p->ocb * p->k->vl, points = square(f->distinct), vl = p->k->vl;
    const int64_t block_floats = (int64_t)pairs_padded(p->wino_ic) * vl;
    float *w = packed + head_floats(p, f);
    for (int first = 0; first < p->ocb; first += p->ocv)
        for (int q = 0; q < points; q++)
            for (int o = first; o < first + p->ocv && o < p->ocb; o++, w += block_floats) {
                float *start = packed + (1 + 2 * q) * channels + o * vl;
                p->k->pairs->weights(w, p->wino_ic, 1, sizes[q], start, start + channels);
            }
}

/* The same for weights that each run transforms. */
static void pack_late_pairs(const struct conv_plan *p, const double g[][WINOGRAD_MOST_TAPS],
                            const float *sizes, float *packed) {
    enum { POINTS = (WINOGRAD_MOST_OUTPUTS + 2) * (WINOGRAD_MOST_OUTPUTS + 2) };
    const struct form *f = &winograd_forms[p->wino_form];
    const struct pairs_kernels *k = p->k->pairs;
    const int channels = p->ocb * p->k->vl, points = square(f->distinct), vl = p->k->vl;
    const int taps = square(f->taps), ic = p->wino_ic;
    float *w = packed + head_floats(p, f);
    for (int o = 0; o < p->ocb; o++, w += (int64_t)pairs_padded(ic) * taps * vl) {
        float most[16] = {0}, sum[POINTS * 16] = {0}, factor[16], unscale[16];
        for (int c = 0; c < ic; c += PAIRS_UNIT) { /* which no pair crosses */
            float u[POINTS * PAIRS_UNIT * 16];
            const float *each[PAIRS_UNIT];
            const int n = ic - c < PAIRS_UNIT ? ic - c : PAIRS_UNIT;
            for (int i = 0; i < n; i++) each[i] = w + (int64_t)(c + i) * taps * vl;
            p->k->winograd->weights(each, n, g, f->distinct, f->taps, u, PAIRS_UNIT * vl);
            for (int q = 0; q < points; q++)
                k->measure(u + q * PAIRS_UNIT * vl, c % vl, n, sizes[q], most, sum + q * vl);
        }
        k->settle(w, ic, taps, most, unscale, factor);
        for (int q = 0; q < points; q++) {
            float *start = packed + (1 + 2 * q) * channels + o * vl;
            for (int l = 0; l < vl; l++) {
                start[l] = sum[q * vl + l] * factor[l] * factor[l];
                start[channels + l] = unscale[l];
            }
        }
    }
}

void winograd_pack(const struct conv_plan *p, const float *weights, const float *bias,
                   float *packed) {
    const struct conv_desc *d = &p->d;
    const struct form *f = &winograd_forms[p->wino_form];
    const int vl = p->k->vl, channels = p->ocb * vl;
    double g[WINOGRAD_MOST_OUTPUTS + 2][WINOGRAD_MOST_TAPS];
    weight_transform(f, g);
    for (int o = 0; o < channels; o++) packed[o] = bias && o < d->oc ? bias[o] : 0;
    const double(*rows)[WINOGRAD_MOST_TAPS] = (const double(*)[WINOGRAD_MOST_TAPS])g;
    const int ic = p->wino_pairs ? pairs_padded(p->wino_ic) : p->wino_ic;
    const int64_t block_floats = (int64_t)ic * vl * (p->wino_late ? square(f->taps) : 1);
    for (int group = 0; group < p->n_groups; group++) {
        const int first = group * p->ocv;
        const int all = p->ocb - first < p->ocv ? p->ocb - first : p->ocv;
        const int blocks = p->wino_pairs ? 1 : all; /* side by side; by pairs one by one */
        float *u = packed + head_floats(p, f) + (size_t)group * p->group_floats;
        for (int b = 0; b < all; b += blocks)
            pack_blocks(p, weights, first + b, blocks, rows, u + b * block_floats,
                        (int64_t)ic * all * vl);
    }
    if (!p->wino_pairs) return;
    float *sizes = packed + sizes_at(p, f);
    point_sizes(f, sizes);
    if (p->wino_late) pack_late_pairs(p, rows, sizes, packed);
    else pack_pairs(p, sizes, packed);
}

/* The tiles of a block, transformed, and the products that cover them, equal ones together. */
struct block {
    const float *v;
    int64_t v_step; /* from point to point */
    int n;
    int blocks; /* of output channels that these are for */
    struct {
        winograd_product product;
        conv_tile_fn pairs;
        int x, count;
    } runs[CONV_MOST_BLOCK];
    int n_runs;
    /* By pairs, for the tiles of each point: what sums start with; and what they are multiplied
     * with, NULL where they are not. */
    float *products;
    const float *unscale[WINOGRAD_MOST_INPUTS * WINOGRAD_MOST_INPUTS];
};

static void cover_block(const struct conv_plan *p, struct block *b, int blocks) {
    struct covers covers;
    if (b->blocks == blocks) return;
    b->blocks = blocks;
    winograd_find_covers(p->k, p->wino_pairs ? 0 : blocks, b->n, &covers);
    b->n_runs = 0;
    for (int left = b->n, count; left > 0; b->n_runs++) { /* from the last on */
        const int px = covers.last[left];
        for (count = 1; left > count * px && covers.last[left - count * px] == px;) count++;
        left -= count * px;
        b->runs[b->n_runs].product = p->k->winograd->product[blocks][px];
        b->runs[b->n_runs].pairs = winograd_pairs_tile(p->k, px);
        b->runs[b->n_runs].x = left;
        b->runs[b->n_runs].count = count;
    }
}

/* Weights that are needed after the next products, and may be in memory only by now. */
struct ahead {
    const float *from;
    int64_t floats;
};

/* Fetches a point's share of them to L2. Inlined: gcc takes a function that only fetches for one
 * without effect, and leaves out its calls. */
static inline __attribute__((always_inline)) void fetch_ahead(const struct ahead *a, int q,
                                                              int points) {
    const int64_t share = a->floats / points / 16 * 16 + 16, end = (q + 1) * share;
    for (int64_t at = q * share; at < end && at < a->floats; at += 16)
        __builtin_prefetch(a->from + at, 0, 2);
}

/* All points of one group of output channels: m[point][block][tile][vl] = u v, or += unless it is
 * the first share of the channels, over the input channels [c, c + channels). */
static void multiply(const struct conv_plan *p, const struct block *b, const float *u,
                     int64_t u_step, int c, int channels, float *m, const struct ahead *ahead) {
    const struct form *f = &winograd_forms[p->wino_form];
    const int vl = p->k->vl, points = square(f->n);
    const int64_t block = (int64_t)b->n * vl, m_step = b->blocks * block;
    const float *v = b->v + c / vl * block;
    for (int q = 0; q < points; q++, v += b->v_step, m += m_step) {
        fetch_ahead(ahead, q, points);
        for (int i = 0; i < b->n_runs; i++) {
            const int x = b->runs[i].x * vl;
            b->runs[i].product(u + product_of(f, q) * u_step, v + x, block, channels, m + x, block,
                               c > 0, b->runs[i].count);
        }
    }
}

/* Sums up the products of pairs of each point's inputs, which are scaled where they need it. room:
 * two floats for each tile and point. */
static void prepare_pairs(const struct conv_plan *p, struct block *b, const float *sizes, float *v,
                          float *room) {
    const struct form *f = &winograd_forms[p->wino_form];
    const struct pairs_kernels *k = p->k->pairs;
    const int points = square(f->n), n = b->n;
    const int64_t block = (int64_t)n * p->k->vl;
    /* Large tiles lose more digits, and late weights of some points are small. */
    const float slack = f->m > 4 || (p->wino_late && f->m > 3 && f->stride == 2) ? 4 : 8;
    b->products = room;
    for (int q = 0; q < points; q++, v += b->v_step) {
        const float size = sizes[product_of(f, q)];
        float *products = room + q * n, *unscale = room + (points + q) * n;
        const float most = k->sums(v, block, pairs_padded(p->wino_ic), n, products);
        b->unscale[q] = NULL;
        if (pairs_in_range(most, size, slack)) continue;
        k->scale(v, block, p->wino_ic, size, n, v, block, products, unscale);
        b->unscale[q] = unscale;
    }
}

/* multiply() by pairs, for the group of output channels from block `first` on; u is
 * [point][block][channel][vl], with `channels` a multiple of PAIRS_UNIT. */
static void multiply_pairs(const struct conv_plan *p, const struct block *b, const float *packed,
                           int first, const float *u, int64_t u_step, int c, int channels,
                           float *m, const struct ahead *ahead) {
    static const float zeros[CONV_MOST_BLOCK + 16];
    const struct form *f = &winograd_forms[p->wino_form];
    const int vl = p->k->vl, points = square(f->n), all = p->ocb * vl;
    const int64_t block = (int64_t)b->n * vl;
    struct conv_piece piece = {NULL, channels};
    struct conv_tile t = {.bias = zeros, .pieces = &piece, .n_pieces = 1, .src_row = block,
                          .dst_pixel = vl, .direct = 1, .resume = c > 0};
    for (int q = 0; q < points; q++) {
        const int product = product_of(f, q);
        const float *own = packed + (1 + 2 * product) * all + first * vl;
        fetch_ahead(ahead, q, points);
        piece.src = b->v + q * b->v_step + c / vl * block;
        t.weights = u + product * u_step;
        /* The products of all channels are taken off with the first of them. */
        t.pixel_products = c ? zeros : b->products + q * b->n;
        t.pixel_unscale = b->unscale[q];
        for (int o = 0; o < b->blocks; o++, m += block, t.weights += (int64_t)channels * vl) {
            t.weight_products = c ? zeros : own + o * vl;
            t.weight_unscale = own + all + o * vl;
            for (int i = 0; i < b->n_runs; i++) {
                t.src_at = (int64_t)b->runs[i].x * vl;
                t.dst = m + t.src_at;
                t.count = b->runs[i].count;
                b->runs[i].pairs(&t);
            }
        }
    }
}

/* multiply_late() by pairs. */
static void multiply_late_pairs(const struct conv_plan *p, const struct block *b,
                                const float *packed, int first, const float *weights, float *u,
                                float *m) {
    const int vl = p->k->vl, padded = pairs_padded(p->wino_ic);
    for (int c = 0, end; c < padded; c = end) {
        end = c + p->wino_late * vl < padded ? c + p->wino_late * vl : padded;
        for (int o = 0; o < b->blocks; o++)
            p->k->winograd->weights_late[p->wino_form](
                weights + ((int64_t)o * padded + c) * 9 * vl, end - c,
                u + (int64_t)o * (end - c) * vl, late_step(p, b->blocks));
        /* This block's next channels, or the next block's first. */
        const int next = end < padded && padded - end < end - c ? padded - end : end - c;
        const struct ahead ahead = {weights + (int64_t)end * 9 * vl, (int64_t)next * 9 * vl};
        multiply_pairs(p, b, packed, first, u, late_step(p, b->blocks), c, end - c, m, &ahead);
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
        const int64_t next = (int64_t)pairs * 9 * vl; /* as many */
        const struct ahead ahead = {weights, next < end - weights ? next : end - weights};
        multiply(p, b, u, late_step(p, b->blocks), c * vl, channels, m, &ahead);
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
    const struct form *f = &winograd_forms[p->wino_form];
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
    const struct form *f = &winograd_forms[p->wino_form];
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
    const struct ahead none = {NULL, 0};
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
        if (p->wino_pairs)
            prepare_pairs(p, &block, packed + sizes_at(p, f), v,
                          products + (int64_t)square(f->n) * p->ocv * n * vl);
        for (int g = g0; g < g1; g++) {
            const int blocks = p->ocb - g * p->ocv < p->ocv ? p->ocb - g * p->ocv : p->ocv;
            const float *weights = packed + head_floats(p, f) + (size_t)g * p->group_floats;
            cover_block(p, &block, blocks);
            if (p->wino_pairs && p->wino_late)
                multiply_late_pairs(p, &block, packed, g * p->ocv, weights, late, products);
            else if (p->wino_pairs)
                multiply_pairs(p, &block, packed, g * p->ocv, weights,
                               (int64_t)pairs_padded(p->wino_ic) * blocks * vl, 0,
                               pairs_padded(p->wino_ic), products, &none);
            else if (p->wino_late) multiply_late(p, &block, weights, late, products, end);
            else
                multiply(p, &block, weights, (int64_t)p->wino_ic * blocks * vl, 0, p->wino_ic,
                         products, &none);
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
