/* SPDX-License-Identifier: Apache-2.0 */
/* What a machine can do at best, measured: what the rates of kernels are held against. */
#ifndef PK_KERNELS_LIMITS_H
#define PK_KERNELS_LIMITS_H

#include "base/cpu.h"

/* GFLOP/s of one thread in a loop of nothing but fused multiply-adds; takes some milliseconds. */
double limits_fma_gflops(enum isa isa);
/* GB/s of one thread that reads a buffer no cache holds; 0 without memory for it. */
double limits_memory_gbs(void);

#endif
