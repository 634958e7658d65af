/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Convolution: plan once, pack the weights once, run tile by tile.
 *
 *     struct conv_plan plan;
 *     TRY(conv_plan_init(k, &desc, &plan));
 *     conv_pack(&plan, weights, bias, packed);               // plan.packed_bytes, 64-byte aligned
 *     for each step, for each tile: conv_run(&plan, packed, &args, step, tile, scratch);
 *
 * The number of tiles depends on the problem only, never on the number of threads; tiles of one
 * step write disjoint parts of the destination and may run at the same time, each with its own
 * scratch (plan.scratch_bytes, 64-byte aligned, contents undefined before and after). Steps run
 * one after another; step s+1 begins when all tiles of step s are done (most algorithms have one).
 *
 * With groups == ic == oc a convolution is depthwise. Any other grouping works; channels per group
 * that are multiples of the vector length work best.
 */
#ifndef PK_KERNELS_CONV_H
#define PK_KERNELS_CONV_H

#include <stddef.h>
#include <stdint.h>

#include "base/status.h"
#include "kernels/activation.h"
#include "kernels/kernels.h"

enum conv_layout {
    CONV_BLOCKED, /* [N][C/vl][H][W][vl] */
    CONV_PLANAR,  /* [N][C][H][W]; as a source for first layers with few channels */
    CONV_PIXEL    /* destination only: [N][H*W][stride], a pixel's channels side by side */
};

enum conv_residual {
    CONV_RESIDUAL_NONE,
    CONV_RESIDUAL_BEFORE, /* act(conv + residual) */
    CONV_RESIDUAL_AFTER   /* act(conv) + residual */
};

enum conv_only {
    CONV_FASTEST,
    CONV_ONLY_DIRECT, /* no other, whose results differ by some 1e-6 to 1e-5 of their range */
    CONV_ONLY_PAIRS = 7 /* pairs.h, for 1x1 where there are kernels */
};

/* When Winograd's weights are transformed: packed they take up to seven times the memory of those
 * that each run transforms. */
enum conv_transform {
    CONV_TRANSFORM_BEST, /* by the cost model */
    CONV_TRANSFORM_AT_LOAD,
    CONV_TRANSFORM_AT_RUN /* where the form can */
};

/* How Winograd's products are computed (pairs.h); those of F(5,3) and F(6,3) with weights
 * transformed in the run are always plain. */
enum conv_products {
    CONV_PRODUCTS_BEST, /* by the processor and the cost model */
    CONV_PRODUCTS_PLAIN,
    CONV_PRODUCTS_PAIRS /* where there are kernels */
};

struct conv_desc {
    int n, ic, ih, iw, oc, oh, ow;
    int kh, kw, sh, sw, dh, dw;
    int pt, pl; /* padding at the bottom and right follows from oh and ow */
    int groups;
    enum activation act;
    float alpha, beta;
    enum conv_residual residual; /* a blocked tensor of the destination's size */
    enum conv_layout src, dst;
    int n_pieces; /* 1x1 with stride 1 and without groups, BLOCKED: its input channels are scattered
                     over so many pieces; 0: the source is one tensor */
    int made; /* PLANAR: rows come from conv_args.make_row. What is read more than once is made more
                 than once only where bands of rows meet */
    int only; /* enum conv_only, or m < 7: Winograd with m x m outputs a tile wherever it has a
                 form */
    /* With `only`, how that algorithm is cut; 0: by its cost model. */
    int group; /* blocks of output channels side by side in registers */
    int block; /* Winograd: tiles transformed together, at most CONV_MOST_BLOCK */
    enum conv_transform transform;
    enum conv_products products;
};
enum { CONV_MOST_BLOCK = 50, CONV_MOST_WAY = 7 };

/* Input channels that lie side by side in one block: of image 0, from its first pixel on. */
struct conv_source {
    const float *src;
    int64_t batch; /* floats from one image to the next */
    int channels;
};

/* Strides in floats. Inside a channel block (or channel) rows and columns are contiguous. */
struct conv_args {
    const struct conv_source *sources; /* d.n_pieces of them, in the order of the weights' channels,
                                          and src is not read */
    const float *src;
    /* With d.made: row y of the tile's image to dst, `plane` floats from channel to channel. A tile
     * asks for each row once, in order, and src is not read. NULL: rows are read from src. */
    void (*make_row)(void *maker, int y, float *dst, int64_t plane);
    void *maker;
    int64_t src_batch;   /* from one image to the next */
    int64_t src_channel; /* BLOCKED: from block to block; PLANAR: from channel to channel */
    float *dst;
    int64_t dst_batch;
    int64_t dst_channel;   /* BLOCKED: block to block; PLANAR: channel to channel; PIXEL: pixel
                              to pixel */
    const float *residual; /* must not overlap dst: tiles may compute a pixel twice */
    int64_t residual_batch;
    int64_t residual_channel; /* block to block */
};

enum conv_algorithm { CONV_DIRECT, CONV_DEPTHWISE, CONV_WINOGRAD, CONV_PAIRS };

struct conv_plan {
    const struct kernels *k;
    struct conv_desc d;
    enum conv_algorithm algorithm;
    size_t packed_bytes, scratch_bytes;
    int n_steps;    /* 1, or more when the algorithm needs a barrier in between */
    int n_tiles[2]; /* per step */
    double cost_us; /* estimated time of one run on one core */
    int way;        /* conv_desc.only for this algorithm; 0 if there is no choice (depthwise) */
    char name[48];  /* for listings: "1x1 2x14", "3x3s2 4x4", "dw3x3 2x4" */

    /* Private to the algorithms. */
    int icb, ocb;             /* blocks of channels */
    int ocv;                  /* conv_desc.group; the last group may have fewer */
    int n_groups;             /* groups of ocv blocks */
    const struct conv_cuts *cuts[2]; /* direct, pairs: of full groups; of the last group */
    size_t group_floats;      /* packed weights of a group */
    int flat;                 /* 1x1: all rows joined into one of oh*ow outputs */
    int gathered;             /* flat, with a stride; pairs: also in pieces. From a copy of the
                                 inputs that it meets */
    int pixels;               /* pairs: that come together */
    int unit;                 /* flat: bands are multiples of so many outputs; Winograd:
                                 conv_desc.block */
    int pixel_step;           /* floats between the inputs of neighbouring outputs */
    int chunk;                /* direct: blocks (or pieces) of input channels that all outputs of a
                                 tile meet before the next; 0: all at once */
    int fetch_input;          /* direct: ahead of their use */
    int fetch_weights;
    int merged;               /* planar source: kx and c are one run */
    int rows_outer;           /* all channel groups for a row before the next row */
    int bands, group_bands;   /* tiles = n * bands * group_bands; of a batch joined by Winograd,
                                 bands * group_bands */
    int tile_rows, tile_cols; /* depthwise: register tile */
    int wino_form;            /* Winograd: enum winograd_form */
    int wino_ic;              /* Winograd: channels of its input, 4 ic for cells of 2x2 pixels */
    int wino_pairs;           /* Winograd: its products are those of pairs */
    int wino_late;            /* Winograd: blocks of input channels whose weights a run transforms
                                 together; 0: all are at load */
};

/* Chooses an algorithm and its tiling. Fails (STATUS_ARGUMENT, STATUS_LIMIT) only on descriptions
 * that make no sense or overflow, or that ask for a cut that does not exist. Where there is no
 * Winograd form or cut as asked for it is direct: `way` tells. */
enum status conv_plan_init(const struct kernels *k, const struct conv_desc *d,
                           struct conv_plan *out);
/* weights: [oc][ic/groups][kh][kw]; bias: [oc] or NULL. */
void conv_pack(const struct conv_plan *p, const float *weights, const float *bias, void *packed);
void conv_run(const struct conv_plan *p, const void *packed, const struct conv_args *a, int step,
              int tile, void *scratch);
/* The image a tile writes to, and reads; of Winograd's, unless d.made, the first of them. */
static inline int conv_tile_image(const struct conv_plan *p, int tile) {
    return tile / (p->bands * p->group_bands);
}

#endif
