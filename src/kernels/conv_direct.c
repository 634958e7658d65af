/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Direct convolution: cuts the output into rows (1x1: one long row), the rows into register tiles,
 * and walks them in the order that keeps weights or input in cache.
 *
 * Nothing is padded. Rows outside the input are left out by the range of ky; at the left and right
 * ends either one tap leaves out one output of the tile (3x3 and its like), or the row is cut where
 * the range of valid kx changes. Only planar input is copied, into interleaved rows with a zero
 * border, because a first layer's few channels make poor blocks.
 *
 * Any grouping is one case: a group of output blocks reads the channels from the first to the last
 * that any of its lanes needs, with zero weights where a lane does not.
 */
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "kernels/conv_algorithms.h"
#include "kernels/move.h"
#include "kernels/pairs.h"

enum { MOST_LANES = 64 }; /* of a group of output channels */
#define PLANAR_BYTES (96 * 1024)
#define GATHERED_BYTES (192 * 1024)
/* Weights of fewer bytes stay in the L2 cache from row to row, and do not need the copy. */
#define LEAST_GATHERED (1024 * 1024)
/* Inputs and weights of fewer bytes are in the L2 cache without being fetched ahead. */
#define FETCHED_INPUT (1024 * 1024)
#define FETCHED_WEIGHTS (256 * 1024)
/* The weights of fewer input channels come from L2 as fast as they are used. */
#define LEAST_CHUNKED 256

struct channels {
    int first, end;
};

/* Input channels that output blocks [block, block + n) read. */
static struct channels reach(const struct conv_plan *p, int block, int n) {
    const struct conv_desc *d = &p->d;
    if (d->groups == 1) return (struct channels){0, d->ic};
    const int icg = d->ic / d->groups, ocg = d->oc / d->groups, vl = p->k->vl;
    int last = (block + n) * vl < d->oc ? (block + n) * vl - 1 : d->oc - 1;
    return (struct channels){block * vl / ocg * icg, (last / ocg + 1) * icg};
}

static int group_blocks(const struct conv_plan *p, int group, int ocv) {
    int left = p->ocb - group * ocv;
    return left < ocv ? left : ocv;
}

/* True when the ends of a row need no cutting: at most one output on each side misses one tap. */
static int simple_ends(const struct conv_desc *d) {
    int over = (d->ow - 1) * d->sw - d->pl + (d->kw - 1) * d->dw - (d->iw - 1);
    if (d->pl == 0 && over <= 0) return 1;
    return d->kw >= 2 && d->pl <= d->sw && d->pl <= d->dw && over <= d->sw && over <= d->dw;
}

/* Valid taps along one axis for an input coordinate of tap 0: [*first, *first + result). */
static int valid_taps(int origin, int size, int taps, int dilation, int *first) {
    int f = origin < 0 ? (-origin + dilation - 1) / dilation : 0;
    int e = origin >= size ? 0 : (size - origin + dilation - 1) / dilation;
    if (f > taps) f = taps;
    if (e > taps) e = taps;
    *first = f;
    return e > f ? e - f : 0;
}

/* Of all output rows together; those above and below the input are left out. */
static int64_t rows_of_taps(const struct conv_desc *d) {
    int64_t rows = 0;
    for (int y = 0, first; y < d->oh; y++)
        rows += valid_taps(y * d->sh - d->pt, d->ih, d->kh, d->dh, &first);
    return rows;
}

static int max_runs(const struct conv_plan *p) {
    return (2 * p->d.kw + 2) * 20;
}

/* Of the scratch: the tiles of a row, and behind them the pieces of the input. */
static size_t runs_bytes(const struct conv_plan *p) {
    return ((size_t)max_runs(p) * 2 * sizeof(struct conv_run) + 63) / 64 * 64;
}

static size_t pieces_bytes(const struct conv_plan *p) {
    const int n = p->d.n_pieces ? p->d.n_pieces : p->icb;
    return ((size_t)n * sizeof(struct conv_piece) + 63) / 64 * 64;
}

/* The tiles of one output row (or of `length` outputs of the joined row) for full groups, or for
 * the rest. */
static int cut_row(const struct conv_plan *p, int rest, int length, struct conv_run *runs) {
    const struct conv_desc *d = &p->d;
    const struct conv_cuts *c = p->cuts[rest];
    int n = 0;
    if (d->src == CONV_PLANAR || p->flat) { /* the border is in the copy */
        conv_cut(c, length, 0, runs, &n);
        for (int i = 0; i < n; i++) runs[i].nkx = p->merged ? 1 : d->kw;
        return n;
    }
    if (simple_ends(d)) {
        conv_cut(c, length, 0, runs, &n);
        for (int i = 0; i < n; i++) runs[i].nkx = d->kw;
        int over = (d->ow - 1) * d->sw - d->pl + (d->kw - 1) * d->dw - (d->iw - 1);
        if (over > 0) {
            if (runs[n - 1].count > 1) {
                runs[n] = runs[n - 1];
                runs[n - 1].count--;
                runs[n].x += runs[n - 1].count * runs[n].kernel->px;
                runs[n++].count = 1;
            }
            runs[n - 1].skip_last = d->kw - 1;
        }
        if (d->pl > 0) {
            if (runs[0].count > 1) {
                memmove(runs + 1, runs, (size_t)n * sizeof *runs);
                n++;
                runs[1].x += runs[1].kernel->px;
                runs[1].count--;
                runs[0].count = 1;
                if (n > 2 || runs[1].skip_last < 0) runs[0].skip_last = -1;
            }
            runs[0].skip_first = 0;
        }
        return n;
    }
    for (int x = 0; x < length;) {
        int kx0, other, nkx = valid_taps(x * d->sw - d->pl, d->iw, d->kw, d->dw, &kx0), end = x + 1;
        while (end < length &&
               valid_taps(end * d->sw - d->pl, d->iw, d->kw, d->dw, &other) == nkx &&
               (nkx == 0 || other == kx0))
            end++;
        int first = n;
        conv_cut(c, end - x, x, runs, &n);
        for (int i = first; i < n; i++) {
            runs[i].kx0 = nkx ? kx0 : 0;
            runs[i].nkx = nkx;
        }
        x = end;
    }
    return n;
}

static int padded_width(const struct conv_desc *d) {
    return (d->ow - 1) * d->sw + (d->kw - 1) * d->dw + 1;
}

/* Output rows for which the interleaved copy of the input fits a share of the L2 cache. */
static int planar_rows(const struct conv_desc *d) {
    int64_t row = (int64_t)padded_width(d) * d->ic * 4;
    int64_t rows = (PLANAR_BYTES / row - (d->kh - 1) * (int64_t)d->dh - 1) / d->sh + 1;
    return rows < 1 ? 1 : rows > d->oh ? d->oh : (int)rows;
}

static int planar_copy_rows(const struct conv_desc *d) {
    return (planar_rows(d) - 1) * d->sh + (d->kh - 1) * d->dh + 1;
}

static size_t copy_bytes(const struct conv_desc *d) {
    return (size_t)planar_copy_rows(d) * (size_t)padded_width(d) * (size_t)d->ic * sizeof(float) +
           64;
}

/* Outputs whose inputs are gathered together: as many as fit a share of the L2 cache. */
static int gathered_pixels(const struct conv_plan *p) {
    const int64_t most = GATHERED_BYTES / ((int64_t)p->icb * p->k->vl * (int64_t)sizeof(float));
    const int units = most > p->unit ? (int)(most / p->unit) : 1;
    const int all = p->d.oh * p->d.ow;
    return units * p->unit < all ? units * p->unit : all;
}

static size_t gathered_bytes(const struct conv_plan *p) {
    return (size_t)gathered_pixels(p) * (size_t)p->icb * (size_t)p->k->vl * sizeof(float);
}

enum status direct_plan(struct conv_plan *p) {
    const struct conv_desc *d = &p->d;
    const struct conv_kernels *k = p->k->conv;
    const int vl = p->k->vl, taps = d->kh * d->kw;
    p->algorithm = CONV_DIRECT;
    p->way = CONV_ONLY_DIRECT;
    p->flat = taps == 1 && d->sh == 1 && d->sw == 1 && d->pt == 0 && d->pl == 0 &&
              d->oh == d->ih && d->ow == d->iw && d->src == CONV_BLOCKED;
    p->gathered = k->gather && taps == 1 && d->sh * d->sw > 1 && d->pt == 0 && d->pl == 0 &&
                  (d->oh - 1) * d->sh < d->ih && (d->ow - 1) * d->sw < d->iw && d->groups == 1 &&
                  d->src == CONV_BLOCKED && (int64_t)d->ic * d->oc * 4 >= LEAST_GATHERED;
    p->flat |= p->gathered;
    p->merged = d->src == CONV_PLANAR && d->groups == 1 && d->dw == 1;
    p->pixel_step = d->src == CONV_PLANAR ? d->sw * d->ic : p->flat ? vl : d->sw * vl;
    const int length = p->flat ? d->oh * d->ow : d->ow;
    const int chunked = k->chunk_bytes && taps > 1 && d->src == CONV_BLOCKED &&
                        d->dst == CONV_BLOCKED && d->ic / d->groups >= LEAST_CHUNKED;

    double least = 0;
    int span = 0;
    const int wanted = d->only == CONV_ONLY_DIRECT ? d->group : 0;
    CHECK(wanted <= k->max_ocv && wanted <= p->ocb, STATUS_ARGUMENT,
          "convolution: no groups of %d blocks of output channels", wanted);
    for (int ocv = 1; ocv <= k->max_ocv && ocv <= p->ocb; ocv++) {
        if (wanted && ocv != wanted) continue;
        /* The least chunk of weights should stay in L1. */
        if (!wanted && chunked && ocv > 2 &&
            vl * taps * ocv * vl * (int)sizeof(float) > k->chunk_bytes)
            break;
        const int groups = (p->ocb + ocv - 1) / ocv, last = group_blocks(p, groups - 1, ocv);
        const struct conv_cuts *cuts[2] = {conv_cuts_for(p, ocv, 1), conv_cuts_for(p, last, 1)};
        if (!cuts[0]) break;
        const double full = conv_cut(cuts[0], length, 0, NULL, NULL);
        const double rest = conv_cut(cuts[1], length, 0, NULL, NULL);
        double total = 0;
        int most = 0;
        for (int g = 0; g < groups; g++) {
            int blocks = group_blocks(p, g, ocv);
            struct channels r = reach(p, g * ocv, blocks);
            total += (blocks == ocv ? full : rest) * (r.end - r.first);
            if (r.end - r.first > most) most = r.end - r.first;
        }
        if (least == 0 || total < least) {
            least = total;
            p->ocv = ocv;
            p->n_groups = groups;
            span = most;
            memcpy(p->cuts, cuts, sizeof cuts);
        }
    }
    CHECK(p->ocv > 0, STATUS_INTERNAL, "convolution: no register tile for distance %d",
          p->pixel_step);

    size_t floats, bytes;
    CHECK(size_mul((size_t)span * (size_t)taps, (size_t)p->ocv * (size_t)vl, &p->group_floats) &&
              size_mul(p->group_floats / (size_t)p->ocv, (size_t)p->ocb, &floats) &&
              size_add(floats, (size_t)p->ocb * (size_t)vl, &floats) &&
              size_mul(floats, sizeof(float), &bytes),
          STATUS_LIMIT, "convolution: packed weights exceed the address space");
    p->packed_bytes = bytes;

    double vectors = (double)p->ocb * d->oh * d->ow * d->n;
    double cycles = least * (p->flat ? taps : (double)rows_of_taps(d) * d->kw) * d->n;
    p->cost_us =
        cycles / conv_fma_per_us(p->k) + vectors * (d->act >= ACT_SIGMOID ? 9 : 1.5) / 3600;
    double weights = (double)bytes, input = 4.0 * p->icb * vl * d->ih * d->iw;
    struct conv_run runs[64];
    int n_runs = 0;
    conv_cut(p->cuts[0], length < 100000 ? length : 100000, 0, runs, &n_runs);
    int widest = 0;
    for (int i = 0; i < n_runs; i++)
        if (runs[i].count * runs[i].kernel->px > runs[widest].count * runs[widest].kernel->px)
            widest = i;
    const int px = runs[widest].kernel->px;
    p->unit = px;
    /* With groups of channels apart, each would make all rows of the source. */
    conv_split(p, p->flat ? (length + px - 1) / px : d->oh, d->made ? 1 : p->n_groups, weights,
               input);
    p->rows_outer = !p->flat && input / p->bands > 256e3 && weights <= 256e3;
    /* Sums of some channels wait in the destination for those of the next. */
    const size_t chunk = (size_t)k->chunk_bytes;
    const size_t piece = (size_t)(vl * taps) * (size_t)(p->ocv * vl) * sizeof(float);
    if (chunked && !p->rows_outer && p->group_floats * sizeof(float) > chunk)
        p->chunk = piece < chunk ? (int)(chunk / piece) : 1;
    if (p->chunk) { /* what is added to must be added to once */
        p->cuts[0] = conv_cuts_for(p, p->ocv, 0);
        p->cuts[1] = conv_cuts_for(p, group_blocks(p, p->n_groups - 1, p->ocv), 0);
    }
    p->fetch_input = k->fetch_input && p->flat && !p->gathered && input > FETCHED_INPUT;
    p->fetch_weights = p->chunk && bytes > FETCHED_WEIGHTS;
    p->scratch_bytes = runs_bytes(p) + pieces_bytes(p);
    if (p->gathered) p->scratch_bytes += gathered_bytes(p);
    if (d->src == CONV_PLANAR)
        p->scratch_bytes +=
            copy_bytes(d) + (d->made ? (size_t)d->ic * (size_t)d->iw * sizeof(float) : 0);
    snprintf(p->name, sizeof p->name, "%s%dx%d%s%d %dx%d%s", d->groups > 1 ? "g" : "", d->kh, d->kw,
             d->src == CONV_PLANAR ? "p" : "s", d->sw, p->ocv, px, p->rows_outer ? " row" : "");
    return STATUS_OK;
}

/* Without a call for a vector. */
static inline void copy_lanes(float *to, const float *from, int vl) {
    if (vl == 16) memcpy(to, from, 64);
    else if (vl == 8) memcpy(to, from, 32);
    else memcpy(to, from, 16);
}

/* A group's weights when every lane reads all input channels: whole vectors of output channels,
 * read along the rows of `weights`. */
void direct_pack_group(const struct conv_plan *p, const float *weights, int group,
                       float *packed) {
    enum { RUN = 64 };
    const struct conv_desc *d = &p->d;
    const int vl = p->k->vl, taps = d->kh * d->kw, blocks = group_blocks(p, group, p->ocv);
    const int most = d->src == CONV_PLANAR ? d->ic : vl; /* channels of a block */
    const int64_t length = (int64_t)d->ic * taps;
    int first = 0, width = d->ic < most ? d->ic : most, c = 0, t = 0;
    for (int64_t at = 0; at < length; at += RUN) {
        const int n = length - at < RUN ? (int)(length - at) : RUN;
        int64_t to[RUN]; /* the weights' places in the group, in vectors */
        for (int i = 0; i < n; i++) {
            to[i] = ((int64_t)first * taps + (int64_t)t * width + c) * blocks;
            if (++t < taps) continue;
            t = 0;
            if (++c < width) continue;
            c = 0;
            first += width;
            width = d->ic - first < most ? d->ic - first : most;
        }
        for (int o = 0; o < blocks; o++) {
            float run[RUN * 16];
            const int block = group * p->ocv + o, rest = d->oc - block * vl;
            p->k->move->nchw_to_block(weights + (int64_t)block * vl * length + at, length,
                                      rest < vl ? rest : vl, run, (size_t)n);
            for (int i = 0; i < n; i++) {
                float *w = packed + (to[i] + o) * vl;
                copy_lanes(w, run + i * vl, vl);
            }
        }
    }
}

/* The same when lanes read channels of their own, in a range that others share. */
static void pack_grouped(const struct conv_plan *p, const float *weights, int group, float *w) {
    const struct conv_desc *d = &p->d;
    const int vl = p->k->vl, taps = d->kh * d->kw, blocks = group_blocks(p, group, p->ocv);
    const int icg = d->ic / d->groups, ocg = d->oc / d->groups, lanes = blocks * vl;
    const struct channels r = reach(p, group * p->ocv, blocks);
    struct {
        const float *weights; /* of its output channel; NULL: a padding lane */
        int first;            /* input channel of its group */
    } row[MOST_LANES];
    for (int l = 0; l < lanes; l++) {
        const int oc = group * p->ocv * vl + l, there = oc < d->oc;
        row[l].weights = there ? weights + (size_t)oc * (size_t)icg * (size_t)taps : NULL;
        row[l].first = there ? oc / ocg * icg : 0;
    }
    for (int c0 = r.first; c0 < r.end;) {
        /* To the end of the block; interleaved input is a single block. */
        int c1 = d->src == CONV_PLANAR ? r.end : (c0 / vl + 1) * vl;
        if (c1 > r.end) c1 = r.end;
        for (int t = 0; t < taps; t++)
            for (int c = c0; c < c1; c++)
                for (int l = 0; l < lanes; l++) {
                    const int in_group = c - row[l].first;
                    *w++ = row[l].weights && in_group >= 0 && in_group < icg
                               ? row[l].weights[(size_t)in_group * (size_t)taps + (size_t)t]
                               : 0;
                }
        c0 = c1;
    }
}

void direct_pack(const struct conv_plan *p, const float *weights, const float *bias,
                 float *packed) {
    const struct conv_desc *d = &p->d;
    const int channels = p->ocb * p->k->vl;
    for (int o = 0; o < channels; o++) packed[o] = bias && o < d->oc ? bias[o] : 0;
    for (int g = 0; g < p->n_groups; g++) {
        float *w = packed + channels + (size_t)g * p->group_floats;
        if (d->groups == 1) direct_pack_group(p, weights, g, w);
        else pack_grouped(p, weights, g, w);
    }
}

/* What one call of direct_run works with. */
struct job {
    const struct conv_plan *p;
    const struct conv_args *a;
    const float *packed;
    struct conv_run *runs[2]; /* for full groups, and for the last when it is smaller */
    int n_runs[2];
    struct conv_piece *pieces; /* of the channels `read` */
    int n_pieces;
    struct channels read;
    int image;
    float *copy;    /* planar input, interleaved, or gathered input */
    float *row;     /* with a maker: a row of it, planar */
    int copy_y;     /* input row of the copy's first row */
    int n_gathered; /* outputs that the copy has inputs for */
    int chunk, n_chunks; /* which of how many parts of the pieces */
    int first;           /* the group is the first to read the inputs */
    const char *ahead;   /* weights to fetch next, `step` bytes with each register tile */
    int64_t step;
};

/* The channels r of the image, or all of its scattered ones. */
static void find_pieces(struct job *j, struct channels r) {
    const int vl = j->p->k->vl;
    const struct conv_args *a = j->a;
    if (r.first == j->read.first && r.end == j->read.end) return;
    j->read = r;
    j->n_pieces = 0;
    if (j->p->d.n_pieces) {
        for (; j->n_pieces < j->p->d.n_pieces; j->n_pieces++) {
            const struct conv_source *s = &a->sources[j->n_pieces];
            j->pieces[j->n_pieces] =
                (struct conv_piece){s->src + j->image * s->batch, s->channels};
        }
        return;
    }
    const int first = r.first / vl;
    const int64_t step = j->p->gathered ? (int64_t)j->n_gathered * vl : a->src_channel;
    const float *block = j->p->gathered ? j->copy : a->src + j->image * a->src_batch;
    block += first * step;
    for (int c = first * vl; c < r.end; c += vl, block += step) {
        const int lane = c < r.first ? r.first - c : 0, end = r.end - c < vl ? r.end - c : vl;
        j->pieces[j->n_pieces++] = (struct conv_piece){block + lane, end - lane};
    }
}

static void run_row(struct job *j, int group, int y, int x_base) {
    const struct conv_plan *p = j->p;
    const struct conv_desc *d = &p->d;
    const int vl = p->k->vl, blocks = group_blocks(p, group, p->ocv);
    const struct channels r = reach(p, group * p->ocv, blocks);
    const int rest = blocks != p->ocv;
    const int planar = d->src == CONV_PLANAR;
    struct conv_tile t;
    t.weights = j->packed + (size_t)p->ocb * (size_t)vl + (size_t)group * p->group_floats;
    t.bias = j->packed + (size_t)group * (size_t)(p->ocv * vl);
    t.kw = p->merged ? 1 : d->kw;
    t.taps = t.kw * d->kh;
    int ky0, iy = y * d->sh - d->pt;
    t.nky = p->flat ? 1 : valid_taps(iy, d->ih, d->kh, d->dh, &ky0);
    if (p->flat || !t.nky) ky0 = 0;
    t.ky0 = ky0;
    int64_t at, step;
    if (planar) {
        int width = padded_width(d);
        const struct channels all = {0, d->kw * d->ic};
        const struct channels q = p->merged ? all : r;
        j->pieces[0] = (struct conv_piece){j->copy + q.first, q.end - q.first};
        j->n_pieces = 1;
        t.src_row = (int64_t)d->dh * width * d->ic;
        t.src_tap = (int64_t)d->dw * d->ic;
        at = (int64_t)(iy + ky0 * d->dh - j->copy_y) * width * d->ic;
        step = (int64_t)d->sw * d->ic;
    } else {
        find_pieces(j, r);
        t.src_row = (int64_t)d->dh * d->iw * vl;
        t.src_tap = (int64_t)d->dw * vl;
        at = p->gathered ? 0
             : p->flat   ? (int64_t)x_base * vl
                         : ((int64_t)(iy + ky0 * d->dh) * d->iw - d->pl) * vl;
        step = p->flat ? vl : (int64_t)d->sw * vl;
    }
    const int p0 = (int)((int64_t)j->n_pieces * j->chunk / j->n_chunks);
    const int p1 = (int)((int64_t)j->n_pieces * (j->chunk + 1) / j->n_chunks);
    for (int i = 0; i < p0; i++)
        t.weights += (int64_t)j->pieces[i].n * t.taps * blocks * vl;
    t.pieces = j->pieces + p0;
    t.n_pieces = p1 - p0;
    t.resume = j->chunk > 0;
    t.fetch = p->fetch_input && j->first;
    t.src_pixel = step;
    conv_set_output(p, j->a, j->image, group * p->ocv, (int64_t)y * d->ow + x_base, &t);
    if (j->chunk + 1 < j->n_chunks) {
        t.act = ACT_NONE;
        t.residual_mode = CONV_RESIDUAL_NONE;
        t.direct = 1;
    }
    float *dst = t.dst;
    const float *residual = t.residual;
    t.dst_pixel = d->dst == CONV_BLOCKED ? vl : d->dst == CONV_PIXEL ? t.dst_channel : 1;
    t.ahead = j->ahead;
    t.ahead_step = j->step;
    for (int i = 0; i < j->n_runs[rest]; i++) {
        const struct conv_run *q = &j->runs[rest][i];
        t.kx0 = q->kx0;
        t.nkx = q->nkx;
        t.skip_first = q->skip_first;
        t.skip_last = q->skip_last;
        const int64_t first = at + q->kx0 * t.src_tap;
        t.src_at = first + q->x * step;
        t.dst = dst + q->x * t.dst_pixel;
        if (residual) t.residual = residual + (int64_t)q->x * vl;
        t.count = q->count;
        q->kernel->run(&t);
    }
    j->ahead = t.ahead;
}

/* Copies the input rows that output rows [y0, y1) need, interleaved, zero outside. Rows below
 * `kept` are there already from the rows before. */
static void fill_copy(const struct job *j, int y0, int y1, int kept) {
    const struct conv_desc *d = &j->p->d;
    const struct conv_args *a = j->a;
    const int width = padded_width(d), rows = (y1 - 1 - y0) * d->sh + (d->kh - 1) * d->dh + 1;
    int left = d->pl < width ? d->pl : width, inside = width - left;
    if (inside > d->iw) inside = d->iw;
    for (int r = kept; r < rows; r++) {
        int iy = y0 * d->sh - d->pt + r;
        float *row = j->copy + (int64_t)r * width * d->ic;
        if (iy < 0 || iy >= d->ih) continue; /* its taps are left out */
        if (a->make_row) a->make_row(a->maker, iy, j->row, d->iw);
        const float *src = a->make_row
                               ? j->row
                               : a->src + j->image * a->src_batch + (int64_t)iy * d->iw;
        memset(row, 0, (size_t)left * (size_t)d->ic * sizeof(float));
        j->p->k->conv->interleave(src, a->make_row ? d->iw : a->src_channel, d->ic, inside,
                                  row + left * d->ic);
        memset(row + (left + inside) * d->ic, 0,
               (size_t)(width - left - inside) * (size_t)d->ic * sizeof(float));
    }
}

void conv_gather(const struct conv_plan *p, const struct conv_args *a, int image, int x, int n,
                 float *to) {
    const struct conv_desc *d = &p->d;
    const int vl = p->k->vl;
    const float *block = a->src + image * a->src_batch;
    for (int b = 0; b < p->icb; b++, block += a->src_channel)
        for (int i = 0, count; i < n; i += count) { /* of a row */
            const int oy = (x + i) / d->ow, ox = (x + i) % d->ow;
            const float *from = block + ((int64_t)oy * d->sh * d->iw + (int64_t)ox * d->sw) * vl;
            count = d->ow - ox < n - i ? d->ow - ox : n - i;
            for (int q = 0; q < count; q++, to += vl, from += d->sw * vl)
                copy_lanes(to, from, vl);
        }
}

static void cut_rows(struct job *j, int g0, int g1, int length) {
    const struct conv_plan *p = j->p;
    const int last = group_blocks(p, p->n_groups - 1, p->ocv);
    if (g0 < p->n_groups - 1 || last == p->ocv)
        j->n_runs[0] = cut_row(p, 0, length, j->runs[0]);
    if (g1 == p->n_groups && last != p->ocv) j->n_runs[1] = cut_row(p, 1, length, j->runs[1]);
}

/* All rows of a group, for one chunk of the input channels after the other. Meanwhile the weights
 * behind the chunk's are fetched: the next chunk's, or the next group's. */
static void run_group(struct job *j, int g, int y0, int y1, int x_base) {
    const struct conv_plan *p = j->p;
    const int vl = p->k->vl, blocks = group_blocks(p, g, p->ocv), rest = blocks != p->ocv;
    const struct channels r = reach(p, g * p->ocv, blocks);
    const int n = p->d.n_pieces ? p->d.n_pieces : (r.end + vl - 1) / vl - r.first / vl;
    j->n_chunks = p->chunk ? (n + p->chunk - 1) / p->chunk : 1;
    const int64_t bytes = (int64_t)(r.end - r.first) * p->d.kh * p->d.kw * blocks * vl * 4;
    const float *weights = j->packed + (size_t)p->ocb * (size_t)vl + (size_t)g * p->group_floats;
    j->step = 0;
    if (p->fetch_weights) {
        int64_t tiles = 0;
        for (int i = 0; i < j->n_runs[rest]; i++) tiles += j->runs[rest][i].count;
        j->step = (bytes / j->n_chunks / (tiles * (y1 - y0)) + 63) / 64 * 64;
    }
    for (j->chunk = 0; j->chunk < j->n_chunks; j->chunk++) {
        j->ahead = (const char *)weights + bytes * (j->chunk + 1) / j->n_chunks;
        for (int y = y0; y < y1; y++) run_row(j, g, y, x_base);
    }
    j->chunk = 0;
}

void direct_run(const struct conv_plan *p, const float *packed, const struct conv_args *a, int tile,
                void *scratch) {
    const struct conv_desc *d = &p->d;
    struct job j = {.p = p, .a = a, .packed = packed, .n_chunks = 1};
    const int gb = tile % p->group_bands, band = tile / p->group_bands % p->bands;
    j.image = conv_tile_image(p, tile);
    const int g0 = (int)((int64_t)p->n_groups * gb / p->group_bands);
    const int g1 = (int)((int64_t)p->n_groups * (gb + 1) / p->group_bands);
    int length = p->flat ? d->oh * d->ow : d->ow;
    int units = p->flat ? (length + p->unit - 1) / p->unit : d->oh;
    int y0 = (int)((int64_t)units * band / p->bands);
    int y1 = (int)((int64_t)units * (band + 1) / p->bands), x_base = 0;
    if (p->flat) {
        x_base = y0 * p->unit;
        length = (y1 * p->unit < length ? y1 * p->unit : length) - x_base;
        y0 = 0;
        y1 = 1;
    }
    j.runs[0] = scratch;
    j.runs[1] = j.runs[0] + max_runs(p);
    j.pieces = (struct conv_piece *)((char *)scratch + runs_bytes(p));
    if (p->gathered) {
        j.copy = (float *)((char *)scratch + runs_bytes(p) + pieces_bytes(p));
        const int most = gathered_pixels(p);
        for (int n; length > 0; x_base += n, length -= n) {
            n = length < most ? length : most;
            conv_gather(p, a, j.image, x_base, n, j.copy);
            j.n_gathered = n;
            j.read = (struct channels){0, 0};
            cut_rows(&j, g0, g1, n);
            for (int g = g0; g < g1; g++) run_group(&j, g, 0, 1, x_base);
        }
        return;
    }
    cut_rows(&j, g0, g1, length);
    if (d->src == CONV_PLANAR) {
        j.copy = (float *)((char *)scratch + runs_bytes(p) + pieces_bytes(p));
        j.row = (float *)((char *)j.copy + copy_bytes(d));
        const int most = planar_rows(d), reach_rows = (d->kh - 1) * d->dh + 1;
        const int64_t row = (int64_t)padded_width(d) * d->ic;
        int kept = 0;
        for (int y = y0; y < y1; y += most) {
            int end = y + most < y1 ? y + most : y1;
            if (y > y0) { /* what the rows before read past their last step is needed again */
                kept = reach_rows - d->sh;
                if (kept < 0) kept = 0;
                memmove(j.copy, j.copy + (int64_t)most * d->sh * row,
                        (size_t)(kept * row) * sizeof(float));
            }
            fill_copy(&j, y, end, kept);
            j.copy_y = y * d->sh - d->pt;
            for (int g = g0; g < g1; g++)
                for (int yy = y; yy < end; yy++) run_row(&j, g, yy, 0);
        }
    } else if (p->rows_outer) {
        for (int y = y0; y < y1; y++)
            for (int g = g0; g < g1; g++) run_row(&j, g, y, 0);
    } else {
        for (int g = g0; g < g1; g++) {
            j.first = g == g0;
            run_group(&j, g, y0, y1, x_base);
        }
    }
}
