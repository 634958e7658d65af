/* SPDX-License-Identifier: Apache-2.0 */
/*
 * AIPP by rows: bytes of a picture to rows of floats, bit for bit what the reference in ops/aipp.c
 * makes. Everything between lies in scratch of a few rows: the picture is read once, and a row goes
 * where the caller wants it, to the tensor or to the cache for a convolution that reads it there.
 */
#ifndef PK_KERNELS_AIPP_H
#define PK_KERNELS_AIPP_H

#include <stddef.h>
#include <stdint.h>

#include "base/aipp.h"

struct aipp_kernels {
    /* A picture to make rows of. `work` is aipp_scratch_bytes() of memory, 64-byte aligned, in use
     * as long as rows are made; `a` is copied. */
    void (*start)(void *work, const struct aipp *a, const uint8_t *src);
    /* Row y of the picture made: of each channel one row, `plane` floats apart, from dst on. With
     * resizing, rows that follow each other cost least. */
    void (*row)(void *work, int y, float *dst, int64_t plane);
};

/* For any parameters, as those of dynamic AIPP come late. */
enum { AIPP_ROW_BYTES = AIPP_MAX_SIZE + 64, AIPP_STATE_BYTES = 2048 };
static inline size_t aipp_scratch_bytes(void) {
    /* Colours of two rows, three tables of the axis, and a row weighted along y. */
    return AIPP_STATE_BYTES + (size_t)AIPP_ROW_BYTES * (2 * 4 + 4 * sizeof(int32_t));
}

#endif
