/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Matrix product: C = act(alpha op(A) op(B) + beta bias), row-major floats.
 *
 * op(A) is M x K and op(B) is K x N; op is the transpose where trans_a or trans_b says so, and lda,
 * ldb are the row lengths of the matrices as they lie in memory. Batches are the caller's loop.
 *
 *     TRY(gemm_plan_init(k, &desc, &plan));
 *     gemm_pack(&plan, b, packed);             // once, when B is constant (plan.packed_bytes)
 *     for each tile: gemm_run(&plan, packed, &args, tile, scratch);
 *
 * With packed NULL, B is read from args.b and packed into scratch as the tiles need it. Tiles write
 * disjoint parts of C; their number does not depend on the number of threads.
 */
#ifndef PK_KERNELS_GEMM_H
#define PK_KERNELS_GEMM_H

#include <stddef.h>
#include <stdint.h>

#include "base/status.h"
#include "kernels/activation.h"
#include "kernels/kernels.h"

struct gemm_desc {
    int64_t m, n, k; /* k may be 0: then C is act(beta bias) */
    int trans_a, trans_b;
    int64_t lda, ldb, ldc;
    float alpha, beta;
    /* bias[row * bias_row + column * bias_column]; a step of 0 broadcasts. */
    int has_bias;
    int64_t bias_row, bias_column; /* bias_column is 0 or 1 */
    enum activation act;
    float act_alpha, act_beta;
    int b_constant;
};

struct gemm_args {
    const float *a, *b; /* b is not read when B was packed */
    const float *bias;
    float *c;
};

struct gemm_plan {
    const struct kernels *k;
    struct gemm_desc d;
    size_t packed_bytes;  /* when b_constant */
    size_t scratch_bytes; /* per worker, 64-byte aligned */
    int n_tiles;
    double cost_us;
    char name[32];

    int nv;               /* vectors of columns in a panel */
    int64_t panels;       /* of nv * vl columns; the last may be partial */
    int m_bands, n_bands; /* tiles = m_bands * n_bands */
    int direct;           /* read B in place: it has rows of N and is used too little to pack */
};

enum status gemm_plan_init(const struct kernels *k, const struct gemm_desc *d,
                           struct gemm_plan *out);
void gemm_pack(const struct gemm_plan *p, const float *b, float *packed);
void gemm_run(const struct gemm_plan *p, const float *packed, const struct gemm_args *a, int tile,
              void *scratch);

/* One register tile; between gemm.c and gemm.isa.c. */
struct gemm_tile {
    const float *a;
    int64_t a_row, a_step; /* from row to row, and from k to k */
    const float *b;
    int64_t b_step; /* from k to k */
    int64_t k;
    float *c;
    int64_t ldc;
    int columns; /* that exist of nv * vl */
    float alpha, beta;
    const float *bias;
    int64_t bias_row, bias_column;
    enum activation act;
    float act_alpha, act_beta;
};

enum { GEMM_ROWS = 8, GEMM_VECTORS = 4 };

struct gemm_kernels {
    int rows[GEMM_VECTORS + 1]; /* most rows of a tile of so many vectors; 0: no such tile */
    void (*tile[GEMM_VECTORS + 1][GEMM_ROWS + 1])(const struct gemm_tile *t);
};

#endif
