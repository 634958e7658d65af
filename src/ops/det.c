/* SPDX-License-Identifier: Apache-2.0 */
/* Det: determinants of square matrices, by elimination with row exchange in double. */
#include <inttypes.h>
#include <math.h>

#include "ops/elements.h"

static enum status infer_det(struct op_call *c) {
    struct shape s = c->in[0].shape;
    TRY(op_check_dtype(c, 0, DTYPES_FLOAT));
    TRY(op_check_rank(c, 0, 2, SHAPE_MAX_RANK));
    if (s.rank >= 0) {
        int64_t rows = s.dim[s.rank - 2], columns = s.dim[s.rank - 1];
        OP_CHECK(c, rows < 0 || columns < 0 || rows == columns, STATUS_SHAPE,
                 "the matrices are %" PRId64 " x %" PRId64 ", not square", rows, columns);
        s.rank -= 2;
    }
    return op_output_bounded(c, 0, c->in[0].dtype, s);
}

/* Destroys the n x n matrix a. */
static double determinant(double *a, int64_t n) {
    double product = 1;
    for (int64_t k = 0; k < n; k++) {
        int64_t best = k;
        for (int64_t r = k + 1; r < n; r++)
            if (fabs(a[r * n + k]) > fabs(a[best * n + k])) best = r;
        if (best != k) {
            product = -product;
            for (int64_t j = k; j < n; j++) {
                double swapped = a[k * n + j];
                a[k * n + j] = a[best * n + j];
                a[best * n + j] = swapped;
            }
        }
        double pivot = a[k * n + k];
        product *= pivot;
        if (pivot == 0) return 0;
        for (int64_t r = k + 1; r < n; r++) {
            double factor = a[r * n + k] / pivot;
            for (int64_t j = k + 1; j < n; j++) a[r * n + j] -= factor * a[k * n + j];
        }
    }
    return product;
}

static enum status run_det(struct op_call *c) {
    const struct view *x = &c->in[0], *y = &c->out[0];
    int64_t n = x->shape.dim[x->shape.rank - 1], count = shape_elements(&y->shape);
    size_t room = 0;
    OP_CHECK(c, size_mul((size_t)n, (size_t)n, &room), STATUS_LIMIT, "the matrices are too large");
    double *a = count ? mem_calloc(room + 1, sizeof *a) : NULL;
    OP_CHECK(c, a || !count, STATUS_MEMORY, "out of memory for a matrix of %" PRId64 " rows", n);
    for (int64_t i = 0; i < count; i++) {
        for (int64_t k = 0; k < n * n; k++) a[k] = get(x, i * n * n + k);
        set(y, i, determinant(a, n));
    }
    mem_free(a);
    return STATUS_OK;
}

const struct op_def op_def_Det = {
    .name = "Det", .min_inputs = 1, .max_inputs = 1, .min_outputs = 1, .max_outputs = 1,
    .infer = infer_det, .run = run_det,
};
