/* SPDX-License-Identifier: Apache-2.0 */
/* Finds the table that an instruction set's objects export. */
#include "kernels/kernels.h"

#include <stddef.h>

#define ISA(isa, id, lanes) extern const struct kernels kernels__##isa;
#include "kernels/isa.def"
#undef ISA

static const struct kernels *const tables[ISA_COUNT] = {
#define ISA(isa, id, lanes) [id] = &kernels__##isa,
#include "kernels/isa.def"
#undef ISA
};

const struct kernels *kernels_for(enum isa isa) {
    if ((unsigned)isa >= ISA_COUNT || !isa_supported(isa)) return NULL;
    return tables[isa];
}
