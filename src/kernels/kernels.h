/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of kernels of one instruction set.
 *
 * Kernels are pure functions over memory: no allocation, no failure, no state. What can go wrong
 * is decided while planning (conv_plan() and its like), which picks functions from this table.
 * Blocked tensors are [N][ceil(C/vl)][H][W][vl]; lanes beyond C must hold finite numbers.
 */
#ifndef PK_KERNELS_KERNELS_H
#define PK_KERNELS_KERNELS_H

#include "base/cpu.h"

#define FAMILY(family) struct family##_kernels;
#include "kernels/families.def"
#undef FAMILY

struct kernels {
    const char *name; /* of the instruction set, as PRUSIK_ISA spells it */
    enum isa isa;
    int vl; /* floats in a vector, and channels in a block of a blocked tensor */
#define FAMILY(family) const struct family##_kernels *family;
#include "kernels/families.def"
#undef FAMILY
};

/* NULL when this build or this CPU does not have the instruction set. */
const struct kernels *kernels_for(enum isa isa);

#endif
