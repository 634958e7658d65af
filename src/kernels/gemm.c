/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Matrix product: cuts C into bands of rows and panels of columns.
 *
 * A panel of B, [k][nv * vl], is one forward stream that every band of rows reads again; it is made
 * once for a constant B and per tile otherwise. With few rows packing costs as much as the product,
 * so B is then read where it lies.
 */
#include "kernels/gemm.h"

#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "kernels/conv_tile.h"

static int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }

enum status gemm_plan_init(const struct kernels *k, const struct gemm_desc *d,
                           struct gemm_plan *out) {
    CHECK(d->m >= 0 && d->n >= 0 && d->k >= 0, STATUS_ARGUMENT,
          "matrix product: negative size %lld x %lld x %lld", (long long)d->m, (long long)d->n,
          (long long)d->k);
    CHECK(d->lda >= (d->trans_a ? d->m : d->k) && d->ldb >= (d->trans_b ? d->k : d->n) &&
              d->ldc >= d->n,
          STATUS_ARGUMENT, "matrix product: a row length is shorter than the row");
    CHECK(d->bias_column == 0 || d->bias_column == 1, STATUS_ARGUMENT,
          "matrix product: bias columns must be adjacent or broadcast");
    memset(out, 0, sizeof *out);
    out->k = k;
    out->d = *d;
    const struct gemm_kernels *g = k->gemm;
    out->nv = 1;
    for (int nv = 2; nv <= GEMM_VECTORS; nv++)
        if (g->rows[nv] && d->n > (int64_t)(nv - 1) * k->vl) out->nv = nv;
    const int64_t width = (int64_t)out->nv * k->vl;
    out->panels = (d->n + width - 1) / width;
    int64_t panel_floats, floats, bytes;
    CHECK(i64_mul(d->k, width, &panel_floats) && i64_mul(panel_floats, out->panels, &floats) &&
              i64_mul(floats, (int64_t)sizeof(float), &bytes) && d->m < INT32_MAX,
          STATUS_LIMIT, "matrix product: %lld x %lld x %lld is too large", (long long)d->m,
          (long long)d->n, (long long)d->k);
    out->direct = !d->b_constant && !d->trans_b && d->m <= 2 * g->rows[out->nv];
    out->packed_bytes = d->b_constant ? (size_t)bytes : 0;
    out->scratch_bytes = d->b_constant ? 0 : (size_t)panel_floats * sizeof(float);

    const int rows = g->rows[out->nv];
    double fmas = (double)d->m * (double)(out->panels * out->nv) * (double)d->k;
    double stream = (double)out->panels * (double)width * (double)d->k * 4 / 60e3;
    out->cost_us = fmas / conv_fma_per_us(k) * 1.1;
    if (out->cost_us < stream) out->cost_us = stream;
    /* Panels first: they split B, by which few rows are bound, and which a run-time B packs. */
    int64_t want = (int64_t)(out->cost_us / 20), row_blocks = (d->m + rows - 1) / rows;
    want = want < 1 ? 1 : want > 32 ? 32 : want;
    int64_t n_bands = least(want, out->panels);
    if (n_bands < 1) n_bands = 1;
    int64_t m_bands = least((want + n_bands - 1) / n_bands, row_blocks);
    out->n_bands = (int)n_bands;
    out->m_bands = (int)(m_bands < 1 ? 1 : m_bands);
    out->n_tiles = d->m && d->n ? out->n_bands * out->m_bands : 0;
    snprintf(out->name, sizeof out->name, "gemm %dx%d%s", out->nv, rows,
             d->b_constant ? "" : out->direct ? " direct" : " pack");
    return STATUS_OK;
}

static void pack_panel(const struct gemm_plan *p, const float *b, int64_t panel, float *packed) {
    const struct gemm_desc *d = &p->d;
    const int64_t width = (int64_t)p->nv * p->k->vl, first = panel * width;
    const int64_t n = least(width, d->n - first);
    if (!d->trans_b) {
        for (int64_t k = 0; k < d->k; k++, packed += width) {
            memcpy(packed, b + k * d->ldb + first, (size_t)n * sizeof(float));
            if (n < width) memset(packed + n, 0, (size_t)(width - n) * sizeof(float));
        }
        return;
    }
    /* Sixteen steps of k at a time: a cache line of each row of B^T is read at once. */
    if (n < width) memset(packed, 0, (size_t)(width * d->k) * sizeof(float));
    for (int64_t k0 = 0; k0 < d->k; k0 += 16) {
        int64_t k1 = least(k0 + 16, d->k);
        for (int64_t j = 0; j < n; j++) {
            const float *row = b + (first + j) * d->ldb;
            for (int64_t k = k0; k < k1; k++) packed[k * width + j] = row[k];
        }
    }
}

void gemm_pack(const struct gemm_plan *p, const float *b, float *packed) {
    const int64_t panel_floats = p->d.k * p->nv * p->k->vl;
    for (int64_t i = 0; i < p->panels; i++) pack_panel(p, b, i, packed + i * panel_floats);
}

void gemm_run(const struct gemm_plan *p, const float *packed, const struct gemm_args *a, int tile,
              void *scratch) {
    const struct gemm_desc *d = &p->d;
    const struct gemm_kernels *g = p->k->gemm;
    const int64_t width = (int64_t)p->nv * p->k->vl, panel_floats = d->k * width;
    const int nb = tile % p->n_bands, mb = tile / p->n_bands;
    const int64_t p0 = p->panels * nb / p->n_bands, p1 = p->panels * (nb + 1) / p->n_bands;
    const int64_t m0 = d->m * mb / p->m_bands, m1 = d->m * (mb + 1) / p->m_bands;
    struct gemm_tile t = {
        .a_row = d->trans_a ? 1 : d->lda, .a_step = d->trans_a ? d->lda : 1, .k = d->k,
        .ldc = d->ldc, .alpha = d->alpha, .beta = d->beta, .bias_row = d->bias_row,
        .bias_column = d->bias_column, .act = d->act, .act_alpha = d->act_alpha,
        .act_beta = d->act_beta,
    };
    const int rows = g->rows[p->nv];
    const int64_t m = m1 - m0, blocks = (m + rows - 1) / rows;
    for (int64_t panel = p0; panel < p1; panel++) {
        const int64_t column = panel * width;
        t.columns = (int)least(width, d->n - column);
        t.b_step = width;
        if (packed) {
            t.b = packed + panel * panel_floats;
        } else if (p->direct && t.columns == width) {
            t.b = a->b + column;
            t.b_step = d->ldb;
        } else {
            pack_panel(p, a->b, panel, scratch);
            t.b = scratch;
        }
        for (int64_t i = 0; i < blocks; i++) { /* nearly equal blocks, no short last one */
            const int64_t r0 = m0 + m * i / blocks, r1 = m0 + m * (i + 1) / blocks;
            t.a = a->a + r0 * t.a_row;
            t.c = a->c + r0 * d->ldc + column;
            t.bias = d->has_bias ? a->bias + r0 * d->bias_row + column * d->bias_column : NULL;
            g->tile[p->nv][r1 - r0](&t);
        }
    }
}
