/* SPDX-License-Identifier: Apache-2.0 */
/* Prepares broadcasts: right-aligns the shapes, drops dimensions of 1, merges neighbours. */
#include "kernels/eltwise.h"

#include <string.h>

/* Stride of each result dimension in one operand; 0 where it repeats. False: does not fit. */
static int operand_strides(int rank, const int64_t *dims, int own_rank, const int64_t *own,
                           int64_t *stride) {
    int64_t step = 1;
    if (own_rank > rank) return 0;
    for (int d = rank - 1; d >= 0; d--) {
        const int k = d - (rank - own_rank);
        const int64_t n = k >= 0 ? own[k] : 1;
        if (n != 1 && n != dims[d]) return 0;
        stride[d] = n == 1 ? 0 : step;
        step *= n;
    }
    return 1;
}

enum status eltwise_broadcast_init(struct eltwise_broadcast *a, enum binary_op op, int rank,
                                   const int64_t *dims, int x_rank, const int64_t *x_dims,
                                   int y_rank, const int64_t *y_dims) {
    int64_t xs[ELTWISE_MAX_RANK], ys[ELTWISE_MAX_RANK];
    CHECK(rank >= 0 && rank <= ELTWISE_MAX_RANK, STATUS_LIMIT,
          "a broadcast result has %d dimensions, at most %d are supported", rank, ELTWISE_MAX_RANK);
    CHECK(operand_strides(rank, dims, x_rank, x_dims, xs) &&
              operand_strides(rank, dims, y_rank, y_dims, ys),
          STATUS_SHAPE, "an operand does not broadcast to the shape of the result");
    memset(a, 0, sizeof *a);
    a->op = op;
    for (int d = 0; d < rank; d++) {
        if (dims[d] == 1) continue;
        const int p = a->rank - 1;
        /* The outer dimension continues this one in both operands: they are one dimension. */
        if (a->rank && a->x_stride[p] == xs[d] * dims[d] && a->y_stride[p] == ys[d] * dims[d]) {
            a->dim[p] *= dims[d];
            a->x_stride[p] = xs[d];
            a->y_stride[p] = ys[d];
            continue;
        }
        a->dim[a->rank] = dims[d];
        a->x_stride[a->rank] = xs[d];
        a->y_stride[a->rank] = ys[d];
        a->rank++;
    }
    if (!a->rank) {
        a->rank = 1;
        a->dim[0] = a->x_stride[0] = a->y_stride[0] = 1;
    }
    a->n_rows = 1;
    for (int d = 0; d < a->rank - 1; d++) a->n_rows *= a->dim[d];
    return STATUS_OK;
}
