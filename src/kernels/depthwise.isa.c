/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Depthwise convolution: register tiles of several rows and columns, so that an input vector is
 * loaded once for all the outputs of the tile that use it.
 *
 * Rows outside the input are rows of zeros. In tiles that reach over the left or right end the
 * outermost columns are clamped and the loaded vectors masked; the others load directly.
 */
#include "kernels/conv_finish.h"
#include "kernels/conv_tile.h"
#include "kernels/simd.h"

/* Any layout and residual. */
static NOINLINE void store_rows(const struct depthwise_strip *s, vf *v, int rows, int cols, int x) {
    struct conv_tile t = s->out;
    int64_t step = t.layout == CONV_BLOCKED ? VL : t.layout == CONV_PIXEL ? t.dst_channel : 1;
    t.dst += x * step;
    if (t.residual) t.residual += (int64_t)x * VL;
    for (int r = 0; r < rows; r++, t.dst += s->dst_row) {
        K(conv_finish)(&t, v + r * cols, 1, cols);
        if (t.residual) t.residual += s->residual_row;
    }
}

INLINE void store_tile(const struct depthwise_strip *s, vf *acc, int rows, int cols, int x) {
    const struct conv_tile *out = &s->out;
    if (out->direct) {
        float *d = out->dst + (int64_t)x * VL;
        conv_activate(acc, rows * cols, out);
        UNROLL_FULL
        for (int r = 0; r < rows; r++, d += s->dst_row) {
            UNROLL_FULL
            for (int p = 0; p < cols; p++) vf_store(d + p * VL, acc[r * cols + p]);
        }
        return;
    }
    vf v[16];
    UNROLL_FULL
    for (int i = 0; i < rows * cols; i++) v[i] = acc[i];
    store_rows(s, v, rows, cols, x);
}

/* Columns of a strip whose activation is applied together: of fewer the call costs more, and what
 * more of them wait for memory is not waited for while computing. */
enum { RUN = 16 };

/* What store_tile() left to do for columns [from, end). */
INLINE void finish(const struct depthwise_strip *s, int rows, int from, int end) {
    if (s->out.direct && from < end)
        conv_activate_stored(&s->out, s->out.dst + (int64_t)from * VL, rows, end - from,
                             s->dst_row);
}

/* Which of a tile's columns of inputs may lie outside: none, or those that padding by half a kernel
 * puts there. */
enum edge { INSIDE, ENDS };

INLINE vf load_end(const float *row, int64_t column, int iw) {
#if VL == 16
    return _mm512_maskz_loadu_ps(column >= 0 && column < iw ? 0xffff : 0, row + column * VL);
#endif
    int64_t c = column < 0 ? 0 : column >= iw ? iw - 1 : column;
    return vf_and(vf_load(row + c * VL), vi_set(c == column ? -1 : 0));
}

/* Row i of a tile's inputs, for all the rows of outputs that it meets. Here and below, all int
 * parameters but x0, x and iw are constants of the caller. */
INLINE void add_row(vf *acc, const float *row, const float *w, int i, int64_t x0, int iw, int rows,
                    int cols, int k, int stride, enum edge edge) {
    const int n = (cols - 1) * stride + k, ends = k / 2;
    UNROLL_FULL
    for (int j = 0; j < n; j++) {
        const int end = j < ends || j >= n - ends;
        const int64_t column = x0 + j;
        vf v = edge == ENDS && end ? load_end(row, column, iw) : vf_load(row + column * VL);
        UNROLL_FULL
        for (int r = 0; r < rows; r++) {
            int ky = i - r * stride;
            if (ky < 0 || ky >= k) continue;
            UNROLL_FULL
            for (int p = 0; p < cols; p++) {
                int kx = j - p * stride;
                if (kx < 0 || kx >= k) continue;
                acc[r * cols + p] += v * vf_load(w + (ky * k + kx) * VL);
            }
        }
    }
}

INLINE void fixed_tile(const struct depthwise_strip *s, int x, int rows, int cols, int k,
                       int stride, enum edge edge) {
    vf acc[16];
    vf b = vf_load(s->bias);
    UNROLL_FULL
    for (int i = 0; i < rows * cols; i++) acc[i] = b;
    const float *w = s->weights;
    const int iw = s->iw;
    const int64_t x0 = (int64_t)x * stride - s->pl;
    if (rows == 1) { /* a loop over the rows of the kernel: these sums are the same for each */
        for (int ky = 0; ky < k; ky++, w += k * VL)
            add_row(acc, s->rows[ky], w, 0, x0, iw, 1, cols, k, stride, edge);
        store_tile(s, acc, rows, cols, x);
        return;
    }
    UNROLL_FULL
    for (int i = 0; i < (rows - 1) * stride + k; i++) {
        /* Too many for 16 registers: read again where they lie, not kept on the stack. */
        if (VL == 8 && k > 3 && i == k / 2 + 1) __asm__("" : "+r"(w));
        add_row(acc, s->rows[i], w, i, x0, iw, rows, cols, k, stride, edge);
    }
    store_tile(s, acc, rows, cols, x);
}

/* One output of each row, wherever its window lies and whatever its kernel. */
static NOINLINE void any_output(const struct depthwise_strip *s, int x, int rows) {
    const int64_t x0 = (int64_t)x * s->sw - s->pl;
    struct depthwise_strip one = *s;
    for (int r = 0; r < rows; r++) {
        vf sum = vf_load(s->bias);
        for (int ky = 0; ky < s->kh; ky++)
            for (int kx = 0; kx < s->kw; kx++) {
                const int64_t column = x0 + (int64_t)kx * s->dw;
                if (column < 0 || column >= s->iw) continue;
                sum += vf_load(s->weights + (ky * s->kw + kx) * VL) *
                       vf_load(s->rows[r * s->sh + ky * s->dh] + column * VL);
            }
        store_tile(&one, &sum, 1, 1, x);
        one.out.dst += s->dst_row;
        if (one.out.residual) one.out.residual += s->residual_row;
    }
}

INLINE void fixed_strip(const struct depthwise_strip *s, int rows, int cols, int k, int stride) {
    const int ow = s->ow, iw = s->iw, pl = s->pl, ends = k / 2;
    /* Last x whose window ends inside the row. */
    const int last = iw - k + pl < 0 ? -1 : (iw - k + pl) / stride;
    for (int x = 0, from = 0; x < ow;) {
        const int at = x, stop = ow - from < RUN ? ow : from + RUN;
        /* A loop of its own, for which the weights stay in registers. */
        for (; x * stride >= pl && x + cols <= stop && x + cols - 1 <= last; x += cols)
            fixed_tile(s, x, rows, cols, k, stride, INSIDE);
        if (x == at) {
            int n = ow - x < cols ? ow - x : cols;
            const int first_column = x * stride - pl;
            if (first_column + ends < 0 || first_column + (n - 1) * stride + k - ends > iw) {
                n = 1;
                any_output(s, x, rows);
            } else if (n == cols) {
                fixed_tile(s, x, rows, cols, k, stride, ENDS);
            } else if (cols > 3 && n == 3) {
                fixed_tile(s, x, rows, 3, k, stride, ENDS);
            } else if (cols > 2 && n == 2) {
                fixed_tile(s, x, rows, 2, k, stride, ENDS);
            } else if (stride > 1 && x <= last && x * stride >= pl) {
                fixed_tile(s, x, rows, 1, k, stride, INSIDE);
            } else {
                fixed_tile(s, x, rows, 1, k, stride, ENDS);
            }
            x += n;
        }
        if (x < from + RUN && x < ow) continue;
        finish(s, rows, from, x);
        from = x;
    }
}

static NOINLINE void any_strip(const struct depthwise_strip *s) {
    const int64_t step = (int64_t)s->sw * VL, tap = (int64_t)s->dw * VL;
    int x = 0;
    while (x < s->ow) {
        int64_t x0 = (int64_t)x * s->sw - s->pl;
        int64_t end = x0 + 3 * (int64_t)s->sw + (s->kw - 1) * (int64_t)s->dw;
        vf b = vf_load(s->bias);
        if (x + 4 <= s->ow && x0 >= 0 && end < s->iw) {
            vf a[4] = {b, b, b, b};
            const float *w = s->weights;
            for (int ky = 0; ky < s->kh; ky++) {
                const float *row = s->rows[ky * s->dh] + x0 * VL;
                for (int kx = 0; kx < s->kw; kx++, row += tap, w += VL) {
                    vf wv = vf_load(w);
                    a[0] += wv * vf_load(row);
                    a[1] += wv * vf_load(row + step);
                    a[2] += wv * vf_load(row + 2 * step);
                    a[3] += wv * vf_load(row + 3 * step);
                }
            }
            store_tile(s, a, 1, 4, x);
            x += 4;
        } else {
            any_output(s, x, 1);
            x++;
        }
    }
    finish(s, 1, 0, s->ow);
}

#if VL == 4 && defined(__x86_64__)
#define KERNELS(KERNEL) KERNEL(3, 1, 1, 4) KERNEL(3, 2, 1, 2)
#else
#define KERNELS(KERNEL)                                                                            \
    KERNEL(3, 1, 2, 4) KERNEL(3, 1, 1, 4) KERNEL(3, 2, 2, 2) KERNEL(3, 2, 1, 2)                    \
    KERNEL(5, 1, 3, 2) KERNEL(5, 1, 1, 4) KERNEL(5, 2, 2, 2) KERNEL(5, 2, 1, 2)
#endif

#define DEFINE(k, s, rows, cols)                                                                   \
    static NOINLINE void strip_##k##s##s##_##rows##x##cols(const struct depthwise_strip *d) {      \
        fixed_strip(d, rows, cols, k, s);                                                          \
    }
KERNELS(DEFINE)

#define LIST(k, s, rows, cols) {k, k, s, s, rows, cols, strip_##k##s##s##_##rows##x##cols},
static const struct depthwise_kernel kernels[] = {KERNELS(LIST){0, 0, 0, 0, 1, 4, any_strip}};

const struct depthwise_kernels K(depthwise) = {
    .kernels = kernels,
    .n_kernels = sizeof kernels / sizeof *kernels,
};
