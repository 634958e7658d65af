/* SPDX-License-Identifier: Apache-2.0 */
/* Rounding of quantised values, the same in reference and fast kernels. */
#ifndef PK_OPS_QUANT_H
#define PK_OPS_QUANT_H

#include <math.h>

#include "base/dtype.h"

/* Smallest and largest value of an integer type of at most 32 bits. */
static inline void int_range(enum dtype t, double *low, double *high) {
    switch (t) {
    case DT_I8: *low = -128; *high = 127; break;
    case DT_I16: *low = -32768; *high = 32767; break;
    case DT_U16: *low = 0; *high = 65535; break;
    case DT_I32: *low = -2147483648.0; *high = 2147483647; break;
    default: *low = 0; *high = 255; break;
    }
}

/* Half to even, then the zero point, then saturation; NaN becomes the zero point. */
static inline double quantize(double x, double zero_point, enum dtype t) {
    double low, high;
    int_range(t, &low, &high);
    x = (x == x ? nearbyint(x) : 0) + zero_point;
    return x < low ? low : x > high ? high : x;
}

#endif
