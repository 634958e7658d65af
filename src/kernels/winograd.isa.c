/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The transforms of Winograd convolution, on a vector of channels at a time.
 *
 * With points in pairs +-a, rows of B^T come in pairs e +- a o, of the even and the odd inputs, and
 * columns of A^T work on sums and differences: half the arithmetic of the plain matrices.
 */
#include "kernels/winograd.h"

#include <string.h>

#include "kernels/conv_finish.h"
#include "kernels/products.h"
#include "kernels/transpose.h"

#define R1 0.707106781f /* the points of m = 4: their squares are 1/2 and 2 */
#define R2 1.414213562f

/* t = B^T d: the transform that belongs to a form's points, of values `gap` apart. */
INLINE void points_in(enum winograd_form form, const vf *d, int gap, vf *t) {
#define D(i) d[(i) * gap]
    if (form == WINOGRAD_s1_m4 || form == WINOGRAD_s2_m5) {
        vf e1 = D(4) - 2.0f * D(2), o1 = D(3) - 2.0f * D(1);
        vf e2 = D(4) - 0.5f * D(2), o2 = D(3) - 0.5f * D(1);
        t[0] = D(4) - 2.5f * D(2) + D(0);
        t[1] = e1 + R1 * o1;
        t[2] = e1 - R1 * o1;
        t[3] = e2 + R2 * o2;
        t[4] = e2 - R2 * o2;
        t[5] = D(5) - 2.5f * D(3) + D(1);
    } else if (form == WINOGRAD_s1_m5 || form == WINOGRAD_s1_m4_4) {
        /* the factor x - 1/2 first, then 0, +-1, +-2 */
        vf c[6];
        UNROLL_FULL
        for (int i = 0; i < 6; i++) c[i] = D(i + 1) - 0.5f * D(i);
        vf e1 = c[4] - 4.0f * c[2], o1 = c[3] - 4.0f * c[1];
        vf e2 = c[4] - c[2], o2 = c[3] - c[1];
        t[0] = c[4] - 5.0f * c[2] + 4.0f * c[0];
        t[1] = e1 + o1;
        t[2] = e1 - o1;
        t[3] = e2 + 2.0f * o2;
        t[4] = e2 - 2.0f * o2;
        t[5] = D(5) - 5.0f * D(3) + 4.0f * D(1);
        t[6] = c[5] - 5.0f * c[3] + 4.0f * c[1];
    } else if (form == WINOGRAD_s1_m6) {
        vf e1 = D(6) - 4.25f * D(4) + D(2), o1 = D(5) - 4.25f * D(3) + D(1);
        vf e2 = D(6) - 1.25f * D(4) + 0.25f * D(2), o2 = D(5) - 1.25f * D(3) + 0.25f * D(1);
        vf e3 = D(6) - 5.0f * D(4) + 4.0f * D(2), o3 = D(5) - 5.0f * D(3) + 4.0f * D(1);
        t[0] = (D(6) - D(0)) + 5.25f * (D(2) - D(4));
        t[1] = e1 + o1;
        t[2] = e1 - o1;
        t[3] = e2 + 2.0f * o2;
        t[4] = e2 - 2.0f * o2;
        t[5] = e3 + 0.5f * o3;
        t[6] = e3 - 0.5f * o3;
        t[7] = (D(7) - D(1)) + 5.25f * (D(3) - D(5));
    } else if (form == WINOGRAD_s1_m2 || form == WINOGRAD_s2_m3) {
        t[0] = D(2) - D(0);
        t[1] = D(2) + D(1);
        t[2] = D(2) - D(1);
        t[3] = D(3) - D(1);
    } else { /* s2_m4: the factor x - 2 first, then 0, +-1 */
        vf c[4];
        UNROLL_FULL
        for (int i = 0; i < 4; i++) c[i] = D(i + 1) - 2.0f * D(i);
        t[0] = c[2] - c[0];
        t[1] = c[2] + c[1];
        t[2] = c[2] - c[1];
        t[3] = D(3) - D(1);
        t[4] = c[3] - c[1];
    }
#undef D
}

/* y = A^T t: m values from n; with stride 2 the last m of them belong to one output each. */
INLINE void points_out(enum winograd_form form, const vf *t, vf *y) {
    vf s1 = t[1] + t[2], d1 = t[1] - t[2];
    if (form == WINOGRAD_s1_m4) {
        vf s2 = t[3] + t[4], d2 = t[3] - t[4];
        y[0] = t[0] + s1 + s2;
        y[1] = R1 * d1 + R2 * d2;
        y[2] = 0.5f * s1 + 2.0f * s2;
        y[3] = 0.5f * R1 * d1 + 2.0f * R2 * d2 + t[5];
    } else if (form == WINOGRAD_s1_m5) {
        vf s2 = t[3] + t[4], d2 = t[3] - t[4];
        y[0] = t[0] + s1 + s2 + t[5];
        y[1] = d1 + 2.0f * d2 + 0.5f * t[5];
        y[2] = s1 + 4.0f * s2 + 0.25f * t[5];
        y[3] = d1 + 8.0f * d2 + 0.125f * t[5];
        y[4] = s1 + 16.0f * s2 + 0.0625f * t[5] + t[6];
    } else if (form == WINOGRAD_s1_m4_4) {
        vf s2 = t[3] + t[4], d2 = t[3] - t[4];
        y[0] = t[0] + s1 + s2 + t[5];
        y[1] = d1 + 2.0f * d2 + 0.5f * t[5];
        y[2] = s1 + 4.0f * s2 + 0.25f * t[5];
        y[3] = d1 + 8.0f * d2 + 0.125f * t[5] + t[6];
    } else if (form == WINOGRAD_s1_m6) {
        vf s2 = t[3] + t[4], d2 = t[3] - t[4], s3 = t[5] + t[6], d3 = t[5] - t[6];
        y[0] = t[0] + s1 + s2 + s3;
        y[1] = d1 + 2.0f * d2 + 0.5f * d3;
        y[2] = s1 + 4.0f * s2 + 0.25f * s3;
        y[3] = d1 + 8.0f * d2 + 0.125f * d3;
        y[4] = s1 + 16.0f * s2 + 0.0625f * s3;
        y[5] = d1 + 32.0f * d2 + 0.03125f * d3 + t[7];
    } else if (form == WINOGRAD_s1_m2) {
        y[0] = t[0] + s1;
        y[1] = d1 + t[3];
    } else if (form == WINOGRAD_s2_m3) {
        y[0] = t[0] + s1 + t[4];
        y[1] = d1 + t[5];
        y[2] = s1 + t[3] + t[6];
    } else if (form == WINOGRAD_s2_m4) {
        y[0] = t[0] + s1 + t[3] + t[5];
        y[1] = d1 + 2.0f * t[3] + t[6];
        y[2] = s1 + 4.0f * t[3] + t[7];
        y[3] = d1 + 8.0f * t[3] + t[4] + t[8];
    } else {
        vf s2 = t[3] + t[4], d2 = t[3] - t[4];
        y[0] = t[0] + s1 + s2 + t[6];
        y[1] = R1 * d1 + R2 * d2 + t[7];
        y[2] = 0.5f * s1 + 2.0f * s2 + t[8];
        y[3] = 0.5f * R1 * d1 + 2.0f * R2 * d2 + t[9];
        y[4] = 0.25f * s1 + 4.0f * s2 + t[5] + t[10];
    }
}

/* The n columns or rows of a pass one by one, as straight code where that is faster: with 32
 * registers, and for m = 6 on AVX2. */
#define EACH(i, n, call)                                                                           \
    do {                                                                                           \
        if (VL == 16 || (VL == 8 && (n) == 8)) {                                                   \
            UNROLL_FULL for (int i = 0; i < (n); i++) call;                                        \
        } else                                                                                     \
            for (int i = 0; i < (n); i++) call;                                                    \
    } while (0)

static const float outside[WINOGRAD_MOST_INPUTS * VL] __attribute__((aligned(64)));

/* Rows [y, y + n) of a plane from column x on, outside of it those of zeros. */
INLINE void find_rows(int n, const float *plane, int ih, int iw, int y, int x,
                      const float **rows) {
    for (int i = 0; i < n; i++)
        rows[i] = y + i >= 0 && y + i < ih ? plane + ((int64_t)(y + i) * iw + x) * VL : outside;
}

static NOINLINE void cells(const float *const *rows, int n, float *out) {
    vf r[VL / 2];
    int i = 0;
    for (; i + VL / 2 <= n; i += VL / 2) {
        UNROLL_FULL
        for (int l = 0; l < VL / 2; l++) r[l] = rows[l] ? vf_load(rows[l] + 2 * i) : (vf){0};
        transpose_pairs(r);
        UNROLL_FULL
        for (int j = 0; j < VL / 2; j++) vf_store(out + (i + j) * VL, r[j]);
    }
    for (; i < n; i++)
        for (int l = 0; l < VL / 2; l++) {
            out[i * VL + 2 * l] = rows[l] ? rows[l][2 * i] : 0;
            out[i * VL + 2 * l + 1] = rows[l] ? rows[l][2 * i + 1] : 0;
        }
}

typedef vf half_tile[WINOGRAD_MOST_OUTPUTS + 2][WINOGRAD_MOST_OUTPUTS + 2];

INLINE void input_column(enum winograd_form form, int n, const float *const *rows, int j, int first,
                         int end, half_tile half) {
    vf d[WINOGRAD_MOST_INPUTS], t[WINOGRAD_MOST_INPUTS];
    if (j < first || j >= end) {
        UNROLL_FULL
        for (int i = 0; i < n; i++) half[i][j] = (vf){0};
        return;
    }
    UNROLL_FULL
    for (int i = 0; i < n; i++) d[i] = vf_load(rows[i] + (j - first) * VL);
    points_in(form, d, 1, t);
    UNROLL_FULL
    for (int i = 0; i < n; i++) half[i][j] = t[i];
}

INLINE void input_row(enum winograd_form form, int n, const vf *half, float *v, int64_t step) {
    vf t[WINOGRAD_MOST_INPUTS];
    points_in(form, half, 1, t);
    UNROLL_FULL
    for (int j = 0; j < n; j++) vf_store(v + j * step, t[j]);
}

INLINE void input_tile(enum winograd_form form, int n, const float *plane, int ih, int iw, int y,
                       int x, float *v, int64_t step) {
    const float *rows[WINOGRAD_MOST_INPUTS];
    /* Columns [first, end) are inside. */
    const int first = x < 0 ? -x : 0, end = iw - x;
    find_rows(n, plane, ih, iw, y, x + first, rows);
    half_tile half;
    EACH(j, n, input_column(form, n, rows, j, first, end, half));
    EACH(i, n, input_row(form, n, half[i], v + i * n * step, step));
}

/* A row of a tile of stride 2: the even inputs transformed, then the odd ones. */
INLINE void store_row_s2(enum winograd_form form, int m, const vf *d, float *v, int64_t step) {
    vf t[WINOGRAD_MOST_INPUTS];
    points_in(form, d, 2, t);
    UNROLL_FULL
    for (int j = 0; j <= m; j++) vf_store(v + j * step, t[j]);
    UNROLL_FULL
    for (int j = 0; j < m; j++) vf_store(v + (m + 1 + j) * step, d[2 * j + 1]);
}

INLINE void input_tile_s2(enum winograd_form form, int m, const float *plane, int ih, int iw, int y,
                          int x, float *v, int64_t step) {
    const int n = 2 * m + 1, first = x < 0 ? -x : 0, end = iw - x;
    const float *rows[WINOGRAD_MOST_INPUTS];
    find_rows(n, plane, ih, iw, y, x + first, rows);
    vf half[WINOGRAD_MOST_OUTPUTS][WINOGRAD_MOST_INPUTS];
    for (int j = 0; j < n; j++) {
        vf d[WINOGRAD_MOST_INPUTS], t[WINOGRAD_MOST_INPUTS];
        const int inside = j >= first && j < end;
        UNROLL_FULL
        for (int i = 0; i <= m; i++)
            d[i] = inside ? vf_load(rows[2 * i] + (j - first) * VL) : (vf){0};
        points_in(form, d, 1, t);
        UNROLL_FULL
        for (int i = 0; i <= m; i++) half[i][j] = t[i];
    }
    for (int i = 0; i <= m; i++) store_row_s2(form, m, half[i], v + i * n * step, step);
    for (int i = 0; i < m; i++) {
        vf d[WINOGRAD_MOST_INPUTS];
        UNROLL_FULL
        for (int j = 0; j < n; j++) {
            const int inside = j >= first && j < end;
            d[j] = inside ? vf_load(rows[2 * i + 1] + (j - first) * VL) : (vf){0};
        }
        store_row_s2(form, m, d, v + (m + 1 + i) * n * step, step);
    }
}

INLINE void output_column(enum winograd_form form, int m, int n, const float *src, int64_t step,
                          int j, vf (*half)[WINOGRAD_MOST_INPUTS]) {
    vf d[WINOGRAD_MOST_INPUTS], y[WINOGRAD_MOST_OUTPUTS];
    UNROLL_FULL
    for (int i = 0; i < n; i++) d[i] = vf_load(src + (i * n + j) * step);
    points_out(form, d, y);
    UNROLL_FULL
    for (int i = 0; i < m; i++) half[i][j] = y[i];
}

/* A residual after the activation, to what a tile has stored. */
static NOINLINE void add_rows(float *to, int64_t to_row, const float *from, int64_t from_row,
                              int rows, int floats) {
    for (; rows > 0; rows--, to += to_row, from += from_row)
        for (int i = 0; i < floats; i += VL)
            vf_store(to + i, vf_load(to + i) + vf_load(from + i));
}

INLINE void output_tile(enum winograd_form form, int m, int n, const float *src, int64_t step,
                        const float *bias, const struct conv_tile *t, int64_t dst_row,
                        int64_t residual_row, int rows, int cols) {
    vf half[WINOGRAD_MOST_OUTPUTS][WINOGRAD_MOST_INPUTS];
    EACH(j, n, output_column(form, m, n, src, step, j, half));
    const vf b = vf_load(bias);
    const int fast = t->layout == CONV_BLOCKED && cols == m;
    struct conv_tile row = *t;
    for (int i = 0; i < rows; i++) { /* rolled: the activation's code is there once */
        vf y[WINOGRAD_MOST_OUTPUTS];
        points_out(form, half[i], y);
        UNROLL_FULL
        for (int j = 0; j < m; j++) y[j] += b;
        if (!fast) {
            K(conv_finish)(&row, y, 1, cols);
        } else {
            if (t->residual_mode == CONV_RESIDUAL_BEFORE) {
                UNROLL_FULL
                for (int j = 0; j < m; j++) y[j] += vf_load(row.residual + j * VL);
            }
            conv_activate(y, m, t);
            UNROLL_FULL
            for (int j = 0; j < m; j++) vf_store(row.dst + j * VL, y[j]);
        }
        row.dst += dst_row;
        if (row.residual) row.residual += residual_row; /* nothing is added to no address */
    }
    if (!fast) return;
    conv_activate_stored(t, t->dst, rows, m, dst_row);
    if (t->residual_mode == CONV_RESIDUAL_AFTER)
        add_rows(t->dst, dst_row, t->residual, residual_row, rows, m * VL);
}

/* s1_m4_4 has the points and the inputs of s1_m5: a jump to its code. */
static void input_s1_m5(const float *plane, int ih, int iw, int y, int x, float *v, int64_t step);
#define DEFINE(name, stride, m, taps, ...)                                                         \
    static NOINLINE void input_##name(const float *plane, int ih, int iw, int y, int x, float *v,  \
                                      int64_t step) {                                              \
        if (WINOGRAD_##name == WINOGRAD_s1_m4_4) input_s1_m5(plane, ih, iw, y, x, v, step);        \
        else if ((stride) == 1)                                                                    \
            input_tile(WINOGRAD_##name, (m) + (taps) - 1, plane, ih, iw, y, x, v, step);           \
        else input_tile_s2(WINOGRAD_##name, m, plane, ih, iw, y, x, v, step);                      \
    }                                                                                              \
    static NOINLINE void output_##name(const float *src, int64_t step, const float *bias,          \
                                       const struct conv_tile *t, int64_t dst_row,                 \
                                       int64_t residual_row, int rows, int cols) {                 \
        output_tile(WINOGRAD_##name, m, (stride) == 1 ? (m) + (taps) - 1 : 2 * (m) + 1, src, step, \
                    bias, t, dst_row, residual_row, rows, cols);                                   \
    }
WINOGRAD_FORMS(DEFINE)

/* Half a vector of channels in double precision, and as it is stored. */
typedef double vd __attribute__((vector_size(4 * VL)));
typedef float half_vf __attribute__((vector_size(2 * VL)));

INLINE void transform_weights(const float *const *w, int count,
                              const double (*g)[WINOGRAD_MOST_TAPS], int n, int taps, float *u,
                              int64_t step) {
    vd rows[2 * WINOGRAD_WEIGHT_FLOATS / VL][WINOGRAD_MOST_INPUTS][WINOGRAD_MOST_TAPS];
    for (int k = 0; k < 2 * count; k++)
        for (int j = 0; j < taps; j++) {
            vd column[WINOGRAD_MOST_TAPS];
            for (int t = 0; t < taps; t++) {
                half_vf x;
                memcpy(&x, w[k / 2] + (t * taps + j) * VL + k % 2 * VL / 2, sizeof x);
                column[t] = __builtin_convertvector(x, vd);
            }
            for (int i = 0; i < n; i++) {
                vd sum = g[i][0] * column[0];
                for (int t = 1; t < taps; t++) sum += g[i][t] * column[t];
                rows[k][i][j] = sum;
            }
        }
    for (int i = 0; i < n; i++)
        for (int j = 0; j < n; j++, u += step)
            for (int k = 0; k < 2 * count; k++) {
                vd sum = rows[k][i][0] * g[j][0];
                for (int t = 1; t < taps; t++) sum += rows[k][i][t] * g[j][t];
                half_vf x = __builtin_convertvector(sum, half_vf);
                memcpy(u + k * VL / 2, &x, sizeof x);
            }
}

static NOINLINE void weights(const float *const *w, int count,
                             const double (*g)[WINOGRAD_MOST_TAPS], int n, int taps, float *u,
                             int64_t step) {
    if (taps == 3) transform_weights(w, count, g, n, 3, u, step);
    else transform_weights(w, count, g, n, taps, u, step);
}

/* t = G g along one axis: every different product, as conv_winograd.c's weight_transform(). */
INLINE void points_weights(enum winograd_form form, const vf *g, int gap, vf *t) {
    const vf g0 = g[0], g1 = g[gap], g2 = g[2 * gap];
    if (form == WINOGRAD_s1_m2) {
        vf e = 0.5f * (g0 + g2), o = 0.5f * g1;
        t[0] = -g0;
        t[1] = e + o;
        t[2] = e - o;
        t[3] = g2;
    } else if (form == WINOGRAD_s1_m4) {
        vf e1 = (-2 / 3.0f) * g0 - (1 / 3.0f) * g2, o1 = (-2 / 3.0f * R1) * g1;
        vf e2 = (1 / 6.0f) * g0 + (1 / 3.0f) * g2, o2 = (1 / 6.0f * R2) * g1;
        t[0] = g0;
        t[1] = e1 + o1;
        t[2] = e1 - o1;
        t[3] = e2 + o2;
        t[4] = e2 - o2;
        t[5] = g2;
    } else if (form == WINOGRAD_s1_m5) {
        vf e1 = g0 + g2, e2 = g0 + 4.0f * g2;
        t[0] = -0.5f * g0;
        t[1] = (-1 / 3.0f) * (e1 + g1);
        t[2] = (1 / 9.0f) * (e1 - g1);
        t[3] = (1 / 36.0f) * (e2 + 2.0f * g1);
        t[4] = (-1 / 60.0f) * (e2 - 2.0f * g1);
        t[5] = (32 / 45.0f) * (g0 + 0.5f * g1 + 0.25f * g2);
        t[6] = g2;
    } else if (form == WINOGRAD_s1_m6) {
        vf e1 = (-2 / 9.0f) * (g0 + g2), o1 = (-2 / 9.0f) * g1;
        vf e2 = (1 / 90.0f) * g0 + (2 / 45.0f) * g2, o2 = (1 / 45.0f) * g1;
        vf e3 = (32 / 45.0f) * g0 + (8 / 45.0f) * g2, o3 = (16 / 45.0f) * g1;
        t[0] = -g0;
        t[1] = e1 + o1;
        t[2] = e1 - o1;
        t[3] = e2 + o2;
        t[4] = e2 - o2;
        t[5] = e3 + o3;
        t[6] = e3 - o3;
        t[7] = g2;
    } else if (form == WINOGRAD_s2_m3) {
        t[0] = -g0;
        t[1] = 0.5f * (g0 + g2);
        t[2] = 0.5f * (g0 - g2);
        t[3] = g2;
        t[4] = g1;
    } else if (form == WINOGRAD_s2_m4) {
        t[0] = 0.5f * g0;
        t[1] = -0.5f * (g0 + g2);
        t[2] = (-1 / 6.0f) * (g0 - g2);
        t[3] = (1 / 6.0f) * g0 + (1 / 3.0f) * g2;
        t[4] = g2;
        t[5] = g1;
    } else { /* s2_m5 */
        vf a = (-2 / 3.0f) * g0, b = (1 / 6.0f) * g0;
        t[0] = g0;
        t[1] = a - (2 / 3.0f * R1) * g2;
        t[2] = a + (2 / 3.0f * R1) * g2;
        t[3] = b + (1 / 6.0f * R2) * g2;
        t[4] = b - (1 / 6.0f * R2) * g2;
        t[5] = g2;
        t[6] = g1;
    }
}

INLINE void late_row(enum winograd_form form, int distinct, const vf *half, float *u,
                     int64_t step) {
    vf t[WINOGRAD_MOST_OUTPUTS + 2];
    points_weights(form, half, 1, t);
    UNROLL_FULL
    for (int j = 0; j < distinct; j++) vf_store(u + j * step, t[j]);
}

INLINE void weights_late(enum winograd_form form, int distinct, const float *w, int count, float *u,
                        int64_t step) {
    for (int k = 0; k < count; k++, w += 9 * VL, u += VL) {
        vf half[WINOGRAD_MOST_OUTPUTS + 2][3];
        UNROLL_FULL
        for (int j = 0; j < 3; j++) {
            vf g[3], t[WINOGRAD_MOST_OUTPUTS + 2];
            UNROLL_FULL
            for (int i = 0; i < 3; i++) g[i] = vf_load(w + (i * 3 + j) * VL);
            points_weights(form, g, 1, t);
            UNROLL_FULL
            for (int i = 0; i < distinct; i++) half[i][j] = t[i];
        }
        EACH(i, distinct, late_row(form, distinct, half[i], u + i * distinct * step, step));
    }
}

#define DEFINE_LATE(name, stride, m, taps, finite, ...)                                            \
    static NOINLINE void weights_late_##name(const float *w, int count, float *u, int64_t step) {  \
        if ((taps) == 3)                                                                           \
            weights_late(WINOGRAD_##name, (finite) + (stride), w, count, u, step);                 \
    }
WINOGRAD_FORMS(DEFINE_LATE)

/* n channels of a block. AVX-512's 4x6 and 4x7 take 4 to 7 % less with one counter than with
 * pointers that move. */
INLINE void add_channels(vf *acc, int ocv, int px, const float *restrict w,
                         const float *restrict s, int n) {
#if VL > 8
    for (int c = 0; c < n; c++) one_channel(acc, ocv, px, 0, px, VL, w + c * ocv * VL, s + c);
#else
    add_products(acc, ocv, px, VL, w, s, n);
#endif
}

/* Whole blocks of channels without a loop of their own: a short one costs as much as an eighth of
 * its products. */
INLINE void product(const float *u, const float *v, int64_t v_block, int channels, float *m,
                    int64_t m_block, int add, int count, int ocv, int px) {
    for (; count > 0; count--, v += px * VL, m += px * VL) {
        vf acc[32];
        const float *w = u, *s = v;
        int c = 0;
        UNROLL_FULL
        for (int i = 0; i < ocv * px; i++) acc[i] = (vf){0};
        for (; c + VL <= channels; c += VL, w += VL * ocv * VL, s += v_block)
            add_channels(acc, ocv, px, w, s, VL);
        if (channels % VL) add_channels(acc, ocv, px, w, s, channels % VL);
        if (add) {
            UNROLL_FULL
            for (int o = 0; o < ocv; o++) {
                UNROLL_FULL
                for (int p = 0; p < px; p++) acc[o * px + p] += vf_load(m + o * m_block + p * VL);
            }
        }
        UNROLL_FULL
        for (int o = 0; o < ocv; o++) {
            UNROLL_FULL
            for (int p = 0; p < px; p++) vf_store(m + o * m_block + p * VL, acc[o * px + p]);
        }
    }
}

#if PK_FEW_TILES
#define PRODUCTS(TILE) TILE(1, 1) TILE(1, 4) TILE(2, 1) TILE(2, 3)
#elif VL == 16
#define PRODUCTS(TILE)                                                                             \
    TILE(1, 1) TILE(1, 2) TILE(1, 4) TILE(1, 7) TILE(1, 10) TILE(1, 13) TILE(1, 14) TILE(1, 20)    \
    TILE(2, 1) TILE(2, 2) TILE(2, 4) TILE(2, 7) TILE(2, 10) TILE(2, 13) TILE(2, 14)                \
    TILE(3, 1) TILE(3, 2) TILE(3, 4) TILE(3, 5) TILE(3, 7) TILE(3, 9)                              \
    TILE(4, 1) TILE(4, 2) TILE(4, 4) TILE(4, 5) TILE(4, 6) TILE(4, 7)
#elif VL == 8
#define PRODUCTS(TILE)                                                                             \
    TILE(1, 1) TILE(1, 2) TILE(1, 4) TILE(1, 7) TILE(1, 10)                                        \
    TILE(2, 1) TILE(2, 2) TILE(2, 3) TILE(2, 4) TILE(2, 5) TILE(2, 6)                              \
    TILE(3, 1) TILE(3, 2) TILE(3, 3) TILE(3, 4)
#elif defined(__aarch64__)
#define PRODUCTS(TILE)                                                                             \
    TILE(1, 1) TILE(1, 2) TILE(1, 4) TILE(1, 7) TILE(1, 10) TILE(1, 14)                            \
    TILE(2, 1) TILE(2, 2) TILE(2, 4) TILE(2, 7) TILE(2, 8) TILE(2, 10)                             \
    TILE(3, 1) TILE(3, 2) TILE(3, 4) TILE(3, 6)                                                    \
    TILE(4, 1) TILE(4, 2) TILE(4, 4) TILE(4, 5)
#else
#define PRODUCTS(TILE)                                                                             \
    TILE(1, 1) TILE(1, 2) TILE(1, 4) TILE(1, 7)                                                    \
    TILE(2, 1) TILE(2, 2) TILE(2, 3) TILE(2, 4) TILE(2, 5)
#endif

#define DEFINE_PRODUCT(ocv, px)                                                                    \
    static NOINLINE void product_##ocv##x##px(const float *u, const float *v, int64_t v_block,     \
                                              int channels, float *m, int64_t m_block, int add,    \
                                              int count) {                                         \
        product(u, v, v_block, channels, m, m_block, add, count, ocv, px);                         \
    }
PRODUCTS(DEFINE_PRODUCT)

#define PRODUCT(ocv, px) [ocv][px] = product_##ocv##x##px,
#define INPUT(name, ...) [WINOGRAD_##name] = input_##name,
#define OUTPUT(name, ...) [WINOGRAD_##name] = output_##name,
#define LATE(name, stride, m, taps, ...)                                                           \
    [WINOGRAD_##name] = (taps) == 3 ? weights_late_##name : NULL,
const struct winograd_kernels K(winograd) = {
    .cells = cells,
    .input = {WINOGRAD_FORMS(INPUT)},
    .output = {WINOGRAD_FORMS(OUTPUT)},
    .weights = weights,
    .weights_late = {WINOGRAD_FORMS(LATE)},
    .product = {PRODUCTS(PRODUCT)},
#if PK_FEW_TILES
    .max_ocv = 2,
#elif VL == 8
    .max_ocv = 3,
#elif VL == 4 && !defined(__aarch64__)
    .max_ocv = 2,
#else
    .max_ocv = 4,
#endif
#if VL == 16
    .costs = {{ /* fitted to an Emerald Rapids core with 2 MB of L2 */
        .load_cost = 2.3f, .broadcast_cost = 0.02f, .least_cost = 5, .near_bytes = 800e3f,
        .kept_bytes = 1.8e6f, .product_us = 1.33e-4f, .near_us = 1.4e-5f, .far_us = 4.5e-5f,
        .memory_us = 9e-5f, .again_us = 1.6e-6f, .again_far_us = 2.2e-5f, .input_us = 1.1e-4f,
        .input_side_us = 3.4e-4f, .output_us = 2.4e-3f, .late_us = 1.6e-3f, .sums_us = 8.7e-4f,
        .memory_worth = 25e3f, .at_load_worth = 8e3f,
    }, { /* to a Zen 4 core with 1 MB, its products by pairs among them */
        .load_cost = 0.5f, .broadcast_cost = 0.02f, .least_cost = 5, .near_bytes = 600e3f,
        .kept_bytes = 2e6f, .product_us = 2.27e-4f, .near_us = 6e-6f, .far_us = 1.66e-5f,
        .memory_us = 3e-5f, .again_us = 5.3e-6f, .again_far_us = 5.3e-6f, .input_us = 1e-3f,
        .input_side_us = 1.3e-4f, .output_us = 2.7e-3f, .late_us = 1.1e-3f, .sums_us = 1.45e-3f,
        .memory_worth = 25e3f, .at_load_worth = 8e3f,
    }},
#else /* fitted to AVX2 on a Zen 3 core with 512 KB of L2 */
#if VL == 8
#define PRODUCT_COSTS                                                                              \
    .load_cost = 0.1f, .broadcast_cost = 0.15f, .least_cost = 8, .product_us = 1.5e-4f
#elif defined(__aarch64__) /* instructions beside the multiply-adds: bench/inner_loops.py */
#define PRODUCT_COSTS                                                                              \
    .load_cost = 1, .broadcast_cost = 0.25f, .least_cost = 4, .product_us = 3.6e-4f
#else
#define PRODUCT_COSTS                                                                              \
    .load_cost = 0.3f, .broadcast_cost = 0.8f, .least_cost = 4, .product_us = 3.6e-4f
#endif
    .costs = {{PRODUCT_COSTS, .near_bytes = 300e3f, .kept_bytes = 4.5e6f, .near_us = 3e-6f,
               .far_us = 1.5e-5f, .memory_us = 5e-5f, .again_us = 6e-6f, .again_far_us = 2e-5f,
               .input_us = 2.1e-3f, .output_us = 2.1e-3f, .late_us = 8.5e-4f, .sums_us = 2.1e-3f,
               .memory_worth = 25e3f, .at_load_worth = 8e3f}},
#endif
};
