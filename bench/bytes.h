/* SPDX-License-Identifier: Apache-2.0 */
/* The part of opcheck that times kernels bound by memory. */
#ifndef PK_BENCH_BYTES_H
#define PK_BENCH_BYTES_H

#include "kernels/kernels.h"

/* Prints time and GB/s (read and written) of each case whose name contains `filter`. */
void bench_bytes(const struct kernels *k, const char *filter);

#endif
