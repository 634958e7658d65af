/* SPDX-License-Identifier: Apache-2.0 */
/*
 * AIPP by rows: bytes of a picture to rows of floats, bit for bit what the reference in ops/aipp.c
 * makes. Everything between lies in scratch of a few rows: the picture is read once and the tensor
 * written once.
 */
#ifndef PK_KERNELS_AIPP_H
#define PK_KERNELS_AIPP_H

#include <stddef.h>
#include <stdint.h>

#include "base/aipp.h"

struct aipp_kernels {
    /* Rows [begin, end) of the picture made, in planes of `plane` floats that begin at dst. */
    void (*rows)(const struct aipp *a, const uint8_t *src, float *dst, int64_t plane, int begin,
                 int end, void *scratch);
};

/* For any parameters, as those of dynamic AIPP come late. */
enum { AIPP_ROW_BYTES = AIPP_MAX_SIZE + 64 };
static inline size_t aipp_scratch_bytes(void) {
    /* Colours of two rows, three tables of the axis, and a row weighted along y. */
    return (size_t)AIPP_ROW_BYTES * (2 * 4 + 4 * sizeof(int32_t));
}

#endif
