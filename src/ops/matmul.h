/* SPDX-License-Identifier: Apache-2.0 */
/* What MatMul and its quantised forms share: the NumPy rules for shapes of products. */
#ifndef PK_OPS_MATMUL_H
#define PK_OPS_MATMUL_H

#include "ops/op.h"

/* Y = A B with batch dimensions broadcast; a vector on either side counts as a matrix whose added
 * dimension is dropped again. */
struct matmul {
    int64_t m, n, k;    /* -1 unknown */
    struct shape batch; /* of the result; rank 0 without batch dimensions */
    struct shape a_batch, b_batch;
    struct shape out;
};

/* a and b: the shapes of the two factors, ranks known. */
enum status matmul_init(const struct op_call *c, const struct shape *a, const struct shape *b,
                        struct matmul *out);
int64_t matmul_macs(const struct matmul *v);

#endif
