/* SPDX-License-Identifier: Apache-2.0 */
/* The algorithms behind conv.h. A plan comes in with k, d, icb and ocb set. */
#ifndef PK_KERNELS_CONV_ALGORITHMS_H
#define PK_KERNELS_CONV_ALGORITHMS_H

#include "kernels/conv.h"
#include "kernels/conv_tile.h"

/* Consecutive equal tiles of a row. */
struct conv_run {
    const struct conv_tile_kernel *kernel;
    int x, count;
    int kx0, nkx, skip_first, skip_last;
};

/* Register tiles, and how they make rows of up to CUT_EXACT outputs. */
enum { CUT_TILES = 16, CUT_EXACT = 64 };
struct conv_cuts {
    const struct conv_tile_kernel *tile[CUT_TILES];
    int overlap;
    float cost[CUT_TILES];
    int main; /* for what is longer */
    unsigned char last[CUT_EXACT + 1]; /* tile of a row without overlap */
    /* Of any row: how much of it is made so, and by what the rest, with overlap. */
    unsigned char exact[CUT_EXACT + 1], tail[CUT_EXACT + 1];
};

/* The best cuts for this many blocks of output channels and p->pixel_step; NULL if there are no
 * such tiles. With `overlap` the last tile may compute outputs of the one before it, too. */
const struct conv_cuts *conv_cuts_for(const struct conv_plan *p, int ocv, int overlap);
/* Cuts `length` outputs, from x on. Returns the cost in FMA instructions per channel and tap and,
 * if runs is not NULL, appends to it. */
float conv_cut(const struct conv_cuts *c, int length, int x, struct conv_run *runs, int *n_runs);

enum status direct_plan(struct conv_plan *p);
void direct_pack(const struct conv_plan *p, const float *weights, const float *bias, float *packed);
void direct_run(const struct conv_plan *p, const float *packed, const struct conv_args *a, int tile,
                void *scratch);

/* 1x1: copies what outputs [x, x + n) of the joined rows read to [block][output][vl]. */
void conv_gather(const struct conv_plan *p, const struct conv_args *a, int image, int x, int n,
                 float *to);
/* A group's weights, to [ic][blocks][vl]: for 1x1. */
void direct_pack_group(const struct conv_plan *p, const float *weights, int group, float *packed);

/* 1 when it suits and should take less than limit_us; else p is not a plan. */
int pairs_plan(struct conv_plan *p, double limit_us);
void pairs_pack(const struct conv_plan *p, const float *weights, const float *bias, float *packed);
void pairs_run(const struct conv_plan *p, const float *packed, const struct conv_args *a, int tile,
               void *scratch);

enum status depthwise_plan(struct conv_plan *p);
void depthwise_pack(const struct conv_plan *p, const float *weights, const float *bias,
                    float *packed);
void depthwise_run(const struct conv_plan *p, const float *packed, const struct conv_args *a,
                   int tile, void *scratch);

/* 1 when the layer suits and should take clearly less than limit_us; else p is not a plan. */
int winograd_plan(struct conv_plan *p, double limit_us);
/* The same in a given enum winograd_form, however long it takes; 0 when it does not suit. */
int winograd_lay_out(struct conv_plan *p, int form);
void winograd_pack(const struct conv_plan *p, const float *weights, const float *bias,
                   float *packed);
void winograd_run(const struct conv_plan *p, const float *packed, const struct conv_args *a,
                  int tile, void *scratch);

/* Fills the output half of a tile for output `pixel` (y * ow + x) of block `first_block`. */
void conv_set_output(const struct conv_plan *p, const struct conv_args *a, int image,
                     int first_block, int64_t pixel, struct conv_tile *t);
/* Chooses bands over `units` (rows) and group_bands over `groups` for cost_us, and n_tiles[0]. */
void conv_split(struct conv_plan *p, int units, int groups, double weight_bytes,
                double input_bytes);

#endif
