/* SPDX-License-Identifier: Apache-2.0 */
/* The table of one instruction set: a pointer to each family's table. */
#include "kernels/kernels.h"
#include "kernels/simd.h"

#define FAMILY(family) extern const struct family##_kernels K(family);
#include "kernels/families.def"
#undef FAMILY

extern const struct kernels K(kernels);

#define STRING_(x) #x
#define STRING(x) STRING_(x)
enum {
#define ISA(isa, id, lanes) id_##isa = id,
#include "kernels/isa.def"
#undef ISA
};

const struct kernels K(kernels) = {
    .name = STRING(ISA_NAME),
    .isa = (enum isa)CONCAT(id_, ISA_NAME),
    .vl = VL,
#define FAMILY(family) .family = &K(family),
#include "kernels/families.def"
#undef FAMILY
};
